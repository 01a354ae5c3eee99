"""What the programs say on the terminal of whoever runs them: plain lines in which nothing from a file, a name or a flag can act on it.

Knows standard output and standard error; never knows what is said. A line that standard output does not take is a failure, not a silence.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TextIO

SHELLS = ("bash", "zsh", "fish")
"""The shells for which both programs have a completion."""

PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3}
"""What systemd's journal calls the levels (sd-daemon(3)): without it all lines are `info`, and `journalctl --priority warning` finds none."""


class OutputError(Exception):
    """Standard output does not take what is written; the sentence says why. Empty: whoever read it has gone, and needs no sentence."""


def escaped(text: object) -> str:
    r"""Return the text with whatever is not printable spelt out (ESC becomes `\x1b`), so that it is one line and cannot act on a terminal."""
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join(part if part.isprintable() else part.encode("unicode_escape").decode() for part in shown)


def counted(number: int, what: str) -> str:
    """`1 line`, `2 lines`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def size(count: int) -> str:
    """`512 bytes`, `3.5 KiB`, `20.0 MiB`."""
    if count < 2**10:
        return f"{count} bytes"
    return f"{count / 2**10:.1f} KiB" if count < 2**20 else f"{count / 2**20:.1f} MiB"


def complain(program: str, sentence: object, level: str = "error") -> None:
    """Say on standard error what went wrong, as one line; if it takes nothing, nobody is there to be told."""
    _write_error(f"{program}: {escaped(sentence)}\n", level)


def _write_error(text: str, level: str = "error") -> None:
    if sys.stderr is None:  # closed by whoever started us
        return
    with suppress(OSError, ValueError):
        lines = "\n".join(escaped(line) for line in text.removesuffix("\n").split("\n"))
        lines = with_priority(level, lines) if leads_to_journal() else lines
        sys.stderr.write(_encodable(lines + ("\n" if text.endswith("\n") else ""), sys.stderr))
        sys.stderr.flush()


def leads_to_journal() -> bool:
    """Whether standard error is systemd's journal (systemd.exec(5), $JOURNAL_STREAM): somebody may have led it elsewhere."""
    if not (stream := os.environ.get("JOURNAL_STREAM")) or sys.stderr is None:
        return False
    with suppress(OSError, ValueError):  # it is no file
        status = os.fstat(sys.stderr.fileno())
        return stream == f"{status.st_dev}:{status.st_ino}"
    return False


def with_priority(level: str, lines: str) -> str:
    """The same as the journal takes it: each line is an entry there."""
    return "\n".join(f"<{PRIORITIES[level]}>{line}" for line in lines.split("\n"))


def say(text: object) -> None:
    """Write one line on standard output. Raises OutputError if that does not take it."""
    _write_out(escaped(text) + "\n")


def _write_out(text: str) -> None:
    out = sys.stdout
    if out is None:  # closed by whoever started us
        raise OutputError("standard output is closed")
    try:
        out.write(_encodable(text, out))
    except OSError as error:
        raise output_error(error) from error


def write_text(text: str) -> None:
    """Write lines, each with its end. Raises OutputError."""
    _write_out("\n".join(escaped(line) for line in text.split("\n")))


def standard_output() -> BinaryIO:
    """Standard output for bytes. Raises OutputError if it is closed."""
    if sys.stdout is None:
        raise OutputError("standard output is closed")
    return sys.stdout.buffer


def flush() -> None:
    """Make sure that everything written has been taken. Raises OutputError if it has not."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        raise output_error(error) from error


def output_error(error: Exception) -> OutputError:
    """The error, after giving up what waits: Python would try to write it once more when it ends."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
    if isinstance(error, BrokenPipeError):
        return OutputError("")
    return OutputError(f"cannot write to standard output: {getattr(error, 'strerror', None) or error}")


def _encodable(text: str, stream: TextIO) -> str:
    """The text with what the stream's encoding lacks spelt out."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


class PrintCompletion(argparse.Action):
    """A flag that prints what completes the program's command lines in a shell, and exits; scripts/manuals has put it into the package."""

    def __init__(self, option_strings: Sequence[str], dest: str, *, package: Path, help: str) -> None:  # noqa: A002 - argparse's name
        super().__init__(option_strings, dest, choices=SHELLS, help=help)
        self._folder = package / "completions"

    def __call__(self, parser: argparse.ArgumentParser, *found: object) -> None:
        """Print it; argparse calls this."""
        _namespace, shell, *_flag = found
        write_text((self._folder / f"{parser.prog}.{shell}").read_text(encoding="utf-8"))
        flush()
        parser.exit()


class Parser(argparse.ArgumentParser):
    """A parser of flags whose complaints show hostile flags escaped."""

    def _print_message(self, message: str, file: object = None) -> None:
        """Write help, a version, or a complaint. Raises OutputError if standard output does not take it."""
        if file is not None and file is sys.stdout:
            write_text(message)
            flush()  # nobody else does, and the command ends here
        else:
            _write_error(message)
