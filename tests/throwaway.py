"""A role and a command that nothing knows but their declarations: run by itself, for the groups of commands are put together once.

Prints, as JSON, what everybody is told of them.
"""

import json
import sys

from chat_server.commands.access import ANYBODY, ROLES, access
from chat_server.commands.talk import TalkCommands
from chat_server.protocol.events import TopicShown, Welcomed
from chat_server.protocol.requests import Request
from chat_server.rooms.person import MEMBER
from chat_server.rooms.room import ROOM, MaybeAwaitable, Occupant, Room

KEEPER = "keeper"
LISTENER = "listener"
"""One with a name who may do nothing that members may."""


class Sweep(Request, frozen=True, gc=False):
    """Sweep the room."""


@access(role=KEEPER, where=(ROOM,))
def do_sweep(self: TalkCommands, place: Room, session: Occupant, request: Sweep) -> MaybeAwaitable:
    """Sweep the room."""
    session.send(TopicShown(place.name, "swept"))
    return None


ROLES[KEEPER] = ROLES[MEMBER] | {KEEPER}
ROLES[LISTENER] = frozenset((LISTENER, ANYBODY))
TalkCommands.do_sweep = do_sweep  # type: ignore[attr-defined]

from chat_server.commands.completion import completions  # noqa: E402 - the groups are put together with what was added to them
from chat_server.commands.table import COMMANDS, dispatch  # noqa: E402
from chat_server.config import Config  # noqa: E402
from chat_server.protocol.versions import PROTOCOL  # noqa: E402
from chat_server.sessions.json_session import PARSE  # noqa: E402
from chat_server.sessions.welcome import welcome_of  # noqa: E402
from chat_server.wire.json_lines import renderer_for  # noqa: E402
from chat_tui.client.codec import EventReader  # noqa: E402
from chat_tui.client.command_line import parse  # noqa: E402
from fakes import FakeSession, make_hall  # noqa: E402


def told_to(role: str, place: Room) -> dict[str, list[str]]:
    """What somebody in this role is told in this place when they type each of these."""
    session = FakeSession(place, f"{role}-{place.name}")
    session.person.role = role
    answers = {}
    for text in ("/sweep", "/help general", "/help sweep", "/swep"):
        request = COMMANDS.vocabulary.parse_text(text)
        assert request is not None
        dispatch(place, session, request)
        answers[text] = session.take_told()
    for begun in ("/swe", "/pyt"):
        answers[f"Tab after {begun}"] = completions(begun, place, session)[0]
    return answers


def main() -> int:
    """Print what everybody is told; exit code 0."""
    hall = make_hall("python")
    room = hall.directory.rooms[0]
    session = FakeSession(room, "ann")
    dispatch(room, session, PARSE(b'{"do":"sweep","room":"python"}', 100, PROTOCOL).request)
    (received,) = EventReader().receive_data(renderer_for("en", 2)(welcome_of(Config())))
    welcome = received.event
    assert isinstance(welcome, Welcomed)
    (described,) = [command for command in welcome.commands if command.name == "sweep"]
    of_chat_tui = parse("/sweep", {"sweep": described}, {})
    report = {
        "member": {place.kind: told_to("member", place) for place in (hall, room)},
        "keeper": {place.kind: told_to("keeper", place) for place in (hall, room)},
        "stranger": told_to("stranger", hall),
        "listener": told_to("listener", hall),
        "program": session.take_told(),
        "described": [described.name, described.usage, described.help, described.where, described.role],
        "chat-tui": of_chat_tui,
    }
    json.dump(report, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
