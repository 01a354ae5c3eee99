"""What a program is told of a room's roles and rules: when it enters, by what comes then, and by the catalogue of commands."""

import random
import time
from copy import deepcopy
from itertools import count
from typing import Any

import msgspec
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from canary import PASSWORD
from chat_server.protocol.acts import Banned, Kicked, Lifted, MemberInvited, MemberJoined, Muted, RoleGiven, RuleSet
from chat_server.protocol.amending import Redacted
from chat_server.protocol.entries import Enacted
from chat_server.protocol.room_life import Archived, Unarchived
from chat_server.protocol.room_state import EMPTY, PLACES, ROOM_ROLES, RULES, RoomState, after, is_rule
from chat_server.rooms.batch import Acting
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.person import ADMIN, HOLDER, MODERATOR
from chat_server.rooms.rights import TABLE, standing
from chat_server.rooms.told import ROLES_NAMED_MAX, roles_named, what_holds
from chat_server.wire.json_lines import renderer_for
from dens import make_den
from streams import House, Program, open_house

refs = count(1)


class Known:
    """What a program knows of a room: what `entered` told it, and what the entries with higher numbers have changed since then."""

    def __init__(self, entered: dict[str, Any], me: str) -> None:
        self.me = me
        self.last = entered.get("last", 0)
        self.rules = dict(entered.get("rules", {}))
        self.role = entered.get("role", "none")
        self.is_archived = entered.get("archived", False)
        self.roles = dict(entered.get("roles", {}))
        self.forbidden = {one["id"]: one["until"] for one in entered.get("forbidden", ())}

    def take(self, entry: dict[str, Any]) -> None:
        if entry["seq"] <= self.last:
            return
        self.last = entry["seq"]
        match entry["is"]:
            case "rule-set":
                name, value = entry["text"].split(" ")
                self.rules[name] = value
            case "role-given":
                self.roles[entry["whom"]] = entry["text"]
                self.role = entry["text"] if entry["whom"] == self.me else self.role
            case "member-joined" if self.roles.get(entry["nick"], "none") == "none":
                self.roles[entry["nick"]] = "member"
                self.role = "member" if entry["nick"] == self.me else self.role
            case "muted" if entry["whom"] == self.me:
                self.forbidden[entry["id"]] = entry["until"]
                for number in entry.get("instead_of", ()):
                    self.forbidden.pop(number, None)
            case "lifted":
                self.forbidden.pop(entry["id"], None)
            case "archived" | "unarchived":
                self.is_archived = entry["is"] == "archived"

    def at(self, now: float) -> tuple[object, ...]:
        """All of it, without what is as in every room, and what is over."""
        made = {name: (values or ("0",))[0] for name, values in RULES.items()}  # as `hello` has them
        rules = {name: value for name, value in self.rules.items() if value != made[name]}
        roles = {nick: role for nick, role in self.roles.items() if role != "none"}
        return (
            rules,
            self.role,
            roles,
            self.is_archived,
            {number: until for number, until in self.forbidden.items() if until > now},
        )


people = st.integers(1, 4)
spans = st.sampled_from([5.0, 60.0])
acts = st.one_of(
    st.tuples(st.just("rule"), st.sampled_from([(n, v) for n in RULES for v in RULES[n] or ("0", "30")])),
    st.tuples(st.just("role"), st.tuples(people, st.sampled_from([*ROOM_ROLES, "none"]))),
    st.tuples(st.sampled_from([Muted, Kicked, Banned]), st.tuples(people, spans)),
    st.tuples(st.just("invite"), people),
    st.tuples(st.just("come"), people),
    st.tuples(st.just("lift"), st.integers(1, 9)),
    st.tuples(st.sampled_from([Archived, Unarchived]), st.just((0, 0.0))),
)


def entry_of(act: tuple[Any, Any], seq: int, state: RoomState) -> Enacted:
    """What somebody does, as it is stored at second `seq`."""
    kind, details = act
    begins = ("r", seq, float(seq), "ann")
    if kind == "rule":
        assert is_rule(*details)
        return RuleSet(*begins, " ".join(details))
    if kind == "role":
        return RoleGiven(*begins, details[1], whom=f"n{details[0]}", account=details[0])
    if kind == "invite":
        return MemberInvited(*begins, "", whom=f"n{details}", until=seq + 60.0, account=details)
    if kind == "come":
        return MemberJoined("r", seq, float(seq), f"n{details}", "", author=details)
    if kind == "lift":
        return Lifted(*begins, "", whom="somebody", id=details)
    whom, span = details
    more = {"whom": f"n{whom}", "until": seq + span, "id": state.next_id, "account": whom} if whom else {}
    done: Enacted = kind(*begins, "why", **more)
    return done


def played(log: list[tuple[Any, Any]]) -> tuple[list[RoomState], list[Enacted]]:
    """How a room is before and after each of these, and what is stored of them."""
    states, entries = [EMPTY], list[Enacted]()
    for seq, act in enumerate(log, 1):
        entries.append(entry_of(act, seq, states[-1]))
        states.append(after(states[-1], entries[-1]))
    return states, entries


def entered(state: RoomState, account: int, seq: int) -> dict[str, Any]:
    """What somebody is told who enters after this number."""
    told = what_holds(
        state,
        account,
        standing(state, account, HOLDER),
        state.curbs_on(account, f"account:{account}", float(seq), "muted"),
        now=float(seq),
        name_of=lambda account: f"n{account}",
    )
    given = {name: value for name, value in told.items() if value is not msgspec.UNSET}
    return {**msgspec.to_builtins(given), "last": seq}


@given(st.lists(acts, max_size=30), people, st.data())
def test_whoever_applies_what_they_missed_to_what_they_were_told_knows_what_is_told_now(
    log: list[tuple[Any, Any]], me: int, data: st.DataObject
) -> None:
    states, entries = played(log)
    then = data.draw(st.integers(0, len(log)), label="the number up to which they know")
    again = data.draw(st.integers(0, then), label="the number from which they are shown what came")
    known = Known(entered(states[then], me, then), f"n{me}")
    shown = renderer_for("en", 2)
    for entry in entries[again:]:
        known.take(msgspec.json.decode(shown(entry)))
    fresh = Known(entered(states[-1], me, len(log)), f"n{me}")
    assert known.at(len(log)) == fresh.at(len(log))


def test_a_hundred_of_those_who_have_a_role_are_named_owners_first() -> None:
    state = EMPTY
    for account in range(1, 300):
        role = "owner" if account > 290 else "moderator" if account > 280 else "member"
        state = after(state, RoleGiven("r", 1, 1.0, "ann", role, whom=f"n{account}", account=account))
    named = roles_named(state, lambda account: "renamed" if account == 299 else "")
    assert len(named) == ROLES_NAMED_MAX
    assert named["renamed"] == "owner"
    assert [*named.values()][:20] == ["owner"] * 9 + ["moderator"] * 10 + ["member"]
    assert "n299" not in named


def test_who_has_a_role_on_the_server_is_told_so() -> None:
    for role, told in ((HOLDER, msgspec.UNSET), (MODERATOR, "server moderator"), (ADMIN, "server admin")):
        holds = what_holds(EMPTY, 7, standing(EMPTY, 7, role), [], now=1.0, name_of=str)
        assert holds["server_role"] == told
        assert all(value is msgspec.UNSET for name, value in holds.items() if name != "server_role")


# By whole servers, on virtual time.


async def register(house: House, nick: str, place: int) -> tuple[Program, str]:
    """Somebody who has made an account, and the token of their device."""
    program = house.connect(f"127.0.0.{place}")
    await program.ask("hello", protocol=2)
    await program.ask("register", nick=nick, password=PASSWORD)
    return program, str((await program.wait_for("registered"))["token"])


async def resumed(house: House, nick: str, token: str, after_number: int) -> tuple[dict[str, Any], list[Any]]:
    """One more session of somebody that resumes the room from a number: what it is told on entering, and the entries that it missed."""
    program = house.connect("127.0.0.9")
    await program.ask("hello", protocol=2)
    await program.ask("login", nick=nick, token=token, session="add")
    await program.wait_for("logged-in")
    await program.ask("resume", rooms={"den": after_number}, ref="r")
    told = await program.wait_for("entered")
    lines: list[Any] = []
    while not lines or lines[-1]["seq"] < told["last"]:
        page = await program.wait_for("page")
        lines += page["lines"]
        if not page["lines"]:
            break
    await program.ask("logout")
    await program.wait_for("logged-out")
    return told, lines


@pytest.mark.parametrize("seed", range(3))
async def test_a_reader_who_resumes_at_any_number_knows_the_room_as_one_who_enters(
    autojump_clock: trio.abc.Clock, wall_clock: None, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    async with open_house(silence_seconds=9999) as house:
        (ann, _), (bob, _), (eve, token) = [
            await register(house, nick, place) for place, nick in enumerate(("ann", "bob", "eve"), 1)
        ]
        await ann.ask("create", room="den")
        await ann.wait_for("room-created")
        for one in (ann, bob, eve):
            await one.ask("join", room="den")
        known = Known(await eve.wait_for("entered"), "eve")
        stale = {known.last: deepcopy(known)}
        for _ in range(12):
            how = chance.choice(["rule", "role", "mute", "unban", "say"])
            if how == "rule":
                name = chance.choice(["speak", "topic", "links", "slow"])
                await ann.ask(how, room="den", rule=name, value=chance.choice(RULES[name] or ("0", "5", "60")))
            elif how == "role":
                role = chance.choice([*ROOM_ROLES[:2], "none"])
                await ann.ask(how, room="den", nick=chance.choice(["bob", "eve"]), role=role)
            elif how == "mute":
                await ann.ask(how, room="den", nick=chance.choice(["bob", "eve"]), span="10m noise")
            elif how == "unban":
                await ann.ask(how, room="den", id=chance.randint(1, 3))
            else:
                await bob.ask(how, room="den", text="hm")
            await trio.sleep(chance.choice([1, 90]))
            while (event := await next_entry(eve)) is not None:
                known.take(event)
                stale[known.last] = deepcopy(known)
        for number, then in stale.items():
            told, missed = await resumed(house, "eve", token, number)
            for entry in missed:
                then.take(entry)
            assert then.at(time.time()) == Known(told, "eve").at(time.time()) == known.at(time.time())
        assert len(stale) > 1


async def next_entry(program: Program) -> dict[str, Any] | None:
    """The next entry of the room that has come; None if there is none just now."""
    await program.ask("ping", ref=(ref := next(refs)))
    while True:
        event = await program.read()
        if event.get("ref") == ref:
            return None
        if "seq" in event and "at" in event:
            return event


async def test_the_catalogue_says_who_may(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        program = house.connect()
        await program.ask("hello", protocol=2)
        hello = await program.wait_for("hello")
        commands = {command["name"]: command for command in hello["commands"]}
        moderating = [PLACES[place] for place in sorted(TABLE["curb"])]
        for name in ("kick", "mute", "ban", "unban"):
            assert commands[name]["may"]["room"] == moderating
            assert set(commands[name]["may"].get("hall", ())) <= {"server moderator", "server admin"}
        for name in ("say", "rule", "role", "bans", "delete", "topic", "join", "report"):
            assert "room" not in commands[name].get("may", {}), "that depends on what is asked for, or everybody may"
        assert hello["rules"] == {name: list(values) for name, values in RULES.items()}


async def test_who_has_another_name_is_named_by_it(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        (ann, _), (bob, _) = await register(house, "ann", 1), await register(house, "bob", 2)
        await ann.ask("create", room="den")
        await ann.wait_for("room-created")
        await ann.ask("join", room="den")
        assert (await ann.wait_for("entered"))["role"] == "owner"
        await ann.ask("nick", nick="anna")
        await ann.wait_for("renamed")
        await bob.ask("join", room="den")
        assert (await bob.wait_for("entered"))["roles"] == {"anna": "owner"}


async def test_who_is_muted_is_told_so_on_entering_and_a_room_as_made_tells_nothing(
    autojump_clock: trio.abc.Clock, wall_clock: None
) -> None:
    async with open_house(silence_seconds=9999) as house:
        (ann, _), guest = await register(house, "ann", 1), house.connect()
        await guest.ask("hello", protocol=2)
        await guest.enter("gus", "python")
        await ann.ask("create", room="den")
        await ann.wait_for("room-created")
        for one in (ann, guest):
            await one.ask("join", room="den")
        assert "forbidden" not in await guest.wait_for("entered")
        await ann.ask("mute", room="den", nick="gus", span="30m too loud")
        until = (await guest.wait_for("muted"))["until"]
        await guest.ask("back", room="den")
        await trio.sleep(60)
        await guest.ask("join", room="den")
        told = await guest.wait_for("entered")
        assert told["forbidden"] == [{"id": 1, "what": "muted", "until": until, "by": "ann", "reason": "too loud"}]
        assert until - told["now"] == pytest.approx(1740)
        await ann.wait_for("entered")
        await ann.ask("join", room="python")
        entered = await ann.wait_for("entered")
        assert {*entered} <= {"is", "id", "room", "nicks", "more", "topic", "last", "guests", "guest"}


async def test_what_is_told_of_bans_and_roles_is_rows_in_the_reader_s_language(
    autojump_clock: trio.abc.Clock, wall_clock: None
) -> None:
    async with open_house(silence_seconds=9999) as house:
        (ann, _), _bob, _eve = [
            await register(house, nick, place) for place, nick in enumerate(("ann", "bob", "evelyn"), 1)
        ]
        await ann.ask("create", room="den")
        await ann.wait_for("room-created")
        await ann.ask("join", room="den")
        await ann.ask("mute", room="den", nick="bob", span="30m loud")
        await ann.ask("ban", room="den", nick="evelyn", span="7d")
        await trio.sleep(1)
        await ann.ask("bans", room="den")
        rows = (await ann.wait_for("bans"))["text"].split("\n")
        assert rows == [
            "2 in den:",
            "1  bob     muted by ann, 30m left: loud",
            "2  evelyn  banned by ann, 7d left",
        ]
        await ann.ask("lang", language="zh")
        await ann.ask("bans", room="den")
        assert "被 ann 禁言" in (await ann.wait_for("bans"))["text"]
        await ann.ask("rule", room="den")
        assert "\nslow     0\n" in (await ann.wait_for("rules"))["text"] + "\n"


@pytest.mark.parametrize(
    ("do", "fields", "kind"),
    [
        ("rule", {"rule": "slow", "value": "5"}, "stored"),
        ("role", {"nick": "bob", "role": "moderator"}, "stored"),
        ("mute", {"nick": "bob"}, "stored"),
        ("ban", {"nick": "bob"}, "stored"),
        ("kick", {"nick": "ann"}, "refused"),
    ],
)
async def test_a_program_is_told_what_becomes_of_what_it_does_in_a_room(
    autojump_clock: trio.abc.Clock, do: str, fields: dict[str, Any], kind: str
) -> None:
    async with open_house(silence_seconds=9999) as house:
        (ann, _), (bob, _) = await register(house, "ann", 1), await register(house, "bob", 2)
        await ann.ask("create", room="den")
        await ann.wait_for("room-created")
        for one in (ann, bob):
            await one.ask("join", room="den")
        await trio.sleep(1)
        await ann.ask(do, room="den", ref="r", **fields)
        answer = await ann.wait_for(kind)
        assert answer["ref"] == "r"
        await ann.ask("ping", ref="p")
        assert (await ann.wait_for("pong"))["ref"] == "p"
        await ann.ask(do, room="den", **fields)
        await ann.ask("logout", ref="q")
        assert all(event.get("ref") in (None, "q") for event in await ann.rest()), "nothing is answered twice"


async def test_who_does_what_may_not_happen_by_then_is_told_that_it_was_not_stored(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        (ann, _), (bob, _) = await register(house, "ann", 1), await register(house, "bob", 2)
        await make_den(ann, bob)
        room = house.server.hall.directory.room("den")
        person = house.server.hall.directory.person("bob")
        assert isinstance(room, ChatRoom)
        assert person is not None
        (session,) = person.sessions
        await bob.ask("ping", ref=7)
        await bob.wait_for("pong")
        room.act(session, Acting(RuleSet("den", 0, 0.0, "", "slow 5")))  # as if they had been its owner until just now
        refusal = await bob.wait_for("refused")
        assert (refusal["code"], refusal["ref"]) == ("owners-only", 7)
        answer = await bob.read()
        assert (answer["is"], answer["ref"], answer["lines"]) == ("not-stored", 7, 1)
        deletion = Redacted("den", 0, 0.0, "", "#2", whom="ann", of=((2, 2),), account=1)
        room.post(
            session, Acting(deletion, seqs=[])
        )  # as /delete does, which waits for its number and is in hand meanwhile
        refusal = await bob.wait_for("refused")
        assert (refusal["code"], refusal["ref"]) == ("moderators-only", 7)
