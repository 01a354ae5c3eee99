"""Networks, as somebody is shown them: shortened, for an address says more of a person than others need to know. Pure."""

from ipaddress import ip_network

_KEPT_BITS = {4: 24, 6: 48}


def shortened(network: str) -> str:
    """The network of 256 addresses (IPv4), or the /48 (IPv6), that this address or network is in; "" for what is none."""
    try:
        parsed = ip_network(network, strict=False)
    except ValueError:
        return ""
    return str(parsed.supernet(new_prefix=min(parsed.prefixlen, _KEPT_BITS[parsed.version])))
