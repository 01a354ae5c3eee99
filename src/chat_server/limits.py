"""The settings that say what callers may cost: one table of config.py's, with the default of each and the reason for it.

Never knows who counts.
"""

from typing import Annotated

from msgspec import Meta, Struct

from chat_server.setting_kinds import AT_ONCE, COMERS, NEXT, Count, Positive, Seconds


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What one caller, or all together, may cost. Where 0 is allowed, it means no limit."""

    connections: Annotated[
        Count,
        Meta(
            extra=COMERS,
            description="Connections in all. Each costs about 8 KiB, by TLS 19 more; the limit on open files counts too, whichever is lower.",
        ),
    ] = 10000
    connections_per_address: Annotated[
        Count,
        Meta(
            extra=COMERS,
            description="Connections from one address (IPv6: from one /64, which is what one household gets). Enough for a campus or a shell host"
            " behind one address, not enough for one scanner to fill the server.",
        ),
    ] = 100
    requests_per_address: Annotated[
        Seconds,
        Meta(
            extra=AT_ONCE,
            description="Requests per second from one address in the long run, whoever makes them; connecting and logging in count too. What is over"
            " it waits; nobody is cut off. A campus behind one address talks on, a flood does not. Counts only where connections_per_address and"
            " messages_per_second do.",
        ),
    ] = 40.0
    request_burst_per_address: Annotated[
        Positive,
        Meta(
            extra=AT_ONCE,
            description="Requests from one address that pass at once before that limit counts: a class of a hundred may all come in and say hello.",
        ),
    ] = 400
    line_bytes: Annotated[
        Positive,
        Meta(
            extra=AT_ONCE,
            description="Bytes in a line, without its end. A longer one is answered and skipped. IRC allows 512, ssh-chat 1024.",
        ),
    ] = 4096
    json_line_bytes: Annotated[
        Positive,
        Meta(
            extra=AT_ONCE,
            description="Bytes in a program's line of JSON. A text may double in size there, and a program that resumes may name a hundred rooms.",
        ),
    ] = 65536
    text_bytes: Annotated[
        Positive,
        Meta(
            extra=AT_ONCE,
            description="Bytes in a text of several lines, from programs or pasted: 300 lines of code. Each 1024 of them count as a line.",
        ),
    ] = 16384
    messages_per_second: Annotated[
        Seconds,
        Meta(
            extra=AT_ONCE,
            description="Lines per second from one person in the long run; over it the sender is slowed, never cut off. Nobody types this fast.",
        ),
    ] = 4.0
    message_burst: Annotated[
        Positive,
        Meta(
            extra=AT_ONCE,
            description="Lines that pass at once before that limit counts: pasting a short snippet costs nothing.",
        ),
    ] = 20
    login_seconds: Annotated[
        Seconds,
        Meta(
            extra=COMERS,
            description="Seconds until a caller must have logged in: time to read the greeting and think of a name.",
        ),
    ] = 120.0
    unfinished_line_seconds: Annotated[
        Seconds,
        Meta(
            extra=NEXT,
            description="Seconds that a caller who has not logged in may take over one line. A scanner that never ends its line goes soon.",
        ),
    ] = 60.0
    idle_seconds: Annotated[
        Seconds,
        Meta(
            extra=AT_ONCE,
            description="Seconds for which somebody who has logged in may say and ask nothing. Reading along is what chat is for: no limit.",
        ),
    ] = 0.0
    no_progress_seconds: Annotated[
        Seconds,
        Meta(
            extra=NEXT,
            description="Seconds for which a reader may take not one byte of what waits for it. A stopped terminal (Ctrl+S, a suspended telnet)"
            " costs no more than waiting_bytes, so it may be away for lunch.",
        ),
    ] = 3600.0
    sessions_per_person: Annotated[
        Count,
        Meta(
            extra=AT_ONCE,
            description="Sessions of one person: programs with one token that asked to be added to the others. A desk, a laptop, a telephone, some"
            " tabs. One that does not ask takes the place of them all.",
        ),
    ] = 8
    rooms: Annotated[
        Count,
        Meta(
            extra=AT_ONCE,
            description="Rooms in all; when there are as many, nobody can create another. One costs a task and, where it is talked in, 50 lines"
            " in memory.",
        ),
    ] = 1000
    rooms_per_person: Annotated[
        Count,
        Meta(
            extra=AT_ONCE,
            description="Rooms that one person may create within a day. A room stays for good, so nobody needs many; an evening's plans need a few.",
        ),
    ] = 5
    rooms_owned: Annotated[
        Count,
        Meta(
            extra=AT_ONCE,
            description="Rooms that one account may own at a time: who has as many makes no more, and is made no owner. The server's admins may.",
        ),
    ] = 20
    rooms_per_address: Annotated[
        Count,
        Meta(
            extra=AT_ONCE,
            description="Rooms that all from one address may create within a day, whatever their names. A class makes one for each group; a flood"
            " would fill the server in seconds. Counts only where connections_per_address does.",
        ),
    ] = 20
    keepalive_seconds: Annotated[
        float,
        Meta(
            extra=COMERS,
            ge=0,
            le=32767,  # Linux takes no more
            description="Seconds of silence after which TCP asks whether a peer is still there; one that is gone is found within twice this time.",
        ),
    ] = 60.0
    nop_seconds: Annotated[
        Seconds,
        Meta(
            extra=NEXT,
            description="Seconds of silence after which a caller who speaks telnet is sent a NOP: it keeps routers from forgetting the connection."
            " Evennia's default is 30. /keepalive off ends it for oneself. 0: never.",
        ),
    ] = 30.0
    silence_seconds: Annotated[
        Seconds,
        Meta(
            extra=NEXT,
            description="Seconds after which a program that sends nothing, though it is asked, and takes nothing of what waits for it is taken for"
            " dead. Its place is kept by its token, not by its connection.",
        ),
    ] = 45.0
    waiting_bytes: Annotated[
        Count,
        Meta(
            extra=AT_ONCE,
            description="Bytes that wait for one slow reader. Beyond it they are dropped and the reader is told how many lines. InspIRCd's default.",
        ),
    ] = 1048576
    waiting_bytes_before_login: Annotated[
        Count,
        Meta(
            extra=AT_ONCE,
            description="The same for callers who have not logged in: they are sent a few answers at most, of which the one to hello is the longest.",
        ),
    ] = 65536
    waiting_total_bytes: Annotated[
        int,
        Meta(
            extra=AT_ONCE,
            ge=-1,
            description="Bytes that wait for all readers together, with the lines that callers have begun and not ended. Beyond it, the one for whom"
            " most waits loses it and is told. -1: a quarter of the machine's memory, at least 256 MiB. 0: no limit.",
        ),
    ] = -1
