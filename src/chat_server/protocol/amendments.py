"""What becomes of lines that were said when an entry amends them: they are deleted, edited, or people react to them. Pure.

Whoever applies the entries that they missed to lines read earlier (`after`) has the lines as they are read now. Never knows who may amend what,
nor where lines are kept.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar, cast

from msgspec.structs import replace

from chat_server.protocol.amending import Edited, Ranges, Reacted, Reaction, Redacted, reaction_of
from chat_server.protocol.entries import Amending, Entry, Line, LineBlocked, Spoken
from chat_server.protocol.names import name_key
from chat_server.protocol.redactions import can_be_deleted, deleted, has

L = TypeVar("L", bound=Line)

SIGNS_MAX = 20
"""Different signs with which people react to one line."""

REACTING_MAX = 100
"""People who react to one line with one sign: what a crowd does is seen by then, and the line is sent whole to whoever reads it."""


def amended(entry: Amending) -> Ranges:
    """The numbers of the lines that it amends."""
    return entry.of if isinstance(entry, Redacted) else ((entry.of, entry.of),)


def concerns(entry: Amending, line: Entry) -> bool:
    """Whether the line may be another one after the entry: it is amended, or has amended what is."""
    if isinstance(line, Edited):
        return (
            line.seq < entry.seq and bool(line.text) and not isinstance(entry, Reacted) and has(amended(entry), line.of)
        )
    return has(amended(entry), line.seq)


def after(line: Entry, entry: Amending) -> Entry:
    """The line, as it is after the entry."""
    if not concerns(entry, line):
        return line
    if isinstance(line, Edited):
        return replace(line, text="")
    if isinstance(entry, Redacted):
        return deleted(line) if can_be_deleted(line) else line
    if not isinstance(line, Spoken) or not entry.text:  # edited again since, or more than may be known of it
        return line
    if isinstance(entry, Edited):
        return replace(line, text=entry.text, edited=entry.seq)
    return _after_reaction(line, entry)


def _after_reaction(line: Spoken, entry: Reacted) -> Spoken:
    """The line after a reaction, unless it stands so already: one that is put in again could come to stand at another place."""
    reactions = reacted(line.reactions, entry) if entry.seq > line.reacted else line.reactions
    return line if reactions == line.reactions else replace(line, reactions=reactions, reacted=entry.seq)


def all_after(lines: Iterable[Entry], entry: Amending) -> list[Entry]:
    """All of these, as they are after the entry."""
    return [after(line, entry) for line in lines]


def amends_nothing(entry: Edited | Reacted, line: Entry | None) -> bool:
    """Whether the line, which is that of its number (None: there is none any more), can be amended so no longer."""
    if not isinstance(line, Spoken):
        return True
    if isinstance(entry, Edited):
        return False
    return reacted(line.reactions, entry) == line.reactions


def without_effect(entry: Edited | Reacted) -> Edited | Reacted:
    """The entry, where there was nothing left to amend: no text stands in it."""
    return replace(entry, text="")


def referred_to(line: Entry) -> int:
    """The number of the line of which it says something; 0: of none in particular."""
    if isinstance(line, Edited | Reacted):
        return line.of
    return line.re if isinstance(line, Spoken) else 0


def bare(line: Entry) -> Entry:
    """The entry for whoever may not see the line of which it says something: its number, and nothing of that line."""
    if isinstance(line, Reacted):
        return replace(line, text="", whom="", account=0, called="")
    if isinstance(line, Edited):
        return replace(line, text="")
    return replace(line, whom="", account=0, quote="") if isinstance(line, Spoken) and line.re else line


def as_readable(lines: Iterable[L], since: int) -> list[L]:
    """The entries for whoever reads from the number `since` on."""
    return [
        cast(L, bare(line)) if not isinstance(line, LineBlocked) and 0 < referred_to(line) < since else line
        for line in lines
    ]


ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"

QUOTE_MAX = 40
"""Characters of a line that are quoted where somebody replies to it: enough to know it again."""


def quote_of(line: Spoken) -> str:
    """How a line begins, with who has said it."""
    begins = " ".join(line.text[: QUOTE_MAX * 2].split())
    is_whole = len(begins) <= QUOTE_MAX and len(line.text) <= QUOTE_MAX * 2
    return f"{line.nick}: {begins if is_whole else begins[:QUOTE_MAX].rstrip() + ELLIPSIS}"


def reacted(reactions: Sequence[Reaction], entry: Reacted) -> tuple[Reaction, ...]:
    """The reactions to a line after one more, unless there are too many, or after one that is taken back."""
    changed = [_changed(one, entry) if one.sign == entry.text else one for one in reactions]
    is_new = all(one.sign != entry.text for one in reactions) and not entry.is_back
    if is_new and len(reactions) < SIGNS_MAX:
        changed.append(reaction_of(entry.text, [(entry.nick, entry.author)]))
    return tuple(one for one in changed if one.nicks)


def _changed(reaction: Reaction, entry: Reacted) -> Reaction:
    """The reaction after the entry, whose author is known by their account, or, having none, by their name as it is written there (see `name_of`)."""
    people, called = reaction.people, entry.called or entry.nick
    theirs = [whose == entry.author and (whose != 0 or nick == called) for nick, whose in people]
    place = theirs.index(True) if any(theirs) else None
    if entry.is_back and place is not None:
        del people[place]
    elif not entry.is_back and place is None and len(people) < REACTING_MAX:
        people.append((entry.nick, entry.author))
    return reaction_of(reaction.sign, people)


def name_of(line: Spoken, sign: str, account: int, nick: str) -> str | None:
    """Under which name somebody, who has this account (0: none) and is called so, has reacted to the line with this sign; None: they have not."""
    for one in line.reactions:
        for name, whose in one.people if one.sign == sign else ():
            if whose == account and (account or name_key(name) == name_key(nick)):
                return name
    return None
