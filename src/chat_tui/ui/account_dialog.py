"""What is done about one's account from within the program: registering, codes, another password, another account, its end; each by a screen.

Knows the client, and which screen asks for what. Never knows how the screens look, nor keeps what is typed into them.
"""

from collections.abc import Callable, Sequence

from textual.app import App

from chat_server.protocol.code_events import CodeMade, Invited, RecoveryMade
from chat_server.protocol.events import (
    AccountShown,
    Answered,
    Event,
    Refused,
    Registered,
)
from chat_server.protocol.names import name_key
from chat_server.protocol.typed import command_in
from chat_tui.client import account_words as words
from chat_tui.client import accounts
from chat_tui.client.accounts import Proof
from chat_tui.client.command_line import Misused
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.language import say
from chat_tui.ui.account_forms import AccountForms, Typed, wrong_with
from chat_tui.ui.program import Program

SCREENS = ("register", "login", "code", "password", "account")
"""Requests that are made by screens here."""


class AccountDialog:
    """One for the program."""

    def __init__(
        self,
        program: Program,
        app: App[None],
        *,
        answered: Callable[[Event], bool],
        tell: Callable[[str], None],
        log_in_as: Callable[[str], None],
    ) -> None:
        """Ask nothing yet.

        Args:
            program: the program.
            app: where screens open.
            answered: tells what answers something that was typed.
            tell: tells the user what is wrong.
            log_in_as: connects to the same server under another name.

        """
        self._program, self._app = program, app
        self._answered, self._tell, self._log_in_as = answered, tell, log_in_as
        self._forms = AccountForms(program, app, tell)

    def take_typed(self, text: str) -> bool:
        """Do what a typed command about accounts asks for. Returns False if it is none. What stands in lines below it is thrown away."""
        text, *below = text.split("\n")
        commands = self._program.client.state.commands
        found = command_in(text, lambda word: word.casefold() in commands)
        if isinstance(found, str):
            return False
        command = commands.get(found[0].casefold())
        if command is None or command.tag not in SCREENS:
            return False
        self._forms.has_whole_typed = not self._program.throw_away_early(len(below))
        following = found[1].split()
        match command.tag:
            case "register":
                self.register(*following[:2])
            case "login":
                self._log_in(*following[:2])
            case "password":
                self.change_password()
            case "account" if following:
                self.end(following[0].casefold())
            case "account":
                self.show()
            case _:
                self._make_code(text)
        return True

    def connection_changed(self, change: ConnectionChanged) -> None:
        """What was asked on a connection that is lost is not answered any more."""
        if change.status is not Status.CONNECTING:
            self._forms.login_decided()
        if change.status is not Status.ONLINE:
            self._forms.connection_lost()

    @property
    def may_open_form(self) -> bool:
        """Whether a form may open as soon as the server has answered."""
        return self._forms.may_open

    def command_typed(self) -> None:
        """What is typed next is meant for no form that is not on its way."""
        self._forms.ends_waiting()

    @property
    def awaits_form(self) -> bool:
        """Whether one is on its way."""
        return self._forms.is_awaited

    @property
    def has_whole_typed(self) -> bool:
        """Whether nothing is thrown away of what was typed behind the last command."""
        return self._forms.has_whole_typed

    # Registering.

    def register(self, nick: str = "", invite: str = "") -> None:
        """Ask whether one may register, without a password; then for the password, twice."""
        if self._forms.is_overheard():
            return
        fields = {"nick": nick} if nick else {}

        def take(event: Event) -> bool:
            match event:
                case Refused(code="password-missing"):
                    self._ask_for_password(invite, is_invited=bool(invite))
                case Refused(code="invite-needed"):
                    self._ask_for_password(invite, is_invited=True)
                case _:
                    self._answered(event)
            return True

        self._forms.request("register", take, **fields, **({"invite": invite} if invite else {}))

    def _ask_for_password(self, invite: str, *, is_invited: bool) -> None:
        from chat_tui.ui.screens.form import Asked, Form  # noqa: PLC0415 - who asks pays

        nick = self._program.client.state.nick
        fields = [Asked("password", say("Password"), say("at least 8 characters")), Asked("again", say("Once more"))]
        if is_invited:
            fields.append(
                Asked("invite", say("Invitation"), say("the code that you were told"), invite, is_secret=False)
            )
        form = Form(
            say("Register {nick}", nick=nick),
            words.registering(nick, is_invited=is_invited),
            tuple(fields),
            say("Register"),
            kept=self._forms.kept,
        )
        self._forms.open(form, self._register)

    def _register(self, typed: Typed) -> str:
        if wrong := wrong_with(typed, "password"):
            return wrong
        connection, invite = self._program.client.connection, typed.get("invite", "").strip()
        return accounts.register(connection, typed["password"], invite, self._forms.taking(Registered, self.registered))

    def registered(self, event: Registered) -> None:
        """Show the recovery codes of a new account, once."""
        self._show_recovery(words.registered(event.nick), event.recovery)

    def _show_recovery(self, heading: str, codes: Sequence[str]) -> None:
        from chat_tui.ui.screens.codes import RecoveryScreen  # noqa: PLC0415 - who asks pays

        self._app.push_screen(RecoveryScreen(heading, say(words.RECOVERY), codes))

    # Another account.

    def _log_in(self, nick: str = "", code: str = "") -> None:
        """Be somebody else here: the server asks for what proves it, if the name has an account."""
        client = self._program.client
        waiting = len(client.store.unsent)
        if not nick:
            self._tell(say("/login NAME: under which name? F3 asks for a server, too."))
        elif self._program.change.status is Status.ONLINE and name_key(nick) == name_key(client.state.nick):
            self._tell(say("You are {nick} here already.", nick=client.state.nick))
        elif waiting:
            self._tell(words.waiting(waiting, client.connection.identity.nick))
        else:
            self._log_in_as(nick)
            self._forms.wait_for_login()
            if code:
                self._program.client.connection.prove(Proof(code=code))

    # Codes.

    def make_code(self, purpose: str) -> None:
        """Make a code for another device (`device`) or for somebody else (`invite`), and show it."""
        self._forms.request("code", self._take_code, purpose=purpose)

    def _make_code(self, text: str) -> None:
        asked = self._program.client.parse(text)
        if isinstance(asked, Misused):
            self._tell(asked.why)
        elif asked.fields["purpose"] == "recovery":
            self.make_recovery()
        else:
            self.make_code(str(asked.fields["purpose"]))

    def _take_code(self, event: Event) -> bool:
        from chat_tui.ui.screens.codes import CodeScreen  # noqa: PLC0415 - who asks pays

        now = self._program.clock()
        match event:
            case CodeMade():
                what = words.device_code(event, self._address, now)
                self._app.push_screen(
                    CodeScreen(say("A code for another device of {nick}", nick=event.nick), event.code, what)
                )
            case Invited():
                what = words.invitation(event, self._address, now)
                self._app.push_screen(CodeScreen(say("A code for somebody who is to register"), event.code, what))
            case _:
                self._answered(event)
        return True

    def make_recovery(self) -> None:
        """Ask for the password, and show new recovery codes."""
        self._forms.ask_for_own(say("New recovery codes"), say(words.NEW_RECOVERY), say("Make them"), self._recover)

    def _recover(self, typed: Typed) -> str:
        def show(event: RecoveryMade) -> None:
            self._show_recovery(say("New recovery codes"), event.recovery)

        connection = self._program.client.connection
        return accounts.make_recovery(connection, typed["password"], self._forms.taking(RecoveryMade, show))

    # The password, and the account.

    def change_password(self) -> None:
        """Ask for another password."""
        if self._forms.is_overheard():
            return

        def take(event: Event) -> bool:  # a request without one says whether the old one has to be typed
            match event:
                case Refused(code="wrong-password" | "password-length" | "password-short"):
                    self._ask_for_new(is_fresh=event.code != "wrong-password")
                case _:
                    self._answered(event)
            return True

        self._forms.request("password", take)

    def _ask_for_new(self, *, is_fresh: bool) -> None:
        from chat_tui.ui.screens.form import Asked, Form  # noqa: PLC0415 - who asks pays

        new = (
            Asked("password", say("New password"), say("at least 8 characters")),
            Asked("again", say("Once more")),
        )
        fields = new if is_fresh else (Asked("old", say("Password now")), *new)
        self._forms.open(
            Form(say("Another password"), say(words.NEW_PASSWORD), fields, say("Change it"), kept=self._forms.kept),
            self._change,
        )

    def _change(self, typed: Typed) -> str:
        if wrong := wrong_with(typed, *(name for name in ("old", "password") if name in typed)):
            return wrong
        connection = self._program.client.connection
        take = self._forms.taking(Event, self._answered)
        return accounts.change_password(connection, typed.get("old", ""), typed["password"], take)

    def show(self) -> None:
        """Show the account, and what can be done with it; somebody who has none is asked whether they want one."""
        self._forms.request("account", self._take_account)

    def _take_account(self, event: Event) -> bool:
        from chat_tui.ui.screens.account import AccountScreen  # noqa: PLC0415 - who asks pays

        if isinstance(event, AccountShown):
            what = words.account(event, self._program.client.credentials.place())
            self._app.push_screen(AccountScreen(event.nick, what), self._do)
        elif isinstance(event, Refused) and event.code == "account-needed":
            self.register()
        else:
            self._answered(event)
        return True

    def _do(self, chosen: str | None) -> None:
        match chosen:
            case "devices":
                self._program.action_devices()
            case "password":
                self.change_password()
            case "device" | "invite":
                self.make_code(chosen)
            case "recovery":
                self.make_recovery()
            case str():
                self.end(chosen)

    def end(self, how: str) -> None:
        """Ask for the password, and have the account end."""
        if how not in words.ENDINGS:
            self._tell(say(words.NO_ENDING))
            return

        def end(typed: Typed) -> str:
            connection = self._program.client.connection
            return accounts.end_account(connection, how, typed["password"], self._forms.taking(Answered, leave))

        def leave(ends: Answered) -> None:  # the server says goodbye, and says no more how long that can be taken back
            self._program.leave(ends.text)

        self._forms.ask_for_own(
            say("End the account {nick}", nick=self._program.client.state.nick),
            words.ending(how),
            say("End it"),
            end,
            is_dangerous=True,
        )

    @property
    def _address(self) -> str:
        connection = self._program.client.connection
        return f"{connection.host}:{connection.port}"
