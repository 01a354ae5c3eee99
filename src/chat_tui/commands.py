"""What a typed line asks for, by the server's own catalogue of commands: so new commands work here without a word more. Pure."""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from chat_server.events import CommandDescribed, Parameter

STORED = {"say": "text", "me": "action", "topic": "text"}
"""Requests that become lines, and the field that holds the text."""


class Asked(NamedTuple):
    """A request: its word, its fields, and whether it is for the room where one is."""

    do: str
    fields: dict[str, object]

    @property
    def words(self) -> str | None:
        """The text, if this becomes a line; None if it is a question or an order."""
        text = self.fields.get(STORED.get(self.do, ""))
        return str(text) if text else None


class Misused(NamedTuple):
    """Why a typed line is no request, in one sentence."""

    why: str


def parse(line: str, commands: Mapping[str, CommandDescribed], rooms: Mapping[str, int]) -> Asked | Misused:
    """Turn what was typed into a request.

    Args:
        line: one or more lines, not empty.
        commands: the catalogue, by word.
        rooms: the rooms there are; their names are commands too.

    """
    if not line.startswith("/") or line.startswith("//"):
        return Asked("say", {"text": line.removeprefix("/") if line.startswith("//") else line})
    word, _, rest = line[1:].partition(" ")
    command = commands.get(word.casefold())
    if command is None:
        room = next((name for name in rooms if name.casefold() == word.casefold()), None)
        if room is not None and not rest.strip():
            return Asked("join", {"room": room})
        return Misused(f"There is no command /{word}. /help lists all.")
    fields = _arguments(rest.strip(), command.parameters)
    return Asked(command.name, fields) if fields is not None else Misused(f"Usage: {command.usage}")


def _arguments(text: str, parameters: tuple[Parameter, ...]) -> dict[str, object] | None:
    """The fields; None if they do not fit."""
    fields: dict[str, object] = {}
    flags = {parameter.typed: parameter.name for parameter in parameters if parameter.kind == "flag"}
    while (flag := text.partition(" ")[0]) in flags:
        fields[flags[flag]] = True
        text = text.partition(" ")[2].lstrip()
    for parameter in parameters:
        if parameter.kind == "flag":
            continue
        if not text:
            if parameter.required:
                return None
            continue
        word, _, rest = (text, "", "") if parameter.kind == "text" else text.partition(" ")
        value = _value(word, parameter.kind)
        if value is None:
            return None
        fields[parameter.name] = value
        text = rest.lstrip()
    return None if text else fields


def _value(word: str, kind: str) -> object:
    try:
        if kind == "number":
            return int(word.removeprefix("#"))
        if kind == "date":
            return date.fromisoformat(word).isoformat()
    except ValueError:
        return None
    return word
