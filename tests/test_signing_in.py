"""Accounts as people and programs use them, with the whole server on virtual time."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio

import canary
from captured_logs import capture_logs
from chat_server.accounts import Choices, Holder, Registration, sender_of
from chat_server.accounts.hashing import Argon2, Cost
from chat_server.accounts.passwords import parse_password
from chat_server.config import AccountsTable, Config, ServerTable, TlsTable
from chat_server.journal import PendingAppend, Receipt
from chat_server.journal.keys import SenderKey
from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.entries import Entry, TopicSet
from chat_server.protocol.requests import Act, Say, Topic
from chat_server.protocol.runs import SayRun
from fakes import FakeSession, open_rooms
from streams import House, Program, open_house


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
        (ann, SayRun(["a", "b"])),
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


CANARY = canary.PASSWORD
HERE = "127.0.0.1"


@asynccontextmanager
async def house_without_leaks(journal: MemoryJournal | None = None, **accounts: Any) -> AsyncIterator[House]:
    """A server with these settings of accounts; whatever it logs, no secret is in it."""
    journal = journal or MemoryJournal()
    with capture_logs() as logged:
        async with open_house(Config(accounts=AccountsTable(**accounts)), journal) as house:
            yield house
    assert CANARY not in repr(logged)
    assert CANARY not in repr(journal._kept)


async def register(house: House, nick: str = "ann", **fields: Any) -> dict[str, Any]:
    """Register by a program that goes again; return the answer."""
    program = house.connect(HERE)
    await program.ask("register", nick=nick, password=CANARY, **fields)
    answer = await program.read()
    await program.log_out()
    return answer


async def told(program: Program, do: str, /, **fields: Any) -> dict[str, Any]:
    """The answer to a request."""
    await program.ask(do, ref=4711, **fields)
    while (event := await program.read()).get("ref") != 4711:
        pass
    return event


# To register.


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


# To log in.


async def test_a_program_logs_in_by_password_and_has_a_token_from_then_on(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        await register(house)
        program = house.connect(HERE)
        assert (await told(program, "login", nick="ann", password="another one"))["code"] == "wrong-password"
        assert (await told(program, "login", nick="nobody", password=CANARY))["code"] == "wrong-password"
        answer = await told(program, "login", nick="ANN", password=CANARY)
        assert (answer["nick"], answer["last_login"]["failed"], answer["last_login"]["networks"]) == ("ann", 1, 1)
        again = await told(house.connect(HERE), "login", nick="whoever", token=answer["token"])
        assert again["is"] == "logged-in", again
        assert again["nick"] == "ann"
        assert (await program.rest())[-1]["why"] == "taken-over", "it is the same device"


async def test_another_device_is_one_more_session_and_the_same_one_takes_over_where_it_was(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        await register(house)
        desk, phone, bob = house.connect(HERE), house.connect(HERE), house.connect()
        token = (await told(desk, "login", nick="ann", password=CANARY))["token"]
        await told(desk, "join", room="python")
        await told(phone, "login", nick="ann", password=CANARY)
        await told(phone, "join", room="python")
        await told(phone, "join", room="write")
        await bob.enter("bob", "python")
        desk_again = house.connect(HERE)
        answer = await told(desk_again, "login", nick="whoever", token=token)
        assert answer["rooms"] == ["python"]
        assert (await desk.rest())[-1]["why"] == "taken-over"
        await bob.ask("say", room="python", text="to both")
        for device in (desk_again, phone):
            assert (await device.wait_for("said"))["text"] == "to both"
        added = await told(house.connect(HERE), "login", nick="whoever", token=token, session="add")
        assert (added["rooms"], added["sessions"]) == ([], 3)


async def test_at_a_terminal_one_is_asked_for_the_password(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        await register(house)
        ann = house.call(HERE)
        await ann.type("/login ann")
        assert "ann is registered" in await ann.read_until("Password: ")
        await ann.type("wrong")
        await ann.read_until("* Wrong name or password")
        await ann.read_until("Password, or an empty line to give up: ")
        await ann.type("")
        await ann.read_until("* Log in first")
        await ann.type("/login ann", CANARY)
        welcome = await ann.read_until("/help tells more.")
        assert "Since then: 1 wrong password, from 1 network." in welcome
        assert CANARY not in welcome
        await ann.type("/login ann", CANARY)
        await ann.read_until("* You are already logged in as ann.")


async def test_what_is_typed_after_a_password_that_was_refused_is_a_password_too_and_no_line(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        house.server._directory.authentication.now = trio.current_time
        ann, bob = house.call(HERE), house.call(HERE)
        await ann.log_in("ann", "python")
        await bob.log_in("bob", "python")
        await ann.type("/register", "short", CANARY, CANARY)
        await ann.read_until("ann is your account now")
        await trio.sleep(700)
        await ann.type("/password", "guess", CANARY, "short", CANARY + "x", CANARY + "y", "", "hello")
        told_ = await ann.read_until("nothing has changed.")
        for sentence in (
            "Wrong name or password",
            "at least 8",
            "not the same twice",
            "No password: nothing has changed",
        ):
            assert sentence in told_
        await ann.type("/account close", "")
        await ann.read_until("* No password: nothing has changed.")
        assert CANARY not in await bob.read_until("ann: hello")
        assert len((await house.server._journal.read("python", 1, 9)).lines) == 1


async def test_at_a_terminal_a_wrong_code_is_told_before_one_is_asked_for_a_password(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        made = (await house.ask_as_operator("make-owner", name="ann"))[0]
        ann = house.call(HERE)
        await ann.type("/register ann AAAA-AAAA")
        assert "New password" not in await ann.read_until("* That code is wrong")
        for _ in range(3):  # to be asked counts for nothing: two accounts an hour may be made
            await ann.type(f"/register ann {made['code']}", "")
            await ann.read_until("* No password")
        await ann.type(f"/register ann {made['code']}", CANARY, CANARY)
        await ann.read_until("* You are an owner of this server now.")


async def test_at_a_terminal_one_registers_with_a_password_typed_twice(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        ann = house.call(HERE)
        await ann.log_in("ann", "python")
        await ann.type("/register", CANARY, CANARY + "x")
        await ann.read_until("* That was not the same twice.")
        await ann.read_until("New password, or an empty line to give up: ")
        await ann.type(CANARY, CANARY)
        told_ = await ann.read_until("They are not shown again.")
        assert "ann is your account now" in told_
        await ann.type("hello")
        await ann.type("/register")
        await ann.read_until("* ann is your account already.")
        await ann.type("/help")
        assert "/register" not in (await ann.read_until("/help terminal ("))
        (line,) = (await house.server._journal.read("python", 1, 9)).lines
        assert line.author


async def test_no_secret_is_asked_for_or_taken_where_somebody_may_listen(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        token = (await register(house))["token"]
        program, person = house.connect(), house.call()
        for do, fields in (
            ("login", {"nick": "ann", "password": CANARY}),
            ("login", {"nick": "ann", "token": token}),
            ("register", {"nick": "bob", "password": CANARY}),
        ):
            assert (await told(program, do, **fields))["code"] == "no-secrets-here"
        await person.type("/login ann")
        await person.read_until("* A password can be read on the way here")
        await person.type("/login bob")
        await person.read_until("* Welcome, bob.")
        await person.type("/register")
        await person.read_until("* A password can be read on the way here")
    async with open_house(Config(tls=TlsTable(require="none"))) as house:
        assert (await told(house.connect(), "register", nick="ann", password=CANARY))["is"] == "registered"


async def test_nobody_locks_an_owner_out(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks(registration="open") as house:
        house.server._directory.authentication.now = trio.current_time
        await register(house)
        codes = set()
        for minute in range(60):
            for host in range(1, 10):
                attacker = house.connect(f"127.9.{minute % 7}.{host}")
                codes.add((await told(attacker, "login", nick="ann", password="guess"))["code"])
                await attacker.stream.aclose()
            await trio.sleep(60)
            if minute % 10 == 9:
                began = trio.current_time()
                owner = house.connect(HERE)
                answer = await told(owner, "login", nick="ann", password=CANARY)
                assert answer["is"] == "logged-in"
                assert answer["last_login"]["failed"] > 50
                assert trio.current_time() - began < 1
                await owner.log_out()
        assert codes == {"wrong-password"}


async def test_one_network_guesses_a_few_times_and_then_once_a_minute(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        house.server._directory.authentication.now = trio.current_time
        await register(house)
        attacker = house.connect("127.9.9.9")
        codes = [(await told(attacker, "login", nick="ann", password=f"guess {n}"))["code"] for n in range(8)]
        assert codes == ["wrong-password"] * 5 + ["too-many-tries"] * 3
        await trio.sleep(60)
        assert (await told(attacker, "login", nick="ann", password="guess"))["code"] == "wrong-password"


async def test_failed_tries_outlast_the_server(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    async with house_without_leaks(journal) as house:
        await register(house)
        for _ in range(5):
            await told(house.connect("127.9.9.9"), "login", nick="ann", password="guess")
    journal._is_closed = False
    async with house_without_leaks(journal) as house:
        attacker = house.connect("127.9.9.9")
        assert (await told(attacker, "login", nick="ann", password="guess"))["code"] == "too-many-tries"


# The name.


async def test_the_name_of_an_account_is_changed_on_all_its_sessions_and_the_old_one_kept_from_others(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        await register(house)
        await register(house, "bob")
        desk, phone = house.connect(HERE), house.connect(HERE)
        for device in (desk, phone):
            await told(device, "login", nick="ann", password=CANARY)
        for taken in ("bob", "BOB"):
            assert (await told(desk, "nick", nick=taken))["code"] == "name-registered"
        assert (await told(desk, "nick", nick="anna"))["new"] == "anna"
        assert (await phone.wait_for("renamed"))["new"] == "anna"
        guest = house.connect(HERE)
        assert (await told(guest, "login", nick="ann"))["code"] == "name-kept"
        assert (await told(guest, "login", nick="anna"))["code"] == "name-registered"
        assert (await told(guest, "login", nick="carol"))["is"] == "logged-in"
        assert (await told(guest, "nick", nick="anna"))["code"] == "name-registered"
        assert (await told(phone, "nick", nick="Ann"))["new"] == "Ann"
        await desk.ask("logout")
        await phone.log_out()
        assert (await told(house.connect(HERE), "login", nick="ann", password=CANARY))["nick"] == "Ann"


async def test_a_new_name_that_cannot_be_stored_is_not_taken(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    async with house_without_leaks(journal) as house:
        await register(house)
        ann = house.connect(HERE)
        await told(ann, "login", nick="ann", password=CANARY)
        journal._is_closed = True
        assert (await told(ann, "nick", nick="anna"))["code"] == "cannot-store"
        journal._is_closed = False
        assert (await told(house.connect(HERE), "login", nick="anna"))["is"] == "logged-in"


# Codes.


async def holder(house: House, nick: str = "ann", **login: Any) -> Program:
    """Somebody with an account, by a program."""
    program = house.connect(HERE)
    answer = await told(program, "login", nick=nick, **(login or {"password": CANARY}))
    assert answer["is"] == "logged-in", answer
    return program


async def test_a_code_lets_one_in_once_wherever_somebody_may_listen(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        await register(house)
        ann = await holder(house)
        made = await told(ann, "code", purpose="device")
        assert (made["is"], made["minutes"]) == ("code-made", 10)
        assert made["text"] == f"Within 10 minutes, and once: /login ann {made['code']}"
        person = house.call()
        await person.type(f"/login ANN {made['code'].lower().replace('-', '').replace('0', 'o').replace('1', 'l')}")
        await person.read_until("* Welcome, ann.")
        await person.type("/join python", "it is me")
        await ann.ask("join", room="python")
        await person.read_until("\r\n")
        program = house.connect()
        assert (await told(program, "login", nick="ann", code=made["code"]))["code"] == "wrong-code"
        made, devices = await told(ann, "code", purpose="device"), (await told(ann, "devices"))["devices"]
        answer = await told(program, "login", nick="ann", code=made["code"])
        assert (answer["is"], answer["token"]) == ("logged-in", ""), "whoever listens is told nothing that lasts"
        assert len((await told(ann, "devices"))["devices"]) == len(devices)
        made, here = await told(ann, "code", purpose="device"), house.connect(HERE)
        answer = await told(here, "login", nick="ann", code=made["code"])
        assert (answer["is"], len(answer["token"])) == ("logged-in", 22)


async def test_a_code_is_good_for_ten_minutes_and_a_new_one_takes_its_place(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        house.server._directory.authentication.now = trio.current_time
        await register(house)
        ann, other = await holder(house), house.connect()
        old = (await told(ann, "code", purpose="device"))["code"]
        new = (await told(ann, "code", purpose="device"))["code"]
        assert (await told(other, "login", nick="ann", code=old))["code"] == "wrong-code"
        await trio.sleep(599)
        assert (await told(house.connect(), "login", nick="bob", code=new))["code"] == "not-registered"
        await trio.sleep(2)
        assert (await told(house.connect(), "login", nick="ann", code=new))["code"] == "wrong-code"


async def test_after_five_wrong_codes_from_wherever_a_new_one_has_to_be_made(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        house.server._directory.authentication.now = trio.current_time
        await register(house)
        ann = await holder(house)
        code = (await told(ann, "code", purpose="device"))["code"]
        await trio.sleep(1)
        for host in range(5):
            attacker = house.connect(f"198.51.100.{host}")
            assert (await told(attacker, "login", nick="ann", code="AAAA-AAAA"))["code"] == "wrong-code"
        assert (await told(house.connect(), "login", nick="ann", code=code))["code"] == "wrong-code"
        await trio.sleep(1)
        code = (await told(ann, "code", purpose="device"))["code"]
        assert (await told(house.connect(), "login", nick="ann", code=code))["is"] == "logged-in"


async def test_a_recovery_code_is_a_secret_and_lets_one_in_once(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        first, second = (await register(house))["recovery"]
        assert (await told(house.connect(), "login", nick="ann", code=first))["code"] == "no-secrets-here"
        assert (await told(house.connect(HERE), "login", nick="ann", code=first))["is"] == "logged-in"
        assert (await told(house.connect(HERE), "login", nick="ann", code=first))["code"] == "wrong-code"
        person = house.call(HERE)
        await person.type(f"/login ann {second}")
        await person.read_until("* Welcome, ann.")


async def test_whoever_is_invited_registers_by_the_code_once(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks(registration="invite", invitations="all") as house:
        store = house.server._directory.accounts
        await store.register(Registration("ann", "ann", Argon2(Cost(1, 64)).hashed(parse_password(CANARY))), 0)
        ann = await holder(house)
        invited = await told(ann, "code", purpose="invite")
        assert invited["hours"] == 24
        bob = house.call(HERE)
        await bob.type("/register bob")
        await bob.read_until("* Whoever makes an account here is invited: ask for a code, then /register bob CODE.")
        await bob.type(f"/register bob {invited['code']}", CANARY, CANARY)
        await bob.read_until("* bob is your account now")
        assert (await register(house, "carol", invite=invited["code"]))["code"] == "wrong-code"
        made = await store.find("bob")
        inviter = await store.find("ann")
        assert made is not None
        assert inviter is not None
        assert made.invited_by == inviter.id


async def test_who_may_invite_is_a_setting(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        await register(house)
        ann = await holder(house)
        assert (await told(ann, "code", purpose="invite"))["code"] == "owners-invite"
        await house.ask_as_operator("give-role", name="ann", role="admin")
        await ann.log_out()
        assert (await told(await holder(house), "code", purpose="invite"))["is"] == "invited"


async def test_guests_make_no_codes(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        guest = house.connect()
        await guest.enter("bob")
        assert (await told(guest, "code", purpose="device"))["code"] == "account-needed"


# Devices, and what ends them.


async def at_three_devices(house: House) -> list[Program]:
    await register(house)
    programs = [await holder(house) for _ in range(3)]
    for program in programs:
        await told(program, "join", room="python")
    return programs


async def test_devices_are_listed_with_a_shortened_network(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        await at_three_devices(house)
        code = await told(await holder(house), "code", purpose="device")
        person = house.call("198.51.100.7")
        await person.type(f"/login ann {code['code']}")
        await person.read_until("* Welcome, ann.")
        await person.type("/devices")
        rows = await person.read_until("all but this one.")
        assert "1: program, since " in rows
        assert rows.count("here now, from 127.0.0.0/24") == 4
        listed = await told(await holder(house), "devices")
        assert [device["number"] for device in listed["devices"] if device["is_here"]] == [2, 3, 4, 5, 6]
        assert [device["number"] for device in listed["devices"] if device["is_this"]] == [6]
        assert listed["terminals"] == 1


async def test_a_device_that_is_dropped_is_logged_out_at_once_and_for_good(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        ann, phone, tablet = await at_three_devices(house)
        assert (await told(ann, "drop", device="2"))["code"] == "no-such-device", "it is this one"
        assert (await told(ann, "drop", device="99"))["code"] == "no-such-device"
        assert (await told(ann, "drop", device="x"))["code"] == "usage"
        dropped = await told(ann, "drop", device="3")
        assert (dropped["is"], dropped["devices"], dropped["sessions"]) == ("dropped", 1, 1)
        assert (await phone.rest())[-1]["why"] == "dropped"
        await tablet.ask("say", room="python", text="still here")
        assert (await ann.wait_for("said"))["text"] == "still here"


async def test_the_token_of_a_device_that_was_dropped_lets_nobody_in(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        token = (await register(house))["token"]
        ann = await holder(house)
        await told(ann, "drop", device="1")
        assert (await told(house.connect(HERE), "login", nick="ann", token=token))["code"] == "name-registered"


class LateAppend:
    """Lines that are stored a second later."""

    def __init__(self, store: Callable[[], PendingAppend]) -> None:
        self._store = store

    async def stored(self) -> Receipt:
        await trio.sleep(1)
        return await self._store().stored()


class SlowJournal(MemoryJournal):
    """A journal whose disk takes a second for every batch."""

    def append(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey]) -> PendingAppend:
        return LateAppend(partial(super().append, lines, keys))


async def test_not_one_line_of_a_dropped_device_is_stored_after_the_answer(autojump_clock: trio.abc.Clock) -> None:
    journal = SlowJournal()
    async with house_without_leaks(journal) as house:
        ann, phone, tablet = await at_three_devices(house)
        await phone.ask("say", room="python", text="being stored just now")
        await trio.sleep(0.5)
        for program in (phone, tablet):
            for number in range(10):
                await program.ask("say", room="python", text=f"waits {number}")
        await trio.sleep(0.1)
        assert (await told(ann, "drop", device="others"))["sessions"] == 2
        stored = await journal.read("python", 1, 1000)
        assert [line.text for line in stored.lines] == ["being stored just now"]
        await trio.sleep(60)
        assert await journal.read("python", 1, 1000) == stored


async def test_a_login_that_is_going_on_while_its_device_is_dropped_is_refused(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house_without_leaks() as house:
        token = (await register(house))["token"]
        ann = await holder(house)
        found = house.server._directory.accounts.by_token

        async def slowly(digest: bytes, at: float) -> Holder | None:
            holder = await found(digest, at)
            await trio.sleep(1)
            return holder

        monkeypatch.setattr(house.server._directory.accounts, "by_token", slowly)
        late = house.connect(HERE)
        await late.ask("login", nick="ann", token=token)
        await trio.sleep(0.5)
        await told(ann, "drop", device="others")
        assert (await late.wait_for("refused"))["code"] == "changed-meanwhile"


async def test_a_new_password_ends_everything_else(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        ann, phone, tablet = await at_three_devices(house)
        assert (await told(ann, "password", new="short"))["code"] == "password-short"
        changed = await told(ann, "password", new=CANARY + " anew")
        assert (changed["is"], changed["sessions"]) == ("password-changed", 2)
        for program in (phone, tablet):
            assert (await program.rest())[-1]["why"] == "password-changed"
        assert (await told(house.connect(HERE), "login", nick="ann", password=CANARY))["code"] == "wrong-password"
        await holder(house, password=CANARY + " anew")
        listed = await told(ann, "devices")
        assert len(listed["devices"]) == 2


async def test_one_who_has_not_just_logged_in_by_it_is_asked_for_the_old_password(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        house.server._directory.authentication.now = trio.current_time
        token = (await register(house))["token"]
        await trio.sleep(700)
        by_token = await holder(house, token=token)
        new = CANARY + " anew"
        assert (await told(by_token, "password", new=new))["code"] == "wrong-password"
        assert (await told(by_token, "password", new=new, old="guess"))["code"] == "wrong-password"
        assert (await told(by_token, "password", new=new, old=CANARY))["is"] == "password-changed"
        person = house.call(HERE)
        await person.type("/login ann", new, "/password", CANARY, CANARY)
        await person.read_until("* Your password is changed. Other connections ended: 1.")
        await trio.sleep(700)
        await person.type("/password", "guess")
        await person.read_until("* Wrong name or password.")
        await person.type(CANARY, new, new + "x")
        await person.read_until("* That was not the same twice.")


async def test_an_account_that_is_to_end_is_logged_out_everywhere_and_a_login_takes_that_back(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        ann, phone, tablet = await at_three_devices(house)
        shown = await told(ann, "account")
        assert (shown["nick"], shown["devices"], shown["recovery"], shown["role"]) == ("ann", 4, 2, "member")
        answer = await told(ann, "account", ending="erase")
        assert (answer["is"], answer["days"]) == ("account-ends", 7)
        for program in (phone, tablet):
            assert (await program.rest())[-1]["why"] == "account-ends"
        assert (await ann.rest())[-1]["is"] == "logged-out"
        account = await house.server._directory.accounts.find("ann")
        assert account is not None
        assert (account.state, account.ending) == ("closing", "erase")
        again = await told(house.connect(HERE), "login", nick="ann", password=CANARY)
        assert again["last_login"]["was_ending"]
        account = await house.server._directory.accounts.find("ann")
        assert account is not None
        assert account.state == "active"


async def test_at_a_terminal_an_account_is_ended_too(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        await register(house)
        person = house.call(HERE)
        await person.type("/login ann", CANARY, "/account")
        assert "Recovery codes left: 2." in await person.read_until("says how to end it.")
        await person.type("/account anonymise")
        await person.read_until("* ann ends in 7 days.")
        assert "Goodbye" in await person.read_to_end()
        person = house.call(HERE)
        await person.type("/login ann", CANARY)
        await person.read_until("* Your account was about to end. Now it goes on.")


# What one has chosen.


async def test_what_one_has_chosen_is_in_force_at_the_next_login(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    async with house_without_leaks(journal) as house:
        ann = house.call(HERE)
        await ann.type("/wrap 56", "/login ann", "/time Asia/Tokyo", "/register", CANARY, CANARY)
        await ann.read_until("again.")
        await ann.type("/history 7", "/plain", "/lang zh", "/colour on", "/logout")
        await ann.read_to_end()
    journal._is_closed = False
    async with house_without_leaks(journal) as house:
        again = house.call(HERE)
        await again.type("/login ann", CANARY)
        await again.type("/time", "/history", "/wrap", "/plain", "/logout")
        told_ = await again.read_to_end()
        assert "Asia/Tokyo" in told_
        assert "7" in told_
        assert "56" in told_
        program = await holder(house)
        assert (await told(program, "lang"))["value"] == "zh"


async def test_what_holds_at_a_terminal_holds_at_no_other_kind_of_door(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        await register(house)
        ann = house.call(HERE)
        await ann.type("/login ann", CANARY, "/charset gbk", "/logout")
        await ann.read_to_end()
        account = await house.server._directory.accounts.find("ann")
        assert account is not None
        assert account.choices == {"text": {"charset": "gbk"}}


async def test_what_was_chosen_just_before_the_login_is_stronger(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        await register(house)
        ann = house.call(HERE)
        await ann.type("/login ann", CANARY, "/wrap 56", "/plain off", "/logout")
        await ann.read_to_end()
        again = house.call(HERE)
        await again.type("/wrap 88", "/login ann plain", CANARY, "/wrap", "/plain off", "/logout")
        told_ = await again.read_to_end()
        assert "for 88 columns" in told_
        assert "for 56 columns" not in told_


async def test_choices_of_another_release_that_cannot_be_are_left_out(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        await register(house)
        store = house.server._directory.accounts
        account = await store.find("ann")
        assert account is not None
        odd: Choices = {
            "": {"language": "xx", "zone": "Nowhere/Else", "history": -3, "new": 1},
            "text": {"charset": "morse", "wrap": 7, "plain": "yes", "mode": "poetry", "colour": True},
            "vr": {"depth": 3},
        }
        await store.add_choices(account.id, odd)
        ann = house.call(HERE)
        await ann.type("/login ann", CANARY, "/charset", "/wrap", "/time", "/logout")
        told_ = await ann.read_to_end()
        assert "Your text is read and written in utf-8." in told_
        assert "Goodbye." in told_


async def test_a_choice_that_cannot_be_stored_is_in_force_all_the_same(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    async with house_without_leaks(journal) as house:
        await register(house)
        ann = house.call(HERE)
        await ann.type("/login ann", CANARY)
        await ann.read_until("* Welcome")
        journal._is_closed = True
        await ann.type("/wrap 88")
        await ann.read_until("for 88 columns.")
        await ann.read_until("* That holds for now, but could not be stored")
