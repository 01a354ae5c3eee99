"""What stands in the panes and bars around the lines: rooms, people, topic, how the connection is. Pure."""

from textual.content import Content
from textual.style import Style

from chat_server.names import same_name_key
from chat_tui.link import LinkChanged, Status
from chat_tui.list_pane import Item
from chat_tui.rendering import nick_style
from chat_tui.state import RoomState, State

NUMBERED_MAX = 9
"""Rooms that have a number, which is a key."""

UNJOINED = "+"
"""What the key of a room begins with in which one is not."""


def room_items(state: State, seen: RoomState | None) -> list[Item]:
    """The rooms where one is, with what is unread; then the others. `seen` is the one that is being read."""
    items = [_room_item(number, room, is_seen=room is seen) for number, room in enumerate(state.rooms.values(), 1)]
    others = [name for name in state.listed if same_name_key(name) not in state.rooms]
    return items + [Item(UNJOINED + name, Content.styled(f"  {name}", "dim")) for name in others]


def _room_item(number: int, room: RoomState, *, is_seen: bool) -> Item:
    end, style = Content(""), "" if room.is_joined else "dim"
    if is_seen:
        pass  # it will be read in a second; a count that comes and goes would only flicker
    elif room.mentions:
        style = "bold $text-warning"
        end = Content.styled(f"@{room.unread}", style)
    elif room.unread:
        style = "bold"
        end = Content.styled(str(room.unread), style)
    if room.pending:
        end = Content.styled("… ", "dim") + end
    mark = str(number) if number <= NUMBERED_MAX else " "
    return Item(same_name_key(room.name), Content.assemble((mark, "dim"), " ", (room.name, style)), end)


def people_heading(room: RoomState | None) -> str:
    """How many are here; more than are known, if there is a plus."""
    if room is None or not room.people:
        return "Online"
    return f"Online {len(room.people)}{' +' if room.lacks_people else ''}"


def people_items(room: RoomState | None, me: str, colours: tuple[Style, ...]) -> list[Item]:
    """Who is here, by name."""
    people = sorted(room.people.values(), key=same_name_key) if room else []
    return [
        Item(nick, Content.assemble((nick, nick_style(nick, colours)), (" (you)" if nick == me else "", "dim")))
        for nick in people
    ]


def topic_line(state: State, room: RoomState | None, *, is_slim: bool) -> Content:
    """The room and what it is about; where the rooms are folded away, what is unread elsewhere."""
    line = Content.assemble((room.name if room else "chat-tui", "bold"))
    elsewhere = sum(other.unread for other in state.rooms.values() if other is not room)
    if elsewhere and is_slim:
        line += Content.styled(f"  ({elsewhere} elsewhere)", "bold $text-warning")
    if room and room.topic:
        line += Content.styled(f"  {room.topic}", "$text-muted")
    return line


def status_line(change: LinkChanged, host: str, state: State, seconds: int) -> str:
    """How the connection is, while there is none."""
    waiting = sum(len(room.pending) for room in state.rooms.values())
    waits = "" if not waiting else f" {waiting} line{'' if waiting == 1 else 's'} will be sent then."
    if change.status is Status.CONNECTING:
        return f"Connecting to {host} …"
    if change.status is Status.REFUSED:
        return f"{change.why} Ctrl+R tries again.{waits}"
    return f"No connection: {change.why}. Trying again in {seconds} s; Ctrl+R tries now.{waits}"


def window_title(state: State, room: RoomState | None) -> str:
    """The terminal's title: how many lines name the user, and where they are."""
    mentions = sum(len(other.mentions) for other in state.rooms.values())
    return f"{f'({mentions}) ' if mentions else ''}{room.name if room else 'chat-tui'} - chat-tui"
