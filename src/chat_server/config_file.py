"""A file of settings: TOML to one typed Config, and a Config as TOML with the reason for each setting above it.

Says all mistakes of a file at once, a sentence each. Never knows what is done with the values, nor where the file is.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from chat_server.config import Config
from chat_server.config_checks import mistakes_in
from chat_server.protocol.time_zones import parse_zone
from chat_server.setting_kinds import when_changed
from chat_server.settings_errors import explained
from chat_server.toml_bounds import DEPTH_MAX, TEXT_MAX, is_too_deep

MISTAKES_MAX = 20
"""Mistakes of one file that are told: somebody is to read them."""

MISTAKE_MAX = 500
"""Characters of each: a key may be as long as the file."""


class ConfigError(Exception):
    """The configuration cannot be used; each of its mistakes is a sentence, which says where and why. As text they are lines."""

    def __init__(self, *mistakes: str) -> None:
        """Have at least one."""
        self.mistakes = tuple(" ".join(mistake.splitlines()) for mistake in mistakes)
        super().__init__("\n".join(self.mistakes))


def load(text: str, source: str) -> Config:
    """Read a TOML text; `source` names it in errors.

    Raises:
        ConfigError: with a sentence for each mistake, which names the source, the key, and what was expected.

    """
    raw = _parsed(text, source)
    wrong: dict[str, None] = {}
    mistakes = [f"{source}: {_cut(one)}" for one in islice(_mistakes(raw, wrong), MISTAKES_MAX + 1)]
    if len(mistakes) > MISTAKES_MAX:
        mistakes[MISTAKES_MAX:] = [f"{source}: there are more mistakes, which are told when these are mended"]
    if mistakes:
        raise ConfigError(*mistakes)
    config = msgspec.convert(raw, Config)
    zone = config.history.time_zone
    return replace(config, history=replace(config.history, time_zone=parse_zone(zone))) if zone else config


def _cut(mistake: str) -> str:
    return mistake if len(mistake) <= MISTAKE_MAX else f"{mistake[:MISTAKE_MAX]}…"


def _parsed(text: str, source: str) -> dict[str, Any]:
    """What the text says, whatever that is. Raises ConfigError."""
    import tomllib  # noqa: PLC0415 - only a file needs it

    if len(text) > TEXT_MAX:
        raise ConfigError(
            f"{source}: too large for a configuration, which has at most {TEXT_MAX} characters: is this the file that was meant?"
        )
    if is_too_deep(text):
        raise ConfigError(
            f"{source}: not a configuration: something in it is nested {DEPTH_MAX} deep, and settings are two deep, [table] and key"
        )
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except ValueError as error:  # TOMLDecodeError is one, and a number of too many digits another
        raise ConfigError(f"{source}: not TOML: {error}") from error


def _mistakes(raw: dict[str, Any], wrong: dict[str, None]) -> Iterator[str]:
    """All mistakes; which settings cannot be read is in `wrong` then."""
    for setting, of_list, piece in _pieces(raw):
        try:
            msgspec.convert(piece, Config)
        except msgspec.ValidationError as error:
            wrong[setting] = None
            yield explained(error, Config).replace(f"{setting}: ", f"{setting}: {of_list}", 1)
    readable = {
        table: {key: value for key, value in values.items() if f"{table}.{key}" not in wrong}
        for table, values in raw.items()
        if table not in wrong
    }
    yield from mistakes_in(msgspec.convert(readable, Config), wrong)


def _pieces(raw: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The parts of which each can be wrong by itself; before each the setting that it is of, and what of a list it is, as it begins a sentence."""
    for table, values in raw.items():
        if table not in Config.__struct_fields__ or not isinstance(values, dict) or not values:
            yield table, "", {table: values}
            continue
        for key, value in values.items():
            parts = [(f"{one!r}: ", [one]) for one in value] if isinstance(value, list) and value else [("", value)]
            for of_list, part in parts:
                yield f"{table}.{key}", of_list, {table: {key: part}}


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
