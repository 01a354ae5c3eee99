"""The system's keyring, in a process of its own: one request on its input, one answer on its output, as JSON.

It takes a third of a second of imports, may want its owner's password, may look for a terminal to ask for it, or never end: all of that happens
here, where it keeps nobody waiting and can be ended. Never knows what a secret is for.
"""

import json
import sys
from contextlib import redirect_stdout, suppress

SERVICE = "chat-tui"
"""Under which the keyring has what is kept here."""

NONE = "none"
"""The answer where there is no keyring."""

PRIORITY_MIN = 1
"""Of backends that keep a secret better than a file of one's own does; below are those that are none, or such files."""


def main() -> int:
    """Answer one request: `{"do": "get" | "put" | "forget", "entry": …, "secret": …}`."""
    asked = json.load(sys.stdin)
    with redirect_stdout(sys.stderr):  # what a backend has to say is no answer
        told = answer(asked)
    json.dump(told, sys.stdout)
    return 0


def answer(asked: dict[str, str]) -> dict[str, str]:
    """What was asked for: `secret`, "" if there is none. Or `why` not: NONE, or the name of what went wrong, which has no secret in it."""
    try:
        import keyring.errors  # noqa: PLC0415 - an extra

        backend = keyring.get_keyring()
        if backend.priority < PRIORITY_MIN:
            return {"why": NONE}
        entry = asked["entry"]
        match asked["do"]:
            case "get":
                return {"secret": backend.get_password(SERVICE, entry) or ""}
            case "put":
                backend.set_password(SERVICE, entry, asked["secret"])
            case _:
                with suppress(keyring.errors.PasswordDeleteError):  # somebody else has taken it out
                    backend.delete_password(SERVICE, entry)
    except ImportError:
        return {"why": NONE}
    except Exception as error:  # noqa: BLE001 - a backend may raise anything: D-Bus's errors, ctypes', those of a file
        return {"why": type(error).__name__}
    return {"secret": ""}


if __name__ == "__main__":
    sys.exit(main())
