"""What can be done with a journal's files beside the server: export, import, check, backup. Streams; holds one batch at a time.

Everything here blocks. `Progress` is told how many lines (or pages, for a backup) are done.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, NamedTuple

from chat_server.journal import JournalError
from chat_server.journal.batch_codec import Stored, Unknown, decode, encode
from chat_server.journal.export_lines import (
    EXPORT_VERSION,
    NUMBER_MAX,
    ExportLine,
    Heading,
    RoomHeading,
    read_line,
    write_line,
)
from chat_server.journal.sqlite.data_directory import IMPORT_FILE, DataFolder
from chat_server.journal.sqlite.new_file import sync
from chat_server.journal.sqlite.reader import RawBatch, Reader
from chat_server.journal.sqlite.search_index import OtherRelease, SearchIndex, indexed_text
from chat_server.journal.sqlite.writer import Append, Writer
from chat_server.protocol.names import was_a_name
from chat_server.protocol.time_zones import is_possible

IMPORTED_AT_ONCE = 2000
"""Lines stored in one transaction by an import."""

LOG_LINES = 25 * IMPORTED_AT_ONCE
"""Lines after which an import brings its log into the file: some 10 MB."""

LINE_MAX = 64 * 2**20
"""Bytes in a line of an import. A line of ours has some 100 KB at the most; what has no end must not fill the memory."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""What some editors and shells put before a text; it means nothing."""

BACKUP_PAGES = 256
"""Pages copied at a time, between two words about the progress: 1 MB."""

Progress = Callable[[int, int], None]
"""Called with how much is done, and how much there is (0: nobody knows)."""


class FileProblem(Exception):
    """It cannot be done; the sentence says why."""


def open_reader(path: Path) -> Reader:
    """Open the journal of a data directory for reading; a server may be writing to it.

    Raises:
        FileProblem: there is none, or it cannot be read.

    """
    if not path.exists() or not path.stat().st_size:
        raise FileProblem(f"there is no journal in {path.parent}")
    try:
        return Reader(path)
    except JournalError as error:
        raise FileProblem(f"cannot open {path}: {error}") from error


def export(path: Path, out: BinaryIO, progress: Progress) -> int:
    """Write the journal as JSON lines: a heading, the rooms, then every line in the order in which it was stored. Returns how many lines."""
    with closing(open_reader(path)) as reader:
        end = reader.end()
        out.write(write_line(Heading(EXPORT_VERSION)))
        out.writelines(write_line(RoomHeading(room.name, room.topic, room.first)) for room in reader.rooms())
        done = position = 0
        while position < end - 1 and (records := reader.records(position)):
            for record in records:
                out.writelines(map(write_line, record.lines))
                position = record.position
                done += len(record.lines)
            progress(position, end - 1)
        return done


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file that may be anything, with their ends. Raises FileProblem at one that is too long to be a line."""
    number = 0
    while line := file.readline(LINE_MAX):
        number += 1
        if len(line) == LINE_MAX and not line.endswith(b"\n"):
            raise FileProblem(f"line {number}: no line of an export: it is longer than {LINE_MAX} bytes")
        yield line


def import_(folder: DataFolder, lines: Iterable[bytes], progress: Progress) -> int:
    """Make the journal of a data directory from an export. All of it, or nothing. Returns how many lines.

    Raises:
        FileProblem: something has been said there already, or the file is no export; the sentence says where.
        JournalError: the disk refuses.

    """
    if folder.journal.stat().st_size:
        with closing(Writer(folder.journal)) as writer:
            if any(room.last for room in writer.rooms()):
                raise FileProblem(f"{folder.journal} has lines already; an import needs a data directory without any")
    new = folder.path / IMPORT_FILE
    try:
        remove_database(new)
        new.touch(mode=0o600)
        with closing(Writer(new)) as writer:
            count = _fill(writer, lines, progress)
            writer.bring_in_log()
        sync(new)
        remove_database(folder.search)
        remove_database(folder.journal, but_itself=True)
        new.replace(folder.journal)
        sync(folder.path)
    finally:
        remove_database(new)
    return count


def remove_database(path: Path, *, but_itself: bool = False) -> None:
    """Delete a file of SQLite's, with those that stand beside it."""
    for ending in ("-wal", "-shm") if but_itself else ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).unlink()


def _fill(writer: Writer, lines: Iterable[bytes], progress: Progress) -> int:
    numbers: dict[str, int] = {}
    done = 0
    waiting: list[Stored] = []
    for number, value in enumerate(_values(lines), 1):
        if (number == 1) != isinstance(value, Heading):
            raise FileProblem(f"line {number}: expected the heading of an export first, and once")
        if isinstance(value, Heading):
            if value.version > EXPORT_VERSION:
                raise FileProblem("the file was written by a newer release of chat-server")
        elif isinstance(value, RoomHeading):
            _adopt(writer, value, numbers, number)
        else:
            _check_line(value, numbers, number)
            waiting.append(value)
        if len(waiting) >= IMPORTED_AT_ONCE:
            done += _store(writer, waiting)
            waiting.clear()
            progress(done, 0)
            if done % LOG_LINES == 0:
                writer.bring_in_log()  # so that an import needs the room of one journal, not of two
    if not numbers:
        raise FileProblem("the file is no export")
    return done + _store(writer, waiting)


def _adopt(writer: Writer, room: RoomHeading, numbers: dict[str, int], number: int) -> None:
    if room.room in numbers or not was_a_name(room.room) or not 1 <= room.first < NUMBER_MAX:
        raise FileProblem(f"line {number}: expected another room's name, and its first number")
    writer.adopt_room(room.room, room.topic, room.first)
    numbers[room.room] = room.first


def _check_line(line: Stored, numbers: dict[str, int], number: int) -> None:
    """Raise FileProblem unless the line can be kept. What it says is kept as it is, and made fit to be shown when it is read."""
    if numbers.get(line.room) != line.seq:
        raise FileProblem(f"line {number}: expected number {numbers.get(line.room)} of {line.room}")
    if not isinstance(line, Unknown) and not was_a_name(line.nick):
        raise FileProblem(f"line {number}: expected a name, got {line.nick!r}")
    if not is_possible(line.at):
        raise FileProblem(f"line {number}: expected a time in seconds since 1970, got {line.at:.15g}")
    numbers[line.room] += 1


def _values(lines: Iterable[bytes]) -> Iterator[ExportLine]:
    for number, line in enumerate(lines, 1):
        try:
            yield read_line(line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line)
        except ValueError as error:
            raise FileProblem(f"line {number}: no line of an export: {error}") from error


def _store(writer: Writer, lines: list[Stored]) -> int:
    batches = [list(group) for _, group in groupby(lines, lambda line: (line.room, line.at))]
    if batches:
        writer.commit([Append(batch, {}, encode(batch)) for batch in batches], {}, with_topics=False)
    return len(lines)


def back_up(path: Path, copy_path: Path, progress: Progress) -> None:
    """Copy the journal as it is now, while a server may go on writing. The copy is one file that is whole when this returns.

    Args:
        path: the journal.
        copy_path: an empty file.
        progress: told of pages.

    """
    try:
        with closing(open_reader(path)) as reader, closing(sqlite3.connect(copy_path, isolation_level=None)) as copy:
            reader.copy_to(copy, BACKUP_PAGES, progress)
            ((mode,),) = copy.execute("PRAGMA journal_mode = DELETE").fetchall()
            if mode != "delete":
                raise FileProblem(f"the copy stays in the mode {mode}")
    except (sqlite3.Error, JournalError) as error:
        raise FileProblem(f"cannot copy the journal: {error}") from error


class Findings(NamedTuple):
    """What a check has found."""

    rooms: int
    lines: int
    indexed: int
    problems: list[str]


def check(path: Path, index: Path, progress: Progress) -> Findings:
    """Look a journal through: the file itself, holes, order, keys, and the search index. A server may be writing to it."""
    with closing(open_reader(path)) as reader:
        problems = [f"the file: {word}" for word in reader.integrity() if word != "ok"]
        search = _open_index(index, problems)
        lines = indexed = last_position = 0
        end = reader.end()
        expected = {room.name: room.first for room in reader.rooms()}
        for batch in reader.raw_batches(end):
            if batch.position <= last_position:
                problems.append(f"{batch.room}: position {batch.position} comes after {last_position}")
            if batch.first != expected[batch.room]:
                problems.append(f"{batch.room}: number {batch.first} stands where {expected[batch.room]} is due")
            last_position, expected[batch.room] = batch.position + batch.count - 1, batch.first + batch.count
            lines += batch.count
            if search is None or last_position > search.indexed:
                _check_batch(batch, None, problems)
            else:
                _check_batch(batch, search, problems)
                indexed += batch.count
            progress(last_position, end - 1)
        problems += [
            f"{count} lines at position {position}: their room is not there, so no export has them"
            for position, count in reader.roomless()
        ]
        problems += [
            f"key {key!r} of {sender!r} names a line that was never stored" for sender, key in reader.loose_keys()
        ]
        if search is not None:
            search.close()
        return Findings(len(expected), lines, indexed, problems)


def _open_index(path: Path, problems: list[str]) -> SearchIndex | None:
    if not path.exists() or not path.stat().st_size:
        return None
    try:
        search = SearchIndex(path, None, 0)
        search.check()
    except OtherRelease:
        return None
    except JournalError as error:
        problems.append(str(error))
        return None
    return search


def _check_batch(batch: RawBatch, search: SearchIndex | None, problems: list[str]) -> None:
    where = f"{batch.room}, from number {batch.first}"
    try:
        found = decode(batch.text, batch.room, batch.first, batch.at)
    except ValueError as error:
        problems.append(f"{where}: {error}")
        return
    if len(found) != batch.count:
        problems.append(f"{where}: {len(found)} lines at {batch.at}, where {batch.count} were expected")
    if not is_possible(batch.at):
        problems.append(f"{where}: the time {batch.at:.15g} is not possible: times are in seconds since 1970")
    if search is not None and search.texts(batch.position, batch.count) != list(map(indexed_text, found)):
        problems.append(f"{where}: the search index has other words")
