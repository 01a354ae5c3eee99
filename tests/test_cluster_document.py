"""What docs/cluster.md says is done, step by step: two databases, two nodes, HAProxy in front of them, a failover, and moving there and back."""

import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from postgresql import USER, Cluster, free_port
from processes import ROOT, TIMEOUT, ServerProcess, program, running_server

DOCUMENT = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
COMPOSE = (ROOT / "docs" / "examples" / "cluster-compose.yml").read_text(encoding="utf-8")


def written(language: str) -> list[str]:
    """The document's blocks in this language."""
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)


ROLE_AND_DATABASE, STANDBY_ROLE, STANDBY_IS_THERE, PROMOTE, NO_STANDBY, STANDBY_AGAIN, ANOTHER = written("sql")
BASE_BACKUP, START, FINGERPRINT, ADMIN, MOVE, BASE_BACKUP_BACK, DUMP, PUT_BACK = written("sh")
ADDRESSES, SYNCHRONOUS = written("conf")
(NODE,) = written("toml")
(BALANCER,) = written("haproxy")


def carry_out(url: str, statements: str) -> None:
    """As a superuser, one after the other."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        for statement in filter(str.strip, statements.split(";")):
            connection.execute(statement.encode())


def set_up_database(engine: Cluster) -> None:
    """What is done once; the role is there, for the tests' superuser is called so."""
    made, rest = ROLE_AND_DATABASE.split("\n", 1)
    assert made == f"CREATE ROLE {USER} LOGIN;"
    carry_out(engine.url("postgres"), rest)


@contextmanager
def standby_of(primary: Cluster, command: str, source: str, port: int) -> Iterator[tuple[str, Path]]:
    """A standby that is made by the document's command. Yields how it is connected to, and its settings."""
    directory = Path(tempfile.mkdtemp(prefix="chat-standby-", dir=primary.directory))
    if primary.user:
        subprocess.run(["chown", primary.user, str(directory)], check=True)
    command = command.replace("/var/lib/postgresql/15/main", str(directory / "data"))
    name, *arguments = shlex.split(re.sub("host=db[12]", f"host=127.0.0.1 port={port}", command), comments=False)
    primary.run(name, *arguments)
    settings = directory / "data" / "postgresql.conf"
    with settings.open("a") as config:
        port = free_port()
        config.write(f"port = {port}\nunix_socket_directories = ''\nwal_retrieve_retry_interval = 500ms\n")
    pgdata = ("--pgdata", directory / "data")
    primary.run("pg_ctl", "start", *pgdata, "--wait", "--silent", "--log", directory / "log")
    url = f"host=127.0.0.1 port={port} dbname=postgres user={USER}"
    try:
        wait_for_standby(source, "streaming")
        yield url, settings
    finally:
        primary.run("pg_ctl", "stop", *pgdata, "--mode", "immediate", "--silent")


def wait_for_standby(source: str, state: str) -> None:
    """Until the document's query says so."""
    until = time.monotonic() + TIMEOUT
    with closing(psycopg.connect(source, autocommit=True)) as connection:
        while not any(state in row for row in connection.execute(STANDBY_IS_THERE.encode()).fetchall()):
            assert time.monotonic() < until
            time.sleep(0.05)


def be_synchronous(primary: str, standby: str, *files: Path) -> None:
    """The document's settings for both."""
    for file in files:
        with file.open("a") as config:
            config.write(SYNCHRONOUS)
    for url in (primary, standby):
        carry_out(url, "SELECT pg_reload_conf();")
    wait_for_standby(primary, "quorum")


def node_file(folder: Path, name: str, url: str, *, proxy: str = "127.0.0.1") -> Path:
    """The document's settings, with the addresses of this machine."""
    settings = tomllib.loads(NODE)
    assert settings["journal"]["url"].startswith("host=db1,db2 ")
    lines = NODE.replace(settings["journal"]["url"], url).replace("10.0.0.9", proxy).replace('"one"', f'"{name}"')
    file = folder / f"{name}.toml"
    file.write_text(lines.replace('"0.0.0.0"', '"127.0.0.1"'))
    return file


class Caller:
    """Somebody at telnet, as far as that matters here."""

    def __init__(self, port: int, nick: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        self._received = b""
        self.say(f"/login {nick}\n/python")
        self.wait_for("You are in python")

    def say(self, text: str) -> None:
        self._socket.sendall(f"{text}\n".encode())

    def wait_for(self, wanted: str) -> None:
        while wanted.encode() not in self._received:
            more = self._socket.recv(65536)
            assert more, self._received.decode()
            self._received += more
        self._received = self._received.partition(wanted.encode())[2]

    def close(self) -> None:
        self._socket.close()


@contextmanager
def calling(port: int, nick: str) -> Iterator[Caller]:
    with closing(Caller(port, nick)) as caller:
        yield caller


@contextmanager
def running_balancer(folder: Path, nodes: list[ServerProcess]) -> Iterator[int]:
    """HAProxy with the document's lines, at the addresses of these nodes. Yields where it listens."""
    port = free_port()
    lines = BALANCER.replace("bind :5000", f"bind 127.0.0.1:{port}")
    servers = re.findall(r" +server \w+ .*\n", lines)
    for line, node in zip(servers, nodes, strict=False):
        lines = lines.replace(line, re.sub(r"\d+\.\d+\.\d+\.\d+:\d+", f"127.0.0.1:{node.port}", line))
    for line in servers[len(nodes) :]:
        lines = lines.replace(line, "")
    config = folder / "haproxy.cfg"
    config.write_text(lines)
    haproxy = program("haproxy", folder="/usr/sbin")
    with subprocess.Popen([haproxy, "-db", "-f", str(config)], stderr=subprocess.DEVNULL) as balancer:
        try:
            until = time.monotonic() + TIMEOUT
            while time.monotonic() < until:
                with suppress(OSError):
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                time.sleep(0.05)
            yield port
        finally:
            balancer.terminate()
            balancer.wait()


def chat_server(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "chat_server", *arguments], capture_output=True, text=True, check=False, timeout=TIMEOUT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_from_nothing_to_two_nodes_behind_a_balancer_through_a_failover_and_to_a_standby_again(tmp_path: Path) -> None:
    with closing(Cluster(in_memory=False)) as primary:
        first = primary.url("postgres")
        set_up_database(primary)
        carry_out(first, STANDBY_ROLE)
        with standby_of(primary, BASE_BACKUP, first, primary.port) as (standby, settings):
            be_synchronous(first, standby, primary.data / "postgresql.conf", settings)
            second = int(str(conninfo_to_dict(standby)["port"]))
            url = f"host=127.0.0.1,127.0.0.1 port={primary.port},{second} dbname=chat user={USER}"
            one, two = (node_file(tmp_path, name, url) for name in ("one", "two"))
            assert shlex.split(START) == ["chat-server", "--config", "chat.toml"]
            with running_server("--config", str(one), data=tmp_path / "data1") as first_node:
                (tmp_path / "data2").mkdir(mode=0o700)
                certificate = tmp_path / "data1" / "tls.pem"
                while not certificate.exists():
                    time.sleep(0.05)
                shutil.copy(certificate, tmp_path / "data2")
                with (
                    running_server("--config", str(two), data=tmp_path / "data2") as second_node,
                    running_balancer(tmp_path, [first_node, second_node]) as port,
                    calling(port, "ann") as ann,
                    calling(port, "bob") as bob,
                ):
                    ann.wait_for("bob joined")
                    ann.say("which of them am I at?")
                    bob.wait_for("ann: which of them am I at?")
                    told = [in_data_directory(tmp_path / data, FINGERPRINT, one) for data in ("data1", "data2")]
                    assert told[0].splitlines()[0] == told[1].splitlines()[0]
                    nodes = in_data_directory(tmp_path / "data1", ADMIN, one)
                    assert "one" in nodes, nodes
                    assert "two" in nodes, nodes

                    primary.stop("immediate")
                    carry_out(standby, f"{PROMOTE}{NO_STANDBY}")
                    bob.say("are you still there?")
                    ann.wait_for("bob: are you still there?")
                    ann.say("/last 5")
                    ann.wait_for("which of them am I at?")

                    with standby_of(primary, BASE_BACKUP_BACK, standby, second) as (again, _):
                        for each in (standby, again):
                            carry_out(each, STANDBY_AGAIN)
                        wait_for_standby(standby, "quorum")
                        ann.say("as before")
                        bob.wait_for("ann: as before")


def in_data_directory(data: Path, command: str, config: Path) -> str:
    """What one of the document's commands answers for a node."""
    name, *arguments = shlex.split(command.replace("chat.toml", str(config)))
    assert name == "chat-server"
    return chat_server(*arguments, "--data", str(data))


def test_the_lines_of_whom_the_database_lets_in_are_such_as_it_takes(cluster: Cluster) -> None:
    file = cluster.data / "pg_hba.conf"
    before = file.read_text()
    try:
        file.write_text(before + ADDRESSES)
        with closing(psycopg.connect(cluster.url("postgres"), autocommit=True)) as connection:
            rows = connection.execute("SELECT database, user_name, error FROM pg_hba_file_rules").fetchall()
        assert rows[-2:] == [(["chat"], ["chat"], None), (["replication"], ["standby"], None)]
    finally:
        file.write_text(before)


def by_programs_of(engine: Cluster, commands: str) -> None:
    """The document's commands of PostgreSQL's, one after the other, with a file in a place of its own."""
    where = ("--host", engine.directory, "--port", str(engine.port), "--username", USER)
    for line in commands.splitlines():
        name, *arguments = shlex.split(line.replace("/var/backups", str(engine.directory)))
        engine.run(name, *where, *arguments)


def of_room(engine: Cluster, what: str) -> str:
    with closing(psycopg.connect(engine.url("chat"))) as connection:
        rows = connection.execute(f"SELECT {what} FROM room WHERE name = 'python'".encode()).fetchall()  # noqa: S608 - a column
    return str(rows[0][0])


def identity_of(engine: Cluster) -> str:
    with closing(psycopg.connect(engine.url("chat"))) as connection:
        return str(connection.execute("SELECT identity FROM journal").fetchall()[0][0])


def test_a_dump_of_a_database_with_nodes_is_put_back_and_nobody_takes_new_lines_for_those_that_they_know(
    tmp_path: Path,
) -> None:
    with closing(Cluster()) as engine:
        set_up_database(engine)
        url = f"host={engine.directory} port={engine.port} dbname=chat user={USER}"
        files = [node_file(tmp_path, name, url, proxy="192.0.2.1") for name in ("one", "two")]

        @contextmanager
        def nodes() -> Iterator[list[ServerProcess]]:
            with ExitStack() as stack:
                yield [
                    stack.enter_context(running_server("--config", str(file), data=tmp_path / file.stem))
                    for file in files
                ]

        with nodes() as running, calling(running[0].port, "ann") as ann, calling(running[1].port, "bob") as bob:
            ann.say("before the copy")
            bob.wait_for("ann: before the copy")
            by_programs_of(engine, DUMP)
            ann.say("after the copy")
            bob.wait_for("ann: after the copy")
            known = of_room(engine, "uid"), identity_of(engine)
        by_programs_of(engine, PUT_BACK)
        with nodes() as running, calling(running[0].port, "carl") as carl, calling(running[1].port, "dora") as dora:
            assert any("the journal has been put back from a copy" in line for line in running[0].log)
            assert not any("put back from a copy" in line for line in running[1].log)
            carl.say("in place of it")
            dora.wait_for("carl: in place of it")
            dora.say("/last 5")
            dora.wait_for("#1")
            dora.wait_for("before the copy")
            dora.wait_for("carl: in place of it")
            dora.wait_for("Lines 1–2 of 2")
        now = of_room(engine, "uid"), identity_of(engine)
        assert (now[0] == known[0], now[1] == known[1]) == (False, False)
        found = [
            in_data_directory(tmp_path / file.stem, "chat-server check-journal --config chat.toml", file)
            for file in files
        ]
        assert all("no problems" in one for one in found), found
        with nodes() as running:
            assert not any("put back from a copy" in line for node in running for line in node.log)
        assert (of_room(engine, "uid"), identity_of(engine)) == now, "once"
        carry_out(engine.url("chat"), ANOTHER)
        assert of_room(engine, "uid") != now[0]
        assert identity_of(engine) != now[1]


def test_what_was_kept_in_sqlite_moves_into_the_database_and_back(tmp_path: Path) -> None:
    sqlite = tmp_path / "sqlite.toml"
    sqlite.write_text("[server]\nport = 5000\n")
    with running_server("--config", str(sqlite), data=tmp_path / "old") as server, calling(server.port, "ann") as ann:
        ann.say("said to one server")
        ann.say("/last 5")
        ann.wait_for("said to one server")
    with closing(Cluster()) as engine:
        set_up_database(engine)
        node = node_file(tmp_path, "one", f"host={engine.directory} port={engine.port} dbname=chat user={USER}")
        again = tmp_path / "again.jsonl"
        exporting, importing = (shlex.split(line) for line in MOVE.splitlines())
        assert (exporting[0], importing[0]) == ("chat-server", "chat-server")
        files = {"sqlite.toml": str(sqlite), "chat.toml": str(node), "export.jsonl": str(tmp_path / "export.jsonl")}
        chat_server(*[files.get(word, word) for word in exporting[1:]], "--data", str(tmp_path / "old"))
        chat_server(*[files.get(word, word) for word in importing[1:]], "--data", str(tmp_path / "new"))
        files |= {"sqlite.toml": str(node), "chat.toml": str(sqlite), "export.jsonl": str(again)}
        chat_server(*[files.get(word, word) for word in exporting[1:]], "--data", str(tmp_path / "new"))
        assert again.read_bytes() == (tmp_path / "export.jsonl").read_bytes()
        with running_server("--config", str(node.with_name("one.toml")), data=tmp_path / "new") as server:
            assert server.is_running


@pytest.mark.parametrize("service", ["one", "balancer"])
def test_the_compose_file_has_settings_that_its_programs_take(tmp_path: Path, service: str) -> None:
    printed = re.search(r"printf '(\[server\][^']*)'" if service == "one" else r"printf '(defaults[^']*)'", COMPOSE)
    assert printed is not None
    text = printed[1].replace("\\n", "\n")
    if service == "one":
        file = tmp_path / "chat.toml"
        file.write_text(text)
        assert tomllib.loads(text)["journal"] == tomllib.loads(NODE)["journal"]
        return
    file = tmp_path / "haproxy.cfg"
    file.write_text(text)
    checked = subprocess.run(
        [program("haproxy", folder="/usr/sbin"), "-c", "-f", str(file)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
