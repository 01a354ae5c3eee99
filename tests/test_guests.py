"""Guests are marked wherever people are named, as soon as anybody has an account, and nobody can pass for somebody else by that."""

import json
import random
from typing import Any

import pytest
import trio
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from canary import PASSWORD
from captured_logs import capture_logs
from chat_server.journal.memory import MemoryJournal
from chat_server.protocol import entries, events
from chat_server.protocol.choices import CHARSETS
from chat_server.protocol.entries import Acted, Entry, Noticed, Said, TopicSet
from chat_server.protocol.mentions import Names
from chat_server.protocol.names import GUEST, BadName, parse_name
from chat_server.protocol.people_events import OnlineListed
from chat_server.protocol.runs import RunTexts, SaidRun, shown
from chat_server.protocol.sanitize import sanitize_lines
from chat_server.rooms.batch import Batch
from chat_server.wire.json_lines import renderer_for as json_renderer_for
from chat_server.wire.render.profiles import RenderProfile, render_in_pieces, renderer_for
from chat_server.wire.render.sentences import text_of
from streams import House, Program, open_house

HERE = "127.0.0.1"


async def holder(house: House, nick: str, *rooms: str) -> Program:
    """Somebody who has made an account."""
    program = house.connect(HERE)
    await program.ask("hello", protocol=2)
    await program.ask("register", nick=nick, password=PASSWORD)
    assert (await program.wait_for("registered"))["nick"] == nick
    for room in rooms:
        await program.ask("join", room=room)
        await program.wait_for("entered")
    return program


def who(event: dict[str, Any]) -> tuple[Any, ...]:
    """What an event says of guests."""
    return event["is"], event.get("guest"), event.get("guests")


async def test_programs_are_told_who_is_a_guest_from_the_first_account_on(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        bob, eve = house.connect(), house.connect()
        await eve.enter("eve", "python")
        await bob.enter("bob", "python")
        assert who(await eve.wait_for("joined")) == ("joined", None, None)
        await bob.ask("say", room="python", text="before")
        assert who(await eve.wait_for("said")) == ("said", None, None)
        ann = await holder(house, "ann")
        await ann.ask("join", room="python")
        entered = await ann.wait_for("entered")
        assert (entered["nicks"], entered["guests"]) == (["eve", "bob"], ["eve", "bob"])
        recalled = await ann.wait_for("recalled")
        assert [(line["text"], line["guest"]) for line in recalled["lines"]] == [("before", True)]
        assert who(await eve.wait_for("joined")) == ("joined", None, None)
        for do, fields, told in (
            ("say", {"text": "x"}, "said"),
            ("me", {"action": "waves"}, "acted"),
            ("topic", {"text": "snakes"}, "topic"),
            ("notice", {"text": "hm"}, "noticed"),
        ):
            await bob.ask(do, room="python", **fields)
            assert (await ann.wait_for(told))["guest"] is True
            await ann.ask(do, room="python", **fields)
            own = await ann.wait_for(told)
            assert "guest" not in own
            assert "author" not in own
        await bob.ask("nick", nick="bert")
        assert who(await ann.wait_for("renamed")) == ("renamed", True, None)
        await ann.ask("nick", nick="anna")
        assert who(await ann.wait_for("renamed")) == ("renamed", None, None)
        await eve.ask("online", room="python")
        assert (await eve.wait_for("online-listed"))["guests"] == ["bert"]
        await bob.ask("logout")
        assert (await ann.wait_for("left"))["guests"] == ["bert"]
        await ann.ask("history", room="python", after=0)
        page = await ann.wait_for("page")
        assert [line.get("guest", False) for line in page["lines"]] == [True, *[True, False] * 4]
        await eve.ask("search", words="x", everywhere=True)
        found = await eve.wait_for("found")
        assert [line.get("guest", False) for _, lines in found["rooms"] for line in lines] == [True, False]
        back = house.connect()
        await back.enter("zoe")
        await back.ask("resume", rooms={"python": 0})
        lines = (await back.wait_for("page"))["lines"]
        assert [line.get("guest", False) for line in lines] == [True, *[True, False] * 4]
        assert not any("author" in line for line in lines)


async def test_whoever_registers_is_a_guest_no_longer(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        await holder(house, "carl")
        ann, bob = house.connect(HERE), house.connect()
        await ann.enter("ann", "python")
        await bob.enter("bob", "python")
        await ann.ask("say", room="python", text="one")
        assert (await bob.wait_for("said"))["guest"] is True
        await ann.ask("register", password=PASSWORD)
        await ann.wait_for("registered")
        await ann.ask("say", room="python", text="two")
        assert "guest" not in await bob.wait_for("said")
        await bob.ask("online", room="python")
        assert "guests" not in await bob.wait_for("online-listed")


async def test_people_see_a_mark_behind_the_names_of_guests_from_the_first_account_on(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        ann, bob = await house.ann_and_bob()
        await bob.type("before")
        assert (await ann.read_until("before\r\n")).endswith("bob: before\r\n")
        carl = await holder(house, "carl", "python")
        await ann.read_until("* carl joined\r\n")
        await bob.type("hi", "/me waves", "/topic snakes", "/notice hm")
        told = await ann.read_until("hm\r\n")
        for line in ("bob?: hi", "~ bob? waves", "* bob? set the topic: snakes", "- bob?: hm"):
            assert f"{line}\r\n" in told
        await carl.ask("say", room="python", text="I have a name")
        await carl.ask("nick", nick="carla")
        told = await ann.read_until("carla\r\n")
        assert told == "carl: I have a name\r\n* carl is now carla\r\n"
        await bob.type("/nick bert")
        assert await ann.read_until("bert?\r\n") == "* bob? is now bert?\r\n"
        await ann.type("/online")
        assert "bert?, carla\r\n" in await ann.read_until("carla\r\n")
        await ann.type("/last")
        told = await ann.read_until("* Lines 1")
        for line in ("bob?: before", "bob?: hi", "~ bob? waves", "bob? set the topic", "- bob?: hm", "carl: I have"):
            assert f" {line}" in told
        await ann.type("/search before")
        assert " bob?: before\r\n" in await ann.read_until("1 line found")
        await bob.type("/back")
        await ann.read_until("* bert? left\r\n")
        await bob.type("/join python")
        await bob.read_until("Also here: ")
        assert await bob.read_until("\r\n") == "ann?, carla\r\n"
        await ann.read_until("* bert? joined\r\n")


@pytest.mark.parametrize("step", ["stored", "_answer_stored"])
async def test_a_line_that_is_shown_after_a_bug_has_the_mark_too(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    real = getattr(Batch, step)
    is_armed = True

    async def fail_later(batch: Batch) -> Any:
        nonlocal is_armed
        found = await real(batch)
        if is_armed:
            is_armed = False
            raise RuntimeError
        return found

    def fail(*args: Any) -> Any:
        raise RuntimeError

    class Written(MemoryJournal):
        """Reads what a file would have, in which no mark is kept."""

        async def read(self, room: str, first: int, last: int) -> Any:
            found = await super().read(room, first, last)
            return found._replace(lines=[replace(line, guest=False) for line in found.lines])

    async with open_house(journal=Written()) as house:
        await holder(house, "carl")
        ann, bob = house.connect(), house.connect()
        await ann.enter("ann", "python")
        await bob.enter("bob", "python")
        with capture_logs():
            monkeypatch.setattr(Batch, step, fail_later if step == "stored" else fail)
            await bob.ask("say", room="python", text="hi", key="k")
            assert (await ann.wait_for("said"))["guest"] is True


# Where nobody has an account.


TEXTS = st.text(max_size=30).map(sanitize_lines)


def names() -> st.SearchStrategy[str]:
    """What may be a name."""

    def name(text: str) -> str:
        try:
            return parse_name(text)
        except BadName:
            return ""

    return st.text(min_size=1, max_size=8).map(name).filter(bool)


@given(names(), TEXTS)
def test_without_an_account_what_is_shown_is_byte_for_byte_what_it_was(nick: str, text: str) -> None:
    rows = text.replace("\n", "\r\n  ")
    text_render, json_render = renderer_for(RenderProfile()), json_renderer_for("en", 2)
    for kind, head, tag in (
        (Said, f"{nick}: ", "said"),
        (Acted, f"~ {nick} ", "acted"),
        (TopicSet, f"* {nick} set the topic: ", "topic"),
        (Noticed, f"- {nick}: ", "noticed"),
    ):
        line = kind("python", 7, 5.0, nick, text)
        shown = f"* {nick} took the topic away" if kind is TopicSet and not text else f"{head}{rows}"
        assert text_render(line) == f"{shown}\r\n".encode()
        assert json.loads(json_render(line)) == {
            "is": tag,
            "room": "python",
            "seq": 7,
            "at": 5.0,
            "nick": nick,
            "text": text,
        }
    for event, said, fields in (
        (events.Joined("python", (nick,)), f"* {nick} joined", {"nicks": [nick], "more": 0}),
        (events.Left("python", (nick,)), f"* {nick} left", {"nicks": [nick], "more": 0}),
        (events.Renamed(nick, "ann", "python"), f"* {nick} is now ann", {"old": nick, "new": "ann"}),
        (OnlineListed("python", (nick,)), f"* 1 other in python: {nick}", {"nicks": [nick]}),
        (
            events.Entered("python", (nick,), 0, id="r1"),
            f"* You are in python.\r\n* Also here: {nick}",
            {"nicks": [nick], "more": 0, "topic": "", "last": 0, "id": "r1"},
        ),
    ):
        assert text_of(event) == f"{said}\r\n"
        assert json.loads(json_render(event)).items() == {"is": event_tag(event), "room": "python", **fields}.items()


def event_tag(event: events.Event) -> str:
    return str(event.__struct_config__.tag)


@pytest.mark.parametrize("seed", range(3))
async def test_a_server_without_accounts_marks_nobody_whatever_people_do(
    autojump_clock: trio.abc.Clock, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311 - a story, no secret
    async with open_house() as house:
        ann, bob = await house.ann_and_bob()
        eve = house.connect()
        await eve.enter("eve", "python")
        for number in range(30):
            do = dice.choice(("hi", "/me waves", "/topic t", "/online", "/last", f"/nick b{number}", "/search hi"))
            await bob.type(do)
            await trio.sleep(1)
        await eve.ask("history", room="python", after=0)
        await trio.sleep(1)
        for caller in (ann, bob, eve):
            await caller.stream.send_eof()  # type: ignore[attr-defined]
        assert "guest" not in await eve.read_to_end()
        for person in (ann, bob):
            told = await person.read_to_end()
            assert not any(f"{nick}?" in told for nick in ("ann", "bob", "eve"))


# Nobody can have the mark who should not, nor lack it.


@given(st.text(max_size=40))
def test_no_name_has_the_mark_in_it_in_whatever_form(text: str) -> None:
    for asked in (text + GUEST, text + "\uff1f", GUEST + text, text):
        try:
            assert GUEST not in parse_name(asked)
            assert asked == text, "one with the mark is none"
        except BadName:
            pass


@given(names(), names(), TEXTS, st.sampled_from(entries.KINDS), st.sampled_from([*CHARSETS]))
def test_no_line_of_a_guest_can_be_taken_for_one_of_somebody_with_an_account(
    guest: str, account: str, text: str, kind: type[Entry], charset: str
) -> None:
    assume(guest.isascii() and account.isascii())
    for profile in (RenderProfile(charset=charset), RenderProfile(charset=charset, columns=40, colours=16)):
        render = renderer_for(profile)
        theirs = plain(render(kind("r", 1, 0.0, account, "x", 4711))).partition("x\r\n")[0]
        for row in plain(render(kind("r", 1, 0.0, guest, text, guest=True))).split("\r\n"):
            assert not (theirs.strip() and row.startswith(theirs.rstrip() + " "))


def plain(data: bytes) -> str:
    """Without colours."""
    out, rest = "", data.decode("latin-1")
    while "\x1b[" in rest:
        before, _, rest = rest.partition("\x1b[")
        out += before
        rest = rest.partition("m")[2]
    return out + rest


RUN = SaidRun("python", 7, [5.0, 5.5, 6.0], "ann", RunTexts.of(["one", "two", "three"]), guest=True)


@pytest.mark.parametrize(
    "render",
    [
        renderer_for(RenderProfile()),
        renderer_for(RenderProfile("zh")),
        renderer_for(RenderProfile(colours=16, columns=20)),
        renderer_for(RenderProfile(charset="gbk")),
        json_renderer_for("en", 1),
        json_renderer_for("en", 2),
    ],
)
def test_a_run_of_a_guest_is_shown_as_its_lines_are(render: Any) -> None:
    assert shown(render, RUN) == b"".join(render(line) for line in RUN)
    assert shown(render, RUN).count(b"?: " if b"?: " in shown(render, RUN) else b'"guest":true') >= 3


def test_the_mark_counts_where_rows_are_measured_and_the_colour_is_that_of_the_bare_name() -> None:
    line = Said("python", 1, 0.0, "ann", "x" * 15, guest=True)
    for columns in (19, 20, 21):
        profile = RenderProfile(columns=columns)
        rows = b"".join(render_in_pieces(line, profile)).decode().split("\r\n")
        assert all(len(row) <= columns for row in rows)
        assert len(rows) - 1 == (1 if columns > 20 else 2)
    coloured = [
        renderer_for(RenderProfile(colours=16))(Said("python", 1, 0.0, "ann", "x", guest=guest))
        for guest in (False, True)
    ]
    assert coloured[0] == coloured[1].replace(b"?", b"")


def test_a_name_with_the_mark_behind_it_names_the_same_person() -> None:
    assert Names(("ann",)).are_in("what does ann? say")
    assert Names(("ann",)).are_in("ann?: yes")
