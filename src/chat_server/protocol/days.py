"""How people write a day or a moment, and when that begins: 2026-11-20, yesterday, monday, -3d, 14:30, 2 hours ago, yesterday 14:00; in Chinese too.

Knows the calendar and the zones in time_zones.py; never knows what time it is now (that is given), nor what is done with the answer.
"""

from datetime import date, time, timedelta
from typing import NamedTuple

from chat_server.protocol.late_pattern import LatePattern
from chat_server.protocol.time_zones import beginning_of, end_of, instant, local

WRITTEN_MAX = 60
"""Characters in which anybody writes one."""

_DAYS_AGO = {"today": 0, "yesterday": 1, "今天": 0, "昨天": 1, "前天": 2}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORT = {"mon": 0, "tue": 1, "tues": 1, "wed": 2, "thu": 3, "thur": 3, "thurs": 3, "fri": 4, "sat": 5, "sun": 6}
_IN_CHINESE = "一二三四五六日"
_WEEKDAY = LatePattern(r"(last +)?([a-z]{3,9})")
_CHINESE_WEEKDAY = LatePattern(r"(上)?(?:周|星期|礼拜)([一二三四五六日天])")
_BACK = LatePattern(r"-(\d{1,6})([mhdw])")
_AGO = LatePattern(r"(\d{1,6}|an?) *(minute|min|hour|day|week)s? ago")
_CHINESE_AGO = LatePattern(r"(\d{1,6}|[一二两三四五六七八九十半]) *个?(分钟|小时|天|日|周|星期|礼拜) *(?:之|以)?前")
_TIME = LatePattern(r"(\d{1,2})[:\uff1a](\d{2})")
_DAY_AND_TIME = LatePattern(r"(.+?)(?: +at +| *t| *)(\d{1,2})[:\uff1a](\d{2})")
_NUMBERS = {word: number for number, word in enumerate("一二三四五六七八九十", 1)} | {"两": 2, "a": 1, "an": 1}
_SECONDS = {"m": 60, "minute": 60, "min": 60, "分钟": 60, "h": 3600, "hour": 3600, "小时": 3600}
_DAYS = {"d": 1, "day": 1, "天": 1, "日": 1, "w": 7, "week": 7, "周": 7, "星期": 7, "礼拜": 7}


class NotADay(ValueError):
    """It is no day and no moment."""


def is_day(text: str) -> bool:
    """Whether this is written as a day or a moment is."""
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

    A day begins at midnight. A time of day is the last time that it was so late: at 09:00, 14:30 was yesterday. A day of the week is the last one
    that has begun, today too, but for `last monday`, which is before today.

    Args:
        text: the day or the time of day, as somebody has written it.
        now: the time now, in seconds since 1970.
        zone: the zone in which somebody reads times (see time_zones.py).

    Raises:
        NotADay: it is neither.

    """
    if len(text) > WRITTEN_MAX:
        raise NotADay(text)
    wanted = text.strip().casefold()
    today = local(now, zone).date()
    try:
        if clock := _TIME.fullmatch(wanted):
            return _last_time(time(int(clock[1]), int(clock[2])), today, now, zone)
        if (seconds := _seconds_ago(wanted)) is not None:
            return Span(now - seconds, end_of(local(now - seconds, zone).date(), zone))
        if both := _DAY_AND_TIME.fullmatch(wanted):
            day = _day_of(both[1], today)
            return Span(instant(day, time(int(both[2]), int(both[3])), zone), end_of(day, zone))
        day = _day_of(wanted, today)
    except ValueError as error:
        raise NotADay(text) from error
    return Span(beginning_of(day, zone), end_of(day, zone))


def _ago(wanted: str) -> tuple[float, str] | None:
    """How many of what ago, if it is written so."""
    found = _BACK.fullmatch(wanted) or _AGO.fullmatch(wanted) or _CHINESE_AGO.fullmatch(wanted)
    if found is None:
        return None
    if found[1] == "半":
        return 0.5, found[2]
    return int(_NUMBERS.get(found[1], found[1])), found[2]


def _seconds_ago(wanted: str) -> float | None:
    """How many seconds ago, if minutes or hours are written; a moment, and no day."""
    ago = _ago(wanted)
    return ago[0] * _SECONDS[ago[1]] if ago is not None and ago[1] in _SECONDS else None


def _day_of(wanted: str, today: date) -> date:
    """The day that is meant. Raises ValueError if none is."""
    if wanted in _DAYS_AGO:
        return today - timedelta(days=_DAYS_AGO[wanted])
    if (ago := _ago(wanted)) is not None:
        if ago[1] not in _DAYS or ago[0] != int(ago[0]):
            raise ValueError
        return today - timedelta(days=min(int(ago[0]) * _DAYS[ago[1]], (today - date.min).days))
    back = _days_since_weekday(wanted, today.weekday())
    return date.fromisoformat(wanted) if back is None else today - timedelta(days=back)


def _days_since_weekday(wanted: str, today: int) -> int | None:
    """How many days ago the day of the week was that is meant, if one is."""
    if (found := _CHINESE_WEEKDAY.fullmatch(wanted)) is not None:
        meant = _IN_CHINESE.index(found[2].replace("天", "日"))
        return today - meant + 7 if found[1] else (today - meant) % 7
    found = _WEEKDAY.fullmatch(wanted)
    name = found[2] if found is not None else ""
    if found is None or (name not in _SHORT and name not in _WEEKDAYS):
        return None
    back = (today - (_SHORT[name] if name in _SHORT else _WEEKDAYS.index(name))) % 7
    return back or (7 if found[1] else 0)


def _last_time(clock: time, today: date, now: float, zone: str) -> Span:
    """From the last moment at which clocks in the zone showed this time, now at the latest, to the end of that day."""
    day = today if instant(today, clock, zone) <= now else today - timedelta(days=1)
    return Span(instant(day, clock, zone), end_of(day, zone))
