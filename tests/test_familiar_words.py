"""The words that people bring along from other chats, and rooms that were called so before they were commands."""

import pytest
import trio

from captured_logs import capture_logs
from chat_server.commands.table import COMMANDS
from chat_server.config import Config, RoomsTable
from chat_server.config_file import load
from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.requests import Back, Join, ListOnline, ListRooms, Logout, Request
from streams import open_house

parse_text = COMMANDS.vocabulary.parse_text


@pytest.mark.parametrize(
    ("words", "request_"),
    [
        ("who names users online", ListOnline()),
        ("list rooms", ListRooms()),
        ("part leave close back", Back()),
        ("exit bye quit logout", Logout()),
    ],
)
def test_a_word_from_another_chat_asks_for_what_people_mean_by_it(words: str, request_: Request) -> None:
    assert [parse_text(f"/{word}") for word in words.split()] == [request_] * len(words.split())
    assert parse_text("/j python") == Join("python")


@pytest.mark.parametrize("line", ["/quit bye", "/exit  see you all!", "/bye :-)", "/logout now"])
def test_whoever_leaves_may_say_anything_after_the_word(line: str) -> None:
    assert isinstance(parse_text(line), Logout)


async def test_the_words_work_at_a_terminal(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = house.call()
        await ann.log_in("ann")
        await ann.type("/list", "/j python", "/who", "/part", "/frob", "/ignore bob", "/quit see you")
        assert (await ann.read_to_end()).splitlines() == [
            "* Rooms: python (0), write (0), pm (0)",
            *("* You are in python.", "* Nobody else is here."),
            "* Nobody else is in python.",
            "* You are in the hall.",
            "* There is no command /frob. /help lists all.",
            "* There is nobody called bob here, and no account has that name.",
            "* Goodbye.",
        ]


async def test_a_program_is_told_of_an_unknown_request_in_the_words_that_people_get(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        program = house.connect()
        await program.ask("frob")
        refused = await program.read()
        assert refused["code"] == "unknown-request"
        assert refused["text"] == "There is no command /frob. /help lists all."


async def test_a_room_that_is_called_as_a_command_stays_and_join_enters_it(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    await journal.create_room("who")
    config = Config(rooms=RoomsTable(["Close", "python"]))
    with capture_logs() as logged:
        async with open_house(config, journal) as house:
            ann = house.call()
            await ann.log_in("ann", "who")
            await ann.type("/who", "/join close", "/close", "/rooms", "/help", "/create who", "/create List")
            told = (await ann.read_until("for the room.\r\n")).splitlines()
    assert told[0] == "* Nobody else is in who.", "the command is stronger"
    assert told[1:3] == ["* You are in Close.", "* Nobody else is here."]
    assert told[3:5] == ["* You are in the hall.", "* Rooms: who (0), Close (0), python (0)"]
    assert told[-3] == "* Rooms are commands too: /python", "only rooms that are entered so"
    assert told[-2:] == [
        "* There is already a room who. /join who enters it.",
        "* /List is a command: choose another name for the room.",
    ]
    warnings = [entry for entry in logged if entry["log_level"] == "warning"]
    assert [entry["rooms"] for entry in warnings] == [["who", "Close"]], "once, not for each who enters"


def test_a_configuration_may_name_a_room_as_a_command_is_called() -> None:
    assert load("[rooms]\nnames = ['who', 'close']", "old.toml").rooms.names == ["who", "close"]
