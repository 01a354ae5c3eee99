"""Guests at other nodes: what one node knows of them, and what it is told when it asks. With stand-ins, on virtual time."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from chat_server.accounts import sender_of
from chat_server.accounts.look_alikes import skeleton
from chat_server.journal.kept_in_memory import Kept
from chat_server.journal.memory_nodes import MemoryNode
from chat_server.journal.nodes import Claim, Claimed
from chat_server.journal.signs import GuestTold
from chat_server.rooms.guests_elsewhere import ASKED_SECONDS, GuestsElsewhere


async def called(node: MemoryNode, nick: str, who: str) -> None:
    """Somebody has a name at a node."""
    assert isinstance(await node.claim(Claim(nick, nick, skeleton(nick), who)), Claimed)


async def test_who_is_looked_for_is_a_guest_at_whatever_node_and_no_account(autojump_clock: trio.abc.Clock) -> None:
    kept = Kept()
    here, there = MemoryNode(kept), MemoryNode(kept)
    guests = GuestsElsewhere(here)
    await called(there, "gus", "2:gus")
    await called(there, "ann", sender_of(1))
    found = await guests.look_for("gus")
    assert found is not None
    assert (found.person, found.node) == ("2:gus", there.number)
    assert await guests.look_for("ann") is None
    assert await guests.look_for("nobody") is None
    assert await GuestsElsewhere(None).look_for("gus") is None
    assert await guests.are_here("2:gus")
    assert not await guests.are_here("2:gone")


async def test_a_name_is_that_of_who_had_it_last(autojump_clock: trio.abc.Clock) -> None:
    guests = GuestsElsewhere(None)
    guests.note("2:gus", "gus")
    guests.note("2:tim", "gus")
    guests.forget("2:gus")
    assert (guests.find("gus"), guests.name_of("2:tim"), guests.name_of("2:gus")) == ("2:tim", "gus", "")
    guests.note("2:tim", "tim")
    assert (guests.find("gus"), guests.find("tim")) == ("", "2:tim")


@pytest.mark.parametrize("to_others", [False, True])
async def test_what_a_guest_has_chosen_their_node_says_in_time_or_it_is_not_known(
    to_others: bool, autojump_clock: trio.abc.Clock
) -> None:
    node = MemoryNode(Kept())
    guests, told = GuestsElsewhere(node), list[GuestTold | None]()

    async def ask() -> None:
        told.append(await guests.chosen("2:gus"))

    began = trio.current_time()
    answer = GuestTold(node.number + to_others, 1, "all")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        guests.heard(GuestTold(node.number, 2, "nobody"))
        guests.heard(answer)
    assert told == [None if to_others else answer]
    assert trio.current_time() - began == pytest.approx(ASKED_SECONDS if to_others else 0, abs=0.1)
    guests.heard(answer)  # too late, or again
