"""What people are told of what waits for moderators, and what bots that filter a room are asked. Never knows who may see what."""

from typing import ClassVar

from chat_server.protocol.events import Event
from chat_server.protocol.requests import HowMany, Id


class LineHeld(Event, frozen=True):
    """What the receiver has said waits for a moderator, as number `id` of what waits. It is not sent again, whatever becomes of it."""

    sentence: ClassVar[str] = "Your line waits for a moderator of {room} (number {id}). Nobody else has seen it."

    room: str
    id: Id
    key: str = ""


class LineDeclined(Event, frozen=True):
    """What the receiver has said, and what waited, is not said: a moderator has declined it."""

    sentence: ClassVar[str] = "A moderator of {room} has declined your line (number {id})."
    other_sentences: ClassVar[tuple[str, ...]] = ("A moderator of {room} has declined your line (number {id}): {why}",)

    room: str
    id: Id
    why: str = ""

    @property
    def own_sentence(self) -> str:
        """The reason stands there where there is one."""
        return self.other_sentences[0] if self.why else self.sentence


class ReportMade(Event, frozen=True):
    """Somebody has reported a line of a room. For moderators."""

    sentence: ClassVar[str] = "A line in {room} has been reported (number {id}). /reports shows it."

    room: str
    id: Id


class MessageReported(Event, frozen=True):
    """Somebody has reported what was written to them in a conversation. For moderators of the server."""

    sentence: ClassVar[str] = "A line of a conversation has been reported (number {id}). /reports in the hall shows it."

    id: Id


class AppealMade(Event, frozen=True):
    """Somebody who may not do something asks for that to be lifted. For those who may."""

    sentence: ClassVar[str] = "Somebody appeals against a ban or a mute (number {id}). /reports shows it."

    room: str
    id: Id


class LineWaits(Event, frozen=True):
    """Something that somebody has said waits for a moderator. For those."""

    sentence: ClassVar[str] = "A line waits for a moderator in {room} (number {id}). /held shows it."

    room: str
    id: Id


class AppealAnswered(Event, frozen=True):
    """A moderator has answered what the receiver has asked for; or what it was about is `lifted`, by whomever, which closes it."""

    sentence: ClassVar[str] = "A moderator has closed your appeal (number {id}): {why}"
    other_sentences: ClassVar[tuple[str, ...]] = (
        "What you appealed against is lifted, so your appeal (number {id}) is closed. Reason: {why}",
    )

    room: str
    id: Id
    why: str
    lifted: bool = False

    @property
    def own_sentence(self) -> str:
        """Nobody has decided on it where what it was about is lifted."""
        return self.other_sentences[0] if self.lifted else self.sentence


class CasesWait(Event, frozen=True):
    """So much waits for moderators, of whom the receiver is one: told when they log in."""

    sentence: ClassVar[str] = (
        "Waiting for moderators: reports {reports}, appeals {appeals}, held lines {held}. See /reports and /held."
    )

    reports: HowMany
    appeals: HowMany
    held: HowMany


class OfficeChanged(Event, frozen=True):
    """The receiver has another role on the server now: `moderator`, `admin` or, if it was taken from them, `none`."""

    sentence: ClassVar[str] = "Your role on this server is now: {role}. /help in the hall shows what you can do."

    role: str


class MutedEverywhere(Event, frozen=True):
    """The receiver can say nothing on the whole server until a time, and why. Told as soon as it is so, and whenever they come in."""

    sentence: ClassVar[str] = (
        "You are muted on this server for {span} (number {id}); /appeal {id} WHY asks for that to be lifted. Reason: {reason}"
    )

    span: str
    until: float
    reason: str
    id: Id


class FilterSilent(Event, frozen=True):
    """A bot that filters a room has not answered for too long: it is not asked any more, and lines pass. For moderators."""

    sentence: ClassVar[str] = (
        "The filter {nick} does not answer in {room}. It is asked no more until it comes back, and lines pass."
    )

    room: str
    nick: str


class FilterAsked(Event, frozen=True):
    """A bot that filters a room is to say, by `filter-answer` with this `id`, what becomes of a line before it is said."""

    is_for_people: ClassVar[bool] = False

    room: str
    id: Id
    nick: str
    line: str
    kind: str
    guest: bool = False


MODERATION_EVENTS: tuple[type[Event], ...] = (
    *(
        LineHeld,
        LineDeclined,
        ReportMade,
        MessageReported,
        AppealMade,
        LineWaits,
        AppealAnswered,
        CasesWait,
        OfficeChanged,
        MutedEverywhere,
        FilterSilent,
        FilterAsked,
    ),
)
UNASKED: tuple[type[Event], ...] = (*MODERATION_EVENTS[:-1],)
"""What people are told though they have not asked."""
