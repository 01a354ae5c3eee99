"""Lines that are deleted: by whole servers, on virtual time."""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import pytest
import trio

from chat_server.commands import taking_back
from chat_server.journal import JournalError, Page, PendingAppend
from chat_server.journal.keys import SenderKey
from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.amending import Deleted, Redacted
from chat_server.protocol.entries import Entry
from dens import den, holder, make_den, told
from fakes import FaultyJournal
from node_houses import open_nodes
from streams import House, Program, open_house
from test_conversing import answer, friends

refs = count(1)


pytestmark = pytest.mark.usefixtures("wall_clock")


async def refused(program: Program, number: int) -> str:
    """The code by which a line is not deleted."""
    await program.ask("delete", room="den", number=number, ref=(ref := next(refs)))
    while (answer := await program.wait_for("refused")).get("ref") != ref:
        pass
    return str(answer["code"])


async def said(program: Program, text: str, do: str = "say") -> int:
    """Say something in the room; return its number."""
    key = f"key {next(refs)}"
    await program.ask(do, room="den", key=key, **({"action": text} if do == "me" else {"text": text}))
    while (stored := await program.wait_for("stored"))["key"] != key:
        pass
    return int(stored["seq"])


async def guest(house: House, nick: str, place: int) -> Program:
    program = house.connect(f"127.0.0.{place}")
    await program.ask("hello", protocol=2)
    await program.ask("login", nick=nick)
    await program.ask("join", room="den")
    await program.wait_for("entered")
    return program


async def page_of(program: Program, first: int, count: int = 50) -> list[dict[str, Any]]:
    await program.ask("history", room="den", after=first - 1, count=count)
    return [dict(line) for line in (await program.wait_for("page"))["lines"]]


async def test_who_has_said_it_takes_it_back_and_its_text_is_nowhere(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        number = await said(bob, "my password is swordfish")
        assert (await told(ann, "said"))["text"] == "my password is swordfish"
        await bob.ask("delete", room="den", number=number)
        for one in (ann, bob):
            event = await told(one, "redacted")
            assert event.pop("of") == [[number, number]]
            assert event == {"is": "redacted", "room": "den", "nick": "bob", "text": f"#{number}", "whom": "bob"}
        assert await refused(bob, number) == "deleted-already"
        (line,) = await page_of(ann, number, 1)
        assert (line["is"], line["nick"], line["text"]) == ("deleted", "bob", "")
        eve = await holder(house, "eve", 3)
        await eve.ask("join", room="den")
        assert "swordfish" not in str(await eve.wait_for("recalled"))
        assert "swordfish" not in str(await page_of(eve, 1))
        await eve.ask("search", words="swordfish", room="den")
        assert (await eve.wait_for("found"))["rooms"] == []


async def test_only_moderators_delete_what_others_have_said_and_never_of_equals_or_above(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, eve = await den(house, "ann", "bob", "eve")
        of_ann, of_bob, of_eve = await said(ann, "one"), await said(bob, "two"), await said(eve, "three")
        assert await refused(eve, of_bob) == "moderators-only"
        await ann.ask("role", room="den", nick="bob", role="moderator")
        await bob.wait_for("role-given")
        assert await refused(bob, of_ann) == "stands-above"
        await bob.ask("delete", room="den", number=of_eve)
        assert (await told(eve, "redacted"))["whom"] == "eve"
        await ann.ask("delete", room="den", number=of_bob)
        assert (await told(eve, "redacted"))["whom"] == "bob"
        assert await refused(eve, of_eve) == "deleted-already"
        assert await refused(eve, 999) == "no-such-line"
        assert await refused(eve, 0) == "no-such-line"
        given = next(line["seq"] for line in await page_of(eve, 1) if line["is"] == "role-given")
        assert await refused(ann, given) == "stays-on-record"


async def test_a_guest_takes_back_what_they_have_said_since_they_came(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, _ = await den(house, "ann", "bob")
        first = await guest(house, "zoe", 5)
        of_first = await said(first, "before")
        await first.ask("logout")
        await ann.wait_for("left")
        zoe = await guest(house, "zoe", 6)
        assert await refused(zoe, of_first) == "moderators-only"
        own = await said(zoe, "mine")
        await zoe.ask("nick", nick="zora")
        await ann.wait_for("renamed")
        assert await refused(zoe, own) == "moderators-only", "it says zoe, whoever that is now"
        own = await said(zoe, "mine")
        other = await guest(house, "zita", 7)
        assert await refused(other, own) == "moderators-only"
        await zoe.ask("delete", room="den", number=own)
        assert (await told(ann, "redacted"))["whom"] == "zora"


async def test_a_guest_who_takes_the_name_of_one_who_has_left_takes_back_none_of_their_lines(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, _ = await den(house, "ann", "bob")
        zoe, other = await guest(house, "zoe", 5), await guest(house, "zita", 6)
        of_zoe = await said(zoe, "mine")
        await zoe.ask("logout")
        await ann.wait_for("left")
        await other.ask("nick", nick="zoe")
        await ann.wait_for("renamed")
        assert await refused(other, of_zoe) == "moderators-only"
        await other.ask("delete", room="den", number=await said(other, "mine now"))
        assert (await told(ann, "redacted"))["whom"] == "zoe"


@pytest.mark.parametrize("nodes", [1, 2])
async def test_a_guest_who_was_out_of_the_room_takes_back_nothing_that_was_said_before_they_came_again(
    nodes: int, autojump_clock: trio.abc.Clock
) -> None:
    async with open_nodes(nodes, silence_seconds=9999) as houses:
        ann, bob = await holder(houses[0], "ann", 1), await holder(houses[0], "bob", 2)
        await make_den(ann, bob, seconds=2)
        zoe = await guest(houses[-1], "zoe", 5)
        number = await said(zoe, "mine")
        await zoe.ask("back", room="den")
        await zoe.wait_for("went-back")
        await zoe.ask("join", room="den")
        await zoe.wait_for("entered")
        assert await refused(zoe, number) == "moderators-only", "somebody else may have had the name meanwhile"
        await zoe.ask("delete", room="den", number=await said(zoe, "mine"))
        assert (await told(ann, "redacted"))["whom"] == "zoe"


async def test_what_is_muted_can_still_be_taken_back(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        number = await said(bob, "sorry")
        await ann.ask("mute", room="den", nick="bob", span="1h")
        await bob.wait_for("muted")
        await bob.ask("delete", room="den", number=number)
        assert (await told(ann, "redacted"))["nick"] == "bob"


async def test_a_topic_goes_with_the_line_that_has_set_it(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        old, new = await said(bob, "old words", "topic"), await said(bob, "new words", "topic")
        await bob.ask("delete", room="den", number=old)
        await ann.wait_for("redacted")
        await ann.ask("topic", room="den")
        assert (await ann.wait_for("topic-shown"))["topic"] == "new words"
        await ann.ask("delete", room="den", number=new)
        await bob.wait_for("redacted")
        assert (await told(bob, "topic"))["text"] == ""
        eve = await holder(house, "eve", 3)
        await eve.ask("join", room="den")
        assert (await eve.wait_for("entered"))["topic"] == ""


async def test_a_line_that_is_sent_again_after_it_was_deleted_is_stored_already(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        await bob.ask("say", room="den", text="hello", key="k")
        number = (await bob.wait_for("stored"))["seq"]
        await ann.ask("delete", room="den", number=number)
        await bob.wait_for("redacted")
        await bob.ask("say", room="den", text="hello", key="k")
        assert (await bob.wait_for("stored"))["seq"] == number


async def test_people_at_telnet_read_it_in_one_line(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        number = await said(bob, "oops")
        tom = house.call("127.0.0.9")
        await tom.log_in("tom", "den")
        await ann.ask("delete", room="den", number=number)
        await tom.read_until(f"* ann deleted bob's line #{number}")
        await tom.type(f"/around {number}")
        await tom.read_until("* bob said something that was deleted")


async def test_every_node_forgets_it(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(2, silence_seconds=9999) as houses:
        first, second = houses
        ann, bob = await holder(first, "ann", 1), await holder(second, "bob", 2)
        await make_den(ann, bob, seconds=2)
        number = await said(bob, "swordfish")
        await ann.wait_for("said")
        await ann.ask("delete", room="den", number=number)
        for one in (ann, bob):
            assert (await told(one, "redacted"))["whom"] == "bob"
        for place, house in enumerate(houses, 3):
            eve = await guest(house, f"eve{place}", place)
            assert "swordfish" not in str(await eve.wait_for("recalled"))
            assert "swordfish" not in str(await page_of(eve, 1))


async def purge(program: Program, nick: str, span: str = "") -> dict[str, Any]:
    """Ask for it, and return the answer."""
    await program.ask("purge", room="den", nick=nick, span=span, ref=(ref := next(refs)))
    while (answer := await program.read()).get("ref") != ref:
        pass
    return answer


async def test_all_that_somebody_has_said_lately_is_deleted_when_its_count_is_confirmed(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=99999) as house:
        ann, bob, eve = await den(house, "ann", "bob", "eve")
        old = await said(bob, "long ago")
        await trio.sleep(7200)
        numbers = []
        for number in range(6):
            numbers.append(await said(bob, f"spam {number}"))
            await said(eve, f"talk {number}")
        assert (await purge(eve, "bob"))["code"] == "moderators-only"
        assert (await purge(ann, "nobody"))["code"] == "nothing-to-purge"
        counted = await purge(ann, "BOB", "1h")
        assert (counted["is"], counted["count"], counted["nick"]) == ("lines-counted", 6, "bob")
        assert counted["text"].endswith(f"in 1h: 6, #{numbers[0]}..#{numbers[-1]}. /purge bob 1h 6 deletes them.")
        assert (await purge(ann, "bob", "1h 5"))["is"] == "lines-counted", "he has said more since"
        assert (await purge(ann, "bob", "1h 6"))["count"] == 6
        event = await told(eve, "redacted")
        assert event["of"] == [[number, number] for number in numbers]
        assert event["whom"] == "bob"
        kinds = {line["seq"]: line["is"] for line in await page_of(eve, old)}
        assert [seq for seq, kind in kinds.items() if kind == "deleted"] == numbers
        assert kinds[old] == "said"
        assert (await purge(ann, "bob"))["code"] == "nothing-to-purge"
        assert (await purge(ann, "bob", "3h 1"))["count"] == 1


async def test_what_guests_have_said_who_have_left_is_purged_and_nothing_of_who_stands_above(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        await ann.ask("role", room="den", nick="bob", role="moderator")
        await bob.wait_for("role-given")
        zoe = await guest(house, "zoe", 5)
        await said(zoe, "spam")
        await zoe.ask("logout")
        await said(ann, "welcome")
        assert (await purge(bob, "ann", "1h 9"))["code"] == "stands-above"
        assert (await purge(bob, "ann", "1h"))["code"] == "stands-above", "nobody is told to type what is refused then"
        assert (await purge(bob, "zoe", "9"))["count"] == 1
        await said(bob, "oh well")
        assert (await purge(bob, "bob", "9"))["count"] == 1, "one's own"


async def test_many_lines_are_deleted_by_several_entries_and_others_are_heard_meanwhile(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking_back, "RANGES_MAX", 3)
    monkeypatch.setattr(taking_back, "NUMBERS_MAX", 4)
    monkeypatch.setattr(taking_back, "READ_AT_ONCE", 7)
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        first = await said(bob, "0")
        for number in range(1, 20):
            await said(bob, f"{number}")
            if number % 2 or number < 8:
                await said(ann, "hm")
        answer = await purge(ann, "bob", "99")
        assert answer["count"] == 20
        lines = (await journal.read("den", first, 999)).lines
        assert not [line for line in lines if line.nick == "bob" and not isinstance(line, Deleted)]
        entries = [line for line in lines if isinstance(line, Redacted)]
        assert len(entries) > 5
        assert all(entry.count <= 4 and len(entry.of) <= 3 for entry in entries)
        assert sum(entry.count for entry in entries) == 20


async def test_a_purge_that_the_disk_refuses_says_so(autojump_clock: trio.abc.Clock) -> None:
    journal = FaultyJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        await said(bob, "spam")
        journal.is_full = True
        await ann.ask("purge", room="den", nick="bob", span="9")
        assert (await ann.wait_for("not-stored"))["room"] == "den"
        assert (await ann.wait_for("refused"))["code"] == "cannot-store"
        journal.is_full = False
        assert (await purge(ann, "bob", "9"))["count"] == 1


class Unreadable(MemoryJournal):
    """A journal that cannot be read for now, as a database that comes back answers one connection sooner than another."""

    is_unreadable = False

    def append(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey]) -> PendingAppend:
        self.is_unreadable = any(isinstance(line, Redacted) for line in lines)
        return super().append(lines, keys)

    async def read(self, room: str, first: int, last: int) -> Page:
        if self.is_unreadable:
            raise JournalError("the database is away")
        return await super().read(room, first, last)


async def test_what_is_deleted_is_said_to_be_though_nothing_can_be_read_just_then(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(journal=Unreadable(), silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        number = await said(bob, "spam")
        await ann.ask("delete", room="den", number=number, ref="d")
        answer = await ann.read()
        while answer.get("ref") != "d":
            answer = await ann.read()
        assert (answer["is"], answer.get("count")) == ("lines-deleted", 1)


async def test_who_may_not_read_a_line_sees_the_number_only_when_it_is_deleted(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        old = await said(bob, "before you came")
        await ann.ask("rule", room="den", rule="history", value="joined")
        await bob.wait_for("rule-set")
        eve = await guest(house, "eve", 5)
        assert await refused(eve, old) == "no-such-line"
        await ann.ask("delete", room="den", number=old)
        event = await told(eve, "redacted")
        assert (event["nick"], event["text"], event.get("whom", "")) == ("ann", f"#{old}", "")
        assert "bob" not in str(event)


class SlowReading(MemoryJournal):
    """A journal that is read late, once."""

    def __init__(self) -> None:
        super().__init__()
        self.is_slow = False
        self.goes_on = trio.Event()

    async def read(self, room: str, first: int, last: int) -> Page:
        page = await super().read(room, first, last)
        if self.is_slow:
            self.is_slow = False
            await self.goes_on.wait()
        return page


@pytest.mark.parametrize("how", ["history", "around", "since"])
async def test_nobody_is_shown_a_line_by_what_was_read_before_it_was_deleted(
    autojump_clock: trio.abc.Clock, how: str
) -> None:
    journal = SlowReading()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        number = await said(bob, "swordfish")
        await ann.wait_for("said")
        journal.is_slow = True
        asked = {"history": {"after": 0, "count": 50}, "around": {"number": number}, "since": {"number": 0}}
        await ann.ask(how, room="den", **asked[how])
        await trio.testing.wait_all_tasks_blocked()
        await bob.ask("delete", room="den", number=number)
        await bob.wait_for("lines-deleted")
        journal.goes_on.set()
        shown: list[dict[str, Any]] = []
        while not shown or shown[-1]["is"] != "page":
            shown.append(await ann.read())
        assert [event["is"] for event in shown][-2:] == ["redacted", "page"]
        assert "swordfish" not in str(shown)


async def test_a_deleted_topic_is_taken_away_once_though_the_turn_is_looked_at_again(
    autojump_clock: trio.abc.Clock,
) -> None:
    kept_by: list[list[str]] = []
    async with open_nodes(2, delay=lambda: 0.2, silence_seconds=9999) as (first, second):
        ann, bob = await holder(first, "ann", 1), await holder(second, "bob", 2)
        await make_den(ann, bob, seconds=3)
        await ann.ask("role", room="den", nick="bob", role="owner")
        await bob.wait_for("role-given")
        number = await said(bob, "swordfish", "topic")
        await trio.sleep(2)
        await ann.ask("rule", room="den", rule="slow", value="5")
        await trio.sleep(0.1)  # that is on its way, and the other node has not heard of it
        await bob.ask("delete", room="den", number=number)
        await bob.wait_for("lines-deleted")
        await trio.sleep(2)
        for one in (ann, bob):
            lines = await page_of(one, number)
            kept_by.append([line["is"] for line in lines])
            await one.ask("topic", room="den")
            assert (await one.wait_for("topic-shown"))["topic"] == ""
    assert kept_by[0] == kept_by[1] == ["deleted", "rule-set", "redacted", "topic"]


async def test_what_one_has_written_to_somebody_is_taken_back_for_both(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        ann, bob = await friends(house, "ann", "bob")
        await ann.ask("say", room="@bob", text="swordfish", key="k")
        number = (await ann.wait_for("stored"))["seq"]
        while (await bob.wait_for("said"))["seq"] != number:
            pass
        assert (await answer(bob, "delete", room="@ann", number=number))["code"] == "not-yours"
        assert (await answer(bob, "purge", room="@ann", nick="ann"))["code"] == "not-in-conversations"
        await ann.ask("delete", room="@bob", number=number)
        for one, other in ((ann, "bob"), (bob, "ann")):
            event = await one.wait_for("redacted")
            assert (event["room"], event["nick"], event["of"]) == (f"@{other}", "ann", [[number, number]])
        assert (await ann.wait_for("lines-deleted"))["count"] == 1
        for one, other in ((ann, "bob"), (bob, "ann")):
            page = await answer(one, "last", room=f"@{other}")
            assert "swordfish" not in str(page)
            assert [line["is"] for line in page["lines"]][-2:] == ["deleted", "redacted"]
            assert (await answer(one, "search", room=f"@{other}", words="swordfish"))["rooms"] == []
        assert (await answer(ann, "delete", room="@bob", number=number))["code"] == "deleted-already"
        await ann.ask("say", room="@bob", text="swordfish", key="k")
        assert (await ann.wait_for("stored"))["seq"] == number
