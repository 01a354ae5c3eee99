"""The list of rooms: in groups, each row with what is unread there, or what else there is to know of it. Pure."""

from collections.abc import Collection, Container, Iterator, Sequence

from textual.content import Content

from chat_server.protocol.names import name_key
from chat_tui.client.conversing import is_conversation
from chat_tui.client.room_choices import Chosen
from chat_tui.client.state import RoomState, State
from chat_tui.language import say
from chat_tui.ui.list_pane import Item

NUMBERED_MAX = 9
"""Rooms that have a number, which is a key."""

UNREAD_MAX = 999
"""More unread lines than that are as good as any number."""

UNJOINED_MIN = 3
"""Rooms where one is not that are listed at the least, however little place there is."""

HEADING = ""
"""The key of a row that is no room."""

UNJOINED = "+"
"""What the key of a room begins with in which one is not."""

HERE, NOT_HERE = ("● ", "$text-success"), ("○ ", "$text-muted")
"""What stands before a conversation: whether the other is in a room where the user is too."""

BADGE = "bold $on-accent on $warning"
"""What is for the user, wherever that is counted."""


def heading(words: str, end: str = "") -> Item:
    """A row over a group."""
    return Item(HEADING, Content.styled(words, "$text-muted"), Content.styled(end, "$text-muted"))


def room_items(
    state: State, seen: Collection[RoomState], first: int = 1, *, drafts: Container[str] = (), rows: int = 0
) -> list[Item]:
    """All of them, under headings: the rooms where one is, and then as many others as `rows` in all have a place for; 0: all of those.

    `seen` are the rooms that are being read, `first` the number of the first, `drafts` are the rooms where something is begun.
    """
    items: list[Item] = []
    pinned, rooms, people = _groups(state)
    for words, group in ((say("Pinned"), pinned), (say("Rooms"), rooms), (say("People"), people)):
        if group:
            items += [*_apart(items), heading(words), *own_items(state, group, seen, first, drafts=drafts)]
            first += len(group)
    others = unjoined(state)
    if others:
        count = str(len(others))
        items += [*_apart(items), heading(say("Not joined"), count)]
        place = max(UNJOINED_MIN, rows - len(items)) if rows else len(others)
        shown = others if len(others) <= place else others[: place - 1]
        items += [_other(state, name) for name in shown]
        if len(shown) < len(others):
            items.append(heading("  " + say("… {number} more", number=len(others) - len(shown))))
    return items


def ungrouped(
    state: State, seen: Collection[RoomState], first: int, *, drafts: Container[str] = ()
) -> tuple[list[Item], list[Item]]:
    """The rooms where one is, and the others, without headings: for one of several servers."""
    pinned, rooms, people = _groups(state)
    own = own_items(state, [*pinned, *rooms, *people], seen, first, drafts=drafts)
    return list(own), [_other(state, name) for name in unjoined(state)]


def _apart(items: Sequence[Item]) -> list[Item]:
    """An empty row, if anything stands above."""
    return [Item(HEADING, Content(""))] if items else []


def _groups(state: State) -> tuple[list[RoomState], list[RoomState], list[RoomState]]:
    """The rooms where one is, as they are listed: those that stand first, those for everybody, conversations."""
    known = state.choices.in_order(state.rooms.values())
    pinned = [room for room in known if state.choices.of(room.name).is_pinned]
    rest = known[len(pinned) :]
    people = [room for room in rest if is_conversation(room.name)]
    return pinned, rest[: len(rest) - len(people)], people


def unjoined(state: State) -> list[str]:
    """The rooms where one is not."""
    return [name for name in state.listed if name_key(name) not in state.rooms]


def own_items(
    state: State, rooms: Sequence[RoomState], seen: Collection[RoomState], first: int, *, drafts: Container[str] = ()
) -> Iterator[Item]:
    """Rows of rooms where one is, numbered from `first` on."""
    here = {key for room in state.rooms.values() for key in room.people}
    for number, room in enumerate(rooms, first):
        content = Content.styled(f"{number if number <= NUMBERED_MAX else ' '} ", "$text-muted")
        if is_conversation(room.name):
            content += Content.assemble(HERE if name_key(room.name[1:]) in here else NOT_HERE)
        name, end = _told(room, state.choices.of(room.name), is_seen=room in seen)
        waiting = 0 if room in seen else len(room.pending)  # else they stand below the lines
        end = _with_begun(end, waiting, is_draft=room.name in drafts)
        yield Item(name_key(room.name), content + name, end)


def _told(room: RoomState, chosen: Chosen, *, is_seen: bool) -> tuple[Content, Content]:
    """The room's name, and what is unread there. While it is read there is nothing: a count that comes and goes would only flicker."""
    unread = 0 if is_seen else room.unread
    called = 0 if is_seen else len(room.mentions)
    is_for_user = is_conversation(room.name) and not chosen.is_muted
    words, end = "", Content("")
    if chosen.is_muted or not room.is_joined:
        words = "$text-muted"
    if called:
        end = badge(f"@{_count(called)}")
    elif unread and is_for_user:
        end = badge(_count(unread))
    elif unread:
        end = (
            Content.styled(f"({_count(unread)})", words) if chosen.is_muted else Content.styled(_count(unread), "bold")
        )
    if called or (unread and not chosen.is_muted):
        words = f"bold {words}"
    name = Content.styled(room.name[1:] if is_conversation(room.name) else room.name, words)
    return name + _private(is_private=room.rights.rules.get("access", "open") != "open"), end


def _with_begun(end: Content, waiting: int, *, is_draft: bool) -> Content:
    """What waits there to be sent, or is only begun; what is unread goes first."""
    begun = f"… {waiting}" if waiting else say("draft") if is_draft and not end else ""
    return end + Content.styled((" " if end and begun else "") + begun, "$text-muted")


def badge(words: str) -> Content:
    """What wants the user: seen before anything else in the list."""
    return Content.styled(f" {words} ", BADGE)


def _count(number: int) -> str:
    return str(number) if number <= UNREAD_MAX else f"{UNREAD_MAX}+"


def _other(state: State, name: str) -> Item:
    private = _private(is_private=name_key(name) in state.private)
    return Item(UNJOINED + name, Content.styled(f"  {name}", "$text-muted") + private)


def _private(*, is_private: bool) -> Content:
    """What stands after a room that is only for its members."""
    return Content.styled(" " + say("private") if is_private else "", "$text-muted")
