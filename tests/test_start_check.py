"""What `--check-config` finds: everything that a start would meet, each as a sentence with what to do; and that it changes nothing."""

import os
import socket
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chat_server import systemctl
from chat_server.config import (
    AccountsTable,
    BackupTable,
    Config,
    JournalTable,
    MetricsTable,
    ProxyTable,
    ServerTable,
    TlsTable,
)
from chat_server.journal.sqlite.schema import APPLICATION_ID
from chat_server.server import self_signed, start_check
from chat_server.server.certificates import OWN_FILE
from chat_server.server.start_check import look
from pairs import Pair
from processes import TIMEOUT, running_server

NOW = time.time()
LATER = datetime.now(UTC) + timedelta(days=300)


def found(data: Path, **tables: Any) -> list[tuple[bool, str]]:
    config = Config(journal=JournalTable(directory=str(data)), **({"server": ServerTable(port=0)} | tables))
    return [(one.is_error, one.sentence) for one in look(config, NOW)]


def only(data: Path, **tables: Any) -> tuple[bool, str]:
    (one,) = found(data, **tables)
    return one


def listing(folder: Path) -> list[tuple[str, int, int]]:
    return sorted((str(path), path.lstat().st_mtime_ns, path.lstat().st_size) for path in folder.rglob("*"))


def test_where_all_is_well_nothing_is_found_and_nothing_is_made(tmp_path: Path) -> None:
    assert found(tmp_path / "not" / "there") == []
    assert listing(tmp_path) == []


def test_what_systemd_hands_to_the_service_alone_is_no_error_for_who_checks_from_a_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = TlsTable(certificate="credential:fullchain.pem", key="credential:privkey.pem")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert not only(tmp_path, tls=table)[0]
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert only(tmp_path, tls=table)[0], "the service itself looks, and none is there"


def test_it_changes_nothing_beside_a_journal_that_is_there(tmp_path: Path) -> None:
    with running_server(data=tmp_path / "data") as server:
        server.wait_for_log("the certificate of TLS is")
        assert server.stop() == 0
    before = listing(tmp_path)
    assert found(tmp_path / "data") == []
    assert listing(tmp_path) == before


def test_a_running_server_is_no_error_so_that_a_reload_can_be_checked_before(tmp_path: Path) -> None:
    file = tmp_path / "chat.toml"
    other = socket.create_server(("127.0.0.1", 0))
    metrics = f"127.0.0.1:{other.getsockname()[1]}"
    with running_server(data=tmp_path / "data") as server:
        file.write_text(f"[server]\nport = {server.port}\n[metrics]\nlisten = '{metrics}'\n")
        done = check(file, tmp_path / "data")
        assert (done.returncode, done.stdout) == (0, f"{file}: good\n")
        assert done.stderr.startswith(f"chat-server: note: a server is running in {tmp_path / 'data'}: ")
        assert server.stop() == 0
    with other, socket.create_server(("127.0.0.1", server.port)):
        done = check(file, tmp_path / "data")
    taken = "chat-server: cannot listen on {} ({}): Address already in use; another program listens there: stop it, or choose another port"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        taken.format(f"127.0.0.1:{server.port}", "[server] host, port"),
        taken.format(metrics, "[metrics] listen"),
    ]


def check(file: Path, data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "chat_server", "--check-config", "--config", str(file), "--data", str(data)],
        capture_output=True, text=True, timeout=TIMEOUT, check=False,
    )  # fmt: skip


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    file = tmp_path / "chat.toml"
    (tmp_path / "data").write_text("a file")
    file.write_text(
        "[tls]\ncertificate = '/nowhere/cert.pem'\n[server]\nhost = '/nowhere/socket'\n[proxy]\ntrusted = ['0.0.0.0/0']\n"
    )
    done = check(file, tmp_path / "data")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "chat-server: cannot read /nowhere/cert.pem: No such file or directory",
        f"chat-server: cannot use the data directory {tmp_path / 'data'}: {tmp_path / 'data'} is not a directory",
        "chat-server: cannot listen on /nowhere/socket ([server] host, port): /nowhere is not there",
        (
            'chat-server: warning: [proxy] trusted has "0.0.0.0/0": whoever connects from one of its 4294967296 addresses can pass for anybody;'
            " name the proxies' own addresses"
        ),
    ]


# --- the certificate


def named(folder: Path) -> TlsTable:
    return TlsTable(str(folder / "cert.pem"), str(folder / "key.pem"))


def test_a_key_that_everybody_may_read_and_an_end_that_is_near_are_warned_of(tmp_path: Path) -> None:
    Pair(ends=datetime.now(UTC) + timedelta(days=3)).write(tmp_path)
    (tmp_path / "key.pem").chmod(0o644)
    (soon, open_key) = found(tmp_path / "data", tls=named(tmp_path))
    assert soon[0] is open_key[0] is False
    assert "renew it" in soon[1]
    assert open_key[1] == f"everybody on this machine may read the key of TLS: chmod 600 {tmp_path / 'key.pem'}"


def test_a_pair_that_cannot_be_used_is_an_error_and_the_servers_own_a_warning(tmp_path: Path) -> None:
    Pair(ends=LATER).write(tmp_path)
    (tmp_path / "key.pem").write_bytes(Pair().key)
    assert only(tmp_path / "data", tls=named(tmp_path))[0]
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / OWN_FILE).write_text("nothing")
    is_error, sentence = only(tmp_path / "data")
    assert not is_error
    assert sentence.startswith("TLS would be off: ")


def test_where_nothing_can_make_one_tls_would_be_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(self_signed, "find_spec", lambda _: None)
    assert only(tmp_path / "data") == (
        False,
        "TLS would be off, for nothing here can make a certificate: install openssl",
    )


# --- the data directory


def test_a_journal_of_a_newer_release_is_seen_without_opening_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    with sqlite3.connect(data / "journal.db") as journal:
        journal.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        journal.execute("PRAGMA user_version = 12345")
    journal.close()
    assert only(data) == (
        True,
        f"{data / 'journal.db'} was made by a newer release of chat-server; this one cannot use it",
    )
    (data / "journal.db").write_text("my diary")
    assert only(data) == (
        True,
        f"{data / 'journal.db'} is no journal of chat-server: it is no database of SQLite, or its beginning is damaged",
    )


@pytest.mark.parametrize("of_whom", ["the directory", "the one above"])
def test_one_that_cannot_be_written_to_is_an_error(
    tmp_path: Path, of_whom: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    if of_whom == "the directory":
        data.mkdir(mode=0o700)
    monkeypatch.setattr(os, "access", lambda *_: False)  # nobody refuses root anything
    is_error, sentence = only(data)
    assert is_error
    assert "ask as the server's own user" in sentence


def test_one_that_everybody_may_look_into_is_warned_of(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o755)
    assert only(data) == (False, f"everybody on this machine may look into the data directory: chmod 700 {data}")


def test_a_directory_in_which_no_copies_can_be_made_is_warned_of(tmp_path: Path) -> None:
    data, there = tmp_path / "data", tmp_path / "backups"
    assert found(data, backup=BackupTable("24h")) == []
    data.mkdir(mode=0o700)
    assert found(data, backup=BackupTable("24h")) == found(data, backup=BackupTable("24h", directory=str(there))) == []
    assert only(data, backup=BackupTable("24h", directory=str(there / "more"))) == (
        False,
        f"no copies can be made ([backup] directory): there is no directory {there}",
    )
    there.write_text("a file")
    assert only(data, backup=BackupTable("24h", directory=str(there)))[1].endswith(f"there is no directory {there}")


@pytest.mark.parametrize(
    ("kind", "is_told"), [("nfs4", True), ("fuse.sshfs", True), ("cifs", True), ("ext4", False), ("fuseblk", False)]
)
def test_a_disk_of_another_machine_is_warned_of(
    tmp_path: Path, kind: str, *, is_told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts, place = tmp_path / "mounts", tmp_path / "a place"
    place.mkdir()
    written = str(place).replace(" ", "\\040")
    mounts.write_text(f"/dev/a / ext4 rw 0 0\nsrv:/x {written} {kind} rw 0 0\n")
    monkeypatch.setattr(start_check, "MOUNTS", mounts)
    assert [f"({kind})" in sentence for _, sentence in found(place / "data")] == [True] * is_told
    assert found(tmp_path / "beside") == []


# --- the ports


def test_two_cannot_listen_at_one_port_and_a_unix_socket_has_none(tmp_path: Path) -> None:
    (twice,) = found(tmp_path, server=ServerTable(port=6123), tls=TlsTable(port=6123))
    assert twice[1].startswith("[tls] port is 6123, as [server] port is")
    errors = found(tmp_path, server=ServerTable(host=str(tmp_path / "socket")), tls=TlsTable(port=6123))
    assert [sentence for _, sentence in errors] == [
        "[tls] port needs an address to listen on, and [server] host is a Unix socket"
    ]


@pytest.mark.parametrize(
    ("host", "listen", "meet"),
    [
        ("127.0.0.1", "127.0.0.1:{}", True),
        ("localhost", "127.0.0.1:{}", True),
        ("0.0.0.0", "127.0.0.1:{}", True),  # noqa: S104 - nothing listens
        ("127.0.0.2", "127.0.0.1:{}", False),
    ],
)
def test_the_port_of_callers_is_none_for_metrics(tmp_path: Path, host: str, listen: str, *, meet: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    metrics = MetricsTable(listen=listen.format(port))
    errors = [
        sentence
        for is_error, sentence in found(tmp_path, server=ServerTable(host=host, port=port), metrics=metrics)
        if is_error
    ]
    said = f"[metrics] listen is {metrics.listen}, where callers come in: give it a port of its own"
    assert errors == ([said] if meet else [])


@pytest.mark.parametrize(("said", "is_error"), [("active", False), ("inactive", True)])
def test_a_port_that_systemd_has_for_the_service_is_not_in_its_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, *, is_error: bool
) -> None:
    fake = tmp_path / "systemctl"
    fake.write_text(f'#!/bin/sh\n[ "$*" = "is-active chat-server.socket" ] && echo {said}\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(systemctl, "SYSTEMD", tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert only(tmp_path / "data", server=ServerTable(port=other.getsockname()[1]))[0] is is_error


def test_a_unix_socket_is_free_where_nobody_answers(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    at = ServerTable(host=str(path))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        assert only(tmp_path / "data", server=at)[1].endswith("another program listens there")
    assert found(tmp_path / "data", server=at) == [], "a server that was killed has left it"
    path.unlink()
    path.write_text("")
    assert only(tmp_path / "data", server=at)[1].endswith("there is a file already that is no socket")
    assert found(tmp_path / "data", metrics=MetricsTable(str(tmp_path / "metrics"))) == []


def test_a_name_that_is_nobodys_is_an_error(tmp_path: Path) -> None:
    is_error, sentence = only(tmp_path, server=ServerTable(host="192.0.2.77", port=0))
    assert is_error
    assert "this machine has no such address" in sentence


# --- what is dangerous


def test_lines_on_which_anybody_can_read_are_warned_of_where_others_come_in(tmp_path: Path) -> None:
    world, plain = ServerTable(host="0.0.0.0", port=0), TlsTable(require="none")  # noqa: S104 - that is the danger
    assert found(tmp_path / "data", server=world) == []
    assert found(tmp_path / "data", tls=plain) == []
    first, second = found(tmp_path / "data", server=world, tls=plain, accounts=AccountsTable(registration="open"))
    assert "[tls] require" in first[1]
    assert "[accounts] registration" in second[1]


@pytest.mark.parametrize(
    ("trusted", "is_told"),
    [
        *(("10.0.0.0/8", False), ("0.0.0.0/0", True), ("203.0.112.0/20", True), ("198.51.100.7", False)),
        *(("::/0", True), ("2001:db8::/48", False), ("2a00::/32", True), ("unix", False)),
    ],
)  # fmt: skip
def test_a_network_that_is_too_wide_for_proxies_is_warned_of(tmp_path: Path, trusted: str, *, is_told: bool) -> None:
    assert len(found(tmp_path / "data", proxy=ProxyTable([trusted]))) == is_told


def read_by_bash(settings: str) -> subprocess.CompletedProcess[str]:
    """What a check says of settings that come as one has them come at a shell."""
    words = f"exec {sys.executable} -m chat_server --port 0 --check-config --config {settings}"
    return subprocess.run(["bash", "-c", words], capture_output=True, text=True, check=False, timeout=TIMEOUT)


def test_a_pipe_with_a_name_is_refused_at_once_by_a_check_and_by_a_start(tmp_path: Path) -> None:
    pipe = tmp_path / "chat.toml"
    os.mkfifo(pipe)
    refused = f"chat-server: {pipe}: not a file, but a pipe, to which perhaps nobody ever writes"
    for flags in (["--check-config"], []):
        words = [sys.executable, "-m", "chat_server", "--config", str(pipe), "--data", str(tmp_path), *flags]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=TIMEOUT)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(refused)


def test_what_a_command_makes_is_waited_for_and_taken_for_settings(tmp_path: Path) -> None:
    data = f"--data {tmp_path}"
    slow = "echo '[limits]'; sleep 0.2; echo 'rooms = 3'"
    assert read_by_bash(f"<({slow}) {data}").stdout.endswith(": good\n")
    assert read_by_bash(f"/dev/stdin {data} < <({slow})").stdout == "/dev/stdin: good\n"
    assert read_by_bash(f"/dev/stdin {data} <<<'[limits]'").stdout == "/dev/stdin: good\n"
    assert read_by_bash(f"/dev/null {data}").stdout == "/dev/null: good\n"
    assert "limits.roms" in read_by_bash(f"<(echo '[limits]'; sleep 0.2; echo 'roms = 3') {data}").stderr
