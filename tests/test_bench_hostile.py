"""The benchmark of hostile callers plays every request of every door: a new one cannot be forgotten."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from chat_server.commands.table import COMMANDS
from chat_server.limits import Limits
from chat_server.protocol.incoming import Invalid
from chat_server.protocol.requests import Request, tag_of
from chat_server.protocol.versions import PROTOCOL
from chat_server.sessions.json_session import PARSE
from chat_server.wire.editor.line_editor import LineEditor, Typed

SCRIPT = Path(__file__).parent.parent / "scripts" / "bench_hostile.py"


def _script() -> Any:
    spec = importlib.util.spec_from_file_location("bench_hostile", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_hostile"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rows() -> list[Any]:
    """All that it plays."""
    return list(_script().rows())


@pytest.mark.parametrize("request_type", COMMANDS.vocabulary.requests, ids=tag_of)
def test_every_request_has_rows_at_every_door_at_which_it_can_be_made(
    rows: list[Any], request_type: type[Request]
) -> None:
    word = tag_of(request_type)
    doors = {row.door for row in rows if row.what == word}
    assert doors == ({"json", "text", "edited"} if request_type.is_typed else {"json"})


def test_every_row_of_json_is_a_request_or_says_what_is_wrong_with_it(rows: list[Any]) -> None:
    for row in rows:
        if row.door == "json":
            asked = PARSE(row.data.rstrip(b"\n"), Limits().text_bytes, PROTOCOL).request
            assert not isinstance(asked, Invalid) or asked.code != "line-too-long"
            assert len(row.data) <= Limits().json_line_bytes


def test_what_is_typed_is_as_long_as_it_may_be_and_no_longer(rows: list[Any]) -> None:
    lines = [row.data for row in rows if row.door == "text" and row.what == "say"]
    assert len(lines) == len(_script().CONTENT)
    assert all(Limits().line_bytes * 0.9 < len(line) <= Limits().line_bytes for line in lines)


def test_what_is_pasted_is_taken(rows: list[Any]) -> None:
    for row in rows:
        if row.what == "paste":
            editor = LineEditor(80, "utf-8", Limits().line_bytes, Limits().text_bytes, lambda out: out)
            assert any(isinstance(item, Typed) for item in editor.receive_data(row.data)), row.content


def test_a_kind_of_field_that_is_not_known_is_an_error() -> None:
    with pytest.raises(TypeError, match="does not know what to play"):
        _script().value(None, complex, "ascii", 100)


@pytest.mark.slow
def test_it_plays_what_is_asked_for_and_prints_what_it_measures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = _script()
    monkeypatch.setattr(script, "LINES", 500)  # said before; what is played needs none of them
    monkeypatch.setattr("sys.argv", [str(SCRIPT), "--only", "nesting", "--seconds", "0.4", "--callers", "3"])
    assert script.main() == 0
    printed = capsys.readouterr()
    assert printed.out.count("json nesting ascii") == 2, printed
    assert "nobody" in printed.out
