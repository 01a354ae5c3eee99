"""Networks, as they are kept and somebody is shown them: shortened, for an address says more of a person than others need to know. Pure."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import NamedTuple

from chat_server.protocol.stored_event import Author

NETWORKS_MAX = 4
"""Networks, the last ones, of which it is kept that an account has logged in from there, whatever it did so by."""

NETWORK_SECONDS = 30 * 86400.0
"""Seconds for which that is kept."""

_KEPT_BITS = {4: 24, 6: 48}


class CameFrom(NamedTuple):
    """An account has logged in from a network, shortened as that of a device, and was last there at a time. One of NETWORKS_MAX."""

    account: Author
    network: str
    at: float


def shortened(network: str) -> str:
    """The network of 256 addresses (IPv4), or the /48 (IPv6), that this address or network is in; "" for what is none."""
    try:
        parsed = ip_network(network, strict=False)
    except ValueError:
        return ""
    return str(parsed.supernet(new_prefix=min(parsed.prefixlen, _KEPT_BITS[parsed.version])))


def is_in_one(network: str) -> bool:
    """Whether a network is no wider than those that are kept: then it is in one of these, and has no address in common with any other."""
    one = ip_network(network, strict=False)
    return one.prefixlen >= _KEPT_BITS[one.version]


def overlapping(networks: Iterable[str], network: str) -> list[str]:
    """Those of these networks that have an address in common with one."""
    one = ip_network(network, strict=False)
    return [other for other in networks if _overlaps(other, one)]


def _overlaps(network: str, one: IPv4Network | IPv6Network) -> bool:
    try:
        other = ip_network(network, strict=False)
    except ValueError:
        return False
    if isinstance(other, IPv4Network) and isinstance(one, IPv4Network):
        return other.overlaps(one)
    return isinstance(other, IPv6Network) and isinstance(one, IPv6Network) and other.overlaps(one)
