"""Lines that are edited, replied to and reacted to: by whole servers, on virtual time."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import count, cycle
from typing import Any

import pytest
import trio

from chat_server.commands.amending import EDIT_SECONDS, EDITS_MAX
from chat_server.commands.case_pages import PAGE_BYTES
from chat_server.config import Config
from chat_server.journal import EVERYTHING, Matches, Page, RoomRecord
from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.amending import Edited, Redacted, reaction_of
from chat_server.protocol.amendments import REACTING_MAX, SIGNS_MAX
from chat_server.protocol.entries import Entry, Said
from chat_server.rooms.amending import AmendingTurn
from chat_server.rooms.reactions_told import GATHERED_SECONDS
from chat_server.rooms.recent_history import RecentHistory
from dens import den, holder, make_den, told
from node_houses import open_nodes
from streams import Program, open_house
from test_conversing import answer, friends
from test_taking_back import guest, page_of, said

refs = count(1)
THUMB = "\N{THUMBS UP SIGN}"


pytestmark = pytest.mark.usefixtures("wall_clock")


async def asked(program: Program, do: str, room: str = "den", **fields: Any) -> dict[str, Any]:
    """What a program is answered to this."""
    return await answer(program, do, room=room, **fields)


async def reply(program: Program, number: int) -> dict[str, Any]:
    """What the program is told next that replies to the line with this number."""
    while (event := await told(program, "said")).get("re") != number:
        pass
    return event


async def line(program: Program, number: int) -> dict[str, Any]:
    """The line with this number as it is read now."""
    (found,) = await page_of(program, number, 1)
    return found


async def test_a_line_that_is_edited_says_the_new_text_everywhere_and_the_old_one_nowhere(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        number = await said(bob, "hello wrold")
        assert (await asked(bob, "edit", number=number, text="hello world"))["is"] == "stored"
        event = await told(ann, "edited")
        assert event == {"is": "edited", "room": "den", "nick": "bob", "text": "hello world", "of": number}
        now = await line(ann, number)
        assert (now["text"], now["edited"]) == ("hello world", number + 1)
        assert (await asked(bob, "edit", number=number, text="hello, world"))["is"] == "stored"
        page = await page_of(ann, number)
        assert [(one["is"], one["text"]) for one in page] == [
            ("said", "hello, world"),
            ("edited", ""),
            ("edited", "hello, world"),
        ]
        for words, found in (("wrold", 0), ("world", 1)):
            shown = await asked(ann, "search", words=words)
            assert sum(len(lines) for _, lines in shown["rooms"]) == found
        eve = await holder(house, "eve", 3)
        await eve.ask("join", room="den")
        assert "wrold" not in str(await eve.wait_for("recalled"))


async def test_everybody_edits_only_what_they_have_said_themselves_and_only_for_a_while(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        number = await said(bob, "mine")
        assert (await asked(ann, "edit", number=number, text="yours"))["code"] == "not-your-line"
        assert (await asked(bob, "edit", number=number, text="mine"))["code"] == "same-text"
        assert (await asked(bob, "edit", number=999, text="x"))["code"] == "no-such-line"
        topic = await said(bob, "what we talk about", "topic")
        assert (await asked(bob, "edit", number=topic, text="x"))["code"] == "nothing-said"
        await trio.sleep(EDIT_SECONDS - 1)
        assert (await asked(bob, "edit", number=number, text="still"))["is"] == "stored"
        await trio.sleep(2)
        assert (await asked(bob, "edit", number=number, text="late"))["code"] == "too-old-to-edit"


async def test_a_line_is_edited_so_often_that_all_it_said_can_be_shown_at_once(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        _, bob = await den(house, "ann", "bob")
        number = await said(bob, "text 0")
        for edit in range(1, EDITS_MAX + 1):
            assert (await asked(bob, "edit", number=number, text=f"text {edit}"))["is"] == "stored"
        assert (await asked(bob, "edit", number=number, text="once more"))["code"] == "edited-enough"
        assert len((await asked(bob, "versions", number=number))["versions"]) == EDITS_MAX


async def test_what_a_line_said_before_is_shown_by_pages_that_may_wait_for_a_reader_and_paid_for(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999, messages_per_second=4) as house:
        _, bob = await den(house, "ann", "bob")
        number = await said(bob, "0")
        texts = [str(edit) + "\N{GRINNING FACE}" * 3500 for edit in range(1, EDITS_MAX + 1)]
        for text in texts:
            await trio.sleep(20)
            assert (await asked(bob, "edit", number=number, text=text))["is"] == "stored"
        await trio.sleep(60)
        read: list[str] = []
        before, pages, began = 0, 0, trio.current_time()
        while True:
            await bob.ask("versions", room="den", number=number, before=before)
            while True:
                line = await bob.read_until("\n")
                event = json.loads(line)
                if event["is"] == "versions":
                    break
            assert len(line) <= 10 * PAGE_BYTES
            read = [row["line"] for row in event["versions"].values()] + read
            pages += 1
            before = event.get("before", 0)
            if not before:
                break
            assert event["text"].endswith(f"/versions {number} {before}")
        assert read == ["0", *texts[:-1]]
        assert pages >= EDITS_MAX // 2
        assert trio.current_time() - began > pages, "who reads it pays for what is shown, and for what is read"
        nothing = await asked(bob, "versions", number=number, before=number)
        assert (nothing["is"], nothing["text"]) == ("no-versions", f"Line #{number} said nothing else before that.")


async def test_no_edit_says_what_the_room_would_not_let_be_said(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        number = await said(bob, "hello")
        await ann.ask("rule", room="den", rule="links", value="members")
        await bob.wait_for("rule-set")
        assert (await asked(bob, "edit", number=number, text="https://example.org"))["code"] == "links-rule"
        await ann.ask("words", room="den", action="add", word="swordfish")
        await bob.wait_for("word-set")
        assert (await asked(bob, "edit", number=number, text="swordfish"))["code"] == "edit-waits"
        await ann.ask("rule", room="den", rule="hold", value="all")
        await bob.wait_for("rule-set")
        assert (await asked(bob, "edit", number=number, text="anything"))["code"] == "edit-waits"
        assert (await asked(bob, "react", number=number, sign="+1"))["is"] == "stored", "there is nothing to look at"
        assert (await asked(bob, "react", number=number, sign="+1"))["is"] == "stored"
        await ann.ask("mute", room="den", nick="bob", span="1h")
        await bob.wait_for("muted")
        assert (await asked(bob, "edit", number=number, text="x"))["code"] == "muted-here"
        assert (await asked(bob, "react", number=number, sign="+1"))["code"] == "muted-here"


async def test_what_a_line_said_before_is_shown_to_its_author_and_to_moderators_for_a_month(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, eve = await den(house, "ann", "bob", "eve")
        number = await said(bob, "first")
        for text in ("second", "third"):
            await asked(bob, "edit", number=number, text=text)
        for one in (ann, bob):
            shown = await asked(one, "versions", number=number)
            assert [row["line"] for row in shown["versions"].values()] == ["first", "second"]
        assert (await asked(eve, "versions", number=number))["code"] == "not-your-line"
        await asked(bob, "delete", number=number)
        assert (await asked(ann, "versions", number=number))["code"] == "deleted-already"


async def test_a_line_that_is_deleted_leaves_no_text_in_its_edits(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        number = await said(bob, "my password is swordfish")
        await asked(bob, "edit", number=number, text="my password is swordfish1")
        await asked(ann, "react", number=number, sign="+1")
        await asked(bob, "delete", number=number)
        assert "swordfish" not in str(await page_of(ann, 1))
        assert "swordfish" not in str(vars(journal._kept))
        assert (await asked(bob, "edit", number=number, text="x"))["code"] == "deleted-already"
        assert (await asked(ann, "react", number=number, sign="+1"))["code"] == "deleted-already"


async def test_the_same_reaction_again_takes_it_back_whatever_one_is_called_by_then(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        zoe = await guest(house, "zoe", 5)
        number = await said(ann, "shall we?")
        for one in (ann, bob, zoe):
            assert (await asked(one, "react", number=number, sign=":thumbsup:"))["is"] == "stored"
        assert (await line(ann, number))["reactions"] == [{"sign": THUMB, "nicks": ["ann", "bob", "zoe"]}]
        event = await told(bob, "reacted")
        assert (event["text"], event["of"], event["whom"]) == (THUMB, number, "ann")
        assert "account" not in event
        await bob.ask("nick", nick="robert")
        await ann.wait_for("renamed")
        assert (await asked(bob, "react", number=number, sign=THUMB))["is"] == "stored"
        back = await ann.wait_for("reacted")
        while not back.get("is_back"):
            back = await ann.wait_for("reacted")
        assert (back["nick"], back["called"]) == ("robert", "bob")
        assert (await line(ann, number))["reactions"] == [{"sign": THUMB, "nicks": ["ann", "zoe"]}]
        assert (await asked(bob, "react", number=number, sign="hello"))["code"] == "no-sign"


async def test_a_reply_says_to_which_line_and_quotes_it_for_people_who_may_read_it(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        number = await said(bob, "before you came")
        await ann.ask("rule", room="den", rule="history", value="joined")
        await bob.wait_for("rule-set")
        tom = house.call("127.0.0.9")
        await tom.log_in("tom", "den")
        await ann.ask("say", room="den", text="yes", re=number)
        assert (await told(bob, "said"))["re"] == number
        assert "before" not in await tom.read_until("yes\r\n")
        later = await said(bob, "a line that Tom may read, and that is much longer than what is quoted of a line")
        await ann.ask("re", room="den", number=later, text="indeed")
        shown = await tom.read_until("indeed\r\n")
        assert f"ann (re #{later} bob: a line that Tom may read, and that is mu…): indeed" in shown
        assert (await asked(ann, "say", text="x", re=999))["code"] == "no-such-line"
        assert all(one.keys().isdisjoint({"quote", "account"}) for one in await page_of(bob, 1))


async def test_a_reply_says_whose_line_it_answers_to_whoever_may_read_that_and_to_nobody_else(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, carl = await den(house, "ann", "bob", "carl")
        number = await said(bob, "before you came")
        for _ in range(3):
            await said(ann, "more")
        await ann.ask("rule", room="den", rule="history", value="joined")
        await carl.wait_for("rule-set")
        late, eve = await guest(house, "late", 5), await guest(house, "eve", 6)
        assert (await asked(eve, "block", nick="bob"))["is"] != "refused"
        for text, key in (("yes", "1"), ("yes, yes", "2")):
            await asked(ann, "say", text=text, key=key, re=number)
        later = await said(bob, "and after")
        await asked(ann, "say", text="indeed", key="3", re=later)
        for one, known in ((carl, ["bob"] * 3), (ann, ["bob"] * 3), (late, [None, None, "bob"]), (eve, [None] * 3)):
            live = [] if one is ann else [await reply(one, re) for re in (number, number, later)]
            read = [line for line in await page_of(one, number) if line.get("re")]
            sought = [await asked(one, "search", words="yes", everywhere=where) for where in (False, True)]
            found = [[line for _, lines in answer["rooms"] for line in lines] for answer in sought]
            assert [len(lines) for lines in found] == [2, 2]
            for lines in (live, read, *found):
                assert [line.get("whom") for line in lines] == known[: len(lines)], one
                assert all("account" not in line for line in lines)


async def test_what_was_held_says_whose_line_it_answers(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        number = await said(ann, "shall we?")
        await ann.ask("rule", room="den", rule="hold", value="newcomers")
        await bob.wait_for("rule-set")
        zoe = await guest(house, "zoe", 5)
        await zoe.ask("say", room="den", text="yes", key="k", re=number)
        await ann.ask("accept-held", room="den", id=(await zoe.wait_for("line-held"))["id"])
        assert (await reply(bob, number))["whom"] == "ann"


@pytest.mark.parametrize("key", ["k", ""])
async def test_a_reply_of_a_program_is_answered_by_its_ref_as_any_line(
    key: str, autojump_clock: trio.abc.Clock
) -> None:
    async with open_house(silence_seconds=9999) as house:
        (ann,) = await den(house, "ann")
        number = await said(ann, "one")
        for ref in ("first", "again"):
            await ann.ask("re", room="den", number=number, text="two", key=key, ref=ref)
            assert (await ann.wait_for("stored"))["ref"] == ref
        await ann.ask("re", room="den", number=999, text="two", key=key and "other", ref="refused")
        assert (await ann.wait_for("refused"))["ref"] == "refused"


@pytest.mark.parametrize("nodes", [1, 2], ids=["one node", "two nodes"])
async def test_who_has_the_name_of_a_guest_now_does_not_take_their_reaction_back_and_they_do_by_any_name(
    nodes: int, autojump_clock: trio.abc.Clock
) -> None:
    async with open_nodes(nodes, silence_seconds=9e9) as houses:
        (ann,) = await den(houses[0], "ann")
        await trio.sleep(2)
        zoe, tom = await guest(houses[-1], "zoe", 5), await guest(houses[0], "tom", 6)
        number = await said(ann, "shall we?")
        await trio.sleep(2)
        assert (await asked(zoe, "react", number=number, sign=THUMB))["is"] == "stored"
        await asked(zoe, "nick", nick="zelda")
        await trio.sleep(5)
        await asked(tom, "nick", nick="zoe")
        await trio.sleep(5)
        assert (await asked(tom, "react", number=number, sign=THUMB))["code"] == "namesake-reacted"
        assert (await line(ann, number))["reactions"] == [{"sign": THUMB, "nicks": ["zoe"]}]
        assert (await asked(zoe, "react", number=number, sign=THUMB))["is"] == "stored"
        await trio.sleep(2)
        assert "reactions" not in await line(ann, number)
        for nicks in (["zoe"], []):
            assert (await asked(tom, "react", number=number, sign=THUMB))["is"] == "stored"
            assert [one["nicks"] for one in (await line(ann, number)).get("reactions", ())] == [nicks] * len(nicks)


async def test_a_guest_s_reaction_is_theirs_whatever_the_room_is_called_and_none_in_another_room_of_that_name(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        zoe = await guest(house, "zoe", 5)
        number = await said(bob, "shall we?")
        await asked(zoe, "react", number=number, sign=THUMB)
        await ann.ask("rename", room="den", name="lair")
        await told(zoe, "room-renamed")
        await ann.ask("create", room="den")
        await ann.wait_for("room-created")
        await ann.ask("join", room="den")
        await ann.wait_for("entered")
        while await said(ann, "anew") < number:
            pass
        other = await guest(house, "zita", 6)
        await asked(other, "react", number=number, sign=THUMB)
        await asked(other, "nick", nick="zo")
        await zoe.ask("join", room="den")
        await zoe.wait_for("entered")
        assert (await asked(zoe, "react", room="lair", number=number, sign=THUMB))["is"] == "stored"
        await zoe.ask("history", room="lair", after=number - 1, count=1)
        assert "reactions" not in (await zoe.wait_for("page"))["lines"][0]
        await asked(zoe, "react", room="lair", number=number, sign=THUMB)
        await asked(zoe, "nick", nick="zita")
        assert (await asked(zoe, "react", number=number, sign=THUMB))["code"] == "namesake-reacted"


async def test_a_guest_of_a_conversation_takes_their_own_reaction_back_and_not_the_others(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(1, silence_seconds=9e9) as (house,):
        await den(house, "ann")
        zoe, tom = await guest(house, "zoe", 5), await guest(house, "tom", 6)
        for one in (zoe, tom):
            await answer(one, "dm", who="all")
        number = (await answer(zoe, "msg", nick="tom", text="hello"))["seq"]
        await answer(tom, "msg", nick="zoe", text="hi")
        assert (await asked(zoe, "react", "@tom", number=number, sign=THUMB))["is"] == "stored"
        for one, nick in ((zoe, "zelda"), (tom, "zoe")):
            await asked(one, "nick", nick=nick)
            await trio.sleep(1)
        assert (await asked(tom, "react", "@zelda", number=number, sign=THUMB))["code"] == "namesake-reacted"
        assert (await asked(zoe, "react", "@zoe", number=number, sign=THUMB))["is"] == "stored"
        assert (await asked(tom, "react", "@zelda", number=number, sign=THUMB))["is"] == "stored"


async def test_people_at_terminals_are_told_once_of_a_crowd_that_reacts(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        number = await said(ann, "shall we?")
        tom = house.call("127.0.0.9")
        await tom.log_in("tom", "den")
        crowd = [await guest(house, f"guest{place}", 10 + place) for place in range(6)]
        for one in (*crowd, bob):
            await asked(one, "react", number=number, sign="+1" if one is not bob else "heart")
        await trio.sleep(GATHERED_SECONDS + 1)
        await ann.ask("say", room="den", text="over")
        shown = await tom.read_until("over\r\n")
        assert shown.count("reacted") == 1
        assert f"guest0, guest1, guest2 +4 reacted to ann's line #{number}: {THUMB}" in shown
        await tom.type(f"/react {number} :+1:")
        await tom.read_until(f"* You reacted to line #{number}: {THUMB}")
        await tom.type("/last 30")
        page = await tom.read_until("* Lines")
        assert f"[{THUMB} 7" in page
        assert "reacted" not in page


async def test_who_has_blocked_somebody_sees_nothing_of_their_edits_and_reactions(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, eve = await den(house, "ann", "bob", "eve")
        own, of_bob = await said(ann, "mine"), await said(bob, "his")
        await ann.ask("block", nick="bob")
        await trio.sleep(1)
        await asked(bob, "edit", number=of_bob, text="hidden words")
        await asked(bob, "react", number=own, sign="+1")
        await asked(eve, "react", number=of_bob, sign="rocket")
        heard = [await ann.wait_for("blocked") for _ in range(2)]
        assert all(set(one) == {"is", "room", "seq", "at"} for one in heard)
        assert (await ann.wait_for("reacted")).get("text", "") == ""
        page = await page_of(ann, own)
        assert [one["is"] for one in page] == ["said", "blocked", "blocked", "blocked", "reacted"]
        assert "reactions" not in page[0]
        assert (page[4].get("text", ""), page[4]["of"]) == ("", of_bob)


async def test_who_came_later_sees_the_number_only_of_what_was_edited_before(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        old = await said(bob, "before you came")
        await ann.ask("rule", room="den", rule="history", value="joined")
        await bob.wait_for("rule-set")
        eve = await guest(house, "eve", 5)
        await asked(bob, "edit", number=old, text="still before you came")
        await asked(ann, "react", number=old, sign="+1")
        for event in (await told(eve, "edited"), await told(eve, "reacted")):
            assert event.get("text", "") == ""
            assert event["of"] == old
            assert "whom" not in event
        assert "before" not in str(await page_of(eve, 1))


async def test_both_of_a_conversation_edit_reply_and_react(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await friends(house, "ann", "bob")
        await ann.ask("say", room="@bob", text="teh meeting", key="k")
        number = (await ann.wait_for("stored"))["seq"]
        assert (await asked(bob, "edit", room="@ann", number=number, text="x"))["code"] == "not-your-line"
        assert (await asked(ann, "edit", room="@bob", number=number, text="the meeting"))["is"] == "stored"
        event = await bob.wait_for("edited")
        assert (event["room"], event["text"], event["of"]) == ("@ann", "the meeting", number)
        await bob.ask("react", room="@ann", number=number, sign="+1")
        assert (await ann.wait_for("reacted"))["room"] == "@bob"
        await bob.ask("say", room="@ann", text="when?", re=number)
        while (heard := await ann.wait_for("said"))["text"] != "when?":
            pass
        assert heard["re"] == number
        page = await asked(bob, "last", room="@ann")
        (edited,) = (one for one in page["lines"] if one["seq"] == number)
        assert (edited["text"], edited["reactions"]) == ("the meeting", [{"sign": THUMB, "nicks": ["bob"]}])


async def test_who_is_away_is_told_of_replies_to_what_they_have_said(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        number = await said(ann, "who comes along?")
        await ann.ask("away", text="lunch")
        await trio.sleep(1)
        await bob.ask("say", room="den", text="me", re=number)
        await trio.sleep(2)
        shown = await asked(ann, "mentions")
        assert [one["text"] for _, lines in shown["rooms"] for one in lines] == ["me"]


async def test_of_many_long_mentions_those_that_fit_are_shown_and_the_others_next(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999, messages_per_second=0) as house:
        ann, bob = await den(house, "ann", "bob")
        await ann.ask("away", text="lunch")
        await trio.sleep(1)
        numbers = [await said(bob, f"ann, {number} " + "x" * 15_000) for number in range(8)]
        await trio.sleep(2)
        await ann.ask("delete", room="den", number=numbers[3])
        seen: list[int] = []
        for more in (6, 3, 1, 0):  # the deleted one has no text
            shown = await asked(ann, "mentions")
            assert shown["more"] == more
            seen = [line["seq"] for _, lines in shown["rooms"] for line in lines] + seen
            await trio.sleep(1)
        assert seen == numbers


async def test_every_node_shows_a_line_as_it_was_edited(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(2, silence_seconds=9999) as houses:
        first, second = houses
        ann, bob = await holder(first, "ann", 1), await holder(second, "bob", 2)
        await make_den(ann, bob, seconds=2)
        number = await said(bob, "wrold")
        await ann.wait_for("said")
        await asked(bob, "edit", number=number, text="world")
        assert (await told(ann, "edited"))["text"] == "world"
        await asked(ann, "react", number=number, sign="+1")
        assert (await told(bob, "reacted"))["nick"] == "ann"
        for one in (ann, bob):
            now = await line(one, number)
            assert (now["text"], now["reactions"]) == ("world", [{"sign": THUMB, "nicks": ["ann"]}])


class CrowdedReading(MemoryJournal):
    """A journal in which somebody reacts whenever something is read."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def read(self, room: str, first: int, last: int) -> Page:
        page = await super().read(room, first, last)
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
            self.meanwhile = meanwhile
        return page


async def test_a_crowd_that_reacts_without_end_keeps_nobody_from_reading(autojump_clock: trio.abc.Clock) -> None:
    journal = CrowdedReading()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        ann, bob, eve = await den(house, "ann", "bob", "eve")
        number = await said(bob, "shall we?")

        async def react() -> None:
            journal.meanwhile = None
            await asked(eve, "react", number=number, sign="+1")

        journal.meanwhile = react
        shown = await page_of(ann, number)
        journal.meanwhile = None
        now = await page_of(ann, number)
        assert shown[0] == now[0], "it is shown as it is when it is shown"


class SlowSearch(MemoryJournal):
    """A journal whose searches take their time."""

    async def search(
        self, words: str, rooms: Sequence[str] | None, limit: int, since: Mapping[str, int] = EVERYTHING
    ) -> Matches:
        found = await super().search(words, rooms, limit, since)
        await trio.sleep(0.5)
        return found


async def test_whoever_searches_finds_lines_as_they_stand_though_others_amend_lines_without_end(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(journal=SlowSearch(), silence_seconds=9999, messages_per_second=0) as house:
        ann, bob = await den(house, "ann", "bob")
        edited, gone, number = [await said(bob, f"swordfish {what}") for what in ("one", "two", "three")]
        signs = cycle((":+1:", ":wave:", ":tada:"))
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def react() -> None:
                while True:
                    await bob.ask("react", room="den", number=number, sign=next(signs))
                    await trio.sleep(0.03)

            for where in (False, True):
                with trio.fail_after(5):
                    shown = await asked(ann, "search", words="swordfish", everywhere=where)
                assert [len(lines) for _, lines in shown["rooms"]] == [3]
            nursery.cancel_scope.cancel()
        await ann.ask("search", words="swordfish", room="den", ref="s")
        await trio.sleep(0.1)
        await bob.ask("edit", room="den", number=edited, text="a fish")
        await bob.ask("delete", room="den", number=gone)
        with trio.fail_after(5):
            while (event := await ann.wait_for("found")).get("ref") != "s":
                pass
        ((_, lines),) = event["rooms"]
        assert [line["text"] for line in lines] == ["a fish", "swordfish three"]


def test_in_a_turn_that_deletes_a_line_nothing_amends_it_and_in_the_next_only_what_is_left_can_be_amended() -> None:
    lines: dict[int, Entry] = {number: Said("den", number, 0.0, "bob", "x") for number in (4, 5, 6)}
    turn = AmendingTurn(lines.get)
    edits = [Edited("den", 0, 0.0, "bob", "y", of=number) for number in (4, 5, 6)]

    def codes() -> list[str]:
        return [refusal.code if (refusal := turn.refusal_of(edit)) else "" for edit in edits]

    turn.begin()
    assert codes() == ["", "", ""]
    assert turn.refusal_of(Redacted("den", 0, 0.0, "ann", "#5", whom="bob", of=((5, 5),))) is None
    assert codes() == ["", "line-changed", ""]
    del lines[6]
    assert codes() == ["", "line-changed", "line-changed"]
    turn.begin()
    assert codes() == ["", "", "line-changed"]


async def test_what_a_crowd_has_reacted_with_fits_into_what_may_wait_for_a_reader(
    autojump_clock: trio.abc.Clock,
) -> None:
    crowd = [(f"{'x' * 20}{number}", 0) for number in range(REACTING_MAX)]
    reactions = tuple(reaction_of(chr(0x1F400 + number), crowd) for number in range(SIGNS_MAX))
    journal = MemoryJournal()
    await journal.create_room("python")
    lines: list[Entry] = [
        Said("python", 0, 5.0, "ann", f"needle {number}", reactions=reactions) for number in range(60)
    ]
    await journal.append(lines, {}).stored()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        eve = await holder(house, "eve")
        await eve.ask("join", room="python")
        shown = len(str(await eve.wait_for("recalled")))
        after = 0
        while after < len(lines):
            page = (await answer(eve, "history", room="python", after=after, count=50))["lines"]
            assert page[0]["seq"] == after + 1
            assert len(page[0]["reactions"]) == SIGNS_MAX
            after, shown = page[-1]["seq"], max(shown, len(str(page)))
        found = await answer(eve, "search", room="python", words="needle")
        assert max(shown, len(str(found))) < Config().limits.waiting_bytes // 4


def test_of_what_amends_lines_a_room_remembers_only_so_much_however_long_it_is() -> None:
    history, room = RecentHistory(RoomRecord("den", "", 1, 0)), "den"
    edits = [Edited(room, seq, 0.0, "bob", "x" * 16_000, of=1) for seq in range(1, 30)]
    history.add([Said(room, 1, 0.0, "bob", "first")])
    for edit in edits:
        history.add([edit])
        history.referred.note(Said(room, edit.seq, 0.0, "bob", edit.text))
    assert history.amended_since(len(edits) - 4) == edits[-4:]
    assert history.amended_since(len(edits) - 5) is None, "it is read again"
    kept = [history.referred.get(number) is not None for number in range(1, 30)]
    assert kept == [False] * 21 + [True] * 8
    history.forget(None)
    history.add([edits[-1]])
    assert history.amended_since(len(edits) + 1) == edits[-1:]
