"""The kinds of people who read, and how each kind is shown an event: words, colours, breaks in long lines, charset.

Readers of one kind share one function, so a room shows a line once for each kind among its members, not once for each of them. Knows what an
event says only through sentences.py; never knows a session.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from weakref import WeakKeyDictionary

from msgspec import Struct

from chat_server.protocol.choices import UTF_8
from chat_server.protocol.entries import LineBlocked, Said
from chat_server.protocol.events import Event
from chat_server.protocol.late_pattern import LatePattern
from chat_server.protocol.names import BOT, GUEST
from chat_server.protocol.runs import Renderer, SaidRun, show_runs
from chat_server.wire.charsets import ambiguous_columns, encode, showable
from chat_server.wire.render.colours import bright, dim, named
from chat_server.wire.render.languages import translator_for
from chat_server.wire.render.sentences import event_lines
from chat_server.wire.render.text_lines import TextLine, as_text, indented
from chat_server.wire.render.widths import room_for
from chat_server.wire.render.wrapping import INDENT, wrapped

IAC = b"\xff"


class RenderProfile(Struct, frozen=True):
    """What is to be known of readers to show them something; a kind of reader, and a handful of them in a room."""

    language: str = "en"
    charset: str = UTF_8
    doubles_iac: bool = False
    """The byte 0xFF is a letter in the charset, and a command to the reader's program unless it comes twice (RFC 854)."""
    colours: int = 0
    columns: int = 0
    """Rows are this wide (see widths.width_class); 0: the terminal breaks them where it likes."""
    is_plain: bool = False
    is_named: bool = False
    """The line names the reader."""

    @property
    def is_laid_out(self) -> bool:
        """Whether lines are shown in another way than they are: in rows, in colours, in another charset."""
        return bool(self.columns or self.colours) or self.charset != UTF_8


_PROFILE_OF: WeakKeyDictionary[Renderer, RenderProfile] = WeakKeyDictionary()

PIECE_CHARACTERS = 1024
"""Characters of text that are laid out at a time, unless a single line has more: 0.1 to 0.7 ms."""

LONG = 256
"""Characters of a line of text that is not measured before it is broken: it hardly ever fits."""

BARE_MAX = 4
"""Kinds that a room has beside those that are laid out, for the charsets of those for whom there is no other."""


@lru_cache(maxsize=1024)
def renderer_for(profile: RenderProfile) -> Renderer:
    """The one function that shows events to this kind of reader."""
    translator = translator_for(profile.language, is_plain=profile.is_plain, columns=profile.columns)
    blocked = translator.text("(blocked)")

    def render(event: Event) -> bytes:
        # Nearly all are, and not of a conversation; the table would take a third longer.
        if type(event) is Said and event.room[:1] != "@" and not (event.re or event.edited or event.reactions):
            return (
                f"{event.nick}{GUEST if event.guest else BOT if event.bot else ''}: {indented(event.text)}\r\n".encode()
            )
        if type(event) is LineBlocked:  # as many as there are lines, for whoever has blocked somebody who says much
            return f"#{event.seq} {blocked}\r\n".encode()
        return as_text(event_lines(event, translator)).encode()

    def render_laid_out(event: Event) -> bytes:
        return written("".join(_laid_out(line, profile) for line in event_lines(event, translator)), profile)

    def render_run(run: SaidRun) -> bytes:
        head = f"{run.nick}{GUEST if run.guest else BOT if run.bot else ''}: ".encode()
        return head + run.texts.together.replace(b"\n", b"\r\n" + head) + b"\r\n"

    if not profile.is_laid_out:
        show_runs(render, render_run)
    chosen = render_laid_out if profile.is_laid_out else render
    _PROFILE_OF[chosen] = profile
    return chosen


def render_in_pieces(event: Event, profile: RenderProfile) -> Iterator[bytes]:
    """What `renderer_for` gives, some lines at a time: a long answer is laid out with pauses in which others have their turn."""
    lines = event_lines(event, translator_for(profile.language, is_plain=profile.is_plain, columns=profile.columns))
    pieces: list[str] = []
    characters = 0
    yield b""  # to put two hundred lines in words takes as long as to lay some of them out
    for line in lines:
        pieces.append(_laid_out(line, profile))
        characters += len(line.text)
        if characters >= PIECE_CHARACTERS:
            yield written("".join(pieces), profile)
            pieces.clear()
            characters = 0
    if pieces:
        yield written("".join(pieces), profile)


def nearest(profile: RenderProfile, known: Iterable[Renderer], limit: int) -> Renderer:
    """How a reader is shown things where `limit` kinds or more are known already, and one more would be one too many.

    As the most alike of them that reads the same charset: with rows that fit and are not much shorter, in no more colours. Else the lines come as
    they are, in the reader's charset if not too many others have one of their own, else in ASCII.
    """
    profiles = {renderer: _PROFILE_OF[renderer] for renderer in known if renderer in _PROFILE_OF}
    fitting = [
        (other.columns, other.colours, renderer) for renderer, other in profiles.items() if _fits(profile, other)
    ]
    if fitting:
        return max(fitting, key=lambda found: found[:2])[2]
    bare = RenderProfile(profile.language, profile.charset, profile.doubles_iac, is_plain=profile.is_plain)
    if profile.charset == UTF_8 or len(profiles) < limit + BARE_MAX:
        return renderer_for(bare)
    return renderer_for(RenderProfile(charset="ascii"))


def _fits(profile: RenderProfile, other: RenderProfile) -> bool:
    """Whether what is made for the other can be read by this one."""
    if (other.language, other.charset, other.doubles_iac) != (profile.language, profile.charset, profile.doubles_iac):
        return False
    fits = not other.columns or profile.columns // 2 <= other.columns <= (profile.columns or other.columns)
    return fits and other.colours <= profile.colours and other.is_plain == profile.is_plain


def written(text: str, profile: RenderProfile) -> bytes:
    """The text in the reader's charset."""
    data = encode(text, profile.charset)
    return data.replace(IAC, IAC + IAC) if profile.doubles_iac else data


def _laid_out(line: TextLine, profile: RenderProfile) -> str:
    """The line in rows that fit, with its colours."""
    text, mark, nick, between = (showable(part, profile.charset) for part in line)
    head, ambiguous = mark + nick + between, ambiguous_columns(profile.charset)
    if (
        profile.columns and room_for(head, ambiguous) > profile.columns
    ):  # else the terminal would begin a row in the middle of the name
        return "\r\n".join([*_rows(head + text, "", profile.columns, ambiguous), ""])
    rows = _rows(text, head, profile.columns, ambiguous)
    depth = profile.colours
    if depth:
        shade = bright if profile.is_named else _unchanged
        number_and_time = _NUMBER_AND_TIME.match(mark)
        weak = number_and_time[0] if number_and_time else ""
        mark = dim(weak, depth) + mark[len(weak) :]
        nick = named(nick, depth)
        rows = [shade(row, depth) for row in rows]
    return "\r\n".join([mark + nick + between + rows[0], *rows[1:], ""])


def _rows(text: str, head: str, columns: int, ambiguous: int) -> list[str]:
    """The text's lines, broken where they are too long; before the first stands `head`."""
    rows: list[str] = []
    for number, part in enumerate(text.split("\n")):
        before = room_for(INDENT if number else head, ambiguous)
        first, further = part, list[str]()
        if columns and (len(part) > LONG or before + room_for(part, ambiguous) > columns):
            first, *further = wrapped(part, columns, room=columns - before, ambiguous=ambiguous)
        rows += [INDENT + first if number else first, *further]
    return rows


_NUMBER_AND_TIME = LatePattern(r"#\d+ \d\d:\d\d")


def _unchanged(text: str, depth: int) -> str:
    del depth
    return text
