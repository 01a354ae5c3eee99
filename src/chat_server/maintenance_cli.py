"""The commands for what is kept: `chat-server export`, `import`, `check-journal`, `backup`, `restore`, `rooms`, `fingerprint`, whatever the engine.

Knows arguments, standard streams and the progress bar. What is done is in journal/maintenance.py; for a backup in the engine
(journal/sqlite/archive.py), for several of them, and for putting one back, in backup_cli.py, for rooms in rooms_cli.py, for the certificate in
fingerprint_cli.py.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from io import BufferedWriter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from rich.console import Console
from rich.progress import Progress as Bar

from chat_server import console
from chat_server.backup_cli import keep_copies, restore
from chat_server.config import Config
from chat_server.fingerprint_cli import show_fingerprint
from chat_server.interruptions import Interrupted, interruptible
from chat_server.journal import Damaged, DamagedJournal, JournalError, JournalInUse, UnusableJournal
from chat_server.journal.archive import DamagedFile, FileProblem, Progress
from chat_server.journal.engines import Engine, Settings, engine_named
from chat_server.journal.maintenance import check, export, import_, lines_of
from chat_server.journal.new_file import OwnFiles, TargetError, is_stream, new_file, refuse_own_file
from chat_server.next_steps import after_check, after_damage
from chat_server.rooms_cli import run_rooms_command
from chat_server.server.certificates import OWN_FILE, CertificateProblem


def run_command(chosen: argparse.Namespace, config: Config) -> int:
    """Run one of them. Returns the exit code: 0 well, 1 the check has found something, 2 it could not be done, 130 it was interrupted."""
    try:
        with interruptible() as was_interrupted:
            return _run(chosen, config, was_interrupted)
    except Interrupted as interrupted:
        console.complain("chat-server", f"interrupted; {_UNDONE[chosen.command]}")
        return 128 + interrupted.number


_UNDONE = {
    "export": "no file has been written",
    "import": "nothing has been imported",
    "check-journal": "the check is not complete",
    "backup": "no file has been written",
    "restore": "look whether journal.db is there, or journal.db.replaced beside it",
    "fingerprint": "nothing has been changed",
    "rooms": "look at `chat-server rooms list`",
}
"""What is so after a command has been interrupted."""


def _run(chosen: argparse.Namespace, config: Config, raise_if_interrupted: Callable[[], None]) -> int:
    try:
        engine = engine_named(config.journal.engine)
        own = engine.own_files(config.journal)
        own = own._replace(names=own.names | {OWN_FILE} if own.names else own.names)
        _refuse_own_file_as_output(own)
        return _carry_out(chosen, config, engine, own)
    except (CertificateProblem, FileProblem, TargetError, UnusableJournal, JournalError) as error:
        raise_if_interrupted()
        console.complain("chat-server", f"{error}: stop that one first" if isinstance(error, JournalInUse) else error)
        _say_what_to_do(error, config)
    except OSError as error:
        raise_if_interrupted()
        if not isinstance(error, BrokenPipeError):
            where = error.filename or getattr(chosen, "file", "the data directory")
            console.complain("chat-server", f"{where}: {error.strerror or error}")
    return 2


def _say_what_to_do(error: Exception, config: Config) -> None:
    if isinstance(error, (Damaged, DamagedFile, DamagedJournal)):
        for step in after_damage(config):
            console.complain("chat-server", step)


def _carry_out(chosen: argparse.Namespace, config: Config, engine: Engine, own: OwnFiles) -> int:
    settings = config.journal
    do: dict[str, Callable[[], int]] = {
        "export": lambda: _export(engine, settings, own, chosen),
        "import": lambda: _import(engine, settings, chosen.file),
        "backup": lambda: _back_up(engine, config, own, chosen),
        "restore": lambda: restore(chosen, config, engine, _bar),
        "fingerprint": lambda: show_fingerprint(config, own),
        "rooms": lambda: run_rooms_command(chosen, config, engine),
        "check-journal": lambda: _check(engine, config),
    }
    return do[chosen.command]()


def _refuse_own_file_as_output(own: OwnFiles) -> None:
    """Say nothing into a file of the server's: `check-journal >> journal.db` would write after its end. Raises TargetError."""
    with suppress(OSError):
        refuse_own_file(os.fstat(1), own, "standard output")


def _export(engine: Engine, settings: Settings, own: OwnFiles, chosen: argparse.Namespace) -> int:
    def write(out: BinaryIO) -> None:
        with _bar("export") as progress, closing(engine.open_archive(settings)) as archive:
            export(archive, out, progress, with_secrets=chosen.with_secrets)

    if chosen.file == "-":
        _write_out(write)
    else:
        _make(own, Path(chosen.file), write, force=chosen.force)
    return 0


def _write_out(write: Callable[[BinaryIO], None]) -> None:
    """Have standard output written to."""
    out = console.standard_output()
    try:
        write(out)
    except OSError as error:
        raise console.output_error(error) from error
    console.flush()


def _back_up(engine: Engine, config: Config, own: OwnFiles, chosen: argparse.Namespace) -> int:
    if chosen.keep is not None or chosen.every:
        return keep_copies(chosen, config, engine, _bar)
    if not chosen.file:
        raise FileProblem(
            "backup: name a FILE for one copy; or say --keep N, for the newest N of several in a directory"
        )

    def write(out: BinaryIO) -> None:
        """Copy it where nobody else can look, and pour it out: an engine writes files only, here and there in them."""
        with TemporaryDirectory() as private:
            path = Path(private) / "copy"
            copy(path)
            with path.open("rb") as whole:
                shutil.copyfileobj(whole, out)

    def copy(path: Path) -> None:
        with _bar("backup") as progress:
            engine.back_up(config.journal, path, progress)

    if chosen.file == "-":
        _write_out(write)
        return 0
    target = Path(chosen.file)
    _make(own, target, write, force=chosen.force, copy=copy)
    if not is_stream(target):
        console.say(
            f"{target}: a copy of the journal, {console.size(target.stat().st_size)}; not looked through, as those of --keep are"
        )
    return 0


def _make(
    own: OwnFiles,
    target: Path,
    write: Callable[[BinaryIO], None],
    *,
    force: bool,
    copy: Callable[[Path], None] | None = None,
) -> None:
    """Have a file made whole, by `copy` if that can do it by its path; have a pipe or a device written to as it is."""
    try:
        if is_stream(target):
            refuse_own_file(target.stat(), own, target)
            # Closed without what is still to be written: who is interrupted does not wait for a reader once more.
            with target.open("wb", buffering=0) as stream:
                buffered = BufferedWriter(stream)
                write(buffered)
                buffered.flush()
            return
        with new_file(target, own, force=force) as path:
            if copy is not None:
                copy(path)
                return
            with path.open("wb") as out:
                write(out)
    except OSError as error:
        raise FileProblem(f"cannot write {target}: {error.strerror or error}") from error


def _import(engine: Engine, settings: Settings, file: str) -> int:
    with _bar("import") as progress, _opened(file) as lines:
        count = import_(engine.filling(settings), lines_of(lines), progress)
    console.say(f"{console.counted(count, 'line')} imported")
    return 0


def _opened(file: str) -> AbstractContextManager[BinaryIO]:
    if file != "-":
        return Path(file).open("rb")
    if sys.stdin is None:
        raise FileProblem("standard input is closed")
    return nullcontext(sys.stdin.buffer)


def _check(engine: Engine, config: Config) -> int:
    with _bar("check") as progress, closing(engine.open_archive(config.journal)) as archive:
        found = check(archive, progress)
    for problem in found.problems:
        console.say(problem)
    behind = found.lines - found.indexed
    index = "all of them in the search index" if not behind else f"{behind} of them not in the search index yet"
    problems = console.counted(len(found.problems), "problem") if found.problems else "no problems"
    counts = f"{console.counted(found.rooms, 'room')}, {console.counted(found.lines, 'line')}, {index}"
    console.say(
        f"{counts if found.rooms or not found.problems else 'it could not be looked at to the end'}; {problems}"
    )
    data = engine.directory(config.journal)
    if found.problems and data is not None:
        console.say(after_check(config, data, found.problems))
    return 1 if found.problems else 0


@contextmanager
def _bar(word: str) -> Iterator[Progress]:
    """A progress bar on standard error, if that is a terminal."""
    is_shown = sys.stderr is not None and sys.stderr.isatty()
    with Bar(console=Console(stderr=True), transient=True, disable=not is_shown) as bar:
        task = bar.add_task(word, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)
