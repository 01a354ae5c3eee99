"""What may be a password; how passwords are hashed, and that nobody can make the server do too much of it."""

import itertools
import logging
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import argon2
import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from chat_server.accounts.hashing import (
    PLACES,
    PLACES_FOR_KNOWN,
    PLACES_PER_NETWORK,
    Argon2,
    Busy,
    Cost,
    HashingQueue,
    UnusableHash,
    Verdict,
)
from chat_server.accounts.passwords import (
    NEW_PASSWORD_MIN,
    PASSWORD_MAX,
    PASSWORD_TYPED_MAX,
    BadPassword,
    Password,
    _common,
    parse_new_password,
    parse_password,
)

T = TypeVar("T")
CHEAP = Cost(passes=1, memory=64)
"""What a test can afford."""


def refused(text: str, name: str | None = None) -> str:
    with pytest.raises(BadPassword) as told:
        parse_password(text) if name is None else parse_new_password(text, name)
    assert str(told.value) == told.value.code, "nothing of what was typed"
    return told.value.code


# What may be one.


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("e\u0301lan vital", "élan vital"),
        ("two\u00a0words\u3000", "two words "),
        ("tab\there", "tab here"),
        ("bi\u202edi", "bidi"),
    ],
)
def test_a_password_is_the_same_however_a_keyboard_writes_it(one: str, other: str) -> None:
    assert parse_password(one).reveal() == parse_password(other).reveal()


@pytest.mark.parametrize(("one", "other"), [("secret", "Secret"), ("ﬁn", "fin"), ("ａ", "a"), (" a", "a")])
def test_case_compatibility_forms_and_spaces_count(one: str, other: str) -> None:
    assert parse_password(one).reveal() != parse_password(other).reveal()


def test_a_password_has_a_byte_at_least_and_so_many_at_most() -> None:
    assert parse_password("x").reveal() == b"x"
    assert len(parse_password("é" * (PASSWORD_MAX // 2)).reveal()) == PASSWORD_MAX
    for text in ("", "\u202e", "x" * (PASSWORD_MAX + 1), "é" * (PASSWORD_MAX // 2 + 1)):
        assert refused(text) == "password-length"


def test_what_is_too_long_is_neither_cleaned_nor_normalised(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> str:
        raise AssertionError

    for what in ("sanitize", "normalize"):
        monkeypatch.setattr(f"chat_server.accounts.passwords.{what}", refuse)
    assert refused("x" * (PASSWORD_TYPED_MAX + 1)) == "password-length"


@given(st.text(max_size=PASSWORD_TYPED_MAX))
def test_a_password_in_its_one_form_is_itself(text: str) -> None:
    try:
        password = parse_password(text)
    except BadPassword:
        return
    assert 1 <= len(password.reveal()) <= PASSWORD_MAX
    assert parse_password(password.reveal().decode()).reveal() == password.reveal()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1234567", "password-short"),
        ("e\u0301" * 7, "password-short"),
        ("alexandra", "password-is-name"),
        ("ALEXANDRA", "password-is-name"),
        ("password", "password-common"),
        ("PassWord", "password-common"),
        ("1q2w3e4r5t", "password-common"),
        ("x" * 257, "password-length"),
    ],
)
def test_a_new_password_is_refused_that_anybody_would_try_first(text: str, code: str) -> None:
    assert refused(text, "Alexandra") == code


def test_nothing_else_is_asked_of_a_new_password() -> None:
    for text in ("aaaaaaab", "correct horse", "小明的生日是五月", "12 34 56 78", "alexandra2"):
        assert parse_new_password(text, "alexandra").reveal() == text.encode()


def test_an_old_password_may_be_what_no_new_one_may_be() -> None:
    assert parse_password("password").reveal() == b"password"


def test_the_common_ones_are_a_thousand_that_are_long_enough_to_matter() -> None:
    assert len(_common()) == 1000
    assert all(len(one) >= NEW_PASSWORD_MIN and one == one.casefold() for one in _common())


# That it is shown to nobody.


def test_a_password_is_in_no_text_that_is_made_of_it(caplog: pytest.LogCaptureFixture) -> None:
    secret = "canary-4711-äöü"  # noqa: S105 - nobody's
    password = parse_password(secret)
    shown = [repr(password), str(password), f"{password}", f"{password!r:>40}", f"{[password]}", f"{password:}"]
    logging.getLogger().error("who came: %s", {"password": password})
    for step in (
        lambda: Argon2(CHEAP).matches(password, "no hash"),
        lambda: Argon2(CHEAP).matches(password, Argon2(CHEAP).hashed(password)[:-4] + "????"),
        lambda: parse_new_password(secret, secret),
        lambda: parse_password(secret * 100),
        lambda: Verdict(password),  # type: ignore[arg-type]
        lambda: vars(password),
    ):
        try:
            shown.append(repr(step()))
        except Exception:  # noqa: BLE001 - whatever comes
            shown.append(traceback.format_exc())
    assert not [text for text in [*shown, caplog.text] if "canary" in text]


# What is made of it.


def test_a_hash_is_argon2id_with_the_recommended_cost_and_a_salt_of_its_own() -> None:
    hasher, password = Argon2(), parse_password("correct horse")
    one = hasher.hashed(password)
    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert hasher.matches(password, one)
    assert not hasher.matches(parse_password("correct horsf"), one)
    assert not hasher.is_weak(one)
    assert hasher.hashed(password) != one


def test_a_hash_made_at_a_lower_cost_is_weak_and_one_made_at_a_higher_is_not() -> None:
    password = parse_password("correct horse")
    stored = Argon2(Cost(2, 128)).hashed(password)
    for cost, is_weak in ((Cost(2, 128), False), (Cost(3, 128), True), (Cost(2, 256), True), (Cost(1, 64), False)):
        assert Argon2(cost).is_weak(stored) == is_weak
        assert Argon2(cost).matches(password, stored)


def other_hash(**cost: int) -> str:
    default = {"time_cost": 1, "memory_cost": 64, "parallelism": 1}
    return argon2.PasswordHasher(**(default | cost)).hash("x")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "x",
        "$2b$12$bcrypt",
        other_hash(memory_cost=64 * 4 + 8),
        other_hash(time_cost=5),
        other_hash(time_cost=3, memory_cost=128),
        other_hash(parallelism=5),
        argon2.PasswordHasher(1, 64, 1, type=argon2.Type.I).hash("x"),
        other_hash() + "A" * 300,
        other_hash().replace("t=1", "t=one"),
        other_hash().replace("m=64", "m=1"),
        other_hash()[:60],
        "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$" + "A" * 43,
    ],
    ids=itertools.count(),  # a name made of the hash would be another one each time
)
def test_what_is_stored_and_asks_for_much_more_or_is_no_hash_is_not_compared_with(stored: str) -> None:
    with pytest.raises(UnusableHash):
        Argon2(CHEAP).matches(parse_password("x"), stored)


@pytest.mark.parametrize("cost", [{}, {"memory_cost": 256}, {"time_cost": 4}, {"parallelism": 2}])
def test_what_asks_for_no_more_than_four_times_as_much_is_compared_with(cost: dict[str, int]) -> None:
    assert Argon2(CHEAP).matches(parse_password("x"), other_hash(**cost))


def test_what_nobody_has_costs_the_same_and_matches_nothing() -> None:
    hasher = Argon2()
    assert argon2.extract_parameters(hasher.nobodys) == argon2.extract_parameters(hasher.hashed(parse_password("x")))
    for text in ("x", "\0", "nobody"):
        try:
            assert not hasher.matches(parse_password(text), hasher.nobodys)
        except BadPassword:
            assert text == "\0"


# The queue, on virtual time: a hash takes a second there.


class FakeHasher:
    """Reverses passwords instead of hashing them, and counts."""

    nobodys = "nobody's"

    def __init__(self) -> None:
        self.done: list[str] = []

    def hashed(self, password: Password) -> str:
        self.done.append("hashed")
        return password.reveal().decode()[::-1]

    def matches(self, password: Password, stored: str) -> bool:
        self.done.append(f"compared with {stored}")
        if stored == "unusable":
            raise UnusableHash
        return stored.removeprefix("weak ") == password.reveal().decode()[::-1]

    def is_weak(self, stored: str) -> bool:
        return stored.startswith("weak ")


async def for_a_second(work: Callable[[], T], /) -> T:
    with trio.CancelScope(shield=True):  # a thread is not stopped either
        await trio.sleep(1)
    return work()


def make_queue() -> tuple[HashingQueue, FakeHasher]:
    hasher = FakeHasher()
    return HashingQueue(hasher, for_a_second), hasher


ABC = parse_password("abc")


async def test_a_password_is_hashed_and_compared(autojump_clock: trio.abc.Clock) -> None:
    queue, _ = make_queue()
    assert await queue.hashed(ABC, "net") == "cba"
    assert await queue.compare(ABC, "cba", "net") == Verdict(matches=True)
    assert await queue.compare(ABC, "abc", "net") == Verdict(matches=False)
    assert queue.waiting == 0


async def test_who_is_known_by_a_weak_hash_gets_a_better_one_and_who_is_not_gets_none(
    autojump_clock: trio.abc.Clock,
) -> None:
    queue, _ = make_queue()
    assert await queue.compare(ABC, "weak cba", "net") == Verdict(matches=True, rehashed="cba")
    assert await queue.compare(ABC, "weak xyz", "net") == Verdict(matches=False)


async def test_for_an_unknown_name_and_an_unusable_hash_as_much_is_done_as_for_any(
    autojump_clock: trio.abc.Clock,
) -> None:
    queue, hasher = make_queue()
    assert await queue.compare(ABC, None, "net") == Verdict(matches=False)
    assert await queue.compare(parse_password("s'ydobon"), None, "net") == Verdict(matches=False)
    assert await queue.compare(ABC, "unusable", "net") == Verdict(matches=False, is_unusable=True)
    assert hasher.done == ["compared with nobody's"] * 2 + ["compared with unusable", "compared with nobody's"]


async def test_one_is_hashed_at_a_time_in_the_order_in_which_they_came(autojump_clock: trio.abc.Clock) -> None:
    queue, _ = make_queue()
    came: list[tuple[float, int]] = []

    async def come(number: int) -> None:
        await queue.hashed(ABC, str(number))
        came.append((trio.current_time() - start, number))

    start = trio.current_time()
    async with trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(come, number)
            await trio.testing.wait_all_tasks_blocked()
    assert came == [(number + 1.0, number) for number in range(5)]


async def test_beyond_so_many_and_so_many_of_one_network_it_is_busy_at_once(autojump_clock: trio.abc.Clock) -> None:
    queue, hasher = make_queue()
    told: list[str] = []

    async def come(network: str) -> None:
        start = trio.current_time()
        try:
            await queue.compare(ABC, "cba", network)
            told.append("done")
        except Busy:
            assert trio.current_time() == start
            told.append("busy")

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(come, "loud")
        await trio.testing.wait_all_tasks_blocked()
        assert (told, queue.waiting) == (["busy"] * (10 - PLACES_PER_NETWORK), PLACES_PER_NETWORK)
        for number in range(PLACES):
            nursery.start_soon(come, str(number))
        await trio.testing.wait_all_tasks_blocked()
        assert (told.count("busy"), queue.waiting) == (10, PLACES)
    assert told.count("done") == PLACES == len(hasher.done)
    assert (queue.waiting, queue._waiting) == (0, {})
    assert await queue.hashed(ABC, "loud") == "cba"


async def test_while_everybody_comes_back_one_network_may_have_all_places(autojump_clock: trio.abc.Clock) -> None:
    queue, _ = make_queue()
    queue.is_lifted = True
    told: list[str] = []

    async def come() -> None:
        try:
            await queue.compare(ABC, "cba", "a class")
            told.append("done")
        except Busy:
            told.append("busy")

    async with trio.open_nursery() as nursery:
        for _ in range(PLACES + 1):
            nursery.start_soon(come)
    assert (told.count("done"), told.count("busy")) == (PLACES, 1)


async def test_strangers_leave_places_for_those_who_have_been_there_before(autojump_clock: trio.abc.Clock) -> None:
    queue, _ = make_queue()
    async with trio.open_nursery() as nursery:
        for number in range(PLACES):
            nursery.start_soon(queue.hashed, ABC, str(number))
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(Busy):
            await queue.compare(ABC, "cba", "net")
        for number in range(PLACES_FOR_KNOWN):
            nursery.start_soon(partial(queue.compare, ABC, "cba", f"net {number}", is_known=True))
        await trio.testing.wait_all_tasks_blocked()
        assert queue.waiting == PLACES + PLACES_FOR_KNOWN
        with pytest.raises(Busy):
            await queue.compare(ABC, "cba", "net", is_known=True)


async def test_who_hangs_up_leaves_the_work_its_place_until_it_is_done(autojump_clock: trio.abc.Clock) -> None:
    queue, hasher = make_queue()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(queue.hashed, ABC, "loud")
        await trio.sleep(0.1)
        nursery.cancel_scope.cancel()
        start = trio.current_time()
        with trio.CancelScope(shield=True):
            await trio.sleep(0.5)
            assert queue.waiting == 1
    assert trio.current_time() == start + 0.9
    assert (queue.waiting, hasher.done) == (0, ["hashed"])


async def test_who_hangs_up_before_their_turn_has_nothing_done(autojump_clock: trio.abc.Clock) -> None:
    queue, hasher = make_queue()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(queue.hashed, ABC, "first")
        await trio.testing.wait_all_tasks_blocked()
        for number in range(100):  # connect, ask, hang up
            with trio.move_on_after(0.001):
                await queue.hashed(ABC, str(number))
        assert queue.waiting == 1
        await queue.hashed(ABC, "last")
    assert hasher.done == ["hashed"] * 2


async def test_a_flood_of_callers_who_hang_up_never_has_more_than_one_hash_made_at_a_time(
    autojump_clock: trio.abc.Clock,
) -> None:
    queue, hasher = make_queue()

    async def come(network: str) -> None:
        with trio.move_on_after(0.5):
            try:
                await queue.compare(ABC, None, network)
            except Busy:
                return

    start = trio.current_time()
    async with trio.open_nursery() as nursery:
        for number in range(2000):
            nursery.start_soon(come, str(number % 300))
            await trio.sleep(0.005)
            assert queue.waiting <= PLACES
    assert len(hasher.done) <= trio.current_time() - start + 1


async def test_what_goes_wrong_gives_the_place_back(autojump_clock: trio.abc.Clock) -> None:
    queue, hasher = make_queue()

    def fail(password: Password) -> str:
        raise MemoryError

    hasher.hashed = fail  # type: ignore[method-assign]
    for _ in range(PLACES + 1):
        with pytest.raises(MemoryError):
            await queue.hashed(ABC, "net")
    assert await queue.compare(ABC, "cba", "net") == Verdict(matches=True)


# The real thing.


async def test_the_event_loop_goes_on_while_a_password_is_hashed_and_the_hash_is_made_in_a_thread() -> None:
    threads: list[str] = []

    class Watched(Argon2):
        def hashed(self, password: Password) -> str:
            threads.append(threading.current_thread().name)
            return super().hashed(password)

    queue, passes = HashingQueue(Watched()), 0
    result: list[str] = []

    async def work() -> None:
        result.append(await queue.hashed(ABC, "net"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(work)
        while not result:
            passes += 1
            await trio.lowlevel.checkpoint()
    assert passes > 10
    assert threads != [threading.main_thread().name]
    assert await queue.compare(ABC, result[0], "net") == Verdict(matches=True)
    assert await queue.compare(ABC, None, "net") == Verdict(matches=False)


async def test_a_thread_that_is_at_work_keeps_the_place_of_who_hangs_up() -> None:
    hasher, begun, may_end = FakeHasher(), threading.Event(), threading.Event()

    def slowly(password: Password) -> str:
        begun.set()
        assert may_end.wait(10)
        return "hash"

    hasher.hashed = slowly  # type: ignore[method-assign]
    queue = HashingQueue(hasher)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(queue.hashed, ABC, "loud")
        await trio.to_thread.run_sync(begun.wait)
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await trio.sleep(0.05)
            assert queue.waiting == 1
            may_end.set()
    assert queue.waiting == 0


def test_argon2_is_not_imported_before_the_first_hash() -> None:
    check = """
import sys
from chat_server.accounts.hashing import Argon2, HashingQueue
from chat_server.accounts.passwords import parse_password
HashingQueue(Argon2()), Argon2().nobodys, parse_password("x")
assert "argon2" not in sys.modules
Argon2().hashed(parse_password("x"))
assert "argon2" in sys.modules
"""
    assert subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False).stderr == ""
