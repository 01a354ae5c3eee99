from hypothesis import given
from hypothesis import strategies as st

from chat_server.rooms.quotas import Quotas
from chat_server.sessions.token_bucket import TokenBucket


def test_a_burst_passes_free_and_then_the_sender_is_slowed() -> None:
    bucket = TokenBucket(per_second=4, burst=20, now=0)
    assert [bucket.take(0) for _ in range(20)] == [0] * 20
    assert bucket.take(0) == 0.25


@given(st.lists(st.floats(0, 2), min_size=1, max_size=200))
def test_in_the_long_run_no_sender_is_faster_than_the_limit(pauses: list[float]) -> None:
    bucket = TokenBucket(per_second=4, burst=20, now=0)
    now = 0.0
    for pause in pauses:
        now += pause
        now += bucket.take(now)
    assert len(pauses) <= 20 + 4 * now + 1e-6


def test_it_is_full_again_after_a_quiet_time() -> None:
    bucket = TokenBucket(per_second=4, burst=20, now=0)
    for _ in range(20):
        bucket.take(0)
    assert not bucket.is_full(4.9)
    assert bucket.is_full(5.0)


def test_what_is_rare_may_be_done_a_few_times_within_a_time_and_again_when_it_has_passed() -> None:
    quotas = Quotas(2, 100)
    for now in (0, 50):
        assert not quotas.is_used_up("ann", now)
        quotas.use("ann", now)
    assert quotas.is_used_up("ann", 99)
    assert not quotas.is_used_up("bob", 99)
    assert not quotas.is_used_up("ann", 100)


def test_nothing_is_kept_of_those_for_whom_nothing_counts() -> None:
    quotas = Quotas(2, 100)
    for number in range(1000):
        quotas.use(f"nick-{number}", number)
    assert len(quotas._used) <= 101
    unlimited = Quotas(0, 100)
    unlimited.use("ann", 0)
    assert not unlimited.is_used_up("ann", 0)
    assert not unlimited._used
