"""A notice is told to everybody in a room, apart from the talk, and notifies nobody: at every door, and on the client's screen."""

import pytest
import trio
from textual.style import Style

from chat_server.protocol.entries import Entry, Noticed, PageShown, Said
from chat_server.protocol.mentions import Names
from chat_server.protocol.requests import Notice, Say
from chat_server.protocol.versions import PROTOCOL
from chat_server.wire.render.profiles import RenderProfile, renderer_for
from chat_server.wire.render.sentences import text_of
from chat_tui.client.in_order import line_in_words
from chat_tui.client.notifications import how_told
from chat_tui.client.state import State
from chat_tui.settings import NotifyTable
from chat_tui.ui.markup import Styles
from chat_tui.ui.rendering import rows_of
from fakes import open_rooms
from streams import open_house
from test_chat_room import ask, enter
from test_hostile_texts import looking

NOTICE = Noticed("python", 1, 1764300000.0, "dice", "ann rolls 4")


def test_people_are_shown_it_apart_from_the_talk() -> None:
    assert text_of(NOTICE) == "- dice: ann rolls 4\r\n"
    assert "#1 03:20 - dice: ann rolls 4\r\n" in text_of(PageShown("python", (NOTICE,), 1, 1, "UTC"))
    assert line_in_words(NOTICE) == "[python] 1 - dice: ann rolls 4"


@pytest.mark.parametrize(("request_", "is_bright"), [(Say("hi ann"), True), (Notice("hi ann"), False)])
async def test_whoever_is_named_in_it_is_shown_it_as_everybody_is(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery, request_: Say | Notice, is_bright: bool
) -> None:
    _, room = open_rooms(nursery)
    ann, dice = await enter(room, "ann", "dice")
    ann.render = renderer_for(RenderProfile(colours=16))
    ann.render_mention = renderer_for(RenderProfile(colours=16, is_named=True))
    room.member_changed(ann)
    await ask(dice, request_)
    assert ("\x1b[1mhi ann\x1b[0m" in ann.told[-1]) == is_bright
    assert dice.told == []


def test_it_is_unread_but_no_mention_and_rings_for_nobody() -> None:
    rules = NotifyTable(rooms=["python"], words=["rolls"])
    for kind, calls in ((Said, True), (Noticed, False)):
        line: Entry = kind("python", 1, 0.0, "dice", "ann rolls 4")
        state = State()
        state.nick = "ann"
        state.room("python").read = 0
        state.apply(line)
        assert state.room("python").unread == 1
        assert bool(state.room("python").mentions) == calls
        assert how_told(line, "ann", rules) == calls


@pytest.mark.parametrize("width", [30, 80])
def test_on_the_screen_it_has_its_sign_and_no_name_is_painted_in_it(width: int) -> None:
    parts = Styles(mention=Style(bold=True, italic=True))
    look = looking(width)._replace(mention=Names(("ann",)), me="ann", found=None, parts=parts)
    painted, shown = {}, ""
    for kind in (Said, Noticed):
        rows = rows_of(kind("python", 1, 1764300000.0, "dice", "ann rolls 4"), NOTICE, look)
        painted[kind] = [span.style for span in rows[0].text.spans].count(parts.mention)
        shown = f"{rows[0].gutter}{rows[0].text}"
    assert painted == {Said: 1, Noticed: 0}
    assert "- dice: ann rolls 4" in " ".join(shown.split())


async def test_a_program_that_does_not_say_that_it_knows_notices_reads_them_as_said(
    autojump_clock: trio.abc.Clock,
) -> None:
    """As chat-tui 0.1.0, which passes over the whole page in which something stands that it does not know."""
    async with open_house() as house:
        old, new = house.connect(), house.connect()
        await old.ask("hello")
        assert (await old.wait_for("hello"))["protocol"] == 1
        await new.ask("hello", protocol=PROTOCOL + 1)
        assert (await new.wait_for("hello"))["protocol"] == PROTOCOL
        await old.enter("ann", "python")
        await new.enter("dice", "python")
        await new.ask("notice", room="python", text="ann rolls 4", key="k")
        noticed = await new.wait_for("noticed")
        assert (noticed["nick"], noticed["text"], noticed["seq"]) == ("dice", "ann rolls 4", 1)
        assert await old.wait_for("said") == {**noticed, "is": "said"}
        assert (await new.wait_for("stored"))["seq"] == 1
        for program, tag in ((old, "said"), (new, "noticed")):
            await program.ask("history", room="python", after=0)
            assert [line["is"] for line in (await program.wait_for("page"))["lines"]] == [tag]
            await program.ask("search", room="python", words="rolls")
            assert [line["is"] for _, lines in (await program.wait_for("found"))["rooms"] for line in lines] == [tag]


async def test_a_program_that_says_what_it_knows_when_it_is_in_a_room_is_shown_notices_from_then_on(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        program = house.connect()
        await program.enter("dice", "python")
        await program.ask("notice", room="python", text="one")
        assert (await program.wait_for("said"))["text"] == "one"
        await program.ask("hello", protocol=2)
        await program.ask("notice", room="python", text="two")
        assert (await program.wait_for("noticed"))["text"] == "two"
