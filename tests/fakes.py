"""Stand-ins for what a part of the server sees of the others."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import ClassVar, TypeVar

import trio

from chat_server.accounts.authentication import Authentication, Policy
from chat_server.accounts.hashing import Argon2, Cost, HashingQueue
from chat_server.accounts.memory import MemoryAccounts
from chat_server.journal import Journal, JournalError, Party, PendingAppend, PendingProbe, Receipt, RoomRecord
from chat_server.journal.engines import Store
from chat_server.journal.kept_in_memory import KeptConversations, KeptLines, KeptRoom
from chat_server.journal.keys import SenderKey
from chat_server.journal.memory import MemoryJournal
from chat_server.journal.memory_mentions import KeptMentions
from chat_server.journal.mentions import Mention
from chat_server.protocol.entries import Entry
from chat_server.protocol.events import Entered, Event
from chat_server.protocol.names import name_key
from chat_server.protocol.preferences import Preferences
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.directory import Directory
from chat_server.rooms.hall import Hall
from chat_server.rooms.person import MEMBER, Person, Proof
from chat_server.rooms.room import Line, MaybeAwaitable, Occupant, Room
from chat_server.rooms.sink import Sink
from chat_server.sessions.outbox import PushSink
from chat_server.wire.render.profiles import RenderProfile, renderer_for

T = TypeVar("T")


class Later:
    """An append that is told to be stored when something else has come too: a slow disk."""

    def __init__(self, appending: PendingAppend, wait: Callable[[], Awaitable[object]]) -> None:
        self._appending, self._wait = appending, wait

    async def stored(self) -> Receipt:
        await self._wait()
        return await self._appending.stored()


class FakeSession:
    """A session that remembers what it was told."""

    receives_own: ClassVar[bool] = False
    has_terminal: ClassVar[bool] = True
    speaks_telnet: ClassVar[bool] = False
    shows_typing: ClassVar[bool] = False
    program: ClassVar[str] = ""
    takes_secrets: ClassVar[bool] = True

    def __init__(self, place: Room, nick: str = "") -> None:
        self.person: Person[Occupant] = Person(self, history=20, zone="UTC")
        self.network = ""
        self.line = Line(is_encrypted=False, is_proxied=False, is_local=False, server_fingerprint="")
        self.proof = Proof()
        self.asked: list[tuple[str, Callable[[str], MaybeAwaitable]]] = []
        self.place = place
        self.render: Callable[[Event], bytes] = renderer_for(RenderProfile())
        self.render_mention: Callable[[Event], bytes] | None = None
        self.preferences = Preferences()
        self.told: list[str] = []
        if nick:
            assert place.directory.claim(nick, self.person) is None
            self.logged_in(nick, name_key(nick), MEMBER)

    @property
    def nick(self) -> str:
        return self.person.nick

    def renderer_among(self, kinds: Collection[Callable[[Event], bytes]], limit: int) -> Callable[[Event], bytes]:
        return self.render

    @property
    def sink(self) -> Sink:
        return PushSink(self.push)

    def push(self, data: bytes) -> None:
        self.told += data.decode().splitlines()

    def send(self, event: Event) -> None:
        self.push(self.render(event))

    def send_all(self, events: Iterable[Event]) -> None:
        for event in events:
            self.send(event)

    def send_unasked(self, event: Event) -> None:
        self.send(event)

    def answer_later(self) -> Callable[[Event], None]:
        return self.send

    def key_of_act(self, key: str = "") -> str:
        return key

    def owe(self, tokens: float) -> None:
        pass

    def set_preferences(self, preferences: Preferences) -> None:
        self.preferences = preferences

    def effective(self, setting: str) -> str:
        return str(getattr(self.preferences, setting))

    def logged_in(self, nick: str, sender: str, role: str) -> None:
        self.person.nick, self.person.role, self.person.sender = nick, role, sender

    def belong_to(self, person: Person[Occupant]) -> None:
        self.person = person
        person.add(self)

    @property
    def rooms(self) -> tuple[str, ...]:
        return tuple(self.place.position)

    async def enter(self, place: Room, *, is_return: bool = False) -> int:
        await self.place.leave(self)
        self.place = place
        return await place.enter(self, is_return=is_return)

    async def leave(self, place: Room, hall: Room) -> None:
        await self.enter(hall)

    @property
    def is_in_hall(self) -> bool:
        return not self.rooms

    async def take_over(self, rooms: Collection[Room]) -> None:
        raise AssertionError("it has no token")

    def withhold_next(self) -> None:
        """It asks for nothing."""

    def ask_secret(self, prompt: str, then: Callable[[str], MaybeAwaitable]) -> None:
        self.asked.append((prompt, then))

    def room_renamed(self, old: str, entered: Entered) -> None:
        self.told.append(f"{old} is {entered.room}")

    def put_out(self, room: Room) -> None:
        if self.place is room:
            self.place = getattr(room, "hall", self.place)
            self.told.append("put out")

    async def drained(self) -> None:
        await trio.lowlevel.checkpoint()

    def replayed_up_to(self, room: str, seq: int | None) -> None:
        pass

    def end_after_takeover(self, done: trio.Event, rooms: Collection[Room]) -> None:
        self.person.replace(self)
        self.told.append("replaced")

    def dismiss(self, why: str, deadline: float, details: Mapping[str, str] | None = None) -> None:
        self.told.append(f"dismissed: {why}")

    def fail(self) -> None:
        self.told.append("failed")

    def take_told(self) -> list[str]:
        """What it was told since this was last asked."""
        told, self.told = self.told, []
        return told


class FullDisk:
    """An append that a full disk refuses."""

    async def stored(self) -> Receipt:
        raise JournalError("no space left on device")


async def at_once(work: Callable[[], T]) -> T:
    """Do a piece of work here, where the clock is virtual and would run on while a thread works."""
    await trio.lowlevel.checkpoint()
    return work()


def cheap_hashing() -> HashingQueue:
    """Where a test's passwords are hashed."""
    return HashingQueue(Argon2(Cost(passes=1, memory=64)), at_once)


def store_of(journal: Journal | None = None) -> Store:
    """A journal, and accounts that are kept with it, if it keeps any."""
    journal = journal or MemoryJournal()
    return Store(journal, getattr(journal, "accounts", None) or MemoryJournal().accounts)


class FullConversations(KeptConversations):
    """Conversations of which none can be kept while a disk is full; those that there are can be read."""

    disk: "FaultyJournal"

    async def begin(self, name: str, parties: Sequence[Party]) -> None:
        self.disk.check()
        await super().begin(name, parties)

    async def accept(self, name: str, who: str) -> None:
        self.disk.check()
        await super().accept(name, who)


class FullMentions(KeptMentions):
    """The same of mentions."""

    disk: "FaultyJournal"

    async def add(self, mentions: Sequence[Mention]) -> None:
        self.disk.check()
        await super().add(mentions)

    async def mark_read(self, account: int, seen: Sequence[Mention]) -> None:
        self.disk.check()
        await super().mark_read(account, seen)


class FaultyJournal(MemoryJournal):
    """A journal whose disk can be full: nothing more is kept then, of accounts neither, and what there is can be read."""

    def __init__(self) -> None:
        super().__init__()
        self.is_full = False
        self.accounts = MemoryAccounts(self._kept.accounts, KeptLines(self._kept, lambda: self.is_full))
        self.conversations = FullConversations(self._kept, lambda: None)
        self.mentions = FullMentions(self._kept, lambda: None)
        self.conversations.disk = self.mentions.disk = self

    def check(self) -> None:
        """Raise JournalError if the disk is full."""
        if self.is_full:
            raise JournalError("no space left on device")

    def append(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey]) -> PendingAppend:
        return FullDisk() if self.is_full else super().append(lines, keys)

    def probe(self) -> PendingProbe:
        return FullDisk() if self.is_full else super().probe()

    async def create_room(self, name: str, *, is_new: bool = False, room_id: str = "") -> None:
        self.check()
        await super().create_room(name, is_new=is_new)

    async def rename_room(self, old: str, new: str, named: Entry | None = None) -> Receipt | None:
        self.check()
        return await super().rename_room(old, new, named)

    async def delete_room(self, name: str) -> str:
        self.check()
        return await super().delete_room(name)


def make_hall(*rooms: str, journal: Journal | None = None, last: int = 0) -> Hall:
    """A hall with these chat rooms beside it, whose broadcasters are not running."""
    journal = journal or MemoryJournal()
    store = store_of(journal)
    authentication = Authentication(store.accounts, cheap_hashing(), Policy(), store.now)

    def start_room(name: str, room_id: str = "") -> ChatRoom:
        return ChatRoom(RoomRecord(name, "", 1, last, id=room_id), directory, hall)

    directory: Directory[Room, Person[Occupant]] = Directory(
        *store, authentication=authentication, start_room=start_room
    )
    directory.allow(10, 0, 0)
    hall = Hall(directory)
    for name in rooms:
        directory.open_room(start_room(name))
        if isinstance(journal, MemoryJournal):
            journal._rooms.setdefault(name, KeptRoom())
    return hall


def open_rooms(nursery: trio.Nursery, journal: Journal | None = None, *, last: int = 0) -> tuple[Hall, ChatRoom]:
    """A hall and two rooms, whose broadcasters run; their last line is of this number."""
    hall = make_hall("python", "pm", journal=journal, last=last)
    for room in hall.directory.rooms:
        assert isinstance(room, ChatRoom)
        nursery.start_soon(room.run)
    python = hall.directory.room("python")
    assert isinstance(python, ChatRoom)
    return hall, python
