"""Every name is one person's, and whoever has an account is one person, whatever is asked for in whatever order and whoever hangs up in between.

The whole server on virtual time. A password takes a second there, so that everything else can happen while it is hashed.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from account_house import CANARY, HERE, register, told
from chat_server.accounts.hashing import Argon2, Cost, HashingQueue
from chat_server.protocol.names import name_key
from chat_server.rooms.ends import end_account
from streams import Caller, House, Program, open_house

T = TypeVar("T")
NAMES = ("ann", "Ann", "bob", "b0b", "carol")
PROGRAMS, TERMINALS = 4, 2
STEPS = ("login", "password", "password", "register", "nick", "nick", "logout", "hang up", "end", "due", "token", "add")


async def for_a_second(work: Callable[[], T], /) -> T:
    with trio.CancelScope(shield=True):  # a thread is not stopped either
        await trio.sleep(1)
    return work()


@given(
    st.lists(
        st.tuples(
            st.integers(0, PROGRAMS + TERMINALS - 1),
            st.sampled_from(STEPS),
            st.sampled_from(NAMES),
            st.one_of(st.integers(0, 3), st.floats(0.1, 3)),
        ),
        min_size=10,
        max_size=40,
    )
)
def test_every_name_is_one_persons_however_they_come_and_go(steps: list[tuple[int, str, str, float]]) -> None:
    trio.run(play, steps, clock=MockClock(autojump_threshold=0))


async def play(steps: list[tuple[int, str, str, float]]) -> None:
    """Ask for these things without waiting for answers, but for so many turns of the others, or for so long."""
    queue = HashingQueue(Argon2(Cost(passes=1, memory=64)), for_a_second)
    async with open_house(messages_per_second=0, login_seconds=0, hashing=queue) as house:
        directory = house.server._directory
        for nick in ("ann", "bob"):
            await register(house, nick)
        callers = [await newcomer(house, number) for number in range(PROGRAMS + TERMINALS)]
        tokens: list[str] = []
        for who, step, name, wait in steps:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await carry_out(house, callers[who], step, name, tokens)
            if isinstance(wait, float):
                await trio.sleep(wait)
            else:
                for _ in range(wait):
                    await trio.lowlevel.checkpoint()
            if step in {"logout", "hang up"}:
                await callers[who].stream.aclose()
                callers[who] = await newcomer(house, who)
            await check_names(house)
        await trio.sleep(60)
        await check_names(house)
        for caller in callers:
            await caller.stream.aclose()
        await trio.sleep(60)
        assert not directory.people
        assert not queue.waiting


async def carry_out(house: House, caller: Caller, step: str, name: str, tokens: list[str]) -> None:
    if step == "due":
        await end_who_is_to_end(house)
    elif isinstance(caller, Program):
        if step == "end":
            tokens += [event["token"] for event in await heard(caller) if event.get("token")]
        if step in ASKED:
            token = {"token": tokens[-1]} if tokens and step in {"token", "add"} else {}
            await caller.ask(**ASKED[step], **({"nick": name} if step not in {"logout", "end"} else {}), **token)
    elif step in TYPED:
        await caller.type(*(line.format(name=name, password=CANARY) for line in TYPED[step]))


ASKED: dict[str, dict[str, Any]] = {
    "login": {"do": "login"},
    "password": {"do": "login", "password": CANARY},
    "register": {"do": "register", "password": CANARY},
    "nick": {"do": "nick"},
    "logout": {"do": "logout"},
    "end": {"do": "account", "ending": "close"},
    "token": {"do": "login"},
    "add": {"do": "login", "session": "add"},
}
TYPED = {
    "login": ("/login {name}",),
    "password": ("/login {name}", "{password}"),
    "register": ("/register {name}", "{password}", "{password}"),
    "nick": ("/nick {name}",),
    "logout": ("/logout",),
    "end": ("/account close",),
}


async def end_who_is_to_end(house: House) -> None:
    """End the accounts that are to end, as if their seven days were over: in less, nobody who has asked for it is still there."""
    await trio.sleep(0.3)
    directory = house.server._directory
    for account in await directory.accounts.listed("", 99):
        if account.state == "closing" and account.ending is not None:
            await end_account(directory.accounts, house.server.rooms, account.id, account.ending, 0.0)


async def newcomer(house: House, number: int) -> Caller:
    """A program that is known to be one, or somebody at a terminal."""
    if number >= PROGRAMS:
        return house.call(HERE)
    program = house.connect(f"127.1.{number}.1")
    assert (await told(program, "ping"))["ref"] == 4711
    return program


async def heard(program: Program) -> list[dict[str, Any]]:
    """All that a program has been told by now."""
    events = []
    with trio.move_on_after(1), suppress(AssertionError, trio.BrokenResourceError):
        while True:
            events.append(await program.read())
    return events


async def check_names(house: House) -> None:
    directory = house.server._directory
    logged_in = [session for session in house.server._sessions if session.nick]
    people = {session.person for session in logged_in}
    assert len({name_key(person.nick) for person in people}) == len(people), "no two have one name"
    accounts = [person.account for person in people if person.account]
    assert len({*accounts}) == len(accounts), "whoever has an account is one person"
    for person in people:
        holder = directory.accounts.names.holder(name_key(person.nick))
        assert holder in {0, person.account}, "nobody has the name of somebody else's account"
    for number in accounts:
        account = await directory.accounts.account(number)
        assert account is not None
        assert account.state != "closed", "nobody is in by an account that has ended"


async def test_nobody_is_let_in_by_an_account_that_ends_while_the_password_is_hashed(
    autojump_clock: trio.abc.Clock,
) -> None:
    queue = HashingQueue(Argon2(Cost(passes=1, memory=64)), for_a_second)
    async with open_house(hashing=queue) as house:
        await register(house)
        ann, late = house.connect(HERE), house.call(HERE)
        await told(ann, "login", nick="ann", password=CANARY)
        await ann.ask("account", ending="close")
        await ann.read_to_end()
        await late.type("/login ann")
        await late.read_until("Password: ")
        await late.type(CANARY)
        await trio.sleep(0.5)
        await end_who_is_to_end(house)
        await late.read_until("* That account has been closed.")
        await check_names(house)
