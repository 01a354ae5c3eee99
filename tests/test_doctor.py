"""`chat-server doctor`: what it finds at servers that are well and at such as are not, with what to do; and that looking harms nothing."""

import json
import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat_server import systemctl
from chat_server.config import BackupTable, Config, JournalTable, ProxyTable, ServerTable
from chat_server.doctor import Finding, State, keeping, machine, running
from chat_server.journal.engines import engine_named
from chat_server.journal.sqlite.schema import APPLICATION_ID
from processes import TIMEOUT, ServerProcess, running_server

EXPECTED = {0: {"good", "note"}, 1: {"good", "note", "warning"}, 2: {"good", "note", "warning", "must"}}


@pytest.fixture
def anywhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with settings of a server for which any port will do, whatever else runs on this machine."""
    file = tmp_path_factory.mktemp("settings") / "chat.toml"
    file.write_text("[server]\nport = 0\n")
    return file


def doctor(*flags: object) -> tuple[int, list[dict[str, str]]]:
    """What it finds, as it tells programs, and its exit code."""
    command = [sys.executable, "-m", "chat_server", "doctor", "--json", *map(str, flags)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT)
    assert done.stderr == ""
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert {one["state"] for one in found} <= EXPECTED[done.returncode]
    return done.returncode, found


def about(what: str, found: list[dict[str, str]]) -> dict[str, str]:
    (one,) = [one for one in found if one["about"] == what]
    return one


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[ServerProcess, Path, Path]]:
    """A server, its data directory, and a file with its settings."""
    data, file = tmp_path / "data", tmp_path / "chat.toml"
    with running_server(data=data) as started:
        started.wait_for_log("the certificate of TLS is")
        file.write_text(f"[server]\nport = {started.port}\n")
        yield started, data, file


@pytest.fixture
def for_all() -> Iterator[Path]:
    """A directory that everybody can reach; those of pytest only their owner can."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_where_all_is_well_it_says_so_of_each_thing_and_there_is_nothing_to_do(
    server: tuple[ServerProcess, Path, Path],
) -> None:
    _, data, file = server
    copying = [sys.executable, "-m", "chat_server", "backup", "--keep", "2", "--data", str(data)]
    subprocess.run(copying, check=True, capture_output=True)
    code, found = doctor("--config", file, "--data", data)
    assert code == 0, found
    for what in ("program", "settings", "disk", "journal", "clock", "certificate", "backups", "server", "port"):
        assert about(what, found)["state"] == "good", found
    assert all(not one["do"] for one in found if one["state"] == "good")


def test_who_sits_at_a_terminal_reads_a_line_for_each_and_what_to_do_below_it(tmp_path: Path, anywhere: Path) -> None:
    command = [sys.executable, "-m", "chat_server", "doctor", "--config", str(anywhere), "--data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith("warning  server: no server is running there"))
    assert lines[at + 1] == "         → start it; its log says why, if it does not stay"


def test_settings_that_cannot_be_used_are_the_one_thing_to_be_done(tmp_path: Path) -> None:
    file = tmp_path / "chat.toml"
    file.write_text("[server]\nprot = 5000\n")
    code, found = doctor("--config", file)
    assert code == 2
    assert "prot" in about("settings", found)["sentence"]
    assert [one["about"] for one in found] == ["program", "settings"]


def test_what_a_start_would_meet_is_found_by_the_same_eyes(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        file = tmp_path / "chat.toml"
        file.write_text(f"[server]\nport = {other.getsockname()[1]}\n")
        code, found = doctor("--config", file, "--data", tmp_path / "data")
    assert code == 2
    assert "another program listens there" in about("settings", found)["sentence"]


def test_a_damaged_journal_is_found_and_a_copy_is_what_helps(tmp_path: Path) -> None:
    with running_server(data=tmp_path) as started:
        assert started.stop() == 0
    journal = tmp_path / "journal.db"
    content = bytearray(journal.read_bytes())
    for page in range(4096, len(content), 8192):
        content[page : page + 64] = b"\xff" * 64
    journal.write_bytes(content)
    code, found = doctor("--data", tmp_path)
    assert code == 2
    assert "restore" in about("journal", found)["do"]


def test_a_journal_that_takes_long_is_left_when_the_time_is_over(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with sqlite3.connect(tmp_path / "data" / "journal.db") as database:
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute(
            "CREATE TABLE t AS WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n LIMIT 300000) SELECT i FROM n"
        )
        database.execute("CREATE INDEX i ON t(i)")
    database.close()
    settings = JournalTable(directory=str(tmp_path / "data"))
    start = time.monotonic()
    assert engine_named("sqlite").quick_look(settings, 0.0) == ""
    assert time.monotonic() - start < 5


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can look as somebody else")
@pytest.mark.parametrize("above", ["open", "private"])
def test_root_looks_as_the_one_whose_directory_it_is_and_leaves_nothing_that_is_roots(
    for_all: Path, above: str
) -> None:
    """Or as root, where the owner does not come there, as in /var/lib/private."""
    (for_all / above).mkdir(mode=0o755 if above == "open" else 0o700)
    data = for_all / above / "data"
    with running_server(data=data) as started:
        started.kill()  # files of an unfinished day are left
    for path in (data, *data.rglob("*")):
        os.chown(path, 65534, 65534)
    _, found = doctor("--data", data)
    assert about("journal", found)["state"] == "good"
    assert {path.stat().st_uid for path in (data, *data.rglob("*"))} == {65534}
    (data / "journal.db-wal").touch()
    os.chown(data / "journal.db-wal", 0, 0)
    code, found = doctor("--data", data)
    assert code == 2
    assert any("not everything belongs to" in one["sentence"] and "journal.db-wal" in one["sentence"] for one in found)


@pytest.mark.parametrize(
    ("days", "every", "state"), [(3, "", State.GOOD), (8, "", State.WARNING), (3, "24h", State.WARNING)]
)
def test_a_copy_is_old_after_a_week_or_two_of_the_times_that_were_chosen(
    tmp_path: Path, days: int, every: str, state: State
) -> None:
    now = 1_800_000_000.0
    made = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now - days * 86400))
    (tmp_path / f"chat-000001-{made}.db").write_bytes(b"SQLite format 3\0".ljust(68, b"\0") + b"chat")
    config = Config(backup=BackupTable(directory=str(tmp_path), every=every))
    (found,) = keeping.backups(config, tmp_path, now)
    assert (found.state, f"{days} days old" in found.sentence) == (state, True)


def test_who_has_chosen_copies_already_is_not_told_to_choose_them(tmp_path: Path) -> None:
    (chosen,) = keeping.backups(Config(backup=BackupTable(every="24h")), tmp_path, 0.0)
    (other,) = keeping.backups(Config(), tmp_path, 0.0)
    assert chosen.state == other.state == State.WARNING
    assert "[backup]" in other.do
    assert "[backup]" not in chosen.do


def test_files_from_the_future_tell_that_the_clock_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "journal.db").touch()
    assert machine.clock(tmp_path, time.time()).state == State.GOOD
    assert machine.clock(tmp_path, time.time() - 86400).state == State.MUST


@pytest.mark.parametrize(
    ("hard", "state"),
    [(resource.RLIM_INFINITY, State.GOOD), (65536, State.GOOD), (4096, State.WARNING), (256, State.MUST)],
)
def test_a_limit_on_open_files_that_is_too_low_is_told_with_how_many_fit(
    monkeypatch: pytest.MonkeyPatch, hard: int, state: State
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (hard, hard))
    assert machine.files(10000).state == state


@pytest.mark.parametrize(
    ("enabled", "active", "state"),
    [
        ("enabled", "active", State.GOOD),
        ("disabled", "inactive", State.WARNING),
        ("enabled", "failed", State.MUST),
        ("", "inactive", State.NOTE),
    ],
)
def test_the_unit_is_asked_for_where_systemd_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, enabled: str, active: str, state: State
) -> None:
    fake = tmp_path / "systemctl"
    fake.write_text(
        f'#!/bin/sh\n[ "$2" = chat-server.service ] || exit 9\ncase $1 in is-enabled) echo {enabled} ;; *) echo {active} ;; esac\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(systemctl, "SYSTEMD", tmp_path)
    (found,) = machine.service()
    assert found.state == state


def test_the_disk_is_scarce_before_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def on_disk(free: int) -> Finding:
        disk = os.statvfs_result((4096, 4096, 10**9, free // 4096, free // 4096, 1, 1, 1, 0, 255))
        monkeypatch.setattr(os, "statvfs", lambda _: disk)
        (found,) = [found for found in keeping.directory(tmp_path) if found.about == "disk"]
        return found

    assert [on_disk(free).state for free in (2**40, 2**29, 2**20)] == [State.GOOD, State.WARNING, State.MUST]


def test_a_port_where_somebody_else_sits_in_silence_is_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "PATIENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as other:
        config = Config(server=ServerTable(host="0.0.0.0", port=other.getsockname()[1]))  # noqa: S104 - it is asked
        assert running.port(config).state == State.MUST
    assert running.port(config).state == State.WARNING
    trusting = Config(server=config.server, proxy=ProxyTable(trusted=["127.0.0.0/8"]))
    assert running.port(trusting).state == State.NOTE


def test_what_is_not_installed_is_told_with_how_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "find_spec", lambda _: None)
    found = {one.sentence for one in machine.extras(Config())}
    assert len(found) == len(machine.EXTRAS)
    assert all("is not installed" in sentence for sentence in found)


def test_where_nothing_is_kept_yet_nothing_is_called_whole_and_no_copies_are_missed_and_nothing_is_made(
    tmp_path: Path, anywhere: Path
) -> None:
    code, found = doctor("--config", anywhere, "--data", tmp_path / "none")
    assert code == 1, "no server runs there"
    assert about("journal", found)["state"] == "note"
    assert all(one["about"] != "backups" for one in found)
    assert not (tmp_path / "none").exists()
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize(
    ("settings", "states"),
    [
        ("", {"good": "a server can start with these settings"}),
        ("host = '0.0.0.0'\n[tls]\nrequire = 'none'\n", {"warning": "their passwords go over lines"}),
        (
            "\n[tls]\ncertificate = 'credential:a.pem'\n",
            {"note": "was not looked at", "good": "but for that, a server can start"},
        ),
        ("\n[tls]\ncertificate = '/none/a.pem'\n", {"must": "cannot read /none/a.pem"}),
    ],
    ids=["good", "dangerous", "unseen", "impossible"],
)
def test_settings_are_not_called_good_beside_a_warning_of_them(
    anywhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: str, states: dict[str, str]
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    anywhere.write_text(f"[server]\nport = 0\n{settings}")
    _, found = doctor("--config", anywhere, "--data", tmp_path)
    told = {one["state"]: one["sentence"] for one in found if one["about"] == "settings"}
    assert told.keys() == states.keys()
    assert all(part in told[state] for state, part in states.items())
