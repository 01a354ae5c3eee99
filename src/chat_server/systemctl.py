"""What systemd says of its units, where it runs. Blocks, for `PATIENCE` at most. Knows systemd's own program; never knows why somebody asks."""

import subprocess
from pathlib import Path

SYSTEMD = Path("/run/systemd/system")
"""It is there where systemd runs (sd_booted(3))."""

PATIENCE = 10.0
"""Seconds that systemd has to answer."""


def runs() -> bool:
    """Whether systemd runs here."""
    return SYSTEMD.is_dir()


def asked(question: str, unit: str) -> str:
    """What it answers: `is-active`, `is-enabled`. Empty where it does not run, or does not answer."""
    if not runs():
        return ""
    try:
        done = subprocess.run(  # noqa: S603 - these words are our own
            ["systemctl", question, unit],  # noqa: S607 - wherever the system has it
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
