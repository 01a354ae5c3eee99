"""Who has blocked which guests, of all who are here: a guest is known by the name, which changes, and is another's when they have gone.

Where there are other nodes, also by who they are among all of these: so a block holds wherever either of the two is. Never knows what is shown.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any, Protocol

import trio
from msgspec.structs import replace

from chat_server.accounts import Accounts, Choices, sender_of, with_choices
from chat_server.guard import Guard
from chat_server.journal import JournalError
from chat_server.journal.happened import PersonId
from chat_server.journal.nodes import Nodes, Whereabouts
from chat_server.protocol.names import name_key
from chat_server.rooms.blocking import BLOCKED, Blocks, blocks_of, choice_to_block, see_as_chosen
from chat_server.rooms.former_names import Called, Spans, begun, ended, lifted, number_of

TO_STORE_MAX = 10_000
"""Blocks that wait to be stored. More are not: they hold for as long as whoever blocks is here."""

AGAIN_SECONDS = 1.0
"""Seconds after which it is tried again to store them."""

LEFT_MAX = 1000
"""People who have gone, the last, of whom it is known whom they have blocked: whose connection is cut comes back at once."""

LOOK_SECONDS = 5.0
"""Seconds from one look to the next at what those are called who are blocked, as the engine has it; and whether they are still there."""


class Blocker(Protocol):
    """Somebody who blocks others."""

    account: int
    blocks: Blocks
    choices: Choices
    serial: int

    @property
    def sessions(self) -> Sequence[Any]:
        """Theirs, each of which knows the names of its `rooms`."""


class GuestBlocks:
    """The guests whom somebody here has blocked."""

    def __init__(self, room: Callable[[str], Any], accounts: Accounts, now: Callable[[], float]) -> None:
        """Nobody yet. `room` gives the room of a name; what is blocked for good is kept with these accounts. `now`: seconds since 1970."""
        self._room = room
        self._accounts = accounts
        self._now = now
        self._numbers = count(1)
        self._by: dict[str, dict[int, Blocker]] = {}
        self._who: dict[str, PersonId] = {}
        self._keys: dict[PersonId, set[str]] = {}
        self._missed: set[PersonId] = set()
        self._left: dict[PersonId, Blocker] = {}
        self._to_store: dict[tuple[int, int], None] = {}
        self._has_more = trio.Event()

    def __bool__(self) -> bool:
        """Whether anybody has blocked any."""
        return bool(self._by)

    def block(self, blocker: Blocker, nick: str, who: PersonId = "", called: Called = ()) -> None:
        """Somebody blocks the guest of this name, who is `who` among the nodes, if there are others, and was `called` so before."""
        key, spans = name_key(nick), blocker.blocks.spans
        if not number_of(spans, key):  # else it is told once more: another node does when they come there
            spans = begun(spans, key, next(self._numbers), before=called)
        self._block(blocker, key, who, spans)

    def _block(self, blocker: Blocker, key: str, who: PersonId, spans: Spans) -> None:
        self._by.setdefault(key, {})[blocker.serial] = blocker
        if who:
            self._who[key] = who
            self._keys.setdefault(who, set()).add(key)
        self._see(blocker, replace(blocker.blocks, guests=blocker.blocks.guests | {key}, spans=spans))

    def unblock(self, blocker: Blocker, nick: str) -> None:
        """They do so no longer, whatever other names the guest has just now. Of one who has gone, what they have said is seen again."""
        key = name_key(nick)
        for one in {key, *self._keys.get(self._who.get(key, ""), ())}:
            self._lift(blocker, one)

    def unblock_anyway(self, blocker: Blocker, who: PersonId, nick: str) -> None:
        """The same, of a guest who may have another name by now than this one."""
        for key in [*self._keys.get(who, (nick,))]:
            self._lift(blocker, name_key(key))

    def _lift(self, blocker: Blocker, key: str) -> None:
        self._drop(blocker, key, lifted(blocker.blocks.spans, key))

    def _drop(self, blocker: Blocker, key: str, spans: Spans | None = None) -> None:
        """Somebody blocks nobody of this name any more; what the one who had it has said is hidden still, unless these spans say otherwise."""
        if spans is None:
            spans = ended(blocker.blocks.spans, key, self._now())
        known = self._by.get(key, {})
        known.pop(blocker.serial, None)
        if not known:
            self._by.pop(key, None)
            who = self._who.pop(key, "")
            self._keys.get(who, set()).discard(key)
            if not self._keys.get(who):
                self._keys.pop(who, None)
        self._see(blocker, replace(blocker.blocks, guests=blocker.blocks.guests - {key}, spans=spans))

    def of(self, blocker: Blocker) -> list[tuple[PersonId, str]]:
        """Whom somebody has blocked of whom other nodes hear otherwise by nothing: guests, and as a guest anybody; each with a name."""
        guests = [(who, key) for key in blocker.blocks.guests if (who := self._who.get(key, ""))]
        return guests if blocker.account else [*guests, *((sender_of(one), "") for one in blocker.blocks.accounts)]

    def who_has(self, nick: str) -> PersonId:
        """Who it is that is blocked by this name; "" if that is not known."""
        return self._who.get(name_key(nick), "")

    def is_called(self, old: str, new: str) -> None:
        """A guest has another name from now on; until the old one is `gone`, it is theirs too."""
        key = name_key(new)
        for blocker in [*self._by.get(name_key(old), {}).values()]:
            spans = blocker.blocks.spans
            if not number_of(spans, key):
                spans = begun(spans, key, number_of(spans, name_key(old)), self._now())
            self._block(blocker, key, self.who_has(old), spans)

    def has_account(self, nick: str, account: int) -> None:
        """The guest of this name has an account from now on: who has blocked them blocks that, as any other, and for good."""
        chosen = choice_to_block(account, is_blocked=True)
        for blocker in [*self._by.get(name_key(nick), {}).values()]:
            blocker.choices = with_choices(blocker.choices, chosen)
            self._see(blocker, blocks_of(blocker.choices, blocker.blocks))
            self._drop(blocker, name_key(nick))
            if blocker.account and len(self._to_store) < TO_STORE_MAX:
                self._to_store[blocker.account, account] = None
                self._has_more.set()

    def gone(self, nick: str) -> None:
        """No guest has this name any more."""
        for blocker in [*self._by.get(name_key(nick), {}).values()]:
            self._drop(blocker, name_key(nick))

    def left(self, blocker: Blocker, who: PersonId = "") -> None:
        """Somebody who may have blocked others has gone. Who is known by an account or a token (`who`) blocks them still when back.

        Which accounts an account has blocked is kept with it.
        """
        blocks = blocker.blocks
        if not (blocks.guests or blocks.spans or (blocks.accounts and not blocker.account)):
            return
        if who:
            self._left[who] = blocker
            if len(self._left) <= LEFT_MAX:
                return
            blocker = self._left.pop(next(iter(self._left)))
        for key in blocker.blocks.guests:
            self._drop(blocker, key)

    def is_back(self, blocker: Blocker, who: PersonId) -> None:
        """Somebody has come who may have been here before: those whom they had blocked then, and who have not gone, they have blocked."""
        before = self._left.pop(who, None)
        if before is None:
            return
        for key in before.blocks.guests:
            self._by[key].pop(before.serial)
            self._by[key][blocker.serial] = blocker
        if not blocker.account:
            blocker.choices = with_choices(blocker.choices, {BLOCKED: before.choices.get(BLOCKED, {})})
        self._see(blocker, blocks_of(blocker.choices, before.blocks))

    def who_left(self, who: PersonId) -> Blocker | None:
        """Somebody who has gone, and may be at another node by now."""
        return self._left.get(who)

    def _see(self, blocker: Blocker, blocks: Blocks) -> None:
        blocker.blocks = blocks
        see_as_chosen(blocker, self._room)

    # What is stored.

    async def run(self) -> None:
        """Store with the accounts of those who block what they block for good from now on, for ever."""
        guard = Guard("it could not be stored whom somebody has blocked")
        while True:
            await self._has_more.wait()
            self._has_more = trio.Event()
            with guard:
                try:
                    await self._store()
                except JournalError:
                    self._has_more.set()
                    await trio.sleep(AGAIN_SECONDS)

    async def _store(self) -> None:
        while self._to_store:
            by, account = next(iter(self._to_store))
            await self._accounts.add_choices(by, choice_to_block(account, is_blocked=True))
            self._to_store.pop((by, account), None)

    # What is known of guests among several nodes.

    def seen(self, who: PersonId, nick: str) -> None:
        """A guest, at whatever node, has this name: it may be new, or another's until now."""
        key = name_key(nick)
        if self._who.get(key, who) != who:
            self.gone(key)
        known = self._keys.get(who, ())
        if known and key not in known:
            self.is_called(next(iter(known)), nick)

    def registered(self, who: PersonId, account: int) -> None:
        """A guest, at whatever node, has an account from now on."""
        for key in [*self._keys.get(who, ())]:
            self.has_account(key, account)

    async def look(self, nodes: Nodes) -> None:
        """Look what those are called who are blocked, and who of them has gone. Raises JournalError."""
        asked = [*self._keys]
        if asked:
            self._settle(asked, await nodes.whereabouts_of(asked))

    def _settle(self, asked: Iterable[PersonId], found: Iterable[Whereabouts]) -> None:
        held: dict[PersonId, list[str]] = {}
        for one in found:
            held.setdefault(one.person, []).append(one.nick)
        before, self._missed = self._missed, set()
        for who in asked:
            for nick in held.get(who, ()):
                self.seen(who, nick)
            if who not in held and who not in before:  # who has registered just now is heard of by then
                self._missed.add(who)
                continue
            for key in self._keys.get(who, set()) - {*map(name_key, held.get(who, ()))}:
                self.gone(key)


async def keep_level(blocks: GuestBlocks, nodes: Nodes) -> None:
    """Look now and then, until cancelled."""
    guard = Guard("it could not be found out what those are called who are blocked")
    while True:
        await trio.sleep(LOOK_SECONDS)
        with guard:
            try:
                await blocks.look(nodes)
            except JournalError:
                continue
