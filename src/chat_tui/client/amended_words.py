"""What amends lines, as it is read out line by line: to which line somebody replies, what was edited, and reactions, which are told together.

Knows the beginnings of the lines that were written last. Never knows where it is written.
"""

from collections.abc import Iterator
from typing import NamedTuple

from chat_server.protocol.amending import Reacted
from chat_server.protocol.entries import Entry, Spoken
from chat_server.protocol.names import name_key
from chat_tui.language import say

KEPT_MAX = 1000
"""Lines of a room whose beginnings are known: who replies to an older one replies to its number."""

QUOTE_MAX = 40
"""Characters of one: enough to know it again."""

TOGETHER_TICKS = 4
"""Ticks that a reaction waits for others: two seconds."""


class Beginning(NamedTuple):
    """Who has said a line, and how it begins."""

    nick: str
    begins: str


class Beginnings:
    """How the lines of each room begin that were written last."""

    def __init__(self) -> None:
        self._known: dict[str, dict[int, Beginning]] = {}

    def note(self, line: Entry) -> None:
        """Know how a line begins; or that nothing of it is to be known any more."""
        room = self._known.setdefault(name_key(line.room), {})
        room.pop(line.seq, None)
        if not isinstance(line, Spoken):
            return
        begins = " ".join(line.text[: QUOTE_MAX * 2].split())
        is_whole = len(begins) <= QUOTE_MAX and len(line.text) <= QUOTE_MAX * 2
        room[line.seq] = Beginning(line.nick, begins if is_whole else f"{begins[:QUOTE_MAX].rstrip()}…")
        if len(room) > KEPT_MAX:
            del room[next(iter(room))]

    def edited(self, room: str, seq: int, text: str) -> None:
        """A line says something else now."""
        known = self._known.get(name_key(room), {})
        if seq in known:
            begins = " ".join(text[: QUOTE_MAX * 2].split())
            known[seq] = Beginning(known[seq].nick, begins if len(begins) <= QUOTE_MAX else f"{begins[:QUOTE_MAX]}…")

    def forget(self, room: str, first: int, last: int) -> None:
        """Lines are deleted."""
        known = self._known.get(name_key(room), {})
        for seq in [seq for seq in known if first <= seq <= last]:
            del known[seq]

    def replied(self, line: Entry) -> str:
        """What stands after the name of who replies: ` replied to ann "hello"`; nothing, if a line is no reply."""
        if not isinstance(line, Spoken) or not line.re:
            return ""
        known = self._known.get(name_key(line.room), {}).get(line.re)
        if known is None:
            of = {"nick": line.whom, "number": line.re}
            return " " + (
                say("replied to {nick}'s line #{number}", **of) if line.whom else say("replied to #{number}", **of)
            )
        return " " + say('replied to {nick} "{begins}"', nick=known.nick, begins=known.begins)


def marks_behind(line: Entry) -> str:
    """What stands after a line that was edited, or to which people have reacted, by the time it is read."""
    if not isinstance(line, Spoken):
        return ""
    reactions = ", ".join(f"{one.sign} {len(one)}" for one in line.reactions)
    marks = [say("edited")] if line.edited else []
    marks += [say("reactions: {reactions}", reactions=reactions)] if reactions else []
    return "".join(f" ({mark})" for mark in marks)


class Reactions:
    """Reactions that wait a little, so that those to one line are told in one."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, int], list[Reacted]] = {}
        self._since: dict[tuple[str, int], int] = {}
        self._ticks = 0

    def add(self, entry: Reacted) -> None:
        """Somebody has reacted, or has taken that back: then, where both wait, there is nothing to tell."""
        key = (name_key(entry.room), entry.of)
        waiting = self._waiting.setdefault(key, [])
        self._since.setdefault(key, self._ticks)
        undone = [
            one
            for one in waiting
            if (one.text, one.called or one.nick) == (entry.text, entry.called or entry.nick)
            and one.is_back is not entry.is_back
        ]
        if undone:
            waiting.remove(undone[0])
        else:
            waiting.append(entry)

    def tick(self) -> None:
        """Half a second has passed."""
        self._ticks += 1

    def due(self, *, is_over: bool = False) -> Iterator[str]:
        """What is to be told now; all of it, if the program is over."""
        for key in [key for key, since in self._since.items() if is_over or self._ticks - since >= TOGETHER_TICKS]:
            del self._since[key]
            yield from _in_words(self._waiting.pop(key))


def _in_words(reacted: list[Reacted]) -> Iterator[str]:
    given = [one for one in reacted if one.text and not one.is_back]
    if given:
        who = ", ".join(dict.fromkeys(one.nick + one.mark for one in given))
        signs = " ".join(dict.fromkeys(one.text for one in given))
        told = say(
            "{who} reacted to {whom}'s line #{of}: {signs}", who=who, whom=given[0].whom, of=given[0].of, signs=signs
        )
        yield f"[{given[0].room}] {told}"
    for one in reacted:
        if one not in given:
            yield f"[{one.room}] {one.nick}{one.mark} {one.in_words}"
