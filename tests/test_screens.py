"""Pictures of the main screens; each was looked at before it was accepted (`scripts/test tests/test_screens.py --snapshot-update`)."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from rich.color import Color as RichColour
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.color import Color as Colour
from textual.filter import LineFilter

from chat_server.protocol.amending import Edited, Reacted, Redacted
from chat_server.protocol.described import Forbidden
from chat_server.protocol.entries import Found, Said
from chat_server.protocol.events import Entered, LoggedIn, RoomsListed
from chat_tui import language
from chat_tui.actions import documented
from chat_tui.client.calling import Line
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.known_servers import Known
from chat_tui.client.pending import Pending
from chat_tui.client.trust import AUTHORITY, About
from chat_tui.settings import Settings
from chat_tui.ui.app import ChatApp
from doubts import distrusted
from processes import ROOT
from showcase import PICTURES, ROOMS, TOPICS, arrange, picture, showcase
from stories import CONVERSATION, NOON, Pilot, StoryApp, said, settle, story, welcome
from test_devices_screen import DETAILS, devices
from test_rights_on_screen import room as with_roles

SnapCompare = Callable[..., bool]


async def typed(pilot: Pilot) -> None:
    app: Any = pilot.app
    app.client.state.typed(Pending("k", "python", "say", "on my way", NOON + 3590))
    app.prompt.put("what about")
    await settle(pilot)


def pressed(*keys: str) -> Callable[[Pilot], Awaitable[None]]:
    """Press these, and wait until what they do is on the screen."""

    async def press(pilot: Pilot) -> None:
        await pilot.press(*keys)
        await settle(pilot)

    return press


@pytest.mark.parametrize("theme", ["chat-dark", "chat-light"])
@pytest.mark.parametrize("size", [(40, 12), (80, 24), (200, 60)])
def test_the_main_screen(snap_compare: SnapCompare, theme: str, size: tuple[int, int]) -> None:
    assert snap_compare(story(theme), terminal_size=size, run_before=typed)


@pytest.mark.parametrize("size", [(40, 15), (80, 24), (120, 40)])
def test_the_main_screen_in_chinese(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    language.begin("zh", {})
    assert snap_compare(story(), terminal_size=size, run_before=typed)


@pytest.mark.parametrize("size", [(40, 15), (80, 24)])
def test_the_form_for_connecting_in_chinese(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    language.begin("zh", {})
    assert snap_compare(story(), terminal_size=size, run_before=pressed("f3"))


@pytest.mark.parametrize("size", [(40, 15), (80, 24)])
def test_a_server_that_is_not_trusted_in_chinese(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    async def doubt(pilot: Pilot) -> None:
        app: Any = pilot.app
        app.connection_changed(distrusted(About.CHANGED))
        await settle(pilot)

    language.begin("zh", {})
    assert snap_compare(story(), terminal_size=size, run_before=doubt)


def test_the_help_in_chinese(snap_compare: SnapCompare) -> None:
    language.begin("zh", {})
    assert snap_compare(story(), terminal_size=(80, 24), run_before=pressed("f1"))


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
def test_a_room_with_roles_and_rules(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    forbidden = (Forbidden(3, "muted", NOON + 3600 + 1740, "bob", "too loud"),)
    rules = {"slow": "30", "links": "members"}
    app = StoryApp(with_roles(*said("hello"), rules=rules, forbidden=forbidden, now=NOON + 3600))
    assert snap_compare(app, terminal_size=size)


@pytest.mark.parametrize(
    ("keys", "size"), [("", (80, 24)), ("dave ", (60, 20)), ("dave mute ", (80, 24))], ids=["whom", "what", "why"]
)
def test_a_moderator_s_choices(snap_compare: SnapCompare, keys: str, size: tuple[int, int]) -> None:
    async def choose(pilot: Pilot) -> None:
        await pilot.press("alt+m")
        for key in keys:
            await pilot.press("enter" if key == " " else key)
            await settle(pilot)
        await settle(pilot)

    app = StoryApp(with_roles(*said("hello"), role="owner", roles={"ann": "owner", "Carol": "moderator"}))
    assert snap_compare(app, terminal_size=size, run_before=choose)


LINES = [
    Said("python", 1, NOON + 3300, "bob", "did anybody try the *new* parser? See https://example.org/parser"),
    Said("python", 2, NOON + 3310, "ann", "I did, and it takes a third of the time that the old one took", re=1),
    Said("python", 3, NOON + 3370, "Carol", "great", re=2),
    Reacted("python", 4, NOON + 3380, "ann", "👍", of=3, whom="Carol"),
    Reacted("python", 5, NOON + 3381, "bob", "👍", of=3, whom="Carol"),
    Reacted("python", 6, NOON + 3382, "bob", "🎉", of=3, whom="Carol"),
    Edited("python", 7, NOON + 3390, "bob", "did anybody try the *new* parser? https://example.org/new", of=1),
    Said("python", 8, NOON + 3400, "dave", "which one?", re=700),
]


@pytest.mark.parametrize("theme", ["chat-dark", "chat-light", "ansi-dark"])
@pytest.mark.parametrize("size", [(40, 15), (80, 24)])
def test_replies_edits_and_reactions(snap_compare: SnapCompare, theme: str, size: tuple[int, int]) -> None:
    app = StoryApp(with_roles(*LINES), settings=Settings(theme=theme))
    assert snap_compare(app, terminal_size=size, run_before=pressed("alt+up", "alt+up"))


@pytest.mark.parametrize(
    ("keys", "size"),
    [
        (("alt+up", "alt+up", "enter"), (80, 24)),
        (("alt+up", "alt+up", "enter"), (40, 15)),
        (("alt+up", "alt+up", "plus", *"ro"), (80, 24)),
        (("alt+up", "alt+up", "r", *"so do I", "enter", "alt+up", "r", *"the one"), (80, 24)),
        (("up", "!"), (40, 15)),
    ],
    ids=["menu", "small menu", "emoji", "reply", "edit"],
)
def test_what_is_done_with_a_line(snap_compare: SnapCompare, keys: tuple[str, ...], size: tuple[int, int]) -> None:
    assert snap_compare(StoryApp(with_roles(*LINES)), terminal_size=size, run_before=pressed(*keys))


@pytest.mark.parametrize("name", PICTURES)
def test_the_pictures_in_the_documents_are_the_screen(name: str) -> None:
    drawn = (ROOT / "docs" / f"{name}.svg").read_text(encoding="utf-8")
    assert drawn == picture(name), "scripts/picture draws it anew"


async def lost_at_work(pilot: Pilot) -> None:
    app: Any = pilot.app
    await arrange(pilot)
    app.servers.shown.seconds_left = lambda: 7
    app.connection_changed(ConnectionChanged(Status.WAITING, "the connection was closed", time.monotonic() + 7))
    await settle(pilot)


async def refused(pilot: Pilot) -> None:
    app: Any = pilot.app
    await arrange(pilot)
    app.connection_changed(ConnectionChanged(Status.REFUSED, "This name is taken."))
    await settle(pilot)


async def replying(pilot: Pilot) -> None:
    await arrange(pilot)
    await pilot.press("alt+up", "alt+up", "alt+up", "r", *"yes")
    await settle(pilot)


@pytest.mark.parametrize("theme", ["chat-dark", "chat-light", "ansi-dark"])
@pytest.mark.parametrize("size", [(40, 15), (80, 24), (120, 40), (200, 60)])
def test_a_morning(snap_compare: SnapCompare, theme: str, size: tuple[int, int]) -> None:
    assert snap_compare(showcase(theme), terminal_size=size, run_before=arrange)


@pytest.mark.parametrize("state", [lost_at_work, refused, replying])
@pytest.mark.parametrize(
    ("theme", "size"), [("chat-dark", (120, 40)), ("chat-light", (80, 24)), ("ansi-dark", (40, 15))]
)
def test_a_morning_on_which_something_happens(
    snap_compare: SnapCompare, state: Callable[[Pilot], Awaitable[None]], theme: str, size: tuple[int, int]
) -> None:
    assert snap_compare(showcase(theme), terminal_size=size, run_before=state)


class EightBits(LineFilter):
    """What a terminal of 256 colours shows: of each colour the nearest that it has."""

    def apply(self, segments: list[Segment], background: Colour) -> list[Segment]:
        del background
        return [Segment(segment.text, self._style(segment.style), segment.control) for segment in segments]

    @staticmethod
    def _style(style: Style | None) -> Style | None:
        if style is None:
            return None
        colours = [colour and _nearest(colour) for colour in (style.color, style.bgcolor)]
        return style + Style(color=colours[0], bgcolor=colours[1])


def _nearest(colour: RichColour) -> RichColour:
    return RichColour.from_triplet(colour.downgrade(ColorSystem.EIGHT_BIT).get_truecolor())


@pytest.mark.parametrize("theme", ["chat-dark", "chat-light"])
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_morning_in_256_colours(
    snap_compare: SnapCompare, theme: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", "256")
    filters = ChatApp.get_line_filters
    monkeypatch.setattr(ChatApp, "get_line_filters", lambda app: [*filters(app), EightBits()])
    assert snap_compare(showcase(theme), terminal_size=size, run_before=arrange)


def test_a_morning_in_letters_of_ascii(snap_compare: SnapCompare) -> None:
    assert snap_compare(showcase(ascii=True), terminal_size=(80, 24), run_before=arrange)


@pytest.mark.parametrize("theme", ["chat-dark", "ansi-light"])
@pytest.mark.parametrize("size", [(40, 15), (80, 24), (120, 40)])
def test_in_no_room_yet(snap_compare: SnapCompare, theme: str, size: tuple[int, int]) -> None:
    told = [welcome(), LoggedIn("ann", "t" * 22), RoomsListed(ROOMS, TOPICS)]
    assert snap_compare(StoryApp(told, settings=Settings(theme=theme)), terminal_size=size)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_room_in_which_nobody_has_said_anything_and_a_thousand_others(
    snap_compare: SnapCompare, size: tuple[int, int]
) -> None:
    rooms = tuple((f"room-{number:03}", number % 7) for number in range(1000))
    told = [welcome(), LoggedIn("ann", "t" * 22), RoomsListed(rooms), Entered("room-001", ("bob",), 0)]
    assert snap_compare(StoryApp(told), terminal_size=size)


def test_the_document_of_keys_is_the_table_of_actions() -> None:
    assert (ROOT / "docs" / "keys.md").read_text(encoding="utf-8") == documented(), "scripts/picture writes it anew"


def test_the_switcher(snap_compare: SnapCompare) -> None:
    assert snap_compare(story(), terminal_size=(80, 24), run_before=pressed("ctrl+k", "p"))


def test_the_help(snap_compare: SnapCompare) -> None:
    assert snap_compare(story(), terminal_size=(100, 40), run_before=pressed("f1"))


def test_the_search_in_all_rooms(snap_compare: SnapCompare) -> None:
    async def search(pilot: Pilot) -> None:
        await pilot.press("alt+f", *"fast", "enter")
        app: Any = pilot.app
        lines = (
            Said("python", 3, NOON + 210, "Carol", CONVERSATION[2][1]),
            Said("python", 6, NOON + 420, "Carol", CONVERSATION[5][1]),
        )
        app.answer("search", Found("fast", (("python", lines),), True, 0, ""))
        await settle(pilot)

    assert snap_compare(story(), terminal_size=(80, 24), run_before=search)


def test_searching_in_the_room(snap_compare: SnapCompare) -> None:
    async def search(pilot: Pilot) -> None:
        app: Any = pilot.app
        app.main.searching.search.later = lambda _seconds, _ask: (
            None
        )  # the server is not asked before or after the picture
        await pilot.press("ctrl+f", *"fast", "enter")
        await settle(pilot)

    assert snap_compare(story("chat-light"), terminal_size=(80, 24), run_before=search)


def test_no_connection(snap_compare: SnapCompare) -> None:
    async def lose(pilot: Pilot) -> None:
        await typed(pilot)
        app: Any = pilot.app
        app.servers.shown.seconds_left = lambda: 7
        app.connection_changed(ConnectionChanged(Status.WAITING, "the connection was closed", time.monotonic() + 7))
        await settle(pilot)

    assert snap_compare(story(), terminal_size=(80, 24), run_before=lose)


def test_the_connect_screen(snap_compare: SnapCompare) -> None:
    async def fail(pilot: Pilot) -> None:
        app: Any = pilot.app
        app.servers.shown.seconds_left = lambda: 1
        app.connection_changed(ConnectionChanged(Status.WAITING, "nothing listens there", time.monotonic() + 1))
        await settle(pilot)

    assert snap_compare(StoryApp(is_online=False), terminal_size=(80, 24), run_before=fail)


@pytest.mark.parametrize(
    ("theme", "size"),
    [("chat-dark", (120, 40)), ("chat-light", (80, 24)), ("ansi-dark", (80, 24)), ("chat-dark", (40, 15))],
)
def test_the_form_for_connecting(snap_compare: SnapCompare, theme: str, size: tuple[int, int]) -> None:
    app = StoryApp(is_online=False, settings=Settings(theme=theme))
    for number, server in enumerate(("old.example.org:5000", "chat.example.org:5000"), 1):
        app._caller.servers._in_memory[server] = Known(AUTHORITY, "2026-11-01", f"2026-11-0{number}")

    async def err(pilot: Pilot) -> None:
        await pilot.press("f3")
        await settle(pilot)
        await pilot.press("tab", "space", "enter")
        await settle(pilot)

    assert snap_compare(app, terminal_size=size, run_before=err)


@pytest.mark.parametrize(
    ("about", "theme", "size"),
    [
        *((about, "chat-dark", (80, 24)) for about in About),
        *((About.CHANGED, "chat-light", size) for size in ((40, 12), (120, 40))),
        (About.FIRST_USE, "chat-light", (40, 24)),
    ],
)
def test_a_server_that_is_not_trusted(
    snap_compare: SnapCompare, about: About, theme: str, size: tuple[int, int]
) -> None:
    async def refuse(pilot: Pilot) -> None:
        app: Any = pilot.app
        app.connection_changed(distrusted(about))
        await settle(pilot)

    app = StoryApp(is_online=False, settings=Settings(theme=theme))
    assert snap_compare(app, terminal_size=size, run_before=refuse)


@pytest.mark.parametrize(("theme", "size"), [("chat-dark", (80, 24)), ("chat-light", (40, 12))])
def test_a_line_on_which_others_can_read_along(snap_compare: SnapCompare, theme: str, size: tuple[int, int]) -> None:
    async def go_on(pilot: Pilot) -> None:
        app: Any = pilot.app
        app.connection_changed(ConnectionChanged(Status.ONLINE, line=Line.OPEN))
        await settle(pilot)

    assert snap_compare(story(theme), terminal_size=size, run_before=go_on)


def test_a_paste_that_asks(snap_compare: SnapCompare) -> None:
    async def paste(pilot: Pilot) -> None:
        from textual.events import Paste  # noqa: PLC0415 - for this one

        app: Any = pilot.app
        app.prompt.post_message(Paste("\n".join(f"line {number} of a [bold]log[/]" for number in range(12))))
        await settle(pilot)

    assert snap_compare(story(), terminal_size=(80, 24), run_before=paste)


@pytest.mark.parametrize(("theme", "size"), [("chat-dark", (80, 24)), ("chat-light", (40, 12))])
def test_the_devices_of_an_account(snap_compare: SnapCompare, theme: str, size: tuple[int, int]) -> None:
    async def show(pilot: Pilot) -> None:
        await pilot.press("f6")
        app: Any = pilot.app
        app.answer("devices", devices())
        await pilot.press("down")
        await settle(pilot)

    assert snap_compare(story(theme), terminal_size=size, run_before=show)


@pytest.mark.parametrize(("theme", "size"), [("chat-dark", (80, 24)), ("chat-light", (40, 12))])
def test_the_line_that_is_in_use(snap_compare: SnapCompare, theme: str, size: tuple[int, int]) -> None:
    async def show(pilot: Pilot) -> None:
        app: Any = pilot.app
        app.connection_changed(ConnectionChanged(Status.ONLINE, line=Line.ENCRYPTED, details=DETAILS))
        await pilot.press("f4")
        await settle(pilot)

    assert snap_compare(story(theme), terminal_size=size, run_before=show)


@pytest.mark.parametrize("size", [(60, 20), (80, 24)])
def test_the_numbers_of_lines_while_a_command_names_one(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    async def write(pilot: Pilot) -> None:
        app: Any = pilot.app
        app.prompt.put("/report ")
        await settle(pilot)

    lines = [one for seq, (nick, text) in enumerate(CONVERSATION, 4705) for one in said(text, nick=nick, first=seq)]
    assert snap_compare(StoryApp(with_roles(*lines)), terminal_size=size, run_before=write)


@pytest.mark.parametrize("size", [(60, 20), (80, 24)])
def test_a_room_that_is_archived(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(StoryApp(with_roles(*said("hello"), archived=True)), terminal_size=size)


@pytest.mark.parametrize("size", [(60, 20), (80, 24)])
def test_lines_that_were_deleted(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    lines = [*said("hello", "my password is swordfish", "oops"), *said("buy now", "buy more", nick="dave", first=4)]
    own = Redacted("python", 6, NOON + 60, "bob", "#2", whom="bob", of=((2, 2),))
    others = Redacted("python", 7, NOON + 90, "Carol", "#4-#5", whom="dave", of=((4, 5),))
    assert snap_compare(StoryApp([*with_roles(*lines), own, others]), terminal_size=size)
