"""Whoever comes back, at whatever node, and applies what they missed knows what somebody knows who comes for the first time.

Two whole servers with one journal on virtual time, with chat-tui's own state at the end of each connection. Every kind of entry is played: the kinds
are taken from their declarations, so a new one is missed here until it is.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from math import inf
from typing import Any, NamedTuple

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from trio.testing import MockClock

from canary import PASSWORD
from captured_logs import capture_logs
from chat_server.protocol.entries import KINDS, Entry
from chat_server.protocol.room_state import RULES
from chat_tui.client.codec import EventReader
from chat_tui.client.state import RoomState, State
from node_houses import NodeHouse, open_nodes
from streams import Program

PEOPLE = ("ann", "bob", "carl", "root")
"""People with accounts: ann has made the room, root is an admin of the server."""
ROOM = "den"
NAMES = (ROOM, "lair")

Step = tuple[str, dict[str, Any]]


class Desk:
    """Somebody's client, and how far it has come."""

    def __init__(self, nick: str, token: str = "") -> None:
        self.nick, self.token = nick, token
        self.state = State()
        self._program: Program | None = None
        self._numbers = 0

    @property
    def room(self) -> RoomState | None:
        """The room, by whatever name it is known."""
        return next((room for room in self.state.rooms.values() if name_is_of_room(room.name)), None)

    async def come(self, house: NodeHouse, place: int, nursery: trio.Nursery, **login: Any) -> None:
        """Connect to a node and log in."""
        self._program = house.connect(f"127.0.0.{place}")
        await self.ask("hello", protocol=2)
        if self.token:
            await self.ask("login", nick=self.nick, token=self.token, **login)
        else:
            await self.ask("register", nick=self.nick, password=PASSWORD)
            while (event := await self._program.read())["is"] != "registered":
                pass
            self.token = event["token"]
            self.state.nick = self.nick
        nursery.start_soon(self._listen, self._program)

    async def _listen(self, program: Program) -> None:
        reader = EventReader()
        with suppress(trio.ClosedResourceError):
            while data := await program.stream.receive_some(65536):
                for received in reader.receive_data(bytes(data)):
                    if program is self._program:
                        self.state.apply(received.event, received.ref, now=time.time())

    async def ask(self, do: str, **fields: Any) -> None:
        assert self._program is not None
        await self._program.ask(do, **fields)

    async def act(self, do: str, **fields: Any) -> None:
        """Ask for something, with a key if it is stored."""
        self._numbers += 1
        if do in ("say", "me", "notice", "topic"):
            fields["key"] = f"key {self.nick} {self._numbers}"
        await self.ask(do, **fields, ref=f"act {self._numbers}")

    async def go(self) -> None:
        """The connection is lost."""
        assert self._program is not None
        program, self._program = self._program, None
        await program.stream.aclose()

    async def resume(self) -> None:
        await self.ask("resume", rooms=self.state.positions(), ids=self.state.ids())


def name_is_of_room(name: str) -> bool:
    return name in NAMES


class Known(NamedTuple):
    """What a client knows of the room."""

    lines: dict[int, Any]
    topic: str
    rules: dict[str, str]
    roles: dict[str, str]
    role: str
    is_archived: bool
    forbidden: set[int]
    people: set[str]


def known(desk: Desk) -> Known | None:
    room = desk.room
    if room is None or not room.is_joined:
        return None
    rights = room.rights
    return Known(
        {line.seq: replace(line, room="") for line in room.timeline.lines()},
        room.topic,
        rights.rules,
        rights.roles,
        rights.role,
        rights.is_archived,
        {number for number, one in rights.forbidden.items() if one.until > time.time()},
        set(room.people.values()),
    )


class Game:
    """One game."""

    def __init__(self, houses: Sequence[NodeHouse], nursery: trio.Nursery) -> None:
        self.houses, self.nursery = houses, nursery
        self.desks: dict[str, Desk] = {}
        self.away: set[str] = set()
        self.compared: set[str] = set()
        """Whose knowledge has been looked at: who was in the room at the end."""

    async def begin(self) -> None:
        for place, nick in enumerate(PEOPLE, 1):
            desk = self.desks[nick] = Desk(nick)
            await desk.come(self.houses[place % 2], place, self.nursery)
            await trio.sleep(2)
        await self.houses[0].ask_as_operator("give-role", name="root", role="admin")
        await self.desks["ann"].ask("create", room=ROOM)
        await trio.sleep(2)
        for nick in PEOPLE:
            await self.desks[nick].ask("join", room=ROOM)
        await trio.sleep(2)

    async def play(self, who: str, do: str, fields: dict[str, Any], pause: float = 0.3) -> None:
        desk = self.desks[who]
        if do == "go":
            if who not in self.away:
                self.away.add(who)
                await desk.go()
        elif do == "come":
            await self.come_back(who, fields["node"])
        elif who not in self.away:
            room = desk.room
            await desk.act(do, room=room.name if room is not None else ROOM, **fields)
        await trio.sleep(pause)

    async def come_back(self, who: str, node: int) -> None:
        if who in self.away:
            self.away.remove(who)
            desk = self.desks[who]
            await desk.come(self.houses[node], 1 + PEOPLE.index(who), self.nursery)
            await trio.sleep(0.5)
            await desk.resume()

    async def everybody_knows_what_newcomers_do(self) -> None:
        await trio.sleep(5)
        for who in PEOPLE:
            await self.come_back(who, PEOPLE.index(who) % 2)
        await trio.sleep(30)
        for number, who in enumerate(PEOPLE):
            fresh = Desk(who, self.desks[who].token)
            await fresh.come(self.houses[number % 2], 10 + number, self.nursery, session="add")
            await trio.sleep(1)
            for name in NAMES:
                await fresh.ask("join", room=name, ref="typed")
                await trio.sleep(1)
                if fresh.room is not None:
                    break
            if fresh.room is not None:
                await fresh.ask("history", room=fresh.room.name, after=0, count=200, ref="typed")
                await trio.sleep(1)
            stale, now = known(self.desks[who]), known(fresh)  # to come may have made them a member
            if stale is None:
                continue  # they have left, or were put out
            assert now is not None, f"{who} is where nobody lets them in"
            self.compared.add(who)
            bound = min(
                now.lines, default=inf
            )  # under `history joined` who has no role reads from where this session came
            for seq, line in stale.lines.items():
                assert seq < bound or line == now.lines.get(seq), f"{who} #{seq}"
            assert stale._replace(lines={}) == now._replace(lines={}), who
            await fresh.go()
            await trio.sleep(1)

    async def log(self) -> list[Entry]:
        journal = self.houses[0].node.journal
        found: list[Entry] = []
        for room in await journal.rooms():
            if room.name in NAMES:
                found += (await journal.read(room.name, 1, 9999)).lines
        return found


async def played(
    steps: Sequence[tuple[str, str, dict[str, Any]]],
    delays: Sequence[float],
    look: Callable[[Game], Awaitable[None]] | None = None,
) -> None:
    turn = iter(range(10**9))
    with capture_logs() as logged:
        async with (
            open_nodes(
                2,
                delay=lambda: delays[next(turn) % len(delays)],
                silence_seconds=10**6,
                messages_per_second=0,
                request_burst_per_address=10**6,
            ) as houses,
            trio.open_nursery() as nursery,
        ):
            game = Game(houses, nursery)
            await game.begin()
            for who, do, fields in steps:
                await game.play(who, do, fields)
            await game.everybody_knows_what_newcomers_do()
            if look is not None:
                await look(game)
            nursery.cancel_scope.cancel()
    for one in logged:
        if isinstance(error := one.get("exc_info"), Exception):
            raise error


def play(
    steps: Sequence[tuple[str, str, dict[str, Any]]],
    delays: Sequence[float] = (0.0,),
    look: Callable[[Game], Awaitable[None]] | None = None,
) -> None:
    trio.run(played, steps, delays, look, clock=MockClock(autojump_threshold=0))


STORY: list[tuple[str, str, dict[str, Any]]] = [
    ("bob", "say", {"text": "one"}),
    ("carl", "me", {"action": "waves"}),
    ("ann", "topic", {"text": "snakes"}),
    ("bob", "notice", {"text": "note"}),
    ("bob", "edit", {"number": 5, "text": "a note"}),
    ("carl", "react", {"number": 5, "sign": "👍"}),
    ("ann", "role", {"nick": "bob", "role": "moderator"}),
    ("ann", "rule", {"rule": "slow", "value": "3"}),
    ("bob", "mute", {"nick": "carl", "span": "30d"}),
    ("bob", "unban", {"id": 1}),
    ("bob", "mute", {"nick": "carl", "span": "30d"}),
    ("bob", "delete", {"number": 2}),
    ("ann", "words", {"action": "add", "word": "spam"}),
    ("ann", "filter", {"nick": "bob", "on": "on"}),
    ("ann", "filter", {"nick": "bob", "on": "off"}),
    ("ann", "role", {"nick": "carl", "role": "member"}),
    ("ann", "rule", {"rule": "access", "value": "invite"}),
    ("root", "back", {}),
    ("root", "join", {}),
    ("ann", "role", {"nick": "bob", "role": "none"}),
    ("ann", "invite", {"nick": "bob"}),
    ("bob", "join", {}),
    ("ann", "rename", {"name": "lair"}),
    ("ann", "archive", {"reason": "done"}),
    ("ann", "unarchive", {}),
    ("bob", "say", {"text": "two"}),
    ("ann", "delete", {"number": 4}),
    ("ann", "purge", {"nick": "bob", "span": "1d 99"}),
    ("ann", "kick", {"nick": "bob", "reason": "hm"}),
    ("ann", "ban", {"nick": "bob", "span": "1d"}),
    ("ann", "say", {"text": "three"}),
    ("ann", "notice", {"text": "four"}),
]


def test_the_story_has_every_kind_of_entry() -> None:
    found: set[type[Entry]] = set()

    async def look(game: Game) -> None:
        found.update(map(type, await game.log()))

    play(STORY, look=look)
    assert {kind.__name__ for kind in set(KINDS) - found} == set()


@pytest.mark.parametrize("who", ["ann", "bob", "carl"])
@pytest.mark.parametrize("at", range(0, len(STORY), 4))
def test_who_goes_in_the_middle_of_it_and_comes_back_knows_what_newcomers_do(who: str, at: int) -> None:
    others = [("root" if one == who else one, do, fields) for one, do, fields in STORY[at:]]

    async def look(game: Game) -> None:
        assert game.compared >= {"ann", "carl"}

    play([*STORY[:at], (who, "go", {}), *others], look=look)


RULE_VALUES = [(name, value) for name, values in RULES.items() for value in values] + [("slow", "0"), ("slow", "3")]

people = st.sampled_from(["ann", "ann", *PEOPLE])
numbers = st.integers(1, 25)
acts: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.sampled_from(["say", "notice", "topic"]), st.fixed_dictionaries({"text": st.sampled_from(["one", "hi ann", "two"])})),
    st.tuples(st.just("me"), st.fixed_dictionaries({"action": st.just("waves")})),
    st.tuples(st.just("delete"), st.fixed_dictionaries({"number": numbers})),
    st.tuples(st.just("purge"), st.fixed_dictionaries({"nick": people, "span": st.just("1d 99")})),
    st.tuples(st.just("rule"), st.sampled_from(RULE_VALUES).map(lambda one: {"rule": one[0], "value": one[1]})),
    st.tuples(st.just("role"), st.fixed_dictionaries({"nick": people, "role": st.sampled_from(["owner", "moderator", "member", "none"])})),
    st.tuples(st.sampled_from(["mute", "ban"]), st.fixed_dictionaries({"nick": people, "span": st.just("30d")})),
    st.tuples(st.just("kick"), st.fixed_dictionaries({"nick": people})),
    st.tuples(st.just("unban"), st.fixed_dictionaries({"id": st.integers(1, 4)})),
    st.tuples(st.just("invite"), st.fixed_dictionaries({"nick": people})),
    st.tuples(st.just("rename"), st.fixed_dictionaries({"name": st.sampled_from(NAMES)})),
    st.tuples(st.sampled_from(["archive", "unarchive", "join", "go", "go"]), st.just({})),
    st.tuples(st.just("come"), st.fixed_dictionaries({"node": st.integers(0, 1)})),
)  # fmt: skip


@given(st.lists(st.tuples(people, acts), min_size=5, max_size=30), st.lists(st.floats(0, 0.4), min_size=1, max_size=5))
@settings(max_examples=max(5, settings().max_examples // 4))
def test_whatever_anybody_does_at_whatever_node_who_comes_back_knows_what_newcomers_do(
    steps: list[tuple[str, Step]], delays: list[float]
) -> None:
    play([(who, do, fields) for who, (do, fields) in steps], delays)
