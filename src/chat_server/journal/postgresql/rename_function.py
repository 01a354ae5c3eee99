"""The function of the database that gives a room another name and stores the entry of its log that tells of that: one statement, and so one commit.

The entry is a turn of no node's: every node reads it, the one that has asked for it too. Locks are taken in the order of `append`
(append_function.py): the node, which nobody buries meanwhile; the right to give names; the room; and last that to tell others something.
"""

from chat_server.journal.act_changes import audited, written
from chat_server.journal.batch_codec import encode, encode_authors
from chat_server.journal.postgresql.append_function import NODE_IS_OVER, TURNS_CHANNEL
from chat_server.protocol.entries import Entry
from chat_server.protocol.room_state import FORMER_MAX

RENAMING = f"""
-- Gives a room another name, unless another room is in the way, and stores the line that says so, with its author. Returns the room that is in the
-- way; and the number of the room, null if there is none of the old name; and, if it was done, the number of the line, of its turn, and its time.
CREATE FUNCTION rename_room_noted(
    me bigint, old_name text, new_name text, new_key text, new_skeleton text, line text, line_authors text,
    act_author bigint, act_account bigint, act_text text, told text,
    OUT in_the_way text, OUT renamed bigint, OUT seq bigint, OUT turn bigint, OUT at float8
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    now_at float8; before_at float8;
BEGIN
    PERFORM FROM node WHERE id = me FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the other servers have given this one up' USING ERRCODE = '{NODE_IS_OVER}';
    END IF;
    SELECT room.id INTO renamed FROM room WHERE room.name = old_name AND NOT is_deleted;
    in_the_way := room_in_the_way(new_key, new_skeleton, renamed::int);
    IF in_the_way IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT room.last_at INTO before_at FROM room WHERE room.id = renamed AND room.name = old_name AND NOT is_deleted FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        renamed := NULL;
        RETURN;
    END IF;
    now_at := extract(epoch FROM clock_timestamp());
    at := CASE WHEN now_at > before_at THEN now_at ELSE before_at + 0.000001 END;
    UPDATE room SET name = new_name, key = new_key, skeleton = new_skeleton, last = room.last + 1, turn = room.turn + 1, last_at = at,
            state_turn = room.turn + 1,
            state = (coalesce(nullif(room.state, ''), '{{}}')::jsonb || jsonb_build_object('former', (
                SELECT jsonb_agg(n.name ORDER BY n.place) FROM (
                    SELECT f.name, f.place FROM (
                        SELECT e.name, e.place
                            FROM jsonb_array_elements_text(coalesce(nullif(room.state, ''), '{{}}')::jsonb -> 'former')
                                WITH ORDINALITY AS e (name, place)
                            WHERE e.name NOT IN (old_name, new_name)
                        UNION ALL SELECT old_name, {FORMER_MAX} + 1
                    ) AS f (name, place) ORDER BY f.place DESC LIMIT {FORMER_MAX}
                ) AS n
            )))::text
        WHERE room.id = renamed RETURNING room.last, room.turn INTO seq, turn;
    INSERT INTO batch (room, turn, first, count, at, step, node, lines, authors) VALUES (renamed, turn, seq, 1, at, 0, 0, line, line_authors);
    INSERT INTO room_act (room, number, author, account, what)
        VALUES (renamed, seq, act_author, act_account, (act_text::jsonb || jsonb_build_object('number', seq, 'at', at))::text) ON CONFLICT DO NOTHING;
    PERFORM pg_notify('{TURNS_CHANNEL}', format('%s:%s', renamed, turn));
    PERFORM tell(told);
END $$;
"""

IN_ORDER = """
-- Whoever reads turns in the order in which they were stored goes on after the ticket of the last one: a turn of no node's has one, too.
ALTER TABLE batch ALTER ticket SET DEFAULT 0;
-- Nobody reads or stores anything until the commit. So turns are not looked through: each that has none has an act of the room beside it.
DO $$
DECLARE act record;
BEGIN
    FOR act IN SELECT DISTINCT room, number FROM room_act LOOP
        UPDATE batch SET ticket = 0 WHERE room = act.room AND first = act.number AND count > 0 AND ticket IS NULL;
    END LOOP;
END $$;
"""

RENAME = "SELECT in_the_way, renamed, seq, turn FROM rename_room_noted(%b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b)"


def noted(named: Entry) -> tuple[object, ...]:
    """What the function is given of the entry."""
    ((_, act),) = audited([named])
    return (
        *(encode([named]).decode(), encode_authors([named]), act.author, act.account),
        written(act).replace("\\u0000", ""),
    )
