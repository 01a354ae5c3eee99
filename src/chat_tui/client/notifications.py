"""Which lines one is told of when one does not see them. Pure; ui/hearing.py tells, by what ui/terminal.py has for bells and desktops."""

from functools import lru_cache

from chat_server.protocol.entries import Entry
from chat_server.protocol.mentions import Names
from chat_server.protocol.names import name_key
from chat_tui.client.conversing import is_conversation
from chat_tui.settings import NotifyTable


def deserves_notification(line: Entry, me: str, rules: NotifyTable) -> bool:
    """Whether a line counts, by the rules."""
    room = name_key(line.room)
    if not line.alerts or line.nick == me or room in map(name_key, rules.muted):
        return False
    if room in map(name_key, rules.rooms) or (rules.mentions and is_conversation(line.room)):
        return True
    return (rules.mentions and names(me, line.text)) or _of(tuple(rules.words)).are_in(line.text)


@lru_cache(64)
def _name(nick: str) -> Names:
    return Names((nick,))


def names(nick: str, text: str) -> bool:
    """Whether the text names the person."""
    return _name(nick).are_in(text)


@lru_cache(8)
def _of(words: tuple[str, ...]) -> Names:
    return Names(words)


def calling(me: str, rules: NotifyTable) -> Names:
    """What in a text counts as the reader's name."""
    return _of((me, *rules.words))
