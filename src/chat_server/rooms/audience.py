"""Who is shown what happens in a room, and how: once for each kind of reader, and given to all readers of the kind in one push.

Keeps members by the function that shows them things, and what they have not been shown yet. Whoever is named in a line may be shown it in another
way, and an author is not shown what they can see already. What goes wrong for one reader, or one kind, is theirs alone. Never knows what order
things happen in, nor where they are stored.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from time import perf_counter

import trio

from chat_server.guard import Guard
from chat_server.protocol.amendments import bare
from chat_server.protocol.entries import KINDS, Entry, Spoken
from chat_server.protocol.events import Event, RoomFailed
from chat_server.protocol.mentions import names_in
from chat_server.protocol.names import name_key
from chat_server.protocol.runs import Renderer, SaidRun, StoredRun, is_shown_at_once, shown
from chat_server.protocol.stored_event import StoredEvent
from chat_server.rooms.at_once import MANY, AtOnce
from chat_server.rooms.blocking import Blocks, Whom, can_be_hidden, hidden_lines, whom
from chat_server.rooms.flow import Flow
from chat_server.rooms.giving import give_all, give_each, give_prepared
from chat_server.rooms.room import Occupant
from chat_server.rooms.sink import SendMany, Sink

KINDS_MAX = 6
"""Kinds of readers in a room (languages, charsets, widths, colours) beyond which a newcomer is shown lines as the nearest of them. Each costs a
rendering of every line; the rooms of honest people have two or three."""

SHOWN_AT_A_TIME = 4096
"""Bytes shown to one kind of reader after the other before others have their turn: 0.1 to 1.5 ms."""

_CALLING: tuple[type[StoredEvent], ...] = tuple(kind for kind in KINDS if kind.alerts and not kind.shape.is_sentence)
"""Kinds of lines that are shown in another way to somebody who is named in them; the server's own word is not."""

Shown = Event | SaidRun
"""What members see: something that has happened, or lines in a row, which count as one where it is said who is not shown them."""

Personal = dict[Occupant, dict[int, bytes]]
"""For each member who is shown some of the events in their own way: those, by their place."""


class Audience:
    """The members of a room as readers, and what they will see next."""

    def __init__(self, room: str, shown_seq: int, send_many: SendMany | None = None, flow: Flow | None = None) -> None:
        """Begin with nobody, where everything up to the number `shown_seq` has been seen."""
        self.room = room
        self._flow = flow or Flow()
        self.shown_seq = shown_seq
        """The number of the newest line that everybody has been shown."""
        self.events: list[Shown] = []
        """What members will see next."""
        self.excluded: list[tuple[Occupant, ...]] = []
        """Who of them will not, for each event: the author, or who knows it already."""
        # The members' sinks by their `render`. To go through the members themselves would bring a thousand more objects into the
        # processor's cache, which the kernel has emptied between two sends: that took S3's CPU from 1.3 times the C reference's to 1.2 times
        # (the cases S1 to S5 are in docs/performance.md).
        self.kinds: dict[Renderer, dict[Occupant, Sink]] = {}
        self._kind_of: dict[Occupant, Renderer] = {}
        self._bare: dict[
            int, frozenset[Occupant]
        ] = {}  # by the numbers of lines that say something of others: who may not see those
        self.hushed: set[Occupant] = set()
        """Members who are about to leave, and are shown nothing more."""
        self._preparing: set[Renderer] = set()  # kinds in which there may be something to prepare for somebody
        self._ahead: dict[Renderer, list[bytes]] = {}  # the first of the events, as kinds are shown them
        # By the name's key: the sessions of whoever is called so that are shown a line with the name in it in another way.
        self._mention_members: dict[str, tuple[Occupant, ...]] = {}
        # By whom: the sessions of those who have blocked them. Nobody else's lines are looked at twice.
        self._blocking: dict[Whom, tuple[Occupant, ...]] = {}
        self._blocks_of: dict[Occupant, Blocks] = {}  # as they were filed
        self._guard = Guard("something could not be shown in a room", lambda: {"room": self.log_name()})
        self._at_once = AtOnce(send_many, self._guard)
        self.log_name: Callable[[], str] = str  # what the log calls the room; its owner says

    # Who there is.

    def __len__(self) -> int:
        return len(self._kind_of)

    def hush(self, member: Occupant, nick: str) -> None:
        """Show nothing more to a member who is about to leave, whatever they are called or how they are shown things until then."""
        self.remove(member, nick)
        self.hushed.add(member)

    def add(self, member: Occupant, nick: str) -> None:
        """Put a member among those who are shown things in the same way."""
        if member in self.hushed:
            return
        render = member.render
        if render not in self.kinds and len(self.kinds) >= KINDS_MAX:
            render = member.renderer_among(self.kinds, KINDS_MAX)
        self._kind_of[member] = render
        self._at_once.forget(render)
        if member.person.blocks:
            self._note_blocks(member, member.person.blocks)
        sink = self.kinds.setdefault(render, {})[member] = member.sink
        if sink.prepares:
            self._preparing.add(render)
        if member.render_mention is not None and render is member.render:
            key = name_key(nick)
            self._mention_members[key] = (*self._mention_members.get(key, ()), member)

    def remove(self, member: Occupant, nick: str) -> None:
        """Show nothing more to a member."""
        if member in self.hushed:
            return
        render = self._kind_of.pop(member)
        kind = self.kinds[render]
        del kind[member]
        self._at_once.forget(render)
        if not kind:
            del self.kinds[render]
            self._preparing.discard(render)
        self._call_no_longer(member, name_key(nick))
        if member in self._blocks_of:
            self._forget_blocks(member)

    def _note_blocks(self, member: Occupant, blocks: Blocks) -> None:
        self._blocks_of[member] = blocks
        for other in blocks.everybody:
            self._blocking[other] = (*self._blocking.get(other, ()), member)

    def _forget_blocks(self, member: Occupant) -> None:
        blocks = self._blocks_of.pop(member)
        for other in blocks.everybody:
            left = tuple(one for one in self._blocking.pop(other, ()) if one is not member)
            if left:
                self._blocking[other] = left

    def _call_no_longer(self, member: Occupant, key: str) -> None:
        """Show a member lines with a name in them as all others are."""
        named = self._mention_members.pop(key, ())
        if others := tuple(other for other in named if other is not member):
            self._mention_members[key] = others

    def forget(self, member: Occupant) -> None:
        """Show nothing more to somebody of whom it is not sure what is known here."""
        self._kind_of.pop(member, None)
        self._at_once.forget_all()
        if member in self._blocks_of:
            self._forget_blocks(member)
        self.kinds = {
            render: kept
            for render, sinks in self.kinds.items()
            if (kept := {m: s for m, s in sinks.items() if m is not member})
        }
        for key in list(self._mention_members):
            self._call_no_longer(member, key)

    # What they will see.

    def put(self, event: Event, excluded: tuple[Occupant, ...] = ()) -> None:
        """Add something to what members will see, but for those excluded."""
        self.events.append(event)
        self.excluded.append(excluded)

    @property
    def has_blocks(self) -> bool:
        """Whether anybody here has blocked anybody."""
        return bool(self._blocking)

    def show_bare(self, seq: int, members: Iterable[Occupant]) -> None:
        """Show these the line with this number, which is among what is seen next, without anything of the one of which it says something."""
        if found := frozenset(members):
            self._bare[seq] = found

    def tell(self, session: Occupant, *events: Event) -> None:
        """Show something to one session; if that fails, it is the end of that session and of no other."""
        self._tell_all(session, events)

    def _tell_all(self, session: Occupant, events: Iterable[Event]) -> None:
        if not self._guard.attempt(session.send_all, events):
            self._guard.attempt(session.fail)

    def answer(self, answers: deque[tuple[Occupant, Event | StoredRun]]) -> None:
        """Tell authors what became of their lines, and take off the list those who have been told. Many that follow one another go in one piece."""
        while answers:
            author, answer = answers.popleft()
            if type(answer) is StoredRun and not (answers and answers[0][0] is author):
                self._tell_all(author, answer)
                continue
            events = [*_each_of(answer)]
            while answers and answers[0][0] is author:
                events += _each_of(answers.popleft()[1])
            self._tell_all(author, events)

    def show_alone(self, members: Iterable[Occupant], event: Event) -> None:
        """Show some members what no other is shown, and what answers nothing; what was to be seen before has been shown."""
        for member in members:
            if member in self.hushed:
                continue
            show = self._kind_of[member]
            if not self._guard.attempt(give_each, iter((self.kinds[show][member],)), self._shown(show, event)):
                self._guard.attempt(member.fail)

    async def show_ahead(self) -> None:
        """Work out how each kind of reader is shown what comes next, and let others have their turn in between. `flush` has little left to do."""
        self._make_lines_for_those_named()
        size = 0
        for render in list(self.kinds):
            ahead = self._ahead.setdefault(render, [])
            for event in self.events[len(ahead) :]:
                pieces: list[bytes] = []
                for part in event if type(event) is SaidRun and not is_shown_at_once(render) else (event,):
                    pieces.append(self._shown(render, part))
                    size += len(pieces[-1])
                    if size > SHOWN_AT_A_TIME:
                        size = 0
                        await trio.lowlevel.checkpoint()
                ahead.append(b"".join(pieces))

    def flush(self, last_seq: int) -> None:
        """Give every member what is new but their own, in one push each, shown once for each kind of reader; `last_seq` has been shown then."""
        if not self.events:
            return
        began = perf_counter()
        self._make_lines_for_those_named()
        events, self.events = self.events, []
        excluded, self.excluded = self.excluded, []
        ahead, self._ahead = self._ahead, {}
        own = _own_places(excluded)
        personally: Personal = {}
        if self._mention_members or self._blocking or self._bare:
            with self._guard:
                personally = self._personally(events)
            self._bare = {}
        for render, sinks in self.kinds.items():
            pieces = ahead.get(render, [])
            with self._guard:
                pieces += [
                    shown(render, event) if type(event) is SaidRun else render(event) for event in events[len(pieces) :]
                ]
            if len(pieces) < len(events):  # that failed
                pieces += [self._shown(render, event) for event in events[len(pieces) :]]
            personal = {member: sinks.pop(member) for member in (*own, *personally) if member in sinks}
            data = b"".join(pieces)
            # Of some events some kinds are shown nothing. That all see something is worth more than that nobody sees it twice.
            if data and not self._guard.attempt(self._give, render, sinks, personal, data):
                give_all(sinks, data, self._guard)
            for member, sink in personal.items():
                if len(own.get(member, ())) < len(pieces):  # else all of it is theirs
                    self._give_personally(member, sink, pieces, personally.get(member, {}), own.get(member, ()))
            sinks.update(personal)
        self.shown_seq = last_seq
        self._flow.shown.note(perf_counter() - began)

    def _give(
        self, render: Renderer, sinks: dict[Occupant, Sink], others: Mapping[Occupant, Sink], data: bytes
    ) -> None:
        """Give the data to all of one kind, but for others of the kind."""
        rest = give_prepared(sinks, data, self._guard) if render in self._preparing else sinks
        if len(rest) < MANY or not self._at_once.give(render, rest, others, data):
            give_all(rest, data, self._guard)

    def _give_personally(
        self, member: Occupant, sink: Sink, pieces: list[bytes], changed: Mapping[int, bytes], own: Sequence[int]
    ) -> None:
        """Give one member what is new: some of it as it is shown to them, and nothing of their own."""
        others = list(pieces)
        for place, piece in changed.items():
            others[place] = piece
        for place in reversed(own):
            del others[place]
        data = b"".join(others)
        if data and not self._guard.attempt(give_each, iter((sink,)), data):
            self._guard.attempt(member.fail)

    def _make_lines_for_those_named(self) -> None:
        """Make the lines of runs, if some of the members want to see when they are named: those lines are shown to them in another way."""
        if not self._mention_members or SaidRun not in map(type, self.events):
            return
        self._ahead.clear()
        lines = [
            (line, excluded)
            for event, excluded in zip(self.events, self.excluded, strict=True)
            for line in (event if type(event) is SaidRun else (event,))
        ]
        self.events = [line for line, _ in lines]
        self.excluded = [excluded for _, excluded in lines]

    def _shown(self, render: Renderer, event: Shown) -> bytes:
        """An event as one kind of reader is shown it; where that fails, that it does."""
        if type(event) is SaidRun:
            with self._guard:
                return shown(render, event)
            return b"".join(self._shown(render, line) for line in event)
        with self._guard:
            return render(event)
        after = event.seq - 1 if isinstance(event, StoredEvent) else self.shown_seq
        with self._guard:
            return render(RoomFailed(self.room, after))
        return b""

    def _personally(self, events: Sequence[Shown]) -> Personal:
        """For each who is shown some of the events in another way than others: those, by their place, as they are shown to them."""
        found: Personal = {}
        if self._mention_members:
            with self._guard:
                found = self._named_in(events)
        if self._bare:
            with self._guard:
                _strip(events, self._bare, self._kind_of, found)
        if self._blocking:
            with self._guard:
                self._hide_blocked(events, found)
        return found

    def _hide_blocked(self, events: Sequence[Shown], found: Personal) -> None:
        """See that those who have blocked the author of a line are shown its number alone, even if they are named in it."""
        for place, event in enumerate(events):
            if not can_be_hidden(event):
                continue
            marks: dict[Renderer, bytes] = {}
            for member in self._blocking.get(whom(event), ()):
                render = self._kind_of[member]
                if render not in marks:
                    marks[render] = b"".join(map(render, hidden_lines(event)))
                found.setdefault(member, {})[place] = marks[render]

    def _named_in(self, events: Sequence[Shown]) -> Personal:
        """For each who wants to see when they are named, and is: the events that do, as they are shown to such a one."""
        named: Personal = {}
        for number, event in enumerate(events):
            if not isinstance(event, _CALLING):
                continue
            shown: dict[Renderer, bytes] = {}
            names = {*names_in(event.text, self._mention_members)}
            if isinstance(event, Spoken) and event.whom:  # who has said something is told of a reply to it
                names |= {name_key(event.whom)} & self._mention_members.keys()
            members = (self._mention_members[name] for name in names)
            for member in chain.from_iterable(members):
                render = member.render_mention
                if render is not None:
                    if render not in shown:
                        shown[render] = render(event)
                    named.setdefault(member, {})[number] = shown[render]
        return named


def _each_of(answer: Event | StoredRun) -> Iterable[Event]:
    return answer if isinstance(answer, StoredRun) else (answer,)


def _own_places(excluded: Sequence[tuple[Occupant, ...]]) -> dict[Occupant, list[int]]:
    """For each who is not shown some of the events: the places of those. To ask every author of every line instead took 5 % of S1's time."""
    own: dict[Occupant, list[int]] = {}
    for place, outside in enumerate(excluded):
        for member in outside:
            own.setdefault(member, []).append(place)
    return own


def _strip(
    events: Sequence[Shown],
    barred: Mapping[int, frozenset[Occupant]],
    kind_of: Mapping[Occupant, Renderer],
    found: Personal,
) -> None:
    """See that those who may not see a line see nothing of it in what is said of it."""
    for place, event in enumerate(events):
        if not isinstance(event, Entry) or event.seq not in barred:
            continue
        shown: dict[Renderer, bytes] = {}
        for member in barred[event.seq] & kind_of.keys():
            render = kind_of[member]
            if render not in shown:
                shown[render] = render(bare(event))
            found.setdefault(member, {})[place] = shown[render]
