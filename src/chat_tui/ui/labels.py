"""What stands in the panes and bars around the lines: rooms, people, topic, how the connection is. Pure."""

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.style import Style

from chat_server.protocol.names import GUEST, name_key
from chat_tui.client import completion
from chat_tui.client.calling import Line
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.conversing import is_conversation
from chat_tui.client.room_choices import Chosen
from chat_tui.client.room_rights import role_named
from chat_tui.client.room_words import rules_in_words
from chat_tui.client.state import RoomState, State
from chat_tui.language import say, say_count, sentences
from chat_tui.settings import DEFAULT_PORT
from chat_tui.ui.list_pane import Item
from chat_tui.ui.rendering import nick_style

NUMBERED_MAX = 9
"""Rooms that have a number, which is a key."""

ROOMS_WIDTHS = ((160, 26), (108, 22), (0, 18))
PEOPLE_WIDTHS = ((160, 26), (108, 20), (0, 18))
"""How wide the panes at the sides usually are, from so many columns of the screen on."""

SERVER_MAX = 26
"""Columns for the server, though the rooms have fewer: an address and its port."""

PANE_MARGIN = 3
"""Columns of a row that are blank: at both sides, and before what stands at its end."""

HEADING = ""
"""The key of a row that is no room."""

UNJOINED = "+"
"""What the key of a room begins with in which one is not."""


def room_items(state: State, seen: RoomState | None, first: int = 1) -> list[Item]:
    """The rooms where one is, with what is unread; then the others. `seen` is the one that is being read, `first` the number of the first."""
    known = state.choices.in_order(state.rooms.values())
    items = [
        _room_item(number, room, state.choices.of(room.name), is_seen=room is seen)
        for number, room in enumerate(known, first)
    ]
    count = sum(not is_conversation(room.name) or state.choices.of(room.name).is_pinned for room in known)
    if count < len(items):
        items.insert(count, Item(HEADING, Content.styled(say("Conversations"), "$text-muted bold")))
    others = [name for name in state.listed if name_key(name) not in state.rooms]
    return items + [
        Item(UNJOINED + name, Content.styled(f"  {name}{_private() if name_key(name) in state.private else ''}", "dim"))
        for name in others
    ]


def _room_item(number: int, room: RoomState, chosen: Chosen, *, is_seen: bool) -> Item:
    is_muted = chosen.is_muted
    end, style = Content(""), "dim" if is_muted or not room.is_joined else ""
    if is_seen:
        pass  # it will be read in a second; a count that comes and goes would only flicker
    elif is_muted and room.unread and not room.mentions:
        end = Content.styled(str(room.unread), "dim")
    elif room.mentions or (room.unread and is_conversation(room.name)):
        style = "bold $text-warning"
        end = Content.styled(f"{'@' if room.mentions else ''}{room.unread}", style)
    elif room.unread:
        style = "bold"
        end = Content.styled(str(room.unread), style)
    if room.pending:
        end = Content.styled("… ", "dim") + end
    mark = str(number) if number <= NUMBERED_MAX else " "
    behind = _private() if room.rights.rules.get("access", "open") != "open" else ""
    behind += (" " + say("pinned") if chosen.is_pinned else "") + (" " + say("muted") if is_muted else "")
    return Item(name_key(room.name), Content.assemble((mark, "dim"), " ", (room.name, style), (behind, "dim")), end)


def _private() -> str:
    """What stands behind a room that is only for its members."""
    return " " + say("private")


def people_heading(room: RoomState | None) -> str:
    """How many are here; more than are known, if there is a plus."""
    if room is None or not room.people:
        return say("Online")
    return say("Online") + f" {len(room.people)}{' +' if room.lacks_people else ''}"


ROLE_SIGNS = {"owner": "* ", "moderator": "+ "}
"""What stands before the names of those who have a role, first of all, whether there are colours or not."""


def people_items(room: RoomState | None, me: str, colours: tuple[Style, ...], screen: int = 0) -> list[Item]:
    """Who is here: owners, moderators, the others; by name. Their roles stand at the end, if a screen of so many columns has the place."""
    if room is None:
        return []
    roles = {key: role for key, role in room.rights.roles.items() if role in ROLE_SIGNS and key in room.people}
    ranks = {role: rank for rank, role in enumerate(ROLE_SIGNS)}
    people = sorted(room.people.items(), key=lambda pair: (ranks.get(roles.get(pair[0], ""), len(ranks)), pair[0]))
    place = max(_usual(screen, PEOPLE_WIDTHS), screen // 5) - PANE_MARGIN
    items = []
    for key, nick in people:
        is_away = key in room.away
        behind = _guest_mark(room, nick) + _behind(is_me=nick == me, is_away=is_away)
        sign = ROLE_SIGNS.get(roles.get(key, ""), "  ") if roles else ""
        row = Content.assemble((sign, "bold"), (nick, "dim" if is_away else nick_style(nick, colours)), (behind, "dim"))
        role = role_named(roles.get(key, ""))
        has_place = role and row.cell_length + cell_len(role) <= place
        items.append(Item(nick, row, Content.styled(role if has_place else "", "dim")))
    return items


def _behind(*, is_me: bool, is_away: bool) -> str:
    return (" " + say("(you)") if is_me else "") + (" " + say("(away)") if is_away else "")


def found(state: State, letters: str) -> list[Item]:
    """The rooms that have these letters in their names, those that want somebody first; and the people."""
    busiest_first = sorted(state.rooms.values(), key=lambda room: (not room.mentions, not room.unread))
    names = list(dict.fromkeys([*(room.name for room in busiest_first), *state.listed]))
    rooms = [
        Item(f"room {name}", Content(name), Content.styled(_unread_of(state, name), "bold"))
        for name in completion.fuzzy(letters, names)
    ]
    return rooms + people_found(state, letters) if letters else rooms


def _unread_of(state: State, name: str) -> str:
    room = state.known(name)
    return "" if room is None or not room.unread else f"@{room.unread}" if room.mentions else str(room.unread)


def people_found(state: State, letters: str) -> list[Item]:
    """Who else is known in any room and has these letters in their name, best first."""
    people = dict.fromkeys(nick for room in state.rooms.values() for nick in room.people.values() if nick != state.nick)
    guests = {key for room in state.rooms.values() for key in room.guests}
    return [
        Item(f"nick {nick}", Content.assemble(("@ ", "dim"), nick, (GUEST if name_key(nick) in guests else "", "dim")))
        for nick in completion.fuzzy(letters.removeprefix("@"), people)
    ]


def _guest_mark(room: RoomState | None, nick: str) -> str:
    return GUEST if room and name_key(nick) in room.guests else ""


def pane_width(items: Sequence[Item], screen: int, widths: Sequence[tuple[int, int]]) -> int:
    """How wide a pane at the side is: as its longest row needs, but no less than is usual and no more than a fifth of the screen."""
    usual = _usual(screen, widths)
    needed = max((item.content.cell_length + item.end.cell_length + PANE_MARGIN for item in items), default=0)
    return max(usual, min(needed, screen // 5))


def _usual(screen: int, widths: Sequence[tuple[int, int]]) -> int:
    return next(width for columns, width in widths if screen >= columns)


def server(change: ConnectionChanged, title: str) -> Content:
    """The server, and whether one is connected to it."""
    return Content.assemble(state_mark(change), (title, "$text-muted"))


def address(host: str, port: int) -> str:
    """How a server is called by its address."""
    return host if port == DEFAULT_PORT else f"{host}:{port}"


def from_server(title: str, text: str) -> str:
    """A text, and from which of several servers it comes; "": it is the only one, or the one that is seen."""
    return f"{title}: {text}" if title else text


def header(left: Content, middle: Content, right: Content, *, left_width: int, width: int) -> Content:
    """One row: what stands over the rooms, over the chat, and at the right end. What is too long is cut, and the middle first."""
    if left:
        left = (" " + left).truncate(max(left_width, SERVER_MAX) - 1, ellipsis=True)
        left += " " * (left_width - left.cell_length)
    right = (" " + right + " ") if right else Content(" ")
    place = max(1, width - left.cell_length - right.cell_length - 1)
    middle = middle.truncate(place, ellipsis=True)
    return left + " " + middle + " " * (place - middle.cell_length) + right


def state_mark(change: ConnectionChanged) -> tuple[str, str]:
    """What says whether there is a connection."""
    return ("● ", "$text-success") if change.status is Status.ONLINE or change.is_moving else ("○ ", "$text-warning")


def exposed(change: ConnectionChanged) -> Content:
    """That others can read along, if they can."""
    is_open = change.status is Status.ONLINE and change.line is Line.OPEN
    return Content.styled(say("not encrypted") if is_open else "", "bold $text-warning")


def people_count(room: RoomState | None) -> str:
    """How many people are here, where there is no place for their names."""
    if room is None or not room.people:
        return ""
    count = f"{len(room.people)}{'+' if room.lacks_people else ''}"
    return say_count("{count} person", "{count} people", len(room.people), count=count)


def offered(state: State) -> list[str]:
    """The rooms offered to a user who is in none, by their keys: where most people are first."""
    return sorted(state.listed, key=lambda name: -state.listed[name])[:NUMBERED_MAX]


def nowhere(change: ConnectionChanged, host: str, state: State) -> Content:
    """What a user who is in no room can do next."""
    if change.status is not Status.ONLINE:
        return Content.assemble(
            (
                say("Not connected to {host}", host=host)
                if change.status is not Status.CONNECTING
                else say("Connecting to {host}", host=host),
                "bold",
            ),
            "\n\n",
            (say("F5 tries now, F3 takes another server or name, Ctrl+Q quits."), "$text-muted"),
        )
    entering = next((room.name for room in state.rooms.values() if not is_conversation(room.name)), "")
    if entering:
        return Content.styled(say("Entering {room}", room=entering), "$text-muted")
    head = Content.assemble(
        (state.put_out, "$text-error") if state.put_out else (say("Welcome, {nick}.", nick=state.nick), "bold"), "\n\n"
    )
    choices = offered(state)
    if not choices:
        return head + say("There is no room yet. /create NAME opens one.")
    width = max(cell_len(name) for name in choices)
    rows = [
        Content.assemble(
            (f"Alt+{number}", "bold"),
            f"  {name}{' ' * (width - cell_len(name))}  ",
            (_people(state.listed[name]), "$text-muted"),
        )
        for number, name in enumerate(choices, 1)
    ]
    more = len(state.listed) - len(choices)
    if more > 0:
        rows.append(Content.styled(say("and {number} more", number=more), "$text-muted"))
    tail = say("Ctrl+K finds a room or a person by a few letters, /create NAME opens a room, F1 shows all keys.")
    return Content.assemble(
        head, say("You are in no room yet. Enter one:"), "\n\n", Content("\n").join(rows), "\n\n", (tail, "$text-muted")
    )


def _people(count: int) -> str:
    return say_count("{count} person", "{count} people", count, count=count) if count else say("nobody")


def topic_line(
    change: ConnectionChanged, states: Sequence[State], room: RoomState | None, *, is_slim: bool, title: str = ""
) -> Content:
    """The room and what it is about; where the rooms are folded away, the server's state and title, and what is unread elsewhere."""
    line = Content.assemble(*([state_mark(change)] if is_slim else []), (room.name if room else "chat-tui", "bold"))
    if title and is_slim:
        line += Content.styled(f" {title}", "$text-muted")
    elsewhere = sum(heard(state, other) for state in states for other in state.rooms.values() if other is not room)
    if elsewhere and is_slim:
        line += Content.styled("  " + say("({number} elsewhere)", number=elsewhere), "bold $text-warning")
    rules = rules_in_words(room.rights) if room else ""
    if rules:
        line += Content.styled(f"  [{rules}]", "$text-muted")
    if room and room.topic:
        line += Content.styled(f"  {room.topic}", "$text-muted")
    return line


def heard(state: State, room: RoomState) -> int:
    """How many unread lines count elsewhere: of a room that is muted, those that name the user."""
    return len(room.mentions) if state.choices.of(room.name).is_muted else room.unread


def status_line(change: ConnectionChanged, host: str, state: State, seconds: int) -> str:
    """How the connection is, while there is none."""
    waiting = sum(len(room.pending) for room in state.rooms.values())
    if change.status is Status.CONNECTING:
        return say("Connecting to {host} …", host=host)
    waits = (
        say_count("{number} line will be sent then.", "{number} lines will be sent then.", waiting) if waiting else ""
    )
    if change.is_moving:
        return sentences(say("The server is being restarted; back in {seconds} s.", seconds=max(1, seconds)), waits)
    if change.doubt is not None:
        return sentences(change.why, say("F5 shows why, F3 takes another server."), waits)
    if change.asks_proof:
        what_now = say("F5 asks for the password or a code, F3 takes another name or server.")
        return sentences(say("Not logged in."), what_now, waits)
    if change.status is Status.REFUSED:
        return sentences(change.why, say("F5 tries again, F3 takes another name or server."), waits)
    again = say("No connection: {why}. Trying again in {seconds} s; F5 tries now.", why=change.why, seconds=seconds)
    return sentences(again, waits)


def window_title(states: Sequence[State], room: RoomState | None) -> str:
    """The terminal's title: how many lines name the user, at all servers, and where they are."""
    mentions = sum(map(called, states))
    return f"{f'({mentions}) ' if mentions else ''}{room.name if room else 'chat-tui'} - chat-tui"


def called(state: State) -> int:
    """How many unread lines are for the user."""
    return sum(
        heard(state, other) if is_conversation(other.name) else len(other.mentions) for other in state.rooms.values()
    )
