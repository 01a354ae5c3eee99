"""The names of those who are at this node of several, which nobody else has at any: the engine gives them, and takes them back.

A name that is asked for, or given back, is unsettled until the engine has answered; whoever wants it meanwhile waits for that. The engine has it back
when every room has stored that nobody there has it: before, somebody else would be a second one of that name there. Never knows how a name is asked
for, nor what it is told of other nodes.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Generic, TypeVar

import trio

from chat_server.accounts.look_alikes import skeleton
from chat_server.accounts.names_index import Refusal
from chat_server.accounts.refusals import refused
from chat_server.journal import JournalError
from chat_server.journal.happened import PersonId
from chat_server.journal.nodes import Claim, Claimed, Nodes
from chat_server.protocol.events import Refused
from chat_server.protocol.names import name_key
from chat_server.rooms.held_names import HeldNames
from chat_server.rooms.owed import Owed

P = TypeVar("P")
K = TypeVar("K")

PATIENCE = 10.0
"""Seconds for which the engine is waited for when it is asked for a name; and a name that is unsettled at this node."""

WhenStored = Callable[[Callable[[], object]], None]
"""Calls something when a room has stored what happened there until now. Raises ClosedResourceError if it never will."""

_Tag = tuple[str, str]


class _Leaving:
    """A name that somebody has no longer, and which of so many rooms have not stored that yet."""

    def __init__(self, key: str, who: PersonId, rooms: int) -> None:
        self.key = key
        self.who = who
        self.rooms = {*range(rooms)}


class SharedNames(Generic[P]):
    """The names at this node."""

    def __init__(self, held: HeldNames[P], nodes: Nodes, owed: Owed) -> None:
        """Give names by this engine. Who has which at this node is in `held`, which nobody else changes; what is given back is `owed`."""
        self._held = held
        self._nodes = nodes
        self._owed = owed
        self._whose: dict[str, PersonId] = {}  # by a name's key: for whom the engine keeps it at this node
        self._unsettled: dict[_Tag, tuple[trio.Event, ...]] = {}
        self._claiming: dict[str, tuple[trio.Event, ...]] = {}  # by a name's key: what the engine is just asked for
        self._leaving: dict[str, _Leaving] = {}  # by key: what is given back when rooms have stored that

    async def claim(self, nick: str, person: P, who: PersonId) -> Claimed | Refused:
        """Give this person, who is `who` at all nodes, the name; or the one that they have elsewhere, as Nodes.claim says.

        It is waited for whatever becomes of who waits, so whoever has been given one has it, and gives it back if they are gone. Raises JournalError:
        then they are not given it.
        """
        if self._owed.is_full(len(self._leaving)):
            raise JournalError("the engine is still to be told too much")
        tags = _tags(nick)
        with trio.move_on_after(PATIENCE):
            while unsettled := [event for tag in tags for event in self._unsettled.get(tag, ())]:
                await unsettled[0].wait()
        key = name_key(nick)
        is_new = key not in self._whose
        settled = self._unsettle(tags)
        asked = trio.Event()
        self._claiming[key] = (*self._claiming.get(key, ()), asked)
        claimed: Claimed | Refusal | None = None
        try:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + PATIENCE):
                claimed = await self._nodes.claim(Claim(nick, key, skeleton(nick), who))
        finally:
            asked.set()
            _drop(self._claiming, key, asked)
            if claimed is None and is_new:
                self._owe(key, who, settled)
            else:
                settled()
        if claimed is None:
            raise JournalError("the engine does not say whose a name is")
        if isinstance(claimed, Refusal):
            return refused(claimed, nick)
        if claimed.nick != nick:
            return await self._claim_as_elsewhere(claimed.nick, person, who)
        self._whose[key] = who
        refusal = self._held.claim(nick, person)
        if refusal is not None:  # somebody has it here of whom the engine does not know
            self._give_back(key, tags)
            return refusal
        return claimed

    async def _claim_as_elsewhere(self, nick: str, person: P, who: PersonId) -> Claimed | Refused:
        """Give the person the name that the engine has just given them at this node, for they have it elsewhere."""
        claimed: Claimed | Refused | None = None
        try:
            claimed = await self.claim(nick, person, who)
        finally:
            if not isinstance(claimed, Claimed):
                self._owe(name_key(nick), who, self._unsettle(_tags(nick)))
        return claimed

    async def is_given(self, nick: str, who: PersonId) -> Claimed | None:
        """What the engine says of a name that somebody has at this node: where else they have one; None if they have it not. Raises JournalError."""
        claimed = await self._nodes.claim(Claim(nick, name_key(nick), skeleton(nick), who))
        return claimed if isinstance(claimed, Claimed) else None

    def release(self, nick: str, person: object, stored: Sequence[WhenStored] = ()) -> None:
        """Take the name back, if this person has it. The engine has it back when all this is stored."""
        key = name_key(nick)
        if self._held.holders.get(key) is person:
            tags = _tags(self._held.written(key))
            self._held.release(nick, person)
            self._give_back(key, tags, stored)

    def release_all(self, person: object) -> None:
        """Take back whatever this person has."""
        for key in [key for key, other in self._held.holders.items() if other is person]:
            self.release(self._held.written(key), person)

    def known_otherwise(self, nick: str, who: PersonId) -> None:
        """Whoever has this name is `who` from now on, by an account that has it: so nobody else is given it in between."""
        key = name_key(nick)
        before = self._whose.get(key)
        if before is not None and before != who:
            self._whose[key] = who
            self._owed.tell(partial(self._hand_on, nick, before, who))

    async def hand_on(self, nick: str, who: PersonId) -> None:
        """The same, and the engine knows it when this returns. Raises JournalError: it is not so yet."""
        key = name_key(nick)
        before = self._whose.get(key)
        if before is not None and before != who:
            await self._hand_on(nick, before, who)

    async def _hand_on(self, nick: str, before: PersonId, who: PersonId) -> None:
        key = name_key(nick)
        await self._nodes.release(key, before)
        if self._whose.get(key) in {before, who}:  # else they are gone
            await self._nodes.claim(Claim(nick, key, skeleton(nick), who))
            if self._whose.get(key) in {before, who}:
                self._whose[key] = who
            else:
                self._owe(key, who, self._unsettle(_tags(nick)))

    # What is unsettled.

    def _give_back(self, key: str, tags: tuple[_Tag, ...], stored: Sequence[WhenStored] = ()) -> None:
        who = self._whose.pop(key, None)
        if who is None or self._nodes.life.holds_back(who):
            return
        leaving, settled = _Leaving(key, who, len(stored)), self._unsettle(tags)
        self._leaving[key] = leaving
        if not stored:
            self._left(leaving, settled)
        with suppress(trio.ClosedResourceError):  # the server ends, and the engine takes back what it has
            for number, call in enumerate(stored):
                call(partial(self._stored, leaving, number, settled))

    def _stored(self, leaving: "_Leaving", room: int, settled: Callable[[], None]) -> None:
        """A room has stored that nobody has the name there."""
        if room in leaving.rooms:
            leaving.rooms.remove(room)
            if not leaving.rooms:
                self._left(leaving, settled)

    def _left(self, leaving: "_Leaving", settled: Callable[[], None]) -> None:
        """Every room has: the name can be given back, unless it was taken again."""
        is_last = self._leaving.get(leaving.key) is leaving
        if is_last:
            del self._leaving[leaving.key]
        if is_last and not self._nodes.life.holds_back(leaving.who):
            self._owe(leaving.key, leaving.who, settled)
        else:
            settled()

    def _owe(self, key: str, who: PersonId, settled: Callable[[], None]) -> None:
        self._owed.tell(partial(self._release, key, who, settled))

    async def _release(self, key: str, who: PersonId, settled: Callable[[], None]) -> None:
        while claims := self._claiming.get(key):  # by who has waited for too long: if it was theirs, it is so again
            await claims[0].wait()
        if key not in self._whose:
            await self._nodes.release(key, who)
        settled()

    def _unsettle(self, tags: tuple[_Tag, ...]) -> Callable[[], None]:
        """Have others wait for names that are the same, or look alike, until what is returned is called."""
        event = trio.Event()
        for tag in tags:
            self._unsettled[tag] = (*self._unsettled.get(tag, ()), event)
        return partial(self._settle, tags, event)

    def _settle(self, tags: tuple[_Tag, ...], event: trio.Event) -> None:
        event.set()
        for tag in tags:
            _drop(self._unsettled, tag, event)


def _drop(events: dict[K, tuple[trio.Event, ...]], key: K, event: trio.Event) -> None:
    others = tuple(other for other in events.pop(key, ()) if other is not event)
    if others:
        events[key] = others


def _tags(nick: str) -> tuple[_Tag, ...]:
    """What names share that are not two people's: what counts as the same, and what looks alike."""
    return ("key", name_key(nick)), ("skeleton", skeleton(nick))
