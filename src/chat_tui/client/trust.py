"""Whether a server is to be trusted: by what is seen of it, what is known of it, and what was asked for. Pure.

Only what comes of `decide` may let the secret go that proves who the user is. What is known of a server is one word (docs/trust.md):
a fingerprint that was accepted, or AUTHORITY, UNTRUSTED or PLAINTEXT. A server of which one of the first three is known has spoken TLS.
"""

from enum import Enum
from typing import NamedTuple

from msgspec import Struct

from chat_tui.language import message, say

AUTHORITY = "authority"
"""An authority that this computer trusts has vouched for the server."""

UNTRUSTED = "untrusted"
"""The server has spoken TLS, and nothing of it has been accepted yet."""

PLAINTEXT = "plaintext"
"""The user has accepted that the server does not encrypt."""

_UNKNOWN_ISSUER = {2, 18, 19, 20, 21}
_NOT_YET_VALID, _EXPIRED = 9, 10
_WRONG_NAME = {62, 64}
"""OpenSSL's codes (X509_V_ERR_*) of what is wrong with a certificate. That the issuer is unknown is found before anything else."""


class Fault(Enum):
    """What is wrong with a certificate that does not verify."""

    UNKNOWN_ISSUER = "unknown issuer"
    NOT_YET_VALID = "not yet valid"
    EXPIRED = "expired"
    WRONG_NAME = "wrong name"
    OTHER = "other"


def fault_of(verify_code: int) -> Fault:
    """What OpenSSL's code for a failed verification means."""
    if verify_code in _UNKNOWN_ISSUER:
        return Fault.UNKNOWN_ISSUER
    if verify_code in _WRONG_NAME:
        return Fault.WRONG_NAME
    return {_NOT_YET_VALID: Fault.NOT_YET_VALID, _EXPIRED: Fault.EXPIRED}.get(verify_code, Fault.OTHER)


class Verified(Struct, frozen=True):
    """The server speaks TLS, and an authority vouches for it."""


class Unverified(Struct, frozen=True):
    """The server speaks TLS with a certificate that does not verify."""

    fingerprint: str
    fault: Fault


class NoTls(Struct, frozen=True):
    """The server does not answer as TLS does."""


Seen = Verified | Unverified | NoTls


class About(Enum):
    """Why the user must decide."""

    FIRST_USE = "first use"
    PLAIN_TEXT = "plain text"
    CHANGED = "changed"
    NO_AUTHORITY = "no authority"
    NOT_YET_VALID = "not yet valid"
    EXPIRED = "expired"
    WRONG_NAME = "wrong name"
    FAULTY = "faulty"
    NO_LONGER_TLS = "no longer TLS"


class GoOn(NamedTuple):
    """The server is trusted. `word` is what is known of it from now on; "" if nothing new is."""

    word: str = ""
    news: str = ""
    """What the user is told of it, in a sentence; "" if nothing has changed."""


class Unsettled(Struct, frozen=True):
    """The server is not trusted, and nothing may be said to it before the user has decided."""

    about: About
    fingerprint: str = ""
    """Of the certificate that was seen."""
    known: str = ""
    """What was known of the server."""
    accepts: str = ""
    """The word that is known of the server once the user says yes; "" where that is not asked, only told how it could be done."""


def is_fingerprint(word: str) -> bool:
    """Whether this word is that of a server of which a certificate was accepted."""
    return word.startswith("sha256:")


def has_spoken_tls(word: str) -> bool:
    """Whether a server of which this is known has ever spoken TLS."""
    return word not in ("", PLAINTEXT)


def decide(seen: Seen, known: str, *, is_local: bool, allows_plaintext: bool) -> GoOn | Unsettled:
    """Say whether to go on.

    Args:
        seen: what the server has just shown.
        known: the word for what is known of it; "" if nothing is.
        is_local: whether it is on this computer, so that nobody can be between.
        allows_plaintext: whether the user has asked for plain text, should there be no TLS.

    """
    match seen:
        case Verified():
            return GoOn(AUTHORITY, say(_VERIFIES_NOW) if is_fingerprint(known) else "")
        case Unverified():
            return _unverified(seen, known, is_local=is_local)
        case NoTls() if allows_plaintext or known == PLAINTEXT:
            return GoOn()
        case NoTls() if has_spoken_tls(known):
            return Unsettled(About.NO_LONGER_TLS, known=known)
        case NoTls():
            return GoOn() if is_local else Unsettled(About.PLAIN_TEXT, accepts=PLAINTEXT)


_VERIFIES_NOW = message(
    "An authority that this computer trusts vouches for the server now. The fingerprint that was kept is forgotten."
)


def _unverified(seen: Unverified, known: str, *, is_local: bool) -> GoOn | Unsettled:
    if seen.fingerprint == known:
        return GoOn()
    if known == AUTHORITY:
        return Unsettled(About.NO_AUTHORITY, seen.fingerprint, known)
    if is_fingerprint(known):
        return Unsettled(About.CHANGED, seen.fingerprint, known)
    if seen.fault is not Fault.UNKNOWN_ISSUER:
        return Unsettled(_ABOUT[seen.fault], seen.fingerprint, known)
    if is_local:
        return GoOn(seen.fingerprint)
    return Unsettled(About.FIRST_USE, seen.fingerprint, known, accepts=seen.fingerprint)


_ABOUT = {
    Fault.NOT_YET_VALID: About.NOT_YET_VALID,
    Fault.EXPIRED: About.EXPIRED,
    Fault.WRONG_NAME: About.WRONG_NAME,
    Fault.OTHER: About.FAULTY,
}
