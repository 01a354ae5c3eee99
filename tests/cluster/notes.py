"""What somebody was told, in order, and what they said: the notes against which the log is held. Pure."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Event = dict[str, Any]

LINES = frozenset(("said", "acted", "noticed", "topic"))
"""Events that are lines of a room."""


class Note(NamedTuple):
    """Something that somebody was told, as the event that programs get of it, and when."""

    at: float
    event: Event


@dataclass
class Visit:
    """One connection, from its login to its end."""

    node: str
    is_program: bool = True
    notes: list[Note] = field(default_factory=list)
    has_ended: bool = False

    def lines(self) -> Iterator[tuple[float, Event]]:
        """Lines that came as they were said, and when."""
        return ((note.at, note.event) for note in self.notes if note.event["is"] in LINES)

    def read(self) -> Iterator[Event]:
        """Lines that came as what had been said before."""
        for _, event in self.notes:
            if event["is"] in {"page", "recalled"}:
                yield from event["lines"]


@dataclass
class Client:
    """Somebody who talks, by one connection after the other. No two lines that are said anywhere have the same text.

    Who `resumes` comes back to every room where they were, and wants everything that was said since they were first there.
    """

    name: str
    resumes: bool = False
    visits: list[Visit] = field(default_factory=list)
    said: dict[str, tuple[str, str]] = field(default_factory=dict)
    """What was said with a key: by the key, in which room, and the text."""
    said_without: dict[str, str] = field(default_factory=dict)
    """What was said without a key: by the text, in which room."""
    given_up: set[str] = field(default_factory=set)
    """Keys of lines that are not stored, as was said, and were not sent again."""

    @property
    def texts(self) -> set[str]:
        """Everything that was said."""
        return {text for _, text in self.said.values()} | set(self.said_without)


_MARK = re.compile(r"(\?| \[bot\])$")
_OTHERS = re.compile(r"(?:, | )and (\d+) others?$")


def names_in(text: str) -> tuple[list[str], int]:
    """The names in `ann, bob and 3 others`, and how many others there are."""
    others = int(text.endswith(","))  # it goes on in the next line
    text = text.removesuffix(",")
    if found := _OTHERS.search(text):
        text, others = text[: found.start()], int(found[1])
    names = re.split(r", | and ", text)
    return [_MARK.sub("", name) for name in names], others


def _again(found: re.Match[str], room: str) -> Event:
    line = {"is": "said", "seq": int(found[1]), "nick": _MARK.sub("", found[2]), "text": found[3], "room": room}
    return {"is": "recalled", "room": room, "lines": [line]}


def _people(kind: str, text: str, room: str) -> Event:
    nicks, more = names_in(text)
    return {"is": kind, "room": room, "nicks": nicks, "more": more}


def _renamed(found: re.Match[str], room: str) -> Event:
    return {"is": "renamed", "old": _MARK.sub("", found[1]), "new": _MARK.sub("", found[2]), "room": room}


_TOLD: list[tuple[re.Pattern[str], Callable[[re.Match[str], str], Event]]] = [
    (re.compile(r"#(\d+) \d\d:\d\d ([^\s:]+): (.*)"), _again),
    (re.compile(r"\* (\S+) is now (\S+)"), _renamed),
    (re.compile(r"\* (.*) (joined|left)"), lambda found, room: _people(found[2], found[1], room)),
    (
        re.compile(r"\* You are in (\S+)\."),
        lambda found, _: {"is": "entered", "room": found[1], "nicks": [], "more": 0},
    ),
    (re.compile(r"\* Also here: (.*)"), lambda found, room: _people("also-here", found[1], room)),
    (
        re.compile(r"([^\s*~#:-][^\s:]*): (.*)"),
        lambda found, room: {"is": "said", "room": room, "nick": _MARK.sub("", found[1]), "text": found[2]},
    ),
]


def event_of(line: str, room: str) -> Event:
    """What somebody at a terminal is told by a line, who is in this room, as the event that programs get of it."""
    for pattern, event in _TOLD:
        if found := pattern.fullmatch(line):
            return event(found, room)
    return {"is": "told", "text": line, "room": room}
