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

-- Makes a conversation, unless it is there.
CREATE FUNCTION make_conversation(new_name text, whos text[], have_accepted boolean[], began_ats float8[], told text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    made int;
BEGIN
    INSERT INTO room (name, key, skeleton, kind) VALUES (new_name, new_name, new_name, 'dm')
        ON CONFLICT (key) WHERE NOT is_deleted DO NOTHING RETURNING id INTO made;
    IF made IS NOT NULL THEN
        INSERT INTO party (who, room, place, has_accepted, began_at)
            SELECT one.who, made, one.place, one.has_accepted, one.began_at
                FROM unnest(whos, have_accepted, began_ats) WITH ORDINALITY AS one (who, has_accepted, began_at, place);
        PERFORM tell(told);
    END IF;
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
