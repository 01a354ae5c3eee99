"""Whoever guesses passwords of the whole server, on virtual time: the owner comes in all the while, also after a start."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import trio
from msgspec.structs import replace

from account_house import CANARY, HERE, register, told
from captured_logs import capture_logs
from chat_server.accounts.hashing import PLACES, PLACES_PER_NETWORK, Argon2, Cost, HashingQueue
from chat_server.accounts.throttles import DAY
from chat_server.journal.memory import MemoryJournal
from streams import House, Program, open_house

T = TypeVar("T")


async def for_a_second(work: Callable[[], T], /) -> T:
    with trio.CancelScope(shield=True):  # a thread is not stopped either
        await trio.sleep(1)
    return work()


@asynccontextmanager
async def slow_house(journal: MemoryJournal) -> AsyncIterator[House]:
    """A server that takes a second for each password."""
    journal._is_closed = False
    queue = HashingQueue(Argon2(Cost(passes=1, memory=64)), for_a_second)
    async with open_house(journal=journal, hashing=queue) as house:
        yield house


async def fill_the_queue(house: House) -> list[Program]:
    """Strangers who have taken every place that is for strangers."""
    strangers = [house.connect(f"127.7.{n // PLACES_PER_NETWORK}.1") for n in range(PLACES)]
    for stranger in strangers:
        await stranger.ask("login", nick="ann", password="a guess of many")
    await trio.testing.wait_all_tasks_blocked()
    return strangers


async def test_strangers_who_fill_the_queue_leave_places_for_the_owner(autojump_clock: trio.abc.Clock) -> None:
    async with slow_house(MemoryJournal()) as house:
        await register(house)
        await fill_the_queue(house)
        assert (await told(house.connect("127.8.8.8"), "login", nick="ann", password=CANARY))["code"] == "busy"
        assert (await told(house.connect(HERE), "login", nick="ann", password=CANARY))["is"] == "logged-in"


async def test_after_a_start_the_owner_is_known_where_their_device_was_last(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    async with slow_house(journal) as house:
        await register(house)
    async with slow_house(journal) as house:
        await fill_the_queue(house)
        assert (await told(house.connect("127.8.8.8"), "login", nick="ann", password=CANARY))["code"] == "busy"
        assert (await told(house.connect(HERE), "login", nick="ann", password=CANARY))["is"] == "logged-in"


async def test_a_device_that_is_used_still_makes_its_network_known_however_old_it_is(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = MemoryJournal()
    async with slow_house(journal) as house:
        await register(house)
    for number, device in journal._kept.accounts.devices.items():
        journal._kept.accounts.devices[number] = replace(device, made=device.made - 40 * DAY)
    async with slow_house(journal) as house:
        await fill_the_queue(house)
        assert (await told(house.connect(HERE), "login", nick="ann", password=CANARY))["is"] == "logged-in"


async def test_a_stored_hash_that_cannot_be_compared_with_is_logged_without_it(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal) as house:
        await register(house)
        account = await journal.accounts.find("ann")
        assert account is not None
        await journal.accounts.change_password(account.id, "no hash of anything", ())
        with capture_logs() as logged:
            answer = await told(house.connect(HERE), "login", nick="ann", password=CANARY)
    assert answer["code"] == "wrong-password"
    (error,) = [one for one in logged if one["log_level"] == "error"]
    assert error["account"] == "ann"
    assert "no hash" not in repr(logged)
    assert CANARY not in repr(logged)


async def test_a_recovery_code_lets_the_owner_in_beside_whoever_guesses_from_the_same_network(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        code, other = (await register(house))["recovery"]
        stranger = house.connect(HERE)
        while (await told(stranger, "login", nick="ann", password="a guess of many"))["code"] != "too-many-tries":
            pass
        assert (await told(house.connect(HERE), "login", nick="ann", password=CANARY))["code"] == "too-many-tries"
        assert (await told(stranger, "login", nick="ann", code="0" * 20))["code"] == "too-many-tries"
        assert (await told(house.connect(HERE), "login", nick="ann", code=code))["is"] == "logged-in"
        assert (await told(stranger, "login", nick="bob", code=other))["code"] == "not-registered"
        assert (await told(house.connect(HERE), "login", nick="ann", code=code))["code"] == "too-many-tries"


async def test_a_clock_that_is_set_back_makes_nobodys_login_a_fresh_one_for_longer(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        await register(house)
        ann, authentication = house.connect(HERE), house.server._directory.authentication
        await told(ann, "login", nick="ann", password=CANARY)
        assert (await told(ann, "code", purpose="recovery"))["is"] == "recovery-made"
        clock = authentication.now
        authentication.now = lambda: clock() - 3600
        assert (await told(ann, "code", purpose="recovery"))["code"] == "wrong-password"
