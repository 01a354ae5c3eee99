"""What a server needs before it serves: opened by itself, handed over by systemd, or taken from the server whose place it takes.

Blocks. Never knows what is served, nor who stops it.
"""

import errno
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

from chat_server.config import Config
from chat_server.journal import Damaged, DamagedJournal, JournalInUse, UnusableJournal
from chat_server.journal.archive import FileProblem
from chat_server.journal.engines import Engine, Store, engine_named
from chat_server.logs import log
from chat_server.server.certificate_in_use import CertificateInUse
from chat_server.server.certificates import CertificateProblem
from chat_server.server.handed import NOTHING, Handed, Unfit, handed_by_systemd
from chat_server.server.places import CannotListen, Places, fitting, open_places
from chat_server.server.replacing import CannotReplace, HungUp, Predecessor

GAP_SECONDS, GAP_LOOK_SECONDS = 5.0, 0.25
"""Seconds for which one that is to replace a server asks again if none answers, but what that has is somebody's; and between two tries.

So it is while another one takes its place: the first has ended, and the second does not serve yet. Then the second is replaced.
"""


class CannotStart(Exception):
    """The address cannot be listened on, the certificate not be used, or the journal not be opened; the sentence says which and why."""

    @property
    def is_damage(self) -> bool:
        """Whether the journal is damaged."""
        return isinstance(self.__cause__, (Damaged, DamagedJournal))


class Opened(NamedTuple):
    """What a server has of the system, and what it keeps things in."""

    places: Places
    certificate: CertificateInUse
    store: Store
    directory: Path | None
    is_next: bool = False
    """Whether it takes the place of a server whose callers come back to it now."""
    told_that_it_serves: Callable[[], None] = lambda: None
    """Is told so: the server whose place it takes waits for that."""


def given_by_systemd() -> Handed:
    """The sockets that systemd has handed over. Raises CannotStart if they are none to listen on."""
    try:
        return handed_by_systemd()
    except Unfit as error:
        raise CannotStart(str(error)) from error


def replaced(config: Config, given: Handed) -> Opened:
    """Open all that a server needs; what another one has that is running, by having that one end, last of all. Raises CannotStart.

    Nobody answers while another server is just taking the place of the one that was running; then it is asked again.
    """
    until = time.monotonic() + GAP_SECONDS
    has_told = False
    while True:
        try:
            return _replaced(config, given)
        except _NobodyAnswers as error:
            if time.monotonic() >= until:
                raise CannotStart(str(error)) from error.__cause__
            if not has_told:
                log.info(
                    "what this server needs is another one's, which does not answer yet: asking again", why=str(error)
                )
            has_told = True
        time.sleep(GAP_LOOK_SECONDS)


class _NobodyAnswers(Exception):
    """Somebody has what is needed, and no server has answered that could hand it over."""


def _replaced(config: Config, given: Handed) -> Opened:
    try:
        engine = engine_named(config.journal.engine)
        directory = engine.directory(config.journal)
        predecessor = Predecessor(directory)
        try:
            handed = predecessor.listeners()
        except HungUp as error:
            raise _NobodyAnswers(str(error)) from error
        if handed == NOTHING:
            return _opened_where_nobody_answers(config, given)
        with closing(handed):
            engine.open_archive(config.journal).close()  # an older release may not be able to
            theirs = given if given.chat else fitting(handed, config)
            opened = opened_anew(config, theirs, partial(_taken_over, engine, config, predecessor))
            return opened._replace(told_that_it_serves=predecessor.told_that_we_serve)
    except (CannotReplace, FileProblem, UnusableJournal) as error:
        raise CannotStart(str(error)) from error


def _opened_where_nobody_answers(config: Config, given: Handed) -> Opened:
    try:
        opened = opened_anew(config, given)
    except CannotStart as error:
        cause = error.__cause__
        is_taken = isinstance(cause, CannotListen) and getattr(cause.__cause__, "errno", None) == errno.EADDRINUSE
        if is_taken or isinstance(cause, JournalInUse):
            raise _NobodyAnswers(str(error)) from cause
        raise
    log.info("there is no server to be replaced: this one starts as ever")
    return opened


def _taken_over(engine: Engine, config: Config, predecessor: Predecessor) -> Store:
    predecessor.give_way()
    return predecessor.when_it_has_let_go(lambda: engine.open_store(config.journal, config.node))


def opened_anew(config: Config, given: Handed, open_store: Callable[[], Store] | None = None) -> Opened:
    """Open all that a server needs, beside what it was given, or nothing; what is kept (by this, if it is not as ever) last. Raises CannotStart."""
    places = None
    try:
        places = open_places(config, given)
        engine = engine_named(config.journal.engine)
        directory = engine.directory(config.journal)
        certificate = CertificateInUse(config.tls, directory)
        store = open_store() if open_store is not None else engine.open_store(config.journal, config.node)
    except (CannotListen, CannotReplace, CertificateProblem, UnusableJournal) as error:
        if places is not None:
            places.close()
        raise CannotStart(str(error)) from error
    return Opened(places, certificate, store, directory, is_next=given != NOTHING)
