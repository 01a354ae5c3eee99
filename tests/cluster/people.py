"""People who talk to servers, by programs and at terminals, and note everything that they are told. They come back from whatever ends it."""

import json
import random
import re
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from itertools import count
from typing import Any

import trio

from cluster.nodes import Node
from cluster.notes import LINES, Client, Event, Note, Visit, event_of

ANSWER_SECONDS = 60.0
"""Seconds in which whatever has been asked is answered, or the connection ends."""

REST_SECONDS = 0.05
"""Seconds before somebody tries again to come in."""

NOT_NOW = frozenset(("cannot-read", "cannot-store", "engine-away"))
"""Why something is refused that may be done when the engine is there again."""

WAITING_MAX = 8
"""Lines that somebody says before the first of them is acknowledged."""

Broken = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)


_NEGOTIATION = re.compile(rb"\xff[\xfb-\xfe].|\xff[\xf1-\xf9]", re.DOTALL)
"""What telnet says beside the text (RFC 854)."""


class Connection:
    """A program's connection: what it is told is noted in its visit and handed on, and answers find who has asked."""

    def __init__(self, stream: trio.SocketStream, visit: Visit, hand_on: "Callable[[Connection, Event], None]") -> None:
        self._stream, self.visit, self._hand_on = stream, visit, hand_on
        self._refs = count(1)
        self._answers: dict[int, Event] = {}
        self._asked: dict[int, trio.Event] = {}
        self._sending = trio.Lock()
        self.ended = trio.Event()

    async def run(self) -> None:
        """Read to the end of it."""
        unfinished = b""
        try:
            with suppress(*Broken):
                async for data in self._stream:
                    *lines, unfinished = (unfinished + data).split(b"\n")
                    for line in lines:
                        if line.startswith(b"{"):
                            await self._take(json.loads(line))
        finally:
            self.ended.set()
            self.visit.has_ended = True
            for asked in self._asked.values():
                asked.set()
            self.close()

    async def _take(self, event: Event) -> None:
        self.visit.notes.append(Note(trio.current_time(), event))
        if event["is"] in {"ping", "are-you-there"}:
            await self.tell("pong")
        if (ref := event.get("ref")) in self._asked and ref is not None:
            self._answers.setdefault(ref, event)
            self._asked[ref].set()
        self._hand_on(self, event)

    async def tell(self, do: str, **fields: Any) -> None:
        """Send a request; what does not arrive is seen by the connection's end."""
        with suppress(*Broken):
            async with self._sending:
                await self._stream.send_all(json.dumps({"do": do, **fields}).encode() + b"\n")

    async def ask(self, do: str, **fields: Any) -> Event:
        """The answer; {} if the connection ends before it comes."""
        ref = next(self._refs)
        asked = self._asked[ref] = trio.Event()
        if self.ended.is_set():
            return {}
        await self.tell(do, ref=ref, **fields)
        with trio.move_on_after(ANSWER_SECONDS) as waited:
            await asked.wait()
        assert not waited.cancelled_caught, f"{do} {fields} was not answered: {self.visit.notes[-5:]}"
        del self._asked[ref]
        return self._answers.pop(ref, {})

    def close(self) -> None:
        self._stream.socket.close()


class Program:
    """Somebody with a token, or with a password: always in the same rooms (`client.resumes`), or here and there."""

    def __init__(
        self, name: str, nodes: Sequence[Node], rooms: Sequence[str], chance: random.Random, *, resumes: bool
    ) -> None:
        self.client = Client(name, resumes=resumes)
        self.nick = name
        self.token = f"{name}-{chance.getrandbits(100):025x}"
        self.password = ""
        """If there is one, it is shown where the token is "", and another token got for it."""
        self.rooms = {*rooms} if resumes else {chance.choice(rooms)}
        self.nodes, self._every_room, self.chance = nodes, rooms, chance
        self._numbers = count(1)
        self.waiting: dict[str, tuple[str, str]] = {}
        """What is said and not acknowledged yet, by its key."""
        self._sent_again: set[str] = set()
        """What of it was sent more than once: what becomes of one of those says nothing of the others."""
        self._have: dict[str, int] = {}
        self._seen: dict[str, set[int]] = {}
        self._entered: set[str] = set()
        """Where the connection is, of those rooms that it wants to be in."""
        self.connection: Connection | None = None
        self._login: Event = {}
        """The answer to the login that was tried last."""
        self._enters_again = False
        self.dismissed: list[str] = []
        self.comes_back = True
        """Whether it comes again when its connection has ended."""
        self.is_leaving = False
        self._acknowledged = trio.Event()
        self._nursery: trio.Nursery | None = None

    @property
    def is_here(self) -> bool:
        """Whether it is in its rooms."""
        return self._entered >= self.rooms and self.connection is not None and not self.connection.ended.is_set()

    @property
    def has_missed(self) -> bool:
        """Whether it still waits for something that was said before what it has been shown."""
        return any(self._seen.values())

    def newest(self, room: str) -> int:
        """The number up to which it has everything that was said since it was first there."""
        return self._have.get(room, 0)

    def __str__(self) -> str:
        node = self.connection.visit.node if self.connection else None
        has_ended = self.connection is None or self.connection.ended.is_set()
        return (
            f"{self.client.name} ({self.nick}) at {node}: {self._entered} of {self.rooms}, waits for {[*self.waiting]}"
            f"{f', and cannot come back: {self._login}' if has_ended else ''}"
        )

    # Coming, and coming back.

    async def run(self) -> None:
        """Be here until told to leave."""
        async with trio.open_nursery() as self._nursery:
            while not self.is_leaving:
                if self.connection is None or self.connection.ended.is_set():
                    if self.connection and not self.comes_back:
                        break
                    if not await self.come(self.chance.choice(self.nodes)):
                        await trio.sleep(REST_SECONDS * self.chance.uniform(0.5, 2))
                else:
                    with trio.move_on_after(REST_SECONDS):  # it may be another one by then
                        await self.connection.ended.wait()
            self._nursery.cancel_scope.cancel()

    async def come(self, node: Node) -> bool:
        """Log in at a node, in place of the connection that there is; go on where that was."""
        assert self._nursery
        with trio.move_on_after(ANSWER_SECONDS), suppress(*Broken):
            stream = await trio.open_tcp_stream("127.0.0.1", node.callers.port)
            connection = Connection(stream, Visit(node.name), self._take)
            self._nursery.start_soon(connection.run)
            secret = {"token": self.token} if self.token else {"password": self.password}
            # A name is somebody else's who wants it while this one is away; its first one nobody wants.
            nick = self.client.name if self._login.get("code") == "name-taken" else self.nick
            answer = self._login = await connection.ask("login", nick=nick, **secret)
            if answer.get("is") != "logged-in":
                connection.close()
                connection.ended.set()
                return False
            self.client.visits.append(connection.visit)
            self.nick, self.token = answer["nick"], answer["token"]
            self.connection = connection
            self._entered = {event["room"] for _, event in connection.visit.notes if event["is"] == "entered"}
            await self._enter(connection)
            for key, (room, text) in [*self.waiting.items()]:
                self._sent_again.add(key)
                await connection.tell("say", room=room, text=text, key=key)
            return True
        return False

    async def _enter(self, connection: Connection) -> None:
        """Be in its rooms, and have what it has missed there."""
        known = {room: self._have[room] for room in sorted(self.rooms) if self.client.resumes and room in self._have}
        if known:
            await connection.tell("resume", rooms=known)
        for room in sorted(self.rooms - known.keys() - self._entered):
            await connection.tell("join", room=room)

    def hang_up(self) -> None:
        if self.connection:
            self.connection.close()
            self.connection.ended.set()

    def leave(self) -> None:
        """Come back no more."""
        self.is_leaving = True
        self.hang_up()

    # What it is told.

    def _take(self, connection: Connection, event: Event) -> None:
        kind = event["is"]
        if kind == "entered":
            if connection is self.connection:  # not one that another has replaced
                self._entered.add(event["room"])
            self._take_entry(event)
        elif kind in LINES:
            self._note_seen(event["room"], [event["seq"]])
        elif kind == "page":
            self._note_seen(event["room"], [line["seq"] for line in event["lines"]] + event.get("hidden", []))
        elif kind == "stored":
            self.waiting.pop(event["key"], None)
            self._acknowledged.set()
        elif kind == "renamed":
            if not event["room"] and event["old"] == self.nick:
                self.nick = event["new"]
        elif kind == "dismissed":
            self.dismissed.append(event["why"])
            if self.password:
                self.token = ""
        else:
            self._take_refusal(event)

    def _take_entry(self, event: Event) -> None:
        room = event["room"]
        if self.client.resumes:
            self._have.setdefault(room, event["last"])
        if self._nursery and any(where == room for where, _ in self.waiting.values()):
            self._nursery.start_soon(self._say_what_waits, room)

    def _take_refusal(self, event: Event) -> None:
        kind, key = event["is"], event.get("key")
        if kind == "refused" and event["code"] in NOT_NOW and not self._enters_again:
            assert self._nursery
            self._enters_again = True
            self._nursery.start_soon(self._enter_again)
        elif kind == "not-stored" and key in self.waiting:
            assert self._nursery
            room, text = self.waiting[key]
            if key not in self._sent_again and self.chance.random() < 0.5:
                self.client.given_up.add(key)
                del self.waiting[key]
                self._acknowledged.set()
            else:
                self._nursery.start_soon(self._say_again, room, text, key)

    async def _enter_again(self) -> None:
        """Ask once more, now that the engine may be there again."""
        await trio.sleep(REST_SECONDS)
        self._enters_again = False
        if self.connection:
            await self._enter(self.connection)

    async def _say_what_waits(self, entered: str) -> None:
        """Say what could not be said in a room, or may not have been, for it is there only now."""
        for key, (room, text) in [*self.waiting.items()]:
            if room == entered and self.connection:
                self._sent_again.add(key)
                await self.connection.tell("say", room=room, text=text, key=key)

    async def _say_again(self, room: str, text: str, key: str) -> None:
        await trio.sleep(REST_SECONDS)
        if self.connection:
            await self.connection.tell("say", room=room, text=text, key=key)

    def _note_seen(self, room: str, numbers: Sequence[int]) -> None:
        if room not in self._have:
            return
        seen = self._seen.setdefault(room, set())
        seen.update(number for number in numbers if number > self._have[room])
        while self._have[room] + 1 in seen:
            self._have[room] += 1
            seen.remove(self._have[room])

    # What it does. Each is done, or begun, or not at all where the connection ends.

    async def say(self) -> None:
        """Say something with a key, which it says again until it is acknowledged."""
        room = self.chance.choice(sorted(self.rooms))
        text = f"{self.client.name} says {next(self._numbers)} 你好"
        key = f"{self.client.name}:{text}"[:60]
        self.client.said[key] = self.waiting[key] = (room, text)
        if self.connection:
            await self.connection.tell("say", room=room, text=text, key=key)
        while len(self.waiting) >= WAITING_MAX:
            self._acknowledged = trio.Event()
            with trio.move_on_after(1):
                await self._acknowledged.wait()

    async def say_without_key(self) -> None:
        """Say something, and wait for no answer."""
        room = self.chance.choice(sorted(self.rooms))
        text = f"{self.client.name} mutters {next(self._numbers)}"
        self.client.said_without[text] = room
        if self.connection:
            await self.connection.tell("say", room=room, text=text)

    async def say_again(self) -> None:
        """Say something once more under the key that it had, though it may be acknowledged."""
        if self.connection and self.client.said:
            key = self.chance.choice([*self.client.said][-50:])
            room, text = self.client.said[key]
            if key not in self.client.given_up and room in self.rooms:
                self._sent_again.add(key)
                await self.connection.tell("say", room=room, text=text, key=key)

    async def wander(self) -> None:
        """Leave a room, or enter one."""
        if self.connection and not self.client.resumes:
            room = self.chance.choice(self._every_room)
            if room in self.rooms and len(self.rooms) > 1 and not any(room == of for of, _ in self.waiting.values()):
                self.rooms.remove(room)
                await self.connection.ask("back", room=room)
            elif room not in self.rooms and (await self.connection.ask("join", room=room)).get("is") == "entered":
                self.rooms.add(room)

    async def rename(self, names: Sequence[str]) -> None:
        """Take one of these names, if nobody has it."""
        if self.connection:
            answer = await self.connection.ask("nick", nick=self.chance.choice(names))
            if answer.get("is") == "renamed":
                self.nick = answer["new"]

    async def move(self) -> None:
        """Go on at any node, while the connection is there."""
        if self.is_here:
            await self.come(self.chance.choice(self.nodes))

    async def flood(self) -> None:
        """Say something again and again, until the connection that it has now is gone: what waits then is said by the next one, and nothing more."""
        flooded = self.connection
        while self.is_here and self.connection is flooded:
            await self.say()
            await trio.sleep(0.002)

    async def register(self, password: str) -> None:
        """Make an account of the name."""
        assert self.connection
        answer = await self.connection.ask("register", password=password)
        assert answer["is"] == "registered", answer
        self.token = answer["token"]

    async def online(self, room: str) -> set[str]:
        """Who is in a room, it too; nobody, if it has lost its connection."""
        answer = await self.connection.ask("online", room=room) if self.connection else {}
        return {*answer["nicks"], self.nick} if answer.get("is") == "online-listed" else set()

    # What it has noted.

    def told_of(self, kind: str, since: float) -> list[tuple[float, str]]:
        """Who has come, or gone, as it was told since then, and when that was."""
        return [
            (at, nick)
            for visit in self.client.visits
            for at, event in visit.notes
            if event["is"] == kind and at >= since
            for nick in event["nicks"]
        ]

    def how_late(self, other: "Program") -> list[float]:
        """Seconds from when it was told that each line of its own is stored to when another was shown it, where that came later."""
        stored = {
            (event["room"], event["seq"]): at
            for visit in self.client.visits
            for at, event in visit.notes
            if event["is"] == "stored"
        }
        shown = {(event["room"], event["seq"]): at for visit in other.client.visits for at, event in visit.lines()}
        return [max(0.0, shown[line] - at) for line, at in stored.items() if line in shown]


class Caller:
    """Somebody at a terminal, in one room at a time, and another person each time they come."""

    def __init__(self, name: str, nodes: Sequence[Node], rooms: Sequence[str], chance: random.Random) -> None:
        self.client = Client(name)
        self._nodes, self._every_room, self.chance = nodes, rooms, chance
        self._numbers, self._visits = count(1), count(1)
        self._stream: trio.SocketStream | None = None
        self.nick = self.room = self._old = ""
        self._told = trio.Event()
        self.visit = Visit("", is_program=False)
        self.is_leaving = False

    @property
    def is_here(self) -> bool:
        return self._stream is not None and bool(self.room)

    async def run(self) -> None:
        """Be here until told to leave."""
        while not self.is_leaving:
            node = self.chance.choice(self._nodes)
            with suppress(*Broken):
                self._stream = await trio.open_tcp_stream("127.0.0.1", node.callers.port)
                with closing(self._stream.socket):
                    await self._read(node)
            self._stream, self.room = None, ""
            self.visit.has_ended = True
            await trio.sleep(REST_SECONDS * self.chance.uniform(0.5, 2))

    async def _read(self, node: Node) -> None:
        assert self._stream
        self.nick, room = f"{self.client.name}v{next(self._visits)}", self.chance.choice(self._every_room)
        self.visit = Visit(node.name, is_program=False)
        self.visit.notes.append(Note(trio.current_time(), {"is": "logged-in", "nick": self.nick}))
        self.client.visits.append(self.visit)
        await self._type(f"/login {self.nick}", f"/join {room}")
        unfinished = b""
        async for data in self._stream:
            *lines, unfinished = (unfinished + data).split(b"\r\n")
            for line in lines:
                self._take(event_of(_NEGOTIATION.sub(b"", line).decode(), self.room))

    def _take(self, event: Event) -> None:
        self.visit.notes.append(Note(trio.current_time(), event))
        if event["is"] == "entered":
            self.room = event["room"]
        elif event["is"] == "renamed" and event["old"] == self.nick:
            self.nick = event["new"]
        self._told.set()
        self._told = trio.Event()

    async def _type(self, *lines: str) -> None:
        if self._stream:
            with suppress(*Broken):
                await self._stream.send_all("".join(f"{line}\r\n" for line in lines).encode())

    async def _until(self, is_so: Callable[[], bool]) -> None:
        with trio.move_on_after(ANSWER_SECONDS):
            while not is_so() and self._stream:
                await self._told.wait()

    def hang_up(self) -> None:
        if self._stream:
            self._stream.socket.close()

    def leave(self) -> None:
        """Come back no more."""
        self.is_leaving = True
        self.hang_up()

    async def say(self) -> None:
        """Say something."""
        if self.room:
            text = f"{self.client.name} says {next(self._numbers)}"
            self.client.said_without[text] = self.room
            await self._type(text)

    async def wander(self) -> None:
        """Go into another room."""
        if self.room:
            room = self.chance.choice([room for room in self._every_room if room != self.room])
            await self._type("/back", f"/join {room}")
            await self._until(lambda: self.room == room)

    async def rename(self) -> None:
        """Take another name."""
        if self.room:
            await self._type(f"/nick {self.client.name}n{next(self._visits)}")
