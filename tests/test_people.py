"""What one has to do with other people: whom one has blocked, by whole servers on virtual time."""

from itertools import count
from typing import Any, cast

import pytest
import trio

from canary import PASSWORD
from chat_server.accounts import Choices, with_choices
from chat_server.journal import JournalError
from chat_server.journal.kept_in_memory import Kept
from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.acts import Banned, Kicked
from chat_server.protocol.entries import LineBlocked, Said, TopicSet
from chat_server.rooms.blocking import NO_BLOCKS, Blocks, blocks_of, choice_to_block
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.former_names import (
    CALLED_MAX,
    NO_SPANS,
    SPANS_MAX,
    begun,
    called,
    covers,
    ended,
    lifted,
    number_of,
)
from chat_server.rooms.guest_blocks import LEFT_MAX, GuestBlocks
from chat_server.rooms.person import Person
from dens import holder
from node_houses import open_nodes
from streams import Caller, House, Program, open_house

keys = count(1)


pytestmark = pytest.mark.usefixtures("wall_clock")


async def at_terminal(house: House, nick: str, *lines: str) -> Caller:
    """The holder of an account, by nc."""
    caller = house.call("127.0.0.9")
    await caller.type(f"/login {nick}", PASSWORD)
    await caller.read_until("/help tells more.\r\n")
    await caller.type(*lines)
    return caller


async def join(*people: Program, room: str = "python") -> None:
    for one in people:
        await one.ask("join", room=room)
        await one.wait_for("entered")


async def block(program: Program, nick: str, kind: str = "person-blocked") -> None:
    await program.ask("block", nick=nick)
    assert (await program.wait_for(kind))["nick"] == nick


async def say(program: Program, text: str, do: str = "say", room: str = "python") -> int:
    """The number under which it is stored."""
    field = "action" if do == "me" else "text"
    await program.ask(do, room=room, key=(key := f"k{next(keys)}"), **{field: text})
    while (stored := await program.wait_for("stored"))["key"] != key:
        pass
    return int(stored["seq"])


async def heard(program: Program, until: int) -> list[tuple[int, str, str]]:
    """What a program is shown in rooms up to a number: number, kind, text."""
    lines: list[tuple[int, str, str]] = []
    while not lines or lines[-1][0] < until:
        event = await program.read()
        if "at" in event and "seq" in event:
            lines.append((event["seq"], event["is"], event.get("text", "")))
    return lines


def numbered(lines: list[dict[str, Any]]) -> list[tuple[int, str, str]]:
    return [(line["seq"], line["is"], line.get("text", "")) for line in lines]


# Pure.


def test_whoever_is_blocked_is_hidden_and_what_changes_the_room_is_not() -> None:
    blocks = Blocks(frozenset((7,)), frozenset(("bob",)))
    assert blocks.hide(7, "whoever")
    assert blocks.hide(0, "BOB")
    assert not blocks.hide(8, "bob"), "somebody with an account has the name of their own"
    line = Said("python", 3, 5.0, "mallory", "boo", 7)
    assert blocks.on([line]) == (LineBlocked("python", 3, 5.0),)
    office = [kind("python", 3, 5.0, "mallory", "boo", 7) for kind in (TopicSet, Kicked, Banned)]
    assert blocks.on(office) == tuple(office)
    assert NO_BLOCKS.on([line]) == (line,)


def test_whom_somebody_has_blocked_follows_from_what_they_have_chosen() -> None:
    chosen = with_choices(choice_to_block(7, is_blocked=True), choice_to_block(8, is_blocked=True))
    assert blocks_of(chosen).accounts == {7, 8}
    assert blocks_of(with_choices(chosen, choice_to_block(7, is_blocked=False))).accounts == {8}
    assert not blocks_of({"blocked": {"account:x": True, "whatever": True, "account:9": "yes"}})


def test_a_guests_names_are_known_each_since_when_they_have_it_and_none_of_whoever_has_registered() -> None:
    person = Person[Any](None, history=20, zone="UTC")
    person.nick = "gus"
    assert not person.called, "by a name that nobody has given them"
    person.formerly, person.nick, person.named_at = (("gus", 1.0),), "Gustav", 2.0
    assert person.called == (("gus", 1.0), ("gustav", 2.0))
    person.account, person.nick = 7, "august"
    assert not person.called


# Whole servers.


async def test_two_people_block_each_other_in_a_room_of_a_thousand(autojump_clock: trio.abc.Clock) -> None:
    """Nobody else sees any of it, nor do the two; each has the number of the other's lines, and nothing of what they say."""
    async with open_house(silence_seconds=99999, messages_per_second=0, connections_per_address=2000) as house:
        ann, bob = await holder(house, "ann", 1), await holder(house, "bob", 2)
        crowd = [house.connect() for _ in range(998)]
        for number, one in enumerate(crowd):
            await one.ask("hello", protocol=2)
            await one.ask("login", nick=f"guest{number}")
            await one.ask("join", room="python")
        for one in crowd:
            await one.wait_for("entered")
        await join(ann, bob)
        await block(ann, "bob")
        await block(bob, "ann")
        said = [await say(ann, "hello bob"), await say(bob, "waves at ann", "me"), await say(ann, "anybody?")]
        last = await say(crowd[0], "yes, ann and bob")
        everything = [
            (said[0], "said", "hello bob"),
            (said[1], "acted", "waves at ann"),
            (said[2], "said", "anybody?"),
            (last, "said", "yes, ann and bob"),
        ]
        for one in crowd[1:]:
            assert await heard(one, last) == everything
        await ann.ask("since", room="python", number=0)
        await bob.ask("since", room="python", number=0)
        for one, hides in ((ann, {said[1]}), (bob, {said[0], said[2]})):
            shown = [(seq, "blocked", "") if seq in hides else (seq, kind, text) for seq, kind, text in everything]
            page = await one.wait_for("page")
            assert numbered(page["lines"]) == shown
        await ann.ask("unblock", nick="bob")
        await ann.wait_for("person-unblocked")
        await ann.ask("since", room="python", number=0)
        assert numbered((await ann.wait_for("page"))["lines"]) == everything


async def test_a_line_of_somebody_blocked_is_a_number_at_each_door_and_by_every_way_of_reading(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=99999, connections_per_address=99) as house:
        ann, eve = await holder(house, "ann", 1), await holder(house, "eve", 2)
        await join(ann, eve)
        await block(ann, "eve")
        terminal = await at_terminal(house, "ann", "/join python", "/colour on")
        await terminal.read_until("* Colours")
        await terminal.read_until("\r\n")
        seq = await say(eve, "ann, look at this")
        assert await heard(ann, seq) == [(seq, "blocked", "")]
        assert "eve" not in await terminal.read_until(f"#{seq} (blocked)\r\n"), "nor is it bright, or a mention"
        # Reading back: pages, search, days; entering, resuming.
        await ann.ask("last", room="python")
        assert numbered((await ann.wait_for("page"))["lines"]) == [(seq, "blocked", "")]
        await ann.ask("search", words="look")
        ((_, lines),) = (await ann.wait_for("found"))["rooms"]
        assert numbered(lines) == [(seq, "blocked", "")]
        await ann.ask("resume", rooms={"python": 0}, room="")
        await terminal.type("/last", "/back", "/history 5", "/join python")
        shown = await terminal.read_until("You are in the hall.")
        assert f" (blocked)\r\n* Line {seq} of {seq}.".replace("* Line 1 of 1", "* Line 1 of 1") in shown
        old = house.connect("127.0.0.8")  # a program of 0.1.0
        await old.ask("login", nick="ann", password=PASSWORD)
        await old.wait_for("logged-in")
        await old.ask("join", room="python")
        recalled = await old.wait_for("recalled")
        assert numbered(recalled["lines"]) == [(seq, "said", "(blocked)")]


async def test_what_is_blocked_comes_in_runs_and_by_the_pace_of_a_flood(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=99999, messages_per_second=0) as house:
        ann, eve = await holder(house, "ann", 1), await holder(house, "eve", 2)
        bob = house.connect("127.0.0.3")
        await bob.enter("bob")
        await join(ann, eve, bob)
        await block(ann, "eve")
        terminal = await at_terminal(house, "ann", "/join python")
        await terminal.read_until("* You are in python.")
        flooding = await at_terminal(house, "eve", "/join python")
        await flooding.read_until("* You are in python.")
        await flooding.type(*(f"spam {number}" for number in range(300)))
        assert await heard(ann, 300) == [(number, "blocked", "") for number in range(1, 301)]
        assert await heard(bob, 300) == [(number, "said", f"spam {number - 1}") for number in range(1, 301)]
        told = await terminal.read_until("#300 (blocked)\r\n")
        assert [row for row in told.splitlines() if "spam" in row] == []


async def test_what_moderators_do_is_shown_to_whoever_has_blocked_them(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=99999) as house:
        ann, eve = await holder(house, "ann", 1), await holder(house, "eve", 2)
        bob = await holder(house, "bob", 3)
        await eve.ask("create", room="den")
        await eve.wait_for("room-created")
        await join(ann, eve, bob, room="den")
        await block(ann, "eve")
        await eve.ask("mute", room="den", nick="bob", span="30m noise")
        assert (await ann.wait_for("muted"))["text"] == "noise"
        await eve.ask("topic", room="den", text="quiet")
        assert (await ann.wait_for("topic"))["text"] == "quiet"


async def test_a_guest_is_blocked_by_whatever_they_are_called_until_they_leave(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=99999, connections_per_address=99) as house:
        ann = await holder(house, "ann", 1)
        bob, cat = house.connect("127.0.0.2"), house.connect("127.0.0.3")
        for one, nick in ((bob, "bob"), (cat, "cat")):
            await one.ask("hello", protocol=2)
            await one.enter(nick)
        await join(ann, bob, cat)
        await block(ann, "bob", "guest-blocked")
        first = await say(bob, "one")
        await bob.ask("nick", nick="robert")
        await bob.wait_for("renamed")
        second = await say(bob, "two")
        await cat.ask("nick", nick="bob")
        await cat.wait_for("renamed")
        third = await say(cat, "three")
        assert await heard(ann, third) == [(first, "blocked", ""), (second, "blocked", ""), (third, "said", "three")]
        await ann.ask("block")
        assert (await ann.wait_for("blocks"))["nicks"] == ["robert"]
        await bob.ask("register", nick="robert", password=PASSWORD)
        await bob.wait_for("registered")
        fourth = await say(bob, "four")
        assert await heard(ann, fourth) == [(fourth, "blocked", "")]
        await block(cat, "ann")  # guests block, too
        fifth = await say(ann, "five")
        assert (await heard(cat, fifth))[-1] == (fifth, "blocked", "")
        await ann.ask("unblock", nick="robert")
        await ann.wait_for("person-unblocked")
        await block(ann, "bob", "guest-blocked")
        await cat.stream.aclose()
        await trio.sleep(5)
        dan = house.connect("127.0.0.4")
        await dan.enter("bob", "python")
        sixth = await say(dan, "six")
        assert (await heard(ann, sixth))[-1] == (sixth, "said", "six")
        await ann.ask("block")
        await ann.wait_for("nobody-blocked")


async def shown_of(program: Program) -> list[str]:
    """What a program is shown of the room's lines in a page, by searching, and when it comes back: the same by each way."""
    await program.ask("last", room="python")
    page = (await program.wait_for("page"))["lines"]
    await program.ask("search", words="word", room="python")
    ((_, found),) = (await program.wait_for("found"))["rooms"]
    await program.ask("back", room="python")
    await program.ask("resume", rooms={"python": 0}, room="")
    resumed = (await program.wait_for("page"))["lines"]
    ways = [[line.get("text", "-") for line in lines] for lines in (page, found, resumed)]
    assert ways[0] == ways[1] == ways[2]
    return ways[0]


async def test_what_a_guest_has_said_who_is_blocked_is_hidden_under_each_of_their_names_though_they_have_gone(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=99999, connections_per_address=99) as house:
        ann, before = await holder(house, "ann", 1), house.connect("127.0.0.5")
        await before.enter("gus", "python")
        await say(before, "word nought, of another")
        await before.log_out()
        await trio.sleep(10)
        gus = house.connect("127.0.0.2")
        await gus.ask("hello", protocol=2)
        await gus.enter("gus")
        await join(ann, gus)
        await trio.sleep(10)
        await say(gus, "word one")
        await trio.sleep(10)
        await gus.ask("nick", nick="gustav")
        await gus.wait_for("renamed")
        await say(gus, "word two")
        await trio.sleep(10)
        other = house.connect("127.0.0.3")
        await other.enter("gus", "python")
        await say(other, "word three, of another")
        await block(ann, "gustav", "guest-blocked")
        await say(gus, "word four")
        assert await shown_of(ann) == ["word nought, of another", "-", "-", "word three, of another", "-"]
        await trio.sleep(10)
        await gus.ask("nick", nick="august")
        await gus.wait_for("renamed")
        await say(gus, "word five")
        await gus.log_out()
        await trio.sleep(10)
        another = house.connect("127.0.0.4")
        await another.enter("august", "python")
        await say(another, "word six, of another")
        assert await shown_of(ann) == [
            "word nought, of another",
            *("-", "-", "word three, of another"),
            *("-", "-", "word six, of another"),
        ]
        await ann.ask("block")
        await ann.wait_for("nobody-blocked")
        await ann.ask("unblock", nick="gustav")
        await ann.wait_for("person-unblocked")
        assert await shown_of(ann) == [
            "word nought, of another",
            "word one",
            "word two",
            "word three, of another",
            "word four",
            "word five",
            "word six, of another",
        ]
        await ann.ask("unblock", nick="gustav")
        assert (await ann.wait_for("refused"))["code"] == "not-blocked"


@pytest.mark.parametrize("login", [{"password": PASSWORD}, {"token": "t" * 32}])
async def test_who_has_blocked_a_guest_and_comes_back_has_blocked_them_still_and_reads_back_the_same(
    login: dict[str, str], autojump_clock: trio.abc.Clock
) -> None:
    async with open_house(silence_seconds=99999, connections_per_address=99) as house:
        if "password" in login:
            ann = await holder(house, "ann", 1)
        else:
            ann = house.connect("127.0.0.1")
            await ann.ask("hello", protocol=2)
            await ann.enter("ann", **login)
        gus, tim = house.connect("127.0.0.2"), house.connect("127.0.0.3")
        for one, nick in ((gus, "gus"), (tim, "tim")):
            await one.ask("hello", protocol=2)
            await one.enter(nick)
        await join(ann, gus, tim)
        await say(gus, "word one")
        await say(tim, "word two")
        await block(ann, "gus", "guest-blocked")
        await block(ann, "tim", "guest-blocked")
        await ann.log_out()
        await trio.sleep(5)
        await gus.ask("nick", nick="gustav")
        await gus.wait_for("renamed")
        await tim.log_out()
        await trio.sleep(5)
        ann = house.connect("127.0.0.1")
        await ann.ask("hello", protocol=2)
        await ann.enter("ann", "python", **login)
        assert await heard(ann, await say(gus, "word three")) == [(3, "blocked", "")]
        assert await shown_of(ann) == ["-", "-", "-"]
        await ann.ask("block")
        assert (await ann.wait_for("blocks"))["nicks"] == ["gustav"]
        other = house.connect("127.0.0.4")
        await other.enter("ann2", "python")
        await other.ask("block")
        await other.wait_for("nobody-blocked")


async def test_a_guest_with_a_token_has_blocked_the_same_accounts_when_back_also_one_made_meanwhile(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=99999, connections_per_address=99) as house:
        ann, bob = await holder(house, "ann", 1), house.connect("127.0.0.2")
        gus = house.connect("127.0.0.3")
        for one, nick, login in ((bob, "bob", {}), (gus, "gus", {"token": "t" * 32})):
            await one.ask("hello", protocol=2)
            await one.enter(nick, **login)
        await join(ann, bob)
        await block(gus, "ann")
        await block(gus, "bob", "guest-blocked")
        await gus.log_out()
        await trio.sleep(5)
        await bob.ask("register", nick="bob", password=PASSWORD)
        await bob.wait_for("registered")
        gus = house.connect("127.0.0.3")
        await gus.ask("hello", protocol=2)
        await gus.enter("gus", "python", token="t" * 32)
        await say(ann, "one")
        assert [kind for _, kind, _ in await heard(gus, await say(bob, "two"))] == ["blocked", "blocked"]
        await gus.ask("block")
        assert (await gus.wait_for("blocks"))["nicks"] == ["ann", "bob"]


class Gone:
    """Somebody who blocks others and is not here."""

    def __init__(self, serial: int) -> None:
        self.account, self.serial, self.blocks = 0, serial, NO_BLOCKS
        self.choices: Choices = {}
        self.sessions: tuple[Any, ...] = ()


def test_what_another_node_tells_again_of_who_is_blocked_takes_no_room_from_what_those_said_who_have_gone() -> None:
    now = 5.0
    blocks, one = GuestBlocks(lambda _: None, cast(Any, None), lambda: now), Gone(1)
    blocks.block(one, "gus", "1:1")
    blocks.gone("gus")
    for _ in range(SPANS_MAX + 1):
        blocks.block(one, "eve", "1:2")
    assert one.blocks.hid(0, "gus", 4.0)
    assert one.blocks.hid(0, "eve", 4.0)
    blocks.gone("eve")
    now = 100.0
    blocks.block(one, "eve", "1:3")
    assert one.blocks.hid(0, "eve", 200.0)


def test_of_who_has_gone_only_the_last_are_known_to_have_blocked_somebody() -> None:
    blocks = GuestBlocks(lambda _: None, cast(Any, None), lambda: 5.0)
    gone = [Gone(number) for number in range(LEFT_MAX + 1)]
    for one in gone:
        blocks.block(one, "gus")
        blocks.left(one, f"token:{one.serial}")
    assert blocks.who_left("token:0") is None
    assert not gone[0].blocks
    first, unknown = Gone(-1), Gone(-2)
    blocks.is_back(first, "token:1")
    blocks.is_back(unknown, "token:0")
    assert first.blocks.guests == {"gus"}
    assert unknown.blocks is NO_BLOCKS
    blocks.gone("gus")
    assert not first.blocks
    assert not blocks, "nor is anybody of those who have gone blocked any more"
    assert blocks.who_left("token:2") is gone[2]
    blocks.left(Gone(-3), "token:x")
    assert blocks.who_left("token:x") is None, "who has blocked nobody is nobody to be known"


def test_names_of_blocked_guests_are_bounded_and_those_of_who_is_blocked_now_stay() -> None:
    spans = begun(NO_SPANS, "now", 1)
    for number in range(2, SPANS_MAX + 50):
        spans = ended(begun(spans, f"guest{number}", number, since=number), f"guest{number}", number + 1.0)
    assert sum(map(len, spans.values())) == SPANS_MAX
    assert covers(spans, "now", 5.0)
    assert not covers(spans, "guest2", 2.5)
    assert covers(spans, f"guest{SPANS_MAX + 49}", SPANS_MAX + 49.5)
    assert not covers(spans, f"guest{SPANS_MAX + 49}", SPANS_MAX + 48.5)
    assert ended(spans, "guest2", 5.0) is spans, "nobody of that name is known any more"


def test_a_name_is_a_guests_from_when_they_took_it_until_a_moment_after_they_gave_it_up() -> None:
    names = called(called(called((), "a", 10.0), "b", 20.0), "c", 30.0)
    spans = begun(NO_SPANS, "c", 7, before=names)
    assert number_of(spans, "c") == 7
    assert number_of(spans, "b") == number_of(spans, "x") == 0
    times = {"a": (9.9, 10.0, 20.9, 21.0), "b": (19.9, 20.0, 30.9, 31.0)}
    for name, at in times.items():
        assert [covers(spans, name, one) for one in at] == [False, True, True, False]
    assert covers(spans, "c", -1.0), "what was said by this name before is taken for theirs"
    renamed = begun(spans, "d", number_of(spans, "c"), 40.0)
    over = ended(renamed, "c", 40.0)
    assert [covers(over, "c", at) for at in (40.9, 41.0)] == [True, False]
    assert ended(over, "c", 99.0) == over, "it has ended before"
    assert [covers(over, "d", at) for at in (39.9, 40.0)] == [False, True]
    other = begun(over, "c", 8, 50.0)
    assert [covers(other, "c", at) for at in (40.5, 45.0, 50.0)] == [True, False, True]
    assert number_of(other, "c") == 8
    assert lifted(over, "a") == {}
    assert [*lifted(other, "d")] == ["c"], "another guest of the name is blocked still"
    assert len(called(tuple((f"{n}", 0.0) for n in range(CALLED_MAX)), "last", 1.0)) == CALLED_MAX


async def test_who_has_blocked_a_guest_that_registers_has_blocked_the_account_for_good(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_house(silence_seconds=99999) as house:
        ann, bob = await holder(house, "ann", 1), house.connect("127.0.0.2")
        await bob.ask("hello", protocol=2)
        await bob.enter("bob")
        await block(ann, "bob", "guest-blocked")
        accounts = house.server._directory.accounts
        stored, failures = accounts.add_choices, [JournalError("full"), JournalError("full")]

        async def not_at_once(*what: Any) -> None:
            if failures:
                raise failures.pop()
            await stored(*what)

        monkeypatch.setattr(accounts, "add_choices", not_at_once)
        await bob.ask("register", nick="bob", password=PASSWORD)
        await bob.wait_for("registered")
        await ann.log_out()
        await trio.sleep(5)
        again = house.connect("127.0.0.1")
        await again.ask("hello", protocol=2)
        await again.enter("ann", password=PASSWORD)
        await again.ask("block")
        assert (await again.wait_for("blocks"))["nicks"] == ["bob"]
        await again.ask("unblock", nick="bob")
        await again.wait_for("person-unblocked")
        await again.ask("block")
        await again.wait_for("nobody-blocked")


@pytest.mark.parametrize(
    ("asked", "nick", "code"),
    [
        ("block", "nobody", "no-such-person"),
        ("block", "ann", "blocks-self"),
        ("unblock", "eve", "not-blocked"),
    ],
)
async def test_what_cannot_be_blocked_is_refused(
    asked: str, nick: str, code: str, autojump_clock: trio.abc.Clock
) -> None:
    async with open_house(silence_seconds=99999) as house:
        ann, _ = await holder(house, "ann", 1), await holder(house, "eve", 2)
        await ann.ask(asked, nick=nick)
        assert (await ann.wait_for("refused"))["code"] == code


async def test_nobody_blocks_the_same_person_twice_or_too_many(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat_server.commands.people.BLOCKS_MAX", 1)
    async with open_house(silence_seconds=99999) as house:
        ann, _ = await holder(house, "ann", 1), await holder(house, "eve", 2)
        await holder(house, "bob", 3)
        await block(ann, "eve")
        for nick, code in (("eve", "blocked-already"), ("bob", "too-many-blocks")):
            await ann.ask("block", nick=nick)
            assert (await ann.wait_for("refused"))["code"] == code


async def test_who_is_blocked_stays_so_over_a_restart_and_another_name(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=99999) as house:
        ann, eve = await holder(house, "ann", 1), await holder(house, "eve", 2)
        await block(ann, "eve")
    async with open_house(journal=journal, silence_seconds=99999) as house:
        ann, eve = house.connect("127.0.0.1"), house.connect("127.0.0.2")
        for one, nick in ((ann, "ann"), (eve, "eve")):
            await one.ask("hello", protocol=2)
            await one.ask("login", nick=nick, password=PASSWORD)
            await one.wait_for("logged-in")
        await join(ann, eve)
        await eve.ask("nick", nick="mallory")
        await eve.wait_for("renamed")
        seq = await say(eve, "still here")
        assert await heard(ann, seq) == [(seq, "blocked", "")]
        await ann.ask("block")
        assert (await ann.wait_for("blocks"))["nicks"] == ["mallory"]


async def test_somebody_is_blocked_at_every_node_and_device_at_once(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(2, kept=Kept(), silence_seconds=99999) as (one, other):
        ann = await holder(one, "ann", 1)
        eve = await holder(other, "eve", 2)
        phone = other.connect("127.0.0.3")
        await phone.ask("hello", protocol=2)
        await phone.ask("login", nick="ann", password=PASSWORD)
        await phone.wait_for("logged-in")
        await join(ann, eve, phone)
        await block(ann, "eve")
        await trio.sleep(2)
        seq = await say(eve, "boo")
        assert (await heard(ann, seq))[-1] == (seq, "blocked", "")
        assert (await heard(phone, seq))[-1] == (seq, "blocked", "")
        await phone.ask("unblock", nick="eve")
        await phone.wait_for("person-unblocked")
        await trio.sleep(2)
        seq = await say(eve, "boo again")
        assert (await heard(ann, seq))[-1] == (seq, "said", "boo again")


# Away, and what one has missed.


async def log_in(house: House, nick: str, place: int) -> Program:
    """The holder of an account comes back."""
    program = house.connect(f"127.0.0.{place}")
    await program.ask("hello", protocol=2)
    await program.ask("login", nick=nick, password=PASSWORD)
    await program.wait_for("logged-in")
    return program


async def test_who_is_named_while_away_is_told_at_login_and_reads_it_where_it_stands(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=99999, connections_per_address=99) as house:
        ann, bob = await holder(house, "ann", 1), await holder(house, "bob", 2)
        eve = await holder(house, "eve", 3)
        await join(ann, bob, eve)
        await block(ann, "eve")
        await say(bob, "ann is here")
        await ann.ask("back", room="python")
        await ann.wait_for("went-back")
        await ann.ask("logout")
        first = await say(bob, "where is ann? ann!")
        await say(bob, "annabel is not meant")
        await say(eve, "ann, you cannot see this")
        second = await say(bob, "waves at Ann", "me")
        third = await say(bob, "bob and eve: nobody is named who is here, nor oneself")
        await trio.sleep(2)
        phone = await log_in(house, "ann", 1)
        assert await phone.wait_for("mentions-waiting") == {
            "is": "mentions-waiting",
            "rooms": [["python", 2, first]],
        }
        terminal = await at_terminal(house, "ann")
        await terminal.type("/mentions")
        shown = await terminal.read_until("in its room.\r\n")
        assert f"* While you were away: 2 mentions in python (#{first} …). /mentions shows them.\r\n" in shown
        assert f"#{first} " in shown
        assert "bob: where is ann? ann!" in shown
        assert f"#{second} " in shown
        assert f"#{third} " not in shown
        await phone.ask("mentions")
        assert (await phone.wait_for("no-mentions"))["text"].startswith("Nobody has named you since")
        await phone.ask("mentions", which="all")
        ((room, lines),) = (await phone.wait_for("mentions"))["rooms"]
        assert (room, numbered(lines)) == (
            "python",
            [(first, "said", "where is ann? ann!"), (second, "acted", "waves at Ann")],
        )
        again = await log_in(house, "ann", 5)
        await again.ask("time")
        assert (await again.read())["is"] == "zone-shown", "what has been seen is not told again"
        guest = house.connect("127.0.0.6")
        await guest.enter("gus")
        await guest.ask("mentions")
        assert (await guest.wait_for("refused"))["code"] == "account-needed"


async def test_what_was_deleted_or_cannot_be_read_any_more_is_in_nobodys_mentions(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=99999, connections_per_address=99) as house:
        ann, bob = await holder(house, "ann", 1), await holder(house, "bob", 2)
        await bob.ask("create", room="den")
        await bob.wait_for("room-created")
        await join(bob, ann, room="den")
        await ann.ask("logout")
        await trio.sleep(1)
        gone = await say(bob, "ann: a secret", room="den")
        kept = await say(bob, "ann: hello", room="den")
        await bob.ask("delete", room="den", number=gone)
        await bob.wait_for("redacted")
        await trio.sleep(2)
        ann = await log_in(house, "ann", 1)
        await ann.wait_for("mentions-waiting")
        await ann.ask("mentions")
        ((_, lines),) = (await ann.wait_for("mentions"))["rooms"]
        assert [(line["seq"], line["is"]) for line in lines] == [(gone, "deleted"), (kept, "said")]
        await ann.ask("logout")
        await say(bob, "ann?", room="den")
        await bob.ask("rule", room="den", rule="access", value="members")
        await bob.wait_for("rule-set")
        await trio.sleep(2)
        ann = await log_in(house, "ann", 1)
        await ann.ask("mentions", which="all")
        assert (await ann.read())["is"] == "no-mentions", "the room is to her as one that does not exist"


@pytest.mark.parametrize("hides", ["rule", "block"])
async def test_who_comes_back_is_told_of_no_mention_that_they_would_not_be_shown_where_it_stands(
    hides: str, autojump_clock: trio.abc.Clock
) -> None:
    async with open_house(silence_seconds=99999, connections_per_address=99) as house:
        ann, bob = await holder(house, "ann", 1), await holder(house, "bob", 2)
        await bob.ask("create", room="den")
        await bob.wait_for("room-created")
        await join(bob, ann, room="den")
        await ann.ask("logout")
        await trio.sleep(1)
        await say(bob, "ann: hello", room="den")
        if hides == "rule":
            await bob.ask("rule", room="den", rule="history", value="joined")
            await bob.wait_for("rule-set")
        else:
            ann = await log_in(house, "ann", 1)
            await ann.wait_for("mentions-waiting")
            await block(ann, "bob")
            await ann.ask("logout")
        await trio.sleep(2)
        ann = await log_in(house, "ann", 1)
        await ann.ask("mentions", which="all")
        assert (await ann.read())["is"] == "no-mentions"


async def test_mentions_are_kept_at_whatever_node_and_told_at_any(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(2, kept=Kept(), silence_seconds=99999, connections_per_address=99) as (one, other):
        ann, bob = await holder(one, "ann", 1), await holder(other, "bob", 2)
        await join(ann, bob)
        await say(bob, "ann hears this")
        await ann.ask("logout")
        await trio.sleep(2)
        seq = await say(bob, "ann does not hear this")
        await trio.sleep(2)
        ann = await log_in(one, "ann", 3)
        assert (await ann.wait_for("mentions-waiting"))["rooms"] == [["python", 1, seq]]


async def test_what_is_named_just_before_the_server_stops_is_kept(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=99999) as house:
        ann, bob = await holder(house, "ann", 1), await holder(house, "bob", 2)
        await join(ann, bob)
        await ann.ask("logout")
        await trio.sleep(1)
        await bob.ask("say", room="python", text="ann!")
        await bob.wait_for("said")
        house.server.stop()
        await house.ended.wait()
    assert len([mentions for mentions in journal._kept.mentions.values() if mentions]) == 1


async def test_who_names_somebody_who_is_away_is_told_once_an_hour_and_nobody_else(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=99999, connections_per_address=99) as house:
        ann, bob = await holder(house, "ann", 1), await holder(house, "bob", 2)
        gus = house.connect("127.0.0.3")
        await gus.enter("gus")
        await join(ann, bob, gus)
        await ann.ask("away", text="lunch")
        assert (await ann.wait_for("now-away"))["away"] == "lunch"
        await say(bob, "ann?")
        assert await bob.wait_for("person-away") == {
            "is": "person-away",
            "nick": "ann",
            "away": "lunch",
            "room": "python",
        }
        await say(bob, "ann??")
        await trio.sleep(1800)
        await say(bob, "ann???")
        await bob.ask("online", room="python")
        listed = await bob.read()
        while listed["is"] not in ("online-listed", "person-away"):
            listed = await bob.read()
        assert (listed["is"], listed["away"], listed["reasons"]) == ("online-listed", ["ann"], {"ann": "lunch"})
        await trio.sleep(1801)
        await say(bob, "ann, still?")
        await bob.wait_for("person-away")
        await say(gus, "so ann is away")
        assert (await gus.wait_for("person-away"))["nick"] == "ann"
        await ann.ask("say", room="python", text="here again")
        await ann.wait_for("now-back")
        assert (await ann.wait_for("mentions-waiting"))["rooms"][0][:2] == ["python", 5]
        await bob.ask("online", room="python")
        assert "away" not in await bob.wait_for("online-listed")
        await gus.ask("away")
        await gus.wait_for("now-away")
        await gus.ask("nick", nick="gusto")
        await gus.wait_for("renamed")
        await say(bob, "gusto, are you there?")
        assert (await bob.wait_for("person-away"))["nick"] == "gusto"
        await gus.ask("away", text="off")
        await gus.wait_for("now-back")
        await gus.ask("away", text="off")
        await gus.wait_for("not-away")


async def test_who_writes_to_somebody_who_is_away_is_told_and_who_writes_is_back(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=99999, connections_per_address=99) as house:
        ann, bob = await holder(house, "ann", 1), await holder(house, "bob", 2)
        await join(ann, bob)
        await block(ann, "bob")
        await ann.ask("away", text="lunch")
        await ann.wait_for("now-away")
        await bob.ask("msg", nick="ann", text="are you there?")
        assert await bob.wait_for("person-away") == {"is": "person-away", "nick": "ann", "away": "lunch", "room": ""}
        await say(bob, "ann, are you there?")
        await bob.ask("msg", nick="ann", text="are you there??")
        await bob.wait_for("message-sent")
        await ann.ask("msg", nick="bob", text="yes")
        await ann.wait_for("now-back")
        await ann.ask("mentions")
        assert (await ann.read())["is"] in ("said", "message-sent", "no-mentions"), "whoever is blocked calls nobody"
        gus = house.connect("127.0.0.3")
        await gus.enter("gus", "python")
        await gus.ask("away", text="at sea")
        await gus.wait_for("now-away")
        await bob.ask("msg", nick="gus", text="ahoy")
        assert (await bob.wait_for("person-away"))["away"] == "at sea"


async def test_who_is_away_stays_so_over_a_restart_and_at_other_nodes(autojump_clock: trio.abc.Clock) -> None:
    kept = Kept()
    async with open_nodes(2, kept=kept, silence_seconds=99999, connections_per_address=99) as (one, other):
        ann, bob = await holder(one, "ann", 1), await holder(other, "bob", 2)
        await join(ann, bob)
        await ann.ask("away", text="x" * 201)
        assert (await ann.wait_for("refused"))["code"] == "away-length"
        await ann.ask("away", text="on holiday")
        await ann.wait_for("now-away")
        await trio.sleep(2)
        await say(bob, "ann?")
        assert (await bob.wait_for("person-away"))["away"] == "on holiday"
        await bob.ask("online", room="python")
        assert (await bob.wait_for("online-listed"))["away"] == ["ann"]
        await ann.ask("logout")
        await trio.sleep(5)
    async with open_nodes(1, kept=kept, silence_seconds=99999, connections_per_address=99) as (house,):
        bob = await log_in(house, "bob", 2)
        await bob.ask("whois", nick="ann")
        shown = await bob.wait_for("whois")
        assert (shown["away"], shown["is_here"]) == ("on holiday", False)


# Who somebody is.


async def test_whois_tells_what_everybody_may_know_and_no_room_that_one_may_not(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=99999, connections_per_address=99) as house:
        ann, bob = await holder(house, "ann", 1), await holder(house, "bob", 2)
        await ann.ask("create", room="den")
        await ann.wait_for("room-created")
        await join(ann, room="den")
        await ann.ask("rule", room="den", rule="access", value="members")
        await ann.wait_for("rule-set")
        await join(ann, bob)
        await bob.ask("whois", nick="Ann")
        shown = await bob.wait_for("whois")
        assert (shown["nick"], shown["is_here"], shown["rooms"]) == ("ann", True, ["python"])
        assert "127.0.0" not in str(shown)
        await ann.ask("whois", nick="ann")
        assert (await ann.wait_for("whois"))["rooms"] == ["python", "den"]
        await trio.sleep(47 * 60)
        terminal = await at_terminal(house, "bob", "/whois ann", "/whois gus", "/seen ann")
        told = await terminal.read_until("* ann is here.\r\n")
        assert "* ann has had an account since 2025-11-28.\r\n* In the rooms: python\r\n" in told
        assert "* Has done nothing for 30 minutes or more.\r\n" in told
        assert "* There is nobody called gus here" in told
        gus = house.connect("127.0.0.3")
        await gus.enter("gus", "python")
        await terminal.type("/whois gus")
        assert (
            "* gus? is a guest, without an account: that is what the ? after the name means.\r\n* In the rooms: python\r\n"
            in await terminal.read_until("rooms: python\r\n")
        )


async def test_where_nobody_has_an_account_nobody_is_marked_as_a_guest(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = house.call()
        await ann.log_in("ann", "python")
        await ann.type("/whois ann")
        told = await ann.read_until("* In the rooms: python")
    assert "* ann has no account, as nobody has here.\r\n" in told
    assert "ann?" not in told


async def test_a_guest_at_another_node_is_found_by_name_and_nobody_else_is_looked_at(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(2, silence_seconds=99999, connections_per_address=99) as (one, other):
        bob = await holder(one, "bob", 2)
        gus = other.connect("127.0.0.3")
        await gus.enter("gus", "python", "write")
        await trio.sleep(5)
        monkeypatch.setattr(ChatRoom, "others", None)
        await bob.ask("whois", nick="GUS")
        shown = await bob.wait_for("whois")
        assert (shown["nick"], shown["is_here"], shown["guest"], shown["rooms"]) == (
            "gus",
            True,
            True,
            ["python", "write"],
        )
        await bob.ask("seen", nick="gus")
        assert (await bob.wait_for("seen"))["is_here"]
        await bob.ask("whois", nick="nobody")
        assert (await bob.wait_for("refused"))["code"] == "no-such-person"


async def test_when_somebody_was_last_here_is_told_roughly_and_not_of_who_does_not_want_it(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9e9, connections_per_address=99) as house:
        ann, bob = await holder(house, "ann", 1), await holder(house, "bob", 2)
        await trio.sleep(3 * 86400)
        await ann.ask("logout")
        await trio.sleep(2 * 86400 + 3600)
        await bob.ask("seen", nick="ann")
        assert await bob.wait_for("seen") == {"is": "seen", "nick": "ann", "is_here": False, "days": 2}
        terminal = await at_terminal(house, "bob", "/seen ann", "/whois ann")
        await terminal.read_until("* ann is not here now, and was last here 2 days ago.\r\n")
        await terminal.read_until("* Not here now; here last 2 days ago.\r\n")
        ann = await log_in(house, "ann", 1)
        await ann.ask("seen", nick="off")
        await ann.wait_for("seen-hidden")
        await ann.ask("logout")
        await trio.sleep(5)
        await bob.ask("seen", nick="ann")
        assert await bob.wait_for("seen") == {"is": "seen", "nick": "ann", "is_here": False}
        await bob.ask("whois", nick="ann")
        assert "days" not in await bob.wait_for("whois")
        gus = house.connect("127.0.0.3")
        await gus.enter("gus")
        await gus.ask("seen", nick="off")
        assert (await gus.wait_for("refused"))["code"] == "account-needed"
        await gus.ask("seen", nick="gus")
        assert (await gus.wait_for("seen"))["is_here"]
        await gus.ask("seen", nick="nobody")
        assert (await gus.wait_for("refused"))["code"] == "no-such-person"


async def test_a_guest_who_is_away_and_registers_is_no_guest_who_is_away_any_more(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann = house.connect("127.0.0.1")
        await ann.ask("hello", protocol=2)
        await ann.ask("login", nick="ann")
        await ann.wait_for("logged-in")
        await ann.ask("away", text="lunch")
        await ann.wait_for("now-away")
        calls = house.server._directory.calls
        assert [*calls.away_guests] == ["ann"]
        await ann.ask("register", password=PASSWORD)
        await ann.wait_for("registered")
        assert calls.away_guests == {}
