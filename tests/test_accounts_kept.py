"""The contract of a store of accounts, run over every engine: what is there again, exported and imported."""

import io
from pathlib import Path
from typing import get_args

import pytest
from msgspec.structs import replace

from account_stores import NOW, accounts, ann, digest, exported, filled, put, registered, say
from archives import no_progress
from chat_server.accounts import Failure
from chat_server.accounts.names_index import Refusal
from chat_server.accounts.networks import CameFrom
from chat_server.journal import JournalError
from chat_server.journal.archive import FileProblem
from chat_server.journal.engines import EngineName
from chat_server.journal.maintenance import import_
from chat_server.journal.rooms import delete_room, rename_room
from journals import Place, begun, create_rooms, opened, place, place_in
from postgresql import url_beside

__all__ = ["accounts", "begun", "place"]


async def test_what_is_stored_is_there_when_it_is_opened_again(place: Place) -> None:
    journal, accounts, *_ = place.open_both()
    async with opened(journal):
        made, laptop, _ = await registered(accounts)
        eve = (await registered(accounts, ann("eve", "eve"))).account
        await accounts.rename(made.id, "Anna", "anna", NOW)
        await accounts.end(eve.id, "erase", NOW)
        accounts.note_failure(Failure("192.0.2.0/24", 0, 1, NOW))
    journal, accounts, *_ = place.open_both()
    async with opened(journal):
        assert await accounts.find("anna") == replace(made, name="Anna", skeleton="anna")
        assert await accounts.devices(made.id) == [laptop]
        assert len(await accounts.codes(made.id)) == 2
        assert len(await accounts.failures()) == 1
        assert len(accounts.names) == 2
        assert accounts.names.holder("anna") == made.id
        assert accounts.names.refusal("ann", "ann", 0, NOW) == Refusal("kept")
        assert accounts.names.refusal("ann", "ann", made.id, NOW) is None
        assert accounts.names.refusal("eve", "eve", 0, NOW) == Refusal("kept")
        assert accounts.names.name_of(eve.id).startswith("deleted-")


async def test_nothing_is_stored_after_the_journal_is_closed(place: Place) -> None:
    journal, accounts, *_ = place.open_both()
    async with opened(journal):
        pass
    with pytest.raises(JournalError):
        await accounts.register(ann(), NOW)
    assert accounts.names.holder("ann") == 0


@pytest.mark.parametrize("other", get_args(EngineName))
async def test_logins_move_to_another_engine_and_back(
    place: Place, other: EngineName, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    made = await filled(place)
    whole = exported(place, with_secrets=True)
    url = url_beside(request.getfixturevalue("database").url) if other == "postgresql" else ""
    there = place_in(tmp_path / "there", other, url=url)
    assert import_(there.engine.filling(there.settings), io.BytesIO(whole), no_progress) == 3
    assert exported(there, with_secrets=True) == whole
    journal, accounts, *_ = there.open_both()
    async with opened(journal):
        holder = await accounts.by_token(digest("token of Ann"), NOW)
        assert holder is not None
        assert holder.account == replace(made, name="Anna", skeleton="anna")
        assert await accounts.acts.networks(made.id) == [CameFrom(made.id, "203.0.113.0/24", made.seen)]
        bot = await accounts.by_token(digest("bot"), NOW)
        assert bot is not None
        assert bot.device is not None
        assert bot.device.rooms == ("pm",)
        invitation = await accounts.code(digest("i"), NOW)
        assert invitation is not None
        assert invitation.rooms == ("python", "pm")
        assert await accounts.register(ann(), NOW) == Refusal("kept")
        (more,) = await put(accounts, made.id, "one more")
        assert more.id > bot.device.id


async def test_an_export_has_no_secret_unless_that_is_wanted(place: Place, tmp_path: Path) -> None:
    made = await filled(place)
    plain = exported(place, with_secrets=False)
    for secret in (b"hash", b"digest", b"token", b'"is":"device"', b'"is":"code"', b'"secret', b"203.0.113"):
        assert secret not in plain
    there = place_in(tmp_path / "there", "sqlite")
    import_(there.engine.filling(there.settings), io.BytesIO(plain), no_progress)
    assert exported(there, with_secrets=False) == plain
    journal, accounts, *_ = there.open_both()
    async with opened(journal):
        assert await accounts.find("anna") == replace(made, name="Anna", skeleton="anna", password=None)
        assert await accounts.devices(made.id) == []


async def test_an_export_without_accounts_is_one_that_an_older_release_reads(place: Place) -> None:
    async with opened(place.open()) as journal:
        if not await journal.rooms():
            await create_rooms(journal)
        await say(journal, 0, "hello")
    assert exported(place, with_secrets=True).startswith(b'{"is":"export","version":2}\n')


@pytest.mark.parametrize(
    "line",
    [
        '{"is":"account","account":{"id":0,"name":"x"}}',
        '{"is":"account","account":{"id":5,"name":"x","skeleton":"x","made":0,"state":"asleep"}}',
        '{"is":"device","device":{"id":1,"account":9,"name":"x","digest":"MTIz","made":0}}',
        '{"is":"code","code":{"digest":"MTIz","purpose":"login","made":0,"ends":null,"account":9}}',
        '{"is":"account","account":{"id":7,"name":"ann","skeleton":"a","made":0}}',
        '{"is":"account","account":{"id":8,"name":"b\\u001b[2J","skeleton":"a","made":0}}',
        '{"is":"account","account":{"id":8,"name":"Ann","skeleton":"a","made":0}}',
    ],
)
async def test_what_cannot_be_an_account_is_not_imported(line: str, tmp_path: Path) -> None:
    good = '{"is":"account","account":{"id":7,"name":"ann","skeleton":"ann","made":0}}'
    lines = "\n".join(['{"is":"export","version":3}', '{"is":"room","room":"pm","topic":"","first":1}', good, line])
    place = place_in(tmp_path / "data", "sqlite")
    with pytest.raises(FileProblem, match=r"^line 4: "):
        import_(place.engine.filling(place.settings), io.BytesIO(lines.encode()), no_progress)


async def test_a_device_that_is_limited_to_a_room_follows_it(place: Place) -> None:
    made = await filled(place)
    rename_room(place.engine.editing(place.settings), "pm", "cellar", lambda *_: "")
    delete_room(place.engine.editing(place.settings), "python")
    journal, accounts, *_ = place.open_both()
    async with opened(journal):
        assert [one.rooms for one in await accounts.devices(made.id)] == [None, ("cellar",)]
        invitation = await accounts.code(digest("i"), NOW)
        assert invitation is not None
        assert invitation.rooms == ("cellar",)
        await journal.create_room("another")
        assert [one.rooms for one in await accounts.devices(made.id)] == [None, ("cellar",)]
