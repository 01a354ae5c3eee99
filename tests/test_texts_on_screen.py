"""What people and servers may send, as chat-tui shows it: texts, links, times, and whatever is hostile, with a story instead of a network."""

import pytest

from chat_server.protocol import entries, events
from chat_server.protocol.entries import Said
from on_screen import program, rows
from stories import NOON, Pilot, Stage, StoryApp, beginning, play, said, settle

__all__ = ["program"]


def test_consecutive_lines_by_one_person_are_grouped(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        assert [line.count("bob") for line in rows(app) if "one" in line or "two" in line] == [1, 0]

    program.play(act, [*beginning(), *said("one", "two"), *said("three", nick="Carol", first=3)])


def test_a_link_opens_and_a_selection_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    app = StoryApp([*beginning(), *said("see https://example.org/a_b. now")])
    opened: list[str] = []
    monkeypatch.setattr(app, "open_url", opened.append)
    monkeypatch.setenv("DISPLAY", ":0")

    async def act(pilot: Pilot) -> None:
        row = next(y for y, line in enumerate(rows(app)) if "https" in line)
        column = rows(app)[row].index("https") + 3
        await pilot.click(offset=(column, row))
        assert opened == ["https://example.org/a_b"]
        monkeypatch.delenv("DISPLAY")
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        await pilot.click(offset=(column, row))
        assert (len(opened), app.clipboard) == (1, "https://example.org/a_b"), "no browser in the terminal"
        start = rows(app)[row].index("see")
        await pilot.mouse_down(offset=(start, row))
        await pilot.hover(offset=(start + 7, row))
        await pilot.mouse_up(offset=(start + 7, row))
        await settle(pilot)
        await pilot.press("ctrl+c")
        assert app.clipboard.startswith("see htt")

    play(app, act)


def test_markdown_is_shown_as_such(program: Stage) -> None:
    text = "*em* **strong** `code` snake_case_name\n> quoted\nafter\n```python\nx = 1\n```"

    async def act(app: StoryApp, pilot: Pilot) -> None:
        shown = app.screen_text()
        assert "em strong code snake_case_name" in shown
        assert "> quoted" in shown
        assert "x = 1" in shown
        assert "```" not in shown

    program.play(act, [*beginning(), *said(text)])


HOSTILE = [
    "[bold]x[/] [/] [@click=app.quit]click[/] [link=http://x]y",
    "a" * 100_000,
    "你" * 5000,
    "e" + "\u0301" * 8 + " zalgo",
    "\n".join(["x"] * 300),
    "`" * 200 + "*" * 200 + "_" * 200 + ">" * 200,
    "👩‍👩‍👧‍👦" * 40,
    "```" + "x" * 3000,
    "{" * 500 + "[" * 500,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_shown_and_does_nothing(text: str, program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("pageup", "pageup", "escape", "ctrl+k", "escape")
        await pilot.resize_terminal(41, 13)
        await settle(pilot)
        for y in range(2, 12):
            await pilot.click(offset=(10, y))
        app.tell(*said("after", first=4))
        await pilot.press("escape", "escape", "escape")  # out of the menu of a line, of its choice, and to the bottom
        await settle(pilot)
        assert "after" in app.screen_text()
        assert app.is_running

    topic = text.split("\n", maxsplit=1)[0][:300]
    program.play(
        act,
        [
            *beginning(),
            *said("before", text),
            entries.TopicSet("python", 3, NOON + 180, "bob", topic),
            events.Joined("python", ("[bold]",)),
        ],
    )


@pytest.mark.parametrize("at", [1e18, -1e18, -99999999999.0, 1795827121000.0, 1.7e308, 0.0])
def test_whatever_time_a_server_names_is_shown(at: float, program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        room = f"odd-{str(at).strip('-').replace('.', '-').replace('+', '')}-{at < 0}"
        app.main.navigation.enter(room)
        app.answer("join", events.Entered(room, (), 0, "", 0))
        app.tell(
            *(
                Said(room, seq, when, "bob", text)
                for seq, when, text in ((1, at, "hello"), (2, -at, "again"), (3, at, "!"))
            )
        )
        await settle(pilot)
        assert app.current is not None
        assert app.current.name == room
        assert all(text in app.screen_text() for text in ("hello", "again", "!"))

    program.play(act, beginning())


def test_at_midnight_what_was_said_today_was_said_yesterday(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        assert "Today, Tuesday, 24 November" in app.screen_text()
        app.now = NOON + 43_199
        app.main.tick()
        await settle(pilot)
        assert "Today, Tuesday, 24 November" in app.screen_text()
        app.now += 1
        app.main.tick()
        await settle(pilot)
        assert "Yesterday, Tuesday, 24 November" in app.screen_text()
        assert "Today" not in app.screen_text()
        app.now += 86_400  # the computer has slept for a day
        app.main.tick()
        await settle(pilot)
        assert "Yesterday" not in app.screen_text()
        assert "Tuesday, 24 November" in app.screen_text()

    program.play(act, [*beginning(), *said("hello")])
