"""Every metric, declared once: its name, what it says, and where its value is. /metrics and docs/metrics.md are made of this table.

Names are as Prometheus wants them: `chat_`, then what it is, in which unit, and `_total` for what only grows; those that begin with `process_` are
what its own clients call the same. Never knows how anything is counted, nor how it is fetched.
"""

import platform
import resource
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from chat_server import __version__
from chat_server.accounts.acts import CURBING
from chat_server.journal.commit_times import CommitTimes
from chat_server.metrics import Metric, Value
from chat_server.server.backups import Backups
from chat_server.server.config_in_use import ConfigInUse
from chat_server.server.observed import Observed

if TYPE_CHECKING:
    from chat_server.server.canary import Canary

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


def _labelled(values: Mapping[str, float]) -> Value:
    return {(key,): value for key, value in values.items()}


def _times(read: Callable[[CommitTimes], Value]) -> Read:
    """What is known of commits, where they take time."""

    def times(seen: Observed) -> Value:
        found = seen.store.journal.activity().times
        return None if found is None else read(found)

    return times


def _certificate_ends(seen: Observed) -> Value:
    certificate = seen.beside.certificate and seen.beside.certificate.certificate
    return certificate.ends.timestamp() if certificate else None


def _in_force(seen: Observed) -> Value:
    acts = seen.store.accounts.acts.in_force.listed(seen.store.now())
    return {(kind,): sum(act.kind == kind for act in acts) for kind in sorted(CURBING)}


def _is_engine_away(seen: Observed) -> Value:
    return None if seen.store.nodes is None else seen.directory.is_engine_away


def _signs_dropped(seen: Observed) -> Value:
    return None if seen.store.nodes is None else seen.store.nodes.signs.dropped


def _settings(read: Callable[[ConfigInUse], Value]) -> Read:
    return lambda seen: None if seen.beside.in_use is None else read(seen.beside.in_use)


def _canary(read: Callable[["Canary"], Value]) -> Read:
    """Read something of the canary, if it has begun."""
    return lambda seen: None if seen.beside.canary is None else read(seen.beside.canary)


def _cpu(_: Observed) -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _backups(read: Callable[[Backups], Value]) -> Read:
    """Read something of the copies that the server makes, if it makes any."""

    def read_if_any(seen: Observed) -> Value:
        backups = seen.beside.backups
        return None if backups is None or not backups.every else read(backups)

    return read_if_any


METRICS: tuple[Metric[Observed], ...] = (
    # How it is.
    gauge(
        "chat_build_info",
        "Always 1; its labels say which release runs, on which Python",
        lambda _: {(__version__, platform.python_version()): 1},
        *("version", "python"),
    ),
    gauge("chat_healthy", "Whether /healthz says that all is well", lambda seen: not seen.beside.health.trouble()),
    gauge(
        "chat_ready",
        "Whether /readyz says that callers should be sent here",
        lambda seen: not seen.beside.health.not_ready(),
    ),
    gauge(
        "chat_canary_age_seconds",
        "Seconds since a line of the server's own was last stored and shown, or since it began to say them",
        _canary(lambda canary: canary.age),
    ),
    gauge(
        "chat_canary_seconds",
        "How long that line took from being said to being shown",
        _canary(lambda canary: canary.seconds),
    ),
    counter(
        "chat_canary_failures_total",
        "How often such a line could not be stored and shown",
        _canary(lambda canary: canary.unheard),
    ),
    gauge(
        "chat_canary_other_node_seconds",
        "How long it took until another node had heard of it, where there is one",
        lambda seen: seen.beside.echoes.seconds if seen.beside.echoes else None,
    ),
    gauge("chat_engine_away", "Whether the engine that several nodes share does not answer", _is_engine_away),
    counter("chat_signs_dropped_total", "Signs of nodes to each other that were too long or too many", _signs_dropped),
    # Who is here.
    gauge(
        "chat_connections",
        "Connections that there are, those too on which nobody has said anything yet",
        lambda seen: seen.connections,
    ),
    counter(
        "chat_callers_total",
        "Callers, by what became of them: let in, or why not",
        lambda seen: _labelled(seen.tally.callers),
        "outcome",
    ),
    gauge(
        "chat_sessions",
        "Sessions, by how they are spoken to and whether by TLS",
        lambda seen: seen.seen.sessions,
        *("door", "tls"),
    ),
    gauge(
        "chat_people",
        "People who have logged in, by whether they have an account",
        lambda seen: seen.seen.people,
        "kind",
    ),
    gauge("chat_devices", "Devices of accounts by which somebody is here", lambda seen: seen.seen.devices),
    gauge("chat_rooms", "Rooms that are open", lambda seen: len(seen.directory.rooms)),
    # How they come in.
    counter(
        "chat_tls_handshakes_total",
        "Callers who have begun TLS, by what became of it",
        lambda seen: _labelled(seen.handshakes.results),
        "result",
    ),
    histogram(
        "chat_tls_handshake_seconds",
        "How long it takes until TLS has begun, with the time for which callers are kept waiting",
        lambda seen: seen.handshakes.seconds,
    ),
    gauge(
        "chat_tls_certificate_end_timestamp_seconds",
        "When the certificate ends that callers are shown, in seconds since 1970",
        _certificate_ends,
    ),
    counter(
        "chat_logins_total",
        "Tries to log in by a password or a code, by what became of them",
        lambda seen: _labelled(seen.directory.authentication.throttles.tries),
        "result",
    ),
    gauge(
        "chat_password_hashes_waiting",
        "Passwords that wait to be hashed, with the one that is",
        lambda seen: seen.directory.authentication.hashing.waiting,
    ),
    counter(
        "chat_password_hashes_refused_total",
        "Passwords that were not hashed, for too many waited",
        lambda seen: seen.directory.authentication.hashing.refused,
    ),
    # What is said, and how long that takes.
    counter(
        "chat_lines_stored_total",
        "Lines that have been stored",
        lambda seen: seen.store.journal.activity().lines,
    ),
    histogram("chat_commit_seconds", "How long commits take", _times(lambda times: times.took)),
    histogram(
        "chat_commit_wait_seconds",
        "How long it takes until a commit begins with what waits for it: of each, what has waited longest",
        _times(lambda times: times.waited),
    ),
    histogram("chat_commit_lines", "Lines that are stored together", _times(lambda times: times.lines)),
    counter(
        "chat_commit_failures_total",
        "Commits that have failed, by which nothing was stored; what a journal that is being closed refuses is none",
        _times(lambda times: times.failed),
    ),
    histogram(
        "chat_fan_out_seconds",
        "How long it takes from the first to the last who is shown what has just happened in a room",
        lambda seen: seen.directory.flow.shown,
    ),
    histogram(
        "chat_turn_entries",
        "What had waited in a room and is taken together: lines, and who comes and goes",
        lambda seen: seen.directory.flow.entries,
    ),
    gauge(
        "chat_inbox_entries_max",
        "What waits in the room where most does",
        lambda seen: seen.seen.inbox_entries,
    ),
    counter(
        "chat_refusals_total",
        "What somebody asked for and was refused, by the code that programs are told",
        lambda seen: _labelled(seen.tally.refusals) if seen.tally.refusals else None,
        "code",
    ),
    histogram(
        "chat_loop_lateness_seconds",
        "How much later than it was asked to the event loop goes on",
        lambda seen: seen.beside.lateness.seconds,
    ),
    # Slow readers.
    gauge("chat_waiting_bytes", "Bytes that wait in memory for slow readers", lambda seen: seen.budget.total),
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
    gauge(
        "chat_waiting_lines",
        "Lines that wait for slow readers; estimated where more than 16 MiB wait",
        lambda seen: round(seen.seen.waiting_lines),
    ),
    counter(
        "chat_skipped_lines_total",
        "Lines that readers were told they have not been given, for too much waited",
        lambda seen: seen.budget.skipped_lines,
    ),
    counter(
        "chat_cut_readers_total",
        "Readers whose connection was ended, for they had taken nothing for too long",
        lambda seen: seen.budget.cut_readers,
    ),
    # Moderation.
    gauge("chat_curbs", "What the server's moderators forbid just now, by its kind", _in_force, "kind"),
    gauge(
        "chat_panic_seconds",
        "For how many seconds the server is in panic still; 0: it is not",
        lambda seen: seen.store.accounts.acts.in_force.panic_seconds(seen.store.now()),
    ),
    gauge(
        "chat_cases_open",
        "Reports, appeals and held lines that wait for moderators, by their kind",
        lambda seen: seen.beside.cases.waiting if seen.beside.cases else None,
        "kind",
    ),
    # What it is kept on.
    gauge(
        "chat_unindexed_lines",
        "Lines that have been stored and that no search finds yet",
        lambda seen: seen.store.journal.activity().unindexed,
    ),
    gauge(
        "chat_data_bytes",
        "Bytes of the files in the data directory, by what they are",
        lambda seen: seen.beside.disk.sizes.files or None,
        "file",
    ),
    gauge(
        "chat_disk_free_bytes",
        "Bytes that are free on the disk of the data directory",
        lambda seen: seen.beside.disk.sizes.free,
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
    # Its settings.
    gauge(
        "chat_config_generation",
        "How many configurations have been in use since the start, with the one that is",
        _settings(lambda in_use: in_use.generation),
    ),
    gauge(
        "chat_config_since_timestamp_seconds",
        "Since when this configuration is in use, in seconds since 1970",
        _settings(lambda in_use: in_use.since),
    ),
    gauge(
        "chat_config_reload_failed",
        "Whether the last reload changed nothing, for the new settings cannot be used: the log says why",
        _settings(lambda in_use: in_use.has_failed),
    ),
    gauge(
        "chat_config_reload_timestamp_seconds",
        "When settings were last read again, in seconds since 1970; 0: never",
        _settings(lambda in_use: in_use.tried_at),
    ),
    # The process.
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
    gauge("process_max_fds", "Files that it may have open", lambda seen: seen.beside.files or None),
    gauge(
        "process_start_time_seconds",
        "When the server was started, in seconds since 1970",
        lambda seen: seen.beside.began_at,
    ),
)
