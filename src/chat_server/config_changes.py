"""Which settings differ between the configuration in use and one that has just been read, and which of those wait for a restart. Pure."""

from typing import Any, NamedTuple

from msgspec.structs import fields, replace

from chat_server.config import Config
from chat_server.setting_kinds import waits_for_restart


class Changes(NamedTuple):
    """What a configuration that has just been read brings."""

    usable: Config
    """The new one, but for settings that wait for a restart: those are as they were."""
    changed: tuple[str, ...]
    """The settings that are others now, as they are written in a sentence (`limits.rooms`)."""
    waiting: tuple[str, ...]
    """The settings that are others in the file and wait for a restart."""


def changes_between(in_use: Config, read: Config) -> Changes:
    """Find them, in the order in which `--print-config` prints them."""
    tables: dict[str, Any] = {}
    changed: list[str] = []
    waiting: list[str] = []
    for table in fields(Config):
        before, after = getattr(in_use, table.name), getattr(read, table.name)
        kept: dict[str, Any] = {}
        for setting in fields(before):
            old = getattr(before, setting.name)
            if old == getattr(after, setting.name):
                continue
            if waits_for_restart(setting.type):
                kept[setting.name] = old
                waiting.append(f"{table.name}.{setting.name}")
            else:
                changed.append(f"{table.name}.{setting.name}")
        tables[table.name] = replace(after, **kept)
    return Changes(Config(**tables), tuple(changed), tuple(waiting))
