"""Certificates with their keys, of any day and name, as files; and TLS between two ends in memory."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chat_server.server.certificate_in_use import CertificateInUse

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
"""The time of day in tests that set it."""

_PEM = serialization.Encoding.PEM


class Pair:
    """A certificate and its key, by default self-signed and valid for years, as PEM."""

    def __init__(
        self,
        host: str = "localhost",
        *,
        begins: datetime = NOW - timedelta(days=1000),
        ends: datetime = NOW + timedelta(days=3000),
        password: bytes = b"",
        curve: ec.EllipticCurve | None = None,
    ) -> None:
        key = ec.generate_private_key(curve or ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .sign(key, hashes.SHA256())
        )
        hidden = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        self.der = made.public_bytes(serialization.Encoding.DER)
        self.certificate = made.public_bytes(_PEM)
        self.key = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, hidden)
        self.old_key = key.private_bytes(_PEM, serialization.PrivateFormat.TraditionalOpenSSL, hidden)

    def write(self, folder: Path) -> tuple[str, str]:
        """Write `cert.pem` and `key.pem` there; return what a configuration calls them."""
        (folder / "cert.pem").write_bytes(self.certificate)
        (folder / "key.pem").write_bytes(self.key)
        (folder / "key.pem").chmod(0o600)
        return str(folder / "cert.pem"), str(folder / "key.pem")


def asking(version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3, curve: str = "") -> ssl.SSLContext:
    """A client that speaks one version, and verifies nothing."""
    asks = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asks.check_hostname, asks.verify_mode = False, ssl.CERT_NONE
    asks.minimum_version = asks.maximum_version = version
    if curve:
        asks.set_ecdh_curve(curve)
    return asks


def handshake(
    context: ssl.SSLContext, asks: ssl.SSLContext | None = None, host: str | None = None
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """The server's and the client's end of TLS. Raises SSLError where either refuses the other."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(to_server, to_client, server_side=True)
    client = (asks or asking()).wrap_bio(to_client, to_server, server_hostname=host)
    for end in (client, server) * 3:
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return server, client


def shown_by(certificate: CertificateInUse, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> bytes:
    """The certificate that a caller is shown now."""
    context = certificate.context()
    assert context, "there is no TLS"
    return handshake(context, asking(version))[1].getpeercert(binary_form=True) or b""
