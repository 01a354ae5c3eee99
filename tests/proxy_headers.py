"""Headers of the PROXY protocol as proxies write them, for tests. Written from its specification, not from what reads them here."""

import struct
from ipaddress import IPv4Address, IPv6Address

SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
TLS = 0x20
CLIENT_TLS = 0x01


def v1(source: str, destination: str = "", ports: tuple[int, int] = (56324, 443)) -> bytes:
    """A header of version 1, for TCP over IPv4 or IPv6."""
    family, other = ("TCP6", "2001:db8::ff") if ":" in source else ("TCP4", "192.0.2.255")
    return f"PROXY {family} {source} {destination or other} {ports[0]} {ports[1]}\r\n".encode()


def v2(source: IPv4Address | IPv6Address | str, fields: bytes = b"", *, command: int = 1, protocol: int = 1) -> bytes:
    """A header of version 2, for TCP over IPv4 or IPv6, or for a Unix socket, where the source is a path."""
    if isinstance(source, str):
        family, block = 3, source.encode().ljust(108, b"\0") + bytes(108)
    else:
        family, size = (1, 4) if isinstance(source, IPv4Address) else (2, 16)
        block = source.packed + bytes(size) + struct.pack("!HH", 1, 2)
    return framed(block + fields, command=command, kind=family << 4 | protocol)


def framed(block: bytes, *, command: int = 1, kind: int = 0x11) -> bytes:
    """A header of version 2 around any bytes."""
    return SIGNATURE + bytes((0x20 | command, kind)) + struct.pack("!H", len(block)) + block


def local() -> bytes:
    """What a proxy sends that only looks whether the server is there."""
    return framed(b"", command=0, kind=0)


def field(kind: int, value: bytes) -> bytes:
    """One type-length-value field."""
    return struct.pack("!BH", kind, len(value)) + value


def tls(flags: int = CLIENT_TLS, inside: bytes = b"") -> bytes:
    """The field that tells of the caller's TLS."""
    return field(TLS, struct.pack("!BI", flags, 1) + inside)
