"""How people are shown what was said before: a line each with its number and its time, and a line of the server's wherever a day begins.

* --- 2026-11-20 ---
#4711 12:03 ann: hello
#4712 12:04 ~ bob waves
"""

from collections.abc import Iterable

from chat_server import events
from chat_server.times import local
from chat_server.wire.words import indented, own_words


def _counted(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def _range(first: int, last: int) -> str:
    """The ends of a range, with a dash between if it has two."""
    return f"{first}\N{EN DASH}{last}" if first < last else str(first)


def _body(line: events.Line) -> str:
    match line:
        case events.Acted():
            return f"~ {line.nick} {line.text}"
        case events.TopicSet():
            return f"* {line.nick} set the topic: {line.text}"
        case _:
            return f"{line.nick}: {indented(line.text)}"


def _lines(lines: Iterable[events.Line], zone: str) -> str:
    shown: list[str] = []
    day = ""
    for line in lines:
        at = local(line.at, zone)
        if day != (day := f"{at:%Y-%m-%d}"):
            shown.append(own_words(f"--- {day} ---"))
        shown.append(f"#{line.seq} {at:%H:%M} {_body(line)}\r\n")
    return "".join(shown)


def recalled(event: events.Recalled) -> str:
    """What one is shown on entering a room: the newest lines, or what one has missed; then a rule."""
    if event.missed is None:
        return _lines(event.lines, event.zone) + own_words("--- now ---")
    after = event.last - event.missed
    intro = [f"{_counted(event.missed)} since you left ({_range(after + 1, event.last)})"]
    if len(event.lines) < event.missed:
        intro = [f"{intro[0]}; /since {after} shows them from the first."]
    rule = own_words("--- now ---") if event.lines else ""
    return own_words(*intro) + _lines(event.lines, event.zone) + rule


def page_shown(event: events.PageShown) -> str:
    """A page, and how to turn it."""
    if event.last < event.first:
        return own_words(
            f"Nothing has been said in {event.room} yet." if event.first == 1 else f"{event.room} keeps no lines."
        )
    if not event.lines:
        return own_words(f"There is nothing there. The lines of {event.room} are {_range(event.first, event.last)}.")
    first, last = event.lines[0].seq, event.lines[-1].seq
    here = f"{_range(first, last)} of {_range(event.first, event.last)}."
    older = f" Older: /before {first}." if first > event.first else ""
    newer = f" Newer: /since {last}." if last < event.last else ""
    return _lines(event.lines, event.zone) + own_words(here + older + newer)


def found(event: events.Found) -> str:
    """The lines that a search has found, room by room."""
    count = sum(len(lines) for _, lines in event.rooms)
    shown = [own_words(f"In {room}:") + _lines(lines, event.zone) for room, lines in event.rooms]
    if not count:
        last = ["Nothing was found."]
    elif event.has_more:
        last = [
            f"The newest {count} lines that were found; more words find fewer. /around NUMBER shows what stands around a line."
        ]
    else:
        last = [f"{_counted(count)} found. /around NUMBER shows what stands around a line."]
    if event.unsearched:
        last.append(f"The newest {_counted(event.unsearched)} are not in the index yet; ask again soon.")
    return "".join(shown) + own_words(*last)
