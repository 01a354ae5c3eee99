"""Keys take effect in the order in which they were typed, however fast they come.

Textual lets a widget put in a letter as soon as it gets it, but runs what Backspace or an arrow does only when the key has gone up through
everything around the widget, and what Ctrl+K does before the widget has seen any of it. Typed fast, over a line that sends in bundles, or
on a busy machine, `hello`, three Backspaces and `xyz` came out as `hello`, and the letters after Ctrl+K were lost. Here the next key waits
until what the one before it does is done. Knows Textual only.
"""

import asyncio
from collections import deque
from typing import Protocol

from textual.app import App
from textual.dom import DOMNode
from textual.events import Event, Key, Paste
from textual.message_pump import MessagePump

from chat_tui.ui.terminal import ends_at

ROUNDS = 2
"""Ways from the widget up to the app that a key is given: one for the key, one for what it made the widget send (`Submitted`)."""

PATIENCE = 2.0
"""Seconds after which the next key no longer waits: better out of order than not at all."""

AGAIN = 0.01
"""Seconds after which it is seen again whether a key that waits for something else may go: less than a key takes to be typed."""


class WaitingRoom(Protocol):
    """Where keys wait for something else than the key before them."""

    def waits(self, event: Key | Paste) -> bool:
        """Whether this one waits with the others, if they do."""

    def may_go(self, waiting: deque[Key | Paste]) -> bool:
        """Whether the first takes effect now, or all wait on; what is taken out of them is forgotten."""


class KeysInTurn(App[None]):
    """An app that takes one key, or one paste, after another."""

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._key_queue: deque[Key | Paste] = deque()
        self._key_turn = 0
        self._has_key = False
        self._key_room: WaitingRoom | None = None
        self._key_patience: asyncio.TimerHandle | None = None

    async def on_event(self, event: Event) -> None:
        """A key that comes while another is at work waits for its turn."""
        is_typed = isinstance(event, Key | Paste) and not event.is_forwarded
        if isinstance(event, Key | Paste) and is_typed and (self._key_room is None or self._key_room.waits(event)):
            self._key_queue.append(event)
            if not self._has_key:
                await self._next_key()
        else:
            await super().on_event(event)

    def keys_wait_in(self, room: WaitingRoom) -> None:
        """Have keys wait for more than the one before them."""
        self._key_room = room

    async def _next_key(self) -> None:
        """Let the next key do what it does."""
        self._key_turn += 1
        if self._key_patience is not None:
            self._key_patience.cancel()
        may_go = self._key_room is None or self._key_room.may_go(self._key_queue)
        self._has_key = bool(self._key_queue)
        if not self._key_queue:
            return
        turn = self._key_turn
        if not may_go:
            self._key_patience = asyncio.get_running_loop().call_later(AGAIN, self.call_later, self._key_done, turn)
            return
        self._key_patience = asyncio.get_running_loop().call_later(PATIENCE, self.call_later, self._key_done, turn)
        key = self._key_queue.popleft()
        try:
            await super().on_event(key)
        finally:
            first = self._key_begins_at
            if not (first.is_running and first.call_later(self._key_handled, first, key, turn)):
                self._follow_key(_above(first), turn, ROUNDS)

    @property
    def _key_begins_at(self) -> MessagePump:
        """Where a key goes first."""
        return (self.focused or self.screen) if self.screen_stack else self

    def _key_handled(self, first: MessagePump, key: Key | Paste, turn: int) -> None:
        """Follow a key from where it went first; if that is where it ends, only to whom it may have told of it: three queues of fifteen."""
        if ends_at(key, first):
            self._follow_key(self.screen if self.screen_stack else None, turn, 1)
        else:
            self._follow_key(_above(first), turn, ROUNDS)

    def _follow_key(self, node: MessagePump | None, turn: int, rounds: int) -> None:
        """Follow a key, through the queues that it goes through."""
        if node is None or node is self:
            self.call_later(self._key_arrived, turn, rounds)
            return
        above = _above(node)
        if not (node.is_running and node.call_later(self._follow_key, above, turn, rounds)):
            self._follow_key(above, turn, rounds)

    async def _key_arrived(self, turn: int, rounds: int) -> None:
        if rounds > 1:
            self._follow_key(self._key_begins_at, turn, rounds - 1)
        else:
            await self._key_done(turn)

    async def _key_done(self, turn: int) -> None:
        if turn == self._key_turn and self._has_key:
            await self._next_key()


def _above(node: MessagePump) -> MessagePump | None:
    return node.parent if isinstance(node, DOMNode) else None
