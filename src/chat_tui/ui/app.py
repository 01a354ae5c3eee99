"""The program on the screen: panes, keys, and what they do to the client.

Knows Textual and the client. Never knows the wire, nor what is right to show: that is the state's.
"""

import gc
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import AppBlur, AppFocus, Click, Resize
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Static
from textual.worker import Worker

from chat_server.protocol import entries, events
from chat_server.protocol.entries import Line
from chat_server.protocol.events import Event
from chat_server.protocol.names import same_name_key
from chat_server.protocol.requests import Ref
from chat_tui.actions import ACTIONS, edits, keymap, shown_key
from chat_tui.client import completion
from chat_tui.client.answers import words_for
from chat_tui.client.client import Client
from chat_tui.client.clocks import Steady
from chat_tui.client.command_line import OWN
from chat_tui.client.connection import LinkChanged, Status
from chat_tui.client.links import is_link
from chat_tui.client.local_store import Keepsakes
from chat_tui.client.moments import Moment
from chat_tui.client.notifications import calling, deserves_notice
from chat_tui.client.state import RoomState
from chat_tui.settings import Settings
from chat_tui.ui import labels, terminal
from chat_tui.ui.chat_view import ChatView
from chat_tui.ui.composer import Composer
from chat_tui.ui.foot import Foot
from chat_tui.ui.keys_in_turn import KeysInTurn
from chat_tui.ui.list_pane import Item, ListPane
from chat_tui.ui.room_search import RoomSearch
from chat_tui.ui.search_bar import SearchBar
from chat_tui.ui.themes import CHAT_DARK, CHAT_LIGHT, other_theme

if TYPE_CHECKING:
    from chat_tui.ui.screens.choosing import SearchScreen
    from chat_tui.ui.screens.connecting import ConnectScreen

PAINT_GAP = 0.06
"""Seconds between two paints of what comes from the server. One paint a line at 1000 lines a second would take a whole core."""

PAINT_GAP_SLOW = 0.3
"""The same on a slow line."""

READ_AFTER = 1.0
"""Seconds that a room's bottom must have been seen before it counts as read: hopping over rooms reads nothing."""

NARROW, SLIM, SHORT = 90, 60, 16
"""Columns below which the people fold away, and the rooms; rows below which the footer does."""

BELL_GAP = 1.0
"""Seconds between two bells at the least."""

DAY_MAX = 250_000_000_000
"""A time in the year 9892: the calendar ends soon after."""

NO_ROOM = ""
"""What a draft is kept under that is in no room yet."""

GROWING = ("me",)
"""Texts that are as wide as they are. Others keep their place, so that a new one has nothing laid out anew."""

TOAST_MAX = 200
"""Characters of what is told over the lines, where they hide it."""


class ChatApp(KeysInTurn):
    """chat-tui."""

    TITLE = "chat-tui"
    CSS_PATH = Path(__file__).with_name("chat.tcss")
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "f2"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            action.keys,
            action.method,
            action.hint or action.title,
            show=bool(action.hint),
            priority=action.keys not in ("escape", "ctrl+c"),
            id=action.name,
        )
        for action in ACTIONS
    ]

    def __init__(
        self,
        settings: Settings,
        host: str,
        port: int,
        nick: str,
        *,
        rooms: Iterable[str] = (),
        open_keepsakes: Callable[[str, int], Keepsakes],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Connect nowhere yet.

        Args:
            settings: the user's.
            host: where the server is.
            port: its port.
            nick: the user's name; "" for the one they had there last.
            rooms: rooms to be in.
            open_keepsakes: gives what is kept for a server.
            clock: the time, in seconds since 1970.

        """
        super().__init__(ansi_color=True if settings.theme.startswith("ansi") else None)
        self.animation_level = "none"  # what one reads does not swim
        self.settings = settings
        self._rooms_wanted = list(rooms)
        self._open_keepsakes = open_keepsakes
        self._clock = clock
        self._steady = Steady(clock)
        self.client = self._new_client(host, port, nick)
        self.current: RoomState | None = None
        self.change = LinkChanged(Status.CONNECTING)
        self._worker: Worker[None] | None = None
        self._is_ready = False
        self._painted_at = -1.0
        self._paint_timer: Timer | None = None
        self._has_focus = True
        self._seen_since: float | None = None
        self._was_online = False
        self._has_left_connect = False
        self._taken: set[str] = set()  # names that the server has refused to this user
        self._switch_to = ""
        self._go_to: tuple[str, int] | None = None
        self._moment: Moment | None = None
        self._bell_at = 0.0
        self._titled = ""
        self._people_shown: object = None
        for theme in (CHAT_DARK, CHAT_LIGHT):
            self.register_theme(theme)
        self._begin_with_theme(settings.theme if settings.theme in self.available_themes else CHAT_DARK.name)
        self._keymap_chosen = keymap(settings.keys)
        if self._keymap_chosen:
            self.set_keymap(self._keymap_chosen)

    def _begin_with_theme(self, name: str) -> None:
        """Have this theme before anything is read and drawn. One that is set later has all stylesheets read once more."""
        self.set_reactive(ChatApp.theme, name)
        theme = self.current_theme
        self.set_class(theme.dark, "-dark-mode", update=False)
        self.set_class(not theme.dark, "-light-mode", update=False)
        self.set_class(True, f"-theme-{theme.name}", update=False)
        self._refresh_truecolor_filter(self.ansi_theme)
        self.stylesheet.set_variables(self.get_css_variables())

    def _new_client(self, host: str, port: int, nick: str) -> Client:
        return Client(
            host,
            port,
            nick,
            keepsakes=self._open_keepsakes(host, port),
            rooms=self._rooms_wanted,
            show_joins=self.settings.show_joins,
            clock=self._clock,
            on_event=self._take,
            on_change=self._link_changed,
        )

    # The screen.

    def compose(self) -> ComposeResult:
        """The panes."""
        yield Static("", id="topic")
        with Horizontal(id="panes"):
            yield ListPane("Rooms", id="rooms")
            with Vertical(id="middle"):
                yield ChatView(
                    time_format=self.settings.time_format,
                    markdown=self.settings.markdown,
                    is_slow=self.settings.slow_link,
                    clock=self._clock,
                    id="chat",
                )
                yield Static("", id="below")
                yield Static("", id="nowhere")
            yield ListPane("Online", id="people")
        yield SearchBar()
        yield Static("", id="status")
        yield Composer(complete=self._complete, edits=edits(self.settings.keys), id="prompt")
        with Horizontal(id="foot"):
            yield Foot(show_command_palette=False, compact=True)
            yield Static("", id="me")

    def on_load(self) -> None:
        """From here on, a signal ends the program in order."""
        terminal.on_ending_signals(self._end_by)

    def _end_by(self, number: int) -> None:
        """Somebody ends the program from outside, or the terminal is gone: what is written comes first."""
        try:
            self._keep_draft()
            self.client.keepsakes.save()
        finally:
            self.exit(return_code=128 + number)

    def on_mount(self) -> None:
        """Begin."""
        terminal.suspend_in_the_loop(self)
        self.set_class(self.settings.slow_link, "slow")
        self._panes = self.screen
        self._chat = self._panes.query_one(ChatView)
        self._prompt = self._panes.query_one(Composer)
        self._search_bar = self._panes.query_one(SearchBar)
        self._room_list = self._panes.query_one("#rooms", ListPane)
        self._people_list = self._panes.query_one("#people", ListPane)
        self._texts = {static.id: static for static in self._panes.query(Static)}
        self._search = RoomSearch(later=self.set_timer, ask=self._ask_search, tell=self._search_bar.tell)
        self._is_ready = True
        self._fit(*self.size)
        self._prompt.focus()
        self._prompt.remember(self.client.memory.typed)
        self._prompt.begin(self.client.memory.drafts.get(NO_ROOM, ""))
        self.set_interval(0.25, self._watch_reading)
        self.theme_changed_signal.subscribe(self, lambda _: self._paint_soon())
        self.set_interval(1.0, self._tick)
        self._start()
        self._paint()
        self.call_after_refresh(self._paint_soon)  # the panes have their widths then
        # What is here now stays: a full collection that goes through it takes 25 ms, while somebody types.
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)

    def _start(self) -> None:
        self.client.keepsakes.tell = self._warn
        for warning in self.client.keepsakes.warnings:
            self._warn(warning)
        for pending in self.client.keepsakes.unsent:
            self.client.state.room(pending.room)
        self._worker = self.run_worker(self._run_link(), exit_on_error=False)

    def _warn(self, text: str) -> None:
        if self._is_ready:
            self.notify(text, markup=False, severity="warning", timeout=10)

    async def _run_link(self) -> None:
        try:
            await self.client.link.run()
        except Exception as error:
            self._link_changed(LinkChanged(Status.REFUSED, f"Something is wrong in chat-tui: {error!r}"))
            raise

    def on_resize(self, event: Resize) -> None:
        """Fold what there is no place for."""
        if self._is_open:
            self._fit(event.size.width, event.size.height)
            self.call_after_refresh(self._paint_soon)

    def _fit(self, width: int, height: int) -> None:
        screen = self._panes
        screen.set_class(width < NARROW, "narrow")
        screen.set_class(width < SLIM, "slim")
        screen.set_class(height < SHORT, "short")

    @property
    def _is_open(self) -> bool:
        """Whether there is a screen to paint. Timers and the server may still speak when the last one has closed."""
        return self._is_ready and bool(self.screen_stack)

    def on_unmount(self) -> None:
        """Write everything down."""
        self._keep_draft()
        self._is_ready = False
        self.client.close()

    # What the server says.

    def _take(self, event: Event, ref: Ref | None, new: list[Line]) -> None:
        if self._is_open:
            self._show_event(event, ref)
            for line in new:
                self._maybe_notify(line)
            self._paint_soon()

    def _show_event(self, event: Event, ref: Ref | None) -> None:
        was_typed = ref == "typed"
        if isinstance(event, events.Refused):
            self._take_refusal(event, ref)
            return
        match event:
            case events.Entered():
                self._entered(event.room, is_wanted=was_typed)
            case events.RoomsListed():
                self._join_first(event)
            case entries.Found():
                self._take_found(event, ref)
            case entries.PageShown():
                self._take_page(event, ref)
            case events.LoggedIn() | events.Renamed(room=""):
                nick = self.client.state.nick
                self._chat.set_names(nick, calling(nick, self.settings.notify))
            case events.LoggedOut():
                self._keep_draft()
                self._is_ready = False
                self.exit()
        is_told_already = ref == "login" or (isinstance(event, events.Renamed) and self.current is not None)
        words = "" if is_told_already else words_for(event, was_typed=was_typed, language=self.client.state.language)
        if words:
            self._tell(words, room=getattr(event, "room", ""))

    def _take_refusal(self, event: events.Refused, ref: Ref | None) -> None:
        """Say it where it was asked: among the lines what was typed; else for some seconds, for it is no part of the talk."""
        if ref == "typed" and event.code == "in-room-already":
            self._entered(event.details.get("room", ""), is_wanted=True)
        elif ref == "login":
            if event.code == "name-taken":
                self._taken.add(self.client.link.identity.nick)
        elif ref is None or ref == "typed":
            self._tell(event.text, room=event.room, is_error=True)
        elif not self._is_of_a_line(ref):
            self._say_shortly(event.text)
        self._refused(ref)

    def _is_of_a_line(self, ref: Ref) -> bool:
        """Whether this is the key of a line that was sent, which says itself why it could not be stored."""
        return any(pending.key == ref for pending in self.client.keepsakes.unsent)

    def _say_shortly(self, text: str) -> None:
        """Say what came of a key, for some seconds: it does not stay among the lines."""
        self.clear_notifications()
        self.notify(text[:TOAST_MAX], markup=False, severity="error", timeout=8)

    def _entered(self, room: str, *, is_wanted: bool) -> None:
        """Show a room that was asked for; at first, the one where the user was last, or any."""
        is_last = self.current is None and same_name_key(room) == same_name_key(self.client.memory.current)
        if is_wanted or is_last or (self.current is None and not self._switch_to):
            self._switch_to = same_name_key(room)

    def _take_found(self, found: entries.Found, ref: Ref | None) -> None:
        if ref == "everywhere":
            if isinstance(self._top, _search_screen()):
                self._top.take(found)
        elif ref == "typed":
            self._tell(f"{sum(len(lines) for _, lines in found.rooms)} lines found; Alt+F shows them.")
        else:
            self._search.take(found, ref)

    def _join_first(self, event: events.RoomsListed) -> None:
        """Who has never been anywhere here begins in the first room."""
        if not self.client.state.rooms and not self.client.memory.rooms and not self._rooms_wanted and event.rooms:
            self.client.link.request("join", room=event.rooms[0][0])

    def _take_page(self, page: entries.PageShown, ref: Ref | None) -> None:
        if ref == "typed" and page.lines:
            self._go_to = (page.room, page.lines[0].seq)
        elif ref == "date":
            self._come_nearer(page)
        elif ref == "around" and self._go_to is not None and not any(line.seq == self._go_to[1] for line in page.lines):
            self._go_to = (page.room, page.lines[0].seq) if page.lines else None
            if not page.lines:
                self._say_shortly(f"There is no such line here. The lines are {page.first} to {page.last}.")

    def _come_nearer(self, page: entries.PageShown) -> None:
        """Go to the line of this page that is nearest to the moment that is wanted, and ask for the page where it is."""
        if self._moment is None:
            return
        step = self._moment.take(page)
        if step.seq is None:
            self._say_shortly("Nothing was said then or later.")
        elif self._go_to is None or self._go_to[0] == self._moment.room:
            self._go_to = (page.room, step.seq)
        if step.ask is None or not self.client.link.request("history", ref="date", room=page.room, **step.ask):
            self._moment = None

    def _tell(self, text: str, *, room: str = "", is_error: bool = False) -> None:
        """Tell the user something, among the lines if they are in a room."""
        known = self.client.state.known(room) if room else None
        there = known or self.current
        if there is not None:
            self.client.state.noticed(there.name, text, is_error=is_error)
        if there is None or there is not self.current or not self._chat.follows:
            self.notify(text[:TOAST_MAX], markup=False, severity="error" if is_error else "information")
        self._paint_soon()

    def _maybe_notify(self, line: Line) -> None:
        room = self.client.state.known(line.room)
        if room is None or room.read is None or line.seq <= room.read or self._is_looking_at(room):
            return
        rules = self.settings.notify
        if not deserves_notice(line, self.client.state.nick, rules):
            return
        now = self._steady()
        data = terminal.desktop_notification(f"{line.nick} in {line.room}", line.text) if rules.desktop else ""
        if rules.bell and now - self._bell_at > BELL_GAP:
            self._bell_at = now
            data = terminal.bell() + data
        if data:
            self.tell_terminal(data)

    def tell_terminal(self, data: str) -> None:
        """Write something to the terminal that is not on the screen."""
        terminal.tell_terminal(self, data)

    @property
    def _top(self) -> Screen[Any] | None:
        """The screen that is seen; None when the last one has closed."""
        stack = self.screen_stack
        return stack[-1] if stack else None

    def _refused(self, ref: Ref | None) -> None:
        """What waited for an answer waits no longer: a wish that was refused must not come true by surprise, an hour later."""
        if ref == "join":
            self._switch_to = ""
        elif ref in ("around", "date"):
            self._go_to = self._moment = None
        elif ref == "everywhere" and isinstance(self._top, _search_screen()):
            self._top.refuse()

    def _is_looking_at(self, room: RoomState) -> bool:
        return room is self.current and self._has_focus and self._chat.follows and self._top is self._panes

    def _link_changed(self, change: LinkChanged) -> None:
        self.change = change
        if (self._was_online and not self._is_ready) or not self.screen_stack:
            return  # the program is ending
        if change.status is Status.ONLINE:
            self._was_online = True
            self._taken.clear()
            self._leave_connect()
        else:
            self._forget_wishes()
        if change.status is Status.REFUSED or (
            change.status is Status.WAITING and not self._was_online and not self._has_left_connect
        ):
            self._show_connect()
        elif change.status is not Status.ONLINE and isinstance(self._top, _connect_screen()):
            self._top.tell(self._why())
        self._paint_soon()

    def _forget_wishes(self) -> None:
        """What was asked on a connection that is lost is never answered. Where one is already one may still go."""
        self._go_to = self._moment = None
        if self._switch_to not in self.client.state.rooms:
            self._switch_to = ""

    def _leave_connect(self) -> None:
        """There is a connection. A form in which something was written waits to be sent or left."""
        if isinstance(self._top, _connect_screen()):
            if self._top.is_touched:
                self._top.tell(self._why())
            else:
                self._top.dismiss(None)

    def _why(self) -> str:
        """How the connection is, for the form."""
        link, change = self.client.link, self.change
        where = f"{link.host}, port {link.port}"
        match change.status:
            case Status.ONLINE:
                return f"You are connected to {where}, as {self.client.state.nick}."
            case Status.CONNECTING:
                return f"Connecting to {where}."
            case Status.WAITING:
                return f"Tried {where}: {change.why}. It is tried again by itself."
            case _ if link.identity.nick in self._taken:
                return f"The name {link.identity.nick} is taken there. {self._proposal()} may be free; Enter tries it."
            case _:
                return change.why

    def _proposal(self) -> str:
        from chat_tui.ui.screens.connecting import free_name  # noqa: PLC0415 - only who cannot connect needs it

        nick = self.client.link.identity.nick
        return free_name(nick, self._taken) if nick in self._taken else nick

    def _show_connect(self) -> None:
        from chat_tui.ui.screens.connecting import ConnectScreen, Target  # noqa: PLC0415 - only who cannot connect needs it

        self._has_left_connect = False
        if isinstance(self._top, ConnectScreen):
            self._top.tell(self._why())
            return
        link = self.client.link
        is_taken = self.change.status is Status.REFUSED and link.identity.nick in self._taken
        target = Target(link.host, link.port, self._proposal() if is_taken else link.identity.nick)
        self.push_screen(ConnectScreen(target, self._why(), is_about_name=is_taken), self._connect_to)

    def action_connect(self) -> None:
        """Connect elsewhere, or under another name."""
        self._show_connect()

    def _connect_to(self, target: "tuple[str, int, str] | None") -> None:
        if target is None:
            self._has_left_connect = True
            self._paint_soon()
            return
        host, port, nick = target
        link = self.client.link
        if (host, port) != (link.host, link.port):
            self._move_to(host, port, nick)
        elif link.status is Status.ONLINE:
            if nick != self.client.state.nick:
                link.request("nick", ref="typed", nick=nick)
        else:
            self.client.call_oneself(nick)
            link.try_now()

    def _move_to(self, host: str, port: int, nick: str) -> None:
        """Be on another server."""
        if self._worker is not None:
            self._worker.cancel()
        self._keep_draft()
        begun = self._prompt.draft if self.current is None else ""  # what is for no room yet comes along
        if begun:
            self.client.note_draft(NO_ROOM, "")
        self.client.close()
        self.client = self._new_client(host, port, nick)
        self.current = None
        self._forget_wishes()
        self._prompt.begin("\n".join(filter(None, (self.client.memory.drafts.get(NO_ROOM, ""), begun))))
        self._prompt.remember(self.client.memory.typed)
        self._prompt.address("")
        self._was_online = False
        self._taken.clear()
        self._chat.show_room(None, "", None)
        self._start()

    # Painting: many events, one paint.

    def _paint_soon(self) -> None:
        if self._paint_timer is not None or not self._is_open:
            return
        gap = PAINT_GAP_SLOW if self.settings.slow_link else PAINT_GAP
        wait = self._painted_at + gap - time.monotonic()
        self._paint_timer = self.set_timer(max(0.001, wait), self._paint)

    def _paint(self) -> None:
        self._paint_timer = None
        if not self._is_open:
            return
        self._painted_at = time.monotonic()
        self._fit(*self.size)
        room = self.client.state.rooms.get(self._switch_to) if self._switch_to else None
        if room is not None and room.is_joined:
            self._switch_to = ""
            self._show(room)
        if self.current is not None and self.current.name not in {
            room.name for room in self.client.state.rooms.values()
        }:
            self._show(next(iter(self.client.state.rooms.values()), None))
        self._chat.sync()
        if self._go_to is not None:
            self._try_to_go()
        self._paint_lists()
        self._paint_status()

    def _paint_lists(self) -> None:
        state, room = self.client.state, self.current
        seen = room if room is not None and self._is_looking_at(room) else None
        rooms = labels.room_items(state, seen)
        self._room_list.show(rooms, same_name_key(room.name) if room else None)
        self._room_list.styles.width = labels.pane_width(rooms, self.size.width, labels.ROOMS_WIDTHS)
        colours = self._chat.look.nicks
        people = (
            (room.name, room.people_changes, room.lacks_people, state.nick, colours, self.size.width) if room else None
        )
        if people != self._people_shown:  # five thousand people are not sorted for every line
            self._people_shown = people
            items = labels.people_items(room, state.nick, colours)
            self._people_list.show(items, heading=labels.people_heading(room))
            self._people_list.styles.width = labels.pane_width(items, self.size.width, labels.PEOPLE_WIDTHS)

    def _paint_status(self) -> None:
        state, room = self.client.state, self.current
        self._paint_header()
        below = self._chat.below
        self._write("below", Content(f"↓ {below} new below (Esc)" if below else "↓ newest line (Esc)"))
        self._texts["below"].display = room is not None and not self._chat.follows
        self._write("nowhere", labels.nowhere(self.change, self.client.link.host, state))
        self._texts["nowhere"].display = room is None
        self._chat.display = room is not None
        self._write(
            "status", Content(labels.status_line(self.change, self.client.link.host, state, self.seconds_left()))
        )
        self._texts["status"].display = self.change.status is not Status.ONLINE
        title = labels.window_title(state, room)
        if self.settings.notify.title and title != self._titled:
            self._titled = title
            self.tell_terminal(terminal.title(title))

    def _paint_header(self) -> None:
        """Which server, which room, how many people, and who one is: what has no other place on a small screen."""
        state, room, link = self.client.state, self.current, self.client.link
        rooms = self._room_list
        is_slim = self._panes.has_class("slim")
        nick = Content.styled(state.nick or link.identity.nick, "bold")
        count = "" if is_slim or self._people_list.display else labels.people_count(room)
        right = [Content.styled(count, "$text-muted")] if count else []
        has_foot = not (self._panes.has_class("short") or self.has_class("slow"))
        header = labels.header(
            Content("") if is_slim else labels.server(self.change, link.host, link.port),
            labels.topic_line(self.change, state, room, is_slim=is_slim),
            Content("   ").join(right if has_foot else [*right, nick]),
            left_width=rooms.size.width if rooms.display else 0,
            width=self.size.width,
        )
        self._write("topic", header)
        self._write("me", nick)

    def _write(self, name: str, content: Content) -> None:
        """Show another text in one of the places for text, if it is another."""
        widget = self._texts[name]
        if widget.content != content:
            widget.update(content, layout=name in GROWING)

    def seconds_left(self) -> int:
        """Seconds until the next attempt to connect."""
        return max(0, round(self.change.retry_at - time.monotonic()))

    def _tick(self) -> None:
        """Every second: what waits gets older, and what is written is written down, so that no end of the program takes it away."""
        if not self._is_open:
            return
        self._keep_draft()
        if self.change.status is not Status.ONLINE:
            self._paint_soon()
        self._chat.tick()
        self.client.tick()

    # Reading.

    def _watch_reading(self) -> None:
        """A room is read when it is open, the terminal has focus, its bottom is seen, and a second has passed."""
        room = self.current
        if (
            not self._is_open
            or room is None
            or not self._is_looking_at(room)
            or self.change.status is not Status.ONLINE
        ):
            self._seen_since = None
            return
        now = self._steady()
        if self._seen_since is None:
            self._seen_since = now
        elif now - self._seen_since >= READ_AFTER and room.read != room.last and room.last == room.timeline.newest:
            self.client.mark_read(room)
            self._paint_soon()

    def on_app_focus(self, _: AppFocus) -> None:
        """Somebody looks at the terminal."""
        self._has_focus = True

    def on_app_blur(self, _: AppBlur) -> None:
        """Nobody does."""
        self._has_focus = False

    @on(ChatView.OlderWanted)
    def _older(self, event: ChatView.OlderWanted) -> None:
        self.client.want_older(event.room, event.before)

    @on(ChatView.Moved)
    def _moved(self) -> None:
        self._paint_soon()

    def on_click(self, event: Click) -> None:
        """Open a link; go down where more is below."""
        if self.screen is not self._panes:
            return
        where = self.screen.get_widget_at(event.screen_x, event.screen_y)[0]
        if where.id == "below":
            self.action_bottom()
        elif where is self._chat and event.style.link:
            self._open_link(event.style.link)

    def _open_link(self, url: str) -> None:
        """Open a link in the desktop's browser; where there is no desktop, a browser would take the terminal: copy it."""
        if not is_link(url):
            return
        if terminal.has_desktop():
            self.open_url(url)
        else:
            self.copy_to_clipboard(url)
            self.notify(f"Copied {url}", timeout=3, markup=False)

    def action_bottom(self) -> None:
        """Go to the newest line; first, out of the search."""
        if self._search_bar.display:
            self._search_bar.action_close()
            return
        self._chat.go_to_bottom()
        self._prompt.focus()

    def action_top(self) -> None:
        """Go to the oldest line that is loaded."""
        self._chat.go_to_top()

    def action_page(self, pages: int) -> None:
        """Scroll by a page."""
        self._chat.scroll_pages(pages)

    def action_first_unread(self) -> None:
        """Go to the first unread line."""
        room = self.current
        start = self._chat.unread_from
        if room is None or start is None:
            return
        self._want_line(room.name, start + 1)

    def action_go_to(self) -> None:
        """Ask for a number or a day, and go there."""
        from chat_tui.ui.screens.asking import AskScreen  # noqa: PLC0415 - who asks pays

        self.push_screen(AskScreen("Go to", "4711, yesterday, -3d, 2026-11-20, 14:30"), self._go_to_text)

    def _go_to_text(self, text: str | None) -> None:
        room = self.current
        if not text or room is None:
            return
        if text.removeprefix("#").isdecimal():
            self._want_line(room.name, int(text.removeprefix("#")))
            return
        from chat_server.protocol.days import NotADay, moment_of  # noqa: PLC0415 - its time zones cost 10 ms that the first paint need not wait for

        try:
            self._want_moment(room, moment_of(text, self._clock(), ""))
        except NotADay:
            self._say_shortly(
                f'"{text}" is no line and no day. A line is a number; a day is 2026-11-20, yesterday or -3d; a time 14:30.'
            )

    def _want_moment(self, room: RoomState, at: float) -> None:
        """Go to the first line that was said then or later."""
        moment = Moment(room.name, at)
        line = moment.first_of(list(room.timeline.lines()))
        if line is not None:
            self._want_line(room.name, line.seq)
            return
        from datetime import date  # noqa: PLC0415 - as above

        day = date.fromtimestamp(min(max(at, 0), DAY_MAX)).isoformat()
        if self.client.link.request("date", ref="date", room=room.name, day=day):
            self._moment = moment
        else:
            self._say_shortly("There is no connection, and the lines of that time are not loaded.")

    def _want_line(self, room: str, seq: int) -> None:
        """Go to a line, which may have to be loaded first."""
        self._go_to, self._moment = (room, seq), None
        known = self.client.state.known(room)
        index = known.timeline.index_of(seq) if known else 0
        entries = known.timeline.entries if known else []
        is_loaded = index < len(entries) and getattr(entries[index], "seq", 0) == seq
        if not is_loaded and not self.client.link.request("around", ref="around", room=room, number=seq):
            self._go_to = None
            self._say_shortly("There is no connection, and that line is not loaded.")
        self._paint_soon()

    def _try_to_go(self) -> None:
        if self._go_to is None:
            return
        name, seq = self._go_to
        if self.current is None or same_name_key(self.current.name) != same_name_key(name):
            room = self.client.state.known(name)
            if room is None:
                return
            self._show(room)
        if self._chat.go_to_line(seq):
            self._go_to = None

    # Switching.

    def _show(self, room: RoomState | None) -> None:
        """Show a room, with what was written there and not sent."""
        if room is self.current:
            return
        is_first = self.current is None
        self._keep_draft()
        self._switch_to = ""
        self._forget_line_elsewhere(room)
        self.current = room
        self._seen_since = None
        self._chat.show_room(room, self.client.state.nick, calling(self.client.state.nick, self.settings.notify))
        if self._search_bar.display:
            self._search_for(self._search_bar.words)
        draft = self.client.memory.drafts.get(room.name if room is not None else NO_ROOM, "")
        if room is not None:
            self.client.memory.current = room.name
            if is_first and self._prompt.text:  # who has begun to write before there was a room goes on
                draft = "\n".join(filter(None, (draft, self._prompt.text)))
                self.client.note_draft(NO_ROOM, "")
        if draft or self._prompt.text:
            self._prompt.begin(draft)
        self._prompt.address(room.name if room else "")
        self._paint_soon()

    def _forget_line_elsewhere(self, room: RoomState | None) -> None:
        """Who goes to a room is not taken back to another by a line that was asked for there and comes late."""
        wished = self._go_to[0] if self._go_to is not None else self._moment.room if self._moment is not None else None
        if wished is not None and (room is None or same_name_key(room.name) != same_name_key(wished)):
            self._go_to = self._moment = None

    def _keep_draft(self) -> None:
        if self._is_ready:
            self.client.note_draft(self.current.name if self.current is not None else NO_ROOM, self._prompt.draft)

    @on(ListPane.Chosen, "#rooms")
    def _room_chosen(self, event: ListPane.Chosen) -> None:
        if event.key.startswith(labels.UNJOINED):
            self._enter(event.key.removeprefix(labels.UNJOINED))
        else:
            self._show(self.client.state.rooms.get(event.key))
        self._prompt.focus()

    @on(ListPane.Chosen, "#people")
    def _person_chosen(self, event: ListPane.Chosen) -> None:
        self._address(event.key)

    def _enter(self, name: str) -> None:
        self._switch_to = same_name_key(name)
        if not self.client.link.request("join", ref="join", room=name):
            self._switch_to = ""
            self._say_shortly("There is no connection: a room can be entered when there is one again.")

    def _address(self, nick: str) -> None:
        """Begin a line to somebody."""
        self._prompt.insert(f"{nick}{': ' if not self._prompt.text else ' '}")
        self._prompt.focus()

    def action_switch(self, step: int) -> None:
        """Go to the next room, or the one before."""
        rooms = list(self.client.state.rooms.values())
        if rooms:
            at = rooms.index(self.current) if self.current in rooms else -step
            self._show(rooms[(at + step) % len(rooms)])

    def action_room(self, number: int) -> None:
        """Go to a room by its place in the list; who is in none enters one by it."""
        rooms = list(self.client.state.rooms.values())
        if number <= len(rooms):
            self._show(rooms[number - 1])
        elif not rooms and number <= len(offered := labels.offered(self.client.state)):
            self._enter(offered[number - 1])

    def action_next_activity(self) -> None:
        """Go to the next room with something new, mentions first."""
        rooms = [room for room in self.client.state.rooms.values() if room is not self.current]
        chosen = next((room for room in rooms if room.mentions), None) or next(
            (room for room in rooms if room.unread), None
        )
        if chosen is not None:
            self._show(chosen)

    def action_jump(self) -> None:
        """Choose a room or a person by a few letters."""
        from chat_tui.ui.screens.choosing import JumpScreen  # noqa: PLC0415 - who asks pays

        self.push_screen(JumpScreen(self._jump_items), self._jump_to)

    def _jump_items(self, letters: str) -> list[Item]:
        state = self.client.state
        names = list(
            dict.fromkeys(
                [
                    *(
                        room.name
                        for room in sorted(state.rooms.values(), key=lambda room: (not room.mentions, not room.unread))
                    ),
                    *state.listed,
                ]
            )
        )
        people = list(
            dict.fromkeys(nick for room in state.rooms.values() for nick in room.people.values() if nick != state.nick)
        )
        rooms = [
            Item(f"room {name}", Content(name), Content.styled(self._unread_of(name), "bold"))
            for name in completion.fuzzy(letters, names)
        ]
        if not letters:
            return rooms
        return rooms + [
            Item(f"nick {nick}", Content.assemble(("@ ", "dim"), nick))
            for nick in completion.fuzzy(letters.removeprefix("@"), people)
        ]

    def _unread_of(self, name: str) -> str:
        room = self.client.state.known(name)
        return "" if room is None or not room.unread else f"@{room.unread}" if room.mentions else str(room.unread)

    def _jump_to(self, key: str | None) -> None:
        kind, _, name = (key or "").partition(" ")
        if kind == "room":
            room = self.client.state.known(name)
            if room is not None:
                self._show(room)
            else:
                self._enter(name)
        elif kind == "nick":
            there = [room for room in self.client.state.rooms.values() if same_name_key(name) in room.people]
            if there and self.current not in there:
                self._show(there[0])
            self._address(name)

    # Searching.

    def action_search(self) -> None:
        """Search in this room."""
        self._search_bar.open()

    def _ask_search(self, ref: str, room: str, words: str) -> None:
        self.client.link.request("search", ref=ref, room=room, words=words)

    @on(SearchBar.Changed)
    def _search_changed(self, event: SearchBar.Changed) -> None:
        self._search_for(event.words.strip())

    def _search_for(self, words: str) -> None:
        self._chat.highlight(self._search.begin(self.current, words))

    @on(SearchBar.Next)
    def _search_next(self, event: SearchBar.Next) -> None:
        seq = self._search.next(event.step)
        if seq is not None and self.current is not None:
            self._chat.mark_hit(seq)
            self._want_line(self.current.name, seq)

    @on(SearchBar.Closed)
    def _search_closed(self) -> None:
        self._chat.highlight(None)
        self._prompt.focus()

    def action_search_everywhere(self) -> None:
        """Search in all rooms."""
        from chat_tui.ui.screens.choosing import SearchScreen  # noqa: PLC0415 - who asks pays

        ask = self.client.link.request
        self.push_screen(
            SearchScreen(lambda words: ask("search", ref="everywhere", words=words, everywhere=True)), self._go_to_found
        )

    def _go_to_found(self, key: str | None) -> None:
        name, _, seq = (key or "").rpartition(" ")
        if not name:
            return
        if self.client.state.known(name) is None:
            self._enter(name)
        self._want_line(name, int(seq))

    # Writing.

    def _complete(self, before: str) -> completion.Completion | None:
        state, room = self.client.state, self.current
        return completion.complete(
            before,
            commands={**OWN, **state.commands},
            nicks=[nick for nick in room.people.values() if nick != state.nick] if room else [],
            rooms=list(state.listed),
        )

    @on(Composer.Submitted)
    def _submit(self, event: Composer.Submitted) -> None:
        self.client.remember_typed(event.text)
        self._prompt.remember(self.client.memory.typed)
        if event.text.strip().casefold() == "/joins" and "joins" not in self.client.state.commands:
            self.action_toggle_joins()
            self._keep_draft()
            return
        wrong = self.client.submit(event.text, self.current.name if self.current else "")
        if wrong:
            self._tell(wrong, is_error=True)
            self._prompt.put(event.text)
            self._prompt.select_all()
        elif not self._chat.follows:
            self._chat.go_to_bottom()
        self._keep_draft()
        self._paint()

    @on(Composer.BottomWanted)
    def _bottom_wanted(self) -> None:
        self.action_bottom()

    @on(Composer.LongPaste)
    def _long_paste(self, event: Composer.LongPaste) -> None:
        from chat_tui.ui.screens.asking import ConfirmPasteScreen  # noqa: PLC0415 - who asks pays

        def answer(yes: bool | None) -> None:
            if yes:
                self._prompt.insert_paste(event.text)

        self.push_screen(ConfirmPasteScreen(event.text), answer)

    def action_send_again(self) -> None:
        """Send again what could not be stored."""
        if self.current is not None and self.client.send_again(self.current):
            self._chat.tick()

    def action_give_up(self) -> None:
        """Take back what could not be stored."""
        text = self.client.give_up(self.current) if self.current is not None else ""
        if text:
            self._prompt.put(text)
            self._paint_soon()

    def action_copy(self) -> None:
        """Copy what is selected."""
        text = self.screen.get_selected_text() or self._prompt.selected_text
        if text:
            self.copy_to_clipboard(text)
            self.notify("Copied.", timeout=2, markup=False)

    # Looking, connecting, and the program itself.

    def action_fold(self, pane: str) -> None:
        """Show or hide a pane."""
        is_shown = self._panes.query_one(f"#{pane}").display
        self._panes.set_class(is_shown, f"folded-{pane}")
        self._panes.set_class(not is_shown, f"shown-{pane}")
        self.call_after_refresh(self._paint_soon)

    def action_toggle_joins(self) -> None:
        """Tell who comes and goes in this room, or do not."""
        room = self.current
        if room is None:
            return
        is_shown = self.client.toggle_joins(room.name)
        key = shown_key(self._keymap_chosen.get("joins", "alt+j"))
        what = "is shown again from now on" if is_shown else f"is hidden; {key} or /joins shows it again"
        self.notify(f"Who comes and goes in {room.name} {what}.", timeout=5, markup=False)
        self._paint_soon()

    def action_toggle_theme(self) -> None:
        """Go from dark to light, or back."""
        self.theme = other_theme(self.current_theme)

    def action_reconnect(self) -> None:
        """Try to connect now."""
        self.client.link.try_now()

    def action_help(self) -> None:
        """Show the keys and commands."""
        from chat_tui.ui.screens.help import HelpScreen  # noqa: PLC0415 - who asks pays

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen({**self.client.state.commands, **OWN}.values(), self.settings.keys))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While something is asked, keys mean what they mean there, and nothing behind it."""
        del parameters
        return action not in _ON_PANES or not self._is_ready or self._top is self._panes

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action, for the palette."""
        del screen
        for action in ACTIONS:
            if action.name != "palette":
                yield SystemCommand(
                    action.title,
                    f"Key: {shown_key(self._keymap_chosen.get(action.name, action.keys))}",
                    lambda method=action.method: self.call_later(self.run_action, method),
                )
        yield SystemCommand("Suspend", "Back to the shell; fg goes on", self.action_suspend_process)
        yield SystemCommand("Choose a theme", "All of them, with a preview", self.action_change_theme)


_ON_PANES = {action.method.partition("(")[0] for action in ACTIONS} - {"quit", "reconnect", "copy"}
"""What can be done only where the chat is."""


def _connect_screen() -> "type[ConnectScreen]":
    from chat_tui.ui.screens.connecting import ConnectScreen  # noqa: PLC0415 - only who cannot connect needs it

    return ConnectScreen


def _search_screen() -> "type[SearchScreen]":
    from chat_tui.ui.screens.choosing import SearchScreen  # noqa: PLC0415 - who asks pays

    return SearchScreen
