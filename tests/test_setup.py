"""scripts/venv with a pip that installs nothing: what is set up when, one at a time, and again where it was interrupted."""

import importlib.util
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import NamedTuple

import pytest

from processes import ROOT, TIMEOUT

pytestmark = pytest.mark.slow

SPEC = importlib.util.spec_from_file_location("interpreter", ROOT / "scripts" / "interpreter.py")
assert SPEC is not None
assert SPEC.loader is not None
INTERPRETER = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(INTERPRETER)

PIP = """
import os, sys, time
log = open(os.environ["PIP_LOG"], "a", buffering=1)
wanted = " ".join(word for word in sys.argv if word.endswith(".txt")) or "checkout"
log.write(f"begin {wanted}\\n")
if os.environ.get("PIP_USER") == "1" and "--no-user" not in sys.argv:
    sys.exit("ERROR: Can not perform a '--user' install.")
if os.environ.get("PIP_TARGET") and "--target=" not in sys.argv or "PIP_PREFIX" in os.environ or "PIP_CONSTRAINT" in os.environ:
    sys.exit("ERROR: This would be installed elsewhere.")
try:
    time.sleep(float(os.environ.get("PIP_SECONDS", "0")))
    print("Collecting trio==0.35.0")
    print("  Downloading trio-0.35.0-py3-none-any.whl.metadata (10 kB)")
    print("  Downloading trio-0.35.0-py3-none-any.whl (510 kB)")
    print("Processing /somewhere/idna-3.20-py3-none-any.whl", flush=True)
    if os.environ.get("PIP_FAILS"):
        sys.exit("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES")
finally:
    log.write(f"end {wanted}\\n")
"""


def command(file: Path, script: str) -> None:
    """Make a command of a shell's script."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


class Checkout:
    """A checkout with the real scripts, where pip only writes down what it was asked for."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        shutil.copytree(ROOT / "scripts", self.root / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
        for file in ("pyproject.toml", *(path.name for path in ROOT.glob("requirements*.txt"))):
            shutil.copy(ROOT / file, self.root)
        self.log = folder / "log"
        (folder / "fake" / "pip").mkdir(parents=True)
        (folder / "fake" / "pip" / "__init__.py").touch()
        (folder / "fake" / "pip" / "__main__.py").write_text(PIP)
        (folder / "fake" / "pip-99.0.dist-info").mkdir()
        (folder / "fake" / "pip-99.0.dist-info" / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: pip\nVersion: 99.0\n"
        )
        # The scripts look for python3.11 first: here it is the Python of the tests, and says that it is such as they look for.
        command(
            folder / "bin" / "python3.11",
            'case "$*" in "-I "*/interpreter.py) echo "CPython 3.11.9, built with PGO"; exit ;; esac\n'
            f'exec {shlex.quote(sys.executable)} "$@"',
        )
        self._environment = os.environ | {
            "PYTHONPATH": str(folder / "fake"),
            "PIP_LOG": str(self.log),
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        }

    def start(self, purpose: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["bash", self.root / "scripts" / "venv", purpose],
            stderr=subprocess.PIPE,
            text=True,
            env=self._environment | environment,
            start_new_session=True,
        )

    def set_up(self, purpose: str, **environment: str) -> tuple[int, str]:
        """The exit code, and what was said."""
        script = self.start(purpose, **environment)
        _, said = script.communicate(timeout=TIMEOUT)
        return script.returncode, said

    def taken(self) -> list[str]:
        """What pip was asked for since the last time."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines

    def wait_until_pip_works(self) -> None:
        end = time.monotonic() + TIMEOUT
        while not self.log.exists() or "begin" not in self.log.read_text():
            assert time.monotonic() < end
            time.sleep(0.02)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkout, Path]:
    """A checkout in which a server's environment has been set up, and a copy of it as it was then."""
    folder = tmp_path_factory.mktemp("served")
    checkout = Checkout(folder)
    assert checkout.set_up("server")[0] == 0
    shutil.copytree(checkout.root, folder / "kept", symlinks=True)
    return checkout, folder / "kept"


@pytest.fixture
def ready(served: tuple[Checkout, Path]) -> Checkout:
    """A checkout in which a server's environment has been set up. An environment knows its place, so it is the same one for all."""
    shared, kept = served
    checkout = copy(shared)
    shutil.rmtree(checkout.root, ignore_errors=True)
    shutil.copytree(kept, checkout.root, symlinks=True)
    checkout.taken()
    return checkout


def asked(checkout: Checkout, purpose: str) -> list[str]:
    """What setting up for a purpose asks pip for."""
    name = "requirements.txt" if purpose == "server" else f"requirements-{purpose}.txt"
    locks = f"{checkout.root / name} {checkout.root / 'requirements-build.txt'}"
    return [f"begin {locks}", f"end {locks}", "begin checkout", "end checkout"]


def test_each_step_is_one_line_with_its_seconds_and_what_was_downloaded(checkout: Checkout) -> None:
    code, said = checkout.set_up("server")
    assert code == 0
    first, *steps, last = said.splitlines()
    assert first == f"Setting up {checkout.root}/.venv with {INTERPRETER.in_words()}:"
    assert [re.sub(r" +\d+\.\d s", " 1.0 s", step) for step in steps] == [
        "  environment 1.0 s",
        "  requirements.txt 1.0 s  2 packages, 0.5 MB downloaded",
        "  this checkout 1.0 s",
    ]
    assert re.fullmatch(r"Set up in \d+ s\.", last)
    assert checkout.taken() == asked(checkout, "server")


class Found(NamedTuple):
    """A Python of this name, in the nth place where programs are looked for: what it says of itself, and its exit code."""

    place: int
    name: str
    version: str
    built: str = "without PGO"
    code: int = 0


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        ([Found(0, "python3.12", "3.12.1"), Found(1, "python3.11", "3.11.7")], "3.11.7"),
        ([Found(0, "python3.12", "3.12.1"), Found(0, "python3", "3.13.0")], "3.13.0"),
        ([Found(0, "python3.11", "3.11.7"), Found(0, "python3.13", "3.13.0", "with PGO")], "3.13.0"),
        ([Found(0, "python3.11", "3.11.7"), Found(1, "python3.11", "3.11.2", "with PGO")], "3.11.2"),
        ([Found(0, "python3.12", "3.12.1", "with PGO"), Found(1, "python3.11", "3.11.2", "with PGO")], "3.11.2"),
        ([Found(0, "python3.11", "3.11.2", "with PGO", code=1), Found(0, "python3.14", "3.14.0")], "3.14.0"),
        ([Found(0, "python3", "3.9.2", code=1)], None),
        ([], None),
    ],
)
def test_one_built_with_pgo_is_taken_before_3_11_and_3_11_before_others(
    checkout: Checkout, tmp_path: Path, there: list[Found], chosen: str | None
) -> None:
    for python in there:
        says = f"CPython {python.version}, built {python.built}"
        command(
            tmp_path / f"place {python.place}" / python.name,
            f'case "$*" in "-I "*/interpreter.py) echo "{says}"; exit {python.code} ;; esac; echo {python.version} >&2',
        )
    for tool in ("bash", "cat", "cmp", "dirname", "readlink"):
        command(tmp_path / "tools" / tool, f'exec {shutil.which(tool)} "$@"')
    path = ":".join(str(tmp_path / name) for name in ("place 0", "place 1", "tools"))
    code, said = checkout.set_up("server", PATH=path)
    if chosen:
        assert (code, said) == (0, f"{chosen}\n")
    else:
        assert code == 1
        assert said.startswith("Python 3.11 or newer is needed, with its venv (on Debian: apt install python3-venv)")


TEMPLATE = "-fprofile-use -fprofile-correction"


@pytest.mark.parametrize(
    ("arguments", "taking", "using", "is_built_with_pgo"),
    [
        pytest.param("'--enable-optimizations' '--with-lto'", "-fprofile-generate", TEMPLATE, True, id="asked for"),
        pytest.param("'--enable-shared'", "-fprofile-generate", TEMPLATE, False, id="not asked for"),
        pytest.param("'--enable-shared' '--prefix=/usr'", "-fprofile-generate", "", True, id="Debian's"),
        pytest.param("", "", "", False, id="by a compiler without it"),
        pytest.param(None, None, None, False, id="without a configure"),
    ],
)
def test_how_a_python_was_built_is_read_from_what_it_was_configured_with(
    monkeypatch: pytest.MonkeyPatch,
    arguments: str | None,
    taking: str | None,
    using: str | None,
    is_built_with_pgo: bool,
) -> None:
    known = {"CONFIG_ARGS": arguments, "PGO_PROF_GEN_FLAG": taking, "PGO_PROF_USE_FLAG": using}
    monkeypatch.setattr(sysconfig, "get_config_vars", lambda *names: [known[name] for name in names])
    assert INTERPRETER.is_built_with_pgo() is is_built_with_pgo
    assert INTERPRETER.in_words().endswith(f"built {'with' if is_built_with_pgo else 'without'} PGO")


def test_what_is_set_up_is_not_set_up_again_nor_said(ready: Checkout) -> None:
    assert ready.set_up("server") == (0, "")
    assert ready.taken() == []


def test_a_wider_purpose_is_added_and_serves_the_narrower_ones(ready: Checkout) -> None:
    (ready.root / ".venv" / "here before").touch()
    assert ready.set_up("dev")[0] == 0
    assert ready.taken() == asked(ready, "dev")
    assert ready.set_up("tui") == ready.set_up("server") == (0, "")
    assert (ready.root / ".venv" / "here before").exists(), "a server may be running in it"


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-build.txt", "pyproject.toml"])
def test_another_lock_is_installed(ready: Checkout, file: str) -> None:
    with (ready.root / file).open("a") as opened:
        opened.write("# changed\n")
    assert ready.set_up("server")[0] == 0
    assert ready.taken() == asked(ready, "server")


def test_scripts_that_start_at_once_set_up_one_after_the_other_and_once(checkout: Checkout) -> None:
    scripts = [checkout.start(purpose, PIP_SECONDS="0.3") for purpose in ("server", "tui", "server")]
    said = [script.communicate(timeout=TIMEOUT)[1] for script in scripts]
    assert [script.returncode for script in scripts] == [0, 0, 0]
    assert sum("waiting for it" in words for words in said) == 2
    taken = checkout.taken()
    assert all(end == begin.replace("begin", "end") for begin, end in zip(taken[::2], taken[1::2], strict=True)), taken
    assert len(set(taken[::2])) <= 3
    assert taken.count(asked(checkout, "server")[0]) <= 1
    assert taken.count(asked(checkout, "tui")[0]) == 1


def test_what_was_interrupted_is_made_anew_by_the_next_start(checkout: Checkout) -> None:
    script = checkout.start("server", PIP_SECONDS="60")
    checkout.wait_until_pip_works()
    os.killpg(script.pid, signal.SIGKILL)
    script.communicate(timeout=TIMEOUT)
    (checkout.root / ".venv" / "half a package").touch()
    checkout.taken()
    code, said = checkout.set_up("server")
    assert code == 0
    assert "  environment " in said
    assert checkout.taken() == asked(checkout, "server")
    assert not (checkout.root / ".venv" / "half a package").exists()


def test_pip_that_outlives_a_killed_script_keeps_the_next_start_waiting(checkout: Checkout) -> None:
    script = checkout.start("server", PIP_SECONDS="1")
    checkout.wait_until_pip_works()
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            if f"{checkout.root}/scripts/venv" in command.read_text() and "\0pip\0" not in command.read_text():
                os.kill(int(command.parent.name), signal.SIGKILL)
    assert checkout.set_up("server")[0] == 0
    script.communicate(timeout=TIMEOUT)
    taken = checkout.taken()
    assert taken == [*asked(checkout, "server")[:2], *asked(checkout, "server")], "one after the other"


def test_a_checkout_that_was_moved_gets_an_environment_for_its_new_place(ready: Checkout, tmp_path: Path) -> None:
    ready.root = ready.root.rename(tmp_path / "elsewhere")
    assert "  environment " in ready.set_up("server")[1]
    assert ready.taken() == asked(ready, "server")


def test_an_environment_without_its_python_is_made_anew(ready: Checkout) -> None:
    (ready.root / ".venv" / "bin" / "python").unlink()
    assert "  environment " in ready.set_up("server")[1]
    assert ready.set_up("server") == (0, "")


def test_a_failure_is_told_with_pip_s_words_and_tried_again(checkout: Checkout) -> None:
    code, said = checkout.set_up("server", PIP_FAILS="1")
    assert code == 1
    assert "DO NOT MATCH THE HASHES" in said
    assert said.endswith("Setting up failed; the next start tries again.\n")
    assert checkout.set_up("server")[0] == 0


def test_where_nothing_can_be_made_that_is_told_in_a_sentence(checkout: Checkout) -> None:
    (checkout.root / ".venv").touch()
    code, said = checkout.set_up("server")
    assert code == 1
    assert said.endswith(f"{checkout.root}/.venv: File exists\nSetting up failed; the next start tries again.\n")
    (checkout.root / ".venv").unlink()
    assert checkout.set_up("server")[0] == 0


def test_pip_s_habits_elsewhere_are_no_matter_here(checkout: Checkout) -> None:
    assert (
        checkout.set_up("server", PIP_USER="1", PIP_TARGET="/opt/mine", PIP_PREFIX="/opt", PIP_CONSTRAINT="x")[0] == 0
    )


def test_a_purpose_that_does_not_exist_makes_nothing(checkout: Checkout) -> None:
    assert checkout.set_up("sever") == (2, "scripts/venv [server | tui | dev]: there is no sever.\n")
    assert not (checkout.root / ".venv").exists()


def test_the_scripts_find_their_checkout_through_a_link_and_whatever_cd_is_told_to_search(
    ready: Checkout, tmp_path: Path
) -> None:
    server = ready.root / ".venv" / "bin" / "chat-server"
    server.write_text('#!/bin/sh\necho "$CHAT_SERVER_COMMAND" "$CHAT_TUI_COMMAND"\n')
    server.chmod(0o755)
    (tmp_path / "elsewhere" / "scripts").mkdir(parents=True)
    link = tmp_path / "serve"
    link.symlink_to(ready.root / "scripts" / "serve")
    environment = os.environ | {"CDPATH": f".:{tmp_path / 'elsewhere'}"}
    for typed, folder in ((link, f"{ready.root}/scripts"), ("scripts/serve", "scripts")):
        done = subprocess.run(
            ["bash", typed],
            cwd=ready.root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert (done.stdout, done.stderr) == (f"{folder}/serve {folder}/tui\n", "")
