"""scripts/bench-journal still finds what it waits for, in a journal of few lines."""

import subprocess
import sys
from pathlib import Path

import pytest

from processes import TIMEOUT

SCRIPT = Path(__file__).parent.parent / "scripts" / "bench_journal.py"


@pytest.mark.slow
def test_everything_that_is_measured_is_answered() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "300"], capture_output=True, text=True, timeout=4 * TIMEOUT, check=False
    )
    assert done.returncode == 0, done.stderr
    measured = [line.partition(":")[0] for line in done.stdout.splitlines()]
    assert {"start to listening", "a page by number", "a page by day", "the index is level after", "backup"} <= {
        *measured
    }
    assert len([what for what in measured if what.startswith("/search")]) == 16
