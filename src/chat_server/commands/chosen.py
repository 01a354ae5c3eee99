"""What somebody has chosen about how they are shown things, kept with their account, and in force again when they log in.

Some of it holds wherever they are, some at one kind of door: at telnet, or at a terminal without it. Never knows how a choice is put into effect.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from chat_server.accounts import Choices, sender_of, with_choices
from chat_server.journal import JournalError
from chat_server.journal.happened import GuestBlocked, PersonId, account_of
from chat_server.protocol.choices import CHARSETS, LANGUAGES
from chat_server.protocol.events import Event, Refused
from chat_server.protocol.preferences import AS_THE_TERMINAL
from chat_server.protocol.requests import HISTORY_MAX
from chat_server.protocol.time_zones import BadZone, parse_zone
from chat_server.rooms.away import AWAY, AWAY_MAX, away_of
from chat_server.rooms.blocking import blocks_of, choice_to_block, see_as_chosen
from chat_server.rooms.directory import Directory
from chat_server.rooms.guest_blocks import Blocker
from chat_server.rooms.person import Person, person_id
from chat_server.rooms.room import MaybeAwaitable, Occupant, Room, carried_through
from chat_server.rooms.who_may_write import CHOICES as WRITERS
from chat_server.rooms.writing import RECEIPTS, TYPING

WIDTHS = range(20, 201)
"""Columns that one may say a terminal has."""

SEEN = "seen"
"""Under which of what holds wherever they are somebody says whether others are told when they were here."""

WHEREVER = ""
"""The kind of door of what holds at all of them."""


def _is_zone(value: object) -> bool:
    try:
        return isinstance(value, str) and parse_zone(value) == value
    except BadZone:
        return False


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


_HOLD_WHEREVER: Mapping[str, Callable[[object], bool]] = {
    "language": lambda value: value in LANGUAGES,
    "zone": _is_zone,
    "history": lambda value: value in range(HISTORY_MAX + 1),
    "dm": lambda value: value in WRITERS,
    AWAY: lambda value: isinstance(value, str) and len(value) <= AWAY_MAX,
    SEEN: _is_bool,
    TYPING: _is_bool,
    RECEIPTS: _is_bool,
}
_HOLD_AT_A_DOOR: Mapping[str, Callable[[object], bool]] = {
    "charset": lambda value: value in CHARSETS,
    "mode": lambda value: value in {"line", "edit"},
    "colour": _is_bool,
    "wrap": lambda value: value in {0, AS_THE_TERMINAL} or value in WIDTHS,
    "plain": _is_bool,
    "keepalive": _is_bool,
}
"""What can be chosen, and what each may be: what is stored may be from another release."""


def _kind_of(session: Occupant) -> str:
    """The kind of door that a session came by."""
    return "telnet" if session.speaks_telnet else "text" if session.has_terminal else "program"


class Answers(Struct, frozen=True):
    """What somebody is told who chooses something: None: nothing."""

    send: Callable[[Event], None]
    done: Event | None
    not_done: Event

    def give(self, answer: Event | None) -> None:
        """Tell them one of the two."""
        if answer is not None:
            self.send(answer)


def note_choice(
    place: Room,
    session: Occupant,
    setting: str,
    value: str | int | bool | None,
    answer: Event | None = None,
    *,
    is_asked: bool = True,
) -> MaybeAwaitable:
    """Note what somebody has chosen (None: they do so no longer); if they have an account, it is stored with that, or it is not so.

    Args:
        place: where they are.
        session: by which they choose.
        setting: what they choose.
        value: which.
        answer: what they are told when that is so; None: they have been told what holds at this session, and are told if it is not kept.
        is_asked: whether that answers a request of theirs.

    """
    person = session.person
    send = session.send if is_asked else session.send_unasked
    if session.proof.is_bot:
        if answer is not None:
            send(answer)
        return None
    kind = WHEREVER if setting in _HOLD_WHEREVER else _kind_of(session)
    chosen = {kind: {setting: value}}

    def choose() -> None:
        person.choices = with_choices(person.choices, chosen)
        person.away = away_of(person.choices)

    if answer is not None:
        return _choose(place, session, chosen, choose, Answers(send, answer, Refused("cannot-store")))
    return _choose(place, session, chosen, choose, Answers(session.send_unasked, None, Refused("not-kept")))


def note_words(
    place: Room, session: Occupant, kind: str, words: Mapping[str, str | None], answer: Event
) -> MaybeAwaitable:
    """Note words of somebody's own, of this kind: what each stands for, or that it stands for nothing any more. Their other programs are told."""
    person, chosen = session.person, {kind: words}

    def choose() -> None:
        person.choices = with_choices(person.choices, chosen)
        for other in person.sessions:
            if other is not session and not other.has_terminal:
                other.send_unasked(answer)

    return _choose(place, session, chosen, choose, Answers(session.send, answer, Refused("cannot-store")))


def note_block(place: Room, session: Occupant, account: int, answer: Event, *, is_blocked: bool) -> MaybeAwaitable:
    """Note that somebody blocks an account, or does so no longer, and show them what they are to see now; kept as what they choose is."""
    person, chosen = session.person, choice_to_block(account, is_blocked=is_blocked)

    def choose() -> None:
        person.choices = with_choices(person.choices, chosen)
        _block_as_chosen(place.directory, person)
        if not person.account:
            tell_block(place.directory, person, sender_of(account), "", is_blocked=is_blocked)

    return _choose(place, session, chosen, choose, Answers(session.send, answer, Refused("cannot-store")))


def tell_block(
    directory: Directory[Room, Person[Occupant]],
    person: Person[Occupant],
    whom: PersonId,
    nick: str,
    *,
    is_blocked: bool,
) -> None:
    """Somebody has blocked a guest, or as a guest anybody, or does so no longer: so they do at other nodes, if they are there too."""
    if directory.others is not None and whom:
        directory.others.block(person_id(person, directory.others.nodes.number), whom, nick, is_blocked=is_blocked)


def block_as_elsewhere(directory: Directory[Room, Person[Occupant]], change: GuestBlocked) -> None:
    """The same, of which another node has told. Whoever has gone from here comes back with what they have blocked since."""
    person = directory.identified(change.person) or directory.guest_blocks.who_left(change.person)
    if person is None:
        return
    if account := account_of(change.whom):
        person.choices = with_choices(person.choices, choice_to_block(account, is_blocked=change.is_blocked))
        _block_as_chosen(directory, person)
    elif change.is_blocked:
        directory.guest_blocks.block(person, change.nick, change.whom)
    else:
        directory.guest_blocks.unblock_anyway(person, change.whom, change.nick)


def _block_as_chosen(directory: Directory[Room, Person[Occupant]], person: Blocker) -> None:
    blocks = blocks_of(person.choices, person.blocks)
    if blocks != person.blocks:
        person.blocks = blocks
        see_as_chosen(person, directory.room)


def _choose(
    place: Room, session: Occupant, chosen: Choices, choose: Callable[[], None], answers: Answers
) -> MaybeAwaitable:
    """Put it into effect, once it is stored where that is possible, and say so."""
    if session.person.account:
        return _store(place, session.person, chosen, choose, answers)
    choose()
    answers.give(answers.done)
    return None


async def _store(
    place: Room, person: Person[Occupant], chosen: Choices, choose: Callable[[], None], answers: Answers
) -> None:
    is_stored = False
    person.choosing += 1
    try:
        with suppress(JournalError), carried_through():
            await place.directory.accounts.add_choices(person.account, chosen)
            choose()
            is_stored = True
    finally:
        person.choosing -= 1
    answers.give(answers.done if is_stored else answers.not_done)


def choose_as_stored(directory: Directory[Room, Person[Occupant]], person: Person[Occupant], chosen: Choices) -> bool:
    """Let what somebody has chosen at whatever node hold at this one too. Returns whether it is another language.

    What holds at a kind of door does so for whoever comes by it from now on, as where it was chosen.
    """
    if person.choosing:  # that is stored after this, and comes as this does
        return False
    before = person.language
    person.choices = with_choices(person.choices, chosen)
    _hold_wherever(person, chosen)
    _block_as_chosen(directory, person)
    return person.language != before


def _hold_wherever(person: Person[Occupant], chosen: Choices) -> None:
    wherever = _valid(chosen.get(WHEREVER, {}), _HOLD_WHEREVER)
    person.language = wherever.get("language", person.language)
    person.zone = wherever.get("zone", person.zone)
    person.history = wherever.get("history", person.history)
    person.away = away_of(person.choices)


def take_up_choices(place: Room, session: Occupant, person: Person[Occupant], stored: Choices) -> None:
    """Show a session that logs in as somebody what it is to be shown as they have chosen; what was chosen here just now is stronger."""
    person.choices = with_choices(stored, session.person.choices)
    _hold_wherever(person, person.choices)
    _block_as_chosen(place.directory, person)
    at_this_door = _valid(person.choices.get(_kind_of(session), {}), _HOLD_AT_A_DOOR) if session.has_terminal else {}
    language = person.language or session.preferences.language
    preferences = replace(session.preferences, **{**at_this_door, "language": language})
    if preferences != session.preferences:
        session.set_preferences(preferences)


def _valid(chosen: Mapping[str, object], known: Mapping[str, Callable[[object], bool]]) -> dict[str, Any]:
    return {setting: value for setting, value in chosen.items() if setting in known and known[setting](value)}
