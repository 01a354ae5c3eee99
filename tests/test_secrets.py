"""Passwords, tokens and codes that have come by every door, in every form, are in no file of the server and not in its log."""

import re
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import canary
from canary import PASSWORD
from processes import TIMEOUT, ServerProcess
from test_kill_accounts import Event, Program
from tls_servers import certificates

NEW, WRONG = f"{PASSWORD}-new", f"{PASSWORD}-wrong"


def spoken(port: int, *lines: str, encrypted: bool = False) -> str:
    """Type lines as nc sends them; all that was said until the server let go."""
    with (
        socket.create_connection(("127.0.0.1", port), TIMEOUT) as plain,
        _client().wrap_socket(plain) if encrypted else plain as line,
    ):
        line.sendall("".join(f"{one}\n" for one in [*lines, "/logout"]).encode())
        said = b""
        while data := line.recv(4096):
            said += data
    return said.decode()


def _client() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def secrets_in(event: Event) -> list[str]:
    """The token and the codes that somebody was told."""
    found = [
        event.get("token", ""),
        event.get("code", "") if event["is"] != "refused" else "",
        *event.get("recovery", ()),
    ]
    return [one for one in found if one]


def as_people_type_it(secret: str) -> list[str]:
    return [secret, secret.replace("-", "")] if re.fullmatch(r"[0-9A-Z-]+", secret) else [secret]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["text", "json"])
def test_what_came_by_any_door_is_in_no_file_of_the_server_nor_in_its_log(tmp_path: Path, form: str) -> None:
    data, chain = tmp_path / "data", certificates().self_signed()
    config = tmp_path / "chat.toml"
    config.write_text(
        f"[tls]\ncertificate = '{chain.chain}'\nkey = '{chain.key}'\n[log]\nformat = '{form}'\nverbose = true\n"
    )
    server = ServerProcess("--config", str(config), data=data)
    secrets: list[str] = []
    programs: list[Program] = []

    def program() -> Program:
        programs.append(Program(server.port))
        return programs[-1]

    def asked(program: Program, do: str, **fields: Any) -> Event:
        answer = program.ask(do, **fields)
        secrets.extend(secrets_in(answer))
        return answer

    try:
        ann, other = program(), program()
        recovery = asked(ann, "register", nick="ann", password=PASSWORD)["recovery"]
        ann.ask("join", room="python")
        ann.ask("say", room="python", text="hello")
        asked(other, "login", nick="ann", password=WRONG)
        asked(other, "login", nick=PASSWORD, password=PASSWORD)
        asked(other, "login", nick="ann", code=f"{recovery[0]}0")
        for do, fields in (
            ("login", {"nick": [PASSWORD]}),
            ("login", {"password": [PASSWORD]}),
            (PASSWORD, {}),
            ("login", {PASSWORD: 1}),
        ):
            program().tell(do, **fields)
        program().tell("login", nick="ann", password=PASSWORD * 10_000)
        asked(other, "login", nick="ann", code=recovery[0])
        for code in (asked(ann, "code", purpose=purpose) for purpose in ("device", "recovery", "nothing")):
            asked(program(), "login", nick="ann", code=code.get("code", ""))
        asked(ann, "password", new=NEW, old=PASSWORD)
        asked(program(), "login", nick="ann", password=NEW)
        made = asked(ann, "code", purpose="device")["code"]
        for encrypted in (False, True):
            said = spoken(
                server.port, "/login ann", WRONG, "", f"/login ann {NEW}", "/login ann", NEW, encrypted=encrypted
            )
            said += spoken(server.port, f"/login ann {made}", "/password", NEW, NEW, NEW, encrypted=encrypted)
            said += spoken(
                server.port, "/register", f"/register bob{encrypted:d}", PASSWORD, PASSWORD, encrypted=encrypted
            )
            canary.assert_not_in("what people are told", said)
            secrets += re.findall(r"\b(?:[0-9A-Z]{4}-){4}[0-9A-Z]{4}\b", said)
        by_operator = subprocess.run(
            [sys.executable, "-m", "chat_server", "admin", "code", "ann", "--json", "--data", str(data)],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=True,
        ).stdout
        secrets += re.findall(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b", by_operator)
        again = program()
        asked(again, "login", nick="ann", password=NEW)
        assert asked(again, "account", ending="close", password=NEW)["is"] in {"account-ends", "logged-out"}
        assert server.stop() == 0
    finally:
        for one in programs:
            one.close()
        server.kill()
    looked_for = [PASSWORD, *(form for secret in secrets for form in as_people_type_it(secret))]
    assert len({*secrets}) > 12, "there is something to be found"
    assert canary.files_with(data, looked_for) == []
    log = "".join(server.log)
    assert "a caller came" in log
    assert [secret for secret in looked_for if secret.casefold() in log.casefold()] == []
