"""The doors: each kind of caller that one port serves, or turns away, is declared here once: how it is told, and which codec and session serve it.

Knows codecs and sessions. Never knows sockets or clocks.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from msgspec import Struct

from chat_server import __version__
from chat_server.commands.table import COMMANDS, REFUSALS, distinct_refusals
from chat_server.guard import Guard
from chat_server.protocol.events import Dismissed, Event, Greeted
from chat_server.sessions.caller import Caller
from chat_server.sessions.context import SessionContext
from chat_server.sessions.json_session import PARSE, JsonSession, bounds_of
from chat_server.sessions.session import ChatSession
from chat_server.sessions.text_session import TextSession
from chat_server.wire.detect import HTTP_REFUSAL, HTTP_STARTS, JSON_STARTS, TLS_STARTS, detect
from chat_server.wire.json_lines import JsonDecoder
from chat_server.wire.json_lines import renderer_for as json_renderer_for
from chat_server.wire.proxy_protocol import PROXY_STARTS
from chat_server.wire.render.profiles import RenderProfile, renderer_for
from chat_server.wire.render.sentences import SENTENCES
from chat_server.wire.text import TextDecoder

PRELOGIN_LINE_BYTES = 1024
"""Bytes in the line of a person who has not logged in: a name, and a command or two."""

_GREETED = Greeted(__version__)
_GUARD = Guard("a caller could not be greeted")

PARSE_TEXT = COMMANDS.vocabulary.parse_text
"""Reads what people ask for."""

distinct_refusals(REFUSALS, SENTENCES)  # here the commands and the sentences meet


def _as_text(language: str) -> Callable[[Event], bytes]:
    return renderer_for(RenderProfile(language))


class Door(Struct, frozen=True):
    """A kind of caller."""

    name: str
    starts: tuple[bytes, ...] = ()
    """What such a caller sends first."""
    begin: Callable[[SessionContext, Caller, bytes], ChatSession[Any]] | None = None
    """Begins its session, with what it has sent; None where such callers are not served."""
    renderer: Callable[[str], Callable[[Event], bytes]] = _as_text
    """How such callers are told things that need no session, in a language."""
    refusal: bytes = b""
    """What it gets where it is not served, in its own tongue."""
    dismissal: Dismissed | None = None
    """What is told instead where people read it."""


def _begin_person(context: SessionContext, caller: Caller, first: bytes) -> TextSession:
    limits = context.limits
    line_bytes = min(limits.line_bytes, PRELOGIN_LINE_BYTES)
    decoder = TextDecoder(PARSE_TEXT, line_bytes, in_runs=not limits.messages_per_second)
    session = TextSession(caller, decoder, context)
    session.begin(first)
    if not _GUARD.attempt(_greet, session):
        session.send(_GREETED)
    return session


@lru_cache(maxsize=64)
def _greeting(render: Callable[[Event], bytes]) -> bytes:
    """What a newcomer is told first, put in words once for each kind of reader."""
    return render(_GREETED)


def _greet(session: TextSession) -> None:
    session.push(_greeting(session.render))


def _begin_program(context: SessionContext, caller: Caller, first: bytes) -> JsonSession:
    limits = context.limits
    decoder = JsonDecoder(PARSE, *bounds_of(limits), in_runs=not limits.messages_per_second)
    session = JsonSession(caller, decoder, context)
    session.begin(first)
    return session


PERSON = Door("text", begin=_begin_person)
"""Callers that are silent, or begin in no other way: on telnet, nc, or anything else that sends lines of text."""

PROGRAM = Door("JSON lines", JSON_STARTS, _begin_program, renderer=partial(json_renderer_for, protocol=1))
HTTP = Door("HTTP", HTTP_STARTS, refusal=HTTP_REFUSAL)
TLS = Door("TLS", TLS_STARTS)
"""Those who want to be told apart again when it has begun (server/handshakes.py). Where it is not served it gets no answer: its clients would take
any for a broken one."""

PROXY = Door(
    "PROXY from an address that is not in [proxy] trusted", PROXY_STARTS, dismissal=Dismissed("untrusted-proxy")
)
"""Whoever could say from where they connect could pass for anybody."""

DOORS = (PROGRAM, TLS, HTTP, PROXY)
"""Those who speak first."""


_FIRST_BYTES = frozenset(start[0] for door in DOORS for start in door.starts)


def door_of(first: bytes) -> Door | None:
    """The door of a caller who has sent these bytes; None when more are needed to know."""
    if first and first[0] not in _FIRST_BYTES:  # as nearly everybody who has been told what to type
        return PERSON
    return detect(first, DOORS, PERSON)
