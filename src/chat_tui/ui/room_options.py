"""What the user chooses for a room, from inside: of what they are told, whether it is quiet or stands first, what of it is read.

Knows the client, where one is, and the panes. Never knows which key or command it was.
"""

from collections.abc import Callable, Mapping
from functools import partial

from textual.content import Content
from textual.screen import Screen

from chat_tui.client import completion
from chat_tui.client.room_choices import TOLD_OF, Notify
from chat_tui.client.state import RoomState
from chat_tui.language import message, say
from chat_tui.ui.list_pane import Item
from chat_tui.ui.navigation import Navigation
from chat_tui.ui.panes import Panes
from chat_tui.ui.picking import pick
from chat_tui.ui.program import Program

TO_BE_TOLD_OF: dict[Notify, str] = {
    "all": message("Notify: every line"),
    "mentions": message("Notify: lines that name you"),
    "nothing": message("Notify: nothing"),
    "": message("Notify: as the settings say"),
}
"""Of what one is told, as a choice."""


class RoomOptions:
    """Chooses for the room where one is."""

    def __init__(
        self,
        program: Program,
        screen: Screen[None],
        panes: Panes,
        navigation: Navigation,
        *,
        paint_soon: Callable[[], None],
    ) -> None:
        self._program, self._screen, self._panes, self._navigation = program, screen, panes, navigation
        self._paint_soon = paint_soon

    def choose(self, do: str, fields: Mapping[str, object]) -> None:
        """Do what a key or a command asks for."""
        match do:
            case "menu":
                self._with_room(self._menu)
            case "notify" if "which" in fields:
                self.notify(str(fields["which"]))
            case "notify":
                self._with_room(self._tell_notify)
            case "quiet":
                self.mute()
            case "pin":
                self.pin()
            case "read" if fields:
                self._read_all()
            case "read":
                self.read()
            case "unread":
                number = fields.get("number")
                self.unread(number if isinstance(number, int) else None)

    def _menu(self, room: RoomState) -> None:
        """Show what can be chosen for a room, and what is."""
        chosen = self._program.client.state.choices.of(room.name)
        now = say(TO_BE_TOLD_OF[chosen.notify])
        choices: dict[str, Callable[[], None]] = {
            say(words): partial(self.notify, which) for which, words in TO_BE_TOLD_OF.items()
        }
        mute = say("Unmute") if chosen.is_muted else say("Mute: only your name counts")
        pin = say("Unpin") if chosen.is_pinned else say("Pin: first in the list")
        choices |= {mute: self.mute, pin: self.pin, say("Mark as read"): self.read}
        choices[say("Mark as unread from here on")] = self.unread

        def find(letters: str) -> list[Item]:
            is_now = Content.styled(say("now"), "dim")  # at the end, where a narrow terminal cuts nothing off
            found = completion.fuzzy(letters, choices)
            return [Item(title, Content(title), is_now if title == now else Content("")) for title in found]

        pick(
            self._screen,
            say("For {room}", room=room.name),
            say("a few letters of a choice"),
            find,
            lambda title: choices[title](),
        )

    def notify(self, which: str) -> None:
        """Be told of these lines of this room."""
        wanted: Notify = next((one for one in TOLD_OF if one == which), "")

        def choose(room: RoomState) -> None:
            self._program.client.state.choices.notify(room.name, wanted)
            self._tell_notify(room)

        self._with_room(choose)

    def _tell_notify(self, room: RoomState) -> None:
        which = self._program.client.state.choices.of(room.name).notify
        self._chosen(say(TOLD_OF[which], room=room.name))

    def mute(self) -> None:
        """Have this room be quiet, or not."""

        def choose(room: RoomState) -> None:
            choices = self._program.client.state.choices
            is_muted = not choices.of(room.name).is_muted
            choices.mute(room.name, is_wanted=is_muted)
            told = message("{room} is muted; /quiet ends that."), message("{room} is no longer muted.")
            self._chosen(say(told[not is_muted], room=room.name))

        self._with_room(choose)

    def pin(self) -> None:
        """Have this room stand first, or not."""

        def choose(room: RoomState) -> None:
            choices = self._program.client.state.choices
            is_pinned = not choices.of(room.name).is_pinned
            choices.pin(room.name, is_wanted=is_pinned)
            told = message("{room} is pinned; /pin ends that."), message("{room} is no longer pinned.")
            self._chosen(say(told[not is_pinned], room=room.name))

        self._with_room(choose)

    def read(self) -> None:
        """Mark this room as read."""

        def mark(room: RoomState) -> None:
            self._program.client.mark_read(room)
            self._panes.chat.put_rule(None)
            self._chosen(say("{room} is marked as read.", room=room.name))

        self._with_room(mark)

    def _read_all(self) -> None:
        client = self._program.client
        for room in client.state.rooms.values():
            if room.is_joined:
                client.mark_read(room)
        self._panes.sides.forget_rules(self._program)
        self._chosen(say("All rooms are marked as read."))

    def unread(self, number: int | None = None) -> None:
        """Mark this room as unread from a line on; without a number, from the first that is seen, or from the newest, if that is seen."""

        def mark(room: RoomState) -> None:
            seq = number or (room.last if self._panes.chat.follows else self._panes.chat.first_seen)
            if not room.first <= seq <= room.last:
                self._program.say_shortly(
                    say(
                        "There is no such line here. The lines are {first} to {last}.", first=room.first, last=room.last
                    )
                    if room.last
                    else say("Nothing has been said here yet.")
                )
                return
            client = self._program.client
            client.saved.read[room.name] = room.mark_unread(seq, client.state.nick)
            self._panes.chat.put_rule(room.read)
            self._chosen(
                say("{room} is unread from #{number} on, until you come back to it.", room=room.name, number=seq)
            )

        self._with_room(mark)

    def _with_room(self, act: Callable[[RoomState], None]) -> None:
        room = self._navigation.current
        if room is None:
            self._program.say_shortly(say("You are in no room yet."))
        else:
            act(room)

    def _chosen(self, words: str) -> None:
        self._program.client.note_changed()
        self._screen.app.clear_notifications()
        self._screen.notify(words, timeout=5, markup=False)
        self._paint_soon()
