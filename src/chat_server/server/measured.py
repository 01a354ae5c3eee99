"""Every metric, declared once: its name, what it says, and where its value is. /metrics and docs/metrics.md are made of this table.

Names are as Prometheus wants them: `chat_`, then what it is, in which unit, and `_total` for what only grows; those that begin with `process_` are
what its own clients call the same. Never knows how anything is counted, nor how it is fetched.
"""

import platform
import resource
from collections.abc import Callable

from chat_server import __version__
from chat_server.metrics import Metric, Value
from chat_server.server.backups import Backups
from chat_server.server.observed import Observed

Read = Callable[[Observed], Value]


def counter(name: str, about: str, read: Read, *labels: str) -> Metric[Observed]:
    """What only grows, until the server ends."""
    return Metric("counter", name, about, read, labels)


def gauge(name: str, about: str, read: Read, *labels: str) -> Metric[Observed]:
    """What goes up and down."""
    return Metric("gauge", name, about, read, labels)


def histogram(name: str, about: str, read: Read) -> Metric[Observed]:
    """How often something took how long, or was how much."""
    return Metric("histogram", name, about, read)


def _cpu(_: Observed) -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _backups(read: Callable[[Backups], Value]) -> Read:
    """Read something of the copies that the server makes, if it makes any."""
    return lambda seen: None if seen.beside.backups is None else read(seen.beside.backups)


METRICS: tuple[Metric[Observed], ...] = (
    gauge(
        "chat_build_info",
        "Always 1; its labels say which release runs, on which Python",
        lambda _: {(__version__, platform.python_version()): 1},
        "version",
        "python",
    ),
    gauge(
        "chat_healthy",
        "Whether /healthz says that all is well",
        lambda seen: not seen.beside.health.trouble(),
    ),
    gauge(
        "chat_ready",
        "Whether /readyz says that callers should be sent here",
        lambda seen: not seen.beside.health.not_ready(),
    ),
    gauge(
        "chat_connections",
        "Connections that there are, those too on which nobody has said anything yet",
        lambda seen: seen.connections,
    ),
    gauge(
        "chat_sessions",
        "Sessions, by how they are spoken to and whether by TLS",
        lambda seen: seen.seen.sessions,
        "door",
        "tls",
    ),
    gauge(
        "chat_people",
        "People who have logged in, by whether they have an account",
        lambda seen: seen.seen.people,
        "kind",
    ),
    gauge(
        "chat_devices",
        "Devices of accounts by which somebody is here",
        lambda seen: seen.seen.devices,
    ),
    gauge("chat_rooms", "Rooms that are open", lambda seen: len(seen.directory.rooms)),
    counter(
        "chat_lines_stored_total",
        "Lines that have been stored",
        lambda seen: seen.store.journal.activity().lines,
    ),
    gauge(
        "chat_waiting_bytes",
        "Bytes that wait in memory for slow readers",
        lambda seen: seen.budget.total,
    ),
    gauge(
        "chat_waiting_limit_bytes",
        "Bytes that may wait for all readers together; 0 if there is no limit",
        lambda seen: seen.budget.limit,
    ),
    gauge(
        "chat_waiting_readers",
        "Sessions for which something waits to be written",
        lambda seen: seen.seen.waiting_readers,
    ),
    histogram(
        "chat_loop_lateness_seconds",
        "How much later than it was asked to the event loop goes on",
        lambda seen: seen.beside.lateness.seconds,
    ),
    gauge(
        "chat_disk_free_bytes",
        "Bytes that are free on the disk of the data directory",
        lambda seen: seen.beside.disk.sizes.free,
    ),
    gauge(
        "chat_data_bytes",
        "Bytes of the files in the data directory, by what they are",
        lambda seen: seen.beside.disk.sizes.files or None,
        "file",
    ),
    gauge(
        "chat_backup_age_seconds",
        "Seconds since the newest copy was made ([backup] every); not there where none has been",
        _backups(lambda backups: backups.age),
    ),
    gauge(
        "chat_backup_every_seconds",
        "Seconds between two copies; not there where none are made",
        _backups(lambda backups: backups.every),
    ),
    gauge(
        "chat_backup_failed",
        "Whether the last copy that was due could not be made: the log says why",
        _backups(lambda backups: bool(backups.problem)),
    ),
    gauge(
        "chat_backup_bytes",
        "Bytes of the newest copy",
        _backups(lambda backups: backups.size),
    ),
    gauge(
        "chat_backup_seconds",
        "How long the last copy took that was made",
        _backups(lambda backups: backups.seconds),
    ),
    counter("process_cpu_seconds_total", "Seconds of the processor's time that the process has taken", _cpu),
    gauge(
        "process_resident_memory_bytes",
        "Bytes of memory that are the process's",
        lambda seen: seen.beside.disk.sizes.memory,
    ),
    gauge(
        "process_open_fds",
        "Files that the process has open, connections too",
        lambda seen: seen.beside.disk.sizes.open_files,
    ),
    gauge(
        "process_max_fds",
        "Files that it may have open",
        lambda seen: seen.beside.files or None,
    ),
    gauge(
        "process_start_time_seconds",
        "When the server was started, in seconds since 1970",
        lambda seen: seen.beside.began_at,
    ),
)
