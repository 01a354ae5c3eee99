"""People write to one another beside the rooms: by whole servers, on virtual time."""

from typing import Any

import pytest
import trio

from canary import PASSWORD
from chat_server.accounts.acts import ServerAct
from chat_server.journal import Party
from chat_server.journal.memory import MemoryJournal
from chat_server.rooms.conversations import conversations_of
from chat_server.rooms.who_may_write import REQUEST_LINES_MAX
from dens import den, holder, told
from streams import House, Program, open_house

pytestmark = pytest.mark.usefixtures("wall_clock")


async def answer(program: Program, do: str, **fields: Any) -> dict[str, Any]:
    """What a program is answered to this."""
    await program.ask(do, ref="x", **fields)
    while (event := await program.read()).get("ref") != "x":
        pass
    return event


async def friends(house: House, *nicks: str) -> list[Program]:
    """People in one room, of whom each has written to the one before, and been answered."""
    people = await den(house, *nicks)
    for one, other, nick in zip(people, people[1:], nicks[1:], strict=False):
        assert (await answer(one, "msg", nick=nick, text="hi"))["is"] == "message-sent"
        await other.ask("accept", nick=nicks[people.index(one)])
        await other.wait_for("request-accepted")
        await other.wait_for("said")
    return people


async def test_what_one_writes_to_somebody_is_shown_to_both_wherever_they_are_and_to_nobody_else(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, eve = await den(house, "ann", "bob", "eve")
        sent = await answer(ann, "msg", nick="bob", text="psst")
        assert sent == {
            "is": "message-sent",
            "nick": "bob",
            "room": "@bob",
            "seq": 1,
            "text": "Sent to bob (#1).",
            "ref": "x",
        }
        came = await bob.wait_for("request-came")
        assert came == {"is": "request-came", "room": "@ann", "nick": "ann"}
        await bob.ask("accept", nick="ann")
        await bob.wait_for("request-accepted")
        assert await told(bob, "said") == {"is": "said", "room": "@ann", "nick": "ann", "text": "psst"}
        stored = await answer(bob, "say", room="@ann", text="yes?", key="k")
        assert stored == {"is": "stored", "room": "@ann", "seq": 2, "key": "k", "ref": "x"}
        again = await answer(bob, "say", room="@ann", text="yes?", key="k")
        assert again["seq"] == 2
        assert await told(ann, "said") == {"is": "said", "room": "@bob", "nick": "bob", "text": "yes?"}
        page = await answer(ann, "last", room="@bob")
        assert [(line["room"], line["text"]) for line in page["lines"]] == [("@bob", "psst"), ("@bob", "yes?")]
        found = await answer(eve, "search", words="psst")
        assert found["rooms"] == []
        await eve.ask("logout")
        assert "psst" not in str(await eve.rest())


async def test_at_a_terminal_it_is_a_line_that_says_to_whom_in_the_hall_and_in_a_room(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        _, bob = await den(house, "ann", "bob")
        desk = house.call("127.0.0.9")
        await desk.type("/login ann")
        await desk.type(PASSWORD)
        await desk.read_until("Welcome")
        await desk.type("/msg bob hello there")
        assert "bob is asked whether they want to hear from you" in await desk.read_until("ann (to bob): hello there")
        await bob.ask("say", room="@ann", text="hi")
        await desk.read_until("bob (to you): hi")
        await desk.type("/join den")
        await desk.read_until("Also here")
        await desk.type("/reply in the den now")
        await desk.read_until("ann (to bob): in the den now")
        assert [(await told(bob, "said"))["text"] for _ in range(3)] == ["hello there", "hi", "in the den now"]
        await desk.type("/query bob")
        await desk.read_until("You are in @bob.")
        await desk.type("plainly")
        assert (await told(bob, "said"))["text"] == "plainly"
        await desk.type("/last 2")
        await desk.read_until("#4 ")
        await desk.type("/search plainly")
        await desk.read_until("In @bob:")
        await desk.type("/kick bob")
        await desk.read_until("/kick does not work in a conversation")
        await desk.type("/audit")
        await desk.read_until("/audit does not work in a conversation")
        await desk.type("/panic")
        await desk.read_until("for the moderators and admins of this server")
        await desk.type("/back")
        await desk.read_until("You are in the hall.")


async def test_who_is_away_is_told_how_much_waits_and_reads_it(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await friends(house, "ann", "bob")
        await bob.log_out()
        for number in range(3):
            await answer(ann, "say", room="@bob", text=f"line {number}", key=f"k{number}")
        desk = house.call("127.0.0.9")
        await desk.type("/login bob")
        await desk.type(PASSWORD)
        await desk.read_until("* 3 new lines from ann: /join @ann")
        await desk.type("/join @ann")
        shown = await desk.read_until("line 2")
        assert "3 lines since you left" in shown
        await desk.type("/rooms")
        await desk.read_until("Conversations: @ann")


async def test_a_program_is_told_its_conversations_at_login_and_goes_on_by_numbers(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, _ = await friends(house, "ann", "bob")
        for number in range(3):
            await answer(ann, "say", room="@bob", text=f"line {number}", key=f"k{number}")
        later = house.connect("127.0.0.2")
        await later.ask("hello", protocol=2)
        await later.ask("login", nick="bob", password=PASSWORD)
        listed = await later.wait_for("conversations")
        assert listed["conversations"] == [{"room": "@ann", "last": 4}]
        await later.ask("resume", rooms={"@ann": 2})
        assert (await later.wait_for("entered"))["last"] == 4
        page = await later.wait_for("page")
        assert [line["seq"] for line in page["lines"]] == [3, 4]


@pytest.mark.parametrize(
    ("choice", "code"),
    [("known", "dm-known"), ("shared", "dm-shared"), ("accounts", ""), ("all", "")],
)
async def test_who_may_begin_to_write_is_chosen(autojump_clock: trio.abc.Clock, choice: str, code: str) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await holder(house, "ann", 1), await holder(house, "bob", 2)
        assert (await answer(bob, "dm", who=choice))["who"] == choice
        assert (await answer(bob, "dm"))["who"] == choice
        answered = await answer(ann, "msg", nick="bob", text="hi")
        assert answered.get("code", "") == code


async def test_writing_to_somebody_accepts_their_answer(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await holder(house, "ann", 1), await holder(house, "bob", 2)
        await answer(ann, "dm", who="known")
        await answer(bob, "dm", who="all")
        assert (await answer(bob, "msg", nick="ann", text="hi"))["code"] == "dm-known"
        await answer(ann, "msg", nick="bob", text="hello")
        await bob.wait_for("request-came")
        assert (await answer(bob, "msg", nick="ann", text="hi"))["is"] == "message-sent"
        assert (await told(ann, "said"))["text"] == "hi"


async def test_a_stranger_is_a_request_of_which_there_are_few_lines_and_few_requests(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=0) as house:
        mallory, *others = await den(house, "mallory", "ann", "bob", "carl")
        for number in range(REQUEST_LINES_MAX):
            await answer(mallory, "msg", nick="ann", text=f"buy {number}")
        assert (await answer(mallory, "msg", nick="ann", text="buy"))["code"] == "dm-unanswered"
        assert (await answer(mallory, "msg", nick="bob", text="buy"))["is"] == "message-sent"
        assert (await answer(mallory, "msg", nick="carl", text="buy"))["code"] == "dm-partners"
        events = [await others[0].wait_for("request-came")]
        await others[0].ask("pong")
        assert len(events) == 1
        await trio.sleep(86400 * 2)
        assert (await answer(mallory, "msg", nick="carl", text="buy"))["is"] == "message-sent"


async def test_a_reply_goes_to_nobody_else_than_the_one_it_was_meant_for(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, eve = await den(house, "ann", "bob", "eve")
        assert (await answer(ann, "reply", text="?"))["code"] == "nobody-wrote"
        for nick in ("bob", "eve"):
            await answer(ann, "msg", nick=nick, text="hi")
        await answer(bob, "msg", nick="ann", text="from bob")
        assert (await answer(ann, "reply", text="to bob"))["nick"] == "bob"
        await answer(eve, "msg", nick="ann", text="from eve")
        unclear = await answer(ann, "reply", text="to bob again")
        assert (unclear["code"], unclear["details"]) == ("reply-unclear", {"nick": "eve"})
        assert (await answer(ann, "reply", text="to eve"))["nick"] == "eve"


async def test_a_reply_to_somebody_who_asks_accepts_them(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, eve = await den(house, "ann", "bob", "eve")
        await answer(bob, "msg", nick="ann", text="from bob")
        await ann.wait_for("request-came")
        await ann.ask("reply", text="yes?")
        assert (await ann.wait_for("request-accepted"))["nick"] == "bob"
        assert (await told(ann, "said"))["text"] == "from bob"
        assert (await told(bob, "said"))["text"] == "yes?"
        await answer(eve, "msg", nick="ann", text="from eve")
        assert (await answer(ann, "reply", text="to bob"))["code"] == "reply-unclear", "who asks has written since"


async def test_who_was_written_to_while_away_can_reply_at_once(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await friends(house, "ann", "bob")
        await bob.ask("logout")
        await bob.rest()
        await answer(ann, "msg", nick="bob", text="call me")
        back = house.connect("127.0.0.2")
        await back.ask("hello", protocol=2)
        await back.ask("login", nick="bob", password=PASSWORD)
        assert (await back.wait_for("conversations"))["conversations"][0]["unread"] == 1
        assert (await answer(back, "reply", text="now"))["nick"] == "ann"


async def test_what_is_written_to_a_guest_is_deleted_when_one_of_the_two_leaves(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        (ann,) = await den(house, "ann")
        guest = house.call("127.0.0.9")
        await guest.log_in("gus")
        await guest.type("/msg ann hello")
        await guest.read_until("Nothing was sent: only who has an account can begin to write to ann")
        await guest.type("/join den")
        await guest.read_until("Also here")
        assert (await answer(ann, "msg", nick="gus", text="hello"))["is"] == "message-sent"
        assert "one of you is a guest" in await guest.read_until("ann (to you): hello")
        await guest.type("/reply hi")
        await guest.read_until("gus? (to ann): hi")
        assert len(await journal.conversations.passing()) == 1
        await guest.type("/quit")
        await guest.read_to_end()
        assert (await ann.wait_for("conversation-ended"))["nick"] == "gus"
        await trio.sleep(1)
        assert await journal.conversations.passing() == []
        assert (await answer(ann, "say", room="@gus", text="there?"))["code"] == "no-such-person"


async def test_a_guest_edits_and_deletes_nothing_that_the_other_has_said_though_they_take_the_other_s_name(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        gus, tim = house.connect("127.0.0.5"), house.connect("127.0.0.6")
        for one, nick in ((gus, "gus"), (tim, "tim")):
            await one.ask("hello", protocol=3)
            assert (await answer(one, "login", nick=nick))["is"] == "logged-in"
            assert (await answer(one, "dm", who="all"))["who"] == "all"
        assert (await answer(gus, "msg", nick="tim", text="I owe you 5"))["seq"] == 1
        assert (await answer(tim, "msg", nick="gus", text="yes"))["seq"] == 2
        for one, nick in ((gus, "gordon"), (tim, "gus"), (gus, "tim")):
            assert (await answer(one, "nick", nick=nick))["is"] == "renamed"
        assert (await answer(tim, "edit", room="@tim", number=1, text="I owe you 500"))["code"] == "not-known-yours"
        assert (await answer(tim, "versions", room="@tim", number=1))["code"] == "not-known-yours"
        assert (await answer(tim, "delete", room="@tim", number=1))["code"] == "not-known-yours"
        assert (await answer(gus, "delete", room="@gus", number=2))["code"] == "not-known-yours"
        assert (await answer(gus, "report", room="@gus", number=2))["is"] == "reported"
        assert (await answer(gus, "delete", room="@gus", number=1))["count"] == 1


async def test_another_name_is_told_to_whoever_has_a_conversation_with_somebody(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await friends(house, "ann", "bob")
        await bob.ask("nick", nick="robert")
        renamed = await ann.wait_for("room-renamed")
        assert (renamed["room"], renamed["new"]) == ("@bob", "@robert")
        assert (await answer(ann, "say", room="@bob", text="?"))["code"] == "no-such-person"
        page = await answer(ann, "last", room="@robert")
        assert [line["room"] for line in page["lines"]] == ["@robert"]


async def test_what_somebody_is_given_of_themselves_has_both_sides(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await friends(house, "ann", "bob")
        await answer(bob, "msg", nick="ann", text="ho")
        await ann.ask("export")
        lines = (await ann.wait_for("own-lines"))["lines"]
        assert [(line["room"], line["nick"], line["text"]) for line in lines if line["room"] != "den"] == [
            ("@bob", "ann", "hi"),
            ("@bob", "bob", "ho"),
        ]


async def test_operators_are_shown_no_conversation(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        await friends(house, "ann", "bob")
        desk = house.call("127.0.0.9")
        await desk.type("/login ann", PASSWORD, "/join @bob")
        await desk.read_until("You are in @bob.")
        for asked in ("who", "rooms", "stats"):
            assert "@" not in str(await house.ask_as_operator(asked))


async def test_who_is_muted_on_the_server_writes_to_nobody_either(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await friends(house, "ann", "bob")
        acts = house.server._directory.accounts.acts
        account = house.server._directory.accounts.names.holder("ann")
        acts.in_force.note(ServerAct("muted", 0.0, "root", account=account, until=1e12, number=1))
        assert (await answer(ann, "say", room="@bob", text="psst", key="k"))["code"] == "muted-on-server"
        assert (await answer(bob, "say", room="@ann", text="oh", key="k"))["is"] == "stored"


async def test_what_somebody_writes_whom_one_has_blocked_is_stored_and_never_shown(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await friends(house, "ann", "bob")
        await answer(ann, "block", nick="bob")
        assert (await answer(bob, "say", room="@ann", text="you", key="k"))["is"] == "stored"
        await ann.ask("rooms")
        assert "@bob" not in str(await ann.wait_for("rooms-listed"))
        page = await answer(ann, "last", room="@bob")
        assert [(line["is"], line.get("text")) for line in page["lines"]] == [("said", "hi"), ("blocked", None)]
        later = house.connect("127.0.0.1")
        await later.ask("hello", protocol=2)
        await later.ask("login", nick="ann", password=PASSWORD, session="add")
        await later.ask("rooms")
        assert "conversations" not in [event["is"] for event in [await later.read() for _ in range(3)]]


async def test_who_writes_to_somebody_whom_they_have_blocked_is_not_shown_what_waited(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        await answer(bob, "dm", who="all")
        assert (await answer(ann, "say", room="@bob", text="insult", key="k"))["is"] == "stored"
        await answer(bob, "block", nick="ann")
        await bob.ask("say", room="@ann", text="stop that", key="l")
        shown = []
        while (event := await bob.read())["is"] != "stored":
            shown.append((event["is"], event.get("text")))
        assert shown[-3:] == [("request-accepted", None), ("blocked", None), ("said", "stop that")]


async def test_nothing_is_written_to_an_account_that_is_closed_nor_to_a_guest_who_has_gone(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await friends(house, "ann", "bob")
        guest = house.call()
        await guest.log_in("gus", "den")
        desk = house.call("127.0.0.9")
        await desk.type("/login ann", PASSWORD, "/join den", "/msg gus hello", "/query gus")
        await desk.read_until("You are in @gus.")
        await guest.type("/quit")
        await guest.read_to_end()
        await desk.type("still there?")
        await desk.read_until("There is nobody called gus here")
        await bob.log_out()
        directory = house.server._directory
        await directory.accounts.end(directory.accounts.names.holder("bob"), "close", 0.0)
        assert (await answer(ann, "say", room="@bob", text="?", key="k"))["code"] == "no-such-person"
        assert [line["text"] for line in (await answer(ann, "last", room="@bob"))["lines"]] == ["hi"]


@pytest.mark.goes_wrong
async def test_a_session_that_can_be_shown_nothing_ends_and_the_others_hear_it(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await friends(house, "ann", "bob")
        other = house.connect("127.0.0.2")
        await other.ask("hello", protocol=2)
        await other.ask("login", nick="bob", password=PASSWORD, session="add")
        await other.wait_for("logged-in")
        person = house.server._directory.person("bob")
        assert person is not None
        broken = person.sessions[0]
        told_before = type(broken).send_unasked

        def told(session: Any, event: Any) -> None:
            if session is broken:
                raise ZeroDivisionError
            told_before(session, event)

        monkeypatch.setattr(type(broken), "send_unasked", told)
        assert (await answer(ann, "say", room="@bob", text="psst", key="k"))["is"] == "stored"
        assert (await other.wait_for("said"))["text"] == "psst"
        assert (await bob.wait_for("dismissed"))["why"] == "failed"


async def test_a_program_that_did_not_keep_up_is_told_after_which_line_it_has_missed_some(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999, waiting_bytes=100_000, messages_per_second=0) as house:
        ann, bob = await friends(house, "ann", "bob")
        stuck = house.connect("127.0.0.2", stuck=True)
        await stuck.ask("login", nick="bob", password=PASSWORD, session="add")
        await stuck.wait_for("logged-in")
        for number in range(200):
            await answer(ann, "say", room="@bob", text=f"{number} " + "x" * 2000, key=str(number))
        skipped = await stuck.wait_for("skipped")
        assert 1 <= skipped["rooms"]["@ann"] < 200
        assert len([await bob.wait_for("said") for _ in range(200)]) == 200


async def test_ten_thousand_conversations_are_no_task(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        (ann,) = await den(house, "ann")
        person = house.server._directory.person("ann")
        assert person is not None
        me = f"account:{person.account}"
        for number in range(10_000):
            parties = (Party(me, has_accepted=True), Party(f"account:{number + 1}", has_accepted=True))
            await journal.conversations.begin(f"@{number}", parties)
        before = trio.lowlevel.current_statistics().tasks_living
        conversations = conversations_of(house.server._directory)
        await conversations.load(me, is_again=True)
        assert len(conversations._open) == 10_000
        assert trio.lowlevel.current_statistics().tasks_living == before
        await ann.log_out()
        await trio.sleep(1)
        assert conversations._open == {}


async def test_what_is_begun_with_a_guest_who_goes_meanwhile_is_deleted_and_never_another_guests(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        (ann,) = await den(house, "ann")
        guest = house.call("127.0.0.9")
        await guest.log_in("gus", "den")
        begin = journal.conversations.begin

        async def late(*what: Any) -> None:
            await begin(*what)
            await guest.type("/quit")
            await guest.read_to_end()
            await trio.sleep(1)

        monkeypatch.setattr(journal.conversations, "begin", late)
        await ann.ask("msg", nick="gus", text="hello")
        assert (await ann.wait_for("conversation-ended"))["nick"] == "gus"
        await ann.wait_for("not-stored")
        await trio.sleep(1)
        assert await journal.conversations.passing() == []
        conversations = conversations_of(house.server._directory)
        assert (conversations._open, conversations._of, conversations.guests) == ({}, {}, {})


async def test_a_conversation_that_ends_while_it_is_read_is_not_opened_again_and_is_deleted_once(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        (ann,) = await den(house, "ann")
        guest = house.call("127.0.0.9")
        await guest.log_in("gus", "den")
        assert (await answer(ann, "msg", nick="gus", text="hello"))["is"] == "message-sent"
        of = journal.conversations.of

        async def late(*what: Any) -> Any:
            found = await of(*what)
            await guest.type("/quit")
            await guest.read_to_end()
            await trio.sleep(3)
            return found

        conversations = conversations_of(house.server._directory)
        monkeypatch.setattr(journal.conversations, "of", late)
        person = house.server._directory.person("ann")
        assert person is not None
        await conversations.load(conversations.who(person), is_again=True)
        assert await journal.conversations.passing() == []
        assert (conversations._open, conversations._of) == ({}, {})
        conversations.passing.end("@0.that-is-not-there")
        await ann.log_out()
        await trio.sleep(3)


async def test_what_is_begun_by_who_goes_meanwhile_is_deleted(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        (ann,) = await den(house, "ann")
        guest = house.call("127.0.0.9")
        await guest.log_in("gus", "den")
        begin = journal.conversations.begin

        async def late(*what: Any) -> None:
            await begin(*what)
            await trio.sleep(1)

        monkeypatch.setattr(journal.conversations, "begin", late)
        await ann.ask("msg", nick="gus", text="hello")
        await trio.sleep(0.5)
        await house.ask_as_operator("kick", name="ann")
        await trio.sleep(5)
        assert await journal.conversations.passing() == []


async def test_who_has_accepted_somebody_has_though_what_is_kept_was_read_before(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        ann, bob = await holder(house, "ann", 1), await holder(house, "bob", 2)
        await answer(bob, "dm", who="all")
        await answer(ann, "msg", nick="bob", text="hello")
        (conversation,) = conversations_of(house.server._directory)._open.values()
        before = await journal.conversations.find(conversation.name)
        assert before is not None
        await bob.ask("accept", nick="ann")
        await told(bob, "said")
        conversation.level(before, conversation.parties[1].who)
        await answer(ann, "say", room="@bob", text="and?", key="k")
        assert (await told(bob, "said"))["text"] == "and?"


@pytest.mark.parametrize("asked", [{"do": "msg", "nick": "bob"}, {"do": "join", "room": "@bob"}])
async def test_who_may_not_begin_to_write_to_somebody_is_told_so_at_once_and_not_let_into_the_conversation(
    autojump_clock: trio.abc.Clock, asked: dict[str, str]
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await holder(house, "ann", 1), await holder(house, "bob", 2)
        fields = {name: value for name, value in asked.items() if name != "do"}
        for choice in ("known", "shared"):
            await answer(bob, "dm", who=choice)
            assert (await answer(ann, asked["do"], **fields))["code"] == f"dm-{choice}"
        await answer(bob, "dm", who="accounts")
        entered = await answer(ann, asked["do"], **fields)
        assert (entered["is"], entered["room"]) == ("entered", "@bob")


async def test_a_terminal_is_not_let_into_a_conversation_that_it_may_not_begin_and_goes_where_there_is_one(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await holder(house, "ann", 1), await holder(house, "bob", 2)
        await answer(ann, "dm", who="all")
        await answer(bob, "dm", who="known")
        desk = house.call("127.0.0.9")
        await desk.type("/login ann", PASSWORD, "/msg bob", "/msg ann")
        await desk.read_until("nobody new can begin to write to bob")
        await desk.read_until("That is you")
        await desk.type("in the hall?")
        assert "You are in @bob" not in await desk.read_until("/join")
        await answer(bob, "msg", nick="ann", text="I begin")
        await desk.type("/msg bob")
        await desk.read_until("You are in @bob.")


async def test_whoever_is_blocked_goes_into_the_conversation_as_anybody_else_does(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, eve = await den(house, "ann", "bob", "eve")
        await answer(bob, "block", nick="eve")
        answers = [await answer(one, "msg", nick="bob") for one in (ann, eve)]
        assert answers[0] == answers[1]
        assert answers[0]["is"] == "entered"


async def test_a_guest_who_registers_is_the_account_wherever_one_was_with_them_and_what_was_written_to_the_guest_is_deleted(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        (ann,) = await den(house, "ann")
        gus, desk = house.call("127.0.0.9"), house.call("127.0.0.1")
        await gus.log_in("gus")
        await gus.type("/join den")
        await gus.read_until("Also here")
        await desk.type("/login ann", PASSWORD, "/msg gus hello", "/join @gus")
        await desk.read_until("Also here: gus")
        await gus.type("/join @ann", "swordfish")
        await desk.read_until("(to you): swordfish")
        await gus.type("/register", PASSWORD, PASSWORD)
        await desk.read_until("one of you has left, or is no guest any more")
        assert (await ann.wait_for("conversation-ended"))["room"] == "@gus"
        await trio.sleep(1)
        assert await journal.conversations.passing() == []
        await gus.type("I am the same")
        await gus.read_until("ann is asked whether they want to hear from you")
        await desk.type("I see")
        await desk.read_until("You hear from gus from now on")
        assert "swordfish" not in await gus.read_until("ann (to you): I see")
        for one in (gus, desk):
            await one.type("/last 9")
            shown = await one.read_until("Lines 1")
            assert ["swordfish" in shown, "I am the same" in shown, "I see" in shown] == [False, True, True]
        await gus.type("/quit")
        await gus.read_to_end()
        await desk.type("are you there?", "/last 9")
        assert "are you there?" in await desk.read_until("of 3")


async def test_what_a_guest_begins_while_they_register_by_another_session_is_over_with_that(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, token = MemoryJournal(), "t" * 22
    begin, has_registered = journal.conversations.begin, trio.Event()

    async def begin_slowly(name: str, parties: tuple[Party, ...]) -> None:
        await begin(name, parties)
        await has_registered.wait()

    async with open_house(journal=journal, silence_seconds=9999) as house:
        eve, desk, phone = house.connect(), house.connect("127.0.0.1"), house.connect("127.0.0.1")
        await eve.enter("eve", "python")
        await answer(eve, "dm", who="all")
        await desk.enter("gus", "python", token=token)
        await phone.enter("gus", "python", token=token, session="add")
        monkeypatch.setattr(journal.conversations, "begin", begin_slowly)
        await desk.ask("msg", nick="eve", text="psst")
        await phone.ask("register", password=PASSWORD)
        await phone.wait_for("registered")
        has_registered.set()
        assert (await desk.wait_for("conversation-ended"))["room"] == "@eve"
        assert (await eve.wait_for("conversation-ended"))["room"] == "@gus"
        await trio.sleep(1)
        assert await journal.conversations.passing() == []
        assert (await answer(phone, "msg", nick="eve", text="it is me"))["is"] == "message-sent"
        assert (await told(eve, "said"))["text"] == "it is me"
