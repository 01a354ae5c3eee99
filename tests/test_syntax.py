import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.events import (
    Act,
    Help,
    Join,
    ListOnline,
    Login,
    Logout,
    Rename,
    Request,
    Say,
    UnknownCommand,
    Unreadable,
    WrongUsage,
)
from chat_server.syntax import parse_command, usage_of


@pytest.mark.parametrize(
    ("line", "request_or_why_not"),
    [
        ("login ann", Login("ann")),
        ("LOGIN  ann ", Login("ann")),
        ("logout", Logout()),
        ("quit", Logout()),
        ("help", Help()),
        ("help join", Help("join")),
        ("login\u3000小明", Login("小明")),
        ("join python", Join("python")),
        ("nick bob", Rename("bob")),
        ("me waves  twice", Act("waves  twice")),
        ("say  a b", Say("a b")),
        ("online", ListOnline()),
        ("login", WrongUsage("/login NICK [plain]")),
        ("login ann bob", WrongUsage("/login NICK [plain]")),
        ("online now", WrongUsage("/online")),
        ("help a b", WrongUsage("/help [COMMAND]")),
        ("me", WrongUsage("/me ACTION")),
        ("python", UnknownCommand("python", "")),
        ("dance all night", UnknownCommand("dance", "all night")),
        ("", UnknownCommand("", "")),
    ],
)
def test_a_command_becomes_the_request_it_asks_for(line: str, request_or_why_not: Request | Unreadable) -> None:
    assert parse_command(line) == request_or_why_not


def test_usage_names_the_fields_and_brackets_what_may_be_left_out() -> None:
    assert usage_of(Login) == "/login NICK [plain]"
    assert usage_of(Help) == "/help [COMMAND]"


@given(st.text())
def test_no_line_raises(line: str) -> None:
    assert isinstance(parse_command(line), Request | Unreadable)
