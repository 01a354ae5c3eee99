"""Functions of the database by which lines come to stand otherwise that were said before, in the commit that stores what amends them (amendments.py).

The append calls `amend` (amend_function.py), behind the lock of the room: whatever other nodes have stored before is there, and nothing comes in
between. Who rewrites the lines of an account holds no such lock, so each batch is locked before it is read. Entries are taken apart into texts in
JSON, as batch_codec.py has written them, are compared as they are written, and copied: PostgreSQL keeps no NUL in a text, and refuses to look for
anything in a JSON value in which there is one.
"""

from chat_server.journal.versions import VERSION_SECONDS
from chat_server.protocol.amendments import REACTING_MAX, SIGNS_MAX

AMENDING = f"""
-- What lines said before they were edited (journal/versions.py), for a while: from the entry with this number on, until a time.
CREATE TABLE version (
    room int NOT NULL REFERENCES room (id) ON DELETE CASCADE,
    seq bigint NOT NULL,
    number bigint NOT NULL,
    until float8 NOT NULL,
    text text NOT NULL,  -- in JSON, as it stood in its batch
    author bigint NOT NULL,
    PRIMARY KEY (room, seq, number)
);
CREATE INDEX version_by_end ON version (until);
CREATE INDEX version_by_author ON version (author) WHERE author <> 0;

-- A batch's text with another entry at this place, counted from 0. The others stay as they are written.
CREATE FUNCTION with_entry(list text, place bigint, new text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT '[' || string_agg(CASE WHEN e.number - 1 = place THEN new ELSE e.entry::text END, ',' ORDER BY e.number) || ']'
        FROM json_array_elements(list::json) WITH ORDINALITY AS e (entry, number)
$$;

-- What stands in an entry, each in JSON: its author's name, its text, its kind unless it is something said, and what it has beside these.
CREATE FUNCTION parts_of(entry json) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN json_typeof(entry) = 'array' THEN ARRAY(
        SELECT p.part::text FROM json_array_elements(entry) WITH ORDINALITY AS p (part, number) ORDER BY p.number
    ) END
$$;

-- An entry without its text.
CREATE FUNCTION without_text(parts text[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT '[' || array_to_string(parts[:1] || '""'::text || parts[3:], ',') || ']'
$$;

-- What something said has beside its text; what is null it has not.
CREATE FUNCTION fields_of(re text, edited text, reactions text, whom text, account text, reacted text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT '{{' || concat_ws(
        ',', '"re":' || re, '"edited":' || edited, '"reactions":' || nullif(reactions, '[]'), '"whom":' || whom, '"account":' || account,
        '"reacted":' || reacted
    ) || '}}'
$$;

-- What somebody has said, with this text and these fields.
CREATE FUNCTION spoken(parts text[], said text, fields text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT '[' || concat_ws(',', parts[1], said, CASE WHEN kind <> '"said"' OR more <> '' THEN kind END, nullif(more, '')) || ']'
        FROM (
            SELECT coalesce(parts[3], '"said"') AS kind, concat_ws(',', CASE WHEN parts[4] = '"bot"' THEN '"bot"' END, nullif(fields, '{{}}')) AS more
        ) AS its
$$;

-- The fields that something said has beside its text; null: nobody has said it, or it has what a later release knows.
CREATE FUNCTION spoken_fields(parts text[]) RETURNS json LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN more = fields_of(
                (more::json -> 're')::text, (more::json -> 'edited')::text, (more::json -> 'reactions')::text,
                (more::json -> 'whom')::text, (more::json -> 'account')::text, (more::json -> 'reacted')::text
            ) THEN more::json END
        FROM (SELECT coalesce((SELECT p.part FROM unnest(parts[4:]) AS p (part) WHERE p.part LIKE '{{%'), '{{}}') AS more) AS its
        WHERE cardinality(parts) > 1 AND coalesce(parts[3], '"said"') IN ('"said"', '"acted"', '"noticed"') AND position('\\u0000' IN more) = 0
$$;

-- The entry of a room with this number, and its author; null: it has been pruned. Its batch is locked.
CREATE FUNCTION entry_at(its_room bigint, its_number bigint, OUT parts text[], OUT author bigint) LANGUAGE plpgsql AS $$
DECLARE its record;
BEGIN
    SELECT first, count, lines, authors INTO its FROM batch
        WHERE room = its_room AND count > 0 AND first <= its_number ORDER BY first DESC LIMIT 1 FOR NO KEY UPDATE;
    IF its_number < its.first + its.count THEN
        SELECT parts_of(e.entry) INTO parts FROM json_array_elements(its.lines::json) WITH ORDINALITY AS e (entry, number)
            WHERE e.number = its_number - its.first + 1;
        author := CASE WHEN its.authors = '' THEN 0 ELSE (its.authors::json ->> (its_number - its.first)::int)::bigint END;
    END IF;
END $$;

CREATE FUNCTION set_entry(its_room bigint, its_number bigint, new text) RETURNS void LANGUAGE sql AS $$
    UPDATE batch SET lines = with_entry(batch.lines, its_number - batch.first, new)
        WHERE batch.room = its_room AND batch.count > 0 AND its_number < batch.first + batch.count AND batch.first = (
            SELECT b.first FROM batch AS b WHERE b.room = its_room AND b.count > 0 AND b.first <= its_number ORDER BY b.first DESC LIMIT 1
        )
$$;

-- What said what a line says since it was edited says it no more.
CREATE FUNCTION forget_edit(its_room bigint, its_number bigint) RETURNS void LANGUAGE sql AS $$
    SELECT set_entry(its_room, its_number, without_text(e.parts)) FROM entry_at(its_room, its_number) AS e WHERE e.parts[3] = '"edited"'
$$;

-- The reactions to a line after one more, or after one that is taken back; null: they are the same. The sign, the name of who reacts and the one
-- under which they take it back are in JSON.
CREATE FUNCTION reacted(reactions json, sign text, nick text, called text, whose bigint, is_back boolean) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    place bigint; person bigint;
    nicks text[]; accounts bigint[];
    new text;
BEGIN
    reactions := coalesce(reactions, '[]');
    SELECT r.number, ARRAY(SELECT n.one::text FROM json_array_elements(r.one -> 'nicks') WITH ORDINALITY AS n (one, number) ORDER BY n.number),
            ARRAY(SELECT a.one::text::bigint FROM json_array_elements(r.one -> 'accounts') WITH ORDINALITY AS a (one, number) ORDER BY a.number)
        INTO place, nicks, accounts
        FROM json_array_elements(reactions) WITH ORDINALITY AS r (one, number) WHERE (r.one -> 'sign')::text = sign LIMIT 1;
    IF accounts = '{{}}' THEN
        accounts := array_fill(0::bigint, ARRAY[cardinality(nicks)]);
    END IF;
    SELECT min(p.number) INTO person FROM unnest(nicks, accounts) WITH ORDINALITY AS p (nick, account, number)
        WHERE p.account = whose AND (whose <> 0 OR p.nick = coalesce(nullif(called, '""'), reacted.nick));
    IF is_back AND person IS NOT NULL THEN
        nicks := nicks[:person - 1] || nicks[person + 1:];
        accounts := accounts[:person - 1] || accounts[person + 1:];
    ELSIF NOT is_back AND person IS NULL AND (place IS NOT NULL OR json_array_length(reactions) < {SIGNS_MAX})
            AND coalesce(cardinality(nicks), 0) < {REACTING_MAX} THEN
        nicks := nicks || nick;
        accounts := accounts || whose;
    ELSE
        RETURN NULL;
    END IF;
    IF nicks <> '{{}}' THEN
        new := '{{"sign":' || sign || ',"nicks":[' || array_to_string(nicks, ',')
            || CASE WHEN 0 = ALL (accounts) THEN '' ELSE '],"accounts":[' || array_to_string(accounts, ',') END || ']}}';
    END IF;
    RETURN '[' || concat_ws(',', (
            SELECT string_agg(CASE WHEN r.number = place THEN new ELSE r.one::text END, ',' ORDER BY r.number)
            FROM json_array_elements(reactions) WITH ORDINALITY AS r (one, number)
        ), CASE WHEN place IS NULL THEN new END) || ']';
END $$;

-- What was said under the numbers of some ranges stands there no more, nor anywhere else.
CREATE FUNCTION redact(its_room bigint, ranges json) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    firsts bigint[]; lasts bigint[];
    touched bigint[];
BEGIN
    SELECT array_agg((r.range ->> 0)::bigint), array_agg((r.range ->> 1)::bigint) INTO firsts, lasts FROM json_array_elements(ranges) AS r (range);
    -- Batch by batch through the index: the first of them may begin before the numbers do.
    touched := ARRAY(
        SELECT turn FROM batch
            WHERE batch.room = its_room AND batch.count > 0 AND batch.first <= (SELECT max(l.last) FROM unnest(lasts) AS l (last))
                AND batch.first >= coalesce((
                    SELECT b.first FROM batch AS b
                        WHERE b.room = its_room AND b.count > 0 AND b.first <= (SELECT min(f.first) FROM unnest(firsts) AS f (first))
                        ORDER BY b.first DESC LIMIT 1
                ), 0) AND EXISTS (
                    SELECT FROM unnest(firsts, lasts) AS r (first, last) WHERE r.first < batch.first + batch.count AND r.last >= batch.first
                )
    );
    PERFORM forget_edit(its_room, e.edited) FROM (
        SELECT (spoken_fields(parts_of(e.entry)) -> 'edited')::text::bigint AS edited
            FROM batch, json_array_elements(batch.lines::json) WITH ORDINALITY AS e (entry, number)
            WHERE batch.room = its_room AND batch.turn = ANY (touched) AND position('"edited":' IN batch.lines) > 0 AND EXISTS (
                SELECT FROM unnest(firsts, lasts) AS r (first, last) WHERE batch.first + e.number - 1 BETWEEN r.first AND r.last
            )
    ) AS e WHERE e.edited IS NOT NULL;
    UPDATE batch SET lines = redacted(batch.lines, batch.first, firsts, lasts) WHERE batch.room = its_room AND batch.turn = ANY (touched);
    DELETE FROM version WHERE room = its_room AND EXISTS (SELECT FROM unnest(firsts, lasts) AS r (first, last) WHERE seq BETWEEN r.first AND r.last);
END $$;

-- As before, also where there is a NUL in what somebody has said.
CREATE OR REPLACE FUNCTION redacted(list text, start bigint, firsts bigint[], lasts bigint[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT '[' || coalesce(string_agg(CASE
            WHEN cardinality(e.parts) > 1 AND coalesce(e.parts[3], '"said"') IN ('"said"', '"acted"', '"topic"', '"noticed"')
            THEN '[' || e.parts[1] || ',"","deleted"' || CASE WHEN e.parts[4] = '"bot"' THEN ',"bot"]' ELSE ']' END
            ELSE e.entry::text END, ',' ORDER BY e.number), '') || ']'
        FROM (
            SELECT l.entry, l.number, CASE
                WHEN EXISTS (SELECT FROM unnest(firsts, lasts) AS r (first, last) WHERE start + l.number - 1 BETWEEN r.first AND r.last)
                THEN parts_of(l.entry) END AS parts
            FROM json_array_elements(list::json) WITH ORDINALITY AS l (entry, number)
        ) AS e
$$;

-- With a line goes what it said before.
CREATE FUNCTION forget_versions_of_pruned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM version WHERE room = NEW.id AND seq < NEW.kept_from;
    RETURN NULL;
END $$;
CREATE TRIGGER pruned AFTER UPDATE OF kept_from ON room FOR EACH ROW EXECUTE FUNCTION forget_versions_of_pruned();

-- Forgets some of what lines said long ago. Returns how much.
CREATE FUNCTION forget_versions(at_most int) RETURNS bigint LANGUAGE sql AS $$
    WITH gone AS (
        DELETE FROM version WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM version WHERE until < extract(epoch FROM clock_timestamp()) - {VERSION_SECONDS} LIMIT at_most
        )) RETURNING 1
    )
    SELECT count(*) FROM gone
$$;
"""
