"""What a room remembers of its past without asking the journal: its newest lines, its topic, and how far each person had come.

Read once, when somebody first enters; kept level from then on. So 5000 people who enter read nothing from the disk, and what one is shown
on entering ends exactly where what one hears begins. Never knows who is in the room. What else somebody is shown on entering, members.py says.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import islice

from chat_server.journal import POSITIONS_MAX, Journal, Page, RoomRecord
from chat_server.journal.showable import showable_state
from chat_server.protocol.amendments import all_after, as_readable
from chat_server.protocol.entries import Amending, Enacted, Entry, Recalled, TopicSet
from chat_server.protocol.requests import HISTORY_MAX
from chat_server.protocol.runs import Piece, SaidRun, each_of
from chat_server.rooms.gate import Gate
from chat_server.rooms.paging import RECALLED_CHARACTERS, as_amended, fitting
from chat_server.rooms.referred import ReferredLines

AMENDED_MAX, AMENDED_CHARACTERS = 200, 1 << 16
"""Entries that amend lines, and characters of what they say, which are known to whoever has begun to read before them. A room keeps them for good."""


class RecentHistory:
    """The past of one room."""

    def __init__(self, record: RoomRecord) -> None:
        """Know nothing yet of the lines but what the record says of the last one, and the topic that was set among them."""
        self.room = record.name
        self.room_id = record.id
        self._newest: deque[Entry] = deque(maxlen=HISTORY_MAX)
        self._unread: list[Piece] = []  # what came after them, of which nobody has asked for a line
        self._positions: dict[str, int] = {}
        self.accounts_changed = 0
        """How often somebody has come of whom it was not known that they had been here."""
        self.topic = record.topic
        """What was set last as the topic, or ""."""
        self.referred = ReferredLines()
        """Lines that somebody is about to reply to, or to amend."""
        self.gate = Gate(record.name, showable_state(record.state), self.line)
        """What may happen in the room."""
        self.last_seq, self.last_at = record.last, record.last_at
        self.rewritings = 0
        """How often something of what was said has come to stand otherwise, since the room was opened: what was read before may be so no more."""
        self._amended: deque[Amending] = deque()  # by the newest of the rewritings
        self._amended_characters = 0
        self.is_read = not record.last
        """Whether the past has been read from the journal; there is nothing to read where nothing has been said."""

    async def read(self, journal: Journal) -> None:
        """Read it, or read it again. Raises JournalError."""
        self._positions = await journal.positions(self.room) | self._positions
        self.accounts_changed += 1
        first, last = self.last_seq - HISTORY_MAX + 1, self.last_seq
        newest = await as_amended(self, partial(journal.read, self.room, first, last), _page_after)
        self._newest.clear()
        self._unread.clear()
        self._newest.extend(newest.lines)
        self.is_read = True

    def add(self, lines: Sequence[Piece]) -> None:
        """Note lines that have been said now."""
        last = lines[-1]
        if type(last) is SaidRun:
            count = last.texts.count
            self.last_seq, self.last_at = last.seq + count - 1, last.times[-1]
            if count >= HISTORY_MAX:
                self._unread = [last]
                return
        else:
            if last.changes_room:  # before it counts as known: if that fails, it is shown all the same
                self._note(last)
            self.last_seq, self.last_at = last.seq, last.at
        self._unread += lines[-HISTORY_MAX:]
        if len(self._unread) > HISTORY_MAX:
            del self._unread[:-HISTORY_MAX]

    def pass_over(self, line: Entry) -> None:
        """Note that a line has been said; what it was is read again before it is next needed."""
        self.last_seq, self.last_at = line.seq, line.at
        self._note(line)
        self.is_read = False

    def _note(self, line: Entry) -> None:
        if type(line) is TopicSet:
            self.topic = line.text
        elif isinstance(line, Enacted):
            self.gate.note(line)
        elif isinstance(line, Amending):
            self.rewritings += 1
            self._remember(line)
            self.referred.amend(line)
            known = [*self._newest, *each_of(self._unread)]
            self._newest = deque(all_after(known, line), HISTORY_MAX)
            self._unread.clear()

    def _remember(self, entry: Amending) -> None:
        self._amended.append(entry)
        self._amended_characters += len(entry.text)
        while len(self._amended) > AMENDED_MAX or self._amended_characters > AMENDED_CHARACTERS:
            self._amended_characters -= len(self._amended.popleft().text)

    def amended_since(self, rewritings: int) -> Sequence[Amending] | None:
        """The entries that have amended lines since there were so many rewritings; None: not all are known."""
        count = self.rewritings - rewritings
        return None if count > len(self._amended) else [*islice(self._amended, len(self._amended) - count, None)]

    def line(self, number: int) -> Entry | None:
        """The line with this number, if it is one of the newest or somebody is just about to reply to it, or to amend it; None if it is not known."""
        if number > self.last_seq - HISTORY_MAX:
            self._make_unread()
            for line in reversed(self._newest):
                if line.seq == number:
                    return line
        return self.referred.get(number)

    def _make_unread(self) -> None:
        """Make the lines of what nobody has asked for."""
        if self._unread:
            self._newest.extend(each_of(self._unread))
            self._unread.clear()

    def skip(self, seq: int, at: float) -> None:
        """There is nothing that could be shown up to this number, of which the line has this time."""
        self.last_seq, self.last_at = seq, at

    def begin_anew(self, record: RoomRecord) -> None:
        """Go on from how the room is now, whatever has been missed."""
        self.skip(record.last, record.last_at)
        self.topic, self.gate.state = record.topic, showable_state(record.state)
        self.forget(None)

    def forget(self, topic: str | None) -> None:
        """Know nothing of the lines until they are read again; nor of this topic, if it is the room's."""
        self.is_read = not self.last_seq
        self.rewritings += 1
        self._amended.clear()
        self._amended_characters = 0
        self.referred.clear()
        self._newest.clear()  # nor if they cannot be read
        self._unread.clear()
        if self.topic == topic:
            self.topic = ""

    def save_position(self, person: str) -> None:
        """The person has come as far as the room."""
        self.accounts_changed += self._positions.pop(person, None) is None
        self._positions[person] = self.last_seq
        if len(self._positions) > POSITIONS_MAX:
            del self._positions[next(iter(self._positions))]

    @property
    def people(self) -> Iterable[str]:
        """Who was here, as the journal knows them; those who were longest ago first."""
        return self._positions

    def known_otherwise(self, old: str, new: str) -> None:
        """Whom the journal knew by one text it knows by another now."""
        if old in self._positions:
            self._positions[new] = self._positions.pop(old)
            self.accounts_changed += 1

    def recalled(self, person: str, wanted: int, zone: str, since: int) -> Recalled | None:
        """What to show somebody who enters, and reads from the number `since` on: what they missed or, if they were never here, the newest lines.

        Those are `wanted` at most; None if there is nothing.
        """
        position = self._positions.get(person)
        if position is not None and position < since:
            position = since - 1
        missed = None if position is None else max(0, self.last_seq - position)
        count = wanted if missed is None else min(missed, HISTORY_MAX if wanted else 0)
        self._make_unread()
        lines = list(islice(self._newest, max(0, len(self._newest) - count), None))
        if position is not None:  # where a number has no line that can be shown, the newest lines reach further back
            lines = [line for line in lines if line.seq > position]
        if since and lines and lines[0].seq < since:
            lines = [line for line in lines if line.seq >= since]
        if since:
            lines = as_readable(lines, since)
        if not lines and not missed:
            return None
        return Recalled(
            self.room, tuple(fitting(lines, from_end=True, limit=RECALLED_CHARACTERS)), missed, self.last_seq, zone
        )


def _page_after(page: Page, entry: Amending) -> Page:
    return page._replace(lines=all_after(page.lines, entry))
