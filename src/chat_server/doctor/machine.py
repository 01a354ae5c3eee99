"""What an installation finds on its machine: the interpreter, what is installed beside it, the user, open files, the clock, systemd.

Blocks for some ten milliseconds. Knows the system. Never knows what is kept, nor whether a server runs.
"""

import os
import platform
import resource
import sysconfig
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from chat_server import __version__, systemctl
from chat_server.config import Config
from chat_server.doctor import Finding, good, must, note, warning
from chat_server.server.server import FILES_RESERVED

SERVICE = "chat-server.service"
AHEAD_SECONDS = 300.0
"""Seconds by which a file may be newer than the clock says it is now: machines that share a disk differ a little."""

EXTRAS = {
    "tui": ("textual", "chat-tui has no screen, and works with --plain"),
    "postgresql": ("psycopg", "several servers on one PostgreSQL cannot be one"),
}
"""Extras of which somebody may wonder why something does not work: what is missing where one is, and what follows."""


def look(config: Config) -> Iterator[Finding]:
    """Look at all of it."""
    yield program()
    yield from extras(config)
    yield user()
    yield files(config.limits.connections)
    yield from service()


def program() -> Finding:
    """Which release runs on which interpreter."""
    return good("program", f"this is chat-server {__version__} on {platform.python_implementation()} {_python()}")


def _python() -> str:
    version = platform.python_version()
    # Debian and Ubuntu build with PGO by a rule of their own, and then take the flags that used the profile out of what is told here.
    arguments, taking, using = sysconfig.get_config_vars("CONFIG_ARGS", "PGO_PROF_GEN_FLAG", "PGO_PROF_USE_FLAG")
    is_optimized = "--enable-optimizations" in (arguments or "") or (bool(taking) and not using)
    return version if is_optimized else f"{version}, built without PGO, which costs a fifth of the CPU"


def extras(config: Config) -> Iterator[Finding]:
    """What is not installed, where nothing else says so: the engine says what it needs by itself."""
    for extra, (module, follows) in EXTRAS.items():
        if find_spec(module) is None and config.journal.engine != extra:
            command = f"pip install 'chat-server[{extra}]', if that is wanted"
            yield note("extras", f"chat-server[{extra}] is not installed: {follows}", command)


def user() -> Finding:
    """Who asks: what root makes nobody else can write to."""
    if os.geteuid() != 0:
        return good("user", f"you are not root, but the user {os.geteuid()}")
    do = "run the server as a user of its own, as the Debian package and docs/systemd do; looking at it as root is fine"
    return note("user", "you are root", do)


def files(connections: int) -> Finding:
    """Whether as many may come as the settings say, with the limit that a server started from here would have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or not connections or hard >= connections + FILES_RESERVED:
        return good("open files", "the limit on open files is high enough for [limits] connections")
    fitting = max(0, hard - FILES_RESERVED)
    sentence = f"{hard} open files are allowed here, so {fitting} callers can come, and not {connections} ([limits] connections)"
    do = f"LimitNOFILE={connections + FILES_RESERVED} in the unit, or ulimit -n in the shell that starts it; or fewer connections"
    return (warning if fitting >= connections // 10 else must)("open files", sentence, do)


def clock(data: Path | None, now: float) -> Finding:
    """Whether the time can be right: nothing in the data directory can have been written later than now."""
    newest = 0.0
    with suppress(OSError):  # whoever the data belongs to, as whom this looks, may not be let into a checkout
        newest = Path(__file__).stat().st_mtime
    with suppress(OSError):
        newest = max([newest, *(path.lstat().st_mtime for path in data.iterdir())] if data else [newest])
    if newest > now + AHEAD_SECONDS:
        sentence = f"the clock is wrong: files were written {newest - now:.0f} s later than it says now"
        return must("clock", sentence, "set it (timedatectl set-ntp true), before people are shown wrong times")
    return good("clock", "the clock is later than whatever was written")


def service() -> Iterator[Finding]:
    """Whether systemd, where it runs, has the unit, starts it, and whether that runs."""
    if not systemctl.runs():
        yield note("service", "systemd does not run here, so nothing starts the server when the machine starts")
        return
    enabled, active = (systemctl.asked(question, SERVICE) for question in ("is-enabled", "is-active"))
    if enabled in ("", "not-found"):
        do = "docs/systemd has the units, and the Debian package brings them"
        yield note("service", f"there is no {SERVICE}: nothing starts the server when the machine starts", do)
    elif enabled not in ("enabled", "enabled-runtime", "alias", "static", "indirect"):
        yield warning("service", f"{SERVICE} is {enabled}", f"systemctl enable --now {SERVICE}")
    elif active == "failed":
        yield must("service", f"{SERVICE} has failed", f"journalctl -u {SERVICE} says why")
    else:
        yield good("service", f"{SERVICE} is {enabled} and {active}")
