"""The server as a process of the operating system: listeners, open files, signals, memory, exit code.

Never knows flags or files of settings, nor what is said in the rooms.
"""

import gc
import resource
import signal
from collections.abc import AsyncIterator
from contextlib import suppress

import structlog
import trio

from chat_server import logs
from chat_server.config import Config
from chat_server.journal.folder import DataFolder, DataFolderError, data_directory
from chat_server.journal.sqlite import SqliteJournal
from chat_server.journal.writer import UnusableJournal
from chat_server.server import Server, open_listeners

_log = structlog.get_logger()


class CannotStart(Exception):
    """The address cannot be listened on, or the data directory not be used; the sentence says which and why."""


def run(config: Config) -> int:
    """Serve until a signal stops it.

    Returns:
        The exit code: 0 if nothing was cut off, 1 if something was.

    Raises:
        CannotStart: before anything else has happened.

    """
    logs.configure(config.log.format, verbose=config.log.verbose)
    host, port = config.server.host, config.server.port
    try:
        listeners = open_listeners(host, port)
    except (OSError, UnicodeError) as error:
        raise CannotStart(f"cannot listen on {host}:{port}: {getattr(error, 'strerror', None) or error}") from error

    try:
        folder = DataFolder(data_directory(config.journal.directory))
        journal = SqliteJournal(folder, config.journal.durability)
    except (DataFolderError, UnusableJournal) as error:
        for listener in listeners:
            listener.close()
        raise CannotStart(str(error)) from error

    async def serve() -> int:
        server = Server(config, journal, files=_raise_file_limit())
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_stop_on_signals, server, signals)
                await nursery.start(journal.run)
                cut = await server.run(listeners)
                journal.close()
                await journal.closed.wait()
                nursery.cancel_scope.cancel()
        return cut

    _relieve_collector()
    cut = trio.run(serve)
    if cut:
        _log.warning(f"stopped; cut off with something unsent: {cut}")
        return 1
    _log.info("stopped")
    return 0


async def _stop_on_signals(server: Server, signals: AsyncIterator[int]) -> None:
    """Stop in order on the first signal, at once on the second."""
    number = await anext(signals)
    _log.info(f"stopping on {signal.Signals(number).name}; a second signal stops at once")
    server.stop()
    await anext(signals)
    server.cut()


def _relieve_collector() -> None:
    """Spare the garbage collector what cannot be garbage.

    What the imports made stays for good. A connection makes some forty objects that live long: with the default threshold of 700 the
    collector took 12 % of the time in which 15,000 people joined.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _raise_file_limit() -> int:
    """Allow this process as many open files as it may have; return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, 65536) if hard == resource.RLIM_INFINITY else hard
    with suppress(OSError, ValueError):  # macOS says that there is no limit, and then has one
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft
