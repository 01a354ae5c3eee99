"""One person by several sessions, against a model: who is told what, whatever they do. On virtual time."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from captured_logs import capture_logs
from one_person import TOKEN, VISITS, room_of, visits
from streams import House, Program, open_house

PEOPLE = ("ann", "bob", "eve")
ROOMS = ("python", "pm")
NAMES = ("ann", "bob", "eve", "Ann", "zoe")
SESSIONS = 3


class Step(NamedTuple):
    """Something that one session of a person does."""

    do: str
    person: str
    session: int
    to: str = ""


EVERYBODY = [Step("add", person, session) for session in range(SESSIONS) for person in PEOPLE]


def steps() -> st.SearchStrategy[list[Step]]:
    """Everybody may be there from the beginning."""
    who = (st.sampled_from(PEOPLE), st.integers(0, SESSIONS - 1))
    plain = st.builds(Step, st.sampled_from(("login", "add", "add", "logout", "lost")), *who)
    in_room = st.builds(Step, st.sampled_from(("join", "join", "back")), *who, st.sampled_from(ROOMS))
    rename = st.builds(Step, st.just("nick"), *who, st.sampled_from(NAMES))
    some = st.lists(st.one_of(plain, in_room, in_room, in_room, rename), max_size=40)
    return st.builds(list.__add__, st.sampled_from([EVERYBODY, []]), some)


class Known:
    """What the model knows of a person: the name, and for each session that is there its rooms."""

    def __init__(self) -> None:
        self.nick = ""
        self.sessions: dict[int, list[str]] = {}

    @property
    def rooms(self) -> list[str]:
        return list(dict.fromkeys(room for rooms in self.sessions.values() for room in rooms))


class Model:
    """Who is where, and what each session is to be told of who comes, goes and takes another name."""

    def __init__(self) -> None:
        self.people = {person: Known() for person in PEOPLE}
        self.told: dict[tuple[str, int], list[tuple[str, ...]]] = {}

    def is_taken(self, nick: str, person: str) -> bool:
        return any(
            known.sessions and known.nick.casefold() == nick.casefold() and other != person
            for other, known in self.people.items()
        )

    def there(self, room: str) -> list[str]:
        return sorted(known.nick for known in self.people.values() if room in known.rooms)

    def _tell(self, room: str, told: tuple[str, ...], *, but: str = "") -> None:
        for person, known in self.people.items():
            for number, rooms in known.sessions.items():
                if room in rooms and person != but:
                    self.told.setdefault((person, number), []).append(told)

    def _end(self, person: str, number: int) -> None:
        known = self.people[person]
        rooms = known.sessions.pop(number)
        for room in rooms:
            if room not in known.rooms:
                self._tell(room, ("left", room, known.nick))

    def take(self, step: Step) -> None:
        if step.session in self.people[step.person].sessions:
            self._act(step)
        elif step.do in {"login", "add"}:
            self._come(step)

    def _come(self, step: Step) -> None:
        known = self.people[step.person]
        if step.do == "add" and known.sessions:
            known.sessions[step.session] = []
        elif known.sessions:
            known.sessions = {step.session: known.rooms}
        elif not self.is_taken(step.person, step.person):
            known.nick, known.sessions = step.person, {step.session: []}

    def _act(self, step: Step) -> None:
        known = self.people[step.person]
        rooms = known.sessions[step.session]
        match step.do:
            case "join" if step.to not in rooms:
                is_first = step.to not in known.rooms
                rooms.append(step.to)
                if is_first:
                    self._tell(step.to, ("joined", step.to, known.nick), but=step.person)
            case "back" if step.to in rooms:
                rooms.remove(step.to)
                if step.to not in known.rooms:
                    self._tell(step.to, ("left", step.to, known.nick))
            case "nick" if step.to != known.nick and not self.is_taken(step.to, step.person):
                old, known.nick = known.nick, step.to
                for number in known.sessions:
                    self.told.setdefault((step.person, number), []).append(("renamed", "", old, step.to))
                for room in known.rooms:
                    self._tell(room, ("renamed", room, old, step.to))
            case "logout" | "lost":
                self._end(step.person, step.session)


class Play:
    """The same steps, done by programs at a real server."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.programs: dict[tuple[str, int], Program] = {}
        self.views: dict[tuple[str, int], View] = {}

    async def take(self, step: Step) -> None:
        who = step.person, step.session
        if who not in self.programs:
            if step.do in {"login", "add"}:
                self.programs[who], self.views[who] = self.house.connect(), View()
                fields = {"session": "add"} if step.do == "add" else {}
                token = f"{step.person}-{TOKEN}"
                await self.programs[who].ask("login", ref="login", nick=step.person, token=token, **fields)
            return
        program = self.programs[who]
        with suppress(trio.BrokenResourceError):  # another has taken its place just now
            if step.do == "lost":
                del self.programs[who]
                await program.stream.aclose()
            elif step.do in {"join", "back"}:
                await program.ask(step.do, room=step.to)
            elif step.do in {"nick", "logout"}:
                await program.ask(step.do, **({"nick": step.to} if step.do == "nick" else {}))

    async def listen(self) -> dict[tuple[str, int], list[tuple[str, ...]]]:
        """What each has been told of others since this was last asked; who has been let go, or was not let in, may come again."""
        told = {}
        for who, program in list(self.programs.items()):
            events = await told_so_far(program)
            self.views[who].take(events)
            if visits(events):
                told[who] = visits(events)
            if any((event["is"], event.get("ref")) == ("refused", "login") for event in events):
                await program.stream.aclose()
                del self.programs[who]
            elif events and events[-1]["is"] in {"dismissed", "logged-out"}:
                del self.programs[who]
        return told

    def check(self) -> None:
        """What each was told comes to who is there."""
        for who, program in self.programs.items():
            for room, nicks in self.views[who].rooms.items():
                if room in self.views[who].crowded:
                    continue
                assert sorted([*nicks, self.views[who].nick]) == sorted(room_of(self.house, room).nicks), (who, program)


class View:
    """What a client makes of what it is told: who is in each of its rooms besides its user."""

    def __init__(self) -> None:
        self.nick = ""
        self.rooms: dict[str, set[str]] = {}
        self._own: set[str] = set()  # what the user was ever called
        self.crowded: set[str] = set()  # rooms where not everybody was named who came or went

    def take(self, events: Sequence[dict[str, Any]]) -> None:
        self.crowded |= {event["room"] for event in events if event.get("more")}
        for event in events:
            if not (event["is"] in VISITS and event["room"] in self.crowded):
                self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        match event:
            case {"is": "logged-in", "nick": nick} | {"is": "renamed", "room": "", "new": nick}:
                self.nick = nick
                self._own.add(nick)
            case {"is": "entered", "room": room, "nicks": nicks}:
                self.rooms[room] = set(nicks)
            case {"is": "went-back", "room": room}:
                del self.rooms[room]
            case {"is": "joined", "room": room, "nicks": nicks}:
                assert not self.rooms[room] & set(nicks), "they are there already"
                self.rooms[room] |= set(nicks)
            case {"is": "left", "room": room, "nicks": nicks}:
                assert self.rooms[room] >= set(nicks), "they are not there"
                self.rooms[room] -= set(nicks)
            case {"is": "renamed", "room": room, "old": old, "new": new}:
                assert old in self.rooms[room] | self._own
                if old in self.rooms[room]:
                    self.rooms[room] = self.rooms[room] - {old} | {new}


async def told_so_far(program: Program) -> list[dict[str, Any]]:
    told = []
    with trio.move_on_after(0.01), suppress(AssertionError, trio.BrokenResourceError):  # it may have been closed
        while True:
            told.append(await program.read())
    return told


def play(act: Callable[[House], Awaitable[None]]) -> None:
    async def run() -> None:
        async with open_house(messages_per_second=0, connections_per_address=0, silence_seconds=0) as house:
            await act(house)

    with capture_logs() as logs:
        trio.run(run, clock=MockClock(autojump_threshold=0))
    assert not [entry for entry in logs if entry["log_level"] == "error"]


@given(steps())
def test_who_comes_goes_and_takes_another_name_is_told_as_the_model_says(taken: list[Step]) -> None:
    async def act(house: House) -> None:
        model, happens = Model(), Play(house)
        for step in taken:
            model.told.clear()
            model.take(step)
            await happens.take(step)
            await trio.sleep(5)
            told = await happens.listen()
            in_any_order = {
                who: sorted(events) for who, events in model.told.items()
            }  # each room has an order of its own
            assert {who: sorted(events) for who, events in told.items()} == in_any_order, step
            happens.check()
            for room in ROOMS:
                assert sorted(room_of(house, room).nicks) == model.there(room), step
            names = {known.nick.casefold() for known in model.people.values() if known.sessions}
            assert set(house.server.hall.directory._people) == names
            assert len(house.server.hall.directory._identities) == len(names)

    play(act)


@given(steps(), st.lists(st.integers(0, 30), max_size=40))
def test_however_fast_everybody_comes_and_goes_what_one_is_told_comes_to_who_is_there(
    taken: list[Step], pauses: list[int]
) -> None:
    async def act(house: House) -> None:
        happens = Play(house)
        for step, pause in zip(taken, [*pauses, *[0] * len(taken)], strict=False):
            await happens.take(step)
            for _ in range(pause):
                await trio.lowlevel.checkpoint()
        await trio.sleep(20)
        await happens.listen()
        happens.check()
        there = {nick for room in ROOMS for nick in room_of(house, room).nicks}
        directory = house.server.hall.directory
        assert there <= {person.nick for person in directory._people.values()}
        for program in happens.programs.values():
            await program.stream.aclose()
        await trio.sleep(20)
        assert not directory.people
        assert not any(room.population or room._members.sessions for room in house.server.rooms)

    play(act)
