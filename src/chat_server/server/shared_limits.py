"""The limits that count over all nodes, where several are one server: what each tells the others of its callers, and hears of theirs, by signs.

Never knows how a limit is decided, nor how signs are carried.
"""

from collections.abc import Callable, Iterable

import trio
from msgspec import Struct

from chat_server.guard import Guard
from chat_server.journal.nodes import Nodes
from chat_server.journal.signs import (
    AddressesCounted,
    BlocksAsked,
    CanaryAsked,
    CanaryHeard,
    CaseTold,
    CertificateShown,
    FilterQuiet,
    GuestAsked,
    GuestAway,
    GuestTold,
    HitAsked,
    HitTold,
    LinesJudged,
    LinesToJudge,
    PasswordTried,
    PeopleRead,
    PeopleWriting,
    ReactionAsked,
    ReactionTakenBack,
    ReactionTold,
    RoomFounded,
    SessionsCounted,
    SessionsEnded,
    Sign,
)
from chat_server.logs import log
from chat_server.rooms.away_elsewhere import AwayElsewhere
from chat_server.rooms.case_news import hear as hear_case
from chat_server.rooms.directory import Directory
from chat_server.rooms.enforcing import hit
from chat_server.rooms.guest_news import hear_of_guest
from chat_server.rooms.lines_judged import LinesToBeJudged
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant, Room
from chat_server.rooms.writing import writing_of
from chat_server.server.echoes import Echoes
from chat_server.server.shared_counts import SharedCounts

TELL_SECONDS = 0.5
"""Seconds between two times at which the others are told what has changed."""

SHOW_SECONDS = 20.0
"""Seconds between two times at which a node tells the others which certificate it shows."""


class Certificates:
    """Whether the other nodes show the certificate that this one does: whoever trusts one of them takes another for somebody in between."""

    def __init__(self, own: Callable[[], str]) -> None:
        """`own` gives the fingerprint of this node's; "" while there is none."""
        self.own = own
        self._others: dict[int, str] = {}
        self._is_warned = False

    def shown(self, node: int, fingerprint: str) -> None:
        """Another node shows this. One is warned of, once, that has been told twice: after a renewal the nodes have another one some time apart."""
        own = self.own()
        is_known, self._others[node] = self._others.get(node) == fingerprint, fingerprint
        if own and own != fingerprint and is_known and not self._is_warned:
            self._is_warned = True
            log.warning(
                "another node shows another certificate: chat-tui, which trusts one of them, comes back to none. All must have one",
                node=node,
                fingerprint=fingerprint,
                own=own,
            )


class Shared(Struct, frozen=True):
    """What of a node's the others are told, beside its people."""

    counts: SharedCounts
    certificates: Certificates
    echoes: Echoes | None = None


class Heard(Struct, frozen=True):
    """Who hears at a node what the others tell of these."""

    sessions: SharedCounts
    away: AwayElsewhere
    judged: LinesToBeJudged


async def share_limits(nodes: Nodes, shared: Shared, directory: Directory[Room, Person[Occupant]]) -> None:
    """Tell and hear what counts, until cancelled."""
    sessions = SharedCounts(lambda: directory.sessions_max, trio.current_time)
    away, judged = AwayElsewhere(directory, nodes), LinesToBeJudged(directory, nodes)
    if directory.others is not None:
        directory.others.sessions_told = sessions.by_node
    directory.authentication.throttles.tell = lambda *tried: nodes.signs.tell(PasswordTried(*tried))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_show_certificate, nodes, shared.certificates)
        nursery.start_soon(_tell, nodes, shared.counts, sessions, directory)
        nursery.start_soon(away.run)
        nursery.start_soon(judged.run)
        nursery.start_soon(_hear, nodes, shared, Heard(sessions, away, judged), directory)


async def _tell(
    nodes: Nodes, counts: SharedCounts, sessions: SharedCounts, directory: Directory[Room, Person[Occupant]]
) -> None:
    guard = Guard("the other nodes could not be told how many are connected")
    dropped = 0
    several: dict[str, int] = {}
    while True:
        await trio.sleep(TELL_SECONDS)
        with guard:
            if directory.sessions_max:
                several = _count_sessions(several, sessions, directory.people)
            for told in counts.to_tell():
                nodes.signs.tell(AddressesCounted(told))
            for told in sessions.to_tell():
                nodes.signs.tell(SessionsCounted(told))
            if not dropped and nodes.signs.dropped:
                log.warning("some of what nodes tell each other was too much, and is left out")
            dropped = nodes.signs.dropped


def _count_sessions(
    before: dict[str, int], sessions: SharedCounts, people: Iterable[Person[Occupant]]
) -> dict[str, int]:
    """Count the sessions of those who have several: that somebody is here at all the engine tells. 0.1 ms for a thousand people."""
    now = {one.sender: len(one.sessions) for one in people if len(one.sessions) > 1 and ":" in one.sender}
    for who in before.keys() | now.keys():
        if (count := now.get(who, 0)) != before.get(who, 0):
            sessions.count(who, count)
    return now


async def _show_certificate(nodes: Nodes, certificates: Certificates) -> None:
    """Tell the others now and then, for those too that have begun since."""
    while True:
        await trio.sleep(SHOW_SECONDS)
        if fingerprint := certificates.own():
            nodes.signs.tell(CertificateShown(fingerprint))


async def _hear(
    nodes: Nodes,
    shared: Shared,
    heard: Heard,
    directory: Directory[Room, Person[Occupant]],
) -> None:
    guard = Guard("what another node tells could not be taken in")
    async for node, sign in nodes.signs.others:
        with guard:
            match sign:
                case AddressesCounted():
                    shared.counts.heard(node, sign.counts)
                case PasswordTried():
                    authentication = directory.authentication
                    authentication.throttles.happened_elsewhere(
                        sign.whose, sign.network, authentication.now(), is_right=sign.is_right
                    )
                case CertificateShown():
                    shared.certificates.shown(node, sign.fingerprint)
                case SessionsCounted():
                    heard.sessions.heard(node, sign.counts)
                case GuestAway():
                    heard.away.heard(sign)
                case LinesToJudge() | LinesJudged() | FilterQuiet():
                    heard.judged.hear(node, sign)
                case CanaryAsked() | CanaryHeard() if shared.echoes is not None:
                    shared.echoes.hear(node, nodes.number, sign)
                case _:
                    _hear_of_people(directory, node, sign)


def _hear_of_people(directory: Directory[Room, Person[Occupant]], node: int, sign: Sign) -> None:
    match sign:
        case RoomFounded():
            directory.note_founded(sign.person, sign.network)
        case CaseTold():
            hear_case(directory, sign)
        case GuestAsked() | GuestTold() | ReactionAsked() | ReactionTold() | ReactionTakenBack() | BlocksAsked():
            hear_of_guest(directory, node, sign)
        case HitAsked() if directory.nodes is not None:
            hits, called = hit(directory, sign.act), directory.person(sign.nick) if sign.nick else None
            networks = {one.network for one in called.sessions} if called is not None else ()
            people = len({one.person for one in hits})
            directory.nodes.signs.tell(HitTold(node, sign.number, people, len(hits), tuple(sorted(networks))))
        case HitTold() if directory.others is not None:
            directory.others.hits.heard(node, sign)
        case PeopleWriting() | PeopleRead():
            writing_of(directory).heard(node, sign)
        case SessionsEnded():
            if directory.others is not None:
                directory.others.note_ended(sign.person, node, sign.sessions)
