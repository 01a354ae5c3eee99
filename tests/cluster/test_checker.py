"""The checker finds each kind of violation, and none where everything is as it must be."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest

from chat_server.journal.nodes import Called, Came, Placed, Went
from cluster.checker import not_agreed_on_who_is_there, violations
from cluster.log import Held, Keyed, Line, Log, Member, Room, Turn
from cluster.notes import Client, Event, Note, Visit, event_of

A, B = 1, 2
"""Two nodes."""


def said(seq: int, nick: str, text: str) -> Event:
    return {"is": "said", "room": "pm", "seq": seq, "at": 0.0, "nick": nick, "text": text}


def came(person: str, nick: str) -> Placed:
    return Placed(0, Came(person, 0, nick))


@dataclass
class World:
    """What is stored, and what was noted; a test changes something in it."""

    turns: list[Turn]
    clients: dict[str, Client]
    last: int
    sent: list[Keyed]
    members: list[Member]
    held: list[Held]
    online: dict[str, list[set[str]]]
    had_doubts: bool = False

    def change(self, turn: int, **what: Any) -> Turn:
        changed = self.turns[turn - 1] = self.turns[turn - 1]._replace(**what)
        return changed

    def notes(self, who: str) -> list[Note]:
        return self.clients[who].visits[-1].notes

    def forget(self, who: str, kind: str) -> None:
        """Somebody was not told this."""
        notes = self.notes(who)
        notes.remove(next(note for note in notes if note.event["is"] == kind))

    def log(self) -> Log:
        room = Room("pm", self.last, len(self.turns), self.turns)
        return Log([room], self.sent, self.members, self.held)

    def wrong(self) -> list[str]:
        log = self.log()
        found = violations(log, [*self.clients.values()], had_doubts=self.had_doubts)
        return [*found, *not_agreed_on_who_is_there(log, self.online)]


def at_program(name: str, node: str, *events: Event) -> Client:
    told: list[Event] = [{"is": "logged-in", "nick": name, "rooms": []}, *events]
    return Client(name, resumes=True, visits=[Visit(node, notes=[Note(0.0, event) for event in told])])


def entered(*nicks: str, last: int = 0) -> Event:
    return {"is": "entered", "room": "pm", "nicks": [*nicks], "more": 0, "last": last}


def joined(*nicks: str) -> Event:
    return {"is": "joined", "room": "pm", "nicks": [*nicks], "more": 0}


def left(*nicks: str) -> Event:
    return {"is": "left", "room": "pm", "nicks": [*nicks], "more": 0}


def world() -> World:
    """Ann and Bob at one node, Tim at a terminal at the other. Ann is Anna later; Tim leaves."""
    turns = [
        Turn(1, (), [came("ann", "ann")], A),
        Turn(2, [Line(1, "ann", "one")], [Placed(1, Came("bob", 0, "bob"))], A),
        Turn(3, [Line(2, "tim", "two")], [came("tim", "tim")], B),
        Turn(4, [Line(3, "ann", "three"), Line(4, "anna", "four")], [Placed(1, Called("ann", "anna"))], A),
        Turn(5, [Line(5, "bob", "five")], [], A),
        Turn(6, [Line(6, "anna", "six")], [Placed(0, Went("tim", 0))], B),
    ]
    renamed: Event = {"is": "renamed", "old": "ann", "new": "anna", "room": "pm"}
    ann = at_program(
        "ann",
        "a",
        entered(),
        said(1, "ann", "one"),
        {"is": "stored", "room": "pm", "seq": 1, "key": "k1"},
        joined("bob", "tim"),
        said(2, "tim", "two"),
        said(3, "ann", "three"),
        renamed | {"room": ""},
        renamed,
        said(4, "anna", "four"),
        said(5, "bob", "five"),
        left("tim"),
        said(6, "anna", "six"),
    )
    ann.said = {"k1": ("pm", "one"), "k9": ("pm", "never")}
    ann.said_without = dict.fromkeys(("three", "four", "six"), "pm")
    ann.given_up = {"k9"}
    bob = at_program(
        "bob",
        "a",
        entered("ann", last=1),
        {"is": "recalled", "room": "pm", "lines": [said(1, "ann", "one")]},
        joined("tim"),
        said(2, "tim", "two"),
        said(3, "ann", "three"),
        renamed,
        said(4, "anna", "four"),
        said(5, "bob", "five"),
        left("tim"),
        said(6, "anna", "six"),
    )
    bob.said_without = {"five": "pm"}
    shown = (
        "* You are in pm.",
        "* Also here: ann, bob",
        "ann: three",
        "* ann is now anna",
        "anna: four",
        "bob: five",
    )
    notes = [
        Note(0.0, event) for event in ({"is": "logged-in", "nick": "tim"}, *(event_of(line, "pm") for line in shown))
    ]
    tim = Client("tim", visits=[Visit("b", is_program=False, notes=notes)], said_without={"two": "pm"})
    return World(
        turns,
        {client.name: client for client in (ann, bob, tim)},
        6,
        [Keyed("k1", "pm", 1)],
        [Member("pm", A, "ann", 0, "anna"), Member("pm", A, "bob", 0, "bob")],
        [Held("anna", "ann", A), Held("anna", "ann", B), Held("bob", "bob", A)],
        {"pm": [{"anna", "bob"}, {"anna", "bob"}]},
    )


def test_nothing_is_found_where_everything_is_as_it_must_be() -> None:
    assert world().wrong() == []


def _is_shown(world: World, who: str, *events: Event) -> None:
    world.notes(who).extend(Note(1.0, event) for event in events)


def _is_told_before_the_end(world: World, who: str, event: Event) -> None:
    world.notes(who).insert(-1, Note(1.0, event))


def _swap(world: World, who: str, place: int) -> None:
    notes = world.notes(who)
    notes[place : place + 2] = notes[place + 1], notes[place]


FAULTS: dict[str, tuple[str, Callable[[World], Any]]] = {
    "a line is shown that is not stored": ("1", lambda w: _is_shown(w, "bob", said(7, "ann", "seven"))),
    "a line is shown under another's number": (
        "1",
        lambda w: _is_shown(w, "bob", {"is": "page", "room": "pm", "lines": [said(2, "ann", "one")]}),
    ),
    "a line is shown at a terminal that is not stored": (
        "1",
        lambda w: _is_shown(w, "tim", event_of("ann: seven", "pm")),
    ),
    "a line is shown as another's": ("1", lambda w: _is_shown(w, "tim", event_of("bob: three", "pm"))),
    "a line is acknowledged that is not stored": (
        "1",
        lambda w: _is_shown(w, "ann", {"is": "stored", "room": "pm", "seq": 7, "key": "k9"}),
    ),
    "a line is acknowledged as another": (
        "1",
        lambda w: _is_shown(w, "ann", {"is": "stored", "room": "pm", "seq": 3, "key": "k1"}),
    ),
    "a line is stored twice": (
        "1",
        lambda w: (
            w.change(5, lines=[Line(5, "bob", "five"), Line(6, "bob", "five")]),
            w.change(6, lines=[Line(7, "anna", "six")]),
        ),
    ),
    "a number is missing": ("2", lambda w: w.change(6, lines=[Line(7, "anna", "six")])),
    "a number is there twice": ("2", lambda w: w.change(6, lines=[Line(5, "anna", "six")])),
    "a room counts more lines than it has": ("2", lambda w: setattr(w, "last", 7)),
    "a turn is missing": ("2", lambda w: w.change(6, number=7)),
    "lines are shown in another order": ("3", lambda w: _swap(w, "ann", 5)),
    "a line is shown twice": ("3", lambda w: _is_shown(w, "ann", said(6, "anna", "six"))),
    "a line is missed": ("3", lambda w: w.forget("bob", "said")),
    "lines are shown in another order at a terminal": (
        "3",
        lambda w: _is_shown(w, "tim", event_of("ann: three", "pm")),
    ),
    "a line is missed at a terminal": ("3", lambda w: w.notes("tim").pop(-2)),
    "nobody was told that somebody came": ("3", lambda w: w.forget("bob", "joined")),
    "nobody was told that somebody left": ("3", lambda w: w.forget("ann", "left")),
    "a name is told after the line under it": ("3", lambda w: _swap(w, "bob", 6)),
    "somebody is told of somebody who did not come": (
        "3",
        lambda w: _is_told_before_the_end(w, "bob", joined("carol")),
    ),
    "somebody is told that somebody left who did not": ("3", lambda w: _is_told_before_the_end(w, "bob", left("anna"))),
    "somebody is told too little of who is there": ("3", lambda w: w.notes("tim").pop(2)),
    "a room goes on after a bug": ("3", lambda w: _is_shown(w, "bob", {"is": "faltered", "room": "pm", "after": 6})),
    "who resumes misses what was said meanwhile": ("3", lambda w: w.clients["ann"].visits[-1].notes.pop()),
    "a key is stored twice": ("4", lambda w: w.sent.append(Keyed("k1", "pm", 3))),
    "a key is stored with another line": ("4", lambda w: w.sent.__setitem__(0, Keyed("k1", "pm", 2))),
    "a key is lost": ("4", lambda w: w.sent.clear()),
    "two have one name": ("5", lambda w: w.change(3, movements=[came("tim", "bob")])),
    "two hold one name": ("5", lambda w: w.held.append(Held("bob", "tim", B))),
    "a line stands under a name that nobody has": ("5", lambda w: w.change(6, lines=[Line(6, "ann", "six")])),
    "somebody says something who has left": ("5", lambda w: w.change(6, lines=[Line(6, "tim", "six")])),
    "somebody comes who is there": ("5", lambda w: w.change(5, movements=[came("ann", "anna")])),
    "somebody leaves twice": (
        "5",
        lambda w: w.change(5, movements=[Placed(1, Went("bob", 0)), Placed(1, Went("bob", 0))]),
    ),
    "a movement is behind the end of its turn": ("5", lambda w: w.change(6, movements=[Placed(2, Went("tim", 0))])),
    "somebody is told of a ghost": ("6", lambda w: w.online["pm"].append({"anna", "bob", "tim"})),
    "somebody is not told of somebody": ("6", lambda w: w.online["pm"].append({"anna"})),
    "the engine knows a ghost": ("6", lambda w: w.members.append(Member("pm", B, "tim", 0, "tim"))),
    "the engine has forgotten somebody": ("6", lambda w: w.members.pop()),
    "nobody is there, but as the engine has it": ("6", lambda w: w.online.clear()),
    "a refused line is stored": ("7", lambda w: w.clients["ann"].said.__setitem__("k9", ("pm", "six"))),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_violation_is_found(fault: str) -> None:
    number, do = FAULTS[fault]
    spoiled = deepcopy(world())
    do(spoiled)
    assert {found.partition(":")[0] for found in spoiled.wrong()} & {number}, spoiled.wrong()


def test_a_refused_line_may_be_stored_where_nobody_could_know_it() -> None:
    doubtful = world()
    doubtful.clients["ann"].said["k9"] = ("pm", "nine")
    doubtful.turns.append(Turn(7, [Line(7, "anna", "nine")], (), A))
    doubtful.last, doubtful.sent = 7, [*doubtful.sent, Keyed("k9", "pm", 7)]
    for who in ("ann", "bob"):
        _is_shown(doubtful, who, said(7, "anna", "nine"))
    assert doubtful.wrong() == ["7: ann was told that k9 is not stored, and it is"]
    doubtful.had_doubts = True
    assert doubtful.wrong() == []


def test_who_has_an_account_only_now_is_not_two_people() -> None:
    registered = world()
    registered.change(5, movements=[Placed(0, Came("account:1", 0, "bob", 1, "bob")), Placed(1, Went("bob", 0))])
    registered.members[1] = Member("pm", A, "account:1", 0, "bob")
    registered.held.pop()
    assert registered.wrong() == []


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ("ann?: hello: you", {"is": "said", "room": "pm", "nick": "ann", "text": "hello: you"}),
        ("* ann? joined", {"is": "joined", "room": "pm", "nicks": ["ann"], "more": 0}),
        ("* ann and bob? left", {"is": "left", "room": "pm", "nicks": ["ann", "bob"], "more": 0}),
        ("* ann, bob and 1 other joined", {"is": "joined", "room": "pm", "nicks": ["ann", "bob"], "more": 1}),
        (
            "* Also here: ann, bob?, and 12 others",
            {"is": "also-here", "room": "pm", "nicks": ["ann", "bob"], "more": 12},
        ),
        ("* Also here: ann, bob,", {"is": "also-here", "room": "pm", "nicks": ["ann", "bob"], "more": 1}),
        ("* ann? is now anna?", {"is": "renamed", "old": "ann", "new": "anna", "room": "pm"}),
        ("* The room is empty.", {"is": "told", "text": "* The room is empty.", "room": "pm"}),
        (
            "#12 09:41 ann: hello",
            {
                "is": "recalled",
                "room": "pm",
                "lines": [{"is": "said", "room": "pm", "seq": 12, "nick": "ann", "text": "hello"}],
            },
        ),
    ],
)
def test_what_is_shown_at_a_terminal_is_understood(line: str, event: Event) -> None:
    assert event_of(line, "pm") == event
