"""What `chat-server doctor` finds at an installation: each finding one sentence, and what to do about it.

Knows what a finding is. Never knows what is looked at, nor how findings are shown.
"""

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """How bad something is, the worst last."""

    GOOD = "good"
    NOTE = "note"
    """It is as somebody may want it; good to know."""
    WARNING = "warning"
    """It works, and will hurt one day."""
    MUST = "must"
    """Something has to be done, or people cannot be served."""


class Finding(NamedTuple):
    """What was looked at, how it is, in one sentence, and what to do, where something is to be done."""

    about: str
    state: State
    sentence: str
    do: str = ""


def good(about: str, sentence: str) -> Finding:
    """It is as it should be."""
    return Finding(about, State.GOOD, sentence)


def note(about: str, sentence: str, do: str = "") -> Finding:
    """Good to know."""
    return Finding(about, State.NOTE, sentence, do)


def warning(about: str, sentence: str, do: str) -> Finding:
    """It will hurt one day."""
    return Finding(about, State.WARNING, sentence, do)


def must(about: str, sentence: str, do: str) -> Finding:
    """It has to be done."""
    return Finding(about, State.MUST, sentence, do)
