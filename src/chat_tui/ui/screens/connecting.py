"""What is shown when there is no server yet, or it does not want us, or one wants another: what was tried, and what to try."""

import re
from collections.abc import Container
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from chat_server.protocol.names import BadName, parse_name
from chat_tui.language import say
from chat_tui.settings import SettingsError, parse_address
from chat_tui.ui.field import Field
from chat_tui.ui.labels import from_server

NAME_MAX = 32
"""Characters of a nickname."""


class Target(NamedTuple):
    """Where to connect, under which name."""

    host: str
    port: int
    nick: str


def free_name(nick: str, taken: Container[str]) -> str:
    """A name like this one that is not among the taken ones: ann2, ann_, ann3 for ann."""
    stem = re.sub(r"(?:\d{1,3}|_)$", "", nick)[: NAME_MAX - 3] or nick[: NAME_MAX - 3]
    choices = [f"{stem}2", f"{stem}_", *(f"{stem}{number}" for number in range(3, 100))]
    return next((choice for choice in choices if choice not in taken), f"{stem}_{NAME_MAX}")


class ConnectScreen(ModalScreen[Target | None]):
    """Asks where to connect. Returns the answer; None if it connected meanwhile, or one goes back to the chat."""

    CSS_PATH = "screens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back"),
        Binding("ctrl+q", "app.quit", "Quit"),
    ]

    def __init__(self, target: Target, why: str, *, is_about_name: bool = False, server: str = "") -> None:
        """Say why it is shown. `is_about_name`: whether it is the name that has to be changed; `server`: of which of several it is."""
        super().__init__()
        self._target = target
        self._why = why
        self._is_about_name = is_about_name
        self._server = server

    def compose(self) -> ComposeResult:
        """What was tried, and a form."""
        with Vertical(classes="box", id="connect"):
            yield Static(from_server(self._server, say("Connect")), classes="heading", markup=False)
            yield Static("", id="why")
            with Horizontal(classes="field"):
                yield Label(say("Server"))
                yield Field(self._address, placeholder=say("host or host:port"), id="address", compact=True)
            with Horizontal(classes="field"):
                yield Label(say("Name"))
                yield Field(self._target.nick, placeholder=say("your nickname"), id="nick", compact=True)
            yield Static("", id="wrong")
            yield Button(say("Connect"), variant="primary", compact=True)
            yield Static(
                say("Enter connects. Esc goes back. A server of your own: scripts/serve."), classes="hint", markup=False
            )

    @property
    def _address(self) -> str:
        if not self._target.host:
            return ""
        host = f"[{self._target.host}]" if ":" in self._target.host else self._target.host
        return f"{host}:{self._target.port}"

    def on_mount(self) -> None:
        """Begin where something is to be changed."""
        self.tell(self._why)
        self.query_one("#nick" if self._is_about_name or not self._target.nick else "#address").focus()

    @property
    def is_touched(self) -> bool:
        """Whether something was written that a screen which goes away by itself would lose."""
        return (self._of("#address"), self._of("#nick")) != (self._address, self._target.nick)

    def tell(self, why: str) -> None:
        """Say how the connection is that is tried by itself. What is wrong with the form stays."""
        self.query_one("#why", Static).update(Content(why))

    def _of(self, field: str) -> str:
        return self.query_one(field, Input).value.strip()

    def _say_wrong(self, what: str) -> None:
        self.query_one("#wrong", Static).update(Content(what))

    @on(Input.Changed)
    def _changed(self) -> None:
        self._say_wrong("")

    @on(Input.Submitted)
    @on(Button.Pressed)
    def _connect(self) -> None:
        nick = self._of("#nick")
        try:
            host, port = parse_address(self._of("#address"))
            parse_name(nick)
        except SettingsError as error:
            self._say_wrong(f"✗ {error}")
        except BadName:
            self._say_wrong("✗ " + say("A name has 1 to 32 letters, digits, - and _."))
        else:
            self.dismiss(Target(host, port, nick))
