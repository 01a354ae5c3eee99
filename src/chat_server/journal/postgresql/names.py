"""The names at this node in PostgreSQL: given and taken back in the order in which that is asked for, as many as wait in one commit.

A name that nobody waits for any more is taken back; one that is to be taken back waits until the engine is there. Bounds: one claim for each who is
just logging in or changing their name, one release for each name that this node has. Never knows whose sessions they are.
"""

from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any

import psycopg
import trio

from chat_server.accounts.names_index import Refusal
from chat_server.journal import JournalError
from chat_server.journal.happened import PersonId
from chat_server.journal.node_life import NodeLife
from chat_server.journal.nodes import Claim, Claimed, NodeIsOver
from chat_server.journal.postgresql.append_function import NODE_IS_OVER
from chat_server.journal.postgresql.committer import OVER
from chat_server.journal.postgresql.link import ANSWER_SECONDS, PASSING, Connection, Link, said
from chat_server.logs import log
from chat_server.protocol.names import name_key

AT_A_TIME = 200
"""Names in one commit: 10 ms of the engine."""

AGAIN_SECONDS = 0.5
"""Seconds after which what could not be carried out is tried again."""


class _Wish:
    """A name to be given, or to be taken back."""

    def __init__(self, claim: Claim, *, is_release: bool = False) -> None:
        self.claim = claim
        self.is_release = is_release
        self.is_awaited = True
        self.is_sent = False
        self.is_new = False
        """Whether the person had the name not before."""
        self.adopts = False
        """Whether the person is given the name that they have at other nodes, if they are at any."""
        self.done = trio.Event()
        self.answer: Claimed | Refusal | JournalError = JournalError("the database does not answer")


class Names:
    """The names at this node."""

    def __init__(self, link: Link, life: NodeLife) -> None:
        self.node = 0
        """The number of this node."""
        self._link = link
        self._life = life
        self._wishes: deque[_Wish] = deque()
        self._has_wishes = trio.Event()
        self._here: dict[PersonId, set[str]] = {}  # the keys of the names that each has here, or is about to have

    async def claim(self, claim: Claim) -> Claimed | Refusal:
        """Give somebody a name; see Nodes."""
        if self._life.is_over:
            raise NodeIsOver(OVER)
        wish = self._wish(claim)
        try:
            with trio.move_on_after(ANSWER_SECONDS):
                await wish.done.wait()
        finally:
            wish.is_awaited = False
            if not wish.is_sent:
                self._wishes.remove(wish)
        if isinstance(wish.answer, JournalError):
            raise wish.answer
        return wish.answer

    async def release(self, key: str, person: PersonId) -> None:
        """Take a name back, now or when the engine is there again; see Nodes."""
        if not self._life.is_over:
            wish = self._wish(Claim("", key, "", person), is_release=True)
            with trio.move_on_after(ANSWER_SECONDS):
                await wish.done.wait()

    def _wish(self, claim: Claim, *, is_release: bool = False) -> _Wish:
        wish = _Wish(claim, is_release=is_release)
        self._wishes.append(wish)
        self._has_wishes.set()
        return wish

    async def run(self) -> None:
        """Carry out what is wished for, until cancelled."""
        while True:
            await self._has_wishes.wait()
            self._has_wishes = trio.Event()
            while self._wishes:
                await self._carry_out([self._wishes.popleft() for _ in range(min(AT_A_TIME, len(self._wishes)))])

    async def _carry_out(self, wishes: Sequence[_Wish]) -> None:
        """Carry these out. Where it is not known what came of them they are carried out again, first: what comes of it is the same."""
        for wish in wishes:
            self._begin(wish)
        error: Exception
        try:
            rows = await self._link.call(partial(_change_names, self.node, wishes), may_repeat=True)
        except JournalError as away:
            error = away
        except psycopg.Error as refusal:
            error = refusal
        else:
            for place, why, other, nick, elsewhere, order in rows:
                wishes[place - 1].answer = Refusal(why, other) if why else Claimed(nick, elsewhere, order)
            for wish in wishes:
                self._end(wish)
            return
        sqlstate = error.sqlstate if isinstance(error, psycopg.Error) else None
        if isinstance(error, JournalError) or sqlstate in PASSING:
            self._wishes.extendleft(reversed(wishes))
            await trio.sleep(AGAIN_SECONDS)
            return
        if sqlstate == NODE_IS_OVER:
            self._life.give_up()
            refusal_of_all: JournalError = NodeIsOver(OVER)
        else:
            log.error("the database cannot give names", why=said(error))
            refusal_of_all = JournalError(f"the database cannot give names: {said(error)}")
        for wish in wishes:
            wish.answer = refusal_of_all
            self._end(wish)

    def _begin(self, wish: _Wish) -> None:
        if wish.is_sent:
            return
        wish.is_sent = True
        claim = wish.claim
        if not wish.is_release:
            here = self._here.setdefault(claim.person, set())
            wish.adopts = not here and claim.person.startswith("token:")
            wish.is_new = claim.key not in here
            here.add(claim.key)

    def _end(self, wish: _Wish) -> None:
        """Note what came of it."""
        person, key, answer = wish.claim.person, wish.claim.key, wish.answer
        if wish.is_release:
            self._forget(person, key)
        elif isinstance(answer, Claimed):
            if wish.adopts and (given := name_key(answer.nick)) != key:
                self._forget(person, key)
                self._here.setdefault(person, set()).add(given)
                key = given
            if wish.is_new and not wish.is_awaited:
                self._wishes.appendleft(_Wish(Claim("", key, "", person), is_release=True))
        elif wish.is_new:
            self._forget(person, key)
        wish.done.set()

    def _forget(self, person: PersonId, key: str) -> None:
        keys = self._here.get(person)
        if keys is not None:
            keys.discard(key)
            if not keys:
                del self._here[person]


def _change_names(node: int, wishes: Sequence[_Wish], connection: Connection) -> list[tuple[Any, ...]]:
    claims = [wish.claim for wish in wishes]
    return connection.execute(
        "SELECT * FROM change_names(%b, %b::text[], %b::text[], %b::text[], %b::text[], %b::boolean[])",
        [
            node,
            [None if wish.is_release else wish.claim.nick for wish in wishes],
            [claim.key for claim in claims],
            [claim.skeleton for claim in claims],
            [claim.person for claim in claims],
            [wish.adopts for wish in wishes],
        ],
    ).fetchall()
