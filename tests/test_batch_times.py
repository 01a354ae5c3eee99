"""The times of a batch's lines."""

import pytest

from chat_server.journal.times import MICROSECOND, MILLISECOND, settled, times_of
from chat_server.protocol.entries import Said


@pytest.mark.parametrize("step", [0.0, MICROSECOND, MILLISECOND])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_so_many_lines_have_so_many_times(step: float, count: int) -> None:
    assert len(times_of(5.0, step, count)) == count


def test_of_a_batch_that_was_sent_before_no_line_is_left() -> None:
    lines = [Said("python", seq, seq * MILLISECOND, "ann", "hello") for seq in (1, 2, 3)]
    assert settled(lines, 1, {0, 1, 2}) == []
