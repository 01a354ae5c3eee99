"""Reports, appeals and lines that wait for a moderator: by whole servers, on virtual time."""

import json
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any, cast

import pytest
import trio

from canary import PASSWORD
from chat_server.accounts.acts import ServerAct
from chat_server.accounts.cases import DAY, Case
from chat_server.commands.case_pages import PAGE_BYTES
from chat_server.config import Config, RoomsTable
from chat_server.journal import JournalError
from chat_server.journal.kept_in_memory import Kept
from chat_server.journal.memory import MemoryJournal
from chat_server.journal.nodes import Speaker
from chat_server.protocol.entries import Said
from chat_server.rooms.batch import Accepted
from chat_server.rooms.movements import not_said_by
from chat_server.rooms.person import MODERATOR
from dens import den, holder, make_den, refused, told
from node_houses import open_nodes
from streams import House, Program, open_house

pytestmark = pytest.mark.usefixtures("wall_clock")


async def guest(house: House, nick: str, place: int = 50) -> Program:
    """A guest in the den."""
    one = house.connect(f"127.0.0.{place}")
    await one.ask("hello", protocol=2)
    await one.enter(nick, "den")
    return one


async def said(program: Program, text: str, **fields: Any) -> int:
    """The number under which something is said that everybody may say."""
    await program.ask("say", room="den", text=text, key=text, **fields)
    return int((await program.wait_for("stored"))["seq"])


async def held(program: Program, text: str, key: str = "") -> int:
    """The number under which something waits."""
    await program.ask("say", room="den", text=text, key=key)
    return int((await program.wait_for("line-held"))["id"])


async def listed(program: Program, what: str = "reports", **fields: Any) -> dict[str, dict[str, str]]:
    """What waits, as somebody sees it."""
    await program.ask(what, ref="l", **fields)
    while (event := await program.read()).get("ref") != "l":
        pass
    rows = dict(event.get("lines" if what == "held" else "reports", {}))
    return {number: {name: value for name, value in row.items() if name != "at"} for number, row in rows.items()}


async def test_a_reported_line_is_shown_to_moderators_with_its_copy_and_not_to_whom_it_is_of(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, eve = await den(house, "ann", "bob", "eve")
        number = await said(eve, "rude words")
        await bob.ask("report", room="den", number=number, why="see")
        report = await told(bob, "reported")
        assert (report["number"], report["room"]) == (number, "den")
        assert (await told(ann, "report-made"))["id"] == report["id"]
        shown = {"kind": "report", "room": "den", "of": str(number), "whom": "eve", "line": "rude words", "why": "see"}
        assert await listed(ann, room="den") == {str(report["id"]): shown}, "owners of the room are not told by whom"
        assert await refused(bob, "reports") == "moderators-only"
        assert await refused(eve, "resolve", id=report["id"]) == "moderators-only"
        assert await refused(bob, "report", number=number) == "reported-already"
        assert await refused(eve, "report", number=number) == "nothing-to-report"
        assert await refused(eve, "report", number=999) == "nothing-to-report"
        await ann.ask("resolve", room="den", id=report["id"])
        await ann.wait_for("resolved")
        assert await listed(ann, room="den") == {}
        await eve.ask("ping")
        assert all(one["is"] not in {"report-made", "reported"} for one in [await eve.read() for _ in range(1)])
        assert await refused(ann, "resolve", id=report["id"]) == "no-such-case"


async def test_moderators_of_the_server_see_all_reports_in_the_hall_and_by_whom_they_are(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, eve = await den(house, "ann", "bob", "eve")
        number = await said(ann, "I own this")
        await bob.ask("report", room="den", number=number)
        await bob.wait_for("reported")
        assert await listed(ann, room="den") == {}, "nobody sees what is reported of themselves"
        eves = house.server._directory.person("eve")
        assert eves is not None
        eves.role = MODERATOR
        ((_, shown),) = (await listed(eve)).items()
        assert (shown["by"], shown["whom"], shown["line"]) == ("bob", "ann", "I own this")
        await ann.ask("reports", ref="h")
        while (answer := await ann.wait_for("refused")).get("ref") != "h":
            pass
        assert answer["code"] == "server-moderators-only", "who owns a room has no part in what is the server's"


async def test_moderators_who_were_away_are_told_at_login_how_much_waits(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, eve = await den(house, "ann", "bob", "eve")
        await ann.ask("rule", room="den", rule="hold", value="newcomers")
        await ann.wait_for("rule-set")
        await ann.ask("role", room="den", nick="eve", role="member")
        await ann.wait_for("role-given")
        await ann.ask("logout")
        guest_one = await guest(house, "gus")
        await held(guest_one, "hello")
        await bob.ask("report", room="den", number=await said(eve, "rude"))
        await bob.wait_for("reported")
        back = house.connect("127.0.0.77")
        await back.ask("hello", protocol=2)
        await back.ask("login", nick="ann", password=PASSWORD)
        assert await told(back, "cases-wait") == {"is": "cases-wait", "reports": 1, "appeals": 0, "held": 1}


async def test_reports_are_five_a_day_for_a_person(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=99_999) as house:
        _, bob, eve = await den(house, "ann", "bob", "eve")
        for text in "abcde":
            await bob.ask("report", room="den", number=await said(eve, text))
            await bob.wait_for("reported")
        number = await said(eve, "f")
        assert await refused(bob, "report", number=number) == "too-many-cases"
        await trio.sleep(DAY + 1)
        await bob.ask("report", room="den", number=number)
        await bob.wait_for("reported")


async def test_who_is_banned_can_appeal_once_a_day_and_is_told_the_answer(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, eve = await den(house, "ann", "eve")
        await ann.ask("ban", room="den", nick="eve", span="7d spam")
        number = (await told(eve, "banned"))["id"]
        await eve.wait_for("went-back")
        await eve.ask("appeal", id=number, why="it was my cat")
        appeal = await told(eve, "appealed")
        assert (await told(ann, "appeal-made"))["id"] == appeal["id"]
        await ann.ask("reports", room="den")
        told_so = (await ann.wait_for("reports"))["text"]
        assert f"today: eve asks that number {number} in den be lifted: it was my cat" in told_so
        ((_, shown),) = (await listed(ann, room="den")).items()
        assert (shown["kind"], shown["of"], shown["why"], shown["by"]) == (
            "appeal",
            str(number),
            "it was my cat",
            "eve",
        )
        await eve.ask("appeal", id=number, why="again", ref="a")
        assert (await eve.wait_for("refused"))["code"] == "too-many-cases"
        await eve.ask("appeal", id=99, why="again", ref="b")
        assert (await eve.wait_for("refused"))["code"] == "nothing-to-appeal"
        await ann.ask("resolve", room="den", id=appeal["id"], why="welcome again")
        answer = await told(eve, "appeal-answered")
        assert (answer["why"], answer.get("lifted", False)) == ("welcome again", False)


async def test_what_was_muted_once_more_is_lifted_with_the_appeal_against_the_first_time_and_no_other(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9e9) as house:
        ann, bob, eve = await den(house, "ann", "bob", "eve")
        appeals = []
        for nick, one in (("bob", bob), ("eve", eve)):
            await ann.ask("mute", room="den", nick=nick, span="30m")
            await one.ask("appeal", id=(await told(ann, "muted"))["id"], why="sorry")
            appeals.append((await told(one, "appealed"))["id"])
        await ann.ask("mute", room="den", nick="bob", span="60m")
        again = await told(ann, "muted")
        assert again["instead_of"]
        await ann.ask("unban", room="den", id=again["id"])
        assert (await told(bob, "appeal-answered"))["id"] == appeals[0]
        assert [*await listed(ann, room="den")] == [str(appeals[1])]


async def test_who_takes_the_name_of_a_guest_who_has_gone_is_told_nothing_of_their_lines_and_appeals(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9e9) as house:
        (ann,) = await den(house, "ann")
        await ann.ask("rule", room="den", rule="hold", value="all")
        gus, eve = house.call(), house.call()
        for number, (nick, one) in enumerate((("gus", gus), ("eve", eve)), 1):
            await one.log_in(nick, "den")
            await one.type("hello")
            await one.read_until(f"waits for a moderator of den (number {number})")
        await eve.type("/nick eva")
        await eve.read_until("eva")
        for number, (nick, one) in enumerate((("gus", gus), ("eva", eve)), 3):
            await ann.ask("mute", room="den", nick=nick, span="1d")
            await one.type(f"/appeal {(await told(ann, 'muted'))['id']} sorry")
            await one.read_until(f"are told (number {number})")
        await gus.type("/logout")
        await gus.read_to_end()
        others = [house.call(), house.call()]
        for nick, other in zip(("gus", "eve"), others, strict=True):
            await other.log_in(nick)
        for number in range(1, 5):
            await ann.ask("decline" if number < 3 else "resolve", room="den", id=number)
        await eve.read_until("has declined your line (number 2)")
        await eve.read_until("has closed your appeal (number 4)")
        for other in others:
            await other.type("/logout")
            heard = await other.read_to_end()
            assert "declined" not in heard
            assert "appeal" not in heard


@pytest.mark.parametrize("room", ["den", ""], ids=["a room", "the server"])
async def test_what_is_lifted_is_appealed_against_no_longer_and_who_did_is_told_once_at_whatever_node(
    room: str, autojump_clock: trio.abc.Clock
) -> None:
    async with open_nodes(2, silence_seconds=9e9) as (here, there):
        (ann,) = await den(here, "ann")
        assert (await here.ask_as_operator("give-role", name="ann", role="admin"))[-1]["is"] == "done"
        eve = await holder(there, "eve", 2)
        await trio.sleep(2)
        where = {"room": room} if room else {}
        if room:
            await eve.ask("join", room=room)
            await eve.wait_for("entered")
        numbers = []
        for _ in range(2):
            await ann.ask("mute", **where, nick="eve", span="30m")
            numbers.append((await eve.wait_for("muted" if room else "muted-everywhere"))["id"])
        await eve.ask("appeal", id=numbers[-1], why="it was my cat")
        appeal = await told(eve, "appealed")
        await told(ann, "appeal-made")
        await ann.ask("unban", **where, id=numbers[-1], reason="a nice cat", ref="u")
        while (answer := await ann.read()).get("ref") != "u":
            pass
        assert answer["is"] == ("stored" if room else "server-lifted")
        answer = await told(eve, "appeal-answered")
        assert (answer["id"], answer["why"], answer["lifted"]) == (appeal["id"], "a nice cat", True)
        await trio.sleep(5)
        assert await listed(ann, **where) == {}
        await ann.ask("audit", **where)
        (closed,) = [one for one in (await ann.wait_for("audit"))["acts"].values() if one["what"] == "appeal-closed"]
        assert (closed["by"], closed["reason"]) == ("ann", "a nice cat")
        assert await refused(ann, "resolve", id=appeal["id"]) == "no-such-case"
        await eve.ask("logout")
        assert not [event for event in await eve.rest() if event["is"] == "appeal-answered"]


async def test_what_waits_is_nowhere_in_the_room_until_it_is_accepted_and_then_it_is_its_authors(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        await ann.ask("rule", room="den", rule="hold", value="newcomers")
        await ann.wait_for("rule-set")
        await held(bob, "an account of today's")
        await ann.wait_for("line-waits")
        await ann.ask("decline", room="den", id=1)
        await ann.wait_for("declined")
        await ann.ask("role", room="den", nick="bob", role="member")
        await ann.wait_for("role-given")
        await trio.sleep(31)  # of each line only bots are told
        gus = await guest(house, "gus")
        number = await held(gus, "hello", "k1")
        assert await held(gus, "hello", "k1") == number, "sent again, it waits once"
        assert (await told(ann, "line-waits"))["id"] == number
        before = await said(bob, "members are not held")
        assert [line.text for line in (await journal.read("den", 1, 99)).lines][-1] == "members are not held"
        assert await listed(ann, "held", room="den") == {str(number): {"room": "den", "by": "gus", "line": "hello"}}
        assert await refused(bob, "accept-held", id=number) == "moderators-only"
        await ann.ask("accept-held", room="den", id=number)
        assert (await told(ann, "accepted"))["id"] == number
        (line,) = (await journal.read("den", before + 1, 99)).lines
        assert (line.nick, line.text, line.author, line.seq) == ("gus", "hello", 0, before + 1)
        assert (await told(gus, "said"))["text"] == "members are not held"
        assert (await told(gus, "said"))["text"] == "hello"
        assert await refused(ann, "accept-held", id=number) == "no-such-case"
        await gus.ask("say", room="den", text="hello", key="k1", ref="again")
        assert (await gus.wait_for("refused"))["code"] == "was-decided"
        other = await held(gus, "bye")
        await ann.ask("decline", room="den", id=other)
        await ann.wait_for("declined")
        assert (await told(gus, "line-declined"))["id"] == other
        assert (await journal.read("den", before + 2, 99)).lines == []


async def test_a_reply_that_has_waited_is_said_in_reply_to_the_same_line(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        first = await said(ann, "who comes?")
        await ann.ask("rule", room="den", rule="hold", value="all")
        await ann.wait_for("rule-set")
        await bob.ask("say", room="den", text="I do", re=first)
        number = (await bob.wait_for("line-held"))["id"]
        await ann.ask("accept-held", room="den", id=number)
        seq = (await ann.wait_for("accepted"))["seq"]
        (line,) = (await journal.read("den", seq, seq)).lines
        assert isinstance(line, Said)
        assert (line.text, line.re) == ("I do", first)


async def test_who_accepts_a_line_at_a_terminal_is_shown_it(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        await ann.ask("rule", room="den", rule="hold", value="newcomers")
        await ann.wait_for("rule-set")
        number = await held(bob, "hello")
        desk = house.call("127.0.0.9")
        await desk.type("/login ann")
        await desk.type(PASSWORD)
        await desk.type("/join den")
        await desk.read_until("Also here")
        await desk.type(f"/accept {number}")
        shown = await desk.read_until("is said in den")
        assert "bob: hello" in shown
        assert "Stored" not in shown, "what was stored under which key is told to whoever has sent it"


async def den_that_holds(house: House) -> tuple[Program, Program]:
    """The owner of a den in which every line waits, and a guest there."""
    (ann,) = await den(house, "ann")
    await ann.ask("rule", room="den", rule="hold", value="all")
    await ann.wait_for("rule-set")
    return ann, await guest(house, "gus")


async def test_nothing_is_accepted_of_somebody_who_was_muted_since_and_it_waits_on(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        ann, gus = await den_that_holds(house)
        number = await held(gus, "hello")
        await ann.ask("mute", room="den", nick="gus", span="1h")
        await ann.wait_for("muted")
        await ann.ask("accept-held", room="den", id=number)
        assert (await ann.wait_for("refused"))["code"] == "curbed-author"
        assert (await ann.wait_for("refused"))["code"] == "not-accepted"
        assert [*await listed(ann, "held", room="den")] == [str(number)]
        await trio.sleep(3601)
        await ann.ask("accept-held", room="den", id=number)
        await ann.wait_for("accepted")


async def test_nothing_is_accepted_where_nobody_says_anything_or_of_somebody_who_may_not_be_there_by_now(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")

        async def rule(name: str, value: str) -> None:
            await ann.ask("rule", room="den", rule=name, value=value)
            await ann.wait_for("rule-set")

        await rule("hold", "all")
        gus = await guest(house, "gus")
        of_bob, of_gus = await held(bob, "hello"), await held(gus, "hi")
        await ann.ask("archive", room="den")
        await ann.wait_for("archived")
        assert await refused(ann, "accept-held", id=of_bob) == "archived"
        await ann.ask("unarchive", room="den")
        await rule("guests", "no")
        assert await refused(ann, "accept-held", id=of_gus) == "curbed-author"
        await rule("guests", "yes")
        await rule("access", "invite")
        assert await refused(ann, "accept-held", id=of_bob) == "curbed-author"
        assert await refused(ann, "accept-held", id=of_gus) == "curbed-author"
        assert [*await listed(ann, "held", room="den")] == [str(of_bob), str(of_gus)], "it waits on"
        await rule("access", "open")
        for number in (of_bob, of_gus):
            await ann.ask("accept-held", room="den", id=number)
            await ann.wait_for("accepted")


async def test_what_waits_in_a_room_is_gone_with_it_but_for_reports(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        boss = await holder(house, "boss", 9)
        assert (await house.ask_as_operator("give-role", name="boss", role="moderator"))[-1]["is"] == "done"
        number = await said(ann, "rude")
        await bob.ask("report", room="den", number=number)
        await bob.wait_for("reported")
        await ann.ask("mute", room="den", nick="bob", span="1h")
        await bob.ask("appeal", id=(await bob.wait_for("muted"))["id"], why="please")
        await bob.wait_for("appealed")
        await ann.ask("rule", room="den", rule="hold", value="all")
        await held(await guest(house, "gus"), "hello")
        assert {one["kind"] for one in (await listed(boss)).values()} == {"report", "appeal"}
        await ann.ask("destroy", room="den", name="den")
        await ann.wait_for("destroyed")
        assert await listed(boss, "held") == {}, "nobody can say it"
        assert {one["kind"] for one in (await listed(boss)).values()} == {"report"}, (
            "no number of the server's is meant"
        )


async def test_words_hold_or_refuse_a_line_however_they_are_written_and_moderators_say_what_they_like(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        assert await refused(bob, "words", action="add", word="spam") == "moderators-only"
        await ann.ask("words", room="den", action="add", word="Spam")
        assert await told(bob, "word-set") == {"is": "word-set", "room": "den", "nick": "ann", "text": "hold"}
        await ann.ask("words", room="den", action="add", word="slur", rule="refuse")
        await ann.wait_for("word-set")
        assert await refused(ann, "words", action="add", word="two words") == "not-a-word"
        await held(bob, "buy SPАM now")  # with a Cyrillic letter
        assert await refused(bob, "say", text="a slur!") == "words-rule"
        await said(bob, "spammers are slurred")
        await said(ann, "what a slur, this spam")
        await ann.ask("words", room="den")
        assert (await ann.wait_for("words"))["words"] == {"spam": "hold", "slur": "refuse"}
        await ann.ask("words", room="den", action="remove", word="spam")
        await ann.wait_for("word-set")
        await said(bob, "spam")


async def test_what_one_has_waiting_is_bounded(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        _, gus = await den_that_holds(house)
        for number in range(5):
            await held(gus, f"line {number}")
        assert await refused(gus, "say", text="one more") == "too-much-held"


async def test_people_see_it_all_by_telnet(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, *_ = await den(house, "ann")
        await ann.ask("rule", room="den", rule="hold", value="links")
        await ann.wait_for("rule-set")
        bob = house.call()
        await bob.log_in("bob", "den")
        await bob.type("see https://example.org")
        await bob.read_until("* Your line waits for a moderator of den (number 1). Nobody else has seen it.")
        number = await said(ann, "hm")
        await bob.type(f"/report {number} boring")
        await bob.read_until(f"* Line {number} is reported to the moderators, with a copy (number 2).")
        await ann.ask("accept", room="den", nick="1")  # as people type it
        await bob.read_until("bob?: see https://example.org")


async def test_at_another_node_moderators_are_told_and_can_accept(autojump_clock: trio.abc.Clock) -> None:
    kept = Kept()
    async with open_nodes(2, kept=kept) as houses:
        one, two = houses
        ann = await holder(one, "ann")
        await ann.ask("create", room="den")
        await ann.wait_for("room-created")
        await ann.ask("join", room="den")
        await ann.wait_for("entered")
        await ann.ask("rule", room="den", rule="hold", value="all")
        await ann.wait_for("rule-set")
        await trio.sleep(2)
        gus = await guest(two, "gus")
        await trio.sleep(2)
        number = await held(gus, "hello")
        assert (await told(ann, "line-waits"))["id"] == number
        await ann.ask("accept-held", room="den", id=number)
        await ann.wait_for("accepted")
        assert (await told(gus, "said"))["text"] == "hello"
        other = await held(gus, "bye")
        await ann.ask("decline", room="den", id=other)
        assert (await told(gus, "line-declined"))["id"] == other


async def test_a_line_is_said_under_the_name_that_its_author_has_now_and_not_under_one_that_another_has(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=99_999) as house:
        ann, bob = await den(house, "ann", "bob")
        await ann.ask("rule", room="den", rule="hold", value="all")
        await ann.wait_for("rule-set")
        gus = await guest(house, "gus")
        first, second = await held(gus, "hello"), await held(bob, "hi")
        await gus.ask("logout")
        await gus.rest()
        other = await guest(house, "gus", 51)
        await bob.ask("nick", nick="robert")
        await bob.wait_for("renamed")
        await ann.ask("accept-held", room="den", id=second)
        assert (await told(ann, "said"))["nick"] == "robert"
        name_only = (await listed(ann, "held", room="den"))[str(first)]
        assert name_only["by"] == "gus"
        await other.ask("register", nick="gus", password=PASSWORD)
        await other.wait_for("registered")
        await ann.ask("accept-held", room="den", id=first)
        assert (await ann.wait_for("refused"))["code"] == "name-taken-since"


@pytest.mark.parametrize("nodes", [1, 2])
async def test_a_guest_known_by_a_name_alone_says_what_waited_by_whatever_name_and_nobody_who_has_come_by_that_name_does(
    nodes: int, autojump_clock: trio.abc.Clock
) -> None:
    async with AsyncExitStack() as stack:
        if nodes == 1:
            houses: Sequence[House] = [await stack.enter_async_context(open_house(silence_seconds=99_999))]
        else:
            houses = await stack.enter_async_context(open_nodes(2, silence_seconds=9e9))
        ann, bob = await holder(houses[0], "ann", 1), await holder(houses[0], "bob", 2)
        await make_den(ann, bob, seconds=2)
        await ann.ask("rule", room="den", rule="hold", value="all")
        await ann.wait_for("rule-set")
        await trio.sleep(2)
        for name, other in (("gus", "gustav"), ("zoe", "zora")):
            author = houses[-1].call("127.0.0.50")
            await author.log_in(name, "den")
            for text in ("I am here", "I have gone"):
                await author.type(text)
                await author.read_until("waits for a moderator")
            first, second = [int(number) for number in await listed(ann, "held", room="den")][-2:]
            await author.type(f"/nick {other}")
            await author.read_until(f"is now {other}")
            await trio.sleep(2)
            await ann.ask("accept-held", room="den", id=first)
            assert (await told(ann, "said"))["nick"] == other
            await author.type(f"/nick {name}", "/quit")
            await author.read_to_end()
            await trio.sleep(2)
            thief = houses[nodes - 1 if name == "gus" else 0].call("127.0.0.51")
            await thief.log_in(name, "den")
            await trio.sleep(2)
            await ann.ask("accept-held", room="den", id=second)
            assert (await ann.wait_for("refused"))["code"] == "name-taken-since"
            await thief.type("/quit")
            await thief.read_to_end()
            await trio.sleep(2)
            await ann.ask("accept-held", room="den", id=second)
            assert (await told(ann, "said"))["nick"] == name, "nobody else is called so"


async def test_what_somebody_writes_to_one_can_be_reported_to_the_server_s_moderators(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, eve = await den(house, "ann", "bob", "eve")
        await eve.ask("msg", nick="bob", text="psst", key="k")
        await eve.wait_for("message-sent")
        await bob.ask("accept", nick="eve")
        await bob.wait_for("request-accepted")
        await bob.ask("report", room="@eve", number=1, why="see")
        assert (await told(bob, "reported"))["number"] == 1
        assert await listed(ann, room="den") == {}
        anns = house.server._directory.person("ann")
        assert anns is not None
        anns.role = MODERATOR
        ((_, shown),) = (await listed(ann)).items()
        assert (shown["room"], shown["whom"], shown["line"], shown["by"]) == ("", "eve", "psst", "bob")


async def test_words_of_the_settings_count_in_every_room(autojump_clock: trio.abc.Clock) -> None:
    config = Config(rooms=RoomsTable(held_words=["spam"], refused_words=["slur"]))
    async with open_house(config, silence_seconds=9999) as house:
        bob = house.connect()
        await bob.ask("hello", protocol=2)
        await bob.enter("bob", "python")
        await bob.ask("say", room="python", text="SPAM")
        await bob.wait_for("line-held")
        await bob.ask("say", room="python", text="slur")
        assert (await bob.wait_for("refused"))["code"] == "words-rule"
        await bob.ask("say", room="python", text="hello")
        assert (await bob.wait_for("said"))["text"] == "hello"


async def test_who_is_banned_from_the_server_can_appeal_from_outside_once_a_day(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, eve = await den(house, "ann", "eve")
        accounts = house.server._directory.accounts
        act = ServerAct("banned", time.time(), "ann", whom="mallory", known_as=("mallory",), until=time.time() + 3600)
        stored = await accounts.acts.enact(act, lambda *_: "")
        assert isinstance(stored, ServerAct)
        outside = house.connect("203.0.113.9")
        await outside.ask("hello", protocol=2)
        await outside.wait_for("hello")
        await outside.ask("appeal", id=stored.number + 1, why="let me in")
        assert (await outside.wait_for("refused"))["code"] == "nothing-to-appeal"
        await outside.ask("appeal", id=stored.number, why="let me in")
        await outside.wait_for("appealed")
        await outside.ask("appeal", id=stored.number, why="let me in")
        assert (await outside.wait_for("refused"))["code"] == "too-many-cases"
        assert await refused(eve, "reports") == "moderators-only"
        anns = house.server._directory.person("ann")
        assert anns is not None
        anns.role = MODERATOR
        ((_, shown),) = (await listed(ann)).items()
        assert (shown["kind"], shown["room"], shown["of"], shown["why"]) == (
            "appeal",
            "",
            str(stored.number),
            "let me in",
        )


async def test_deleting_a_line_leaves_the_copy_and_erasing_its_author_does_not(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, eve = await den(house, "ann", "bob", "eve")
        number = await said(eve, "rude words")
        await bob.ask("report", room="den", number=number)
        await bob.wait_for("reported")
        await eve.ask("delete", room="den", number=number)
        await told(ann, "redacted")
        assert await refused(bob, "report", number=number) == "nothing-to-report"
        ((_, shown),) = (await listed(ann, room="den")).items()
        assert shown["line"] == "rude words"
        directory = house.server._directory
        eves = directory.person("eve")
        assert eves is not None
        await directory.accounts.end(eves.account, "erase", time.time())
        assert await listed(ann, room="den") == {}


async def test_nothing_that_was_held_is_stored_after_its_author_s_account_has_ended(
    autojump_clock: trio.abc.Clock,
) -> None:
    said_by = Said("den", 0, 0.0, "gus", "hello", 7)
    entry = cast(Any, (object(), "ann", Accepted(said_by, "account:7", "1", []), ()))
    assert not_said_by([entry], {Speaker("account:7", 0)}, 1) == []


async def test_what_is_accepted_waits_on_where_the_moderator_is_put_out_meanwhile(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        ann, gus = await den_that_holds(house)
        number = await held(gus, "hello")
        cases = journal.accounts.cases
        begin = cases.begin_saying

        async def late(*what: Any) -> Any:
            begun = await begin(*what)
            await trio.sleep(1)
            return begun

        monkeypatch.setattr(cases, "begin_saying", late)
        await ann.ask("accept-held", room="den", id=number)
        await trio.sleep(0.5)
        await house.ask_as_operator("kick", name="ann")
        await trio.sleep(60)
        assert [case.text for case in await cases.listed(time.time())] == ["hello"]


async def test_a_line_that_is_accepted_is_said_once_whenever_the_server_is_killed_and_never_told_to_be_declined(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        ann, gus = await den_that_holds(house)
        first, second = await held(gus, "hello"), await held(gus, "bye")
        cases = journal.accounts.cases
        await cases.begin_saying(first, time.time())  # and the server is killed
        for what in ("accept-held", "decline"):
            assert await refused(ann, what, id=first) == "being-said"
        await trio.sleep(40)
        await ann.ask("decline", room="den", id=first)
        refusal = await ann.wait_for("refused")
        assert int(refusal["details"]["seconds"]) <= 20
        assert f"still shows it in {refusal['details']['seconds']} s, the server had to stop" in refusal["text"]
        await trio.sleep(21)
        close = cases.close

        async def fails(*what: Any) -> Any:
            raise JournalError(f"killed before {what} was stored")

        monkeypatch.setattr(cases, "close", fails)
        said = list[int]()
        for number in (first, second):
            await ann.ask("accept-held", room="den", id=number)
            said.append((await ann.wait_for("accepted"))["seq"])
        monkeypatch.setattr(cases, "close", close)
        assert [*await listed(ann, "held", room="den")] == [str(first), str(second)]
        await trio.sleep(61)
        for what, number, seq in (("accept-held", first, said[0]), ("decline", second, said[1])):
            await ann.ask(what, room="den", id=number)
            accepted = await ann.wait_for("accepted")
            assert (accepted["id"], accepted["seq"]) == (number, seq), "nobody is told that it is declined"
        assert await listed(ann, "held", room="den") == {}
        lines = (await journal.read("den", said[0], 99)).lines
        assert [line.text for line in lines if isinstance(line, Said)] == ["hello", "bye"]


async def waits(house: House, many: int, text: str = "look: www", room: str = "den") -> list[int]:
    """The numbers of so many lines that wait, each of somebody else."""
    cases, now = house.server._directory.accounts.cases, time.time()
    made = [
        await cases.add(Case("held", now, room, f"g{n}", f"g{n}", text=text, word="say", key=f"{room} {n}"))
        for n in range(many)
    ]
    return [one.number for one in made if isinstance(one, Case)]


async def test_what_waits_is_shown_page_by_page(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        (ann,) = await den(house, "ann")
        numbers = [str(number) for number in await waits(house, 45)]
        await ann.ask("held", room="den")
        page = await ann.wait_for("held")
        assert [*page["lines"]] == numbers[25:]
        assert (page["count"], page["before"]) == (20, int(numbers[25]))
        assert page["text"].endswith(f"\n/held {numbers[25]} shows those before.")
        await ann.ask("held", room="den", before=page["before"], limit=3)
        page = await ann.wait_for("held")
        assert ([*page["lines"]], page["before"]) == (numbers[22:25], int(numbers[22]))
        await ann.ask("held", room="den", before=int(numbers[5]))
        page = await ann.wait_for("held")
        assert ([*page["lines"]], page["before"]) == (numbers[:5], 0)
        assert "shows those before" not in page["text"]
        await ann.ask("held", room="den", before=int(numbers[0]))
        await ann.wait_for("nothing-held")
        await ann.ask("accept-held", room="den", id=int(numbers[0]))
        await ann.wait_for("accepted")


async def test_a_page_of_what_waits_has_a_bound_in_bytes(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        (ann,) = await den(house, "ann")
        numbers = await waits(house, 30, "字" * 1300)
        shown = list[str]()
        before = 0
        while True:
            await ann.ask("held", room="den", before=before)
            page = await ann.wait_for("held")
            assert len(json.dumps(page, ensure_ascii=False).encode()) < 3 * PAGE_BYTES
            shown = [*page["lines"], *shown]
            if not (before := page["before"]):
                break
        assert shown == [str(number) for number in numbers]


async def test_who_may_not_see_most_of_it_pays_for_what_is_read_and_reads_on(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_house(silence_seconds=9999) as house:
        _, bob, eve = await den(house, "ann", "bob", "eve")
        for who in ("bob", "eve"):
            person = house.server._directory.person(who)
            assert person is not None
            person.role = MODERATOR
        (open_one,) = await waits(house, 1)
        await bob.ask("create", room="secret")
        await bob.wait_for("room-created")
        await bob.ask("join", room="secret")
        await bob.wait_for("entered")
        await bob.ask("rule", room="secret", rule="access", value="members")
        await bob.wait_for("rule-set")
        directory = house.server._directory
        for n in range(95):
            hidden = Case("held", time.time(), "secret", f"h{n}", f"h{n}", text="x", word="say", key=f"h{n}")
            assert isinstance(await directory.accounts.cases.add(hidden), Case)
        owed = list[float]()
        eves = directory.person("eve")
        assert eves is not None
        monkeypatch.setattr(type(eves.sessions[0]), "owe", lambda _, tokens: owed.append(tokens))
        assert [*(await listed(eve, "held"))] == [str(open_one)]
        assert owed.count(1.0) == 4, "four more readings of twenty"
