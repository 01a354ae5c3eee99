"""What a room is beside what is said in it: its rules, who has which role in it, and who may not do what.

All of it follows from the room's log (`after`): whoever applies the entries that they missed to an earlier state has the state of now. Pure; never
knows sessions, nor who may change what (rights.py).
"""

from functools import cached_property
from typing import Literal, assert_never, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from chat_server.protocol.acts import (
    AdminCame,
    Banned,
    Kicked,
    Lifted,
    MemberInvited,
    MemberJoined,
    Muted,
    RoleGiven,
    RuleSet,
)
from chat_server.protocol.entries import Enacted
from chat_server.protocol.filtering import FilterSet, WordSet
from chat_server.protocol.room_life import Archived, Founded, NameSet, Unarchived
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
    "access": ("open", "members", "invite"),
    "history": ("all", "joined"),
    "hold": ("none", "links", "newcomers", "all"),
    "slow": (),
}
"""The rules that a room can have, each with its values, the one first that holds where nothing was set. `slow` has a number of seconds."""

SLOW_MAX = 3600
"""Seconds between two lines of one person that a room can ask for."""

ROLES_MAX = 1000
"""Accounts that can have a role in one room."""

CURBS_MAX = 1000
"""People of one room who can be forbidden something at a time."""

INVITATIONS_MAX = 1000
"""Accounts that can be invited to one room at a time."""

NOTHING = 2**53
"""The number from which on somebody reads who reads nothing."""
WORDS_MAX = 200
"""Words on one room's list."""

FILTERS_MAX = 3
"""Accounts of which the bots filter what is said in one room: each is waited for."""
FORMER_MAX = 5
"""Names that a room had, by which it can still be found."""

CurbKind = Literal["kicked", "muted", "banned"]


PLACES = ("guest", "account", "member", "moderator", "owner", "server moderator", "server admin")
"""Where one can stand in a room (rights.py), each higher than those before it."""


class Curb(Struct, frozen=True, omit_defaults=True):
    """What somebody may not do, until a time (seconds since 1970). `account` is theirs; who has none is known by `sender`.

    `place` is where stood who has forbidden it, whose account is `of`.
    """

    id: int
    kind: CurbKind
    whom: str
    until: float
    by: str
    account: Author = 0
    sender: str = ""
    reason: str = ""
    place: str = ""
    of: Author = 0

    @property
    def rank(self) -> int:
        """Which of PLACES that is; the lowest, where nothing is known of it."""
        return PLACES.index(self.place) if self.place in PLACES else 0


class Invitation(Struct, frozen=True, omit_defaults=True):
    """Somebody may come in and be a member, until a time (seconds since 1970). `account` is of who has invited them."""

    whom: str
    until: float
    by: str
    account: Author = 0


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
    words: dict[str, str] = {}
    """What becomes of lines with a word: `refuse` or `hold`."""
    filters: dict[int, str] = {}
    """By account, whose bots are shown each line before it is said, and what those are called."""
    is_archived: bool = False
    """Whether it is only to be read."""
    former: tuple[str, ...] = ()
    """What it was called before, the newest last."""

    invitations: dict[int, Invitation] = {}
    """By the account that is invited. Some may be over."""
    bounds: dict[int, int] = {}
    """From which number on accounts with a role read what was said; those that are missing read all of it."""
    floor: int = 0
    """The same for whoever comes from now on: what was said in a room that was narrower is not for them."""
    narrowed: dict[str, int] = {}
    """By which line the rules were set by which the room is narrower than it was made."""

    @property
    def is_as_made(self) -> bool:
        """Whether everybody may do what they may in any room, and nobody who comes is looked at."""
        return not (self.rules or self.curbs or self.invitations or self.words or self.filters or self.is_archived)

    def without_what_is_over(self, now: float) -> "RoomState":
        """The same, where nobody is looked at more closely because of what is over."""
        state = self
        if self.curbs and all(one.until <= now for one in self.curbs):
            state = replace(state, curbs=())
        if self.invitations and all(one.until <= now for one in self.invitations.values()):
            state = replace(state, invitations={})
        return state

    @property
    def is_private(self) -> bool:
        """Whether it is to all but its members as if it did not exist."""
        return self.rules.get("access", "open") != "open"

    def is_invited(self, account: int, now: float) -> bool:
        """Whether an account may come in and be a member."""
        invitation = self.invitations.get(account)
        return invitation is not None and invitation.until > now

    def reads_from(self, account: int) -> int:
        """From which number on somebody reads what was said, wherever they are: by their role or, where everybody may come in, without one."""
        if self.role(account) is not None:
            return self.bounds.get(account, 0)
        return NOTHING if self.is_private or self.rule("history") == "joined" else self.floor

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

    def curbs_on(self, account: int, sender: str, now: float, *kinds: CurbKind) -> list[Curb]:
        """What of these kinds somebody may not do just now."""
        known = [one for who in (account, sender) if who for one in self._by_person.get(who, ())]
        return [one for one in known if one.kind in kinds and one.until > now]

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
    match entry:
        case RuleSet():
            state = _with_rule(state, entry)
        case RoleGiven():
            state = _with_role(state, entry.account, entry.whom, entry.text, entry.seq)
        case MemberInvited():
            going_on = {who: one for who, one in state.invitations.items() if one.until > entry.at}
            invited = Invitation(entry.whom, entry.until, entry.nick, entry.author)
            state = replace(state, invitations=going_on | {entry.account: invited})
        case MemberJoined():
            state = _with_role(state, entry.author, entry.nick, state.role(entry.author) or "member", entry.seq)
        case Lifted():
            state = replace(state, curbs=tuple(one for one in state.curbs if one.id != entry.id))
        case Kicked() | Muted() | Banned():
            state = _with_curb(state, entry)
        case WordSet() | FilterSet():
            state = _with_filtering(state, entry)
        case Founded() | NameSet() | Archived() | Unarchived():
            state = _as_a_whole(state, entry)
        case AdminCame():
            pass
        case _:
            assert_never(entry)
    return state


def _with_filtering(state: RoomState, entry: WordSet | FilterSet) -> RoomState:
    if isinstance(entry, WordSet):
        words = {word: rule for word, rule in state.words.items() if word != entry.word}
        return replace(state, words=words if entry.text == "none" else words | {entry.word: entry.text})
    others = {account: name for account, name in state.filters.items() if account != entry.account}
    return replace(state, filters=others | {entry.account: entry.whom} if entry.text == "on" else others)


def _as_a_whole(state: RoomState, entry: Founded | NameSet | Archived | Unarchived) -> RoomState:
    if isinstance(entry, Founded):
        return _with_role(state, entry.author, entry.nick, "owner", entry.seq)
    if isinstance(entry, NameSet):
        former = tuple(name for name in state.former if name not in (entry.was, entry.text))
        return replace(state, former=(*former, entry.was)[-FORMER_MAX:])
    return replace(state, is_archived=isinstance(entry, Archived))


def _with_curb(state: RoomState, entry: Kicked | Muted | Banned) -> RoomState:
    curb = Curb(
        *(entry.id, _KIND[type(entry)], entry.whom, entry.until, entry.nick, entry.account, entry.sender, entry.text),
        place=entry.place,
        of=entry.author,
    )
    left = tuple(one for one in state.curbs if one.until > entry.at and one.id not in entry.instead_of)
    return replace(state, curbs=(*left, curb), next_id=max(state.next_id, entry.id + 1))


def _with_rule(state: RoomState, entry: RuleSet) -> RoomState:
    """What was said while the room was narrower is not for those who come after it is wider; unless that was the very next thing that happened."""
    name, _, value = entry.text.partition(" ")
    as_made = (RULES.get(name) or ("0",))[0]
    rules = {other: known for other, known in state.rules.items() if other != name}
    if value != as_made:
        rules[name] = value
    state, before = replace(state, rules=rules), state
    if name not in ("access", "history") or (name in before.rules) == (name in rules):
        return state
    narrowed = {other: seq for other, seq in state.narrowed.items() if other != name}
    if name in rules:
        return replace(state, narrowed=narrowed | {name: entry.seq})
    is_taken_back = before.narrowed.get(name, -1) + 1 == entry.seq
    return replace(state, narrowed=narrowed, floor=state.floor if is_taken_back else entry.seq)


def _with_role(state: RoomState, account: int, name: str, role: str, seq: int) -> RoomState:
    """An account has a role from the line with this number on. Whoever had none reads from there on, or what whoever comes reads."""
    roles = {other: known for other, known in state.roles.items() if other != account}
    names = {other: known for other, known in state.names.items() if other != account}
    bounds = {other: known for other, known in state.bounds.items() if other != account}
    invitations = {other: known for other, known in state.invitations.items() if other != account}
    if role in ROOM_ROLES:
        roles[account], names[account] = role, name
        bound = state.bounds.get(account, 0)
        if account not in state.roles:
            bound = seq if state.rule("history") == "joined" else state.floor
        if bound:
            bounds[account] = bound
    return replace(state, roles=roles, names=names, bounds=bounds, invitations=invitations)


def replaced_by(state: RoomState, entry: Kicked | Muted | Banned, rank: int) -> tuple[int, ...]:
    """What holds no more once somebody who stands there has done this: what is of the same kind and person, but what was done by who stood higher."""
    who = _KIND[type(entry)], entry.account, entry.sender
    return tuple(one.id for one in state.curbs if (one.kind, one.account, one.sender) == who and one.rank <= rank)


def called(state: RoomState, account: int, nick: str) -> RoomState:
    """The same room, where the account is called so."""
    names = {one: nick if one == account else name for one, name in state.names.items()}
    curbs = tuple(
        replace(one, whom=nick if one.account == account else one.whom, by=nick if one.of == account else one.by)
        for one in state.curbs
    )
    invitations = {
        who: replace(one, whom=nick if who == account else one.whom, by=nick if one.account == account else one.by)
        for who, one in state.invitations.items()
    }
    filters = {one: nick if one == account else name for one, name in state.filters.items()}
    return replace(state, names=names, curbs=curbs, invitations=invitations, filters=filters)


def called_as(state: RoomState, stored: RoomState) -> RoomState:
    """The same room, where accounts are called as they are in what is stored of it, which may know of more, or of less."""
    known = {one.id: (one.whom, one.by) for one in stored.curbs}
    named = ((one, *known.get(one.id, (one.whom, one.by))) for one in state.curbs)
    invitations = {
        account: replace(one, whom=(now := stored.invitations.get(account, one)).whom, by=now.by)
        for account, one in state.invitations.items()
    }
    return replace(
        state,
        names={account: stored.names.get(account, name) for account, name in state.names.items()},
        curbs=tuple(replace(one, whom=whom, by=by) for one, whom, by in named),
        invitations=invitations,
    )


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
