"""What a room is by its log, in the database: a turn that was planned under other numbers is kept with those that it has."""

from collections.abc import Sequence

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chat_server.protocol.acts import MemberInvited, MemberJoined, RoleGiven, RuleSet
from chat_server.protocol.entries import Enacted
from chat_server.protocol.room_state import EMPTY, RoomState, after, read, written
from postgresql import Database

ACCOUNTS = st.integers(1, 3)
ACTS: st.SearchStrategy[Enacted | None] = st.one_of(
    st.none(),  # a line that changes nothing
    st.builds(
        lambda text: RuleSet("r", 0, 1.0, "ann", text),
        st.sampled_from(["access open", "access invite", "access members", "history all", "history joined"]),
    ),
    st.builds(
        lambda whom, role: RoleGiven("r", 0, 1.0, "ann", role, whom="x", account=whom),
        ACCOUNTS,
        st.sampled_from(["member", "owner", "none"]),
    ),
    st.builds(lambda whom: MemberInvited("r", 0, 1.0, "ann", "", whom="x", until=9.0, account=whom), ACCOUNTS),
    st.builds(lambda who: MemberJoined("r", 0, 1.0, "x", "", who), ACCOUNTS),
)


def folded(state: RoomState, acts: Sequence[Enacted | None], first: int, dropped: Sequence[int] = ()) -> RoomState:
    """What the room is after these lines, without those at some places."""
    kept = [act for place, act in enumerate(acts) if place not in dropped]
    for seq, act in enumerate(kept, first):
        state = state if act is None else after(state, replace(act, seq=seq))
    return state


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(ACTS, max_size=12), st.lists(ACTS, min_size=1, max_size=8), st.integers(0, 3), st.sets(st.integers(0, 7))
)
def test_a_state_moves_with_its_turn(
    database: Database, before: list[Enacted | None], turn: list[Enacted | None], others: int, twice: set[int]
) -> None:
    """Others have stored so many lines meanwhile, which change nothing; some of the turn's lines were stored before, and change nothing either."""
    old = folded(EMPTY, before, 1)
    planned, actual = len(before) + 1, len(before) + 1 + others
    dropped = [place for place in sorted(twice) if place < len(turn) and turn[place] is None]
    with psycopg.connect(database.url) as connection:
        ((moved,),) = connection.execute(
            "SELECT moved_state(%s, %s, %s, %s, %s)",
            [written(folded(old, turn, planned)), written(old), planned, actual, dropped],
        ).fetchall()
    assert read(moved) == folded(old, turn, actual, dropped)
