"""A command is written in one module, its request and its answer too: whoever has to know of it finds it there (tossing.py)."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft202012Validator

from processes import TIMEOUT, ServerProcess

TOSSING = Path(__file__).with_name("tossing.py")


class Tossing(NamedTuple):
    """A server with the command, and what is known of it without asking."""

    port: int
    known: dict[str, Any]

    def converse(self, *lines: str) -> list[str]:
        """What is answered to these lines, the last of which ends the session."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT) as caller:
            caller.sendall("".join(f"{line}\n" for line in lines).encode())
            return caller.makefile(encoding="utf-8").read().splitlines()


@pytest.fixture(scope="module")
def tossing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tossing]:
    folder = tmp_path_factory.mktemp("tossing")
    server = ServerProcess(data=folder / "data", is_forked=False, program=(str(TOSSING), str(folder / "known.json")))
    yield Tossing(server.port, json.loads((folder / "known.json").read_text()))
    server.kill()


def test_people_type_it_and_are_answered_in_its_sentence(tossing: Tossing) -> None:
    told = tossing.converse("/login ann", "/toss", "/fling 2", "/lang zh", "/toss", "/logout")
    assert re.fullmatch(r"\* You have thrown [1-6] in hall\.", told[4])
    assert re.fullmatch(r"\* You have thrown [12] in hall\.", told[5])
    assert re.fullmatch(r"\* You have thrown [1-6] in hall\.", told[7]), "what no catalogue has is said in English"


def test_what_is_wrong_with_it_is_said_before_its_form(tossing: Tossing) -> None:
    told = tossing.converse("/toss 1", "/login ann", "/toss 1", "/toss x", "/toss 6 6", "/tos", "/logout")
    assert told[2] == "* 1 is too small: 2 is the least. Usage: /toss [SIDES]"
    assert told[5:9] == [
        "* 1 is too small: 2 is the least. Usage: /toss [SIDES]",
        '* "x" is not a number. Usage: /toss [SIDES]',
        '* Unexpected: "6". Usage: /toss [SIDES]',
        "* There is no command /tos. Did you mean /toss?",
    ]


def test_it_is_refused_in_a_sentence_of_its_own_at_both_doors(tossing: Tossing) -> None:
    assert "* ann may not play with 13 sides." in tossing.converse("/login ann", "/toss 13", "/logout")
    asked = ({"do": "login", "nick": "bot"}, {"do": "toss", "sides": 13, "ref": 1}, {"do": "logout"})
    refused = json.loads(tossing.converse(*map(json.dumps, asked))[1])
    details = {"nick": "bot", "sides": "13"}
    text = "bot may not play with 13 sides."
    assert refused == {"ref": 1, "is": "refused", "code": "no-dice", "details": details, "room": "", "text": text}


def test_help_lists_it_under_its_heading_and_explains_it(tossing: Tossing) -> None:
    told = tossing.converse("/login ann", "/help talking", "/help toss", "/logout")
    assert told.index("* --- Talking ---") < told.index("* /toss [SIDES] - Throw a die")
    assert told[-5:-1] == [
        "* Usage: /toss [SIDES]",
        "* Throw a die.",
        "* /toss 20 throws one with twenty sides.",
        "* Also: /fling",
    ]


def test_a_room_cannot_be_called_so(tossing: Tossing) -> None:
    assert "* /Fling is a command: choose another name for the room." in tossing.converse(
        "/login ann", "/create Fling", "/logout"
    )


def test_tab_finds_it(tossing: Tossing) -> None:
    assert tossing.known["Tab"] == ["/toss "]


def test_programs_ask_for_it_and_are_answered_in_fields_and_in_the_sentence_in_their_language(tossing: Tossing) -> None:
    asked: list[dict[str, Any]] = [
        {"do": "hello", "protocol": 1},
        {"do": "login", "nick": "bot"},
        {"do": "toss", "sides": 2, "ref": 7},
        {"do": "toss", "sides": 1},
        {"do": "logout"},
    ]
    hello, _, tossed, refused, _ = map(json.loads, tossing.converse(*map(json.dumps, asked)))
    assert tossing.known["described"] in hello["commands"]
    assert tossed.pop("shown") in {1, 2}
    assert re.fullmatch(r"You have thrown [12] in hall\.", tossed.pop("text"))
    assert tossed == {"ref": 7, "is": "tossed", "room": "hall"}
    assert (refused["code"], refused["details"]["field"]) == ("wrong-field", "sides")


def test_what_everybody_is_to_see_of_it_is_a_line_beside_the_answer(tossing: Tossing) -> None:
    asked: list[dict[str, Any]] = [
        {"do": "login", "nick": "bot"},
        {"do": "join", "room": "pm"},
        {"do": "toss", "sides": 12, "room": "pm", "ref": 7},
        {"do": "last", "count": 1, "room": "pm"},
        {"do": "logout"},
    ]
    answers = [json.loads(line) for line in tossing.converse(*map(json.dumps, asked))]
    assert [answer["is"] for answer in answers if answer.get("ref") == 7] == ["tossed"]
    seen = [(answer["room"], answer["nick"], answer["text"]) for answer in answers if answer["is"] == "acted"]
    assert seen == [("pm", "bot", "throws a die")]


def test_the_catalogue_that_programs_are_sent_describes_it(tossing: Tossing) -> None:
    described = tossing.known["described"]
    (sides,) = described["parameters"]
    assert (described["usage"], described["help"], described["group"]) == ("/toss [SIDES]", "Throw a die", "talking")
    assert (described["where"], described["aliases"]) == (["conversation", "hall", "room"], ["fling"])
    assert (sides["kind"], sides["least"], sides["most"]) == ("number", 2, 100)


def test_the_schema_has_its_request_and_its_answer(tossing: Tossing) -> None:
    definitions = tossing.known["schema"]
    for name, value in (
        ("Request", {"do": "toss", "sides": 20, "ref": 1}),
        ("Event", {"is": "tossed", "room": "hall", "shown": 3, "text": "You have thrown 3.", "ref": 1}),
    ):
        validator = Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": definitions})
        validator.validate(value)
        assert not validator.is_valid(value | {"sides": 1, "shown": -1})


def test_hostile_callers_play_it(tossing: Tossing) -> None:
    assert {row[0] for row in tossing.known["rows"]} == {"json", "text", "edited"}
    assert ["text", "/toss 1\n"] in tossing.known["rows"]


def test_its_sentences_are_to_be_translated(tossing: Tossing) -> None:
    wanted = {
        "You have thrown {shown} in {room}.",
        "{nick} may not play with {sides} sides.",
        "Throw a die.",
        "/toss 20 throws one with twenty sides.",
        "SIDES",
    }
    assert wanted <= set(tossing.known["sentences"])


def test_chat_tui_which_does_not_know_it_asks_for_it_where_one_is_and_shows_the_answer(
    tossing: Tossing, tmp_path: Path
) -> None:
    tossing.converse("/login ann", "/create gaming-table", "/logout")
    flags = (
        f"127.0.0.1:{tossing.port}",
        "--plain",
        "--nick",
        "eve",
        "--room",
        "gaming-table",
        "--state",
        str(tmp_path),
    )
    run = subprocess.run(
        [sys.executable, "-m", "chat_tui", *flags],
        input="/toss 20\n/toss x\n/fling\n/toss 12\nhello\n",
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    thrown = r"You have thrown [0-9]+ in gaming-table\."
    wrong = '"x" is not a number. Usage: /toss [SIDES]'
    assert re.search(f"^{thrown}\n{re.escape(wrong)}\n{thrown}\n{thrown}\n", run.stdout, re.MULTILINE), run.stdout
