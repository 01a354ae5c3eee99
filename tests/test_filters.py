"""Bots that filter a room, words and links: what is looked at before it is said. On virtual time; the bot of the document as it stands, by itself."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from canary import PASSWORD
from chat_server.protocol.events import Refused
from chat_server.protocol.room_state import EMPTY, RoomState
from chat_server.rooms.line_questions import DEADLINE, MISSES_MAX
from chat_server.rooms.line_rules import Hold, WordList, check, is_word
from chat_server.rooms.rights import GUEST, MEMBER, ROOM_MODERATOR, Standing
from dens import den, refused, told
from processes import ROOT, ServerProcess
from streams import House, Program, open_house
from test_reports import guest, said


@pytest.fixture(autouse=True)
def wall_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's clock runs as Trio's does."""
    if "autojump_clock" in request.fixturenames:
        clock = request.getfixturevalue("autojump_clock")
        monkeypatch.setattr(time, "time", lambda: 1_764_300_000 + clock.current_time())


async def bot_in_den(house: House, owner: Program, name: str = "guard") -> Program:
    """A bot of the owner's, in the den."""
    await owner.ask("code", purpose="bot", name=name)
    made = await owner.wait_for("bot-made")
    bot = house.connect("127.0.0.99")
    await bot.ask("hello", protocol=2)
    await bot.ask("login", nick="x", token=made["token"])
    await bot.wait_for("logged-in")
    await bot.ask("join", room="den")
    await bot.wait_for("entered")
    return bot


async def filtered(house: House) -> tuple[Program, Program, Program]:
    """The owner of the den, somebody in it, and a bot that filters it."""
    ann, bob = await den(house, "ann", "bob")
    bot = await bot_in_den(house, ann)
    await ann.ask("filter", room="den", nick="ann", on="on")
    await ann.wait_for("filter-set")
    return ann, bob, bot


async def answer(bot: Program, verdict: str, **fields: Any) -> dict[str, Any]:
    """Answer the next line that the bot is asked of."""
    asked = await bot.wait_for("filter-asked")
    await bot.ask("filter-answer", room="den", id=asked["id"], verdict=verdict, **fields)
    return asked


async def test_a_filter_is_shown_each_line_before_it_is_said_and_says_what_becomes_of_it(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, bot = await filtered(house)
        await bob.ask("say", room="den", text="hello", key="k1")
        asked = await answer(bot, "pass")
        assert {name: asked[name] for name in ("room", "nick", "line", "kind")} == {
            "room": "den",
            "nick": "bob",
            "line": "hello",
            "kind": "said",
        }
        assert (await told(ann, "said"))["text"] == "hello"
        await bob.ask("me", room="den", action="waves")
        await answer(bot, "hold")
        assert (await told(bob, "line-held"))["room"] == "den"
        assert (await told(ann, "line-waits"))["room"] == "den"
        await bob.ask("say", room="den", text="bad", ref="r")
        await answer(bot, "refuse", why="not\nhere")
        refusal = await bob.wait_for("refused")
        assert (refusal["code"], refusal["details"], refusal["ref"]) == ("filter-refused", {"why": "not here"}, "r")
        await said(ann, "an owner is not asked of")
        await bot.ask("filter-answer", room="den", id=1, verdict="pass")
        assert (await bot.wait_for("refused"))["code"] == "filter-not-asked"


@pytest.mark.parametrize("verdict", ["hold", "refuse"])
async def test_what_was_said_is_so_when_it_is_sent_again_whatever_the_filter_says_of_it_then(
    verdict: str, autojump_clock: trio.abc.Clock
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, bot = await filtered(house)
        await bob.ask("say", room="den", text="hello", key="k")
        await answer(bot, "pass")
        first = await bob.wait_for("stored")
        await bob.ask("say", room="den", text="hello", key="k")
        await answer(bot, verdict, why="you said so already")
        while (again := await bob.read())["is"] not in {"stored", "refused", "line-held"}:
            pass
        assert again == first
        await ann.ask("held", room="den")
        await ann.wait_for("nothing-held")
        await bob.ask("say", room="den", text="hello", key="other")
        await answer(bot, verdict)
        await bob.wait_for("line-held" if verdict == "hold" else "refused")


@pytest.mark.parametrize("do", ["accept-held", "decline"])
async def test_what_waits_and_was_said_when_it_was_sent_again_is_not_said_twice(
    do: str, autojump_clock: trio.abc.Clock
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, bot = await filtered(house)
        await bob.ask("say", room="den", text="hello", key="k")
        await answer(bot, "hold")
        number = (await bob.wait_for("line-held"))["id"]
        await bob.ask("say", room="den", text="hello", key="k")
        await answer(bot, "pass")
        seq = (await bob.wait_for("stored"))["seq"]
        await ann.ask(do, room="den", id=number)
        accepted = await ann.wait_for("accepted")
        assert (accepted["id"], accepted["seq"]) == (number, seq)
        await ann.ask("held", room="den")
        await ann.wait_for("nothing-held")
        await ann.ask("history", room="den", after=0, count=50)
        lines = (await ann.wait_for("page"))["lines"]
        assert len([line for line in lines if line["text"] == "hello"]) == 1


async def test_only_owners_let_bots_filter_and_nobody_answers_for_one(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, bot = await filtered(house)
        assert await refused(bob, "filter", nick="bob", on="on") == "owners-only"
        assert await refused(ann, "filter", nick="nobody", on="on") == "no-such-person"
        await ann.ask("role", room="den", nick="bob", role="moderator")
        await ann.wait_for("role-given")
        assert await refused(bob, "filter", nick="ann", on="off") == "owners-only"
        gus = await guest(house, "gus")
        await gus.ask("say", room="den", text="hm")
        asked = await bot.wait_for("filter-asked")
        assert asked["guest"] is True
        assert await refused(bob, "filter-answer", id=asked["id"], verdict="refuse") == "filter-not-asked"
        assert (await told(ann, "said"))["text"] == "hm", "the bot has not answered in time"
        await ann.ask("filter", room="den")
        assert (await ann.wait_for("filters"))["filters"] == ["ann"]
        await ann.ask("filter", room="den", nick="ann", on="off")
        await ann.wait_for("filter-set")
        await said(gus, "not asked of")


async def test_a_dead_filter_holds_up_one_author_for_a_moment_and_after_some_lines_nobody(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, bot = await filtered(house)
        began = trio.current_time()
        for number in range(3):
            await bob.ask("say", room="den", text=f"slow {number}")
        await said(ann, "meanwhile")
        assert trio.current_time() == began, "nobody else waits"
        heard = [(await told(bot, "said"))["text"] for _ in range(4)]
        assert heard == ["meanwhile", "slow 0", "slow 1", "slow 2"], "and everybody's lines stay in their order"
        assert trio.current_time() == pytest.approx(began + 3 * DEADLINE)
        for number in range(3, MISSES_MAX):
            await said(bob, f"slow {number}")
        assert (await told(ann, "filter-silent")) == {"is": "filter-silent", "room": "den", "nick": "ann"}
        began = trio.current_time()
        await said(bob, "quick")
        assert trio.current_time() == began
        await bot.ask("logout")
        other = await bot_in_den(house, ann, "other")
        await bob.ask("say", room="den", text="looked at again")
        await answer(other, "hold")
        await bob.wait_for("line-held")


async def test_who_is_put_out_while_a_filter_looks_says_nothing_any_more(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, bot = await filtered(house)
        await bob.ask("say", room="den", text="too late", key="k")
        asked = await bot.wait_for("filter-asked")
        await ann.ask("kick", room="den", nick="bob")
        await ann.wait_for("kicked")
        await bot.ask("filter-answer", room="den", id=asked["id"], verdict="pass")
        await trio.sleep(1)
        await said(ann, "the end")
        assert (await told(bot, "said"))["text"] == "the end"


@pytest.mark.parametrize(
    ("act", "code"),
    [
        ({"do": "kick", "nick": "bob"}, "kicked-here"),
        ({"do": "mute", "nick": "bob", "duration": "1h"}, "muted-here"),
        ({"do": "archive"}, "archived"),
    ],
    ids=["kick", "mute", "archive"],
)
async def test_nothing_is_held_of_who_may_say_nothing_any_more_by_then(
    act: dict[str, str], code: str, autojump_clock: trio.abc.Clock
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, bot = await filtered(house)
        await bob.ask("say", room="den", text="too late", key="k")
        asked = await bot.wait_for("filter-asked")
        await ann.ask(act["do"], room="den", **{name: value for name, value in act.items() if name != "do"})
        await trio.sleep(0.05)
        await bot.ask("filter-answer", room="den", id=asked["id"], verdict="hold")
        assert (await bob.wait_for("refused"))["code"] == code
        await ann.ask("held", room="den")
        await ann.wait_for("nothing-held")


async def test_bots_that_filter_the_room_no_more_say_nothing_of_what_they_were_asked_of(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, bot = await filtered(house)
        await bob.ask("say", room="den", text="hello", key="k")
        asked = await bot.wait_for("filter-asked")
        await ann.ask("filter", room="den", nick="ann", on="off")
        await ann.wait_for("filter-set")
        await bot.ask("filter-answer", room="den", id=asked["id"], verdict="refuse")
        assert (await bot.wait_for("refused"))["code"] == "filter-not-asked"
        await bob.wait_for("stored")


async def test_a_filter_of_a_private_room_is_told_which_room_it_is_asked_of(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, bot = await filtered(house)
        for request in (
            {"do": "role", "nick": "bob", "role": "member"},
            {"do": "rule", "rule": "access", "value": "invite"},
        ):
            await ann.ask(**request, room="den")
        await ann.wait_for("rule-set")
        await bob.ask("say", room="den", text="between us")
        assert (await answer(bot, "pass"))["room"] == "den"


async def test_a_line_that_comes_while_a_rule_is_set_is_not_said_unlooked_at(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        await ann.ask("words", room="den", action="add", word="spam")
        await bob.ask("say", room="den", text="spam", key="k")
        while (event := await bob.read())["is"] not in {"line-held", "refused", "said"}:
            pass
        assert event["is"] == "line-held" or event["code"] == "rules-changed"


# Words. Pure.


def standing(place: int) -> Standing:
    return Standing(frozenset((place,)))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("buy spam", "hold"),
        ("SPAM!", "hold"),
        ("ЅРАМ", "hold"),
        ("a slur_and more", "refuse"),
        ("spam and slur", "refuse"),
        ("spammers", ""),
        ("antispam", ""),
        ("101", ""),
        ("lol", "hold"),
        ("你好坏人啊", "refuse"),
        ("", ""),
    ],
)
def test_a_word_stands_for_itself_however_it_is_written(text: str, rule: str) -> None:
    words = WordList({"spam": "hold", "slur": "refuse", "lol": "hold", "坏人": "refuse"})
    assert words.rule_of(text) == rule


@given(st.text(max_size=300))
def test_any_text_can_be_looked_at(text: str) -> None:
    assert WordList({"spam": "hold"}).rule_of(text) in {"", "hold"}
    assert WordList({"spam": "hold"}).rule_of(f"{'x' * 5000} {text} spam") == "hold"


def test_what_a_word_can_be() -> None:
    assert is_word("spam")
    assert is_word("坏人")
    assert not any(map(is_word, ("", "x", "two words", "a.b", "a*", "x" * 41, "a\u202eb")))


@pytest.mark.parametrize(
    ("rule", "place", "is_new", "text", "why"),
    [
        ("none", GUEST, True, "https://x.org", None),
        ("links", GUEST, True, "https://x.org", "link"),
        ("links", GUEST, True, "hello", None),
        ("links", MEMBER, False, "https://x.org", None),
        ("newcomers", GUEST, True, "hello", "newcomer"),
        ("newcomers", GUEST, False, "hello", None),
        ("newcomers", MEMBER, True, "hello", None),
        ("all", GUEST, False, "hello", "newcomer"),
        ("all", MEMBER, False, "hello", None),
        ("all", ROOM_MODERATOR, True, "hello", None),
    ],
)
def test_whose_lines_wait(rule: str, place: int, is_new: bool, text: str, why: Any) -> None:
    verdict = check(text, standing(place), RoomState(rules={"hold": rule}), is_new=is_new)
    assert verdict == (Hold(why) if why else None)


def test_words_count_for_members_too_and_not_for_moderators_and_the_strictest_list_counts() -> None:
    state = RoomState(words={"spam": "hold"})
    assert check("spam", standing(MEMBER), state, is_new=False) == Hold("word")
    assert check("spam", standing(ROOM_MODERATOR), state, is_new=False) is None
    server = WordList({"spam": "refuse"})
    assert check("spam", standing(MEMBER), state, is_new=False, of_server=server) == Refused("words-rule")
    assert check("spam", standing(MEMBER), EMPTY, is_new=False, of_server=server) == Refused("words-rule")


# The bot of the document.

WITH_TIME = (
    "import runpy, chat_server.rooms.line_questions as questions\n"
    "questions.DEADLINE = 60.0\n"
    "runpy.run_module('chat_server', run_name='__main__')"
)
"""A server that waits for filters however busy the machine is."""


class Line:
    """A program, by a real connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._stream = self._socket.makefile("rw", encoding="utf-8", newline="\n")

    def ask(self, *wanted: str, **request: Any) -> dict[str, Any]:
        """Ask, and wait for an event of one of these kinds."""
        self._stream.write(json.dumps(request) + "\n")
        self._stream.flush()
        while not (line := self._stream.readline()).startswith("{") or (event := json.loads(line))["is"] not in wanted:
            assert line, "closed"
        return dict(event)

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


def test_the_bot_of_the_document_is_short_and_filters_a_room(tmp_path: Path) -> None:
    script = ROOT / "docs" / "examples" / "moderation_bot.py"
    assert len(script.read_text().splitlines()) < 60
    with ExitStack() as opened:
        server = ServerProcess(data=tmp_path, program=("-c", WITH_TIME))
        opened.callback(server.kill)
        ann, gus = Line(server.port), Line(server.port)
        opened.callback(ann.close)
        opened.callback(gus.close)
        ann.ask("hello", do="hello", protocol=2)
        ann.ask("registered", do="register", nick="ann", password=PASSWORD)
        ann.ask("room-created", do="create", room="den")
        ann.ask("entered", do="join", room="den")
        token = ann.ask("bot-made", do="code", purpose="bot", name="guard")["token"]
        ann.ask("filter-set", do="filter", room="den", nick="ann", on="on")
        command = [sys.executable, str(script), "127.0.0.1", str(server.port), "ann", "den"]
        bot = opened.enter_context(subprocess.Popen(command, env={**os.environ, "TOKEN": token}))
        opened.callback(bot.kill)
        gus.ask("hello", do="hello", protocol=2)
        gus.ask("logged-in", do="login", nick="gus")
        gus.ask("entered", do="join", room="den")
        number, answer = 0, {"is": ""}
        while answer["is"] != "line-held":  # until the bot is there
            number += 1
            answer = gus.ask(
                "stored", "line-held", do="say", room="den", text=f"www.{number}.org", key=f"link {number}"
            )
            time.sleep(0.3)  # what a guest may say in the long run
        for key in ("a1", "a2"):
            gus.ask("stored", do="say", room="den", text="again", key=key)
        assert gus.ask("refused", do="say", room="den", text="again", key="a3")["code"] == "filter-refused"
