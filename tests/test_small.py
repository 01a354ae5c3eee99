"""Whatever a key opens, on a terminal of 40 by 15: what it is, where one types or chooses, and how to get out stand there, and nothing is cut off."""

import re

import pytest
from rich.cells import cell_len
from textual.widgets import Input

from chat_server.protocol.entries import Said
from chat_tui import language
from chat_tui.actions import ACTIONS, Action
from stories import NOON, Pilot, StoryApp, play, said, settle
from test_rights_on_screen import room as with_roles

SMALL = (40, 15)

OPENED = {
    "jump": "Go to",
    "go-to": "Go to",
    "line-reply": "Reply to bob",
    "line-edit": "Edit",
    "line-react": "React to bob",
    "line-menu": "#4 bob",
    "line-links": "Open which?",
    "line-report": "Report #4 by bob",
    "line-delete": "Delete #4?",
    "search": "Search:",
    "search-everywhere": "Search in all rooms",
    "links": "Links in python",
    "search-typed": "Sent before:",
    "options": "For python",
    "bare": "Tuesday, 24 November 2026",
    "moderate": "Moderate python: whom?",
    "connect": "Connect",
    "line": "not encrypted",
    "devices": "Your devices",
    "help": "Switching",
    "palette": "Search for actions",
}
"""What stands at the top of what an action opens."""

AT_ONCE = {
    *("next-room", "previous-room", "next-activity", "first-unread", "bottom", "page-up", "page-down", "top", "end"),
    *(f"room-{number}" for number in range(1, 10)),
    *("split", "other-side", "choose-up", "choose-down", "line-up", "line-down", "line-copy", "line-quote", "line-go"),
    *(
        "copy",
        "mark-read",
        "mark-unread",
        "send-again",
        "give-up",
        "fold-rooms",
        "fold-people",
        "joins",
        "pin",
        "quiet",
    ),
    *("numbers", "next-theme", "reconnect", "redraw", "quit"),
}
"""What is done at once, and opens nothing."""

BY_THE_SERVER = {"line-author", "line-versions", "account"}
"""What is asked of the server first, whose answer is shown (test_lines_on_screen.py, test_account_screens.py)."""

OF_ONES_OWN = {"line-edit"}
"""What needs a line of the user's own."""

SAYS_NO_KEYS = {"palette", "search-typed"}
"""Textual's own; and the search in what was sent, whose keys stand whole or not at all (test_typed_search.py). F1 has them."""

OUT = re.compile(r"\bEsc\b|Keep it")
"""How one gets out: the harmless answer, which Enter chooses, or a key."""


def test_each_action_is_known_here() -> None:
    assert {action.name for action in ACTIONS} == {*OPENED} | AT_ONCE | BY_THE_SERVER


async def opened(app: StoryApp, pilot: Pilot, action: Action) -> str:
    """What is on the screen when this has been done with the newest line, if it is done with a line."""
    if action.name.startswith("line-"):
        await pilot.press("alt+up")
        await settle(pilot)
    await pilot.press(action.keys)
    await settle(pilot)
    return app.screen_text()


def all_hints_fit(app: StoryApp) -> bool:
    """Whether what stands in empty fields has its place there."""
    fields = [field for field in app.screen.query(Input) if field.display and field.region]
    return all(cell_len(str(field.placeholder)) <= field.content_size.width for field in fields)


@pytest.mark.parametrize("name", OPENED)
def test_what_it_opens_fits_and_says_what_it_is_and_how_one_gets_out(name: str) -> None:
    action = next(action for action in ACTIONS if action.name == name)
    nick = "ann" if name in OF_ONES_OWN else "bob"
    newest = Said("python", 4, NOON + 3500, nick, "see https://a.example/1 and https://a.example/2")
    app = StoryApp(with_roles(*said("one", "two", "three"), newest, role="owner", roles={"ann": "owner"}))

    async def act(pilot: Pilot) -> None:
        before = app.screen_text()
        shown = await opened(app, pilot, action)
        assert OPENED[name] in shown
        assert OUT.search(shown) or name in SAYS_NO_KEYS, shown
        box = app.screen.query(".box")
        if box:
            area = box.first().region
            assert (area.x >= 0, area.y >= 0, area.right <= SMALL[0], area.bottom <= SMALL[1]) == (True,) * 4
            assert not box.first().allow_vertical_scroll, "what is long scrolls inside, and the rest stays in sight"
        assert all_hints_fit(app), "nothing of what may be typed is cut off"
        focused = app.screen.focused
        if focused is not None and name != "palette":
            assert focused.region.height > 0
            assert app.screen.region.contains_region(focused.region)
        key = "ctrl+g" if name == "search-typed" else "escape"
        await pilot.press(key)
        await settle(pilot)
        if name.startswith("line-"):
            await pilot.press("escape")
            await settle(pilot)
        assert app.screen is app.main
        assert app.screen_text().split() == before.split()

    play(app, act, size=SMALL)


@pytest.mark.parametrize("name", sorted({*OPENED} - {"palette", "bare"}))
def test_it_fits_in_chinese_too(name: str) -> None:
    language.begin("zh", {})
    action = next(action for action in ACTIONS if action.name == name)
    nick = "ann" if name in OF_ONES_OWN else "bob"
    newest = Said("python", 4, NOON + 3500, nick, "see https://a.example/1 and https://a.example/2")
    app = StoryApp(with_roles(*said("one", "two", "three"), newest, role="owner", roles={"ann": "owner"}))

    async def act(pilot: Pilot) -> None:
        shown = await opened(app, pilot, action)
        assert re.search(r"Esc|保留", shown) or name in SAYS_NO_KEYS, shown
        assert all_hints_fit(app)
        box = app.screen.query(".box")
        assert not box or not box.first().allow_vertical_scroll

    play(app, act, size=SMALL)


def test_the_last_of_many_choices_is_reached_by_keys() -> None:
    app = StoryApp(with_roles(*said("one"), role="owner", roles={"ann": "owner"}))

    async def act(pilot: Pilot) -> None:
        await pilot.press("alt+o", *["down"] * 7)
        await settle(pilot)
        shown = app.screen_text()
        assert re.search("▌Mark as unread from here on", shown), shown
        assert "Esc goes back" in shown

    play(app, act, size=SMALL)
