"""What is asked of a line before it is said: who is asked, who is waited for, and who is asked no more. With stand-ins, on virtual time."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from chat_server.journal import JournalError
from chat_server.journal.kept_in_memory import Kept
from chat_server.journal.lines_asked import LINES_MAX, Judgement, LineAsked
from chat_server.journal.memory_lines_asked import MemoryLinesAsked
from chat_server.journal.memory_nodes import MemoryNode
from chat_server.journal.signs import FilterQuiet, LinesJudged, LinesToJudge, Signs
from chat_server.protocol.events import Event, Refused
from chat_server.rooms.filters import Filters
from chat_server.rooms.filters_elsewhere import SILENT_SECONDS, FiltersElsewhere
from chat_server.rooms.line_questions import ASKED_MAX, DEADLINE, MISSES_MAX, stricter
from chat_server.rooms.line_rules import Hold, Verdict
from chat_server.rooms.lines_judged import LinesToBeJudged
from chat_server.rooms.room import Occupant

LINE = LineAsked("den", (1,), "eve", "hello", "said", is_guest=True)


def refused(why: str) -> Refused:
    return Refused("filter-refused", {"why": why})


class Bot:
    """A bot that answers what it is asked of at once, if it answers."""

    nick = "guard"

    def __init__(self, filters: Filters, says: Judgement | None = None, why: str = "") -> None:
        self.filters, self.says, self.why = filters, says, why
        self.asked = 0
        self.is_broken = self.has_failed = False

    def send_unasked(self, event: Event) -> None:
        if self.is_broken:
            raise ValueError
        self.asked += 1
        if self.says is not None:
            self.answer(cast(Any, event).id, self.says)

    def answer(self, number: int, says: Judgement) -> bool:
        return self.filters.answer(cast(Occupant, self), number, says, self.why)

    def fail(self) -> None:
        self.has_failed = True


@pytest.fixture
def filters() -> Filters:
    return Filters(lambda: "den", lambda: "den")


async def verdict(filters: Filters, *bots: Bot) -> tuple[Verdict, float]:
    """What becomes of a line, and after how long."""
    began = trio.current_time()
    said, _ = await filters.verdict(cast(Sequence[Occupant], bots), LINE)
    return said, round(trio.current_time() - began, 1)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (None, None, None),
        (None, Hold("filter"), Hold("filter")),
        (Hold("word"), None, Hold("word")),
        (Hold("word"), Hold("filter"), Hold("word")),
        (Hold("filter"), refused("a"), refused("a")),
        (refused("a"), Hold("filter"), refused("a")),
        (refused("a"), None, refused("a")),
        (refused("a"), refused("b"), refused("a")),
    ],
)
def test_the_strictest_counts_and_of_two_refusals_the_first(one: Verdict, other: Verdict, both: Verdict) -> None:
    assert stricter(one, other) == both


async def test_a_line_waits_for_all_bots_but_once_it_is_refused_for_none(
    autojump_clock: trio.abc.Clock, filters: Filters
) -> None:
    silent = Bot(filters)
    assert await verdict(filters, Bot(filters, "hold"), Bot(filters, "pass")) == (Hold("filter"), 0)
    assert await verdict(filters, Bot(filters, "refuse", "no"), silent) == (refused("no"), 0)
    assert await verdict(filters, Bot(filters, "hold"), silent) == (Hold("filter"), DEADLINE)


async def test_whoever_was_not_waited_for_has_missed_nothing_and_misses_count_in_a_row(
    autojump_clock: trio.abc.Clock, filters: Filters
) -> None:
    bot, strict = Bot(filters), Bot(filters, "refuse")
    for _ in range(2 * MISSES_MAX):
        await verdict(filters, strict, bot)
    for _ in range(3):
        for _ in range(MISSES_MAX - 1):
            await verdict(filters, bot)
        bot.says = "pass"
        assert await verdict(filters, bot) == (None, 0)
        bot.says = None
    asked = bot.asked
    for _ in range(MISSES_MAX):
        await verdict(filters, bot)
    assert await verdict(filters, bot) == (None, 0)
    assert bot.asked == asked + MISSES_MAX, "it is asked no more"


@pytest.mark.goes_wrong
async def test_a_bot_that_cannot_be_asked_ends_and_the_others_are_asked(
    autojump_clock: trio.abc.Clock, filters: Filters
) -> None:
    broken, other = Bot(filters), Bot(filters, "hold")
    broken.is_broken = True
    assert (await verdict(filters, broken, other))[0] == Hold("filter")
    assert (broken.has_failed, other.has_failed) == (True, False)


async def test_only_who_is_asked_answers_and_once(autojump_clock: trio.abc.Clock, filters: Filters) -> None:
    bot, other, stranger = Bot(filters), Bot(filters), Bot(filters)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(verdict, filters, bot, other)
        await wait_all_tasks_blocked()
        assert not stranger.answer(1, "refuse")
        assert not bot.answer(2, "refuse")
        assert bot.answer(1, "pass")
        assert not bot.answer(1, "refuse")
        assert other.answer(1, "pass")
        assert not other.answer(1, "refuse")


async def test_more_lines_of_a_room_than_may_wait_pass_unasked(
    autojump_clock: trio.abc.Clock, filters: Filters
) -> None:
    bot = Bot(filters)
    async with trio.open_nursery() as nursery:
        for _ in range(ASKED_MAX):
            nursery.start_soon(verdict, filters, bot)
        await wait_all_tasks_blocked()
        assert await verdict(filters, bot) == (None, 0)
        assert bot.asked == ASKED_MAX


# At other nodes.


class Others:
    """What a node asks others, which answer at once what they are to, if anything."""

    def __init__(self) -> None:
        self.node = MemoryNode(Kept())
        self.filters = FiltersElsewhere(self.node)
        self.asked: list[int] = []
        self.say: dict[int, Judgement] = {}
        self.filters._lines = cast(Any, self)

    def put(self, number: int, nodes: Sequence[int], line: LineAsked) -> None:
        for node in nodes:
            self.asked.append(node)
            if node in self.say:
                self.answer(node, number)

    def answer(self, node: int, number: int) -> None:
        self.filters.heard(node, LinesJudged(self.node.number, {number: self.say.get(node, "pass")}))

    def forget(self, number: int) -> None:
        pass

    async def why(self, number: int) -> str:
        raise JournalError("away")

    async def verdict(self, *nodes: int) -> tuple[Verdict, float]:
        """What becomes of a line of which these are asked, and after how long."""
        began = trio.current_time()
        return await self.filters.verdict(nodes, LINE), round(trio.current_time() - began, 1)


@pytest.fixture
async def others() -> Others:
    return Others()


async def test_a_line_is_refused_though_nobody_can_say_in_time_why(
    autojump_clock: trio.abc.Clock, others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    others.say = {2: "refuse"}
    assert await others.verdict(2) == (refused("-"), 0)

    async def never(_: int) -> str:
        await trio.sleep_forever()
        return ""

    monkeypatch.setattr(others, "why", never)
    assert await others.verdict(2) == (refused("-"), DEADLINE)


async def test_a_node_is_not_asked_for_a_while_that_has_not_answered_several_lines_in_a_row(
    autojump_clock: trio.abc.Clock, others: Others
) -> None:
    for _ in range(2):
        for _ in range(MISSES_MAX):
            assert await others.verdict(2) == (None, DEADLINE)
        assert await others.verdict(2) == (None, 0)
        await trio.sleep(SILENT_SECONDS)
    assert others.asked == [2] * 2 * MISSES_MAX


async def test_a_node_that_answers_in_between_or_too_late_is_asked(
    autojump_clock: trio.abc.Clock, others: Others
) -> None:
    for _ in range(MISSES_MAX - 1):
        await others.verdict(2)
    others.answer(2, 1)
    for _ in range(MISSES_MAX):
        assert await others.verdict(2) == (None, DEADLINE)
    assert await others.verdict(2) == (None, 0)
    others.answer(2, 1)
    assert await others.verdict(2) == (None, DEADLINE)


async def test_what_a_node_says_that_was_not_asked_is_nothing(autojump_clock: trio.abc.Clock, others: Others) -> None:
    others.say = {3: "refuse"}
    async with trio.open_nursery() as nursery:
        nursery.start_soon(others.verdict, 2)
        await wait_all_tasks_blocked()
        others.answer(3, 1)
        assert others.filters._asked[1].verdict is None
        others.filters.heard(2, LinesJudged(others.node.number + 1, {1: "refuse"}))
        assert others.filters._asked[1].verdict is None, "it is another node's line"


async def test_more_lines_of_a_node_than_may_wait_pass_unasked(autojump_clock: trio.abc.Clock, others: Others) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(LINES_MAX):
            nursery.start_soon(others.verdict, 2)
        await wait_all_tasks_blocked()
        assert await others.verdict(2) == (None, 0)
        assert len(others.asked) == LINES_MAX


# Of other nodes.


class Read(MemoryLinesAsked):
    """The lines of another node, which are there all the same."""

    def __init__(self, node: MemoryNode) -> None:
        super().__init__({}, node.number, node.signs)
        self.reads = 0
        self.does_answer = trio.Event()
        self.answers: list[Judgement] = []

    async def read(self, node: int, numbers: Sequence[int]) -> Mapping[int, LineAsked]:
        self.reads += 1
        await self.does_answer.wait()
        return dict.fromkeys(numbers, LINE)

    def answer(self, node: int, number: int, said: Judgement, why: str) -> None:
        self.answers.append(said)


PART = 200


class Judged:
    """What a node is asked of lines of another, in a room that is not there."""

    def __init__(self, nursery: trio.Nursery, room_of_id: Any = lambda _: None) -> None:
        self.node = MemoryNode(Kept())
        self.node.lines_asked = self.lines = Read(self.node)
        directory = SimpleNamespace(room_of_id=room_of_id, others=None)
        self._judged = LinesToBeJudged(cast(Any, directory), self.node)
        nursery.start_soon(self._judged.run)

    def hear(self, sign: FilterQuiet | LinesJudged) -> None:
        self._judged.hear(9, sign)

    async def ask(self, times: int = 1, *, count: int = PART, to: int = 0) -> int:
        """Ask it of so many lines, several times. Returns how often it has looked."""
        await wait_all_tasks_blocked()
        before = self.lines.reads
        for _ in range(times):
            self._judged.hear(9, LinesToJudge(to or self.node.number, tuple(range(count))))
            await wait_all_tasks_blocked()
        return self.lines.reads - before


@pytest.mark.parametrize("ends", ["answers", "deadline"])
async def test_of_more_lines_than_may_wait_nothing_is_read_and_later_of_as_many_as_before(
    autojump_clock: trio.abc.Clock, ends: str
) -> None:
    async with trio.open_nursery() as nursery:
        judged = Judged(nursery)
        for _ in range(2):
            judged.lines.does_answer = trio.Event()
            assert await judged.ask(LINES_MAX // PART + 3) == LINES_MAX // PART
            if ends == "answers":
                judged.lines.does_answer.set()
                await wait_all_tasks_blocked()
                assert len(judged.lines.answers) == LINES_MAX
                judged.lines.answers.clear()
            else:
                await trio.sleep(DEADLINE)
                assert judged.lines.answers == []
        nursery.cancel_scope.cancel()


async def test_as_many_lines_may_wait_as_are_said_to_and_not_one_more_or_less(autojump_clock: trio.abc.Clock) -> None:
    async with trio.open_nursery() as nursery:
        judged = Judged(nursery)
        assert await judged.ask(LINES_MAX + 2, count=1) == LINES_MAX
        nursery.cancel_scope.cancel()


async def test_what_is_said_of_a_room_that_is_not_here_or_of_lines_that_nobody_here_asked_of_is_nothing(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with trio.open_nursery() as nursery:
        judged = Judged(nursery)
        judged.hear(FilterQuiet("no such room", "guard"))
        judged.hear(LinesJudged(judged.node.number, {1: "refuse"}))
        assert await judged.ask() == 1
        nursery.cancel_scope.cancel()


async def test_a_node_looks_at_no_line_of_which_another_is_asked(autojump_clock: trio.abc.Clock) -> None:
    async with trio.open_nursery() as nursery:
        judged = Judged(nursery)
        assert await judged.ask(to=judged.node.number + 1) == 0
        nursery.cancel_scope.cancel()


@pytest.mark.goes_wrong
async def test_where_bots_cannot_be_asked_the_line_passes_and_the_next_one_is_looked_at(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Any:
        raise ValueError

    async with trio.open_nursery() as nursery:
        judged = Judged(nursery, room_of_id=broken)
        judged.lines.does_answer.set()
        await judged.ask(count=2)
        assert judged.lines.answers == ["pass"] * 2
        with monkeypatch.context() as patched:
            patched.setattr(judged.lines, "read", broken)
            await judged.ask()
        assert await judged.ask(LINES_MAX // PART + 1, count=1) == LINES_MAX // PART + 1
        nursery.cancel_scope.cancel()


async def test_the_tests_engine_keeps_of_a_line_why_it_is_refused_and_of_one_that_is_forgotten_nothing() -> None:
    lines = MemoryLinesAsked({}, 1, Signs())
    lines.put(1, [2], LINE)
    assert await lines.read(1, [1, 2]) == {1: LINE}
    lines.answer(1, 1, "refuse", "rude")
    lines.answer(1, 1, "hold", "")
    assert await lines.why(1) == "rude"
    assert await lines.read(1, [1]) == {1: LINE}
    lines.forget(1)
    assert await lines.read(1, [1]) == {}
    with pytest.raises(JournalError):
        await lines.why(1)
    lines.answer(1, 1, "refuse", "too late")
    with pytest.raises(JournalError):
        await lines.why(1)
