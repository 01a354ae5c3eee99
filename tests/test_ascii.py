"""A terminal that does not show all of Unicode: signs become letters, and what it has no letter for takes as many columns as it had."""

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color

from chat_tui.ui.ascii import AsciiFilter


def shown(text: str, encoding: str) -> str:
    (row,) = AsciiFilter(encoding).apply([Segment(text)], Color(0, 0, 0))
    return row.text


@pytest.mark.parametrize(
    ("encoding", "text", "wanted"),
    [
        ("utf-8", "▌ 你好 café 🎉", "> 你好 café 🎉"),
        ("latin-1", "▌ 你好 café 🎉", "> ???? café ??"),
        ("ascii", "▌ 你好 café 🎉 e\u0301", "> ???? caf? ?? e"),
    ],
)
def test_what_a_terminal_has_no_letter_for_takes_as_many_columns_as_before(
    encoding: str, text: str, wanted: str
) -> None:
    assert shown(text, encoding) == wanted
    assert cell_len(wanted) == cell_len(text)
    wanted.encode(encoding)
