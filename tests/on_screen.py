"""What tests of chat-tui's screen have in common: one program for all tests of a file, and what is read from the screen."""

from collections.abc import Iterator

import pytest

from chat_server.protocol.entries import PageShown, Said
from chat_tui.ui.list_pane import ListPane
from stories import NOON, Stage, StoryApp


def rows(app: StoryApp) -> list[str]:
    return app.screen_text().split("\n")


def room_rows(app: StoryApp) -> list[str]:
    items = [item for item in app.main.query_one("#rooms", ListPane).items if item.key]
    return [" ".join(f"{item.content.plain} {item.end.plain}".split()) for item in items]


def page(first: int, last: int, *, room: str = "python", newest: int = 0, oldest: int = 1) -> PageShown:
    shown = tuple(Said(room, seq, NOON + seq, "bob", f"line {seq}") for seq in range(first, last + 1))
    return PageShown(room, shown, oldest, newest or last, "")


@pytest.fixture(scope="module")
def program() -> Iterator[Stage]:
    stage = Stage(StoryApp)
    yield stage
    stage.close()
