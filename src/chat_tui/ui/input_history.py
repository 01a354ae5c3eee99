"""The history of the prompt, as a shell has one: what was sent before, which of it is in the prompt, and what was being written before that.

Never knows the screen, nor where what was sent is kept.
"""

from collections.abc import Sequence


class InputHistory:
    """That of one prompt."""

    def __init__(self) -> None:
        self.texts: Sequence[str] = ()
        """What was sent before, oldest first."""
        self.at: int | None = None
        """The place of that of it which is in the prompt, if any is."""
        self._unsent = ""

    def remember(self, texts: Sequence[str]) -> None:
        """What was sent before is this now, oldest first."""
        self.texts = list(texts)
        self.at = None

    def recall(self, at: int | None, written: str) -> str:
        """Go to a place; None: out of it, to what was being written. Returns what is to be in the prompt; `written` is what is in it."""
        if self.at is None:
            self._unsent = written
        self.at = at
        return self._unsent if at is None else self.texts[at]

    def leave(self) -> None:
        """What is in the prompt from now on is not from here."""
        self.at = None

    def draft(self, written: str) -> str:
        """What is written and not sent: not what was recalled, unless it was changed."""
        return self._unsent if self.at is not None and written == self.texts[self.at] else written

    def can_go(self, step: int) -> bool:
        """Whether there is anything a step further: back if that is -1."""
        return self._after(step) >= 0

    def place_after(self, step: int) -> int | None:
        """The place a step further; None: out of it."""
        at = self._after(step)
        return at if at < len(self.texts) else None

    def _after(self, step: int) -> int:
        return (len(self.texts) if self.at is None else self.at) + step
