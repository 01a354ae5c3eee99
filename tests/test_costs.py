"""What callers cost, and who pays: the whole server on virtual time. Nobody is thrown out; who asks for much waits, unread."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pytest
import trio

from captured_logs import capture_logs
from chat_server.config import Config, RoomsTable
from chat_server.journal import Page, PendingAppend
from chat_server.journal.keys import SenderKey
from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.choices import CHARSETS
from chat_server.protocol.entries import Entry, PageShown, Said
from chat_server.protocol.events import Event
from chat_server.protocol.requests import Say
from chat_server.rooms.audience import KINDS_MAX
from chat_server.sessions import layout
from chat_server.sessions.session import ANSWER_BYTES_PER_TOKEN, READ_MAX_LIMITED
from chat_server.sessions.text_session import TextSession
from chat_server.wire.json_lines import JsonDecoder
from chat_server.wire.render import profiles
from chat_server.wire.render.profiles import BARE_MAX, PIECE_CHARACTERS, RenderProfile, renderer_for
from chat_server.wire.render.text_lines import TextLine
from chat_server.wire.text import TextDecoder
from fakes import FaultyJournal, Later
from streams import Caller, House, Program, open_house


async def test_those_behind_one_address_wait_together_and_others_do_not(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(request_burst_per_address=100, requests_per_address=10) as house:
        crowd = [house.call() for _ in range(10)]
        other = house.call("192.0.2.9")
        for number, person in enumerate(crowd):
            await person.log_in(f"u{number}", "python")
        await other.log_in("other", "write")
        await trio.sleep(60)
        start = trio.current_time()
        for person in crowd:
            await person.type(*["/online"] * 15)
        await other.type(*["/online"] * 15)
        await other.read_until("Nobody else")
        assert trio.current_time() == start
        for person in crowd:
            for _ in range(15):
                await person.read_until("9 others")
        assert trio.current_time() - start == pytest.approx((150 - 100) / 10, abs=0.2)


async def test_who_waits_for_the_others_at_the_address_is_told_why(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(request_burst_per_address=20, requests_per_address=10) as house:
        crowd = [house.call() for _ in range(4)]
        for number, person in enumerate(crowd):
            await person.log_in(f"u{number}", "python")
        for person in crowd:
            await person.type(*["/online"] * 15)
        await crowd[-1].read_until("* Your address as a whole is sending more than 10 lines a second;")


async def test_who_waits_for_the_others_at_the_address_is_told_once_not_for_every_line(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    async with open_house(request_burst_per_address=40, requests_per_address=10) as house:
        crowd = [house.call() for _ in range(9)]
        for number, person in enumerate(crowd):
            await person.log_in(f"u{number}", "python")
        ann = crowd.pop()
        for person in crowd:
            await person.type(*["/online"] * 200, "/logout")
            nursery.start_soon(person.read_to_end)
        for _ in range(10):  # far slower than she alone might
            await trio.sleep(2)
            await ann.type("/time")
        await ann.type("/logout")
        heard = await ann.read_to_end()
        assert heard.count("* Your address as a whole is sending more than 10 lines a second;") == 1


@pytest.mark.slow
async def test_what_others_at_the_address_have_asked_for_is_not_the_debt_of_who_says_a_line_now_and_then(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(
        await _config(), await _journal(1000), request_burst_per_address=100, requests_per_address=10
    ) as house:
        ann = house.call()
        await ann.log_in("ann", "python")
        crowd = [house.call() for _ in range(20)]
        for number, person in enumerate(crowd):
            await person.log_in(f"u{number}", "python")
        await trio.sleep(60)
        for person in crowd:
            await person.type("/wrap 60", *["/last 200"] * 50)
            house.nursery.start_soon(person.read_to_end)
        await trio.sleep(20)
        waited: list[float] = []
        for number in range(10):
            before = trio.current_time()
            await ann.type(f"line {number}")
            while house.server.rooms[0].last_seq < 1001 + number:
                await trio.sleep(0.01)
            waited.append(trio.current_time() - before)
            await trio.sleep(1)
        await ann.type("/logout")
        before = trio.current_time()
        newcomer = house.call()
        await newcomer.read_until("/help for more.\r\n")
        waited.append(trio.current_time() - before - 0.15)
        assert max(waited) <= 22 / 10 + 0.1, waited


async def test_callers_who_wait_to_be_let_in_do_not_hold_a_stop_up(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(request_burst_per_address=1, requests_per_address=0.01) as house:
        for _ in range(5):
            house.call()
        await trio.sleep(1)
        house.server.stop()
        with trio.fail_after(11):
            await house.ended.wait()


async def test_who_connects_logs_in_and_leaves_without_end_is_slowed_and_not_thrown_out(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        start = trio.current_time()
        for number in range(300):
            caller = house.call()
            await caller.type(f"/login u{number}", "/logout")
            assert "Welcome" in await caller.read_to_end()
        assert trio.current_time() - start >= (300 * 3 - 400) / 40 - 1
        innocent = house.call("192.0.2.9")
        now = trio.current_time()
        await innocent.log_in("ann", "python")
        assert trio.current_time() - now < 0.2


@pytest.mark.parametrize("limits", [{"connections_per_address": 0}, {"messages_per_second": 0}])
async def test_without_bounds_by_address_or_without_a_pace_nobody_waits_for_others(
    autojump_clock: trio.abc.Clock, limits: dict[str, Any]
) -> None:
    async with open_house(request_burst_per_address=1, requests_per_address=0.01, rooms=0, **limits) as house:
        crowd = [house.call() for _ in range(10)]
        for number, person in enumerate(crowd):
            await person.log_in(f"u{number}", "python")
        start = trio.current_time()
        for person in crowd:
            await person.type(*["/online"] * 10)
        for person in crowd:
            for _ in range(10):
                await person.read_until("9 others")
        assert trio.current_time() == start


async def test_without_a_pace_nothing_that_is_asked_for_is_slowed(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(await _config(), await _journal(5000), messages_per_second=0) as house:
        ann = house.call()
        await ann.log_in("ann", "python")
        start = trio.current_time()
        for _ in range(100):
            await ann.type("/last 200")
            await ann.read_until("of 5000")
        assert trio.current_time() == start


async def _config() -> Config:
    return Config(rooms=RoomsTable(["python", "write"]))


async def _journal(lines: int, text: str = "x" * 100) -> MemoryJournal:
    """A journal in which so many lines have been said."""
    journal = MemoryJournal()
    await journal.create_room("python")
    for start in range(0, lines, 1000):
        journal.append([Said("python", 0, 1e9 + start, "bob", text)] * min(1000, lines - start), {})
    return journal


async def test_a_long_answer_counts_by_its_bytes_before_the_next_request(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(await _config(), await _journal(5000)) as house:
        ann = house.call()
        await ann.log_in("ann", "python")
        await trio.sleep(60)
        start, size = trio.current_time(), 0
        for _ in range(40):
            await ann.type("/last 200")
            size += len((await ann.read_until("of 5000")).encode())
        assert trio.current_time() - start >= (size / ANSWER_BYTES_PER_TOKEN + 39 - 20 - 3) / 4


async def test_what_is_laid_out_counts_twice(autojump_clock: trio.abc.Clock) -> None:
    took = []
    for setting in ("/wrap off", "/wrap 40"):
        async with open_house(await _config(), await _journal(5000)) as house:
            ann = house.call()
            await ann.log_in("ann", "python")
            await ann.type(setting)
            await trio.sleep(60)
            start = trio.current_time()
            for _ in range(40):
                await ann.type("/last 200")
                await ann.read_until("of 5000")
            took.append(trio.current_time() - start)
    assert took[1] > took[0] * 1.3


async def test_a_past_that_is_resumed_is_paid_page_by_page(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(await _config(), await _journal(50_000, "x" * 1000), silence_seconds=0) as house:
        program = house.connect()
        await program.enter("ann")
        await trio.sleep(60)
        start, size = trio.current_time(), 0
        await program.ask("resume", rooms={"python": 40_000})
        last = 0
        while last < 50_000:
            page = await program.wait_for("page")
            size += sum(len(line["text"]) for line in page["lines"])
            last = page["lines"][-1]["seq"]
        assert trio.current_time() - start >= (size / ANSWER_BYTES_PER_TOKEN - 25) / 4


async def test_a_week_that_was_missed_is_resumed_at_once(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(await _config(), await _journal(2000, "x" * 50)) as house:
        program = house.connect()
        await program.enter("ann")
        start = trio.current_time()
        await program.ask("resume", rooms={"python": 0})
        while (await program.wait_for("page"))["lines"][-1]["seq"] < 2000:
            pass
        assert trio.current_time() - start < 1


async def test_one_person_creates_a_few_rooms_a_day(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(rooms_per_person=2) as house:
        ann = house.call()
        await ann.log_in("ann")
        await ann.type("/create a", "/create b", "/create b", "/create c")
        told = await ann.read_until("tomorrow.\r\n")
        assert told.endswith(
            "* You have created 2 rooms within a day, which is the most for one person. Use an existing room (/rooms), or try again tomorrow.\r\n"
        )
        bob = house.call()
        await bob.log_in("bob")
        await bob.type("/create c")
        await bob.read_until("c")
        await trio.sleep(86_400)
        await ann.type("/create d")
        await ann.read_until("d")
        assert house.server.hall.directory.room("d")


async def test_who_is_gone_before_the_room_is_stored_has_created_it_all_the_same(
    autojump_clock: trio.abc.Clock,
) -> None:
    """Whoever comes back with their token ends what they had asked for on the connection before; the disk has it already."""
    journal = SlowJournal()
    async with open_house(journal=journal, rooms_per_person=2) as house:
        for number in range(6):
            ann = house.connect()
            await ann.enter("ann", token="t" * 32)
            await ann.ask("create", room=f"room-{number}")
            await trio.sleep(0.005)
        await trio.sleep(1)
        created = [room.name for room in await journal.rooms() if room.name.startswith("room-")]
        assert len(created) <= 2


async def test_a_room_that_cannot_be_stored_is_not_counted(autojump_clock: trio.abc.Clock) -> None:
    journal = FaultyJournal()
    async with open_house(journal=journal, rooms_per_person=2) as house:
        ann = house.call()
        await ann.log_in("ann")
        journal.is_full = True
        await ann.type(*["/create a"] * 5)
        for _ in range(5):
            await ann.read_until("could not be stored")
        journal.is_full = False
        await ann.type("/create a", "/create b", "/create c")
        await ann.read_until("tomorrow.\r\n")
        assert [house.server.hall.directory.room(name) is not None for name in "abc"] == [True, True, False]


async def test_who_hangs_up_while_a_list_is_laid_out_is_no_bug(autojump_clock: trio.abc.Clock) -> None:
    with capture_logs() as logs:
        async with open_house(await _config(), await _journal(5000)) as house:
            ann = house.call()
            await ann.log_in("ann", "python")
            await ann.type("/wrap 40")
            await trio.sleep(60)
            session = house.server.hall.directory._people["ann"].sessions[0]
            assert isinstance(session, TextSession)
            await ann.type("/last 200")
            while not session._rest:
                await trio.lowlevel.checkpoint()
            session._outbox.close()  # as it does when what others say meets a connection that was reset
            await trio.sleep(60)
            assert "ann" not in house.server.hall.directory._people
    assert not [entry for entry in logs if entry["log_level"] == "error"]


async def test_one_address_creates_a_few_rooms_a_day_under_whatever_names(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(rooms_per_person=2, rooms_per_address=3) as house:
        told = ""
        for number in range(4):
            caller = house.call()
            await caller.log_in(f"u{number}")
            await caller.type(f"/create room-{number}")
            told = await caller.read_until("\r\n")
        assert told.startswith("* 3 rooms were created from your address within a day, which is the most.")
        other = house.call("192.0.2.9")
        await other.log_in("ann")
        await other.type("/create mine")
        assert "mine" in await other.read_until("\r\n")


async def test_without_bounds_by_address_rooms_are_not_counted_by_it(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(rooms_per_address=1, connections_per_address=0) as house:
        for number in range(4):
            caller = house.call()
            await caller.log_in(f"u{number}")
            await caller.type(f"/create room-{number}")
            assert f"room-{number}" in await caller.read_until("\r\n")


# Kinds of readers.


async def _readers(house: House, settings: Iterable[tuple[str, ...]]) -> list[Caller]:
    readers = []
    for number, setting in enumerate(settings):
        reader = house.call(f"198.51.100.{number}")
        await reader.log_in(f"r{number}")
        await reader.type(*setting, "/join python")
        await reader.read_until("python")
        readers.append(reader)
    return readers


async def test_a_room_has_a_handful_of_kinds_of_readers_however_many_are_made(autojump_clock: trio.abc.Clock) -> None:
    settings = [
        (f"/charset {charset}", f"/wrap {width}", f"/colour {colour}", f"/lang {language}")
        for charset in CHARSETS
        for width, colour, language in ((20, "on", "en"), (120, "off", "zh"), (60, "on", "zh"))
    ]
    async with open_house(messages_per_second=0) as house:
        readers = await _readers(house, settings)
        (room,) = (room for room in house.server.rooms if room.name == "python")
        assert len(room._audience.kinds) <= KINDS_MAX + BARE_MAX + 5
        ann = house.call()
        await ann.log_in("ann", "python")
        await ann.type("hello everybody")
        for reader in readers:
            await reader.read_until("hello")
        for reader in readers:
            await reader.type("/back")
        await trio.sleep(5)
        assert len(room._audience.kinds) == 1
        assert not set(room._audience._kind_of) - set(room._members.sessions)


async def test_who_comes_late_is_shown_lines_as_the_nearest_who_is_there(autojump_clock: trio.abc.Clock) -> None:
    settings = [(f"/wrap {width}",) for width in (30, 40, 50, 60, 80, 90, 100, 110)]
    async with open_house() as house:
        await _readers(house, settings)
        late, narrow, chinese = await _readers_of(house, ("/wrap 86",), ("/wrap 20",), ("/charset gbk", "/wrap 70"))
        ann = house.call()
        await ann.log_in("ann", "python")
        await ann.type("好" * 60)
        text = await late.read_until("\r\n  ")
        assert text.splitlines()[-2] == "ann: " + "好" * 37, "as for 80 columns"
        assert "ann: " + "好" * 60 in await narrow.read_until("好" * 60 + "\r\n"), (
            "in one line, which the terminal breaks"
        )
        assert "好".encode("gbk") * 60 in await _raw(chinese)


async def _readers_of(house: House, *settings: tuple[str, ...]) -> list[Caller]:
    readers = []
    for number, setting in enumerate(settings):
        reader = house.call(f"203.0.113.{number}")
        await reader.log_in(f"late{number}")
        await reader.type(*setting, "/join python")
        await reader.read_until("python")
        readers.append(reader)
    return readers


async def _raw(caller: Caller) -> bytes:
    received = bytes(caller._received)
    while "好".encode("gbk") * 60 not in received:
        received += await caller.stream.receive_some(65536)
    return received


class Passes(trio.abc.Instrument):
    """Counts the passes of the event loop."""

    def __init__(self) -> None:
        self.count = 0

    def before_io_wait(self, timeout: float) -> None:
        self.count += 1


async def test_a_batch_for_many_kinds_is_shown_with_pauses(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = [(f"/wrap {width}",) for width in (30, 40, 50, 60, 80)]
    async with open_house(messages_per_second=0) as house:
        await _readers(house, settings)
        (room,) = (room for room in house.server.rooms if room.name == "python")
        member = house.server.hall.directory._people["r0"].sessions[0]
        await trio.sleep(5)
        counter, laid_out, in_pass = Passes(), profiles._laid_out, Counter[int]()

        def counted(line: TextLine, reader: profiles.RenderProfile) -> str:
            in_pass[counter.count] += 1
            return laid_out(line, reader)

        monkeypatch.setattr(profiles, "_laid_out", counted)
        for _ in range(10):
            room.post(member, Say("好" * 5000))
        trio.lowlevel.add_instrument(counter)
        while room.last_seq < 10:
            await trio.sleep(0.1)
        trio.lowlevel.remove_instrument(counter)
        assert in_pass.total() == 10 * len(settings)
        assert max(in_pass.values()) == 1


# Memory.


async def test_the_largest_lose_first_what_waits_for_them_and_are_told(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0, waiting_total_bytes=60_000, waiting_bytes=0) as house:
        stuck = house.call(stuck=True)
        await stuck.log_in("stuck", "python")
        small = house.call(stuck=True)
        await small.log_in("small", "write")
        ann = house.call()
        await ann.log_in("ann", "write")
        await ann.type("kept")
        await ann.type("/join python")
        for number in range(30):
            await ann.type(f"{number} " + "x" * 3900)
        await trio.sleep(1)
        assert house.server._budget.total <= 60_000
        assert "skipped" in await stuck.read_until("skipped")
        assert "skipped" not in await small.read_until("kept")


async def test_a_line_that_is_begun_and_never_ended_is_dropped_when_memory_is_short(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(waiting_total_bytes=30_000, silence_seconds=0) as house:
        program = house.connect()
        await program.enter("ann")
        for _ in range(3):
            await program.stream.send_all(b'{"do":"say","text":"' + b"x" * 15_000)
            await trio.sleep(60)
        assert (await program.wait_for("refused"))["code"] == "no-memory"
        assert house.server._budget.total < 30_000
        await program.stream.send_all(b'"}\n')
        await program.ask("are-you-there", ref=7)
        while (await program.wait_for("here")).get("ref") != 7:
            pass


@pytest.mark.parametrize(
    ("request_in_hand", "answer"),
    [({"do": "say", "text": "hi"}, "stored"), ({"do": "last", "count": 3}, "page")],
)
async def test_a_line_that_is_dropped_answers_no_request_that_is_in_hand(
    request_in_hand: dict[str, Any], answer: str, autojump_clock: trio.abc.Clock
) -> None:
    async with open_house(journal=SlowJournal()) as house:
        program = house.connect()
        await program.enter("ann", "python")
        asked = json.dumps(request_in_hand | {"room": "python", "ref": 5}).encode()
        await program.stream.send_all(asked + b'\n{"do":"say","text":"begun')
        await trio.sleep(0.01)
        house.server.hall.directory._people["ann"].sessions[0]._loop.let_go()  # type: ignore[attr-defined]
        dropped = await program.wait_for("refused")
        assert dropped["code"] == "no-memory"
        assert "ref" not in dropped
        assert (await program.wait_for(answer))["ref"] == 5


async def test_who_is_gone_holds_no_memory_with_a_line_that_was_begun(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        program = house.connect()
        await program.enter("ann")
        await program.stream.send_all(b'{"do":"say","text":"begun')
        await trio.sleep(1)
        assert house.server._budget.total
        await program.stream.aclose()
        await trio.sleep(10)
        assert house.server._budget.total == 0


async def test_who_has_begun_nothing_is_not_told_that_it_was_dropped(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        program = house.connect()
        await program.enter("ann")
        house.server.hall.directory._people["ann"].sessions[0]._loop.let_go()  # type: ignore[attr-defined]
        await program.ask("are-you-there")
        assert (await program.read())["is"] == "here"


async def test_the_turn_of_somebody_who_asks_for_much_ends_where_a_disk_takes_long(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(journal=SlowJournal(5)) as house:
        loud, innocent = house.call(), house.call("192.0.2.9")
        await loud.log_in("loud", "python")
        await innocent.log_in("innocent")
        await trio.sleep(60)
        await loud.type(*["hello"] * 15)
        await trio.sleep(0.01)
        start = trio.current_time()
        await innocent.type("/rooms")
        await innocent.read_until("python")
        assert trio.current_time() - start < 0.2


async def test_keys_of_one_who_asks_for_much_are_read_in_their_turn(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, receive_data = list[bytes](), TextDecoder.receive_data

    def noted(decoder: TextDecoder, data: bytes) -> Any:
        read.append(data)
        return receive_data(decoder, data)

    async with open_house() as house:
        loud = house.call()
        await loud.log_in("loud", "python")
        await trio.sleep(60)
        monkeypatch.setattr(TextDecoder, "receive_data", noted)
        await loud.stream.send_all(b"\b" * READ_MAX_LIMITED * 15)
        await trio.sleep(0.1)
        assert len(read) == 15
        await house.server._turns.begin()
        await loud.stream.send_all(b"\b" * READ_MAX_LIMITED * 10)
        await trio.sleep(1)
        assert len(read) <= 16
        house.server._turns.end()
        await trio.sleep(1)
        assert len(read) == 25


async def test_nothing_is_carried_out_for_one_who_asks_for_much_and_has_gone_before_their_turn(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        loud = house.call()
        await loud.log_in("loud", "python")
        await trio.sleep(60)
        await house.server._turns.begin()
        await loud.type(*["hello"] * 15)
        await trio.sleep(1)
        (room,) = (room for room in house.server.rooms if room.name == "python")
        said_before = room.last_seq
        assert said_before < 15
        session = house.server.hall.directory._people["loud"].sessions[0]
        assert isinstance(session, TextSession)
        session._outbox.close()
        house.server._turns.end()
        await trio.sleep(60)
        assert room.last_seq == said_before


class SlowJournal(MemoryJournal):
    """A journal on a slow disk."""

    def __init__(self, seconds: float = 0.02) -> None:
        super().__init__()
        self._seconds = seconds

    def append(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey]) -> PendingAppend:
        return Later(super().append(lines, keys), partial(trio.sleep, self._seconds))

    async def create_room(self, name: str, *, is_new: bool = False, room_id: str = "") -> None:
        await super().create_room(name, is_new=is_new)
        await trio.sleep(self._seconds)

    async def read(self, room: str, first: int, last: int) -> Page:
        await trio.sleep(self._seconds)
        return await super().read(room, first, last)


@pytest.mark.parametrize(("burst", "each"), [(40, 10), (4000, 1)])
async def test_what_is_long_or_said_by_one_who_asks_for_much_is_shown_before_the_next_of_them_has_a_turn(
    autojump_clock: trio.abc.Clock, burst: int, each: int
) -> None:
    async with open_house(journal=SlowJournal(), request_burst_per_address=burst) as house:
        crowd = [house.call() for _ in range(10)]
        for number, person in enumerate(crowd):
            await person.log_in(f"u{number}", "python")
        (room,) = (room for room in house.server.rooms if room.name == "python")
        longest = 0

        class Inbox(trio.abc.Instrument):
            def before_io_wait(self, timeout: float) -> None:
                nonlocal longest
                longest = max(longest, len(room._inbox))

        inbox = Inbox()
        await trio.sleep(0.2)
        trio.lowlevel.add_instrument(inbox)
        for person in crowd:
            await person.type(*["x" * 1000] * each)
        await crowd[0].read_until("x\r\n")
        await trio.sleep(30)
        trio.lowlevel.remove_instrument(inbox)
        assert longest <= 3


LONG = "e\u0301" * 500
EDITING = b"\xff\xfb\x18\xff\xfd\x01\xff\xfd\x03"  # WILL TTYPE, DO ECHO, DO SGA


@pytest.mark.parametrize(
    ("decoder", "data"),
    [
        (TextDecoder, f"{LONG}\n".encode()),
        (TextDecoder, EDITING + f"\x1b[200~{LONG}\x1b[201~\r".encode()),
        (JsonDecoder, json.dumps({"do": "say", "text": LONG}, ensure_ascii=False).encode() + b"\n"),
    ],
    ids=["typed", "pasted", "sent by a program"],
)
async def test_what_many_send_at_once_that_is_long_is_read_from_one_in_each_pass(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch, decoder: Any, data: bytes
) -> None:
    passes, dear = Passes(), list[int]()
    receive_data = decoder.receive_data

    def noted(self: Any, data: bytes) -> Any:
        if self.is_dear(data):
            dear.append(passes.count)
        return receive_data(self, data)

    monkeypatch.setattr(decoder, "receive_data", noted)
    async with open_house(request_burst_per_address=4000) as house:
        crowd: list[Caller] = [house.connect() if decoder is JsonDecoder else house.call() for _ in range(10)]
        for number, caller in enumerate(crowd):
            if isinstance(caller, Program):
                await caller.enter(f"u{number}", "python")
            else:
                await caller.log_in(f"u{number}", "python")
        trio.lowlevel.add_instrument(passes)
        async with trio.open_nursery() as senders:
            for caller in crowd:
                senders.start_soon(caller.stream.send_all, data)
        await trio.sleep(30)
        assert len(dear) >= len(crowd)
        assert len(set(dear)) == len(dear)


async def test_pages_that_many_ask_for_at_once_are_laid_out_one_in_each_pass(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes, laid_out = Passes(), list[int]()

    def noted(event: Event, reader: RenderProfile) -> Iterator[bytes]:
        laid_out.append(passes.count)
        return profiles.render_in_pieces(event, reader)

    monkeypatch.setattr(layout, "render_in_pieces", noted)
    async with open_house() as house:
        crowd = [house.call() for _ in range(8)]
        for number, person in enumerate(crowd):
            await person.log_in(f"u{number}", "python")
            await person.type("/wrap 20", "hello")
        await trio.sleep(30)
        trio.lowlevel.add_instrument(passes)
        async with trio.open_nursery() as senders:
            for person in crowd:
                senders.start_soon(person.type, "/last 200")
        await trio.sleep(30)
        assert len(laid_out) == len(set(laid_out)) == len(crowd)


async def test_each_piece_of_what_is_laid_out_has_a_turn_of_its_own() -> None:
    turns = 0

    async def take_turn() -> None:
        nonlocal turns
        turns += 1

    lines = tuple(Said("python", seq, 1e9, "bob", "word " * 100) for seq in range(1, 51))
    page = PageShown("python", lines, 1, 50, "UTC")
    profile = RenderProfile(columns=40)
    shown = await layout.laid_out(page, profile, take_turn, nick="ann")
    assert shown == renderer_for(profile)(page)
    assert turns >= sum(len(line.text) for line in lines) / (2 * PIECE_CHARACTERS)
