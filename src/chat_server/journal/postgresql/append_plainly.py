"""The short way through `append`: what is said in one room, with no keys and nothing beside it, is checked and stored by a few simple statements.

A statement takes the engine 15 us, and three times that where it was not at work just before and nothing of it is in the processor's caches; one that
goes through arrays of rooms, several times that. Whatever there is more of goes the long way, which asks all of it again, behind the same
locks: so this one asks only whether there is anything. Never knows what is told of a turn, nor what its node has missed.
"""

from typing import NamedTuple

from chat_server.journal.first_of_time import RUNS_MAX


class Plainly(NamedTuple):
    """Its parts of the function's text, in their order: none, if nothing else is said."""

    variables: str = ""
    begin: str = ""
    end: str = ""


LONG_WAY = Plainly()

_NOTHING_ELSE = " AND ".join(
    f"{places} IS NULL"
    for places in (
        "topic_places",
        "state_places",
        "redacted_places",
        "act_places",
        "key_places",
        "move_places",
        "movements[1]",
    )
)

_BEGIN = f"""    IF cardinality(rooms) = 1 AND NOT is_over AND {_NOTHING_ELSE} THEN
        SELECT last, turn, last_at, state_turn INTO plain FROM room WHERE id = rooms[1] AND NOT is_deleted FOR NO KEY UPDATE;
        is_plain := FOUND;
        IF is_plain AND plain.turn > seen[1] THEN
            is_plain := plain.state_turn <= seen[1] AND NOT EXISTS (
                    SELECT FROM batch WHERE batch.room = rooms[1] AND batch.turn > seen[1] AND batch.node = me AND batch.ticket = my_ticket
                ) AND NOT EXISTS (
                    SELECT FROM unnest(speaker_persons, speaker_nicks) AS s (person, nick) WHERE s.nick <> ''
                        AND s.nick <> (SELECT nick FROM member WHERE person = s.person AND room = rooms[1] LIMIT 1)
                );
            behind := ARRAY[1];
        END IF;
        IF is_plain AND speaker_places IS NOT NULL THEN
            is_plain := acts >= (SELECT coalesce(max(number), 0) FROM act) AND NOT EXISTS (
                SELECT FROM unnest(speaker_persons, speaker_accounts) AS s (person, account) WHERE coalesce(s.account, 0) = 0
                    AND NOT EXISTS (SELECT FROM held WHERE held.person = s.person AND held.node = me)
            );
        END IF;
        IF is_plain AND speaker_accounts IS NOT NULL THEN
            now_at := extract(epoch FROM clock_timestamp());
            is_plain := NOT EXISTS (
                SELECT FROM unnest(speaker_devices, speaker_accounts) AS s (device, account) WHERE s.account <> 0 AND NOT (
                    EXISTS (SELECT FROM account WHERE account.id = s.account AND account.state = 'active') AND EXISTS (
                        SELECT FROM device AS d WHERE d.id = s.device AND d.account = s.account AND (d.ends IS NULL OR d.ends > now_at)
                    )
                )
            );
        END IF;
    END IF;
    IF is_plain THEN
        turns := ARRAY[plain.turn];
        now_at := extract(epoch FROM clock_timestamp());
        kind := 'stored'; place := 1; turn := plain.turn + 1; node := me; first := plain.last + 1; count := counts[1];
        at := CASE WHEN ats[1] <> 'NaN' THEN ats[1] WHEN now_at > plain.last_at OR counts[1] = 0 THEN now_at ELSE plain.last_at + 0.000001 END;
        step := CASE WHEN counts[1] < 2 THEN 0 ELSE steps[1] END;
        INSERT INTO batch (room, turn, first, count, at, step, node, ticket, lines, authors)
            VALUES (rooms[1], plain.turn + 1, plain.last + 1, counts[1], append.at, append.step, me, my_ticket, texts[1], authors[1]);
        UPDATE room SET last = last + counts[1], turn = turn + 1,
                last_at = CASE WHEN counts[1] > 0 THEN append.at + append.step * counts[1] ELSE last_at END,
                runs = CASE WHEN counts[1] > 0 AND append.at < last_at AND cardinality(runs) < {RUNS_MAX} THEN runs || plain.last + 1 ELSE runs END
            WHERE id = rooms[1];
        RETURN NEXT;
    ELSE
        behind := NULL;
"""  # noqa: S608 - nothing in it comes from outside

SHORT_WAY = Plainly("    plain record; is_plain boolean := false;\n", _BEGIN, "    END IF;\n")
