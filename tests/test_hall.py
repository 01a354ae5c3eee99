import re

import pytest
from rich.cells import cell_len

from chat_server.commands.handler import EndSession
from chat_server.commands.table import COMMANDS
from chat_server.protocol.events import HelpListed
from chat_server.protocol.incoming import Invalid, UnknownCommand, Unreadable
from chat_server.protocol.requests import (
    Back,
    Help,
    Join,
    Last,
    ListOnline,
    ListRooms,
    Login,
    Logout,
    Rename,
    Request,
    Say,
)
from chat_server.protocol.syntax import usage_of, word_of
from chat_server.rooms.hall import Hall
from chat_server.rooms.room import ROOM
from chat_server.wire.render.sentences import text_of
from chat_server.wire.render.wrapping import wrapped
from fakes import FakeSession, make_hall


def ask(hall: Hall, session: FakeSession, request: Request | Unreadable) -> list[str]:
    """Give a request that needs no waiting, and return the answer."""
    assert COMMANDS.dispatch(hall, session, request) is None
    return session.take_told()


def test_login_greets_and_says_what_can_be_done_next() -> None:
    hall = make_hall("python")
    session = FakeSession(hall)
    assert ask(hall, session, Login("ann")) == [
        "* Welcome, ann.",
        "* /rooms lists the rooms, /join ROOM enters one, /help tells more.",
    ]
    assert session.nick == "ann"


@pytest.mark.parametrize(("first", "second"), [("ann", "Ann"), ("Straße", "strasse"), ("ａｎｎ", "ann")])
def test_a_nickname_can_be_taken_once_whatever_its_case(first: str, second: str) -> None:
    hall = make_hall()
    FakeSession(hall, first)
    other = FakeSession(hall)
    assert ask(hall, other, Login(second)) == [f"* {second} is taken. Choose another name."]
    assert other.nick == ""


def test_a_bad_nickname_is_refused_with_a_reason() -> None:
    hall = make_hall()
    session = FakeSession(hall)
    assert ask(hall, session, Login("a:b")) == [
        "* A name is made of letters of any script, digits, - and _; it cannot begin with a combining mark."
    ]
    assert ask(hall, session, Login("a" * 33)) == ["* A name has 1 to 32 characters."]


def test_a_second_login_is_refused() -> None:
    hall = make_hall()
    session = FakeSession(hall, "ann")
    assert ask(hall, session, Login("bob")) == [
        "* You are already logged in as ann. /nick NICK changes your name; to log in as somebody else, /logout first."
    ]


@pytest.mark.parametrize("request_", [Say("hello"), Join("python"), UnknownCommand("python", ""), Rename("bob")])
def test_before_login_the_rest_asks_for_it(request_: Request) -> None:
    hall = make_hall("python")
    assert ask(hall, FakeSession(hall), request_) == ["* Log in first: /login NICK"]


def test_nobody_hears_what_is_said_in_the_hall() -> None:
    hall = make_hall()
    assert ask(hall, FakeSession(hall, "ann"), Say("hello")) == [
        "* Nobody hears you in the hall. /rooms lists the rooms, /join ROOM enters one."
    ]


def test_rooms_are_listed_with_how_many_are_in_each() -> None:
    hall = make_hall("python", "pm")
    assert ask(hall, FakeSession(hall), ListRooms()) == ["* Rooms: python (0), pm (0)"]


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("anything-else", "* There is no command /anything-else. /help lists all."),
        ("roms", "* There is no command /roms. Did you mean /rooms?"),
        ("reg", "* There is no command /reg. Did you mean /register?"),
        ("pyton", "* There is no command /pyton. Did you mean /python?"),
        ("x" * 4000, f"* There is no command /{'x' * 40}…. /help lists all."),
        ("xylophone", "* There is no command /xylophone. /help lists all."),
        ("dcc", "* There is no command /dcc. /help lists all."),
        ("{word}", "* There is no command /{word}. To say a line that begins with a slash, type two: //{word}"),
        (
            "usr/bin/python",
            "* There is no command /usr/bin/python. To say a line that begins with a slash, type two: //usr/bin/python",
        ),
    ],
)
def test_an_unknown_command_is_named_and_a_near_one_suggested(word: str, answer: str) -> None:
    hall = make_hall("python")
    assert ask(hall, FakeSession(hall, "ann"), UnknownCommand(word, "")) == [answer]


def test_a_stranger_is_not_pointed_to_a_command_that_does_not_work_yet() -> None:
    hall = make_hall("python")
    assert ask(hall, FakeSession(hall), UnknownCommand("pyton", "")) == [
        "* There is no command /pyton. /help lists all."
    ]


@pytest.mark.parametrize("word", ["identify", "Auth", "ＮＳ"])
def test_a_stranger_who_would_prove_in_another_chats_words_who_they_are_is_pointed_to_the_login(word: str) -> None:
    assert ask(make_hall(), FakeSession(make_hall()), UnknownCommand(word, "hunter2")) == [
        f"* There is no command /{word}. Did you mean /login?"
    ]


def test_a_command_of_another_place_is_not_unknown() -> None:
    hall = make_hall()
    assert ask(hall, FakeSession(hall, "ann"), ListOnline()) == [
        "* /online works only in a room. /rooms lists the rooms, /join ROOM enters one."
    ]


def test_a_stranger_who_asks_for_what_is_done_in_rooms_is_told_to_log_in_first() -> None:
    hall = make_hall("python")
    for request in (ListOnline(), Last(), Back(), Join("python")):
        assert ask(hall, FakeSession(hall), request) == ["* Log in first: /login NICK"]


def test_wrong_usage_answers_with_the_usage() -> None:
    hall = make_hall()
    assert ask(hall, FakeSession(hall), Invalid("usage", {"usage": "/login NICK"})) == ["* Usage: /login NICK"]


def listed(help_: list[str]) -> list[str]:
    """The first word of each line, without the commands that have their requests beside them, nor headings over these alone."""
    words = [line.split()[1].strip("-") or line.split()[2] for line in help_]
    words = [word for word in words if word not in {f"/{word_of(request)}" for request in COMMANDS.own}]
    return [
        word
        for word, after in zip(words, [*words[1:], ""], strict=True)
        if word[0] == "/" or word == "Rooms" or after[:1] == "/"
    ]


def test_help_lists_what_works_here_and_now() -> None:
    hall = make_hall("python")
    stranger = listed(ask(hall, FakeSession(hall), Help()))
    member = listed(ask(hall, FakeSession(hall, "ann"), Help()))
    choices = ["/lang", "/charset", "/mode", "/colour", "/wrap", "/plain", "/keepalive"]
    assert stranger == [
        *("General", "/login", "/logout", "/help"),
        *("Rooms", "/rooms"),
        *("Your", *choices),
    ]
    assert member == [
        *("/logout", "/help", "/nick"),
        *("/rooms", "/join", "/create", "/search", "All", "/help", "Rooms"),
    ]
    assert listed(ask(hall, FakeSession(hall, "bob"), Help("reading"))) == ["Reading", "/history", "/search"]
    assert listed(ask(hall, FakeSession(hall, "eve"), Help("Terminal"))) == [
        "Your",
        *sorted(["/time", *choices]),
    ]


def test_help_with_the_name_of_a_group_lists_it_though_a_command_is_called_so_too() -> None:
    hall = make_hall("python")
    session = FakeSession(hall, "ann")
    assert listed(ask(hall, session, Help("rooms")))[0] == "Rooms"
    assert ask(hall, session, Help("/rooms"))[0] == "* Usage: /rooms [NAME]"


def test_help_with_a_group_of_which_nothing_works_yet_says_why() -> None:
    hall = make_hall("python")
    assert ask(hall, FakeSession(hall), Help("reading")) == ["* Log in first: /login NICK"]


def test_help_shows_what_is_used_daily_and_counts_the_others_where_all_would_not_fit() -> None:
    commands = (
        *((f"/command{number}", "Do it") for number in range(38)),
        ("/last [COUNT]", "Show it"),
        ("/join ROOM", "Go"),
    )
    groups = (*["talking"] * 18, *["reading"] * 9, *["moderating"] * 12, "rooms")
    assert text_of(HelpListed(commands, ("pm",), groups)).splitlines() == [
        "* /last [COUNT] - Show it",
        "* /join ROOM - Go",
        "* All commands: /help talking (18), /help reading (9), /help moderating (12),",
        "* /help rooms (1)",
        "* Rooms are commands too: /pm",
    ]
    assert len(text_of(HelpListed(commands, (), ("moderating",) * 40, "moderating")).splitlines()) == 41


@pytest.mark.parametrize("language", ["en", "zh"])
def test_help_fits_on_a_screen_for_whoever_may_do_everything_in_a_room(language: str) -> None:
    works = COMMANDS.of[ROOM]
    typed = [request for request in works if request in COMMANDS.vocabulary.requests and request.is_typed]
    everything = HelpListed(
        tuple((usage_of(request), works[request].summary) for request in typed),
        ("python", "write", "pm", "den"),
        tuple(request.group for request in typed),
    )
    rows = [row for line in text_of(everything, language).splitlines() for row in wrapped(line, 80)]
    assert len(typed) > 50
    assert len(rows) < 24


@pytest.mark.parametrize("kind", COMMANDS.of)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_help_says_of_a_command_fits_into_one_row_of_80_columns(language: str, kind: str) -> None:
    """nc breaks no line between words, nor does telnet before it has said how wide the terminal is."""
    works = COMMANDS.of[kind]
    typed = [request for request in works if request in COMMANDS.vocabulary.requests and request.is_typed]
    everything = HelpListed(
        tuple((usage_of(request), works[request].summary) for request in typed),
        (),
        tuple(request.group for request in typed),
        "moderating",
    )
    assert [row for row in text_of(everything, language).splitlines() if cell_len(row) > 79] == []


def test_help_about_a_command_says_more() -> None:
    hall = make_hall("python")
    session = FakeSession(hall, "ann")
    assert ask(hall, session, Help("/quit")) == [
        "* Usage: /logout",
        "* Leave the server.",
        "* Also: /quit, /exit, /bye",
    ]
    assert ask(hall, session, Help("python")) == ["* Usage: /python", "* Enter the room python."]
    assert ask(hall, session, Help("online")) == [
        "* /online works only in a room. /rooms lists the rooms, /join ROOM enters one."
    ]
    assert ask(hall, session, Help("lgout")) == ["* There is no command /lgout. Did you mean /logout?"]


def test_rooms_can_be_looked_for_by_a_part_of_their_names() -> None:
    hall = make_hall("python", "write", "Cpython")
    session = FakeSession(hall, "ann")
    assert ask(hall, session, ListRooms("PYTHON")) == ["* Rooms: python (0), Cpython (0)"]
    assert ask(hall, session, ListRooms("perl")) == ["* No room has perl in its name. /rooms lists all."]
    assert ask(hall, session, ListRooms("x" * 4000)) == [f"* No room has {'x' * 40}… in its name. /rooms lists all."]


def test_a_rooms_name_takes_no_arguments() -> None:
    hall = make_hall("python")
    assert ask(hall, FakeSession(hall, "ann"), UnknownCommand("python", "now")) == [
        '* Unexpected: "now". Usage: /python'
    ]


def test_a_room_that_is_not_there_is_named_and_a_near_one_suggested() -> None:
    hall = make_hall("python")
    session = FakeSession(hall, "ann")
    assert ask(hall, session, Join("perl")) == ["* There is no room perl. /rooms lists the rooms."]
    assert ask(hall, session, Join("pythn")) == ["* There is no room pythn. Did you mean python?"]


def test_a_near_miss_is_looked_for_among_few_rooms() -> None:
    """It takes 30 us for each, and anybody may ask all day."""
    hall = make_hall(*(f"room{number}" for number in range(20)), "python")
    session = FakeSession(hall, "ann")
    assert ask(hall, session, Join("rom5")) == ["* There is no room rom5. Did you mean room5?"]
    assert ask(hall, session, Join("pythn")) == ["* There is no room pythn. /rooms lists the rooms."]
    assert ask(hall, session, UnknownCommand("pythn", "")) == ["* There is no command /pythn. /help lists all."]


def test_nick_changes_the_name_and_frees_the_old_one() -> None:
    hall = make_hall()
    session = FakeSession(hall, "ann")
    FakeSession(hall, "bob")
    assert ask(hall, session, Rename("Bob")) == ["* Bob is taken. Choose another name."]
    assert ask(hall, session, Rename("ANN")) == ["* ann is now ANN"]
    assert ask(hall, FakeSession(hall), Login("Ann")) == ["* Ann is taken. Choose another name."]
    assert ask(hall, session, Rename("ANN")) == ["* Your nickname is already ANN."]
    assert ask(hall, session, Rename("carol")) == ["* ANN is now carol"]
    FakeSession(hall, "ann")


def test_logout_ends_the_session() -> None:
    hall = make_hall()
    with pytest.raises(EndSession):
        COMMANDS.dispatch(hall, FakeSession(hall), Logout())


def test_every_request_can_be_carried_out_somewhere_and_explains_itself() -> None:
    for request in filter(lambda request: request.is_typed, COMMANDS.vocabulary.requests):
        explanations = [command.summary for command in COMMANDS.commands_for(request).values()]
        assert explanations, request
        assert all(explanations), request


def test_no_line_of_what_explains_a_command_begins_in_the_middle_of_a_sentence() -> None:
    lines = [line for kind in COMMANDS.of.values() for one in kind.values() for line in one.explanation.splitlines()]
    assert len(lines) > 100
    assert [line for line in lines if line[:1].islower() and not re.match("[a-z]+[:,] ", line)] == []
