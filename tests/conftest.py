"""What holds for every test, wherever it runs."""

import os
import signal
import time

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, and nothing of the code: no deadline, no check of speed, nor of what chance brought
# before a slow start was over. Where a run decides about a change it must come out the same twice; elsewhere each run looks further.
settings.register_profile(
    "ours",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    print_blob=True,
    derandomize="CI" in os.environ,
)
settings.load_profile("ours")

# A shell starts what it runs in the background deaf to Ctrl+C, and so is whatever that starts. Programs that are tested must hear it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_START = time.monotonic()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no worker is left alone with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how long it took, on a line of its own."""
    terminalreporter.write_line(f"The tests took {time.monotonic() - _START:.0f} s.")
