"""The certificate that callers are shown: read or made at the start, read again when it or its settings change, and watched as its end comes near.

Whatever is wrong with a new one, the one in use stays. Knows when; what is in the files certificates.py knows. Never knows who connects.
"""

import ssl
import time
from collections.abc import Callable
from functools import partial
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory

import trio

from chat_server.config import Config, TlsTable
from chat_server.guard import Guard
from chat_server.logs import log
from chat_server.server.certificates import (
    Certificate,
    CertificateFiles,
    CertificateProblem,
    Stamp,
    TlsPair,
    day_of,
    files_named,
    is_open_to_all,
    own_files,
    read_pair,
    read_valid_pair,
)
from chat_server.server.config_in_use import NotReloaded

LOOK_SECONDS = 3600.0
"""Seconds between two looks at the files: whoever renews them may have forgotten to send SIGHUP."""

WARN_SECONDS = 14 * 86400.0
"""Seconds before its end from which a certificate is warned of: Let's Encrypt's are renewed 30 days before theirs."""

WARN_AGAIN_SECONDS = 86400.0
"""Seconds between two such warnings."""


class CertificateInUse:
    """The certificate, from the start of the server to its end."""

    def __init__(self, settings: TlsTable, directory: Path | None, now: Callable[[], float] = time.time) -> None:
        """Read the certificate that the settings name; if they name none, `run` reads or makes the server's own.

        Args:
            settings: which certificate.
            directory: the data directory; None if nothing is to be kept, and the server is to make another certificate each time.
            now: the time of day.

        Raises:
            CertificateProblem: the one that the settings name cannot be used.

        """
        self._now = now
        self._directory = directory
        self._is_own = not settings.certificate
        self._files: CertificateFiles | None
        self._stamp: Stamp = ()
        self._pair: TlsPair | None = None
        self.began = trio.Event()
        """Set when it has been said which certificate there is, or why none."""
        self._warned_at = -inf
        self._problem = ""
        if self._is_own:
            self._files = own_files(directory) if directory else None
        else:
            self._files = files_named(settings.certificate, settings.key)
            self._stamp = self._files.stamp()
            self._pair = read_valid_pair(self._files, now())

    @property
    def certificate(self) -> Certificate | None:
        """The certificate; None if there is none, or none yet."""
        return self._pair and self._pair.certificate

    def context(self) -> ssl.SSLContext | None:
        """How TLS is spoken with it, with whoever begins now; None if there is none, or none yet."""
        return self._pair and self._pair.context

    def fingerprint(self) -> str:
        """The certificate's, as people are shown it; "" if there is none."""
        return self._pair.certificate.fingerprint if self._pair else ""

    async def run(self) -> None:
        """Make the certificate if there is none, and look after it, for ever."""
        guard = Guard("the certificate could not be looked after")
        with guard:
            await self._begin()
        self.began.set()
        while True:
            await trio.sleep(LOOK_SECONDS)
            with guard:
                await self.look()

    async def prepared(self, config: Config) -> Callable[[], None]:
        """See config_in_use.Prepare. The files are read again, changed or not; that the server's own cannot be made stops nothing, as at a start."""
        settings, is_own = config.tls, not config.tls.certificate
        try:
            if not is_own:
                files: CertificateFiles | None = (named := files_named(settings.certificate, settings.key))
                stamp = named.stamp()
                pair = await trio.to_thread.run_sync(self._valid_pair, named)
            else:
                files = own_files(self._directory) if self._directory else None
                if self._is_own and (self._pair is None or files is None):
                    await self.look(is_asked=True)
                    return lambda: None
                pair = await self._own_pair(files)
                stamp = self._stamp
        except CertificateProblem as problem:
            raise NotReloaded(str(problem)) from problem
        return partial(self._put, is_own, files, stamp, pair)

    def _valid_pair(self, files: CertificateFiles) -> TlsPair:
        return read_valid_pair(files, self._now())

    def _put(self, is_own: bool, files: CertificateFiles | None, stamp: Stamp, pair: TlsPair) -> None:
        self._is_own, self._files, self._stamp = is_own, files, stamp
        self._replace(pair)
        self._warn_of_end(pair.certificate)

    async def look(self, *, is_asked: bool = False) -> None:
        """Use what is in the files now if they have changed; warn if the end is near. `is_asked`: say what is in the way though it was said."""
        if self._pair is None:
            await self._begin(is_asked=is_asked)
            return
        try:
            pair = await trio.to_thread.run_sync(self._changed)
        except CertificateProblem as problem:
            self._stamp = ()  # it may pass though the files stay as they are: a clock was behind, a disk did not answer
            if str(problem) != self._problem:
                self._problem = str(problem)
                log.error("the certificate of TLS stays as it was: the new one cannot be used", why=self._problem)
        else:
            if pair is not None:
                self._replace(pair)
        self._warn_of_end(self._pair.certificate)

    def _replace(self, pair: TlsPair) -> None:
        self._problem = ""
        is_same = self._pair is not None and pair.certificate == self._pair.certificate
        self._use(pair, "the certificate of TLS is still" if is_same else "the certificate of TLS is now")

    async def _begin(self, *, is_asked: bool = True) -> None:
        """Begin to use the certificate that there is, or make one. What is in the way is said once, and whenever somebody asks."""
        try:
            pair = self._pair or await self._own_pair(self._files)
        except CertificateProblem as problem:
            if is_asked or str(problem) != self._problem:
                self._problem = str(problem)
                log.warning("TLS is off", why=self._problem)
            return
        self._use(pair, "the certificate of TLS is")
        self._warn_of_end(pair.certificate)

    async def _own_pair(self, files: CertificateFiles | None) -> TlsPair:
        """The server's own, in these files, or in none that are kept; it is made if it is not there. Raises CertificateProblem."""
        from chat_server.server.self_signed import make_self_signed  # noqa: PLC0415 - 1 ms, for nothing where there is one

        if files is None:
            with TemporaryDirectory() as directory:
                files = own_files(Path(directory))
                await make_self_signed(files.certificate)
                return read_pair(files)
        if not files.certificate.exists():
            await make_self_signed(files.certificate)
        self._stamp = files.stamp()
        return await trio.to_thread.run_sync(read_pair, files)

    def _changed(self) -> TlsPair | None:
        """What is in the files, if they have changed. The server's own certificate is used whatever day it is: who trusts it trusts its fingerprint.

        Raises CertificateProblem.
        """
        files = self._files
        if files is None or (stamp := files.stamp()) == self._stamp:
            return None
        self._stamp = stamp
        return read_pair(files) if self._is_own else self._valid_pair(files)

    def _use(self, pair: TlsPair, what: str) -> None:
        """Let new callers have this one; who is connected keeps theirs."""
        self._pair = pair
        self._warned_at = -inf
        log.info(f"{what} SHA-256 {pair.certificate.fingerprint}", until=day_of(pair.certificate.ends))
        if self._files is not None and is_open_to_all(self._files.key):
            log.warning("everybody on this machine may read the key of TLS", file=str(self._files.key))

    def _warn_of_end(self, certificate: Certificate) -> None:
        left = certificate.ends.timestamp() - self._now()
        if left > WARN_SECONDS or trio.current_time() - self._warned_at < WARN_AGAIN_SECONDS:
            return
        self._warned_at = trio.current_time()
        until = day_of(certificate.ends)
        if left > 0:
            log.warning("the certificate of TLS ends soon: renew it", until=until, days=int(left / 86400))
        else:
            log.error("the certificate of TLS has expired, and programs refuse it: renew it", until=until)
