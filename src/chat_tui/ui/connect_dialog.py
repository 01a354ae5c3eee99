"""When the form for connecting is shown, or why a server is not trusted; what the form says, and what is done with the answers.

Knows how the connection is and was. Never knows what is said on it.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from textual.app import App

from chat_tui.client.calling import Line
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.language import message, say, sentences
from chat_tui.ui.program import Program

if TYPE_CHECKING:
    from chat_tui.client.trust_words import Doubt
    from chat_tui.ui.login_dialog import LoginDialog
    from chat_tui.ui.screens.connecting import ConnectScreen, Target
    from chat_tui.ui.screens.trusting import Answer, TrustScreen


LATELY_MAX = 2
"""Servers where one was lately that the form offers."""

_LINES = {
    Line.ENCRYPTED: message("The line is encrypted."),
    Line.OPEN: message("The line is not encrypted: whoever is between here and there can read along."),
}


class ConnectDialog:
    """Asks where to connect where one cannot, or wants to be elsewhere."""

    def __init__(
        self,
        program: Program,
        app: App[None],
        *,
        move_to: Callable[[str, int, str], None],
        rename: Callable[[str], object],
        paint_soon: Callable[[], None],
        may_ask: Callable[[bool], bool],
        lately: Callable[[], Sequence[tuple[str, int]]],
    ) -> None:
        """Ask nothing yet.

        Args:
            program: the program.
            app: where the form opens.
            move_to: connects to another server, under a name.
            rename: asks the server for another name.
            paint_soon: has what has changed painted.
            may_ask: whether something may open by itself now: a question (True), or the form.
            lately: the servers that the user was at, by host and port, the last one first.

        """
        self._program, self._app = program, app
        self._move_to, self._rename, self._paint_soon = move_to, rename, paint_soon
        self._may_ask, self._waits, self._lately = may_ask, False, lately
        self._nick_before = ""  # the user's name here, while they log in under another
        self._login: LoginDialog | None = None
        self._form: ConnectScreen | None = None
        self._question: TrustScreen | None = None
        self._taken: set[str] = set()  # names that the server has refused to this user
        self.was_online = False
        """Whether there was a connection to this server."""
        self._has_left = False

    @property
    def is_asking(self) -> bool:
        """Whether something is asked, on the screen or below what is there."""
        asked = (self._form, self._question)
        is_open = any(screen is not None and screen.is_attached for screen in asked)
        return is_open or (self._login is not None and self._login.is_open)

    def ask_in_turn(self) -> None:
        """Ask what there was to ask while it was not this server's turn, if it is."""
        if self._waits:
            self._see(self._program.change)

    def close(self) -> None:
        """Ask nothing any more."""
        self._waits = False
        self.forget()
        for screen in (self._form, self._question):
            if screen is not None and screen.is_active:
                screen.dismiss(None)

    def forget(self) -> None:
        """It is another server from now on."""
        self.was_online = False
        self._nick_before = ""
        self._taken.clear()
        if self._login is not None:
            self._login.close()

    def log_in_as(self, nick: str) -> None:
        """Be somebody else on the same server."""
        connection, before = self._program.client.connection, self._nick_before
        if self._program.change.status is Status.ONLINE:
            before = connection.identity.nick
        self._move_to(connection.host, connection.port, nick)
        self._nick_before = before

    def _be_as_before(self) -> None:
        """The user does not want to prove that a name is theirs: log in under the one that they had, if they had one."""
        if self._nick_before:
            connection = self._program.client.connection
            self._move_to(connection.host, connection.port, self._nick_before)

    def connection_changed(self, change: ConnectionChanged) -> None:
        """See whether to ask, or no longer."""
        if change.code in {"name-taken", "name-like-another"}:
            self._taken.add(self._program.client.connection.identity.nick)
        if change.status is Status.ONLINE:
            self.was_online = True
            self._nick_before = ""
            self._taken.clear()
            self._leave()
        question, self._question = self._question, None
        if question is not None and question.is_active:
            question.dismiss(None)
        self._see(change)

    def _see(self, change: ConnectionChanged) -> None:
        """Ask what there is to ask, if it is this server's turn."""
        is_question = change.asks_proof or change.doubt is not None
        self._waits = (
            (is_question or self._needs_form(change)) and not self.is_asking and not self._may_ask(is_question)
        )
        if self._waits or self._is_about_login(change):
            return
        if change.doubt is not None:
            self._ask_about(change.doubt)
        elif self._needs_form(change):
            self.show()
        elif change.status is not Status.ONLINE and (form := self._open_form) is not None:
            self._tell(form)

    def _needs_form(self, change: ConnectionChanged) -> bool:
        """Whether the user has to say where to connect, or under which name."""
        is_first = change.status is Status.WAITING and not self.was_online and not self._has_left
        return change.status is Status.REFUSED or is_first

    @property
    def is_opening(self) -> bool:
        """Whether a password is about to be asked for, and no key finds the field yet."""
        return self._login is not None and self._login.is_opening

    def take_typed(self) -> None:
        """Something was typed in the prompt while something may be asked: it is for that."""
        if self._login is not None:
            self._login.take_typed()

    def _is_about_login(self, change: ConnectionChanged) -> bool:
        """Ask for what proves an account, in place of the form, if that is wanted; but a form in which something was written only says so."""
        if change.asks_proof:
            if (form := self._open_form) is not None and form.is_touched:
                form.tell(change.why)
                return True
            if form is not None:
                form.dismiss(None)
            if self._login is None:
                from chat_tui.ui.login_dialog import LoginDialog  # noqa: PLC0415 - most are let in

                self._login = LoginDialog(self._program, self._app, elsewhere=self.show, left=self._be_as_before)
        return self._login is not None and self._login.connection_changed(change)

    @property
    def _open_form(self) -> "ConnectScreen | None":
        return self._form if self._form is not None and self._form.is_active else None

    def _leave(self) -> None:
        """There is a connection. A form in which something was written waits to be sent or left."""
        form = self._open_form
        if form is not None and form.is_touched:
            self._tell(form)
        elif form is not None:
            form.dismiss(None)

    @property
    def _is_connected(self) -> bool:
        return self._program.change.status is Status.ONLINE

    def _tell(self, form: "ConnectScreen") -> None:
        form.tell(self._why(), is_connected=self._is_connected)

    def _why(self) -> str:
        """How the connection is, for the form."""
        client, change = self._program.client, self._program.change
        connection = client.connection
        where = say("{host}, port {port}", host=connection.host, port=connection.port)
        match change.status:
            case Status.ONLINE:
                connected = say("You are connected to {server}, as {nick}.", server=where, nick=client.state.nick)
                return sentences(connected, say(_LINES[change.line]) if change.line in _LINES else "")
            case Status.CONNECTING:
                return say("Connecting to {server}.", server=where)
            case Status.WAITING:
                return say("Tried {server}: {why}. It is tried again by itself.", server=where, why=change.why)
            case _ if connection.identity.nick in self._taken:
                return say(
                    "The name {nick} is taken there. {other} may be free; Enter tries it.",
                    nick=connection.identity.nick,
                    other=self._proposal(),
                )
            case _:
                return change.why

    def _ask_about(self, doubt: "Doubt") -> None:
        """Say why the server is not trusted, in place of the form; but a form in which something was written only says that it is not."""
        from chat_tui.ui.screens.trusting import TrustScreen  # noqa: PLC0415 - most servers are trusted

        if (form := self._open_form) is not None:
            self._tell(form)
            if form.is_touched:
                return
            form.dismiss(None)
        question = self._question = TrustScreen(doubt, server=self._program.title)
        self._app.push_screen(question, partial(self._decided, question))

    def _decided(self, question: "TrustScreen", answer: "Answer | None") -> None:
        from chat_tui.ui.screens.trusting import Answer  # noqa: PLC0415 - it is there already

        if question is not self._question:  # what it asked is no question any more
            return
        self._question = None
        self._has_left = answer is None
        connection = self._program.client.connection
        match answer:
            case Answer.TRUST:
                connection.trust(question.doubt)
            case Answer.AGAIN:
                connection.try_now()
            case Answer.ELSEWHERE:
                self.show()
            case None:
                self._paint_soon()

    def _proposal(self) -> str:
        from chat_tui.ui.screens.connecting import free_name  # noqa: PLC0415 - only who cannot connect needs it

        nick = self._program.client.connection.identity.nick
        return free_name(nick, self._taken) if nick in self._taken else nick

    def show(self) -> None:
        """Ask where to connect, or say there how the connection is."""
        from chat_tui.ui.screens.connecting import ConnectScreen, Target  # noqa: PLC0415 - only who cannot connect needs it

        self._has_left = False
        if (form := self._open_form) is not None:
            self._tell(form)
            return
        connection = self._program.client.connection
        is_taken = self._program.change.status is Status.REFUSED and connection.identity.nick in self._taken
        target = Target(connection.host, connection.port, self._proposal() if is_taken else connection.identity.nick)
        others = [server for server in self._lately() if server != target[:2]]
        self._form = ConnectScreen(
            target,
            self._why(),
            is_about_name=is_taken,
            is_connected=self._is_connected,
            server=self._program.title,
            lately=others[:LATELY_MAX],
        )
        self._app.push_screen(self._form, self._answered)

    def _answered(self, target: "Target | None") -> None:
        if target is None:
            self._has_left = True
            self._paint_soon()
            return
        client = self._program.client
        connection = client.connection
        is_elsewhere = (target.host, target.port) != (connection.host, connection.port)
        is_online = connection.status is Status.ONLINE
        if is_elsewhere or (is_online and target.proof is not None):
            self._move_to(target.host, target.port, target.nick)
        elif is_online:
            if target.nick != client.state.nick:
                self._rename(target.nick)
        else:
            client.call_oneself(target.nick)
            connection.try_now()
        if target.proof is not None:
            self._program.client.connection.prove(target.proof)
