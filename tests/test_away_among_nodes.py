"""Who is away is so to people at other nodes, too: whole servers with one journal, on virtual time."""

import pytest
import trio

from chat_server.accounts import Account
from chat_server.accounts.memory import MemoryAccounts
from chat_server.journal import JournalError
from chat_server.journal.kept_in_memory import Kept
from chat_server.journal.signs import GuestAway, Sign
from chat_server.rooms import away_elsewhere
from chat_server.rooms.away import AWAY_MAX
from node_houses import open_nodes
from node_people import accounts
from streams import Program
from test_blocks_among_nodes import account_at, guest_at

pytestmark = pytest.mark.usefixtures("wall_clock")


async def away_told(program: Program, text: str, seconds: float = 5) -> list[tuple[str, str]]:
    """Of whom somebody is told that they are away who says this: their name, and what they say of it."""
    await trio.sleep(5)
    await program.ask("say", room="python", text=text)
    told: list[tuple[str, str]] = []
    with trio.move_on_after(seconds):
        while True:
            event = await program.read()
            if event["is"] == "person-away":
                told.append((event["nick"], event["away"]))
    return told


async def listed_away(program: Program) -> dict[str, str]:
    await program.ask("online", room="python")
    listed = await program.wait_for("online-listed")
    return {nick: listed.get("reasons", {}).get(nick, "") for nick in listed.get("away", ())}


async def test_a_guest_at_another_node_is_away_under_whatever_name_and_until_they_are_back(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(config=accounts(), silence_seconds=0) as (a, b):
        ann, gus = await account_at(a, "ann", 1), await guest_at(b, "gus")
        assert await away_told(ann, "gus?") == []
        await gus.ask("away", text="lunch")
        assert await away_told(ann, "gus!") == [("gus", "lunch")]
        assert await listed_away(ann) == {"gus": "lunch"}
        await gus.ask("nick", nick="gustav")
        eve = await guest_at(a, "eve")
        assert await away_told(eve, "gus?") == []
        assert await away_told(eve, "gustav?") == [("gustav", "lunch")]
        await ann.ask("msg", nick="gustav", text="are you there?")
        await trio.sleep(200)
        assert await listed_away(ann) == {"gustav": "lunch"}
        await gus.ask("say", room="python", text="back")
        dan = await guest_at(a, "dan")
        assert await away_told(dan, "gustav?") == []
        assert await listed_away(ann) == {}
        await gus.ask("away", text="again")
        await trio.sleep(5)
        assert await listed_away(ann) == {"gustav": "again"}
        await gus.log_out()
        await trio.sleep(5)
        assert a.server._directory.calls.away_guests == {}


async def test_who_writes_to_a_guest_at_another_node_is_told_that_they_are_away(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(config=accounts(), silence_seconds=0) as (a, b):
        ann, gus = await account_at(a, "ann", 1), await guest_at(b, "gus")
        await gus.ask("away", text="lunch")
        await trio.sleep(5)
        await ann.ask("msg", nick="gus", text="hello")
        assert (await ann.wait_for("person-away"))["away"] == "lunch"


async def test_a_guest_whose_node_says_nothing_any_more_is_away_no_longer(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(config=accounts(), silence_seconds=0) as (a, b):
        await account_at(a, "ann", 1)
        gus = await guest_at(b, "gus")
        await gus.ask("away", text="lunch")
        await trio.sleep(5)
        away = a.server._directory.calls.away_guests
        assert [*away] == ["gus"]
        monkeypatch.setattr(b.node.signs, "tell", lambda _: None)
        await trio.sleep(300)
        assert away == {}


async def test_a_guest_who_is_away_here_is_so_though_it_is_told_late_of_who_had_the_name_before_elsewhere(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(config=accounts(), silence_seconds=0) as (a, b):
        ann, gus = await account_at(a, "ann", 1), await guest_at(a, "gus")
        await gus.ask("away", text="lunch")
        await trio.sleep(2)
        for away in ("tea", None):
            b.node.signs.tell(GuestAway("9:gus", "gus", away))
            await trio.sleep(2)
        assert await away_told(ann, "gus?") == [("gus", "lunch")]


async def test_a_guest_who_is_away_elsewhere_is_so_though_it_is_told_late_of_who_had_the_name_before(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(config=accounts(), silence_seconds=0) as (a, b):
        ann = await account_at(a, "ann", 1)
        b.node.signs.tell(GuestAway("9:gus", "gus", "tea"))
        gus = await guest_at(b, "gus")
        await gus.ask("away", text="lunch")
        await trio.sleep(2)
        b.node.signs.tell(GuestAway("9:gus", "gus", None))
        await trio.sleep(0.1)
        assert [one.away for one in a.server._directory.calls.away_guests.values()] == ["lunch"]
        assert await away_told(ann, "gus?") == [("gus", "lunch")]


async def test_what_is_told_of_guests_who_are_away_has_its_bounds(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(away_elsewhere, "GUESTS_MAX", 2)
    monkeypatch.setattr(away_elsewhere, "TOLD_AT_ONCE", 2)
    async with open_nodes(config=accounts(), silence_seconds=0) as (a, b):
        away, told, tell = a.server._directory.away.guests_elsewhere, list[Sign](), b.node.signs.tell

        def note(sign: Sign) -> None:
            told.append(sign)
            tell(sign)

        monkeypatch.setattr(b.node.signs, "tell", note)
        tell(GuestAway("9:gus", "gus", "x" * (AWAY_MAX + 1)))
        await trio.sleep(0.1)
        assert away == {}
        for nick in ("eve", "dan", "tim"):
            await (await guest_at(b, nick)).ask("away", text="lunch")
        for count in (2, 3):
            await trio.sleep(1)
            assert len([sign for sign in told if isinstance(sign, GuestAway)]) == count
        assert [*away.values()] == ["lunch"] * 2, "of more it is not remembered"


async def test_a_node_that_begins_knows_who_in_its_rooms_is_away_at_others(autojump_clock: trio.abc.Clock) -> None:
    kept = Kept()
    async with open_nodes(1, kept=kept, config=accounts(), silence_seconds=0) as (a,):
        ann = await account_at(a, "ann", 1)
        await ann.ask("say", room="python", text="see you")
        await ann.ask("back", room="python")
        await ann.ask("join", room="python")
        await ann.wait_for("entered")
        await ann.ask("away", text="lunch")
        await ann.wait_for("now-away")
        async with open_nodes(1, kept=kept, config=accounts(), silence_seconds=0) as (b,):
            await trio.sleep(5)
            gus = await guest_at(b, "gus")
            assert await away_told(gus, "ann?") == [("ann", "lunch")]
            assert await listed_away(gus) == {"ann": "lunch"}


async def test_of_whoever_goes_away_it_is_told_at_once_however_many_are_away_already(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(away_elsewhere, "TOLD_AT_ONCE", 1)
    monkeypatch.setattr(away_elsewhere, "AGAIN_SECONDS", 1.0)  # so of one of the two it is always to be told again
    async with open_nodes(config=accounts(), silence_seconds=0) as (a, b):
        ann = await account_at(a, "ann", 1)
        gus, eve, dan = [await guest_at(b, nick) for nick in ("gus", "eve", "dan")]
        await gus.ask("away", text="lunch")
        await eve.ask("away", text="tea")
        await trio.sleep(20)
        await dan.ask("away", text="asleep")
        await trio.sleep(3)
        assert "dan" in await listed_away(ann)


async def test_a_node_that_begins_while_the_engine_does_not_answer_learns_later_who_is_away(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept()
    async with open_nodes(1, kept=kept, config=accounts(), silence_seconds=0) as (a,):
        ann = await account_at(a, "ann", 1)
        await ann.ask("away", text="lunch")
        await ann.wait_for("now-away")
        read, is_down = MemoryAccounts.account, True

        async def account(self: MemoryAccounts, number: int) -> Account | None:
            if is_down:
                raise JournalError("it does not answer")
            return await read(self, number)

        monkeypatch.setattr(MemoryAccounts, "account", account)
        async with open_nodes(1, kept=kept, config=accounts(), silence_seconds=0) as (b,):
            await trio.sleep(5)
            is_down = False
            await trio.sleep(5)
            gus = await guest_at(b, "gus")
            assert await listed_away(gus) == {"ann": "lunch"}
