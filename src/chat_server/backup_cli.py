"""The commands `chat-server backup --keep`, which keeps copies in a directory and is what a server runs for its own, and `chat-server restore`.

Knows arguments, the clock, and what is said on the terminal. Names and places of copies are in journal/backups.py; how one is made and put back in
the engine (journal/sqlite/archive.py, journal/sqlite/restoring.py).
"""

import argparse
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, suppress
from functools import partial
from pathlib import Path

from chat_server import console
from chat_server.config import Config
from chat_server.interruptions import Interrupted
from chat_server.intervals import EXPECTED, seconds_of
from chat_server.journal import Damaged
from chat_server.journal.archive import Archive, FileProblem, Progress, RawBatch
from chat_server.journal.backups import (
    RETRY_SECONDS,
    Copy,
    copies_in,
    directory_for,
    keep_copy,
    out_of_place,
    until_due,
)
from chat_server.journal.engines import Engine
from chat_server.journal.maintenance import Findings, check
from chat_server.journal.new_file import OwnFiles, hand_over, new_file
from chat_server.server.certificates import OWN_FILE

MakeBar = Callable[[str], AbstractContextManager[Progress]]
"""Shows how far something is, which this word names."""


NOT_KEPT = "the copy is not kept: what it was made of is damaged", ": see `chat-server check-journal`"
"""What is said of a copy that is not good."""


def keep_copies(chosen: argparse.Namespace, config: Config, engine: Engine, make_bar: MakeBar) -> int:
    """Keep a copy now, or with --every whenever one is due, until a signal ends that. Returns the exit code."""
    directory = directory_for(chosen.file or config.backup.directory, engine.directory(config.journal))
    if why := out_of_place(directory, engine.directory(config.journal)):
        raise FileProblem(why)
    keep = config.backup.keep if chosen.keep is None else chosen.keep
    if keep < 1:
        raise FileProblem("--keep: expected how many copies are to be kept, at least 1")
    every = seconds_of(chosen.every) if chosen.every else 0
    if every is None:
        raise FileProblem(f"--every: expected {EXPECTED}")
    keep_one = partial(_keep_one, directory, keep, config, engine, make_bar)
    if not every:
        keep_one()
        return 0
    pause = until_due(copies_in(directory), every, time.time())
    while True:
        try:
            time.sleep(pause)
        except Interrupted:
            return 0
        try:
            keep_one()
            pause = every
        except (FileProblem, OSError) as error:
            console.complain("chat-server", _told(error, directory))
            pause = min(every, RETRY_SECONDS)


def _told(error: Exception, directory: Path) -> str:
    if isinstance(error, OSError):
        return f"cannot keep a copy in {error.filename or directory}: {error.strerror or error}"
    return str(error)


def _keep_one(directory: Path, keep: int, config: Config, engine: Engine, make_bar: MakeBar) -> None:
    found: list[Findings] = []

    def make(part: Path) -> None:
        with make_bar("backup") as progress:
            engine.back_up(config.journal, part, progress)
        with make_bar("check") as progress:
            found.append(_checked(engine, part, progress, *NOT_KEPT))

    if config.journal.engine == "sqlite":  # the others say themselves what makes copies of theirs
        # Where there is none, that is said, and no directory is made.
        with closing(engine.open_archive(config.journal)) as journal:
            _refuse_copies_of_another(journal, engine, directory)
    try:
        kept = keep_copy(directory, keep, make, time.time())
        engine.back_up_beside(config.journal, directory)
        _take_along(engine.directory(config.journal), directory)
    except OSError as error:
        raise FileProblem(_told(error, directory)) from error
    deleted = f"; deleted: {console.counted(len(kept.deleted), 'older one')}" if kept.deleted else ""
    console.say(f"{kept.copy.path}: {_counts(found[0])}, no problems{deleted}")
    console.flush()
    for why in kept.stuck:
        console.complain("chat-server", f"an older copy cannot be deleted: {why}")


def _refuse_copies_of_another(journal: Archive, engine: Engine, directory: Path) -> None:
    """See that the copies that are there, of which the oldest are deleted, are of this journal. Raises FileProblem.

    What was put back goes by another name than what it is a copy of (Engine.restore), but began with the same. What cannot be compared is let be.
    """
    copies: list[Copy] = []
    with suppress(OSError):  # which whoever writes there is told
        copies = copies_in(directory)
    for copy in {*copies[:1], *copies[-1:]}:
        theirs = None
        with suppress(FileProblem, Damaged), closing(engine.open_copy(copy.path)) as archive:
            theirs = _beginning(archive)
        ours = _beginning(journal)
        if theirs and ours and theirs.position == ours.position and theirs.at != ours.at:
            raise FileProblem(
                f"{copy.path} is a copy of another journal, which would be deleted some day for those of this one:"
                " choose another directory, or move it elsewhere with the others like it"
            )


def _beginning(archive: Archive) -> RawBatch | None:
    """What was said first of all that is still kept."""
    return next(archive.raw_batches(archive.end()), None)


def _checked(engine: Engine, copy: Path, progress: Progress, otherwise: str, see: str = "") -> Findings:
    """Look through a copy. Raises FileProblem if anything is wrong with it."""
    with closing(engine.open_copy(copy)) as archive:
        found = check(archive, progress)
    if found.problems:
        more = f", and {len(found.problems) - 1} more" if len(found.problems) > 1 else ""
        raise FileProblem(f"{otherwise} ({found.problems[0]}{more}){see}")
    return found


def _counts(found: Findings) -> str:
    return f"{console.counted(found.rooms, 'room')}, {console.counted(found.lines, 'line')}"


def _take_along(source: Path | None, target: Path) -> bool:
    """Copy the certificate that a server has made for itself, with its key: by it whoever has trusted the server knows it. Returns whether it did."""
    try:
        certificate = (source / OWN_FILE).read_bytes() if source is not None else b""
    except FileNotFoundError:
        return False
    with suppress(FileNotFoundError):
        if (target / OWN_FILE).read_bytes() == certificate:
            return False
    if not certificate:
        return False
    with new_file(target / OWN_FILE, OwnFiles(), force=True) as part:
        part.write_bytes(certificate)
    hand_over(target / OWN_FILE)
    return True


def _good(engine: Engine, copy: Path, progress: Progress) -> Findings:
    """See that a copy can be put back. Raises FileProblem, which names the copy made before it if there is one."""
    try:
        return _checked(engine, copy, progress, f"{copy} is not put back: it is damaged")
    except FileProblem as error:
        with suppress(OSError):
            others = [one.path for one in copies_in(copy.parent) if not one.path.samefile(copy)]
            older = [path for path in others if path.name < copy.name]
            if others:
                raise FileProblem(f"{error}; there is another copy: {(older or others)[-1]}") from error
        raise FileProblem(str(error)) from error


def _newest_in(directory: Path) -> str:
    with suppress(OSError):
        if copies := copies_in(directory):
            return f", such as the newest, {copies[-1].path}"
    return ""


def restore(chosen: argparse.Namespace, config: Config, engine: Engine, make_bar: MakeBar) -> int:
    """Put a copy in the place of the journal. Returns the exit code."""
    copy = Path(chosen.file)
    if copy.is_dir():
        raise FileProblem(f"{copy} is a directory: name a copy in it{_newest_in(copy)}")
    if not copy.is_file():
        raise FileProblem(f"there is no file {copy}")
    with make_bar("check") as progress:
        found = _good(engine, copy, progress)
    with make_bar("restore") as progress:
        aside = engine.restore(config.journal, copy, progress, force=chosen.force)
    data = engine.directory(config.journal)
    with_certificate = data is not None and not (data / OWN_FILE).exists() and _take_along(copy.parent, data)
    console.say(f"{copy} is put back: {_counts(found)}{', and the certificate' if with_certificate else ''}")
    if aside is not None:
        console.say(f"the journal that was there is {aside}; it is yours to delete")
    return 0
