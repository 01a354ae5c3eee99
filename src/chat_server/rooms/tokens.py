"""Who somebody is beyond their connection: the secret that proves it, and what the server remembers of that.

The server keeps no secrets: it knows a token's digest, which it can work out again after a restart. So a client that comes back with its
token is the same sender as before, whatever happened to the server meanwhile. Pure but for the system's random numbers.
"""

import hashlib
import secrets


def new_token() -> str:
    """A secret that nobody guesses: 128 random bits, 22 characters."""
    return secrets.token_urlsafe(16)


def identity_of(token: str) -> str:
    """What the server remembers of a token: enough to know it again, not enough to be its owner. "" for no token.

    No name's key contains a colon, so it is never taken for a nickname's.
    """
    return f"token:{hashlib.sha256(token.encode()).hexdigest()[:32]}" if token else ""
