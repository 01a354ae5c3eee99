import json

import pytest

from chat_server import logs
from chat_server.logs import SAMPLE_MAX, SAMPLE_SECONDS, Sampler, log


@pytest.fixture(autouse=True)
def _defaults_afterwards() -> object:
    yield
    logs.configure("text", verbose=False)


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


def test_scanners_cannot_fill_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("text", verbose=False)
    sampler = Sampler()
    for number in range(10_000):
        sampler.note("a caller speaks TLS", now=100 + number / 1000)
    assert len(capsys.readouterr().err.splitlines()) == SAMPLE_MAX
    sampler.note("a caller speaks TLS", now=100 + SAMPLE_SECONDS + 1)
    told = capsys.readouterr().err.splitlines()
    assert told[0].endswith(f"a caller speaks TLS: {10_000 - SAMPLE_MAX} more times")
    assert len(told) == 2
