"""A room of a running server gets another name, or is deleted: who is there, who comes, what is said meanwhile, and what was said before."""

from typing import Any

import trio

from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.room_life import NameSet
from fakes import FaultyJournal
from streams import House, Program, open_house
from test_chat_room import StalledJournal


async def rename(house: House, room: str, name: str) -> list[dict[str, Any]]:
    return await house.ask_as_operator("rename-room", room=room, name=name)


async def delete(house: House, room: str) -> list[dict[str, Any]]:
    return await house.ask_as_operator("delete-room", room=room)


def why_not(answers: list[dict[str, Any]]) -> str:
    (only,) = answers
    assert only["is"] == "not-done", only
    return str(only["why"])


# Another name.


async def test_everybody_in_a_room_is_told_of_its_new_name_and_talks_on(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, bob = await house.ann_and_bob()
        program = house.connect()
        await program.enter("prog", "python", "pm")
        await ann.type("before")
        await bob.read_until("ann: before\r\n")
        assert (await rename(house, "PYTHON", "snakes"))[0] == {"is": "renamed", "old": "python", "new": "snakes"}
        for person in (ann, bob):
            await person.read_until("server renamed the room from python to snakes\r\n")
        await program.wait_for("room-renamed")
        assert (await program.read()) == {"is": "went-back", "room": "python"}
        entered = await program.read()
        assert (entered["is"], entered["room"], entered["last"]) == ("entered", "snakes", 1)
        assert sorted(entered["nicks"]) == ["ann", "bob"]
        await ann.type("after")
        await bob.read_until("ann: after\r\n")
        named = await program.wait_for("said")
        assert (named["room"], named["seq"], named["nick"]) == ("snakes", 2, "server")
        assert named["text"] == "renamed the room from python to snakes"
        said = await program.wait_for("said")
        assert (said["room"], said["seq"]) == ("snakes", 3)
        await program.ask("say", room="snakes", text="from a program", ref=1)
        await ann.read_until("prog: from a program")
        await ann.type("/last 5")
        assert "before" in await ann.read_until("from a program")
        newcomer = house.connect()
        await newcomer.enter("newcomer")
        await newcomer.ask("join", room="snakes")
        assert {line["room"] for line in (await newcomer.wait_for("recalled"))["lines"]} == {"snakes"}
        await newcomer.ask("back", room="snakes")
        await ann.type("/online", "/rooms")
        await ann.read_until("others in snakes:")
        assert "python" not in await ann.read_until("write (0)")


async def test_what_a_program_says_by_the_old_name_is_said_and_resuming_by_it_works(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        ann, _ = await house.ann_and_bob()
        program = house.connect()
        await program.enter("prog", "python")
        await rename(house, "python", "snakes")
        await program.ask("say", room="python", text="late", key="k1", ref=7)
        await ann.read_until("prog: late")
        stored = await program.wait_for("stored")
        assert (stored["room"], stored["ref"]) == ("snakes", 7)
        other = house.connect()
        await other.enter("other")
        await other.ask("resume", rooms={"python": 0})
        assert (await other.read()) == {"is": "room-renamed", "room": "python", "new": "snakes"}
        assert (await other.wait_for("entered"))["room"] == "snakes"
        page = await other.wait_for("page")
        assert {line["room"] for line in page["lines"]} == {"snakes"}
        assert [line["text"] for line in page["lines"]] == ["renamed the room from python to snakes", "late"]
        cid = house.call()
        await cid.log_in("cid")
        await cid.type("/join python")
        await cid.read_until("* python has a new name: snakes.\r\n* You are in snakes.")
        # Until there is another room of that name.
        await cid.type("/create python", "/join python")
        await cid.read_until("* You are in python.\r\n* Nobody else is here.")


async def test_a_new_name_that_cannot_be_is_refused_and_nothing_changes(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, bob = await house.ann_and_bob()
        for name, why in (
            ("pm", "there is a room pm already"),
            ("who", "is a command's word"),
            ("a b", "cannot be a room's name"),
            ("python", "called so already"),
            ("wr\u0456te", "mixes scripts"),
        ):
            assert why in why_not(await rename(house, "python", name))
        assert "there is no room perl" in why_not(await rename(house, "perl", "x"))
        await ann.type("hello")
        await bob.read_until("ann: hello")
        assert (await rename(house, "#1", "Python"))[0]["new"] == "Python", "other letters of the same name"
        await ann.type("/join python")
        await ann.read_until("You are already in Python.")


async def test_a_name_that_cannot_be_stored_is_not_given(autojump_clock: trio.abc.Clock) -> None:
    journal = FaultyJournal()
    async with open_house(journal=journal) as house:
        ann, bob = await house.ann_and_bob()
        journal.is_full = True
        assert "python keeps its name: no space left" in why_not(await rename(house, "python", "snakes"))
        journal.is_full = False
        await ann.type("hello")
        await bob.read_until("ann: hello")
        await ann.type("/rooms")
        await ann.read_until("python (2)")


async def test_whoever_is_entering_or_leaving_meanwhile_is_where_they_wanted_to_be(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = StalledJournal()
    async with open_house(journal=journal) as house:
        ann, bob = await house.ann_and_bob()
        coming, going = house.connect(), house.connect()
        await coming.enter("coming")
        await going.enter("going", "python")
        await bob.type("being stored")
        await trio.sleep(1)
        await coming.ask("join", room="python")
        await going.ask("back", room="python")
        await ann.type("waits")
        await trio.sleep(1)
        house.nursery.start_soon(rename, house, "python", "snakes")
        await trio.sleep(1)
        journal.goes_on.set()
        told = await bob.read_until("ann: waits")
        assert "server renamed the room from python to snakes" in told
        await coming.wait_for("entered")
        await going.wait_for("went-back")
        await trio.sleep(5)
        await coming.ask("say", room="snakes", text="here")
        await ann.read_until("coming: here")
        await going.ask("say", room="snakes", text="not here", ref=1)
        assert (await going.wait_for("refused"))["code"] == "not-in-room"


# Its end.


async def test_everybody_is_put_out_of_a_room_that_is_deleted_and_everything_said_there_is_gone(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal) as house:
        ann, bob = await house.ann_and_bob()
        program = house.connect()
        await program.enter("prog", "python", "pm")
        await ann.type("secret")
        await bob.read_until("ann: secret")
        running = house.server._open_rooms.running
        assert (await delete(house, "python"))[0] == {"is": "deleted", "room": "python", "lines": 1, "left": ""}
        for person in (ann, bob):
            await person.read_until("* python has been deleted.\r\n* You are in the hall.\r\n")
        await program.wait_for("room-deleted")
        assert (await program.read()) == {"is": "went-back", "room": "python"}
        await program.ask("say", room="python", text="x", ref=1)
        assert (await program.wait_for("refused"))["code"] == "no-such-room"
        await program.ask("say", room="pm", text="still there")
        await program.wait_for("said")
        await ann.type("hello?", "/join python", "/search secret", "/rooms")
        await ann.read_until("Nobody hears you in the hall.")
        await ann.read_until("There is no room python.")
        await ann.read_until("Nothing found in any room.")
        assert "python" not in await ann.read_until("pm (1)")
        assert house.server._open_rooms.running == running - 1, "its broadcaster has ended"
        assert [room.name for room in house.server.rooms] == ["write", "pm"]
        assert [record.name for record in await journal.rooms()] == ["write", "pm"]
        await ann.type("/create python", "/join python")
        await ann.read_until("* You are in python.\r\n* Nobody else is here.")
        await ann.type("new")
        await trio.sleep(1)
        assert [(line.seq, line.text) for line in (await journal.read("python", 1, 9)).lines] == [(1, "new")]


async def test_what_waits_in_a_room_that_is_deleted_is_answered_and_whoever_waits_goes_on(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = StalledJournal()
    async with open_house(journal=journal) as house:
        ann, bob = await house.ann_and_bob()
        said, coming, going = house.connect(), house.connect(), house.connect()
        for program, nick, rooms in ((said, "said", ["python"]), (coming, "coming", []), (going, "going", ["python"])):
            await program.enter(nick, *rooms)
        late = house.call()
        await late.log_in("late")
        await bob.type("being stored")
        await trio.sleep(1)
        await said.ask("say", room="python", text="waits", key="k", ref=1)
        await coming.ask("join", room="python", ref=2)
        await going.ask("back", room="python", ref=3)
        await late.type("/join python")
        await trio.sleep(1)
        house.nursery.start_soon(delete, house, "python")
        await trio.sleep(1)
        journal.goes_on.set()
        await ann.read_until("* python has been deleted.\r\n* You are in the hall.")
        assert (await said.wait_for("not-stored"))["key"] == "k"
        assert (await coming.wait_for("refused"))["code"] == "no-such-room"
        await going.wait_for("went-back")
        await late.read_until("There is no room python.")
        for program in (said, coming, going):
            await program.ask("say", room="python", text="x", ref=9)
            assert (await program.wait_for("refused"))["code"] == "no-such-room"
            await program.ask("join", room="pm")
            assert (await program.wait_for("entered"))["room"] == "pm"
        await late.type("/join pm")
        await late.read_until("* You are in pm.")
        await bob.type("/back", "/join pm")
        await bob.read_until("* You are in pm.")


async def test_the_last_room_can_be_deleted_and_the_server_stops_in_order(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        for room in ("python", "write", "pm"):
            await delete(house, room)
        ann = house.call()
        await ann.log_in("ann")
        await ann.type("/rooms", "/create new", "/join new", "hello")
        await ann.read_until("* You are in new.")
        house.server.stop()
        await house.ended.wait()
        assert house.exit_code == 0


class Talkers:
    """Programs that talk without end in two rooms, and hear what is said in both."""

    def __init__(self, house: House) -> None:
        self.room = "python"
        self.heard: list[list[tuple[int, str]]] = []
        self.stored: set[str] = set()
        self._house = house

    async def listen(self, program: Program, lines: list[tuple[int, str]]) -> None:
        while True:
            event = await program.read()
            if event.get("room") == "pm":
                continue
            if event["is"] == "said" and event["nick"] != "server":
                lines.append((event["seq"], event["text"]))
            elif event["is"] == "stored":
                self.stored.add(event["key"])

    async def talk(self, program: Program, number: int) -> None:
        for count in range(200):
            key = f"{number}-{count}"
            await program.ask("say", room=self.room, text=key, key=key)
            await program.ask("say", room="pm", text=key)
            await trio.sleep(0.01)

    async def begin(self, talking: trio.Nursery) -> None:
        for number in range(4):
            program = self._house.connect()
            await program.enter(f"u{number}", "python", "pm")
            self.heard.append([])
            self._house.nursery.start_soon(self.listen, program, self.heard[-1])
            talking.start_soon(self.talk, program, number)


async def test_while_everybody_talks_a_room_is_renamed_again_and_again_and_nothing_is_lost(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, messages_per_second=0.0) as house:
        talkers = Talkers(house)
        async with trio.open_nursery() as talking:
            await talkers.begin(talking)
            for count in range(6):
                await trio.sleep(0.25)
                await rename(house, talkers.room, f"name{count}")
                talkers.room = f"name{count}"
        await trio.sleep(10)
        stored = (await journal.read("name5", 1, 10_000)).lines
        assert [line.seq for line in stored] == [*range(1, 807)], "with the six new names"
        kept = [(line.seq, line.text) for line in stored if not isinstance(line, NameSet)]
        assert talkers.stored == {text for _, text in kept}
        for lines in talkers.heard:
            assert lines == kept[-len(lines) :]


async def test_while_everybody_talks_a_room_is_deleted_and_the_others_lose_nothing(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, messages_per_second=0.0) as house:
        talkers = Talkers(house)
        async with trio.open_nursery() as talking:
            await talkers.begin(talking)
            await trio.sleep(1)
            assert (await delete(house, "python"))[0]["is"] == "deleted"
        await trio.sleep(10)
        assert [line.seq for line in (await journal.read("pm", 1, 10_000)).lines] == [*range(1, 801)]
        assert len({lines[-1] for lines in talkers.heard}) == 1, "all have heard the same"
        for lines in talkers.heard:
            assert [seq for seq, _ in lines] == [*range(lines[0][0], lines[-1][0] + 1)]
        assert not (await journal.read("python", 1, 10_000)).lines
