"""What nobody may see, asked for line by line: at the terminal, which does not show it meanwhile.

Knows the input, and how the terminal is told. Never knows what a secret is for; keeps none.
"""

import termios
from collections.abc import Callable, Sequence

from chat_tui.client.pipes import Input

Take = Callable[[list[str]], None]


def set_echo(descriptor: int, *, is_on: bool) -> None:
    """Have the terminal show what is typed, or not; what was typed before it stopped, and nobody has read, is thrown away."""
    attributes = termios.tcgetattr(descriptor)
    attributes[3] = attributes[3] | termios.ECHO if is_on else attributes[3] & ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSADRAIN if is_on else termios.TCSAFLUSH, attributes)


class SecretQuestions:
    """Asks for secrets, one after the other. What was typed before they were asked for is none of them, and waits."""

    def __init__(
        self, input_: Input, warn: Callable[[str], None], *, show_typed: Callable[[bool], None], can_ask: bool
    ) -> None:
        """Ask nothing yet.

        Args:
            input_: where answers come from.
            warn: writes what is asked.
            show_typed: has the terminal show what is typed, or not.
            can_ask: whether somebody sits there.

        """
        self._input, self._warn, self._show_typed = input_, warn, show_typed
        self.can_ask = can_ask
        self._prompts: list[str] = []
        self._answers: list[str] = []
        self._take: Take | None = None
        self._typed_before: list[str] = []

    @property
    def is_open(self) -> bool:
        """Whether an answer is waited for."""
        return self._take is not None

    def ask(self, prompts: Sequence[str], take: Take) -> None:
        """Ask for these; `take` is called with all answers, or with none if somebody types an empty line or no more comes."""
        self.close()
        self._prompts, self._answers, self._take = [*prompts], [], take
        self._typed_before = [self._input.take() for _ in range(self._input.waiting)]
        self._show_typed(False)
        self._warn(self._prompts[0])

    def throw_away(self) -> int:
        """Throw away what has been typed and was not asked for; return how many lines that is."""
        lines = self._input.waiting
        for _ in range(lines):
            self._input.take()
        return lines

    def take_answers(self) -> None:
        """Take what has been typed since."""
        while (take := self._take) is not None:
            if self._input.next is None and not self._input.is_ended:
                return
            answer = "" if self._input.next is None else str(self._input.take())
            self._answers = [*self._answers, answer] if answer else []
            if answer and len(self._answers) < len(self._prompts):
                self._warn(self._prompts[len(self._answers)])
                continue
            answers = self._answers
            self.close()
            take(answers)

    def close(self) -> None:
        """Ask no more; the terminal shows again what is typed."""
        if self._take is None:
            return
        self._show_typed(True)
        self._prompts, self._answers, self._take = [], [], None
        for line in reversed(self._typed_before):
            self._input.put_back(line)
        self._typed_before = []
