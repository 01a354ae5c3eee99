"""Times as people read them, in the zone that each of them chose.

A zone is a name: of the IANA database ("Europe/Berlin"), an offset ("+02:00"), or "" for the server's own. Pure but for the
database, which is read from the system or from the package tzdata; never knows what time it is now.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache

from chat_server.protocol.late_pattern import LatePattern

_OFFSET = LatePattern(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)
_NAME = LatePattern(r"[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}")


EARLIEST = datetime(1, 1, 3, tzinfo=UTC).timestamp()
LATEST = datetime(9999, 12, 29, tzinfo=UTC).timestamp()
"""Between them every zone has a date for every time; a day or two is left for the zones at either end."""


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
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - 5 ms, which few need

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
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - see above

    return ZoneInfo(name)


def is_possible(at: float) -> bool:
    """Whether every clock and calendar can show this time, in seconds since 1970. Milliseconds since then, for example, are not."""
    return EARLIEST <= at <= LATEST


def possible(at: float) -> float:
    """The nearest time that every clock can show; for what is no number at all, the earliest."""
    if is_possible(at):
        return at
    return LATEST if at > LATEST else EARLIEST


def local(at: float, zone: str) -> datetime:
    """The time `at` (seconds since 1970) as the clocks of the zone show it. Never raises, whatever the time."""
    at = possible(at)
    wanted = _zone(zone)
    return _local_here(at) if wanted is None else datetime.fromtimestamp(at, wanted)


def _local_here(at: float) -> datetime:
    """The time on the server's own clocks; in UTC where those are a day or more away from it (`TZ=XYZ+24`), as no zone on earth is."""
    try:
        return datetime.fromtimestamp(at).astimezone()
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(at, UTC)


def beginning_of(day: date, zone: str) -> float:
    """When the day begins in the zone, in seconds since 1970; for days out of reach, as near as can be."""
    return instant(day, time(), zone)


def instant(day: date, clock: time, zone: str) -> float:
    """When the clocks of the zone show this time on this day, in seconds since 1970; for days out of reach, as near as can be."""
    try:
        here = _zone(zone)
        began = datetime.combine(day, clock, here)
        return _instant_here(began) if here is None else began.timestamp()
    except (OverflowError, ValueError, OSError):
        return float("-inf") if day.year < 1970 else float("inf")  # noqa: PLR2004 - where the count begins


def end_of(day: date, zone: str) -> float:
    """When the next day begins in the zone."""
    return beginning_of(day + timedelta(days=1), zone) if day < date.max else float("inf")


def _instant_here(shown: datetime) -> float:
    """When the server's own clocks show this, by the zone in which `local` shows it."""
    at = shown.timestamp()
    return at if local(at, "").tzinfo is not UTC else shown.replace(tzinfo=UTC).timestamp()
