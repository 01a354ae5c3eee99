"""Texts of one's own that are put into the line that one is writing: at telnet, for programs and on the screen."""

import pytest
import trio

from canary import PASSWORD
from chat_server.protocol import snippets
from chat_server.protocol.described import CommandDescribed, Parameter
from chat_server.protocol.snippets import SNIPPETS_MAX, TEXT_MAX, SnippetRemoved, SnippetSet, SnippetsShown, SnippetUsed
from dens import holder
from node_houses import open_nodes
from stories import Pilot, StoryApp, beginning, play, settle
from streams import open_house
from test_aliases import guest
from test_people import at_terminal

SPEAKING, EDITING = b"\xff\xfb\x18", b"\xff\xfd\x01\xff\xfd\x03"
"""WILL TTYPE; DO ECHO, DO SGA."""


pytestmark = pytest.mark.usefixtures("wall_clock")


@pytest.mark.parametrize(
    ("text", "rest", "filled", "cursor"),
    [
        ("Thank you!", "", "Thank you!", 10),
        ("Thank you,", "ann", "Thank you, ann", 14),
        ("Thank you, $*!", "ann", "Thank you, ann!", 15),
        ("Dear $|,\nyours", "", "Dear ,\nyours", 5),
        ("Dear $|, yours", "ann", "Dear ann, yours", 8),
        ("$*$|: $*", "x", "x: x", 1),
        ("$|", "$|", "$|", 2),
    ],
)
def test_what_is_typed_behind_the_name_and_the_cursor_come_where_the_text_says(
    text: str, rest: str, filled: str, cursor: int
) -> None:
    assert snippets.filled(text, rest) == (filled, cursor)


async def test_who_edits_their_line_at_telnet_has_it_put_in_and_sends_it_when_it_is_right(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        ann, bob = await guest(house), await guest(house, "bob")
        await ann.type("/snippet")
        await ann.read_until("You have no snippet.")
        await ann.type("/snippet thanks Thank you, $*! $| See you.")
        await ann.read_until("* Snippet thanks: Thank you, $*! $| See you.\r\n")
        await ann.type("/use thanks bob")
        await ann.read_until("* Snippet thanks: Thank you, bob!  See you.\r\n")
        await ann.stream.send_all(SPEAKING)
        await ann.type("/mode edit")
        await ann.stream.send_all(EDITING)
        await trio.sleep(1)
        await ann.stream.send_all(b"/use thanks bob\r")
        await ann.read_until("Thank you, bob!  See you.")
        await ann.stream.send_all(b"Really.\r")
        assert "ann: Thank you, bob! Really. See you." in await bob.read_until("See you.")
        await ann.stream.send_all(b"/use th\t\r")
        await ann.read_until("Thank you")


async def test_what_cannot_be_one_is_refused_and_nobody_has_more_than_so_many(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0) as house:
        ann = await guest(house)
        for text in ("$*", "$|", f"{'x' * (TEXT_MAX + 1)}", "$*$*$*$*$*x", "$|x$|"):
            await ann.type(f"/snippet a {text}")
            await ann.read_until(f"A snippet has at most {TEXT_MAX} characters")
        await ann.type("/use nothing")
        await ann.read_until("You have no snippet nothing.")
        await ann.type("/snippet nothing -")
        await ann.read_until("You have no snippet nothing.")
        await ann.type(*(f"/snippet s{number} text" for number in range(SNIPPETS_MAX + 1)))
        await ann.read_until(f"You can have {SNIPPETS_MAX} snippets.")
        await ann.type("/snippet s1 -")
        await ann.read_until("Snippet s1 is removed.")


async def test_they_are_kept_with_the_account_exported_and_told_to_ones_other_programs(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        ann = await holder(house, "ann")
        other = house.connect("127.0.0.1")
        await other.ask("hello", protocol=2)
        await other.ask("login", nick="ann", password=PASSWORD)
        await other.wait_for("logged-in")
        await ann.ask("snippet", name="Sig", text="Yours,\n$|\nann", ref=7)
        assert (await ann.wait_for("snippet-set"))["ref"] == 7
        told = await other.wait_for("snippet-set")
        assert (told["name"], told["snippet"]) == ("sig", "Yours,\n$|\nann")
        await other.ask("use", name="sig", words="with thanks")
        used = await other.wait_for("snippet-used")
        assert (used["snippet"], used["cursor"]) == ("Yours,\nwith thanks\nann", 18)
        caller = await at_terminal(house, "ann", "/snippet")
        await caller.read_until("* Snippet sig: Yours, ⏎ $| ⏎ ann\r\n")
        await ann.ask("export")
        assert "Yours" in str(await ann.wait_for("exported"))
        await ann.ask("snippet", name="sig", text="-")
        assert (await other.wait_for("snippet-removed"))["name"] == "sig"
        await ann.ask("snippet")
        assert (await ann.wait_for("snippets"))["snippets"] == []


async def test_they_hold_at_other_nodes_too(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(2) as (first, second):
        ann = await holder(first, "ann")
        await ann.ask("snippet", name="sig", text="Yours, ann")
        await ann.wait_for("snippet-set")
        caller = await at_terminal(second, "ann", "/use sig")
        await caller.read_until("* Snippet sig: Yours, ann\r\n")


def test_chat_tui_puts_one_into_the_prompt_and_tab_knows_their_names() -> None:
    name = Parameter("name", "word", required=True, help="")
    use = CommandDescribed(
        "use", "/use NAME [WORDS]", "", "", (name, Parameter("words", "text", required=False, help="")), ("room",)
    )
    app = StoryApp(beginning())

    async def act(pilot: Pilot) -> None:
        app.client.state.commands["use"] = use
        app.tell(SnippetSet("sig", "Yours, $|"), SnippetSet("thanks", "Thank you!"), SnippetRemoved("thanks"))
        app.prompt.put("/use ")
        await pilot.press("tab")
        assert app.prompt.text == "/use sig "
        app.prompt.put("/use sig ann")
        await pilot.press("enter")
        assert app.connection.last("use") | {"ref": 0} == {"name": "sig", "words": "ann", "room": "python", "ref": 0}
        app.answer("use", SnippetUsed("sig", "Dear ,\nyours", 5))
        await settle(pilot)
        await pilot.press("b", "o", "b")
        assert app.prompt.text == "Dear bob,\nyours"
        assert app.connection.said == []
        app.client.aliases.ask(lambda _, on_answer: on_answer(SnippetsShown((("brb", "back"),))), {"snippet": use})
        assert app.client.aliases.snippets == {"brb"}

    play(app, act)
