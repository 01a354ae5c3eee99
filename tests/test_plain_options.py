"""chat-tui line by line: what is chosen for a room, what is unread, links, times, and the bell; each command as docs/plain.md has it."""

import asyncio
import os
import re
from collections.abc import Callable
from typing import cast

import pytest

from chat_server.protocol import events
from chat_server.protocol.entries import Entry, Said
from chat_tui import language
from chat_tui.client import plain_bell, plain_options
from chat_tui.client.own_commands import LINE_BY_LINE
from chat_tui.client.plain_program import PlainProgram
from chat_tui.settings import NotifyTable
from plain_programs import plain_program
from processes import ROOT
from stories import FakeConnection

LINK = "https://example.org/parser"
HELLO = Said("python", 1, 60.0, "bob", "hello")
Act = Callable[["Desk"], None]


class Desk:
    """Somebody at the program, in python and pm."""

    def __init__(self, program: PlainProgram, written: list[str]) -> None:
        self.program, self.written, self.rung = program, written, ""

    def hear(self, *lines: Entry) -> list[str]:
        """What is written of these."""
        self.written.clear()
        for line in lines:
            self.program.client._take(line, None)
        return [*self.written]

    def type(self, line: str) -> list[str]:
        """What is answered."""
        self.written.clear()
        self.program.input.receive_data(f"{line}\n".encode())
        self.program.take_input()
        return [part for told in self.written for part in told.split("\n")]


def play(act: Act, rules: NotifyTable = plain_bell.NOBODY_CALLED) -> None:
    async def run() -> None:
        written: list[str] = []
        program, _ = plain_program(written, lambda: 0.0, rules=rules)
        for room in ("pm", "python"):
            program.client._take(events.Entered(room, ("bob",), 0, "", 0), None)
        program.client._take(events.RoomsListed((("python", 2), ("pm", 1))), None)
        program._typing.room = "python"
        act(Desk(program, written))

    asyncio.run(run())


def test_a_muted_room_is_silent_but_for_what_names_one_and_says_afterwards_how_much_it_was() -> None:
    def act(desk: Desk) -> None:
        assert desk.hear(HELLO) == ["[python] 1 bob: hello"]
        assert desk.type("/quiet") == ["python is muted: only what names you is read out. /quiet ends that."]
        assert desk.hear(Said("python", 2, 120.0, "bob", "chatter"), Said("python", 3, 180.0, "bob", "ann: look")) == [
            "[python] 3 bob: ann: look"
        ]
        assert desk.hear(Said("python", 4, 240.0, "bob", "yes", re=3, whom="ann")) == [
            '[python] 4 bob replied to bob "ann: look": yes'
        ]
        assert desk.type("/unread") == ["python: 3 lines, 2 name you"]
        assert desk.type("/quiet") == ["python is no longer muted. 3 lines were not read out: /since 1 reads them."]
        assert desk.type("/unread") == ["Nothing is unread."]
        assert desk.hear(Said("python", 5, 300.0, "bob", "and again")) == ["[python] 5 bob: and again"]

    play(act)


def test_what_is_marked_as_unread_stays_so_until_it_is_read() -> None:
    def act(desk: Desk) -> None:
        desk.hear(HELLO, Said("python", 2, 120.0, "bob", "ann?"), Said("pm", 1, 120.0, "bob", "psst"))
        assert desk.type("/unread 2") == ["python is unread from #2 on, until /read."]
        assert desk.hear(Said("python", 3, 180.0, "bob", "more")) == ["[python] 3 bob: more"]
        assert desk.type("/unread") == ["python: 2 lines"]
        assert desk.program.client.saved.read["python"] == 1
        assert desk.type("/unread 9") == ["There is no such line here. The lines are 1 to 3."]
        assert desk.type("/read") == ["python is marked as read."]
        assert desk.type("/unread") == ["Nothing is unread."]
        desk.type("/unread 1")
        assert desk.type("/read all") == ["All rooms are marked as read."]
        assert desk.program.client.saved.read["python"] == 3

    play(act)


def opened_by(opened: list[str]) -> Callable[[str], bool]:
    def open_(url: str) -> bool:
        opened.append(url)
        return True

    return open_


def test_links_are_listed_by_numbers_the_newest_first_and_opened_where_there_is_a_desktop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[str] = []

    def act(desk: Desk) -> None:
        assert desk.type("/links") == ["No link has been read out here."]
        desk.hear(
            Said("python", 1, 60.0, "bob", f"see {LINK}"), Said("python", 2, 60.0, "bob", "or https://b.example/")
        )
        assert desk.type("/links") == ["1 https://b.example/", f"2 {LINK}"]
        assert desk.type("/links 2") == [f"There is no desktop on which it can open: {LINK}"]
        monkeypatch.setattr(desk.program._options, "_open", opened_by(opened))
        assert desk.type("/links 2") == [f"Opened: {LINK}"]
        assert opened == [LINK]
        assert desk.type("/links 3") == ["There are 2 links. /links lists them."]
        desk.hear(*(Said("python", n, 60.0, "bob", f"https://c.example/{n}") for n in range(3, 99)))
        assert len(desk.type("/links")) == plain_options.LINKS_MAX

    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    play(act)


def test_times_stand_beside_lines_when_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    def act(desk: Desk) -> None:
        assert desk.type("/times") == ["Times stand beside lines from now on."]
        (told,) = desk.hear(HELLO)
        assert re.fullmatch(r"\[python\] 1 \d\d:01 bob: hello", told)
        assert desk.type("/times") == ["Times are left out from now on."]
        assert desk.hear(Said("python", 2, 120.0, "bob", "hi")) == ["[python] 2 bob: hi"]

    play(act)


def test_who_comes_and_goes_is_hidden_in_one_room() -> None:
    def act(desk: Desk) -> None:
        assert desk.type("/joins") == ["Who comes and goes in python is hidden."]
        desk.written.clear()
        for room in ("python", "pm"):
            desk.program.client._take(events.Joined(room, ("eve",)), None)
        assert desk.written == ["[pm] eve joined"]
        assert desk.type("/joins") == ["Who comes and goes in python is shown."]

    play(act)


def test_the_bell_rings_by_the_rules_and_by_what_is_chosen_for_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[str] = []
    monkeypatch.setattr(plain_bell, "_ring", rung.append)

    def act(desk: Desk) -> None:
        def is_rung(line: Said) -> bool:
            desk.program._bell._attention._called_at = -99.0
            rung.clear()
            desk.hear(line)
            return rung == ["\a"]

        assert desk.type("/notify") == ["In python you are notified of what the settings say."]
        assert not is_rung(HELLO)
        assert is_rung(Said("python", 2, 60.0, "bob", "ann!"))
        assert desk.type("/notify all") == ["In python you are notified of every line."]
        assert is_rung(Said("python", 3, 60.0, "bob", "hello"))
        assert desk.type("/notify nothing") == ["In python you are notified of nothing."]
        assert not is_rung(Said("python", 4, 60.0, "bob", "ann!"))
        desk.type("/notify settings")
        assert is_rung(Said("python", 5, 60.0, "bob", "ann!"))
        desk.hear(Said("python", 6, 60.0, "bob", "ann, again"))
        assert rung == ["\a"], "once in five seconds"

    play(act, NotifyTable())


def test_without_a_terminal_nothing_rings(capfd: pytest.CaptureFixture[str]) -> None:
    assert not os.isatty(2)
    plain_bell._ring("\a")
    assert capfd.readouterr() == ("", "")


def test_a_pinned_room_is_told_of_first() -> None:
    def act(desk: Desk) -> None:
        desk.program._typing.room = "pm"
        desk.hear(HELLO, Said("pm", 1, 60.0, "bob", "psst"))
        desk.type("/unread 1")
        desk.program._typing.room = "python"
        desk.type("/unread 1")
        assert desk.type("/unread") == ["pm: 1 line", "python: 1 line"]
        assert desk.type("/pin") == ["python is pinned; /pin ends that."]
        assert desk.type("/unread") == ["python: 1 line", "pm: 1 line"]
        assert desk.type("/pin") == ["python is no longer pinned."]

    play(act)


def test_who_is_in_no_room_is_told_so() -> None:
    def act(desk: Desk) -> None:
        desk.program._typing.room = ""
        assert desk.type("/pin") == ["You are in no room. /join ROOM enters one."]
        assert (
            desk.type("/notify often")[0].endswith("all mentions nothing settings.")
            or "all" in desk.type("/notify often")[0]
        )

    play(act)


def help_of(desk: Desk, only: str = "") -> list[str]:
    """What `/help` writes below what the server lists."""
    desk.type(f"/help {only}".rstrip())
    connection = cast("FakeConnection", desk.program.client.connection)
    listed = events.HelpListed((("/rooms", "List the rooms"),), ("python",), ("rooms",), only)
    desk.written.clear()
    desk.program.client._take(listed, connection.ref("help"))
    below = "\n".join(desk.written).split("\n")
    assert any("/rooms" in row for row in below), "the server's come first"
    return below[1 + max(place for place, row in enumerate(below) if re.match("/rooms|.*/python", row)) :]


@pytest.mark.parametrize(
    ("code", "heading", "times", "usage"),
    [
        ("en", "Commands of chat-tui itself:", "/times - Have the time beside each line, or no longer", "Usage: "),
        ("zh", "chat-tui 自己的命令：", "/times - 在每一行旁显示时间，或不再显示", "用法："),
    ],
)
def test_help_lists_and_explains_the_commands_of_the_program_itself(
    code: str, heading: str, times: str, usage: str
) -> None:
    language.begin(code, {})

    def act(desk: Desk) -> None:
        first, *rows = help_of(desk)
        assert first == heading
        assert {re.findall(r"\w+", row)[0] for row in rows} == {*LINE_BY_LINE}
        assert times in rows
        assert {re.findall(r"\w+", row)[0] for row in help_of(desk, "reading")[1:]} == {"read", "unread", "links"}
        assert help_of(desk, "rooms") == []
        for word in LINE_BY_LINE:
            told, *more = desk.type(f"/help {word}")
            assert told.startswith(f"{usage}/{word}")
            assert more
        connection = cast("FakeConnection", desk.program.client.connection)
        before = len(connection.asked)
        assert desk.type("/help /QUIET")
        assert len(connection.asked) == before, "no server knows it"

    play(act)


def test_help_leaves_a_command_to_the_server_that_has_one_of_the_same_name() -> None:
    def act(desk: Desk) -> None:
        commands = desk.program.client.state.commands
        commands["times"] = commands["rooms"]
        assert not [row for row in help_of(desk) if row.startswith("/times")]
        assert desk.type("/help times") == []
        assert cast("FakeConnection", desk.program.client.connection).last("help")["command"] == "times"

    play(act)


def test_the_document_has_each_of_these_commands_and_each_is_played_here() -> None:
    text = (ROOT / "docs" / "plain.md").read_text(encoding="utf-8")
    section = text.partition("## What you choose\n")[2].partition("\n## ")[0]
    told = set(re.findall(r"`/(\w+)", section)) - {"since", "around", "links"} | {"links"}
    assert told == set(LINE_BY_LINE)
    played = set(re.findall(r'type\("/(\w+)', (ROOT / "tests" / "test_plain_options.py").read_text(encoding="utf-8")))
    assert played - {"help"} == set(LINE_BY_LINE)
