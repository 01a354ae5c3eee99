"""What callers say while their tasks wait is carried out there and then, where nothing is charged: over real sockets, and told apart by nobody."""

import json
import os
import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import trio

from captured_logs import capture_logs
from chat_server.rooms.inbox import INBOX_MAX
from chat_server.sessions.read_loop import ReadLoop
from chat_server.sessions.transport import SocketTransport
from streams import Caller, Program
from test_sockets import Line, running
from test_tls_sockets import call as call_by_tls
from tls_pairs import server_context

FREE: Mapping[str, Any] = {"messages_per_second": 0, "connections_per_address": 0}


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What each offer came to."""
    offers: list[bool] = []
    take: Callable[[ReadLoop[Any]], bool] = ReadLoop.take

    def noted(loop: ReadLoop[Any]) -> bool:
        offers.append(take(loop))
        return offers[-1]

    monkeypatch.setattr(ReadLoop, "take", noted)
    return offers


async def caller_on(line: Line, *, by_tls: bool) -> Caller:
    return Caller(await call_by_tls(line)) if by_tls else await line.call()


async def program_on(line: Line, *, by_tls: bool = False) -> Program:
    return Program((await caller_on(line, by_tls=by_tls)).stream)


@pytest.mark.parametrize("by_tls", [False, True])
async def test_what_is_said_while_the_task_waits_wakes_it_not(taken: list[bool], *, by_tls: bool) -> None:
    async with running(tls=server_context, **FREE) as (_, line):
        ann, bob = await caller_on(line, by_tls=by_tls), await line.call()
        await ann.log_in("ann", "python")
        await bob.log_in("bob", "python")
        taken.clear()
        for text in ("alone", "two\nat once", "and one more"):
            await ann.type(text)
            await bob.read_until("".join(f"ann: {part}\r\n" for part in text.split("\n")))
        assert taken
        assert all(taken)


async def test_where_the_system_cannot_tell_of_connections_trio_does(
    monkeypatch: pytest.MonkeyPatch, taken: list[bool]
) -> None:
    monkeypatch.setattr("chat_server.server.listening.new_readiness", lambda: None)
    async with running(tls=server_context, **FREE) as (server, line):
        ann, bob = await line.call(), await caller_on(line, by_tls=True)
        await ann.log_in("ann", "python")
        await bob.log_in("bob", "python")
        await ann.type("hello", "bob")
        await bob.read_until("ann: hello\r\nann: bob\r\n")
        await bob.type("hello ann")
        await ann.read_until("bob: hello ann\r\n")
        assert (server.readiness, taken) == (None, [])


async def test_nothing_is_taken_so_where_lines_are_charged(taken: list[bool]) -> None:
    async with running(messages_per_second=100) as (_, line):
        ann, bob = await line.call(), await line.call()
        await ann.log_in("ann", "python")
        await bob.log_in("bob", "python")
        await ann.type("a line")
        await bob.read_until("ann: a line\r\n")
        assert True not in taken


async def test_what_is_no_line_is_left_to_the_task(taken: list[bool]) -> None:
    async with running(**FREE) as (_, line):
        bot = await program_on(line)
        await bot.enter("bot")
        taken.clear()
        await bot.ask("join", room="python")
        await bot.wait_for("entered")
        assert taken == [False]


def _asked(chance: random.Random) -> list[str]:
    """Lines of a person's, and commands between them; each line says which it is."""
    return [
        "/online" if chance.random() < 0.1 else f"line {number}" + "x" * chance.randrange(60)
        for number in range(chance.randrange(50, 150))
    ]


@pytest.mark.parametrize("by_tls", [False, True])
@pytest.mark.parametrize("seed", range(2))
async def test_any_split_of_what_many_say_and_ask_is_carried_out_in_order(
    taken: list[bool], seed: int, *, by_tls: bool
) -> None:
    chance = random.Random(seed)  # noqa: S311
    async with running(tls=server_context, **FREE) as (_, line):
        listener = await program_on(line)
        await listener.enter("ear", "python")
        asked = {f"person{number}": _asked(chance) for number in range(4)}

        async def talk(nick: str) -> None:
            person = await caller_on(line, by_tls=by_tls)
            await person.log_in(nick, "python")
            data = "".join(f"{line}\n" for line in asked[nick]).encode()
            while data:
                size = chance.choice((1, 7, 60, 500, 9000))
                await person.stream.send_all(data[:size])
                data = data[size:]
                for _ in range(chance.randrange(6)):
                    await trio.lowlevel.checkpoint()
            await person.type("/logout")
            told = await person.read_to_end()
            assert told.count("in python: ") == asked[nick].count("/online")

        async with trio.open_nursery() as nursery:
            for nick in asked:
                nursery.start_soon(talk, nick)
        heard: dict[str, list[str]] = {nick: [] for nick in asked}
        wanted = {nick: [line for line in lines if line != "/online"] for nick, lines in asked.items()}
        numbers: list[int] = []
        while heard != wanted:
            said = await listener.wait_for("said")
            heard[said["nick"]].append(said["text"])
            numbers.append(said["seq"])
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert True in taken
        assert False in taken


async def test_a_program_s_keys_are_answered_and_stored_once_however_often_it_sends_them() -> None:
    async with running(**FREE) as (_, line):
        bot, ear = await program_on(line), await program_on(line)
        await bot.enter("bot", "python")
        await ear.enter("ear", "python")
        for _ in range(3):
            requests = [{"do": "say", "room": "python", "text": f"{n}", "key": f"k{n}"} for n in range(20)]
            await bot.stream.send_all(b"".join(json.dumps(one).encode() + b"\n" for one in requests))
            assert {(await bot.wait_for("stored"))["key"] for _ in requests} == {f"k{n}" for n in range(20)}
        assert [(await ear.wait_for("said"))["text"] for _ in range(20)] == [f"{n}" for n in range(20)]


async def test_what_is_said_in_several_rooms_at_once_is_said_in_each(taken: list[bool]) -> None:
    async with running(**FREE) as (_, line):
        bot, ear = await program_on(line), await program_on(line)
        await bot.enter("bot", "python", "write")
        await ear.enter("ear", "python", "write")
        taken.clear()
        requests = [{"do": "say", "room": ("python", "write")[n // 3 % 2], "text": f"{n}"} for n in range(12)]
        await bot.stream.send_all(b"".join(json.dumps(one).encode() + b"\n" for one in requests))
        heard = [await ear.wait_for("said") for _ in requests]
        for room in ("python", "write"):
            said = [one["text"] for one in heard if one["room"] == room]
            assert said == [one["text"] for one in requests if one["room"] == room]
        assert taken == [False]


async def test_who_says_more_than_a_room_holds_waits_and_nothing_is_lost(taken: list[bool]) -> None:
    async with running(**FREE) as (_, line):
        ear = await program_on(line)
        await ear.enter("ear", "python")
        talkers = [await line.call() for _ in range(20)]
        for number, talker in enumerate(talkers):
            await talker.log_in(f"n{number}", "python")
        count = INBOX_MAX // 4
        taken.clear()
        async with trio.open_nursery() as nursery:
            for talker in talkers:
                nursery.start_soon(talker.type, *[f"{number}" for number in range(count)])
            heard: dict[str, list[int]] = {}
            while sum(map(len, heard.values())) < count * len(talkers):
                said = await ear.wait_for("said")
                heard.setdefault(said["nick"], []).append(int(said["text"]))
        assert all(numbers == list(range(count)) for numbers in heard.values())
        assert False in taken  # some had to wait


async def test_who_is_put_out_says_nothing_afterwards_though_it_has_been_sent() -> None:
    async with running(**FREE) as (server, line):
        ann, ear = await line.call(), await program_on(line)
        await ann.log_in("ann", "python")
        await ear.enter("ear", "python")
        await ann.type("before")
        assert (await ear.wait_for("said"))["text"] == "before"
        (session,) = (session for session in server._sessions if session.nick == "ann")
        assert isinstance(ann.stream, trio.SocketStream)
        os.write(ann.stream.socket.fileno(), b"after\nafter\n")  # and nobody has had a turn since
        session.dismiss("kicked", trio.current_time() + 5)
        assert (await ear.read())["is"] == "left"
        with capture_logs() as logged:
            await ann.read_to_end()
            await ann.type("is anybody there?")  # the connection is there for a while
            await trio.sleep(0.1)
        assert [entry for entry in logged if entry["log_level"] == "error"] == []


async def test_a_bug_in_what_is_taken_ends_the_session_that_met_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(**FREE) as (server, line):
        ann, bob = await line.call(), await line.call()
        await ann.log_in("ann", "python")
        await bob.log_in("bob", "python")
        (room,) = (room for room in server.rooms if room.name == "python")
        post = room.post

        def failing(session: Any, what: Any, *rest: Any) -> Any:
            if session.nick == "ann" and "bug" in str(getattr(what, "text", "")):
                raise KeyError("a bug")
            return post(session, what, *rest)

        monkeypatch.setattr(type(room), "post", lambda _, *what: failing(*what))
        with capture_logs() as logged:
            await ann.type("a bug")
            assert "Something went wrong on the server's side" in await ann.read_to_end()
        assert any("a session failed" in entry["event"] for entry in logged)
        await bob.type("still here", "/online")
        await bob.read_until("* Nobody else")


@pytest.mark.parametrize("step", ["take", "_is_light", "_note_carried_out", "_go_on"])
async def test_a_bug_in_any_step_of_it_ends_the_session_that_met_it_alone(
    monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    async with running(**FREE) as (_, line):
        ann, bob = await line.call(), await line.call()
        await ann.log_in("ann", "python")
        await bob.log_in("bob", "python")
        whole = getattr(ReadLoop, step)

        def failing(loop: Any, *given: Any, **named: Any) -> Any:
            if loop._session.nick == "ann":
                raise KeyError("a bug")
            return whole(loop, *given, **named)

        monkeypatch.setattr(ReadLoop, step, failing)
        with capture_logs() as logged:
            await ann.type("/online" if step == "_go_on" else "a line")
            assert "Something went wrong on the server's side" in await ann.read_to_end()
        assert [entry["event"] for entry in logged if entry["log_level"] == "error"] == ["a session failed"]
        await bob.type("still here", "/online")
        await bob.read_until("* Nobody else")


async def test_lines_that_are_refused_are_refused_in_one_piece() -> None:
    async with running(**FREE) as (server, line):
        bot = await program_on(line)
        await bot.ask("hello")
        assert (await bot.read())["is"] == "hello"
        (session,) = server._sessions
        transport, sizes = session.caller.transport, list[int]()
        assert isinstance(transport, SocketTransport)
        send = transport.send_nowait

        def counted(data: bytes) -> int:
            sizes.append(send(data))
            return sizes[-1]

        transport.send_nowait = counted
        await bot.stream.send_all(b'{"do":"say","room":"python","text":"x"}\n' * 10)
        assert [(await bot.read())["code"] for _ in range(10)] == ["login-first"] * 10
        assert len(sizes) == 1
