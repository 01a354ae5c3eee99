"""Everything that can be set, with its default and the reason for it.

Each setting's description, and when it takes effect that it is changed, is also what `chat-server --print-config` prints above it. Never knows how
settings are written in a file, nor what is done with the values.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from chat_server.journal.engines import EngineName
from chat_server.limits import Limits
from chat_server.setting_kinds import AT_ONCE, COMERS, RESTART, Count, Port, Positive, Seconds


class ServerTable(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the server listens, what it is called, and how it stops."""

    name: Annotated[
        str, Meta(extra=COMERS, max_length=64, description="What the server is called; programs show it.")
    ] = "chat-server"
    host: Annotated[
        str,
        Meta(
            extra=RESTART,
            description="Address or host name to listen on, or the path of a Unix socket (/run/chat/socket), for a proxy. The default is for this"
            " machine only; 0.0.0.0 is for everybody.",
        ),
    ] = "127.0.0.1"
    port: Annotated[
        Port, Meta(extra=RESTART, description="TCP port; 0 lets the system choose. 5000 is the classic design's.")
    ] = 5000
    language: Annotated[
        Literal["en", "zh"],
        Meta(
            extra=COMERS,
            description="The language in which callers are greeted: en or zh; /lang changes it for oneself.",
        ),
    ] = "en"
    stop_seconds: Annotated[
        float,
        Meta(
            extra=AT_ONCE,
            gt=0,
            le=31_536_000,
            description="Seconds that readers have to take what waits for them when the server stops. systemd kills after 90.",
        ),
    ] = 10.0


class RoomsTable(Struct, frozen=True, forbid_unknown_fields=True):
    """The rooms."""

    names: Annotated[
        list[str],
        Meta(
            extra=AT_ONCE,
            description="Rooms that exist from the start. The defaults are the classic design's. A room with the name of a command (who, last) is"
            " entered by /join only. A reload opens those that are new, and closes none.",
        ),
    ] = field(default_factory=lambda: ["python", "write", "pm"])
    held_words: Annotated[
        list[str],
        Meta(
            extra=AT_ONCE,
            description="Words with which a line waits for a moderator, in every room. A room has a list of its own besides (/words).",
        ),
    ] = field(default_factory=list)
    refused_words: Annotated[
        list[str], Meta(extra=AT_ONCE, description="Words with which nothing is said in any room.")
    ] = field(default_factory=list)


class JournalTable(Struct, frozen=True, forbid_unknown_fields=True):
    """What keeps what was said."""

    engine: Annotated[
        EngineName,
        Meta(
            extra=RESTART,
            description="What keeps it. sqlite: files in the data directory. postgresql: a database, which several servers may have together as if"
            " they were one (pip install 'chat-server[postgresql]'); in the data directory is then what each has for itself. memory: no files;"
            " the server forgets everything when it ends (for tests).",
        ),
    ] = "sqlite"
    directory: Annotated[
        str,
        Meta(
            extra=RESTART,
            description="Where it is kept; --data overrides it. Empty: where the platform keeps the data of programs.",
        ),
    ] = ""
    durability: Annotated[
        Literal["full", "process"],
        Meta(
            extra=RESTART,
            description="full: what anybody is shown survives a power cut. process: it survives the end of the server, however that comes, but a"
            " power cut may cost the last moments; for disks on which a commit is slow. In PostgreSQL full waits for its synchronous standby, if it"
            " has one, and process does not.",
        ),
    ] = "full"
    url: Annotated[
        str,
        Meta(
            extra=RESTART,
            description="Where the database of the engine postgresql is, as PostgreSQL's programs are told: host=db1,db2 dbname=chat user=chat; of"
            " several the one is taken that can be written to. No password: that is in the file that PGPASSFILE names, or all of it is in a service"
            " of pg_service.conf (service=chat).",
        ),
    ] = ""


class NodeTable(Struct, frozen=True, forbid_unknown_fields=True):
    """The server among those with the same journal."""

    name: Annotated[
        str,
        Meta(
            extra=RESTART,
            max_length=64,
            description="What the server is called among the others, for people. Empty: the machine's name.",
        ),
    ] = ""
    silence_seconds: Annotated[
        float,
        Meta(
            extra=RESTART,
            ge=1,
            le=3600,
            description="Seconds after which the others give up one of which nothing is heard: whoever is at it has left then. It says that it is"
            " there every 2 s. All should have the same.",
        ),
    ] = 10.0


class HistoryTable(Struct, frozen=True, forbid_unknown_fields=True):
    """What is shown of the past, and for how long it is kept."""

    on_entering: Annotated[
        int,
        Meta(
            extra=COMERS,
            ge=0,
            le=50,
            description="Lines that a newcomer to a room is shown; /history changes it for oneself.",
        ),
    ] = 20
    time_zone: Annotated[
        str,
        Meta(
            extra=COMERS,
            description="Zone of the times that people are shown, such as Europe/Berlin; /time changes it for oneself. Empty: the server's own.",
        ),
    ] = ""
    keep_days: Annotated[
        Seconds,
        Meta(
            extra=AT_ONCE,
            description="Days after which what was said is deleted, within a quarter of an hour. 0: never.",
        ),
    ] = 0.0
    keep_lines: Annotated[
        Count,
        Meta(
            extra=AT_ONCE,
            description="Lines that each room keeps at least; older ones are deleted, a batch (up to 1024 lines) at a time. 0: all.",
        ),
    ] = 0


class BackupTable(Struct, frozen=True, forbid_unknown_fields=True):
    """Copies of what is kept, which the server makes by itself: docs/durability.md. For the engine sqlite; PostgreSQL has programs of its own."""

    every: Annotated[
        str,
        Meta(
            extra=AT_ONCE,
            description="Time between two copies, such as 24h, 90m or 7d. Each is looked through before it counts, beside the server, which nobody"
            " waits for. Empty: none are made.",
        ),
    ] = ""
    keep: Annotated[
        Positive,
        Meta(extra=AT_ONCE, description="Copies that are kept; when one more is there, the oldest is deleted."),
    ] = 14
    directory: Annotated[
        str,
        Meta(
            extra=AT_ONCE,
            description="Where they are. Empty: backups in the data directory, which helps against mistakes, but not against a broken disk: another"
            " disk, or a copy of it elsewhere, does. Hashes of passwords are in them: it is made for its owner only.",
        ),
    ] = ""


class AccountsTable(Struct, frozen=True, forbid_unknown_fields=True):
    """Who comes in without an account, and who may make one."""

    guests: Annotated[
        bool,
        Meta(
            extra=AT_ONCE,
            description="Whether somebody without an account may come in, under any name that nobody has.",
        ),
    ] = True
    registration: Annotated[
        Literal["", "open", "invite", "closed"],
        Meta(
            extra=AT_ONCE,
            description="Who may make an account (/register). open: everybody. invite: whoever has a code for it. closed: nobody, but for"
            " codes of the operator's that make an owner. Empty: open where the server listens for this machine only, and no proxy is trusted; else"
            " invite.",
        ),
    ] = ""
    invitations: Annotated[
        Literal["owners", "all"],
        Meta(extra=AT_ONCE, description="Who makes such codes (/code invite): owners, or all who have an account."),
    ] = "owners"


class TlsTable(Struct, frozen=True, forbid_unknown_fields=True):
    """Encrypted connections: with which certificate, where, and who must have one."""

    certificate: Annotated[
        str,
        Meta(
            extra=COMERS,
            description="File of the certificate, with those that vouch for it (PEM; Let's Encrypt calls it fullchain.pem), or credential:NAME, which"
            " systemd hands over by LoadCredential=. It is read again on SIGHUP, and within an hour after it has changed. Empty: the server makes one"
            " for itself at its first start, in the data directory.",
        ),
    ] = ""
    key: Annotated[
        str,
        Meta(
            extra=COMERS,
            description="File of its private key (privkey.pem), without a password: nobody is there to type it. Empty: the key is in the file of the"
            " certificate.",
        ),
    ] = ""
    port: Annotated[
        Port,
        Meta(
            extra=RESTART,
            description="A second TCP port, where nobody is greeted before TLS has begun: telnet-ssl begins it up to 0.3 s after connecting, and on"
            " the port of [server], where TLS works too, it has been greeted in plain text by then. 5001 is beside the usual one. 0: none.",
        ),
    ] = 0
    require: Annotated[
        Literal["passwords", "all", "none"],
        Meta(
            extra=COMERS,
            description="What is refused without TLS, other than from this machine itself. passwords: whatever proves whose name it is (a password, a"
            " recovery code, an account's token), for anybody on the way could read it. all: everything. none: nothing.",
        ),
    ] = "passwords"


class ProxyTable(Struct, frozen=True, forbid_unknown_fields=True):
    """Proxies in front of the server, which say for whom they connect by the PROXY protocol (HAProxy, nginx, Caddy): docs/proxy.md."""

    trusted: Annotated[
        list[str],
        Meta(
            extra=COMERS,
            description="Addresses and networks of proxies that are believed, such as 127.0.0.1, 10.0.0.0/8 or 2001:db8::/48; unix is whoever"
            " comes by a Unix socket. Every connection from there must begin with a PROXY header, and counts as coming from the address that stands"
            " in it, for limits and in the log: whoever can connect from there can pass for anybody. From elsewhere the header is refused.",
        ),
    ] = field(default_factory=list)


class LogTable(Struct, frozen=True, forbid_unknown_fields=True):
    """The log, on standard error."""

    format: Annotated[
        Literal["text", "json"],
        Meta(extra=AT_ONCE, description="text is for people, json (one object a line) for machines."),
    ] = "text"
    verbose: Annotated[bool, Meta(extra=AT_ONCE, description="Also log every caller who comes and goes.")] = False
    addresses: Annotated[
        Literal["full", "short", "none"],
        Meta(
            extra=AT_ONCE,
            description="Callers' addresses in the log. full: as they are, for whoever keeps out those who flood or guess (fail2ban). short: the"
            " network of 256 addresses, of IPv6 the /48. none: nothing of them. Whose law counts an address among a person's data chooses one of"
            " these.",
        ),
    ] = "full"


class MetricsTable(Struct, frozen=True, forbid_unknown_fields=True):
    """Programs that watch over the server: metrics for Prometheus, and whether it is well (docs/metrics.md)."""

    listen: Annotated[
        str,
        Meta(
            extra=AT_ONCE,
            description="Where they are answered: an address of this machine and a port, such as 127.0.0.1:9464, or the path of a Unix socket"
            " (/run/chat/metrics). Never the port for callers. Empty: nowhere; `chat-server health` works all the same.",
        ),
    ] = ""


def host_and_port(place: str) -> tuple[str, int]:
    """Where a setting says that something listens that has been found good: `127.0.0.1:9464`, `[::1]:9464`; the path of a Unix socket, and 0."""
    if place.startswith("/"):
        return place, 0
    host, _, port = place.rpartition(":")
    return host.strip("[]"), int(port)


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """All settings."""

    server: ServerTable = field(default_factory=ServerTable)
    rooms: RoomsTable = field(default_factory=RoomsTable)
    journal: JournalTable = field(default_factory=JournalTable)
    node: NodeTable = field(default_factory=NodeTable)
    history: HistoryTable = field(default_factory=HistoryTable)
    backup: BackupTable = field(default_factory=BackupTable)
    limits: Limits = field(default_factory=Limits)
    accounts: AccountsTable = field(default_factory=AccountsTable)
    tls: TlsTable = field(default_factory=TlsTable)
    proxy: ProxyTable = field(default_factory=ProxyTable)
    log: LogTable = field(default_factory=LogTable)
    metrics: MetricsTable = field(default_factory=MetricsTable)
