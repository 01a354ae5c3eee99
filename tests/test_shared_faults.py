"""Whatever raises in a room of several nodes: it hurts one turn, every node goes on, and all agree on what was said and who is there."""

import inspect
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import suppress
from typing import Any

import pytest
import trio
import trio.testing

from captured_logs import capture_logs
from chat_server.accounts import Holder, Registration
from chat_server.journal import Receipt
from chat_server.journal.batch_codec import Unknown
from chat_server.journal.kept_in_memory import Kept
from chat_server.protocol.entries import Entry
from chat_server.protocol.requests import Topic
from chat_server.protocol.room_life import NameSet
from chat_server.rooms.batch import Batch
from chat_server.rooms.changes import Doer
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.movements import Planner
from chat_server.rooms.own_turn import OwnTurn
from chat_server.rooms.person import Proof
from chat_server.rooms.recent_history import RecentHistory
from chat_server.rooms.roster import Roster
from chat_server.rooms.shared_broadcaster import SharedBroadcaster
from chat_server.rooms.shared_members import SharedMembers
from fakes import FakeSession
from nodes import Node, settled
from test_faults import Bug, Fuse, set_trap

OWNERS = (SharedBroadcaster, SharedMembers, Roster, Planner, OwnTurn)
ONLY_WHEN_SOMETHING_FAILED = {
    "_find_stored",
    "_take_anyway",
    "_show_unseen",
    "rename_anyway",
    "become",
    "_is_there",
    "has",
}
NOT_TRAPPED = {
    # Before the room is there.
    "SharedBroadcaster.__init__", "SharedMembers.__init__", "Roster.__init__",
    # What an engine calls: it has nothing to do with what goes wrong in one room.
    "name", "follow", "SharedBroadcaster._wake",
    # When turns are forgotten: test_shared_rooms.py.
    "_begin_anew",
    # What is asked when a name is given back: test_names_given_back.py.
    "lists",
    # Where somebody with an account is named, or looked up by /whois: test_people.py.
    "has_account",
    "hears",
    # Where a bot that filters a room is at another node: test_filters_among_nodes.py.
    "bots_elsewhere",
    # By what this test itself asks.
    "people", "__iter__", "population", "__len__", "others",
}  # fmt: skip
BESIDE = ((Batch, "move"), (RecentHistory, "skip"), (ChatRoom, "_enter_shared"))
"""Of other classes, where there are several nodes."""


UNGUARDED = {"owe", "refuses", "_enter_shared", "is_noted"}
"""It ends the session that asks for it, and is logged there."""


@pytest.fixture(autouse=True)
def logged() -> Iterator[Sequence[MutableMapping[str, Any]]]:
    with capture_logs() as logs:
        yield logs


def steps() -> Iterator[tuple[type, str]]:
    for owner in OWNERS:
        for name, found in vars(owner).items():
            is_step = inspect.isfunction(found) or isinstance(found, property)
            if is_step and not {name, f"{owner.__name__}.{name}"} & (NOT_TRAPPED | ONLY_WHEN_SOMETHING_FAILED):
                yield owner, name
    yield from BESIDE


async def come(node: Node, nick: str, token: str = "") -> FakeSession:
    """Somebody enters, whose session a bug may end."""
    session = FakeSession(node.hall, nick)
    if token:
        session.person.sender = f"token:{token}"
    with suppress(Bug):
        await session.enter(node.room)
    return session


async def everything_happens(a: Node, b: Node) -> None:
    """People come, talk, take other names, are at both nodes, and go; nothing can be stored for a while, and turns are late and forgotten."""
    for number in range(2):
        ann, phone = await come(a, f"ann{number}", "t"), await come(b, f"ann{number}", "t")
        bob = await come(b, f"bob{number}")
        again = FakeSession(a.hall)
        again.belong_to(ann.person)
        with suppress(Bug):
            await again.enter(a.room)
        await a.say(ann, f"hello {number}", f"k{number}")
        await b.say(phone, f"hello {number}", f"k{number}")
        b.room.post(bob, Topic(f"snakes {number}"))
        await settled()
        await a.rename(ann, f"anna{number}")
        await b.rename(phone, f"anna{number}")
        a.nodes.is_full = True
        await a.say(ann, "lost")
        await come(a, f"dan{number}")
        await a.room.leave(again)
        await a.rename(ann, f"anne{number}")
        await settled()
        a.nodes.is_full = False
        await settled()
        ann.person.account, ann.person.sender = await account(a, f"anne{number}")
        with suppress(Bug):
            a.room.known_otherwise("x", "y")
        with suppress(Bug):
            a.room.changes.note_account(ann.person, is_first=False)
        await settled()
        a.nodes.pause = b.nodes.pause = lambda: 0.1
        for text in "xyz":
            await a.say(ann, f"{text} of ann's {number}")
            await b.say(bob, f"{text} of bob's {number}")
            await trio.sleep(0.05)
        await settled()
        a.nodes.pause = b.nodes.pause = None
        b.is_deaf = True
        await a.say(ann, f"unheard {number}")
        kept = a.nodes._kept
        kept.rooms["python"].lines.append(Unknown("python", kept.rooms["python"].last + 1, 9e9, b'["x","y","z"]'))
        kept.rooms["python"].add_turn(1)
        await trio.sleep(0.1)
        b.is_deaf = False
        await a.say(ann, f"heard {number}")
        await settled()
        await rename_there_and_back(a)
        ann.proof = Proof(99)
        await a.say(ann, "by a device that is none")
        await settled()
        ann.proof = Proof()
        for session, node in ((ann, a), (phone, b), (bob, b)):
            await node.room.leave(session)
        await settled()


async def rename_there_and_back(node: Node) -> None:
    """The room gets another name, and then its own again, whatever goes wrong."""

    async def rename(entry: Entry | None) -> Receipt | None:
        assert isinstance(entry, NameSet)
        return await node.nodes.journal.rename_room(node.room.name, new, entry)

    for new in ("snakes", "python"):
        while node.room.name != new:
            with suppress(Bug):
                await node.room.changes.ask(new, rename, by=Doer("ann"))
            await settled()


async def account(node: Node, nick: str) -> tuple[int, str]:
    holder = await node.nodes.journal.accounts.register(Registration(nick, nick), 0.0)
    assert isinstance(holder, Holder)
    return holder.account.id, f"account:{holder.account.id}"


@pytest.mark.parametrize("step", steps(), ids=lambda step: f"{step[0].__name__}.{step[1]}")
async def test_a_bug_in_any_step_hurts_one_turn_and_all_nodes_agree_afterwards(
    autojump_clock: trio.testing.MockClock,
    nursery: trio.Nursery,
    monkeypatch: pytest.MonkeyPatch,
    logged: Sequence[MutableMapping[str, Any]],
    step: tuple[type, str],
) -> None:
    kept = Kept()
    deaf: list[Callable[[], None]] = []
    a, b = Node(kept, name="a"), Node(kept, lambda wake: deaf.append(wake) if b.is_deaf else wake(), name="b")
    for node in (a, b):
        await node.open(nursery)
    fay, eve = await a.come("fay"), await b.come("eve")
    await settled()
    sabotage = set_trap(monkeypatch, *step, Fuse())
    sabotage.is_armed = True
    with trio.fail_after(1000):
        await everything_happens(a, b)
    sabotage.is_armed = False
    await settled()
    if not sabotage.reached:
        pytest.fail(f"nothing that happens comes to {step}")
    for speaker, node, hearer in ((fay, a, eve), (eve, b, fay)):
        await node.say(speaker, "still here")
        await settled()
        assert f"{speaker.nick}?: still here" in hearer.told
    stored = [line for line in kept.rooms["python"].lines if isinstance(line, Entry)]
    for witness in (fay, eve):
        for line in stored:
            assert any(line.text in told for told in witness.told), line
    assert a.turn == b.turn == kept.rooms["python"].turn
    people = {one.nick for one in kept.rooms["python"].people.values()}
    assert set(a.room.nicks) == set(b.room.nicks) == people == {"fay", "eve"}
    assert [*a.room._members.sessions] == [fay]
    assert [*b.room._members.sessions] == [eve]
    assert any(isinstance(entry.get("exc_info"), Bug) for entry in logged) or step[1] in UNGUARDED
