"""What the log says when the server has started: where data is kept, and what to type next, to come in and to have an owner.

Never knows how it was started.
"""

import os
import shlex
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import trio

from chat_server.accounts import Accounts
from chat_server.guard import Guard
from chat_server.journal import JournalError
from chat_server.logs import log
from chat_server.server.listening import place_of
from chat_server.server.proxies import Proxies
from chat_server.wire.proxy_protocol import UNIX


class ReadyLog:
    """Logs how to come in, when the server says that one can, and begins what has waited for that."""

    def __init__(
        self, listeners: Sequence[socket.socket], proxies: Proxies, begin: Callable[[], None], *, kept: str
    ) -> None:
        self._kept = kept
        self._addresses = [place_of(listener) for listener in listeners]
        self._proxies = proxies
        self._begin = begin

    def started(self, _value: None = None) -> None:
        """Connections are accepted."""
        client = os.environ.get("CHAT_TUI_COMMAND", "chat-tui")
        log.info(self._kept)
        log.info(ways_in(self._addresses, client=client, proxies=self._proxies))
        self._begin()


def where_kept(engine: str, directory: Path | None) -> str:
    """Where data is kept; of a database only that it is one, for its address may have a password in it."""
    if directory is None:
        return "nothing is kept: the journal is in memory, and forgotten with the server"
    where = directory.absolute()
    return (
        f"data is kept in {where}"
        if engine == "sqlite"
        else f"data is kept in {engine}, and what is this server's own in {where}"
    )


def ways_in(addresses: Sequence[tuple[str, int]], *, client: str, proxies: Proxies) -> str:
    """What to type next, on this machine: a host name may have several addresses, of which the first of IPv4 works with every nc.

    Args:
        addresses: where the server listens.
        client: how chat-tui is started here. In a checkout its script, which finds a server in its usual place by itself.
        proxies: those that are believed. Who comes from where one of them may be must come by it.

    """
    host, port = next((address for address in addresses if ":" not in address[0]), addresses[0])
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - this is asked, not listened on
    is_path = here.startswith("/")
    if (UNIX if is_path else here) in proxies:
        return "to come in: by the proxy, for from this machine nobody is let in without its header ([proxy] trusted)"
    if is_path:
        return f"to come in: nc -U {shlex.quote(here)}"
    address = f"[{here}]:{port}" if ":" in here else f"{here}:{port}"
    is_usual = address == "127.0.0.1:5000" and client != "chat-tui"
    elsewhere = "" if here == host else f"; from elsewhere, with this machine's name instead of {here}"
    command = shlex.quote(client)
    return f"to come in: nc {here} {port}, or {command if is_usual else f'{command} {address}'}{elsewhere}"


async def tell_of_owner(accounts: Accounts, after: trio.Event, directory: str) -> None:
    """Say, last of what is said at the start, how somebody becomes an owner, as long as nobody is one."""
    await after.wait()
    with Guard("cannot look for an owner"), suppress(JournalError):
        if not await accounts.has_owner():
            log.info(way_to_an_owner(os.environ.get("CHAT_SERVER_COMMAND", "chat-server"), directory))


def way_to_an_owner(command: str, directory: str) -> str:
    """What to type next, to have an owner.

    Args:
        command: how chat-server is started here: in a checkout, by a script.
        directory: where the server's data is; "" if that is in its usual place.

    """
    words = f"admin owner NAME{f' --data {shlex.quote(directory)}' if directory else ''}"
    return f"to make somebody the owner, who invites others: {shlex.quote(command)} {words}"
