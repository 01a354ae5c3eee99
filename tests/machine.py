"""A machine as docs/operating.md has one: its commands are typed in a shell there. The server is the real one.

Apt, certbot, systemd and rsync have stand-ins.

The directories that the page names are directories of a test.
"""

import re
import subprocess
import sys
import time
from pathlib import Path

import canary
from processes import ROOT, TIMEOUT

SYSTEMCTL = f"""#!{sys.executable}
import os, re, shutil, signal, subprocess, sys, time
from pathlib import Path

root = Path(__file__).parent.parent
pid, log, credentials = root / "pid", root / "log", root / "credentials"

def is_running():
    try:
        return "Z" not in Path(f"/proc/{{pid.read_text()}}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False

def tell(number):
    if is_running():
        os.kill(int(pid.read_text()), number)

def stop():
    tell(signal.SIGTERM)
    while is_running():
        time.sleep(0.01)

def start():
    if is_running():
        return
    credentials.mkdir(exist_ok=True)
    for drop_in in (root / "systemd/chat-server.service.d").glob("*.conf"):
        for line in drop_in.read_text().splitlines():
            if line.startswith("LoadCredential="):
                name, source = line.partition("=")[2].split(":")
                shutil.copy(source, credentials / name)
    known = log.stat().st_size if log.exists() else 0
    words = ["chat-server", "--port", "0", "--config", str(root / "etc/chat-server.toml"), "--data", str(root / "data")]
    with log.open("ab") as out:
        server = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=out,
            start_new_session=True,
            env=os.environ | {{"CREDENTIALS_DIRECTORY": str(credentials)}},
        )
    pid.write_text(str(server.pid))
    while b"listening on" not in log.read_bytes()[known:]:
        if server.poll() is not None:
            sys.exit(log.read_text())
        time.sleep(0.01)

word, units = sys.argv[1], sys.argv[2:]
assert all(unit in ("chat-server.service", "chat-server.socket") for unit in units), units
if "chat-server.service" in units and word in ("stop", "restart"):
    stop()
if "chat-server.service" in units and word in ("start", "restart"):
    start()
if word == "reload":
    tell(signal.SIGHUP)
if word == "status":
    print("active (running)" if is_running() else "inactive (dead)")
assert word in ("start", "stop", "restart", "reload", "status", "daemon-reload"), word
"""

CERTBOT = """#!/bin/sh
set -eu
[ "$1 $2 $3" = "certonly --standalone --domain" ] && [ "$5" = --deploy-hook ]
mkdir -p "{root}/letsencrypt/live/$4"
cd "{root}/letsencrypt/live/$4"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj "/CN=$4" -addext "subjectAltName=DNS:$4" \\
    -keyout privkey.pem -out fullchain.pem 2>/dev/null
"""

RSYNC = """#!/bin/sh
set -eu
[ "$1" = --archive ]
shift
[ "$1" != --delete ] || {{ shift; find "$2" -mindepth 1 -delete; }}
mkdir -p "$2"
cp --archive "${{1#root@*:}}." "$2"
"""


class Machine:
    """A machine on which nothing is installed yet but the programs."""

    def __init__(self, root: Path, *, old: Path | None = None) -> None:
        """Have its directories below `root`; one that is copied from is `old`."""
        self.root = root
        self.data = root / "data"
        self._places = {
            "root@old.example.org:/var/lib/chat-server": f"root@old.example.org:{old}",
            "/var/lib/chat-server": str(self.data),
            "/etc/chat-server": str(root / "etc"),
            "/etc/systemd/system": str(root / "systemd"),
            "/etc/letsencrypt": str(root / "letsencrypt"),
            "/srv/chat-backups": str(root / "elsewhere"),
            f"/{'tmp'}/trial": str(root / "trial"),
        }
        for name in ("bin", "etc", "data", "systemd"):
            (root / name).mkdir(parents=True, exist_ok=True)
        self.data.chmod(0o700)  # as the package makes it
        (root / "etc" / "chat-server.toml").write_text('[server]\nname = "test"\n')
        self._install("chat-server", f'#!/bin/sh\nexec "{sys.executable}" -m chat_server "$@"\n')
        self._install("systemctl", SYSTEMCTL)
        self._install("certbot", CERTBOT.format(root=root))
        self._install("rsync", RSYNC.format())
        for name in ("apt", "timedatectl", "chown"):
            self._install(name, f'#!/bin/sh\necho {name} "$@"\n')
        self._install("journalctl", f'#!/bin/sh\ngrep -E " (warning|error): " "{root}/log" || true\n')

    def _install(self, name: str, text: str) -> None:
        path = self.root / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def type(self, commands: str, *, code: int = 0) -> str:
        """Have a shell do this, as far as it goes well, which it ends with this code; return what it says."""
        newest = max((path.name for path in (self.data / "backups").glob("chat-*.db")), default="none")
        text = re.sub(r"chat-000042-20261129T030000Z\.db", newest, commands)
        for place, here in self._places.items():
            text = text.replace(place, here)
        done = subprocess.run(
            ["bash", "-e", "-c", f'PATH="{self.root}/bin:$PATH"\n{text}'],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            cwd=ROOT,
            check=False,
        )
        assert done.returncode == code, (commands, done)
        return done.stdout + done.stderr

    @property
    def port(self) -> int:
        """Where the server listens that was started last."""
        found = re.findall(r"listening on \S+:(\d+)\n", self.log)
        return int(found[-1])

    @property
    def log(self) -> str:
        """What it has logged."""
        return (self.root / "log").read_text()

    def wait_for_log(self, text: str) -> None:
        deadline = time.monotonic() + TIMEOUT
        while text not in self.log:
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    def close(self) -> None:
        """End the server, if there is one."""
        if (self.root / "pid").exists():
            self.type("systemctl stop chat-server.service")
            canary.assert_not_in("the server's log", self.log)
