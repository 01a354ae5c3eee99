"""Programs of either version of the protocol are understood, and shown what they know: the server's side, and chat-tui's to an older server."""

import asyncio
import json
from contextlib import closing
from typing import Any, cast

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from callers import newcomer
from chat_server.commands.table import COMMANDS
from chat_server.protocol import events, requests
from chat_server.protocol.entries import EVENTS
from chat_server.protocol.events import Event, Pinged, Ponged
from chat_server.protocol.incoming import Addressed, Invalid
from chat_server.protocol.requests import REQUESTS, Hello, Request, TimeNextLine, tag_of
from chat_server.protocol.versions import EARLIER_EVENTS, PROTOCOL, by_tag, common, tag_in
from chat_server.sessions.json_session import PARSE
from chat_server.wire.json_lines import JsonDecoder, renderer_for
from chat_tui.client.codec import EventReader, write
from chat_tui.client.connection import Connection
from chat_tui.client.link import Link
from chat_tui.client.signing_in import Identity
from chat_tui.client.state import State
from streams import open_house
from test_connection import Written

VERSIONS = range(1, PROTOCOL + 1)

ASKED = {
    1: {
        "ping": "TimeNextLine",
        "time-line": "TimeNextLine",
        "are-you-there": "Ping",
        "here": "Pong",
        "pong": "Pong",
    },
    2: {"ping": "Ping", "time-line": "TimeNextLine", "are-you-there": "Invalid", "here": "Invalid", "pong": "Pong"},
}
"""What each word asks for in each version; in later ones what it asks for in 2."""


def asked(protocol: int) -> dict[str, str]:
    return ASKED[min(protocol, 2)]


@pytest.mark.parametrize("protocol", VERSIONS)
def test_in_every_version_a_tag_and_a_request_belong_to_each_other(protocol: int) -> None:
    known = by_tag(REQUESTS, protocol)
    assert {known[tag_in(kind, protocol)] for kind in REQUESTS} == set(REQUESTS)
    assert len({tag_in(kind, protocol) for kind in EVENTS}) == len(EVENTS)


def test_in_the_newest_version_everything_has_its_own_tag() -> None:
    for kind in (*REQUESTS, *EVENTS):
        assert tag_in(kind, PROTOCOL) == tag_of(kind)
    assert not EARLIER_EVENTS.keys() & {tag_of(kind) for kind in EVENTS}


@given(st.lists(st.one_of(st.integers(1, 4), st.sampled_from([*ASKED[1]])), max_size=12), st.data())
def test_whatever_a_program_says_in_whichever_version_is_read_in_that_also_what_comes_with_its_hello(
    said: list[int | str], data: st.DataObject
) -> None:
    whole, expected, protocol = b"", [], 1
    for word in said:
        whole += write("hello", protocol=word) if isinstance(word, int) else write(word)
        protocol = common(word) if isinstance(word, int) else protocol
        expected.append("Hello" if isinstance(word, int) else asked(protocol)[word])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    decoder = JsonDecoder(PARSE, 1000, 100)
    read: list[Any] = []
    for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        read += decoder.receive_data(whole[start:end])
    assert [type(addressed.request).__name__ for addressed in read] == expected


@given(st.sampled_from(VERSIONS), st.sampled_from([TimeNextLine, requests.Ping, requests.Pong]))
def test_what_a_client_asks_for_in_a_version_is_what_the_server_reads_in_it(protocol: int, kind: type[Request]) -> None:
    decoder = JsonDecoder(PARSE, 1000, 100)
    decoder.receive_data(write("hello", protocol=protocol))
    (addressed,) = decoder.receive_data(write(tag_in(kind, protocol), room="python", ref=5, more=[1]))
    assert addressed == Addressed(kind(), "python", 5)


@pytest.mark.parametrize("protocol", VERSIONS)
@pytest.mark.parametrize("event", [Pinged(), Ponged(), events.TimingAwaited()])
def test_what_the_server_shows_in_a_version_is_what_a_client_reads(protocol: int, event: Event) -> None:
    shown = renderer_for("en", protocol)(event)
    assert json.loads(shown) == {"is": tag_in(type(event), protocol)}
    assert [received.event for received in EventReader().receive_data(shown)] == [event]


@pytest.mark.parametrize(
    ("hello", "ping", "pong"),
    [(None, "are-you-there", "here"), (1, "are-you-there", "here"), (2, "ping", "pong"), (7, "ping", "pong")],
)
async def test_both_sides_ask_each_other_whether_they_are_there(
    autojump_clock: trio.abc.Clock, hello: int | None, ping: str, pong: str
) -> None:
    async with open_house() as house:
        program = house.connect()
        if hello:
            await program.ask("hello", protocol=hello)
            await program.wait_for("hello")
        await program.enter("ann")
        for _ in range(5):
            assert await program.read() == {"is": ping}
            await program.ask(pong)
        await program.ask(ping, ref=1)
        assert await program.read() == {"ref": 1, "is": pong}
        told = [event["is"] for event in await program.rest()]
        assert told == [ping, ping, "dismissed"]


@pytest.mark.parametrize(("protocol", "word"), [(1, "ping"), (1, "time-line"), (2, "time-line")])
async def test_a_program_has_its_next_line_timed(autojump_clock: trio.abc.Clock, protocol: int, word: str) -> None:
    async with open_house() as house:
        program = house.connect()
        await program.ask("hello", protocol=protocol)
        await program.enter("ann", "python")
        await program.ask(word, room="python", ref=1)
        assert await program.wait_for("timing-awaited") == {"ref": 1, "is": "timing-awaited"}
        await program.ask("say", room="python", text="hi")
        assert (await program.wait_for("timed"))["seq"] == 1


async def test_earlier_tags_mean_nothing_to_who_says_that_it_knows_the_newer(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        program = house.connect()
        await program.ask("hello", protocol=2)
        await program.enter("ann")
        for word in ("are-you-there", "here"):
            await program.ask(word, ref=word)
            refused = await program.wait_for("refused")
            assert (refused["ref"], refused["code"]) == (word, "unknown-request")


async def test_the_catalogue_says_what_people_type_and_what_programs_send(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        program = house.connect()
        await program.ask("hello", protocol=2)
        commands = {command["name"]: command for command in (await program.wait_for("hello"))["commands"]}
        assert (commands["ping"]["usage"], commands["ping"]["do"]) == ("/ping", "time-line")
        asked_by = {name: tag_of(COMMANDS.vocabulary.words[name]) for name in commands}
        assert {name: command.get("do", name) for name, command in commands.items()} == asked_by
        assert all(command.get("do") != name for name, command in commands.items())


def welcome(protocol: int) -> dict[str, Any]:
    """What a server that knows this version says of itself."""
    return {"is": "hello", "server": "", "version": "", "protocol": protocol, "limits": {}, "commands": []}


class Answers:
    """What a user of chat-tui has been told."""

    def __init__(self, protocol: int) -> None:
        self.writer = Written()
        self.connection = Connection(
            "127.0.0.1",
            5000,
            Identity("ann", "t" * 22),
            caller=newcomer(),
            known=State(),
            unsent=list,
            on_event=lambda *_: None,
            on_change=lambda _: None,
        )
        shown = EventReader().receive_data(json.dumps(welcome(protocol)).encode() + b"\n")
        assert [type(received.event) for received in shown] == [events.Welcomed]
        self.take(shown[0].event)

    def take(self, event: Event) -> None:
        self.connection._take(event, None, cast("Link", self.writer))


@pytest.mark.parametrize(("protocol", "ping", "pong"), [(1, "are-you-there", "here"), (2, "ping", "pong")])
def test_chat_tui_answers_a_server_in_the_words_that_it_knows(protocol: int, ping: str, pong: str) -> None:
    answers = Answers(protocol)
    for received in EventReader().receive_data(b'{"is":"%b"}\n' % ping.encode()):
        answers.take(received.event)
    assert answers.writer.asked == [{"do": pong}]


@pytest.mark.parametrize(("protocol", "ping"), [(1, "are-you-there"), (2, "ping")])
def test_chat_tui_asks_a_silent_server_in_the_words_that_it_knows(
    monkeypatch: pytest.MonkeyPatch, protocol: int, ping: str
) -> None:
    monkeypatch.setattr("chat_tui.client.connection.ASK_AFTER", 0.05)
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            writer.write(json.dumps(welcome(protocol)).encode() + b"\n")
            writer.write(b'{"ref":"login","is":"logged-in","nick":"ann","token":"","rooms":[]}\n')
            while line := await reader.readline():
                asked.append(json.loads(line)["do"])

    async def try_it() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            connection = Answers(protocol).connection
            connection.port = server.sockets[0].getsockname()[1]
            task = asyncio.create_task(connection.run())
            async with asyncio.timeout(20):
                while ping not in asked:
                    await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(try_it())


def test_what_is_no_request_in_a_version_is_named_as_that() -> None:
    decoder = JsonDecoder(PARSE, 1000, 100)
    (_, addressed) = decoder.receive_data(write("hello", protocol=2) + write("here"))
    assert cast("Any", addressed).request == Invalid("unknown-request", {"word": "here"})
    assert Hello().protocol == 1
