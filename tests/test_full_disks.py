"""A real server whose disk takes nothing more: what is asked for is refused, nothing of it is there after the next start, and it goes on."""

import json
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

import forks
from canary import PASSWORD
from processes import ServerProcess, running_server
from streams import Program
from test_full_disk import CASES, NOT_STORED, nothing

COMMAND = (sys.executable, "-m", "chat_server")

ASKED = [case for case in CASES if case.prepare is nothing and not case.is_shown and case.who != "new"]
"""What needs no preparation but the people and the room."""


def command(data: Path, *words: str) -> str:
    done = forks.run([*COMMAND, "--data", str(data), *words], stdout=subprocess.PIPE, text=True, check=True)
    return str(done.stdout)


def kept(data: Path) -> list[dict[str, Any]]:
    """Everything that is kept, but when accounts were last here."""
    lines = [json.loads(line) for line in command(data, "export", "--with-secrets", "-").splitlines()]
    for line in lines:
        for one in (line.get("account"), line.get("device")):
            if isinstance(one, dict):
                one.pop("seen", None)
    return [line for line in lines if line.get("is") != "came-from"]


@contextmanager
def full(server: ServerProcess) -> Iterator[None]:
    """No file of the server's can be written to, as if its disk were full."""
    before = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, before)


class Person:
    """A program of somebody's."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._refs = 0

    async def ask(self, do: str, /, **fields: Any) -> dict[str, Any]:
        """The first answer to something."""
        self._refs += 1
        await self._program.ask(do, ref=self._refs, **fields)
        with trio.fail_after(30):
            while (event := await self._program.read()).get("ref") != self._refs:
                pass
        return event

    async def leave(self) -> None:
        await self._program.stream.aclose()


async def person(server: ServerProcess, nick: str, place: int, *, invite: str = "", is_guest: bool = False) -> Person:
    stream = await trio.open_tcp_stream("127.0.0.1", server.port, local_address=f"127.0.0.{place}")
    one = Person(Program(stream))
    await one.ask("hello", protocol=2)
    if is_guest:
        assert (await one.ask("login", nick=nick))["is"] == "logged-in"
    else:
        assert (await one.ask("register", nick=nick, password=PASSWORD, invite=invite))["is"] == "registered"
    return one


@pytest.mark.slow
async def test_what_a_full_disk_does_not_take_is_refused_and_not_there_after_the_next_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_server(data=data) as server:
        code = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}", command(data, "admin", "owner", "boss"))
        assert code is not None
        boss = await person(server, "boss", 1, invite=code[0])
        people = {"boss": boss, "ann": await person(server, "ann", 2), "bob": await person(server, "bob", 3)}
        people["eve"] = await person(server, "eve", 4, is_guest=True)
        assert (await people["ann"].ask("create", room="den"))["is"] == "room-created"
        for one in people.values():
            assert (await one.ask("join", room="den"))["is"] == "entered"
        spam = (await people["bob"].ask("say", room="den", text="spam", key="1"))["seq"]
        await trio.sleep(2)  # what is only noted is stored
        before = kept(data)
        with full(server):
            for case in ASKED:
                fields = {**case.fields, **({"number": spam} if "number" in case.fields else {})}
                answer = await people[case.who].ask(case.do, **fields)
                assert str(answer.get("code") or answer["is"]) in NOT_STORED, f"{case}: {answer}"
        assert server.is_running
        assert kept(data) == before
        assert (await people["eve"].ask("say", room="den", text="after", key="2"))["seq"] == spam + 1
        assert (await people["bob"].ask("away", text="lunch"))["is"] == "now-away"
        for one in people.values():
            await one.leave()
        assert server.stop() == 0
    after = kept(data)
    assert "lunch" in str(after)
    assert [line["text"] for line in after if line.get("room") == "den" and "text" in line][-2:] == ["spam", "after"]
