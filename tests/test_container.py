"""The container's files: what can be seen of them without anything that runs containers. docs/container.md says what was tried with one."""

import json
import re
import shlex
from fnmatch import fnmatch
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from chat_server.arguments import parser
from chat_server.cli import _configure
from chat_server.config import Config
from processes import ROOT

FOLDER = ROOT / "docs" / "container"
COMPOSE = yaml.safe_load((FOLDER / "compose.yml").read_text())["services"]["chat"]
CLUSTER = yaml.safe_load((ROOT / "docs" / "examples" / "cluster-compose.yml").read_text())
DOCUMENT = (ROOT / "docs" / "container.md").read_text()


class Instruction(NamedTuple):
    word: str
    rest: str

    @property
    def words(self) -> list[str]:
        """Its list; whatever has none is read by a shell, which keeps signals to itself."""
        words: list[str] = json.loads(self.rest)
        return words


def stages() -> list[list[Instruction]]:
    found: list[list[Instruction]] = []
    for line in (FOLDER / "Dockerfile").read_text().splitlines():
        if line and not line.startswith("#"):
            instruction = Instruction(*line.split(maxsplit=1))
            if instruction.word == "FROM":
                found.append([])
            if found:
                found[-1].append(instruction)
    return found


BUILD, IMAGE = stages()


def only(word: str) -> Instruction:
    (found,) = [instruction for instruction in IMAGE if instruction.word == word]
    return found


def is_sent(path: str) -> bool:
    """Whether a builder is sent this file: the last pattern that fits it counts."""
    sent = True
    for pattern in (FOLDER / "Dockerfile.dockerignore").read_text().splitlines():
        if pattern.startswith("#"):
            continue
        bare = pattern.removeprefix("!")
        if fnmatch(path, bare) or path.startswith(f"{bare}/"):
            sent = pattern.startswith("!")
    return sent


def test_what_is_copied_is_there_and_reaches_the_builder() -> None:
    copied = [path for each in BUILD if each.word == "COPY" for path in each.rest.split()[:-1]]
    assert "src" in copied
    for path in copied:
        assert (ROOT / path).exists(), path
        assert is_sent(path), path
    assert not is_sent("tests")
    assert not is_sent(".venv")
    wheel = (ROOT / "pyproject.toml").read_text()
    for source in re.findall(r'^"([^"]+)" = "share', wheel, re.MULTILINE):
        assert any(source.startswith(path) for path in copied), f"the wheel wants {source}"
    for lock in re.findall(r"requirements[\w-]*\.txt", " ".join(each.rest for each in BUILD if each.word == "RUN")):
        assert lock in copied


def test_what_is_installed_was_tested_and_nothing_is_compiled_when_it_starts() -> None:
    installs = [each.rest for each in BUILD if each.word == "RUN" and "install" in each.rest and "pip" in each.rest]
    assert len(installs) == 3
    assert all("--require-hashes" in install or "--no-deps" in install for install in installs)
    assert any("compileall" in each.rest for each in BUILD)


def test_it_runs_as_nobody_and_the_server_itself_gets_the_signals() -> None:
    user, group = only("USER").rest.split(":")
    assert int(user) > 1000
    assert user == group
    assert only("ENTRYPOINT").words == ["chat-server"]
    assert only("STOPSIGNAL").rest == "SIGTERM"
    environment = dict(word.split("=", 1) for word in shlex.split(only("ENV").rest))
    assert environment["XDG_DATA_HOME"] == only("VOLUME").rest == "/data"


@pytest.mark.parametrize("flags", [only("CMD").words, *re.findall(r"`(--host 0.0.0.0 --config [^`]+)`", DOCUMENT)])
def test_the_server_understands_how_it_is_started(flags: list[str] | str, tmp_path: Path) -> None:
    words = flags.split() if isinstance(flags, str) else flags
    (tmp_path / "chat-server.toml").write_text("")
    words = [word.replace("/etc", str(tmp_path)) for word in words]
    assert _configure(parser().parse_args(words)).server.host == "0.0.0.0"  # noqa: S104 - of the container


def test_the_health_check_is_a_command_of_the_server() -> None:
    flags, _, command = only("HEALTHCHECK").rest.partition(" CMD ")
    program, *words = json.loads(command)
    assert program == "chat-server"
    assert parser().parse_args(words).command == "health"
    assert {flag.split("=")[0] for flag in flags.split()} == {"--interval", "--timeout", "--start-period", "--retries"}


@pytest.mark.parametrize("service", [COMPOSE, CLUSTER["services"]["one"]], ids=["one", "three"])
def test_the_services_build_this_image_and_wait_long_enough_for_its_end(service: dict[str, Any]) -> None:
    folder = FOLDER if service is COMPOSE else ROOT / "docs" / "examples"
    assert (folder / service["build"]["context"]).resolve() == ROOT
    assert (ROOT / service["build"]["dockerfile"]).samefile(FOLDER / "Dockerfile")
    assert int(service["stop_grace_period"].removesuffix("s")) > Config().server.stop_seconds + 5


def test_the_service_may_write_where_it_must_and_nowhere_else() -> None:
    assert COMPOSE["read_only"] is True
    assert COMPOSE["cap_drop"] == ["ALL"]
    assert COMPOSE["volumes"] == [f"said:{only('VOLUME').rest}"]
    assert [mount.partition(":")[0] for mount in COMPOSE["tmpfs"]] == ["/tmp"]  # noqa: S108 - of the container
    assert COMPOSE["ports"] == ["127.0.0.1:5000:5000"], "for this machine only, until somebody says otherwise"
    assert f"EXPOSE {Config().server.port}" in (FOLDER / "Dockerfile").read_text()


def test_the_document_says_of_the_command_line_what_the_service_does() -> None:
    (command,) = re.findall(r"^docker run .*$", DOCUMENT, re.MULTILINE)
    words = shlex.split(command)
    values = dict(pairwise(words))
    assert "--read-only" in words
    assert values["--cap-drop"] == COMPOSE["cap_drop"][0]
    assert values["--ulimit"] == f"nofile={COMPOSE['ulimits']['nofile']}"
    assert values["--volume"] == COMPOSE["volumes"][0]
    assert values["--publish"] == COMPOSE["ports"][0]
    assert values["--stop-timeout"] == COMPOSE["stop_grace_period"].removesuffix("s")
    assert values["--security-opt"] == COMPOSE["security_opt"][0].partition(":")[0]
