"""Several servers with one journal as people and programs see them: one server, at whichever node they are. Whole servers, on virtual time."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
import trio

from captured_logs import capture_logs
from chat_server.accounts import NewDevice
from chat_server.accounts.authentication import LetIn
from chat_server.config import AccountsTable, Config
from chat_server.journal import JournalError
from chat_server.journal.happened import RoomMade, RoomRenamed
from chat_server.journal.kept_in_memory import Kept
from chat_server.journal.memory import MemoryJournal
from chat_server.journal.nodes import Came
from chat_server.protocol.events import Refused
from chat_server.rooms import owed
from chat_server.rooms.other_nodes import HEARD_SECONDS
from chat_server.rooms.owed import TOLD_AT_ONCE
from chat_server.rooms.person import Person, person_id
from chat_server.server.changes_elsewhere import CHANGE_SECONDS
from node_houses import NodeHouse, open_nodes
from streams import Program
from test_persons import heard, visits
from test_signing_in import CANARY, HERE, holder, register, told

TOKEN = "a-token-of-twenty-two-characters"  # noqa: S105 - nobody owns it


def texts(events: Sequence[dict[str, Any]]) -> list[str]:
    return [event["text"] for event in events if event["is"] == "said"]


def people(house: NodeHouse) -> list[Person[Any]]:
    """Who is at a node by an account."""
    return [person for person in house.server._directory.people if person.account]


async def settled() -> None:
    """All has been heard everywhere, and who came and went has been told."""
    await trio.sleep(5)


# Names.


async def test_a_name_of_somebody_at_a_terminal_is_refused_at_the_other_node(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes() as (a, b):
        ann, other = a.call(), b.call()
        await ann.log_in("ann")
        await other.type("/login Ann")
        await other.read_until("* Ann is taken. Choose another name.")
        await ann.type("/quit")
        await ann.read_to_end()
        await settled()
        await other.type("/login Ann")
        await other.read_until("Welcome")


async def test_a_name_that_looks_like_one_at_the_other_node_is_refused(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes() as (a, b):
        await a.call().log_in("paypal")
        refused = await told(b.connect(), "login", nick="paypaI")
        assert (refused["code"], refused["details"]["other"]) == ("name-like-another", "paypal")


async def test_of_two_who_want_a_name_at_once_at_two_nodes_one_has_it(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(delay=lambda: 0.1) as (a, b):
        ann, other = a.connect(), b.connect()
        await ann.ask("login", nick="ann")
        await other.ask("login", nick="ann")
        assert {(await ann.read())["is"], (await other.read())["is"]} == {"logged-in", "refused"}


async def test_whoever_wants_a_name_that_is_just_being_given_back_here_waits_for_that(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(connections_per_address=0) as (a, _):
        told_at_once = a.node.release

        async def slowly(*what: Any) -> None:
            await trio.sleep(1)
            await told_at_once(*what)

        monkeypatch.setattr(a.node, "release", slowly)
        people = [a.connect() for _ in range(2 * TOLD_AT_ONCE)]
        for number, program in enumerate(people):
            await program.enter(f"ann{number}")
        for program in people:
            await program.ask("logout")
        for program in people:
            await program.read_to_end()
        began = trio.current_time()
        assert (await told(a.connect(), "login", nick=f"Ann{2 * TOLD_AT_ONCE - 1}"))["is"] == "logged-in"
        assert 1 < trio.current_time() - began < 3


async def test_who_hangs_up_while_a_name_is_asked_for_has_it_no_longer(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(delay=lambda: 1.0) as (a, b):
        ann = a.connect()
        await ann.ask("login", nick="ann")
        await trio.sleep(0.5)
        await ann.stream.aclose()
        await trio.sleep(20)
        assert (await told(b.connect(), "login", nick="ann"))["is"] == "logged-in"


async def test_a_name_that_the_engine_could_not_give_is_free_and_whoever_asked_is_told_so(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes() as (a, b):
        given = a.node.claim

        async def given_and_never_known(*asked: Any) -> None:
            await given(*asked)
            raise JournalError("the connection was lost")

        monkeypatch.setattr(a.node, "claim", given_and_never_known)
        ann = a.connect()
        assert (await told(ann, "login", nick="ann"))["code"] == "engine-away"
        await settled()
        assert (await told(b.connect(), "login", nick="ann"))["is"] == "logged-in"


async def test_where_the_engine_says_nothing_one_is_told_so_within_ten_seconds(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> None:
        await trio.sleep_forever()

    async with open_nodes() as (a, _):
        monkeypatch.setattr(a.node, "claim", never)
        with trio.fail_after(10.5):
            assert (await told(a.connect(), "login", nick="ann"))["code"] == "engine-away"


async def test_a_name_is_given_back_to_an_engine_that_was_away(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise JournalError("the engine is away")

    async with open_nodes() as (a, b):
        ann = a.connect()
        await ann.enter("ann")
        with monkeypatch.context() as patched:
            patched.setattr(a.node, "release", away)
            await ann.log_out()
            await settled()
            assert (await told(b.connect(), "login", nick="ann"))["code"] == "name-taken"
        await settled()
        assert (await told(b.connect(), "login", nick="ann"))["is"] == "logged-in"


async def test_where_the_engine_is_owed_too_much_nobody_is_given_a_name(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise JournalError("the engine is away")

    monkeypatch.setattr(owed, "OWED_MAX", 2)
    async with open_nodes(connections_per_address=0) as (a, _):
        people = [a.connect() for _ in range(TOLD_AT_ONCE + 2)]
        for number, program in enumerate(people):
            await program.enter(f"ann{number}")
        with monkeypatch.context() as patched:
            patched.setattr(a.node, "release", away)
            for program in people:
                await program.log_out()
            assert (await told(a.connect(), "login", nick="bob"))["code"] == "engine-away"
        await settled()
        assert (await told(a.connect(), "login", nick="bob"))["is"] == "logged-in"


async def test_a_person_at_two_nodes_has_one_name_and_another_one_at_both(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes() as (a, b):
        bob = b.connect()
        await bob.enter("bob", "python")
        desk, phone = a.connect(), b.connect()
        await desk.enter("ann", "python", token=TOKEN)
        added = await phone.enter("whoever", "python", "pm", token=TOKEN, session="add")
        assert added["nick"] == "ann"
        await settled()
        await heard(bob)
        await heard(phone)
        await desk.ask("nick", nick="anna")
        await settled()
        assert visits(await heard(bob)) == [("renamed", "python", "ann", "anna")]
        assert sorted(visits([event for event in await heard(phone) if event.get("room")])) == [
            ("renamed", "pm", "ann", "anna"),
            ("renamed", "python", "ann", "anna"),
        ]
        await phone.ask("say", room="pm", text="x")
        assert (await phone.wait_for("said"))["nick"] == "anna"
        assert (await told(b.connect(), "login", nick="ann"))["is"] == "logged-in"
        assert (await told(a.connect(), "login", nick="anna"))["code"] == "name-taken"


async def test_a_person_who_takes_two_names_at_once_at_two_nodes_has_the_one_of_them_at_both(
    autojump_clock: trio.abc.Clock,
) -> None:
    for late in (0.0, 0.1, 0.2, 0.3, 0.5):
        async with open_nodes(delay=lambda: 0.2) as (a, b):
            desk = a.connect()
            await desk.enter("ann", "python", token=TOKEN)
            phone = b.connect()
            await phone.enter("ann", "python", token=TOKEN, session="add")
            await desk.ask("nick", nick="anna")
            await trio.sleep(late)
            await phone.ask("nick", nick="anne")
            await settled()
            nicks = {session.nick for house in (a, b) for session in house.server._sessions}
            assert len(nicks) == 1
            assert {nick for house in (a, b) for room in house.server.rooms for nick in room.nicks} == nicks
            assert {held.nick for held in a.node._kept.nodes.names._held.values()} == nicks


async def test_a_node_that_hears_late_of_a_name_does_not_give_its_person_the_one_before_again(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes() as (a, b):
        bob = a.connect()
        await bob.enter("bob", "python")
        desk, phone = a.connect(), b.connect()
        await desk.enter("ann", "python", token=TOKEN)
        await phone.enter("ann", "python", token=TOKEN, session="add")
        await settled()
        await heard(bob)
        b.node.hears_late = 20.0
        await desk.ask("nick", nick="anna")
        for _ in range(8):
            await trio.sleep(2)
            await desk.ask("say", room="python", text="x")
            assert (await bob.wait_for("said"))["nick"] == "anna"
        assert {one.nick for one in a.node._kept.rooms["python"].people.values()} == {"bob", "anna"}
        await trio.sleep(20)
        assert visits(await heard(bob)) == []
        assert {session.nick for session in b.server._sessions} == {"anna"}


async def test_who_comes_back_to_a_node_that_has_not_heard_of_their_name_is_called_by_it(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes() as (a, b):
        bob = b.connect()
        await bob.enter("bob", "python")
        await a.connect().enter("ann", "python", token=TOKEN)
        await settled()
        a.node.hears_late = 20.0
        elsewhere = b.connect()
        await elsewhere.enter("ann", token=TOKEN)
        await elsewhere.ask("nick", nick="anna")
        await trio.sleep(1)
        back = a.connect()
        assert (await back.enter("ann", token=TOKEN))["nick"] == "anna"
        await back.ask("say", room="python", text="x")
        assert (await bob.wait_for("said"))["nick"] == "anna"
        assert {one.nick for one in a.node._kept.rooms["python"].people.values()} == {"bob", "anna"}


async def test_a_name_of_which_a_node_that_fails_has_told_rooms_and_nobody_else_is_heard_of_by_those(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes() as (a, b):
        bob = a.connect()
        await bob.enter("bob", "python")
        desk, phone = a.connect(), b.connect()
        await desk.enter("ann", "python", token=TOKEN)
        await phone.enter("ann", "python", token=TOKEN, session="add")
        await settled()

        async def never(*_: object) -> None:
            await trio.sleep_forever()

        monkeypatch.setattr(a.node, "renamed", never)
        await desk.ask("nick", nick="anna")
        await settled()
        await phone.ask("say", room="python", text="x")
        assert (await bob.wait_for("said"))["nick"] == "anna"
        assert {session.nick for session in b.server._sessions} == {"anna"}
        assert {held.nick for held in a.node._kept.nodes.names._held.values()} == {"anna", "bob"}


async def test_whoever_has_another_name_while_they_come_into_a_room_is_in_it_by_that(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(delay=lambda: 0.2) as (a, b):
        bob = b.connect()
        await bob.enter("bob", "python")
        eve = a.connect()
        await eve.enter("eve", "python")
        desk = a.connect()
        await desk.enter("ann", token=TOKEN)
        phone = a.connect()
        await phone.enter("ann", token=TOKEN, session="add")
        await settled()
        await heard(bob)
        await phone.ask("nick", nick="anna")
        await trio.sleep(0.2)
        await eve.ask("say", room="python", text="x")
        await trio.sleep(0.1)
        await desk.ask("join", room="python")  # she is still called ann, and comes in with the next turn
        await trio.sleep(0.8)
        await desk.ask("say", room="python", text="y")
        await trio.sleep(0.6)
        assert {one.nick for one in a.node._kept.rooms["python"].people.values()} == {"bob", "eve", "anna"}
        await settled()
        assert [event["nick"] for event in await heard(bob) if event["is"] == "said"] == ["eve", "anna"]


# To come back at another node.


async def test_who_comes_back_to_a_node_that_ends_has_not_come_twice(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes() as (a, _):
        ann = a.connect()
        await ann.enter("ann", "python", token=TOKEN)
        await settled()
        a.node.life.leave()
        await ann.stream.aclose()
        await settled()
        ann = a.connect()
        await ann.enter("ann", "python", token=TOKEN)
        await ann.ask("say", room="python", text="x")
        await settled()
        turns = a.node._kept.rooms["python"].turns
        assert [type(placed.movement) for turn in turns for placed in turn.movements] == [Came]
        assert visits(await heard(ann)) == []


async def test_a_program_taken_over_from_another_node_misses_nothing_and_nobody_sees_it_leave(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes() as (a, b):
        bob, cat = a.connect(), b.connect()
        await bob.enter("bob", "python", "pm")
        await cat.enter("cat", "python")
        ann = a.connect()
        await ann.enter("ann", "python", "pm", token=TOKEN)
        await settled()
        for program in (bob, cat, ann):
            await heard(program)
        await ann.ask("say", room="python", text="before", key="k1")
        await bob.ask("say", room="python", text="one")
        await settled()
        before = await heard(ann)
        assert texts(before) == ["before", "one"]
        last = max(event["seq"] for event in before if event["is"] == "said")
        again = b.connect()
        answer = await again.enter("ann", token=TOKEN)
        assert sorted(answer["rooms"]) == ["pm", "python"]
        await bob.ask("say", room="python", text="two")
        await again.ask("say", room="python", text="before", key="k1")  # it may not have been stored
        await again.ask("resume", rooms={"python": last})
        await settled()
        assert (await ann.rest())[-1]["why"] == "taken-over"
        events = await heard(again)
        assert sorted({(event["seq"], event["text"]) for event in said_in(events)}) == [(last + 1, "two")]
        await settled()
        for program in (bob, cat):
            events = await heard(program)
            assert visits(events) == []
            assert [text for text in texts(events) if text == "before"] in ([], ["before"])
        await again.ask("say", room="pm", text="still here")
        await settled()
        assert texts(await heard(bob)) == ["still here"]
        assert [len(room.nicks) for room in (*a.server.rooms, *b.server.rooms) if room.name == "pm"] == [2, 2]


async def test_who_knows_more_of_a_room_than_there_is_waits_a_moment_for_all_rooms_together(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes() as (a, _):
        ann = a.connect()
        await ann.enter("ann")
        began = trio.current_time()
        await ann.ask("resume", rooms=dict.fromkeys(("python", "write", "pm"), 4711))
        assert [(await ann.wait_for("page"))["last"] for _ in range(3)] == [0, 0, 0]
        assert trio.current_time() - began < HEARD_SECONDS + 1


@pytest.mark.parametrize("seed", range(8))
async def test_a_program_that_goes_from_node_to_node_while_others_talk_hears_each_line_once_and_says_each_once(
    autojump_clock: trio.abc.Clock, seed: int
) -> None:
    chance = Random(seed)  # noqa: S311 - the same delays every time
    delays = (0.0, 0.0, 0.05, 0.3)
    async with open_nodes(3, delay=lambda: chance.choice(delays), messages_per_second=0) as houses:
        witnesses: list[Program] = []
        for number, house in enumerate(houses):
            witnesses.append(house.connect())
            await witnesses[-1].enter(f"bob{number}", "python")
        heard_by_ann, last = dict[int, str](), 0
        ann = houses[0].connect()
        await ann.enter("ann", "python", token=TOKEN)
        await settled()
        for witness in witnesses:
            await heard(witness)
        for number in range(12):
            await chance.choice(witnesses).ask("say", room="python", text=f"b{number}")
            await ann.ask("say", room="python", text=f"a{number}", key=f"a{number}")
            await trio.sleep(chance.uniform(0, 0.4))
            if (
                number % 3 == 2
            ):  # the line is lost, and nobody but she knows: she comes elsewhere, and says again what may not have come
                last = max([last, *heard_by_ann])
                ann = chance.choice(houses).connect()
                await ann.enter("ann", token=TOKEN)
                await ann.ask("resume", rooms={"python": last})
                await ann.ask("say", room="python", text=f"a{number}", key=f"a{number}")
            for line in said_in(await heard(ann)):
                assert line["seq"] not in heard_by_ann
                heard_by_ann[line["seq"]] = line["text"]
        await settled()
        heard_by_ann |= {line["seq"]: line["text"] for line in said_in(await heard(ann))}
        assert sorted(heard_by_ann) == [*range(1, 25)]
        assert sorted(heard_by_ann.values()) == sorted(f"{who}{number}" for who in "ab" for number in range(12))
        for witness in witnesses:
            events = await heard(witness)
            assert visits(events) == []
            assert {line["seq"]: line["text"] for line in said_in(events)} == heard_by_ann
        assert [
            room.nicks.count("ann") for house in houses for room in house.server.rooms if room.name == "python"
        ] == [1] * 3
        assert sum(session.nick == "ann" for house in houses for session in house.server._sessions) == 1


def said_in(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines, live or of pages."""
    lines = [event for event in events if event["is"] == "said"]
    for event in events:
        lines += [line for line in event.get("lines", ()) if isinstance(line, dict)]
    return lines


async def test_who_is_added_at_another_node_leaves_the_others_as_they_are(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes() as (a, b):
        desk, phone = a.connect(), b.connect()
        await desk.enter("ann", "python", token=TOKEN)
        await phone.enter("ann", "python", token=TOKEN, session="add")
        await settled()
        await heard(desk)
        await phone.ask("say", room="python", text="x")
        assert texts(await heard(desk)) == ["x"]


@pytest.mark.parametrize("has_account", [False, True])
async def test_the_sessions_of_one_person_count_at_all_nodes(has_account: bool, autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(3, config=accounts(), sessions_per_person=4) as (a, b, c):
        token = (await register(a))["token"] if has_account else TOKEN

        async def one_more(house: NodeHouse) -> dict[str, Any]:
            return await told(house.connect(HERE), "login", nick="ann", token=token, session="add")

        for house in (a, a, a, b):
            assert (await one_more(house))["is"] == "logged-in"
        await trio.sleep(1)
        for house in (a, b, c):
            refused = await one_more(house)
            assert (refused["code"], refused["details"]) == ("too-many-sessions", {"limit": "4"})
        await trio.sleep(20)  # it is told again
        assert (await one_more(c))["is"] == "refused"
        (kicked, _) = await c.ask_as_operator("kick", name="ann")
        assert [one["sessions"] for one in kicked["elsewhere"]] == [3, 1]
        await trio.sleep(1)
        for house in (c, c, c, b):
            assert (await one_more(house))["is"] == "logged-in"


async def test_who_takes_the_place_of_their_sessions_comes_in_however_many_they_are(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(config=accounts(), sessions_per_person=2) as (a, b):
        for _ in range(2):
            await told(a.connect(HERE), "login", nick="ann", token=TOKEN, session="add")
        await trio.sleep(1)
        ann = b.connect(HERE)
        assert (await told(ann, "login", nick="ann", token=TOKEN))["is"] == "logged-in"
        await trio.sleep(2)
        assert (await told(b.connect(HERE), "login", nick="ann", token=TOKEN, session="add"))["is"] == "logged-in"


async def test_who_goes_from_node_to_node_and_back_at_once_is_where_they_came_last(
    autojump_clock: trio.abc.Clock,
) -> None:
    for number in range(12):
        delays = iter((number * 0.05, 0.1, 0.0, 0.2) * 1000)
        async with open_nodes(delay=lambda delays=delays: next(delays)) as (a, b):  # type: ignore[misc]
            await a.connect().enter("ann", "python", token=TOKEN)
            await b.connect().enter("ann", token=TOKEN)
            third = a.connect()
            await third.enter("ann", token=TOKEN)
            await trio.sleep(10)
            rooms = [session.rooms for house in (a, b) for session in house.server._sessions if session.nick]
            assert rooms == [("python",)]
            await third.ask("say", room="python", text="here")
            assert (await third.wait_for("said"))["text"] == "here"


async def test_who_comes_from_a_room_of_which_the_node_has_not_heard_yet_is_in_it(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes() as (a, b):
        await settled()
        b.node.hears_late = 1.0
        ann = a.connect()
        await ann.enter("ann", token=TOKEN)
        await ann.ask("create", room="lisp")
        await ann.ask("join", room="lisp")
        await ann.wait_for("entered")
        again = b.connect()
        assert (await again.enter("ann", token=TOKEN))["rooms"] == ["lisp"]
        assert (await again.wait_for("entered"))["room"] == "lisp"


# Accounts.


def accounts() -> Config:
    return Config(accounts=AccountsTable(registration="open"))


async def test_who_registers_at_a_node_has_the_account_at_all_by_all_their_sessions(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(config=accounts()) as (a, b):
        bob = b.connect()
        await bob.enter("bob", "python")
        desk, phone = a.connect(HERE), b.connect(HERE)
        await desk.enter("ann", "python", token=TOKEN)
        await phone.enter("ann", "python", "pm", token=TOKEN, session="add")
        await settled()
        await heard(bob)
        assert (await told(desk, "register", nick="ann", password=CANARY))["is"] == "registered"
        await settled()
        events = await heard(bob)
        assert visits(events) == []
        assert [event["nicks"] for event in events if event["is"] == "account-noted" and event["nicks"]] == [["ann"]]
        assert (await told(phone, "account"))["nick"] == "ann"
        people = [house.server._directory.person("ann") for house in (a, b)]
        assert len({person_id(person, 0) for person in people if person is not None}) == 1
        assert (await told(b.connect(HERE), "login", nick="ann"))["code"] == "name-registered"
        assert (await told(desk, "nick", nick="anna"))["new"] == "anna"
        await settled()
        assert (await told(phone, "account"))["nick"] == "anna"
        for program in (desk, phone):
            await program.stream.aclose()
        await settled()
        assert not a.node._kept.nodes.names._held.keys() - {("bob", b.node.number)}
        (await holder(b, "anna"))


async def test_the_token_of_the_first_account_of_all_lets_in_at_a_node_that_has_not_heard_of_it(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(config=accounts()) as (a, b):
        b.node.hears_late = 5.0
        token = (await register(a))["token"]
        assert (await told(b.connect(HERE), "login", nick="ann", token=token))["is"] == "logged-in"


async def test_passwords_that_are_tried_in_vain_count_at_all_nodes(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(3, config=accounts()) as houses:
        await register(houses[0], "ann")

        async def try_at(house: NodeHouse, password: str) -> dict[str, Any]:
            answer = await told(house.connect(HERE), "login", nick="ann", password=password)
            await trio.sleep(1)
            return answer

        for house in (houses[0], houses[1], houses[2], houses[1], houses[2]):
            assert (await try_at(house, "a wrong password"))["code"] == "wrong-password"
        for house in houses:
            assert (await try_at(house, "a wrong password"))["code"] == "too-many-tries"


async def test_accounts_that_are_made_at_one_network_count_at_all_nodes(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(config=accounts()) as (a, b):
        for number, house in enumerate((a, b)):
            assert (await register(house, f"ann{number}"))["is"] == "registered"
            await trio.sleep(1)
        for number, house in enumerate((a, b)):
            assert (await register(house, f"bob{number}"))["code"] == "registered-too-often"


async def test_of_an_account_and_a_guest_who_want_a_name_at_once_at_two_nodes_one_has_it(
    autojump_clock: trio.abc.Clock,
) -> None:
    for late in (0.0, 0.05, 0.1, 0.15, 0.25):
        async with open_nodes(config=accounts(), delay=lambda: 0.1) as (a, b):
            ann = a.connect(HERE)
            await ann.ask("register", nick="ann", password=CANARY)
            await trio.sleep(late)
            answer = await told(b.connect(HERE), "login", nick="ann")
            assert {answer["is"], (await ann.read())["is"]} in ({"refused", "registered"}, {"logged-in", "refused"})


async def test_an_account_renamed_at_one_node_is_called_so_at_the_other(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(config=accounts()) as (a, b):
        token = (await register(a))["token"]
        desk, phone = await holder(a, token=token), await holder(b)
        bob = a.connect()
        await bob.enter("bob", "python")
        await told(phone, "join", room="python")
        await settled()
        await heard(bob)
        await told(desk, "nick", nick="anna")
        await settled()
        assert visits(await heard(bob)) == [("renamed", "python", "ann", "anna")]
        assert (await told(phone, "account"))["nick"] == "anna"
        assert (await told(b.connect(), "login", nick="ann"))["code"] == "name-kept"


async def test_what_somebody_chooses_at_one_node_holds_at_the_others_within_a_second(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(config=accounts()) as (a, b):
        await register(a)
        here, there = await holder(a), await holder(b)
        await told(here, "lang", language="zh")
        await told(here, "time", zone="+02:00")
        await told(here, "history", count=7)
        await trio.sleep(1)
        (shown,) = await heard(there)
        assert (shown["is"], shown["setting"], shown["value"]) == ("chosen", "language", "zh")
        assert (await told(there, "time"))["zone"] == "+02:00"
        assert {person.history for house in (a, b) for person in people(house)} == {7}
        assert await heard(here) == []


async def test_what_somebody_chooses_at_two_nodes_at_once_is_kept_of_both(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(config=accounts()) as (a, b):
        await register(a)
        here, there = await holder(a), await holder(b)
        b.node.hears_late = 3.0
        await told(here, "time", zone="+02:00")
        await told(there, "history", count=7)
        await trio.sleep(10)
        (account,) = await a.node.journal.accounts.listed("", 10)
        assert account.choices == {"": {"zone": "+02:00", "history": 7}}
        assert {(person.zone, person.history) for house in (a, b) for person in people(house)} == {("+02:00", 7)}


async def test_of_two_choices_of_one_thing_at_two_nodes_all_have_the_one_that_is_stored(
    autojump_clock: trio.abc.Clock,
) -> None:
    for late in (0.0, 0.2, 1.0):
        async with open_nodes(config=accounts()) as (a, b):
            await register(a)
            here, there = await holder(a), await holder(b)
            b.node.hears_late = late
            await told(here, "lang", language="zh")
            await told(there, "lang", language="en")
            await told(here, "time", zone="+02:00")
            await told(there, "time", zone="+03:00")
            await trio.sleep(10)
            (account,) = await a.node.journal.accounts.listed("", 10)
            chosen = {(person.language, person.zone) for house in (a, b) for person in people(house)}
            assert chosen == {(account.choices[""]["language"], account.choices[""]["zone"])}


async def test_who_comes_to_a_node_where_they_are_already_has_what_they_chose_at_another(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(config=accounts()) as (a, b):
        await register(a)
        await holder(b)
        phone, laptop = a.call(HERE), b.call(HERE)
        for caller in (phone, laptop):
            await caller.type("/login ann")
            await caller.read_until("assword")
            await caller.type(CANARY)
            await caller.read_until("/help tells more.\r\n")
            await caller.type("/wrap 40" if caller is phone else "/wrap")
            assert "40" in await caller.read_until("\r\n")
            await trio.sleep(1)


async def test_who_is_removed_by_an_operator_is_so_at_all_nodes_and_the_operator_told_where(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(3, config=accounts()) as (a, b, c):
        here, there, tab = a.connect(), b.connect(), b.connect()
        await here.enter("prog", "python", token=TOKEN)
        await there.enter("prog", "python", token=TOKEN, session="add")
        await tab.enter("prog", "python", token=TOKEN, session="add")
        bob = c.connect()
        await bob.enter("bob", "python")
        (kicked, _) = await a.ask_as_operator("kick", name="PROG", reason="spam")
        assert kicked == {
            "is": "kicked",
            "nick": "prog",
            "sessions": 1,
            "node": "node-0",
            "elsewhere": [{"node": "node-1", "sessions": 2}],
        }
        for program in (here, there, tab):
            assert (await program.rest())[-1]["why"] == "kicked-because"
        await settled()
        assert visits(await heard(bob))[-1:] == [("left", "python", "prog")]


async def test_who_is_at_other_nodes_only_is_removed_there(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(config=accounts()) as (a, b):
        bob = b.call()
        await bob.log_in("bob", "python")
        (kicked, _) = await a.ask_as_operator("kick", name="bob")
        assert (kicked["sessions"], kicked["elsewhere"]) == (0, [{"node": "node-1", "sessions": 1}])
        assert "An operator has ended your connection" in await bob.read_to_end()
        (refused,) = await a.ask_as_operator("kick", name="bob")
        assert refused["why"].startswith("nobody here is called bob")


async def test_of_a_node_that_does_not_answer_the_operator_is_told_so(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(config=accounts()) as (a, b):
        bob = b.call()
        await bob.log_in("bob", "python")
        b.node.hears_late = 5.0
        (kicked, _) = await a.ask_as_operator("kick", name="bob")
        assert kicked["elsewhere"] == [{"node": "node-1", "sessions": None}]
        assert "An operator has ended your connection" in await bob.read_to_end()


async def test_a_device_dropped_at_one_node_ends_its_session_at_the_other(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(config=accounts()) as (a, b):
        token = (await register(a))["token"]
        lost = await holder(b, token=token)
        await told(lost, "join", room="python")
        ann = await holder(a)
        number = next(one["number"] for one in (await told(ann, "devices"))["devices"] if not one["is_this"])
        assert (await told(ann, "drop", device=str(number)))["is"] == "dropped"
        assert (await lost.rest())[-1]["why"] == "dropped"
        assert (await told(b.connect(HERE), "login", nick="ann", token=token))["is"] == "refused"
        await settled()
        assert all(room.nicks == [] for room in (*a.server.rooms, *b.server.rooms))


async def test_a_device_is_dropped_whose_dropping_the_engine_has_stored_and_not_answered(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(config=accounts()) as (a, _):
        await register(a)
        ann, lost = await holder(a), await holder(a)
        known = a.server._directory.accounts
        drop = known.drop_devices

        async def drop_unheard(*values: Any, **named: Any) -> list[int]:
            await drop(*values, **named)
            raise JournalError("the database has not said what became of it")

        monkeypatch.setattr(known, "drop_devices", drop_unheard)
        number = (await told(lost, "devices"))["devices"][-1]["number"]
        assert (await told(ann, "drop", device=str(number)))["code"] == "cannot-store"
        assert (await lost.rest())[-1]["why"] == "dropped"
        assert (await told(ann, "account"))["nick"] == "ann"


async def test_whoever_is_let_in_by_what_is_being_revoked_at_another_node_is_not(
    autojump_clock: trio.abc.Clock,
) -> None:
    for late in (0.0, 0.1, 0.2, 0.3, 0.5, 1.0):
        async with open_nodes(config=accounts(), delay=lambda: 0.2) as (a, b):
            token = (await register(a))["token"]
            ann, lost = await holder(a), b.connect(HERE)
            number = next(one["number"] for one in (await told(ann, "devices"))["devices"] if not one["is_this"])
            await lost.ask("login", nick="ann", token=token)
            await trio.sleep(late)
            await told(ann, "drop", device=str(number))
            await trio.sleep(20)
            assert [session.nick for session in b.server._sessions if session.person.account] == []


async def test_another_password_ends_the_sessions_at_the_other_node(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(config=accounts()) as (a, b):
        await register(a)
        ann, other = await holder(a), await holder(b)
        assert (await told(ann, "password", old=CANARY, new=f"{CANARY}-2"))["is"] == "password-changed"
        assert (await other.rest())[-1]["why"] == "password-changed"
        assert (await told(ann, "account"))["nick"] == "ann"


async def test_nothing_is_stored_of_who_came_by_the_old_password_at_a_node_that_has_not_heard_of_the_new_one(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(config=accounts()) as (a, b):
        await register(a)
        ann, other = await holder(a), b.call(HERE)
        await told(ann, "join", room="python")
        await other.type("/login ann", CANARY)
        await other.read_until("/help tells more.")
        await other.type("/join python", "before")
        assert (await ann.wait_for("said"))["text"] == "before"
        b.node.hears_late = 5.0
        assert (await told(ann, "password", old=CANARY, new=f"{CANARY}-2"))["is"] == "password-changed"
        await other.type("after")
        assert (await told(ann, "say", room="python", text="by the new one"))["is"] == "stored"
        farewell = await other.read_to_end()
        assert "could not be stored" in farewell
        assert "Your password was changed" in farewell
        late = await holder(b, password=f"{CANARY}-2")
        await told(late, "join", room="python")
        await late.ask("say", room="python", text="late")
        assert (await late.wait_for("said"))["text"] == "late"
        assert [line.text for line in (await a.server._directory.journal.read("python", 1, 9)).lines] == [
            "before",
            "by the new one",
            "late",
        ]


async def test_the_old_password_makes_no_device_at_a_node_that_has_not_heard_of_the_new_one(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(config=accounts()) as (a, b):
        await register(a)
        ann, other = await holder(a), b.connect(HERE)
        authentication = b.server._directory.authentication
        let_in = await authentication.by_password("ann", CANARY, "192.0.2.0/24")
        assert isinstance(let_in, LetIn)
        b.node.hears_late = 5.0
        assert (await told(ann, "password", old=CANARY, new=f"{CANARY}-2"))["is"] == "password-changed"
        refused = await authentication.at_new_device(let_in, NewDevice("thief", b"digest"))
        assert isinstance(refused, Refused)
        assert refused.code == "changed-meanwhile"
        assert (await told(other, "login", nick="ann", password=f"{CANARY}-2"))["is"] == "logged-in"


async def test_guests_are_marked_at_all_nodes_from_the_first_account_on(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(config=accounts()) as (a, b):
        bob = b.connect()
        await bob.enter("bob", "python")
        await register(a)
        assert (await bob.wait_for("account-noted"))["room"] == "python"
        cat = b.connect()
        await cat.enter("cat", "python")
        assert (await bob.wait_for("joined"))["guests"] == ["cat"]


# Rooms.


async def test_a_room_made_at_one_node_is_there_at_the_other(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes() as (a, b):
        ann, bob = a.call(), b.call()
        await ann.log_in("ann")
        await bob.log_in("bob")
        await ann.type("/create lisp")
        await settled()
        await bob.type("/join lisp")
        await bob.read_until("* You are in lisp.")
        await ann.type("/join lisp", "hello")
        await bob.read_until("ann: hello")


async def test_of_two_who_make_a_room_at_once_at_two_nodes_the_second_is_told_that_there_is_one(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes() as (a, b):
        ann, bob = a.connect(), b.connect()
        await ann.enter("ann")
        await bob.enter("bob")
        b.node.hears_late = 5
        assert (await told(ann, "create", room="paypal"))["is"] == "room-created"
        refused = await told(bob, "create", room="PayPal")
        assert (refused["code"], refused["text"]) == (
            "room-exists",
            "There is already a room PayPal. /join PayPal enters it.",
        )
        refused = await told(bob, "create", room="paypaI")
        assert (refused["code"], refused["details"]["other"]) == ("room-like-another", "paypal")
        await trio.sleep(11)
        assert (await told(bob, "join", room="paypal"))["is"] == "entered"
        assert [room.name for room in b.server.rooms].count("paypal") == 1
        assert "PayPal" not in a.node._kept.rooms.keys() | b.node._kept.rooms.keys()


async def test_who_could_not_make_a_room_because_another_node_has_may_make_as_many_others_as_before(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(rooms_per_person=1) as (a, b):
        ann, bob = a.connect(), b.connect()
        await ann.enter("ann")
        await bob.enter("bob")
        b.node.hears_late = 5
        assert (await told(ann, "create", room="lisp"))["is"] == "room-created"
        assert (await told(bob, "create", room="lisp"))["code"] == "room-exists"
        assert (await told(bob, "create", room="scheme"))["is"] == "room-created"


async def test_two_rooms_are_not_given_names_that_look_alike_at_once_at_two_nodes(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes() as (a, b):
        b.node.hears_late = 5
        assert (await a.ask_as_operator("rename-room", room="python", name="paypal"))[0]["is"] == "renamed"
        (answer,) = await b.ask_as_operator("rename-room", room="pm", name="paypaI")
        assert (answer["is"], answer["why"]) == (
            "not-done",
            "pm keeps its name: another node has just given a room the name paypal, which looks like it",
        )
        bob = b.connect()
        await bob.enter("bob")
        assert (await told(bob, "create", room="PAYPAL"))["code"] in {"room-exists", "room-like-another"}


async def test_a_room_renamed_and_deleted_at_one_node_is_so_at_the_other(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes() as (a, b):
        bob = b.connect()
        await bob.enter("bob", "python", "pm")
        await a.ask_as_operator("rename-room", room="python", name="snakes")
        assert (await bob.wait_for("room-renamed"))["new"] == "snakes"
        await told(bob, "say", room="snakes", text="hiss")
        await a.ask_as_operator("delete-room", room="pm")
        assert (await bob.wait_for("room-deleted"))["room"] == "pm"
        assert {room.name for room in a.server.rooms} == {room.name for room in b.server.rooms}


async def test_of_two_new_names_that_a_room_is_given_at_once_at_two_nodes_it_has_the_one_at_both(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes() as (a, b):
        bob = b.connect()
        await bob.enter("bob", "python")
        b.node.hears_late = 5
        assert (await a.ask_as_operator("rename-room", room="python", name="snakes"))[0]["is"] == "renamed"
        (answer,) = await b.ask_as_operator("rename-room", room="python", name="cobras")
        assert answer["is"] == "not-done"
        assert (await bob.wait_for("room-renamed"))["new"] == "snakes"
        await told(bob, "say", room="snakes", text="hiss")
        assert {room.name for room in a.server.rooms} == {room.name for room in b.server.rooms}


async def test_a_room_that_is_renamed_at_one_node_and_deleted_at_the_other_at_once_is_deleted(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes() as (a, b):
        ann = a.connect()
        await ann.enter("ann", "python")
        b.node.hears_late = 5
        assert (await a.ask_as_operator("rename-room", room="python", name="snakes"))[0]["is"] == "renamed"
        assert (await b.ask_as_operator("delete-room", room="python"))[0]["is"] == "deleted"
        assert (await ann.wait_for("room-deleted"))["room"] == "snakes"
        await trio.sleep(20)
        for node in (a, b):
            assert {room.name for room in node.server.rooms} == {"write", "pm"}


async def test_what_a_node_has_done_to_a_room_without_knowing_it_is_put_into_effect_there_too(
    autojump_clock: trio.abc.Clock,
) -> None:
    kept = Kept()
    async with open_nodes(kept=kept) as (a, b):
        ann = a.connect()
        await ann.enter("ann", "python")
        await MemoryJournal(kept).rename_room("python", "snakes")
        await MemoryJournal(kept).create_room("new")
        kept.nodes.changes.add(RoomRenamed(0, "python", "snakes"))
        kept.nodes.changes.add(RoomMade(0, "new"))
        assert (await ann.wait_for("room-renamed"))["new"] == "snakes"
        await told(ann, "say", room="snakes", text="hiss")
        assert (await a.ask_as_operator("rename-room", room="new", name="newer"))[0]["is"] == "renamed"
        await MemoryJournal(kept).create_room("new")
        kept.nodes.changes.add(RoomMade(0, "new"))
        kept.nodes.changes.add(RoomRenamed(0, "new", "newer"))  # which was done long ago, and is told as if nobody knew
        await trio.sleep(3)
        for node in (a, b):
            assert {room.name for room in node.server.rooms} == {"write", "pm", "snakes", "new", "newer"}


async def test_what_cannot_be_put_into_effect_is_logged_and_what_comes_after_it_is(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise ValueError("a bug")

    async def never(*_: object) -> None:
        await trio.sleep_forever()

    async with open_nodes() as (a, b):
        ann = a.connect()
        await ann.enter("ann")
        for number, broken in enumerate((fails, never)):
            with capture_logs() as logged, monkeypatch.context() as patched:
                patched.setattr(b.server._directory, "open_room_of_others", broken)
                await told(ann, "create", room=f"lost-{number}")
                await trio.sleep(CHANGE_SECONDS + 1)
            assert [entry["log_level"] for entry in logged if "another node" in entry["event"]] == ["error"]
            await told(ann, "create", room=f"found-{number}")
            await settled()
            assert f"found-{number}" in {room.name for room in b.server.rooms}


async def test_what_is_read_of_a_room_is_read_again_where_lines_were_rewritten_elsewhere(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(config=accounts()) as (a, b):
        token = (await register(a))["token"]
        ann = await holder(a, token=token)
        await told(ann, "join", room="python")
        await told(ann, "say", room="python", text="my secret plan")
        await told(ann, "topic", room="python", text="ann's topic")
        bob = b.connect()
        await bob.enter("bob", "python")
        await settled()
        await a.ask_as_operator("end-account", name="ann", ending="erase")
        await settled()
        cat = b.connect()
        await cat.ask("login", nick="cat")
        await cat.wait_for("logged-in")
        await cat.ask("join", room="python")
        assert (await cat.wait_for("entered"))["topic"] == ""
        assert "secret" not in repr(await heard(cat))
