"""The commands for the journal's files: `chat-server export`, `import`, `check-journal`, `backup`.

Knows arguments, standard streams and the progress bar; what is done is in journal/files.py.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress as Bar

from chat_server.config import Config
from chat_server.journal import JournalError
from chat_server.journal.files import FileProblem, Progress, back_up, check, export, import_
from chat_server.journal.folder import JOURNAL_FILE, SEARCH_FILE, DataFolder, DataFolderError, data_directory
from chat_server.journal.writer import UnusableJournal


def run_command(chosen: argparse.Namespace, config: Config) -> int:
    """Run one of them. Returns the exit code: 0 well, 1 the check has found something, 2 it could not be done."""
    folder = data_directory(config.journal.directory)
    try:
        match chosen.command:
            case "export":
                return _export(folder, chosen.file)
            case "import":
                return _import(folder, chosen.file)
            case "backup":
                with _bar("backup") as progress:
                    back_up(folder / JOURNAL_FILE, Path(chosen.file), progress)
                return 0
            case _:
                return _check(folder)
    except BrokenPipeError:
        return 2
    except (FileProblem, DataFolderError, UnusableJournal, JournalError) as error:
        print(f"chat-server: {error}", file=sys.stderr)
    except OSError as error:
        print(f"chat-server: {error.filename or chosen.file}: {error.strerror}", file=sys.stderr)
    return 2


def _export(folder: Path, file: str) -> int:
    with _bar("export") as progress:
        if file == "-":
            export(folder / JOURNAL_FILE, sys.stdout.buffer, progress)
            sys.stdout.buffer.flush()
        else:
            with Path(file).open("wb") as out:
                export(folder / JOURNAL_FILE, out, progress)
    return 0


def _import(path: Path, file: str) -> int:
    folder = DataFolder(path)
    try:
        with _bar("import") as progress:
            if file == "-":
                count = import_(folder, sys.stdin.buffer, progress)
            else:
                with Path(file).open("rb") as lines:
                    count = import_(folder, lines, progress)
    finally:
        folder.close()
    print(f"{count} lines imported")
    return 0


def _check(folder: Path) -> int:
    with _bar("check") as progress:
        found = check(folder / JOURNAL_FILE, folder / SEARCH_FILE, progress)
    for problem in found.problems:
        print(problem)
    behind = found.lines - found.indexed
    index = "all of them in the search index" if not behind else f"{behind} of them not in the search index yet"
    print(f"{found.rooms} rooms, {found.lines} lines, {index}; {len(found.problems) or 'no'} problems")
    return 1 if found.problems else 0


@contextmanager
def _bar(word: str) -> Iterator[Progress]:
    """A progress bar on standard error, if that is a terminal."""
    with Bar(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(word, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)
