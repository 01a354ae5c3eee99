"""Texts of somebody's own that they put into the line they are writing: what becomes of one. Pure; never knows where they are kept, nor that line."""

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

from chat_server.protocol.aliases import REST, RESTS_MAX, words_of
from chat_server.protocol.events import Event
from chat_server.protocol.requests import HowMany

KIND = "snippet"
"""Under which of what somebody chooses they are kept: each text by its name's key."""

SNIPPETS_MAX = 50
"""Texts that somebody has."""

TEXT_MAX = 1000
"""Characters of one."""

CURSOR = "$|"
"""Where the cursor stands when it is put in; else at its end."""


class Filled(NamedTuple):
    """A snippet as it is put in, and where the cursor stands then, in characters."""

    text: str
    cursor: int


def snippets_of(choices: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    """The texts of somebody who has chosen this, by their names' keys."""
    return words_of(choices, KIND)


def filled(text: str, rest: str) -> Filled:
    """A snippet with what is typed after its name: where the text says (`$*`), or else where the cursor is to stand."""
    before, _, after = text.partition(CURSOR)
    if REST not in text:
        before += f" {rest}" if rest and before and not before[-1].isspace() else rest
    first, last = before.count(REST), after.count(REST)
    before = before.replace(REST, rest, RESTS_MAX)
    after = after.replace(REST, rest, max(0, RESTS_MAX - first)) if last else after
    return Filled(before + after, len(before))


class SnippetsShown(Event, frozen=True, tag="snippets"):
    """The snippets that the receiver has, or the one that they asked for, each with its text."""

    snippets: tuple[tuple[str, str], ...]


class SnippetSet(Event, frozen=True):
    """The receiver has a snippet of this name from now on. It is told at their other programs, too."""

    sentence: ClassVar[str] = "Snippet {name}: {snippet}"

    name: str
    snippet: str


class SnippetRemoved(Event, frozen=True):
    """The receiver has no snippet of this name any more. It is told at their other programs, too."""

    sentence: ClassVar[str] = "Snippet {name} is removed."

    name: str


class SnippetUsed(Event, frozen=True):
    """A snippet as it is to be put into the line that the receiver is writing; the cursor stands after so many of its characters."""

    sentence: ClassVar[str] = "Snippet {name}: {snippet}"

    name: str
    snippet: str
    cursor: HowMany


SNIPPET_EVENTS: tuple[type[Event], ...] = (SnippetsShown, SnippetSet, SnippetRemoved, SnippetUsed)
