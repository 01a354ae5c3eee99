"""The commands of docs/telnet.md that come in by TLS, run on real terminals against real servers: with whose certificate, and with whose not."""

import itertools
import re
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from chat_server.protocol.fingerprints import parse_fingerprint
from chat_server.server.self_signed import host_name
from processes import ROOT, TIMEOUT, Screen, ServerProcess, program, running_server, screen
from test_telnet_programs import at_nc, say
from tls_servers import Certificate, certificates

DOCUMENT = (ROOT / "docs" / "telnet.md").read_text(encoding="utf-8")
TALKS = itertools.count(1)
"""Whoever talks has a name of their own: those before may not have gone yet."""

WORDS = "xyzzy and plugh"
ASKED = "Are you sure you want to trust it? (y/N)"


def written(mark: str) -> str:
    """A block of the document."""
    block = re.search(rf"<!-- {mark} -->\n```\w+\n(.*?)```", DOCUMENT, re.DOTALL)
    assert block
    return block[1]


def commands(mark: str) -> dict[str, str]:
    """The commands of a block, each by its program."""
    return {line.split()[0]: line.partition("    ")[0] for line in written(mark).splitlines()}


ENCRYPTED, VERIFIED, NAMED, TRUSTED, FRONT = map(commands, ("encrypted", "verified", "named", "trusted", "in front"))
PROGRAMS = ["openssl", "ncat", "socat", "gnutls-cli", "telnet-ssl"]


class Served(NamedTuple):
    """A server that speaks TLS."""

    process: ServerProcess
    tls_port: int
    chain: Path
    """What verifies it."""

    def command(self, line: str, *, host: str = "localhost", chain: Path | None = None) -> str:
        """The command as somebody who calls this server writes it."""
        line = re.sub(r"chat\.example\.org|192\.0\.2\.1", host, line).replace("5001", str(self.tls_port))
        line = re.sub(r"\bvm\b", host_name(), line.replace("5000", str(self.process.port)))
        return re.sub(r"\bcertificate\.pem", str(chain or self.chain), line)


@contextmanager
def serving(folder: Path, chain: Path | None = None, **settings: Any) -> Iterator[Served]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    config = folder / "chat.toml"
    config.write_text("[tls]\n" + "".join(f"{key} = {value!r}\n" for key, value in {"port": port, **settings}.items()))
    with running_server("--config", str(config), data=folder / "data") as server:
        server.wait_for_log("the certificate of TLS is")
        if chain is None:
            chain = folder / "data" / "certificate.pem"
            program("openssl")
            subprocess.run(["openssl", "x509", "-in", folder / "data" / "tls.pem", "-out", chain], check=True)
        yield Served(server, port, chain)


@pytest.fixture(scope="module")
def self_made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that has made its certificate for itself."""
    with serving(tmp_path_factory.mktemp("self_made")) as server:
        yield server


@pytest.fixture(scope="module")
def vouched_for(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server called localhost, for which an authority vouches."""
    chain, key = certificates().vouched_for("DNS:localhost")
    folder = tmp_path_factory.mktemp("vouched_for")
    with serving(folder, certificates().authority, certificate=str(chain), key=str(key)) as server:
        yield server


@pytest.fixture(autouse=True)
def _nothing_is_known_yet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


@contextmanager
def at(command: str) -> Iterator[Screen]:
    """Somebody who has typed a command, on a terminal on which everything has room."""
    name, *words = shlex.split(command)
    with screen(program(name), *words, columns=250, rows=70) as person:
        yield person


def talk(person: Screen, server: Served) -> None:
    """Log in, enter a room, be heard, hear, and leave."""
    number = next(TALKS)
    person.wait_until("Type /login and a nickname to come in")
    person.type(f"/login ann{number}\r")
    person.wait_until(f"* Welcome, ann{number}.")
    with at_nc(server.process, f"bob{number}", "python") as bob:
        person.type("/python\r")
        person.wait_until("* You are in python.")
        person.type(f"Really, a line {number} 你好\r")
        assert bob.stdout
        while f"ann{number}: Really, a line {number} 你好".encode() not in (heard := bob.stdout.readline()):
            assert heard, "the line did not come"
        say(bob, f"Quite so, {number}")
        person.wait_until(f"bob{number}: Quite so, {number}")
    person.type("/tls\r")
    person.wait_until("* This line is encrypted.")
    person.type("/logout\r")
    person.wait_until("* Goodbye.")


def wait_for_end(person: Screen, keys: str = "") -> None:
    """Wait until the program has ended; press these keys now and then, for some look at the server's end only when something is typed."""
    deadline = time.monotonic() + TIMEOUT
    pressed_at = 0.0
    while person.exit_code() is None:
        assert time.monotonic() < deadline, "\n".join(person.rows)
        if person.read(0.1):
            continue
        time.sleep(0.02)  # the terminal of a program that is just ending has nothing to be waited for
        if keys and time.monotonic() > pressed_at + 1:  # each press is a row, and there are 70
            person.type(keys)
            pressed_at = time.monotonic()


def talk_and_leave(command: str, server: Served) -> str:
    """Come in by a command, and leave; what was on the screen, row by row."""
    with at(command) as person:
        talk(person, server)
        wait_for_end(person, "\r" if command.startswith("ncat") else "")
        return "\n".join(person.rows)


def refused(command: str) -> str:
    """What somebody sees whose program refuses the server, row by row."""
    with at(command) as person:
        wait_for_end(person)
        person.settle()
        rows = "\n".join(person.rows)
        assert "Hello. This is chat-server" not in rows
        return rows


def test_the_document_has_every_program_in_each_form() -> None:
    assert [*ENCRYPTED] == [*VERIFIED] == PROGRAMS
    assert [*NAMED] == PROGRAMS[:-1]
    assert [*TRUSTED] == ["gnutls-cli", "#ssl"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_everybody_comes_in_without_verifying_a_certificate_that_the_server_made(self_made: Served, name: str) -> None:
    seen = talk_and_leave(self_made.command(ENCRYPTED[name], host="127.0.0.1"), self_made)
    shown = {
        "openssl": "verify error:num=18:self-signed certificate",
        "gnutls-cli": "The certificate is NOT trusted.",
        "telnet-ssl": "SSL: unknown Issuer: ",
    }
    if name in shown:
        assert shown[name] in seen
    else:
        assert seen.startswith("* Hello."), "it shows nothing of its own"


@pytest.mark.parametrize("name", PROGRAMS)
def test_everybody_comes_in_where_an_authority_vouches_for_the_server(vouched_for: Served, name: str) -> None:
    seen = talk_and_leave(vouched_for.command(VERIFIED[name]), vouched_for)
    assert "verify error" not in seen
    assert ("The certificate is trusted." in seen) == (name == "gnutls-cli")


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name != "gnutls-cli"])
def test_an_authority_that_the_system_knows_needs_no_file(
    vouched_for: Served, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(vouched_for.chain))
    line = re.sub(r"( -z cacert=|,cafile=| -CAfile | --ssl-trustfile )certificate\.pem", "", VERIFIED[name])
    assert line != VERIFIED[name]
    talk_and_leave(vouched_for.command(line), vouched_for)
    monkeypatch.delenv("SSL_CERT_FILE")
    refused(vouched_for.command(line))


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_server_for_which_nobody_vouches_is_refused(self_made: Served, vouched_for: Served, name: str) -> None:
    said = refused(self_made.command(VERIFIED[name], chain=vouched_for.chain))
    assert {
        "openssl": "certificate verify failed",
        "ncat": "Ncat: ",
        "socat": "certificate verify failed",
        "gnutls-cli": "The certificate is NOT trusted.",
        "telnet-ssl": "SSL: certificate verify failed",
    }[name] in said


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_server_of_another_name_is_refused_though_an_authority_vouches_for_it(vouched_for: Served, name: str) -> None:
    said = refused(vouched_for.command(VERIFIED[name], host="127.0.0.1"))
    assert {
        "openssl": "verify error:num=62:hostname mismatch",
        "ncat": "Ncat: Certificate verification error. QUITTING.",
        "socat": 'does not match hostname "127.0.0.1"',
        "gnutls-cli": "The name in the certificate does not match the expected.",
        "telnet-ssl": "SSL: Certificate CN (localhost) does not match hostname (127.0.0.1)",
    }[name] in said


def test_telnet_ssl_looks_for_no_name_with_secure_and_in_no_other_place_than_the_cn(tmp_path: Path) -> None:
    chain, key = certificates().vouched_for("DNS:elsewhere", "DNS:localhost")
    with serving(tmp_path, certificates().authority, certificate=str(chain), key=str(key)) as server:
        line = server.command(VERIFIED["telnet-ssl"])
        assert "SSL: Certificate CN (elsewhere) does not match hostname (localhost)" in refused(line)
        talk_and_leave(line.replace("certrequired", "secure"), server)


@pytest.mark.parametrize("name", [*NAMED])
def test_a_certificate_is_fetched_compared_and_verified_by_whatever_name_the_server_is_called(
    self_made: Served, name: str, tmp_path: Path
) -> None:
    chain = tmp_path / "fetched.pem"
    script = written("fetch")
    program("openssl")
    said = subprocess.check_output(
        ["sh", "-c", self_made.command(script, host="127.0.0.1", chain=chain)], text=True, timeout=TIMEOUT
    )
    (told,) = (line for line in self_made.process.log if "the certificate of TLS is" in line)
    assert parse_fingerprint(said) == parse_fingerprint(told.partition(" is ")[2].partition(" until")[0])
    line = self_made.command(NAMED[name], host="127.0.0.1", chain=chain)
    talk_and_leave(line, self_made)
    refused(line.replace(host_name(), "elsewhere.example"))


@contextmanager
def renewable(folder: Path) -> Iterator[tuple[Served, Path]]:
    """A server, and the file whose certificate and key it shows."""
    file = folder / "pair.pem"
    write(file, certificates().self_signed())
    with serving(folder, certificate=str(file), chain=file) as server:
        yield server, file


def write(file: Path, pair: Certificate) -> None:
    file.write_text(pair.key.read_text() + pair.chain.read_text())
    file.chmod(0o600)


def renew(server: Served, file: Path) -> None:
    """Have the server show another certificate from now on."""
    write(file, certificates().self_signed())
    server.process.signal(signal.SIGHUP)
    server.process.wait_for_log("the certificate of TLS is now")


def test_gnutls_cli_asks_at_first_use_and_again_when_the_certificate_has_changed(tmp_path: Path) -> None:
    with renewable(tmp_path) as (server, file):
        line = server.command(TRUSTED["gnutls-cli"])
        with at(line) as person:
            person.wait_until(ASKED)
            person.type("y\r")
            talk(person, server)
        assert ASKED not in talk_and_leave(line, server)
        renew(server, file)
        with at(line) as person:
            person.wait_until("(y/N)")
            assert "Hello. This is chat-server" not in "\n".join(person.rows)
            person.type("n\r")
            wait_for_end(person)
        refused(line.replace("--tofu", "--strict-tofu"))


@pytest.mark.slow
def test_gnutls_cli_keeps_an_answer_for_which_the_server_did_not_wait(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        line = server.command(TRUSTED["gnutls-cli"])
        with at(line) as person:
            person.wait_until(ASKED)
            server.process.wait_for_log("it took longer than 10 seconds")
            person.type("y\r")
            person.wait_until("non-properly terminated")
            wait_for_end(person)
        assert ASKED not in talk_and_leave(line, server)


def test_tintin_trusts_at_first_use_and_aborts_when_the_certificate_has_changed(tmp_path: Path) -> None:
    with renewable(tmp_path) as (server, file):
        for is_first in (True, False):
            with at_tintin(server) as person:
                talk(person, server)
                person.wait_until("#SESSION 'chat' DIED.")
                first_time = "#SSL: THIS IS THE FIRST TIME YOU CONNECT TO THIS SERVER."
                assert (first_time in person.rows) == is_first
        (kept,) = (tmp_path / ".tintin" / "ssl").iterdir()
        assert kept.read_text().strip() in file.read_text()
        renew(server, file)
        with at_tintin(server) as person:
            person.wait_until("#SSL ERROR: ABORTING CONNECTION.")
            assert "#SSL ERROR: SERVER CERTIFICATE IS DIFFERENT FROM THE SAVED ONE." in person.rows
            person.wait_until("#SESSION 'chat' DIED.")
            assert "Hello. This is chat-server" not in "\n".join(person.rows)


def test_tintin_comes_in_where_an_authority_vouches_for_the_server(vouched_for: Served) -> None:
    with at_tintin(vouched_for) as person:
        talk(person, vouched_for)


@contextmanager
def at_tintin(server: Served) -> Iterator[Screen]:
    with screen(program("tt++", folder="/usr/games"), "-G", columns=100, rows=70) as person:
        person.settle()
        person.type(f"{server.command(TRUSTED['#ssl'], host='127.0.0.1').strip()}\r")
        yield person


@pytest.fixture(scope="module")
def with_carol(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of its own, for guests are marked where anybody has an account: carol is registered; her password is WORDS."""
    with serving(tmp_path_factory.mktemp("with_carol")) as server:
        with socket.create_connection(("127.0.0.1", server.process.port), TIMEOUT) as nc:
            nc.sendall(f"/register carol\n{WORDS}\n{WORDS}\n/logout\n".encode())
            said = b"".join(iter(lambda: nc.recv(4096), b""))
        assert b"each of these codes" in said
        yield server


@pytest.mark.parametrize("name", [*PROGRAMS, "tt++"])
def test_a_password_is_shown_by_those_that_do_not_speak_telnet(with_carol: Served, name: str) -> None:
    with at_tintin(with_carol) if name == "tt++" else at(with_carol.command(ENCRYPTED[name])) as person:
        person.wait_until("Type /login and a nickname to come in")
        person.type("/login carol\r")
        person.wait_until("Password:")
        person.settle()
        person.type(f"{WORDS}\r")
        person.wait_until("* Welcome, carol.")
        assert (WORDS.encode() in person.raw) == (name not in ("telnet-ssl", "tt++"))
        person.type("/logout\r")
        person.wait_until("* Goodbye.")


@pytest.mark.parametrize(("line", "end"), [("Really?", "RENEGOTIATING"), ("Quit that", "DONE")])
def test_openssl_without_quiet_takes_lines_for_commands(self_made: Served, line: str, end: str) -> None:
    with at(self_made.command(ENCRYPTED["openssl"].replace(" -quiet", ""), host="127.0.0.1")) as person:
        person.wait_until("Type /login and a nickname to come in")
        person.type(f"{line}\r")
        wait_for_end(person)
        person.settle()
        assert end in person.rows
        assert (person.exit_code() == 0) == (end == "DONE")


def test_telnet_ssl_has_the_editor_and_its_colours(self_made: Served) -> None:
    with at(self_made.command(ENCRYPTED["telnet-ssl"])) as person:
        editing(person)


def test_telnet_has_its_editor_through_what_is_put_in_front(vouched_for: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    front = vouched_for.command(FRONT["socat"].replace("TCP4-LISTEN:5000", f"TCP4-LISTEN:{port}"))
    name, *words = shlex.split(front)
    with subprocess.Popen([program(name), *words]) as socat:
        try:
            wait_until_it_listens(port)
            with at(FRONT["telnet"].replace("5000", str(port))) as person:
                editing(person)
        finally:
            socat.terminate()


def wait_until_it_listens(port: int) -> None:
    deadline = time.monotonic() + TIMEOUT
    while f" 0100007F:{port:04X} 00000000:0000 0A " not in Path("/proc/net/tcp").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def editing(person: Screen) -> None:
    """Edit a line here, and leave."""
    nick = f"eve{next(TALKS)}"
    person.wait_until("Type /login and a nickname to come in")
    person.type(f"/login {nick}\r")
    person.wait_for(f"[hall] {nick}>")
    person.type("/pythn\x1b[Do\x05\r")
    person.wait_for(f"[python] {nick}>")
    person.type(f"helo {nick}\x01\x1b[C\x1b[C\x1b[Cl\r")
    person.wait_for(f"{nick}: hello {nick}", f"[python] {nick}>")
    assert re.search(rb"\x1b\[[0-9;]*m[^\x1b]*" + nick.encode(), person.raw)
    person.type("/tls\r")
    person.wait_until("* This line is encrypted.")
    person.type("/logout\r")
    person.wait_until("Connection closed by foreign host.")
