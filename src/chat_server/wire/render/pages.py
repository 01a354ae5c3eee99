"""How people are shown what was said before: a line each with its number and its time, and a line of the server's wherever a day begins.

* --- 2026-11-20 ---
#4711 12:03 ann: hello
#4712 12:04 ~ bob waves
"""

from collections.abc import Iterable
from datetime import date

from chat_server.protocol import entries
from chat_server.protocol.amending import Edited, Reacted
from chat_server.protocol.time_zones import local
from chat_server.wire.render.amended import reply_mark, with_marks
from chat_server.wire.render.conversing import to_whom
from chat_server.wire.render.languages import Translator
from chat_server.wire.render.text_lines import TextLine, server_lines


def _range(first: int, last: int) -> str:
    """The ends of a range, with a dash between if it has two."""
    return f"{first}\N{EN DASH}{last}" if first < last else str(first)


def day_of(translator: Translator, at: float, zone: str) -> str:
    """The day of a time in seconds since 1970, as the language writes it."""
    return _day(translator, local(at, zone).date())


def _day(translator: Translator, day: date) -> str:
    return translator.text("{year}-{month:02}-{day:02}", year=day.year, month=day.month, day=day.day)


def entry_shown(translator: Translator, entry: entries.Line, before: str = "") -> TextLine:
    """What somebody has said, done or set, after its number and its time, if these are shown."""
    if isinstance(entry, entries.LineBlocked):
        return TextLine(translator.text("(blocked)"), before or f"#{entry.seq} ")
    shape = entry.shape
    mark = entry.mark
    if shape.is_sentence:
        return TextLine(translator.text(entry.own_sentence, **entry.details), f"{before}* ")
    if not before and entry.room.startswith("@"):
        mark += to_whom(translator, entry)
    mark += reply_mark(translator, entry)
    text = with_marks(translator, entry)
    return TextLine(text, f"{before}{shape.sign} " if shape.sign else before, entry.nick, mark + shape.between)


def lines_shown(translator: Translator, lines: Iterable[entries.Line], zone: str) -> list[TextLine]:
    """Lines, each with its number and its time, and the days on which they were said."""
    shown: list[TextLine] = []
    day: date | None = None
    lines = [*lines]
    numbers = {line.seq for line in lines}
    for line in lines:
        if isinstance(line, Edited | Reacted) and line.of in numbers:
            continue  # it is seen in the line itself
        at = local(line.at, zone)
        if day != (day := at.date()):
            shown += server_lines(translator.rule(_day(translator, day)))
        shown.append(entry_shown(translator, line, f"#{line.seq} {at:%H:%M} "))
    return shown


def recalled(event: entries.Recalled, translator: Translator) -> list[TextLine]:
    """What one is shown on entering a room: the newest lines, or what one has missed; then a rule."""
    now = server_lines(
        translator.text("You are up to date.") if translator.is_plain else translator.rule(translator.text("now"))
    )
    if event.missed is None:
        return lines_shown(translator, event.lines, event.zone) + now
    after = event.last - event.missed
    where = _range(after + 1, event.last)
    if len(event.lines) < event.missed:
        intro = translator.count(
            "{number} line since you left ({range}); /since {after} shows them from the first.",
            "{number} lines since you left ({range}); /since {after} shows them from the first.",
            event.missed,
            range=where,
            after=after,
        )
    else:
        intro = translator.count(
            "{number} line since you left ({range})",
            "{number} lines since you left ({range})",
            event.missed,
            range=where,
        )
    return server_lines(intro) + lines_shown(translator, event.lines, event.zone) + (now if event.lines else [])


def own_lines(event: entries.OwnLines, translator: Translator) -> list[TextLine]:
    """Lines of whatever rooms, each with its room, number and time."""
    return [
        entry_shown(translator, line, f"{line.room} #{line.seq} {local(line.at, event.zone):%Y-%m-%d %H:%M} ")
        for line in event.lines
    ]


def page_shown(event: entries.PageShown, translator: Translator) -> list[TextLine]:
    """A page, and how to turn it."""
    if event.last < event.first == 1:
        return server_lines(translator.text("Nothing has been said in {room} yet.", room=event.room))
    if event.last < event.first:
        return server_lines(translator.text("There are no lines in {room} yet that you can read.", room=event.room))
    if event.numbers is None:
        everything = _range(event.first, event.last)
        return server_lines(
            translator.text(
                "There is nothing there. Of {room} you can read the lines {range}.", room=event.room, range=everything
            )
        )
    first, last = event.numbers
    turning = _where(translator, event, first, last)
    if first > event.first:
        turning += translator.text(" Older: /before {first}.", first=first)
    if last < event.last:
        turning += translator.text(" Newer: /since {last}.", last=last)
    return lines_shown(translator, event.lines, event.zone) + server_lines(turning)


def _where(translator: Translator, event: entries.PageShown, first: int, last: int) -> str:
    """Which lines these are of all that the room has."""
    shown, number = _range(first, last), last - first + 1
    if event.first == 1:
        return translator.count(
            "Line {range} of {last}.", "Lines {range} of {last}.", number, range=shown, last=event.last
        )
    kept = _range(event.first, event.last)
    return translator.count(
        "Line {range}; you can read {kept}.", "Lines {range}; you can read {kept}.", number, range=shown, kept=kept
    )


def _nothing_found(translator: Translator, room: str) -> str:
    """That a search has found nothing, and where else to look; `room` is "" if it has looked in all rooms."""
    if room:
        return translator.text("Nothing found in {room}. /search -a looks in all rooms.", room=room)
    return translator.text("Nothing found in any room.")


def found(event: entries.Found, translator: Translator) -> list[TextLine]:
    """The lines that a search has found, room by room."""
    count = sum(len(lines) for _, lines in event.rooms)
    shown: list[TextLine] = []
    for room, lines in event.rooms:
        shown += server_lines(translator.text("In {room}:", room=room)) + lines_shown(translator, lines, event.zone)
    if not count:
        shown += server_lines(_nothing_found(translator, event.room))
    elif event.has_more:
        shown += server_lines(
            translator.count(
                "The newest line that was found; more words find fewer. /around NUMBER shows the lines around it.",
                "The newest {number} lines that were found; more words find fewer. /around NUMBER shows the lines around a line.",
                count,
            )
        )
    else:
        shown += server_lines(
            translator.count(
                "{number} line found. /around NUMBER shows the lines around it.",
                "{number} lines found. /around NUMBER shows the lines around a line.",
                count,
            )
        )
    if event.unsearched:
        shown += server_lines(
            translator.count(
                "The newest line is not in the index yet; ask again soon.",
                "The newest {number} lines are not in the index yet; ask again soon.",
                event.unsearched,
            )
        )
    return shown
