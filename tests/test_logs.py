import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server import logs
from chat_server.accounts.credentials import RECOVERY, new_bot_token, new_code
from chat_server.cli import main
from chat_server.guard import Guard
from chat_server.log_cleaning import HIDDEN, Addresses, cleaned, cleaner_for
from chat_server.logs import KINDS_MAX, REPEAT_SECONDS, Repeats, log, tell_repeats


@pytest.fixture(autouse=True)
def _as_it_was_afterwards() -> object:
    before = log.take, log.is_verbose
    yield
    log.take, log.is_verbose = before


def test_text_is_one_line_an_event_with_nothing_unprintable(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("text", verbose=False)
    log.info("a caller", nick="a\x1b[31mb\nforged line", address="192.0.2.1")
    line = capsys.readouterr().err
    assert line.endswith(" info: a caller nick=a\\x1b[31mb\\nforged line address=192.0.2.1\n")


def test_a_traceback_is_told_with_nothing_unprintable(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("text", verbose=False)
    try:
        raise ValueError("\x1b[2J")
    except ValueError as error:
        log.error("it failed", exc_info=error)
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert "ValueError: \\x1b[2J" in told
    assert "\x1b" not in told


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", verbose=False)
    log.info("a caller", nick="小明")
    event = json.loads(capsys.readouterr().err)
    assert (event["event"], event["level"], event["nick"]) == ("a caller", "info", "小明")


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_journal_of_systemd_is_told_how_bad_each_line_is_and_nobody_else(
    form: Literal["text", "json"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "journal").open("w+") as journal:
        monkeypatch.setattr("sys.stderr", journal)
        status = os.fstat(journal.fileno())
        for stream in (f"{status.st_dev}:{status.st_ino}", f"{status.st_dev}:{status.st_ino + 1}", ""):
            monkeypatch.setenv("JOURNAL_STREAM", stream)
            logs.configure(form, verbose=True)
            log.debug("a")
            log.info("b")
            log.warning("c")
            try:
                raise ValueError("bad")
            except ValueError as error:
                log.error("d", exc_info=error)
        journal.seek(0)
        lines = journal.read().splitlines()
    told = len(lines) // 3
    assert [line[:3] for line in lines[:told]] == ["<7>", "<6>", "<4>", *["<3>"] * (told - 3)]
    assert told == (8 if form == "text" else 4)
    assert not any(line.startswith("<") for line in lines[told:])


def test_what_ends_a_start_is_an_error_in_the_journal_of_systemd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text("[server]\nprot = 1\n[limits]\nromes = 3\n")
    with (tmp_path / "journal").open("w+") as journal:
        monkeypatch.setattr("sys.stderr", journal)
        status = os.fstat(journal.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        assert main(["--config", str(settings)]) == 2
        with pytest.raises(SystemExit, match="2"):
            main(["--no-such-flag"])
        settings.write_text('[server]\nport = 0\n[proxy]\ntrusted = ["0.0.0.0/0"]\n')
        assert main(["--config", str(settings), "--data", str(tmp_path / "data"), "--check-config"]) == 0
        journal.seek(0)
        lines = journal.read().splitlines()
    assert len(lines) >= 5
    levels = {"warning": "<4>", "note": "<6>"}
    for line in lines:
        kind = line.removeprefix(line[:3]).removeprefix("chat-server: ").partition(":")[0]
        assert line[:3] == levels.get(kind, "<3>"), line
    assert any(line.startswith("<4>") for line in lines)


def test_details_are_logged_only_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("text", verbose=False)
    log.debug("hidden")
    logs.configure("text", verbose=True)
    log.debug("shown")
    assert "hidden" not in (told := capsys.readouterr().err)
    assert "shown" in told


def test_a_log_that_nobody_takes_does_not_stop_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, text: str) -> int:
            raise OSError(28, f"No space left on device for {text}")

    logs.configure("text", verbose=False)
    monkeypatch.setattr("sys.stderr", Full())
    log.info("lost")


def test_a_server_without_standard_error_serves_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    logs.configure("text", verbose=False)
    monkeypatch.setattr("sys.stderr", None)
    log.info("lost")


# --- what repeats


class Clock:
    """A time that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_repeats_is_one_line_a_minute_and_nothing_of_it_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    repeats = Repeats(clock=clock)

    def told() -> list[str]:
        return [line.partition("Z ")[2] for line in capsys.readouterr().err.splitlines()]

    for number in range(10_000):
        repeats.info("a caller speaks TLS", address=f"192.0.2.{number % 250}")
    repeats.info("a caller speaks HTTP")
    assert told() == ["info: a caller speaks TLS address=192.0.2.0", "info: a caller speaks HTTP"]
    clock.now += REPEAT_SECONDS - 1
    tell_repeats()
    assert told() == []
    clock.now += 1
    tell_repeats()
    assert told() == ["info: a caller speaks TLS: 9999 more times address=192.0.2.249"], "the last one's details"
    repeats.info("a caller speaks TLS", address="192.0.2.7")
    repeats.info("a caller speaks HTTP")
    assert told() == ["info: a caller speaks HTTP"], "it goes on, and is one line a minute"
    clock.now += REPEAT_SECONDS
    tell_repeats()
    tell_repeats()
    assert told() == ["info: a caller speaks TLS: once more address=192.0.2.7"]
    clock.now += REPEAT_SECONDS
    repeats.info("a caller speaks TLS")
    assert told() == ["info: a caller speaks TLS"], "a minute without it, and it is new"


def test_of_many_kinds_few_are_remembered_and_each_count_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    repeats = Repeats(clock=Clock())
    for number in range(KINDS_MAX + 3):
        repeats.info(f"kind {number}")
        repeats.info(f"kind {number}")
    assert len(repeats._kinds) == KINDS_MAX
    told = capsys.readouterr().err
    assert [number for number in range(KINDS_MAX + 3) if f"kind {number}: once more" in told] == [0, 1, 2]
    tell_repeats(is_end=True)
    assert capsys.readouterr().err.count("once more") == KINDS_MAX
    assert repeats._kinds == {}


def fail(why: str) -> None:
    raise ValueError(why)


def test_what_fails_in_one_place_again_and_again_is_told_once_and_then_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("text", verbose=False)

    def failed(step: Callable[[], object]) -> None:
        with Guard("it failed", nick="ann"):
            step()

    for number in range(1000):
        failed(lambda number=number: fail(str(number)))  # type: ignore[misc]
    failed(lambda: 1 / 0)
    told = capsys.readouterr().err
    assert told.count("Traceback") == 2
    assert "ZeroDivisionError" in told
    logs.configure("json", verbose=False)
    assert capsys.readouterr().err.splitlines()[-1].endswith("error: it failed: 999 more times nick=ann"), (
        "told before the log is another"
    )


def test_threads_lose_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    repeats = Repeats(clock=Clock())
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: repeats.error("x"), range(4000)))
    repeats.look(is_end=True)
    assert capsys.readouterr().err.splitlines()[-1].endswith("error: x: 3999 more times")


# --- what must not stand there


@pytest.mark.parametrize(
    ("addresses", "text", "shown"),
    [
        ("full", "203.0.113.77", "203.0.113.77"),
        ("short", "203.0.113.77", "203.0.113.0/24"),
        ("short", "2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("short", "::ffff:203.0.113.77", "203.0.113.0/24"),
        ("none", "from 203.0.113.77:4000, then 2001:db8::1.", "from (address):4000, then (address)."),
        ("none", "[2001:db8::1]:5000 fe80::1%eth0", "[(address)]:5000 (address)"),
        ("none", "127.0.0.1 ::1 0.0.0.0 unix", "127.0.0.1 ::1 0.0.0.0 unix"),
        ("none", "at 12:30:05 of 2026-11-29T12:30:05Z, 0.2.0 and 1.2.3", "at 12:30:05 of 2026-11-29T12:30:05Z, 0.2.0 and 1.2.3"),
    ],
)  # fmt: skip
def test_addresses_are_shown_as_far_as_is_set(addresses: Addresses, text: str, shown: str) -> None:
    assert cleaned({"why": text}, cleaner_for(addresses)) == {"why": shown}


@given(st.ip_addresses())
def test_no_address_of_another_machine_is_left(address: IPv4Address | IPv6Address) -> None:
    mapped = getattr(address, "ipv4_mapped", None)
    text = cleaner_for("none")(f"from {address}, port 1")
    assert text == "from (address), port 1" or (mapped or address).is_loopback or address.is_unspecified


@pytest.mark.parametrize(
    "key", ["password", "token", "secret", "key", "code", "recovery_codes", "api_key", "old_password"]
)
def test_what_is_called_like_a_secret_is_hidden_whatever_it_is(key: str) -> None:
    assert cleaned({key: 12345, "keys_seen": 7}, cleaner_for("full")) == {key: HIDDEN, "keys_seen": 7}


FORMS: tuple[Literal["text", "json"], ...] = ("text", "json")

MAKERS: dict[str, Callable[[], str]] = {
    "a bot's token": new_bot_token,
    "part of one": lambda: new_bot_token()[:12],
    "a code": lambda: new_code().shown,
    "a long code": lambda: new_code(RECOVERY).shown,
    "one in small letters": lambda: f"{new_code(RECOVERY).shown.lower()}",
}


@pytest.mark.parametrize("what", MAKERS)
def test_what_looks_like_one_of_our_secrets_is_hidden_wherever_it_stands(
    what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = MAKERS[what]()
    for form in FORMS:
        logs.configure(form, verbose=False)
        try:
            fail(f"cannot use {secret}")
        except ValueError as error:
            log.error(f"with {secret}", exc_info=error, why=f"({secret})", several=[secret, {"in": secret}])
        told = capsys.readouterr().err
        assert secret not in told
        assert told.count(HIDDEN) >= 5
