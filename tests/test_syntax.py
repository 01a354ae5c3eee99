import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.commands.moderating import Ban
from chat_server.commands.table import COMMANDS
from chat_server.protocol.incoming import Invalid, UnknownCommand, Unreadable
from chat_server.protocol.requests import (
    Act,
    Help,
    Join,
    ListOnline,
    Login,
    Logout,
    OnDate,
    Rename,
    Request,
    Say,
    Search,
    Topic,
)
from chat_server.protocol.syntax import parameters_of, usage_of, wrong_usage
from chat_server.protocol.typed import Misuse
from chat_server.wire.render.sentences import sentence

parse_text = COMMANDS.vocabulary.parse_text


@pytest.mark.parametrize(
    ("line", "request_or_why_not"),
    [
        ("/login ann", Login("ann")),
        ("/LOGIN  ann ", Login("ann")),
        ("/logout", Logout()),
        ("/quit", Logout()),
        ("/help", Help()),
        ("/help join", Help("join")),
        ("/login\u3000小明", Login("小明")),
        ("/join python", Join("python")),
        ("/nick bob", Rename("bob")),
        ("/me waves  twice", Act("waves  twice")),
        ("/say  a b", Say("a b")),
        ("/online", ListOnline()),
        ("/date Yesterday 14:00", OnDate("yesterday 14:00")),
        ("/date 3 days ago", OnDate("3 days ago")),
        ("/python", UnknownCommand("python", "")),
        ("/dance all night", UnknownCommand("dance", "all night")),
        ("/", UnknownCommand("", "")),
    ],
)
def test_a_command_becomes_the_request_it_asks_for(line: str, request_or_why_not: Request | Unreadable) -> None:
    assert parse_text(line) == request_or_why_not


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/login", "Missing: NICK. Usage: /login NICK [plain] [CODE]"),
        ("/login ann plain 1234 please", 'Unexpected: "please". Usage: /login NICK [plain] [CODE]'),
        ("/who now or never", 'Unexpected: "now or never". Usage: /online'),
        ("/help a b", 'Unexpected: "b". Usage: /help [COMMAND]'),
        ("/me", "Missing: ACTION. Usage: /me ACTION"),
        ("/search -a", "Missing: WORDS. Usage: /search [-a] WORDS"),
        ("/since yesterday", '"yesterday" is not a number. /last shows the numbers. Usage: /since NUMBER'),
        ("/delete", "Missing: NUMBER. /last shows the numbers. Usage: /delete NUMBER"),
        ("/edit better words", '"better" is not a number. /last shows the numbers. Usage: /edit NUMBER TEXT'),
        ("/unban mallory", '"mallory" is not a number. /bans shows the numbers. Usage: /unban ID [REASON]'),
        ("/since #4711 now", 'Unexpected: "now". Usage: /since NUMBER'),
        (
            "/since 99999999999999999999999",
            "99999999999999999999999 is too large: 9007199254740991 is the most. Usage: /since NUMBER",
        ),
        ("/before -3", "-3 is too small: 0 is the least. Usage: /before NUMBER"),
        ("/last 0", "0 is too small: 1 is the least. Usage: /last [COUNT]"),
        ("/last 9999", "9999 is too large: 200 is the most. Usage: /last [COUNT]"),
        ("/history 500", "500 is too large: 50 is the most. Usage: /history [COUNT]"),
        ("/colour purple", '"purple" is not one of these: on, off. Usage: /colour [on|off]'),
        ("/date", "Missing: DAY. Usage: /date DAY"),
        (
            "/date yesterdy",
            '"yesterdy" is not a day. Write it as 2026-11-20, yesterday, monday, 3 days ago or yesterday 14:00.',
        ),
        (
            "/date 2026-02-30",
            '"2026-02-30" is not a day. Write it as 2026-11-20, yesterday, monday, 3 days ago or yesterday 14:00.',
        ),
        ("/nick " + "x" * 10 + " " + "y" * 50, f'Unexpected: "{"y" * 40}…". Usage: /nick NICK'),
        ("/last {why}", '"{why}" is not a number. Usage: /last [COUNT]'),
    ],
)
def test_a_wrong_usage_says_what_is_wrong_and_then_the_form(line: str, answer: str) -> None:
    wrong = parse_text(line)
    assert isinstance(wrong, Invalid)
    assert sentence(wrong.code, wrong.details) == answer


def test_every_request_that_is_typed_says_what_is_missing_and_what_is_too_much() -> None:
    for word, request in COMMANDS.vocabulary.words.items():
        parameters = [parameter for parameter in parameters_of(request) if parameter.kind != "flag"]
        if parameters and parameters[0].required:
            assert parse_text(f"/{word}") == wrong_usage(
                usage_of(request), Misuse("usage-missing", {"field": parameters[0].name})
            )
        if not parameters:
            assert parse_text(f"/{word} x") == wrong_usage(
                usage_of(request), Misuse("usage-unexpected", {"value": "x"})
            )
        wrong_number = [parameter for parameter in parameters if parameter.kind == "number"]
        if wrong_number:
            assert isinstance(parse_text(f"/{word} x"), Invalid)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("/me does\nthings", Act("does\nthings")),
        ("/ME\tdoes\n  things", Act("does\n  things")),
        ("/say /me\nwaves", Say("/me\nwaves")),
        ("/topic a\nb", Topic("a b")),
        ("/topic a\n\n   b", Topic("a b")),
        ("/search one\ntwo", Search("one two")),
        ("/bye\nall", Logout("all")),
        ("one\n/me two", Say("one\n/me two")),
        ("// a comment\nint x;", Say("// a comment\nint x;")),
        ("/usr/bin/env python\nprint(1)", Say("/usr/bin/env python\nprint(1)")),
        ("/\nme two", Say("/\nme two")),
        ("//one slash", Say("/one slash")),
        ("/", UnknownCommand("", "")),
        (" \n ", None),
    ],
)
def test_a_text_of_several_lines_glues_no_words_and_is_a_command_only_if_it_begins_with_one(
    text: str, asked: Request | Unreadable | None
) -> None:
    assert parse_text(text) == asked


def test_lines_where_a_word_is_wanted_are_too_much() -> None:
    wrong = parse_text("/join python\nhello\nworld")
    assert wrong == wrong_usage("/join ROOM", Misuse("usage-unexpected", {"value": "hello world"}))


def test_usage_names_the_fields_and_brackets_what_may_be_left_out() -> None:
    assert usage_of(Login) == "/login NICK [plain] [CODE]"
    assert usage_of(Help) == "/help [COMMAND]"
    assert usage_of(Ban) == "/ban NICK [SPAN] [REASON]"


@given(st.text())
def test_no_line_raises(line: str) -> None:
    assert isinstance(parse_text(f"/{line}"), Request | Unreadable)
    assert parse_text(line) is None or isinstance(parse_text(line), Request | Unreadable)
