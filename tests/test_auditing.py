"""What moderators have done, and what waits for them, as people read it: by whole servers, on virtual time."""

import json
import time
from typing import Any

import pytest
import trio

from canary import PASSWORD
from dens import den
from streams import Caller, House, Program, open_house
from test_office import answered, holder


@pytest.fixture(autouse=True)
def wall_clock(monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.abc.Clock) -> None:
    """The machine's clock runs as Trio's does, from noon on."""
    monkeypatch.setattr(time, "time", lambda: 1_764_331_200 + autojump_clock.current_time())


async def at_terminal(house: House, nick: str, room: str = "") -> Caller:
    """Somebody with an account, at telnet."""
    desk = house.call("127.0.0.9")
    await desk.type(f"/login {nick}")
    await desk.type(PASSWORD)
    await desk.read_until("/help tells more.")
    await desk.type("/time UTC")
    await desk.read_until("UTC.")
    if room:
        await desk.type(f"/join {room}")
        await desk.read_until(f"You are in {room}.")
    return desk


async def rows(desk: Caller, typed: str) -> list[str]:
    """What is told in rows, each without the mark of the server's lines."""
    await desk.type("/lang en")
    await desk.read_until("English.")
    await desk.type(typed)
    await desk.type("/lang en")
    told = await desk.read_until("English.")
    return [line[2:] for line in told.split("\r\n") if line.startswith(("* ", "  "))][:-1]


async def acts(program: Program, **fields: Any) -> dict[str, Any]:
    return await answered(program, "audit", "audit", **fields)


async def say(program: Program, text: str) -> int:
    await program.ask("say", room="den", text=text, key=text.split(maxsplit=1)[0])
    return int((await program.wait_for("stored"))["seq"])


async def test_what_was_done_about_reports_appeals_and_held_lines_is_in_the_audit_without_a_word_of_them(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9e9) as house:
        ann, bob, eve = await den(house, "ann", "bob", "eve")
        rude = await say(eve, "wicked words")
        report = await answered(bob, "reported", "report", room="den", number=rude, why="sinister")
        await answered(ann, "resolved", "resolve", room="den", id=report["id"], why="she was warned")
        curb = (await answered(ann, "muted", "mute", room="den", nick="eve", span="30m too loud"))["id"]
        appeal = await answered(eve, "appealed", "appeal", id=curb, why="my cat")
        await answered(ann, "resolved", "resolve", room="den", id=appeal["id"])
        await answered(ann, "rule-set", "rule", room="den", rule="hold", value="newcomers")
        for number, (what, answer) in enumerate((("decline", "declined"), ("accept-held", "accepted"))):
            line = await answered(bob, "line-held", "say", room="den", text=f"secret {number}", key=str(number))
            why = {"why": "no links here"} if what == "decline" else {}
            await answered(ann, answer, what, room="den", id=line["id"], **why)
            if why:
                assert (await bob.wait_for("line-declined"))["why"] == "no links here"
        page = await acts(ann, room="den")
        assert not [word for word in ("wicked", "sinister", "cat", "secret") if word in json.dumps(page)]
        desk = await at_terminal(house, "ann", "den")
        assert await rows(desk, "/audit") == [
            "12:00 today: ann accepted a line of bob that was held (number 4): it is #5",
            "12:00 today: ann declined a line of bob that was held (number 3): no links here",
            "#4, 12:00 today: ann set the rule: hold newcomers",
            f"12:00 today: ann closed an appeal of eve against number {curb}",
            "#3, 12:00 today: ann muted eve for 30 minutes: too loud",
            f"12:00 today: ann closed report 1, about #{rude}, a line of eve: she was warned",
            "#1, 12:00 today: ann made this room",
        ]
        assert (page["before"], page["nth"], page["room"]) == (0, 0, "den")
        assert page["acts"]["4.2"] == {
            "at": page["now"],
            "by": "ann",
            "what": "line-accepted",
            "whom": "bob",
            "of": "5",
            "case": "4",
        }
        await desk.type("/lang zh")
        await desk.type("/audit")
        assert "今天 12:00：ann 将 eve 禁言 30 分钟：too loud" in await desk.read_until("too loud")


async def test_a_page_of_the_audit_ends_among_what_was_done_since_one_entry_and_the_next_goes_on_there(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9e9) as house:
        ann, bob = await den(house, "ann", "bob")
        await answered(ann, "rule-set", "rule", room="den", rule="hold", value="newcomers")
        for number in range(45):
            line = await answered(bob, "line-held", "say", room="den", text="hm", key=str(number))
            await answered(ann, "declined", "decline", room="den", id=line["id"])
        read: list[str] = []
        page = await acts(ann, room="den")
        desk = await at_terminal(house, "ann", "den")
        assert (await rows(desk, "/audit"))[-1] == f"What was done before: /audit {page['before']} {page['nth']}"
        while True:
            read += page["acts"]
            if not page["before"] and not page["nth"]:
                break
            page = await acts(ann, room="den", before=page["before"], nth=page["nth"])
        assert read == [*(f"2.{nth}" for nth in range(45, 0, -1)), "2", "1"]


async def test_what_was_done_yesterday_is_told_with_its_day(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_house(silence_seconds=9e9) as house:
        (ann,) = await den(house, "ann")
        monkeypatch.setattr(time, "time", lambda: 1_764_331_200 + 86400)
        await answered(ann, "rule-set", "rule", room="den", rule="slow", value="5")
        desk = await at_terminal(house, "ann", "den")
        assert await rows(desk, "/audit") == [
            "#2, 12:00 today: ann set the rule: slow 5",
            "#1, 2025-11-28 12:00: ann made this room",
        ]


async def test_what_operators_do_to_rooms_is_in_the_audits_as_theirs(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9e9) as house:
        boss = await holder(house, "boss", role="admin")
        await den(house, "ann")
        await house.ask_as_operator("rename-room", room="den", name="lair")
        await answered(boss, "entered", "join", room="lair")
        shown = (await acts(boss, room="lair"))["acts"]["2"]
        assert (shown["by"], shown["what"], shown["name"]) == ("(operator)", "name-set", "lair")
        desk = await at_terminal(house, "boss", "lair")
        assert (await rows(desk, "/audit"))[0] == "#2, 12:00 today: the operator gave the room another name: lair"
        await desk.type("/back")
        await house.ask_as_operator("delete-room", room="lair")
        assert await rows(desk, "/audit") == [
            "2, 12:00 today: the operator deleted the room lair",
            "1, 12:00 today: the operator gave boss the role: admin",
        ]


async def test_reports_and_held_lines_are_told_in_sentences(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9e9) as house:
        ann, bob, eve = await den(house, "ann", "bob", "eve")
        boss = await holder(house, "boss", "127.0.0.7", role="moderator")
        rude = await say(eve, "you\nidiot")
        await answered(bob, "reported", "report", room="den", number=rude, why="insults")
        await answered(bob, "reported", "report", room="den", number=await say(eve, "ha"))
        curb = (await answered(ann, "muted", "mute", room="den", nick="eve", span="30m"))["id"]
        await answered(eve, "appealed", "appeal", id=curb, why="sorry")
        await answered(ann, "rule-set", "rule", room="den", rule="hold", value="newcomers")
        await answered(bob, "line-held", "say", room="den", text="psst")
        desk = await at_terminal(house, "ann", "den")
        assert await rows(desk, "/reports") == [
            "Waiting (3 shown): /resolve NUMBER closes one.",
            f"1, 12:00 today: #{rude} in den is reported, where eve said “you / idiot”: insults",
            f"2, 12:00 today: #{rude + 1} in den is reported, where eve said “ha”",
            f"3, 12:00 today: eve asks that number {curb} in den be lifted: sorry",
        ]
        assert await rows(desk, "/held") == [
            "Waiting (1 shown): /accept NUMBER says one, /decline NUMBER does not.",
            "4, 12:00 today: bob wants to say in den: “psst”",
        ]
        assert await rows(desk, "/bans") == ["1 in den:", f"{curb}  eve  muted by ann, 30m left"]
        await boss.ask("reports")
        assert (
            f"bob reports #{rude} in den, where eve said “you / idiot”: insults"
            in (await boss.wait_for("reports"))["text"]
        )
