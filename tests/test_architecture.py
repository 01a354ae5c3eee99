"""Imports point one way: what a module knows is what it says it knows."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import chat_server

SOURCE = Path(chat_server.__file__).parent

# From the values that know nothing to the process that knows everything. A module imports only from lines above its own.
LAYERS = [
    {"__init__"},
    {"console", "guard"},
    {"mentions", "events", "clean", "rate", "pacing", "times", "identity", "preferences"},
    {"names", "days"},
    {"typed"},
    {
        "admission",
        "syntax",
        "wire.lines",
        "wire.options",
        "wire.charsets",
        "wire.languages",
        "wire.widths",
        "wire.terminal",
        "journal.batches",
    },
    {
        "journal",
        "journal.folder",
        "journal.schema",
        "journal.showable",
        "journal.export_lines",
        "wire.words",
        "wire.colours",
        "wire.telnet",
        "wire.negotiation",
        "wire.edited_line",
    },
    {"config", "logs", "wire.doors", "wire.line_mode", "wire.pages", "directory", "journal.new_file", "journal.search"},
    {"commands", "wire.editor", "wire.sentences", "journal.reader", "journal.memory", "reading", "completion"},
    {"choices", "wire.text", "wire.readers", "wire.json_lines"},
    {"wire.late_programs", "journal.writer", "room", "transport", "past", "journal.indexer"},
    {"hall", "presence", "outbox", "batch", "readable_room", "journal.committer", "journal.files"},
    {"chat_room", "journal.sqlite", "journal.rooms"},
    {"session", "catalogue", "rooms_cli"},
    {"person_session", "program_session"},
    {"server", "journal_cli"},
    {"process"},
    {"cli"},
    {"__main__"},
]
PURE = [
    *("events", "clean", "rate", "admission", "names", "syntax", "commands", "config", "times", "wire"),
    *("preferences", "choices", "completion", "mentions"),
]
OUTSIDE_FOR_PURE = {"trio", "socket", "time", "os", "threading", "structlog", "random", "sys"}


def paths(folder: Path) -> dict[str, Path]:
    """Where the modules of a package stand, by their names."""
    return {
        ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__"): path
        for path in folder.rglob("*.py")
    }


MODULES = sorted(paths(SOURCE).keys() - {"wire"})


@cache
def modules() -> dict[str, ast.Module]:
    found = paths(SOURCE)
    return {name: ast.parse(found[name].read_text()) for name in MODULES}


def imports(tree: ast.Module) -> set[str]:
    """What a module imports, absolute names, lazily or not."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_every_module_has_its_layer() -> None:
    assert set(modules()) == set().union(*LAYERS)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_only_from_the_layers_below_it(name: str) -> None:
    layer = next(number for number, layer in enumerate(LAYERS) if name in layer)
    below = set().union(*LAYERS[:layer])
    ours = {
        found.removeprefix("chat_server.") for found in imports(modules()[name]) if found.startswith("chat_server.")
    }
    assert {found for found in ours if found in modules()} <= below


@pytest.mark.parametrize("name", MODULES)
def test_what_is_pure_has_no_clock_no_input_and_no_output(name: str) -> None:
    if name.split(".", maxsplit=1)[0] in PURE:
        assert not {found.split(".")[0] for found in imports(modules()[name])} & OUTSIDE_FOR_PURE


@pytest.mark.parametrize("name", ["batches", "files", "folder", "reader", "schema", "search", "writer"])
def test_what_works_in_threads_and_without_a_server_knows_nothing_of_trio(name: str) -> None:
    check = f"import sys, chat_server.journal.{name}; sys.exit('trio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


@pytest.mark.parametrize("name", MODULES)
def test_a_module_says_first_what_it_is(name: str) -> None:
    assert ast.get_docstring(modules()[name])


def test_there_is_one_place_that_catches_everything() -> None:
    places = [
        name
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
    ]
    assert places == []
    swallowing = [
        name
        for name, tree in modules().items()
        if any(isinstance(node, ast.FunctionDef) and node.name in {"__exit__", "__aexit__"} for node in ast.walk(tree))
    ]
    assert swallowing == ["guard"]


def test_help_and_version_do_not_wait_for_trio() -> None:
    check = "import sys, chat_server.cli; sys.exit('trio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


# The client.

CLIENT = SOURCE.parent / "chat_tui"

CLIENT_LAYERS = [
    {"__init__", "screens"},
    {
        "actions",
        "background",
        "clocks",
        "codec",
        "heights",
        "keys_in_turn",
        "readline_keys",
        "terminal",
        "themes",
        "numbers",
        "visits",
        "dialling",
        "pipes",
        "commands",
        "told",
        "wrapping",
        "links",
        "colouring",
        "field",
        "foot",
    },
    {"search_bar", "timeline", "settings", "list_pane", "markdown"},
    {"state", "completion", "markup"},
    {"composer", "in_order", "keepsakes", "link", "notifying", "rendering"},
    {"client", "chat_view", "labels", "moments", "room_search"},
    {"screens.asking", "screens.choosing", "screens.connecting", "screens.help", "plain"},
    {"app"},
    {"cli"},
    {"__main__"},
]
WITHOUT_TEXTUAL = [
    *(
        "actions",
        "background",
        "client",
        "codec",
        "commands",
        "completion",
        "dialling",
        "heights",
        "keepsakes",
        "link",
        "notifying",
        "plain",
    ),
    *("numbers", "settings", "state", "timeline", "told", "markdown", "links", "colouring"),
]
OF_THE_SERVER = {"console", "events", "clean", "days", "mentions", "typed", "names", "times", "wire.sentences"}
"""What the client uses of the server: its vocabulary, its one place for clean text, names, mentions, days and typed commands, and the words of
the plain door."""


@cache
def client_modules() -> dict[str, ast.Module]:
    return {name: ast.parse(path.read_text()) for name, path in paths(CLIENT).items()}


def test_every_module_of_the_client_has_its_layer() -> None:
    assert set(client_modules()) == set().union(*CLIENT_LAYERS)


@pytest.mark.parametrize("name", sorted(paths(CLIENT)))
def test_a_module_of_the_client_imports_only_from_below(name: str) -> None:
    layer = next(number for number, layer in enumerate(CLIENT_LAYERS) if name in layer)
    below = set().union(*CLIENT_LAYERS[:layer])
    found = imports(client_modules()[name])
    ours = {module.removeprefix("chat_tui.") for module in found if module.startswith("chat_tui.")}
    assert {module for module in ours if module in client_modules()} <= below
    theirs = {module.removeprefix("chat_server.") for module in found if module.startswith("chat_server.")}
    assert {module for module in theirs if module in modules()} <= OF_THE_SERVER
    assert ast.get_docstring(client_modules()[name])


@pytest.mark.parametrize("name", WITHOUT_TEXTUAL)
def test_what_is_not_the_screen_knows_nothing_of_textual(name: str) -> None:
    roots = {module.split(".")[0] for module in imports(client_modules()[name])}
    assert not roots & {"textual", "rich", "trio"}
