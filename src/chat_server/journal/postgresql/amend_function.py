"""`amend`, the function of the database that stores what the entries of a turn make of lines that were said before; see amending_functions.py.

A batch is stored again whole for what becomes of one of its lines. So what a crowd says of one line in a turn is put together before: 50 reactions
took as long as 50 batches, while the room was locked.
"""

AMEND = """
-- Stores what the entries of a turn, which is stored itself, make of lines that are stored, in their order. One for which there is nothing left to
-- amend stays, without its text.
CREATE OR REPLACE FUNCTION amend(its_room bigint, its_turn bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    its record; one record; line record;
    of bigint;
    fields json;
    reactions text; all_reactions text; -- to the line, after one of them and after all before it
    newest bigint; -- of those that are not stored with the line yet
BEGIN
    SELECT * INTO its FROM batch WHERE room = its_room AND turn = its_turn;
    FOR one IN
        SELECT its.first + e.number - 1 AS seq, its.at + its.step * (e.number - 1) AS at, e.parts, e.parts[cardinality(e.parts)]::json AS fields,
                CASE WHEN its.authors = '' THEN 0 ELSE (its.authors::json ->> (e.number - 1)::int)::bigint END AS author,
                -- Whether the next one is another reaction to the same line.
                e.parts[3] = '"reacted"' AND coalesce(lead(e.parts[3]) OVER w = '"reacted"'
                    AND lead(e.parts[cardinality(e.parts)]) OVER w ::json ->> 'of' = e.parts[cardinality(e.parts)]::json ->> 'of', false) AS goes_on
            FROM (
                SELECT parts_of(l.entry) AS parts, l.number FROM json_array_elements(its.lines::json) WITH ORDINALITY AS l (entry, number)
            ) AS e WHERE e.parts[3] IN ('"edited"', '"reacted"', '"redacted"') WINDOW w AS (ORDER BY e.number) ORDER BY e.number
    LOOP
        IF one.parts[3] = '"redacted"' THEN
            PERFORM redact(its_room, one.fields -> 'of');
            CONTINUE;
        END IF;
        IF of IS NULL THEN -- else it is the line of the reaction before
            of := one.fields ->> 'of';
            SELECT * INTO line FROM entry_at(its_room, of);
            fields := spoken_fields(line.parts);
            all_reactions := fields -> 'reactions';
            newest := NULL;
        END IF;
        IF one.parts[3] = '"edited"' THEN
            IF fields IS NOT NULL THEN
                INSERT INTO version (room, seq, number, until, text, author)
                    VALUES (its_room, of, coalesce((fields ->> 'edited')::bigint, of), one.at, line.parts[2], line.author)
                    ON CONFLICT DO NOTHING;
                PERFORM forget_edit(its_room, (fields ->> 'edited')::bigint);
                PERFORM set_entry(its_room, of, spoken(
                    line.parts, one.parts[2],
                    fields_of(
                        fields ->> 're', one.seq::text, (fields -> 'reactions')::text, (fields -> 'whom')::text,
                        fields ->> 'account', fields ->> 'reacted'
                    )
                ));
            ELSE
                PERFORM set_entry(its_room, one.seq, without_text(one.parts));
            END IF;
            of := NULL;
            CONTINUE;
        END IF;
        reactions := CASE WHEN fields IS NOT NULL THEN reacted(
            all_reactions::json, one.parts[2], one.parts[1], (one.fields -> 'called')::text, one.author, (one.fields ->> 'is_back')::boolean
        ) END;
        IF reactions IS NULL THEN
            PERFORM set_entry(its_room, one.seq, without_text(one.parts));
        ELSE
            all_reactions := reactions;
            newest := one.seq;
        END IF;
        IF NOT one.goes_on THEN
            IF newest IS NOT NULL THEN
                PERFORM set_entry(its_room, of, spoken(
                    line.parts, line.parts[2],
                    fields_of(fields ->> 're', fields ->> 'edited', all_reactions, (fields -> 'whom')::text, fields ->> 'account', newest::text)
                ));
            END IF;
            of := NULL;
        END IF;
    END LOOP;
END $$;
"""
