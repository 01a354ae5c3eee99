"""What the database has so that a copy of it that is put back is known as one: where its tables are."""

PLACES = """
-- The tables as those of this PostgreSQL: its own number, and that of a table in it. No failover changes them; what a dump brings back has others.
ALTER TABLE journal ADD COLUMN place text NOT NULL DEFAULT '';

-- What has been put back goes on with lines of the same numbers as what it is a copy of. So it becomes another journal: search indexes go by the
-- identity of the journal, clients by the ids of rooms. Returns whether it did.
CREATE FUNCTION settle_place() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE here text;
BEGIN
    BEGIN
        SELECT system_identifier::text INTO here FROM pg_control_system();
    EXCEPTION WHEN insufficient_privilege OR undefined_function THEN
        here := '';
    END;
    here := here || '/' || 'journal'::regclass::oid::text;
    UPDATE journal SET place = here WHERE place = '';
    UPDATE journal SET place = here, identity = DEFAULT WHERE place <> here;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE room SET uid = DEFAULT;
    RETURN true;
END $$;
"""

UPGRADED = """
-- A row that is written again only when the journal becomes another one: what has written it is told by its `xmin`, which pg_upgrade and failovers
-- keep, and a dump does not.
CREATE TABLE landmark (is_here boolean NOT NULL);
INSERT INTO landmark VALUES (true);

-- Where the tables are: the number of the PostgreSQL, which pg_upgrade changes; that of a table, which it keeps; what has written the landmark; and
-- the number of the database, which is another where one was made as a copy of another one's files (CREATE DATABASE ... TEMPLATE).
CREATE FUNCTION place_of_tables() RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE here text;
BEGIN
    BEGIN
        SELECT system_identifier::text INTO here FROM pg_control_system();
    EXCEPTION WHEN insufficient_privilege OR undefined_function THEN
        here := '';
    END;
    RETURN ARRAY[here, 'journal'::regclass::oid::text, (SELECT xmin::text FROM landmark),
        (SELECT oid::text FROM pg_database WHERE datname = current_database())];
END $$;

-- See PLACES. What servers of the release before have noted has the first two alone.
CREATE OR REPLACE FUNCTION settle_place() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE was text[]; here text[] := place_of_tables();
BEGIN
    IF EXISTS (SELECT FROM journal WHERE place = array_to_string(here, '/')) THEN
        RETURN false;
    END IF;
    SELECT string_to_array(place, '/') INTO was FROM journal FOR UPDATE;  -- another node that starts may be doing this
    here := place_of_tables();
    IF was = here THEN
        RETURN false;
    END IF;
    IF was = '{}' OR was[2] = here[2] AND (CASE
        WHEN was[1] = here[1] THEN coalesce(was[4], here[4]) = here[4]
        ELSE was[3] = here[3]
    END) THEN
        UPDATE journal SET place = array_to_string(here, '/');
        RETURN false;
    END IF;
    -- What has put it back has the same number as what puts back a copy of this in another new PostgreSQL: all count from the same number on.
    UPDATE landmark SET is_here = true;
    UPDATE journal SET place = array_to_string(place_of_tables(), '/'), identity = DEFAULT;
    UPDATE room SET uid = DEFAULT;
    RETURN true;
END $$;
"""
