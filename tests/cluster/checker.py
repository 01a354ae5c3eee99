"""What must be so of all notes and the log, whatever has happened: pure, and what is not so is said in a sentence each.

1. Every line that was shown or acknowledged is in the log once, under that number and with that text.
2. The numbers of a room's lines, and of its turns, have no hole.
3. Everybody sees the log's order and misses nothing while they are there, whichever node they are at: lines, and before each line who is there.
4. A key is stored once.
5. Nobody has somebody else's name, at no place of the log, and each line stands under a name that somebody has there.
6. When nobody does anything any more, who is there is the same for those who ask, for the log and for the engine.
7. A line that was said not to be stored is not stored, unless the engine did not answer for a while.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from chat_server.journal.nodes import Called, Came, Movement
from cluster.log import Line, Log, Room
from cluster.notes import LINES, Client, Event, Visit

Who = tuple[int, str, int]
"""At which node, which person, by which device."""


def violations(log: Log, clients: Sequence[Client], *, had_doubts: bool = False) -> list[str]:
    """What is not as it must be; `had_doubts`: there were moments in which nobody could know what is stored."""
    return [
        *shown_and_not_stored(log, clients),
        *holes(log),
        *order_not_the_logs(log, clients),
        *keys_stored_twice(log, clients),
        *names_of_two(log),
        *(() if had_doubts else refused_and_stored(log, clients)),
    ]


# 1


def shown_and_not_stored(log: Log, clients: Sequence[Client]) -> Iterator[str]:
    """Lines that were shown, or acknowledged, and are not in the log as they were shown."""
    stored = {(room.name, line.seq): line for room in log.rooms for line in room.lines}
    by_text = {(room.name, line.nick, line.text) for room in log.rooms for line in room.lines}
    counts = Counter(line.text for room in log.rooms for line in room.lines)
    for client in clients:
        for text in client.texts:
            if counts[text] > 1:
                yield f"1: {text!r} is stored {counts[text]} times"
        for visit in client.visits:
            for line in [*(event for _, event in visit.lines()), *visit.read()]:
                if "seq" not in line:
                    is_stored = (line["room"], line["nick"], line["text"]) in by_text
                else:
                    is_stored = stored.get((line["room"], line["seq"])) == _line(line)
                if not is_stored:
                    yield f"1: {client.name} at {visit.node} was shown {line}, which is not in the log"
            yield from _wrong_acknowledgements(client, visit, stored)


def _line(event: Event) -> Line:
    return Line(event["seq"], event["nick"], event["text"])


def _wrong_acknowledgements(client: Client, visit: Visit, stored: Mapping[tuple[str, int], Line]) -> Iterator[str]:
    for _, event in visit.notes:
        if event["is"] == "stored" and event.get("key") in client.said:
            line = stored.get((event["room"], event["seq"]))
            if line is None or (event["room"], line.text) != client.said[event["key"]]:
                yield f"1: {client.name} at {visit.node} was told {event}, where the log has {line}"


# 2


def holes(log: Log) -> Iterator[str]:
    """Numbers that are missing, or are there twice."""
    for room in log.rooms:
        if (turns := [turn.number for turn in room.turns]) != [*range(1, room.turn + 1)]:
            yield f"2: {room.name} has the turns {_cut(turns, room.turn)}"
        if (numbers := [line.seq for line in room.lines]) != [*range(1, room.last + 1)]:
            yield f"2: {room.name} has the numbers {_cut(numbers, room.last)}"


def _cut(numbers: Sequence[int], last: int) -> str:
    wrong = next((place for place, number in enumerate(numbers, 1) if place != number), len(numbers))
    return f"…{numbers[max(0, wrong - 3) : wrong + 3]}… and {last} as the last"


# 3


@dataclass
class Present:
    """Who is in a room; and who of them somebody is now that has an account, and leaves as whom they were soon after."""

    people: dict[Who, str] = field(default_factory=dict)
    became: dict[str, str] = field(default_factory=dict)

    def take(self, node: int, movement: Movement) -> str:
        """Have somebody come, go, or be called otherwise. Returns what is wrong with it."""
        if isinstance(movement, Called):
            for who in self.people:
                if who[1] == movement.person:
                    self.people[who] = movement.nick
            return ""
        who = (node, movement.person, movement.device)
        if isinstance(movement, Came):
            return self._come(who, movement)
        return "" if self.people.pop(who, None) is not None else f"{who} goes and is not here"

    def _come(self, who: Who, movement: Came) -> str:
        if movement.was:
            self.became[movement.was] = movement.person
        nicks = {nick for (_, person, _), nick in self.people.items() if person == movement.person}
        is_here, self.people[who] = who in self.people, nicks.pop() if nicks else movement.nick
        return f"{who} comes and is here" if is_here else ""

    def names(self) -> dict[str, set[str]]:
        """Who has which name."""
        found: dict[str, set[str]] = defaultdict(set)
        for (_, person, _), nick in self.people.items():
            found[nick].add(self.became.get(person, person))
        return found


def present_at_each_line(room: Room) -> tuple[dict[int, frozenset[str]], Present, list[str]]:
    """The names of those who are in a room when each of its lines is said; who is there at the end; what is wrong with the movements."""
    here, wrong = Present(), list[str]()
    at_lines: dict[int, frozenset[str]] = {}
    names: frozenset[str] = frozenset()
    for turn in room.turns:
        movements = list(turn.movements)
        for place in range(len(turn.lines) + 1):
            while movements and movements[0].after <= place:
                if problem := here.take(turn.node, movements.pop(0).movement):
                    wrong.append(f"turn {turn.number}: {problem}")
                names = frozenset(here.people.values())
            if place < len(turn.lines):
                at_lines[turn.lines[place].seq] = names
        if movements:
            wrong.append(f"turn {turn.number} has a movement behind its end")
    return at_lines, here, wrong


def order_not_the_logs(log: Log, clients: Sequence[Client]) -> Iterator[str]:
    """Who saw another order than the log's, or missed something."""
    rooms = {room.name: room for room in log.rooms}
    numbers = {room.name: {(line.nick, line.text): line.seq for line in room.lines} for room in log.rooms}
    people = {room.name: present_at_each_line(room)[0] for room in log.rooms} if log.has_people else {}
    for client in clients:
        texts = client.texts
        for visit in client.visits:
            for name in {note.event.get("room", "") for note in visit.notes} & rooms.keys():
                sight = _Sight(client.name, visit, name, numbers[name], people.get(name))
                if not visit.is_program:
                    sight.own = {number for (_, text), number in numbers[name].items() if text in texts}
                for _, event in visit.notes:
                    yield from sight.take(event)
        if client.resumes:
            yield from _missed(client, rooms)


class _Sight:
    """What somebody sees of one room by one connection: the newest number, and who they think is there (None: they do not know)."""

    def __init__(
        self,
        client: str,
        visit: Visit,
        room: str,
        numbers: Mapping[tuple[str, str], int],
        people: Mapping[int, Collection[str]] | None,
    ) -> None:
        self.who = f"{client} at {visit.node} in {room}"
        self.room, self.numbers, self.people = room, numbers, people
        self.is_program = visit.is_program
        self.own: Collection[int] = ()
        """What they said themselves, where they are not shown it."""
        self.newest: int | None = None
        self.names: set[str] | None = None
        self.nick = ""

    def take(self, event: Event) -> Iterator[str]:
        """What is wrong with something that they were told now."""
        kind, room = event["is"], event.get("room", "")
        if kind == "logged-in":
            self.nick = event["nick"]
        elif kind == "renamed" and event["old"] == self.nick and not (room and self.is_program):
            self.nick = event[
                "new"
            ]  # a program is told of its own name by itself, and then in each room as everybody is
        if kind == "skipped":
            self.newest = self.names = None
        elif room != self.room:
            return
        elif kind == "entered":
            self.newest = event.get("last")
            self.names = {*event["nicks"], self.nick} if not event["more"] else None
        elif kind == "went-back":
            self.newest = self.names = None
        elif kind in {"joined", "left", "renamed", "also-here"}:
            yield from self._take_movement(kind, event)
        elif kind == "faltered":
            yield f"3: {self.who} was told that something went wrong: {event}"
        elif kind in LINES:
            yield from self._take_line(event)

    def _take_movement(self, kind: str, event: Event) -> Iterator[str]:
        names = self.names
        if names is None:
            return
        if event.get("more"):
            self.names = None
        elif kind == "renamed":
            if event["old"] not in names and event["new"] not in names:
                yield f"3: {self.who} was told {event}, who was not there"
            names.discard(event["old"])
            names.add(event["new"])
        elif kind == "left":  # in a crowd those who have just come are told too of who came or left before
            names.difference_update(event["nicks"])
        else:
            names.update(event["nicks"])

    def _take_line(self, event: Event) -> Iterator[str]:
        seq = event.get("seq") or self.numbers.get((event["nick"], event["text"]))
        if seq is None:
            return  # it is not in the log: said above
        if self.newest is not None:
            if seq <= self.newest:
                yield f"3: {self.who} was shown {seq} after {self.newest}"
            elif missed := [number for number in range(self.newest + 1, seq) if number not in self.own]:
                yield f"3: {self.who} was shown {seq} after {self.newest} and missed {missed[:9]}"
        self.newest = seq
        here = self.people.get(seq) if self.people is not None else None
        if here is not None and self.names is not None and self.names != here:
            yield (
                f"3: {self.who} was shown {seq} and thinks that {sorted(self.names - set(here))} are there,"
                f" and not that {sorted(set(here) - self.names)} are"
            )
            self.names = None  # once is enough


def _missed(client: Client, rooms: Mapping[str, Room]) -> Iterator[str]:
    seen: dict[str, set[int]] = defaultdict(set)
    begun: dict[str, int] = {}
    for visit in client.visits:
        for _, event in visit.notes:
            if event["is"] == "entered":
                begun.setdefault(event["room"], event["last"])
        for line in [*(event for _, event in visit.lines()), *visit.read()]:
            seen[line["room"]].add(line["seq"])
    for room, first in begun.items():
        if missed := [number for number in range(first + 1, rooms[room].last + 1) if number not in seen[room]]:
            yield f"3: {client.name} resumed and missed {len(missed)} lines of {room}: {missed[:9]}…"


# 4


def keys_stored_twice(log: Log, clients: Sequence[Client]) -> Iterator[str]:
    """Keys that are stored twice, or not where they say, or of lines that are stored without them."""
    sent: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for key, room, seq in log.sent:
        sent[key].append((room, seq))
    stored = {(room.name, line.seq): line.text for room in log.rooms for line in room.lines}
    texts = {text: place for place, text in stored.items()}
    for client in clients:
        for key, (room, text) in client.said.items():
            if len(sent[key]) > 1:
                yield f"4: the key {key} of {client.name} is stored as {sent[key]}"
            elif sent[key] and (sent[key][0][0] != room or stored.get(sent[key][0]) != text):
                yield f"4: the key {key} of {client.name} is stored as {sent[key]}, where {stored.get(sent[key][0])!r} is"
            elif not sent[key] and text in texts:
                yield f"4: the line {texts[text]} of {client.name} is stored, and its key {key} is not"


# 5


def names_of_two(log: Log) -> Iterator[str]:
    """Names that two have at once, and lines under a name that nobody has there."""
    if not log.has_people:
        return
    for room in log.rooms:
        at_lines, _, wrong = present_at_each_line(room)
        yield from (f"5: {room.name}, {problem}" for problem in wrong)
        for line in room.lines:
            if line.nick not in (names := at_lines[line.seq]):
                yield f"5: {room.name} has {line} by somebody who is not there: {sorted(names)}"
        here = Present()
        for turn in room.turns:
            for _, movement in turn.movements:
                here.take(turn.node, movement)
                yield from (
                    f"5: in {room.name} {nick} is the name of {sorted(people)} in turn {turn.number}"
                    for nick, people in here.names().items()
                    if len(people) > 1
                )
    owners: dict[str, set[str]] = defaultdict(set)
    for key, person, _ in log.held:
        owners[key].add(person)
    yield from (f"5: {key} is held by {sorted(people)}" for key, people in owners.items() if len(people) > 1)


# 6


def not_agreed_on_who_is_there(log: Log, online: Mapping[str, Sequence[Collection[str]]]) -> Iterator[str]:
    """Rooms in which those who ask, the log and the engine do not name the same people.

    Args:
        log: what is stored, when nobody does anything any more.
        online: for each room, what each of those who are there says that is there: everybody that it is told of, and itself.

    """
    for room in log.rooms:
        _, here, _ = present_at_each_line(room)
        members = {
            (found.node, found.person, found.device): found.nick for found in log.members if found.room == room.name
        }
        if log.has_people and here.people != members:
            differ = {*here.people.items()} ^ {*members.items()}
            yield f"6: in {room.name} the log and the table of members differ by {sorted(differ)}"
        told = [{*names} for names in online.get(room.name, ())]
        expected = {*members.values()} if log.has_people else (told[0] if told else set())
        for names in told:
            if names != expected:
                yield f"6: in {room.name} somebody is told {sorted(names)}, and there are {sorted(expected)}"
        if not told and expected:
            yield f"6: in {room.name} are {sorted(expected)}, and nobody is there"


# 7


def refused_and_stored(log: Log, clients: Sequence[Client]) -> Iterator[str]:
    """Lines that were said not to be stored, and are."""
    stored = {line.text for room in log.rooms for line in room.lines}
    for client in clients:
        for key in client.given_up:
            if client.said[key][1] in stored:
                yield f"7: {client.name} was told that {key} is not stored, and it is"
