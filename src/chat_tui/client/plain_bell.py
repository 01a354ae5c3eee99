"""The terminal's bell, line by line: when it rings for what somebody says just now. Never knows what is written."""

import os
import time
from contextlib import suppress

from msgspec.structs import replace

from chat_server.protocol.entries import Entry
from chat_tui.client.attention import Attention
from chat_tui.client.client import Client
from chat_tui.client.notifications import how_told
from chat_tui.settings import NotifyTable

NOBODY_CALLED = NotifyTable(mentions=False, direct=False)
"""The rules where nothing rings."""

STDERR = 2


class Bell:
    """Rings where somebody sits: on standard error, if that is a terminal, for the output may be another program's input."""

    has_focus, knows_focus = True, False  # nobody is told here whether the terminal has it

    def __init__(self, client: Client, rules: NotifyTable) -> None:
        self._client, self._rules = client, replace(rules, desktop=False)
        self._attention = Attention(self._rules, time.time, self, _ring, {})

    def heard(self, line: Entry) -> None:
        """Somebody has said this just now."""
        state = self._client.state
        if how := how_told(line, state.nick, self._rules, state.choices.of(line.room)):
            self._attention.call(how, "", "")


def _ring(bell: str) -> None:
    if os.isatty(STDERR):
        with suppress(OSError):
            os.write(STDERR, bell.encode())
