"""Between whom there are conversations in PostgreSQL: the table, and the functions that change it, each call of which is one commit."""

CONVERSATIONS = """
-- Between whom a conversation (a room of the kind dm) is: conversations.py.
CREATE TABLE party (
    who text COLLATE "C" NOT NULL,
    room int NOT NULL,
    place int NOT NULL,
    has_accepted boolean NOT NULL,
    began_at float8 NOT NULL,  -- 0: the other one has begun it
    PRIMARY KEY (who, room)
);
CREATE INDEX party_by_room ON party (room, place);
CREATE INDEX party_of_guest ON party (room) WHERE who NOT LIKE 'account:%';

-- Makes a conversation, unless it is there; one with a guest, while both have names at some node: it is deleted when one of them has none.
CREATE FUNCTION make_conversation(new_name text, whos text[], have_accepted boolean[], began_ats float8[], told text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    made int;
    present bigint;
BEGIN
    IF EXISTS (SELECT FROM unnest(whos) AS who WHERE who NOT LIKE 'account:%') THEN
        -- Their names are taken back after this, or were before: so whoever does that sees the conversation, or there is none.
        SELECT count(DISTINCT here.person) INTO present FROM (SELECT person FROM held WHERE person = ANY (whos) FOR KEY SHARE) AS here;
        IF present < cardinality(whos) THEN
            RETURN;
        END IF;
    END IF;
    INSERT INTO room (name, key, skeleton, kind) VALUES (new_name, new_name, new_name, 'dm')
        ON CONFLICT (key) WHERE NOT is_deleted DO NOTHING RETURNING id INTO made;
    IF made IS NOT NULL THEN
        INSERT INTO party (who, room, place, has_accepted, began_at)
            SELECT one.who, made, one.place, one.has_accepted, one.began_at
                FROM unnest(whos, have_accepted, began_ats) WITH ORDINALITY AS one (who, has_accepted, began_at, place);
        PERFORM tell(told);
    END IF;
END $$;

-- The conversations of these with a guest, or as a guest; null: all in which a guest is.
-- Who leaves is looked for by their own: however many there are of others.
CREATE FUNCTION passing_of(people text[]) RETURNS int[] LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF people IS NULL THEN
        RETURN ARRAY(SELECT DISTINCT room FROM party WHERE who NOT LIKE 'account:%');
    END IF;
    RETURN ARRAY(
        SELECT DISTINCT own.room FROM party AS own JOIN party AS guest ON guest.room = own.room AND guest.who NOT LIKE 'account:%'
            WHERE own.who = ANY (people)
    );
END $$;

-- Deletes those of these people's conversations with guests, or as guests, of which one of the two has no name at any node; null: of all people's.
-- Call it last, as `tell`.
CREATE FUNCTION end_passed(people text[] DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    passing int[] := passing_of(people);
    ended int[];
    its_name text;
BEGIN
    IF passing = '{}' THEN
        RETURN;
    END IF;
    ended := ARRAY(
        SELECT id FROM room WHERE id = ANY (passing) AND NOT is_deleted AND EXISTS (
            SELECT FROM party WHERE party.room = room.id AND NOT EXISTS (SELECT FROM held WHERE person = who)
        ) ORDER BY id FOR NO KEY UPDATE OF room
    );
    UPDATE room SET is_deleted = true WHERE id = ANY (ended);
    FOR its_name IN SELECT name FROM room WHERE id = ANY (ended) ORDER BY id LOOP
        PERFORM tell(json_build_object('type', 'room-deleted', 'node', 0, 'room', its_name)::text);
    END LOOP;
END $$;

-- One of the two has accepted a conversation.
CREATE FUNCTION accept_conversation(its_name text, whose text, told text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE party SET has_accepted = true
        WHERE who = whose AND room = (SELECT id FROM room WHERE name = its_name AND NOT is_deleted) AND NOT has_accepted;
    IF FOUND THEN
        PERFORM tell(told);
    END IF;
END $$;

-- Whether two have been in the same room for everybody.
CREATE FUNCTION have_met(one text, other text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM room JOIN position AS a ON a.room = room.id AND a.person = one JOIN position AS b ON b.room = room.id AND b.person = other
            WHERE kind = '' AND NOT is_deleted
    )
$$;
"""
