"""The real server, watched over by real programs: by a port and by a Unix socket, with what is hostile, while it is full, and until it has ended."""

import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from processes import TIMEOUT, ServerProcess, running_server

LISTENER = "[metrics]\nlisten = {listen!r}\n"


@contextmanager
def watched(tmp_path: Path, listen: str = "127.0.0.1:0", settings: str = "") -> Iterator[tuple[ServerProcess, str]]:
    """A server, and where it is watched over."""
    config = tmp_path / "chat.toml"
    config.write_text(LISTENER.format(listen=listen) + settings)
    with running_server("--config", str(config), data=tmp_path / "data") as server:
        (where,) = [line for line in server.log if "metrics and health: " in line]
        yield server, where.split()[-1].removeprefix("http://").removesuffix("/metrics")


def connected(where: str) -> socket.socket:
    if where.startswith("/"):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(TIMEOUT)
        connection.connect(where)
        return connection
    host, _, port = where.rpartition(":")
    return socket.create_connection((host, int(port)), TIMEOUT)


def fetched(where: str, path: str) -> tuple[int, str]:
    with closing(connected(where)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n".encode())
        answer = b""
        while data := connection.recv(65536):
            answer += data
    head, _, body = answer.decode().partition("\r\n\r\n")
    return int(head.split()[1]), body


def value(where: str, name: str) -> float:
    families = text_string_to_metric_families(fetched(where, "/metrics")[1])
    (found,) = [sample.value for family in families for sample in family.samples if sample.name == name]
    return float(found)


def asked(command: str, *flags: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "chat_server", command, *flags],
        capture_output=True,
        check=False,
        text=True,
        timeout=TIMEOUT,
    )
    return done.returncode, (done.stdout + done.stderr).strip()


def test_a_port_answers_three_paths_and_the_callers_port_none(tmp_path: Path) -> None:
    with watched(tmp_path) as (server, where):
        status, body = fetched(where, "/metrics")
        assert status == 200
        assert "chat_build_info" in {family.name for family in text_string_to_metric_families(body)}
        assert fetched(where, "/healthz") == (200, "ok\n")
        assert fetched(where, "/readyz") == (200, "ok\n")
        assert fetched(where, "/")[0] == 404
        assert fetched(f"127.0.0.1:{server.port}", "/metrics")[0] == 400
        until = time.monotonic() + TIMEOUT
        while "chat_canary_seconds " not in fetched(where, "/metrics")[1] and time.monotonic() < until:
            time.sleep(0.2)
        assert 0 < value(where, "chat_canary_seconds") < 10
        assert fetched(where, "/healthz") == (200, "ok\n")


def test_a_unix_socket_is_for_its_owner_and_group_and_a_dead_one_is_in_nobodys_way(tmp_path: Path) -> None:
    path = tmp_path / "metrics.sock"
    for _ in range(2):
        with watched(tmp_path, str(path)) as (server, where):
            assert where == str(path)
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
            assert fetched(where, "/healthz") == (200, "ok\n")
            server.kill()
        assert path.exists()


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "", "unix"])
def test_the_commands_say_how_it_is_by_their_exit_codes(tmp_path: Path, listen: str) -> None:
    path = str(tmp_path / "metrics.sock")
    data = ("--data", str(tmp_path / "data"))
    flags = ("--config", str(tmp_path / "chat.toml"), *data) if listen == "unix" else data
    with watched(tmp_path, path if listen == "unix" else listen or "127.0.0.1:0"):
        assert asked("health", *flags) == (0, "all is well")
        assert asked("ready", *flags) == (0, "callers are let in")
    code, why = asked("health", *flags)
    assert code == 1
    assert why.startswith("chat-server: no server ")


def test_settings_that_would_show_figures_to_others_do_not_start(tmp_path: Path) -> None:
    config = tmp_path / "chat.toml"
    config.write_text(LISTENER.format(listen="0.0.0.0:9464"))
    code, why = asked("--check-config", "--config", str(config))
    assert code == 2
    assert "expected an address of this machine alone" in why


def test_an_address_that_somebody_has_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = tmp_path / "chat.toml"
        config.write_text(LISTENER.format(listen=f"127.0.0.1:{taken.getsockname()[1]}"))
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "chat_server",
                "--config",
                str(config),
                "--data",
                str(tmp_path / "data"),
                "--port",
                "0",
            ],
            capture_output=True,
            check=False,
            text=True,
            timeout=TIMEOUT,
        )
    assert done.returncode == 2
    assert "([metrics] listen): Address already in use" in done.stderr


def test_hostile_ones_keep_nobody_from_watching_nor_from_talking(tmp_path: Path) -> None:
    with watched(tmp_path) as (server, where):
        silent = [connected(where) for _ in range(200)]
        for connection in silent[:100]:
            connection.sendall(b"GET /metrics HTT")
        noisy = [connected(where) for _ in range(20)]
        for connection in noisy:
            with closing(connection), suppress(OSError):  # it has been answered, and was closed
                connection.sendall(os.urandom(100_000))
        with closing(socket.create_connection(("127.0.0.1", server.port), TIMEOUT)) as caller:
            caller.sendall(b"/login ann\n")
            received = b""
            while b"Welcome" not in received:
                received += caller.recv(65536)
        until = time.monotonic() + TIMEOUT
        found = (0, "")
        while found != (200, "ok\n") and time.monotonic() < until:  # those that said nothing are let go after 5 s
            try:
                found = fetched(where, "/healthz")
            except (OSError, IndexError):
                time.sleep(0.2)
        assert found == (200, "ok\n")
        for connection in silent:
            connection.close()
        server.stop()
        assert not [line for line in server.log if "Traceback" in line]


def test_it_is_answered_while_the_server_is_full_and_while_it_stops(tmp_path: Path) -> None:
    settings = (
        "[limits]\nconnections = 1\nmessages_per_second = 0\nrequests_per_address = 0\n[server]\nstop_seconds = 20\n"
    )
    with watched(tmp_path, settings=settings) as (server, where):
        with closing(socket.socket()) as stuck:
            stuck.setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVBUF, 4096
            )  # else megabytes fit, which takes long where much is to be done
            stuck.settimeout(TIMEOUT)
            stuck.connect(("127.0.0.1", server.port))
            stuck.sendall(b"/login ann\n/join python\n")
            received = b""
            while b"You are in python" not in received:
                received += stuck.recv(65536)
            assert value(where, "chat_connections") == 1
            with closing(socket.create_connection(("127.0.0.1", server.port), TIMEOUT)) as other:
                assert b"full" in other.recv(65536)
            assert fetched(where, "/readyz")[0] == 200
            stuck.setblocking(False)
            until = time.monotonic() + TIMEOUT
            while not value(where, "chat_waiting_bytes"):  # it reads nothing of that, so that the stop takes a while
                assert time.monotonic() < until
                with suppress(BlockingIOError):
                    stuck.send(b"/help\n" * 100)
            server.signal(signal.SIGTERM)
            until = time.monotonic() + TIMEOUT
            while (found := fetched(where, "/readyz"))[0] == 200 and time.monotonic() < until:
                time.sleep(0.05)
            assert found == (503, "it is stopping\n")
            assert fetched(where, "/healthz") == (200, "ok\n")
        assert server.stop() in {0, 1}
        with pytest.raises(OSError, match="refused"):
            connected(where)


@pytest.mark.slow
def test_a_journal_that_cannot_be_written_to_is_not_well_until_it_can(tmp_path: Path) -> None:
    with watched(tmp_path) as (_, where), closing(sqlite3.connect(tmp_path / "data" / "journal.db")) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        until = time.monotonic() + TIMEOUT
        while (found := fetched(where, "/healthz"))[0] == 200 and time.monotonic() < until:
            time.sleep(0.2)
        assert found[0] == 503
        assert "stored and shown" in found[1]
        code, why = asked("health", "--data", str(tmp_path / "data"))
        assert code == 1
        assert "stored and shown" in why
        assert fetched(where, "/readyz") == (200, "ok\n")
        other.execute("ROLLBACK")
        until = time.monotonic() + TIMEOUT
        while (found := fetched(where, "/healthz"))[0] != 200 and time.monotonic() < until:
            time.sleep(0.2)
        assert found == (200, "ok\n")
        assert value(where, "chat_canary_failures_total") >= 0


def test_a_server_that_does_not_go_on_is_not_well(tmp_path: Path) -> None:
    with watched(tmp_path) as (server, _):
        os.kill(server.pid, signal.SIGSTOP)
        try:
            code, why = asked("health", "--data", str(tmp_path / "data"))
        finally:
            os.kill(server.pid, signal.SIGCONT)
        assert (code, why) == (1, "chat-server: the server has not answered for 5 seconds")


def listening_at(*paths: str) -> list[str]:
    """Of these paths, those where any process has a socket that listens."""
    rows = [row.split() for row in Path("/proc/net/unix").read_text().splitlines()]
    return [row[-1] for row in rows if row[-1] in paths and row[3] == "00010000"]


def answers(path: str) -> bool:
    """Whether anybody is reached there."""
    with socket.socket(socket.AF_UNIX) as asking:
        return asking.connect_ex(path) == 0


def reload(tmp_path: Path, listen: str, settings: str = "") -> tuple[int, str]:
    """Have the server be watched over elsewhere; the exit code, and what is said."""
    (tmp_path / "chat.toml").write_text(LISTENER.format(listen=listen) + settings)
    done = subprocess.run(
        [sys.executable, "-m", "chat_server", "admin", "reload", "--data", str(tmp_path / "data")],
        capture_output=True,
        check=False,
        text=True,
        timeout=TIMEOUT,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_reload_opens_another_place_then_closes_the_one_before_and_a_restart_has_it(tmp_path: Path) -> None:
    path, other = str(tmp_path / "metrics"), str(tmp_path / "other")
    with running_server("--config", str(quiet(tmp_path)), data=tmp_path / "data") as server:
        assert reload(tmp_path, path) == (0, "changed: metrics.listen\n")
        server.wait_for_log(f"metrics and health: {path}")
        assert fetched(path, "/healthz") == (200, "ok\n")
        assert value(path, "chat_loop_lateness_seconds_count") >= 0
        assert reload(tmp_path, other)[0] == 0
        server.wait_for_log(f"metrics and health: {other}")
        assert fetched(other, "/readyz") == (200, "ok\n")
        assert not answers(path)
        flags = ("--replace", "--port", str(server.port), "--config", str(tmp_path / "chat.toml"))
        with running_server(*flags, data=tmp_path / "data") as successor:
            assert fetched(other, "/readyz") == (200, "ok\n")
            for listen in [path, other] * 5:
                assert reload(tmp_path, listen)[0] == 0
                successor.wait_for_log(f"metrics and health: {listen}")
            deadline = time.monotonic() + TIMEOUT
            while (left := listening_at(path, other)) != [other]:
                assert time.monotonic() < deadline, left
                time.sleep(0.01)
            assert reload(tmp_path, "") == (0, "changed: metrics.listen\n")
            while answers(other):
                assert time.monotonic() < deadline
            assert successor.stop() == 0


def quiet(tmp_path: Path) -> Path:
    """Settings by which nobody watches over the server."""
    (tmp_path / "chat.toml").write_text(LISTENER.format(listen=""))
    return tmp_path / "chat.toml"


def test_a_place_that_is_taken_changes_nothing_and_one_that_another_mistake_leaves_unused_is_closed(
    tmp_path: Path,
) -> None:
    with watched(tmp_path) as (server, where), socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = reload(tmp_path, f"127.0.0.1:{port}")
        assert code == 2
        assert f"the configuration stays as it was: cannot listen on 127.0.0.1:{port} ([metrics] listen)" in said
        assert fetched(where, "/readyz") == (200, "ok\n")
        free = f"{tmp_path}/free"
        with sqlite3.connect(tmp_path / "data" / "journal.db", isolation_level=None) as database:
            database.execute("BEGIN IMMEDIATE")  # a room cannot be made meanwhile: the last thing that a reload does
            code, said = reload(tmp_path, free, "[rooms]\nnames = ['tea']\n")
            database.execute("ROLLBACK")
        database.close()
        assert code == 2, said
        assert "a room cannot be made" in said
        assert not answers(free)
        assert fetched(where, "/readyz") == (200, "ok\n")
        assert reload(tmp_path, free)[0] == 0
        assert fetched(free, "/readyz") == (200, "ok\n")
        assert server.stop() == 0
