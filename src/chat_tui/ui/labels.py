"""What stands in the panes and bars around the lines: rooms, people, topic, how the connection is. Pure."""

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.css.scalar import Scalar
from textual.geometry import Size

from chat_server.protocol.names import GUEST, name_key
from chat_tui.client import completion
from chat_tui.client.calling import Line
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.conversing import is_conversation
from chat_tui.client.room_words import rules_in_words
from chat_tui.client.state import RoomState, State
from chat_tui.language import say, say_count, sentences
from chat_tui.settings import DEFAULT_PORT
from chat_tui.ui.list_pane import MARK, Item
from chat_tui.ui.people_list import PANE_MARGIN
from chat_tui.ui.room_list import NUMBERED_MAX, badge
from chat_tui.ui.row import TEXT_MAX

ROOMS_WIDTHS = ((160, 26), (100, 20), (0, 18))
PEOPLE_WIDTHS = ((160, 26), (0, 18))
"""How wide the panes at the sides usually are, from so many columns of the screen on."""

FEW, AROUND = 3, 9
"""Rooms for which there is place at least, and rows of what is said around them. Where both do not fit, only one row of that stands over them."""

BLANK, WRAPPED = 3, 4
"""Empty rows among them; and columns that a row loses where it ends between words, as far as that can be known before."""

SHORT = 16
"""Rows below which only the most important keys are named."""

NAME_MIN, GAP = 16, 3
"""Columns for names at least, where there is a place for what rooms are about too; and between these."""

TOPIC_MIN = 12
"""Columns below which a topic is left out: it would say nothing."""

SERVER_MAX = 26
"""Columns for the server where there are no rooms below: an address and its port."""


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


def pane_width(items: Sequence[Item], screen: int, widths: Sequence[tuple[int, int]], now: Scalar | None) -> int:
    """How wide a pane at the side is that has this width now: as its longest row needs, no less than is usual, at most a fifth of the screen.

    It gets no narrower as long as the screen stays as it is: whoever goes from room to room would see all lines jump.
    """
    usual = usual_width(screen, widths)
    needed = max((item.content.cell_length + item.end.cell_length + PANE_MARGIN for item in items), default=0)
    return max(usual, min(needed, screen // 5), int(now.value) if now is not None else 0)


def usual_width(screen: int, widths: Sequence[tuple[int, int]]) -> int:
    """How wide a pane at the side is if nothing in it needs more."""
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


def header(left: Content, middle: Content, right: Content, *, widths: tuple[int, int], width: int) -> Content:
    """One row of three parts: what stands over the rooms, over the chat, and over the people, in panes of these widths; 0: there is none.

    What is too long is cut, and what stands over the chat first.
    """
    rooms, people = widths
    if left:
        left = (" " + left).truncate((rooms or SERVER_MAX) - 1, ellipsis=True)
        left += " " * (rooms - left.cell_length)
    right = (" " + right + " ") if right else Content(" ")
    right += " " * (people - right.cell_length)
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


def nowhere(change: ConnectionChanged, host: str, state: State, size: Size, chosen: str = "") -> Content:
    """What a user who is in no room can do next, in so many columns and rows. `chosen` is the room that Enter joins."""
    if change.status is not Status.ONLINE:
        what = say("Connecting to {host}", host=host)
        if change.status is not Status.CONNECTING:
            what = say("Not connected to {host}", host=host)
        keys = say("F5 tries now"), say("F3 takes another server or name"), say("Ctrl+Q quits")
        return Content.assemble((what, "bold"), "\n\n", ("\n".join(keys), "$text-muted"))
    entering = next((room.name for room in state.rooms.values() if not is_conversation(room.name)), "")
    if entering:
        return Content.styled(say("Entering {room}", room=entering), "$text-muted")
    head = Content.assemble(
        (state.put_out, "$text-error") if state.put_out else (say("Welcome, {nick}.", nick=state.nick), "bold"), "\n\n"
    )
    choices, choose = offered(state), say("You are in no room yet. Choose one:")
    if not choices:
        return head + say("There is no room yet. /create NAME opens one.")
    rows = _rows(state, choices, size.width, chosen)
    tail = sentences(say("Enter joins."), say_keys(is_short=size.height < SHORT))
    said = head.plain.strip(), choose, tail
    needed = BLANK + sum(-(-cell_len(each) // max(1, size.width - WRAPPED)) for each in said)
    is_small = size.height < needed + min(FEW, len(rows))
    place = max(1, size.height - 1) if is_small else max(FEW, size.height - AROUND)
    below = max(0, (choices.index(chosen) if chosen in choices else 0) + 1 - place)
    rows = rows[below : below + place]
    if is_small:  # Enter must not join a room that is not seen
        over = Content.styled(state.put_out, "$text-error") if state.put_out else Content(choose)
        return Content("\n").join([*([over.truncate(size.width, ellipsis=True)] if size.height > 1 else []), *rows])
    more = len(state.listed) - len(rows)
    if more > 0:
        rows.append(Content.styled("  " + say("and {number} more", number=more), "$text-muted"))
    return Content.assemble(
        head,
        choose,
        "\n\n",
        Content("\n").join(rows),
        "\n\n",
        (tail, "$text-muted"),
    )


def say_keys(*, is_short: bool) -> str:
    """What else there is to do."""
    if is_short:
        return say("Ctrl+K finds rooms and people, F1 shows all keys.")
    return say("Ctrl+K finds a room or a person by a few letters, /create NAME opens a room, F1 shows all keys.")


def _rows(state: State, names: Sequence[str], width: int, chosen: str) -> list[Content]:
    """Rooms by their keys, each with how many are there, and what it is about; the chosen one has a mark."""
    measure = min(width, TEXT_MAX)
    counts = [_people(state.listed[name]) for name in names]
    count_width = max(map(cell_len, counts))
    place = measure - cell_len(f"  Alt+{NUMBERED_MAX}   ") - GAP - count_width
    if place > 2 * NAME_MIN:  # for what they are about
        place = max(NAME_MIN, place // 2)
    name_width = max(1, min(place, max(map(cell_len, names))))
    rows = []
    for number, (name, count) in enumerate(zip(names, counts, strict=True), 1):
        is_chosen = name == chosen
        row = Content.assemble(
            (f"{MARK} ", "$text-primary") if is_chosen else "  ",
            (f"Alt+{number}", "$text-muted"),
            "   ",
            (Content(name).truncate(name_width, ellipsis=True, pad=True).plain, "bold"),
            (" " * (GAP + count_width - cell_len(count)) + count, "$text-muted"),
        )
        topic = Content.styled(f"   {state.topics.get(name, '')}".rstrip(), "$text-muted")
        if measure - row.cell_length >= TOPIC_MIN:
            row += topic.truncate(measure - row.cell_length, ellipsis=True)
        row += " " * max(0, measure - row.cell_length) if is_chosen else ""
        rows.append(row.stylize("on $selected") if is_chosen else row)
    return rows


def _people(count: int) -> str:
    return say_count("{count} person", "{count} people", count, count=count) if count else say("nobody")


def topic_line(
    change: ConnectionChanged, states: Sequence[State], room: RoomState | None, *, is_slim: bool, title: str = ""
) -> Content:
    """The room and what it is about; where the rooms are folded away, the server's state and title too."""
    name = room.name if room else "chat-tui"
    line = Content.assemble(*([state_mark(change)] if is_slim else []), (name.removeprefix("@"), "bold"))
    if title:
        line += Content.styled(f" {title}", "$text-muted")
    rules = rules_in_words(room.rights) if room else ""
    topic = room.topic if room else ""
    if room is not None and is_conversation(room.name):
        topic = presence(states, room)
    return line + Content.styled(
        "".join(f"   {part}" for part in (rules and f"[{rules}]", topic) if part), "$text-muted"
    )


def presence(states: Sequence[State], room: RoomState) -> str:
    """Whether the other of a conversation is in a room where the user is too, or away there; "": that is not known."""
    key = name_key(room.name.removeprefix("@"))
    there = [
        other for state in states if state.rooms.get(name_key(room.name)) is room for other in state.rooms.values()
    ]
    reasons = [other.away[key] for other in there if key in other.away]
    if reasons:
        why = next(filter(None, reasons), "")
        return say("away: {reason}", reason=why) if why else say("away")
    return say("here") if any(key in other.people for other in there) else ""


def elsewhere(states: Sequence[State], room: RoomState | None) -> Content:
    """What is unread in other rooms, where their list is folded away: what names the user, and the rest."""
    others = [(state, other) for state in states for other in state.rooms.values() if other is not room]
    called = sum(calls(state, other) for state, other in others)
    rest = sum(heard(state, other) for state, other in others) - called
    more = say("{number} unread", number=rest) if rest > 0 else ""
    return Content.assemble(
        badge(f"@{called}") if called else "", " " if called and more else "", (more, "$text-muted")
    )


def heard(state: State, room: RoomState) -> int:
    """How many unread lines count elsewhere: of a room that is muted, those that name the user."""
    return len(room.mentions) if state.choices.of(room.name).is_muted else room.unread


def status_line(change: ConnectionChanged, host: str, state: State, seconds: int, *, early: int = 0) -> Content:
    """How the connection is, while there is none: what it is in a few bold words, why, and what can be done.

    `early`: lines that wait because the user has not been let in.
    """
    waiting = early + sum(len(room.pending) for room in state.rooms.values())
    waits = (
        say_count("{number} line will be sent then.", "{number} lines will be sent then.", waiting) if waiting else ""
    )
    if change.status is Status.CONNECTING:
        trying = Content.assemble(("○ ", "$text-warning"), (say("Connecting to {host} …", host=host), "bold"))
        return trying + (f" {waits}" if early else "")
    if change.is_moving:
        back = say("The server is being restarted; back in {seconds} s.", seconds=max(1, seconds))
        return Content(sentences(back, waits))
    if change.doubt is not None:
        return _refused(sentences(change.why, say("F5 shows why, F3 takes another server."), waits))
    if change.asks_proof:
        what_now = say("F5 asks for the password or a code, F3 takes another name or server.")
        return Content.assemble(("○ ", "$text-warning"), sentences(say("Not logged in."), what_now, waits))
    if change.status is Status.REFUSED:
        return _refused(sentences(change.why, say("F5 tries again, F3 takes another name or server."), waits))
    again = say("Again in {seconds} s; F5 tries now.", seconds=seconds)
    return Content.assemble(
        ("○ " + say("No connection"), "bold $text-warning"), ": ", sentences(f"{change.why}.", again, waits)
    )


def _refused(words: str) -> Content:
    return Content.assemble(("✗ ", "bold $text-error"), words)


def window_title(states: Sequence[State], room: RoomState | None) -> str:
    """The terminal's title: how many lines name the user, at all servers, and where they are."""
    mentions = sum(map(called, states))
    return f"{f'({mentions}) ' if mentions else ''}{room.name if room else 'chat-tui'} - chat-tui"


def called(state: State) -> int:
    """How many unread lines are for the user."""
    return sum(calls(state, other) for other in state.rooms.values())


def calls(state: State, room: RoomState) -> int:
    """How many unread lines of a room are for the user: of a conversation all."""
    return heard(state, room) if is_conversation(room.name) else len(room.mentions)
