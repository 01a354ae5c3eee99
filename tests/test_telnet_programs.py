"""The promises of the plain door, kept by real programs: telnet and nc on real terminals, a MUD client, and a strict telnet library."""

import asyncio
import itertools
import re
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import telnetlib3

import canary
from processes import TIMEOUT, Screen, ServerProcess, program, running_server, screen

PASTED = "\x1b[200~def f():\r\treturn 1\r\x1b[201~"


@contextmanager
def at_telnet(server: ServerProcess, nick: str, room: str = "", **settings: Any) -> Iterator[Screen]:
    """Somebody at a real telnet, logged in."""
    with screen(program("telnet"), "127.0.0.1", str(server.port), **settings) as person:
        person.wait_until("Type /login and a nickname to come in")
        person.type(f"/login {nick}\r")
        person.wait_for(f"[hall] {nick}>")
        if room:
            person.type(f"/{room}\r")
            person.wait_for(f"[{room}] {nick}>")
        yield person


@contextmanager
def unlimited_server(folder: Path) -> Iterator[ServerProcess]:
    """A server that slows nobody."""
    config = folder / "chat.toml"
    config.write_text("[limits]\nmessages_per_second = 0\n")
    with running_server("--config", str(config)) as server:
        yield server


@contextmanager
def at_nc(server: ServerProcess, nick: str, room: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [program("nc"), "127.0.0.1", str(server.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as nc:
        say(nc, f"/login {nick}", f"/{room}")
        try:
            yield nc
        finally:
            nc.kill()


def say(nc: subprocess.Popen[bytes], *lines: str) -> None:
    assert nc.stdin
    nc.stdin.write("".join(f"{line}\n" for line in lines).encode())
    nc.stdin.flush()


def test_a_line_is_edited_at_the_real_telnet_while_others_talk() -> None:
    with running_server() as server, at_telnet(server, "ann", "python") as ann, at_nc(server, "小明", "python") as ming:
        ann.wait_until("* 小明 joined")
        ann.type("helo 你好👩‍💻")
        ann.wait_until("helo")
        say(ming, "大家好")
        ann.wait_for_rows(
            lambda rows: rows[-2].startswith("小明: 大家好") and rows[-1].startswith("[python] ann> helo 你好")
        )
        ann.type("\x7f\x7f")
        ann.wait_for("[python] ann> helo 你")
        assert ann.cursor == len("[python] ann> helo ") + 2, "what is erased takes its columns with it"
        ann.type("\x01\x1b[C\x1b[C\x1b[Cl\x05\x7f世界\r")
        ann.wait_for("ann: hello 世界", "[python] ann>")
        ann.type("\x1b[A!")
        ann.wait_for("[python] ann> hello 世界!")
        ann.type("\x15小\t在吗\r")
        ann.wait_for("ann: 小明: 在吗", "[python] ann>")
        ann.type(PASTED)
        ann.wait_for("[python] ann> def f():↵    return 1")
        ann.type("\r")
        ann.wait_for("ann: def f():", "      return 1", "[python] ann>")
        ann.type("/last 1\r")
        ann.wait_until("#4 ")
        ann.type("/mode line\r")
        ann.wait_for("* Your program edits your line.")  # the prompt is gone when both sides have agreed
        ann.type("as ever\r")
        ann.wait_for("as ever")
        ann.type("/mode edit\r")
        ann.wait_for("[python] ann>")
        ann.type("\x03/logout\r")
        ann.wait_until("Connection closed by foreign host.")
        assert "* Goodbye." in ann.rows
        say(ming, "/logout")
        assert ming.stdin
        assert ming.stdout
        ming.stdin.close()
        seen = ming.stdout.read()
        assert b"ann: hello \xe4\xb8\x96\xe7\x95\x8c\n" in seen.replace(b"\r", b"")
        assert b"ann: def f():\r\n      return 1\r\n" in seen
        assert not re.search(rb"[\xff\x1b]", seen), "nc is shown nothing but text"


@pytest.mark.slow
def test_the_screen_after_a_storm_of_sizes_is_that_of_one_who_was_never_resized(tmp_path: Path) -> None:
    with (
        unlimited_server(tmp_path) as server,
        at_telnet(server, "ann", "python") as ann,
        at_telnet(server, "bob", "python") as bob,
        at_nc(server, "carol", "python") as carol,
    ):
        ann.type("a line that 你 has begun, and that is longer than most of these terminals are wide")
        for step in range(40):
            ann.resize(20 + step * 37 % 100, 5 + step * 11 % 30)
            say(carol, f"message {step} 你好 and some words more, so that it is broken somewhere")
            if step % 4 == 0:
                ann.read(0.02)
        ann.resize(80, 24)
        wait_until_the_width_is_known(ann)
        ann.type("\x15bye\x01\x1b[C\x05")
        bob.type("bye")
        say(
            carol,
            *(
                f"the end {number}: 你好, and now the same for both of them, with a line that is broken"
                for number in range(20)
            ),
        )
        for person, name in ((ann, "ann"), (bob, "bob")):
            person.type(" now")
            prompt = f"[python] {name}> bye now"
            person.wait_until("the end 19")
            person.wait_for(prompt)
        assert ann.rows[:-1] == bob.rows[:-1]
        assert ann.cursor == bob.cursor == len("[python] ann> bye now")


def wait_until_the_width_is_known(person: Screen) -> None:
    """Ask the server until it knows that this terminal is 80 columns wide again."""
    answers = -1

    def has_answered(rows: list[str]) -> bool:
        return person.raw.count(b"Long lines") > answers and rows[-1] == "[python] ann>"

    while answers < 0 or not any("broken for 80 columns" in row for row in person.rows[-3:]):
        answers = person.raw.count(b"Long lines")
        person.type("\x15/wrap\r")
        person.wait_for_rows(has_answered)


@pytest.mark.slow
def test_typing_stays_smooth_while_two_hundred_lines_a_second_come(tmp_path: Path) -> None:
    text = "the quick brown fox jumps over the dog"
    with unlimited_server(tmp_path) as server, at_telnet(server, "ann", "python") as ann:
        alone = delays(ann, text)
        ann.type("\x15")
        with flood(server, 200):
            ann.wait_until("flood: 50 ")
            in_the_flood = delays(ann, text)
        ann.wait_for(f"[python] ann> {text}")
        assert [row for row in ann.rows[-20:-2] if not re.match(r"flood: \d+ and what one says", row)] == []
        # Measured: 7 ms, most of it the terminal emulator's. A busy machine has slower keys without a flood too.
        assert statistics.median(in_the_flood) < 0.1 + 10 * statistics.median(alone)


def delays(person: Screen, text: str) -> list[float]:
    """How long each key takes from the keyboard to the screen."""
    found = []
    for typed in range(1, len(text) + 1):
        start = time.monotonic()
        person.type(text[typed - 1])
        person.wait_for(f"[python] ann> {text[:typed]}".rstrip())
        found.append(time.monotonic() - start)
    return found


@contextmanager
def flood(server: ServerProcess, per_second: int) -> Iterator[None]:
    """Somebody who says so many lines a second."""
    is_over = threading.Event()

    def say_much() -> None:
        with socket.create_connection(("127.0.0.1", server.port)) as caller:
            caller.sendall(b"/login flood\n/python\n")
            for number in itertools.count():
                if is_over.wait(1 / per_second):
                    return
                caller.sendall(f"{number} and what one says\n".encode())

    thread = threading.Thread(target=say_much)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


CANARY = canary.PASSWORD
"""A password that is on no screen, in no log, and in no file."""


def test_a_password_typed_at_the_real_telnet_is_shown_and_kept_nowhere(tmp_path: Path) -> None:
    with running_server("--verbose", data=tmp_path) as server:
        with at_dumb_telnet(server) as ann:  # line by line, before any editing: telnet's own echo goes, and comes back
            ann.type("/register ann\r")
            for prompt in ("New password:", "The same once more:"):
                ann.wait_for(prompt)
                ann.settle()
                ann.type(f"{CANARY}\r")
            ann.wait_until("They are not shown again.")
            ann.type("/help time\r")
            ann.wait_until("* Choose the zone")
            ann.wait_for_rows(lambda rows: "/help time" in rows)  # the echo is back
            assert CANARY.encode() not in ann.raw
        with screen(program("telnet"), "127.0.0.1", str(server.port)) as ann:  # with the line edited here
            ann.wait_until("Type /login and a nickname to come in")
            ann.type("/login ann\r")
            ann.wait_for("Password:")
            ann.settle()  # what is typed in the moment before telnet has agreed is shown by itself
            ann.type(f"{CANARY}x\x7f\r")
            ann.wait_for("[hall] ann>")
            ann.type("\x1b[A")
            ann.settle()
            assert ann.rows[-1] == "[hall] ann>", "it is in no history"
            assert CANARY.encode() not in ann.raw
        with screen(program("telnet"), "127.0.0.1", str(server.port), term="dumb") as other:  # with its first line
            other.wait_until("Type /login and a nickname to come in")
            other.type("/login ann\r")
            other.wait_for("Password:")
            other.settle()
            other.type(f"not the {CANARY}\r")
            other.wait_until("* Wrong name or password.")
            assert CANARY.encode() not in other.raw
            assert b"shows what you type" not in other.raw, "it does not, and could not say so yet"
        assert server.stop() == 0
    log = "".join(server.log)
    assert "a caller came" in log
    assert CANARY not in log
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert tmp_path / "journal.db" in files
    assert not any(CANARY.encode() in path.read_bytes() for path in files)


@contextmanager
def at_dumb_telnet(server: ServerProcess) -> Iterator[Screen]:
    """Somebody at a real telnet, whose line the server does not edit, not logged in."""
    with screen(program("telnet"), "127.0.0.1", str(server.port), term="dumb") as person:
        person.wait_until("Type /login and a nickname to come in")
        person.type("/rooms\r")
        person.wait_until("* Rooms: ")
        person.settle()
        yield person


def test_a_mud_client_that_negotiates_everything_is_served_line_by_line_with_colours() -> None:
    tintin = program("tt++", folder="/usr/games")
    with (
        running_server() as server,
        screen(tintin, "-G", columns=100, rows=40) as ann,
        at_nc(server, "bob", "python") as bob,
    ):
        ann.settle()
        ann.type(f"#session chat 127.0.0.1 {server.port}\r")
        ann.wait_until("Type /login and a nickname to come in")
        ann.type("/login ann\r")
        ann.wait_until("* Welcome, ann.")
        ann.settle()
        ann.type("/python\r")
        ann.wait_until("* You are in python.")
        say(bob, "hello ann 你好, " + "and on it goes " * 8)
        ann.wait_until("bob: hello ann")
        # broken for its hundred columns
        ann.wait_for_rows(lambda rows: any(row.startswith("  ") and "goes" in row for row in rows))
        assert re.search(rb"\x1b\[[0-9;]*m[^\x1b]*bob", ann.raw)
        for line, answer in (
            ("/mode", "* Your program edits your line."),
            ("/colour", "* Colours are on."),
            ("/wrap", "* Long lines are broken for 96 columns."),
            ("/charset", "* Your text is read and written in utf-8."),
        ):
            ann.type(f"{line}\r")
            ann.wait_until(answer)
        ann.type("hi bob\r")
        ann.wait_for_rows(lambda rows: "hi bob" in rows)  # it has not been taken for a password


def test_a_strict_telnet_library_comes_to_the_same_agreement() -> None:
    with running_server() as server:
        asyncio.run(talk_by_telnetlib(server.port))


async def talk_by_telnetlib(port: int) -> None:
    reader, writer = await telnetlib3.open_connection(
        "127.0.0.1", port, term="xterm-256color", cols=70, rows=30, encoding="utf8", connect_minwait=0.1
    )
    shown = ""
    write: Callable[[str], None] = writer.write  # type: ignore[assignment] # with an encoding it takes text, whatever it declares

    async def wait_for(text: str) -> None:
        nonlocal shown
        async with asyncio.timeout(TIMEOUT):
            while text not in shown:
                came = await reader.read(4096)
                assert isinstance(came, str)
                assert came
                shown += came
        shown = shown.partition(text)[2]

    await wait_for("Type /login and a nickname to come in; /help for more.")
    write("/login ann\r\n")
    await wait_for("[hall] ann> ")
    for option in (telnetlib3.telopt.TTYPE, telnetlib3.telopt.NAWS, telnetlib3.telopt.BINARY):
        assert writer.local_option.enabled(option)
    for option in (telnetlib3.telopt.ECHO, telnetlib3.telopt.SGA, telnetlib3.telopt.BINARY, telnetlib3.telopt.CHARSET):
        assert writer.remote_option.enabled(option)
    write("/wrap\r")
    await wait_for("* Long lines are broken for 64 columns.")
    write("/charset\r")
    await wait_for("* Your text is read and written in utf-8.")
    write("/python\r")
    await wait_for("[python] ann> ")
    write("你好\r")
    await wait_for("ann\x1b[0m: 你好\r\n")
    writer.send_iac(telnetlib3.telopt.IAC + telnetlib3.telopt.AYT)
    await wait_for("* I am here.")
    write("/mode line\r")
    await wait_for("* Your program edits your line.")
    async with asyncio.timeout(TIMEOUT):
        while writer.remote_option.enabled(telnetlib3.telopt.ECHO):
            await asyncio.sleep(0.01)
    write("/logout\r\n")
    await wait_for("* Goodbye.")
    writer.close()
