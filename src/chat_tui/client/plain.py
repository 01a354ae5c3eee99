"""chat-tui line by line: for screen readers, for pipes, for terminals that can nothing (docs/plain.md).

No boxes, no colours, nothing is ever drawn over: what comes is written below what came, each line with its room and its name, once and
in order. What is typed is carried out in order too: a command waits until what was said before it is stored, and what comes
behind it waits for its answer. Never knows Textual.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import IntEnum
from typing import Any, ClassVar

from chat_server.console import complain
from chat_server.protocol import entries, events
from chat_server.protocol.entries import Line
from chat_server.protocol.events import Event
from chat_server.protocol.names import same_name_key
from chat_server.protocol.requests import Ref
from chat_tui.client.answers import answer_in_words, words_for
from chat_tui.client.client import CANNOT_ASK, MISSED, Client
from chat_tui.client.command_line import Asked, Misused
from chat_tui.client.completion import replaced
from chat_tui.client.connection import LinkChanged, Status
from chat_tui.client.in_order import Reading, line_in_words
from chat_tui.client.local_store import Keepsakes
from chat_tui.client.pipes import Input, Output, TooLong, encoding_of_output
from chat_tui.client.state import Pending, RoomState
from chat_tui.settings import Profile, Settings

UNANSWERED_MAX = 100
"""Lines that are sent and not stored yet before no more of the input is taken: what is not taken need not be kept when the program ends."""

KEPT_MAX = 10_000
"""Lines that are kept while there is no connection before no more of the input is taken."""

PATIENCE = 30.0
"""Seconds without one more line stored after which the end of the input is waited for no longer, unless the user says how long."""

SAY_AGAIN_AFTER = 2.0
"""Seconds until a line is sent again that the server could not store."""

REST_SECONDS = 1.0
"""Seconds that the input has to end after the server has refused us: so much of it can be kept, or told."""

LAST_WORDS_SECONDS = 1.0
"""Seconds that whoever reads the output has for the rest of it after a signal. Who does not read does not keep the program from ending."""

LEAVING = ("/logout", "/quit", "/exit", "/bye")
"""What ends the program where no server can be asked."""


class Exit(IntEnum):
    """The exit codes, as docs/plain.md has them. A signal's is 128 and its number."""

    STORED = 0
    NOT_STORED = 1
    CANNOT_START = 2
    LEFT = 3
    REFUSED = 4
    NO_OUTPUT = 5


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
        shows_joins: bool = True,
    ) -> None:
        """Connect to nothing yet.

        Args:
            client_for: makes the client, which tells this program what comes.
            write: writes what comes, one line or more at a time.
            warn: writes what is wrong, and what is left at the end.
            rooms: rooms that were named; what is typed goes to the last of them.
            is_interactive: somebody sits there, and reads before they type on.
            wait: seconds to wait at the end of the input for everything to be stored; None: as long as more and more is.
            shows_joins: whether who comes and goes is written.

        """
        self._write, self._warn = write, warn
        self._is_interactive = is_interactive
        self._wait = wait
        self._shows_joins = shows_joins
        self._reading = Reading(write)
        self._changed = asyncio.Event()
        self.input = Input(0, self._changed.set)
        self.code: int | None = None
        """The exit code, once the program is over."""
        self._failed = 0  # lines that will not be stored, and rooms that cannot be entered
        self._roomless = 0  # lines that had no room to go to
        self._asked: tuple[Asked, str, str] | None = (
            None  # the command in hand, as it was typed, and the mark of its answer
        )
        self._asked_count = 0
        self._is_settled = False  # the server has answered everything that is asked when there is a connection
        self._was_settled = False
        self._carried: set[str] = set()
        self._trouble = ""
        self._holes_told: set[str] = set()
        self._again: dict[str, float] = {}  # lines that could not be stored, and when they are sent again
        self._progress_at = 0.0
        self._ended_at: float | None = None
        self._has_output = True
        self.client = client_for(self)
        self.client.keepsakes.tell = warn
        memory = self.client.memory
        named = [*rooms] or ([memory.current] if memory.current in memory.rooms else memory.rooms)
        self.room = named[-1] if named else ""
        """The room that was named last: where what is typed goes."""

    # What the server says.

    def take(self, event: Event, ref: Ref | None, new: list[Line]) -> None:
        """Write what an event means."""
        is_answer = self._asked is not None and ref == self._asked[2]
        asked = self._asked[0] if self._asked is not None and is_answer else None
        if isinstance(event, Line) and event.nick == self.client.state.nick:
            self._reading.is_own(event)
        self._tell(event, ref, new, asked)
        for room in self.client.state.rooms.values():
            if room.is_joined:
                self.client.mark_read(room, self._reading.go_on(room))
                if not room.has_hole:
                    self._holes_told.discard(room.name)
        if is_answer:
            self._asked = None
            self._progress_at = asyncio.get_running_loop().time()
        self._changed.set()

    def _tell(self, event: Event, ref: Ref | None, new: list[Line], asked: Asked | None) -> None:
        match event:
            case events.Entered():
                self._entered(event, is_wanted=asked is not None)
            case entries.Recalled():
                self._recalled(event, new)
            case events.WentBack():
                self._went_back(event)
            case events.RoomsListed() if asked is None:
                self._rooms_listed(event)
            case events.Refused():
                self._refused(event, ref, asked)
            case events.Joined() | events.Left() | events.Renamed() if event.room:
                self._tell_of_others(event)
            case _ if type(event) in self._NOTED:
                self._NOTED[type(event)](self, event)
            case _:
                self._tell_in_words(event, is_answer=asked is not None)

    def _tell_of_others(self, event: events.Joined | events.Left | events.Renamed) -> None:
        if isinstance(event, events.Renamed):
            if event.new != self.client.state.nick:
                self._write(f"[{event.room}] {event.old} is now {event.new}")
        elif self._shows_joins:
            more = f" and {event.more} more" if event.more else ""
            done = "joined" if isinstance(event, events.Joined) else "left"
            self._write(f"[{event.room}] {', '.join(event.nicks)}{more} {done}")

    def _logged_in(self, event: events.LoggedIn) -> None:
        self._carried = {same_name_key(name) for name in event.rooms}

    def _logged_out(self, _: events.LoggedOut) -> None:
        self._end(self._done)

    def _stored(self, event: events.Stored) -> None:
        self._progress_at = asyncio.get_running_loop().time()
        self._write(f"[{event.room}] stored as {event.seq}")

    def _not_stored(self, event: events.NotStored) -> None:
        """The server could not store a line just now: it is sent again a little later."""
        if any(pending.key == event.key for pending in self.client.keepsakes.unsent):
            if not self._again:
                self._warn("The server could not store a line. It is sent again.")
            self._again[event.key] = asyncio.get_running_loop().time() + SAY_AGAIN_AFTER

    _NOTED: ClassVar[dict[type[Event], Callable[[Any, Any], None]]] = {
        events.LoggedIn: _logged_in,
        events.LoggedOut: _logged_out,
        events.Stored: _stored,
        events.NotStored: _not_stored,
    }

    def _tell_in_words(self, event: Event, *, is_answer: bool) -> None:
        words = (answer_in_words if is_answer else words_for)(
            event, was_typed=is_answer, language=self.client.state.language
        )
        if words:
            self._write(words)

    def _entered(self, event: events.Entered, *, is_wanted: bool) -> None:
        room = self.client.state.room(event.room)
        key = same_name_key(event.room)
        seen = self.client.memory.read.get(event.room, event.last) if key in self._carried else event.last
        self._reading.entered(room, min(seen, event.last))
        if is_wanted or (not self.room and not self._was_settled):
            self._go_to(event.room)
        people = ", ".join(event.nicks) + (f" and {event.more} more" if event.more else "")
        self._write(
            f"You are in {event.room}."
            + (f" Topic: {event.topic}." if event.topic else "")
            + (f" Also here: {people}." if people else "")
        )

    def _go_to(self, room: str) -> None:
        self.room = self.client.memory.current = room

    def _recalled(self, event: entries.Recalled, new: list[Line]) -> None:
        """What was said before one came stands before what is said from now on."""
        if event.missed and event.missed > len(event.lines):
            self._write(
                f"[{event.room}] {event.missed} lines since you were here;"
                f" /since {event.last - event.missed} shows them from the first."
            )
        for line in new:
            if line.seq <= event.last:
                self._write(line_in_words(line))

    def _went_back(self, event: events.WentBack) -> None:
        self._reading.left(event.room)
        others = [room.name for room in self.client.state.rooms.values() if room.is_joined]
        if same_name_key(event.room) == same_name_key(self.room):
            self.room = ""
        where = f" You are also in {', '.join(others)}; /join and its name goes there." if others else ""
        self._write(f"You have left {event.room}.{where}")

    def _rooms_listed(self, event: events.RoomsListed) -> None:
        if not self.client.state.rooms and not self._was_settled:
            self._write("Rooms: " + ", ".join(name for name, _ in event.rooms) + ". /join ROOM enters one.")
        self._is_settled = self._was_settled = True

    def _refused(self, event: events.Refused, ref: Ref | None, asked: Asked | None) -> None:
        if str(ref).startswith(MISSED):
            name = str(ref).removeprefix(MISSED)
            if name not in self._holes_told:
                self._holes_told.add(name)
                self._warn(f"Lines of {name} are missing: {event.text} They are asked for again.")
            return
        if ref == "login":
            return  # the end of the connection says why
        failed = next((pending for pending in self.client.keepsakes.unsent if pending.key == ref), None)
        if failed is not None:
            self._give_up(failed)
            return
        self._write(event.text)
        wanted = str(asked.fields.get("room", "")) if asked is not None and asked.do == "join" else ""
        wanted = wanted or (str(ref).removeprefix("join ") if str(ref).startswith("join ") else "")
        if wanted and (not self._is_interactive or same_name_key(wanted) == same_name_key(self.room)):
            self._is_nowhere()
        elif wanted:
            self._failed += 1

    def _is_nowhere(self) -> None:
        """The room that was named cannot be entered: nobody reads that before the next line is taken, which was meant for there."""
        self._failed += 1
        self.room = ""

    def _give_up(self, pending: Pending) -> None:
        """A line will never be stored: say so, with its words, for nothing keeps them."""
        self.client.give_up_line(pending)
        self._failed += 1
        self._write(f"[{pending.room}] not sent: {pending.why} It was: {pending.text}")

    # How the connection is.

    def changed(self, change: LinkChanged) -> None:
        """Write how the connection is."""
        link = self.client.link
        if change.status is not Status.ONLINE:
            self._is_settled = False
            self._ask_again_later()
        told = ""
        match change.status:
            case Status.ONLINE:
                told = f"Connected to {link.host}, port {link.port}, as {link.identity.nick}."
                self._trouble = ""
                self._progress_at = asyncio.get_running_loop().time()
            case Status.CONNECTING:
                told = change.why
            case Status.WAITING:
                told = f"No connection: {change.why.rstrip('.')}. It will be tried again."
            case Status.REFUSED if self.code is None:
                self._warn(change.why)
                self._end(Exit.REFUSED)
        if told and told != self._trouble:
            self._write(told)
            self._trouble = "" if change.status is Status.ONLINE else told
        self._changed.set()

    def _ask_again_later(self) -> None:
        """A command whose answer is lost with the connection comes again, before what was typed after it."""
        if self._asked is not None:
            self.input.put_back(self._asked[1])
            self._asked = None

    # What is typed.

    def _take_input(self, *, is_last: bool = False) -> None:
        """Carry out what has its turn. `is_last`: the program ends, and what can still be kept is."""
        said: list[Pending] = []
        if not self._has_output and not is_last:
            return
        while (line := self.input.next) is not None and (self.code is None or is_last):
            asked = self._parsed(line)
            words = asked.words if isinstance(asked, Asked) else None
            if words is not None and isinstance(asked, Asked):
                if not self._may_say(len(said), is_last=is_last):
                    break
                self.input.take()
                said += self._line(asked.do, words, is_too_long=isinstance(line, TooLong))
            elif not line.strip():
                self.input.take()
            elif not is_last and self._may_ask(len(said)):
                self._command(self.input.take(), asked)
            else:
                break
        if said:
            self.client.say(*said)

    def _parsed(self, line: str) -> Asked | Misused | None:
        """What a line asks for; None if nobody knows before there is a connection, or if there is nothing on it."""
        if not line.strip() or (line.startswith("/") and not line.startswith("//") and not self.client.state.commands):
            return None
        return self.client.parse(replaced(line))

    @property
    def _is_online(self) -> bool:
        return self.client.link.status is Status.ONLINE

    def _may_say(self, more: int, *, is_last: bool) -> bool:
        """Whether the next line may be said now: after the answer to a command before it, and not too far ahead of what is stored."""
        if self._asked is not None or (not self.room and not self._was_settled and not self._is_interactive):
            return False
        limit = UNANSWERED_MAX if self._is_online and not is_last else KEPT_MAX
        return len(self.client.keepsakes.unsent) + more < limit

    def _may_ask(self, more: int) -> bool:
        """Whether the next command may be carried out now: when what was typed before is done."""
        if self._asked is not None or more:
            return False
        if self._is_online:
            return self._is_settled and not self.client.keepsakes.unsent
        return self._is_interactive and self.client.link.status is not Status.CONNECTING

    def _line(self, do: str, words: str, *, is_too_long: bool) -> list[Pending]:
        """A line to be said, if it can be; else say why not."""
        wrong = "" if is_too_long else self.client.wrong_with(do, words, self.room)
        if is_too_long:
            wrong = f"That line is far too long for one message, and was not sent: {words[:40]}…"
        if not wrong:
            return [self.client.pending(self.room, do, words)]
        self._failed += 1
        if not self.room:
            self._roomless += 1
        if self.room or self._roomless == 1 or self._is_interactive:
            self._write(wrong)
        return []

    def _command(self, line: str, asked: Asked | Misused | None) -> None:
        if asked is None or not self._is_online:
            if line.split(maxsplit=1)[0].casefold() in LEAVING:
                self._end(self._done)
            else:
                self._write(CANNOT_ASK)
        elif isinstance(asked, Misused):
            self._write(asked.why)
            if asked.room and not self._is_interactive:
                self._is_nowhere()
        elif (room := self._room_to_go_to(asked)) is not None:
            self._go_to(room.name)
            self._write(f"You are in {room.name}.")
        else:
            self._asked_count += 1
            self._asked = asked, line, f"typed {self._asked_count}"
            self.client.ask(asked, self.room, ref=self._asked[2])

    def _room_to_go_to(self, asked: Asked) -> RoomState | None:
        """The room that a command goes to, if the user is there already."""
        room = self.client.state.known(str(asked.fields.get("room", ""))) if asked.do == "join" else None
        return room if room is not None and room.is_joined else None

    # Until the end.

    async def run(self) -> int:
        """Go on until the input has ended and everything is done, or it cannot be; return the exit code."""
        for warning in self.client.keepsakes.warnings:
            self._warn(warning)
        self._progress_at = asyncio.get_running_loop().time()
        link = asyncio.create_task(self.client.link.run())
        link.add_done_callback(lambda _: self._changed.set())
        ticking = asyncio.create_task(self._tick())
        try:
            while self.code is None:
                self._changed.clear()
                self._take_input()
                self._see_whether_over(link)
                if self.code is None:
                    await self._changed.wait()
            await self._finish()
        finally:
            for task in (link, ticking):
                task.cancel()
            await asyncio.gather(link, ticking, return_exceptions=True)
            self.client.close()
        return self.code

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            now = asyncio.get_running_loop().time()
            for key in [key for key, at in self._again.items() if at <= now]:
                del self._again[key]
                self.client.send_line_again(key)
            for pending in self.client.keepsakes.unsent:
                if pending.why and pending.key not in self._again:
                    self._give_up(pending)
            self.client.tick()
            self._changed.set()

    def _see_whether_over(self, link: "asyncio.Task[None]") -> None:
        if link.done() and not link.cancelled() and (error := link.exception()) is not None:
            self._warn(f"Something is wrong in chat-tui: {error!r}")
            self._end(Exit.NOT_STORED)
        if not self.input.is_ended and self._has_output:
            return
        now = asyncio.get_running_loop().time()
        if self._ended_at is None:
            self._ended_at = now
        if self._is_all_done:
            self._end(self._done)
        elif self._wait is not None:
            if now >= self._ended_at + self._wait:
                self._end(Exit.LEFT)
        elif now >= max(self._ended_at, self._progress_at) + PATIENCE:
            self._end(Exit.LEFT)

    @property
    def _is_all_done(self) -> bool:
        """Whether everything that was typed is done, and everything that was missed is written."""
        is_read = self._is_settled and not any(room.has_hole for room in self.client.state.rooms.values())
        is_taken = self.input.next is None or not self._has_output
        return is_read and is_taken and self._asked is None and not self.client.keepsakes.unsent

    @property
    def _done(self) -> Exit:
        if not self._has_output:
            return Exit.NO_OUTPUT
        return Exit.NOT_STORED if self._failed else Exit.STORED

    def _end(self, code: int) -> None:
        if self.code is None:
            self.code = code
        self._changed.set()

    def end(self, code: int) -> None:
        """End at once, for a reason from outside."""
        self._end(code)

    def lose_output(self, why: str) -> None:
        """What is written is read no longer, as by `head`: take no more of the input, and end when what was taken is stored."""
        if self._has_output:
            self._warn(f"The output cannot be written: {why}.")
        self._has_output = False
        self._changed.set()

    def code_with(self, why_broken: str) -> int:
        """The exit code, where the output may have broken with the last of what was written; that is told then, once."""
        code = Exit.STORED if self.code is None else self.code
        if why_broken and self._has_output:
            self.lose_output(why_broken)
            if code in (Exit.STORED, Exit.NOT_STORED):
                return Exit.NO_OUTPUT
        return code

    async def _finish(self) -> None:
        """Keep what can be kept of what was typed, and say what is left."""
        if self.code == Exit.REFUSED and not self._is_interactive:
            with suppress(TimeoutError):
                async with asyncio.timeout(REST_SECONDS):
                    while not self.input.is_ended:
                        self._changed.clear()
                        await self._changed.wait()
        self._ask_again_later()
        if self.code not in (
            Exit.STORED,
            Exit.NOT_STORED,
            Exit.NO_OUTPUT,
        ):  # what stands behind a /logout is not for the next time
            self._take_input(is_last=True)
        for told in self._left():
            self._warn(told)
        if self.code == Exit.STORED and (self.client.keepsakes.unsent or self.input.waiting):
            self.code = Exit.LEFT

    def _left(self) -> Iterable[str]:
        """What was typed and is not done, in sentences."""
        keepsakes = self.client.keepsakes
        if self.input.why_ended:
            yield f"The input could not be read to its end: {self.input.why_ended}."
        if self.code == Exit.LEFT and not self._is_online:
            yield f"There was no connection to {self.client.link.host}, port {self.client.link.port}."
        if unsent := len(keepsakes.unsent):
            what = "1 line is not stored." if unsent == 1 else f"{unsent} lines are not stored."
            if keepsakes.is_kept:
                they = "It is" if unsent == 1 else "They are"
                yield (
                    f"{what} {they} kept in {keepsakes.directory}, and will be sent when chat-tui is next connected to"
                    f" {self.client.link.host}. Do not send {'it' if unsent == 1 else 'them'} again."
                )
            else:
                yield f"{what} Nothing keeps {'it' if unsent == 1 else 'them'}."
        if self._roomless > 1:
            yield f"{self._roomless} lines were not sent: there was no room to send them to."
        if waiting := self.input.waiting:
            lines = "1 line of the input is" if waiting == 1 else f"{waiting} lines of the input are"
            yield f"{lines} neither sent nor kept, from this one on: {str(self.input.next)[:40]}"
        if not self.input.is_ended and not self._is_interactive:
            yield "The rest of the input was not read."


def run_plain(
    profile: Profile,
    settings: Settings,
    open_keepsakes: Callable[[str, int], Keepsakes],
    *,
    default_nick: str,
    wait: float | None = None,
) -> int:
    """Run on standard input and output; return the exit code."""

    async def run() -> int:
        loop = asyncio.get_running_loop()

        def broken(why: str) -> None:
            loop.call_soon_threadsafe(program.lose_output, why)

        def client_for(program: PlainProgram) -> Client:
            keepsakes = open_keepsakes(profile.host, profile.port)
            return Client(
                profile.host,
                profile.port,
                profile.nick or keepsakes.memory.nick or default_nick,
                keepsakes=keepsakes,
                rooms=profile.rooms,
                show_joins=settings.show_joins,
                loads_older=False,
                on_event=program.take,
                on_change=program.changed,
            )

        output = Output(1, encoding_of_output(), broken)
        program = PlainProgram(
            client_for,
            output.write,
            _warn,
            rooms=profile.rooms,
            is_interactive=os.isatty(0),
            wait=wait,
            shows_joins=settings.show_joins,
        )
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, and jobs in the background, ignore some
                loop.add_signal_handler(number, program.end, 128 + number)
        program.input.start()
        code = await program.run()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)  # from now on they end the program at once
        output.close(LAST_WORDS_SECONDS if code > 128 else None)  # noqa: PLR2004 - a signal's is above
        return program.code_with(output.why_broken)

    try:
        return asyncio.run(run())
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _warn(sentence: str) -> None:
    """Tell what is wrong where it is not taken for what others say."""
    complain("chat-tui", sentence)
