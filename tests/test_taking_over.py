"""To be added to the sessions of a person, or to take the place of all of them: programs with one token. On virtual time."""

import trio

from one_person import TOKEN, SlowJournal, ann_at_two_desks, heard, room_of, visits
from streams import open_house


async def test_who_logs_in_to_be_added_is_one_more_session_and_begins_in_no_room(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        desk, phone = house.connect(), house.connect()
        await desk.enter("ann", "python", token=TOKEN)
        added = await phone.enter("whoever", token=TOKEN, session="add")
        assert (added["nick"], added["token"], added["rooms"], added["sessions"]) == ("ann", TOKEN, [], 2)
        await phone.ask("say", room="python", text="x")
        assert (await phone.wait_for("refused"))["code"] == "not-in-room"
        await desk.ask("say", room="python", text="still here")
        assert (await desk.wait_for("said"))["text"] == "still here"


async def test_who_is_to_be_added_to_nobody_logs_in(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        alone, without = house.connect(), house.connect()
        answer = await alone.enter("ann", token=TOKEN, session="add")
        assert (answer["nick"], answer["sessions"]) == ("ann", 1)
        assert (await without.enter("bob", session="add"))["sessions"] == 1


async def test_an_answer_says_nothing_of_sessions_to_who_has_not_asked_to_be_added(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        desk, _ = await ann_at_two_desks(house)
        assert "sessions" not in await house.connect().enter("bob")
        assert "sessions" not in await house.connect().enter("ann", token=TOKEN)
        await desk.rest()


async def test_a_login_that_does_not_ask_to_be_added_takes_the_place_of_all_sessions_unseen_by_the_others(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        bob = house.connect()
        await bob.enter("bob", "python", "write", "pm")
        desk, phone = await ann_at_two_desks(house, "python", "write")
        for room in ("python", "pm"):
            await phone.ask("join", room=room)
        await heard(bob)
        new = house.connect()
        answer = await new.enter("ann", token=TOKEN)
        assert answer["rooms"] == ["python", "write", "pm"]
        assert [(await new.wait_for("entered"))["nicks"] for _ in range(3)] == [["bob"]] * 3
        for old in (desk, phone):
            assert (await old.rest())[-1]["why"] == "taken-over"
        assert await heard(bob) == []
        for name in ("python", "write", "pm"):
            assert room_of(house, name).nicks == ["bob", "ann"]
            assert len(room_of(house, name)._members.sessions) == 2
        await new.ask("nick", nick="anna")
        assert sorted(visits(await heard(bob))) == [
            ("renamed", room, "ann", "anna") for room in ("pm", "python", "write")
        ]


async def test_whoever_takes_over_a_takeover_that_is_going_on_has_all_the_rooms(
    autojump_clock: trio.abc.Clock,
) -> None:
    for pauses in range(12):
        async with open_house() as house:
            desk, phone = await ann_at_two_desks(house, "python", "write")
            await phone.ask("join", room="pm")
            await phone.wait_for("entered")
            second, third = house.connect(), house.connect()
            await second.ask("login", nick="ann", token=TOKEN)
            for _ in range(pauses):
                await trio.lowlevel.checkpoint()
            await third.ask("login", nick="ann", token=TOKEN)
            await trio.sleep(20)
            (session,) = house.server.hall.directory._people["ann"].sessions
            assert sorted(session.rooms) == ["pm", "python", "write"]
            assert all(room._members.sessions == [session] for room in house.server.rooms)
            await desk.rest()


async def test_who_is_added_while_a_takeover_goes_on_stays(autojump_clock: trio.abc.Clock) -> None:
    for pauses in range(12):
        async with open_house() as house:
            desk, phone = await ann_at_two_desks(house, "python", "pm")
            new, late = house.connect(), house.connect()
            await new.ask("login", nick="ann", token=TOKEN)
            for _ in range(pauses):
                await trio.lowlevel.checkpoint()
            await late.ask("login", nick="ann", token=TOKEN, session="add")
            await trio.sleep(20)
            people = house.server.hall.directory._people
            assert len(people["ann"].sessions) in {1, 2}, "it came before the takeover, or after it"
            assert room_of(house, "pm").nicks == ["ann"]
            for old in (desk, phone):
                await old.rest()


async def test_a_person_has_so_many_sessions_and_no_more(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(sessions_per_person=2) as house:
        desk, phone = await ann_at_two_desks(house, "python")
        tab = house.connect()
        await tab.ask("login", nick="ann", token=TOKEN, session="add", ref=1)
        refused = await tab.wait_for("refused")
        assert (refused["code"], refused["details"], refused["ref"]) == ("too-many-sessions", {"limit": "2"}, 1)
        assert refused["text"] == (
            'You are connected 2 times already. Log out somewhere, or log in without "session":"add", which ends all of them.'
        )
        await phone.ask("logout")
        await phone.rest()
        assert (await tab.enter("ann", token=TOKEN, session="add"))["sessions"] == 2
        new = house.connect()
        await new.enter("ann", token=TOKEN)
        assert (await desk.rest())[-1]["why"] == "taken-over"


async def test_where_there_is_no_limit_a_person_has_many_sessions(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(sessions_per_person=0, silence_seconds=0) as house:
        await house.connect().enter("ann", token=TOKEN)
        for number in range(2, 20):
            assert (await house.connect().enter("ann", token=TOKEN, session="add"))["sessions"] == number


async def test_who_takes_the_place_of_sessions_in_more_rooms_than_one_may_be_in_is_in_the_first_of_them(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(
        messages_per_second=0, rooms_per_person=0, rooms_per_address=0, connections_per_address=0
    ) as house:
        desk, phone = await ann_at_two_desks(house)
        for number in range(104):
            program = desk if number < 60 else phone
            await program.ask("create", room=f"room-{number}")
            await program.ask("join", room=f"room-{number}")
            await program.wait_for("entered")
        new = house.connect()
        answer = await new.enter("ann", token=TOKEN)
        assert answer["rooms"] == [f"room-{number}" for number in range(100)]
        await trio.sleep(20)
        assert [room.name for room in house.server.rooms if room.population] == answer["rooms"]


async def test_a_takeover_that_takes_long_leaves_nobody_in_the_rooms_that_are_too_many(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = SlowJournal()
    async with open_house(
        journal=journal, messages_per_second=0, rooms_per_person=0, connections_per_address=0, silence_seconds=0
    ) as house:
        bob = house.connect()
        await bob.enter("bob")
        desk, phone = await ann_at_two_desks(house)
        for number in range(104):
            program = desk if number < 60 else phone
            await program.ask("create", room=f"room-{number}")
            await program.ask("join", room=f"room-{number}")
            await program.wait_for("entered")
        for room in ("room-0", "room-50", "room-103"):
            await bob.ask("join", room=room)
            await bob.wait_for("entered")
        journal.slow_room = "room-0"
        await bob.ask("say", room="room-0", text="x")
        heir = house.connect()
        await heir.enter("ann", token=TOKEN)
        tab = house.connect()
        await tab.enter("ann", token=TOKEN, session="add")
        await tab.ask("join", room="room-102")
        await trio.sleep(20)  # the sessions that end do not wait for so long
        await tab.ask("logout")
        journal.moves.set()
        assert visits(await heard(bob)) == [("left", "room-103", "ann")]
        assert {room.name for room in house.server.rooms if "ann" in room.nicks} == {f"room-{n}" for n in range(100)}


async def test_a_takeover_of_one_that_takes_long_is_as_unseen_by_the_others(autojump_clock: trio.abc.Clock) -> None:
    journal = SlowJournal()
    async with open_house(journal=journal, silence_seconds=0) as house:
        bob = house.connect()
        await bob.enter("bob", "python", "pm")
        await ann_at_two_desks(house, "python", "pm")
        await heard(bob)
        journal.slow_room = "python"
        await bob.ask("say", room="python", text="x")
        for _ in range(2):
            await house.connect().enter("ann", token=TOKEN)
            await trio.sleep(1)
        journal.moves.set()
        assert visits(await heard(bob)) == []
        assert [room_of(house, name).nicks for name in ("python", "pm")] == [["bob", "ann"]] * 2
        (session,) = house.server.hall.directory._people["ann"].sessions
        assert all(len(room_of(house, name)._members.sessions) == 2 for name in session.rooms)
