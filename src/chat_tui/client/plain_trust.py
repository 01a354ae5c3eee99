"""Whether a server is trusted, asked line by line: what is wrong is written, and whoever sits there types yes or no.

Knows the input, and what is asked. Never knows the connection, nor what else is typed.
"""

from collections.abc import Callable

from chat_tui.client.pipes import Input
from chat_tui.client.trust_words import Doubt
from chat_tui.language import say

_ANSWERS = {"yes": True, "y": True, "no": False, "n": False, "是": True, "否": False}


class TrustQuestion:
    """One question at a time. What was typed before it was asked is no answer to it, and waits."""

    def __init__(
        self,
        input_: Input,
        warn: Callable[[str], None],
        *,
        can_ask: bool,
        on_yes: Callable[[Doubt], None],
        on_no: Callable[[], None],
    ) -> None:
        """Ask nothing yet.

        Args:
            input_: where the answer comes from.
            warn: writes what is wrong, and the question.
            can_ask: whether somebody sits there.
            on_yes: called when they trust the server.
            on_no: called when they do not, or cannot be asked.

        """
        self._input, self._warn, self._can_ask = input_, warn, can_ask
        self._on_yes, self._on_no = on_yes, on_no
        self._doubt: Doubt | None = None
        self._typed_before: list[str] = []

    @property
    def is_open(self) -> bool:
        """Whether an answer is waited for."""
        return self._doubt is not None

    def ask(self, doubt: Doubt) -> None:
        """Write why a server is not trusted; ask, if the user may decide here."""
        is_asked = bool(doubt.yes) and self._can_ask
        for line in doubt.lines(is_asked=is_asked):
            self._warn(line)
        if not is_asked:
            self._on_no()
            return
        self._doubt = doubt
        self._typed_before = [self._input.take() for _ in range(self._input.waiting)]
        self._warn(say("{what}? Type yes or no.", what=doubt.yes))

    def take_answer(self) -> None:
        """Take the answer, if it has come. Without one at the end of the input it is no."""
        while (doubt := self._doubt) is not None:
            if self._input.next is None:
                if self._input.is_ended:
                    self._close()
                    self._on_no()
                return
            answer = _ANSWERS.get(self._input.take().strip().casefold())
            if answer is None:
                self._warn(say("Type yes or no."))
                continue
            self._close()
            if answer:
                self._on_yes(doubt)
            else:
                self._on_no()

    def _close(self) -> None:
        self._doubt = None
        for line in reversed(self._typed_before):
            self._input.put_back(line)
        self._typed_before = []
