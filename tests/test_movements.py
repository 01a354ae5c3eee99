"""Who comes, goes and is called otherwise in a turn, worked out before it is stored: pure, with stand-ins for sessions and for who is there."""

from collections import deque
from collections.abc import Callable
from typing import Any, cast

import pytest
import trio

from chat_server.accounts import sender_of
from chat_server.journal.nodes import Called, Came, Elsewhere, Movement, Placed, Speaker, Went
from chat_server.protocol.acts import Kicked
from chat_server.protocol.entries import Said
from chat_server.protocol.events import NotStored, Stored
from chat_server.protocol.requests import Say
from chat_server.protocol.runs import RunTexts, SayRun
from chat_server.rooms.batch import (
    Accepted,
    Acting,
    Arrival,
    Barrier,
    Departure,
    InboxEntry,
    InboxItem,
    Renaming,
    Takeover,
)
from chat_server.rooms.movements import Planned, Planner, is_done_already, is_said_by, not_said_by, with_refused
from chat_server.rooms.person import Person, Proof, person_id
from chat_server.rooms.room import Occupant
from chat_server.rooms.roster import Roster
from chat_server.rooms.shared_members import SharedMembers

NODE, OTHER = 1, 2


class Session:
    """A session, as far as movements go."""

    def __init__(
        self, nick: str, account: int = 0, device: int = 0, *, bot: bool = False, person: Person[Any] | None = None
    ) -> None:
        if person is None:
            person = Person(self, history=0, zone="UTC")
            person.nick = nick
            person.account, person.sender = account, sender_of(account) if account else f"token:{nick}"
        self.person = person
        self.proof = Proof(device, is_bot=bot)

    @property
    def rooms(self) -> tuple[str, ...]:
        return ("python",)

    def fail(self) -> None:
        raise AssertionError


def occupant(nick: str, account: int = 0, device: int = 0, *, bot: bool = False) -> Occupant:
    return cast(Occupant, Session(nick, account, device, bot=bot))


def again(session: Occupant, device: int = 0, *, bot: bool = False) -> Occupant:
    """Another session of the same person."""
    return cast(Occupant, Session("", device=device, bot=bot, person=session.person))


class There:
    """Who is there: these sessions here, known to the turns as who they are; and what the turns say."""

    def __init__(self, *sessions: Occupant, elsewhere: tuple[Elsewhere, ...] = (), is_listed: bool = True) -> None:
        self.node = NODE
        self.known = {session: speaker(session) for session in sessions}
        listed = [
            Elsewhere(NODE, who.person, who.device, session.person.nick, session.person.account)
            for session, who in self.known.items()
            if is_listed
        ]
        self.roster = Roster([*elsewhere, *listed])

    @property
    def sessions(self) -> list[Occupant]:
        return [*self.known]

    def speaker(self, session: Occupant) -> Speaker:
        return self.known[session]

    def __contains__(self, session: object) -> bool:
        return session in self.known

    def here(self, person: Person[Any]) -> list[Occupant]:
        return [session for session in self.known if session.person is person]

    def sessions_by(self, who: Speaker) -> int:
        return sum(one == who for one in self.known.values())


def speaker(session: Occupant) -> Speaker:
    return Speaker(person_id(session.person, NODE), session.proof.device)


def entry(session: Occupant, what: InboxItem, nick: str = "") -> InboxEntry:
    return session, nick or session.person.nick, what, ()


def planned(
    there: There,
    *entries: InboxEntry,
    owes: bool = False,
    holds_back: Callable[[str], bool] = lambda _: False,
) -> Planned:
    return Planner(cast(SharedMembers, there), holds_back).plan(entries, owes=owes)


def moves(plan: Planned) -> list[Movement]:
    return [one.movement for one in plan.placed]


def came(session: Occupant, *, was: str = "", bot: bool = False) -> Came:
    who = speaker(session)
    return Came(who.person, who.device, session.person.nick, session.person.account, was, bot)


def went(session: Occupant, *, has_read: bool = True) -> Went:
    who = speaker(session)
    return Went(who.person, who.device, has_read)


def kicked(*, is_done: bool) -> Acting:
    return Acting(Kicked("python", 0, 0.0, "ann", "", whom="eve"), is_done=is_done)


@pytest.fixture
def done() -> trio.Event:
    return trio.Event()


def test_movements_are_placed_after_the_lines_that_are_before_them(done: trio.Event) -> None:
    ann, bob = occupant("ann"), occupant("bob")
    plan = planned(
        There(ann),
        entry(ann, Say("one")),
        entry(ann, SayRun(RunTexts.of(["two", "three"]))),
        entry(ann, kicked(is_done=True)),
        entry(ann, kicked(is_done=False)),
        entry(bob, Arrival(done)),
        entry(ann, Say("four")),
        entry(ann, Departure(done)),
    )
    assert plan.placed == [Placed(5, came(bob)), Placed(6, went(ann))]
    assert plan.of == {done: [went(ann)]}
    assert plan.stored_as == {bob: speaker(bob)}
    assert plan.speakers == {speaker(ann)}
    assert not plan.owed
    first = planned(There(), entry(bob, Arrival(done)))
    assert first.placed == [Placed(0, came(bob))]


def test_what_was_done_already_says_nobody_and_counts_as_a_line(done: trio.Event) -> None:
    ann, bob = occupant("ann"), occupant("bob")
    plan = planned(There(ann), entry(ann, kicked(is_done=True)), entry(bob, Arrival(done)))
    assert plan.speakers == frozenset()
    assert plan.placed == [Placed(1, came(bob))]
    assert is_done_already(kicked(is_done=True)) is True
    assert is_done_already(kicked(is_done=False)) is False
    assert is_done_already(Say("hello")) is False


def test_somebody_comes_with_the_first_of_their_sessions_and_goes_with_the_last(done: trio.Event) -> None:
    ann = occupant("ann")
    second = again(ann)
    assert moves(planned(There(ann), entry(second, Arrival(done)))) == []
    assert moves(planned(There(ann, second), entry(second, Departure(done)))) == []
    assert moves(planned(There(ann), entry(second, Arrival(done)), entry(ann, Departure(done)))) == []
    both = planned(There(ann, second), entry(ann, Departure(done)), entry(second, Departure(done)))
    assert moves(both) == [went(ann)]
    twice = planned(There(), entry(ann, Arrival(done)), entry(second, Arrival(done)))
    assert moves(twice) == [came(ann)]
    assert twice.stored_as == {ann: speaker(ann), second: speaker(second)}
    gone = planned(There(ann), entry(ann, Departure(done)), entry(ann, Departure(done)))
    assert (moves(gone), gone.stored_as) == ([went(ann)], {})
    assert moves(planned(There(), entry(ann, Departure(done)))) == [], "they are not there"
    assert moves(planned(There(), entry(ann, Barrier(done)))) == [], "who waits does not come"
    assert moves(planned(There(ann), entry(ann, Arrival(done)), entry(ann, Departure(done)))) == [went(ann)], "once"


def test_each_device_of_an_account_comes_and_goes_by_itself_and_a_bot_has_read_nothing(done: trio.Event) -> None:
    desk = occupant("ann", 7, 1)
    phone, bot = again(desk, 2), again(desk, 3, bot=True)
    there = There(desk, bot)
    assert moves(planned(there, entry(phone, Arrival(done)))) == [came(phone)]
    assert moves(planned(There(desk), entry(bot, Arrival(done)))) == [came(bot, bot=True)]
    assert moves(planned(there, entry(bot, Departure(done)))) == [went(bot, has_read=False)]
    assert moves(planned(there, entry(desk, Departure(done)))) == [went(desk)]


def test_whoever_takes_the_place_of_their_other_sessions_comes_before_these_go(done: trio.Event) -> None:
    desk = occupant("ann", 7, 1)
    phone, other = again(desk, 2), again(desk, 1)
    plan = planned(There(desk), entry(phone, Takeover((desk,), done)))
    assert moves(plan) == [came(phone), went(desk)]
    assert plan.of == {done: [came(phone), went(desk)]}
    assert plan.stored_as == {phone: speaker(phone)}
    assert moves(planned(There(desk), entry(other, Takeover((desk,), done)))) == [], "at the same device nobody moves"
    assert moves(planned(There(desk), entry(other, Arrival(done)))) == []


def test_somebody_who_is_known_to_come_back_elsewhere_does_not_go_and_comes_again_unseen(done: trio.Event) -> None:
    ann, bob = occupant("ann"), occupant("bob")
    back = again(ann)
    held = {"token:ann"}
    holds_back = held.__contains__
    plan = planned(There(ann, bob), entry(ann, Departure(done)), entry(bob, Departure(done)), holds_back=holds_back)
    assert moves(plan) == [went(bob)]
    left = There()
    left.roster = There(ann).roster
    assert moves(planned(left, entry(back, Arrival(done)), holds_back=holds_back)) == []
    assert moves(planned(There(), entry(back, Arrival(done)), holds_back=holds_back)) == [came(back)], "listed nowhere"
    assert moves(planned(left, entry(back, Arrival(done)))) == [came(back)], "held back no longer"


def test_whoever_comes_is_called_by_their_name_where_the_turns_have_another_for_them(done: trio.Event) -> None:
    ann = occupant("ann")
    elsewhere = (Elsewhere(OTHER, "token:ann", 0, "anna", 0),)
    plan = planned(There(elsewhere=elsewhere), entry(ann, Arrival(done)), entry(ann, Say("hello")))
    assert moves(plan) == [came(ann), Called("token:ann", "ann")]
    assert plan.of == {done: moves(plan)}
    assert plan.names == {}, "the turn has called them so"
    same = (Elsewhere(OTHER, "token:ann", 0, "ann", 0),)
    assert moves(planned(There(elsewhere=same), entry(ann, Arrival(done)))) == [came(ann)]


def test_a_new_name_is_told_once_of_each_whom_the_turns_know_the_person_as(done: trio.Event) -> None:
    ann, bob = occupant("ann"), occupant("bob")
    there = There(ann, bob)
    ann.person.nick = "anna"
    plan = planned(
        there, entry(ann, Renaming(done), "anna"), entry(ann, Renaming(done), "anna"), entry(bob, Say("hello"))
    )
    assert moves(plan) == [Called("token:ann", "anna")]
    assert plan.names == {"token:bob": "bob"}
    assert moves(planned(There(bob), entry(ann, Renaming(done), "anna"))) == [], "they are not there"
    # Who comes in the same turn is called so too, and nobody else who does.
    carl, dora = occupant("carl"), occupant("dora")
    plan = planned(There(), entry(carl, Arrival(done)), entry(dora, Arrival(done)), entry(carl, Renaming(done), "karl"))
    assert moves(plan) == [came(carl), came(dora), Called("token:carl", "karl")]
    gone = planned(There(carl), entry(carl, Departure(done)), entry(carl, Renaming(done), "karl"))
    assert moves(gone) == [went(carl)]


def test_what_is_said_is_said_under_the_name_that_the_turns_have(done: trio.Event) -> None:
    ann, bob = occupant("ann"), occupant("bob")
    there = There(ann, elsewhere=(Elsewhere(OTHER, "token:bob", 0, "robert", 0),))
    plan = planned(
        there,
        entry(ann, Say("as before"), "a long time ago"),
        entry(ann, Say("once more")),
        entry(ann, Renaming(done), "anna"),
        entry(ann, Say("as anna"), "ann"),
        entry(bob, Say("not here yet")),
    )
    assert [(nick, what.text) for _, nick, what, _ in plan.entries if isinstance(what, Say)] == [
        ("ann", "as before"),
        ("ann", "once more"),
        ("anna", "as anna"),
        ("robert", "not here yet"),
    ]
    assert plan.names == {"token:ann": "ann", "token:bob": "robert"}
    nobody = planned(There(), entry(bob, Say("hello")))
    assert (nobody.names, nobody.entries[0][1]) == ({"token:bob": "bob"}, "bob")


def accepted(author: int, text: str = "let me") -> Accepted:
    return Accepted(Said("python", 0, 0.0, "eve", text, author), "sender", "key", [])


def test_who_says_what_a_moderator_accepts_are_both_as_long_as_the_author_has_an_account() -> None:
    ann = occupant("ann", 7, 1)
    with_account = planned(There(ann), entry(ann, accepted(9)), entry(ann, accepted(10)))
    assert with_account.speakers == {speaker(ann), Speaker(sender_of(9), 0), Speaker(sender_of(10), 0)}
    assert planned(There(ann), entry(ann, accepted(0))).speakers == {speaker(ann)}


def test_whoever_is_here_and_not_there_by_the_turns_has_come_and_whoever_is_only_there_has_gone() -> None:
    ann, bob, carl = occupant("ann"), occupant("bob"), occupant("carl", 7, 2, bot=True)
    second = again(ann)
    there = There(ann, second, carl, is_listed=False)
    there.roster = There(bob, occupant("dora")).roster
    plan = planned(there, owes=True, holds_back={"token:dora"}.__contains__)
    assert moves(plan) == [came(ann), came(carl, bot=True), went(bob, has_read=False)]
    assert plan.owed == moves(plan)
    assert plan.of == {}
    assert plan.stored_as == {}
    assert moves(planned(there, owes=False)) == []
    assert moves(planned(There(ann), owes=True)) == [], "they are there by the turns already"


def test_whoever_is_owed_is_named_by_their_name_unless_the_turns_have_another() -> None:
    ann = occupant("ann")
    there = There(ann, is_listed=False)
    plan = planned(there, entry(ann, Say("hello"), "an older name"), owes=True)
    assert plan.names == {"token:ann": "ann"}
    there.roster = Roster([Elsewhere(OTHER, "token:ann", 0, "anna", 0)])
    plan = planned(there, entry(ann, Say("hello")), owes=True)
    assert (moves(plan), plan.names) == ([came(ann)], {"token:ann": "anna"})


def test_who_has_an_account_since_the_turns_heard_of_them_goes_on_as_its_holder_and_as_nobody_else(
    done: trio.Event,
) -> None:
    ann = occupant("ann")
    second = again(ann)
    there = There(ann, second)
    ann.person.account, ann.person.sender = 7, sender_of(7)
    at_devices(ann, second, 1, 2)
    plan = planned(there, entry(ann, Departure(done)), entry(second, Departure(trio.Event())), owes=True)
    assert plan.owed == [
        Came(sender_of(7), 1, "ann", 7, "token:ann"),
        Came(sender_of(7), 2, "ann", 7, "token:ann"),
        Went("token:ann", 0, has_read=False),
    ]
    assert plan.of[done] == [Went(sender_of(7), 1)]
    assert moves(plan)[3:] == [Went(sender_of(7), 1), Went(sender_of(7), 2)]
    # At one device there are two sessions of theirs: they go with the last of them.
    at_devices(ann, second, 1, 1)
    plan = planned(there, entry(ann, Departure(done)), owes=True)
    assert moves(plan) == [Came(sender_of(7), 1, "ann", 7, "token:ann"), Went("token:ann", 0, has_read=False)]
    plan = planned(there, owes=True)
    assert plan.stored_as == {ann: Speaker(sender_of(7), 1), second: Speaker(sender_of(7), 1)}
    # Whoever comes by how they were known until now is the first who does.
    guest = occupant("ann")
    plan = planned(there, entry(guest, Arrival(done)), owes=True)
    assert moves(plan)[2:] == [Came("token:ann", 0, "ann")]
    device = There(ann)
    at_devices(ann, second, 3, 3)
    assert planned(device, owes=True).owed == [
        Came(sender_of(7), 3, "ann", 7),
        Went(sender_of(7), 1, has_read=False),
    ], "another device is nobody new"


def at_devices(one: Occupant, other: Occupant, first: int, second: int) -> None:
    """Two sessions are at these devices from now on."""
    for session, device in ((one, first), (other, second)):
        cast(Session, session).proof = Proof(device)


def test_what_some_say_is_left_out_and_everything_else_stays(done: trio.Event) -> None:
    ann, bob, mod = occupant("ann"), occupant("bob"), occupant("mod", 7, 1)
    entries = [
        entry(ann, Say("one")),
        entry(ann, SayRun(RunTexts.of(["two", "three"]))),
        entry(bob, Say("four")),
        entry(ann, kicked(is_done=True)),
        entry(ann, kicked(is_done=False)),
        entry(ann, Arrival(done)),
        entry(ann, Barrier(done)),
        entry(mod, accepted(9)),
        entry(mod, accepted(0)),
    ]
    left = [said for said in entries if said not in (entries[0], entries[1], entries[4])]
    assert not_said_by(entries, {speaker(ann)}, NODE) == left
    assert not_said_by(entries, set(), NODE) is entries
    assert [is_said_by(one, {Speaker(sender_of(9), 0)}, NODE) for one in entries] == [False] * 7 + [True, False]
    assert [is_said_by(one, {Speaker(sender_of(0), 0)}, NODE) for one in entries] == [False] * 9
    assert [is_said_by(one, {speaker(mod)}, NODE) for one in entries] == [False] * 7 + [True, True]
    assert is_said_by(entries[3], {speaker(ann)}, NODE) is False
    assert is_said_by(entry(ann, kicked(is_done=True)), {speaker(ann)}, NODE) is False


def test_of_what_some_say_who_were_refused_each_line_is_told_as_not_stored_in_its_place() -> None:
    ann, bob = occupant("ann"), occupant("bob")
    entries = [
        entry(ann, Say("one", key="a")),
        entry(bob, SayRun(RunTexts.of(["two", "three"]))),
        entry(bob, Say("four", key="b")),
        entry(ann, SayRun(RunTexts.of(["five", "six"]))),
        entry(bob, Arrival(trio.Event())),
        entry(bob, Say("seven", key="c")),
    ]
    stored = [Said("python", number, 0.0, "bob", str(number)) for number in range(4)]
    answers: Any = deque([(bob, Stored("python", 2, "b"))])
    found, told, is_plain = with_refused("python", entries, stored, answers, ({speaker(ann)}, NODE))
    assert [*found] == [None, stored[0], stored[1], stored[2], None, None, stored[3]]
    assert [(who, event) for who, event in told] == [
        (bob, Stored("python", 2, "b")),
        (ann, NotStored("python", 1, "a")),
        (ann, NotStored("python", 1, "")),
        (ann, NotStored("python", 1, "")),
    ]
    assert is_plain is False
