"""What the server says of an entry, in the language that is spoken here: what stands after the nickname, which is shown in its own way. Pure.

The sentences are the server's, and so are their translations. Never knows how it is shown.
"""

from chat_server.protocol.choices import SOURCE
from chat_server.protocol.stored_event import Shape, StoredEvent
from chat_server.wire.render.languages import translator_for
from chat_tui.language import spoken

_NICK, _TEXT = "{nick}", "{text}"


def told(entry: StoredEvent) -> str:
    """What stands after the nickname where the server says it in its own words."""
    if spoken() == SOURCE:
        return entry.in_words
    return _sentence(entry.own_sentence).removeprefix(_NICK).lstrip(": ").format(**entry.details)


def between(shape: Shape) -> str:
    """What stands between the nickname and a text that its author has written."""
    if spoken() == SOURCE or not shape.is_sentence:
        return shape.between
    return _sentence(shape.sentence).removeprefix(_NICK).removesuffix(_TEXT)


def _sentence(sentence: str) -> str:
    """It in the language, if the nickname stands first in that too."""
    translated = translator_for(spoken()).word(sentence)
    return translated if translated.startswith(_NICK) else sentence
