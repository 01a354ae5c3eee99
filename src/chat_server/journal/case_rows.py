"""What waits for moderators, as it stands in a table, whichever engine has that: each method is part of somebody's transaction, or of a reading.

The statements are those that all engines understand. Never knows who asks, nor who may see what.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from chat_server.accounts.acts import ActPlace, ServerAct
from chat_server.accounts.case_bounds import Count, Taken, refusal_of, same_as
from chat_server.accounts.cases import (
    CASE_KINDS,
    DAY,
    KEPT_SECONDS,
    Case,
    CaseKind,
    Closed,
    Closing,
    Ending,
    NotTaken,
    Waiting,
    Wanted,
    act_of,
    after_end,
    after_room,
    can_be_closed,
    can_be_said,
)
from chat_server.journal.act_changes import ROOM_ACT, ActTables, room_values_of
from chat_server.journal.showable import showable_name, showable_text, showable_topic
from chat_server.protocol.stored_event import Author

_SHOWN = "SELECT matter.number, room.name, matter.what FROM matter LEFT JOIN room ON room.id = matter.room{0} WHERE {1} ORDER BY matter.number{2}"

_WAITING = """
matter.is_open = 1 AND (matter.kind = ? AND matter.at > ? OR matter.kind = ? AND matter.at > ? OR matter.kind = ? AND matter.at > ?)
AND (matter.kind = 'report' OR matter.room IS NULL OR room.id IS NOT NULL)
"""
"""What waits, of these kinds, each of which was made after some time; see after_room."""

_IN_ORDER = _WAITING.replace("matter.kind = ?", "matter.kind || '' = ?")
"""The same, looked for by number: by an index of kinds, all of it would be read and put in order for the first few."""

_WAITING_COUNTED = """
SELECT matter.kind, coalesce(room.name, ''), matter.author, count(*) FROM matter LEFT JOIN room ON room.id = matter.room{0}
WHERE {1} AND matter.sender <> ? AND matter.account <> ? GROUP BY 1, 2, 3
"""

_OLD = """
SELECT number FROM matter WHERE is_open = 0 AND at <= ? OR is_open = 1
AND (kind = ? AND at <= ? OR kind = ? AND at <= ? OR kind = ? AND at <= ?)
"""

_SHARES = ("1 = 1", "sender = ?", "network = ?", "coalesce(room, 0) = ?", "keeper = ?")
"""Of what it is counted how many there are; see Taken."""

_COUNTED = """
SELECT {0} FROM (
    SELECT sender, network, room, keeper, CASE WHEN at > ? THEN 1 ELSE 0 END AS is_recent,
        CASE WHEN is_open = 1 AND at > ? THEN 1 ELSE 0 END AS waits
    FROM matter WHERE kind = ?
) AS known WHERE is_recent + waits > 0
"""
_COUNTS = ", ".join(
    f"coalesce(sum(CASE WHEN {share} THEN {counted} ELSE 0 END), 0)"
    for share in _SHARES
    for counted in ("1", "is_recent", "waits")
)

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

    def _cases(self, condition: str, *values: object, limit: int = 0) -> list[Case]:
        """Those of which this is so, in the order of their numbers; of these the newest, where there is a limit."""
        newest = " DESC LIMIT ?" if limit else ""
        found = []
        for number, name, what in self._rows(
            _SHOWN.format(self._is_there, condition, newest), *values, *([limit] if limit else ())
        ):
            with suppress(msgspec.DecodeError, RecursionError):
                found.append(_shown(replace(_decoder.decode(what), number=number), name))
        return found[::-1] if limit else found

    def _room(self, name: str) -> int:
        """The id of a room; 0 for none."""
        ((room,),) = self._rows("SELECT coalesce(max(id), 0) FROM room WHERE name = ?", name)
        return int(room)

    def listed(self, at: float, wanted: Wanted) -> list[Case]:
        """The newest of those that wait and are wanted; see Cases."""
        values = _of_kinds(wanted.kinds, at)
        condition, bounds = _IN_ORDER, list[object]()
        if wanted.room is not None:
            condition += " AND matter.room = ?"
            bounds.append(self._room(wanted.room))
        if wanted.before:
            condition += " AND matter.number < ?"
            bounds.append(wanted.before)
        return [case for case in self._cases(condition, *values, *bounds, limit=wanted.limit) if case.is_open]

    def counted(self, at: float, account: Author, sender: str) -> list[Waiting]:
        """How much waits that is not by somebody; see Cases."""
        values = (*_of_kinds(CASE_KINDS, at), sender, account or -1)
        found = self._rows(_WAITING_COUNTED.format(self._is_there, _WAITING), *values)
        return [Waiting(kind, room, author, int(count)) for kind, room, author, count in found]

    def taken(self, new: Case) -> Taken:
        """What there is beside a new case: see Taken."""
        values = {"sender": new.sender, "network": new.network, "room": self._room(new.room), "keeper": new.keeper}
        shares = [value for value in values.values() for _ in range(3)]
        cutoffs = (new.at - DAY, new.at - KEPT_SECONDS[new.kind], new.kind)
        ((*counts,),) = self._rows(_COUNTED.format(_COUNTS), *shares, *cutoffs)
        return Taken(*(Count(*map(int, counts[at : at + 3])) for at in range(0, len(counts), 3)))

    def same_as(self, new: Case) -> Case | NotTaken | None:
        """Which one a new case is already: see case_bounds.py."""
        known = self._cases(
            "matter.sender = ? AND matter.kind = ? AND (matter.key = ? OR matter.of = ?)",
            *(new.sender, new.kind, new.key or "-", new.of or -1),
        )
        return same_as(new, known)

    def closed_with_room(self) -> list[Case]:
        """Those that are closed since their room is no more."""
        return [case for case in self._cases("matter.kind <> ? AND room.id IS NULL", "report") if not case.is_open]

    def old(self, at: float) -> list[int]:
        """The numbers of those of which nothing needs to be known any more."""
        found = self._rows(_OLD, at - DAY, *_of_kinds(CASE_KINDS, at))
        return [int(number) for (number,) in found]

    def case(self, number: int) -> Case | None:
        """The case with this number."""
        return next(iter(self._cases("matter.number = ?", number)), None)

    def of_account(self, account: int) -> list[Case]:
        """Those with which an account has to do."""
        return self._cases("matter.account = ? OR matter.author = ? OR matter.keeper = ?", account, account, account)

    def add(self, case: Case) -> int:
        """Store one more; return its number."""
        ((number,),) = self._rows(
            "INSERT INTO matter (kind, at, account, author, sender, network, keeper, key, of, is_open, room, what)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT max(id) FROM room WHERE name = ?), ?) RETURNING number",
            *(case.kind, case.at, case.account, case.author, case.sender, case.network, case.keeper, case.key, case.of),
            *(int(case.is_open), case.room, _encoder.encode(case).decode()),
        )
        return int(number)

    def put(self, case: Case) -> None:
        """Let one be otherwise."""
        self._do(
            "UPDATE matter SET what = ?, is_open = ?, network = ?, keeper = ? WHERE number = ?",
            *(_encoder.encode(case).decode(), int(case.is_open), case.network, case.keeper, case.number),
        )

    def drop(self, number: int) -> None:
        """Forget one."""
        self._do("DELETE FROM matter WHERE number = ?", number)

    # What is done about one, among what is done in its room.

    def put_act(self, act: ServerAct) -> ServerAct:
        """Store what was done about the case that the act has; return it with its place. Nobody else stores such a one meanwhile."""
        ((room,),) = self._rows("SELECT room FROM matter WHERE number = ?", act.case)
        return self._put_act(room, act)

    def put_act_in(self, room: str, act: ServerAct) -> ServerAct:
        """The same of what an operator has done to a room that has this name."""
        ((number,),) = self._rows("SELECT max(id) FROM room WHERE name = ?", room)
        return self._put_act(number, act)

    def _put_act(self, room: int, act: ServerAct) -> ServerAct:
        asked = "SELECT number, nth FROM room_act WHERE room = ? ORDER BY number DESC, nth DESC LIMIT 1"
        newest = next((ActPlace(*row) for row in self._rows(asked, room)), ActPlace(0))
        act = replace(act, number=newest.number, nth=newest.nth + 1)
        self._do(f"INSERT INTO room_act ({ROOM_ACT}) VALUES (?, ?, ?, ?, ?, ?)", *room_values_of(room, act))  # noqa: S608 - a list of columns
        return act


class CaseTables(Protocol):
    """Tables, as far as they matter here."""

    @property
    def cases(self) -> CaseRows:
        """Those of cases."""
        ...

    @property
    def acts(self) -> ActTables:
        """Those of the server's acts."""
        ...


def add(tables: CaseTables, case: Case) -> Case | NotTaken:
    """Store one more; see Cases."""
    rows = tables.cases
    rows.begin()
    refusal = rows.same_as(case) or refusal_of(case, rows.taken(case))
    return replace(case, number=rows.add(case)) if refusal is None else refusal


def close(tables: CaseTables, number: int, kinds: Sequence[CaseKind], closing: Closing) -> Closed | None:
    """Close one that waits; see Cases."""
    tables.cases.begin()
    case = tables.cases.case(number)
    if case is None or not can_be_closed(case, kinds, closing):
        return None
    tables.cases.put(case.closed)
    act = act_of(case, closing)
    if case.room:
        return Closed(case, tables.cases.put_act(act))
    act = replace(act, number=tables.acts.begin() + 1)
    tables.acts.put(act)
    return Closed(case, act)


def put_operators_act(tables: CaseTables, act: ServerAct, room: str) -> None:
    """Store what an operator has done to a room while no server has the journal: see RoomEditor.keep_act."""
    tables.cases.begin()
    if room:
        tables.cases.put_act_in(room, act)
    else:
        tables.acts.put(replace(act, number=tables.acts.begin() + 1))


def begin_saying(tables: CaseTables, number: int, at: float) -> Case | None:
    """Let nobody else decide on what is held while it is being said; see Cases."""
    tables.cases.begin()
    case = tables.cases.case(number)
    if case is None or not can_be_said(case, at):
        return None
    tables.cases.put(replace(case, saying_at=at))
    return case


def end_saying(tables: CaseTables, number: int) -> None:
    """Let one wait on; see Cases."""
    tables.cases.begin()
    case = tables.cases.case(number)
    if case is not None and case.is_open:
        tables.cases.put(replace(case, saying_at=0.0))


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
    old = rows.old(at)
    for number in old:
        rows.drop(number)
    for case in rows.closed_with_room():  # what was written is to be gone, too
        rows.put(case)
    return len(old)


def _of_kinds(kinds: Sequence[CaseKind], at: float) -> list[object]:
    """The values of _WAITING: each of these kinds, and since when what waits of it was made."""
    every = [*kinds, *[kinds[0]] * (len(CASE_KINDS) - len(kinds))]
    return [value for kind in every for value in (kind, at - KEPT_SECONDS[kind])]


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
