"""Limits that count over all nodes of a server: what each knows of the others' callers. On virtual time."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import trio
from hypothesis import given
from hypothesis import strategies as st

from captured_logs import capture_logs
from chat_server.server.shared_counts import (
    AGAIN_SECONDS,
    GOOD_SECONDS,
    NETWORKS_MAX,
    SIGN_NETWORKS,
    SIGNS_AT_ONCE,
    SharedCounts,
)
from chat_server.server.shared_limits import Certificates
from streams import House
from test_node_ends import Running, house_at, running

CROWD = "192.0.2.7"


@asynccontextmanager
async def houses(*names: str, **limits: int) -> AsyncIterator[list[tuple[House, Running]]]:
    """Whole servers that are one."""
    async with running(*names) as nodes, AsyncExitStack() as stack:
        yield [(await stack.enter_async_context(house_at(node, limits=limits)), node) for node in nodes]


async def is_let_in(house: House, address: str) -> bool:
    said = await house.call(address).read_until("\r\n")
    return "too many connections from your address" not in said


async def test_connections_from_one_address_count_at_all_nodes_within_a_second(autojump_clock: trio.abc.Clock) -> None:
    async with houses("a", "b", "c", connections_per_address=4) as ((a, _), (b, _), (c, _)):
        first = [a.call(CROWD) for _ in range(2)]
        second = b.call(CROWD)
        await trio.sleep(1)
        assert await is_let_in(c, CROWD)
        await trio.sleep(1)
        for house in (a, b, c):
            assert not await is_let_in(house, CROWD)
            assert await is_let_in(house, "198.51.100.1")
        await first[0].stream.aclose()
        await trio.sleep(1)
        assert await is_let_in(b, CROWD)
        del second


async def test_while_the_engine_carries_nothing_each_node_soon_counts_its_own(autojump_clock: trio.abc.Clock) -> None:
    async with houses("a", "b", connections_per_address=3) as ((a, node), (b, _)):
        for _ in range(3):
            a.call(CROWD)
        await trio.sleep(GOOD_SECONDS + 5)  # told again, so it is good still
        assert not await is_let_in(b, CROWD)
        node.is_cut_off = True
        await trio.sleep(GOOD_SECONDS)
        assert await is_let_in(b, CROWD)


def test_of_a_node_that_shows_another_certificate_the_log_warns_once_when_it_does_so_for_longer() -> None:
    certificates = Certificates(lambda: "one")
    with capture_logs() as logs:
        for fingerprint in ("one", "one", "two", "one", "two"):
            certificates.shown(2, fingerprint)
        assert logs == []
        for _ in range(3):
            certificates.shown(2, "two")
        (warned,) = logs
    assert (warned["node"], warned["fingerprint"], warned["own"]) == (2, "two", "one")
    with capture_logs() as logs:
        certificates = Certificates(lambda: "")
        certificates.shown(2, "two")
        certificates.shown(2, "two")
    assert logs == [], "this one has none"


async def test_rooms_that_one_person_or_address_creates_count_at_all_nodes(autojump_clock: trio.abc.Clock) -> None:
    async with houses("a", "b", rooms_per_address=2) as ((a, _), (b, _)):
        here, there = a.call(CROWD), b.call(CROWD)
        await here.log_in("ann")
        await there.log_in("bob")
        for caller, room in ((here, "one"), (there, "two")):
            await caller.type(f"/create {room}")
            await caller.read_until(f"{room}")
            await trio.sleep(1)
        await here.type("/create three")
        await here.read_until("* 2 rooms were created from your address within a day, which is the most.")


# The counts alone.


def counted(node: SharedCounts, counts: dict[str, int]) -> None:
    for network, connections in counts.items():
        node.count(network, connections)


def exchange(of: SharedCounts, number: int, to: SharedCounts) -> int:
    told = [*of.to_tell()]
    for counts in told:
        to.heard(number, counts)
    return len(told)


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.integers(0, 30)), max_size=60))
def test_what_was_told_last_is_known_whatever_came_before(told: list[tuple[str, int]]) -> None:
    here, there = SharedCounts(lambda: 100, lambda: 0.0), SharedCounts(lambda: 100, lambda: 0.0)
    for network, count in told:
        here.count(network, count)
        if count % 3:
            exchange(here, 1, there)
    exchange(here, 1, there)
    assert {network: there.elsewhere(network) for network in "xyz"} == dict.fromkeys("xyz", 0) | dict(told)


def test_a_count_that_was_lost_is_good_for_a_while_only_and_large_ones_are_told_again() -> None:
    now = 0.0
    here, there = SharedCounts(lambda: 100, lambda: now), SharedCounts(lambda: 100, lambda: now)
    counted(here, {"small": 2, "large": 50, "gone": 50})
    exchange(here, 1, there)
    here.count("gone", 0)
    assert [*here.to_tell()] == [{"gone": 0}], "and that is lost on its way"
    while now < GOOD_SECONDS:
        now += AGAIN_SECONDS
        exchange(here, 1, there)
    assert [there.elsewhere(network) for network in ("small", "large", "gone")] == [0, 50, 0]


def test_so_much_is_told_at_once_and_the_rest_later() -> None:
    here, there = SharedCounts(lambda: 100, lambda: 0.0), SharedCounts(lambda: 100, lambda: 0.0)
    networks = [f"2001:db8:{number:x}::/64" for number in range(SIGN_NETWORKS * (SIGNS_AT_ONCE + 2))]
    counted(here, dict.fromkeys(networks, 3))
    assert [exchange(here, 1, there) for _ in range(3)] == [SIGNS_AT_ONCE, 2, 0]
    assert all(there.elsewhere(network) == 3 for network in networks)


def test_of_however_many_networks_so_many_are_remembered() -> None:
    here, there = SharedCounts(lambda: 100, lambda: 0.0), SharedCounts(lambda: 100, lambda: 0.0)
    for number in range(NETWORKS_MAX + 100):
        here.count(str(number), 1)
        there.heard(1, {str(number): 1})
    assert len(here._changed) == len(there._others) == NETWORKS_MAX
