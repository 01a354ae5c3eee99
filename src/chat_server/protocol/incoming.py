"""What a door's decoder makes of bytes: requests, and what stands among them in their order.

A line that is no request stands where the request would have stood, and so does what a protocol wants sent back. Never knows how bytes are
read, nor what is done about what stands here.
"""

from typing import Annotated

from msgspec import Meta, Struct

from chat_server.protocol.requests import NUMBER_MAX, Request, Say
from chat_server.protocol.runs import SayRun

REF_MAX = 64
"""Characters in a request's ref."""

Ref = Annotated[str, Meta(max_length=REF_MAX)] | Annotated[int, Meta(ge=-NUMBER_MAX, le=NUMBER_MAX)]
"""What a request is called by whoever sends it; it comes back on the answer."""


class Unreadable(Struct, frozen=True, gc=False):
    """A line that is no request. It stands in the stream where the request would have stood, so that answers keep their order."""


class UnknownCommand(Unreadable, frozen=True, gc=False):
    """A command with a word that no request has. It may be a room's name."""

    word: str
    arguments: str


class Invalid(Unreadable, frozen=True):
    """What cannot be a request, and why: a key of the catalogue of sentences, and the details of its sentence."""

    code: str
    details: dict[str, str] = {}
    begun: str = ""
    """How the line or text began that was too long, if that may be a command; or how a text ended, if that is one before a secret."""


class Dialogue(Unreadable, frozen=True):
    """A text of several lines that begins with a command which asks for a secret: each is for itself, and those below are said nowhere."""

    lines: tuple[str, ...]


def is_said_without_word(asked: Request | Unreadable, typed: str) -> bool:
    """Whether this line is said as it was typed: by /say it would be by a command."""
    return isinstance(asked, Say) and (typed[:1] != "/" or typed[1:2] == "/")


class Addressed(Struct, frozen=True):
    """A program's request, with the room that it is for ("": none in particular) and the ref that it wants back on the answer; a run has none."""

    request: Request | SayRun | Unreadable
    room: str = ""
    ref: Ref | None = None


class ProtocolReply(Struct, frozen=True, gc=False):
    """What a door's own protocol wants sent back, to a reader however slow.

    It has its place in the stream among the requests: some callers show nothing until they have it.
    """

    data: bytes


class Echo(Struct, frozen=True, gc=False):
    """What a door shows of what is being typed. A slow reader may miss it: it is redrawn."""

    data: bytes
