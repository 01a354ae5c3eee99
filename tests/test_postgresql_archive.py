"""What the commands do with a journal in the database: exported, imported from SQLite and back, checked, its rooms edited."""

import io
import json
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from account_stores import filled
from archives import exported as exported_from_sqlite
from archives import no_progress
from chat_server.journal import JournalError, JournalInUse, RoomRecord
from chat_server.journal.archive import FileProblem, RawBatch
from chat_server.journal.batch_codec import decode, encode
from chat_server.journal.export_lines import Heading, RoomHeading, write_line
from chat_server.journal.maintenance import Findings, check, export, import_
from chat_server.journal.postgresql.archive import PostgresqlArchive
from chat_server.journal.postgresql.connections import connect
from chat_server.journal.postgresql.filling import KEPT, editing, filling
from chat_server.journal.postgresql.in_order import in_order
from chat_server.journal.postgresql.indexed import IndexedDatabase
from chat_server.journal.rooms import delete_room, rename_room
from chat_server.journal.sqlite.batch_rows import Append
from chat_server.journal.sqlite.data_directory import DataDirectory
from chat_server.journal.sqlite.writer import Writer
from chat_server.protocol.acts import Muted, RoleGiven, RuleSet
from chat_server.protocol.entries import Enacted
from chat_server.protocol.room_life import Archived, Founded, NameSet
from chat_server.protocol.room_state import EMPTY, after, read
from journals import found as found_by
from journals import opened, place_in
from postgresql import Cluster, Database
from processes import TIMEOUT
from test_export import TEXTS, batches, kept
from test_maintenance import command, export_of, started
from test_postgresql_append import Node, said
from test_postgresql_search import forget, found, make_room, say


def archive_of(database: Database, directory: Path = Path("/nowhere")) -> PostgresqlArchive:
    return PostgresqlArchive(connect(database.url, "archive"), directory / "search.db")


def exported(database: Database, *, with_secrets: bool = True) -> bytes:
    out = io.BytesIO()
    with closing(archive_of(database)) as archive:
        export(archive, out, no_progress, with_secrets=with_secrets)
    return out.getvalue()


def imported(database: Database, lines: Sequence[bytes]) -> int:
    with closing(connect(database.url, "archive")) as connection:
        return import_(filling(connection), lines, no_progress)


def checked(database: Database, directory: Path = Path("/nowhere")) -> Findings:
    with closing(archive_of(database, directory)) as archive:
        return check(archive, no_progress)


def edited(database: Database, work: Callable[..., object], *words: object) -> object:
    with closing(connect(database.url, "archive")) as connection:
        return work(editing(connection), *words)


@pytest.fixture
def node(database: Database) -> Iterator[Node]:
    """A node that has been silent for a while, and two rooms with a line in each."""
    made = Node(database, "a")
    for room in ("python", "pm"):
        make_room(made, room)
        say(made, f"needle of {room}", room=room)
    made.connection.execute("UPDATE node SET seen = seen - interval '1 minute'")
    yield made
    made.close()


async def test_everything_goes_from_sqlite_to_postgresql_and_back_byte_for_byte(
    database: Database, tmp_path: Path
) -> None:
    place, back = place_in(tmp_path / "data", "sqlite"), place_in(tmp_path / "back", "sqlite")
    await filled(place)
    with closing(place.engine.open_archive(place.settings)) as archive:
        whole = io.BytesIO()
        export(archive, whole, no_progress, with_secrets=True)
    assert imported(database, whole.getvalue().splitlines()) == 3
    assert exported(database) == whole.getvalue()
    assert checked(database).problems == []
    import_(back.engine.filling(back.settings), exported(database).splitlines(), no_progress)
    with closing(back.engine.open_archive(back.settings)) as archive:
        again = io.BytesIO()
        export(archive, again, no_progress, with_secrets=True)
    assert again.getvalue() == whole.getvalue()


async def test_what_a_room_is_goes_along_its_id_too(database: Database, tmp_path: Path) -> None:
    """Its rules, who has which role in it, what they may not do, that it is archived, and what it was called before."""
    entries: list[Enacted] = [
        Founded("lair", 1, 5000.0, "ann", "", 5),
        RuleSet("lair", 2, 5000.0, "ann", "slow 10", 5),
        RoleGiven("lair", 3, 5000.0, "ann", "moderator", 5, whom="bob", account=7),
        Muted("lair", 4, 5000.0, "bob", "loud", 7, whom="eve", until=9e9, id=1, sender="token:x", place="moderator"),
        NameSet("lair", 5, 5000.0, "ann", "lair", 5, was="den"),
        Archived("lair", 6, 5000.0, "ann", "done", 5),
    ]
    state = EMPTY
    for entry in entries:
        state = after(state, entry)
    assert (state.is_archived, state.former, state.role(5), len(state.curbs)) == (True, ("den",), "owner", 1)
    whole = b"".join(
        write_line(line) for line in (Heading(2), RoomHeading("lair", "", 1, state, id="ab" * 8), *entries)
    )
    imported(database, whole.splitlines())
    assert exported(database) == whole
    back = place_in(tmp_path / "back", "sqlite")
    import_(back.engine.filling(back.settings), exported(database).splitlines(), no_progress)
    with closing(back.engine.open_archive(back.settings)) as archive:
        again = io.BytesIO()
        export(archive, again, no_progress, with_secrets=True)
        (room,) = archive.rooms()
    assert again.getvalue() == whole
    assert (read(room.state), room.id) == (state, "ab" * 8)
    async with opened(back.open()) as journal:
        assert [(one.id, read(one.state)) for one in await journal.rooms()] == [("ab" * 8, state)]


@pytest.mark.slow
@settings(max_examples=settings().max_examples // 5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=batches(), topic=TEXTS.filter(lambda text: "\0" not in text), first=st.integers(1, 2**40))
def test_whatever_is_in_a_journal_is_the_same_after_postgresql(
    cluster: Cluster, made: list[tuple[str, float, str]], topic: str, first: int
) -> None:
    database = cluster.create()
    with TemporaryDirectory() as place:
        folder = DataDirectory(Path(place))
        with closing(Writer(folder.journal)) as writer:
            writer.adopt_room(RoomRecord("python", topic, first, first - 1))
            writer.adopt_room(RoomRecord("聊天", "", 1, 0))
            for room, at, text in made:
                writer.commit([Append(kept(text, room, 1, at), {}, text.encode())], {}, with_changes=False)
        whole = exported_from_sqlite(folder.journal)
        folder.close()
    assert imported(database, whole.splitlines(keepends=True)) == sum(
        len(decode(text, "", 1, 0)) for _, _, text in made
    )
    assert exported(database) == whole
    assert checked(database).problems == []
    cluster.drop(database)


def test_the_order_of_all_rooms_lines_is_kept(database: Database) -> None:
    """Also where times run back, and an import is one transaction."""
    lines = [
        {"is": "export", "version": 1},
        *({"is": "room", "room": room, "topic": "", "first": 1, "id": room * 16} for room in ("b", "a")),
    ]
    numbers = {"a": 0, "b": 0}
    for place in range(40):
        room = "ab"[place % 3 == 0]
        numbers[room] += 1
        lines.append(
            {
                "is": "said",
                "room": room,
                "seq": numbers[room],
                "at": 5000.0 - place,
                "nick": "ann",
                "text": str(place),
                "author": 0,
            }
        )
    text = [json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines]
    imported(database, text)
    assert exported(database).splitlines()[1:] == [line.strip() for line in text[1:]]
    node = Node(database)
    say(node, "and on", room="a")
    assert json.loads(exported(database).splitlines()[-1])["text"] == "and on"
    assert node.ask("SELECT turn, last, turn FROM room WHERE name = 'a'") == [(27, 27, 27)]
    node.close()


async def test_a_server_puts_right_the_order_of_what_comes_from_another_postgresql(
    database: Database, node: Node, tmp_path: Path
) -> None:
    node.connection.execute("UPDATE batch SET tx = (tx::text::bigint + 1000000)::text::xid8")
    async with opened(place_in(tmp_path, "postgresql", url=database.url).open()) as journal:
        say(node, "later needle")
        assert await found_by(journal, "needle", None) == ["later needle", "needle of pm", "needle of python"]
    texts = [json.loads(line).get("text") for line in exported(database).splitlines()]
    assert texts[3:] == ["needle of python", "needle of pm", "later needle"]


def batch(room: str, first: int, count: int = 1) -> RawBatch:
    return RawBatch(0, room, first, count, 0.0, "")


def test_batches_of_a_room_come_in_the_order_of_their_numbers() -> None:
    given = [batch("a", 2, 2), batch("b", 1), batch("a", 5), batch("a", 1), batch("a", 4), batch("b", 2)]
    told = [(one.room, one.first) for one in in_order(given, {"a": 1, "b": 1})]
    assert told == [("b", 1), ("a", 1), ("a", 2), ("a", 4), ("a", 5), ("b", 2)]


def test_what_comes_after_a_hole_comes_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat_server.journal.postgresql.in_order.WAITING_MAX", 3)
    given = iter([batch("a", number) for number in (1, 3, 4, 5, 6, 7, 8)])
    told = in_order(given, {"a": 1})
    assert [next(told).first for _ in range(2)] == [1, 3]
    assert next(given).first == 7, "no more wait than may"
    assert [one.first for one in told] == [4, 5, 6, 8]
    assert [one.first for one in in_order([batch("a", 1), batch("a", 3)], {"a": 1})] == [1, 3]


def test_lines_that_were_stored_by_an_older_transaction_are_exported_in_the_order_of_their_numbers(
    database: Database, node: Node
) -> None:
    other = Node(database, "b")
    with node.connection.transaction():
        node.ask("SELECT pg_current_xact_id()::text")
        say(other, "second")
        say(node, "third")
    other.close()
    lines = [json.loads(line) for line in exported(database).splitlines()]
    assert [line["seq"] for line in lines if line.get("room") == "python" and "seq" in line] == [1, 2, 3]
    assert checked(database).problems == []


def test_an_export_is_of_one_moment(database: Database, node: Node) -> None:
    with closing(archive_of(database)) as archive:
        say(node, "later")
        make_room(node, "later")
        assert [room.name for room in archive.rooms()] == ["python", "pm"]
        assert archive.end() == 3
        assert [record.position for record in archive.records(0)] == [1, 2]
        assert archive.records(2) == []
        assert [record.position for record in archive.records(1)] == [2]
        assert [one.position for one in archive.raw_batches(2)] == [1]


def test_an_import_leaves_nothing_of_what_was_there(database: Database) -> None:
    node = Node(database)
    node.connection.execute("UPDATE node SET seen = seen - interval '1 minute'")
    make_room(node, "old")
    node.hold("ann")
    ((before,),) = node.ask("SELECT identity FROM journal")
    imported(database, [b'{"is":"export","version":1}', b'{"is":"room","room":"new","topic":"","first":7}'])
    assert node.ask("SELECT name, kept_from, last, turn FROM room") == [("new", 7, 6, 0)]
    assert node.ask("SELECT identity FROM journal") != [(before,)], "the nodes' search indexes are of another one"
    with pytest.raises(JournalError):
        say(node, "from a node that is over", room="new")
    tables = {
        name
        for (name,) in node.ask(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
    }
    assert tables == {*KEPT, "journal", "landmark"}, "the last two say what and where the journal is"
    node.close()


def test_an_import_is_all_of_it_or_nothing(cluster: Cluster, database: Database, node: Node) -> None:
    whole = exported(database).splitlines()
    with pytest.raises(FileProblem, match="has lines already"):
        imported(database, whole)
    empty = cluster.create(is_empty=True)
    with pytest.raises(FileProblem, match=r"^line 4: "):
        imported(empty, [*whole[:3], b"no line"])
    with pytest.raises(FileProblem, match="there is no journal in the database"):
        exported(empty)
    assert imported(empty, whole) == 2
    assert exported(empty) == b"\n".join(whole) + b"\n"
    cluster.drop(empty)


def test_rooms_whose_names_count_as_the_same_are_not_imported(database: Database) -> None:
    lines = [
        b'{"is":"export","version":1}',
        *(b'{"is":"room","room":"%s","topic":"","first":1}' % name for name in (b"pm", b"PM")),
    ]
    with pytest.raises(FileProblem, match="the rooms pm and PM have names that count as the same"):
        imported(database, lines)


def test_accounts_that_have_ended_here_have_ended_after_an_import(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("INSERT INTO ended VALUES (7, 'deleted-1', 'erase', true)")
    account = b'{"is":"account","account":{"id":7,"name":"ann","skeleton":"ann","made":0}}'
    imported(database, [b'{"is":"export","version":3}', b'{"is":"room","room":"pm","topic":"","first":1}', account])
    with database.connect() as connection:
        assert connection.execute("SELECT name, state FROM account").fetchall() == [("deleted-1", "closed")]
        assert connection.execute("SELECT * FROM ended").fetchall() == [(7, "deleted-1", "erase", False)]


@pytest.mark.parametrize(
    "change",
    [
        lambda database, _: edited(database, rename_room, "python", "snakes", lambda *_: ""),
        lambda database, _: edited(database, delete_room, "python"),
        imported,
    ],
    ids=["rename", "delete", "import"],
)
def test_nothing_is_changed_while_a_server_has_the_journal(
    database: Database, node: Node, change: Callable[[Database, Sequence[bytes]], object]
) -> None:
    node.connection.execute("UPDATE node SET seen = clock_timestamp(), name = 'alpha'")
    before = exported(database)
    with pytest.raises(JournalInUse, match=r"^the journal in the database is in use by alpha$"):
        change(database, before.splitlines())
    assert exported(database) == before


def test_a_room_is_renamed_with_everything_that_belongs_to_it(database: Database, node: Node) -> None:
    assert edited(database, rename_room, "PYTHON", "snakes", lambda *_: "") == ("python", "snakes")
    with closing(archive_of(database)) as archive:
        assert [room.name for room in archive.rooms()] == ["snakes", "pm"]
        assert [record.lines[0].room for record in archive.records(0)] == ["snakes", "pm"]
    assert [json.loads(what) for (what,) in node.ask("SELECT what FROM change ORDER BY number DESC LIMIT 1")] == [
        {"type": "room-renamed", "node": 0, "old": "python", "new": "snakes"}
    ]


def test_a_room_is_deleted_with_everything_that_belongs_to_it(database: Database, node: Node) -> None:
    room = edited(database, delete_room, "python")
    assert room is not None
    assert node.ask("SELECT name FROM room") == [("pm",)]
    assert node.ask("SELECT count(*) FROM batch") == [(1,)]
    assert checked(database).problems == []


def test_where_there_is_no_journal_there_is_nothing_to_read_or_edit(cluster: Cluster) -> None:
    empty = cluster.create(is_empty=True)
    with pytest.raises(FileProblem, match="there is no journal in the database"):
        archive_of(empty)
    with pytest.raises(FileProblem, match="there is no journal in the database"):
        edited(empty, delete_room, "python")
    with empty.connect() as connection:
        connection.execute("CREATE TABLE journal AS SELECT 99 AS version")
    for work in (
        archive_of,
        lambda database: edited(database, delete_room, "python"),
        lambda database: imported(database, []),
    ):
        with pytest.raises(FileProblem, match="of a newer release"):
            work(empty)
    cluster.drop(empty)


def test_a_check_says_how_much_is_in_the_search_index_and_what_is_wrong_with_it(
    database: Database, node: Node, tmp_path: Path
) -> None:
    assert checked(database, tmp_path) == (2, 2, 0, [])
    index = IndexedDatabase(lambda: connect(database.url, "read"), tmp_path / "search.db")
    found(index, "needle")
    say(node, "later")
    assert checked(database, tmp_path) == (2, 3, 2, [])
    found(index, "later")
    index.close()
    assert checked(database, tmp_path) == (2, 3, 3, [])
    node.connection.execute(
        "UPDATE batch SET lines = %s WHERE room = 1 AND first = 1", (encode(said("other")).decode(),)
    )
    assert checked(database, tmp_path) == (2, 3, 3, ["python, from number 1: the search index has other words"])
    node.connection.execute(
        "UPDATE batch SET lines = %s WHERE room = 1 AND first = 1", (encode(said("needle of python")).decode(),)
    )
    with closing(sqlite3.connect(tmp_path / "search.db")) as connection, connection:
        connection.execute("DELETE FROM place WHERE room = 2")
    assert checked(database, tmp_path).problems == ["pm, from number 1: the search index has other words"]
    with closing(sqlite3.connect(tmp_path / "search.db")) as connection, connection:
        connection.execute("UPDATE words_data SET block = x'00' WHERE id > 10")
    assert checked(database, tmp_path).problems[0].startswith("the search index is broken: ")
    node.connection.execute("UPDATE journal SET identity = 'another'")
    assert checked(database, tmp_path) == (2, 3, 0, [])


def test_what_is_pruned_while_a_check_is_made_is_no_problem(database: Database, node: Node, tmp_path: Path) -> None:
    index = IndexedDatabase(lambda: connect(database.url, "read"), tmp_path / "search.db")
    say(node, "needle")
    found(index, "needle")
    with closing(archive_of(database, tmp_path)) as archive:
        first, *_ = [*archive.raw_batches(2)]
        assert archive.is_indexed(first)
        node.connection.execute("UPDATE batch SET at = at - 1e6")
        assert forget(node, 1) == [("python", 1)]
        found(index, "needle")
        assert check(archive, no_progress).problems == []
    index.close()


HARM = {
    "DELETE FROM batch WHERE room = 1 AND first = 2": "python: number 3 stands where 2 is due",
    "DELETE FROM batch WHERE room = 1 AND first = 3": "python: 3 is noted as the number of its last line, and 2 is",
    "UPDATE batch SET lines = 'x' WHERE room = 2": "pm, from number 1: no batch of lines: ",
    "UPDATE batch SET at = 1e18 WHERE room = 2": "pm, from number 1: the time 1e+18 is not possible",
    "UPDATE batch SET room = 99 WHERE room = 2": "1 lines of room 99, in its turn 1: the room is not there, so no export has them",
    "UPDATE room SET turn = 0 WHERE id = 2": "pm: there is a turn 1, and 0 is noted as the last",
    "INSERT INTO sent VALUES ('ann', 'k', 1, 4, 0)": "key 'k' of 'ann' names a line that was never stored",
    "INSERT INTO member VALUES (1, 99, 'ann', 0, 'ann', 0)": "ann is in a room at node 99, which is not there",
    "INSERT INTO held VALUES ('ann', 'ann', 'ann', 'ann', 99)": "ann is a name that somebody has at node 99, which is not there",
    "INSERT INTO device_room VALUES (1, 1)": "a room of a device (1) belongs to nothing",
}


@pytest.mark.parametrize("harm", HARM)
def test_the_check_finds_what_is_wrong(database: Database, node: Node, harm: str) -> None:
    say(node, "second")
    say(node, "third")
    assert checked(database).problems == []
    node.connection.execute(harm.encode())
    assert any(problem.startswith(HARM[harm]) for problem in checked(database).problems), checked(database).problems


def test_the_commands_do_it(cluster: Cluster, database: Database, node: Node, tmp_path: Path) -> None:
    def chat_server(*words: str, url: str = database.url, stdin: bytes = b"") -> tuple[int | str | None, str]:
        config = tmp_path / "chat.toml"
        config.write_text(f'[journal]\nengine = "postgresql"\nurl = "{url}"\ndirectory = "{tmp_path / "data"}"\n')
        done = command("--config", config, *words, stdin=stdin)
        return done.returncode, done.stdout + done.stderr

    empty = cluster.create(is_empty=True)
    code, whole = chat_server("export")
    assert (code, len(whole.splitlines())) == (0, 5)
    assert chat_server("import", url=empty.url, stdin=whole.encode()) == (0, "2 lines imported\n")
    assert chat_server("export", url=empty.url) == (0, whole)
    told = "2 rooms, 2 lines, 2 of them not in the search index yet; no problems\n"
    assert chat_server("check-journal") == (0, told)
    assert chat_server("rooms", "list") == (0, "#1 python: 1 line\n#2 pm: 1 line\n")
    assert chat_server("rooms", "rename", "pm", "cellar")[1].startswith("pm is now cellar\n")
    assert chat_server("rooms", "delete", "cellar", "--yes")[1].startswith("cellar is deleted, with 1 line\n")
    code, told = chat_server("backup", str(tmp_path / "copy"))
    assert (
        code,
        told.startswith("chat-server: a journal in PostgreSQL is copied by PostgreSQL's own programs: pg_dump"),
    ) == (2, True)
    node.connection.execute("UPDATE node SET seen = clock_timestamp(), name = 'alpha'")
    assert chat_server("rooms", "delete", "python", "--yes") == (
        2,
        "chat-server: the journal in the database is in use by alpha; `chat-server admin rooms delete` asks a server that is running\n",
    )
    code, told = chat_server("export", url="host=/nowhere dbname=chat")
    assert (code, told.count("\n")) == (2, 1)
    assert told.startswith("chat-server: cannot use the database ([journal] url): ")
    cluster.drop(empty)


def test_an_import_that_is_interrupted_says_so_and_leaves_nothing(cluster: Cluster, tmp_path: Path) -> None:
    empty = cluster.create(is_empty=True)
    config = tmp_path / "chat.toml"
    config.write_text(f'[journal]\nengine = "postgresql"\nurl = "{empty.url}"\n')
    with started("--config", config, "import") as process, empty.connect() as connection:
        assert process.stdin is not None
        process.stdin.write(export_of(5000))
        process.stdin.flush()
        deadline = time.monotonic() + TIMEOUT
        while not connection.execute("SELECT FROM pg_locks WHERE locktype = 'advisory'").fetchall():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=TIMEOUT)
        assert (process.returncode, told) == (130, b"chat-server: interrupted; nothing has been imported\n")
    with pytest.raises(FileProblem, match="there is no journal in the database"):
        exported(empty)
    cluster.drop(empty)
