"""The real chat-tui on a real terminal: what is written there and read from it, what is as it was afterwards, and what Textual does not promise."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import textual
from textual.widgets import _toast

import forks
from chat_tui.starting import _sixteen_colours
from chat_tui.ui import background, pinned
from chat_tui.ui.keyboard import Keyboard
from chat_tui.ui.terminal import TOAST_PLACE, TOASTS, kitty_form, title
from processes import TIMEOUT, Screen, ServerProcess, running_server, terminal
from tmux_windows import PROGRAM


class RawTerminal:
    """chat-tui on a pseudo-terminal whose every byte is kept."""

    def __init__(self, *flags: str, **environment: str) -> None:
        self._fd, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self._process: subprocess.Popen[bytes] = forks.Popen(
            [*PROGRAM, *flags],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=os.environ | {"TERM": "xterm-256color"} | environment,
            start_new_session=True,
        )
        os.close(theirs)
        self.written = b""

    def read_until(self, wanted: bytes) -> None:
        deadline = time.monotonic() + TIMEOUT
        while wanted not in self.written:
            assert time.monotonic() < deadline, f"{wanted!r} did not come: {self.written[-2000:]!r}"
            ready, _, _ = select.select([self._fd], [], [], 0.2)
            if ready:
                self.written += os.read(self._fd, 65536)

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._fd)


def ann_on_a_terminal(server: ServerProcess, state: Path, **environment: str) -> RawTerminal:
    """Ann in a room of this server."""
    flags = ["--nick", "ann", "--room", "python", "--state", str(state), "--config", os.devnull]
    return RawTerminal(f"127.0.0.1:{server.port}", *flags, **environment)


HOSTILE = "\x1b]52;c;ZXZpbA==\x07\x1b]0;owned\x07\x9b2Jend-of-it\u202e\u2028\x1b[31m"


@pytest.mark.slow
def test_nothing_that_others_send_reaches_the_terminal_as_an_escape(tmp_path: Path) -> None:
    with running_server() as server, terminal("nc", "127.0.0.1", str(server.port)) as evil:
        evil.type("/login evil\n/python\n")
        evil.wait_for("You are in python")
        client = ann_on_a_terminal(server, tmp_path)
        try:
            client.read_until(b"2 people")
            mark = len(client.written)
            evil.type(HOSTILE.replace("\x07", "\\a") + "\n")
            evil.type(f"/topic {HOSTILE}\n".replace("\x07", ""))
            client.read_until(b"end-of-it")
            evil.type("done\n")
            client.read_until(b"done")
            shown = client.written[mark:].decode(errors="replace")
            for harm in ("\x1b]52", "\x1b]0;owned", "\x9b", "\u202e", "\u2028"):
                assert harm not in shown
        finally:
            client.close()


def test_no_color_means_no_colour(tmp_path: Path) -> None:
    with running_server() as server:
        client = ann_on_a_terminal(server, tmp_path, NO_COLOR="1", COLORTERM="truecolor")
        try:
            client.read_until(b"Rooms")
            client.read_until(b"ann")
            styles = {style for found in re.findall(rb"\x1b\[([\d;]*)m", client.written) for style in found.split(b";")}
            assert not styles & {b"38", b"48", *(str(colour).encode() for colour in (*range(30, 38), *range(90, 98)))}
            assert b"7" in styles, "but what is reversed is"
        finally:
            client.close()


@pytest.mark.parametrize("term", ["vt100", "linux", "xterm"])
def test_terminals_of_few_colours_get_their_own(term: str, tmp_path: Path) -> None:
    with running_server() as server:
        client = ann_on_a_terminal(server, tmp_path, TERM=term, COLORTERM="")
        try:
            client.read_until(b"Rooms")
            assert not re.search(rb"[34]8;[25];", client.written)
        finally:
            client.close()


def test_the_plain_mode_is_a_conversation_line_by_line(tmp_path: Path) -> None:
    with running_server() as server, terminal("nc", "127.0.0.1", str(server.port)) as bob:
        bob.type("/login bob\n/python\n")
        bob.wait_for("You are in python")
        process = forks.Popen[str](
            [
                *PROGRAM,
                f"127.0.0.1:{server.port}",
                "--nick",
                "ann",
                "--room",
                "python",
                "--plain",
                "--state",
                str(tmp_path),
                "--config",
                os.devnull,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        seen: list[str] = []

        def wait_for(text: str) -> None:
            while not any(text in line for line in seen):
                line = process.stdout.readline() if process.stdout else ""
                assert line, seen
                seen.append(line)

        wait_for("You are in python. Also here: bob.")
        bob.type("hi ann\n")
        wait_for("[python] 1 bob: hi ann")
        process.stdin.write("hello bob :wave:\n")
        process.stdin.flush()
        bob.wait_for("ann: hello bob 👋")
        wait_for("[python] stored as 2")
        process.stdin.write("/dance with me\n/online\n")  # a word alone could be a room's name, mistyped
        process.stdin.flush()
        wait_for("There is no command /dance")
        wait_for("1 other in python: bob")
        process.stdin.write("last words\n")
        process.stdin.close()
        bob.wait_for("ann: last words")
        rest = process.stdout.read()
        assert process.wait(TIMEOUT) == 0
        assert "\x1b" not in "".join(seen) + rest
        process.stdout.close()


SWITCHED = {
    "1049": False,
    "25": True,
    "2004": False,
    "1000": False,
    "1003": False,
    "1006": False,
    "1004": False,
    "7": True,
}
"""What the program switches on the terminal, and how it was before: the alternate screen, the cursor, pastes, the mouse, the focus, wrapping."""


def switches(raw: bytes) -> dict[str, bool]:
    """How a terminal stands after these bytes."""
    state = dict(SWITCHED)
    for number, way in re.findall(rb"\x1b\[\?(\d+)([hl])", raw):
        if number.decode() in state:
            state[number.decode()] = way == b"h"
    return state


def ended(opened: Screen) -> int:
    """Wait until the program has ended; return its exit code, with everything read that it has still written."""
    deadline = time.monotonic() + TIMEOUT
    while (code := opened.exit_code()) is None:
        assert time.monotonic() < deadline, "it does not end"
        opened.read(0.05)
    while opened.read(0):  # all that it has written is there
        pass
    return code


STARTED: list[Screen] = []


@pytest.fixture(autouse=True)
def nothing_is_left_running() -> Iterator[None]:
    """A test that fails leaves no program behind."""
    yield
    while STARTED:
        left = STARTED.pop()
        if left.exit_code() is None:
            os.kill(left.pid, signal.SIGKILL)
            while left.exit_code() is None:
                time.sleep(0.01)


def started(port: int, folder: Path, code: str = "") -> Screen:
    """The program in python, with a draft; `code` goes before it."""
    main = f"{code}\nfrom chat_tui.cli import main; raise SystemExit(main())"
    flags = ["--nick", "ann", "--room", "python", "--state", str(folder), "--config", os.devnull]
    STARTED.append(Screen(sys.executable, "-c", main, f"127.0.0.1:{port}", *flags, is_fork=True))
    return STARTED[-1]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_it_with_the_terminal_as_it_was_and_the_draft_on_the_disk(tmp_path: Path, number: int) -> None:
    with running_server() as server:
        opened = started(server.port, tmp_path)
        opened.wait_until("Write to python")  # one is let in: what is typed before may be a password
        before = termios.tcgetattr(opened.fd)
        opened.type("half a sentence")
        opened.wait_until("half a sentence")
        assert switches(opened.raw) != SWITCHED
        os.kill(opened.pid, number)
        assert ended(opened) == 128 + number
        assert switches(opened.raw) == SWITCHED
        assert termios.tcgetattr(opened.fd)[3] & termios.ECHO
        assert not before[3] & termios.ECHO
        opened.close()
        again = started(server.port, tmp_path)
        again.wait_until("half a sentence")
        again.kill()


@pytest.mark.slow
def test_no_death_takes_a_draft_of_some_seconds(tmp_path: Path) -> None:
    with running_server() as server:
        opened = started(server.port, tmp_path)
        opened.wait_until("Write to python")
        opened.type("half a sentence")
        opened.wait_until("half a sentence")
        deadline = time.monotonic() + TIMEOUT
        while not any("half a sentence" in file.read_text() for file in tmp_path.rglob("memory.json")):
            assert time.monotonic() < deadline, "it is not written down while one writes"
            opened.read(0.05)
        opened.kill()
        again = started(server.port, tmp_path)
        again.wait_until("half a sentence")
        again.kill()


@pytest.mark.slow
@pytest.mark.parametrize(
    "where",
    [
        "app.ChatApp.on_mount",
        "app.ChatApp.on_unmount",
        "main_screen.MainScreen.on_mount",
        "main_screen.MainScreen.tick",
        "main_screen.MainScreen.keep_draft",
    ],
)
def test_an_exception_leaves_the_terminal_as_it_was(tmp_path: Path, where: str) -> None:
    code = f"import chat_tui.ui.app\ndef fail(self, *_): raise RuntimeError('broken')\nchat_tui.ui.{where} = fail"
    with running_server() as server:
        opened = started(server.port, tmp_path, code)
        if where.endswith("on_unmount"):
            opened.wait_until("1 python")
            os.kill(opened.pid, signal.SIGTERM)
        ended(opened)
        assert switches(opened.raw) == SWITCHED
        assert termios.tcgetattr(opened.fd)[3] & termios.ECHO
        opened.close()


ENDS_WHERE = """
import os, time, {module}
do = {module}.{name}
def end(*arguments):
    os.kill(os.getpid(), {number})
    time.sleep(0.01)
    return do(*arguments)
{module}.{name} = end
"""


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("chat_tui.ui.theme_files", "read_themes"),
        ("chat_tui.ui.terminal", "on_ending_signals"),
        ("chat_tui.ui.main_screen", "MainScreen.compose"),
    ],
)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_a_start_without_a_word_and_with_the_terminal_as_it_was(
    tmp_path: Path, number: int, module: str, name: str
) -> None:
    opened = started(1, tmp_path, ENDS_WHERE.format(module=module, name=name, number=int(number)))
    code = ended(opened)
    assert b"Traceback" not in opened.raw, opened.rows
    assert code == 128 + number
    assert switches(opened.raw) == SWITCHED
    assert termios.tcgetattr(opened.fd)[3] & termios.ECHO
    opened.close()


def test_bytes_that_are_no_text_end_nothing_and_a_character_may_come_in_two_parts(tmp_path: Path) -> None:
    with running_server() as server:
        opened = started(server.port, tmp_path, "import time; time.sleep(0.5)")
        opened.type("early 你".encode()[:-1])
        deadline = time.monotonic() + TIMEOUT
        while termios.tcgetattr(opened.fd)[3] & termios.ECHO:
            assert time.monotonic() < deadline, "the keyboard is not taken"
            time.sleep(0.001)
        time.sleep(0.02)
        opened.type("你".encode()[-1:])
        opened.wait_until("early 你")
        opened.wait_until("1 python")
        opened.type(b" caf\xe9 \xff!")
        opened.wait_until("early 你 caf\ufffd \ufffd!")
        opened.kill()


def test_what_is_typed_while_it_starts_is_in_the_prompt(tmp_path: Path) -> None:
    with running_server() as server:
        opened = started(server.port, tmp_path)
        opened.type("typed early")
        opened.wait_until("1 python")
        opened.wait_until("typed early")


def test_enter_is_enter_before_there_is_a_screen(tmp_path: Path) -> None:
    with running_server() as server:
        before = started(server.port, tmp_path)
        before.wait_until("Write to python")
        before.type("\x11")
        assert ended(before) == 0
        opened = started(server.port, tmp_path, "import time; time.sleep(0.5)")
        opened.type("one\rtwo\rthr")
        opened.wait_until("ann  one")
        opened.wait_until("two")
        opened.wait_until("❯ thr")
        attributes = termios.tcgetattr(opened.fd)
        opened.type("\x15\x11")
        assert ended(opened) == 0
        assert not attributes[3] & termios.ECHO
        assert termios.tcgetattr(opened.fd)[3] & termios.ECHO
        assert termios.tcgetattr(opened.fd)[0] & termios.ICRNL


@pytest.mark.parametrize("code", ["", "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])"])
def test_a_terminal_that_is_gone_does_not_hold_the_program(tmp_path: Path, code: str) -> None:
    """The kernel sends SIGHUP, to whoever began the session: to the program, or to one that started it and does not end."""
    with running_server() as server:
        opened = started(server.port, tmp_path, code)
        opened.wait_until("1 python")
        os.close(opened.fd)
        deadline = time.monotonic() + TIMEOUT
        while opened.exit_code() is None:
            assert time.monotonic() < deadline, "it does not end"
            time.sleep(0.02)


def test_whoever_is_told_to_go_on_and_was_not_suspended_reads_the_keyboard_once(tmp_path: Path) -> None:
    def threads() -> int:
        return len(list(Path(f"/proc/{opened.pid}/task").iterdir()))

    with running_server() as server:
        opened = started(server.port, tmp_path)
        opened.wait_until("1 python")
        before = threads()
        for number in range(1, 6):
            os.kill(opened.pid, signal.SIGCONT)
            opened.type("a")
            opened.wait_until("a" * number)
        assert threads() < before + 5
        os.kill(opened.pid, signal.SIGTERM)
        assert ended(opened) == 128 + signal.SIGTERM


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


SUSPENDED_IN_A_WRITE = """
import os, signal
from textual.drivers._writer_thread import WriterThread
write = WriterThread.write
def suspend(self, text):
    if "\N{SNOWMAN}" in text:
        WriterThread.write = write
        with self._queue.mutex:  # as in the middle of a write
            os.kill(os.getpid(), signal.SIGTSTP)
    write(self, text)
WriterThread.write = suspend
"""


@pytest.mark.parametrize("code", ["", SUSPENDED_IN_A_WRITE], ids=["at any time", "in a write"])
def test_suspending_gives_the_terminal_back_and_going_on_takes_it_again(tmp_path: Path, code: str) -> None:
    with running_server() as server:
        opened = started(server.port, tmp_path, code)
        opened.wait_until("1 python")
        if not code:
            os.kill(opened.pid, signal.SIGTSTP)
        deadline = time.monotonic() + TIMEOUT
        while not is_stopped(opened.pid):
            assert time.monotonic() < deadline, "it does not stop"
            if code:
                opened.type("\N{SNOWMAN}")  # the first may come before there is a prompt
            opened.read(0.2)
        opened.settle()
        assert switches(opened.raw) == SWITCHED
        at = len(opened.raw)
        os.kill(opened.pid, signal.SIGCONT)
        opened.wait_until("1 python")
        while b"python" not in opened.raw[at:]:
            assert time.monotonic() < deadline, "nothing is drawn anew"
            opened.read(0.05)
        assert switches(opened.raw)["1049"]
        opened.kill()


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_can_draw_nothing_gets_lines_and_a_word_about_it(tmp_path: Path, term: str) -> None:
    with running_server() as server:
        opened = started(server.port, tmp_path, f"import os; os.environ['TERM'] = {term!r}")
        opened.wait_until("cannot show the panes")
        opened.wait_until("You are in python")
        assert b"\x1b[?1049h" not in opened.raw
        opened.kill()


def test_what_goes_into_a_pipe_or_comes_from_one_is_lines_without_a_word_about_it(tmp_path: Path) -> None:
    with running_server() as server:
        state = ["--nick", "ann", "--state", str(tmp_path), "--config", os.devnull]
        done = forks.run(
            [*PROGRAM, f"127.0.0.1:{server.port}", "--room", "python", *state],
            input="/logout\n",
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            env={**os.environ, "TERM": "dumb"},
        )
        assert "line by line" not in done.stdout + done.stderr
        assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("colorfgbg", "light"),
    [("0;15", True), ("15;0", False), ("0;default;7", True), ("7;8", False), ("", None), ("x", None)],
)
def test_the_environment_says_whether_the_terminal_is_light(colorfgbg: str, light: bool | None) -> None:
    assert background.from_environment(colorfgbg) is light


@pytest.mark.parametrize(
    ("answer", "light"),
    [
        (b"\x1b]11;rgb:fafa/fbfb/fcfc\x1b\\\x1b[?62;c", True),
        (b"\x1b]11;rgb:00/2b/36\x07\x1b[?1;2c", False),
        (b"\x1b[?1;2c", None),
        (b"", None),
    ],
)
def test_the_terminal_says_whether_it_is_light(answer: bytes, light: bool | None) -> None:
    assert background.from_answer(answer) is light


@pytest.mark.parametrize(
    ("background_colour", "theme"), [("ffff/ffff/ffff", "ansi-light"), ("0000/0000/0000", "ansi-dark")]
)
def test_a_slow_link_asks_a_terminal_whether_it_is_light(background_colour: str, theme: str) -> None:
    code = (
        "from chat_tui.starting import _sixteen_colours; from chat_tui.ui.keyboard import Keyboard; keyboard = Keyboard(); "
        "print('theme:', _sixteen_colours('chat-dark', keyboard), '.', repr(keyboard.take()))"
    )
    opened = Screen(sys.executable, "-c", f"import os; os.environ.pop('COLORFGBG', None); {code}", is_fork=True)
    while b"\x1b[c" not in opened.raw:
        assert opened.read(TIMEOUT)
    opened.type(f"o\x1b]11;rgb:{background_colour}\x1b\\n\x1b[?62;22c")
    opened.wait_until(f"theme: {theme} . 'on'")
    assert "rgb:" not in "".join(opened.rows), "the answer is not shown"
    opened.kill()


@pytest.mark.parametrize(
    ("theme", "chosen"), [("chat-light", "ansi-light"), ("nord", "nord"), ("ansi-light", "ansi-light")]
)
def test_a_theme_that_was_chosen_stays_as_light_as_it_is_on_a_slow_link(theme: str, chosen: str) -> None:
    assert _sixteen_colours(theme, Keyboard()) == chosen


def test_textual_is_the_version_of_which_the_private_things_are_known() -> None:
    assert textual.__version__ == pinned.PINNED


@pytest.mark.parametrize("name", [TOASTS, TOAST_PLACE])
def test_textual_calls_so_what_shows_what_is_told_for_some_seconds(name: str) -> None:
    assert hasattr(_toast, name)


def test_which_version_of_textual_it_is_is_known_without_what_takes_long_to_import() -> None:
    check = (
        "import sys; from chat_tui.ui import pinned; known = pinned.is_pinned();"
        " sys.exit(not known or 'importlib.metadata' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_another_version_of_textual_is_not_taken_for_the_one_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinned, "PINNED", "0.0.1")
    assert not pinned.is_pinned.__wrapped__()


@pytest.mark.parametrize(
    ("read", "understood"),
    [
        ("\x1ba", "\x1b[97;3u"),
        ("\x1b1\x1b2", "\x1b[49;3u\x1b[50;3u"),
        ("\x1b2hello\r", "\x1b[50;3uhello\r"),
        ("a\x1b[15~\x1b1\x1bOPb", "a\x1b[15~\x1b[49;3u\x1bOPb"),
        ("\x1b", "\x1b"),
        ("\x1b[A", "\x1b[A"),
        ("\x1bOP", "\x1bOP"),
        ("hello", "hello"),
        ("\x1b[200~\x1ba\x1b[201~", "\x1b[200~\x1ba\x1b[201~"),
    ],
)
def test_alt_is_put_in_the_kitty_form_and_nothing_else_is(read: str, understood: str) -> None:
    assert kitty_form(read) == understood


def test_textuals_parser_understands_alt_on_every_terminal() -> None:
    check = """
import sys
from chat_tui.settings import Settings, load
from chat_tui.ui.terminal import understand_alt
understand_alt()
from textual._xterm_parser import XTermParser
keys = [event.key for event in XTermParser().feed("\\x1ba\\x1b5")]
sys.exit(keys != ["alt+a", "alt+5"])
"""
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_what_is_written_to_the_terminal_holds_nothing_of_others_that_acts() -> None:
    assert title("a\x1b\\b") == "\x1b]0;a \\b\x1b\\"


@pytest.mark.parametrize("module", ["chat_tui.ui.app", "chat_tui.client.plain", "chat_tui.starting"])
def test_the_client_never_imports_trio_nor_the_server(module: str) -> None:
    check = (
        f"import sys, {module}; ours = {{'chat_server.' + name for name in ('server', 'room', 'journal', 'session')}};"
        " sys.exit(bool((ours | {'trio', 'sqlite3'}) & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


NOT_BEFORE_THE_PANES = {
    *("encodings.idna", "textual.types"),
    *(f"textual.widgets._{name}" for name in ("button", "directory_tree", "option_list", "select", "tree")),
    *("json", "sqlite3", "tomllib", "rich.markdown", "keyring"),
    *(
        f"chat_tui.client.{name}"
        for name in ("account_words", "keyring_process", "line_words", "plain", "system_keyring")
    ),
    *("chat_tui.client.trust_words", "chat_tui.trust_cli", "chat_tui.ui.account_dialog", "chat_tui.ui.account_forms"),
    *(f"chat_tui.ui.{name}" for name in ("background", "login_dialog")),
    *(f"chat_tui.ui.screens.{name}" for name in ("account", "codes", "devices", "form", "help", "line", "trusting")),
}
"""What only some servers, keys or commands need, if any."""


STOPS_WHEN_THE_PANES_ARE_THERE = """
import contextlib, sys
from chat_tui import cli, starting
from chat_tui.ui import pinned
found = ["the panes"]
leave_out_palette = pinned.leave_out_palette
def leave_out_palette_and_stop_early():
    leave_out_palette()
    from chat_tui.ui import app, terminal
    terminal.given_back = contextlib.nullcontext
    draw, run = terminal.draw_nothing_in_vain, app.ChatApp.run
    terminal.draw_nothing_in_vain = lambda screen, _: draw(screen, lambda: look(screen.app))
    app.ChatApp.run = lambda self, mouse: run(self, headless=True)
def look(app):
    if found == ["the panes"]:
        found[:] = {modules} & sys.modules.keys()
        app.exit()
pinned.leave_out_palette = leave_out_palette_and_stop_early
starting._is_on_terminal, starting.find_spec = lambda: True, lambda name: None if name == "keyring" else name
cli.main({arguments})
sys.exit(str(found) if found else 0)
"""


def test_a_start_imports_nothing_that_can_wait_for_the_panes(tmp_path: Path) -> None:
    arguments = ["127.0.0.1:9", "--state", str(tmp_path), "--room", "python"]
    check = STOPS_WHEN_THE_PANES_ARE_THERE.format(modules=NOT_BEFORE_THE_PANES, arguments=arguments)
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=False, env=environment, timeout=TIMEOUT
    )
    assert done.returncode == 0, done.stderr


def test_help_does_not_wait_for_textual() -> None:
    check = "import sys, chat_tui.starting; sys.exit('textual' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
