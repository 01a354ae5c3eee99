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
        ("-2h", "11-25 10:00"),
        ("-90m", "11-25 10:30"),
        ("-13h", "11-24 23:00"),
        ("-2w", "11-11 00:00"),
        ("3 days ago", "11-22 00:00"),
        ("a day ago", "11-24 00:00"),
        ("2 hours ago", "11-25 10:00"),
        ("an hour ago", "11-25 11:00"),
        ("5 min ago", "11-25 11:55"),
        ("2 weeks ago", "11-11 00:00"),
        ("3天前", "11-22 00:00"),
        ("三 天以前", "11-22 00:00"),
        ("两小时前", "11-25 10:00"),
        ("半个小时前", "11-25 11:30"),
        ("5分钟之前", "11-25 11:55"),
        ("1周前", "11-18 00:00"),
        ("Wednesday", "11-25 00:00"),
        ("last wednesday", "11-18 00:00"),
        ("monday", "11-23 00:00"),
        ("last mon", "11-23 00:00"),
        ("thu", "11-19 00:00"),
        ("周三", "11-25 00:00"),
        ("星期一", "11-23 00:00"),
        ("周日", "11-22 00:00"),
        ("上周三", "11-18 00:00"),
        ("上星期天", "11-22 00:00"),
        ("yesterday 14:00", "11-24 14:00"),
        ("yesterday at 9:05", "11-24 09:05"),
        ("monday 14:00", "11-23 14:00"),
        ("-3d 8:00", "11-22 08:00"),
        ("3 days ago 08:00", "11-22 08:00"),
        ("2026-11-20 14:00", "11-20 14:00"),
        ("2026-11-20T14:00", "11-20 14:00"),
        ("昨天14:00", "11-24 14:00"),
        ("周一 9：30", "11-23 09:30"),
    ],
)
def test_a_day_begins_at_midnight_and_a_time_of_day_is_its_last_one(text: str, begins: str) -> None:
    assert shown(text) == begins


def test_what_is_meant_ends_with_its_day() -> None:
    assert span_of("yesterday", NOW, "UTC").end == moment_of("today", NOW, "UTC")
    assert span_of("14:30", NOW, "UTC").end == moment_of("today", NOW, "UTC")
    for moment in ("-2h", "2 hours ago", "today 10:00"):
        assert span_of(moment, NOW, "UTC").end == moment_of("today", NOW, "UTC") + 86400
    assert span_of("11:30", NOW, "UTC").end == moment_of("today", NOW, "UTC") + 86400


def test_days_and_times_are_those_of_the_readers_zone() -> None:
    assert shown("today", "Asia/Shanghai") == "11-24 16:00"
    assert shown("14:30", "Asia/Shanghai") == "11-25 06:30"
    assert shown("yesterday", "-11:00") == "11-24 11:00"
    assert shown("yesterday 14:00", "Asia/Shanghai") == "11-24 06:00"
    assert shown("wed", "-13:00") == "11-18 13:00"
    assert shown("-2h", "Asia/Shanghai") == "11-25 10:00"


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
        "-3x",
        "3 days",
        "ago",
        "3 months ago",
        "2 hours ago 14:00",
        "yesterday 24:00",
        "last yesterday",
        "monda",
        "半天前",
        "周八",
        "1" * 100 + " days ago",
        "monday" + " " * 100 + "14:00",
    ],
)
def test_anything_else_is_no_day(text: str) -> None:
    assert not is_day(text)
    with pytest.raises(NotADay):
        moment_of(text, NOW, "UTC")


def test_days_out_of_reach_are_before_or_after_everything() -> None:
    assert moment_of("-999999d", NOW, "UTC") < 0
    assert moment_of("999999 weeks ago", NOW, "UTC") < 0
    assert moment_of("-999999h", NOW, "UTC") < 0
    assert moment_of("0001-01-01", NOW, "Europe/Berlin") < 0
    assert moment_of("9999-12-31", NOW, "Pacific/Honolulu") > NOW


@given(st.text())
def test_no_text_makes_it_fail(text: str) -> None:
    assert is_day(text) in (True, False)
