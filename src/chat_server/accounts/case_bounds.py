"""How much may wait for moderators, of whom, and from where: so that nobody, no room and no few networks take the places of all the others.

There are so many places. Whoever has more of them than a quarter of what is free gets no more: one alone has a fifth at most, five have a
ninth each, and there is always a place for somebody who has none yet. Pure; never knows how anything is stored.
"""

from collections.abc import Iterable

from msgspec import Struct

from chat_server.accounts.cases import DAY, Case, CaseKind, NotTaken

CASES_MAX = 2000
"""Cases of one kind that wait, of all rooms together: each has a text."""

REMEMBERED_MAX = 10_000
"""The same, with the closed ones of the last day, of which nothing is left but that they were: all of them are counted where one more is made."""

SHARE = 4
"""What is free is so many times as much as what one person, network, room or owner of rooms has, or they get no more."""

NETWORK_FACTOR = 4
"""How much more guests and new accounts may do together that come from one network than one person may."""


class Bound(Struct, frozen=True):
    """How many cases of a kind there may be (0: no bound): of one person within a day, open of one person, open of one room."""

    day: int
    waiting: int
    room: int


BOUNDS: dict[CaseKind, Bound] = {"report": Bound(5, 0, 500), "appeal": Bound(1, 0, 500), "held": Bound(100, 5, 100)}


class Count(Struct, frozen=True):
    """How many there are, with closed ones; how many of these are of the last day, and how many wait."""

    every: int = 0
    recent: int = 0
    waiting: int = 0


class Taken(Struct, frozen=True):
    """What there is beside a new case of its kind: of all; of its person, its network, its room, and of rooms with the same owner."""

    every: Count = Count()
    own: Count = Count()
    network: Count = Count()
    room: Count = Count()
    keeper: Count = Count()


def refusal_of(new: Case, taken: Taken) -> NotTaken | None:
    """Why a case cannot be one more; None if it can."""
    bound, every = BOUNDS[new.kind], taken.every
    network = taken.network if new.network else Count()
    if bound.day and (taken.own.recent >= bound.day or network.recent >= bound.day * NETWORK_FACTOR):
        return NotTaken("day")
    if bound.waiting and taken.own.waiting >= bound.waiting:
        return NotTaken("waiting")
    if taken.room.waiting >= bound.room:
        return NotTaken("room")
    places, remembered = CASES_MAX - every.waiting, REMEMBERED_MAX - every.every
    if places <= 0 or remembered <= 0:
        return NotTaken("all")
    shares = (taken.own, network, taken.room, taken.keeper if new.keeper else Count())
    if any(one.waiting * SHARE > places or one.every * SHARE > remembered for one in shares):
        return NotTaken("share")
    return None


def taken_of(new: Case, known: Iterable[Case]) -> Taken:
    """What there is, of those of its kind that are known."""
    kept = [one for one in known if one.kind == new.kind and (one.at > new.at - DAY or one.is_on(new.at))]

    def count(some: Iterable[Case]) -> Count:
        found = [*some]
        recent = sum(one.at > new.at - DAY for one in found)
        return Count(len(found), recent, sum(one.is_on(new.at) for one in found))

    return Taken(
        count(kept),
        count(one for one in kept if one.sender == new.sender),
        count(one for one in kept if one.network == new.network),
        count(one for one in kept if one.room == new.room),
        count(one for one in kept if one.keeper == new.keeper),
    )


def same_as(new: Case, known: Iterable[Case]) -> Case | NotTaken | None:
    """Which one a case is already, or that it is reported again; None: it is a new one."""
    for one in known:
        if one.kind == new.kind and one.sender == new.sender:
            if new.key and one.key == new.key:
                return one
            if new.kind == "report" and one.is_on(new.at) and (one.room, one.of) == (new.room, new.of):
                return NotTaken("again")
    return None
