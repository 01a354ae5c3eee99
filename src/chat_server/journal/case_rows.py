"""What waits for moderators, as it stands in a table, whichever engine has that: each method is part of somebody's transaction, or of a reading.

The statements are those that all engines understand. Never knows who asks, nor who may see what.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from chat_server.accounts.cases import Case, CaseKind, Ending, NotTaken, after_end, after_room, is_old, refusal_of
from chat_server.journal.showable import showable_name, showable_text, showable_topic

_SHOWN = "SELECT matter.number, room.name, matter.what FROM matter LEFT JOIN room ON room.id = matter.room{0} WHERE {1} ORDER BY matter.number"

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Case)


class CaseRows:
    """The table of cases, `matter`. Its columns say the same as what stands in `what`, as far as they are asked for."""

    def __init__(
        self,
        rows: Callable[..., list[tuple[Any, ...]]],
        do: Callable[..., object],
        begin: Callable[[], object] = lambda: None,
        is_there: str = "",
    ) -> None:
        """Ask by `rows`, and change by `do`: a statement with question marks, and the values for these. `begin` lets nobody else change the table.

        `is_there` is what must be so besides of a room that there is.
        """
        self._is_there = is_there
        self._rows = rows
        self._do = do
        self.begin = begin

    def _cases(self, condition: str, *values: object) -> list[Case]:
        found = []
        for number, name, what in self._rows(_SHOWN.format(self._is_there, condition), *values):
            with suppress(msgspec.DecodeError, RecursionError):
                found.append(_shown(replace(_decoder.decode(what), number=number), name))
        return found

    def of_kind(self, kind: CaseKind) -> list[Case]:
        """All of a kind."""
        return self._cases("matter.kind = ?", kind)

    def all(self) -> list[Case]:
        """All of them."""
        return self._cases("matter.kind <> ?", "")

    def case(self, number: int) -> Case | None:
        """The case with this number."""
        return next(iter(self._cases("matter.number = ?", number)), None)

    def of_account(self, account: int) -> list[Case]:
        """Those with which an account has to do."""
        return self._cases("matter.account = ? OR matter.author = ?", account, account)

    def add(self, case: Case) -> int:
        """Store one more; return its number."""
        ((number,),) = self._rows(
            "INSERT INTO matter (kind, at, account, author, room, what)"
            " VALUES (?, ?, ?, ?, (SELECT max(id) FROM room WHERE name = ?), ?) RETURNING number",
            *(case.kind, case.at, case.account, case.author, case.room, _encoder.encode(case).decode()),
        )
        return int(number)

    def put(self, case: Case) -> None:
        """Let one be otherwise."""
        self._do("UPDATE matter SET what = ? WHERE number = ?", _encoder.encode(case).decode(), case.number)

    def drop(self, number: int) -> None:
        """Forget one."""
        self._do("DELETE FROM matter WHERE number = ?", number)


class CaseTables(Protocol):
    """Tables, as far as they matter here."""

    @property
    def cases(self) -> CaseRows:
        """Those of cases."""
        ...


def add(tables: CaseTables, case: Case) -> Case | NotTaken:
    """Store one more; see Cases."""
    rows = tables.cases
    rows.begin()
    refusal = refusal_of(case, rows.of_kind(case.kind))
    return replace(case, number=rows.add(case)) if refusal is None else refusal


def close(tables: CaseTables, number: int, kinds: Sequence[CaseKind], at: float) -> Case | None:
    """Close one that waits; see Cases."""
    tables.cases.begin()
    case = tables.cases.case(number)
    if case is None or not case.is_on(at) or case.kind not in kinds:
        return None
    tables.cases.put(case.closed)
    return case


def end(tables: CaseTables, account: int, nick: str, ending: Ending) -> None:
    """An account has ended, and is called so."""
    rows = tables.cases
    rows.begin()
    for case in rows.of_account(account):
        left = after_end(case, account, nick, ending)
        if left is None:
            rows.drop(case.number)
        else:
            rows.put(left)


def forget_old(tables: CaseTables, at: float) -> int:
    """Forget what is old; return how many."""
    rows = tables.cases
    rows.begin()
    every = rows.all()
    old = [case.number for case in every if is_old(case, at)]
    for number in old:
        rows.drop(number)
    for case in every:
        if not (
            case.is_open or case.room or is_old(case, at)
        ):  # its room is no more, and what was written is to be gone, too
            rows.put(case)
    return len(old)


def _shown(case: Case, room: str | None) -> Case:
    """A case as it may be shown, of a room that is called so now (None: it is no more), whoever has written what into the table."""
    if room is None and case.room:  # another one may be called so by now
        case = after_room(case)
    return replace(
        case,
        room=room or "",
        by=showable_name(case.by) if case.by else "",
        whom=showable_name(case.whom) if case.whom else "",
        text=showable_text(case.text),
        why=showable_topic(case.why),
    )
