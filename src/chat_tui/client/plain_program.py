"""The program that works line by line: what it does with what the server says, and when it is over.

What is typed is carried out in order: a command waits until what was said before it is stored, and what comes after it waits for its answer. Knows
functions that write and an input that gives lines. Never knows terminals, pipes or signals, nor Textual.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import IntEnum

from chat_server.protocol import events, moderation_events
from chat_server.protocol.entries import Entry
from chat_server.protocol.events import Event
from chat_tui.client.client import WRONG, Client
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.pipes import Input
from chat_tui.client.plain_accounts import PlainAccounts
from chat_tui.client.plain_bell import NOBODY_CALLED, Bell
from chat_tui.client.plain_leaving import left_over
from chat_tui.client.plain_options import PlainOptions
from chat_tui.client.plain_secrets import SecretQuestions
from chat_tui.client.plain_telling import Teller
from chat_tui.client.plain_trust import TrustQuestion
from chat_tui.client.plain_typing import Typing
from chat_tui.client.trust_words import Doubt
from chat_tui.language import say
from chat_tui.settings import NotifyTable

PATIENCE = 30.0
"""Seconds without one more line stored after which the end of the input is waited for no longer, unless the user says how long."""

SAY_AGAIN_AFTER = 2.0
"""Seconds until a line is sent again that the server could not store."""

REST_SECONDS = 1.0
"""Seconds that the input has to end after the server has refused us: so much of it can be kept, or told."""


class Exit(IntEnum):
    """The exit codes, as docs/plain.md has them. A signal's is 128 and its number."""

    STORED = 0
    NOT_STORED = 1
    CANNOT_START = 2
    LEFT = 3
    REFUSED = 4
    NO_OUTPUT = 5


def _show_nothing(is_on: bool) -> None:
    """There is no terminal."""


class PlainProgram:
    """The program, with functions for its output, and an input that it takes lines from when their turn has come."""

    def __init__(
        self,
        client_for: Callable[["PlainProgram"], Client],
        write: Callable[[str], None],
        warn: Callable[[str], None],
        *,
        rooms: Iterable[str] = (),
        is_interactive: bool = False,
        wait: float | None = None,
        rules: NotifyTable = NOBODY_CALLED,
        password: str = "",
        show_typed: Callable[[bool], None] = _show_nothing,
    ) -> None:
        """Connect to nothing yet.

        Args:
            client_for: makes the client, which tells this program what comes.
            write: writes what comes, one line or more at a time.
            warn: writes what is wrong, and what is left at the end.
            rooms: rooms that were named; what is typed goes to the last of them.
            is_interactive: somebody sits there, and reads before they type on.
            wait: seconds to wait at the end of the input for everything to be stored; None: as long as more and more is.
            rules: of which lines the user is told by the terminal's bell.
            password: the one that was named by a file; "" if none was.
            show_typed: has the terminal show what is typed, or not.

        """
        self._warn = warn
        self._is_interactive = is_interactive
        self._wait = wait
        self._changed = asyncio.Event()
        self.input = Input(0, self._changed.set)
        self.code: int | None = None
        """The exit code, once the program is over."""
        self._again: dict[str, float] = {}  # lines that could not be stored, and when they are sent again
        self._progress_at = 0.0
        self._ended_at: float | None = None
        self._has_output = True
        self.client = client_for(self)
        self.client.store.tell = warn
        self._question = TrustQuestion(
            self.input,
            warn,
            can_ask=is_interactive,
            on_yes=self._trust,
            on_no=lambda: self.end(Exit.REFUSED),
        )
        self._options = PlainOptions(self.client, write)
        self._teller = Teller(self.client, write, warn, self._options)
        self._bell = Bell(self.client, rules)
        self._secrets = SecretQuestions(self.input, warn, show_typed=show_typed, can_ask=is_interactive)
        self._accounts = PlainAccounts(
            self.client,
            self._secrets,
            write,
            warn,
            password=password,
            on_leave=lambda: self.end(self._done),
            on_refused=lambda: self.end(Exit.REFUSED),
        )
        self._typing = Typing(
            self.client,
            self.input,
            write,
            rooms=rooms,
            accounts=self._accounts,
            options=self._options,
            is_interactive=is_interactive,
            on_leave=lambda: self.end(self._done),
            on_answer=self._note_progress,
        )

    @property
    def room(self) -> str:
        """Where what is typed goes."""
        return self._typing.room

    # What the server says.

    def take(self, event: Event, new: list[Entry], is_told: bool) -> None:
        """Write what an event means, unless that has been told."""
        if isinstance(event, Entry) and event.nick == self.client.state.nick:
            self._teller.is_own(event)
        match event:
            case events.LoggedOut():
                self.end(self._done)
            case events.Stored() | moderation_events.LineHeld():
                self._note_progress()
            case events.NotStored():
                self._not_stored(event)
            case events.Refused():
                self._give_up_failed()
        if not is_told:
            self._teller.tell(event, new)
            self._typing.take(event)
        self._teller.go_on(new)
        if isinstance(event, Entry) and new:  # as it is said, and not what was missed
            self._bell.heard(event)
        self._changed.set()

    def refused(self, refused: events.Refused, do: str, room: str) -> None:
        """The server refuses what nobody has typed: a room that is wanted, or lines of one that were missed."""
        if do == "join":
            self._teller.tell(refused, [])
            self._typing.room_refused(room)
        else:
            self._teller.lines_missing(room, refused.text)
        self._changed.set()

    def changed(self, change: ConnectionChanged) -> None:
        """Write how the connection is."""
        if change.status is Status.ONLINE:
            self._note_progress()
            self._accounts.let_in()
        else:
            self._secrets.close()
            self._typing.connection_lost()
        if change.status is Status.REFUSED and self.code is None:
            if change.doubt is not None:
                self._question.ask(change.doubt)
            elif not change.asks_proof or not self._accounts.prove(change.why, change.code):
                self._warn(change.why)
                self.end(Exit.REFUSED)
        self._teller.changed(change)
        self._changed.set()

    def _trust(self, doubt: Doubt) -> None:
        self.client.connection.trust(doubt)

    def _note_progress(self) -> None:
        self._progress_at = asyncio.get_running_loop().time()

    def _not_stored(self, event: events.NotStored) -> None:
        """The server could not store a line just now: it is sent again a little later."""
        if any(pending.key == event.key for pending in self.client.store.unsent):
            if not self._again:
                self._warn(say("The server could not store a line. It will be sent again."))
            self._again[event.key] = asyncio.get_running_loop().time() + SAY_AGAIN_AFTER

    def _give_up_failed(self) -> None:
        """Tell of lines that will never be stored."""
        for pending in self.client.store.unsent:
            if pending.why and pending.key not in self._again:
                self.client.outgoing.give_up_line(pending)
                self._typing.failed += 1
                self._teller.given_up(pending.room, pending.why, pending.text)

    # Until the end.

    async def run(self) -> int:
        """Go on until the input has ended and everything is done, or it cannot be; return the exit code."""
        for warning in self.client.store.warnings:
            self._warn(warning)
        self._progress_at = asyncio.get_running_loop().time()
        connection = asyncio.create_task(self.client.connection.run())
        connection.add_done_callback(lambda _: self._changed.set())
        ticking = asyncio.create_task(self._tick())
        try:
            while self.code is None:
                self._changed.clear()
                self.take_input()
                self._see_whether_over(connection)
                if self.code is None:
                    await self._changed.wait()
            await self._finish()
            await self.client.credentials.settle()
        finally:
            self._secrets.close()
            for task in (connection, ticking):
                task.cancel()
            await asyncio.gather(connection, ticking, return_exceptions=True)
            self.client.close()
        return self.code

    def take_input(self, *, is_last: bool = False) -> None:
        """Carry out what was typed and has its turn. `is_last`: the program ends, and what can still be kept is."""
        self._question.take_answer()
        self._secrets.take_answers()
        if self._question.is_open or self._secrets.is_open:
            return
        if self._has_output or is_last:
            self._typing.carry_on(is_last=is_last, is_over=lambda: self.code is not None)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            now = asyncio.get_running_loop().time()
            for key in [key for key, at in self._again.items() if at <= now]:
                del self._again[key]
                self.client.outgoing.send_line_again(key)
            self._give_up_failed()
            self.client.tick()
            self._teller.tick()
            self._changed.set()

    def _see_whether_over(self, connection: "asyncio.Task[None]") -> None:
        if connection.done() and not connection.cancelled() and (error := connection.exception()) is not None:
            self._warn(say(WRONG, error=repr(error)))
            self.end(Exit.NOT_STORED)
        if not self.input.is_ended and self._has_output:
            return
        now = asyncio.get_running_loop().time()
        if self._ended_at is None:
            self._ended_at = now
        if self._is_all_done:
            self.end(self._done)
        elif self._wait is not None:
            if now >= self._ended_at + self._wait:
                self.end(Exit.LEFT)
        elif now >= max(self._ended_at, self._progress_at) + PATIENCE:
            self.end(Exit.LEFT)

    @property
    def _is_all_done(self) -> bool:
        """Whether everything that was typed is done, and everything that was missed is written."""
        is_read = self._typing.is_settled and not any(room.has_hole for room in self.client.state.rooms.values())
        is_taken = self.input.next is None or not self._has_output
        return is_read and is_taken and not self._typing.is_waiting and not self.client.store.unsent

    @property
    def _done(self) -> Exit:
        if not self._has_output:
            return Exit.NO_OUTPUT
        return Exit.NOT_STORED if self._typing.failed else Exit.STORED

    def end(self, code: int) -> None:
        """End, with this exit code, if there is none yet."""
        if self.code is None:
            self.code = code
        self._changed.set()

    def lose_output(self, why: str) -> None:
        """What is written is read no longer, as by `head`: take no more of the input, and end when what was taken is stored."""
        if self._has_output:
            self._warn(say("The output cannot be written: {why}.", why=why))
        self._has_output = False
        self._changed.set()

    def code_with(self, why_broken: str) -> int:
        """The exit code, where the output may have broken with the last of what was written; that is told then, once."""
        code = Exit.STORED if self.code is None else self.code
        if why_broken and self._has_output:
            self.lose_output(why_broken)
        return Exit.NO_OUTPUT if why_broken and code in (Exit.STORED, Exit.NOT_STORED) else code

    async def _finish(self) -> None:
        """Keep what can be kept of what was typed, and say what is left."""
        if self.code == Exit.REFUSED and not self._is_interactive:
            with suppress(TimeoutError):
                async with asyncio.timeout(REST_SECONDS):
                    while not self.input.is_ended:
                        self._changed.clear()
                        await self._changed.wait()
        self._typing.ask_again_later()
        self._teller.end()
        # What follows a /logout is not for the next time.
        if self.code not in (Exit.STORED, Exit.NOT_STORED, Exit.NO_OUTPUT):
            self.take_input(is_last=True)
        is_lost = self.code == Exit.LEFT and self.client.connection.status is not Status.ONLINE
        for told in left_over(
            self.client, self.input, self._typing.roomless, is_lost=is_lost, is_interactive=self._is_interactive
        ):
            self._warn(told)
        if self.code == Exit.STORED and (self.client.store.unsent or self.input.waiting):
            self.code = Exit.LEFT
