"""Tab, and Tab again: a word is completed, then the next choice takes its place.

Never knows what words there are, nor the prompt.
"""

from collections.abc import Callable

from chat_tui.client.completion import Completion


class CompletionCycle:
    """The choices that one goes through, as long as nothing else is typed."""

    def __init__(self, complete: Callable[[str], Completion | None]) -> None:
        """`complete` knows what the word at the end of a text may become."""
        self._complete = complete
        self._last: tuple[Completion, int, str] | None = None

    def forget(self) -> None:
        """The next Tab completes anew."""
        self._last = None

    def complete(self, before: str, step: int) -> str | None:
        """What the text before the cursor becomes; None: it stays. `step` is -1 for the choice before."""
        if self._last is not None and before == self._last[2]:
            completion, index, _ = self._last
            index = (index + step) % len(completion.choices)
        else:
            found = self._complete(before)
            if found is None:
                return None
            completion, index = found, 0
        whole = before[: completion.start] + completion.choices[index]
        self._last = (completion, index, whole)
        return whole
