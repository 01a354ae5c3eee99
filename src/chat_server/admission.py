"""How many may be connected, in all and from one address. Pure counting; never knows sockets."""

import ipaddress


class Admission:
    """Counts connections. 0 means no limit."""

    def __init__(self, total: int, per_address: int) -> None:
        """Nobody is connected."""
        self._total = total
        self._per_address = per_address
        self._count = 0
        self._by_network: dict[str, int] = {}

    def refusal(self, address: str) -> str | None:
        """Why a caller from this address cannot be let in now, as a key of the catalogue of sentences; None if it can."""
        if self._total and self._count >= self._total:
            return "server-full"
        if self._per_address and self._by_network.get(network_of(address), 0) >= self._per_address:
            return "address-full"
        return None

    def enter(self, address: str) -> None:
        """Count a caller in."""
        network = network_of(address)
        self._count += 1
        self._by_network[network] = self._by_network.get(network, 0) + 1

    def leave(self, address: str) -> None:
        """Count a caller out."""
        network = network_of(address)
        self._count -= 1
        self._by_network[network] -= 1
        if not self._by_network[network]:
            del self._by_network[network]


def network_of(address: str) -> str:
    """What counts as one address: an IPv4 address, also one written as IPv6; of IPv6, the /64."""
    if ":" not in address:
        return address
    parsed = ipaddress.IPv6Address(address.partition("%")[0])
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, 64), strict=False))
