"""What is typed before one is let in: secrets are kept nowhere, and lines are said once one is there."""

from pathlib import Path

import pytest
from textual.events import Paste
from textual.widgets import Input

from account_forms import CANARY, among_others, everything, filled, go_on, is_form, outside, refuse, sent, words
from chat_server.protocol import events
from chat_server.protocol.entries import Said
from chat_server.protocol.events import Event
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.early_typing import AHEAD, NOT_SENT, thrown_away
from chat_tui.ui.composer import Composer
from stories import NOON, Pilot, StoryApp, play, settle, welcome

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


def test_a_letter_that_is_on_its_way_to_the_prompt_when_the_form_opens_is_in_the_field() -> None:
    app = outside()

    async def act(pilot: Pilot) -> None:
        app.prompt.insert("pw1")
        app.connection.status = Status.REFUSED
        app.connection_changed(ConnectionChanged(Status.REFUSED, "", code="name-registered", asks_proof=True))
        app.prompt.insert("2")
        await settle(pilot)
        assert is_form(app)
        app.prompt.insert("3")
        await settle(pilot)
        assert not app.prompt.text
        await filled(app, pilot, "4")
        (proof,) = app.connection.proofs
        assert proof is not None
        assert proof.fields() == {"password": "pw1234"}

    play(app, act)


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


def let_in(*rooms: str) -> list[Event]:
    """What a server says to somebody whom it lets into these rooms, in the order in which it does."""
    entered = [events.Entered(room, ("bob",), 0, "", 0) for room in rooms]
    return [welcome(), events.LoggedIn("ann", "t" * 22), *entered, events.RoomsListed((("python", 1), ("write", 0)))]


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


def test_lines_that_were_typed_early_come_along_to_another_name_and_are_not_on_the_disk(tmp_path: Path) -> None:
    app = outside(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        await pilot.press(*"one", "enter", *EARLY.replace(" ", "_"))
        app.servers.shown.move_to("127.0.0.1", 5000, "anna")
        await settle(pilot)
        await go_on(app, pilot, Status.ONLINE)
        app.tell(*let_in("python"))
        await settle(pilot)
        await passing(app, pilot)
        assert app.prompt.text == "one\n" + EARLY.replace(" ", "_")

    play(app, act)
    assert EARLY.replace(" ", "_").encode() not in on_disk(tmp_path)


async def typed(app: StoryApp, pilot: Pilot, *lines: str) -> None:
    for line in lines:
        app.prompt.insert(line)
        await pilot.press("enter")


async def passing(app: StoryApp, pilot: Pilot) -> None:
    """Some seconds pass, and what is kept is written down."""
    for _ in range(4):
        app.main.tick()
        await settle(pilot)
    app.client.store.save()


@pytest.mark.parametrize("command", ["/register", "/password", "/login bob", "/account delete", "/code recovery"])
@pytest.mark.parametrize("was_here", [True, False])
def test_what_is_typed_early_after_a_command_that_asks_for_a_password_is_not_said_seen_or_kept(
    command: str, was_here: bool, tmp_path: Path
) -> None:
    app = known(tmp_path) if was_here else outside(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        await typed(app, pilot, command, EARLY, EARLY)
        await go_on(app, pilot, Status.ONLINE)
        app.tell(everything(), *let_in("python")[1:])
        await settle(pilot)
        await passing(app, pilot)
        assert not app.connection.said
        assert not sent(app)
        assert EARLY not in app.prompt.text
        assert not any(EARLY in line for line in app.client.saved.typed)
        assert thrown_away(2) in app.toasts()

    play(app, act)
    assert EARLY.encode() not in on_disk(tmp_path)


@pytest.mark.parametrize("command", ["/register", "/password"])
def test_a_password_that_is_typed_before_its_form_has_opened_is_not_said(command: str, tmp_path: Path) -> None:
    app = among_others(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        await typed(app, pilot, command)
        app.main._submit(Composer.Submitted(EARLY))
        await passing(app, pilot)
        assert not sent(app)
        assert not any(EARLY in line for line in app.client.saved.typed)
        assert thrown_away(1) in words(app)
        app.answer(command[1:], events.Refused("busy", {}, text="Not now."))
        app.now += 3
        await typed(app, pilot, "hello")
        assert sent(app) == [("python", "hello")], "nothing is asked any more"

    play(app, act)
    assert EARLY.encode() not in on_disk(tmp_path)


def test_of_several_lines_before_a_password_is_asked_for_none_is_seen_then_or_kept(tmp_path: Path) -> None:
    app = outside(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        await typed(app, pilot, EARLY, EARLY)
        app.prompt.insert("4711")
        await refuse(app, pilot, "name-registered")
        assert [field.value for field in app.screen.query(Input)] == ["4711", ""]
        assert app.toasts() == [thrown_away(2)]
        await filled(app, pilot, "1")
        await go_on(app, pilot, Status.ONLINE)
        app.tell(*let_in("python"))
        await settle(pilot)
        await passing(app, pilot)
        assert not app.prompt.text
        assert not sent(app)

    play(app, act)
    assert EARLY.encode() not in on_disk(tmp_path)


@pytest.mark.parametrize("has_room", [True, False])
@pytest.mark.parametrize("enters", [True, False])
def test_what_a_newcomer_types_early_is_not_on_the_disk_while_it_stands_in_the_prompt(
    enters: bool, has_room: bool, tmp_path: Path
) -> None:
    app = outside(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        app.prompt.insert(EARLY)
        if enters:
            await pilot.press("enter")
        await go_on(app, pilot, Status.ONLINE)
        app.tell(*let_in(*["python"] * has_room))
        await settle(pilot)
        await passing(app, pilot)
        if not has_room:
            app.tell(events.Entered("python", (), 0, "", 0))
            await settle(pilot)
        app.main.navigation.show(app.client.state.rooms["python"])
        assert app.prompt.text == EARLY
        app.tell(events.Entered("write", (), 0, "", 0))
        await settle(pilot)
        for room, text in (("write", ""), ("python", EARLY)):
            app.main.navigation.show(app.client.state.rooms[room])
            await passing(app, pilot)
            assert app.prompt.text == text
        app.prompt.insert(" and more")
        await passing(app, pilot)
        app.main.keep_draft()
        app.client.store.save()
        assert EARLY.encode() not in on_disk(tmp_path)
        app.prompt.clear()
        await passing(app, pilot)
        app.prompt.insert("hello to all")
        await passing(app, pilot)
        assert b"hello to all" in on_disk(tmp_path)

    play(app, act)
    assert EARLY.encode() not in on_disk(tmp_path)


@pytest.mark.parametrize("before", ["//", "/", "/ ", "/me "])
def test_what_a_newcomer_types_early_is_no_command_because_it_begins_with_a_slash(before: str, tmp_path: Path) -> None:
    app = outside(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        await typed(app, pilot, before + EARLY)
        await go_on(app, pilot, Status.ONLINE)
        app.tell(everything(), *let_in("python")[1:])
        await settle(pilot)
        assert not app.connection.said
        assert not app.client.saved.typed
        assert app.prompt.text == before + EARLY
        assert app.toasts() == [NOT_SENT]

    play(app, act)


@pytest.mark.parametrize("command", ["/register", "/regsiter"])
def test_of_a_command_before_secrets_that_waits_behind_what_is_said_nothing_more_is_in_the_prompt(
    command: str, tmp_path: Path
) -> None:
    app = outside(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        await typed(app, pilot, "／／early", command, EARLY)
        app.prompt.insert(EARLY)
        await go_on(app, pilot, Status.ONLINE)
        app.tell(everything(), *let_in("python")[1:])
        await settle(pilot)
        await passing(app, pilot)
        assert not app.connection.said
        assert app.prompt.text == f"//early\n{command}"
        assert app.toasts() == [f"{thrown_away(2)} {NOT_SENT}"]

    play(app, act)
    assert EARLY.encode() not in on_disk(tmp_path)


def test_what_is_typed_early_after_a_mistyped_command_is_not_in_the_prompt(tmp_path: Path) -> None:
    app = known(tmp_path)

    async def act(pilot: Pilot) -> None:
        await typed(app, pilot, "/regsiter", EARLY)
        app.prompt.insert(EARLY)
        await go_on(app, pilot, Status.ONLINE)
        app.tell(everything(), *let_in("python")[1:])
        await settle(pilot)
        await passing(app, pilot)
        assert not sent(app)
        assert app.prompt.text == "/regsiter"
        assert app.toasts() == [thrown_away(2)]

    play(app, act)
    assert EARLY.encode() not in on_disk(tmp_path)


def test_what_was_typed_early_is_not_on_the_disk_either_while_a_line_is_edited_in_its_place(tmp_path: Path) -> None:
    app = outside(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        app.prompt.insert(EARLY)
        await go_on(app, pilot, Status.ONLINE)
        app.tell(*let_in("python"), Said("python", 1, NOON, "ann", "hello"))
        await settle(pilot)
        room = app.client.state.rooms["python"]
        line = room.timeline.line(1)
        assert line is not None
        app.main.answering.edit(room, line)
        await passing(app, pilot)
        assert app.prompt.text == "hello"

    play(app, act)
    assert EARLY.encode() not in on_disk(tmp_path)


def test_what_is_typed_while_a_device_that_was_dropped_is_called_anew_is_not_on_the_disk(tmp_path: Path) -> None:
    app = among_others(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        await passing(app, pilot)
        await refuse(app, pilot, "dropped")
        await pilot.press("escape")
        await go_on(app, pilot, Status.CONNECTING)
        app.main.tick()
        app.prompt.insert(EARLY)
        await go_on(app, pilot, Status.ONLINE)
        await passing(app, pilot)
        assert app.prompt.text == EARLY

    play(app, act)
    assert EARLY.encode() not in on_disk(tmp_path)
