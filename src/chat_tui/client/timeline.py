"""What is known of one room's past and present, in order: numbered lines, and status messages between them.

Lines may come in any order, and more than once: pages, what was missed, what is said now. Numbers say where they belong. An entry of
a kind that this program does not know comes as a bare `StoredEvent`: its number is known then, and it is shown nowhere. Pure.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import NamedTuple, cast

import msgspec

from chat_server.protocol.amending import Edited, Reacted, Reaction, Redacted
from chat_server.protocol.amendments import after, amended
from chat_server.protocol.entries import Amending, Entry, LineBlocked, Spoken
from chat_server.protocol.names import name_key
from chat_server.protocol.stored_event import StoredEvent
from chat_tui.client.kept_entries import KeptEntries
from chat_tui.client.numbers import Numbers
from chat_tui.client.timeline_entries import BlockedLines, Numbered, StatusMessage, TimelineEntry, place
from chat_tui.client.visits import Visits

LATELY = 1000
"""Entries among which somebody's newest line is looked for."""

FOLD_LINES = 30
"""Entries back to which somebody's earlier coming and going is drawn to where they come or go now: a screen."""

FOLD_SECONDS = 3600.0
"""Seconds back to which."""

FOLD_MOVES = 2
"""How often somebody came or went before that is done: who comes, talks and goes is told where they came, and where they went."""


class Changes(NamedTuple):
    """What has changed since it was last asked: so many entries came before all others; everything from index `since` on may be new."""

    prepended: int
    since: int


UNSHOWN = (StoredEvent, Edited, Reacted, Redacted)
"""What takes a number and stands nowhere itself: of a kind that is not known, or what is seen in the line that it amends."""

_NO_LINES = (*UNSHOWN, LineBlocked)


class Timeline:
    """The entries of one room."""

    def __init__(self) -> None:
        self.entries = KeptEntries()
        self.newest = 0
        """The number of the newest line that is known."""
        self.numbers = Numbers()
        """The numbers of all that is known, shown or not."""
        self._prepended = 0
        self._since: int | None = None
        self._status_messages = 0
        self._let_go = 0
        self._reacted: dict[int, dict[int, Reacted]] = {}
        """For lines, what is known of how people have reacted, by the entries' numbers."""
        self._as_read: dict[int, tuple[tuple[Reaction, ...], int]] = {}
        """How the reactions to these lines stood when they were read, and up to which entry."""
        self._deleters: list[tuple[int, int, str]] = []
        """Who has deleted lines, from which number to which: a server may name more than there can be."""

    def add(self, kept: Sequence[StoredEvent | LineBlocked]) -> list[StoredEvent | LineBlocked]:
        """Add what is kept from one number to another, in order; return what is new of it, what is not shown too."""
        if not kept:
            return []
        lines = [entry for entry in kept if type(entry) not in _NO_LINES and not self._was_let_go(entry.seq)]
        unshown = [entry for entry in kept if type(entry) in UNSHOWN and entry.seq not in self.numbers]
        blocked = [entry for entry in kept if type(entry) is LineBlocked and entry.seq not in self.numbers]
        self.numbers.add(kept[0].seq, kept[-1].seq)
        self.newest = max(self.newest, kept[-1].seq)
        new: list[StoredEvent | LineBlocked] = [*self._add_lines(cast("list[Entry]", lines)), *blocked]
        self._fold(blocked)
        if not unshown:
            return sorted(new, key=lambda entry: entry.seq) if blocked else new
        self._changed_from(self.index_of(unshown[0].seq))  # how many lines are missing before the next one has changed
        return sorted((*new, *unshown), key=lambda entry: entry.seq)

    def _fold(self, blocked: Sequence[LineBlocked]) -> None:
        """Have one row for those that follow one another, with the row before it if they follow that."""
        for line in blocked:
            index = self.index_of(line.seq)
            before = self.entries[index - 1] if index else None
            if isinstance(before, BlockedLines) and before.last + 1 == line.seq:
                self._put(index - 1, BlockedLines(before.seq, line.seq, before.at))
            else:
                self._insert(BlockedLines(line.seq, line.seq, line.at))

    def _was_let_go(self, seq: int) -> bool:
        return seq <= self._let_go and seq in self.numbers

    def _add_lines(self, lines: list[Entry]) -> list[Entry]:
        entries = self.entries
        if not lines:
            return []
        if not entries or place(entries[-1]) < (lines[0].seq, 0):
            self._changed_from(len(entries))
            entries.extend(lines)
            return lines
        if (lines[-1].seq, 0) < place(entries[0]):
            entries.replace(0, 0, lines)
            self._prepended += len(lines)
            self._since = None if self._since is None else self._since + len(lines)
            return lines
        return [line for line in lines if self._insert(line)]

    def _insert(self, entry: TimelineEntry) -> bool:
        index = self.entries.index_of(place(entry))
        if index < len(self.entries) and place(self.entries[index]) == place(entry):
            if isinstance(entry, Entry) and self.entries[index] != entry:
                self._put(index, entry)  # it was amended, and that has not been told here yet
                self._as_read.pop(entry.seq, None)
            return False
        self.entries.replace(index, index, [entry])
        self._changed_from(index)
        return True

    def amend(self, entry: Amending) -> None:
        """Have lines that an entry amends stand as they are afterwards, where they stand."""
        if isinstance(entry, Reacted):
            self._react(entry)
            return
        for first, last in amended(entry):
            for index in range(self.index_of(first), self.index_of(last + 1)):
                line = self.entries[index]
                if isinstance(line, Entry) and (new := after(line, entry)) is not line:
                    self._put(index, new)
            if isinstance(entry, Redacted):
                self._deleters.append((first, last, entry.nick))
                self._changed_from(self.index_of(first))

    def _react(self, entry: Reacted) -> None:
        """Have the reactions to a line stand in the order of reacting, whichever of them comes first: an older page may come after a newer one."""
        known = self._reacted.setdefault(entry.of, {})
        known[entry.seq] = entry
        index = self.index_of(entry.of)
        line = self.entries[index] if index < len(self.entries) else None
        if not isinstance(line, Spoken) or line.seq != entry.of:
            return
        reactions, reacted = self._as_read.setdefault(line.seq, (line.reactions, line.reacted))
        new: Entry = msgspec.structs.replace(line, reactions=reactions, reacted=reacted)
        for seq in sorted(known):
            new = after(new, known[seq])
        if new != line:
            self._put(index, new)

    def tell(self, text: str, at: float, *, is_error: bool = False, has_time: bool = False) -> None:
        """Add a status message after everything that is known. `has_time`: it is shown when that was."""
        self._status_messages += 1
        self._insert(StatusMessage(self.newest, self._status_messages, at, text, is_error, has_time))

    def visited(self, nicks: Sequence[str], more: int, at: float, *, is_coming: bool) -> None:
        """Tell who comes or goes, in one message with those just before, and with what the same people did a little earlier."""
        taken = self._take_visits(nicks, at, FOLD_MOVES)
        self._tell_visits(taken, at, lambda visits: visits.seen(nicks, more, is_coming=is_coming))

    def renamed(self, old: str, new: str, at: float) -> None:
        """Tell that somebody has another name, in one message with what they did a little earlier: one visit is no three rows."""
        taken = self._take_visits([old, new], at, 1)
        self._tell_visits(taken, at, lambda visits: visits.renamed(old, new))

    def _tell_visits(self, visits: Visits, at: float, change: Callable[[Visits], Visits]) -> None:
        last = self.entries[-1] if self.entries else None
        if isinstance(last, StatusMessage) and last.visits is not None and at - last.at < FOLD_SECONDS:
            visits = last.visits.joined(visits)
            self._put(len(self.entries) - 1, None)
        visits = change(visits)
        if visits.is_empty:
            return
        self._status_messages += 1
        self._insert(StatusMessage(self.newest, self._status_messages, at, visits.text, has_time=True, visits=visits))

    def _take_visits(self, nicks: Sequence[str], at: float, least: int) -> Visits:
        """Take what these people did a little earlier out of the messages that tell it, if they did so many things at least."""
        first = max(0, len(self.entries) - FOLD_LINES)
        told = [
            (index, entry, entry.visits)
            for index, entry in enumerate(self.entries[first:], first)
            if isinstance(entry, StatusMessage) and entry.visits is not None and at - entry.at < FOLD_SECONDS
        ]
        moves = Counter({name_key(nick): 0 for nick in nicks})
        for _, _, visits in told:
            moves.update({name_key(visit.nick): visit.came + visit.went + bool(visit.was) for visit in visits.people})
        often = [nick for nick in nicks if moves[name_key(nick)] >= least]
        taken = Visits()
        for index, entry, visits in reversed(told):
            stay, theirs = visits.parted(often)
            if not theirs.is_empty:
                taken = theirs.joined(taken)
                self._put(index, None if stay.is_empty else msgspec.structs.replace(entry, text=stay.text, visits=stay))
        return taken

    def forget_visits(self) -> None:
        """Tell no longer who came and went."""
        for index in range(len(self.entries) - 1, -1, -1):
            entry = self.entries[index]
            if isinstance(entry, StatusMessage) and entry.visits is not None:
                self._put(index, None)

    def _put(self, index: int, entry: TimelineEntry | None) -> None:
        self.entries.replace(index, index + 1, [] if entry is None else [entry])
        self._changed_from(index)

    def forget(self) -> None:
        """Know nothing any more: the room is not the one that it was."""
        self.entries.clear()
        self.numbers.clear()
        self.newest = 0
        self._prepended, self._since = 0, 0
        self._let_go = 0
        self._reacted.clear()
        self._as_read.clear()
        self._deleters.clear()

    def let_go(self, seq: int) -> None:
        """Keep nothing up to this number but that it is known: if it comes again, it is not new."""
        self._let_go = max(self._let_go, seq)
        self.entries.replace(0, self.index_of(seq + 1), [])
        self._reacted = {of: known for of, known in self._reacted.items() if of > seq}
        self._as_read = {of: known for of, known in self._as_read.items() if of > seq}
        self._deleters = [(first, last, nick) for first, last, nick in self._deleters if last > seq]
        self._changed_from(0)

    @property
    def gone(self) -> int:
        """The number up to which nothing is kept."""
        return self._let_go

    def index_of(self, seq: int) -> int:
        """The index of the line with this number, or of the first entry after it."""
        return self.entries.index_of((seq, 0))

    def line(self, seq: int) -> Entry | None:
        """The line with this number, if it is known and may be read."""
        index = self.index_of(seq)
        entry = self.entries[index] if index < len(self.entries) else None
        return entry if isinstance(entry, Entry) and entry.seq == seq else None

    def deleter(self, seq: int) -> str:
        """Who has deleted the line with this number, as far as that is known."""
        return next((nick for first, last, nick in reversed(self._deleters) if first <= seq <= last), "")

    def newest_of(self, nick: str, until: int) -> int:
        """The number of somebody's newest line up to this one; 0: there is none among the newest entries."""
        lately = islice(reversed(self.entries), LATELY)
        return next((one.seq for one in lately if isinstance(one, Entry) and one.nick == nick and one.seq <= until), 0)

    def touch(self, seq: int) -> None:
        """A line looks otherwise now."""
        if seq:
            self._changed_from(self.index_of(seq))

    def lines(self) -> Iterable[Numbered]:
        """The numbered lines."""
        return (entry for entry in self.entries if not isinstance(entry, StatusMessage))

    def said_after(self, seq: int) -> list[StoredEvent | LineBlocked]:
        """The lines after this number that may be read."""
        return [line for line in self.lines_after(seq) if isinstance(line, Entry)]

    def lines_after(self, seq: int) -> Iterable[Numbered]:
        """The numbered lines that end after this number."""
        first = self.index_of(seq + 1)
        before = self.before(first)
        if isinstance(before, BlockedLines) and before.last > seq:
            yield before
        for entry in self.entries.since(first):
            if not isinstance(entry, StatusMessage):
                yield entry

    def before(self, index: int) -> Numbered | None:
        """The line before this index, if any."""
        for at in range(index - 1, -1, -1):
            entry = self.entries[at]
            if not isinstance(entry, StatusMessage):
                return entry
        return None

    def hole_before(self, index: int, first: int) -> range:
        """The numbers, from `first` on, that are not known between the line at this index and the one before it."""
        line = self.entries[index]
        if isinstance(line, StatusMessage):
            return range(0)
        hole = self.numbers.hole_before(line.seq, first)
        before = self.before(index)
        return range(0) if before is not None and before.seq >= hole.stop else hole

    def look_again(self) -> None:
        """What there is beside the lines has changed: which ones the room has."""
        self._changed_from(0)

    def take_changes(self) -> Changes | None:
        """What has changed since the last call; None if nothing has."""
        if self._since is None and not self._prepended:
            return None
        changes = Changes(self._prepended, len(self.entries) if self._since is None else self._since)
        self._prepended, self._since = 0, None
        return changes

    def _changed_from(self, index: int) -> None:
        self._since = index if self._since is None else min(self._since, index)
