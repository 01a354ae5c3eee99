import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.protocol.time_zones import local


@given(st.floats() | st.integers(), st.sampled_from(["", "UTC", "+23:59", "-23:59", "Europe/Berlin"]))
def test_whatever_time_is_stored_it_can_be_shown_in_whatever_zone(at: float, zone: str) -> None:
    assert 1 <= local(at, zone).year <= 9999


@pytest.mark.parametrize("at", [1795827121000, 1e18, -99999999999, math.nan, math.inf, -math.inf])
def test_times_beyond_the_calendar_are_shown_as_its_ends(at: float) -> None:
    shown = f"{local(at, 'UTC'):%Y-%m-%d %H:%M}"
    assert shown


@pytest.mark.parametrize("zone", ["XYZ+24", "XYZ-24:59", "nonsense", ""])
def test_a_system_whose_own_zone_is_nonsense_is_shown_some_time(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", zone)
        time.tzset()
        assert local(1795518666.0, "").year == 2026
    time.tzset()
