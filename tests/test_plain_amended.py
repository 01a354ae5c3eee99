"""chat-tui line by line: replies, edits and reactions said in words, in order, and asked for by commands."""

import asyncio
from collections.abc import Callable

from chat_server.protocol import entries, events
from chat_server.protocol.amending import Edited, Reacted, Reaction, Redacted
from chat_server.protocol.entries import Entry, PageShown, Said
from chat_tui.client.amended_words import KEPT_MAX, TOGETHER_TICKS, Beginnings
from chat_tui.client.plain_program import PlainProgram
from plain_programs import plain_program
from test_rights_on_screen import WELCOME

EVE = Said("python", 1, 60.0, "eve", "is it in?")
BOB = Said("python", 2, 120.0, "bob", "since yesterday, " * 4)


def reacted(seq: int, nick: str, sign: str, *, of: int = 1, is_back: bool = False) -> Reacted:
    return Reacted("python", seq, seq * 60.0, nick, sign, of=of, is_back=is_back, whom="eve")


def play(act: Callable[[PlainProgram, Callable[..., None]], None]) -> list[str]:
    """What is written of a room, where these have come."""
    written: list[str] = []

    async def run() -> None:
        program, _ = plain_program(written, lambda: 0.0)
        program.client._take(events.Entered("python", (), 0, "", 0), None)

        def tell(*told: Entry) -> None:
            for event in told:
                program.client._take(event, None)

        act(program, tell)
        program._teller.end()

    asyncio.run(run())
    return [line for line in written if line.startswith("[")]


def test_a_reply_says_to_whom_and_how_that_begins_or_to_which_number() -> None:
    def act(_: PlainProgram, tell: Callable[..., None]) -> None:
        tell(EVE, BOB, Said("python", 3, 180.0, "bob", "yes", re=1), Said("python", 4, 240.0, "Carol", "good", re=2))
        tell(Edited("python", 5, 300.0, "bob", "no", of=2), Said("python", 6, 360.0, "Carol", "oh", re=2))
        tell(Redacted("python", 7, 420.0, "bob", "#2", whom="bob", of=((2, 2),)))
        tell(Said("python", 8, 480.0, "Carol", "hm", re=2))
        tell(Said("python", 9, 540.0, "Carol", "oh", re=2, whom="bob"))

    assert play(act) == [
        "[python] 1 eve: is it in?",
        f"[python] 2 bob: {'since yesterday, ' * 4}",
        '[python] 3 bob replied to eve "is it in?": yes',
        '[python] 4 Carol replied to bob "since yesterday, since yesterday, since…": good',
        "[python] 5 bob edited line #2: no",
        '[python] 6 Carol replied to bob "no": oh',
        "[python] 7 bob deleted line #2",
        "[python] 8 Carol replied to #2: hm",
        "[python] 9 Carol replied to bob's line #2: oh",
    ]


def test_reactions_to_one_line_are_told_together_after_two_seconds_or_at_the_end() -> None:
    written: list[int] = []

    def act(program: PlainProgram, tell: Callable[..., None]) -> None:
        tell(EVE, reacted(2, "bob", "👍"), reacted(3, "Carol", "👍"), reacted(4, "dave", "🎉"))
        tell(reacted(5, "eve", "🔥"), reacted(6, "eve", "🔥", is_back=True))
        for _ in range(TOGETHER_TICKS):
            program._teller.tick()
        tell(reacted(7, "bob", "👍", is_back=True), Said("python", 8, 480.0, "bob", "and on"))
        written.append(program.client.state.room("python").position)

    assert play(act) == [
        "[python] 1 eve: is it in?",
        "[python] bob, Carol, dave reacted to eve's line #1: 👍 🎉",
        "[python] 8 bob: and on",
        "[python] bob took back a reaction to eve's line #1: 👍",
    ]
    assert written == [8]


def test_reactions_that_were_missed_are_told_before_what_is_said_from_then_on() -> None:
    def act(program: PlainProgram, _: Callable[..., None]) -> None:
        program.client._take(events.Entered("write", (), 0, "", 2), None)
        reaction = Reacted("write", 2, 120.0, "bob", "👍", of=1, whom="eve")
        program.client._take(entries.Recalled("write", (reaction,), None, 2, ""), None)
        program.client._take(Said("write", 3, 180.0, "bob", "and on"), None)

    assert play(act) == ["[write] bob reacted to eve's line #1: 👍", "[write] 3 bob: and on"]


def test_what_was_missed_is_told_in_its_turn_and_once() -> None:
    edited = Edited("python", 3, 180.0, "bob", "today", of=2)

    def act(program: PlainProgram, tell: Callable[..., None]) -> None:
        tell(EVE, BOB)
        last = Said("python", 5, 300.0, "bob", "and on", edited=6, reactions=(Reaction("👍", ("ann", "Carol")),))
        tell(last)
        page = PageShown("python", (edited, Said("python", 4, 240.0, "Carol", "good", re=2)), 1, 5, "")
        program.client._take(page, None)
        program.client._take(page, None)

    assert play(act)[2:] == [
        "[python] 3 bob edited line #2: today",
        '[python] 4 Carol replied to bob "today": good',
        "[python] 5 bob: and on (edited) (reactions: 👍 2)",
    ]


def test_what_is_recalled_says_at_the_line_what_became_of_it_and_not_twice() -> None:
    def act(program: PlainProgram, _: Callable[..., None]) -> None:
        program.client._take(events.Entered("write", (), 0, "", 4), None)
        lines = (
            Said("write", 1, 60.0, "ann", "today", edited=2, reactions=(Reaction("👍", ("bob",)),)),
            Edited("write", 2, 120.0, "ann", "today", of=1),
            Reacted("write", 3, 180.0, "bob", "👍", of=1, whom="eve"),
            Said("write", 4, 240.0, "bob", "good", re=1),
        )
        program.client._take(entries.Recalled("write", lines, None, 4, ""), None)

    assert play(act) == [
        "[write] 1 ann: today (edited) (reactions: 👍 1)",
        '[write] 4 bob replied to ann "today": good',
    ]


def test_a_reply_is_asked_for_by_its_command_and_waits_to_be_stored_as_any_line() -> None:
    def act(program: PlainProgram, tell: Callable[..., None]) -> None:
        program.client._take(WELCOME, None)
        tell(EVE)
        program._typing.room = "python"
        program.client._take(events.RoomsListed((("python", 1),)), None)
        program.input._lines.extend(["/re 1 yes, since yesterday"])
        program.take_input()
        (pending,) = program.client.store.unsent
        assert (pending.do, pending.re, pending.text) == ("say", 1, "yes, since yesterday")

    play(act)


def test_no_more_beginnings_are_kept_than_may_be() -> None:
    beginnings = Beginnings()
    for seq in range(1, KEPT_MAX + 2):
        beginnings.note(Said("python", seq, 0.0, "bob", f"line {seq}"))
    assert beginnings.replied(Said("python", 9999, 0.0, "ann", "x", re=1)) == " replied to #1"
    assert beginnings.replied(Said("python", 9999, 0.0, "ann", "x", re=2)) == ' replied to bob "line 2"'
