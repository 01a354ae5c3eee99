"""What holds for every test, wherever it runs."""

import gc
import inspect
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import canary
from chat_tui import language

# Where a run decides about a change, each property is tried with this many examples, the same twice. Elsewhere fewer do: each run looks at
# others, and whoever waits for the tests runs them more often. A test that wants more or less than the others says so as a multiple of
# settings().max_examples.
EXAMPLES_IN_CI = 100
EXAMPLES = 20

# How long an example takes says how busy the machine is, and nothing of the code: no deadline, no check of speed, nor of what chance brought
# before a slow start was over.
settings.register_profile(
    "ours",
    deadline=None,
    max_examples=EXAMPLES_IN_CI if "CI" in os.environ else EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    print_blob=True,
    derandomize="CI" in os.environ,
)
settings.load_profile("ours")

# A shell starts what it runs in the background deaf to Ctrl+C, and so is whatever that starts. Programs that are tested must hear it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Nobody's own keyring gets the tokens of tests. Those that are about a keyring have one of their own.
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"

# The programs speak English in tests, whatever the developer speaks.
os.environ["LANGUAGE"] = "C"

# Programs that are started without a word about it keep nothing in the developer's own folders, nor find what was kept there: a certificate, say,
# that was trusted at a port which another server has now.
_own_folders = tempfile.TemporaryDirectory(prefix="chat-tests-")
for _folder in ("CONFIG", "DATA", "STATE"):
    os.environ[f"XDG_{_folder}_HOME"] = os.path.join(_own_folders.name, _folder.lower())

pytest_plugins = ["postgresql"]

_START = time.monotonic()


def pytest_configure(config: pytest.Config) -> None:
    """A worker tells once of a test that has passed, not of its beginning, set-up, end and the rest: half of what an empty test costs."""
    asked = config.option
    if asked.verbose > 0 or asked.durations is not None or asked.xmlpath:
        return
    for worker in config.pluginmanager.get_plugins():
        if type(worker).__name__ == "WorkerInteractor":
            worker.sendevent = partial(_tell_if_it_matters, worker.sendevent)


def _tell_if_it_matters(tell: Callable[..., None], event: str, **told: Any) -> None:
    if event == "testreport":
        report = told["data"]
        matters = report["when"] == "call" or report["outcome"] != "passed"
    else:
        matters = event not in {"logstart", "logfinish"}
    if matters:
        tell(event, **told)


VIRTUAL = {"autojump_clock", "wall_clock"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no worker is left alone with it at the end.

    Who wants virtual time must have the clock as an argument: pytest-trio looks for it there alone, and else the test runs in real time.
    """
    for item in items:
        if isinstance(item, pytest.Function) and item.get_closest_marker("trio") and VIRTUAL & {*item.fixturenames}:
            assert "autojump_clock" in inspect.signature(item.function).parameters, (
                f"{item.nodeid} has no virtual clock"
            )
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish() -> None:
    """What has been imported stays to the end: the collector need not look through it again in every test."""
    gc.collect()
    gc.freeze()


LOGGED_TRACEBACK = "\n    Traceback (most recent call last):"
"""How logs.py tells what went wrong in a step and was kept from the steps after it."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """No password is in what a test, or whatever it has started, has written, and nothing in its log that does not belong there; and nothing has
    gone wrong that it does not look for.
    """
    report = yield
    if any(canary.PASSWORD in text for _, text in report.sections):
        report.outcome, report.longrepr = "failed", f"a password is in what {report.nodeid} has written"
    if any("stderr" in name and canary.in_log(text) for name, text in report.sections):
        report.outcome, report.longrepr = (
            "failed",
            f"what somebody has said, or a secret, is in the log of {report.nodeid}",
        )
    may_go_wrong = item.get_closest_marker("goes_wrong") is not None
    if (
        report.when == "call"
        and report.passed
        and not may_go_wrong
        and any(LOGGED_TRACEBACK in text for _, text in report.sections)
    ):
        report.outcome, report.longrepr = "failed", f"something went wrong in {report.nodeid} and was logged"
    return report


@pytest.fixture(scope="session", autouse=True)
def _no_password_is_in_any_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No password is in what tests have left in their folders."""
    yield
    assert canary.files_with(tmp_path_factory.getbasetemp()) == []


@pytest.fixture(autouse=True)
def _english_is_spoken() -> Iterator[None]:
    """What one test has chat-tui speak, the next one does not."""
    yield
    language.begin("", os.environ)


@pytest.fixture
def wall_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's clock runs as Trio's does, in virtual time."""
    if request.node.get_closest_marker("trio"):
        clock = request.getfixturevalue("autojump_clock")
        monkeypatch.setattr(time, "time", lambda: 1_764_300_000 + clock.current_time())


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out and why, file by file, and how long it took."""
    left_out: dict[str, Counter[str]] = {}
    for report in terminalreporter.getreports("skipped"):
        _, _, why = report.longrepr
        left_out.setdefault(why.removeprefix("Skipped: "), Counter())[report.nodeid.partition("::")[0]] += 1
    for why, files in left_out.items():
        tests = ", ".join(f"{count} of {file}" for file, count in sorted(files.items()))
        terminalreporter.write_line(f"Left out: {tests}. {why}")
    terminalreporter.write_line(f"The tests took {time.monotonic() - _START:.0f} s.")
