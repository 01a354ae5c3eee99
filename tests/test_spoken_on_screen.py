"""In which language the screen speaks."""

import re
from collections.abc import Awaitable, Callable, Iterable
from string import ascii_letters
from typing import Any, cast

import pytest

from chat_server.protocol.events import AccountShown, Event, LoggedIn, Welcomed
from chat_server.protocol.setting_events import SettingShown
from chat_server.wire.render.languages import Translator
from chat_tui import language
from chat_tui.client import entry_words
from chat_tui.client.account_words import RECOVERY, account
from chat_tui.client.calling import Line
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.trust import About
from chat_tui.language import say
from chat_tui.ui.screens.account import AccountScreen
from chat_tui.ui.screens.asking import ConfirmPasteScreen
from chat_tui.ui.screens.codes import RecoveryScreen
from doubts import distrusted
from stories import Pilot, StoryApp, play, settle, story, welcome
from test_devices_screen import DETAILS, devices, open_devices


def test_the_screen_changes_its_language_with_the_servers() -> None:
    app: Any = story()
    assert isinstance(app, StoryApp)

    async def act(pilot: Pilot) -> None:
        await settle(pilot)
        assert "Here" in app.screen_text()
        app.tell(SettingShown("language", "zh"), ref="typed")
        await settle(pilot)
        shown = app.screen_text()
        for word in ("在线", "房间", "星期", "退出", "写给"):
            assert word in shown
        assert "Here" not in shown
        assert " quit" not in shown
        app.tell(SettingShown("language", "en"), ref="typed")
        await settle(pilot)
        assert "在线" not in app.screen_text()

    play(app, act, size=(120, 30))


class Marked(Translator):
    """A language whose every sentence is English, with a mark on each of its letters."""

    def __init__(self) -> None:
        super().__init__("en")
        self.language = "marked"

    def text(self, sentence: str, /, **details: object) -> str:
        return marked(sentence).format_map(details)

    def word(self, word: str) -> str:
        return marked(word)

    def count(self, one: str, many: str, number: float, /, **details: object) -> str:
        return marked(one if number == 1 else many).format_map({"number": number, **details})


def marked(sentence: str) -> str:
    """The sentence in capital-like letters of the same width that stand in no English text; what is in braces is left."""
    parts = re.split(r"(\{[^}]*\})", sentence)
    return "".join(part if part.startswith("{") else part.translate(MARKS) for part in parts)


MARKS = {ord(letter): 0x0250 + at for at, letter in enumerate(ascii_letters)}
NAMES = ("chat", "example", "org", "tui", "trust", "plaintext", "sha", "tls")
"""Of this program, of its commands and flags, and of things that are called so in every language."""

KEYS = [
    "ctrl",
    "alt",
    "shift",
    "esc",
    "enter",
    "tab",
    "up",
    "down",
    "home",
    "end",
    "pageup",
    "pagedown",
    "left",
    "right",
    "backspace",
]


def names_and_words(events: Iterable[Event], *, with_commands: bool) -> set[str]:
    """What others have said, and what they, rooms and keys are called; and how the server explains its commands, if it is asked."""
    events = [event for event in events if with_commands or not isinstance(event, Welcomed)]
    said = " ".join([*map(repr, events), repr(DETAILS), repr(devices())]).replace("\\n", " ")
    return {word.casefold() for word in re.findall(r"[A-Za-z]{2,}", said)} | {*KEYS, *NAMES}


async def _offline(app: StoryApp, pilot: Pilot) -> None:
    app.connection_changed(ConnectionChanged(Status.WAITING, say("nothing listens there")))


async def _line(app: StoryApp, pilot: Pilot) -> None:
    app.connection_changed(ConnectionChanged(Status.ONLINE, line=Line.ENCRYPTED, details=DETAILS))
    await pilot.press("f4")


async def _devices(app: StoryApp, pilot: Pilot) -> None:
    await open_devices(app, pilot)
    app.answer("devices", devices())


async def _search(app: StoryApp, pilot: Pilot) -> None:
    app.main.searching.search.later = lambda _seconds, _ask: None  # type: ignore[assignment,return-value]
    await pilot.press("ctrl+f", "7", "enter")


async def _connect(app: StoryApp, pilot: Pilot) -> None:
    await pilot.press("f3")


async def _help(app: StoryApp, pilot: Pilot) -> None:
    await pilot.press("f1")


async def _jump(app: StoryApp, pilot: Pilot) -> None:
    await pilot.press("ctrl+k", "7", "7")


async def _everywhere(app: StoryApp, pilot: Pilot) -> None:
    await pilot.press("alt+f")


async def _go_to(app: StoryApp, pilot: Pilot) -> None:
    await pilot.press("ctrl+g")


async def _palette(app: StoryApp, pilot: Pilot) -> None:
    await pilot.press("f2")


async def _paste(app: StoryApp, pilot: Pilot) -> None:
    app.push_screen(ConfirmPasteScreen("7\n" * 20))


async def _account(app: StoryApp, pilot: Pilot) -> None:
    app.push_screen(
        AccountScreen("ann", account(AccountShown("ann", 0.0, "member", 2, 1, "UTC"), say("the system's keyring")))
    )


async def _codes(app: StoryApp, pilot: Pilot) -> None:
    app.push_screen(RecoveryScreen(say("New recovery codes"), say(RECOVERY), ["7777"]))


async def _login(app: StoryApp, pilot: Pilot) -> None:
    app.connection_changed(ConnectionChanged(Status.REFUSED, "7", code="name-registered", asks_proof=True))


def _trust(about: About) -> Callable[[StoryApp, Pilot], Awaitable[None]]:
    async def act(app: StoryApp, _: Pilot) -> None:
        app.connection_changed(distrusted(about))

    return act


async def _nothing(app: StoryApp, pilot: Pilot) -> None:
    """What is there at once."""


@pytest.mark.parametrize(
    "act",
    [
        *(_nothing, _offline, _line, _devices, _search, _connect, _help, _jump, _everywhere, _go_to, _palette, _paste),
        *(_account, _codes, _login, *(_trust(about) for about in About)),
    ],
)
@pytest.mark.parametrize("is_anywhere", [True, False])
def test_every_sentence_on_the_screen_comes_from_the_catalogue(
    act: Callable[[StoryApp, Pilot], Awaitable[None]], is_anywhere: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(language._Speech, "translator", Marked())
    monkeypatch.setattr(entry_words, "translator_for", lambda _: Marked())
    told: list[Event] = list(cast("Any", story())._story) if is_anywhere else [welcome(), LoggedIn("ann")]
    app = StoryApp(told)

    async def play_it(pilot: Pilot) -> None:
        await settle(pilot)
        await act(app, pilot)
        await settle(pilot)
        shown = {word.casefold() for word in re.findall(r"[A-Za-z]{2,}", app.screen_text())}
        assert shown - names_and_words(told, with_commands=act is _help) == set()

    play(app, play_it, size=(100, 60))
