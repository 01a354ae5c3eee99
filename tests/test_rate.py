from hypothesis import given
from hypothesis import strategies as st

from chat_server.rate import TokenBucket


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
