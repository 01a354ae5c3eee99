"""What is stored, made fit to be shown: the one way from a journal's file to the server's rooms.

The rules for what is said grow stricter with each release, and whoever has the file can write anything into it; what is stored stays as it
is. So what is read to be shown is cleaned once more, and keeps its number. Pure.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from msgspec.structs import replace

from chat_server.journal.batch_codec import Stored, Unknown
from chat_server.protocol.amending import Reaction, reaction_of
from chat_server.protocol.entries import Entry
from chat_server.protocol.names import NAME_MAX, BadName, may_stand_in_a_name, parse_name
from chat_server.protocol.requests import NUMBER_MAX
from chat_server.protocol.room_state import EMPTY, RoomState, is_rule, read
from chat_server.protocol.runs import Piece, RunTexts, SaidRun, pieces_of
from chat_server.protocol.sanitize import sanitize, sanitize_lines
from chat_server.protocol.time_zones import is_possible, possible

_DEL = 0x7F


def showable(lines: Iterable[Stored]) -> list[Entry]:
    """The lines that can be shown, as they may be: those of a kind that this release does not know are left out."""
    return [_showable(line) for line in lines if not isinstance(line, Unknown)]


def showable_in_runs(lines: Sequence[Stored]) -> list[Piece]:
    """The same, where runs stay what they are if all of their lines may be shown as they stand."""
    shown: list[Piece] = []
    for piece in pieces_of(lines):
        if type(piece) is SaidRun:
            shown += (piece,) if _is_showable(piece) else showable(piece)
        elif not isinstance(piece, Unknown):
            shown.append(_showable(piece))
    return shown


def _is_showable(run: SaidRun) -> bool:
    return (
        showable_name(run.nick) == run.nick
        and (_is_plain(run.texts) or all(showable_text(text) == text for text in run.texts))
        and all(map(is_possible, run.times))
    )


def _is_plain(texts: RunTexts) -> bool:
    """Whether all of them are ASCII that can be printed. No control character is in a run's texts but, perhaps, DEL."""
    return texts.together.isascii() and _DEL not in texts.together


def _showable(line: Entry) -> Entry:
    nick, text, at = showable_name(line.nick), showable_text(line.text), possible(line.at)
    beside: dict[str, object] = {}
    for name in ("whom", "called"):
        if whom := getattr(line, name, ""):
            beside[name] = showable_name(whom)
    if reactions := getattr(line, "reactions", ()):
        beside["reactions"] = tuple(map(_showable_reaction, reactions))
    if until := getattr(line, "until", 0.0):
        beside["until"] = possible(until)
    is_same = nick == line.nick and text == line.text and at == line.at
    if is_same and all(getattr(line, name) == value for name, value in beside.items()):
        return line
    return replace(line, nick=nick, text=text, at=at, **beside)


def _showable_reaction(one: Reaction) -> Reaction:
    return reaction_of(showable_topic(one.sign), [(showable_name(nick), whose) for nick, whose in one.people])


def showable_text(text: str) -> str:
    """The text without anything that could act on a terminal."""
    return text if text.isascii() and text.isprintable() else sanitize_lines(text)


def showable_topic(topic: str) -> str:
    """The topic, as one line."""
    return sanitize(" ".join(topic.splitlines()))


def showable_state(text: str) -> RoomState:
    """What follows from a room's log, as it is kept; what nobody can read is as if nothing had been set."""
    try:
        state = read(text)
    except ValueError:
        return EMPTY
    rules = {name: value for name, value in state.rules.items() if is_rule(name, value)}
    curbs = tuple(
        replace(
            one,
            whom=showable_name(one.whom),
            by=showable_name(one.by),
            reason=showable_topic(one.reason),
            until=possible(one.until),
        )
        for one in state.curbs
        if 1 <= one.id < NUMBER_MAX
    )
    names = {account: showable_name(name) for account, name in state.names.items()}
    filters = {account: showable_name(name) for account, name in state.filters.items()}
    next_id = max((state.next_id if 1 <= state.next_id < NUMBER_MAX else 1, *(one.id + 1 for one in curbs)))
    invitations = {
        account: replace(one, whom=showable_name(one.whom), by=showable_name(one.by), until=possible(one.until))
        for account, one in state.invitations.items()
    }
    bounds = {account: min(max(0, seq), NUMBER_MAX) for account, seq in state.bounds.items()}
    floor = min(max(0, state.floor), NUMBER_MAX)
    state = replace(state, invitations=invitations, bounds=bounds, floor=floor, filters=filters)
    return replace(state, rules=rules, curbs=curbs, names=names, next_id=next_id)


@lru_cache(4096)
def showable_name(name: str) -> str:
    """The name or, if nobody could be called that today, one like it that nobody can take for the server's word."""
    if _is_name(name):
        return name
    parts = [part if may_stand_in_a_name(part) else "_" for part in sanitize(name[:NAME_MAX])]
    for candidate in ("".join(parts), "".join(["_", *parts])[:NAME_MAX], "".join([*parts[: NAME_MAX - 1], "_"])):
        if _is_name(candidate):
            return candidate
    return "_"


def _is_name(name: str) -> bool:
    try:
        return parse_name(name) == name
    except BadName:
        return False
