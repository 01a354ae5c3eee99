"""What a person types: whether it is a command or something said, and what follows the command's word.

One reading for the server's doors and for programs. What is no command is compared with those that are: which one may have been meant. Knows how
the parameters of a command are written (`Parameter`); never knows what a command does, nor where it was typed. Pure.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple
from unicodedata import normalize

from msgspec import Struct

from chat_server.protocol.days import is_day
from chat_server.protocol.described import Parameter
from chat_server.protocol.late_pattern import LatePattern
from chat_server.protocol.names import NAME_MAX, BadName, parse_name
from chat_server.protocol.sanitize import BLANKS, sanitize_to_line, typed_lines, without_unseen_start

SHOWN_MAX = 40
"""Characters of what was typed that an answer shows again."""

BEGUN_MIN = 3
"""Letters of a word that begins one of those that are known: /pass, /reg."""

GROWN_MIN = 4
"""Letters beyond which nobody means another word by one that goes on: /loginann, but /coder."""

COMMANDS_BELOW_MAX = 16
"""Lines of a text that are looked at for a command: what is more is a program or a list, and each takes up to 0.2 ms."""

SLASHES = "/\uff0f"
"""The slash, and the wide one of a Chinese or Japanese keyboard."""

_LIKE_SLASHES = (*SLASHES, "\u3001")
BEFORE_SLASHES = f"{BLANKS}\u3001"
"""How a line may begin whose slash comes later. The ideographic comma is on the slash's key; blanks come along where one copies an indented text."""

BEHIND_MAX = 3
"""Lines that are not said behind a command that would have asked for a secret: `/password` takes three, the old one and the new one twice."""

BEHIND_SECONDS = 2.5
"""Seconds after what was told last within which a line has come by itself, and is no answer: whoever pastes is there at once, whoever types without
looking takes about two seconds for a password, and who reads first that they are not asked takes longer than that to say something."""

LOGIN_ELSEWHERE = frozenset(("identify", "auth", "authenticate", "nickserv", "ns", "oper"))
"""Commands of other chats behind which one's password stands. Here that is asked for by /login."""

_NUMBER = LatePattern(r"#?(-?)0*(\d+)")
_DIGITS_MAX = 16
"""Digits of the largest number of a line. What has more is too large, whatever it is."""


class Misuse(Struct, frozen=True):
    """Why what was typed cannot be done: a key of the catalogue of sentences, and the details of its sentence."""

    code: str
    details: dict[str, str]


def shortened(text: str) -> str:
    """The text, or its beginning if it is long."""
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


def command_in(text: str, is_command: Callable[[str], bool]) -> tuple[str, str] | str:
    """The command's word and what follows it; or, if this is no command, what is said.

    A line that begins with a slash is a command, with two it is said with one. A text of several lines is a command only if its first word
    is one, or could be: what follows a mistyped one may be for nobody to see. A program's source that begins with a path or a comment is
    said as it is.

    Args:
        text: what was typed, a line or several, not empty.
        is_command: whether a word is a command's.

    """
    if not text.startswith("/"):
        return text
    word, rest = [*text[1:].split(maxsplit=1), "", ""][:2]
    if "\n" in text:
        return (word, rest) if text[1:].startswith(word) and (is_command(word) or _may_be_a_name(word)) else text
    return text[1:] if text.startswith("//") else (word, rest)


def with_slash_first(text: str) -> str:
    """A text that begins with blanks and a slash, or with what a Chinese keyboard has for a slash, as if it began with one; else "".

    What begins as a comment of a program does is none.
    """
    if not text or text[0] not in BEFORE_SLASHES:
        return ""
    bare = text.lstrip()
    return f"/{bare[1:]}" if bare.startswith(_LIKE_SLASHES) and bare[1:2] != "*" else ""


def command_below(lines: Sequence[str], is_before_secret: Callable[[str, bool], bool]) -> str:
    """The first line but the first of all that begins with a command behind which a secret may stand; "" if there is none.

    Args:
        lines: clean, none of them blank.
        is_before_secret: whether a line is such a command, if it is one; and whether that is the last line. It is asked for a few only.

    """
    slashed = [
        (line, seen, at == len(lines))
        for at, (line, seen) in enumerate(zip(lines[1:], map(without_unseen_start, lines[1:]), strict=True), 2)
        if seen.startswith("/") or with_slash_first(seen)
    ]
    return next((line for line, seen, is_last in slashed[:COMMANDS_BELOW_MAX] if is_before_secret(seen, is_last)), "")


def word_of_command(line: str) -> str:
    """The word with which a line begins that is a command, as it is shown again."""
    seen = without_unseen_start(line)
    return f"/{shortened(folded_word((with_slash_first(seen) or seen)[1:].split(maxsplit=1)[0]))}"


def command_begun(text: str) -> str:
    """A line or a text that has been begun, if that may be a command; else ""."""
    begun = typed_lines(text)
    return begun if begun.startswith("/") or with_slash_first(begun) else ""


class Form(NamedTuple):
    """What can stand after a command's word: flags, each with its parameter's name; then the other parameters, each with that which follows it."""

    flags: Mapping[str, str]
    words: Sequence[tuple[Parameter, Parameter | None]]


def form_of(parameters: Iterable[Parameter]) -> Form:
    """The form of a command that has these parameters."""
    flags, words = {}, []
    for parameter in parameters:
        if parameter.kind == "flag":
            flags[parameter.typed] = parameter.name
        else:
            words.append(parameter)
    return Form(flags, [*zip_longest(words, words[1:])])


def read_arguments(text: str, form: Form) -> dict[str, object] | Misuse:
    """What each parameter is given; or what is wrong with the first that is not as it should be."""
    given: dict[str, object] = {}
    flags, words = form
    text = text.strip()
    word, rest = _cut(text)
    while word in flags:
        given[flags[word]] = True
        text = rest
        word, rest = _cut(text)
    for parameter, following in words:
        if not text:
            if parameter.required:
                return Misuse("usage-missing", {"field": parameter.name})
            break
        is_rest = parameter.kind == "text" or (parameter.kind == "date" and following is None)  # `3 days ago`
        value = _value(text if is_rest else word, parameter)
        if isinstance(value, Misuse) and parameter.choices and not parameter.required and following is not None:
            continue  # it is left out, and this is what follows it
        text = "" if is_rest else rest
        if isinstance(value, Misuse):
            return value
        given[parameter.name] = value
        word, rest = _cut(text) if text else ("", "")
    return unexpected(text) if text else given


def unexpected(text: str) -> Misuse:
    """That nothing more is expected, and what was given all the same."""
    return _wrong("usage-unexpected", text)


def unknown_command(word: str, known: Iterable[str]) -> Misuse:
    """That there is no such command; and which of those that are known may have been meant, or how to say such a line."""
    bare = word.lstrip(SLASHES)
    details = {"word": shortened(bare or word)}
    words = list(known)
    near = begun(bare, words) or nearest(bare, words)  # who types /reg means /register, though /re is nearer
    if near:
        return Misuse("unknown-command-but", details | {"near": near})
    return Misuse("unknown-command" if bare == word and _may_be_a_name(word) else "unknown-command-slash", details)


def nearest(word: str, words: list[str]) -> str:
    """The word that was probably meant, or ""."""
    import difflib  # noqa: PLC0415 - whoever mistypes nothing needs it not

    folded = folded_word(word)
    if folded in LOGIN_ELSEWHERE and "login" in words:
        return "login"
    near = difflib.get_close_matches(folded, words, n=1, cutoff=0.7)
    return near[0] if near and not _is_another_word(folded, near[0]) else ""


def begun(word: str, words: Iterable[str]) -> str:
    """The first of the words that begins so, or "": two letters begin too many."""
    folded = folded_word(word)
    return next((known for known in words if known.startswith(folded)), "") if len(folded) >= BEGUN_MIN else ""


def grown(word: str, words: Iterable[str]) -> str:
    """The one of the words with which it begins, as where the blank behind it is missing, or ""."""
    folded = folded_word(word)
    return next((known for known in words if len(known) > GROWN_MIN and folded.startswith(known)), "")


def folded_word(word: str) -> str:
    """The beginning of the word as it is compared: also the wide letters of a Chinese or Japanese keyboard are letters, and its slash is one."""
    return normalize("NFKC", word.lstrip(SLASHES)[:SHOWN_MAX]).casefold()[:SHOWN_MAX]


def _is_another_word(word: str, known: str) -> bool:
    """Whether the word only begins as a known one does, and goes on: nobody who types /whois means /who."""
    return word.startswith(known) and len(word) > len(known) + 1


def _may_be_a_name(word: str) -> bool:
    """Whether a command or a room could be called so: a path or a smiley is no name."""
    try:
        parse_name(word[:NAME_MAX])
    except BadName as error:
        return error.code != "name-characters"
    return True


def _cut(text: str) -> tuple[str, str]:
    """The first word, and what follows it."""
    word, rest = [*text.split(maxsplit=1), "", ""][:2]
    return word, rest


def _value(word: str, parameter: Parameter) -> object:
    """What the word stands for, or what is wrong with it."""
    match parameter.kind:
        case "text":
            return word if parameter.lines else sanitize_to_line(word)
        case "number":
            return _number(word, parameter)
        case "date":
            return word.casefold() if is_day(word) else _wrong("usage-not-a-day", word)
    return _choice(word, parameter) if parameter.choices else word


def _choice(word: str, parameter: Parameter) -> str | Misuse:
    folded = word.casefold()
    if folded in parameter.choices:
        return folded
    if len(parameter.choices) == 1:  # nobody meant to choose: `/login Ann Lee` is a name with a blank in it
        return _wrong("usage-unexpected", word)
    return _wrong("usage-not-a-choice", word, choices=" ".join(parameter.choices))


def _number(word: str, parameter: Parameter) -> int | Misuse:
    """A number, which may be written as it is shown: `#4711`."""
    number = _NUMBER.fullmatch(word)
    if number is None:
        return _wrong("usage-not-a-number", word)
    sign, digits = number.groups()
    value = int(sign + digits[: _DIGITS_MAX + 1])
    if parameter.least is not None and value < parameter.least:
        return _wrong("usage-too-small", word, least=str(parameter.least))
    if parameter.most is not None and value > parameter.most:
        return _wrong("usage-too-large", word, most=str(parameter.most))
    return value


def _wrong(code: str, value: str, **details: str) -> Misuse:
    return Misuse(code, {"value": shortened(value.replace("\n", " ")), **details})
