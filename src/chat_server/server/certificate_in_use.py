"""The certificate that callers are shown: read or made at the start, read again when it changes, and watched as its end comes near.

Whatever is wrong with a new one, the one in use stays. Knows when; what is in the files certificates.py knows. Never knows who connects.
"""

import ssl
import time
from collections.abc import Callable
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory

import trio

from chat_server.config import TlsTable
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
        self._is_own = not settings.certificate
        self._files: CertificateFiles | None
        self._stamp: Stamp = ()
        self._pair: TlsPair | None = None
        self._asked = trio.Event()
        self.began = trio.Event()
        """Set when it has been said which certificate there is, or why none."""
        self._warned_at = -inf
        self._problem = ""
        if self._is_own:
            self._files = own_files(directory) if directory else None
        else:
            self._files = files_named(settings.certificate, settings.key)
            self._pair = self._read(self._files)

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

    def ask_to_read_again(self) -> None:
        """Have the files read again, changed or not."""
        self._asked.set()

    async def run(self) -> None:
        """Make the certificate if there is none, and look after it, for ever."""
        guard = Guard("the certificate could not be looked after")
        with guard:
            await self._begin()
        self.began.set()
        while True:
            with trio.move_on_after(LOOK_SECONDS):
                await self._asked.wait()
            is_asked = self._asked.is_set()
            if is_asked:
                self._asked = trio.Event()
            with guard:
                await self.look(is_asked=is_asked)

    async def look(self, *, is_asked: bool) -> None:
        """Use what is in the files now if they have changed, or if somebody has asked; warn if the end is near."""
        if self._pair is None:
            await self._begin(is_asked=is_asked)
            return
        try:
            pair = await trio.to_thread.run_sync(self._changed, is_asked)
        except CertificateProblem as problem:
            self._stamp = ()  # it may pass though the files stay as they are: a clock was behind, a disk did not answer
            if is_asked or str(problem) != self._problem:
                self._problem = str(problem)
                log.error("the certificate of TLS stays as it was: the new one cannot be used", why=self._problem)
        else:
            if pair is not None:
                self._problem = ""
                is_same = pair.certificate == self._pair.certificate
                self._use(pair, "the certificate of TLS is still" if is_same else "the certificate of TLS is now")
        self._warn_of_end(self._pair.certificate)

    async def _begin(self, *, is_asked: bool = True) -> None:
        """Begin to use the certificate that there is, or make one. What is in the way is said once, and whenever somebody asks."""
        try:
            pair = self._pair or await self._own_pair()
        except CertificateProblem as problem:
            if is_asked or str(problem) != self._problem:
                self._problem = str(problem)
                log.warning("TLS is off", why=self._problem)
            return
        self._use(pair, "the certificate of TLS is")
        self._warn_of_end(pair.certificate)

    async def _own_pair(self) -> TlsPair:
        from chat_server.server.self_signed import make_self_signed  # noqa: PLC0415 - 1 ms, for nothing where there is one

        if self._files is None:
            with TemporaryDirectory() as directory:
                files = own_files(Path(directory))
                await make_self_signed(files.certificate)
                return self._read(files)
        if not self._files.certificate.exists():
            await make_self_signed(self._files.certificate)
        return await trio.to_thread.run_sync(self._read, self._files)

    def _changed(self, is_asked: bool) -> TlsPair | None:
        """What is in the files, if that is to be used. Raises CertificateProblem."""
        if self._files is None or (self._files.stamp() == self._stamp and not is_asked):
            return None
        return self._read(self._files)

    def _read(self, files: CertificateFiles) -> TlsPair:
        """Read the files. The server's own certificate is used whatever day it is: who trusts it trusts its fingerprint."""
        self._stamp = files.stamp()
        return read_pair(files) if self._is_own else read_valid_pair(files, self._now())

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
