"""How long a time is that people write in settings and after flags: `90m`, `24h`, `7d`. Pure; never knows what it is for."""

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

INTERVAL_MIN, INTERVAL_MAX = 10, 366 * 86400
"""Seconds that one has, at least and at most."""

EXPECTED = "a time from 10s to 366d such as 24h, 90m or 7d"
"""What was expected of a text that is none, for a sentence."""


def seconds_of(text: str) -> int | None:
    """So many seconds; None if the text is no such time."""
    number, unit = text[:-1], text[-1:]
    if not (number.isascii() and number.isdigit() and len(number) <= len(str(INTERVAL_MAX)) and unit in _SECONDS):
        return None
    seconds = int(number) * _SECONDS[unit]
    return seconds if INTERVAL_MIN <= seconds <= INTERVAL_MAX else None
