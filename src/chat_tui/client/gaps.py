"""Lines that are not here: older ones are asked for when they are wanted, and missed ones until they have come.

Knows what is known of the rooms, and asks. Never knows who wants to read.
"""

from collections.abc import Callable
from functools import partial
from math import inf
from typing import Protocol

from chat_server.protocol import entries, events
from chat_server.protocol.conversation_events import ConversationsListed
from chat_server.protocol.events import Event, Refused
from chat_tui.client.askers import Answer
from chat_tui.client.state import RoomState, State

OLDER_PAUSE = 5.0
"""Seconds after a refused page of older lines until one is asked for again: a question for every row that is scrolled would be refused too."""

UNTOLD_SECONDS = 0.3
"""Seconds for which older lines are waited for without a word: what comes sooner would only flicker."""

OLDER_COUNT = 100
"""Lines asked for at a time when older ones are wanted: three screens."""

MISSED_COUNT = 200
"""Lines asked for at a time when some have been missed: as many as there may be on a page."""

MISSED_GAP = 5.0
"""Seconds without a line of what was missed after which it is asked for again."""


class Ask(Protocol):
    """Who can ask the server."""

    def __call__(self, do: str, *, on_answer: Answer, room: str, **fields: object) -> bool:
        """Ask for a page of a room's lines. Returns False if there is no connection."""


class Gaps:
    """What is asked for, and what is still to come."""

    def __init__(
        self,
        state: State,
        ask: Ask,
        *,
        clock: Callable[[], float],
        on_refused: Callable[[str, Refused], object],
    ) -> None:
        """Ask for nothing yet.

        Args:
            state: what is known.
            ask: asks the server.
            clock: seconds that only go forward.
            on_refused: called with the room where lines cannot be had just now, and why.

        """
        self._state = state
        self._ask = ask
        self._clock = clock
        self._on_refused = on_refused
        self._older_after: dict[str, float] = {}  # by room: until when older lines are not asked for again
        self._coming: dict[str, tuple[float, int]] = {}  # by room: since when those before which number are waited for
        self._unasked: dict[
            str, int
        ] = {}  # by room: before which number lines are wanted that nobody has been asked for
        self._holes: tuple[float, dict[str, int]] = (0.0, {})  # since when lines are missing after these numbers

    def want_older(self, room: str, before: int) -> None:
        """Ask for lines before a number, once at a time; after a refusal, again a little later; without a connection, once there is one."""
        if self._clock() < self._older_after.get(room, 0):
            return
        if self._ask("history", on_answer=partial(self._older_came, room), room=room, before=before, count=OLDER_COUNT):
            self._older_after[room] = inf
            self._coming[room] = self._clock(), before
            self._unasked.pop(room, None)
        else:
            self._unasked[room] = before

    def coming(self, room: str) -> int:
        """The number before which lines of a room have been waited for so long that it is worth a word; 0 if none are."""
        since, before = self._coming.get(room, (inf, 0))
        return before if self._clock() - since >= UNTOLD_SECONDS else 0

    def _older_came(self, room: str, event: Event) -> bool:
        self._coming.pop(room, None)
        if isinstance(event, Refused):
            self._older_after[room] = self._clock() + OLDER_PAUSE
            self._on_refused(room, event)
            return True
        self._older_after.pop(room, None)
        return False

    def forget_questions(self) -> None:
        """What has been asked will not be answered: the connection is lost, or the answers were skipped. What is still wanted will be asked again."""
        self._unasked |= {room: before for room, (_, before) in self._coming.items()}
        self._older_after.clear()
        self._coming.clear()

    def room_changed(self, room: str) -> None:
        """The user has entered a room or left it: older lines may be asked for again."""
        self._older_after.pop(room, None)
        self._coming.pop(room, None)

    def take(self, event: Event) -> None:
        """See whether an event says that something was missed."""
        match event:
            case events.Skipped():
                self.forget_questions()
                for name in event.rooms:
                    self._ask_for_missed(name)
            case events.RoomFailed():
                self._ask_for_missed(event.room)
            case ConversationsListed():
                for one in event.conversations:
                    room = self._state.known(one.room)
                    if one.unread and room is not None and room.has_hole:
                        self._ask_for_missed(room.name)

    def _ask_for_missed(self, name: str) -> None:
        """Ask for the lines after the last below which nothing is missing."""
        room = self._state.known(name)
        if room is not None and room.is_joined:
            self._ask(
                "history",
                on_answer=partial(self._missed_came, room),
                room=name,
                after=room.position,
                count=MISSED_COUNT,
            )

    def _missed_came(self, room: RoomState, event: Event) -> bool:
        if isinstance(event, Refused):
            self._on_refused(room.name, event)
            return True
        if isinstance(event, entries.PageShown) and event.lines and room.has_hole:
            self._ask_for_missed(room.name)
        return False

    def tick(self) -> None:
        """Ask again for what was missed and does not come: the answer may have been skipped, or refused by a busy disk."""
        self._ask_for_unasked()
        now = self._clock()
        since, before = self._holes
        holes = {room.name: room.position for room in self._state.rooms.values() if room.has_hole}
        if holes != before:
            self._holes = now, holes
        elif holes and now - since > MISSED_GAP:
            self._holes = now, holes
            for name in holes:
                self._ask_for_missed(name)

    def _ask_for_unasked(self) -> None:
        """Ask for older lines that are wanted since there was no connection, or since one was lost with the answer, in rooms where one still is."""
        unasked, self._unasked = self._unasked, {}
        for name, before in unasked.items():
            room = self._state.known(name)
            if room is not None and room.is_joined and before - 1 not in room.timeline.numbers:
                self.want_older(name, before)
