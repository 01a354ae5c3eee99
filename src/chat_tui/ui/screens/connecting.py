"""What is shown when there is no server yet, or it does not want us, or one wants another: what was tried, and what to try."""

import re
from collections.abc import Container, Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from chat_server.protocol.names import BadName, parse_name
from chat_tui.client.accounts import Proof
from chat_tui.language import say
from chat_tui.settings import SettingsError, parse_address
from chat_tui.ui.field import Field, SecretField
from chat_tui.ui.labels import from_server
from chat_tui.ui.screens.box import Box

NAME_MAX = 32
"""Characters of a nickname."""

ROOMY, BORDER_MAX = 24, 52
"""Rows of a terminal from which on fields have frames, and columns of what stands in one."""


class Target(NamedTuple):
    """Where to connect, under which name."""

    host: str
    port: int
    nick: str
    proof: Proof | None = None
    """That an account of that name is the user's, where they say so."""


def free_name(nick: str, taken: Container[str]) -> str:
    """A name like this one that is not among the taken ones: ann2, ann_, ann3 for ann."""
    stem = re.sub(r"(?:\d{1,3}|_)$", "", nick)[: NAME_MAX - 3] or nick[: NAME_MAX - 3]
    choices = [f"{stem}2", f"{stem}_", *(f"{stem}{number}" for number in range(3, 100))]
    return next((choice for choice in choices if choice not in taken), f"{stem}_{NAME_MAX}")


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class ConnectScreen(ModalScreen[Target | None]):
    """Asks where to connect. Returns the answer; None if it connected meanwhile, or one goes back to the chat."""

    CSS_PATH = "screens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back"),
        Binding("ctrl+q", "app.quit", "Quit"),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
        *(Binding(f"alt+{number}", f"lately({number})", show=False, priority=True) for number in (1, 2)),
    ]

    def __init__(
        self,
        target: Target,
        why: str,
        *,
        is_about_name: bool = False,
        is_connected: bool = False,
        server: str = "",
        lately: Sequence[tuple[str, int]] = (),
    ) -> None:
        """Say why it is shown.

        Args:
            target: what is tried.
            why: why it is shown.
            is_about_name: whether it is the name that has to be changed.
            is_connected: whether there is a connection, and one wants another.
            server: of which of several it is.
            lately: where the user was lately, by host and port.

        """
        super().__init__()
        self._target = target
        self._why = why
        self._is_about_name, self._is_connected = is_about_name, is_connected
        self._server = server
        self._servers = [_address(host, port) for host, port in lately]
        self._wrong = ("", "")  # which field, and what is wrong with it

    def compose(self) -> ComposeResult:
        """What was tried, and a form."""
        with Box(from_server(self._server, say("Connect")), say("Enter connects · Esc"), id="connect"):
            yield Static("", id="why")
            with Horizontal(classes="field"):
                yield Label(say("Server"))
                yield Field(self._address, placeholder=say("host or host:port"), id="address", compact=True)
            with Horizontal(classes="field"):
                yield Label(say("Name"))
                yield Field(self._target.nick, placeholder=say("your nickname"), id="nick", compact=True)
            with Horizontal(classes="field"):
                yield Label(say("Password"))
                yield SecretField(placeholder=say("if it has an account"), id="password")
            yield Static("", id="wrong")
            yield Button(say("Connect"), variant="primary", compact=True)
            if self._servers:
                yield Static(Content(say("Lately")), classes="label")
            for number, server in enumerate(self._servers, 1):
                yield Static(Content.assemble((f"Alt+{number}", "bold"), f"  {server}"))
            yield Static(say("A server of your own: chat-server."), classes="hint", markup=False)

    @property
    def _address(self) -> str:
        return _address(self._target.host, self._target.port) if self._target.host else ""

    def on_mount(self) -> None:
        """Begin where something is to be changed."""
        self.tell(self._why, is_connected=self._is_connected)
        self._fit()
        self.query_one("#nick" if self._is_about_name or not self._target.nick else "#address").focus()

    def on_resize(self) -> None:
        """The terminal is of another size."""
        self._fit()

    def _fit(self) -> None:
        """Have frames around the fields that say what they are for, where there is place for them."""
        is_roomy = self.app.size.height >= ROOMY
        self.query_one("#connect").set_class(is_roomy, "roomy")
        for name, title in (("address", say("Server")), ("nick", say("Name")), ("password", say("Password"))):
            field = self.query_one(f"#{name}", Input)
            field.compact, field.border_title = not is_roomy, Content(title)
        self._show_wrong()

    def _show_wrong(self) -> None:
        """Say what is wrong in the frame of its field, in place of its rule; where it has none, or none of that length, below."""
        name, what = self._wrong
        is_below = not self.query_one("#connect").has_class("roomy") or cell_len(what) > BORDER_MAX
        self.query_one("#wrong", Static).update(Content(what if is_below else ""))
        for field, rule in (("address", say("host or host:port")), ("nick", say("letters, digits, - and _"))):
            is_wrong = field == name and not is_below
            box = self.query_one(f"#{field}", Field)
            box.border_subtitle = Content(what if is_wrong else rule)
            box.set_class(is_wrong, "wrong")

    @property
    def is_touched(self) -> bool:
        """Whether something was written that a screen which goes away by itself would lose."""
        written = self._of("#address"), self._of("#nick"), self._password
        return written != (self._address, self._target.nick, "")

    def tell(self, why: str, *, is_connected: bool = False) -> None:
        """Say how the connection is that is tried by itself. What is wrong with the form stays."""
        self.query_one("#connect").set_class(is_connected, "connected")
        self.query_one("#why", Static).update(Content(why))

    def _of(self, field: str) -> str:
        return self.query_one(field, Input).value.strip()

    @property
    def _password(self) -> str:
        return self.query_one("#password", Input).value

    def _say_wrong(self, field: str, what: str) -> None:
        self._wrong = field, what
        self._show_wrong()

    @on(Input.Changed)
    def _changed(self) -> None:
        self._say_wrong("", "")

    def action_lately(self, number: int) -> None:
        """Connect to one of the servers where one was lately."""
        if number <= len(self._servers):
            self.query_one("#address", Field).value = self._servers[number - 1]
            self._connect()

    @on(Input.Submitted)
    @on(Button.Pressed)
    def _connect(self) -> None:
        nick = self._of("#nick")
        try:
            host, port = parse_address(self._of("#address"))
            parse_name(nick)
        except SettingsError as error:
            self._say_wrong("address", f"✗ {error}")
        except BadName:
            self._say_wrong("nick", "✗ " + say("A name has 1 to 32 letters, digits, - and _."))
        else:
            self.dismiss(Target(host, port, nick, Proof(password=self._password) if self._password else None))
