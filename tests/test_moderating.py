"""A room's rules, its owners and moderators, and what these do against somebody who spoils it: by whole servers, on virtual time."""

import random
import time
from collections.abc import Iterable
from math import inf
from typing import Any

import pytest
import trio

from canary import PASSWORD
from chat_server.commands.acting import REASON_MAX
from chat_server.commands.spans import CURB_SECONDS, parsed_span
from chat_server.config import Config
from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.acts import Banned, Kicked, Muted
from chat_server.protocol.entries import Said
from chat_server.protocol.room_state import CURBS_MAX, EMPTY, after
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.doorkeeper import Doorkeeper
from chat_server.rooms.room import Occupant
from chat_server.server.retention import PRUNE_SECONDS
from dens import den, holder, make_den, refused, told
from node_houses import open_nodes
from streams import open_house

pytestmark = pytest.mark.usefixtures("wall_clock")


async def test_who_is_banned_is_listed_as_they_are_called_now(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        await ann.ask("ban", room="den", nick="bob", span="1h")
        await bob.wait_for("went-back")
        await bob.ask("nick", nick="rob")
        await bob.wait_for("renamed")
        await ann.ask("nick", nick="anna")
        await ann.wait_for("renamed")
        await ann.ask("bans", room="den")
        assert [(one["whom"], one["by"]) for one in (await ann.wait_for("bans"))["bans"].values()] == [("rob", "anna")]


async def test_who_makes_a_room_owns_it_and_can_share_it(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, eve = await den(house, "ann", "bob", "eve")
        await ann.ask("role", room="den")
        assert (await ann.wait_for("roles"))["roles"] == {"ann": "owner"}
        assert await refused(bob, "kick", nick="eve") == "moderators-only"
        assert await refused(bob, "role", nick="bob", role="moderator") == "owners-only"
        await ann.ask("role", room="den", nick="bob", role="moderator")
        given = await told(eve, "role-given")
        assert given == {"is": "role-given", "room": "den", "nick": "ann", "text": "moderator", "whom": "bob"}
        assert await refused(bob, "role", nick="eve", role="moderator") == "owners-only"
        assert await refused(bob, "kick", nick="ann") == "stands-above"
        assert await refused(ann, "role", nick="ann", role="none") == "last-owner"
        assert await refused(ann, "role", nick="bob", role="moderator") == "same-role"
        await bob.ask("kick", room="den", nick="eve", reason="noise")
        assert (await told(ann, "kicked"))["text"] == "noise"
        assert (await told(eve, "kicked"))["whom"] == "eve"
        await eve.wait_for("went-back")
        assert "eve" in str(await ann.wait_for("left"))


async def test_nothing_of_somebody_is_stored_after_they_were_put_out_and_after_a_minute_they_come_back(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        await bob.ask("say", room="den", text="before")
        await ann.wait_for("said")
        await ann.ask("kick", room="den", nick="bob")
        for number in range(20):
            await bob.ask("say", room="den", text=f"after {number}", key=f"k{number}")
        await bob.wait_for("went-back")
        await trio.sleep(5)
        page = await journal.read("den", 1, 99)
        kicked = next(line.seq for line in page.lines if type(line).__name__ == "Kicked")
        assert [line.seq for line in page.lines if line.nick == "bob" and line.seq > kicked] == []
        assert await refused(bob, "resume", rooms={"den": 0}) == "kicked-here"
        await trio.sleep(60)
        await bob.ask("resume", rooms={"den": 0})
        await bob.wait_for("entered")


async def test_who_is_muted_is_told_why_and_until_when_and_can_be_heard_again(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        await ann.ask("mute", room="den", nick="bob", span="for 30m too loud")
        muted = await told(bob, "muted")
        assert (muted["whom"], muted["text"], muted["id"]) == ("bob", "too loud", 1)
        await bob.ask("say", room="den", text="hm")
        refusal = await bob.wait_for("refused")
        assert refusal["code"] == "muted-here"
        assert refusal["details"] == {"room": "den", "span": "30m", "reason": "too loud", "id": "1"}
        assert await refused(bob, "me", action="hms") == "muted-here"
        assert await refused(bob, "topic", text="hm") == "muted-here"
        assert await refused(bob, "nick", nick="hm-hm") == "muted-here"
        await bob.ask("create", room="attic")
        await bob.wait_for("room-created")
        await bob.ask("bans", room="den")
        assert (await bob.wait_for("bans"))["bans"] == {
            "1": {"what": "muted", "whom": "bob", "by": "ann", "left": "30m", "reason": "too loud"}
        }
        assert await refused(ann, "unban", id=7) == "no-such-ban"
        await ann.ask("unban", room="den", id=1)
        assert (await told(bob, "lifted"))["whom"] == "bob"
        await bob.ask("say", room="den", text="thanks")
        assert (await ann.wait_for("said"))["text"] == "thanks"
        await ann.ask("mute", room="den", nick="bob", span="10m")
        await bob.wait_for("muted")
        await trio.sleep(601)
        await bob.ask("say", room="den", text="by itself")
        assert (await ann.wait_for("said"))["text"] == "by itself"


async def test_of_more_bans_than_can_be_shown_at_once_the_newest_are_and_how_many_there_are(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        (ann,) = await den(house, "ann")
        room = house.server.hall.directory.room("den")
        assert isinstance(room, ChatRoom)
        until, reason = time.time() + 3600, "\u4e2d" * REASON_MAX
        for number in range(1, CURBS_MAX + 1):
            muted = Muted(
                "den", 0, 0.0, "ann", reason, whom=f"eve{number}", until=until, id=number, sender=f"token:{number}"
            )
            room.gate.note(muted)
        await ann.ask("bans", room="den")
        listed = await ann.wait_for("bans")
        assert [*map(int, listed["bans"])][-1] == listed["count"] == CURBS_MAX
        assert len(str(listed).encode()) < Config().limits.waiting_bytes // 4


async def test_a_ban_holds_for_all_sessions_of_somebody_and_for_an_account_that_is_away(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        away = await holder(house, "carl", 9)
        await away.ask("logout")
        await ann.ask("ban", room="den", nick="carl", span="7d spam")
        assert (await told(bob, "banned"))["whom"] == "carl"
        await ann.ask("ban", room="den", nick="bob")
        await bob.wait_for("went-back")
        assert await refused(bob, "join") == "banned-here"
        assert await refused(ann, "ban", nick="nobody") == "no-such-person"
        assert await refused(ann, "ban", nick="10.0.0.0/8") == "networks-in-hall"
        assert await refused(ann, "ban", nick="bob", span="network 1d") == "networks-in-hall"
        assert await refused(ann, "mute", nick="bob", span="5y spam") == "no-such-span"


async def test_a_guest_is_banned_by_what_they_have_come_by(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        (ann,) = await den(house, "ann")
        guest = house.connect()
        await guest.ask("hello", protocol=2)
        await guest.enter("mallory", "den")
        await ann.ask("ban", room="den", nick="mallory", span="1h")
        banned = await told(guest, "banned")
        assert "sender" not in banned
        assert "account" not in banned
        await guest.wait_for("went-back")
        await guest.ask("nick", nick="mallory2")
        await guest.wait_for("renamed")
        assert await refused(guest, "join") == "banned-here"


async def test_the_rules_of_a_room_hold_for_who_is_in_it(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        guest = house.connect()
        await guest.ask("hello", protocol=2)
        await guest.enter("eve", "den")
        await ann.ask("rule", room="den", rule="links", value="members")
        assert (await told(bob, "rule-set"))["text"] == "links members"
        assert await refused(bob, "say", text="see https://example.org") == "links-rule"
        await ann.ask("say", room="den", text="see https://example.org")
        await bob.wait_for("said")
        await ann.ask("rule", room="den", rule="slow", value="30")
        await bob.wait_for("rule-set")
        await bob.ask("say", room="den", text="one\ntwo")
        await ann.wait_for("said")
        assert await refused(bob, "say", text="two") == "slow-here"
        await trio.sleep(30)
        await bob.ask("say", room="den", text="two")
        await bob.ask("say", room="den", text="three")
        assert (await bob.wait_for("refused"))["code"] == "slow-here"
        await ann.ask("rule", room="den", rule="topic", value="moderators")
        await bob.wait_for("rule-set")
        assert await refused(bob, "topic", text="mine") == "topic-rule"
        await ann.ask("rule", room="den", rule="guests", value="no")
        await guest.wait_for("went-back")
        assert await refused(guest, "join") == "no-guests-here"
        await ann.ask("rule", room="den", rule="speak", value="moderators")
        await bob.wait_for("rule-set")
        await trio.sleep(60)
        assert await refused(bob, "say", text="hm") == "speak-rule"
        assert await refused(ann, "rule", rule="speak", value="nobody") == "no-such-rule"
        assert await refused(bob, "rule", rule="speak", value="all") == "owners-only"
        await bob.ask("rule", room="den")
        rules = (await bob.wait_for("rules"))["rules"]
        assert rules == {
            "speak": "moderators",
            "topic": "moderators",
            "links": "members",
            "guests": "no",
            "slow": "30",
            "access": "open",
            "history": "all",
            "hold": "none",
        }


async def test_whether_somebody_may_still_be_in_a_room_is_asked_only_of_whom_it_can_concern(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, eve = await den(house, "ann", "bob", "eve")
        asked = list[str]()
        refusal_to_enter = Doorkeeper._look_at

        def noted(door: Doorkeeper, sessions: Iterable[Occupant]) -> None:
            sessions = [*sessions]
            asked.extend(one.nick for one in sessions)
            refusal_to_enter(door, sessions)

        monkeypatch.setattr(Doorkeeper, "_look_at", noted)

        async def after(kind: str, do: str, **fields: Any) -> list[str]:
            asked.clear()
            await ann.ask(do, room="den", **fields)
            await eve.wait_for(kind)
            return sorted(asked)

        assert await after("muted", "mute", nick="bob") == []
        assert await after("rule-set", "rule", rule="slow", value="3") == []
        assert await after("role-given", "role", nick="bob", role="member") == ["bob"]
        assert await after("rule-set", "rule", rule="guests", value="no") == ["ann", "bob", "eve"]
        assert await after("kicked", "kick", nick="bob") == ["bob"]
        await bob.wait_for("went-back")


async def test_a_room_is_as_it_was_when_what_somebody_was_forbidden_is_over(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        await ann.ask("mute", room="den", nick="bob", span="1m")
        await bob.wait_for("muted")
        room = house.server.hall.directory.room("den")
        assert isinstance(room, ChatRoom)
        assert not room.gate.state.is_as_made
        await trio.sleep(61)
        await bob.ask("say", room="den", text="hm")
        await ann.wait_for("said")
        assert room.gate.state.is_as_made, "its lines are looked at no longer"


def test_a_thousand_bans_cost_a_line_next_to_nothing() -> None:
    state = EMPTY
    for number in range(CURBS_MAX):
        banned = Banned("r", 1, 0.0, "ann", whom=f"n{number}", text="", until=9e9, id=number + 1, account=number + 1)
        state = after(state, banned)
    begun = time.perf_counter()
    for _ in range(1000):
        state.curbs_on(5000, "account:5000", 1.0, "kicked", "banned")
    assert time.perf_counter() - begun < 0.1


async def test_what_was_set_outlasts_the_server(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        ann, _ = await den(house, "ann", "bob")
        await ann.ask("mute", room="den", nick="bob", span="2h")
        await ann.wait_for("muted")
        await ann.ask("rule", room="den", rule="guests", value="no")
        await ann.wait_for("rule-set")
        (record,) = [room for room in await journal.rooms() if room.name == "den"]
    assert '"rules":{"guests":"no"}' in record.state
    assert '"kind":"muted"' in record.state


async def test_a_room_that_nobody_owns_is_as_it_always_was(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = house.connect(), house.connect()
        await ann.enter("ann", "python")
        await bob.enter("bob", "python")
        await ann.ask("role", room="python")
        await ann.wait_for("no-roles")
        await ann.ask("kick", room="python", nick="bob")
        assert (await ann.wait_for("refused"))["code"] == "moderators-only"
        await bob.ask("topic", room="python", text="ours")
        assert (await ann.wait_for("topic"))["text"] == "ours"


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("how", ["kick", "mute", "ban"])
async def test_nothing_of_somebody_at_another_node_is_stored_after_they_were_forbidden_it(
    autojump_clock: trio.abc.Clock, how: str, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    async with open_nodes(2, delay=lambda: chance.uniform(0, 0.2), silence_seconds=9999) as (a, b):
        ann, bob = await holder(a, "ann"), await holder(b, "bob", 2)
        await make_den(ann, bob, seconds=3)
        await ann.ask("role", room="den", nick="ann", role="owner")
        for number in range(10):
            await bob.ask("say", room="den", text=f"{number}", key=f"k{number}")
            await trio.sleep(chance.uniform(0, 0.1))
            if number == 4:
                await ann.ask(how, room="den", nick="bob")
        await trio.sleep(5)
        page = await a.node.journal.read("den", 1, 99)
        (act,) = [line for line in page.lines if isinstance(line, Kicked | Muted | Banned)]
        assert [line.seq for line in page.lines if isinstance(line, Said) and line.seq > act.seq] == []
        there = await b.node.open("den")
        assert any(one.nick == "bob" for one in there.people) == (how == "mute")
        assert await refused(bob, "say", text="more") == ("muted-here" if how == "mute" else "not-in-room")


@pytest.mark.parametrize(
    ("text", "seconds", "reason"),
    [
        ("", CURB_SECONDS, ""),
        ("30m", 1800, ""),
        ("for 2h too loud", 7200, "too loud"),
        ("7d  spam, again ", 7 * 86400, "spam, again"),
        ("2W", 14 * 86400, ""),
        ("spam", CURB_SECONDS, "spam"),
        ("3rd time", CURB_SECONDS, "3rd time"),
        ("0m x", inf, "0m x"),
        ("5minutes", inf, "5minutes"),
        ("for 5y spam", inf, "for 5y spam"),
        ("30", inf, "30"),
    ],
)
def test_how_long_and_why_is_read_from_what_stands_behind_a_name(text: str, seconds: float, reason: str) -> None:
    assert parsed_span(text) == (seconds, reason)


@pytest.mark.parametrize("how", ["mute", "ban"])
async def test_a_guest_without_a_token_is_forbidden_things_at_another_node_too(
    autojump_clock: trio.abc.Clock, how: str
) -> None:
    async with open_nodes(2, silence_seconds=9999) as (a, b):
        ann = await holder(a, "ann")
        await ann.ask("create", room="den")
        await ann.wait_for("room-created")
        await trio.sleep(3)
        await ann.ask("join", room="den")
        await ann.wait_for("entered")
        mallory = b.call()
        await mallory.log_in("mallory", "den")
        await ann.wait_for("joined")
        await ann.ask(how, room="den", nick="mallory", span="1h")
        await ann.wait_for("muted" if how == "mute" else "banned")
        await trio.sleep(3)
        await mallory.type("am I heard?", "/join den", "/join den")
        await mallory.read_until("You are muted" if how == "mute" else "You are banned")
        await trio.sleep(3)
        page = await a.node.journal.read("den", 1, 99)
        assert [line for line in page.lines if isinstance(line, Said)] == []


async def test_what_is_over_is_in_nobodys_way(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        room = house.server.hall.directory.room("den")
        assert isinstance(room, ChatRoom)
        state, now = room.gate.state, time.time()
        for number in range(CURBS_MAX):
            seconds = 60 if number else 3600
            kicked = Kicked("den", 1, now, "ann", "", whom="x", until=now + seconds, id=number + 1, account=number + 9)
            state = after(state, kicked)
        room.gate.state = state
        assert await refused(ann, "mute", nick="bob") == "too-many-curbs"
        await trio.sleep(100)
        await ann.ask("mute", room="den", nick="bob")
        await bob.wait_for("muted")
        assert len(room.gate.state.curbs) == 2


async def test_what_a_rule_is_set_to_has_one_way_to_be_written(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        for value, text in (("0030", "slow 30"), ("000", "slow 0")):
            await ann.ask("rule", room="den", rule="slow", value=value)
            assert (await bob.wait_for("rule-set"))["text"] == text
        room = house.server.hall.directory.room("den")
        assert isinstance(room, ChatRoom)
        assert room.gate.state.is_as_made
        await ann.ask("mute", room="den", nick="bob")
        await bob.wait_for("muted")
        assert await refused(ann, "unban", id=1, reason="x" * 201) == "reason-length"


async def test_who_has_been_erased_is_called_by_no_name_in_what_a_room_knows_either(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        await ann.ask("ban", room="den", nick="bob", span="30d")
        await bob.wait_for("banned")
        await bob.ask("logout")
        (account,) = [one for one in await journal.accounts.listed("", 9) if one.name == "bob"]
        assert await journal.accounts.begin_end(account.id, "erase", time.time())
        await trio.sleep(PRUNE_SECONDS + 1)
        await ann.ask("bans", room="den")
        assert (await ann.wait_for("bans"))["bans"]["1"]["whom"] != "bob"


@pytest.mark.parametrize("how", ["mute", "ban"])
async def test_to_register_frees_nobody(autojump_clock: trio.abc.Clock, how: str) -> None:
    async with open_house(silence_seconds=9999) as house:
        (ann,) = await den(house, "ann")
        guest = house.connect("127.0.0.9")
        await guest.ask("hello", protocol=2)
        await guest.enter("mallory", "den")
        await ann.ask(how, room="den", nick="mallory", span="1h")
        await guest.wait_for("muted" if how == "mute" else "went-back")
        await guest.ask("register", nick="mallory", password=PASSWORD)
        await guest.wait_for("registered")
        if how == "mute":
            assert await refused(guest, "say", text="free!") == "muted-here"
        else:
            assert await refused(guest, "join") == "banned-here"
        await ann.ask("unban", room="den", id=1)
        await ann.wait_for("lifted")
        await guest.ask("join", room="den")
        await guest.ask("say", room="den", text="sorry")
        assert (await ann.wait_for("said"))["text"] == "sorry"


async def test_a_room_that_has_another_name_is_called_by_it_where_something_is_refused(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        await ann.ask("mute", room="den", nick="bob", span="1h")
        await bob.wait_for("muted")
        await house.ask_as_operator("rename-room", room="den", name="lair")
        await bob.wait_for("entered")
        await bob.ask("say", room="lair", text="hm")
        assert (await bob.wait_for("refused"))["details"]["room"] == "lair"


async def test_what_is_sent_again_while_a_room_is_slow_is_stored_once_and_said_to_be(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        await ann.ask("rule", room="den", rule="slow", value="30")
        await bob.wait_for("rule-set")
        for _ in range(2):  # the second time after a connection was lost, before it was told what became of the line
            await bob.ask("say", room="den", text="once", key="k1")
            assert (await bob.wait_for("stored"))["seq"] == 3
            await trio.sleep(10)
        assert await refused(bob, "say", text="twice", key="k2") == "slow-here"
        await trio.sleep(10)
        await bob.ask("say", room="den", text="twice", key="k2")
        assert (await bob.wait_for("stored"))["seq"] == 4


async def test_a_moderator_who_is_muted_does_not_lift_that(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, eve = await den(house, "ann", "bob", "eve")
        await ann.ask("role", room="den", nick="bob", role="moderator")
        await ann.ask("mute", room="den", nick="bob")
        await bob.wait_for("muted")
        assert await refused(bob, "unban", id=1) == "stands-above"
        await bob.ask("mute", room="den", nick="eve")
        await eve.wait_for("muted")
        await bob.ask("unban", room="den", id=2)
        assert (await eve.wait_for("lifted"))["id"] == 2
        assert (await bob.wait_for("lifted"))["id"] == 2
        await ann.ask("unban", room="den", id=1)
        assert (await bob.wait_for("lifted"))["id"] == 1
