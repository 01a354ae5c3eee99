"""The flags of chat-tui: a start reads them by a parser that says nothing, and what is read is what the whole one reads."""

import contextlib
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chat_tui import arguments

_FLAGS = [
    *("--nick", "--room", "--profile", "--config", "--state", "--lang", "--theme", "--plain", "--plaintext", "--wait"),
    *("--password-file", "--slow-link", "--print-config", "--print-completion", "--version", "--help", "-h"),
]
_VALUES = st.sampled_from(["", "--", "-1", "0", "2.5", "inf", "x", "en", "bash", "a b", "host:5", "-x", "-- y", "é"])
_SHORTENED = st.sampled_from(_FLAGS).flatmap(lambda flag: st.integers(1, len(flag)).map(lambda end: flag[:end]))
_WORDS = st.one_of(
    st.sampled_from(_FLAGS),
    _SHORTENED,
    _VALUES,
    st.builds("{}={}".format, st.sampled_from(_FLAGS) | _SHORTENED, _VALUES),
)


def read(words: list[str], *, by_whole: bool) -> object:
    """What is read; or what is said instead, and with which exit code."""
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            chosen = arguments.parser().parse_intermixed_args(words) if by_whole else arguments.parsed(words)
    except SystemExit as end:
        return end.code, out.getvalue(), err.getvalue()
    return {name: value for name, value in vars(chosen).items() if name not in ("says_more", "print_completion")}


@given(st.lists(_WORDS, max_size=5))
@example(["--print-completion="])
@example(["-h", "--print-completion", ""])
def test_a_start_reads_its_flags_as_the_whole_parser_does(words: list[str]) -> None:
    assert read(words, by_whole=False) == read(words, by_whole=True)


@pytest.mark.parametrize("words", [["--print-completion", ""], ["--print-completion="]])
def test_a_shell_without_a_name_is_a_mistake_and_no_start(words: list[str]) -> None:
    told = read(words, by_whole=False)
    assert isinstance(told, tuple)
    assert told[:2] == (2, "")
