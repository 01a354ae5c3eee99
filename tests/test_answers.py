"""Every request of a program is answered, with its ref: once, or as often as docs/protocol.md says. On virtual time."""

from collections.abc import Iterator
from typing import Any

import pytest
import trio
from msgspec.structs import fields

from chat_server.commands.table import COMMANDS
from chat_server.commands.writing import IsWriting, NoteRead
from chat_server.protocol.requests import Pong, Request, tag_of
from chat_server.protocol.versions import PROTOCOL
from streams import open_house

LEAST: tuple[Any, ...] = ("", " ", "\u202e", 0, False, None, [], {})
"""What JSON has least of, and texts of which nothing is left. Each is right for one field, and wrong for another."""

PLAIN: dict[str, Any] = {"number": 1, "rooms": {"nowhere": 0}}
"""What stands in fields that are needed, and are no texts."""


def least_forms(request: type[Request]) -> Iterator[dict[str, Any]]:
    """What one may send of a request: nothing, what is needed, the least in each field, the least in all."""
    names = [field.name for field in fields(request)]
    needed = {field.name: PLAIN.get(field.name, "x") for field in fields(request) if field.required}
    yield {}
    yield needed
    yield from ({**needed, "room": least} for least in LEAST)
    for least in LEAST:
        yield from (needed | {name: least} for name in names)
        yield dict.fromkeys(names, least)


REFS = ("", 0, -1, "x")
ONLY_REFUSED = (Pong, IsWriting, NoteRead)
"""Signs, of which nothing more is to be said."""


@pytest.mark.parametrize("place", ["", "hall", "python"])
@pytest.mark.parametrize("request_type", COMMANDS.vocabulary.requests, ids=tag_of)
async def test_every_request_that_says_as_little_as_can_be_is_answered_once(
    autojump_clock: trio.abc.Clock, request_type: type[Request], place: str
) -> None:
    async with open_house(messages_per_second=0, connections_per_address=0) as house:
        for number, form in enumerate(least_forms(request_type)):
            program, ref = house.connect(), REFS[number % len(REFS)]
            await program.ask("hello", protocol=PROTOCOL)
            await program.wait_for("hello")  # two at once are more than may wait for a stranger
            if place:
                await program.enter(f"ann{number}", *["python"] * (place == "python"))
            room = {"room": place} if place == "python" else {}
            await program.ask(tag_of(request_type), **(room | form), ref=ref)
            await program.ask("logout", ref="the end")
            answers = [event for event in await program.rest() if event.get("ref") == ref]
            assert len(answers) == (request_type not in ONLY_REFUSED or is_wrong(answers)), (form, answers)


def is_wrong(answers: list[dict[str, Any]]) -> bool:
    return any(answer["is"] == "refused" for answer in answers)


@pytest.mark.parametrize("line", ['"ref":1', '"do":null,"ref":1', '"do":"","ref":1', '"do":{},"ref":1,"room":[]'])
async def test_what_asks_for_nothing_is_answered_with_its_ref_too(autojump_clock: trio.abc.Clock, line: str) -> None:
    async with open_house() as house:
        program = house.connect()
        await program.type('{"do":"hello"}', "{" + line + "}", '{"do":"logout"}')
        (answer,) = [event for event in await program.rest() if "ref" in event]
        assert (answer["is"], answer["ref"]) == ("refused", 1)


@pytest.mark.parametrize("ref", ["null", "true", "[]", "{}", "1.5", '"\\u202e"', f'"{"x" * 65}"'])
async def test_what_can_be_no_ref_comes_back_on_nothing(autojump_clock: trio.abc.Clock, ref: str) -> None:
    async with open_house() as house:
        program = house.connect()
        await program.type('{"do":"hello"}', f'{{"do":"say","room":[],"ref":{ref}}}', '{"do":"logout"}')
        assert [event.get("ref") for event in await program.rest()] == [None] * 3


@pytest.mark.parametrize("rest", ["", ',"ref":1,', ',"x":' + "[" * 3000, ',"x":"\ud800'])
async def test_what_is_wrong_before_it_is_no_json_any_more_is_answered_without_a_ref(
    autojump_clock: trio.abc.Clock, rest: str
) -> None:
    async with open_house() as house:
        program = house.connect()
        line = ('{"do":"say","room":[]' + rest).encode(errors="surrogatepass")
        await program.stream.send_all(b'{"do":"hello"}\n' + line + b'\n{"do":"logout"}\n')
        assert [event.get("ref") for event in await program.rest()] == [None] * 3
