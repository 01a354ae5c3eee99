"""Where bytes for one reader go, as whoever has them sees it: an outbox, or what draws above the line that is edited.

Never knows what is in them, nor whose connection it is.
"""

from collections.abc import Callable, Sequence
from typing import Protocol


class Target(Protocol):
    """Where bytes are written to."""

    descriptor: int
    """That of a socket, or -1."""

    @property
    def prepare(self) -> Callable[[bytes], None] | None:
        """Does what a `send` of the same data would do before it writes; None if that is nothing. Nothing else may be sent in between."""


class Targets:
    """Whether the targets of sinks are what they were, of all sinks together: whoever keeps descriptors looks here before they are written to."""

    def __init__(self) -> None:
        """None has changed."""
        self.changes = 0
        """How often a sink has got another target, or a target another descriptor."""
        self.gathering = 0
        """Sinks that have another target just now, and the one before again when they have written what they gather."""


TARGETS = Targets()
"""Those of this process."""


class _Nowhere:
    descriptor = -1
    prepare = None


NOWHERE: Target = _Nowhere()

SendMany = Callable[[Sequence[int], bytes], Sequence[int] | None]
"""Sends the same bytes to many sockets, by their descriptors, as a non-blocking `send` does to each.

Returns how many bytes each has taken, or minus the number of an error; nothing at all where each has taken all of them; None, and nothing is sent,
where that cannot be done at once.
"""


class Sink(Protocol):
    """Where bytes for one reader go; nobody waits for the reader."""

    prepares: bool
    """Whether there may be something to prepare."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be written."""

    @property
    def target(self) -> Target:
        """If it has a descriptor, bytes may be written to that instead of calling `send`, and what comes of it is for `took` and `refused` too.

        When it is another one, or has another descriptor, TARGETS says so.
        """

    @property
    def send(self) -> Callable[[bytes], int]:
        """Takes whole lines, and returns how many bytes it has taken: if not all, `took` is to be called with the rest.

        An OSError that it raises is for `refused`. It is another one from time to time.
        """

    def took(self, data: bytes, sent: int) -> None:
        """See to what was not taken."""

    def refused(self, data: bytes, error: OSError) -> None:
        """See to it that nothing was taken."""
