"""When something was said, as the clock and the calendar here show it. Never raises, whatever time a server names."""

import time

from chat_server.times import possible


def minute_of(at: float) -> int:
    """The minute, counted since 1970."""
    return int(possible(at) // 60)


def shown(at: float) -> time.struct_time:
    """The time on the clock here; the nearest that it can show."""
    return time.localtime(possible(at))
