"""A network as it is shown: shortened, whatever address or network it is told as."""

import pytest

from chat_server.accounts.networks import shortened


@pytest.mark.parametrize(
    ("network", "shown"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("unix", ""),
    ],
)
def test_a_network_is_shown_shortened(network: str, shown: str) -> None:
    assert shortened(network) == shown
