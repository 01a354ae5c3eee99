"""An act of somebody who has an office on the server, on its way to where it is kept; and to whom it is done. Never knows what was asked for."""

from collections.abc import Collection
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from chat_server.accounts.acts import NotEnacted, ServerAct
from chat_server.accounts.in_force import is_within, parsed
from chat_server.accounts.networks import NETWORK_SECONDS
from chat_server.commands.acting import NoSuchPerson
from chat_server.commands.letting_in import readable, storable
from chat_server.commands.moderating import NoSuchBan
from chat_server.journal import JournalError
from chat_server.journal.signs import HitTold
from chat_server.protocol.events import Refused
from chat_server.protocol.names import BadName, name_key, parse_name
from chat_server.protocol.room_state import EMPTY
from chat_server.protocol.typed import shortened
from chat_server.rooms.person import ADMIN, OWNER, sender_elsewhere
from chat_server.rooms.rights import OF_ACCOUNT, Standing, judged, may, on_server
from chat_server.rooms.room import Occupant, Room, carried_through
from chat_server.rooms.visitors import would_pass

NARROWEST = {4: 32, 6: 64}
"""The lengths of networks that a moderator may ban: one address; of IPv6, what one household has."""

WIDEST = {4: 8, 6: 16}
"""Those that nobody may exceed."""


FORESEEN_NAMES = 10
"""Names of accounts that are told before a network is banned."""


class TooWide(Refused, frozen=True):
    """The network is too wide."""

    code: str = "network-too-wide"
    sentence: ClassVar[str] = "Moderators ban one address (of IPv6 a /64), admins networks up to /8 (of IPv6 /16)."


class OwnNetwork(Refused, frozen=True):
    """It is the network from which the receiver comes."""

    code: str = "own-network"
    sentence: ClassVar[str] = (
        "You come from that network yourself: others who do could not come in any more, nor could you without your account."
    )


class NotHere(Refused, frozen=True):
    """Nobody of that name is here, so nobody knows from which network they come."""

    code: str = "network-unknown"
    sentence: ClassVar[str] = "{nick} is not connected here, so there is no network to be found."


class Wanted(Struct, frozen=True):
    """What is to be done to whom."""

    act: ServerAct
    role: str = ""
    """The role on the server of the account that it is done to."""


class Foreseen(Struct, frozen=True):
    """Which accounts an act about a network would hit: how many, the first of their names, and how many come from there that it would not."""

    kept_out: int
    names: tuple[str, ...]
    passing: int


async def meant(place: Room, session: Occupant, nick: str, words: set[str]) -> Wanted | None:
    """Whom it is to be done to; None, and the session is told, if that cannot be."""
    if parsed(nick) is not None:
        return _network(place, session, nick, "")
    found = await found_whom(place, session, nick)
    if found is None or "network" not in words:
        return found
    act, person = found.act, place.directory.person(nick)
    networks = {one.network for one in person.sessions} if person is not None else set()
    if not any(map(parsed, networks)):
        networks |= {network for one in await hits_elsewhere(place, act, nick) for network in one.networks}
    network = next((one for one in sorted(networks) if parsed(one) is not None), None)
    if network is None:
        session.send(NotHere(details={"nick": shortened(nick)}))
        return None
    target = on_server(act.account, OF_ACCOUNT.get(found.role, ""))
    if act.account and may("curb-on-server", standing_of(session), target, EMPTY):
        session.send(Refused("stands-above"))
        return None
    return _network(place, session, network, act.whom)


async def hits_elsewhere(place: Room, act: ServerAct, nick: str = "") -> list[HitTold]:
    """What the other nodes say whom an act would be about there, and from which networks somebody comes who is called so."""
    others = place.directory.others
    return await others.hits.asked(act, nick) if others is not None else []


def _network(place: Room, session: Occupant, typed: str, nick: str) -> Wanted | None:
    """A network, as it is to be banned: no narrower than one household has."""
    network = parsed(typed)
    if network is None:
        return None
    if network.prefixlen > NARROWEST[network.version]:
        network = network.supernet(new_prefix=NARROWEST[network.version])
    is_admin = session.person.role in {ADMIN, OWNER}
    if network.prefixlen < (WIDEST if is_admin else NARROWEST)[network.version]:
        session.send(TooWide())
        return None
    if is_within(session.network, str(network)):
        session.send(OwnNetwork())
        return None
    return Wanted(replace(act_of(place, session, nick), network=str(network)))


async def found_whom(place: Room, session: Occupant, nick: str) -> Wanted | None:
    """Who has this name: an account, a guest who is here or at another node, or nobody yet; None, and the session is told, if nobody can have it."""
    directory = place.directory
    account = await readable(directory.accounts.find(name_key(nick)))
    if isinstance(account, Refused):
        session.send(account)
        return None
    if account is not None and account.state != "closed":
        return Wanted(replace(act_of(place, session, account.name), account=account.id), account.role)
    person = directory.person(nick)
    if person is not None:
        known_as = tuple(dict.fromkeys((person.sender, name_key(person.nick))))
        return Wanted(replace(act_of(place, session, person.nick), known_as=known_as))
    try:
        name = parse_name(nick)
        there = await directory.nodes.whereabouts(name_key(name)) if directory.nodes is not None else ()
    except BadName:
        session.send(NoSuchPerson(details={"nick": shortened(nick)}))
        return None
    except JournalError:
        session.send(Refused("engine-away"))
        return None
    senders = [sender_elsewhere(one.person, one.nick) for one in there]
    known_as = tuple(dict.fromkeys((*senders, name_key(name))))
    return Wanted(replace(act_of(place, session, name), known_as=known_as))


def standing_of(session: Occupant) -> Standing:
    """Where somebody stands on the server."""
    return on_server(session.person.account, session.person.role)


def act_of(place: Room, session: Occupant, whom: str) -> ServerAct:
    """An act of theirs, of which the kind is not said yet."""
    return ServerAct("lifted", place.directory.authentication.now(), session.nick, session.person.account, whom)


async def foreseen(place: Room, act: ServerAct, hits: Collection[Occupant]) -> Foreseen | Refused:
    """Whom an act about a network would hit, `hits` being the sessions that are here and that it is about; refused if it cannot be read."""
    came = await readable(place.directory.accounts.acts.neighbours(act.network, act.at - NETWORK_SECONDS))
    if isinstance(came, Refused):
        return came
    kept_out = {one.account: one.name for one in came if not would_pass(one, act)}
    passing = len(came) - len(kept_out)
    kept_out |= {one.person.account: one.person.nick for one in hits if one.person.account}
    return Foreseen(len(kept_out), tuple(sorted(kept_out.values(), key=name_key)[:FORESEEN_NAMES]), passing)


async def enacted(place: Room, session: Occupant, act: ServerAct) -> ServerAct | None:
    """Store an act, which is in force at every node before anything else is stored there; None, and the session is told, if that cannot be."""
    acts = place.directory.accounts.acts
    done: ServerAct | NotEnacted | Refused = Refused("cannot-store")
    with carried_through(), acts.in_force.holding(act):
        done = await storable(acts.enact(act, judged))
    if isinstance(done, NotEnacted):
        done = (
            NoSuchBan(details={"id": str(act.of)})
            if done.code == "no-such-ban"
            else Refused(done.code, {"nick": act.whom})
        )
    if isinstance(done, Refused):
        session.send(done)
        return None
    return done


def shown_whom(session: Occupant, act: ServerAct) -> str:
    """Whom it was done to, as this reader may see it: a network is shown to admins and to whoever has given it."""
    if not act.network:
        return act.whom
    may_see = session.person.role in {ADMIN, OWNER} or (act.author == session.person.account and not act.whom)
    network = act.network if may_see else "a network"
    return f"{network} ({act.whom})" if act.whom else network
