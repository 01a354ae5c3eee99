"""docs/protocol.md and its schema are true: the session in it is played, what it names exists, the bot runs."""

import json
import re
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from chat_server.commands.table import ANSWERS, COMMANDS
from chat_server.protocol.entries import EVENTS
from chat_server.protocol.requests import REQUESTS, tag_of
from chat_server.protocol.versions import EARLIER_EVENTS, by_tag
from chat_server.wire.json_schema import schema
from processes import ROOT, running_server, terminal

DOCUMENT = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")


def block(name: str) -> list[str]:
    found = re.search(rf"<!-- {name} -->\n```json\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found
    return found[1].splitlines()


def test_the_schema_is_what_the_structs_say() -> None:
    written = json.loads((ROOT / "docs" / "protocol.schema.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(schema(COMMANDS.own, ANSWERS))), "scripts/protocol-schema writes it anew"
    Draft202012Validator.check_schema(written)


def text(name: str) -> list[str]:
    found = re.search(rf"<!-- {name} -->\n```text\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found
    return found[1].splitlines()


def validator(name: str) -> Draft202012Validator:
    whole = schema(COMMANDS.own, ANSWERS)
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": whole["$defs"]})


def test_the_session_is_valid_by_the_schema() -> None:
    for line in block("requests"):
        validator("Request").validate(json.loads(line))
    for line in block("answers"):
        validator("Event").validate(json.loads(line))
    with pytest.raises(Exception, match="not valid"):
        validator("Request").validate({"do": "say", "text": 5})


def same(event: Any) -> Any:
    """What of an event is the same every time."""
    if isinstance(event, dict):
        return {name: same(value) for name, value in event.items() if name not in {"token", "at", "id"}}
    return [same(part) for part in event] if isinstance(event, list) else event


def test_the_session_goes_as_it_stands_through_the_real_nc() -> None:
    with running_server() as server, terminal("nc", "127.0.0.1", str(server.port)) as nc:
        answers = block("answers")
        nc.type("\n".join(block("requests")) + "\n")
        nc.wait_for('"is":"logged-out"}')
        lines = [json.loads(line) for line in nc.seen.splitlines() if '"is":' in line]
        assert same(lines) == same([json.loads(line) for line in answers])
        for line in lines:
            validator("Event").validate(line)


def test_one_person_by_two_sessions_goes_as_it_stands_and_is_one_person_to_a_reader_at_a_terminal() -> None:
    with running_server() as server, terminal("nc", "127.0.0.1", str(server.port)) as nc, ExitStack() as opened:
        nc.type("/login bob\n/join pm\n")
        nc.wait_for("Nobody else is here.")
        seen_before = len(nc.seen)
        streams: dict[str, Any] = {}
        for line in text("two sessions"):
            who, direction, said = line.split(maxsplit=2)
            # First: it takes a while, and who is silent for so long after connecting is greeted as a person is.
            validator("Request" if direction == ">" else "Event").validate(json.loads(said))
            if who not in streams:
                connection = opened.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                streams[who] = opened.enter_context(connection.makefile("rw", newline="\n"))
            if direction == ">":
                streams[who].write(said + "\n")
                streams[who].flush()
            else:
                assert same(json.loads(streams[who].readline())) == same(json.loads(said))
        nc.wait_for("* anna left\n")
        assert [line for line in nc.seen[seen_before:].splitlines() if line] == text("one person")


def test_the_document_names_only_what_there_is() -> None:
    requests = COMMANDS.vocabulary.requests
    tags = {tag_of(kind) for kind in (*EVENTS, *ANSWERS)} | {
        *EARLIER_EVENTS,
        *by_tag(requests, 1),
        *by_tag(requests, 2),
    }
    for line in re.findall(r'\{"(?:do|is)":"([^"]*)"', DOCUMENT):
        assert line in tags


def test_the_document_names_all_that_programs_can_ask_for_or_be_sent_but_what_has_a_text_of_its_own() -> None:
    named = {*re.findall(r"`([a-z-]+)`", DOCUMENT), *re.findall(r'"(?:do|is)":"([a-z-]+)"', DOCUMENT)}
    assert {tag_of(kind) for kind in REQUESTS} <= named
    told = {tag_of(kind) for kind in EVENTS if kind.is_for_programs}
    assert told - named == {"greeted", "entered-hall", "charset-hinted"}, "for terminals"


def test_the_bot_is_short_and_rolls_dice() -> None:
    bot = ROOT / "docs" / "examples" / "dice_bot.py"
    assert len(bot.read_text().splitlines()) <= 40
    with running_server() as server:
        process = subprocess.Popen([sys.executable, str(bot), "127.0.0.1", str(server.port), "python"])
        try:
            with terminal("nc", "127.0.0.1", str(server.port)) as nc:
                nc.type("/login ann\n/python\n")
                nc.wait_for("You are in python")
                while "dice" not in nc.seen:
                    time.sleep(0.1)
                    nc.type("/online\n")
                    nc.wait_for("n python")
                nc.type("!roll\n")
                assert re.search(r"dice: ann rolls [1-6]$", nc.wait_for("rolls ") + nc.wait_for("\n").strip())
        finally:
            process.kill()
            process.wait()


def test_a_caller_who_sends_half_a_line_of_json_and_hangs_up_hurts_nobody() -> None:
    with running_server() as server:
        with socket.create_connection(("127.0.0.1", server.port)) as caller:
            caller.sendall(b'{"do":"lo')
        with socket.create_connection(("127.0.0.1", server.port)) as caller:
            caller.sendall(b'{"do":"hello"}\n')
            assert caller.makefile().readline().startswith('{"is":"hello"')
        assert server.stop() == 0


def test_only_lines_are_said_to_have_a_line_s_number() -> None:
    fields: set[str] = set()

    def look(node: Any, name: str = "") -> None:
        if isinstance(node, dict):
            if node.get("description") == "a line's number in its room":
                fields.add(name)
            for key, value in node.items():
                look(value, name if key in {"anyOf", "items", "prefixItems", "additionalProperties"} else key)
        elif isinstance(node, list):
            for value in node:
                look(value, name)

    look(schema(COMMANDS.own, ANSWERS))
    assert not fields & {"id", "instead_of", "page", "nth"}, fields
    said_to = {"number", "seq", "first", "last", "missed", "after", "before", "rooms", "of", "re", "edited", "reacted"}
    assert fields <= said_to
