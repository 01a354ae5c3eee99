"""The fingerprint of a TLS certificate: what server and client show of it, so that two people can compare what they see.

It is the SHA-256 of the certificate as it goes over the line (DER), which `openssl x509 -fingerprint -sha256` prints too. Pure.
"""

import re
from hashlib import sha256

_PREFIX = "sha256:"
_GROUP = 4


class BadFingerprint(Exception):
    """That is no fingerprint."""


def fingerprint_of(certificate: bytes) -> str:
    """The fingerprint of a certificate in DER, as one word: `sha256:` and 64 hexadecimal digits."""
    return _PREFIX + sha256(certificate).hexdigest()


def in_groups(fingerprint: str) -> str:
    """The fingerprint for people: its digits, by four, without the name of the hash. Whoever shows it says SHA-256 too."""
    digits = fingerprint.removeprefix(_PREFIX)
    return " ".join(digits[at : at + _GROUP] for at in range(0, len(digits), _GROUP))


def parse_fingerprint(text: str) -> str:
    """Read a fingerprint however it is written: as one word, in groups, with colons as openssl prints it, in any case.

    Raises:
        BadFingerprint: it is none.

    """
    digits = re.sub(r"[\s:]", "", re.sub(r"\Asha-?256[\s:]+(fingerprint\s*=)?", "", text.strip(), flags=re.IGNORECASE))
    if not re.fullmatch(r"[0-9a-fA-F]{64}", digits):
        raise BadFingerprint
    return _PREFIX + digits.lower()
