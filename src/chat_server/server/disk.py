"""The disk of the data directory, and what the process has of the system: looked at in a thread, for a disk that hangs keeps whoever asks waiting.

Knows the names of files. Never knows what is in them.
"""

import os
import resource
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from math import inf
from pathlib import Path

import trio
from msgspec import Struct

from chat_server.guard import Guard

LOOK_SECONDS = 15.0
"""Seconds between two looks."""

FULL_BYTES = 16 * 2**20
"""Bytes that are free on a disk which counts as full: what a busy minute writes."""

KINDS = {
    "journal.db": "journal",
    "journal.db-wal": "journal-log",
    "search.db": "search",
    "search.db-wal": "search-log",
}
"""What files are to whoever looks at their sizes; any other is `other`."""

OWN_FILES = Path("/proc/self/fd")
MEMORY = Path("/proc/self/statm")


class Sizes(Struct, frozen=True):
    """What there is, in bytes; None: it is not known."""

    free: int | None = None
    files: Mapping[tuple[str, ...], float] = {}
    open_files: int | None = None
    memory: int | None = None


class Disk:
    """What is known of it, and since when."""

    def __init__(self, directory: Path | None, look: Callable[[Path | None], Sizes] | None = None) -> None:
        """Nothing is known; None: nothing is kept on a disk."""
        self._directory = directory
        self._look = look or sizes_in
        self._looking = trio.CapacityLimiter(1)
        self.sizes = Sizes()
        """As they were when they were last looked at."""
        self.looked_at = -inf

    async def run(self) -> None:
        """Look at it now and then, until cancelled."""
        while True:
            with Guard("the sizes of files could not be looked at"):
                self.sizes = await trio.to_thread.run_sync(
                    partial(self._look, self._directory), abandon_on_cancel=True, limiter=self._looking
                )
                self.looked_at = trio.current_time()
            await trio.sleep(LOOK_SECONDS)

    def trouble(self) -> str:
        """That it is full; see health.Check."""
        free = self.sizes.free
        if free is None or free >= FULL_BYTES:
            return ""
        return f"the disk of the data directory is full: {free / 2**20:.0f} MiB are free"


def sizes_in(directory: Path | None) -> Sizes:
    """Look. Blocks."""
    free: int | None = None
    files: Counter[tuple[str, ...]] = Counter()
    if directory is not None:
        with suppress(OSError):
            found = os.statvfs(directory)
            free = found.f_bavail * found.f_frsize
            with os.scandir(directory) as entries:
                for entry in entries:
                    with suppress(OSError):  # it has just gone
                        files[(KINDS.get(entry.name, "other"),)] += entry.stat(follow_symlinks=False).st_size
    return Sizes(free, dict(files), _count_open_files(), _memory())


def _count_open_files() -> int | None:
    with suppress(OSError):
        return len(os.listdir(OWN_FILES)) - 1  # that of this look
    return None


def _memory() -> int | None:
    """Bytes of memory that are the process's just now; where the system does not tell, the most that ever were."""
    with suppress(OSError, ValueError, IndexError):
        return int(MEMORY.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
