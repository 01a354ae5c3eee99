"""Accounts on the screen: who is asked for a secret knows why and what is kept, and what was typed unseen is found nowhere afterwards."""

import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.events import Paste
from textual.widgets import Button, Input

import canary
from chat_server.protocol import code_events, events
from chat_server.protocol.described import LastLogin
from chat_server.protocol.events import Event, Refused, Registered
from chat_tui.client.accounts import WAYS_IN
from chat_tui.client.calling import Line
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.early_typing import AHEAD, NOT_SENT
from chat_tui.client.pending import Pending
from chat_tui.settings import Settings
from chat_tui.ui.composer import Composer
from chat_tui.ui.screens.account import AccountScreen
from chat_tui.ui.screens.codes import CodeScreen, RecoveryScreen
from chat_tui.ui.screens.connecting import ConnectScreen
from chat_tui.ui.screens.form import FormScreen
from processes import ServerProcess, running_server, screen
from stories import NOON, Pilot, StoryApp, conversation, play, settle, welcome

SnapCompare = Callable[..., bool]
CANARY = canary.PASSWORD
RECOVERY = ("7K3M-Q9TZ-7K3M-Q9TZ-7K3M", "2HFA-WX4C-9KQR-5M1B-TTZ0")
WRONG = "Wrong name or password. Capitals count."


def everything() -> Event:
    """What a server says that has accounts."""
    from chat_server.config import Config, ServerTable  # noqa: PLC0415 - as in stories.py
    from chat_server.sessions.welcome import welcome_of  # noqa: PLC0415

    return welcome_of(Config(server=ServerTable(name="home")))


def among_others(theme: str = "chat-dark", store: Path | None = None) -> StoryApp:
    return StoryApp([*conversation(), everything()], settings=Settings(theme=theme), store=store)


def outside(theme: str = "chat-dark", store: Path | None = None) -> StoryApp:
    return StoryApp(is_online=False, settings=Settings(theme=theme), store=store)


async def refuse(app: StoryApp, pilot: Pilot, code: str, text: str = "", **more: Any) -> None:
    app.connection.status = Status.REFUSED
    app.connection_changed(ConnectionChanged(Status.REFUSED, text or code, code=code, asks_proof=True, **more))
    await settle(pilot)


async def go_on(app: StoryApp, pilot: Pilot, status: Status, why: str = "") -> None:
    app.connection.status = status
    app.connection_changed(ConnectionChanged(status, why))
    await settle(pilot)


async def typed(app: StoryApp, pilot: Pilot, text: str) -> None:
    app.prompt.put(text)
    await pilot.press("enter")
    await settle(pilot)


async def filled(app: StoryApp, pilot: Pilot, *values: str) -> None:
    """Type these, each into a field, and Enter after each."""
    for value in values:
        await pilot.press(*(letter if letter != " " else "space" for letter in value), "enter")
        await settle(pilot)


async def answered(app: StoryApp, pilot: Pilot, do: str, *told: Event) -> None:
    app.answer(do, *told)
    await settle(pilot)


def words(app: StoryApp) -> str:
    """What is on the screen, without frames and rows."""
    return app.words()


def is_form(app: StoryApp) -> bool:
    return isinstance(app.screen, FormScreen)


# To be let in


def test_who_has_a_registered_name_is_asked_for_the_password_and_told_what_is_kept(tmp_path: Path) -> None:
    app = outside(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        await refuse(app, pilot, "name-registered")
        assert is_form(app)
        assert f"in {tmp_path}/memory.json".replace(" ", "") in words(app).replace(" ", "")
        assert "The password is kept nowhere" in words(app)
        await filled(app, pilot, CANARY)
        (proof,) = app.connection.proofs
        assert proof is not None
        assert proof.fields() == {"password": CANARY}
        assert not any(field.value for field in app.screen.query(Input))
        await pilot.press("enter")
        assert len(app.connection.proofs) == 1, "it is sent once"
        await go_on(app, pilot, Status.CONNECTING)
        assert is_form(app)
        await go_on(app, pilot, Status.ONLINE)
        assert not is_form(app)

    play(app, act)
    assert not any(CANARY.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("server", "name"), [("127.0.0.1:5000", "ann"), ("127.0.0.1:5000", "anna"), ("b.example", "ann")]
)
@pytest.mark.parametrize("is_online", [True, False])
def test_the_form_for_connecting_takes_a_password_with_which_one_logs_in_wherever_that_is(
    server: str, name: str, is_online: bool, tmp_path: Path
) -> None:
    app = among_others(store=tmp_path) if is_online else outside(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        await go_on(app, pilot, Status.ONLINE if is_online else Status.CONNECTING)
        before = app.client
        await pilot.press("f3")
        await settle(pilot)
        for field, value in (("#address", server), ("#nick", name)):
            app.screen.query_one(field, Input).value = value
        app.screen.query_one("#password", Input).focus()
        await pilot.press(*CANARY)
        await settle(pilot)
        assert CANARY not in app.screen_text()
        await pilot.press("enter")
        await settle(pilot)
        assert not isinstance(app.screen, ConnectScreen)
        proofs = [proof for proof in app.connection.proofs if proof is not None]
        assert [proof.fields() for proof in proofs] == [{"password": CANARY}]
        if not is_online and server != "b.example":
            assert app.connection.identity.nick == name
        assert app.connection.host == server.partition(":")[0]
        assert (app.client is before) is (not is_online and server != "b.example"), "who is in logs in anew"
        app.assert_no_password()

    play(app, act)
    assert not any(CANARY.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_of_a_password_that_was_wrong_from_the_start_it_is_not_said_that_the_name_has_an_account() -> None:
    app = outside()

    async def act(pilot: Pilot) -> None:
        await refuse(app, pilot, "wrong-password", WRONG)
        assert is_form(app)
        assert "Log in as ann" in words(app)
        assert "has an account" not in words(app)
        assert WRONG in words(app)

    play(app, act)


def test_a_form_for_connecting_in_which_a_password_was_begun_does_not_go_away() -> None:
    app = outside()

    async def act(pilot: Pilot) -> None:
        await go_on(app, pilot, Status.WAITING, "nothing listens there")
        app.screen.query_one("#password", Input).focus()
        await pilot.press("x")
        await go_on(app, pilot, Status.ONLINE)
        assert isinstance(app.screen, ConnectScreen)
        await pilot.press("escape")

    play(app, act)


def test_a_code_goes_before_a_password_and_is_not_shown_while_it_is_typed() -> None:
    app = outside()

    async def act(pilot: Pilot) -> None:
        await refuse(app, pilot, "name-registered")
        await pilot.press("tab")
        await pilot.press(*RECOVERY[0])
        await settle(pilot)
        assert RECOVERY[0] not in app.screen_text()
        await pilot.press("enter")
        (proof,) = app.connection.proofs
        assert proof is not None
        assert proof.fields() == {"code": RECOVERY[0]}

    play(app, act)


def test_what_is_wrong_stands_in_the_form_with_what_to_do_next() -> None:
    app = outside()

    async def act(pilot: Pilot) -> None:
        await refuse(app, pilot, "name-registered")
        await pilot.press("enter")
        await settle(pilot)
        assert "Type it first." in words(app)
        assert not app.connection.proofs
        await filled(app, pilot, CANARY)
        await refuse(app, pilot, "wrong-password", WRONG)
        assert f"{WRONG} Forgotten? Type a code instead" in words(app)
        await filled(app, pilot, CANARY)
        await refuse(app, pilot, "too-many-tries", "Try again in 42 seconds.", wait=42)
        assert "Try again in 42 seconds. That is at 13:00:42." in words(app)
        await filled(app, pilot, CANARY)
        await refuse(app, pilot, "too-many-devices", "That account has as many devices as one may have.")
        assert "as many devices" in words(app)
        assert len(app.connection.proofs) == 3
        assert len(app.screen_stack) == 2

    play(app, act)


def test_while_it_is_tried_again_by_itself_the_form_says_so_and_esc_goes_back_to_the_chat() -> None:
    app = outside()

    async def act(pilot: Pilot) -> None:
        await refuse(app, pilot, "name-registered")
        await filled(app, pilot, CANARY)
        await go_on(app, pilot, Status.WAITING, "there is no answer")
        assert is_form(app)
        assert "there is no answer. It is tried again by itself." in words(app)
        await pilot.press("escape")
        await settle(pilot)
        assert len(app.screen_stack) == 1
        await refuse(app, pilot, "wrong-password", WRONG)
        assert is_form(app)
        assert WRONG in words(app)
        await pilot.press("escape")
        await settle(pilot)
        assert "F5 asks for the password or a code" in words(app)

    play(app, act)


def test_what_is_open_over_the_form_is_left_alone_and_the_form_goes_when_it_has_gone() -> None:
    app = outside()

    async def act(pilot: Pilot) -> None:
        await refuse(app, pilot, "name-registered")
        await filled(app, pilot, CANARY)
        app.action_help()
        await settle(pilot)
        await go_on(app, pilot, Status.ONLINE)
        assert len(app.screen_stack) == 3
        await pilot.press("escape")
        await settle(pilot)
        assert len(app.screen_stack) == 1

    play(app, act)


def test_ctrl_r_asks_again_in_the_same_words() -> None:
    app = outside()

    async def act(pilot: Pilot) -> None:
        await refuse(app, pilot, "name-registered")
        before = app.screen_text()
        await refuse(app, pilot, "name-registered", "/login ann, then your password")
        assert app.screen_text() == before

    play(app, act)


@pytest.mark.parametrize("is_there", [False, True])
def test_what_was_tried_in_vain_since_the_last_login_stands_among_the_lines(is_there: bool) -> None:
    last = LastLogin(NOON, 3, 2, "UTC")
    app = among_others() if is_there else outside()

    async def act(pilot: Pilot) -> None:
        await go_on(app, pilot, Status.ONLINE)
        app.tell(events.LoggedIn("ann", "t" * 22, last_login=last))
        app.tell(everything(), events.Entered("python" if not is_there else "write", (), 0))
        await settle(pilot)
        notices = [
            getattr(entry, "text", "") for room in app.client.state.rooms.values() for entry in room.timeline.entries
        ]
        assert len([text for text in notices if "3 wrong passwords, from 2 networks." in text]) == 1

    play(app, act)


EARLY = "typed too early 7f3a"


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_password_that_is_typed_before_it_is_asked_for_is_in_the_field_then_and_kept_nowhere(tmp_path: Path) -> None:
    (tmp_path / "memory.json").write_text('{"drafts":{"":"an old draft"}}')
    app = outside(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        assert app.prompt.text == "an old draft"
        app.prompt.insert(EARLY)
        app.tick()
        await pilot.press("enter")
        await settle(pilot)
        app.tick()
        app.client.store.save()
        assert EARLY.encode() not in on_disk(tmp_path)
        assert not app.client.saved.typed
        await refuse(app, pilot, "name-registered")
        assert is_form(app)
        assert AHEAD in words(app)
        assert EARLY not in app.screen_text()
        await filled(app, pilot, " 4711")
        (proof,) = app.connection.proofs
        assert proof is not None
        assert proof.fields() == {"password": f"{EARLY} 4711"}
        await go_on(app, pilot, Status.ONLINE)
        assert app.prompt.text == "an old draft"
        await pilot.press("ctrl+z", "ctrl+y")
        assert EARLY not in app.prompt.text
        app.tick()

    play(app, act)
    assert EARLY.encode() not in on_disk(tmp_path)
    assert b"an old draft" in on_disk(tmp_path)


def test_a_password_that_is_typed_too_early_by_who_leaves_then_is_not_on_the_disk(tmp_path: Path) -> None:
    app = outside(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        app.prompt.insert(EARLY)
        app.tick()
        app.main.keep_draft()

    play(app, act)
    assert EARLY.encode() not in on_disk(tmp_path)


def test_what_is_written_by_who_was_here_before_and_is_asked_for_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "memory.json").write_text('{"nick":"ann","token":"tttttttttttttttttttttt"}')
    app = outside(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        await go_on(app, pilot, Status.WAITING, "there is no answer")
        await pilot.press("escape")
        app.prompt.insert("for when there is a connection")
        app.tick()
        await go_on(app, pilot, Status.CONNECTING)
        assert b"for when there is a connection" in on_disk(tmp_path)

    play(app, act)


def test_what_was_written_before_one_is_logged_out_from_elsewhere_stays_in_the_prompt(tmp_path: Path) -> None:
    app = among_others(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        app.prompt.insert("a message to python")
        await refuse(app, pilot, "dropped")
        assert is_form(app)
        assert not any(field.value for field in app.screen.query(Input))
        await pilot.press("escape")
        await settle(pilot)
        await go_on(app, pilot, Status.CONNECTING)
        app.prompt.insert(EARLY)
        app.tick()
        await pilot.press("enter")
        assert not app.client.store.unsent
        await refuse(app, pilot, "dropped")
        assert [field.value for field in app.screen.query(Input)] == [EARLY, ""]
        assert app.prompt.text == "a message to python"

    play(app, act)
    assert EARLY.encode() not in on_disk(tmp_path)


def test_what_is_typed_while_the_server_is_asked_is_not_sent_and_not_copied() -> None:
    app = outside()

    async def act(pilot: Pilot) -> None:
        await refuse(app, pilot, "name-registered")
        await filled(app, pilot, CANARY, CANARY)
        assert len(app.connection.proofs) == 1
        field = app.screen.query(Input).first()
        field.value = CANARY
        field.focus()
        await settle(pilot)
        field.select_all()
        for key in ("ctrl+c", "super+c", "ctrl+x"):
            await pilot.press(key)
        assert not app.clipboard

    play(app, act)


def test_what_has_several_lines_is_no_password_and_stays_in_the_prompt() -> None:
    app = outside()

    async def act(pilot: Pilot) -> None:
        app.prompt.insert("a message\nof two lines")
        await refuse(app, pilot, "name-registered")
        assert not any(field.value for field in app.screen.query(Input))
        assert app.prompt.text == "a message\nof two lines"

    play(app, act)


def test_of_a_paste_that_is_longer_than_any_password_nothing_goes_into_the_field() -> None:
    app = outside()

    async def act(pilot: Pilot) -> None:
        await refuse(app, pilot, "name-registered")
        field = app.screen.query(Input).first()
        app.post_message(Paste(CANARY * 40_000))
        await settle(pilot)
        assert not field.value
        app.post_message(Paste(CANARY))
        await settle(pilot)
        assert field.value == CANARY

    play(app, act)


def test_another_name_may_be_taken_instead() -> None:
    app = outside()

    async def act(pilot: Pilot) -> None:
        await refuse(app, pilot, "name-registered")
        await pilot.press("f3")
        await settle(pilot)
        assert isinstance(app.screen, ConnectScreen)
        assert len(app.screen_stack) == 2

    play(app, act)


def test_where_others_can_read_along_only_a_code_is_asked_for_that_may_be_seen() -> None:
    app = outside()

    async def act(pilot: Pilot) -> None:
        await refuse(app, pilot, "name-registered", line=Line.OPEN)
        assert " ".join(WAYS_IN.split()) in words(app)
        assert [field.id for field in app.screen.query(Input)] == ["code"]
        await filled(app, pilot, RECOVERY[0])
        assert not app.connection.proofs, "a recovery code is a secret"
        await filled(app, pilot, "7K3M-Q9TZ")
        assert len(app.connection.proofs) == 1

    play(app, act)


@pytest.mark.parametrize("code", ["dropped", "password-changed", "account-ends"])
def test_who_is_logged_out_elsewhere_is_told_why_and_asked(code: str) -> None:
    app = among_others()

    async def act(pilot: Pilot) -> None:
        await refuse(app, pilot, code)
        assert is_form(app)
        assert "✗" not in app.screen_text()
        assert {"dropped": "from another one", "password-changed": "new one", "account-ends": "takes that back"}[
            code
        ] in words(app)

    play(app, act)


@pytest.mark.parametrize("code", ["no-guests", "no-guests-but-invited", "no-guests-no-accounts"])
def test_where_one_must_have_an_account_one_registers_before_one_is_let_in(code: str) -> None:
    app = outside()

    async def act(pilot: Pilot) -> None:
        await refuse(app, pilot, code)
        assert ("With it and a password" in words(app)) == (code != "no-guests")
        await filled(app, pilot, CANARY, "another horse", "")
        assert "That was not the same twice." in words(app)
        await filled(app, pilot, CANARY, CANARY, "ABCD-EFGH")
        (proof,) = app.connection.proofs
        assert proof is not None
        assert (proof.do, proof.fields()) == ("register", {"password": CANARY, "invite": "ABCD-EFGH"})
        await refuse(app, pilot, "wrong-code", "That code is wrong.")
        assert [field.id for field in app.screen.query(Input)] == ["password", "again", "invite"]
        assert "That code is wrong." in words(app)
        await go_on(app, pilot, Status.ONLINE)
        app.tell(everything(), Registered("ann", RECOVERY, "t" * 22))
        await settle(pilot)
        assert isinstance(app.screen, RecoveryScreen)

    play(app, act)


# From within


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


# Pictures

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


# The program itself


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


def let_in(*rooms: str) -> list[Event]:
    """What a server says to somebody whom it lets into these rooms, in the order in which it does."""
    entered = [events.Entered(room, ("bob",), 0, "", 0) for room in rooms]
    return [welcome(), events.LoggedIn("ann", "t" * 22), *entered, events.RoomsListed((("python", 1), ("write", 0)))]


def sent(app: StoryApp) -> list[tuple[str, str]]:
    return [(pending.room, pending.text) for pending in app.client.store.unsent]


def known(folder: Path) -> StoryApp:
    """Somebody who was here before, and is not let in yet."""
    (folder / "memory.json").write_text('{"nick":"ann","token":"tttttttttttttttttttttt"}')
    return outside(store=folder)


def test_lines_that_are_typed_while_the_server_is_called_are_said_in_order_once_one_is_let_in(tmp_path: Path) -> None:
    app = known(tmp_path)

    async def act(pilot: Pilot) -> None:
        await pilot.press(*"one", "enter", *"two", "enter", *"thr")
        await settle(pilot)
        assert app.prompt.text == "thr"
        assert "2 lines will be sent then." in app.screen_text()
        await go_on(app, pilot, Status.ONLINE)
        assert not sent(app)
        app.tell(*let_in("python"))
        await settle(pilot)
        assert sent(app) == [("python", "one"), ("python", "two")]
        assert app.prompt.text == "thr"

    play(app, act)


def test_what_is_typed_after_a_command_while_the_server_is_called_waits_for_what_that_does(tmp_path: Path) -> None:
    app = known(tmp_path)

    async def act(pilot: Pilot) -> None:
        await pilot.press("/", *"join", "space", *"write", "enter", *"hi", "enter")
        await go_on(app, pilot, Status.ONLINE)
        app.tell(*let_in("python"))
        await settle(pilot)
        assert not sent(app)
        app.answer("join", events.Entered("write", (), 0, "", 0))
        await settle(pilot)
        assert sent(app) == [("write", "hi")]

    play(app, act)


def test_enter_before_the_room_is_painted_that_one_is_in_says_a_line_there() -> None:
    app = outside()

    async def act(pilot: Pilot) -> None:
        app.connection.status = Status.ONLINE
        app.connection_changed(ConnectionChanged(Status.ONLINE))
        app.tell(*let_in("python"))
        app.main._submit(Composer.Submitted("one"))
        assert sent(app) == [("python", "one")]
        await settle(pilot)

    play(app, act)


def test_of_what_a_newcomer_types_before_they_are_let_in_only_commands_are_done_by_themselves() -> None:
    app = outside()

    async def act(pilot: Pilot) -> None:
        await pilot.press("/", *"join", "space", *"write", "enter", *"one", "enter", *"two", "enter", *"three")
        await go_on(app, pilot, Status.ONLINE)
        app.tell(*let_in())
        await settle(pilot)
        app.answer("join", events.Entered("write", (), 0, "", 0))
        await settle(pilot)
        assert not sent(app)
        assert app.prompt.text == "one\ntwo\nthree"
        assert app.current is not None
        assert app.toasts() == [NOT_SENT]

    play(app, act)


def test_what_cannot_be_done_of_what_was_typed_early_is_in_the_prompt_with_all_that_follows(tmp_path: Path) -> None:
    app = known(tmp_path)

    async def act(pilot: Pilot) -> None:
        await pilot.press(*"one", "enter", *"two", "enter", *"three")
        await go_on(app, pilot, Status.ONLINE)
        app.tell(*let_in())
        await settle(pilot)
        assert not sent(app)
        assert app.prompt.text == "one\ntwo\nthree"

    play(app, act)


def test_lines_that_were_typed_before_there_is_no_connection_are_in_the_prompt_again_as_they_were() -> None:
    app = outside()

    async def act(pilot: Pilot) -> None:
        await pilot.press(*"one", "enter", *"two", "enter")
        await go_on(app, pilot, Status.WAITING, "there is no answer")
        await pilot.press("escape")
        await settle(pilot)
        assert app.prompt.text == "one\ntwo"

    play(app, act)


def test_enter_while_nobody_can_be_logged_in_keeps_the_line_apart_from_the_next() -> None:
    app = outside()

    async def act(pilot: Pilot) -> None:
        await go_on(app, pilot, Status.WAITING, "there is no answer")
        await pilot.press("escape")
        await pilot.press(*"one", "enter", *"two")
        await settle(pilot)
        assert app.prompt.text == "one\ntwo"

    play(app, act)


def test_lines_that_were_typed_early_come_along_to_another_name() -> None:
    app = outside()

    async def act(pilot: Pilot) -> None:
        await pilot.press(*"one", "enter", *"two")
        app.servers.shown.move_to("127.0.0.1", 5000, "anna")
        await settle(pilot)
        assert app.prompt.text == "one\ntwo"

    play(app, act)
