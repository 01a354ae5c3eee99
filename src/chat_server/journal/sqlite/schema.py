"""The journal's tables. Migrations are a list whose index is the version that they start from; a migration that has been released never changes.

A file made by an older release must open for ever: `tests/data/` has one of each. Before it is migrated, upgrade.py copies it aside.
"""

import sqlite3

from chat_server.journal.sqlite.act_schema import (
    ACT_INDEXES,
    ACTS,
    EARLIER_ROOM_ACTS,
    FIRST_ROOM_ACTS,
    ROOM_ACT_INDEXES,
    ROOM_ACTS,
    WITH_EARLIER_ROOM_ACTS,
)

APPLICATION_ID = 0x63686174  # "chat"

_ACCOUNTS = """
    -- Everybody who has an account, or had one: what is left of it when it has ended keeps its number from being used again.
    CREATE TABLE account (
        id INTEGER PRIMARY KEY,  -- random
        name TEXT NOT NULL,
        key TEXT NOT NULL UNIQUE,  -- what names that count as the same share
        skeleton TEXT NOT NULL UNIQUE,  -- what names that look alike share
        password TEXT,  -- a hash of it
        made REAL NOT NULL,
        invited_by INTEGER NOT NULL,
        role TEXT NOT NULL,
        state TEXT NOT NULL,  -- active, closing, closed
        ending TEXT,
        closes_at REAL NOT NULL,
        choices TEXT NOT NULL,  -- JSON
        seen REAL NOT NULL
    ) STRICT;
    -- What logs in by a token of its own, of which the digest is kept.
    CREATE TABLE device (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        account INTEGER NOT NULL REFERENCES account,
        name TEXT NOT NULL,
        digest BLOB NOT NULL UNIQUE,
        made REAL NOT NULL,
        kind TEXT NOT NULL,
        seen REAL NOT NULL,
        network TEXT NOT NULL,
        ends REAL,
        is_limited INTEGER NOT NULL  -- whether only to rooms of device_room
    ) STRICT;
    CREATE TABLE device_room (device INTEGER, room INTEGER, PRIMARY KEY (device, room)) STRICT, WITHOUT ROWID;
    CREATE TABLE code (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        digest BLOB NOT NULL UNIQUE,
        purpose TEXT NOT NULL,
        made REAL NOT NULL,
        ends REAL,
        account INTEGER NOT NULL,  -- whom it lets in; 0: nobody yet
        name TEXT NOT NULL,  -- the key of the one name that may register by it
        made_by INTEGER NOT NULL,
        uses INTEGER NOT NULL  -- that are left
    ) STRICT;
    CREATE TABLE code_room (code INTEGER, room INTEGER, PRIMARY KEY (code, room)) STRICT, WITHOUT ROWID;
    -- Names that accounts had, kept from all others until a time.
    CREATE TABLE kept_name (
        key TEXT PRIMARY KEY, skeleton TEXT NOT NULL, account INTEGER NOT NULL, until REAL NOT NULL
    ) STRICT, WITHOUT ROWID;
    -- Failed tries by network, for an account or (0) any.
    CREATE TABLE failure (
        network TEXT, account INTEGER, count INTEGER NOT NULL, at REAL NOT NULL, PRIMARY KEY (network, account)
    ) STRICT, WITHOUT ROWID;
    -- Accounts whose lines stand under another name, or without their texts, or are to.
    CREATE TABLE ended (
        account INTEGER PRIMARY KEY,
        nick TEXT NOT NULL,
        ending TEXT NOT NULL,
        is_done INTEGER NOT NULL
    ) STRICT;
"""

_ACCOUNT_INDEXES = """
    CREATE INDEX account_by_end ON account (closes_at) WHERE state = 'closing';
    CREATE INDEX device_by_account ON device (account);
    CREATE INDEX device_by_end ON device (ends) WHERE ends IS NOT NULL;
    CREATE INDEX code_by_account ON code (account);
    CREATE INDEX code_by_maker ON code (made_by);
    CREATE INDEX code_by_end ON code (ends) WHERE ends IS NOT NULL;
    CREATE INDEX kept_name_by_skeleton ON kept_name (skeleton);
    CREATE INDEX kept_name_by_account ON kept_name (account);
    CREATE INDEX failure_by_time ON failure (at);
"""

_PARTIES = """
    -- Between whom a conversation is: conversations.py.
    CREATE TABLE party (
        who TEXT NOT NULL,
        room INTEGER NOT NULL,
        place INTEGER NOT NULL,
        has_accepted INTEGER NOT NULL,
        began_at REAL NOT NULL,  -- 0: the other one has begun it
        PRIMARY KEY (who, room)
    ) STRICT, WITHOUT ROWID;
"""

_CONVERSATIONS = f"""
    ALTER TABLE room ADD COLUMN kind TEXT NOT NULL DEFAULT '';  -- dm: a conversation; else it is for everybody
    {_PARTIES}
    CREATE INDEX party_by_room ON party (room, place);
"""

_MENTIONS = """
    -- Who was named in which line while they were not there.
    CREATE TABLE mention (
        account INTEGER NOT NULL,
        room INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        author INTEGER NOT NULL,  -- who has named them; 0: somebody without an account
        at REAL NOT NULL,
        is_read INTEGER NOT NULL,
        PRIMARY KEY (account, room, seq)
    ) STRICT, WITHOUT ROWID;
"""

_DELETED_ROOMS = """
    -- Rooms that are no more, of which lines and keys are still in the tables, or their bytes in the files (deleted_rooms.py). `name` is what the
    -- search index has them under, '' when it has not; what any other room of that name has said stands from the position `before` on.
    CREATE TABLE deleted_room (room INTEGER PRIMARY KEY, name TEXT NOT NULL, before INTEGER NOT NULL) STRICT;
"""

_VERSIONS = """
    -- What lines said before they were edited (journal/versions.py), for a while: from the entry with this number on, until a time.
    CREATE TABLE version (
        room INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        number INTEGER NOT NULL,
        until REAL NOT NULL,
        text TEXT NOT NULL,
        author INTEGER NOT NULL,
        PRIMARY KEY (room, seq, number)
    ) STRICT, WITHOUT ROWID;
"""

_CAME_FROM = """
    -- From which networks accounts have logged in last.
    CREATE TABLE came_from (
        account INTEGER NOT NULL, network TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (account, network)
    ) STRICT, WITHOUT ROWID;
"""

MIGRATIONS: list[str] = [
    """
    CREATE TABLE room (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        topic TEXT NOT NULL DEFAULT '',
        kept_from INTEGER NOT NULL DEFAULT 1  -- the first number that has not been pruned
    ) STRICT;
    -- A batch of lines (batch_codec.py). `id` is its first line's position in the whole journal, `first` that line's number in its room.
    CREATE TABLE batch (
        id INTEGER PRIMARY KEY,
        room INTEGER NOT NULL REFERENCES room,
        first INTEGER NOT NULL,
        count INTEGER NOT NULL,
        at REAL NOT NULL,  -- seconds since 1970
        lines TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX batch_by_number ON batch (room, first);
    -- Keys under which requests were sent, in the order of `id`: what was sent again is stored once.
    CREATE TABLE sent (
        id INTEGER PRIMARY KEY,
        sender TEXT NOT NULL,
        key TEXT NOT NULL,
        room INTEGER NOT NULL REFERENCES room,
        seq INTEGER NOT NULL,
        at REAL NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX sent_by_key ON sent (sender, key);
    -- How far somebody had come in a room when they were last there.
    CREATE TABLE position (
        room INTEGER NOT NULL REFERENCES room,
        person TEXT NOT NULL,
        seq INTEGER NOT NULL,
        at REAL NOT NULL,
        PRIMARY KEY (room, person)
    ) STRICT, WITHOUT ROWID;
    -- One row: which journal this is, and the position that the next line gets if everything before has been pruned.
    CREATE TABLE journal (identity TEXT NOT NULL, next_id INTEGER NOT NULL) STRICT;
    INSERT INTO journal VALUES (lower(hex(randomblob(16))), 1);
    -- For people with the sqlite3 shell: SELECT * FROM line WHERE room = 'python' ORDER BY seq;
    CREATE VIEW line AS
        SELECT batch.id + piece.key AS id, room.name AS room, batch.first + piece.key AS seq,
            datetime(batch.at, 'unixepoch') AS at, coalesce(json_extract(piece.value, '$[2]'), 'said') AS kind,
            json_extract(piece.value, '$[0]') AS nick, json_extract(piece.value, '$[1]') AS text
        FROM batch JOIN room ON room.id = batch.room, json_each(batch.lines) AS piece;
    """,
    """
    ALTER TABLE batch ADD COLUMN step REAL NOT NULL DEFAULT 0;  -- seconds from each line to the next
    ALTER TABLE batch ADD COLUMN authors TEXT NOT NULL DEFAULT '';  -- a JSON list of accounts; empty: all are 0
    ALTER TABLE batch ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;  -- counts the batches of a room
    ALTER TABLE room ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;  -- that of the last batch that has been pruned
    UPDATE batch SET turn = counted.turn
        FROM (SELECT id, row_number() OVER (PARTITION BY room ORDER BY first) AS turn FROM batch) AS counted
        WHERE counted.id = batch.id;
    DROP VIEW line;
    CREATE VIEW line AS
        SELECT batch.id + piece.key AS id, room.name AS room, batch.first + piece.key AS seq,
            datetime(batch.at + piece.key * batch.step, 'unixepoch') AS at,
            coalesce(json_extract(piece.value, '$[2]'), 'said') AS kind, json_extract(piece.value, '$[0]') AS nick,
            json_extract(piece.value, '$[1]') AS text,
            iif(batch.authors = '', 0, json_extract(batch.authors, '$[' || piece.key || ']')) AS author
        FROM batch JOIN room ON room.id = batch.room, json_each(batch.lines) AS piece;
    """,
    _ACCOUNTS + _ACCOUNT_INDEXES,
    """
    ALTER TABLE room ADD COLUMN state TEXT NOT NULL DEFAULT '';  -- what follows from its log: room_state.py
    """,
    _CONVERSATIONS,
    f"{_MENTIONS} CREATE INDEX mention_by_room ON mention (room);",
    ACTS + ACT_INDEXES + FIRST_ROOM_ACTS + ROOM_ACT_INDEXES,
    """
    -- The position at which lines were last deleted, at the latest; and the one up to which nothing is left in the files of what was deleted before.
    ALTER TABLE journal ADD COLUMN redacted INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE journal ADD COLUMN overwritten INTEGER NOT NULL DEFAULT 0;
    """,
    """
    -- What waits for moderators (accounts/cases.py), as JSON; `room` is its room's id, and none of a room that is no more.
    CREATE TABLE matter (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        at REAL NOT NULL,
        account INTEGER NOT NULL,
        author INTEGER NOT NULL,
        room INTEGER,
        what TEXT NOT NULL
    ) STRICT;
    """,
    """
    ALTER TABLE room ADD COLUMN uid TEXT NOT NULL DEFAULT '';  -- the room's, whatever it is called, and never another's
    UPDATE room SET uid = lower(hex(randomblob(8)));
    CREATE UNIQUE INDEX room_by_uid ON room (uid) WHERE uid <> '';
    """,
    _DELETED_ROOMS,
    """
    ALTER TABLE matter ADD COLUMN sender TEXT NOT NULL DEFAULT '';
    ALTER TABLE matter ADD COLUMN network TEXT NOT NULL DEFAULT '';
    ALTER TABLE matter ADD COLUMN keeper INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE matter ADD COLUMN key TEXT NOT NULL DEFAULT '';
    ALTER TABLE matter ADD COLUMN of INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE matter ADD COLUMN is_open INTEGER NOT NULL DEFAULT 1;
    UPDATE matter SET sender = coalesce(json_extract(what, '$.sender'), ''), network = coalesce(json_extract(what, '$.network'), ''),
        key = coalesce(json_extract(what, '$.key'), ''), of = coalesce(json_extract(what, '$.of'), 0),
        is_open = coalesce(json_extract(what, '$.is_open'), 1) WHERE json_valid(what);
    UPDATE matter SET is_open = 0 WHERE json_valid(what) AND room IS NULL AND kind <> 'report' AND coalesce(json_extract(what, '$.room'), '') <> '';
    -- With all that is counted, so that no text is read.
    CREATE INDEX matter_counted ON matter (kind, at, is_open, sender, network, keeper, room, account, author);
    CREATE INDEX matter_by_sender ON matter (sender);
    CREATE INDEX matter_waiting ON matter (room) WHERE is_open = 1;
    """,
    f"{_CAME_FROM} CREATE INDEX came_from_by_network ON came_from (network);",
    EARLIER_ROOM_ACTS + ROOM_ACTS + WITH_EARLIER_ROOM_ACTS + ROOM_ACT_INDEXES,
    f"""
    {_VERSIONS}
    CREATE INDEX version_by_end ON version (until);
    CREATE INDEX version_by_author ON version (author) WHERE author != 0;
    """,
    """
    -- One row: when the server last tried whether it can store anything (the canary).
    CREATE TABLE probe (id INTEGER PRIMARY KEY CHECK (id = 1), at REAL NOT NULL) STRICT;
    INSERT INTO probe VALUES (1, 0);
    """,
]

_NO_ACCOUNTS = _ACCOUNTS.replace("CREATE TABLE", "CREATE TEMP TABLE")

_NO_PARTIES = _PARTIES.replace("CREATE TABLE", "CREATE TEMP TABLE")

_NO_MENTIONS = _MENTIONS.replace("CREATE TABLE", "CREATE TEMP TABLE")

_BEFORE_TURNS = """
    CREATE TEMP VIEW batch AS
        SELECT id, room, first, count, at, lines, 0.0 AS step, '' AS authors, 0 AS turn FROM main.batch;
    CREATE TEMP VIEW room AS
        SELECT id, name, topic, kept_from, 0 AS turn, '' AS state, '' AS kind, '' AS uid FROM main.room;
"""
_WITHOUT_STATE = """
    CREATE TEMP VIEW room AS
        SELECT id, name, topic, kept_from, turn, '' AS state, '' AS kind, '' AS uid FROM main.room;
"""
_WITHOUT_KIND = "CREATE TEMP VIEW room AS SELECT *, '' AS kind, '' AS uid FROM main.room;"
_WITHOUT_ID = "CREATE TEMP VIEW room AS SELECT *, '' AS uid FROM main.room;"

_NO_ACTS = (ACTS + ROOM_ACTS).replace("CREATE TABLE", "CREATE TEMP TABLE")

_ACTS_ARE_ENTRIES = (
    "CREATE TEMP VIEW room_act AS SELECT room, number, 0 AS nth, author, account, what FROM main.room_act;"
)

_NONE_DELETED = _DELETED_ROOMS.replace("CREATE TABLE", "CREATE TEMP TABLE")

_FROM_NOWHERE = _CAME_FROM.replace("CREATE TABLE", "CREATE TEMP TABLE")

_NO_VERSIONS = _VERSIONS.replace("CREATE TABLE", "CREATE TEMP TABLE")

_LACKING: tuple[tuple[int, int, str], ...] = (
    (1, 1, _BEFORE_TURNS),
    (2, 3, _WITHOUT_STATE),
    (4, 4, _WITHOUT_KIND),
    (5, 9, _WITHOUT_ID),
    (1, 2, _NO_ACCOUNTS),
    (1, 4, _NO_PARTIES),
    (1, 5, _NO_MENTIONS),
    (1, 6, _NO_ACTS),
    (7, 13, _ACTS_ARE_ENTRIES),
    (1, 10, _NONE_DELETED),
    (1, 12, _FROM_NOWHERE),
    (1, 14, _NO_VERSIONS),
)
"""What shows the tables of older versions, from one to another, as those of this release, to connections that only read."""


DELETE_ROOM = (
    "DELETE FROM device_room WHERE room = ?",
    "DELETE FROM code_room WHERE room = ?",
    "UPDATE matter SET room = NULL, is_open = CASE WHEN kind = 'report' THEN is_open ELSE 0 END WHERE room = ?",
    "DELETE FROM position WHERE room = ?",
    "DELETE FROM party WHERE room = ?",
    "DELETE FROM mention WHERE room = ?",
    "DELETE FROM version WHERE room = ?",
    "UPDATE room_act SET room = (SELECT min(0, coalesce(min(room), 0)) - 1 FROM room_act) WHERE room = ?",
    "INSERT INTO deleted_room SELECT id, name, (SELECT next_id FROM journal) FROM room WHERE id = ?",
    "DELETE FROM room WHERE id = ?",
)
"""What deletes a room, whose number it is given: its lines and keys stay, as those of no room, and are deleted bit by bit. What was done in it by
office is kept, for its number may be another room's some day."""


class NewerSchema(Exception):
    """The file was made by a newer release of the program."""


class NotAJournal(Exception):
    """The file is a database of something else."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables to the version that this program knows.

    Raises:
        NewerSchema: the file is from a newer release. Nothing has been changed.
        NotAJournal: the file is a database of something else. Nothing has been changed.

    """
    version = version_of(connection)
    is_empty = not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if _application_of(connection) != APPLICATION_ID and not is_empty:
        raise NotAJournal
    if version > len(MIGRATIONS):
        raise NewerSchema
    if version < len(MIGRATIONS):  # all of it by one commit: each waits for the disk several times
        connection.executescript(
            f"BEGIN IMMEDIATE; {'; '.join(MIGRATIONS[version:])}; PRAGMA application_id = {APPLICATION_ID}; "
            f"PRAGMA user_version = {len(MIGRATIONS)}; COMMIT;"
        )


def show_as_newest(connection: sqlite3.Connection) -> None:
    """Let a connection see the tables of an older file as those that this program knows. The file stays as it is."""
    version = version_of(connection)
    connection.executescript("".join(shown for first, last, shown in _LACKING if first <= version <= last))


def needs_migration(connection: sqlite3.Connection) -> bool:
    """Whether the file is a journal that an older release has made."""
    return _application_of(connection) == APPLICATION_ID and 0 < version_of(connection) < len(MIGRATIONS)


def version_of(connection: sqlite3.Connection) -> int:
    """The version of the tables; 0 for an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _application_of(connection: sqlite3.Connection) -> int:
    """Whose database it says that it is."""
    return int(connection.execute("PRAGMA application_id").fetchone()[0])
