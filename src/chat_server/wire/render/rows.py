"""How a long answer is told in rows: one for each of what it lists, a sentence of the answer's own. Never knows what is listed."""

from chat_server.protocol.events import Answered
from chat_server.protocol.late_pattern import LatePattern
from chat_server.protocol.names import NAME_MAX, OPERATOR, SERVER
from chat_server.wire.render.languages import Translator, message
from chat_server.wire.render.widths import columns_of

_DOERS = {OPERATOR: message("the operator"), SERVER: message("the server")}
"""Who does something, and is nobody who could be called so."""

_FIELD = LatePattern(r"{(\w+)")


def rows_of(event: Answered, listed: dict[str, dict[str, str]], translator: Translator) -> list[str]:
    """A row for each of what is listed; numbers and names stand below one another."""
    numbers = max(map(len, listed), default=0)
    names = max((columns_of(one.get("whom", "")) for one in listed.values()), default=0)
    now = getattr(event, "now", "")
    rows: list[str] = []
    for number, one in listed.items():
        sentence = event.row_sentences.get(event.about(one))
        shown = {name: _in_one_row(value) for name, value in one.items()}
        whom = shown.get("whom", "")
        shown.setdefault("name", whom + " " * (min(names, NAME_MAX) - columns_of(whom)))
        shown["number"] = number.rjust(numbers)
        if doer := _DOERS.get(one.get("by", "")):
            shown["by"] = translator.text(doer)
        if "span" in one:
            shown["span"] = span_in_words(one["span"], translator)
        told = _told(sentence, shown, translator)
        if reason := shown.get("reason") or shown.get("why"):
            told = translator.text("{told}: {reason}", told=told, reason=reason)
        frame = event.frame_of(number)
        if "at" in one:
            told = translator.text(frame, told=told, number=number, when=_when(one["at"], now, translator))
        rows.append(told)
    return rows


def _told(sentence: str | None, shown: dict[str, str], translator: Translator) -> str:
    if sentence is None:  # whatever stands in a file that somebody has imported
        return f"{shown.get('by', '-')}: {shown.get('what', '-')}"
    return translator.text(sentence, **(dict.fromkeys(_FIELD.findall(sentence), "-") | shown))


def _in_one_row(text: str) -> str:
    """A text of several lines in one."""
    return " / ".join(text.splitlines())


def _when(at: str, now: str, translator: Translator) -> str:
    """A time on the day that it is now, or on another: both as `2026-11-20 14:02`."""
    day, _, time = at.partition(" ")
    return translator.text("{time} today", time=time) if day == now.partition(" ")[0] else at


def span_in_words(span: str, translator: Translator) -> str:
    """How long something lasts, which is written as `30m`, `12h` or `7d`."""
    number, unit = span[:-1], span[-1:]
    if not (number.isascii() and number.isdigit()):
        return span
    match unit:
        case "m":
            return translator.count("{number} minute", "{number} minutes", int(number))
        case "h":
            return translator.count("{number} hour", "{number} hours", int(number))
        case "d":
            return translator.count("{number} day", "{number} days", int(number))
        case _:
            return span
