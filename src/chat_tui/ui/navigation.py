"""Where one is and where one goes: from room to room, by keys, by the list, by a few letters.

Knows the client and the panes. Never knows which key it was, nor what else the server says.
"""

from collections.abc import Callable, Sequence

from textual.screen import Screen

from chat_server.protocol import events
from chat_server.protocol.events import Event
from chat_server.protocol.names import name_key
from chat_server.protocol.requests import NUMBER_MAX
from chat_tui.client.conversing import is_conversation
from chat_tui.client.state import RoomState
from chat_tui.language import say
from chat_tui.ui import labels, room_list
from chat_tui.ui.chat_view import Places
from chat_tui.ui.drafts import Drafts
from chat_tui.ui.line_target import LineTarget
from chat_tui.ui.list_pane import Item
from chat_tui.ui.panes import Panes
from chat_tui.ui.program import Program, ask
from chat_tui.ui.server_groups import split_key


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
        is_shown: Callable[[], bool],
        come_here: Callable[[], None],
        everywhere: "Callable[[], Sequence[Navigation]]",
    ) -> None:
        """Be nowhere.

        Args:
            program: the program.
            screen: what other screens open over.
            panes: where rooms are shown.
            paint_soon: has what has changed painted.
            on_show: called when another room is shown.
            is_shown: whether it is this server whose rooms are on the screen.
            come_here: puts them there.
            everywhere: those of all servers, in their order.

        """
        self._program, self._screen, self._panes = program, screen, panes
        self._paint_soon, self._on_show = paint_soon, on_show
        self._is_shown, self._come_here, self.everywhere = is_shown, come_here, everywhere
        self.program, self.places = program, Places({}, {})
        """The program, as this server has it; and where one was in its rooms last."""
        self.current: RoomState | None = None
        """The room that is seen; where this server is not on the screen, that will be seen when it is."""
        self._switch_to = ""  # the key of a room to be shown when one is in it
        self._drafts = Drafts(program, panes.prompt)
        self.line = LineTarget(program, screen, panes, paint_soon=paint_soon)
        """The line to be gone to."""

    def is_looking_at(self, room: RoomState) -> bool:
        """Whether the user sees the newest line of the room."""
        return self.sees(room) and self._screen.is_active and self._program.has_focus

    def sees(self, room: RoomState) -> bool:
        """Whether the newest line of a room is on the screen: of that where one writes, or of one beside it."""
        return self._panes.sides.sees(room)

    @property
    def follows(self) -> bool:
        """Whether the newest line of the room is on the screen."""
        return self._is_shown() and self._panes.chat.follows

    @property
    def is_shown(self) -> bool:
        """Whether it is this server that is on the screen."""
        return self._is_shown()

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
        client, was_nowhere = self._program.client, self.current is None
        if is_shown := self._is_shown():
            self._panes.typed.close()
            self.keep_draft()
        self._switch_to = ""
        self.line.forget_elsewhere(room)
        self.current = room
        if room is not None:
            if is_conversation(room.name) and room.last and not room.timeline.newest:
                client.want_older(room.name, NUMBER_MAX)  # nobody enters one, and is told its newest lines
            client.saved.current = room.name
        if is_shown:
            self._appear(self._panes.prompt.text if was_nowhere and room is not None else "")
        elif was_nowhere and room is not None:
            self._drafts.bring_along(room)

    def appear(self, begun: str = "") -> None:
        """Come on the screen, with this server: show the room where one was, and what was written there, and `begun` after that."""
        prompt = self._panes.prompt
        self._panes.typed.close()
        prompt.begin("")
        prompt.remember(self._program.client.saved.typed)
        self._appear()
        self._drafts.append(begun)

    def _appear(self, begun: str = "") -> None:
        """Show the room. `begun`: what somebody has begun to write who was in none; they go on."""
        room = self.current
        self._panes.sides.face(room, self._program)
        self._panes.sides.here.show(room)
        self._on_show()
        if room is not None:
            room.is_kept_unread = False
        self._drafts.put_back(room, begun)
        self._paint_soon()

    def name_again(self) -> None:
        """The user has a name, or another one."""
        self._panes.sides.name_again(self._program)

    def keep_draft(self) -> None:
        """Keep what is written here and not sent."""
        if self._is_shown():
            self._drafts.keep(self.current)

    def note_early(self) -> None:
        """See whether the user has just been let in: what they write from now on is not early."""
        if self._is_shown():
            self._drafts.note_early(self.current)

    def holds_early(self) -> bool:
        """Whether a password may be among what is written here, since before the user was let in."""
        return self._drafts.holds_early(self.current)

    def take_typed_early(self) -> str:
        """Take out of the prompt what may be a password, and was kept nowhere; what was written there before stays."""
        return self._drafts.take_typed_early() if self._is_shown() else ""

    def choose(self, key: str) -> None:
        """Go to a room of the list, or to a server."""
        server, key = split_key(key)
        if server is not None:
            self.everywhere()[server].choose(key)
        elif key.startswith(room_list.UNJOINED):
            self.come_to(None)
            self.enter(key.removeprefix(room_list.UNJOINED))
        else:
            self.come_to(self._program.client.state.rooms.get(key))

    def come_to(self, room: RoomState | None) -> None:
        """Have this server on the screen, and a room of it; None: the one where one was."""
        if room is not None:
            self.show(room)  # first: else the server would come with another one
        self._come_here()

    def rooms(self) -> list[RoomState]:
        """The rooms of this server, in the order in which they are listed."""
        state = self._program.client.state
        return state.choices.in_order(state.rooms.values())

    def rooms_everywhere(self) -> "list[tuple[Navigation, RoomState]]":
        """The rooms of all servers, in that order."""
        return [(there, room) for there in self.everywhere() for room in there.rooms()]

    def step(self, step: int) -> None:
        """Go to the next room of all servers, or the one before."""
        rooms = self.rooms_everywhere()
        if not rooms:
            return
        at = next((at for at, (there, room) in enumerate(rooms) if there is self and room is self.current), None)
        if at is None:  # beside the rooms of this server, of which it has none
            at = sum(len(there.rooms()) for there in self.everywhere()[: self._place()]) - (step > 0)
        there, room = rooms[(at + step) % len(rooms)]
        there.come_to(room)

    def _place(self) -> int:
        return next(at for at, there in enumerate(self.everywhere()) if there is self)

    def go_to_number(self, number: int) -> None:
        """Go to a room by its place in the list; a user who is in none enters it."""
        rooms, is_nowhere = self.rooms_everywhere(), self.is_nowhere
        if number <= len(rooms) and not is_nowhere:
            there, room = rooms[number - 1]
            there.come_to(room)
        elif is_nowhere and number <= len(offered := labels.offered(self._program.client.state)):
            self.enter(offered[number - 1])

    @property
    def is_nowhere(self) -> bool:
        """Whether rooms are offered, for one is in none."""
        return self.current is None and all(is_conversation(room.name) for room in self.rooms())

    def go_to_activity(self) -> None:
        """Go to the next room with something new, mentions first."""
        if (chosen := self.most_wanted()) is not None:
            chosen[0].come_to(chosen[1])

    def most_wanted(self) -> "tuple[Navigation, RoomState] | None":
        """The next room with something new, mentions first, at whichever server; None if there is none."""
        rooms = [
            (there, room) for there, room in self.rooms_everywhere() if there is not self or room is not self.current
        ]
        heard = [(there, room) for there, room in rooms if room.unread and not there.is_muted(room)]
        written = ((there, room) for there, room in heard if is_conversation(room.name))
        chosen = next(written, None) or next(((there, room) for there, room in rooms if room.mentions), None)
        return chosen or next(iter(heard), None)

    def is_muted(self, room: RoomState) -> bool:
        """Whether what is said there counts only where it names the user."""
        return self._program.client.state.choices.of(room.name).is_muted

    def address(self, nick: str) -> None:
        """Begin a line to somebody."""
        prompt = self._panes.prompt
        prompt.insert(f"{nick}{': ' if not prompt.text else ' '}")
        prompt.focus()

    # By a few letters.

    @property
    def title(self) -> str:
        """What the server is called where there are several."""
        return self._program.title

    def found(self, letters: str) -> list[Item]:
        """The rooms of this server that have these letters in their names, and the people."""
        found = labels.found(self._program.client.state, letters)
        here = f"room {self.current.name}" if self.current is not None and not letters else ""
        return sorted(
            found, key=lambda item: item.key == here
        )  # who wants to go somewhere does not want to go where they are

    def jump_to(self, key: str) -> None:
        """Go to a room of this server that was found, or begin a line to somebody."""
        kind, _, name = key.partition(" ")
        state = self._program.client.state
        if kind == "room":
            room = state.known(name)
            self.come_to(room)
            if room is None:
                self.enter(name)
        elif kind == "nick":
            there = [room for room in state.rooms.values() if name_key(name) in room.people]
            self.come_to(there[0] if there and self.current not in there else None)
            self.address(name)
        else:  # the server itself
            self.come_to(None)

    def search(self, words: str, take: Callable[[Event], object]) -> bool:
        """Ask this server for lines in all rooms. Returns False if there is no connection."""
        return ask(self._program, "search", take, words=words, everywhere=True)

    def go_to_found(self, key: str) -> None:
        """Go to a line that was found in any room of this server."""
        name, _, seq = key.rpartition(" ")
        if not self.is_shown:
            self.come_to(self._program.client.state.known(name))
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
