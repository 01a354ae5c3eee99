"""How a request is typed on a line: its word, its arguments, its usage line.

Derived from the types of requests and from nothing else, so that a new one is typed, explained and completed without a word more. Never knows what
a request does, nor by which door it came.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from msgspec import NODEFAULT, Meta
from msgspec.structs import FieldInfo, fields

from chat_server.protocol.described import Parameter
from chat_server.protocol.incoming import Dialogue, Invalid, UnknownCommand, Unreadable
from chat_server.protocol.names import name_key
from chat_server.protocol.requests import Request, Say, Secret, tag_of
from chat_server.protocol.typed import (
    BEFORE_SLASHES,
    Form,
    Misuse,
    begun,
    command_below,
    command_in,
    folded_word,
    form_of,
    grown,
    nearest,
    read_arguments,
    with_slash_first,
    word_of_command,
)


def word_of(request: type[Request | Unreadable]) -> str:
    """The word that people type for this request, without a slash."""
    return (request.typed_as if issubclass(request, Request) else "") or tag_of(request)


def field_meta(field: FieldInfo, name: str) -> Any:
    """What the field's declaration says under this name; None if nothing."""
    return next((meta.extra[name] for meta in _metas(field) if meta.extra and name in meta.extra), None)


def _metas(field: FieldInfo) -> list[Meta]:
    """What the field's declaration says, also where the field may be left empty."""
    return [
        meta
        for kind in (field.type, *get_args(field.type))
        for meta in getattr(kind, "__metadata__", ())
        if isinstance(meta, Meta)
    ]


def choices_of(field: FieldInfo) -> tuple[str, ...]:
    """The words of which the field is one; () if it may be another."""
    kinds = (field.type, *get_args(field.type))
    return tuple(word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind) if word)


_KINDS = {bool: "flag", int: "number"}


@cache
def parameters_of(request: type[Request]) -> tuple[Parameter, ...]:
    """What a person types after the request's word, in this order; flags stand before the rest."""
    hints = get_type_hints(request)
    return tuple(
        _parameter(field, hints[field.name]) for field in fields(request) if field_meta(field, "typed") is not False
    )


@cache
def _form_of(request: type[Request]) -> Form:
    return form_of(parameters_of(request))


def _parameter(field: FieldInfo, hint: Any) -> Parameter:
    types = [known for known in get_args(hint) or (hint,) if known is not type(None)]
    kind = field_meta(field, "kind") or ("text" if field_meta(field, "rest") else _KINDS.get(types[0], "word"))
    return Parameter(
        field.name,
        kind,
        field.default is NODEFAULT,
        next((meta.description for meta in _metas(field) if meta.description), ""),
        typed=field_meta(field, "flag") or "",
        lines=bool(field_meta(field, "lines")),
        choices=choices_of(field),
        least=next((meta.ge for meta in _metas(field) if isinstance(meta.ge, int)), None),
        most=field_meta(field, "most") or next((meta.le for meta in _metas(field) if isinstance(meta.le, int)), None),
    )


@cache
def usage_of(request: type[Request]) -> str:
    """The usage line: `/login NICK`, `/help [COMMAND]`, `/search [-a] WORDS`."""
    shown = [f"/{word_of(request)}"]
    in_usage = {field.name: field_meta(field, "in_usage") for field in fields(request)}
    parameters = [parameter for parameter in parameters_of(request) if in_usage[parameter.name] is not False]
    shown += [f"[{flag.typed}]" for flag in parameters if flag.kind == "flag"]
    for parameter in parameters:
        if parameter.kind != "flag":
            name = "|".join(parameter.choices) or parameter.name.upper()
            as_typed = in_usage[parameter.name]  # True, or how it is written
            shown.append(as_typed if isinstance(as_typed, str) else name if parameter.required else f"[{name}]")
    return " ".join(shown)


def may_ask_secret(request: type) -> bool:
    """Whether people are asked for a secret who type this, in some form at least: it has one, and that is never typed."""
    return Secret in request.__annotations__.values()


class Vocabulary:
    """The requests that can be made, and the words under which people type them."""

    def __init__(self, requests: Iterable[type[Request]]) -> None:
        """Know these. Raises ValueError if two of them share a word."""
        self.requests = tuple(requests)
        """All of them, in the order in which they are listed."""
        self.words: dict[str, type[Request]] = {}
        """Those that are typed, by every word for them, aliases included."""
        tags = [tag_of(request) for request in self.requests]
        for tag in tags:
            if tags.count(tag) > 1:
                raise ValueError(f"two requests share the tag {tag}")
        for request in filter(lambda request: request.is_typed, self.requests):
            for word in (word_of(request), *request.aliases):
                if word in self.words:
                    raise ValueError(f"two requests share the word {word}")
                self.words[word] = request
        self._ask_secrets = [word for word, request in self.words.items() if may_ask_secret(request)]
        self.parse_text = _text_parser(self)
        """Turns what was typed, one clean line or several, into what it asks for; None for nothing at all."""

    def is_command(self, name: str) -> bool:
        """Whether the name is a command's word, so that a room of that name can be entered by /join only."""
        return name_key(name) in self.words

    def request_for(self, word: str) -> type[Request] | None:
        """The request that the word asks for, if it is a command's."""
        return self.words.get(word) or self.words.get(word.casefold())

    def asked(self, word: str, arguments: str) -> Request | Unreadable:
        """What a command's word asks for, with what stands after it."""
        request = self.request_for(word)
        if request is None:
            return UnknownCommand(word, arguments)
        given = read_arguments(arguments, _form_of(request))
        if isinstance(given, Misuse):
            return wrong_usage(usage_of(request), given)
        return request(**given)

    def slipped(self, text: str) -> Request | Unreadable | None:
        """What a line asks for that begins with blanks and a slash, or with what a Chinese keyboard has for a slash; None: it is said.

        Only commands that ask for a secret are taken so, and mistyped ones: what comes right behind them is for nobody to see.
        """
        found = command_in(with_slash_first(text), self._is_word)
        if isinstance(found, str) or not self.would_ask_secret(UnknownCommand(*found)):
            return None
        return self.asked(*found)

    def with_secret(self, text: str) -> Dialogue | Invalid | None:
        """What a text of several lines is if a secret may stand in it; None: it is what any other is. What /say says is said."""
        lines = [line for line in text.split("\n") if line.strip()]
        asked = self.parse_text(lines[0])
        if asked is not None and self.would_ask_secret(asked):
            return Dialogue(tuple(lines))
        found = command_in(text, self._is_word)
        if not isinstance(found, str) and self.request_for(found[0]) is Say:
            return None
        below = command_below(lines, self._is_before_secret)
        if not below:
            return None
        return Invalid("secret-below", {"word": word_of_command(below)}, below if below == lines[-1] else "")

    def _is_word(self, word: str) -> bool:
        return self.request_for(word) is not None

    def _is_before_secret(self, line: str, is_last: bool) -> bool:
        """Whether a secret may stand behind this line's command; behind a mistyped one only if something does."""
        asked = self.parse_text(line)
        if asked is None or not self.would_ask_secret(asked):
            return False
        return not (is_last and isinstance(asked, UnknownCommand) and not asked.arguments)

    def _begins_with_secret(self, word: str) -> str:
        """Which command that asks for a secret is only begun so, or has been written without the blank behind it; "" if none."""
        return begun(word, self._ask_secrets) or grown(word, self._ask_secrets)

    def would_ask_secret(self, asked: Request | Unreadable) -> bool:
        """Whether somebody at a terminal would be asked for a secret then, had they typed what they probably meant, and it were not refused."""
        match asked:
            case Request():
                return asked.asks_secret and may_ask_secret(type(asked))
            case Invalid():
                word = asked.details.get("usage", "").partition(" ")[0].removeprefix("/")
                begun_so = self.parse_text(asked.begun.partition("\n")[0])
                return word in self._ask_secrets or (begun_so is not None and self.would_ask_secret(begun_so))
            case UnknownCommand():
                word = self._begins_with_secret(asked.word) or nearest(folded_word(asked.word), [*self.words])
                return bool(word) and self.would_ask_secret(self.asked(word, asked.arguments))
        return False


def _text_parser(vocabulary: Vocabulary) -> Callable[[str], Request | Unreadable | None]:
    """A function and no method: it is called for every line, and a bound method would take a tenth longer."""

    def parse_text(text: str) -> Request | Unreadable | None:
        text = text.rstrip()
        if not text:
            return None
        if "\n" in text and (whole := vocabulary.with_secret(text)) is not None:
            return whole
        if text[0] != "/":
            return (vocabulary.slipped(text) if text[0] in BEFORE_SLASHES else None) or Say(text)
        found = command_in(text, lambda word: vocabulary.request_for(word) is not None)
        return Say(found) if isinstance(found, str) else vocabulary.asked(*found)

    return parse_text


def wrong_usage(usage: str, wrong: Misuse) -> Invalid:
    """That a command is typed in another way, and what is wrong with how it was."""
    return Invalid("usage", {"usage": usage, "why": wrong.code, **wrong.details})
