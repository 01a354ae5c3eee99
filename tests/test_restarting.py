"""A server that begins anew at once: everybody is told when to come back, and nobody who is slow has the others wait. Servers on virtual time."""

from typing import Any, cast

import pytest
import trio
import trio.lowlevel
from msgspec import UNSET
from trio.testing import wait_all_tasks_blocked

from chat_server.protocol.events import Dismissed
from chat_server.server.ending import RESTART_SECONDS, RETURN_FIRST, RETURN_LAST, RETURNS_PER_SECOND, Ending
from chat_server.server.in_effect import COMING_BACK_SECONDS
from chat_server.sessions.session import ChatSession
from streams import open_house

STOP_SECONDS = 10.0


class FakeSession:
    """Notes its last words."""

    def __init__(self, nick: str = "ann") -> None:
        self.nick = nick
        self.farewell = Dismissed("")
        self.deadline = 0.0

    def dismiss(self, farewell: Dismissed, deadline: float) -> None:
        self.farewell, self.deadline = farewell, deadline


async def sent_away(count: int, nick: str = "ann") -> list[float]:
    """After how many seconds so many sessions are told to come back."""
    ending = Ending(None, lambda: STOP_SECONDS)
    sessions = [FakeSession(nick) for _ in range(count)]
    ending.ask_for(is_restart=True)
    await ending.begin([cast("ChatSession[Any]", session) for session in sessions])
    waits = []
    for session in sessions:
        assert session.farewell.why == "restarting"
        assert session.farewell.retry_after is not UNSET
        assert (
            session.farewell.retry_after <= int(session.farewell.details["seconds"]) < session.farewell.retry_after + 1
        )
        assert session.deadline <= trio.current_time() + STOP_SECONDS
        waits.append(session.farewell.retry_after)
    return waits


async def test_ten_are_back_within_two_seconds(autojump_clock: trio.abc.Clock) -> None:
    waits = await sent_away(10)
    assert min(waits) >= RETURN_FIRST
    assert max(waits) < 2


@pytest.mark.parametrize("count", [500, 1000])
async def test_the_more_they_are_the_longer_they_are_spread(count: int, autojump_clock: trio.abc.Clock) -> None:
    waits = await sent_away(count)
    seconds = count / RETURNS_PER_SECOND
    assert 0.9 * seconds < max(waits) <= RETURN_FIRST + seconds
    for second in range(int(seconds)):
        assert sum(second <= wait - RETURN_FIRST < second + 1 for wait in waits) < 1.5 * RETURNS_PER_SECOND


async def test_nobody_is_sent_away_for_longer_than_twenty_seconds(autojump_clock: trio.abc.Clock) -> None:
    assert 0.9 * RETURN_LAST < max(await sent_away(20_000)) <= RETURN_LAST


async def test_who_has_not_logged_in_is_among_the_first(autojump_clock: trio.abc.Clock) -> None:
    assert set(await sent_away(1000, nick="")) == {RETURN_FIRST}


async def test_programs_and_people_are_told_and_others_see_nobody_cut_off(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, program, stranger = house.call(), house.connect(), house.call()
        await ann.log_in("ann", "python")
        await ann.type("/lang zh")
        await ann.read_until("\r\n")
        await program.enter("bot", "python")
        await stranger.read_until("/help for more.\r\n")
        await program.ask("say", room="python", text="just before", key="k1", ref=7)
        house.server.stop(is_restart=True)
        last = (await program.rest())[-1]
        assert (last["is"], last["why"]) == ("dismissed", "restarting")
        assert RETURN_FIRST <= last["retry_after"] < 1
        assert last["text"].startswith("The server is being restarted: connect again in 1 second")
        assert (await ann.read_to_end()).endswith("* 服务器正在重启：请在 1 秒后重新连接，即可回来。再见。\r\n")
        assert "connect again in 1 second" in await stranger.read_to_end()
        await house.ended.wait()
        assert house.exit_code == 0


async def test_a_reader_who_does_not_read_has_nobody_wait(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, _ = await house.ann_and_bob(bob_is_stuck=True)
        for _ in range(30):
            await ann.type("x" * 1000)
            await trio.sleep(1)
        begun = trio.current_time()
        house.server.health.ready()
        house.server.stop(is_restart=True)
        assert house.server.health.not_ready() == "it restarts"
        await house.ended.wait()
        assert trio.current_time() - begun < RESTART_SECONDS + 0.1


async def test_for_a_minute_those_of_one_address_may_come_back_at_once(autojump_clock: trio.abc.Clock) -> None:
    limits: dict[str, Any] = {"connections_per_address": 3, "requests_per_address": 1, "request_burst_per_address": 10}
    async with open_house(silence_seconds=9e9, **limits) as house:
        house.nursery.start_soon(house.server.in_effect.let_come_back)
        await wait_all_tasks_blocked()
        begun = trio.current_time()
        programs = [house.connect("192.0.2.1") for _ in range(5)]
        for number, program in enumerate(programs):
            await program.enter(f"ann{number}", "python", token=f"a-token-of-{number}-that-nobody-guesses")
        assert trio.current_time() - begun < 1
        await trio.sleep(COMING_BACK_SECONDS + 1)
        assert "too many connections from your address" in await house.call("192.0.2.1").read_to_end()


async def test_a_stop_that_is_none_tells_nobody_to_come_back(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        program = house.connect()
        await program.enter("bot", "python")
        house.server.stop()
        last = (await program.rest())[-1]
        assert last["why"] == "stopping"
        assert "retry_after" not in last
