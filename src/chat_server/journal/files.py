"""What can be done with a journal's files beside the server: export, import, check, backup. Streams; holds one batch at a time.

Everything here blocks. `Progress` is told how many lines (or pages, for a backup) are done.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from itertools import groupby
from math import isfinite
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec
from msgspec import Struct

from chat_server.clean import clean
from chat_server.events import Acted, Line, Said, TopicSet
from chat_server.journal import JournalError
from chat_server.journal.batches import decode, encode
from chat_server.journal.folder import DataFolder
from chat_server.journal.reader import RawBatch, Reader
from chat_server.journal.search import SearchIndex, segmented
from chat_server.journal.writer import Append, Writer
from chat_server.names import BadName, parse_name

EXPORT_VERSION = 1

IMPORTED_AT_ONCE = 2000
"""Lines stored in one transaction by an import."""

BACKUP_PAGES = 256
"""Pages copied at a time, between two words about the progress: 1 MB."""

Progress = Callable[[int, int], None]
"""Called with how much is done, and how much there is (0: nobody knows)."""


class FileProblem(Exception):
    """It cannot be done; the sentence says why."""


class Heading(Struct, frozen=True, tag_field="is", tag="export"):
    """The first line of an export."""

    version: int


class RoomHeading(Struct, frozen=True, tag_field="is", tag="room"):
    """A room of an export; its lines, from the number `first` on, come later."""

    room: str
    topic: str
    first: int


_decoder = msgspec.json.Decoder(Heading | RoomHeading | Said | Acted | TopicSet)


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
        out.write(msgspec.json.encode(Heading(EXPORT_VERSION)) + b"\n")
        out.writelines(
            msgspec.json.encode(RoomHeading(room.name, room.topic, room.first)) + b"\n" for room in reader.rooms()
        )
        done = position = 0
        while position < end - 1 and (records := reader.records(position)):
            for record in records:
                out.writelines(msgspec.json.encode(line) + b"\n" for line in record.lines)
                position = record.position
                done += len(record.lines)
            progress(position, end - 1)
        return done


def import_(folder: DataFolder, lines: Iterable[bytes], progress: Progress) -> int:
    """Make the journal of a data directory from an export. All of it, or nothing. Returns how many lines.

    Raises:
        FileProblem: something has been said there already, or the file is no export; the sentence says where.

    """
    if folder.journal.stat().st_size:
        with closing(Writer(folder.journal)) as writer:
            if any(room.last for room in writer.rooms()):
                raise FileProblem(f"{folder.journal} has lines already; an import needs a data directory without any")
    new = folder.journal.with_name(folder.journal.name + ".import")
    try:
        _remove(new)
        new.touch(mode=0o600)
        with closing(Writer(new)) as writer:
            count = _fill(writer, lines, progress)
        _sync(new)
        _remove(folder.search)
        _remove(folder.journal)
        new.replace(folder.journal)
        _sync(folder.path)
    finally:
        _remove(new)
    return count


def _remove(path: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).unlink()


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _fill(writer: Writer, lines: Iterable[bytes], progress: Progress) -> int:
    numbers: dict[str, int] = {}
    done = 0
    waiting: list[Line] = []
    for number, value in enumerate(_values(lines), 1):
        if (number == 1) != isinstance(value, Heading):
            raise FileProblem(f"line {number}: expected the heading of an export first, and once")
        if isinstance(value, Heading):
            if value.version > EXPORT_VERSION:
                raise FileProblem("the file was written by a newer release of chat-server")
        elif isinstance(value, RoomHeading):
            _adopt(writer, value, numbers, number)
        else:
            waiting.append(_checked(value, numbers, number))
        if len(waiting) >= IMPORTED_AT_ONCE:
            done += _store(writer, waiting)
            waiting.clear()
            progress(done, 0)
    if not numbers:
        raise FileProblem("the file is no export")
    return done + _store(writer, waiting)


def _adopt(writer: Writer, room: RoomHeading, numbers: dict[str, int], number: int) -> None:
    if room.room in numbers or not _is_name(room.room) or room.first < 1:
        raise FileProblem(f"line {number}: expected another room's name, and its first number")
    writer.adopt_room(room.room, clean(room.topic), room.first)
    numbers[room.room] = room.first


def _checked(line: Line, numbers: dict[str, int], number: int) -> Line:
    """The line, fit to be kept."""
    if numbers.get(line.room) != line.seq:
        raise FileProblem(f"line {number}: expected number {numbers.get(line.room)} of {line.room}")
    if not _is_name(line.nick) or not isfinite(line.at):
        raise FileProblem(f"line {number}: expected a name and a time")
    numbers[line.room] += 1
    return type(line)(line.room, line.seq, line.at, line.nick, clean(line.text))


def _values(lines: Iterable[bytes]) -> Iterator[Heading | RoomHeading | Line]:
    for number, line in enumerate(lines, 1):
        try:
            yield _decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise FileProblem(f"line {number}: no line of an export: {error}") from error


def _is_name(name: str) -> bool:
    try:
        return parse_name(name) == name
    except BadName:
        return False


def _store(writer: Writer, lines: list[Line]) -> int:
    batches = [list(group) for _, group in groupby(lines, lambda line: (line.room, line.at))]
    if batches:
        writer.commit([Append(batch, {}, encode(batch)) for batch in batches], {}, with_topics=False)
    return len(lines)


def back_up(path: Path, target: Path, progress: Progress) -> None:
    """Copy the journal as it is now, while a server may go on writing. The target is there whole, or not at all."""
    part = target.with_name(target.name + ".part")
    _remove(part)
    try:
        with closing(open_reader(path)) as reader, closing(sqlite3.connect(part)) as copy:
            os.chmod(part, 0o600)
            reader.copy_to(copy, BACKUP_PAGES, progress)
            copy.execute("PRAGMA journal_mode = DELETE")
        _sync(part)
        part.replace(target)
        _sync(target.parent)
    except sqlite3.Error as error:
        raise FileProblem(f"cannot write {target}: {error}") from error
    finally:
        _remove(part)


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
    if len(found) != batch.count or not isfinite(batch.at):
        problems.append(f"{where}: {len(found)} lines at {batch.at}, where {batch.count} were expected")
    if search is not None and search.texts(batch.position, batch.count) != [segmented(line.text) for line in found]:
        problems.append(f"{where}: the search index has other words")
