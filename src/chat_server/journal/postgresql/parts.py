"""What runs beside the journal of a server, and ends before it does. Never knows what these do."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import trio

from chat_server.journal import EVERYTHING, Matches


class Part(Protocol):
    """What is kept beside the rooms and lines, and runs as long as the journal."""

    async def run(self, task_status: trio.TaskStatus[None]) -> None:
        """Work until `close`; say when it has begun."""

    def close(self) -> None:
        """Let `run` end when what waits is done."""


class Search(Part, Protocol):
    """What looks for words."""

    async def search(
        self, words: str, rooms: Sequence[str] | None, limit: int, since: Mapping[str, int] = EVERYTHING
    ) -> Matches:
        """The newest lines with all the words; see Journal."""
        ...

    async def forget(self) -> None:
        """Have nothing in any file that the database has not any more."""


async def run_part(part: Part, ended: trio.Event, task_status: trio.TaskStatus[None]) -> None:
    """Run one, and say when it has ended, however that comes."""
    try:
        await part.run(task_status)
    finally:
        ended.set()
