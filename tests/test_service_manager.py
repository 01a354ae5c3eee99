"""What systemd is told of a server that it has started: by a socket of datagrams in its place, and by the real server as a process."""

import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trio

from chat_server.server.service_manager import PATIENCE, SIGNS_IN_TIME, STATUS_SECONDS, ServiceManager
from processes import TIMEOUT, running_server


class FakeSystemd:
    """Hears what a service tells."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address[0] == "@" else address)

    @property
    def environment(self) -> dict[str, str]:
        return {"NOTIFY_SOCKET": self.address}

    def look(self, seconds: float = 0.0) -> list[str]:
        """Everything that has been told since, at the least what comes within this time."""
        self._socket.settimeout(seconds or 0.001)
        new = []
        try:
            while True:
                new.append(self._socket.recv(4096).decode())
                self._socket.settimeout(0.001)
        except (TimeoutError, BlockingIOError):
            pass
        self.heard += new
        return new

    def wait_for(self, wanted: str) -> str:
        """Wait for something that is told, and return it."""
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            for told in self.look(0.1):
                if re.search(wanted, told):
                    return told
        raise AssertionError(f"{wanted} was not told, but {self.heard}")

    def close(self) -> None:
        self._socket.close()


@contextmanager
def systemd(address: str = "") -> Iterator[FakeSystemd]:
    with TemporaryDirectory() as folder, closing(FakeSystemd(address or f"{folder}/notify")) as fake:
        yield fake


@pytest.mark.parametrize("is_abstract", [False, True])
def test_it_is_told_at_a_path_or_at_an_abstract_address(is_abstract: bool) -> None:
    address = f"@chat-server-test-{os.getpid()}" if is_abstract else ""
    with systemd(address) as fake, closing(ServiceManager(fake.environment)) as manager:
        manager.ready()
        assert fake.look() == ["READY=1"]


def test_what_was_meant_for_this_process_is_no_child_s() -> None:
    with systemd() as fake:
        environment = {**fake.environment, "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1", "LANG": "C"}
        ServiceManager(environment).close()
        assert environment == {"LANG": "C"}


@pytest.mark.parametrize("address", ["", "relative/path", "/there/is/no/such/socket", "/" + "long" * 100])
async def test_where_nobody_listens_nothing_is_told_and_nothing_goes_wrong(address: str) -> None:
    with closing(ServiceManager({"NOTIFY_SOCKET": address} if address else {})) as manager:
        manager.ready()
        manager.stopping(1.0)
        with trio.move_on_after(0.01):
            await manager.run(lambda: "fine")


def test_a_manager_that_does_not_listen_holds_up_nobody() -> None:
    with systemd() as fake, closing(ServiceManager(fake.environment)) as manager:
        assert manager._socket is not None
        manager._socket.settimeout(0.0)
        for _ in range(1000):
            manager.ready()
        manager._socket.settimeout(PATIENCE)
        begun = time.monotonic()
        manager.ready()
        assert time.monotonic() - begun < 10 * PATIENCE


def test_an_end_asks_for_the_time_that_readers_have() -> None:
    with systemd() as fake, closing(ServiceManager(fake.environment)) as manager:
        manager.stopping(600.0)
        stopping, extended = fake.look()[0].splitlines()
        assert stopping == "STOPPING=1"
        assert 600e6 < int(extended.removeprefix("EXTEND_TIMEOUT_USEC=")) < 700e6


def test_reading_the_settings_again_begins_with_the_time_and_ends_even_where_it_fails() -> None:
    with systemd() as fake, closing(ServiceManager(fake.environment)) as manager:
        before = time.monotonic_ns() // 1000
        told: list[str] = []

        def read_again() -> None:
            with manager.reloading():
                told.extend(fake.look()[0].splitlines())
                raise OSError("no")

        with pytest.raises(OSError, match="no"):
            read_again()
        assert told[0] == "RELOADING=1"
        assert before <= int(told[1].removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
        assert fake.look() == ["READY=1"]


async def test_signs_of_life_come_well_in_time_and_stop_with_the_loop(autojump_clock: trio.testing.MockClock) -> None:
    with systemd() as fake:
        manager = ServiceManager({**fake.environment, "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())})
        with closing(manager):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(manager.run, lambda: "2 people")
                await trio.sleep(0.5)
                for _ in range(30):
                    fake.look()
                    await trio.sleep(1)
                nursery.cancel_scope.cancel()
        fake.look()
        told = fake.heard
        assert told.count("WATCHDOG=1") == 30 * SIGNS_IN_TIME // 3 + 1
        assert told.count("STATUS=2 people") == 30 // STATUS_SECONDS + 1


@pytest.mark.parametrize("watched", [{}, {"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}])
async def test_who_is_not_watched_gives_no_signs_but_says_how_it_is(
    watched: dict[str, str], autojump_clock: trio.testing.MockClock
) -> None:
    with systemd() as fake, closing(ServiceManager({**fake.environment, **watched})) as manager:
        with trio.move_on_after(25):
            await manager.run(lambda: "1 person")
        assert fake.look() == ["STATUS=1 person"] * 3


@pytest.mark.goes_wrong
async def test_a_status_that_cannot_be_had_ends_no_signs(autojump_clock: trio.testing.MockClock) -> None:
    with systemd() as fake, closing(ServiceManager({**fake.environment, "WATCHDOG_USEC": "3000000"})) as manager:
        with trio.move_on_after(5.5):
            await manager.run(lambda: str(1 / 0))
        assert fake.look() == ["WATCHDOG=1"] * 6


def test_a_server_says_when_it_is_ready_how_it_is_that_it_reads_again_and_that_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with systemd() as fake:
        for name, value in {**fake.environment, "WATCHDOG_USEC": "600000000"}.items():
            monkeypatch.setenv(name, value)
        with running_server(data=tmp_path) as server:
            fake.wait_for(r"^READY=1$")
            with socket.create_connection(("127.0.0.1", server.port)) as caller:  # whoever calls now is served
                assert caller.recv(100)
            fake.wait_for(r"^STATUS=0 people")
            assert "WATCHDOG=1" in fake.heard
            fake.heard.clear()
            server.signal(signal.SIGHUP)
            fake.wait_for(r"^READY=1$")
            assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", fake.heard[0])
            assert server.stop() == 0
            fake.wait_for(r"^STOPPING=1\nEXTEND_TIMEOUT_USEC=\d+$")


def test_a_server_that_is_stuck_gives_no_sign_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with systemd() as fake:
        for name, value in {**fake.environment, "WATCHDOG_USEC": "300000"}.items():
            monkeypatch.setenv(name, value)
        with running_server(data=tmp_path) as server:
            fake.wait_for("^WATCHDOG=1$")
            fake.wait_for("^WATCHDOG=1$")
            server.signal(signal.SIGSTOP)
            fake.look(0.5)
            time.sleep(1)
            assert "WATCHDOG=1" not in fake.look()
            server.signal(signal.SIGCONT)
            fake.wait_for("^WATCHDOG=1$")
            assert server.stop(signal.SIGABRT) == -signal.SIGABRT  # what systemd does then
            assert "Fatal Python error: Aborted" in "".join(server.log)
            assert "in run" in "".join(server.log)
