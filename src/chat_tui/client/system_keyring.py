"""The system's keyring, as this program sees it: secrets by the names of their entries, within a time, or why not.

Each question is a process of its own (keyring_process.py). It has no terminal, so that nothing asks for a password across the screen, and is
ended when its time is over, or it says too much. Never knows what a secret is for.
"""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress
from signal import SIGKILL
from typing import cast

from chat_server.protocol.requests import SECRET_MAX
from chat_tui.client.credentials import KeyringError
from chat_tui.language import message, say

SECONDS = 20.0
"""Seconds that a question may take: whoever is asked for the keyring's password has to type it."""

ANSWER_MAX = 65536
"""Bytes of an answer at most. The longest token has six of them for each of its characters, however they are escaped: 6 KiB."""

PROCESS = (sys.executable, "-P", "-m", "chat_tui.client.keyring_process")
"""Without the directory where one is, in which somebody may have put a module called keyring."""


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
        import json  # noqa: PLC0415 - few have an account

        try:
            transport, answer = await asyncio.get_running_loop().subprocess_exec(
                _Answer, *self._process, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True
            )
        except OSError as error:
            raise KeyringError(error.strerror or say("it cannot be asked")) from None
        try:
            async with asyncio.timeout(self._seconds):
                _say(transport, json.dumps(question).encode())
                said = await answer.whole
                if len(said) <= ANSWER_MAX:
                    await answer.ended.wait()
        except TimeoutError:
            raise KeyringError(say("it has not answered for {seconds:g} s", seconds=self._seconds)) from None
        finally:
            await _end(transport, answer)
        if len(said) > ANSWER_MAX:
            raise KeyringError(say("it says too much"))
        return _secret_in(said)


class _Answer(asyncio.SubprocessProtocol):
    """What a process says on its output, until that has ended or is too much."""

    def __init__(self) -> None:
        self.whole = asyncio.get_running_loop().create_future()
        self.ended = asyncio.Event()
        self._said = bytearray()

    def pipe_data_received(self, fd: int, data: bytes) -> None:  # noqa: ARG002 - there is but one
        self._said += data[: ANSWER_MAX + 1 - len(self._said)]
        if len(self._said) > ANSWER_MAX:
            self._give()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002 - either ends it
        if fd == 1:
            self._give()

    def process_exited(self) -> None:
        self.ended.set()

    def _give(self) -> None:
        if not self.whole.done():
            self.whole.set_result(bytes(self._said))


def _say(transport: asyncio.SubprocessTransport, data: bytes) -> None:
    pipe = cast("asyncio.WriteTransport", transport.get_pipe_transport(0))
    pipe.write(data)
    pipe.close()


async def _end(transport: asyncio.SubprocessTransport, answer: _Answer) -> None:
    """End the process, if it goes on, and what it has started; wait for nobody who holds the other end of a pipe."""
    try:
        if not answer.ended.is_set():
            with suppress(ProcessLookupError):
                os.killpg(transport.get_pid(), SIGKILL)
            await answer.ended.wait()
    finally:
        transport.close()


def _secret_in(said: bytes) -> str:
    import json  # noqa: PLC0415 - few have an account

    from chat_tui.client.keyring_process import NONE  # noqa: PLC0415 - nor this

    try:
        answer = json.loads(said)
        why = str(answer.get("why", ""))
    except (ValueError, AttributeError):
        raise KeyringError(say("it failed")) from None
    if why:
        raise KeyringError(
            "" if why == NONE else say(_IN_WORDS[why]) if why in _IN_WORDS else say("it failed ({why})", why=why)
        )
    secret = answer.get("secret", "")
    if not isinstance(secret, str) or not (secret.isascii() and secret.isprintable() and len(secret) <= SECRET_MAX):
        raise KeyringError(say("what it gives is no token"))
    return secret


_IN_WORDS = {
    "KeyringLocked": message("it is locked"),
    "InitError": message("it cannot be reached"),
    "LockedException": message("it is locked"),
    "PromptDismissedException": message("it stayed locked"),
}
"""What went wrong, by the names that keyring and its backends have for it."""
