"""Everything that the server says to a person, and how what people say is shown to others.

One function for each event, one line of text or a few. A line of somebody's text always stands behind their name; the server's own word always
begins with `* `, an action with `~ `. So nobody can forge the server's word: text is one line (clean.py), and no name begins with `*` or `~`.
"""

from collections.abc import Callable, Iterable
from typing import Any

from chat_server import events

WIDTH = 78
"""Columns after which a long list goes on in a new line: every terminal is this wide."""

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
    "line-too-long": "That line was longer than {limit} bytes and was not read.",
    # Why a session ends.
    "login-time": "You did not log in within {seconds} seconds. Goodbye.",
    "unfinished-line": "Your line did not end within {seconds} seconds. Goodbye.",
    "idle": "You said nothing for {seconds} seconds. Goodbye.",
    "stopping": "The server is stopping. Goodbye.",
    "failed": "Something went wrong on the server's side, and has been noted. Goodbye.",
    # Why a caller is not let in.
    "server-full": "The server is full. Try again later.",
    "address-full": "There are too many connections from your address. Try again later.",
}


def own_words(*sentences: str) -> str:
    """Lines of the server's own."""
    return "".join(f"* {sentence}\r\n" for sentence in sentences)


def sentence(code: str, details: dict[str, str]) -> str:
    """The sentence that a code stands for."""
    return SENTENCES[code].format_map(details)


def _items(start: str, items: Iterable[str]) -> list[str]:
    """`start item, item, item`, in as many lines as it takes."""
    lines = [start]
    for item in items:
        if len(lines[-1]) + len(item) + 2 > WIDTH and lines[-1] != start:
            lines[-1] += ","
            lines.append(item)
        elif lines[-1] == start:
            lines[-1] += f" {item}"
        else:
            lines[-1] += f", {item}"
    return lines


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
    if not event.nicks:
        return own_words(f"You are in {event.room}.", "Nobody else is here.")
    more = [f"and {_others(event.more)}"] if event.more else []
    return own_words(f"You are in {event.room}.", *_items("With you:", [*event.nicks, *more]))


def _rooms_listed(event: events.RoomsListed) -> str:
    return own_words(*_items("Rooms:", (f"{name} ({people})" for name, people in event.rooms)))


def _online_listed(event: events.OnlineListed) -> str:
    if not event.nicks:
        return own_words(f"Nobody else is in {event.room}.")
    return own_words(*_items(f"In {event.room} with you ({len(event.nicks)}):", event.nicks))


def _help_listed(event: events.HelpListed) -> str:
    lines = [f"{usage} - {summary}" for usage, summary in event.commands]
    if event.rooms:
        lines += _items("Rooms are commands too:", (f"/{room}" for room in event.rooms))
    return own_words(*lines)


def _command_explained(event: events.CommandExplained) -> str:
    aliases = [f"Also: {', '.join('/' + alias for alias in event.aliases)}"] if event.aliases else []
    return own_words(f"Usage: {event.usage}", *filter(None, event.text.splitlines()), *aliases)


def _joined(event: events.Joined) -> str:
    return own_words(f"{_names(event.nicks, event.more)} joined")


def _left(event: events.Left) -> str:
    return own_words(f"{_names(event.nicks, event.more)} left")


_SHOWN: dict[type[events.Event], Callable[[Any], str]] = {
    events.Said: lambda event: f"{event.nick}: {event.text}\r\n",
    events.Acted: lambda event: f"~ {event.nick} {event.action}\r\n",
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
    events.Skipped: lambda event: own_words(
        f"{event.lines} {'line was' if event.lines == 1 else 'lines were'} skipped: your connection did not keep up."
    ),
}


def show(event: events.Event) -> bytes:
    """Write an event as the lines of text that a person reads, in UTF-8."""
    return _SHOWN[type(event)](event).encode()
