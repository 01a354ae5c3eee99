"""How a caller arrives: from its first byte to its session, by TLS or not.

Knows the doors, and how long a silent caller is waited for. Never knows who is let in, nor what becomes of a session.
"""

from contextlib import suppress
from typing import Any

import trio

from chat_server.logs import Repeats
from chat_server.protocol.events import Dismissed
from chat_server.server.handshakes import HANDSHAKE_SECONDS, Handshakes
from chat_server.server.time_limits import TimeLimits
from chat_server.sessions.caller import Caller
from chat_server.sessions.context import SessionContext
from chat_server.sessions.doors import PERSON, TLS, Door, door_of
from chat_server.sessions.pace import Address
from chat_server.sessions.session import READ_MAX_LIMITED, ChatSession
from chat_server.sessions.transport import LAST_WORDS_SECONDS, Transport, receive_some, see_off

GREETING_DELAY = 0.15
"""Seconds that a caller may be silent before it is greeted as a person. Programs speak first, and at once; a person does not notice the wait."""

HELLO_DELAY = 1.0
"""The same where nobody is greeted without TLS. Debian's telnet-ssl begins it up to 0.3 s after it has connected."""


class Arrival:
    """Finds out by which door each caller comes, and begins its session. One for all callers."""

    def __init__(
        self,
        context: SessionContext,
        handshakes: Handshakes,
        limits: TimeLimits,
        unwelcome: Repeats,
        *,
        all_encrypted: bool,
    ) -> None:
        """Begin sessions in this context.

        Args:
            context: what all sessions have in common.
            handshakes: begins TLS.
            limits: ends waits.
            unwelcome: logs who is not served.
            all_encrypted: whether nobody is served without TLS, but from this machine.

        """
        self._context = context
        self._handshakes = handshakes
        self._limits = limits
        self._unwelcome = unwelcome
        self.all_encrypted = all_encrypted

    async def begin(self, caller: Caller, received: bytes) -> ChatSession[Any] | None:
        """Find out by which door a caller comes who has sent this already, and begin its session; None if there is nobody to serve."""
        if self._context.limits.messages_per_second:
            await self._throttle(caller.address)
        is_to_encrypt = caller.must_encrypt or (self.all_encrypted and not caller.origin.is_confidential)
        patience = GREETING_DELAY
        if is_to_encrypt:
            patience = HANDSHAKE_SECONDS if caller.must_encrypt else HELLO_DELAY
        door, first = await self._door_of(caller.transport, received, patience)
        if door is TLS and self._handshakes.are_offered:
            encrypted = await self._handshakes.shake(caller, first)
            if encrypted is None:
                return None
            caller, is_to_encrypt = encrypted, False
            door, first = await self._door_of(caller.transport, b"", GREETING_DELAY)
        if door is not None and door.begin is not None and not is_to_encrypt:
            return door.begin(self._context, caller, first)
        if door is not None:
            self._turn_away(caller, door)
            with self._limits.within(LAST_WORDS_SECONDS):
                await see_off(caller.transport)
        caller.transport.close()
        return None

    def _turn_away(self, caller: Caller, door: Door) -> None:
        """Log that nobody is served by this door, or not without TLS, and say so."""
        why, language = door.dismissal, self._context.preferences.language
        if door.begin is not None:
            what, why = "a caller comes without TLS, which is required", Dismissed("tls-required")
        else:
            what = f"a caller speaks {door.name}, which is not served here"
        self._unwelcome.info(what, address=caller.origin.address)
        with suppress(OSError):
            caller.transport.send_nowait(door.refusal if why is None else door.renderer(language)(why))

    async def _throttle(self, address: Address) -> None:
        """Let a caller wait, unread, until those from its address may ask for more; if they ask for much, for its turn too."""
        seconds = min(address.take(trio.current_time(), 1), address.share_seconds)
        if seconds:
            with self._limits.within(seconds):
                await trio.sleep_forever()
        if address.is_busy:
            await self._context.turns.take(is_first=False)

    async def _door_of(self, transport: Transport, first: bytes, patience: float) -> tuple[Door | None, bytes]:
        """By which door the caller comes, None if it has gone again; and what it has sent, which began with `first`."""
        door = door_of(first) if first else None
        try:
            with suppress(trio.WouldBlock):
                if door is None:
                    data = transport.receive_nowait(READ_MAX_LIMITED)
                    if not data:
                        return None, first
                    first += data
                    door = door_of(first)
            if door is None:
                with self._limits.within(patience):
                    while door is None:
                        data = await receive_some(transport, READ_MAX_LIMITED)
                        if not data:
                            return None, first
                        first += data
                        door = door_of(first)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return None, first
        return door or PERSON, first


def turn_away(transport: Transport, why: Dismissed, language: str) -> None:
    """Say why somebody is not served of whom nothing is known, and close."""
    with suppress(OSError):
        transport.send_nowait(PERSON.renderer(language)(why))
    transport.close()
