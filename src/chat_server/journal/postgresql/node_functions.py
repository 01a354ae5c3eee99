"""Functions of the database for the life of nodes and the names at them: each call is one statement, and so one commit.

A node is a row; a server that is started again is another. Whatever a node stores holds that row (`FOR KEY SHARE`) before anything else, and is
refused where it is gone: so who has deleted it knows that nothing of that node comes after. Time is the engine's alone.
"""

from chat_server.journal.postgresql.append_function import NODE_IS_OVER, TURNS_CHANNEL

NODES = f"""
-- Held to the end of the transaction by whatever is done for a node.
CREATE FUNCTION act_for(me bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM node WHERE id = me FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the other servers have given this one up' USING ERRCODE = '{NODE_IS_OVER}';
    END IF;
END $$;

-- Why somebody cannot have a name, and whose name is in the way; null if they can. Behind lock_names it stays so.
CREATE FUNCTION name_refusal(its_key text, its_skeleton text, its_person text, OUT why text, OUT other text) LANGUAGE plpgsql AS $$
DECLARE
    whose bigint := CASE WHEN its_person LIKE 'account:%' THEN substr(its_person, 9)::bigint ELSE 0 END;
BEGIN
    SELECT CASE WHEN key = its_key THEN 'held' ELSE 'like-held' END, nick INTO why, other
        FROM held WHERE (key = its_key OR skeleton = its_skeleton) AND person <> its_person
            -- Whoever has an account's own name was somebody else before it was made, at a node that has not heard of it yet.
            AND NOT EXISTS (SELECT FROM account WHERE id = whose AND account.key = its_key) ORDER BY key <> its_key LIMIT 1;
    IF why IS NULL THEN
        SELECT r.why, r.other INTO why, other
            FROM account_refusal(its_key, its_skeleton, whose, extract(epoch FROM clock_timestamp())::float8) AS r;
    END IF;
END $$;

-- Gives people at a node names, and takes names back, one after the other. `adopt`: who is at other nodes is given the newest name that they have
-- there, whatever they ask for, unless it is outdated. A name that is taken back is left to the other nodes at which rooms list the person by it,
-- which may not know of it: what is left to a node so is taken back with the next name of that person that this node gives back.
-- Returns for each that is given, by its place, counted from 1: why not and by whose name; or the name, and the newest that they have at other nodes.
CREATE FUNCTION change_names(
    me bigint, nicks text[], -- null: the name is taken back
    keys text[], skeletons text[], persons text[], adopt boolean[]
) RETURNS TABLE (place bigint, why text, other text, nick text, elsewhere text, "order" bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    one record;
    known record;
    others bigint[]; -- nodes at which those are whose names are taken back: none of these is buried meanwhile
    gone text[] := '{{}}'; -- who has no name any more
BEGIN
    PERFORM act_for(me);
    others := ARRAY(
        SELECT id FROM node WHERE id <> me AND id IN (
            SELECT node FROM member WHERE person IN (SELECT person FROM unnest(nicks, persons) AS u (nick, person) WHERE nick IS NULL)
        ) ORDER BY id FOR KEY SHARE
    );
    PERFORM lock_names(keys || skeletons || persons); -- of one person's claims, too, one is before the other
    FOR one IN SELECT * FROM unnest(nicks, keys, skeletons, persons, adopt)
        WITH ORDINALITY AS u (nick, key, skeleton, person, adopt, place) ORDER BY u.place
    LOOP
        IF one.nick IS NULL THEN
            IF others <> '{{}}' THEN
                INSERT INTO held (key, skeleton, nick, person, node, is_left)
                    SELECT DISTINCT held.key, held.skeleton, held.nick, held.person, member.node, true
                        FROM held JOIN member ON member.person = held.person AND member.nick = held.nick JOIN room ON room.id = member.room
                        WHERE held.key = one.key AND held.node = me AND held.person = one.person
                            AND member.node = ANY (others) AND NOT room.is_deleted
                    ON CONFLICT DO NOTHING;
            END IF;
            DELETE FROM held WHERE key = one.key AND node = me AND person = one.person;
            DELETE FROM held WHERE is_left AND node = me AND person = one.person AND NOT EXISTS (
                SELECT FROM member JOIN room ON room.id = member.room
                    WHERE member.person = held.person AND member.nick = held.nick AND member.node = me AND NOT room.is_deleted
            );
            IF NOT EXISTS (SELECT FROM held WHERE person = one.person) THEN
                gone := gone || one.person;
            END IF;
            CONTINUE;
        END IF;
        place := one.place;
        why := NULL;
        other := '';
        SELECT * INTO known FROM held WHERE person = one.person AND node <> me ORDER BY is_outdated, since DESC LIMIT 1 FOR KEY SHARE;
        elsewhere := coalesce(known.nick, '');
        IF one.adopt AND NOT known.is_outdated THEN
            one.nick := known.nick;
            one.key := known.key;
            one.skeleton := known.skeleton;
        ELSE
            SELECT r.why, coalesce(r.other, '') INTO why, other FROM name_refusal(one.key, one.skeleton, one.person) AS r;
            IF why IS NULL AND known.nick IS NOT NULL THEN -- those that are being deleted need no mark
                UPDATE held SET is_outdated = true WHERE (key, node) IN (
                    SELECT key, node FROM held AS old WHERE person = one.person AND key <> one.key AND node <> me
                        AND EXISTS (SELECT FROM node WHERE id = old.node AND is_leaving) FOR NO KEY UPDATE SKIP LOCKED
                );
            END IF;
        END IF;
        IF why IS NULL THEN
            DELETE FROM held WHERE key = one.key AND node = me AND person = one.person -- it is the newest again
                AND EXISTS (SELECT FROM held AS newer WHERE person = one.person AND node = me AND newer.since > held.since);
            INSERT INTO held (key, skeleton, nick, person, node) VALUES (one.key, one.skeleton, one.nick, one.person, me)
                ON CONFLICT (key, node) DO UPDATE
                    SET nick = excluded.nick, skeleton = excluded.skeleton, person = excluded.person, is_left = false;
        END IF;
        nick := one.nick;
        "order" := nextval('claims');
        RETURN NEXT;
    END LOOP;
    IF gone <> '{{}}' THEN
        PERFORM end_passed(gone);
    END IF;
END $$;

-- Tells all nodes of something that was done at one.
CREATE FUNCTION tell_for(me bigint, what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM act_for(me);
    PERFORM tell(what);
END $$;

-- Whether nothing was heard of a node for so many seconds; `for_return` if it has ended in order, and people can come back from it elsewhere.
CREATE FUNCTION is_silent(one node, silence float8, for_return float8) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT one.seen < clock_timestamp() - make_interval(secs => CASE WHEN one.is_leaving THEN for_return ELSE silence END)
$$;

-- Buries the nodes that have been silent for too long, and returns which. Nobody does just after the engine has begun: all were away then.
-- First their connections are ended that hold something up, but none that may be committing: those that only listen or read, and those that wait to
-- hand something to a program that stands still, which keep their locks and have not committed, or did so before.
CREATE FUNCTION bury(me bigint, silence float8, for_return float8) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    silent bigint[];
BEGIN
    IF clock_timestamp() < pg_postmaster_start_time() + make_interval(secs => silence) THEN
        RETURN '{{}}';
    END IF;
    PERFORM pg_terminate_backend(pid)
        FROM pg_stat_activity JOIN node ON starts_with(application_name, 'chat-server ' || node.id || ' ')
        WHERE datname = current_database() AND usename = current_user AND node.id <> me AND is_silent(node, silence, for_return)
            AND (wait_event = 'ClientWrite' OR application_name ~ ' (read|follow|listen)$');
    silent := ARRAY(
        SELECT id FROM node WHERE id <> me AND is_silent(node, silence, for_return) ORDER BY id FOR UPDATE SKIP LOCKED
    );
    IF silent <> '{{}}' THEN
        PERFORM take_out(silent);
    END IF;
    RETURN silent;
END $$;

-- Takes nodes out, and all who are at them: they leave each room in one turn for each node. What was written to or by guests among them is deleted.
CREATE FUNCTION take_out(gone bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    there record;
    people text[];
    passing int[];
BEGIN
    PERFORM FROM node WHERE id = ANY (gone) ORDER BY id FOR UPDATE; -- what it is just storing is stored before
    people := ARRAY(SELECT DISTINCT person FROM held WHERE node = ANY (gone));
    passing := passing_of(people);
    PERFORM FROM room WHERE id IN (SELECT room FROM member WHERE node = ANY (gone) UNION SELECT unnest(passing))
        ORDER BY id FOR NO KEY UPDATE;
    FOR there IN
        SELECT member.room, member.node,
                json_agg(json_build_array(
                    0, json_build_object('type', 'went', 'person', person, 'device', device, 'has_read', false)
                ) ORDER BY person, device) AS movements
            FROM member JOIN room ON room.id = member.room WHERE member.node = ANY (gone) AND NOT is_deleted
            GROUP BY member.room, member.node ORDER BY member.room, member.node
    LOOP
        UPDATE room SET turn = turn + 1 WHERE id = there.room;
        INSERT INTO batch (room, turn, first, count, at, step, node, lines, authors, movements)
            SELECT id, turn, last + 1, 0, extract(epoch FROM clock_timestamp()), 0, there.node, '[]', '', there.movements::text
                FROM room WHERE id = there.room;
    END LOOP;
    DELETE FROM member WHERE node = ANY (gone);
    DELETE FROM held WHERE node = ANY (gone);
    DELETE FROM node WHERE id = ANY (gone);
    PERFORM pg_notify('{TURNS_CHANNEL}', '');
    PERFORM end_passed(people);
END $$;
"""

PROBED = """
ALTER TABLE node ADD COLUMN probed timestamptz;  -- when it last tried whether it can store anything (the canary)
"""
"""What tables of older releases lack."""

GONE_NODES = """
-- Nodes that are none any more, until somebody has made up for them (GoneNodes in journal/nodes.py).
CREATE TABLE gone_node (id bigint PRIMARY KEY, seen float8 NOT NULL);
CREATE FUNCTION note_gone_node() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO gone_node VALUES (OLD.id, extract(epoch FROM OLD.seen)) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER gone AFTER DELETE ON node FOR EACH ROW EXECUTE FUNCTION note_gone_node();
"""
