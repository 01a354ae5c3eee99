"""Operators' ways with a running server, on virtual time: who may ask, how much, for how long, and that somebody who is removed is removed."""

import json
import os
from collections.abc import Iterable
from typing import Any

import pytest
import trio
from trio.testing import lockstep_stream_pair

from captured_logs import capture_logs
from chat_server.logs import log
from chat_server.server.admin import ANSWER_SECONDS, ANSWERS_AT_ONCE, CONNECTIONS_MAX, REQUEST_SECONDS, AdminDoor
from chat_server.server.admin_protocol import AdminAnswer, AdminRequest
from chat_server.server.admin_requests import REQUEST_MAX, Connected
from streams import ROOT_USER, Operator, open_house
from test_chat_room import StalledJournal


def refusal(answers: list[dict[str, Any]]) -> str:
    (only,) = answers
    assert only["is"] == "not-done"
    return str(only["why"])


# Who may ask.


@pytest.mark.parametrize("own", [ROOT_USER, 1000])
async def test_only_the_servers_own_user_and_root_may_ask(
    own: int, autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: own)
    async with open_house() as house:
        assert (await house.operator(own).ask("rooms"))[-1] == {"is": "done"}
        assert (await house.operator(ROOT_USER).ask("rooms"))[-1] == {"is": "done"}
        stranger = house.operator(own + 4711)
        assert refusal(await stranger.answers()) == "only the server's own user and root may ask"


async def test_a_request_of_another_version_is_told_which_release_the_server_is(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        (told,) = await house.ask_as_operator("rooms", protocol=2)
        assert told["version"]
        assert "another release" in told["why"]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"\xff\xfe",
        b"[]",
        b"who",
        b'{"do":"who"',
        b'{"do":"fly","protocol":1}',
        b'{"do":"kick","protocol":1}',
    ],
)
async def test_what_is_no_request_is_refused_in_a_sentence(autojump_clock: trio.abc.Clock, line: bytes) -> None:
    async with open_house() as house:
        operator = house.operator()
        await operator.send(line + b"\n")
        assert refusal(await operator.answers())


async def test_a_line_without_an_end_is_refused_and_a_silent_caller_let_go(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        endless, silent = house.operator(), house.operator()
        await endless.send(b"x" * (REQUEST_MAX + 1))
        assert refusal(await endless.answers()) == f"a request has at most {REQUEST_MAX} bytes"
        began = trio.current_time()
        assert await silent.answers() == []
        assert trio.current_time() - began <= REQUEST_SECONDS


async def test_one_operator_more_than_there_may_be_is_told_so_and_let_in_later(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        silent = [house.operator() for _ in range(CONNECTIONS_MAX)]
        await trio.testing.wait_all_tasks_blocked()
        assert "try again" in refusal(await house.operator().answers())
        await silent[0].hang_up()
        assert (await house.ask_as_operator("rooms"))[-1] == {"is": "done"}


async def test_who_does_not_take_the_answers_is_let_go_and_others_are_served(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ours, theirs = lockstep_stream_pair()
        await house.ann_and_bob()
        served = trio.Event()

        async def serve() -> None:
            await house.operators.serve(theirs, ROOT_USER)
            served.set()

        house.nursery.start_soon(serve)
        await ours.send_all(b'{"do":"who","protocol":1}\n')
        assert (await house.ask_as_operator("who"))[-1] == {"is": "done"}
        began = trio.current_time()
        await served.wait()
        assert trio.current_time() - began <= ANSWER_SECONDS


async def test_a_bug_in_a_request_hurts_that_one(autojump_clock: trio.abc.Clock) -> None:
    async def carry_out(request: AdminRequest, user: int) -> Iterable[AdminAnswer]:
        raise ZeroDivisionError

    async with open_house() as house:
        with capture_logs() as logs:
            answers = await Operator(house.nursery, AdminDoor(carry_out), ROOT_USER).ask("who")
        assert "is in its log" in refusal(answers)
        assert [entry["event"] for entry in logs if entry["log_level"] == "error"]
        assert (await house.ask_as_operator("who"))[-1] == {"is": "done"}


async def test_many_answers_are_sent_some_at_a_time(autojump_clock: trio.abc.Clock) -> None:
    made = 0

    def each() -> Iterable[AdminAnswer]:
        nonlocal made
        for made in range(1, 10 * ANSWERS_AT_ONCE + 1):
            yield Connected(f"ann{made}", "nc", "", (), 1.0, 0)

    async def carry_out(request: AdminRequest, user: int) -> Iterable[AdminAnswer]:
        return each()

    async with trio.open_nursery() as nursery:
        door = AdminDoor(carry_out)
        ours, theirs = lockstep_stream_pair()
        nursery.start_soon(door.serve, theirs, ROOT_USER)
        await ours.send_all(b'{"do":"who","protocol":1}\n')
        await trio.sleep(1)
        assert made == ANSWERS_AT_ONCE, "the rest is made when these have been taken"
        received = b""
        while b'"done"' not in received:
            received += await ours.receive_some(65536)
        assert received.count(b"\n") == 10 * ANSWERS_AT_ONCE + 1


# What can be asked.


async def test_who_is_connected_is_listed_with_who_has_not_logged_in_last(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        await house.ann_and_bob()
        program, _stranger = house.connect(), house.call()
        await program.enter("prog", "python", "pm")
        await trio.sleep(30)
        *people, done = await house.ask_as_operator("who")
        assert done == {"is": "done"}
        assert [(one["nick"], one["by"], one["rooms"]) for one in people] == [
            ("ann", "nc", ["python"]),
            ("bob", "nc", ["python"]),
            ("prog", "program", ["python", "pm"]),
            ("", "nc", []),
        ]
        assert people[0]["address"] == "192.0.2.1"
        assert people[0]["seconds"] >= 30
        assert "token" not in json.dumps(people)


async def test_rooms_are_listed_with_people_lines_and_topic(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, _ = await house.ann_and_bob()
        await ann.type("hello", "/topic snakes")
        await ann.read_until("snakes")
        python = (await house.ask_as_operator("rooms"))[0]
        assert python == {
            "is": "room-shown",
            "number": 1,
            "name": "python",
            "people": 2,
            "first": 1,
            "last": 2,
            "topic": "snakes",
        }


async def test_figures_are_those_of_the_moment(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, bob = await house.ann_and_bob()
        before, _ = await house.ask_as_operator("stats")
        await ann.type("hello")
        await bob.read_until("ann: hello")
        program = house.connect()
        await program.enter("prog")
        await trio.sleep(20)
        now, _ = await house.ask_as_operator("stats")
        assert (before["people"], before["lines_stored"], before["programs"]) == (2, 0, 0)
        assert (now["people"], now["lines_stored"], now["programs"], now["terminals"]) == (3, 1, 1, 2)
        assert now["rooms"] == 3
        assert now["uptime"] > 20
        assert not now["is_stopping"]


async def test_how_much_is_logged_can_be_chosen(autojump_clock: trio.abc.Clock) -> None:
    was_verbose = log.is_verbose
    try:
        async with open_house() as house:
            log.is_verbose = False
            assert (await house.ask_as_operator("log-level"))[0]["level"] == "normal"
            assert (await house.ask_as_operator("log-level", level="verbose"))[0]["level"] == "verbose"
            assert log.is_verbose
            assert (await house.ask_as_operator("log-level", level="normal"))[0]["level"] == "normal"
            assert not log.is_verbose
    finally:
        log.is_verbose = was_verbose


async def test_operators_are_served_while_the_server_is_full(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(connections=2) as house:
        await house.ann_and_bob()
        late = house.call()
        assert "The server is full" in await late.read_to_end()
        assert [one["nick"] for one in (await house.ask_as_operator("who"))[:-1]] == ["ann", "bob"]


async def test_operators_are_served_while_the_server_stops(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, stuck = await house.ann_and_bob(bob_is_stuck=True)
        await ann.type(*["x" * 3000] * 3)
        await trio.sleep(1)
        house.server.stop()
        await trio.sleep(1)
        figures, _ = await house.ask_as_operator("stats")
        assert figures["is_stopping"]
        assert not house.ended.is_set()
        del stuck


# Removing somebody.


async def test_who_is_removed_is_told_why_and_others_see_them_leave(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, bob = await house.ann_and_bob()
        with capture_logs() as logs:
            (kicked, _) = await house.ask_as_operator("kick", name="BOB", reason="spam\x1b[2J.\nreally.")
        assert kicked == {"is": "kicked", "nick": "bob", "sessions": 1}
        assert "* An operator has ended your connection: spam[2J. really. Goodbye.\r\n" in await bob.read_to_end()
        await ann.read_until("* bob left")
        assert {"nick": "bob", "sessions": 1, "user": 0}.items() <= logs[0].items()
        again = house.call()
        await again.log_in("bob")


async def test_nobody_is_removed_whose_name_nobody_has(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        assert refusal(await house.ask_as_operator("kick", name="bob")).startswith("nobody here is called bob")


async def test_all_sessions_of_somebody_are_ended(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        token = "t" * 30
        first, second = house.connect(), house.connect()
        await first.enter("prog", "python", token=token)
        await second.enter("prog", "pm", token=token, session="add")
        assert (await house.ask_as_operator("kick", name="prog"))[0]["sessions"] == 2
        for program in (first, second):
            last = (await program.rest())[-1]
            assert (last["is"], last["why"]) == ("dismissed", "kicked")


@pytest.mark.parametrize("is_limited", [True, False])
async def test_nothing_of_what_waits_is_stored_once_its_author_is_removed(
    autojump_clock: trio.abc.Clock, is_limited: bool
) -> None:
    journal = StalledJournal()
    async with open_house(journal=journal, messages_per_second=4.0 if is_limited else 0.0) as house:
        ann, bob = await house.ann_and_bob()
        await bob.type("being stored")
        await trio.sleep(1)
        await bob.type(*(f"waits {number}" for number in range(15)))
        await trio.sleep(1)
        answered = trio.Event()

        async def kick() -> None:
            await house.ask_as_operator("kick", name="bob")
            answered.set()

        house.nursery.start_soon(kick)
        await trio.sleep(1)
        assert not answered.is_set(), "what is being stored may still be refused or stored"
        await ann.type("after")
        await trio.sleep(1)
        journal.goes_on.set()
        await answered.wait()
        heard = await ann.read_until("* bob left")
        assert "bob: being stored" in heard
        await trio.sleep(10)
        lines = (await journal.read("python", 1, 100)).lines
        assert [(line.seq, line.nick, line.text) for line in lines] == [
            (1, "bob", "being stored"),
            (2, "ann", "after"),
        ]
