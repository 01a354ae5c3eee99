"""A user's account, from the client's side: what is said to the server, and what never is. Against the real server, without a screen."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

import canary
from callers import newcomer, without_tls
from chat_server.protocol import code_events, events
from chat_server.protocol.events import Event
from chat_tui.client import account_words, accounts
from chat_tui.client.accounts import Proof
from chat_tui.client.calling import Address, Caller, Line
from chat_tui.client.client import Client
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.early_typing import EarlyTyping
from chat_tui.client.known_servers import KnownServers
from chat_tui.client.local_store import LocalStore
from chat_tui.client.signing_in import Identity, SigningIn, kept_nowhere
from processes import TIMEOUT, ServerProcess, running_server

CANARY = canary.PASSWORD
TOKEN = "t" * 22


class User:
    """Somebody at a machine of theirs, with a program that keeps what it keeps in a folder."""

    def __init__(self, port: int, folder: Path, nick: str, caller: Caller) -> None:
        self.changes: list[ConnectionChanged] = []
        self.heard: list[Event] = []
        self.folder = folder
        self.client = Client(
            "127.0.0.1",
            port,
            nick,
            store=LocalStore(folder),
            caller=caller,
            on_event=lambda event, _, __: self.heard.append(event),
            on_change=self.changes.append,
        )

    async def until(self, is_so: Callable[[], object]) -> None:
        async with asyncio.timeout(TIMEOUT):
            while not is_so():
                await asyncio.sleep(0.01)

    async def status(self, status: Status) -> ConnectionChanged:
        await self.until(lambda: self.changes and self.changes[-1].status is status)
        return self.changes[-1]

    async def answer(self, ask: Callable[[Callable[[Event], bool]], object]) -> Event:
        """The first answer to what this asks."""
        answers: list[Event] = []

        def take(event: Event) -> bool:
            answers.append(event)
            return True

        assert not ask(take)
        await self.until(lambda: answers)
        return answers[0]

    async def register(self) -> events.Registered:
        await self.status(Status.ONLINE)
        connection = self.client.connection
        answer = await self.answer(lambda take: accounts.register(connection, CANARY, "", take))
        assert isinstance(answer, events.Registered)
        return answer

    def prove(self, proof: Proof) -> None:
        self.changes.clear()
        self.client.connection.prove(proof)


@asynccontextmanager
async def user(port: int, folder: Path, nick: str, caller: Caller | None = None) -> AsyncIterator[User]:
    one = User(port, folder, nick, caller or newcomer())
    running = asyncio.create_task(one.client.connection.run())
    try:
        yield one
    finally:
        running.cancel()
        one.client.close()


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    with running_server() as running:
        yield running


def test_who_registers_comes_back_by_the_token_that_the_server_gave(server: ServerProcess, tmp_path: Path) -> None:
    async def act() -> None:
        async with user(server.port, tmp_path, "ann") as ann:
            await ann.status(Status.ONLINE)
            as_guest = ann.client.saved.token
            registered = await ann.register()
            assert ann.client.saved.token == registered.token != as_guest
            assert ann.client.saved.tokens == {"ann": registered.token}
        async with user(server.port, tmp_path, "ann") as again:
            await again.status(Status.ONLINE)
            shown = await again.answer(lambda take: not again.client.connection.request("account", on_answer=take))
            assert isinstance(shown, events.AccountShown)
        secrets.extend((CANARY, *registered.recovery))

    secrets: list[str] = []
    asyncio.run(act())
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert len(secrets) == 3
    assert not any(secret.encode() in kept for secret in secrets)


def test_another_program_is_asked_for_a_proof_and_has_a_token_of_its_own_then(
    server: ServerProcess, tmp_path: Path
) -> None:
    async def act() -> None:
        async with user(server.port, tmp_path / "one", "ann") as ann:
            await ann.register()
            async with user(server.port, tmp_path / "two", "ann") as other:
                refused = await other.status(Status.REFUSED)
                assert (refused.code, refused.asks_proof) == ("name-registered", True)
                other.prove(Proof(password="wrong horse battery"))
                refused = await other.status(Status.REFUSED)
                assert (refused.code, refused.asks_proof) == ("wrong-password", True)
                other.prove(Proof(password=CANARY))
                await other.status(Status.ONLINE)
                assert other.client.saved.token not in ("", ann.client.saved.token)
                assert ann.client.connection.status is Status.ONLINE, "it is one more session"

    asyncio.run(act())


def test_a_one_time_code_lets_one_in_once(server: ServerProcess, tmp_path: Path) -> None:
    async def act() -> None:
        async with user(server.port, tmp_path / "one", "ann") as ann:
            await ann.register()
            made = await ann.answer(
                lambda take: not ann.client.connection.request("code", on_answer=take, purpose="device")
            )
            assert isinstance(made, code_events.CodeMade)
            assert made.code in made.text
            for folder, is_first in (("two", True), ("three", False)):
                async with user(server.port, tmp_path / folder, "ann") as other:
                    await other.status(Status.REFUSED)
                    other.prove(Proof(code=made.code.lower()))
                    change = await other.status(Status.ONLINE if is_first else Status.REFUSED)
                    assert change.code == ("" if is_first else "wrong-code")

    asyncio.run(act())


def test_another_password_ends_the_other_programs_which_ask_for_the_new_one(
    server: ServerProcess, tmp_path: Path
) -> None:
    new = "another horse battery canary 7f3b"

    async def act() -> None:
        async with user(server.port, tmp_path / "one", "ann") as ann:
            await ann.register()
            async with user(server.port, tmp_path / "two", "ann") as other:
                await other.status(Status.REFUSED)
                other.prove(Proof(password=CANARY))
                await other.status(Status.ONLINE)
                connection = ann.client.connection
                changed = await ann.answer(lambda take: accounts.change_password(connection, CANARY, new, take))
                assert isinstance(changed, events.Answered)
                ended = await other.status(Status.REFUSED)
                assert (ended.code, ended.asks_proof) == ("password-changed", True)
                other.prove(Proof(password=new))
                await other.status(Status.ONLINE)

    asyncio.run(act())


def test_where_one_must_have_an_account_one_registers_in_place_of_logging_in(tmp_path: Path) -> None:
    async def act(port: int) -> None:
        async with user(port, tmp_path / "one", "ann") as ann:
            refused = await ann.status(Status.REFUSED)
            assert (refused.code, refused.asks_proof) == ("no-guests", True)
            ann.prove(Proof(password="short", is_new=True))
            refused = await ann.status(Status.REFUSED)
            assert (refused.code, refused.asks_proof) == ("password-short", True)
            ann.prove(Proof(password=CANARY, is_new=True))
            await ann.status(Status.ONLINE)
            (registered,) = [event for event in ann.heard if isinstance(event, events.Registered)]
            assert ann.client.state.nick == "ann"
            assert ann.client.connection.request("join", room="python")
            await ann.until(lambda: [event for event in ann.heard if isinstance(event, events.Entered)])
            assert ann.client.saved.token == registered.token
        async with user(port, tmp_path / "one", "ann") as again:
            await again.status(Status.ONLINE)

    config = tmp_path / "chat.toml"
    config.write_text("[accounts]\nguests = false\n")
    with running_server("--config", str(config)) as server:
        asyncio.run(act(server.port))


def test_the_proof_is_kept_until_the_server_has_answered_it(server: ServerProcess, tmp_path: Path) -> None:
    signing_in = SigningIn(Identity("ann", "t" * 22), kept_nowhere)
    signing_in.prove(Proof(password=CANARY))
    for _ in range(2):  # the connection broke before the answer came
        assert b"login" not in asyncio.run(signing_in.first_words())
        assert CANARY.encode() in (signing_in.second_words(Line.ENCRYPTED) or b"")
    assert signing_in.refused(events.Refused("busy")), "whatever is wrong with a proof, another may be shown"
    assert b"t" * 22 in asyncio.run(signing_in.first_words())
    assert signing_in.second_words(Line.ENCRYPTED) == b""
    assert not signing_in.refused(events.Refused("name-taken"))


def test_on_an_open_line_a_server_hears_no_password_whatever_it_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[bytes] = []
    monkeypatch.setattr(Address, "is_local", False)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            writer.write(
                b'{"is":"hello","server":"x","version":"1","protocol":2,"limits":{},"commands":[]}\n'
                b'{"is":"refused","ref":"login","code":"name-registered","text":"prove it"}\n'
            )
            while data := await reader.read(4096):
                heard.append(data)

    async def act() -> None:
        listener = await asyncio.start_server(without_tls(serve), "127.0.0.1", 0)
        caller = Caller(KnownServers(None), allows_plaintext=True)
        async with listener, user(listener.sockets[0].getsockname()[1], tmp_path, "ann", caller) as ann:
            change = await ann.status(Status.REFUSED)
            assert (change.code, change.line, change.asks_proof) == ("name-registered", Line.OPEN, True)
            for secret in (Proof(password=CANARY), Proof(code="7K3M-Q9TZ-7K3M-Q9TZ-7K3M")):
                ann.prove(secret)
                change = await ann.status(Status.REFUSED)
                assert (change.code, change.why, change.asks_proof) == ("no-secrets-here", accounts.WAYS_IN, True)
            ann.prove(Proof(code="8K3M-Q9TZ"))
            await ann.until(lambda: b"8K3M-Q9TZ" in b"".join(heard))

    asyncio.run(act())
    assert CANARY.encode() not in b"".join(heard)
    assert b"7K3M-Q9TZ" not in b"".join(heard)


def test_on_an_open_line_a_server_hears_no_token_of_an_account_and_on_another_one_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            writer.write(b'{"is":"hello","server":"x","version":"1","protocol":2,"limits":{},"commands":[]}\n')
            while data := await reader.read(4096):
                heard.extend(data)
                if b'"login"' in data:
                    writer.write(
                        json.dumps({"is": "logged-in", "nick": "ann", "token": TOKEN, "rooms": []}).encode() + b"\n"
                    )

    async def come(port: int, *, is_local: bool) -> None:
        monkeypatch.setattr(Address, "is_local", is_local)
        heard.clear()
        async with user(port, tmp_path, "ann", Caller(KnownServers(None), allows_plaintext=True)) as ann:
            change = await ann.status(Status.ONLINE if is_local else Status.REFUSED)
            assert is_local or (change.code, change.why, change.asks_proof) == (
                "no-secrets-here",
                accounts.WAYS_IN,
                True,
            )

    async def act() -> None:
        async with await asyncio.start_server(without_tls(serve), "127.0.0.1", 0) as listener:
            port = listener.sockets[0].getsockname()[1]
            await come(port, is_local=True)
            assert TOKEN.encode() not in heard, "the account is not known yet"
            await come(port, is_local=False)
            assert TOKEN.encode() not in heard
            await come(port, is_local=True)
            assert TOKEN.encode() in heard

    asyncio.run(act())


@pytest.mark.parametrize(
    ("proof", "is_said"),
    [
        (Proof(password=CANARY), False),
        (Proof(code="7K3M-Q9TZ-7K3M-Q9TZ-7K3M"), False),
        (Proof(code="7K3M-Q9TZ"), True),
        (Proof(code="7k3m q9tz"), True),
    ],
)
def test_no_secret_is_said_where_somebody_may_listen(proof: Proof, *, is_said: bool) -> None:
    signing_in = SigningIn(Identity("ann"), kept_nowhere)
    signing_in.prove(proof)
    asyncio.run(signing_in.first_words())
    words = signing_in.second_words(Line.OPEN)
    assert (words is not None) is is_said
    if not is_said:
        assert b"login" in asyncio.run(signing_in.first_words()), "it is forgotten"


@pytest.mark.parametrize("line", Line)
def test_no_request_with_a_secret_goes_over_an_open_line(line: Line) -> None:
    asked: list[str] = []

    class Asks:
        def __init__(self) -> None:
            self.line = line

        def request(self, do: str, **fields: Any) -> bool:
            asked.append(do)
            return True

    def answered(_: Event) -> bool:
        return True

    whys = [
        accounts.register(Asks(), CANARY, "", answered),
        accounts.change_password(Asks(), CANARY, CANARY, answered),
        accounts.end_account(Asks(), "close", CANARY, answered),
    ]
    assert asked == ([] if line is Line.OPEN else ["register", "password", "account"])
    assert set(whys) == ({accounts.WAYS_IN} if line is Line.OPEN else {""})


def test_whatever_is_written_of_a_proof_is_only_that_it_is_one() -> None:
    for proof in (Proof(password=CANARY), Proof(code="7K3M-Q9TZ")):
        assert str(proof) == repr(proof) == f"{proof}" == "Proof(…)"


@pytest.mark.parametrize(
    ("code", "is_secret"),
    [("7K3M-Q9TZ", False), ("7k3m q9tz", False), ("hunter2", True), ("7K3MQ9TZX", True), ("", True)],
)
def test_what_has_not_the_letters_of_a_code_that_is_good_once_is_a_secret(code: str, *, is_secret: bool) -> None:
    assert Proof(code=code).is_secret is is_secret


def test_a_proof_that_is_typed_while_another_is_looked_at_is_shown_next() -> None:
    async def act() -> None:
        logins = SigningIn(Identity("ann"), kept_nowhere)
        logins.prove(Proof(password="the first horse"))
        await logins.first_words()
        assert b"the first horse" in (logins.second_words(Line.LOCAL) or b"")
        logins.prove(Proof(password="the second horse"))
        logins.refused(events.Refused("wrong-password"))
        await logins.first_words()
        assert b"the second horse" in (logins.second_words(Line.LOCAL) or b"")
        logins.refused(events.Refused("wrong-password"))
        assert b"token" in await logins.first_words()

    asyncio.run(act())


def test_what_is_kept_of_somebody_may_let_them_in_no_more_and_that_is_known_when_it_was_tried() -> None:
    early = EarlyTyping(is_known=True)
    assert early.may_be_secret
    for status, may_be in ((Status.WAITING, False), (Status.CONNECTING, True), (Status.ONLINE, False)):
        early.changed(ConnectionChanged(status))
        assert early.may_be_secret is may_be


def test_who_wants_to_be_somebody_else_may_be_asked_for_a_password_again() -> None:
    client = Client(
        "h", 1, "ann", store=LocalStore(None), caller=newcomer(), on_event=lambda *_: None, on_change=lambda _: None
    )
    assert client.early_typing.may_be_secret
    client._connection_changed(ConnectionChanged(Status.ONLINE))
    for status in (Status.WAITING, Status.CONNECTING):
        client._connection_changed(ConnectionChanged(status))
        assert not client.early_typing.may_be_secret
    client.call_oneself("bob")
    for status in (Status.WAITING, Status.CONNECTING, Status.REFUSED):
        client._connection_changed(ConnectionChanged(status))
        assert client.early_typing.may_be_secret


@pytest.mark.parametrize(
    ("details", "seconds"),
    [
        ({}, 0),
        ({"seconds": "42"}, 42),
        ({"minutes": "2"}, 120),
        ({"seconds": "²"}, 0),
        ({"seconds": "-1", "minutes": "1"}, 60),
        ({"seconds": "9" * 5000}, 9_999_999),
        ({"minutes": "9" * 400}, 599_999_940),
    ],
)
def test_a_wait_is_as_long_as_the_server_says_but_no_longer_than_a_clock_can_tell(
    details: dict[str, str], seconds: int
) -> None:
    assert accounts.seconds_to_wait(details) == seconds
    assert account_words.refused(events.Refused("busy", details, text="Later."), 1e9).startswith("Later.")
