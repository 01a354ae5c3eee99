"""One PostgreSQL for all tests that need one: started when the first asks, as a user without rights, in a temporary directory that is in
memory where that can be.

A test gets a database of its own by the fixture `database`, made from one that has the tables already. Where no PostgreSQL is installed such
tests are left out, and say so; CI never leaves them out.
"""

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from chat_server.journal.postgresql.schema import migrate

VERSION_MIN = 14
PROGRAMS = ("initdb", "postgres", "pg_ctl")
PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)
"""Where they are if they are not in the path: Debian, Red Hat, Homebrew."""
USER = "chat"
TEMPLATE = "chat_template"
START_SECONDS = 60
MEMORY = Path("/dev/shm")  # noqa: S108 - a new directory in it, with a random name
MEMORY_MIN = 2 * 2**30
"""Where files are in memory, so that a commit costs nothing though it is flushed as servers want it, and how many bytes must be free there."""


BESIDE = "_beside"


def url_beside(url: str) -> str:
    """How to connect to an empty database beside a test's own, which is made if it is not there. It goes with that."""
    name = f"{conninfo_to_dict(url)['dbname']}{BESIDE}"
    with psycopg.connect(url, autocommit=True) as connection:
        if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchall():
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    return make_conninfo(url, dbname=name)


UNDERTAKER = 'read _; "$1" stop --pgdata "$2" --mode immediate --silent; rm -rf "$3"'
"""Waits until nobody holds its standard input any more."""


class Database(NamedTuple):
    """A database that a test has for itself."""

    cluster: "Cluster"
    name: str

    @property
    def url(self) -> str:
        """How a program connects to it, through a Unix socket."""
        return self.cluster.url(self.name)

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.url, autocommit=True)


class Cluster:
    """A PostgreSQL of its own. It listens on a Unix socket in its directory, and at 127.0.0.1."""

    def __init__(self, *settings: str, standby_of: "Cluster | None" = None, in_memory: bool = True) -> None:
        """Make and start one, with these settings besides ("max_connections=20"); or one that has what another has, all the time.

        Its files are in memory, if there is room for them.
        """
        self.binaries = binaries()
        # A short path: a socket's has 107 characters at most.
        self.directory = Path(tempfile.mkdtemp(prefix="chat-pg-", dir=_memory() if in_memory else None))
        self.data = self.directory / "data"
        self.user = unprivileged_user()
        if self.user:
            os.chown(self.directory, pwd.getpwnam(self.user).pw_uid, -1)
        self.port, self._reservation = reserved_port()
        self._databases = 0
        self._process: subprocess.Popen[bytes] | None = None
        pgdata = ("--pgdata", self.data, "--no-sync", "--username", USER)
        if standby_of is None:
            self.run("initdb", *pgdata, "--auth", "trust", "--encoding", "UTF8", "--no-locale")
        else:
            source = ("--host", standby_of.directory, "--port", str(standby_of.port))
            self.run("pg_basebackup", *pgdata, *source, "--write-recovery-conf", "--checkpoint", "fast")
        listens = (f"unix_socket_directories={self.directory}", "listen_addresses=127.0.0.1", f"port={self.port}")
        lines = [
            f"{name} = '{value}'\n" for name, _, value in (setting.partition("=") for setting in (*listens, *settings))
        ]
        with (self.data / "postgresql.conf").open("a") as config:
            config.writelines(lines)
        # Whoever runs the tests may be killed; nothing of this is to be left then, least of all in memory.
        self._undertaker = subprocess.Popen(
            ["sh", "-c", UNDERTAKER, "sh", self.binaries / "pg_ctl", self.data, self.directory],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self.user,
            cwd="/",
            start_new_session=True,
        )
        self.start()

    def run(self, name: str, *arguments: "str | Path") -> None:
        """Run one of PostgreSQL's programs."""
        command = [str(self.binaries / name), *map(str, arguments)]
        done = subprocess.run(command, user=self.user, cwd=self.directory, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stdout, done.stderr)

    def start(self) -> None:
        """Start it, and wait until it can be asked."""
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self.binaries / "postgres"), "-D", str(self.data)],
                user=self.user,
                cwd=self.directory,
                stdout=log,
                stderr=log,
            )
        self.wait()

    def wait(self) -> None:
        """Wait until it can be asked."""
        assert self._process is not None
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                assert self._process.poll() is None, self.log()
                assert time.monotonic() < until, self.log()
                time.sleep(0.02)
            else:
                return

    @property
    def pid(self) -> int:
        """Of its first process, the parent of all others."""
        assert self._process is not None
        return self._process.pid

    def stop(self, how: str = "immediate") -> None:
        """Stop it; "immediate" as a power cut would."""
        if self._process is not None:
            with suppress(AssertionError):  # it is dead already
                self.run("pg_ctl", "stop", "--pgdata", self.data, "--mode", how, "--silent")
            self._process.wait()
            self._process = None

    def kill(self) -> None:
        """End all that it is made of, in whatever it is doing."""
        self.wait()  # it may be recovering, and tells nobody then what it is made of
        assert self._process is not None
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()").fetchall()
        for pid in (*(pid for (pid,) in found), self.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def close(self) -> None:
        """Stop it, and leave nothing of it."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
        self._undertaker.communicate()
        self._reservation.close()

    def log(self) -> str:
        """What it has written."""
        return (self.directory / "log").read_text(errors="replace")

    def url(self, database: str, *, host: str = "", port: int = 0) -> str:
        """How to connect to one of its databases, directly or at another address (a proxy's)."""
        return f"host={host or self.directory} port={port or self.port} dbname={database} user={USER}"

    def create(self, *, is_empty: bool = False) -> Database:
        """A new database with the tables of this release, or with none."""
        self._databases += 1
        name = f"chat_{self._databases}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if (
                not is_empty
                and not connection.execute("SELECT FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchall()
            ):
                connection.execute(f"CREATE DATABASE {TEMPLATE}")
                with psycopg.connect(self.url(TEMPLATE), autocommit=True) as template:
                    migrate(template)
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {'template0' if is_empty else TEMPLATE}")
        return Database(self, name)

    def drop(self, database: Database) -> None:
        """Delete a database, and the one beside it, whoever still uses them."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            for name in (database.name, f"{database.name}{BESIDE}"):
                connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@cache
def binaries() -> Path:
    """Where PostgreSQL's programs are. Where there are none, or old ones, the test is left out."""
    found = shutil.which("postgres")
    places = [Path(found).resolve().parent] if found else []
    for pattern in PLACES:
        places += sorted(
            Path("/").glob(pattern[1:]),
            key=lambda place: int("0" + "".join(re.findall(r"\d+", str(place))[:1])),
            reverse=True,
        )
    for place in places:
        if all((place / name).exists() for name in PROGRAMS):
            told = subprocess.run([place / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
            if int(re.findall(r"\d+", told)[0]) >= VERSION_MIN:
                return place
    why = f"PostgreSQL {VERSION_MIN} or newer is not installed (Debian: apt install postgresql)"
    assert "CI" not in os.environ, why
    pytest.skip(why)


def _memory() -> Path | None:
    """A place for files in memory, if there is one."""
    with suppress(OSError):
        return MEMORY if shutil.disk_usage(MEMORY).free >= MEMORY_MIN else None
    return None


def unprivileged_user() -> str | None:
    """Whose processes they are to be: PostgreSQL refuses to run as root. None: ours."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    why = "as root, PostgreSQL needs a user `postgres` or `nobody` to run as"
    assert "CI" not in os.environ, why
    pytest.skip(why)


def free_port() -> int:
    """A port that nothing listens on, and that the system gives to no outgoing connection."""
    port, reservation = reserved_port()
    reservation.close()
    return port


def reserved_port() -> tuple[int, socket.socket]:
    """A port that nothing listens on, that the system gives to no outgoing connection, and that no other test gets until the socket is closed.

    A PostgreSQL may be stopped for a while, and begin again with its port.
    """
    for port in range(20000 + os.getpid() % 5000, 32000):
        reservation = socket.socket(socket.AF_UNIX)
        with suppress(OSError):
            if sys.platform == "linux":  # a name that is no file, and goes with whoever has it
                reservation.bind(f"\0chat-test-port-{port}")
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", port))
            return port, reservation
        reservation.close()
    raise AssertionError("every port is taken")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The PostgreSQL of these tests. It may be asked for by several databases' tests; whoever stops or harms it makes one of their own."""
    made = Cluster()
    yield made
    made.close()


@pytest.fixture
def database(cluster: Cluster) -> Iterator[Database]:
    """A database with the tables of this release, and nothing in them."""
    made = cluster.create()
    yield made
    cluster.drop(made)
