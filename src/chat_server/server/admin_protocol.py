"""What every request of an operator, and every answer, has. See admin_requests.py. Values; never knows which there are."""

import re
from typing import Annotated

from msgspec import Meta, Struct

ADMIN_PROTOCOL = 1
"""The version of what is in this file. A server refuses another one, and says its release."""

REASON_MAX = 200
"""Characters in the reason that somebody is told who is removed."""

Name = Annotated[str, Meta(max_length=128)]


def _kebab(name: str) -> str:
    """`ListRooms`: `list-rooms`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


class AdminRequest(Struct, frozen=True, kw_only=True, tag_field="do", tag=_kebab):
    """What is asked for."""

    protocol: int = ADMIN_PROTOCOL


class AdminAnswer(Struct, frozen=True, tag_field="is", tag=_kebab):
    """What is answered."""
