"""The list of people in a room: those with a role, those who are here, those who are away. Pure."""

from collections.abc import Iterator

from rich.cells import cell_len
from textual.content import Content
from textual.style import Style

from chat_server.protocol.names import GUEST, name_key
from chat_tui.client.conversing import MARK
from chat_tui.client.hues import Hues
from chat_tui.client.room_rights import role_named
from chat_tui.client.state import RoomState
from chat_tui.language import say
from chat_tui.ui.list_pane import Item
from chat_tui.ui.room_list import HEADING, heading

ROLE_SIGNS = {"owner": "*", "moderator": "+"}
"""What stands for a role where its word has no place."""

HERE, AWAY = 2, 3
"""The ranks of those who have no role; before them owners and moderators."""

REASON_MIN = 5
"""Columns below which the beginning of a reason says nothing."""

PANE_MARGIN = 3
"""Columns of a row that are blank: at both sides, and before what stands at its end."""


def people_items(room: RoomState | None, me: str, colours: tuple[Style, ...], columns: int = 0) -> list[Item]:
    """Who is here: owners, moderators, the others, those who are away; by name. What there is to say of them stands at the end of so many columns."""
    return [item for _, item in _ranked(room, me, colours, columns, says_away=True)]


def people_groups(room: RoomState | None, me: str, colours: tuple[Style, ...], columns: int) -> list[Item]:
    """The same, under headings; a plus where more are here than are known."""
    ranked = list(_ranked(room, me, colours, columns))
    items: list[Item] = []
    for words, ranks in ((say("Operators"), (0, 1)), (say("Here"), (HERE,)), (say("Away"), (AWAY,))):
        group = [item for rank, item in ranked if rank in ranks]
        if group:
            lacks = " +" if room is not None and room.lacks_people and HERE in ranks else ""
            items += [Item(HEADING, Content(""))] if items else []
            items += [heading(words, f"{len(group)}{lacks}"), *group]
    return items


def people_of_two(room: RoomState, presence: str, me: str, colours: tuple[Style, ...], columns: int) -> list[Item]:
    """The two of a conversation: the other, with what is known of whether they are here, and the user."""
    nick = room.name.removeprefix(MARK)
    place = columns - PANE_MARGIN - cell_len(nick)
    other = Item(
        nick,
        Content.styled(nick, _colour(nick, room.hues, colours)),
        Content.styled(_cut(presence, place), "$text-muted"),
    )
    return [heading(say("People"), "2"), other, Item(me, Content(me), Content.styled(say("you"), "$text-muted"))]


def _ranked(
    room: RoomState | None, me: str, colours: tuple[Style, ...], columns: int, *, says_away: bool = False
) -> Iterator[tuple[int, Item]]:
    if room is None:
        return
    ranks = {role: rank for rank, role in enumerate(ROLE_SIGNS)}
    people = sorted(
        (ranks.get(room.rights.roles.get(key, ""), AWAY if key in room.away else HERE), key, nick)
        for key, nick in room.people.items()
    )
    for rank, key, nick in people:
        is_me, is_away = nick == me, key in room.away
        style = Style() if is_me else _colour(nick, room.hues, colours)
        mark = GUEST if name_key(nick) in room.guests else ""
        row = Content.assemble((nick, "$text-muted" if is_away else style), (mark, "$text-muted"))
        place = columns - PANE_MARGIN - row.cell_length
        says_so = is_away and (says_away or rank < AWAY)
        end = _end(room.rights.roles.get(key, ""), place, is_me=is_me, is_away=says_so)
        if is_away and not end:  # under its heading there is a place for why
            end = _cut(room.away[key], place)
        yield rank, Item(nick, row, Content.styled(end, "$text-muted"))


def _colour(nick: str, hues: Hues, colours: tuple[Style, ...]) -> Style:
    """The colour that somebody's name has beside what they say."""
    return colours[hues.of(nick, len(colours))] if colours else Style()


def _end(role: str, place: int, *, is_me: bool, is_away: bool) -> str:
    """What is said of somebody: as much of it as has its place, the most important last."""
    sign = ROLE_SIGNS.get(role, "")
    own = [say("you")] if is_me else []
    away = [say("away")] if is_away else []
    long = " ".join([*away, *([role_named(role)] if sign else []), *own])
    return long if cell_len(long) <= place else " ".join([*([sign] if sign else []), *own])


def _cut(reason: str, place: int) -> str:
    """As much of why somebody is away as has its place; nothing where that says nothing."""
    if cell_len(reason) <= place:
        return reason
    return Content(reason).truncate(place, ellipsis=True).plain if place >= REASON_MIN else ""
