"""A password is said in no room because the command that asks for it was refused, or mistyped: by whole servers on virtual time."""

import gc
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from account_house import CANARY, HERE, house_without_leaks, register
from chat_server.accounts import Code
from chat_server.accounts.credentials import new_code
from chat_server.commands.table import COMMANDS
from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.requests import Say
from chat_server.protocol.runs import RunTexts, SayRun
from chat_server.protocol.syntax import may_ask_secret, word_of
from chat_server.protocol.typed import BEHIND_MAX, BEHIND_SECONDS
from chat_server.sessions.doors import PARSE_TEXT
from chat_server.sessions.withheld import Withholding, withhold
from chat_server.wire.connection_events import LineWithheld
from chat_server.wire.telnet.options import Code as Telnet
from chat_server.wire.text import TextDecoder
from streams import Caller, House, open_house
from test_person_session import telnet

pytestmark = pytest.mark.usefixtures("wall_clock")

ELSEWHERE = "192.0.2.1"
"""From where whoever is between can listen in."""

WITHHELD = "* That was not said, for it may be a password; if it was meant to be said, send it again in a moment.\r\n"

OF_GUESTS: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "register": (
        HERE,
        {},
        ["/register other", "/register ann b c d", "／register other", "/REGISTER other", "\x0c/register other"],
    ),
    "register where nobody may": (HERE, {"registration": "closed"}, ["/register", "/register ann"]),
    "register where one is invited": (HERE, {"registration": "invite"}, ["/register", "/register ann ABCD-EFGH"]),
    "register where one can be overheard": (ELSEWHERE, {"registration": "open"}, ["/register"]),
    "password": (HERE, {}, ["/password", f"/password {CANARY}"]),
    "account": (HERE, {}, ["/account close", "/account erase", "/account anonymise", "/account delete"]),
    "code": (HERE, {}, ["/code recovery", "/code recover", "/code recovery now"]),
    "login": (HERE, {}, ["/login ann", "/login", f"/login ann {CANARY}", "/login ann plain code more"]),
    "mistyped": (
        HERE,
        {},
        [
            *("/regsiter", "/pasword", "/passwd", "/acount close", "/cod recovery", "/logn ann", "/reg", "/pass"),
            *(
                "／ｒｅｇｉｓｔｅｒ",
                "/ｐａｓｓｗｏｒｄ",
                "／ＲＥＧＩＳＴＥＲ",
                "/ｒegister ann",
                "/／register",
                "/ｐａｓｗｏｒｄ",
                *(
                    " /password",
                    "\t/regsiter",
                    "\u3000/pasword",
                    "、password",
                    " 、regsiter",
                    "\u200b /regsiter",
                    " \u200b/password",
                    "\xa0/password",
                    " ／password",
                    "\x1b[A /regsiter",
                    "/loginann",
                    "/passwordx",
                    *("/identify", f"/identify {CANARY}", "/auth ann", "/nickserv identify", "/ＮＳ identify"),
                ),
            ),
        ],
    ),
}
"""By what it is about: whence a guest comes, how accounts are to be had, and what they type that is refused."""

OF_HOLDERS = {
    "register": ["/register", "/register ann", "/regsiter"],
    "password": ["/password old new", "/pasword"],
    "account": ["/account end", "/acount close"],
    "code": ["/code recovery", "/code recovery more", "/code reco", "/coed recovery"],
    "login": ["/login ann", "/login bob", "/lgoin ann"],
}
"""What somebody types who has just logged in by their password, and is asked for nothing then: that they have an account, or are right."""


async def in_room(house: House, nick: str, *lines: str, address: str = HERE) -> Caller:
    caller = house.call(address)
    await caller.type(f"/login {nick}", *lines)
    await caller.read_until("/help tells more.\r\n")
    await caller.type("/join python")
    await caller.read_until("* You are in python.\r\n")
    await caller.read_until("\r\n")
    return caller


@asynccontextmanager
async def two_in_a_room(address: str = HERE, **accounts: Any) -> AsyncIterator[tuple[House, Caller, Caller]]:
    """Ann and Bob, guests by nc. When they have gone, nothing of the password has been kept, logged, or said to Bob."""
    async with house_without_leaks(**accounts) as house:
        bob = await in_room(house, "bob")
        ann = await in_room(house, "ann", address=address)
        await bob.read_until("ann joined\r\n")
        yield house, ann, bob
        assert CANARY not in await heard_by(bob, ann)


async def heard_by(other: Caller, caller: Caller) -> str:
    """All that somebody has been told until the caller says something a while later."""
    await trio.sleep(2 * BEHIND_SECONDS)
    await caller.type("and so on")
    return await other.read_until(": and so on\r\n")


@pytest.mark.parametrize(
    ("address", "accounts", "command"),
    [(address, accounts, command) for address, accounts, commands in OF_GUESTS.values() for command in commands],
)
async def test_what_comes_right_behind_a_refused_command_that_asks_for_a_secret_is_not_said(
    address: str, accounts: dict[str, Any], command: str, autojump_clock: trio.abc.Clock
) -> None:
    async with two_in_a_room(address, **accounts) as (_, ann, _):
        await ann.type(command, CANARY, CANARY)
        refusal, first = (await ann.read_until(WITHHELD)).removesuffix(WITHHELD), await ann.read_until(WITHHELD)
        assert refusal.startswith("* "), "it is refused first"
        assert first == WITHHELD


@pytest.mark.parametrize("command", [command for commands in OF_HOLDERS.values() for command in commands])
async def test_who_has_just_logged_in_and_is_asked_for_no_password_does_not_say_it(
    command: str, autojump_clock: trio.abc.Clock
) -> None:
    async with house_without_leaks() as house:
        await register(house)
        bob, ann = await in_room(house, "bob"), await in_room(house, "ann", CANARY)
        await ann.type(command, CANARY)
        assert (await ann.read_until(WITHHELD)).startswith("* ")
        assert CANARY not in await heard_by(bob, ann)


def test_every_command_that_asks_for_a_secret_is_tried() -> None:
    asking = {word_of(request) for request in COMMANDS.vocabulary.requests if may_ask_secret(request)}
    assert asking == OF_HOLDERS.keys()
    assert asking <= OF_GUESTS.keys()


async def test_who_may_register_no_more_does_not_say_the_password(autojump_clock: trio.abc.Clock) -> None:
    async with two_in_a_room() as (house, ann, _):
        made = 0
        while (await register(house, f"no{made}"))["is"] == "registered":
            made += 1
        assert made
        await ann.type("/register", CANARY, CANARY)
        assert "* Enough have registered here for now" in await ann.read_until(WITHHELD)
        await ann.read_until(WITHHELD)


async def test_who_is_asked_for_a_password_no_more_does_not_say_what_was_to_be_the_new_one(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        await register(house)
        bob, ann = await in_room(house, "bob"), await in_room(house, "ann", CANARY)
        await trio.sleep(700)  # the login proves nothing any more
        await ann.type("/password", *(f"wrong-{number}" for number in range(5)))
        for _ in range(5):
            await ann.read_until("Wrong name or password.")
        await ann.type(CANARY, CANARY, CANARY)
        assert "tried too often" in await ann.read_until(WITHHELD)
        await ann.read_until(WITHHELD)
        assert CANARY not in await heard_by(bob, ann)


@pytest.mark.parametrize("end", ["\n\r", "\n\n", "\r\n\r\n", "\r\r\n", "\r\0\r\0"])
@pytest.mark.parametrize("command", ["/register", "/pasword", "/account close"])
async def test_an_empty_line_between_has_nobody_say_a_password(
    command: str, end: str, autojump_clock: trio.abc.Clock
) -> None:
    async with two_in_a_room() as (_, ann, _):
        await ann.stream.send_all(end.join([command, CANARY, CANARY, ""]).encode())
        await ann.read_until(WITHHELD)
        await ann.read_until(WITHHELD)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\r\0"])
async def test_however_the_bytes_are_split_nothing_is_said(end: str, autojump_clock: trio.abc.Clock) -> None:
    data = end.join(["／regsiter", CANARY, CANARY, "/me waves", ""]).encode()
    async with two_in_a_room() as (_, ann, bob):
        for place in range(len(data)):
            for part in (data[:place], data[place:]):
                if part:
                    await ann.stream.send_all(part)
                await trio.sleep(0.1)
            assert CANARY not in await bob.read_until("ann waves\r\n")
        for byte in data:
            await ann.stream.send_all(bytes((byte,)))
        assert CANARY not in await bob.read_until("ann waves\r\n")


async def test_it_lasts_two_and_a_half_seconds_from_what_was_told_last(autojump_clock: trio.abc.Clock) -> None:
    async with two_in_a_room() as (_, ann, bob):
        for _ in range(2):
            await ann.type("/password")
            await ann.read_until("* That is for people with an account.")
            for _ in range(2):
                await trio.sleep(BEHIND_SECONDS - 0.1)
                await ann.type(CANARY)
                await ann.read_until(WITHHELD)
            await trio.sleep(BEHIND_SECONDS + 0.1)
            await ann.type("hello")
            assert (await bob.read_until("\r\n")) == "ann: hello\r\n"


async def test_three_lines_that_come_one_by_one_are_not_said_and_the_next_one_is(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with two_in_a_room() as (_, ann, bob):
        await ann.type("/password")
        for line in [*[CANARY] * BEHIND_MAX, "hello", "again"]:
            await trio.sleep(1)
            await ann.type(line)
        assert (await bob.read_until("again\r\n")) == "ann: hello\r\nann: again\r\n"


@pytest.mark.parametrize("command", ["/online", "/me waves", "/topic", "/join python", "/python"])
async def test_a_command_is_carried_out_and_ends_it(command: str, autojump_clock: trio.abc.Clock) -> None:
    async with two_in_a_room() as (_, ann, bob):
        await ann.type("/create dev", *(["/join dev"] if command.endswith("python") else []))
        await ann.type("/password", CANARY, command, "hello")
        assert CANARY not in await bob.read_until("ann: hello\r\n")


async def test_behind_the_way_back_nobody_is_told_anything_and_the_next_room_is_as_ever(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with two_in_a_room() as (_, ann, bob):
        await ann.type("/password", "/back", CANARY)
        await ann.read_until("* Nobody hears you in the hall.")
        await trio.sleep(3)
        await ann.type("/join python", "hello")
        await bob.read_until("ann: hello\r\n")


async def test_a_password_that_begins_with_a_slash_ends_nothing(autojump_clock: trio.abc.Clock) -> None:
    async with two_in_a_room() as (_, ann, _):
        await ann.type("/password", "/old", CANARY, f"/{CANARY}", CANARY)
        await ann.read_until(WITHHELD)
        await ann.read_until(WITHHELD)


@pytest.mark.parametrize(
    "commands",
    [
        ["/account", "/online"],
        ["/cod device"],
        ["/roms"],
        ["/help regsiter"],
        ["/help register"],
        ["/topic"],
        ["//register"],
        ["/password", "/online"],
    ],
)
async def test_what_asks_for_no_secret_withholds_nothing(commands: list[str], autojump_clock: trio.abc.Clock) -> None:
    async with two_in_a_room() as (_, ann, bob):
        await ann.type(*commands, "hello", "again")
        await bob.read_until("ann: hello\r\nann: again\r\n")


async def test_what_has_asked_for_a_secret_and_is_done_withholds_nothing(autojump_clock: trio.abc.Clock) -> None:
    new = f"{CANARY}-new"
    async with two_in_a_room() as (_, ann, bob):
        await ann.type("/register", CANARY, CANARY, "hello")
        assert CANARY not in await bob.read_until("ann: hello\r\n")
        await ann.type("/password", new, new, "again")
        assert CANARY not in await bob.read_until("ann: again\r\n")
        for done in ("/account", "/code device", "/devices"):
            await ann.type(done, "and on")
            await bob.read_until("ann: and on\r\n")


async def test_who_types_no_password_when_asked_does_not_say_it_either(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        await register(house)
        bob, ann = await in_room(house, "bob"), await in_room(house, "ann", CANARY)
        await trio.sleep(700)
        await ann.type("/password", "", CANARY)
        assert "* No password: nothing has changed." in await ann.read_until(WITHHELD)
        assert CANARY not in await heard_by(bob, ann)


async def test_a_secret_that_is_asked_for_at_last_ends_it(autojump_clock: trio.abc.Clock) -> None:
    async with two_in_a_room() as (_, ann, bob):
        await ann.type("/alias mine /register", "/register other", "/mine", CANARY, CANARY, "hello")
        assert CANARY not in await bob.read_until("ann: hello\r\n")


async def test_limits_that_change_meanwhile_end_no_withholding(autojump_clock: trio.abc.Clock) -> None:
    decoder = TextDecoder(PARSE_TEXT, 100, in_runs=True)
    for data in (b"hello\n", b"one\ntwo\n"):
        decoder.allow(100, 100)
        assert not [item for item in decoder.receive_data(data) if isinstance(item, LineWithheld)]
    withhold(decoder)
    decoder.allow(200, 200)
    assert [*decoder.receive_data(b"one\ntwo\n")] == [LineWithheld(BEHIND_MAX), Say("two")]
    assert [*decoder.receive_data(b"one\ntwo\n")] == [SayRun(RunTexts.of(["one", "two"]))]


async def test_who_comes_by_a_code_into_a_room_says_there_what_comes_behind(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    async with house_without_leaks(journal) as house:
        await register(house)
        bob, ann = await in_room(house, "bob"), house.call(HERE)
        made, now = new_code(), time.time()
        account = journal.accounts.names.whose("ann", now)
        code = Code(made.digest, "device", now, now + 600, account, made_by=account, rooms=("python",))
        assert await journal.accounts.make_codes([code]) is None
        await ann.type(f"/login ann {made.shown}", "hello")
        await bob.read_until("ann: hello\r\n")


async def test_telnet_says_no_password_either_and_shows_what_was_typed_no_longer(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        bob = await in_room(house, "bob")
        ann = await telnet(house).come("ann", "python")
        await ann.type(f"/regsiter\r\n{CANARY}\r\n")
        await ann.type(bytes((Telnet.IAC, Telnet.NOP)))
        await ann.type(f"{CANARY}\r\n")
        await ann.read()
        assert not [row for row in ann.rows if CANARY in row]
        assert sum("That was not said" in row for row in ann.rows) == 2
        await trio.sleep(BEHIND_SECONDS)
        await ann.type("hello\r\n")
        assert CANARY not in await bob.read_until("ann: hello\r\n")


@pytest.mark.parametrize("command", ["/regsiter", "/ｒｅｇｉｓｔｅｒ", "／ｒｅｇｉｓｔｅｒ", "\n/pass"])
async def test_lines_that_are_pasted_as_one_text_are_not_said_behind_such_a_command(
    command: str, autojump_clock: trio.abc.Clock
) -> None:
    async with house_without_leaks() as house:
        bob = await in_room(house, "bob")
        ann = await telnet(house).come("ann", "python")
        await ann.type(f"\x1b[200~{command}\n{CANARY}\n{CANARY}\x1b[201~\r\n")
        await ann.read()
        assert any("There is no command" in row for row in ann.rows)
        await trio.sleep(BEHIND_SECONDS)
        for text in ("/usr/bin/python\n/* hello */", "// hello\nworld", "hello\n/regsiter"):
            await ann.type(f"\x1b[200~{text}\x1b[201~\r\n")
        assert CANARY not in await bob.read_until("/regsiter\r\n")


async def test_a_flood_of_such_commands_and_lines_says_nothing_and_keeps_nothing(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with two_in_a_room() as (_, ann, _):
        await ann.type(*["/register other", CANARY, CANARY] * 200)
        for _ in range(400):
            await ann.read_until(WITHHELD)
        await trio.sleep(2 * BEHIND_SECONDS)


async def test_whoever_hangs_up_meanwhile_leaves_nothing_that_refers_to_itself(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        ann = await in_room(house, "ann")
        await ann.type("/password")
        await ann.read_until("* That is for people with an account.")
        gc.disable()
        try:
            assert [one for one in gc.get_objects() if type(one) is Withholding]
            await ann.stream.aclose()
            await trio.sleep(10)
            assert not [one for one in gc.get_objects() if type(one) is Withholding]
        finally:
            gc.enable()


async def test_whoever_has_to_wait_for_their_turn_says_nothing_either(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0.1, message_burst=1) as house:
        bob = await in_room(house, "bob")
        ann = await in_room(house, "ann")
        for parts in ([f"/register other\n{CANARY}\n{CANARY}\n"], ["/register other\n", f"{CANARY}\n", f"{CANARY}\n"]):
            for part in parts:
                await ann.stream.send_all(part.encode())
                await trio.sleep(0.1)
            await ann.read_until(WITHHELD)
            await ann.read_until(WITHHELD)
            assert CANARY not in await heard_by(bob, ann)


@pytest.mark.parametrize("line", ["／ｐａｓｓｗｏｒｄ", "/Ｌｏｇｉｎ", "/／login", "/ｌogin"])
async def test_a_command_in_wide_letters_is_told_so_where_it_does_not_work(
    line: str, autojump_clock: trio.abc.Clock
) -> None:
    async with two_in_a_room() as (_, ann, _):
        await ann.type(line, CANARY)
        assert "Did you mean /" in await ann.read_until(WITHHELD)


@pytest.mark.parametrize("line", ["／ｌｏｇｉｎ", "/ｌｏｇｉｎ", "/Ｌｏｇｉｎ ann", "/／login"])
async def test_a_command_in_wide_letters_is_told_which_one_is_meant(line: str, autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        caller = house.call(HERE)
        await caller.type(line)
        await caller.read_until("Did you mean /login?")


async def test_a_wide_slash_behind_a_slash_is_answered_without_one(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        caller = house.call(HERE)
        await caller.type("/／hello")
        await caller.read_until(
            "* There is no command /hello. To say a line that begins with a slash, type two: //hello\r\n"
        )


@pytest.mark.parametrize("command", ["/register 张三", "/regsiter 张三", "／login 张三"])
async def test_a_command_in_another_charset_has_no_password_said_either(
    command: str, autojump_clock: trio.abc.Clock
) -> None:
    async with two_in_a_room() as (_, ann, _bob):
        await ann.stream.send_all(f"{command}\n".encode("gb18030") + f"{CANARY}\n".encode())
        await ann.read_until(WITHHELD)


async def test_a_line_in_another_charset_that_is_no_command_has_what_follows_it_said(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with two_in_a_room() as (_, ann, bob):
        await ann.stream.send_all("大家好\n".encode("gb18030") + b"hello\n")
        await bob.read_until("ann: hello\r\n")


@pytest.mark.parametrize("command", ["/plugin list", "/node a", "/ode edit", "/rom", "/logot"])
async def test_what_comes_behind_a_word_that_is_nearer_to_another_command_is_said(
    command: str, autojump_clock: trio.abc.Clock
) -> None:
    async with two_in_a_room() as (_, ann, bob):
        await ann.type(command, "hello")
        await bob.read_until("ann: hello\r\n")


async def test_the_editor_does_not_bring_back_what_may_be_a_password(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        ann = await telnet(house).come("ann", "python")
        await ann.type(f"hello\r\n/regsiter\r\n{CANARY}\r\n")
        await ann.read()
        for brought_back in ("/regsiter", "hello"):
            await ann.type("\x1b[A")
            await ann.read()
            assert ann.rows[-1] == f"[python] ann> {brought_back}"


async def test_a_command_about_accounts_behind_a_blank_is_one(autojump_clock: trio.abc.Clock) -> None:
    async with two_in_a_room() as (_, ann, _bob):
        await ann.type(" /register", CANARY, CANARY)
        await ann.read_until("ann is your account now")


@pytest.mark.parametrize("line", [" /me waves", " /etc/hosts", "、好", " 、", " /"])
async def test_what_else_stands_behind_a_blank_is_said_as_it_was(line: str, autojump_clock: trio.abc.Clock) -> None:
    async with two_in_a_room() as (_, ann, bob):
        await ann.type("one", line, "two")
        await bob.read_until(f"ann: one\r\nann: {line}\r\nann: two\r\n")


async def test_who_is_told_to_log_in_instead_of_taking_a_name_says_no_password(autojump_clock: trio.abc.Clock) -> None:
    async with two_in_a_room() as (house, ann, _):
        await register(house, "carl")
        await ann.type("/nick carl", CANARY)
        await ann.read_until(WITHHELD)


async def test_what_is_said_by_a_command_is_said(autojump_clock: trio.abc.Clock) -> None:
    async with two_in_a_room() as (_, ann, bob):
        await ann.type("/regsiter", "/say hello")
        await bob.read_until("ann: hello\r\n")


async def test_who_gives_up_after_two_that_were_not_the_same_is_heard_at_once(autojump_clock: trio.abc.Clock) -> None:
    async with two_in_a_room() as (_, ann, bob):
        await ann.type("/register", "something long enough", "something else", "", "hello")
        await bob.read_until("ann: hello\r\n")
