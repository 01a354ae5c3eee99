"""The fingerprint of a certificate is one value, however it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.protocol.fingerprints import BadFingerprint, fingerprint_of, in_groups, parse_fingerprint


def test_a_fingerprint_is_the_sha_256_of_the_certificate() -> None:
    assert fingerprint_of(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_people_see_it_in_groups_of_four() -> None:
    shown = in_groups(fingerprint_of(b""))
    assert shown.startswith("e3b0 c442 98fc 1c14 ")
    assert {len(group) for group in shown.split(" ")} == {4}
    assert len(shown) == 79


@given(st.binary(max_size=50))
def test_it_is_read_however_it_is_written(certificate: bytes) -> None:
    fingerprint = fingerprint_of(certificate)
    digits = fingerprint.removeprefix("sha256:")
    with_colons = ":".join(digits[at : at + 2] for at in range(0, 64, 2)).upper()
    for written in (
        *(fingerprint, digits, digits.upper(), in_groups(fingerprint), f" {fingerprint}\n", f"SHA-256 {in_groups(fingerprint)}"),
        *(with_colons, f"sha256 Fingerprint={with_colons}", f"SHA256:{digits}"),
    ):  # fmt: skip
        assert parse_fingerprint(written) == fingerprint


@pytest.mark.parametrize(
    "text", ["", "sha256:", "sha256:12", "md5:" + "a" * 32, "a" * 63, "a" * 65, "g" * 64, "sha1:" + "a" * 64]
)
def test_what_is_no_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(BadFingerprint):
        parse_fingerprint(text)
