"""Drafts: what one has begun to write in each room of a server, kept when one goes elsewhere and put back when one returns.

What was typed before the user was let in for the first time is not written to the disk, for a password may be among it.

Knows the prompt, and where the client keeps drafts. Never knows how one comes to a room, nor which server is on the screen.
"""

from chat_tui.client.connection import Status
from chat_tui.client.state import RoomState
from chat_tui.ui.composer import Composer
from chat_tui.ui.program import Program

NO_ROOM = ""
"""What a draft is kept under that is in no room yet."""


class Drafts:
    """Those of one server."""

    def __init__(self, program: Program, prompt: Composer) -> None:
        self._program, self._prompt = program, prompt
        self._early: dict[str, str] = {}
        """What somebody had typed when they were let in for the first time, by rooms: a password may be among it."""
        self._has_begun = False  # what is typed from now on is not early

    def keep(self, room: RoomState | None) -> None:
        """Keep what is written in a room, or in none, and not sent: in memory alone, if a password may be among it that nobody asked for."""
        self.note_early(room)
        key, draft = _key(room), self._prompt.draft
        if key in self._early:
            self._early[key] = draft
            if draft:
                return
            del self._early[key]  # it was sent, or deleted
        self._program.client.note_draft(key, draft)

    def holds_early(self, room: RoomState | None) -> bool:
        """Whether a password may be among what is written here, since before the user was let in."""
        self.note_early(room)
        return _key(room) in self._early

    def note_early(self, room: RoomState | None) -> None:
        """See whether the user has just been let in for the first time: what stands in the prompt then was typed early."""
        program, key = self._program, _key(room)
        if program.change.status is not Status.ONLINE:
            self._has_begun = False
        elif not self._has_begun:
            self._has_begun = not program.lines_early  # they are put in the prompt later
            draft, early = self._prompt.draft, program.client.early_typing
            if draft and not early.was_none and draft not in (self._prompt.begun, program.client.saved.drafts.get(key)):
                self._early[key] = draft

    def put_back(self, room: RoomState | None, begun: str = "") -> None:
        """Have the draft of a room in the prompt, with what was begun in none before it was shown."""
        draft = self._kept(room)
        if begun:
            draft = _joined(draft, begun)
            self._bring(room, draft)
        if draft or self._prompt.text:
            self._prompt.begin(draft)

    def append(self, begun: str) -> None:
        """Have something in the prompt too that was begun at another server, in no room, if anything was."""
        if begun:
            self._prompt.begin(_joined(self._prompt.text, begun))
            if self._program.client.early_typing.may_be_secret:
                # It was meant for a form, by somebody who has seen that the name was wrong.
                self._early[NO_ROOM] = self._prompt.text

    def bring_along(self, room: RoomState) -> None:
        """Add to a room's draft what was begun in no room: it is what is seen next, where nothing of this server is on the screen."""
        if begun := self._kept(None):
            self._bring(room, _joined(self._kept(room), begun))

    def _kept(self, room: RoomState | None) -> str:
        key = _key(room)
        return self._early.get(key) or self._program.client.saved.drafts.get(key, "")

    def _bring(self, room: RoomState | None, draft: str) -> None:
        """What was begun in no room is in this one's draft from now on: in memory alone, if a password may be in either."""
        client, key = self._program.client, _key(room)
        if self._early.pop(NO_ROOM, None) is not None or key in self._early:
            self._early[key] = draft
        else:
            client.note_draft(key, draft)
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
