"""Who is named in what is said and does not hear it: people of a room who are not there, and people who are away.

A room looks through what is said at its own node, once that is shown, for the names of those who have a role there or were there lately. Whom it
finds is looked into a little later, beside everything else: that they were named is kept for them (journal/mentions.py), unless they have blocked
who has named them; and who has named somebody who is away is told so, once an hour. Bounds: so many lines a second are looked through, and so many
of those who were found wait. Never knows how names are told in a text, nor how mentions are kept.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import trio
from msgspec import Struct

from chat_server.accounts import Account, Accounts, sender_of
from chat_server.accounts.names_index import NamesIndex
from chat_server.guard import Guard
from chat_server.journal import Journal, JournalError
from chat_server.journal.happened import account_of
from chat_server.journal.mentions import Mention
from chat_server.protocol.entries import KINDS, Entry, Spoken
from chat_server.protocol.mentions import names_in
from chat_server.protocol.names import name_key
from chat_server.protocol.people_events import PersonAway
from chat_server.protocol.runs import Piece, SaidRun
from chat_server.protocol.stored_event import StoredEvent
from chat_server.rooms.away import AwayAmongNodes, away_of
from chat_server.rooms.blocking import blocks_of

KNOWN_MAX = 1000
"""People of a room whose names are looked for: those with a role, and of the others those who were there last."""

SECONDS_EACH = 0.005
"""Seconds, for each whom the room remembers, after which it sees that one is new there or called otherwise: one takes a microsecond."""

LINES_A_SECOND = 200
"""Lines that a room looks through in a second: of forty people who talk as fast as anybody may. What is said beyond that calls nobody."""

LINES_A_SECOND_IN_ALL = 2000
"""The same of all rooms together: 3 ms. Without these bounds a flood of lines would cost a third more."""

WAITING_MAX = 1024
"""Of those who were found, so many wait to be looked into; beyond that, those who were named first are forgotten."""

LOOK_SECONDS = 0.25
"""Seconds for which it is waited for more that can be kept by the same commit."""

AGAIN_SECONDS = 2.0
"""Seconds after which it is tried again to keep what could not be kept."""

TOLD_SECONDS = 3600.0
"""Seconds in which nobody is told twice that the same person is away."""

TOLD_MAX = 10_000
"""Pairs of people of whom it is remembered that one has been told of the other."""

CALLING: tuple[type[StoredEvent], ...] = tuple(kind for kind in KINDS if kind.alerts and not kind.shape.is_sentence)
"""Kinds of lines that call those who are named in them; the server's own word does not."""


class Call(Struct, frozen=True):
    """Somebody with an account was named, or written to: by whom, and in which line (0: in none that is kept for them)."""

    account: int
    room: str
    seq: int
    at: float
    author: int
    nick: str
    is_here: bool


class Person(Protocol):
    """Somebody, as far as it matters here."""

    account: int
    nick: str
    sender: str
    away: str | None
    sessions: Any


class Directory(Protocol):
    """Who is here, and what keeps what is said, as far as it matters here."""

    journal: Journal
    accounts: Accounts
    away: AwayAmongNodes

    def identified(self, identity: str) -> Any:
        """Who is here with the proof of being this one."""

    def person(self, nick: str) -> Any:
        """Who has this name."""


class Calls:
    """What all rooms of a server have found, until it has been looked into."""

    def __init__(self, directory: Directory) -> None:
        """Nothing yet."""
        self._directory = directory
        self._waiting: deque[Call] = deque(maxlen=WAITING_MAX)
        self._has_more = trio.Event()
        self._told: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._second = -1
        self._lines = 0
        self._guard = Guard("it could not be kept who was named")
        self.away_guests: dict[str, Person] = {}
        """Guests who are away, by the keys of their names."""

    def guest_is_called(self, old: str, new: str) -> None:
        """A guest has another name, or has gone ("")."""
        guest = self.away_guests.pop(name_key(old), None)
        if guest is not None and new:
            self.away_guests[name_key(new)] = guest

    def may_look(self, now: float) -> bool:
        """Whether one more line may be looked through at this time."""
        if int(now) != self._second:
            self._second, self._lines = int(now), 0
        self._lines += 1
        return self._lines <= LINES_A_SECOND_IN_ALL

    def put(self, call: Call) -> None:
        """Have this looked into."""
        self._waiting.append(call)
        self._has_more.set()

    def is_attentive(self, account: int) -> bool:
        """Whether an account that is here, at whatever node, is not away."""
        person = self._directory.identified(sender_of(account))
        return not self._directory.away.has(account) if person is None else person.away is None

    def has_written(self, person: Person, account: int, guest: Person | None) -> None:
        """Somebody has written to an account, or to a guest: they are told if those are away."""
        if guest is not None:
            self.tell_of_guest(person.account, person.nick, guest, "")
        elif account and not self._is_told(person.sender, sender_of(account)):
            self.put(Call(account, "", 0, 0.0, person.account, person.nick, is_here=True))

    async def run(self) -> None:
        """Look into what is found, for ever."""
        while True:
            await self._has_more.wait()
            await trio.sleep(LOOK_SECONDS)
            self._has_more = trio.Event()
            with self._guard:
                if not await self.look():
                    self._has_more.set()
                    await trio.sleep(AGAIN_SECONDS)

    async def look(self) -> bool:
        """Look into what waits; returns whether all of it could be."""
        calls = [*self._waiting]
        self._waiting.clear()
        try:
            await self._look(calls)
        except JournalError:
            newer = [*self._waiting]
            self._waiting.clear()
            self._waiting.extend((*calls, *newer))
            return False
        return True

    async def keep(self, calls: Iterable[Call]) -> None:
        """Look into these now. Raises JournalError: none of them may be kept."""
        await self._look(calls)

    async def _look(self, calls: Iterable[Call]) -> None:
        accounts: dict[int, Account | None] = {}
        mentions: list[Mention] = []
        for call in calls:
            if call.account not in accounts:
                accounts[call.account] = await self._directory.accounts.account(call.account)
            account = accounts[call.account]
            if account is None or account.state == "closed":
                continue
            away = away_of(account.choices)
            is_blocked = blocks_of(account.choices).hide(call.author, call.nick)  # of which they notice nothing
            if call.seq and (away is not None or not call.is_here) and not is_blocked:
                mentions.append(Mention(call.account, call.room, call.seq, call.author, call.at))
            if away is not None:
                self._tell(call.author, call.nick, sender_of(account.id), PersonAway(account.name, away, call.room))
        if mentions:
            await self._directory.journal.mentions.add(mentions)

    def _is_told(self, who: str, whom: str) -> bool:
        """Whether one has been told of the other within the last hour."""
        return trio.current_time() - self._told.get((who, whom), -TOLD_SECONDS) < TOLD_SECONDS

    def tell_of_guest(self, author: int, nick: str, guest: Person, room: str) -> None:
        """A guest who is away was named."""
        if guest.away is not None and name_key(guest.nick) != name_key(nick):
            self._tell(author, nick, guest.sender, PersonAway(guest.nick, guest.away, room))

    def _tell(self, author: int, nick: str, whom: str, event: PersonAway) -> None:
        """Tell who has named somebody that they are away, if they have not been told within the last hour."""
        who = self._directory.identified(sender_of(author)) if author else self._directory.person(nick)
        if who is None:
            return
        if self._is_told(who.sender, whom):
            return
        self._told.pop((who.sender, whom), None)
        self._told[who.sender, whom] = trio.current_time()
        if len(self._told) > TOLD_MAX:
            self._told.popitem(last=False)
        for session in who.sessions:
            if not session.proof.is_bot and (not event.room or event.room in session.rooms):
                self._guard.attempt(session.send_unasked, event)


class Members(Protocol):
    """Who is in a room, as far as it matters here."""

    def hears(self, account: int) -> bool:
        """Whether an account's person hears the room, at whatever node: a bot hears it for nobody."""
        ...


class Past(Protocol):
    """What a room remembers, as far as it matters here."""

    room: str
    is_read: bool
    accounts_changed: int

    @property
    def gate(self) -> Any:
        """What may happen in the room."""

    @property
    def people(self) -> Iterable[str]:
        """Who was here, as the journal knows them; those who were longest ago first."""

    def line(self, number: int) -> Entry | None:
        """The line with this number, if it is known."""
        ...


class RoomCalls:
    """The names of a room's people, and who of them is named."""

    def __init__(self, members: Members, past: Past, calls: Calls, names: NamesIndex) -> None:
        """Look for nobody yet."""
        self._members, self._past, self._calls, self._names = members, past, calls, names
        self._known: dict[str, int] = {}
        self._known_by: tuple[int, int] = (-1, -1)
        self._roles: object = None  # those by which it is known, kept, so that no others are at their place
        self._known_until = 0.0
        self._second = -1
        self._lines = 0

    def note(self, pieces: Iterable[Piece | None]) -> None:
        """See whom lines name that have just been stored."""
        calls = self._calls
        if not (self._names or calls.away_guests):
            return
        now = trio.current_time()
        if int(now) != self._second:
            self._second, self._lines = int(now), 0
        if self._lines > LINES_A_SECOND:
            return
        known = self._known_now(now)
        if not (known or calls.away_guests):
            return
        for piece in pieces:
            for line in piece if type(piece) is SaidRun else (piece,):
                if not isinstance(line, CALLING):
                    continue
                self._lines += 1
                if self._lines > LINES_A_SECOND or not calls.may_look(now):
                    return
                self._look(line, known)

    def _look(self, line: StoredEvent, known: Mapping[str, int]) -> None:
        named = {known[key] for key in names_in(line.text, known) if self._names.holder(key) == known[key]}
        if isinstance(line, Spoken) and line.account:
            named.add(line.account)  # who has said something is told of a reply to it
        for account in named:
            if account != line.author:
                is_here = self._members.hears(account)
                if is_here and self._calls.is_attentive(account):
                    continue
                call = Call(account, self._past.room, line.seq, line.at, line.author, line.nick, is_here)
                self._calls.put(call)
        if guests := self._calls.away_guests:
            for key in names_in(line.text, guests):
                self._calls.tell_of_guest(line.author, line.nick, guests[key], self._past.room)

    def _known_now(self, now: float) -> Mapping[str, int]:
        """The names to look for, each with whose it is."""
        if not self._past.is_read:
            return self._known
        roles = self._past.gate.state.roles
        known_by = (self._past.accounts_changed, self._names.changes)
        is_level = self._roles is roles and self._known_by == known_by
        if not is_level and now >= self._known_until:
            self._known_by, self._roles = known_by, roles
            were_here = [account for who in self._past.people if (account := account_of(who))]
            accounts = (*roles, *reversed(were_here))
            self._known = {
                name_key(name): account
                for account in dict.fromkeys(accounts[:KNOWN_MAX])
                if (name := self._names.name_of(account))
            }
            self._known_until = now + len(were_here) * SECONDS_EACH
        return self._known
