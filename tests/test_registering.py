"""Making an account, as people and programs do, and what goes along into it: the whole server, on virtual time."""

from typing import Any

import pytest
import trio

from account_house import CANARY, HERE, house_without_leaks, register, told
from chat_server.accounts import sender_of
from chat_server.config import AccountsTable, Config, ServerTable
from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.entries import TopicSet
from chat_server.protocol.requests import Act, Say, Topic
from chat_server.protocol.runs import RunTexts, SayRun
from fakes import FakeSession, open_rooms
from streams import open_house


async def test_lines_are_their_authors_account_s_and_a_guests_are_nobodys(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    journal = MemoryJournal()
    _, room = open_rooms(nursery, journal)
    ann, bob = FakeSession(room, "ann"), FakeSession(room, "bob")
    ann.person.account = 4711
    for session in (ann, bob):
        await room.enter(session)
    for who, what in (
        (ann, Say("x")),
        (bob, Say("y")),
        (ann, Act("waves")),
        (ann, Topic("t")),
        (ann, SayRun(RunTexts.of(["a", "b"]))),
    ):
        room.post(who, what)
        await trio.testing.wait_all_tasks_blocked()
    lines = (await journal.read("python", 1, 10)).lines
    assert [line.author for line in lines] == [4711, 0, 4711, 4711, 4711, 4711]
    assert isinstance(lines[3], TopicSet)


async def test_how_far_somebody_has_come_is_kept_for_their_account_and_for_a_guests_name(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    journal = MemoryJournal()
    _, room = open_rooms(nursery, journal)
    ann, bob = FakeSession(room, "Ann"), FakeSession(room, "Bob")
    ann.person.account = 4711
    for session in (ann, bob):
        await room.enter(session)
        await room.leave(session)
    assert await journal.positions("python") == {sender_of(4711): 0, "bob": 0}
    room.post(bob, Say("what ann misses"))
    ann.person.nick = "anna"
    await room.enter(ann)
    assert "what ann misses" in "".join(ann.told)
    assert "1 line since you left" in "".join(ann.told)


async def test_whoever_registers_has_an_account_a_token_and_recovery_codes(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        answer = await register(house)
        assert (answer["is"], answer["nick"]) == ("registered", "ann")
        assert len(answer["token"]) == 22
        assert len({*answer["recovery"]}) == 2
        guest = house.connect(HERE)
        for name in ("ann", "ANN"):
            assert (await told(guest, "login", nick=name))["code"] == "name-registered"
        assert (await told(guest, "login", nick="Аnn"))["code"] in {"name-like-registered", "name-mixes-scripts"}
        back = await told(house.connect(HERE), "login", nick="whoever", token=answer["token"])
        assert (back["is"], back["nick"], back["token"]) == ("logged-in", "ann", answer["token"])
        assert "last_login" not in back, "it is told to who has proved it just now"


async def test_a_guest_registers_their_own_name_and_stays_where_they_are(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    async with house_without_leaks(journal) as house:
        ann, bob = house.connect(HERE), house.connect()
        await ann.enter("Ann", "python")
        await bob.enter("bob", "python")
        await ann.ask("say", room="python", text="as a guest", key="k1")
        await ann.wait_for("stored")
        assert (await told(ann, "register", nick="bob", password=CANARY))["code"] == "register-own-name"
        assert (await told(ann, "register", password=CANARY))["is"] == "registered"
        await ann.ask("say", room="python", text="as a guest", key="k1")
        assert (await ann.wait_for("stored"))["seq"] == 1, "what a guest sent is known to be the account's"
        await ann.ask("say", room="python", text="as ann", key="k2")
        assert (await ann.wait_for("stored"))["seq"] == 2
        lines = (await journal.read("python", 1, 9)).lines
        assert [bool(line.author) for line in lines] == [False, True]
        assert (await told(ann, "register", password=CANARY))["code"] == "registered-already"


async def test_read_positions_go_along_into_the_account(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        ann, bob = house.connect(HERE), house.connect()
        await bob.enter("bob", "python")
        await ann.enter("ann", "python")
        await told(ann, "back", room="python")
        for text in ("one", "two"):
            await bob.ask("say", room="python", text=text)
        answer = await told(ann, "register", password=CANARY)
        await ann.log_out()
        again = house.connect(HERE)
        await again.enter("ann", "python", token=answer["token"])
        recalled = await again.wait_for("recalled")
        assert (recalled["missed"], len(recalled["lines"])) == (2, 2)


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "password-short"),
        ("ann-ann-ann", "password-is-name"),
        ("password1", "password-common"),
        ("", "password-missing"),
    ],
)
async def test_what_is_no_password_is_refused_and_says_why(
    autojump_clock: trio.abc.Clock, password: str, code: str
) -> None:
    async with house_without_leaks() as house:
        asked = await told(house.connect(HERE), "register", nick="ann-ann-ann", password=password)
        assert asked["code"] == code
        assert (await told(house.connect(HERE), "login", nick="ann-ann-ann"))["is"] == "logged-in"


async def test_who_has_not_logged_in_and_gives_no_name_is_asked_for_one(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        stranger = house.call(HERE)
        await stranger.type("/register")
        await stranger.read_until("* Under which name? Type /register NICK.\r\n")
        assert (await told(house.connect(HERE), "register", password=CANARY))["code"] == "register-which-nick"


@pytest.mark.parametrize(
    ("registration", "host", "answer"),
    [
        ("", "127.0.0.1", "registered"),
        ("", "192.0.2.7", "invite-needed"),
        ("", "/run/chat.sock", "invite-needed"),
        ("open", "192.0.2.7", "registered"),
        ("closed", "127.0.0.1", "registration-closed"),
    ],
)
async def test_who_may_register_is_a_setting_and_else_follows_from_where_the_server_listens(
    autojump_clock: trio.abc.Clock, registration: Any, host: str, answer: str
) -> None:
    config = Config(server=ServerTable(host=host), accounts=AccountsTable(registration=registration))
    async with open_house(config) as house:
        told_ = await told(house.connect(HERE), "register", nick="ann", password=CANARY)
        assert answer in {told_["is"], told_.get("code")}


async def test_where_guests_do_not_come_in_one_registers(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks(guests=False) as house:
        ann = house.connect(HERE)
        assert (await told(ann, "login", nick="ann"))["code"] == "no-guests"
        assert (await told(ann, "register", nick="ann", password=CANARY))["is"] == "registered"
        assert (await told(ann, "join", room="python"))["is"] == "entered"


async def test_one_network_registers_twice_an_hour(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        assert [(await register(house, nick)).get("code") for nick in ("ann", "bob", "carol")] == [
            None,
            None,
            "registered-too-often",
        ]
