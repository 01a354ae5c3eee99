"""What is left out for whoever comes where it cannot matter: nothing else may be left out, and whoever it would matter to is told."""

import gc
import time
import weakref
from itertools import count, pairwise

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from captured_logs import capture_logs
from chat_server.accounts import Choices
from chat_server.accounts.acts import CURBING, ServerAct
from chat_server.accounts.in_force import InForce, Visitor
from chat_server.guard import Guard
from chat_server.protocol.room_state import Curb, RoomRole, RoomState
from chat_server.rooms.away import AWAY, AwayAmongNodes
from chat_server.rooms.gate import Gate
from chat_server.rooms.members import NAMED_ON_ENTERING_MAX
from chat_server.rooms.person import ADMIN, HOLDER, MEMBER, MODERATOR, OWNER, Proof
from chat_server.rooms.rights import standing
from chat_server.rooms.roster import Known
from chat_server.rooms.told import what_holds
from chat_server.wire.render.text_lines import WIDTH, items
from chat_server.wire.render.widths import columns_of
from fakes import FakeSession, make_hall, open_rooms
from streams import Caller, Program, open_house
from test_chat_room import enter

ANYBODY = [Visitor(known_as=("bob",)), Visitor(network="192.0.2.1"), Visitor(7, network="2001:db8::1")]

things = st.lists(
    st.tuples(
        st.sampled_from([*sorted(CURBING), "panic", "lifted", "held"]),
        st.sampled_from([{"known_as": ("bob",)}, {"network": "192.0.2.0/24"}, {"account": 7}]),
        st.integers(1, 6),
    ),
    max_size=12,
)


@given(things, st.booleans())
def test_nobody_is_passed_over_while_anything_is_forbidden_to_anybody_on_the_server(
    done: list[tuple[str, dict[str, object], int]], was_restarted: bool
) -> None:
    in_force, known = InForce(), dict[int, ServerAct]()

    def looked_at(now: float) -> None:
        refused = [ask(one, now) for one in ANYBODY for ask in (in_force.ban_of, in_force.mute_of)]
        assert not in_force.is_idle or (not any(refused) and not in_force.panic_seconds(now))

    assert in_force.is_idle
    for number, (kind, whom, seconds) in enumerate(done, 1):
        act = ServerAct("banned" if kind == "held" else kind, number, "ann", until=number + seconds, number=number)
        act = ServerAct(act.kind, act.at, "ann", until=act.until, number=number, of=seconds, **whom)  # type: ignore[arg-type]
        if kind == "held":
            with in_force.holding(act):
                looked_at(number)
                assert not in_force.is_idle
            continue
        known[number] = act
        (in_force.load([act], number) if was_restarted else in_force.note(act))
        looked_at(number)
        assert in_force.is_idle == (not len(in_force) and all(one.kind != "panic" for one in known.values()))


KEPT_OUT = Curb(1, "banned", "ann", 4e9, "eve", sender="ann")
SILENT = Curb(2, "muted", "ann", 4e9, "eve", account=7)
ROLES: list[dict[int, RoomRole]] = [{}, {7: "moderator"}, {8: "owner"}]
STATES = [
    RoomState(rules=rules, roles=roles, curbs=curbs, is_archived=is_archived)
    for rules in ({}, {"guests": "no"}, {"access": "members"}, {"slow": "5"})
    for roles in ROLES
    for curbs in ((), (KEPT_OUT,), (SILENT,), (Curb(3, "kicked", "ann", 4.0, "eve", account=7),))
    for is_archived in (False, True)
]


@pytest.mark.parametrize("role", [MEMBER, HOLDER, MODERATOR, ADMIN, OWNER])
@pytest.mark.parametrize("is_bot", [False, True])
def test_whoever_comes_is_told_all_that_holds_for_them_and_kept_out_by_all_that_keeps_them_out(
    role: str, is_bot: bool
) -> None:
    session, now = FakeSession(make_hall(), "ann"), time.time()
    person = session.person
    person.account, person.role, person.sender = 0 if role == MEMBER else 7, role, "ann"
    session.proof = Proof(is_bot=is_bot)
    for state in STATES:
        gate = Gate("python", state)
        muted = state.curbs_on(person.account, "ann", now, "muted")
        who = standing(state, person.account, MEMBER if is_bot else role)
        held = what_holds(state, person.account, who, muted, now=now, name_of=str)
        told = gate.told(session, now, str)
        assert {key: value for key, value in told.items() if value is not UNSET} == {
            key: value for key, value in held.items() if value is not UNSET
        }
        assert gate.refusal_to_come(session, now) == gate.refusal_to_enter(session, now)
        gate.server.note(ServerAct("panic", now, "ann", until=now + 60, number=1))
        assert (gate.refusal_to_come(session, now) is None) == (
            person.account == 7 and gate.refusal_to_enter(session, now) is None
        )


async def test_whoever_comes_into_a_crowd_is_told_of_twenty_others_and_how_many_more_there_are(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    _, room = open_rooms(nursery)
    crowd = await enter(room, *(f"n{number}" for number in range(NAMED_ON_ENTERING_MAX + 2)))
    names = [one.nick for one in crowd]
    where = room._members.where_it_is(crowd[0])  # who comes by one more device has been here all along
    assert (where.nicks, where.more) == (tuple(names[1 : NAMED_ON_ENTERING_MAX + 1]), 1)
    where = room._members.where_it_is(crowd[-1])
    assert (where.nicks, where.more) == (tuple(names[:NAMED_ON_ENTERING_MAX]), 1)
    assert [nick for _, nick in room.others(crowd[3])] == names[:3] + names[4:]


def test_who_is_away_is_known_of_those_who_are_here_and_of_those_who_are_elsewhere() -> None:
    hall, away = make_hall(), AwayAmongNodes()
    ann, bob, carol = (FakeSession(hall, nick).person for nick in ("ann", "bob", "carol"))
    assert away.among([(ann, "ann"), (Known("account:7", 7), "dora")]) == (UNSET, UNSET)
    bob.away, carol.away = "", "a" * 99
    chosen: Choices = {"": {AWAY: "lunch"}}
    away.note(7, chosen)
    away.guests_here["1:5"], away.guests_elsewhere["2:5"] = "here", "there"
    people = [(ann, "ann"), (bob, "bob"), (carol, "carol"), (Known("account:7", 7), "dora")]
    found = away.among([*people, (Known("1:5", 0), "eve"), (Known("2:5", 0), "fay"), (Known("2:6", 0), "guy")])
    assert found.nicks == ("bob", "carol", "dora", "eve", "fay")
    assert found.reasons == {"carol": "a" * 40, "dora": "lunch", "eve": "here", "fay": "there"}


@given(st.lists(st.text(st.sampled_from("ab-é你好"), min_size=1, max_size=32), min_size=1, max_size=40))
def test_a_list_is_broken_by_columns_whatever_its_names_are_written_in(names: list[str]) -> None:
    lines = items("Also here: ", names, ", ")
    assert ", ".join(line.removesuffix(",") for line in lines) == f"Also here: {', '.join(names)}"
    assert all(columns_of(line) <= WIDTH for line in lines)
    for line, following in pairwise(lines):  # and not before it has to be
        assert columns_of(f"{line} {following.split(', ')[0]}, ") > WIDTH


def test_what_goes_wrong_in_a_step_is_logged_and_what_is_no_error_passes() -> None:
    steps = count()

    def step(wrong: BaseException | None) -> int:
        if wrong is not None:
            raise wrong
        return next(steps)

    guard = Guard("a step failed", nick="ann")
    with capture_logs() as logged:
        assert guard.attempt(step, None)
        assert guard.made_by(step, None) == 1
        assert not guard.has_failed
        assert not guard.attempt(step, ValueError("one"))
        assert guard.has_failed
        assert guard.made_by(step, ValueError("two")) is None
        for wrong in (KeyboardInterrupt(), SystemExit()):
            with pytest.raises(type(wrong)):
                guard.attempt(step, wrong)
            with pytest.raises(type(wrong)):
                guard.made_by(step, wrong)
    assert len(logged) == 2


@pytest.mark.parametrize("way", ["/logout", "hangs up", "a program"])
async def test_whoever_goes_leaves_nothing_that_refers_to_itself(way: str, autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        caller: Caller = house.connect() if way == "a program" else house.call()
        if isinstance(caller, Program):
            await caller.enter("ann", "python")
        else:
            await caller.log_in("ann", "python")
        (session,) = (weakref.ref(one) for one in house.server._sessions)
        gc.disable()
        try:
            if way == "/logout":
                await caller.type("/logout")
                await caller.read_to_end()
            await caller.stream.aclose()
            await trio.sleep(10)
            assert session() is None
        finally:
            gc.enable()
