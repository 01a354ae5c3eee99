import pytest

from chat_server.server.connection_limits import GONE_MAX, RETURN_TIMES, Admission, network_of


def test_connections_are_counted_in_all_and_per_address() -> None:
    door = Admission(total=3, per_address=2)
    assert door.refusal("192.0.2.1") is None
    first = door.enter("192.0.2.1", 0)
    assert door.refusal("192.0.2.1") is None
    door.enter("192.0.2.1", 0)
    assert door.refusal("192.0.2.1") == "address-full"
    door.enter("192.0.2.2", 0)
    assert door.refusal("192.0.2.3") == "server-full"
    door.leave(first, 0)
    assert door.refusal("192.0.2.1") is None


def test_who_has_no_address_yet_is_counted_in_all_only() -> None:
    door = Admission(total=2, per_address=1)
    door.hold()
    assert not door.is_full
    door.enter("192.0.2.1", 0)
    assert door.is_full
    assert door.refusal("192.0.2.2") == "server-full"
    door.release()
    assert door.refusal("192.0.2.2") is None


def test_while_everybody_comes_back_one_address_may_have_more_as_long_as_half_of_all_places_are_free() -> None:
    door = Admission(total=10, per_address=2)
    door.lift(True, 0)
    for _ in range(5):
        assert door.refusal("192.0.2.1") is None
        door.enter("192.0.2.1", 0)
    assert door.refusal("192.0.2.1") == "address-full"
    assert door.refusal("192.0.2.2") is None
    door.lift(False, 60)
    door.leave(door.enter("192.0.2.2", 60), 60)
    assert door.refusal("192.0.2.1") == "address-full"


def test_in_a_raid_nothing_is_lifted_for_those_who_come_back() -> None:
    door = Admission(total=100, per_address=2, is_halved=lambda: True)
    door.lift(True, 0)
    door.enter("192.0.2.1", 0)
    assert door.refusal("192.0.2.1") == "address-full"


def test_while_everybody_comes_back_one_address_may_ask_for_five_times_as_much_at_once_and_later_as_ever() -> None:
    door = Admission(total=0, per_address=0, per_second=40, burst=400)
    door.lift(True, 0)
    one = door.enter("192.0.2.1", 0)
    assert one.take(0, RETURN_TIMES * 400) == 0
    assert one.take(0, 40) == 1
    door.lift(False, 60)
    assert one.take(60 + 400, 400) == 0, "it has rested"
    assert one.take(60 + 400, 40) == 1
    assert door.enter("192.0.2.2", 61).take(61, 440) == 1


def test_zero_is_no_limit() -> None:
    door = Admission(total=0, per_address=0)
    for _ in range(1000):
        door.enter("192.0.2.1", 0)
    assert door.refusal("192.0.2.1") is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_what_counts_as_one_address(one: str, other: str, *, same: bool) -> None:
    assert (network_of(one) == network_of(other)) is same


def test_nothing_is_kept_of_those_who_left() -> None:
    door = Admission(total=0, per_address=1)
    for number in range(256):
        door.leave(door.enter(f"192.0.2.{number}", 0), 0)
    assert not door._by_network


def test_those_from_one_address_share_a_bucket() -> None:
    door = Admission(total=0, per_address=100, per_second=40, burst=400)
    one, other = door.enter("2001:db8::1", 0), door.enter("2001:db8::2", 0)
    assert one is other
    assert one.take(0, 400) == 0
    assert other.take(0, 1) == 1 / 40
    assert door.enter("192.0.2.1", 0).take(0, 1) == 0


def test_who_comes_back_at_once_finds_the_bucket_as_it_was_left_and_later_nothing_is_known_of_it() -> None:
    door = Admission(total=0, per_address=100, per_second=40, burst=400)
    for _ in range(3):
        caller = door.enter("192.0.2.1", 0)
        caller.take(0, 150)
        door.leave(caller, 0)
    assert door.enter("192.0.2.1", 0).take(0, 0) == 50 / 40
    for number in range(3 * GONE_MAX):
        caller = door.enter(f"10.{number // 65536}.{number // 256 % 256}.{number % 256}", number / 1000)
        caller.take(number / 1000, 1)
        door.leave(caller, number / 1000)
    assert len(door._gone) <= GONE_MAX
