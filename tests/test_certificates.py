"""The certificate of TLS: what is refused and in which words, one that the server makes, another one in place of it, its end."""

import os
import resource
import ssl
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import example, given
from hypothesis import strategies as st

import forks
from captured_logs import capture_logs
from chat_server.config import TlsTable
from chat_server.protocol.fingerprints import fingerprint_of, in_groups
from chat_server.server import certificates, self_signed
from chat_server.server.certificate_in_use import CertificateInUse
from chat_server.server.certificates import (
    OWN_FILE,
    CertificateFiles,
    CertificateProblem,
    read_certificate,
    read_pair,
)
from chat_server.server.self_signed import host_name, main, make_self_signed
from pairs import NOW, Pair, asking, handshake, shown_by
from processes import TIMEOUT


def files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def in_use(folder: Path, now: datetime = NOW) -> CertificateInUse:
    """With the files that a Pair has written there."""
    return CertificateInUse(TlsTable(str(folder / "cert.pem"), str(folder / "key.pem")), None, now.timestamp)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1()])
def test_callers_are_shown_the_certificate_in_the_files(
    tmp_path: Path, version: ssl.TLSVersion, curve: ec.EllipticCurve
) -> None:
    pair = Pair(curve=curve)
    pair.write(tmp_path)
    certificate = in_use(tmp_path)
    assert shown_by(certificate, version=version) == pair.der
    assert certificate.certificate
    assert certificate.certificate.fingerprint == in_groups(fingerprint_of(pair.der))


def test_a_key_may_stand_in_the_file_of_its_certificate(tmp_path: Path) -> None:
    pair = Pair()
    (tmp_path / "both.pem").write_bytes(pair.key + pair.certificate)
    read = CertificateInUse(TlsTable(str(tmp_path / "both.pem")), None, NOW.timestamp).certificate
    assert read
    assert read.der == pair.der


def test_a_certificate_and_its_key_may_be_credentials_that_systemd_hands_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Pair()
    pair.write(tmp_path)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    named = TlsTable("credential:cert.pem", "credential:key.pem")
    assert shown_by(CertificateInUse(named, None, NOW.timestamp)) == pair.der


@pytest.mark.parametrize("named", ["credential:", "credential:..", "credential:../key.pem", "credential:/etc/passwd"])
def test_a_credential_is_named_by_its_name(named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(CertificateProblem, match="expected the name of a credential"):
        CertificateInUse(TlsTable(named), None)


def test_without_systemd_there_are_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(CertificateProblem, match="CREDENTIALS_DIRECTORY is not set"):
        CertificateInUse(TlsTable("credential:cert.pem"), None)


@pytest.mark.parametrize(("kind", "behind"), [("X509 CERTIFICATE", b""), ("TRUSTED CERTIFICATE", b"\x30\x00")])
def test_the_first_of_a_chain_may_be_written_in_another_way_that_openssl_reads(
    tmp_path: Path, kind: str, behind: bytes
) -> None:
    own, other = Pair(), Pair()
    own.write(tmp_path)
    first = ssl.DER_cert_to_PEM_cert(own.der + behind).replace("CERTIFICATE", kind).encode()
    (tmp_path / "cert.pem").write_bytes(first + other.certificate)
    certificate = in_use(tmp_path)
    assert shown_by(certificate) == own.der
    assert certificate.fingerprint() == in_groups(fingerprint_of(own.der))


def test_the_server_s_own_certificate_is_the_first_of_a_chain(tmp_path: Path) -> None:
    pair, authority = Pair(), Pair("authority")
    pair.write(tmp_path)
    (tmp_path / "cert.pem").write_bytes(pair.certificate + authority.certificate)
    assert read_certificate(tmp_path / "cert.pem").der == pair.der
    in_use(tmp_path)
    (tmp_path / "cert.pem").write_bytes(authority.certificate + pair.certificate)
    with pytest.raises(CertificateProblem, match="is of another certificate than the first in"):
        in_use(tmp_path)


@given(st.datetimes(datetime(1950, 1, 2), datetime(2400, 1, 1)), st.integers(0, 4000))
def test_the_days_between_which_it_is_valid_are_read_as_others_read_them(begins: datetime, days: int) -> None:
    pair = Pair(begins=begins.replace(tzinfo=UTC), ends=begins.replace(tzinfo=UTC) + timedelta(days=days))
    said = x509.load_der_x509_certificate(pair.der)
    assert certificates._validity_of(pair.der) == (said.not_valid_before_utc, said.not_valid_after_utc)


PAIR = Pair()


@given(st.binary(max_size=200) | st.integers(0, 100).map(lambda end: PAIR.der[:end]))
@example(b"")
def test_whatever_stands_in_place_of_a_certificate_nothing_but_a_sentence_is_raised(der: bytes) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "cert.pem"
        file.write_text(ssl.DER_cert_to_PEM_cert(der))
        with suppress(CertificateProblem):
            read_certificate(file)


@pytest.mark.parametrize("size", [0, 1, 30, 90])
def test_a_certificate_that_is_cut_is_damaged(tmp_path: Path, size: int) -> None:
    (tmp_path / "cert.pem").write_text(ssl.DER_cert_to_PEM_cert(PAIR.der[:size]))
    with pytest.raises(CertificateProblem, match=r"cert\.pem: its first certificate is damaged$"):
        read_certificate(tmp_path / "cert.pem")


DAMAGED = {
    "encrypted": (Pair(password=b"secret").key, "has a password, and nobody is there to type it"),
    "encrypted, as older programs do": (Pair(password=b"secret").old_key, "has a password, and nobody is there to type it"),
    "of another": (Pair().key, "is of another certificate than the first in"),
    "cut": (PAIR.key[:100] + b"\n" + PAIR.key[-26:], "cert.pem"),
    "no key": (PAIR.certificate, "has no private key: expected PEM, with -----BEGIN PRIVATE KEY-----"),
    "empty": (b"", "has no private key"),
    "endless": (b"a" * (certificates.FILE_MAX + 1), "is too large to be a certificate or a key"),
}  # fmt: skip


@pytest.mark.parametrize("what", DAMAGED)
def test_a_key_that_cannot_be_used_is_said_in_one_sentence(tmp_path: Path, what: str) -> None:
    key, sentence = DAMAGED[what]
    PAIR.write(tmp_path)
    (tmp_path / "key.pem").write_bytes(key)
    with pytest.raises(CertificateProblem) as refused:
        in_use(tmp_path)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_files_that_are_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(CertificateProblem, match=r"^cannot read .*cert\.pem: No such file or directory$"):
        in_use(tmp_path)
    PAIR.write(tmp_path)
    (tmp_path / "key.pem").unlink()
    with pytest.raises(CertificateProblem, match=r"^cannot read .*key\.pem: No such file or directory$"):
        in_use(tmp_path)
    os.mkfifo(tmp_path / "key.pem")
    with pytest.raises(CertificateProblem, match=r"key\.pem is not a file$"):
        in_use(tmp_path)
    with pytest.raises(CertificateProblem, match="nobody-is-called-so"):
        CertificateInUse(TlsTable("~nobody-is-called-so/cert.pem"), None)


@pytest.mark.parametrize(
    ("day", "sentence"),
    [
        (NOW - timedelta(days=1001), "is not valid before 2024-03-03; is the clock of this machine right?"),
        (NOW + timedelta(days=3001), "has expired: it was valid until 2035-02-14; renew it"),
    ],
)
def test_a_certificate_of_other_days_is_refused_by_the_clock(tmp_path: Path, day: datetime, sentence: str) -> None:
    Pair().write(tmp_path)
    in_use(tmp_path)
    with pytest.raises(CertificateProblem, match=sentence.replace("?", r"\?")):
        in_use(tmp_path, day)


def test_a_pair_that_is_being_changed_is_read_once_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = Pair(), Pair()
    old.write(tmp_path)
    files = CertificateFiles(tmp_path / "cert.pem", tmp_path / "key.pem")
    read = certificates.read_certificate

    def read_and_change(path: Path) -> certificates.Certificate:
        found = read(path)
        if found.der == old.der:
            new.write(tmp_path)
        return found

    monkeypatch.setattr(certificates, "read_certificate", read_and_change)
    pair = read_pair(files)
    assert pair.certificate.der == new.der
    assert handshake(pair.context)[1].getpeercert(binary_form=True) == new.der


def test_nothing_dear_is_agreed_upon(tmp_path: Path) -> None:
    Pair().write(tmp_path)
    context = read_pair(CertificateFiles(tmp_path / "cert.pem", tmp_path / "key.pem")).context
    for dear in ("ffdhe8192", "ffdhe2048", "secp521r1"):
        with pytest.raises(ssl.SSLError):
            handshake(context, asking(curve=dear))
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        server, client = handshake(context, asking(version))
        assert server.compression() is None
        client.write(b"x")
        assert server.read(10) == b"x"
        server.write(b"y")
        assert client.read(10) == b"y"
        assert not (client.session and client.session.has_ticket)
    assert context.session_stats()["number"] == 0
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


# --- one that the server makes


@pytest.fixture
def only_cryptography(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("no-programs")))


@pytest.fixture
def only_openssl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat_server.server.self_signed.find_spec", {}.get)


@pytest.fixture(params=["only_openssl", "only_cryptography"])
def either_way(request: pytest.FixtureRequest) -> None:
    request.getfixturevalue(request.param)


async def made(folder: Path) -> x509.Certificate:
    await make_self_signed(folder / OWN_FILE)
    return x509.load_der_x509_certificate(read_certificate(folder / OWN_FILE).der)


async def test_a_certificate_is_made_in_the_name_of_the_machine_for_ten_years(tmp_path: Path, either_way: None) -> None:
    certificate = await made(tmp_path)
    for name in (certificate.subject, certificate.issuer):
        assert [(part.oid, part.value) for part in name] == [(NameOID.COMMON_NAME, host_name())]
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.DNSName(host_name())]
    years = (certificate.not_valid_after_utc - certificate.not_valid_before_utc) / timedelta(days=365.25)
    assert years == pytest.approx(10, abs=0.01)
    assert abs(certificate.not_valid_before_utc - datetime.now(UTC)) < timedelta(minutes=10)
    assert {extension.oid._name for extension in certificate.extensions} == {
        *("subjectAltName", "basicConstraints", "keyUsage", "extendedKeyUsage", "subjectKeyIdentifier")
    }
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


async def test_whoever_is_given_the_certificate_can_verify_the_server_by_it(tmp_path: Path, either_way: None) -> None:
    certificate = await made(tmp_path)
    context = read_pair(CertificateFiles(tmp_path / OWN_FILE, tmp_path / OWN_FILE)).context
    asks = ssl.create_default_context(cadata=certificate.public_bytes(Encoding.PEM).decode())
    asks.verify_flags |= ssl.VERIFY_X509_STRICT
    assert handshake(context, asks, host=host_name())[1].getpeercert()


async def test_its_file_is_the_owner_s_only_and_nothing_else_is_left(tmp_path: Path, either_way: None) -> None:
    await made(tmp_path)
    assert files_in(tmp_path) == [OWN_FILE]
    assert stat.S_IMODE((tmp_path / OWN_FILE).stat().st_mode) == 0o600


async def test_a_file_that_is_there_is_never_written_to(tmp_path: Path, either_way: None) -> None:
    (tmp_path / OWN_FILE).write_text("precious")
    with pytest.raises(CertificateProblem, match="is there already"):
        await make_self_signed(tmp_path / OWN_FILE)
    assert (tmp_path / OWN_FILE).read_text() == "precious"
    certificate = CertificateInUse(TlsTable(), tmp_path)
    with capture_logs() as logs:
        await certificate.look()
    assert [entry["event"] for entry in logs] == ["TLS is off"]
    assert (tmp_path / OWN_FILE).read_text() == "precious"


@pytest.mark.parametrize("name", [OWN_FILE, "link"])
@pytest.mark.parametrize("word", ["export", "backup"])
async def test_no_command_writes_over_it(tmp_path: Path, word: str, name: str) -> None:
    certificate = await made(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / OWN_FILE)
    words = [sys.executable, "-m", "chat_server", "--data", tmp_path, word, "--force", tmp_path / name]
    done = forks.run(words, capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 2
    assert "a file that the server itself writes" in done.stderr
    assert read_certificate(tmp_path / OWN_FILE).der == certificate.public_bytes(Encoding.DER)


@pytest.mark.usefixtures("only_openssl", "only_cryptography")
async def test_where_nothing_can_make_one_there_is_no_tls_and_that_is_said_once(tmp_path: Path) -> None:
    certificate = CertificateInUse(TlsTable(), tmp_path)
    with capture_logs() as logs:
        for _ in range(3):
            await certificate.look()
    assert [entry["event"] for entry in logs] == ["TLS is off"]
    assert "install one of them" in logs[0]["why"]
    assert certificate.certificate is None
    assert files_in(tmp_path) == []


@contextmanager
def full_disk() -> Iterator[None]:
    """RLIMIT_FSIZE makes files as small as a full disk would, without a disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_where_the_disk_is_full_there_is_none_until_it_has_room(tmp_path: Path) -> None:
    certificate = CertificateInUse(TlsTable(), tmp_path)
    with capture_logs() as logs:
        with full_disk():
            await certificate.look()
        assert [entry["event"] for entry in logs] == ["TLS is off"]
        assert "File too large" in logs[0]["why"]
        assert files_in(tmp_path) == []
        await certificate.look()
    assert certificate.certificate
    assert certificate.certificate == read_certificate(tmp_path / OWN_FILE)


@pytest.mark.usefixtures("only_openssl")
async def test_a_maker_is_apart_from_our_terminal_and_is_given_up_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker, session = tmp_path / "openssl", tmp_path / "session"
    maker.write_text(f"#!/bin/sh\ncut -d ' ' -f 6 /proc/$$/stat >{session}\nexec sleep 1000")
    maker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(self_signed, "MAKE_SECONDS", 1.0)
    (tmp_path / "data").mkdir()
    with trio.fail_after(60), pytest.raises(CertificateProblem, match="it took longer than 1 seconds"):
        await make_self_signed(tmp_path / "data" / OWN_FILE)
    assert int(session.read_text()) != os.getsid(0)
    assert files_in(tmp_path / "data") == []


def test_the_name_of_the_machine_can_mean_nothing_to_who_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, expected in (
        ("box.example.org", "box.example.org"), ("a_b", "a_b"), ("", "localhost"), ("x" * 65, "localhost"),
        ("a\nb", "localhost"), ("a,DNS:bank.example", "localhost"), ("$dir", "localhost"), ("盒子", "localhost"),
    ):  # fmt: skip
        monkeypatch.setattr("socket.gethostname", partial(str, name))
        assert host_name() == expected


def test_the_library_writes_what_the_program_writes(tmp_path: Path) -> None:
    main(str(tmp_path / OWN_FILE), "box.example.org")
    read_pair(CertificateFiles(tmp_path / OWN_FILE, tmp_path / OWN_FILE))
