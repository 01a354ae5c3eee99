"""The password of the tests. Whatever is kept of them is looked through for it, and nothing may have it. And what may be kept, but not logged.

Looked through are what servers have kept and logged, what was on screens and in their titles (processes.py), what tests have left in files, and
whatever has been written meanwhile (conftest.py). Tokens and codes, which are others every time, have a test of their own: test_secrets.py.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

PASSWORD = "canary-7f3a-in-the-mine"  # noqa: S105 - of nobody

TEXT = "canary-text-2b9c-under-the-hill"
ROOM = "canary-burrow-51"
TOKEN = "canary0token0of0a0program"  # noqa: S105 - of nobody
"""What somebody says, a private room, what a program logs in with: in no log, whichever test says it."""

ADDRESS = "203.0.113.177"
"""Whence somebody comes where the log has no addresses."""

_AT_A_TIME = 1 << 22
"""Bytes of a file that are looked through at a time: a few have hundreds of megabytes."""


def files_with(folder: Path, secrets: Iterable[str] = (PASSWORD,)) -> list[str]:
    """The files of a folder in whose names or contents one of these secrets is, in capitals or not."""
    wanted = [secret.lower().encode() for secret in secrets]
    found = []
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            with suppress(OSError):  # a server may just have deleted it, and some are made so that nobody can read them
                if path.is_file() and not path.is_symlink() and _has(path, wanted):
                    found.append(str(path))
    return found


def _has(path: Path, wanted: list[bytes]) -> bool:
    before = os.fsencode(path.name).lower() + b"\0"
    with path.open("rb") as file:
        while data := file.read(_AT_A_TIME):
            looked_at = before + data.lower()
            if any(secret in looked_at for secret in wanted):
                return True
            before = looked_at[-200:]
    return any(secret in before for secret in wanted)


def assert_not_in(what: str, text: str | bytes) -> None:
    """See that it is not in what was written or shown."""
    data = text.encode(errors="surrogateescape") if isinstance(text, str) else text
    assert PASSWORD.encode() not in data, f"a password is in {what}"


def in_log(log: str) -> list[str]:
    """What of all that is in a log, or whatever else a test has written to standard error."""
    return [canary for canary in (PASSWORD, TEXT, ROOM, TOKEN) if canary.lower() in log.lower()]
