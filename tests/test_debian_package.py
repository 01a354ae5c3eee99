"""The Debian package: made by its script, and installed, upgraded, removed and purged in a root that is thrown away.

That root is the machine's own with a layer above it, so it takes seconds; CHAT_SERVER_TEST_ROOT names another one, such as an empty Debian that
mmdebstrap has made (docs/installing.md).
"""

import io
import os
import re
import shlex
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from processes import ROOT, TIMEOUT, made_once, program

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

LAYERED = """
mount -t tmpfs tmpfs "$0" && mkdir "$0/upper" "$0/work" "$0/root" &&
mount -t overlay overlay -o "lowerdir=$1,upperdir=$0/upper,workdir=$0/work" "$0/root" &&
mount -t proc proc "$0/root/proc" && mount --rbind /dev "$0/root/dev" && mount -t tmpfs tmpfs "$0/root/run" &&
echo ready && exec sleep 1200
"""

DATA = "/var/lib/chat-server"
SETTINGS = "/etc/chat-server/chat-server.toml"


class Root:
    """A root in which packages are installed, and what is done in it by root."""

    def __init__(self, holder: int, path: Path) -> None:
        self._enter = ["nsenter", f"--mount=/proc/{holder}/ns/mnt", "chroot", str(path)]

    def command(self, *words: str) -> list[str]:
        clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"]
        return [*self._enter, *clean, "DEBIAN_FRONTEND=noninteractive", *words]

    def run(self, *words: str, wanted: int = 0) -> str:
        done = subprocess.run(
            self.command(*words), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        assert done.returncode == wanted, done.stdout
        return done.stdout

    def shell(self, script: str) -> str:
        return self.run("sh", "-c", script)

    def put(self, package: Path) -> str:
        """Have a file there. Returns its path."""
        path = f"/root/{package.name}"
        subprocess.run(self.command("sh", "-c", f"cat > {path}"), input=package.read_bytes(), check=True)
        return path


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    program("dpkg-deb")
    if os.geteuid() != 0:
        pytest.skip("only root may make a root of its own")
    lower = os.environ.get("CHAT_SERVER_TEST_ROOT", "/")
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", LAYERED, str(tmp_path), lower]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        try:
            assert holder.stdout.readline() == "ready\n"
            yield Root(holder.pid, tmp_path / "root")
        finally:
            holder.kill()


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, as `scripts/package` makes it; CHAT_SERVER_TEST_PACKAGE names one that it has made already."""
    program("dpkg-deb")
    if given := os.environ.get("CHAT_SERVER_TEST_PACKAGE"):
        return Path(given)
    with made_once(tmp_path_factory, "package") as folder:
        if not [*folder.glob("*.deb")]:
            _make_package(folder)
        (found,) = folder.glob("*.deb")
    return found


def _make_package(into: Path, root: Path = ROOT, *, mask: int = 0o022, **more: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"DPKG_DEB_COMPRESSOR_TYPE": "gzip", "DPKG_DEB_COMPRESSOR_LEVEL": "1"}  # a minute less
    script = subprocess.run(
        [root / "scripts" / "package", into],
        capture_output=True,
        text=True,
        check=False,
        env=environment | more,
        umask=mask,
    )
    assert script.returncode == 0, script.stderr[-3000:]


def checked_out(elsewhere: Path) -> Path:
    """The same source in another directory, as somebody has it who lets nobody else read what is theirs, with a file that is none of it."""
    git = ["git", "-c", f"safe.directory={ROOT}"]
    subprocess.run([*git, "clone", "--quiet", ROOT, elsewhere], check=True, umask=0o077)
    tracked = subprocess.run([*git, "-C", ROOT, "ls-files"], check=True, capture_output=True, text=True).stdout
    for name in tracked.splitlines():
        if (ROOT / name).exists():
            (elsewhere / name).parent.mkdir(parents=True, exist_ok=True)
            (elsewhere / name).write_bytes((ROOT / name).read_bytes())
        else:
            (elsewhere / name).unlink(missing_ok=True)
    shutil.rmtree(elsewhere / "tests")  # no package is made of them, and the password that they have must be in no file
    (elsewhere / "docs" / "notes.txt~").write_text("what an editor has left")
    return elsewhere


def test_the_same_source_makes_the_same_package_wherever_whenever_and_by_whom_it_is_built(
    package: Path, tmp_path: Path
) -> None:
    (tmp_path / "tmp").mkdir()
    places = {"TMPDIR": str(tmp_path / "tmp"), "HOME": "/nonexistent", "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"}
    _make_package(tmp_path / "made", checked_out(tmp_path / "another place"), mask=0o077, **places)
    (again,) = (tmp_path / "made").glob("*.deb")
    assert again.name == package.name
    for part in ("--ctrl-tarfile", "--fsys-tarfile"):
        one, other = (
            subprocess.run(["dpkg-deb", part, path], check=True, capture_output=True).stdout
            for path in (package, again)
        )
        assert _entries(one) == _entries(other)
        assert one == other
    if "CHAT_SERVER_TEST_PACKAGE" not in os.environ:  # which may be compressed otherwise
        assert package.read_bytes() == again.read_bytes()


def _entries(tape: bytes) -> dict[str, tuple[int, int, float]]:
    """What is in an archive: the size, mode and time of each."""
    with tarfile.open(fileobj=io.BytesIO(tape)) as found:
        return {entry.name: (entry.size, entry.mode, entry.mtime) for entry in found}


def newer(package: Path, folder: Path) -> Path:
    """The same package as its next revision, whose settings have another comment."""
    tree = folder / "tree"
    subprocess.run(["dpkg-deb", "--raw-extract", package, tree], check=True)
    control = tree / "DEBIAN" / "control"
    control.write_text(re.sub(r"(?m)^(Version: .*)$", r"\1+later", control.read_text()))
    settings = tree / SETTINGS.removeprefix("/")
    settings.write_text("# Another comment.\n" + settings.read_text())
    later = folder / "later.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, later], check=True, capture_output=True
    )
    return later


@contextmanager
def served(root: Root) -> Iterator[int]:
    """The server, started by the unit's own command as the user that it is for. Yields its port."""
    unit = root.run("cat", "/usr/lib/systemd/system/chat-server.service")
    command = re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    assert command is not None
    words = shlex.split(command[1].replace("%E", "/etc").replace("%S", "/var/lib"))
    user = ["setpriv", "--reuid", "chat-server", "--regid", "chat-server", "--clear-groups"]
    with subprocess.Popen(root.command(*user, *words, "--port", "0"), stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            while not (ready := re.search(r"listening on \S+:(\d+)", line := server.stderr.readline())):
                assert line, "it ended"
            yield int(ready[1])
        finally:
            server.terminate()
            server.communicate(timeout=TIMEOUT)
    assert server.returncode == 0


def say(root: Root, port: int, text: str) -> str:
    """What chat-tui, line by line, shows of a room in which it says something; it ends well if that is stored."""
    client = ["chat-tui", "--plain", f"127.0.0.1:{port}", "--nick", "ann", "--room", "python", "--state", "/root/ann"]
    done = subprocess.run(root.command(*client), input=f"{text}\n", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def owner(root: Root, path: str) -> str:
    return root.run("stat", "--format", "%U:%G %a", path).strip()


def test_it_is_installed_upgraded_removed_and_purged_and_what_was_said_stays_until_somebody_says_otherwise(
    root: Root, package: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    later = newer(package, tmp_path_factory.mktemp("later"))
    path = root.put(package)
    postinst = "/var/lib/dpkg/info/chat-server.postinst"

    root.run("dpkg", "--install", path)
    assert owner(root, DATA) == "chat-server:chat-server 700"
    assert owner(root, SETTINGS) == "root:root 644"
    assert root.run("getent", "passwd", "chat-server").strip().endswith(f"{DATA}:/usr/sbin/nologin")
    for program_name in ("chat-server", "chat-tui"):
        assert root.run(program_name, "--version").startswith(f"{program_name} ")
        root.run("test", "-s", f"/usr/share/man/man1/{program_name}.1.gz")
        printed = root.run(program_name, "--print-completion", "bash")
        assert printed == root.run("cat", f"/usr/share/bash-completion/completions/{program_name}")
    assert root.run("chat-server", "--port", "0", "--check-config", "--config", SETTINGS).endswith("good\n")
    wanted = ("multi-user.target.wants/chat-server.service", "sockets.target.wants/chat-server.socket")
    for link in wanted:
        root.run("test", "-L", f"/etc/systemd/system/{link}")
    with served(root) as port:
        say(root, port, "said before the upgrade")
    root.run("dpkg", "--verify", "chat-server")
    assert root.run("find", "/usr/lib/chat-server", "-newer", path, "-type", "f") == "", "nothing writes there"

    root.shell(f"printf '[server]\\nname = \"mine\"\\n' > {SETTINGS}")
    root.run("rm", f"/etc/systemd/system/{wanted[0]}")  # as systemctl disable does
    for _ in range(2):  # what postinst does it may do again
        root.run("env", "DPKG_MAINTSCRIPT_PACKAGE=chat-server", postinst, "configure", "0")
    upgraded = root.run("dpkg", "--force-confold", "--install", root.put(later))
    assert "Unpacking chat-server" in upgraded
    assert '"mine"' in root.run("cat", SETTINGS), "settings that somebody has changed stay"
    root.run("test", "!", "-L", f"/etc/systemd/system/{wanted[0]}")
    with served(root) as port:
        assert "stored as 2\n" in say(root, port, "said after it")

    root.run("dpkg", "--remove", "chat-server")
    root.run("test", "!", "-e", "/usr/lib/chat-server")
    root.run("test", "!", "-e", "/usr/bin/chat-server")
    root.run("test", "-s", f"{DATA}/journal.db")
    root.run("test", "-s", SETTINGS)

    root.run("dpkg", "--force-confold", "--install", path)
    with served(root) as port:
        assert "stored as 3\n" in say(root, port, "and after it was gone")
    purged = root.run("dpkg", "--purge", "chat-server")
    assert f"What was said is still in {DATA}" in purged
    root.run("test", "-s", f"{DATA}/journal.db")
    root.run("test", "!", "-e", "/etc/chat-server")

    root.run("dpkg", "--install", path)
    root.shell("echo 'SET chat-server/purge-data true' | debconf-communicate chat-server")
    root.run("dpkg", "--purge", "chat-server")
    root.run("test", "!", "-e", DATA)
    assert root.shell("echo 'GET chat-server/purge-data' | debconf-communicate chat-server || true").startswith("10 ")
    for link in wanted:
        root.run("test", "!", "-L", f"/etc/systemd/system/{link}")


def test_debian_s_own_check_has_nothing_to_say_of_it(package: Path) -> None:
    lintian = program("lintian")
    said = subprocess.run(
        [lintian, "--allow-root", "--fail-on", "warning", package], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stdout


def test_nothing_in_it_is_of_the_machine_where_it_was_made(package: Path, tmp_path: Path) -> None:
    listed = subprocess.run(["dpkg-deb", "--contents", package], capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=5) for line in listed.splitlines()]
    assert {row[1] for row in rows} == {"root/root"}
    assert {row[3][:2] for row in rows} == {"20"}
    assert len({(row[3], row[4]) for row in rows}) == 1, "every time is that of the last commit"
    subprocess.run(["dpkg-deb", "--extract", package, tmp_path], check=True)
    for place in (str(ROOT), str(Path(tempfile.gettempdir(), "tmp."))):
        found = subprocess.run(
            ["grep", "--recursive", "--files-with-matches", place, tmp_path],
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.stdout == ""


def test_all_of_it_is_compiled_for_a_start_that_compiles_takes_seconds(package: Path, tmp_path: Path) -> None:
    subprocess.run(["dpkg-deb", "--extract", package, tmp_path], check=True)
    home = tmp_path / "usr" / "lib" / "chat-server"
    sources = {path for path in home.rglob("*.py") if "__pycache__" not in path.parts}
    compiled = {path.parents[1] / f"{path.name.partition('.')[0]}.py" for path in home.rglob("__pycache__/*.pyc")}
    assert sources - compiled == set()
    (head,) = {path.read_bytes()[4:8] for path in home.rglob("__pycache__/*.pyc")}
    assert int.from_bytes(head, "little") == 1, (
        "by what is in them, which nobody looks at again: times may be others (PEP 552)"
    )
