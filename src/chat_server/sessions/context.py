"""What all sessions of a server have in common, made once by the server. Never knows a single connection."""

from collections import Counter
from collections.abc import Awaitable, Callable

from msgspec import Struct, field

from chat_server.config import HistoryTable
from chat_server.limits import Limits
from chat_server.protocol.events import Event, Refused, Welcomed
from chat_server.protocol.preferences import Preferences
from chat_server.rooms.room import Room
from chat_server.sessions.memory_budget import Budget
from chat_server.sessions.turns import Turns


class SessionContext(Struct):
    """Where sessions begin, what they may do, and what they share. What of it the settings say is another after a reload."""

    hall: Room
    limits: Limits
    history: HistoryTable
    preferences: Preferences
    """How things are shown to somebody who has chosen nothing."""
    welcome: Callable[[], Welcomed]
    """What programs are told about the server."""
    turns: Turns
    """In which what is dear is done, for all sessions."""
    budget: Budget
    """Of what waits in memory, for all sessions."""
    start: Callable[[Callable[[], Awaitable[None]]], None]
    """Starts a task that may outlive a call."""
    takes_secrets_anywhere: bool
    """Whether a secret may go over lines on which somebody may listen in."""
    late_hello: Callable[[], None]
    """Notes that a caller has begun TLS after it had been greeted in plain text."""
    fingerprint: Callable[[], str]
    """That of the certificate which the server shows now, in groups; "" if it has none."""
    refusals: Counter[str] = field(default_factory=Counter)
    """How often something was refused, by the code of why."""

    def note(self, answer: Event) -> None:
        """Count an answer, if something is refused by it."""
        if type(answer) is Refused:
            self.refusals[answer.code] += 1
