"""What the user chooses for a room, from inside: notifications, muted, pinned, read; and the links of its lines."""

import re
from pathlib import Path

import pytest

from chat_server.protocol import entries, events
from chat_server.protocol.entries import LineBlocked, Said
from chat_tui.client.notifications import how_told
from chat_tui.client.own_commands import OWN, own_command
from chat_tui.client.room_choices import Chosen, RoomChoices
from chat_tui.client.room_links import links_in
from chat_tui.client.state import State
from chat_tui.client.timeline import Timeline
from chat_tui.settings import NotifyTable, Settings
from chat_tui.ui.labels import window_title
from on_screen import room_rows
from stories import NOON, Pilot, StoryApp, beginning, play, said, settle


async def typed(app: StoryApp, pilot: Pilot, text: str) -> None:
    app.prompt.put(text)
    await pilot.press("enter")
    await settle(pilot)


async def read_all(app: StoryApp, pilot: Pilot) -> None:
    """Look at the newest line for longer than a second."""
    for _ in range(3):
        app.now += 1
        app.watch_reading()
    await settle(pilot)


def line(text: str, *, room: str = "python", seq: int = 1) -> Said:
    return Said(room, seq, NOON, "bob", text)


@pytest.mark.parametrize(
    ("chosen", "text", "is_told"),
    [
        (Chosen(), "hello", False),
        (Chosen(), "hello ann", True),
        (Chosen(notify="all"), "hello", True),
        (Chosen(notify="mentions"), "hello", False),
        (Chosen(notify="nothing"), "hello ann", False),
        (Chosen(is_muted=True), "hello ann", True),
        (Chosen(is_muted=True, notify="all"), "hello", True),
        (Chosen(is_muted=True, notify="nothing"), "hello ann", False),
    ],
)
def test_one_is_notified_of_what_is_chosen_for_the_room(chosen: Chosen, text: str, is_told: bool) -> None:
    assert how_told(line(text), "ann", NotifyTable(), chosen) is is_told


@pytest.mark.parametrize(
    ("chosen", "is_told"),
    [
        (Chosen(), True),
        (Chosen(is_muted=True), False),
        (Chosen(is_muted=True, notify="mentions"), True),
        (Chosen(notify="nothing"), False),
    ],
)
def test_a_conversation_is_told_of_unless_it_is_muted(chosen: Chosen, is_told: bool) -> None:
    assert how_told(line("hello", room="@bob"), "ann", NotifyTable(), chosen) is is_told


def test_what_is_chosen_for_a_room_goes_before_the_settings() -> None:
    rules = NotifyTable(mentions=False, muted=["python"], rooms=["write"])
    assert not how_told(line("ann"), "ann", rules)
    assert how_told(line("ann"), "ann", rules, Chosen(notify="mentions"))
    assert not how_told(line("hello", room="write"), "ann", rules, Chosen(notify="mentions"))
    assert not how_told(line("hello", room="write"), "ann", rules, Chosen(is_muted=True))


def test_what_is_no_choice_any_more_is_not_kept_and_a_renamed_room_keeps_its_own() -> None:
    kept: dict[str, Chosen] = {}
    choices = RoomChoices(kept)
    choices.mute("Python", is_wanted=True)
    choices.pin("python", is_wanted=True)
    choices.room_renamed("python", "snakes")
    assert kept == {"snakes": Chosen(is_muted=True, is_pinned=True)}
    choices.mute("snakes", is_wanted=False)
    choices.pin("snakes", is_wanted=False)
    assert kept == {}


@pytest.mark.parametrize("way", ["command", "key"])
def test_a_muted_room_stays_low_without_a_bold_count_and_a_pinned_one_first(tmp_path: Path, way: str) -> None:
    app = StoryApp(beginning("python", "pm", "write"), store=tmp_path)

    async def act(pilot: Pilot) -> None:
        await (typed(app, pilot, "/quiet") if way == "command" else pilot.press("alt+q"))
        await pilot.press("alt+2")
        await (typed(app, pilot, "/pin") if way == "command" else pilot.press("alt+i"))
        await settle(pilot)
        app.tell(*said("a", "b"), *said("c", room="pm"))
        await settle(pilot)
        assert room_rows(app) == ["1 write", "2 pm 1", "3 python (2)"]
        ends = {item.content.plain: item.end.spans[0].style for item in app.main.panes.rooms.items if item.end}
        assert ends == {"2 pm": "bold", "3 python": "$text-muted"}
        assert not app.connection.said
        await pilot.press("alt+a")
        await settle(pilot)
        assert app.current is not None
        assert app.current.name == "pm"
        await read_all(app, pilot)
        await pilot.press("alt+a")
        await settle(pilot)
        assert app.current.name == "pm", "what is muted is no activity"
        app.tell(line("ann!", seq=3))
        await settle(pilot)
        assert room_rows(app)[2] == "3 python @1"
        await pilot.press("alt+a")
        await settle(pilot)
        assert app.current.name == "python", "but a mention is"

    play(app, act)
    again = StoryApp(beginning("python", "pm", "write"), store=tmp_path)

    async def look(pilot: Pilot) -> None:
        assert [row.split()[1:] for row in room_rows(again)] == [["write"], ["pm"], ["python"]]

    play(again, look)


def test_what_is_muted_does_not_count_in_the_title() -> None:
    state = State()
    room = state.room("@bob")
    room.read, room.last = 0, 3
    assert window_title([state], None) == "(3) chat-tui - chat-tui"
    state.choices.mute("@bob", is_wanted=True)
    assert window_title([state], None) == "chat-tui - chat-tui"


def test_a_pinned_conversation_stands_before_the_rooms() -> None:
    choices = RoomChoices()
    choices.pin("@bob", is_wanted=True)
    choices.mute("python", is_wanted=True)
    rooms = [State().room(name) for name in ("python", "@zed", "pm", "@bob")]
    assert [room.name for room in choices.in_order(rooms)] == ["@bob", "pm", "python", "@zed"]


def test_tab_behind_a_command_offers_the_words_that_it_takes() -> None:
    app = StoryApp(beginning("python", "pm"))

    async def act(pilot: Pilot) -> None:
        for keys, completed in (
            (["tab"], "/notify all "),
            (["tab", "tab"], "/notify mentions "),
            (["m", "tab"], "/notify mentions "),
        ):
            app.prompt.put("/notify ")
            await pilot.press(*keys)
            assert app.prompt.text == completed
        app.prompt.put("hello ")
        await pilot.press("tab")
        assert app.prompt.text == "hello "

    play(app, act)


def test_notify_says_what_holds_and_rings_for_all_lines_if_that_is_chosen() -> None:
    app = StoryApp(beginning("python", "pm"), settings=Settings(notify=NotifyTable(title=False)))

    async def act(pilot: Pilot) -> None:
        await typed(app, pilot, "/notify")
        assert app.toasts() == ["In python you are notified of what the settings say."]
        await typed(app, pilot, "/notify all")
        await typed(app, pilot, "/notify often")
        assert "all, mentions" in app.screen_text() or "all mentions" in app.screen_text()
        app.prompt.put("")
        await pilot.press("alt+2")
        app.tell(*said("hello"), *said("hello", room="pm"))
        assert "".join(app.written).count("bob in python") == 1
        assert "in pm" not in "".join(app.written)

    play(app, act)


@pytest.mark.parametrize("size", [(100, 30), (40, 15)])
def test_the_menu_of_a_room_has_all_of_it_and_says_what_holds_also_where_there_is_little_place(
    size: tuple[int, int],
) -> None:
    app = StoryApp(beginning("python", "pm"))

    async def act(pilot: Pilot) -> None:
        await pilot.press("alt+o")
        await settle(pilot)
        text = app.screen_text()
        for words in (
            "For python",
            "every line",
            "Notify: as the settings say",
            "Mute: only your name counts",
            "Pin: first",
            "Mark as read",
        ):
            assert words in text
        await pilot.press(*"unread")
        await settle(pilot)
        assert "Mark as unread from here on" in app.screen_text()
        await pilot.press(*["backspace"] * len("unread"))
        await pilot.press(*"nothing", "enter")
        await pilot.press("alt+o")
        await settle(pilot)
        assert re.search("Notify: nothing +now", app.screen_text())
        await pilot.press(*"mute", "enter")
        await settle(pilot)
        assert room_rows(app)[1] == "2 python"
        await pilot.press("alt+o")
        await settle(pilot)
        assert "Unmute" in app.screen_text()
        await pilot.press("escape")

    play(app, act, size=size)


def test_what_is_marked_as_unread_stays_so_until_one_comes_back() -> None:
    app = StoryApp([*beginning("python", "pm"), *said("one", "ann: two", "three", "four")])

    async def act(pilot: Pilot) -> None:
        room = app.current
        assert room is not None
        await read_all(app, pilot)
        assert room.unread == 0
        await typed(app, pilot, "/unread 2")
        assert (room.unread, room.mentions) == (3, {2})
        assert app.client.saved.read["python"] == 1
        lines = app.screen_text().split("\n")
        rule = next(index for index, row in enumerate(lines) if " new " in row)
        assert "two" in lines[rule + 1]
        await read_all(app, pilot)
        assert room_rows(app)[0] == "1 python @1", "looking at it reads nothing"
        await pilot.press("alt+2", "alt+1")
        await read_all(app, pilot)
        assert room.unread == 0, "coming back does"

    play(app, act)


def test_marked_as_unread_from_the_top_of_the_screen_and_as_read_by_keys() -> None:
    app = StoryApp([*beginning("python", "pm"), *said(*(f"line {number}" for number in range(1, 101)))])

    async def act(pilot: Pilot) -> None:
        room = app.current
        assert room is not None
        await read_all(app, pilot)
        await pilot.press("pageup", "alt+w")
        await settle(pilot)
        first = room.timeline.entries[app.chat.first_seen - 1]
        assert 40 < getattr(first, "seq", 0) < 90
        assert room.unread == 101 - getattr(first, "seq", 0)
        await pilot.press("alt+e")
        await settle(pilot)
        assert room.unread == 0
        assert " new ─" not in app.screen_text()
        await typed(app, pilot, "/unread 4711")
        assert app.toasts() == ["There is no such line here. The lines are 1 to 100."]
        app.tell(*said("elsewhere", room="pm"))
        await typed(app, pilot, "/read all")
        assert room_rows(app)[1] == "2 pm"

    play(app, act)


def test_unread_again_counts_neither_own_lines_nor_blocked_ones() -> None:
    state = State()
    state.apply(events.LoggedIn("ann", ""))
    state.apply(events.Entered("python", (), 0, "", 0))
    for seq, nick in enumerate(("bob", "ann", "bob"), 1):
        state.apply(Said("python", seq, NOON, nick, "text"))
    for seq in (4, 5, 6):
        state.apply(LineBlocked("python", seq, NOON))
    room = state.room("python")
    room.mark_read(6)
    room.mark_unread(2, "ann")
    assert room.unread == 1
    room.mark_unread(5, "ann")
    assert room.unread == 0
    state.apply(Said("python", 7, NOON, "bob", "text"))
    assert room.unread == 1


def test_commands_of_the_screen_are_no_lines_and_the_servers_go_first() -> None:
    assert own_command("/pin up", {}) is not None
    assert own_command("/PIN", {}) == ("pin", {})
    assert own_command("/unread 7", {}) == ("unread", {"number": 7})
    assert own_command("/pin", {"pin": OWN["pin"]}) is None
    for text in ("pin", "//pin", "/ pin", "/pinned", "/pin\nmore"):
        assert own_command(text, {}) is None


# Links


def test_links_are_listed_newest_first_and_each_once() -> None:
    timeline = Timeline()
    texts = ("https://a.org and https://b.org.", "nothing", "https://a.org", "see (https://c.org/x)")
    timeline.add([Said("python", seq, NOON + seq, "bob", text) for seq, text in enumerate(texts, 1)])
    timeline.tell("https://not.said.org", NOON)
    assert [link.url for link in links_in(timeline)] == ["https://c.org/x", "https://a.org", "https://b.org"]


@pytest.mark.parametrize("way", ["command", "key"])
def test_a_link_is_found_copied_and_opened(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    app = StoryApp([*beginning(), *said("https://a.org/one", "https://b.org/two")])
    opened: list[str] = []
    monkeypatch.setattr(app, "open_url", opened.append)
    monkeypatch.setattr("chat_tui.ui.terminal.has_desktop", lambda: True)

    async def act(pilot: Pilot) -> None:
        await (typed(app, pilot, "/links") if way == "command" else pilot.press("alt+k"))
        await settle(pilot)
        text = app.screen_text()
        assert text.index("https://b.org/two  bob") < text.index("https://a.org/one  bob")
        await pilot.press("ctrl+c")
        assert app.clipboard == "https://b.org/two"
        await pilot.press(*"a.org")
        await settle(pilot)
        assert "https://b.org/two  bob" not in app.screen_text()
        await pilot.press("enter")
        assert opened == ["https://a.org/one"]

    play(app, act)


def test_where_no_link_was_said_it_says_so() -> None:
    app = StoryApp([*beginning(), entries.TopicSet("python", 1, NOON, "bob", "no link")])

    async def act(pilot: Pilot) -> None:
        await pilot.press("alt+k")
        await settle(pilot)
        assert "There is no link in the lines that are loaded here." in app.screen_text()
        await pilot.press("enter")

    play(app, act)
