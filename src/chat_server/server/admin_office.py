"""What an operator may ask of the server's moderation, and what is answered. See admin_requests.py. Values; never knows what is done."""

from typing import Annotated, Literal

from msgspec import Meta

from chat_server.server.admin_protocol import AdminAnswer, AdminRequest, Name

PANIC_MINUTES_MAX = 24 * 60


class GiveRole(AdminRequest, frozen=True):
    """Give an account a role on the server, or none."""

    name: Name
    role: Literal["admin", "moderator", "none"]


class SetPanic(AdminRequest, frozen=True):
    """Keep the server quiet for so many minutes, or (0) no longer; without a number: how it is."""

    minutes: Annotated[int, Meta(ge=0, le=PANIC_MINUTES_MAX)] | None = None


class RoleGiven(AdminAnswer, frozen=True):
    """An account has this role on the server, and had another until then (`was`; "member": none)."""

    nick: str
    role: str
    was: str = ""


class PanicShown(AdminAnswer, frozen=True):
    """There is panic for so many seconds still; 0: there is none."""

    seconds: float


OFFICE_REQUESTS: tuple[type[AdminRequest], ...] = (GiveRole, SetPanic)
OFFICE_ANSWERS: tuple[type[AdminAnswer], ...] = (RoleGiven, PanicShown)
