"""A name that somebody has no longer is nobody else's before every room has stored that, at whichever node. Whole servers, on virtual time."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import pytest
import trio

from account_house import told
from chat_server.journal import JournalError
from chat_server.journal.happened import PersonId
from chat_server.journal.kept_in_memory import Kept, KeptRoom
from chat_server.journal.keys import SenderKey
from chat_server.journal.nodes import Beside, Called, Came, PendingTurn, Went
from chat_server.protocol.entries import Entry
from chat_server.protocol.names import name_key
from node_houses import NodeHouse, open_nodes
from nodes import SlowTurn
from streams import Program

TOKEN = "a-token-of-twenty-two-characters"  # noqa: S105 - nobody owns it


def names_of_two(kept: Kept) -> list[str]:
    """Names that two people have in a room, by its turns."""
    return [problem for name, room in kept.rooms.items() for problem in _names_of_two(name, room)]


def _names_of_two(name: str, room: KeptRoom) -> Iterator[str]:
    nicks: dict[tuple[int, PersonId, int], str] = {}
    became: dict[PersonId, PersonId] = {}
    for turn in room.turns:
        for _, movement in turn.movements:
            match movement:
                case Came(person, device, nick):
                    known = next((known for (_, other, _), known in nicks.items() if other == person), nick)
                    nicks[turn.node, person, device] = known
                    became[movement.was] = person
                case Went(person, device):
                    nicks.pop((turn.node, person, device), None)
                case Called(person, nick):
                    nicks |= {where: nick for where in nicks if where[1] == person}
            whose: dict[str, set[PersonId]] = defaultdict(set)
            for (_, person, _), nick in nicks.items():
                whose[name_key(nick)].add(became.get(person, person))
            yield from (
                f"{nick} is {people} in {name}, turn {turn.number}" for nick, people in whose.items() if len(people) > 1
            )


def slow_rooms(house: NodeHouse, monkeypatch: pytest.MonkeyPatch, seconds: float, *rooms: str) -> None:
    """The engine takes so long to store what happens in these rooms at this node; names it gives at once."""

    def append(lines: Sequence[Entry], keys: Mapping[int, SenderKey], beside: Beside) -> PendingTurn:
        lines, keys = [*lines], dict(keys)
        wait = seconds if beside.room in rooms else 0.0
        return SlowTurn(lambda: house.node.store(lines, keys, beside), wait, 0.0)

    monkeypatch.setattr(house.node, "append", append)


async def given(program: Program, nick: str) -> float:
    """Ask for a name until it is given. Returns the time."""
    while (await told(program, "login", nick=nick))["is"] != "logged-in":
        await trio.sleep(0.1)
    return trio.current_time()


async def refused(house: NodeHouse, nick: str) -> str:
    """Why a name is refused to somebody new."""
    answer = await told(house.connect(), "login", nick=nick)
    assert answer["is"] == "refused", answer
    return str(answer["code"])


async def test_an_old_name_is_given_to_nobody_else_before_every_room_has_stored_the_new_one(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(login_seconds=0, silence_seconds=0) as (a, b):
        ann, other = a.connect(), b.connect()
        await ann.enter("ann", "python", "pm")
        slow_rooms(a, monkeypatch, 4, "pm")
        began = trio.current_time()
        assert (await told(ann, "nick", nick="zoe"))["is"] == "renamed"
        assert trio.current_time() - began < 1, "whoever has a new name waits for nothing"
        assert (await told(other, "login", nick="Ann"))["code"] == "name-taken"
        assert 4 <= await given(other, "ann") - began < 5
        await told(other, "join", room="pm")
        await trio.sleep(5)
        assert names_of_two(a.node._kept) == []


async def test_the_name_of_somebody_who_has_gone_is_given_to_nobody_else_before_every_room_has_stored_that(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(login_seconds=0, silence_seconds=0) as (a, b):
        ann, other = a.connect(), b.connect()
        await ann.enter("ann", "python", "pm")
        slow_rooms(a, monkeypatch, 20, "pm")
        began = trio.current_time()
        await ann.stream.aclose()
        assert 20 <= await given(other, "ann") - began < 21
        await told(other, "join", room="pm")
        await trio.sleep(21)
        assert names_of_two(a.node._kept) == []


async def test_where_a_room_could_not_store_that_somebody_has_gone_the_name_is_theirs_until_it_can(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(login_seconds=0, silence_seconds=0) as (a, b):
        ann = a.connect()
        await ann.enter("ann", "python")
        store, is_full = a.node.store, True

        def full(*what: object) -> object:
            if is_full:
                raise JournalError("no space left on device")
            return store(*what)  # type: ignore[arg-type]

        monkeypatch.setattr(a.node, "store", full)
        await ann.log_out()
        await trio.sleep(60)
        assert await refused(b, "ann") == "name-taken"
        is_full = False
        await trio.sleep(5)
        await b.connect().enter("ann", "python")
        assert names_of_two(a.node._kept) == []


async def test_who_goes_while_a_room_stores_the_new_name_leaves_both_names_free(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(login_seconds=0, silence_seconds=0) as (a, b):
        ann = a.connect()
        await ann.enter("ann", "python")
        slow_rooms(a, monkeypatch, 3, "python")
        await told(ann, "nick", nick="zoe")
        await ann.stream.aclose()
        await trio.sleep(30)
        for nick in ("ann", "zoe"):
            await b.connect().enter(nick, "python")
        await trio.sleep(30)
        assert names_of_two(a.node._kept) == []
        others = a.server._directory.others
        assert others is not None
        assert (others.names._unsettled, others.names._whose) == ({}, {})


async def test_who_takes_an_old_name_again_keeps_it_though_a_room_stores_late_that_they_had_another(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(login_seconds=0, silence_seconds=0) as (a, b):
        ann = a.connect()
        await ann.enter("ann", "python", token=TOKEN)
        slow_rooms(a, monkeypatch, 15, "python")
        assert (await told(ann, "nick", nick="zoe"))["is"] == "renamed"
        assert (await told(ann, "nick", nick="ann"))["is"] == "renamed"
        assert await refused(b, "zoe") == "name-taken"
        again = await b.connect().enter("joe", token=TOKEN, session="add")
        assert again["nick"] == "ann", "the newest that they have"
        await trio.sleep(60)
        assert await refused(b, "ann") == "name-taken"
        await b.connect().enter("zoe", "python")
        assert names_of_two(a.node._kept) == []


async def test_the_old_name_of_somebody_in_a_room_that_is_deleted_meanwhile_is_free(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(login_seconds=0, silence_seconds=0) as (a, b):
        ann = a.connect()
        await ann.enter("ann", "python", "pm")
        slow_rooms(a, monkeypatch, 3, "pm")
        await ann.ask("say", room="pm", text="something that is being stored")
        await trio.sleep(1)
        assert (await told(ann, "nick", nick="zoe"))["is"] == "renamed"
        assert (await a.operator().ask("delete-room", room="pm"))[-1]["is"] == "done"
        await trio.sleep(10)
        await b.connect().enter("ann", "python")


async def test_who_comes_back_to_a_node_that_has_not_stored_yet_that_they_have_gone_has_their_name(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(login_seconds=0, silence_seconds=0) as (a, b):
        ann = a.connect()
        await ann.enter("ann", "python", token=TOKEN)
        slow_rooms(a, monkeypatch, 15, "python")
        await ann.stream.aclose()
        await trio.sleep(11)
        again = a.connect()
        assert (await again.enter("ann", token=TOKEN))["nick"] == "ann"
        await trio.sleep(60)
        assert await refused(b, "ann") == "name-taken"
