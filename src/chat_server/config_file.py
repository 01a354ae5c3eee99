"""A file of settings: TOML to one typed Config, and a Config as TOML with the reason for each setting above it.

Knows what cannot stand together, and says it in one sentence. Never knows what is done with the values, nor where the file is.
"""

from ipaddress import ip_address, ip_interface, ip_network

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from chat_server.config import BackupTable, Config, HistoryTable, JournalTable, TlsTable
from chat_server.intervals import EXPECTED, seconds_of
from chat_server.protocol.names import BadName, name_key, parse_name
from chat_server.protocol.time_zones import BadZone, parse_zone
from chat_server.setting_kinds import when_changed
from chat_server.settings_errors import explained

PORT_MAX = 65535


class ConfigError(Exception):
    """The configuration cannot be used; the sentence says where and why."""


def load(text: str, source: str) -> Config:
    """Read a TOML text; `source` names it in errors.

    Raises:
        ConfigError: with one sentence that names the source, the key, and what was expected.

    """
    import tomllib  # noqa: PLC0415 - only a file needs it

    try:
        config = msgspec.convert(tomllib.loads(text.removeprefix("\ufeff")), Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{source}: {explained(error, Config)}") from error
    except ValueError as error:  # TOMLDecodeError is one, and a number of too many digits another
        raise ConfigError(f"{source}: not TOML: {error}") from error
    except RecursionError:
        raise ConfigError(f"{source}: not a configuration: it is nested too deeply") from None
    _check_rooms(config.rooms.names, source)
    _check_journal(config.journal, source)
    _check_backup(config.backup, config.journal.engine, source)
    _check_tls(config.tls, source)
    _check_proxies(config.proxy.trusted, source)
    _check_metrics(config.metrics.listen, source)
    return replace(config, history=_checked_history(config.history, source))


def _checked_history(history: HistoryTable, source: str) -> HistoryTable:
    if not history.time_zone:
        return history
    try:
        return replace(history, time_zone=parse_zone(history.time_zone))
    except BadZone as error:
        raise ConfigError(
            f"{source}: history.time_zone: {history.time_zone!r}: expected a zone such as Europe/Berlin or +02:00"
        ) from error


def _check_rooms(names: list[str], source: str) -> None:
    seen: dict[str, str] = {}
    for name in names:
        try:
            key = name_key(parse_name(name))
        except BadName as error:
            what = "1 to 32 characters" if error.code == "name-length" else "letters, digits, - and _ only"
            raise ConfigError(f"{source}: rooms.names: {name!r}: expected a room name of {what}") from error
        if key in seen:
            raise ConfigError(
                f"{source}: rooms.names: {name!r}: expected each name once; it counts as the same as {seen[key]!r}"
            )
        seen[key] = name


def _check_tls(tls: TlsTable, source: str) -> None:
    if tls.key and not tls.certificate:
        raise ConfigError(
            f"{source}: tls.key: expected tls.certificate too, the file of the certificate that this key is of"
        )


def _check_journal(journal: JournalTable, source: str) -> None:
    if journal.url and journal.engine != "postgresql":
        raise ConfigError(
            f'{source}: journal.url: expected engine = "postgresql" too; {journal.engine} would keep what is said elsewhere'
        )


def _check_backup(backup: BackupTable, engine: str, source: str) -> None:
    if backup.every and seconds_of(backup.every) is None:
        raise ConfigError(f"{source}: backup.every: {backup.every!r}: expected {EXPECTED}")
    if backup.every and engine != "sqlite":
        own = {"postgresql": "PostgreSQL's own programs do (docs/durability.md)", "memory": "nothing is kept"}[engine]
        raise ConfigError(
            f'{source}: backup.every: expected engine = "sqlite"; of {engine} the server makes no copies: {own}'
        )


def _check_proxies(trusted: list[str], source: str) -> None:
    for proxy in trusted:
        if proxy == "unix":
            continue
        where = f"{source}: proxy.trusted: {proxy!r}"
        try:
            network = ip_interface(proxy).network
        except ValueError as error:
            raise ConfigError(
                f"{where}: expected the address of a proxy, a network such as 10.0.0.0/8, or unix; names are not looked up"
            ) from error
        try:
            ip_network(proxy)
        except ValueError as error:
            raise ConfigError(f"{where}: this address is within a network; expected {str(network)!r}") from error


def _check_metrics(listen: str, source: str) -> None:
    """See that nobody from elsewhere can come in there: metrics are for whoever runs the server, and are sent in plain text."""
    if not listen or listen.startswith("/"):
        return
    where = f"{source}: metrics.listen: {listen!r}"
    host, _, port = listen.rpartition(":")
    is_number = port.isascii() and port.isdecimal() and len(port) <= len(str(PORT_MAX))
    if not (host and is_number and int(port) <= PORT_MAX):
        raise ConfigError(
            f"{where}: expected an address and a port such as 127.0.0.1:9464, or the path of a Unix socket"
        )
    is_bracketed = host.startswith("[") and host.endswith("]")
    try:
        is_here = ip_address(host[1:-1] if is_bracketed else host).is_loopback and is_bracketed == (":" in host)
    except ValueError:
        is_here = host == "localhost"
    if not is_here:
        raise ConfigError(
            f"{where}: expected an address of this machine alone (127.0.0.1, [::1]), or the path of a Unix socket: from elsewhere metrics are"
            " fetched by what can ask for a password and encrypt (docs/metrics.md)"
        )


def as_toml(config: Config) -> str:
    """Write a configuration as TOML, each setting under its description, and when it takes effect that it is changed."""
    parts = []
    for table in msgspec.structs.fields(Config):
        values = getattr(config, table.name)
        lines = [f"# {type(values).__doc__}", f"[{table.name}]"]
        for setting in msgspec.structs.fields(values):
            lines += [
                "",
                *_comment(_description(setting.type)),
                f"# ({when_changed(setting.type)})",
                f"{setting.name} = {_toml_value(getattr(values, setting.name))}",
            ]
        parts.append("\n".join(lines))
    return "\n\n\n".join(parts) + "\n"


def _description(annotated: object) -> str:
    return " ".join(
        meta.description
        for meta in getattr(annotated, "__metadata__", ())
        if isinstance(meta, Meta) and meta.description
    )


def _comment(text: str) -> list[str]:
    import textwrap  # noqa: PLC0415 - only --print-config needs it

    return textwrap.wrap(text, 100, initial_indent="# ", subsequent_indent="# ")


def _toml_value(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if text.isprintable() else "".join(map(_toml_character, text))


def _toml_character(character: str) -> str:
    return character if character.isprintable() else f"\\U{ord(character):08x}"
