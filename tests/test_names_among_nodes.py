"""Names where several servers have one journal: whoever has one at a node has it at all, and nobody else does. Whole servers, on virtual time."""

from collections.abc import Sequence
from contextlib import suppress
from random import Random

import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from account_house import CANARY, HERE
from chat_server.accounts.look_alikes import skeleton
from chat_server.config import AccountsTable, Config, RoomsTable
from chat_server.journal.happened import PersonId
from chat_server.protocol.names import name_key
from chat_server.rooms.person import person_id
from node_houses import NodeHouse, open_nodes
from streams import Caller, Program
from test_names_given_back import names_of_two

TOKENS = ("a-token-of-twenty-two-characters", "another-token-of-22-characters")
NAMES = ("ann", "Ann", "paypal", "paypaI", "bob")
STEPS = (
    "login",
    "login",
    "first",
    "second",
    "add",
    "nick",
    "nick",
    "register",
    "register",
    "password",
    "password",
    "join",
    "join",
    "join",
    "hang up",
)
CALLERS = 6
"""Two at each of three nodes."""


def names_at(houses: Sequence[NodeHouse]) -> list[tuple[int, PersonId, str]]:
    """What everybody is called, at which node."""
    return [
        (house.node.number, person_id(session.person, house.node.number), session.nick)
        for house in houses
        for session in house.server._sessions
        if session.nick and session.person.sessions
    ]


def check_names(houses: Sequence[NodeHouse], *, is_settled: bool = False) -> None:
    """See that no name is two people's, nor one that looks like it; and, once all has been heard, that nobody has two.

    Whoever has an account is that at each node, whether that has been heard of there yet or not.
    """
    accounts = {} if is_settled else houses[0].node.accounts
    by_key: dict[str, PersonId] = {}
    by_shape: dict[str, PersonId] = {}
    by_person: dict[PersonId, str] = {}
    for _, who, nick in names_at(houses):
        for known, what in ((by_key, name_key(nick)), (by_shape, skeleton(nick))):
            other = known.setdefault(what, who)
            assert who in {other, accounts.get(other)} or accounts.get(who) == other
        if is_settled:
            assert by_person.setdefault(who, nick) == nick
    if is_settled:
        for house in houses:
            held = {key: person.nick for key, person in house.server._directory._people.items()}
            assert held == {name_key(nick): nick for node, _, nick in names_at(houses) if node == house.node.number}
        here = {(name_key(nick), node, who) for node, who, nick in names_at(houses)}
        assert {(key, node, one.person) for (key, node), one in house.node._kept.nodes.names._held.items()} == here


@given(
    st.lists(
        st.tuples(
            st.integers(0, CALLERS - 1),
            st.sampled_from(STEPS),
            st.sampled_from(NAMES),
            st.floats(0, 0.3),
        ),
        min_size=5,
        max_size=30,
    ),
    st.integers(0, 2**32),
)
def test_every_name_is_one_persons_at_all_nodes_however_they_come_and_go(
    steps: list[tuple[int, str, str, float]], seed: int
) -> None:
    chance = Random(seed)  # noqa: S311 - the same delays every time
    trio.run(play, steps, chance, clock=MockClock(autojump_threshold=0))


async def play(steps: list[tuple[int, str, str, float]], random: Random) -> None:
    """Ask for these things without waiting for answers. What the engine is asked, and tells, takes up to a fifth of a second on each way."""
    async with open_nodes(
        3,
        config=Config(rooms=RoomsTable(names=["python"]), accounts=AccountsTable(registration="open")),
        delay=lambda: random.choice((0.0, random.uniform(0, 0.2))),
        messages_per_second=0,
        login_seconds=0,
        silence_seconds=0,
    ) as houses:
        callers = [newcomer(houses, number) for number in range(CALLERS)]
        for who, step, name, wait in steps:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await carry_out(callers[who], step, name)
            await trio.sleep(wait)
            if step == "hang up":
                callers[who] = newcomer(houses, who)
            check_names(houses)
        await trio.sleep(10)
        check_names(houses, is_settled=True)
        for caller in callers:
            await caller.stream.aclose()
        await trio.sleep(10)
        assert names_at(houses) == []
        check_names(houses, is_settled=True)
        for house in houses:
            others = house.server._directory.others
            assert others is not None
            assert (others.names._unsettled, others.names._whose, others._locks) == ({}, {}, {})
        assert names_of_two(houses[0].node._kept) == [], "nor was it in the room at any moment"


def newcomer(houses: Sequence[NodeHouse], number: int) -> Caller:
    house = houses[number // 2]
    return house.call() if number % 2 and number // 2 else house.connect(HERE)


async def carry_out(caller: Caller, step: str, name: str) -> None:
    if step == "hang up":
        await caller.stream.aclose()
    elif not isinstance(caller, Program):
        words = {"nick": f"/nick {name}", "register": "/register", "password": CANARY, "join": "/join python"}
        await caller.type(words.get(step, f"/login {name}"))
    elif step == "nick":
        await caller.ask("nick", nick=name)
    elif step == "join":
        await caller.ask("join", room="python")
    elif step == "login":
        await caller.ask("login", nick=name)
    elif step == "register":
        await caller.ask("register", nick=name, password=CANARY)
    elif step == "password":
        await caller.ask("login", nick=name, password=CANARY)
    elif step == "add":
        await caller.ask("login", nick=name, token=TOKENS[0], session="add")
    else:
        await caller.ask("login", nick=name, token=TOKENS[step == "second"])
