"""What the user has chosen for a room: of what they are told there, whether it is quiet, whether it stands first.

Kept on disk by local_store.py, under the rooms' keys; what nobody has chosen is as the settings say. Pure; never knows how a room is shown.
"""

from collections.abc import Iterable
from typing import Literal, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from chat_server.protocol.names import name_key
from chat_tui.client.conversing import is_conversation
from chat_tui.language import message

Notify = Literal["all", "mentions", "nothing", ""]
"""Of which lines one is told whom one does not see; "": as the settings say."""


TOLD_OF: dict[Notify, str] = {
    "all": message("In {room} you are notified of every line."),
    "mentions": message("In {room} you are notified of lines that name you."),
    "nothing": message("In {room} you are notified of nothing."),
    "": message("In {room} you are notified of what the settings say."),
}
"""The same in a sentence."""


class Chosen(Struct, frozen=True, omit_defaults=True):
    """What is chosen for one room."""

    notify: Notify = ""
    is_muted: bool = False
    is_pinned: bool = False


NOTHING_CHOSEN = Chosen()


class Named(Protocol):
    """A room, as far as it matters here."""

    name: str


R = TypeVar("R", bound=Named)


class RoomChoices:
    """The choices for all rooms."""

    def __init__(
        self,
        chosen: dict[str, Chosen] | None = None,
        joins_shown: dict[str, bool] | None = None,
        *,
        show_joins: bool = True,
    ) -> None:
        """Begin with what was chosen before; what is chosen later is noted there.

        Args:
            chosen: by the rooms' keys.
            joins_shown: for which rooms the user has said whether it is told who comes and goes, by their keys.
            show_joins: whether it is told in the others.

        """
        self._chosen = {} if chosen is None else chosen
        self._joins_shown = {} if joins_shown is None else joins_shown
        self._show_joins = show_joins

    def of(self, room: str) -> Chosen:
        """What is chosen for a room."""
        return self._chosen.get(name_key(room), NOTHING_CHOSEN)

    def notify(self, room: str, which: Notify) -> None:
        """Be told of these lines."""
        self._choose(room, replace(self.of(room), notify=which))

    def mute(self, room: str, *, is_wanted: bool) -> None:
        """Have a room be quiet, or not."""
        self._choose(room, replace(self.of(room), is_muted=is_wanted))

    def pin(self, room: str, *, is_wanted: bool) -> None:
        """Have a room stand first, or not."""
        self._choose(room, replace(self.of(room), is_pinned=is_wanted))

    def _choose(self, room: str, chosen: Chosen) -> None:
        if chosen == NOTHING_CHOSEN:
            self._chosen.pop(name_key(room), None)
        else:
            self._chosen[name_key(room)] = chosen

    def shows_joins(self, room: str) -> bool:
        """Whether who comes and goes is told in a room."""
        return self._joins_shown.get(name_key(room), self._show_joins)

    def show_joins(self, room: str, *, is_wanted: bool) -> None:
        """Have it told, or not."""
        self._joins_shown[name_key(room)] = is_wanted

    def room_renamed(self, old: str, new: str) -> None:
        """What is chosen for a room holds for it under its new name."""
        for kept in (self._chosen, self._joins_shown):
            if name_key(old) in kept:
                kept[name_key(new)] = kept.pop(name_key(old))  # type: ignore[assignment]

    def in_order(self, rooms: Iterable[R]) -> list[R]:
        """Rooms as they are listed: those that stand first, those for everybody, the conversations; of each the quiet ones last."""

        def place(room: R) -> tuple[bool, bool, bool]:
            chosen = self.of(room.name)
            return (not chosen.is_pinned, not chosen.is_pinned and is_conversation(room.name), chosen.is_muted)

        return sorted(rooms, key=place)
