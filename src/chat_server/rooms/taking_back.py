"""What else changes in a room when something that was said there is deleted: its topic, and which lines are a guest's own.

Never knows who may delete what, nor how anything is stored.
"""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from chat_server.protocol.amending import Redacted
from chat_server.protocol.entries import Entry, TopicSet
from chat_server.protocol.requests import Topic
from chat_server.protocol.room_state import RoomState
from chat_server.rooms.batch import Acting, InboxEntry, TimedRequest
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant


class LinesOfGuests:
    """Which lines are the own ones of guests who are in a room.

    What somebody says without an account has nobody's number. But as long as a guest is in the room nobody else has their name, so what was said
    under it since they came, or took it, was said by them.
    """

    def __init__(self, nicks: Mapping[Person[Occupant], str]) -> None:
        """Take who is here, each with the nickname that the room has heard of."""
        self._nicks = nicks
        self._since: dict[Person[Occupant], int] = {}  # the newest line before they were called so

    def know_as(self, person: Person[Occupant], nick: str, before: str | None, after: int) -> None:
        """Somebody is here under this name, and was under the one before, if any; of the lines up to this number they said none under a new one."""
        is_new = before != nick if person in self._since else not person.account
        if is_new:
            self._since[person] = after

    def went(self, person: Person[Occupant]) -> None:
        """Somebody is here no longer."""
        self._since.pop(person, None)

    def has(self, person: Person[Occupant], line: Entry) -> bool:
        """Whether a line is somebody's, who is here."""
        since = self._since.get(person)
        return since is not None and not line.author and line.nick == self._nicks.get(person) and line.seq > since


def as_told(what: Acting, state: RoomState) -> Acting:
    """What deletes lines, as a room tells it: not whose they were, where some may read no more than what was said since they came."""
    is_for_all = not (state.rule("history") == "joined" or state.bounds or state.floor)
    if is_for_all or not isinstance(what.entry, Redacted):
        return what
    return what._replace(entry=replace(what.entry, whom=""))


def with_topics_cleared(entries: Sequence[InboxEntry], topic: str) -> Sequence[InboxEntry]:
    """The entries of a turn before which this is the room's topic: after what deletes the line that has set it, it is taken away.

    So that its text is nowhere any more, and whoever knows of topics but not of deleted lines sees the same.
    """
    if not any(isinstance(what, Acting) and what.topics for _, _, what, _ in entries):
        return entries
    cleared: list[InboxEntry] = []
    for entry in entries:
        session, nick, what, _ = entry
        cleared.append(entry)
        request = what.request if isinstance(what, TimedRequest) else what
        if isinstance(request, Topic):
            topic = request.text
        elif isinstance(what, Acting) and isinstance(what.entry, Redacted) and topic in what.topics:
            topic = ""
            cleared.append((session, nick, Acting(TopicSet(what.entry.room, 0, 0.0, "", "")), ()))
    return cleared
