"""The file of settings as text: at the start as it is, and again while the server runs, when somebody may be writing it just then.

Blocks. Never knows what stands in it.
"""

import stat
import time
from pathlib import Path

from chat_server.config_file import ConfigError
from chat_server.toml_bounds import TEXT_MAX

SETTLED_SECONDS = 0.1
"""Seconds for which a file must stay as it is after it has been read: an editor that writes into it is done by then."""

READINGS_MAX = 5
"""How often it is read if it changes meanwhile."""


def text_of(path: Path) -> str:
    """What stands in a file. Raises ConfigError."""
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(TEXT_MAX + 1)  # one that is longer is refused for that
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text") from error


def text_read_again(path: Path) -> str:
    """What stands in a file that was read at the start: the whole of it, though somebody may be writing it just now. Raises ConfigError.

    An empty one is what an editor, or a full disk, has left of it for a moment; all settings at their defaults are a file with a comment.
    """
    for _ in range(READINGS_MAX):
        before = _stamp(path)
        text = text_of(path)
        time.sleep(SETTLED_SECONDS)
        if _stamp(path) == before:
            break
    else:
        raise ConfigError(f"{path} is being changed: it was another each time that it was read")
    if not text.strip():
        raise ConfigError(f"{path} is empty; if all settings are to have their defaults, write a comment into it")
    return text


def _stamp(path: Path) -> tuple[int, ...]:
    """What changes whenever the file does."""
    try:
        status = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ConfigError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"{path} is not a file, so it was read at the start only; a restart reads it again")
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev
