"""Whom somebody has blocked, and what they are shown instead of what those say: the one answer to "does this one hide that one".

Who is blocked is told nothing, and whatever they say is stored and shown to everybody else. Accounts are blocked for good, which is kept with what
the account of whoever blocks has chosen; a guest, by their name, for as long as they are here (guest_blocks.py). Never knows rooms, nor how anything
is shown.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count, repeat
from typing import Any, Protocol, TypeGuard, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from chat_server.accounts import Choices, sender_of
from chat_server.journal.happened import account_of
from chat_server.protocol.amending import Reacted, Reaction, reaction_of
from chat_server.protocol.amendments import bare
from chat_server.protocol.entries import Entry, Found, Line, LineBlocked, PageShown, Recalled, Spoken
from chat_server.protocol.events import Event
from chat_server.protocol.names import name_key
from chat_server.protocol.runs import SaidRun
from chat_server.protocol.stored_event import StoredEvent
from chat_server.rooms.former_names import NO_SPANS, Spans, covers

BLOCKED = "blocked"
"""Under which of their choices is kept whom somebody has blocked: true by what the journal knows an account by (`sender_of`)."""

BLOCKS_MAX = 200
"""People whom one person blocks at a time."""

Whom = int | str
"""Who is blocked: an account, or the key of a guest's name."""

E = TypeVar("E", bound=Event)


class Blocks(Struct, frozen=True):
    """Whom somebody has blocked."""

    accounts: frozenset[int] = frozenset()
    guests: frozenset[str] = frozenset()
    """The keys of their names."""
    spans: Spans = NO_SPANS
    """When which names were those of guests whom they have blocked, of whom some have gone."""

    def __bool__(self) -> bool:
        """Whether it is anybody."""
        return bool(self.accounts or self.guests)

    @property
    def everybody(self) -> tuple[Whom, ...]:
        """All of them."""
        return (*self.accounts, *self.guests)

    def hide(self, account: int, nick: str) -> bool:
        """Whether what somebody says is hidden who has this account (0: none) and this name."""
        return account in self.accounts if account else bool(self.guests) and name_key(nick) in self.guests

    def hid(self, account: int, nick: str, at: float) -> bool:
        """The same of what was said then, by whoever was called so."""
        if account or not self.spans:
            return self.hide(account, nick)
        return covers(self.spans, name_key(nick), at)

    def on(self, lines: Sequence[Line]) -> tuple[Line, ...]:
        """The lines; for those that are hidden, what stands in their place. What changes a room for everybody, as what moderators do, never is."""
        return tuple(self._shown(line) if isinstance(line, StoredEvent) else line for line in lines)

    def _shown(self, line: Entry) -> Line:
        if line.can_be_blocked and self.hid(line.author, line.nick, line.at):
            return hidden(line)
        if isinstance(line, Reacted | Spoken) and line.whom and self.hid(line.account, line.whom, line.at):
            line = bare(line)
        if isinstance(line, Spoken) and line.reactions:
            return replace(line, reactions=tuple(filter(None, (self._left_of(one, line.at) for one in line.reactions))))
        return line

    def _left_of(self, reaction: Reaction, at: float) -> Reaction | None:
        """Those reactions to a line of that time that are not hidden. When they were given is not known: who is blocked now may have."""
        seen = [
            (nick, account)
            for nick, account in reaction.people
            if not (self.hide(account, nick) or self.hid(account, nick, at))
        ]
        return reaction_of(reaction.sign, seen) if seen else None


NO_BLOCKS = Blocks()
"""One for everybody who has blocked nobody."""


def can_be_hidden(event: Event | SaidRun) -> TypeGuard[StoredEvent | SaidRun]:
    """Whether it is not shown to somebody who has blocked its author."""
    return type(event) is SaidRun or (isinstance(event, StoredEvent) and event.can_be_blocked)


def whom(line: StoredEvent | SaidRun) -> Whom:
    """As whom its author is blocked."""
    return line.author or name_key(line.nick)


def hidden(line: StoredEvent) -> LineBlocked:
    """What is shown instead of a line."""
    return LineBlocked(line.room, line.seq, line.at)


def hidden_lines(event: StoredEvent | SaidRun) -> Iterable[LineBlocked]:
    """The same of each line of several."""
    if type(event) is SaidRun:
        return map(LineBlocked, repeat(event.room), count(event.seq), event.times)
    return (hidden(event),)


def shown_to(blocks: Blocks, event: E) -> E:
    """What was read, as it is shown to somebody who has blocked these."""
    if not (blocks or blocks.spans):
        return event
    changed: dict[str, Any] = {}
    if isinstance(event, PageShown | Recalled):
        changed["lines"] = blocks.on(event.lines)
    elif isinstance(event, Found):
        changed["rooms"] = tuple((room, blocks.on(lines)) for room, lines in event.rooms)
    return replace(event, **changed)


def blocks_of(choices: Choices, before: Blocks = NO_BLOCKS) -> Blocks:
    """Whom somebody has blocked who has chosen this, and has blocked the guests that they had blocked before."""
    kept = choices.get(BLOCKED, {})
    accounts = frozenset(account_of(who) for who, value in kept.items() if value is True) - {0}
    guests, spans = before.guests, before.spans
    return Blocks(accounts, guests, spans) if accounts or guests or spans else NO_BLOCKS


def choice_to_block(account: int, *, is_blocked: bool) -> Mapping[str, Mapping[str, bool | None]]:
    """What somebody chooses who blocks an account, or does so no longer."""
    return {BLOCKED: {sender_of(account): True if is_blocked else None}}


class Blocker(Protocol):
    """Somebody who blocks others."""

    @property
    def sessions(self) -> Sequence[Any]:
        """Theirs, each of which knows the names of its `rooms`."""


def see_as_chosen(blocker: Blocker, room: Callable[[str], Any]) -> None:
    """Have rooms show somebody who has blocked others than before what they are to see now. `room` gives the room of a name."""
    for session in blocker.sessions:
        for name in session.rooms:
            place = room(name)
            if place is not None:
                place.member_changed(session)
