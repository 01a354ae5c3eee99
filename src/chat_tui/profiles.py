"""Which servers are wanted, by profiles of the settings and by addresses, and where what is kept of each is. Pure."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from chat_server.protocol.names import BadName, parse_name
from chat_tui.language import say
from chat_tui.settings import Profile, Settings, SettingsError, parse_address


class Named(NamedTuple):
    """A server that is wanted. `name` is the profile's, by which it was named; "" if by its address, or not at all."""

    name: str
    profile: Profile


def find_server(word: str, settings: Settings) -> Named:
    """A server by the name of a profile, or else by its address. Raises SettingsError."""
    if word in settings.profiles:
        return _checked(Named(word, settings.profiles[word]))
    host, port = parse_address(word)
    return _checked(Named("", Profile(host, port)))


def find_servers(
    words: Sequence[str], settings: Settings, *, profile: str | None = None, nick: str = "", rooms: Sequence[str] = ()
) -> list[Named]:
    """The servers that a command names, in its order, or the default one. Raises SettingsError.

    Args:
        words: names of profiles, or addresses.
        settings: the user's.
        profile: the profile for one server; a word is its address then.
        nick: the user's name there, instead of the profile's.
        rooms: rooms to be in, instead of the profile's.

    """
    for flag, is_given in (("profile", profile is not None), ("nick", bool(nick)), ("room", bool(rooms))):
        if is_given and len(words) > 1:
            raise SettingsError(
                say(
                    "--{flag} goes with one server: give it to a profile of the settings, or name one server", flag=flag
                )
            )
    for name in (*([nick] if nick else []), *rooms):
        try:
            parse_name(name)
        except BadName:
            raise SettingsError(say("{name}: a name has 1 to 32 letters, digits, - and _", name=name)) from None
    if len(words) > 1:
        found = [find_server(word, settings) for word in words]
        for at, server in enumerate(found):
            if server in found[:at]:
                raise SettingsError(say("{server} is named twice", server=words[at]))
        return found
    one = _one(words[0] if words else None, profile, settings)
    chosen = replace(one.profile, nick=nick or one.profile.nick, rooms=list(rooms) or one.profile.rooms)
    return [_checked(one._replace(profile=chosen))]


def _one(word: str | None, profile: str | None, settings: Settings) -> Named:
    if profile is None:
        if word is not None:
            return find_server(word, settings)
        return Named("", settings.profiles.get("default", Profile()))
    if profile not in settings.profiles:
        known = ", ".join(settings.profiles) or say("none")
        raise SettingsError(say("there is no profile {name}; the settings have: {known}", name=profile, known=known))
    if word is None:
        return Named(profile, settings.profiles[profile])
    host, port = parse_address(word)
    return Named(profile, replace(settings.profiles[profile], host=host, port=port))


def _checked(server: Named) -> Named:
    for text in (server.profile.host, server.profile.nick, *server.profile.rooms):
        if not text.isprintable():
            raise SettingsError(say("{text}: expected the name of a host, a person or a room", text=text))
    if re.fullmatch(r"[^:]+:\d+|\[[^]]*\]:\d+", server.profile.host):  # as an address is written elsewhere
        host, port = parse_address(server.profile.host)
        return server._replace(profile=replace(server.profile, host=host, port=port))
    return server


def folder_name(profile: str, host: str, port: int) -> str:
    """What the directory is called in which that is kept which concerns one server."""
    plain = "".join(character if character.isalnum() or character in "-." else "_" for character in f"{host}_{port}")
    return f"{profile}@{plain}" if profile.isalnum() else plain
