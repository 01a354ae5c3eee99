"""Guessing passwords is slow, and nobody can lock anybody else out. Times are numbers: nothing here has a clock."""

from collections.abc import Callable
from typing import TypeVar

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from chat_server.accounts.hashing import Busy, HashingQueue
from chat_server.accounts.passwords import Password, parse_password
from chat_server.accounts.throttles import (
    DAY,
    DELAY,
    DELAY_MAX,
    HOUR,
    KEPT_MAX,
    KNOWN_MAX,
    MINUTE,
    Attempt,
    Bucket,
    FailedTries,
    Throttled,
    Throttles,
    wider,
)
from test_passwords import FakeHasher

T = TypeVar("T")
HOME, AWAY = "192.0.2.1", "198.51.100.7"
NEVER = FailedTries()


def networks(count: int) -> list[str]:
    return [f"10.{number // 250}.{number % 250}.1" for number in range(count)]


def fail(throttles: Throttles, account: str, network: str, now: float) -> Attempt | None:
    """Try a wrong password; None: it was not even compared."""
    attempt = throttles.begin(account, network, now)
    if isinstance(attempt, Throttled):
        assert attempt.seconds > 0
        return None
    throttles.failed(attempt, now)
    return attempt


def succeed(throttles: Throttles, account: str, network: str, now: float) -> FailedTries:
    attempt = throttles.begin(account, network, now)
    assert isinstance(attempt, Attempt)
    return throttles.succeeded(attempt, now)


def guesses(throttles: Throttles, account: str, network: str, seconds: int) -> int:
    return sum(fail(throttles, account, network, now) is not None for now in range(seconds))


# How fast one can guess.


def test_one_account_can_be_tried_from_one_network_five_times_and_then_once_a_minute() -> None:
    throttles = Throttles()
    assert [fail(throttles, "ann", HOME, 0) is not None for _ in range(6)] == [True] * 5 + [False]
    assert throttles.begin("ann", HOME, 0) == Throttled(MINUTE)
    assert throttles.begin("ann", HOME, 45) == Throttled(15)
    assert fail(throttles, "ann", HOME, MINUTE) is not None
    assert fail(throttles, "ann", HOME, MINUTE) is None
    assert guesses(Throttles(), "ann", HOME, int(HOUR)) <= 5 + 60


def test_many_accounts_can_be_tried_from_one_network_ten_times_and_then_once_a_minute() -> None:
    throttles = Throttles()
    assert sum(fail(throttles, str(number), HOME, 0) is not None for number in range(100)) == 10
    assert fail(throttles, "100", HOME, MINUTE - 1) is None
    assert fail(throttles, "101", HOME, MINUTE) is not None
    assert fail(throttles, "102", AWAY, 0) is not None


def test_who_has_many_networks_of_one_has_four_times_as_many_tries() -> None:
    throttles = Throttles()
    slash_64 = [f"2001:db8:1:{number:x}::/64" for number in range(1, 100)]
    assert sum(fail(throttles, "ann", network, 0) is not None for network in slash_64) == 40
    assert sum(fail(throttles, "bob", network, MINUTE) is not None for network in slash_64) == 4
    assert fail(throttles, "ann", "2001:db8:2:1::/64", 0) is not None
    assert (wider("2001:db8:1:2::/64"), wider(HOME), wider("")) == ("2001:db8:1::/48", "", "")


def test_tries_count_before_it_is_known_what_becomes_of_them_so_that_many_at_once_gain_nothing() -> None:
    throttles = Throttles()
    begun = [throttles.begin("ann", HOME, 0) for _ in range(20)]
    assert [isinstance(one, Attempt) for one in begun] == [True] * 5 + [False] * 15


def test_what_succeeds_and_what_is_not_compared_does_not_count() -> None:
    throttles = Throttles()
    for _ in range(100):
        assert succeed(throttles, "ann", HOME, 0) == NEVER
        attempt = throttles.begin("bob", HOME, 0)
        assert isinstance(attempt, Attempt)
        throttles.take_back(attempt, 0)
    assert [fail(throttles, "bob", HOME, 0) is not None for _ in range(6)] == [True] * 5 + [False]


def test_who_logs_in_after_mistyping_may_mistype_again_and_the_network_still_counts() -> None:
    throttles = Throttles()
    for _ in range(4):
        assert fail(throttles, "ann", HOME, 0) is not None
    succeed(throttles, "ann", HOME, 0)
    assert sum(fail(throttles, "ann", HOME, 0) is not None for _ in range(10)) == 5
    assert sum(fail(throttles, str(number), HOME, 0) is not None for number in range(10)) == 1


# Nobody is locked out.


def test_an_account_that_is_tried_from_everywhere_refuses_nobody_and_delays_strangers() -> None:
    throttles = Throttles()
    succeed(throttles, "ann", HOME, 0)
    for network in networks(20):
        attempt = fail(throttles, "ann", network, 0)
        assert attempt is not None
        assert attempt.delay == 0
    delays = [throttles.begin("ann", network, 0) for network in networks(40)[20:]]
    assert [one.delay for one in delays if isinstance(one, Attempt)] == [
        min(DELAY * number, DELAY_MAX) for number in range(1, 21)
    ]
    assert throttles.begin("ann", HOME, 0) == Attempt("ann", HOME, 0.0, is_known=True)
    away = throttles.begin("ann", AWAY, HOUR)
    assert away == Attempt("ann", AWAY, 0.0)
    assert throttles.begin("bob", AWAY, 0) == Attempt("bob", AWAY, 0.0)


def test_who_has_logged_in_is_known_there_for_thirty_days_and_from_a_few_networks() -> None:
    throttles = Throttles()

    def is_known(network: str, now: float) -> bool:
        attempt = throttles.begin("ann", network, now)
        assert isinstance(attempt, Attempt)
        throttles.take_back(attempt, now)
        return attempt.is_known

    succeed(throttles, "ann", HOME, 0)
    assert (is_known(HOME, 30 * DAY - 1), is_known(HOME, 30 * DAY), is_known(AWAY, 1)) == (True, False, False)
    throttles.remember("ann", AWAY, 20 * DAY)
    assert is_known(AWAY, 45 * DAY)
    throttles.remember("ann", AWAY, 0)
    assert is_known(AWAY, 45 * DAY), "what is told of an earlier time changes nothing"
    for number, network in enumerate(networks(KNOWN_MAX)):
        throttles.remember("ann", network, 46 * DAY + number)
    assert not is_known(AWAY, 47 * DAY)
    assert all(is_known(network, 47 * DAY) for network in networks(KNOWN_MAX))


RIGHT, WRONG = parse_password("tell nobody"), parse_password("a guess of many")


class Server:
    """What stands between a password and an account. A hash takes 30 ms there, as it does on a core of its own."""

    def __init__(self) -> None:
        hasher = FakeHasher()
        self.stored = hasher.hashed(RIGHT)
        self.throttles, self._queue = Throttles(), HashingQueue(hasher, self._for_thirty_ms)
        self.guessed = 0

    async def _for_thirty_ms(self, work: Callable[[], T], /) -> T:
        with trio.CancelScope(shield=True):
            await trio.sleep(0.03)
        return work()

    async def tried(self, password: Password, network: str) -> FailedTries | float:
        """What comes of a try: what the owner is told, or in how many seconds to try again."""
        attempt = self.throttles.begin("ann", network, trio.current_time())
        if isinstance(attempt, Throttled):
            return attempt.seconds
        await trio.sleep(attempt.delay)
        try:
            verdict = await self._queue.compare(password, self.stored, network, is_known=attempt.is_known)
        except Busy:
            assert not attempt.is_known, "there are places for the owner"
            self.throttles.take_back(attempt, trio.current_time())
            return 0.2
        if verdict.matches:
            return self.throttles.succeeded(attempt, trio.current_time())
        self.guessed += 1
        self.throttles.failed(attempt, trio.current_time())
        return 0.0

    async def attack(self, network: str) -> None:
        while True:
            again = await self.tried(WRONG, network)
            assert isinstance(again, float)
            await trio.sleep(again)

    async def log_in(self, network: str) -> tuple[float, int]:
        """Log in as the owner: how long it took, and of how many failed tries one was told."""
        began = trio.current_time()
        while isinstance(told := await self.tried(RIGHT, network), float):
            assert told == 0.2, "the owner is refused"
            await trio.sleep(told)
        return trio.current_time() - began, told.tries


@pytest.mark.slow
async def test_for_an_hour_of_attack_from_hundreds_of_networks_the_owner_logs_in_from_home_and_on_a_journey(
    autojump_clock: trio.abc.Clock,
) -> None:
    server, told, start = Server(), 0, trio.current_time()
    assert (await server.log_in(HOME))[1] == 0
    async with trio.open_nursery() as nursery:
        for network in networks(150):
            nursery.start_soon(server.attack, network)
        while trio.current_time() < start + HOUR:
            await trio.sleep(2 * MINUTE)
            took, tries = await server.log_in(HOME)
            assert took < 1, "nothing delays whoever has been there before"
            told += tries
            took, tries = await server.log_in(f"198.51.100.{told % 250}.{told}")
            assert took < DELAY_MAX + 5
            told += tries
        nursery.cancel_scope.cancel()
    assert 150 * 5 < told <= server.guessed <= 150 * (5 + 63)


def test_who_fails_now_and_then_for_days_locks_nobody_out_who_comes_from_elsewhere() -> None:
    throttles = Throttles()
    for quarter in range(4 * 24 * 7):
        for _ in range(10):
            fail(throttles, "ann", AWAY, quarter * 15 * MINUTE)
        assert isinstance(throttles.begin("ann", HOME, quarter * 15 * MINUTE), Attempt)
        assert isinstance(succeed(throttles, "ann", "203.0.113.9", quarter * 15 * MINUTE), FailedTries)


# What is told, and what is kept.


def test_the_owner_is_told_what_has_failed_since_the_last_login() -> None:
    throttles = Throttles()
    for now, network in enumerate([AWAY, AWAY, "203.0.113.1", HOME]):
        fail(throttles, "ann", network, now)
    fail(throttles, "bob", AWAY, 9)
    assert succeed(throttles, "ann", HOME, 10) == FailedTries(tries=4, networks=3, last=3)
    assert succeed(throttles, "ann", HOME, 11).tries == 0


def test_what_had_failed_before_a_start_counts_after_it() -> None:
    before, after = Throttles(), Throttles()
    attempt = None
    for now in (100, 100, 100, 160):
        attempt = fail(before, "ann", HOME, now)
    assert attempt is not None
    of_network, of_account = before.counts(attempt, 160)
    assert (of_network, of_account) == (3, 4)
    after.restore("", HOME, of_network, 160)
    after.restore("ann", HOME, of_account, 160)
    assert fail(after, "ann", HOME, 161) is not None
    assert fail(after, "ann", HOME, 161) is None
    assert fail(after, "bob", HOME, 161) is not None
    assert succeed(after, "ann", AWAY, 170) == FailedTries(tries=5, networks=1, last=161)


def test_a_clock_that_was_set_back_keeps_nobody_out_for_longer() -> None:
    throttles = Throttles()
    throttles.restore("", HOME, 1000, 50 * 365 * DAY)
    throttles.restore("ann", HOME, 1000, 50 * 365 * DAY)
    assert isinstance(throttles.begin("ann", HOME, 0), Throttled)
    assert isinstance(throttles.begin("ann", HOME, 61), Attempt)


def test_two_an_hour_register_from_one_network_and_thirty_from_all() -> None:
    throttles = Throttles()
    assert [throttles.register(HOME, 0) for _ in range(3)] == [0, 0, pytest.approx(HOUR / 2)]
    assert throttles.register(HOME, HOUR / 2) == 0
    throttles = Throttles()
    assert [network for network in networks(40) if not throttles.register(network, 0)] == networks(30)
    assert throttles.register(AWAY, 0) == pytest.approx(HOUR / 30)
    throttles.take_back_registering(networks(1)[0], 0)
    assert throttles.register(AWAY, 0) == 0, "no account was made there after all"


def test_whoever_tries_a_million_accounts_from_everywhere_does_not_fill_the_memory_nor_make_the_server_forget() -> None:
    throttles = Throttles()
    for _ in range(5):
        fail(throttles, "ann", HOME, 0)
    for number in range(3 * KEPT_MAX):
        network = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        fail(throttles, f"nobody {number}", network, 0)
        throttles.remember(f"somebody {number}", network, 0)
        throttles.register(network, 0)
    for kept in (throttles._networks._of, throttles._pairs._of, throttles._tried, throttles._known):
        assert len(kept) <= KEPT_MAX
    assert fail(throttles, "ann", HOME, 0) is None
    assert succeed(throttles, "ann", AWAY, 1).tries == 5


@given(st.lists(st.tuples(st.sampled_from(["add", "take back", "wait"]), st.floats(0, 100))), st.integers(1, 9))
def test_a_bucket_lets_through_so_many_at_once_and_so_many_in_the_long_run(
    steps: list[tuple[str, float]], most: int
) -> None:
    bucket, now, done = Bucket(most, 10), 0.0, 0
    for what, seconds in steps:
        if what == "wait":
            now += seconds
        elif what == "add" and not bucket.wait(now):
            bucket.add(now)
            done += 1
        elif what == "take back" and done:
            bucket.take_back(now)
            done -= 1
        assert 0 <= bucket.level(now) <= most + 1e-9
        assert done <= most + now / 10 + 1e-9
        wait = bucket.wait(now)
        assert wait == 0 or bucket.wait(now + wait + 1e-6) == 0
