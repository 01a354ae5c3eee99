"""Words of one's own for what one often types, at telnet and for programs, by whole servers on virtual time."""

from typing import Any

import pytest
import trio

from canary import PASSWORD
from chat_server.protocol.aliases import ALIASES_MAX, EXPANDED_MAX, TEXT_MAX, aliases_of, expanded, expanded_line
from dens import holder
from node_houses import open_nodes
from streams import Caller, House, open_house
from test_people import at_terminal

pytestmark = pytest.mark.usefixtures("wall_clock")


async def guest(house: House, nick: str = "ann") -> Caller:
    caller = house.call("127.0.0.1")
    await caller.type(f"/login {nick}", "/join python")
    await caller.read_until("python")
    return caller


@pytest.mark.parametrize(
    ("text", "rest", "line"),
    [
        ("/me waves", "", "/me waves"),
        ("/me waves at", "ann", "/me waves at ann"),
        ("/me waves at $*, again", "ann and bob", "/me waves at ann and bob, again"),
        ("/msg $* hi $*", "ann", "/msg ann hi ann"),
        ("brb $*", "", "brb"),
    ],
)
def test_what_is_typed_behind_the_word_comes_where_the_text_says_or_at_its_end(text: str, rest: str, line: str) -> None:
    assert expanded(text, rest) == line


def test_only_a_word_that_is_no_command_at_the_beginning_of_one_line_is_put_in() -> None:
    aliases = {"hi": "/me waves at", "me": "no"}
    commands = {"me"}

    def line(text: str) -> str:
        return expanded_line(text, aliases, commands.__contains__)

    assert line("/hi ann ") == "/me waves at ann"
    assert line("/Hi ann") == "/me waves at ann"
    for same in ("/me x", "hi ann", "//hi", "/ hi", "/hix", "/hi ann\nbob", "", "/"):
        assert line(same) == same


def test_what_is_kept_of_another_kind_is_passed_over() -> None:
    assert aliases_of({"alias": {"hi": "/me waves", "on": True, "n": 3}, "": {"zone": "UTC"}}) == {"hi": "/me waves"}
    assert aliases_of({}) == {}


async def test_a_guest_at_telnet_has_words_of_their_own(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, bob = await guest(house), await guest(house, "bob")
        await ann.type("/alias")
        await ann.read_until("You have no alias.")
        await ann.type("/alias hi /me waves at $*, and smiles")
        await ann.read_until("* /hi stands for: /me waves at $*, and smiles\r\n")
        await ann.type("/hi bob")
        await bob.read_until("ann waves at bob, and smiles")
        await ann.type("/alias brb Back in a minute.", "/brb Really.", "/alias")
        await bob.read_until("Back in a minute. Really.")
        await ann.read_until(
            "* /brb stands for: Back in a minute.\r\n* /hi stands for: /me waves at $*, and smiles\r\n"
        )
        await bob.type("/hi ann")
        await bob.read_until("There is no command /hi.")
        await ann.type("/alias hi -", "/hi bob", "/alias hi")
        await ann.read_until("* /hi is removed.\r\n")
        await ann.read_until("There is no command /hi.")
        await ann.read_until("You have no alias /hi.")


async def test_what_a_word_stands_for_is_not_looked_at_again(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await guest(house)
        await ann.type("/alias a /b", "/alias b /a", "/alias c /c", "/a", "/c x")
        await ann.read_until("There is no command /b. /help lists all.")
        await ann.read_until("There is no command /c. /help lists all.")
        await ann.type("/alias waves /me waves", "/wave")
        await ann.read_until("There is no command /wave. Did you mean /waves?")


async def test_a_word_may_enter_a_room_and_goes_before_a_room_of_its_name(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, bob = await guest(house), await guest(house, "bob")
        await ann.type("/alias python /me hisses", "/python")
        await bob.read_until("ann hisses")
        await ann.type("/alias there /write", "/there")
        await ann.read_until("You are in write")


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("/alias say hello", "/say is a command."),
        ("/alias WHO hello", "/who is a command."),
        ("/alias a/b hello", "name"),
        ("/alias hi $*", "An alias stands for at most 400 characters"),
        ("/alias hi $*$*$*$*$*x", "An alias stands for at most 400 characters"),
        (f"/alias hi {'x' * (TEXT_MAX + 1)}", "An alias stands for at most 400 characters"),
        ("/alias hi -", "You have no alias /hi."),
    ],
)
async def test_what_cannot_be_one_is_refused_and_said_why(typed: str, why: str, autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await guest(house)
        await ann.type(typed)
        await ann.read_until(why)
        await ann.type("/alias")
        await ann.read_until("You have no alias.")


async def test_nobody_has_more_than_so_many_nor_says_more_by_one_than_by_typing(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0) as house:
        ann = await guest(house)
        await ann.type(*(f"/alias a{number} text" for number in range(ALIASES_MAX + 1)))
        await ann.read_until(f"You can have {ALIASES_MAX} aliases.")
        await ann.type("/alias a1 $* $* $* $*x", f"/a1 {'y' * (EXPANDED_MAX // 3)}")
        await ann.read_until(f"That line was longer than {EXPANDED_MAX} bytes")


async def test_they_are_kept_with_the_account_and_told_to_ones_other_programs(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await holder(house, "ann")
        other = house.connect("127.0.0.1")
        await other.ask("hello", protocol=2)
        await other.ask("login", nick="ann", password=PASSWORD)
        await other.wait_for("logged-in")
        await ann.ask("alias", name="Hi", text="/me waves", ref=7)
        told: dict[str, Any] = await ann.wait_for("alias-set")
        assert (told["name"], told["stands_for"], told["ref"]) == ("hi", "/me waves", 7)
        assert (await other.wait_for("alias-set"))["stands_for"] == "/me waves"
        bob = await guest(house, "bob")
        await at_terminal(house, "ann", "/join python", "/hi")
        await bob.read_until("ann waves")
        await ann.ask("alias")
        assert (await ann.wait_for("aliases"))["aliases"] == [["hi", "/me waves"]]
        await ann.ask("alias", name="hi", text="-")
        assert (await other.wait_for("alias-removed"))["name"] == "hi"


async def test_they_hold_at_other_nodes_too(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(2) as (first, second):
        ann = await holder(first, "ann")
        await ann.ask("alias", name="hi", text="/me waves")
        await ann.wait_for("alias-set")
        caller = await at_terminal(second, "ann", "/alias")
        await caller.read_until("* /hi stands for: /me waves\r\n")
