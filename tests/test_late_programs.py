"""Who sends a `{` at the beginning of a line before logging in is a program, whenever it comes."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from chat_server.protocol.incoming import Addressed
from chat_server.protocol.requests import Say
from chat_server.sessions.doors import PARSE_TEXT
from chat_server.sessions.json_session import PARSE
from chat_server.wire.connection_events import ProgramDetected
from chat_server.wire.late_programs import LateJsonDecoder
from chat_server.wire.text import TextDecoder
from streams import House, Program, open_house
from test_person_session import telnet

LOGIN = b'{"do":"login","nick":"dice","ref":1}\n'


async def late(house: House, *before: str) -> Program:
    """A caller who was greeted as a person, and has typed some lines."""
    program = house.connect()
    await program.read_until("/help for more.\r\n")
    if before:
        await program.type(*before)
        await trio.sleep(1)
        while await poll(program):
            pass
    return program


async def poll(program: Program) -> bytes:
    with trio.move_on_after(0.1):
        return bytes(await program.stream.receive_some(65536))
    return b""


@pytest.mark.parametrize("before", [(), ("/help",), ("hello?", "", "/rooms"), ("{".join("ab"),)])
@pytest.mark.parametrize("start", [b"", b" ", b" \t ", b"\xef\xbb\xbf", b"\xef\xbb\xbf "])
async def test_a_line_that_begins_with_a_brace_makes_a_program_of_a_person_who_has_not_logged_in(
    autojump_clock: trio.abc.Clock, before: tuple[str, ...], start: bytes
) -> None:
    async with open_house() as house:
        program = await late(house, *before)
        await program.stream.send_all(start + LOGIN)
        assert (await program.wait_for("logged-in"))["ref"] == 1
        await program.ask("join", room="python")
        assert (await program.wait_for("entered"))["room"] == "python"
        await program.ask("say", room="python", text="x" * 5000, key="k")  # longer than a person's line
        assert (await program.wait_for("stored"))["seq"] == 1


async def test_a_program_that_is_typed_by_hand_is_one(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        program = await late(house)
        for byte in LOGIN + b'{"do":"logout"}\n':
            await program.stream.send_all(bytes((byte,)))
            await trio.sleep(0.2)
        assert [event["is"] for event in await program.rest()] == ["logged-in", "logged-out"]


async def test_the_language_that_was_chosen_stays(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        program = await late(house, "/lang zh")
        await program.ask("join", room="nowhere")
        assert "请" in (await program.wait_for("refused"))["text"]


async def test_the_time_to_log_in_is_not_begun_anew(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(login_seconds=100, unfinished_line_seconds=0) as house:
        start = trio.current_time()
        program = await late(house)
        await trio.sleep(90)
        await program.ask("hello")
        assert (await program.rest())[-1]["why"] == "login-time"
        assert trio.current_time() - start == pytest.approx(100, abs=1)


async def test_the_time_to_log_in_counts_while_what_was_sent_first_is_answered(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        start = trio.current_time()
        program = await late(house)
        await trio.sleep(start + 110 - trio.current_time())
        await program.stream.send_all(b"{}\n" * 170)
        assert (await program.rest())[-1]["why"] == "login-time"
        assert trio.current_time() - start < 121


async def test_the_pace_is_not_begun_anew(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=1, message_burst=10) as house:
        program = await late(house, *["/time"] * 9)
        await program.stream.send_all(b'{"do":"are-you-there"}\n' * 10)
        assert (await program.wait_for("slowed"))["limit"] == 1


async def test_a_long_line_before_login_is_refused_as_a_programs(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        program = await late(house)
        await program.stream.send_all(b'{"do":"hello","x":"%b"}\n' % (b"x" * 3000))
        assert (await program.wait_for("hello"))["is"] == "hello"
        await program.stream.send_all(b'{"do":"hello","x":"%b"}\n' % (b"x" * 5000))
        assert (await program.wait_for("refused"))["code"] == "line-too-long"


async def test_who_has_logged_in_as_a_person_says_braces(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, bob = await house.ann_and_bob()
        await ann.type('{"do":"logout"}')
        await bob.read_until('ann: {"do":"logout"}\r\n')


async def test_a_login_and_braces_in_one_piece_are_a_persons(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = house.call()
        await ann.stream.send_all(b'/login ann\n/join python\n{"do":"logout"}\n/last 1\n')
        await ann.read_until('ann: {"do":"logout"}\r\n')


async def test_a_terminal_whose_line_was_edited_here_becomes_a_programs(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        terminal = telnet(house)
        await terminal.read()
        await terminal.type("/time\r\n")
        await terminal.read()
        assert terminal.session_is_edited, terminal.raw
        await terminal.type(LOGIN.rstrip() + b"\r\n")
        assert b'"is":"logged-in"' in await terminal.read()
        assert not terminal.session_is_edited
        await terminal.resize(70)
        await terminal.type(b'{"do":"hello"}\r\0{"do":"logout"}\r\n')
        said = await terminal.read()
        assert b'"is":"hello"' in said
        assert b'"is":"logged-out"' in said


async def test_nothing_is_kept_of_what_a_late_program_typed_before(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        terminal = telnet(house)
        await terminal.read()
        for number in range(8):
            await terminal.type(f"/{number}{'x' * 900}\r\n")
            await terminal.read()
        assert house.server._budget.total
        await terminal.type(LOGIN.rstrip() + b"\r\n")
        assert b'"is":"logged-in"' in await terminal.read()
        assert house.server._budget.total == 0


async def test_a_late_program_that_reads_too_slowly_is_told_as_a_program(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(waiting_bytes=8000) as house:
        program = house.connect(stuck=True)
        await program.read_until("/help for more.\r\n")
        await program.stream.send_all(LOGIN + b'{"do":"join","room":"python"}\n')
        await program.wait_for("entered")
        loud = house.connect()
        await loud.enter("loud", "python")
        for _ in range(6):
            await loud.ask("say", room="python", text="x" * 4000)
        await trio.sleep(5)
        assert (await program.wait_for("skipped"))["lines"]


async def test_a_server_that_stops_dismisses_a_late_program_too(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        program = await late(house)
        await program.stream.send_all(LOGIN)
        await program.wait_for("logged-in")
        house.server.stop()
        assert (await program.rest())[-1]["why"] == "stopping"
        await house.ended.wait()
        assert house.exit_code == 0


async def test_who_turns_out_to_be_a_program_just_when_the_server_stops_does_not_hold_it_up(
    autojump_clock: trio.abc.Clock,
) -> None:
    for _ in range(40):  # whether the session or the server comes first in a pass of the loop is Trio's toss of a coin
        async with open_house(messages_per_second=0, silence_seconds=0) as house:
            program = await late(house)
            await program.stream.send_all(LOGIN)
            house.server.stop()
            with trio.fail_after(11):
                await house.ended.wait()


def read(pieces: Iterable[bytes]) -> list[Any]:
    """What a caller's bytes come to, taken as they are cut."""
    decoder: Any = TextDecoder(PARSE_TEXT, 50)
    found: list[Any] = []
    for piece in pieces:
        for item in decoder.receive_data(piece):
            if isinstance(item, ProgramDetected):
                decoder = LateJsonDecoder(
                    PARSE, 200, 100, telnet=item.telnet, negotiation=item.negotiation, pieces=item.pieces
                )
                found += decoder.receive_data(b"")
                break
            found.append(item)
    return found


PIECES = st.sampled_from(
    [
        b"hi",
        b"\n",
        b"\r\n",
        b" ",
        b"{",
        b'{"do":"say","text":"x"}',
        b'{"do":"hello"}\n',
        b"\xef\xbb\xbf",
        b"\x08",
        b"\0",
        b"\xff\xfb\x1f",
        b"\xff\xff",
        b"/help",
    ]
)


@given(st.lists(PIECES | st.binary(max_size=4), max_size=12), st.data())
def test_any_split_of_any_bytes_gives_the_same(pieces: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    assert read(whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)) == read([whole])


def test_what_is_read_after_the_brace_is_json() -> None:
    said = json.dumps({"do": "say", "room": "python", "text": "{"}).encode()
    assert read([b"/help\n", b" {", said[1:], b"\r\n"])[-1] == Addressed(Say("{"), "python")
