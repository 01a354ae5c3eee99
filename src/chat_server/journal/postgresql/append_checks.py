"""Checks of `append` whether a turn may be stored, in two forms: one by one, as it was first, and all at once, before any of them.

What is rare is then looked for only where there is some of it, by the same statements as before. And functions of the database are called by
expressions, which plpgsql works out itself, not by statements: each of these takes the engine 15 us, and 45 where the node has just been showing
lines to many and nothing of it is in the caches. Never knows what comes before and after a part.
"""

from typing import NamedTuple


class Checks(NamedTuple):
    """Parts of its text, in their order, each as it was first if nothing else is said."""

    variables: str = ""
    call: str = "PERFORM "
    """How a function is called whose answer nobody wants."""
    end_call: str = ""
    over_if: str = "is_over AND "
    over_end: str = ""
    behind_if: str = ""
    behind_end: str = ""
    anything: str = ""
    """Whether a room that is behind has the ticket already (`is_again`), or may be another one than it was known to be (`is_stale`).

    These, and whether a speaker's name is held no more (`is_unheld`), may be true where there is nothing, and are never false where there is
    something: what they stand before looks again.
    """
    again_if: str = "behind IS NOT NULL"
    stale_if: str = "behind IS NOT NULL"
    unheard_if: str = "    IF speaker_places IS NOT NULL AND acts < (SELECT coalesce(max(number), 0) FROM act) THEN"
    unheld_if: str = ""
    unheld_end: str = ""
    changed_if: str = ""
    changed_end: str = ""


ONE_BY_ONE = Checks()

AT_ONCE = Checks(
    variables="    is_called boolean; is_again boolean; is_stale boolean; is_unheld boolean; newest_act bigint;\n",
    call="is_called := ",
    end_call=" IS NULL",
    over_if="is_over THEN IF ",
    over_end=" END IF;",
    behind_if="IF turns IS DISTINCT FROM seen THEN ",
    behind_end="    END IF;\n",
    anything="""    IF behind IS NOT NULL THEN
        SELECT EXISTS (
                SELECT FROM unnest(behind) AS p (place) JOIN batch
                    ON batch.room = rooms[p.place] AND batch.turn > seen[p.place] AND batch.node = me AND batch.ticket = my_ticket
            ), EXISTS (
                SELECT FROM unnest(state_turns, seen) AS u (turn, seen) WHERE u.turn > u.seen
            ) OR EXISTS (
                SELECT FROM unnest(speaker_places, speaker_persons, speaker_nicks) AS s (place, person, nick)
                    WHERE s.nick <> '' AND s.place = ANY (behind)
                        AND s.nick <> (SELECT nick FROM member WHERE person = s.person AND room = rooms[s.place] LIMIT 1)
            ) INTO is_again, is_stale;
    END IF;
""",
    again_if="is_again",
    stale_if="is_stale",
    unheard_if="""    IF speaker_places IS NOT NULL THEN
        SELECT coalesce((SELECT max(number) FROM act), 0), EXISTS (
                SELECT FROM unnest(speaker_persons, speaker_accounts) AS s (person, account)
                    WHERE coalesce(s.account, 0) = 0 AND NOT EXISTS (SELECT FROM held WHERE held.person = s.person AND held.node = me)
            ) INTO newest_act, is_unheld;
    END IF;
    IF speaker_places IS NOT NULL AND acts < newest_act THEN""",
    unheld_if="IF is_unheld THEN ",
    unheld_end=" END IF;",
    changed_if="""IF cardinality(rooms) = 1 AND cardinality(left_out) = 0 THEN
        changed := rooms[1] || ':' || turns[1] + 1;
    ELSE
        """,
    changed_end="\n    END IF;",
)
