"""`chat-server fingerprint`: what an operator reads out to somebody who is shown a fingerprint by a program."""

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import forks
from chat_server.protocol.fingerprints import fingerprint_of, in_groups, parse_fingerprint
from pairs import Pair
from processes import TIMEOUT, running_server

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def ask(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "chat_server", "fingerprint", *words]
    return forks.run(command, capture_output=True, text=True, timeout=TIMEOUT)


def configured(folder: Path, table: str) -> Path:
    (folder / "chat.toml").write_text(table)
    return folder / "chat.toml"


def test_the_one_that_the_server_made_is_told_while_it_runs_and_afterwards_as_the_log_told_it(tmp_path: Path) -> None:
    with running_server(data=tmp_path) as server:
        server.wait_for_log("the certificate of TLS is SHA-256 ")
        line = server.log[-1]
        running = ask("--data", tmp_path)
        assert server.stop() == 0
    stopped = ask("--data", tmp_path)
    for done in (running, stopped):
        assert (done.returncode, done.stderr) == (0, "")
        fingerprint, where = done.stdout.splitlines()
        assert fingerprint in line
        assert where.startswith(f"{tmp_path / 'tls.pem'}, valid until 20")


def test_the_one_that_the_configuration_names_is_told_by_what_openssl_says_of_it(tmp_path: Path) -> None:
    pair = Pair(ends=datetime(2099, 1, 2, tzinfo=UTC))
    certificate, key = pair.write(tmp_path)
    table = f"[tls]\ncertificate = '{certificate}'\nkey = '{key}'"
    done = ask("--config", configured(tmp_path, table), "--data", tmp_path / "none")
    assert done.stdout.splitlines() == [
        f"SHA-256 {in_groups(fingerprint_of(pair.der))}",
        f"{certificate}, valid until 2099-01-02",
    ]
    said = subprocess.check_output(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", certificate], text=True
    )
    assert parse_fingerprint(done.stdout.splitlines()[0]) == parse_fingerprint(said)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("begins", "ends", "problem"),
    [(NOW - 9 * DAY, NOW - 2 * DAY, "has expired"), (NOW + 2 * DAY, NOW + 9 * DAY, "is not valid before")],
)
def test_one_that_is_not_valid_today_is_told_with_that_and_exit_code_1(
    tmp_path: Path, begins: datetime, ends: datetime, problem: str
) -> None:
    pair = Pair(begins=begins, ends=ends)
    certificate, key = pair.write(tmp_path)
    done = ask("--config", configured(tmp_path, f"[tls]\ncertificate = '{certificate}'\nkey = '{key}'"))
    assert done.returncode == 1
    assert done.stdout.startswith(f"SHA-256 {in_groups(fingerprint_of(pair.der))}\n")
    assert problem in done.stdout


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("", "there is no {folder}/tls.pem yet: the server makes it when it starts"),
        ("[tls]\ncertificate = '{folder}/none.pem'", "cannot read {folder}/none.pem: No such file or directory"),
        ("[tls]\ncertificate = '{folder}/lock'", "{folder}/lock has no certificate: expected PEM, which begins with -----BEGIN CERTIFICATE-----"),
        ("[journal]\nengine = 'memory'", "this server makes another certificate at each start: its log has the fingerprint"),
    ],
)  # fmt: skip
def test_where_there_is_none_that_is_one_sentence_and_exit_code_2(tmp_path: Path, table: str, sentence: str) -> None:
    (tmp_path / "lock").touch()
    done = ask("--config", configured(tmp_path, table.format(folder=tmp_path)), "--data", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"chat-server: {sentence.format(folder=tmp_path)}\n"


def test_one_that_no_server_shows_since_the_key_is_of_another_is_not_told(tmp_path: Path) -> None:
    old, new = Pair(), Pair(ends=datetime(2099, 1, 2, tzinfo=UTC))
    certificate, key = old.write(tmp_path)
    config = configured(tmp_path, f"[tls]\ncertificate = '{certificate}'\nkey = '{key}'")
    with running_server("--config", str(config), data=tmp_path / "data") as server:
        Path(certificate).write_bytes(new.certificate)
        server.signal(signal.SIGHUP)
        server.wait_for_log("stays as it was")
        done = ask("--config", config)
        sentence = f"the key in {key} is of another certificate than the first in {certificate}"
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"chat-server: {sentence}\n")
        assert sentence in server.log[-1]
        Path(key).write_bytes(new.key)
        assert ask("--config", config).stdout.startswith(f"SHA-256 {in_groups(fingerprint_of(new.der))}\n")
