"""The links in a room's lines, the newest first. Pure; never opens any."""

from typing import NamedTuple

from chat_server.protocol.entries import Entry
from chat_tui.client.links import links
from chat_tui.client.timeline import Timeline

SHOWN_MAX = 500
"""Links that are listed; more than anybody looks through."""


class RoomLink(NamedTuple):
    """A link: what it opens, who said it last, and when."""

    url: str
    nick: str
    at: float


def links_in(timeline: Timeline) -> list[RoomLink]:
    """Those in the lines that are loaded; one that was said often, where it was said last."""
    found: dict[str, RoomLink] = {}
    for line in reversed(timeline.entries):
        if isinstance(line, Entry) and "://" in line.text:
            for start, end in reversed(links(line.text)):
                url = line.text[start:end]
                found.setdefault(url, RoomLink(url, f"{line.nick}{line.mark}", line.at))
        if len(found) >= SHOWN_MAX:
            break
    return [*found.values()][:SHOWN_MAX]
