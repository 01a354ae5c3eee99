"""Where one is and where one goes: from room to room, by keys, by the list, by a few letters.

Knows the client and the panes. Never knows which key it was, nor what else the server says.
"""

from collections.abc import Callable

from textual.content import Content
from textual.screen import Screen

from chat_server.protocol import events
from chat_server.protocol.events import Event
from chat_server.protocol.names import name_key
from chat_server.protocol.requests import NUMBER_MAX
from chat_tui.client import completion
from chat_tui.client.conversing import is_conversation
from chat_tui.client.notifications import calling
from chat_tui.client.state import RoomState
from chat_tui.language import say
from chat_tui.ui import labels
from chat_tui.ui.line_target import LineTarget
from chat_tui.ui.list_pane import Item
from chat_tui.ui.panes import Panes
from chat_tui.ui.program import Program, ask

NO_ROOM = ""
"""What a draft is kept under that is in no room yet."""


class Navigation:
    """The room that is seen, and where the user wants to be."""

    def __init__(
        self,
        program: Program,
        screen: Screen[None],
        panes: Panes,
        *,
        paint_soon: Callable[[], None],
        on_show: Callable[[], None],
    ) -> None:
        """Be nowhere.

        Args:
            program: the program.
            screen: what other screens open over.
            panes: where rooms are shown.
            paint_soon: has what has changed painted.
            on_show: called when another room is shown.

        """
        self._program, self._screen, self._panes = program, screen, panes
        self._paint_soon, self._on_show = paint_soon, on_show
        self.current: RoomState | None = None
        """The room that is seen."""
        self._switch_to = ""  # the key of a room to be shown when one is in it
        self.line = LineTarget(program, screen, panes, paint_soon=paint_soon)
        """The line to be gone to."""

    def is_looking_at(self, room: RoomState) -> bool:
        """Whether the user sees the newest line of the room."""
        is_seen = room is self.current and self._panes.chat.follows and self._screen.is_active
        return is_seen and self._program.has_focus

    # To a room.

    def entered(self, room: str, *, is_wanted: bool) -> None:
        """The user has entered a room: show it if it was asked for; at first, the one where they were last, or any."""
        is_last = self.current is None and name_key(room) == name_key(self._program.client.saved.current)
        if is_wanted or is_last or (self.current is None and not self._switch_to):
            self._switch_to = name_key(room)

    def enter(self, name: str) -> None:
        """Enter a room, and show it then."""
        wish = name_key(name)

        def answered(event: Event) -> None:
            # A wish that was refused must not come true by surprise, an hour later.
            if isinstance(event, events.Refused) and self._switch_to == wish:
                self._switch_to = ""

        self._switch_to = wish
        if not ask(self._program, "join", answered, room=name):
            self._switch_to = ""
            self._program.say_shortly(say("There is no connection. You can enter a room when there is one again."))

    def show(self, room: RoomState | None) -> None:
        """Show a room, with what was written there and not sent."""
        if room is self.current:
            return
        client, prompt = self._program.client, self._panes.prompt
        is_first = self.current is None
        self._panes.typed.close()
        self.keep_draft()
        self._switch_to = ""
        self.line.forget_elsewhere(room)
        self.current = room
        nick = client.state.nick
        self._panes.chat.show_room(room, nick, calling(nick, self._program.settings.notify))
        self._on_show()
        draft = client.saved.drafts.get(room.name if room is not None else NO_ROOM, "")
        if room is not None:
            room.is_kept_unread = False
            if (
                is_conversation(room.name) and room.last and not room.timeline.newest
            ):  # nobody enters one, and is told its newest lines
                client.want_older(room.name, NUMBER_MAX)
            client.saved.current = room.name
            if is_first and prompt.text:  # who has begun to write before there was a room goes on
                draft = "\n".join(filter(None, (draft, prompt.text)))
                client.note_draft(NO_ROOM, "")
        if draft or prompt.text:
            prompt.begin(draft)
        self._paint_soon()

    def keep_draft(self) -> None:
        """Keep what is written here and not sent."""
        room = self.current.name if self.current is not None else NO_ROOM
        self._program.client.note_draft(room, self._panes.prompt.draft)

    def take_typed_early(self) -> str:
        """Take out of the prompt what may be a password, and was kept nowhere; what was written there before stays."""
        prompt = self._panes.prompt
        begun, whole = prompt.begun, prompt.draft
        if not self._program.client.early_typing.may_be_secret:
            prompt.begun = whole  # it was typed while nobody was to be asked
            return ""
        typed = whole.removeprefix(begun)
        if not whole.startswith(begun) or not typed or "\n" in typed:
            return ""
        prompt.begin(begun)
        return typed

    def choose(self, key: str) -> None:
        """Go to a room of the list."""
        if key == labels.HEADING:
            return
        if key.startswith(labels.UNJOINED):
            self.enter(key.removeprefix(labels.UNJOINED))
        else:
            self.show(self._program.client.state.rooms.get(key))

    def _in_order(self) -> list[RoomState]:
        state = self._program.client.state
        return state.choices.in_order(state.rooms.values())

    def step(self, step: int) -> None:
        """Go to the next room, or the one before."""
        rooms = self._in_order()
        if rooms:
            at = rooms.index(self.current) if self.current in rooms else -step
            self.show(rooms[(at + step) % len(rooms)])

    def go_to_number(self, number: int) -> None:
        """Go to a room by its place in the list; a user who is in none enters it."""
        state = self._program.client.state
        rooms = self._in_order()
        is_nowhere = self.current is None and all(is_conversation(room.name) for room in rooms)
        if number <= len(rooms) and not is_nowhere:
            self.show(rooms[number - 1])
        elif is_nowhere and number <= len(offered := labels.offered(state)):
            self.enter(offered[number - 1])

    def go_to_activity(self) -> None:
        """Go to the next room with something new, mentions first."""
        state = self._program.client.state
        rooms = [room for room in self._in_order() if room is not self.current]
        heard = [room for room in rooms if room.unread and not state.choices.of(room.name).is_muted]
        chosen = next((room for room in heard if is_conversation(room.name)), None)
        chosen = chosen or next((room for room in rooms if room.mentions), None) or next(iter(heard), None)
        if chosen is not None:
            self.show(chosen)

    def address(self, nick: str) -> None:
        """Begin a line to somebody."""
        prompt = self._panes.prompt
        prompt.insert(f"{nick}{': ' if not prompt.text else ' '}")
        prompt.focus()

    # By a few letters.

    def jump(self) -> None:
        """Choose a room or a person by a few letters."""
        from chat_tui.ui.screens.choosing import JumpScreen  # noqa: PLC0415 - who asks pays

        self._screen.app.push_screen(JumpScreen(self._jump_items), self._jump_to)

    def _jump_items(self, letters: str) -> list[Item]:
        state = self._program.client.state
        busiest_first = sorted(state.rooms.values(), key=lambda room: (not room.mentions, not room.unread))
        names = list(dict.fromkeys([*(room.name for room in busiest_first), *state.listed]))
        rooms = [
            Item(f"room {name}", Content(name), Content.styled(self._unread_of(name), "bold"))
            for name in completion.fuzzy(letters, names)
        ]
        return rooms + labels.people_found(state, letters) if letters else rooms

    def _unread_of(self, name: str) -> str:
        room = self._program.client.state.known(name)
        return "" if room is None or not room.unread else f"@{room.unread}" if room.mentions else str(room.unread)

    def _jump_to(self, key: str | None) -> None:
        kind, _, name = (key or "").partition(" ")
        state = self._program.client.state
        if kind == "room":
            room = state.known(name)
            if room is not None:
                self.show(room)
            else:
                self.enter(name)
        elif kind == "nick":
            there = [room for room in state.rooms.values() if name_key(name) in room.people]
            if there and self.current not in there:
                self.show(there[0])
            self.address(name)

    def search_everywhere(self) -> None:
        """Search in all rooms, and go to a line that was found."""
        from chat_tui.ui.screens.choosing import SearchScreen  # noqa: PLC0415 - who asks pays

        def search(words: str, take: Callable[[Event], object]) -> bool:
            return ask(self._program, "search", take, words=words, everywhere=True)

        self._screen.app.push_screen(SearchScreen(search), self._go_to_found)

    def _go_to_found(self, key: str | None) -> None:
        """Go to a line that was found in any room."""
        name, _, seq = (key or "").rpartition(" ")
        if not name:
            return
        if self._program.client.state.known(name) is None:
            self.enter(name)
        self.line.want(name, int(seq))

    # What comes true, and what does not.

    def arrive(self) -> None:
        """Go where one may go by now."""
        rooms = self._program.client.state.rooms
        room = rooms.get(self._switch_to) if self._switch_to else None
        if room is not None and room.is_joined:
            self._switch_to = ""
            self.show(room)
        if self.current is not None and self.current.name not in {room.name for room in rooms.values()}:
            self.show(next(iter(rooms.values()), None))

    def arrive_at_line(self) -> None:
        """Go to the line that is wanted, if it is loaded."""
        name = self.line.room
        if name is None:
            return
        if self.current is None or name_key(self.current.name) != name_key(name):
            room = self._program.client.state.known(name)
            if room is None:
                return
            self.show(room)
        self.line.arrive()

    def forget_wishes(self) -> None:
        """What was asked on a connection that is lost is never answered. Where one is already one may still go."""
        self.line.forget()
        if self._switch_to not in self._program.client.state.rooms:
            self._switch_to = ""
