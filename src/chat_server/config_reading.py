"""The file of settings as text: at the start as it is, and again while the server runs, when somebody may be writing it just then.

Blocks, while a program that was started for it still writes. Never knows what stands in it.
"""

import errno
import os
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
    """What stands in a file, or comes by a pipe that a shell has opened (`/dev/stdin`, `<(COMMAND)`). Raises ConfigError.

    A pipe that has a name is refused: nobody may ever write to it, and a start would wait for that without a word.
    """
    try:
        with open(path, encoding="utf-8", opener=_opened) as file:
            return file.read(TEXT_MAX + 1)  # one that is longer is refused for that
    except OSError as error:
        raise ConfigError(f"{path}: {_NOT_A_FILE if error.errno == errno.ENXIO else error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text") from error
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error


_NOT_A_FILE = "not a file"
"""What a socket is, which cannot be opened."""

_NAMED_PIPE = f"{_NOT_A_FILE}, but a pipe, to which perhaps nobody ever writes; for what a program makes, give /dev/stdin or <(COMMAND)"


def _opened(path: str, flags: int) -> int:
    """Open without waiting, to see first what it is. Raises OSError."""
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        _refuse_named_pipe(path, descriptor)
        os.set_blocking(descriptor, True)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _refuse_named_pipe(path: str, descriptor: int) -> None:
    # By the links in /proc to what is open already one comes to the name of a pipe that has one; of others there is none.
    if stat.S_ISFIFO(os.fstat(descriptor).st_mode) and os.path.exists(os.path.realpath(path)):
        raise OSError(errno.ESPIPE, _NAMED_PIPE)


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
