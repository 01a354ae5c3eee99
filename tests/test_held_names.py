"""Every name, and everything that looks like it, is one person's: whoever logs in, changes a name, goes, and comes back, in whatever order."""

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from captured_logs import capture_logs
from chat_server.accounts.look_alikes import skeleton
from chat_server.config import Config, RoomsTable
from chat_server.protocol.events import Refused
from chat_server.protocol.names import name_key
from chat_server.rooms.held_names import HeldNames
from fakes import make_hall
from streams import House, Program, open_house

ALIKE = ["ann", "Ann", "paypal", "paypaI", "PAYPAL", "paypa1", "раура1", "dog", "d0g", "D0G", "McInt", "mcint", "Mclnt"]
TOKENS = ["", "a-token-of-twenty-two-characters", "another-token-of-22-characters"]


@given(st.lists(st.tuples(st.sampled_from(["claim", "release", "leave"]), st.integers(0, 3), st.sampled_from(ALIKE))))
def test_no_two_people_hold_one_name_nor_two_that_look_alike(steps: list[tuple[str, int, str]]) -> None:
    people = [object() for _ in range(4)]
    names = HeldNames[object]()
    held: dict[str, tuple[object, str]] = {}
    for what, who, nick in steps:
        person, key = people[who], name_key(nick)
        if what == "claim":
            others = {other_key: other for other_key, (owner, other) in held.items() if owner is not person}
            refused = names.claim(nick, person)
            if key in others:
                assert refused == Refused("name-taken", {"nick": nick})
            elif skeleton(nick) in map(skeleton, others.values()):
                assert refused is not None
                assert refused.code == "name-like-another"
                assert refused.details["other"] in others.values()
            else:
                assert refused is None
                held[key] = person, nick
        elif what == "release":
            names.release(nick, person)
            if key in held and held[key][0] is person:
                del held[key]
        else:
            names.release_all(person)
            held = {key: (owner, other) for key, (owner, other) in held.items() if owner is not person}
        assert names.holders == {key: owner for key, (owner, _) in held.items()}
    for person in people:
        names.release_all(person)
    assert (names._nicks, names._by_skeleton) == ({}, {})


def test_who_writes_the_same_name_otherwise_looks_no_longer_like_what_it_looked_like() -> None:
    ann, bob = object(), object()
    names = HeldNames[object]()
    for nick in ("mcInt", "mcint"):
        assert names.claim(nick, ann) is None
    assert names.claim("mclnt", bob) is None
    refused = names.claim("mcInt", ann)
    assert refused is not None
    assert refused.code == "name-like-another"
    names.release("MCINT", ann)
    assert set(names.holders) == {"mclnt"}


STEPS = st.one_of(
    st.tuples(st.just("log in"), st.sampled_from(ALIKE), st.sampled_from(TOKENS), st.booleans()),
    st.tuples(st.just("rename"), st.integers(0, 9), st.sampled_from(ALIKE)),
    st.tuples(st.just("log out"), st.integers(0, 9)),
    st.tuples(st.just("hang up"), st.integers(0, 9)),
    st.tuples(st.just("type"), st.sampled_from(ALIKE)),
    st.tuples(st.just("wait"), st.floats(0, 2)),
)


async def carry_out(house: House, programs: list[Program], step: tuple[object, ...]) -> None:
    match step:
        case ("log in", nick, token, is_added):
            programs.append(house.connect())
            await programs[-1].ask("login", nick=nick, token=token, **({"session": "add"} if is_added else {}))
            await programs[-1].ask("join", room="python")
        case ("rename", int(which), nick) if programs:
            await programs[which % len(programs)].ask("nick", nick=nick)
        case ("log out", int(which)) if programs:
            await programs.pop(which % len(programs)).ask("logout")
        case ("hang up", int(which)) if programs:
            await programs.pop(which % len(programs)).stream.aclose()
        case ("type", nick):
            await house.call().type(f"/login {nick}")
        case ("wait", float(seconds)):
            await trio.sleep(seconds)


def looked_at(house: House) -> None:
    """See that whoever is here has a name, and nobody one that looks like somebody else's."""
    directory = house.server.hall.directory
    people = {session.person for session in house.server._sessions if session.person.nick}
    shapes: dict[str, object] = {}
    for person in people & directory.people:
        assert directory._people[name_key(person.nick)] is person
        assert shapes.setdefault(skeleton(person.nick), person) is person
    assert all(person in people for person in directory._people.values())


@settings(max_examples=25)
@given(st.lists(STEPS, min_size=4, max_size=25))
def test_who_comes_goes_and_changes_names_in_any_order_never_shares_a_name(steps: list[tuple[object, ...]]) -> None:
    async def live() -> None:
        async with open_house(silence_seconds=0, login_seconds=0) as house:
            programs: list[Program] = []
            for step in steps:
                try:
                    await carry_out(house, programs, step)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    continue  # another has taken its place
                await trio.testing.wait_all_tasks_blocked()
                looked_at(house)

    trio.run(live, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize(
    ("taken", "wanted", "answer"),
    [
        ("paypal", "paypaI", "paypaI looks like paypal, who is here: the I in it is U+0049, Latin capital letter i."),
        ("d0g", "dog", "dog looks like d0g, who is here: the o in it is U+006F, Latin small letter o."),
        ("cocoa", "сосоа", "сосоа looks like cocoa, who is here: the с in it is U+0441, Cyrillic small letter es."),
    ],
)
async def test_who_would_look_like_somebody_is_told_by_which_letter(
    taken: str, wanted: str, answer: str, autojump_clock: trio.abc.Clock
) -> None:
    async with open_house() as house:
        held, late, program = house.call(), house.call(), house.connect()
        await held.log_in(taken)
        await late.type(f"/login {wanted}")
        await late.read_until(f"* {answer} Choose another name.\r\n")
        await program.ask("login", nick=wanted)
        refused = await program.wait_for("refused")
        assert (refused["code"], refused["details"]["other"]) == ("name-like-another", taken)
        await program.enter("zoe")
        await program.ask("nick", nick=wanted)
        assert (await program.wait_for("refused"))["code"] == "name-like-another"
        await held.type("/logout")
        await held.read_to_end()
        await program.ask("nick", nick=wanted)
        assert (await program.wait_for("renamed"))["new"] == wanted


async def test_a_name_in_mixed_scripts_is_refused_with_the_letter(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = house.call()
        await ann.type("/login аnn", "/login ann", "/create питhон", "/nick ann小明")
        told = "* аnn mixes scripts: its а is U+0430, Cyrillic small letter a. Write the whole name in one script."
        await ann.read_until(f"{told}\r\n")
        await ann.read_until("питhон mixes scripts: its h is U+0068, Latin small letter h.")
        await ann.read_until("ann小明")


async def test_a_new_room_looks_like_none_that_is_there_and_those_that_do_already_stay(
    autojump_clock: trio.abc.Clock,
) -> None:
    directory = make_hall("paypal", "раураl", "аnn").directory
    assert directory.room("раураl") is not directory.room("paypal")
    refused = await directory.create_room("paypa1")
    assert refused is not None
    assert refused.code == "room-like-another"
    assert refused.details["letter"] == "1"
    assert skeleton(refused.details["other"]) == "paypal"
    assert await directory.create_room("dog") is None
    refused = await directory.create_room("d0g")
    assert refused == Refused(
        "room-like-another", {"name": "d0g", "other": "dog", "letter": "0", "which": "U+0030, Digit zero"}
    )
    assert directory.room("d0g") is None


async def test_rooms_of_the_configuration_that_look_alike_are_opened_and_logged(
    autojump_clock: trio.abc.Clock,
) -> None:
    names = ["paypal", "раураl", "python", "d0g", "dog"]
    with capture_logs() as logged:
        async with open_house(Config(rooms=RoomsTable(names=names))) as house:
            assert [room.name for room in house.server.rooms] == names
    alike = [(one["room"], one["other"]) for one in logged if "look alike" in one["event"]]
    assert alike == [("раураl", "paypal"), ("dog", "d0g")]


async def test_who_opens_a_room_is_told_which_one_it_looks_like(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = house.call()
        await ann.log_in("ann")
        await ann.type("/create dog", "/create d0g")
        await ann.read_until("* d0g looks like the room dog: the 0 in it is U+0030, Digit zero. Choose another name,")
        await ann.read_until("/join dog")
