"""What a server tells programs of itself when they say hello. Pure; never knows a connection."""

from msgspec import UNSET

from chat_server import __version__
from chat_server.commands.catalogue import described_commands
from chat_server.commands.table import COMMANDS
from chat_server.config import Config
from chat_server.protocol.events import Welcomed
from chat_server.protocol.room_state import RULES
from chat_server.protocol.versions import PROTOCOL
from chat_server.rooms.room import ROOMS_MAX


def welcome_of(config: Config, node: str | None = None) -> Welcomed:
    """What programs are told about the server, and which of its nodes this is."""
    limits = config.limits
    return Welcomed(
        config.server.name,
        __version__,
        PROTOCOL,
        {
            "line_bytes": limits.json_line_bytes,
            "text_bytes": limits.text_bytes,
            "requests_per_second": limits.messages_per_second,
            "request_burst": limits.message_burst,
            "rooms": ROOMS_MAX,
            "sessions": limits.sessions_per_person,
            "silence_seconds": limits.silence_seconds,
        },
        described_commands(COMMANDS),
        config.server.language,
        UNSET if node is None else node,
        RULES,
    )
