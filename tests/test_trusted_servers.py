"""The client against servers that speak TLS, whose certificates change, end, or were never right: what it goes on with, and what it says to none."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

import forks
from callers import without_tls
from chat_server.protocol.fingerprints import parse_fingerprint
from chat_tui.client.calling import HANGS_UP, Address, Caller, Line, LineDetails
from chat_tui.client.connection import Connection, ConnectionChanged, Status
from chat_tui.client.known_servers import KnownServers
from chat_tui.client.signing_in import Identity
from chat_tui.client.state import State
from chat_tui.client.trust import AUTHORITY, PLAINTEXT, UNTRUSTED, About
from chat_tui.client.trust_words import Doubt
from processes import TIMEOUT, ServerProcess, running_server
from tls_servers import Certificate, OtherEnd, Relay, certificates, relay

TOKEN = "t" * 22


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with running_server() as running:
        yield running


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server counts as one on another computer."""
    monkeypatch.setattr(Address, "is_local", False)


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch) -> None:
    """This computer trusts the authority of the tests."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates().authority))


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat_tui.client.pauses.FIRST_PAUSE", 0.01)


class User:
    """A user without a screen, on a server of which something may be known."""

    def __init__(self, port: int, folder: Path, *, allows_plaintext: bool = False, host: str = "127.0.0.1") -> None:
        self.servers = KnownServers(folder / "known_servers")
        self.changes: list[ConnectionChanged] = []
        self.connection = Connection(
            host,
            port,
            Identity("ann", TOKEN),
            caller=Caller(self.servers, allows_plaintext=allows_plaintext),
            known=State(),
            unsent=list,
            on_event=lambda *_: None,
            on_change=self.changes.append,
        )

    async def until(self, status: Status, since: int = 0) -> ConnectionChanged:
        """Wait for this, and for nothing that came before a number of changes."""
        async with asyncio.timeout(TIMEOUT):
            while not any(change.status is status for change in self.changes[since:]):
                await asyncio.sleep(0.005)
        return next(change for change in self.changes[since:] if change.status is status)

    async def online(self) -> ConnectionChanged:
        return await self.until(Status.ONLINE)

    async def doubt(self) -> Doubt:
        doubt = (await self.until(Status.REFUSED)).doubt
        assert doubt is not None
        return doubt

    @property
    def word(self) -> str:
        """What is known of the server."""
        return self.servers.find(self.connection.host, self.connection.port).word


def play(user: User, act: Callable[[User], Awaitable[Any]]) -> Any:
    """Have the user be connected, and act."""

    async def run() -> Any:
        task = asyncio.create_task(user.connection.run())
        try:
            return await act(user)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await asyncio.sleep(0)

    return asyncio.run(run())


def doubt_of(user: User) -> Doubt:
    """Why the server is not trusted."""
    doubt = play(user, User.doubt)
    assert isinstance(doubt, Doubt)
    return doubt


def goes_on(user: User) -> ConnectionChanged:
    """How the connection is, once there is one."""
    change = play(user, User.online)
    assert isinstance(change, ConnectionChanged)
    return change


def told(change: ConnectionChanged) -> tuple[str, Line]:
    """What the user is told with a connection, and who may listen in."""
    return change.why, change.line


def was_told_nothing(server: Relay) -> bool:
    return not server.heard


def test_the_first_use_of_a_server_on_this_computer_asks_nobody_and_is_kept(
    server: ServerProcess, tmp_path: Path
) -> None:
    one = certificates().self_signed()
    with relay(server.port, one) as front:
        user = User(front.port, tmp_path)
        change = goes_on(user)
        assert told(change) == ("", Line.ENCRYPTED)
        assert change.details == LineDetails("TLSv1.3", change.details.cipher, one.fingerprint, change.details.known)
        assert change.details.cipher.startswith("TLS_")
        assert change.details.known.word == one.fingerprint
        assert user.word == one.fingerprint
        assert TOKEN.encode() in front.heard
        assert [change.status for change in user.changes] == [Status.CONNECTING, Status.ONLINE]


@pytest.mark.usefixtures("elsewhere")
def test_the_first_use_of_a_server_elsewhere_asks_and_says_nothing_before_the_answer(
    server: ServerProcess, tmp_path: Path
) -> None:
    one = certificates().self_signed()

    async def say_yes(user: User) -> ConnectionChanged:
        doubt = await user.doubt()
        assert (doubt.unsettled.about, doubt.unsettled.fingerprint) == (About.FIRST_USE, one.fingerprint)
        assert was_told_nothing(front)
        assert user.word == UNTRUSTED
        user.connection.trust(doubt)
        return await user.online()

    with relay(server.port, one) as front:
        user = User(front.port, tmp_path)
        assert told(play(user, say_yes)) == ("", Line.ENCRYPTED)
        assert user.word == one.fingerprint
        assert goes_on(User(front.port, tmp_path)).line is Line.ENCRYPTED, "nobody is asked twice"


@pytest.mark.parametrize("is_local", [True, False])
def test_a_certificate_that_has_changed_is_refused_until_it_is_accepted_by_the_command_that_is_told(
    server: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_local: bool
) -> None:
    from chat_tui.cli import main  # noqa: PLC0415 - as the user types it

    monkeypatch.setattr(Address, "is_local", is_local)
    one, other = certificates().self_signed(), certificates().self_signed()
    with relay(server.port, one) as front:
        User(front.port, tmp_path).servers.note("127.0.0.1", front.port, one.fingerprint)
        goes_on(User(front.port, tmp_path))
        front.present(other)
        user = User(front.port, tmp_path)
        doubt = doubt_of(user)
        assert doubt.unsettled.about is About.CHANGED
        assert [shown.fingerprint for shown in doubt.compared] == [one.fingerprint, other.fingerprint]
        assert not doubt.yes
        assert was_told_nothing(front)
        assert user.word == one.fingerprint
        program, *words = doubt.command.split()
        assert program == "chat-tui"
        assert main([*words, "--state", str(tmp_path)]) == 0
        assert goes_on(User(front.port, tmp_path)).line is Line.ENCRYPTED


@pytest.mark.usefixtures("elsewhere")
def test_a_certificate_that_changes_while_one_is_there_ends_the_trust_with_the_connection(
    server: ServerProcess, tmp_path: Path
) -> None:
    one, other = certificates().self_signed(), certificates().self_signed()

    async def change(user: User) -> None:
        await user.online()
        front.present(other)
        assert (await user.doubt()).unsettled.about is About.CHANGED
        assert was_told_nothing(front)
        front.present(one)
        user.connection.try_now()
        await user.until(Status.ONLINE, since=len(user.changes))

    with relay(server.port, one) as front:
        user = User(front.port, tmp_path)
        user.servers.note("127.0.0.1", front.port, one.fingerprint)
        play(user, change)


@pytest.mark.usefixtures("elsewhere", "authority")
def test_a_server_that_an_authority_vouches_for_asks_nobody_whatever_its_next_certificate(
    server: ServerProcess, tmp_path: Path
) -> None:
    with relay(server.port, certificates().vouched_for()) as front:
        user = User(front.port, tmp_path)
        change = goes_on(user)
        assert told(change) == ("", Line.ENCRYPTED)
        assert (change.details.known.word, user.word) == (AUTHORITY, AUTHORITY)
        assert change.details.fingerprint.startswith("sha256:")
        front.present(certificates().vouched_for())
        goes_on(User(front.port, tmp_path))
        front.present(certificates().self_signed())
        assert doubt_of(User(front.port, tmp_path)).unsettled.about is About.NO_AUTHORITY
        assert was_told_nothing(front)


@pytest.mark.usefixtures("elsewhere", "authority")
def test_a_server_of_which_a_fingerprint_is_kept_and_that_verifies_now_needs_it_no_more_and_says_so(
    server: ServerProcess, tmp_path: Path
) -> None:
    with relay(server.port, certificates().vouched_for()) as front:
        user = User(front.port, tmp_path)
        user.servers.note("127.0.0.1", front.port, certificates().self_signed().fingerprint)
        assert "vouches for the server now" in goes_on(user).why
        assert user.word == AUTHORITY
        assert not goes_on(User(front.port, tmp_path)).why


@pytest.mark.usefixtures("authority")
@pytest.mark.parametrize(
    ("make", "about"),
    [
        (lambda: certificates().vouched_for(days=-1), About.EXPIRED),
        (lambda: certificates().vouched_for("DNS:elsewhere.example"), About.WRONG_NAME),
    ],
)
def test_what_an_authority_has_given_out_and_is_over_or_for_another_is_never_taken_by_itself(
    make: Callable[[], Certificate], about: About, server: ServerProcess, tmp_path: Path
) -> None:
    certificate = make()
    with relay(server.port, certificate) as front:
        doubt = doubt_of(user := User(front.port, tmp_path))
        assert (doubt.unsettled.about, doubt.yes) == (about, "")
        assert was_told_nothing(front)
        assert user.word == UNTRUSTED
        user.servers.note("127.0.0.1", front.port, certificate.fingerprint)
        assert goes_on(User(front.port, tmp_path)).line is Line.ENCRYPTED


def test_a_server_on_this_computer_without_tls_is_spoken_to_at_once(server: ServerProcess, tmp_path: Path) -> None:
    with relay(server.port, None) as front:
        assert told(goes_on(User(front.port, tmp_path))) == ("", Line.LOCAL)
        assert not (tmp_path / "known_servers").exists()


@pytest.mark.usefixtures("elsewhere")
def test_a_server_elsewhere_without_tls_is_asked_about_once(server: ServerProcess, tmp_path: Path) -> None:
    async def say_yes(user: User) -> ConnectionChanged:
        doubt = await user.doubt()
        assert doubt.unsettled.about is About.PLAIN_TEXT
        assert was_told_nothing(front)
        user.connection.trust(doubt)
        return await user.online()

    with relay(server.port, None) as front:
        user = User(front.port, tmp_path)
        change = play(user, say_yes)
        assert told(change) == ("", Line.OPEN)
        assert (change.details.version, change.details.known.word) == ("", PLAINTEXT)
        assert user.word == PLAINTEXT
        assert goes_on(User(front.port, tmp_path)).line is Line.OPEN
        front.present(certificates().self_signed())
        assert doubt_of(User(front.port, tmp_path)).unsettled.about is About.FIRST_USE, (
            "TLS is tried first all the same"
        )
        front.present(None)
        assert user.word == UNTRUSTED


@pytest.mark.usefixtures("elsewhere")
def test_who_asks_for_plain_text_is_asked_nothing_and_has_tls_where_there_is_some(
    server: ServerProcess, tmp_path: Path
) -> None:
    with relay(server.port, None) as front:
        user = User(front.port, tmp_path, allows_plaintext=True)
        assert goes_on(user).line is Line.OPEN
        assert user.word == ""
        front.present(certificates().self_signed())
        assert doubt_of(User(front.port, tmp_path, allows_plaintext=True)).unsettled.about is About.FIRST_USE


async def _greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As a server does that takes a hello for a person's line."""
    with closing(writer):
        writer.write(b"* Welcome. /login NICK lets you in.\r\n")
        await writer.drain()


@pytest.mark.parametrize("is_local", [True, False])
def test_a_server_that_has_spoken_tls_is_never_told_anything_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_local: bool
) -> None:
    monkeypatch.setattr(Address, "is_local", is_local)
    one = certificates().self_signed()

    async def strip() -> None:
        async with await asyncio.start_server(_greet, "127.0.0.1", 0) as listener:
            for word in (one.fingerprint, AUTHORITY, UNTRUSTED):
                user = User(listener.sockets[0].getsockname()[1], tmp_path)
                user.servers.note("127.0.0.1", user.connection.port, word)
                task = asyncio.create_task(user.connection.run())
                doubt = await user.doubt()
                assert doubt.unsettled.about is About.NO_LONGER_TLS
                assert doubt.command == f"chat-tui --plaintext 127.0.0.1:{user.connection.port}"
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    asyncio.run(strip())


def test_a_server_that_speaks_tls_at_first_and_plain_text_when_it_is_looked_at_again_is_told_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first look is for an authority that vouches; who has none is called a second time."""
    heard = bytearray()

    async def strip(is_local: bool, word: str) -> About:
        monkeypatch.setattr(Address, "is_local", is_local)
        calls = 0

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal calls
            calls += 1
            end = OtherEnd(certificates().self_signed()) if calls == 1 else None
            with closing(writer):
                while data := await reader.read(65536):
                    if end is None:
                        heard.extend(data)
                    writer.write(b"* Welcome.\r\n" if end is None else end.shake_hands(data))

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as listener:
            user = User(listener.sockets[0].getsockname()[1], tmp_path)
            user.servers.note("127.0.0.1", user.connection.port, word)
            task = asyncio.create_task(user.connection.run())
            doubt = await user.doubt()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert user.word == UNTRUSTED
            return doubt.unsettled.about

    for is_local in (True, False):
        for word in ("", PLAINTEXT):
            assert asyncio.run(strip(is_local, word)) is About.NO_LONGER_TLS
    assert TOKEN.encode() not in heard


@pytest.mark.parametrize("late", [1, 2])
@pytest.mark.parametrize("looks", [1, 2])
def test_a_server_that_greets_before_the_hello_has_come_is_called_again(
    tmp_path: Path, looks: int, late: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hello that is lost on its way comes later than the greeting. Who speaks TLS is not taken for somebody who does not."""
    monkeypatch.setattr(Address, "is_local", False)
    one, calls = certificates().self_signed(), 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        with closing(writer), suppress(OSError):
            if looks <= calls < looks + late:
                writer.write(b"* Welcome.\r\n")
                await reader.read()
            end = OtherEnd(one)
            while data := await reader.read(65536):
                writer.write(end.shake_hands(data))

    async def first_use() -> None:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as listener:
            user = User(listener.sockets[0].getsockname()[1], tmp_path)
            task = asyncio.create_task(user.connection.run())
            doubt = await user.doubt()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert (doubt.unsettled.about, doubt.unsettled.fingerprint) == (About.FIRST_USE, one.fingerprint)

    asyncio.run(first_use())
    assert calls == late + 2


def test_a_server_that_has_spoken_tls_and_hangs_up_is_called_again_with_tls(
    server: ServerProcess, tmp_path: Path
) -> None:
    """It may be ending, or full: that is no reason to ask the user, and none to go on without."""
    one = certificates().self_signed()

    async def come_back(user: User) -> None:
        change = await user.until(Status.WAITING)
        assert change.why == HANGS_UP
        assert was_told_nothing(front)
        front.present(one)
        await user.online()

    with relay(server.port, None) as front:
        user = User(front.port, tmp_path)
        user.servers.note("127.0.0.1", front.port, one.fingerprint)
        play(user, come_back)


def test_the_flag_goes_on_where_tls_was_turned_off(server: ServerProcess, tmp_path: Path) -> None:
    async def run() -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with closing(writer):
                while line := await reader.readline():
                    if b'"login"' in line:
                        writer.write(b'{"ref":"login","is":"logged-in","nick":"ann","token":"","rooms":[]}\n')

        async with await asyncio.start_server(without_tls(talk), "127.0.0.1", 0) as listener:
            port = listener.sockets[0].getsockname()[1]
            known = KnownServers(tmp_path / "known_servers")
            known.note("127.0.0.1", port, UNTRUSTED)
            user = User(port, tmp_path, allows_plaintext=True)
            task = asyncio.create_task(user.connection.run())
            await user.online()
            assert user.word == UNTRUSTED, "the next time it is asked for again"
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())


LET_IN = b'{"ref":"login","is":"logged-in","nick":"ann","token":"","rooms":[]}\n'


def ended(end: OtherEnd) -> bytes:
    return end.end()


def in_the_middle(end: OtherEnd) -> bytes:
    return end.say(b'{"is":"news"}\n' * 100)[:-10]


def spoilt(end: OtherEnd) -> bytes:
    record = bytearray(end.say(b'{"is":"news"}\n'))
    record[-1] ^= 1
    return bytes(record)


@pytest.mark.parametrize(
    ("last", "hangs_up", "why"),
    [
        (ended, False, "the connection was closed"),
        (in_the_middle, True, "the connection was closed"),
        (spoilt, False, "the connection broke"),
    ],
)
def test_a_line_that_ends_in_whatever_way_is_made_again_with_the_server_that_is_trusted(
    last: Callable[[OtherEnd], bytes], why: str, tmp_path: Path, *, hangs_up: bool
) -> None:
    one = certificates().self_signed()
    calls: list[bytes] = []
    farewells: list[bool] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        end = OtherEnd(one)
        with closing(writer), suppress(OSError):
            while not end.is_agreed:
                writer.write(end.shake_hands(await reader.read(65536)))
            said = end.hear(b"")
            while b'"login"' not in said:
                said += end.hear(await reader.read(65536))
            calls.append(said)
            writer.write(end.say(LET_IN))
            if len(calls) == 1:
                writer.write(last(end))
                if hangs_up:
                    return
            while data := await reader.read(65536):
                end.hear(data)
            farewells.append(end.is_ended)

    async def run() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as listener:
            user = User(listener.sockets[0].getsockname()[1], tmp_path)
            user.servers.note("127.0.0.1", user.connection.port, one.fingerprint)
            task = asyncio.create_task(user.connection.run())
            assert (await user.until(Status.WAITING)).why == why
            await user.until(Status.ONLINE, since=[change.status for change in user.changes].index(Status.WAITING))
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            async with asyncio.timeout(TIMEOUT):  # who ends a line that is whole says so
                while True not in farewells:
                    await asyncio.sleep(0.005)
        assert len(calls) == 2

    asyncio.run(run())


@pytest.mark.parametrize("word", ["", UNTRUSTED])
def test_a_server_that_says_nothing_to_a_hello_is_waited_for_only_where_it_has_spoken_tls(
    word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat_tui.client.calling.HELLO_SECONDS", 0.05)
    monkeypatch.setattr("chat_tui.client.connection.CONNECT_SECONDS", 1.0)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            first = await reader.read(1)
            while line := await reader.read(65536):
                if first == b"{" and b'"login"' in line:
                    writer.write(LET_IN)

    async def run() -> ConnectionChanged:
        async with await asyncio.start_server(talk, "127.0.0.1", 0) as listener:
            user = User(listener.sockets[0].getsockname()[1], tmp_path)
            if word:
                user.servers.note("127.0.0.1", user.connection.port, word)
            task = asyncio.create_task(user.connection.run())
            change = await (user.until(Status.WAITING) if word else user.online())
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return change

    change = asyncio.run(run())
    assert (change.line, change.why) == (Line.LOCAL, "there is no answer" if word else "")


def test_a_server_with_which_tls_cannot_be_agreed_upon_is_not_spoken_to_without(tmp_path: Path) -> None:
    heard = bytearray()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            heard.extend(await reader.read(65536))
            writer.write(bytes((21, 3, 3, 0, 2, 2, 70)))  # an alert: protocol version (RFC 8446, section 6)
            await writer.drain()

    async def run() -> None:
        async with await asyncio.start_server(refuse, "127.0.0.1", 0) as listener:
            user = User(listener.sockets[0].getsockname()[1], tmp_path, allows_plaintext=True)
            task = asyncio.create_task(user.connection.run())
            assert (await user.until(Status.WAITING)).why.startswith("TLS could not be agreed upon (")
            assert user.word == UNTRUSTED
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    assert b"login" not in heard


def test_the_server_itself_is_known_again_by_the_fingerprint_that_it_prints_and_another_in_its_place_is_not(
    tmp_path: Path,
) -> None:
    def printed(folder: Path) -> str:
        words = [sys.executable, "-m", "chat_server", "--data", str(folder), "fingerprint"]
        shown = forks.run(words, capture_output=True, text=True, timeout=TIMEOUT, check=True).stdout
        return parse_fingerprint(shown.partition("\n")[0])

    state, first, second = tmp_path / "state", tmp_path / "first", tmp_path / "second"
    with running_server(data=first) as running:
        running.wait_for_log("the certificate of TLS is")
        user = User(running.port, state)
        assert goes_on(user).line is Line.ENCRYPTED
        assert user.word == printed(first)
        port = running.port
        running.stop()
    for folder in (second, first):
        with running_server("--port", str(port), data=folder) as running:
            running.wait_for_log("the certificate of TLS is")
            user = User(port, state)
            if folder == first:
                assert goes_on(user).line is Line.ENCRYPTED
            else:
                doubt = doubt_of(user)
                assert doubt.unsettled.about is About.CHANGED
                assert [shown.fingerprint for shown in doubt.compared] == [user.word, printed(second)]
            running.stop()
