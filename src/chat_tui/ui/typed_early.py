"""Lines on which Enter was pressed before the user was let in, and was in the rooms where they had been: they wait here, in order.

One of them may be a password, and nobody knows yet where the others would go. Then they are done as if they were typed at that moment. Where that
comes to nothing they are in the prompt again, each on a line of its own; and what is no command of somebody who comes for the first time, for they
may have taken a wrong name for theirs. What follows a command for which a password is asked is thrown away, and so are several lines when one is
asked for: none of them may be said, seen or kept. Knows how the connection is, and the prompt. Never knows what is done with a line.
"""

from collections import deque
from collections.abc import Callable

from chat_tui.client.connection import Status
from chat_tui.client.early_typing import NOT_SENT, thrown_away
from chat_tui.language import say, sentences
from chat_tui.ui.composer import Composer
from chat_tui.ui.program import Program

PATIENCE = 2
"""Seconds after which a server that lets the user in and does not say in which rooms they are is not waited for."""


class TypedEarly:
    """Those for one server."""

    def __init__(self, program: Program, prompt: Composer) -> None:
        self._program, self._prompt = program, prompt
        self._lines: deque[str] = deque()
        self._is_doing = self._has_asked = False  # a command before the next line is not answered yet
        self._seconds = 0

    def __len__(self) -> int:
        """How many wait."""
        return len(self._lines)

    def keep(self, line: str, *, has_room: bool) -> bool:
        """Have a line wait, if it is too early for it. Returns False if it is not, or if no server is being called. `has_room`: one is seen."""
        program = self._program
        is_called = program.change.status is Status.CONNECTING and program.client.early_typing.may_be_secret
        is_early = is_called or (program.change.status is Status.ONLINE and not (has_room or self._is_settled))
        if self._is_doing or not (is_early or self._lines):
            return False
        self._lines.append(line)
        return True

    def settled(self) -> None:
        """The server has said in which rooms the user is."""
        self._seconds = PATIENCE

    def answered(self) -> None:
        """What was asked has been answered."""
        self._has_asked = False

    def tick(self) -> None:
        """A second has passed: not every command is answered."""
        self._has_asked = False
        self._seconds += self._program.change.status is Status.ONLINE

    @property
    def _is_settled(self) -> bool:
        return self._seconds >= PATIENCE

    def go_on(self, do: Callable[[str], bool], asks: Callable[[str], bool]) -> None:
        """Do what waits, if the user is let in.

        Args:
            do: does what a line asks for, or says it. Returns whether it went; what did not is in the prompt.
            asks: whether a line is a command that says nothing to anybody.

        """
        status = self._program.change.status
        if not self._lines or status is Status.CONNECTING:
            return
        is_online, early = status is Status.ONLINE, self._program.client.early_typing
        if not is_online and early.may_be_secret:
            self.give_back()
        while self._lines and not self._has_asked and (self._is_settled or not is_online):
            is_command = asks(self._lines[0])
            if is_online and not (is_command or early.was_none):
                self.give_back(say(NOT_SENT))
                break
            line, written = self._lines.popleft(), self._prompt.text
            self._has_asked = is_online and is_command
            self._is_doing = True
            is_done = do(line)
            self._is_doing = False
            if not is_done:
                self._has_asked = False
                self._put(self._prompt.text, *self._take(), written)

    def give_back(self, why: str = "") -> None:
        """Have what waits in the prompt again, as if Enter had begun another line, and say why, if that is to be said."""
        if self._lines:
            self._put(*self._take(), self._prompt.text, why=why)

    def hand_over(self) -> None:
        """A password is asked for: have in the prompt what may be it. Of several lines nobody knows which one is."""
        is_one = len(self._lines) == 1 and not self._prompt.text
        if is_one or not self._program.client.early_typing.may_be_secret:
            self.give_back()
        else:
            self._tell_thrown_away(len(self._take()))

    def throw_away(self, lines: int = 0) -> bool:
        """Forget what was typed after a command for which a password is asked, and say so. Returns whether there was any.

        So many `lines` of it are forgotten already.
        """
        prompt = self._prompt
        if is_written := bool(prompt.text) and prompt.text != prompt.begun:
            prompt.put("")
        lines += len(self._take()) + is_written
        self._tell_thrown_away(lines)
        return lines > 0

    def _tell_thrown_away(self, lines: int) -> None:
        if lines:
            self._program.say_shortly(thrown_away(lines))

    def _take(self) -> list[str]:
        lines = [*self._lines]
        self._lines.clear()
        return lines

    def _put(self, *texts: str, why: str = "") -> None:
        """Have this in the prompt, but for what follows a command for which a password is asked."""
        client, written = self._program.client, [*filter(None, texts)]
        last = next((at for at, text in enumerate(written) if client.is_before_secrets(text)), len(written))
        left = [*written[:last], *map(client.without_secrets, written[last : last + 1])]
        self._prompt.put("\n".join(left))
        if told := sentences(thrown_away(len(written) - len(left)) if len(left) < len(written) else "", why):
            self._program.say_shortly(told)
