"""Who may do what in a room: the table, whole, and that no sequence of acts breaks what it promises."""

from itertools import product
from math import inf
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chat_server.protocol.acts import (
    AdminCame,
    Banned,
    Kicked,
    Lifted,
    MemberInvited,
    MemberJoined,
    Muted,
    RoleGiven,
    RuleSet,
)
from chat_server.protocol.entries import Enacted
from chat_server.protocol.room_state import EMPTY, PLACES, RULES, RoomState, after, is_rule, read, written
from chat_server.protocol.stored_event import left_of, span_of
from chat_server.rooms.person import ADMIN, HOLDER, MEMBER, MODERATOR, OWNER
from chat_server.rooms.rights import TABLE, Act, may, may_give, standing
from chat_server.wire.render.sentences import text_of
from chat_tui.client.in_order import line_in_words

ACTS: dict[str, str] = {
    "enter": "GAMmOMA",
    "invite": "  MmOMA",
    "say": "GAMmOMA",
    "set-topic": "GAMmOMA",
    "take-back": "GAMmOMA",
    "delete": "   mOMA",
    "report": "GAMmOMA",
    "hold": "   mOMA",
    "judge": "   mOMA",
    "curb": "   mOMA",
    "govern": "    O A",
    "make-owner": "    O A",
    "curb-on-server": "     MA",
    "panic": "     MA",
    "give-office": "      A",
    "audit": "   mOMA",
    "audit-server": "      A",
}
"""For each act who may, in the order of PLACES."""

ROOM_ROLE = {"member": "member", "moderator": "moderator", "owner": "owner"}


def at(place: str) -> tuple[RoomState, int, str]:
    """A room, an account and a role on the server, so that it is at this place, and nowhere higher."""
    if place == "guest":
        return EMPTY, 0, MEMBER
    state = RoomState(roles={7: place}) if place in ROOM_ROLE else EMPTY  # type: ignore[dict-item]
    return state, 7, {"server moderator": MODERATOR, "server admin": ADMIN}.get(place, HOLDER)


@pytest.mark.parametrize(("act", "place"), product(get_args(Act), range(len(PLACES))))
def test_the_table_says_who_may_do_what(act: Act, place: int) -> None:
    state, account, role = at(PLACES[place])
    if act == "invite":
        state = after(state, RuleSet("r", 1, 1.0, "ann", "access members"))
    allowed = ACTS[act][place] != " "
    assert (place in TABLE[act]) == allowed
    assert (may(act, standing(state, account, role), None, state) is None) == allowed


@pytest.mark.parametrize(
    ("access", "act", "allowed"),
    [
        ("open", "enter", "GAMmOMA"),
        ("members", "enter", "  MmO A"),
        ("invite", "enter", "  MmO A"),
        ("open", "invite", "   mOMA"),
        ("members", "invite", "  MmOMA"),
        ("invite", "invite", "   mOMA"),
    ],
)
@pytest.mark.parametrize("place", range(len(PLACES)))
def test_access_says_who_comes_in_and_who_invites(access: str, act: Act, allowed: str, place: int) -> None:
    state, account, role = at(PLACES[place])
    state = after(state, RuleSet("r", 1, 1.0, "ann", f"access {access}"))
    assert (may(act, standing(state, account, role), None, state) is None) == (allowed[place] != " ")


@pytest.mark.parametrize(("actor", "target"), product(range(len(PLACES)), range(len(PLACES))))
def test_nobody_is_curbed_by_an_equal_or_by_who_stands_lower(actor: int, target: int) -> None:
    state, account, role = at(PLACES[actor])
    _, other, other_role = at(PLACES[target])
    both = RoomState(roles={**state.roles, **({8: PLACES[target]} if PLACES[target] in ROOM_ROLE else {})})  # type: ignore[dict-item]
    who, whom = standing(both, account, role), standing(both, 8 if other else 0, other_role)
    allowed = ACTS["curb"][actor] != " " and actor > target
    assert (may("curb", who, whom, both) is None) == allowed
    assert (may("delete", who, whom, both) is None) == allowed


def test_a_server_s_owner_counts_as_its_admin() -> None:
    assert standing(EMPTY, 7, OWNER) == standing(EMPTY, 7, ADMIN)


@pytest.mark.parametrize(
    ("text", "place", "allowed"),
    [
        ("speak members", "account", False),
        ("speak members", "member", True),
        ("speak moderators", "member", False),
        ("speak moderators", "moderator", True),
        ("speak moderators", "server moderator", True),
        ("speak all", "guest", True),
        ("topic moderators", "member", True),
    ],
)
def test_a_rule_makes_narrower_who_may_speak(text: str, place: str, allowed: bool) -> None:
    state, account, role = at(place)
    state = after(state, RuleSet("r", 1, 1.0, "ann", text))
    assert (may("say", standing(state, account, role), None, state) is None) == allowed
    assert may("set-topic", standing(state, account, role), None, state) is None or text.startswith("topic")


def test_one_may_step_down_but_the_last_owner() -> None:
    state = RoomState(roles={7: "owner"})
    owner = standing(state, 7, HOLDER)
    assert may_give("none", owner, owner, state, is_own=True) is not None
    two = RoomState(roles={7: "owner", 8: "owner"})
    assert may_give("none", owner, owner, two, is_own=True) is None
    assert may_give("none", standing(two, 8, HOLDER), owner, two, is_own=False) is not None, "not each other"
    assert may_give("none", standing(two, 9, ADMIN), owner, two, is_own=False) is None
    moderator = standing(RoomState(roles={7: "moderator"}), 7, HOLDER)
    assert may_give("owner", moderator, moderator, EMPTY, is_own=True) is not None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (20, "1m"),
        (1790, "30m"),
        (7200, "2h"),
        (7260, "3h"),
        (85980, "24h"),
        (86400, "24h"),
        (172801, "2d"),
        (172900, "3d"),
        (6.9 * 86400, "7d"),
        (inf, "36600d"),
    ],
)
def test_what_is_left_of_a_time_is_shown_roughly(seconds: float, text: str) -> None:
    assert left_of(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (20, "1m"),
        (1800, "30m"),
        (5400, "90m"),
        (7200, "2h"),
        (86400, "24h"),
        (7 * 86400, "7d"),
        (1e300, "36600d"),
        (inf, "36600d"),
    ],
)
def test_a_time_is_shown_as_it_is_typed(seconds: float, text: str) -> None:
    assert span_of(seconds) == text


accounts = st.integers(1, 6)
role_names = st.sampled_from(["member", "moderator", "owner", "none"])


class House(RuleBasedStateMachine):
    """A room with six accounts, some of which have a role on the server, who do whatever they may."""

    def __init__(self) -> None:
        super().__init__()
        self.state = after(EMPTY, RoleGiven("r", 1, 1.0, "n1", "owner", whom="n1", account=1))
        self.log: list[Enacted] = []
        self.stale = (0, written(self.state))
        """What the room was after so many of them, as it was kept."""
        self.server = dict.fromkeys(range(1, 7), HOLDER) | {5: MODERATOR, 6: ADMIN}

    @property
    def seq(self) -> int:
        """The number of what happens next."""
        return len(self.log) + 2

    def enact(self, entry: Enacted) -> None:
        self.log.append(entry)
        self.state = after(self.state, entry)

    @rule(actor=accounts, other=accounts, role=role_names)
    def give(self, actor: int, other: int, role: str) -> None:
        who = standing(self.state, actor, self.server[actor])
        whom = standing(self.state, other, self.server[other])
        if may_give(role, who, whom, self.state, is_own=actor == other) is None:
            is_owning = self.server[actor] == ADMIN or self.state.role(actor) == "owner"
            assert is_owning or actor == other
            self.enact(RoleGiven("r", self.seq, 1.0, f"n{actor}", role, whom=f"n{other}", account=other))

    @rule(actor=accounts, other=accounts, kind=st.sampled_from([Kicked, Muted, Banned]))
    def curb(self, actor: int, other: int, kind: type) -> None:
        who = standing(self.state, actor, self.server[actor])
        whom = standing(self.state, other, self.server[other])
        if may("curb", who, whom, self.state) is None:
            assert self.state.role(other) != "owner" or self.server[actor] != HOLDER
            number = self.state.next_id
            self.enact(
                kind("r", self.seq, 1.0, f"n{actor}", "", whom=f"n{other}", until=99.0, id=number, account=other)
            )

    @rule(number=st.integers(1, 5))
    def lift(self, number: int) -> None:
        self.enact(Lifted("r", self.seq, 1.0, "n1", "", whom="n2", id=number))

    @rule(
        name=st.sampled_from([*RULES]),
        value=st.sampled_from(["all", "members", "moderators", "no", "yes", "10", "0", "open", "invite", "joined"]),
    )
    def set_rule(self, name: str, value: str) -> None:
        if is_rule(name, value):
            self.enact(RuleSet("r", self.seq, 1.0, "n1", f"{name} {value}"))

    @rule(actor=accounts, other=accounts)
    def invite(self, actor: int, other: int) -> None:
        who = standing(self.state, actor, self.server[actor])
        if may("invite", who, None, self.state) is None and self.state.role(other) is None:
            assert self.server[actor] != HOLDER or self.state.role(actor) is not None
            entry = MemberInvited(
                "r", self.seq, 1.0, f"n{actor}", "", actor, whom=f"n{other}", until=99.0, account=other
            )
            self.enact(entry)

    @rule(actor=accounts, now=st.sampled_from([1.0, 100.0]))
    def come(self, actor: int, now: float) -> None:
        if self.state.is_invited(actor, now):
            self.enact(MemberJoined("r", self.seq, now, f"n{actor}", "", actor))
        elif self.server[actor] == ADMIN:
            self.enact(AdminCame("r", self.seq, now, f"n{actor}", "", actor))

    @rule()
    def keep(self) -> None:
        self.stale = len(self.log), written(self.state)

    @invariant()
    def who_missed_something_ends_with_the_same(self) -> None:
        missed_from, text = self.stale
        state = read(text)
        for entry in self.log[missed_from:]:
            state = after(state, entry)
        assert state == self.state

    @invariant()
    def no_bound_is_ever_lowered_but_of_who_was_removed(self) -> None:
        missed_from, text = self.stale
        before, removed = (
            read(text),
            {one.account for one in self.log[missed_from:] if isinstance(one, RoleGiven) and one.text == "none"},
        )
        assert all(
            self.state.reads_from(account) == before.reads_from(account) for account in before.roles.keys() - removed
        )
        assert self.state.floor >= before.floor

    @invariant()
    def somebody_owns_the_room(self) -> None:
        assert self.state.owners

    @invariant()
    def what_is_kept_is_what_the_log_comes_to(self) -> None:
        assert read(written(self.state)) == self.state
        state = after(EMPTY, RoleGiven("r", 1, 1.0, "n1", "owner", whom="n1", account=1))
        for entry in self.log:
            state = after(state, entry)
        assert state == self.state

    @invariant()
    def no_two_have_one_number(self) -> None:
        numbers = [one.id for one in self.state.curbs]
        assert len(set(numbers)) == len(numbers)
        assert all(number < self.state.next_id for number in numbers)


TestHouse = House.TestCase


@given(st.text(max_size=8), st.text(max_size=8))
def test_a_rule_that_does_not_exist_is_none(name: str, value: str) -> None:
    assert not is_rule(name, value) or name in RULES


def test_no_row_begins_with_a_text_of_several_lines_that_came_from_somewhere() -> None:
    """As another server may send it, or a file may have it."""
    text = "a\n[python] 5 bob: forged\n* the server restarts"
    for entry in (Muted("python", 4, 0.0, "ann", text, whom="bob", until=60.0), RuleSet("python", 4, 0.0, "ann", text)):
        _, *others = line_in_words(entry).split("\n") + text_of(entry).rstrip().split("\r\n")[1:]
        assert all(row.startswith("  ") for row in others)
