"""Lines in runs: nobody can see whether lines came and went as one value or each by itself, whatever happens meanwhile."""

import gc
import json
import random
import re
import time
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
import trio
from hypothesis import example, given
from hypothesis import strategies as st

import canary
from captured_logs import capture_logs
from chat_server.journal import JournalError, PendingAppend, RoomRecord
from chat_server.journal.batch_codec import decode, decode_in_runs, encode, encode_authors
from chat_server.journal.keys import KeysInRuns, SenderKey, runs_of
from chat_server.journal.memory import MemoryJournal
from chat_server.journal.showable import showable, showable_in_runs
from chat_server.journal.times import step_of, times_of
from chat_server.protocol.entries import Acted, Said
from chat_server.protocol.events import Event, Stored
from chat_server.protocol.incoming import Addressed, Invalid
from chat_server.protocol.requests import HISTORY_MAX, Say
from chat_server.protocol.runs import (
    RUN_MAX,
    LinesInRuns,
    Piece,
    RunTexts,
    SaidRun,
    SayRun,
    StoredRun,
    pieces_of,
    shown,
)
from chat_server.rooms.audience import Audience
from chat_server.rooms.batch import InboxEntry
from chat_server.rooms.inbox import BATCH_MAX, INBOX_MAX, Inbox
from chat_server.rooms.recent_history import RecentHistory
from chat_server.rooms.room import MaybeAwaitable
from chat_server.sessions import doors
from chat_server.sessions.json_session import PARSE
from chat_server.sessions.outbox import PushSink
from chat_server.wire.json_lines import WORD_MAX, JsonDecoder, show_stored
from chat_server.wire.json_lines import renderer_for as json_renderer_for
from chat_server.wire.render.profiles import RenderProfile, renderer_for
from chat_server.wire.text import TextDecoder
from chat_server.wire.whole_lines import said_in
from fakes import FakeSession, open_rooms
from journals import keys_in_runs
from streams import Caller, Program, open_house

TEXTS = ["hello", "I say, bob: come", "x" * 200, "  indented", "你好, bob", "a/b", "\\'\"", "~", "carol?", "🙂"]
COMMANDS = [
    "/last 3",
    "/me waves",
    "/topic snakes",
    "/online",
    "/ping",
    "/since 2",
    "/notice hm",
    "/nick ann2",
    "/nick ann",
    "/back",
    "/join python",
]
RUN = SaidRun("python", 7, times_of(5.0, 0.000001, 3), "ann", RunTexts.of(["one", "two", "three"]))


# The value.


def test_a_run_comes_apart_into_the_lines_that_it_is_of() -> None:
    assert list(SayRun(RunTexts.of(["one", "two"]))) == [Say("one"), Say("two")]
    assert list(RUN) == [
        Said("python", seq, at, "ann", text)
        for seq, at, text in zip((7, 8, 9), times_of(5.0, 0.000001, 3), ("one", "two", "three"), strict=True)
    ]


def test_what_authors_are_told_comes_apart_into_the_answers_for_each_key() -> None:
    run = StoredRun("python", 7, ["a", "b"])
    assert (len(run), [*run]) == (2, [Stored("python", 7, "a"), Stored("python", 8, "b")])


@given(st.dictionaries(st.integers(0, 40), st.tuples(st.sampled_from(["ann", "bob"]), st.text(max_size=3))))
def test_keys_in_runs_are_a_mapping_of_keys(pairs: dict[int, tuple[str, str]]) -> None:
    each = {place: SenderKey(*pairs[place]) for place in sorted(pairs)}
    keys = keys_in_runs(each)
    assert (len(keys), bool(keys), [*keys.items()]) == (len(each), bool(each), [*each.items()])
    assert 41 not in keys
    assert keys_in_runs(dict(keys)).runs == keys.runs == runs_of(keys)
    assert {
        run.first + n: SenderKey(run.sender, key) for run in runs_of(each) for n, key in enumerate(run.keys)
    } == each


def test_keys_may_be_added_after_some_have_been_looked_up() -> None:
    keys = KeysInRuns()
    keys.add(0, "ann", ["a"])
    assert keys[0] == SenderKey("ann", "a")
    keys.add(1, "bob", ["b", "c"])
    assert keys[2] == SenderKey("bob", "c")


PIECES = st.lists(
    st.one_of(st.just(RUN), st.just(Said("python", 1, 5.0, "bob", "x")), st.just(Acted("python", 2, 5.0, "bob", "y"))),
    min_size=1,
)


@given(PIECES, st.integers(-20, 20), st.integers(-20, 20))
def test_lines_in_runs_are_a_sequence_of_lines(pieces: list[Piece], first: int, last: int) -> None:
    each = [line for piece in pieces for line in (piece if isinstance(piece, SaidRun) else [piece])]
    lines = LinesInRuns(pieces, len(each))
    assert lines[0] == each[0]
    assert lines[first:last] == each[first:last]
    assert (len(lines), [*lines], lines[-1]) == (len(each), each, each[-1])
    assert pieces_of(lines) == pieces


@given(PIECES)
def test_lines_in_runs_are_stored_in_the_same_form(pieces: list[Piece]) -> None:
    lines = LinesInRuns(pieces, sum(len(piece) if isinstance(piece, SaidRun) else 1 for piece in pieces))
    assert (encode(lines), encode_authors(lines), step_of(lines)) == (
        encode([*lines]),
        encode_authors([*lines]),
        step_of([*lines]),
    )


CLEAN = st.text(st.one_of(st.sampled_from('"\\ '), st.characters(exclude_categories=["Cc", "Cs"])))


@given(st.lists(CLEAN, min_size=2, max_size=5), st.sampled_from(["ann", "小明", '"\\']), st.booleans())
def test_a_run_of_any_texts_is_stored_as_its_lines_are(texts: list[str], nick: str, is_bot: bool) -> None:
    run = SaidRun("python", 7, times_of(5.0, 0.000001, len(texts)), nick, RunTexts.of(texts), 4711, bot=is_bot)
    assert [*run.texts] == texts
    assert encode(LinesInRuns([run], len(texts))) == encode([*run])


@pytest.mark.parametrize("text", ["two\nlines", "tab\t", "\x00", "\x1f", "\ud800"])
def test_a_text_that_no_line_may_have_is_in_no_run(text: str) -> None:
    with pytest.raises(ValueError, match=r"control character|surrogate"):
        RunTexts.of(["one", text])


@given(
    st.lists(
        st.sampled_from(
            [
                "a",
                "b c",
                " ",
                "  ",
                "/",
                "x/",
                "\r\n",
                "\n",
                "\r",
                "é",
                "\N{NO-BREAK SPACE}",
                "\N{FULLWIDTH SOLIDUS}",
                "\N{IDEOGRAPHIC COMMA}",
            ]
        )
    )
)
@example([" ", "/"])
@example([" ", "/", "a"])
@example(["é", "\n", " ", "/", "a"])
@example(["a", "\r", "b"])
@example(["a", "\r", "/", "b"])
@example(["a", "\r\n", "b"])
def test_what_whole_lines_say_is_what_each_of_them_says(pieces: list[str]) -> None:
    text = "".join(pieces) + "\n"
    each = [line.rstrip() for line in text.splitlines() if line.strip()]
    begun = ("/", "\N{FULLWIDTH SOLIDUS}", "\N{IDEOGRAPHIC COMMA}")
    is_said = not any(
        line.startswith(begun)
        or re.match("[ \N{NO-BREAK SPACE}]+(?:/\\w|[\N{IDEOGRAPHIC COMMA}\N{FULLWIDTH SOLIDUS}])", line)
        for line in each
    )
    said = said_in(text.encode(), b"", "utf-8")
    assert (said and [*said]) == (each if is_said and each else said and [])
    assert (said is None) == (not is_said)


@pytest.mark.parametrize("rest", [b"thr\x7f", b"thr\x08", b"\xff\xfb\x01"])
def test_lines_before_something_that_is_more_than_text_are_left_to_be_read_step_by_step(rest: bytes) -> None:
    assert said_in(b"one\ntwo\n", rest, "utf-8") is None
    assert said_in(b"one\ntwo\n", b"thr", "utf-8") is not None


def test_a_run_that_was_stored_is_read_as_it_was_said() -> None:
    lines = LinesInRuns([RUN], 3)
    assert decode(encode(lines), "python", 7, lines[0].at, step=step_of(lines)) == [*RUN]


ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob"]),
        st.sampled_from(["x", "y", 'say "y"', "\\n", "two\nlines", "\x1b[2J", "", "\ud800"]),
        st.sampled_from([(), (), (), ("acted",), ("said", "bot"), ("sung",), ("said", 1)]),
        st.sampled_from([0, 0, 7]),
        st.sampled_from([1, 1, RUN_MAX + 1]),
    ),
    max_size=8,
)


@given(ENTRIES, st.booleans(), st.sampled_from([b"", b"[", b"[1]", b'[["ann"]]']))
def test_a_batch_says_the_same_in_runs_and_line_by_line(entries: list[Any], has_authors: bool, damaged: bytes) -> None:
    rows = [((nick, text, *kind), author) for nick, text, kind, author, often in entries for _ in range(often)]
    text = damaged or json.dumps([row for row, _ in rows]).encode()
    authors = json.dumps([author for _, author in rows]) if has_authors else ""
    try:
        each = decode(text, "python", 7, 5.0, step=0.000001, authors=authors)
    except ValueError:
        with pytest.raises(ValueError, match="no batch"):
            decode_in_runs(text, "python", 7, 5.0, step=0.000001, authors=authors)
        return
    lines = decode_in_runs(text, "python", 7, 5.0, step=0.000001, authors=authors)
    assert lines == each
    assert [
        line for piece in showable_in_runs(lines) for line in (piece if isinstance(piece, SaidRun) else [piece])
    ] == showable(each)
    assert max((len(piece) for piece in pieces_of(lines) if isinstance(piece, SaidRun)), default=0) <= RUN_MAX


def test_what_somebody_has_said_in_a_row_is_one_run() -> None:
    lines = decode_in_runs(encode([*RUN, Said("python", 10, 5.0, "bob", "x")]), "python", 7, 5.0, step=0.000001)
    assert pieces_of(lines) == [RUN, Said("python", 10, times_of(5.0, 0.000001, 4)[3], "bob", "x")]


@pytest.mark.parametrize("text", ["\x1b[2J", "tab\tand \x7f", "and \x7f"])
def test_a_run_with_a_line_that_may_not_be_shown_as_it_stands_is_made_fit_line_by_line(text: str) -> None:
    lines = decode_in_runs(json.dumps([["ann", "one"], ["ann", text]]), "python", 7, 5.0)
    assert showable_in_runs(lines) == showable(lines)
    assert "\x1b" not in str(showable_in_runs(lines))


@pytest.mark.parametrize(
    "render",
    [
        renderer_for(RenderProfile()),
        renderer_for(RenderProfile(is_plain=True)),
        renderer_for(RenderProfile("zh")),
        renderer_for(RenderProfile(colours=16, columns=20)),
        renderer_for(RenderProfile(charset="gbk")),
        json_renderer_for("en", 2),
    ],
)
def test_a_run_is_shown_as_its_lines_are(render: Any) -> None:
    assert shown(render, RUN) == b"".join(render(line) for line in RUN)


# The whole server, which goes the same way with runs and without.


class Story:
    """What many people do in a room, and everything that each of them is shown."""

    def __init__(self, seed: int, *, has_account: bool = False) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a story, no secret
        self._has_account = has_account
        self.told: dict[str, str] = {}

    async def play(self) -> dict[str, str]:
        async with open_house(messages_per_second=0, connections_per_address=0, waiting_bytes=20_000) as house:
            ann, bob = await house.ann_and_bob()
            program = house.connect("127.0.0.1")
            await program.enter("eve", "python")
            if self._has_account:
                await program.ask("register", password=canary.PASSWORD)
                await program.wait_for("registered")
            readers: dict[str, Caller] = {"ann": ann, "bob": bob, "eve": program}
            for number in range(30):
                await self._step(readers, program, number)
                if self._random.random() < 0.2:
                    name = f"reader{number}"
                    readers[name] = house.call()
                    await readers[name].type(
                        f"/login {name}",
                        *self._random.sample(["/colour on", "/wrap 40", "/charset gbk", "/plain on"], 2),
                    )
                    await trio.sleep(1)
                    await readers[name].type("/join python")
                    await trio.sleep(1)
            for name, reader in readers.items():
                await reader.stream.send_eof()  # type: ignore[attr-defined]
                self.told[name] = await reader.read_to_end()
        return self.told

    async def _step(self, readers: dict[str, Caller], program: Program, number: int) -> None:
        caller = readers[self._random.choice(["ann", "bob"])]
        lines = self._random.choices(TEXTS, k=self._random.choice([1, 2, 5, 70]))
        if self._random.random() < 0.3:
            lines.insert(self._random.randrange(len(lines)), self._random.choice(COMMANDS))
        data = "".join(line + self._random.choice(["\n", "\r\n", "\n\n"]) for line in lines).encode()
        cut = self._random.randrange(len(data))
        for part in self._random.choice([(data,), (data[:cut], data[cut:])]):
            await caller.stream.send_all(part)
            await trio.sleep(1)
        if self._random.random() < 0.4:
            for_program = self._random.choices(TEXTS, k=self._random.choice([1, 3, 30]))
            keys = [f"key{self._random.randrange(20)}" for _ in for_program]
            said = [
                {"do": "say", "room": "python", "text": text, "key": key}
                for text, key in zip(for_program, keys, strict=True)
            ]
            if self._random.random() < 0.3:
                said[-1]["ref"] = str(number)
            await program.stream.send_all(b"".join(json.dumps(each).encode() + b"\n" for each in said))
            await trio.sleep(1)


@pytest.mark.parametrize(("seed", "has_account"), [*((seed, False) for seed in range(12)), (12, True), (13, True)])
async def test_everybody_is_shown_the_same_whether_lines_come_in_runs_or_not(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch, seed: int, has_account: bool
) -> None:
    began = trio.current_time()
    runs = 0

    def decoder(*args: Any, in_runs: bool) -> TextDecoder:
        nonlocal runs
        runs += in_runs
        return TextDecoder(*args, in_runs=in_runs)

    def decoder_without_runs(*args: Any, in_runs: bool) -> TextDecoder:
        del in_runs
        return TextDecoder(*args)

    def json_decoder_without_runs(*args: Any, in_runs: bool) -> JsonDecoder:
        del in_runs
        return JsonDecoder(*args)

    monkeypatch.setattr(time, "time", lambda: trio.current_time() - began + 1e9)
    monkeypatch.setattr(doors, "TextDecoder", decoder)
    monkeypatch.setattr("chat_server.sessions.json_session.new_token", lambda: "token")
    in_runs = await Story(seed, has_account=has_account).play()
    began = trio.current_time()
    monkeypatch.setattr(doors, "TextDecoder", decoder_without_runs)
    monkeypatch.setattr(doors, "JsonDecoder", json_decoder_without_runs)
    one_by_one = await Story(seed, has_account=has_account).play()
    assert runs
    assert in_runs == one_by_one
    assert ("bob?: " in in_runs["ann"]) == has_account


# What goes wrong.


async def test_of_a_run_that_cannot_be_stored_its_author_is_told_how_many_lines_it_had(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    class FullDisk(MemoryJournal):
        def append(self, lines: Sequence[Any], keys: Any) -> PendingAppend:
            return self

        async def stored(self) -> Any:
            raise JournalError("full")

    async with open_house(journal=FullDisk(), messages_per_second=0) as house:
        ann, _ = await house.ann_and_bob()
        await ann.type("one", "two", "three")
        assert "3 of your lines" in await ann.read_until("could not be stored")


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (Inbox, "put"),
        (Inbox, "_put_run"),
        (Inbox, "take_all_after"),
        (RecentHistory, "add"),
        (Audience, "flush"),
        (LinesInRuns, "__init__"),
    ],
)
async def test_a_bug_where_runs_pass_hurts_one_turn_or_one_session_at_most(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch, owner: type, name: str
) -> None:
    is_armed = False
    step = getattr(owner, name)

    def fail(*args: Any) -> Any:
        nonlocal is_armed
        if is_armed:
            is_armed = False
            raise RuntimeError("a bug")
        return step(*args)

    async with open_house(messages_per_second=0) as house:
        ann, bob = await house.ann_and_bob()
        carol = house.call()
        await carol.log_in("carol", "python")
        monkeypatch.setattr(owner, name, fail)
        with capture_logs():
            is_armed = True
            await ann.type("one", "two", "three")
            await trio.sleep(10)
            assert not is_armed
            await bob.type("I am still here", "so am I")
            heard = await carol.read_until("bob: I am still here\r\nbob: so am I\r\n")
        stored = await house.server._journal.read("python", 1, 100)
        assert all(f"{line.nick}: {line.text}\r\n" in heard for line in stored.lines)


def test_of_a_run_that_cannot_be_shown_at_once_every_line_is_shown_that_can_be() -> None:
    def render(event: Any) -> bytes:
        if isinstance(event, Said) and event.text == "two":
            raise RuntimeError("a bug")
        return b"%d;" % getattr(event, "seq", 0)

    with capture_logs() as logged:
        assert Audience("python", 6)._shown(render, RUN) == b"7;0;9;"
    assert logged


def test_what_an_author_is_told_in_a_row_goes_in_one_piece() -> None:
    pieces: list[tuple[str, list[Event]]] = []

    class Author:
        def __init__(self, name: str) -> None:
            self._name = name

        def send_all(self, events: Iterable[Event]) -> None:
            pieces.append((self._name, [*events]))

    ann: Any = Author("ann")
    bob: Any = Author("bob")
    first, second = StoredRun("python", 7, ["a", "b"]), StoredRun("python", 9, ["c"])
    alone = Stored("python", 10, "d")
    Audience("python", 6).answer(deque([(ann, first), (ann, second), (ann, alone), (bob, first), (ann, second)]))
    assert pieces == [("ann", [*first, *second, alone]), ("bob", [*first]), ("ann", [*second])]


class Named:
    """A member who is shown lines with their name in them in capitals, from the moment they want that."""

    person = SimpleNamespace(blocks=())

    def __init__(self, render: Any) -> None:
        self.render = render
        self.render_mention: Any = None
        self.told = b""

    @property
    def sink(self) -> PushSink:
        return PushSink(self._push)

    def _push(self, data: bytes) -> None:
        self.told += data


async def test_who_wants_to_be_called_while_runs_are_being_shown_hears_each_line_once(
    autojump_clock: trio.abc.Clock,
) -> None:
    def render(event: Any) -> bytes:
        return f"{event.text};".encode()

    audience = Audience("python", 6)
    ann: Any = Named(render)
    bob: Any = Named(render)
    audience.add(ann, "ann")
    audience.add(bob, "bob")
    audience.events.append(SaidRun("python", 7, [1.0, 2.0, 3.0], "carol", RunTexts.of(["one", "hello bob", "three"])))
    audience.excluded.append(())
    audience.put(Said("python", 10, 4.0, "carol", "four"))
    await audience.show_ahead()
    audience.remove(bob, "bob")
    bob.render_mention = lambda event: render(event).upper()
    audience.add(bob, "bob")
    audience.flush(10)
    assert (ann.told, bob.told) == (b"one;hello bob;three;four;", b"one;HELLO BOB;three;four;")


# Bounds.


async def all_of(inbox: Inbox) -> list[InboxEntry]:
    taken = [await inbox.first()]
    inbox.take_all_after(taken)
    return taken


async def wait_for(pause: MaybeAwaitable) -> None:
    assert pause is not None
    await pause


async def test_the_inbox_counts_lines_of_runs_and_who_has_more_waits(autojump_clock: trio.abc.Clock) -> None:
    inbox = Inbox()
    ann: Any = object()
    run = SayRun(RunTexts.of(["x"] * RUN_MAX))
    pauses = [inbox.put((ann, "ann", run, ())) for _ in range(INBOX_MAX // RUN_MAX + 2)]
    assert [pause is None for pause in pauses] == [True] * (INBOX_MAX // RUN_MAX) + [False] * 2
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait_for, pauses[-2])
        nursery.start_soon(wait_for, pauses[-1])
        await trio.testing.wait_all_tasks_blocked()
        assert inbox.put((ann, "bob", Say("one line finds its place"), ())) is None
        taken = await all_of(inbox)
        assert sum(len(what) for _, _, what, _ in taken if isinstance(what, SayRun)) <= BATCH_MAX
        await trio.testing.wait_all_tasks_blocked()
        assert len(await all_of(inbox)) == 2
    assert inbox.put((ann, "ann", run, ())) is None


@given(st.lists(st.sampled_from([1, 1, RUN_MAX]), min_size=1), st.integers(20, 200))
def test_however_many_wait_a_turn_has_no_more_than_it_may(lengths: list[int], times: int) -> None:
    """As many entries as wait, and lines of runs of which the last begins below the bound; and whoever is there first is not kept for ever."""
    inbox = Inbox()
    someone: Any = object()

    async def say(length: int) -> None:
        what = Say("x") if length == 1 else SayRun(RunTexts.of(["x"] * length))
        pause = inbox.put((someone, "ann", what, ()))
        if pause is not None:
            await pause

    async def play() -> None:
        left = sum(lengths) * times
        async with trio.open_nursery() as nursery:
            for length in lengths * times:
                nursery.start_soon(say, length)
            while left:
                await trio.testing.wait_all_tasks_blocked()
                taken = await all_of(inbox)
                runs = [len(what) for _, _, what, _ in taken if isinstance(what, SayRun)]
                assert len(taken) <= INBOX_MAX + 1
                assert sum(runs) < INBOX_MAX + RUN_MAX
                assert not runs or len(taken) - len(runs) + sum(runs) < BATCH_MAX
                left -= len(taken) - len(runs) + sum(runs)

    trio.run(play)


def test_a_room_that_nobody_enters_keeps_no_more_of_its_past_than_is_shown() -> None:
    history = RecentHistory(RoomRecord("python", "", 1, 0))
    for seq in range(1, 40 * HISTORY_MAX, 20):
        history.add([SaidRun("python", seq, [5.0] * 19, "ann", RunTexts.of(["x"] * 19))])
        history.add([Said("python", seq + 19, 5.0, "ann", "x")])
    assert len(history._unread) <= HISTORY_MAX
    recalled = history.recalled("bob", HISTORY_MAX, "UTC", 0)
    assert recalled is not None
    assert [line.seq for line in recalled.lines] == [*range(39 * HISTORY_MAX + 1, 40 * HISTORY_MAX + 1)]


class Steps(trio.abc.Instrument):
    """Counts how often tasks of a name run."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.count = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.count += task.name == self._name


async def test_who_waits_for_the_inbox_is_woken_once_however_many_do(autojump_clock: trio.abc.Clock) -> None:
    inbox = Inbox()
    ann: Any = object()

    async def talk() -> None:
        pause = inbox.put((ann, "ann", Say("x"), ()))
        if pause is not None:
            await pause

    talkers, steps = 4 * INBOX_MAX, Steps("talker")
    async with trio.open_nursery() as nursery:
        trio.lowlevel.add_instrument(steps)
        for _ in range(talkers):
            nursery.start_soon(talk, name="talker")
        await trio.testing.wait_all_tasks_blocked()
        while len(inbox):
            await all_of(inbox)
            await trio.testing.wait_all_tasks_blocked()
        trio.lowlevel.remove_instrument(steps)
    assert steps.count <= 2 * talkers


@pytest.mark.parametrize(("what", "at_a_time"), [(SayRun(RunTexts.of(["x"] * RUN_MAX)), 16), (Say("x"), 2 * INBOX_MAX)])
async def test_of_many_who_talk_without_pause_each_has_their_turn(
    autojump_clock: trio.abc.Clock, what: Any, at_a_time: int
) -> None:
    inbox = Inbox()
    heard: list[set[int]] = []

    async def talk(who: int) -> None:
        session: Any = who
        while True:
            for _ in range(at_a_time):
                if (pause := inbox.put((session, "ann", what, ()))) is not None:
                    await pause
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        for who in range(20):
            nursery.start_soon(talk, who)
        for _ in range(100):
            await trio.testing.wait_all_tasks_blocked()
            heard.append({session for session, *_ in await all_of(inbox)})  # type: ignore[misc]
        nursery.cancel_scope.cancel()
    for first in range(0, 100, 10):
        assert set().union(*heard[first : first + 10]) == set(range(20))


async def test_who_gives_up_just_when_their_run_is_let_in_blocks_nobody(autojump_clock: trio.abc.Clock) -> None:
    inbox = Inbox()
    ann: Any = object()
    run = SayRun(RunTexts.of(["x"] * RUN_MAX))
    for _ in range(20):
        while (pause := inbox.put((ann, "ann", run, ()))) is None:
            pass
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait_for, pause)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
            await all_of(inbox)
        if len(inbox):
            await all_of(inbox)
    assert inbox.put((ann, "ann", run, ())) is None


async def test_who_gives_up_waiting_for_the_inbox_leaves_its_room_to_others(autojump_clock: trio.abc.Clock) -> None:
    inbox = Inbox()
    ann: Any = object()
    for _ in range(INBOX_MAX):
        inbox.put_nowait((ann, "ann", Say("x"), ()))
    pause = inbox.put((ann, "ann", SayRun(RunTexts.of(["x"] * RUN_MAX)), ()))
    assert pause is not None
    with trio.move_on_after(1):
        await pause
    await all_of(inbox)
    for _ in range(INBOX_MAX // RUN_MAX):
        assert inbox.put((ann, "ann", SayRun(RunTexts.of(["x"] * RUN_MAX)), ())) is None


def test_where_nothing_more_is_taken_in_nobody_waits_however_many_runs_come() -> None:
    inbox = Inbox()
    refused: list[InboxEntry] = []
    inbox.end(refused.append)
    entry: Any = (None, "ann", SayRun(RunTexts.of(["x"] * RUN_MAX)), ())
    runs = INBOX_MAX // RUN_MAX + 2
    assert [inbox.put(entry) for _ in range(runs)] == [None] * runs
    assert refused == [entry] * runs


async def test_who_enters_after_runs_is_shown_the_newest_lines(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    _, room = open_rooms(nursery)
    ann = FakeSession(room, "ann")
    await room.enter(ann)
    for first in range(0, HISTORY_MAX * 2, 20):
        room.post(ann, SayRun(RunTexts.of([f"line {number}" for number in range(first, first + 20)])))
        room.post(ann, Say(f"between {first}"))
        await trio.testing.wait_all_tasks_blocked()
    bob = FakeSession(room, "bob")
    bob.person.history = HISTORY_MAX
    await room.enter(bob)
    shown_lines = [line.partition("ann: ")[2] for line in bob.told if "ann: " in line]
    expected = [
        text
        for first in range(0, HISTORY_MAX * 2, 20)
        for text in (*(f"line {n}" for n in range(first, first + 20)), f"between {first}")
    ]
    assert shown_lines == expected[-HISTORY_MAX:]


async def test_a_run_has_the_numbers_that_the_journal_gives_it(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    journal = MemoryJournal()
    _, room = open_rooms(nursery, journal)
    ann, eve = FakeSession(room, "ann"), FakeSession(room, "eve")
    eve.render = json_renderer_for("en", 2)
    for session in (ann, eve):
        await room.enter(session)
    journal.append([Said("python", 1, 1.0, "zoe", "of which the room does not know")], {})
    room.post(ann, SayRun(RunTexts.of(["one", "two"])))
    await trio.sleep(1)
    said = [event for event in map(json.loads, eve.told) if event["is"] == "said"]
    assert [(event["seq"], event["text"]) for event in said] == [(2, "one"), (3, "two")]
    assert room.last_seq == len((await journal.read("python", 1, 9)).lines)


async def test_in_the_hall_each_line_of_a_run_is_refused(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0) as house:
        ann = house.call()
        await ann.log_in("ann")
        await ann.type("one", "two", "three")
        await ann.type("/ping", "/quit")
        assert (await ann.read_to_end()).count("Nobody hears you in the hall") == 3


async def test_of_several_lines_that_come_together_the_first_is_timed_and_none_is_lost(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(messages_per_second=0) as house:
        ann, bob = await house.ann_and_bob()
        await ann.type("/ping")
        await trio.sleep(1)
        await ann.type("one", "two", "three")
        assert await bob.read_until("three\r\n") == "* ann joined\r\nann: one\r\nann: two\r\nann: three\r\n"
        await ann.type("/quit")
        assert (await ann.read_to_end()).count("* #1 waited") == 1


# Programs, whose lines have keys.

SAY = [
    {"do": "say", "room": "python", "text": "hello", "key": "a"},
    {"do": "say", "room": "python", "text": "hello", "key": "b"},
    {"do": "say", "room": "python", "text": "  你好 ", "key": "c"},
    {"do": "say", "room": "python", "text": "no key"},
    {"do": "say", "room": "pm", "text": "elsewhere", "key": "a"},
    {"do": "say", "room": "python", "text": "two\nlines", "key": "d"},
    {"do": "say", "room": "python", "text": "\x1b[31mred", "key": "e"},
    {"do": "say", "room": "python", "text": "with a ref", "key": "f", "ref": 1},
    {"do": "say", "room": "python", "text": " ", "key": "g"},
    {"do": "say", "room": "python", "text": "x", "key": " "},
    {"do": "say", "room": "python", "text": "x", "key": "k" * 64},
    {"do": "say", "room": "python", "text": "x", "key": "k" * 65},
    {"do": "say", "room": "python", "text": "x", "key": 5},
    {"do": "say", "room": "python\x00", "text": "x", "key": "h"},
    {"do": "say", "text": "x", "key": "i"},
    {"do": "say", "room": "python", "text": "x" * 1001},
    {"do": "me", "room": "python", "action": "waves"},
    {"do": "ping", "ref": 2},
]
LINES = [json.dumps(say).encode() + b"\n" for say in SAY]
LINES += [
    b"\n",
    b"{\n",
    b"}\n",
    b"not JSON\n",
    LINES[0][:-1] + LINES[1],
    b'{"do":"say","room":\n',
    LINES[0][:-1] + b"\r\n",
    b"\xff\n",
]


@given(
    st.lists(st.one_of(st.sampled_from(LINES[:5]), st.sampled_from(LINES)), max_size=8).map(b"".join),
    st.lists(st.integers(0, 600), max_size=3),
)
def test_what_programs_ask_for_is_the_same_in_runs_line_by_line_and_byte_by_byte(data: bytes, cuts: list[int]) -> None:
    found: list[list[object]] = []
    for in_runs, chunks in (
        (True, [data[start:end] for start, end in pairwise([0, *sorted(cuts), max(len(data), *cuts, 0)])]),
        (True, [data]),
        (False, [data[number : number + 1] for number in range(len(data))]),
    ):
        decoder = JsonDecoder(PARSE, 4000, 1000, in_runs=in_runs)
        asked: list[object] = []
        for chunk in chunks:
            for item in decoder.receive_data(chunk):
                if isinstance(item, Addressed) and isinstance(item.request, SayRun):
                    asked += (Addressed(say, item.room) for say in item.request)
                else:
                    asked.append(item)
        found.append(asked)
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"text": "\x1b[31mred"}, Addressed(Say("[31mred", "b"), "python")),
        ({"text": "a\x7fb"}, Addressed(Say("ab", "b"), "python")),
        ({"text": "a\u202eb"}, Addressed(Say("ab", "b"), "python")),
        (
            {"key": "\x1b"},
            Addressed(
                Invalid("wrong-field", {"field": "key", "why": "has characters that cannot stand there"}), "python"
            ),
        ),
        ({"text": "x" * 1001}, Addressed(Invalid("text-too-long", {"limit": "1000"}), "python")),
        ({"text": "  "}, Addressed(Invalid("wrong-field", {"field": "text", "why": "expected a text"}), "python")),
        ({"text": "one\ntwo"}, Addressed(Say("one\ntwo", "b"), "python")),
        ({"key": ""}, Addressed(Say("fine"), "python")),
        ({"key": " "}, Addressed(Invalid("wrong-field", {"field": "key", "why": "expected a text"}), "python")),
        (
            {"key": "k" * 65},
            Addressed(Invalid("wrong-field", {"field": "key", "why": "expected str of length <= 64"}), "python"),
        ),
        ({"room": " "}, Addressed(Invalid("wrong-field", {"field": "room", "why": "expected a text"}))),
        (
            {"room": "r" * (WORD_MAX + 1)},
            Addressed(Invalid("wrong-field", {"field": "room", "why": f"expected at most {WORD_MAX} characters"})),
        ),
    ],
)
@pytest.mark.parametrize("escapes", [True, False])
def test_what_is_not_clean_or_too_long_is_read_by_itself_also_where_many_lines_come(
    wrong: dict[str, str], said: Addressed, escapes: bool
) -> None:
    decoder = JsonDecoder(PARSE, 4000, 1000, in_runs=True)
    line = {"do": "say", "room": "python", "text": "fine", "key": "b"} | wrong
    came = [*decoder.receive_data(LINES[0] + json.dumps(line, ensure_ascii=escapes).encode() + b"\n" + LINES[0])]
    assert came[1] == said


def test_two_objects_on_one_line_and_one_on_two_are_no_two_lines() -> None:
    whole = LINES[0].strip()
    came = JsonDecoder(PARSE, 4000, 1000, in_runs=True).receive_data(whole + whole.replace(b", ", b",\n", 1) + b"\n")
    assert [type(item.request) for item in came if isinstance(item, Addressed)] == [Invalid, Invalid]


def test_two_objects_on_one_line_are_none_also_where_many_lines_come() -> None:
    came = JsonDecoder(PARSE, 4000, 1000, in_runs=True).receive_data(LINES[0].strip() + LINES[1] + LINES[0])
    assert [type(item.request) for item in came if isinstance(item, Addressed)] == [Invalid, Say]


def test_a_text_that_is_not_utf_8_harms_no_line_beside_it() -> None:
    wrong = LINES[0].replace(b"hello", b"\xff")
    came = JsonDecoder(PARSE, 4000, 1000, in_runs=True).receive_data(LINES[0] + wrong + LINES[0])
    assert [type(item.request) for item in came if isinstance(item, Addressed)] == [Say, Invalid, Say]


def test_lines_of_programs_that_come_together_are_a_run_for_each_room() -> None:
    decoder = JsonDecoder(PARSE, 4000, 1000, in_runs=True)
    came = decoder.receive_data(b"".join((*LINES[:3], LINES[4])))
    assert came == [
        Addressed(SayRun(RunTexts.of(["hello", "hello", "  你好"]), ["a", "b", "c"]), "python"),
        Addressed(SayRun(RunTexts.of(["elsewhere"]), ["a"]), "pm"),
    ]


def test_more_lines_of_a_program_than_a_run_has_are_several_runs_each_with_its_own_keys() -> None:
    said = [{"do": "say", "room": "python", "text": f"line {n}", "key": f"key {n}"} for n in range(2 * RUN_MAX + 1)]
    data = b"".join(json.dumps(each).encode() + b"\n" for each in said)
    runs = [
        item.request
        for item in JsonDecoder(PARSE, len(data), len(data), in_runs=True).receive_data(data)
        if isinstance(item, Addressed) and isinstance(item.request, SayRun)
    ]
    assert [len(run) for run in runs] == [RUN_MAX, RUN_MAX, 1]
    assert [say for run in runs for say in run] == [Say(f"line {n}", f"key {n}") for n in range(2 * RUN_MAX + 1)]


async def test_programs_are_answered_for_each_key_and_a_key_twice_in_a_run_is_stored_once(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(messages_per_second=0) as house:
        bob, eve = house.call(), house.connect()
        await bob.log_in("bob", "python")
        await eve.enter("eve", "python")
        for _ in range(2):
            await eve.stream.send_all(b"".join((*LINES[:3], LINES[0], LINES[4])))
            await trio.sleep(1)
        await eve.ask("rooms")
        told = [
            event for event in await events_until(eve, "rooms-listed") if event["is"] in {"said", "stored", "refused"}
        ]
        assert [(event["is"], event.get("seq"), event.get("key")) for event in told] == [
            ("refused", None, None),
            *(("said", seq, None) for seq in (1, 2, 3)),
            *(("stored", seq, key) for seq, key in ((1, "a"), (1, "a"), (2, "b"), (3, "c"))),
            ("refused", None, None),
            *(("stored", seq, key) for seq, key in ((1, "a"), (2, "b"), (3, "c"), (1, "a"))),
        ]
        assert (await bob.read_until("你好\r\n")).count("eve: hello") == 2


async def events_until(program: Program, tag: str) -> list[dict[str, Any]]:
    events = [await program.read()]
    while events[-1]["is"] != tag:
        events.append(await program.read())
    return events


def test_what_has_been_written_for_programs_is_not_kept() -> None:
    def iterators() -> int:
        gc.collect()
        return sum(isinstance(one, map) for one in gc.get_objects())

    before = iterators()
    for _ in range(100):
        shown(json_renderer_for("en"), SaidRun("python", 1, [1.0, 2.0], "ann", RunTexts.of(["hello", "again"])))
        show_stored(StoredRun("python", 1, ["a", "b"]))
    assert iterators() < before + 10
