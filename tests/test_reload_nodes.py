"""A reload where several servers are one: each node reads its own file, when it is asked to, and people at all of them go on talking."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from postgresql import Database
from test_admin_socket import admin
from test_node_processes import Program, call, node

pytestmark = pytest.mark.slow

__all__ = ["call"]

BEFORE = (
    "[server]\nname = 'before'\n[limits]\ntext_bytes = 1000\nmessages_per_second = 0\nconnections_per_address = 0\n"
)
AFTER = (
    "[rooms]\nnames = ['python', 'tea']\n"
    "[server]\nname = 'after'\n[limits]\ntext_bytes = 200\nmessages_per_second = 0\nconnections_per_address = 0\n"
)


def rules_of(program: Program) -> tuple[str, str]:
    """What the node is called, and what becomes of a long text."""
    program.ask("hello", protocol=2)
    name = program.wait_for("hello")["server"]
    program.ask("say", room="python", text="x" * 500, key="long")
    for line in program._lines:
        if (event := json.loads(line)["is"]) in {"stored", "refused"}:
            return name, event
    raise AssertionError("closed")


def heard_of(program: Program, nick: str) -> list[str]:
    """What somebody has said, up to their last words."""
    texts: list[str] = []
    while texts[-1:] != ["that is all"]:
        said = program.wait_for("said", but="left")
        if said["nick"] == nick:
            texts.append(said["text"])
    return texts


def test_one_node_has_its_settings_changed_the_other_keeps_its_own_and_nobody_misses_a_line(
    database: Database, tmp_path: Path, call: Callable[[int], Program]
) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    with node(database, "a", BEFORE, a) as first, node(database, "b", BEFORE, b) as second:
        people: dict[str, Any] = {"ann": call(first.port).enter("ann"), "bob": call(second.port).enter("bob")}
        watching = {"ann": call(second.port).enter("carol"), "bob": call(first.port).enter("dan")}
        said: dict[str, list[str]] = {"ann": [], "bob": []}

        def talk(text: str) -> None:
            for nick, program in people.items():
                program.ask("say", room="python", text=text, key=f"{nick}-{len(said[nick])}")
                program.wait_for("stored")
                said[nick].append(text)

        file = a / "chat.toml"
        good = file.read_text().replace(BEFORE, AFTER)
        for text, code, told in (
            (good, 0, "changed: server.name, rooms.names, limits.text_bytes"),
            (f"{good}nothing = 1\n", 2, "limits.nothing: unknown key"),
        ):
            file.write_text(text)
            with ThreadPoolExecutor(1) as asking:
                reloading = asking.submit(admin, a, "reload")
                for number in count():
                    talk(f"line {number} before {told}")
                    if reloading.done():
                        break
            done = reloading.result()
            assert (done.returncode, told in done.stdout + done.stderr) == (code, True), done
            talk(f"after {told}")
        talk("that is all")
        assert len(said["ann"]) > 4
        for nick, program in watching.items():
            assert heard_of(program, nick) == said[nick], (
                "each line of somebody at the other node, once and in its order"
            )
        assert rules_of(people["ann"]) == ("after", "refused")
        assert rules_of(people["bob"]) == ("before", "stored")
        for data in (a, b):
            assert "tea" in admin(data, "rooms").stdout, "rooms are those of all nodes"
        assert admin(b, "reload").stdout == "read again; nothing has changed that is in use\n"
        assert rules_of(people["bob"]) == ("before", "stored")
        assert first.stop() == 0
        assert second.stop() == 0
