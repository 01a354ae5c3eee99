"""The system's keyring, as this program sees it: secrets by the names of their entries, within a time, or why not.

Each question is a process of its own (keyring_process.py). It has no terminal, so that nothing asks for a password across the screen, and is
ended when its time is over. Never knows what a secret is for.
"""

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress

from chat_server.protocol.requests import SECRET_MAX
from chat_tui.client.keyring_process import NONE

SECONDS = 20.0
"""Seconds that a question may take: whoever is asked for the keyring's password has to type it."""

PROCESS = (sys.executable, "-P", "-m", "chat_tui.client.keyring_process")
"""Without the directory where one is, in which somebody may have put a module called keyring."""


class KeyringError(Exception):
    """The keyring does not do what is asked of it. The text says why; it is "" where there is none."""


class SystemKeyring:
    """The keyring of whoever runs this program."""

    def __init__(self, *, is_wanted: bool = True, process: tuple[str, ...] = PROCESS, seconds: float = SECONDS) -> None:
        """Ask nothing yet.

        Args:
            is_wanted: whether secrets are to be put into it; else they are only taken out.
            process: what answers a question.
            seconds: how long it may take.

        """
        self.is_wanted = is_wanted
        self._process, self._seconds = process, seconds

    async def get(self, entry: str) -> str:
        """The secret of an entry; "" if it has none. Raises KeyringError."""
        return await self._ask({"do": "get", "entry": entry})

    async def put(self, entry: str, secret: str) -> None:
        """Keep a secret. Raises KeyringError."""
        await self._ask({"do": "put", "entry": entry, "secret": secret})

    async def forget(self, entry: str) -> None:
        """Keep it no longer. Raises KeyringError."""
        await self._ask({"do": "forget", "entry": entry})

    async def _ask(self, question: dict[str, str]) -> str:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._process, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True
            )
        except OSError as error:
            raise KeyringError(error.strerror or "it cannot be asked") from None
        try:
            async with asyncio.timeout(self._seconds):
                said, _ = await process.communicate(json.dumps(question).encode())
        except TimeoutError:
            raise KeyringError(f"it has not answered for {self._seconds:g} s") from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return _secret_in(said)


def _secret_in(said: bytes) -> str:
    try:
        answer = json.loads(said)
        why = str(answer.get("why", ""))
    except (ValueError, AttributeError):
        raise KeyringError("it failed") from None
    if why:
        raise KeyringError("" if why == NONE else _IN_WORDS.get(why, f"it failed ({why})"))
    secret = answer.get("secret", "")
    if not isinstance(secret, str) or not (secret.isascii() and secret.isprintable() and len(secret) <= SECRET_MAX):
        raise KeyringError("what it gives is no token")
    return secret


_IN_WORDS = {
    "KeyringLocked": "it is locked",
    "InitError": "it cannot be reached",
    "LockedException": "it is locked",
    "PromptDismissedException": "it stayed locked",
}
"""What went wrong, by the names that keyring and its backends have for it."""
