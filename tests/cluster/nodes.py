"""Servers as processes that may be killed, stopped and started again, each behind a link for its callers and one to the engine."""

import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import trio

import canary
import forks
from cluster.links import Dial, Link, linked
from processes import TIMEOUT

_LISTENING = re.compile(r"listening on \S+:(\d+)")

_NOT_YET = ("chat-server: what is kept cannot be read", "chat-server: cannot use the database")
"""How a server ends that cannot begin now: the engine is away, or the others have given it up before that, for the machine is busy."""

LIMITS = """
[limits]
messages_per_second = 0
connections_per_address = 0
"""
"""Everybody comes from one address here, and talks as fast as they can."""


class Node:
    """A server, by whichever process it runs just now."""

    def __init__(self, name: str, folder: Path, config: str) -> None:
        """Get it ready.

        Args:
            name: what it is called.
            folder: where its files are.
            config: its settings, but for its limits.

        """
        self.name = name
        self.folder = folder / name
        self.folder.mkdir(exist_ok=True)
        self._config = self.folder / "chat.toml"
        self._config.write_text(config + LIMITS)
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0
        self.port = 0
        self.callers: Link = Link(self.dial)
        """Where its callers come in."""

    @property
    def log_file(self) -> Path:
        return self.folder / f"log-{self._starts}"

    @property
    def log(self) -> str:
        """What the process that was started last has written."""
        return self.log_file.read_text()

    async def dial(self) -> trio.SocketStream:
        if not self.port:
            raise ConnectionRefusedError
        return await trio.open_tcp_stream("127.0.0.1", self.port)

    async def start(self) -> None:
        """Start it, and wait until it listens. As a service manager does, start it again if it cannot begin now."""
        with trio.fail_after(TIMEOUT):
            while not await self._listens():
                await trio.sleep(0.5)

    async def _listens(self) -> bool:
        assert self._process is None
        self._starts += 1
        command = ("-m", "chat_server", "--config", self._config, "--port", "0", "--data", self.folder / "data")
        with self.log_file.open("wb") as log:
            self._process = forks.Popen([sys.executable, *command], stdout=subprocess.DEVNULL, stderr=log)
        with trio.fail_after(TIMEOUT):
            while not (found := _LISTENING.search(self.log)):
                if self._process.poll() is not None:
                    assert any(why in self.log for why in _NOT_YET), f"{self.name} ended: {self.log}"
                    self._process = None
                    return False
                await trio.sleep(0.01)
        self.port = int(found[1])
        return True

    def signal(self, number: int) -> None:
        assert self._process
        self._process.send_signal(number)

    def pause(self) -> None:
        self.signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.signal(signal.SIGCONT)

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def stop(self) -> int:
        """Stop it as a service manager does; return its exit code."""
        self.signal(signal.SIGTERM)
        return await self._ended()

    async def kill(self) -> None:
        """End it in whatever it is doing."""
        self.signal(signal.SIGKILL)
        await self._ended()

    async def _ended(self) -> int:
        assert self._process
        with trio.fail_after(TIMEOUT):
            while self._process.poll() is None:
                await trio.sleep(0.005)
        self.port = 0
        process, self._process = self._process, None
        canary.assert_not_in(f"the log of {self.name}", self.log)
        return process.returncode


@asynccontextmanager
async def running(names_and_configs: Mapping[str, str], folder: Path) -> AsyncIterator[dict[str, Node]]:
    """Servers that run as the block begins. What runs at its end is killed."""
    nodes = {name: Node(name, folder, config) for name, config in names_and_configs.items()}
    try:
        async with trio.open_nursery() as nursery:
            for node in nodes.values():
                await nursery.start(node.callers.run)
                await node.start()
            yield nodes
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            for node in nodes.values():
                if node.runs:
                    await node.kill()


__all__ = ["Dial", "Node", "linked", "running"]
