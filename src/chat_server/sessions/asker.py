"""What the loop that reads from a caller (read_loop.py) knows of the caller's codec, and of the session. Never knows how either is made."""

from collections.abc import Awaitable, Iterable, Mapping
from typing import Protocol, TypeVar

from chat_server.protocol.events import Event
from chat_server.protocol.incoming import Echo, ProtocolReply
from chat_server.rooms.person import Proof
from chat_server.rooms.room import MaybeAwaitable
from chat_server.sessions.caller import Caller

A_co = TypeVar("A_co", covariant=True)
A_contra = TypeVar("A_contra", contravariant=True)


class Decoder(Protocol[A_co]):
    """A door's codec, one for each connection."""

    in_runs: bool
    """Whether what is said in lines that come together is given as runs: not where each is to be paid for."""

    @property
    def is_mid_line(self) -> bool:
        """Whether a request has been begun and not ended."""

    @property
    def held(self) -> int:
        """Bytes of memory for what has been begun and not ended, about."""

    def give_up(self) -> Iterable[ProtocolReply | Echo]:
        """Forget what has been begun: there is no memory for it. Give what is to be written."""

    def is_dear(self, data: bytes) -> bool:
        """Whether taking these bytes may cost more than an ordinary line does: they end something long, or are many keys."""

    def receive_data(self, data: bytes) -> Iterable[A_co | ProtocolReply | Echo]:
        """Take bytes as they came; give the requests that they complete and the replies due, in order. Never raises.

        Each is carried out before the next is taken: it may change how the bytes after it are read.
        """


class Asker(Protocol[A_contra]):
    """A session, as far as the loop knows it."""

    caller: Caller

    @property
    def nick(self) -> str:
        """The nickname, or "" before login."""

    proof: Proof
    """By what it has logged in."""

    @property
    def COSTS(self) -> Mapping[type, float]:  # noqa: N802 - a constant of the class
        """What counts for more or less than a line where lines are counted."""

    @property
    def is_lost(self) -> bool:
        """Whether the connection is known to be gone."""

    def wait_readable(self) -> Awaitable[None]:
        """Wait until the other side has sent something, or has ended."""

    def receive_nowait(self) -> bytes | None:
        """Take what has come; None if nothing has, b"" when the other side has ended."""

    def is_light(self, asked: A_contra) -> bool:
        """Whether this is no more than a line, or a run of lines, which waits for nothing that others have asked for."""

    def handle(self, asked: A_contra) -> MaybeAwaitable:
        """Have a request carried out, by the place that it is for."""

    def carried_out(self) -> None:
        """Note that a request which took its time has been carried out."""

    async def flushed(self) -> None:
        """Wait until what the last request said is stored and shown."""

    def send(self, event: Event) -> None:
        """Show an event to the reader."""

    def send_unasked(self, event: Event) -> None:
        """Show an event that answers no request."""
