"""The server as a process of the operating system: what it opens, in which order, what runs beside it, its exit code.

Never knows flags or files of settings, nor what is said in the rooms.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from math import inf
from pathlib import Path

import trio

from chat_server import logs
from chat_server.config import Config
from chat_server.journal import Journal, JournalError, JournalInUse
from chat_server.journal.data_directory import is_in_use
from chat_server.logs import log
from chat_server.server.admin_socket import AdminSocket, NoWayIn, open_admin_socket
from chat_server.server.backups_in_use import BackupsInUse, backups_of
from chat_server.server.config_in_use import ConfigInUse
from chat_server.server.handed import NOTHING, Handed, as_handed
from chat_server.server.in_effect import InEffect
from chat_server.server.monitors_in_use import MonitorsInUse
from chat_server.server.opening import CannotStart, Opened, given_by_systemd, opened_anew, replaced
from chat_server.server.places import Ports, ports_of, with_ports
from chat_server.server.process_resources import memory, raise_file_limit, relieve_collector
from chat_server.server.process_settings import configure_log, prepares, tell_repeats
from chat_server.server.proxies import Proxies
from chat_server.server.send_ring import ManySends
from chat_server.server.server import Server
from chat_server.server.service_manager import ServiceManager
from chat_server.server.signals import OBEYED, Signals, hangups_survived
from chat_server.server.start_log import ReadyLog, tell_of_owner, where_kept
from chat_server.server.stopping import Ended, Stops
from chat_server.server.successor import Successor
from chat_server.server.watched import Watched
from chat_server.server.way_in import WayIn

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds until a node that was given up is tried again to begin anew, if it cannot; each further pause is twice as long, to a bound."""

AFTER_SUCCESSOR_PAUSE, AFTER_SUCCESSOR_SECONDS = 0.02, 10.0
"""The same for a server whose successor has come to nothing: the system has not taken all from that which it had; and for how long it is tried."""


NEITHER = "the server that was to take the place of this one has not, nor can this one serve again"


def run(config: Config, read: Callable[[], Config] | None = None, *, replaces: bool = False) -> int:
    """Serve until a signal stops it, or another server has taken its place.

    A node that the others have given up begins anew, as another one. So does a server whose successor comes to nothing before it serves.

    Args:
        config: the settings.
        read: reads them again, for a reload; see ConfigInUse.
        replaces: take the place of the server that has the same data directory, if one is running.

    Returns:
        The exit code: 0 if nothing was cut off, 1 if something was.

    Raises:
        CannotStart: before anything else has happened.

    """
    configure_log(config.log)
    with hangups_survived(), closing(ServiceManager()) as manager:
        given = given_by_systemd()
        in_use = ConfigInUse(as_handed(config, given), read and (lambda: as_handed(read(), given)))
        opened = replaced(in_use.config, given) if replaces else _opened_first(in_use.config, given)
        relieve_collector()
        ports, directory = ports_of(opened.places), opened.directory
        ended = trio.run(_serve, in_use, opened, manager, given)
        while ended.begins_anew or (
            ended.successor is not None and not ended.successor.serves(partial(_is_taken, directory))
        ):
            ended = _serve_again(in_use, manager, given, ports, after=ended.successor)
    logs.tell_repeats(is_end=True)
    if ended.cut:
        log.warning(f"stopped; cut off with something unsent: {ended.cut}")
        return 1
    log.info("stopped")
    return 0


def _opened_first(config: Config, given: Handed) -> Opened:
    """Open all that a server needs which takes the place of none. Raises CannotStart, with what to do where one is running."""
    try:
        return opened_anew(config, given)
    except CannotStart as error:
        if isinstance(error.__cause__, JournalInUse):
            raise CannotStart(f"{error}: stop that one first, or take its place with --replace") from error.__cause__
        raise


def _serve_again(
    in_use: ConfigInUse, manager: ServiceManager, given: Handed, ports: Ports, *, after: Successor | None
) -> Ended:
    """Serve anew at the same places, as soon as that can be; a signal ends the process meanwhile. See _serve.

    After a successor that has come to nothing it is soon that it can be, or never: yet another server has the data directory, or what is in it has
    been changed, and CannotStart is raised.
    """
    pause, until = FIRST_PAUSE, inf
    if after is not None:
        given, pause, until = after.places, AFTER_SUCCESSOR_PAUSE, time.monotonic() + AFTER_SUCCESSOR_SECONDS
    while True:
        try:
            opened = opened_anew(with_ports(in_use.config, ports), given)
            if after is not None:
                given.close()
                given = NOTHING
            return trio.run(_serve, in_use, opened, manager, given)
        except CannotStart as error:
            if time.monotonic() >= until:
                if isinstance(error.__cause__, JournalInUse):
                    log.info("another server has taken the place of this one", why=str(error))
                    return Ended(0)
                raise CannotStart(f"{NEITHER}: {error}") from error
            log.error("cannot begin anew; trying again", why=str(error), seconds=pause)
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


def _is_taken(directory: Path | None) -> bool:
    """Whether somebody else has what is kept; nobody can tell where that is in no directory."""
    return directory is None or is_in_use(directory)


async def _serve(in_use: ConfigInUse, opened: Opened, manager: ServiceManager, given: Handed) -> Ended:
    """Serve until a signal stops it, the other nodes have given this one up, or another server takes its place.

    Raises:
        CannotStart: what is kept cannot be read.

    """
    config, places, store, certificate = in_use.config, opened.places, opened.store, opened.certificate
    journal = store.journal
    admin = _admin_socket(opened.directory)
    send_many, files, backups = ManySends(), raise_file_limit(), backups_of(config, opened.directory)
    server = Server(
        config,
        store,
        files=files,
        memory=memory(),
        work=time.thread_time,
        tls=certificate.context,
        fingerprint=certificate.fingerprint,
        send_many=send_many,
        in_use=in_use,
    )
    watched = Watched(server, store, certificate, opened.directory, files=files, backups=backups)
    stops = Stops(server, journal, manager, places, is_kept=given.are_kept)
    signals = Signals(stops.stop, stops.cut_off, in_use.ask)
    copies, monitors = BackupsInUse(backups, in_use, opened.directory), MonitorsInUse(places.monitors, config.metrics)
    of_process = (certificate.prepared, copies.prepared, monitors.prepared, *prepares(in_use, places))
    preparing = (*of_process, server.in_effect.prepared, server.in_effect.rooms_prepared)
    with (
        closing(send_many),
        in_use.used_by(*preparing, around=partial(_reloading, manager, monitors)),
        trio.open_signal_receiver(*OBEYED) as received,
    ):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(signals.obey, received)
            nursery.start_soon(in_use.run)
            nursery.start_soon(tell_repeats)
            nursery.start_soon(watched.run, monitors)
            await nursery.start(journal.run)
            nursery.start_soon(_let_come_back, server.in_effect, opened.is_next)

            def begin() -> None:
                opened.told_that_it_serves()
                server.health.ready()
                nursery.start_soon(watched.run_canary)
                manager.ready()
                nursery.start_soon(manager.run, partial(_status, server, journal))
                nursery.start_soon(certificate.run)
                nursery.start_soon(watched.back_up)
                if admin is not None:
                    nursery.start_soon(tell_of_owner, store.accounts, certificate.began, config.journal.directory)

            kept = where_kept(config.journal.engine, opened.directory)
            ready = ReadyLog(places.chat, Proxies(config.proxy.trusted), begin, kept=kept)
            way_in = WayIn(admin, backups, stops.succession())
            cut, unreadable = 0, None
            try:
                cut = await server.run(places.chat, ready, tls_listeners=places.tls, way_in=way_in)
            except* JournalError as errors:
                unreadable = errors
            journal.close()
            await journal.wait_closed()
            nursery.cancel_scope.cancel()
    if unreadable is not None:
        places.close()
        if admin is not None:
            admin.close()
        raise CannotStart(f"what is kept cannot be read: {_first(unreadable)}") from _first(unreadable)
    return stops.ended(cut, is_for_good=signals.is_stopping)


@contextmanager
def _reloading(manager: ServiceManager, monitors: MonitorsInUse) -> Iterator[None]:
    with manager.reloading(), monitors.tried():
        yield


async def _let_come_back(in_effect: InEffect, is_next: bool) -> None:
    if is_next:
        await in_effect.let_come_back()


def _status(server: Server, journal: Journal) -> str:
    """How the server is, in a line for whoever runs it."""
    seconds = journal.activity().commit_seconds
    commits = f", commit {sorted(seconds)[len(seconds) // 2] * 1000:.1f} ms" if seconds else ""
    people = len(server.hall.directory.people)
    return f"{people} {'person' if people == 1 else 'people'}{commits}"


def _first(errors: BaseExceptionGroup[JournalError]) -> BaseException:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def _admin_socket(data: Path | None) -> AdminSocket | None:
    """Where operators come in; None, and the log says why, if they cannot."""
    try:
        return open_admin_socket(data)
    except NoWayIn as error:
        log.warning("no way in for `chat-server admin`", why=str(error))
        return None
