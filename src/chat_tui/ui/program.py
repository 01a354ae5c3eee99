"""What the parts of the screen ask of the program that shows it. Knows the client; never knows Textual."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol

from chat_server.protocol.events import Event, Refused, Registered
from chat_tui.client.client import Client
from chat_tui.client.connection import ConnectionChanged
from chat_tui.client.state import State
from chat_tui.settings import How, Settings


class Group(NamedTuple):
    """One of several servers, as the list of rooms shows it."""

    title: str
    change: ConnectionChanged
    state: State
    is_shown: bool
    drafts: Collection[str] = ()
    """The rooms where something is written and not sent."""


class Program(Protocol):
    """chat-tui, for its screen: where there are several servers, as one of them has it."""

    settings: Settings
    clock: Callable[[], float]

    @property
    def client(self) -> Client:
        """The user of the server where one is now; of another one after a while."""

    @property
    def change(self) -> ConnectionChanged:
        """How the connection is."""

    @property
    def has_focus(self) -> bool:
        """Whether somebody looks at the terminal."""

    @property
    def title(self) -> str:
        """What the server is called where there are several; "" if it is the only one."""

    def groups(self) -> Sequence[Group]:
        """All servers, in their order."""

    def is_new_here(self) -> bool:
        """Whether the user has named no room, and was in none of this server's."""

    def seconds_left(self) -> int:
        """Seconds until the next attempt to connect."""

    def say_shortly(self, text: str) -> None:
        """Say what came of a key, for some seconds: it does not stay among the lines."""

    def call_user(self, how: How, heading: str, text: str) -> None:
        """Ring, or notify the desktop, if nobody looks and it is time."""

    def tell_terminal(self, data: str) -> None:
        """Write something to the terminal that is not on the screen."""

    def action_line(self) -> None:
        """Show whether the line is encrypted, and the server's fingerprint."""

    def action_devices(self) -> None:
        """Show one's devices, and drop them."""

    def ask_about_account(self, text: str) -> bool:
        """Do what a typed command about accounts asks for, by a screen. Returns False if it is none."""

    @property
    def lines_early(self) -> int:
        """How many lines wait because the user is not let in yet."""

    def take_typed_early(self) -> str:
        """Take out of the prompt what was typed before a password is asked for."""

    def typed_below(self) -> None:
        """Something was typed in the prompt while something else is open over it."""

    def throw_away_early(self, lines: int) -> bool:
        """Forget what was typed ahead after a command about an account: so many lines with it, and those that wait. Returns whether there was any."""

    @property
    def awaits_form(self) -> bool:
        """Whether a form about the account is on its way, and what is typed waits for it."""

    @property
    def has_whole_typed(self) -> bool:
        """Whether what waits for the form is all that was typed for it."""

    @property
    def may_open_form(self) -> bool:
        """Whether a form may open that what is typed just now is meant for."""

    def command_typed(self) -> None:
        """A command has been typed: what is typed next is meant for no form that is not on its way."""

    def registered(self, event: Registered) -> None:
        """Show the recovery codes of a new account."""

    def change_servers(self, do: str, server: str) -> None:
        """Connect to one more server (`connect`), by its profile's name or its address, "": ask for it; or leave this one (`disconnect`)."""

    def leave(self, last_words: str = "") -> None:
        """End the program. `last_words` stand on the terminal then."""


def ask(program: Program, do: str, take: Callable[[Event], object], **fields: object) -> bool:
    """Ask the server, because of a key; have `take` called with what answers it. Returns False if there is no connection.

    What the server refuses is told for some seconds too, for it is no part of the talk.
    """

    def answered(event: Event) -> bool:
        if isinstance(event, Refused):
            program.say_shortly(event.text)
        take(event)
        return isinstance(event, Refused)

    return program.client.connection.request(do, on_answer=answered, **fields)
