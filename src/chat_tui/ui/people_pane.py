"""The pane with the people of a room, or the two of a conversation. Knows what is known of the server; never knows when it is time to paint."""

from textual.style import Style

from chat_tui.client.conversing import is_conversation
from chat_tui.client.state import RoomState, State
from chat_tui.language import spoken
from chat_tui.ui import labels, people_list
from chat_tui.ui.list_pane import Item, ListPane


class PeoplePane(ListPane):
    """People under each other. What is shown is made again only when something about it has changed."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Show nobody yet."""
        super().__init__(id=id)
        self._shown: object = None

    def paint(self, state: State, room: RoomState | None, colours: tuple[Style, ...], width: int) -> None:
        """Show who is there, on a screen of so many columns."""
        people, presence = None, ""
        if room is not None:
            presence = labels.presence([state], room) if is_conversation(room.name) else ""
            changes = (room.people_changes, room.rights.changes, room.hues.changes)
            people = (id(room), room.name, *changes, room.lacks_people, presence, state.nick, colours, width, spoken())
        if people != self._shown:  # five thousand people are not sorted for every line
            if room is not None and len(room.people) <= len(
                colours
            ):  # there is a colour for everybody, whether they talk or not
                for nick in room.people.values():
                    room.hues.talks(nick, len(colours))
            self._shown = people
            items = _items(state, room, presence, colours, labels.usual_width(width, labels.PEOPLE_WIDTHS))
            self.show(items)
            self.styles.width = labels.pane_width(items, width, labels.PEOPLE_WIDTHS, self.styles.width)


def _items(state: State, room: RoomState | None, presence: str, colours: tuple[Style, ...], columns: int) -> list[Item]:
    if room is None or not is_conversation(room.name):
        return people_list.people_groups(room, state.nick, colours, columns)
    return people_list.people_of_two(room, presence, state.nick, colours, columns)
