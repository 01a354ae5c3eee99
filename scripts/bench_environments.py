"""Environments in which the benchmark runs this server: of an older commit, or of another Python. Never knows what is measured in them.

An environment of the same packages is a second, not a download: it is made beside this checkout's, and reads the packages from there.
"""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = "requirements.txt"


class NoEnvironment(Exception):
    """A commit or a Python cannot be measured; the sentence says why."""


def git(*arguments: str, root: Path = ROOT) -> str:
    """What git answers.

    Raises:
        NoEnvironment: with its own words, if it fails.

    """
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise NoEnvironment("git is needed to check out another commit") from error
    except subprocess.CalledProcessError as error:
        raise NoEnvironment(error.stderr.strip()) from error
    return done.stdout.strip()


def commit_before(root: Path = ROOT) -> str:
    """The commit that a contributor would compare with.

    On a branch, the one where it left main (all that the branch changes counts, committed or not); on main, the last commit if something
    is not committed yet, or else the one before it.
    """
    head = git("rev-parse", "HEAD", root=root)
    for main in ("main", "origin/main"):
        try:
            base = git("merge-base", main, "HEAD", root=root)
        except NoEnvironment:
            continue  # a clone need not have a main of its own
        if base != head:
            return base
        break
    has_changes = git("status", "--porcelain", "--untracked-files=no", root=root)
    return head if has_changes else git("rev-parse", "--verify", "HEAD~1", root=root)


@contextmanager
def checked_out(revision: str, folder: Path, root: Path = ROOT) -> Iterator[Path]:
    """A worktree of a commit, which is removed whatever happens, and whoever presses Ctrl+C meanwhile."""
    place = folder / "before"
    try:
        git("worktree", "add", "--quiet", "--detach", str(place), revision, root=root)
        yield place
    finally:
        before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            # Twice: once for changes in it, and once more for one that was interrupted while it was made.
            remove = ["git", "-C", str(root), "worktree", "remove", "--force", "--force", str(place)]
            subprocess.run(remove, capture_output=True, check=False)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def python_for(checkout: Path, folder: Path, python: Path | None = None) -> Path:
    """A Python that runs a checkout's server with what its lock names: this checkout's, or the one given.

    Args:
        checkout: whose server it runs.
        folder: where an environment can be made.
        python: which Python; without one, this checkout's or, for another lock, what the other's own scripts/venv takes.

    """
    own = ROOT / ".venv" / "bin" / "python"
    if python is None and checkout == ROOT:
        return own
    has_same_lock = (checkout / LOCK).exists() and (checkout / LOCK).read_bytes() == (ROOT / LOCK).read_bytes()
    if has_same_lock and (python is None or tag(python) == tag(own)):
        return linked(
            python or own, checkout, folder, ask(own, "import sysconfig; print(sysconfig.get_path('purelib'))")
        )
    if python is None:
        run([str(checkout / "scripts" / "venv")])
        return checkout / ".venv" / "bin" / "python"
    return installed(python, checkout, folder)


def linked(python: Path, checkout: Path, folder: Path, packages: str) -> Path:
    """An environment that has the checkout's source and, after it, the packages of another environment, but not what that one reads in turn."""
    run([str(python), "-m", "venv", "--without-pip", str(folder)])
    put_first(folder, f"{checkout / 'src'}\n{packages}\n")
    return folder / "bin" / "python"


def installed(python: Path, checkout: Path, folder: Path) -> Path:
    """An environment into which the checkout's lock is installed."""
    run([str(python), "-m", "venv", str(folder)])
    made = folder / "bin" / "python"
    run([str(made), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(checkout / LOCK)])
    put_first(folder, f"{checkout / 'src'}\n")
    return made


def put_first(environment: Path, paths: str) -> None:
    """Have an environment read these paths."""
    (place,) = environment.glob("lib/python*/site-packages")
    (place / "checkout.pth").write_text(paths, encoding="utf-8")


def tag(python: Path) -> str:
    """What decides whether a compiled package of one Python works with another."""
    return ask(python, "import sys; print(sys.implementation.cache_tag, sys.abiflags)")


def ask(python: Path, program: str) -> str:
    """What a Python prints."""
    return run([str(python), "-c", program]).strip()


def run(command: list[str]) -> str:
    """What a command prints; raise NoEnvironment with what it complains of if it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except OSError as error:
        raise NoEnvironment(f"{command[0]}: {error.strerror}") from error
    except subprocess.CalledProcessError as error:
        raise NoEnvironment(f"{' '.join(command)}:\n{error.stderr.strip()}") from error
