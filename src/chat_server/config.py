"""Everything that can be set, with its default and the reason for it.

Each setting's description is also what `chat-server --print-config` prints above it. Never knows how settings are written in a file, nor what is
done with the values.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from chat_server.journal.engines import EngineName

Count = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0, le=31_536_000)]
Port = Annotated[int, Meta(ge=0, le=65535)]
Positive = Annotated[int, Meta(ge=1)]


class ServerTable(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the server listens, what it is called, and how it stops."""

    name: Annotated[str, Meta(max_length=64, description="What the server is called; programs show it.")] = (
        "chat-server"
    )
    host: Annotated[
        str,
        Meta(
            description="Address or host name to listen on, or the path of a Unix socket (/run/chat/socket), for a proxy. The default is for this"
            " machine only; 0.0.0.0 is for everybody."
        ),
    ] = "127.0.0.1"
    port: Annotated[Port, Meta(description="TCP port; 0 lets the system choose. 5000 is the classic design's.")] = 5000
    language: Annotated[
        Literal["en", "zh"],
        Meta(description="The language in which callers are greeted: en or zh; /lang changes it for oneself."),
    ] = "en"
    stop_seconds: Annotated[
        float,
        Meta(
            gt=0,
            le=31_536_000,
            description="Seconds that readers have to take what waits for them when the server stops. systemd kills after 90.",
        ),
    ] = 10.0


Word = Annotated[str, Meta(pattern=r"^[^\W_]{2,40}$")]
"""One word, as people read it."""


class RoomsTable(Struct, frozen=True, forbid_unknown_fields=True):
    """The rooms."""

    names: Annotated[
        list[str],
        Meta(
            description="Rooms that exist from the start. The defaults are the classic design's. A room with the name of a command (who, last) is"
            " entered by /join only."
        ),
    ] = field(default_factory=lambda: ["python", "write", "pm"])
    held_words: Annotated[
        list[Word],
        Meta(
            description="Words with which a line waits for a moderator, in every room. A room has a list of its own besides (/words)."
        ),
    ] = field(default_factory=list)
    refused_words: Annotated[list[Word], Meta(description="Words with which nothing is said in any room.")] = field(
        default_factory=list
    )


class JournalTable(Struct, frozen=True, forbid_unknown_fields=True):
    """What keeps what was said."""

    engine: Annotated[
        EngineName,
        Meta(
            description="What keeps it. sqlite: files in the data directory. postgresql: a database, which several servers may have together as if"
            " they were one (pip install 'chat-server[postgresql]'); in the data directory is then what each has for itself. memory: no files;"
            " the server forgets everything when it ends (for tests)."
        ),
    ] = "sqlite"
    directory: Annotated[
        str,
        Meta(
            description="Where it is kept; --data overrides it. Empty: where the platform keeps the data of programs."
        ),
    ] = ""
    durability: Annotated[
        Literal["full", "process"],
        Meta(
            description="full: what anybody is shown survives a power cut. process: it survives the end of the server, however that comes, but a"
            " power cut may cost the last moments; for disks on which a commit is slow. In PostgreSQL full waits for its synchronous standby, if it"
            " has one, and process does not."
        ),
    ] = "full"
    url: Annotated[
        str,
        Meta(
            description="Where the database of the engine postgresql is, as PostgreSQL's programs are told: host=db1,db2 dbname=chat user=chat; of"
            " several the one is taken that can be written to. No password: that is in the file that PGPASSFILE names, or all of it is in a service"
            " of pg_service.conf (service=chat)."
        ),
    ] = ""


class NodeTable(Struct, frozen=True, forbid_unknown_fields=True):
    """The server among those with the same journal."""

    name: Annotated[
        str,
        Meta(
            max_length=64,
            description="What the server is called among the others, for people. Empty: the machine's name.",
        ),
    ] = ""
    silence_seconds: Annotated[
        float,
        Meta(
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
        Meta(ge=0, le=50, description="Lines that a newcomer to a room is shown; /history changes it for oneself."),
    ] = 20
    time_zone: Annotated[
        str,
        Meta(
            description="Zone of the times that people are shown, such as Europe/Berlin; /time changes it for oneself. Empty: the server's own."
        ),
    ] = ""
    keep_days: Annotated[
        Seconds, Meta(description="Days after which what was said is deleted, within a quarter of an hour. 0: never.")
    ] = 0.0
    keep_lines: Annotated[
        Count,
        Meta(
            description="Lines that each room keeps at least; older ones are deleted, a batch (up to 1024 lines) at a time. 0: all."
        ),
    ] = 0


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What one caller, or all together, may cost. Where 0 is allowed, it means no limit."""

    connections: Annotated[
        Count,
        Meta(
            description="Connections in all. Each costs about 8 KiB, by TLS 19 more; the limit on open files counts too, whichever is lower."
        ),
    ] = 10000
    connections_per_address: Annotated[
        Count,
        Meta(
            description="Connections from one address (IPv6: from one /64, which is what one household gets). Enough for a campus or a shell host"
            " behind one address, not enough for one scanner to fill the server."
        ),
    ] = 100
    requests_per_address: Annotated[
        Seconds,
        Meta(
            description="Requests per second from one address in the long run, whoever makes them; connecting and logging in count too. What is over"
            " it waits; nobody is cut off. A campus behind one address talks on, a flood does not. Counts only where connections_per_address and"
            " messages_per_second do."
        ),
    ] = 40.0
    request_burst_per_address: Annotated[
        Positive,
        Meta(
            description="Requests from one address that pass at once before that limit counts: a class of a hundred may all come in and say hello."
        ),
    ] = 400
    line_bytes: Annotated[
        Positive,
        Meta(
            description="Bytes in a line, without its end. A longer one is answered and skipped. IRC allows 512, ssh-chat 1024."
        ),
    ] = 4096
    json_line_bytes: Annotated[
        Positive,
        Meta(
            description="Bytes in a program's line of JSON. A text may double in size there, and a program that resumes may name a hundred rooms."
        ),
    ] = 65536
    text_bytes: Annotated[
        Positive,
        Meta(
            description="Bytes in a text of several lines, from programs or pasted: 300 lines of code. Each 1024 of them count as a line."
        ),
    ] = 16384
    messages_per_second: Annotated[
        Seconds,
        Meta(
            description="Lines per second from one person in the long run; over it the sender is slowed, never cut off. Nobody types this fast."
        ),
    ] = 4.0
    message_burst: Annotated[
        Positive,
        Meta(description="Lines that pass at once before that limit counts: pasting a short snippet costs nothing."),
    ] = 20
    login_seconds: Annotated[
        Seconds,
        Meta(description="Seconds until a caller must have logged in: time to read the greeting and think of a name."),
    ] = 120.0
    unfinished_line_seconds: Annotated[
        Seconds,
        Meta(
            description="Seconds that a caller who has not logged in may take over one line. A scanner that never ends its line goes soon."
        ),
    ] = 60.0
    idle_seconds: Annotated[
        Seconds,
        Meta(
            description="Seconds for which somebody who has logged in may say and ask nothing. Reading along is what chat is for: no limit."
        ),
    ] = 0.0
    no_progress_seconds: Annotated[
        Seconds,
        Meta(
            description="Seconds for which a reader may take not one byte of what waits for it. A stopped terminal (Ctrl+S, a suspended telnet)"
            " costs no more than waiting_bytes, so it may be away for lunch."
        ),
    ] = 3600.0
    sessions_per_person: Annotated[
        Count,
        Meta(
            description="Sessions of one person: programs with one token that asked to be added to the others. A desk, a laptop, a telephone, some"
            " tabs. One that does not ask takes the place of them all."
        ),
    ] = 8
    rooms: Annotated[
        Count,
        Meta(
            description="Rooms in all; when there are as many, nobody can create another. One costs a task and, where it is talked in, 50 lines"
            " in memory."
        ),
    ] = 1000
    rooms_per_person: Annotated[
        Count,
        Meta(
            description="Rooms that one person may create within a day. A room stays for good, so nobody needs many; an evening's plans need a few."
        ),
    ] = 5
    rooms_owned: Annotated[
        Count,
        Meta(
            description="Rooms that one account may own at a time: who has as many makes no more, and is made no owner. The server's admins may."
        ),
    ] = 20
    rooms_per_address: Annotated[
        Count,
        Meta(
            description="Rooms that all from one address may create within a day, whatever their names. A class makes one for each group; a flood"
            " would fill the server in seconds. Counts only where connections_per_address does."
        ),
    ] = 20
    keepalive_seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=32767,  # Linux takes no more
            description="Seconds of silence after which TCP asks whether a peer is still there; one that is gone is found within twice this time.",
        ),
    ] = 60.0
    nop_seconds: Annotated[
        Seconds,
        Meta(
            description="Seconds of silence after which a caller who speaks telnet is sent a NOP: it keeps routers from forgetting the connection."
            " Evennia's default is 30. /keepalive off ends it for oneself. 0: never."
        ),
    ] = 30.0
    silence_seconds: Annotated[
        Seconds,
        Meta(
            description="Seconds after which a program that sends nothing, though it is asked, and takes nothing of what waits for it is taken for"
            " dead. Its place is kept by its token, not by its connection."
        ),
    ] = 45.0
    waiting_bytes: Annotated[
        Count,
        Meta(
            description="Bytes that wait for one slow reader. Beyond it they are dropped and the reader is told how many lines. InspIRCd's default."
        ),
    ] = 1048576
    waiting_bytes_before_login: Annotated[
        Count,
        Meta(
            description="The same for callers who have not logged in: they are sent a few answers at most, of which the one to hello is the longest."
        ),
    ] = 65536
    waiting_total_bytes: Annotated[
        int,
        Meta(
            ge=-1,
            description="Bytes that wait for all readers together, with the lines that callers have begun and not ended. Beyond it, the one for whom"
            " most waits loses it and is told. -1: a quarter of the machine's memory, at least 256 MiB. 0: no limit.",
        ),
    ] = -1


class AccountsTable(Struct, frozen=True, forbid_unknown_fields=True):
    """Who comes in without an account, and who may make one."""

    guests: Annotated[
        bool, Meta(description="Whether somebody without an account may come in, under any name that nobody has.")
    ] = True
    registration: Annotated[
        Literal["", "open", "invite", "closed"],
        Meta(
            description="Who may make an account (/register). open: everybody. invite: whoever has a code for it. closed: nobody, but for"
            " codes of the operator's that make an owner. Empty: open where the server listens for this machine only, and no proxy is trusted; else"
            " invite."
        ),
    ] = ""
    invitations: Annotated[
        Literal["owners", "all"],
        Meta(description="Who makes such codes (/code invite): owners, or all who have an account."),
    ] = "owners"


class TlsTable(Struct, frozen=True, forbid_unknown_fields=True):
    """Encrypted connections: with which certificate, where, and who must have one."""

    certificate: Annotated[
        str,
        Meta(
            description="File of the certificate, with those that vouch for it (PEM; Let's Encrypt calls it fullchain.pem). It is read again on"
            " SIGHUP, and within an hour after it has changed. Empty: the server makes one for itself at its first start, in the data directory."
        ),
    ] = ""
    key: Annotated[
        str,
        Meta(
            description="File of its private key (privkey.pem), without a password: nobody is there to type it. Empty: the key is in the file of the"
            " certificate."
        ),
    ] = ""
    port: Annotated[
        Port,
        Meta(
            description="A second TCP port, where nobody is greeted before TLS has begun: telnet-ssl begins it up to 0.3 s after connecting, and on"
            " the port of [server], where TLS works too, it has been greeted in plain text by then. 5001 is beside the usual one. 0: none."
        ),
    ] = 0
    require: Annotated[
        Literal["passwords", "all", "none"],
        Meta(
            description="What is refused without TLS, other than from this machine itself. passwords: whatever proves whose name it is (a password, a"
            " recovery code, an account's token), for anybody on the way could read it. all: everything. none: nothing."
        ),
    ] = "passwords"


class ProxyTable(Struct, frozen=True, forbid_unknown_fields=True):
    """Proxies in front of the server, which say for whom they connect by the PROXY protocol (HAProxy, nginx, Caddy): docs/proxy.md."""

    trusted: Annotated[
        list[str],
        Meta(
            description="Addresses and networks of proxies that are believed, such as 127.0.0.1, 10.0.0.0/8 or 2001:db8::/48; unix is whoever"
            " comes by a Unix socket. Every connection from there must begin with a PROXY header, and counts as coming from the address that stands"
            " in it, for limits and in the log: whoever can connect from there can pass for anybody. From elsewhere the header is refused."
        ),
    ] = field(default_factory=list)


class LogTable(Struct, frozen=True, forbid_unknown_fields=True):
    """The log, on standard error."""

    format: Annotated[
        Literal["text", "json"], Meta(description="text is for people, json (one object a line) for machines.")
    ] = "text"
    verbose: Annotated[bool, Meta(description="Also log every caller who comes and goes.")] = False


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """All settings."""

    server: ServerTable = field(default_factory=ServerTable)
    rooms: RoomsTable = field(default_factory=RoomsTable)
    journal: JournalTable = field(default_factory=JournalTable)
    node: NodeTable = field(default_factory=NodeTable)
    history: HistoryTable = field(default_factory=HistoryTable)
    limits: Limits = field(default_factory=Limits)
    accounts: AccountsTable = field(default_factory=AccountsTable)
    tls: TlsTable = field(default_factory=TlsTable)
    proxy: ProxyTable = field(default_factory=ProxyTable)
    log: LogTable = field(default_factory=LogTable)
