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
