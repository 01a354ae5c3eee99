"""The server's answers to a person's questions, in words: those of the plain door, which are tested there. Pure."""

from msgspec import UnsetType

from chat_server.protocol import entries, events
from chat_server.protocol.conversation_events import CONVERSATION_EVENTS
from chat_server.protocol.events import Event
from chat_server.protocol.moderation_events import UNASKED
from chat_server.protocol.people_events import MentionsWaiting, NowBack, PersonAway
from chat_server.protocol.room_events import InvitedTo, NoMember, RoomDeleted, RoomRenamed, StoringGoesOn, StoringWaits
from chat_server.protocol.stored_event import StoredEvent
from chat_tui.language import say

_QUIET = (
    events.Welcomed,
    events.LoggedOut,
    events.Dismissed,
    events.Entered,
    events.WentBack,
    events.Joined,
    events.Left,
    events.Stored,
    events.NotStored,
    entries.Recalled,
    entries.Found,
    entries.PageShown,
    events.Skipped,
    events.Refused,
)
"""What is shown by other means than words."""


_UNASKED: tuple[type[Event], ...] = (
    *(events.Timed, events.Slowed, events.RoomFailed),
    *(RoomRenamed, RoomDeleted, InvitedTo, NoMember, StoringWaits, StoringGoesOn),
    *UNASKED,
    *CONVERSATION_EVENTS,
    *(PersonAway, MentionsWaiting, NowBack),
)
"""What is told whether anybody has asked or not."""


def words_for(event: Event, *, was_typed: bool, language: str = "en") -> str:
    """What to tell the user about an event, in the language, or "". `was_typed`: it answers what they typed."""
    if isinstance(event, events.Refused):
        return event.text
    if isinstance(event, events.LoggedIn):
        return _last_login(event, language)
    if isinstance(event, (StoredEvent, *_QUIET)) or not event.is_for_people:
        return ""
    if not was_typed and not isinstance(event, _UNASKED):
        return ""
    if isinstance(event, events.Answered):
        return event.text
    return _in_words(event, language)


def _last_login(event: events.LoggedIn, language: str) -> str:
    """When the account was used before, and what was tried in vain since; "" for who has not just proved that it is theirs."""
    if isinstance(event.last_login, UnsetType):
        return ""
    _, *last, _ = _in_words(event, language).splitlines()  # between the greeting and what one may do
    return "\n".join(last)


def answer_in_words(event: Event, *, was_typed: bool, language: str = "en") -> str:
    """What to write as the answer to what was typed, where nothing else shows it: pages and what was found too."""
    if isinstance(event, entries.PageShown | entries.Found):
        return _in_words(event, language)
    return words_for(event, was_typed=was_typed, language=language)


def _in_words(event: Event, language: str) -> str:
    from chat_server.wire.render.sentences import text_of  # noqa: PLC0415 - its time zones cost 10 ms that the first paint need not wait for

    try:
        text = text_of(event, language)
    except (
        ArithmeticError,
        LookupError,
        OSError,
        ValueError,
    ):  # a newer server's setting, or a time that no clock shows
        return say("The server's answer cannot be shown by this version of chat-tui.")
    return "\n".join(line.removeprefix("* ") for line in text.splitlines())
