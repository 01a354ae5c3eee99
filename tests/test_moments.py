"""The first line said at a moment or later, whatever the server's pages are cut by."""

from hypothesis import given
from hypothesis import strategies as st

from chat_server.protocol.entries import PageShown, Said
from chat_tui.client.moments import Moment


def line(seq: int, at: float) -> Said:
    return Said("python", seq, at, "bob", f"line {seq}")


class History:
    """A room's lines, and the pages that a server gives of them."""

    def __init__(self, times: list[float]) -> None:
        self.lines = [line(seq, at) for seq, at in enumerate(times, 1)]
        self.asked = 0

    def page(self, *, after: int = 0, before: int = 2**53, count: int = 50, newest: bool = False) -> PageShown:
        self.asked += 1
        found = [line for line in self.lines if after < line.seq < before]
        return PageShown("python", tuple(found[-count:] if newest else found[:count]), 1, len(self.lines), "")

    def first_at(self, at: float) -> PageShown:
        first = next((line.seq for line in self.lines if line.at >= at), len(self.lines) + 1)
        return self.page(after=first - 1)


def found(history: History, moment: Moment, page: PageShown) -> int | None:
    """Walk as the program does."""
    step = moment.take(page)
    goal = step.seq
    while step.ask is not None:
        step = moment.take(history.page(**step.ask, newest="before" in step.ask))
        goal = step.seq if step.seq is not None else goal
    return goal


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=800).map(sorted),
    st.integers(0, 60),
    st.integers(-20, 20),
)
def test_it_is_found_from_wherever_the_servers_day_begins(times: list[int], at: int, zones_apart: int) -> None:
    history = History([float(time) for time in times])
    page = history.first_at(at + zones_apart)
    if page.lines:
        wanted = next((line.seq for line in history.lines if line.at >= at), len(times))
        assert found(history, Moment("python", at), page) == wanted


def test_nothing_that_late_is_no_line() -> None:
    step = Moment("python", 100.0).take(PageShown("python", (), 1, 5, ""))
    assert (step.seq, step.ask) == (None, None)


def test_what_is_loaded_is_enough_where_it_has_the_line_before_too() -> None:
    moment = Moment("python", 100.0)
    assert moment.first_of([line(4, 90), line(5, 99), line(6, 101)]) == line(6, 101)
    assert moment.first_of([line(6, 101), line(7, 102)]) is None, "an earlier one may be as late"
    assert moment.first_of([line(3, 90), line(6, 101)]) is None, "what is missing may be as late"
