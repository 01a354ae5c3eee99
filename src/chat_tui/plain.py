"""chat-tui line by line: for screen readers, for pipes, for terminals that can nothing.

No boxes, no colours, nothing is ever drawn over: what comes is written below what came, each line with its room and its name.
"""

import asyncio
import sys
from collections.abc import Callable

from chat_server import events
from chat_server.events import Event, Line, Ref
from chat_tui.client import Client
from chat_tui.completion import replaced
from chat_tui.keepsakes import Keepsakes
from chat_tui.link import LinkChanged, Status
from chat_tui.settings import Profile, Settings
from chat_tui.told import words_for


def line_in_words(line: Line) -> str:
    """`[python] 4711 ann: hello`: a line as it is read out."""
    text = line.text.replace("\n", "\n  ")
    match line:
        case events.Acted():
            return f"[{line.room}] {line.seq} ~ {line.nick} {text}"
        case events.TopicSet():
            return f"[{line.room}] {line.seq} {line.nick} set the topic: {text}"
        case _:
            return f"[{line.room}] {line.seq} {line.nick}: {text}"


class PlainProgram:
    """The program, with two functions for its input and its output."""

    def __init__(self, client_for: Callable[["PlainProgram"], Client], write: Callable[[str], None]) -> None:
        """Write with `write`, one line or more at a time."""
        self._write = write
        self.room = ""
        self.has_rooms_listed = False
        self.is_over = asyncio.Event()
        self.client = client_for(self)

    def take(self, event: Event, ref: Ref | None, new: list[Line]) -> None:
        """Write what an event means."""
        if isinstance(event, events.Entered):
            self.room = event.room
            people = ", ".join(event.nicks) + (f" and {event.more} more" if event.more else "")
            self._write(
                f"You are in {event.room}."
                + (f" Topic: {event.topic}." if event.topic else "")
                + (f" Also here: {people}." if people else "")
            )
        elif isinstance(event, events.WentBack):
            self.room = next((room.name for room in self.client.state.rooms.values()), "")
            self._write(f"You have left {event.room}." + (f" You are in {self.room}." if self.room else ""))
        elif isinstance(event, events.Joined | events.Left):
            more = f" and {event.more} more" if event.more else ""
            self._write(
                f"[{event.room}] {', '.join(event.nicks)}{more} {'joined' if isinstance(event, events.Joined) else 'left'}"
            )
        elif isinstance(event, events.RoomsListed) and ref is None and not self.client.state.rooms:
            self.has_rooms_listed = True
            self._write("Rooms: " + ", ".join(name for name, _ in event.rooms) + ". /join ROOM enters one.")
        elif isinstance(event, events.Stored) and event.room:
            self._write(f"[{event.room}] stored as {event.seq}")
        elif isinstance(event, events.LoggedOut):
            self.is_over.set()
        for line in new:
            self.client.mark_read(self.client.state.room(line.room))
            if line.nick != self.client.state.nick or not isinstance(event, events.Kept):
                self._write(line_in_words(line))
        words = words_for(event, was_typed=ref == "typed", language=self.client.state.language)
        if words:
            self._write(words)

    def changed(self, change: LinkChanged) -> None:
        """Write how the connection is."""
        link = self.client.link
        match change.status:
            case Status.ONLINE:
                self._write(f"Connected to {link.host}, port {link.port}, as {link.identity.nick}.")
            case Status.WAITING:
                self._write(f"No connection: {change.why}. It will be tried again.")
            case Status.REFUSED if not self.is_over.is_set():
                self._write(change.why)
                self.is_over.set()

    def typed(self, line: str) -> None:
        """Do what a typed line asks for."""
        text = line.rstrip("\r\n")
        if not text.strip():
            return
        wrong = self.client.submit(text if text.startswith("/") else replaced(text), self.room)
        if wrong:
            self._write(wrong)

    async def run(self, lines: "asyncio.Queue[str | None]") -> None:
        """Go on until the input ends (None) or the server says goodbye."""
        link = asyncio.create_task(self.client.link.run())
        over = asyncio.create_task(self.is_over.wait())
        try:
            while not self.is_over.is_set():
                reading = asyncio.create_task(lines.get())
                await asyncio.wait([reading, over], return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():
                    reading.cancel()
                    break
                line = reading.result()
                if line is None:
                    await self._finish()
                    break
                await self._settled()
                self.typed(line)
                self.client.tick()
        finally:
            for task in (link, over):
                task.cancel()
            self.client.close()

    async def _settled(self) -> None:
        """What comes through a pipe comes before there is a room to say it in: wait for that, ten seconds at the most."""
        for _ in range(200):
            if self.room or self.is_over.is_set() or (self.has_rooms_listed and not self.client.state.rooms):
                return
            await asyncio.sleep(0.05)

    async def _finish(self) -> None:
        """The input has ended: what was typed is still sent, if that can be in five seconds."""
        for _ in range(100):
            if not self.client.keepsakes.unsent and self.client.link.status is Status.ONLINE:
                return
            await asyncio.sleep(0.05)


def run_plain(
    profile: Profile, settings: Settings, open_keepsakes: Callable[[str, int], Keepsakes], *, default_nick: str
) -> int:
    """Run on standard input and output."""

    def write(text: str) -> None:
        print(text, flush=True)

    def client_for(program: PlainProgram) -> Client:
        keepsakes = open_keepsakes(profile.host, profile.port)
        return Client(
            profile.host,
            profile.port,
            profile.nick or keepsakes.memory.nick or default_nick,
            keepsakes=keepsakes,
            rooms=profile.rooms,
            show_joins=settings.show_joins,
            on_event=program.take,
            on_change=program.changed,
        )

    async def run() -> None:
        lines: asyncio.Queue[str | None] = asyncio.Queue(1000)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

        async def read() -> None:
            while data := await reader.readline():
                await lines.put(data.decode(errors="replace"))
            await lines.put(None)

        reading = asyncio.create_task(read())
        await PlainProgram(client_for, write).run(lines)
        reading.cancel()

    try:
        asyncio.run(run())
    except KeyboardInterrupt:
        print()
    return 0
