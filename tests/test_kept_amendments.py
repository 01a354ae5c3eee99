"""Lines that are edited, reacted to and deleted, as journals keep them, on every engine: what stands there, and what stands nowhere any more."""

import io
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import trio
from msgspec.structs import replace
from psycopg.sql import SQL, Identifier

from archives import no_progress
from canary import files_with
from chat_server.accounts import Account, Registration
from chat_server.accounts.look_alikes import skeleton
from chat_server.accounts.names_index import Refusal
from chat_server.journal import Journal, Receipt
from chat_server.journal.archive import FileProblem
from chat_server.journal.engines import Store
from chat_server.journal.export_lines import Heading, RoomHeading, write_line
from chat_server.journal.keys import SenderKey
from chat_server.journal.maintenance import check, export, import_
from chat_server.journal.sqlite.amending import BATCHES_HELD
from chat_server.journal.sqlite.data_directory import DataDirectory
from chat_server.journal.sqlite.journal import SqliteJournal
from chat_server.journal.versions import VERSION_SECONDS, Version
from chat_server.protocol.acts import RuleSet
from chat_server.protocol.amending import Edited, Reacted, Reaction, Redacted, reaction_of
from chat_server.protocol.amendments import REACTING_MAX, SIGNS_MAX, all_after, amends_nothing, without_effect
from chat_server.protocol.entries import Acted, Amending, Entry, Noticed, Said, Spoken, TopicSet
from every_engine import place
from journals import Place, elsewhere, opened, place_in

__all__ = ["place"]

ROOM = "python"
ANN, BOB = 7, 8


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    store = place.open_both()
    async with opened(store.journal) as journal:
        await journal.create_room(ROOM)
        yield store


@pytest.fixture
def journal(store: Store) -> Journal:
    return store.journal


def said(*texts: str, at: float = 1000.0, author: int = ANN) -> list[Entry]:
    return [Said(ROOM, 0, at, "ann", text, author) for text in texts]


def edited(of: int, text: str, at: float = 2000.0, author: int = ANN) -> Edited:
    return Edited(ROOM, 0, at, "ann", text, author, of=of)


def reacted(of: int, sign: str = "+", nick: str = "bob", author: int = BOB, *, back: bool = False) -> Reacted:
    return Reacted(ROOM, 0, 2000.0, nick, sign, author, of=of, is_back=back, whom="ann", account=ANN)


def deleted(*of: int) -> Redacted:
    return Redacted(ROOM, 0, 2000.0, "bob", "#1", BOB, whom="ann", of=tuple((one, one) for one in of), account=ANN)


async def add(journal: Journal, *lines: Entry, keys: Sequence[int] = ()) -> Receipt:
    return await journal.append(lines, {place: SenderKey("ann", f"k{place}") for place in keys}).stored()


async def lines_of(journal: Journal, room: str = ROOM) -> list[Entry]:
    return [*(await journal.read(room, 1, 999)).lines]


async def line(journal: Journal, number: int) -> Entry:
    (found,) = (await journal.read(ROOM, number, number)).lines
    return found


async def found(journal: Journal, words: str) -> list[tuple[int, str]]:
    return [(one.seq, one.text) for one in (await journal.search(words, None, 20)).lines]


def dumped(place: Place) -> str:
    """All that is in the tables."""
    if place.settings.url:
        with psycopg.connect(place.settings.url) as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            each = [SQL("SELECT * FROM {}").format(Identifier(name)) for (name,) in tables]
            return "\n".join(str(connection.execute(one).fetchall()) for one in each)
    directory = Path(place.settings.directory)
    whole = ""
    for file in ("journal.db", "search.db") if directory.exists() else ():
        with closing(sqlite3.connect(directory / file)) as connection:
            whole += "\n".join(connection.iterdump())
    return whole


async def test_an_edited_line_stands_as_it_was_edited_last_and_what_it_said_before_is_kept(journal: Journal) -> None:
    await add(journal, *said("frist", "other"))
    await add(journal, edited(1, "first", at=2000.0))
    assert await line(journal, 1) == Said(ROOM, 1, 1000.0, "ann", "first", ANN, edited=3)
    assert await journal.versions(ROOM, 1) == [Version(1, 2000.0, "frist", ANN)]
    assert (await line(journal, 3)).text == "first"
    await add(journal, edited(1, "first!", at=3000.0))
    assert await line(journal, 1) == Said(ROOM, 1, 1000.0, "ann", "first!", ANN, edited=4)
    assert [(one.seq, one.text) for one in await lines_of(journal)] == [
        (1, "first!"),
        (2, "other"),
        (3, ""),
        (4, "first!"),
    ]
    assert await journal.versions(ROOM, 1) == [Version(1, 2000.0, "frist", ANN), Version(3, 3000.0, "first", ANN)]
    assert await journal.versions(ROOM, 2) == []
    assert await journal.versions("nowhere", 2) == []


@pytest.mark.parametrize("is_one_turn", [False, True])
async def test_everything_that_is_said_can_be_amended_and_keeps_what_else_it_has(
    journal: Journal, is_one_turn: bool
) -> None:
    spoken: list[Spoken] = [
        Said(ROOM, 0, 1000.0, "ann", "one", ANN),
        Said(ROOM, 0, 1000.0, "robot", "two", 0, bot=True),
        Acted(ROOM, 0, 1000.0, "ann", "three", ANN, re=1),
        Noticed(ROOM, 0, 1000.0, "robot", 'fo"ur \\u0000 \U0001f600', 0, bot=True, re=2),
        Said(ROOM, 0, 1000.0, "ann", "five", 0, re=3),
    ]
    await add(journal, *spoken)
    changes = [change for number in range(1, 6) for change in (reacted(number), edited(number, f'n"ew\\ {number}'))]
    for some in [changes] if is_one_turn else [[one] for one in changes]:
        await add(journal, *some)
    liked = (reaction_of("+", [("bob", BOB)]),)
    lines = await lines_of(journal)
    for number, (was, now) in enumerate(zip(spoken, lines, strict=False), 1):
        assert isinstance(now, Spoken)
        assert (now.reactions, now.edited) == (liked, 5 + 2 * number)
        assert (type(now), now.nick, now.bot, now.author, now.re) == (type(was), was.nick, was.bot, was.author, was.re)
    versions = [(await journal.versions(ROOM, number))[0].text for number in range(1, 6)]
    assert versions == [was.text for was in spoken]
    await add(journal, *(reacted(number, back=True) for number in range(1, 6)))
    assert [one.reactions for one in (await lines_of(journal))[:5] if isinstance(one, Spoken)] == [()] * 5


async def test_what_an_import_may_have_brought_is_amended_too_and_shown_as_it_may_be(journal: Journal) -> None:
    await add(journal, *said("a\x00b\x1b[2J"))
    await add(journal, edited(1, "c\x00d"), reacted(1))
    liked = (reaction_of("+", [("bob", BOB)]),)
    assert await line(journal, 1) == Said(ROOM, 1, 1000.0, "ann", "cd", ANN, edited=2, reactions=liked, reacted=3)
    ((_, _, text, _),) = await journal.versions(ROOM, 1)
    assert text == "ab[2J"
    await add(journal, deleted(1))
    assert [one.text for one in await lines_of(journal)] == ["", "", "+", "#1"]


async def test_names_and_signs_of_reactions_that_an_import_has_brought_act_on_no_terminal(place: Place) -> None:
    bad = Reaction("+\x1b[2J", ("bob\x1b[2J", "x"), (BOB, 0))
    lines: list[Entry] = [
        Said(ROOM, 1, 1000.0, "ann", "one", ANN, reactions=(bad,)),
        replace(reacted(1, back=True), seq=2, called="\x1b"),
    ]
    whole = [write_line(Heading(2)), write_line(RoomHeading(ROOM, "", 1)), *map(write_line, lines)]
    import_(place.engine.filling(place.settings), whole, no_progress)
    async with opened(place.open()) as journal:
        shown = str(await lines_of(journal))
        assert "\\x1b" not in shown
        assert "bob" in shown
    uneven = write_line(replace(Said(ROOM, 1, 1000.0, "ann", "one"), reactions=(Reaction("+", ("bob",)),)))
    uneven = uneven.replace(b'"bob"]', b'"bob"],"accounts":[1,2]')
    with pytest.raises(FileProblem, match="line 3"):
        import_(elsewhere(place).engine.filling(elsewhere(place).settings), [*whole[:2], uneven], no_progress)


async def test_people_react_each_once_with_a_sign_and_take_it_back(journal: Journal) -> None:
    await add(journal, *said("one"))
    await add(journal, reacted(1), reacted(1, "!"), reacted(1, nick="guest", author=0))
    signs = (reaction_of("+", [("bob", BOB), ("guest", 0)]), reaction_of("!", [("bob", BOB)]))
    assert await line(journal, 1) == Said(ROOM, 1, 1000.0, "ann", "one", ANN, reactions=signs, reacted=4)
    await add(journal, reacted(1), reacted(1, nick="robert"), reacted(1, nick="guest", author=0))
    assert await line(journal, 1) == Said(ROOM, 1, 1000.0, "ann", "one", ANN, reactions=signs, reacted=4)
    assert [one.text for one in await lines_of(journal)][4:] == ["", "", ""], "that changes nothing"
    await add(
        journal, reacted(1, back=True), reacted(1, "?", back=True), reacted(1, "!", nick="bob", author=0, back=True)
    )
    signs = (reaction_of("+", [("guest", 0)]), signs[1])
    assert await line(journal, 1) == Said(ROOM, 1, 1000.0, "ann", "one", ANN, reactions=signs, reacted=8)
    assert [one.text for one in await lines_of(journal)][7:] == ["+", "", ""]
    taken_back = Reacted(ROOM, 0, 0.0, "renamed", "+", 0, of=1, is_back=True, called="guest", whom="ann")
    await add(journal, taken_back, reacted(1, "!", back=True))
    assert await line(journal, 1) == Said(ROOM, 1, 1000.0, "ann", "one", ANN, reacted=12)


async def test_there_are_not_more_reactions_than_may_be(journal: Journal) -> None:
    await add(journal, *said("one"))
    await add(journal, *(reacted(1, f"s{number}") for number in range(SIGNS_MAX + 1)))
    await add(journal, *(reacted(1, "s0", f"n{number}", 100 + number) for number in range(REACTING_MAX)))
    one = await line(journal, 1)
    assert isinstance(one, Said)
    assert len(one.reactions) == SIGNS_MAX
    assert len(one.reactions[0]) == REACTING_MAX
    texts = [one.text for one in await lines_of(journal)][1:]
    assert [place for place, text in enumerate(texts) if not text] == [SIGNS_MAX, SIGNS_MAX + REACTING_MAX]


async def test_what_was_edited_and_is_deleted_is_in_no_table(place: Place, journal: Journal) -> None:
    await add(journal, *said("swordfish one", "swordfish two", "other"))
    await add(journal, edited(1, "swordfish three"), edited(2, "swordfish four"))
    await add(journal, edited(1, "swordfish five"), reacted(1), reacted(2))
    assert len(await found(journal, "swordfish")) == 2
    if place.settings.engine != "memory":
        assert "swordfish one" in dumped(place)
    await add(journal, deleted(1))
    assert [one.text for one in await lines_of(journal)] == [
        "",
        "swordfish four",
        "other",
        "",
        "swordfish four",
        "",
        "+",
        "+",
        "#1",
    ]
    assert type(await line(journal, 1)).__name__ == "Deleted"
    assert await journal.versions(ROOM, 1) == []
    assert [one.text for one in await journal.versions(ROOM, 2)] == ["swordfish two"]
    await add(journal, edited(1, "swordfish six"), reacted(1, "!"), deleted(2), edited(2, "swordfish seven"))
    assert [one.text for one in await lines_of(journal)][9:] == ["", "", "#1", ""]
    assert await journal.versions(ROOM, 2) == []
    assert await found(journal, "swordfish") == []
    assert "swordfish" not in dumped(place)


async def test_what_is_not_there_or_was_not_said_cannot_be_amended(journal: Journal) -> None:
    await add(journal, TopicSet(ROOM, 0, 1000.0, "ann", "snakes"), RuleSet(ROOM, 0, 1000.0, "ann", "slow 5"))
    await add(journal, edited(1, "x"), edited(2, "x"), edited(999, "x"), reacted(1), reacted(2), reacted(999))
    assert [one.text for one in await lines_of(journal)] == ["snakes", "slow 5", "", "", "", "", "", ""]


async def test_a_line_that_was_edited_twice_in_one_turn_has_one_entry_that_says_so(journal: Journal) -> None:
    await add(journal, *said("one", "two"), edited(1, "second", 1000.0), edited(1, "third", 1000.0))
    assert [one.text for one in await lines_of(journal)] == ["third", "two", "", "third"]
    assert [(one.number, one.text) for one in await journal.versions(ROOM, 1)] == [(1, "one"), (3, "second")]


async def test_a_line_knows_its_edit_by_the_number_that_it_got(journal: Journal) -> None:
    await add(journal, *said("one", "two"), keys=[0])
    await add(journal, *said("one", at=3000.0), edited(2, "second", 3000.0), keys=[0])
    assert [(one.seq, one.text) for one in await lines_of(journal)] == [(1, "one"), (2, "second"), (3, "second")]
    assert await line(journal, 2) == Said(ROOM, 2, 1000.0, "ann", "second", ANN, edited=3)


async def test_a_search_finds_a_line_by_what_it_says_now_and_no_entry_that_says_the_same(journal: Journal) -> None:
    await add(journal, *said("needle", "other"))
    assert await found(journal, "needle") == [(1, "needle")]
    await add(journal, edited(1, "thread"), edited(2, "needle"))
    assert await found(journal, "needle") == [(2, "needle")]
    assert await found(journal, "thread") == [(1, "thread")]
    await add(journal, reacted(1, "thread"))
    assert await found(journal, "thread") == [(1, "thread")]
    await add(journal, edited(1, "yarn"), edited(1, "rope"), deleted(2))
    assert [await found(journal, words) for words in ("needle", "thread", "yarn", "rope")] == [
        [],
        [],
        [],
        [(1, "rope")],
    ]


async def test_what_lines_said_before_is_forgotten_after_a_while_and_with_the_lines(journal: Journal) -> None:
    now = time.time()
    await add(journal, *said("one", at=now - 3 * VERSION_SECONDS))
    await add(journal, edited(1, "two", now - 2 * VERSION_SECONDS))
    await add(journal, edited(1, "three", now - 60))
    await journal.prune(float("-inf"), 0)
    assert [one.text for one in await journal.versions(ROOM, 1)] == ["two"]
    await found(journal, "three")  # lines that are not in the index yet would wait until they are
    await journal.prune(now - 2.5 * VERSION_SECONDS, 0)
    assert [one.text for one in await lines_of(journal)] == ["", "three"]
    assert await journal.versions(ROOM, 1) == []


async def test_they_go_along_with_a_rooms_other_name_and_are_gone_with_the_room(place: Place, journal: Journal) -> None:
    await add(journal, *said("swordfish"))
    await add(journal, edited(1, "two"))
    await journal.rename_room(ROOM, "snakes")
    assert [one.text for one in await journal.versions("snakes", 1)] == ["swordfish"]
    assert (await lines_of(journal, "snakes"))[0].text == "two"
    await journal.delete_room("snakes")
    await journal.create_room("snakes")
    assert await journal.versions("snakes", 1) == []
    assert "swordfish" not in dumped(place)


async def register(store: Store, name: str) -> Account:
    made = await store.accounts.register(Registration(name, skeleton(name)), 1000.0)
    assert not isinstance(made, Refusal)
    return made.account


async def test_whose_line_a_reply_answers_stands_as_it_was_through_edits_and_reactions_until_their_account_ends(
    place: Place, store: Store
) -> None:
    ann, bob = [await register(store, name) for name in ("annabel", "robert")]
    journal = store.journal
    await add(journal, Said(ROOM, 0, 1000.0, "annabel", "shall we?", ann.id))
    reply = Said(ROOM, 0, 1001.0, "robert", "yse", bob.id, re=1, whom="annabel", account=ann.id)
    await add(journal, reply, replace(reply, nick="eve", author=0), replace(reply, author=ann.id, nick="annabel"))
    assert await line(journal, 2) == replace(reply, seq=2)
    await add(journal, Reacted(ROOM, 0, 2000.0, "annabel", "+", ann.id, of=2, whom="robert", account=bob.id))
    await add(journal, Edited(ROOM, 0, 2001.0, "robert", "yes", bob.id, of=2))
    await add(journal, Reacted(ROOM, 0, 2002.0, "robert", "+", bob.id, of=2, whom="robert", account=bob.id))
    now = await line(journal, 2)
    assert now == replace(
        reply,
        seq=2,
        text="yes",
        edited=6,
        reactions=(reaction_of("+", [("annabel", ann.id), ("robert", bob.id)]),),
        reacted=7,
    )
    assert await store.accounts.end(ann.id, "anonymise", 3000.0)
    lines = await lines_of(journal)
    gone = lines[0].nick
    assert [line.whom for line in lines[1:4] if isinstance(line, Said)] == [gone] * 3
    assert "annabel" not in str(lines)


async def test_of_an_account_that_is_erased_nothing_is_left_in_what_it_has_edited_and_reacted_to(
    place: Place, store: Store
) -> None:
    ann, bob = [await register(store, name) for name in ("annabel", "robert")]
    journal = store.journal
    words = [Said(ROOM, 0, 1000.0, one.name, f"swordfish of {one.name}", one.id) for one in (ann, bob)]
    await add(journal, *words)
    for one in (ann, bob):
        await add(
            journal, Edited(ROOM, 0, 2000.0, one.name, f"edited by {one.name}", one.id, of=1 if one is ann else 2)
        )
        for of, whom in ((1, ann), (2, bob)):
            await add(journal, Reacted(ROOM, 0, 2000.0, one.name, "+", one.id, of=of, whom=whom.name, account=whom.id))
    await add(
        journal, Reacted(ROOM, 0, 2000.0, "ann2", "+", ann.id, of=2, is_back=True, called=ann.name, whom=bob.name)
    )
    assert await store.accounts.end(ann.id, "erase", 3000.0)
    gone = (await lines_of(journal))[0].nick
    assert gone not in {"annabel", "ann2"}
    lines = await lines_of(journal)
    mine, theirs = lines[:2]
    assert isinstance(mine, Said)
    assert isinstance(theirs, Said)
    assert mine.text == lines[2].text == "[erased]"
    assert mine.reactions == (reaction_of("+", [(gone, ann.id), ("robert", bob.id)]),)
    assert (theirs.text, theirs.reactions) == ("edited by robert", (reaction_of("+", [("robert", bob.id)]),))
    assert "annabel" not in str(lines)
    assert "ann2" not in str(lines)
    assert await journal.versions(ROOM, 1) == []
    assert [one.text for one in await journal.versions(ROOM, 2)] == ["swordfish of robert"]
    assert "swordfish of annabel" not in dumped(place)
    assert "edited by annabel" not in dumped(place)
    with trio.fail_after(20):
        while files_with(Path(place.settings.directory), ["swordfish of annabel", "edited by annabel"]):
            await trio.sleep(0.05)


async def amend_much(journal: Journal) -> None:
    await add(journal, *said("one", "two \x1b[2J", "three"), Acted(ROOM, 0, 1000.0, "bob", "waves", BOB, re=1))
    await add(journal, edited(1, "first"), reacted(1), reacted(2, nick="guest", author=0), edited(2, "second"))
    await add(
        journal, edited(1, "f\\u0000irst"), deleted(3), edited(3, "gone"), reacted(4), reacted(4, "!"), reacted(2)
    )


def exported(place: Place) -> bytes:
    out = io.BytesIO()
    with closing(place.engine.open_archive(place.settings)) as archive:
        export(archive, out, no_progress, with_secrets=True)
        assert check(archive, no_progress).problems == []
    return out.getvalue()


async def test_all_is_the_same_after_a_restart_and_after_a_way_through_the_other_engine(
    place: Place, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    async with opened(place.open()) as journal:
        await journal.create_room(ROOM)
        await amend_much(journal)
        before = await lines_of(journal)
        versions = await journal.versions(ROOM, 1)
    async with opened(place.open()) as journal:
        assert await lines_of(journal) == before
        assert await journal.versions(ROOM, 1) == versions
        assert await found(journal, "second") == [(2, "second")]
    whole = exported(place)
    database = request.getfixturevalue("database")
    others = [elsewhere(place), place_in(tmp_path / "through", "sqlite")]
    if place.settings.engine != "postgresql":
        others.append(place_in(tmp_path / "unused", "postgresql", "full", database.url))
    others.append(place_in(tmp_path / "back", "sqlite"))
    for other in others:
        import_(other.engine.filling(other.settings), whole.splitlines(), no_progress)
        assert exported(other) == whole
        async with opened(other.open()) as journal:
            assert await lines_of(journal) == before
            assert await journal.versions(ROOM, 1) == [], "they are not exported"
            await add(journal, reacted(2, back=True), edited(1, "third"), deleted(2))
            assert [one.text for one in (await lines_of(journal))[:4]] == ["third", "", "", "waves"]
            assert not any(one.text in {"f\\u0000irst", "second"} for one in await lines_of(journal))


def folded(lines: list[Entry], entries: Iterable[Amending]) -> list[Entry]:
    """What the lines of a room are after these, one after the other."""
    for entry in entries:
        if not isinstance(entry, Redacted):
            line = next((one for one in lines if one.seq == entry.of and isinstance(one, Spoken)), None)
            if amends_nothing(entry, line):
                lines = [*lines, without_effect(entry)]
                continue
        lines = [*all_after(lines, entry), entry]
    return lines


def amending(chance: random.Random, last: int, kinds: str = "eerrrrrd") -> Amending:
    of = chance.randint(1, min(last + 2, 8))
    match chance.choice(kinds):
        case "e":
            return edited(of, f't{chance.randrange(100)} \\u0000 "\\ \U0001f600')
        case "d":
            return deleted(*{of, chance.randint(1, last)}) if chance.random() < 0.5 else deleted(of)
    who = chance.randrange(4)
    return reacted(
        of, chance.choice("+!?"), f"{chance.choice('nN')}{who}", who and who + 90, back=chance.random() < 0.4
    )


@pytest.mark.parametrize("seed", range(12))
async def test_what_is_stored_is_what_whoever_saw_it_all_makes_of_it(journal: Journal, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    first = [
        *said("one", "two"),
        Acted(ROOM, 0, 1000.0, "bob", "three", BOB),
        TopicSet(ROOM, 0, 1000.0, "bob", "four", BOB),
    ]
    await add(journal, *first)
    expected = await lines_of(journal)
    for number in range(40):
        entries = [amending(chance, len(expected)) for _ in range(chance.choice([1, 1, 2, 5]))]
        entries = [replace(one, at=2000.0 + number) for one in entries]
        receipt = await add(journal, *entries)
        expected = folded(expected, [replace(one, seq=receipt.first + place) for place, one in enumerate(entries)])
        assert await lines_of(journal) == expected


async def test_a_batch_is_stored_again_once_a_turn_however_many_react_to_its_lines(tmp_path: Path) -> None:
    """Fifty people who react to lines among twenty of three kilobytes had sixty kilobytes stored for each of them."""
    journal = SqliteJournal(DataDirectory(tmp_path))
    stored: list[str] = []
    async with opened(journal):
        await journal.create_room(ROOM)
        await add(journal, *said(*("x" * 3000 for _ in range(20))))
        await add(journal, *said("in another batch"))
        journal._writer._connection.set_trace_callback(
            lambda sql: stored.append(sql) if sql.startswith("UPDATE batch") else None
        )
        await add(
            journal,
            *(reacted(number % 20 + 1, nick=f"guest{number}", author=0) for number in range(50)),
            edited(3, "y"),
            deleted(4),
            reacted(21),
            reacted(4),
        )
        journal._writer._connection.set_trace_callback(None)
        lines = await lines_of(journal)
    batches = [int(sql.rpartition("=")[2]) for sql in stored]
    assert batches == [1, 21, 22], "of the turn itself the last entry has nothing left to amend"
    assert [len(one.reactions[0].nicks) for one in lines[:2] if isinstance(one, Said)] == [3, 3]
    assert lines[2].text == "y"
    assert [one.text for one in lines[-2:]] == ["+", ""]


async def test_in_however_many_batches_lines_are_amended_in_one_turn_few_are_held_at_a_time(tmp_path: Path) -> None:
    journal = SqliteJournal(DataDirectory(tmp_path))
    many = BATCHES_HELD * 2 + 5
    async with opened(journal):
        await journal.create_room(ROOM)
        for number in range(many):
            await add(journal, *said(f"line {number}"))
        await add(journal, *(reacted(number + 1) for number in range(many)), reacted(1, nick="zoe", author=0))
        lines = await lines_of(journal)
    assert all(one.reactions for one in lines[:many] if isinstance(one, Said))
    assert isinstance(lines[0], Said)
    assert [one.nicks for one in lines[0].reactions] == [("bob", "zoe")]
