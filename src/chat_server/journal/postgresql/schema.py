"""The journal's tables and functions in PostgreSQL. Migrations are a list whose index is the version that they start from.

A migration that has been released never changes, and what it adds is such that servers of the release before go on working beside it: they are
replaced one by one. What accounts and the life of a node want of the database is in files of their own, which are joined here.
"""

from typing import TYPE_CHECKING

from chat_server.journal.postgresql.account_functions import ACCOUNTS, CAME_FROM
from chat_server.journal.postgresql.amend_function import AMEND
from chat_server.journal.postgresql.amending_functions import AMENDING
from chat_server.journal.postgresql.append_function import AMENDING_APPEND, APPEND
from chat_server.journal.postgresql.conversation_functions import CONVERSATIONS
from chat_server.journal.postgresql.lines_asked_schema import LINES_ASKED
from chat_server.journal.postgresql.mention_functions import MENTIONS
from chat_server.journal.postgresql.node_functions import GONE_NODES, NODES, PROBED
from chat_server.journal.postgresql.place_schema import PLACES, UPGRADED
from chat_server.journal.postgresql.rename_function import IN_ORDER, RENAMING
from chat_server.journal.postgresql.room_functions import FORGETTING, ROOMS
from chat_server.journal.postgresql.search_schema import SEARCH
from chat_server.journal.postgresql.telling_function import CHECKING_APPEND, PLAIN_APPEND, TELLING_APPEND

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import TupleRow

MIGRATION_LOCK = 0x63686174_01
"""The number of the lock under which tables are changed, among those of this database that nobody but us takes."""

TABLES = """
-- One row: which journal this is, which version of these tables it has, and the number of the newest change.
CREATE TABLE journal (
    identity text NOT NULL DEFAULT replace(gen_random_uuid()::text, '-', ''),
    version int NOT NULL,
    changes bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 20);
-- The servers that have this journal just now. A restart is another node.
CREATE TABLE node (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    began timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen timestamptz NOT NULL DEFAULT clock_timestamp(),
    is_leaving boolean NOT NULL DEFAULT false  -- it ends, or has ended, and from it people can come back at other nodes
) WITH (fillfactor = 20);
CREATE TABLE room (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid text NOT NULL DEFAULT left(replace(gen_random_uuid()::text, '-', ''), 16),  -- its own, whatever it is called, and never another's
    name text NOT NULL,
    key text NOT NULL,  -- what names that count as the same share
    skeleton text NOT NULL,  -- what names that look alike share: those of the configuration may
    kind text NOT NULL DEFAULT '',  -- dm: a conversation; else it is for everybody
    topic text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT '',  -- what follows from its log beside that (room_state.py)
    state_turn bigint NOT NULL DEFAULT 0,  -- the turn that has changed it last
    kept_from bigint NOT NULL DEFAULT 1,  -- the first number that has not been pruned
    last bigint NOT NULL DEFAULT 0,  -- the number of the newest line
    turn bigint NOT NULL DEFAULT 0,  -- that of the newest turn
    last_at float8 NOT NULL DEFAULT '-infinity',  -- a step after the newest line
    runs bigint[] NOT NULL DEFAULT '{}',  -- the numbers at which the clock has run back (first_of_time.py)
    is_deleted boolean NOT NULL DEFAULT false  -- what is left of it is being deleted
) WITH (fillfactor = 20);  -- changed with every turn: a new version finds its place on the same page
CREATE UNIQUE INDEX room_by_uid ON room (uid);
CREATE UNIQUE INDEX room_by_key ON room (key) WHERE NOT is_deleted;
CREATE INDEX room_by_skeleton ON room (skeleton) WHERE NOT is_deleted;
CREATE INDEX room_by_name ON room (name) WHERE NOT is_deleted;
-- A turn of a room at one node: lines (batch_codec.py), numbered from `first`, and who came and went (turn_codec.py). It has one of them at least.
CREATE TABLE batch (
    room int NOT NULL,
    turn bigint NOT NULL,
    first bigint NOT NULL,
    count int NOT NULL,
    at float8 NOT NULL,  -- seconds since 1970
    step float8 NOT NULL,  -- from each line to the next
    node bigint NOT NULL,  -- whose people move
    ticket bigint,  -- what the node calls the commit
    tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
    lines text NOT NULL,
    authors text NOT NULL,  -- a JSON list of accounts; empty: all are 0
    movements text,
    PRIMARY KEY (room, turn)
);
-- Compressing what is over 2 KB took three times as long as everything else, while the rooms were locked.
ALTER TABLE batch ALTER lines SET STORAGE EXTERNAL;
CREATE INDEX batch_by_number ON batch (room, first) WHERE count > 0;
CREATE INDEX batch_with_movements ON batch (at) WHERE movements IS NOT NULL;
-- Keys under which requests were sent: what was sent again is stored once. A key is whatever a program makes up: bytes.
CREATE TABLE sent (
    sender text COLLATE "C" NOT NULL,
    key bytea NOT NULL,
    room int NOT NULL,
    seq bigint NOT NULL,
    at float8 NOT NULL,
    PRIMARY KEY (sender, key)
);
CREATE INDEX sent_by_age ON sent USING brin (at);
-- How far somebody had come in a room when they were last there.
CREATE TABLE position (
    room int NOT NULL,
    person text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    at float8 NOT NULL,
    PRIMARY KEY (room, person)
) WITH (fillfactor = 80);
-- Who is in which room, at which node, by which device (0: by none of an account's).
CREATE TABLE member (
    room int NOT NULL,
    node bigint NOT NULL,
    person text COLLATE "C" NOT NULL,
    device bigint NOT NULL,
    nick text NOT NULL,
    account bigint NOT NULL,
    PRIMARY KEY (room, node, person, device)
);
CREATE INDEX member_by_person ON member (person, room);
CREATE INDEX member_by_node ON member (node);
-- Who has which name at which node. All rows of a key, or of a skeleton, are of one person.
CREATE TABLE held (
    key text COLLATE "C" NOT NULL,  -- what names that count as the same share
    skeleton text COLLATE "C" NOT NULL,  -- what names that look alike share
    nick text NOT NULL,
    person text COLLATE "C" NOT NULL,
    node bigint NOT NULL,
    since bigint GENERATED ALWAYS AS IDENTITY,  -- greater than that of any name that was given before
    is_outdated boolean NOT NULL DEFAULT false,  -- the person has had another since, and the node, which ends, will not hear of that
    is_left boolean NOT NULL DEFAULT false,  -- another node has given it back, where rooms list the person by it at this one
    PRIMARY KEY (key, node)
);
CREATE INDEX held_by_skeleton ON held (skeleton);
CREATE INDEX held_by_person ON held (person, node);
CREATE SEQUENCE claims; -- of one person's, at whatever nodes, each is greater than those before it
-- What happened at one node and matters at all (turn_codec.py), numbered without holes in the order in which it was stored.
CREATE TABLE change (number bigint PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), what text NOT NULL);
"""

CHANGES = """
-- Tells all nodes of something. What it is told with is locked until the commit: call it last.
CREATE FUNCTION tell(what text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE number bigint;
BEGIN
    UPDATE journal SET changes = changes + 1 RETURNING changes INTO number;
    INSERT INTO change (number, what) VALUES (number, tell.what);
    PERFORM pg_notify('chat_changes', number::text);
    RETURN number;
END $$;
"""

MIGRATIONS: list[str] = [
    "".join((TABLES, CHANGES, ACCOUNTS, ROOMS, CONVERSATIONS, MENTIONS, APPEND, NODES, SEARCH)),
    CAME_FROM,
    AMENDING + AMENDING_APPEND,
    RENAMING,
    PROBED,
    LINES_ASKED,
    GONE_NODES,
    AMEND,
    FORGETTING,
    IN_ORDER,
    PLACES,
    UPGRADED,
    TELLING_APPEND,
    CHECKING_APPEND,
    PLAIN_APPEND,
]


class NewerSchema(Exception):
    """The tables were made by a newer release of the program. Nothing has been changed."""


def migrate(connection: "Connection[TupleRow]") -> None:
    """Bring the tables to the version that this program knows, in one commit. Several may try at once: one does it.

    Raises:
        NewerSchema: they are of a newer release.

    """
    if version_of(connection) == len(MIGRATIONS):
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        version = version_of(connection)
        if version > len(MIGRATIONS):
            raise NewerSchema
        for migration in MIGRATIONS[version:]:
            connection.execute(migration.encode(), prepare=False)  # it is many statements
        if version == 0:
            connection.execute("INSERT INTO journal (version) VALUES (%s)", [len(MIGRATIONS)])
        elif version < len(MIGRATIONS):
            connection.execute("UPDATE journal SET version = %s", [len(MIGRATIONS)])


def version_of(connection: "Connection[TupleRow]") -> int:
    """The version of the tables; 0 where there are none."""
    asked = "SELECT FROM pg_class WHERE relname = 'journal' AND relkind = 'r' AND pg_table_is_visible(oid)"
    if not connection.execute(asked).fetchall():
        return 0
    ((version,),) = connection.execute("SELECT version FROM journal").fetchall()
    return int(version)
