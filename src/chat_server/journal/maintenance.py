"""What can be done with everything that a journal keeps, whatever its engine: export, import, check. Streams; holds one batch at a time.

Everything here blocks. `Progress` is told how many lines are done.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import chain
from typing import BinaryIO, NamedTuple

from chat_server.accounts import is_account
from chat_server.journal import Damaged, RoomRecord
from chat_server.journal.account_lines import AccountLines, lines_of_accounts, record_of
from chat_server.journal.archive import Archive, FileProblem, Filler, KeptKey, Progress, RawBatch
from chat_server.journal.batch_codec import Stored, Unknown, decode
from chat_server.journal.conversations import is_conversation
from chat_server.journal.export_lines import (
    EXPORT_VERSION,
    NUMBER_MAX,
    WITHOUT_ACCOUNTS,
    ExportLine,
    Heading,
    KeyLine,
    RoomHeading,
    read_line,
    write_line,
)
from chat_server.journal.showable import showable_state
from chat_server.journal.times import STEPS, goes_on
from chat_server.protocol.names import was_a_name
from chat_server.protocol.room_state import EMPTY, written
from chat_server.protocol.time_zones import is_possible

IMPORTED_AT_ONCE = 2000
"""Lines stored in one transaction by an import."""

LINE_MAX = 64 * 2**20
"""Bytes in a line of an import. A line of ours has some 100 KB at most; what has no end must not fill the memory."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""What some editors and shells put before a text; it means nothing."""


def export(archive: Archive, out: BinaryIO, progress: Progress, *, with_secrets: bool = False) -> int:
    """Write what is kept as JSON lines: a heading, the rooms, the accounts, every line in the order in which it was stored, then keys.

    Returns how many lines. The hashes and digests of secrets are left out unless they are wanted.
    """
    end = archive.end()
    rooms = archive.rooms()
    accounts = lines_of_accounts(archive.accounts(), with_secrets=with_secrets)
    first = next(accounts, None)
    has_more = first is not None or any(_is_exported(key, with_secrets=with_secrets) for key in archive.sent())
    out.write(write_line(Heading(EXPORT_VERSION if has_more else WITHOUT_ACCOUNTS)))
    for room in rooms:
        state = showable_state(room.state) if room.state else None
        out.write(write_line(RoomHeading(room.name, room.topic, room.first, state, room.parties, room.id)))
    if first is not None:
        out.writelines(map(write_line, chain((first,), accounts)))
    numbers = {room.name: room.first for room in rooms}
    done = position = 0
    while position < end - 1 and (records := archive.records(position)):
        for record in records:
            out.writelines(map(write_line, record.lines))
            position = record.position
            done += len(record.lines)
            numbers[record.lines[0].room] = record.lines[-1].seq + 1
        progress(position, end - 1)
    if has_more:
        out.writelines(
            write_line(KeyLine(*key))
            for key in archive.sent()
            if _is_exported(key, with_secrets=with_secrets) and key.seq < numbers.get(key.room, 0)
        )
    return done


def _is_exported(key: KeptKey, *, with_secrets: bool) -> bool:
    """Whether a key goes along. Who has no account is known by a token's digest, which is a secret's."""
    return with_secrets or is_account(key.sender)


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file that may be anything, with their ends. Raises FileProblem at one that is too long to be a line."""
    number = 0
    while line := file.readline(LINE_MAX):
        number += 1
        if len(line) == LINE_MAX and not line.endswith(b"\n"):
            raise FileProblem(f"line {number}: no line of an export: it is longer than {LINE_MAX} bytes")
        yield line


def import_(filling: AbstractContextManager[Filler], lines: Iterable[bytes], progress: Progress) -> int:
    """Fill a new journal from an export. All of it, or nothing. Returns how many lines.

    Raises:
        FileProblem: something has been said there already, it cannot be stored, or the file is no export; the sentence says where.

    """
    with filling as filler:
        return _fill(filler, lines, progress)


def _fill(filler: Filler, lines: Iterable[bytes], progress: Progress) -> int:
    numbers: dict[str, int] = {}
    ids: set[str] = set()
    done = 0
    waiting: list[Stored] = []
    for number, value in enumerate(_values(lines), 1):
        if (number == 1) != isinstance(value, Heading):
            raise FileProblem(f"line {number}: expected the heading of an export first, and once")
        if isinstance(value, Heading):
            if value.version > EXPORT_VERSION:
                raise FileProblem("the file was written by a newer release of chat-server")
        elif isinstance(value, RoomHeading):
            _adopt(filler, value, (numbers, ids), number)
        elif isinstance(value, AccountLines):
            _add_account(filler, value, number)
        elif isinstance(value, KeyLine):
            done += _store(filler, waiting)
            _add_key(filler, value, numbers, number)
        else:
            _check_line(value, numbers, number)
            waiting.append(value)
        if len(waiting) >= IMPORTED_AT_ONCE:
            done += _store(filler, waiting)
            progress(done, 0)
    if not numbers:
        raise FileProblem("the file is no export")
    return done + _store(filler, waiting)


def _adopt(filler: Filler, room: RoomHeading, known: tuple[dict[str, int], set[str]], number: int) -> None:
    numbers, ids = known
    is_named = is_conversation(room.room) if room.parties else was_a_name(room.room)
    if room.room in numbers or not is_named or not 1 <= room.first < NUMBER_MAX:
        raise FileProblem(f"line {number}: expected another room's name, and its first number")
    if room.id in ids:
        raise FileProblem(f"line {number}: expected a room with an id of its own")
    ids |= {room.id} - {""}
    state = written(room.state or EMPTY)
    record = RoomRecord(
        room.room, room.topic, room.first, room.first - 1, state=state, parties=room.parties, id=room.id
    )
    filler.add_room(record)
    numbers[room.room] = room.first


def _add_account(filler: Filler, line: AccountLines, number: int) -> None:
    try:
        filler.add_account(record_of(line))
    except ValueError as error:
        raise FileProblem(f"line {number}: {error}") from error


def _add_key(filler: Filler, line: KeyLine, numbers: dict[str, int], number: int) -> None:
    if not 1 <= line.seq < numbers.get(line.room, 0):
        raise FileProblem(
            f"line {number}: expected a key of a line before it, got one of number {line.seq} of {line.room}"
        )
    if not is_possible(line.at):
        raise FileProblem(f"line {number}: expected a time in seconds since 1970, got {line.at:.15g}")
    try:
        filler.add_key(KeptKey(line.room, line.seq, line.at, line.sender, line.key))
    except ValueError as error:
        raise FileProblem(f"line {number}: {error}") from error


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


def _store(filler: Filler, waiting: list[Stored]) -> int:
    """Store the lines that wait, and return how many they were."""
    count = len(waiting)
    if waiting:
        filler.add(_batches_of(waiting))
        waiting.clear()
    return count


def _batches_of(lines: Iterable[Stored]) -> list[list[Stored]]:
    """The lines in batches, as they may have been stored."""
    batches: list[list[Stored]] = []
    for line in lines:
        if batches and batches[-1][0].room == line.room and goes_on(batches[-1], line):
            batches[-1].append(line)
        else:
            batches.append([line])
    return batches


class Findings(NamedTuple):
    """What a check has found. Where it could not look to the end, nothing is counted."""

    rooms: int
    lines: int
    indexed: int
    problems: list[str]


def check(archive: Archive, progress: Progress) -> Findings:
    """Look through what is kept: the engine's own storage, holes, order, turns, times, keys, and the search index. A server may be writing to it."""
    problems = archive.damage()
    found = Findings(0, 0, 0, problems)
    try:
        found = _look_through(archive, progress, problems)
    except Damaged as error:
        problems.append(f"the rest cannot be looked at: {error}")
    return found


def _look_through(archive: Archive, progress: Progress, problems: list[str]) -> Findings:
    lines = indexed = last_position = 0
    end = archive.end()
    expected = {room.name: room.first for room in archive.rooms()}
    turns: dict[str, int] = {}
    for batch in archive.raw_batches(end):
        if batch.position <= last_position:
            problems.append(f"{batch.room}: position {batch.position} comes after {last_position}")
        if batch.first != expected[batch.room]:
            problems.append(f"{batch.room}: number {batch.first} stands where {expected[batch.room]} is due")
        if batch.turn != turns.get(batch.room, batch.turn):
            problems.append(f"{batch.room}: turn {batch.turn} stands where {turns[batch.room]} is due")
        if batch.turn:
            turns[batch.room] = batch.turn + 1
        last_position, expected[batch.room] = batch.position + batch.count - 1, batch.first + batch.count
        lines += batch.count
        is_indexed = archive.is_indexed(batch)
        if is_indexed:
            indexed += batch.count
        problems += _problems_of(batch, archive if is_indexed else None)
        progress(last_position, end - 1)
    problems += archive.strays()
    return Findings(len(expected), lines, indexed, problems)


def _problems_of(batch: RawBatch, index: Archive | None) -> list[str]:
    """What is wrong with one batch, and with what the index has of it."""
    where = f"{batch.room}, from number {batch.first}"
    try:
        found = decode(batch.text, batch.room, batch.first, batch.at, step=batch.step, authors=batch.authors)
    except ValueError as error:
        return [f"{where}: {error}"]
    problems = []
    if len(found) != batch.count:
        problems.append(f"{where}: {len(found)} lines at {batch.at}, where {batch.count} were expected")
    if not is_possible(batch.at):
        problems.append(f"{where}: the time {batch.at:.15g} is not possible: times are in seconds since 1970")
    if batch.step not in STEPS:
        problems.append(f"{where}: its lines cannot be {batch.step:.15g} seconds apart")
    if index is not None:
        problems += [f"{where}: {misfit}" for misfit in index.misfits(batch, found)]
    return problems
