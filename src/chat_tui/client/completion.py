"""What Tab makes of a word that has been begun: commands, nicknames, rooms, emoji. Pure but for reading the table of emoji, when first asked."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import NamedTuple

from chat_server.protocol.described import CommandDescribed
from chat_server.protocol.entries import KIND_BY_WORD
from chat_server.protocol.late_pattern import LatePattern
from chat_tui.client.markdown import marked

EMOJI_MIN = 2
"""Letters of an emoji's name from which on it is completed."""

LINES_MAX = 20
"""Lines whose numbers are offered, the newest first."""


class Completion(NamedTuple):
    """What can stand instead of the text from `start` to the cursor, best first."""

    start: int
    choices: tuple[str, ...]


def complete(
    text: str,
    *,
    commands: Mapping[str, CommandDescribed],
    nicks: Iterable[str],
    rooms: Iterable[str],
    rules: Mapping[str, Sequence[str]] | None = None,
    others: Iterable[str] = (),
    aliases: Iterable[str] = (),
    snippets: Iterable[str] = (),
    lines: Callable[[str], Iterable[int]] = lambda _: (),
) -> Completion | None:
    """Complete the word at the end of `text`, which is what stands before the cursor. None if there is nothing to complete.

    `nicks` are in the room, `others` are known of other rooms: they can be invited. `lines` gives the numbers of lines that a request may be
    about, by its word; `aliases` are the user's own words, `snippets` the names of their own texts.
    """
    start = max(text.rfind(" "), text.rfind("\n")) + 1
    word = text[start:]
    names_line = naming_a_line(text, commands) if len(text[:start].split()) == 1 else None
    if names_line is not None:
        return _choices(start, _numbers(word, lines(names_line.tag)))
    if word.startswith("/") and start == 0:
        names = sorted({command.name for command in commands.values()} | set(rooms) | set(aliases))
        return _choices(start, [f"/{name} " for name in names if name.startswith(word[1:].casefold())])
    if word.startswith(":") and len(word) > EMOJI_MIN and not _is_in_code(text):
        return _choices(
            start, [symbol for name, symbol in emoji().items() if name.startswith(word[1:].casefold())][:20]
        )
    folded = word.removeprefix("@").casefold()
    command = commands.get(text[1:].partition(" ")[0]) if text.startswith("/") else None
    given = text[:start].split()[1:]
    own = {"alias": [*aliases], "snippet": sorted(snippets), "use": sorted(snippets)}
    words = _words_for(command, given, rules or {}) if command is not None else ()
    if command is not None and (words := (() if given else own[command.tag]) if command.tag in own else words):
        return _choices(start, [f"{choice} " for choice in words if choice.startswith(word.casefold())])
    wants_room = word and command is not None and any(parameter.name == "room" for parameter in command.parameters)
    if wants_room or word.startswith("#"):
        folded = folded.removeprefix("#")
        mark = "#" if word.startswith("#") and not wants_room else ""
        return _choices(start, [f"{mark}{room} " for room in rooms if room.casefold().startswith(folded)])
    if command is not None and command.name == "invite":
        nicks = others
    after = ": " if start == 0 else " "
    at = "@" if word.startswith("@") else ""
    return _choices(start, [f"{at}{nick}{after}" for nick in nicks if word and nick.casefold().startswith(folded)])


def naming_a_line(text: str, commands: Mapping[str, CommandDescribed]) -> CommandDescribed | None:
    """The command that has been begun, if a line's number is what comes first after its word."""
    word, space, _ = text.partition(" ")
    command = commands.get(word[1:].casefold()) if space and word.startswith("/") else None
    first = command.parameters[:1] if command is not None else ()
    return command if any((one.kind, one.name) == ("number", "number") for one in first) else None


def _numbers(word: str, lines: Iterable[int]) -> list[str]:
    """Those that go on as the word does, written as it is: with a `#` before them, or without."""
    mark = word[: word.startswith("#")]
    fitting = (f"{mark}{number} " for number in lines if str(number).startswith(word.removeprefix("#")))
    return list(islice(fitting, LINES_MAX))


def _words_for(command: CommandDescribed, before: Sequence[str], rules: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """The words that a command takes in the place after these; none, where it takes any."""
    if command.tag == "rule" and len(before) <= 1:
        return rules.get(before[0], ()) if before else tuple(rules)
    at = len(before)
    return [choice for choice in command.parameters[at].choices if choice] if at < len(command.parameters) else ()


def _is_in_code(text: str) -> bool:
    """Whether code has been begun, and is not ended."""
    fences = sum(line.startswith("```") for line in text.split("\n"))
    return fences % 2 == 1 or text[text.rfind("\n") + 1 :].count("`") % 2 == 1


def _choices(start: int, choices: list[str]) -> Completion | None:
    return Completion(start, tuple(choices)) if choices else None


@cache
def emoji() -> dict[str, str]:
    """Emoji by their names, short names first: `thumbs_up`, `thumbsup`, `+1`. None where the screen's packages are not installed."""
    try:
        import emoji as library  # noqa: PLC0415 - a table of thousands that most sessions never need
    except ModuleNotFoundError:
        return {}

    library.config.load_language("en")
    found: dict[str, str] = {}
    for symbol, data in library.EMOJI_DATA.items():
        if data["status"] > library.STATUS["fully_qualified"]:
            continue
        for name in (data["en"], *data.get("alias", ())):
            found.setdefault(name.strip(":").casefold(), symbol)
    return dict(sorted(found.items(), key=lambda pair: (len(pair[0]), pair[0])))


_SAYING = ("//", *(f"/{word} " for word in KIND_BY_WORD))
"""How lines begin that have a slash and are said all the same."""

_EMOJI = LatePattern(r":([^\s:]{1,80}):")
_BEFORE_EMOJI = frozenset("(\u201c\u2018\u201e\u00ab\uff08\u300c\u3001\u3002\uff0c\uff01\uff1f")
_AFTER_EMOJI = frozenset(".,;!?)\u2026\u201d\u2019\u00bb\uff09\u300d\u3001\u3002\uff0c\uff01\uff1f*_~")


def replaced(text: str) -> str:
    """What is sent for a text: every `:emoji:` that stands by itself is what it names; not in other words, addresses, code or commands."""
    if text.startswith("/") and not text.startswith(_SAYING):
        return text
    found = _names_of_emoji(text) if text.count(":") > 1 else []
    code = marked(text).code if found else []
    out: list[str] = []
    at = 0
    for start, end, symbol in found:
        if not any(begin <= start < stop for begin, stop in code):
            out += text[at:start], symbol
            at = end
    return "".join([*out, text[at:]])


def _names_of_emoji(text: str) -> list[tuple[int, int, str]]:
    """Where names of emoji stand by themselves, or one after another, and what they name."""
    found: list[tuple[int, int, str]] = []
    end = -1
    for match in _EMOJI.finditer(text):
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        begins = match.start() == end or not before or before.isspace() or before in _BEFORE_EMOJI
        ends = not after or after.isspace() or after in _AFTER_EMOJI or _EMOJI.match(text, match.end()) is not None
        symbol = emoji().get(match[1].casefold()) if begins and ends else None
        if symbol is not None:
            found.append((*match.span(), symbol))
            end = match.end()
    return found


def fuzzy(wanted: str, names: Iterable[str]) -> list[str]:
    """The names that have the words in order, or at least all their letters, best first: at the beginning, together, early, short."""
    words = wanted.casefold().split()
    if not words:
        return list(names)
    scored = [(score, name) for name in names if (score := _score(words, name.casefold())) is not None]
    return [name for _, name in sorted(scored)]


def _score(words: list[str], name: str) -> tuple[int, int, int] | None:
    first, end = _span(words, name)
    if first >= 0:
        return (0 if first == 0 else 1, end - sum(map(len, words)), len(name))
    first, end = _span(list("".join(words)), name)
    return None if first < 0 else (2, end - first, len(name))


def _span(parts: list[str], name: str) -> tuple[int, int]:
    """Where the first of these begins and the last one ends, if they stand in the name in this order; else (-1, -1)."""
    first = end = -1
    for part in parts:
        at = name.find(part, max(0, end))
        if at < 0:
            return -1, -1
        first, end = at if first < 0 else first, at + len(part)
    return first, end
