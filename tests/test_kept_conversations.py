"""Conversations as journals keep them, on every engine: between whom they are, and that nobody else finds them."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from archives import no_progress
from chat_server.accounts import Registration, sender_of
from chat_server.accounts.look_alikes import skeleton
from chat_server.accounts.names_index import Refusal
from chat_server.journal import Journal, KeptConversation, Party
from chat_server.journal.conversations import name_of
from chat_server.journal.engines import Store
from chat_server.journal.happened import Change, ConversationChanged, Numbered, RoomMade
from chat_server.journal.keys import SenderKey
from chat_server.journal.maintenance import check, export, import_
from chat_server.journal.nodes import Claim, Claimed
from chat_server.protocol.entries import Said
from every_engine import place
from journals import Place, opened, place_in

__all__ = ["place"]

ANN, BOB, EVE = "account:7", "account:11", "account:13"
NAME = name_of([ANN, BOB])
BEGUN = (Party(ANN, has_accepted=True, began_at=1000.0), Party(BOB))


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    store = place.open_both()
    async with opened(store.journal) as journal:
        await journal.create_room("python")
        yield store


@pytest.fixture
def journal(store: Store) -> Journal:
    return store.journal


async def say(journal: Journal, room: str, text: str, author: int = 7) -> None:
    await journal.append([Said(room, 0, 1000.0, "ann", text, author)], {}).stored()


async def of(journal: Journal, who: str) -> list[tuple[str, tuple[Party, ...], int, int]]:
    return [
        (one.record.name, one.record.parties, one.record.last, one.read) for one in await journal.conversations.of(who)
    ]


def test_the_name_is_made_of_who_the_two_are_in_whichever_order() -> None:
    assert name_of([ANN, BOB]) == name_of([BOB, ANN]) == "@11-7"


async def test_a_conversation_is_listed_to_its_two_and_to_nobody_else(journal: Journal) -> None:
    conversations = journal.conversations
    assert await conversations.find(NAME) is None
    await conversations.begin(NAME, BEGUN)
    await say(journal, NAME, "hello")
    journal.save_position(NAME, BOB, 1)
    assert await of(journal, ANN) == [(NAME, BEGUN, 1, 0)]
    assert await of(journal, BOB) == [(NAME, BEGUN, 1, 1)]
    assert await of(journal, EVE) == []
    assert [room.name for room in await journal.rooms()] == ["python"]
    found = await conversations.find(NAME)
    assert found is not None
    assert found.record.parties == BEGUN
    assert await conversations.find("python") is None


async def test_it_is_begun_once_and_accepted_by_one_of_the_two(journal: Journal) -> None:
    conversations = journal.conversations
    await conversations.begin(NAME, BEGUN)
    await conversations.begin(NAME, (Party(BOB, has_accepted=True, began_at=2.0), Party(ANN)))
    await conversations.accept(NAME, EVE)
    assert await of(journal, BOB) == [(NAME, BEGUN, 0, 0)]
    await conversations.accept(NAME, BOB)
    await conversations.accept(NAME, BOB)
    assert await of(journal, ANN) == [(NAME, (BEGUN[0], Party(BOB, has_accepted=True)), 0, 0)]


async def test_its_lines_are_a_rooms_and_only_who_names_it_finds_them(journal: Journal) -> None:
    await journal.conversations.begin(NAME, BEGUN)
    await say(journal, "python", "a secret for all")
    await say(journal, NAME, "a secret for two")
    assert [line.text for line in (await journal.read(NAME, 1, 9)).lines] == ["a secret for two"]
    everywhere = await journal.search("secret", None, 10)
    assert [line.text for line in everywhere.lines] == ["a secret for all"]
    assert [line.text for line in (await journal.search("secret", [NAME], 10)).lines] == ["a secret for two"]
    both = await journal.search("secret", ["python", NAME], 10)
    assert [line.room for line in both.lines] == [NAME, "python"]


async def test_a_key_counts_in_it_as_in_a_room(journal: Journal) -> None:
    await journal.conversations.begin(NAME, BEGUN)
    line, keys = [Said(NAME, 0, 1000.0, "ann", "once", 7)], {0: SenderKey(ANN, "k")}
    first = await journal.append(line, keys).stored()
    again = await journal.append(line, keys).stored()
    assert first.duplicates == {}
    assert again.duplicates == {0: (NAME, 1)}


async def test_two_have_met_who_have_been_in_the_same_room_for_everybody(journal: Journal) -> None:
    conversations = journal.conversations
    await conversations.begin(NAME, BEGUN)
    for who in (ANN, BOB):
        journal.save_position(NAME, who, 0)
    journal.save_position("python", ANN, 0)
    assert not await conversations.have_met(ANN, BOB)
    journal.save_position("python", BOB, 0)
    assert await conversations.have_met(ANN, BOB)
    assert not await conversations.have_met(ANN, EVE)


async def come(store: Store, *people: str) -> None:
    """Have these people names at the node, where the engine has nodes."""
    for number, who in enumerate(people):
        if store.nodes is not None:
            assert isinstance(await store.nodes.claim(Claim(f"p{number}", f"p{number}", f"p{number}", who)), Claimed)


async def test_one_with_a_guest_is_passing_and_can_be_deleted(store: Store) -> None:
    journal, conversations = store.journal, store.journal.conversations
    await conversations.begin(NAME, BEGUN)
    await come(store, ANN, "token:1")
    await conversations.begin("@7-x", (Party(ANN, has_accepted=True), Party("token:1", has_accepted=True)))
    await say(journal, "@7-x", "hello")
    assert await conversations.passing() == ["@7-x"]
    await journal.delete_room("@7-x")
    assert await conversations.passing() == []
    assert await of(journal, "token:1") == []
    assert [name for name, *_ in await of(journal, ANN)] == [NAME]


async def test_what_an_account_is_given_of_itself_has_both_sides(store: Store) -> None:
    made = await store.accounts.register(Registration("ann", skeleton("ann")), 1000.0)
    assert not isinstance(made, Refusal)
    ann = made.account.id
    name = name_of([sender_of(ann), BOB])
    await store.journal.conversations.begin(name, (Party(sender_of(ann), has_accepted=True), Party(BOB)))
    await store.journal.conversations.begin("@11-13", (Party(BOB, has_accepted=True), Party(EVE)))
    await say(store.journal, "python", "of ann", ann)
    await say(store.journal, "python", "of bob", 11)
    await say(store.journal, name, "to bob", ann)
    await say(store.journal, name, "to ann", 11)
    await say(store.journal, "@11-13", "to eve", 11)
    assert [line.text for line in (await store.accounts.lines_of(ann, 0, 100)).lines] == ["of ann", "to bob", "to ann"]


async def test_other_nodes_hear_of_one_that_is_begun_or_accepted(store: Store) -> None:
    if store.nodes is None:
        return
    changes = store.nodes.changes()
    conversations = store.journal.conversations
    await conversations.begin(NAME, BEGUN)
    await conversations.begin(NAME, BEGUN)
    await conversations.accept(NAME, BOB)
    await store.journal.create_room("later", room_id="abc")
    heard = [one.change async for one in _until(changes, RoomMade(store.nodes.number, "later", "abc"))]
    assert [one for one in heard if isinstance(one, ConversationChanged)] == [
        ConversationChanged(store.nodes.number, NAME, (ANN, BOB))
    ] * 2


async def _until(changes: AsyncIterator[Numbered], last: Change) -> AsyncIterator[Numbered]:
    async for one in changes:
        yield one
        if one.change == last:
            return


async def _fill(place: Place) -> list[KeptConversation]:
    async with opened(place.open()) as journal:
        await journal.create_room("python")
        await journal.conversations.begin(NAME, BEGUN)
        await say(journal, NAME, "hello")
        return await journal.conversations.of(ANN)


async def _kept(place: Place) -> list[KeptConversation]:
    async with opened(place.open()) as journal:
        return await journal.conversations.of(ANN)


def test_it_goes_through_an_export_and_the_rooms_that_can_be_edited_are_those_for_everybody(
    place: Place, tmp_path: Path
) -> None:
    kept = trio.run(_fill, place)
    out = io.BytesIO()
    archive = place.engine.open_archive(place.settings)
    export(archive, out, no_progress)
    assert check(archive, no_progress).problems == []
    archive.close()
    with place.engine.editing(place.settings) as rooms:
        assert [room.name for room in rooms.rooms()] == ["python"]
    copy = place_in(tmp_path / "copy", "sqlite", "process")
    import_(copy.engine.filling(copy.settings), out.getvalue().splitlines(keepends=True), no_progress)
    assert [(one.record.name, one.record.parties, one.record.last) for one in trio.run(_kept, copy)] == [
        (one.record.name, one.record.parties, one.record.last) for one in kept
    ]
