"""What the database has for the search indexes of the nodes: the order in which all rooms' lines were stored, and which stand otherwise since."""

SEARCH = """
-- An import is one transaction: its tickets are its batches' places in it. So this is the order in which all was stored, but that a commit which has
-- waited for another's lock may come before it; the numbers of a room's lines say so then.
CREATE INDEX batch_in_order ON batch (tx, ticket, room) WHERE count > 0;
-- By which transaction lines were rewritten: somebody's account has ended.
ALTER TABLE batch ADD COLUMN rewritten xid8;
CREATE INDEX batch_by_rewriting ON batch (rewritten, room, turn) WHERE rewritten IS NOT NULL;

CREATE FUNCTION note_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.rewritten := pg_current_xact_id();
    RETURN NEW;
END $$;
CREATE TRIGGER rewritten BEFORE UPDATE OF lines ON batch FOR EACH ROW EXECUTE FUNCTION note_rewriting();

-- Numbers of transactions are of the cluster in which they were. Where the tables have come to another by a dump, they are put into the same order
-- under a number of this one, for what comes next has to be after them. Returns whether they were.
CREATE FUNCTION settle_order() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM batch WHERE count > 0 AND tx > pg_current_xact_id()) THEN
        RETURN false;
    END IF;
    UPDATE batch SET tx = pg_current_xact_id(), ticket = o.number, rewritten = NULL
        FROM (SELECT room, turn, row_number() OVER (ORDER BY tx, ticket, room) AS number FROM batch) AS o
        WHERE batch.room = o.room AND batch.turn = o.turn;
    RETURN true;
END $$;
"""
