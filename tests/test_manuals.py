"""Manual pages and completions: that they are current, that the programs that read them are content, and what real shells make of them."""

import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import fields

from chat_server.config import Config
from chat_server.console import SHELLS
from processes import ROOT, program, screen

PAGES = sorted((ROOT / "docs" / "man").glob("man?/*"))


def run(*command: object) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def completion(name: str, shell: str) -> Path:
    return ROOT / "src" / name.replace("-", "_") / "completions" / f"{name}.{shell}"


def test_the_pages_and_completions_are_what_the_script_makes_of_the_declarations() -> None:
    script = ROOT / "scripts" / "manuals.py"
    old = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert old.stdout + old.stderr == "", "scripts/manuals writes them anew"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_such_as_both_formatters_take_without_a_word(page: Path) -> None:
    groff = subprocess.run(
        [program("groff"), "-man", "-ww", "-Tutf8", "-z", page], capture_output=True, text=True, check=False
    )
    assert (groff.returncode, groff.stderr) == (0, "")
    mandoc = subprocess.run(
        [program("mandoc"), "-T", "lint", "-W", "warning", page], capture_output=True, text=True, check=False
    )
    # The day on which it was made would make each page another one every day.
    assert [line for line in mandoc.stdout.splitlines() if "missing date" not in line] == []


def test_the_page_of_the_settings_has_each_of_them_with_its_default() -> None:
    page = run(
        program("mandoc"), "-T", "utf8", "-O", "width=300", ROOT / "docs" / "man" / "man5" / "chat-server.toml.5"
    )
    shown = [line.replace("_\b", "").strip() for line in page.splitlines()]
    bare = {
        "".join(char for at, char in enumerate(line) if line[at + 1 : at + 2] != "\b" and char != "\b")
        for line in shown
    }
    for table in fields(Config):
        assert f"[{table.name}]" in bare
        for setting in fields(getattr(Config(), table.name)):
            assert any(line.startswith(f"{setting.name} = ") for line in bare), setting.name


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", ["chat-server", "chat-tui"])
def test_the_programs_print_their_completions(name: str, shell: str) -> None:
    printed = run(sys.executable, "-m", name.replace("-", "_"), "--print-completion", shell)
    assert printed == completion(name, shell).read_text()


START = {
    "bash": (["bash", "--norc", "--noprofile"], "PS1='$ '; source {}; clear"),
    "zsh": (["zsh", "-f"], "PROMPT='$ '; autoload -Uz compinit; compinit -D -u; source {}; clear"),
}

CASES = [
    ("chat-server", "chat-server adm", "chat-server admin"),
    ("chat-server", "chat-server --data admin adm", "chat-server --data admin admin"),
    ("chat-server", "chat-server admin --json log-level v", "chat-server admin --json log-level verbose"),
    ("chat-server", "chat-server --print-com", "chat-server --print-completion"),
    ("chat-server", "chat-server --log-format j", "chat-server --log-format json"),
    ("chat-server", "chat-server admin accounts ann anon", "chat-server admin accounts ann anonymise"),
    ("chat-server", "chat-server --config pypro", "chat-server --config pyproject.toml"),
    ("chat-server", "chat-server admin rooms del", "chat-server admin rooms delete"),
    ("chat-tui", "chat-tui --lang z", "chat-tui --lang zh"),
    ("chat-tui", "chat-tui tr", "chat-tui trust"),
]


@pytest.mark.parametrize("shell", sorted(START))
def test_a_real_shell_completes_what_is_typed_at_tab(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    command, setup = START[shell]
    monkeypatch.chdir(ROOT)
    with screen(program(command[0]), *command[1:], columns=100) as shown:
        for name in ("chat-server", "chat-tui"):
            shown.type(setup.format(completion(name, shell)) + "\r")
        shown.wait_for("$")
        for _, typed, completed in CASES:
            shown.type(f"{typed}\t")
            shown.wait_for(f"$ {completed}")
            shown.type("\x15\x0c")  # kills the line, clears the screen
            shown.wait_for("$")


def test_fish_completes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    fish = program("fish")
    for name, typed, completed in CASES:
        asked = f"source {completion(name, 'fish')}; complete -C '{typed}'"
        offered = [line.partition("\t")[0] for line in run(fish, "--no-config", "-c", asked).splitlines()]
        assert completed.rpartition(" ")[2] in offered, (typed, offered)
        assert len(offered) == 1, (typed, offered)
