"""The certificate in use: another one takes its place while callers come, a bad one never; it is looked at, and its end is told of."""

import json
import os
import pty
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from trio.testing import MockClock

import forks
from captured_logs import capture_logs
from chat_server.config import Config, TlsTable
from chat_server.protocol.fingerprints import fingerprint_of, in_groups
from chat_server.server import signals
from chat_server.server.certificate_in_use import LOOK_SECONDS, WARN_SECONDS, CertificateInUse
from chat_server.server.certificates import OWN_FILE
from chat_server.server.config_in_use import NotReloaded
from chat_server.server.signals import Signals
from pairs import NOW, Pair, asking, handshake, shown_by
from processes import ROOT, TIMEOUT, running_server
from streams import Caller

DAY = timedelta(days=1)


class Clock:
    """A time of day that a test sets."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now.timestamp()


def in_use(folder: Path, clock: Clock | None = None) -> CertificateInUse:
    return CertificateInUse(TlsTable(str(folder / "cert.pem"), str(folder / "key.pem")), None, clock or Clock())


async def read_again(certificate: CertificateInUse, folder: Path) -> None:
    """As a reload does. Raises NotReloaded."""
    (await certificate.prepared(Config(tls=TlsTable(str(folder / "cert.pem"), str(folder / "key.pem")))))()


def told(pair: Pair) -> str:
    return f"SHA-256 {in_groups(fingerprint_of(pair.der))}"


def put_pipe(folder: Path) -> None:
    (folder / "key.pem").unlink()
    os.mkfifo(folder / "key.pem")


BAD: dict[str, Callable[[Path], object]] = {
    "of another key": lambda folder: (folder / "key.pem").write_bytes(Pair().key),
    "half written": lambda folder: (folder / "cert.pem").write_bytes(Pair().certificate[:300]),
    "empty": lambda folder: (folder / "key.pem").write_bytes(b""),
    "encrypted": lambda folder: Pair(password=b"secret").write(folder),
    "expired": lambda folder: Pair(ends=NOW - DAY).write(folder),
    "not yet valid": lambda folder: Pair(begins=NOW + DAY).write(folder),
    "gone": lambda folder: (folder / "cert.pem").unlink(),
    "a pipe": put_pipe,
}


@pytest.mark.parametrize("bad", BAD)
async def test_a_bad_pair_is_no_reload_and_the_next_good_one_is(tmp_path: Path, bad: str) -> None:
    first, second = Pair(), Pair()
    first.write(tmp_path)
    certificate = in_use(tmp_path)
    BAD[bad](tmp_path)
    with capture_logs() as logs, pytest.raises(NotReloaded, match=r"pem"):
        await read_again(certificate, tmp_path)
    assert logs == []
    assert shown_by(certificate) == first.der
    (tmp_path / "key.pem").unlink()
    second.write(tmp_path)
    await read_again(certificate, tmp_path)
    assert shown_by(certificate) == second.der


async def test_other_files_are_another_certificate_and_so_is_the_servers_own(tmp_path: Path) -> None:
    pair = Pair()
    pair.write(tmp_path)
    certificate = CertificateInUse(TlsTable(), tmp_path)
    await certificate.look()
    own = shown_by(certificate)
    await read_again(certificate, tmp_path)
    assert shown_by(certificate) == pair.der
    (await certificate.prepared(Config()))()
    assert shown_by(certificate) == own
    with capture_logs() as logs:
        await certificate.look()
    assert logs == [], "nothing has changed since"


@pytest.mark.parametrize("bad", BAD)
async def test_a_bad_pair_changes_nothing_and_is_said_and_the_next_good_one_is_used(tmp_path: Path, bad: str) -> None:
    first, second = Pair(), Pair()
    first.write(tmp_path)
    certificate = in_use(tmp_path)
    BAD[bad](tmp_path)
    with capture_logs() as logs:
        await certificate.look()
    assert [(entry["log_level"], entry["event"]) for entry in logs] == [
        ("error", "the certificate of TLS stays as it was: the new one cannot be used")
    ]
    assert shown_by(certificate) == first.der
    with capture_logs() as logs:
        await certificate.look()
    assert logs == [], "what has not changed since is not said each hour"
    (tmp_path / "key.pem").unlink()
    second.write(tmp_path)
    with capture_logs() as logs:
        await certificate.look()
    assert logs == [
        {"log_level": "info", "event": f"the certificate of TLS is now {told(second)}", "until": "2035-02-14"}
    ]
    assert shown_by(certificate) == second.der


async def test_a_certificate_whose_time_comes_is_used_then_though_nobody_asks(tmp_path: Path) -> None:
    first, second, clock = Pair(), Pair(begins=NOW + DAY), Clock()
    first.write(tmp_path)
    certificate = in_use(tmp_path, clock)
    second.write(tmp_path)
    await certificate.look()
    assert shown_by(certificate) == first.der
    clock.now += 2 * DAY
    await certificate.look()
    assert shown_by(certificate) == second.der


async def test_who_is_connected_keeps_what_they_were_shown_when_another_takes_its_place(tmp_path: Path) -> None:
    first, second = Pair(), Pair()
    first.write(tmp_path)
    certificate = in_use(tmp_path)
    context = certificate.context()
    assert context
    server, client = handshake(context)
    second.write(tmp_path)
    await read_again(certificate, tmp_path)
    assert shown_by(certificate) == second.der
    client.write(b"hello")
    assert server.read(10) == b"hello"
    assert client.getpeercert(binary_form=True) == first.der


async def test_files_that_are_the_same_are_read_only_if_somebody_asks(tmp_path: Path) -> None:
    pair = Pair()
    pair.write(tmp_path)
    certificate = in_use(tmp_path)
    with capture_logs() as logs:
        await certificate.look()
        assert logs == []
        await read_again(certificate, tmp_path)
    assert [entry["event"] for entry in logs] == [f"the certificate of TLS is still {told(pair)}"]


async def test_another_file_with_the_times_of_the_old_one_is_a_change(tmp_path: Path) -> None:
    """`cp -p` and `rsync` keep them, and two certificates may have been written in one moment."""
    old, new = Pair(), Pair()
    old.write(tmp_path)
    certificate = in_use(tmp_path)
    times = (tmp_path / "cert.pem").stat()
    (tmp_path / "new").mkdir()
    new.write(tmp_path / "new")
    for file in ("cert.pem", "key.pem"):
        os.utime(tmp_path / "new" / file, ns=(times.st_atime_ns, times.st_mtime_ns))
        os.utime(tmp_path / file, ns=(times.st_atime_ns, times.st_mtime_ns))
    await read_again(certificate, tmp_path)
    for file in ("cert.pem", "key.pem"):
        (tmp_path / "new" / file).replace(tmp_path / file)
    await certificate.look()
    assert shown_by(certificate) == new.der


async def test_a_link_that_leads_elsewhere_is_a_change(tmp_path: Path) -> None:
    """Let's Encrypt's `live` has links to files that each have a number."""
    pairs = [Pair(), Pair()]
    for number, pair in enumerate(pairs):
        (tmp_path / str(number)).mkdir()
        pair.write(tmp_path / str(number))
    for file in ("cert.pem", "key.pem"):
        (tmp_path / file).symlink_to(tmp_path / "0" / file)
    certificate = in_use(tmp_path)
    for file in ("cert.pem", "key.pem"):
        (tmp_path / file).unlink()
        (tmp_path / file).symlink_to(tmp_path / "1" / file)
    await certificate.look()
    assert shown_by(certificate) == pairs[1].der


async def eventually(logs: list[dict[str, Any]], text: str) -> None:
    """Wait until this is logged: a thread reads files, and that takes no virtual time."""
    while not any(text in entry["event"] for entry in logs):
        await trio.lowlevel.checkpoint()


async def test_the_files_are_looked_at_each_hour(tmp_path: Path, mock_clock: MockClock) -> None:
    first, second = Pair(), Pair()
    first.write(tmp_path)
    certificate = in_use(tmp_path)
    async with trio.open_nursery() as nursery:
        with capture_logs() as logs:
            nursery.start_soon(certificate.run)
            await eventually(logs, told(first))
            second.write(tmp_path)
            mock_clock.jump(LOOK_SECONDS - 1)
            await trio.testing.wait_all_tasks_blocked(0.05)
            assert shown_by(certificate) == first.der
            mock_clock.jump(1)
            await eventually(logs, f"is now {told(second)}")
        nursery.cancel_scope.cancel()
    assert LOOK_SECONDS == 3600


async def test_the_end_is_told_of_once_a_day_from_two_weeks_before_it(tmp_path: Path, mock_clock: MockClock) -> None:
    clock = Clock()
    Pair(ends=NOW + 15 * DAY).write(tmp_path)
    certificate = in_use(tmp_path, clock)
    told_on = []
    for hour in range(24 * 18):
        with capture_logs() as logs:
            await certificate.look()
        told_on += [(hour // 24, entry["log_level"], entry.get("days")) for entry in logs]
        clock.now += timedelta(hours=1)
        mock_clock.jump(3600)
    assert told_on == [
        *((day, "warning", 15 - day) for day in range(1, 15)),
        *((day, "error", None) for day in (15, 16, 17)),
    ]


async def test_a_new_certificate_that_ends_soon_is_told_of_at_once(tmp_path: Path) -> None:
    Pair(ends=NOW + 3 * DAY).write(tmp_path)
    certificate = in_use(tmp_path)
    with capture_logs() as logs:
        await certificate.look()
        Pair(ends=NOW + 5 * DAY).write(tmp_path)
        await certificate.look()
    assert [entry.get("days") for entry in logs] == [3, None, 5]


async def test_a_key_that_everybody_may_read_is_told_of(tmp_path: Path) -> None:
    Pair().write(tmp_path)
    (tmp_path / "key.pem").chmod(0o644)
    certificate = in_use(tmp_path)
    with capture_logs() as logs:
        await read_again(certificate, tmp_path)
    assert logs[-1]["event"] == "everybody on this machine may read the key of TLS"


async def test_there_is_no_tls_until_the_certificate_has_been_made(tmp_path: Path) -> None:
    certificate = CertificateInUse(TlsTable(), tmp_path)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(certificate.run)
        await trio.testing.wait_all_tasks_blocked()
        assert certificate.context() is None
        while certificate.certificate is None:
            await trio.sleep(0.01)
        assert shown_by(certificate) == certificate.certificate.der
        nursery.cancel_scope.cancel()


async def test_the_one_that_was_made_is_used_again_at_the_next_start_whatever_day_it_is(tmp_path: Path) -> None:
    first = CertificateInUse(TlsTable(), tmp_path)
    await first.look()
    again = CertificateInUse(TlsTable(), tmp_path, Clock(datetime(2060, 1, 1, tzinfo=UTC)))
    with capture_logs() as logs:
        await again.look()
    assert again.certificate
    assert again.certificate == first.certificate
    assert logs[-1]["event"] == "the certificate of TLS has expired, and programs refuse it: renew it"


async def test_a_server_that_keeps_nothing_makes_another_one_each_time() -> None:
    certificates = [CertificateInUse(TlsTable(), None) for _ in range(2)]
    for certificate in certificates:
        await certificate.look()
    assert shown_by(certificates[0]) != shown_by(certificates[1])
    with capture_logs() as logs:
        (await certificates[0].prepared(Config()))()
    assert logs == []


# --- the server as a process


UNLIMITED = "[limits]\nconnections_per_address = 0\nmessages_per_second = 0\n"


def configured(folder: Path, more: str = "") -> str:
    certificate, key = folder / "cert.pem", folder / "key.pem"
    (folder / "chat.toml").write_text(f"[tls]\ncertificate = '{certificate}'\nkey = '{key}'\n{more}")
    return str(folder / "chat.toml")


LATER = datetime.now(UTC) + 300 * DAY


def test_another_certificate_is_read_on_sighup_and_a_bad_one_is_not_used(tmp_path: Path) -> None:
    first, second = Pair(ends=LATER), Pair(ends=LATER)
    first.write(tmp_path)
    with running_server("--config", configured(tmp_path)) as server:
        server.wait_for_log(f"the certificate of TLS is {told(first)}")
        (tmp_path / "key.pem").write_bytes(second.key)
        server.signal(signal.SIGHUP)
        server.wait_for_log("error: the configuration stays as it was")
        second.write(tmp_path)
        server.signal(signal.SIGHUP)
        server.wait_for_log(f"the certificate of TLS is now {told(second)}")
        assert server.stop() == 0


@pytest.mark.parametrize("bad", ["of another key", "encrypted", "gone", "a pipe", "expired"])
def test_a_server_does_not_start_with_a_bad_pair_and_says_why_in_one_line(tmp_path: Path, bad: str) -> None:
    Pair(ends=LATER).write(tmp_path)
    BAD[bad](tmp_path)
    done = forks.run(
        [sys.executable, "-m", "chat_server", "--port", "0", "--config", configured(tmp_path), "--data", tmp_path],
        capture_output=True, text=True, timeout=TIMEOUT,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("chat-server: ")
    assert done.stderr.count("\n") == 1
    checked = forks.run(
        [sys.executable, "-m", "chat_server", "--check-config", "--port", "0", "--config", tmp_path / "chat.toml"],
        capture_output=True, text=True, timeout=TIMEOUT,
    )  # fmt: skip
    assert (checked.returncode, checked.stdout, checked.stderr) == (2, "", done.stderr)


def test_an_encrypted_key_does_not_ask_the_terminal(tmp_path: Path) -> None:
    Pair(ends=LATER, password=b"secret").write(tmp_path)
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "chat_server", "--port", "0", "--config", configured(tmp_path), "--data", tmp_path],
        stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT, start_new_session=True, check=False,
    )  # fmt: skip
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 2
    assert "has a password" in done.stderr


def test_a_server_makes_its_certificate_at_its_first_start_and_has_it_at_the_next(tmp_path: Path) -> None:
    lines = []
    for _ in range(2):
        with running_server(data=tmp_path) as server:
            server.wait_for_log("the certificate of TLS is SHA-256 ")
            lines.append(server.log[-1].partition("info: ")[2])
            assert server.stop() == 0
    assert lines[0] == lines[1]
    assert (tmp_path / OWN_FILE).exists()


async def call(port: int) -> trio.SSLStream[trio.SocketStream]:
    """Connect by TLS, verifying nothing."""
    stream = trio.SSLStream(await trio.open_tcp_stream("127.0.0.1", port), asking(), https_compatible=True)
    await stream.do_handshake()
    return stream


class Comers:
    """Come by TLS and go again, all the time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._shown: list[bytes] = []  # in the order in which they began to connect; empty where they have not yet
        self.is_enough = False

    async def come(self) -> None:
        while not self.is_enough:
            number = len(self._shown)
            self._shown.append(b"")
            stream = await call(self._port)
            self._shown[number] = stream.getpeercert(binary_form=True) or b""
            caller = Caller(stream)
            await caller.type("/logout")
            await caller.read_until("Goodbye")
            await trio.aclose_forcefully(stream)

    async def shown_from_now_on(self) -> set[bytes]:
        """The certificates that the next ten are shown who begin to connect."""
        begun = len(self._shown)
        while len(self._shown) < begun + 10 or not all(self._shown[begun : begun + 10]):
            await trio.sleep(0.01)
        return set(self._shown[begun : begun + 10])


@pytest.mark.slow
async def test_certificates_change_under_load_and_nobody_notices_but_by_their_fingerprint(tmp_path: Path) -> None:
    pairs = [Pair(ends=LATER) for _ in range(6)]
    pairs[0].write(tmp_path)
    with running_server("--config", configured(tmp_path, UNLIMITED), data=tmp_path / "data") as server:
        streams = [await call(server.port) for _ in range(5)]
        residents = [Caller(stream) for stream in streams]
        for number, resident in enumerate(residents):
            await resident.log_in(f"r{number}", "python")
        comers = Comers(server.port)
        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(comers.come)
            for before, pair in pairwise(pairs):
                (tmp_path / "key.pem").write_bytes(pair.key)  # the certificate is still the one before
                server.signal(signal.SIGHUP)
                await trio.to_thread.run_sync(server.wait_for_log, "stays as it was")
                assert await comers.shown_from_now_on() == {before.der}
                pair.write(tmp_path)
                server.signal(signal.SIGHUP)
                await trio.to_thread.run_sync(server.wait_for_log, f"is now {told(pair)}")
                assert await comers.shown_from_now_on() == {pair.der}
                await everybody_hears_everybody(residents, told(pair))
            comers.is_enough = True
        for stream in streams:
            assert stream.getpeercert(binary_form=True) == pairs[0].der
            await trio.aclose_forcefully(stream)
        assert await trio.to_thread.run_sync(server.stop) == 0
    assert "rror" not in "".join(line for line in server.log if "stays as it was" not in line)


async def everybody_hears_everybody(residents: list[Caller], text: str) -> None:
    for number, resident in enumerate(residents):
        await resident.type(f"{number}: {text}")
        for other in residents[:number] + residents[number + 1 :]:
            await other.read_until(f"r{number}: {number}: {text}")


@pytest.mark.parametrize("how", ["never ends", "fails"])
def test_a_maker_that_does_not_make_one_keeps_nobody_waiting_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "openssl").write_text(
        "#!/bin/sh\n" + {"never ends": "exec sleep 1000", "fails": "echo no >&2; exit 1"}[how]
    )
    (tmp_path / "bin" / "openssl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with running_server(data=tmp_path / "data") as server:
        if how == "fails":
            server.wait_for_log("the certificate of TLS is")  # by the other maker
        with socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT) as program:
            program.sendall(b'{"do":"tls"}\n')
            assert json.loads(program.recv(10_000))["is"] == ("line-local" if how == "fails" else "line-uncertified")
        assert server.stop() == 0
    assert [path.name for path in (tmp_path / "data").iterdir() if path.name.startswith(".")] == []
    assert (tmp_path / "data" / OWN_FILE).exists() == (how == "fails")


# --- SIGHUP, and the terminal that goes


async def test_a_terminal_that_goes_stops_the_server_in_order_however_often_that_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The kernel tells it, and so does the shell."""
    terminals = iter([True, True, False, False, False])
    monkeypatch.setattr(signals, "_has_terminal", lambda: next(terminals))
    done: list[str] = []
    obeying = Signals(lambda: done.append("stop"), lambda: done.append("cut"), lambda: done.append("read again"))

    async def received() -> AsyncIterator[int]:
        for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGHUP, signal.SIGTERM):
            yield number

    await obeying.obey(received())
    assert done == ["read again", "stop", "cut"]


@pytest.mark.parametrize("is_ignored", [False, True])
def test_a_server_ends_with_its_terminal_unless_it_was_to_outlive_it(tmp_path: Path, *, is_ignored: bool) -> None:
    ours, theirs = pty.openpty()
    command = ["nohup"] * is_ignored + [sys.executable, "-m", "chat_server", "--port", "0", "--data", str(tmp_path)]
    server = subprocess.Popen(
        ["sh", "-c", 'exec "$@" <>"$0" >&0', os.ttyname(theirs), *command],
        stderr=subprocess.PIPE, text=True, start_new_session=True, cwd=tmp_path,
    )  # fmt: skip
    os.close(theirs)
    assert server.stderr
    while "the certificate of TLS is" not in (line := server.stderr.readline()):
        assert line, "the server ended"
    server.send_signal(signal.SIGHUP)
    while "is still" not in (line := server.stderr.readline()):
        assert line, "the server ended: its terminal was there"
    os.close(ours)
    if is_ignored:
        while "is still" not in (line := server.stderr.readline()):
            assert line, "the server ended"
        server.terminate()
    rest = server.stderr.read()
    assert server.wait(TIMEOUT) == 0
    server.stderr.close()
    assert ("stopping on SIGTERM" if is_ignored else "stopping on SIGHUP") in rest


# --- docs/tls.md


DOCUMENT = (ROOT / "docs" / "tls.md").read_text(encoding="utf-8")


def test_the_lines_that_the_document_explains_are_logged() -> None:
    source = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "src" / "chat_server" / "server").glob("*.py")
    )
    table = DOCUMENT.partition("## What the log says")[2].partition("##")[0]
    lines = re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE)
    assert len(lines) == 8
    assert [line for line in lines if f'"{line}' not in source] == []
    days, hours = WARN_SECONDS / 86400, LOOK_SECONDS / 3600
    assert f"From {days:g} days before" in DOCUMENT
    assert hours == 1
    assert "looks at them each hour" in DOCUMENT


def test_the_hook_of_the_document_hands_a_renewed_certificate_on(tmp_path: Path) -> None:
    """What certbot runs, with other places, and without another user."""
    (hook,) = re.findall(r"```sh\n(#!/bin/sh\n.*?)```", DOCUMENT, re.DOTALL)
    live, programs = tmp_path / "live", tmp_path / "bin"
    for folder in (live, programs):
        folder.mkdir()
    for real, here in (("/etc/letsencrypt/live/chat.example.org", live), ("/srv/chat", tmp_path)):
        assert real in hook
        hook = hook.replace(real, str(here))
    (tmp_path / "hook").write_text(hook)
    (programs / "chown").symlink_to("/bin/true")
    first, second = Pair(ends=LATER), Pair(ends=LATER)
    (tmp_path / "certificate.pem").write_bytes(first.key + first.certificate)
    (tmp_path / "certificate.pem").chmod(0o600)
    (live / "privkey.pem").write_bytes(second.key)
    (live / "fullchain.pem").write_bytes(second.certificate)
    (tmp_path / "chat.toml").write_text(f"[tls]\ncertificate = '{tmp_path / 'certificate.pem'}'\n")
    with running_server("--config", str(tmp_path / "chat.toml"), data=tmp_path / "data") as server:
        server.wait_for_log(told(first))
        (programs / "systemctl").write_text(f"#!/bin/sh\nkill -HUP {server.pid}\n")
        (programs / "systemctl").chmod(0o755)
        path = {"PATH": f"{programs}:{os.environ['PATH']}"}
        for lineage, is_ours in ((tmp_path / "other", False), (live, True)):
            subprocess.run(["sh", tmp_path / "hook"], env=path | {"RENEWED_LINEAGE": str(lineage)}, check=True)
            assert (second.key in (tmp_path / "certificate.pem").read_bytes()) == is_ours
        server.wait_for_log(f"the certificate of TLS is now {told(second)}")
        assert stat.S_IMODE((tmp_path / "certificate.pem").stat().st_mode) == 0o600
        assert server.stop() == 0
    assert "everybody on this machine" not in "".join(server.log)
