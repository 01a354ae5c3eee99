"""Whether the server runs, whether all is well with it by its own words, and whether its port answers.

Blocks for as long as a server has to answer. Knows sockets. Never knows files.
"""

import socket
from collections.abc import Iterator

from chat_server.config import Config
from chat_server.doctor import Finding, good, must, note, warning
from chat_server.health_cli import NoAnswer, ask
from chat_server.journal import UnusableJournal
from chat_server.server.admin_socket import NoWayIn
from chat_server.server.proxies import Proxies
from chat_server.wire.proxy_protocol import UNIX

PATIENCE = 5.0
"""Seconds in which a server that is well has greeted long ago."""

HERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - this is asked, not listened on
"""From which address a server that listens everywhere is reached on its own machine."""


def look(config: Config) -> Iterator[Finding]:
    """Look at all of it."""
    try:
        trouble = ask("health", config)
    except (NoAnswer, NoWayIn, UnusableJournal) as error:
        yield warning("server", str(error), "start it; its log says why, if it does not stay")
        return
    if trouble:
        yield must("server", f"the server runs and is not well: {trouble}", "its log has more")
    else:
        yield good("server", "the server runs, and all is well by its own words")
    yield port(config)


def port(config: Config) -> Finding:
    """Whether somebody who calls is greeted."""
    host, number = config.server.host, config.server.port
    is_socket = host.startswith("/")
    here = UNIX if is_socket else HERE.get(host, host)
    where = host if is_socket else f"{here}:{number}"
    try:
        if here in Proxies(config.proxy.trusted):
            return note("port", f"whether {where} answers was not asked: from here it wants a proxy's header")
    except ValueError:
        pass  # a host name, which is no address of a proxy
    if not number and not is_socket:
        return note("port", "which port the server listens on is in its log: [server] port is 0")
    try:
        _be_greeted(host if is_socket else here, number)
    except TimeoutError:
        return must("port", f"whoever listens at {where} does not greet", "see which program that is: ss -ltnp")
    except OSError as error:
        do = "if systemd has its sockets, `systemctl status chat-server.socket` says where it listens"
        return warning("port", f"nobody answers at {where}: {error.strerror or error}", do)
    return good("port", f"{where} greets who calls")


def _be_greeted(host: str, number: int) -> None:
    """Wait for the first words. Raises OSError if nobody listens, TimeoutError if nothing comes."""
    if host.startswith("/"):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(PATIENCE)
    else:
        connection = socket.create_connection((host, number), PATIENCE)
    with connection:
        if host.startswith("/"):
            connection.connect(host)
        if not connection.recv(64):
            raise TimeoutError
