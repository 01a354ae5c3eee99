"""A certificate that a server makes for itself, so that a line can be encrypted before anybody has seen to it.

Knows what makes one: the program `openssl`, which takes 10 ms, or the library `cryptography`, in a process of its own, for it takes 0.4 s to be
imported and 8 MiB. Never knows what the certificate is used for.
"""

import shutil
import socket
import sys
from importlib.util import find_spec
from pathlib import Path

import trio

from chat_server.journal.new_file import OwnFiles, TargetError, new_file
from chat_server.protocol.late_pattern import LatePattern
from chat_server.server.certificates import CertificateProblem

DAYS = 3652
"""Ten years: to whoever has trusted a certificate, another one looks like somebody in between."""

MAKE_SECONDS = 30.0
"""Seconds that a maker may take, a hundred times what it needs."""

_HOST_NAME = LatePattern(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
"""What can be the name of a machine in a certificate: 64 characters at most (RFC 5280, ub-common-name), none that means something to openssl."""

_REQUEST = """
[req]
prompt = no
distinguished_name = subject
x509_extensions = extensions
[subject]
CN = {host}
[extensions]
subjectAltName = DNS:{host}
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
"""
"""What openssl is to make, whatever settings the machine has for it. Some clients look for the name in CN only (telnet-ssl), others in SAN only."""


async def make_self_signed(target: Path) -> None:
    """Make a file with a key and a certificate of it, in the name of this machine, for its owner only.

    Raises:
        CertificateProblem: there is such a file, nothing here can make one, or the disk does not take it. No part of it is left.

    """
    try:
        with new_file(target, OwnFiles(), force=False) as path:
            await _make(path, host_name())
    except (OSError, TargetError) as error:
        raise CertificateProblem(f"cannot make {target}: {getattr(error, 'strerror', None) or error}") from error


def host_name() -> str:
    """What this machine is called; `localhost` if that is nothing for a certificate."""
    name = socket.gethostname()
    return name if _HOST_NAME.fullmatch(name) else "localhost"


def can_make() -> bool:
    """Whether there is something here that makes one."""
    return shutil.which("openssl") is not None or find_spec("cryptography") is not None


async def _make(path: Path, host: str) -> None:
    """Have one of the makers write the file; the next one if one cannot."""
    failures = []
    if openssl := shutil.which("openssl"):
        request = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(DAYS))
        files = ("-config", "/dev/stdin", "-keyout", str(path), "-out", str(path))
        failure = await _run((openssl, *request, *files), _REQUEST.format(host=host))
        if not failure:
            return
        failures.append(f"openssl: {failure}")
    if find_spec("cryptography"):
        failure = await _run((sys.executable, "-P", "-m", __name__, str(path), host))
        if not failure:
            return
        failures.append(f"cryptography: {failure}")
    raise CertificateProblem(
        f"no certificate can be made: {'; '.join(failures)}"
        if failures
        else "there is neither openssl nor cryptography to make a certificate: install one of them (chat-server[tls] has the latter), or name one of"
        " your own by [tls] certificate"
    )


async def _run(command: tuple[str, ...], text: str = "") -> str:
    """Run a maker, apart from our terminal's signals; return why it has failed, if it has."""
    with trio.move_on_after(MAKE_SECONDS):
        ended = await trio.run_process(
            command, stdin=text.encode(), capture_stdout=True, capture_stderr=True, check=False, start_new_session=True
        )
        if not ended.returncode:
            return ""
        said = ended.stderr.decode(errors="replace").split("\n")
        return next((line for line in reversed(said) if line), f"exit code {ended.returncode}")
    return f"it took longer than {MAKE_SECONDS:.0f} seconds"


def main(path: str, host: str) -> None:
    """Write the file by `cryptography`."""
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415 - only the process that makes a certificate needs them

    from cryptography import x509  # noqa: PLC0415 - an extra, and slow
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - as above
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID  # noqa: PLC0415 - as above

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    usage = dict.fromkeys(
        (
            *("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
            *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
        ),
        False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, **usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    text = key.private_bytes(encoding, form, serialization.NoEncryption()) + certificate.public_bytes(encoding)
    Path(path).write_bytes(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
