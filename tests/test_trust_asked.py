"""Whoever is to decide about a server is told what is seen, and agrees to nothing by accident: on the screen, and line by line."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

import forks
from chat_tui.client.calling import Line
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.plain_program import Exit, PlainProgram
from chat_tui.client.trust import About
from chat_tui.ui.screens.connecting import ConnectScreen
from chat_tui.ui.screens.trusting import TrustScreen
from doubts import distrusted, doubt_about
from plain_programs import run_to_the_end, turns
from processes import TIMEOUT, ServerProcess, running_server, screen, terminal
from stories import FakeConnection, Pilot, StoryApp, beginning, play, said, settle
from tls_servers import certificates, relay

# On the screen


async def ask(app: StoryApp, pilot: Pilot, about: About) -> None:
    app.connection.status = Status.REFUSED
    app.connection_changed(distrusted(about))
    await settle(pilot)
    assert isinstance(app.screen, TrustScreen)


@pytest.mark.parametrize("key", ["enter", "space", "escape", "y", "t"])
def test_who_was_typing_when_the_question_came_has_agreed_to_nothing(key: str) -> None:
    app = StoryApp(is_online=False)

    async def act(pilot: Pilot) -> None:
        await ask(app, pilot, About.FIRST_USE)
        await pilot.press(key)
        await settle(pilot)
        assert not app.connection.trusted
        assert app.connection.tries == 0

    play(app, act)


@pytest.mark.parametrize("about", [About.FIRST_USE, About.PLAIN_TEXT])
def test_who_agrees_goes_on(about: About) -> None:
    app = StoryApp(is_online=False)

    async def act(pilot: Pilot) -> None:
        await ask(app, pilot, about)
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert app.connection.trusted == [doubt_about(about)]
        assert not isinstance(app.screen, TrustScreen | ConnectScreen)

    play(app, act)


@pytest.mark.parametrize("about", [about for about in About if about not in (About.FIRST_USE, About.PLAIN_TEXT)])
def test_what_is_refused_cannot_be_agreed_to_there(about: About) -> None:
    app = StoryApp(is_online=False)

    async def act(pilot: Pilot) -> None:
        await ask(app, pilot, about)
        doubt = doubt_about(about)
        shown = app.words()
        assert doubt.title in shown
        assert doubt.command.split(" sha256")[0] in shown
        for compared in doubt.compared:
            assert " ".join(compared.rows()) in shown
        await pilot.press("f6")
        await settle(pilot)
        assert app.clipboard == doubt.command
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert (app.connection.tries, app.connection.trusted) == (1, [])

    play(app, act)


def test_what_is_to_be_compared_can_be_selected_and_the_command_is_one_line() -> None:
    app = StoryApp(is_online=False)

    async def act(pilot: Pilot) -> None:
        await ask(app, pilot, About.CHANGED)
        for place, last, selected in (
            (".fingerprint", (39, 1), "\n".join(doubt_about(About.CHANGED).compared[0].rows())),
            (".preview", (60, 2), doubt_about(About.CHANGED).command),
        ):
            widget = app.screen.query(place).first()
            await pilot.mouse_down(widget, offset=(0, 0))
            await pilot.hover(widget, offset=last)
            await pilot.mouse_up(widget, offset=last)
            await settle(pilot)
            assert app.screen.get_selected_text() == selected

    play(app, act, size=(80, 30))


def test_another_server_may_be_taken_instead_and_the_question_takes_the_place_of_the_form() -> None:
    app = StoryApp(is_online=False)

    async def act(pilot: Pilot) -> None:
        app.connection_changed(ConnectionChanged(Status.WAITING, "nothing listens there"))
        await settle(pilot)
        assert isinstance(app.screen, ConnectScreen)
        await ask(app, pilot, About.CHANGED)
        assert len(app.screen_stack) == 2
        await pilot.press("f3")
        await settle(pilot)
        assert isinstance(app.screen, ConnectScreen)
        assert len(app.screen_stack) == 2

    play(app, act)


def test_a_form_in_which_one_writes_is_not_taken_away_by_the_question() -> None:
    app = StoryApp(is_online=False)

    async def act(pilot: Pilot) -> None:
        app.connection_changed(ConnectionChanged(Status.WAITING, "nothing listens there"))
        await settle(pilot)
        app.screen.query_one("#address", Input).value = "elsewhere.example"
        app.connection_changed(distrusted(About.CHANGED))
        await settle(pilot)
        assert isinstance(app.screen, ConnectScreen)
        assert "has changed." in app.screen_text()

    play(app, act)


def test_the_question_goes_away_with_the_reason_for_it() -> None:
    app = StoryApp(is_online=False)

    async def act(pilot: Pilot) -> None:
        for about in (About.NO_LONGER_TLS, About.CHANGED):
            await ask(app, pilot, about)
            assert len(app.screen_stack) == 2
        app.connection_changed(ConnectionChanged(Status.CONNECTING))
        app.connection.status = Status.ONLINE
        app.connection_changed(ConnectionChanged(Status.ONLINE, "An authority vouches for it.", line=Line.ENCRYPTED))
        app.tell(*beginning(), *said("there"))
        await settle(pilot)
        assert len(app.screen_stack) == 1
        assert "An authority vouches for it." in app.toasts()
        await pilot.press("f3")
        await settle(pilot)
        assert "The line is encrypted." in app.words()

    play(app, act)


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (200, 50)])
@pytest.mark.parametrize("line", Line)
def test_that_others_can_read_along_is_always_seen(line: Line, size: tuple[int, int]) -> None:
    app = StoryApp(beginning())

    async def act(pilot: Pilot) -> None:
        app.connection_changed(ConnectionChanged(Status.ONLINE, line=line))
        await settle(pilot)
        assert ("not encrypted" in app.screen_text()) is (line is Line.OPEN)

    play(app, act, size=size)


# Line by line


def refuse(program: PlainProgram, connection: FakeConnection, about: About) -> None:
    connection.status = Status.REFUSED
    program.changed(distrusted(about))


@pytest.mark.parametrize("about", About)
def test_where_nobody_can_be_asked_nothing_goes_on_and_the_command_is_told(about: About) -> None:
    async def act(program: PlainProgram, connection: FakeConnection) -> None:
        program.input.receive_data(b"yes\n")
        refuse(program, connection, about)
        await turns()
        assert not connection.trusted
        program.input.receive_data(b"")

    code, written = run_to_the_end(act)
    assert code == Exit.REFUSED
    assert [line for line in doubt_about(about).lines(is_asked=False) if line not in written] == []
    assert "1 line is not stored. Nothing keeps it." in written


@pytest.mark.parametrize(
    ("answers", "is_yes"), [("yes\n", True), ("what?\nY\n", True), ("no\n", False), ("\nn\n", False)]
)
def test_whoever_sits_there_is_asked_and_what_was_typed_before_is_no_answer(answers: str, *, is_yes: bool) -> None:
    async def act(program: PlainProgram, connection: FakeConnection) -> None:
        connection.status = Status.CONNECTING
        program.input.receive_data(b"/quit\nyes\n")
        refuse(program, connection, About.FIRST_USE)
        await turns()
        assert not connection.trusted
        assert program.code is None
        program.input.receive_data(answers.encode())
        await turns()
        assert connection.trusted == ([doubt_about(About.FIRST_USE)] if is_yes else [])
        if is_yes:
            assert program.input.next == "/quit", "it has its turn now"
            program.end(Exit.STORED)

    code, written = run_to_the_end(act, is_interactive=True)
    assert code == (Exit.LEFT if is_yes else Exit.REFUSED)
    assert written.count("Type yes or no.") == answers.count("\n") - 1
    assert "Trust it? Type yes or no." in written
    assert not any("chat-tui trust" in line for line in written)


def test_the_end_of_the_input_is_no_yes() -> None:
    async def act(program: PlainProgram, connection: FakeConnection) -> None:
        refuse(program, connection, About.PLAIN_TEXT)
        await turns()
        program.input.receive_data(b"")

    code, _ = run_to_the_end(act, is_interactive=True)
    assert code == Exit.REFUSED


def test_who_is_on_an_open_line_is_told_with_the_connection() -> None:
    async def act(program: PlainProgram, _: FakeConnection) -> None:
        program.changed(ConnectionChanged(Status.ONLINE, "An authority vouches for it.", line=Line.OPEN))
        program.input.receive_data(b"")

    _, written = run_to_the_end(act)
    assert (
        "Connected to 127.0.0.1, port 5000, as ann. The line is not encrypted.\nAn authority vouches for it." in written
    )


# The programs themselves, on a server that counts as one elsewhere


ELSEWHERE = (
    "import sys; from chat_tui.client.calling import Address; Address.is_local = False;"
    " from chat_tui.cli import main; sys.exit(main(sys.argv[1:]))"
)


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with running_server() as running:
        yield running


def command(port: int, folder: Path, *more: str) -> list[str]:
    flags = ["--nick", "ann", "--room", "python", "--state", str(folder), "--config", "/dev/null"]
    return [sys.executable, "-c", ELSEWHERE, f"127.0.0.1:{port}", *flags, *more]


def test_a_pipe_is_refused_until_the_certificate_is_accepted_by_hand(server: ServerProcess, tmp_path: Path) -> None:
    one = certificates().self_signed()

    def run(*words: str) -> Any:
        done = forks.run(words, input=b"hello\n", capture_output=True, timeout=TIMEOUT, check=False)
        assert b"Traceback" not in done.stderr
        return done

    with relay(server.port, one) as front:
        refused = run(*command(front.port, tmp_path, "--plain"))
        assert refused.returncode == Exit.REFUSED
        assert not front.heard
        (accepts,) = [line for line in refused.stderr.decode().splitlines() if "chat-tui trust" in line]
        assert one.fingerprint in accepts
        _, _, *words = accepts.removeprefix("chat-tui: ").split()
        assert run(sys.executable, "-m", "chat_tui", "trust", *words).returncode == 0
        done = run(*command(front.port, tmp_path, "--plain"))
        assert (done.returncode, b"stored as" in done.stdout) == (Exit.STORED, True)


@pytest.mark.slow
def test_who_sits_at_a_terminal_is_asked_line_by_line(server: ServerProcess, tmp_path: Path) -> None:
    with relay(server.port, certificates().self_signed()) as front:
        with terminal(*command(front.port, tmp_path, "--plain")) as user:
            user.wait_for("Trust it? Type yes or no.")
            assert not front.heard
            user.type("yes\n")
            user.wait_for("Connected to 127.0.0.1")
        front.present(certificates().self_signed())
        with terminal(*command(front.port, tmp_path, "--plain")) as user:
            user.wait_for("has changed")
            user.wait_for("chat-tui trust")


@pytest.mark.slow
def test_the_screen_shows_both_fingerprints_when_a_certificate_has_changed(
    server: ServerProcess, tmp_path: Path
) -> None:
    one, other = certificates().self_signed(), certificates().self_signed()
    with relay(server.port, one) as front, screen(*command(front.port, tmp_path), is_fork=True) as user:
        user.wait_until("Nobody vouches for 127.0.0.1")
        user.wait_until("Do not connect")
        assert not front.heard
        user.type("\t\r")
        user.wait_until("Write to python")
        front.present(other)
        user.wait_until("has changed")
        user.wait_until("Try again")
        shown = "\n".join(user.rows).replace(" ", "")
        for certificate in (one, other):
            digits = certificate.fingerprint.removeprefix("sha256:")
            assert digits[:32] in shown
            assert digits[32:] in shown
        assert not front.heard
