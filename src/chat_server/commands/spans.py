"""For how long something is to be, as it is typed: `30m`, `for 2h spam`. Pure."""

import re
from math import inf

from chat_server.protocol.late_pattern import LatePattern

CURB_SECONDS = 86400.0
"""How long somebody is muted or banned where nothing is said of that."""

_SPAN = LatePattern(
    r"\s*(?:for\s+)?(?P<number>[1-9][0-9]{0,5})(?P<unit>[mhdw])(?:\s+(?P<rest>.*)|\s*)$",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)
_MISTYPED = LatePattern(r"\s*(?:for\s+)?[0-9]+(?!(?:st|nd|rd|th)(?:\s|$))[a-z]*(?:\s|$)", re.IGNORECASE | re.ASCII)
_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def parsed_span(text: str, default: float = CURB_SECONDS) -> tuple[float, str]:
    """The seconds with which a text begins, as `30m` or `for 2h`, and what stands after that; the default if it begins with none.

    Infinite if it begins with what is meant as one, and is none: `5y`, `30`. Nobody is to be banned for a day, and told "5y" as the reason.
    """
    if (found := _SPAN.match(text)) is None:
        return inf if _MISTYPED.match(text) else default, text.strip()
    return float(int(found["number"]) * _UNITS[found["unit"].casefold()]), (found["rest"] or "").strip()
