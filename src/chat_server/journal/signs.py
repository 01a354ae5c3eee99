"""Signs: what the nodes tell each other and nobody keeps. Whoever is not there when one is given has missed it.

Their bounds are here: what is too long, or too much, is dropped. So nothing may depend on a single sign's coming. Never knows how an engine carries
them, nor what is made of them.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple, TypeVar

import msgspec
import trio
from msgspec import Struct

from chat_server.accounts.acts import ServerAct
from chat_server.accounts.cases import CaseKind
from chat_server.journal.happened import PersonId
from chat_server.journal.lines_asked import Judgement

SIGN_BYTES = 4000
"""Bytes of a sign. PostgreSQL's notifications carry 7999; 200 bytes cost nothing that can be measured, 7 KB to each node a third of the rate."""

PARTS_BYTES = SIGN_BYTES - 100
"""Bytes of what stands in a sign that is put together of several parts."""

SIGNS_MAX = 64
"""Signs that wait to be carried, and those that have come and wait to be read."""


class AddressesCounted(Struct, frozen=True, tag="addresses-counted"):
    """So many are connected at the node from these networks now."""

    counts: dict[str, int]


class RoomFounded(Struct, frozen=True, tag="room-founded"):
    """Somebody has created a room at the node, from this network; "" does not count."""

    person: str
    network: str


class PasswordTried(Struct, frozen=True, tag="password-tried"):
    """Somebody has tried a password at the node, for whatever stands for whose it is; None: an account was made there, from this network."""

    whose: str
    network: str
    is_right: bool | None


class CertificateShown(Struct, frozen=True, tag="certificate-shown"):
    """The node shows this certificate to whoever comes by TLS: its fingerprint."""

    fingerprint: str


class SessionsCounted(Struct, frozen=True, tag="sessions-counted"):
    """So many sessions these people have at the node now, where they are several, or were."""

    counts: dict[str, int]


class SessionsEnded(Struct, frozen=True, tag="sessions-ended"):
    """Somebody was put out at the node, as another has asked for: so many of their sessions."""

    person: str
    sessions: int


class CaseTold(Struct, frozen=True, tag="case-told", omit_defaults=True):
    """Something waits for moderators of a room, or one has closed it (`is_closed`): of whom, and about which account; with an answer.

    `is_lifted`: what it is about is so no longer.
    """

    kind: CaseKind
    room: str
    number: int
    sender: str
    author: int = 0
    why: str = ""
    is_closed: bool = False
    is_lifted: bool = False


class GuestAsked(Struct, frozen=True, tag="guest-asked"):
    """What has a guest chosen? Their node says so, with the number of the question."""

    person: str
    number: int


class GuestTold(Struct, frozen=True, tag="guest-told"):
    """A guest at the node, of whom another (`to`) has asked by this number, has chosen who may begin to write to them."""

    to: int
    number: int
    writers: str


class ReactionAsked(Struct, frozen=True, tag="reaction-asked"):
    """Has a guest reacted with this sign to a line of the room with this id? A node that knows so says it, with the number of the question."""

    person: str
    number: int
    room: str
    of: int
    sign: str


class ReactionTold(Struct, frozen=True, tag="reaction-told"):
    """They have, and were called so then; another node (`to`) has asked by this number."""

    to: int
    number: int
    nick: str


class ReactionTakenBack(Struct, frozen=True, tag="reaction-taken-back"):
    """A guest has taken a reaction back that they may have given at another node: whoever is called so and reacts so now is another."""

    person: str
    room: str
    of: int
    sign: str


class BlocksAsked(Struct, frozen=True, tag="blocks-asked"):
    """Somebody has come to the node who is at others: these say whom they have blocked there (`GuestBlocked`)."""

    person: str


class HitAsked(Struct, frozen=True, tag="hit-asked", omit_defaults=True):
    """Who of those who are there is an act about, and from which networks does somebody come there who is called `nick`? By number, as above."""

    number: int
    act: ServerAct
    nick: str = ""


class HitTold(Struct, frozen=True, tag="hit-told", omit_defaults=True):
    """So many people, by so many sessions, is an act about at the node of which another (`to`) has asked by this number."""

    to: int
    number: int
    people: int
    sessions: int
    networks: tuple[str, ...] = ()


class LinesToJudge(Struct, frozen=True, tag="lines-to-judge"):
    """Another node (`to`) has bots that are to say of these lines of the node's whether they may be said (`LinesAsked.read`)."""

    to: int
    numbers: tuple[int, ...]


class LinesJudged(Struct, frozen=True, tag="lines-judged"):
    """The node's bots have said so of lines by these numbers, of which another (`to`) has asked."""

    to: int
    said: dict[int, Judgement]


class FilterQuiet(Struct, frozen=True, tag="filter-quiet"):
    """A bot that filters the room with this id does not answer at the node, and is asked no more."""

    room: str
    nick: str


class GuestAway(Struct, frozen=True, tag="guest-away"):
    """A guest at the node is away, and says this of it; None: they are so no longer, or have gone."""

    person: str
    nick: str
    away: str | None


class CanaryAsked(Struct, frozen=True, tag="canary-asked"):
    """The node's canary was heard there, for the time with this number. Those who hear of it say so."""

    number: int


class CanaryHeard(Struct, frozen=True, tag="canary-heard"):
    """The node hears another (`to`), whose canary was heard for the time with this number."""

    to: int
    number: int


class Writer(Struct, frozen=True, omit_defaults=True):
    """Somebody who is writing; they have blocked those in `hidden_from`."""

    who: PersonId
    nick: str
    account: int = 0
    hidden_from: tuple[PersonId, ...] = ()


class WritingIn(Struct, frozen=True):
    """Who of those at the node is writing in a room, or a conversation (by what the journal calls it)."""

    room: str
    writers: tuple[Writer, ...]


class PeopleWriting(Struct, frozen=True, tag="people-writing"):
    """Who is writing in which rooms at the node, of all people there."""

    rooms: tuple[WritingIn, ...]


class Read(Struct, frozen=True):
    """Somebody at the node has read a conversation up to this line."""

    conversation: str
    who: PersonId
    seq: int


class PeopleRead(Struct, frozen=True, tag="people-read"):
    """How far some have read."""

    reads: tuple[Read, ...]


Sign = (
    AddressesCounted
    | RoomFounded
    | PasswordTried
    | CertificateShown
    | SessionsCounted
    | SessionsEnded
    | CaseTold
    | GuestAsked
    | GuestTold
    | ReactionAsked
    | ReactionTold
    | ReactionTakenBack
    | BlocksAsked
    | HitAsked
    | HitTold
    | LinesToJudge
    | LinesJudged
    | FilterQuiet
    | GuestAway
    | CanaryAsked
    | CanaryHeard
    | PeopleWriting
    | PeopleRead
)


class Signed(NamedTuple):
    """A sign, and the number of the node that has given it."""

    node: int
    sign: Sign


class Signs:
    """A node's signs on their way, its own and those of the others."""

    def __init__(self) -> None:
        self._own_in, self._own = trio.open_memory_channel[str](SIGNS_MAX)
        self._others_in, others = trio.open_memory_channel[Signed](SIGNS_MAX)
        self.others: AsyncIterator[Signed] = others
        """What the other nodes tell, as it comes. For one who reads."""
        self.dropped = 0
        """How many were too long or too many."""

    def tell(self, sign: Sign) -> None:
        """Give a sign to the other nodes. Never waits."""
        text = encoded(sign)
        if len(text.encode()) > SIGN_BYTES:
            self.dropped += 1
            return
        try:
            self._own_in.send_nowait(text)
        except trio.WouldBlock:
            self.dropped += 1

    # For the engine that carries them.

    async def to_carry(self) -> list[str]:
        """Wait for signs of this node's; all that wait."""
        texts = [await self._own.receive()]
        with suppress(trio.WouldBlock):
            while True:
                texts.append(self._own.receive_nowait())
        return texts

    def came(self, node: int, text: str) -> None:
        """Another node has given this sign. One that this release does not know is passed over."""
        with suppress(msgspec.DecodeError):
            signed = Signed(node, _DECODER.decode(text))
            try:
                self._others_in.send_nowait(signed)
            except trio.WouldBlock:
                self.dropped += 1


P = TypeVar("P", bound=Struct)


def encoded(sign: Sign) -> str:
    """A sign as it is carried."""
    return _ENCODER.encode(sign).decode()


def in_signs(parts: Iterable[P]) -> Iterator[tuple[P, ...]]:
    """What is to be told, in as few pieces as fit into one sign each. A part that fits into none is left out."""
    piece: list[P] = []
    size = 0
    for part in parts:
        part_size = len(_ENCODER.encode(part)) + 1
        if part_size > PARTS_BYTES:
            continue
        if size + part_size > PARTS_BYTES:
            yield tuple(piece)
            piece, size = [], 0
        piece.append(part)
        size += part_size
    if piece:
        yield tuple(piece)


_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Sign] = msgspec.json.Decoder(Sign)
