"""What the server does about time, speed and failure: the whole server, on virtual time, over memory streams."""

import gc

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from captured_logs import capture_logs
from chat_server.commands.handler import Command
from chat_server.commands.table import COMMANDS
from chat_server.config import Config, ServerTable
from chat_server.protocol.requests import ListOnline, Say
from chat_server.rooms.person import MEMBER
from chat_server.rooms.room import ROOM, MaybeAwaitable, Occupant, Room
from streams import Caller, House, StepCounter, open_house
from test_costs import SlowJournal


async def test_the_classic_dialogue(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, bob = house.call(), house.call()
        await ann.type("/login ann", "/python")
        await ann.read_until("* You are in python.\r\n")
        await bob.type("/login bob", "/join python")
        await ann.read_until("* bob joined\r\n")
        await bob.type("hello", "", "/me waves", "/online", "/back", "/logout")
        assert await ann.read_until("* bob left\r\n") == "bob: hello\r\n~ bob waves\r\n* bob left\r\n"
        said = await bob.read_to_end()
        assert said.endswith(
            "* You are in python.\r\n* Also here: ann\r\n* 1 other in python: ann\r\n* You are in the hall.\r\n* Goodbye.\r\n"
        ), said


async def test_a_silent_caller_is_greeted_as_a_person_after_a_moment(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        start = trio.current_time()
        caller = house.call()
        await caller.read_until("/help for more.\r\n")
        assert trio.current_time() - start == pytest.approx(0.15)


async def test_a_person_whose_first_bytes_come_slowly_is_still_served(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        caller = house.call()
        for byte in b"G":
            await caller.stream.send_all(bytes((byte,)))
        await caller.read_until("/help for more.\r\n")
        await caller.type("OO", "/login ann")
        await caller.read_until("* Log in first: /login NICK\r\n* Welcome, ann.")


async def test_who_does_not_log_in_is_told_and_let_go(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(login_seconds=120) as house:
        caller = house.call()
        start = trio.current_time()
        await caller.type("/rooms")
        said = await caller.read_to_end()
        assert said.endswith("* You did not log in within 120 seconds. Goodbye.\r\n")
        assert trio.current_time() - start == pytest.approx(120, abs=1)


async def test_who_never_ends_a_line_before_login_goes_sooner_even_when_adding_to_it(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(login_seconds=120, unfinished_line_seconds=60) as house:
        caller = house.call()
        start = trio.current_time()
        for _ in range(7):
            await caller.stream.send_all(b"x")
            await trio.sleep(8)
        said = await caller.read_to_end()
        assert said.endswith("* Your line did not end within 60 seconds. Goodbye.\r\n")
        assert trio.current_time() - start == pytest.approx(60, abs=2)


async def test_who_has_logged_in_may_be_silent_for_ever(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann = house.call()
        await ann.log_in("ann")
        await ann.stream.send_all(b"half a li")
        await trio.sleep(80_000)
        await ann.type("ne")
        await ann.read_until("* Nobody hears you in the hall.")


async def test_idleness_ends_a_session_only_where_it_is_limited(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(idle_seconds=600) as house:
        ann = house.call()
        await ann.log_in("ann")
        for _ in range(3):
            await trio.sleep(500)
            await ann.type("/rooms")
            await ann.read_until("* Rooms: python (0), write (0), pm (0)\r\n")
        start = trio.current_time()
        assert await ann.read_to_end() == "* You said nothing for 600 seconds. Goodbye.\r\n"
        assert trio.current_time() - start == pytest.approx(600, abs=1)


async def test_a_burst_of_lines_costs_nothing(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, bob = await house.ann_and_bob()
        await bob.read_until("* ann joined\r\n")
        await trio.sleep(60)
        start = trio.current_time()
        await ann.type(*(f"line {number}" for number in range(20)))
        await bob.read_until("line 19\r\n")
        assert trio.current_time() == start


async def test_a_flood_is_slowed_and_told_once_but_nothing_of_it_is_lost(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=4, message_burst=20) as house:
        ann, bob = await house.ann_and_bob()
        await bob.read_until("* ann joined\r\n")
        await trio.sleep(60)
        start = trio.current_time()
        await ann.type(*(f"line {number}" for number in range(120)))
        heard = await bob.read_until("line 119\r\n")
        assert heard == "".join(f"ann: line {number}\r\n" for number in range(120))
        assert trio.current_time() - start == pytest.approx(100 / 4)
        await ann.type("/back")
        told = await ann.read_until("* You are in the hall.\r\n")
        assert told.splitlines() == [
            "* You are sending faster than 4 lines a second; the rest follows in order.",
            "* You are in the hall.",
        ]


async def test_somebody_who_floods_is_told_again_after_a_quiet_time(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=4, message_burst=2) as house:
        ann = house.call()
        await ann.log_in("ann")
        for _ in range(2):
            await trio.sleep(60)
            await ann.type("a", "b", "c")
            await ann.read_until("follows in order.\r\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    "junk", [b"\x08" * 1000, b"\n" * 1000, b"\xff\xf1" * 500], ids=["backspaces", "empty lines", "NOPs"]
)
async def test_bytes_of_which_no_line_comes_are_no_free_way_to_keep_the_server_busy(
    autojump_clock: trio.abc.Clock, junk: bytes
) -> None:
    async with open_house(messages_per_second=4, message_burst=4) as house:
        ann = house.call()
        await ann.log_in("ann")
        start = trio.current_time()
        await ann.stream.send_all(junk * 150 + b"\n/rooms\n")
        await ann.read_until("* Rooms: ")
        assert trio.current_time() - start > 150_000 / 1024 / 4 * 0.9


async def test_a_flooder_who_is_gone_stops_being_heard(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, bob = await house.ann_and_bob()
        await ann.type(*(f"line {number}" for number in range(500)))
        await bob.read_until("line 40\r\n")
        await trio.aclose_forcefully(ann.stream)
        for text in ("are you there?", "hello?"):  # only writing shows that a connection is gone for good
            await bob.type(text)
            await trio.sleep(1)
        heard = await bob.read_until("* ann left\r\n")
        assert "line 499" not in heard


async def test_a_slow_reader_is_told_what_was_skipped_and_goes_on(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(waiting_bytes=2000, messages_per_second=0) as house:
        ann, bob = await house.ann_and_bob(bob_is_stuck=True)
        count = 2000
        for number in range(count):
            await ann.type(f"line {number}")
            await wait_all_tasks_blocked()
        said = (await bob.read_until("shows what was said.\r\n")).splitlines()
        heard = [line for line in said if line.startswith("ann: ")]
        skipped = int(said[-1].split()[1])
        assert heard == [f"ann: line {number}" for number in range(len(heard))], (
            "what came before is whole and in order"
        )
        assert skipped > 0
        assert len(heard) + skipped + len([line for line in said if line == "* ann joined"]) == count + 1
        await ann.type("live again")
        assert await bob.read_until("live again\r\n") == "ann: live again\r\n"
        assert said[-1].endswith(f" /since {len(heard)} shows what was said.")
        caught_up = len(heard)
        while caught_up <= count:  # the last is "live again"
            await bob.type(f"/since {caught_up}")
            page = (await bob.read_until(f" of {count + 1}.")).splitlines()
            lines = [line.split(" ", 2)[2] for line in page if line.startswith("#")]
            wanted = [f"ann: line {number}" for number in range(caught_up, min(caught_up + 50, count))]
            assert [line for line in lines if line != "ann: live again"] == wanted
            caught_up += len(lines)
        await bob.type("/online")
        await bob.read_until("* 1 other in python: ann\r\n")


async def test_before_login_far_less_may_wait(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(waiting_bytes_before_login=1000, messages_per_second=0) as house:
        caller = house.call(stuck=True)
        await trio.sleep(1)
        for _ in range(200):
            await caller.type("/help")
        (session,) = house.server._sessions
        assert session._outbox.size <= 1000
        await caller.read_until(" lines were skipped: your connection did not keep up.")


async def test_a_reader_who_takes_nothing_for_too_long_is_let_go_and_the_others_hear_of_it(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(no_progress_seconds=3600) as house:
        ann, _ = await house.ann_and_bob(bob_is_stuck=True)
        start = trio.current_time()
        await ann.type("x" * 4000, "y" * 4000)
        await ann.read_until("* bob left\r\n")
        assert trio.current_time() - start == pytest.approx(3600, abs=1)


async def test_a_caller_too_many_is_told_so(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(connections=2) as house:
        first, _, third = house.call(), house.call(), house.call()
        assert await third.read_to_end() == "* The server is full. Try again later.\r\n"
        await first.type("/logout")
        await first.read_to_end()
        await trio.sleep(1)
        await house.call().read_until("Type /login and a nickname to come in")


async def test_one_address_cannot_take_every_place(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(connections_per_address=1) as house:
        house.call("2001:db8::1")
        assert "too many connections from your address" in await house.call("2001:db8::2").read_to_end()
        await house.call("2001:db8:0:1::1").read_until("Type /login and a nickname to come in")


async def test_a_line_that_is_too_long_is_answered_and_the_session_goes_on(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, bob = await house.ann_and_bob()
        await ann.type("x" * 4097, "y" * 4096)
        await ann.read_until("* That line was longer than 4096 bytes and was not sent. Shorten it.\r\n")
        await bob.read_until(f"ann: {'y' * 4096}\r\n")


async def test_a_lost_connection_leaves_like_a_logout(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, bob = await house.ann_and_bob()
        await bob.read_until("* ann joined\r\n")
        await trio.aclose_forcefully(ann.stream)
        assert await bob.read_until("left\r\n") == "* ann left\r\n"
        again = house.call()
        await again.log_in("ann", "python")


async def test_a_bug_in_one_command_hurts_one_session_only(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(place: Room, session: Occupant, request: ListOnline) -> MaybeAwaitable:
        raise TypeError("a bug")

    monkeypatch.setitem(COMMANDS.open_to[MEMBER][ROOM], ListOnline, Command(broken))
    with capture_logs() as logged:
        async with open_house() as house:
            ann, bob = await house.ann_and_bob()
            await bob.read_until("* ann joined\r\n")
            await ann.type("/online")
            assert (
                await ann.read_to_end()
                == "* Something went wrong on the server's side, and has been noted. Goodbye.\r\n"
            )
            await bob.read_until("* ann left\r\n")
            await house.call().log_in("ann", "python")
    failures = [entry for entry in logged if entry["event"] == "a session failed"]
    assert [(entry["log_level"], type(entry["exc_info"])) for entry in failures] == [("error", TypeError)]


async def test_stopping_tells_everybody_and_delivers_what_waits(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, bob, stranger = house.call(), house.call(), house.call()
        await bob.log_in("bob", "python")
        await ann.log_in("ann", "python")
        await bob.read_until("* ann joined\r\n")
        await ann.type("last words")
        await wait_all_tasks_blocked()
        house.server.stop()
        assert await bob.read_to_end() == "ann: last words\r\n* The server is stopping. Goodbye.\r\n"
        assert (await stranger.read_to_end()).endswith("* The server is stopping. Goodbye.\r\n")
        await trio.sleep(1)
        assert house.exit_code == 0


async def test_when_everybody_leaves_because_the_server_stops_nobody_is_told_of_each(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        people = [house.call() for _ in range(5)]
        for number, person in enumerate(people):
            await person.log_in(f"u{number}", "python")
        await trio.sleep(10)
        house.server.stop()
        for person in people:
            assert " left" not in await person.read_to_end()


async def test_goodbye_is_the_last_word(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0) as house:
        ann, bob = await house.ann_and_bob()
        await trio.sleep(1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bob.type, *(f"line {number}" for number in range(1000)))
            nursery.start_soon(ann.type, "/logout")
        assert (await ann.read_to_end()).endswith("* Goodbye.\r\n")


async def test_a_reader_who_logs_out_and_does_not_read_is_let_go_soon(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, bob = await house.ann_and_bob(bob_is_stuck=True)
        await ann.type("x" * 4000, "y" * 4000)
        await trio.sleep(1)
        start = trio.current_time()
        await bob.type("/logout")
        while house.server._connections > 1:
            await trio.sleep(0.1)
        assert trio.current_time() - start == pytest.approx(5, abs=0.3)


async def test_a_stop_does_not_wait_longer_for_one_who_is_leaving_already(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(Config(server=ServerTable(stop_seconds=0.5))) as house:
        ann, bob = await house.ann_and_bob(bob_is_stuck=True)
        await ann.type("x" * 4000, "y" * 4000)
        await trio.sleep(1)
        await bob.type("/logout")
        await trio.sleep(0.1)
        start = trio.current_time()
        house.server.stop()
        await house.ended.wait()
        assert trio.current_time() - start == pytest.approx(0.5, abs=0.1)


async def test_after_login_far_more_may_wait_than_before(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(waiting_bytes_before_login=1000, waiting_bytes=1_000_000, messages_per_second=0) as house:
        ann, bob = await house.ann_and_bob(bob_is_stuck=True)
        await ann.type(*(f"line {number} {'x' * 100}" for number in range(1000)))
        await trio.sleep(1)
        assert "skipped" not in await bob.read_until("line 999 ")


async def test_what_a_throttled_sender_has_sent_costs_little_memory(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        caller = house.call()
        await caller.log_in("ann", "python")
        await caller.stream.send_all(b"ab\n" * 100_000)
        await trio.sleep(60)
        sizes = [
            len(requests)
            for requests in gc.get_objects()
            if type(requests) is list and requests and type(requests[0]) is Say
        ]
        assert sizes
        assert max(sizes) <= 512


async def test_waiting_for_ones_turn_is_not_idleness(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(idle_seconds=5, message_burst=1, messages_per_second=1) as house:
        ann = house.call()
        await ann.log_in("ann")
        await ann.type(*["/rooms"] * 30)
        said = await ann.read_to_end()
        assert said.count("* Rooms: ") == 30
        assert said.endswith("* You said nothing for 5 seconds. Goodbye.\r\n")


async def test_bytes_that_are_no_line_do_not_count_against_idleness(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(idle_seconds=5) as house:
        ann = house.call()
        await ann.log_in("ann")
        start = trio.current_time()
        with pytest.raises(trio.BrokenResourceError):  # noqa: PT012 - whichever of them meets it
            while True:
                await ann.stream.send_all(b"\0")
                await trio.sleep(1)
        assert trio.current_time() - start < 10


async def test_a_line_taken_just_before_stopping_is_delivered(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        _, bob = await house.ann_and_bob()
        (room,) = (room for room in house.server.rooms if room.name == "python")
        member = house.server.hall.directory._people["ann"].sessions[0]
        await trio.sleep(5)
        room.post(member, Say("last words"))
        house.server.stop()
        assert "ann: last words" in (await bob.read_to_end()).splitlines()


async def test_a_stuck_reader_holds_the_stop_up_for_no_longer_than_allowed_and_counts_as_cut(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(Config(server=ServerTable(stop_seconds=7))) as house:
        ann, _ = await house.ann_and_bob(bob_is_stuck=True)
        await ann.type("x" * 4000, "y" * 4000)
        await trio.sleep(5)
        start = trio.current_time()
        house.server.stop()
        await house.ended.wait()
        assert trio.current_time() - start == pytest.approx(7, abs=0.2)
        assert house.exit_code == 1


async def test_a_room_that_could_not_store_what_was_said_counts_as_cut_off(autojump_clock: trio.abc.Clock) -> None:
    journal = SlowJournal(1000)
    async with open_house(Config(server=ServerTable(stop_seconds=7)), journal) as house:
        ann = house.call()
        await ann.log_in("ann", "python")
        await ann.type("hello", "/logout")
        await ann.read_to_end()
        await trio.sleep(30)
        house.server.stop()
        await house.ended.wait()
        assert house.exit_code == 2, "her session could not leave the room in time, nor the room store the line"


async def test_a_second_request_stops_at_once(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(Config(server=ServerTable(stop_seconds=1000))) as house:
        ann, _ = await house.ann_and_bob(bob_is_stuck=True)
        await ann.type("x" * 4000, "y" * 4000)
        await trio.sleep(5)
        house.server.stop()
        await trio.sleep(5)
        start = trio.current_time()
        house.server.abort()
        await house.ended.wait()
        assert trio.current_time() - start < 1
        assert house.exit_code == 1


async def test_a_caller_who_comes_while_the_server_stops_is_not_kept(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        caller = house.call()
        house.server.stop()
        assert (await caller.read_to_end()).endswith("* The server is stopping. Goodbye.\r\n")
        await trio.sleep(1)
        assert house.exit_code == 0


SCRIPT = ("/login ann", "/join python", "hello", "/nick anna", "/join pm", "/back", "/logout")


async def _run_until_cancelled(step: int, how: str) -> bool:
    """Let a session go through SCRIPT and end it in this way just before its `step`-th step; return whether it came that far."""
    async with open_house(message_burst=3) as house:
        caller = house.call()
        came_that_far = False

        def act() -> None:
            nonlocal came_that_far
            came_that_far = True
            if how == "lost":
                house.nursery.start_soon(trio.aclose_forcefully, caller.stream)
            for session in house.server._sessions:
                if how == "dismissed":
                    session.dismiss("stopping", trio.current_time() + 5)
                elif how == "cut":
                    session.abort()

        counter = StepCounter(step, act)
        trio.lowlevel.add_instrument(counter)
        try:
            with trio.move_on_after(300):
                for line in SCRIPT:
                    await caller.type(line)
                    await trio.sleep(0.2)
                await caller.read_to_end()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            trio.lowlevel.remove_instrument(counter)
        await trio.sleep(300)
        _check_no_trace(house)
    return came_that_far


def _check_no_trace(house: House) -> None:
    assert house.server._sessions == {}
    assert house.server._connections == 0
    assert house.server._admission._by_network == {}
    assert house.server.hall.directory._people == {}
    assert [room.population for room in house.server.rooms] == [0, 0, 0]


@pytest.mark.parametrize("how", ["lost", "dismissed", "cut"])
async def test_wherever_a_session_ends_no_trace_of_it_stays(autojump_clock: trio.abc.Clock, how: str) -> None:
    step = 1
    while await _run_until_cancelled(step, how):
        step += 1
    assert step > len(SCRIPT), "the script was long enough to end it in many places"


@pytest.mark.slow
async def test_a_hundred_people_talk_and_nobody_misses_a_line(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0, connections_per_address=0) as house:
        people = [house.call() for _ in range(100)]
        for number, person in enumerate(people):
            await person.log_in(f"u{number}", "python")
        await trio.sleep(10)
        heard: dict[int, list[str]] = {}

        async def listen(number: int, person: Caller) -> None:
            await person.type(*(f"line {line}" for line in range(4)))
            wanted = 99 * 4
            lines: list[str] = []
            while len(lines) < wanted:
                line = (await person.read_until("\r\n")).strip()
                if not line.startswith("* "):
                    lines.append(line)
            heard[number] = lines

        async with trio.open_nursery() as nursery:
            for number, person in enumerate(people):
                nursery.start_soon(listen, number, person)
        order = [line for line in heard[0] if not line.startswith("u1:")]
        for number, lines in heard.items():
            assert len(set(lines)) == 99 * 4
            assert [line for line in lines if not line.startswith(("u0:", "u1:"))] == [
                line for line in order if not line.startswith(f"u{number}:")
            ], "everybody sees the same order"
