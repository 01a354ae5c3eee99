"""The units of systemd that docs/ has are what systemd takes, let the server do little, and fit what it does."""

import configparser
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from chat_server.config import Config
from chat_server.server.listening import BACKLOG
from chat_server.server.service_manager import STOP_MARGIN
from processes import ROOT, TIMEOUT, program

UNITS = ROOT / "docs" / "systemd"

EXPOSURE_MAX = 2.0
"""Of 10, as `systemd-analyze security` counts; a service without a word about it has 9.6."""


class Unit(configparser.RawConfigParser):
    """What a unit says: several lines with one name are several values."""

    def __init__(self, name: str) -> None:
        super().__init__(strict=False)
        self.optionxform = str  # type: ignore[assignment, method-assign] # as the library's own documentation does it
        self.read(UNITS / name)


def installed(folder: Path) -> list[str]:
    """The units as they are when the server is there."""
    shutil.copytree(UNITS, folder, dirs_exist_ok=True)
    service = folder / "chat-server.service"
    text = service.read_text()
    assert text.count("ExecStart=/usr/bin/chat-server ") == 1
    service.write_text(text.replace("/usr/bin/chat-server", sys.executable))
    return [str(path) for path in folder.iterdir() if path.is_file()]


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program("systemd-analyze"), *arguments], capture_output=True, text=True, check=False)


def test_systemd_finds_nothing_wrong_with_them(tmp_path: Path) -> None:
    verified = analyze("verify", "--man=no", *installed(tmp_path))
    assert (verified.stderr, verified.returncode) == ("", 0)


def test_systemd_would_say_if_something_were(tmp_path: Path) -> None:
    files = installed(tmp_path)
    service = tmp_path / "chat-server.service"
    service.write_text(service.read_text().replace("LimitNOFILE=65536", "LimitNoFile=65536"))
    assert "Unknown key" in analyze("verify", "--man=no", *files).stderr


def test_the_service_may_do_little(tmp_path: Path) -> None:
    installed(tmp_path)
    found = analyze("security", "--offline=true", str(tmp_path / "chat-server.service"))
    exposure = re.search(r"exposure level for chat-server.service: ([\d.]+)", found.stdout)
    assert exposure, found.stderr
    assert float(exposure[1]) < EXPOSURE_MAX


def test_the_service_s_times_fit_the_server_s() -> None:
    service = Unit("chat-server.service")["Service"]
    assert float(service["TimeoutStopSec"]) > Config().server.stop_seconds + STOP_MARGIN
    assert service["Type"] == "notify"
    assert service["RestartPreventExitStatus"] == "2"  # what cli.py gives where the settings cannot be used


@pytest.mark.parametrize(("name", "socket"), [("chat-server.socket", "chat"), ("chat-server-tls.socket", "tls")])
def test_the_sockets_have_names_that_the_server_knows_and_as_long_a_backlog(name: str, socket: str) -> None:
    unit = Unit(name)["Socket"]
    assert (unit["FileDescriptorName"], int(unit["Backlog"])) == (socket, BACKLOG)


def test_the_server_does_what_it_does_with_no_more_than_the_service_may(tmp_path: Path) -> None:
    program("systemd-analyze")
    service = UNITS / "chat-server.service"
    confined = [sys.executable, str(Path(__file__).with_name("confined.py")), str(service), sys.executable]
    probe = "import os\ntry: os.sched_setaffinity(0, {0})\nexcept PermissionError: print('refused')"
    probed = subprocess.run([*confined, "-c", probe], capture_output=True, text=True, check=True)
    assert probed.stdout == "refused\n", "the test confines nothing"
    server = subprocess.Popen(
        [*confined, "-m", "chat_server", "--port", "0", "--data", str(tmp_path / "data")],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr is not None
        while not (found := re.search(r"listening on 127\.0\.0\.1:(\d+)", line := server.stderr.readline())):
            assert line, "it ended"
        with socket.create_connection(("127.0.0.1", int(found[1])), TIMEOUT) as caller:
            for request in (
                {"do": "login", "nick": "ann"},
                {"do": "register", "password": "correct horse battery staple"},
                {"do": "join", "room": "python"},
                {"do": "say", "room": "python", "text": "hello", "key": "k1"},
            ):
                caller.sendall(json.dumps(request).encode() + b"\n")
            events = caller.makefile()
            seen = {}
            while "stored" not in seen:
                event = json.loads(events.readline())
                assert event["is"] != "refused", event
                seen[event["is"]] = event
            assert "registered" in seen
            events.close()
        server.send_signal(signal.SIGTERM)
        assert server.wait(TIMEOUT) == 0
        assert "error" not in server.stderr.read()
    finally:
        server.kill()
        server.communicate()


@pytest.mark.parametrize(("code", "waits"), [("2", True), ("0", False), ("1", False), ("ABRT", False)])
def test_settings_that_cannot_be_used_are_not_tried_without_a_pause_while_somebody_calls(
    code: str, waits: bool
) -> None:
    """The socket starts the service for each caller, whatever RestartPreventExitStatus= says."""
    service = Unit("chat-server.service")["Service"]
    assert service["RestartPreventExitStatus"] == "2"
    shell, flag, quoted = service["ExecStopPost"].split(" ", 2)
    done = subprocess.run(
        [shell, flag, quoted.strip("'").replace("sleep 5", "exit 9")], env={"EXIT_STATUS": code}, check=False
    )
    assert done.returncode == (9 if waits else 0)
