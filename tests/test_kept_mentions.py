"""Who was named while they were not there, as journals keep it, on every engine: numbers of lines, of each account the newest."""

from collections.abc import AsyncIterator

import pytest

from chat_server.accounts import Registration, sender_of
from chat_server.accounts.look_alikes import skeleton
from chat_server.accounts.names_index import Refusal
from chat_server.journal import JournalError, Missed, Party
from chat_server.journal.conversations import name_of
from chat_server.journal.engines import Store
from chat_server.journal.mentions import MENTIONS_MAX, Mention
from chat_server.protocol.entries import Said
from every_engine import place
from journals import Place, opened

__all__ = ["place"]


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    store = place.open_both()
    async with opened(store.journal) as journal:
        await journal.create_room("python")
        await journal.create_room("pm")
        yield store


async def account(store: Store, name: str) -> int:
    made = await store.accounts.register(Registration(name, skeleton(name)), 1000.0)
    assert not isinstance(made, Refusal)
    return made.account.id


async def test_mentions_are_kept_once_oldest_first_and_seen_at_all_devices(store: Store) -> None:
    ann, bob = await account(store, "ann"), await account(store, "bob")
    mentions = store.journal.mentions
    second, first = Mention(ann, "pm", 7, 0, 5.0), Mention(ann, "python", 9, bob, 4.0)
    await mentions.add([second, first, Mention(bob, "python", 10, ann, 6.0)])
    await mentions.add([first])
    await mentions.add([Mention(ann, "nowhere", 1, bob, 4.0), Mention(ann + 1, "python", 1, bob, 4.0)])
    await mentions.add([])
    assert await mentions.of(ann) == [first, second]
    await mentions.mark_read(ann, [first, Mention(ann, "nowhere", 1, bob, 4.0)])
    await mentions.add([first])
    assert await mentions.of(ann) == [first._replace(is_read=True), second]
    await mentions.mark_read(ann, [second])
    assert all(one.is_read for one in await mentions.of(ann)), "what was seen before stays so"
    assert len(await mentions.of(bob)) == 1
    assert await mentions.of(ann + 1) == []


async def test_of_too_many_the_newest_are_kept_of_each_account(store: Store) -> None:
    ann, bob = await account(store, "ann"), await account(store, "bob")
    many = [Mention(ann, "python", seq, bob, float(seq)) for seq in range(1, MENTIONS_MAX + 6)]
    await store.journal.mentions.add([*many, Mention(bob, "python", 1, ann, 1.0)])
    assert await store.journal.mentions.of(ann) == many[5:]
    assert len(await store.journal.mentions.of(bob)) == 1


async def test_they_go_with_the_room_and_with_the_account_and_stay_with_another_name(store: Store) -> None:
    ann, bob = await account(store, "ann"), await account(store, "bob")
    mentions = store.journal.mentions
    await mentions.add([Mention(ann, "python", 9, bob, 4.0), Mention(ann, "pm", 7, bob, 5.0)])
    await mentions.add([Mention(bob, "pm", 7, ann, 5.0)])
    await store.journal.rename_room("python", "snakes")
    assert [one.room for one in await mentions.of(ann)] == ["snakes", "pm"]
    await store.journal.delete_room("snakes")
    assert [one.room for one in await mentions.of(ann)] == ["pm"]
    await store.accounts.end(ann, "close", 2000.0)
    await mentions.add([Mention(ann, "pm", 8, bob, 6.0)])
    assert await mentions.of(ann) == []
    assert len(await mentions.of(bob)) == 1


async def test_they_are_there_when_the_journal_is_opened_again(place: Place) -> None:
    store = place.open_both()
    async with opened(store.journal) as journal:
        await journal.create_room("python")
        ann = await account(store, "ann")
        one = Mention(ann, "python", 9, 0, 4.5)
        await journal.mentions.add([one])
    store = place.open_both()
    async with opened(store.journal) as journal:
        assert await journal.mentions.of(ann) == [one]


async def test_what_waits_for_somebody_is_asked_for_at_once(store: Store) -> None:
    """Their conversations and their mentions are those that each is asked for alone, with how far they have come just now."""
    ann, bob = await account(store, "ann"), await account(store, "bob")
    journal, who = store.journal, [sender_of(ann), sender_of(bob)]
    assert await journal.conversations.missed(ann) == Missed([], [])
    name = name_of(who)
    await journal.conversations.begin(name, [Party(one, has_accepted=True) for one in who])
    await journal.append([Said(name, 0, 5.0, "bob", "hi", bob), Said(name, 0, 5.001, "bob", "ho", bob)], {}).stored()
    await journal.mentions.add([Mention(ann, "python", 9, bob, 4.0), Mention(bob, "pm", 1, ann, 4.0)])
    journal.save_position(name, who[0], 1)
    missed = await journal.conversations.missed(ann)
    assert missed.mentions == await journal.mentions.of(ann) == [Mention(ann, "python", 9, bob, 4.0)]
    assert missed.conversations == await journal.conversations.of(who[0])
    assert [(one.record.name, one.record.last, one.read) for one in missed.conversations] == [(name, 2, 1)]
    assert [one.read for one in (await journal.conversations.missed(bob)).conversations] == [0]
    assert await journal.conversations.missed(ann + bob) == Missed([], [])


async def test_a_journal_that_is_closed_changes_no_mentions(place: Place) -> None:
    store = place.open_both()
    async with opened(store.journal):
        one = Mention(await account(store, "ann"), "python", 9, 0, 4.5)
    mentions = store.journal.mentions
    for asked in (mentions.add([one]), mentions.mark_read(one.account, [one])):
        with pytest.raises(JournalError):
            await asked
