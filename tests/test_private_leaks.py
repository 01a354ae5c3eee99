"""A room that is only for its members is to others as one that never was: whatever they ask for is answered by the same bytes."""

import re
import time
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any, cast

import pytest
import trio
from msgspec.structs import fields

import chat_server
from captured_logs import capture_logs
from chat_server.commands.completion import completions
from chat_server.commands.table import COMMANDS
from chat_server.protocol.requests import Request, tag_of
from chat_server.sessions.json_session import JsonSession
from dens import holder
from streams import Caller, House, Program, open_house

ROOM = "den"
NAMES = (ROOM, "Den", "dem", "d\u0435n")
"""It; otherwise written; a near miss; one that looks like it."""
ANOTHER = "python"
CHANCE = re.compile(r'"(?:token|recovery|key|id)":("[^"]*"|\[[^]]*\])|[0-9a-z]{4}(?:-[0-9a-z]{4})+|bot_\w+')
"""What is another text each time, wherever one asks."""


async def members_are_there(house: House, *, is_there: bool) -> list[Program]:
    """Two people, in a private room of theirs; or the same people without it."""
    ann, bob = await holder(house, "ann"), await holder(house, "bob", 2)
    if is_there:
        await ann.ask("create", room=ROOM)
        await ann.wait_for("room-created")
        await ann.ask("join", room=ROOM)
        await ann.wait_for("entered")
        await ann.ask("role", room=ROOM, nick="bob", role="moderator")
        await ann.wait_for("role-given")
        await ann.ask("rule", room=ROOM, rule="access", value="invite")
        await ann.wait_for("rule-set")
        await bob.ask("join", room=ROOM)
        await bob.wait_for("entered")
        for text in ("topic of the needle", "needle"):
            await ann.ask("say", room=ROOM, text=text)
        await ann.ask("topic", room=ROOM, text="needle")
        await ann.wait_for("topic")
    await trio.sleep(20)
    return [ann, bob]


SPECIAL: dict[str, list[dict[str, Any]]] = {
    "account": [{}],  # to end it is the end of the game
    "drop": [{"id": 99}],
    "code": [{"purpose": "bot", "name": "b", "rooms": name} for name in (*NAMES, f"{ANOTHER},{ROOM}")],
    "password": [{}],
}
"""What is asked for where not everything can be."""


def values_of(request: type[Request]) -> Iterator[dict[str, Any]]:
    """What can be asked for with a request, with the room's name wherever a name or a text can stand."""
    if (tag := tag_of(request)) in SPECIAL:
        yield from SPECIAL[tag]
        return
    known: list[list[tuple[str, Any]]] = []
    for field in fields(request):
        kinds = str(field.type)
        if field.name == "key":
            continue
        if "dict" in kinds:
            choices: list[Any] = [{name: 0} for name in NAMES]
        elif "Literal" in kinds:
            choices = [choice for choice in re.findall(r"'([a-z-]*)'", kinds) if choice]
        elif "str" in kinds:
            choices = [*NAMES] if field.name in ("room", "rooms", "command", "name", "words") else [ROOM, "needle"]
        else:
            choices = [True] if "bool" in kinds else [1]
        known.append([(field.name, choice) for choice in choices])
    for chosen in product(*(one if len(known) < 2 else one[:2] for one in known)):
        yield dict(chosen)


ASKED: list[type[Request]] = [
    request
    for request in COMMANDS.vocabulary.requests
    if tag_of(request) not in {"logout", "create", "login", "register"}
]


async def everything_is_asked(program: Program) -> list[str]:
    """What a program is answered that asks for everything, in the room and elsewhere; it has to have been answered before it asks again."""
    heard: list[str] = []
    for request in ASKED:
        for values in values_of(request):
            for room in ("", ROOM, ANOTHER):
                if room == ANOTHER:
                    await program.ask("join", room=room)
                await program.ask(tag_of(request), **({"room": room} | values if room else values))
                await trio.sleep(0.1)  # whatever comes of it is there before the next is asked
                await program.ask("ping", ref="fence")
                rows = []
                while '"fence"' not in (row := await program.read_until("\n")):
                    rows.append(row)
                heard.append(f"{tag_of(request)} {values} {room}: {''.join(rows)}")
    return [CHANCE.sub("...", one) for one in heard]


async def everything_is_typed(caller: Caller) -> list[str]:
    """What somebody at a terminal is answered who types every command, with the room's name after it."""
    heard: list[str] = []
    words = [
        word
        for word in COMMANDS.vocabulary.words
        if word not in {"logout", "quit", "exit", "create", "new", "login", "register", "bye"}
    ]
    rows = [
        f"/{word} {after}".strip()
        for word in words
        for after in ("", *NAMES, f"{ROOM} {ROOM}", "-a needle", "needle", "1")
    ]
    for row in [*rows, *(f"/{name}" for name in NAMES), *(f"/{name} x" for name in NAMES), ROOM]:
        await caller.type(row)
        await trio.sleep(0.1)
        await caller.type("/lang nonsense")
        heard.append(f"{row}: {await caller.read_until('nonsense')}{await caller.read_until(chr(10))}")
    return [CHANCE.sub("...", one) for one in heard]


async def answers(*, is_there: bool, who: str) -> list[str]:
    """Everything that an outsider is answered where there is a private room, or never was one."""
    async with open_house(silence_seconds=10**7, messages_per_second=0) as house:
        await members_are_there(house, is_there=is_there)
        if who == "somebody at a terminal":
            caller = house.call("127.0.0.3")
            await caller.log_in("eve")
            with capture_logs() as logged:
                return [*await everything_is_typed(caller), *log_of(logged)]
        program = await holder(house, "eve", 3) if who == "an account" else house.connect("127.0.0.3")
        if who == "a guest":
            await program.ask("hello", protocol=2)
            await program.ask("login", nick="eve")
            await program.wait_for("logged-in")
        await trio.sleep(1)
        person = house.server._directory.person("eve")
        assert person is not None
        with capture_logs() as logged:
            heard = await everything_is_asked(program)
        hall = cast(JsonSession, person.sessions[0]).place
        completed = [
            str(completions(text, hall, person.sessions[0])) for text in ("/d", "/join d", "/help d", "d", "/invite ")
        ]
        return [*heard, *completed, *log_of(logged)]


def log_of(logged: Sequence[dict[str, Any]]) -> list[str]:
    """What was logged at info, or above."""
    return [f"log: {one}" for one in logged if one["log_level"] != "debug"]


@pytest.mark.parametrize("who", ["a guest", "an account", "somebody at a terminal"])
async def test_an_outsider_is_answered_as_if_the_room_did_not_exist(
    who: str, autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is anything logged at info where it does."""
    heard: list[list[str]] = []
    for is_there in (True, False):
        began = trio.current_time()
        monkeypatch.setattr(time, "time", lambda began=began: 1_764_300_000 + round(trio.current_time() - began, 1))
        heard.append(await answers(is_there=is_there, who=who))
    there, never = heard
    assert len(there) > 200
    assert not [one for one in there if one.startswith("log: ")]
    assert [pair for pair in zip(there, never, strict=True) if pair[0] != pair[1]] == []


KNOWS_ROOMS = {
    "commands/accounts.py": 1,  # rooms are told that somebody has an account
    "commands/coming_back.py": 2,  # where somebody is already
    "commands/begun.py": 1,  # where somebody is
    "commands/holding.py": 1,  # where a line is said that waited
    "commands/invited.py": 1,
    "commands/letting_in.py": 1,  # the same of what rooms know of somebody
    "commands/room_life.py": 1,  # that one owns
    "commands/rooms.py": 1,  # that one has made oneself
    "commands/whois.py": 1,  # whether somebody is anywhere
    "sessions/json_session.py": 1,  # where a program is already
    "sessions/membership.py": 2,
}
"""How often modules ask the directory for rooms, whoever may know of them."""


def test_what_is_asked_for_is_answered_by_the_rooms_that_somebody_may_know_of() -> None:
    source = Path(chat_server.__file__).parent
    asked = re.compile(r"directory\.(?:rooms\b|room\(|formerly\(|rooms_with\()")
    files = [path for package in ("commands", "sessions") for path in (source / package).glob("*.py")]
    found = {str(path.relative_to(source)): len(asked.findall(path.read_text())) for path in files}
    assert {name: count for name, count in found.items() if count} == KNOWS_ROOMS, "known_rooms.py says which those are"


def test_what_was_said_is_read_by_one_who_knows_who_asks() -> None:
    source = Path(chat_server.__file__).parent
    reads = re.compile(r"journal\.(?:read|search)\(|paging\.(?:page|search)\(")
    found = {path.name for path in (source / "commands").glob("*.py") if reads.search(path.read_text())}
    assert found == {"taking_back.py"}, (
        "rooms/reader.py asks from which line on they read; what deletes lines shows none"
    )
