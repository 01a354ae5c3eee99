"""chat-tui line by line: for screen readers, for pipes, for terminals that can nothing (docs/plain.md).

No boxes, no colours, nothing is ever drawn over: what comes is written below what came, each line with its room and its name, once and
in order. Knows standard input and output, and signals; what is done with all of it is the program's (plain_program.py). Never knows Textual.
"""

import asyncio
import os
import signal
from collections.abc import Callable

from chat_server.console import complain
from chat_tui.client.calling import Caller
from chat_tui.client.client import Client
from chat_tui.client.credentials import Keyring
from chat_tui.client.local_store import LocalStore
from chat_tui.client.pipes import Output, encoding_of_output
from chat_tui.client.plain_program import PlainProgram
from chat_tui.client.plain_secrets import set_echo
from chat_tui.settings import Profile, Settings

LAST_WORDS_SECONDS = 1.0
"""Seconds that whoever reads the output has for the rest of it after a signal. Who does not read does not keep the program from ending."""


def run_plain(
    profile: Profile,
    settings: Settings,
    open_store: Callable[[str, int], LocalStore],
    caller: Caller,
    *,
    keyring: Keyring | None = None,
    default_nick: str,
    wait: float | None = None,
    password: str = "",
) -> int:
    """Run on standard input and output; return the exit code."""

    async def run() -> int:
        loop = asyncio.get_running_loop()

        def client_for(program: PlainProgram) -> Client:
            store = open_store(profile.host, profile.port)
            return Client(
                profile.host,
                profile.port,
                profile.nick or store.saved.nick or default_nick,
                store=store,
                caller=caller,
                keyring=keyring,
                rooms=profile.rooms,
                show_joins=settings.show_joins,
                loads_older=False,
                on_event=program.take,
                on_change=program.changed,
                on_refused=program.refused,
            )

        output = Output(1, encoding_of_output(), lambda why: loop.call_soon_threadsafe(program.lose_output, why))
        program = PlainProgram(
            client_for,
            output.write,
            _warn,
            rooms=profile.rooms,
            is_interactive=os.isatty(0),
            wait=wait,
            rules=settings.notify,
            password=password,
            show_typed=lambda is_on: set_echo(0, is_on=is_on),
        )
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, and jobs in the background, ignore some
                loop.add_signal_handler(number, program.end, 128 + number)
        for warning in caller.servers.warnings():
            _warn(warning)
        program.input.start()
        code = await program.run()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)  # from now on they end the program at once
        output.close(LAST_WORDS_SECONDS if code > 128 else None)  # noqa: PLR2004 - a signal's is above
        return program.code_with(output.why_broken)

    try:
        return asyncio.run(run())
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _warn(sentence: str) -> None:
    """Tell what is wrong where it is not taken for what others say."""
    complain("chat-tui", sentence)
