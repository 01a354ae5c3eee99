"""The prompt, while it is there to reply to a line or to give one another text: it says so, and what is sent is that.

Knows the client, the prompt and where one is. Never knows which key it was, nor which line is chosen.
"""

from functools import partial

from textual.content import Content

from chat_server.protocol.entries import Entry, Spoken
from chat_server.protocol.events import Event, NotStored, Refused
from chat_tui.client.accounts import CANNOT_ASK
from chat_tui.client.command_line import Asked
from chat_tui.client.connection import Status
from chat_tui.client.line_deeds import Begun, last_own
from chat_tui.client.state import RoomState
from chat_tui.language import message, say
from chat_tui.ui.beside_lines import QUOTE_MAX
from chat_tui.ui.navigation import Navigation
from chat_tui.ui.panes import Panes
from chat_tui.ui.program import Program
from chat_tui.ui.writing import Writing

NO_REPLY = message("Only what you say can be a reply. Esc ends that, and /me works.")
NO_COMMAND = message("You are editing a line. Esc ends that, and commands work.")
NOT_EDITED = message("The line was not edited: {why} It would say: {text}")
NO_ANSWER = message(
    "The connection was lost before the server had said whether line #{number} is edited. It would say: {text}"
)
NOT_STORED = message("The server could not store it.")


class Answering:
    """Replies, and edits."""

    def __init__(self, program: Program, panes: Panes, navigation: Navigation, writing: Writing) -> None:
        self._program, self._panes, self._navigation = program, panes, navigation
        self.writing = writing
        """Sends what is said."""
        self._asked: list[tuple[RoomState, int, str]] = []  # edits that the server has not answered yet

    @property
    def begun(self) -> Begun | None:
        """What the prompt is there for, if not for a new line."""
        room = self._navigation.current
        return self._program.client.saved.begun.get(room.name) if room is not None else None

    def _begin(self, room: RoomState, begun: Begun | None) -> None:
        self._program.client.store.note_begun(room.name, begun)
        self._panes.prompt.is_editing = begun is not None and begun.of > 0
        self.show()

    def show(self) -> None:
        """Say over the prompt what it is there for, if not for a new line; and which edits are not answered any more."""
        if self._asked and self._program.change.status is not Status.ONLINE:
            asked, self._asked = self._asked, []
            for room_asked, of, text in asked:
                self.writing.hearing.tell(say(NO_ANSWER, number=of, text=text), room=room_asked.name, is_error=True)
        begun, room, width = self.begun, self._navigation.current, self._panes.prompt.size.width
        self._panes.prompt.is_editing = begun is not None and begun.of > 0
        if begun is None or room is None:
            self._panes.say_begun(Content(""))
            return
        line = room.timeline.line(begun.re or begun.of)
        whose = line.nick if begun.re and isinstance(line, Spoken) else ""
        text = line.text[:QUOTE_MAX] if isinstance(line, Spoken) else ""
        number = "" if isinstance(line, Spoken) else f"#{begun.re or begun.of}"
        title = (
            say("Reply to {whom}", whom=whose or number) if begun.re else " ".join(filter(None, (say("Edit"), number)))
        )
        head, tail = Content.styled(title, "bold $text-primary") + "  ", Content.styled("Esc", "bold")
        place = max(1, width - head.cell_length - tail.cell_length - 4)
        words = Content.styled(" ".join(text.split()), "$text-muted").truncate(place, ellipsis=True)
        self._panes.say_begun(head + (words + "  " if words else "") + tail)

    def reply_to(self, room: RoomState, line: Entry) -> None:
        """What is written next replies to this line; what was begun stays."""
        self.end()
        self._begin(room, Begun(re=line.seq))
        self._panes.prompt.focus()

    def edit(self, room: RoomState, line: Entry, text: str | None = None) -> None:
        """Have a line's text in the prompt to give it another one."""
        self.end()
        prompt = self._panes.prompt
        client = self._program.client
        # It is written to the disk.
        before = "" if self._navigation.holds_early() else client.without_secrets(prompt.draft)
        self._begin(room, Begun(of=line.seq, before=before))
        prompt.begin(line.text if text is None else text)
        prompt.focus()

    def end(self) -> bool:
        """The prompt is there for new lines again, with what was written there before. Returns False if it was all along."""
        begun, room = self.begun, self._navigation.current
        if begun is None or room is None:
            return False
        self._begin(room, None)
        if begun.of:
            self._panes.prompt.begin(begun.before)
        return True

    def before_history(self) -> str | None:
        """Up was pressed: in an empty prompt it edits one's last line; again, it goes back from there through what was sent.

        Returns None if that is all; else a text that one has just seen.
        """
        begun, room, prompt = self.begun, self._navigation.current, self._panes.prompt
        if room is None:
            return ""
        client = self._program.client
        if begun is not None and begun.of:
            line = room.timeline.line(begun.of)
            if line is None or prompt.text != line.text:
                return None
            self.end()
            return line.text
        line = last_own(reversed(room.timeline.entries), client.state.nick, self._program.clock())
        if prompt.text or begun is not None or line is None or "edit" not in client.state.commands or room.pending:
            return ""
        self.edit(room, line)
        return None

    def submit(self, text: str, room: RoomState | None) -> bool:
        """Send what is written as what it is there for. Returns False if that is a new line."""
        begun = self.begun
        if begun is None or room is None:
            return False
        client = self._program.client
        asked = client.parse(client.aliases.line(text, client.state.commands))
        is_command = not isinstance(asked, Asked) or asked.do != "say"
        if begun.of:
            line = room.timeline.line(begun.of)
            if is_command and not (line is not None and line.text.startswith("/")):
                self._keep(text, NO_COMMAND)
            else:
                self._send_edit(room, begun, text)
        elif is_command:
            if isinstance(asked, Asked) and asked.do in ("me", "notice"):
                self._keep(text, NO_REPLY)
            else:
                return False  # a command is none, and the reply is still to be written
        elif self.writing.submit(text, room, re=begun.re):
            self._begin(room, None)
        return True

    def _keep(self, text: str, why: str) -> None:
        self._panes.prompt.put(self._program.client.without_secrets(text))
        self._program.say_shortly(say(why))

    def _send_edit(self, room: RoomState, begun: Begun, text: str) -> None:
        answered = partial(self._edited, room, begun.of, text)
        if not self._program.client.connection.request(
            "edit", on_answer=answered, room=room.name, number=begun.of, text=text
        ):
            self._keep(text, CANNOT_ASK)
            return
        self._asked.append((room, begun.of, text))
        self.end()

    def _edited(self, room: RoomState, of: int, text: str, event: Event) -> bool:
        """What came of it: an edit that the server has not taken is in the prompt again, or, if one writes something else there by now, told."""
        self._asked = [asked for asked in self._asked if asked != (room, of, text)]
        if not isinstance(event, Refused | NotStored):
            return True
        why = event.text if isinstance(event, Refused) else say(NOT_STORED)
        prompt, line = self._panes.prompt, room.timeline.line(of)
        if room is self._navigation.current and not prompt.text and self.begun is None and line is not None:
            self.edit(room, line, text)
            self.writing.hearing.tell(why, room=room.name, is_error=True)
        else:
            self.writing.hearing.tell(say(NOT_EDITED, why=why, text=text), room=room.name, is_error=True)
        return True
