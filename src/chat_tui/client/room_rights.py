"""What is known of a room's rules and roles, and of what the user may do there: what `entered` told, and what the entries after it have changed.

Times are those of the caller's clock, which may not be the server's. Pure; never knows how it is shown.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec import UnsetType

from chat_server.protocol.acts import Banned, Kicked, Lifted, MemberJoined, Muted, RoleGiven, RuleSet
from chat_server.protocol.described import CommandDescribed
from chat_server.protocol.entries import Entry
from chat_server.protocol.events import Entered, Event, Refused
from chat_server.protocol.names import name_key
from chat_server.protocol.room_life import Archived, Founded, Unarchived
from chat_server.protocol.room_state import NO_ROLE, ROOM_ROLES, RULES, SLOW_MAX
from chat_tui.language import message, say

ROLES_MAX = 2000
"""Who is known to have a role: more than a room can have."""

FORBIDDEN_MAX = 100
"""What somebody may be forbidden at a time, as far as it is noted."""

ABOVE_MEMBERS = ("moderator", "owner", "server moderator", "server admin")
"""Who is not slowed, and may speak where moderators may."""

_ROLES = {
    "member": message("member"),
    "moderator": message("moderator"),
    "owner": message("owner"),
    "server moderator": message("server moderator"),
    "server admin": message("server admin"),
    "admin": message("admin"),
}


def role_named(role: str) -> str:
    """A role in the language that is spoken."""
    return say(_ROLES[role]) if role in _ROLES else role


OUT = ("kicked-here", "banned-here", "no-guests-here")
"""Why somebody cannot be in a room."""

_SPANS = {"m": 60.0, "h": 3600.0, "d": 86400.0}


class Forbidden(NamedTuple):
    """What the user may not do, until a time."""

    until: float
    by: str
    reason: str


class Rights:
    """What holds in one room."""

    def __init__(self) -> None:
        """A room as every room is, where the user has no role."""
        self.rules: dict[str, str] = {}
        self.role = ""
        """The user's own role in the room."""
        self.server_role = ""
        """Their role on the server."""
        self.is_guest = False
        self.is_archived = False
        self.roles: dict[str, str] = {}
        """Who has which role, by the keys of their names."""
        self.forbidden: dict[int, Forbidden] = {}
        """What the user may not say here, by number. Some may be over."""
        self.put_out: Kicked | Banned | None = None
        """By what the user was put out."""
        self.changes = 0
        """How many times any of that has changed."""
        self._last = 0
        self._waits_until = 0.0

    @classmethod
    def told(cls, event: Entered, now: float) -> "Rights":
        """What the server tells somebody who enters."""
        rights = cls()
        rights._last = event.last
        rights.rules = event.rules or {}
        rights.role = event.role or ""
        rights.server_role = event.server_role or ""
        rights.is_guest = event.guest is True
        rights.is_archived = event.archived is True
        rights.roles = {name_key(nick): role for nick, role in (event.roles or {}).items()}
        their_now = now if isinstance(event.now, UnsetType) else event.now
        for one in (event.forbidden or ())[:FORBIDDEN_MAX]:
            rights.forbidden[one.id] = Forbidden(now + one.until - their_now, one.by, one.reason)
        return rights

    def goes_on(self, before: "Rights") -> "Rights":
        """The same, after what was known before the user entered again: when they may say something next is told by nobody."""
        self.changes, self._waits_until = before.changes + 1, before.may_send_at
        return self

    @property
    def may_send_at(self) -> float:
        """When the user may say something again, where the room is slow."""
        return self._waits_until

    # What changes.

    def take(self, entries: Iterable[Event], me: str, now: float) -> None:
        """Take entries, in the order of their numbers. What `entered` has told already is not taken again."""
        for entry in entries:
            if isinstance(entry, Entry) and entry.seq > self._last:
                self._last = entry.seq
                self._take(entry, name_key(me), now)

    def _take(self, entry: Entry, me: str, now: float) -> None:
        if entry.request is not None:
            if name_key(entry.nick) == me:
                self._waits_until = now + self.slow_seconds
        elif entry.changes_rights:
            self._take_act(entry, me, now)
            self.changes += 1

    def _take_act(self, entry: Entry, me: str, now: float) -> None:
        match entry:
            case RuleSet():
                self._set(*entry.text.partition(" ")[::2])
            case RoleGiven():
                self._give(name_key(entry.whom), entry.text, me)
            case MemberJoined() if name_key(entry.nick) not in self.roles:
                self._give(name_key(entry.nick), "member", me)
            case Founded():
                self._give(name_key(entry.nick), "owner", me)
            case Muted() if name_key(entry.whom) == me:
                for number in entry.instead_of:
                    self.forbidden.pop(number, None)
                self._forbid(entry.id, Forbidden(now + entry.until - entry.at, entry.nick, entry.text))
            case Kicked() | Banned() if name_key(entry.whom) == me:
                self.put_out = entry
            case Lifted():
                self.forbidden.pop(entry.id, None)
            case Archived() | Unarchived():
                self.is_archived = isinstance(entry, Archived)

    def _set(self, name: str, value: str) -> None:
        self.rules = {other: known for other, known in self.rules.items() if other != name}
        if value != (RULES.get(name) or ("0",))[0] and len(self.rules) < FORBIDDEN_MAX:
            self.rules[name] = value

    def _give(self, who: str, role: str, me: str) -> None:
        if role == NO_ROLE:
            self.roles.pop(who, None)
        elif len(self.roles) < ROLES_MAX:
            self.roles[who] = role
        if who == me:
            self.role = role if role in ROOM_ROLES else ""

    def rename(self, old: str, new: str) -> None:
        """Somebody has another name."""
        role = self.roles.pop(name_key(old), None)
        if role is not None:
            self.roles[name_key(new)] = role
            self.changes += 1

    def refused(self, refused: Refused, now: float) -> bool:
        """The server has refused something, and knows better than what was seen of the room. Returns whether the user cannot be in it."""
        details = refused.details
        number, seconds = _number(details.get("id", "")), _number(details.get("seconds", ""))
        if refused.code == "slow-here" and seconds:
            self._waits_until = now + seconds
        elif refused.code == "muted-here" and number and number not in self.forbidden:
            span = details.get("span", "")
            until = now + (_number(span[:-1]) or 1) * _SPANS.get(span[-1:], 60.0)
            self._forbid(number, Forbidden(until, "", details.get("reason", "").removeprefix("-")))
        return refused.code in OUT

    def _forbid(self, number: int, what: Forbidden) -> None:
        if len(self.forbidden) < FORBIDDEN_MAX:
            self.forbidden[number] = what

    # What follows from it.

    @property
    def places(self) -> frozenset[str]:
        """Where the user stands, as the catalogue of commands calls it."""
        return frozenset(filter(None, ("guest" if self.is_guest else "account", self.role, self.server_role)))

    @property
    def is_above_members(self) -> bool:
        """Whether the user moderates or owns the room, or the server."""
        return not self.places.isdisjoint(ABOVE_MEMBERS)

    @property
    def slow_seconds(self) -> int:
        """Seconds that the user has to let pass between two lines."""
        return 0 if self.is_above_members else min(_number(self.rules.get("slow", "")), SLOW_MAX)

    def waits(self, now: float) -> float:
        """Seconds until the user may say something again, where the room is slow."""
        slow = self.slow_seconds
        return max(0.0, min(self._waits_until - now, float(slow))) if slow else 0.0

    def muted(self, now: float) -> tuple[int, Forbidden] | None:
        """What lets the user say nothing, and its number: what ends last."""
        on = [(number, one) for number, one in self.forbidden.items() if one.until > now]
        return max(on, key=lambda pair: pair[1].until, default=None)

    def may_ask(self, command: CommandDescribed, kind: str = "room") -> bool:
        """Whether a command is for somebody who stands where the user does, in this kind of place, as far as the server has said so."""
        if "room" in command.where and kind not in command.where:
            return False
        may, where = command.may, kind if kind in command.where else "hall"
        return isinstance(may, UnsetType) or where not in may or not self.places.isdisjoint(may[where])


def offered(
    commands: Mapping[str, CommandDescribed], rights: Rights | None, kind: str = "room"
) -> dict[str, CommandDescribed]:
    """The commands that the user may ask for where they are; all of them, where that is not known."""
    if rights is None:
        return dict(commands)
    return {word: command for word, command in commands.items() if rights.may_ask(command, kind)}


def _number(text: str) -> int:
    """The number in a text of the server's; 0 if there is none that can be."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < len("9" * 16) else 0
