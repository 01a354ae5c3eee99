"""Pictures of the main screens; each was looked at before it was accepted (`scripts/test tests/test_screens.py --snapshot-update`)."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from chat_server import events
from chat_server.events import Acted, Event, Found, Joined, Said, TopicSet
from chat_tui.link import LinkChanged, Status
from chat_tui.settings import Settings
from chat_tui.state import Pending
from stories import NOON, Pilot, StoryApp, beginning, said, settle

SnapCompare = Callable[..., bool]

LINES = [
    ("bob", "morning! did anybody try the *new* parser?"),
    ("bob", "it is in `wire/json_lines.py`"),
    ("Carol", "yes, and it is fast: 你好 👋"),
    ("ann", "great"),
    ("bob", "```python\ndef parse(line: bytes) -> Addressed:\n    return decode(line)\n```"),
    ("Carol", "> it is fast\nhow fast?"),
    (
        "bob",
        "ann: see https://example.org/bench, about **0.35 us** for each delivery, on a machine with two cores that is not new",
    ),
]


def conversation() -> list[Event]:
    """A morning in three rooms."""
    shown = [
        Said("python", seq, NOON + seq * 70 - (86400 if seq < 3 else 0), nick, text)
        for seq, (nick, text) in enumerate(LINES, 1)
    ]
    return [
        *beginning("python", "pm", "write"),
        events.Recalled("python", (shown[0], shown[1]), None, 2, ""),
        *shown[2:],
        Acted("python", 8, NOON + 700, "Carol", "waves"),
        TopicSet("python", 9, NOON + 800, "bob", "All things Python"),
        *said("ann: are you there?", room="pm"),
        *said("one", "two", room="write"),
        Joined("python", ("dave",)),
    ]


def story(theme: str = "chat-dark") -> StoryApp:
    app = StoryApp(conversation(), settings=Settings(theme=theme))
    app.client.state.room("python").read = 2
    app.client.memory.read["python"] = 2
    return app


async def typed(pilot: Pilot) -> None:
    app: Any = pilot.app
    app.client.state.typed(Pending("k", "python", "say", "on my way", NOON + 3590))
    app._prompt.put("what about")
    await settle(pilot)


@pytest.mark.parametrize("theme", ["chat-dark", "chat-light"])
@pytest.mark.parametrize("size", [(40, 12), (80, 24), (200, 60)])
def test_the_main_screen(snap_compare: SnapCompare, theme: str, size: tuple[int, int]) -> None:
    assert snap_compare(story(theme), terminal_size=size, run_before=typed)


def test_the_switcher(snap_compare: SnapCompare) -> None:
    assert snap_compare(story(), terminal_size=(80, 24), press=["ctrl+k", "p"])


def test_the_help(snap_compare: SnapCompare) -> None:
    assert snap_compare(story(), terminal_size=(100, 40), press=["f1"])


def test_the_search_in_all_rooms(snap_compare: SnapCompare) -> None:
    async def search(pilot: Pilot) -> None:
        await pilot.press("alt+f", *"fast", "enter")
        app: Any = pilot.app
        lines = (
            Said("python", 3, NOON + 210, "Carol", LINES[2][1]),
            Said("python", 6, NOON + 420, "Carol", LINES[5][1]),
        )
        app.tell(Found("fast", (("python", lines),), True, 0, ""), ref="everywhere")
        await settle(pilot)

    assert snap_compare(story(), terminal_size=(80, 24), run_before=search)


def test_searching_in_the_room(snap_compare: SnapCompare) -> None:
    async def search(pilot: Pilot) -> None:
        await pilot.press("ctrl+f", *"fast", "enter")
        await settle(pilot)

    assert snap_compare(story("chat-light"), terminal_size=(80, 24), run_before=search)


def test_no_connection(snap_compare: SnapCompare) -> None:
    async def lose(pilot: Pilot) -> None:
        await typed(pilot)
        app: Any = pilot.app
        app._link_changed(LinkChanged(Status.WAITING, "the connection was closed", time.monotonic() + 7.3))
        await settle(pilot)

    assert snap_compare(story(), terminal_size=(80, 24), run_before=lose)


def test_the_connect_screen(snap_compare: SnapCompare) -> None:
    async def fail(pilot: Pilot) -> None:
        app: Any = pilot.app
        app._link_changed(LinkChanged(Status.WAITING, "nothing listens there", time.monotonic() + 1))
        await settle(pilot)

    assert snap_compare(StoryApp(is_online=False), terminal_size=(80, 24), run_before=fail)


def test_a_paste_that_asks(snap_compare: SnapCompare) -> None:
    async def paste(pilot: Pilot) -> None:
        from textual.events import Paste  # noqa: PLC0415 - for this one

        app: Any = pilot.app
        app._prompt.post_message(Paste("\n".join(f"line {number} of a [bold]log[/]" for number in range(12))))
        await settle(pilot)

    assert snap_compare(story(), terminal_size=(80, 24), run_before=paste)
