"""Connections end, and others get their descriptors, while rooms talk: nobody gets a byte that is not theirs. Real sockets, and the kernel's list."""

import random
from contextlib import ExitStack
from typing import Any

import pytest
import trio

from chat_server.protocol.entries import Said
from chat_server.rooms.at_once import MANY
from chat_server.rooms.audience import Audience
from chat_server.server.send_ring import ENTRIES, ManySends, SendRing
from chat_server.sessions.transport import SocketTransport
from test_send_ring import Reader, outbox_on, pair, received

pytestmark = pytest.mark.usefixtures("ring")


@pytest.fixture
def ring() -> None:
    try:
        SendRing().close()
    except OSError as error:
        pytest.skip(f"no io_uring here: {error}")


class Guest:
    """A connection, of a reader in a room or of somebody who is in none."""

    def __init__(self, nursery: trio.Nursery) -> None:
        ours, self.theirs = pair()
        self.descriptor = ours.fileno()
        self.transport = SocketTransport(ours)
        self.outbox = outbox_on(self.transport, nursery)
        self.reader: Any = Reader(self.outbox)
        self.expected = self.came = b""
        self.is_open = True

    def read(self) -> None:
        self.came += received(self.theirs)

    def close(self) -> None:
        self.transport.close()
        self.theirs.close()


class Rooms:
    """Two large rooms, of which nobody of one is in the other, and whoever is in none."""

    def __init__(self, nursery: trio.Nursery, chance: random.Random, size: int) -> None:
        self.nursery, self.chance = nursery, chance
        self.many = ManySends()
        self.audiences = [Audience(name, 0, self.many) for name in ("den", "hall")]
        self.members: list[list[Guest]] = [[], []]
        self.outside: list[Guest] = []
        self.everybody: list[Guest] = []
        self.seq = 0
        for place in (0, 1):
            for _ in range(size):
                self.enter(place, self.call())

    def close(self) -> None:
        self.many.close()
        for one in self.everybody:
            one.close()

    def call(self) -> Guest:
        one = Guest(self.nursery)
        self.everybody.append(one)
        return one

    def enter(self, place: int, one: Guest) -> None:
        self.audiences[place].add(one.reader, f"n{self.everybody.index(one)}")
        self.members[place].append(one)

    def leave(self, place: int, one: Guest) -> None:
        self.audiences[place].remove(one.reader, f"n{self.everybody.index(one)}")
        self.members[place].remove(one)

    def end(self, one: Guest) -> None:
        """In one of the ways in which connections end; the room does not hear of it yet."""
        match self.chance.randrange(5):
            case 0:
                one.outbox.close()
                one.is_open = False
                for place in (0, 1):
                    self.say(place)
            case 1:
                one.outbox.cork()
                one.outbox.close()
            case 2:
                one.outbox.cork()  # and whoever corked it uncorks it when it is closed
                one.transport.close()
                one.outbox.uncork()
            case 3:
                one.theirs.close()  # a send fails then
                one.is_open = False
                return
            case 4:
                pass
        one.read()
        one.transport.close()
        one.is_open = False

    def say(self, place: int) -> None:
        self.seq += 1
        text = f"{self.audiences[place].room} {self.seq} " + "x" * self.chance.choice([0, 3, 300])
        members = self.members[place]
        excluded = self.chance.sample(members, self.chance.choice([0, 0, 1, 3]))
        self.audiences[place].put(Said("python", self.seq, 1.0, "ann", text), tuple(one.reader for one in excluded))
        self.audiences[place].flush(self.seq)
        for one in members:
            if one.is_open and one not in excluded:
                one.expected += f"{text}\n".encode()

    def move(self) -> None:
        place = self.chance.randrange(2)
        members = self.members[place]
        one = self.chance.choice(members)
        match self.chance.randrange(7):
            case 0 | 1:
                for other in self.chance.sample(members, self.chance.randint(1, 3)):
                    self.end(other)
                    self.outside.append(self.call())  # who gets the descriptor, if it is free
            case 2:
                self.leave(place, one)
                if one.is_open:
                    self.enter(1 - place, one)
            case 3:
                self.hear_who_has_ended(place)
            case 4:
                while len(members) < MANY + 4:
                    self.enter(place, self.outside.pop() if self.outside else self.call())
            case 5:
                self.say_while_corked(place, one)
            case 6 if self.outside:
                self.end(self.outside.pop(0))

    def hear_who_has_ended(self, place: int) -> None:
        for one in [one for one in self.members[place] if not one.is_open]:
            self.leave(place, one)
            one.outbox.close()
            one.transport.close()

    def say_while_corked(self, place: int, one: Guest) -> None:
        if one.is_open:
            one.outbox.cork()
            one.outbox.push(b"own\n")
            one.expected += b"own\n"
            self.say(place)
            one.outbox.uncork()


@pytest.mark.parametrize("seed", range(20))
async def test_nobody_gets_what_is_said_where_they_are_not_whoever_had_their_descriptor_before(
    seed: int, nursery: trio.Nursery
) -> None:
    rooms = Rooms(nursery, random.Random(seed), MANY + 8)  # noqa: S311 - no secret
    with ExitStack() as exits:
        exits.callback(rooms.close)
        for _ in range(150):
            rooms.move()
            rooms.say(rooms.chance.randrange(2))
        assert len({one.descriptor for one in rooms.everybody}) < len(rooms.everybody), "none was reused"
        for one in rooms.everybody:
            if one.theirs.fileno() >= 0:
                one.read()
                assert one.came == one.expected


async def test_of_more_readers_than_one_call_sends_to_each_gets_their_own_after_some_have_ended(
    nursery: trio.Nursery,
) -> None:
    """Many readers have one connection between them, by descriptors of their own: so few files are open."""
    ring = ManySends()
    with ExitStack() as exits:
        exits.callback(ring.close)
        ours, theirs = pair(1 << 20)
        other, others = pair(1 << 20)
        for one in (ours, theirs, other, others):
            exits.callback(one.close)
        several: list[tuple[int, set[int]]] = [
            (ENTRIES + 90, {3}),
            (ENTRIES + 90, {ENTRIES + 5}),
            (40, set()),
            (2 * ENTRIES, {0, ENTRIES}),
        ]
        for size, strangers in several:
            places = [other.fileno() if place in strangers else ours.fileno() for place in range(size)]
            assert ring(places, b"x" * (size % 7 + 1)) == []
            assert len(received(theirs)) == (size - len(strangers)) * (size % 7 + 1)
            assert len(received(others)) == len(strangers) * (size % 7 + 1)
