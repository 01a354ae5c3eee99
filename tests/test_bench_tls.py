"""The benchmark of TLS runs, and says whether what is promised is kept."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "scripts" / "bench_tls.py"


def run(*flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--connections", "5", "--rounds", "1", "--runs", "1", *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)


@pytest.mark.slow
def test_it_measures_sends_memory_and_delays_and_prints_a_row_for_each() -> None:
    done = run("--seconds", "1")
    assert (done.returncode, done.stderr) == (0, "")
    rows = done.stdout.splitlines()
    assert [re.sub(r"\d[\d.]*|nan", "N", row[:36]).strip() for row in rows] == [
        "a send of N bytes by itself, plain",
        "with TLS",
        "a send of N bytes in a room, plain",
        "with TLS",
        "a connection after N KiB, plain",
        "with TLS",
        "nobody attacks",
        "N hellos/s from one network",
        "N hellos/s from N networks",
    ]
    assert all(re.search(r"at most .*: (yes|NO)$", rows[number]) for number in (3, 5, 7))
    assert not re.search(r"\bnan\b", done.stdout), "innocents have talked in every phase"


def test_a_process_of_its_own_measures_one_kind(tmp_path: Path) -> None:
    files = tmp_path / "certificate.pem", tmp_path / "key.pem"
    making = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-batch"]
    out = ["-subj", "/CN=localhost", "-out", str(files[0]), "-keyout", str(files[1])]
    subprocess.run([*making, *out], check=True, capture_output=True)
    command = [sys.executable, str(SCRIPT), "costs", "TLS", *map(str, files), "3", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    *sends, memory = json.loads(done.stdout)
    assert all(0 < send < 10_000 for send in sends)
    assert -1000 < memory < 10_000
