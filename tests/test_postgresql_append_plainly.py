"""What is said in one room with nothing beside it goes a shorter way into the database, and comes to the same as by the longer one.

A turn goes the longer one if there is one of another room in the same commit: so each is sent both ways.
"""

from collections.abc import Callable

import pytest

from chat_server.journal import JournalError
from chat_server.journal.nodes import Beside, Called, Came, NodeIsOver, Placed, Revoked, Speaker, Stale, TurnReceipt
from chat_server.journal.postgresql.appending import Append, append_of, plain_append_of
from postgresql import Database
from test_postgresql_append import Node, nodes, said, texts_of, turn

__all__ = ["nodes"]

GUEST, MEMBER = Speaker("1:1", 0), Speaker("account:5", 9)
BOTH = (GUEST, MEMBER)


def let_in(a: Node, b: Node) -> None:
    """A guest and somebody with an account may speak at the first node, in a room in which something was said."""
    a.hold(GUEST.person)
    a.ask(
        "INSERT INTO account VALUES (5, 'ann', 'ann', 'ann', NULL, 0, 0, 'member', 'active', NULL, 0, '{}', 0) RETURNING id"
    )
    a.ask("INSERT INTO device VALUES (9, 5, 'd', 'd', 0, 'chat-tui', 0, '', NULL, false) RETURNING id")
    came = [Placed(0, Came(GUEST.person, 0, "bob")), Placed(0, Came(MEMBER.person, 9, "ann", 5))]
    b.store(turn("hello", movements=came))


def by_both(seen: int = 1, **beside: object) -> Append:
    return append_of(said("x", "y"), {}, Beside("python", seen, speakers=BOTH)._replace(**beside))  # type: ignore[arg-type]


def both_ways(node: Node, append: Append, ticket: int = 0) -> list[object]:
    """What comes of it if it is sent alone, and if it is not, as far as it can be compared."""
    found: list[object] = []
    for beside in ((), (turn("beside", room="pm"),)):
        try:
            result = node.store_all(append, *beside, ticket=ticket)[0]
        except JournalError as error:
            result = error
        if isinstance(result, Stale):
            found.append((Stale, [missed.number for missed in result.missed], result.lacks_acts))
        elif isinstance(result, Revoked):
            found.append((Revoked, set(result.authors)))
        else:
            found.append((type(result), result if isinstance(result, TurnReceipt) else str(result)))
    return found


REFUSED: dict[str, tuple[str, object]] = {
    "the guest's name is another's": ("DELETE FROM held RETURNING 1", (Revoked, {GUEST})),
    "the guest's name is held at another node": ("UPDATE held SET node = 2 RETURNING 1", (Revoked, {GUEST})),
    "the device is dropped": ("DELETE FROM device RETURNING 1", (Revoked, {MEMBER})),
    "the device's time is over": ("UPDATE device SET ends = 1 RETURNING 1", (Revoked, {MEMBER})),
    "the account ends": ("UPDATE account SET state = 'closing' RETURNING 1", (Revoked, {MEMBER})),
    "the moderators have done something": (
        "INSERT INTO act VALUES (1, 'muted', 0, 0, 0, 0, false, '{}') RETURNING 1",
        (Stale, [], True),
    ),
    "the room is deleted": ("SELECT delete_room('python', '{}')", (JournalError, "there is no room python any more")),
    "the node is given up": (
        "DELETE FROM node WHERE id = 1 RETURNING 1",
        (NodeIsOver, "the other nodes have given this one up"),
    ),
}


@pytest.mark.parametrize("why", [*REFUSED])
def test_what_is_refused_is_refused_both_ways(nodes: list[Node], why: str) -> None:
    a, b = nodes
    let_in(a, b)
    a.rooms.find(a.connection, ["python", "pm"])
    sql, expected = REFUSED[why]
    b.ask(sql)
    assert both_ways(a, by_both()) == [expected, expected]
    if "deleted" not in why:
        assert texts_of(b) == ["hello"]


def test_a_device_of_another_account_is_refused_both_ways(nodes: list[Node]) -> None:
    a, b = nodes
    let_in(a, b)
    b.ask(
        "INSERT INTO account VALUES (6, 'cid', 'cid', 'cid', NULL, 0, 0, 'member', 'active', NULL, 0, '{}', 0) RETURNING id"
    )
    b.ask("UPDATE device SET account = 6 RETURNING id")
    assert both_ways(a, by_both()) == [(Revoked, {MEMBER})] * 2


@pytest.mark.parametrize(
    "store",
    [
        lambda b: b.store(append_of(said("only members"), {}, Beside("python", 1, state='{"speak":"members"}'))),
        lambda b: b.store(turn(movements=[Placed(0, Called(GUEST.person, "bobby"))], seen=1)),
    ],
)
def test_what_has_become_stale_is_so_both_ways(nodes: list[Node], store: Callable[[Node], object]) -> None:
    a, b = nodes
    let_in(a, b)
    store(b)
    names = {GUEST.person: "bob", MEMBER.person: "ann"}
    assert both_ways(a, by_both(names=names)) == [(Stale, [2], False)] * 2
    assert a.store(by_both(seen=2)).turn == 3, "it has looked again"


def test_a_ticket_that_is_known_is_answered_both_ways(nodes: list[Node]) -> None:
    a, b = nodes
    let_in(a, b)
    receipt = a.store(by_both(seen=0), ticket=7)
    assert [missed.number for missed in receipt.missed] == [1]
    b.store(turn("after", seen=2))
    assert both_ways(a, by_both(seen=0), ticket=7) == [(TurnReceipt, receipt)] * 2
    assert texts_of(b) == ["hello", "x", "y", "after"]


@pytest.mark.parametrize("has_times", [False, True])
@pytest.mark.parametrize("texts", [("one",), ("one", "two", "three"), ("x" * 2100, "y")])
def test_what_is_stored_and_told_is_the_same_both_ways(
    database: Database, nodes: list[Node], texts: tuple[str, ...], has_times: bool
) -> None:
    a, b = nodes
    let_in(a, b)
    b.store(turn("hello", room="pm"))
    with database.connect() as listener:
        listener.execute("LISTEN chat_turns")
        listener.execute("SELECT hear_turns()")

        def made(room: str) -> Append:
            lines = said(*texts, room=room, author=5)
            return plain_append_of(lines, {}) if has_times else append_of(lines, {}, Beside(room, 0, speakers=BOTH))

        short, third = a.store(made("python")), Node(database, "c")
        b.ask("SELECT make_room('third', 'third', 'third', false, '{}')")
        long, _ = a.store_all(made("pm"), turn("x", room="third"))
        third.close()
        assert isinstance(long, TurnReceipt)
        assert (short.first, short.turn, short.duplicates) == (long.first, long.turn, long.duplicates) == (2, 2, {})
        assert [one.number for one in short.missed] == [one.number for one in long.missed]
        told = sorted(notice.payload[:9] for notice in listener.notifies(timeout=0.5))
    is_short = len("".join(texts)) < 2000
    assert told == sorted(["1:2", "2:2 3:1", *(["[[1, 2, 1", "[[2, 2, 1"] if is_short else [])])
    columns = "first, count, step, node, ticket, lines, authors, movements"
    rows = [b.ask(f"SELECT {columns} FROM batch WHERE turn = 2 AND room = {room}") for room in (1, 2)]  # noqa: S608
    assert [row[:4] + row[5:] for row in rows[0]] == [row[:4] + row[5:] for row in rows[1]]
    ends = [
        b.ask(
            "SELECT last, room.turn, round((last_at - at)::numeric, 6), runs FROM room JOIN batch ON batch.room = room.id"
            " WHERE batch.turn = 2 AND room.id = %s",
            room,
        )
        for room in (1, 2)
    ]
    assert ends[0] == ends[1]
    assert (ends[0][0][3] == [2]) is has_times, "the clock has run back"
