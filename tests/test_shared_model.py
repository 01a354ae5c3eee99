"""A room of several nodes, played at random against what is simple to say of it.

People come, talk, take other names, register, go on at other nodes and go, each by themselves; meanwhile turns take their time or cannot be
stored, wake-ups come late, in another order or not at all, and nodes are given up, at once or before they know it. Then: every node has taken in
one order of lines and movements, the one that is stored; numbers and turns have no holes; who is listed is who is there; nobody has been told of
a coming or going twice; and nothing was shown that is not stored.
"""

import os
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any

import pytest
import trio
import trio.testing

from captured_logs import capture_logs
from chat_server.accounts import Device, Holder, Registration
from chat_server.journal.kept_in_memory import Kept, KeptRoom
from chat_server.journal.memory_burying import bury
from chat_server.journal.nodes import Called, Came, Went
from chat_server.protocol.entries import Entry, Said, TopicSet
from chat_server.protocol.events import Entered, Joined, Left, Renamed, RoomFailed
from chat_server.protocol.requests import Topic
from chat_server.protocol.runs import Piece, each_of
from chat_server.rooms.person import Person, Proof
from chat_server.rooms.room import Occupant
from chat_server.rooms.shared_members import speaker_now
from fakes import FakeSession
from nodes import Node, Watcher, settled

WORLDS = int(os.environ.get("SHARED_ROOMS_WORLDS", "6"))
"""How many are played for each number of nodes."""
STEPS = 120
FULL_SECONDS = 2.0

Happened = tuple[str, object]


class Somebody:
    """Somebody, wherever they are."""

    def __init__(self, name: str, sender: str, account: int = 0, devices: Sequence[int] = (0,)) -> None:
        self.nick = name
        self.sender = sender
        self.account = account
        self.devices = devices
        self.home: Living | None = None
        """The only node where they can be."""
        self.is_changing = False


class Session(FakeSession):
    """A session that does one thing at a time."""

    who: Somebody
    node: "Living"
    is_busy = False


class Living(Node):
    """A node, and what it has taken in, in order."""

    def __init__(self, kept: Kept, world: "World") -> None:
        super().__init__(kept, world.wake)
        self.world = world
        self.log: list[Happened] = []
        self.is_ghost = False

    async def live(self, task_status: trio.TaskStatus[None]) -> None:
        async with trio.open_nursery() as self.nursery:
            await self.open(self.nursery)
            self._note_what_is_taken_in()
            self.watcher = Watcher(self.hall, f"w{self.nodes.number}")
            await self.watcher.enter(self.room)
            task_status.started()
            await trio.sleep_forever()

    def _note_what_is_taken_in(self) -> None:
        members, history = self.room._members, self.room._history
        joined, left, called, add = members._joined, members._left, members._called, history.add  # type: ignore[attr-defined]

        def note_joined(who: Any, nick: str, session: Occupant | None) -> None:
            self.log.append(("in", who.person))
            joined(who, nick, session)

        def note_left(who: Any, nick: str) -> None:
            self.log.append(("out", who.person))
            left(who, nick)

        def note_called(movement: Called) -> None:
            if members.roster.nick(movement.person) not in {"", movement.nick}:  # type: ignore[attr-defined]
                self.log.append(("called", movement))
            called(movement)

        def note_lines(lines: Sequence[Piece]) -> None:
            self.log += [("line", line.seq) for line in each_of(lines)]
            add(lines)

        members._joined, members._left, members._called, history.add = note_joined, note_left, note_called, note_lines  # type: ignore[method-assign, attr-defined]


class World:
    """Some nodes, and who is at them."""

    def __init__(self, random: Random, nursery: trio.Nursery) -> None:
        self.random = random
        self.nursery = nursery
        self.kept = Kept()
        self.nodes: list[Living] = []
        self.sessions: list[Session] = []
        self.people: list[Somebody] = []
        self.is_calm = False
        self.said = 0
        self.keyed: list[tuple[str, str]] = []
        self.sure: set[str] = set()
        """Said at nodes where nothing is lost."""

    # How the world is.

    def wake(self, hand_over: Callable[[], None]) -> None:
        how = self.random.random()
        if self.is_calm or how < 0.5:
            hand_over()
        elif how < 0.8:
            self.nursery.start_soon(self._later, hand_over)

    async def _later(self, hand_over: Callable[[], None]) -> None:
        await trio.sleep(self.random.random())
        hand_over()

    def pause(self) -> float:
        return 0.0 if self.is_calm else self.random.choice((0, 0, 0.001, 0.02, 0.3))

    async def begin(self, count: int) -> None:
        for _ in range(count):
            await self.add_node()
        journal = self.nodes[0].nodes.journal
        for number in range(3):
            holder = await journal.accounts.register(Registration(f"acc{number}", f"acc{number}"), 0.0)
            assert isinstance(holder, Holder)
            account = holder.account.id
            devices = [10 * number + 1, 10 * number + 2]
            for device in devices:
                self.kept.accounts.add(Device(device, account, "phone", str(device).encode(), 0.0))
            self.people.append(Somebody(f"acc{number}", f"account:{account}", account, (0, *devices)))
        self.people += [Somebody(f"tok{number}", f"token:{number}") for number in range(4)]

    async def add_node(self) -> None:
        node = Living(self.kept, self)
        node.nodes.pause = self.pause
        await self.nursery.start(node.live)
        self.nodes.append(node)

    def session_of(self, who: Somebody, node: Living, device: int) -> Session:
        session = Session(node.hall)
        session.who, session.node, session.proof = who, node, Proof(device)
        person = self.person(who, node)
        if person is not None:
            session.belong_to(person)
        else:
            session.person.nick, session.person.sender, session.person.account = who.nick, who.sender, who.account
        self.sessions.append(session)
        return session

    def person(self, who: Somebody, node: Living) -> "Person[Occupant] | None":
        for other in self.sessions:
            if other.who is who and other.node is node:
                return other.person
        return None

    def start(self, session: Session, act: Callable[[], Awaitable[object]], *, is_last: bool = False) -> None:
        """Do something for a session by itself."""
        session.is_busy = True

        async def run() -> None:
            await act()
            session.is_busy = False
            if is_last or session not in session.node.room:
                self.drop(session)

        session.node.nursery.start_soon(run)

    def drop(self, session: Session) -> None:
        if session in self.sessions:
            self.sessions.remove(session)
            session.person.let_go(session)

    @property
    def free(self) -> list[Session]:
        return [one for one in self.sessions if not one.is_busy and not one.node.is_ghost]

    # What happens.

    async def step(self) -> None:
        deed = self.random.choices(
            (
                *(self.come, self.go, self.say, self.say_again, self.set_topic, self.rename, self.take_over),
                *(self.go_on_elsewhere, self.register, self.be_full, self.lose_node),
            ),
            (8, 5, 12, 3, 1, 3, 2, 2, 0.6, 1, 0.6),
        )[0]
        deed()
        await trio.sleep(self.random.choice((0, 0, 0.001, 0.01, 0.1, 0.6)))

    def place(self) -> Living:
        return self.random.choice([node for node in self.nodes if not node.is_ghost])

    def come(self) -> None:
        node = self.place()
        if self.random.random() < 0.2:
            who = Somebody(f"guest{len(self.people)}", f"guest{len(self.people)}")
            who.home = node
            self.people.append(who)
        else:
            who = self.random.choice(self.people)
        node = who.home or node
        if node in self.nodes and not node.is_ghost and not who.is_changing:
            session = self.session_of(who, node, self.random.choice(who.devices))
            self.start(session, partial(session.enter, node.room))

    def go(self) -> None:
        if self.free:
            session = self.random.choice(self.free)
            self.start(session, partial(session.node.room.leave, session), is_last=True)

    def say(self) -> None:
        for session in self.random.sample(self.free, min(len(self.free), self.random.randint(1, 3))):
            for _ in range(self.random.choice((1, 1, 1, 5))):
                self.said += 1
                text = f"line {self.said}"
                self.note_said(session, text)
                key = text if self.random.random() < 0.4 else ""
                if key and len(session.who.devices) > 1:  # not of one who may register meanwhile, and be another sender
                    self.keyed.append((session.person.sender, key))
                self.start(session, partial(session.node.say, session, text, key))

    def note_said(self, session: Session, text: str) -> None:
        if not session.node.nodes.is_full:
            self.sure.add(text)
            session.node.sayings = [*getattr(session.node, "sayings", []), text]  # type: ignore[attr-defined]

    def say_again(self) -> None:
        free = {one.person.sender: one for one in self.free}
        again = [(sender, text) for sender, text in self.keyed[-20:] if sender in free]
        if again:
            sender, text = self.random.choice(again)
            self.start(free[sender], partial(free[sender].node.say, free[sender], text, text))

    def set_topic(self) -> None:
        if self.free:
            session = self.random.choice(self.free)
            self.said += 1
            session.node.room.post(session, Topic(f"line {self.said}"))

    def rename(self) -> None:
        if self.free:
            who = self.random.choice(self.free).who
            if not who.is_changing:
                who.is_changing = True
                who.nick = f"{who.nick.partition('-')[0]}-{self.said}-{self.random.randrange(10**6)}"
                self.nursery.start_soon(self._tell_nodes, who, self._renamed)

    async def _tell_nodes(self, who: Somebody, change: Callable[[Somebody, Living], None]) -> None:
        """At the one node at once, at the others when they hear of it."""
        for node in self.random.sample(self.nodes, len(self.nodes)):
            if node in self.nodes:
                change(who, node)
            await trio.sleep(self.pause())
        who.is_changing = False

    def _renamed(self, who: Somebody, node: Living) -> None:
        person = self.person(who, node)
        if person is not None:
            person.nick = who.nick
            if person.sessions:
                node.room.announce_name(person.sessions[0])

    def register(self) -> None:
        coming = {one.who for one in self.sessions if one.is_busy}
        there = {one.who for one in self.sessions} - coming
        guests = [one for one in self.people if one in there and one.sender.startswith("token") and not one.is_changing]
        if guests:
            self.nursery.start_soon(self._register, self.random.choice(guests))

    async def _register(self, who: Somebody) -> None:
        who.is_changing = True
        nick = f"reg{self.said}x{self.random.randrange(10**6)}"
        holder = await self.nodes[0].nodes.journal.accounts.register(Registration(nick, nick), 0.0)
        assert isinstance(holder, Holder)
        who.account, who.sender = holder.account.id, f"account:{holder.account.id}"
        await self._tell_nodes(who, self._registered)

    def _registered(self, who: Somebody, node: Living) -> None:
        person = self.person(who, node)
        if person is not None:
            person.account, person.sender = who.account, who.sender
            node.room.known_otherwise("nobody", "nobody")
            node.room.changes.note_account(person, is_first=False)

    def take_over(self) -> None:
        if self.free:
            one = self.random.choice(self.free)
            old = [
                other
                for other in self.free
                if (other.node, other.who, other.proof) == (one.node, one.who, one.proof) and other in one.node.room
            ]
            if not one.who.is_changing and old:
                new = self.session_of(one.who, one.node, one.proof.device)
                for other in old:
                    self.drop(other)
                new.place = new.node.room

                async def put_in() -> None:
                    await new.node.room.take_over(old, new)
                    for other in old:  # as they end: if the new one could not come in, they are there still
                        await new.node.room.leave(other)

                self.start(new, put_in)

    def go_on_elsewhere(self) -> None:
        there = [one for one in self.free if one.who.home is None and not one.who.is_changing]
        others = [node for node in self.nodes if not node.is_ghost]
        if there and len(others) > 1:
            old = self.random.choice(there)
            node = self.random.choice([node for node in others if node is not old.node])
            new = self.session_of(old.who, node, old.proof.device)
            old.is_busy = True

            async def go_on() -> None:
                await new.enter(node.room)
                if old.node in self.nodes and not old.node.is_ghost:
                    self.start(old, partial(old.node.room.leave, old), is_last=True)

            self.start(new, go_on)

    def be_full(self) -> None:
        node = self.place()
        if not node.nodes.is_full:
            self.nursery.start_soon(self._be_full, node)

    async def _be_full(self, node: Living) -> None:
        self.sure.difference_update(getattr(node, "sayings", []))
        node.nodes.is_full = True
        await trio.sleep(self.random.random() * FULL_SECONDS)
        node.nodes.is_full = False

    def lose_node(self) -> None:
        alive = [node for node in self.nodes if not node.is_ghost]
        if len(alive) == len(self.nodes) > 1:
            node = self.random.choice(alive)
            node.is_ghost = True
            self.nursery.start_soon(self._lose_node, node)

    async def _lose_node(self, node: Living) -> None:
        """A node is given up: it has ended, or it goes on for a while and does not know."""
        self.sure.difference_update(getattr(node, "sayings", []))
        bury(self.kept, node.nodes.number)
        for session in [one for one in self.sessions if one.node is node]:
            if self.random.random() < 0.5 and not session.is_busy:
                with suppress(trio.ClosedResourceError):
                    node.room.post(session, Topic("of a ghost"))
        await trio.sleep(self.random.choice((0, 0.01, 2)))
        node.nursery.cancel_scope.cancel()
        self.nodes.remove(node)
        self.sessions = [one for one in self.sessions if one.node is not node]
        await self.add_node()

    # What has to be so.

    async def calm_down(self) -> None:
        self.is_calm = True
        await trio.sleep(FULL_SECONDS + 3)
        await settled()
        await settled()

    def check(self) -> None:
        kept = self.kept.rooms["python"]
        self.check_numbers(kept)
        expected = happened(kept)
        people = {(one.node, one.person, one.device) for one in kept.people.values()}
        watchers = [(node.nodes.number, speaker_now(node.watcher, node.nodes.number)) for node in self.nodes]
        there = [(one.node.nodes.number, speaker_now(one, one.node.nodes.number)) for one in self.sessions]
        assert people == {(number, *speaker) for number, speaker in (*there, *watchers)}
        nicks = Counter(nick for _, nick in {(one.person, one.nick) for one in kept.people.values()})
        assert max(nicks.values()) == 1, "one person has one name"
        for node in self.nodes:
            assert node.turn == kept.turn
            assert Counter(node.room.nicks) == nicks
            assert node.room.population == len(nicks)
            own = node.watcher.nick
            assert Counter(nick for _, nick in node.room.others(node.watcher)) == nicks - Counter([own])
            assert node.log == [what for turn, what in expected if turn > node.began]
            assert node.room.last_seq == kept.last
            assert node.room.topic == kept.topic
            check_shown(node.watcher, kept, set(nicks) - {own})
        for one in self.sessions:
            assert one in one.node.room
            assert one.nick == one.who.nick == one.node.room._members.nicks[one.person]

    def check_numbers(self, kept: KeptRoom) -> None:
        assert [turn.number for turn in kept.turns] == [*range(1, kept.turn + 1)]
        assert [line.seq for line in kept.lines] == [*range(1, kept.last + 1)]
        times = [line.at for line in kept.lines]
        assert times == sorted(times)
        texts = Counter(line.text for line in kept.lines if isinstance(line, Entry))
        assert not [text for text, count in texts.items() if count > 1]
        assert "of a ghost" not in texts
        lost = self.sure - texts.keys()
        assert not lost, lost


def happened(kept: KeptRoom) -> list[tuple[int, Happened]]:  # noqa: C901, PLR0912 - as simple as it can be said
    """What every node has to take in, each with its turn: somebody is there while they are at any node, whoever they are called by turns."""
    found: list[tuple[int, Happened]] = []
    places: dict[str, set[tuple[int, str, int]]] = {}
    nicks: dict[str, str] = {}
    now: dict[str, str] = {}
    followed: dict[str, str] = {}
    for turn in kept.turns:
        seq, end = turn.first, turn.first + turn.length
        for after, movement in turn.movements:
            while seq < turn.first + after:
                found.append((turn.number, ("line", seq)))
                seq += 1
            match movement:
                case Came(person, device, nick, account, was):
                    guests = [other for other in now if nicks.get(other) == nick and not other.startswith("account")]
                    was = was or (guests[0] if guests and account and places[now[guests[0]]] else "")
                    if was in now and places[now[was]]:
                        if person not in now or not places[now[person]]:
                            now[person], nicks[person] = now[was], nick
                        else:
                            followed[now[was]] = now[person]
                    who = now.setdefault(person, person)
                    if not places.setdefault(who, set()):
                        found.append((turn.number, ("in", person)))
                        nicks[person] = nick
                    nicks.setdefault(person, nick)
                    places[who].add((turn.node, person, device))
                case Went(person, device):
                    who = now.get(person, person)
                    if (turn.node, person, device) in places.get(who, set()):
                        places[who].remove((turn.node, person, device))
                        if not places[who] and not places.get(followed.pop(who, "")):
                            found.append((turn.number, ("out", person)))
                            for other in [other for other, same in now.items() if same == who]:
                                nicks.pop(other, None)
                case Called(person, nick):
                    if nicks.get(person, nick) != nick:
                        nicks[person] = nick
                        found.append((turn.number, ("called", movement)))
        found += [(turn.number, ("line", number)) for number in range(seq, end)]
    return found


def check_shown(watcher: Watcher, kept: KeptRoom, nicks: set[str]) -> None:
    """Whoever was there all the time has been shown every line once, under its number; and who comes and goes, so that they know who is there."""
    assert not [event for event in watcher.events if isinstance(event, RoomFailed)]
    first, *events = [event for event in watcher.events if isinstance(event, Entered | Joined | Left | Renamed | Entry)]
    assert isinstance(first, Entered)
    shown = [event for event in events if isinstance(event, Said | TopicSet)]
    stored = [line for line in kept.lines if line.seq > first.last and isinstance(line, Entry)]
    assert [(line.seq, line.nick, line.text, line.at) for line in shown] == [
        (line.seq, line.nick, line.text, line.at) for line in stored
    ]
    if any(event.more for event in events if isinstance(event, Joined | Left)):
        return  # a crowd is not named, and who comes meanwhile is told what they have seen
    listed = {*first.nicks}
    for event in events:
        match event:
            case Joined(nicks=joined):
                assert not listed & {*joined}, f"nobody comes twice: {joined}"
                listed |= {*joined}
            case Left(nicks=left):
                assert listed >= {*left}, f"nobody goes who was not there: {left}"
                listed -= {*left}
            case Renamed(old=old, new=new):
                listed = listed - {old} | {new}
    assert listed == nicks


async def play(seed: int, nodes: int) -> None:
    async with trio.open_nursery() as nursery:
        world = World(Random(seed), nursery)  # noqa: S311 - it is played
        await world.begin(nodes)
        for _ in range(STEPS):
            await world.step()
        await world.calm_down()
        world.check()
        nursery.cancel_scope.cancel()


@pytest.mark.slow
@pytest.mark.parametrize("nodes", [2, 3])
def test_every_node_has_one_order_and_who_is_listed_is_there_whatever_happens_when(nodes: int) -> None:
    for seed in range(WORLDS):
        with capture_logs() as logs:
            try:
                trio._core._run._r.seed(seed)
                trio.run(play, seed, nodes, clock=trio.testing.MockClock(autojump_threshold=0))
            except BaseException as error:
                error.add_note(f"the world {seed} of {nodes} nodes")
                raise
        assert not [entry for entry in logs if entry["log_level"] == "error"], (seed, logs[:1])
