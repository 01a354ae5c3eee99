"""What is typed into chat-tui line by line, carried out in order.

A command waits until what was said before it is stored, and what comes after it waits for its answer. Knows the client, and what has been
typed. Never knows when the program ends, nor what others say.
"""

from collections.abc import Callable, Iterable
from functools import partial
from math import inf
from time import monotonic
from typing import NamedTuple

from chat_server.protocol import entries, events
from chat_server.protocol.events import Event
from chat_server.protocol.names import name_key
from chat_server.protocol.room_events import RoomRenamed
from chat_server.protocol.typed import BEHIND_MAX, BEHIND_SECONDS
from chat_tui.client.accounts import CANNOT_ASK
from chat_tui.client.answers import answer_in_words
from chat_tui.client.client import Client
from chat_tui.client.command_line import Asked, Misused
from chat_tui.client.completion import replaced
from chat_tui.client.connection import Status
from chat_tui.client.early_typing import NOT_YET, thrown_away
from chat_tui.client.line_words import words_for_line
from chat_tui.client.pending import Pending
from chat_tui.client.pipes import Input, TooLong
from chat_tui.client.plain_accounts import PlainAccounts
from chat_tui.client.plain_options import Own, PlainOptions
from chat_tui.client.state import RoomState
from chat_tui.language import message, say

UNANSWERED_MAX = 100
"""Lines that are sent and not stored yet before no more of the input is taken: what is not taken need not be kept when the program ends."""

KEPT_MAX = 10_000
"""Lines that are kept while there is no connection before no more of the input is taken."""

LEAVING = ("/logout", "/quit", "/exit", "/bye")
"""What ends the program where no server can be asked."""


NOT_ELSEWHERE = message(
    "Lines from here on are not sent: they may be for another room than {room}. /join {room} goes on there."
)
"""What is told of the first line after a room that cannot be entered, or what may be the mistyped name of one."""


class InHand(NamedTuple):
    """A command that waits for its answer, and the line on which it was typed."""

    asked: Asked
    line: str


class Typing:
    """Takes lines of the input when their turn has come, and does what they say."""

    def __init__(
        self,
        client: Client,
        input_: Input,
        write: Callable[[str], None],
        *,
        rooms: Iterable[str],
        accounts: PlainAccounts,
        options: PlainOptions,
        is_interactive: bool,
        on_leave: Callable[[], None],
        on_answer: Callable[[], None],
    ) -> None:
        """Take nothing yet.

        Args:
            client: who is asked, and says what is said.
            input_: the lines.
            write: writes answers, and what is wrong with what was typed.
            rooms: rooms that were named; what is typed goes to the last of them.
            accounts: asks for what is asked with a password.
            options: does what is asked of the program itself.
            is_interactive: somebody sits there, and reads before they type on.
            on_leave: called when the user wants to leave, and there is no server to be asked.
            on_answer: called when a command has been answered.

        """
        self._client, self._input, self._write = client, input_, write
        self._accounts, self._options = accounts, options
        self._is_interactive = is_interactive
        self._on_leave, self._on_answer = on_leave, on_answer
        saved = client.saved
        named = [*rooms] or ([saved.current] if saved.current in saved.rooms else saved.rooms)
        self.room = named[-1] if named else ""
        """The room that was named last: where what is typed goes."""
        self.failed = 0
        """Lines that will not be stored, and rooms that cannot be entered."""
        self.roomless = 0
        """Lines that had no room to go to."""
        self._left = ""  # the room where they would have gone before another one was named that cannot be entered
        self.is_settled = False
        """Whether the server has answered everything that is asked when there is a connection."""
        self._was_settled = False
        self._in_hand: InHand | None = None
        self._withheld, self._withheld_until = 0, 0.0  # lines that are not said, and until when

    @property
    def is_waiting(self) -> bool:
        """Whether a command waits for its answer."""
        return self._in_hand is not None

    # What the server says.

    def take(self, event: Event) -> None:
        """See whether an event changes where one is."""
        match event:
            case events.Entered() if not self.room and not self._was_settled:
                self._go_to(event.room)
            case RoomRenamed() if name_key(event.room) == name_key(self.room):
                self._go_to(event.new)
            case events.WentBack() if name_key(event.room) == name_key(self.room):
                self.room = ""
            case events.RoomsListed():
                self.is_settled = self._was_settled = True

    def room_refused(self, room: str) -> None:
        """A room that is wanted cannot be entered."""
        if not self._is_interactive or name_key(room) == name_key(self.room):
            self._is_nowhere()
        else:
            self.failed += 1

    def connection_lost(self) -> None:
        """Everything is asked again on the next one."""
        self.is_settled = False
        self.ask_again_later()

    def ask_again_later(self) -> None:
        """A command whose answer is lost with the connection comes again, before what was typed after it."""
        if self._in_hand is not None:
            self._input.put_back(self._in_hand.line)
            self._in_hand = None

    def _answered(self, command: InHand, event: Event) -> bool:
        """Take the first answer to a command. Those that follow are told as what nobody has asked for."""
        if self._in_hand is not command:
            return False
        self._in_hand = None
        self._on_answer()
        match event:
            case events.Refused():
                self._withhold_after(command.line)
                self._refused(command.asked, event)
            case events.Entered():
                self._go_to(event.room)
                return False
            case (
                entries.Recalled() | events.WentBack() | events.Joined() | events.Left() | events.Stored()
                | events.NotStored() | events.LoggedIn() | events.LoggedOut()
            ):  # fmt: skip
                return False
            case events.Renamed() if event.room:
                return False
            case _:
                words = answer_in_words(event, was_typed=True, language=self._client.state.language)
                if words:
                    self._write(words)
                if isinstance(event, events.HelpListed) and (own := self._options.listed_with(event, self.room)):
                    self._write(own)
        return True

    def _refused(self, asked: Asked, refused: events.Refused) -> None:
        self._write(refused.text)
        room = str(asked.fields.get("room", "")) if asked.do == "join" else ""
        if room:
            self.room_refused(room)

    def _is_nowhere(self) -> None:
        """The room that was named cannot be entered: nobody reads that before the next line is taken, which was meant for there."""
        self.failed += 1
        self._left, self.room = self.room or self._left, ""

    def _go_to(self, room: str) -> None:
        self._left = ""
        self.room = self._client.saved.current = room

    # What is typed.

    def carry_on(self, *, is_last: bool = False, is_over: Callable[[], bool]) -> None:
        """Carry out what has its turn. `is_last`: the program ends, and what can still be kept is."""
        said: list[Pending] = []
        while (typed := self._input.next) is not None and (is_last or not is_over()):
            line = typed if isinstance(typed, TooLong) else self._client.as_meant(typed)
            asked = self._parsed(line)
            words = asked.words if isinstance(asked, Asked) else None
            if words is not None and isinstance(asked, Asked):
                if not self._may_say(len(said), is_last=is_last):
                    break
                self._input.take()
                if self._is_withheld(line, asked):
                    continue
                said += self._line(asked, words, is_too_long=isinstance(line, TooLong))
            elif not line.strip():
                self._input.take()
            elif not is_last and self._may_ask(len(said)):
                self._input.take()
                self._command(line, asked)
            else:
                break
        if said:
            self._client.outgoing.say(*said)

    def _parsed(self, line: str) -> Asked | Own | Misused | None:
        """What a line asks for; None if nobody knows before there is a connection, or if there is nothing on it."""
        client = self._client
        is_unknown = line.startswith("/") and not line.startswith("//") and not self._client.state.commands
        if is_unknown or not line.strip():
            return None
        commands = client.state.commands
        meant = client.aliases.line(replaced(line), commands)
        return self._options.parse(meant, commands) or client.parse(meant)

    @property
    def _is_online(self) -> bool:
        return self._client.connection.status is Status.ONLINE

    @property
    def _is_early(self) -> bool:
        """Whether somebody sits there of whom a password may be asked yet."""
        return self._is_interactive and not self._is_online and self._client.early_typing.may_be_secret

    def _may_say(self, more: int, *, is_last: bool) -> bool:
        """Whether the next line may be said now: after the answer to a command before it, and not too far ahead of what is stored."""
        if self.is_waiting or (not self.room and not self._was_settled and not self._is_interactive):
            return False
        if self._is_early and self._client.connection.status is Status.CONNECTING:
            return False
        limit = UNANSWERED_MAX if self._is_online and not is_last else KEPT_MAX
        return len(self._client.store.unsent) + more < limit

    def _may_ask(self, more: int) -> bool:
        """Whether the next command may be carried out now: when what was typed before is done."""
        if self.is_waiting or more:
            return False
        if self._is_online:
            return self.is_settled and self._client.aliases.are_known and not self._client.store.unsent
        return self._is_interactive and self._client.connection.status is not Status.CONNECTING

    def _line(self, asked: Asked, words: str, *, is_too_long: bool) -> list[Pending]:
        """A line to be said, if it can be; else say why not."""
        wrong = "" if is_too_long else self._client.outgoing.wrong_with(asked.says, words, self.room)
        if self._is_early:
            wrong = say(NOT_YET)
        if is_too_long and not wrong:
            wrong = say("That line is far too long for one message, and was not sent: {words}…", words=words[:40])
        if not wrong:
            return [self._client.outgoing.pending(self.room, asked.says, words, re=asked.re)]
        self.failed += 1
        if not self.room:
            self.roomless += 1
            if self._left:
                wrong = say(NOT_ELSEWHERE, room=self._left)
        if self.room or self.roomless == 1 or self._is_interactive:
            self._write(wrong)
        return []

    def _withhold_after(self, line: str) -> None:
        """Nothing came of a command: if it is one before secrets, what was typed with it is not said."""
        if self._client.is_before_secrets(line) and self._accounts.may_be_typed:
            self._withheld = BEHIND_MAX
            # What is piped in is typed by nobody who reads.
            self._withheld_until = monotonic() + BEHIND_SECONDS if self._is_interactive else inf

    def _end_withholding(self, line: str, asked: Asked | Own | Misused | None) -> None:
        """Have what follows a command said. What is none ends nothing: a password may begin with a slash."""
        if isinstance(asked, Asked | Own) and line.startswith("/") and not line.startswith("//"):
            self._withheld = 0

    def _is_withheld(self, line: str, asked: Asked) -> bool:
        """Whether a line is not said, for it may be a secret; that is told then. A command that says something is carried out."""
        self._end_withholding(line, asked)
        if not self._withheld or monotonic() > self._withheld_until:
            return False
        self._withheld -= 1
        self.failed += 1
        self._write(thrown_away(1))
        return True

    def _command(self, line: str, asked: Asked | Own | Misused | None) -> None:
        self._end_withholding(line, asked)
        if asked is None or not self._is_online:
            if line.split(maxsplit=1)[0].casefold() in LEAVING:
                self._on_leave()
            else:
                self._write(say(CANNOT_ASK))
                self._withhold_after(line)
        elif isinstance(asked, Misused):
            self._withhold_after(line)
            self._write(asked.why)
            if asked.room and not self._is_interactive:
                self._is_nowhere()
        elif isinstance(asked, Own):
            self._options.do(asked, self.room)
        elif own := self._options.explained(asked):
            self._write(own)
        elif (room := self._room_to_go_to(asked)) is not None:
            self._go_to(room.name)
            self._write(say("You are in {room}.", room=room.name))
        else:
            command = self._in_hand = InHand(asked, line)
            answered = partial(self._answered, command)
            if asked.do == "tls":  # what this end sees; the server's word for it comes after that
                connection = self._client.connection
                words = words_for_line(connection.line, connection.details, connection.host, connection.port)
                self._write("\n".join(words.lines()))
            if self._accounts.takes(asked):
                self._accounts.begin(asked, answered, partial(self._not_asked, command))
            else:
                self._client.ask(asked, self.room, answered)

    def _not_asked(self, command: InHand, why: str) -> None:
        """Nothing was asked of the server for a command; say why, and go on."""
        if self._in_hand is command:
            self._in_hand = None
            self._on_answer()
        if why:
            self._write(why)
            self._withhold_after(command.line)

    def _room_to_go_to(self, asked: Asked) -> RoomState | None:
        """The room that a command goes to, if the user is there already."""
        room = self._client.state.known(str(asked.fields.get("room", ""))) if asked.do == "join" else None
        return room if room is not None and room.is_joined else None
