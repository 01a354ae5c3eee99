"""The turns in which dear work is done: who waits, and who goes first."""

from functools import partial
from itertools import pairwise

import pytest
import trio
import trio.testing
from trio.testing import wait_all_tasks_blocked

from chat_server.sessions.corking import Corked
from chat_server.sessions.turns import FIRST_IN_A_ROW, REST_MAX, Turns


class Passes(trio.abc.Instrument):
    """Counts the passes of the event loop."""

    def __init__(self) -> None:
        self.count = 0

    def before_io_wait(self, timeout: float) -> None:
        self.count += 1


def free_turns() -> Turns:
    """Turns of work that costs nothing."""
    return Turns(work=lambda: 0.0)


async def test_what_is_dear_has_a_third_of_the_event_loops_time(autojump_clock: trio.testing.MockClock) -> None:
    done = 0

    async def ask() -> None:
        nonlocal done
        for _ in range(10):
            await turns.take()
            done += 1

    turns = Turns(work=lambda: done * 0.002)
    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(ask)
    assert done == 100
    assert trio.current_time() == pytest.approx(99 * 0.004), (
        "the rest, beside what the work itself takes on a real clock"
    )


async def test_what_is_dear_waits_for_nothing_if_it_is_asked_for_now_and_then(
    autojump_clock: trio.testing.MockClock,
) -> None:
    work = 0.0
    turns = Turns(work=lambda: work)
    for _ in range(5):
        start = trio.current_time()
        await turns.take()
        assert trio.current_time() == start
        work += 0.005
        await trio.sleep(0.02)


async def test_what_is_dear_goes_on_however_busy_the_loop_is(autojump_clock: trio.testing.MockClock) -> None:
    work = 0.0
    turns = Turns(work=lambda: work)
    for number in range(10):
        await turns.take()
        assert trio.current_time() == pytest.approx(number * REST_MAX)
        work += 60


async def test_what_is_dear_is_done_once_in_each_pass_of_the_event_loop(nursery: trio.Nursery) -> None:
    passes, turns, done = Passes(), free_turns(), list[int]()
    trio.lowlevel.add_instrument(passes)

    async def ask() -> None:
        for _ in range(3):
            await turns.take()
            done.append(passes.count)

    for _ in range(20):
        nursery.start_soon(ask)
    await wait_all_tasks_blocked()
    trio.lowlevel.remove_instrument(passes)
    assert len(done) == 60
    assert len(set(done)) == 60


async def test_who_asks_for_much_waits_for_those_who_do_not(nursery: trio.Nursery) -> None:
    turns, done = free_turns(), list[bool]()

    async def ask(*, is_first: bool) -> None:
        await turns.take(is_first=is_first)
        done.append(is_first)

    for is_first in (False,) * 10 + (True,) * 10:
        nursery.start_soon(partial(ask, is_first=is_first))
    await wait_all_tasks_blocked()
    assert len(done) == 20
    assert sorted(done[1:], reverse=True) == done[1:], "but for the one that found nobody waiting"


async def test_who_asks_for_much_waits_not_for_as_long_as_others_ask(nursery: trio.Nursery) -> None:
    turns, done = free_turns(), list[str]()

    async def ask(name: str, times: int, *, is_first: bool) -> None:
        for _ in range(times):
            await turns.take(is_first=is_first)
            done.append(name)

    for _ in range(5):
        nursery.start_soon(partial(ask, "first", 100, is_first=True))
    nursery.start_soon(partial(ask, "rest", 10, is_first=False))
    await wait_all_tasks_blocked()
    places = [place for place, name in enumerate(done) if name == "rest"]
    assert len(places) == 10
    assert max(later - earlier for earlier, later in pairwise([0, *places])) <= FIRST_IN_A_ROW + 2
    assert len(done) == 510


async def test_who_is_gone_while_the_loop_rests_before_its_turn_keeps_nobody_waiting(
    autojump_clock: trio.testing.MockClock,
) -> None:
    work = 0.0
    turns = Turns(work=lambda: work)
    await turns.take()
    work += 60
    with trio.move_on_after(REST_MAX / 2) as patience:
        await turns.take()
    assert patience.cancelled_caught
    with trio.fail_after(1):
        await turns.take()


async def test_who_is_gone_while_it_waits_keeps_nobody_waiting(nursery: trio.Nursery) -> None:
    for gone in range(6):
        turns, done, scopes = free_turns(), list[int](), list[trio.CancelScope]()

        async def ask(
            number: int, turns: Turns = turns, done: list[int] = done, scopes: list[trio.CancelScope] = scopes
        ) -> None:
            with trio.CancelScope() as scope:
                scopes.append(scope)
                await turns.take()
                done.append(number)

        for number in range(6):
            nursery.start_soon(ask, number)
        await trio.lowlevel.checkpoint()
        for scope in scopes[gone : gone + 1]:
            scope.cancel()
        await wait_all_tasks_blocked()
        assert len(done) >= 5
        await turns.take()


@pytest.mark.goes_wrong
async def test_whoever_is_given_a_turn_and_fails_before_it_begins_keeps_it_from_nobody(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    turns = Turns(work=lambda: 0.0)
    outbox = Failing()
    await turns.begin()

    async def wait_for_a_turn() -> None:
        with pytest.raises(RuntimeError):
            await Corked(outbox, turns.take())

    nursery.start_soon(
        wait_for_a_turn
    )  # what it has gathered cannot be written while it waits, which it is told when it is woken
    await wait_all_tasks_blocked()
    assert outbox.has_failed
    turns.end()
    with trio.fail_after(1):
        await turns.take()


class Failing:
    """An outbox that fails once to write what it has gathered."""

    has_failed = False

    def cork(self) -> None:
        pass

    def uncork(self) -> None:
        if not self.has_failed:
            self.has_failed = True
            raise OSError
