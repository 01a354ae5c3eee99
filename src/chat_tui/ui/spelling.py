"""The dictionaries of the system, by Enchant, where it is there (`chat-server[spelling]`). They are opened when somebody begins to write.

Never knows what is looked up where.
"""

import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from chat_tui.client.spelling import languages_of

SUGGESTIONS_MAX = 8
"""Words that are offered instead of one."""

OFF = "off"
"""What the setting says where nothing is looked up."""


class Dictionaries:
    """Some dictionaries, once they are open."""

    def __init__(self, chosen: str) -> None:
        """Nothing is opened yet. `chosen` is the setting: names of dictionaries, "" for that of the environment, or OFF."""
        self._chosen = chosen
        self._opened: Sequence[Any] = ()
        self.is_wanted = chosen != OFF
        """Whether they have yet to be opened."""
        self._looked_up = lru_cache(maxsize=4096)(self._look_up)

    def __bool__(self) -> bool:
        """Whether there is any to be asked."""
        return bool(self._opened)

    def open(self) -> None:
        """Open them: some 30 ms. Where there are none nothing is looked up. Blocks; for any thread, once."""
        self.is_wanted = False
        try:
            import enchant  # noqa: PLC0415 - an extra, which few have
        except ImportError:  # or its library is not there
            return
        environment = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
        try:
            names = languages_of(self._chosen, environment, enchant.list_languages())
            self._opened = [enchant.Dict(name) for name in names]
        except enchant.errors.Error:
            return

    def knows(self, word: str) -> bool:
        """Whether one of them has the word, as it is or as it stands within a sentence."""
        return self._looked_up(word)

    def _look_up(self, word: str) -> bool:
        return any(one.check(word) for one in self._opened)

    def suggestions(self, word: str) -> tuple[str, ...]:
        """Words that may be meant; the likeliest first. Takes some milliseconds."""
        found = [other for one in self._opened for other in one.suggest(word)[:SUGGESTIONS_MAX]]
        return tuple(dict.fromkeys(found))[:SUGGESTIONS_MAX]
