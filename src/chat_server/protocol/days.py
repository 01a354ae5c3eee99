"""How people write a day or a time of day, and when that begins: 2026-11-20, today, yesterday, -3d, 14:30.

Knows the calendar and the zones in time_zones.py; never knows what time it is now (that is given), nor what is done with the answer.
"""

from datetime import date, time, timedelta
from typing import NamedTuple

from chat_server.protocol.late_pattern import LatePattern
from chat_server.protocol.time_zones import beginning_of, end_of, instant, local

_DAYS_AGO = {"today": 0, "yesterday": 1, "今天": 0, "昨天": 1, "前天": 2}
_BACK = LatePattern(r"-(\d{1,6})d")
_TIME = LatePattern(r"(\d{1,2})[:\uff1a](\d{2})")


class NotADay(ValueError):
    """It is no day and no time of day."""


def is_day(text: str) -> bool:
    """Whether this is written as a day or a time of day is."""
    try:
        moment_of(text, 0.0, "UTC")
    except NotADay:
        return False
    return True


class Span(NamedTuple):
    """From when until when, in seconds since 1970."""

    start: float
    end: float


def moment_of(text: str, now: float, zone: str) -> float:
    """When that begins, in seconds since 1970; see span_of."""
    return span_of(text, now, zone).start


def span_of(text: str, now: float, zone: str) -> Span:
    """When that begins, and when its day ends.

    A day begins at midnight. A time of day is the last time that it was so late: at 09:00, 14:30 was yesterday.

    Args:
        text: the day or the time of day, as somebody has written it.
        now: the time now, in seconds since 1970.
        zone: the zone in which somebody reads times (see time_zones.py).

    Raises:
        NotADay: it is neither.

    """
    wanted = text.strip().casefold()
    today = local(now, zone).date()
    try:
        clock = _TIME.fullmatch(wanted)
        if clock:
            return _last_time(time(int(clock[1]), int(clock[2])), today, now, zone)
        day = _day_of(wanted, today)
    except ValueError as error:
        raise NotADay(text) from error
    return Span(beginning_of(day, zone), end_of(day, zone))


def _day_of(wanted: str, today: date) -> date:
    """The day that is meant. Raises ValueError if none is."""
    back = _BACK.fullmatch(wanted)
    if back is None and wanted not in _DAYS_AGO:
        return date.fromisoformat(wanted)
    ago = int(back[1]) if back else _DAYS_AGO[wanted]
    return today - timedelta(days=min(ago, (today - date.min).days))


def _last_time(clock: time, today: date, now: float, zone: str) -> Span:
    """From the last moment at which clocks in the zone showed this time, now at the latest, to the end of that day."""
    day = today if instant(today, clock, zone) <= now else today - timedelta(days=1)
    return Span(instant(day, clock, zone), end_of(day, zone))
