"""Answers that are laid out some lines at a time. Knows kinds of readers. Never knows where a session is."""

from collections.abc import Awaitable, Callable, Iterator
from functools import cache
from typing import get_origin, get_type_hints

from chat_server.guard import Guard
from chat_server.protocol.entries import EVENTS, Recalled
from chat_server.protocol.events import Entered, Event, Refused
from chat_server.protocol.setting_events import CharsetHinted
from chat_server.wire.render.profiles import RenderProfile, render_in_pieces, renderer_for

LAID_OUT_WEIGHT = 2
"""How many times as much an answer costs that is shown in colours, in rows or in another charset."""

IN_ORDER = (Entered, Recalled)
"""Lists that are short enough to be shown at once, as they must be: what else a room shows comes after them."""


@cache
def is_list(kind: type[Event]) -> bool:
    """Whether they are events of everybody's that have as many lines as there are people, rooms or lines."""
    if kind in IN_ORDER or kind not in EVENTS:
        return False
    return any(get_origin(hint) is tuple for hint in get_type_hints(kind).values())


async def laid_out(
    event: Event, profile: RenderProfile, take_turn: Callable[[], Awaitable[None]], *, nick: str
) -> bytes:
    """The event as it is shown, laid out in pieces, each in its turn among all that is dear: what was read came to many at once."""
    pieces: list[bytes] = []
    await take_turn()
    for piece in _in_pieces(event, profile, nick):
        if piece is None:
            pieces = [renderer_for(profile)(Refused("cannot-show"))]
        else:
            pieces.append(piece)
        await take_turn()
    return b"".join(pieces)


def _in_pieces(event: Event, profile: RenderProfile, nick: str) -> Iterator[bytes | None]:
    """The event, some lines at a time; None last, if it cannot be shown."""
    with Guard("something could not be shown to a session", nick=nick):
        yield from render_in_pieces(event, profile)
        return
    yield None


def charset_hints() -> bytes:
    """That the charset may be another, in both languages; in the one that it may be, too."""
    return renderer_for(RenderProfile())(CharsetHinted()) + renderer_for(RenderProfile("zh", "gb18030"))(
        CharsetHinted()
    )
