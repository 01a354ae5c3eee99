"""Words of somebody's own, each with a text: they are listed, shown, kept and removed in one way, whatever they are for (aliases.py, snippets.py).

Never knows what a text may be, nor how it is kept.
"""

from collections.abc import Callable, Mapping

from msgspec import Struct

from chat_server.commands.chosen import note_words
from chat_server.protocol.aliases import words_of
from chat_server.protocol.events import Event, Refused
from chat_server.protocol.names import BadName, name_key, parse_name
from chat_server.rooms.room import MaybeAwaitable, Occupant, Room

REMOVES = "-"
"""The text of a word that is to stand for nothing any more."""


class OwnWords(Struct, frozen=True):
    """A kind of such words, and what somebody is told of them."""

    kind: str
    """Under which of what somebody chooses they are kept."""
    shown: Callable[[tuple[tuple[str, str], ...]], Event]
    kept: Callable[[str, str], Event]
    removed: Callable[[str], Event]
    unknown: Callable[..., Refused]
    """Refuses a word that stands for nothing, which is the `name` among its details."""


Check = Callable[[Mapping[str, str], str, str], Refused | None]
"""Why a word cannot have a text, by those that somebody has, the word's key and the text; None: it can."""


def choose_words(
    place: Room, session: Occupant, own: OwnWords, name: str, text: str, *, check: Check
) -> MaybeAwaitable:
    """Have a word stand for a text; without a text, show what it stands for; without a word, all of them."""
    kept = words_of(session.person.choices, own.kind)
    key = key_of(name) if name else ""
    if isinstance(key, Refused):
        session.send(key)
        return None
    if (answer := _answer(own, kept, key, text, check)) is not None:
        session.send(answer)
        return None
    if text == REMOVES:
        return note_words(place, session, own.kind, {key: None}, own.removed(key))
    return note_words(place, session, own.kind, {key: text}, own.kept(key, text))


def _answer(own: OwnWords, kept: Mapping[str, str], key: str, text: str, check: Check) -> Event | None:
    """What there is to say where nothing is kept and nothing removed; None: something is."""
    if not key:
        return own.shown(tuple(sorted(kept.items())))
    if text not in {"", REMOVES}:
        return check(kept, key, text)
    if (known := kept.get(key)) is None:
        return own.unknown(details={"name": key})
    return None if text else own.shown(((key, known),))


def key_of(name: str) -> str | Refused:
    """The key of a word, as it was typed; or why it can be none."""
    try:
        return name_key(parse_name(name))
    except BadName as error:
        return Refused(error.code, error.details)
