"""What must not stand in a log is played, and the log looked through: texts, secrets, private rooms, addresses where none are wanted.

The same is looked for in the log of every server that a test has started, and in what every test writes to standard error (canary.py).
"""

import socket
from pathlib import Path
from typing import Any

import pytest
import trio

import canary
from captured_logs import capture_logs
from chat_server import logs
from chat_server.guard import Guard
from chat_server.logs import log
from chat_server.rooms.log_names import PRIVATE
from processes import TIMEOUT, ServerProcess, running_server
from streams import open_house
from test_admin_socket import admin
from test_kill_accounts import Program
from test_private_leaks import members_are_there

PEER = "canary-peer"


def typed(server: ServerProcess, *lines: str) -> str:
    """What is said to somebody who types these, and comes by a proxy from the address that nobody is to see."""
    with socket.create_connection(("127.0.0.1", server.port), TIMEOUT) as line:
        line.sendall(f"PROXY TCP4 {canary.ADDRESS} 192.0.2.1 4000 5000\r\n".encode())
        line.sendall("".join(f"{one}\n" for one in [*lines, "/logout"]).encode())
        said = b""
        while data := line.recv(4096):
            said += data
    return said.decode()


@pytest.mark.slow
@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_of_what_people_do_is_in_the_log_that_is_theirs_alone(tmp_path: Path, form: str) -> None:
    data, config = tmp_path / "data", tmp_path / "chat.toml"
    settings = (
        f"[log]\nformat = '{form}'\nverbose = true\naddresses = 'none'\n[proxy]\ntrusted = ['127.0.0.1']\n"
        "[accounts]\nregistration = 'open'\n[rooms]\nheld_words = ['hill']\n[limits]\nline_bytes = 200\n"
    )
    config.write_text(settings)
    people: list[Program] = []
    with running_server("--config", str(config), data=data) as server:

        def person(nick: str, **fields: Any) -> Program:
            people.append(Program(server.port))
            people[-1].ask("hello", protocol=2)
            answer = people[-1].ask("register" if "password" in fields else "login", nick=nick, **fields)
            assert answer["is"] in {"logged-in", "registered"}
            return people[-1]

        ann, bob = person("ann", password=canary.PASSWORD), person(PEER, password=canary.PASSWORD)
        program = person("robot", token=canary.TOKEN)
        ann.ask("create", room=canary.ROOM)
        ann.ask("join", room=canary.ROOM)
        ann.tell("rule", room=canary.ROOM, rule="access", value="invite")
        assert ann.next("rule-set")
        for one in (ann, bob, program):
            one.ask("join", room="python")
            one.ask("say", room="python", text=canary.TEXT)
            one.ask("topic", room="python", text=canary.TEXT)
            one.ask("search", room="python", text=canary.TEXT)
            one.ask("say", room=canary.ROOM, text=canary.TEXT)
            one.ask("join", room=canary.ROOM)
            one.tell("say", room="python", text=canary.TEXT * 1000)
            one.tell(canary.TEXT, **{canary.TEXT: [canary.TEXT]})
        ann.ask("msg", nick=PEER, text=canary.TEXT)
        bob.ask("report", room="python", seq=1, reason=canary.TEXT)
        code = ann.ask("code", purpose="bot", name="bot", rooms=canary.ROOM)
        assert canary.ADDRESS not in typed(
            server, "/login eve", f"/join {canary.ROOM}", canary.TEXT, canary.TEXT * 20, f"/{canary.TEXT}"
        )
        typed(server, "/login ann", canary.PASSWORD, f"/login ann {code.get('token', 'none')}")
        for _ in range(3):
            typed(server, "GET /" + canary.TEXT)
        config.write_text(settings + f"[{canary.TEXT[:6]}]\n")
        assert admin(data, "reload").returncode == 2
        config.write_text(settings)
        assert admin(data, "reload").returncode == 0
        assert admin(data, "kick", PEER, canary.TEXT).returncode == 0
        assert admin(data, "rooms", "rename", canary.ROOM, f"{canary.ROOM}-b").returncode == 0
        assert admin(data, "rooms", "delete", f"{canary.ROOM}-b", "--yes").returncode == 0
        for one in people:
            one.close()
        assert server.stop() == 0
        written = "".join(server.log)
        assert canary.in_log(written) == []
        assert canary.ADDRESS not in written
        assert "(address)" in written
        assert PRIVATE in written
        assert code.get("token", canary.TOKEN) not in written


async def test_a_room_that_is_private_has_no_name_in_the_log_and_another_has(autojump_clock: trio.abc.Clock) -> None:
    for is_private in (False, True):
        async with open_house(silence_seconds=9999) as house:
            with capture_logs() as told:
                if is_private:
                    await members_are_there(house, is_there=True)
                else:
                    program = house.connect()
                    await program.enter("ann")
                    await program.ask("create", room="den")
                    await program.wait_for("room-created")
                await house.ask_as_operator("rename-room", room="den", name="lair")
                await house.ask_as_operator("delete-room", room="lair")
            names = [entry.get("room") for entry in told if entry["event"].startswith("an operator")]
            assert names == ([PRIVATE, PRIVATE] if is_private else ["den", "lair"])
            assert not is_private or not any(word in str(told) for word in ("den'", "lair"))


def test_a_traceback_tells_no_local_variable(capsys: pytest.CaptureFixture[str]) -> None:
    before = log.take, log.is_verbose
    logs.configure("json", verbose=False)
    try:
        with Guard("it failed"):
            said = "-".join(["never", "to", "be", "seen"])
            raise ValueError(len(said))
    finally:
        log.take, log.is_verbose = before
    told = capsys.readouterr().err
    assert "ValueError: 16" in told
    assert "never-to-be-seen" not in told
