"""Makes .venv and installs into it exactly what a lock names, and this checkout; says what that takes, a line for each step.

Run by scripts/venv with any Python that can make environments, so it needs the standard library and nothing else. What is to be true of the
environment comes on standard input and is written down as its stamp when it is.
"""

import fcntl
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

UNFINISHED = "unfinished"
"""A file that is in an environment while it is being made: what was interrupted may be broken in ways that pip does not see."""

PIP_MIN = (22, 3)
"""The first pip that installs into another environment than its own: that spares the 5 s of giving each environment a pip."""

HERE = ("--no-user", "--target=")
"""What has pip install into the environment, whatever its own configuration says: an empty place is none."""

NOT_OURS = {
    f"PIP_{name}" for name in ("PREFIX", "ROOT", "CONSTRAINT", "BUILD_CONSTRAINT", "REQUIREMENT", "EDITABLE", "DRY_RUN")
}
"""Settings that would have pip install something else, or elsewhere. Where it fetches from, and how, stays as it is configured."""

_UNITS = {"bytes": 1, "kB": 1e3, "MB": 1e6}


class Failed(Exception):
    """A step failed; the text is what its program said."""


class Step:
    """One step, told in one line: what, how many seconds, how much of it. On a terminal the line grows while it lasts."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._start = time.monotonic()
        self.packages = 0
        self.bytes = 0.0
        self._is_live = sys.stderr.isatty()
        self._show("..." if self._is_live else "", end="")

    def take(self, line: str) -> None:
        """Count what pip says."""
        self.packages += line.startswith(("Collecting ", "Processing "))
        if found := re.match(r" +Downloading (?!.*\.metadata ).*\(([\d.]+) (bytes|kB|MB)\)", line):
            self.bytes += float(found[1]) * _UNITS[found[2]]
        if self._is_live:
            self._show(f"{self._amount()} ...", end="")

    def finish(self) -> None:
        """Say what it took."""
        self._show(f"{time.monotonic() - self._start:5.1f} s  {self._amount()}".rstrip(), end="\n")

    def _amount(self) -> str:
        if not self.packages:
            return ""
        return f"{self.packages} packages, {self.bytes / 1e6:.1f} MB downloaded"

    def _show(self, text: str, *, end: str) -> None:
        if self._is_live:
            print(f"\r\x1b[K  {self._what:<24}{text}", end=end, file=sys.stderr, flush=True)
        elif end:
            print(f"  {self._what:<24}{text}", end=end, file=sys.stderr, flush=True)


def main() -> int:
    root, lock, stamp = map(Path, sys.argv[1:])
    wanted = sys.stdin.read()
    holder = os.open(root / "scripts", os.O_RDONLY)
    if not _is_locked_at_once(holder):
        print("Another script is setting up here; waiting for it.", file=sys.stderr, flush=True)
        fcntl.flock(holder, fcntl.LOCK_EX)
    os.set_inheritable(holder, True)  # whoever still works for a script that was killed keeps the next one waiting
    is_kept = _is_usable(root / ".venv", root)
    if is_kept and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return 0
    start = time.monotonic()
    interpreter = _in_words(root, root / ".venv" / "bin" / "python" if is_kept else Path(sys.executable))
    print(f"Setting up {root / '.venv'} with {interpreter}:", file=sys.stderr, flush=True)
    try:
        _set_up(root, lock, is_kept=is_kept)
        stamp.write_text(wanted, encoding="utf-8")
        (root / ".venv" / UNFINISHED).unlink()
    except Failed as error:
        print(f"\n{error}\nSetting up failed; the next start tries again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nSetting up was interrupted; the next start begins again.", file=sys.stderr)
        return 130
    except OSError as error:  # a checkout that cannot be written to, a full disk, something else called .venv
        print(f"\n{error.filename}: {error.strerror}\nSetting up failed; the next start tries again.", file=sys.stderr)
        return 1
    print(f"Set up in {time.monotonic() - start:.0f} s.", file=sys.stderr, flush=True)
    return 0


def _is_locked_at_once(holder: int) -> bool:
    try:
        fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _in_words(root: Path, python: Path) -> str:
    asked = [str(python), "-I", str(root / "scripts" / "interpreter.py")]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def _set_up(root: Path, lock: Path, *, is_kept: bool) -> None:
    folder = root / ".venv"
    python = folder / "bin" / "python"
    if not is_kept:
        step = Step("environment")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / UNFINISHED).touch()
        _run([sys.executable, "-m", "venv", *(["--without-pip"] if _has_shared_pip() else []), str(folder)])
        step.finish()
    (folder / UNFINISHED).touch()
    pip = [sys.executable, "-m", "pip", "--python", str(python)] if _has_shared_pip() else [str(python), "-m", "pip"]
    # Compiling is left to the first import: most of it is never imported.
    install = [*pip, "--disable-pip-version-check", "--no-input", "install", *HERE]
    install += ["--no-compile", "--progress-bar", "off"]
    step = Step(lock.name)
    build = ["-r", str(root / "requirements-build.txt")]
    _run([*install, "--require-hashes", "-r", str(lock), *build], step)
    step.finish()
    step = Step("this checkout")
    _run([*install, "--no-deps", "--no-build-isolation", "--editable", str(root)])
    step.finish()


def _is_usable(folder: Path, root: Path) -> bool:
    """Whether an environment is there that was finished, was not moved from another place, and whose Python still runs."""
    if (folder / UNFINISHED).exists() or not (folder / "bin" / "python").exists():
        return False
    places = {stamp.read_text(encoding="utf-8").partition("\n")[0] for stamp in folder.glob("stamp-*")}
    if any(place.startswith("/") for place in places - {str(root)}):
        return False
    return subprocess.run([folder / "bin" / "python", "-c", ""], capture_output=True, check=False).returncode == 0


def _has_shared_pip() -> bool:
    try:
        version = importlib.metadata.version("pip")
    except importlib.metadata.PackageNotFoundError:
        return False
    return tuple(map(int, re.findall(r"\d+", version)[:2])) >= PIP_MIN


def _run(command: list[str], step: Step | None = None) -> None:
    """Run it and let the step count what it says.

    Raises:
        Failed: if its exit code is not 0.

    """
    said = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        close_fds=False,
        env={name: value for name, value in os.environ.items() if name not in NOT_OURS},
    ) as program:
        assert program.stdout is not None
        for line in program.stdout:
            said.append(line)
            if step:
                step.take(line)
    if program.returncode:
        raise Failed("".join(said[-30:]))


if __name__ == "__main__":
    sys.exit(main())
