"""docs/guide-tui.md: what its commands ask of a server a whole server does, with the words of the guide."""

import time

import pytest
import trio

from canary import PASSWORD
from chat_tui.client.own_commands import OWN
from dens import den
from streams import Caller, open_house
from test_guide import IN_THE_GUIDE

SAYS = {
    "/rooms": "den (3)",
    "/me waves": "~ ann waves",
    "/topic All things Python": "ann set the topic: All things Python",
    "/search parser": "bob: the parser 40",
    "/mentions": "Nobody has named you",
    "/re 42 Thank you": "Thank you",
    "/edit 44 It works now": "ann edited line #44: It works now",
    "/react 42 :rocket:": "You reacted to line #42: 🚀",
    "/versions 44": "“It works”",
    "/delete 44": "ann deleted line #44",
    "/whois bob": "bob has had an account since",
    "/seen bob": "bob is here.",
    "/msg bob Are you there?": "ann (to bob): Are you there?",
    "/msg bob": "You are in @bob.",
    "/accept dave": "You hear from dave from now on.",
    "/block dave": "You see nothing more of what dave says",
    "/unblock dave": "You see again what dave says.",
    "/away Back at two": "You are away.",
    "/typing on": "sees when you are writing",
    "/receipts on": "sees how far you have read",
    "/alias brb /me is back soon": "/brb stands for: /me is back soon",
    "/brb": "~ ann is back soon",
    "/lang zh": "服务器现在使用中文",
    "/lang en": "The server now speaks English.",
    "/account": "Recovery codes left",
    "/code device": "/login ann ",
    "/create garden": "The room garden is open.",
    "/join write": "You are in write.",
    "/back": "You are in the hall.",
}
"""What is read at telnet after each, in this order."""

SILENT = ("/me waves", "/re 42 Thank you", "/brb")
"""Nobody is shown again at telnet what they have typed there; it stands in the room."""

PASSWORDS = {"/register", "/password"}
"""Ask for passwords: test_account_screens.py types these."""


def test_all_commands_of_the_guide_that_a_server_does_are_typed() -> None:
    commands = {code for _, code in IN_THE_GUIDE if code.startswith("/")}
    assert {command for command in commands if command[1:].split()[0] not in OWN} == {*SAYS} | PASSWORDS


async def said_to(desk: Caller, typed: str) -> str:
    """What is shown within seconds of this."""
    await desk.type(typed)
    shown = b""
    with trio.move_on_after(4):
        while True:
            shown += await desk.stream.receive_some(65536)
    return shown.decode()


async def test_a_server_does_what_the_guide_says_of_its_commands(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_764_300_000 + autojump_clock.current_time())
    async with open_house(silence_seconds=9999) as house:
        _, bob, dave = await den(house, "ann", "bob", "dave")
        desk = house.call("127.0.0.9")
        await desk.type("/login ann", PASSWORD)
        await desk.read_until("Welcome")
        await said_to(desk, "/join den")
        for number in range(42):
            await bob.ask("say", room="den", text=f"the parser {number}")
            await trio.sleep(1)
        await said_to(desk, "It works")
        for command, words in SAYS.items():
            if command == "/accept dave":
                await dave.ask("msg", nick="ann", text="hi")
            shown = await said_to(desk, command)
            if command in SILENT:
                assert shown.removeprefix("* You are back.\r\n") == ""
                shown = await said_to(desk, "/last 1")
            assert words in shown, (command, shown)
