"""A certificate and its private key: read from files, checked, and made ready for TLS.

Blocks, for some 2 ms. Knows files and what TLS is offered; never knows when they are read again, nor who connects.
"""

import os
import re
import ssl
import stat
from binascii import Error as NotBase64
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, NoReturn

from chat_server.protocol.fingerprints import fingerprint_of, in_groups
from chat_server.protocol.late_pattern import LatePattern

OWN_FILE = "tls.pem"
"""What a server calls the file with the certificate that it makes for itself, and its key, in its data directory."""

CREDENTIAL = "credential:"
"""What a name begins with that is no path."""

FILE_MAX = 2**20
"""Bytes of a file that is read; a chain of ten certificates has 20 KB."""

READ_MAX = 3
"""How often the files are read if they change meanwhile."""

_KIND = rb"(?:X509 |TRUSTED )?CERTIFICATE"  # OpenSSL reads all three, the third with what comes after it
_CERTIFICATE = LatePattern(rb"-----BEGIN " + _KIND + rb"-----\s(.*?)-----END " + _KIND + rb"-----", re.DOTALL)

Stamp = tuple[tuple[int, ...], ...]
"""What changes whenever one of some files does."""


class CertificateProblem(Exception):
    """The certificate cannot be used; the sentence says which and why."""


class Certificate(NamedTuple):
    """What a certificate says, as far as anybody here asks."""

    der: bytes
    begins: datetime
    """When it becomes valid."""
    ends: datetime
    """When it is valid no longer."""

    @property
    def fingerprint(self) -> str:
        """Its SHA-256, as it is shown to people."""
        return _shown(self.der)


@lru_cache(maxsize=2)
def _shown(der: bytes) -> str:
    return in_groups(fingerprint_of(der))  # one text for all who are connected


class CertificateFiles(NamedTuple):
    """Where a certificate and its key are; both may be in one file."""

    certificate: Path
    key: Path

    def stamp(self) -> Stamp:
        """What changes whenever the files do, or what a link to them leads to."""
        return tuple(_stamp(path) for path in self)


class TlsPair(NamedTuple):
    """A certificate, and with its key the context of TLS for everybody who connects."""

    certificate: Certificate
    context: ssl.SSLContext


def files_named(certificate: str, key: str) -> CertificateFiles:
    """The files that a configuration names. Raises CertificateProblem if there is no directory in which they could be."""
    place = _place(certificate)
    return CertificateFiles(place, _place(key) if key else place)


def _place(named: str) -> Path:
    """Where a file is. `credential:NAME` is what systemd has handed to this service alone (systemd.exec(5), LoadCredential=)."""
    if named.startswith(CREDENTIAL):
        name, directory = named.removeprefix(CREDENTIAL), os.environ.get("CREDENTIALS_DIRECTORY", "")
        if not directory:
            raise CertificateProblem(
                f"cannot read {named}: $CREDENTIALS_DIRECTORY is not set, which LoadCredential= does"
            )
        if name in ("", ".", "..") or "/" in name:
            raise CertificateProblem(
                f"cannot read {named}: expected the name of a credential, as in LoadCredential=NAME:PATH"
            )
        return Path(directory, name)
    try:
        return Path(named).expanduser()
    except RuntimeError as error:  # a user's directory, of whom nobody knows
        raise CertificateProblem(f"cannot read {named}: {error}") from error


def own_files(directory: Path) -> CertificateFiles:
    """Where the certificate is that a server with this data directory makes for itself."""
    return CertificateFiles(directory / OWN_FILE, directory / OWN_FILE)


def read_pair(files: CertificateFiles) -> TlsPair:
    """Read a certificate with its key. Raises CertificateProblem if it cannot be used, whatever day it is."""
    for _ in range(READ_MAX):
        before = files.stamp()
        try:
            pair = TlsPair(read_certificate(files.certificate), _context_of(files))
        except CertificateProblem:
            if files.stamp() == before:
                raise
            continue
        if files.stamp() == before:
            return pair
    raise CertificateProblem(f"{files.certificate} is being changed: it was another each time that it was read")


def read_valid_pair(files: CertificateFiles, now: float) -> TlsPair:
    """The same; raises CertificateProblem too if it is not valid at this time."""
    pair = read_pair(files)
    if problem := problem_of_date(pair.certificate, files.certificate, now):
        raise CertificateProblem(problem)
    return pair


def read_certificate(path: Path) -> Certificate:
    """Read the first certificate in a file, which is the server's own. Raises CertificateProblem."""
    found = _CERTIFICATE.search(_read(path))
    if found is None:
        raise CertificateProblem(
            f"{path} has no certificate: expected PEM, which begins with -----BEGIN CERTIFICATE-----"
        )
    try:
        der = ssl.PEM_cert_to_DER_cert(f"{ssl.PEM_HEADER}\n{found[1].decode('ascii').strip()}\n{ssl.PEM_FOOTER}")
        _, _, end = _element(der, 0)
        der = der[:end]
        begins, ends = _validity_of(der)
    except (NotBase64, ValueError, IndexError) as error:
        raise CertificateProblem(f"{path}: its first certificate is damaged") from error
    return Certificate(der, begins, ends)


def problem_of_date(certificate: Certificate, path: Path, now: float) -> str:
    """What is wrong with using a certificate at this time; empty if nothing is."""
    if now > certificate.ends.timestamp():
        return f"{path} has expired: it was valid until {day_of(certificate.ends)}; renew it"
    if now < certificate.begins.timestamp():
        return f"{path} is not valid before {day_of(certificate.begins)}; is the clock of this machine right?"
    return ""


def day_of(time: datetime) -> str:
    """The day of a time, as it is written in the log."""
    return f"{time:%Y-%m-%d}"


def is_open_to_all(path: Path) -> bool:
    """Whether everybody on the machine may read a file."""
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        return (getattr(error, "errno", None) or 0,)
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev


def _read(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise CertificateProblem(f"{path} is not a file")
        with path.open("rb") as file:
            text = file.read(FILE_MAX + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = getattr(error, "strerror", None) or error
        raise CertificateProblem(f"cannot read {path}: {why}") from error
    if len(text) > FILE_MAX:
        raise CertificateProblem(f"{path} is too large to be a certificate or a key")
    return text


class _HasPassword(Exception):
    """Without this the library would ask the terminal for the key's password, and wait."""


def _context_of(files: CertificateFiles) -> ssl.SSLContext:
    """TLS as it is spoken here: 1.2 and 1.3, without what costs much or keeps state.

    Only P-256 is agreed upon: OpenSSL's defaults include ffdhe8192, with which one hello of a stranger held the loop for 136 ms, instead of 0.4.
    Tickets save nothing with it, and a client that only writes can be stuck with them (python-trio/trio#819).
    """
    if b"PRIVATE KEY-----" not in _read(files.key):
        raise CertificateProblem(f"{files.key} has no private key: expected PEM, with -----BEGIN PRIVATE KEY-----")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.set_ecdh_curve("prime256v1")
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
    except _HasPassword:
        take_it_off = "take it off by `openssl pkey -in KEY -out NEW`"
        raise CertificateProblem(
            f"the key in {files.key} has a password, and nobody is there to type it: {take_it_off}"
        ) from None
    except (ssl.SSLError, OSError) as error:
        raise CertificateProblem(_why_not(files, error)) from error
    return context


def _no_password() -> NoReturn:
    raise _HasPassword


def _why_not(files: CertificateFiles, error: OSError) -> str:
    reason = getattr(error, "reason", None) or ""
    if reason == "KEY_VALUES_MISMATCH":
        return f"the key in {files.key} is of another certificate than the first in {files.certificate}"
    if not reason:
        return f"{files.certificate} and {files.key} are no certificate and key that can be read"
    return f"cannot use {files.certificate} with {files.key}: {reason.lower().replace('_', ' ')}"


def _validity_of(der: bytes) -> tuple[datetime, datetime]:
    """From when until when a certificate is valid (RFC 5280, 4.1). Raises ValueError or IndexError if it is none."""
    _, at, _ = _element(der, 0)  # the certificate
    _, at, _ = _element(der, at)  # what is signed of it
    tag, _, end = _element(der, at)
    if tag == _VERSION:
        at = end
    for _ in ("serial number", "algorithm", "issuer"):
        _, _, at = _element(der, at)
    _, at, _ = _element(der, at)
    kind, start, end = _element(der, at)
    other, following, last = _element(der, end)
    return _time(kind, der[start:end]), _time(other, der[following:last])


_VERSION, _UTC_TIME = 0xA0, 0x17
"""Tags of ASN.1."""


def _element(der: bytes, at: int) -> tuple[int, int, int]:
    """The tag of the element here, where its content begins and where it ends."""
    length, begin = der[at + 1], at + 2
    if length & 0x80:
        begin += length & 0x7F
        length = int.from_bytes(der[at + 2 : begin])
    return der[at], begin, begin + length


def _time(tag: int, digits: bytes) -> datetime:
    text = digits.decode("ascii")
    if tag == _UTC_TIME:  # two digits of the year; from 50 on they are of the last century
        text = ("19" if text >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
