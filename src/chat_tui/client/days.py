"""Days by their names, in the language that is spoken. Pure."""

import time

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
