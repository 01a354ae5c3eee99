"""What settings cannot be, though each is of the right kind: by itself, or beside another one. A sentence for each mistake.

Pure. Never knows where settings stand, nor what is done with them.
"""

from collections.abc import Callable, Collection, Iterator
from ipaddress import ip_address, ip_interface, ip_network

from chat_server.config import Config
from chat_server.intervals import EXPECTED, seconds_of
from chat_server.protocol.names import BadName, name_key, parse_name
from chat_server.protocol.sanitize import sanitize
from chat_server.protocol.time_zones import BadZone, parse_zone

PORT_MAX = 65535

WORD_MIN, WORD_MAX = 2, 40
"""Characters in a word that may not be said: as in a room's own list of them (line_rules.py)."""


def mistakes_in(config: Config, wrong: Collection[str] = ()) -> Iterator[str]:
    """Find them. Of settings that are known to be `wrong` (`tls.key`) nothing is said, nor of what hangs on them: they are not as they were meant."""
    for settings, check in _CHECKS:
        if not any(setting in wrong for setting in settings):
            yield from check(config)


def _shown(config: Config) -> Iterator[str]:
    """What people are shown must not act on their terminals, nor be read otherwise than it is written."""
    for setting, text in (("server.name", config.server.name), ("node.name", config.node.name)):
        if sanitize(text) != text:
            yield (
                f"{setting}: {text!r}: expected text that can be shown on one line of a terminal: no control characters, no escape sequences, and"
                " nothing that is not seen"
            )


def _rooms(config: Config) -> Iterator[str]:
    seen: dict[str, str] = {}
    for name in config.rooms.names:
        try:
            key = name_key(parse_name(name))
        except BadName as error:
            what = "1 to 32 characters" if error.code == "name-length" else "letters, digits, - and _ only"
            yield f"rooms.names: {name!r}: expected a room name of {what}"
            continue
        if key in seen:
            yield f"rooms.names: {name!r}: expected each name once; it counts as the same as {seen[key]!r}"
        seen.setdefault(key, name)


def _words(config: Config) -> Iterator[str]:
    for setting, words in (("held_words", config.rooms.held_words), ("refused_words", config.rooms.refused_words)):
        for word in words:
            if not (word.isalnum() and WORD_MIN <= len(word) <= WORD_MAX):
                yield (
                    f"rooms.{setting}: {word!r}: expected one word of {WORD_MIN} to {WORD_MAX} letters or digits, without spaces and signs"
                )


def _time_zone(config: Config) -> Iterator[str]:
    zone = config.history.time_zone
    try:
        if zone:
            parse_zone(zone)
    except BadZone:
        yield f"history.time_zone: {zone!r}: expected a zone such as Europe/Berlin or +02:00"


def _tls(config: Config) -> Iterator[str]:
    if config.tls.key and not config.tls.certificate:
        yield "tls.key: expected tls.certificate too, the file of the certificate that this key is of"


def _journal(config: Config) -> Iterator[str]:
    journal = config.journal
    if journal.url and journal.engine != "postgresql":
        yield f'journal.url: expected engine = "postgresql" too; {journal.engine} would keep what is said elsewhere'


def _backup(config: Config) -> Iterator[str]:
    every = config.backup.every
    if every and seconds_of(every) is None:
        yield f"backup.every: {every!r}: expected {EXPECTED}"


def _backup_of_engine(config: Config) -> Iterator[str]:
    engine = config.journal.engine
    if config.backup.every and engine != "sqlite":
        own = {"postgresql": "PostgreSQL's own programs do (docs/durability.md)", "memory": "nothing is kept"}[engine]
        yield f'backup.every: expected engine = "sqlite"; of {engine} the server makes no copies: {own}'


def _proxies(config: Config) -> Iterator[str]:
    for proxy in config.proxy.trusted:
        if proxy == "unix":
            continue
        where = f"proxy.trusted: {proxy!r}"
        try:
            network = ip_interface(proxy).network
        except ValueError:
            yield f"{where}: expected the address of a proxy, a network such as 10.0.0.0/8, or unix; names are not looked up"
            continue
        try:
            ip_network(proxy)
        except ValueError:
            yield f"{where}: this address is within a network; expected {str(network)!r}"


def _metrics(config: Config) -> Iterator[str]:
    """See that nobody from elsewhere can come in there: metrics are for whoever runs the server, and are sent in plain text."""
    listen = config.metrics.listen
    if not listen or listen.startswith("/"):
        return
    where = f"metrics.listen: {listen!r}"
    host, _, port = listen.rpartition(":")
    is_number = port.isascii() and port.isdecimal() and len(port) <= len(str(PORT_MAX))
    if not (host and is_number and int(port) <= PORT_MAX):
        yield f"{where}: expected an address and a port such as 127.0.0.1:9464, or the path of a Unix socket"
        return
    is_bracketed = host.startswith("[") and host.endswith("]")
    try:
        is_here = ip_address(host[1:-1] if is_bracketed else host).is_loopback and is_bracketed == (":" in host)
    except ValueError:
        is_here = host == "localhost"
    if not is_here:
        yield (
            f"{where}: expected an address of this machine alone (127.0.0.1, [::1]), or the path of a Unix socket: from elsewhere metrics are"
            " fetched by what can ask for a password and encrypt (docs/metrics.md)"
        )


_CHECKS: tuple[tuple[tuple[str, ...], Callable[[Config], Iterator[str]]], ...] = (
    (("server.name", "node.name"), _shown),
    (("rooms.names",), _rooms),
    (("rooms.held_words", "rooms.refused_words"), _words),
    (("journal.url", "journal.engine"), _journal),
    (("history.time_zone",), _time_zone),
    (("backup.every",), _backup),
    (("backup.every", "journal.engine"), _backup_of_engine),
    (("tls.key", "tls.certificate"), _tls),
    (("proxy.trusted",), _proxies),
    (("metrics.listen",), _metrics),
)
"""What is looked for, and of which settings; in the order of the file that --print-config prints."""
