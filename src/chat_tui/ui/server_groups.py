"""Several servers as groups in one list: a heading for each, and keys that say at which of them a room is. Pure."""

from collections.abc import Collection, Sequence

from textual.content import Content

from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.state import RoomState
from chat_tui.language import say
from chat_tui.ui import labels, room_list
from chat_tui.ui.list_pane import Item
from chat_tui.ui.program import Group

_BETWEEN = "\n"
"""What stands between a server's place and the key of one of its rooms: no name has it."""


def split_key(key: str) -> tuple[int | None, str]:
    """The place of the server, and the key as it is there; no place where there is but one server."""
    place, between, rest = key.partition(_BETWEEN)
    return (int(place), rest) if between else (None, key)


def _key(place: int, key: str) -> str:
    return f"{place}{_BETWEEN}{key}"


def current_key(groups: Sequence[Group], room: str | None) -> str:
    """The key of the row where one is: of a room of the server that is shown, or of that server, where it has none."""
    place = next((place for place, group in enumerate(groups) if group.is_shown), 0)
    return _key(place, room or room_list.HEADING)


def room_items(groups: Sequence[Group], seen: Collection[RoomState]) -> list[Item]:
    """The rooms of all servers where one is, each server's below its name; then the others of the server that is shown.

    Those stand last, though they are of one group: they are many, and would push the other servers out of sight.
    """
    items: list[Item] = []
    others: list[Item] = []
    first = 1
    for place, group in enumerate(groups):
        items += [*([Item(room_list.HEADING, Content(""))] if items else []), _heading(place, group)]
        own, rest = room_list.ungrouped(group.state, seen, first, drafts=group.drafts)
        first += len(own)
        items += [item._replace(key=_key(place, item.key)) for item in own]
        if group.is_shown:
            others = [item._replace(key=_key(place, item.key)) for item in rest]
    if others:
        shown = next(group for group in groups if group.is_shown)
        words = say("More at {server}", server=shown.title)
        items += [Item(room_list.HEADING, Content("")), room_list.heading(words, str(len(others))), *others]
    return items


def _heading(place: int, group: Group) -> Item:
    name = Content.assemble(labels.state_mark(group.change), (group.title, "bold"))
    words = _state(group.change)
    called = labels.called(group.state)
    unread = sum(labels.heard(group.state, room) for room in group.state.rooms.values())
    count = (
        Content("")
        if group.is_shown or not unread
        else room_list.badge(f"@{called}")
        if called
        else Content.styled(str(unread), "bold")
    )
    end = Content.styled(words + (" " if words and count else ""), "$text-muted") + count
    return Item(_key(place, room_list.HEADING), name, end)


def _state(change: ConnectionChanged) -> str:
    """How the connection is, in a word or two; "" if there is one."""
    if change.status is Status.ONLINE or change.is_moving:
        return ""
    if change.doubt is not None or change.asks_proof:
        return say("asks you")
    if change.status is Status.CONNECTING:
        return say("connecting")
    return say("lost") if change.status is Status.WAITING else say("refused")


def found_everywhere(letters: str, found: Sequence[tuple[str, Sequence[Item]]]) -> list[Item]:
    """What was found at all servers, each with its server's name: rooms, then people, then servers, for one may be in no room there."""
    items = [
        item._replace(
            key=_key(place, item.key),
            end=Content.assemble(item.end, "  " if item.end else "", (title, "$text-muted")),
        )
        for place, (title, there) in enumerate(found)
        for item in there
    ]
    servers = [
        Item(_key(place, room_list.HEADING), Content.assemble(title, ("  " + say("server"), "$text-muted")))
        for place, (title, _) in enumerate(found)
        if letters.casefold() in title.casefold()
    ]
    return sorted(items, key=lambda item: split_key(item.key)[1].startswith("nick ")) + servers
