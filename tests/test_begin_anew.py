"""A node that was given up begins anew in the same process: at the same addresses, as soon as that can be."""

import socket
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from chat_server.config import Config, JournalTable, ServerTable
from chat_server.journal import JournalError, JournalInUse
from chat_server.journal.memory import MemoryJournal
from chat_server.server import places, process
from chat_server.server.config_in_use import ConfigInUse
from chat_server.server.handed import NOTHING, Handed
from chat_server.server.opening import CannotStart, Opened
from chat_server.server.process import run
from chat_server.server.stopping import Ended
from chat_server.server.successor import Successor

CONFIG = Config(server=ServerTable(port=0), journal=JournalTable(engine="memory"))


@pytest.fixture(autouse=True)
def _leave_the_collector_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "relieve_collector", lambda: None)


def serving(*outcomes: Ended | Exception) -> tuple[Callable[..., Awaitable[Ended]], list[tuple[str, int]]]:
    """What serves, with these outcomes one after the other; and where it has listened."""
    where: list[tuple[str, int]] = []
    left = list(outcomes)

    async def serve(in_use: ConfigInUse, opened: Opened, *_: object) -> Ended:
        del in_use
        (listener,) = opened.places.chat
        where.append(listener.getsockname())
        listener.close()
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return serve, where


def test_it_serves_again_at_the_same_address_and_waits_longer_and_longer_until_it_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    serve, where = serving(Ended(3, True), *[CannotStart("not now")] * 8, Ended(0, True), Ended(0))
    monkeypatch.setattr(process, "_serve", serve)
    monkeypatch.setattr("chat_server.server.process.time.sleep", pauses.append)
    assert run(CONFIG) == 0, "what the last one has cut off counts"
    assert len(where) == 11
    assert len(set(where)) == 1
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_an_address_that_is_taken_meanwhile_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    serve, where = serving(Ended(0, True), Ended(0))
    taken: list[socket.socket] = []

    async def serve_and_lose(in_use: ConfigInUse, opened: Opened, *_: object) -> Ended:
        outcome = await serve(in_use, opened)
        if len(where) == 1:
            taken.append(socket.create_server(where[0]))
        return outcome

    monkeypatch.setattr(process, "_serve", serve_and_lose)
    monkeypatch.setattr("chat_server.server.process.time.sleep", lambda _: taken.pop().close())
    assert run(CONFIG) == 0
    assert where[0] == where[1]


class Gone:
    """A successor that comes to nothing."""

    def __init__(self, places: Handed = NOTHING) -> None:
        self.places = places

    def serves(self, is_data_taken: Callable[[], bool]) -> bool:
        del is_data_taken
        return False


def test_one_whose_successor_comes_to_nothing_serves_again_and_does_not_try_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr("chat_server.server.process.time.sleep", sleep)
    monkeypatch.setattr("chat_server.server.process.time.monotonic", lambda: now)
    gone = Ended(0, successor=cast(Successor, Gone()))
    serve, where = serving(gone, CannotStart("not yet"), gone, Ended(0))
    monkeypatch.setattr(process, "_serve", serve)
    assert run(CONFIG) == 0
    assert len(where) == 4
    assert len(set(where)) == 1
    serve, where = serving(gone, *[CannotStart("somebody else has it")] * 100)
    monkeypatch.setattr(process, "_serve", serve)
    with pytest.raises(CannotStart, match="nor can this one serve again: somebody else has it"):
        run(CONFIG)
    assert 10 <= now < 20


def test_one_whose_successor_comes_to_nothing_serves_where_that_was_to_listen_and_keeps_none_of_its_sockets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listening = Handed((socket.create_server(("127.0.0.1", 0)),))
    address = listening.chat[0].getsockname()
    serve, where = serving(Ended(0, successor=cast(Successor, Gone(listening))), Ended(0))
    served_with: list[Handed] = []

    async def serve_with(in_use: ConfigInUse, opened: Opened, manager: object, given: Handed) -> Ended:
        served_with.append(given)
        return await serve(in_use, opened, manager, given)

    monkeypatch.setattr(process, "_serve", serve_with)
    assert run(CONFIG) == 0
    assert where[1] == address
    assert served_with[1] is NOTHING
    assert listening.chat[0].fileno() == -1


def test_one_whose_place_somebody_else_has_taken_ends_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was to take it came to nothing, and yet another one was quicker."""
    now = 0.0
    taken = CannotStart("the data directory is in use")
    taken.__cause__ = JournalInUse()

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr("chat_server.server.process.time.sleep", sleep)
    monkeypatch.setattr("chat_server.server.process.time.monotonic", lambda: now)
    serve, _ = serving(Ended(0, successor=cast(Successor, Gone())), *[taken] * 100)
    monkeypatch.setattr(process, "_serve", serve)
    assert run(CONFIG) == 0


def test_what_cannot_be_read_at_the_first_start_is_said_in_a_line_and_nothing_listens_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listeners: list[socket.socket] = []

    async def rooms(_: MemoryJournal) -> list[object]:
        raise JournalError("the disk is away")

    def listen(config: Config, port: int) -> list[socket.socket]:
        listeners.extend(opened(config, port))
        return listeners

    opened = places._listen
    monkeypatch.setattr(places, "_listen", listen)
    monkeypatch.setattr(MemoryJournal, "rooms", rooms)
    with pytest.raises(CannotStart, match="what is kept cannot be read: the disk is away"):
        run(CONFIG)
    assert [listener.fileno() for listener in listeners] == [-1]
