"""chat-tui tells of lines that named the user while they were away: once, and not of those that it shows itself."""

import asyncio

from chat_server.protocol import entries, events
from chat_server.protocol.entries import Said
from chat_server.protocol.people_events import MentionsWaiting
from chat_tui.client.connection import ConnectionChanged, Status
from plain_programs import plain_program

LISTED = events.RoomsListed((("python", 1),))


def named(room: str, seq: int) -> Said:
    return Said(room, seq, float(seq), "bob", "ann: are you there?")


class Away:
    """ann, who is away again and again."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.program, _ = plain_program(self.written, lambda: 0.0, rooms=["python"])

    def comes(self, *told: events.Event, nick: str = "ann") -> list[str]:
        """The user is let in, and these events come; return what is told of lines that have named them."""
        before = len(self.written)
        self.program.changed(ConnectionChanged(Status.WAITING, "the connection broke"))
        for event in (events.LoggedIn(nick, ""), *told):
            self.program.client._take(event, None)
        return [line for line in self.written[before:] if line.startswith("While you were away")]


def entered(last: int) -> events.Entered:
    return events.Entered("python", ("bob",), 0, "", last)


def told(count: int, room: str, first: int) -> list[str]:
    mentions = f"1 mention in {room} (#{first})" if count == 1 else f"{count} mentions in {room} (#{first} …)"
    return [f"While you were away: {mentions}. /mentions shows them."]


def test_what_was_told_is_not_told_again_and_what_is_new_since_then_is() -> None:
    async def play() -> None:
        away = Away()
        assert away.comes(MentionsWaiting((("write", 2, 7),)), LISTED) == told(2, "write", 7)
        assert away.comes(MentionsWaiting((("write", 2, 7),)), LISTED) == []
        assert away.comes(MentionsWaiting((("write", 5, 7),)), LISTED) == told(3, "write", 7)
        assert away.comes(MentionsWaiting((("write", 5, 7),)), LISTED) == []
        assert away.comes(MentionsWaiting((("write", 1, 20),)), LISTED) == told(1, "write", 20), "they were read"
        assert away.comes(LISTED) == []
        assert away.comes(MentionsWaiting((("write", 1, 20),)), LISTED, nick="anna") == told(1, "write", 20)

    asyncio.run(play())


def test_of_a_room_that_one_reads_here_nothing_is_told_whenever_the_server_counts() -> None:
    async def play() -> None:
        away = Away()
        assert away.comes(entered(10), LISTED) == []
        for last, is_late in ((14, False), (18, True)):
            page = entries.PageShown(
                "python", tuple(named("python", seq) for seq in range(last - 3, last + 1)), 1, last, ""
            )
            waiting = MentionsWaiting((("python", last - 10, 11),))
            coming = (entered(last), page, LISTED)
            assert away.comes(*((*coming, waiting) if is_late else (waiting, *coming))) == []
        assert f"[python] {18} bob: ann: are you there?" in away.written

    asyncio.run(play())


def test_of_what_is_recalled_on_entering_nothing_is_told_and_of_what_was_before_it_once() -> None:
    async def play() -> None:
        recalled = entries.Recalled("python", tuple(named("python", seq) for seq in (8, 9, 10)), 3, 10, "")
        away = Away()
        assert away.comes(MentionsWaiting((("python", 3, 8),)), entered(10), recalled, LISTED) == []
        away = Away()
        waiting = MentionsWaiting((("python", 5, 2),))
        assert away.comes(waiting, entered(10), recalled, LISTED) == told(2, "python", 2)
        assert away.comes(MentionsWaiting((("python", 6, 2),)), entered(11), LISTED) == [], "the hole is asked for"

    asyncio.run(play())
