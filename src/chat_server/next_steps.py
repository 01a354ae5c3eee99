"""What to type where a journal is damaged: whole commands, for this data directory and the copies that there are of it.

Knows commands and the names of files. Never knows what is wrong, nor how it is shown.
"""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from chat_server.config import Config
from chat_server.journal import UnusableJournal
from chat_server.journal.archive import FileProblem
from chat_server.journal.backups import copies_in, directory_for
from chat_server.journal.engines import engine_named

SEARCH_FILE = "search.db"
"""What the engine of files keeps the words in that are looked for."""


def after_damage(config: Config, settings: Path | None = None) -> list[str]:
    """What to do about a damaged journal, a sentence each, with its command; `settings` is the file that the configuration is from."""
    try:
        data = engine_named(config.journal.engine).directory(config.journal)
    except UnusableJournal:
        data = None
    if data is None:
        return []
    here = ("--data", str(data))
    named = () if settings is None else ("--config", str(settings))
    return [
        f"to see what is wrong with it: {_typed('check-journal', *here)}",
        f"to see how everything else is: {_typed('doctor', *named, *here)}",
        way_back(config, data),
    ]


def way_back(config: Config, data: Path) -> str:
    """How a copy takes the place of the journal that is in a data directory."""
    directory = None
    try:
        directory = directory_for(config.backup.directory, data)
        newest = copies_in(directory)[-1].path
    except (OSError, FileProblem, IndexError):
        where = "" if directory is None else f"there is no copy in {directory}; "
        return f"{where}to put back a copy that is elsewhere, with the server stopped: {_restore('COPY', data)}"
    return (
        f"to put the newest copy in its place, with the server stopped: {_restore(str(newest), data)}"
        " (what is there now is put aside, not deleted)"
    )


def after_check(config: Config, data: Path, problems: Sequence[str]) -> str:
    """What to do about what a check has found: nothing that was said is given up for a search that can be made anew."""
    search = data / SEARCH_FILE
    of_search = ("the search index ", f"cannot open {search}: ")
    if all(
        problem.startswith(of_search) or problem.endswith(": the search index has other words") for problem in problems
    ):
        return f"only the search does not fit: with the server stopped, {shlex.join(('rm', str(search)))}; the next start makes it anew"
    return way_back(config, data)


def _restore(copy: str, data: Path) -> str:
    return _typed("restore", copy, "--force", "--data", str(data))


def _typed(*words: str) -> str:
    return shlex.join((os.environ.get("CHAT_SERVER_COMMAND", "chat-server"), *words))
