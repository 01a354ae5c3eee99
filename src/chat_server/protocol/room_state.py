"""What a room is beside what is said in it: its rules, who has which role in it, and who may not do what.

All of it follows from the room's log (`after`): whoever applies the entries that they missed to an earlier state has the state of now. Pure; never
knows sessions, nor who may change what (rights.py).
"""

from functools import cached_property
from typing import Literal, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from chat_server.protocol.entries import Banned, Enacted, Kicked, Lifted, Muted, RoleGiven, RuleSet
from chat_server.protocol.stored_event import Author

RoomRole = Literal["member", "moderator", "owner"]
"""What somebody can be in a room, each more than those before it."""

ROOM_ROLES: tuple[RoomRole, ...] = get_args(RoomRole)
NO_ROLE = "none"
"""What takes a role back."""

RULES: dict[str, tuple[str, ...]] = {
    "speak": ("all", "members", "moderators"),
    "topic": ("all", "moderators"),
    "links": ("all", "members"),
    "guests": ("yes", "no"),
    "slow": (),
}
"""The rules that a room can have, each with its values, the one first that holds where nothing was set. `slow` has a number of seconds."""

SLOW_MAX = 3600
"""Seconds between two lines of one person that a room can ask for."""

ROLES_MAX = 1000
"""Accounts that can have a role in one room."""

CURBS_MAX = 1000
"""People of one room who can be forbidden something at a time."""

CurbKind = Literal["kicked", "muted", "banned"]


class Curb(Struct, frozen=True, omit_defaults=True):
    """What somebody may not do, until a time (seconds since 1970). `account` is theirs; who has none is known by `sender`."""

    id: int
    kind: CurbKind
    whom: str
    until: float
    by: str
    account: Author = 0
    sender: str = ""
    reason: str = ""


class RoomState(Struct, frozen=True, omit_defaults=True, dict=True):
    """What a room is."""

    rules: dict[str, str] = {}
    """Those that are not as they are where nothing was set."""
    roles: dict[int, RoomRole] = {}
    """By account."""
    names: dict[int, str] = {}
    """What those accounts were called when they were given their roles."""
    curbs: tuple[Curb, ...] = ()
    """What people may not do. Some may be over."""
    next_id: int = 1
    """What the next of them is called."""

    @property
    def is_as_made(self) -> bool:
        """Whether everybody may do what they may in any room."""
        return not (self.rules or self.curbs)

    def rule(self, name: str) -> str:
        """What holds of a rule. `slow` is a number of seconds."""
        return self.rules.get(name) or (RULES[name] or ("0",))[0]

    @property
    def slow_seconds(self) -> int:
        """Seconds that have to be between two lines of one person."""
        return int(self.rule("slow"))

    def role(self, account: int) -> RoomRole | None:
        """What somebody is in the room; None: nothing but a guest or somebody with an account."""
        return self.roles.get(account) if account else None

    @property
    def owners(self) -> int:
        """How many there are."""
        return sum(role == "owner" for role in self.roles.values())

    def curbed(self, account: int, sender: str, now: float, *kinds: CurbKind) -> Curb | None:
        """What of these kinds somebody may not do just now: what ends last."""
        known = [one for who in (account, sender) if who for one in self._by_person.get(who, ())]
        on = [one for one in known if one.kind in kinds and one.until > now]
        return max(on, key=lambda one: one.until, default=None)

    @cached_property
    def _by_person(self) -> dict[int | str, list[Curb]]:
        """The curbs of each person, by account or sender: a thousand of them are not looked through for each line."""
        found: dict[int | str, list[Curb]] = {}
        for one in self.curbs:
            found.setdefault(one.account or one.sender, []).append(one)
        return found


EMPTY = RoomState()
"""A room in which nothing was set."""


def is_rule(name: str, value: str) -> bool:
    """Whether there is such a rule, and it can have this value."""
    if name == "slow":
        return value.isascii() and value.isdecimal() and len(value) <= len(str(SLOW_MAX)) and int(value) <= SLOW_MAX
    return value in RULES.get(name, ())


def after(state: RoomState, entry: Enacted) -> RoomState:
    """What the room is after an entry of its log."""
    if isinstance(entry, RuleSet):
        name, _, value = entry.text.partition(" ")
        rules = {other: known for other, known in state.rules.items() if other != name}
        if value != (RULES.get(name) or ("0",))[0]:
            rules[name] = value
        return replace(state, rules=rules)
    if isinstance(entry, RoleGiven):
        return _with_role(state, entry)
    if isinstance(entry, Lifted):
        return replace(state, curbs=tuple(one for one in state.curbs if one.id != entry.id))
    curb = Curb(
        entry.id, _KIND[type(entry)], entry.whom, entry.until, entry.nick, entry.account, entry.sender, entry.text
    )
    left = tuple(one for one in state.curbs if one.until > entry.at)
    return replace(state, curbs=(*left, curb), next_id=max(state.next_id, entry.id + 1))


def _with_role(state: RoomState, entry: RoleGiven) -> RoomState:
    roles = {account: role for account, role in state.roles.items() if account != entry.account}
    names = {account: name for account, name in state.names.items() if account != entry.account}
    if entry.text in ROOM_ROLES:
        roles[entry.account] = entry.text
        names[entry.account] = entry.whom
    return replace(state, roles=roles, names=names)


def called(state: RoomState, account: int, nick: str) -> RoomState:
    """The same room, where the account is called so."""
    names = {one: nick if one == account else name for one, name in state.names.items()}
    curbs = tuple(replace(one, whom=nick) if one.account == account else one for one in state.curbs)
    return replace(state, names=names, curbs=curbs)


_KIND: dict[type, CurbKind] = {Kicked: "kicked", Muted: "muted", Banned: "banned"}

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(RoomState)


def written(state: RoomState) -> str:
    """The state as a text; "" where nothing was set."""
    return "" if state == EMPTY else _encoder.encode(state).decode()


def read(text: str) -> RoomState:
    """What `written` wrote. Raises ValueError."""
    try:
        return _decoder.decode(text) if text else EMPTY
    except (TypeError, RecursionError) as error:
        raise ValueError("what is kept of a room is none of ours") from error
