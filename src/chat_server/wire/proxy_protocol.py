"""The header by which a proxy says for whom it connects: the PROXY protocol, versions 1 and 2, as HAProxy's doc/proxy-protocol.txt has it.

Knows what stands in a header. Never knows whether whoever sent it may be believed, nor what time it is. Pure.
"""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

from msgspec import Struct

from chat_server.protocol.late_pattern import LatePattern

V1_BYTES_MAX = 107
"""Bytes in a header of version 1, with its CR LF (section 2.1)."""

HEADER_BYTES_MAX = 536
"""Bytes in any header: what TCP sends in one segment on any path (section 2.2). HAProxy's with all it knows of a TLS connection have some 150."""

V1_START = b"PROXY "
V2_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"

PROXY_STARTS = (V2_SIGNATURE, *(V1_START + family for family in (b"TCP4 ", b"TCP6 ", b"UNKNOWN")))
"""What every header begins with, and nothing that a person or a program says."""

UNIX = "unix"
"""What stands for the address of somebody who comes by a Unix socket, to the proxy or to the server. A path is not told: it can hold anything."""


class Forwarded(Struct, frozen=True):
    """The proxy connects for somebody at this address."""

    address: str
    """An IPv4 address also where it came written as IPv6; or UNIX."""
    size: int
    """Bytes of the header; what comes after them is the caller's."""
    is_encrypted: bool = False
    """Whether the caller spoke TLS with the proxy."""


class Unforwarded(Struct, frozen=True):
    """The proxy connects for itself, to see whether the server is there, or cannot say for whom (LOCAL, UNKNOWN, UNSPEC)."""


class BadHeader(Struct, frozen=True):
    """What came is not a header."""

    why: str
    """What is wrong with it, for the log."""


Header = Forwarded | Unforwarded | BadHeader


def read_header(received: bytes) -> Header | None:
    """Read the header with which a connection begins from what has come so far; None while more is needed.

    What is once told stays so, whatever comes after, and is told by the byte with which it is sure at the latest at HEADER_BYTES_MAX.
    """
    if received.startswith(V2_SIGNATURE):
        return _read_v2(received)
    if received.startswith(V1_START):
        return _read_v1(received)
    if V2_SIGNATURE.startswith(received) or V1_START.startswith(received):
        return None
    return BadHeader("it does not begin as one")


_PORT = rb"(0|[1-9][0-9]{0,4})"  # section 2.1: no zero stands before another digit
_V1 = LatePattern(rb"PROXY TCP([46]) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) " + _PORT + rb" " + _PORT + rb"\r\n")
_V1_UNKNOWN = LatePattern(rb"PROXY UNKNOWN( [^\r\n]*)?\r\n")
_PORT_MAX = 65535


def _read_v1(received: bytes) -> Header | None:
    line, end, _ = received[:V1_BYTES_MAX].partition(b"\r\n")
    if not end:
        return None if len(received) < V1_BYTES_MAX else BadHeader(f"its line has more than {V1_BYTES_MAX} bytes")
    line += end
    if _V1_UNKNOWN.fullmatch(line):
        return Unforwarded()
    found = _V1.fullmatch(line)
    if found is None or max(int(found[4]), int(found[5])) > _PORT_MAX:
        return BadHeader("its line is not of the form PROXY TCP4 ADDRESS ADDRESS PORT PORT, or TCP6")
    version, source, destination = (group.decode() for group in found.groups()[:3])
    parse = IPv4Address if version == "4" else IPv6Address
    try:
        address = parse(source)
        parse(destination)
    except ValueError:
        return BadHeader(f"an address is not one of IPv{version}")
    return Forwarded(_shown(address), len(line))


def _shown(address: IPv4Address | IPv6Address) -> str:
    return str(address.ipv4_mapped or address) if isinstance(address, IPv6Address) else str(address)


_LOCAL, _PROXY = 0x20, 0x21
"""Version 2, and the command."""

_FIXED_BYTES = 16
"""Bytes before the addresses: the signature, version and command, family and protocol, the length of the rest."""

_NO_FAMILY, _FAMILY_MAX = 0x0, 0x3
_FAMILIES: dict[int, tuple[int, Callable[[bytes], str]]] = {
    0x1: (12, lambda block: _shown(IPv4Address(block[:4]))),
    0x2: (36, lambda block: _shown(IPv6Address(block[:16]))),
    0x3: (216, lambda _: UNIX),
}
"""IPv4, IPv6 and Unix: how many bytes two addresses take, with their ports, and how the first is written."""

_STREAM, _DATAGRAM = 0x1, 0x2
"""Protocols; 0 is none."""


def _read_v2(received: bytes) -> Header | None:
    if len(received) < _FIXED_BYTES:
        return None
    size = _FIXED_BYTES + int.from_bytes(received[14:_FIXED_BYTES])
    why = _what_is_wrong(received[12], received[13], size)
    if why:
        return BadHeader(why)
    if len(received) < size:
        return None
    family, protocol = divmod(received[13], 16)
    if received[12] == _LOCAL or family == _NO_FAMILY or protocol != _STREAM:
        return Unforwarded()
    return _read_forwarded(received[_FIXED_BYTES:size], family, size)


def _what_is_wrong(command: int, kind: int, size: int) -> str:
    """What is wrong in the fixed part; "" if nothing is."""
    if command not in (_LOCAL, _PROXY):
        return f"version and command are {command:#04x}, not 0x20 or 0x21"
    if size > HEADER_BYTES_MAX:
        return f"it has {size} bytes, more than {HEADER_BYTES_MAX}"
    if command == _PROXY and (kind >> 4 > _FAMILY_MAX or kind & 0xF > _DATAGRAM):
        return f"family and protocol are {kind:#04x}, which are none"
    return ""


def _read_forwarded(block: bytes, family: int, size: int) -> Header:
    """What stands after the fixed part: two addresses, and type-length-value fields."""
    length, write = _FAMILIES[family]
    if len(block) < length:
        return BadHeader(f"its addresses have {len(block)} bytes, not {length}")
    is_encrypted = _is_encrypted(block[length:])
    if is_encrypted is None:
        return BadHeader("a type-length-value field is cut off")
    return Forwarded(write(block), size, is_encrypted)


_TLV_BYTES = 3
"""Bytes before a field's value: its type, the length of the value."""

_TLV_SSL = 0x20
_TLV_SSL_BYTES = _TLV_BYTES + 5
"""With what every such field has: a byte of flags, and four of what was found of the caller's certificate (section 2.2.6)."""

_CLIENT_SSL = 0x01


def _is_encrypted(fields: bytes) -> bool | None:
    """Whether the fields say that the caller spoke TLS; None where one of them is cut off."""
    found = False
    while fields:
        end = _TLV_BYTES + int.from_bytes(fields[1:_TLV_BYTES])
        is_ssl = fields[0] == _TLV_SSL
        if len(fields) < end or (is_ssl and end < _TLV_SSL_BYTES):
            return None
        if is_ssl:
            found = bool(fields[_TLV_BYTES] & _CLIENT_SSL)
        fields = fields[end:]
    return found
