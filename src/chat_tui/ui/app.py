"""The program on the screen: the servers it talks to, how it begins and ends, its theme and its palette.

Knows Textual and the client. Never knows what stands in the panes, nor what the server says.
"""

import gc
import os
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import SystemCommand
from textual.binding import BindingType
from textual.events import AppBlur, AppFocus
from textual.filter import LineFilter
from textual.screen import Screen
from textual.theme import Theme
from textual.widget import AwaitMount

from chat_tui.actions import ACTIONS, EVERYWHERE, keymap
from chat_tui.client.attention import Attention
from chat_tui.client.calling import Caller
from chat_tui.client.client import Client
from chat_tui.client.credentials import Keyring
from chat_tui.language import say
from chat_tui.settings import How, Profile, Settings
from chat_tui.ui import terminal
from chat_tui.ui.ascii import AsciiFilter
from chat_tui.ui.colours import ANSI_THEMES, DARK, LIGHT
from chat_tui.ui.copying import Copying
from chat_tui.ui.keys_for_form import KeysForForm
from chat_tui.ui.keys_in_turn import KeysInTurn
from chat_tui.ui.main_screen import MainScreen, binding_of
from chat_tui.ui.on_terminal import WritesChanges
from chat_tui.ui.palette import palette
from chat_tui.ui.server import OpenStore, Server, Wanted
from chat_tui.ui.servers import Servers, by_address
from chat_tui.ui.theme_files import NO_THEMES, Themes, complaints
from chat_tui.ui.themes import CHAT_DARK, CHAT_LIGHT, DARK_NAME, LIGHT_NAME, other_theme, own_variables, theme_of
from chat_tui.ui.told_shortly import TOAST_MAX, ToldShortly
from chat_tui.ui.writing import commands_here


class ChatApp(ToldShortly, Copying, KeysInTurn, WritesChanges):
    """chat-tui."""

    TITLE = "chat-tui"
    CSS_PATH = Path(__file__).with_name("chat.tcss")
    ENABLE_COMMAND_PALETTE = False  # Textual's: ours is like whatever else one chooses from
    _has_own_colours = False
    BINDINGS: ClassVar[list[BindingType]] = [binding_of(action) for action in ACTIONS if action.name in EVERYWHERE]

    def __init__(
        self,
        settings: Settings,
        host: str,
        port: int,
        nick: str,
        *,
        rooms: Iterable[str] = (),
        name: str = "",
        more: Sequence[Wanted] = (),
        open_store: OpenStore,
        find: Callable[[str], Wanted] | None = None,
        themes: Themes = NO_THEMES,
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
            name: the server's, where there are several.
            more: the others.
            open_store: gives what is kept for a server.
            find: finds one more server, by a profile's name or an address; by an address only, if it is not given.
            themes: the user's own.
            caller: calls servers, if they are trusted.
            keyring: keeps the tokens of accounts, if there is one.
            clock: the time, in seconds since 1970.

        """
        super().__init__(ansi_color=settings.theme in ANSI_THEMES or None)
        self._has_own_colours = settings.theme in ANSI_THEMES
        terminal.hide_locals(self)
        self.animation_level = "none"  # what one reads does not swim
        self.settings = settings
        self.clock = clock
        self.has_focus = True
        self.knows_focus = False
        """Whether the terminal says when it has the focus."""
        self._attention = Attention(settings.notify, clock, self, self.tell_terminal, os.environ)
        self._caller, self._keyring = caller, keyring
        self.main = MainScreen(lambda: self.servers)
        first = Wanted(Profile(host, port, nick, list(rooms)), open_store, name)
        self.servers: Servers = Servers(
            self, self, self.main, (first, *more), find=find or partial(by_address, open_store)
        )
        self.keys_wait_in(KeysForForm(self, lambda: self.servers.shown, self.say_shortly))
        for theme in self._own_themes(themes):
            self.register_theme(theme)
        self._themes = themes
        self._ascii = AsciiFilter(terminal.encoding()) if settings.ascii or not terminal.has_unicode() else None
        there = self.available_themes
        self._begin_with_theme(next(one for one in (settings.theme, CHAT_DARK.name, *there) if one in there))
        self._keymap_chosen = keymap(settings.keys)
        if self._keymap_chosen:
            self.set_keymap(self._keymap_chosen)
            terminal.give_up_keys(self, self._keymap_chosen)

    def _own_themes(self, themes: Themes) -> Iterable[Theme]:
        """Ours and the user's, in colours that the terminal has."""
        if self.console.color_system != "256":
            return (CHAT_DARK, CHAT_LIGHT, *(theme_of(*named) for named in themes.palettes.items()))
        from chat_tui.ui.few_colours import reduced  # noqa: PLC0415 - most terminals have them all

        palettes = {DARK_NAME: DARK, LIGHT_NAME: LIGHT, **themes.palettes}
        return (theme_of(name, reduced(palette)) for name, palette in palettes.items())

    @property
    def available_themes(self) -> dict[str, Theme]:
        """All that can be chosen: where the terminal has its own colours, those of these, for others send what it cannot show."""
        themes = super().available_themes
        if self._has_own_colours:
            return {name: theme for name, theme in themes.items() if theme.ansi}
        return themes

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What is done to each row before the terminal gets it."""
        filters = super().get_line_filters()
        return [*filters, self._ascii] if self._ascii is not None else filters

    def get_css_variables(self) -> dict[str, str]:
        """Textual's for this theme, and our own."""
        generated = super().get_css_variables()
        self.theme_variables = generated | own_variables(self.current_theme, generated)
        return self.theme_variables

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
        self.note_height()
        terminal.on_ending_signals(self._end_by)

    def _end_by(self, number: int) -> None:
        """Somebody ends the program from outside, or the terminal is gone: what is written comes first."""
        try:
            self.main.keep_draft()
            self.servers.save()
        finally:
            self.exit(return_code=128 + number)

    async def on_mount(self) -> None:
        """Begin when the panes are there: nothing is drawn before, and nothing comes from a server."""
        terminal.suspend_in_the_loop(self, self.on_terminal.forget)
        self.set_class(self.settings.slow_link, "slow")
        await AwaitMount(self.main, [self.main])
        if self.main.is_running and self.return_code is None:  # else it ends, and some panes may be empty
            self._begin()

    def _begin(self) -> None:
        self.servers.begin(self._caller.servers.warnings())
        self._tell_of_themes()
        self.main.paint()
        self.main.show()
        self.call_after_refresh(self.main.paint_soon)  # the panes have their widths then
        # What is here now stays: a full collection that goes through it takes 25 ms, while somebody types.
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        gc.enable()

    def _tell_of_themes(self) -> None:
        """Say what is wrong with files of the user's, and what can hardly be read in the one that was chosen."""
        for text in complaints(self._themes, self.theme, self.settings.theme):
            self.notify(text[:TOAST_MAX], markup=False, severity="warning", timeout=12)

    def on_unmount(self) -> None:
        """Write everything down."""
        self.main.close_panes()
        self.servers.close()

    def leave(self, last_words: str = "") -> None:
        """End the program."""
        from rich.text import Text  # noqa: PLC0415 - most programs end without a word

        self.main.close_panes()
        self.exit(message=Text(last_words) if last_words else None)

    # The servers.

    @property
    def client(self) -> Client:
        """The user of the server on the screen."""
        return self.servers.shown.client

    def lately(self) -> Sequence[tuple[str, int]]:
        """The servers that one was at, by host and port, the last one first."""
        return self._caller.servers.lately()

    def new_client(self, server: Server, host: str, port: int, nick: str) -> Client:
        """A user of a server, who is not connected yet."""
        return Client(
            host,
            port,
            nick,
            store=server.wanted.open_store(host, port),
            caller=self._caller,
            keyring=self._keyring,
            rooms=server.wanted.profile.rooms,
            show_joins=self.settings.show_joins,
            clock=self.clock,
            on_event=server.take,
            on_change=server.connection_changed,
            on_refused=server.refused,
        )

    def start(self, server: Server) -> None:
        """Have a server connect."""
        server.start()

    def action_connect(self) -> None:
        """Connect elsewhere, or under another name."""
        self.servers.shown.connecting.show()

    def action_line(self) -> None:
        """Show whether the line is encrypted, and the server's fingerprint."""
        self.servers.shown.action_line()

    def action_devices(self) -> None:
        """Show one's devices, and drop them."""
        self.servers.shown.action_devices()

    def action_account(self) -> None:
        """Show one's account, or make one."""
        self.servers.shown.account_dialog.show()

    def action_reconnect(self) -> None:
        """Try to connect now."""
        self.client.connection.try_now()

    # Beside the panes.

    def tell_terminal(self, data: str) -> None:
        """Write something to the terminal that is not on the screen."""
        terminal.tell_terminal(self, data)

    def call_user(self, how: How, heading: str, text: str) -> None:
        """Ring, or notify the desktop, if nobody looks and it is time."""
        self._attention.call(how, heading, text)

    def on_app_focus(self, _: AppFocus) -> None:
        """Somebody looks at the terminal."""
        self.has_focus = self.knows_focus = True

    def on_app_blur(self, _: AppBlur) -> None:
        """Nobody does."""
        self.has_focus, self.knows_focus = False, True

    def action_toggle_theme(self) -> None:
        """Go from dark to light, or back: to the theme of the settings, where it is that."""
        chosen, other = self.available_themes.get(self.settings.theme), other_theme(self.current_theme)
        is_dark = not self.current_theme.dark
        self.theme = chosen.name if chosen is not None and chosen.dark is is_dark else other

    def action_help(self) -> None:
        """Show the keys and commands."""
        from chat_tui.ui.screens.help import HelpScreen  # noqa: PLC0415 - who asks pays

        commands = commands_here(self.servers.shown, self.main.navigation.current)
        self.push_screen(HelpScreen(commands.values(), self.settings.keys))

    def action_bare(self) -> None:
        """Show the room's lines as plain text, without anything beside them."""
        from chat_tui.client.bare_lines import BareLines  # noqa: PLC0415 - who asks pays
        from chat_tui.ui.screens.bare import BareScreen  # noqa: PLC0415 - the same

        if self.main.navigation.current is None:
            self.say_shortly(say("You are in no room yet."))
        else:
            lines = BareLines(lambda: self.main.navigation.current, self.settings.time_format)
            self.push_screen(BareScreen(lines, self.tell_terminal))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While something is asked, keys mean what they mean there, and nothing below it."""
        del parameters
        return action not in _ON_MAIN_SCREEN or not self.main.is_open or self.main.is_active

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action, for the palette."""
        del screen
        return palette(self, self.client, self.main, self._keymap_chosen, self.servers.choices())

    def action_command_palette(self) -> None:
        """Find an action by its name."""
        from chat_tui.ui.screens.finding import ACTION_SCREEN, action_screen  # noqa: PLC0415 - who asks pays

        if self.screen.has_class(ACTION_SCREEN):
            return
        commands = {command.title: command for command in self.get_system_commands(self.screen)}

        def chosen(title: str | None) -> None:
            if title:
                commands[title].callback()

        self.push_screen(action_screen(commands.values()), chosen)

    def search_themes(self) -> None:
        """Choose a theme, each of which is seen while it is marked."""
        from chat_tui.ui.screens.finding import theme_screen  # noqa: PLC0415 - who asks pays

        before = self.theme
        names = sorted(self.available_themes, key=lambda name: (name != before, name))

        def chosen(name: str | None) -> None:
            self.theme = name or before

        self.push_screen(theme_screen(names, before, partial(setattr, self, "theme")), chosen)


_ON_MAIN_SCREEN = {
    action.method.removeprefix("app.")
    for action in ACTIONS
    if action.method.startswith("app.") and action.name not in EVERYWHERE
}
"""What the program does only where nothing else is open."""
