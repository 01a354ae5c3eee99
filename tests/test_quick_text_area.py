"""A text area that is quick shows what stands in it."""

import asyncio
from typing import ClassVar

from textual.app import App, ComposeResult

from chat_tui.ui.quick_text_area import QuickTextArea

WORDS = [f"word{number}" for number in range(55)]


class Page(App[None]):
    """One text area, as high as its text."""

    CSS: ClassVar[str] = "QuickTextArea { height: auto; border: none; padding: 0; }"

    def compose(self) -> ComposeResult:
        """A text of three or four rows."""
        yield QuickTextArea(" ".join(WORDS))


def test_all_words_are_seen_after_resizing_in_as_many_rows_as_before() -> None:
    async def resize() -> None:
        app = Page()
        async with app.run_test(size=(150, 40)) as pilot:
            for columns in (146, 142, 138, 134, 130, 126, 150):
                await pilot.resize_terminal(columns, 40)
                await pilot.pause()
                rows = ["".join(one.text for one in row) for row in app.screen._compositor.render_strips(app.size)]
                assert [word for row in rows for word in row.split()] == WORDS, columns

    asyncio.run(resize())
