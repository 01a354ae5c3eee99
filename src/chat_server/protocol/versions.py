"""The versions of the protocol for programs, and what is called otherwise in earlier ones.

A program says in its hello which version it knows; 1, if it says nothing. Our requests and events have the tags of the newest; which had others
before stands here alone. The server reads and writes by it what older programs send and are sent, and a client what an older server is sent and
sends. Pure; never knows JSON, nor who speaks.
"""

from collections.abc import Iterable

from msgspec import Struct

from chat_server.protocol.events import Event, Pinged, Ponged
from chat_server.protocol.requests import Ping, Pong, Request, TimeNextLine, tag_of

PROTOCOL = 2
"""The newest version. A field, a request or an event more does not change it: programs pass over what they do not know. Another kind of entry does
(chat-tui 0.1.0 passes over the whole page in which one stands), and a tag that means something else."""

_EARLIER: dict[int, dict[type[Struct], str]] = {
    1: {TimeNextLine: "ping", Ping: "are-you-there", Pong: "here", Pinged: "are-you-there", Ponged: "here"},
}
"""For each earlier version the tags that are others now."""

EARLIER_EVENTS = {tag: kind for tags in _EARLIER.values() for kind, tag in tags.items() if issubclass(kind, Event)}
"""Events that had another tag in an earlier version, by that; none of these tags means something else in a later one."""


def common(protocol: int) -> int:
    """The version that is spoken with somebody who knows them up to this one."""
    return min(protocol, PROTOCOL)


def tag_in(kind: type[Struct], protocol: int) -> str:
    """What a request or an event is called in this version."""
    return _EARLIER.get(protocol, {}).get(kind) or tag_of(kind)


def by_tag(requests: Iterable[type[Request]], protocol: int) -> dict[str, type[Request]]:
    """Requests, by what asks for them in this version. One that came later has its tag in earlier versions too, where that was free."""
    earlier = {tag: kind for kind, tag in _EARLIER.get(protocol, {}).items() if issubclass(kind, Request)}
    return {tag_of(kind): kind for kind in requests} | earlier
