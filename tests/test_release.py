"""What is given to others: the wheel, tried from outside the checkout, and the commands of docs/installing.md that install it."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

from processes import ROOT, made_once

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

DOCUMENT = (ROOT / "docs" / "installing.md").read_text(encoding="utf-8")


def played(what: str) -> list[str]:
    """The commands of a block that is played."""
    block = re.search(rf"<!-- played: {what} -->\n```sh\n(.*?)```", DOCUMENT, re.DOTALL)
    assert block is not None
    return block[1].splitlines()


def clean(**more: str) -> dict[str, str]:
    """The environment of a stranger, who has no checkout on the path of their Python."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | more


def run(*command: object, cwd: Path, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, env=environment or clean(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what belongs into a release, for a build leaves files."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("src", "docs", "pyproject.toml", "README.md", "LICENSE"):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def wheel(checkout: Path) -> Path:
    (made,) = built(checkout, checkout / "first")
    return made


def built(checkout: Path, into: Path) -> list[Path]:
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", into, cwd=checkout)
    return [*into.glob("*.whl")]


def test_the_same_source_makes_the_same_wheel(checkout: Path, wheel: Path) -> None:
    for path in checkout.rglob("*.py"):
        path.touch()
    (again,) = built(checkout, checkout / "second")
    assert again.read_bytes() == wheel.read_bytes()


def test_the_wheel_has_what_is_read_at_run_time_and_not_what_that_is_made_from(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        names = content.namelist()
    for path in (ROOT / "src").rglob("*"):
        name = str(path.relative_to(ROOT / "src"))
        if path.is_file() and "__pycache__" not in name and ".egg-info" not in name:
            assert (name in names) is not name.endswith(".po"), name
    assert not any("tests/" in name for name in names)


def test_what_is_in_the_wheel_works_from_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """As scripts/release-check tries it, but with the libraries of these tests in place of installed ones."""
    environment = tmp_path / "installed"
    run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=tmp_path)
    packages = next(environment.glob("lib/python3*/site-packages"))
    # A path file within a directory that comes by a path file is not read: so not that of the checkout.
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    with zipfile.ZipFile(wheel) as content:
        content.extractall(packages)
    (data,) = packages.glob("*.data/data")
    shutil.copytree(data / "share", environment / "share")
    points = ConfigParser()
    points.read(next(packages.glob("*.dist-info")) / "entry_points.txt")
    for name, target in points["console_scripts"].items():
        module, _, function = target.partition(":")
        script = environment / "bin" / name
        script.write_text(
            f"#!{environment}/bin/python\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n"
        )
        script.chmod(0o755)
    said = run(sys.executable, ROOT / "scripts" / "smoke.py", environment, cwd=tmp_path)
    assert said.startswith("installed: it serves, a line is stored")


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with pipx and uv, as somebody has them."""
    with made_once(tmp_path_factory, "tools") as folder:
        if not (folder / "bin" / "uv").exists():
            _make_tools(folder)
    return folder / "bin"


def _make_tools(folder: Path) -> None:
    run(sys.executable, "-m", "venv", folder, cwd=folder)
    install = [
        folder / "bin" / "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "pipx>=1.7,<2",
        "uv>=0.9,<1",
    ]
    run(*install, cwd=folder)


@pytest.mark.parametrize("tool", ["pipx", "uv"])
def test_the_document_s_commands_install_both_programs(tool: str, checkout: Path, tools: Path, tmp_path: Path) -> None:
    (command,) = [line for line in played("pipx, uv") if line.startswith(tool)]
    programs = tmp_path / "bin"
    places = {
        "PIPX_HOME": str(tmp_path / "pipx"),
        "PIPX_BIN_DIR": str(programs),
        "PIPX_MAN_DIR": str(tmp_path / "man"),
        "UV_TOOL_DIR": str(tmp_path / "uv"),
        "UV_TOOL_BIN_DIR": str(programs),
        "UV_NATIVE_TLS": "true",
        "PATH": f"{tools}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
    }
    run("sh", "-c", command, cwd=checkout, environment=clean(**places))
    for name in ("chat-server", "chat-tui"):
        assert run(programs / name, "--version", cwd=tmp_path).startswith(f"{name} ")
        if tool == "pipx":
            assert (tmp_path / "man" / "man1" / f"{name}.1").exists(), "man finds it"
    pages = re.search(r"`man -M \"\$\(uv tool dir\)/([^\"]+)\"", DOCUMENT)
    assert pages is not None
    if tool == "uv":
        assert (tmp_path / "uv" / pages[1] / "man1" / "chat-server.1").exists()


def test_the_document_s_commands_put_completions_where_the_shells_look(tmp_path: Path) -> None:
    programs = Path(sys.executable).parent
    environment = dict(os.environ, HOME=str(tmp_path), PATH=f"{programs}:{os.environ['PATH']}")
    run("sh", "-e", "-c", "\n".join(played("completion")), cwd=tmp_path, environment=environment)
    for place in (".local/share/bash-completion/completions/chat-server", ".config/fish/completions/chat-server.fish"):
        assert "scripts/manuals" in (tmp_path / place).read_text()


def test_each_block_of_commands_says_whether_it_is_played() -> None:
    first = "The two commands of a checkout are those of the README, which have tests of their own."
    blocks = re.findall(r"(.*)\n```sh\n", DOCUMENT)
    assert len(blocks) >= 5, first
    assert [before for before in blocks[1:] if not re.match(r"<!-- (played|not played): .+ -->", before)] == []
