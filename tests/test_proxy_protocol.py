from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

import proxy_headers
from chat_server.wire.proxy_protocol import (
    HEADER_BYTES_MAX,
    UNIX,
    V1_BYTES_MAX,
    BadHeader,
    Forwarded,
    Header,
    Unforwarded,
    read_header,
)

ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
PORTS = st.integers(0, 65535)


def shown(address: IPv4Address | IPv6Address) -> str:
    """As the kernel would tell it of a connection."""
    return str(address if address.version == 4 else address.ipv4_mapped or address)


OTHER_FIELDS = st.lists(
    st.builds(
        proxy_headers.field, st.integers(0, 255).filter(lambda kind: kind != proxy_headers.TLS), st.binary(max_size=60)
    ),
    max_size=4,
).map(b"".join)
HEADERS = st.one_of(
    st.builds(
        lambda pair, ports: proxy_headers.v1(str(pair[0]), str(pair[1]), ports),
        st.one_of(st.tuples(*[st.ip_addresses(v=4)] * 2), st.tuples(*[st.ip_addresses(v=6)] * 2)),
        st.tuples(PORTS, PORTS),
    ),
    st.builds(proxy_headers.v2, st.one_of(ADDRESSES, st.just("/run/client")), OTHER_FIELDS),
    st.just(proxy_headers.local()),
    st.sampled_from([b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"]),
)


@given(st.one_of(st.tuples(*[st.ip_addresses(v=4)] * 2), st.tuples(*[st.ip_addresses(v=6)] * 2)), PORTS, PORTS)
def test_any_header_of_version_1_is_read_as_it_was_meant(
    pair: tuple[IPv4Address, IPv4Address] | tuple[IPv6Address, IPv6Address], source: int, destination: int
) -> None:
    header = proxy_headers.v1(str(pair[0]), str(pair[1]), (source, destination))
    assert len(header) <= V1_BYTES_MAX
    assert read_header(header) == Forwarded(shown(pair[0]), len(header))


@given(ADDRESSES, OTHER_FIELDS, st.booleans(), st.integers(0, 127), OTHER_FIELDS)
def test_any_header_of_version_2_is_read_as_it_was_meant(
    address: IPv4Address | IPv6Address, before: bytes, is_encrypted: bool, flags: int, inside: bytes
) -> None:
    header = proxy_headers.v2(address, before + proxy_headers.tls(flags << 1 | is_encrypted, inside))
    if len(header) <= HEADER_BYTES_MAX:
        assert read_header(header) == Forwarded(shown(address), len(header), is_encrypted)
    else:
        assert isinstance(read_header(header), BadHeader)


@given(st.one_of(HEADERS, st.binary(max_size=600), st.binary(max_size=600).map(proxy_headers.SIGNATURE.__add__)))
def test_what_a_header_says_is_the_same_however_its_bytes_come(data: bytes) -> None:
    told: Header | None = None
    for end in range(len(data) + 1):
        now = read_header(data[:end])
        assert told is None or now == told, "once told, it stays so whatever comes after"
        told = now
    assert told == read_header(data)
    assert told is not None or len(data) < HEADER_BYTES_MAX


@given(HEADERS, st.binary())
def test_what_follows_a_header_belongs_to_the_caller(header: bytes, more: bytes) -> None:
    told = read_header(header + more)
    assert told == read_header(header)
    assert not isinstance(told, Forwarded) or told.size == len(header)


@given(HEADERS, st.data())
def test_a_header_with_one_byte_changed_is_a_value_too(header: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(header) - 1))
    changed = header[:at] + bytes((data.draw(st.integers(0, 255)),)) + header[at + 1 :]
    told = read_header(changed)
    assert told is None or isinstance(told, Forwarded | Unforwarded | BadHeader)


@pytest.mark.parametrize(
    ("header", "told"),
    [
        # The example, and the longest ones, of section 2.1 of the specification.
        (b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", Forwarded("192.168.0.1", 47)),
        (b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", Forwarded("255.255.255.255", 56)),
        (
            b"PROXY TCP6 %b %b 65535 65535\r\n" % (b":".join([b"ffff"] * 8), b":".join([b"ffff"] * 8)),
            Forwarded("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 104),
        ),
        (b"PROXY UNKNOWN\r\n", Unforwarded()),
        (b"PROXY UNKNOWN %b %b 65535 65535\r\n" % (b":".join([b"ffff"] * 8), b":".join([b"ffff"] * 8)), Unforwarded()),
        # Section 2.2, byte by byte: TCP over IPv4, and a LOCAL command with an address that is passed over.
        (
            bytes.fromhex("0d0a0d0a000d0a515549540a 21 11 000c c0000201 c0000202 dc04 01bb"),
            Forwarded("192.0.2.1", 28),
        ),
        (
            bytes.fromhex("0d0a0d0a000d0a515549540a 21 21 0024")
            + bytes.fromhex("20010db8000000000000000000000001 20010db8000000000000000000000002 dc04 01bb"),
            Forwarded("2001:db8::1", 52),
        ),
        (bytes.fromhex("0d0a0d0a000d0a515549540a 20 11 000c c0000201 c0000202 dc04 01bb"), Unforwarded()),
        (bytes.fromhex("0d0a0d0a000d0a515549540a 20 00 0000"), Unforwarded()),
        # What cannot be said for whom: no family, no protocol, datagrams (section 2.2: "falls back to the UNSPEC mode").
        (proxy_headers.framed(b"", kind=0x00), Unforwarded()),
        (proxy_headers.v2(IPv4Address("192.0.2.1"), protocol=0), Unforwarded()),
        (proxy_headers.v2(IPv4Address("192.0.2.1"), protocol=2), Unforwarded()),
        # A Unix socket's path is not told, whatever stands in it.
        (proxy_headers.v2("\x1b[2J\n/run/x"), Forwarded(UNIX, 232)),
        (proxy_headers.v2("/run/x", proxy_headers.tls()), Forwarded(UNIX, 240, is_encrypted=True)),
        # IPv4 in IPv6 is the address that it is.
        (b"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", Forwarded("192.0.2.1", 37)),
        (proxy_headers.v2(IPv6Address("::ffff:192.0.2.1")), Forwarded("192.0.2.1", 52)),
        # TLS was offered but not spoken, or only a certificate is told of.
        (proxy_headers.v2(IPv4Address("192.0.2.1"), proxy_headers.tls(0)), Forwarded("192.0.2.1", 36)),
        (proxy_headers.v2(IPv4Address("192.0.2.1"), proxy_headers.tls(6)), Forwarded("192.0.2.1", 36)),
    ],
)
def test_headers_of_the_specification(header: bytes, told: Header) -> None:
    assert read_header(header) == told
    for end in range(len(header)):
        assert read_header(header[:end]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n",
        b"proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY\r\n",
        b"PROXY TCP4\r\n",
        b"PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
        b"PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2 1 2\r\n",
        b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
        b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::2 1 2\r\n",
        b"PROXY TCP6 ::1::2 ::2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 \u0661 2\r\n".encode(),
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n/login ann\r\n",
        b"PROXY UNKNOWNS\r\n",
        b"PROXY UNKNOWN " + b"x" * V1_BYTES_MAX,
        b"PROXY UNKNOWN " + b"x" * (V1_BYTES_MAX - 15) + b"\r\n",
        b"\r\n\r\nhello",
        proxy_headers.SIGNATURE + bytes.fromhex("11 11 000c") + bytes(12),
        proxy_headers.SIGNATURE + bytes.fromhex("22 11 000c") + bytes(12),
        proxy_headers.SIGNATURE + bytes.fromhex("21 13 000c") + bytes(12),
        proxy_headers.SIGNATURE + bytes.fromhex("21 41 000c") + bytes(12),
        proxy_headers.SIGNATURE + bytes.fromhex("21 11 000b") + bytes(11),
        proxy_headers.SIGNATURE + bytes.fromhex("21 31 000c") + bytes(12),
        proxy_headers.SIGNATURE + bytes.fromhex("21 11 ffff"),
        proxy_headers.SIGNATURE + bytes.fromhex("20 00 0209"),
        proxy_headers.v2(IPv4Address("192.0.2.1"), b"\x04\x00"),
        proxy_headers.v2(IPv4Address("192.0.2.1"), b"\x04\x00\x05abcd"),
        proxy_headers.v2(IPv4Address("192.0.2.1"), proxy_headers.field(proxy_headers.TLS, b"\x01\0\0\0")),
    ],
)
def test_what_is_no_header_is_a_value_that_says_why(data: bytes) -> None:
    told = read_header(data)
    assert isinstance(told, BadHeader)
    assert told.why.isprintable()
