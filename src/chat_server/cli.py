"""The command `chat-server`: flags and a file become a Config, and the Config a running server.

Everything that goes wrong before the server listens is one plain line and exit code 2.
"""

import argparse
import gc
import sys
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from chat_server import __version__
from chat_server.config import Config, ConfigError, as_toml, load


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit code: 0 well, 1 something was cut off on stopping, 2 it could not start."""
    chosen = _parser().parse_args(arguments)
    try:
        config = _configure(chosen)
    except ConfigError as error:
        print(f"chat-server: {error}", file=sys.stderr)
        return 2
    if chosen.print_config:
        print(as_toml(config), end="")
        return 0
    if chosen.check_config:
        print(f"{chosen.config or 'the defaults'}: good")
        return 0
    return _serve(config)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chat-server", description="A multi-room chat server for telnet and nc.")
    parser.add_argument("--host", metavar="H", help="address to listen on (default: 127.0.0.1, this machine only; 0.0.0.0 for everybody)")
    parser.add_argument("--port", metavar="P", type=int, help="port to listen on (default: 5000; 0: any free one)")
    parser.add_argument("--config", metavar="FILE", type=Path, help="read settings from this TOML file; flags override it")
    parser.add_argument("--log-format", choices=("text", "json"), help="log for people or for machines (default: text)")
    parser.add_argument("-v", "--verbose", action="store_true", help="also log every caller who comes and goes")
    parser.add_argument("--version", action="version", version=f"chat-server {__version__}")
    parser.add_argument("--check-config", action="store_true", help="check the settings and exit")
    parser.add_argument("--print-config", action="store_true", help="print the settings as a commented TOML file and exit")
    return parser


def _configure(chosen: argparse.Namespace) -> Config:
    config = Config()
    if chosen.config is not None:
        try:
            text = chosen.config.read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"{chosen.config}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"{chosen.config}: not UTF-8 text") from error
        config = load(text, str(chosen.config))
    server = {name: value for name, value in (("host", chosen.host), ("port", chosen.port)) if value is not None}
    log = {"format": chosen.log_format} if chosen.log_format else {}
    if chosen.verbose:
        log["verbose"] = True
    if not 0 <= server.get("port", 0) <= 65535:  # noqa: PLR2004 - the range of TCP ports
        raise ConfigError("--port: expected a number from 0 to 65535")
    return replace(config, server=replace(config.server, **server), log=replace(config.log, **log))


def _serve(config: Config) -> int:
    # Imported here: Trio takes 0.1 s, which --version and --check-config need not wait for.
    import structlog  # noqa: PLC0415
    import trio  # noqa: PLC0415

    from chat_server.logs import configure  # noqa: PLC0415
    from chat_server.server import Server, open_listeners  # noqa: PLC0415

    configure(config.log.format, verbose=config.log.verbose)
    host, port = config.server.host, config.server.port
    try:
        listeners = open_listeners(host, port)
    except OSError as error:
        print(f"chat-server: cannot listen on {host}:{port}: {error.strerror or error}", file=sys.stderr)
        return 2
    log = structlog.get_logger()

    async def serve() -> int:
        import signal  # noqa: PLC0415

        server = Server(config, files=_raise_file_limit())
        async with trio.open_nursery() as nursery:
            with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:

                async def watch() -> None:
                    async for number in signals:
                        name = signal.Signals(number).name
                        log.info(f"stopping on {name}; a second signal stops at once")
                        server.stop()
                        async for _ in signals:
                            server.cut()

                nursery.start_soon(watch)
                cut = await server.run(listeners)
                nursery.cancel_scope.cancel()
        return cut

    # What the imports made stays: the collector need not look at it again. A connection makes about 40 objects that live long; with the
    # default threshold of 700 the collector took 12 % of the time in which 15,000 people join.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    cut = trio.run(serve)
    if cut:
        log.warning(f"stopped; {cut} sessions were cut off with something unsent")
        return 1
    log.info("stopped")
    return 0


def _raise_file_limit() -> int:
    """Allow this process as many open files as it may have; return how many."""
    import resource  # noqa: PLC0415

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
