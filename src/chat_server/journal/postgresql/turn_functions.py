"""Functions of the database by which `append` changes a turn before it is stored: lines are left out of it, and numbers in it move."""

_SAID = "'said', 'acted', 'topic', 'noticed'"
"""The kinds of what somebody has said: what can be deleted, by this release; a later one has a function of its own."""

TURNS = f"""
-- A batch's text, of which the first line has this number, without what was said under some numbers (redactions.py). What nobody has said stays.
CREATE FUNCTION redacted(list text, start bigint, firsts bigint[], lasts bigint[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT '[' || coalesce(string_agg(CASE
            WHEN coalesce(e.entry ->> 2, 'said') IN ({_SAID})
                AND EXISTS (SELECT FROM unnest(firsts, lasts) AS r (first, last) WHERE start + e.number - 1 BETWEEN r.first AND r.last)
            THEN '[' || (e.entry -> 0)::text || ',"","deleted"' || CASE WHEN e.entry ->> 3 = 'bot' THEN ',"bot"]' ELSE ']' END
            ELSE e.entry::text END, ',' ORDER BY e.number), '') || ']'
        FROM json_array_elements(list::json) WITH ORDINALITY AS e (entry, number)
$$;

-- A JSON list without the entries at some indexes. The others stay as they are written.
CREATE FUNCTION without(list text, indexes bigint[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT '[' || coalesce(string_agg(e.entry::text, ',' ORDER BY e.number), '') || ']'
        FROM json_array_elements(list::json) WITH ORDINALITY AS e (entry, number) WHERE e.number - 1 <> ALL (indexes)
$$;

-- The number of a line of a turn of which the first line was to have the number `planned` and has `actual`, without the lines at some indexes; any
-- other is what it was.
CREATE FUNCTION moved_number(number bigint, planned bigint, actual bigint, dropped bigint[]) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN number < planned THEN number
        ELSE number - planned + actual - (SELECT count(*) FROM unnest(dropped) AS d (index) WHERE d.index < number - planned)
    END
$$;

CREATE FUNCTION moved_numbers(numbers jsonb, planned bigint, actual bigint, dropped bigint[]) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_object_agg(n.key, moved_number(n.value::bigint, planned, actual, dropped)) FROM jsonb_each_text(numbers) AS n
$$;

-- What follows from a room's log (room_state.py) after a turn of which the first line was to have the number `planned` and has `actual`, without
-- the lines at some indexes. Where a rule was to be taken back by the very next line, and others came in between, that line is the floor.
CREATE FUNCTION moved_state(state text, before text, planned bigint, actual bigint, dropped bigint[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    WITH new AS (SELECT coalesce(nullif(state, ''), '{{}}')::jsonb AS state),
        old AS (SELECT coalesce(nullif(before, ''), '{{}}')::jsonb AS state),
        moved AS (
            SELECT moved_numbers(new.state -> 'bounds', planned, actual, dropped) AS bounds,
                moved_numbers(new.state -> 'narrowed', planned, actual, dropped) AS narrowed,
                moved_number((new.state ->> 'floor')::bigint, planned, actual, dropped) AS floor,
                actual > planned AND EXISTS (
                    SELECT FROM jsonb_each_text(old.state -> 'narrowed') AS n
                    WHERE n.value::bigint = planned - 1 AND (new.state -> 'narrowed' ->> n.key) IS DISTINCT FROM n.value
                ) AS is_late
            FROM new, old
        )
    SELECT (new.state || jsonb_strip_nulls(jsonb_build_object(
        'bounds', bounds, 'narrowed', narrowed, 'floor', CASE WHEN is_late THEN greatest(actual, floor) ELSE floor END
    )))::text FROM new, moved
$$;
"""
