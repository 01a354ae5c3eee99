"""The program on the screen: the server it talks to, how it begins and ends, its theme and its palette.

Knows Textual and the client. Never knows what stands in the panes, nor what the server says.
"""

import gc
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import SystemCommand
from textual.binding import BindingType
from textual.command import CommandPalette
from textual.events import AppBlur, AppFocus
from textual.screen import Screen
from textual.theme import ThemeProvider
from textual.widget import AwaitMount
from textual.worker import Worker

from chat_server.protocol.events import Event, Registered
from chat_tui.actions import ACTIONS, EVERYWHERE, keymap, shown_key
from chat_tui.client.calling import Caller
from chat_tui.client.client import WRONG, Client
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.credentials import Keyring
from chat_tui.client.local_store import LocalStore
from chat_tui.language import message, say
from chat_tui.settings import Settings
from chat_tui.ui import terminal
from chat_tui.ui.connect_dialog import ConnectDialog
from chat_tui.ui.hearing import TOAST_MAX
from chat_tui.ui.keys_in_turn import KeysInTurn
from chat_tui.ui.main_screen import MainScreen, binding_of
from chat_tui.ui.moderating import Moderating
from chat_tui.ui.themes import CHAT_DARK, CHAT_LIGHT, other_theme
from chat_tui.ui.writing import commands_here

if TYPE_CHECKING:
    from chat_tui.ui.account_dialog import AccountDialog


class ChatApp(KeysInTurn):
    """chat-tui."""

    TITLE = "chat-tui"
    CSS_PATH = Path(__file__).with_name("chat.tcss")
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "f2"
    BINDINGS: ClassVar[list[BindingType]] = [binding_of(action) for action in ACTIONS if action.name in EVERYWHERE]

    def __init__(
        self,
        settings: Settings,
        host: str,
        port: int,
        nick: str,
        *,
        rooms: Iterable[str] = (),
        open_store: Callable[[str, int], LocalStore],
        caller: Caller,
        keyring: Keyring | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Connect nowhere yet.

        Args:
            settings: the user's.
            host: where the server is.
            port: its port.
            nick: the user's name; "" for the one they had there last.
            rooms: rooms to be in.
            open_store: gives what is kept for a server.
            caller: calls servers, if they are trusted.
            keyring: keeps the tokens of accounts, if there is one.
            clock: the time, in seconds since 1970.

        """
        super().__init__(ansi_color=True if settings.theme.startswith("ansi") else None)
        terminal.hide_locals(self)
        self.animation_level = "none"  # what one reads does not swim
        self.settings = settings
        self.clock = clock
        self.has_focus = True
        self.change = ConnectionChanged(Status.CONNECTING)
        self._rooms_wanted = list(rooms)
        self._open_store = open_store
        self._caller, self._keyring = caller, keyring
        self._worker: Worker[None] | None = None
        self.main = MainScreen(self)
        self.client = self._new_client(host, port, nick)
        self._connecting = ConnectDialog(
            self, self, move_to=self.move_to, rename=self._rename, paint_soon=self.main.paint_soon
        )
        self._accounts: AccountDialog | None = None
        for theme in (CHAT_DARK, CHAT_LIGHT):
            self.register_theme(theme)
        self._begin_with_theme(settings.theme if settings.theme in self.available_themes else CHAT_DARK.name)
        self._keymap_chosen = keymap(settings.keys)
        if self._keymap_chosen:
            self.set_keymap(self._keymap_chosen)
            terminal.give_up_keys(self, self._keymap_chosen)

    def _begin_with_theme(self, name: str) -> None:
        """Have this theme before anything is read and drawn. One that is set later has all stylesheets read once more."""
        self.set_reactive(ChatApp.theme, name)
        theme = self.current_theme
        self.set_class(theme.dark, "-dark-mode", update=False)
        self.set_class(not theme.dark, "-light-mode", update=False)
        self.set_class(True, f"-theme-{theme.name}", update=False)
        self._refresh_truecolor_filter(self.ansi_theme)
        self.stylesheet.set_variables(self.get_css_variables())

    def get_default_screen(self) -> Screen[None]:
        """What is seen first, and stays below whatever opens over it."""
        return self.main

    # How it begins and ends.

    def on_load(self) -> None:
        """From here on, a signal ends the program in order."""
        terminal.on_ending_signals(self._end_by)

    def _end_by(self, number: int) -> None:
        """Somebody ends the program from outside, or the terminal is gone: what is written comes first."""
        try:
            self.main.keep_draft()
            self.client.store.save()
        finally:
            self.exit(return_code=128 + number)

    async def on_mount(self) -> None:
        """Begin when the panes are there: nothing is drawn before, and nothing comes from a server."""
        terminal.suspend_in_the_loop(self)
        self.set_class(self.settings.slow_link, "slow")
        await AwaitMount(self.main, [self.main])
        if self.main.is_open:  # else it has failed, and the program ends
            self._begin()

    def _begin(self) -> None:
        self.main.begin()
        self._start()
        self.main.paint()
        self.call_after_refresh(self.main.paint_soon)  # the panes have their widths then
        # What is here now stays: a full collection that goes through it takes 25 ms, while somebody types.
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)

    def on_unmount(self) -> None:
        """Write everything down."""
        self.main.close_panes()
        self.client.close()

    def leave(self, last_words: str = "") -> None:
        """End the program."""
        from rich.text import Text  # noqa: PLC0415 - most programs end without a word

        self.main.close_panes()
        self.exit(message=Text(last_words) if last_words else None)

    # The server.

    def _new_client(self, host: str, port: int, nick: str) -> Client:
        return Client(
            host,
            port,
            nick,
            store=self._open_store(host, port),
            caller=self._caller,
            keyring=self._keyring,
            rooms=self._rooms_wanted,
            show_joins=self.settings.show_joins,
            clock=self.clock,
            on_event=self.main.take,
            on_change=self._connection_changed,
            on_refused=self.main.refused,
        )

    def _start(self) -> None:
        self.client.store.tell = self._warn
        for warning in (*self.client.store.warnings, *self._caller.servers.warnings()):
            self._warn(warning)
        for pending in self.client.store.unsent:
            self.client.state.room(pending.room)
        self._worker = self.run_worker(self._run_link(), exit_on_error=False)

    async def _run_link(self) -> None:
        try:
            await self.client.connection.run()
        except Exception as error:
            self._connection_changed(ConnectionChanged(Status.REFUSED, say(WRONG, error=repr(error))))
            raise

    def _connection_changed(self, change: ConnectionChanged) -> None:
        self.change = change
        if (self._connecting.was_online and not self.main.is_open) or not self.screen_stack:
            return  # the program is ending
        self._connecting.connection_changed(change)
        if self._accounts is not None:
            self._accounts.connection_changed(change)
        if change.status is Status.ONLINE and change.why:
            self.notify(change.why, markup=False, timeout=10)
        self.main.connection_changed(change)

    def move_to(self, host: str, port: int, nick: str) -> None:
        """Be on another server."""
        if self._worker is not None:
            self._worker.cancel()
        begun = self.main.leave_server()
        self.client.close()
        self.client = self._new_client(host, port, nick)
        self.main.begin(begun)
        self._connecting.forget()
        self._start()

    def _rename(self, nick: str) -> None:
        self.client.connection.request("nick", on_answer=self.main.answered, nick=nick)

    def _log_in_as(self, nick: str) -> None:
        connection = self.client.connection
        self.move_to(connection.host, connection.port, nick)

    def is_new_here(self) -> bool:
        """Whether the user has named no room, and was in none of this server's."""
        return not self._rooms_wanted and not self.client.saved.rooms

    def seconds_left(self) -> int:
        """Seconds until the next attempt to connect."""
        return max(0, round(self.change.retry_at - time.monotonic()))

    def action_connect(self) -> None:
        """Connect elsewhere, or under another name."""
        self._connecting.show()

    def action_line(self) -> None:
        """Show whether the line is encrypted, and the server's fingerprint."""
        from chat_tui.client.line_words import words_for_line  # noqa: PLC0415 - who asks pays
        from chat_tui.ui.screens.line import LineScreen  # noqa: PLC0415 - who asks pays

        change, connection = self.change, self.client.connection
        line = change.line if change.status is Status.ONLINE else None
        words = words_for_line(line, change.details, connection.host, connection.port)
        self.push_screen(LineScreen(words))

    def action_devices(self) -> None:
        """Show one's devices, and drop them."""
        from chat_tui.ui.screens.devices import DevicesScreen  # noqa: PLC0415 - who asks pays

        self.push_screen(
            DevicesScreen(partial(_ask_for_screen, self), self.client.credentials.place(), self.client.state.language)
        )

    def action_account(self) -> None:
        """Show one's account, or make one."""
        self._account_dialog.show()

    @property
    def _account_dialog(self) -> "AccountDialog":
        if self._accounts is None:
            from chat_tui.ui.account_dialog import AccountDialog  # noqa: PLC0415 - who asks pays

            self._accounts = AccountDialog(
                self, self, answered=self.main.answered, tell=self._tell_wrong, log_in_as=self._log_in_as
            )
        return self._accounts

    def ask_about_account(self, text: str) -> bool:
        """Do what a typed command about accounts asks for, by a screen. Returns False if it is none."""
        return text.startswith("/") and self._account_dialog.take_typed(text)

    def take_typed_early(self) -> str:
        """Take out of the prompt what was typed before a password is asked for."""
        return self.main.take_typed_early()

    def registered(self, event: Registered) -> None:
        """Show the recovery codes of a new account."""
        self._account_dialog.registered(event)

    def _tell_wrong(self, text: str) -> None:
        self.main.hearing.tell(text, is_error=True)

    def action_reconnect(self) -> None:
        """Try to connect now."""
        self.client.connection.try_now()

    # Beside the panes.

    def _warn(self, text: str) -> None:
        if self.main.is_open:
            self.notify(text, markup=False, severity="warning", timeout=10)

    def say_shortly(self, text: str) -> None:
        """Say what came of a key, for some seconds: it does not stay among the lines."""
        self.clear_notifications()
        self.notify(text[:TOAST_MAX], markup=False, severity="error", timeout=8)

    def tell_terminal(self, data: str) -> None:
        """Write something to the terminal that is not on the screen."""
        terminal.tell_terminal(self, data)

    def on_app_focus(self, _: AppFocus) -> None:
        """Somebody looks at the terminal."""
        self.has_focus = True

    def on_app_blur(self, _: AppBlur) -> None:
        """Nobody does."""
        self.has_focus = False

    def action_toggle_theme(self) -> None:
        """Go from dark to light, or back."""
        self.theme = other_theme(self.current_theme)

    def action_help(self) -> None:
        """Show the keys and commands."""
        from chat_tui.ui.screens.help import HelpScreen  # noqa: PLC0415 - who asks pays

        commands = commands_here(self, self.main.navigation.current)
        self.push_screen(HelpScreen(commands.values(), self.settings.keys))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While something is asked, keys mean what they mean there, and nothing below it."""
        del parameters
        return action not in _ON_MAIN_SCREEN or not self.main.is_open or self.main.is_active

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action, for the palette."""
        del screen
        yield from with_keys(self, self._keymap_chosen)
        yield from without_keys(self)

    def action_command_palette(self) -> None:
        """Find an action by its name."""
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(CommandPalette(placeholder=say("Search for actions …"), id="--command-palette"))

    def search_themes(self) -> None:
        """Choose a theme, with a preview."""
        self.push_screen(CommandPalette([ThemeProvider], placeholder=say("Search for themes …")))


SIGNS = {
    "typing": message("Show who is writing, and when you are"),
    "receipts": message("Show how far people have read in conversations"),
}
"""What the server is asked to show or not, for the palette, by its command."""


def with_keys(app: ChatApp, chosen: Mapping[str, str]) -> Iterable[SystemCommand]:
    """What is done by keys, for the palette; `chosen` are those that the settings have for actions."""
    room = app.main.navigation.current
    for action in ACTIONS:
        if action.name != "palette" and (action.name != "moderate" or Moderating.is_for(room)):
            yield SystemCommand(
                action.words,
                say("Key: {key}", key=shown_key(chosen.get(action.name, action.keys))),
                lambda method=action.method: app.call_later(app.run_action, method, app.main),
            )


def without_keys(app: ChatApp) -> Iterable[SystemCommand]:
    """What the palette has besides the actions."""
    client, room = app.client, app.main.navigation.current

    def ask(command: str) -> None:
        client.submit(command, room.name if room else "", app.main.answered)

    for setting, title in SIGNS.items():
        value = "off" if client.state.chosen.get(setting) == "on" else "on"
        command = f"/{setting} {value}"
        yield SystemCommand(
            say("{title}: turn it on", title=say(title))
            if value == "on"
            else say("{title}: turn it off", title=say(title)),
            command,
            partial(ask, command),
        )
    yield SystemCommand(say("Suspend"), say("Back to the shell; fg goes on"), app.action_suspend_process)
    yield SystemCommand(say("Choose a theme"), say("All of them, with a preview"), app.action_change_theme)


_ON_MAIN_SCREEN = {
    action.method.removeprefix("app.")
    for action in ACTIONS
    if action.method.startswith("app.") and action.name not in EVERYWHERE
}
"""What the program does only where nothing else is open."""


def _ask_for_screen(app: ChatApp, do: str, take: Callable[[Event], object], **fields: object) -> bool:
    """Ask the server for a screen, which shows whatever answers it."""

    def answered(event: Event) -> bool:
        take(event)
        return True

    return app.client.connection.request(do, on_answer=answered, **fields)
