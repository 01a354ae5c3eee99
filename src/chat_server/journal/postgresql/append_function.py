"""`append`, the function of the database that stores turns of several rooms in one commit; appending.py calls it.

It locks in this order, as whoever buries a node does: first whoever revokes something waits for it, and it for them; then the node, which nobody
buries meanwhile; then the rooms, in the order of their numbers, so that no two commits wait for each other. Behind these locks each
statement sees what was stored before: plpgsql takes a new snapshot for each where transactions are READ COMMITTED, as they must be.
"""

from chat_server.journal.first_of_time import RUNS_MAX
from chat_server.journal.postgresql.append_checks import ONE_BY_ONE, Checks
from chat_server.journal.postgresql.append_plainly import LONG_WAY, Plainly
from chat_server.journal.postgresql.turn_functions import TURNS

REVOCATION_LOCK = 0x63686174_02
"""Who says something holds this lock shared until it is stored; who revokes a right takes it alone: nothing is stored after that by the one who
had the right, at whatever node."""

NODE_IS_OVER = "CH001"
"""The SQLSTATE with which a node is refused that others have buried."""

TURNS_CHANNEL = "chat_turns"
"""A notification for each commit: the rooms that have a new turn, as `room:turn` by their numbers, with spaces between; none where they are too
many to be named."""

PAYLOAD_MAX = 7900
"""PostgreSQL takes less than 8000 bytes."""

MISSED_MAX = 100
"""Turns of one room with which an answer makes up what its node has missed; whoever has missed more asks for the rest."""

_NO_TURN = "NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::float8, NULL::float8, NULL, NULL, NULL"
"""What stands in the columns from `turn` to `moved` of an answer that has no turn."""

_DELETES = """
    FOR dropped IN
        SELECT rooms[r.place] AS room, min(r.first) AS first, max(r.last) AS last, array_agg(r.first) AS firsts, array_agg(r.last) AS lasts
            FROM unnest(redacted_places, redacted_firsts, redacted_lasts) AS r (place, first, last)
            WHERE r.place <> ALL (left_out) GROUP BY r.place
    LOOP
        -- Batch by batch through the index: the first of them may begin before the numbers do.
        UPDATE batch SET lines = redacted(batch.lines, batch.first, dropped.firsts, dropped.lasts)
            WHERE batch.room = dropped.room AND batch.count > 0 AND batch.first <= dropped.last AND batch.first >= coalesce((
                SELECT b.first FROM batch AS b WHERE b.room = dropped.room AND b.count > 0 AND b.first <= dropped.first
                ORDER BY b.first DESC LIMIT 1
            ), 0) AND EXISTS (
                SELECT FROM unnest(dropped.firsts, dropped.lasts) AS r (first, last)
                WHERE r.first < batch.first + batch.count AND r.last >= batch.first
            );
    END LOOP;
"""
AMENDS = """    PERFORM amend(rooms[r.place], turns[r.place] + 1) FROM (SELECT DISTINCT place FROM unnest(redacted_places) AS r (place)) AS r
        WHERE r.place <> ALL (left_out);
"""


def append_function(
    create: str,
    amends: str,
    tells: str = "",
    *,
    spares: bool = False,
    checks: Checks = ONE_BY_ONE,
    plainly: Plainly = LONG_WAY,
) -> str:
    """The function.

    Args:
        create: what makes it.
        amends: how lines come to stand otherwise by what is stored.
        tells: how short turns are told whole.
        spares: whether what there is nothing for is not even begun. Each statement takes the engine 15 us, and cold ones three times as long.
        checks: how it is looked whether a turn may be stored.
        plainly: the short way, for what there is nothing beside.

    """
    acts_if, amends_if, moves_if = (
        f"IF {places} IS NOT NULL THEN " if spares else ""
        for places in ("act_places", "redacted_places", "move_places")
    )
    end_if = "\n    END IF;" if spares else ""
    return f"""
-- Stores turns, of each room one at most. Everything about a room stands in its place in the arrays, counted from 1; what not every room has
-- stands in arrays of its own, with that place beside it, or null where none has it.
{create} FUNCTION append(
    me bigint, my_ticket bigint,
    rooms bigint[],    -- in the order of their numbers
    seen bigint[],     -- the newest turn that the node has seen in each
    counts bigint[],   -- how many lines
    ats float8[],      -- when they were said; NaN: now, by this machine's clock, and after the line before
    steps float8[],    -- from each line to the next
    texts text[], authors text[], movements text[],  -- see batch
    -- What is a room's topic after which of its lines, counted from 0.
    topic_places bigint[], topic_indexes bigint[], topic_texts text[],
    -- What follows from the room's log afterwards, where that is another thing than before, if the first line has this number.
    state_places bigint[], state_firsts bigint[], state_texts text[],
    redacted_places bigint[], redacted_firsts bigint[], redacted_lasts bigint[],  -- which numbers are deleted, in rows of them
    -- Which lines, counted from 0, are something that somebody has done by office: it is kept whatever becomes of them.
    act_places bigint[], act_indexes bigint[], act_authors bigint[], act_accounts bigint[], act_texts text[],
    -- The keys of which lines, counted from 0.
    key_places bigint[], key_indexes bigint[], key_senders text[], key_texts bytea[],
    -- Who comes, goes and takes another name, in that order.
    move_places bigint[], move_kinds text[], move_persons text[], move_devices bigint[], move_nicks text[], move_accounts bigint[],
    -- Who says something, by which device (0: by none of an account's).
    speaker_places bigint[], speaker_persons text[], speaker_devices bigint[],
    speaker_accounts bigint[],  -- 0 for guests; null where all are
    speaker_nicks text[],  -- what they are called where they speak first; empty: the turn has called them so
    heard bigint,  -- the newest change that the node had carried out when they spoke
    acts bigint  -- the newest act of the server's moderators that it knew of then
) RETURNS TABLE (
    -- stored: the room's turn; if nothing was left to store, its newest one. missed: one that the node has not seen. duplicate: the line at
    -- `which` is number `first` of the room `who` already. revoked: nothing is stored, for `who` may say nothing any more by the device `which`.
    -- gone: there is no such room. stale: nothing is stored, for what may happen in the room, or what a speaker is called there, was changed by a
    -- turn that the node has not seen. unheard: nothing is stored, for the server's moderators have done something that the node does not know.
    kind text, place bigint, turn bigint, node bigint, first bigint, count bigint, at float8, step float8,
    lines text, line_authors text, moved text, who text, which bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    ids bigint[]; lasts bigint[]; turns bigint[]; last_ats float8[]; state_turns bigint[];
    left_out bigint[] := '{{}}';  -- the places of rooms of which nothing is stored now
    revoked bigint[] := '{{}}';  -- of those, the ones in which somebody says something who may not
    logged_out bigint[] := '{{}}';  -- accounts, all sessions of which are to end, and the node has not heard of it
    behind bigint[];  -- the places of rooms with turns that the node has not seen
    again record; known record; dropped record; move record;
    is_over boolean;
{checks.variables}{plainly.variables}    skipped bigint; stored_keys bigint;
    dup_places bigint[]; dup_indexes bigint[];
    now_at float8;
    changed text;
BEGIN
    IF speaker_places IS NOT NULL THEN
        {checks.call}pg_advisory_xact_lock_shared({REVOCATION_LOCK}){checks.end_call};
    END IF;
    PERFORM FROM node WHERE id = me FOR KEY SHARE;
    is_over := NOT FOUND;
    IF {checks.over_if}NOT EXISTS ( -- what was stored before is not denied, though the answer was lost
        SELECT FROM unnest(rooms, seen) AS u (room, seen)
            JOIN batch ON batch.room = u.room AND batch.turn > u.seen AND batch.node = me AND batch.ticket = my_ticket
    ) THEN
        RAISE EXCEPTION 'the other servers have given this one up' USING ERRCODE = '{NODE_IS_OVER}';
    END IF;{checks.over_end}
{plainly.begin}    SELECT array_agg(q.id), array_agg(q.last), array_agg(q.turn), array_agg(q.last_at), array_agg(q.state_turn)
        INTO ids, lasts, turns, last_ats, state_turns
        FROM (
            SELECT id, last, turn, last_at, state_turn FROM room WHERE id = ANY (rooms) AND NOT is_deleted
            ORDER BY id FOR NO KEY UPDATE
        ) AS q;
    IF cardinality(ids) IS DISTINCT FROM cardinality(rooms) THEN
        SELECT array_agg(q.last ORDER BY u.place), array_agg(q.turn ORDER BY u.place), array_agg(q.last_at ORDER BY u.place),
                array_agg(q.state_turn ORDER BY u.place), array_agg(u.place) FILTER (WHERE q.id IS NULL)
            INTO lasts, turns, last_ats, state_turns, left_out
            FROM unnest(rooms) WITH ORDINALITY AS u (id, place)
                LEFT JOIN unnest(ids, lasts, turns, last_ats, state_turns) AS q (id, last, turn, last_at, state_turn) ON q.id = u.id;
        RETURN QUERY SELECT 'gone', u.place, {_NO_TURN}, NULL, NULL::bigint FROM unnest(left_out) AS u (place);
    END IF;

    -- What the node has not seen; its own ticket among it, if only the answer was lost.
    {checks.behind_if}SELECT array_agg(u.place) INTO behind FROM unnest(turns, seen) WITH ORDINALITY AS u (turn, seen, place) WHERE u.turn > u.seen;
{checks.behind_end}{checks.anything}    IF {checks.again_if} THEN
        FOR again IN
            SELECT p.place, batch.* FROM unnest(behind) AS p (place) JOIN batch
                ON batch.room = rooms[p.place] AND batch.turn > seen[p.place] AND batch.node = me AND batch.ticket = my_ticket
        LOOP
            left_out := left_out || again.place;
            turns[again.place] := again.turn - 1;
            RETURN QUERY SELECT 'stored', again.place, again.turn, me, again.first, again.count::bigint, again.at, again.step,
                NULL, NULL, NULL, NULL, NULL::bigint;
            skipped := 0;
            FOR known IN
                SELECT k.index, sent.seq, sent.room, room.name
                    FROM unnest(key_places, key_indexes, key_senders, key_texts) AS k (place, index, sender, key)
                        JOIN sent ON sent.sender = k.sender AND sent.key = k.key JOIN room ON room.id = sent.room
                    WHERE k.place = again.place ORDER BY k.index
            LOOP
                IF (known.room, known.seq) IS DISTINCT FROM (again.room, again.first + known.index - skipped) THEN
                    skipped := skipped + 1;
                    RETURN QUERY SELECT 'duplicate', again.place, NULL::bigint, NULL::bigint, known.seq, NULL::bigint,
                        NULL::float8, NULL::float8, NULL, NULL, NULL, known.name, known.index;
                END IF;
            END LOOP;
        END LOOP;
    END IF;
    IF {checks.stale_if} THEN
        FOR known IN
            SELECT u.place FROM unnest(state_turns, seen) WITH ORDINALITY AS u (turn, seen, place)
                WHERE u.turn > u.seen AND u.place <> ALL (left_out)
            UNION
            SELECT s.place FROM unnest(speaker_places, speaker_persons, speaker_nicks) AS s (place, person, nick)
                WHERE s.nick <> '' AND s.place = ANY (behind) AND s.place <> ALL (left_out)
                    -- Each by the index, also where this was planned while there were few: a join would read the whole table.
                    AND s.nick <> (SELECT nick FROM member WHERE person = s.person AND room = rooms[s.place] LIMIT 1)
        LOOP
            RETURN QUERY SELECT 'stale', known.place, {_NO_TURN}, NULL, NULL::bigint;
            left_out := left_out || known.place;
        END LOOP;
    END IF;
{checks.unheard_if}
        RETURN QUERY SELECT 'unheard', u.place, {_NO_TURN}, NULL, NULL::bigint
            FROM unnest(rooms) WITH ORDINALITY AS u (room, place) WHERE u.place <> ALL (left_out);
        left_out := ARRAY(SELECT place FROM unnest(rooms) WITH ORDINALITY AS u (room, place));
    END IF;
    IF is_over THEN
        left_out := ARRAY(SELECT place FROM unnest(rooms) WITH ORDINALITY AS u (room, place));
    END IF;

    IF speaker_places IS NOT NULL THEN
        {checks.unheld_if}FOR known IN
            SELECT s.place, s.person, s.device
                FROM unnest(speaker_places, speaker_persons, speaker_devices, speaker_accounts) AS s (place, person, device, account)
                WHERE s.place <> ALL (left_out) AND coalesce(s.account, 0) = 0
                    AND NOT EXISTS (SELECT FROM held WHERE held.person = s.person AND held.node = me)
        LOOP
            RETURN QUERY SELECT 'revoked', known.place, {_NO_TURN}, known.person, known.device;
            revoked := revoked || known.place;
        END LOOP;{checks.unheld_end}
        IF speaker_accounts IS NOT NULL THEN
            now_at := extract(epoch FROM clock_timestamp());
            IF heard < (SELECT changes FROM journal) THEN
                logged_out := ARRAY(
                    SELECT (c.change ->> 'account')::bigint FROM (SELECT what::json AS change FROM change WHERE number > heard) AS c
                    WHERE c.change ->> 'type' = 'devices-revoked' AND c.change ->> 'devices' IS NULL AND (c.change ->> 'node')::bigint <> me
                );
            END IF;
            FOR known IN
                SELECT s.place, s.person, s.device
                    FROM unnest(speaker_places, speaker_persons, speaker_devices, speaker_accounts) AS s (place, person, device, account)
                    WHERE s.place <> ALL (left_out) AND s.account <> 0 AND NOT (
                        EXISTS (SELECT FROM account WHERE account.id = s.account AND account.state = 'active') AND (
                            CASE WHEN s.device = 0 THEN s.account <> ALL (logged_out) ELSE EXISTS (
                                SELECT FROM device AS d WHERE d.id = s.device AND d.account = s.account AND (d.ends IS NULL OR d.ends > now_at)
                            ) END
                        )
                    )
            LOOP
                RETURN QUERY SELECT 'revoked', known.place, {_NO_TURN}, known.person, known.device;
                revoked := revoked || known.place;
            END LOOP;
        END IF;
        left_out := left_out || revoked;
    END IF;

    -- Keys. In one order everywhere, for whoever meets one that another commit has not finished waits for that.
    IF key_places IS NOT NULL THEN
        now_at := extract(epoch FROM clock_timestamp());
        INSERT INTO sent (sender, key, room, seq, at)
            SELECT k.sender, k.key, rooms[k.place], lasts[k.place] + 1 + k.index, coalesce(nullif(ats[k.place], 'NaN'), now_at)
                FROM unnest(key_places, key_indexes, key_senders, key_texts) AS k (place, index, sender, key)
                WHERE k.place <> ALL (left_out) ORDER BY k.sender, k.key, k.place, k.index
            ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS stored_keys = ROW_COUNT;
        IF stored_keys < cardinality(key_places) THEN
            SELECT array_agg(k.place), array_agg(k.index) INTO dup_places, dup_indexes
                FROM unnest(key_places, key_indexes, key_senders, key_texts) AS k (place, index, sender, key)
                    JOIN sent ON sent.sender = k.sender AND sent.key = k.key
                WHERE k.place <> ALL (left_out) AND (sent.room, sent.seq) IS DISTINCT FROM (rooms[k.place], lasts[k.place] + 1 + k.index);
        END IF;
    END IF;
    IF dup_places IS NOT NULL THEN
        -- The others close up: in number, in the text, and what stands between them.
        UPDATE sent SET seq = sent.seq - (
                SELECT count(*) FROM unnest(dup_places, dup_indexes) AS d (place, index) WHERE d.place = k.place AND d.index < k.index
            ) FROM unnest(key_places, key_indexes, key_senders, key_texts) AS k (place, index, sender, key)
            WHERE k.place = ANY (dup_places) AND sent.sender = k.sender AND sent.key = k.key
                AND sent.room = rooms[k.place] AND sent.seq = lasts[k.place] + 1 + k.index;
        FOR dropped IN
            SELECT d.place, array_agg(d.index) AS indexes FROM unnest(dup_places, dup_indexes) AS d (place, index) GROUP BY d.place
        LOOP
            counts[dropped.place] := counts[dropped.place] - cardinality(dropped.indexes);
            texts[dropped.place] := without(texts[dropped.place], dropped.indexes);
            IF authors[dropped.place] <> '' THEN
                authors[dropped.place] := without(authors[dropped.place], dropped.indexes);
            END IF;
            movements[dropped.place] := (
                SELECT '[' || string_agg(format('[%s,%s]', (m.entry ->> 0)::bigint - (
                        SELECT count(*) FROM unnest(dropped.indexes) AS i (index) WHERE i.index < (m.entry ->> 0)::bigint
                    ), m.entry -> 1), ',' ORDER BY m.number) || ']'
                    FROM json_array_elements(movements[dropped.place]::json) WITH ORDINALITY AS m (entry, number)
            );
        END LOOP;
        RETURN QUERY SELECT 'duplicate', k.place, NULL::bigint, NULL::bigint, sent.seq, NULL::bigint, NULL::float8, NULL::float8,
                NULL, NULL, NULL, room.name, k.index
            FROM unnest(dup_places, dup_indexes) AS d (place, index)
                JOIN unnest(key_places, key_indexes, key_senders, key_texts) AS k (place, index, sender, key)
                    ON k.place = d.place AND k.index = d.index
                JOIN sent ON sent.sender = k.sender AND sent.key = k.key JOIN room ON room.id = sent.room;
        RETURN QUERY SELECT 'stored', u.place, turns[u.place], me, lasts[u.place] + 1, 0::bigint, NULL::float8, NULL::float8,
                NULL, NULL, NULL, NULL, NULL::bigint
            FROM unnest(counts) WITH ORDINALITY AS u (lines, place)
            WHERE u.lines = 0 AND movements[u.place] IS NULL AND u.place <> ALL (left_out);
        left_out := left_out || ARRAY(
            SELECT u.place FROM unnest(counts) WITH ORDINALITY AS u (lines, place) WHERE u.lines = 0 AND movements[u.place] IS NULL
        );
    END IF;

    -- The turns.
    now_at := extract(epoch FROM clock_timestamp());
    RETURN QUERY
        WITH fresh AS MATERIALIZED (
            SELECT u.place, u.room, u.turn + 1 AS turn, u.last + 1 AS first, u.count, u.at, u.lines, u.authors, u.movements,
                CASE WHEN u.count < 2 THEN 0 ELSE u.step END AS step
            FROM (
                SELECT u.place, u.room, u.turn, u.last, u.count, u.lines, u.authors, u.movements,
                    CASE WHEN u.at <> 'NaN' THEN u.at WHEN now_at > u.last_at OR u.count = 0 THEN now_at ELSE u.last_at + 0.000001 END AS at,
                    u.step
                FROM unnest(rooms, turns, lasts, last_ats, counts, ats, steps, texts, authors, movements) WITH ORDINALITY
                    AS u (room, turn, last, last_at, count, at, step, lines, authors, movements, place)
                WHERE u.place <> ALL (left_out)
            ) AS u
        ), stored AS (
            INSERT INTO batch (room, turn, first, count, at, step, node, ticket, lines, authors, movements)
                SELECT room, turn, first, count, at, step, me, my_ticket, lines, authors, movements FROM fresh
        )
        UPDATE room SET last = room.last + fresh.count, turn = fresh.turn,
                last_at = CASE WHEN fresh.count > 0 THEN fresh.at + fresh.step * fresh.count ELSE room.last_at END,
                runs = CASE WHEN fresh.count > 0 AND fresh.at < room.last_at AND cardinality(room.runs) < {RUNS_MAX}
                    THEN room.runs || fresh.first ELSE room.runs END
            FROM fresh WHERE room.id = fresh.room
            RETURNING 'stored', fresh.place, fresh.turn, me, fresh.first, fresh.count, fresh.at, fresh.step, NULL, NULL, NULL, NULL, NULL::bigint;
    IF topic_places IS NOT NULL THEN
        UPDATE room SET topic = t.text
            FROM (
                SELECT DISTINCT ON (t.place) t.place, t.text FROM unnest(topic_places, topic_indexes, topic_texts) AS t (place, index, text)
                WHERE t.place <> ALL (left_out)
                    AND NOT EXISTS (SELECT FROM unnest(dup_places, dup_indexes) AS d (place, index) WHERE d.place = t.place AND d.index = t.index)
                ORDER BY t.place, t.index DESC
            ) AS t WHERE room.id = rooms[t.place];
    END IF;

    IF state_places IS NOT NULL THEN
        UPDATE room SET state_turn = room.turn, state = CASE
                WHEN s.first = lasts[s.place] + 1 AND dup_places IS NULL THEN s.text
                ELSE moved_state(s.text, room.state, s.first, lasts[s.place] + 1, ARRAY(
                    SELECT d.index FROM unnest(dup_places, dup_indexes) AS d (place, index) WHERE d.place = s.place
                ))
            END FROM unnest(state_places, state_firsts, state_texts) AS s (place, first, text)
            WHERE room.id = rooms[s.place] AND s.place <> ALL (left_out);
    END IF;

    {acts_if}INSERT INTO room_act (room, number, author, account, what)
        SELECT rooms[a.place], q.number, a.author, a.account, jsonb_set(a.what::jsonb, '{{number}}', to_jsonb(q.number))::text
            FROM unnest(act_places, act_indexes, act_authors, act_accounts, act_texts) AS a (place, index, author, account, what),
                LATERAL (SELECT lasts[a.place] + 1 + a.index - (
                    SELECT count(*) FROM unnest(dup_places, dup_indexes) AS d (place, index) WHERE d.place = a.place AND d.index < a.index
                ) AS number) AS q
            WHERE a.place <> ALL (left_out)
            ON CONFLICT DO NOTHING;{end_if}

{amends_if}{amends}{end_if}
    {moves_if}FOR move IN
        SELECT rooms[m.place] AS room, m.kind, m.person, m.device, m.nick, m.account
            FROM unnest(move_places, move_kinds, move_persons, move_devices, move_nicks, move_accounts) WITH ORDINALITY
                AS m (place, kind, person, device, nick, account, number)
            WHERE m.place <> ALL (left_out) ORDER BY m.number
    LOOP
        IF move.kind = 'came' THEN
            -- Whoever is there already keeps the name that they have there.
            INSERT INTO member (room, node, person, device, nick, account)
                VALUES (move.room, me, move.person, move.device, coalesce(
                    (SELECT nick FROM member WHERE person = move.person AND room = move.room LIMIT 1), move.nick
                ), move.account)
                ON CONFLICT (room, node, person, device) DO UPDATE SET account = excluded.account;
        ELSIF move.kind = 'went' THEN
            DELETE FROM member WHERE room = move.room AND node = me AND person = move.person AND device = move.device;
        ELSE
            UPDATE member SET nick = move.nick WHERE person = move.person AND room = move.room;
        END IF;
    END LOOP;{end_if}

{plainly.end}    {checks.changed_if}SELECT string_agg(format('%s:%s', u.room, u.turn + 1), ' ') INTO changed
        FROM unnest(rooms, turns) WITH ORDINALITY AS u (room, turn, place) WHERE u.place <> ALL (left_out);{checks.changed_end}
{tells}    IF changed IS NOT NULL THEN
        {checks.call}pg_notify('{TURNS_CHANNEL}', CASE WHEN length(changed) <= {PAYLOAD_MAX} THEN changed ELSE '' END){checks.end_call};
    END IF;
    IF behind IS NOT NULL THEN
        RETURN QUERY SELECT 'missed', p.place, m.turn, m.node, m.first, m.count::bigint, m.at, m.step, m.lines, m.authors, m.movements,
                NULL, NULL::bigint
            FROM unnest(behind) AS p (place), LATERAL (
                SELECT * FROM batch WHERE batch.room = rooms[p.place] AND batch.turn > seen[p.place] AND batch.turn <= turns[p.place]
                ORDER BY batch.turn LIMIT {MISSED_MAX}
            ) AS m ORDER BY p.place, m.turn;
    END IF;
END $$;
"""


APPEND = append_function("CREATE", _DELETES[1:]) + TURNS

AMENDING_APPEND = append_function("CREATE OR REPLACE", AMENDS)
"""Where there is `amend` (amending_functions.py): `redacted_places` are all rooms with entries that amend lines, whichever these are."""
