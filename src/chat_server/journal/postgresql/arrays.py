"""Lists as parameters, in the form in which PostgreSQL keeps arrays itself, and of types that do not hang on what is in them.

In text form a list of long texts took five times as long; a list whose type hangs on its numbers would have each statement prepared many times.
"""

from collections.abc import Sequence
from itertools import chain, repeat
from struct import pack
from typing import ClassVar

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format


class Array:
    """A list in its binary form; NULL if it is empty."""

    __slots__ = ("binary",)
    oid: ClassVar[int]

    def __init__(self, binary: bytes | None) -> None:
        self.binary = binary


class Integers(Array):
    """A `bigint[]`."""

    __slots__ = ()
    oid = 1016


class Floats(Array):
    """A `float8[]`."""

    __slots__ = ()
    oid = 1022


class Texts(Array):
    """A `text[]`."""

    __slots__ = ()
    oid = 1009


class Blobs(Array):
    """A `bytea[]`."""

    __slots__ = ()
    oid = 1001


def integers(values: Sequence[int]) -> Integers:
    """A list of whole numbers."""
    return Integers(_fixed(20, "q", values) if values else None)


def floats(values: Sequence[float]) -> Floats:
    """A list of other numbers."""
    return Floats(_fixed(701, "d", values) if values else None)


def texts(values: Sequence[str | bytes | None]) -> Texts:
    """A list of texts; those that are bytes are UTF-8 already, None is NULL."""
    return Texts(_varying(25, [one.encode() if isinstance(one, str) else one for one in values]) if values else None)


def blobs(values: Sequence[bytes]) -> Blobs:
    """A list of bytes."""
    return Blobs(_varying(17, values) if values else None)


def register(connection: "psycopg.Connection[object]") -> None:
    """Let a connection take these as parameters."""
    for kind, dumper in _DUMPERS.items():
        connection.adapters.register_dumper(kind, dumper)


def _header(element: int, length: int) -> bytes:
    return pack(
        ">5i", 1, 1, element, length, 1
    )  # dimensions, whether there may be NULLs, the type, how many, the first one's index


def _fixed(element: int, form: str, values: Sequence[float]) -> bytes:
    each = chain.from_iterable(zip(repeat(8), values))
    return _header(element, len(values)) + pack(f">{f'i{form}' * len(values)}", *each)


def _varying(element: int, values: Sequence[bytes | None]) -> bytes:
    pieces = [_header(element, len(values))]
    for one in values:
        pieces += (_NULL,) if one is None else (pack(">i", len(one)), one)
    return b"".join(pieces)


_NULL = pack(">i", -1)


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Array) -> bytes | None:
        return obj.binary


def _dumper_of(kind: type[Array]) -> type[Dumper]:
    return type(f"{kind.__name__}Dumper", (_ArrayDumper,), {"oid": kind.oid})


_DUMPERS = {kind: _dumper_of(kind) for kind in (Integers, Floats, Texts, Blobs)}
