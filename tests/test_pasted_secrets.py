"""Nothing of a dialogue about a password is said when all of it is pasted, however it comes and wherever it begins: by servers on virtual time."""

import pytest
import trio
from hypothesis import example, given
from hypothesis import strategies as st

from account_house import CANARY, HERE, house_without_leaks, register
from chat_server.commands.table import COMMANDS
from chat_server.protocol.incoming import Dialogue, Invalid
from chat_server.protocol.requests import Say
from chat_server.protocol.sanitize import sanitize, without_unseen_start
from chat_server.protocol.typed import BEHIND_MAX, BEHIND_SECONDS
from chat_server.wire.whole_lines import said_in
from chat_tui.client.typed_secrets import secret_below, without_secrets
from streams import House, open_house
from test_person_session import Telnet, telnet
from test_withheld import WITHHELD, heard_by, in_room, two_in_a_room

pytestmark = pytest.mark.usefixtures("wall_clock")

PARSE = COMMANDS.vocabulary.parse_text
COMMAND_WORDS = [*COMMANDS.vocabulary.words]


def pasted(*lines: str) -> str:
    """As a terminal sends what is pasted, and Enter after it."""
    return f"\x1b[200~{chr(10).join(lines)}\x1b[201~\r\n"


async def in_room_by_telnet(house: House, nick: str = "ann") -> Telnet:
    caller = await telnet(house, address=HERE).come(nick, "python")
    await caller.read()
    return caller


# What waits at the server has come already.


async def test_the_time_does_not_run_while_the_senders_lines_have_to_wait(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0.1, message_burst=1) as house:
        bob, ann = await in_room(house, "bob"), await in_room(house, "ann")
        await ann.stream.send_all(b"/register other\n" + b"x\x08" * 1000 + f"\n{CANARY}\n{CANARY}\n".encode())
        await ann.read_until(WITHHELD)
        await ann.read_until(WITHHELD)
        assert CANARY not in await heard_by(bob, ann)


async def test_the_time_does_not_run_while_a_turn_is_waited_for(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0.5, message_burst=1) as house:
        bob, ann = await in_room(house, "bob"), await in_room(house, "ann")
        for part in (b"/register other\n", b"\x7f" * 512, b"\x7f" * 512, b"\x7f" * 512, b"\x7f" * 512):
            await ann.stream.send_all(part)
        await ann.stream.send_all(f"{CANARY}\n".encode())
        await ann.read_until(WITHHELD)
        assert CANARY not in await heard_by(bob, ann)


# A dialogue that is pasted as lines.


@pytest.mark.parametrize("more", [1, BEHIND_MAX, 40])
async def test_behind_a_refused_command_no_line_is_said_that_is_pasted_with_it(
    more: int, autojump_clock: trio.abc.Clock
) -> None:
    async with two_in_a_room(registration="closed") as (_, ann, bob):
        await ann.type("/register", *[CANARY] * (BEHIND_MAX + more), "/me waves", "hello")
        for _ in range(BEHIND_MAX + more):
            await ann.read_until(WITHHELD)
        assert await bob.read_until("hello\r\n") == "~ ann waves\r\nann: hello\r\n"


async def test_whoever_types_on_without_a_break_is_heard_after_a_while(autojump_clock: trio.abc.Clock) -> None:
    async with two_in_a_room() as (_, ann, bob):
        await ann.type("/regsiter")
        for number in range(20):
            await ann.type(f"line {number}")
            await trio.sleep(0.2)
        assert "ann: line 5\r\n" in await bob.read_until("ann: line 19\r\n")


# A line that was too long.


@pytest.mark.parametrize(
    "command", ["/login ann ", "/regsiter ", " /password ", "\u200b /register", "／ｐａｓｓｗｏｒｄ "]
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
async def test_behind_a_command_that_was_too_long_nothing_is_said(
    command: str, end: str, autojump_clock: trio.abc.Clock
) -> None:
    async with two_in_a_room() as (_, ann, _):
        await ann.stream.send_all(f"{command}{'x' * 5000}{end}{CANARY}{end}{CANARY}{end}".encode())
        assert "longer than 4096 bytes" in await ann.read_until(WITHHELD)
        await ann.read_until(WITHHELD)


@pytest.mark.parametrize("begun", ["", "/me ", "//login ", "/online "])
async def test_behind_another_line_that_was_too_long_everything_is_said(
    begun: str, autojump_clock: trio.abc.Clock
) -> None:
    async with two_in_a_room() as (_, ann, bob):
        await ann.type(f"{begun}{'x' * 5000}", "hello")
        await bob.read_until("ann: hello\r\n")


async def test_behind_a_text_that_was_too_long_and_begins_with_such_a_command_nothing_is_said(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        bob, ann = await in_room(house, "bob"), await in_room_by_telnet(house)
        await ann.type(pasted("/regsiter", *["x" * 4000] * 6))
        await ann.type(f"{CANARY}\r\n")
        await ann.read(9)
        assert any("That was not said" in row for row in ann.rows)
        await trio.sleep(BEHIND_SECONDS)
        await ann.type("hello\r\n")
        assert CANARY not in await bob.read_until("ann: hello\r\n")


# Texts that are pasted at telnet's editor.


async def test_a_login_that_is_pasted_with_its_password_logs_in(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        await register(house)
        ann = telnet(house, address=HERE)
        await ann.read()
        await ann.type("/lang\r\n")
        await ann.read()
        await ann.type(pasted("/login ann", "", CANARY))
        await ann.read()
        assert ann.rows[-1] == "[hall] ann>"
        assert CANARY not in "\n".join(ann.rows)
        await ann.type("\x1b[A")
        await ann.read()
        assert CANARY not in "\n".join(ann.rows), "it is in no history"


async def test_a_registration_that_is_pasted_registers_and_what_is_below_it_is_not_said(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        bob, ann = await in_room(house, "bob"), await in_room_by_telnet(house)
        await ann.type(pasted("/register", CANARY, CANARY, CANARY, "/me waves", CANARY))
        await ann.read()
        assert any("ann is your account now" in row for row in ann.rows)
        assert sum("That was not said" in row for row in ann.rows) == 2
        assert CANARY not in "\n".join(ann.rows)
        await ann.type("hello\r\n")
        assert (await bob.read_until("ann: hello\r\n")).endswith("~ ann waves\r\nann: hello\r\n")
        await ann.type("\x1b[A\x1b[A")
        await ann.read()
        assert CANARY not in "\n".join(ann.rows)


@pytest.mark.parametrize(
    "lines",
    [
        ["hello", "/login ann", CANARY],
        ["hello", f"/login ann {CANARY}"],
        ["hello", "world", "\u200b /regsiter", CANARY],
        ["/me waves", "/register", CANARY, CANARY],
        ["// hello", "/password", CANARY],
        ["/usr/bin/python", "/password", CANARY],
        ["hello", *["/etc/hosts"] * 8, "/login ann", CANARY],
    ],
)
async def test_a_text_with_such_a_command_below_its_first_line_is_not_said(
    lines: list[str], autojump_clock: trio.abc.Clock
) -> None:
    async with house_without_leaks() as house:
        bob, ann = await in_room(house, "bob"), await in_room_by_telnet(house)
        await ann.type(pasted(*lines))
        await ann.read()
        assert "To say it all the same, put /say before it." in " ".join(row.strip() for row in ann.rows)
        if lines[-1] != CANARY:
            await trio.sleep(BEHIND_SECONDS)  # it ends in the command, behind which another secret may come
        await ann.type("hello\r\n")
        assert CANARY not in await bob.read_until("ann: hello\r\n")


async def test_behind_a_text_that_ends_in_such_a_command_nothing_is_said(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        bob, ann = await in_room(house, "bob"), await in_room_by_telnet(house)
        await ann.type(pasted("hello", "/login ann"))
        await ann.type(f"{CANARY}\r\n")
        await ann.read()
        assert any("That was not said, for it may be a password" in row for row in ann.rows)
        await trio.sleep(BEHIND_SECONDS)
        await ann.type("hello\r\n")
        assert CANARY not in await bob.read_until("ann: hello\r\n")


@pytest.mark.parametrize(
    "line", ["/login ann", "/ login ann", " / login ann", "\u3001 login", "\uff0f\u3000\uff4c\uff4fgin x"]
)
def test_the_command_is_named_by_its_word(line: str) -> None:
    there = PARSE(f"hello\n{line}\n{CANARY}")
    assert isinstance(there, Invalid)
    assert there.details == {"word": "/login"}


BEFORE_SLASH = st.text(" \t\xa0\u3000\u2003\u200b", max_size=2)
BEHIND_SLASH = st.text(" \t\xa0\u3000\u200b*/\uff0f\u3001", max_size=2)


@given(
    BEFORE_SLASH,
    st.sampled_from("/\uff0f\u3001x"),
    BEHIND_SLASH,
    st.sampled_from(["login", "login ann", "regsiter", "x"]),
)
@example(" ", "/", " ", "login ann")
@example("\u3000", "/", "\u3000", "login ann")
@example("\t", "/", "\uff0f", "regsiter")
def test_a_line_is_what_it_is_by_itself_whatever_comes_with_it(
    before: str, slash: str, behind: str, words: str
) -> None:
    line = f"{before}{slash}{behind}{words}"
    together = said_in(f"hello\n{line}\n".encode(), b"", "utf-8")
    alone = PARSE(sanitize(without_unseen_start(line)))
    if together is not None:
        assert [*together] == ["hello", *([] if alone is None else [getattr(alone, "text", "")])]


@pytest.mark.parametrize("line", ["  /*login*/", "\t/* password: */", "    /**register"])
def test_an_indented_comment_is_said(line: str) -> None:
    assert PARSE(line) == Say(line)
    assert PARSE(f"int login;\n{line}\nint x;") == Say(f"int login;\n{line}\nint x;")


@pytest.mark.parametrize(
    "text",
    [
        "/say hello\n/login ann\nand so on",
        "hello\n/regsiter",
        "hello\n/etc/hosts\nand so on",
        "/* hello */\n// login ann\nint a;",
        "hello\n//login\nworld",
        pytest.param("a\n" + "/x\n" * 1000 + "b", id="a list"),
    ],
)
def test_another_text_is_said(text: str) -> None:
    assert isinstance(PARSE(text), Say)
    assert not secret_below(text, COMMAND_WORDS)
    assert without_secrets(text, COMMAND_WORDS) == text


@given(
    st.lists(
        st.sampled_from(
            [
                "hello",
                "/login",
                "/login ann",
                "/me x",
                "/regsiter",
                " /pass",
                "\u3001register",
                "//login",
                "/say x",
                "/a/b",
                "",
                CANARY,
            ]
        ),
        min_size=2,
        max_size=5,
    )
)
def test_chat_tui_says_no_text_that_the_server_would_not(lines: list[str]) -> None:
    text = "\n".join(lines)
    there = PARSE(text.strip("\n"))
    if isinstance(there, Invalid) and there.code == "secret-below":
        assert secret_below(text, COMMAND_WORDS)
        kept = without_secrets(text, COMMAND_WORDS)
        assert kept.count(CANARY) <= text.partition("\n/")[0].count(CANARY) + text.partition("\n\u3001")[0].count(
            CANARY
        )


def test_a_text_that_is_all_slashes_takes_no_long_time_to_be_read() -> None:
    import time  # noqa: PLC0415

    text = "hello\n" + "/abcdefgh ij\n" * 1250
    began = time.process_time()
    PARSE(text)
    assert time.process_time() - began < 0.1


async def test_a_word_of_ones_own_for_such_a_command_says_nothing_below_it(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        bob, ann = await in_room(house, "bob"), await in_room_by_telnet(house)
        await ann.type("/alias mine /register\r\n")
        await ann.type(pasted("/mine", CANARY, CANARY))
        await ann.read()
        await trio.sleep(BEHIND_SECONDS)
        await ann.type("\r\nhello\r\n")
        await ann.read()
        await ann.type("hello\r\n")
        assert CANARY not in await bob.read_until("ann: hello\r\n")


def test_what_is_read_as_a_dialogue_has_its_lines() -> None:
    assert PARSE(f"/login ann\n\n{CANARY}") == Dialogue(("/login ann", CANARY))
    assert not isinstance(PARSE("/code device\nx"), Dialogue)


async def test_the_same_is_refused_at_the_terminal_of_a_guest_elsewhere(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        caller = house.call(HERE)
        await caller.type("/login ann", "hello")
        await caller.read_until("Nobody hears you")
