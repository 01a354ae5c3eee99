"""Which lines one is told of when one does not see them. Pure; ui/hearing.py tells, by what ui/terminal.py has for bells and desktops."""

from functools import lru_cache

from chat_server.protocol.entries import Entry, Spoken
from chat_server.protocol.mentions import Names
from chat_server.protocol.names import name_key
from chat_server.protocol.stored_event import StoredEvent
from chat_tui.client.conversing import is_conversation
from chat_tui.client.room_choices import NOTHING_CHOSEN, Chosen
from chat_tui.settings import NotifyTable


def deserves_notification(line: Entry, me: str, rules: NotifyTable, chosen: Chosen = NOTHING_CHOSEN) -> bool:
    """Whether a line counts, by the rules and by what is chosen for its room, which goes first."""
    if not line.alerts or line.nick == me or chosen.notify == "nothing":
        return False
    if chosen.notify == "all":
        return True
    room = name_key(line.room)
    if not chosen.notify and room in map(name_key, rules.muted):
        return False
    calls = rules.mentions or chosen.notify == "mentions"
    is_loud = chosen.notify == "mentions" or not chosen.is_muted
    if is_loud and calls and is_conversation(line.room):
        return True
    if is_loud and not chosen.notify and room in map(name_key, rules.rooms):
        return True
    return (calls and (replies_to(line, me) or names(me, line.text))) or _of(tuple(rules.words)).are_in(line.text)


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
