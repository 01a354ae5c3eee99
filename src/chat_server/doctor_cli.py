"""The command `chat-server doctor`: looks at an installation, and says what it has found and what to do.

Knows flags and what is said on the terminal. Never knows what is looked at.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from chat_server import console
from chat_server.config import Config
from chat_server.config_file import ConfigError
from chat_server.doctor import Finding, State, keeping, machine, must, note, running

SERVICE_SETTINGS = Path("/etc/chat-server/chat-server.toml")
"""Where the settings of the service are that the Debian package, and docs/systemd, install."""

EXIT = {State.GOOD: 0, State.NOTE: 0, State.WARNING: 1, State.MUST: 2}


def run_doctor(configure: Callable[[], Config], *, named: Path | None, as_json: bool) -> int:
    """Look, and say it. Returns the exit code: 0 well, 1 something is to be warned of, 2 something has to be done."""
    worst = 0
    for finding in _findings(configure, named):
        worst = max(worst, EXIT[finding.state])
        if as_json:
            console.say(msgspec.json.encode(finding._asdict()).decode())
        else:
            console.say(f"{finding.state:8} {finding.about}: {finding.sentence}")
            if finding.do:
                console.say(f"{'':8} → {finding.do}")
        console.flush()
    return worst


def _findings(configure: Callable[[], Config], named: Path | None) -> Iterator[Finding]:
    try:
        config = configure()
    except ConfigError as error:
        yield machine.program()
        do = "chat-server.toml(5), or `chat-server --print-config`, has what may stand there"
        yield from (must("settings", mistake, do) for mistake in error.mistakes)
        return
    yield from machine.look(config)
    if named is None and SERVICE_SETTINGS.exists():
        do = f"to look at that: chat-server doctor --config {SERVICE_SETTINGS} --data /var/lib/chat-server"
        yield note(
            "settings", f"this looks at your own server; a service here has its settings in {SERVICE_SETTINGS}", do
        )
    yield from keeping.look(config)
    yield from running.look(config)
