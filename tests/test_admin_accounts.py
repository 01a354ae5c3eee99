"""Operators and accounts, with the whole server on virtual time: the first owner, forgotten passwords, devices, ends; and who may register."""

import json
from typing import Any

import pytest
import trio

from account_house import CANARY, HERE, SlowJournal, at_three_devices, holder, house_without_leaks, register, told
from captured_logs import capture_logs
from chat_server.accounts import Ending, Holder, Registration, Rewritten
from chat_server.accounts.issuing import OPERATOR_SECONDS
from chat_server.admin_shown import lines_of
from chat_server.config import Config, ProxyTable
from chat_server.journal.erasing import ERASED_TEXT
from chat_server.journal.memory import MemoryJournal
from chat_server.server.admin_requests import ACCOUNTS_AT_ONCE, CodeMade, DevicesDropped, decoded_answer
from streams import House, open_house
from test_admin import refusal


async def asked(house: House, do: str, **fields: Any) -> dict[str, Any]:
    """The one answer to an operator, who is not refused."""
    answer, done = await house.ask_as_operator(do, **fields)
    assert done == {"is": "done"}
    return answer


# The first owner.


async def test_the_first_owner_registers_by_the_operators_code_and_invites(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks(registration="invite") as house:
        with capture_logs() as logged:
            made = await asked(house, "make-owner", name="Ann")
        assert (made["nick"], made["is_new"], made["is_owner"]) == ("Ann", True, True)
        assert logged
        assert made["code"] not in repr(logged)
        assert (await register(house, "bob", invite=made["code"]))["code"] == "wrong-code", "it is for that name alone"
        ann = house.call(HERE)
        await ann.type(f"/register ann {made['code']}", CANARY, CANARY)
        await ann.read_until("* ann is your account now")
        await ann.read_until("* You are an owner of this server now. /code invite makes a code")
        await ann.type("/code invite")
        told_ = await ann.read_until("/register NICK ")
        code = told_ + await ann.read_until("\r\n")
        assert (await register(house, "bob", invite=code.strip()[-9:]))["is"] == "registered"
        assert (await asked(house, "show-account", name="bob"))["invited_by"] == "ann"
        assert (await register(house, "eve", invite=made["code"]))["code"] == "wrong-code", "it is used up"


@pytest.mark.parametrize("registration", ["open", "invite", "closed"])
async def test_an_owner_registers_wherever_nobody_else_may_and_whoever_has_registered_there(
    autojump_clock: trio.abc.Clock, registration: str
) -> None:
    async with house_without_leaks(registration=registration) as house:
        for name in ("bob", "carol"):
            await register(house, name)
        made = await asked(house, "make-owner", name="ann")
        assert (await register(house, invite=made["code"]))["is"] == "registered"
        assert (await asked(house, "show-account", name="ann"))["role"] == "owner"


async def test_somebody_who_has_an_account_becomes_an_owner_by_logging_in_on_all_their_connections(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        await register(house)
        ann = await holder(house)
        assert (await told(ann, "code", purpose="invite"))["code"] == "owners-invite"
        made = await asked(house, "make-owner", name="ANN")
        assert (made["nick"], made["is_new"]) == ("ann", False)
        other = house.connect()
        assert (await told(other, "login", nick="ann", code=made["code"]))["is"] == "logged-in"
        assert (await other.wait_for("now-owner"))["text"].startswith("You are an owner of this server now.")
        assert (await told(ann, "code", purpose="invite"))["is"] == "invited"
        assert "is an owner already" in refusal(await house.ask_as_operator("make-owner", name="ann"))
        assert (await told(house.connect(), "login", nick="ann", code=made["code"]))["code"] == "wrong-code"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("server", "look like the server's"),
        ("a b", "A name is made of letters"),
        ("", "A name has"),
        ("B0b", "looks like bob"),
    ],
)
async def test_nobody_can_become_an_owner_by_a_name_that_they_cannot_have(
    autojump_clock: trio.abc.Clock, name: str, why: str
) -> None:
    async with house_without_leaks() as house:
        await register(house, "bob")
        assert why in refusal(await house.ask_as_operator("make-owner", name=name))


async def test_an_operators_code_is_good_for_an_hour_and_takes_the_place_of_an_earlier_one(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks(registration="closed") as house:
        house.server._directory.authentication.now = trio.current_time
        others = await asked(house, "make-owner", name="bob")
        first = await asked(house, "make-owner", name="ann")
        assert first["seconds"] == OPERATOR_SECONDS == 3600
        second = await asked(house, "make-owner", name="ann")
        assert (await register(house, invite=first["code"]))["code"] == "wrong-code"
        assert (await register(house, "bob", invite=others["code"]))["is"] == "registered", "that is for another name"
        await trio.sleep(3600)
        assert (await register(house, invite=second["code"]))["code"] == "wrong-code"


def test_a_code_is_in_no_traceback() -> None:
    assert "7K3M" not in repr(CodeMade("ann", "7K3M-Q9TZ", 3600.0, is_new=True, is_owner=True))


# A password that is forgotten.


async def test_whoever_has_forgotten_the_password_is_let_in_by_the_operators_code_and_chooses_another(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        await register(house)
        made = await asked(house, "make-code", name="Ann")
        assert (made["nick"], made["is_new"], made["is_owner"]) == ("ann", False, False)
        ann = house.call(HERE)
        await ann.type(f"/login ann {made['code']}")
        await ann.read_until("* Welcome, ann.")
        await ann.type("/password", CANARY + " anew", CANARY + " anew")
        await ann.read_until("* Your password is changed.")
        assert (await told(house.connect(HERE), "login", nick="ann", password=CANARY))["code"] == "wrong-password"
        await holder(house, password=CANARY + " anew")
        assert (await asked(house, "show-account", name="ann"))["role"] == "member"


async def test_whoever_tries_codes_all_the_time_keeps_nobody_from_being_let_in_by_a_long_one(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        await register(house)
        short = await asked(house, "make-code", name="ann")
        for host in range(5):
            attacker = house.connect(f"198.51.{host}.7")
            assert (await told(attacker, "login", nick="ann", code="AAAA-AAAA"))["code"] == "wrong-code"
        assert (await told(house.connect(HERE), "login", nick="ann", code=short["code"]))["code"] == "wrong-code"
        long = await asked(house, "make-code", name="ann", is_long=True)
        assert "the code is a secret" in lines_of([decoded_answer(json.dumps(long).encode())])[1]
        for host in range(5, 10):
            attacker = house.connect(f"198.51.{host}.7")
            assert (await told(attacker, "login", nick="ann", code="AAAA-AAAA"))["code"] == "wrong-code"
        assert (await told(house.connect(), "login", nick="ann", code=long["code"]))["code"] == "no-secrets-here"
        assert (await told(house.connect(HERE), "login", nick="ann", code=long["code"]))["is"] == "logged-in"


async def test_a_code_for_nobody_is_not_made(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        await register(house)
        for name in ("bob", "a b", ""):
            assert "nobody has an account called" in refusal(await house.ask_as_operator("make-code", name=name))
        await asked(house, "end-account", name="ann", ending="close")
        assert "ann is closed" in refusal(await house.ask_as_operator("make-code", name="ann"))


# Which accounts there are.


async def test_all_accounts_are_listed_some_at_a_time(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        names = [f"n{number:03}" for number in range(ACCOUNTS_AT_ONCE + 1)]
        for name in names:
            await house.server._directory.accounts.register(Registration(name, name), 7.0)
        *first, _ = await house.ask_as_operator("list-accounts")
        *rest, _ = await house.ask_as_operator("list-accounts", after=first[-1]["nick"].upper())
        assert [one["nick"] for one in (*first, *rest)] == names
        assert len(rest) == 1
        assert rest[0] == {
            "is": "account-listed",
            "nick": names[-1],
            "role": "member",
            "state": "active",
            "made": 7.0,
            "seen": 7.0,
        }


async def test_an_account_is_shown_with_what_lets_in_to_it_and_without_secrets(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        await at_three_devices(house)
        shown = await asked(house, "show-account", name="ann")
        assert (shown["devices"], shown["recovery_codes"], shown["sessions"]) == (4, 2, 3)
        assert shown["has_password"] is True
        assert "argon2" not in repr(shown)


async def test_an_operator_sees_who_is_a_guest_where_anybody_has_an_account(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        guest, stranger = house.connect(), house.call()
        await guest.enter("bob")
        await stranger.read_until("Type /login")
        assert [one["guest"] for one in (await house.ask_as_operator("who"))[:-1]] == [False, False]
        await register(house)
        await holder(house)
        *people, _ = await house.ask_as_operator("who")
        assert [(one["nick"], one["guest"]) for one in people] == [("ann", False), ("bob", True), ("", False)]
        assert [row.split()[0] for row in lines_of([decoded_answer(json.dumps(one).encode()) for one in people])] == [
            "NAME",
            "ann",
            "bob?",
            "(not",
        ]


# Devices.


async def test_an_operator_drops_a_device_and_its_session_ends_at_once(autojump_clock: trio.abc.Clock) -> None:
    journal = SlowJournal()
    async with house_without_leaks(journal) as house:
        _, phone, tablet = await at_three_devices(house)
        *listed, _ = await house.ask_as_operator("list-devices", name="ann")
        assert [(one["device"], one["is_here"]) for one in listed] == [(1, False), (2, True), (3, True), (4, True)]
        assert {one["network"] for one in listed} == {"127.0.0.0/24"}
        await phone.ask("say", room="python", text="being stored just now")
        await trio.sleep(0.5)
        await phone.ask("say", room="python", text="waits")
        await trio.sleep(0.1)
        dropped = await asked(house, "drop-devices", name="ann", device=3)
        assert (dropped["devices"], dropped["sessions"]) == ([3], 1)
        stored = await journal.read("python", 1, 1000)
        assert [line.text for line in stored.lines] == ["being stored just now"]
        assert (await phone.rest())[-1]["why"] == "dropped-by-operator"
        await tablet.ask("say", room="python", text="still here")
        await tablet.wait_for("said")
        await trio.sleep(60)
        assert len((await journal.read("python", 1, 1000)).lines) == 2
        assert "ann has no device 3" in refusal(await house.ask_as_operator("drop-devices", name="ann", device=3))


async def test_an_operator_logs_somebody_out_everywhere(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        devices = await at_three_devices(house)
        person = house.call(HERE)
        await person.type("/login ann", CANARY)
        await person.read_until("* Welcome, ann.")
        dropped = await asked(house, "drop-devices", name="ann")
        assert (dropped["devices"], dropped["sessions"]) == ([1, 2, 3, 4], 4)
        for program in devices:
            assert (await program.rest())[-1]["why"] == "dropped-by-operator"
        assert "* An operator has logged this device out." in await person.read_to_end()
        assert await house.ask_as_operator("list-devices", name="ann") == [{"is": "done"}]
        await holder(house)


async def test_of_a_bot_it_is_not_said_that_it_logs_in_anew(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        await register(house)
        ann = await holder(house)
        number = (await told(ann, "code", purpose="bot", name="dice"))["number"]
        dropped = await asked(house, "drop-devices", name="ann", device=number)
        assert (dropped["devices"], dropped["bots"]) == ([number], 1)
        await told(ann, "code", purpose="bot", name="dice")
        everything = await asked(house, "drop-devices", name="ann")
        assert (len(everything["devices"]) > 1, everything["bots"]) == (True, 1)
    (bot,) = lines_of([DevicesDropped("ann", (2,), 1, 0)])
    assert (
        bot == "1 device of ann dropped (0 connections ended): a bot needs another token, which ann makes by /code bot"
    )
    (both,) = lines_of([DevicesDropped("ann", (1, 2), 1, 3)])
    assert "they log in anew, by the password or a code; a bot needs another token" in both
    assert lines_of([DevicesDropped("ann", (), 0, 0)]) == ["0 devices of ann dropped (0 connections ended)"]


# The end.


@pytest.mark.parametrize(("ending", "nick"), [("close", "ann"), ("anonymise", "deleted-"), ("erase", "deleted-")])
async def test_an_account_that_an_operator_ends_is_logged_out_and_closed_for_good(
    autojump_clock: trio.abc.Clock, ending: str, nick: str
) -> None:
    journal = SlowJournal()
    async with house_without_leaks(journal) as house:
        ann, phone, _ = await at_three_devices(house)
        await ann.ask("say", room="python", text="mine")
        await ann.wait_for("said")
        await phone.ask("say", room="python", text="being stored just now")
        await trio.sleep(0.5)
        await phone.ask("say", room="python", text="waits")
        ended = await asked(house, "end-account", name="ANN", ending=ending)
        assert (ended["nick"], ended["ending"], ended["sessions"]) == ("ann", ending, 3)
        assert ended["lines_of"].startswith(nick)
        for program in (ann, phone):
            assert (await program.rest())[-1]["why"] == "account-ended"
        await trio.sleep(60)
        lines = (await journal.read("python", 1, 1000)).lines
        texts = [ERASED_TEXT] * 2 if ending == "erase" else ["mine", "being stored just now"]
        assert [(line.nick, line.text) for line in lines] == [(ended["lines_of"], text) for text in texts]
        again = house.connect(HERE)
        assert (await told(again, "login", nick="ann", password=CANARY))["code"] == "wrong-password"
        (shown, _) = await house.ask_as_operator("show-account", name=ended["lines_of"])
        assert (shown["state"], shown["ending"], shown["devices"]) == ("closed", ending, 0)
        assert "is closed" in refusal(
            await house.ask_as_operator("end-account", name=ended["lines_of"], ending="close")
        )


async def test_nobody_is_let_in_while_an_operator_ends_their_account(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house_without_leaks() as house:
        token = (await register(house))["token"]
        accounts = house.server._directory.accounts
        end, find = accounts.end, accounts.by_token

        async def end_slowly(account: int, ending: Ending, at: float, *, is_due: bool) -> Rewritten | None:
            await trio.sleep(1)
            ended = await end(account, ending, at, is_due=is_due)
            await trio.sleep(1)
            return ended

        async def find_slowly(digest: bytes, at: float) -> Holder | None:
            found = await find(digest, at)
            await trio.sleep(2)
            return found

        monkeypatch.setattr(accounts, "end", end_slowly)
        answers: list[Any] = []

        async def end_it() -> None:
            answers.append(await asked(house, "end-account", name="ann", ending="erase"))

        house.nursery.start_soon(end_it)
        await trio.sleep(0.5)
        at_once = house.connect(HERE)
        assert (await told(at_once, "login", nick="ann", token=token))["code"] == "changed-meanwhile"
        monkeypatch.setattr(accounts, "by_token", find_slowly)
        late = house.connect(HERE)
        assert (await told(late, "login", nick="ann", token=token))["code"] == "changed-meanwhile"
        assert answers


async def test_an_end_that_its_holder_has_asked_for_is_taken_back_by_an_operator(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        await register(house)
        assert "ann is not about to end" in refusal(await house.ask_as_operator("restore-account", name="ann"))
        ann = await holder(house)
        await told(ann, "account", ending="erase")
        shown = await asked(house, "show-account", name="ann")
        assert (shown["state"], shown["ending"]) == ("closing", "erase")
        assert shown["ends_at"] > 0
        assert await asked(house, "restore-account", name="ann") == {"is": "account-restored", "nick": "ann"}
        shown = await asked(house, "show-account", name="ann")
        assert (shown["state"], shown["ending"], shown["ends_at"]) == ("active", "", 0)


# Who may come in, and register.


@pytest.mark.parametrize(
    ("registration", "code"),
    [("open", "no-guests"), ("invite", "no-guests-but-invited"), ("closed", "no-guests-no-accounts")],
)
async def test_where_guests_do_not_come_in_one_is_told_how_to_have_an_account(
    autojump_clock: trio.abc.Clock, registration: str, code: str
) -> None:
    async with house_without_leaks(guests=False, registration=registration) as house:
        answer = await told(house.connect(HERE), "login", nick="ann")
        assert answer["code"] == code
        assert "/register" in answer["text"]


async def test_behind_a_proxy_one_is_invited_for_people_come_from_elsewhere(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(Config(proxy=ProxyTable(trusted=["192.0.2.99"]))) as house:
        assert (await told(house.connect(HERE), "register", nick="ann", password=CANARY))["code"] == "invite-needed"


async def test_an_invitation_that_is_typed_to_log_in_is_told_to_be_one_for_registering(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        await register(house)
        bob = house.call(HERE)
        await bob.type("/login bob 7K3M-Q9TZ")
        await bob.read_until("* bob is not registered. If a code invites you: /register bob CODE. Else /login bob")
        await bob.type("/login b*b 7K3M-Q9TZ")
        await bob.read_until("* A name is made of letters")


async def test_everybody_with_an_account_invites_where_the_settings_say_so_until_they_have_made_many(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = MemoryJournal()
    async with house_without_leaks(journal, invitations="all") as house:
        await register(house)
        ann = await holder(house)
        answers = [await told(ann, "code", purpose="invite") for _ in range(49)]
        assert [answer["is"] for answer in answers[:48]] == ["invited"] * 48
        assert answers[48]["code"] == "too-many-codes"
        assert (await asked(house, "make-code", name="ann"))["code"], "that keeps no operator from letting her in"


async def test_an_operator_who_names_an_account_as_it_was_called_is_told_its_name(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        await register(house)
        assert (await told(await holder(house), "nick", nick="bob"))["new"] == "bob"
        assert refusal(await house.ask_as_operator("make-code", name="Ann")) == "Ann is called bob now"
