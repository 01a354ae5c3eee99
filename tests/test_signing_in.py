"""Accounts as people and programs use them, with the whole server on virtual time."""

import trio

from chat_server.accounts import sender_of
from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.entries import TopicSet
from chat_server.protocol.requests import Act, Say, Topic
from chat_server.protocol.runs import SayRun
from fakes import FakeSession, open_rooms


async def test_lines_are_their_authors_account_s_and_a_guests_are_nobodys(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    journal = MemoryJournal()
    _, room = open_rooms(nursery, journal)
    ann, bob = FakeSession(room, "ann"), FakeSession(room, "bob")
    ann.person.account = 4711
    for session in (ann, bob):
        await room.enter(session)
    for who, what in (
        (ann, Say("x")),
        (bob, Say("y")),
        (ann, Act("waves")),
        (ann, Topic("t")),
        (ann, SayRun(["a", "b"])),
    ):
        room.post(who, what)
        await trio.testing.wait_all_tasks_blocked()
    lines = (await journal.read("python", 1, 10)).lines
    assert [line.author for line in lines] == [4711, 0, 4711, 4711, 4711, 4711]
    assert isinstance(lines[3], TopicSet)


async def test_how_far_somebody_has_come_is_kept_for_their_account_and_for_a_guests_name(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    journal = MemoryJournal()
    _, room = open_rooms(nursery, journal)
    ann, bob = FakeSession(room, "Ann"), FakeSession(room, "Bob")
    ann.person.account = 4711
    for session in (ann, bob):
        await room.enter(session)
        await room.leave(session)
    assert await journal.positions("python") == {sender_of(4711): 0, "bob": 0}
    room.post(bob, Say("what ann misses"))
    ann.person.nick = "anna"
    await room.enter(ann)
    assert "what ann misses" in "".join(ann.told)
    assert "1 line since you left" in "".join(ann.told)
