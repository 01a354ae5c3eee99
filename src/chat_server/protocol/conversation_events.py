"""What happens between two people beside the rooms. A conversation is to each of them the room `@NAME`, with the other's name."""

from typing import ClassVar

from msgspec import Struct

from chat_server.protocol.events import Event
from chat_server.protocol.requests import HowMany, Number


class Conversing(Struct, frozen=True, omit_defaults=True):
    """A conversation of the receiver's: its last line's number, and how many lines the receiver has not been shown.

    `is_request`: the other has begun it, and the receiver has neither answered nor accepted.
    """

    room: str
    last: Number
    unread: HowMany = 0
    is_request: bool = False


class ConversationsListed(Event, frozen=True, tag="conversations"):
    """The receiver's conversations, those with the most unread lines first; a program is told after each login of an account that has any."""

    conversations: tuple[Conversing, ...]


class RequestCame(Event, frozen=True):
    """Somebody new has written to the receiver, who is shown it when they accept. Told once."""

    sentence: ClassVar[str] = "{nick} wants to write to you. /accept {nick} shows what, and so does writing to {nick}."

    room: str
    nick: str


class RequestWaits(Event, frozen=True):
    """What the receiver has written waits: it is somebody new for whom it is."""

    sentence: ClassVar[str] = "{nick} is asked whether they want to hear from you. Until then what you write waits."

    room: str
    nick: str


class RequestAccepted(Event, frozen=True):
    """The receiver is shown what this one writes from now on."""

    sentence: ClassVar[str] = "You hear from {nick} from now on."

    room: str
    nick: str


class ConversationPasses(Event, frozen=True):
    """One of the two is a guest: the conversation, which has just begun, is deleted when one of them leaves."""

    sentence: ClassVar[str] = (
        "What you and {nick} write to each other is kept until one of you leaves, and deleted then: one of you is a guest."
    )

    room: str
    nick: str


class ConversationEnded(Event, frozen=True):
    """One of the two was a guest, and one of them has left, or registered: the conversation, with who is called `nick`, is deleted."""

    sentence: ClassVar[str] = (
        "What you and {nick} have written to each other is deleted: one of you has left, or is no guest any more."
    )

    room: str
    nick: str


CONVERSATION_EVENTS: tuple[type[Event], ...] = (
    ConversationsListed,
    RequestCame,
    RequestWaits,
    RequestAccepted,
    ConversationPasses,
    ConversationEnded,
)
