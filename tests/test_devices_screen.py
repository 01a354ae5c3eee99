"""The screens for one's devices and for the line that is in use: what they say, what they ask for, and that no key does harm by mistake."""

from typing import Any

import pytest
from msgspec.structs import replace

from chat_server.protocol.described import DeviceShown, NetworkShown
from chat_server.protocol.events import Answered, DevicesListed, Refused
from chat_tui.client.calling import Line, LineDetails
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.known_servers import Known
from chat_tui.client.line_words import words_for_line
from chat_tui.client.trust import AUTHORITY, PLAINTEXT
from chat_tui.ui.screens.asking import ConfirmScreen
from chat_tui.ui.screens.devices import DevicesScreen
from chat_tui.ui.screens.line import LineScreen
from stories import NOON, Pilot, StoryApp, beginning, play, settle

FINGERPRINT = "sha256:" + "9f86d081884c7d65" * 4
GROUPS = " ".join(["9f86 d081 884c 7d65"] * 2)
NO_DETAILS = LineDetails()
DETAILS = LineDetails("TLSv1.3", "TLS_AES_256_GCM_SHA384", FINGERPRINT, Known(FINGERPRINT, "2026-11-20", "2026-11-28"))


def devices() -> DevicesListed:
    """The laptop in hand, a telephone that is here, and a bot that was here yesterday."""
    return DevicesListed(
        (
            DeviceShown(3, "chat-tui", "device", NOON - 86400 * 9, NOON, "192.0.2.0/24", True, True),
            DeviceShown(5, "telephone", "device", NOON - 86400 * 2, NOON - 60, "2001:db8:1::/48", True, False),
            DeviceShown(8, "[b]dice[/b]", "bot", NOON - 86400 * 2, NOON - 86400, "", False, False, NOON, ("games",)),
        ),
        2,
        "UTC",
    )


async def open_devices(app: StoryApp, pilot: Pilot, *keys: str) -> None:
    await pilot.press(*(keys or ("f6",)))
    await settle(pilot)
    assert isinstance(app.screen, DevicesScreen)
    app.answer("devices", devices())
    await settle(pilot)


def words_on(app: StoryApp) -> str:
    """What the screen says, wherever its rows end."""
    return app.words()


def asked(app: StoryApp, do: str) -> list[object]:
    return [fields.get("device") for word, fields in app.connection.asked if word == do]


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (200, 50)])
def test_devices_are_listed_with_this_one_marked(size: tuple[int, int]) -> None:
    app = StoryApp(beginning())

    async def act(pilot: Pilot) -> None:
        await open_devices(app, pilot)
        shown = words_on(app)
        for words in ("Your devices", "and 2 terminals", "chat-tui", "this one", "telephone", "here now"):
            assert words in shown
        await pilot.press("down", "down")
        await settle(pilot)
        assert "[b]dice[/b" in words_on(app), "a name is no markup"
        assert (
            "Number 8, a bot's token, in games, until 2026-11-24 12:00, since 2026-11-22. Last here 2026-11-23 12:00."
            in words_on(app)
        )
        assert ("d drops it, o all others" if size[0] < 60 else "d drops it, o all others · Esc goes back") in words_on(
            app
        )

    play(app, act, size=size)


def test_the_command_opens_the_screen_and_says_nothing_in_the_room() -> None:
    app = StoryApp(beginning())

    async def act(pilot: Pilot) -> None:
        app.prompt.put("/Devices")
        await open_devices(app, pilot, "enter")
        assert app.prompt.text == ""
        assert not app.connection.said

    play(app, act)


def test_a_device_is_dropped_after_a_question_whose_harmless_answer_has_the_keys() -> None:
    app = StoryApp(beginning())

    async def act(pilot: Pilot) -> None:
        await open_devices(app, pilot)
        for keys in (
            ["down", "d", "enter"],
            ["d", "escape"],
            ["delete", "space", "enter"],
            ["d", "d", "o", "y", "n", "enter"],
        ):
            await pilot.press(*keys)
            await settle(pilot)
            assert isinstance(app.screen, DevicesScreen)
            assert asked(app, "drop") == [], keys
        await pilot.press("d")
        await settle(pilot)
        assert isinstance(app.screen, ConfirmScreen)
        assert "Drop 5, telephone?" in app.screen_text()
        await pilot.press("right", "enter")
        await settle(pilot)
        assert asked(app, "drop") == ["5"]
        app.answer("drop", Answered(text="Dropped: 1. Connections ended: 1."))
        await settle(pilot)
        assert "Dropped: 1. Connections ended: 1." in app.screen_text()
        assert len(asked(app, "devices")) == 2, "they are listed anew"
        app.answer("devices", DevicesListed(devices().devices[:1], 0, "UTC"))
        await settle(pilot)
        assert "telephone" not in app.screen_text()
        assert "terminal" not in app.screen_text()

    play(app, act)


def test_all_others_are_dropped_after_a_question_too() -> None:
    app = StoryApp(beginning())

    async def act(pilot: Pilot) -> None:
        await open_devices(app, pilot)
        await pilot.press("o", "tab", "enter")
        await settle(pilot)
        assert asked(app, "drop") == ["others"]

    play(app, act)


@pytest.mark.parametrize("size", [(40, 12), (80, 24)])
def test_this_device_is_not_dropped_from_here(size: tuple[int, int]) -> None:
    app = StoryApp(beginning())

    async def act(pilot: Pilot) -> None:
        await open_devices(app, pilot)
        await pilot.press("d")
        await settle(pilot)
        assert isinstance(app.screen, DevicesScreen)
        assert "That is this one." in app.screen_text()
        await pilot.press("down", "down")
        await settle(pilot)
        assert "That is this one." in app.screen_text()
        assert "d drops it, o all others" in words_on(app)

    play(app, act, size=size)


def test_what_the_server_refuses_is_shown_there() -> None:
    app = StoryApp(beginning())

    async def act(pilot: Pilot) -> None:
        await pilot.press("f6")
        await settle(pilot)
        app.answer("devices", Refused("account-needed", text="That is for people with an account."))
        await settle(pilot)
        assert "That is for people with an account." in app.screen_text()
        assert "drop" not in app.screen_text(), "there is nothing to drop"
        await pilot.press("o", "d")
        await settle(pilot)
        assert isinstance(app.screen, DevicesScreen)
        assert "Esc goes back" in app.screen_text()
        await pilot.press("escape")
        app.connection.status = Status.WAITING
        await pilot.press("f6")
        await settle(pilot)
        assert "There is no connection." in app.screen_text()

    play(app, act)


def test_an_answer_that_comes_when_one_has_gone_back_disturbs_nobody() -> None:
    app = StoryApp(beginning())

    async def act(pilot: Pilot) -> None:
        await pilot.press("f6", "escape")
        await settle(pilot)
        app.answer("devices", devices())
        await settle(pilot)
        assert "telephone" not in app.screen_text()

    play(app, act)


# The line


def online(line: Line, details: LineDetails = NO_DETAILS) -> ConnectionChanged:
    return ConnectionChanged(Status.ONLINE, line=line, details=details)


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (200, 50)])
def test_the_line_is_shown_with_the_fingerprint_in_the_groups_that_the_server_prints(size: tuple[int, int]) -> None:
    app = StoryApp(beginning())

    async def act(pilot: Pilot) -> None:
        app.connection_changed(online(Line.ENCRYPTED, DETAILS))
        await pilot.press("f4")
        await settle(pilot)
        assert isinstance(app.screen, LineScreen)
        shown = app.screen_text()
        assert "This line is encrypted." in shown
        if size[1] > 12:
            assert GROUPS in shown
            for words in ("TLS 1.3", "2026-11-20", "chat-server fingerprint"):
                assert words in words_on(app)
        await pilot.press("f6", "escape")
        assert app.clipboard == FINGERPRINT

    play(app, act, size=size)


@pytest.mark.parametrize("typed", ["/tls", "/fingerprint"])
def test_the_command_for_the_line_opens_the_screen(typed: str) -> None:
    app = StoryApp(beginning())

    async def act(pilot: Pilot) -> None:
        app.connection_changed(online(Line.OPEN))
        app.prompt.put(typed)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, LineScreen)
        assert "This line is not encrypted." in app.screen_text()
        app.screen.dismiss()
        app.connection_changed(ConnectionChanged(Status.WAITING, "it broke"))
        await pilot.press("f4")
        await settle(pilot)
        assert "There is no connection." in app.screen_text()

    play(app, act)


def test_each_kind_of_line_says_whether_others_can_read_along_and_who_vouches() -> None:
    def said(line: Line, **known: Any) -> str:
        details = DETAILS._replace(known=Known(known.get("word", FINGERPRINT), "2026-11-20", "2026-11-28"))
        return "\n".join(words_for_line(line, details, "chat.example.org", 5000).lines())

    accepted = said(Line.ENCRYPTED)
    assert "No authority vouches for chat.example.org, port 5000." in accepted
    assert "accepted here on 2026-11-20" in accepted
    assert f"  {GROUPS}" in accepted
    vouched = said(Line.ENCRYPTED, word=AUTHORITY)
    assert "An authority that this computer trusts vouches for chat.example.org, port 5000" in vouched
    assert GROUPS in vouched
    assert "does not leave this computer" in said(Line.LOCAL)
    assert "Whoever is between here and chat.example.org, port 5000, can read" in said(Line.OPEN)
    assert "You went on without encryption on 2026-11-20." in said(Line.OPEN, word=PLAINTEXT)
    assert "You went on" not in said(Line.OPEN)


def test_the_networks_from_which_one_came_stand_beside_this_device() -> None:
    app = StoryApp(beginning())

    async def act(pilot: Pilot) -> None:
        await open_devices(app, pilot)
        assert "You came last from" not in words_on(app)
        await pilot.press("r")
        came = (NetworkShown("203.0.113.0/24", NOON), NetworkShown("192.0.2.0/24", NOON - 86400))
        app.answer("devices", replace(devices(), networks=came))
        await settle(pilot)
        assert "You came last from 203.0.113.0/24 (" in words_on(app)
        await pilot.press("down")
        assert "You came last from" not in words_on(app), "it is not of another device"

    play(app, act)
