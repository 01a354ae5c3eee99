"""A server that sends anything of the form of an event, and what is not: neither the screen nor the line-by-line program ends by it."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from callers import newcomer
from chat_server.protocol import events
from chat_server.protocol.entries import EVENTS, PageShown
from chat_server.protocol.people_events import OnlineListed
from chat_tui.client.calling import Called, Line
from chat_tui.client.client import Client
from chat_tui.client.codec import EventReader
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.link import Link
from chat_tui.client.local_store import LocalStore
from chat_tui.client.plain_program import PlainProgram
from chat_tui.client.state import ROOMS_MAX
from chat_tui.client.tls import TlsSession
from stories import FakeConnection, Pilot, StoryApp, beginning, play, said, settle, welcome
from tls_servers import OtherEnd, certificates

HUGE = [0, 1, 2, 5, 49, -1, 2**31, 2**53 - 1, 2**53, 2**63, 2**64, -(2**63), 10**18]
TIMES = [0.0, -1.0, 1e18, 1e300, -1e300, 1.7e9, 253402300800.0]
TEXTS = ["python", "pm", "", " ", "/", "ann", "\x1b]0;x\x07", "a\nb", "\u202eabc", "x" * 3000, "[bold]", "%s"]
MARKS = ["login", "", -1, 1, 2, 3, None]
OTHER: st.SearchStrategy[Any] = st.sampled_from([None, "x", -1, 1.5, [], {}, [[]], True])


SIMPLE: dict[type[inspect.Type], list[Any]] = {
    inspect.BoolType: [True, False],
    inspect.IntType: HUGE,
    inspect.FloatType: TIMES,
    inspect.StrType: TEXTS,
}


def _of(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """Values of a type, the worst ones, and sometimes of another."""
    found: st.SearchStrategy[Any] = st.sampled_from(SIMPLE.get(type(kind), [None]))
    match kind:
        case inspect.UnionType():
            found = st.one_of([_of(choice) for choice in kind.types])
        case inspect.VarTupleType() | inspect.ListType():
            found = st.lists(_of(kind.item_type), max_size=4)
        case inspect.TupleType():
            found = st.tuples(*map(_of, kind.item_types))
        case inspect.DictType():
            found = st.dictionaries(st.sampled_from(TEXTS), _of(kind.value_type), max_size=3)
        case inspect.StructType():
            found = _objects(kind)
        case _:
            pass
    return st.one_of(*[found] * 7, OTHER)


def _objects(kind: inspect.StructType) -> st.SearchStrategy[dict[str, Any]]:
    fields = {field.encode_name: _of(field.type) for field in kind.fields}
    tag = {kind.tag_field: st.just(kind.tag)} if kind.tag_field else {}
    mark = {"ref": st.sampled_from(MARKS)} if kind.tag_field else {}
    return st.fixed_dictionaries(fields | tag, optional=mark)


ANYTHING = st.sampled_from([inspect.type_info(kind) for kind in EVENTS]).flatmap(_of)


def tell(reader: EventReader, values: list[Any], take: Callable[[events.Event, Any], None]) -> None:
    for received in reader.receive_data(b"".join(msgspec.json.encode(value) + b"\n" for value in values)):
        take(received.event, received.ref)


def plain_program(written: list[str]) -> PlainProgram:
    def client_for(program: PlainProgram) -> Client:
        client = Client(
            "h",
            5000,
            "ann",
            store=LocalStore(None),
            caller=newcomer(),
            rooms=["python"],
            on_event=program.take,
            on_change=program.changed,
            on_refused=program.refused,
        )
        client.connection = FakeConnection()  # type: ignore[assignment]
        return client

    return PlainProgram(client_for, written.append, written.append)


@given(st.lists(ANYTHING, max_size=12))
@settings(max_examples=settings().max_examples * 3 // 2)
def test_no_event_ends_the_line_by_line_program_or_reaches_its_output_raw(values: list[Any]) -> None:
    written: list[str] = []

    def take(event: events.Event, ref: Any) -> None:
        program.client._take(event, ref)

    async def run() -> None:
        for event in [welcome(), *beginning("python")]:
            take(event, None)
        program.changed(ConnectionChanged(Status.ONLINE))
        tell(EventReader(), values, take)
        program.client.tick()
        program.client.state.positions()

    program = plain_program(written)
    asyncio.run(run())
    assert all(line.isprintable() for told in written for line in told.split("\n"))


@pytest.mark.slow
@given(st.lists(st.lists(ANYTHING, max_size=10), min_size=1, max_size=6))
@settings(max_examples=settings().max_examples * 3 // 20)
def test_no_event_ends_the_screen(stories: list[list[Any]]) -> None:
    app = StoryApp([*beginning("python", "pm"), *said("a", "b", "c")])

    async def act(pilot: Pilot) -> None:
        reader = EventReader()
        for values in stories:
            tell(reader, values, lambda event, ref: app.tell(event, ref=ref))
            await settle(pilot)
        app.client.tick()
        assert all(line.isprintable() for line in app.screen_text().split("\n"))

    play(app, act)


@pytest.mark.parametrize("number", [2**64, 2**53, -1, 1.5])
@pytest.mark.parametrize(
    "form",
    [
        '{{"is":"said","room":"r","seq":{},"at":1,"nick":"a","text":"x"}}',
        '{{"is":"stored","room":"r","seq":{},"key":"k"}}',
    ],
)
def test_what_is_no_number_of_a_line_is_no_event(form: str, number: float) -> None:
    assert EventReader().receive_data(form.format(number).encode() + b"\n") == []


def test_a_list_of_commands_without_words_is_a_list_all_the_same() -> None:
    written: list[str] = []
    program = plain_program(written)
    program.client._take(events.HelpListed(((" ", "nothing"), ("", "nothing")), ()), None)


def _agreed() -> TlsSession:
    ours, theirs = TlsSession("127.0.0.1", verifies=False), OtherEnd(certificates().self_signed())
    data, is_agreed = ours.hello(), False
    while not is_agreed:
        is_agreed, data = ours.receive_answer(theirs.shake_hands(data))
    return ours


@pytest.mark.parametrize("is_encrypted", [False, True])
def test_a_server_that_asks_without_end_and_reads_nothing_is_hung_up_on(
    monkeypatch: pytest.MonkeyPatch, *, is_encrypted: bool
) -> None:
    monkeypatch.setattr("chat_tui.client.link.WAITING_MAX", 100_000)

    async def run() -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setblocking(False)
            reader, writer = await asyncio.open_connection(sock=ours)
            link = Link(reader, writer, Called(ours, _agreed() if is_encrypted else None, Line.LOCAL))
            for _ in range(1000):
                link.write(b"x" * 1000)
            with suppress(ConnectionError):
                assert await asyncio.wait_for(link.read(), 5) == b""

    asyncio.run(run())


def test_of_more_rooms_than_anybody_can_be_in_nothing_is_kept() -> None:
    written: list[str] = []
    program, told = plain_program(written), [*beginning("python"), *said("a")]
    for number in range(3 * ROOMS_MAX):
        room = f"room-{number}"
        told += [
            events.Entered(room, (), 0, "", 0),
            events.Joined(room, ("eve",)),
            *said("x", room=room),
            events.TopicShown(room, "x"),
        ]
        told += [PageShown(room, (), 1, 1, ""), OnlineListed(room, ("eve",)), events.Renamed("eve", "eva", room)]

    async def run() -> None:
        for event in [*told, *said("still heard", first=2)]:
            program.client._take(event, None)

    asyncio.run(run())
    assert len(program.client.state.rooms) == ROOMS_MAX
    assert "python" in program.client.state.rooms
    assert "still heard" in written[-1]
