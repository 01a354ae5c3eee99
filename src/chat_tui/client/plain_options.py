"""What the user chooses line by line for the room where they are: what they are told of it, what of it is read; its links; times beside lines.

Knows the client, and which links have gone by. Never knows how a line is written.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from chat_server.protocol.described import CommandDescribed
from chat_server.protocol.entries import Entry, Line, LineBlocked
from chat_server.protocol.events import CommandExplained, HelpListed
from chat_server.protocol.names import name_key
from chat_tui.client.answers import answer_in_words
from chat_tui.client.client import Client
from chat_tui.client.command_line import Asked, Misused
from chat_tui.client.links import links
from chat_tui.client.notifications import names, replies_to
from chat_tui.client.opening import open_in_browser
from chat_tui.client.own_commands import LINE_BY_LINE, own_command
from chat_tui.client.room_choices import TOLD_OF, Notify
from chat_tui.client.state import RoomState
from chat_tui.language import message, say, say_count, sentences, spoken

LINKS_MAX = 50
"""Links of a room that are known: the newest."""

IN_NO_ROOM = frozenset(("times", "unread"))
"""What can be asked for in no room, too, as it is listed; see `do`."""


class Own(NamedTuple):
    """A command of the program itself, with what it was given."""

    do: str
    fields: Mapping[str, object]


class PlainOptions:
    """Does what is chosen, and says so in a sentence."""

    def __init__(
        self, client: Client, write: Callable[[str], None], open_: Callable[[str], bool] = open_in_browser
    ) -> None:
        """Nothing is chosen yet. `open_` opens a link, and returns whether it could."""
        self._client, self._write, self._open = client, write, open_
        self._links: dict[str, deque[str]] = {}
        self.has_times = False
        """Whether the time stands beside each line."""

    def parse(self, line: str, commands: Mapping[str, CommandDescribed]) -> Own | Misused | None:
        """What a line asks of the program itself; None: nothing."""
        asked = own_command(line, commands, self._client.state.language, own=LINE_BY_LINE)
        return asked if asked is None or isinstance(asked, Misused) else Own(asked.do, asked.fields)

    def explained(self, asked: Asked) -> str:
        """How a command of the program itself is typed and what it does, if that is what is asked; else ""."""
        word = str(asked.fields.get("command", "")).removeprefix("/").casefold()
        command = self._own().get(word) if asked.do == "help" else None
        if command is None:
            return ""
        explained = CommandExplained(command.usage, say(command.explanation), ())
        return answer_in_words(explained, was_typed=True, language=spoken())

    def listed_with(self, listed: HelpListed, room: str) -> str:
        """The program's own commands that can be used in this room ("": in none), of the group that was asked for, to stand below the server's."""
        own = [
            command
            for word, command in self._own().items()
            if listed.only in ("", command.group) and (room or word in IN_NO_ROOM)
        ]
        if not own:
            return ""
        rows = HelpListed(tuple((command.usage, say(command.help).rstrip(".。")) for command in own), (), only="own")
        return "\n".join(
            (say("Commands of chat-tui itself:"), answer_in_words(rows, was_typed=True, language=spoken()))
        )

    def _own(self) -> Mapping[str, CommandDescribed]:
        commands = self._client.state.commands
        return {word: command for word, command in LINE_BY_LINE.items() if word not in commands}

    def is_told(self, line: Line) -> bool:
        """Whether a line is read out: of a muted room, only what names the user or replies to them."""
        choices = self._client.state.choices.of(line.room)
        if not choices.is_muted or choices.notify == "all":
            return True
        me = self._client.state.nick
        return not isinstance(line, LineBlocked) and (replies_to(line, me) or (line.alerts and names(me, line.text)))

    def note(self, lines: Iterable[Entry]) -> None:
        """Know the links in these lines."""
        for line in lines:
            for start, end in links(line.text) if "://" in line.text else ():
                known = self._links.setdefault(name_key(line.room), deque(maxlen=LINKS_MAX))
                if (url := line.text[start:end]) in known:
                    known.remove(url)
                known.appendleft(url)

    def do(self, own: Own, room: str) -> None:
        """Do what is asked for, in the room with this name ("": in none)."""
        known = self._client.state.known(room) if room else None
        match own.do:
            case "times":
                self.has_times = not self.has_times
                self._write(
                    say("Times stand beside lines from now on.")
                    if self.has_times
                    else say("Times are left out from now on.")
                )
            case "unread" if "number" not in own.fields:
                self._write("\n".join(self._unread()) or say("Nothing is unread."))
            case "read" if own.fields:
                self._read(self._client.state.rooms.values())
                self._write(say("All rooms are marked as read."))
            case _ if known is None:
                self._write(say("You are in no room. /join ROOM enters one."))
            case _:
                self._write(self._in_room(own, known))
                self._client.note_changed()

    def _in_room(self, own: Own, room: RoomState) -> str:
        choices, name = self._client.state.choices, room.name
        match own.do:
            case "notify":
                if "which" in own.fields:
                    choices.notify(name, _which(own.fields["which"]))
                return say(TOLD_OF[choices.of(name).notify], room=name)
            case "quiet":
                return self._mute(room)
            case "pin":
                choices.pin(name, is_wanted=not choices.of(name).is_pinned)
                told = message("{room} is no longer pinned."), message("{room} is pinned; /pin ends that.")
                return say(told[choices.of(name).is_pinned], room=name)
            case "joins":
                self._client.state.show_joins(name, is_wanted=not choices.shows_joins(name))
                told = (
                    message("Who comes and goes in {room} is hidden."),
                    message("Who comes and goes in {room} is shown."),
                )
                return say(told[choices.shows_joins(name)], room=name)
            case _:
                return self._of_lines(own, room)

    def _of_lines(self, own: Own, room: RoomState) -> str:
        match own.do:
            case "read":
                self._read([room])
                return say("{room} is marked as read.", room=room.name)
            case "unread":
                return self._mark_unread(room, own.fields["number"])
            case _:
                return self._link(room, own.fields.get("number"))

    def _mute(self, room: RoomState) -> str:
        choices = self._client.state.choices
        is_muted = not choices.of(room.name).is_muted
        choices.mute(room.name, is_wanted=is_muted)
        if is_muted:
            return say("{room} is muted: only what names you is read out. /quiet ends that.", room=room.name)
        unread, since = room.unread, room.read or 0
        self._read([room])
        missed = say_count(
            "{number} line was not read out: /since {since} reads it.",
            "{number} lines were not read out: /since {since} reads them.",
            unread,
            since=since,
        )
        return sentences(say("{room} is no longer muted.", room=room.name), missed if unread else "")

    def _read(self, rooms: Iterable[RoomState]) -> None:
        for room in rooms:
            if room.is_joined:
                self._client.mark_read(room)

    def _mark_unread(self, room: RoomState, number: object) -> str:
        if not isinstance(number, int) or not room.first <= number <= room.last:
            if not room.last:
                return say("Nothing has been said here yet.")
            return say("There is no such line here. The lines are {first} to {last}.", first=room.first, last=room.last)
        self._client.saved.read[room.name] = room.mark_unread(number, self._client.state.nick)
        return say("{room} is unread from #{number} on, until /read.", room=room.name, number=number)

    def _unread(self) -> Iterable[str]:
        state = self._client.state
        for room in state.choices.in_order(state.rooms.values()):
            if room.unread:
                count = say_count("{room}: {number} line", "{room}: {number} lines", room.unread, room=room.name)
                named = say_count("{number} names you", "{number} name you", len(room.mentions))
                yield say("{count}, {named}", count=count, named=named) if room.mentions else count

    def _link(self, room: RoomState, number: object) -> str:
        known = self._links.get(name_key(room.name), ())
        if not known:
            return say("No link has been read out here.")
        if not isinstance(number, int):
            return "\n".join(f"{place} {url}" for place, url in enumerate(known, 1))
        if number > len(known):
            return say_count(
                "There is {number} link. /links lists it.", "There are {number} links. /links lists them.", len(known)
            )
        url = known[number - 1]
        return (
            say("Opened: {url}", url=url)
            if self._open(url)
            else say("There is no desktop on which it can open: {url}", url=url)
        )


def _which(chosen: object) -> Notify:
    return next((which for which in TOLD_OF if which == chosen), "")
