"""Accounts on the screen, from within: what is typed unseen is found nowhere afterwards, and how it all looks."""

import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Button, Input

from account_forms import CANARY, RECOVERY, WRONG, among_others, filled, go_on, is_form, outside, refuse, words
from chat_server.protocol import code_events, events
from chat_server.protocol.events import Event, Refused, Registered
from chat_tui.client.accounts import WAYS_IN
from chat_tui.client.calling import Line
from chat_tui.client.connection import Status
from chat_tui.client.pending import Pending
from chat_tui.ui.screens.account import AccountScreen
from chat_tui.ui.screens.codes import CodeScreen, RecoveryScreen
from processes import ServerProcess, running_server, screen
from stories import NOON, Pilot, StoryApp, conversation, play, settle

SnapCompare = Callable[..., bool]


async def typed(app: StoryApp, pilot: Pilot, text: str) -> None:
    app.prompt.put(text)
    await pilot.press("enter")
    await settle(pilot)


async def answered(app: StoryApp, pilot: Pilot, do: str, *told: Event) -> None:
    app.answer(do, *told)
    await settle(pilot)


def registering(invited: bool = False) -> Callable[[StoryApp, Pilot], Awaitable[None]]:
    async def begin(app: StoryApp, pilot: Pilot) -> None:
        await typed(app, pilot, "/register")
        await answered(app, pilot, "register", Refused("invite-needed" if invited else "password-missing"))

    return begin


@pytest.mark.parametrize("invited", [False, True])
def test_registering_asks_twice_and_shows_the_recovery_codes_until_one_says_that_they_are_written_down(
    invited: bool, tmp_path: Path
) -> None:
    app = among_others(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        await registering(invited)(app, pilot)
        first = app.connection.last("register")
        assert "password" not in first
        await filled(app, pilot, CANARY, "another horse", *([""] if invited else []))
        assert "That was not the same twice." in words(app)
        assert app.connection.last("register") is first
        await filled(app, pilot, CANARY, CANARY, *(["ABCD-EFGH"] if invited else []))
        sent = app.connection.last("register")
        assert (sent["password"], sent["invite"]) == (CANARY, "ABCD-EFGH" if invited else "")
        await answered(app, pilot, "register", Registered("ann", RECOVERY, "t" * 22))
        assert isinstance(app.screen, RecoveryScreen)
        for code in RECOVERY:
            assert code.replace("-", "  ") in app.screen_text()
        assert "They are not shown again." in words(app)
        for key in ("enter", "escape", "space", "q", "y", "f1", "f3", "f5"):
            await pilot.press(key)
            await settle(pilot)
            assert isinstance(app.screen, RecoveryScreen), key
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert len(app.screen_stack) == 1
        assert not any(part in app.screen_text() for part in (CANARY, RECOVERY[0][:9], RECOVERY[0].replace("-", "  ")))

    play(app, act)
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert kept
    assert not any(secret.encode() in data for data in kept for secret in (CANARY, *RECOVERY))
    assert not any(secret in data for data in app.written for secret in (CANARY, *RECOVERY))


def test_whoever_may_not_register_is_told_so_among_the_lines() -> None:
    app = among_others()

    async def act(pilot: Pilot) -> None:
        await typed(app, pilot, "/register bob")
        assert app.connection.last("register")["nick"] == "bob"
        await answered(app, pilot, "register", Refused("register-own-name", text="You are ann here."))
        assert len(app.screen_stack) == 1
        assert "You are ann here." in words(app)

    play(app, act)


@pytest.mark.parametrize("text", ["/register", "/password", "/account close", "/code recovery"])
def test_on_an_open_line_the_ways_in_are_told_and_nothing_is_asked(text: str) -> None:
    app = among_others()

    async def act(pilot: Pilot) -> None:
        app.connection.line = Line.OPEN
        asked = len(app.connection.asked)
        await typed(app, pilot, text)
        assert len(app.screen_stack) == 1
        assert len(app.connection.asked) == asked
        assert app.current is not None
        notices = [
            entry.text for entry in app.current.timeline.entries if "not encrypted" in getattr(entry, "text", "")
        ]
        assert notices == [WAYS_IN]

    play(app, act)


@pytest.mark.parametrize(("refusal", "fields"), [("wrong-password", 3), ("password-length", 2)])
def test_the_old_password_is_asked_for_unless_one_has_just_logged_in(refusal: str, fields: int) -> None:
    app = among_others()

    async def act(pilot: Pilot) -> None:
        await typed(app, pilot, "/password")
        await answered(app, pilot, "password", Refused(refusal))
        assert len(app.screen.query(Input)) == fields
        old = ["the old horse 7"] if fields == 3 else []
        await filled(app, pilot, *old, CANARY, CANARY)
        sent = app.connection.last("password")
        assert (sent["old"], sent["new"]) == ("".join(old), CANARY)
        await answered(app, pilot, "password", Refused("wrong-password", text=WRONG))
        assert WRONG in words(app)
        await filled(app, pilot, *old, CANARY, CANARY)
        await answered(app, pilot, "password", events.Answered(text="Your password is changed."))
        assert len(app.screen_stack) == 1
        assert "Your password is changed." in words(app)

    play(app, act)


def test_a_code_for_another_device_is_shown_with_how_long_it_lives_and_what_is_typed_there() -> None:
    app = among_others()

    async def act(pilot: Pilot) -> None:
        await typed(app, pilot, "/code device")
        await answered(app, pilot, "code", code_events.CodeMade("ann", "7K3M-Q9TZ", 10))
        assert isinstance(app.screen, CodeScreen)
        for part in (
            "7 K 3 M Q 9 T Z",
            "until 13:10 (10 minutes)",
            "chat-tui 127.0.0.1:5000 --nick ann",
            "/login ann 7K3M-Q9TZ",
        ):
            assert part in words(app), part
        await pilot.press("f6")
        await settle(pilot)
        assert app.clipboard == "7K3M-Q9TZ"
        await pilot.press("escape")
        await typed(app, pilot, "/code invite")
        await answered(app, pilot, "code", code_events.Invited("7K3M-Q9TZ", 24))
        assert "/register NICK 7K3M-Q9TZ" in words(app)
        await pilot.press("escape")
        await typed(app, pilot, "/code")
        assert "Usage: /code" in words(app)

    play(app, act)


def test_new_recovery_codes_are_made_by_the_password_and_shown_once() -> None:
    app = among_others()

    async def act(pilot: Pilot) -> None:
        await typed(app, pilot, "/code recovery")
        await filled(app, pilot, CANARY)
        assert app.connection.last("code")["password"] == CANARY
        await answered(app, pilot, "code", code_events.RecoveryMade(RECOVERY))
        assert isinstance(app.screen, RecoveryScreen)

    play(app, act)


def test_the_account_shows_what_can_be_done_and_who_has_none_is_asked_whether_they_want_one() -> None:
    app = among_others()

    async def act(pilot: Pilot) -> None:
        await pilot.press("f12")
        await answered(app, pilot, "account", events.AccountShown("ann", NOON, "owner", 2, 2, "UTC"))
        assert isinstance(app.screen, AccountScreen)
        assert "ann, owner, since 2026-11-24. Devices: 2; recovery codes left: 2." in words(app)
        await pilot.press("down", "down", "enter")
        await settle(pilot)
        assert app.connection.last("code")["purpose"] == "device"
        await typed(app, pilot, "/account")
        await answered(app, pilot, "account", Refused("account-needed"))
        await answered(app, pilot, "register", Refused("password-missing"))
        assert is_form(app)
        assert "Register ann" in words(app)

    play(app, act)


def test_the_end_of_an_account_is_asked_for_by_the_password_and_enter_alone_does_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    app = among_others()

    async def act(pilot: Pilot) -> None:
        await typed(app, pilot, "/account nonsense")
        assert "/account anonymise or /account erase" in words(app)
        await typed(app, pilot, "/account erase")
        await filled(app, pilot, CANARY)
        assert not [do for do, _ in app.connection.asked if do == "account"]
        await pilot.press("enter")
        await settle(pilot)
        assert len(app.screen_stack) == 1, "the harmless answer has the keys"
        await typed(app, pilot, "/account erase")
        await filled(app, pilot, CANARY)
        app.screen.query_one("#yes", Button).press()
        await settle(pilot)
        sent = app.connection.last("account")
        assert (sent["ending"], sent["password"]) == ("erase", CANARY)
        app.answer("account", events.Answered(text="ann ends in 7 days."), events.LoggedOut())
        await pilot.pause()

    play(app, act)
    assert "ann ends in 7 days." in capsys.readouterr().err, "the screen is gone with the session"


def test_a_form_whose_connection_is_lost_says_so_and_can_be_sent_again() -> None:
    app = among_others()

    async def act(pilot: Pilot) -> None:
        await registering()(app, pilot)
        await filled(app, pilot, CANARY, CANARY)
        await go_on(app, pilot, Status.WAITING, "the connection was closed")
        assert "lost before the server had answered" in words(app)
        await filled(app, pilot, CANARY, CANARY)
        assert "There is no connection." in words(app)
        await go_on(app, pilot, Status.ONLINE)
        await filled(app, pilot, CANARY, CANARY)
        assert len([do for do, _ in app.connection.asked if do == "register"]) == 3

    play(app, act)


def test_one_can_be_somebody_else_here_but_not_while_lines_of_ones_own_wait() -> None:
    app = among_others()

    async def act(pilot: Pilot) -> None:
        await typed(app, pilot, "/login ann")
        assert "You are ann here already." in words(app)
        app.client.store.add(Pending("k", "python", "say", "on my way", NOON))
        first = app.client
        await typed(app, pilot, "/login bob")
        assert "1 line of yours waits to be sent as ann" in words(app)
        assert app.client is first
        app.client.store.remove("k")
        await typed(app, pilot, "/login bob 7K3M-Q9TZ")
        assert app.client is not first
        (proof,) = app.connection.proofs
        assert proof is not None
        assert proof.fields() == {"code": "7K3M-Q9TZ"}

    play(app, act)


def test_who_does_not_log_in_as_somebody_else_after_all_is_who_they_were() -> None:
    app = among_others()

    async def act(pilot: Pilot) -> None:
        app._is_online = False  # from the next connection on
        await typed(app, pilot, "/login bob")
        assert app.connection.identity.nick == "bob"
        await refuse(app, pilot, "name-registered")
        assert is_form(app)
        await pilot.press("escape")
        await settle(pilot)
        assert not is_form(app)
        assert app.connection.identity.nick == "ann"
        await go_on(app, pilot, Status.ONLINE)
        await refuse(app, pilot, "name-registered")  # ann has an account since
        await pilot.press("escape")
        await settle(pilot)
        assert not is_form(app)
        assert app.connection.identity.nick == "ann"

    play(app, act)


def test_what_was_typed_behind_a_command_is_not_there_again_and_not_on_the_disk(tmp_path: Path) -> None:
    app = among_others(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        app.prompt.put(f"/password {CANARY}")
        app.tick()
        app.client.store.save()
        assert CANARY.encode() not in (tmp_path / "memory.json").read_bytes()
        await pilot.press("enter")
        await settle(pilot)
        assert CANARY not in app.screen_text()
        await pilot.press("up")
        await settle(pilot)
        assert app.prompt.text == "/password"
        app.client.store.save()

    play(app, act)
    assert CANARY.encode() not in (tmp_path / "memory.json").read_bytes()
    assert not any(CANARY in data for data in app.written)


def test_a_server_that_knows_no_accounts_is_asked_as_before() -> None:
    app = StoryApp(conversation())

    async def act(pilot: Pilot) -> None:
        await typed(app, pilot, "/register")
        assert "There is no command /register" in words(app)

    play(app, act)


def test_a_bug_is_shown_without_what_was_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    app = among_others()

    async def act(pilot: Pilot) -> None:
        def fail(*_: object, **fields: object) -> bool:
            raise RuntimeError(f"broken with {len(fields)} fields in hand")

        await registering()(app, pilot)
        monkeypatch.setattr(app.connection, "request", fail)
        await filled(app, pilot, CANARY, CANARY)

    with pytest.raises(RuntimeError, match="broken"):
        play(app, act)
    shown = capsys.readouterr().err
    assert "broken with 3 fields in hand" in shown
    assert CANARY not in shown


Act = Callable[[StoryApp, Pilot], Awaitable[None]]


def refusing(code: str, text: str = "", **more: Any) -> Act:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await refuse(app, pilot, "name-registered" if text else code, **more)
        if text:
            await filled(app, pilot, CANARY)
            await refuse(app, pilot, code, text, **more)

    return act


def asking(text: str, do: str, *told: Event, begun: str = "") -> Act:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await typed(app, pilot, text)
        if told:
            await answered(app, pilot, do, *told)
        await pilot.press(*begun)

    return act


async def registered(app: StoryApp, pilot: Pilot) -> None:
    await registering()(app, pilot)
    await filled(app, pilot, CANARY, CANARY)
    await answered(app, pilot, "register", Registered("ann", RECOVERY, "t" * 22))


PICTURES: dict[str, tuple[Callable[[str], StoryApp], Act]] = {
    "log-in": (outside, refusing("name-registered")),
    "wrong": (outside, refusing("wrong-password", WRONG)),
    "throttled": (outside, refusing("too-many-tries", "That was tried too often from your network.", wait=42)),
    "overheard": (outside, refusing("name-registered", line=Line.OPEN)),
    "no-guests": (outside, refusing("no-guests")),
    "register": (among_others, asking("/register", "register", Refused("invite-needed"), begun="secrets")),
    "recovery": (among_others, registered),
    "password": (among_others, asking("/password", "password", Refused("wrong-password"))),
    "code": (among_others, asking("/code device", "code", code_events.CodeMade("ann", "7K3M-Q9TZ", 10))),
    "account": (among_others, asking("/account", "account", events.AccountShown("ann", NOON, "owner", 2, 2, "UTC"))),
    "end": (among_others, asking("/account erase", "account")),
}


@pytest.mark.parametrize(
    ("what", "theme", "size"),
    [
        *((what, "chat-dark", (80, 24)) for what in PICTURES),
        *((what, "chat-light", (40, 12)) for what in ("wrong", "recovery", "code", "account")),
        ("register", "chat-light", (120, 40)),
    ],
)
def test_how_it_looks(snap_compare: SnapCompare, what: str, theme: str, size: tuple[int, int]) -> None:
    make, act = PICTURES[what]
    app = make(theme)

    async def run(pilot: Pilot) -> None:
        await act(app, pilot)

    assert snap_compare(app, terminal_size=size, run_before=run)


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    with running_server() as running:
        yield running


@pytest.mark.slow
def test_registering_and_logging_in_elsewhere_on_real_terminals(server: ServerProcess, tmp_path: Path) -> None:
    def command(folder: str) -> list[str]:
        flags = ["--nick", "ann", "--room", "python", "--state", str(tmp_path / folder), "--config", "/dev/null"]
        return [sys.executable, "-m", "chat_tui", f"127.0.0.1:{server.port}", *flags]

    shown: list[str] = []
    with screen(*command("one"), is_fork=True) as ann:
        ann.wait_until("Write to python")
        ann.type("/register\r")
        ann.wait_until("Once more")
        for _ in range(2):
            ann.type(f"{CANARY}\r")
        ann.wait_until("I have written them down")
        shown.append("\n".join(ann.rows))
        ann.type("\t\r")
        ann.wait_until("Write to python")
        with screen(*command("two"), is_fork=True) as other:
            other.wait_until("ann has an account here")
            other.type("wrong horse 7f3a\r")
            other.wait_until("Capitals count")
            other.type(f"{CANARY}\r")
            other.wait_until("Write to python")
            shown.append("\n".join(other.rows))
    assert not any(CANARY in rows for rows in shown)
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(CANARY.encode() in data for data in kept)
