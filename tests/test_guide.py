"""docs/guide-tui.md: each key and command in it is played, in the order of its sections, and does what the guide says."""

import re
import shlex
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from chat_server.protocol import code_events, events
from chat_server.protocol.alias_events import AliasSet
from chat_server.protocol.conversation_events import ConversationsListed, Conversing
from chat_server.protocol.entries import Found, Said
from chat_server.protocol.events import Event, Refused
from chat_server.protocol.setting_events import SettingShown
from chat_tui.actions import ACTIONS, shown_key
from chat_tui.arguments import parser
from chat_tui.client.local_store import LocalStore
from chat_tui.settings import Profile, Settings
from chat_tui.ui.screens.account import AccountScreen
from chat_tui.ui.screens.bare import BareScreen
from chat_tui.ui.screens.codes import CodeScreen
from chat_tui.ui.screens.connecting import ConnectScreen
from chat_tui.ui.screens.devices import DevicesScreen
from chat_tui.ui.screens.form import FormScreen
from chat_tui.ui.screens.help import HelpScreen
from chat_tui.ui.screens.line import LineScreen
from chat_tui.ui.server import Wanted
from on_screen import program
from processes import ROOT, dictionary
from stories import NOON, SIZE, Pilot, Stage, StoryApp, play, said, settle
from test_rights_on_screen import WELCOME
from test_spelling import opened, underlined

__all__ = ["program"]

GUIDE = (ROOT / "docs" / "guide-tui.md").read_text(encoding="utf-8")
LATE = NOON + 3600
LINK = "https://example.org/parser"

# What the guide has.

KEY = re.compile(r"(?:(?:Ctrl|Alt|Shift)\+)*(?:F\d+|Enter|Tab|Esc|Up|Down|Home|End|Page(?:Up|Down)|[^ ])")
WIRE_NAMES = {shown_key(action.keys): action.keys for action in ACTIONS}


def sections() -> dict[str, str]:
    """The text of each section by its heading."""
    return dict(re.findall(r"^#+ (.*)\n((?:(?!#+ ).*\n)*)", prose(), re.MULTILINE))


def prose() -> str:
    return re.sub(r"```sh\n.*?```\n", "", GUIDE, flags=re.DOTALL)


IN_THE_GUIDE = {(title, code) for title, text in sections().items() for code in re.findall(r"`([^`]+)`", text)}
"""Each key, command and word to type, with the section where it stands."""


def key_of(code: str) -> str | None:
    """The key as Textual has it; None where this is something to type."""
    if not KEY.fullmatch(code):
        return None
    return code if len(code) == 1 else WIRE_NAMES.get(code, code.lower())


async def do(app: StoryApp, pilot: Pilot, code: str) -> None:
    """Press this key, or type this and press Enter, wherever one writes."""
    if key := key_of(code):
        await pilot.press(key)
    elif app.focused is app.prompt:
        app.prompt.put(code)
        await pilot.press("enter")
    else:
        await pilot.press(*("space" if letter == " " else letter for letter in code), "enter")
    await settle(pilot)


# What is seen.

Sees = Callable[[StoryApp], bool]


def shown(*words: str) -> Sees:
    return lambda app: all(word in app.screen_text() for word in words)


def marked(words: str) -> Sees:
    """The row with these words is the one that is marked."""
    return lambda app: any("▌" in row and words in row for row in app.screen_text().split("\n"))


def told(sentence: str) -> Sees:
    return lambda app: sentence in app.toasts()


def gone(*words: str) -> Sees:
    return lambda app: not any(word in app.screen_text() for word in words)


def asked(do: str, **fields: object) -> Sees:
    """The server is asked for this."""
    return lambda app: any(word == do and fields.items() <= given.items() for word, given in app.connection.asked)


def sent(text: str, do: str = "say", re: int = 0) -> Sees:
    return lambda app: any((one.text, one.do, one.re) == (text, do, re) for one in app.connection.said)


def here(room: str) -> Sees:
    return lambda app: app.current is not None and app.current.name == room


def chosen(number: int | None) -> Sees:
    return lambda app: app.chat.drawing.chosen == number


def written(text: str) -> Sees:
    return lambda app: app.prompt.text == text


def screen(kind: type) -> Sees:
    return lambda app: isinstance(app.screen, kind)


def unread(number: int) -> Sees:
    return lambda app: app.current is not None and app.current.unread == number


def room_rows(app: StoryApp) -> list[str]:
    return [f"{item.content.plain} {item.end.plain}".strip() for item in app.main.panes.rooms.items if item.key]


def first_rooms(*rows: str) -> Sees:
    return lambda app: room_rows(app)[: len(rows)] == [*rows]


# Where it is seen.

ROOMS = events.RoomsListed((("python", 4), ("pm", 1), ("write", 7)))
LOGGED_IN: list[Event] = [WELCOME, events.LoggedIn("ann", "t" * 22), ROOMS]
TALK: list[Event] = [
    *LOGGED_IN,
    events.Entered("python", ("bob", "Carol", "dave"), 0, "", 0, roles={"bob": "owner"}),
    events.Entered("pm", (), 0, "", 0),
    Said("python", 41, LATE - 300, "ann", "is the new parser in?"),
    Said("python", 42, LATE - 240, "bob", f"since yesterday: {LINK}"),
    Said("python", 43, LATE - 180, "Carol", "great"),
    Said("python", 44, LATE - 60, "ann", "it works", re=42, edited=45),
]
"""Ann is in two rooms; to choose 44 one goes up once, 43 twice, 42 three times."""
LONG = [*TALK[:5], *said(*(f"line {number}" for number in range(1, 101)))]
UP = "alt+up"
FOUND = Found("parser", (("python", (Said("python", 42, NOON, "bob", "the parser"),)),), False, 0, "")


def two() -> StoryApp:
    """At home and at work."""
    work = Wanted(Profile("work.example.org", 5000, "ann"), lambda _, __: LocalStore(None), "work")
    return StoryApp(TALK, name="home", more=[work])


def finding() -> StoryApp:
    """At home, with work among the profiles."""
    wanted = Wanted(Profile("work.example.org", 5000, "ann"), lambda _, __: LocalStore(None), "work")
    return StoryApp(TALK, name="home", find=lambda _: wanted)


def spelling() -> StoryApp:
    return StoryApp(TALK, settings=Settings(spelling=dictionary("en_US")))


async def fail_a_line(app: StoryApp, pilot: Pilot) -> None:
    app.prompt.put("precious")
    await pilot.press("enter")
    app.tell(events.NotStored("python", 46, app.connection.said[0].key))


async def lose_sight(app: StoryApp, pilot: Pilot) -> None:
    app.tell(events.Joined("python", ("zed",)), *said("hi", first=45, at=LATE - 3000))


async def have_read(app: StoryApp, pilot: Pilot) -> None:
    assert app.current is not None
    app.client.mark_read(app.current)


async def have_unread(app: StoryApp, pilot: Pilot) -> None:
    await have_read(app, pilot)
    assert app.current is not None
    app.current.mark_unread(42, "ann")
    app.tell(Said("pm", 1, NOON, "bob", "ann!"), Said("pm", 2, NOON, "bob", "hm"))


async def have_sent(app: StoryApp, pilot: Pilot) -> None:
    app.prompt.remember(["make test", "hello bob", "make it so"])
    app.client.saved.typed = ["make test", "hello bob", "make it so"]


async def select(app: StoryApp, pilot: Pilot) -> None:
    rows = app.screen_text().split("\n")
    row = next(number for number, text in enumerate(rows) if "great" in text)
    column = rows[row].index("great")
    await pilot.mouse_down(offset=(column, row))
    await pilot.hover(offset=(column + 5, row))
    await pilot.mouse_up(offset=(column + 5, row))


async def write_to_dave(app: StoryApp, pilot: Pilot) -> None:
    app.tell(ConversationsListed((Conversing("@dave", 4, 4, is_request=True),)))


async def misspell(app: StoryApp, pilot: Pilot) -> None:
    await pilot.press(*"hello", "space", *"wrold", "space")
    await opened(app, pilot)
    assert underlined(app.prompt) == ["wrold"]
    await pilot.press("backspace")


def with_answer(do: str, *told: Event) -> Callable[[StoryApp], None]:
    return lambda app: app.answer(do, *told)


class After(NamedTuple):
    """What comes of a key or command: not seen before it, and seen after it."""

    sees: Sees
    before: tuple[str, ...] = ()
    """Keys to press first."""
    story: list[Event] = TALK
    first: Any = None
    """What happens before these keys."""
    then: Callable[[StoryApp], None] | None = None
    """What happens after it, and before one looks."""
    make: Callable[[], StoryApp] | None = None
    """A program of its own."""
    size: tuple[int, int] = SIZE


WIDE = (160, 40)
WORDS = (*"hello", "space", *"bob", "space", *"there")
GUIDED: dict[str, dict[str, After | tuple[After, ...]]] = {
    "Your first week with chat-tui": {
        "F1": After(screen(HelpScreen)),
        "F2": After(lambda app: len(app.screen_stack) == 2),
    },
    "The first screen": {
        "Alt+1": After(asked("join", room="write"), story=LOGGED_IN),
        "/join write": After(asked("join", room="write"), story=LOGGED_IN),
        "/rooms": After(asked("rooms"), story=LOGGED_IN),
        "/create garden": After(asked("create", room="garden"), story=LOGGED_IN),
        "Ctrl+K": After(shown("Go to")),
        "Down": After(shown("▌ Alt+2"), story=LOGGED_IN),
        "Up": After(shown("▌ Alt+1"), ("down",), story=LOGGED_IN),
        "Enter": (
            After(asked("join", room="write"), story=LOGGED_IN),
            After(here("pm"), ("ctrl+k", "p", "m")),
        ),
        "Ctrl+N": After(here("pm")),
        "Ctrl+P": After(here("python"), ("ctrl+n",)),
        "Alt+2": After(here("pm")),
        "/back": After(asked("back")),
        "Ctrl+Q": After(lambda app: app.return_code == 0, make=lambda: StoryApp(TALK)),
    },
    "Saying something": {
        "Enter": After(sent("hi"), ("h", "i")),
        "Ctrl+J": After(written("h\n"), ("h",)),
        "Tab": (
            After(written("/topic "), tuple("/top")),
            After(written("/join write "), (*"/join", "space", *"wri")),
            After(written("Carol: "), tuple("Car")),
            After(written("🚀"), tuple(":rocket")),
        ),
        "/me waves": After(sent("waves", "me")),
        "/topic All things Python": After(sent("All things Python", "topic")),
        "*word*": After(lambda app: shown("  word  ")(app) and gone("*word*")(app)),
        "**word**": After(lambda app: shown("  word  ")(app) and gone("*word*")(app)),
    },
    "Reading back": {
        "PageUp": After(gone("line 100"), story=LONG),
        "PageDown": After(shown("line 70"), ("pageup", "pageup"), LONG),
        "Esc": (After(shown("line 100"), ("pageup",), LONG), After(gone("Search:"), ("ctrl+f",), LONG)),
        "End": After(shown("line 100"), ("pageup",), LONG),
        "Ctrl+Home": After(shown("line 1 "), story=LONG),
        "Ctrl+End": After(shown("line 100"), ("ctrl+home",), LONG),
        "Alt+U": After(shown("line 1 "), story=LONG),
        "Ctrl+F": After(shown("Search:")),
        "Enter": (
            After(marked("line 80"), ("ctrl+f", *"line", "space", *"80"), LONG),
            After(asked("search", words="parser", everywhere=True), ("alt+f", *"parser")),
        ),
        "Down": After(marked("line 100"), ("ctrl+f", *"0", "enter", "enter"), LONG),
        "Alt+F": After(shown("Search in all rooms")),
        "Ctrl+G": After(lambda app: len(app.screen_stack) == 2),
        "2026-11-20": After(asked("date", room="python", day="2026-11-20"), ("ctrl+g",)),
        "monday": After(asked("date", room="python", day="2026-11-23"), ("ctrl+g",)),
        "yesterday 14:00": After(asked("date", room="python", day="2026-11-23"), ("ctrl+g",)),
        "/search parser": After(shown("bob: the parser", "1 line found"), then=with_answer("search", FOUND)),
        "/mentions": After(asked("mentions")),
    },
    "Answering a line": {
        "Alt+Up": (After(chosen(44)), After(chosen(43), (UP,))),
        "Alt+Down": After(chosen(44), (UP, UP)),
        "r": After(shown("Reply to Carol"), (UP, UP)),
        "q": After(written("> great\n"), (UP, UP)),
        "e": After(written("it works"), (UP,)),
        "+": After(lambda app: len(app.screen_stack) == 2, (UP, UP)),
        "d": After(shown("Delete"), (UP,)),
        "y": After(lambda app: app.clipboard == "great", (UP, UP)),
        "o": After(lambda app: app.clipboard == LINK, (UP, UP, UP)),
        "g": After(chosen(42), (UP,)),
        "w": After(asked("whois", nick="Carol"), (UP, UP)),
        "v": After(asked("versions", number=44), (UP,)),
        "!": After(lambda app: len(app.screen_stack) == 2, (UP, UP)),
        "Enter": (
            After(sent("yes", re=43), (UP, UP, "r", *"yes")),
            After(asked("react", number=43, sign="🚀"), (UP, UP, "+", *"rocke")),
            After(shown("Reply", "Quote it", "React", "Report it"), (UP, UP)),
        ),
        "Esc": After(chosen(None), (UP,)),
        "Up": After(written("it works")),
        "Alt+L": After(shown("#44")),
        "/re 42 Thank you": After(sent("Thank you", re=42)),
        "/edit 44 It works now": After(asked("edit", number=44, text="It works now")),
        "/react 42 :rocket:": After(asked("react", number=42, sign=":rocket:")),
        "/versions 44": After(asked("versions", number=44)),
        "/delete 44": After(asked("delete", number=44)),
    },
    "People": {
        "/whois bob": After(asked("whois", nick="bob")),
        "/seen bob": After(asked("seen", nick="bob")),
        "/msg bob Are you there?": (
            After(asked("msg", nick="bob", text="Are you there?")),
            After(
                lambda app: "3 ● bob" in room_rows(app),
                then=with_answer("msg", Said("@bob", 1, LATE, "ann", "Are you there?")),
            ),
        ),
        "/msg bob": After(here("@bob"), then=with_answer("msg", events.Entered("@bob", (), 0, "", 0))),
        "/accept dave": After(asked("accept", nick="dave"), first=write_to_dave),
        "/block dave": After(asked("block", nick="dave")),
        "/unblock dave": After(asked("unblock", nick="dave")),
        "/away Back at two": After(asked("away", text="Back at two")),
        "/typing on": After(asked("typing", typing="on")),
        "/receipts on": After(asked("receipts", receipts="on")),
    },
    "What counts": {
        "Alt+A": After(here("pm"), first=have_unread),
        "/read all": After(first_rooms("1 python", "2 pm"), first=have_unread),
        "Alt+E": After(unread(0), first=have_unread),
        "/read": After(unread(0), first=have_unread),
        "Alt+W": After(lambda app: app.current is not None and app.current.unread > 20, ("pageup",), LONG, have_read),
        "/unread 43": After(unread(1), first=have_read),
        "Alt+I": After(first_rooms("1 pm", "2 python"), ("ctrl+n",), first=have_read),
        "/pin": After(first_rooms("1 pm", "2 python"), ("ctrl+n",), first=have_read),
        "Alt+Q": After(first_rooms("1 pm", "2 python"), first=have_read),
        "/quiet": After(first_rooms("1 pm", "2 python"), first=have_read),
        "/notify all": After(told("In python you are notified of every line.")),
        "/notify mentions": After(told("In python you are notified of lines that name you.")),
        "/notify nothing": After(told("In python you are notified of nothing.")),
        "/notify settings": After(told("In python you are notified of what the settings say.")),
        "Alt+J": After(gone("zed joined"), first=lose_sight),
        "/joins": After(gone("zed joined"), first=lose_sight),
        "Alt+O": After(shown("For python", "Notify", "Mute", "Pin", "Mark as read")),
    },
    "Two rooms at once": {
        "Alt+V": (
            After(lambda app: app.main.panes.sides.are_two, size=WIDE),
            After(lambda app: not app.main.panes.sides.are_two, ("alt+v",), size=WIDE),
        ),
        "Alt+C": After(here("pm"), ("alt+v",), size=WIDE),
        "/split pm": After(lambda app: app.main.panes.sides.are_two, size=WIDE),
    },
    "Several servers": {
        "/connect work": After(lambda app: "● work" in room_rows(app), make=finding),
        "/disconnect": After(lambda app: "● home" not in room_rows(app), make=two),
    },
    "What you typed before": {
        "Up": After(written("make it so"), ("x",), first=have_sent),
        "Down": After(written("make it so"), ("x", "up", "up"), first=have_sent),
        "Ctrl+R": (
            After(shown("Sent before"), first=have_sent),
            After(written("make test"), ("ctrl+r", *"make"), first=have_sent),
        ),
        "Enter": After(sent("hello bob"), ("ctrl+r", *"bob"), first=have_sent),
        "Esc": After(
            lambda app: written("hello bob")(app) and gone("Sent before")(app), ("ctrl+r", *"bob"), first=have_sent
        ),
        "Ctrl+Z": After(written("hello bob there"), (*WORDS, "ctrl+w")),
        "Ctrl+Y": After(written("hello bob "), (*WORDS, "ctrl+w", "ctrl+z")),
        "Ctrl+W": After(written("hello bob "), WORDS),
        "Ctrl+U": After(written(""), WORDS),
        "Ctrl+A": After(lambda app: app.prompt.cursor_location == (0, 0), WORDS),
        "Ctrl+E": After(lambda app: app.prompt.cursor_location == (0, 15), (*WORDS, "ctrl+a")),
        "Alt+K": After(shown(f"{LINK}  bob")),
        "Alt+X": After(screen(BareScreen)),
        "/links": After(shown(f"{LINK}  bob")),
        "Ctrl+C": After(lambda app: app.clipboard == "great", first=select),
        "/alias brb /me is back soon": After(asked("alias", name="brb", text="/me is back soon")),
        "/brb": After(
            sent("is back soon", "me"), story=[*TALK, AliasSet("brb", "/me is back soon")]
        ),
        "Tab": After(written("hello world"), first=misspell, make=spelling),
    },
    "The look": {
        "F9": After(lambda app: app.theme == "chat-light"),
        "F7": (After(lambda app: not app.main.panes.rooms.display), After(lambda app: app.main.panes.rooms.display, ("f7",))),
        "F8": (After(lambda app: not app.main.panes.people.display), After(lambda app: app.main.panes.people.display, ("f8",))),
        "/lang zh": After(shown("人"), then=with_answer("lang", SettingShown("language", "zh"))),
        "/lang en": After(asked("lang", language="en")),
    },
    "Your name": {
        "/register": After(screen(FormScreen), then=with_answer("register", Refused("password-missing"))),
        "F12": After(screen(AccountScreen), then=with_answer("account", events.AccountShown("ann", NOON, "owner", 2, 2, "UTC"))),
        "/account": After(screen(AccountScreen), then=with_answer("account", events.AccountShown("ann", NOON, "owner", 2, 2, "UTC"))),
        "/code device": After(screen(CodeScreen), then=with_answer("code", code_events.CodeMade("ann", "7K3M-Q9TZ", 10))),
        "/password": After(screen(FormScreen), then=with_answer("password", Refused("wrong-password"))),
        "F6": After(screen(DevicesScreen)),
        "F3": After(screen(ConnectScreen)),
    },
    "When the line breaks": {
        "F5": After(lambda app: app.connection.tries == 1),
        "Alt+R": After(lambda app: len(app.connection.said) == 2, first=fail_a_line),
        "Alt+D": After(written("precious"), first=fail_a_line),
        "F4": After(screen(LineScreen)),
    },
}  # fmt: skip
"""What comes of each key and command of the guide, by the headings of its sections."""

PLAYED = [
    pytest.param(code, after, id=f"{title}: {code}")
    for title, codes in GUIDED.items()
    for code, given in codes.items()
    for after in ((given,) if isinstance(given, After) else given)
]


def test_the_guide_has_no_key_and_no_command_that_is_not_played_and_none_is_played_that_it_has_not() -> None:
    assert {(title, code) for title, codes in GUIDED.items() for code in codes} == IN_THE_GUIDE


@pytest.mark.parametrize(("code", "after"), PLAYED)
def test_a_key_or_command_of_the_guide_does_what_the_guide_says(
    code: str, after: After, program: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat_tui.ui.terminal.has_desktop", lambda: False)

    async def act(app: StoryApp, pilot: Pilot) -> None:
        if after.first:
            await after.first(app, pilot)
            await settle(pilot)
        for key in after.before:
            await pilot.press(key)
        await settle(pilot)
        assert not after.sees(app), "it would be seen without it"
        await do(app, pilot, code)
        if after.then:
            after.then(app)
            await settle(pilot)
        assert after.sees(app), app.screen_text()

    if after.make:
        app = after.make()
        play(app, lambda pilot: act(app, pilot), size=after.size)
    else:
        program.play(act, after.story, size=after.size)


COMMANDS: dict[str, dict[str, object]] = {
    "chat-tui chat.example.org --nick ann": {"address": ["chat.example.org"], "nick": "ann"},
    "chat-tui home work": {"address": ["home", "work"]},
    "chat-tui --slow-link chat.example.org": {"address": ["chat.example.org"], "slow_link": True},
    "chat-tui --plain chat.example.org": {"address": ["chat.example.org"], "plain": True},
}


def test_the_commands_of_the_shell_in_the_guide_are_understood() -> None:
    blocks = "".join(re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL))
    assert blocks.splitlines() == [*COMMANDS]
    for command, meant in COMMANDS.items():
        understood = vars(parser().parse_args(shlex.split(command)[1:]))
        assert meant.items() <= understood.items()
