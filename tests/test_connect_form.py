"""The form for connecting: what is wrong is said where it is, and what was written stays, with a story instead of a network."""

import time
from collections.abc import Iterator

import pytest
from textual.widgets import Input, Static

from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.known_servers import Known
from chat_tui.client.trust import AUTHORITY
from chat_tui.settings import parse_address
from on_screen import program
from stories import Pilot, Stage, StoryApp, beginning, play, said, settle

__all__ = ["program"]


def test_a_server_that_does_not_want_us_is_told_on_the_connect_screen() -> None:
    app = StoryApp(is_online=False)

    async def act(pilot: Pilot) -> None:
        app.connection.status = Status.WAITING
        app.connection_changed(ConnectionChanged(Status.WAITING, "nothing listens there", time.monotonic() + 1))
        await settle(pilot)
        assert "Tried 127.0.0.1, port 5000: nothing listens there." in app.screen_text().replace("\n", " ")
        app.screen.query_one("#nick", Input).value = "x y"
        await pilot.press("enter")
        await settle(pilot)
        assert "A name has" in app.screen_text()
        app.screen.query_one("#nick", Input).value = "anna"
        await pilot.press("enter")
        await settle(pilot)
        assert (app.connection.tries, app.connection.identity.nick) == (1, "anna")

    play(app, act)


def with_lately(*servers: str) -> StoryApp:
    app = StoryApp(is_online=False)
    for number, server in enumerate(servers, 1):
        app._caller.servers._in_memory[server] = Known(AUTHORITY, "2026-11-01", f"2026-11-0{number}")
    return app


@pytest.mark.parametrize("size", [(80, 24), (40, 15)])
def test_the_form_offers_the_servers_of_lately_and_a_key_connects_to_one(size: tuple[int, int]) -> None:
    app = with_lately("a.example:5000", "b.example:5001", "[::1]:5002")

    async def act(pilot: Pilot) -> None:
        await pilot.press("f3")
        await settle(pilot)
        assert "Alt+1  [::1]:5002" in app.screen_text()
        assert "Alt+2  b.example:5001" in app.screen_text()
        app.screen.query_one("#why", Static).update("three rows of why\n" * 3)
        await settle(pilot)
        assert "Alt+2  b.example:5001" in app.screen_text(), "there is a place for both"
        assert "a.example" not in app.screen_text()
        await pilot.press("alt+2")
        await settle(pilot)
        assert (app.client.connection.host, app.client.connection.port) == ("b.example", 5001)

    play(app, act, size=size)


@pytest.mark.parametrize(("size", "rule"), [((80, 24), True), ((80, 23), False)])
def test_what_is_wrong_in_a_form_stands_in_the_frame_of_its_field_if_it_has_one(
    size: tuple[int, int], rule: bool, program: Stage
) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("f3")
        await settle(pilot)
        assert ("letters, digits, - and _" in app.screen_text()) is rule
        app.screen.query_one("#nick", Input).value = "x y"
        await pilot.press("enter")
        await settle(pilot)
        row = next(row for row in app.screen_text().split("\n") if "✗ A name has" in row)
        assert ("╯" in row) is rule
        app.screen.query_one("#nick", Input).value = "xy"
        await settle(pilot)
        assert "✗" not in app.screen_text()
        await pilot.press("escape")
        await settle(pilot)

    program.play(act, beginning(), size=size)


def test_another_server_can_be_tried_from_the_connect_screen() -> None:
    app = StoryApp(is_online=False)

    async def act(pilot: Pilot) -> None:
        app.connection_changed(ConnectionChanged(Status.WAITING, "nothing listens there", time.monotonic() + 1))
        await settle(pilot)
        app.screen.query_one("#address", Input).value = "192.0.2.1:99999"
        await pilot.press("enter")
        await settle(pilot)
        assert "a port is a number from 1 to 65535" in app.words()
        app.screen.query_one("#address", Input).value = "[::1]:5001"
        await pilot.press("enter")
        await settle(pilot)
        assert (app.client.connection.host, app.client.connection.port) == ("::1", 5001)

    play(app, act)


def test_the_connect_screen_goes_away_when_the_server_is_there() -> None:
    app = StoryApp(is_online=False)

    async def act(pilot: Pilot) -> None:
        app.connection_changed(ConnectionChanged(Status.WAITING, "nothing listens", time.monotonic() + 1))
        await settle(pilot)
        assert len(app.screen_stack) == 2
        app.connection_changed(ConnectionChanged(Status.ONLINE))
        app.tell(*beginning(), *said("there"))
        await settle(pilot)
        assert len(app.screen_stack) == 1
        assert "there" in app.screen_text()

    play(app, act)


def failing() -> StoryApp:
    app = StoryApp(is_online=False)
    app.connection.status = Status.WAITING
    return app


def lose(app: StoryApp, why: str = "nothing listens there") -> None:
    app.connection_changed(ConnectionChanged(Status.CONNECTING))
    app.connection_changed(ConnectionChanged(Status.WAITING, why, time.monotonic() + 1))


@pytest.fixture(scope="module")
def form() -> Iterator[Stage]:
    stage = Stage(failing)
    yield stage
    stage.close()


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        ("", "The server's name is missing."),
        ("chat.example.org:", '"" is no port: a port is a number from 1 to 65535.'),
        ("chat.example.org:irc", '"irc" is no port: a port is a number from 1 to 65535.'),
        ("chat.example.org:0", '"0" is no port'),
        ("chat..example.org", '"chat..example.org" cannot be the name of a server.'),
        ("chat example", '"chat example" cannot be the name of a server.'),
        ("x" * 64, "cannot be the name of a server."),
        ("http://chat.example.org", "Leave out http://"),
        ("a:5000:b", '"5000:b" is no port'),
        ("[x", '"[x" cannot be the name of a server.'),
        ("[::1]:x", '"x" is no port'),
    ],
)
def test_what_is_wrong_with_an_address_is_said_and_stays_while_the_old_one_is_tried(
    address: str, wrong: str, form: Stage
) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        lose(app)
        await settle(pilot)
        app.screen.query_one("#address", Input).value = address
        await pilot.press("enter")
        await settle(pilot)
        for _ in range(3):
            lose(app)
            await settle(pilot)
            shown = app.words()
            assert wrong in shown
            assert "Write it as chat.example.org or chat.example.org:5000." in shown
        await pilot.press("x")
        await settle(pilot)
        assert "Write it as" not in app.screen_text(), "it is being mended"

    form.play(act)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("chat.example.org", ("chat.example.org", 5000)),
        (" chat.example.org:6000 ", ("chat.example.org", 6000)),
        ("localhost:1", ("localhost", 1)),
        ("chat.example.org.", ("chat.example.org.", 5000)),
        ("聊天.example", ("聊天.example", 5000)),
        ("192.0.2.1", ("192.0.2.1", 5000)),
        ("::1", ("::1", 5000)),
        ("fe80::1%eth0", ("fe80::1%eth0", 5000)),
        ("[2001:db8::1]:6000", ("2001:db8::1", 6000)),
        ("[::1]", ("::1", 5000)),
    ],
)
def test_an_address_is_understood(written: str, meant: tuple[str, int]) -> None:
    assert parse_address(written) == meant


def test_esc_leaves_the_form_for_the_chat_and_f3_brings_it_back() -> None:
    app = failing()

    async def act(pilot: Pilot) -> None:
        lose(app)
        await settle(pilot)
        assert len(app.screen_stack) == 2
        await pilot.press("escape")
        lose(app)
        await settle(pilot)
        assert len(app.screen_stack) == 1, "it does not come back by itself"
        assert "Not connected to 127.0.0.1" in app.screen_text()
        await pilot.press("f3")
        await settle(pilot)
        assert len(app.screen_stack) == 2

    play(app, act)


def test_a_form_in_which_one_writes_is_not_taken_away_by_a_connection_to_the_old_server() -> None:
    app = failing()

    async def act(pilot: Pilot) -> None:
        lose(app)
        await settle(pilot)
        app.screen.query_one("#address", Input).value = "elsewhere.example"
        app.connection_changed(ConnectionChanged(Status.ONLINE))
        await settle(pilot)
        assert len(app.screen_stack) == 2
        assert "You are connected to 127.0.0.1" in app.screen_text()

    play(app, act)


@pytest.mark.parametrize("code", ["name-taken", "name-like-another"])
def test_for_a_name_that_is_taken_or_looks_like_one_a_free_one_is_proposed(code: str) -> None:
    app = failing()

    async def act(pilot: Pilot) -> None:
        for name in ("ann2", "ann_", "ann3"):
            app.connection_changed(ConnectionChanged(Status.REFUSED, "ann is taken.", code=code))
            await settle(pilot)
            assert app.screen.query_one("#nick", Input).value == name
            assert f"{name} may be free; Enter tries it." in app.words()
            await pilot.press("enter")
            await settle(pilot)
            assert app.connection.identity.nick == name

    play(app, act)


def test_another_name_on_the_same_server_is_asked_for_where_there_is_a_connection(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("f3")
        await settle(pilot)
        app.screen.query_one("#nick", Input).value = "anna"
        await pilot.press("enter")
        await settle(pilot)
        assert app.connection.last("nick")["nick"] == "anna"

    program.play(act, beginning())
