"""What is installed is what was tested: the locks fit what pyproject.toml asks for, and each other."""

import re
import tomllib
from functools import cache
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from processes import ROOT

LOCKS = {
    "server": "requirements.txt",
    "tui": "requirements-tui.txt",
    "postgresql": "requirements-postgresql.txt",
    "dev": "requirements-dev.txt",
    "build": "requirements-build.txt",
}

with (ROOT / "pyproject.toml").open("rb") as _file:
    PROJECT: dict[str, Any] = tomllib.load(_file)


@cache
def entries(purpose: str) -> list[str]:
    """A lock's requirements, each with its hashes on one line."""
    text = (ROOT / LOCKS[purpose]).read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


@cache
def locked(purpose: str) -> dict[str, Version]:
    found: dict[str, Version] = {}
    for entry in entries(purpose):
        requirement = Requirement(entry.partition(" --hash")[0])
        (specifier,) = requirement.specifier
        assert specifier.operator == "=="
        assert requirement.name not in found, "one version serves every system and every Python"
        found[canonicalize_name(requirement.name)] = Version(specifier.version)
    return found


def wanted(purpose: str) -> list[Requirement]:
    """What pyproject.toml asks for directly."""
    extras = PROJECT["project"]["optional-dependencies"]
    asked = {
        "server": PROJECT["project"]["dependencies"],
        "tui": PROJECT["project"]["dependencies"] + extras["tui"],
        "postgresql": PROJECT["project"]["dependencies"] + extras["postgresql"],
        "dev": [
            *PROJECT["project"]["dependencies"],
            *(one for name in ("tui", "tls", "keyring", "spelling", "postgresql", "dev") for one in extras[name]),
        ],
        "build": [*PROJECT["build-system"]["requires"], "editables"],  # an editable install needs that too
    }
    return [requirement for requirement in map(Requirement, asked[purpose]) if requirement.name != "chat-server"]


@pytest.mark.parametrize("purpose", LOCKS)
def test_a_lock_holds_every_direct_dependency_in_the_range_that_is_asked_for(purpose: str) -> None:
    assert wanted(purpose)
    for requirement in wanted(purpose):
        assert requirement.specifier.contains(locked(purpose)[canonicalize_name(requirement.name)]), requirement


@pytest.mark.parametrize("purpose", ["server", "tui", "dev"])
def test_what_a_lock_says_is_asked_for_is_asked_for(purpose: str) -> None:
    """Else pyproject.toml has changed since the lock was made, and the next scripts/lock changes what nobody meant to change."""
    text = (ROOT / LOCKS[purpose]).read_text(encoding="utf-8")
    entries_with_reasons = re.findall(r"^([\w.-]+)==.*\n((?:[ #].*\n)+)", text, re.MULTILINE)
    said = {
        canonicalize_name(name) for name, reasons in entries_with_reasons if "chat-server (pyproject.toml)" in reasons
    }
    assert said == {canonicalize_name(requirement.name) for requirement in wanted(purpose)}


@pytest.mark.parametrize("purpose", LOCKS)
def test_every_line_of_a_lock_has_hashes_and_names_no_place_to_get_it_from(purpose: str) -> None:
    for entry in entries(purpose):
        requirement, *hashes = entry.split(" --hash=")
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64} *", found) for found in hashes), requirement
        assert "@" not in requirement
    assert not re.search(r"https?:|file:|--(extra-)?index|--find-links|--trusted", (ROOT / LOCKS[purpose]).read_text())


def test_what_is_in_two_locks_is_there_in_one_version() -> None:
    """What runs was tested, and pip takes two locks at once."""
    for purpose in ("server", "tui", "postgresql", "build"):
        for name, version in locked(purpose).items():
            assert locked("dev").get(name, version) == version, name


def test_a_wider_purpose_has_all_of_a_narrower_one() -> None:
    assert locked("server").keys() < locked("tui").keys() < locked("dev").keys()


def test_the_server_does_not_install_the_client_s_screen() -> None:
    assert not locked("server").keys() & {"textual", "emoji", "linkify-it-py"}
