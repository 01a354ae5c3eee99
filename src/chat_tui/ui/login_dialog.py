"""When somebody is asked to prove that an account is theirs, before they are let in; and what is done with what they type.

Knows how the connection is. Never knows what is said on it, nor how the form looks.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from textual.app import App

from chat_tui.client import account_words as words
from chat_tui.client.accounts import BY_CODE, NEEDS_ACCOUNT, Proof, why_no_secrets
from chat_tui.client.calling import Line
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.early_typing import AHEAD
from chat_tui.language import message, say, sentences
from chat_tui.ui import labels
from chat_tui.ui.program import Program

if TYPE_CHECKING:
    from chat_tui.ui.screens.form import Form, FormScreen


OTHER = message("Another name")

UNPROVED = frozenset(("wrong-password", "wrong-code"))
"""Refusals of what was typed in the form for connecting, before anything was said of the name."""


class LoginDialog:
    """Asks for a password or a code where the name has an account; where one must have one to come in, for a password to be."""

    def __init__(
        self, program: Program, app: App[None], *, elsewhere: Callable[[], None], left: Callable[[], object]
    ) -> None:
        """Ask nothing yet. `elsewhere` asks for another name, or another server; `left` is called when the user does not want to prove anything."""
        self._program, self._app, self._elsewhere, self._left = program, app, elsewhere, left
        self._form: FormScreen | None = None
        self._line = Line.LOCAL
        self._is_new = False

    @property
    def is_open(self) -> bool:
        """Whether it asks."""
        return self._open_form is not None

    @property
    def is_opening(self) -> bool:
        """Whether it is about to ask, and no key finds the field yet."""
        return (form := self._open_form) is not None and form.is_opening

    @property
    def _open_form(self) -> "FormScreen | None":
        return self._form if self._form is not None and self._form.is_attached else None

    def connection_changed(self, change: ConnectionChanged) -> bool:
        """See whether to ask, or no longer. Returns whether what there is to say about the connection is said here."""
        form = self._open_form
        if change.status is Status.REFUSED and change.asks_proof:
            self._ask(change)
            return True
        if form is None:
            return False
        if change.status in (Status.ONLINE, Status.REFUSED):
            self.close()
            return False
        where = self._program.client.connection.host
        is_trying = change.status is Status.CONNECTING
        trying = say("Connecting to {host} …", host=where)
        form.tell(
            trying if is_trying else say("{host}: {why}. It is tried again by itself.", host=where, why=change.why)
        )
        return True

    def take_typed(self) -> None:
        """Something was typed in the prompt all the same: it was on its way there when the form opened, and is for that."""
        form = self._open_form
        if form is not None and (text := self._program.take_typed_early()):
            form.add_typed(text)

    def close(self) -> None:
        """Ask no longer."""
        form, self._form = self._open_form, None
        if form is not None:
            form.finish()

    def _ask(self, change: ConnectionChanged) -> None:
        """Say in the form why another proof is needed, or open it."""
        is_new = change.code in NEEDS_ACCOUNT or (self._is_new and self._open_form is not None)
        wrong = ""
        if change.code not in words.SAID_ABOVE:
            wrong = words.wrong(change.why, change.code, change.wait, self._program.clock())
        form = self._open_form
        if form is not None and (is_new, change.line) == (self._is_new, self._line):
            form.refuse(wrong)
            return
        from chat_tui.ui.screens.form import FormScreen  # noqa: PLC0415 - most are let in

        self.close()
        self._is_new, self._line = is_new, change.line
        form = self._form = FormScreen(self._for_server(self._form_for(change)), self._prove, self._other, self._left)
        self._app.push_screen(form)
        if wrong:
            form.call_after_refresh(form.refuse, wrong)

    def _for_server(self, form: "Form") -> "Form":
        """The form, with a heading that says of which of several servers it is."""
        return form._replace(heading=labels.from_server(self._program.title, form.heading))

    def _form_for(self, change: ConnectionChanged) -> "Form":
        from chat_tui.ui.screens.form import Asked, Form  # noqa: PLC0415 - it is there already

        client = self._program.client
        nick = client.connection.identity.nick
        what, kept = (
            words.why_proof(change.code, nick, change.line),
            words.kept(client.credentials.place(), change.line),
        )
        begun = self._program.take_typed_early()
        if begun:
            what = sentences(what, say(AHEAD))
        password = Asked("password", say("Password"), value=begun)
        code = Asked("code", say("or a code"), say("eight letters, or a recovery code"))
        if self._is_new:
            which = say("the code that you were told") if change.code in BY_CODE else say("a code, if one is needed")
            invite = Asked("invite", say("Invitation"), which, is_secret=False)
            again = Asked("again", say("Once more"))
            heading = say("{nick} needs an account here", nick=nick)
            return Form(heading, what, (password, again, invite), say("Register"), say(OTHER), kept)
        is_known = change.code not in UNPROVED  # nobody is told of a name that was tried whether it has one
        heading = say("{nick} has an account here", nick=nick) if is_known else say("Log in as {nick}", nick=nick)
        if why_no_secrets(change.line):
            code = Asked("code", say("Code"), say("eight letters"), begun)
            return Form(heading, what, (code,), say("Log in"), say(OTHER), kept)
        return Form(heading, what, (password, code), say("Log in"), say(OTHER), kept, takes_any=True)

    def _prove(self, typed: Mapping[str, str]) -> str:
        """Log in by what was typed. Returns what is wrong with it, or ""."""
        password, code = typed.get("password", ""), typed.get("code", "").strip()
        if not (password or code):
            return say(words.MISSING)
        if self._is_new and password != typed["again"]:
            return say(words.TWICE)
        if self._is_new:
            proof = Proof(password=password, invite=typed["invite"].strip(), is_new=True)
        else:
            proof = Proof(code=code) if code else Proof(password=password)
        if proof.is_secret and (why := why_no_secrets(self._line)):
            return why
        self._program.client.connection.prove(proof)
        return ""

    def _other(self) -> None:
        self.close()
        self._elsewhere()
