"""What is stored goes through an export and an import unchanged, whatever it is, and what is shown of it is safe all the same."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archives import checked, exported, imported
from chat_server.journal import RoomRecord
from chat_server.journal.archive import FileProblem
from chat_server.journal.batch_codec import Stored, Unknown, decode, encode
from chat_server.journal.export_lines import read_line, write_line
from chat_server.journal.search.search_index import SearchIndex
from chat_server.journal.sqlite.batch_rows import Append
from chat_server.journal.sqlite.data_directory import DataDirectory
from chat_server.journal.sqlite.journal import SqliteJournal
from chat_server.journal.sqlite.writer import Writer
from chat_server.journal.times import MICROSECOND, MILLISECOND
from chat_server.protocol import entries
from chat_server.protocol.entries import Said
from chat_server.protocol.names import parse_name
from chat_server.protocol.sanitize import sanitize
from chat_server.protocol.time_zones import EARLIEST, LATEST
from journals import opened

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.sampled_from(
        ["one\ntwo", "\n\n a\n\n", "a\x1b[2Jb\u202ec", "\ufeff", "\x00", "\u3164", '"]', '"topic"]', "x" * 5000]
    ),
)
NAMES = st.sampled_from(["ann", "小明", "x" * 32, "server", "-", "ᕯ", "analytics_2"])
TIMES = st.one_of(
    st.floats(EARLIEST, LATEST),
    st.sampled_from([0.0, -0.0, 1e-7, 1764300000.123456, EARLIEST, LATEST - 0.0001, LATEST, 1.1 + 2.2]),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def is_of_a_known_form(entry: object) -> bool:
    """Whether this release reads it as a line: then its first word is a name, and no release has stored it without."""
    return isinstance(entry, list) and len(entry) in (2, 3) and all(isinstance(part, str) for part in entry)


WORDS = st.sampled_from(["edited", "reacted", "room", "unknown", "topic", "said", "", "z\u0000"])
ENTRIES = st.one_of(
    st.tuples(NAMES | st.none(), TEXTS | st.none(), WORDS),
    st.tuples(
        NAMES, TEXTS, WORDS, st.dictionaries(st.text(max_size=5) | st.sampled_from(["room", "of", "nick"]), JSON)
    ),
    JSON.filter(lambda entry: not is_of_a_known_form(entry)),
).map(lambda entry: json.dumps(entry, ensure_ascii=False, separators=(",", ":")))
KINDS: list[Callable[[str, int, float, str, str], Stored]] = [*entries.KINDS]
KNOWN = st.tuples(st.sampled_from(KINDS), NAMES, TEXTS)


@st.composite
def batches(draw: st.DrawFn) -> list[tuple[str, float, str]]:
    """Batches of two rooms, each a room, a time, and a text as it stands in a journal, of this release or of a later one."""
    made = []
    for _ in range(draw(st.integers(0, 6))):
        room, at = draw(st.sampled_from(["python", "聊天"])), draw(TIMES)
        known = [
            encode([kind("", 0, 0.0, nick, text)])[1:-1].decode()
            for kind, nick, text in draw(st.lists(KNOWN, max_size=3))
        ]
        pieces = known + draw(st.lists(ENTRIES, max_size=3))
        if pieces:
            made.append((room, at, f"[{','.join(pieces)}]"))
    return made


def kept(text: str, room: str, first: int, at: float) -> list[Stored]:
    """A batch's lines, in some batches with times and authors of their own."""
    step = (0.0, MICROSECOND, MILLISECOND)[len(text) % 3]
    authors = [number % 3 for number in range(len(decode(text, room, first, at)))]
    return decode(text, room, first, at, step=step, authors=json.dumps(authors) if len(text) % 2 else "")


@pytest.mark.slow
@settings(max_examples=settings().max_examples * 2 // 5)
@given(made=batches(), topic=TEXTS, first=st.integers(1, 2**40))
def test_what_is_exported_imported_and_exported_is_the_same_byte_for_byte(
    made: list[tuple[str, float, str]], topic: str, first: int
) -> None:
    with TemporaryDirectory() as place:
        folder, other = DataDirectory(Path(place) / "a"), DataDirectory(Path(place) / "b")
        with closing(Writer(folder.journal)) as writer:
            writer.adopt_room(RoomRecord("python", topic, first, first - 1))
            writer.adopt_room(RoomRecord("聊天", "", 1, 0))
            for room, at, text in made:
                lines = kept(text, room, 1, at)
                writer.commit([Append(lines, {}, text.encode())], {}, with_changes=False)
        whole = exported(folder.journal)
        count = sum(len(decode(text, "", 1, 0)) for _, _, text in made)
        assert imported(other, whole.splitlines(keepends=True)) == count
        assert exported(other.journal) == whole
        for path in (folder, other):
            assert checked(path.journal, path.search).problems == []
            path.close()


@given(made=batches())
def test_every_line_of_an_export_is_read_as_what_was_written(made: list[tuple[str, float, str]]) -> None:
    for room, at, text in made:
        for line in kept(text, room, 1, at):
            written = write_line(line)
            assert written.count(b"\n") == 1
            again = read_line(written)
            assert again == line
            assert write_line(again) == written


@pytest.mark.slow
@settings(max_examples=settings().max_examples * 2 // 5)
@given(made=batches())
def test_whatever_is_in_a_journal_what_is_read_to_be_shown_is_safe_and_keeps_its_number(
    made: list[tuple[str, float, str]],
) -> None:
    with TemporaryDirectory() as place:
        folder = DataDirectory(Path(place))
        stored: dict[str, list[Stored]] = {"python": [], "聊天": []}
        with closing(Writer(folder.journal)) as writer:
            for room in stored:
                writer.create_room(room)
            for room, at, text in made:
                lines = kept(text, room, len(stored[room]) + 1, at)
                stored[room] += lines
                writer.commit([Append(lines, {}, text.encode())], {}, with_changes=False)
            for room, lines in stored.items():
                page = writer.read(room, 1, len(lines)).lines
                assert [line.seq for line in page] == [line.seq for line in lines if not isinstance(line, Unknown)]
                for line in page:
                    assert parse_name(line.nick) == line.nick
                    assert all(sanitize(part) == part for part in line.text.split("\n"))
        folder.close()


HOSTILE = [
    ("UPDATE batch SET at = 1e18", "9999-12-29"),
    ("UPDATE batch SET at = -99999999999", "0001-01-03"),
    ("UPDATE batch SET at = 9e999", "9999-12-29"),
    ("UPDATE batch SET at = 1795827121000", "9999-12-29"),
]


@pytest.mark.parametrize(("harm", "day"), HOSTILE)
async def test_impossible_times_in_a_journal_are_served_as_the_nearest_possible_ones(
    tmp_path: Path, harm: str, day: str
) -> None:
    folder = DataDirectory(tmp_path)
    with closing(Writer(folder.journal)) as writer:
        writer.create_room("python")
        lines: list[Stored] = [Said("python", 1, 1000.0, "ann", "needle")]
        writer.commit([Append(lines, {}, encode(lines))], {})
    with closing(sqlite3.connect(folder.journal)) as connection, connection:
        connection.execute(harm)
    folder.close()
    async with opened(SqliteJournal(DataDirectory(tmp_path))) as journal:
        (line,) = (await journal.read("python", 1, 1)).lines
        assert EARLIEST <= line.at <= LATEST
        assert (await journal.search("needle", None, 1)).lines == [line]
        assert await journal.seq_at("python", 2000.0) in {1, 2}
    text = exported(folder.journal)
    assert text.count(b"\n") == 3, "it is exported all the same"
    assert day


def import_lines(tmp_path: Path, *lines: dict[str, object], before: bytes = b"") -> bytes:
    folder = DataDirectory(tmp_path / "data")
    text = [{"is": "export", "version": 1}, {"is": "room", "room": "python", "topic": "", "first": 1}, *lines]
    data = [json.dumps(line).encode() for line in text]
    data[0] = before + data[0]
    try:
        imported(folder, data)
        return exported(folder.journal)
    finally:
        folder.close()


def said(seq: int = 1, **fields: object) -> dict[str, object]:
    return {"is": "said", "room": "python", "seq": seq, "at": 1.0, "nick": "ann", "text": "hello"} | fields


@pytest.mark.parametrize("at", [1795827121000, 1e18, -99999999999, 253402300800.0])
def test_an_import_refuses_impossible_times_with_the_number_of_the_line(tmp_path: Path, at: float) -> None:
    with pytest.raises(FileProblem, match=r"^line 4: expected a time in seconds since 1970, got "):
        import_lines(tmp_path, said(), said(2, at=at))


@pytest.mark.parametrize(
    "line",
    [
        said(seq=2),
        {"is": "later", "room": "python", "seq": 2, "at": 1.0},
        {"is": "later", "room": "nowhere", "seq": 1, "at": 1.0},
        {"is": "later", "room": "python", "seq": 1, "at": 1e18},
        {"is": "later", "room": "python", "seq": 1},
        {"is": "unknown", "room": "python", "seq": 1, "at": 1.0, "entry": ["* ann", "forged"]},
        said(nick="* ann"),
        said(nick=""),
        said(text=None),
    ],
)
def test_an_import_refuses_what_has_no_place(tmp_path: Path, line: dict[str, object]) -> None:
    with pytest.raises(FileProblem, match=r"^line 3: "):
        import_lines(tmp_path, line)


def test_an_import_that_is_nested_too_deeply_is_refused_with_a_sentence(tmp_path: Path) -> None:
    folder = DataDirectory(tmp_path)
    depth = 1_000_000  # from 3.14 on Python goes as deep as its stack has room, and 100,000 have
    deep = b'{"is":"later","room":"python","seq":1,"at":1,"x":' + b"[" * depth + b"]" * depth + b"}"
    lines = [b'{"is":"export","version":1}', b'{"is":"room","room":"python","topic":"","first":1}', deep]
    with pytest.raises(FileProblem, match=r"^line 3: no line of an export: it is nested too deeply$"):
        imported(folder, lines)


def test_an_import_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert b'"hello"' in import_lines(tmp_path, said(), before=b"\xef\xbb\xbf")


def test_an_import_takes_names_and_texts_that_an_earlier_release_stored(tmp_path: Path) -> None:
    lines = [said(nick="server"), said(2, nick="ᕯ"), said(3, text="one\ntwo"), said(4, text="a\x1bb")]
    with_authors = [line | {"author": 0} for line in lines]
    assert [json.loads(line) for line in import_lines(tmp_path, *lines).splitlines()][2:] == with_authors


async def test_what_a_later_release_stored_fills_its_numbers_and_is_not_found(tmp_path: Path) -> None:
    later = {"is": "later", "room": "python", "seq": 2, "at": 1.0, "nick": "ann", "text": "needle", "of": 1}
    import_lines(tmp_path, said(text="needle"), later, said(3, text="needle"))
    async with opened(SqliteJournal(DataDirectory(tmp_path / "data"))) as journal:
        assert [line.seq for line in (await journal.read("python", 1, 3)).lines] == [1, 3]
        assert [line.seq for line in (await journal.search("needle", None, 9)).lines] == [3, 1]
        assert (await journal.rooms())[0].last == 3
    folder = DataDirectory(tmp_path / "data")
    found = checked(folder.journal, folder.search)
    assert (found.lines, found.indexed, found.problems) == (3, 3, [])
    index = SearchIndex(folder.search, None, 0)
    assert index.texts(1, 3) == ["needle", "", "needle"]
    index.close()
