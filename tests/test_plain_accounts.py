"""Accounts in chat-tui line by line: what is asked for unseen, what is asked of the server then, and that no secret is written anywhere."""

import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from canary import PASSWORD
from chat_server.config import Config
from chat_server.protocol import events
from chat_server.protocol.events import Answered, Refused, Registered
from chat_server.protocol.typed import BEHIND_MAX, BEHIND_SECONDS
from chat_server.sessions.welcome import welcome_of
from chat_tui.client.accounts import Proof
from chat_tui.client.calling import Line
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.early_typing import NOT_YET, thrown_away
from chat_tui.client.plain_accounts import NEEDS_TERMINAL, NOT_ASKED
from chat_tui.client.plain_program import Exit, PlainProgram
from plain_programs import run_to_the_end, turns
from processes import TIMEOUT, ServerProcess, running_server, terminal
from stories import FakeConnection
from test_devices_screen import DETAILS, GROUPS


class Sitting:
    """Somebody sits at the terminal, which shows what they type or not."""

    def __init__(self, program: PlainProgram, connection: FakeConnection, shown: list[bool]) -> None:
        self.program, self.connection, self.shown = program, connection, shown
        program.client._take(welcome_of(Config()), None)

    async def type(self, *lines: str) -> None:
        for line in lines:
            self.program.input.receive_data(f"{line}\n".encode())
            await turns()

    def asked(self, do: str) -> list[dict[str, object]]:
        return [
            {name: value for name, value in fields.items() if name not in ("ref", "room")}
            for word, fields in self.connection.asked
            if word == do
        ]

    async def answer(self, do: str, *told: events.Event) -> None:
        for event in told:
            self.program.client._take(event, self.connection.ref(do))
        await turns()

    async def refuse(self, code: str = "name-registered") -> None:
        """The server does not let the user in who has not proved who they are."""
        self.connection.status = Status.REFUSED
        self.program.changed(ConnectionChanged(Status.REFUSED, f"Refused: {code}.", code=code, asks_proof=True))
        await turns()

    async def let_in(self, nick: str) -> None:
        self.connection.status = Status.ONLINE
        self.program.client._take(events.LoggedIn(nick, "t" * 22), None)
        self.program.changed(ConnectionChanged(Status.ONLINE))
        await turns()


def sit(act: Callable[[Sitting], Any], *, is_interactive: bool = True, **settings: Any) -> tuple[int, str, list[bool]]:
    """Sit at the program and act. Returns the exit code, what was written, and when the terminal was told to show what is typed."""
    shown: list[bool] = []

    async def run(program: PlainProgram, connection: FakeConnection) -> None:
        await act(Sitting(program, connection, shown))
        program.input.receive_data(b"")

    code, written = run_to_the_end(run, is_interactive=is_interactive, show_typed=shown.append, **settings)
    return code, "\n".join(written), shown


def proof_of(connection: FakeConnection) -> dict[str, str]:
    (proof,) = connection.proofs
    assert isinstance(proof, Proof)
    return proof.fields()


@pytest.mark.parametrize("command", ["/register", " /register", "\u3001register"])
def test_registering_asks_for_a_password_twice_unseen_and_shows_the_recovery_codes(command: str) -> None:
    async def act(user: Sitting) -> None:
        await user.type(command)
        assert user.shown == [False]
        await user.type(PASSWORD, PASSWORD)
        assert user.shown == [False, True]
        assert user.asked("register") == [{"password": PASSWORD, "invite": ""}]
        await user.type("hello")
        assert not user.connection.said, "what follows waits for the answer"
        await user.answer("register", Registered("ann", ("AAAA-BBBB", "CCCC-DDDD"), "4f2a" * 8))
        assert user.connection.identity.token == "4f2a" * 8
        assert [line.text for line in user.connection.said] == ["hello"]
        user.program.end(Exit.STORED)

    _, written, _ = sit(act)
    assert "AAAA-BBBB, CCCC-DDDD" in written
    assert "A token is kept in this program only, until it ends" in written
    assert PASSWORD not in written
    assert "4f2a" not in written


def test_an_invitation_goes_along_and_another_name_does_not() -> None:
    async def act(user: Sitting) -> None:
        await user.type("/register bob ABCD-EFGH", "/register Ann ABCD-EFGH", PASSWORD, PASSWORD)
        assert user.asked("register") == [{"password": PASSWORD, "invite": "ABCD-EFGH"}]
        user.program.end(Exit.STORED)

    _, written, _ = sit(act)
    assert "Your name here is ann, and /register keeps that one for you." in written


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ((PASSWORD, "other"), "That was not the same twice. Begin again."),
        (("",), NOT_ASKED),
        ((PASSWORD, ""), NOT_ASKED),
    ],
)
def test_what_is_not_the_same_twice_or_empty_asks_nothing(
    typed: tuple[str, ...], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(user: Sitting) -> None:
        await user.type("/register", *typed)
        assert user.asked("register") == []
        later = monotonic() + BEHIND_SECONDS + 1
        monkeypatch.setattr("chat_tui.client.plain_typing.monotonic", lambda: later)
        await user.type("hello")
        assert [line.text for line in user.connection.said] == ["hello"], "it goes on"
        user.program.end(Exit.STORED)

    _, written, shown = sit(act)
    assert why in written
    assert shown[-1], "the terminal shows again what is typed"


def test_another_password_is_chosen_with_the_one_that_was() -> None:
    async def act(user: Sitting) -> None:
        await user.type("/password", "old one", "battery staple", "battery staple")
        assert user.asked("password") == [{"old": "old one", "new": "battery staple"}]
        await user.answer("password", Answered(text="Your password is changed."))
        await user.type("/code recovery", "battery staple")
        assert user.asked("code") == [{"purpose": "recovery", "password": "battery staple"}]
        await user.answer("code", Answered(text="New codes."))
        await user.type("/code device")
        assert user.asked("code")[1:] == [{"purpose": "device"}], "for which nobody is asked"
        await user.answer("code", Answered(text="Within 10 minutes."))

    code, written, _ = sit(act)
    assert code == Exit.STORED
    assert "Your password is changed.\n" in written
    assert "New codes.\n" in written
    assert "old one" not in written
    assert "battery" not in written


def test_an_account_ends_with_its_password_and_the_program_with_it() -> None:
    async def act(user: Sitting) -> None:
        await user.type("/account erase", PASSWORD)
        assert user.asked("account") == [{"ending": "erase", "password": PASSWORD}]
        await user.answer("account", Refused("wrong-password", text="Wrong name or password."))
        assert user.program.code is None
        await user.type("/account erase", PASSWORD)
        await user.answer("account", Answered(text="ann ends in 7 days."))
        assert user.program.code == Exit.STORED

    _, written, _ = sit(act)
    assert written.index("Wrong name or password.") < written.index("ann ends in 7 days.")


def test_what_was_typed_before_a_password_is_asked_for_is_none_and_is_thrown_away() -> None:
    async def act(user: Sitting) -> None:
        user.program.input.receive_data(b"/register\nhello\n")
        await turns()
        await user.type(PASSWORD, PASSWORD)
        await user.answer("register", Refused("password-common", text="Everybody tries that first."))
        assert user.asked("register") == [{"password": PASSWORD, "invite": ""}]
        assert not user.connection.said
        user.program.end(Exit.STORED)

    _, written, _ = sit(act)
    assert thrown_away(1) in written


@pytest.mark.parametrize(
    "command",
    [
        "/regsiter",
        "  /regsiter",
        "／ｒｅｇｉｓｔｅｒ",
        "/register other",
        "/account clos",
        "/code recover",
        "/password",
        "/login ann",
    ],
)
@pytest.mark.parametrize("is_interactive", [True, False])
def test_what_comes_with_a_command_for_which_no_password_is_asked_is_not_said(
    command: str, monkeypatch: pytest.MonkeyPatch, *, is_interactive: bool
) -> None:
    now = [1000.0]
    monkeypatch.setattr("chat_tui.client.plain_typing.monotonic", lambda: now[0])

    async def act(user: Sitting) -> None:
        user.connection.line = Line.OPEN
        user.program.client._take(events.RoomsListed((("python", 1),)), None)
        user.program.input.receive_data(f"{command}\n{PASSWORD}\n{PASSWORD}\n".encode())
        await turns()
        assert not user.connection.said
        now[0] += 3
        await user.type("later", "and later")
        said = [line.text for line in user.connection.said]
        # In a pipe a word that is no command may be a room that there is not, and nothing more is said then.
        assert said == ["later", "and later"] if is_interactive else "later" not in said
        user.program.end(Exit.STORED)

    _, written, _ = sit(act, is_interactive=is_interactive)
    assert written.count(thrown_away(1)) == (2 if is_interactive else BEHIND_MAX)


@pytest.mark.parametrize("is_interactive", [True, False])
def test_a_password_that_begins_with_a_slash_has_nothing_behind_it_said(*, is_interactive: bool) -> None:
    async def act(user: Sitting) -> None:
        user.connection.line = Line.OPEN
        user.program.input.receive_data(f"/password\n/old-pass\n{PASSWORD}\n{PASSWORD}\n".encode())
        await turns()
        assert not user.connection.said
        user.program.end(Exit.STORED)

    _, written, _ = sit(act, is_interactive=is_interactive)
    assert written.count(thrown_away(1)) == 2


@pytest.mark.parametrize(
    ("command", "said"), [("/online", []), ("/quiet", []), ("/me waves", ["waves"]), ("/say hi", ["hi"])]
)
@pytest.mark.parametrize("is_interactive", [True, False])
def test_a_command_behind_a_mistyped_one_is_carried_out_and_has_what_follows_it_said(
    command: str, said: list[str], *, is_interactive: bool
) -> None:
    async def act(user: Sitting) -> None:
        await user.type("/accout close", command)
        if command == "/online":
            await user.answer("online", Answered(text="ann is here."))
        await user.type("hello")
        assert [line.text for line in user.connection.said] == [*said, "hello"]
        user.program.end(Exit.STORED)

    sit(act, is_interactive=is_interactive)


def test_what_follows_a_refused_command_in_a_pipe_is_said_where_a_file_has_the_password() -> None:
    async def act(user: Sitting) -> None:
        user.program.client._take(events.RoomsListed((("python", 1),)), None)
        await user.type("/register", "hello")
        await user.answer("register", Refused("registered-already", text="ann is your account already."))
        assert [line.text for line in user.connection.said] == ["hello"]
        user.program.end(Exit.STORED)

    sit(act, is_interactive=False, password=PASSWORD)


def test_the_first_line_that_is_left_in_a_pipe_is_named_without_what_stands_behind_an_alias_for_a_login() -> None:
    async def act(user: Sitting) -> None:
        user.program.client.aliases.words["in"] = "/login ann"
        user.connection.status = Status.WAITING
        await user.type(f"/in {PASSWORD}")
        user.program.end(Exit.NOT_STORED)

    _, written, _ = sit(act, is_interactive=False)
    assert "from this one on: /in" in written
    assert PASSWORD not in written


def test_on_a_line_that_others_can_read_no_secret_is_asked_for() -> None:
    async def act(user: Sitting) -> None:
        user.connection.line = Line.OPEN
        await user.type("/register", "/password", "/account close", "/login bob")
        assert user.asked("register") == []

    _, written, shown = sit(act)
    assert written.count("This line is not encrypted") == 4
    assert shown == []


def test_a_password_that_is_asked_for_when_the_connection_is_lost_is_asked_for_again_on_the_next() -> None:
    async def act(user: Sitting) -> None:
        await user.type("/register", PASSWORD)
        user.connection.status = Status.WAITING
        user.program.changed(ConnectionChanged(Status.WAITING, "it broke"))
        assert user.shown == [False, True]
        await user.let_in("ann")
        user.program.client._take(events.RoomsListed((("python", 1),)), None)
        await turns()
        assert user.shown == [False, True, False]
        await user.type(PASSWORD, PASSWORD)
        assert user.asked("register") == [{"password": PASSWORD, "invite": ""}]
        user.program.end(Exit.STORED)

    sit(act)


def test_tls_tells_first_what_this_end_sees_of_the_line() -> None:
    async def act(user: Sitting) -> None:
        user.connection.line = Line.ENCRYPTED
        user.connection.details = DETAILS
        await user.type("/tls")
        await user.answer("tls", Answered(text="This line is encrypted, says the server."))

    code, written, _ = sit(act)
    assert code == Exit.STORED
    assert f"  {GROUPS}\n  {GROUPS}\n" in written
    assert written.index("TLS 1.3") < written.index("says the server.")


# To be let in


@pytest.mark.parametrize(
    ("typed", "fields"),
    [
        (PASSWORD, {"password": PASSWORD}),
        ("/login ann ABCD-EFGH", {"code": "ABCD-EFGH"}),
        ("/login", {"password": "/login"}),
    ],
)
def test_who_is_refused_without_a_proof_is_asked_for_one(typed: str, fields: dict[str, str]) -> None:
    async def act(user: Sitting) -> None:
        await user.refuse()
        assert user.program.code is None
        assert user.shown == [False]
        await user.type(typed)
        assert proof_of(user.connection) == fields
        await user.let_in("ann")
        user.program.end(Exit.STORED)

    _, written, shown = sit(act)
    assert "Refused: name-registered." in written
    assert PASSWORD not in written
    assert shown == [False, True]


@pytest.mark.parametrize("is_named", [True, False])
def test_a_password_that_is_typed_before_it_is_asked_for_is_neither_said_nor_kept(*, is_named: bool) -> None:
    async def act(user: Sitting) -> None:
        user.connection.status = Status.CONNECTING
        user.program.changed(ConnectionChanged(Status.CONNECTING))
        await user.type(PASSWORD, f"/msg {PASSWORD}")
        assert not user.program.client.store.unsent
        if is_named:
            await user.refuse()
            assert not user.program.input.waiting
            await user.type(PASSWORD)
            assert proof_of(user.connection) == {"password": PASSWORD}
            await user.let_in("ann")
            user.program.client._take(events.RoomsListed((("python", 1),)), None)
            await turns()
        user.program.end(Exit.STORED)
        assert not user.connection.said
        assert not user.program.client.store.unsent

    _, written, _ = sit(act)
    assert ("2 lines typed ahead are thrown away" in written) is is_named
    assert PASSWORD not in written


def test_what_is_typed_before_a_connection_fails_that_was_never_there_is_not_kept_either() -> None:
    async def act(user: Sitting) -> None:
        user.connection.status = Status.CONNECTING
        await user.type(PASSWORD)
        user.connection.status = Status.WAITING
        user.program.changed(ConnectionChanged(Status.WAITING, "there is no answer"))
        await turns()
        assert not user.program.client.store.unsent
        await user.type("/quit")

    code, written, _ = sit(act)
    assert code == Exit.NOT_STORED
    assert NOT_YET in written


def test_what_is_typed_before_one_is_let_in_is_said_then() -> None:
    async def act(user: Sitting) -> None:
        user.connection.status = Status.CONNECTING
        await user.type("hello")
        assert not user.connection.said
        await user.let_in("ann")
        assert [line.text for line in user.connection.said] == ["hello"]
        user.program.end(Exit.STORED)

    sit(act)


@pytest.mark.parametrize("ends", [True, False])
def test_an_empty_line_or_the_end_of_the_input_leaves_it(*, ends: bool) -> None:
    async def act(user: Sitting) -> None:
        await user.refuse()
        if not ends:
            await user.type("")

    code, _, shown = sit(act)
    assert (code, shown[-1]) == (Exit.REFUSED, True)


def test_who_wants_to_be_somebody_else_proves_it_on_a_new_connection_or_stays_who_they_were() -> None:
    async def act(user: Sitting) -> None:
        await user.type("/login ann", "/login bob", PASSWORD)
        assert (user.connection.identity.nick, user.connection.tries) == ("bob", 1)
        assert isinstance(user.connection.proofs[-1], Proof)
        await user.refuse("wrong-password")
        await user.type("")
        assert (user.connection.identity.nick, user.connection.tries) == ("ann", 2)
        assert user.connection.proofs[-1] is None
        assert user.program.code is None
        await user.let_in("ann")
        user.program.end(Exit.STORED)

    _, written, _ = sit(act)
    assert "You are ann already." in written


def test_in_a_pipe_nobody_is_asked_and_that_is_said() -> None:
    async def act(user: Sitting) -> None:
        await user.type("/register", "/password", "/account close", "/login bob")
        assert user.asked("register") == []
        await user.refuse()

    code, written, shown = sit(act, is_interactive=False)
    assert (code, shown) == (Exit.REFUSED, [])
    assert written.count(NEEDS_TERMINAL) == 4
    assert "Refused: name-registered." in written


def test_in_a_pipe_the_password_of_a_file_is_shown_once_and_registers() -> None:
    async def act(user: Sitting) -> None:
        await user.type("/password", "/register")
        assert user.asked("register") == [{"password": PASSWORD, "invite": ""}]
        await user.answer("register", Registered("ann", ("code",), "4f2a" * 8))
        await user.refuse()
        assert proof_of(user.connection) == {"password": PASSWORD}
        await user.refuse("wrong-password")
        assert len(user.connection.proofs) == 1

    code, written, _ = sit(act, is_interactive=False, password=PASSWORD)
    assert code == Exit.REFUSED
    assert NEEDS_TERMINAL in written, "one file has one password"
    assert PASSWORD not in written


@pytest.mark.parametrize("by_code", [False, True])
def test_where_one_must_have_an_account_one_registers_before_one_is_let_in_and_is_shown_the_recovery_codes(
    by_code: bool,
) -> None:
    invite = ["ABCD-EFGH"] * by_code

    async def act(user: Sitting) -> None:
        await user.refuse("no-guests-but-invited" if by_code else "no-guests")
        await user.type(*invite, PASSWORD, "other")
        assert user.connection.proofs == []
        await user.type(*invite, PASSWORD, PASSWORD)
        (proof,) = user.connection.proofs
        assert proof is not None
        assert (proof.do, proof.fields()) == ("register", {"password": PASSWORD, "invite": "".join(invite)})
        user.connection.proofs.clear()
        await user.refuse("password-short")
        await user.type(*invite, PASSWORD, PASSWORD)
        assert user.connection.proofs.pop() is not None
        user.program.client._take(Registered("ann", ("AAAA-BBBB", "CCCC-DDDD"), "4f2a" * 8), None)
        await user.let_in("ann")
        user.connection.proofs.clear()
        await user.refuse("name-registered")
        await user.type(PASSWORD)
        assert proof_of(user.connection) == {"password": PASSWORD}
        await user.let_in("ann")
        user.program.end(Exit.STORED)

    _, written, _ = sit(act)
    assert "AAAA-BBBB, CCCC-DDDD" in written
    assert "A token is kept in" in written
    assert PASSWORD not in written


def test_in_a_pipe_no_account_is_made_that_nobody_has_asked_for() -> None:
    async def act(user: Sitting) -> None:
        await user.refuse("no-guests")
        assert user.connection.proofs == []

    code, written, _ = sit(act, is_interactive=False, password=PASSWORD)
    assert code == Exit.REFUSED
    assert "Refused: no-guests." in written


# The program itself


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with running_server() as running:
        yield running


def command(server: ServerProcess, folder: Path, nick: str, *more: str) -> list[str]:
    address = f"127.0.0.1:{server.port}"
    config = folder.with_suffix(".toml")
    config.write_text("keyring = false")
    flags = ["--plain", "--nick", nick, "--room", "python", "--state", str(folder), "--config", str(config)]
    return [sys.executable, "-m", "chat_tui", address, *flags, *more]


def on_disk(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.rglob("*") if path.is_file())


def test_at_a_terminal_no_password_is_shown_nor_kept_and_the_token_is(server: ServerProcess, tmp_path: Path) -> None:
    with terminal(*command(server, tmp_path / "one", "ann")) as user:
        user.wait_for("You are in python.")
        user.type("/register\n")
        user.wait_for("twice")
        assert not termios.tcgetattr(user._fd)[3] & termios.ECHO
        user.type(f"{PASSWORD}\n")
        user.wait_for("Once more:")
        user.type(f"{PASSWORD}\n")
        user.wait_for("ann is your account now")
        user.wait_for("memory.json, which only you can read")
        assert termios.tcgetattr(user._fd)[3] & termios.ECHO
        user.type("/devices\n")
        user.wait_for("this one")
        user.type("/quit\n")
        assert PASSWORD not in user.seen
    assert PASSWORD not in on_disk(tmp_path)
    with terminal(*command(server, tmp_path / "one", "ann")) as user:
        user.wait_for("You are in python.")
        user.type("/quit\n")
    with terminal(*command(server, tmp_path / "two", "ann")) as user:
        user.wait_for("The password of ann")
        user.type("wrong one\n")
        user.wait_for("Wrong name or password")
        user.wait_for("The password of ann")
        user.type(f"{PASSWORD}\n")
        user.wait_for("You are in python.")
        user.type("/devices\n")
        user.wait_for("2: ")
        user.type("/drop 1\n")
        user.wait_for("Dropped: 1.")
        user.type("/quit\n")
        assert PASSWORD not in user.seen


def test_in_a_pipe_a_file_has_the_password(server: ServerProcess, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\nand more\n")

    def run(folder: str, text: str, *more: str) -> Any:
        done = subprocess.run(
            command(server, tmp_path / folder, "carol", *more),
            input=text,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert PASSWORD not in done.stdout + done.stderr
        return done

    assert NEEDS_TERMINAL in run("one", "/register\n").stdout
    assert "carol is your account now" in run("one", "/register\n", "--password-file", str(secret)).stdout
    assert run("two", "hello\n").returncode == Exit.REFUSED
    assert "stored as" in run("two", "hello\n", "--password-file", str(secret)).stdout
    assert "stored as" in run("two", "hello again\n").stdout, "the token does from now on"
    assert PASSWORD not in on_disk(tmp_path / "one") + on_disk(tmp_path / "two")
    secret.unlink()


@pytest.mark.parametrize("text", [b"", b"\nsecond", b"\xff\xfe\n", None])
def test_a_file_without_a_password_is_one_line_and_code_2(
    server: ServerProcess, tmp_path: Path, text: bytes | None
) -> None:
    secret = tmp_path / "password"
    if text is not None:
        secret.write_bytes(text)
    done = subprocess.run(
        command(server, tmp_path, "dave", "--password-file", str(secret)),
        input="",
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert str(secret) in done.stderr
