"""What every journal keeps of who said a line: a bot, or somebody themselves."""

import io
from contextlib import closing
from pathlib import Path

import pytest

from account_stores import NOW, registered, store
from archives import no_progress
from chat_server.accounts import Ending
from chat_server.journal.engines import Store
from chat_server.journal.maintenance import export, import_
from chat_server.journal.showable import showable
from chat_server.protocol.entries import Entry, Noticed, Said
from chat_server.protocol.runs import Piece, RunTexts, SaidRun, in_runs
from journals import begun, create_rooms, opened, place, place_in

__all__ = ["begun", "place", "store"]

MARKED = [True, True, True, True, False]


async def say_all(kept: Store, account: int) -> None:
    pieces: list[Piece] = [
        SaidRun("python", 1, [NOW, NOW + 1], "Ann", RunTexts.of(["one dice", "two dice"]), account, bot=True),
        Said("python", 3, NOW + 2, "Ann", "three dice", account, bot=True),
        Noticed("python", 4, NOW + 3, "Ann", "four dice", account, bot=True),
        Said("python", 5, NOW + 4, "Ann", "five dice", account),
    ]
    await kept.journal.append(in_runs(pieces, 5), {}).stored()


@pytest.mark.parametrize("ending", [None, "anonymise", "erase"])
async def test_a_bots_lines_are_marked_wherever_they_are_read_and_whatever_becomes_of_the_account(
    store: Store, ending: Ending | None
) -> None:
    made = (await registered(store.accounts)).account
    await say_all(store, made.id)
    if ending is not None:
        await store.accounts.end(made.id, ending, NOW)
    assert [line.bot for line in (await store.journal.read("python", 1, 9)).lines] == MARKED
    if ending is None:
        assert [line.bot for line in (await store.accounts.lines_of(made.id, 0, 9)).lines] == MARKED
        assert [line.bot for line in (await store.journal.search("dice", None, 9)).lines][::-1] == MARKED


async def test_they_are_marked_in_an_export_and_after_an_import(tmp_path: Path) -> None:
    one, other = place_in(tmp_path / "one", "sqlite"), place_in(tmp_path / "other", "sqlite")
    journal, accounts, *_ = one.open_both()
    async with opened(journal):
        await create_rooms(journal)
        await say_all(Store(journal, accounts), (await registered(accounts)).account.id)
    written = io.BytesIO()
    with closing(one.engine.open_archive(one.settings)) as archive:
        export(archive, written, no_progress)
    assert written.getvalue().count(b'"bot":true') == 4
    written.seek(0)
    import_(other.engine.filling(other.settings), written, no_progress)
    journal, _, *_ = other.open_both()
    async with opened(journal):
        assert [line.bot for line in (await journal.read("python", 1, 9)).lines] == MARKED


def test_a_line_that_had_to_be_cleaned_keeps_its_mark() -> None:
    lines: list[Entry] = [Said("python", 1, NOW, "Ann", "red \x1b[31m", 7, bot=True)]
    (shown,) = showable(lines)
    assert (shown.text, shown.bot, shown.author) == ("red [31m", True, 7)
