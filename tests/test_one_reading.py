"""What is typed means the same, and is refused in the same words, whether the server reads it or chat-tui."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from chat_server.commands.catalogue import described_commands
from chat_server.commands.table import COMMANDS
from chat_server.protocol.incoming import Invalid
from chat_server.protocol.requests import Request, Say
from chat_server.protocol.sanitize import sanitize_lines
from chat_server.protocol.versions import PROTOCOL
from chat_server.sessions.json_session import PARSE
from chat_server.wire.render.sentences import sentence
from chat_tui.client.codec import write
from chat_tui.client.command_line import Misused, parse

DESCRIBED = {word: command for command in described_commands(COMMANDS) for word in (command.name, *command.aliases)}
parse_text = COMMANDS.vocabulary.parse_text
REQUESTS = COMMANDS.vocabulary.words
WORDS = sorted(word for word in REQUESTS if word in DESCRIBED)

GIVEN = "x python -a #4711 0 -3 500 99999999999999999999 1e3 ٣ today -3d 14:30 24:00 plain on 2026-02-30 /me 你好 a\nb"
ARGUMENTS = st.lists(st.sampled_from(GIVEN.split(" ")), max_size=4).map(" ".join)


def of_the_server(text: str) -> object:
    """The request, or the sentence that refuses it."""
    asked = parse_text(text)
    if isinstance(asked, Invalid):
        return sentence(asked.code, asked.details)
    return asked


def of_the_client(text: str) -> object:
    """The request that the server makes of what chat-tui sends, or the sentence that refuses it."""
    asked = parse(text, DESCRIBED, {})
    if isinstance(asked, Misused):
        return asked.why
    fields: dict[str, Any] = dict(asked.fields)
    return PARSE(write(asked.do, **fields).rstrip(b"\n"), 16384, PROTOCOL).request


@given(st.sampled_from(WORDS), ARGUMENTS)
def test_a_command_is_read_alike_by_the_server_and_by_chat_tui(word: str, arguments: str) -> None:
    text = f"/{word} {arguments}".rstrip()
    assert of_the_client(text) == of_the_server(text)


@given(st.text(st.sampled_from("/ab \n"), min_size=1, max_size=12).map(sanitize_lines).filter(str.strip))
def test_what_is_no_command_is_said_alike(text: str) -> None:
    asked = parse_text(text)
    if isinstance(asked, Say) and asked.text.strip():
        assert of_the_client(text) == asked


def test_every_field_that_is_typed_is_one_that_a_program_can_send() -> None:
    for word in WORDS:
        names = {parameter.name for parameter in DESCRIBED[word].parameters}
        request: type[Request] = REQUESTS[word]
        assert names <= {field.name for field in msgspec.structs.fields(request)}


def test_lines_below_a_word_that_may_be_a_mistyped_command_are_said_by_neither() -> None:
    for text in ("/regsiter\nhunter2", "/ｒｅｇｉｓｔｅｒ\nhunter2", "/frob a\nb"):
        assert not isinstance(parse_text(text), Say)
        assert isinstance(of_the_client(text), str)
