"""What is shown when there is no server yet, or it does not want us: what was tried, and what to try."""

from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from chat_server.names import BadName, parse_name
from chat_tui.settings import SettingsError, parse_address


class Target(NamedTuple):
    """Where to connect, under which name."""

    host: str
    port: int
    nick: str


class ConnectScreen(ModalScreen[Target | None]):
    """Asks where to connect. Returns the answer; None if it connected meanwhile, or one wants to leave."""

    CSS_PATH = "screens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "app.quit", "Quit")]

    def __init__(self, target: Target, why: str) -> None:
        """Say why it has not worked."""
        super().__init__()
        self._target = target
        self._why = why

    def compose(self) -> ComposeResult:
        """What was tried, and a form."""
        with Vertical(classes="box", id="connect"):
            yield Static("Connect", classes="heading", markup=False)
            yield Static("", id="why")
            with Horizontal(classes="field"):
                yield Label("Server")
                host = f"[{self._target.host}]" if ":" in self._target.host else self._target.host
                yield Input(f"{host}:{self._target.port}", placeholder="host:port", id="address", compact=True)
            with Horizontal(classes="field"):
                yield Label("Name")
                yield Input(self._target.nick, placeholder="your nickname", id="nick", compact=True)
            yield Button("Connect", variant="primary", compact=True)
            yield Static(
                "Enter connects. A server of your own: scripts/serve.  Ctrl+Q quits.", classes="hint", markup=False
            )

    def on_mount(self) -> None:
        """Begin where something is to be changed."""
        self.tell(self._why)
        self.query_one(
            "#nick" if "name" in self._why.casefold() or "taken" in self._why or not self._target.nick else "#address"
        ).focus()

    def tell(self, why: str) -> None:
        """Say what was tried, and what came of it."""
        self.query_one("#why", Static).update(Content(why))

    @on(Input.Submitted)
    @on(Button.Pressed)
    def _connect(self) -> None:
        nick = self.query_one("#nick", Input).value.strip()
        try:
            host, port = parse_address(self.query_one("#address", Input).value)
            parse_name(nick)
        except SettingsError as error:
            self.tell(str(error))
        except BadName:
            self.tell("A name has 1 to 32 letters, digits, - and _.")
        else:
            self.dismiss(Target(host, port, nick))
