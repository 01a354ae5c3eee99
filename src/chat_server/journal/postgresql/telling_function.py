"""`append` as it tells short turns whole, so that who hears of them need not read them.

What is said in rooms is for nobody but who has the journal; and whoever may connect to a database hears what is told on a channel, and may tell
something, by its name. So this one's is a secret that stands in a table, and in no text of a function or statement.
"""

from chat_server.journal.postgresql.append_checks import AT_ONCE
from chat_server.journal.postgresql.append_function import AMENDS, append_function
from chat_server.journal.postgresql.append_plainly import SHORT_WAY

TOLD_CHANNELS = "chat_told_"
"""How the channel's name begins on which short turns are told whole. The rest of it is random, and stands in the table `journal`: no other user of
the database hears what is said there, nor tells anything."""

TOLD_MAX = 2000
"""Bytes of the turns of a commit that are told whole: every node is sent them, whatever rooms it has. 200 cost next to nothing, 7000
as much as to read them."""

_TELLS = f"""
    -- What amends other lines is not told, but read: whoever hears of it then has not taken in yet what it takes back.
    IF changed IS NOT NULL AND redacted_places IS NULL AND octet_length(array_to_string(texts || movements, '')) <= {TOLD_MAX} THEN
        PERFORM pg_notify(journal.channel, told.turns) FROM journal, (
            SELECT '[' || string_agg(json_build_array(
                    b.room, b.turn, b.node, b.first, b.count, b.at, b.step, b.lines, b.authors, b.movements
                )::text, ',') || ']' AS turns
                FROM unnest(rooms, turns) WITH ORDINALITY AS u (room, turn, place)
                    JOIN batch AS b ON b.room = u.room AND b.turn = u.turn + 1 WHERE u.place <> ALL (left_out)
        ) AS told WHERE octet_length(told.turns) <= {TOLD_MAX};
    END IF;
"""

TELLING_APPEND = f"""
ALTER TABLE journal ADD COLUMN channel text NOT NULL DEFAULT '{TOLD_CHANNELS}' || replace(gen_random_uuid()::text, '-', '');
-- Has this connection hear what is told on it; no statement that others see names it.
CREATE FUNCTION hear_turns() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE (SELECT format('LISTEN %I', channel) FROM journal);
END $$;
""" + append_function("CREATE OR REPLACE", AMENDS, _TELLS[1:], spares=True)
"""Short turns are told whole, to whoever has the journal."""

CHECKING_APPEND = append_function("CREATE OR REPLACE", AMENDS, _TELLS[1:], spares=True, checks=AT_ONCE)
"""The same, and what is rare is asked for by two statements instead of six."""

PLAIN_APPEND = append_function("CREATE OR REPLACE", AMENDS, _TELLS[1:], spares=True, checks=AT_ONCE, plainly=SHORT_WAY)
"""The same, and what is said in one room, with nothing beside it, goes a shorter way."""
