"""How much may wait for somebody in all, whoever has written it: by whole servers, on virtual time."""

import pytest
import trio

from canary import PASSWORD
from chat_server.journal import JournalError
from chat_server.rooms import who_may_write
from chat_server.rooms.conversations import conversations_of
from chat_server.rooms.unread import COUNTED_SECONDS, KNOWN_MAX, Unread, Waiting
from dens import den
from node_houses import open_nodes
from streams import House, Program, open_house
from test_conversing import answer, friends
from test_conversing_among_nodes import two_at_two

MAX = 6


@pytest.fixture(autouse=True)
def few_are_too_many(wall_clock: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """In virtual time."""
    monkeypatch.setattr(who_may_write, "UNREAD_IN_ALL_MAX", MAX)


async def say(program: Program, whom: str, count: int = 1) -> list[str]:
    """What somebody is told who writes so many lines to somebody: the codes of what is refused."""
    answers = [await answer(program, "msg", nick=whom, text="hi") for _ in range(count)]
    return [one.get("code", "") for one in answers]


async def back(house: House, nick: str, network: str = "127.0.0.9") -> Program:
    program = house.connect(network)
    await program.ask("hello", protocol=2)
    await program.ask("login", nick=nick, password=PASSWORD)
    await program.wait_for("logged-in")
    return program


async def test_who_has_too_many_unread_messages_is_written_no_more_until_they_have_read_some(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, eve = await friends(house, "ann", "bob", "eve")
        await bob.log_out()
        assert await say(ann, "bob", 3) == [""] * 3
        assert await say(eve, "bob", 3) == [""] * 3
        assert await say(ann, "bob") == await say(eve, "bob") == ["dm-full"]
        refused = await answer(ann, "msg", nick="bob", text="hi")
        assert refused["text"].startswith("bob has too many unread messages. Nothing was sent")
        await trio.sleep(COUNTED_SECONDS)
        assert await say(ann, "bob") == ["dm-full"], "nobody has read anything"
        bob = await back(house, "bob", "127.0.0.2")
        await answer(bob, "since", room="@ann", number=0)
        await trio.sleep(COUNTED_SECONDS)
        assert await say(ann, "bob") == await say(eve, "bob") == [""]
        page = await answer(ann, "last", room="@bob")
        assert len(page["lines"]) == 5, "what was refused is not kept"


async def test_who_is_here_and_reads_is_written_as_much_as_anybody_likes(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999, messages_per_second=0) as house:
        ann, _ = await friends(house, "ann", "bob")
        assert await say(ann, "bob", 5 * MAX) == [""] * 5 * MAX


async def test_strangers_do_not_keep_those_from_writing_whom_somebody_has_accepted(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999, messages_per_second=0) as house:
        bob, ann, eve, zed = await den(house, "bob", "ann", "eve", "zed")
        await say(ann, "bob")
        await bob.ask("accept", nick="ann")
        await bob.wait_for("request-accepted")
        await bob.log_out()
        assert await say(eve, "bob", MAX) == [""] * MAX
        assert await say(eve, "bob") == ["dm-full"]
        assert await say(zed, "bob") == ["dm-full"]
        assert await say(ann, "bob", MAX) == [""] * MAX
        assert await say(ann, "bob") == ["dm-full"]
        journal = house.server._directory.journal
        whos = [conversations_of(house.server._directory).peer(nick) for nick in ("zed", "bob")]
        assert whos[0] is not None
        kept = await journal.conversations.of(whos[0].who)
        assert kept == [], "who is refused has begun nothing"


async def test_what_is_hidden_from_somebody_counts_for_nobody_and_its_writer_notices_nothing(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999, messages_per_second=0) as house:
        ann, bob, eve = await friends(house, "ann", "bob", "eve")
        await answer(bob, "block", nick="eve")
        await bob.log_out()
        assert await say(eve, "bob", 2 * MAX) == [""] * 2 * MAX
        assert await say(ann, "bob", MAX) == [""] * MAX
        assert await say(ann, "bob") == await say(eve, "bob") == ["dm-full"]


async def test_what_was_written_at_another_node_counts_soon(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(silence_seconds=0, messages_per_second=0) as (a, b):
        ann, bob = await two_at_two(a, b)
        await say(ann, "bob")
        await say(bob, "ann")
        await bob.log_out()
        here = await back(b, "ann", "127.0.0.4")
        await trio.sleep(COUNTED_SECONDS + 5)
        assert await say(ann, "bob", MAX) == [""] * MAX
        await trio.sleep(COUNTED_SECONDS + 5)
        assert await say(here, "bob") == ["dm-full"]


async def test_what_waits_is_counted_now_and_then_and_not_for_each_line(autojump_clock: trio.abc.Clock) -> None:
    unread, counted = Unread(), list[str]()

    async def count() -> Waiting:
        counted.append("")
        return Waiting(3, 1)

    assert await unread.of("account:1", count) == Waiting(3, 1)
    unread.note("account:1", is_accepted=True)
    unread.note("account:1", is_accepted=False)
    unread.note("account:2", is_accepted=False)
    waiting = await unread.of("account:1", count)
    assert waiting == Waiting(4, 2)
    assert (waiting.for_one(is_accepted=True), waiting.for_one(is_accepted=False)) == (4, 6)
    await trio.sleep(COUNTED_SECONDS)
    assert await unread.of("account:1", count) == Waiting(3, 1)
    assert len(counted) == 2
    for number in range(KNOWN_MAX + 1):
        await unread.of(f"account:{number}", count)
    assert len(unread._counted) <= KNOWN_MAX


async def test_what_cannot_be_counted_is_remembered_by_nobody(autojump_clock: trio.abc.Clock) -> None:
    unread = Unread()

    async def fail() -> Waiting:
        raise JournalError("the disk")

    with pytest.raises(JournalError):
        await unread.of("account:1", fail)
    assert not unread._counted
