"""The table of lines that are not said yet, of which nodes ask each other (journal/lines_asked.py).

It is not logged: so no text that is not said is in the WAL, or on a standby, nor is anything left of it after a crash; and
what changes nothing else waits neither for the disk nor for a standby.
"""

LINES_ASKED = """
CREATE UNLOGGED TABLE asked_line (
    node bigint NOT NULL, -- that of who says it
    number bigint NOT NULL,
    line text NOT NULL, -- in JSON
    why text NOT NULL DEFAULT '', -- it is refused
    PRIMARY KEY (node, number)
);

-- With a node goes what it has asked of, and what another has left that was over when it asked.
CREATE FUNCTION forget_asked_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM asked_line WHERE NOT EXISTS (SELECT FROM node WHERE node.id = asked_line.node);
    RETURN NULL;
END $$;
CREATE TRIGGER asked AFTER DELETE ON node FOR EACH STATEMENT EXECUTE FUNCTION forget_asked_lines();
"""
