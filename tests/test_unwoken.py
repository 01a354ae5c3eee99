"""Whoever is served without waking their task is served as everybody is: who talks is not silent, and what changes meanwhile counts."""

from typing import Any

import pytest
import trio

from chat_server.rooms.inbox import INBOX_MAX
from chat_server.sessions.keep_alive import NOP
from chat_server.sessions.read_loop import ReadLoop
from chat_server.sessions.transport import SocketTransport
from chat_server.wire.telnet.options import Code
from streams import Program, open_house
from test_late_programs import late
from test_reload import changed, use
from test_sockets import running
from test_taken_at_once import FREE


async def test_a_program_that_talks_is_neither_silent_nor_asked_whether_it_is_there(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(messages_per_second=0) as house:
        bot, ear = house.connect(), house.connect()
        await bot.enter("bot", "python")
        await ear.enter("ear", "python")
        for number in range(50):
            await bot.ask("say", room="python", text=f"{number}\nand more", key=f"k{number}")
            await trio.sleep(4)
            await ear.ask("here")
        await bot.ask("logout")
        assert "are-you-there" not in {event["is"] for event in await bot.rest()}


async def test_a_program_that_has_stopped_talking_is_asked_and_then_found_dead(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0) as house:
        bot = house.connect()
        await bot.enter("bot", "python")
        for _ in range(5):
            await bot.ask("say", room="python", text="x")
            await trio.sleep(14)
        since = trio.current_time() - 14
        assert [event["is"] for event in await bot.rest()][-3:] == ["are-you-there", "are-you-there", "dismissed"]
        assert trio.current_time() - since == pytest.approx(45, abs=0.1)


async def test_who_says_things_is_not_idle(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0, idle_seconds=60) as house:
        ann = house.call()
        await ann.log_in("ann", "python")
        for _ in range(5):
            await ann.type("still here")
            await trio.sleep(40)
        since = trio.current_time() - 40
        assert "You said nothing" in await ann.read_to_end()
        assert trio.current_time() - since == pytest.approx(60, abs=0.1)


async def test_whoever_talks_by_telnet_is_sent_no_nop(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0, nop_seconds=30) as house:
        ann = house.call()
        await ann.log_in("ann", "python")
        await ann.stream.send_all(bytes((Code.IAC, Code.WILL, 31)))  # it speaks telnet, and edits its line itself
        await trio.sleep(1)
        for _ in range(5):
            await ann.type("hello")
            await trio.sleep(20)
        assert NOP not in ann._received
        with trio.move_on_after(35):
            await ann.read_to_end()
        assert ann._received.count(NOP) == 1


async def test_telnet_behind_what_a_late_program_sends_is_answered(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0) as house:
        program = await late(house)
        await program.stream.send_all(b'{"do":"hello","protocol":1}\n')
        await program.wait_for("hello")
        await program.stream.send_all(bytes((Code.IAC, Code.DO, 99)))
        await program.ask("login", nick="dice")
        await program.read_until('"logged-in"')


async def test_what_a_reload_changes_counts_for_who_only_says_lines(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0, silence_seconds=0) as house:
        bot = house.connect()
        await bot.enter("bot", "python")
        await bot.ask("say", room="python", text="before")
        await trio.sleep(100)
        config = house.server.in_effect.config
        await use(house, changed(changed(config, "limits.silence_seconds", 45.0), "limits.messages_per_second", 1.0))
        for number in range(40):
            await bot.ask("say", room="python", text=f"{number}")
        told = [event["is"] for event in await bot.rest()]
        assert "slowed" in told
        assert told[-1] == "dismissed"


async def test_what_was_begun_before_somebody_was_dismissed_is_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their task has been woken, for a room takes no more just now, and has not had its turn yet."""
    async with running(**FREE) as (server, line):
        ear, ann = Program((await line.call()).stream), await line.call()
        await ear.enter("ear", "python")
        await ann.log_in("ann", "python")
        await ear.wait_for("joined")
        (session,) = (session for session in server._sessions if session.nick == "ann")
        (room,) = (room for room in server.rooms if room.name == "python")
        wake = SocketTransport._wake
        begun: list[Any] = []

        def dismissing(transport: SocketTransport, woken: Any) -> None:
            loop: ReadLoop[Any] | Any = transport.reader
            wake(transport, woken)
            if transport is session.caller.transport and loop is not None and loop._begun is not None:
                begun.append(loop._begun)
                room._inbox._lines_in_runs -= INBOX_MAX
                session.dismiss("kicked", trio.current_time() + 5)

        monkeypatch.setattr(SocketTransport, "_wake", dismissing)
        room._inbox._lines_in_runs += INBOX_MAX  # as if so many waited
        await ann.type("after", "and after")
        assert (await ear.read())["is"] == "left"
        assert begun[0].pause is not None
        await ear.ask("say", room="python", text="last", key="last")
        assert (await ear.wait_for("said"))["nick"] == "ear"
