"""What one turn of a room's broadcaster stores: the lines among everything that waited, numbered, with who said each.

What was sent before, under the same key, the journal tells; its author is given the old number. Knows the journal, and how lines are numbered.
Never knows who is in the room, nor who is shown what.
"""

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, repeat
from typing import NamedTuple, Protocol

import trio
from msgspec import Struct
from msgspec.structs import replace

from chat_server.journal import Duplicate, JournalError, PendingAppend
from chat_server.journal.keys import KeysInRuns, SenderKey
from chat_server.journal.times import FLOOD_LINES, settled, step_of, times_for, times_of
from chat_server.protocol.entries import KIND_BY_REQUEST, Amending, Enacted, Entry, Said, Spoken, Storable, TopicSet
from chat_server.protocol.events import Event, NotStored, Stored, Timed
from chat_server.protocol.requests import Say
from chat_server.protocol.runs import Piece, SaidRun, SayRun, StoredRun, in_runs, pieces_of
from chat_server.rooms.room import Occupant


class Arrival(Struct, frozen=True):
    """Somebody enters; one who returns is told nothing of the past. `done` is set when they are a member."""

    done: trio.Event
    is_return: bool = False


class Departure(Struct, frozen=True):
    """Somebody leaves. `done` is set when nothing from here reaches them any more."""

    done: trio.Event


class Takeover(Struct, frozen=True):
    """Somebody is here by a new session instead of by `old`, their others. `done` is set when it is a member."""

    old: Collection[Occupant]
    done: trio.Event


class Renaming(Struct, frozen=True):
    """The session's person has another nickname. `done` is set when it is to be told."""

    done: trio.Event


class Barrier(Struct, frozen=True):
    """Nothing happens. `done` is set when everything that was posted before has been stored and shown.

    `stored`, where there are other nodes, is called when who came, went or has another name has been stored too, which may be much later.
    """

    done: trio.Event
    stored: Callable[[], object] | None = None


class TimedRequest(Struct, frozen=True):
    """Something that is stored, whose author wants to know how long that takes."""

    request: Storable
    posted_at: float


class Acting(NamedTuple):
    """Somebody does something that changes what may happen in the room, or what stands in it.

    `entry` is without its number, time and nickname; `target_role` is the role on the server of the one to whom it is done. `seconds` is for how long
    it is to be, where that matters. `is_done`: it has been done already, and `entry` says too whose act it was. `is_own`: what is deleted they have
    said, as a guest who is still there. `topics` are the texts of what is deleted that set one. Under the `key`, which is not stored, a program is
    told what became of it. Under which number it has come to be stored is put into `seqs`, if somebody waits for that.
    """

    entry: Enacted | Amending | TopicSet
    target_role: str = ""
    seconds: float = 0.0
    is_done: bool = False
    is_own: bool = False
    topics: frozenset[str] = frozenset()
    key: str = ""
    seqs: list[int] | None = None


class Accepted(Struct, frozen=True):
    """A moderator lets something be said that was held: it is stored as its author's, whom the journal knows as `sender`.

    `key` is that under which it is stored once, however often it is accepted; under which number it has come to be stored is put into `seqs`.
    """

    entry: Entry
    sender: str
    key: str
    seqs: list[int]


InboxItem = Storable | SayRun | TimedRequest | Acting | Accepted | Renaming | Arrival | Takeover | Departure | Barrier

InboxEntry = tuple[Occupant, str, InboxItem, tuple[Occupant, ...]]
"""What waits in the inbox: who, under which nickname at the time, what, and to whom a line will not be shown."""

Answer = tuple[Occupant, Event | StoredRun]
"""An author, and what became of their line, or of several."""

HELD = "held:"
"""Who sends what was held, to the journal, which stores once what somebody sends under one key. Nobody else is called so."""

STORED_KINDS = frozenset((*KIND_BY_REQUEST, TimedRequest, Acting, Accepted))
"""What is stored. The rest is ordered with it, but takes no number."""


def each_of(entries: Iterable[InboxEntry]) -> Iterator[InboxEntry]:
    """The entries, of runs one for each line."""
    for entry in entries:
        session, nick, what, not_for = entry
        if type(what) is SayRun:
            yield from ((session, nick, line, not_for) for line in what)
        else:
            yield entry


class Store(Protocol):
    """A journal, as far as it matters here."""

    def append(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey]) -> PendingAppend:
        """Begin to store lines; see Journal."""
        ...


class Batch:
    """Some entries, of which the lines are being stored: all of one room, and stored together."""

    __slots__ = (
        "_about",
        "_acted",
        "_appending",
        "_began",
        "_keys",
        "_room",
        "_seqs",
        "_timed",
        "answers",
        "entries",
        "is_plain",
        "lines",
    )

    def __init__(
        self,
        room: str,
        after: tuple[int, float],
        now: float,
        entries: Sequence[InboxEntry],
        journal: Store,
        *,
        line_of: Callable[[int], Entry | None],
        marks_guests: bool = False,
    ) -> None:
        """Begin to store the lines.

        Args:
            room: the room's name.
            after: the number and the time of the line before them, if all that is being stored will be.
            now: the time, in seconds since 1970.
            entries: everything that waited.
            journal: where they are kept.
            line_of: gives the line with a number, if it is known: that to which somebody replies is.
            marks_guests: whether lines of people without an account say so.

        """
        self._room, self._about = room, line_of
        self._keys = KeysInRuns()
        self._timed: dict[int, float] = {}
        self._seqs: dict[int, list[int]] = {}  # where it is put under which number something has come to be stored
        self._acted: dict[int, str] = {}  # the keys of what is done, which nobody stores
        self.entries = entries
        self.lines: Sequence[Entry] = ()
        """Numbered as they will be if nothing goes wrong, and nothing was sent before."""
        self.is_plain = bool(entries)
        """Whether there was something, all of it lines that leave the room as it is, stored as they were numbered, a piece (`pieces_of`) for each
        entry."""
        self.answers: list[Answer] = []
        """What authors are to be told when everybody has been shown what was stored."""
        last_seq, last_at = after
        at, step = times_for(now, last_at, _count(entries))
        first = seq = last_seq + 1
        pieces: list[Piece] = []
        for session, nick, what, _ in entries:
            person = session.person
            account = person.account
            guest = marks_guests and not account
            bot = account != 0 and session.proof.is_bot
            if type(what) is Say:
                person.active_at = now
                if what.key:
                    self._keys.add(seq - first, session.person.sender, (what.key,))
                line: Entry = Said(room, seq, at, nick, what.text, account, guest, bot)
                if what.re:
                    self.is_plain = False
                    line = self._in_reply(line, what.re)
                pieces.append(line)
                seq += 1
                at += step  # as times_of has it
            elif type(what) is SayRun:
                person.active_at = now
                *times, at = accumulate(repeat(step, what.texts.count), initial=at)
                if what.keys:
                    self._keys.add(seq - first, session.person.sender, what.keys)
                pieces.append(SaidRun(room, seq, times, nick, what.texts, account, guest, bot))
                seq += len(times)
            elif (entry := self._line_of(nick, what, seq, at, (account, guest, bot))) is not None:
                person.active_at = now
                self._note(seq - first, session, what)
                pieces.append(entry)
                seq += 1
                at += step
            elif type(what) is not Barrier:  # who waits for what they said has done nothing by that
                person.active_at = now
        self.lines = in_runs(pieces, seq - first)
        self._began = trio.current_time() if self._timed else 0.0
        self._appending = journal.append(self.lines, self._keys) if pieces else None

    def _note(self, index: int, session: Occupant, what: InboxItem) -> None:
        """Note what its author is to be told of a line."""
        if isinstance(what, Acting):
            if what.key:
                self._acted[index] = what.key
            if what.seqs is not None:
                self._seqs[index] = what.seqs
            return
        if key := _key_of(what):
            self._keys.add(index, HELD if type(what) is Accepted else session.person.sender, (key,))
        if type(what) is TimedRequest:
            self._timed[index] = what.posted_at
        elif type(what) is Accepted:
            self._seqs[index] = what.seqs

    def _line_of(self, nick: str, what: InboxItem, seq: int, at: float, whose: tuple[int, bool, bool]) -> Entry | None:
        """What is stored of an entry, if anything is."""
        if type(what) is TimedRequest:
            what = what.request
        if isinstance(what, Accepted):
            self.is_plain = False
            accepted = replace(what.entry, room=self._room, seq=seq, at=at)
            return self._in_reply(accepted, accepted.re) if isinstance(accepted, Spoken) and accepted.re else accepted
        if isinstance(what, Acting):
            self.is_plain = False
            account, guest, bot = (what.entry.author, False, False) if what.is_done else whose
            acted = {
                "room": self._room,
                "seq": seq,
                "at": at,
                "nick": nick,
                "author": account,
                "guest": guest,
                "bot": bot,
            }
            return replace(what.entry, **acted)
        if not isinstance(what, Storable):
            self.is_plain = False
            return None
        kind = KIND_BY_REQUEST[type(what)]
        if kind.changes_room:
            self.is_plain = False
        line = kind(self._room, seq, at, nick, getattr(what, kind.text_field), *whose)
        return self._in_reply(line, what.re) if isinstance(what, Say) and what.re else line

    def _in_reply(self, line: Entry, number: int) -> Entry:
        """A line that replies to the one with this number, and says whose that is."""
        about = self._about(number)
        whose = {"whom": about.nick, "account": about.author} if isinstance(about, Spoken) else {}
        return replace(line, re=number, **whose)

    async def stored(self) -> Sequence[Entry | None]:
        """Wait until the lines are stored. Returns them, in order; None for each that is not: it was before, or the disk refused."""
        if self._appending is None:
            return ()
        try:
            first, duplicates, _ = await self._appending.stored()
        except JournalError:
            self._answer_unstored()
            self.is_plain = False
            return [None] * len(self.lines)
        stored: Sequence[Entry | None] = self.lines
        if duplicates or first != pieces_of(self.lines)[0].seq:
            stored = self._renumbered(first, duplicates)
        for index, seqs in self._seqs.items():
            line = stored[index]
            seqs.append(duplicates[index].seq if line is None else line.seq)
        if self._keys or self._timed or self._acted:
            self._answer_stored(stored)
        return stored

    def move(self, first: int, at: float) -> None:
        """Have the lines numbered from `first` on, with the times from `at` on: others' lines have been stored before them."""
        if not self.lines or (first == self.lines[0].seq and at == self.lines[0].at):
            return
        times = times_of(at, step_of(self.lines), len(self.lines))
        moved: list[Piece] = []
        place = 0
        for piece in pieces_of(self.lines):
            if type(piece) is SaidRun:
                moved.append(replace(piece, seq=first + place, times=times[place : place + len(piece)]))
                place += len(piece)
            else:
                moved.append(replace(piece, seq=first + place, at=times[place]))
                place += 1
        self.lines = in_runs(moved, place)

    @property
    def _authors(self) -> list[Occupant]:
        """Who said each line."""
        authors: list[Occupant] = []
        for session, _, what, _ in self.entries:
            if type(what) is SayRun:
                authors += [session] * len(what)
            elif type(what) in STORED_KINDS:
                authors.append(session)
        return authors

    def _renumbered(self, seq: int, duplicates: Mapping[int, Duplicate]) -> list[Entry | None]:
        authors = self._authors
        self.is_plain = False
        for index, (room, first_seq) in duplicates.items():
            self.answers.append((authors[index], Stored(room, first_seq, self._keys[index].key)))
        left = iter(settled(self.lines, seq, duplicates))
        return [None if index in duplicates else next(left) for index in range(len(self.lines))]

    def _answer_unstored(self) -> None:
        authors = self._authors
        self.answers += [(authors[index], NotStored(self._room, 1, pair.key)) for index, pair in self._keys.items()]
        self.answers += [(authors[index], NotStored(self._room, 1, key)) for index, key in self._acted.items()]
        keyed = self._acted.keys() | {index for index, _ in self._keys.items()} if self._acted else self._keys
        without = Counter(author for index, author in enumerate(authors) if index not in keyed)
        self.answers += [(author, NotStored(self._room, count)) for author, count in without.items()]

    def _answer_stored(self, stored: Sequence[Entry | None]) -> None:
        if stored is self.lines and not (self._timed or self._acted or self._seqs):
            authors, first = self._authors, pieces_of(self.lines)[0].seq
            self.answers += [
                (authors[index], StoredRun(self._room, first + index, keys)) for index, _, keys in self._keys.runs
            ]
            return
        took = trio.current_time() - self._began
        for index, (author, line) in enumerate(zip(self._authors, stored, strict=True)):
            if line is None:
                continue
            if index in self._keys and index not in self._seqs:  # that key is none of whoever has accepted
                self.answers.append((author, Stored(line.room, line.seq, self._keys[index].key)))
            if index in self._acted:
                self.answers.append((author, Stored(line.room, line.seq, self._acted[index])))
            if index in self._timed:
                self.answers.append((author, Timed(line.room, line.seq, self._began - self._timed[index], took)))


def _count(entries: Sequence[InboxEntry]) -> int:
    """Their lines, as far as that makes a difference."""
    if len(entries) > FLOOD_LINES:
        return len(entries)
    return sum([what.texts.count if type(what) is SayRun else 1 for _, _, what, _ in entries])


def outcome_of(
    room: str, entries: Sequence[InboxEntry], found: Sequence[Entry]
) -> tuple[Sequence[Entry | None], deque[Answer]]:
    """What became of lines of which it is not known whether they were stored, and what to tell their authors: all were found, or none was stored."""
    asked = [(session, what) for session, _, what, _ in each_of(entries) if type(what) in STORED_KINDS]
    keys = [(session, _key_of(what)) for session, what in asked]
    if len(found) == len(keys):
        for (_, what), line in zip(asked, found, strict=True):
            if isinstance(what, Accepted | Acting) and what.seqs is not None:
                what.seqs.append(line.seq)
        stored = zip(keys, found, strict=True)
        return found, deque((author, Stored(room, line.seq, key)) for (author, key), line in stored if key)
    return [None] * len(keys), deque((author, NotStored(room, 1, key)) for author, key in keys)


def _key_of(what: InboxItem) -> str:
    """The key of something that is stored, if it has one."""
    what = what.request if isinstance(what, TimedRequest) else what
    return what.key if isinstance(what, Storable | Accepted | Acting) else ""
