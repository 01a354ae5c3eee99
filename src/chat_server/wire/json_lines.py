"""The programs' door: JSON, one object a line, UTF-8 (docs/protocol.md).

Turns bytes into requests, cleaned and checked, and events into bytes. Which requests there are it is told; which fields there are is what the
Structs of requests and events say, and nothing else. A text is made clean; a name, a key or a ref that is not clean is refused, for changed it
would be another. Lengths are looked at first: nothing longer than its limit is cleaned, compared or normalised. Of a field that stands twice in an
object the last counts.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, cast, get_origin, get_type_hints

import msgspec
from msgspec import Struct
from msgspec.structs import fields, replace

from chat_server.protocol.days import is_day
from chat_server.protocol.entries import (
    EVENTS,
    KINDS,
    Found,
    Line,
    LineBlocked,
    MentionsShown,
    OwnLines,
    PageShown,
    Recalled,
    Said,
)
from chat_server.protocol.events import Answered, Dismissed, Event, Refused
from chat_server.protocol.incoming import Addressed, Echo, Invalid, ProtocolReply, Ref
from chat_server.protocol.names import NAME_TYPED_MAX
from chat_server.protocol.requests import Hello, Request, tag_of
from chat_server.protocol.runs import SaidRun, show_runs
from chat_server.protocol.sanitize import sanitize, sanitize_lines, sanitize_to_line
from chat_server.protocol.syntax import field_meta
from chat_server.protocol.typed import shortened
from chat_server.protocol.versions import EARLIER_EVENTS, PROTOCOL, by_tag, common, tag_in
from chat_server.wire.json_runs import said_in
from chat_server.wire.line_buffer import LIGHT_BYTES, LineBuffer
from chat_server.wire.render.sentences import in_one_sentence, sentence

LINES_AT_ONCE = 64
"""Lines that are read before the first request of theirs is carried out. A wrong one takes 4 us to be read, and a chunk has 8000 of the shortest."""

WHY_MAX = 200
"""Characters of what a decoder says about a wrong field that are sent back."""

NO_DAY = (
    "expected a day such as 2026-11-20, yesterday, monday or -3d, or a moment such as 14:30, -2h or yesterday 14:00"
)
WORD_MAX = NAME_TYPED_MAX
"""Characters in whatever is a word: a name, a command, a zone, a request's tag. The longest that means
anything are names, where a field does not say otherwise."""

_UNCLEAN = "has characters that cannot stand there"


class _Envelope(Struct):
    """What every request has, whatever it asks for."""

    do: str
    room: str = ""
    ref: Ref | None = None


class _Marked(Struct):
    """What is read of a request whose envelope is wrong: its answer has its ref all the same."""

    ref: Ref | None = None


class _Kind:
    """One type of request, as it comes in JSON."""

    def __init__(self, request: type[Request], tag: str) -> None:
        self._decode = msgspec.json.Decoder(request).decode if tag == tag_of(request) else _under_its_tag(request)
        hints = get_type_hints(request)
        strings = [field for field in fields(request) if hints[field.name] is str]
        self._texts = {
            field.name: sanitize_lines if field_meta(field, "lines") else sanitize_to_line
            for field in strings
            if field_meta(field, "rest")
        }
        words = [field for field in strings if field.name not in self._texts]
        self._words = [(field.name, field_meta(field, "longest") or WORD_MAX) for field in words]
        self._days = [field.name for field in fields(request) if field_meta(field, "kind") == "date"]
        self._names = [field.name for field in fields(request) if get_origin(hints[field.name]) is dict]
        self._wanted = {field.name for field in strings if field.required}
        self.names_its_room = "room" in request.__struct_fields__

    def decode(self, line: bytes, text_limit: int) -> Request | Invalid:
        """Read a request, its texts made clean. Raises msgspec.DecodeError or UnicodeDecodeError."""
        request = self._decode(line)
        for field, longest in self._words:
            word = getattr(request, field)
            wrong = _wrong_with(word, longest) if word else ("expected a text" if field in self._wanted else "")
            if wrong:
                return _wrong_field(field, wrong)
        for field in self._names:
            for name in getattr(request, field):
                if wrong := _wrong_with(name):
                    return _wrong_field(field, wrong)
        return self._cleaned(request, text_limit)

    def _cleaned(self, request: Request, text_limit: int) -> Request | Invalid:
        changed: dict[str, Any] = {}
        for field, cleaner in self._texts.items():
            text = getattr(request, field)
            if len(text) * 4 > text_limit and len(text.encode()) > text_limit:
                return Invalid("text-too-long", {"limit": str(text_limit)})
            cleaned = cleaner(text)
            if not cleaned.strip() and (text or field in self._wanted):
                return _wrong_field(field, "expected a text")
            if cleaned != text:
                changed[field] = cleaned
        for field in self._days:
            if not is_day(getattr(request, field)):
                return _wrong_field(field, NO_DAY)
        return replace(request, **changed) if changed else request


def _under_its_tag(request: type[Request]) -> Callable[[bytes], Request]:
    """Read a request that comes under another tag than its own."""
    own = {"do": tag_of(request)}
    return lambda line: msgspec.convert(_decode_any(line) | own, request)


def _wrong_with(word: str, longest: int = WORD_MAX) -> str:
    """Why something cannot be a name, a key, or another word that is taken as it stands; "" if it can."""
    if len(word) > longest:
        return f"expected at most {longest} characters"
    if sanitize(word) != word:
        return _UNCLEAN
    return "" if not word or word.strip() else "expected a text"


def _wrong_field(field: str, why: str) -> Invalid:
    return Invalid("wrong-field", {"field": field, "why": why})


_NOT_JSON = Invalid("not-json")
_envelope = msgspec.json.Decoder(_Envelope)
_marked = msgspec.json.Decoder(_Marked)
_decode_any = msgspec.json.Decoder().decode

Parse = Callable[[bytes, int, int], Addressed]
"""Turns one line, with a limit for the texts in it, into the request that it makes in a version of the protocol, and whom it is for."""


def object_parser(requests: Sequence[type[Request]]) -> Parse:
    """What reads these requests; never raises."""
    known = {protocol: by_tag(requests, protocol) for protocol in range(1, PROTOCOL + 1)}
    # Made when they are first asked for: all of them are 10 ms of a start.
    kinds: dict[int, dict[str, _Kind]] = {protocol: {} for protocol in known}
    kind_of = cache(_Kind)

    def parse(line: bytes, text_limit: int, protocol: int) -> Addressed:
        try:
            envelope = _envelope.decode(line)
        except msgspec.ValidationError as error:
            field, why = _explained(error)
            return Addressed(_NOT_JSON if field in ("", "do") else _wrong_field(field, why), "", _ref_of(line))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return Addressed(_NOT_JSON)
        ref = envelope.ref
        for field, word in (("ref", str(ref or "")), ("do", envelope.do), ("room", envelope.room)):
            if wrong := _wrong_with(word):
                return Addressed(_wrong_field(field, wrong), "", None if field == "ref" else ref)
        kind = kinds[protocol].get(envelope.do)
        if kind is None:
            request = known[protocol].get(envelope.do)
            if request is None:
                return Addressed(Invalid("unknown-request", {"word": shortened(envelope.do)}), envelope.room, ref)
            kind = kinds[protocol][envelope.do] = kind_of(request, envelope.do)
        room = "" if kind.names_its_room else envelope.room
        return Addressed(_decoded(kind, line, text_limit), room, ref)

    return parse


def _ref_of(line: bytes) -> Ref | None:
    """The ref in a line, if it is JSON and has one that may be one."""
    try:
        ref = _marked.decode(line).ref
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return None if _wrong_with(str(ref or "")) else ref


def _decoded(kind: _Kind, line: bytes, text_limit: int) -> Request | Invalid:
    try:
        return kind.decode(line, text_limit)
    except msgspec.ValidationError as error:
        return _wrong_field(*_explained(error))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _NOT_JSON


def _explained(error: msgspec.ValidationError) -> tuple[str, str]:
    """The field that is wrong, and why: ``Expected `str`, got `int` - at `$.text` `` becomes `("text", "expected str, got int")`."""
    located = re.fullmatch(r"(.*) - at `\$\.?(.*)`", str(error), re.DOTALL)
    problem, path = located.groups() if located else (str(error), "")
    missing = re.fullmatch(r"Object missing required field `(.*)`", problem)
    if missing:
        path, problem = missing[1], "is missing"
    problem = sanitize(problem[: 2 * WHY_MAX].replace("`", ""))[:WHY_MAX]
    return sanitize(path[:WHY_MAX]), problem[:1].lower() + problem[1:]


class JsonDecoder:
    """Turn the bytes of one program into requests. Any split of the bytes gives the same requests; no bytes make it raise."""

    __slots__ = ("_line", "_parse", "_protocol", "_text_limit", "in_runs")

    def __init__(self, parse: Parse, line_limit: int, text_limit: int, *, in_runs: bool = False) -> None:
        """Know what can be asked for by `parse`; refuse lines of more than `line_limit` bytes, and texts in them of more than `text_limit`.

        What is said in lines that come together is given as runs if it may be (`in_runs`): where each line has to be paid for, they come one by one.
        """
        self._parse = parse
        self.in_runs = in_runs
        self._protocol = (
            1  # until the program says that it knows a newer one: what comes with its hello is in that already
        )
        self._text_limit = text_limit
        self._line = LineBuffer(line_limit)

    @property
    def limit(self) -> int:
        """The limit of a line, in bytes."""
        return self._line.limit

    def allow(self, line_limit: int, text_limit: int) -> None:
        """Take lines and texts of so many bytes from now on."""
        self._line.limit, self._text_limit = line_limit, text_limit

    @property
    def is_mid_line(self) -> bool:
        """Whether the program has begun a line and not ended it."""
        return not self._line.is_empty

    @property
    def held(self) -> int:
        """Bytes of memory for what has been begun and not ended."""
        return self._line.size

    def give_up(self) -> Iterable[ProtocolReply | Echo]:
        """Forget what has been begun, and what still comes of it."""
        self._line.give_up()
        return ()

    def is_dear(self, data: bytes) -> bool:
        """Whether they end a line, and there is more of it than an ordinary one has."""
        return self._line.size + len(data) > LIGHT_BYTES and b"\n" in data

    def receive_data(self, data: bytes) -> Iterable[Addressed | ProtocolReply]:
        """Take bytes as they came; give the requests that they complete, in order: where they are many, as far as they are asked for."""
        return self._runs(data) or (self._each(data) if data.count(b"\n") > LINES_AT_ONCE else [*self._each(data)])

    def _runs(self, data: bytes) -> list[Addressed | ProtocolReply] | None:
        """What is said in the lines that the bytes end; None, and nothing is taken, if there may be more in them, or none."""
        if not self.in_runs or self._line.is_skipping:
            return None
        end = data.rfind(b"\n") + 1
        rest = data[end:]
        longest = min(self._line.limit, self._text_limit)
        if not end or max(self._line.size + end, len(rest)) > longest:
            return None
        said = said_in(self._line.begun + data[:end], WORD_MAX)
        if said is not None:
            self._line.erase_line()
            self._line.append(rest)
        return cast("list[Addressed | ProtocolReply] | None", said)

    def _each(self, data: bytes) -> Iterator[Addressed | ProtocolReply]:
        *whole, rest = data.split(b"\n")
        for piece in whole:
            if self._line.append(piece):
                yield Addressed(Invalid("line-too-long", {"limit": str(self.limit)}))
            line = self._line.take()
            if line is not None and not line.isspace() and line:
                addressed = self._parse(line, self._text_limit, self._protocol)
                if type(addressed.request) is Hello:
                    self._protocol = common(addressed.request.protocol)
                yield addressed
        if rest and self._line.append(rest):
            yield Addressed(Invalid("line-too-long", {"limit": str(self.limit)}))


_encode = msgspec.json.Encoder().encode
_encode_lines = msgspec.json.Encoder().encode_lines  # of lists alone: msgspec 0.22 keeps all other iterators for ever


def _in_words(event: Refused | Dismissed, language: str, _: int) -> Event:
    code = event.code if isinstance(event, Refused) else event.why
    return replace(event, text=sentence(code, event.details, language))


def _answered(event: Event, language: str, _: int) -> Event:
    return replace(event, text=in_one_sentence(event, language)) if isinstance(event, Answered | Refused) else event


def _entry(entry: Line, _: str, protocol: int) -> Line:
    if isinstance(entry, LineBlocked):
        return entry if protocol > 1 else Said(entry.room, entry.seq, entry.at, "*", "(blocked)")
    if entry.protocol > protocol:
        text = entry.in_words if entry.request is None else entry.text
        return Said(entry.room, entry.seq, entry.at, entry.nick, text, guest=entry.guest, bot=entry.bot)
    return entry.without_hidden


def _renamed(event: Event, _: str, protocol: int) -> Event | dict[str, object]:
    tag = tag_in(type(event), protocol)
    return event if tag == tag_of(type(event)) else msgspec.to_builtins(event) | {"is": tag}


def _with_lines(event: PageShown | Recalled | OwnLines, language: str, protocol: int) -> Event:
    return replace(event, lines=tuple(_entry(line, language, protocol) for line in event.lines))


def _found(event: Found | MentionsShown, language: str, protocol: int) -> Event:
    rooms = tuple((room, tuple(_entry(line, language, protocol) for line in lines)) for room, lines in event.rooms)
    return replace(event, rooms=rooms)


_FITTED: dict[type[Event], Callable[[Any, str, int], Event | dict[str, object]] | None] = {
    **dict.fromkeys(kind for kind in EVENTS if not issubclass(kind, Answered)),
    Refused: _in_words,
    Dismissed: _in_words,
    **dict.fromkeys((PageShown, Recalled, OwnLines), _with_lines),
    **dict.fromkeys((Found, MentionsShown), _found),
    **dict.fromkeys((*KINDS, LineBlocked), _entry),
    **dict.fromkeys(EARLIER_EVENTS.values(), _renamed),
}
"""How events are fitted to the program's language and its version of the protocol. One that is not here is a command's own."""


def _show(event: Event, language: str, protocol: int) -> bytes:
    if not event.is_for_programs:
        return b""
    fit = _FITTED.get(type(event), _answered)
    return _encode(event if fit is None else fit(event, language, protocol)) + b"\n"


@cache
def renderer_for(language: str, protocol: int = PROTOCOL) -> Callable[[Event], bytes]:
    """The one function that writes events as programs read them, one line of JSON each, with sentences in the language."""

    def show(event: Event) -> bytes:
        if type(event) is Said and not (
            event.author or event.re or event.reactions
        ):  # nearly all are; the table would take longer
            return _encode(event) + b"\n"
        return _show(event, language, protocol)

    def show_run(run: SaidRun) -> bytes:
        return b"".join(map(show, run)) if run.author else _encode_lines([*run])

    show_runs(show, show_run)
    return show


def show_stored(events: Iterable[Event]) -> bytes:
    """Write that lines are stored, where nobody wants a ref back."""
    return _encode_lines([*events])


def show_answer(event: Event, ref: Ref | None, language: str, protocol: int = PROTOCOL) -> bytes:
    """Write an event that answers a request, with the request's ref."""
    shown = _show(event, language, protocol)
    return shown if ref is None else b'{"ref":' + _encode(ref) + b"," + shown[1:]
