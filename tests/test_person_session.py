"""People on telnet, with the whole server on virtual time: what is learnt of their terminals, chosen, and shown."""

import re
from contextlib import suppress
from typing import Any

import pyte
import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from captured_logs import capture_logs
from chat_server.commands.handler import Command
from chat_server.commands.table import COMMANDS
from chat_server.protocol.events import TopicShown
from chat_server.protocol.requests import Say
from chat_server.rooms.person import MEMBER
from chat_server.rooms.room import HALL, MaybeAwaitable, Occupant, Room
from chat_server.sessions.keep_alive import NOP
from chat_server.sessions.text_session import TextSession
from chat_server.wire.telnet.options import Code, Option
from streams import Caller, House, open_house

IAC, SB, SE, WILL, WONT, DO, DONT = Code.IAC, Code.SB, Code.SE, Code.WILL, Code.WONT, Code.DO, Code.DONT
QUESTION = bytes((IAC, DO, Option.BINARY))
TELNET = re.compile(rb"\xff(?:\xfa.*?\xff\xf0|[\xfb-\xfe].|\xf1)", re.DOTALL)


def said(verb: int, option: int) -> bytes:
    return bytes((IAC, verb, option))


def sub(option: int, data: bytes) -> bytes:
    return bytes((IAC, SB, option)) + data + bytes((IAC, SE))


class Telnet:
    """A telnet client with a terminal: it agrees to everything, and says what it is."""

    def __init__(self, caller: Caller, *types: bytes, columns: int = 60, agrees: bool | None = True) -> None:
        self.stream = caller.stream
        self.types = types
        self.columns = columns
        self.agrees = agrees
        self.screen = pyte.Screen(columns or 80, 40)
        self.terminal = pyte.ByteStream(self.screen)
        self.raw = b""
        self.asked = 0

    async def type(self, text: str | bytes) -> None:
        await self.stream.send_all(text.encode() if isinstance(text, str) else text)

    async def read(self, seconds: float = 1) -> bytes:
        """Read, and answer what telnet asks, until nothing comes any more."""
        came = b""
        with trio.move_on_after(seconds):
            while data := await self.stream.receive_some(65536):
                came += data
                for question in TELNET.findall(data):
                    await self.answer(question)
        self.raw += came
        self.terminal.feed(TELNET.sub(b"", came).replace(b"\xff\xff", b"\xff"))
        return came

    async def answer(self, question: bytes) -> None:
        types = [*self.types, self.types[-1]] if self.types else []
        if question == QUESTION:
            await self.type(said(WILL, Option.BINARY))
        elif question == said(DO, Option.TTYPE):
            await self.type(said(WILL if types else WONT, Option.TTYPE))
        elif question == said(DO, Option.NAWS):
            await self.type(said(WILL, Option.NAWS))
            await self.resize(self.columns)
        elif question == sub(Option.TTYPE, b"\1"):
            await self.type(sub(Option.TTYPE, b"\0" + types[min(self.asked, len(types) - 1)]))
            self.asked += 1
        elif question[1] in (WILL, WONT) and question[2] != Option.CHARSET and self.agrees is not None:
            agreed = self.agrees and question[1] == WILL
            await self.type(said(DO if agreed else DONT, question[2]))

    async def resize(self, columns: int) -> None:
        self.columns = columns
        self.screen.resize(40, columns or 80)
        await self.type(sub(Option.NAWS, columns.to_bytes(2, "big") + b"\0\x28"))

    async def come(self, nick: str, room: str = "", *, plain: bool = False) -> "Telnet":
        await self.read()
        await self.type(f"/login {nick}{' plain' if plain else ''}\r\n")
        await self.read()
        if room:
            await self.type(f"/{room}\r\n")
            await self.read()
        return self

    async def ask(self, line: str) -> list[str]:
        """Type a line; return what is new on the screen."""
        before = len(self.rows)
        await self.type(f"{line}\r\n")
        await self.read()
        return self.rows[before - (1 if self.rows[:before] else 0) :]

    @property
    def session_is_edited(self) -> bool:
        """Whether the row is given to the editor, as the terminal has been told by bracketed paste."""
        return self.raw.rfind(b"\x1b[?2004h") > self.raw.rfind(b"\x1b[?2004l")

    @property
    def rows(self) -> list[str]:
        """The rows that are not empty. The second half of a wide character holds nothing."""
        columns = range(self.screen.columns)
        cells = [self.screen.buffer[row] for row in range(self.screen.lines)]
        rows = ("".join(row[column].data for column in columns).rstrip() for row in cells if row)
        return [row for row in rows if row]


def telnet(house: House, *types: bytes, address: str = "192.0.2.1", **terminal: Any) -> Telnet:
    return Telnet(house.call(address), *(types or (b"xterm-256color",)), **terminal)


async def test_a_real_terminal_gets_a_prompt_and_a_line_to_edit(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house).come("ann", "python")
        assert ann.rows[-1] == "[python] ann>"
        await ann.type("helo\x1b[Dl")
        await ann.read()
        assert ann.rows[-1] == "[python] ann> hello"
        assert await ann.ask("\x05") == ["ann: hello", "[python] ann>"]
        assert (await ann.ask("/mode"))[0] == "[python] ann> /mode"


async def test_who_has_logged_in_is_no_program_whatever_their_next_lines_begin_with(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        ann, bob = telnet(house), house.call()
        await bob.log_in("bob", "python")
        await ann.read()
        await ann.type("\r\n")
        await ann.read()
        assert ann.session_is_edited
        await ann.type('/login ann\r/join python\r{"a": 1}\rhello\r')
        await bob.read_until('ann: {"a": 1}\r\nann: hello\r\n')


async def test_ones_own_line_is_shown_once_and_when_it_is_stored(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house).come("ann", "python")
        bob = house.call()
        await bob.log_in("bob", "python")
        await ann.read()
        await ann.type("hello\r\n")
        await ann.read()
        assert ann.rows[-3:] == ["* bob joined", "ann: hello", "[python] ann>"]
        assert await bob.read_until("\r\n") == "ann: hello\r\n"
        await ann.type("/mode line\r\n")
        await ann.read()
        before = ann.raw
        await ann.type("again\r\n")
        await ann.read()
        assert ann.raw == before, "what one's own program has shown is not shown again"
        await bob.read_until("ann: again\r\n")


async def test_what_others_say_stands_above_what_is_typed(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house).come("ann", "python")
        bob = house.call()
        await bob.log_in("bob", "python")
        await ann.type("half a sent")
        await bob.type("hello ann")
        await ann.read()
        assert ann.rows[-3:] == ["* bob joined", "bob: hello ann", "[python] ann> half a sent"]


async def test_the_prompt_follows_the_place_and_the_name(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house).come("ann")
        assert ann.rows[-1] == "[hall] ann>"
        for line, prompt in (("/pm", "[pm] ann>"), ("/nick anna", "[pm] anna>"), ("/back", "[hall] anna>")):
            assert (await ann.ask(line))[-1] == prompt


async def test_the_prompt_follows_the_place_of_one_who_asks_for_much(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house).come("ann")
        await ann.type("/time\r\n" * 15 + "/pm\r\n")
        await trio.sleep(10)
        await ann.read()
        assert ann.rows[-1] == "[pm] ann>"


async def test_a_farewell_gives_the_row_back_and_ends_bracketed_paste(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house).come("ann")
        await ann.type("half\x15\x04")
        await ann.read()
        assert ann.rows[-1] == "* Goodbye."
        assert ann.raw.endswith(b"\x1b[?2004l* Goodbye.\r\n")
        bob = await telnet(house).come("bob")
        await bob.type("half")
        await bob.read()
        house.server.stop()
        await bob.read()
        assert bob.rows[-1] == "* The server is stopping. Goodbye."


async def test_a_mud_client_edits_its_own_line_and_is_told_no_secrets(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house, b"TINTIN++", b"xterm", b"MTTS 137").come("ann", "python")
        assert said(WILL, Option.ECHO) not in ann.raw
        assert "* Colours are on." in await ann.ask("/colour")
        assert b"[python] ann>" not in ann.raw


async def test_a_screen_reader_gets_plain_mode_by_its_bit_by_command_or_at_login(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        by_bit = await telnet(house, b"MUDRAMMER", b"xterm", b"MTTS 77").come("ann", "python")
        at_login = await telnet(house).come("bob", "python", plain=True)
        by_command = await telnet(house).come("carol", "python")
        await by_command.ask("/plain")
        for person in (by_bit, at_login, by_command):
            start = len(person.raw)
            await person.ask("/last")
            await person.ask("/colour")
            assert b"\x1b" not in person.raw[start:]
            assert b"Colours are off." in person.raw[start:]
            assert b"> " not in person.raw[start:]
        await by_command.ask("/plain off")
        assert by_command.rows[-1] == "[python] carol>"


async def test_who_agrees_to_nothing_is_served_line_by_line(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house, agrees=False).come("ann", "python")
        assert "ann>" not in "".join(ann.rows)
        assert (await ann.ask("/online"))[-1] == "* Nobody else is in python."


async def test_nc_is_sent_nothing_but_text(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, bob = await house.ann_and_bob()
        await ann.type("/colour", "/mode edit", "/wrap", "/keepalive on", "hello bob")
        await bob.read_until("ann: hello bob\r\n")
        shown = await ann.read_until("(nc does not.)\r\n* Long lines are not broken.")
        shown += await ann.read_until("(nc does not.)\r\n")
        assert shown.startswith("* Colours are off.")
        await trio.sleep(1000)
        await ann.type("/logout")
        assert await ann.read_to_end() == "* Goodbye.\r\n"


async def test_a_telnet_that_is_silent_is_sent_a_nop_and_can_do_without(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(nop_seconds=30) as house:
        ann = await telnet(house).come("ann")
        assert (await ann.read(95)).count(NOP) == 3
        assert (await ann.ask("/keepalive off"))[1].startswith("* Your connection is not kept open")
        assert await ann.read(1000) == b""
        await ann.ask("/keepalive on")
        assert NOP in await ann.read(40)


async def test_are_you_there_is_answered_in_the_language(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house).come("ann")
        await ann.type(bytes((IAC, Code.AYT)))
        await ann.read()
        assert ann.rows[-2:] == ["* I am here.", "[hall] ann>"]
        await ann.ask("/lang zh")
        await ann.type(bytes((IAC, Code.AYT)))
        await ann.read()
        assert ann.screen.display[ann.screen.cursor.y - 1].replace(" ", "") == "*我在。"


async def test_an_interrupt_ends_the_line(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house).come("ann", "python")
        for code in (Code.IP, Code.BRK):
            await ann.type(b"never mind" + bytes((IAC, code)))
            await ann.read()
            assert ann.rows[-2:] == ["[python] ann> never mind^C", "[python] ann>"]


async def test_tab_completes_commands_rooms_and_nicks(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house).come("ann", "python")
        bob = house.call()
        await bob.log_in("Bobby", "python")
        for typed, completed in (
            ("/onl\t", "/online"),
            ("/wri\t", "/write"),
            ("/join w\t", "/join write"),
            ("bo\t", "Bobby:"),
            ("hi bo\t", "hi Bobby"),
            ("/mode e\t", "/mode edit"),
            ("/charset koi\t", "/charset koi8-r"),
            ("/help hist\t", "/help history"),
        ):
            await ann.type(f"\x15{typed}")
            await ann.read()
            assert ann.rows[-1] == f"[python] ann> {completed}"


async def test_a_resize_changes_where_lines_are_broken(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house, columns=80).come("ann", "python")
        bob = house.call()
        await bob.log_in("bob", "python")
        await ann.resize(24)
        await ann.read()
        await bob.type("one two three four five six")
        await ann.read()
        assert ann.rows[-3:-1] == ["bob: one two three four", "  five six"]
        assert ann.rows[-1] == ">", "a prompt of half the row is left out"


async def test_a_line_that_names_somebody_is_bright_for_them_alone(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house).come("ann", "python")
        ming = await telnet(house).come("小明", "python")
        bob = house.call()
        await bob.log_in("bob", "python")
        for text, named, other in (("hi @Ann!", ann, ming), ("小明你好", ming, ann), ("-ann- hello", ann, ming)):
            starts = len(named.raw), len(other.raw)
            await bob.type(text)
            await named.read()
            await other.read()
            assert f"\x1b[1m{text}\x1b[0m".encode() in named.raw[starts[0] :]
            assert b"\x1b[1m" not in other.raw[starts[1] :]
            assert text.encode() in other.raw[starts[1] :]
        start = len(ann.raw)
        await bob.type("annabel and banana")
        await ann.read()
        assert b"\x1b[1m" not in ann.raw[start:]


async def test_what_is_chosen_in_a_room_holds_there_and_leaves_no_trace(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house).come("ann", "python")
        bob = house.call()
        await bob.log_in("bob", "python")
        for choice in (
            "/lang zh",
            "/colour off",
            "/wrap 40",
            "/mode line",
            "/plain",
            "/charset gbk",
            "/nick anna",
            "/colour on",
        ):
            await ann.ask(choice)
            start = len(ann.raw)
            await bob.type("hi 你好")
            await ann.read()
            assert ("hi 你好".encode("gbk") if b"gbk" in ann.raw else "hi 你好".encode()) in ann.raw[start:]
        room = house.server.rooms[0]
        assert sum(len(audience) for audience in room._audience.kinds.values()) == 2
        await ann.ask("/back")
        await bob.type("/back")
        await bob.read_until("* You are in the hall.")
        assert room._audience.kinds == {}
        assert room._audience._mention_members == {}


async def test_a_room_renders_once_for_each_kind_of_reader(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0, connections_per_address=0) as house:
        people = [
            await telnet(house, columns=columns).come(f"p{number}", "python")
            for number, columns in enumerate([80, 81, 82, 87, 100] * 4)
        ]
        plain = [house.call() for _ in range(10)]
        for number, caller in enumerate(plain):
            await caller.log_in(f"n{number}", "python")
        room = house.server.rooms[0]
        assert len(room._audience.kinds) == 3
        assert len(people) + len(plain) == sum(map(len, room._audience.kinds.values()))


async def test_a_charset_is_spoken_both_ways(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, bob = await house.ann_and_bob()
        await ann.type("/charset koi8-r")
        await ann.read_until("koi8-r.\r\n")
        await ann.stream.send_all("Ъел привет\n".encode("koi8-r"))
        await bob.read_until("ann: Ъел привет\r\n")
        await bob.type("я тоже – 你好 Ъ")
        received = await ann.stream.receive_some(4096)
        if b"bob: " not in received:
            received += await ann.stream.receive_some(4096)
        assert received.endswith("bob: я тоже - ?? Ъ\r\n".encode("koi8-r"))


async def test_telnet_gets_every_255_twice(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house).come("ann", "python")
        await ann.ask("/charset koi8-r")
        bob = house.call()
        await bob.log_in("bob", "python")
        await ann.read()
        await bob.type("Ъ")
        assert b"\xff\xff\r\n" in await ann.read()
        await ann.type(b"\xff\xff\xff\xff")
        assert await ann.read() == b"\xff\xff\xff\xff"


async def test_a_language_that_the_charset_cannot_write_is_not_spoken(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, _ = await house.ann_and_bob()
        await ann.type("/lang zh", "/rooms", "/charset latin-1", "/rooms", "/charset utf-8", "/rooms")
        await ann.read_until("* 房间：")
        await ann.read_until("* Your text is read and written in latin-1.")
        await ann.read_until("* Rooms: ")
        await ann.read_until("* 房间：")


async def test_chinese_in_another_charset_gets_a_hint_in_both_languages(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, bob = await house.ann_and_bob()
        await ann.stream.send_all("大家好\n".encode("gbk"))
        await ann.read_until("* That line is not UTF-8, so nobody was shown it.")
        await ann.read_until("\r\n* ")
        hint = ann._received
        while b"\r\n" not in hint:
            hint += await ann.stream.receive_some(4096)
        assert hint.decode("gb18030").startswith("那一行不是 UTF-8")
        hint.clear()
        await ann.type("/charset gb18030")
        await ann.read_until("gb18030.\r\n")
        await ann.stream.send_all("大家好\n".encode("gb18030"))
        await bob.read_until("ann: 大家好\r\n")


async def test_who_edits_and_reads_too_slowly_is_told_and_sees_the_row_again(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0, waiting_bytes=20_000) as house:
        ann = await Telnet(house.call(stuck=True), b"xterm-256color").come("ann", "python")
        bob = house.call()
        await bob.log_in("bob", "python")
        await ann.type("half a sent")
        await ann.read()
        for _ in range(400):
            await bob.type("x" * 200)
        await trio.sleep(5)
        await ann.read(20)
        assert b"lines were skipped: your connection did not keep\r\n  up. /since" in ann.raw
        assert ann.rows[-1] == "[python] ann> half a sent", "the notice leaves the row"
        await bob.type("live")
        await ann.read()
        assert ann.rows[-2:] == ["bob: live", "[python] ann> half a sent"]


async def test_a_window_that_is_dragged_and_tab_do_not_make_one_wait(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house).come("ann", "python")
        start = trio.current_time()
        for columns in range(40, 100):
            await ann.resize(columns)
        for _ in range(20):
            await ann.type("zz\t")
        await ann.type("\x15/rooms\r")
        with trio.fail_after(2):
            while b"* Rooms: " not in ann.raw:
                await ann.read(0.01)
        assert trio.current_time() - start < 1
        assert b"You are sending faster" not in ann.raw


async def test_a_telnet_that_does_not_let_its_line_be_edited_is_said_to_be_one(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house, agrees=False).come("ann", "python")
        for _ in range(2):
            start = ann.raw.count(said(WILL, Option.ECHO))
            await ann.ask("/mode edit")
            assert ann.rows[-2].startswith("* Your telnet edits your line itself,")
            assert ann.raw.count(said(WILL, Option.ECHO)) == start + 1, "whoever asks again wants it asked again"
        assert (await ann.ask("/mode"))[-2].startswith("* Your program edits your line.")


async def test_a_line_that_was_under_way_when_the_editor_came_is_shown_once(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = telnet(house, agrees=None)
        await ann.come("ann", "python")
        bob = house.call()
        await bob.log_in("bob", "python")
        await ann.type("/mode edit\r\n")
        await trio.sleep(1)
        before = len(ann.raw)
        await ann.type(b"typed ahead\r\n" + said(DO, Option.ECHO) + said(DO, Option.SGA))
        await bob.read_until("ann: typed ahead\r\n")
        await ann.read()
        assert b"typed ahead" not in ann.raw[before:], "its own program has shown it"
        await ann.type(b"the last one\r" + said(DONT, Option.ECHO) + said(DONT, Option.SGA))
        await bob.read_until("ann: the last one\r\n")
        await ann.read()
        assert ann.raw[before:].count(b"ann\x1b[0m: the last one") == 1, "nobody else has"


async def test_the_row_is_drawn_in_the_charset_that_was_chosen(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house).come("小明", "python")
        await ann.ask("/charset gbk")
        assert ann.raw.endswith(b"[python] " + "小明".encode("gbk") + b"> ")


async def test_a_stranger_may_type_short_lines_only_and_the_one_who_has_logged_in_longer_ones(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        stranger = house.call()
        await stranger.type("x" * 1025)
        await stranger.read_until("* That line was longer than 1024 bytes and was not sent. Shorten it.")
        await stranger.type("/login ann", "/python")
        await stranger.read_until("* Nobody else is here.")
        bob = house.call()
        await bob.log_in("bob", "python")
        await stranger.type("y" * 4096)
        await bob.read_until("y" * 4096)
        editing = await telnet(house).come("carol", "python")
        await editing.type("\x1b[200~" + "z\n" * 4000 + "\x1b[201~\r")
        await bob.read_until("  z\r\n" * 3999)


async def test_who_leaves_while_reading_slowly_gets_the_row_and_the_terminal_back(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(messages_per_second=0) as house:
        ann = await Telnet(house.call(stuck=True), b"xterm-256color").come("ann", "python")
        bob = house.call()
        await bob.log_in("bob", "python")
        for _ in range(30):
            await bob.type("x" * 200)
        await trio.sleep(1)
        house.server.stop()
        await ann.read(20)
        assert ann.rows[-1] == "* The server is stopping. Goodbye."
        assert ann.raw.rindex(b"\x1b[?2004l") > ann.raw.rindex(b"\x1b[?2004h")


async def test_what_is_said_where_nobody_hears_it_stays_on_the_screen(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house).come("ann")
        assert (await ann.ask("hello everybody"))[0] == "[hall] ann> hello everybody"


async def test_plain_mode_is_stronger_than_the_editor(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house).come("ann", "python")
        await ann.ask("/mode edit")
        await ann.ask("/plain")
        assert (await ann.ask("/mode"))[-2:] == [
            "* Your program edits your line.",
            "* /mode edit edits it here, for telnet.",
        ]
        assert ann.session_is_edited is False


def ask_for_password(place: Room, session: Occupant, request: Say) -> MaybeAwaitable:
    """Ask whoever says something for a password: what accounts will do."""
    assert isinstance(session, TextSession)

    def tell(secret: str) -> MaybeAwaitable:
        session.send(TopicShown("vault", f"{len(secret)} letters"))
        return None

    session.ask_secret("password", tell)
    return None


async def test_a_password_is_not_shown_in_the_editor_nor_line_by_line(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COMMANDS.open_to[MEMBER][HALL], Say, Command(ask_for_password))
    async with open_house() as house:
        ann = await telnet(house).come("ann")
        await ann.type("let me in\r\n")
        await ann.read()
        assert ann.rows[-1] == "Password:"
        await ann.type("xyzzy\r\n")
        await ann.read()
        assert ann.rows[-3:] == ["Password:", "* Topic of vault: 5 letters", "[hall] ann>"]
        await ann.type("\x1b[A")
        await ann.read()
        assert ann.rows[-1] == "[hall] ann> let me in"
        await ann.type("\x15")
        await ann.ask("/mode line")
        start = len(ann.raw)
        await ann.type("again\r\n")
        await ann.read()
        assert ann.raw[start:] == said(WILL, Option.ECHO) + b"Password: "
        await ann.type("xyzzy\r\n")
        await ann.read()
        assert ann.raw.endswith(said(WONT, Option.ECHO) + b"\r\n* Topic of vault: 5 letters\r\n")
        assert b"xyzzy" not in ann.raw


async def test_wrap(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house, columns=60).come("ann", "python")
        assert (await ann.ask("/wrap off"))[1].startswith("* Long lines are not broken.")
        assert (await ann.ask("/wrap 200"))[1].startswith("* Long lines are broken for 200")
        assert (await ann.ask("/wrap 201"))[1].startswith("* /wrap takes")
        await ann.ask("/plain")
        await ann.ask("/wrap off")
        start = len(ann.raw)
        await ann.ask("/wrap on")
        assert b"Long lines are broken for 56 columns" in ann.raw[start:]
        bob = house.call()
        await bob.log_in("bob")
        await bob.type("/wrap on")
        await bob.read_until("* Your terminal has not said how wide it is.")


async def _raw(person: Telnet, *lines: str) -> bytes:
    start = len(person.raw)
    for line in lines:
        await person.ask(line)
    return person.raw[start:]


async def test_plain_mode_leaves_long_lines_to_the_terminal(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house, columns=40).come("ann", "python", plain=True)
        assert b"Long lines are not broken." in await _raw(ann, "/wrap")


async def test_a_long_word_is_not_shown_back(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, _ = await house.ann_and_bob()
        await ann.type("/charset " + "x" * 500)
        assert "x" * 41 not in await ann.read_until("is not available.")


@pytest.mark.parametrize(("before", "keys"), [("q", "\t" * 150), ("y" * 4000, "\x15\x19" * 50)])
async def test_what_keys_cost_is_paid(before: str, keys: str, autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house).come("ann", "python")
        await ann.type(before)
        await ann.read(60)
        await ann.type(keys)
        await ann.read()
        assert b"You are sending faster" in ann.raw


async def test_sizes_without_end_are_paid_for(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house).come("ann", "python")
        await trio.sleep(60)
        await ann.type(b"".join(sub(Option.NAWS, bytes((0, 50 + at % 2 * 10, 0, 24))) for at in range(1500)))
        await ann.read()
        assert b"You are sending faster" in ann.raw


async def test_keepalive_of_nc_is_off(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, _ = await house.ann_and_bob()
        await ann.type("/keepalive")
        await ann.read_until("* Your connection is not kept open by telnet.")


async def test_colours_can_be_chosen_where_the_terminal_claims_none(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, bob = await house.ann_and_bob()
        await ann.type("/colour on")
        await ann.read_until("* Colours are on.")
        await bob.type("hello")
        await ann.read_until("bob\x1b[0m: hello\r\n")
        vt = await telnet(house, b"vt100").come("carol", "python")
        assert vt.rows[-1] == "[python] carol>"


async def test_a_charset_that_telnet_agreed_on_is_spoken(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house, b"dumb").come("ann", "python")
        await ann.type(said(WILL, Option.CHARSET) + said(DO, Option.CHARSET) + sub(Option.CHARSET, b"\2KOI8-R"))
        await ann.read()
        assert b"koi8-r" in await _raw(ann, "/charset")
        bob = house.call()
        await bob.log_in("bob", "python")
        await bob.type("привет")
        assert "привет".encode("koi8-r") in await ann.read()


async def test_a_width_of_nothing_changes_nothing(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house, columns=60).come("ann", "python")
        await ann.ask("/mode edit")
        await ann.type(sub(Option.NAWS, b"\0\0\0\0"))
        await ann.type("hello")
        await ann.read()
        assert ann.rows[-1] == "[python] ann> hello"


async def test_a_wide_terminal_is_not_drawn_anew_all_the_time(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house, columns=600).come("ann", "python")
        start = len(ann.raw)
        await ann.ask("/lang en")
        assert b"\x1b[J" not in ann.raw[start:]


async def test_a_name_is_in_the_prompt_at_once_in_the_hall_too(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house).come("ann")
        assert (await ann.ask("/nick anna"))[-1] == "[hall] anna>"


async def test_tab_tells_a_stranger_nothing(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = telnet(house)
        await ann.read()
        await ann.type("x\r\n\x15")
        await ann.read()
        await ann.type("/pyth\t")
        await ann.read()
        assert ann.rows[-1] == "> /pyth"
        await ann.type("\x15/roo\t")
        await ann.read()
        assert ann.rows[-1] == "> /rooms"
        await ann.type("\x15/bac\t")
        await ann.read()
        assert ann.rows[-1] == "> /bac"


async def test_tab_among_many_names_is_paid_for(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat_server.sessions.text_session.NAMES_PER_TOKEN", 0.1)
    async with open_house() as house:
        ann = await telnet(house).come("ann", "python")
        await trio.sleep(60)
        start = trio.current_time()
        await ann.type("/onl\t\r\n/nick anna\r\n")
        while "anna" not in "".join(ann.rows):
            await ann.read()
        assert trio.current_time() - start > 2


async def test_tab_offers_what_works_here(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = telnet(house)
        await ann.read()
        await ann.type("x\r\n")
        await ann.read()
        await ann.type("\x15/nic\t")
        await ann.read()
        assert ann.rows[-1] == "> /nic"


async def test_a_line_that_names_the_new_name_is_bright_and_so_is_an_action(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house).come("ann", "python")
        bob = house.call()
        await bob.log_in("bob", "python")
        await ann.ask("/nick zoe")
        for line, shown in (("hi zoe", b"\x1b[1mhi zoe\x1b[0m"), ("/me waves at zoe", b"\x1b[1mwaves at zoe\x1b[0m")):
            start = len(ann.raw)
            await bob.type(line)
            await ann.read()
            assert shown in ann.raw[start:]
        start = len(ann.raw)
        await bob.type("hi ann")
        await ann.read()
        assert b"\x1b[1m" not in ann.raw[start:]


async def test_lines_of_others_stand_above_the_row_when_editing_begins_again(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house, b"dumb").come("ann", "python")
        bob = house.call()
        await bob.log_in("bob", "python")
        await ann.ask("/mode edit")
        await ann.type("half")
        await ann.read()
        await bob.type("hello")
        await ann.read()
        assert ann.rows[-2:] == ["bob: hello", "[python] ann> half"]


async def test_no_line_is_made_longer_than_200_columns_nor_said_to_be(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = await telnet(house, columns=600).come("ann", "python")
        assert (await ann.ask("/wrap"))[1].startswith("* Long lines are broken for 200 columns.")


async def test_who_does_not_keep_up_is_still_answered_by_telnet_and_left_in_order(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(messages_per_second=0, waiting_bytes=20_000) as house:
        ann = await Telnet(house.call(stuck=True), b"xterm-256color").come("ann", "python")
        bob = house.call()
        await bob.log_in("bob", "python")
        for _ in range(400):
            await bob.type("x" * 200)
        await trio.sleep(1)
        await ann.type(said(DO, 6))
        await trio.sleep(1)
        ann.agrees = None
        await ann.type("\x15\x04")
        await trio.sleep(1)
        await ann.read(20)
        assert said(WONT, 6) in ann.raw
        assert b"\x1b[?2004l" in ann.raw


KEYS = [
    *(
        "/login ann\r",
        "/python\r",
        "/back\r",
        "/nick anna\r",
        "/mode edit\r",
        "/mode line\r",
        "/plain\r",
        "/plain off\r",
        "/lang zh\r",
    ),
    *(
        "/charset gbk\r",
        "/charset koi8-r\r",
        "/colour off\r",
        "/wrap 20\r",
        "/wrap off\r",
        "/last 3\r",
        "/help\r",
        "hello ann\r",
        "/me 你好\r",
    ),
    *(
        "\t",
        "\x1b[A",
        "\x1b[B",
        "\x1b[D",
        "\x03",
        "\x0c",
        "\x15",
        "\x19",
        "\x17",
        "\x7f",
        "an",
        "/o",
        "你",
        "👩‍💻",
        "\x1b[200~a\nb\x1b[201~",
        "\r",
    ),
]
TYPED = st.lists(
    st.one_of(
        st.sampled_from(KEYS).map(str.encode),
        st.tuples(st.sampled_from([WILL, WONT, DO, DONT]), st.sampled_from([0, 1, 3, 6, 24, 31, 42])).map(
            lambda asked: said(*asked)
        ),
        st.integers(0, 600).map(lambda columns: sub(Option.NAWS, columns.to_bytes(2, "big") + b"\0\x18")),
        st.sampled_from([sub(Option.TTYPE, b"\0xterm"), sub(Option.TTYPE, b"\0vt100"), sub(Option.CHARSET, b"\2BIG5")]),
        st.sampled_from([Code.IP, Code.EC, Code.EL, Code.AYT, Code.NOP]).map(lambda code: bytes((IAC, code))),
        st.binary(max_size=4),
    ),
    max_size=60,
)


@pytest.mark.slow
@settings(max_examples=settings().max_examples * 3 // 2, deadline=None)
@given(TYPED, st.booleans())
def test_whatever_is_typed_at_telnet_no_session_fails_and_others_are_served(typed: list[bytes], is_stuck: bool) -> None:
    async def play() -> None:
        async with open_house(messages_per_second=0, waiting_bytes=3000) as house:
            bob = house.call()
            await bob.log_in("bob", "python")
            ann = Telnet(house.call(stuck=is_stuck), b"xterm-256color")
            await ann.type(b"/login ann\r\n")
            with capture_logs() as logged:
                for piece in typed:
                    try:
                        await ann.type(piece)
                    except (trio.BrokenResourceError, trio.ClosedResourceError):
                        break  # it has left
                    if not is_stuck:
                        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                            await ann.read(0.01)
                    await bob.type("hi ann")
                await bob.type("/nick survivor")
                await bob.read_until("* bob is now survivor\r\n")
            assert not [entry for entry in logged if entry["log_level"] == "error"], logged
            room = house.server.rooms[0]
            assert sum(map(len, room._audience.kinds.values())) == room.population
            assert len(room._audience._mention_members) <= room.population
            await trio.aclose_forcefully(ann.stream)

    trio.run(play, clock=trio.testing.MockClock(autojump_threshold=0))
