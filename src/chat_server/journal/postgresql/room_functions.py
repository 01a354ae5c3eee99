"""Functions of the database that make, rename and delete rooms, and that forget what is old: each call is one statement, and so one commit.

A node that stands still between two statements of a transaction would keep the others waiting for what it has locked.
"""

from chat_server.journal import KEY_SECONDS, POSITIONS_MAX
from chat_server.protocol.time_zones import EARLIEST, LATEST

PRUNE_LOCK = 0x63686174_04
"""One node forgets at a time; the others let it."""

ROOMS_LOCK = 0x63686174_05
"""Rooms are given names one after the other: what looks like a new one has no row that could be locked."""

SETTLED_SECONDS = 600
"""Seconds for which nothing is forgotten of a turn, however old its lines say that they are: by then every node has seen it, or is over. After
them it is forgotten who came and went."""


def _forget_old(create: str, moved_at: str) -> str:
    """The function that forgets what is old."""
    return f"""
-- Forgets some batches of one room that are over `before`, or beyond the room's newest `keep_lines` (0: no bound), the oldest first, and some of
-- what else is old: keys, positions beyond the newest of a room, movements and changes that every node has seen. Returns the room of which lines
-- went, if any, and how much went in all.
{create} FUNCTION forget_old(me bigint, before float8, keep_lines bigint, keys_before float8, at_most int, OUT room text, OUT total bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    now_at float8 := extract(epoch FROM clock_timestamp());
    settled_at float8 := now_at - {SETTLED_SECONDS};
    moved_at float8 := {moved_at};  -- who came and went before that is forgotten
    oldest record; one record;
    last_turn bigint; last_seq bigint;
    is_young boolean;
    gone bigint;
BEGIN
    total := 0;
    IF NOT pg_try_advisory_xact_lock({PRUNE_LOCK}) THEN
        RETURN;
    END IF;
    IF before > '-infinity' OR keep_lines > 0 THEN
        <<rooms>>
        FOR oldest IN SELECT room.id, room.name, CASE WHEN keep_lines > 0 THEN room.last - keep_lines + 1 ELSE 0 END AS keep_from FROM room
            WHERE NOT is_deleted AND kept_from <= last ORDER BY id
        LOOP
            FOR one IN SELECT turn, first, count, at FROM batch WHERE batch.room = oldest.id AND count > 0 ORDER BY first LIMIT at_most LOOP
                -- A time that cannot be keeps nothing for ever.
                is_young := CASE WHEN one.at BETWEEN {EARLIEST} AND {LATEST} THEN one.at >= before ELSE before = '-infinity' END;
                EXIT WHEN (is_young AND one.first + one.count > oldest.keep_from) OR one.at BETWEEN settled_at AND now_at;
                last_turn := one.turn;
                last_seq := one.first + one.count - 1;
                total := total + one.count;
            END LOOP;
            EXIT rooms WHEN last_turn IS NOT NULL;
        END LOOP;
    END IF;
    IF last_turn IS NOT NULL THEN
        DELETE FROM batch WHERE batch.room = oldest.id AND turn <= last_turn;
        UPDATE room SET kept_from = last_seq + 1, runs = ARRAY(SELECT r FROM unnest(runs) AS r WHERE r > last_seq + 1 ORDER BY r)
            WHERE id = oldest.id;
        room := oldest.name;
    END IF;
    DELETE FROM batch WHERE ctid = ANY (ARRAY(SELECT ctid FROM batch WHERE movements IS NOT NULL AND at < moved_at AND count = 0 LIMIT at_most));
    GET DIAGNOSTICS gone = ROW_COUNT;
    total := total + gone;
    UPDATE batch SET movements = NULL
        WHERE ctid = ANY (ARRAY(SELECT ctid FROM batch WHERE movements IS NOT NULL AND at < moved_at AND count > 0 LIMIT at_most));
    GET DIAGNOSTICS gone = ROW_COUNT;
    total := total + gone;
    DELETE FROM sent WHERE ctid = ANY (ARRAY(SELECT ctid FROM sent WHERE at < least(keys_before, now_at - {KEY_SECONDS}) LIMIT at_most * 10));
    GET DIAGNOSTICS gone = ROW_COUNT;
    total := total + gone;
    DELETE FROM position USING (
            SELECT room, person FROM (SELECT room, person, row_number() OVER (PARTITION BY room ORDER BY at DESC) AS number FROM position) AS numbered
            WHERE number > {POSITIONS_MAX} LIMIT at_most
        ) AS old WHERE position.room = old.room AND position.person = old.person;
    GET DIAGNOSTICS gone = ROW_COUNT;
    total := total + gone;
    DELETE FROM change WHERE at < clock_timestamp() - make_interval(secs => {SETTLED_SECONDS});
    IF room IS NOT NULL THEN
        PERFORM tell(json_build_object('type', 'lines-rewritten', 'node', me, 'rooms', json_build_array(room))::text);
    END IF;
END $$;
"""


_FORGET_OLD_FIRST = _forget_old("CREATE", "settled_at")

ROOMS = f"""
-- Which room is in the way of a new name, but for the one that is to have it: one whose name counts as the same, else one whose name looks like it.
-- Null: none. It stays so until the commit.
CREATE FUNCTION room_in_the_way(new_key text, new_skeleton text, renamed int DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock({ROOMS_LOCK});
    RETURN (
        SELECT name FROM room WHERE NOT is_deleted AND (key = new_key OR skeleton = new_skeleton) AND id IS DISTINCT FROM renamed
            ORDER BY key <> new_key LIMIT 1
    );
END $$;

-- Makes a room, unless it is there. Returns the room that is in the way; null: there is one of just this name. One that `is_new` is not there, and
-- nothing looks like it.
CREATE FUNCTION make_room(new_name text, new_key text, new_skeleton text, is_new boolean, told text, new_uid text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    other text := room_in_the_way(new_key, CASE WHEN is_new THEN new_skeleton END);
BEGIN
    IF other IS NULL THEN
        INSERT INTO room (uid, name, key, skeleton)
            VALUES (coalesce(new_uid, left(replace(gen_random_uuid()::text, '-', ''), 16)), new_name, new_key, new_skeleton);
        PERFORM tell(told);
    END IF;
    RETURN CASE WHEN is_new OR other <> new_name THEN other END;
END $$;

-- Gives a room another name, unless another room is in the way. Returns that one, and the number of the room; null if there is no room of the old
-- name.
CREATE FUNCTION rename_room(
    old_name text, new_name text, new_key text, new_skeleton text, told text, OUT in_the_way text, OUT renamed bigint
) LANGUAGE plpgsql AS $$
BEGIN
    SELECT id INTO renamed FROM room WHERE name = old_name AND NOT is_deleted;
    in_the_way := room_in_the_way(new_key, new_skeleton, renamed::int);
    IF in_the_way IS NULL THEN
        UPDATE room SET name = new_name, key = new_key, skeleton = new_skeleton WHERE name = old_name AND NOT is_deleted RETURNING id INTO renamed;
        IF FOUND THEN
            PERFORM tell(told);
        END IF;
    END IF;
END $$;

-- Deletes a room, as far as anybody can see; `forget_deleted` does the rest. Where its number is known, whatever it is called by now: if otherwise
-- than it is told with, the node that deletes it is to hear of that as the others do.
CREATE FUNCTION delete_room(old_name text, told text, its_number bigint DEFAULT NULL) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    called text;
BEGIN
    UPDATE room SET is_deleted = true
        WHERE id = coalesce(its_number, (SELECT id FROM room WHERE name = old_name AND NOT is_deleted)) AND NOT is_deleted
        RETURNING name INTO called;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF called <> old_name THEN
        told := told::jsonb || jsonb_build_object('node', 0, 'room', called);
    END IF;
    PERFORM tell(told);
    RETURN true;
END $$;

-- Deletes some of what belongs to rooms that have been deleted, and the rooms when nothing is left. Returns how much; 0: there is nothing more.
CREATE FUNCTION forget_deleted(at_most int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    deleted int[] := ARRAY(SELECT id FROM room WHERE is_deleted);
    gone bigint;
BEGIN
    IF deleted = '{{}}' THEN
        RETURN 0;
    END IF;
    DELETE FROM batch WHERE ctid = ANY (ARRAY(SELECT ctid FROM batch WHERE room = ANY (deleted) LIMIT at_most));
    GET DIAGNOSTICS gone = ROW_COUNT;
    IF gone = 0 THEN
        DELETE FROM sent WHERE ctid = ANY (ARRAY(SELECT ctid FROM sent WHERE room = ANY (deleted) LIMIT at_most));
        GET DIAGNOSTICS gone = ROW_COUNT;
    END IF;
    IF gone = 0 THEN
        DELETE FROM position WHERE room = ANY (deleted);
        DELETE FROM member WHERE room = ANY (deleted);
        DELETE FROM device_room WHERE room = ANY (deleted);
        DELETE FROM code_room WHERE room = ANY (deleted);
        DELETE FROM party WHERE room = ANY (deleted);
        DELETE FROM mention WHERE room = ANY (deleted);
        UPDATE matter SET room = NULL, is_open = CASE WHEN kind = 'report' THEN is_open ELSE 0 END WHERE room = ANY (deleted);
        DELETE FROM room WHERE id = ANY (deleted);
        GET DIAGNOSTICS gone = ROW_COUNT;
    END IF;
    RETURN gone;
END $$;

{_FORGET_OLD_FIRST}
-- Notes how far people have come, as the node has it by their rooms' numbers.
CREATE FUNCTION note_positions(rooms bigint[], persons text[], seqs bigint[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO position (room, person, seq, at)
        SELECT p.room, p.person, p.seq, extract(epoch FROM now()) + p.number * 0.000001
            FROM unnest(rooms, persons, seqs) WITH ORDINALITY AS p (room, person, seq, number)
            WHERE EXISTS (SELECT FROM room WHERE room.id = p.room) ORDER BY p.room, p.person
        ON CONFLICT (room, person) DO UPDATE SET seq = excluded.seq, at = excluded.at
$$;
"""

FORGETTING = _forget_old(
    "CREATE OR REPLACE",
    "least(now_at, (SELECT min(seen) FROM gone_node), (SELECT extract(epoch FROM min(node.seen)) FROM node))"
    f" - {SETTLED_SECONDS}",
)
"""Who came and went around the last sign of life of a node is kept until nobody has to be told any more that they were named then (GoneNodes in
journal/nodes.py): that may be long after it, where all nodes were down."""
