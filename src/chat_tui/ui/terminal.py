"""What chat-tui needs of the terminal and Textual has no public name for. All of it is here; tests/test_terminal.py is its contract.

- Alt with a letter or digit, on terminals without the Kitty protocol: they send ESC and the letter, for which Textual waits 100 ms, takes
  two in that time for text, and digits for symbols. Here they become what a Kitty terminal sends, at once.
- Escape sequences that tell the terminal something: its bell, its title (what notifies a desktop: desktop.py).
- A screen that the terminal is told as plain text; and the mouse, left to the terminal meanwhile.
- Where Textual shows what is told for some seconds.
- A part of the screen drawn by no more than what is seen there; whether a key has done all that it does.
- Giving the terminal back as it was, however the program ends; and a bug's traceback without secrets.
"""

import asyncio
import os
import re
import select
import signal
import sys
import termios
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from textual._compositor import CompositorUpdate
from textual.app import App
from textual.events import Event
from textual.geometry import Region
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.strip import Strip

from chat_server.protocol.late_pattern import LatePattern
from chat_tui.client.links import is_link
from chat_tui.client.opening import has_desktop
from chat_tui.language import say
from chat_tui.ui.keyboard import Keyboard
from chat_tui.ui.pinned import is_pinned

_SAFE = LatePattern(r"[\x00-\x1f\x7f-\x9f;]")


_PASTE = "\x1b[200~"

_ALT = LatePattern(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|([a-z0-9]))")
"""Another key's sequence, or Alt with a letter or digit."""


def kitty_form(data: str) -> str:
    """What was read, with each Alt and letter in the form of the Kitty protocol.

    Other keys and text may stand beside them: on a slow line one read brings what was typed within a second. A paste is left as it is; and an upper
    case letter may begin another sequence of the terminal, if more follows.
    """
    if re.fullmatch(r"(\x1b[a-zA-Z0-9])+", data):
        return re.sub(r"\x1b(.)", _kitty_alt, data)
    if "\x1b" not in data or _PASTE in data:
        return data
    return _ALT.sub(lambda found: _kitty_alt(found) if found[1] else found[0], data)


def _kitty_alt(found: re.Match[str]) -> str:
    return f"\x1b[{ord(found[1])};3u"


def understand_alt() -> None:
    """Have Textual's parser understand Alt on every terminal. Does nothing with a version of Textual that is not known."""
    if not is_pinned():
        return
    from textual._xterm_parser import XTermParser  # noqa: PLC0415 - the one private thing that is replaced

    feed = XTermParser.feed
    if feed.__name__ == "feed_with_alt":
        return

    def feed_with_alt(self: XTermParser, data: str) -> Iterable[Message]:
        return feed(self, kitty_form(data))

    setattr(XTermParser, "feed", feed_with_alt)  # noqa: B010 - for a type checker a method cannot be replaced


STDIN, STDOUT = 0, 1

END_SECONDS = 5
"""Seconds that an orderly end may take after a signal, to the end of the process: it waits for the thread that reads the keyboard. A terminal that
is gone, or takes nothing, must not hold the program."""

LOOK_SECONDS = 1.0
"""Seconds between two looks whether the terminal is still there."""

_GIVE_BACK = "\x1b[?2004l\x1b[?7h\x1b[?2048l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
"""Everything that Textual switches, switched back: pastes, wrapping, sizes, the mouse, keys, the screen, the cursor, the focus."""


def on_ending_signals(end: Callable[[int], None]) -> None:
    """Have SIGTERM, SIGHUP and SIGINT call a function with the number, in the event loop, instead of ending the program on the spot.

    So does a terminal that is gone without SIGHUP: Textual would read from it for ever, as fast as it can. The function has END_SECONDS; then the
    program ends all the same.
    """

    def begin_to_end(number: int) -> None:
        signal.alarm(END_SECONDS)
        end(number)

    def look() -> None:
        if _has_hung_up():
            begin_to_end(signal.SIGHUP)
        else:
            loop.call_later(LOOK_SECONDS, look)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        loop.add_signal_handler(number, begin_to_end, number)
    if os.isatty(STDIN):
        loop.call_later(LOOK_SECONDS, look)


def _has_hung_up() -> bool:
    """Whether the terminal is gone. The signal that says so goes to the session's first process, which may keep it to itself."""
    poll = select.poll()
    poll.register(STDIN, 0)
    return any(events & select.POLLHUP for _, events in poll.poll(0))


def give_up_keys(app: App[None], chosen: Mapping[str, str]) -> None:
    """Have no key of the app's own do what it did, if the user has given it to something else: those of a screen come after the app's."""
    bindings = app._bindings.key_to_bindings  # noqa: SLF001 - a keymap replaces only keys of the same node
    for name, keys in chosen.items():
        for key in (key.strip() for key in keys.split(",")):
            if all(binding.id != name for binding in bindings.get(key, ())):
                bindings.pop(key, None)


def suspend_in_the_loop(app: App[None], has_forgotten: Callable[[], None]) -> None:
    """Have SIGTSTP and SIGCONT suspend the program and go on in the event loop.

    Textual does it wherever the program happens to be: in the middle of a write it would wait for ever for the lock that the write holds. And it
    goes on whether it was suspended or not, with one more thread that reads the keyboard each time, of which it ends one: the kernel sends
    SIGCONT to programs whose terminal is gone, too.
    """
    driver: Any = app._driver  # noqa: SLF001 - Textual has no public way to it
    if not is_pinned() or app.is_headless or not driver.can_suspend:
        return

    is_suspended = False

    def suspend() -> None:
        nonlocal is_suspended
        is_suspended = True
        driver._sigtstp_application()  # noqa: SLF001 - what Textual itself does at SIGTSTP

    def go_on() -> None:
        nonlocal is_suspended
        if is_suspended:
            is_suspended = False
            driver._sigcont_application()  # noqa: SLF001 - and at SIGCONT
        has_forgotten()
        app.refresh(layout=True)  # the terminal has nothing of it; else only what changes next may be drawn

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTSTP, suspend)
    loop.add_signal_handler(signal.SIGCONT, go_on)


def hide_locals(app: App[None]) -> None:
    """Have a bug's traceback shown without what the functions had in hand: that may be what somebody has typed unseen."""
    if not is_pinned():
        return

    def fatal_error() -> None:
        from rich.segment import Segments  # noqa: PLC0415 - as Textual does: most programs end well
        from rich.traceback import Traceback  # noqa: PLC0415 - the same

        app.bell()
        shown = app.console.render(Traceback(show_locals=False, width=None), app.console.options)
        app._exit_renderables.append(Segments(shown))  # noqa: SLF001 - Textual has no public way to it
        app._close_messages_no_wait()  # noqa: SLF001 - the same

    setattr(app, "_fatal_error", fatal_error)  # noqa: B010 - for a type checker a method cannot be replaced


def take_over(app: App[None], keyboard: Keyboard) -> None:
    """Have the program read first what was typed before it could, and give the terminal back as it was before that."""
    if not is_pinned():
        return
    from textual._xterm_parser import XTermParser  # noqa: PLC0415 - as in understand_alt()
    from textual.drivers import linux_driver  # noqa: PLC0415 - on the screen only: tests have another one
    from textual.drivers.linux_driver import LinuxDriver  # noqa: PLC0415 - the same

    # Textual's own ends the program at a byte that is no UTF-8, as terminals of other charsets and a character that was cut send them.
    setattr(linux_driver, "getincrementaldecoder", lambda _: lambda: keyboard.decoder)  # noqa: B010 - for a type checker it is not there

    class EarlyDriver(LinuxDriver):
        def start_application_mode(self) -> None:
            super().start_application_mode()  # type: ignore[no-untyped-call] # Textual's
            if keyboard.attributes is not None:
                self.attrs_before = keyboard.attributes

        def run_input_thread(self) -> None:
            if typed := keyboard.take():  # to the parser, nothing is the end
                for event in XTermParser().feed(typed):
                    self.process_message(event)
            super().run_input_thread()

    app.driver_class = EarlyDriver


@contextmanager
def given_back(app: App[None]) -> Iterator[None]:
    """Whatever happens within, the terminal is afterwards as it was before: Textual sees to that unless it fails itself."""
    before = None
    with suppress(termios.error, ValueError, OSError):
        before = termios.tcgetattr(STDIN)
    try:
        yield
    except BaseException:
        _give_back(app, before)
        raise


def _give_back(app: App[None], attributes: Any) -> None:
    with suppress(Exception):  # nothing here may hide why the program ends
        driver = app._driver  # noqa: SLF001 - Textual has no public way to it
        if driver is not None:
            driver.close()  # what it has still to write comes first
    with suppress(OSError, ValueError, termios.error):
        os.write(STDOUT, _GIVE_BACK.encode())
        if attributes is not None:
            termios.tcsetattr(STDIN, termios.TCSANOW, attributes)


def tell_terminal(app: App[None], data: str) -> None:
    """Write to the terminal beside what is on the screen."""
    driver = app._driver  # noqa: SLF001 - Textual has no public way to it
    if driver is not None and not app.is_headless:
        driver.write(data)
        driver.flush()


def mouse_reports(app: App[None], *, is_on: bool) -> str:
    """Have the terminal report the mouse, as Textual does, or keep it for its own selection."""
    if not is_on or not can_report_mouse():
        return MOUSE_OFF
    in_pixels = getattr(app._driver, "_mouse_pixels", False)  # noqa: SLF001 - Textual has no public way to it
    return MOUSE_ON + ("\x1b[?1016h" if in_pixels else "")


def can_report_mouse() -> bool:
    """Whether the terminal reports the mouse and keys alike: GNU screen that reports the mouse keeps Esc back until the next key."""
    return not os.environ.get("STY")


MOUSE_ON = "\x1b[?1000h\x1b[?1003h\x1b[?1015h\x1b[?1006h"
MOUSE_OFF = "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l"


def plain_page(rows: Sequence[tuple[str, bool]], height: int) -> str:
    """A whole screen of plain text. Of each row: its text, and whether it goes on with the row before.

    The terminal wraps what goes on by itself: so it knows that these rows are one line, and copies them as one. No style, no mouse. Each line is
    put in its place: a terminal that has other widths for some characters does not move the others, nor scroll.
    """
    written = [MOUSE_OFF, "\x1b[0m\x1b[2J\x1b[?7h"]
    for number, (text, goes_on) in enumerate(rows, 1):
        may_scroll = number == height and not text.isascii()
        if may_scroll:
            written.append("\x1b[?7l")
        if number == 1 or not goes_on or may_scroll:
            written.append(f"\x1b[{number};1H\x1b[K")
        written.append(text)
    return "".join([*written, "\x1b[?7l"])


class _Written(CompositorUpdate):
    def __init__(self, data: str) -> None:
        self._data = data

    def render_segments(self, console: object) -> str:
        del console
        return self._data


def written_as(screen: Screen[None], page: Callable[[], str]) -> Callable[[], None]:
    """Have the terminal told what `page` gives instead of how the screen is drawn, and only when that is something else than before.

    Returns what forgets the last, for the terminal may have. With a version of Textual that is not known the screen is drawn as any other.
    """
    compositor = screen._compositor  # noqa: SLF001 - Textual has no public way to it
    draw, last = compositor.render_update, ""

    def forget() -> None:
        nonlocal last
        last = ""

    def render_update(*, full: bool = False, screen_stack: Any = None, simplify: bool = False) -> Any:
        nonlocal last
        drawn = draw(full=full, screen_stack=screen_stack, simplify=simplify)  # it notes that nothing is left to draw
        if full:  # for a picture
            return drawn
        before, last = last, page()
        return _Written(last) if last != before else None

    if is_pinned():
        setattr(compositor, "render_update", render_update)  # noqa: B010 - for a type checker a method cannot be replaced
    return forget


def ends_at(event: Event, node: MessagePump) -> bool:
    """Whether an event that has been handled goes no further than this, and nothing waits there that it may have made."""
    return is_pinned() and event._stop_propagation and node._message_queue.empty()  # noqa: SLF001 - Textual has no public way to it


def draw_what_is_seen(screen: Screen[Any]) -> None:
    """Have a part of the screen drawn by the widgets that are seen there, and of these only the rows that are.

    Textual has everything drawn that stands anywhere in a pane around that part, all rows of it, behind other widgets too: for a letter in the
    prompt eleven widgets and 240 rows. Does nothing with a version of Textual that is not known.
    """
    compositor = screen._compositor  # noqa: SLF001 - Textual has no public way to it

    def renders(crop: Region | None = None) -> Iterator[tuple[Region, Region, list[Strip]]]:
        part = compositor.size.region if crop is None else crop
        for widget, (region, clip) in compositor.visible_widgets.items():  # those before others come first
            seen = region.intersection(clip)
            rows = seen.intersection(Region(seen.x, part.y, seen.width, part.height))
            if part.overlaps(rows):
                yield rows, rows, widget.render_lines(rows.translate(-region.offset))
                if rows.contains_region(part):
                    return

    if is_pinned():
        setattr(compositor, "_get_renders", renders)  # noqa: B010 - for a type checker a method cannot be replaced


TOASTS, TOAST_PLACE = "ToastRack", "ToastHolder"
"""Textual's names of what shows all that is told for some seconds (chat.tcss has the first, too), and of the place that is kept there for each."""


def forget_toasts(app: App[Any]) -> None:
    """Have nothing left of what was told for some seconds, nor a place kept for it: what comes next would stand a row further down."""
    for screen in app.screen_stack:
        screen.query(TOAST_PLACE).remove()


def mark_toasts(screen: Screen[Any], name: str, *, is_on: bool) -> None:
    """Have a class of styles hold for what is told for some seconds, in one screen, or no longer."""
    screen.query(TOASTS).set_class(is_on, name)


def draw_nothing_in_vain(screen: Screen[Any], on_drawn: Callable[[], None]) -> None:
    """Have the screen drawn only when that is written: while a program starts, Textual draws all of it once for nothing.

    What is to be drawn stays noted until it is. Calls `on_drawn` each time. Does nothing with a version of Textual that is not known.
    """
    refresh = screen._compositor_refresh  # noqa: SLF001 - Textual has no public way to it

    def refresh_what_is_written() -> None:
        if not screen.app._batch_count:  # noqa: SLF001 - the same
            refresh()
            on_drawn()

    if is_pinned():
        setattr(screen, "_compositor_refresh", refresh_what_is_written)  # noqa: B010 - for a type checker a method cannot be replaced


def has_emoji() -> bool:
    """Whether the terminal may show emoji: not the console of Linux, nor where the locale is not UTF-8."""
    return os.environ.get("TERM") != "linux" and has_unicode()


def has_unicode() -> bool:
    """Whether the locale is UTF-8."""
    return encoding().lower().replace("-", "") == "utf8"


def encoding() -> str:
    """What the terminal reads, as the locale says."""
    return sys.__stdout__.encoding if sys.__stdout__ is not None else "utf-8"  # Textual has another one in its place


def open_link(app: App[None], url: str) -> None:
    """Open a link in the desktop's browser; where there is no desktop, a browser would take the terminal: copy it."""
    if not is_link(url):
        return
    if has_desktop():
        app.open_url(url)
    else:
        app.copy_to_clipboard(url)
        app.notify(say("Copied {url}", url=url), timeout=3, markup=False)


def title(text: str) -> str:
    """Set the window's title (OSC 0)."""
    return f"\x1b]0;{_SAFE.sub(' ', text)}\x1b\\"
