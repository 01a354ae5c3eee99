"""What a moderator does to somebody here, by keys: whom, what, and for how long and why.

Knows the client, and where one is. Never knows who may do what: the server's catalogue of commands says so, and the server decides.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from textual.content import Content
from textual.screen import Screen

from chat_server.protocol.events import Event
from chat_server.protocol.late_pattern import LatePattern
from chat_server.protocol.names import name_key
from chat_tui.client import completion
from chat_tui.client.room_rights import Rights, offered
from chat_tui.client.state import RoomState
from chat_tui.language import message, say, sentences
from chat_tui.ui.list_pane import Item
from chat_tui.ui.navigation import Navigation
from chat_tui.ui.people_list import people_items
from chat_tui.ui.picking import pick
from chat_tui.ui.program import Program, ask

NOT_YOURS = message("Only who moderates or owns a room does that. /role shows who does here.")
NOBODY = message("Nobody is here to whom you may do that.")

_SPAN = LatePattern(r"[1-9][0-9]{0,5}[mhdw]", re.IGNORECASE | re.ASCII)


class Deed(NamedTuple):
    """Something that can be done to somebody. `do` is the command, `role` the one that it gives, `lasts` whether it is for a time."""

    do: str
    title: str
    what: str
    role: str = ""
    lasts: bool = False


DEEDS = (
    Deed("kick", message("Kick"), message("It puts {nick} out of {room}, who can come back after a minute.")),
    Deed("mute", message("Mute"), message("It lets {nick} say nothing in {room} for a while."), lasts=True),
    Deed("ban", message("Ban"), message("It puts {nick} out of {room} for a while."), lasts=True),
    Deed("role", message("Make moderator"), message("It lets {nick} kick, mute and ban in {room}."), "moderator"),
    Deed(
        "role",
        message("Make member"),
        message("It lets {nick} do in {room} what its rules leave to members."),
        "member",
    ),
    Deed("role", message("Make owner"), message("It shares {room} with {nick}: rules, roles and all."), "owner"),
    Deed("role", message("Take the role"), message("It leaves {nick} in {room} as anybody."), "none"),
)
"""What there is, in the order in which it is shown."""

_RANKS = ("member", "moderator", "owner", "server moderator", "server admin")


class Moderating:
    """Asks whom, what, and for how long and why."""

    def __init__(self, program: Program, screen: Screen[None], navigation: Navigation) -> None:
        self._program, self._screen, self._navigation = program, screen, navigation

    @staticmethod
    def is_for(room: RoomState | None) -> bool:
        """Whether the user may do any of it in a room."""
        return room is not None and room.rights.is_above_members

    def begin(self) -> None:
        """Ask whom."""
        room = self._navigation.current
        if room is None or not self.is_for(room):
            self._program.say_shortly(say(NOT_YOURS))
        elif not self._people(room, ""):
            self._program.say_shortly(say(NOBODY))
        else:
            pick(
                self._screen,
                say("Moderate {room}: whom?", room=room.name),
                say("a few letters of a name"),
                lambda letters: self._people(room, letters),
                lambda nick: self._ask_what(room, nick),
            )

    def _people(self, room: RoomState, letters: str) -> list[Item]:
        """Those here who stand below the user, as far as that is known, and have these letters in their name."""
        me = self._program.client.state.nick
        below = {
            item.key: item
            for item in people_items(room, me, (), self._screen.app.size.width * 2)
            if item.key != me and _deeds(room.rights, self._commands(room), item.key, room)
        }
        return [below[nick] for nick in completion.fuzzy(letters, below)]

    def _commands(self, room: RoomState) -> set[str]:
        return {command.tag for command in offered(self._program.client.state.commands, room.rights).values()}

    def _ask_what(self, room: RoomState, nick: str) -> None:
        deeds = {say(deed.title): deed for deed in _deeds(room.rights, self._commands(room), nick, room)}

        def find(letters: str) -> list[Item]:
            return [
                Item(title, Content.assemble((f"{title}  ", "bold"), _told(deeds[title], nick, room)))
                for title in completion.fuzzy(letters, deeds)
            ]

        pick(
            self._screen,
            say("What with {nick}?", nick=nick),
            say("a few letters of it"),
            find,
            lambda title: self._ask_why(room, nick, deeds[title]),
        )

    def _ask_why(self, room: RoomState, nick: str, deed: Deed) -> None:
        """Ask for how long, and why; a role is given at once, for it can be taken back."""
        from chat_tui.ui.screens.form import Asked, Form, FormScreen  # noqa: PLC0415 - who asks pays

        if deed.role:
            self._do(deed.do, room, nick=nick, role=deed.role)
            return

        def send(typed: Mapping[str, str]) -> str:
            span, reason = typed.get("span", "").strip(), typed.get("reason", "").strip()
            if deed.lasts and not _SPAN.fullmatch(span):
                return say("Say how long as 30m, 12h, 7d or 4w.")
            fields = {"span": f"{span} {reason}".strip()} if deed.lasts else {"reason": reason}
            if not self._do(deed.do, room, nick=nick, **fields):
                return say("There is no connection.")
            form.call_after_refresh(form.finish)
            return ""

        lasts = (Asked("span", say("For"), say("30m, 12h, 7d or 4w"), "24h", is_secret=False),) if deed.lasts else ()
        why = Asked("reason", say("Why"), say("everybody here is shown it"), is_secret=False)
        what = sentences(_told(deed, nick, room), say("Everybody here is shown that, and why."))
        title = say(deed.title)
        form = FormScreen(Form(f"{title} {nick}", what, (*lasts, why), title), send)
        self._screen.app.push_screen(form)

    def _do(self, do: str, room: RoomState, **fields: object) -> bool:
        def take(_: Event) -> None:
            """What comes of it stands among the lines."""

        return ask(self._program, do, take, room=room.name, **fields)


def _told(deed: Deed, nick: str, room: RoomState) -> str:
    return say(deed.what, nick=nick, room=room.name)


def _deeds(rights: Rights, commands: set[str], nick: str, room: RoomState) -> list[Deed]:
    """What the user may do to somebody, as far as is known."""
    theirs = room.rights.roles.get(name_key(nick), "")
    own = max((_RANKS.index(place) for place in rights.places if place in _RANKS), default=-1)
    rank = _RANKS.index(theirs) if theirs in _RANKS else -1
    owns = not rights.places.isdisjoint(("owner", "server admin"))
    return [
        deed
        for deed in DEEDS
        if deed.do in commands and rank < own and ((owns and deed.role != (theirs or "none")) if deed.role else True)
    ]
