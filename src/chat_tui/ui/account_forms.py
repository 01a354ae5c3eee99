"""Forms in which something is asked about the user's account, one at a time: opened where no secret is overheard, told what the server answers.

Knows the connection, and how a form is opened and told. Never knows what is asked, nor what becomes of an answer.
"""

from collections.abc import Callable, Mapping
from math import inf
from typing import TYPE_CHECKING

from textual.app import App

from chat_server.protocol.events import Event, Refused
from chat_server.protocol.typed import BEHIND_SECONDS
from chat_tui.client import account_words as words
from chat_tui.client.accounts import CANNOT_ASK, why_no_secrets
from chat_tui.language import say
from chat_tui.ui.program import Program

if TYPE_CHECKING:
    from chat_tui.ui.screens.form import Form, FormScreen

Typed = Mapping[str, str]
"""What was typed into a form, by the names of its fields."""

ANSWER_SECONDS = 10
"""Seconds for which an answer is waited for, before what is typed is taken for something said again: a server may not answer at all."""


class AccountForms:
    """Opens forms."""

    def __init__(self, program: Program, app: App[None], tell: Callable[[str], None]) -> None:
        """Open none yet. `tell` tells the user what is wrong where there is no form."""
        self._program, self._app, self._tell = program, app, tell
        self._form: FormScreen | None = None
        self._asks, self._login_until = False, -inf
        self._wait(0)
        self.has_whole_typed = True
        """Whether nothing is thrown away of what was typed behind the last command."""

    def connection_lost(self) -> None:
        """What was asked on it is not answered any more."""
        self._asks = False
        self._wait(0)
        if (form := self._open_form) is not None:
            form.lose(say(words.LOST))

    @property
    def kept(self) -> str:
        """What is kept of a login, and where."""
        return words.kept(self._program.client.credentials.place())

    @property
    def _open_form(self) -> "FormScreen | None":
        return self._form if self._form is not None and self._form.is_attached else None

    def is_overheard(self) -> bool:
        """Whether somebody may listen in, so that no secret is asked for; the user has been told then which ways there are."""
        why = why_no_secrets(self._program.client.connection.line)
        if why:
            self._tell(why)
        return bool(why)

    def request(self, do: str, take: Callable[[Event], bool], **fields: object) -> None:
        """Ask the server, without a secret; have `take` called with what answers it."""

        def answered(event: Event) -> bool:
            self._asks = False
            self._wait(BEHIND_SECONDS if isinstance(event, Refused) else 0)
            return take(event)

        self._asks = True
        self._wait(ANSWER_SECONDS)
        if not self._program.client.connection.request(do, on_answer=answered, **fields):
            self._asks = False
            self._wait(0)
            self._tell(say(CANNOT_ASK))

    @property
    def may_open(self) -> bool:
        """Whether a form may open when the server answers, or none has opened just now: what is typed meanwhile may be meant for that."""
        since, until = self._waits
        return since <= self._program.clock() < until

    def ends_waiting(self) -> None:
        """A command has been typed: after a refusal, what is typed next is meant for no form."""
        if not self._asks:
            self._wait(0)

    @property
    def is_awaited(self) -> bool:
        """Whether a form is on its way, or another screen about the account, so that what is typed waits for it."""
        form = self._open_form
        is_asked = (self._asks and self.may_open) or self._program.clock() < self._login_until
        return is_asked or (form is not None and form.is_opening)

    def wait_for_login(self) -> None:
        """The server is called under another name, and a password may be asked for."""
        self._login_until = self._program.clock() + ANSWER_SECONDS

    def login_decided(self) -> None:
        """It is asked for now, or not."""
        self._login_until = -inf

    def _wait(self, seconds: float) -> None:
        """From now on, and for so long, what is typed may be meant for a form."""
        now = self._program.clock()
        self._waits = now, now + seconds

    def ask_for_own(
        self, heading: str, what: str, yes: str, send: Callable[[Typed], str], *, is_dangerous: bool = False
    ) -> None:
        """Ask for the password that there is, before something that only its owner may do."""
        from chat_tui.ui.screens.form import Asked, Form  # noqa: PLC0415 - who asks pays

        if self.is_overheard():
            return
        fields = (Asked("password", say("Password")),)
        form = Form(heading, what, fields, yes, is_dangerous=is_dangerous)
        self.open(form, lambda typed: wrong_with(typed, "password") or send(typed))

    def open(self, form: "Form", send: Callable[[Typed], str]) -> None:
        """Open a form; `send` is as FormScreen has it."""
        from chat_tui.ui.screens.form import FormScreen  # noqa: PLC0415 - who asks pays

        self._form = FormScreen(form, send)
        self._app.push_screen(self._form)

    def taking(self, kind: type, done: Callable[..., object]) -> Callable[[Event], bool]:
        """What takes the answer to a form: a refusal stands in it, and with what was asked for it is done with."""
        form = self._form

        def take(event: Event) -> bool:
            if isinstance(event, Refused):
                wrong = words.refused(event, self._program.clock())
                if form is not None and form.is_attached:
                    form.refuse(wrong)
                else:
                    self._tell(wrong)
            elif isinstance(event, kind):
                if form is not None:
                    form.finish()
                done(event)
            return True

        return take


def wrong_with(typed: Typed, *names: str) -> str:
    """What is wrong with what was typed into a form in which these have to be, before the server is asked; "" if nothing is."""
    if not all(typed[name] for name in names):
        return say(words.MISSING)
    return say(words.TWICE) if "again" in typed and typed["again"] != typed["password"] else ""
