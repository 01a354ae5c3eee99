"""What is a failure of ours, and what is only said: a library's next release may warn of whatever it likes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from processes import ROOT

pytestmark = pytest.mark.slow

LIBRARY = """
import socket
import warnings
import trio

def warn_its_caller(category):
    warnings.warn("this will go", category, stacklevel=2)

def warn_in_its_own_name(category):
    warnings.warn("this will go", category)

def forget_a_socket():
    socket.socket()

def use_what_trio_will_drop():
    warnings.warn("use something else", trio.TrioDeprecationWarning, stacklevel=2)
"""

TESTS = """
import gc
import threading
import newest
import pytest

@pytest.mark.parametrize("category", [DeprecationWarning, PendingDeprecationWarning, FutureWarning, UserWarning, ImportWarning])
def test_theirs_about_our_call(category):
    newest.warn_its_caller(category)

@pytest.mark.parametrize("category", [DeprecationWarning, RuntimeWarning, ResourceWarning, SyntaxWarning, UnicodeWarning])
def test_theirs(category):
    newest.warn_in_its_own_name(category)

def test_theirs_by_trio():
    newest.use_what_trio_will_drop()

def test_theirs_is_not_closed():
    newest.forget_a_socket()

def test_ours_is_not_closed():
    def forget():
        import socket
        socket.socket()
    forget()
    gc.collect()

def test_ours_is_not_awaited():
    async def say():
        pass
    say()
    gc.collect()

def test_ours_raises_in_a_thread():
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()

def test_ours_raises_where_nobody_can_catch():
    class Bad:
        def __del__(self):
            raise ValueError
    Bad()

async def steps():
    yield 1
    yield 2

async def test_ours_is_not_exhausted():
    async for _ in steps():
        break
    gc.collect()
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Each test's outcome under this project's settings."""
    folder: Path = tmp_path_factory.mktemp("warnings")
    (folder / "newest.py").write_text(LIBRARY)
    (folder / "test_both.py").write_text(TESTS)
    settings = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(folder), "-p", "no:cacheprovider", "-v"]
    plugins = [
        "-p",
        "pytest_trio.plugin",
        "-p",
        "pytest_timeout",
    ]  # what the settings speak of; the others take seconds to import
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *settings, *plugins, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(folder), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    return dict(re.findall(r"::(test_\S+) (PASSED|FAILED|ERROR)", ran.stdout))


def test_what_a_library_warns_of_fails_no_test(outcomes: dict[str, str]) -> None:
    theirs = {name: outcome for name, outcome in outcomes.items() if name.startswith("test_theirs")}
    assert len(theirs) == 12
    assert set(theirs.values()) == {"PASSED"}, theirs


def test_what_our_own_code_leaves_behind_is_a_failure(outcomes: dict[str, str]) -> None:
    ours = {name: outcome for name, outcome in outcomes.items() if name.startswith("test_ours")}
    assert len(ours) == 5
    assert set(ours.values()) == {"FAILED"}, ours
