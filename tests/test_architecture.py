"""Imports point one way between the packages: what a package knows is what it says it knows."""

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import chat_server

SOURCE = Path(chat_server.__file__).parent.parent

RULES = {
    "chat_server": {
        "protocol": "",
        "console guard log_cleaning logs metrics intervals interruptions systemctl": "",
        "settings_errors": "protocol",
        "accounts": "protocol logs",
        "journal": "protocol accounts metrics",
        "journal.engines": "accounts journal",
        (
            "journal.memory journal.memory_archive journal.memory_mentions journal.kept_in_memory"
            " journal.memory_nodes journal.memory_burying journal.memory_gone_nodes"
        ): "protocol logs journal accounts journal.engines",
        "journal.search": "protocol guard logs journal",
        "journal.sqlite": "protocol guard logs accounts journal journal.engines journal.search",
        "journal.postgresql": "protocol guard logs accounts journal journal.engines journal.search",
        "setting_kinds": "",
        "limits": "setting_kinds",
        "config": "journal.engines setting_kinds limits",
        "config_changes": "setting_kinds config",
        "toml_bounds": "",
        "config_checks": "protocol intervals config",
        "config_file": "protocol settings_errors setting_kinds toml_bounds config config_checks",
        "config_reading": "toml_bounds config_file",
        "wire": "protocol",
        "rooms": "protocol guard logs metrics journal accounts",
        "commands": "protocol journal accounts rooms",
        "sessions": "protocol guard limits config wire commands rooms",
        "server.echoes": "journal",
        "server.canary": (
            "protocol guard limits config logs wire accounts journal journal.engines journal.memory commands rooms sessions server.echoes"
        ),
        "server": (
            "protocol guard intervals limits config config_changes config_checks config_file logs metrics wire accounts journal journal.engines"
            " commands rooms sessions"
            " server.echoes server.canary systemctl"
        ),
        "doctor next_steps arguments cli doctor_cli maintenance_cli backup_cli rooms_cli health_cli admin_cli admin_shown fingerprint_cli __main__": (
            "protocol console intervals interruptions config config_file config_reading wire accounts journal journal.engines commands server"
            " systemctl"
        ),
    },
    "chat_tui": {
        "actions settings language": "",
        "argument_words": "language",
        "arguments": "settings language",
        "profiles": "settings language",
        "client": "settings language",
        "ui": "actions settings language client",
        "cli starting trust_cli __main__": "settings language argument_words arguments profiles client ui",
    },
}
"""For each program: a package, or modules beside the packages, and what they import besides themselves. Only what stands above them can stand
there. Whoever imports `journal` does not import `journal.sqlite` by that."""

CLIENT_FROM_SERVER = {
    *("chat_server.protocol", "chat_server.console", "chat_server.settings_errors"),
    *("chat_server.wire.render.sentences", "chat_server.wire.render.languages"),
}
"""What the client uses of the server: what both speak, what both say on a terminal, the words of the plain door, and how catalogues are read."""

FORBIDDEN = {
    "chat_server.protocol": {"chat_server", "chat_tui"},
    "chat_server.rooms": {
        *("sqlite3", "psycopg", "chat_server.wire"),
        *("chat_server.journal.sqlite", "chat_server.journal.postgresql"),
    },
    "chat_server.commands": {"sqlite3", "psycopg", "chat_server.wire"},
    "chat_server.wire": {"trio"},
    "chat_tui.client": {"textual", "rich", "trio"},
}
"""What a package must not come to import, by whatever way."""

PURE = {
    *(
        "chat_server.protocol",
        "chat_server.wire",
        "chat_server.config",
        "chat_server.config_changes",
        "chat_server.config_checks",
        "chat_server.config_file",
        "chat_server.limits",
        "chat_server.setting_kinds",
        "chat_server.toml_bounds",
        "chat_server.commands",
    ),
    *("chat_server.accounts.look_alikes", "chat_server.accounts.scripts", "chat_server.accounts.new_names"),
    *("chat_server.accounts.passwords", "chat_server.accounts.throttles"),
    *("chat_server.sessions.token_bucket", "chat_server.sessions.pace", "chat_server.sessions.display"),
    *("chat_server.rooms.quotas", "chat_server.rooms.person", "chat_server.server.connection_limits"),
}
NOT_PURE = {"chat_server.commands.history", "chat_server.commands.settings"}
"""They read the clock: what yesterday is depends on it, and /time tells it."""

OUTSIDE_FOR_PURE = {"trio", "socket", "time", "os", "threading", "random", "sys"}
FILE_MAX, CLASS_MAX = 400, 300
"""Lines beyond which a file or a class is cut, or says why not."""

WITHOUT_TRIO = (
    "journal.engines",
    "journal.words",
    "journal.data_directory",
    "journal.sqlite.data_directory",
    "journal.maintenance",
    "journal.rooms",
    "journal.sqlite.archive",
    "journal.sqlite.engine",
    "journal.sqlite.indexed",
    "journal.sqlite.schema",
    "journal.search.search_index",
    "journal.sqlite.writer",
    "journal.postgresql.cached_words",
    "journal.postgresql.for_commands",
    "journal.postgresql.schema",
    "journal.postgresql.appending",
    "config",
    "config_file",
    "arguments",
    "cli",
    "admin_cli",
    "admin_shown",
    "health_cli",
)

WITHOUT_TEXTUAL = {
    "chat_tui.actions",
    "chat_tui.settings",
    "chat_tui.profiles",
    "chat_tui.ui.row_heights",
    "chat_tui.ui.code_highlighting",
    "chat_tui.ui.keyboard",
    "chat_tui.ui.background",  # these two are asked before Textual has the terminal
}


PATHS = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path
    for program in ("chat_server", "chat_tui")
    for path in (SOURCE / program).rglob("*.py")
}
"""Where every module of both programs stands, by its name; a package is its `__init__`."""


@cache
def modules() -> dict[str, ast.Module]:
    """What is in them: read when a test asks, for every worker collects the tests."""
    return {name: ast.parse(path.read_text()) for name, path in PATHS.items()}


@cache
def imports(name: str) -> set[str]:
    """The modules that a module imports, lazily or not. `from package import module` imports the module."""
    names: set[str] = set()
    for node in ast.walk(modules()[name]):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {module if module in PATHS else node.module for module in whole}
    return names


def roots(name: str) -> set[str]:
    """The packages that a module imports from, ours and others'."""
    return {found.split(".")[0] for found in imports(name)}


def ours(name: str) -> set[str]:
    return imports(name) & PATHS.keys()


def is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@cache
def place_of(name: str) -> str:
    """What the rules call the place where a module is: the longest of their names that it is in."""
    program, _, inside = name.partition(".")
    places = [place for row in RULES[program] for place in row.split() if is_in(inside, place)]
    return max(places, key=len, default="")


def is_allowed(name: str, module: str) -> bool:
    """Whether the rules let a module import another of ours. That a program is there (`chat_server`, for its version) everybody may know."""
    program, other = name.partition(".")[0], module.partition(".")[0]
    if module in RULES:
        return True
    if program != other:
        return program == "chat_tui" and any(is_in(module, allowed) for allowed in CLIENT_FROM_SERVER)
    return any(
        place_of(module) in f"{row} {others}".split()
        for row, others in RULES[program].items()
        if place_of(name) in row.split()
    )


@cache
def reached(name: str) -> frozenset[str]:
    """Everything that a module imports, and what that imports."""
    found: set[str] = set()
    waiting = {name}
    while waiting:
        module = waiting.pop()
        found.add(module)
        if module in PATHS:
            waiting |= imports(module) - found
    return frozenset(found)


@pytest.mark.parametrize("program", RULES)
def test_each_row_of_the_rules_names_rows_above_it(program: str) -> None:
    above: set[str] = set()
    for row, others in RULES[program].items():
        assert set(others.split()) <= above
        above |= set(row.split())
    assert {f"{program}.{word}" for word in above} <= PATHS.keys()


def test_every_module_has_its_place() -> None:
    assert [name for name in PATHS.keys() - set(RULES) if not place_of(name)] == []


def test_imports_point_one_way() -> None:
    assert [(name, module) for name in PATHS for module in ours(name) if not is_allowed(name, module)] == []


def test_nothing_imports_itself_in_a_circle() -> None:
    TopologicalSorter({name: ours(name) for name in modules()}).prepare()


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_package_keeps_away_from_what_is_not_its_business(package: str) -> None:
    for name in PATHS:
        if is_in(name, package):
            outside = {found for found in reached(name) if not is_in(found, package) and found != "chat_server"}
            assert not {found for found in outside for subject in FORBIDDEN[package] if is_in(found, subject)}, name


def test_what_is_pure_has_no_clock_no_input_and_no_output() -> None:
    pure = [name for name in PATHS if any(is_in(name, package) for package in PURE) and name not in NOT_PURE]
    assert [(name, module) for name in pure for module in roots(name) & OUTSIDE_FOR_PURE] == []


def test_what_is_not_the_screen_knows_nothing_of_textual() -> None:
    assert [name for name in WITHOUT_TEXTUAL if roots(name) & {"textual", "rich", "trio"}] == []


def test_what_works_in_threads_and_without_a_server_knows_nothing_of_trio_nor_do_help_and_version() -> None:
    check = f"""
import importlib, sys
for name in {WITHOUT_TRIO}:
    importlib.import_module(f"chat_server.{{name}}")
    if "trio" in sys.modules:
        sys.exit(name)
"""
    assert subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False).stderr == ""


def test_a_module_says_first_what_it_is() -> None:
    assert [name for name, tree in modules().items() if not ast.get_docstring(tree)] == []


def test_a_package_imports_nothing_by_being_imported() -> None:
    packages = {name for name in PATHS if (SOURCE / name.replace(".", "/")).is_dir()}
    assert {(name, module) for name in packages for module in ours(name)} <= {
        ("chat_server.journal", "chat_server.journal.commit_times"),
        ("chat_server.journal", "chat_server.journal.keys"),
        ("chat_server.journal", "chat_server.journal.mentions"),
        ("chat_server.journal", "chat_server.journal.versions"),
        ("chat_server.journal", "chat_server.protocol.entries"),
        ("chat_server.accounts", "chat_server.accounts.cases"),
        ("chat_server.accounts", "chat_server.accounts.names_index"),
        ("chat_server.accounts", "chat_server.accounts.networks"),
        ("chat_server.accounts", "chat_server.accounts.office"),
        ("chat_server.accounts", "chat_server.protocol.entries"),
        ("chat_server.accounts", "chat_server.protocol.stored_event"),
        ("chat_server.accounts", "chat_server.protocol.names"),
    }


def test_files_and_classes_are_short() -> None:
    long = {name for name, path in PATHS.items() if len(path.read_text().splitlines()) > FILE_MAX}
    assert long == {"chat_server.wire.render.sentences"}, "it says first that it has everything that is said"
    classes = [(name, found) for name, tree in modules().items() for found in ast.walk(tree)]
    assert [
        (name, found.name)
        for name, found in classes
        if isinstance(found, ast.ClassDef) and (found.end_lineno or 0) - found.lineno >= CLASS_MAX
    ] == []


def test_nothing_is_inherited_by_more_than_one_step_but_by_values() -> None:
    bases = {
        found.name: [ast.unparse(base).partition("[")[0] for base in found.bases]
        for tree in modules().values()
        for found in ast.walk(tree)
        if isinstance(found, ast.ClassDef)
    }

    def above(name: str) -> set[str]:
        return {name}.union(*map(above, bases.get(name, ())))

    values = {name for name in bases if "Struct" in above(name)}
    inherited = {base for name in bases.keys() - values for base in bases[name] if base in bases}
    assert {base for base in inherited for further in bases[base] if further in bases} == set()


def test_everything_is_caught_by_guards_and_where_each_caller_is_served() -> None:
    server = {name: tree for name, tree in modules().items() if is_in(name, "chat_server")}
    places = [
        name
        for name, tree in server.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
    ]
    of_each_caller = {
        "chat_server.server.server",
        "chat_server.sessions.session",
    }  # which hand it to a guard: one around each takes 0.3 KiB
    assert set(places) == {"chat_server.guard", *of_each_caller}
    swallowing = [
        name
        for name, tree in server.items()
        if any(isinstance(node, ast.FunctionDef) and node.name in {"__exit__", "__aexit__"} for node in ast.walk(tree))
    ]
    assert swallowing == ["chat_server.guard"]


@pytest.mark.parametrize("program", RULES)
def test_a_program_tells_type_checkers_that_it_has_types(program: str) -> None:
    assert (SOURCE / program / "py.typed").exists()
