"""The tables in SQLite of what moderators have done, as they have been from release to release: parts of the migrations of schema.py."""

ACTS = """
    -- What moderators and admins of the server have done (act_changes.py), for good.
    CREATE TABLE act (
        number INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        at REAL NOT NULL,
        until REAL NOT NULL,
        author INTEGER NOT NULL,
        account INTEGER NOT NULL,
        is_lifted INTEGER NOT NULL,
        what TEXT NOT NULL  -- JSON
    ) STRICT;
"""

FIRST_ROOM_ACTS = """
    CREATE TABLE room_act (
        room INTEGER NOT NULL,
        number INTEGER NOT NULL,
        author INTEGER NOT NULL,
        account INTEGER NOT NULL,
        what TEXT NOT NULL,
        PRIMARY KEY (room, number)
    ) STRICT, WITHOUT ROWID;
"""

ROOM_ACTS = """
    -- The same of rooms, by the number of the entry, whatever becomes of that; what is no entry stands behind one, as the nth. Of a room that is no
    -- more, `room` is negative.
    CREATE TABLE room_act (
        room INTEGER NOT NULL,
        number INTEGER NOT NULL,
        nth INTEGER NOT NULL,
        author INTEGER NOT NULL,
        account INTEGER NOT NULL,
        what TEXT NOT NULL,
        PRIMARY KEY (room, number, nth)
    ) STRICT, WITHOUT ROWID;
"""

EARLIER_ROOM_ACTS = """
    ALTER TABLE room_act RENAME TO earlier_act;
    DROP INDEX room_act_by_author;
    DROP INDEX room_act_by_account;
"""

WITH_EARLIER_ROOM_ACTS = """
    INSERT INTO room_act SELECT room, number, 0, author, account, what FROM earlier_act;
    DROP TABLE earlier_act;
"""

ACT_INDEXES = """
    CREATE INDEX act_by_end ON act (until) WHERE kind IN ('kicked', 'muted', 'banned') AND NOT is_lifted;
    CREATE INDEX act_by_panic ON act (number) WHERE kind = 'panic';
    CREATE INDEX act_by_author ON act (author) WHERE author != 0;
    CREATE INDEX act_by_account ON act (account) WHERE account != 0;
"""

ROOM_ACT_INDEXES = """
    CREATE INDEX room_act_by_author ON room_act (author) WHERE author != 0;
    CREATE INDEX room_act_by_account ON room_act (account) WHERE account != 0;
"""
