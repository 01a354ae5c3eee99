"""One server on the screen, and everything of it: its client, how the connection is, what it asks, and where the user sits there.

Each has its own; what one server does, or does not do any more, is nothing to another. Never knows what stands in the panes.
"""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from textual.app import App
from textual.worker import Worker

from chat_server.protocol.entries import Entry
from chat_server.protocol.events import Event, Refused, Registered, RoomsListed
from chat_tui.client.client import WRONG, Client
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.local_store import LocalStore
from chat_tui.language import say
from chat_tui.settings import How, Profile, Settings, SettingsError
from chat_tui.ui import labels
from chat_tui.ui.connect_dialog import ConnectDialog
from chat_tui.ui.main_screen import MainScreen
from chat_tui.ui.program import Group

if TYPE_CHECKING:
    from chat_tui.ui.account_dialog import AccountDialog

OpenStore = Callable[[str, int], LocalStore]
"""Gives what is kept for a server, by its host and port."""


class Wanted(NamedTuple):
    """A server that somebody wants. `name` is the profile's; "" if it is wanted by its address."""

    profile: Profile
    open_store: OpenStore
    name: str = ""


class Window(Protocol):
    """The program as a whole, for one of its servers."""

    settings: Settings
    clock: Callable[[], float]
    has_focus: bool
    """Whether somebody looks at the terminal."""

    def new_client(self, server: "Server", host: str, port: int, nick: str) -> Client:
        """A user of it, who is not connected yet."""

    def start(self, server: "Server") -> None:
        """Have it connect."""

    def say_shortly(self, text: str) -> None:
        """Say what came of a key, for some seconds."""

    def lately(self) -> Sequence[tuple[str, int]]:
        """The servers that one was at, by host and port, the last one first."""

    def tell_terminal(self, data: str) -> None:
        """Write something to the terminal that is not on the screen."""

    def call_user(self, how: How, heading: str, text: str) -> None:
        """Ring, or notify the desktop, if nobody looks and it is time."""

    def leave(self, last_words: str = "") -> None:
        """End the program."""


class Others(Protocol):
    """All servers, for one of them."""

    @property
    def shown(self) -> "Server":
        """The one on the screen."""

    def groups(self) -> Sequence[Group]:
        """All of them, in their order."""

    def show(self, server: "Server") -> None:
        """Have it on the screen."""

    def may_ask(self, server: "Server", *, is_question: bool) -> bool:
        """Whether it may open a dialog now."""

    def connect_too(self, text: str) -> None:
        """Connect to one more, by its profile's name or its address; "": ask for it. Raises SettingsError."""

    def disconnect(self, server: "Server", why: str = "") -> None:
        """Leave it; the others stay."""


class Server:
    """A program of its own, as the parts of the screen see it (Program)."""

    def __init__(
        self, window: Window, app: App[None], main: MainScreen, others: Others, *, wanted: Wanted, nick: str = ""
    ) -> None:
        """Connect nowhere yet.

        Args:
            window: the program as a whole.
            app: where dialogs open.
            main: the screen with the panes.
            others: all servers.
            wanted: which one it is.
            nick: the user's name there, where neither the profile has one, nor what is kept.

        """
        self._window, self._app, self._main, self._others = window, app, main, others
        self.wanted = wanted
        self.settings, self.clock = window.settings, window.clock
        self.change = ConnectionChanged(Status.CONNECTING)
        self._worker: Worker[None] | None = None
        self.is_gone = False
        """Whether the user has left it."""
        profile = wanted.profile
        self.client = window.new_client(self, profile.host, profile.port, profile.nick)
        if not self.client.connection.identity.nick:
            self.client.connection.identity.nick = nick
        self.connecting = ConnectDialog(
            self,
            app,
            move_to=self.move_to,
            rename=self._rename,
            paint_soon=main.paint_soon,
            lately=window.lately,
            may_ask=lambda is_question: others.may_ask(self, is_question=is_question),
        )
        self._accounts: AccountDialog | None = None

    # Connecting.

    def sit_down(self) -> None:
        """Have a seat there."""
        self.seat = self._main.new_seat(self, self.come_here)

    def come_here(self) -> None:
        """Have it on the screen."""
        self._others.show(self)

    def start(self) -> None:
        """Connect."""
        self.client.store.tell = self.warn
        for warning in self.client.store.warnings:
            self.warn(warning)
        for pending in self.client.store.unsent:
            self.client.state.room(pending.room)
        self._worker = self._app.run_worker(self._run_link(), exit_on_error=False)

    async def _run_link(self) -> None:
        try:
            await (
                self._main.seen.wait()
            )  # the first call imports and resolves things: a thread that delays what is drawn
            await self.client.connection.run()
        except Exception as error:
            self.connection_changed(ConnectionChanged(Status.REFUSED, say(WRONG, error=repr(error))))
            raise

    def stop(self) -> None:
        """Leave it, for good."""
        self.is_gone = True
        self._hang_up()
        self.connecting.close()
        self.client.close()

    def _hang_up(self) -> None:
        if self._worker is not None:
            self._worker.cancel()

    def connection_changed(self, change: ConnectionChanged) -> None:
        """Show how the connection is."""
        self.change = change
        is_ending = (self.connecting.was_online and not self._main.is_open) or not self._app.screen_stack
        if is_ending or self.is_gone:
            return
        self.connecting.connection_changed(change)
        if self._accounts is not None:
            self._accounts.connection_changed(change)
        if change.status is Status.ONLINE and change.why:
            self._app.notify(labels.from_server(self.title, change.why), markup=False, timeout=10)
        if self._main.is_open and change.status is not Status.ONLINE:
            self.seat.navigation.forget_wishes()
        self._main.paint_soon()

    def move_to(self, host: str, port: int, nick: str) -> None:
        """Be on another server instead."""
        self._hang_up()
        is_shown = self.is_shown
        begun = self._main.leave_server() if is_shown else ""
        self.client.close()
        if (host, port) != (self.client.connection.host, self.client.connection.port):
            self.wanted = self.wanted._replace(name="")
        self.client = self._window.new_client(self, host, port, nick)
        self.sit_down()
        if is_shown:
            self._main.sit_down(self.seat, begun)
        self.connecting.forget()
        self._window.start(self)

    def _rename(self, nick: str) -> None:
        self.client.connection.request("nick", on_answer=self._answered, nick=nick)

    # What comes from it.

    def take(self, event: Event, new: list[Entry], is_told: bool) -> None:
        """Show what the server says, or have it counted until one comes here."""
        if self._main.is_open and not self.is_gone:
            if isinstance(event, RoomsListed):
                self.seat.writing.early.settled()
            self.seat.hearing.take(event, new, is_told=is_told)
            self._main.paint_soon()

    def refused(self, refused: Refused, do: str, room: str) -> None:
        """Show why the server refuses what nobody has typed."""
        del do, room
        if self._main.is_open:
            if not (self.is_shown and self.client.state.put_out == refused.text):  # else it stands in the middle
                self.say_shortly(refused.text)
            self._main.paint_soon()

    def warn(self, text: str) -> None:
        """Warn the user, whatever they see."""
        if self._main.is_open:
            self._app.notify(labels.from_server(self.title, text), markup=False, severity="warning", timeout=10)

    # What the parts of the screen ask.

    @property
    def is_shown(self) -> bool:
        """Whether it is on the screen."""
        return self._others.shown is self

    @property
    def has_focus(self) -> bool:
        """Whether somebody looks at the terminal."""
        return self._window.has_focus

    @property
    def name(self) -> str:
        """What it is called: its profile's name, or its address."""
        connection = self.client.connection
        return self.wanted.name or labels.address(connection.host, connection.port)

    @property
    def title(self) -> str:
        """What it is called where there are several; "" if it is the only one."""
        return self.name if len(self.groups()) > 1 else ""

    def groups(self) -> Sequence[Group]:
        """All servers, in their order."""
        return self._others.groups()

    def is_new_here(self) -> bool:
        """Whether the user has named no room, and was in none of this server's."""
        return not self.wanted.profile.rooms and not self.client.saved.rooms

    def seconds_left(self) -> int:
        """Seconds until the next attempt to connect."""
        return max(0, round(self.change.retry_at - time.monotonic()))

    def say_shortly(self, text: str) -> None:
        """Say what came of a key, for some seconds: it does not stay among the lines."""
        self._window.say_shortly(labels.from_server("" if self.is_shown else self.title, text))

    def tell_terminal(self, data: str) -> None:
        """Write something to the terminal that is not on the screen."""
        self._window.tell_terminal(data)

    def call_user(self, how: How, heading: str, text: str) -> None:
        """Ring, or notify the desktop, if nobody looks and it is time."""
        self._window.call_user(how, heading, text)

    def action_line(self) -> None:
        """Show whether the line is encrypted, and the server's fingerprint."""
        from chat_tui.client.line_words import words_for_line  # noqa: PLC0415 - who asks pays
        from chat_tui.ui.screens.line import LineScreen  # noqa: PLC0415 - who asks pays

        change, connection = self.change, self.client.connection
        line = change.line if change.status is Status.ONLINE else None
        words = words_for_line(line, change.details, connection.host, connection.port)
        self._app.push_screen(LineScreen(words))

    def action_devices(self) -> None:
        """Show one's devices, and drop them."""
        from chat_tui.ui.screens.devices import DevicesScreen  # noqa: PLC0415 - who asks pays

        def request(do: str, take: Callable[[Event], object], **fields: object) -> bool:
            def answered(event: Event) -> bool:
                take(event)
                return True

            return self.client.connection.request(do, on_answer=answered, **fields)

        self._app.push_screen(DevicesScreen(request, self.client.credentials.place(), self.client.state.language))

    @property
    def account_dialog(self) -> "AccountDialog":
        """What is done about one's account there."""
        if self._accounts is None:
            from chat_tui.ui.account_dialog import AccountDialog  # noqa: PLC0415 - who asks pays

            self._accounts = AccountDialog(
                self,
                self._app,
                answered=self._answered,
                tell=self._tell_wrong,
                log_in_as=self.connecting.log_in_as,
            )
        return self._accounts

    def _answered(self, event: Event) -> bool:
        return self.seat.hearing.answered(event)

    def _tell_wrong(self, text: str) -> None:
        self.seat.hearing.tell(text, is_error=True)

    def ask_about_account(self, text: str) -> bool:
        """Do what a typed command about accounts asks for, by a screen. Returns False if it is none."""
        return text.startswith("/") and self.account_dialog.take_typed(text)

    @property
    def lines_early(self) -> int:
        """How many lines wait because the user is not let in yet."""
        return len(self.seat.writing.early)

    def take_typed_early(self) -> str:
        """Take out of the prompt what was typed before a password is asked for."""
        if not self._main.is_open:
            return ""
        if self.is_shown:
            self.seat.writing.early.hand_over()
        return self.seat.navigation.take_typed_early()

    def typed_below(self) -> None:
        """Something was typed in the prompt while a form is over it."""
        self.connecting.take_typed()

    def throw_away_early(self, lines: int) -> bool:
        """Forget what was typed ahead after a command about an account: it was meant for the screen that this opens."""
        return self.seat.writing.early.throw_away(lines)

    @property
    def awaits_form(self) -> bool:
        """Whether a form about the account is on its way, and what is typed waits for it."""
        return (self._accounts is not None and self._accounts.awaits_form) or self.connecting.is_opening

    @property
    def has_whole_typed(self) -> bool:
        """Whether what waits for the form is all that was typed for it."""
        return self._accounts is None or self._accounts.has_whole_typed

    @property
    def may_open_form(self) -> bool:
        """Whether the server has been asked for something about the account, and what is typed may be a password for the form that opens then."""
        return self._accounts is not None and self._accounts.may_open_form

    def command_typed(self) -> None:
        """What is typed next is meant for no form that is not on its way."""
        if self._accounts is not None:
            self._accounts.command_typed()

    def registered(self, event: Registered) -> None:
        """Show the recovery codes of a new account."""
        self.account_dialog.registered(event)

    def change_servers(self, do: str, server: str) -> None:
        """Connect to one more, or leave this one."""
        if do == "disconnect":
            self._others.disconnect(self)
            return
        try:
            self._others.connect_too(server)
        except SettingsError as error:
            self._tell_wrong(str(error))

    def leave(self, last_words: str = "") -> None:
        """End the program, or only this server, where there are others."""
        if len(self.groups()) > 1:
            self._app.call_later(self._others.disconnect, self, last_words or say("You have logged out."))
        else:
            self._window.leave(last_words)
