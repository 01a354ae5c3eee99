"""The command `chat-server`: flags and a file become a Config, and the Config a running server.

Everything that goes wrong before the server listens is one plain line and exit code 2.
"""

import argparse
import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from chat_server import console
from chat_server.arguments import parsed

if TYPE_CHECKING:
    from chat_server.config import Config


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit code: 0 well, 1 something was cut off on stopping, 2 it could not start, 130 it was interrupted."""
    try:
        code = _main(arguments)
        console.flush()
    except console.OutputError as error:
        if str(error):
            console.complain("chat-server", error)
        return 2
    except KeyboardInterrupt:
        console.complain("chat-server", "interrupted")
        return 130
    return code


def _main(arguments: Sequence[str] | None) -> int:
    chosen = parsed(arguments)
    with _uncollected():
        from chat_server.config_file import ConfigError  # noqa: PLC0415 - 40 ms, which --version need not wait for

    if chosen.command == "doctor":
        from chat_server.doctor_cli import run_doctor  # noqa: PLC0415 - it looks at everything

        return run_doctor(partial(_configure, chosen), named=chosen.config, as_json=chosen.json)
    try:
        config = _configure(chosen)
    except ConfigError as error:
        for mistake in error.mistakes:
            console.complain("chat-server", mistake)
        return 2
    if instead := _instead(chosen):
        return instead(chosen, config)
    with _uncollected():
        from chat_server.server.opening import CannotStart  # noqa: PLC0415 - it takes 0.1 s, which --version need not wait for
        from chat_server.server.process import run  # noqa: PLC0415 - as above

    try:
        return run(config, partial(_configure, chosen, is_again=True), replaces=chosen.replace)
    except CannotStart as error:
        console.complain("chat-server", error)
        if error.is_damage:
            from chat_server.next_steps import after_damage  # noqa: PLC0415 - few need it

            for step in after_damage(config, chosen.config):
                console.complain("chat-server", step)
        return 2


def _instead(chosen: argparse.Namespace) -> "Callable[[argparse.Namespace, Config], int] | None":
    """What is asked for instead of a server."""
    if chosen.command:
        return _run_command
    if chosen.print_config:
        return _print
    return _check if chosen.check_config else None


def _print(chosen: argparse.Namespace, config: "Config") -> int:
    """Print the settings."""
    del chosen
    from chat_server.config_file import as_toml  # noqa: PLC0415 - see _main

    console.write_text(as_toml(config))
    return 0


def _run_command(chosen: argparse.Namespace, config: "Config") -> int:
    """Run what is asked for instead of a server, which needs none of it."""
    if chosen.command == "admin":
        from chat_server.admin_cli import run_admin_command  # noqa: PLC0415 - it needs no journal

        return run_admin_command(chosen, config)
    if chosen.command in ("health", "ready"):
        from chat_server.health_cli import run_health_command  # noqa: PLC0415 - as above

        return run_health_command(chosen.command, config)
    from chat_server.maintenance_cli import run_command  # noqa: PLC0415 - it has a progress bar, which takes 0.1 s

    return run_command(chosen, config)


def _check(chosen: argparse.Namespace, config: "Config") -> int:
    """Say everything that is in the way of a start, and what is dangerous, a line each; nothing is changed by that."""
    from chat_server.server.start_check import look  # noqa: PLC0415 - see _main

    found = [*look(config, time.time())]
    for one in found:
        kind, level = (
            ("", "error") if one.is_error else ("warning: ", "warning") if one.is_warning else ("note: ", "info")
        )
        console.complain("chat-server", f"{kind}{one.sentence}", level)
    if any(one.is_error for one in found):
        return 2
    is_good = not any(one.is_warning for one in found)
    say = "good" if is_good else "a server can start with these settings, in spite of the warnings"
    console.say(f"{chosen.config or 'the defaults'}: {say}")
    return 0


@contextmanager
def _uncollected() -> Iterator[None]:
    """Have the garbage collector pass over what is made meanwhile, for good: it looked 87 times through imports, for 9 % of a start's CPU."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _configure(chosen: argparse.Namespace, *, is_again: bool = False) -> "Config":
    """The settings of the file, if one was named, and of the flags, which count more. `is_again`: the server has read them once already."""
    from msgspec.structs import replace  # noqa: PLC0415 - see _main

    from chat_server.config import Config  # noqa: PLC0415 - see _main
    from chat_server.config_file import ConfigError, load  # noqa: PLC0415 - see _main
    from chat_server.config_reading import text_of, text_read_again  # noqa: PLC0415 - see _main

    config = Config()
    if chosen.config is not None:
        text = text_read_again(chosen.config) if is_again else text_of(chosen.config)
        config = load(text, str(chosen.config))
    server = {name: value for name, value in (("host", chosen.host), ("port", chosen.port)) if value is not None}
    journal = {"directory": chosen.data} if chosen.data else {}
    log = {"format": chosen.log_format} if chosen.log_format else {}
    if chosen.verbose:
        log["verbose"] = True
    if not 0 <= server.get("port", 0) <= 65535:  # noqa: PLR2004 - the range of TCP ports
        raise ConfigError("--port: expected a number from 0 to 65535")
    return replace(
        config,
        server=replace(config.server, **server),
        journal=replace(config.journal, **journal),
        log=replace(config.log, **log),
    )
