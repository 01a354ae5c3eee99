"""Who was named while they were not there, in PostgreSQL: the table, and the functions that change it, each call of which is one commit."""

from chat_server.journal.mentions import MENTIONS_MAX

MENTIONS = f"""
-- Who was named in which line while they were not there.
CREATE TABLE mention (
    account bigint NOT NULL,
    room int NOT NULL,
    seq bigint NOT NULL,
    author bigint NOT NULL,  -- who has named them; 0: somebody without an account
    at float8 NOT NULL,
    is_read boolean NOT NULL,
    PRIMARY KEY (account, room, seq)
) WITH (fillfactor = 80);
CREATE INDEX mention_by_room ON mention (room);

-- Keeps mentions, of each account the newest, if there is still such an account.
CREATE FUNCTION note_mentions(accounts bigint[], rooms text[], seqs bigint[], authors bigint[], ats float8[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO mention (account, room, seq, author, at, is_read)
        SELECT account.id, room.id, one.seq, one.author, one.at, false
            FROM unnest(accounts, rooms, seqs, authors, ats) AS one (account, room, seq, author, at)
            JOIN room ON room.name = one.room AND NOT is_deleted
            JOIN account ON account.id = one.account AND account.state <> 'closed'
            ORDER BY account.id, room.id, one.seq
        ON CONFLICT DO NOTHING;
    DELETE FROM mention USING (
            SELECT account, room, seq, row_number() OVER (PARTITION BY account ORDER BY at DESC, room DESC, seq DESC) AS number
                FROM mention WHERE account = ANY (accounts)
        ) AS old
        WHERE old.number > {MENTIONS_MAX} AND mention.account = old.account AND mention.room = old.room AND mention.seq = old.seq;
END $$;

-- An account has seen these.
CREATE FUNCTION mark_mentions_read(whose bigint, rooms text[], seqs bigint[]) RETURNS void LANGUAGE sql AS $$
    UPDATE mention SET is_read = true
        FROM unnest(rooms, seqs) AS one (room, seq) JOIN room ON room.name = one.room AND NOT is_deleted
        WHERE mention.account = whose AND mention.room = room.id AND mention.seq = one.seq
$$;
"""
