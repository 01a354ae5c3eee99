"""What programs are promised at the JSON-lines door (docs/protocol.md), on virtual time."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
import trio

from chat_server.journal import Page, PendingAppend
from chat_server.journal.keys import SenderKey
from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.entries import Entry
from chat_server.protocol.incoming import Addressed
from chat_server.protocol.requests import Rename
from chat_server.sessions.json_session import JsonSession
from fakes import FaultyJournal, Later
from streams import open_house

TOKEN = "a-token-of-twenty-two-characters"  # noqa: S105 - nobody owns it


async def test_hello_tells_what_the_server_is_and_can_do(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        program = house.connect()
        await program.ask("hello", protocol=1, program="test", ref="h")
        hello = await program.read()
        assert (hello["is"], hello["ref"], hello["protocol"]) == ("hello", "h", 1)
        assert hello["limits"]["text_bytes"] == 16384
        commands = {command["name"]: command for command in hello["commands"]}
        assert commands["login"]["where"] == ["outside"]
        assert commands["join"]["where"] == ["conversation", "hall", "room"]
        assert commands["say"]["where"] == ["conversation", "room"]
        assert commands["search"]["parameters"][1] == {
            "name": "everywhere",
            "kind": "flag",
            "required": False,
            "help": "in all rooms and one's own conversations, not only in this one",
            "typed": "-a",
            "lines": False,
            "choices": [],
            "least": None,
            "most": None,
        }
        (count,) = commands["history"]["parameters"]
        assert (count["kind"], count["least"], count["most"]) == ("number", 0, 50)
        (day,) = commands["date"]["parameters"]
        assert day["kind"] == "date"
        assert [parameter["lines"] for parameter in commands["me"]["parameters"]] == [True]
        assert [parameter["name"] for parameter in commands["say"]["parameters"]] == ["text"]
        assert "resume" not in commands


async def test_a_program_is_in_many_rooms_and_hears_its_own_lines(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        program, bob = house.connect(), house.call()
        await bob.log_in("bob", "pm")
        await program.enter("ann", "python", "pm")
        await program.ask("say", room="python", text="to python", key="k1", ref=1)
        assert (await program.wait_for("said"))["room"] == "python"
        stored = await program.wait_for("stored")
        assert (stored["ref"], stored["room"], stored["seq"], stored["key"]) == (1, "python", 1, "k1")
        await program.ask("say", room="pm", text="one\ntwo")
        await bob.read_until("ann: one\r\n  two\r\n")
        assert (await program.wait_for("said"))["text"] == "one\ntwo"
        await bob.type("hi")
        assert (await program.wait_for("said"))["nick"] == "bob"
        await program.ask("back", room="pm", ref="b")
        assert (await program.wait_for("went-back"))["ref"] == "b"
        await program.ask("say", room="pm", text="x", ref="s")
        refused = await program.wait_for("refused")
        assert (refused["code"], refused["room"], refused["ref"]) == ("not-in-room", "pm", "s")


async def test_a_ref_comes_back_on_its_own_answer_whatever_was_asked_since(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        program = house.connect()
        await program.enter("ann", "python")
        for number in range(8):
            await program.ask("say", room="python", text=str(number), ref=f"say {number}")
            await program.ask("online", room="python", ref=f"online {number}")
            await program.ask("history", room="python", before=3, count=2, ref=f"page {number}")
        answered: dict[str, str] = {}
        while len(answered) < 24:
            event = await program.read()
            if "ref" in event:
                answered[event["ref"]] = event["is"]
        assert all(answered[f"say {number}"] == "stored" for number in range(8))
        assert all(answered[f"online {number}"] == "online-listed" for number in range(8))
        assert all(answered[f"page {number}"] == "page" for number in range(8))


async def test_what_is_asked_before_login_is_refused_with_a_code(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        program = house.connect()
        for do, fields in (
            ("join", {"room": "python"}),
            ("say", {"room": "python", "text": "x"}),
            ("resume", {"rooms": {"python": 0}}),
        ):
            await program.ask(do, **fields)
            assert (await program.wait_for("refused"))["code"] == "login-first"


async def test_history_is_read_by_number(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0) as house:
        program = house.connect()
        await program.enter("ann", "python")
        for number in range(1, 121):
            await program.ask("say", room="python", text=str(number), key=str(number))
        while (await program.wait_for("stored"))["seq"] < 120:
            pass
        await program.ask("history", room="python", before=100, count=30)
        page = await program.wait_for("page")
        assert [line["seq"] for line in page["lines"]] == list(range(70, 100))
        assert (page["first"], page["last"]) == (1, 120)
        await program.ask("history", room="python", after=100, count=200)
        assert [line["seq"] for line in (await program.wait_for("page"))["lines"]] == list(range(101, 121))


async def test_resuming_gives_exactly_what_followed_once_while_others_go_on_talking(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(messages_per_second=0) as house:
        bob = house.connect()
        await bob.enter("bob", "python")
        program = house.connect()
        await program.enter("ann", "python", token=TOKEN)
        said = 0

        async def talk(count: int) -> None:
            nonlocal said
            for _ in range(count):
                said += 1
                await bob.ask("say", room="python", text=str(said), key=str(said))
                await trio.sleep((said * 7 % 11) / 1000)

        await talk(20)
        seen = [(await program.wait_for("said"))["seq"] for _ in range(13)]
        await program.stream.aclose()
        await talk(400)
        again = house.connect()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(talk, 100)
            await again.enter("ann", token=TOKEN)
            await again.ask("resume", rooms={"python": seen[-1]})
            while not seen or seen[-1] < 520:
                event = await again.read()
                lines = event["lines"] if event["is"] == "page" else [event] if event["is"] == "said" else []
                seen += [line["seq"] for line in lines]
                if event["is"] == "said" and event["seq"] == 520:
                    break
        assert sorted(seen) == list(range(1, 521)), "no gap and no double"


async def test_who_has_lines_that_the_room_lacks_is_told_where_the_room_stands(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        program = house.connect()
        await program.enter("ann")
        await program.ask("resume", rooms={"python": 99, "nowhere": 3}, ref=1)
        page = await program.wait_for("page")
        assert (page["room"], page["lines"], page["last"]) == ("python", [], 0)
        assert (await program.wait_for("refused"))["code"] == "no-such-room"


async def test_a_token_takes_the_name_back_from_an_old_session_with_its_rooms_unseen_by_the_others(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        bob, old = house.call(), house.connect()
        await bob.log_in("bob", "python")
        token = (await old.enter("ann", "python", "pm"))["token"]
        await bob.read_until("* ann joined\r\n")
        again = house.connect()
        await again.ask("login", nick="whatever", token=token)
        logged_in = await again.wait_for("logged-in")
        assert (logged_in["nick"], logged_in["rooms"]) == ("ann", ["python", "pm"])
        assert [(await again.wait_for("entered"))["room"] for _ in range(2)] == ["python", "pm"]
        assert (await old.rest())[-1]["why"] == "taken-over"
        await again.ask("say", room="python", text="it is me")
        assert await bob.read_until("ann: it is me\r\n") == "ann: it is me\r\n", "nobody left, nobody joined"
        assert "ann" in house.server.hall.directory._people


async def test_a_key_counts_as_the_same_senders_after_a_takeover_and_a_rename_and_a_restart(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal) as house:
        program = house.connect()
        token = (await program.enter("ann", "python"))["token"]
        await program.ask("say", room="python", text="once", key="k")
        assert (await program.wait_for("stored"))["seq"] == 1
        await program.ask("nick", nick="anna")
        await program.wait_for("renamed")
        again = house.connect()
        await again.enter("anna", token=token)
        await again.ask("say", room="python", text="once", key="k", ref=5)
        stored = await again.wait_for("stored")
        assert (stored["seq"], stored["ref"]) == (1, 5)
    async with open_house(journal=journal) as house:
        again = house.connect()
        await again.enter("anna", "python", token=token)
        await again.ask("say", room="python", text="once", key="k")
        assert (await again.wait_for("stored"))["seq"] == 1
        other = house.connect()
        await other.enter("other", "python")
        await other.ask("say", room="python", text="mine", key="k")
        assert (await other.wait_for("stored"))["seq"] == 2


async def test_a_name_without_its_token_is_taken(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        await house.connect().enter("ann")
        thief = house.connect()
        await thief.ask("login", nick="ann", token=TOKEN)
        assert (await thief.wait_for("refused"))["code"] == "name-taken"


async def test_what_cannot_be_stored_is_told_by_key(autojump_clock: trio.abc.Clock) -> None:
    journal = FaultyJournal()
    async with open_house(journal=journal) as house:
        program = house.connect()
        await program.enter("ann", "python")
        journal.is_full = True
        await program.ask("say", room="python", text="a", key="k", ref=1)
        answer = await program.wait_for("not-stored")
        assert (answer["key"], answer["lines"], answer["ref"]) == ("k", 1, 1)


async def test_a_dead_program_is_found_in_45_seconds(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        program = house.connect()
        await program.enter("ann")
        start = trio.current_time()
        events = [event["is"] for event in await program.rest()]
        assert events == ["are-you-there", "are-you-there", "dismissed"]
        assert trio.current_time() - start == pytest.approx(45, abs=0.1)
        assert not house.server.hall.directory._people


async def test_a_program_that_answers_stays(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        program = house.connect()
        await program.enter("ann")
        for _ in range(20):
            await program.wait_for("are-you-there")
            await program.ask("here")
        await program.ask("are-you-there", ref=1)
        assert (await program.wait_for("here"))["ref"] == 1


async def test_a_program_that_still_takes_what_waits_for_it_lives(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0) as house:
        bob, slow = house.connect(), house.connect(stuck=True)
        await slow.enter("ann", "python")
        await bob.enter("bob", "python")
        for number in range(300):
            await bob.ask("say", room="python", text="x" * 1000, key=str(number))
        start = trio.current_time()
        heard = 0
        while trio.current_time() < start + 300:
            await trio.sleep(20)
            heard += (await slow.stream.receive_some(5000)).count(b"\n")
            await bob.ask("here")
        assert "ann" in house.server.hall.directory._people


async def test_a_slow_program_is_told_where_each_room_has_a_gap(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0, waiting_bytes=20_000) as house:
        bob, slow = house.connect(), house.connect(stuck=True)
        await slow.enter("ann", "python", "pm")
        await bob.enter("bob", "python", "pm")
        for number in range(100):
            await bob.ask("say", room=("python", "pm")[number % 2], text="x" * 1000, key=str(number))
        while (await bob.wait_for("stored"))["seq"] < 50:
            pass
        skipped = await slow.wait_for("skipped")
        assert set(skipped["rooms"]) == {"python", "pm"}
        assert skipped["lines"] > 0


async def test_marks_of_what_was_refused_are_not_kept(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0) as house:
        program = house.connect()
        await program.enter("ann", "python")
        for number in range(50):
            await program.ask("topic", room="python", text="x" * 400, ref=number)
            assert (await program.wait_for("refused"))["ref"] == number
            await program.ask("topic", room="python", ref=number)
            assert (await program.wait_for("topic-shown"))["ref"] == number
        ann = house.server.hall.directory._people["ann"].sessions[0]
        assert isinstance(ann, JsonSession)
        assert not ann._refs


async def test_a_session_can_be_in_a_hundred_rooms_and_no_more(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0, rooms_per_person=0, rooms_per_address=0) as house:
        program = house.connect()
        await program.enter("ann")
        for number in range(101):
            await program.ask("create", room=f"room-{number}")
            await program.ask("join", room=f"room-{number}")
        assert (await program.wait_for("refused"))["code"] == "too-many-rooms"
        await program.ask("logout")
        assert (await program.rest())[-1]["is"] == "logged-out"
        assert all(not room.population for room in house.server.rooms)


async def test_an_answer_to_a_person_and_to_a_program_is_the_same_event(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        program, person = house.connect(), house.call()
        await person.log_in("bob")
        await program.enter("ann")
        await person.type("/join nowhere")
        await person.read_until("* There is no room nowhere. /rooms lists the rooms.\r\n")
        await program.ask("join", room="nowhere")
        assert (await program.wait_for("refused"))["text"] == "There is no room nowhere. /rooms lists the rooms."


async def test_a_takeover_at_any_moment_of_joining_leaves_one_session_in_the_room(
    autojump_clock: trio.abc.Clock,
) -> None:
    for pauses in range(12):
        async with open_house() as house:
            old, again = house.connect(), house.connect()
            await old.enter("ann", token=TOKEN)
            await old.ask("join", room="python")
            for _ in range(pauses):
                await trio.lowlevel.checkpoint()
            await again.ask("login", nick="ann", token=TOKEN)
            await again.ask("join", room="python")
            await old.rest()
            await again.ask("online", room="python")
            assert (await again.wait_for("online-listed"))["nicks"] == []
            (python,) = (room for room in house.server.rooms if room.name == "python")
            assert python.population == 1


def everything(value: Any) -> list[Any]:
    return [
        value,
        *(
            inner
            for part in (value.values() if isinstance(value, dict) else value if isinstance(value, list) else [])
            for inner in everything(part)
        ),
    ]


async def test_nothing_hostile_comes_out_of_the_door(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0) as house:
        bob, ann = house.connect(), house.connect()
        await bob.enter("bob", "python")
        await ann.enter("ann", "python")
        hostile = "\x1b]52;c;aGk=\x07\u202e\ud83d\x9b2J\u2028x"
        for do, field in (("say", "text"), ("me", "action"), ("topic", "text")):
            await ann.ask(do, room="python", **{field: hostile})
        await ann.ask("logout")
        for event in await ann.rest():
            for value in everything(event):
                assert not isinstance(value, str) or not set(value) & set("\x1b\x07\u202e\x9b\u2028")


class SlowJournal(MemoryJournal):
    """A journal that stores what is said in one room only after a while."""

    def __init__(self, room: str) -> None:
        super().__init__()
        self._slow_room = room
        self.seconds = 0.0

    def append(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey]) -> PendingAppend:
        appending = super().append(lines, keys)
        if lines[0].room != self._slow_room or not self.seconds:
            return appending
        return Later(appending, partial(trio.sleep, self.seconds))


async def test_two_logins_with_one_token_at_once_leave_one_session_with_all_rooms(
    autojump_clock: trio.abc.Clock,
) -> None:
    for pauses in range(10):
        async with open_house() as house:
            old, second, third = house.connect(), house.connect(), house.connect()
            await old.enter("ann", "python", "write", "pm", token=TOKEN)
            await second.ask("login", nick="ann", token=TOKEN)
            for _ in range(pauses):
                await trio.lowlevel.checkpoint()
            await third.ask("login", nick="ann", token=TOKEN)
            await trio.sleep(20)
            people = house.server.hall.directory._people
            assert list(people) == ["ann"]
            (session,) = people["ann"].sessions
            assert sorted(session.rooms) == ["pm", "python", "write"]
            assert all(room._members.sessions == [session] for room in house.server.rooms)


async def test_an_old_session_that_still_speaks_says_nothing_more_once_it_is_taken_over(
    autojump_clock: trio.abc.Clock,
) -> None:
    for pauses in range(14):
        async with open_house() as house:
            bob, old, new = house.call(), house.connect(), house.connect()
            await bob.log_in("bob", "python")
            await old.enter("ann", "python", token=TOKEN)
            await bob.read_until("* ann joined\r\n")
            await new.ask("login", nick="ann", token=TOKEN)
            for _ in range(pauses):
                await trio.lowlevel.checkpoint()
            with suppress(trio.BrokenResourceError):  # it may be closed already
                await old.ask("nick", nick="zoe")
            await trio.sleep(10)
            (nick,) = (nick for nick in house.server.hall.directory._people if nick != "bob")
            (python,) = (room for room in house.server.rooms if room.name == "python")
            assert set(python._members.nicks.values()) == {"bob", nick}


async def test_what_an_old_session_had_sent_already_is_not_carried_out(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        await house.connect().enter("ann", "python")
        session = house.server.hall.directory._people["ann"].sessions[0]
        assert isinstance(session, JsonSession)
        there = trio.Event()
        session.end_after_takeover(there, ())
        session.handle(Addressed(Rename("zoe")))
        there.set()
        assert session.nick == "ann"


async def test_who_leaves_a_room_whose_disk_is_slow_is_gone_from_the_others_at_once(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = SlowJournal("python")
    async with open_house(journal=journal) as house:
        ann, bob = house.connect(), house.connect()
        await ann.enter("ann", "python", "write", "pm")
        await bob.enter("bob", "python")
        journal.seconds = 30
        await bob.ask("say", room="python", text="slow")
        await ann.ask("logout")
        await trio.sleep(60)
        assert {room.name: room.population for room in house.server.rooms} == {"python": 1, "write": 0, "pm": 0}


async def test_what_is_skipped_while_catching_up_is_named_from_where_it_begins(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0, waiting_bytes=30_000) as house:
        bob = house.connect()
        await bob.enter("bob", "python", "pm")
        for number in range(1, 201):
            await bob.ask("say", room="python", text="x" * 400, key=str(number))
        while (await bob.wait_for("stored"))["seq"] < 200:
            pass
        slow = house.connect(stuck=True)
        await slow.ask("login", nick="ann")
        await slow.wait_for("logged-in")
        await slow.ask("resume", rooms={"python": 0})
        await slow.wait_for("entered")
        for number in range(200):
            await bob.ask("say", room="python", text="y" * 400, key=f"y{number}")
        seen: set[int] = set()

        async def ask_after(number: int) -> None:
            await slow.ask("history", ref="more", room="python", after=number, count=200)

        async with trio.open_nursery() as nursery:  # it reads while it writes
            with trio.fail_after(1000):
                while len(seen) < 400:
                    event = await slow.read()
                    if event["is"] == "skipped":
                        nursery.start_soon(ask_after, event["rooms"]["python"])
                    elif event["is"] == "page":
                        numbers = [line["seq"] for line in event["lines"]]
                        seen |= set(numbers)
                        if "ref" in event and numbers[-1] < 400:
                            nursery.start_soon(ask_after, numbers[-1])
                    elif event["is"] == "said":
                        seen.add(event["seq"])
            nursery.cancel_scope.cancel()
        assert seen == set(range(1, 401)), "following what skipped names finds everything"


async def test_what_is_skipped_after_one_has_caught_up_is_named_from_there(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0, waiting_bytes=20_000) as house:
        bob, slow = house.connect(), house.connect(stuck=True)
        await bob.enter("bob", "python")
        for number in range(1, 11):
            await bob.ask("say", room="python", text=f"line {number}", key=str(number))
        while (await bob.wait_for("stored"))["seq"] < 10:
            pass
        await slow.ask("login", nick="ann")
        await slow.ask("resume", rooms={"python": 0})
        assert (await slow.wait_for("page"))["lines"][-1]["seq"] == 10
        await trio.sleep(1)
        for number in range(60):
            await bob.ask("say", room="python", text="x" * 1000, key=f"x{number}")
        await trio.sleep(1)
        assert (await slow.wait_for("skipped"))["rooms"]["python"] >= 10


class DiskJournal(MemoryJournal):
    """A journal that has to be waited for when it is read."""

    async def read(self, room: str, first: int, last: int) -> Page:
        await trio.sleep(0.001)
        return await super().read(room, first, last)


async def test_a_short_page_of_a_resumed_past_that_is_skipped_is_named_from_where_it_begins(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(journal=DiskJournal(), messages_per_second=0, waiting_bytes=20_000) as house:
        bob, slow = house.connect(), house.connect(stuck=True)
        await bob.enter("bob", "python")
        for number in range(1, 4):
            await bob.ask("say", room="python", text=f"line {number}", key=str(number))
        while (await bob.wait_for("stored"))["seq"] < 3:
            pass
        await slow.ask("login", nick="ann")
        await slow.wait_for("logged-in")
        await slow.ask("resume", rooms={"python": 0})
        await trio.sleep(1)  # the connection is full of what comes before the page
        for number in range(30):
            await bob.ask("say", room="python", text="x" * 1000, key=f"x{number}")
        await trio.sleep(1)
        events = [await slow.read(), await slow.read()]
        assert [event["is"] for event in events] == ["entered", "skipped"]
        assert events[1]["rooms"]["python"] == 0


async def test_a_room_that_was_joined_after_the_reader_stopped_is_named_too(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0, waiting_bytes=20_000) as house:
        bob, slow = house.connect(), house.connect(stuck=True)
        await bob.enter("bob", "python", "pm")
        await slow.enter("ann", "python")
        await bob.ask("say", room="python", text="x" * 9000)
        await bob.wait_for("said")
        await slow.ask("join", room="pm")
        await trio.sleep(1)
        for number in range(30):
            await bob.ask("say", room="pm", text="x" * 1000, key=str(number))
        await trio.sleep(1)
        skipped = await slow.wait_for("skipped")
        assert skipped["rooms"].keys() == {"python", "pm"}
        assert skipped["rooms"]["pm"] == 0


class CountingJournal(MemoryJournal):
    """A journal that counts how often it is read."""

    reads = 0

    async def read(self, room: str, first: int, last: int) -> Page:
        self.reads += 1
        return await super().read(room, first, last)


async def test_a_resumed_past_is_read_for_nobody_who_has_gone_and_once_for_each_room(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = CountingJournal()
    async with open_house(messages_per_second=0, journal=journal) as house:
        bob = house.connect()
        await bob.enter("bob", "python")
        for number in range(1, 501):
            await bob.ask("say", room="python", text="x" * 100, key=str(number))
        while (await bob.wait_for("stored"))["seq"] < 500:
            pass
        gone, reads = house.connect(), journal.reads
        await gone.ask("login", nick="ann")
        await gone.ask("resume", rooms={"python": 0, "Python": 0, "PYTHON": 0})
        await gone.wait_for("page")
        await gone.stream.aclose()
        await trio.sleep(30)
        assert journal.reads - reads <= 3
        stays, reads = house.connect(), journal.reads
        await stays.ask("login", nick="carol")
        await stays.ask("resume", rooms={"python": 0, "Python": 0, "PYTHON": 0})
        await stays.ask("resume", rooms={f"room-{number}": 0 for number in range(101)})
        assert (await stays.wait_for("refused"))["code"] == "too-many-rooms"
        assert journal.reads - reads <= 12


async def test_a_stranger_may_send_short_lines_only(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        program = house.connect()
        await program.stream.send_all(b'{"do":"hello","program":"' + b"x" * 5000 + b'"}\n')
        assert (await program.wait_for("refused"))["code"] == "line-too-long"
        await program.enter("ann", "python")
        await program.ask("say", room="python", text="x" * 16_000)
        assert len((await program.wait_for("said"))["text"]) == 16_000


async def test_a_program_chooses_the_language_of_its_sentences_and_nothing_of_terminals(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        program = house.connect()
        await program.ask("hello")
        hello = await program.wait_for("hello")
        assert hello["language"] == "en"
        names = {command["name"] for command in hello["commands"]}
        assert "lang" in names
        assert not names & {"charset", "mode", "colour", "wrap", "plain", "keepalive"}
        await program.enter("ann", "python")
        for do in ("charset", "mode", "colour", "wrap", "plain", "keepalive"):
            await program.ask(do, ref=do)
            refused = await program.wait_for("refused")
            assert (refused["code"], refused["ref"]) == ("for-terminals", do)
        await program.ask("lang", language="zh", ref=1)
        assert await program.wait_for("chosen") == {
            "is": "chosen",
            "ref": 1,
            "setting": "language",
            "value": "zh",
            "is_new": True,
        }
        await program.ask("join", room="nowhere")
        assert (await program.wait_for("refused"))["text"] == "没有房间 nowhere。用 /rooms 查看房间。"
        house.server.stop()
        assert (await program.rest())[-1]["text"] == "服务器即将停止。再见。"
