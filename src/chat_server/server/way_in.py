"""How operators come in, and what they find that is the process's, not the server's. A value; it knows nothing."""

from msgspec import Struct

from chat_server.server.admin_socket import AdminSocket
from chat_server.server.backups import Backups
from chat_server.server.places import Succession


class WayIn(Struct, frozen=True):
    """All of it."""

    socket: AdminSocket | None = None
    """None: they cannot come in."""
    backups: Backups | None = None
    """Its copies, if it can make any."""
    succession: Succession | None = None
    """What another server needs that takes its place, if there is anything."""
