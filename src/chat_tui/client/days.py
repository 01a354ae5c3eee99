"""Days by their names, in the language that is spoken. Pure."""

import time
from datetime import date

from chat_tui.language import message, say

_WEEKDAYS = (
    *(message("Monday"), message("Tuesday"), message("Wednesday"), message("Thursday"), message("Friday")),
    *(message("Saturday"), message("Sunday")),
)
_MONTHS = (
    *(message("January"), message("February"), message("March"), message("April"), message("May"), message("June")),
    *(message("July"), message("August"), message("September"), message("October"), message("November")),
    message("December"),
)


def weekday(day: time.struct_time) -> str:
    """`Monday`."""
    return say(_WEEKDAYS[day.tm_wday])


def whole_day(day: time.struct_time) -> str:
    """`Monday, 23 November 2026`."""
    month = say(_MONTHS[day.tm_mon - 1])
    return say("{weekday}, {day} {month} {year}", weekday=weekday(day), day=day.tm_mday, month=month, year=day.tm_year)


def days_between(day: time.struct_time, today: time.struct_time) -> int:
    """How many days ago it was; 0: today."""
    return date(*today[:3]).toordinal() - date(*day[:3]).toordinal()


def heading_of(day: time.struct_time, today: time.struct_time) -> str:
    """What stands over a day's lines: `Today, Tuesday, 24 November`, `Monday, 23 November 2025`."""
    days = days_between(day, today)
    near = say("Today") if days == 0 else say("Yesterday") if days == 1 else ""
    if day.tm_year != today.tm_year:
        words = whole_day(day)
    else:
        month = say(_MONTHS[day.tm_mon - 1])
        words = say("{weekday}, {day} {month}", weekday=weekday(day), day=day.tm_mday, month=month)
    return say("{near}, {day}", near=near, day=words) if near else words
