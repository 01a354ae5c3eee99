"""A kind of entry is declared once (protocol/entries.py). A place that does not know one fails here, by its name."""

import json
from typing import Any, get_args

import pytest
import trio
from msgspec.structs import fields, replace

from chat_server.commands.table import COMMANDS, dispatch
from chat_server.journal.batch_codec import decode, encode
from chat_server.journal.export_lines import read_line, write_line
from chat_server.protocol.amending import Edited, Reacted, Reaction, Redacted
from chat_server.protocol.described import CommandDescribed
from chat_server.protocol.entries import (
    KIND_BY_REQUEST,
    KIND_BY_WORD,
    KINDS,
    Entry,
    Found,
    PageShown,
    Recalled,
    Storable,
)
from chat_server.protocol.requests import Say
from chat_server.protocol.stored_event import StoredEvent, own_fields
from chat_server.protocol.syntax import parameters_of, usage_of, word_of
from chat_server.protocol.versions import PROTOCOL
from chat_server.rooms.room import ROOM
from chat_server.sessions.json_session import PARSE
from chat_server.wire import json_lines
from chat_server.wire.render.sentences import text_of
from chat_tui.client.codec import EventReader, said
from chat_tui.client.command_line import Asked, parse
from chat_tui.client.completion import replaced
from chat_tui.client.in_order import line_in_words
from chat_tui.client.pending import Pending
from chat_tui.client.state import State
from chat_tui.ui.rendering import is_grouped, rows_of
from fakes import FakeSession, open_rooms
from test_hostile_texts import looking

EVERY_KIND: list[type[Any]] = StoredEvent.__subclasses__()
ENACTED: list[type[Any]] = [kind for kind in EVERY_KIND if kind.request is None]
"""What commands work out of more than a text: what changes what may happen in a room, and what is deleted."""
SAID: list[type[Any]] = [kind for kind in EVERY_KIND if kind.request is not None]
every_kind = pytest.mark.parametrize("kind", EVERY_KIND)
every_said_kind = pytest.mark.parametrize("kind", SAID)
every_enacted_kind = pytest.mark.parametrize("kind", ENACTED)


def entry_of(kind: Any, seq: int = 1) -> Entry:
    more = {
        "of": ((4, 4),),
        "whom": "bob",
        "until": 1764303600.0,
        "id": 3,
        "account": 5,
        "sender": "token:x",
        "place": "owner",
        "instead_of": (2,),
        "word": "snake",
        "was": "den",
        "re": 7,
        "edited": 6,
        "reactions": (Reaction("\N{ROCKET}", ("bob", "zoe"), (5, 0)),),
        "reacted": 9,
        "quote": "",
        "is_back": False,
        "called": "",
    }
    if kind in (Edited, Reacted):
        more["of"] = 4
    beside = {name: more[name] for name in own_fields(kind)}
    entry: Entry = kind("python", seq, 1764300000.0, "ann", "two snakes", **beside)
    return entry


def request_of(kind: Any, key: str = "") -> Any:
    return kind.request(**{kind.text_field: "two snakes", "key": key})


@every_said_kind
def test_a_kind_is_one_of_what_a_room_keeps_and_its_request_of_what_is_stored(kind: Any) -> None:
    assert kind in get_args(Entry)
    assert kind.request in get_args(Storable)
    assert KIND_BY_REQUEST[kind.request] is KIND_BY_WORD[word_of(kind.request)] is kind
    assert len(KIND_BY_REQUEST) == len(SAID)
    assert len(KINDS) == len(EVERY_KIND)


@every_said_kind
def test_its_request_has_a_text_and_a_key_and_is_typed(kind: Any) -> None:
    assert {kind.text_field, "key"} <= {field.name for field in fields(kind.request)}
    assert kind.request.is_typed
    assert COMMANDS.vocabulary.parse_text(f"/{word_of(kind.request)} two snakes") == request_of(kind)


@every_said_kind
def test_its_request_is_carried_out_in_a_room(kind: Any) -> None:
    assert kind.request in COMMANDS.of[ROOM]


@every_said_kind
async def test_it_is_stored_and_shown_to_the_others_under_its_number_and_its_key_answered(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery, kind: type[Entry]
) -> None:
    _, room = open_rooms(nursery)
    ann, bob = FakeSession(room, "ann"), FakeSession(room, "bob")
    for session in (ann, bob):
        await room.enter(session)
    await trio.sleep(10)
    bob.take_told()
    pause = dispatch(room, ann, request_of(kind, "k"))
    assert pause is None
    await trio.testing.wait_all_tasks_blocked()
    (stored,) = (await room.directory.journal.read("python", 1, 1)).lines
    assert (type(stored), stored.nick, stored.text, stored.seq) == (kind, "ann", "two snakes", 1)
    assert bob.told == [text_of(stored).removesuffix("\r\n")]
    assert "* Stored in python as #1." in ann.told


@every_kind
def test_it_goes_through_a_journal_and_through_an_export(kind: type[Entry]) -> None:
    entry = entry_of(kind)
    (read,) = decode(encode([entry]), "python", 1, entry.at)
    assert read == entry
    assert read_line(write_line(entry)) == entry


@every_kind
def test_people_are_shown_it_with_its_author_where_it_happens_and_where_it_is_read_again(kind: type[Entry]) -> None:
    entry = entry_of(kind)
    # Of a reaction people in a room are told a moment later, with those of others: see test_amending.py.
    shown = text_of(entry if kind is not Reacted else replace(entry, room="@bob"))
    assert "ann" in shown
    assert "two snakes" in shown
    assert f"#1 03:20 {shown}" in text_of(PageShown("python", (entry,), 1, 1, "UTC"))
    assert f"#1 03:20 {shown}" in text_of(Recalled("python", (entry,), None, 1, "UTC"))
    assert f"#1 03:20 {shown}" in text_of(Found("snakes", (("python", (entry,)),), False, 0, "UTC"))


def test_no_two_kinds_look_alike() -> None:
    assert len({text_of(entry_of(kind)) for kind in KINDS}) == len({line_in_words(entry_of(kind)) for kind in KINDS})
    assert len({text_of(entry_of(kind)) for kind in KINDS}) == len(KINDS)
    assert len({kind.shape.sign for kind in SAID}) == len(SAID)


def shown_of(event: Any) -> Any:
    """An event without what nobody is shown."""
    if isinstance(event, StoredEvent):
        return event.without_hidden
    if isinstance(event, Found):
        return replace(event, rooms=tuple((room, tuple(map(shown_of, lines))) for room, lines in event.rooms))
    return replace(event, lines=tuple(map(shown_of, event.lines)))


@every_enacted_kind
def test_nobody_is_shown_by_what_somebody_is_known_to_the_journal(kind: type[Entry]) -> None:
    shown = json_lines.renderer_for("en")(entry_of(kind))
    assert b"token:x" not in shown
    assert b'"account"' not in shown


@every_enacted_kind
def test_programs_of_version_1_see_in_words_what_was_done(kind: type[Entry]) -> None:
    shown = json.loads(json_lines.renderer_for("en", 1)(entry_of(kind)))
    assert shown["is"] == "said"
    assert shown["nick"] == "ann"
    assert shown["text"].endswith("two snakes")
    assert shown["text"] != "two snakes"


@every_kind
def test_programs_read_it_alone_and_in_whatever_has_lines(kind: type[Entry]) -> None:
    entry = entry_of(kind)
    for event in (
        entry,
        PageShown("python", (entry,), 1, 1, "UTC"),
        Recalled("python", (entry,), None, 1, "UTC"),
        Found("snakes", (("python", (entry,)),), False, 0, "UTC"),
    ):
        received = [received.event for received in EventReader().receive_data(json_lines.renderer_for("en")(event))]
        assert received == [shown_of(event)]


@every_kind
def test_the_client_knows_it_as_a_line_of_the_room(kind: type[Entry]) -> None:
    state = State()
    assert state.apply(entry_of(kind)) == [entry_of(kind)]
    shown = (
        [] if kind in (Edited, Reacted, Redacted) else [entry_of(kind)]
    )  # they are seen in the lines that they amend
    assert list(state.room("python").timeline.lines()) == shown
    assert state.room("python").last == 1


@every_said_kind
def test_what_is_typed_in_the_client_comes_to_the_server_as_its_request(kind: Any) -> None:
    word, usage = word_of(kind.request), usage_of(kind.request)
    command = CommandDescribed(word, usage, "", "", parameters_of(kind.request), ("room",))
    asked = parse(f"/{word} two snakes", {word: command}, {})
    assert isinstance(asked, Asked)
    assert asked.words == "two snakes"
    assert replaced(f"/{word} :tada:") == f"/{word} 🎉"
    pending = Pending("k", "python", word, asked.words, 0.0)
    assert pending.kind is kind
    assert PARSE(said(pending), 4096, PROTOCOL).request == request_of(kind, "k")


@every_kind
def test_a_screen_and_a_line_by_line_program_show_it_with_its_author(kind: type[Entry]) -> None:
    entry = entry_of(kind)
    pending = Pending("k", "python", word_of(kind.request or Say), "two snakes", entry.at)
    shapes = (entry,) if kind.request is None else (entry, pending)
    for width in (40, 80):
        for one in shapes:
            rows = rows_of(one, None, looking(width))
            made = [rows[number] for number in range(len(rows))]
            shown = " ".join(f"{row.gutter}{row.text}{row.beside}" for row in made)
            assert "ann" in shown
            assert "two snakes" in " ".join(shown.split()), "wherever a row ends"
    assert line_in_words(entry).startswith("[python] 1 ")
    assert "ann" in line_in_words(entry)
    assert "two snakes" in line_in_words(entry)


@every_kind
def test_lines_of_a_kind_with_a_sign_stand_apart(kind: type[Entry]) -> None:
    assert is_grouped(entry_of(kind), entry_of(kind), "ann") == (not kind.shape.sign)
