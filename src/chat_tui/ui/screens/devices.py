"""The devices of one's account: which there are, when each was last here, and from where; one, or all others, can be dropped.

Knows what the server answers about them. Never knows the connection, nor whose account it is.
"""

import time
from collections.abc import Callable
from typing import ClassVar, Protocol

from msgspec import UnsetType
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from chat_server.protocol.described import DeviceShown
from chat_server.protocol.events import DevicesListed, Event
from chat_tui.client import clocks
from chat_tui.client.accounts import CANNOT_ASK
from chat_tui.client.answers import words_for
from chat_tui.language import say, say_count, sentences
from chat_tui.ui.list_pane import Item, ListPane
from chat_tui.ui.screens.asking import ConfirmScreen
from chat_tui.ui.screens.box import Box
from chat_tui.ui.screens.prose import Prose

BOT = "bot"
"""The kind of a device that nobody sits at: a token that somebody has made for a program."""

ROWS_MIN, ROWS_MAX, BELOW = 2, 25, 4
"""Rows of the list at least and at most, and those of the screen that are not its."""

ROWS_APART = 16
"""Rows of a screen on which there are empty ones between what the box has: a bot's details take four of 40 columns, the keys two."""


class Ask(Protocol):
    """Asks the server."""

    def __call__(self, do: str, take: Callable[[Event], object], **fields: object) -> bool:
        """Have `take` called with what answers a request. Returns False if there is no connection."""


class DevicesScreen(ModalScreen[None]):
    """Lists devices, and drops them."""

    CSS_PATH = "screens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Back"),
        Binding("up,k,ctrl+p", "move(-1)", show=False),
        Binding("down,j,ctrl+n", "move(1)", show=False),
        Binding("d,delete", "drop", "Drop"),
        Binding("o", "drop_others", "Drop all others"),
        Binding("r", "look", "Look again"),
        Binding("ctrl+q", "app.quit", "Quit"),
    ]

    def __init__(self, ask: Ask, place: str, language: str) -> None:
        """Ask nothing yet.

        Args:
            ask: asks the server.
            place: where this device's token is kept.
            language: in which answers are told.

        """
        super().__init__()
        self._ask, self._place, self._language = ask, place, language
        self._devices: tuple[DeviceShown, ...] = ()
        self._terminals = 0
        self._came_from = ""
        self._at = 0

    def compose(self) -> ComposeResult:
        """The list, what the server has said, and what is known of the one that is marked: that is cut short if there is no room for both."""
        with Box(say("Your devices"), id="devices"):
            yield ListPane()
            yield Static("", classes="said")
            yield Prose("", classes="details")

    def on_mount(self) -> None:
        """See which there are."""
        self._say("")
        self._tell_keys()
        self.action_look()

    def on_resize(self) -> None:
        """The list scrolls, so that what stands below it is seen; where there are few rows none is left empty."""
        box = self.query_one(Box)
        box.set_class(self.app.size.height < ROWS_APART, "tight")
        self.query_one(ListPane).styles.max_height = max(ROWS_MIN, min(ROWS_MAX, box.rows - BELOW))

    def action_look(self) -> None:
        """Ask the server which there are."""
        if not self._ask("devices", self._take):
            self._say(say(CANNOT_ASK))

    def _take(self, event: Event) -> None:
        if not self.is_attached:
            return
        if not isinstance(event, DevicesListed):
            self._say(words_for(event, was_typed=True, language=self._language))
            return
        marked = self._marked.number if self._marked else None
        self._devices, self._terminals = event.devices, event.terminals
        self._came_from = ", ".join(f"{one.network} ({_day(one.seen)})" for one in event.networks)
        self._at = next((at for at, device in enumerate(event.devices) if device.number == marked), 0)
        heading = say("Your devices")
        if event.terminals:
            heading = say_count(
                "Your devices and {number} terminal", "Your devices and {number} terminals", event.terminals
            )
        self.query_one(Box).call(heading)
        self._show()

    @property
    def _marked(self) -> DeviceShown | None:
        return self._devices[self._at] if self._at < len(self._devices) else None

    def _show(self) -> None:
        items = [Item(str(device.number), _row(device), _state(device)) for device in self._devices]
        marked = self._marked
        self.query_one(ListPane).show(items, str(marked.number) if marked else None)
        none = say("No program has logged in with your account.")
        details = self._details(marked) if marked else sentences(none, self._networks)
        self.query_one(".details", Prose).say(details)
        self._tell_keys()

    def _tell_keys(self) -> None:
        """Say which keys do something here: a guest has nothing to drop."""
        drops = ""
        if self._devices or self._terminals:
            drops = say("d drops it, o all others.") if self._devices else say("o drops all others.")
        self.query_one(Box).say_keys(sentences(drops, say("Esc goes back.")))

    def _details(self, device: DeviceShown) -> str:
        known = say(
            "Number {number}{limits}, since {day}.", number=device.number, limits=_limits(device), day=_day(device.made)
        )
        if device.is_this:
            return sentences(known, say("This one. Its token is kept in {place}.", place=self._place), self._networks)
        here = say("Here now") if device.is_here else say("Last here {time}", time=_minute(device.seen))
        network = say(", from {network}", network=device.network) if device.network else ""
        return sentences(known, say("{here}{network}.", here=here, network=network))

    @property
    def _networks(self) -> str:
        """From where its owner came last, by whatever, where that is told."""
        return say("You came last from {networks}.", networks=self._came_from) if self._came_from else ""

    def _say(self, text: str) -> None:
        """Show what the server has answered; it stays until it answers something else."""
        said = self.query_one(".said", Static)
        said.update(Content(text))
        said.display = bool(text)

    def action_move(self, step: int) -> None:
        """Mark another one."""
        if self._devices:
            self._at = max(0, min(self._at + step, len(self._devices) - 1))
            self._show()

    @on(ListPane.Chosen)
    def _click(self, event: ListPane.Chosen) -> None:
        self._at = next((at for at, device in enumerate(self._devices) if str(device.number) == event.key), self._at)
        self._show()

    def action_drop(self) -> None:
        """Ask, and drop the one that is marked."""
        device = self._marked
        if device is None:
            return
        if device.is_this:
            self._say(say("That is this one. /logout leaves; another device can drop it."))
            return
        what = say("It is logged out at once, and does not come back without your password or a code.")
        heading = say("Drop {number}, {name}?", number=device.number, name=device.name)
        self._confirm(heading, what, say("Drop it"), str(device.number))

    def action_drop_others(self) -> None:
        """Ask, and drop all but this one."""
        if not self._devices and not self._terminals:
            return
        what = say(
            "Every other device is logged out at once, and does not come back without your password or a code. What is"
            " logged in at terminals ends too."
        )
        self._confirm(say("Drop all others?"), what, say("Drop them"), "others")

    def _confirm(self, heading: str, what: str, yes: str, device: str) -> None:
        def answered(is_meant: bool | None) -> None:
            if is_meant and not self._ask("drop", self._dropped, device=device):
                self._say(say(CANNOT_ASK))

        self.app.push_screen(ConfirmScreen(heading, what, no=say("Keep"), yes=yes), answered)

    def _dropped(self, event: Event) -> None:
        if self.is_attached:
            self._say(words_for(event, was_typed=True, language=self._language))
            self._ask("devices", self._take)


def _row(device: DeviceShown) -> Content:
    return Content.assemble((f"{device.number:>2}  ", "dim"), device.name, (f"  {device.network}", "dim"))


def _state(device: DeviceShown) -> Content:
    if device.is_this:
        return Content.styled(say("this one"), "bold $text-success")
    if device.is_here:
        return Content.styled(say("here now"), "$text-success")
    return Content.styled(_minute(device.seen), "dim")


def _limits(device: DeviceShown) -> str:
    """That it is a bot's token, and where and until when that is good."""
    if device.kind != BOT:
        return ""
    rooms = say(", in {rooms}", rooms=say(", ").join(device.rooms)) if device.rooms else ""
    ends = "" if isinstance(device.ends, UnsetType) else say(", until {time}", time=_minute(device.ends))
    return say(", a bot's token{rooms}{ends}", rooms=rooms, ends=ends)


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d", clocks.shown(at))


def _minute(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", clocks.shown(at))
