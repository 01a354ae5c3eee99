"""The README's words, tested by running them."""

import os
import re
import signal
import socket
import subprocess
from functools import partial
from pathlib import Path

import pytest
import trio

from chat_tui.settings import load
from processes import ROOT, TIMEOUT, running_server

README = (ROOT / "README.md").read_text(encoding="utf-8")


def transcript(person: str) -> list[str]:
    block = re.search(rf"<!-- {person} -->\n```text\n(.*?)```", README, re.DOTALL)
    assert block
    return block[1].splitlines()


def timeless(line: str) -> str:
    """The line without its time, day, or how long something took."""
    return re.sub(r"(?<=^#\d )\d\d:\d\d|\d{4}-\d\d-\d\d|\d+\.\d(?= ms)", "…", line)


async def replay(port: int, person: str, *, has_entered: trio.Event | None = None) -> None:
    """Type what the person typed once everything above it was shown; every other line must be shown, in this order and no other."""
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    shown = b""
    async with stream:
        for line in transcript(person):
            if not re.match(r"\* |~ |#|\w+: ", line):
                await stream.send_all(line.encode() + b"\n")
                continue
            while b"\r\n" not in shown:
                data = await stream.receive_some(4096)
                assert data, f"{person}: closed before {line!r}"
                shown += data
            first, _, shown = shown.partition(b"\r\n")
            assert timeless(first.decode()) == timeless(line)
            if has_entered is not None and line == "* Nobody else is here.":
                has_entered.set()
        assert shown == await stream.receive_some(4096) == b"", "nothing is shown that the README does not show"


async def test_the_conversation_in_the_readme_happens_word_for_word() -> None:
    with running_server() as server, trio.fail_after(TIMEOUT):
        async with trio.open_nursery() as nursery:
            ann_is_there = trio.Event()
            nursery.start_soon(partial(replay, server.port, "ann", has_entered=ann_is_there))
            await ann_is_there.wait()  # she has come first
            nursery.start_soon(replay, server.port, "bob")
        await replay(server.port, "carol")


def test_the_first_command_serves(tmp_path: Path) -> None:
    assert "scripts/serve    #" in README
    server = subprocess.Popen(
        [ROOT / "scripts" / "serve", "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"XDG_DATA_HOME": str(tmp_path)},
    )
    try:
        assert server.stderr
        ready = None
        while not ready and (line := server.stderr.readline()):
            ready = re.search(r"listening on 127\.0\.0\.1:(\d+)", line)
        assert ready
        with socket.create_connection(("127.0.0.1", int(ready[1]))) as caller:
            caller.settimeout(TIMEOUT)
            assert caller.recv(4096).startswith(b"* Hello.")
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=TIMEOUT)
    assert server.returncode == 0


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([^)]+)\)|`((?:src|scripts|docs)/[\w./]*)`", README))))
def test_what_the_map_names_is_there(path: tuple[str, str]) -> None:
    assert (ROOT / (path[0] or path[1])).exists()


def test_the_settings_in_the_readme_are_settings(tmp_path: Path) -> None:
    block = re.search(r"```toml\n(.*?)```", README, re.DOTALL)
    assert block
    path = tmp_path / "config.toml"
    path.write_text(block[1])
    settings = load(path, must_exist=True)
    assert settings.profiles["work"].rooms == ["python", "pm"]


def test_the_flags_in_the_readme_are_flags() -> None:
    flags = set(re.findall(r"--[a-z][a-z-]+", README))
    shown = "".join(
        subprocess.run([ROOT / ".venv/bin" / program, "--help"], capture_output=True, text=True, check=True).stdout
        for program in ("chat-server", "chat-tui")
    )
    assert flags
    assert all(flag in shown for flag in flags)
