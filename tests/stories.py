"""The client's screens without a network: a story of events is told to the real program, and what it asks for is noted."""

import asyncio
import os
import time
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any, cast

os.environ["TZ"] = "UTC"
time.tzset()
for name in ("NO_COLOR", "TEXTUAL_ANIMATIONS", "COLORTERM"):
    os.environ.pop(name, None)
os.environ["TEXTUAL_COLOR_SYSTEM"] = "truecolor"  # whatever the terminal is in which the tests run

import msgspec  # noqa: E402 - what Textual reads from the environment it reads when it is imported
import textual.app  # noqa: E402 - what Textual reads from the environment it reads when it is imported
import textual.pilot  # noqa: E402
from msgspec.structs import replace  # noqa: E402
from textual import _time, _wait  # noqa: E402
from textual.css.model import RuleSet  # noqa: E402
from textual.css.stylesheet import Stylesheet  # noqa: E402
from textual.screen import Screen  # noqa: E402

import canary  # noqa: E402 - after Textual, as all the rest
from callers import newcomer  # noqa: E402
from chat_server.protocol import entries, events  # noqa: E402 - what Textual reads from the environment it reads when it is imported
from chat_server.protocol.entries import Acted, Said, TopicSet  # noqa: E402
from chat_server.protocol.events import Event, Joined, Welcomed  # noqa: E402
from chat_server.protocol.requests import REQUESTS, tag_of  # noqa: E402
from chat_tui.client.accounts import Proof  # noqa: E402
from chat_tui.client.askers import Answer, Askers  # noqa: E402
from chat_tui.client.attention import Attention  # noqa: E402
from chat_tui.client.calling import Line, LineDetails  # noqa: E402
from chat_tui.client.client import Client  # noqa: E402
from chat_tui.client.connection import Connection, ConnectionChanged, Status  # noqa: E402
from chat_tui.client.local_store import LocalStore  # noqa: E402
from chat_tui.client.pending import Pending  # noqa: E402
from chat_tui.client.signing_in import Identity  # noqa: E402
from chat_tui.client.state import RoomState  # noqa: E402
from chat_tui.client.trust_words import Doubt  # noqa: E402
from chat_tui.settings import Settings  # noqa: E402
from chat_tui.ui.app import ChatApp  # noqa: E402
from chat_tui.ui.chat_view import ChatView  # noqa: E402
from chat_tui.ui.composer import Composer  # noqa: E402
from chat_tui.ui.server import Server, Wanted  # noqa: E402
from chat_tui.ui.theme_files import NO_THEMES, Themes  # noqa: E402

NOON = 1_795_521_600.0
"""2026-11-24, 12:00 in UTC."""

Pilot = Any


class FakeConnection:
    """A connection that notes what is asked, and is what the story says it is."""

    def __init__(self, host: str = "127.0.0.1", port: int = 5000, nick: str = "ann") -> None:
        self.host, self.port = host, port
        self.identity = Identity(nick, "")
        self.status = Status.ONLINE
        self.asked: list[tuple[str, dict[str, object]]] = []
        self.said: list[Pending] = []
        self.tries = 0
        self.line = Line.LOCAL
        self.details = LineDetails()
        self.proofs: list[Proof | None] = []
        self.trusted: list[Doubt] = []
        self.askers = Askers()

    def request(self, do: str, *, on_answer: Answer | None = None, **fields: object) -> bool:
        if self.status is not Status.ONLINE:
            return False
        ref = self.askers.note(on_answer) if on_answer is not None else None
        self.asked.append((do, {**fields, "ref": ref}))
        return True

    def say(self, pending: Pending) -> bool:
        if self.status is not Status.ONLINE:
            return False
        self.said.append(pending)
        return True

    def try_now(self) -> None:
        self.tries += 1

    def hang_up(self) -> None:
        self.try_now()

    def prove(self, proof: Proof | None) -> None:
        self.proofs.append(proof)

    def room_settled(self, room: str) -> None:
        """Nothing is asked for by itself here."""

    def trust(self, doubt: Doubt) -> None:
        self.trusted.append(doubt)
        self.status = Status.CONNECTING

    async def run(self) -> None:
        await asyncio.Event().wait()

    def last(self, do: str) -> dict[str, object]:
        return [fields for asked, fields in self.asked if asked == do][-1]

    def ref(self, do: str) -> Any:
        """What marks the answer to the last of these requests."""
        return self.last(do)["ref"]


class StoryApp(ChatApp):
    """chat-tui, told a story."""

    def __init__(
        self,
        story: Iterable[Event] = (),
        *,
        settings: Settings | None = None,
        is_online: bool = True,
        store: Path | None = None,
        name: str = "",
        more: Sequence[Wanted] = (),
        find: Callable[[str], Wanted] | None = None,
        themes: Themes = NO_THEMES,
    ) -> None:
        self.now = NOON + 3600
        self.written: list[str] = []
        self.folder_of: Callable[[str], Path | None] = lambda _: store
        self._story = list(story)
        self._is_online = is_online
        self.is_looked_at = False
        super().__init__(
            # Which dictionaries there are hangs on the machine.
            replace(settings or Settings(), spelling=settings.spelling or "off" if settings else "off"),
            "127.0.0.1",
            5000,
            "ann",
            open_store=lambda host, _: LocalStore(self.folder_of(host)),
            caller=newcomer(),
            clock=lambda: self.now,
            name=name,
            more=more,
            find=find,
            themes=themes,
        )

    def new_client(self, server: Server, host: str, port: int, nick: str) -> Client:
        client = super().new_client(server, host, port, nick)
        self.room_refused = client.connection._on_room_refused
        client.connection = cast("Connection", FakeConnection(host, port, nick or "ann"))
        return client

    @property
    def connection(self) -> FakeConnection:
        """That to the server on the screen."""
        return cast("FakeConnection", self.client.connection)

    def start(self, server: Server) -> None:
        super().start(server)
        server.client._connection_changed(ConnectionChanged(Status.ONLINE if self._is_online else Status.CONNECTING))
        story, self._story = self._story, []
        for event in story:
            server.client._take(event, None)

    def begin_again(self, story: Iterable[Event]) -> None:
        """Be on another server, which tells another story."""
        self.now = NOON + 3600
        # Who was called a moment ago is not called again: that moment was in another story.
        self._attention = Attention(self.settings.notify, self.clock, self, self.tell_terminal, os.environ)
        self.knows_focus = False
        self.written.clear()
        self.clear_notifications()
        self._story = list(story)
        self.servers.shown.move_to("127.0.0.1", 5000, "ann")

    # What happens.

    def tell(self, *told: Event, ref: Any = None) -> None:
        """The server says this."""
        for event in told:
            self.client._take(event, ref)

    def answer(self, do: str, *told: Event) -> None:
        """The server says this as the answer to the last request of this kind."""
        self.tell(*told, ref=self.connection.ref(do))

    def at(self, name: str) -> Server:
        """One of several servers."""
        return next(server for server in self.servers if server.name == name)

    def connection_at(self, name: str) -> FakeConnection:
        """That to one of several servers."""
        return cast("FakeConnection", self.at(name).client.connection)

    def tell_at(self, name: str, *told: Event) -> None:
        """One of several servers says this."""
        for event in told:
            self.at(name).client._take(event, None)

    def answer_at(self, name: str, do: str, told: Event) -> None:
        """One of several servers says this as the answer to the last request of this kind."""
        self.at(name).client._take(told, self.connection_at(name).ref(do))

    def change_at(self, name: str, change: ConnectionChanged) -> None:
        """The connection to one of several servers is in another state."""
        client = self.at(name).client
        client.connection.status = change.status
        client._connection_changed(change)

    def connection_changed(self, change: ConnectionChanged) -> None:
        """The connection is in another state."""
        self.client._connection_changed(change)

    def tick(self) -> None:
        """A second has passed for the screen."""
        self.main.tick()

    def watch_reading(self) -> None:
        """A quarter of a second has passed for who reads."""
        self.main.watch_reading()

    # What the user sees.

    @property
    def prompt(self) -> Composer:
        return self.main.panes.prompt

    @property
    def chat(self) -> ChatView:
        return self.main.panes.chat

    @property
    def current(self) -> RoomState | None:
        return self.main.navigation.current

    def toasts(self) -> list[str]:
        """What is told over the lines just now."""
        return [notification.message for notification in self._notifications]

    def furniture(self) -> object:
        """How the screen stands, whatever the server says."""
        panes = self.main.panes
        return (
            *(self.theme, self.size, self.has_focus, self.mouse_position, len(self.screen_stack)),
            *(self.focused, self.main.classes, self.prompt.text, self.prompt.selection),
            *(pane.display for pane in (panes.rooms, panes.people, panes.bar)),
        )

    def tell_terminal(self, data: str) -> None:
        self.written.append(data)

    def assert_no_password(self) -> None:
        """See that none is in what is kept of what the user did, nor in what the terminal was told beside the screen."""
        kept = [str(msgspec.json.encode(self.client.saved)), *(pending.text for pending in self.client.store.unsent)]
        canary.assert_not_in("what is kept", "".join([*kept, self.prompt.text, *self.prompt.typed]))
        told = [*self.written, *self.toasts(), self.clipboard, self.title, self.sub_title]
        canary.assert_not_in("what the terminal was told", "".join(told))

    def words(self) -> str:
        """What is said by what is open over the panes, or by all of the screen, wherever its rows end."""
        box = self.screen.query(".box")
        area = box.first().region if box else self.screen.region
        strips = self.screen._compositor.render_strips(self.size)[area.y : area.bottom]
        rows = ["".join(segment.text for segment in strip.crop(area.x, area.right)) for strip in strips]
        return " ".join("\n".join(rows).translate(str.maketrans("│─╭╮╰╯▌", "       ")).split())

    def screen_text(self) -> str:
        """Everything on the screen, as text."""
        width, height = self.size
        lines = [
            "".join(segment.text for segment in strip) for strip in self.screen._compositor.render_strips(self.size)
        ]
        assert len(lines) == height
        assert width
        return "\n".join(line.rstrip() for line in lines)


def welcome() -> Welcomed:
    """A server that has the commands which both programs know."""
    from chat_server.config import Config, ServerTable  # noqa: PLC0415 - the bench measures the client without the server
    from chat_server.sessions.welcome import welcome_of  # noqa: PLC0415

    welcomed = welcome_of(Config(server=ServerTable(name="home")))
    known = {tag_of(request) for request in REQUESTS}
    return replace(welcomed, commands=tuple(command for command in welcomed.commands if command.tag in known))


def beginning(*rooms: str) -> list[Event]:
    """Ann has logged in and is in these rooms, with Bob and Carol in the first."""
    rooms = rooms or ("python",)
    entered = [events.Entered(room, ("bob", "Carol") if room == rooms[0] else (), 0, "", 0) for room in rooms]
    return [
        welcome(),
        events.LoggedIn("ann", "t" * 22),
        events.RoomsListed((("python", 3), ("write", 0), ("pm", 1))),
        *entered,
    ]


def said(*texts: str, room: str = "python", nick: str = "bob", first: int = 1, at: float = NOON) -> list[Event]:
    """Lines one minute after the other."""
    return [Said(room, seq, at + seq * 60, nick, text) for seq, text in enumerate(texts, first)]


class StoryLoop(asyncio.SelectorEventLoop):
    """A loop in which nobody waits: where nothing is left to do, the time of the next timer has come.

    How long the machine takes does not matter: a timer never comes before what was to do when it was set.
    """

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._scheduled: list[asyncio.TimerHandle]
        self._ready: Collection[asyncio.Handle]

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        if self._scheduled and not self._ready:
            self._now = max(self._now, self._scheduled[0].when())
        super()._run_once()  # type: ignore[misc] # asyncio's own, and not in its description


def _time_of_the_loop() -> float:
    loop = asyncio._get_running_loop()
    return loop.time() if isinstance(loop, StoryLoop) else time.monotonic()


async def _wait_for_idle(min_sleep: float = 0.02, max_sleep: float = 1.0) -> None:
    """What Textual's pilot does for each key: there it looks whether the processor has something to do, and here the loop knows."""
    if isinstance(asyncio.get_running_loop(), StoryLoop):
        await asyncio.sleep(0.02)
    else:
        await _really_wait_for_idle(min_sleep, max_sleep)


async def _wait_for_screen(pilot: Pilot, timeout: float = 30.0) -> bool:  # noqa: ASYNC109 - Textual's signature
    """What Textual's pilot does before it waits: there each widget answers, and here time does not go on before all have done all."""
    return isinstance(asyncio.get_running_loop(), StoryLoop) or await _really_wait_for_screen(pilot, timeout)


_really_wait_for_idle = _wait.wait_for_idle
_really_wait_for_screen = textual.pilot.Pilot._wait_for_screen
textual.pilot.Pilot._wait_for_screen = _wait_for_screen  # type: ignore[method-assign,assignment]
_time.get_time = _time_of_the_loop
for module in (textual.app, textual.pilot):
    module.wait_for_idle = _wait_for_idle  # type: ignore[attr-defined]


_parsed: dict[object, list[RuleSet]] = {}
_really_parse_rules = Stylesheet._parse_rules


def _parse_rules_once(self: Stylesheet, *source: Any, **more: Any) -> list[RuleSet]:
    """Rules are the same in each app that has the same colours, and nobody changes them: they are read once for all tests."""
    key = (source, *sorted(more.items()), *sorted(self._variables.items()))
    if key not in _parsed:
        _parsed[key] = _really_parse_rules(self, *source, **more)
    return _parsed[key]


Stylesheet._parse_rules = _parse_rules_once  # type: ignore[method-assign]


_really_draw = Screen._compositor_refresh


def _draw_when_looked_at(screen: Screen[Any]) -> None:
    """Nobody sees what an app without a terminal draws for each key: it is drawn whenever a test looks, which is what settle() is for."""
    app = screen.app
    if not isinstance(app, StoryApp) or app.is_looked_at or screen is not app.screen:
        _really_draw(screen)
    else:
        screen._dirty_widgets.clear()  # their regions are noted
        app._update_mouse_over(screen)


Screen._compositor_refresh = _draw_when_looked_at  # type: ignore[method-assign,assignment]


SIZE = (110, 29)
"""Columns and rows."""


def run_story(story: Coroutine[Any, Any, None]) -> None:
    """Run this, and wait for nothing."""
    with asyncio.Runner(loop_factory=StoryLoop) as runner:
        runner.run(story)


def play(app: StoryApp, act: Callable[[Pilot], Any], *, size: tuple[int, int] = SIZE) -> None:
    """Run the program, and act as its user."""

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await settle(pilot)
            await act(pilot)
            app.assert_no_password()

    run_story(run())


class Stage:
    """One program for several tests: most of what such a test costs is the start."""

    def __init__(self, make: Callable[..., StoryApp]) -> None:
        """Start what `make` gives, when it is first wanted; and another one after a test that failed."""
        self._make = make
        self._opened: tuple[asyncio.Runner, Any, StoryApp, Pilot] | None = None
        self._furniture: object = None

    def play(
        self,
        act: Callable[[StoryApp, Pilot], Coroutine[Any, Any, None]],
        story: Iterable[Event] = (),
        *,
        size: tuple[int, int] = SIZE,
    ) -> None:
        """Act as its user.

        With a story, as one who has come to another server, which tells it. Where anything else is not as it was after the start, another
        program is started. Without a story each test leaves the program as the next may find it.
        """
        if self._opened is not None and story:
            self._move(*self._opened, story)
        runner, _, app, pilot = self._opened = self._opened or self._open(story)
        is_done = False
        try:
            runner.run(self._act(act, app, pilot, size))
            is_done = app._exception is None
        finally:
            if not is_done:
                self.close()

    @staticmethod
    async def _act(
        act: Callable[[StoryApp, Pilot], Coroutine[Any, Any, None]], app: StoryApp, pilot: Pilot, size: tuple[int, int]
    ) -> None:
        if size != app.size:
            await pilot.resize_terminal(*size)
            await settle(pilot)
        await act(app, pilot)
        app.assert_no_password()

    def _move(self, runner: asyncio.Runner, _: object, app: StoryApp, pilot: Pilot, story: Iterable[Event]) -> None:
        async def move() -> None:
            if app.size != SIZE:
                await pilot.resize_terminal(*SIZE)
            if app.mouse_position != (0, 0):
                await pilot.hover(offset=(0, 0))
            app.begin_again(story)
            await settle(pilot)

        if app.is_running and len(app.screen_stack) == 1:
            runner.run(move())
        if app.furniture() != self._furniture:
            self.close()

    def _open(self, story: Iterable[Event]) -> tuple[asyncio.Runner, Any, StoryApp, Pilot]:
        runner, app = asyncio.Runner(loop_factory=StoryLoop), self._make(*([story] if story else []))
        running = app.run_test(size=SIZE)

        async def begin() -> Pilot:
            pilot = await running.__aenter__()
            await settle(pilot)
            return pilot

        pilot = runner.run(begin())
        self._furniture = app.furniture()
        return runner, running, app, pilot

    def close(self) -> None:
        """End the program. Raises what was wrong with it."""
        if self._opened is None:
            return
        runner, running, _, _ = self._opened
        self._opened = None

        async def end() -> None:
            await running.__aexit__(None, None, None)

        with runner:
            runner.run(end())


async def settle(pilot: Pilot) -> None:
    """Wait until what has happened is on the screen."""
    app = pilot.app
    app.main.paint()
    await pilot.pause()
    await pilot.pause()
    if isinstance(app, StoryApp) and app.screen_stack:
        app.is_looked_at = True
        app.screen._compositor_refresh()
        app.is_looked_at = False
        canary.assert_not_in("what is on the screen", app.screen_text())


CONVERSATION = [
    ("bob", "morning! did anybody try the *new* parser?"),
    ("bob", "it is in `wire/json_lines.py`"),
    ("Carol", "yes, and it is fast: 你好 👋"),
    ("ann", "great"),
    ("bob", "```python\ndef parse(line: bytes) -> Addressed:\n    return decode(line)\n```"),
    ("Carol", "> it is fast\nhow fast?"),
    (
        "bob",
        "ann: see https://example.org/bench, about **0.35 us** for each delivery, on a machine with two cores that is not new",
    ),
]


def conversation() -> list[Event]:
    """A morning in three rooms."""
    shown = [
        Said("python", seq, NOON + seq * 70 - (86400 if seq < 3 else 0), nick, text)
        for seq, (nick, text) in enumerate(CONVERSATION, 1)
    ]
    return [
        *beginning("python", "pm", "write"),
        entries.Recalled("python", (shown[0], shown[1]), None, 2, ""),
        *shown[2:],
        Acted("python", 8, NOON + 700, "Carol", "waves"),
        TopicSet("python", 9, NOON + 800, "bob", "All things Python"),
        *said("ann: are you there?", room="pm"),
        *said("one", "two", room="write"),
        Joined("python", ("dave",)),
    ]


def story(theme: str = "chat-dark") -> StoryApp:
    app = StoryApp(conversation(), settings=Settings(theme=theme))
    app.client.state.room("python").read = 2
    app.client.saved.read["python"] = 2
    return app
