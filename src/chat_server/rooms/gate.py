"""What of that which waits in a room may happen in it: by its rules, by what people are forbidden, and by who has which role.

Looked at turn by turn, in the order in which it came, so that nothing of somebody is stored after the entry that forbids it. The commands ask
the same questions before, to answer at once; this is what holds. Never knows how anything is stored or shown.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from math import inf
from operator import itemgetter

from msgspec import UNSET
from msgspec.structs import replace

from chat_server.accounts.in_force import InForce, Visitor
from chat_server.protocol.acts import AdminCame, Banned, Kicked, MemberInvited, MemberJoined, Muted
from chat_server.protocol.amending import Edited, Reacted
from chat_server.protocol.entries import KIND_BY_REQUEST, Enacted, Storable, TopicSet
from chat_server.protocol.events import NotStored, Refused
from chat_server.protocol.names import name_key
from chat_server.protocol.requests import Topic
from chat_server.protocol.room_state import PLACES, Curb, CurbKind, RoomState, after, called, called_as, replaced_by
from chat_server.protocol.runs import SayRun
from chat_server.protocol.stored_event import left_of
from chat_server.rooms.acting import refusal_of_act, says_something
from chat_server.rooms.amending import AmendingTurn, LineOf, refusal_to_amend
from chat_server.rooms.batch import Accepted, Acting, Answer, Arrival, InboxEntry, Takeover, TimedRequest, each_of
from chat_server.rooms.line_rules import NEW_SECONDS, Hold, Verdict, WordList, check
from chat_server.rooms.person import MEMBER as MEMBER_ROLE
from chat_server.rooms.person import Person, has_only_a_name
from chat_server.rooms.rights import MEMBER, Act, Standing, has_link, may, standing
from chat_server.rooms.room import Occupant
from chat_server.rooms.taking_back import as_told
from chat_server.rooms.told import Holding, what_holds
from chat_server.rooms.visitors import IN_OFFICE, is_at_ease, muted_on_server, refusal_by_server

_what = itemgetter(2)
_ACTS = frozenset((Acting, Accepted))
"""What is looked at in every room."""

_LINES = SayRun | TimedRequest | Storable
"""What somebody says. What else waits may be of nobody, such as that the room is called otherwise."""

PANIC_SLOW_SECONDS = 10
"""Seconds between two lines of one person everywhere while there is panic."""

REMEMBERED_MAX = 2000
"""People of whom it is remembered when they said something last, while a room is slow."""


class Admitted:
    """What of some entries may happen, and what those are told who asked for the rest."""

    __slots__ = ("answers", "entries", "turned_away")

    def __init__(self, entries: Sequence[InboxEntry]) -> None:
        self.entries = [*entries]
        self.answers: deque[Answer] = deque()
        self.turned_away: list[tuple[InboxEntry, Refused]] = []
        """Those who would have come in."""


class Gate:
    """The rules of one room, as they are put to use."""

    def __init__(self, room: str, state: RoomState, line: LineOf | None = None) -> None:
        self.room = room
        self._state = state
        self._is_as_made = state.is_as_made
        self.words: WordList | None = None
        """Words that count in every room."""
        self.server = InForce()
        """What holds on the whole server."""
        self._said: dict[str, tuple[float, str]] = {}  # while the room is slow: when, and under which key, by whom
        self._saying: dict[str, tuple[float, str]] = {}  # the same, of what is being stored
        self._now = 0.0  # while some entries are looked at: the time,
        self._then = state  # what the room is after those before,
        self.turn = AmendingTurn(line)  # and which lines those delete

    @property
    def state(self) -> RoomState:
        """What holds in the room."""
        return self._state

    @state.setter
    def state(self, state: RoomState) -> None:
        self._state = state
        self._is_as_made = state.is_as_made  # asked of every turn and every chunk that comes

    def note(self, entry: Enacted) -> None:
        """Something has changed what may happen here."""
        self.state = after(self.state, entry)
        if not self.state.slow_seconds and not self.server.unrest:
            self._said.clear()

    def call(self, account: int, nick: str) -> None:
        """Somebody's account is called so from now on."""
        self.state = called(self.state, account, nick)

    def call_as(self, stored: RoomState) -> None:
        """Accounts are called from now on as they are in what is stored of the room, which may know of more, or of less, than this."""
        self.state = called_as(self.state, stored)

    def standing(self, session: Occupant, state: RoomState | None = None) -> Standing:
        """Where somebody stands here. A bot has its account's place in the room, and none on the server: its token lies in some file."""
        role = MEMBER_ROLE if session.proof.is_bot else session.person.role
        return standing(self.state if state is None else state, session.person.account, role)

    def told(self, session: Occupant, now: float, name_of: Callable[[int], str]) -> Holding:
        """What somebody who comes in is told of what holds here. `name_of` says what an account is called."""
        if self.state.is_as_made and not self.state.roles and session.person.role not in IN_OFFICE:
            return {}
        who, person = self.standing(session), session.person
        curbs = _curbs_on(self.state, person, now, "muted")
        return what_holds(self.state, person.account, who, curbs, now=now, name_of=name_of)

    def note_stored(self) -> None:
        """What was admitted last is stored: who has said something waits before the next, while the room is slow."""
        for who, said in self._saying.items():
            self._said.pop(who, None)
            self._said[who] = said
            if len(self._said) > REMEMBERED_MAX:
                del self._said[next(iter(self._said))]
        self._saying = {}

    def lets_see(self, session: Occupant, now: float, state: RoomState | None = None) -> bool:
        """Whether somebody may know that there is this room, and come in if they are not forbidden to. Nobody is invited by what their bot does."""
        state = self.state if state is None else state
        if not state.is_private:
            return True
        if may("enter", self.standing(session, state), None, state) is None:
            return True
        return state.is_invited(session.person.account, now) and not session.proof.is_bot

    def refusal_to_enter(self, session: Occupant, now: float, state: RoomState | None = None) -> Refused | None:
        """Why somebody may not come in, or be here; None if they may."""
        state, person = self.state if state is None else state, session.person
        if not self.lets_see(session, now, state):
            return Refused("no-such-room", {"room": self.room})
        curb = _curbed(state, person, now, "kicked", "banned")
        if curb is not None:
            details = _details(self.room, curb, now)
            return Refused("kicked-here", details) if curb.kind == "kicked" else Refused("banned-here", details)
        if state.rule("guests") == "no" and not person.account:
            return Refused("no-guests-here", {"room": self.room})
        return None

    def refusal_to_come(self, session: Occupant, now: float) -> Refused | None:
        """Why somebody may not come in who is not here; None if they may."""
        if self._is_as_made and self.server.is_idle:
            return None
        refusal = self.refusal_to_enter(session, now)
        if refusal is None and not session.person.account and (seconds := self.server.panic_seconds(now)):
            return Refused("panic-guests", {"span": left_of(seconds)})
        return refusal

    def is_open_to(self, session: Occupant) -> bool:
        """Whether somebody may say everything here, as nearly everybody may at most times. Who is muted elsewhere slows nobody else."""
        if not self._is_as_made or self.words is not None:
            return False
        return not self.server.unrest or is_at_ease(self.server, session, time.time())

    def _slow_seconds(self, state: RoomState, now: float) -> int:
        """Seconds between two lines of one person."""
        return max(state.slow_seconds, PANIC_SLOW_SECONDS if self.server.panic_seconds(now) else 0)

    def refusal_to_say(
        self, session: Occupant, request: Storable, now: float, state: RoomState | None = None
    ) -> Refused | None:
        """Why somebody may not say this here, or do it; None if they may."""
        state = self.state if state is None else state
        is_calm = self.server.is_calm(now)
        if state.is_as_made and not self.server.panic_seconds(now):
            # One mute has all lines of all rooms looked at: what costs more than that is left out where it cannot matter.
            return None if is_calm else muted_on_server(self.server, session, now)
        person = session.person
        if (muted := self.refusal_by_mute(session, now, state)) is not None:
            return muted
        who = self.standing(session, state)
        if not is_calm and (refusal := refusal_by_server(self.server, session, who.rank, now)) is not None:
            return refusal
        act: Act = "set-topic" if isinstance(request, Topic) else "say"
        return (
            self.refusal_to_enter(session, now, state)
            or may(act, who, None, state)
            or self._refusal_of_text(person, who, request, now, state)
        )

    def refusal_by_mute(self, session: Occupant, now: float, state: RoomState | None = None) -> Refused | None:
        """Why somebody who is muted here says nothing; None if they are not."""
        curb = _curbed(self.state if state is None else state, session.person, now, "muted")
        return None if curb is None else Refused("muted-here", _details(self.room, curb, now))

    def _refusal_of_text(
        self, person: Person[Occupant], who: Standing, request: Storable, now: float, state: RoomState
    ) -> Refused | None:
        if who.rank <= MEMBER:
            said_at, _ = self._last_of(person)
            waits = said_at + self._slow_seconds(state, now) - now
            if waits > 0 and not self._is_sent_again(person, request):
                return Refused("slow-here", {"seconds": str(max(1, round(waits)))})
        if state.rule("links") == "members" and who.rank < MEMBER and has_link(_text(request)):
            return Refused("links-rule")
        return None

    def _last_of(self, person: Person[Occupant]) -> tuple[float, str]:
        """When somebody said something last, and under which key, while the room is slow."""
        return self._saying.get(person.sender) or self._said.get(person.sender) or (-inf, "")

    def _is_sent_again(self, person: Person[Occupant], request: Storable) -> bool:
        """Whether this is what they have said last: a program sends it again that has not heard what became of it, and is told that."""
        return bool(request.key) and self._last_of(person)[1] == request.key

    def verdict(self, session: Occupant, request: Storable, now: float, state: RoomState | None = None) -> Verdict:
        """What becomes of something that somebody may say here, by the rules for words and links: it may have to wait for a moderator."""
        state = self.state if state is None else state
        if not (state.words or self.words or "hold" in state.rules):
            return None
        is_new = now - session.person.account_made < NEW_SECONDS or not session.person.account
        return check(_text(request), self.standing(session, state), state, is_new=is_new, of_server=self.words)

    def _refusal_to_accept(self, session: Occupant, accepted: Accepted) -> Refused | None:
        """Why what was held may not be said now: nobody says anything here, or its author may not be here any more, or say anything."""
        then, author = self._then, accepted.entry.author
        if then.is_archived:
            return Refused("archived")
        is_out = (then.is_private and then.role(author) is None) or (not author and then.rule("guests") == "no")
        visitor = Visitor(author, () if author else (accepted.sender,), "")
        on_server = self.server.mute_of(visitor, self._now) or self.server.ban_of(visitor, self._now)
        if is_out or on_server or then.curbs_on(author, accepted.sender, self._now, "kicked", "muted", "banned"):
            return Refused("curbed-author", {"nick": accepted.entry.nick})
        return may("hold", self.standing(session, then), None, then)

    def refusal_to_act(
        self, session: Occupant, act: Acting, now: float, state: RoomState | None = None
    ) -> Refused | None:
        """Why somebody may not do this; None if they may."""
        state = self.state if state is None else state
        if act.is_done:
            return None
        if isinstance(act.entry, Edited | Reacted):
            return refusal_to_amend(self, session, act.entry, now, state)
        who = self.standing(session, state)
        if says_something(act.entry):  # who may say nothing gives no reasons either
            refusal = self.refusal_by_mute(session, now, state)
            if refusal is None:
                refusal = refusal_by_server(self.server, session, who.rank, now)
            if refusal is not None:
                return refusal
        return refusal_of_act(session, who, act, now, state)

    def admits_all(self, entries: Sequence[InboxEntry], now: float) -> bool:
        """Whether all of these may happen, and nothing is changed by them: in most rooms, at most times. It costs a turn a microsecond."""
        if not self._is_as_made:
            self.state = self.state.without_what_is_over(now)
        if not self._is_as_made or not _ACTS.isdisjoint(map(type, map(_what, entries))):
            return False
        return self.server.is_calm(now) or all(
            is_at_ease(self.server, session, now) for session, _, what, _ in entries if isinstance(what, _LINES)
        )

    def admit(self, entries: Sequence[InboxEntry], now: float) -> Admitted:
        """What of these may happen, in their order; what one of them changes holds for those after it."""
        admitted = Admitted(entries)
        if self.admits_all(entries, now):
            return admitted
        self._now, self._then, self._saying = now, self.state, {}
        self.turn.begin()
        admitted.entries = []
        for entry in entries:
            if type(entry[2]) is SayRun and self._then.is_as_made and is_at_ease(self.server, entry[0], now):
                admitted.entries.append(entry)
            elif type(entry[2]) is SayRun:
                for one in each_of((entry,)):
                    self._admit(one, admitted)
            elif not _follows_from_another(entry):
                self._admit(entry, admitted)
        return admitted

    def _admit_arrival(self, entry: InboxEntry, admitted: Admitted) -> None:
        session, nick, what, _ = entry
        refusal = self.refusal_to_enter(session, self._now, self._then)
        if refusal is not None:
            admitted.turned_away.append((entry, refusal))
            return
        if isinstance(what, Arrival) and (coming := self._by_which_comes(session)) is not None:
            admitted.entries.append((session, nick, self._enacted(session, nick, Acting(coming), coming), ()))
        admitted.entries.append(entry)

    def _admit(self, entry: InboxEntry, admitted: Admitted) -> None:
        session, nick, what, not_for = entry
        key = ""
        if isinstance(what, Acting):
            key = what.key
            refusal = self.refusal_to_act(session, what, self._now, self._then) or self.turn.refusal_of(what.entry)
            if refusal is None:
                entry = (session, nick, self._carried_out(session, nick, what), not_for)
                if isinstance(what.entry, Edited) and self._slow_seconds(self._then, self._now):
                    self._saying[session.person.sender] = self._now, ""
        elif isinstance(what, Accepted):
            refusal = self._refusal_to_accept(session, what)
        elif isinstance(what, Arrival | Takeover):
            self._admit_arrival(entry, admitted)
            return
        elif isinstance(what, TimedRequest | Storable):
            refusal, key = self._admit_line(session, what)
        else:
            refusal = None
        if refusal is None:
            admitted.entries.append(entry)
            return
        # Whoever wants to know the number waits for that: it is what is in hand. Others may ask for something else by now.
        if key or getattr(what, "seqs", None) is None:
            refusal = replace(refusal, room=self.room, key=key or UNSET)
        admitted.answers.append((session, refusal))
        if key:
            admitted.answers.append((session, NotStored(self.room, 1, key)))

    def _admit_line(self, session: Occupant, what: TimedRequest | Storable) -> tuple[Refused | None, str]:
        """Why something is not said, and its key; None if it is, and its author waits before the next where the room is slow."""
        request = what.request if isinstance(what, TimedRequest) else what
        refusal = self.refusal_to_say(session, request, self._now, self._then) or self._unlooked_at(session, request)
        if (
            refusal is None
            and self._slow_seconds(self._then, self._now)
            and not self._is_sent_again(session.person, request)
        ):
            self._saying[session.person.sender] = self._now, request.key
        return refusal, request.key

    def _unlooked_at(self, session: Occupant, request: Storable) -> Refused | None:
        """Why something is not said that the rules of now would have wait: they have been set since it was asked for."""
        verdict = self.verdict(session, request, self._now, self._then)
        return Refused("rules-changed") if isinstance(verdict, Hold) else verdict

    def _by_which_comes(self, session: Occupant) -> MemberJoined | AdminCame | None:
        """What is stored when somebody comes in: that they are a member from now on, or that they are here though they are none."""
        account, then = session.person.account, self._then
        if then.role(account) is not None:
            return None
        if then.is_invited(account, self._now) and not session.proof.is_bot:
            return MemberJoined(self.room, 0, 0.0, "", "")
        return AdminCame(self.room, 0, 0.0, "", "") if then.is_private else None

    def _carried_out(self, session: Occupant, nick: str, what: Acting) -> Acting:
        act = what.entry
        return self._enacted(session, nick, what, act) if isinstance(act, Enacted) else as_told(what, self._then)

    def _enacted(self, session: Occupant, nick: str, what: Acting, act: Enacted) -> Acting:
        """What somebody does, with what follows from when it happens; the room is another one for what comes after it."""
        if isinstance(act, Kicked | Muted | Banned):
            rank = self.standing(session, self._then).rank
            instead_of = replaced_by(self._then, act, rank)
            act = replace(act, id=self._then.next_id, until=self._now + what.seconds, place=PLACES[rank])
            act = replace(act, instead_of=instead_of)
        elif isinstance(act, MemberInvited):
            act = replace(act, until=self._now + what.seconds)
        self._then = after(self._then, replace(act, nick=nick, at=self._now, author=session.person.account))
        return what._replace(entry=act)


def _follows_from_another(entry: InboxEntry) -> bool:
    """Whether this was planned before the room was known to be another one: who comes in, and what deletes a topic, is looked at once more."""
    return isinstance(entry[2], Acting) and isinstance(entry[2].entry, MemberJoined | AdminCame | TopicSet)


def _curbed(state: RoomState, person: Person[Occupant], now: float, *kinds: CurbKind) -> Curb | None:
    """What of these kinds somebody may not do just now: what ends last."""
    return max(_curbs_on(state, person, now, *kinds), key=lambda one: one.until, default=None)


def _curbs_on(state: RoomState, person: Person[Occupant], now: float, *kinds: CurbKind) -> list[Curb]:
    """What of these kinds somebody may not do just now, or the guest that they were before they registered here.

    Who has no token is known by their name too: other nodes know nothing else of them.
    """
    if not state.curbs:
        return []
    on = state.curbs_on(person.account, person.sender, now, *kinds)
    if not on and person.came_as:
        return state.curbs_on(0, person.came_as, now, *kinds)
    if not on and has_only_a_name(person):
        return state.curbs_on(0, name_key(person.nick), now, *kinds)
    return on


def _details(room: str, curb: Curb, now: float) -> dict[str, str]:
    return {"room": room, "span": left_of(curb.until - now), "reason": curb.reason or "-", "id": str(curb.id)}


def _text(request: Storable) -> str:
    return str(getattr(request, KIND_BY_REQUEST[type(request)].text_field))
