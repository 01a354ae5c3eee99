"""The file in the data directory that says which accounts have ended: what was erased stays erased when an older backup takes the journal's place.

It has numbers and the names that say nothing; never who it was.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from chat_server.accounts import Ended
from chat_server.journal.new_file import hand_over, sync

_decoder = msgspec.json.Decoder(Ended)


def read_ended(path: Path) -> list[Ended]:
    """The accounts of the file; none if there is none. Raises OSError, and ValueError if it is no such file."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    return [*map(_decoder.decode, filter(None, lines))]


def add_ended(path: Path, ended: Iterable[Ended]) -> None:
    """Add the accounts that are not in it; they are on the disk when this returns. Raises OSError, and ValueError as above."""
    known = {one.account for one in read_ended(path)}
    new = [one for one in ended if one.account not in known]
    if not new:
        return
    part = path.with_name(f"{path.name}.part")
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "wb") as out:
        for one in [*read_ended(path), *new]:
            out.write(msgspec.json.encode(one) + b"\n")
        out.flush()
        os.fsync(out.fileno())
    hand_over(part)
    part.replace(path)
    sync(path.parent)
