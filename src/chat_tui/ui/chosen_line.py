"""The line that the user has chosen, and what is done with it.

Knows the client, the pane of lines and where one is. Never knows which key it was.
"""

from collections.abc import Mapping
from functools import partial
from itertools import islice

from rich.cells import cell_len
from textual.content import Content
from textual.screen import Screen

from chat_server.protocol.entries import Entry, Spoken
from chat_server.protocol.events import Event, Refused
from chat_server.protocol.signs import NAMES, name_of_sign, sign_of
from chat_tui.actions import line_titles
from chat_tui.client import completion
from chat_tui.client.conversing import is_conversation
from chat_tui.client.line_deeds import deeds, links_in, quoted
from chat_tui.client.room_rights import offered
from chat_tui.client.state import RoomState
from chat_tui.client.timeline_entries import place
from chat_tui.language import message, say
from chat_tui.ui import terminal
from chat_tui.ui.answering import Answering
from chat_tui.ui.list_pane import Item
from chat_tui.ui.navigation import Navigation
from chat_tui.ui.panes import Panes
from chat_tui.ui.picking import pick
from chat_tui.ui.program import Program, ask

CHOOSE_FIRST = message("Choose a line first: Alt+Up, or a click on it.")
NOT_WITH_THIS = message("That cannot be done with this line.")

_WAYS = ("menu", "up", "down")
"""What can be done besides, whichever line it is."""

SIGN_PLACE = 4
"""Columns of a list for an emoji: some are one wide, most two."""

SIGNS_SHOWN = 60
"""Emoji that are offered, of those that have the letters."""


class ChosenLine:
    """Chooses a line, and does with it what is wanted."""

    def __init__(
        self, program: Program, screen: Screen[None], panes: Panes, navigation: Navigation, answering: Answering
    ) -> None:
        """Choose none. `screen` is what others open over; `answering` replies and edits."""
        self._program, self._screen, self._panes, self._navigation = program, screen, panes, navigation
        self._answering = answering
        self._was_there = False

    @property
    def line(self) -> Entry | None:
        """The line that is chosen."""
        room, seq = self._navigation.current, self._panes.chat.drawing.chosen
        return room.timeline.line(seq) if room is not None and seq is not None else None

    def show(self) -> None:
        """Show its keys, if it has just been loaded or is not there any more; and what the prompt is there for."""
        self._answering.show()
        if (is_there := self.line is not None) is not self._was_there:
            self._was_there = is_there
            self._screen.refresh_bindings()

    @property
    def has_keys(self) -> bool:
        """Whether letters do something with the line: not those of somebody who has clicked on one and writes."""
        return self._panes.prompt.gives_letters and self.line is not None

    def takes(self, deed: str) -> bool:
        """Whether a key that does this is for the line: also one that cannot be done with it, which says so and is not written."""
        return self.has_keys or (deed == "menu" and self.line is not None and not self._panes.prompt.text)

    def can(self, deed: str) -> bool:
        """Whether this can be done with the line."""
        return deed in _WAYS or deed in self.offers()

    # Choosing.

    def step(self, step: int) -> None:
        """Choose the line above, or below: first of all the newest that is on the screen."""
        room, chat = self._navigation.current, self._panes.chat
        if room is None:
            return
        entries = room.timeline.entries
        if self.line is None:
            rows = range(chat.size.height - 1, -1, -1) if step < 0 else range(chat.size.height)
            seen = (entry for row in rows if isinstance(entry := chat.entry_at(row), Entry))
            newest = (
                entry for entry in reversed(entries) if isinstance(entry, Entry)
            )  # what is on the screen may all be answers
            self._choose(next((entry.seq for entry in (*seen, *islice(newest, 1))), None), has_keys=True)
            return
        at = room.timeline.index_of(chat.drawing.chosen or 0) + step
        while 0 <= at < len(entries) and not isinstance(entries[at], Entry):
            at += step
        if 0 <= at < len(entries):
            self._choose(place(entries[at])[0], has_keys=True)
        elif step > 0:
            self.end()
        else:
            self._panes.chat.scroll_rows(-1)  # what is before is asked for

    def click(self, row: int, meta: dict[str, object]) -> None:
        """Choose the line on a row of the screen; do what stands there: go to the line that is quoted, react as others have."""
        entry = self._panes.chat.entry_at(row)
        if not isinstance(entry, Entry):
            return
        if isinstance(to := meta.get("line"), int):
            self.go_to(to)
        elif isinstance(sign := meta.get("sign"), str):
            self._react(entry, sign)
        elif self.line is not None and place(self.line) == place(entry):
            self.show_menu()
        else:
            self._choose(entry.seq, has_keys=False)

    def go_to(self, seq: int) -> None:
        """Go to a line of this room, and choose it."""
        if (room := self._navigation.current) is not None:
            self._navigation.line.want(room.name, seq)
            self._choose(seq, has_keys=True)

    def _choose(self, seq: int | None, *, has_keys: bool) -> None:
        self._panes.prompt.gives_letters = has_keys and seq is not None
        self._panes.chat.choose(seq)
        self._screen.refresh_bindings()

    def end(self) -> bool:
        """Choose none. Returns False if none was."""
        if self._panes.chat.drawing.chosen is None:
            return False
        self._choose(None, has_keys=False)
        return True

    # What is done with it.

    def offers(self) -> list[str]:
        """What can be done with the line that is chosen."""
        line, room = self.line, self._navigation.current
        if line is None or room is None:
            return []
        state = self._program.client.state
        kind = "conversation" if is_conversation(room.name) else "room"
        may_ask = {command.tag for command in offered(state.commands, room.rights, kind).values()}
        moderates = room.rights.is_above_members
        return deeds(line, state.nick, may_ask=may_ask, moderates=moderates, now=self._program.clock())

    def do(self, deed: str) -> None:
        """Do this with the line that is chosen; or say why not."""
        line, room = self.line, self._navigation.current
        if line is None or room is None:
            self._program.say_shortly(say(CHOOSE_FIRST))
        elif deed in _WAYS:
            self.show_menu() if deed == "menu" else self.step(-1 if deed == "up" else 1)
        elif deed not in self.offers():
            self._program.say_shortly(say(NOT_WITH_THIS))
        else:
            getattr(self, f"_do_{deed}")(room, line)

    def _do_reply(self, room: RoomState, line: Entry) -> None:
        self.end()
        self._answering.reply_to(room, line)

    def _do_edit(self, room: RoomState, line: Entry) -> None:
        self.end()
        self._answering.edit(room, line)

    def _do_quote(self, _: RoomState, line: Entry) -> None:
        prompt = self._panes.prompt
        self.end()
        before = "\n" if prompt.text and not prompt.text.endswith("\n") else ""
        prompt.put(f"{prompt.text}{before}{quoted(line.text)}")
        prompt.focus()

    def _do_copy(self, _: RoomState, line: Entry) -> None:
        self._answering.writing.copy(line.text)
        self.end()

    def _do_go(self, _: RoomState, line: Entry) -> None:
        if isinstance(line, Spoken):
            self.go_to(line.re)

    def _do_links(self, _: RoomState, line: Entry) -> None:
        found = links_in(line)

        def open_link(url: str) -> None:
            self.end()
            terminal.open_link(self._screen.app, url)

        if len(found) == 1:
            open_link(found[0])
            return
        items = [Item(url, Content(url)) for url in found]
        pick(
            self._screen,
            say("Open which?"),
            say("a few letters of it"),
            lambda letters: [item for item in items if letters.casefold() in item.key.casefold()],
            open_link,
        )

    def _do_author(self, room: RoomState, line: Entry) -> None:
        self._ask("whois", room, nick=line.nick)

    def _do_versions(self, room: RoomState, line: Entry) -> None:
        self._ask("versions", room, number=line.seq)

    def _do_report(self, room: RoomState, line: Entry) -> None:
        from chat_tui.ui.screens.asking import AskScreen  # noqa: PLC0415 - who asks pays

        def answer(why: str | None) -> None:
            if why:
                self._ask("report", room, number=line.seq, why=why)

        heading = say("Report #{number} by {nick} to the moderators", number=line.seq, nick=line.nick)
        self._screen.app.push_screen(AskScreen(heading, say("why, in a few words")), answer)

    def _do_delete(self, room: RoomState, line: Entry) -> None:
        from chat_tui.ui.screens.asking import ConfirmScreen  # noqa: PLC0415 - who asks pays

        def answer(yes: bool | None) -> None:
            if yes:
                self._ask("delete", room, number=line.seq)

        what = " ".join(line.text[:200].split())
        self._screen.app.push_screen(
            ConfirmScreen(
                say("Delete #{number}?", number=line.seq),
                f"{line.nick}: {what}",
                no=say("Keep it"),
                yes=say("Delete it"),
            ),
            answer,
        )

    def _do_react(self, _: RoomState, line: Entry) -> None:
        pick(
            self._screen,
            say("React to {nick}", nick=line.nick),
            say("letters, an emoji, or :its_name:"),
            signs_found,
            partial(self._react, line),
        )

    def _react(self, line: Entry, sign: str) -> None:
        def take(_: Event) -> None:
            """What comes of it stands below the line."""

        self.end()
        if not ask(self._program, "react", take, room=line.room, number=line.seq, sign=sign):
            self._program.say_shortly(say("There is no connection."))

    def _ask(self, do: str, room: RoomState, **fields: object) -> None:
        """Ask the server; what it says stands among the lines, but that a line is deleted, which stands there anyway."""
        self.end()
        answered = self._answering.writing.hearing.answered
        if not self._program.client.connection.request(
            do,
            on_answer=lambda event: (do == "delete" and not isinstance(event, Refused)) or answered(event),
            room=room.name,
            **fields,
        ):
            self._program.say_shortly(say("There is no connection."))

    def show_menu(self) -> None:
        """Show what can be done with the line that is chosen."""
        from chat_tui.ui.screens.line_menu import LineMenuScreen  # noqa: PLC0415 - who asks pays

        line = self.line
        if line is None:
            return
        titles = line_titles(self._program.settings.keys)
        rows = [(deed, *titles[deed]) for deed in self.offers()]
        if isinstance(line, Spoken) and line.re:  # Enter, and Enter again, goes there
            rows.sort(key=lambda row: row[0] != "go")
        seq = line.seq

        def answer(deed: str | None) -> None:
            if deed and (self.line is None or self.line.seq == seq):
                self.do(deed)

        told = [
            f"{one.sign}  {', '.join(one.nicks[:8])}{' …' if len(one) > 8 else ''}"  # noqa: PLR2004 - a row's worth
            for one in (line.reactions if isinstance(line, Spoken) else ())
        ]
        heading, said = f"#{seq} {line.nick}", " ".join(line.text[:200].split())
        self._screen.app.push_screen(LineMenuScreen(heading, said, rows, told), answer)


def signs_found(letters: str) -> list[Item]:
    """Emoji that have these letters in their names: those that people use most first."""
    common = {sign: name for name, sign in reversed(NAMES.items())}
    typed = sign_of(letters) if letters else None
    named = letters.strip(":").casefold()
    found = [] if typed is None else [typed]
    found += [NAMES[name] for name in completion.fuzzy(named, NAMES)]
    called: dict[str, str] = {}
    if named:
        # Nobody looks for a colour of skin who does not say so: its name has so many letters that any few are among them.
        names = [name for name in completion.emoji() if "skin_tone" not in name or "skin" in named]
        for name in completion.fuzzy(named, names)[: SIGNS_SHOWN * 2]:
            if (sign := sign_of(completion.emoji()[name])) is not None:
                called.setdefault(sign, name.replace("_", " "))
        # What is joined of several is another width in each terminal, and its parts are no name: it is seldom meant.
        found += sorted(called, key=lambda sign: len(sign) > 1)
    return [
        Item(
            sign,
            Content.assemble(
                sign, " " * max(2, SIGN_PLACE - cell_len(sign)), (_sign_called(sign, called, common), "$text-muted")
            ),
        )
        for sign in list(dict.fromkeys(found))[:SIGNS_SHOWN]
    ]


def _sign_called(sign: str, called: Mapping[str, str], common: Mapping[str, str]) -> str:
    """What a sign is called: by its name between colons, as one types it, or, where it is joined of several, in words."""
    if len(sign) > 1 and sign in called:
        return called[sign]
    return f":{common.get(sign) or name_of_sign(sign)}:"
