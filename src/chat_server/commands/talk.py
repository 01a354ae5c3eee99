"""What people say and do in a room. What is said goes into the room's inbox at once; only when that is full, the session waits."""

from functools import partial

from chat_server.commands.access import NOBODY, access
from chat_server.commands.handler import CommandHandler
from chat_server.commands.holding import say
from chat_server.commands.missed import back_if_away
from chat_server.commands.referring import say_of
from chat_server.protocol.events import Refused, TimingAwaited, TopicShown
from chat_server.protocol.requests import Act, Notice, Say, TimeNextLine, Topic
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.room import HALL, ROOM, MaybeAwaitable, Occupant, Room

TOPIC_MAX = 300
"""Characters in a topic: about what IRC servers allow. Whoever enters is shown it."""


class TalkCommands(CommandHandler):
    """To say something."""

    @access(where=(ROOM,))
    def do_say(self, place: ChatRoom, session: Occupant, request: Say) -> MaybeAwaitable:
        """Say something to everybody here.

        A line without a slash does the same. A line that begins with // is said with one slash.
        """
        if type(request) is not Say:  # a SayRun, where every line may be said and none is timed
            pause = place.post(session, request)
            return pause if session.person.away is None else back_if_away(place, session, pause)
        if request.re:
            return back_if_away(place, session, say_of(place, session, request, partial(say, place, session, request)))
        if not place.gate.is_open_to(session):
            return back_if_away(place, session, say(place, session, request))
        pause = place.post(session, place.timed_request(session, request) if place.timing else request)
        return pause if session.person.away is None else back_if_away(place, session, pause)

    @access(where=(HALL,), role=NOBODY, refusal=lambda _: Refused("nobody-hears"))
    def do_say_in_hall(self, place: Room, session: Occupant, request: Say) -> MaybeAwaitable:
        """Say something; but nobody hears it in the hall."""
        return None  # the dispatcher has refused it

    @access(where=(ROOM,))
    def do_me(self, place: ChatRoom, session: Occupant, request: Act) -> MaybeAwaitable:
        """Do something that everybody here sees.

        /me waves is shown to the others as: ~ ann waves
        """
        return back_if_away(place, session, say(place, session, request))

    @access(where=(ROOM,))
    def do_notice(self, place: ChatRoom, session: Occupant, request: Notice) -> MaybeAwaitable:
        """Say something to everybody here without notifying anybody.

        For bots, and for what can wait. /notice supper at eight is shown to the others as: - ann: supper at eight
        """
        return back_if_away(place, session, say(place, session, request))

    @access(where=(ROOM,))
    def do_topic(self, place: ChatRoom, session: Occupant, request: Topic) -> MaybeAwaitable:
        """Show or set the topic.

        Everybody who enters sees it. Without a text: show it.
        """
        if not request.text:
            session.send(TopicShown(place.name, place.topic))
            return None
        if len(request.text) > TOPIC_MAX:
            session.send(Refused("topic-length", {"limit": str(TOPIC_MAX)}))
            return None
        return back_if_away(place, session, say(place, session, request))

    @access(where=(ROOM,))
    def do_time_next_line(self, place: ChatRoom, session: Occupant, request: TimeNextLine) -> MaybeAwaitable:
        """Measure how long your next line takes.

        You are told its number, how long it waited in the room's queue, and how long storing it took.
        """
        place.timing.add(session)
        session.send(TimingAwaited())
        return None
