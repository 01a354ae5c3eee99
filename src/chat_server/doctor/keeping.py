"""What is kept: the data directory and whose it is, its disk, whether the journal is whole, copies of it, the certificate.

Blocks, for a look at the journal some seconds. Knows files. Never knows whether a server runs.
"""

import os
import pwd
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from chat_server.config import Config
from chat_server.doctor import Finding, good, must, note, warning
from chat_server.doctor.machine import clock
from chat_server.intervals import seconds_of
from chat_server.journal import DamagedJournal, UnusableJournal
from chat_server.journal.archive import FileProblem
from chat_server.journal.backups import copies_in, directory_for
from chat_server.journal.engines import Engine, engine_named
from chat_server.next_steps import way_back
from chat_server.server.certificates import CertificateProblem, day_of, files_named, own_files, read_certificate
from chat_server.server.disk import FULL_BYTES
from chat_server.server.start_check import look as what_a_start_meets

JOURNAL_FILE = "journal.db"
"""What the engine of files keeps what is said in."""

SCARCE_BYTES = 2**30
"""Bytes that are free on a disk which fills soon: a busy month writes as much."""

LOOK_SECONDS = 5.0
"""Seconds that a look through the journal may take; `check-journal` takes what it needs."""

OLD_SECONDS = 7 * 86400.0
"""Seconds after which a copy is old, where the settings do not say how often there is one."""

DAY = 86400.0


def look(config: Config) -> Iterator[Finding]:
    """Look at all of it."""
    yield from settings(config)
    try:
        engine = engine_named(config.journal.engine)
        data = engine.directory(config.journal)
    except UnusableJournal:
        return  # settings() has said so
    if data is None:
        yield clock(None, time.time())
        return
    yield from directory(data)
    with _as_owner_of(data):
        if config.journal.engine == "sqlite" and not (data / JOURNAL_FILE).exists():
            yield note("journal", f"nothing is kept yet, nor copied: there is no {data / JOURNAL_FILE}")
        else:
            yield from journal(engine, config)
            yield from backups(config, data, time.time())
        yield clock(data, time.time())
        yield from certificate(config, data)


def settings(config: Config) -> Iterator[Finding]:
    """What a start would meet: the same as --check-config finds."""
    found = [*what_a_start_meets(config, time.time())]
    for one in found:
        if one.of_running:
            continue  # which is what one hopes for
        if one.is_unseen:
            yield note("settings", one.sentence)
        else:
            yield (must if one.is_error else warning)("settings", one.sentence, "")
    if not any(one.is_error or one.is_warning for one in found):
        is_all_seen = not any(one.is_unseen for one in found)
        yield good("settings", f"{'' if is_all_seen else 'but for that, '}a server can start with these settings")


def directory(data: Path) -> Iterator[Finding]:
    """Whose it is, and what is free on its disk."""
    if not data.exists():
        yield note("data", f"{data} is not there yet", "the server makes it when it starts for the first time")
        return
    status = data.stat()
    owner = _name(status.st_uid)
    if status.st_uid == 0 and _is_service_user_there():
        yield warning("data", f"{data} belongs to root", f"chown -R chat-server: {data}")
    elif os.geteuid() not in {0, status.st_uid}:
        yield warning("data", f"{data} belongs to {owner}, and not to you", f"sudo -u {owner} chat-server doctor")
    else:
        yield good("data", f"{data} belongs to {owner}, mode {status.st_mode & 0o7777:04o}")
    strangers = [path.name for path in _entries(data) if path.lstat().st_uid != status.st_uid]
    if strangers:
        names = ", ".join(sorted(strangers)[:5])
        yield must("data", f"in {data} not everything belongs to {owner}: {names}", f"chown -R {owner}: {data}")
    disk = os.statvfs(data)
    free = disk.f_bavail * disk.f_frsize
    shown = f"{free / 2**30:.1f} GiB are free on the disk of {data}"
    if free < FULL_BYTES:
        yield must("disk", f"{shown}: it is full", "make room: as long as it is full nothing can be said")
    elif free < SCARCE_BYTES:
        yield warning("disk", shown, "make room, or have less kept ([history] keep_days)")
    else:
        yield good("disk", shown)


def journal(engine: Engine, config: Config) -> Iterator[Finding]:
    """Whether it is whole, as far as that shows in some seconds."""
    data = engine.directory(config.journal)
    do = "" if data is None else way_back(config, data)
    try:
        engine.probe(config.journal)  # its warnings are among what a start meets
        trouble = engine.quick_look(config.journal, LOOK_SECONDS)
    except UnusableJournal as problem:
        is_damage = isinstance(problem, DamagedJournal)
        yield must("journal", str(problem), do if is_damage else "docs/durability.md says what can be done")
        return
    if trouble:
        yield must("journal", f"the journal is damaged: {trouble}", do)
    else:
        yield good(
            "journal", "the journal is whole, as far as a quick look shows; `chat-server check-journal` reads it all"
        )


def certificate(config: Config, data: Path) -> Iterator[Finding]:
    """Until when it is valid; that it ends soon is among what a start meets."""
    with suppress(CertificateProblem, OSError):  # settings() has said so
        files = files_named(config.tls.certificate, config.tls.key) if config.tls.certificate else own_files(data)
        if files.certificate.exists():
            ends = read_certificate(files.certificate).ends
            yield good("certificate", f"{files.certificate} is valid until {day_of(ends)}")


def backups(config: Config, data: Path, now: float) -> Iterator[Finding]:
    """How old the newest copy is."""
    if config.journal.engine != "sqlite":
        yield note("backups", "the database is copied by its own programs", "see docs/cluster.md")
        return
    how = 'every = "24h" under [backup] has the server make copies'
    if config.backup.every:
        how = "the server makes the first one as soon as it runs; its log says so, or why it could not"
    try:
        place = directory_for(config.backup.directory, data)
        copies = copies_in(place)
    except (OSError, FileProblem) as error:
        yield warning("backups", f"whether there are copies cannot be seen: {error}", how)
        return
    if not copies:
        yield warning("backups", f"there is no copy of what is said in {place}", how)
        return
    age = now - copies[-1].made
    allowed = 2 * (seconds_of(config.backup.every) or 0) or OLD_SECONDS
    shown = f"the newest of {len(copies)} copies in {place} is {_age(age)} old"
    if age > allowed:
        yield warning("backups", shown, "the log says why there is no newer one" if config.backup.every else how)
    else:
        yield good("backups", shown)


def _age(seconds: float) -> str:
    return f"{seconds / DAY:.0f} days" if seconds >= 2 * DAY else f"{max(0.0, seconds) / 3600:.0f} hours"


def _entries(data: Path) -> list[Path]:
    try:
        return [*data.iterdir()]
    except OSError:
        return []


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def _is_service_user_there() -> bool:
    try:
        pwd.getpwnam("chat-server")
    except KeyError:
        return False
    return True


@contextmanager
def _as_owner_of(data: Path) -> Iterator[None]:
    """Look as the one whose directory it is, where root asks: what is made there would be root's, and in the server's way.

    The owner may not come there by the directories above it, which systemd opens to the service alone (DynamicUser=): then root looks.
    """
    if os.geteuid() != 0 or not data.exists() or data.stat().st_uid == 0:
        yield
        return
    status = data.stat()
    group = os.getegid()
    os.setegid(status.st_gid)
    os.seteuid(status.st_uid)
    try:
        if not os.access(data, os.X_OK, effective_ids=True):
            os.seteuid(0)
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
