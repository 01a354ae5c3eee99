"""Drafts: what one has begun to write in each room of a server, kept when one goes elsewhere and put back when one returns.

Knows the prompt, and where the client keeps drafts. Never knows how one comes to a room, nor which server is on the screen.
"""

from chat_tui.client.state import RoomState
from chat_tui.ui.composer import Composer
from chat_tui.ui.program import Program

NO_ROOM = ""
"""What a draft is kept under that is in no room yet."""


class Drafts:
    """Those of one server."""

    def __init__(self, program: Program, prompt: Composer) -> None:
        self._program, self._prompt = program, prompt

    def keep(self, room: RoomState | None) -> None:
        """Keep what is written in a room, or in none, and not sent."""
        self._program.client.note_draft(_key(room), self._prompt.draft)

    def put_back(self, room: RoomState | None, begun: str = "") -> None:
        """Have the draft of a room in the prompt, with what was begun in none before it was shown."""
        client = self._program.client
        draft = client.saved.drafts.get(_key(room), "")
        if begun:
            draft = _joined(draft, begun)
            client.note_draft(NO_ROOM, "")
        if draft or self._prompt.text:
            self._prompt.begin(draft)

    def append(self, begun: str) -> None:
        """Have something in the prompt too that was begun at another server, in no room, if anything was."""
        if begun:
            self._prompt.begin(_joined(self._prompt.text, begun))

    def bring_along(self, room: RoomState) -> None:
        """Add to a room's draft what was begun in no room: it is what is seen next, where nothing of this server is on the screen."""
        client = self._program.client
        if begun := client.saved.drafts.get(NO_ROOM):
            client.note_draft(room.name, _joined(client.saved.drafts.get(room.name, ""), begun))
            client.note_draft(NO_ROOM, "")

    def take_typed_early(self) -> str:
        """Take out of the prompt what may be a password, and was kept nowhere; what was written there before stays."""
        prompt = self._prompt
        begun, whole = prompt.begun, prompt.draft
        if not self._program.client.early_typing.may_be_secret:
            prompt.begun = whole  # it was typed while nobody was to be asked
            return ""
        typed = whole.removeprefix(begun)
        if not whole.startswith(begun) or not typed or "\n" in typed:
            return ""
        prompt.begin(begun)
        return typed


def _key(room: RoomState | None) -> str:
    return room.name if room is not None else NO_ROOM


def _joined(*texts: str) -> str:
    return "\n".join(filter(None, texts))
