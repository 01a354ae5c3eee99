"""Every field of every request, at a size that nobody needs: it is answered, and costs next to nothing.

What is dear about long names is bringing them into their one form, which takes a time that grows with the square of a run of marks. So
the characters that are given to `normalize` are counted, not seconds.
"""

import json
import unicodedata
from collections.abc import Iterator
from types import ModuleType
from typing import Any, get_origin, get_type_hints

import pytest
import trio
from msgspec.structs import fields

import chat_server.journal.words
import chat_server.protocol.names
from chat_server.commands.table import COMMANDS
from chat_server.protocol.requests import Logout, tag_of
from chat_server.protocol.sanitize import MARKS_MAX
from streams import Program, open_house

MARKS = "\U0001d165\U0001d16d" * 2000
"""Two marks that must be put in order, a string of 64 KiB in JSON with its escapes, and of 16 KiB in UTF-8."""

NORMALIZED_MAX = 1000
"""Characters normalised for one request that names something: three names, a few times each."""


class Normalized:
    """Counts what is normalised, and looks for the runs that are dear."""

    def __init__(self) -> None:
        self.characters = 0
        self.longest_run = 0

    def __call__(self, form: Any, text: str) -> str:
        self.characters += len(text)
        run = 0
        for character in text:
            run = run + 1 if unicodedata.combining(character) else 0
            self.longest_run = max(run, self.longest_run)
        return unicodedata.normalize(form, text)


@pytest.fixture
def normalized(monkeypatch: pytest.MonkeyPatch) -> Normalized:
    counter = Normalized()
    modules: list[ModuleType] = [chat_server.protocol.names, chat_server.journal.words]
    for module in modules:
        monkeypatch.setattr(module, "normalize", counter)
    return counter


def table() -> Iterator[Any]:
    """Every request with each of its fields that holds text, and what else an object may hold."""
    for request in COMMANDS.vocabulary.requests:
        hints = get_type_hints(request)
        needed: dict[str, Any] = {
            field.name: "x" for field in fields(request) if field.required and hints[field.name] is str
        }
        for field in fields(request):
            if hints[field.name] is str:
                yield pytest.param(
                    {**needed, "do": tag_of(request), field.name: MARKS}, id=f"{tag_of(request)}-{field.name}"
                )
            elif get_origin(hints[field.name]) is dict:
                rooms = {"rooms-of-long-names": {MARKS: 1}, "many-rooms": {f"{MARKS[:60]}{n}": 1 for n in range(200)}}
                for name, value in rooms.items():
                    yield pytest.param(
                        {**needed, "do": tag_of(request), field.name: value}, id=f"{tag_of(request)}-{name}"
                    )
        for name in ("room", "ref"):
            yield pytest.param(
                {"room": "python", **needed, "do": tag_of(request), name: MARKS},
                id=f"{tag_of(request)}-envelope-{name}",
            )
    yield pytest.param({"do": MARKS}, id="do")
    yield pytest.param({"do": "say", MARKS: MARKS}, id="unknown-field")


def is_text(asked: dict[str, Any]) -> bool:
    """Whether it is said or looked for, and not the name of anything."""
    return any(asked.get(name) == MARKS for name in ("text", "action", "words"))


@pytest.mark.parametrize("asked", table())
async def test_a_field_of_64_kib_is_answered_at_no_cost(
    autojump_clock: trio.abc.Clock, normalized: Normalized, asked: dict[str, Any]
) -> None:
    async with open_house(messages_per_second=0) as house:
        program: Program = house.connect()
        await program.enter("ann", "python")
        normalized.characters = 0
        if is_text(asked):
            asked = {"room": "python", **asked}
        await program.stream.send_all(json.dumps(asked).encode()[:65535] + b"\n")
        await program.ask("are-you-there", ref="after")
        if asked["do"] == "logout" and asked.get("ref") != MARKS:
            assert (await program.rest())[-1]["is"] in {"logged-out", "dismissed"}
            return
        while (event := await program.read()).get("ref") != "after":
            assert event["is"] in {
                "refused",
                "said",
                "acted",
                "topic",
                "entered",
                "here",
                "page",
                "found",
                "now-away",
                "aliases",
                "snippets",
            }, event
        assert normalized.longest_run <= MARKS_MAX or normalized.characters <= NORMALIZED_MAX
        if not is_text(asked):
            assert normalized.characters <= NORMALIZED_MAX


@pytest.mark.parametrize("word", [*sorted(COMMANDS.vocabulary.words), "frobnicate", ""])
async def test_a_line_of_the_limit_is_answered_at_no_cost(
    autojump_clock: trio.abc.Clock, normalized: Normalized, word: str
) -> None:
    async with open_house(messages_per_second=0) as house:
        ann = house.call()
        await ann.log_in("ann", "python")
        normalized.characters = 0
        await ann.type(f"/{word} {MARKS[:1000]}" if word else f"/{MARKS[:1000]}")
        if COMMANDS.vocabulary.words.get(word) is not Logout:
            await ann.type("/online")
            await ann.read_until("* Nobody else is in python.")
        assert normalized.longest_run <= MARKS_MAX or normalized.characters <= NORMALIZED_MAX
