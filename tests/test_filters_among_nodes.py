"""Bots that filter a room, and lines that are said at other nodes than theirs. On virtual time."""

import json
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import trio
import trio.testing

from chat_server.journal import JournalError
from chat_server.journal.kept_in_memory import Kept
from chat_server.journal.lines_asked import LineAsked
from chat_server.journal.memory_burying import bury
from chat_server.journal.memory_lines_asked import MemoryLinesAsked
from chat_server.journal.memory_nodes import MemoryNode
from chat_server.journal.node_life import AWAY_SECONDS
from chat_server.journal.signs import LinesJudged
from chat_server.rooms import judging
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.filters_elsewhere import SILENT_SECONDS, FiltersElsewhere
from chat_server.rooms.judging import filter_bots
from chat_server.rooms.line_questions import DEADLINE, MISSES_MAX
from chat_server.rooms.line_rules import Hold, Verdict
from dens import holder, told
from node_houses import NodeHouse, open_nodes
from streams import Program
from test_filters import answer, bot_in_den
from test_reports import guest, said

pytestmark = pytest.mark.usefixtures("wall_clock")


class Den:
    """The den of ann, who is at the first node, with what nodes have told each other."""

    def __init__(self, houses: Sequence[NodeHouse], ann: Program) -> None:
        self.houses, self.ann = houses, ann
        self.kept: Kept = houses[0].node._kept
        self.signs: list[str] = []
        self.is_lost: Callable[[str], bool] = lambda _: False
        for house in houses:
            self._listen(house)

    def _listen(self, house: NodeHouse) -> None:
        told = house.node.told

        def hear(node: int, sign: str) -> None:
            self.signs.append(sign)
            if not self.is_lost(sign):
                told(node, sign)

        house.node.told = hear  # type: ignore[method-assign]

    @property
    def asked(self) -> Mapping[Any, Any]:
        """Lines of which nodes ask each other."""
        return self.kept.nodes.lines_asked

    async def bot(self, number: int, name: str = "guard") -> Program:
        """A bot of ann's at a node."""
        return await bot_in_den(self.houses[number], self.ann, name)


@asynccontextmanager
async def filtered_den(count: int = 2, **settings: Any) -> AsyncIterator[Den]:
    async with open_nodes(count, **settings) as houses:
        ann = await holder(houses[0], "ann")
        await ann.ask("create", room="den")
        await ann.wait_for("room-created")
        await ann.ask("join", room="den")
        await ann.wait_for("entered")
        await ann.ask("filter", room="den", nick="ann", on="on")
        await ann.wait_for("filter-set")
        await trio.sleep(2)
        yield Den(houses, ann)


async def test_what_is_said_at_any_node_waits_for_the_bot_wherever_it_is(autojump_clock: trio.abc.Clock) -> None:
    async with filtered_den() as den:
        bot, eve = await den.bot(0), await guest(den.houses[1], "eve")
        await eve.ask("say", room="den", text="let me in", key="k1", ref="a")
        asked = await answer(bot, "pass")
        assert {name: asked[name] for name in ("room", "nick", "line", "kind", "guest")} == {
            "room": "den",
            "nick": "eve",
            "line": "let me in",
            "kind": "said",
            "guest": True,
        }
        assert (await told(den.ann, "said"))["text"] == "let me in"
        number = (await eve.wait_for("stored"))["seq"]
        await eve.ask("me", room="den", action="waits")
        assert (await answer(bot, "hold"))["kind"] == "acted"
        await eve.wait_for("line-held")
        await den.ann.wait_for("line-waits")
        await eve.ask("say", room="den", text="very bad", ref="r")
        await answer(bot, "refuse", why="not\nhere: very bad")
        refusal = await eve.wait_for("refused")
        assert (refusal["code"], refusal["details"], refusal["ref"]) == (
            "filter-refused",
            {"why": "not here: very bad"},
            "r",
        )
        await eve.ask("edit", room="den", number=number, text="very bad")
        await answer(bot, "refuse")
        assert (await eve.wait_for("refused"))["code"] == "filter-refused"
        bob = await holder(den.houses[1], "bob", 2)
        await bob.ask("join", room="den")
        await bob.wait_for("entered")
        await bob.ask("say", room="den", text="by an account")
        assert (await answer(bot, "pass"))["guest"] is False
        await trio.sleep(1)
        assert not any(
            text in sign for sign in den.signs for text in ("let me in", "waits", "very bad", "by an account")
        )
        assert not den.asked, "nothing is left of what was asked of"


async def test_where_the_bot_is_nothing_is_asked_of_other_nodes(autojump_clock: trio.abc.Clock) -> None:
    async with filtered_den() as den:
        here, there, eve = await den.bot(0), await den.bot(1, "other"), await guest(den.houses[1], "eve")
        before = len([sign for sign in den.signs if "judge" in sign])
        await eve.ask("say", room="den", text="hello", key="k")
        await answer(there, "pass")
        await eve.wait_for("stored")
        assert len([sign for sign in den.signs if "judge" in sign]) == before == 0
        await eve.ask("say", room="den", text="looked at by one")
        await answer(there, "hold")
        await eve.wait_for("line-held")
        await here.ask("hello", protocol=2, ref="end")
        while (event := await here.read()).get("ref") != "end":
            assert event["is"] != "filter-asked"


async def test_a_bot_that_does_not_answer_holds_up_authors_elsewhere_as_it_does_at_its_own_node(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with filtered_den() as den:
        bot, eve = await den.bot(0), await guest(den.houses[1], "eve")
        mod = await holder(den.houses[1], "mod", 9)
        await den.ann.ask("role", room="den", nick="mod", role="moderator")
        await den.ann.wait_for("role-given")
        await trio.sleep(2)
        for number in range(MISSES_MAX):
            began = trio.current_time()
            await said(eve, f"slow {number}")
            assert trio.current_time() - began == pytest.approx(DEADLINE, abs=0.02)
        assert (await told(mod, "filter-silent")) == {"is": "filter-silent", "room": "den", "nick": "ann"}
        await told(den.ann, "filter-silent")
        began = trio.current_time()
        await said(eve, "quick")
        assert trio.current_time() == pytest.approx(began, abs=0.02)
        await bot.ask("logout")
        other = await den.bot(0, "other")
        await eve.ask("say", room="den", text="looked at again")
        await answer(other, "hold")
        await eve.wait_for("line-held")
        assert not den.asked


async def test_lines_pass_where_the_node_of_the_bot_hangs_and_after_some_nobody_waits_for_it(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with filtered_den() as den:
        await den.bot(0)
        eve = await guest(den.houses[1], "eve")
        den.is_lost = lambda sign: "judge" in sign
        waited = []
        for number in range(MISSES_MAX + 3):
            began = trio.current_time()
            await said(eve, f"line {number}")
            waited.append(trio.current_time() - began)
        assert waited == pytest.approx([DEADLINE] * MISSES_MAX + [0] * 3, abs=0.02)
        await trio.sleep(SILENT_SECONDS)
        bury(den.kept, den.houses[0].node.number)
        await trio.sleep(2)
        began = trio.current_time()
        await said(eve, "nobody to ask")
        assert trio.current_time() == pytest.approx(began, abs=0.02)
        assert not den.asked


async def test_lines_pass_where_the_engine_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.abc.Clock
) -> None:
    async def read(*_: object) -> Mapping[int, LineAsked]:
        raise JournalError("away")

    async with filtered_den() as den:
        await den.bot(0)
        eve = await guest(den.houses[1], "eve")
        monkeypatch.setattr(MemoryLinesAsked, "read", read)
        await said(eve, "it is said")
        monkeypatch.setattr(MemoryLinesAsked, "put", lambda *_: None)
        await said(eve, "so is this")
        assert not den.asked


async def test_of_a_node_that_is_killed_no_line_is_left(autojump_clock: trio.abc.Clock) -> None:
    async with filtered_den(3) as den:
        await den.bot(0)
        eve = await guest(den.houses[1], "eve")
        await eve.ask("say", room="den", text="nobody is to know")
        await trio.sleep(DEADLINE / 2)
        assert [line.text for line, _ in den.asked.values()] == ["nobody is to know"]
        bury(den.kept, den.houses[1].node.number)
        assert not den.asked


async def test_a_node_that_has_begun_later_knows_which_nodes_bots_are_at(autojump_clock: trio.abc.Clock) -> None:
    kept = Kept()
    async with filtered_den(1, kept=kept) as den:
        bot = await den.bot(0)
        async with open_nodes(1, kept=kept) as (later,):
            eve = await guest(later, "eve")
            await eve.ask("say", room="den", text="hello", key="k")
            await answer(bot, "refuse", why="no")
            assert (await eve.wait_for("refused"))["details"] == {"why": "no"}


async def test_a_node_that_is_another_one_when_it_runs_than_when_it_was_made_hears_what_becomes_of_its_lines(
    autojump_clock: trio.abc.Clock,
) -> None:
    node, verdicts = MemoryNode(Kept()), list[Verdict]()
    filters = FiltersElsewhere(node)
    node.number = 9  # the others have buried the first one meanwhile

    async def ask() -> None:
        verdicts.append(await filters.verdict([2], LineAsked("den", (1,), "eve", "hello", "said", is_guest=True)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        filters.heard(2, LinesJudged(9, {1: "hold"}))
    assert verdicts == [Hold("filter")]


async def test_where_the_bot_here_is_asked_no_more_one_of_the_same_account_elsewhere_is(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with filtered_den() as den:
        there, eve = await den.bot(0), await guest(den.houses[1], "eve")
        await den.bot(1, "silent")
        for number in range(MISSES_MAX):
            await said(eve, f"slow {number}")
        await eve.ask("say", room="den", text="looked at")
        await answer(there, "hold")
        await eve.wait_for("line-held")


async def test_a_line_that_one_bot_refuses_waits_for_none_elsewhere(autojump_clock: trio.abc.Clock) -> None:
    async with filtered_den() as den:
        eve = await guest(den.houses[1], "eve")
        pat = await holder(den.houses[1], "pat", 9)
        await den.ann.ask("filter", room="den", nick="pat", on="on")
        await den.ann.wait_for("filter-set")
        await den.bot(0)
        here = await bot_in_den(den.houses[1], pat)
        began = trio.current_time()
        await eve.ask("say", room="den", text="no")
        await answer(here, "refuse")
        await eve.wait_for("refused")
        assert trio.current_time() == pytest.approx(began, abs=0.02)


async def test_a_bot_is_asked_of_nothing_that_it_says_itself_nor_one_that_is_not_in_the_room(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with filtered_den() as den:
        pat, eve = await holder(den.houses[1], "pat", 9), await guest(den.houses[1], "eve")
        for on in ("on", "off"):
            await den.ann.ask("filter", room="den", nick="pat" if on == "on" else "ann", on=on)
            await den.ann.wait_for("filter-set")
        bot = await bot_in_den(den.houses[1], pat)
        await bot_in_den(den.houses[1], pat, "other")
        began = trio.current_time()
        await said(bot, "I say this")
        assert trio.current_time() == pytest.approx(began, abs=0.02)
        account = den.houses[1].node.journal.accounts.names.holder("pat")
        room = den.houses[1].server._directory.room("den")
        assert isinstance(room, ChatRoom)
        assert len(filter_bots(room, [account])) == 2
        await bot.ask("back", room="den")
        await bot.wait_for("went-back")
        assert len(filter_bots(room, [account])) == 1
        await den.ann.ask("filter", room="den", nick="pat", on="off")
        await den.ann.wait_for("filter-set")
        await trio.sleep(1)
        assert filter_bots(room, [account]) == [], "another node may ask that has not heard of it"
        await said(eve, "not looked at")


async def test_while_the_engine_is_away_no_line_waits_for_a_bot_elsewhere(autojump_clock: trio.abc.Clock) -> None:
    async with filtered_den() as den:
        await den.bot(0)
        eve, life = await guest(den.houses[1], "eve"), den.houses[1].node.life
        life.asked("something")
        await trio.sleep(AWAY_SECONDS)
        began = trio.current_time()
        await eve.ask("say", room="den", text="it waits for the engine alone")
        assert (await told(den.ann, "said"))["text"] == "it waits for the engine alone"
        assert trio.current_time() == pytest.approx(began, abs=0.05)


async def test_what_bots_elsewhere_look_at_counts_as_more_than_a_line(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with filtered_den(silence_seconds=9999) as den:
        bot, eve, tim = await den.bot(0), await guest(den.houses[1], "eve"), await guest(den.houses[0], "tim")
        for speaker, tokens, is_long in ((eve, 0.0, False), (eve, 100.0, True), (tim, 100.0, False)):
            monkeypatch.setattr(judging, "ELSEWHERE_TOKENS", tokens)
            began = trio.current_time()
            for text in ("one", "two"):
                await speaker.ask("say", room="den", text=text, key=f"{text} {tokens}")
                await answer(bot, "pass")
                await speaker.wait_for("stored")
            assert (trio.current_time() - began > 5) == is_long
            await trio.sleep(60)


class Looking:
    """A bot that says of a line what its first word says, at once or late, or never, as chance has it."""

    def __init__(self, chance: random.Random, program: Program, nursery: trio.Nursery) -> None:
        self.chance, self.program = chance, program
        self.in_time: set[str] = set()
        self.has_gone = trio.Event()
        nursery.start_soon(self._run)

    async def _run(self) -> None:
        while data := await self.program.stream.receive_some(65536):
            for line in data.decode().splitlines():
                event = json.loads(line)
                if event["is"] == "filter-asked":
                    await self._answer(event)
        self.has_gone.set()

    async def _answer(self, event: dict[str, Any]) -> None:
        pause = self.chance.choice((0.0, 0.0, 0.01, 0.05, 0.25))
        await trio.sleep(pause)
        if self.chance.random() < 0.9:
            if pause < DEADLINE:
                self.in_time.add(event["line"])
            verdict = event["line"].split()[0]
            with suppress(trio.BrokenResourceError):  # it has gone meanwhile
                await self.program.ask("filter-answer", room="den", id=event["id"], verdict=verdict, why=event["line"])


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_happens_a_line_is_said_once_or_what_the_bot_says_in_time_becomes_of_it(
    seed: int, autojump_clock: trio.abc.Clock
) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    async with filtered_den(3, messages_per_second=0, silence_seconds=9999) as den, trio.open_nursery() as nursery:
        talkers = [await guest(house, f"guest{number}", 50 + number) for number, house in enumerate(den.houses)]
        lost = chance.choice((0.0, 0.0, 0.1))
        den.is_lost = lambda sign: "judge" in sign and chance.random() < lost
        looking: list[Looking] = []
        for number in range(chance.randrange(1, 3)):
            bot = await den.bot(chance.randrange(3), f"bot{number}")
            looking.append(Looking(chance, bot, nursery))
        for number in range(20):
            talker, verdict = chance.choice(talkers), chance.choice(("pass", "hold", "refuse"))
            text, began = f"{verdict} line {number}", trio.current_time()
            await talker.ask("say", room="den", text=text, key=f"k{number}", ref=f"r{number}")
            while (event := await talker.read())["is"] not in {"stored", "line-held", "refused"}:
                pass
            assert trio.current_time() - began <= 2 * DEADLINE + 0.05
            said_so = {"stored": "pass", "line-held": "hold", "refused": "refuse"}[event["is"]]
            assert said_so in {verdict, "pass"}, event
            if not lost and len(looking) == 1 and text in looking[0].in_time:
                assert said_so == verdict
            if event["is"] == "refused":
                assert event["details"]["why"] == text
            if chance.random() < 0.1:
                await looking[-1].program.ask("logout")
                await looking[-1].has_gone.wait()
                looking[-1] = Looking(chance, await den.bot(chance.randrange(3), f"next{number}"), nursery)
        assert not den.asked
        assert not any(word in sign for sign in den.signs for word in ("pass line", "hold line", "refuse line"))
        nursery.cancel_scope.cancel()
