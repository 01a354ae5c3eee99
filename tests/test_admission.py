import pytest

from chat_server.admission import Admission, network_of


def test_connections_are_counted_in_all_and_per_address() -> None:
    door = Admission(total=3, per_address=2)
    for _ in range(2):
        assert door.refusal("192.0.2.1") is None
        door.enter("192.0.2.1")
    assert door.refusal("192.0.2.1") == "address-full"
    door.enter("192.0.2.2")
    assert door.refusal("192.0.2.3") == "server-full"
    door.leave("192.0.2.1")
    assert door.refusal("192.0.2.1") is None


def test_zero_is_no_limit() -> None:
    door = Admission(total=0, per_address=0)
    for _ in range(1000):
        door.enter("192.0.2.1")
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
        door.enter(f"192.0.2.{number}")
        door.leave(f"192.0.2.{number}")
    assert not door._by_network
