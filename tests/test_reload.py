"""Every setting that a reload changes, played in a server that runs; all or nothing; and what waits for a restart.

The file and the process are in test_reload_programs.py, the certificate in test_certificate_in_use.py.
"""

import re
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import partial
from typing import Any

import pytest
import trio
from msgspec.structs import fields, replace
from trio.testing import wait_all_tasks_blocked

from captured_logs import capture_logs
from chat_server.config import Config
from chat_server.config_changes import changes_between
from chat_server.config_file import load
from chat_server.journal import JournalError
from chat_server.journal.memory import MemoryJournal
from chat_server.server.config_in_use import READ_SECONDS, ConfigInUse, NotReloaded
from chat_server.server.listening import keep_alive, open_listeners
from chat_server.sessions.keep_alive import NOP
from chat_server.sessions.token_bucket import TokenBucket
from chat_server.setting_kinds import AT_ONCE, COMERS, NEXT, RESTART, waits_for_restart, when_changed
from processes import ROOT, TIMEOUT
from streams import Caller, House, open_house

BEFORE = load("[server]\nname = 'before'\n[limits]\nmessages_per_second = 1000\nsilence_seconds = 0\n", "before")

Play = Callable[[House, Callable[[], Awaitable[None]]], Awaitable[None]]
PLAYS: dict[str, tuple[object, Play]] = {}


def plays(setting: str, value: object, **before: object) -> Callable[[Play], Play]:
    """A play of what another value of a setting changes: it sees how it is, reloads, and sees how it is then."""

    def keep(play: Play) -> Play:
        PLAYS[setting] = value, play
        if before:
            OLD[setting] = before["before"]
        return play

    return keep


OLD: dict[str, object] = {}


def changed(config: Config, setting: str, value: object) -> Config:
    table, _, name = setting.partition(".")
    return replace(config, **{table: replace(getattr(config, table), **{name: value})})


async def use(house: House, config: Config) -> None:
    """As a reload does, but for the file: a thread would have the virtual clock run away."""
    usable = changes_between(house.server.in_effect.config, config).usable
    in_effect = house.server.in_effect
    for put in [await prepare(usable) for prepare in (in_effect.prepared, in_effect.rooms_prepared)]:
        put()
    await wait_all_tasks_blocked()


async def hello(house: House) -> dict[str, Any]:
    program = house.connect()
    await program.ask("hello", protocol=2)
    return await program.wait_for("hello")


@plays("server.name", "after")
async def _(house: House, reload: Callable[[], Awaitable[None]]) -> None:
    assert (await hello(house))["server"] == "before"
    await reload()
    assert (await hello(house))["server"] == "after"


@plays("server.language", "zh")
async def _(house: House, reload: Callable[[], Awaitable[None]]) -> None:
    here = house.call()
    await here.read_until("/help for more")
    await reload()
    await house.call().read_until("您好")
    await here.type("/nothing")
    await here.read_until("There is no command")


@plays("server.stop_seconds", 3.0)
async def _(house: House, reload: Callable[[], Awaitable[None]]) -> None:
    _, bob = await house.ann_and_bob(bob_is_stuck=True)
    await bob.type(*["/help"] * 5)
    await trio.sleep(1)
    await reload()
    began = trio.current_time()
    house.server.stop()
    await house.ended.wait()
    assert 3 <= trio.current_time() - began < 6


@plays("rooms.names", ["python", "tea"])
async def _(house: House, reload: Callable[[], Awaitable[None]]) -> None:
    ann = house.call()
    await ann.log_in("ann", "write")
    await reload()
    await ann.type("/join tea", "/rooms")
    await ann.read_until("You are in tea")
    assert "write (0)" in await ann.read_until("pm (0)")


async def _words(house: House, reload: Callable[[], Awaitable[None]], tag: str) -> None:
    program = house.connect()
    await program.enter("robot", "python")
    await program.ask("say", room="python", text="spam")
    await program.wait_for("said")
    await reload()
    await program.ask("say", room="python", text="spam")
    await program.wait_for(tag)


plays("rooms.held_words", ["spam"])(partial(_words, tag="line-held"))
plays("rooms.refused_words", ["spam"])(partial(_words, tag="refused"))


@plays("history.on_entering", 2)
async def _(house: House, reload: Callable[[], Awaitable[None]]) -> None:
    ann, bob = await house.ann_and_bob()
    await ann.type(*(f"line {number}" for number in range(5)))
    await bob.read_until("line 4\r\n")
    await reload()
    carol = house.call()
    await carol.log_in("carol")
    await carol.type("/join python")
    seen = await carol.read_until("line 4\r\n")
    assert "line 3" in seen
    assert "line 2" not in seen


@plays("history.time_zone", "Asia/Tokyo", before="Europe/Berlin")
async def _(house: House, reload: Callable[[], Awaitable[None]]) -> None:
    for zone in ("Europe/Berlin", "Asia/Tokyo"):
        comer = house.call()
        await comer.log_in(f"n{zone[:2]}")
        await comer.type("/time")
        await comer.read_until(zone)
        await reload()


class Pruned(MemoryJournal):
    """Notes what is to be deleted."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[float, int]] = []

    async def prune(self, before: float, keep_lines: int) -> Any:
        self.asked.append((before, keep_lines))
        return await super().prune(before, keep_lines)


async def _kept(house: House, reload: Callable[[], Awaitable[None]], column: int) -> None:
    journal = house.server._journal
    assert isinstance(journal, Pruned)
    await trio.sleep(1)
    first = journal.asked[-1][column]
    await reload()
    await trio.sleep(901)
    assert journal.asked[-1][column] > first


plays("history.keep_days", 1.0)(partial(_kept, column=0))
plays("history.keep_lines", 5)(partial(_kept, column=1))


@plays("limits.connections", 1)
async def _(house: House, reload: Callable[[], Awaitable[None]]) -> None:
    here = [house.call(f"192.0.2.{number}") for number in range(2)]
    for one in here:
        await one.read_until("/help for more")
    await reload()
    assert "The server is full" in await house.call("192.0.2.9").read_to_end()
    await here[0].type("/login ann")
    await here[0].read_until("Welcome")


@plays("limits.connections_per_address", 1)
async def _(house: House, reload: Callable[[], Awaitable[None]]) -> None:
    here = [house.call() for number in range(2)]
    for one in here:
        await one.read_until("/help for more")
    await reload()
    assert "too many connections from your address" in await house.call().read_to_end()
    await here[0].type("/login ann")
    await here[0].read_until("Welcome")


async def seconds_for(ann: Caller, bob: Caller, lines: int, mark: str) -> float:
    began = trio.current_time()
    await ann.type(*(f"{mark} {number}" for number in range(lines)))
    await bob.read_until(f"{mark} {lines - 1}\r\n")
    return trio.current_time() - began


async def _rate(house: House, reload: Callable[[], Awaitable[None]], seconds: float) -> None:
    ann, bob = await house.ann_and_bob()
    await trio.sleep(1000)
    assert await seconds_for(ann, bob, 10, "a") < 1
    await trio.sleep(1000)
    await reload()
    await seconds_for(ann, bob, 400, "b")
    await trio.sleep(1000)
    assert await seconds_for(ann, bob, 420, "c") == pytest.approx(seconds, rel=0.1)


plays("limits.messages_per_second", 2.0)(partial(_rate, seconds=400 / 2))
plays("limits.requests_per_address", 4.0)(partial(_rate, seconds=20 / 4))
plays("limits.request_burst_per_address", 20)(partial(_rate, seconds=400 / 40))


@plays("limits.message_burst", 500)
async def _(house: House, reload: Callable[[], Awaitable[None]]) -> None:
    ann, bob = await house.ann_and_bob()
    await reload()
    await trio.sleep(100)
    assert await seconds_for(ann, bob, 300, "a") < 0.1, "280 more than before, for which 0.28 seconds are needed"


async def _longest(house: House, reload: Callable[[], Awaitable[None]]) -> None:
    ann, bob = await house.ann_and_bob()
    await ann.type("x" * 200)
    await bob.read_until("x" * 200)
    await reload()
    await ann.type("y" * 200, "short")
    await ann.read_until("100 bytes")
    assert "y" not in await bob.read_until("short\r\n")


plays("limits.line_bytes", 100)(_longest)


async def _longest_of_programs(house: House, reload: Callable[[], Awaitable[None]], code: str) -> None:
    program = house.connect()
    await program.enter("robot", "python")
    await program.ask("say", room="python", text="x" * 300)
    await program.wait_for("said")
    await reload()
    await program.ask("say", room="python", text="y" * 300)
    assert (await program.wait_for("refused"))["code"] == code


plays("limits.json_line_bytes", 200)(partial(_longest_of_programs, code="line-too-long"))
plays("limits.text_bytes", 200)(partial(_longest_of_programs, code="text-too-long"))


async def _ends(house: House, reload: Callable[[], Awaitable[None]], first: bytes, then: bytes, told: str) -> None:
    """Somebody ends 7 seconds after the reload, or after they have come, or after the next thing that they do."""
    if told.startswith("You did not log in"):
        await reload()
    one = house.call()
    await one.read_until("/help for more")
    if first:
        await one.type("/login ann")
        await one.read_until("Welcome")
        await reload()
    elif then:
        await reload()
    await one.stream.send_all(then)
    began = trio.current_time()
    assert told in await one.read_to_end()
    assert trio.current_time() - began == pytest.approx(7, abs=1)


plays("limits.login_seconds", 7.0)(partial(_ends, first=b"", then=b"", told="You did not log in within 7"))
plays("limits.unfinished_line_seconds", 7.0)(partial(_ends, first=b"", then=b"x", told="did not end within 7"))
plays("limits.idle_seconds", 7.0)(partial(_ends, first=b"ann", then=b"", told="You said nothing for 7 seconds"))


@plays("limits.no_progress_seconds", 7.0)
async def _(house: House, reload: Callable[[], Awaitable[None]]) -> None:
    ann, bob = await house.ann_and_bob(bob_is_stuck=True)
    await reload()
    began = trio.current_time()
    await bob.type(*["/help"] * 3)
    await ann.read_until("* bob left")
    assert trio.current_time() - began == pytest.approx(7, abs=1)


@plays("limits.sessions_per_person", 1)
async def _(house: House, reload: Callable[[], Awaitable[None]]) -> None:
    first, second, third = house.connect(), house.connect(), house.connect()
    token = (await first.enter("robot"))["token"]
    await second.ask("login", nick="robot", token=token, session="add")
    await second.wait_for("logged-in")
    await reload()
    await third.ask("login", nick="robot", token=token, session="add")
    assert (await third.wait_for("refused"))["code"] == "too-many-sessions"


async def _rooms(house: House, reload: Callable[[], Awaitable[None]], code: str) -> None:
    program = house.connect()
    await program.enter("robot")
    await program.ask("create", room="first")
    await program.wait_for("room-created")
    await reload()
    await program.ask("create", room="second")
    assert (await program.wait_for("refused"))["code"] == code


plays("limits.rooms", 3)(partial(_rooms, code="rooms-full"))
plays("limits.rooms_per_person", 1)(partial(_rooms, code="rooms-by-person"))
plays("limits.rooms_per_address", 1)(partial(_rooms, code="rooms-by-address"))


@plays("limits.rooms_owned", 1)
async def _(house: House, reload: Callable[[], Awaitable[None]]) -> None:
    assert house.server.hall.directory.owned_max == 20
    await reload()
    assert house.server.hall.directory.owned_max == 1


@plays("limits.keepalive_seconds", 7.0)
async def _(house: House, reload: Callable[[], Awaitable[None]]) -> None:
    await reload()
    (listener,) = open_listeners("127.0.0.1", 0, 60)
    with closing(listener):
        for seconds in (7.0, 0.0):
            keep_alive([listener], seconds)
            with socket.create_connection(listener.getsockname()):
                await trio.lowlevel.wait_readable(listener)
                accepted, _ = listener.accept()
                with accepted:
                    assert bool(accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)) == bool(seconds)
                    if seconds:
                        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == seconds


@plays("limits.nop_seconds", 7.0, before=0.0)
async def _(house: House, reload: Callable[[], Awaitable[None]]) -> None:
    ann = house.call()
    await ann.log_in("ann")
    await ann.stream.send_all(b"\xff\xfd\x01")  # telnet, then
    await trio.sleep(60)
    await reload()
    assert NOP not in bytes(ann._received)
    await ann.type("/rooms")
    await ann.read_until("Rooms:")
    await trio.sleep(20)
    with trio.move_on_after(1):
        ann._received += await ann.stream.receive_some(1000)
    assert bytes(ann._received).count(NOP) == 2


@plays("limits.silence_seconds", 9.0)
async def _(house: House, reload: Callable[[], Awaitable[None]]) -> None:
    program = house.connect()
    await program.enter("robot")
    await trio.sleep(100)
    await reload()
    await program.ask("ping")
    began = trio.current_time()
    assert [event["is"] for event in await program.rest()][-1] == "dismissed"
    assert trio.current_time() - began == pytest.approx(9, abs=1)


async def _waiting(house: House, reload: Callable[[], Awaitable[None]], who: str) -> None:
    _, bob = await house.ann_and_bob()
    stranger = house.call(stuck=True)
    await trio.sleep(1)
    of = {bool(session.nick): session._outbox for session in house.server._sessions}
    before = of[bool(who)].limit
    await reload()
    assert (of[bool(who)].limit, of[not who].limit != 12345) == (12345, True)
    assert before != 12345
    del bob, stranger


plays("limits.waiting_bytes", 12345)(partial(_waiting, who="bob"))
plays("limits.waiting_bytes_before_login", 12345)(partial(_waiting, who=""))


@plays("limits.waiting_total_bytes", 12345)
async def _(house: House, reload: Callable[[], Awaitable[None]]) -> None:
    assert house.server._budget.limit == 256 * 2**20
    await reload()
    assert house.server._budget.limit == 12345


@plays("accounts.guests", False)
async def _(house: House, reload: Callable[[], Awaitable[None]]) -> None:
    ann, bob = await house.ann_and_bob()
    await reload()
    carol = house.call()
    await carol.type("/login carol")
    await carol.read_until("Only people with an account")
    await ann.type("still here")
    await bob.read_until("still here")


@plays("accounts.registration", "closed", before="open")
async def _(house: House, reload: Callable[[], Awaitable[None]]) -> None:
    ann = house.connect("127.0.0.1")
    await ann.enter("ann")
    await reload()
    await ann.ask("register", password="three words here")
    assert (await ann.wait_for("refused"))["code"] == "registration-closed"


@plays("accounts.invitations", "all")
async def _(house: House, reload: Callable[[], Awaitable[None]]) -> None:
    def makers() -> str:
        return house.server.hall.directory.authentication.policy.invitations

    assert makers() == "owners"
    await reload()
    assert makers() == "all"


@plays("tls.require", "all")
async def _(house: House, reload: Callable[[], Awaitable[None]]) -> None:
    here = house.call()
    await here.read_until("/help for more")
    await reload()
    assert "Only encrypted connections" in await house.call().read_to_end()
    await here.type("/login ann")
    await here.read_until("Welcome")


@plays("proxy.trusted", ["192.0.2.0/24"])
async def _(house: House, reload: Callable[[], Awaitable[None]]) -> None:
    here = house.call()
    await here.read_until("/help for more")
    await reload()
    proxied = house.call()
    await proxied.stream.send_all(b"PROXY TCP4 203.0.113.7 192.0.2.1 4000 5000\r\n")
    await proxied.read_until("/help for more")
    assert sorted(session.caller.origin.address for session in house.server._sessions) == ["192.0.2.1", "203.0.113.7"]


IN_PROCESS = {"log.format", "log.verbose", "log.addresses"}
"""Played in test_reload_programs.py."""

COPIES = {"backup.every", "backup.keep", "backup.directory"}
"""Played in test_backups_of_server.py."""

WATCHED = {"metrics.listen"}
"""Played in test_monitor_programs.py."""

WITH_FILES = {"tls.certificate", "tls.key"}
"""Played in test_certificate_in_use.py."""


async def play_of(setting: str, *, is_reloaded: bool) -> None:
    value, play = PLAYS[setting]
    before = changed(BEFORE, setting, OLD[setting]) if setting in OLD else BEFORE
    journal = Pruned() if setting.startswith("history.keep") else None
    async with open_house(before, journal) as house:
        with trio.fail_after(5000):
            await play(house, partial(use, house, changed(before, setting, value) if is_reloaded else before))


@pytest.mark.parametrize("setting", PLAYS)
async def test_a_reload_changes_it_while_people_are_there(setting: str, autojump_clock: trio.abc.Clock) -> None:
    await play_of(setting, is_reloaded=True)


@pytest.mark.parametrize("setting", sorted(PLAYS.keys() - {"limits.keepalive_seconds"}))
async def test_no_play_ends_well_where_it_is_not_reloaded(setting: str, autojump_clock: trio.abc.Clock) -> None:
    with pytest.raises(BaseExceptionGroup):
        await play_of(setting, is_reloaded=False)


def settings() -> dict[str, object]:
    """All settings, with the type of each."""
    return {
        f"{table.name}.{one.name}": one.type
        for table in fields(Config)
        for one in fields(getattr(Config(), table.name))
    }


def test_every_setting_that_a_reload_changes_is_played() -> None:
    reloadable = {name for name, kind in settings().items() if not waits_for_restart(kind)}
    assert reloadable == PLAYS.keys() | IN_PROCESS | WITH_FILES | COPIES | WATCHED


@pytest.mark.parametrize("setting", sorted(name for name, kind in settings().items() if waits_for_restart(kind)))
def test_each_other_is_named_as_waiting_and_keeps_its_value(setting: str) -> None:
    table, _, name = setting.partition(".")
    now = getattr(getattr(Config(), table), name)
    other = {bool: not now, str: f"{now}x", int: 7, float: 7.0}.get(type(now), now)
    changes = changes_between(Config(), changed(Config(), setting, other))
    assert (changes.usable, changes.changed, changes.waiting) == (Config(), (), (setting,))


def test_the_document_says_of_each_when_it_counts() -> None:
    text = (
        (ROOT / "docs" / "settings.md")
        .read_text(encoding="utf-8")
        .partition("## When a changed setting counts")[2]
        .partition("\n## ")[0]
    )
    parts = re.split(r"^(?=For |At )", text, flags=re.MULTILINE)[1:]
    said = [set(re.findall(r"`(\w+\.\w+)`", part)) for part in parts]
    kinds = [AT_ONCE, NEXT, COMERS, RESTART]
    assert said == [{name for name, kind in settings().items() if when_changed(kind) == one["reload"]} for one in kinds]


# --- all or nothing


class File:
    """What is read at the next reload."""

    def __init__(self, text: str = "") -> None:
        self.text = text
        self.readings = 0

    def read(self) -> Config:
        self.readings += 1
        return load(self.text, "chat.toml")


async def test_what_cannot_be_used_changes_nothing_and_says_why() -> None:
    used: list[Config] = []

    async def first(config: Config) -> Callable[[], None]:
        return lambda: used.append(config)

    async def second(config: Config) -> Callable[[], None]:
        if config.server.name == "bad":
            raise NotReloaded("it is bad")
        return lambda: used.append(config)

    file = File("[limits]\nrooms = 7")
    in_use = ConfigInUse(Config(), file.read, clock=lambda: 1000.0)
    assert (in_use.generation, in_use.tried_at, in_use.has_failed) == (1, 0.0, False)
    with capture_logs() as logs, in_use.used_by(first, second):
        assert (await in_use.reload()).changed == ("limits.rooms",)
        assert used == [in_use.config] * 2
        for text, why in (
            ("[server]\nname = 'bad'", "it is bad"),
            ("[limits", "chat.toml: not TOML"),
            ("x = 1", "unknown key"),
        ):
            file.text = text
            with pytest.raises(NotReloaded, match=f"^the configuration stays as it was: .*{why}"):
                await in_use.reload()
            assert (in_use.generation, in_use.has_failed, in_use.config.limits.rooms) == (2, True, 7)
            assert why in logs[-1]["why"]
        file.text = "[server]\nport = 7"
        assert await in_use.reload() == (3, ("limits.rooms",), ("server.port",))
        assert logs[-1]["event"] == "changed, but waiting for a restart: server.port"
        assert await in_use.reload() == (4, (), ("server.port",)), "as long as it waits it is said"
        assert (in_use.config, in_use.has_failed, in_use.tried_at) == (Config(), False, 1000.0)
    assert used == [used[0]] * 2 + [Config()] * 4


async def test_a_part_that_cannot_put_it_into_effect_hurts_no_other() -> None:
    used: list[str] = []

    async def bad(config: Config) -> Callable[[], None]:
        return lambda: used.append(1 / 0)  # type: ignore[arg-type]

    async def good(config: Config) -> Callable[[], None]:
        return lambda: used.append("good")

    in_use = ConfigInUse(Config(), File().read)
    with capture_logs() as logs, in_use.used_by(bad, good):
        await in_use.reload()
    assert used == ["good"]
    assert logs[0]["event"] == "a changed setting could not be put into effect"


async def test_of_two_at_a_time_the_second_reads_what_there_is_then_and_signals_meanwhile_count_once() -> None:
    file = File("[limits]\nrooms = 1")
    in_use = ConfigInUse(Config(), file.read)
    seen: list[int] = []
    is_read, may_go_on, is_used = trio.Semaphore(0), trio.Semaphore(0), trio.Semaphore(0)

    async def slow(config: Config) -> Callable[[], None]:
        is_read.release()
        await may_go_on.acquire()

        def use() -> None:
            seen.append(config.limits.rooms)
            is_used.release()

        return use

    with capture_logs(), trio.fail_after(TIMEOUT), in_use.used_by(slow):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(in_use.reload)
            await is_read.acquire()
            file.text = "[limits]\nrooms = 2"
            nursery.start_soon(in_use.reload)
            for _ in range(2):
                may_go_on.release()
                await is_used.acquire()
        assert seen == [1, 2]
        await is_read.acquire()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(in_use.run)
            for _ in range(3):
                in_use.ask()
            await is_read.acquire()
            for _ in range(20):
                in_use.ask()
            for _ in range(2):
                may_go_on.release()
                await is_used.acquire()
            await wait_all_tasks_blocked(0.05)
            nursery.cancel_scope.cancel()
    assert file.readings == 4


async def test_a_file_that_cannot_be_read_in_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat_server.server.config_in_use.READ_SECONDS", 0.05)
    goes_on = threading.Event()

    def read() -> Config:
        goes_on.wait(TIMEOUT)
        return Config()

    in_use = ConfigInUse(Config(), read)
    with capture_logs(), in_use.used_by():
        with pytest.raises(NotReloaded, match="could not be read within"):
            await in_use.reload()
        monkeypatch.undo()
        goes_on.set()
        assert (await in_use.reload()).generation == 2
    assert READ_SECONDS == 30


async def test_without_anything_to_be_read_an_operator_is_told_so(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        (told,) = await house.ask_as_operator("reload")
        assert (told["is"], told["why"]) == (
            "not-done",
            "the configuration stays as it was: there is nothing to be read again",
        )


async def test_a_room_that_cannot_be_made_is_no_reload(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise JournalError("disk full")

    async with open_house(BEFORE) as house:
        monkeypatch.setattr(MemoryJournal, "create_room", fail)
        with pytest.raises(NotReloaded, match=r"rooms\.names: .*disk full"):
            await use(house, changed(BEFORE, "rooms.names", ["tea"]))
        assert house.server.in_effect.config == BEFORE


async def test_of_rooms_of_which_one_cannot_be_made_none_is_there_until_all_are(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_room = MemoryJournal.create_room
    is_full = True

    async def create(journal: MemoryJournal, name: str, **how: Any) -> None:
        if name == "coffee" and is_full:
            raise JournalError("disk full")
        await create_room(journal, name, **how)

    monkeypatch.setattr(MemoryJournal, "create_room", create)
    with_more = changed(BEFORE, "rooms.names", ["python", "tea", "coffee"])
    async with open_house(BEFORE) as house:
        with pytest.raises(NotReloaded, match=r"rooms\.names: .*disk full"):
            await use(house, with_more)
        before = [room.name for room in house.server.rooms]
        assert before == BEFORE.rooms.names
        is_full = False
        await use(house, with_more)
        assert [room.name for room in house.server.rooms] == [*before, "tea", "coffee"]
        ids = {record.name: record.id for record in await house.server._journal.rooms()}
        assert {room.name: room.id for room in house.server.rooms} == ids


async def test_a_limit_that_ends_and_begins_again_counts_for_all_who_are_there(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat_server.server.in_effect.SESSIONS_AT_ONCE", 1)
    async with open_house(BEFORE) as house:
        ann, bob = await house.ann_and_bob()
        for rate, seconds in ((0.0, 0), (4.0, 25), (0.0, 0), (2.0, 50)):
            await use(house, changed(BEFORE, "limits.messages_per_second", rate))
            assert await seconds_for(ann, bob, 120, f"at {rate} {seconds}") == pytest.approx(seconds, abs=2)


async def test_who_goes_while_others_are_given_their_new_limits_needs_none(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat_server.server.in_effect.SESSIONS_AT_ONCE", 1)
    async with open_house(BEFORE) as house:
        people = [house.connect() for _ in range(50)]
        for number, program in enumerate(people):
            await program.enter(f"ann{number}")
        with capture_logs() as logged:
            for session in house.server._sessions:
                session.abort()
            await use(house, changed(BEFORE, "limits.idle_seconds", 7.0))
        assert [entry for entry in logged if entry["log_level"] == "error"] == []


def test_a_smaller_burst_is_no_debt_and_a_larger_one_is_there_at_once() -> None:
    bucket = TokenBucket(1, 20, 0)
    assert bucket.take(0, 10) == 0
    bucket.allow(1, 5, 0)
    assert [bucket.take(0, 5), bucket.take(0, 1)] == [0, 1]
    bucket.allow(2, 25, 0)
    assert [bucket.take(0, 19), bucket.take(0, 1)] == [0, 0.5]
