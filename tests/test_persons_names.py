"""What belongs to a person, whatever the number of sessions: the name, above all, and what they choose. On virtual time."""

from collections import Counter

import pytest
import trio

from captured_logs import capture_logs
from chat_server.commands.renaming import ROOMS_AT_ONCE, ROOMS_PER_LINE
from chat_server.commands.table import COMMANDS
from chat_server.protocol.requests import Rename, Say
from chat_server.rooms.batch import Arrival
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.hall import Hall
from chat_server.rooms.inbox import INBOX_MAX
from chat_server.rooms.room import Occupant
from fakes import FakeSession, make_hall, open_rooms
from one_person import TOKEN, SlowJournal, ann_at_two_desks, heard
from streams import House, Program, open_house


async def test_a_new_name_is_the_persons_and_each_room_and_each_session_is_told_once(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        bob, tab = house.connect(), house.connect()
        await bob.enter("bob", "python", "pm")
        desk, phone = await ann_at_two_desks(house, "python")
        await tab.enter("ann", token=TOKEN, session="add")
        for room in ("python", "pm"):
            await phone.ask("join", room=room)
        for program in (bob, desk, phone, tab):
            await heard(program)
        await tab.ask("nick", nick="anna", ref=1)
        own = {"is": "renamed", "old": "ann", "new": "anna", "room": ""}
        in_rooms = [own | {"room": room} for room in ("python", "pm")]
        assert await heard(tab) == [own | {"ref": 1}]
        assert await heard(desk) == [own, in_rooms[0]]
        (first, *others), by_room = await heard(phone), lambda event: -len(event["room"])
        assert (first, sorted(others, key=by_room)) == (own, in_rooms)
        assert sorted(await heard(bob), key=by_room) == in_rooms
        await desk.ask("say", room="python", text="x")
        assert (await bob.wait_for("said"))["nick"] == "anna"
        assert set(house.server.hall.directory._people) == {"bob", "anna"}


async def bob_and_ann_with_her_phone(hall: Hall, room: ChatRoom) -> tuple[FakeSession, FakeSession, FakeSession]:
    """Bob and Ann in the room; a further session of hers is in the hall."""
    bob, desk, phone = FakeSession(room, "bob"), FakeSession(room, "ann"), FakeSession(hall)
    phone.belong_to(desk.person)
    for session in (bob, desk):
        await room.enter(session)
    return bob, desk, phone


async def test_a_further_session_is_shown_who_else_is_here_and_hears_of_a_new_name_as_everybody_does(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    hall, room = open_rooms(nursery)
    bob, desk, phone = await bob_and_ann_with_her_phone(hall, room)
    shown = desk.take_told()
    room.post(phone, Arrival(trio.Event()))
    COMMANDS.dispatch(room, desk, Rename("anna"))
    phone.take_told()  # outside of the room it is told at once
    await trio.sleep(1)
    assert phone.told[: len(shown)] == shown
    for session in (bob, phone):
        assert session.told[-1] == "* ann is now anna"


async def test_a_takeover_that_fails_half_way_is_done_and_unseen_all_the_same(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    hall, room = open_rooms(nursery)
    bob, old, new = FakeSession(room, "bob"), FakeSession(room, "ann"), FakeSession(hall)
    new.belong_to(old.person)
    for session in (bob, old):
        await room.enter(session)
    await trio.sleep(10)
    bob.take_told()
    monkeypatch.setattr(room._members, "take_over", fail)
    with capture_logs():
        await room.take_over([old], new)
        await trio.sleep(10)
    assert room._members.sessions == [bob, new]
    assert [line for line in bob.told if "ann" in line] == []


async def test_who_has_come_is_announced_before_they_are_called_otherwise(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    _, room = open_rooms(nursery)
    bob, ann, eve = (FakeSession(room, nick) for nick in ("bob", "ann", "eve"))
    for session in (bob, eve, ann):  # the first is announced at once, the others a moment later
        await room.enter(session)
    COMMANDS.dispatch(room, ann, Rename("anna"))
    await trio.sleep(10)
    assert bob.told[-2:] == ["* ann joined", "* ann is now anna"]


async def test_a_name_that_changes_while_a_rooms_inbox_is_full_is_told_all_the_same(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    hall, room = open_rooms(nursery)
    bob, desk, phone = await bob_and_ann_with_her_phone(hall, room)
    for _ in range(INBOX_MAX):
        assert room.post(desk, Say("x")) is None
    assert COMMANDS.dispatch(hall, phone, Rename("anna")) is None, "nobody waits"
    await trio.testing.wait_all_tasks_blocked()
    assert bob.told[-2:] == ["ann: x", "* ann is now anna"]
    assert phone.told == ["* ann is now anna"]
    await room.leave(desk)
    await trio.sleep(30)
    assert bob.told[-1] == "* anna left"


@pytest.mark.parametrize("failing", ["python", "pm", "write"])
async def test_what_goes_wrong_when_a_new_name_is_told_keeps_it_from_no_room_and_the_old_one_from_nobody(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    hall = make_hall("python", "pm", "write")
    phone = FakeSession(hall, "ann")
    rooms = hall.directory.rooms
    for room in rooms:
        assert isinstance(room, ChatRoom)
        nursery.start_soon(room.run)
        session = FakeSession(room)
        session.belong_to(phone.person)
        await room.enter(session)
    with monkeypatch.context() as patch:
        patch.setattr(phone, "send", fail)
        with pytest.raises(RuntimeError):
            COMMANDS.dispatch(hall, phone, Rename("anna"))
    await trio.sleep(1)
    assert [room.nicks for room in rooms] == [["anna"]] * 3
    assert set(hall.directory._people) == {"anna"}
    monkeypatch.setattr(hall.directory.room(failing), "announce_name", fail)
    with pytest.raises(RuntimeError):
        COMMANDS.dispatch(hall, phone, Rename("ann"))
    await trio.sleep(1)
    assert [room.nicks for room in rooms] == [["anna"] if room.name == failing else ["ann"] for room in rooms]
    assert set(hall.directory._people) == {"ann"}


async def test_who_can_be_shown_nothing_under_a_new_name_ends(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    _, room = open_rooms(nursery)
    ann, bob = FakeSession(room, "ann"), FakeSession(room, "bob")
    for session in (ann, bob):
        await room.enter(session)
    with capture_logs(), monkeypatch.context() as patch:
        patch.setattr(room._audience, "add", fail)
        COMMANDS.dispatch(room, ann, Rename("anna"))
        await trio.sleep(1)
    assert "failed" in ann.told
    assert bob.told[-2:-1] == ["* ann is now anna"]
    assert "failed" not in bob.told


async def test_who_takes_a_name_that_was_given_up_just_before_a_rooms_inbox_was_full_has_it_when_the_other_has_it_no_more(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    journal = SlowJournal()
    _, room = open_rooms(nursery, journal)
    bob, zoe, eve = (FakeSession(room, nick) for nick in ("bob", "zoe", "eve"))
    for session in (bob, zoe, eve):
        await room.enter(session)
    journal.slow_room = "python"
    room.post(bob, Say("what the disk is busy with"))
    await trio.testing.wait_all_tasks_blocked()
    for _ in range(INBOX_MAX - 1):
        assert room.post(bob, Say("x")) is None
    COMMANDS.dispatch(room, zoe, Rename("ann"))
    COMMANDS.dispatch(room, eve, Rename("zoe"))
    journal.moves.set()
    await trio.sleep(1)
    assert [line for line in bob.told if "is now" in line] == ["* zoe is now ann", "* eve is now zoe"]


async def test_who_takes_another_name_before_they_are_in_a_room_comes_under_the_one_that_was_theirs(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    journal = SlowJournal()
    _, room = open_rooms(nursery, journal)
    carol, bob, ann = (FakeSession(room, nick) for nick in ("carol", "bob", "ann"))
    for session in (carol, bob):
        await room.enter(session)
    await trio.sleep(10)
    journal.slow_room = "python"
    room.post(bob, Say("what the disk is busy with"))
    await trio.testing.wait_all_tasks_blocked()
    room.post(ann, Arrival(trio.Event()))
    for session, nick in ((ann, "anna"), (bob, "ann"), (ann, "bob")):
        COMMANDS.dispatch(room, session, Rename(nick))
    carol.take_told()
    journal.moves.set()
    await trio.sleep(10)
    assert carol.told[1:] == ["* ann joined", "* ann is now anna", "* bob is now ann", "* anna is now bob"]


async def test_of_two_new_names_both_are_told_in_order_though_a_rooms_inbox_was_full_when_the_later_one_was_chosen(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    journal = SlowJournal()
    hall, room = open_rooms(nursery, journal)
    bob, _, phone = await bob_and_ann_with_her_phone(hall, room)
    journal.slow_room = "python"
    room.post(bob, Say("what the disk is busy with"))
    await trio.testing.wait_all_tasks_blocked()
    for _ in range(INBOX_MAX - 1):
        assert room.post(bob, Say("x")) is None
    for nick in ("anna", "annabel"):
        COMMANDS.dispatch(hall, phone, Rename(nick))
    journal.moves.set()
    await trio.testing.wait_all_tasks_blocked()
    assert room.nicks == ["bob", "annabel"]
    assert [line for line in bob.told if "is now" in line] == ["* ann is now anna", "* anna is now annabel"]
    for nick in ("zoe", "ann"):
        COMMANDS.dispatch(hall, phone, Rename(nick))
    await trio.testing.wait_all_tasks_blocked()
    assert [line for line in bob.told if "is now" in line][2:] == ["* annabel is now zoe", "* zoe is now ann"]


async def ann_in_many_rooms(house: House, count: int) -> tuple[Program, Program]:
    """Ann by two sessions, each in half of so many rooms, with all that they may ask for at once."""
    desk, phone = await ann_at_two_desks(house)
    for number in range(count):
        await house.server.hall.directory.create_room(f"room-{number}")
    for program, numbers in ((desk, range(count // 2)), (phone, range(count // 2, count))):
        await program.ask("resume", rooms={f"room-{number}": 0 for number in numbers})
    await trio.sleep(100)
    return desk, phone


async def test_a_new_name_is_told_to_a_few_rooms_at_a_time_and_the_old_one_is_free_when_all_have_been_told(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_house(silence_seconds=0) as house:
        desk, _ = await ann_in_many_rooms(house, 40)
        directory, passes, told = house.server.hall.directory, 0, Counter[int]()
        bob = FakeSession(house.server.hall, "bob").person
        announce = ChatRoom.announce_name

        def announce_name(room: ChatRoom, session: Occupant) -> None:
            told[passes] += 1
            assert directory.claim("ann", bob) is not None, "somebody may still be shown there by it"
            announce(room, session)

        monkeypatch.setattr(ChatRoom, "announce_name", announce_name)
        await desk.ask("nick", nick="anna")
        while told.total() < 40:
            passes += 1
            await trio.lowlevel.checkpoint()
        assert max(told.values()) <= 2 * ROOMS_AT_ONCE, "one pass of the loop may be seen as half of two"
        await trio.sleep(1)
        assert all(room.nicks in ([], ["anna"]) for room in house.server.rooms)
        assert set(directory._people) == {"anna", "bob"}


async def test_a_name_that_is_chosen_again_while_the_rooms_are_told_of_another_stays(
    autojump_clock: trio.abc.Clock,
) -> None:
    for pauses in range(12):
        async with open_house(silence_seconds=0) as house:
            desk, phone = await ann_in_many_rooms(house, 40)
            await desk.ask("nick", nick="anna")
            for _ in range(pauses):
                await trio.lowlevel.checkpoint()
            await phone.ask("nick", nick="ann")
            await trio.sleep(1)
            (nick,) = {nick for room in house.server.rooms for nick in room.nicks}
            assert set(house.server.hall.directory._people) == {nick}


async def test_a_takeover_while_many_rooms_are_told_of_a_new_name_leaves_none_with_the_old_one(
    autojump_clock: trio.abc.Clock,
) -> None:
    for pauses in range(12):
        async with open_house(silence_seconds=0) as house:
            desk, _ = await ann_in_many_rooms(house, 40)
            heir = house.connect()
            await desk.ask("nick", nick="anna")
            for _ in range(pauses):
                await trio.lowlevel.checkpoint()
            await heir.enter("ann", token=TOKEN)
            await trio.sleep(20)
            (nick,) = {nick for room in house.server.rooms for nick in room.nicks}
            assert set(house.server.hall.directory._people) == {nick}


async def test_a_new_name_costs_what_it_takes_to_tell_all_rooms(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=0) as house:
        desk, _ = await ann_in_many_rooms(house, 128)
        began = trio.current_time()
        for nick in ("anna", "ann", "anna"):
            await desk.ask("nick", nick=nick)
        while (await desk.wait_for("renamed"))["old"] != "ann":
            pass
        assert trio.current_time() == began, "the first waits for nothing"
        while not ((event := await desk.wait_for("renamed"))["room"] == "" and event["old"] == "ann"):
            pass
        assert trio.current_time() - began > 2 * (128 - ROOMS_AT_ONCE) / ROOMS_PER_LINE / 4 - 20 / 4


async def test_zone_history_and_language_are_the_persons(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        desk, phone = await ann_at_two_desks(house, "python")
        await desk.ask("say", room="python", text="x")
        await desk.ask("time", zone="Europe/Berlin")
        await desk.ask("history", count=7)
        await heard(desk)
        await phone.ask("time")
        assert (await phone.wait_for("zone-shown"))["zone"] == "Europe/Berlin"
        await phone.ask("history")
        assert (await phone.wait_for("history-chosen"))["count"] == 7
        await phone.ask("lang", language="zh", ref=1)
        chosen = {"is": "chosen", "setting": "language", "value": "zh", "is_new": True}
        assert await heard(phone) == [chosen | {"ref": 1}]
        assert await heard(desk) == [chosen], "what the server says to it is in another language from now on"
        await desk.ask("join", room="nowhere")
        assert "没有房间" in (await desk.wait_for("refused"))["text"]
        tab = house.connect()
        await tab.enter("ann", token=TOKEN, session="add")
        assert await heard(tab) == [chosen]
        new = house.connect()
        await new.enter("ann", token=TOKEN)
        assert (await new.wait_for("chosen"))["value"] == "zh"
        await new.ask("time")
        assert (await new.wait_for("zone-shown"))["zone"] == "Europe/Berlin"


async def test_a_language_that_was_chosen_before_logging_in_is_the_persons_from_then_on(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        desk, phone = house.connect(), house.connect()
        await desk.ask("lang", language="zh")
        await desk.enter("ann", token=TOKEN)
        await phone.ask("lang", language="en")
        await phone.enter("ann", token=TOKEN, session="add")
        assert (await desk.wait_for("chosen"))["value"] == "en"
        await desk.ask("join", room="nowhere")
        assert "no room" in (await desk.wait_for("refused"))["text"]
