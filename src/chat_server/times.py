"""Times as people read them, in the zone that each of them chose.

A zone is a name: of the IANA database ("Europe/Berlin"), an offset ("+02:00"), or "" for the server's own. Pure but for the
database, which is read from the system or from the package tzdata; never knows what time it is now.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}")


class BadZone(ValueError):
    """There is no such zone."""


def parse_zone(text: str) -> str:
    """Return the zone's name in its one form.

    Raises:
        BadZone: if it is neither in the database nor an offset from UTC of less than a day.

    """
    offset = _OFFSET.fullmatch(text)
    if offset:
        sign, hours, minutes = offset.groups(default="0")
        if int(hours) >= 24:  # noqa: PLR2004 - a day's hours
            raise BadZone
        return f"{sign}{int(hours):02}:{minutes:0>2}"
    if text.upper() in {"UTC", "GMT", "Z"}:
        return "UTC"
    if not _NAME.fullmatch(text):
        raise BadZone
    parts = ["/".join(part.capitalize() for part in text.lower().split("/")), text]
    for name in reversed(parts):
        try:
            ZoneInfo(name)
        except (OSError, ValueError, LookupError):  # LookupError: not in the database; OSError: "Europe" is a folder
            continue
        return name
    raise BadZone


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo | None:
    """The zone; None stands for the server's own."""
    if not name:
        return None
    if name[0] in "+-":
        hours, _, minutes = name[1:].partition(":")
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        return timezone(offset if name[0] == "+" else -offset)
    return UTC if name == "UTC" else ZoneInfo(name)


def local(at: float, zone: str) -> datetime:
    """The time `at` (seconds since 1970) as the clocks of the zone show it."""
    wanted = _zone(zone)
    return datetime.fromtimestamp(at).astimezone() if wanted is None else datetime.fromtimestamp(at, wanted)


def beginning_of(day: date, zone: str) -> float:
    """When the day begins in the zone, in seconds since 1970; for days out of reach, as near as can be."""
    return instant(day, time(), zone)


def instant(day: date, clock: time, zone: str) -> float:
    """When the clocks of the zone show this time on this day, in seconds since 1970; for days out of reach, as near as can be."""
    try:
        return datetime.combine(day, clock, _zone(zone)).timestamp()
    except (OverflowError, ValueError, OSError):
        return float("-inf") if day.year < 1970 else float("inf")  # noqa: PLR2004 - where the count begins
