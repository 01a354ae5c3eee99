"""One person by several sessions: who comes and goes, what is said, and keys. Programs with one token, on virtual time."""

import pytest
import trio
from msgspec.structs import replace

from captured_logs import capture_logs
from chat_server.commands.table import COMMANDS
from chat_server.protocol.requests import Act, Rename
from chat_server.wire.render.profiles import RenderProfile, renderer_for
from fakes import FakeSession, open_rooms
from one_person import ann_at_two_desks, heard, room_of, visits
from streams import open_house


async def test_somebody_comes_with_the_first_session_and_goes_with_the_last(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        bob, reader = house.connect(), house.call()
        await bob.enter("bob", "python")
        await reader.log_in("carol", "python")
        desk, phone = await ann_at_two_desks(house, "python")
        assert visits(await heard(bob)) == [("joined", "python", "carol"), ("joined", "python", "ann")]
        await phone.ask("join", room="python")
        entered = await phone.wait_for("entered")
        assert entered["nicks"] == ["bob", "carol"], "oneself is nobody else"
        await phone.ask("online", room="python")
        assert (await phone.wait_for("online-listed"))["nicks"] == ["bob", "carol"]
        await phone.ask("rooms")
        assert (await phone.wait_for("rooms-listed"))["rooms"][0] == ["python", 3]
        await desk.ask("back", room="python")
        assert visits(await heard(bob)) == []
        await phone.ask("back", room="python")
        assert visits(await heard(bob)) == [("left", "python", "ann")]
        assert visits(await heard(desk)) == [], "who is not here is told nothing"
        await reader.read_until("* ann left\r\n")


@pytest.mark.parametrize("way", ["logout", "lost", "silent"])
async def test_the_end_of_one_session_leaves_the_others_as_they_are(autojump_clock: trio.abc.Clock, way: str) -> None:
    async with open_house() as house:
        bob = house.connect()
        await bob.enter("bob", "python")
        desk, phone = await ann_at_two_desks(house, "python")
        await phone.ask("join", room="python")
        await heard(bob)
        if way == "logout":
            await phone.ask("logout")
        elif way == "lost":
            await phone.stream.aclose()
        for _ in range(5):  # the phone says nothing, and the others do
            await trio.sleep(10)
            await desk.ask("here")
            await bob.ask("here")
        assert len(house.server.hall.directory._people["ann"].sessions) == 1
        await desk.ask("say", room="python", text="at the desk")
        assert [(event["is"], event.get("text")) for event in await heard(bob)] == [("said", "at the desk")]
        await desk.ask("logout")
        assert visits(await heard(bob)) == [("left", "python", "ann")]
        assert set(house.server.hall.directory._people) == {"bob"}
        assert await house.connect().enter("ann"), "the name is free again"


async def test_a_name_stays_taken_as_long_as_one_session_has_it(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        desk, phone = await ann_at_two_desks(house)
        await desk.ask("logout")
        await desk.rest()
        thief, telnet = house.connect(), house.call()
        await thief.ask("login", nick="ann")
        assert (await thief.wait_for("refused"))["code"] == "name-taken"
        await telnet.type("/login ann")
        await telnet.read_until("* ann is taken. Choose another name.\r\n")
        await phone.ask("here")


@pytest.mark.goes_wrong
async def test_a_bug_that_one_session_meets_is_not_the_end_of_the_others(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_house() as house:
        desk, phone = await ann_at_two_desks(house, "python")
        session, other = house.server.hall.directory._people["ann"].sessions

        def send_unasked(session: object, event: object) -> None:
            if session is other:
                raise RuntimeError

        monkeypatch.setattr(type(other), "send_unasked", send_unasked)
        await desk.ask("nick", nick="anna")
        assert (await phone.rest())[-1]["why"] == "failed"
        await desk.ask("say", room="python", text="I am here")
        assert (await desk.wait_for("said"))["nick"] == "anna"
        assert house.server.hall.directory._people["anna"].sessions == (session,)


async def test_who_saw_somebody_that_is_announced_to_nobody_is_told_when_they_go_or_come(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    _, room = open_rooms(nursery)
    crowd = [FakeSession(room, f"u{number}") for number in range(50)]
    for session in crowd:
        await room.enter(session)
    await trio.sleep(10)
    await room.enter(FakeSession(room, "first"))  # announced at once: now the room waits a while
    ann, bob, carol = (FakeSession(room, nick) for nick in ("ann", "bob", "carol"))
    for session in crowd:
        session.take_told()
    await room.enter(ann)
    await room.enter(bob)
    await room.leave(ann)
    assert bob.told[-1] == "* ann left", "bob has seen her"
    await room.leave(crowd[0])
    await room.enter(carol)
    carol.take_told()
    await room.enter(crowd[0])
    assert carol.told == ["* u0 joined"], "carol has not seen u0"
    await trio.sleep(10)
    assert crowd[1].told == ["* bob joined", "* carol joined"]
    assert carol.told == ["* u0 joined"]
    assert bob.told[-2:] == ["* ann left", "* carol joined"]


async def test_one_who_was_let_go_when_a_step_failed_is_not_looked_for_when_somebody_goes_whom_they_saw(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    _, room = open_rooms(nursery)
    for number in range(100):
        await room.enter(FakeSession(room, f"u{number}"))
    await trio.sleep(10)
    await room.enter(FakeSession(room, "first"))  # announced at once: now the room waits for two seconds
    ann, lost, bob = (FakeSession(room, nick) for nick in ("ann", "lost", "bob"))
    for session in (ann, lost, bob):
        await room.enter(session)
    with capture_logs() as logs:
        with monkeypatch.context() as patch:
            patch.setattr(room._members, "depart", fail)
            room.forget(lost)
            await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(0.5)  # the room rests
        assert "lost" not in room.nicks
        await room.leave(ann)
    assert bob.told[-1] == "* ann left"
    assert sum(entry["log_level"] == "error" for entry in logs) == 1, "only what failed did"


async def test_who_is_told_alone_is_told_at_once_and_not_as_an_answer(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0) as house:
        dan, ann, carol, eve, bob = house.connect(), house.connect(), house.connect(), house.connect(), house.call()
        await bob.log_in("bob")
        await bob.type("/colour on")  # what is laid out waits until a request has been carried out
        await bob.read_until("Colours are on.")
        for program, nick in ((dan, "dan"), (ann, "ann"), (carol, "carol"), (eve, "eve")):
            await program.enter(nick)
        for program in (dan, ann, carol):  # the first is announced at once, the second a moment later
            await program.ask("join", room="python")
            await program.wait_for("entered")
        await bob.type("/join python")
        await bob.read_until("dan, ann, carol")
        await eve.ask("join", room="python", ref="join")
        assert (await eve.wait_for("entered"))["nicks"] == ["dan", "ann", "carol", "bob"]
        await carol.ask("back", room="python")
        assert await eve.wait_for("left") == {"is": "left", "room": "python", "nicks": ["carol"], "more": 0}
        await bob.read_until("carol left")


async def test_a_session_is_not_told_again_whom_it_has_seen_when_it_came(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    hall, room = open_rooms(nursery)
    crowd = [FakeSession(room, f"u{number}") for number in range(50)]
    for session in crowd:
        await room.enter(session)
    await trio.sleep(10)
    await room.enter(FakeSession(room, "first"))  # announced at once: now the room waits a while
    await room.enter(FakeSession(room, "ann"))
    phone, new = FakeSession(hall), FakeSession(hall)
    phone.belong_to(crowd[0].person)
    new.belong_to(crowd[1].person)
    await room.enter(phone)
    await room.take_over([crowd[1]], new)
    await room.enter(FakeSession(room, "bob"))
    await trio.sleep(10)
    assert crowd[0].told[-2:] == ["* ann joined", "* bob joined"]
    for session in (phone, new):
        assert [line for line in session.told if line.endswith("joined")] == ["* bob joined"]


async def test_the_other_sessions_hear_what_one_says_and_only_that_one_is_told_that_it_is_stored(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        desk, phone = await ann_at_two_desks(house, "python")
        await phone.ask("join", room="python")
        await phone.wait_for("entered")
        await phone.ask("say", room="python", text="on my way", key="k", ref=1)
        told = await heard(phone)
        assert [(event["is"], event.get("ref")) for event in told] == [("said", None), ("stored", 1)]
        assert await heard(desk) == told[:1]


async def test_a_key_from_two_sessions_of_one_person_is_stored_once(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        desk, phone = await ann_at_two_desks(house, "python")
        await phone.ask("join", room="python")
        await phone.wait_for("entered")
        for program, ref in ((desk, "desk"), (phone, "phone")):  # in one turn
            await program.ask("say", room="python", text="once", key="k", ref=ref)
        for program, ref in ((desk, "desk"), (phone, "phone")):
            stored = await program.wait_for("stored")
            assert (stored["seq"], stored["ref"]) == (1, ref)
        await phone.ask("say", room="python", text="once", key="k", ref="again")
        assert (await phone.wait_for("stored"))["seq"] == 1, "and later too"
        assert room_of(house, "python").last_seq == 1


async def test_a_line_that_names_somebody_is_shown_so_to_each_of_their_sessions(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    _, room = open_rooms(nursery)
    bob, desk, phone, other = (FakeSession(room, nick) for nick in ("bob", "ann", "", "carol"))
    phone.belong_to(desk.person)
    naming = renderer_for(replace(RenderProfile(colours=16), is_named=True))
    for session in (desk, phone, other):
        session.render, session.render_mention = renderer_for(RenderProfile(colours=16)), naming
    for session in (bob, desk, phone, other):
        await room.enter(session)
    await trio.sleep(5)

    async def told_of(*sessions: FakeSession) -> list[str]:
        for session in sessions:
            session.take_told()
        room.post(bob, Act("waves at ann"))
        await trio.testing.wait_all_tasks_blocked()
        return [session.take_told()[-1] for session in sessions]

    at_desk, on_phone, elsewhere = await told_of(desk, phone, other)
    assert at_desk == on_phone != elsewhere
    COMMANDS.dispatch(room, bob, Rename("bert"))
    await room.leave(desk)
    on_phone, elsewhere = await told_of(phone, other)
    assert on_phone != elsewhere, "the one that stays"
    await room.leave(phone)
    assert room._audience._mention_members.keys() == {"carol"}


async def test_a_session_that_comes_to_where_its_person_is_already_is_shown_what_a_newcomer_is(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        bob = house.connect()
        await bob.enter("bob", "python")
        desk, phone = await ann_at_two_desks(house, "python")
        await bob.ask("say", room="python", text="one")
        await trio.sleep(1)
        await phone.ask("join", room="python")
        recalled = await phone.wait_for("recalled")
        assert ([line["text"] for line in recalled["lines"]], recalled["missed"]) == (["one"], None)
        for program in (desk, phone):
            await program.ask("back", room="python")
        await bob.ask("say", room="python", text="two")
        await trio.sleep(1)
        await phone.ask("join", room="python")
        recalled = await phone.wait_for("recalled")
        assert ([line["text"] for line in recalled["lines"]], recalled["missed"]) == (["two"], 1), "nobody was here"
