"""The token of an account: in the system's keyring where there is one, and nobody waits for it; else in the file."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from chat_server.protocol import events
from chat_tui.client.credentials import Credentials, Keyring, KeyringError
from chat_tui.client.local_store import LocalStore
from chat_tui.client.plain_program import Exit
from chat_tui.client.signing_in import Identity
from chat_tui.client.system_keyring import PROCESS, SystemKeyring
from processes import ROOT, TIMEOUT, running_server

TOKEN = "4f2a" * 8


class FakeKeyring:
    """A keyring that keeps what it is given, is in trouble, or takes its time."""

    def __init__(self, *, is_wanted: bool = True) -> None:
        self.is_wanted = is_wanted
        self.entries: dict[str, str] = {}
        self.trouble: str | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.asked = 0

    async def _answer(self) -> None:
        self.asked += 1
        await self.may_answer.wait()
        if self.trouble is not None:
            raise KeyringError(self.trouble)

    async def get(self, entry: str) -> str:
        await self._answer()
        return self.entries.get(entry, "")

    async def put(self, entry: str, secret: str) -> None:
        await self._answer()
        self.entries[entry] = secret

    async def forget(self, entry: str) -> None:
        await self._answer()
        self.entries.pop(entry, None)


class Program:
    """What a run of chat-tui has of credentials, from the start to the end."""

    def __init__(self, folder: Path, keyring: Keyring | None) -> None:
        self.store = LocalStore(folder)
        self.told: list[str] = []
        self.store.tell = self.told.append
        self.credentials = Credentials(self.store, "chat.example.org", 5000, keyring)
        self.identity = self.credentials.identity("ann", is_same=True)

    async def log_in(self, given: str = "") -> str:
        """Show the server a token; it lets the user in, and gives them another if it has one. Returns what was shown."""
        shown = await self.credentials.token_for(self.identity)
        self.identity.token = given or shown
        self.take(events.LoggedIn("ann", given or shown))
        await settled()
        return shown

    def take(self, event: events.LoggedIn | events.Registered | events.Renamed) -> None:
        self.credentials.take(event, self.identity)

    def end(self) -> None:
        self.credentials.close()
        self.store.save()
        self.store.close()


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def on_disk(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.iterdir())


def play(act: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(act())


def test_the_token_of_an_account_goes_into_the_keyring_and_is_on_no_disk(tmp_path: Path) -> None:
    async def act() -> None:
        keyring = FakeKeyring()
        first = Program(tmp_path, keyring)
        await first.log_in(given=TOKEN)
        assert [*keyring.entries.values()] == [TOKEN]
        first.end()
        assert TOKEN not in on_disk(tmp_path)
        again = Program(tmp_path, keyring)
        assert again.credentials.has_let_in
        assert await again.log_in() == TOKEN
        assert again.credentials.place() == "the system's keyring"
        assert (keyring.asked, again.told) == (2, []), "it is not put there again"

    play(act)


def test_the_token_that_registering_gives_is_the_account_s_too(tmp_path: Path) -> None:
    async def act() -> None:
        keyring = FakeKeyring()
        program = Program(tmp_path, keyring)
        guest = await program.log_in()
        program.take(events.Registered("ann", ("code",), TOKEN))
        await settled()
        assert ([*keyring.entries.values()], program.identity.token) == ([TOKEN], TOKEN)
        program.end()
        assert not {guest, TOKEN} & {*LocalStore(tmp_path).saved.tokens.values()}

    play(act)


def test_the_token_of_a_guest_is_in_the_file_before_anybody_is_told_and_asks_no_keyring(tmp_path: Path) -> None:
    async def act() -> None:
        keyring = FakeKeyring()
        program = Program(tmp_path, keyring)
        token = await program.credentials.token_for(program.identity)
        assert token in on_disk(tmp_path)
        assert not program.credentials.has_let_in, "it has been shown to nobody yet"
        await program.log_in()
        assert keyring.asked == 0

    play(act)


def test_two_profiles_have_an_entry_each(tmp_path: Path) -> None:
    async def act() -> None:
        keyring = FakeKeyring()
        for name in ("home", "work"):
            program = Program(tmp_path / name, keyring)
            await program.log_in(given=name * 6)
            program.end()
        assert sorted(keyring.entries.values()) == ["home" * 6, "work" * 6]
        assert all(entry.startswith("ann at chat.example.org:5000 (") for entry in keyring.entries)

    play(act)


def test_where_a_token_is_kept_is_told_from_the_home_directory_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "kept").mkdir()
    program = Program(tmp_path / "kept", None)
    assert program.credentials.place() == "~/kept/memory.json, which only you can read"
    program.end()


def test_a_keyring_in_trouble_leaves_the_token_in_the_file_and_that_is_said_once(tmp_path: Path) -> None:
    async def act() -> None:
        keyring = FakeKeyring()
        keyring.trouble = "it is locked"
        program = Program(tmp_path, keyring)
        for _ in range(3):
            await program.log_in(given=TOKEN)
        (told,) = program.told
        assert told == (
            f"The system's keyring cannot be used: it is locked. The token of ann is kept in {tmp_path}/memory.json,"
            " which only you can read."
        )
        assert program.credentials.place() == f"{tmp_path}/memory.json, which only you can read"
        program.end()
        assert (tmp_path / "memory.json").stat().st_mode & 0o777 == 0o600
        keyring.trouble = None
        later = Program(tmp_path, keyring)
        assert await later.log_in() == TOKEN
        assert [*keyring.entries.values()] == [TOKEN], "it moves where it belongs as soon as that can be"
        later.end()
        assert TOKEN not in on_disk(tmp_path)

    play(act)


def test_where_there_is_no_keyring_the_file_has_it_and_nothing_is_said(tmp_path: Path) -> None:
    async def act() -> None:
        keyring = FakeKeyring()
        keyring.trouble = ""
        program = Program(tmp_path, keyring)
        assert program.credentials.place().startswith("the system's keyring if it opens, else in ")
        await program.log_in(given=TOKEN)
        program.end()
        assert (TOKEN in on_disk(tmp_path), program.told) == (True, [])

    play(act)


def test_a_token_moves_back_into_the_file_when_the_keyring_is_not_wanted_any_more(tmp_path: Path) -> None:
    async def act() -> None:
        keyring = FakeKeyring()
        program = Program(tmp_path, keyring)
        await program.log_in(given=TOKEN)
        program.end()
        keyring.is_wanted = False
        for _ in range(2):
            program = Program(tmp_path, keyring)
            assert await program.log_in() == TOKEN
            program.end()
        assert (keyring.entries, TOKEN in on_disk(tmp_path)) == ({}, True)
        assert keyring.asked == 3, "put, got, forgotten"

    play(act)


def test_a_keyring_that_takes_its_time_holds_up_nobody_and_the_end_of_the_program_finds_the_token_in_the_file(
    tmp_path: Path,
) -> None:
    async def act() -> None:
        keyring = FakeKeyring()
        keyring.may_answer.clear()
        program = Program(tmp_path, keyring)
        await program.log_in(given=TOKEN)
        assert TOKEN not in on_disk(tmp_path)
        program.end()
        assert TOKEN in on_disk(tmp_path)
        await settled()

    play(act)


def test_a_program_that_ends_waits_a_moment_for_the_keyring(tmp_path: Path) -> None:
    async def act() -> None:
        keyring = FakeKeyring()
        keyring.may_answer.clear()
        program = Program(tmp_path, keyring)
        await program.log_in(given=TOKEN)
        asyncio.get_running_loop().call_later(0.01, keyring.may_answer.set)
        await program.credentials.settle()
        program.end()
        assert TOKEN not in on_disk(tmp_path)

    play(act)


def test_a_keyring_that_does_not_give_the_token_is_asked_again_only_when_the_server_has_refused(tmp_path: Path) -> None:
    async def act() -> None:
        keyring = FakeKeyring()
        program = Program(tmp_path, keyring)
        await program.log_in(given=TOKEN)
        program.end()
        keyring.trouble, keyring.asked = "it is locked", 0
        program = Program(tmp_path, keyring)
        shown = {await program.credentials.token_for(program.identity) for _ in range(3)}
        assert TOKEN not in shown
        assert (program.identity.token, keyring.asked, len(program.told)) == ("", 1, 1)
        assert "connect again when it is open, or log in by password" in program.told[0]
        assert not shown & {*program.store.saved.tokens.values()}, "what proves nothing is not kept"
        assert program.credentials.place().startswith(str(tmp_path)), "where another would be kept"
        await program.log_in(given=TOKEN[::-1])
        assert len(program.told) == 1, "it is said once"
        program.identity.token = ""
        program.store.saved.tokens.clear()
        program.credentials.ask_again()
        await program.credentials.token_for(program.identity)
        assert len(program.told) == 2, "but to whoever has tried again"
        keyring.trouble = None
        program.credentials.ask_again()
        assert await program.log_in() == TOKEN

    play(act)


@pytest.mark.parametrize("keyring", [None, FakeKeyring()])
def test_a_login_that_gives_no_token_leaves_the_one_that_is_kept(tmp_path: Path, keyring: FakeKeyring | None) -> None:
    async def act() -> None:
        for given in (TOKEN, ""):
            program = Program(tmp_path, keyring)
            await program.log_in(given=given)
            program.take(events.LoggedIn("ann", ""))
            await settled()
            program.end()
        assert await Program(tmp_path, keyring).log_in() == TOKEN
        assert (TOKEN in on_disk(tmp_path)) == (keyring is None)

    play(act)


def test_an_entry_that_somebody_has_taken_out_is_told_and_made_again(tmp_path: Path) -> None:
    async def act() -> None:
        keyring = FakeKeyring()
        program = Program(tmp_path, keyring)
        await program.log_in(given=TOKEN)
        program.end()
        keyring.entries.clear()
        program = Program(tmp_path, keyring)
        await program.log_in(given=TOKEN[::-1])
        assert program.told == ["The system's keyring has no token of ann any more. Log in by password, or a code."]
        assert [*keyring.entries.values()] == [TOKEN[::-1]]
        program.end()

    play(act)


def test_a_keyring_whose_package_is_gone_is_named(tmp_path: Path) -> None:
    async def act() -> None:
        program = Program(tmp_path, FakeKeyring())
        await program.log_in(given=TOKEN)
        program.end()
        program = Program(tmp_path, None)
        await program.credentials.token_for(program.identity)
        assert "pip install 'chat-server[keyring]'" in program.told[0]

    play(act)


def test_an_account_that_is_renamed_keeps_its_entry(tmp_path: Path) -> None:
    async def act() -> None:
        keyring = FakeKeyring()
        program = Program(tmp_path, keyring)
        await program.log_in(given=TOKEN)
        program.take(events.Renamed("ann", "anna"))
        await settled()
        program.end()
        program = Program(tmp_path, keyring)
        assert program.store.saved.accounts.keys() == {"anna"}
        program.identity = program.credentials.identity("anna", is_same=True)
        assert await program.credentials.token_for(program.identity) == TOKEN
        assert len(keyring.entries) == 1

    play(act)


def test_who_wants_another_name_while_the_keyring_is_asked_shows_no_token_of_the_first(tmp_path: Path) -> None:
    async def act() -> None:
        keyring = FakeKeyring()
        program = Program(tmp_path, keyring)
        await program.log_in(given=TOKEN)
        program.end()
        keyring.may_answer.clear()
        program = Program(tmp_path, keyring)
        asking = asyncio.create_task(program.credentials.token_for(program.identity))
        await settled()
        program.identity.nick = "bob"
        keyring.may_answer.set()
        assert await asking != TOKEN
        assert program.store.saved.tokens["bob"] == program.identity.token

    play(act)


def test_a_program_that_keeps_nothing_puts_nothing_into_the_keyring() -> None:
    async def act() -> None:
        keyring = FakeKeyring()
        store = LocalStore(None)
        credentials = Credentials(store, "127.0.0.1", 5000, keyring)
        credentials.take(events.LoggedIn("ann", TOKEN), Identity("ann"))
        await settled()
        assert keyring.asked == 0
        assert credentials.place() == "this program only, until it ends"

    play(act)


# The keyring of the system, in a process of its own


@pytest.fixture
def file_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "file_keyring.FileKeyring")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests"))
    monkeypatch.setenv("FILE_KEYRING", str(tmp_path / "keyring"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path / "keyring"


@pytest.mark.parametrize("does", ["", "speaks"])
def test_what_is_put_into_the_system_s_keyring_is_there_until_it_is_forgotten(
    file_keyring: Path, monkeypatch: pytest.MonkeyPatch, does: str
) -> None:
    monkeypatch.setenv("FILE_KEYRING_DOES", does)

    async def act() -> None:
        keyring = SystemKeyring(seconds=TIMEOUT)
        assert await keyring.get("ann") == ""
        await keyring.put("ann", TOKEN)
        assert await keyring.get("ann") == TOKEN
        assert "chat-tui: ann" in file_keyring.read_text()  # noqa: ASYNC240 - nothing else is to do
        for _ in range(2):
            await keyring.forget("ann")
        assert await keyring.get("ann") == ""

    play(act)


@pytest.mark.parametrize(("does", "why"), [("locked", "it is locked"), ("asks", "it failed (EOFError)")])
def test_a_keyring_in_trouble_says_why_and_nothing_secret(
    file_keyring: Path, monkeypatch: pytest.MonkeyPatch, does: str, why: str
) -> None:
    monkeypatch.setenv("FILE_KEYRING_DOES", does)
    with pytest.raises(KeyringError) as raised:
        asyncio.run(SystemKeyring(seconds=TIMEOUT).put("ann", TOKEN))
    assert str(raised.value) == why


def test_a_keyring_that_never_answers_is_given_up_and_its_process_ended(
    file_keyring: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FILE_KEYRING_DOES", "hangs")
    began = time.monotonic()
    with pytest.raises(KeyringError, match=r"has not answered for 0\.2 s"):
        asyncio.run(SystemKeyring(seconds=0.2).get("ann"))
    assert time.monotonic() - began < TIMEOUT


def running(process: Path) -> bool:
    """Whether one whose number this file has still runs."""
    try:
        state = Path(f"/proc/{process.read_text()}/stat").read_text()
    except FileNotFoundError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("while True: os.write(1, bytes(65536))", "it says too much"),
        ("os.write(1, b'x' * 60000); time.sleep(1000)", r"it has not answered for 0\.5 s"),
        ("os.close(1); time.sleep(1000)", r"it has not answered for 0\.5 s"),
        ("subprocess.run(['sleep', '1000'])", r"it has not answered for 0\.5 s"),
        ("subprocess.Popen(['sleep', '1000'], start_new_session=True)", r"it has not answered for 0\.5 s"),
    ],
)
def test_a_process_that_floods_goes_on_or_leaves_another_behind_outlives_no_limit(
    tmp_path: Path, code: str, why: str
) -> None:
    number = tmp_path / "process"
    begins = f"import os, subprocess, time; open({str(number)!r}, 'w').write(str(os.getpid()))"
    keyring = SystemKeyring(process=(sys.executable, "-c", f"{begins}\n{code}"), seconds=0.5 if "0" in why else TIMEOUT)

    async def act() -> None:
        async with asyncio.timeout(TIMEOUT):
            with pytest.raises(KeyringError, match=why):
                await keyring.get("ann")

    asyncio.run(act())
    assert not running(number)


def test_without_a_keyring_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    with pytest.raises(KeyringError) as raised:
        asyncio.run(SystemKeyring(seconds=TIMEOUT).get("ann"))
    assert str(raised.value) == ""


@pytest.mark.parametrize("code", ["", "print('what?')", "print('[]')", "raise SystemExit(1)"])
def test_a_process_that_answers_nonsense_is_a_keyring_that_fails(code: str) -> None:
    with pytest.raises(KeyringError, match="it failed"):
        asyncio.run(SystemKeyring(process=(sys.executable, "-c", code), seconds=TIMEOUT).get("ann"))


def test_no_module_of_the_directory_where_one_is_takes_the_keyring_s_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keyring.py").write_text("raise SystemExit('stolen')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    assert "-P" in PROCESS
    with pytest.raises(KeyringError) as raised:
        asyncio.run(SystemKeyring(seconds=TIMEOUT).get("ann"))
    assert str(raised.value) == ""


def test_chat_tui_logs_in_by_a_token_of_the_keyring_and_by_password_where_that_is_locked(
    file_keyring: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text("correct horse")
    state = tmp_path / "state"

    def run(text: str, *more: str) -> Any:
        flags = ["--plain", "--nick", "ann", "--room", "python", "--state", str(state), "--config", "/dev/null"]
        command = [sys.executable, "-m", "chat_tui", f"127.0.0.1:{server.port}", *flags, *more]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=TIMEOUT)
        assert "Traceback" not in done.stderr
        return done

    def kept() -> str:
        return next(state.glob("*/memory.json")).read_text()

    with running_server() as server:
        assert "ann is your account now" in run("/register\n", "--password-file", str(tmp_path / "password")).stdout
        (token,) = json.loads(file_keyring.read_text()).values()
        assert token not in kept()
        assert "stored as 1" in run("hello\n").stdout
        monkeypatch.setenv("FILE_KEYRING_DOES", "locked")
        refused = run("hello\n")
        assert refused.returncode == Exit.REFUSED
        assert refused.stderr.count("The system's keyring cannot be used: it is locked.") == 1
        done = run("hello\n", "--password-file", str(tmp_path / "password"))
        assert "stored as 2\n[python] stored as 3" in done.stdout, "what could not be sent before comes first"
        again = run("hello\n")
        assert "stored as 4" in again.stdout, "the file has the new token"
        assert token not in kept()


@pytest.mark.parametrize("secret", ["null", "[1]", '"\\ud800"', '"a\\nb"', '"é"', f'"{"x" * 1025}"'])
def test_what_is_no_token_is_none_that_a_server_is_shown(secret: str) -> None:
    said = f'{{"secret": {secret}}}'
    keyring = SystemKeyring(process=(sys.executable, "-c", f"print({said!r})"))
    with pytest.raises(KeyringError, match="what it gives is no token"):
        asyncio.run(keyring.get("ann"))
