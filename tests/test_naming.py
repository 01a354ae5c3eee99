"""A name that is being registered or changed by one session of somebody's, while their other sessions do the same, or end it; on virtual time."""

from collections.abc import Mapping

import pytest
import trio

from account_house import CANARY, HERE, holder, house_without_leaks, register, told
from streams import House, Program
from test_names_in_turn import check_names
from test_ways_in import are_answered_late

TOKEN = "g" * 22


def held(house: House) -> Mapping[str, str]:
    """Which names are held here, and by whom."""
    return {key: person.nick for key, person in house.server._directory._people.items()}


async def guest(house: House, **fields: str) -> Program:
    program = house.connect(HERE)
    assert (await told(program, "login", nick="ann", token=TOKEN, **fields))["is"] == "logged-in"
    return program


async def test_while_a_name_is_registered_no_other_session_changes_or_registers_it(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house_without_leaks() as house:
        are_answered_late(house, monkeypatch, "register")
        ann, other = await guest(house), await guest(house, session="add")
        await ann.ask("register", nick="ann", password=CANARY)
        await trio.sleep(0.5)
        assert (await told(other, "nick", nick="bob"))["code"] == "name-busy"
        assert (await told(other, "register", nick="ann", password=CANARY))["code"] == "name-busy"
        assert (await ann.wait_for("registered"))["nick"] == "ann"
        await check_names(house)
        assert (await told(other, "nick", nick="bob"))["new"] == "bob"
        assert held(house) == {"bob": "bob"}


async def test_whoever_thinks_of_a_password_registers_no_name_that_they_have_no_more(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        await register(house, "bob")
        ann = house.call(HERE)
        await ann.type("/login ann", "/register")
        await ann.read_until("password")
        (person,) = house.server._directory.people
        person.nick = "anna"  # by another session
        await ann.type(CANARY, CANARY)
        await ann.read_until("* Your name here is anna, and /register keeps that one for you.")
        person.nick = "ann"
        await ann.type("/register", CANARY)
        person.account = 4711
        await ann.type(CANARY)
        await ann.read_until("* ann is your account already.")


async def test_who_registers_and_is_taken_over_meanwhile_has_the_account(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house_without_leaks() as house:
        are_answered_late(house, monkeypatch, "register")
        ann = await guest(house)
        await ann.ask("register", nick="ann", password=CANARY)
        await trio.sleep(0.5)
        again = await guest(house)
        await trio.sleep(5)
        await check_names(house)
        assert (await told(again, "account"))["nick"] == "ann"
        await holder(house)


async def test_whose_account_is_renamed_and_who_is_taken_over_meanwhile_has_one_name(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house_without_leaks() as house:
        token = (await register(house))["token"]
        ann = await holder(house, token=token)
        with monkeypatch.context() as patched:
            are_answered_late(house, patched, "rename")
            await ann.ask("nick", nick="bob")
            await trio.sleep(0.5)
            again = await holder(house, token=token)
            await trio.sleep(5)
        assert held(house) == {"bob": "bob"}
        await told(again, "logout")
        await ann.stream.aclose()
        await trio.sleep(5)
        assert held(house) == {}
        assert (await told(house.connect(HERE), "login", nick="bob", password=CANARY))["is"] == "logged-in"


async def test_a_name_that_is_never_stored_is_free_again(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house_without_leaks() as house:
        ann = await holder(house, token=(await register(house))["token"])

        async def never(*_: object) -> None:
            await trio.sleep_forever()

        monkeypatch.setattr(house.server._directory.accounts, "rename", never)
        assert (await told(ann, "nick", nick="bob"))["code"] == "cannot-store"
        assert held(house) == {"ann": "ann"}
