"""The server is killed between any two writes of an edit, a reaction, the end of a line that was edited: it was done, or nothing of it was."""

from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from archives import checked
from canary import PASSWORD
from test_kill_accounts import Event, Program, World, arranged, is_in_no_file, killed, register

REFS = count(2)
CANARY = "zanzibarcanary"


def ann(world: World) -> Program:
    """Who has said all of it, in the room."""
    program = world.program()
    program.ask("hello", protocol=2)
    program.ask("login", nick="ann", password=PASSWORD)
    program.ask("join", room="python")
    return program


def asked(program: Program, do: str, **fields: Any) -> Event:
    """The answer to this, whatever else the program is told before it; {} if the server ends."""
    ref = next(REFS)
    with suppress(ConnectionError):
        program.tell(do, ref=ref, **fields)
        return next((event for event in program._events() if event.get("ref") == ref), {})
    return {}


def lines_of(program: Program) -> list[Event]:
    return list(asked(program, "last", room="python", count=9)["lines"])


def arrange(data: Path, *texts: str) -> None:
    with arranged(data) as world:
        program = register(world, "ann")
        program.ask("hello", protocol=2)
        program.ask("join", room="python")
        for text in texts:
            program.ask("say", room="python", text=text)
        asked(program, "search", words="nothing")


def edit(world: World) -> bool:
    """Whether somebody is told that their line is edited, and finds it by what it says now."""
    program = ann(world)
    world.arm()
    with suppress(ConnectionError):
        program.tell("edit", room="python", number=2, text="other")
    if not program.next("edited"):
        return False
    return bool(asked(program, "search", words="other").get("rooms")) and world.server.is_running


@pytest.mark.slow
def test_whenever_the_server_is_killed_a_line_is_edited_with_all_that_belongs_to_it_or_as_it_was(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    arrange(data, "first", CANARY, "third")
    found: list[bool] = []
    for world, is_done in killed(data, edit):
        program = ann(world)
        lines = lines_of(program)
        is_edited = len(lines) == 4
        assert [line["is"] for line in lines] == ["said", "said", "said", "edited"][: 3 + is_edited]
        assert [line["text"] for line in lines] == ["first", "other" if is_edited else CANARY, "third", "other"][
            : 3 + is_edited
        ]
        assert lines[1].get("edited") == (4 if is_edited else None)
        versions = asked(program, "versions", room="python", number=2).get("versions", {})
        assert [one["line"] for one in versions.values()] == [CANARY] * is_edited
        hits = [bool(asked(program, "search", words=words)["rooms"]) for words in ("other", CANARY)]
        assert hits == [is_edited, not is_edited]
        assert is_edited or not is_done
        world.server.stop()
        assert checked(data / "journal.db", data / "search.db").problems == []
        found.append(is_edited)
    assert found == sorted(found)
    assert found[0] != found[-1]


def react(world: World) -> bool:
    program = ann(world)
    world.arm()
    with suppress(ConnectionError):
        program.tell("react", room="python", number=2, sign=":+1:")
    return bool(program.next("reacted"))


@pytest.mark.slow
def test_whenever_the_server_is_killed_a_reaction_stands_at_its_line_and_in_its_entry_or_nowhere(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    arrange(data, "first", "second")
    found: list[bool] = []
    for world, is_done in killed(data, react):
        lines = lines_of(ann(world))
        has_reacted = len(lines) == 3
        assert [line["is"] for line in lines] == ["said", "said", "reacted"][: 2 + has_reacted]
        assert [one["nicks"] for one in lines[1].get("reactions", [])] == [["ann"]] * has_reacted
        assert has_reacted or not is_done
        found.append(has_reacted)
    assert found == sorted(found)
    assert found[0] != found[-1]


def delete(world: World) -> bool:
    """Whether somebody is told that their line is deleted, and it is in no file then."""
    program = ann(world)
    world.arm()
    with suppress(ConnectionError):
        program.tell("delete", room="python", number=2)
    return bool(program.next("redacted")) and is_in_no_file(world, CANARY)


@pytest.mark.slow
def test_whenever_the_server_is_killed_nothing_is_left_of_all_that_a_deleted_line_has_said(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with arranged(data) as world:
        program = register(world, "ann")
        program.ask("hello", protocol=2)
        program.ask("join", room="python")
        for text in ("first", f"{CANARY} second", "third"):
            program.ask("say", room="python", text=text)
        for number in (1, 2):
            asked(program, "edit", room="python", number=2, text=f"{CANARY} edit {number}")
        asked(program, "search", words="nothing")
    found: list[bool] = []
    for world, is_done in killed(data, delete, is_quick=True):
        program = ann(world)
        lines = lines_of(program)
        is_deleted = lines[1]["is"] == "deleted"
        assert (CANARY in str(lines)) != is_deleted
        assert len(lines) == 5 + is_deleted
        versions = asked(program, "versions", room="python", number=2).get("versions", {})
        assert len(versions) == (0 if is_deleted else 2)
        assert bool(asked(program, "search", words=CANARY)["rooms"]) != is_deleted
        assert is_deleted or not is_done
        assert not is_deleted or is_in_no_file(world, CANARY), "the next server leaves nothing of it"
        found.append(is_deleted)
    assert found == sorted(found)
    assert found[0] != found[-1]
