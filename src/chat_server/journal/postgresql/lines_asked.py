"""Lines of which a node asks others, in PostgreSQL. See journal/lines_asked.py.

All that waits is done at once: so many lines that are said at a time cost few statements. Never knows what a bot makes of a line.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from math import inf
from typing import TypeVar

import msgspec
import psycopg
import trio

from chat_server.guard import Guard
from chat_server.journal import JournalError
from chat_server.journal.lines_asked import LINES_MAX, Judgement, LineAsked
from chat_server.journal.postgresql.arrays import integers, texts
from chat_server.journal.postgresql.link import Connection, Link
from chat_server.journal.postgresql.sign_channel import SIGN_LOCK_MILLISECONDS, SIGNS_CHANNEL
from chat_server.journal.signs import LinesJudged, LinesToJudge, Sign, encoded

ANSWER_SECONDS = 1.0
"""Seconds that the database has; nobody waits for so long."""

AGAIN_SECONDS = 1.0
"""Seconds after which it is tried again to forget lines."""

DOUBT_SECONDS = 60.0
"""Seconds after which lines are forgotten once more when putting some has failed: a database that stood still may have put them since."""

NUMBERS_MAX = 200
"""Lines that one sign is about."""

_TELL = """
WITH put AS (
    INSERT INTO asked_line (node, number, line) SELECT %b, u.number, u.line FROM unnest(%b::bigint[], %b::text[]) AS u (number, line)
        ON CONFLICT DO NOTHING
), answered AS (
    UPDATE asked_line SET why = u.why FROM unnest(%b::bigint[], %b::bigint[], %b::text[]) AS u (node, number, why)
        WHERE asked_line.node = u.node AND asked_line.number = u.number
)
SELECT set_config('lock_timeout', %b, true), count(pg_notify(%b, t.text)) FROM unnest(%b::text[]) AS t (text)
"""
"""One statement, so that a node that stands still holds up nobody."""

_Put = Mapping[int, tuple[Collection[int], LineAsked]]
_Answer = tuple[int, int, Judgement, str]

T = TypeVar("T")


class PostgresqlLinesAsked:
    """See LinesAsked."""

    def __init__(self, link: Link, number: Callable[[], int]) -> None:
        """Ask by this connection, for the node with this number."""
        self._link, self._number = link, number
        self._to_put: dict[int, tuple[Collection[int], LineAsked]] = {}
        self._asked: set[int] = set()
        self._has_to_forget = False
        self._doubts_until = inf
        self._answers: list[_Answer] = []
        self._has_more = trio.Event()
        self._guard = Guard("the database could not be asked of lines that bots at other nodes look at")

    def put(self, number: int, nodes: Collection[int], line: LineAsked) -> None:
        """Ask of a line; see LinesAsked."""
        if len(self._asked) < LINES_MAX:
            self._asked.add(number)
            self._to_put[number] = nodes, line
            self._has_more.set()

    def forget(self, number: int) -> None:
        """Keep nothing of it; see LinesAsked."""
        is_put = number in self._asked and self._to_put.pop(number, None) is None
        self._asked.discard(number)
        if is_put:
            self._has_to_forget = True
            self._has_more.set()

    def answer(self, node: int, number: int, said: Judgement, why: str) -> None:
        """Tell another node; see LinesAsked."""
        if len(self._answers) < LINES_MAX:
            self._answers.append((node, number, said, why))
            self._has_more.set()

    async def why(self, number: int) -> str:
        """Why it is refused; see LinesAsked."""

        def ask(connection: Connection) -> str:
            sql = "SELECT why FROM asked_line WHERE node = %b AND number = %b"
            ((why,),) = connection.execute(sql, [self._number(), number]).fetchall() or [("",)]
            return str(msgspec.json.decode(why)) if why else ""

        return await self._ask(ask)

    async def read(self, node: int, numbers: Sequence[int]) -> Mapping[int, LineAsked]:
        """Lines of another node's; see LinesAsked."""

        def ask(connection: Connection) -> Mapping[int, LineAsked]:
            sql = "SELECT number, line FROM asked_line WHERE node = %b AND number = ANY (%b::bigint[])"
            rows = connection.execute(sql, [node, integers(numbers)])
            return {number: msgspec.json.decode(line, type=LineAsked) for number, line in rows}

        return await self._ask(ask)

    async def _ask(self, ask: Callable[[Connection], T]) -> T:
        try:
            return await self._link.call(ask, ANSWER_SECONDS, may_repeat=True)
        except psycopg.Error as error:
            raise JournalError("the database refuses") from error

    async def run(self) -> None:
        """Do what waits, for ever."""
        while True:
            with trio.move_on_at(self._doubts_until):
                await self._has_more.wait()
            if trio.current_time() >= self._doubts_until:
                self._has_to_forget, self._doubts_until = True, inf
            self._has_more = trio.Event()
            if not await self._do():
                await trio.sleep(AGAIN_SECONDS)
                self._has_more.set()

    async def _do(self) -> bool:
        """Do all that waits. What fails is dropped, but that lines are to be forgotten. Returns whether they are.

        All are but those that are asked of, so that what was put late, when it had been forgotten, goes with the next.
        """
        to_forget, put, answers = self._has_to_forget, self._to_put, self._answers
        self._has_to_forget, self._to_put, self._answers = False, {}, []
        asked, is_forgotten, is_put = [*self._asked], not to_forget, False

        def do(connection: Connection) -> None:
            nonlocal is_forgotten, is_put
            if to_forget:  # by itself: what gives signs may be refused
                sql = "DELETE FROM asked_line WHERE node = %b AND (number = ANY (%b::bigint[])) IS NOT TRUE"  # NULL: of none
                connection.execute(sql, [self._number(), integers(asked)])
                is_forgotten = True
            if signs := [f"{self._number()} {encoded(sign)}" for sign in _signs_of(put, answers)]:
                whys = [(node, number, _text_of(why)) for node, number, _, why in answers if why]
                connection.execute(
                    _TELL,
                    [
                        *(self._number(), integers([*put]), texts([_text_of(line) for _, line in put.values()])),
                        *(
                            integers([one[0] for one in whys]),
                            integers([one[1] for one in whys]),
                            texts([one[2] for one in whys]),
                        ),
                        *(str(SIGN_LOCK_MILLISECONDS), SIGNS_CHANNEL, texts(signs)),
                    ],
                )
            is_put = True

        with self._guard, suppress(JournalError, psycopg.Error):
            await self._link.call(do, ANSWER_SECONDS, may_repeat=True)
        if put and not is_put:
            self._doubts_until = trio.current_time() + DOUBT_SECONDS
        self._has_to_forget |= not is_forgotten
        return is_forgotten


def _text_of(what: object) -> str:
    return msgspec.json.encode(what).decode()


def _signs_of(put: _Put, answers: Sequence[_Answer]) -> Iterator[Sign]:
    """What the other nodes are told of these: each in as few signs as will do."""
    asked: dict[int, list[int]] = {}
    for number, (nodes, _) in put.items():
        for node in nodes:
            asked.setdefault(node, []).append(number)
    judged: dict[int, list[tuple[int, Judgement]]] = {}
    for node, number, said, _ in answers:
        judged.setdefault(node, []).append((number, said))
    for node, numbers in asked.items():
        yield from (LinesToJudge(node, tuple(some)) for some in _in_parts(numbers))
    for node, all_said in judged.items():
        yield from (LinesJudged(node, dict(some)) for some in _in_parts(all_said))


def _in_parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + NUMBERS_MAX] for start in range(0, len(items), NUMBERS_MAX))
