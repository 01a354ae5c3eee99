"""Drafts, with stand-ins for the prompt and what the client keeps: nothing is lost, and what may be a password is in memory alone."""

from types import SimpleNamespace
from typing import Any

import pytest

from chat_tui.client.connection import Status
from chat_tui.ui.drafts import NO_ROOM, Drafts

PYTHON: Any = SimpleNamespace(name="python")


class Prompt:
    """What stands in the prompt, and what stood there before something was typed."""

    def __init__(self) -> None:
        self.text = self.begun = ""

    @property
    def draft(self) -> str:
        return self.text

    def begin(self, text: str) -> None:
        self.text = self.begun = text


class Desk:
    """The drafts of a server where the user was let in for the first time just now, or before that."""

    def __init__(self, *, is_newcomer: bool) -> None:
        self.saved: dict[str, str] = {}
        self.prompt = Prompt()
        early = SimpleNamespace(was_none=not is_newcomer, may_be_secret=False)
        client = SimpleNamespace(saved=SimpleNamespace(drafts=self.saved), note_draft=self._note, early_typing=early)
        change = SimpleNamespace(status=Status.ONLINE)
        program: Any = SimpleNamespace(client=client, change=change, lines_early=[])
        self.drafts = Drafts(program, self.prompt)  # type: ignore[arg-type]  # it is a prompt, as far as drafts ask

    def _note(self, key: str, text: str) -> None:
        self.saved[key] = text

    def write(self, room: Any, text: str) -> None:
        """Come to a room, write something there, and go elsewhere."""
        self.prompt.begin("")
        self.drafts.put_back(room)
        self.prompt.text = text
        self.drafts.keep(room)


def test_what_stands_in_the_prompt_of_somebody_just_let_in_was_typed_early_before_anything_is_kept() -> None:
    desk = Desk(is_newcomer=True)
    desk.prompt.text = "typed early"
    assert desk.drafts.holds_early(PYTHON)
    newcomer = Desk(is_newcomer=True)
    assert not newcomer.drafts.holds_early(PYTHON)
    newcomer.prompt.text = "typed since"
    assert not newcomer.drafts.holds_early(PYTHON)


@pytest.mark.parametrize("is_newcomer", [False, True])
def test_what_was_begun_in_no_room_comes_to_what_is_begun_in_the_room_that_is_shown_next(*, is_newcomer: bool) -> None:
    desk = Desk(is_newcomer=is_newcomer)
    desk.write(PYTHON, "typed early" if is_newcomer else "begun")
    desk.write(None, "in no room")
    desk.drafts.bring_along(PYTHON)
    desk.prompt.begin("")
    desk.drafts.put_back(PYTHON)
    assert desk.prompt.text.split("\n") == ["typed early" if is_newcomer else "begun", "in no room"]
    assert not desk.saved.get(NO_ROOM)
    assert desk.saved.get("python", "") == ("" if is_newcomer else "begun\nin no room")


def test_what_was_typed_early_in_no_room_is_in_memory_alone_also_when_it_has_come_to_a_room() -> None:
    desk = Desk(is_newcomer=True)
    desk.saved["python"] = "an older draft"
    desk.write(None, "typed early")
    desk.drafts.bring_along(PYTHON)
    desk.prompt.begin("")
    desk.drafts.put_back(PYTHON)
    assert desk.prompt.text.split("\n") == ["an older draft", "typed early"]
    assert "typed early" not in "".join(desk.saved.values())
