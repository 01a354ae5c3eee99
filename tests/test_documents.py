"""What the documents say of numbers is what the code has."""

from chat_server.config import Config, as_toml
from chat_server.protocol.requests import HISTORY_MAX, LAST_MAX
from chat_server.server.server import FILES_RESERVED, FORGET_SECONDS
from processes import ROOT


def document(name: str) -> str:
    return " ".join((ROOT / "docs" / name).read_text(encoding="utf-8").split())


def test_the_files_that_are_reserved_are_as_many_as_the_document_of_limits_says() -> None:
    assert f"the limit on open files less {FILES_RESERVED}: refused" in document("limits.md")


def test_what_is_old_goes_as_soon_as_the_configuration_and_the_document_say() -> None:
    assert FORGET_SECONDS == 900
    settings = " ".join(as_toml(Config()).replace("# ", "").split())
    assert "deleted, within a quarter of an hour" in settings
    assert "within a quarter of an hour" in document("durability.md")


def test_the_most_lines_that_one_can_ask_for_are_as_many_as_the_documents_say() -> None:
    assert f"`count` (up to {LAST_MAX})" in document("protocol.md")
    assert f"the newest {HISTORY_MAX} lines are in memory" in document("limits.md")
