"""What is typed right behind a command about an account is in the form that this opens, or nowhere; never in the prompt."""

from pathlib import Path

import pytest
from textual.events import Key, Paste
from textual.widgets import Input

from account_forms import among_others, go_on, is_form, refuse, sent
from chat_server.protocol import events
from chat_server.protocol.code_events import CodeMade
from chat_tui.client.connection import Status
from chat_tui.client.early_typing import thrown_away
from chat_tui.ui.keys_in_turn import AGAIN
from stories import Pilot, StoryApp, play, settle

SECRET = "Secret7f3a"  # noqa: S105 - it is nobody's


def type_at_once(app: StoryApp, *keys: str) -> None:
    """The terminal gives all of these without a pause: names of keys, and letters."""
    for key in keys:
        name, written = ("space", " ") if key == " " else (key, key if len(key) == 1 else None)
        app.post_message(Key(name, written))


async def all_done(pilot: Pilot) -> None:
    await settle(pilot)
    await pilot.pause(5 * AGAIN)  # it is seen whether keys that wait may go
    await settle(pilot)


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def values(app: StoryApp) -> list[str]:
    return [field.value for field in app.screen.query(Input)]


def is_nowhere(app: StoryApp, folder: Path) -> bool:
    """Whether nothing of what was typed is in the prompt, in what it has sent, or on the disk."""
    app.tick()
    app.main.keep_draft()
    app.client.store.save()
    kept = on_disk(folder)
    return not app.prompt.text and not any(SECRET[:length].encode() in kept for length in range(4, len(SECRET) + 1))


@pytest.mark.parametrize(
    ("command", "refusal", "fields"),
    [("register", "password-missing", 2), ("password", "wrong-password", 3), ("password", "password-length", 2)],
)
def test_what_is_typed_before_the_server_answers_is_in_the_first_field_of_the_form(
    command: str, refusal: str, fields: int, tmp_path: Path
) -> None:
    app = among_others(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        type_at_once(app, *f"/{command}", "enter", *SECRET, "backspace")
        await all_done(pilot)
        assert is_nowhere(app, tmp_path)
        app.answer(command, events.Refused(refusal, {}, text="No."))
        type_at_once(app, *"xyz")
        await all_done(pilot)
        assert is_form(app)
        assert values(app) == [f"{SECRET[:-1]}xyz", *[""] * (fields - 1)]
        assert is_nowhere(app, tmp_path)

    play(app, act)


@pytest.mark.parametrize("command", ["/account erase", "/code recovery"])
def test_what_is_typed_before_a_form_is_drawn_is_in_its_field(command: str, tmp_path: Path) -> None:
    app = among_others(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        type_at_once(app, *command, "enter", *SECRET)
        await all_done(pilot)
        assert values(app) == [SECRET]
        assert is_nowhere(app, tmp_path)

    play(app, act)


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("/account", events.AccountShown("ann", 0.0, "owner", 2, 2, "UTC")),
        ("/code device", CodeMade("ann", "ABCD-EFGH", 600)),
        ("/code invite", events.Refused("busy", {}, text="Not now.")),
    ],
)
def test_what_is_typed_before_a_screen_opens_that_asks_for_no_password_is_thrown_away(
    command: str, answer: events.Event, tmp_path: Path
) -> None:
    app = among_others(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        type_at_once(app, *command, "enter", *SECRET[:5])
        await all_done(pilot)
        assert is_nowhere(app, tmp_path), "it waits"
        type_at_once(app, *SECRET[5:], "enter")
        await all_done(pilot)
        app.answer(command[1:].split(maxsplit=1)[0], answer)
        await all_done(pilot)
        assert app.main.is_active == isinstance(answer, events.Refused)
        assert thrown_away(1) in app.toasts()
        assert is_nowhere(app, tmp_path)
        assert not sent(app)

    play(app, act)


def test_what_is_typed_behind_account_by_who_has_none_is_in_the_form_for_one() -> None:
    app = among_others()

    async def act(pilot: Pilot) -> None:
        type_at_once(app, *"/account", "enter", *SECRET)
        await all_done(pilot)
        app.answer("account", events.Refused("account-needed", {}, text="No."))
        await all_done(pilot)
        app.answer("register", events.Refused("password-missing", {}, text="No."))
        await all_done(pilot)
        assert values(app) == [SECRET, ""]

    play(app, act)


def test_a_paste_without_brackets_that_has_a_password_behind_its_command_fills_the_form() -> None:
    app = among_others()

    async def act(pilot: Pilot) -> None:
        type_at_once(app, *"/register", "enter", *SECRET, "enter", *SECRET, "enter")
        await all_done(pilot)
        app.answer("register", events.Refused("password-missing", {}, text="No."))
        await all_done(pilot)
        assert [fields.get("password") for do, fields in app.connection.asked if do == "register"] == [None, SECRET]
        assert not sent(app)

    play(app, act)


@pytest.mark.parametrize("has_answer", [True, False])
def test_what_was_typed_for_a_form_that_does_not_open_is_thrown_away(has_answer: bool, tmp_path: Path) -> None:
    app = among_others(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        type_at_once(app, *"/register", "enter", *SECRET, "enter")
        app.post_message(Paste(SECRET))
        await all_done(pilot)
        assert is_nowhere(app, tmp_path)
        if has_answer:
            app.answer("register", events.Refused("busy", {}, text="Not now."))
        else:
            app.now += 11
        await all_done(pilot)
        assert thrown_away(2) in app.toasts()
        assert is_nowhere(app, tmp_path)
        assert not sent(app)
        app.now += 3
        type_at_once(app, *"hello", "enter")
        await all_done(pilot)
        assert sent(app) == [("python", "hello")]

    play(app, act)


def test_a_key_that_writes_nothing_does_not_wait_for_the_form() -> None:
    app = among_others()

    async def act(pilot: Pilot) -> None:
        type_at_once(app, *"/register", "enter", *SECRET)
        await all_done(pilot)
        type_at_once(app, "f1")
        await all_done(pilot)
        assert not app.main.is_active

    play(app, act)


@pytest.mark.parametrize("has_account", [True, False])
def test_what_is_typed_behind_login_is_in_the_form_for_that_or_nowhere(has_account: bool, tmp_path: Path) -> None:
    app = among_others(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        type_at_once(app, *"/login bob", "enter", *SECRET)
        await all_done(pilot)
        await go_on(app, pilot, Status.CONNECTING)
        assert is_nowhere(app, tmp_path)
        if has_account:
            await refuse(app, pilot, "name-registered")
            await all_done(pilot)
            assert values(app) == [SECRET, ""]
        else:
            await go_on(app, pilot, Status.ONLINE)
            await all_done(pilot)
            assert app.toasts() == [thrown_away(1)]
        assert is_nowhere(app, tmp_path)

    play(app, act)


def test_of_a_password_whose_beginning_was_thrown_away_the_rest_is_not_in_the_form() -> None:
    app = among_others()

    async def act(pilot: Pilot) -> None:
        app.prompt.insert(SECRET)
        assert app.servers.shown.ask_about_account("/register")
        type_at_once(app, *SECRET)
        await all_done(pilot)
        app.answer("register", events.Refused("password-missing", {}, text="No."))
        await all_done(pilot)
        assert values(app) == ["", ""]
        assert not app.prompt.text

    play(app, act)
