"""A real server is operated for as many minutes as MINUTES says, under load: reloads, certificates, restarts, copies, logs (scripts/soak-operations).

Nothing is lost, nothing doubled; memory stays as it is, and no file is left open.
"""

import os
import resource
import signal
import socket
import ssl
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from statistics import median

import pytest
import trio

from archives import checked
from chat_server.journal.backups import copies_in
from chat_server.journal.sqlite.archive import SqliteArchive
from chat_server.server.damage import AFTER_SECONDS, LOOK_SECONDS
from chatterers import Chatterer, check, until_all_is_told
from processes import TIMEOUT
from test_maintenance import PROGRAM, command
from test_operations import kept_in, people

MINUTES = float(os.environ.get("MINUTES", "0.5"))
PERIOD = min(60.0, MINUTES * 60 / 4)
"""Seconds between two restarts, in the first and the last third of the time; between them one server has everything else done to it."""

TALKERS = 4
MEMORY_MORE = 8 * 2**20
"""Bytes that a server may have more in the last quarter of its life than in the first: what a copy, a reload or a certificate leaves adds up."""

SETTLED_SECONDS = AFTER_SECONDS + LOOK_SECONDS
"""Seconds of a life that count in none of this, if it is longer: by then the journal has been looked through. SQLite keeps the file that was opened
for that, for other connections have locks on it, and takes it for the next one that is opened."""


class Service:
    """A server as an init system runs it: its log is a file, and whoever starts the next one takes the port over."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"
        self.settings, self.log = folder / "chat.toml", folder / "log"
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port = int(free.getsockname()[1])
        self.certificates = self.rotated = self.reloads = 0
        self.make_certificate()
        self.write_settings(1000)
        self._process: subprocess.Popen[bytes] | None = None
        self.can_replace = "--replace" in command("--help").stdout
        self.lives: list[list[tuple[float, int, Counter[str]]]] = []
        """For each process: at which time it had how many bytes of memory, and which files open."""

    def write_settings(self, rooms: int) -> None:
        part = self.settings.with_suffix(".new")
        part.write_text(
            f"[limits]\nrooms = {rooms}\nmessages_per_second = 0\nconnections_per_address = 0\n[server]\nstop_seconds = 5\n"
            f'[tls]\ncertificate = "{self.folder}/certificate.pem"\n'
            f'[metrics]\nlisten = "{self.folder}/metrics"\n'
            '[backup]\nevery = "20s"\nkeep = 3\n'
        )
        part.replace(self.settings)

    def make_certificate(self) -> None:
        """Have another certificate, in place of the one before at one moment."""
        key, certificate, both = (self.folder / name for name in ("key", "alone", "certificate.new"))
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
                *("-days", "90", "-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)),
            ],
            check=True,
            capture_output=True,
        )
        both.touch(mode=0o600)
        both.write_bytes(key.read_bytes() + certificate.read_bytes())
        both.replace(self.folder / "certificate.pem")
        self.der = ssl.PEM_cert_to_DER_cert(certificate.read_text())
        self.certificates += 1

    async def start(self, *flags: str) -> None:
        words = [*PROGRAM, "--port", str(self.port), "--data", str(self.data), "--config", str(self.settings), *flags]
        with self.log.open("ab") as log:
            known = log.tell()
            self._process = subprocess.Popen(words, stderr=log, stdout=subprocess.DEVNULL)  # noqa: ASYNC220 - it outlasts this
        self.lives.append([])
        with trio.fail_after(TIMEOUT):
            while b"listening on" not in self.log.read_bytes()[known:]:
                assert self._process.poll() is None, self.log.read_text()
                await trio.sleep(0.01)

    async def restart(self) -> None:
        """Have another process in the place of this one."""
        before = self._process
        assert before is not None
        if self.can_replace:
            await self.start("--replace")
        else:
            before.send_signal(signal.SIGTERM)
        await trio.to_thread.run_sync(before.wait, TIMEOUT)
        assert before.returncode == 0, self.log.read_text()
        if not self.can_replace:
            await self.start()

    def tell(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def measure(self) -> None:
        assert self._process is not None
        about = Path(f"/proc/{self._process.pid}")
        pages = int((about / "statm").read_text().split()[1])
        files = Counter(
            os.readlink(path).partition(":[")[0] for path in (about / "fd").iterdir() if os.path.lexists(path)
        )
        self.lives[-1].append((trio.current_time(), pages * resource.getpagesize(), files))

    def rotate_log(self) -> None:
        """As logrotate does with copytruncate."""
        self.rotated += 1
        text = self.log.read_bytes()
        (self.folder / f"log.{self.rotated}").write_bytes(text)
        os.truncate(self.log, 0)

    @property
    def logged(self) -> str:
        rotated = (self.folder / f"log.{number}" for number in range(1, self.rotated + 1))
        return "".join(path.read_text() for path in (*rotated, self.log))

    async def shown_certificate(self) -> bytes:
        """What whoever connects just now is shown."""
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        stream = trio.SSLStream(await trio.open_tcp_stream("127.0.0.1", self.port), trusting)
        async with stream:
            await stream.do_handshake()
            return bytes(stream.getpeercert(binary_form=True) or b"")

    async def metrics(self) -> str:
        stream = await trio.open_unix_socket(str(self.folder / "metrics"))
        async with stream:
            await stream.send_all(b"GET /metrics HTTP/1.0\r\n\r\n")
            return b"".join([data async for data in stream]).decode()


async def reload(service: Service) -> None:
    """Another limit, and then a file that cannot be used."""
    service.reloads += 1
    service.write_settings(1000 + service.reloads)
    service.tell(signal.SIGHUP)
    await trio.sleep(1)
    service.settings.write_text("[limits]\nrooms = no\n")
    service.tell(signal.SIGHUP)
    await trio.sleep(1)
    service.write_settings(1000 + service.reloads)


async def renew(service: Service) -> None:
    service.make_certificate()
    service.tell(signal.SIGHUP)
    with trio.fail_after(TIMEOUT):
        while await service.shown_certificate() != service.der:
            await trio.sleep(0.1)


async def rotate(service: Service) -> None:
    service.rotate_log()
    assert "chat_lines_stored_total" in await service.metrics()


async def operate(service: Service) -> None:
    """Everything that is done, one after the other, for so many minutes."""
    began = trio.current_time()
    end = began + MINUTES * 60
    restart_at = began + PERIOD
    while trio.current_time() < end:
        for act in (reload, renew, rotate):
            await act(service)
            await trio.sleep(PERIOD / 12)
            service.measure()
        part = (trio.current_time() - began) / (MINUTES * 60)
        if trio.current_time() >= restart_at and not 1 / 3 < part < 2 / 3:
            await service.restart()
            restart_at = trio.current_time() + PERIOD


async def by_tcp(service: Service) -> trio.abc.Stream:
    return await trio.open_tcp_stream("127.0.0.1", service.port)


async def by_tls(service: Service) -> trio.abc.Stream:
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    stream = trio.SSLStream(await by_tcp(service), trusting, https_compatible=True)
    try:
        await stream.do_handshake()
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return stream


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc says how much memory and how many files a process has")
async def test_a_real_server_is_operated_under_load_and_nothing_is_lost_doubled_or_left_open(tmp_path: Path) -> None:
    service = Service(tmp_path)
    everybody = people(partial(by_tcp, service), TALKERS, 0.5)
    for one in everybody[::3]:
        one.connect = partial(by_tls, service)
    await service.start()
    with ExitStack() as on_exit:
        on_exit.callback(service.tell, signal.SIGKILL)
        async with trio.open_nursery() as nursery:
            for one in everybody:
                nursery.start_soon(one.run)
            await operate(service)
            with trio.fail_after(TIMEOUT):
                await until_all_is_told(everybody)
            assert "chat_backup_age_seconds" in await service.metrics()
            nursery.cancel_scope.cancel()
        service.tell(signal.SIGTERM)
        assert await trio.to_thread.run_sync(service._process.wait, TIMEOUT) == 0  # type: ignore[union-attr]
    with closing(SqliteArchive(service.data / "journal.db", service.data / "search.db")) as archive:
        said = check(everybody, kept_in(archive))
    assert checked(service.data / "journal.db", service.data / "search.db").problems == []
    copies = copies_in(service.data / "backups")
    assert 1 <= len(copies) <= 3
    assert command("restore", "--data", tmp_path / "restored", copies[-1].path).returncode == 0
    errors = [
        line for line in service.logged.splitlines() if " error: " in line and "the new one cannot be used" not in line
    ]
    assert errors == []
    tell_of(service, everybody, said)


def tell_of(service: Service, everybody: list[Chatterer], said: int) -> None:
    """Print the figures, and see that none grows."""
    longest = max(service.lives, key=len)
    longest = [one for one in longest if one[0] >= longest[0][0] + SETTLED_SECONDS] or longest
    first, last = longest[: max(1, len(longest) // 4)], longest[-max(1, len(longest) // 4) :]
    memory = [median(bytes_ for _, bytes_, _ in part) / 2**20 for part in (first, last)]
    # More are open only while a copy or metrics are fetched.
    opened = [min((files for _, _, files in part), key=Counter.total) for part in (first, last)]
    files = [one.total() for one in opened]
    away = sorted(gap for one in everybody for gap in one.away if gap)
    copies = copies_in(service.data / "backups")[-1].number
    sys.stdout.write(
        f"\n{said} lines by {len(everybody)}; {len(service.lives)} processes ({'--replace' if service.can_replace else 'one after the other'}),"
        f" {service.reloads} reloads and as many that were refused, {service.certificates} certificates, {service.rotated} rotations,"
        f" {copies} copies; away for {median(away or [0]):.2f} s at the median, {max(away, default=0):.2f} at the longest;"
        f" memory in the longest life {memory[0]:.1f}, then {memory[1]:.1f} MiB; files {files[0]}, then {files[1]}\n"
    )
    assert files[1] <= files[0], opened[1] - opened[0]
    assert (memory[1] - memory[0]) * 2**20 <= MEMORY_MORE
