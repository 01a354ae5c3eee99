"""A search of all rooms looks through one's own conversations, too, and through nobody else's: by whole servers, on virtual time."""

from typing import Any

import pytest
import trio

from canary import PASSWORD
from chat_server.journal import JournalError
from chat_server.rooms.conversations import conversations_of
from dens import den, told
from streams import Program, open_house
from test_conversing import answer, friends

pytestmark = pytest.mark.usefixtures("wall_clock")


async def found(program: Program, words: str, **fields: Any) -> dict[str, list[str]]:
    """What a program finds in all rooms, by room."""
    answered = await answer(program, "search", words=words, **fields)
    return {room: [line["text"] for line in lines] for room, lines in answered["rooms"]}


async def test_a_search_of_all_rooms_finds_what_is_in_ones_own_conversations_and_in_nobody_elses(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, eve = await friends(house, "ann", "bob", "eve")
        await answer(ann, "say", room="@bob", text="fish for two", key="1")
        await answer(ann, "say", room="den", text="fish for all", key="2")
        await answer(bob, "say", room="@eve", text="fish for eve", key="3")
        assert await found(ann, "fish") == {"@bob": ["fish for two"], "den": ["fish for all"]}
        assert await found(bob, "fish") == {
            "@ann": ["fish for two"],
            "den": ["fish for all"],
            "@eve": ["fish for eve"],
        }
        assert await found(eve, "fish") == {"den": ["fish for all"], "@bob": ["fish for eve"]}
        assert await found(ann, "fish", room="den", everywhere=True) == await found(ann, "fish")
        assert await found(ann, "fish", room="den") == {"den": ["fish for all"]}


async def test_at_a_terminal_too_in_the_hall_in_a_room_and_in_a_conversation(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, _ = await friends(house, "ann", "bob")
        await answer(ann, "say", room="@bob", text="psst fish", key="1")
        desk = house.call("127.0.0.9")
        await desk.type("/login bob", PASSWORD)
        await desk.read_until("Welcome")
        for place, typed in (
            ("hall", "/search fish"),
            ("/join den", "/search -a fish"),
            ("/join @ann", "/search -a fish"),
        ):
            if place != "hall":
                await desk.type(place)
            await desk.type(typed)
            assert "psst fish" in await desk.read_until("1 line found"), place


async def test_the_newest_are_shown_of_what_is_found_in_rooms_and_conversations_together(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999, messages_per_second=0) as house:
        ann, _ = await friends(house, "ann", "bob")
        for number in range(15):
            await answer(ann, "say", room="@bob", text=f"fish {number}", key=f"a{number}")
            await trio.sleep(1)
            await answer(ann, "say", room="den", text=f"fish {number}", key=f"b{number}")
            await trio.sleep(1)
        answered = await answer(ann, "search", words="fish")
        lines = {room: [line["text"] for line in lines] for room, lines in answered["rooms"]}
        newest = [f"fish {number}" for number in range(5, 15)]
        assert lines == {"@bob": newest, "den": newest}
        assert answered["has_more"] is True


async def test_what_somebody_new_has_written_is_found_when_it_is_accepted_and_not_before(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        await answer(ann, "msg", nick="bob", text="fish?")
        assert await found(ann, "fish") == {"@bob": ["fish?"]}
        assert await found(bob, "fish") == {}
        await bob.ask("accept", nick="ann")
        await told(bob, "said")
        assert await found(bob, "fish") == {"@ann": ["fish?"]}


async def test_what_is_found_of_whom_one_has_blocked_is_not_shown(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await friends(house, "ann", "bob")
        await answer(bob, "say", room="@ann", text="fish you", key="1")
        await answer(ann, "block", nick="bob")
        answered = await answer(ann, "search", words="fish")
        assert "fish you" not in str(answered)


async def test_a_bot_finds_nothing_of_its_owners_conversations(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, _ = await friends(house, "ann", "bob")
        await answer(ann, "say", room="@bob", text="psst fish", key="1")
        token = (await answer(ann, "code", purpose="bot", name="dice"))["token"]
        bot = house.connect("127.0.0.1")
        await bot.ask("hello", protocol=2)
        await bot.ask("login", nick="x", token=token)
        await bot.wait_for("logged-in")
        assert await found(bot, "fish") == {}


async def test_a_search_says_so_where_ones_conversations_cannot_be_read(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, _ = await friends(house, "ann", "bob")

        async def fail(*_: Any) -> None:
            raise JournalError("the disk")

        conversations = conversations_of(house.server._directory)
        conversations._loaded.clear()
        monkeypatch.setattr(house.server._directory.journal.conversations, "of", fail)
        assert (await answer(ann, "search", words="fish"))["code"] == "cannot-read"
