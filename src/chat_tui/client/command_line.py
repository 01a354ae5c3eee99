"""What a typed line asks for, by the server's own catalogue of commands: so new commands work here without a word more. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

from chat_server.protocol.described import CommandDescribed
from chat_server.protocol.entries import KIND_BY_WORD
from chat_server.protocol.names import BadName, name_key, parse_name
from chat_server.protocol.requests import REQUESTS, tag_of
from chat_server.protocol.typed import Misuse, command_in, form_of, read_arguments, unexpected, unknown_command
from chat_tui.language import message, say, sentences

REPLY = "re"
"""The request of who replies by a command."""

ASKED_ANYWHERE = {tag_of(request) for request in REQUESTS if not request.is_about_its_place}
"""Requests that are answered in the same way in each place where they work. Of those that are known from the catalogue alone nobody can say so."""


NOT_SAID = message("These lines were not said. To say them, put /say before them.")


class Asked(NamedTuple):
    """A request: its word, its fields, and whether it is for the room where one is."""

    do: str
    fields: dict[str, object]

    @property
    def says(self) -> str:
        """The request that says it, if this becomes a line: who replies says something."""
        return "say" if self.do == REPLY else self.do

    @property
    def re(self) -> int:
        """The number of the line to which it replies; 0: to none."""
        number = self.fields.get("number") if self.do == REPLY else 0
        return number if isinstance(number, int) else 0

    @property
    def words(self) -> str | None:
        """The text, if this becomes a line; None if it is a question or an order."""
        kind = KIND_BY_WORD.get(self.says)
        text = kind and self.fields.get(kind.text_field)
        return str(text) if text else None


class Misused(NamedTuple):
    """Why a typed line is no request, in one sentence; and the room that it may have named, if it is a word that is known for nothing else."""

    why: str
    room: str = ""


def parse(
    text: str, commands: Mapping[str, CommandDescribed], rooms: Mapping[str, int], language: str = "en"
) -> Asked | Misused:
    """Turn what was typed into a request.

    Args:
        text: one or more lines, not empty.
        commands: the catalogue, by word.
        rooms: the rooms there are; their names are commands too.
        language: in which to say what is wrong.

    """
    found = command_in(text, lambda word: word.casefold() in commands)
    if isinstance(found, str):
        return Asked("say", {"text": found})
    word, rest = found
    command = commands.get(word.casefold())
    if command is not None:
        given = read_arguments(rest, form_of(command.parameters))
        return misused(given, command.usage, language) if isinstance(given, Misuse) else Asked(command.tag, given)
    room = next((name for name in rooms if name_key(name) == name_key(word)), None)
    if room is None:
        wrong = misused(unknown_command(word, [*commands, *rooms]), "", language)
        if "\n" in text:
            return Misused(sentences(wrong.why, say(NOT_SAID)))
        return wrong if rest or not is_name(word) else wrong._replace(room=word)
    if rest:
        return misused(unexpected(rest), f"/{room}", language)
    return Asked("join", {"room": room})


def is_name(word: str) -> bool:
    """Whether a room could be called so."""
    try:
        parse_name(word)
    except BadName:
        return False
    return True


def misused(wrong: Misuse, usage: str, language: str) -> Misused:
    """What is wrong, in the sentence that the server has for it."""
    from chat_server.wire.render.sentences import sentence  # noqa: PLC0415 - its time zones cost 10 ms that the first paint need not wait for

    if not usage:
        return Misused(sentence(wrong.code, wrong.details, language))
    return Misused(sentence("usage", {"usage": usage, "why": wrong.code, **wrong.details}, language))
