"""Who was named just before a server was killed learns of it: what is kept a moment after the lines is made up at the next start."""

import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
import trio

from canary import PASSWORD
from captured_logs import capture_logs
from chat_server.accounts import sender_of
from chat_server.journal import JournalError, RoomRecord
from chat_server.journal.kept_in_memory import Kept
from chat_server.journal.memory import MemoryJournal
from chat_server.journal.memory_burying import SILENCE_SECONDS, bury
from chat_server.journal.nodes import Elsewhere, Moved
from chat_server.rooms import shared_broadcaster
from chat_server.rooms.called_before import LAST_SECONDS, LINES_MAX, Left, look_before
from chat_server.rooms.calls import Calls
from chat_server.server.open_rooms import AGAIN_SECONDS_MAX, TRIES_MAX
from dens import den
from node_houses import open_nodes
from node_people import accounts
from streams import open_house
from test_blocks_among_nodes import account_at
from test_calls import Books, bot_of
from test_conversing import answer
from test_kill_accounts import living, register


@pytest.fixture
def wall_clock(wall_clock: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the turns of nodes too."""
    monkeypatch.setattr(shared_broadcaster, "time", time.time)


async def mentions_of(journal: MemoryJournal, nick: str) -> list[int]:
    """The numbers of the lines in which somebody is kept as named."""
    account = journal.accounts.names.holder(nick)
    return [one.seq for one in await journal.mentions.of(account)]


async def killed_after(
    monkeypatch: pytest.MonkeyPatch, *lines: tuple[str, float], present: bool = False
) -> MemoryJournal:
    """What is kept when ann has said these, each so many seconds after the one before; nothing of who was named has been looked into.

    bob was in the room before, or until the end.
    """
    journal = MemoryJournal()
    with monkeypatch.context() as patched:

        async def nothing(_: Calls) -> bool:
            return True

        patched.setattr(Calls, "look", nothing)
        async with open_house(journal=journal, silence_seconds=9999, messages_per_second=0) as house:
            ann, bob, _ = await den(house, "ann", "bob", "eve")
            if not present:
                await bob.log_out()
                await trio.sleep(5)
            for number, (text, pause) in enumerate(lines):
                await answer(ann, "say", room="den", text=text, key=str(number))
                await trio.sleep(pause)
            if present:
                await bob.log_out()
    return MemoryJournal(journal._kept)


async def started_again(journal: MemoryJournal) -> None:
    async with open_house(journal=journal):
        await trio.sleep(5)


@pytest.mark.usefixtures("wall_clock")
async def test_who_was_named_in_the_last_lines_is_kept_as_named_by_the_next_start_and_once(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = await killed_after(monkeypatch, ("hello", 0.1), ("bob: call me", 0.1), ("bye", 0.1))
    assert await mentions_of(journal, "bob") == []
    await started_again(journal)
    numbers = await mentions_of(journal, "bob")
    assert len(numbers) == 1
    assert await mentions_of(MemoryJournal(journal._kept), "ann") == []
    again = MemoryJournal(journal._kept)
    await started_again(again)
    assert await mentions_of(again, "bob") == numbers


@pytest.mark.usefixtures("wall_clock")
async def test_who_had_been_shown_the_line_is_not_and_neither_is_who_was_named_long_before(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = await killed_after(monkeypatch, ("bob: you see this", 0.1), present=True)
    await started_again(journal)
    assert await mentions_of(journal, "bob") == []
    journal = await killed_after(monkeypatch, ("bob: long before", LAST_SECONDS + 1), ("hello", 0.1))
    await started_again(journal)
    assert await mentions_of(journal, "bob") == []


@pytest.mark.usefixtures("wall_clock")
async def test_only_so_many_lines_are_looked_through_and_who_is_at_another_node_has_heard_them(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = await killed_after(monkeypatch, ("bob: hi", 0), *[("no", 0)] * LINES_MAX)
    books, records = Books(journal), await journal.rooms()
    record = next(one for one in records if one.name == "den")
    bob = journal.accounts.names.holder("bob")
    calls = Calls(books)
    await look_before([Left(record)], books, calls)
    assert not calls._waiting
    shorter = record._replace(last=record.last - LINES_MAX)
    await look_before([Left(shorter, [Elsewhere(1, sender_of(bob), 0, "bob", bob)])], books, calls)
    assert not calls._waiting
    await look_before([Left(shorter)], books, calls)
    assert [call.account for call in calls._waiting] == [bob]


async def test_a_room_that_cannot_be_read_does_not_keep_the_others_from_it(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = MemoryJournal()
    books, asked = Books(journal), list[str]()

    async def refuse(room: str) -> dict[str, int]:
        asked.append(room)
        raise JournalError("the disk")

    monkeypatch.setattr(journal, "positions", refuse)
    rooms = [Left(RoomRecord(name, "", 1, 1, 5.0)) for name in ("a", "b")]
    await look_before([*rooms, Left(RoomRecord("empty", "", 1, 0))], books, Calls(books))
    assert asked == ["a", "b"]
    await look_before([], books, Calls(books))


@pytest.mark.slow
@pytest.mark.parametrize("_", range(3))
def test_a_server_that_is_killed_as_soon_as_a_line_is_shown_tells_whom_it_named_when_they_come_back(
    _: int, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    with living(data) as world:
        ann, bob = register(world, "ann"), register(world, "bob")
        for one in (ann, bob):
            one.ask("join", room="python")
        bob.ask("say", room="python", text="bye", key="0")
        bob.tell("logout")
        time.sleep(2.5)  # that he was here is kept within a second or so
        assert ann.ask("say", room="python", text="bob: call me", key="1")["is"] == "stored"
        world.server.kill()
    with living(data) as world:
        time.sleep(1)
        program = world.program()
        assert program.ask("login", nick="bob", password=PASSWORD)["is"] == "logged-in"
        shown = program.ask("mentions")
        assert [line["text"] for _, lines in shown["rooms"] for line in lines] == ["bob: call me"]


@pytest.mark.slow
def test_whoever_was_there_when_a_server_stopped_in_order_is_told_of_nothing_that_they_have_seen(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    with living(data) as world:
        ann, bob = register(world, "ann"), register(world, "bob")
        for one in (ann, bob):
            one.ask("join", room="python")
        assert ann.ask("say", room="python", text="bob: call me", key="1")["is"] == "stored"
        assert bob.next("said")["text"] == "bob: call me"
        assert world.server.stop() == 0
    with living(data) as world:
        time.sleep(1)
        program = world.program()
        assert program.ask("login", nick="bob", password=PASSWORD)["is"] == "logged-in"
        assert program.ask("mentions")["is"] == "no-mentions"


async def nothing() -> bool:
    return True


@pytest.mark.usefixtures("wall_clock")
async def test_the_node_that_gives_another_up_makes_up_for_whom_that_has_not_kept_as_named(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(config=accounts(), silence_seconds=0, messages_per_second=0) as (a, b):
        ann, bob, eve = await account_at(a, "ann", 1), await account_at(a, "bob", 2), await account_at(b, "eve", 3)
        await bob.log_out()
        await trio.sleep(5)
        monkeypatch.setattr(a.server._directory.calls, "look", nothing)
        await answer(ann, "say", room="python", text="bob: long before", key="0")
        await trio.sleep(LAST_SECONDS + SILENCE_SECONDS)
        for number, text in enumerate(("bob: call me", "eve: you hear this"), 1):
            await answer(ann, "say", room="python", text=text, key=str(number))
        await trio.sleep(SILENCE_SECONDS / 2)
        for number in range(20):
            await answer(eve, "say", room="python", text=f"the others go on {number}", key=f"e{number}")
        await trio.sleep(SILENCE_SECONDS / 2)
        bury(a.node._kept, a.node.number)
        await trio.sleep(5)
        journal, names = b.node.journal, b.node.journal.accounts.names
        kept = await journal.mentions.of(names.holder("bob"))
        texts = [(await journal.read("python", one.seq, one.seq)).lines[0].text for one in kept]
        assert texts == ["bob: call me"]
        assert await journal.mentions.of(names.holder("eve")) == [], "who is there has heard it"


@pytest.mark.usefixtures("wall_clock")
async def test_where_it_cannot_be_looked_just_now_it_is_a_little_later(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(config=accounts(), silence_seconds=0) as (a, b):
        ann, bob = await account_at(a, "ann", 1), await account_at(a, "bob", 2)
        await bob.log_out()
        await trio.sleep(5)
        monkeypatch.setattr(a.server._directory.calls, "look", nothing)
        await answer(ann, "say", room="python", text="bob: call me", key="1")
        rooms, times = b.node.journal.rooms, []

        async def refuse_once() -> list[RoomRecord]:
            times.append(trio.current_time())
            if len(times) == 1:
                raise JournalError("the engine is away")
            return await rooms()

        monkeypatch.setattr(b.node.journal, "rooms", refuse_once)
        await trio.sleep(SILENCE_SECONDS)
        bury(a.node._kept, a.node.number)
        await trio.sleep(10)
        assert len(times) == 2
        assert len(await b.node.journal.mentions.of(b.node.journal.accounts.names.holder("bob"))) == 1


@pytest.mark.usefixtures("wall_clock")
@pytest.mark.parametrize("step", ["positions", "open", "moved"])
@pytest.mark.parametrize("is_there", [False, True], ids=["comes", "goes"])
async def test_whoever_comes_or_goes_while_it_is_looked_is_kept_as_named_only_where_they_were_not_there(
    is_there: bool, step: str, autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(3, config=accounts(), silence_seconds=0) as (a, b, c):
        ann, bob = await account_at(a, "ann", 1), await account_at(c, "bob", 2)
        if not is_there:
            await bob.ask("back", room="python")
            await bob.wait_for("went-back")
        await trio.sleep(5)
        monkeypatch.setattr(a.server._directory.calls, "look", nothing)
        told = await answer(ann, "say", room="python", text="bob: call me", key="1")
        owner = {"positions": b.node.journal, "open": b.node, "moved": b.node.gone}[step]
        wait = getattr(owner, step)

        async def move_first(*given: object) -> object:
            monkeypatch.setattr(owner, step, wait)
            await bob.ask("back" if is_there else "join", room="python")
            await bob.wait_for("went-back" if is_there else "entered")
            await trio.sleep(0.01)
            return await wait(*given)

        await trio.sleep(SILENCE_SECONDS)
        monkeypatch.setattr(owner, step, move_first)
        bury(a.node._kept, a.node.number)
        await trio.sleep(5)
        assert getattr(owner, step) == wait
        assert await mentions_of(c.node.journal, "bob") == ([] if is_there else [told["seq"]])


@pytest.mark.usefixtures("wall_clock")
@pytest.mark.goes_wrong
@pytest.mark.parametrize("error", [JournalError("damaged"), ValueError("damaged")])
async def test_a_room_of_which_it_cannot_be_looked_keeps_nobody_from_the_others_and_is_left_out_at_last(
    error: Exception, autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(config=accounts(), silence_seconds=0) as (a, b):
        ann, bob = await account_at(a, "ann", 1), await account_at(a, "bob", 2)
        await ann.ask("create", room="aaa")
        await ann.wait_for("room-created")
        for one in (ann, bob):
            await one.ask("join", room="aaa")
            await one.wait_for("entered")
        await bob.log_out()
        await trio.sleep(5)
        monkeypatch.setattr(a.server._directory.calls, "look", nothing)
        for room in ("python", "aaa"):
            await answer(ann, "say", room=room, text="bob: call me", key=room)
        moved = b.node.gone.moved

        async def damaged(room: str, seq: int) -> Sequence[Moved]:
            if room == "python":
                raise error
            return await moved(room, seq)

        monkeypatch.setattr(b.node.gone, "moved", damaged)
        await trio.sleep(SILENCE_SECONDS)
        with capture_logs() as logs:
            bury(a.node._kept, a.node.number)
            await trio.sleep(5)
            bobs = await b.node.journal.mentions.of(b.node.journal.accounts.names.holder("bob"))
            assert [one.room for one in bobs] == ["aaa"]
            await trio.sleep(AGAIN_SECONDS_MAX * TRIES_MAX)
        assert not b.node._kept.nodes.to_make_up
        assert any("who was named" in str(log) for log in logs)


@pytest.mark.usefixtures("wall_clock")
async def test_a_reply_is_made_up_for_too_to_whoever_it_answers_and_not_what_somebody_says_of_themselves(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(config=accounts(), silence_seconds=0) as (a, b):
        ann, bob = await account_at(a, "ann", 1), await account_at(a, "bob", 2)
        first = await answer(bob, "say", room="python", text="shall we?", key="1")
        await bob.log_out()
        await trio.sleep(5)
        monkeypatch.setattr(a.server._directory.calls, "look", nothing)
        reply = await answer(ann, "say", room="python", text="yes", re=first["seq"], key="2")
        await answer(ann, "say", room="python", text="ann has spoken", key="3")
        await ann.log_out()
        await trio.sleep(SILENCE_SECONDS)
        bury(a.node._kept, a.node.number)
        await trio.sleep(5)
        assert await mentions_of(b.node.journal, "bob") == [reply["seq"]]
        assert await mentions_of(b.node.journal, "ann") == []


@pytest.mark.usefixtures("wall_clock")
@pytest.mark.parametrize("comes_back", [False, True])
async def test_of_whoever_was_there_by_the_node_itself_it_counts_how_far_they_are_known_to_have_read(
    comes_back: bool, autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(config=accounts(), silence_seconds=0) as (a, b):
        ann, _ = await account_at(a, "ann", 1), await account_at(a, "bob", 2)
        await trio.sleep(5)
        monkeypatch.setattr(a.server._directory.calls, "look", nothing)
        told = await answer(ann, "say", room="python", text="bob: call me", key="1")
        if comes_back:
            bob = b.connect("127.0.0.2")
            await bob.ask("hello", protocol=2)
            await bob.ask("login", nick="bob", password=PASSWORD, session="add")
            await bob.wait_for("logged-in")
            await bob.ask("join", room="python")
            await bob.wait_for("entered")
        await trio.sleep(SILENCE_SECONDS)
        bury(a.node._kept, a.node.number)
        await trio.sleep(5)
        assert await mentions_of(b.node.journal, "bob") == ([] if comes_back else [told["seq"]])


@pytest.mark.usefixtures("wall_clock")
@pytest.mark.parametrize("comes_later", [False, True])
async def test_a_bot_has_heard_for_nobody_what_is_made_up(
    comes_later: bool, autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(config=accounts(), silence_seconds=9999) as (a, b):
        ann, bob = await account_at(a, "ann", 1), await account_at(b, "bob", 2)
        await bob.ask("back", room="python")
        await bob.wait_for("went-back")
        if not comes_later:
            await bot_of(bob, b)
        await trio.sleep(5)
        monkeypatch.setattr(a.server._directory.calls, "look", nothing)
        told = await answer(ann, "say", room="python", text="bob: call me", key="1")
        if comes_later:
            await bot_of(bob, b)
        await trio.sleep(SILENCE_SECONDS)
        bury(a.node._kept, a.node.number)
        await trio.sleep(5)
        assert await mentions_of(b.node.journal, "bob") == [told["seq"]]


@pytest.mark.usefixtures("wall_clock")
async def test_whoever_comes_when_their_bot_has_gone_was_not_there_by_that(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(config=accounts(), silence_seconds=9999) as (a, b):
        ann, bob = await account_at(a, "ann", 1), await account_at(b, "bob", 2)
        await bob.ask("back", room="python")
        await bob.wait_for("went-back")
        bot = await bot_of(bob, b)
        await trio.sleep(5)
        monkeypatch.setattr(a.server._directory.calls, "look", nothing)
        told = await answer(ann, "say", room="python", text="bob: call me", key="1")
        await bot.ask("logout")
        await bob.ask("join", room="python")
        await bob.wait_for("entered")
        await trio.sleep(SILENCE_SECONDS)
        bury(a.node._kept, a.node.number)
        await trio.sleep(5)
        assert await mentions_of(b.node.journal, "bob") == [told["seq"]]


async def never(*_: object) -> None:
    await trio.sleep_forever()


@pytest.mark.usefixtures("wall_clock")
async def test_where_the_node_that_makes_up_for_another_dies_over_it_a_third_one_does(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(3, config=accounts(), silence_seconds=0) as (a, b, c):
        ann, bob = await account_at(a, "ann", 1), await account_at(a, "bob", 2)
        await bob.log_out()
        await trio.sleep(5)
        monkeypatch.setattr(a.server._directory.calls, "look", nothing)
        monkeypatch.setattr(b.server._directory.calls, "keep", never)
        await answer(ann, "say", room="python", text="bob: call me", key="1")
        await trio.sleep(SILENCE_SECONDS)
        bury(a.node._kept, a.node.number)
        await trio.sleep(20)
        assert await mentions_of(c.node.journal, "bob") == []
        bury(b.node._kept, b.node.number)
        await trio.sleep(5)
        assert len(await mentions_of(c.node.journal, "bob")) == 1
        assert not c.node._kept.nodes.to_make_up


@pytest.mark.usefixtures("wall_clock")
async def test_where_all_nodes_are_killed_the_next_start_makes_up_for_each_though_others_went_on_since(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept()
    async with open_nodes(2, kept=kept, config=accounts(), silence_seconds=0) as (a, b):
        ann, bob, eve = await account_at(a, "ann", 1), await account_at(a, "bob", 2), await account_at(b, "eve", 3)
        await bob.log_out()
        await trio.sleep(5)
        monkeypatch.setattr(a.server._directory.calls, "look", nothing)
        monkeypatch.setattr(b.server._directory.calls, "keep", never)
        await answer(ann, "say", room="python", text="bob: call me", key="1")
        await trio.sleep(SILENCE_SECONDS)
        bury(kept, a.node.number)
        for number in range(10):
            await answer(eve, "say", room="python", text="the others go on", key=f"e{number}")
            await trio.sleep(1)
        bury(kept, b.node.number)
        async with open_nodes(1, kept=kept, config=accounts()) as (later,):
            await trio.sleep(5)
            assert len(await mentions_of(later.node.journal, "bob")) == 1


@pytest.mark.usefixtures("wall_clock")
@pytest.mark.parametrize("seed", range(10))
async def test_whoever_comes_and_goes_before_a_node_is_given_up_all_are_kept_as_named_who_were_not_there(
    seed: int, autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = Random(seed)  # noqa: S311 - no secret
    async with open_nodes(3, config=accounts(), silence_seconds=0, messages_per_second=0) as (a, b, c):
        kept = a.node._kept
        ann = await account_at(a, "ann", 1)
        programs = {nick: await account_at(chance.choice((b, c)), nick, place) for place, nick in enumerate(NAMES, 2)}
        monkeypatch.setattr(a.server._directory.calls, "look", nothing)
        is_there = dict.fromkeys(NAMES, True)
        expected: dict[str, list[int]] = {nick: [] for nick in NAMES}

        async def move(nick: str, *pauses: float) -> None:
            do = "back" if is_there[nick] else "join"
            await programs[nick].ask(do, room="python")
            await programs[nick].wait_for("went-back" if is_there[nick] else "entered")
            is_there[nick] = not is_there[nick]
            await trio.sleep(chance.choice(pauses or (0.0,)))

        for nick in NAMES:
            if chance.random() < 0.7:
                await move(nick)
        await trio.sleep(5)
        for number in range(chance.randrange(1, 6)):
            named = chance.choice(NAMES)
            told = await answer(ann, "say", room="python", text=f"{named}: call me", key=f"k{number}")
            if not is_there[named]:
                expected[named].append(told["seq"])
            if chance.random() < 0.5:
                await move(chance.choice(NAMES))
        said_at = trio.current_time()
        for _ in range(chance.randrange(6)):
            await move(chance.choice(NAMES), 0, 0.1, 1.2)
        await trio.sleep(max(0, said_at + SILENCE_SECONDS - trio.current_time()))
        if chance.random() < 0.5:  # it dies over it
            monkeypatch.setattr(b.server._directory.calls, "keep", never)
            bury(kept, a.node.number)
            await trio.sleep(chance.choice((0, 3)))
            bury(kept, b.node.number)
        else:
            bury(kept, a.node.number)
        await trio.sleep(5)
        found = {nick: sorted(await mentions_of(c.node.journal, nick)) for nick in NAMES}
        assert found == expected
        assert not kept.nodes.to_make_up


NAMES: Sequence[str] = ("bob", "eve", "joe")
