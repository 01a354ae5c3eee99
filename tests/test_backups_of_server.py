"""The copies that a server makes by itself: when, on virtual time; and by a real one, while people talk."""

import time
from pathlib import Path

import pytest
import trio

import canary
from archives import checked
from captured_logs import capture_logs
from chat_server.config import BackupTable
from chat_server.config_file import ConfigError, load
from chat_server.journal.backups import copies_in
from chat_server.journal.sqlite.ended_file import read_ended
from chat_server.server.backups import Backups, Found, NoCopy, by_process, look_into
from processes import TIMEOUT, ServerProcess, running_server
from test_backups import DAY, NOON, filled, keep
from test_kill_accounts import Program
from test_maintenance import command


class Clock:
    """A wall clock that goes on with virtual time, and can be set."""

    def __init__(self) -> None:
        self.ahead = NOON - trio.current_time()

    def __call__(self) -> float:
        return trio.current_time() + self.ahead


class House:
    """Copies that take a minute each, of a small journal, and when they were made, in days since the start."""

    def __init__(self, tmp_path: Path, every: str = "24h") -> None:
        self.data, self.directory = filled(tmp_path / "data").path, tmp_path / "backups"
        self.now = Clock()
        self.began = trio.current_time()
        self.made: list[float] = []
        self.problem = ""
        self.backups = Backups(BackupTable(every, 3), self.make, self.look, now=self.now)

    async def look(self) -> Found:
        return look_into(self.directory)

    async def make(self) -> None:
        self.made.append(round((trio.current_time() - self.began) / DAY, 2))
        await trio.sleep(60)
        if self.problem:
            raise NoCopy(self.problem)
        keep(self.data, self.directory, 3, self.now())


async def days(count: float) -> None:
    await trio.sleep(count * DAY)


async def test_one_is_made_at_once_and_then_each_time_and_its_age_is_told(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    house = House(tmp_path)
    assert house.backups.age is None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.backups.run)
        await days(3.5)
        assert house.made == [0, 1, 2, 3]
        assert house.backups.age == pytest.approx(DAY / 2 - 60, abs=2)
        assert (house.backups.made, house.backups.failed, house.backups.problem) == (4, 0, "")
        assert house.backups.seconds == pytest.approx(60)
        assert house.backups.size == copies_in(house.directory)[-1].path.stat().st_size
        assert [copy.number for copy in copies_in(house.directory)] == [2, 3, 4]
        nursery.cancel_scope.cancel()


async def test_after_a_start_the_next_one_is_due_when_the_last_one_is_old_enough(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    house = House(tmp_path)
    keep(house.data, house.directory, 3, house.now() - DAY / 4)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.backups.run)
        await trio.sleep(1)
        assert house.backups.age == pytest.approx(DAY / 4, abs=2)
        await days(1)
        assert house.made == [0.75]
        nursery.cancel_scope.cancel()


async def test_what_could_not_be_made_is_told_and_tried_again_in_a_quarter_of_an_hour(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    house = House(tmp_path)
    house.problem = "the disk is full"
    with capture_logs() as log:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(house.backups.run)
            await trio.sleep(2000)
            assert (house.backups.failed, house.backups.problem, house.backups.age) == (3, "the disk is full", None)
            assert [round(made * 86400 / 900) for made in house.made] == [0, 1, 2]
            house.problem = ""
            await trio.sleep(1000)
            assert (house.backups.made, house.backups.problem) == (1, "")
            await days(1)
            assert house.backups.made == 2
            nursery.cancel_scope.cancel()
    told = [line["event"] for line in log]
    assert told == ["a copy of the journal could not be made"] * 3 + ["a copy of the journal is made"] * 2


async def test_other_settings_count_at_once_and_one_that_is_being_made_is_begun_anew(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    house = House(tmp_path, "")
    elsewhere = tmp_path / "elsewhere"

    async def make_elsewhere() -> None:
        house.made.append(-1)
        await trio.sleep(60)
        keep(house.data, elsewhere, 1, house.now())

    async def look_elsewhere() -> Found:
        return look_into(elsewhere)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.backups.run)
        await days(2)
        assert house.made == [], "none are made"
        house.backups.use(BackupTable("24h", 3), house.make, house.look)
        await days(1.5)
        assert house.made == [2, 3]
        house.backups.use(BackupTable("12h", 3), house.make, house.look)
        await days(1.1)
        assert house.made == [2, 3, 3.5, 4, 4.5]
        house.backups.use(BackupTable("12h", 1), make_elsewhere, look_elsewhere)
        await trio.sleep(30)
        assert house.backups.age is None, "there is none elsewhere"
        house.backups.use(BackupTable("24h", 1), make_elsewhere, look_elsewhere)
        await days(0.5)
        assert house.made[5:] == [-1, -1]
        assert len(copies_in(elsewhere)) == 1
        assert house.backups.made == 6
        house.backups.use(BackupTable("", 1), make_elsewhere, look_elsewhere)
        await days(5)
        assert len(house.made) == 7
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("trouble", [OSError(5, "Input/output error"), ValueError("of ours")])
async def test_a_copy_that_is_made_and_cannot_be_looked_at_is_made(
    tmp_path: Path, autojump_clock: trio.abc.Clock, trouble: Exception
) -> None:
    house = House(tmp_path)
    looks = 0

    async def look() -> Found:
        nonlocal looks
        looks += 1
        if looks == 2:  # after the first copy
            raise trouble
        return await house.look()

    backups = Backups(BackupTable("24h", 3), house.make, look, now=house.now)
    with capture_logs() as log:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(backups.run)
            await days(0.5)
            assert (backups.made, backups.failed, backups.problem) == (1, 0, "")
            assert backups.age == pytest.approx(DAY / 2 - 60, abs=2)
            await days(1)
            assert house.made == [0, 1], "no other one is made in a quarter of an hour"
            assert backups.size
            nursery.cancel_scope.cancel()
    assert [(line["log_level"], line["event"]) for line in log][:2] == [
        ("error", "a copy of the journal is made, but the directory it is in cannot be looked at"),
        ("info", "a copy of the journal is made"),
    ]


async def test_a_clock_that_jumps_makes_one_more_at_most_and_none_go_at_once(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    house = House(tmp_path)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.backups.run)
        await days(0.5)
        house.now.ahead += 1e9
        await days(1)
        house.now.ahead -= 2e9
        await days(1)
        assert house.backups.age is not None
        assert house.made == [0, 1, 2], "whoever sets the clock changes nothing of that"
        assert len(copies_in(house.directory)) == 3
        nursery.cancel_scope.cancel()
    for ahead in (0.0, 3e9):  # started again, with a clock that is right, and one that is wrong
        house.now.ahead = NOON - trio.current_time() + ahead
        again = Backups(BackupTable("24h", 3), house.make, house.look, now=house.now)
        before = len(house.made)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(again.run)
            await days(0.5)
            nursery.cancel_scope.cancel()
        assert len(house.made) == before + 1
        assert len(copies_in(house.directory)) == 3


async def test_whatever_else_goes_wrong_ends_nothing(tmp_path: Path, autojump_clock: trio.abc.Clock) -> None:
    house = House(tmp_path)

    async def break_() -> None:
        house.made.append(0)
        raise ZeroDivisionError

    backups = Backups(BackupTable("24h", 3), break_, house.look, now=house.now)
    with capture_logs():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(backups.run)
            await trio.sleep(2000)
            assert len(house.made) == 3
            nursery.cancel_scope.cancel()


async def test_a_process_that_cannot_make_one_says_why(tmp_path: Path) -> None:
    with pytest.raises(NoCopy, match=f"^there is no journal in {tmp_path}/none$"), trio.fail_after(TIMEOUT):
        await by_process(tmp_path / "none", tmp_path / "backups", 3)()


async def test_a_process_that_makes_one_ends_with_the_server(tmp_path: Path) -> None:
    data = filled(tmp_path / "data", 20_000).path
    with trio.move_on_after(0.05) as scope:  # an interpreter takes longer to start, wherever it is
        await by_process(data, tmp_path / "backups", 3)()
    assert scope.cancelled_caught
    assert copies_in(tmp_path / "backups") == []


def test_a_server_makes_copies_while_people_talk_and_says_so(tmp_path: Path) -> None:
    settings, data = tmp_path / "chat.toml", tmp_path / "data"
    settings.write_text(f'[backup]\nevery = "10s"\nkeep = 2\ndirectory = "{tmp_path}/backups"\n')
    with running_server("--config", str(settings), data=data) as server:
        ann = Program(server.port)
        ann.ask("login", nick="ann")
        ann.ask("join", room="python")
        deadline = time.monotonic() + TIMEOUT
        said = 0
        while len(copies_in(tmp_path / "backups")) < 2:
            assert time.monotonic() < deadline, server.log
            said += 1
            assert ann.ask("say", room="python", text=f"line {said}")["is"] == "stored"
            time.sleep(0.3)
        server.wait_for_log("a copy of the journal is made file=")
        shown = command("admin", "stats", "--data", data).stdout
        assert "one every 10 s" in shown
        ann.close()
        assert server.stop() == 0
    newest = copies_in(tmp_path / "backups")[-1].path
    found = checked(newest, tmp_path / "none")
    assert found.problems == []
    assert 0 < found.lines <= said


def test_a_reload_has_a_server_make_copies_elsewhere_and_none_any_more(tmp_path: Path) -> None:
    settings, data, first, second = (tmp_path / name for name in ("chat.toml", "data", "first", "second"))
    settings.write_text("# no copies\n")
    with running_server("--config", str(settings), data=data) as server:
        assert "backup" not in command("admin", "stats", "--data", data).stdout
        for directory in (first, second):
            settings.write_text(f'[backup]\nevery = "24h"\nkeep = 2\ndirectory = "{directory}"\n')
            done = command("admin", "reload", "--data", data)
            assert done.stdout.startswith("changed: backup."), done
            server.wait_for_log("a copy of the journal is made file=")
            assert str(directory) in server.log[-1]
            assert len(copies_in(directory)) == 1
            assert "one every 1 d 0 h" in command("admin", "stats", "--data", data).stdout
        settings.write_text("# no copies\n")
        assert "backup.every" in command("admin", "reload", "--data", data).stdout
        assert "backup" not in command("admin", "stats", "--data", data).stdout
        assert server.stop() == 0


IMPATIENT = """
import sys
from chat_server.cli import main
from chat_server.server import backups

backups.BESIDE_SECONDS = 0.1
sys.exit(main())
"""


def test_who_is_erased_after_a_copy_is_soon_in_the_list_beside_it(tmp_path: Path) -> None:
    settings, data, directory = tmp_path / "chat.toml", tmp_path / "data", tmp_path / "backups"
    settings.write_text(f'[backup]\nevery = "24h"\ndirectory = "{directory}"\n')
    server = ServerProcess("--config", str(settings), data=data, program=("-c", IMPATIENT))
    try:
        carol = Program(server.port)
        assert carol.ask("register", nick="carol", password=canary.PASSWORD)["is"] == "registered"
        server.wait_for_log("a copy of the journal is made file=")
        assert command("admin", "accounts", "--data", data, "carol", "erase", "--yes").returncode == 0
        carol.close()
        deadline = time.monotonic() + TIMEOUT
        while [one.ending for one in read_ended(directory / "ended")] != ["erase"]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert server.stop() == 0
    finally:
        server.kill()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[backup]\nevery = "24"', "backup.every: '24': expected a time from 10s to 366d such as 24h, 90m or 7d"),
        ('[backup]\nevery = "9s"', "backup.every: '9s': expected a time from 10s to 366d such as 24h, 90m or 7d"),
        ("[backup]\nkeep = 0", "backup.keep: expected a whole number >= 1"),
        (
            '[journal]\nengine = "postgresql"\n[backup]\nevery = "24h"',
            'backup.every: expected engine = "sqlite"; of postgresql the server makes no copies: PostgreSQL\'s own programs do (docs/durability.md)',
        ),
        (
            '[journal]\nengine = "memory"\n[backup]\nevery = "24h"',
            'backup.every: expected engine = "sqlite"; of memory the server makes no copies: nothing is kept',
        ),
    ],
)
def test_settings_that_cannot_be_are_refused_in_a_sentence(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(text, "x.toml")
    assert str(refused.value) == f"x.toml: {complaint}"


async def test_what_is_said_of_a_copy_that_is_made_all_the_same_is_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho 'chat-server: an older copy cannot be deleted: x.db' >&2\n")
    program.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(program))
    with capture_logs() as log, trio.fail_after(TIMEOUT):
        await by_process(tmp_path, tmp_path / "backups", 3)()
    assert [(line["log_level"], line["why"]) for line in log] == [("warning", "an older copy cannot be deleted: x.db")]
