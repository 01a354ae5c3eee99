"""Whatever anybody does in a room, nobody is shown a line that is not for them, by any way of reading; and whoever may read one can.

A game is some acts, played by a whole server on virtual time: everybody's end of a connection keeps whatever comes. Who a line is for is worked
out here of the whole log, line by line, in other words than the server's (room_state.py), and looked at after each act.
"""

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import pytest
import trio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from trio.testing import MockClock

from canary import PASSWORD
from chat_server.journal import PendingAppend
from chat_server.journal.keys import SenderKey
from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.acts import MemberInvited, MemberJoined, RoleGiven, RuleSet
from chat_server.protocol.entries import Entry
from chat_server.protocol.room_life import Founded
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant
from fakes import Later
from streams import Caller, House, Program, open_house

HOLDERS = ("ann", "bob", "carl", "root")
"""People with accounts: ann has made the room, root is an admin of the server."""
PEOPLE = (*HOLDERS, "gus")
"""And a guest, at a terminal."""
TOKEN = re.compile(rb"word([0-9]+)z")

Step = tuple[str, ...]


class End:
    """Somebody's end of a connection, and what has come there."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.received = b""
        self.since: int | None = None
        """From which line on they are in the room; None: they are not."""

    async def listen(self) -> None:
        while data := await self.caller.stream.receive_some(65536):
            self.received += data

    async def do(self, do: str, **fields: Any) -> None:
        """Have a program ask for something, or somebody type it."""
        if isinstance(self.caller, Program):
            await self.caller.ask(do, **fields)
        else:
            words = [str(value) for name, value in fields.items() if name not in ("room", "rooms")]
            await self.caller.type(" ".join([f"/{do}", *words, *(["den"] if do == "join" else [])]))

    def take(self) -> bytes:
        """What has come since this was asked last."""
        taken, self.received = self.received, b""
        return taken

    def follow(self, shown: bytes, last: int) -> None:
        """Note whether they are in the room, by what they were told; the newest line was this one before."""
        told = re.findall(rb'"is":"(entered|went-back)"|(You are in den\.)|(You are in the hall)', shown)
        for program, came, _ in told:
            is_here = program == b"entered" or bool(came)
            self.since = (last + 1 if self.since is None else self.since) if is_here else None


class Log:
    """What the room's log says: recomputed of all of it, however slowly."""

    def __init__(self, lines: Iterable[Entry], accounts: dict[str, int]) -> None:
        self.lines = list(lines)
        self.accounts = accounts

    def value(self, name: str, before: int) -> str:
        """What a rule was before a line."""
        set_to = [one.text for one in self.lines if isinstance(one, RuleSet) and one.seq < before]
        of_it = [text.split()[1] for text in set_to if text.split()[0] == name]
        return of_it[-1] if of_it else {"access": "open", "history": "all"}[name]

    def widenings(self) -> list[int]:
        """By which lines the room became wider, but for what only took back the line before."""
        found = []
        for one in self.lines:
            if isinstance(one, RuleSet):
                name, value = one.text.split()
                plain = {"access": "open", "history": "all"}.get(name, "")
                before = self.lines[one.seq - 2]
                takes_back = (
                    isinstance(before, RuleSet)
                    and before.text.split()[0] == name
                    and self.value(name, before.seq) == plain
                )
                if value == plain != self.value(name, one.seq) and not takes_back:
                    found.append(one.seq)
        return found

    def role_since(self, who: str, before: int) -> int:
        """Since which line somebody has had a role, without a break, before a line; 0: they have none."""
        account, since = self.accounts.get(who, -1), 0
        for one in self.lines:
            if one.seq < before:
                if isinstance(one, MemberJoined | Founded) and one.author == account:
                    since = since or one.seq
                elif isinstance(one, RoleGiven) and one.account == account:
                    since = (since or one.seq) if one.text != "none" else 0
        return since

    def is_invited(self, who: str, before: int) -> bool:
        account, is_invited = self.accounts.get(who, -1), False
        for one in self.lines:
            if one.seq < before:
                if isinstance(one, MemberInvited) and one.account == account:
                    is_invited = True
                elif (isinstance(one, RoleGiven) and one.account == account) or (
                    isinstance(one, MemberJoined) and one.author == account
                ):
                    is_invited = False
        return is_invited

    def may_be_there(self, who: str, before: int) -> bool:
        """Whether somebody may be in the room when a line is said."""
        is_open = self.value("access", before) == "open"
        return is_open or who == "root" or self.role_since(who, before) > 0 or self.is_invited(who, before)

    def is_for(self, who: str, seq: int, since: int | None) -> bool:
        """Whether somebody may read a line now, who has been in the room since a line, or is not there."""
        now = len(self.lines) + 1
        if since is not None and seq >= since and self.may_be_there(who, now):
            return True
        role = self.role_since(who, now)
        if not role and self.value("access", now) != "open":
            return False
        joined = role or now
        if role and seq >= role:
            return True
        wider = [one for one in self.widenings() if seq < one <= joined]
        return self.value("history", joined) == "all" and not wider


class SlowJournal(MemoryJournal):
    """A disk of which nobody hears for a while: what is asked for meanwhile is one turn."""

    def append(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey]) -> PendingAppend:
        return Later(super().append(lines, keys), partial(trio.sleep, 0.1))


class Game:
    """One game."""

    def __init__(self, house: House, journal: MemoryJournal, nursery: trio.Nursery) -> None:
        self.house, self.journal, self.nursery = house, journal, nursery
        self.ends: dict[str, End] = {}
        self.accounts: dict[str, int] = {}
        self.said: dict[int, int] = {}  # which number the text has
        self.count = 0

    async def begin(self) -> None:
        for place, nick in enumerate(PEOPLE, 1):
            person = await self.come(nick, place, has_account=nick in HOLDERS)
            person.role = "admin" if nick == "root" else person.role
        await self.ends["ann"].do("create", room="den")
        await self.settle()

    async def come(self, nick: str, place: int, *, has_account: bool) -> Person[Occupant]:
        """Somebody comes, from an address of their own: with an account that they make by a program, or typing."""
        address = f"127.0.0.{place}"
        end = self.ends[nick] = End(self.house.connect(address) if has_account else self.house.call(address))
        self.nursery.start_soon(end.listen)
        if has_account:
            await end.do("hello", protocol=2)
            await end.do("register", nick=nick, password=PASSWORD)
        else:
            await end.do("login", nick=nick)
        await trio.sleep(1)
        person = self.house.server._directory.person(nick)
        assert person is not None
        self.accounts[nick] = person.account or -2
        return person

    async def log(self) -> Log:
        return Log((await self.journal.read("den", 1, 9999)).lines, self.accounts)

    async def settle(self) -> None:
        """Let everything happen, and look at what everybody was shown."""
        before = await self.log()
        seen = {who: end.since for who, end in self.ends.items()}
        await trio.sleep(1)
        log = await self.log()
        self.said |= {
            int(found[1]): line.seq for line in log.lines if (found := TOKEN.search(line.text.encode())) is not None
        }
        for who, end in self.ends.items():
            shown = end.take()
            end.follow(shown, len(before.lines))
            for text in {int(found) for found in TOKEN.findall(shown)} & self.said.keys():
                seq = self.said[text]
                heard = seen[who] is not None and log.may_be_there(who, seq)
                was_for = heard if seq > len(before.lines) else before.is_for(who, seq, seen[who])
                assert was_for or log.is_for(who, seq, end.since), f"{who} was shown #{seq}"

    async def play(self, step: Step) -> None:
        what, who, *more = step
        end = self.ends[who]
        match what:
            case "enter":
                await end.do("join", room="den")
            case "come back":
                await end.do("resume", rooms={"den": 0})
            case "leave":
                await end.do("back", room="den")
            case "say":
                await self.say(end)
            case "rule":
                await end.do("rule", room="den", rule=more[0], value=more[1])
            case "rule and say":  # in one turn
                await self.say(end)
                await trio.sleep(0.01)
                await end.do("rule", room="den", rule=more[0], value=more[1])
                await self.say(end)
            case "role":
                await end.do("role", room="den", nick=more[0], role=more[1])
            case "invite":
                await end.do("invite", room="den", nick=more[0])
            case "read":
                await READINGS[more[0]](end)
        await self.settle()

    async def say(self, end: End) -> None:
        self.count += 1
        if isinstance(end.caller, Program):
            await end.do("say", room="den", text=f"word{self.count}z, bob and carl and root")
        else:
            await end.caller.type(f"word{self.count}z, bob and carl")

    async def everybody_reads_what_is_for_them(self) -> None:
        """Whoever is there reads it all, and is shown every line that they may read; a line that they may not read cannot be told from none."""
        await trio.sleep(120)
        await self.settle()
        for who in HOLDERS:
            end = self.ends[who]
            for read in READINGS.values():
                await read(end)
                await self.settle()
            log = await self.log()
            if end.since is None:
                continue
            await end.do("since", room="den", number=0)
            await end.do("since", room="den", number=50)
            await trio.sleep(1)
            shown = {self.said[int(found)] for found in TOKEN.findall(end.take())}
            assert shown == {seq for seq in self.said.values() if log.is_for(who, seq, end.since)}, who
            hidden = [seq for seq in self.said.values() if not log.is_for(who, seq, end.since)]
            for seq in hidden[:1]:
                await end.do("delete", room="den", number=seq, ref="d")
                await trio.sleep(1)
                answers = [json.loads(row) for row in end.take().splitlines()]
                assert [one["code"] for one in answers if one.get("ref") == "d"] == ["no-such-line"]


Reading = Callable[[End], Any]
READINGS: dict[str, Reading] = {
    "last": lambda end: end.do("last", room="den", count=200),
    "since": lambda end: end.do("since", room="den", number=0),
    "before": lambda end: end.do("before", room="den", number=9999),
    "around": lambda end: end.do("around", room="den", number=5),
    "date": lambda end: end.do("date", room="den", day="today"),
    "search": lambda end: end.do("search", room="den", words="wor*"),
    "search all": lambda end: end.do("search", words="wor*"),
    "mentions": lambda end: end.do("mentions", which="all"),
    "export": lambda end: end.do("export"),
    "come back": lambda end: end.do("resume", rooms={"den": 0}),
}


async def played(steps: list[Step], clock: MockClock) -> None:
    journal = SlowJournal()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(time, "time", lambda: 1_764_300_000 + clock.current_time())
        async with (
            open_house(journal=journal, silence_seconds=10**6, messages_per_second=0) as house,
            trio.open_nursery() as nursery,
        ):
            game = Game(house, journal, nursery)
            await game.begin()
            for step in steps:
                await game.play(step)
            await game.everybody_reads_what_is_for_them()
            nursery.cancel_scope.cancel()


def play(steps: list[Step]) -> None:
    clock = MockClock(autojump_threshold=0)
    trio.run(played, steps, clock, clock=clock)


people = st.sampled_from(PEOPLE)
rules = st.sampled_from(
    [("access", "open"), ("access", "invite"), ("access", "members"), ("history", "joined"), ("history", "all")]
)


class Acts(RuleBasedStateMachine):
    """What people do; when there is no more, the game is played."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Step] = []

    @rule(who=people, how=st.sampled_from(["enter", "enter", "come back", "leave"]))
    def go(self, who: str, how: str) -> None:
        self.steps.append((how, who))

    @rule(who=people)
    def say(self, who: str) -> None:
        self.steps.append(("say", who))

    @rule(who=st.sampled_from(["ann", "ann", "bob", "root"]), what=rules, how=st.sampled_from(["rule", "rule and say"]))
    def set_rule(self, who: str, what: tuple[str, str], how: str) -> None:
        self.steps.append((how, who, *what))

    @rule(
        who=st.sampled_from(["ann", "ann", "bob", "root"]),
        whom=st.sampled_from(HOLDERS),
        role=st.sampled_from(["member", "moderator", "owner", "none"]),
    )
    def give(self, who: str, whom: str, role: str) -> None:
        self.steps.append(("role", who, whom, role))

    @rule(who=people, whom=st.sampled_from(HOLDERS))
    def invite(self, who: str, whom: str) -> None:
        self.steps.append(("invite", who, whom))

    @rule(who=people, way=st.sampled_from([*READINGS]))
    def read(self, who: str, way: str) -> None:
        self.steps.append(("read", who, way))

    def teardown(self) -> None:
        play([("enter", "ann"), *self.steps])


TestActs = Acts.TestCase
TestActs.settings = settings(max_examples=max(5, settings().max_examples // 4), stateful_step_count=25)


STORIES: dict[str, list[Step]] = {
    "what is said with the rule that makes the room private": [
        ("enter", "bob"), ("enter", "gus"), ("say", "ann"), ("rule and say", "ann", "access", "invite"), ("say", "ann"),
    ],
    "who is invited under joined": [
        ("say", "ann"), ("rule", "ann", "history", "joined"), ("rule", "ann", "access", "members"), ("say", "ann"),
        ("invite", "ann", "bob"), ("enter", "bob"), ("say", "ann"), ("leave", "bob"), ("say", "ann"), ("come back", "bob"),
    ],
    "who is removed and invited again": [
        ("rule", "ann", "history", "joined"), ("invite", "ann", "bob"), ("enter", "bob"), ("say", "bob"), ("role", "ann", "bob", "none"),
        ("leave", "bob"), ("say", "ann"), ("invite", "ann", "bob"), ("enter", "bob"), ("say", "ann"),
    ],
    "a room that was narrower": [
        ("say", "ann"), ("rule", "ann", "access", "invite"), ("say", "ann"), ("rule", "ann", "access", "open"), ("say", "ann"), ("enter", "bob"),
        ("enter", "gus"), ("role", "ann", "bob", "member"), ("rule", "ann", "history", "joined"), ("rule", "ann", "history", "all"),
        ("enter", "carl"),
    ],
    "a rule that is taken back at once": [
        ("say", "ann"), ("rule", "ann", "access", "invite"), ("rule", "ann", "access", "open"), ("enter", "bob"), ("enter", "gus"),
    ],
    "an admin of the server": [
        ("say", "ann"), ("rule", "ann", "access", "invite"), ("read", "root", "search all"), ("enter", "root"), ("say", "ann"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
def test_a_story(story: str) -> None:
    play([("enter", "ann"), *STORIES[story]])
