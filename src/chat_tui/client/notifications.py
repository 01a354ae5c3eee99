"""Which lines one is told of when one does not see them. Pure; attention.py says when."""

from collections.abc import Sequence
from functools import lru_cache

from chat_server.protocol.entries import Entry, Spoken
from chat_server.protocol.mentions import Names
from chat_server.protocol.names import name_key
from chat_server.protocol.stored_event import StoredEvent
from chat_tui.client.conversing import is_conversation
from chat_tui.client.room_choices import NOTHING_CHOSEN, Chosen
from chat_tui.settings import How, NotifyTable


def how_told(line: Entry, me: str, rules: NotifyTable, chosen: Chosen = NOTHING_CHOSEN) -> How:
    """How one is told of a line, by the rules and by what is chosen for its room, which goes first; False: not at all."""
    room = name_key(line.room)
    if not line.alerts or line.nick == me or chosen.notify == "nothing":
        return False
    if not chosen.notify and room in map(name_key, rules.muted):
        return False
    is_loud = bool(chosen.notify) or not chosen.is_muted
    ways: list[How] = []
    if replies_to(line, me) or names(me, line.text):
        ways.append(rules.mentions or bool(chosen.notify))
    if is_loud and is_conversation(line.room):
        ways.append(rules.direct or bool(chosen.notify))
    if _of(tuple(rules.words)).are_in(line.text):
        ways.append(rules.words_by)
    if chosen.notify == "all" or (is_loud and not chosen.notify and room in map(name_key, rules.rooms)):
        ways.append(rules.rooms_by or bool(chosen.notify))
    return _together(ways)


def _together(ways: Sequence[How]) -> How:
    """What several say together of one line."""
    found = {way for way in ways if way}
    return found.pop() if len(found) == 1 else bool(found)


@lru_cache(64)
def _name(nick: str) -> Names:
    return Names((nick,))


def names(nick: str, text: str) -> bool:
    """Whether the text names the person."""
    return _name(nick).are_in(text)


def replies_to(line: StoredEvent, nick: str) -> bool:
    """Whether a line replies to one of the person's, which is as good as their name."""
    return isinstance(line, Spoken) and bool(line.re) and line.whom == nick


@lru_cache(8)
def _of(words: tuple[str, ...]) -> Names:
    return Names(words)


def calling(me: str, rules: NotifyTable) -> Names:
    """What in a text counts as the reader's name."""
    return _of((me, *rules.words))
