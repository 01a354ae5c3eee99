"""What happens in rooms at other nodes, as PostgreSQL tells it: one connection that listens, which Trio has without a thread, and one that reads.

A notification tells a short turn whole, if nothing is missing before it; else it only wakes: the turns are read then, of all rooms that were woken by
one question; of a few rooms by the connection that listens, of more in a thread. Every second all rooms are looked at, woken or not, so nothing
hangs on notifications, nor on the connection that listens. Bounds:
a room is handed no more turns than AHEAD_MAX that it has not taken in; it waits for more, and no other room with it. Never knows what a room makes
of them.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from math import inf

import psycopg
import trio

from chat_server.guard import Guard
from chat_server.journal import JournalError
from chat_server.journal.nodes import Follower, Turn
from chat_server.journal.postgresql.append_function import TURNS_CHANNEL
from chat_server.journal.postgresql.appending import Append
from chat_server.journal.postgresql.link import Connection, Link, said
from chat_server.journal.postgresql.listening import Listening, NotAnswered
from chat_server.journal.postgresql.room_numbers import RoomNumbers
from chat_server.journal.postgresql.telling_function import TOLD_CHANNELS
from chat_server.journal.postgresql.told_turns import ToldTurns, newest_in, rows_in
from chat_server.journal.postgresql.turn_reading import READ_TURNS, TURNS_AT_ONCE, Found, asked_of, found_in, read_turns
from chat_server.logs import log

LOOK_SECONDS = 1.0
"""Seconds after which all rooms are looked at."""

ROOMS_AT_ONCE = 64
"""Rooms of which turns are read by one question: of each 100 KB and a turn."""

FEW = 4
"""Rooms of which turns are read without a thread: to decode their lines takes Trio's thread 1 ms for each 100 KB."""

AHEAD_MAX = 4 * TURNS_AT_ONCE
"""Turns that a room may have been handed and has not taken in."""

FULL_SECONDS = 0.05
"""Seconds after which one looks again at a room that has been handed so many."""

DEAF_LOOKS = 3
"""Looks in a row that find what nothing has told of, after which the connection that listens is made anew: it may hear nothing any more."""


class _Followed:
    """A room that is followed."""

    def __init__(self, number: int, room: Follower) -> None:
        self.number = number
        self.room = room
        self.handed = room.turn
        """The newest turn that it has been handed, or is told by a receipt."""
        self.storing = 0
        """Turns of it that are just being stored: the receipt has what was missed until then."""
        self.whole = ToldTurns()
        self.told = -inf
        """Up to which turn there is something that is not read yet, as far as was told; inf: nobody knows."""
        self.turn_then = -1
        """Where it was when it was last looked at."""
        self.handed_again_at = -1
        """Where it was when it was last handed again what it had not taken in."""

    @property
    def seen(self) -> int:
        return max(self.handed, self.room.turn)

    @property
    def is_full(self) -> bool:
        return self.handed - self.room.turn >= AHEAD_MAX


class Tail:
    """What happens in the rooms that are followed."""

    def __init__(
        self,
        listen: Callable[[], Connection],
        link: Link,
        numbers: RoomNumbers,
        hear: Callable[[str, str], object],
        own_backend: Callable[[], int],
    ) -> None:
        """Read by `link`.

        Args:
            listen: connects, for what listens to all channels.
            link: what reads.
            numbers: the rooms' numbers.
            hear: is called with the channel and the text of a notification that is not about turns; with "" and "" when some may have been missed.
            own_backend: the number of PostgreSQL's process that stores what happens at this node; what it tells is known.

        """
        self._listening = Listening(listen, READ_TURNS)
        self._link = link
        self._numbers = numbers
        self._hear = hear
        self._own_backend = own_backend
        self._rooms: dict[int, _Followed] = {}  # by their numbers
        self._new: list[Follower] = []  # whose numbers are not asked for yet
        self._told: dict[int, float] = {}  # what was told since `all_told`
        self._woken_rooms: dict[int, _Followed] = {}  # in which something may have happened, by their numbers
        self._storing: dict[int, _Followed] = {}  # by the turns that are being stored in them
        self._woken = trio.Event()
        self._look_at = -inf
        """When, by Trio's clock, rooms are looked at that are woken and cannot be handed anything yet; the past: just now."""
        self._is_heard = self._is_deaf_told = False
        self._unheard = 0  # looks in a row that found what nothing had told of

    def follow(self, room: Follower) -> None:
        """Hand a room whatever comes after what it has taken in."""
        self._new.append(room)
        self._woken.set()

    def unfollow(self, room: Follower) -> None:
        """Hand it nothing more."""
        self._new = [other for other in self._new if other is not room]
        for number in [number for number, followed in self._rooms.items() if followed.room is room]:
            del self._rooms[number]
            self._woken_rooms.pop(number, None)

    def storing(self, append: Append) -> None:
        """A turn of this node is being stored in a room; `stored` follows."""
        if followed := self._rooms.get(self._numbers.known(append.beside.room)):
            self._storing[id(append)] = followed
            followed.storing += 1

    def stored(self, append: Append, turn: int) -> None:
        """That has come to an end, and the room is told: up to this turn, if there is one, it has everything."""
        if followed := self._storing.pop(id(append), None):
            followed.storing -= 1
            followed.handed = max(followed.handed, turn)
            if followed.number in self._woken_rooms:
                if followed.told > followed.seen:
                    self._woken.set()
                else:  # that came with the receipt
                    del self._woken_rooms[followed.number]
                    followed.whole.clear()

    async def run(self) -> None:
        """Hand rooms their turns, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_listening)
            nursery.start_soon(self._keep_looking)
            while True:
                look_at = inf
                with _guard:
                    look_at = await self._hand_over()
                self._look_at = look_at
                with trio.move_on_at(look_at):
                    await self._woken.wait()
                self._look_at = -inf

    async def _hand_over(self) -> float:
        """Hand woken rooms what has happened in them. Returns when, by Trio's clock, those are to be looked at that cannot be handed anything now."""
        while True:
            self._woken = trio.Event()
            if self._new:
                await self._find_new()
            ready, look_at = self._take_ready()
            if not ready:
                return look_at
            ready = [one for one in ready if not self._hand_told(one, one.told)]
            if not ready:
                continue
            try:
                found = await self._read({one.number: one.seen for one in ready})
            except (JournalError, psycopg.Error) as error:
                if not isinstance(error, JournalError):
                    log.error("what happened at other nodes cannot be read", why=said(error))
                self._wake(dict.fromkeys((one.number for one in ready), inf))
                await trio.sleep(random.uniform(0.1, LOOK_SECONDS))  # noqa: S311 - no secret
                continue
            for one in ready:
                if one.number not in self._woken_rooms:
                    one.told = -inf
                wants_more = self._rooms.get(one.number) is one  # it may have been given up meanwhile
                if wants_more and one.number in found.turns:
                    self._hand(one, found.turns[one.number])
            self._wake(dict.fromkeys(found.more, inf))

    async def _read(self, after: Mapping[int, int]) -> Found:
        """The turns of rooms, by their numbers, after those that stand beside each. Raises JournalError, psycopg.Error."""
        if len(after) <= FEW and not self._unheard:  # else it may not be answered either
            with suppress(NotAnswered):
                return found_in(await self._listening.ask(asked_of(after)))
        return await self._link.call(lambda connection: read_turns(connection, after), may_repeat=True)

    def _take_ready(self) -> tuple[list[_Followed], float]:
        """Some of the woken rooms that can be handed more, which are woken no longer; and when, by Trio's clock, to look at others again.

        Of those that are storing a turn, none: what they lack comes with its receipt.
        """
        ready: list[_Followed] = []
        look_at, now = inf, trio.current_time()
        for one in self._woken_rooms.values():
            if one.is_full:
                look_at = min(look_at, now + FULL_SECONDS)
            elif one.room.rests_until > now:
                look_at = min(look_at, one.room.rests_until)
            elif not one.storing:
                ready.append(one)
                if len(ready) == ROOMS_AT_ONCE:
                    break
        for one in ready:
            del self._woken_rooms[one.number]
        return ready, look_at

    async def _find_new(self) -> None:
        """Ask for the numbers of those that are not known by them yet. Who is not there is asked for again."""
        names = [room.name for room in self._new]
        try:
            found = await self._link.call(lambda connection: self._numbers.find(connection, names), may_repeat=True)
        except (JournalError, psycopg.Error):
            return  # and again within a second
        for room in [*self._new]:
            if room.name in found:
                self._new.remove(room)
                number = found[room.name]
                self._rooms[number] = _Followed(number, room)
                self._wake({number: inf})

    def _hand(self, followed: _Followed, turns: Sequence[Turn]) -> None:
        new = [turn for turn in turns if turn.number > followed.seen]  # a receipt may have come meanwhile
        if new:
            followed.handed = new[-1].number
            _guard.attempt(followed.room.follow, new)

    def _hand_told(self, followed: _Followed, until: float) -> bool:
        """Hand a room what it lacks up to this turn, if all of that was told. Returns whether it was."""
        turns = followed.whole.take(followed.room.name, followed.seen, until)
        self._hand(followed, turns)
        return bool(turns)

    def _wake(self, turns: Mapping[int, float]) -> None:
        """Something has happened in these rooms, up to the turn that stands beside each; inf: perhaps."""
        for number, turn in turns.items():
            followed = self._rooms.get(number)
            if followed is not None and turn > followed.seen:
                followed.told = max(followed.told, turn)
                self._woken_rooms[number] = followed
                # While it is being stored, the receipt wakes; while it rests, and one looks at some room before that is over, that does.
                if not (followed.storing or trio.current_time() < self._look_at <= followed.room.rests_until):
                    self._woken.set()

    def _wake_all(self) -> None:
        self._wake(dict.fromkeys(self._rooms, inf))

    # Every second.

    async def _keep_looking(self) -> None:
        while True:
            await trio.sleep(LOOK_SECONDS)
            if self._new:
                self._woken.set()
            if self._rooms:
                try:
                    newest = await self._link.call(partial(_newest, [*self._rooms]), may_repeat=True)
                except (JournalError, psycopg.Error):
                    continue  # who reads says so
                self._look(newest)

    def _look(self, newest: Sequence[tuple[int, int]]) -> None:
        is_unheard = False
        for number, turn in newest:
            followed = self._rooms.get(number)
            if followed is None or followed.storing:
                continue
            here = followed.room.turn
            if turn > followed.seen and number not in self._woken_rooms:
                is_unheard = True
                self._wake({number: turn})
            if followed.handed > here == followed.turn_then != followed.handed_again_at:
                followed.handed = followed.handed_again_at = here  # it may have lost some
                self._wake({number: inf})
            followed.turn_then = here
        self._unheard = self._unheard + 1 if is_unheard else 0
        if self._unheard >= DEAF_LOOKS and self._is_heard:
            self._unheard = 0
            log.warning("the connection to the database hears nothing of other nodes any more; another is made")
            self._listening.shut()

    # Listening.

    async def _keep_listening(self) -> None:
        while True:
            try:
                await self._listening.hear(self)
            except (JournalError, psycopg.Error, OSError) as error:
                if self._is_heard or not self._is_deaf_told:
                    log.warning("nothing is heard of other nodes until the database is back", why=said(error))
                self._is_deaf_told = True
            self._is_heard = False
            for followed in self._rooms.values():  # the next engine may not have what this one told
                followed.whole.clear()
            await trio.sleep(random.uniform(0.1, 2))  # noqa: S311 - no secret

    def begun(self) -> None:
        """What is told is heard from now on."""
        self._is_heard = True
        self._wake_all()
        _guard.attempt(self._hear, "", "")

    def told(self, channel: str, text: str, backend: int) -> None:
        """See Hearing."""
        _guard.attempt(self._note, channel, text, backend)

    def _note(self, channel: str, text: str, backend: int) -> None:
        self._unheard = 0
        is_own = backend == self._own_backend()
        if channel == TURNS_CHANNEL:
            if not is_own:
                told = newest_in(text) or dict.fromkeys(self._rooms, inf)
                here = (
                    self._rooms.keys() & told.keys()
                )  # rooms that there are not take no memory, whoever tells of them
                self._told.update({number: max(told[number], self._told.get(number, 0)) for number in here})
        elif not channel.startswith(TOLD_CHANNELS):
            self._hear(channel, text)
        elif not is_own:
            for number, row in rows_in(text):
                if followed := self._rooms.get(number):
                    followed.whole.keep(row)

    def all_told(self) -> None:
        """See Hearing."""
        told, self._told = self._told, {}
        for number, turn in told.items():
            followed = self._rooms.get(number)
            if followed is None or turn <= followed.seen:
                continue
            is_free = number not in self._woken_rooms and not followed.storing and not followed.is_full
            if not (is_free and self._hand_told(followed, max(turn, followed.told))):
                self._wake({number: turn})


def _newest(numbers: Sequence[int], connection: Connection) -> list[tuple[int, int]]:
    rows = connection.execute("SELECT id, turn FROM room WHERE id = ANY (%b::bigint[])", [[*numbers]]).fetchall()
    return [(number, turn) for number, turn in rows]


_guard = Guard("something went wrong when a room was handed what had happened at other nodes")
