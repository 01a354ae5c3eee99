"""A reload as whoever runs a server meets it: the real process, its file in every state, SIGHUP and the command, while people talk."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import trio

from chat_server.config_file import ConfigError
from chat_server.config_reading import READINGS_MAX, text_read_again
from processes import TIMEOUT, ServerProcess, running_server
from streams import Caller
from test_admin_socket import admin

GOOD = "[limits]\nrooms = {}\nmessages_per_second = 0\nconnections_per_address = 0\n"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[tuple[ServerProcess, Path, Path]]:
    """A server, its file and its data."""
    file, data = tmp_path / "chat.toml", tmp_path / "data"
    file.write_text(GOOD.format(1))
    with running_server("--config", str(file), data=data) as server:
        server.wait_for_log("the certificate of TLS is")
        yield server, file, data


def reloaded(data: Path) -> dict[str, object]:
    done = admin(data, "reload", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(done.stdout))


def test_it_says_what_has_changed_and_what_waits_for_a_restart_with_the_flags_on_top(
    house: tuple[ServerProcess, Path, Path],
) -> None:
    server, file, data = house
    port = server.port
    file.write_text(GOOD.format(2) + "[server]\nport = 7\nhost = '192.0.2.1'\n")
    done = admin(data, "reload")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "changed: limits.rooms\nchanged in the file, but waiting for a restart: server.host\n", (
        "the port was given by a flag, which counts more"
    )
    assert reloaded(data) == {"is": "config-reloaded", "generation": 3, "changed": [], "waiting": ["server.host"]}
    file.write_text(GOOD.format(2))
    assert admin(data, "reload").stdout == "read again; nothing has changed that is in use\n"
    socket.create_connection(("127.0.0.1", port)).close()


BAD = {
    "[limits]\nrooms = 'many'\n": "limits.rooms: expected a whole number, got text in quotes",
    "[limits\n": "not TOML",
    "[limits]\nnothing = 1\n": "limits.nothing: unknown key",
    "": "is empty",
    "\n\n": "is empty",
    "[tls]\ncertificate = '/nowhere/cert.pem'\n": "cannot read /nowhere/cert.pem",
    "[proxy]\ntrusted = ['proxy.example.org']\n": "names are not looked up",
}


def test_what_cannot_be_used_changes_nothing_and_is_told_to_whoever_asked_and_to_the_log(
    house: tuple[ServerProcess, Path, Path],
) -> None:
    server, file, data = house
    for text, why in BAD.items():
        file.write_text(text)
        done = admin(data, "reload")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("chat-server: the configuration stays as it was: ")
        assert why in done.stderr
        assert done.stderr.count("\n") == 1
        server.wait_for_log("error: the configuration stays as it was: the new one cannot be used")
        assert why in server.log[-1]
    file.unlink()
    assert "No such file" in admin(data, "reload").stderr
    os.mkfifo(file)
    assert "is not a file" in admin(data, "reload").stderr
    file.unlink()
    file.write_text(GOOD.format(2))
    assert reloaded(data)["generation"] == 2


def test_the_log_is_another_from_a_reload_on(house: tuple[ServerProcess, Path, Path]) -> None:
    server, file, data = house
    trusting = GOOD.format(1) + "[proxy]\ntrusted = ['127.0.0.1']\n"

    def come() -> None:
        with socket.create_connection(("127.0.0.1", server.port)) as caller:
            caller.sendall(b"PROXY TCP4 203.0.113.77 192.0.2.1 4000 5000\r\n")
            assert caller.recv(4096)

    for table, told in (
        ("verbose = true", "debug: a caller came address=203.0.113.77"),
        ("verbose = true\naddresses = 'short'", "debug: a caller came address=203.0.113.0/24"),
        (
            "verbose = true\naddresses = 'none'\nformat = 'json'",
            '{"address": "(address)", "event": "a caller came", "level": "debug"',
        ),
    ):
        file.write_text(f"{trusting}[log]\n{table}\n")
        reloaded(data)
        come()
        server.wait_for_log(told)
        server.wait_for_log("a caller went")
    file.write_text(trusting)
    reloaded(data)
    come()
    admin(data, "log-level", "verbose")
    reloaded(data)
    assert admin(data, "log-level").stdout.startswith("verbose"), (
        "what an operator has chosen is not what the file has changed"
    )
    assert server.stop() == 0
    assert "".join(server.log).count("a caller came") == 3


def test_of_many_reloads_at_once_each_is_answered(house: tuple[ServerProcess, Path, Path]) -> None:
    server, file, data = house
    file.write_text(GOOD.format(2))
    with ThreadPoolExecutor(4) as asking:
        answers = list(asking.map(reloaded, [data] * 4))
    assert sorted(answer["generation"] for answer in answers) == [2, 3, 4, 5]  # type: ignore[type-var]
    assert [answer["changed"] for answer in answers].count(["limits.rooms"]) == 1
    assert server.stop() == 0


def test_a_file_that_is_being_written_is_waited_for_and_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written while the reader waits that it stays as it is; each piece is a configuration of its own."""
    file = tmp_path / "chat.toml"
    file.write_text("[x0]\n")
    pieces = iter(range(1, READINGS_MAX))

    def write_on(_: float) -> None:
        for number in pieces:
            with file.open("a") as writing:
                writing.write(f"[x{number}]\n")
            return

    monkeypatch.setattr("chat_server.config_reading.time.sleep", write_on)
    assert text_read_again(file).count("\n") == READINGS_MAX
    pieces = iter(range(1000))
    with pytest.raises(ConfigError, match="is being changed"):
        text_read_again(file)
    assert next(pieces) == READINGS_MAX


def test_a_mistake_elsewhere_makes_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept here, so that copies cannot be made before a restart: that is known only once the file has been found good."""
    file, run, data = tmp_path / "chat.toml", tmp_path / "run", tmp_path / "data"
    run.mkdir(mode=0o700)
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(run))
    file.write_text("[journal]\nengine = 'memory'\n")
    with running_server("--config", str(file), data=data):
        file.write_text("[rooms]\nnames = ['python', 'tea']\n[backup]\nevery = '24h'\n")
        why = admin(data, "reload").stderr
        assert 'backup.every: expected engine = "sqlite"; of memory the server makes no copies' in why
        assert "another engine waits for a restart" in why
        assert "tea" not in admin(data, "rooms").stdout
        file.write_text("[rooms]\nnames = ['python', 'tea']\n")
        assert "rooms.names" in admin(data, "reload").stdout
        assert "tea" in admin(data, "rooms").stdout


SEVERAL = "[limits]\nrooms = 'many'\n[server]\nname = \"\\u001b[31mred\"\n[rooms]\nheld_words = ['free money']\n"
"""Several mistakes."""

TOLD = (
    "limits.rooms: expected a whole number, got text in quotes",
    "server.name: '\\x1b[31mred': expected text that can be shown on one line",
    "rooms.held_words: 'free money': expected one word",
)


def test_all_mistakes_of_a_file_are_told_a_line_each_by_a_reload_by_a_check_and_by_a_start(
    house: tuple[ServerProcess, Path, Path],
) -> None:
    server, file, data = house
    file.write_text(SEVERAL)
    done = admin(data, "reload")
    assert (done.returncode, done.stdout) == (2, "")
    first, *others = done.stderr.splitlines()
    prefix = "chat-server: the configuration stays as it was: "
    assert first.startswith(prefix)
    for line, why in zip(
        [first.removeprefix(prefix), *(one.removeprefix("chat-server: ") for one in others)], TOLD, strict=True
    ):
        assert line.startswith(f"{file}: {why}")
        server.wait_for_log("error: the configuration stays as it was: the new one cannot be used")
        assert why.partition(": ")[0] in server.log[-1]
    for flags in (("--check-config",), ()):
        refused = subprocess.run(
            [sys.executable, "-m", "chat_server", "--config", str(file), "--data", str(data), *flags],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert (refused.returncode, refused.stdout) == (2, "")
        for line, why in zip(refused.stderr.splitlines(), TOLD, strict=True):
            assert line.startswith(f"chat-server: {file}: {why}")


@pytest.mark.parametrize(
    "text",
    [f"{'a.' * 200_000}a = 1\n", f"{'a.' * 60_000}a = 1\n", f"x = {'[' * 60_000}"],
    ids=["400 KB of dots", "120 KB of dots", "lists in lists"],
)
def test_a_file_that_was_made_to_keep_the_server_busy_keeps_nobody_waiting(
    house: tuple[ServerProcess, Path, Path], text: str
) -> None:
    server, file, data = house
    file.write_text(text)
    with socket.create_connection(("127.0.0.1", server.port), TIMEOUT) as ann:
        lines = ann.makefile("rb")
        ann.sendall(b"/login ann\n")
        while b"Welcome" not in lines.readline():
            pass
        with ThreadPoolExecutor(1) as asking:
            told = asking.submit(admin, data, "reload")
            longest = 0.0
            while not told.done():
                began = time.monotonic()
                ann.sendall(b"/time\n")
                assert lines.readline()
                longest = max(longest, time.monotonic() - began)
    assert "too large for a configuration" in told.result().stderr or "nested 16 deep" in told.result().stderr
    assert longest < BUSY_SECONDS


BUSY_SECONDS = 20.0
"""Seconds that nobody waits for an answer, on a machine that has much else to do; a file of these kinds took minutes to read."""


LINES_MIN = 300
"""Lines that are said meanwhile, at the least."""


def memory(pid: int) -> int:
    """Bytes that are the process's own."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


@asynccontextmanager
async def called(server: ServerProcess, people: int) -> AsyncIterator[list[Caller]]:
    """So many people who have come and are in one room. They hang up at the end, also where a test fails."""
    async with AsyncExitStack() as exits:
        callers: list[Caller] = []
        for number in range(people):
            callers.append(
                Caller(await exits.enter_async_context(await trio.open_tcp_stream("127.0.0.1", server.port)))
            )
            await callers[-1].log_in(f"n{number}", "python")
        yield callers


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="it looks at the process by /proc")
async def test_good_and_bad_files_in_turns_while_people_talk_cost_nobody_anything(
    house: tuple[ServerProcess, Path, Path],
) -> None:
    server, file, data = house
    people = 20
    async with called(server, people) as callers:
        said = heard = 0
        is_enough = False

        async def talk() -> None:
            nonlocal said
            while not is_enough or said <= LINES_MIN:
                await callers[said % people].type(f"line {said}")
                said += 1
                await trio.sleep(0.005)
            for caller in callers:  # each says it after all else that it has said
                await caller.type("that is all")

        async def hear(caller: Caller) -> None:
            nonlocal heard
            seen = "".join([await caller.read_until("that is all\r\n") for _ in range(people - 1)])
            numbers = [int(line.rsplit(" ", 1)[1]) for line in seen.splitlines() if ": line " in line]
            mine = callers.index(caller)
            assert sorted(numbers) == [number for number in range(said) if number % people != mine], (
                "each line, and once"
            )
            heard += 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(talk)
            for caller in callers:
                nursery.start_soon(hear, caller)
            figures = []
            for number in range(40):
                is_good = number % 2 == 0
                file.write_text(
                    GOOD.format(number + 2) + f"[server]\nname = 'n{number}'\n"
                    if is_good
                    else list(BAD)[number % len(BAD)]
                )
                server.signal(signal.SIGHUP)
                await trio.to_thread.run_sync(server.wait_for_log, "been read again" if is_good else "stays as it was")
                figures.append((open_files(server.pid), memory(server.pid)))
            is_enough = True
        assert heard == people
        at_first, at_last = (min(files for files, _ in some) for some in (figures[2:12], figures[-10:]))
        assert at_last <= at_first + 1, "what is stored meanwhile, or looked for, has files open for a moment"
        assert figures[-1][1] - figures[9][1] < 6 * 2**20
        file.write_text(GOOD.format(1000))
        assert (await trio.to_thread.run_sync(reloaded, data))["generation"] == 22
    assert await trio.to_thread.run_sync(server.stop) == 0
