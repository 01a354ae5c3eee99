"""What people write for a day or a time of day."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.protocol.days import NotADay, is_day, moment_of, span_of

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC).timestamp()


def shown(text: str, zone: str = "UTC") -> str:
    return datetime.fromtimestamp(moment_of(text, NOW, zone), UTC).strftime("%m-%d %H:%M")


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("2026-11-20", "11-20 00:00"),
        ("today", "11-25 00:00"),
        (" Yesterday ", "11-24 00:00"),
        ("今天", "11-25 00:00"),
        ("昨天", "11-24 00:00"),
        ("前天", "11-23 00:00"),
        ("-0d", "11-25 00:00"),
        ("-3d", "11-22 00:00"),
        ("11:30", "11-25 11:30"),
        ("12:00", "11-25 12:00"),
        ("14:30", "11-24 14:30"),
        ("9:05", "11-25 09:05"),
        ("9：05", "11-25 09:05"),
    ],
)
def test_a_day_begins_at_midnight_and_a_time_of_day_is_its_last_one(text: str, begins: str) -> None:
    assert shown(text) == begins


def test_what_is_meant_ends_with_its_day() -> None:
    assert span_of("yesterday", NOW, "UTC").end == moment_of("today", NOW, "UTC")
    assert span_of("14:30", NOW, "UTC").end == moment_of("today", NOW, "UTC")
    assert span_of("11:30", NOW, "UTC").end == moment_of("today", NOW, "UTC") + 86400


def test_days_and_times_are_those_of_the_readers_zone() -> None:
    assert shown("today", "Asia/Shanghai") == "11-24 16:00"
    assert shown("14:30", "Asia/Shanghai") == "11-25 06:30"
    assert shown("yesterday", "-11:00") == "11-24 11:00"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterdy",
        "2026-02-30",
        "2026-13-01",
        "24:00",
        "12:60",
        "3d",
        "-3",
        "--3d",
        "-1000000d",
        "1795827121",
        "now",
    ],
)
def test_anything_else_is_no_day(text: str) -> None:
    assert not is_day(text)
    with pytest.raises(NotADay):
        moment_of(text, NOW, "UTC")


def test_days_out_of_reach_are_before_or_after_everything() -> None:
    assert moment_of("-999999d", NOW, "UTC") < 0
    assert moment_of("0001-01-01", NOW, "Europe/Berlin") < 0
    assert moment_of("9999-12-31", NOW, "Pacific/Honolulu") > NOW


@given(st.text())
def test_no_text_makes_it_fail(text: str) -> None:
    assert is_day(text) in (True, False)
