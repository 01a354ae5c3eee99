"""How the user is called who looks elsewhere: by which rules, when, and by which bytes at each terminal that is known."""

import time
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path

import pytest

from chat_server.protocol.entries import Said
from chat_tui.client.attention import GAP, Attention, is_within
from chat_tui.client.desktop import HEADING_MAX, TEXT_MAX, Terminal, notification, passed_on, terminal_of
from chat_tui.client.notifications import how_told
from chat_tui.client.room_choices import NOTHING_CHOSEN, Chosen
from chat_tui.settings import How, NotifyTable, SettingsError, load
from stories import NOON

IN = "\x1b]"
ST = "\x1b\\"
OSC_9, OSC_777 = f"{IN}9;bob in python: hello{ST}", f"{IN}777;notify;bob in python;hello{ST}"
OSC_99 = f"{IN}99;i=chat-tui:d=0:o=unfocused;bob in python{ST}{IN}99;i=chat-tui:d=1:o=unfocused:p=body;hello{ST}"


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"TERM": "xterm-kitty"}, OSC_99),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, OSC_99),
        ({"TERM": "xterm-ghostty"}, OSC_777),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}, OSC_777),
        ({"TERM": "foot"}, OSC_777),
        ({"TERM": "foot-extra"}, OSC_777),
        ({"TERM": "rxvt-unicode-256color"}, OSC_777),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, OSC_9),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, OSC_9),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, OSC_9),
        ({"TERM": "wezterm"}, OSC_9),
        ({"TERM": "xterm-256color", "WT_SESSION": "7b4e"}, OSC_9),
        ({"TERM": "xterm-256color", "ConEmuPID": "7"}, OSC_9),
        ({"TERM": "xterm-256color"}, OSC_9),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, ""),
        ({"TERM": "alacritty"}, ""),
        ({"TERM": "linux"}, ""),
        ({"TERM": "vt220"}, ""),
        ({"TERM": "dumb"}, ""),
        ({}, ""),
        ({"TERM": "tmux-256color", "TERM_PROGRAM": "tmux"}, f"\x1bPtmux;\x1b{IN}9;bob in python: hello\x1b{ST}{ST}"),
        ({"TERM": "screen-256color", "TMUX": "/run/tmux,1,0"}, f"\x1bPtmux;\x1b{IN}9;bob in python: hello\x1b{ST}{ST}"),
        (
            {"TERM": "tmux-256color", "TMUX": "x", "GHOSTTY_RESOURCES_DIR": "/usr/share/ghostty"},
            f"\x1bPtmux;\x1b{IN}777;notify;bob in python;hello\x1b{ST}{ST}",
        ),
        ({"TERM": "screen", "STY": "1.tty"}, f"\x1bP{IN}9;bob in python: hello\a{ST}"),
        ({"TERM": "screen.rxvt", "STY": "1.tty"}, f"\x1bP{IN}9;bob in python: hello\a{ST}"),
        (
            {"TERM": "screen-256color", "KITTY_WINDOW_ID": "1"},
            f"\x1bP{OSC_99}".replace(ST, f"\a{ST}").replace(f"{ST}{IN}", f"{ST}\x1bP{IN}"),
        ),
    ],
)
def test_each_terminal_is_asked_in_its_own_way(environment: Mapping[str, str], told: str) -> None:
    assert notification(terminal_of(environment), "bob in python", "hello") == told


HOSTILE = "a\x1b]52;c;eA==\x07b\x1b\\c\x9cd;e\x1bPtmux;\x1b\x1b]0;f\x85\x00\n\x18"


@pytest.mark.parametrize("form", ["99", "777", "9", "bell"])
@pytest.mark.parametrize("wrap", ["", "tmux", "screen"])
def test_nothing_of_what_others_write_ends_a_sequence_begins_one_or_parts_it(form: str, wrap: str) -> None:
    terminal = Terminal(form, wrap)  # type: ignore[arg-type]
    clean, told = notification(terminal, "x", "y"), notification(terminal, HOSTILE, HOSTILE)
    for mark in ("\x1b", "\x07", ";", "\x9c", "\n", "\x00", "\x18", "\x85"):
        assert told.count(mark) == clean.count(mark), mark


def test_a_long_text_is_cut_and_screen_takes_all_of_it_at_once() -> None:
    told = notification(Terminal("9"), "n" * 999, "t" * 999)
    assert (told.count("n"), told.count("t")) == (HEADING_MAX - 1, TEXT_MAX - 1)
    assert len(notification(Terminal("777", "screen"), "\U0001f600" * 999, "\U0001f600" * 999).encode()) < 768


@pytest.mark.parametrize("text", ["", "great", "a line\nand another", "小" * 2000])
def test_what_is_copied_goes_through_screen_in_pieces_that_the_terminal_has_as_one(text: str) -> None:
    told = passed_on(Terminal("9", "screen"), text)
    pieces = [one.removeprefix("\x1bP") for one in told.split(ST)]
    assert told.count("\x1bP") == len(pieces) - 1
    assert max(map(len, pieces)) < 768 - len(ST)
    whole = "".join(pieces)
    assert (whole[:7], whole[-1]) == (f"{IN}52;c;", "\a")
    assert b64decode(whole[7:-1]).decode() == text


def test_what_is_copied_goes_through_tmux_and_is_told_to_a_terminal_as_it_is() -> None:
    assert passed_on(Terminal("9", "tmux"), "great") == f"\x1bPtmux;\x1b{IN}52;c;Z3JlYXQ=\x1b{ST}{ST}"
    assert not passed_on(Terminal("9"), "great")


def line(text: str, room: str = "python", nick: str = "bob", re: int = 0, whom: str = "") -> Said:
    return Said(room, 1, NOON, nick, text, re=re, whom=whom)


@pytest.mark.parametrize(
    ("what", "rules", "chosen", "how"),
    [
        (line("ann: look"), NotifyTable(), NOTHING_CHOSEN, True),
        (line("ann: look"), NotifyTable(mentions="bell"), NOTHING_CHOSEN, "bell"),
        (line("ann: look"), NotifyTable(mentions=False), NOTHING_CHOSEN, False),
        (line("ann: look"), NotifyTable(mentions=False), Chosen(notify="mentions"), True),
        (line("yes", re=7, whom="ann"), NotifyTable(mentions="desktop"), NOTHING_CHOSEN, "desktop"),
        (line("yes", re=7, whom="eve"), NotifyTable(), NOTHING_CHOSEN, False),
        (line("psst", "@bob"), NotifyTable(direct="desktop"), NOTHING_CHOSEN, "desktop"),
        (line("psst", "@bob"), NotifyTable(direct=False), NOTHING_CHOSEN, False),
        (line("ann, psst", "@bob"), NotifyTable(direct="desktop", mentions="bell"), NOTHING_CHOSEN, True),
        (line("time to deploy"), NotifyTable(words=["deploy"], words_by="bell"), NOTHING_CHOSEN, "bell"),
        (line("time to deploy"), NotifyTable(words=["deploy"], words_by=False), NOTHING_CHOSEN, False),
        (line("hello"), NotifyTable(rooms=["Python"], rooms_by="desktop"), NOTHING_CHOSEN, "desktop"),
        (line("hello"), NotifyTable(rooms_by="desktop"), Chosen(notify="all"), "desktop"),
        (line("hello"), NotifyTable(rooms_by=False), Chosen(notify="all"), True),
        (line("ann"), NotifyTable(), Chosen(notify="nothing"), False),
        (line("ann"), NotifyTable(muted=["python"]), NOTHING_CHOSEN, False),
        (line("ann", nick="ann"), NotifyTable(), Chosen(notify="all"), False),
    ],
)
def test_each_kind_of_line_has_its_rule_and_the_rooms_own_goes_first(
    what: Said, rules: NotifyTable, chosen: Chosen, how: How
) -> None:
    assert how_told(what, "ann", rules, chosen) == how


class Desk:
    """A terminal, and whoever sits before it, or not."""

    def __init__(self, rules: NotifyTable | None = None) -> None:
        self.has_focus, self.knows_focus = True, False
        self.now = NOON
        self.written: list[str] = []
        environment = {"TERM": "xterm-256color"}
        self.attention = Attention(rules or NotifyTable(), lambda: self.now, self, self.written.append, environment)

    def call(self, how: How = True) -> str:
        """What is written when somebody calls."""
        self.written.clear()
        self.attention.call(how, "bob in python", "hello")
        return "".join(self.written)


def test_it_rings_once_in_five_seconds() -> None:
    desk = Desk()
    assert desk.call() == "\a" + OSC_9
    desk.now += GAP - 0.1
    assert desk.call() == ""
    desk.now += 0.1
    assert desk.call("bell") == "\a"
    desk.now += GAP
    assert desk.call("desktop") == OSC_9


def test_it_does_not_ring_while_the_terminal_says_that_it_has_the_focus_unless_that_is_wanted() -> None:
    desk, wanting = Desk(), Desk(NotifyTable(focused=True))
    for one in (desk, wanting):
        one.knows_focus = True
    assert desk.call() == ""
    assert wanting.call()
    desk.has_focus = False
    assert desk.call()


def test_a_rule_that_neither_rings_nor_notifies_takes_no_others_turn() -> None:
    desk = Desk(NotifyTable(desktop=False))
    assert desk.call("desktop") == ""
    assert desk.call("bell") == "\a"


def test_quiet_hours_are_those_of_the_clock_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    desk = Desk(NotifyTable(quiet="11:00-13:00"))
    assert desk.call() == ""
    desk.now += 3600
    assert desk.call()


@pytest.mark.parametrize(
    ("clock", "hours", "is_quiet"),
    [
        ("23:30", "22:00-07:00", True),
        ("06:59", "22:00-07:00", True),
        ("07:00", "22:00-07:00", False),
        ("12:00", "12:00-13:00", True),
        ("13:00", "12:00-13:00", False),
        ("04:00", "08:00-08:00", True),
        ("04:00", "", False),
    ],
)
def test_hours_may_go_over_midnight(clock: str, hours: str, is_quiet: bool) -> None:
    assert is_within(clock, hours) is is_quiet


def test_what_a_rule_cannot_be_is_refused_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    for text, why in (
        ('quiet = "at night"', "notify.quiet: expected hours such as 22:00-07:00"),
        ('quiet = "22:00-25:00"', "notify.quiet: expected hours"),
        ('mentions = "loud"', "notify.mentions: expected true or false or bell or desktop, got 'loud'"),
        ('terminal = "8"', "notify.terminal: "),
    ):
        file.write_text(f"[notify]\n{text}\n", encoding="utf-8")
        with pytest.raises(SettingsError, match=why):
            load(file, must_exist=True)
    file.write_text(
        '[notify]\nmentions = "bell"\ndirect = true\nquiet = "22:00-07:00"\nterminal = "99"\n', encoding="utf-8"
    )
    assert load(file, must_exist=True).notify == NotifyTable(mentions="bell", quiet="22:00-07:00", terminal="99")
