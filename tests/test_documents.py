"""What the documents say of numbers is what the code has, and what they name is there."""

import re
import runpy
from graphlib import CycleError
from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.structs import fields

from chat_server.config import Config
from chat_server.config_file import as_toml
from chat_server.protocol.requests import HISTORY_MAX, LAST_MAX
from chat_server.server.retention import PRUNE_SECONDS
from chat_server.server.server import FILES_RESERVED
from chat_tui.settings import Settings
from processes import ROOT


def document(name: str) -> str:
    return " ".join((ROOT / "docs" / name).read_text(encoding="utf-8").split())


def test_the_files_that_are_reserved_are_as_many_as_the_document_of_limits_says() -> None:
    assert f"the limit on open files less {FILES_RESERVED}: refused" in document("limits.md")


def test_what_is_old_goes_as_soon_as_the_configuration_and_the_document_say() -> None:
    assert PRUNE_SECONDS == 900
    settings = " ".join(as_toml(Config()).replace("# ", "").split())
    assert "deleted, within a quarter of an hour" in settings
    assert "within a quarter of an hour" in document("durability.md")


def test_the_most_lines_that_one_can_ask_for_are_as_many_as_the_documents_say() -> None:
    assert f"`count` (up to {LAST_MAX})" in document("protocol.md")
    assert f"the newest {HISTORY_MAX} lines are in memory" in document("limits.md")


def test_the_picture_of_the_architecture_is_what_the_script_makes_of_the_packages() -> None:
    draw = runpy.run_path(str(ROOT / "scripts" / "architecture_picture.py"))["picture"]
    assert (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8") == draw(), "scripts/picture draws it anew"


def test_another_import_is_another_arrow(tmp_path: Path) -> None:
    draw = runpy.run_path(str(ROOT / "scripts" / "architecture_picture.py"))["picture"]
    for package in ("rooms", "wire", "protocol"):
        (tmp_path / "chat_server" / package).mkdir(parents=True)
        (tmp_path / "chat_server" / package / "__init__.py").write_text(f'"""The {package}: theirs. And more."""')
    rooms, wire = (tmp_path / "chat_server" / package / "one.py" for package in ("rooms", "wire"))
    rooms.write_text("from chat_server.protocol.names import parse_name\nfrom chat_server.rooms import hall\n")
    before = draw(tmp_path)
    assert before.count('marker-end="url(#head)"') == 1
    assert "The rooms: theirs." in before
    assert "And more" not in before
    rooms.write_text("import chat_server.wire.text\nfrom chat_server.protocol.names import parse_name\n")
    wire.write_text("from chat_server.protocol import names\n")
    assert draw(tmp_path).count('marker-end="url(#head)"') == 2, "rooms know the protocol through wire"
    wire.write_text("from chat_server.rooms import hall\n")
    with pytest.raises(CycleError):
        draw(tmp_path)


DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_whatever_a_document_names_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if not link.startswith("http")]
    assert [link for link in links if not (document.parent / link).exists()] == []
    history = text.partition("\n## 0.1.0")[0] if document.name == "CHANGELOG.md" else text
    tests = set(re.findall(r"\b(test_\w+\.py)\b", history))
    assert {name for name in tests if not (ROOT / "tests" / name).exists()} == set()
    scripts = set(re.findall(r"`(scripts/[\w.-]+)", history))
    assert {name for name in scripts if not (ROOT / name).exists()} == set()


SETTINGS = {
    name: {setting.name for setting in fields(type(value))} if isinstance(value, Struct) else set[str]()
    for program in (Config(), Settings())
    for name, value in ((setting.name, getattr(program, setting.name)) for setting in fields(type(program)))
}
"""The settings of both programs: of each table, and of those that stand in none, its keys."""

NO_SETTINGS = {"tui", "postgresql", "room"}
"""What stands in square brackets too: extras of the package, and the room of a line that is told line by line."""


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_settings_that_a_document_names_are_settings(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for table, key in re.findall(r"`\[(\w+)\](?: (\w+))?[^`]*`", text):
        assert table in NO_SETTINGS or table == "keys" or key in SETTINGS[table] | {""}, f"[{table}] {key}"


MODULES = [path for program in ("chat_server", "chat_tui") for path in (ROOT / "src" / program).rglob("*")]


@pytest.mark.parametrize(
    "document",
    [
        *(ROOT / "CONTRIBUTING.md", ROOT / "docs" / "glossary.md", ROOT / "docs" / "architecture.md"),
        *ROOT.glob("docs/decisions/*.md"),
    ],
    ids=str,
)
def test_the_modules_that_a_document_names_are_there(document: Path) -> None:
    named = re.findall(r"`((?:\w+/)*\w+\.py|(?:\w+/)+)`", document.read_text(encoding="utf-8"))
    places = [f"/{path.relative_to(ROOT)}" + ("/" if path.is_dir() else "") for path in [*MODULES, *ROOT.glob("*/*")]]
    assert [name for name in named if not any(place.endswith(f"/{name}") for place in places)] == []


def test_every_module_stands_in_the_tables_of_the_architecture() -> None:
    server, client = (
        (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("The client, `src/chat_tui/`:")
    )
    parts = {"chat_server": server, "chat_tui": client.partition("### Where it is decided")[0]}
    modules = [path for path in MODULES if path.suffix == ".py" and not path.name.startswith("__")]
    assert [path for path in modules if f"`{path.name}`" not in parts[path.relative_to(ROOT / "src").parts[0]]] == []


def test_a_method_that_the_architecture_names_beside_a_module_is_in_it() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:\w+/)+\w+\.py)` \(`(\w+)`\)", text)
    assert len(named) > 10
    sources = {path.as_posix(): path for path in MODULES if path.suffix == ".py"}
    for module, name in named:
        places = [path for posix, path in sources.items() if posix.endswith(f"/{module}")]
        assert any(re.search(rf"(def|class) {name}\b|^{name} =", path.read_text(), re.MULTILINE) for path in places), (
            name
        )


def test_a_module_names_only_files_that_are_there() -> None:
    others = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/*.py"), *ROOT.glob("scripts/*.py")]
    places = [f"/{path.relative_to(ROOT)}" for path in [*MODULES, *others]]
    for module in MODULES:
        if module.suffix == ".py":
            text = module.read_text(encoding="utf-8")
            named = set(re.findall(r"(?<![\w./*-])((?:\w+/)*\w+\.(?:py|md))\b(?!\()", text))
            assert {name for name in named if not any(place.endswith(f"/{name}") for place in places)} == set(), module


def test_the_page_of_the_protocol_shows_the_moderation_bot_as_it_is() -> None:
    bot = (ROOT / "docs" / "examples" / "moderation_bot.py").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    assert f"```python\n{bot}```\n" in page
    assert bot.count("\n") < 60
