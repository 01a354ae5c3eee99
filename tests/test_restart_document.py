"""What docs/restarting.md has one type does what it says; what only systemd could play is looked at as text."""

import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

from chat_server.server.connection_limits import RETURN_TIMES
from chat_server.server.ending import LEFT_PER_SECOND, RESTART_SECONDS, RETURN_FIRST, RETURN_LAST, RETURNS_PER_SECOND
from chat_server.server.handed import NAMES
from chat_server.server.in_effect import COMING_BACK_SECONDS
from chat_server.wire.render.sentences import sentence
from processes import ROOT, TIMEOUT

TEXT = (ROOT / "docs" / "restarting.md").read_text(encoding="utf-8")
FLAT = " ".join(TEXT.split())


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


def start(command: str, folder: Path) -> "subprocess.Popen[str]":
    program, *arguments = shlex.split(command)
    assert program == "chat-server"
    return subprocess.Popen(
        [sys.executable, "-m", "chat_server", *arguments], cwd=folder, stderr=subprocess.PIPE, text=True
    )


def wait_until_it_listens(server: "subprocess.Popen[str]") -> int:
    assert server.stderr is not None
    while not (found := re.search(r"listening on 127\.0\.0\.1:(\d+)", line := server.stderr.readline())):
        assert line
    return int(found[1])


def test_the_command_takes_the_place_of_the_server_that_was_started_with_the_same_flags(tmp_path: Path) -> None:
    (tmp_path / "chat-server.toml").write_text(f'[server]\nport = 0\n[journal]\ndirectory = "{tmp_path / "data"}"\n')
    (command,) = blocks("sh")
    first = start(command.replace(" --replace", ""), tmp_path)
    second = None
    try:
        port = wait_until_it_listens(first)
        second = start(command, tmp_path)
        assert wait_until_it_listens(second) == port
        assert first.wait(TIMEOUT) == 0
        with socket.create_connection(("127.0.0.1", port), TIMEOUT) as caller:
            assert b"Hello" in caller.recv(100)
        second.send_signal(signal.SIGTERM)
        assert second.wait(TIMEOUT) == 0
    finally:
        for one in filter(None, (first, second)):
            one.kill()
            one.communicate()


def test_what_people_are_told_is_told() -> None:
    told = next(block for block in blocks("text") if block.startswith("* "))
    assert told == f"* {sentence('restarting', {'seconds': '1'}, 'en')}\n"


def test_the_numbers_are_the_server_s() -> None:
    assert f"{RETURN_FIRST:g} to {RETURN_LAST:g}, each another one, a hundred a second" in FLAT
    assert RETURNS_PER_SECOND == 100
    assert (RESTART_SECONDS, 1000 / LEFT_PER_SECOND) == (0.5, 2)
    assert (COMING_BACK_SECONDS, RETURN_TIMES) == (60, 5)
    assert f"are `{NAMES[0]}`, `{NAMES[1]}` and `{NAMES[2]}`" in FLAT


def test_the_files_that_are_to_be_copied_are_there() -> None:
    named = re.findall(r"docs/(systemd/\S+?)(?=\s)|\((systemd/[^)]*)\)", TEXT)
    assert len(named) > 3
    for one in named:
        assert (ROOT / "docs" / "".join(one)).exists()
