"""Everything that the server says to a person, and how what people say is shown to others.

One function for each event, one line of text or a few. A line of somebody's text always stands behind their name; the server's own word always
begins with `* `, an action with `~ `, a line that is read again with `#` and its number. So nobody can forge the server's word: no name begins with
`*`, `~` or `#`, and the lines of a text after its first are set in.
"""

from collections.abc import Callable
from typing import Any

from chat_server import events
from chat_server.times import local
from chat_server.wire.pages import found, page_shown, recalled
from chat_server.wire.words import indented, items, own_words

SENTENCES = {
    # Why a request was refused.
    "login-first": "Log in first: /login NICK",
    "logged-in-already": "You are logged in already, as {nick}. /nick NEW changes it.",
    "name-length": "A name has 1 to 32 characters.",
    "name-characters": "A name is made of letters of any script, digits, - and _; it begins with none of a letter's marks.",
    "name-taken": "{nick} is taken. Choose another name.",
    "same-name": "You are {nick} already.",
    "nobody-hears": "Nobody hears you in the hall. /rooms lists the rooms, /join ROOM enters one.",
    "no-such-room": "There is no room {room}. /rooms lists the rooms.",
    "no-such-room-but": "There is no room {room}. Did you mean {near}?",
    "in-room-already": "You are in {room} already.",
    "unknown-command": "Unknown command: {word}",
    "unknown-command-but": "Unknown command: {word}. Did you mean /{near}?",
    "not-here": "/{word} does not work {place}. /help lists what does.",
    "usage": "Usage: {usage}",
    "room-exists": "There is a room {room} already. /join {room} enters it.",
    "rooms-full": "There are too many rooms for another one.",
    "room-is-command": "/{room} is a command: choose another name for the room.",
    "topic-length": "A topic has {limit} characters at the most.",
    "no-such-zone": "There is no zone {zone}. A zone is written as Europe/Berlin or +02:00.",
    "too-many-words": "{limit} words can be looked for at once.",
    "no-words": "There is no word in that to look for.",
    "cannot-store": "That could not be stored just now. Try again later.",
    "cannot-read": "What was said cannot be read just now. Try again later.",
    "line-too-long": "That line was longer than {limit} bytes and was not read.",
    "not-in-room": "You are not in {room}. Join it first.",
    "too-many-rooms": "You can be in {limit} rooms at a time.",
    "not-json": "That is no JSON object with a do.",
    "unknown-request": "There is no request {word}.",
    "wrong-field": "{field}: {why}",
    "text-too-long": "A text has {limit} bytes at the most.",
    # Why a session ends.
    "login-time": "You did not log in within {seconds} seconds. Goodbye.",
    "unfinished-line": "Your line did not end within {seconds} seconds. Goodbye.",
    "idle": "You said nothing for {seconds} seconds. Goodbye.",
    "silent": "Nothing was heard from you for {seconds} seconds. Goodbye.",
    "taken-over": "You are here on another connection now. Goodbye.",
    "stopping": "The server is stopping. Goodbye.",
    "failed": "Something went wrong on the server's side, and has been noted. Goodbye.",
    # Why a caller is not let in.
    "server-full": "The server is full. Try again later.",
    "address-full": "There are too many connections from your address. Try again later.",
}


def sentence(code: str, details: dict[str, str]) -> str:
    """The sentence that a code stands for."""
    return SENTENCES[code].format_map(details)


def _names(nicks: tuple[str, ...], more: int) -> str:
    """`ann`, `ann and bob`, `ann, bob and 210 others`."""
    names = [*nicks, _others(more)] if more else list(nicks)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _others(count: int) -> str:
    return "1 other" if count == 1 else f"{count} others"


def _greeted(event: events.Greeted) -> str:
    return own_words(f"Hello. This is chat-server {event.version}.", "/login NICK lets you in, /help tells more.")


def _logged_in(event: events.LoggedIn) -> str:
    return own_words(f"Welcome, {event.nick}.", "/rooms lists the rooms, /join ROOM enters one, /help tells more.")


def _entered(event: events.Entered) -> str:
    topic = [f"Topic: {event.topic}"] if event.topic else []
    more = [f"and {_others(event.more)}"] if event.more else []
    people = items("With you:", [*event.nicks, *more]) if event.nicks else ["Nobody else is here."]
    return own_words(f"You are in {event.room}.", *topic, *people)


def _rooms_listed(event: events.RoomsListed) -> str:
    return own_words(*items("Rooms:", (f"{name} ({people})" for name, people in event.rooms)))


def _online_listed(event: events.OnlineListed) -> str:
    if not event.nicks:
        return own_words(f"Nobody else is in {event.room}.")
    return own_words(*items(f"In {event.room} with you ({len(event.nicks)}):", event.nicks))


def _help_listed(event: events.HelpListed) -> str:
    lines = [f"{usage} - {summary}" for usage, summary in event.commands]
    if event.rooms:
        lines += items("Rooms are commands too:", (f"/{room}" for room in event.rooms))
    return own_words(*lines)


def _command_explained(event: events.CommandExplained) -> str:
    aliases = [f"Also: {', '.join('/' + alias for alias in event.aliases)}"] if event.aliases else []
    return own_words(f"Usage: {event.usage}", *filter(None, event.text.splitlines()), *aliases)


def _joined(event: events.Joined) -> str:
    return own_words(f"{_names(event.nicks, event.more)} joined")


def _left(event: events.Left) -> str:
    return own_words(f"{_names(event.nicks, event.more)} left")


def _skipped(event: events.Skipped) -> str:
    what = "1 line was" if event.lines == 1 else f"{event.lines} lines were"
    where = "".join(f" /since {seq} shows what was said." for seq in event.rooms.values())
    return own_words(f"{what} skipped: your connection did not keep up.{where}")


def _not_stored(event: events.NotStored) -> str:
    what = "Your line" if event.lines == 1 else f"{event.lines} of your lines"
    return own_words(
        f"{what} could not be stored, so nobody has seen {'it' if event.lines == 1 else 'them'}. Try again later."
    )


def _timed(event: events.Timed) -> str:
    queued, stored = event.queued * 1000, event.stored * 1000
    return own_words(f"#{event.seq} waited {queued:.1f} ms in the queue and was stored in {stored:.1f} ms.")


def _zone_shown(event: events.ZoneShown) -> str:
    now = local(event.now, event.zone)
    zone = event.zone or f"{now.tzname()}, the server's own zone"
    return own_words(f"It is {now:%Y-%m-%d %H:%M}. Times are shown in {zone}.")


def _topic_shown(event: events.TopicShown) -> str:
    return own_words(f"Topic of {event.room}: {event.topic}" if event.topic else f"{event.room} has no topic.")


_SHOWN: dict[type[events.Event], Callable[[Any], str]] = {
    events.Acted: lambda event: f"~ {event.nick} {event.text}\r\n",
    events.WentBack: lambda event: own_words(f"You have left {event.room}."),
    events.TopicSet: lambda event: own_words(f"{event.nick} set the topic: {event.text}"),
    events.Stored: lambda event: own_words(f"Stored in {event.room} as #{event.seq}."),
    events.NotStored: _not_stored,
    events.Timed: _timed,
    events.TimingAwaited: lambda _: own_words("Your next line will be timed."),
    events.Recalled: recalled,
    events.PageShown: page_shown,
    events.Found: found,
    events.TopicShown: _topic_shown,
    events.RoomCreated: lambda event: own_words(f"The room {event.room} is open. /join {event.room} enters it."),
    events.HistoryChosen: lambda event: own_words(f"Lines shown to you on entering a room: {event.count}"),
    events.ZoneShown: _zone_shown,
    events.Joined: _joined,
    events.Left: _left,
    events.Renamed: lambda event: own_words(f"{event.old} is now {event.new}"),
    events.Greeted: _greeted,
    events.LoggedIn: _logged_in,
    events.LoggedOut: lambda _: own_words("Goodbye."),
    events.Dismissed: lambda event: own_words(sentence(event.why, event.details)),
    events.Refused: lambda event: own_words(sentence(event.code, event.details)),
    events.EnteredHall: lambda _: own_words("You are in the hall."),
    events.Entered: _entered,
    events.RoomsListed: _rooms_listed,
    events.OnlineListed: _online_listed,
    events.HelpListed: _help_listed,
    events.CommandExplained: _command_explained,
    events.Slowed: lambda event: own_words(
        f"You send more than {event.limit:g} lines per second: what you sent waits its turn."
    ),
    events.Skipped: _skipped,
}


def show(event: events.Event) -> bytes:
    """Write an event as the lines of text that a person reads, in UTF-8."""
    if type(event) is events.Said:  # nearly all are; the table would take a third longer
        return f"{event.nick}: {indented(event.text)}\r\n".encode()
    return _SHOWN[type(event)](event).encode()
