"""The contract of a store of accounts, run over every engine: how an account ends, and what stays of it."""

from typing import Literal

import pytest
from msgspec.structs import replace

from account_stores import NOW, accounts, ann, code, device, digest, lines, registered, say, settle, store
from chat_server.accounts import FAILURE_SECONDS, KEPT_SECONDS, Accounts, Ending, Failure, NewDevice, sender_of
from chat_server.accounts.names_index import Refusal
from chat_server.journal.engines import Store
from chat_server.journal.erasing import ERASED_TEXT
from chat_server.journal.keys import SenderKey
from chat_server.protocol.acts import Muted, RoleGiven
from chat_server.protocol.entries import Entry, Said, TopicSet
from chat_server.protocol.room_life import NameSet
from journals import begun, found, place, prune_all

__all__ = ["accounts", "begun", "place", "store"]


@pytest.mark.parametrize("ending", ["close", "anonymise", "erase"])
async def test_an_end_comes_when_it_is_due_and_can_be_taken_back(accounts: Accounts, ending: Ending) -> None:
    made = (await registered(accounts)).account
    assert await accounts.begin_end(made.id, ending, NOW + 7)
    assert not await accounts.begin_end(made.id, ending, NOW + 70), "the first asking counts"
    closing = await accounts.find("ann")
    assert closing == replace(made, state="closing", ending=ending, closes_at=NOW + 7)
    assert await accounts.devices(made.id) == [], "no program takes it back"
    assert await accounts.due(NOW + 6) == []
    assert await accounts.due(NOW + 7) == [closing]
    assert await accounts.take_back_end(made.id)
    assert not await accounts.take_back_end(made.id)
    assert await accounts.due(NOW + 100) == []
    assert await accounts.find("ann") == made
    assert await accounts.end(made.id, ending, NOW + 100, is_due=True) is None
    assert await accounts.find("ann") == made
    assert await accounts.begin_end(made.id, ending, NOW + 200)
    assert await accounts.end(made.id, ending, NOW + 199, is_due=True) is None
    assert await accounts.end(made.id, ending, NOW + 200, is_due=True) is not None


@pytest.mark.parametrize("ending", ["close", "anonymise", "erase"])
async def test_nothing_lets_anybody_into_an_account_that_has_ended(store: Store, ending: Ending) -> None:
    journal, accounts, *_ = store
    made, laptop, _ = await registered(accounts)
    assert laptop is not None
    sent = {0: SenderKey(sender_of(made.id), "k")}
    await journal.append([Said("python", 0, NOW, "Ann", "hi", made.id)], sent).stored()
    journal.save_position("python", sender_of(made.id), 1)
    await accounts.make_codes([code("c", account=made.id), replace(code("i", "invite"), made_by=made.id)])
    accounts.note_failure(Failure("192.0.2.0/24", made.id, 3, NOW))
    assert await accounts.end(made.id, ending, NOW)
    assert await accounts.end(made.id, ending, NOW) is None
    assert await accounts.by_token(laptop.digest, NOW) is None
    assert not [*await accounts.devices(made.id), *await accounts.codes(made.id), *await accounts.failures()]
    for secret in ("c", "i", "Ann 1"):
        assert await accounts.code(digest(secret), NOW) is None
    left = await accounts.account(made.id)
    assert left is not None
    assert (left.state, left.ending, left.password, left.choices) == ("closed", ending, None, {})
    assert await journal.positions("python") == {}
    assert await accounts.add_device(made.id, device("back"), NOW) == Refusal("gone")
    assert await accounts.rename(made.id, "x", "x", NOW) == Refusal("gone")
    assert not await accounts.begin_end(made.id, ending, NOW)


async def test_what_an_account_has_said_stays_under_its_name_when_it_is_closed(store: Store) -> None:
    made = (await registered(store.accounts)).account
    await say(store.journal, made.id, "hello")
    rewritten = await store.accounts.end(made.id, "close", NOW)
    assert rewritten is not None
    assert rewritten == ("Ann", frozenset(), {})
    assert await lines(store.journal) == [("Ann", "hello", made.id)]
    assert await store.accounts.register(ann(), NOW + 10 * KEPT_SECONDS) == Refusal("taken", "Ann"), "for ever"


async def test_what_was_said_stays_under_a_name_that_says_nothing_when_it_is_anonymised(store: Store) -> None:
    journal, accounts, *_ = store
    made = (await registered(accounts)).account
    await say(journal, made.id, "hello")
    await say(journal, 0, "hi Ann", nick="bob")
    await say(journal, made.id, "bye", room="pm")
    await accounts.rename(made.id, "Anna", "anna", NOW)
    rewritten = await accounts.end(made.id, "anonymise", NOW)
    assert rewritten is not None
    nick = rewritten.nick
    assert nick.startswith("deleted-")
    assert await lines(journal) == [(nick, "hello", made.id), ("bob", "hi Ann", 0)]
    assert await lines(journal, "pm") == [(nick, "bye", made.id)]
    assert accounts.names.name_of(made.id) == nick
    assert await accounts.find(nick) == await accounts.account(made.id)
    for name in ("Ann", "Anna"):
        assert await accounts.register(ann(name, name.lower()), NOW + 1) == Refusal("kept")
        assert await accounts.register(ann(nick, nick), NOW) == Refusal("taken", nick)
    await accounts.forget_old(NOW + KEPT_SECONDS + 1)
    await registered(accounts, ann(), NOW + KEPT_SECONDS + 1)


async def test_texts_are_gone_when_it_is_erased_and_nobody_elses(store: Store) -> None:
    journal, accounts, *_ = store
    made = (await registered(accounts)).account
    mixed: list[Entry] = [
        Said("python", 0, NOW, "Ann", "secret plans", made.id),
        Said("python", 0, NOW, "bob", "what plans", 0),
        TopicSet("python", 0, NOW, "Ann", "plans", made.id),
    ]
    await journal.append(mixed, {}).stored()
    await say(journal, 0, "quiet", nick="eve", room="pm")
    await say(journal, made.id, "secret too", room="pm")
    before = [(line.seq, line.at) for line in (await journal.read("python", 1, 9)).lines]
    rewritten = await accounts.end(made.id, "erase", NOW)
    assert rewritten is not None
    nick = rewritten.nick
    assert rewritten.rooms == {"python", "pm"}
    assert rewritten.topics == {"python": "plans"}
    assert await lines(journal) == [
        (nick, ERASED_TEXT, made.id),
        ("bob", "what plans", 0),
        (nick, ERASED_TEXT, made.id),
    ]
    assert await lines(journal, "pm") == [("eve", "quiet", 0), (nick, ERASED_TEXT, made.id)]
    assert [(line.seq, line.at) for line in (await journal.read("python", 1, 9)).lines] == before
    assert (await journal.search("secret", None, 9)).lines == []
    assert [line.text for line in (await journal.search("plans", None, 9)).lines] == ["what plans"]
    assert {room.name: room.topic for room in await journal.rooms()} == {"python": "", "pm": ""}


@pytest.mark.parametrize("ending", ["anonymise", "erase"])
async def test_what_others_did_about_somebody_names_them_no_more(
    store: Store, ending: Literal["anonymise", "erase"]
) -> None:
    journal, accounts, *_ = store
    made = (await registered(accounts)).account
    given = RoleGiven("python", 0, NOW, "bob", "moderator", whom="Ann", account=made.id)
    muted = Muted("python", 0, NOW, "bob", "loud", whom="Ann", until=NOW + 60, id=1, account=made.id)
    for entry in (given, muted, Muted("python", 0, NOW, "bob", "", whom="eve", until=NOW + 60, id=2, account=7)):
        await journal.append([entry], {}).stored()
    rewritten = await accounts.end(made.id, ending, NOW)
    assert rewritten is not None
    assert rewritten.rooms == {"python"}
    lines = (await journal.read("python", 1, 9)).lines
    assert [(line.whom, line.text) for line in lines if isinstance(line, RoleGiven | Muted)] == [
        (rewritten.nick, "moderator"),
        (rewritten.nick, "loud"),
        ("eve", ""),
    ]
    assert not [room.state for room in await journal.rooms() if "Ann" in room.state]


async def test_what_rooms_know_names_nobody_who_was_erased_where_the_lines_are_deleted_already(store: Store) -> None:
    journal, accounts, *_ = store
    made = (await registered(accounts)).account
    muted = Muted("python", 0, NOW, "bob", "loud", whom="Ann", until=NOW + 60, id=1, account=made.id)
    muting = Muted("python", 0, NOW, "Ann", "quiet", made.id, whom="eve", until=NOW + 60, id=2, account=7)
    for one in (muted, muting):
        await journal.append([one], {}).stored()
    await journal.append([Said("python", 0, NOW + 1, "bob", "kept")], {}).stored()
    await found(journal, "kept")  # what is not in the index yet is not deleted
    await prune_all(journal, NOW + 9, 0)
    assert not (await journal.read("python", 1, 9)).lines
    assert await accounts.end(made.id, "erase", NOW) is not None
    assert not [room.state for room in await journal.rooms() if "Ann" in room.state]


async def test_a_topic_of_somebody_elses_stays_when_an_older_one_is_erased(store: Store) -> None:
    journal, accounts, *_ = store
    made = (await registered(accounts)).account
    await journal.append([TopicSet("python", 0, NOW, "Ann", "mine", made.id)], {}).stored()
    await journal.append([TopicSet("python", 0, NOW, "bob", "bob's")], {}).stored()
    await accounts.end(made.id, "erase", NOW)
    assert (await journal.rooms())[0].topic == "bob's"


async def test_an_account_is_given_its_own_lines(store: Store) -> None:
    journal, accounts, *_ = store
    made = (await registered(accounts)).account
    for number in range(5):
        await say(journal, made.id, f"mine {number}", room=("python", "pm")[number % 2])
        await say(journal, 0, "another's", nick="bob")
    found: list[str] = []
    after: int | None = 0
    pages = 0
    while after is not None:
        page = await accounts.lines_of(made.id, after, 2)
        found += [line.text for line in page.lines]
        after = page.after
        pages += 1
    assert found == [f"mine {number}" for number in range(5)]
    assert pages > 2


async def test_an_account_is_given_and_is_erased_from_all_its_lines_though_a_room_had_another_name_meanwhile(
    store: Store,
) -> None:
    journal, accounts, *_ = store
    made = (await registered(accounts)).account
    await say(journal, made.id, "mine 1")
    named = NameSet("snakes", 0, NOW, "Ann", "snakes", made.id, was="python")
    await journal.rename_room("python", "snakes", named)
    assert [line.text for line in (await accounts.lines_of(made.id, 0, 9)).lines] == ["mine 1", "snakes"]
    assert [line.text for line in (await journal.search("mine", None, 9)).lines] == ["mine 1"]
    await say(journal, made.id, "mine 2", room="snakes")
    assert [line.text for line in (await accounts.lines_of(made.id, 0, 9)).lines] == ["mine 1", "snakes", "mine 2"]
    assert len((await journal.search("mine", None, 9)).lines) == 2
    await accounts.end(made.id, "erase", NOW)
    assert "mine" not in str(await journal.read("snakes", 1, 9))


async def test_what_has_ended_is_forgotten(store: Store) -> None:
    accounts = store.accounts
    made = (await registered(accounts)).account
    await accounts.make_codes([code("c", account=made.id)])
    await accounts.add_device(made.id, NewDevice("bot", digest("bot"), "bot", ends=NOW + 600), NOW)
    await accounts.rename(made.id, "Anna", "anna", NOW)
    accounts.note_failure(Failure("192.0.2.0/24", 0, 1, NOW))
    await settle(store)
    assert await accounts.forget_old(NOW + 1) == 0
    assert await accounts.forget_old(NOW + 600) == 2
    assert [one.purpose for one in await accounts.codes(made.id)] == ["recovery", "recovery"]
    assert [one.kind for one in await accounts.devices(made.id)] == ["device"]
    assert await accounts.forget_old(NOW + FAILURE_SECONDS) == 1
    assert await accounts.failures() == []
    assert await accounts.forget_old(NOW + KEPT_SECONDS) == 1
    assert await accounts.forget_old(NOW + KEPT_SECONDS) == 0
    assert accounts.names.refusal("ann", "ann", 0, NOW) is None
