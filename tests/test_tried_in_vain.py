"""A way in that is tried and comes to nothing: what is told of it, what it counts for, and what is left of it; on virtual time."""

from typing import Any

import pytest
import trio

from account_house import CANARY, HERE, holder, house_without_leaks, register, told
from chat_server.accounts import Accounts
from chat_server.accounts.authentication import ONE_TIME_TRIES
from chat_server.accounts.credentials import parse_code
from chat_server.journal import JournalError
from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.events import Refused
from streams import House, open_house
from test_guessing import fill_the_queue, slow_house
from test_ways_in import answered_late


def accounts_of(house: House) -> Accounts:
    return house.server._directory.accounts


async def cannot(*args: Any, **fields: Any) -> Any:
    raise JournalError("no space left on device")


async def test_a_login_that_is_refused_leaves_no_device(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(sessions_per_person=2) as house:
        await register(house)
        ann = await holder(house)
        await holder(house)
        for _ in range(3):
            code = (await told(ann, "code", purpose="device"))["code"]
            answer = await told(house.connect(HERE), "login", nick="ann", code=code)
            assert answer["code"] == "connected-too-often"
        assert len((await told(ann, "devices"))["devices"]) == 3


async def test_who_has_become_an_owner_by_a_code_and_is_not_let_in_is_told_only_that(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_house() as house:
        await register(house)
        monkeypatch.setattr(house.server._directory.authentication, "is_revoked", lambda _: True)
        (made, _) = await house.ask_as_operator("make-owner", name="ann")
        late = house.connect(HERE)
        for fields in ({"nick": "ann", "code": made["code"]}, {"nick": "zoe"}):
            await late.ask("login", **fields)
        assert [(await late.read())["is"] for _ in range(2)] == ["refused", "logged-in"]


async def test_an_end_that_cannot_be_taken_back_lets_nobody_in_and_says_so(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house_without_leaks() as house:
        await register(house)
        ann = await holder(house)
        await told(ann, "account", ending="erase")
        late = house.connect(HERE)
        with monkeypatch.context() as patched:
            patched.setattr(accounts_of(house), "take_back_end", cannot)
            assert (await told(late, "login", nick="ann", password=CANARY))["code"] == "cannot-store"
        assert (await told(late, "login", nick="ann", password=CANARY))["last_login"]["was_ending"]


@pytest.mark.parametrize(
    ("do", "purpose", "fields"),
    [("login", "device", {"nick": "ann"}), ("register", "invite", {"nick": "zoe", "password": CANARY})],
)
async def test_what_the_disk_refuses_counts_as_no_try_of_a_code(
    do: str, purpose: str, fields: dict[str, str], autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house_without_leaks(invitations="all") as house:
        await register(house)
        ann = await holder(house)
        made = (await told(ann, "code", purpose=purpose))["code"]
        field, refusal = ("code", "cannot-store") if do == "login" else ("invite", "cannot-read")
        with monkeypatch.context() as patched:
            patched.setattr(accounts_of(house), "code", cannot)
            for _ in range(12):
                assert (await told(house.connect(HERE), do, **fields, **{field: made}))["code"] == refusal
        assert (await told(house.connect(HERE), do, **fields, **{field: made}))["is"] in {"logged-in", "registered"}


async def test_who_hangs_up_before_a_code_was_looked_at_has_not_tried(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house_without_leaks() as house:
        await register(house)
        authentication, typed = house.server._directory.authentication, parse_code("AAAA-AAAA")
        with monkeypatch.context() as patched:
            patched.setattr(accounts_of(house), "code", answered_late(accounts_of(house).code))
            for _ in range(12):
                with trio.move_on_after(0.5):
                    await authentication.by_code("ann", typed, HERE)
        assert await authentication.by_code("ann", typed, HERE) == Refused("wrong-code")


async def test_who_is_told_that_too_many_wait_has_not_registered(autojump_clock: trio.abc.Clock) -> None:
    async with slow_house(MemoryJournal()) as house:
        await fill_the_queue(house)
        for _ in range(5):
            assert (await told(house.connect(HERE), "register", nick="ann", password=CANARY))["code"] == "busy"
        await trio.sleep(60)
        for nick in ("ann", "bob"):
            assert (await told(house.connect(HERE), "register", nick=nick, password=CANARY))["is"] == "registered"
        answer = await told(house.connect(HERE), "register", nick="cat", password=CANARY)
        assert answer["code"] == "registered-too-often"


async def test_wrong_codes_that_were_tried_before_a_code_was_made_count_nothing_against_it(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        house.server._directory.authentication.now = trio.current_time
        await register(house)
        ann = await holder(house)

        async def guess(count: int) -> None:
            for number in range(count):
                stranger = house.connect(f"127.7.{number}.1")
                assert (await told(stranger, "login", nick="ann", code="AAAA-AAAA"))["code"] == "wrong-code"
                await trio.sleep(1)

        await guess(ONE_TIME_TRIES - 1)
        code = (await told(ann, "code", purpose="device"))["code"]
        await guess(ONE_TIME_TRIES - 1)
        assert (await told(house.connect(HERE), "login", nick="ann", code=code))["is"] == "logged-in"
