"""Whatever anybody asks for, in whatever order: nobody does what the table of roles forbids, no room is without an owner, nobody is shown what they
have blocked or what is deleted, nobody is in a room who is put out of it, and nothing goes wrong.

A game is some acts by people of every role, through real requests, played by a whole server on virtual time. What may happen is worked out here
of the room's log, in other words than the server's (rights.py). Who may read which line is test_private_model.py's, which is looked at too.
"""

import json
import time
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from trio.testing import MockClock

from captured_logs import capture_logs
from chat_server.config import Config
from chat_server.protocol.acts import (
    AdminCame,
    Banned,
    Kicked,
    Lifted,
    MemberInvited,
    MemberJoined,
    Muted,
    RoleGiven,
    RuleSet,
)
from chat_server.protocol.amending import Deleted, Redacted
from chat_server.protocol.entries import Acted, Entry, Noticed, Said, TopicSet
from chat_server.protocol.room_life import Archived, Founded, NameSet, Unarchived
from chat_server.rooms.chat_room import ChatRoom
from streams import House, open_house
from test_private_model import READINGS, TOKEN, End, Game, Log, SlowJournal, Step

HOLDERS = ("ann", "bob", "carl", "root", "mona")
"""People with accounts: ann has made the room, root is an admin of the server, mona a moderator of it."""
OFFICES = {"root": "admin", "mona": "moderator"}
PEOPLE = (*HOLDERS, "gus")
"""And a guest, at a terminal."""

RANKS = ("guest", "account", "member", "moderator", "owner", "server moderator", "server admin")
MODERATING = {"moderator", "owner", "server moderator", "server admin"}
OWNING = {"owner", "server admin"}
DEFAULTS = {
    "hold": "none",
    "slow": "0",
    "access": "open",
    "history": "all",
    "speak": "all",
    "topic": "all",
    "links": "all",
    "guests": "yes",
}
SCHEMA = Path(__file__).parent.parent / "docs" / "protocol.schema.json"
SAYING = Said | Acted | TopicSet | Noticed | Deleted
CURBING = Kicked | Muted | Banned


class Records(Log):
    """What the room's log says of who may do what in it."""

    def value(self, name: str, before: int) -> str:
        set_to = [one.text.split() for one in self.lines if isinstance(one, RuleSet) and one.seq < before]
        return next((value for rule, value in reversed(set_to) if rule == name), DEFAULTS[name])

    def who(self, account: int) -> str:
        """Whose account it is; 0: the guest's."""
        return next((who for who, number in self.accounts.items() if number == account), "gus")

    def role(self, account: int, before: int) -> str:
        """Somebody's role in the room; none: they have none."""
        role = "none"
        for one in self.lines:
            if one.seq < before and account:
                if isinstance(one, Founded) and one.author == account:
                    role = "owner"
                elif isinstance(one, MemberJoined) and one.author == account:
                    role = "member" if role == "none" else role
                elif isinstance(one, RoleGiven) and one.account == account:
                    role = one.text
        return role

    def places(self, account: int, before: int) -> set[str]:
        """Where somebody stands."""
        found = {"account" if account > 0 else "guest"}
        if (role := self.role(account, before)) != "none":
            found.add(role)
        if (office := OFFICES.get(self.who(account), "")) and account > 0:
            found.add(f"server {office}")
        return found

    def rank(self, account: int, before: int) -> int:
        return max(RANKS.index(one) for one in self.places(account, before))

    def owners(self, before: int) -> list[str]:
        return [who for who, account in self.accounts.items() if self.role(account, before) == "owner"]

    def is_archived(self, before: int) -> bool:
        set_to = [one for one in self.lines if isinstance(one, Archived | Unarchived) and one.seq < before]
        return bool(set_to) and isinstance(set_to[-1], Archived)

    def curbs(self, before: int, at: float) -> dict[int, CURBING]:
        """What people may not do, by number."""
        on: dict[int, CURBING] = {}
        for one in self.lines:
            if one.seq < before:
                if isinstance(one, CURBING):
                    on[one.id] = one
                elif isinstance(one, Lifted):
                    on.pop(one.id, None)
        return {number: one for number, one in on.items() if one.until > at}

    def is_curbed(self, account: int, before: int, at: float, *kinds: type) -> bool:
        on = [one for one in self.curbs(before, at).values() if isinstance(one, kinds)]
        newest: dict[type, CURBING] = {type(one): one for one in on if max(one.account, 0) == max(account, 0)}
        return bool(newest)

    def is_let_in(self, who: str, before: int, at: float) -> bool:
        """Whether somebody may be in the room when a line is said."""
        account = self.accounts[who]
        if self.is_curbed(account, before, at, Kicked, Banned):
            return False
        return self.may_be_there(who, before) and (account > 0 or self.value("guests", before) == "yes")

    def why_not(self, one: Entry, *, is_accepted: bool) -> str:
        """Why this entry should not be there; "" if it may."""
        places = self.places(one.author, one.seq)
        if isinstance(one, SAYING):
            is_of_redaction = (
                isinstance(one, TopicSet) and not one.text and isinstance(self.lines[one.seq - 2], Redacted)
            )
            return "" if is_of_redaction else self._why_not_said(one, places, is_accepted=is_accepted)
        if isinstance(one, RoleGiven):
            return self._why_not_given(one, places)
        return "" if self._may(one, places) else f"not by {self.who(one.author)}, {places}"

    def _may(self, one: Entry, places: set[str]) -> bool:
        """The same of what is neither said nor gives a role."""
        seq, actor = one.seq, one.author
        match one:
            case RuleSet() | NameSet() | Archived() | Unarchived():
                return bool(places & OWNING)
            case Kicked() | Muted() | Banned():
                return bool(places & MODERATING) and self.is_above(one, one.account)
            case Lifted():
                curb = self.curbs(seq, 0)[one.id]
                is_own = curb.account == actor and "server admin" not in places
                is_above = self.rank(curb.author, curb.seq) > self.rank(actor, seq)
                return bool(places & MODERATING) and not is_own and not is_above
            case Redacted():
                return one.account == actor or (bool(places & MODERATING) and self.is_above(one, one.account))
            case MemberInvited() | MemberJoined():
                wide = {"member"} if self.value("access", seq) == "members" else set()
                is_out = self.is_curbed(actor, seq, one.at, Kicked, Banned)
                may_join = self.is_invited(self.who(actor), seq) and not is_out
                return bool(places & (MODERATING | wide)) if isinstance(one, MemberInvited) else may_join
        return isinstance(one, Founded) or (isinstance(one, AdminCame) and "server admin" in places)

    def is_above(self, one: Entry, account: int) -> bool:
        """Whether who did something stood above whom it was done to."""
        return self.rank(one.author, one.seq) > self.rank(account, one.seq)

    def _why_not_said(self, one: Entry, places: set[str], *, is_accepted: bool) -> str:
        seq, account = one.seq, one.author
        if self.is_archived(seq):
            return "archived"
        if self.is_curbed(account, seq, one.at, Kicked, Muted, Banned) or not self.is_let_in(
            self.who(account), seq, one.at
        ):
            return "muted, or not there"
        if is_accepted:
            return ""
        rule = "topic" if isinstance(one, TopicSet) else "speak"
        allowed = {"all": set(RANKS), "members": {"member", *MODERATING}, "moderators": MODERATING}[
            self.value(rule, seq)
        ]
        has_link = "http://" in one.text and self.value("links", seq) == "members"
        return "" if places & allowed and (not has_link or places & {"member", *MODERATING}) else "not by the rules"

    def _why_not_given(self, one: RoleGiven, places: set[str]) -> str:
        had = self.role(one.account, one.seq)
        if had == "owner" and one.text != "owner" and len(self.owners(one.seq)) == 1:
            return "the last owner"
        order = ("none", "member", "moderator", "owner")
        if one.account == one.author and (one.text == "none" or order.index(one.text) < order.index(had)):
            return ""
        if not places & OWNING:
            return "only owners"
        return "from an owner" if had == "owner" and one.text != "owner" and "server admin" not in places else ""


@cache
def validators() -> dict[str, Draft202012Validator]:
    """What an event is to be like, by its kind."""
    kinds = json.loads(SCHEMA.read_text(encoding="utf-8"))["$defs"]
    found = {
        name: kind["properties"]["is"]["enum"][0] for name, kind in kinds.items() if "is" in kind.get("properties", {})
    }
    return {tag: Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": kinds}) for name, tag in found.items()}


LOOKED_AT: set[tuple[str, ...]] = set()
"""Events that have been held against the schema: one of each kind with each fields."""


def fits(event: dict[str, Any]) -> bool:
    """Whether an event is as the schema says; what it does not name has a sentence."""
    shape = (event["is"], *sorted(event))
    if shape in LOOKED_AT:
        return True
    LOOKED_AT.add(shape)
    known = validators().get(event["is"])
    return "text" in event if known is None else known.is_valid(event)


OTHERS = ("role", "invite", "enter", "leave", "come back", "rule", "read")
"""What test_private_model.py plays."""


class Then(NamedTuple):
    """How it was before something happened."""

    log: Records
    since: dict[str, int | None]
    blocked: frozenset[tuple[str, str]]
    deleted: frozenset[int]


class Match(Game):
    """One game."""

    def __init__(self, house: House, journal: SlowJournal, nursery: trio.Nursery, logs: list[dict[str, Any]]) -> None:
        super().__init__(house, journal, nursery)
        self.logs = logs
        self.by: dict[int, str] = {}  # who has said the text,
        self.to: dict[int, str] = {}  # and to whom, if not in the room
        self.held: set[int] = set()
        self.blocked: set[tuple[str, str]] = set()
        self.deleted: set[int] = set()
        self.muted: dict[str, float] = {}  # on the whole server, until when
        self.id = ""

    async def begin(self) -> None:
        for place, nick in enumerate(PEOPLE, 1):
            if nick == "gus":
                await trio.sleep(2 * 86400)  # nobody's account is new
            await self.come(nick, place, has_account=nick in HOLDERS)
        for nick, office in OFFICES.items():
            assert (await self.house.ask_as_operator("give-role", name=nick, role=office))[-1]["is"] == "done"
        await self.ends["ann"].do("create", room="den")
        await trio.sleep(1)
        self.id = next(room.id for room in self.house.server.rooms if room.name == "den")
        await self.settle()

    @property
    def room(self) -> ChatRoom:
        return next(room for room in self.house.server.rooms if room.id == self.id)

    async def log(self) -> Records:
        return Records((await self.journal.read(self.room.name, 1, 9999)).lines, self.accounts)

    async def settle(self) -> None:
        """Let everything happen, and look at what did."""
        before = await self.log()
        muted = {who for who, until in self.muted.items() if until > time.time() + 1}
        since = {who: end.since for who, end in self.ends.items()}
        then = Then(before, since, frozenset(self.blocked), frozenset(self.deleted))
        await trio.sleep(1)
        log, last = await self.log(), len(before.lines)
        self.said |= {
            int(found[1]): line.seq for line in log.lines if (found := TOKEN.search(line.text.encode())) is not None
        }
        self.deleted |= {token for token, seq in self.said.items() if isinstance(log.lines[seq - 1], Deleted)}
        for one in log.lines[last:]:
            token = next((token for token, seq in self.said.items() if seq == one.seq), 0)
            why = log.why_not(one, is_accepted=token in self.held)
            assert not why, f"{why}: {one}"
            says = isinstance(one, SAYING) and token not in self.held
            assert not (says and log.who(one.author) in muted), f"muted on the server: {one}"
            assert log.owners(one.seq + 1), f"nobody owns it: {one}"
        for who, end in self.ends.items():
            shown = end.take()
            end.follow(shown, last)
            self._look(who, shown, then, log)
            assert not (end.since is not None and not log.is_let_in(who, len(log.lines) + 1, time.time())), who
        await self._look_who_is_there(log)
        wrong = [one for one in self.logs if one["log_level"] in ("error", "warning")]
        assert not wrong, wrong

    def _look(self, who: str, shown: bytes, then: "Then", log: Records) -> None:
        before, since = then.log, then.since[who]
        end, last = self.ends[who], len(before.lines)
        for token in {int(found) for found in TOKEN.findall(shown)}:
            assert (who, self.by[token]) not in then.blocked & self.blocked, f"{who} was shown what they have blocked"
            if token in self.to:
                assert who in (self.by[token], self.to[token]), f"{who} was shown what was written to another"
                continue
            assert token not in then.deleted, f"{who} was shown what is deleted"
            seq = self.said.get(token, 0)
            assert seq or token in self.deleted, f"{who} was shown what was not said"
            heard = since is not None and log.may_be_there(who, seq)
            was_for = heard if seq > last else before.is_for(who, seq, since)
            assert was_for or log.is_for(who, seq, end.since), f"{who} was shown #{seq}"
        if who in HOLDERS:
            for row in shown.splitlines():
                assert fits(event := json.loads(row)), event

    async def _look_who_is_there(self, log: Records) -> None:
        names = {person.nick: who for who in PEOPLE if (person := self._person(who)) is not None}
        for nick in self.room.nicks:
            assert log.is_let_in(names[nick], len(log.lines) + 1, time.time()), f"{nick} is listed"

    def _person(self, who: str) -> Any:
        directory = self.house.server._directory
        return directory.person("gus") if who == "gus" else directory.identified(f"account:{self.accounts[who]}")

    async def play(self, step: Step) -> None:
        what, who, *more = step
        if what in ("role", "invite"):
            more[0] = self._nick(more[0])
        if what in OTHERS:
            await super().play((what, who, *more))
            return
        if what in ("say", "topic", "act", "link"):
            await self._say(what, who)
        elif what == "write":
            self.count += 1
            self.by[self.count], self.to[self.count] = who, more[0]
            await self.ends[who].do("msg", nick=self._nick(more[0]), text=f"word{self.count}z")
        elif what == "wait":
            await trio.sleep(float(more[0]))
        else:
            self._note(what, who, *more)
            await self.ends[who].do(**self._request(what, who, *more))
        await self.settle()

    def _note(self, what: str, who: str, whom: str = "") -> None:
        """Somebody does something that is not in the room's log."""
        if what == "mute everywhere" and self._office_rank(who) > self._office_rank(whom):
            self.muted[whom] = time.time() + 600
        elif what == "block" and who != whom:
            self.blocked.add((who, whom))
        elif what == "unblock":
            self.blocked.discard((who, whom))

    def _request(self, what: str, who: str, whom: str = "") -> dict[str, Any]:
        """What is asked for."""
        den: dict[str, Any] = {"room": "den"}
        nick: dict[str, Any] = {"nick": self._nick(whom)}
        match what:
            case "kick" | "block" | "unblock":
                fields = nick if what != "kick" else nick | den
            case "mute" | "ban" | "purge":
                fields = den | nick | {"span": "1h 99" if what == "purge" else "10m"}
            case "mute everywhere":
                return {"do": "mute", **nick, "span": "10m"}
            case "delete" | "report":
                fields = den | {"number": int(whom)}
            case "accept" | "decline" | "unban" | "resolve":
                fields = den | {"id": int(whom)}
            case "appeal":
                fields = {"id": int(whom), "why": "please"}
            case _:
                others = {"rename": den | {"name": whom}, "nick": {"nick": f"{who}{whom}"}, "panic": {"state": whom}}
                fields = others.get(what, {"text": "tea"} if what == "away" else den)
        return {"do": {"accept": "accept-held"}.get(what, what), **fields}

    def _office_rank(self, who: str) -> int:
        return RANKS.index(f"server {OFFICES[who]}") if who in OFFICES else 0

    def _nick(self, who: str) -> str:
        person = self._person(who) if who in PEOPLE else None
        return person.nick if person is not None else who

    async def _say(self, what: str, who: str) -> None:
        end = self.ends[who]
        self.count += 1
        self.by[self.count] = who
        text = f"word{self.count}z, bob and carl and root" + (" http://x.example" if what == "link" else "")
        if self.room.gate.state.rule("hold") != "none":
            self.held.add(self.count)
        do, field = {"topic": ("topic", "topic"), "act": ("me", "action")}.get(what, ("say", "text"))
        if who in HOLDERS:
            await end.do(do, room="den", **{field: text})
        elif end.since is not None:
            await end.caller.type(text if do == "say" else f"/{do} {text}")

    async def say(self, end: End) -> None:
        who = next(who for who, one in self.ends.items() if one is end)
        await self._say("say", who)


async def played(steps: Iterable[Step], clock: MockClock) -> None:
    journal = SlowJournal()
    with pytest.MonkeyPatch.context() as patched, capture_logs() as logs:
        patched.setattr(time, "time", lambda: 1_764_300_000 + clock.current_time())
        async with (
            open_house(Config(), journal=journal, silence_seconds=10**7, messages_per_second=0) as house,
            trio.open_nursery() as nursery,
        ):
            game = Match(house, journal, nursery, logs)
            await game.begin()
            for step in steps:
                await game.play(step)
            nursery.cancel_scope.cancel()


def play(*steps: Step) -> None:
    clock = MockClock(autojump_threshold=0)
    trio.run(played, (("enter", "ann"), *steps), clock, clock=clock)


people = st.sampled_from(PEOPLE)
moderating = st.sampled_from(("ann", "ann", "ann", "bob", "root", "mona"))
holders = st.sampled_from(HOLDERS)
numbers = st.integers(1, 12).map(str)
cases = st.integers(1, 4).map(str)
just = st.just

acts: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.sampled_from(["enter", "enter", "enter", "come back", "leave", "away"]), people),
    st.tuples(st.sampled_from(["say", "say", "topic", "act", "link"]), people),
    st.tuples(just("rule"), moderating, st.sampled_from(["speak"]), st.sampled_from(["all", "members", "moderators"])),
    st.tuples(just("rule"), moderating, st.sampled_from(["access"]), st.sampled_from(["open", "members", "invite"])),
    st.tuples(just("rule"), moderating, st.sampled_from(["hold"]), st.sampled_from(["none", "all", "links"])),
    st.tuples(just("rule"), moderating, st.sampled_from(["guests"]), st.sampled_from(["yes", "no"])),
    st.tuples(just("rule"), moderating, st.sampled_from(["history"]), st.sampled_from(["all", "joined"])),
    st.tuples(just("rule"), moderating, st.sampled_from(["topic"]), st.sampled_from(["all", "moderators"])),
    st.tuples(just("rule"), moderating, st.sampled_from(["links"]), st.sampled_from(["all", "members"])),
    st.tuples(just("rule"), moderating, st.sampled_from(["slow"]), st.sampled_from(["0", "30"])),
    st.tuples(just("role"), moderating, holders, st.sampled_from(["member", "moderator", "owner", "none"])),
    st.tuples(just("invite"), moderating, holders),
    st.tuples(st.sampled_from(["kick", "mute", "ban", "purge"]), moderating, people),
    st.tuples(just("mute everywhere"), moderating, people),
    st.tuples(st.sampled_from(["block", "unblock", "write", "write"]), people, people),
    st.tuples(st.sampled_from(["delete", "report"]), people, numbers),
    st.tuples(st.sampled_from(["accept", "decline", "unban", "resolve", "appeal"]), people, cases),
    st.tuples(st.sampled_from(["archive", "unarchive"]), moderating),
    st.tuples(just("rename"), moderating, st.sampled_from(["lair", "cave"])),
    st.tuples(just("nick"), holders, st.sampled_from(["1", "2"])),
    st.tuples(just("panic"), moderating, st.sampled_from(["on", "off"])),
    st.tuples(just("wait"), just("ann"), st.sampled_from(["40", "70", "700"])),
    st.tuples(just("read"), people, st.sampled_from([*READINGS])),
)


@settings(max_examples=max(8, settings().max_examples // 3))
@given(st.lists(acts, min_size=10, max_size=40))
def test_whatever_anybody_asks_for_only_what_may_happen_happens(steps: Sequence[Step]) -> None:
    play(("enter", "bob"), ("enter", "gus"), *steps)


STORIES: dict[str, list[Step]] = {
    "a room is renamed while somebody is muted on the server": [
        ("enter", "bob"), ("enter", "gus"), ("mute everywhere", "mona", "gus"), ("rename", "ann", "lair"), ("say", "bob"),
    ],
    "what was held, in an archived room": [
        ("enter", "bob"), ("rule", "ann", "hold", "all"), ("say", "bob"), ("archive", "ann"), ("accept", "ann", "1"),
    ],
    "what was held of somebody who is no member of what is private now": [
        ("enter", "bob"), ("rule", "ann", "hold", "all"), ("say", "bob"), ("rule", "ann", "access", "invite"), ("accept", "ann", "1"),
    ],
    "who answers somebody whom they have blocked": [
        ("enter", "bob"), ("write", "bob", "ann"), ("block", "ann", "bob"), ("write", "ann", "bob"),
    ],
    "the last owner, and an admin": [
        ("role", "ann", "ann", "none"), ("enter", "root"), ("role", "root", "ann", "none"), ("role", "root", "bob", "owner"),
        ("role", "root", "ann", "none"), ("role", "bob", "bob", "none"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
def test_a_story(story: str) -> None:
    play(*STORIES[story])
