"""Why somebody may not edit a line of theirs, or react to one; and who may not see of what that is about. Pure.

Whose line it is, and how old it may be, the command says that asks for it (commands/amending.py).
"""

from collections.abc import Callable
from typing import Protocol

from chat_server.protocol.amending import Edited, Ranges, Reacted, Redacted
from chat_server.protocol.entries import Enacted, Entry, Spoken, TopicSet
from chat_server.protocol.events import Refused
from chat_server.protocol.redactions import has
from chat_server.protocol.requests import Say
from chat_server.protocol.room_state import RoomState
from chat_server.rooms.line_rules import Hold, Verdict
from chat_server.rooms.room import Occupant

LineOf = Callable[[int], Entry | None]
"""The line with a number, if it is known: that of whatever is about to be amended is."""


class Rules(Protocol):
    """What may be said in a room."""

    def refusal_to_say(self, session: Occupant, request: Say, now: float, state: RoomState) -> Refused | None:
        """Why somebody may not say this here; None if they may."""
        ...

    def verdict(self, session: Occupant, request: Say, now: float, state: RoomState) -> Verdict:
        """What becomes of something that somebody may say here."""
        ...


def refusal_to_amend(
    rules: Rules, session: Occupant, entry: Edited | Reacted, now: float, state: RoomState
) -> Refused | None:
    """Why somebody may not give a line another text, or react to one; None if they may: what nobody may say there, no line comes to say."""
    request = Say(entry.text if isinstance(entry, Edited) else "")
    refusal = rules.refusal_to_say(session, request, now, state)
    if refusal is not None or isinstance(entry, Reacted):
        return refusal
    verdict = rules.verdict(session, request, now, state)
    return Refused("edit-waits") if isinstance(verdict, Hold) else verdict


class AmendingTurn:
    """What one turn of a room amends, as far as later entries of it hang on that."""

    def __init__(self, line: LineOf | None) -> None:
        """Know lines by `line`; None: they are somebody else's business."""
        self._line = line
        self._deleted: Ranges = ()

    def begin(self) -> None:
        """Another turn begins."""
        self._deleted = ()

    def refusal_of(self, entry: Enacted | Redacted | Edited | Reacted | TopicSet) -> Refused | None:
        """Why a line cannot be amended that was read a moment ago: it has been deleted since, or is not known any more."""
        if isinstance(entry, Redacted):
            self._deleted += entry.of
        return None if self._line is None else refusal_of_amending(entry, self._line, self._deleted)


def refusal_of_amending(
    entry: Enacted | Redacted | Edited | Reacted | TopicSet, line: LineOf, deleted: Ranges = ()
) -> Refused | None:
    """Why an entry amends a line no more, which has been deleted since it was read, or was read too long ago."""
    if not isinstance(entry, Edited | Reacted):
        return None
    if has(deleted, entry.of) or not isinstance(line(entry.of), Spoken):
        return Refused("line-changed", {"number": str(entry.of)})
    return None
