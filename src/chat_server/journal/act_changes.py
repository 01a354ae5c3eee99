"""What is done with acts of the server's moderators, whichever engine keeps them: each function is a part of a transaction.

What is refused has changed nothing. Never knows SQL, nor who may do what.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from chat_server.accounts import Account
from chat_server.accounts.acts import (
    CURBING,
    IN_FORCE_MAX,
    ActPlace,
    Judge,
    Neighbour,
    NotEnacted,
    Office,
    OfficeHolder,
    ServerAct,
)
from chat_server.accounts.in_force import parsed
from chat_server.accounts.networks import CameFrom, is_in_one, overlapping, shortened
from chat_server.accounts.office import KeptAct
from chat_server.journal.batch_codec import Stored
from chat_server.journal.showable import showable_topic
from chat_server.protocol.acts import Lifted, MemberJoined
from chat_server.protocol.amending import Redacted
from chat_server.protocol.entries import Enacted
from chat_server.protocol.requests import tag_of

ACT = "number, kind, at, until, author, account, is_lifted, what"
"""The columns of an act, in the order of `values_of`."""

ROOM_ACT = "room, number, nth, author, account, what"
"""The columns of what was done in a room, in the order of `room_values_of`."""

_decoder = msgspec.json.Decoder(ServerAct)
_encoder = msgspec.json.Encoder()


class ActTables(Protocol):
    """The tables of acts within one transaction. See account_changes.Tables."""

    def begin(self) -> int:
        """Let nobody else store an act until this is stored; return the number of the newest."""
        ...

    def newest(self) -> int:
        """The number of the newest act."""
        ...

    def put(self, act: ServerAct) -> None:
        """Store an act."""

    def in_force(self, number: int, at: float) -> ServerAct | None:
        """What forbids somebody something, if it has this number, is not lifted and not over."""

    def are_in_force(self, at: float) -> list[ServerAct]:
        """All of that, and the newest panic."""
        ...

    def count_in_force(self, at: float) -> int:
        """How many there are."""
        ...

    def lift(self, number: int) -> None:
        """Have it in force no longer."""

    def after(self, number: int, limit: int) -> list[ServerAct]:
        """Some acts after a number, in their order."""
        ...

    def before(self, number: int, limit: int) -> list[ServerAct]:
        """Some acts before a number (0: all), the newest first."""
        ...

    def of_room(self, room: str, before: ActPlace | None, limit: int) -> list[ServerAct]:
        """Some of what was done in a room, before a place (None: all), the newest first."""
        ...

    def call(self, account: int, nick: str) -> None:
        """Whoever has this account is called so in all acts, whether they have done them or they were done to them."""

    def holders(self) -> list[OfficeHolder]:
        """Who has a role on the server, by name."""
        ...

    def has_other_admin(self, account: int) -> bool:
        """Whether another account that is not closed is an admin's or an owner's."""
        ...

    def seen_since(self, at: float) -> list[tuple[int, str]]:
        """See Acts."""
        ...

    def drop_old_networks(self, at: float) -> int:
        """Forget where accounts have come from at this time or before; return how much."""
        ...

    def networks_of(self, account: int) -> list[CameFrom]:
        """See Acts.networks."""
        ...

    def networks_since(self, at: float) -> list[str]:
        """From which networks accounts have come since a time, each once."""
        ...

    def came_from(self, networks: Sequence[str], at: float) -> list[Neighbour]:
        """The accounts that are not closed and have come from these since a time, by their keys."""
        ...


class _Accounts(Protocol):
    """The tables of accounts, as far as they matter here."""

    @property
    def acts(self) -> ActTables:
        """Those of acts."""
        ...

    def living(self, number: int) -> Account | None:
        """The account with this id, unless it is closed."""

    def put_account(self, new: Account) -> None:
        """Store an account as it is now."""


def enact(tables: _Accounts, act: ServerAct, judge: Judge) -> ServerAct | NotEnacted:
    """Store an act, unless the judge refuses it; see Acts."""
    acts = tables.acts
    act = replace(act, number=acts.begin() + 1)
    known = {number: tables.living(number) for number in sorted({act.author, act.account} - {0})}
    actor, target = known.get(act.author), known.get(act.account)
    lifted = acts.in_force(act.of, act.at) if act.of else None
    is_there = lifted is not None if act.kind == "lifted" else not act.account or target is not None
    roles = actor.role if actor is not None else "", target.role if target is not None else ""
    why = judge(act, Office(*roles, acts.has_other_admin(act.account), is_there, lifted))
    if not why and act.kind in CURBING and acts.count_in_force(act.at) >= IN_FORCE_MAX:
        return NotEnacted("too-many-bans")
    if why:
        return NotEnacted(why)
    if lifted is not None:
        acts.lift(lifted.number)
        act = replace(act, whom=lifted.whom, account=lifted.account, network=lifted.network)
    if act.kind == "role-given" and target is not None:
        tables.put_account(replace(target, role=act.text))
    acts.put(act)
    return act


def neighbours(acts: ActTables, network: str, at: float) -> list[Neighbour]:
    """The accounts that have come from a network since a time; see Acts."""
    # To go through 20,000 networks takes 0.2 s, for which no account is read: only for what is wider than one of them.
    networks = [shortened(network)] if is_in_one(network) else overlapping(acts.networks_since(at), network)
    return acts.came_from(networks, at) if networks else []


def values_of(act: ServerAct, *, is_lifted: bool = False) -> tuple[object, ...]:
    """What stands in an act's row."""
    return act.number, act.kind, act.at, act.until, act.author, act.account, is_lifted, written(act)


def acts_of(rows: Iterable[Sequence[Any]]) -> list[ServerAct]:
    """The acts in rows of which this is the column `what`, alone. What somebody has written there by hand is made fit to be shown, or left out."""
    found: list[ServerAct] = []
    for (what,) in rows:
        with suppress(msgspec.DecodeError, RecursionError):
            act = _decoder.decode(what)
            texts = {name: showable_topic(getattr(act, name)) for name in ("by", "whom", "text")}
            if not act.network or parsed(act.network) is not None:
                found.append(replace(act, **texts))
    return found


def kept_acts(of_server: Iterable[Sequence[Any]], of_rooms: Iterable[Sequence[Any]]) -> Iterator[KeptAct]:
    """The acts as they are kept: of the server, by rows of `what` and `is_lifted`, and of rooms, by rows of `what`, the room's number and its name.

    A room that is no more has none.
    """
    for what, is_lifted in of_server:
        for act in acts_of([(what,)]):
            yield KeptAct(act, bool(is_lifted))
    gone: dict[int, int] = {}
    for what, room, name in of_rooms:
        for act in acts_of([(what,)]):
            yield KeptAct(act, room=name or "", gone=0 if name else gone.setdefault(room, len(gone) + 1))


def audited(lines: Sequence[Stored]) -> Iterator[tuple[int, ServerAct]]:
    """What of these lines somebody has done by office, each with its place among them: it is kept whatever becomes of the line."""
    for place, line in enumerate(lines):
        if not isinstance(line, Enacted | Redacted) or isinstance(line, MemberJoined):
            continue
        if isinstance(line, Redacted) and line.whom == line.nick:
            continue
        shown = {name: getattr(line, name) for name in ("whom", "account", "until") if hasattr(line, name)}
        of = line.id if isinstance(line, Lifted) else 0
        kind = tag_of(type(line))
        yield place, ServerAct(kind, line.at, line.nick, line.author, text=line.text, of=of, number=line.seq, **shown)


def room_values_of(room: int, act: ServerAct) -> tuple[object, ...]:
    """What stands in the row of something that was done in a room."""
    return room, act.number, act.nth, act.author, act.account, written(act)


def written(act: ServerAct) -> str:
    """An act as a text."""
    return _encoder.encode(act).decode()


def called(act: ServerAct, account: int, nick: str) -> ServerAct:
    """An act in which the account is called so."""
    by, whom = nick if act.author == account else act.by, nick if act.account == account else act.whom
    return replace(act, by=by, whom=whom)
