"""Accounts where several servers have one journal: what is changed or revoked at one node is so at all. Whole servers, on virtual time."""

from typing import Any

import pytest
import trio

from account_house import CANARY, HERE, holder, register, told
from chat_server.accounts import NewDevice
from chat_server.accounts.authentication import LetIn
from chat_server.journal import JournalError
from chat_server.protocol.events import Refused
from chat_server.rooms.person import person_id
from node_houses import NodeHouse, open_nodes
from node_people import TOKEN, accounts, people, settled
from one_person import heard, visits


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
