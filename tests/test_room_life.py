"""A room's owners rename it, archive it and delete it; what it is known by meanwhile. By whole servers, on virtual time."""

from typing import Any

import pytest
import trio

from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.room_life import NameSet
from dens import den, holder, refused, told
from node_houses import open_nodes
from streams import House, Program, open_house
from test_chat_room import StalledJournal

pytestmark = pytest.mark.usefixtures("wall_clock")


async def test_an_owner_renames_a_room_and_everybody_in_it_talks_on(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        person = house.call()
        await person.log_in("cid")
        await person.type("/join den")
        await person.read_until("You are in den.")
        assert await refused(bob, "rename", name="lair") == "owners-only"
        assert await refused(ann, "rename", name="python") == "room-exists"
        assert await refused(ann, "rename", name="den") == "room-exists"
        assert await refused(ann, "rename", name="who") == "room-is-command"
        assert await refused(ann, "rename", name="pyth\u043en") == "name-mixes-scripts"
        await ann.ask("rename", room="den", name="lair")
        assert await told(bob, "room-renamed") == {"is": "room-renamed", "room": "den", "new": "lair"}
        entered = await bob.wait_for("entered")
        assert entered["room"] == "lair"
        named = await told(bob, "name-set")
        assert named == {"is": "name-set", "room": "lair", "nick": "ann", "text": "lair", "was": "den"}
        shown = await person.read_until("ann renamed the room from den to lair\r\n")
        assert "has a new name" not in shown
        await person.type("/den")
        assert "* den has a new name: lair." in await person.read_until("* You are already in lair.")
        await bob.ask("say", room="den", text="by the old name")
        await person.read_until("bob: by the old name")
        assert isinstance((await journal.read("lair", 1, 99)).lines[-2], NameSet)
        assert await refused(bob, "rename", name="den") == "owners-only"


async def test_a_program_that_renames_a_room_is_told_that_it_is_done_where_it_asks_with_a_ref(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        ann, _ = await den(house, "ann", "bob")
        await ann.ask("rename", room="den", name="lair", ref="r")
        stored = await ann.wait_for("stored")
        assert (stored["ref"], stored["room"]) == ("r", "lair")
        (line,) = (await journal.read("lair", stored["seq"], stored["seq"])).lines
        assert isinstance(line, NameSet)
        await ann.ask("rename", room="lair", name="python", ref="q")
        assert (await ann.wait_for("refused"))["ref"] == "q"
        await ann.ask("rename", room="lair", name="den")
        await ann.ask("ping", ref="p")
        await ann.ask("logout")
        assert [one for one in await ann.rest() if one["is"] == "stored"] == [], "nobody has asked with a ref"


async def test_a_room_is_known_by_its_id_whatever_it_is_called(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        await ann.ask("rooms")
        ids = (await ann.wait_for("rooms-listed"))["ids"]
        await ann.ask("say", room="den", text="one")
        await bob.wait_for("said")
        await ann.ask("rename", room="den", name="lair")
        assert (await bob.wait_for("entered"))["id"] == ids["den"]
        await bob.ask("back", room="lair")
        await ann.ask("create", room="den")
        await ann.wait_for("room-created")
        await bob.ask("resume", rooms={"den": 1}, ids={"den": ids["den"]})
        assert (await bob.wait_for("room-renamed"))["new"] == "lair"
        assert (await bob.wait_for("entered"))["id"] == ids["den"]
        assert [line["text"] for line in (await bob.wait_for("page"))["lines"]] == ["one", "lair"]


async def test_another_room_of_the_same_name_is_begun_anew(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        await bob.ask("rooms")
        old = (await bob.wait_for("rooms-listed"))["ids"]["den"]
        for number in range(5):
            await bob.ask("say", room="den", text=f"secret {number}", key=f"k{number}")
        await bob.wait_for("stored")
        assert await refused(bob, "destroy", name="den") == "owners-only"
        await ann.ask("destroy", room="den")
        assert await told(ann, "destroy-awaited") == {
            "is": "destroy-awaited",
            "room": "den",
            "lines": 6,
            "people": 2,
            "text": "den would be deleted with everything said in it (lines: 6), and whoever is there put out (people: 2). Nobody can undo that."
            " /destroy den does it; /archive lets it be read.",
        }
        assert await refused(ann, "destroy", name="python") == "not-its-name"
        await ann.ask("destroy", room="den", name="DEN", ref=7)
        assert (await bob.wait_for("room-deleted"))["room"] == "den"
        await bob.wait_for("went-back")
        assert (await ann.wait_for("destroyed"))["ref"] == 7
        assert await refused(bob, "join") == "no-such-room"
        await bob.ask("create", room="den")
        await bob.wait_for("room-created")
        await bob.ask("resume", rooms={"den": 3}, ids={"den": old})
        entered = await bob.wait_for("entered")
        assert entered["id"] != old
        assert [line["text"] for line in (await bob.wait_for("recalled"))["lines"]] == [""]
        await bob.ask("say", room="den", text="again", key="k1", ref=8)
        assert (await bob.wait_for("stored"))["seq"] == 2, "a key of the old room is none of this one's"
        await bob.ask("search", words="secret")
        assert (await bob.wait_for("found"))["rooms"] == []


async def test_an_archived_room_is_read_and_not_written(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        await bob.ask("say", room="den", text="one")
        assert await refused(bob, "archive") == "owners-only"
        assert await refused(ann, "unarchive") == "not-archived"
        await ann.ask("archive", room="den", reason="done with")
        assert (await told(bob, "archived"))["text"] == "done with"
        assert await refused(bob, "say", text="two") == "archived"
        assert await refused(ann, "topic", text="two") == "archived"
        assert await refused(ann, "archive") == "archived-already"
        await bob.ask("back", room="den")
        await bob.ask("rooms")
        listed = await bob.wait_for("rooms-listed")
        assert "den" not in dict(listed["rooms"])
        assert listed["archived"] == [["den", 1]]
        await bob.ask("join", room="den")
        assert (await bob.wait_for("entered"))["archived"] is True
        await bob.ask("last", room="den", count=9)
        assert "one" in str(await bob.wait_for("page"))
        person = house.call()
        await person.log_in("cid")
        await person.type("/rooms")
        await person.read_until("Archived: den")
        await person.type("/join den")
        await person.read_until(
            "You are in den.\r\n* This room is archived: it can be read, and nobody says anything in it."
        )
        await ann.ask("unarchive", room="den")
        await bob.wait_for("unarchived")
        await bob.ask("say", room="den", text="two")
        await ann.wait_for("said")
        await bob.ask("back", room="den")
        await bob.ask("join", room="den")
        assert "archived" not in await bob.wait_for("entered")


async def test_who_is_a_member_of_a_private_room_reads_it_when_it_is_archived(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        await ann.ask("rule", room="den", rule="access", value="invite")
        await bob.wait_for("went-back")
        await ann.ask("invite", room="den", nick="bob")
        await bob.wait_for("invited-to")
        await ann.ask("archive", room="den")
        await told(ann, "archived")
        await bob.ask("join", room="den")
        assert (await bob.wait_for("entered"))["archived"] is True, "they were invited before"
        assert await refused(ann, "say", text="two") == await refused(bob, "say", text="two") == "archived"
        await ann.ask("unarchive", room="den")
        await bob.wait_for("unarchived")
        await bob.ask("say", room="den", text="two")
        assert (await ann.wait_for("said"))["text"] == "two"


async def test_who_stands_below_does_not_lift_what_somebody_has_forbidden_nor_puts_less_in_its_place(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, eve = await den(house, "ann", "bob", "eve")
        await ann.ask("role", room="den", nick="bob", role="moderator")
        await eve.wait_for("role-given")
        await ann.ask("mute", room="den", nick="eve", span="7d loud")
        assert "place" not in await told(eve, "muted")
        assert await refused(bob, "unban", id=1) == "lifts-above"
        await bob.ask("mute", room="den", nick="eve", span="1m")
        await eve.wait_for("muted")
        await bob.ask("bans", room="den")
        assert [*(await bob.wait_for("bans"))["bans"]] == ["1", "2"]
        await trio.sleep(61)
        assert await refused(eve, "say", text="hm") == "muted-here"
        await ann.ask("unban", room="den", id=1)
        await eve.wait_for("lifted")
        for span in ("1h", "30m", "2h"):  # the newer holds
            await bob.ask("mute", room="den", nick="eve", span=span)
            await eve.wait_for("muted")
        await bob.ask("bans", room="den")
        assert {one["left"] for one in (await bob.wait_for("bans"))["bans"].values()} == {"2h"}
        await ann.ask("unban", room="den", id=5)
        assert (await told(eve, "lifted"))["id"] == 5


async def test_who_has_made_a_room_is_said_so(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, _ = await den(house, "ann", "bob")
        person = house.call()
        await person.log_in("cid")
        await person.type("/join den")
        await person.read_until("ann made this room, and owns it\r\n")
        await ann.ask("last", room="den", count=1)
        (line,) = (await ann.wait_for("page"))["lines"]
        assert (line["is"], line["nick"]) == ("founded", "ann")


async def test_an_account_owns_so_many_rooms(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999, rooms_owned=2, rooms_per_person=0) as house:
        ann, bob = await den(house, "ann", "bob")
        await ann.ask("create", room="second")
        await ann.wait_for("room-created")
        await ann.ask("create", room="third", ref=1)
        assert (await ann.wait_for("refused"))["code"] == "rooms-owned"
        await bob.ask("create", room="third")
        await bob.wait_for("room-created")
        await ann.ask("role", room="den", nick="bob", role="owner")
        await bob.wait_for("role-given")
        await ann.ask("join", room="second")
        await ann.ask("role", room="second", nick="bob", role="owner", ref=2)
        assert (await ann.wait_for("refused"))["code"] == "rooms-owned"
        await ann.ask("role", room="den", nick="ann", role="none")
        await bob.wait_for("role-given")
        await ann.ask("create", room="fourth")
        await ann.wait_for("room-created")


async def test_a_room_whose_owners_have_no_account_any_more_is_the_servers_and_no_owner_goes_as_the_last(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        boss = await holder(house, "boss", 9)
        await house.ask_as_operator("give-role", name="boss", role="admin")
        await boss.wait_for("office-changed")
        await ann.ask("role", room="den", nick="bob", role="owner")
        await bob.wait_for("role-given")
        ended, *_ = await house.ask_as_operator("end-account", name="ann", ending="close")
        assert ended["is"] != "not-done", ended
        await ann.wait_for("dismissed")
        assert await refused(bob, "role", nick="bob", role="none") == "last-owner"
        await bob.ask("role", room="den")
        assert (await bob.wait_for("roles"))["roles"] == {"bob": "owner"}
        await house.ask_as_operator("end-account", name="bob", ending="erase")
        await bob.wait_for("dismissed")
        await boss.ask("join", room="den")
        await boss.wait_for("entered")
        await boss.ask("role", room="den")
        await boss.wait_for("no-roles")
        await boss.ask("role", room="den", nick="boss", role="owner")
        assert (await told(boss, "role-given"))["whom"] == "boss"
        await boss.ask("rename", room="den", name="lair")
        await boss.wait_for("name-set")


# Over several nodes, and what happens at once.


async def entered(house: House, nick: str, place: int = 1) -> Program:
    """Somebody with an account who is in the room den of one of several nodes."""
    program = await holder(house, nick, place)
    await program.ask("join", room="den")
    await program.wait_for("entered")
    return program


async def test_what_becomes_of_a_room_at_one_node_becomes_of_it_at_all(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(2, silence_seconds=9999) as (a, b):
        ann = await holder(a, "ann")
        await ann.ask("create", room="den")
        await ann.wait_for("room-created")
        await ann.ask("join", room="den")
        known = (await ann.wait_for("entered"))["id"]
        await trio.sleep(5)
        bob = await holder(b, "bob", 2)
        await bob.ask("join", room="den")
        assert (await bob.wait_for("entered"))["id"] == known
        person = b.call()
        await person.log_in("cid")
        await person.type("/join den")
        await person.read_until("You are in den.")
        await ann.ask("rename", room="den", name="lair")
        named = await told(bob, "name-set")
        assert (named["nick"], named["text"], named["was"]) == ("ann", "lair", "den")
        shown = await person.read_until("ann renamed the room from den to lair\r\n")
        assert "has a new name" not in shown
        await bob.ask("say", room="lair", text="hi")
        await ann.wait_for("said")
        await ann.ask("archive", room="lair")
        await bob.wait_for("archived")
        assert await refused_in(bob, "lair", "say", text="hm") == "archived"
        await ann.ask("destroy", room="lair", name="lair")
        await ann.wait_for("destroyed")
        await bob.wait_for("room-deleted")
        await bob.wait_for("went-back")
        await person.read_until("You are in the hall.")
        await bob.ask("create", room="lair")
        await bob.wait_for("room-created")
        await ann.ask("resume", rooms={"lair": 1}, ids={"lair": known})
        assert (await ann.wait_for("entered"))["id"] != known


async def refused_in(program: Program, room: str, do: str, **fields: Any) -> str:
    await program.ask(do, room=room, ref=99, **fields)
    while (answer := await program.wait_for("refused")).get("ref") != 99:
        pass
    return str(answer["code"])


async def test_two_owners_at_two_nodes_rename_a_room_at_once_and_it_has_one_name_everywhere(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(2, silence_seconds=9999) as (a, b):
        ann = await holder(a, "ann")
        await ann.ask("create", room="den")
        await ann.wait_for("room-created")
        await trio.sleep(5)
        await ann.ask("join", room="den")
        bob = await entered(b, "bob", 2)
        await ann.ask("role", room="den", nick="bob", role="owner")
        await bob.wait_for("role-given")
        await ann.ask("rename", room="den", name="lair")
        await bob.ask("rename", room="den", name="nest")
        await trio.sleep(20)
        names = [{room.name for room in house.server.rooms} for house in (a, b)]
        assert names[0] == names[1]
        (name,) = names[0] & {"lair", "nest", "den"}
        for program in (ann, bob):
            await program.ask("say", room=name, text="here", key=f"k{id(program)}")
            assert (await program.wait_for("stored"))["room"] == name


async def test_who_renames_a_room_and_is_no_owner_by_then_does_not(autojump_clock: trio.abc.Clock) -> None:
    journal = StalledJournal()
    journal.goes_on.set()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        await ann.ask("role", room="den", nick="bob", role="owner")
        await bob.wait_for("role-given")
        journal.goes_on = trio.Event()
        await bob.ask("role", room="den", nick="bob", role="none")
        await trio.sleep(1)
        await bob.ask("rename", room="den", name="nest", ref=7)
        await trio.sleep(1)
        journal.goes_on.set()
        assert (await bob.wait_for("refused"))["code"] == "owners-only"
        assert house.server._directory.room("nest") is None


async def test_lines_that_wait_while_a_room_is_renamed_are_stored_once_and_in_order(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9999, messages_per_second=0.0) as house:
        ann, bob = await den(house, "ann", "bob")
        for number in range(50):
            await bob.ask("say", room="den", text=str(number), key=f"k{number}")
            if number == 20:
                await ann.ask("rename", room="den", name="lair")
        await bob.ask("say", room="den", text="last", key="last")
        while (await bob.wait_for("stored"))["key"] != "last":
            pass
        texts = [line.text for line in (await journal.read("lair", 1, 99)).lines if not isinstance(line, NameSet)]
        assert texts == ["", *map(str, range(50)), "last"]


async def test_who_comes_into_a_room_that_is_being_deleted_is_told_that_there_is_none(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        await bob.ask("back", room="den")
        await bob.wait_for("went-back")
        await ann.ask("destroy", room="den", name="den")
        for _ in range(3):
            await bob.ask("join", room="den")
        await ann.wait_for("destroyed")
        await trio.sleep(5)
        assert house.server._directory.room("den") is None
        assert await refused(bob, "say", text="hm") in ("no-such-room", "not-in-room")
        for session in house.server._sessions:
            assert "den" not in session.rooms


async def test_what_was_stored_before_it_was_forbidden_and_is_sent_again_is_said_to_be_stored(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        await bob.ask("say", room="den", text="before", key="k1")
        assert (await bob.wait_for("stored"))["seq"] == 2
        await ann.ask("mute", room="den", nick="bob", span="30m")
        await bob.wait_for("muted")
        await bob.ask("say", room="den", text="before", key="k1", ref=7)
        stored = await bob.wait_for("stored")
        assert (stored["seq"], stored["key"], stored["ref"]) == (2, "k1", 7)
        await bob.ask("say", room="den", text="after", key="k2", ref=8)
        refusal = await bob.wait_for("refused")
        assert (refusal["code"], refusal["ref"]) == ("muted-here", 8)
        await ann.ask("unban", room="den", id=1)
        await bob.wait_for("lifted")
        await ann.ask("archive", room="den")
        await bob.wait_for("archived")
        await bob.ask("say", room="den", text="before", key="k1", ref=9)
        assert (await bob.wait_for("stored"))["ref"] == 9


class SlowToDelete(MemoryJournal):
    """A journal that takes a minute to delete a room."""

    async def delete_room(self, name: str) -> str:
        await trio.sleep(60)
        return await super().delete_room(name)


async def test_a_room_that_takes_a_minute_to_delete_is_deleted_though_its_owner_has_left(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = SlowToDelete()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        await ann.ask("destroy", room="den", name="den")
        await bob.wait_for("room-deleted")
        await ann.stream.aclose()
        await trio.sleep(70)
        assert "den" not in {room.name for room in await journal.rooms()}
