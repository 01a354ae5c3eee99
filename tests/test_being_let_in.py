"""To be let in, on the screen: who is asked for a secret knows why and what is kept of it."""

from pathlib import Path

import pytest
from textual.widgets import Input

from account_forms import (
    CANARY,
    RECOVERY,
    WRONG,
    among_others,
    everything,
    filled,
    go_on,
    is_form,
    outside,
    refuse,
    words,
)
from chat_server.protocol import events
from chat_server.protocol.described import LastLogin
from chat_server.protocol.events import Registered
from chat_tui.client.accounts import WAYS_IN
from chat_tui.client.calling import Line
from chat_tui.client.connection import Status
from chat_tui.ui.screens.codes import RecoveryScreen
from chat_tui.ui.screens.connecting import ConnectScreen
from stories import NOON, Pilot, play, settle


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
