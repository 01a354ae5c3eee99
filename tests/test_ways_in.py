"""What ends a way in to an account ends all that came by it, and no way in gives more than it is for; with the whole server on virtual time."""

from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

import pytest
import trio

from account_house import CANARY, HERE, holder, house_without_leaks, register, told
from chat_server.accounts.hashing import Argon2, Cost, HashingQueue
from chat_server.journal.memory import MemoryJournal
from streams import House, open_house
from test_guessing import for_a_second

P = ParamSpec("P")
T = TypeVar("T")

NEW = CANARY + " anew"


def answered_late(asked: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """The same, whose answer takes a second to come."""

    async def late(*args: P.args, **kwargs: P.kwargs) -> T:
        answer = await asked(*args, **kwargs)
        await trio.sleep(1)
        return answer

    return late


def are_answered_late(house: House, monkeypatch: pytest.MonkeyPatch, *methods: str) -> None:
    accounts = house.server._directory.accounts
    for method in methods:
        monkeypatch.setattr(accounts, method, answered_late(getattr(accounts, method)))


async def test_a_code_that_a_device_has_made_changes_nothing_that_needs_the_password(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        stolen = await holder(house, token=(await register(house))["token"])
        code = (await told(stolen, "code", purpose="device"))["code"]
        other = house.connect(HERE)
        assert (await told(other, "login", nick="ann", code=code))["is"] == "logged-in"
        assert (await told(other, "password", new=NEW))["code"] == "wrong-password"
        assert (await told(other, "code", purpose="recovery"))["code"] == "wrong-password"
        assert (await told(other, "account", ending="erase"))["code"] == "wrong-password"
        assert (await told(other, "password", new=NEW, old=CANARY))["is"] == "password-changed"


async def test_whoever_comes_by_a_recovery_code_chooses_a_new_password(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        code, _ = (await register(house))["recovery"]
        ann = house.connect(HERE)
        assert (await told(ann, "login", nick="ann", code=code))["is"] == "logged-in"
        assert (await told(ann, "password", new=NEW))["is"] == "password-changed"


@pytest.mark.parametrize(
    ("do", "fields"), [("drop", {"device": "2"}), ("drop", {"device": "others"}), ("password", {"new": NEW})]
)
async def test_a_code_that_a_device_has_made_ends_with_it(
    do: str, fields: dict[str, str], autojump_clock: trio.abc.Clock
) -> None:
    async with house_without_leaks() as house:
        await register(house)
        stolen, ann = await holder(house), await holder(house)
        code = (await told(stolen, "code", purpose="device"))["code"]
        assert (await told(ann, do, **fields))["is"] in {"dropped", "password-changed"}
        assert (await told(house.connect(), "login", nick="ann", code=code))["code"] == "wrong-code"
        code = (await told(ann, "code", purpose="device"))["code"]
        assert (await told(house.connect(), "login", nick="ann", code=code))["is"] == "logged-in"


@pytest.mark.parametrize(
    ("do", "fields", "slow"),
    [
        ("drop", {"device": "others"}, ("devices",)),
        ("drop", {"device": "others"}, ("drop_devices",)),
        ("password", {"new": NEW}, ("change_password",)),
        ("account", {"ending": "close"}, ("begin_end",)),
    ],
)
async def test_whoever_logs_in_while_ways_in_are_ended_has_no_new_one(
    do: str,
    fields: dict[str, str],
    slow: tuple[str, ...],
    autojump_clock: trio.abc.Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with house_without_leaks() as house:
        await register(house)
        ann = await holder(house)
        are_answered_late(house, monkeypatch, *slow)
        await ann.ask(do, **fields)
        await trio.sleep(0.5)
        other = house.connect(HERE)
        await other.ask("login", nick="ann", password=CANARY, ref=1)
        answer = await other.wait_for("refused")
        assert answer["code"] in {"changed-meanwhile", "wrong-password"}


async def test_whoever_logs_in_while_an_operator_drops_all_devices_has_no_new_one(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house_without_leaks() as house:
        await register(house)
        accounts, operator = house.server._directory.accounts, house.operator()
        with monkeypatch.context() as patched:
            are_answered_late(house, patched, "devices")
            house.nursery.start_soon(operator.send, b'{"do":"drop-devices","protocol":1,"name":"ann"}\n')
            await trio.sleep(0.5)
            other = house.connect(HERE)
            assert (await told(other, "login", nick="ann", password=CANARY))["code"] == "changed-meanwhile"
        assert (await operator.answers())[0]["devices"] == [1]
        account = await accounts.find("ann")
        assert account is not None
        assert await accounts.devices(account.id) == []


async def test_whoever_takes_an_end_back_while_ways_in_are_ended_is_not_let_in(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house_without_leaks() as house:
        await register(house)
        await told(await holder(house), "account", ending="close")
        are_answered_late(house, monkeypatch, "take_back_end")
        other = house.connect(HERE)
        await other.ask("login", nick="ann", password=CANARY)
        await trio.sleep(0.5)
        assert (await house.ask_as_operator("drop-devices", name="ann"))[-1]["is"] == "done"
        assert (await other.wait_for("refused"))["code"] == "changed-meanwhile"


async def test_a_password_that_is_changed_while_the_hash_of_the_old_one_is_made_anew_stays_changed(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, hashing=HashingQueue(Argon2(Cost(1, 64)), for_a_second)) as house:
        await register(house)
    journal._is_closed = False
    dearer = HashingQueue(Argon2(Cost(2, 64)), for_a_second)
    async with open_house(journal=journal, hashing=dearer) as house, trio.open_nursery() as nursery:
        account = await journal.accounts.find("ann")
        assert account is not None
        nursery.start_soon(house.server._directory.authentication.by_password, "ann", CANARY, "127.0.0.1")
        await trio.sleep(0.5)
        stored = "the hash of another"
        await journal.accounts.change_password(account.id, stored, keep=())
        await trio.sleep(5)
        changed = await journal.accounts.find("ann")
        assert changed is not None
        assert changed.password == stored


@pytest.mark.parametrize("is_bot", [True, False])
async def test_whoever_has_a_lost_token_keeps_nobody_out_by_logging_in_often(
    is_bot: bool, autojump_clock: trio.abc.Clock
) -> None:
    async with open_house(sessions_per_person=3) as house:
        token = (await register(house))["token"]
        ann = await holder(house)
        if is_bot:
            token = (await told(ann, "code", purpose="bot", name="dice"))["token"]
        await told(ann, "join", room="python")
        for _ in range(2):
            thief = await holder(house, token=token, session="add")
            await told(thief, "join", room="python")
        more = house.connect(HERE)
        assert (await told(more, "login", nick="ann", token=token, session="add"))["code"] == "too-many-sessions"
        person = house.call(HERE)
        await person.type("/login ann", CANARY)
        await person.read_until("* Welcome, ann.")
        (holder_,) = house.server._directory.people
        await trio.sleep(1)
        assert len(holder_.sessions) == 3
        assert not holder_.replaced
        assert (await told(await holder(house), "drop", device="others"))["sessions"] == 2


@pytest.mark.parametrize("by", ["password", "code"])
async def test_who_cannot_be_let_in_because_nothing_can_be_stored_is_told_so(
    by: str, autojump_clock: trio.abc.Clock
) -> None:
    journal = MemoryJournal()
    async with house_without_leaks(journal) as house:
        shown = {"password": CANARY, "code": (await register(house))["recovery"][0]}
        journal._is_closed = True
        answer = await told(house.connect(HERE), "login", nick="ann", **{by: shown[by]})
        assert answer["text"] == "That could not be stored just now. Try again later."
        journal._is_closed = False
        assert (await told(house.connect(HERE), "login", nick="ann", **{by: shown[by]}))["is"] == "logged-in"


async def test_whoever_renames_an_account_at_a_lost_device_keeps_its_owner_not_out(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(messages_per_second=0) as house:
        made = await register(house)
        thief = await holder(house, token=made["token"])
        for number in range(12):
            assert (await told(thief, "nick", nick=f"nobody{number}"))["is"] == "renamed"
        stranger = house.connect(HERE)
        assert (await told(stranger, "login", nick="ann"))["code"] == "name-kept"
        assert (await told(stranger, "login", nick="ann", password="a guess of many"))["code"] == "wrong-password"
        ann = await holder(house)
        assert (await told(ann, "drop", device="others"))["sessions"] == 1
        assert (await told(ann, "nick", nick="ann"))["new"] == "ann"
        person = house.call(HERE)
        await person.type("/login nobody3", CANARY)
        await person.read_until("* Welcome, ann.")
        code = made["recovery"][0]
        assert (await told(house.connect(HERE), "login", nick="nobody3", code=code))["nick"] == "ann"
