"""How a caller arrives: from its first byte to its session.

Knows the doors, and how long a silent caller is waited for. Never knows who is let in, nor what becomes of a session.
"""

from contextlib import suppress
from typing import Any

import trio

from chat_server.logs import Sampler
from chat_server.protocol.events import Dismissed
from chat_server.sessions.caller import Caller
from chat_server.sessions.context import SessionContext
from chat_server.sessions.doors import PERSON, Door, door_of
from chat_server.sessions.pace import Address
from chat_server.sessions.session import READ_MAX_LIMITED, ChatSession
from chat_server.sessions.transport import Transport
from chat_server.wire.render.profiles import RenderProfile, renderer_for

GREETING_DELAY = 0.15
"""Seconds that a caller may be silent before it is greeted as a person. Programs speak first, and at once; a person does not notice the wait."""


class Arrival:
    """Finds out by which door each caller comes, and begins its session. One for all callers."""

    def __init__(self, context: SessionContext, unwelcome: Sampler, stopping: trio.Event) -> None:
        """Begin sessions in this context; `unwelcome` logs who is not served, and nobody is kept waiting while the server is `stopping`."""
        self._context = context
        self._unwelcome = unwelcome
        self._stopping = stopping

    async def begin(self, caller: Caller, received: bytes) -> ChatSession[Any] | None:
        """Find out by which door a caller comes who has sent this already, and begin its session; None if there is nobody to serve."""
        if self._context.limits.messages_per_second:
            await self._throttle(caller.address)
        door, first = await _door_of(caller.transport, received)
        if door is None:
            return None
        if door.begin is not None:
            return door.begin(self._context, caller, first)
        self._unwelcome.note(
            f"a caller speaks {door.name}, which is not served here", trio.current_time(), address=caller.origin.address
        )
        if door.dismissal is not None:
            turn_away(caller.transport, door.dismissal, self._context.preferences.language)
        else:
            with suppress(OSError):
                caller.transport.send_nowait(door.refusal)
        return None

    async def _throttle(self, address: Address) -> None:
        """Let a caller wait, unread, until those from its address may ask for more; if they ask for much, for its turn too."""
        seconds = min(address.take(trio.current_time(), 1), address.share_seconds)
        if seconds:
            with trio.move_on_after(seconds):
                await self._stopping.wait()
        if address.is_busy:
            await self._context.turns.take(is_first=False)


def turn_away(transport: Transport, why: Dismissed, language: str) -> None:
    """Say why somebody is not served, and close."""
    with suppress(OSError):
        transport.send_nowait(renderer_for(RenderProfile(language))(why))
    transport.close()


async def _door_of(transport: Transport, first: bytes) -> tuple[Door | None, bytes]:
    """By which door the caller comes, None if it has gone again; and what it has sent, which began with `first`."""
    door = door_of(first)
    try:
        with suppress(trio.WouldBlock):
            if door is None:
                data = transport.receive_nowait(READ_MAX_LIMITED)
                if not data:
                    return None, first
                first += data
                door = door_of(first)
        if door is None:
            with trio.move_on_after(GREETING_DELAY):
                while door is None:
                    data = await transport.receive_some(READ_MAX_LIMITED)
                    if not data:
                        return None, first
                    first += data
                    door = door_of(first)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return None, first
    return door or PERSON, first
