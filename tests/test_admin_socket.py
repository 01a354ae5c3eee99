"""Operators at a real server, by a real socket: who can connect at all, what is left and what is found, and what the command says."""

import json
import os
import pty
import re
import signal
import socket
import stat
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import canary
from chat_server.server.admin import CONNECTIONS_MAX
from chat_server.server.admin_socket import NoWayIn, connect_to, open_admin_socket, place_in
from processes import TIMEOUT, ServerProcess, running_server

PASSWORD = canary.PASSWORD


def admin(data: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as somebody types it."""
    return subprocess.run(
        [sys.executable, "-m", "chat_server", "admin", *words, "--data", str(data)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
        env=os.environ | environment,
    )


def said(data: Path, *words: str) -> str:
    done = admin(data, *words)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def refused(data: Path, *words: str, **environment: str) -> str:
    done = admin(data, *words, **environment)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert done.stderr.startswith("chat-server: ")
    assert done.stderr.count("\n") == 1, "one sentence"
    return done.stderr


@contextmanager
def caller(server: ServerProcess, *lines: str) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall("".join(f"{line}\n" for line in lines).encode())
        yield connection


def read_until(connection: socket.socket, text: str) -> str:
    connection.settimeout(TIMEOUT)
    received = b""
    while text.encode() not in received:
        data = connection.recv(65536)
        assert data, f"{text!r} did not come: {received!r}"
        received += data
    return received.decode()


@pytest.fixture(autouse=True)
def no_runtime_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)


# The command.


def test_an_operator_lists_who_is_connected_removes_somebody_and_looks_at_rooms_figures_and_the_log(
    tmp_path: Path,
) -> None:
    with (
        running_server(data=tmp_path) as server,
        caller(server, "/login 小明", "/join python", "hi", "/topic x") as ming,
    ):
        read_until(ming, "x")
        rows = said(tmp_path, "who").splitlines()
        assert rows[0].split() == ["NAME", "BY", "FROM", "FOR", "WAITING", "ROOMS"]
        assert rows[1].split()[:3] == ["小明", "nc", "127.0.0.1"]
        assert rows[1].index("nc") == rows[0].index("BY") - 2, "as wide as it is drawn"
        (one,) = map(json.loads, said(tmp_path, "who", "--json").splitlines())
        assert json.loads(said(tmp_path, "--json", "who"))["nick"] == one["nick"], "the flag may come first"
        assert (one["is"], one["nick"], one["rooms"]) == ("connected", "小明", ["python"])
        assert said(tmp_path, "rooms").splitlines()[1].split() == ["#1", "python", "1", "2", "x"]
        figures = dict(line.split(maxsplit=1) for line in said(tmp_path, "stats").splitlines())
        assert figures["lines"] == "2 stored since the start"
        assert figures["people"] == "1 (at terminals: 1, by programs: 0)"
        assert "at the median" in figures["commits"]
        assert said(tmp_path, "log-level") == "normal: the log has no single callers\n"
        assert said(tmp_path, "log-level", "verbose").startswith("verbose: ")
        assert said(tmp_path, "kick", "小明", "no", "ads") == "小明 is removed (1 connection)\n"
        read_until(ming, "An operator has ended your connection: no ads. Goodbye.")
        assert "nobody here is called 小明" in refused(tmp_path, "kick", "小明")
        assert said(tmp_path, "who") == "none\n"
        assert server.stop() == 0
        assert any("a caller went" in line for line in server.log)
    assert not list((tmp_path / "admin").iterdir()), "an orderly stop leaves nothing"


def code_in(shown: str) -> str:
    """The code in what the command has said."""
    found = re.search(r"/(?:register|login) \S+ (\w{4}-\w{4})", shown)
    assert found
    return found[1]


def test_the_first_owner_comes_in_by_the_operators_code_however_often_the_server_is_killed(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[accounts]\nregistration = "invite"\n')
    data = tmp_path / "data"
    with running_server("--config", str(config), data=data) as server:
        first, second, third = said(data, "owner", "Ann").splitlines()
        assert re.fullmatch(r"Ann types this, within 60 minutes and once: /register Ann \w{4}-\w{4}", first)
        assert "asks for a password" in second
        assert "/code invite" in third
        server.stop(signal.SIGKILL)  # what has been said is stored
    with running_server("--config", str(config), data=data) as server:
        with caller(server, "/register bob") as bob:
            read_until(bob, "Whoever makes an account here is invited: ask for a code, then /register bob CODE.")
        with caller(server, f"/register ann {code_in(first)}", PASSWORD, PASSWORD) as ann:
            read_until(ann, "You are an owner of this server now.")
            server.stop(signal.SIGKILL)
    with running_server("--config", str(config), data=data) as server:
        rows = said(data, "accounts").splitlines()
        assert rows[0].split() == ["NAME", "ROLE", "STATE", "MADE", "LAST", "SEEN"]
        assert rows[1].split()[:3] == ["ann", "owner", "active"]
        (one,) = map(json.loads, said(data, "accounts", "--json").splitlines())
        assert (one["is"], one["nick"], one["role"]) == ("account-listed", "ann", "owner")
        with caller(server, "/login ann", PASSWORD, "/code invite", "/logout") as ann:
            invitation = code_in(read_until(ann, "Goodbye"))
        with caller(server, f"/register bob {invitation}", PASSWORD, PASSWORD) as bob:
            read_until(bob, "bob is your account now")
        assert "invited by ann" in said(data, "accounts", "bob")
        assert "ann is an owner already" in refused(data, "owner", "ann")


def test_whoever_has_forgotten_the_password_comes_in_by_the_operators_code(tmp_path: Path) -> None:
    with running_server(data=tmp_path) as server:
        with caller(server, "/register ann", PASSWORD, PASSWORD) as ann:
            read_until(ann, "ann is your account now")
        shown = said(tmp_path, "code", "ann")
        assert "/password: a new password without the old one" in shown
        server.stop(signal.SIGKILL)
    with running_server(data=tmp_path) as server:
        with caller(server, f"/login ann {code_in(shown)}", "/password", PASSWORD + "x", PASSWORD + "x") as ann:
            read_until(ann, "Your password is changed.")
        with caller(server, f"/login ann {code_in(shown)}") as ann:
            read_until(ann, "That code is wrong, has been used, or is too old.")
        with caller(server, "/login ann", PASSWORD) as ann:
            read_until(ann, "Wrong name or password.")
        with caller(server, "/login ann", PASSWORD + "x") as ann:
            read_until(ann, "Welcome, ann.")
        server.stop()
        assert code_in(shown) not in "".join(server.log)


def test_an_operator_looks_at_an_account_drops_its_devices_and_ends_it(tmp_path: Path) -> None:
    register = json.dumps({"do": "register", "nick": "ann", "password": PASSWORD})
    with running_server(data=tmp_path) as server:
        assert said(tmp_path, "accounts") == "none\n"
        with caller(server, register, '{"do":"join","room":"python"}') as ann:
            read_until(ann, "entered")
            assert re.search(r"let in by +a password, 1 device, 2 recovery codes", said(tmp_path, "accounts", "ann"))
            assert said(tmp_path, "devices", "ann").splitlines()[1].split()[:3] == ["1", "program", "device"]
            assert "ann has no device 2" in refused(tmp_path, "devices", "ann", "drop", "2")
            for which in ((), ("x",), ("0",), ("9" * 5000,)):
                assert "say which one" in refused(tmp_path, "devices", "ann", "drop", *which)
            assert said(tmp_path, "devices", "ann", "drop", "#1").startswith(
                "1 device of ann dropped (1 connection ended)"
            )
            read_until(ann, "dropped-by-operator")
        assert said(tmp_path, "devices", "ann") == "none\n"
        assert said(tmp_path, "devices", "ann", "drop", "all").startswith(
            "0 devices of ann dropped (0 connections ended)"
        )
        assert "ann is not about to end" in refused(tmp_path, "accounts", "ann", "restore")
        assert "say --yes" in refused(tmp_path, "accounts", "ann", "erase")
        assert "nobody has an account called bob" in refused(tmp_path, "accounts", "bob", "erase")
        assert _typed_at_terminal(tmp_path, "ann", "accounts", "ann", "anonymise").startswith(
            "ann is closed for good (0 connections ended): its lines stand under deleted-"
        )
        assert _typed_at_terminal(tmp_path, "no", "rooms", "delete", "python") == "nothing was deleted\n"
        name = said(tmp_path, "accounts").split()[6]
        assert "closed for good (anonymise)" in said(tmp_path, "accounts", name)
        assert "is closed, and cannot be used again" in refused(tmp_path, "accounts", name, "close", "--yes")


def _typed_at_terminal(data: Path, answer: str, *words: str) -> str:
    """What the command writes when somebody at a terminal types this."""
    command, terminal = pty.openpty()
    os.write(command, f"{answer}\n".encode())
    try:
        done = subprocess.run(
            [sys.executable, "-m", "chat_server", "admin", *words, "--data", str(data)],
            stdin=terminal,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    finally:
        os.close(terminal)
        os.close(command)
    assert "Type its name to go on:" in done.stderr
    return done.stdout


OWNER_WANTED = "to make somebody the owner, who invites others: chat-server admin owner NAME --data "


def test_a_start_ends_with_how_an_owner_is_made_until_there_is_one(tmp_path: Path) -> None:
    with running_server(data=tmp_path) as server:
        server.wait_for_log(OWNER_WANTED)
        assert any("the certificate of TLS is" in line for line in server.log), "it is the last that is said"
        with caller(server, f"/register ann {code_in(said(tmp_path, 'owner', 'ann'))}", PASSWORD, PASSWORD) as ann:
            read_until(ann, "You are an owner")
        server.stop()
        last = server.log[-1]
        assert last.endswith("stopped\n")
    with running_server(data=tmp_path) as server:
        server.wait_for_log("the certificate of TLS is")
        said(tmp_path, "stats")
        assert server.stop() == 0
        assert OWNER_WANTED not in "".join(server.log)


def test_no_owner_is_wanted_where_no_operator_can_come_in(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[journal]\nengine = "memory"\n')
    with running_server("--config", str(tmp_path / "config.toml"), data=tmp_path / "data") as server:
        server.wait_for_log("the certificate of TLS is")
        with caller(server, "/login ann") as ann:
            read_until(ann, "Welcome")
        assert server.stop() == 0
        assert OWNER_WANTED not in "".join(server.log)


def test_where_no_server_is_running_the_command_says_so(tmp_path: Path) -> None:
    assert "no server is running there" in refused(tmp_path, "who")
    assert "no server is running there" in refused(tmp_path / "nowhere", "who")
    assert not (tmp_path / "nowhere").exists()


def test_a_reason_that_is_too_long_is_said_to_be(tmp_path: Path) -> None:
    assert "at most 200 characters" in refused(tmp_path, "kick", "ann", "x" * 201)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"", "whether it was done is not known"),
        (b'{"is":"flown"}\n', "use the chat-server that it was started with"),
        (b"HTTP/1.0 400\r\n", "use the chat-server that it was started with"),
        (b'{"is":"not-done","why":"no\\u001b[2J","version":"9.9"}\n', "no\\x1b[2J (the server is 9.9, this is"),
    ],
)
def test_a_server_of_another_version_is_said_to_be_one(tmp_path: Path, answer: bytes, sentence: str) -> None:
    tmp_path.chmod(0o700)
    other = open_admin_socket(tmp_path)
    other.listener.setblocking(True)
    asking = subprocess.Popen(
        [sys.executable, "-m", "chat_server", "admin", "who", "--data", str(tmp_path)],
        stderr=subprocess.PIPE,
        text=True,
    )
    connection, _ = other.listener.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(answer)
    assert sentence in asking.communicate(timeout=TIMEOUT)[1]
    assert asking.returncode == 2
    other.close()


# Who can connect.


def test_the_socket_and_its_directory_are_for_their_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "admin").mkdir(mode=0o755)
    tmp_path.chmod(0o755)
    umask = os.umask(0)
    try:
        with running_server(data=tmp_path):
            assert stat.S_IMODE((tmp_path / "admin").stat().st_mode) == 0o700
            assert stat.S_IMODE(place_in(tmp_path).stat().st_mode) == 0o600
    finally:
        os.umask(umask)


root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")

NOBODY = 65534


@root_only
def test_another_user_cannot_connect_and_is_told_whose_the_server_is() -> None:
    with TemporaryDirectory() as folder:  # one that others may look into, unlike pytest's
        data = Path(folder)
        data.chmod(0o755)
        with running_server(data=data):
            assert _as_nobody(data) == "the server belongs to root: ask as that user, or as root"
            (data / "admin").chmod(0o777)
            place_in(data).chmod(0o666)
            assert _as_nobody(data, looks=False) == "only the server's own user and root may ask"


def _as_nobody(data: Path, *, looks: bool = True) -> str:
    """What somebody else is told who asks, if they look whose the directory is, or do not."""
    reading, writing = os.pipe()

    def ask() -> None:
        try:
            if looks:
                connect_to(data)
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(TIMEOUT)
                connection.connect(str(place_in(data)))
                os.write(writing, json.loads(connection.makefile().readline())["why"].encode())
        except NoWayIn as error:
            os.write(writing, str(error).encode())

    child = forked_as_nobody(ask)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as told:
        return told.read()


def forked_as_nobody(act: Callable[[], object]) -> int:
    """A fork that does this as somebody else, and ends, whatever comes of it."""
    if (child := os.fork()) == 0:
        try:
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            act()
        finally:  # of a failure too: pytest must not go on in here
            if sys.exc_info()[1] is not None:
                traceback.print_exc()
            os._exit(0)
    return child


@root_only
def test_root_may_ask_a_server_of_another_user(tmp_path: Path) -> None:
    with TemporaryDirectory() as folder:
        data = Path(folder)
        os.chown(data, NOBODY, NOBODY)
        data.chmod(0o700)

        def serve() -> None:
            listener = open_admin_socket(data).listener
            listener.settimeout(TIMEOUT)
            with listener.accept()[0] as connection:
                connection.recv(4096)
                connection.sendall(b'{"is":"done"}\n')

        child = forked_as_nobody(serve)
        while not place_in(data).exists():
            time.sleep(0.01)
        assert said(data, "who") == "none\n"
        os.waitpid(child, 0)


@root_only
def test_a_directory_that_somebody_else_has_made_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "admin").mkdir()
    os.chown(tmp_path / "admin", NOBODY, NOBODY)
    with running_server(data=tmp_path, is_forked=False) as server:
        assert "no directory of this user's: move it away" in "".join(server.log)


def test_a_directory_that_is_a_link_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "admin").symlink_to(tmp_path)
    with pytest.raises(NoWayIn, match="move it away"):
        open_admin_socket(tmp_path)


@root_only
def test_the_command_does_not_speak_to_a_socket_that_somebody_else_has_put_there() -> None:
    with TemporaryDirectory() as folder:
        data = Path(folder)
        (data / "admin").mkdir()
        data.chmod(0o755)
        (data / "admin").chmod(0o777)

        def serve() -> None:
            with socket.socket(socket.AF_UNIX) as listener:
                listener.settimeout(TIMEOUT)
                listener.bind(str(place_in(data)))
                listener.listen()
                listener.accept()[0].recv(1)

        child = forked_as_nobody(serve)
        while not place_in(data).exists():
            time.sleep(0.01)
        time.sleep(0.1)
        with pytest.raises(NoWayIn, match="is not the server's: it belongs to nobody"):
            connect_to(data)
        os.waitpid(child, 0)


# What is left, and what is found.


def test_what_a_killed_server_has_left_does_not_keep_the_next_one_from_listening(tmp_path: Path) -> None:
    with running_server(data=tmp_path) as server:
        server.stop(signal.SIGKILL)
    assert place_in(tmp_path).exists()
    assert "no server is running there" in refused(tmp_path, "who")
    with running_server(data=tmp_path):
        assert said(tmp_path, "who") == "none\n"


def test_a_socket_on_which_somebody_listens_is_left_alone(tmp_path: Path) -> None:
    first = open_admin_socket(tmp_path)
    with pytest.raises(NoWayIn, match="another server's"):
        open_admin_socket(tmp_path)
    with ExitStack() as opened, suppress(BlockingIOError):  # also when it has not accepted anybody for long
        for _ in range(100):
            waiting = opened.enter_context(socket.socket(socket.AF_UNIX))
            waiting.setblocking(False)
            waiting.connect(str(first.path))
    with pytest.raises(NoWayIn, match="another server's"):
        open_admin_socket(tmp_path)
    first.close()
    open_admin_socket(tmp_path).close()


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "admin").mkdir()
    place_in(tmp_path).write_text("mine")
    with pytest.raises(NoWayIn, match="no socket: move it away"):
        open_admin_socket(tmp_path)
    assert place_in(tmp_path).read_text() == "mine"


def test_a_socket_that_was_put_in_the_place_of_ours_is_left_alone(tmp_path: Path) -> None:
    first = open_admin_socket(tmp_path)
    first.path.unlink()
    second = open_admin_socket(tmp_path)
    first.close()
    assert second.path.exists()
    second.close()
    assert not second.path.exists()


def test_a_path_that_is_too_long_is_said_and_the_server_runs_all_the_same(tmp_path: Path) -> None:
    data = tmp_path / ("x" * 100)
    with running_server(data=data) as server, caller(server, "/login ann") as ann:
        read_until(ann, "Welcome")
        assert "longer than the path of a Unix socket may be (107 bytes)" in "".join(server.log)
        assert "longer than the path of a Unix socket may be" in refused(data, "who")
        assert server.stop() == 0


def test_a_server_of_systemds_listens_in_its_runtime_directory_and_is_found_by_its_data_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / ("x" * 100)
    with TemporaryDirectory() as runtime:
        monkeypatch.setenv("RUNTIME_DIRECTORY", f"{runtime}:/nowhere")
        with running_server(data=data, is_forked=False) as server:
            monkeypatch.delenv("RUNTIME_DIRECTORY")
            assert stat.S_IMODE((Path(runtime) / "admin").stat().st_mode) == 0o700
            assert said(data, "who") == "none\n"
            assert server.stop() == 0
        assert not list((Path(runtime) / "admin").iterdir())
        assert not list((data / "admin").iterdir())
        monkeypatch.setenv("RUNTIME_DIRECTORY", runtime)
        killed = open_admin_socket(data)
        killed.listener.close()
        open_admin_socket(data).close()


def test_where_there_is_no_data_directory_a_runtime_directory_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NoWayIn, match="neither a data directory"):
        open_admin_socket(None)
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    opened = open_admin_socket(None)
    connect_to(None).close()
    opened.close()


def test_a_system_that_does_not_tell_who_connects_has_no_way_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(socket, "SO_PEERCRED")
    with pytest.raises(NoWayIn, match="does not tell who connects"):
        open_admin_socket(tmp_path)


# Floods.


def test_a_full_server_serves_its_operators(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[limits]\nconnections = 1\n")
    with (
        running_server("--config", str(config), data=tmp_path / "data") as server,
        caller(server, "/login ann") as ann,
        caller(server) as late,
    ):
        read_until(ann, "Welcome")
        read_until(late, "The server is full.")
        assert "ann" in said(tmp_path / "data", "who")


def test_the_command_waits_where_many_wait_to_be_accepted(tmp_path: Path) -> None:
    first = open_admin_socket(tmp_path)
    with ExitStack() as waiting, ThreadPoolExecutor() as others:
        with suppress(BlockingIOError):
            for _ in range(100):
                connection = waiting.enter_context(socket.socket(socket.AF_UNIX))
                connection.setblocking(False)
                connection.connect(str(first.path))
        asking = others.submit(connect_to, tmp_path)
        time.sleep(0.2)
        assert not asking.done()
        first.listener.accept()[0].close()
        asking.result(TIMEOUT).close()
    first.close()


def test_a_flood_of_connections_and_of_lines_without_end_holds_up_neither_people_nor_the_next_operator(
    tmp_path: Path,
) -> None:
    with (
        running_server(data=tmp_path) as server,
        caller(server, "/login ann", "/join python") as ann,
        ExitStack() as open_,
    ):
        read_until(ann, "Nobody else is here.")
        for number in range(300):
            connection = open_.enter_context(socket.socket(socket.AF_UNIX))
            connection.connect(str(place_in(tmp_path)))
            if number % 2:
                with suppress(OSError):  # it has been told that this is too much
                    connection.sendall(b"x" * 100_000)
        ann.sendall(b"/topic still here\n/topic\n")
        read_until(ann, "Topic of python: still here")
        open_.close()
        assert "ann" in said(tmp_path, "who")
        assert server.is_running
        assert server.stop() == 0
    assert CONNECTIONS_MAX < 300


# Rooms.


def test_rooms_of_a_running_server_are_renamed_and_deleted_and_the_next_start_has_them_so(tmp_path: Path) -> None:
    with running_server(data=tmp_path) as server, caller(server, "/login ann", "/join python", "abracadabra") as ann:
        read_until(ann, "Nobody else is here.")
        assert said(tmp_path, "rooms", "rename", "python", "snakes") == (
            "python is now snakes\n"
            "rooms.names in the configuration has python: the next start opens an empty room of that name\n"
        )
        read_until(ann, "* server renamed the room from python to snakes")
        ann.sendall(b"after\n/search abracadabra\n")
        read_until(ann, "ann: abracadabra")
        assert "there is a room pm already" in refused(tmp_path, "rooms", "rename", "snakes", "pm")
        assert "say --yes, or run the command at a terminal" in refused(tmp_path, "rooms", "delete", "snakes")
        assert said(tmp_path, "rooms", "rename", "#1", "cellar").startswith("snakes is now cellar\n")
        assert said(tmp_path, "rooms", "delete", "cellar", "--yes") == "cellar is deleted, with 4 lines\n"
        read_until(ann, "* cellar has been deleted.")
        assert not [path for path in tmp_path.iterdir() if path.is_file() and b"abracadabra" in path.read_bytes()]
        for words in (("delete", "cellar", "--yes"), ("rename", "cellar", "x")):
            missing = refused(tmp_path, "rooms", *words)
            assert "there is no room cellar; `chat-server admin rooms` shows the rooms" in missing
        offline = subprocess.run(
            [sys.executable, "-m", "chat_server", "rooms", "rename", "pm", "x", "--data", str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert offline.returncode == 2
        assert "`chat-server admin rooms rename` asks a server that is running" in offline.stderr
        assert server.stop() == 0
    with running_server(data=tmp_path):
        assert [row.split()[1] for row in said(tmp_path, "rooms").splitlines()[1:]] == ["write", "pm", "python"]


def test_chat_tui_line_by_line_goes_on_in_a_room_that_is_renamed_and_sends_what_waited(tmp_path: Path) -> None:
    data, state = tmp_path / "data", tmp_path / "state"
    with running_server(data=data) as server:
        flags = [
            *(f"127.0.0.1:{server.port}", "--plain", "--nick", "ann", "--state", str(state)),
            *("--room", "python", "--config", os.devnull),
        ]
        program = subprocess.Popen(
            [sys.executable, "-m", "chat_tui", *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write("before\n")
        while "stored as 1" not in program.stdout.readline():
            pass
        said(data, "rooms", "rename", "python", "snakes")
        while "python has a new name: snakes." not in program.stdout.readline():
            pass
        program.stdin.write("after\n")
        told = program.communicate(timeout=TIMEOUT)[0]
        assert program.returncode == 0
        assert "[snakes] stored as 3" in told, "the new name has a number too"
        assert "You have left" not in told
        # What was there when nobody was connected is found by the new name too, and what waited is sent.
        again = subprocess.run(
            [sys.executable, "-m", "chat_tui", *flags],
            input="third\n",
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert "[snakes] stored as 4" in again.stdout, again
        said(data, "rooms", "delete", "snakes", "--yes")
