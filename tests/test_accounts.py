"""The contract of a store of accounts, run over every engine."""

import hashlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import pytest
import trio
from msgspec.structs import replace

from archives import no_progress
from chat_server.accounts import (
    CARRIED_MAX,
    CODES_MAX,
    DEVICES_MAX,
    FAILURE_SECONDS,
    FAILURES_MAX,
    KEPT_NAMES_MAX,
    KEPT_SECONDS,
    Account,
    Accounts,
    Choices,
    Code,
    Device,
    Ending,
    Failure,
    Holder,
    NewDevice,
    Purpose,
    Registration,
    sender_of,
)
from chat_server.accounts.acts import Office, ServerAct
from chat_server.accounts.names_index import Refusal
from chat_server.accounts.networks import CameFrom
from chat_server.journal import Duplicate, Journal, JournalError
from chat_server.journal.archive import FileProblem
from chat_server.journal.engines import EngineName, Store
from chat_server.journal.erasing import ERASED_TEXT
from chat_server.journal.keys import KeyRun, KeysInRuns, SenderKey
from chat_server.journal.maintenance import check, export, import_
from chat_server.journal.rooms import delete_room, rename_room
from chat_server.protocol.acts import Muted, RoleGiven
from chat_server.protocol.entries import Entry, Said, TopicSet
from chat_server.protocol.room_life import NameSet
from postgresql import url_beside
from test_journal import Place, begun, create_rooms, found, opened, place, place_in, prune_all

__all__ = ["begun", "place"]

NOW = 1_800_000_000.0


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    journal, accounts, *_ = place.open_both()
    async with opened(journal):
        if not await journal.rooms():
            await create_rooms(journal)
        yield Store(journal, accounts)


@pytest.fixture
def accounts(store: Store) -> Accounts:
    return store.accounts


def digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def device(secret: str, name: str = "laptop") -> NewDevice:
    return NewDevice(name, digest(secret), network="192.0.2.0/24")


def code(secret: str, purpose: Purpose = "login", account: int = 0, *, seconds: float = 600.0) -> Code:
    return Code(digest(secret), purpose, NOW, NOW + seconds, account, made_by=account)


def ann(name: str = "Ann", skeleton: str = "ann") -> Registration:
    return Registration(name, skeleton, "hash", device(f"token of {name}"), (digest(f"{name} 1"), digest(f"{name} 2")))


async def registered(accounts: Accounts, new: Registration | None = None, at: float = NOW) -> Holder:
    holder = await accounts.register(new or ann(), at)
    assert isinstance(holder, Holder)
    return holder


async def give_role(accounts: Accounts, account: Account, role: str) -> None:
    """Give an account a role on the server, as an operator does."""
    act = ServerAct("role-given", NOW, "(operator)", whom=account.name, account=account.id, text=role)
    assert isinstance(await accounts.acts.enact(act, lambda *_: ""), ServerAct)


async def put(accounts: Accounts, account: int, *secrets: str) -> list[Device]:
    added = [await accounts.add_device(account, device(secret), NOW) for secret in secrets]
    assert not any(isinstance(one, Refusal) for one in added)
    return [one for one in added if isinstance(one, Device)]


async def lines(journal: Journal, room: str = "python") -> list[tuple[str, str, int]]:
    return [(line.nick, line.text, line.author) for line in (await journal.read(room, 1, 1000)).lines]


async def say(journal: Journal, author: int, *texts: str, nick: str = "Ann", room: str = "python") -> None:
    said: list[Entry] = [Said(room, 0, NOW, nick, text, author) for text in texts]
    await journal.append(said, {}).stored()


# Accounts.


async def test_an_account_is_found_by_its_name_and_by_its_device(accounts: Accounts) -> None:
    made, laptop, _ = await registered(accounts)
    assert laptop is not None
    assert (made.name, made.key, made.password, made.role, made.state) == ("Ann", "ann", "hash", "member", "active")
    assert await accounts.find("ann") == await accounts.account(made.id) == made
    assert await accounts.by_token(digest("token of Ann"), NOW) == Holder(made, laptop)
    assert await accounts.devices(made.id) == [laptop]
    assert (laptop.name, laptop.account, laptop.network, laptop.made) == ("laptop", made.id, "192.0.2.0/24", NOW)
    assert await accounts.find("bob") is None
    assert await accounts.account(made.id + 1) is None
    assert await accounts.by_token(digest("another"), NOW) is None


async def test_ids_are_random_and_small_enough_for_every_program(accounts: Accounts) -> None:
    ids = [(await registered(accounts, Registration(f"p{n}", f"p{n}"))).account.id for n in range(20)]
    assert len(set(ids)) == 20
    assert all(0 < number < 2**53 for number in ids)
    assert ids != sorted(ids)


async def test_nobody_has_a_name_that_another_has_or_that_looks_like_it(accounts: Accounts) -> None:
    await registered(accounts)
    assert await accounts.register(ann("ANN", "other"), NOW) == Refusal("taken", "Ann")
    assert await accounts.register(ann("Аnn"), NOW) == Refusal("alike", "Ann")
    bob = await registered(accounts, ann("bob", "bob"))
    assert await accounts.rename(bob.account.id, "ann", "ann", NOW) == Refusal("taken", "Ann")
    assert await accounts.rename(bob.account.id, "Аnn", "ann", NOW) == Refusal("alike", "Ann")
    assert await accounts.listed("", 10) == [await accounts.find("ann"), bob.account]


async def test_what_is_refused_leaves_nothing_behind(store: Store) -> None:
    journal, accounts, *_ = store
    await registered(accounts)
    await journal.append([Said("python", 0, NOW, "bob", "hi")], {0: SenderKey("bob", "k")}).stored()
    again = replace(ann("ann", "x"), device=device("bob's"), recovery=(digest("r"),), sender="bob", person="bob")
    assert isinstance(await accounts.register(again, NOW), Refusal)
    assert await accounts.by_token(digest("bob's"), NOW) is None
    assert await accounts.code(digest("r"), NOW) is None
    receipt = await journal.append([Said("python", 0, NOW, "bob", "hi")], {0: SenderKey("bob", "k")}).stored()
    assert receipt.duplicates == {0: Duplicate("python", 1)}


async def test_a_device_that_somebody_has_is_no_other_accounts(accounts: Accounts) -> None:
    made = await registered(accounts)
    assert await accounts.register(replace(ann("bob", "bob"), device=device("token of Ann")), NOW) == Refusal("token")
    assert await accounts.find("bob") is None
    assert await accounts.add_device(made.account.id, device("token of Ann"), NOW) == Refusal("token")


async def test_the_old_name_is_kept_from_others_for_ninety_days(accounts: Accounts) -> None:
    made = (await registered(accounts)).account
    renamed = await accounts.rename(made.id, "Anna", "anna", NOW)
    assert renamed == replace(made, name="Anna", skeleton="anna") == await accounts.find("anna")
    assert await accounts.find("ann") is None
    assert await accounts.register(ann(), NOW) == Refusal("kept")
    assert await accounts.register(ann("Аnn"), NOW + KEPT_SECONDS - 1) == Refusal("kept")
    await registered(accounts, Registration("ann", "ann"), NOW + KEPT_SECONDS + 1)


async def test_who_had_a_name_can_have_it_back(accounts: Accounts) -> None:
    made = (await registered(accounts)).account
    await accounts.rename(made.id, "Anna", "anna", NOW)
    assert await accounts.rename(made.id, "Ann", "ann", NOW) == made
    assert await accounts.register(ann("Anna", "anna"), NOW) == Refusal("kept")


async def test_who_is_renamed_all_day_keeps_few_names_from_others(accounts: Accounts) -> None:
    made = (await registered(accounts)).account
    for number in range(KEPT_NAMES_MAX + 2):
        await accounts.rename(made.id, f"n{number}", f"n{number}", NOW + number)
    refusals = [accounts.names.refusal(name, name, 0, NOW + 99) for name in ("ann", "n0", "n8", "n9", "n10")]
    assert refusals == [Refusal("kept"), Refusal("kept"), Refusal("kept"), None, None]
    assert [accounts.names.whose(name, NOW + 99) for name in ("ann", "n8", "n9")] == [made.id, made.id, 0]
    assert accounts.names.whose("ann", NOW + 100 * 86400) == 0
    await registered(accounts, Registration("n9", "n9"), NOW + 99)
    assert await accounts.register(ann("ann", "ann"), NOW + 99) == Refusal("kept")


async def test_another_spelling_of_the_same_name_keeps_nothing(accounts: Accounts) -> None:
    made = (await registered(accounts)).account
    assert await accounts.rename(made.id, "ANN", "ann", NOW) == replace(made, name="ANN")
    assert accounts.names.refusal("ann", "ann", made.id, NOW) is None
    assert accounts.names.refusal("ann", "ann", 0, NOW) == Refusal("taken", "ANN")


async def test_who_is_not_there_is_changed_in_nothing(accounts: Accounts) -> None:
    assert await accounts.rename(7, "x", "x", NOW) == Refusal("gone")
    assert await accounts.add_device(7, device("t"), NOW) == Refusal("gone")
    assert await accounts.make_codes([code("c", account=7)]) == Refusal("gone")
    await accounts.change_password(7, "hash", ())
    accounts.rehash(7, "hash", "other hash")
    await accounts.add_choices(7, {})
    assert await accounts.drop_devices(7, [1]) == []
    assert await accounts.account(7) is None


async def test_what_somebody_chooses_is_kept_by_door(accounts: Accounts) -> None:
    choices: Choices = {"": {"zone": "Europe/Berlin", "history": 50}, "telnet": {"colour": False, "wrap": None}}
    made = (await registered(accounts, replace(ann(), choices=choices))).account
    assert made.choices == choices
    await accounts.add_choices(made.id, {"telnet": {"plain": True}})
    await give_role(accounts, made, "admin")
    kept = {**choices, "telnet": {"colour": False, "wrap": None, "plain": True}}
    assert await accounts.find("ann") == replace(made, choices=kept, role="admin")
    await accounts.add_choices(made.id, {"telnet": {"plain": None}, "blocked": {"account:5": True}})
    changed = {**choices, "blocked": {"account:5": True}}
    assert await accounts.find("ann") == replace(made, choices=changed, role="admin")


async def test_a_password_change_drops_the_other_devices(accounts: Accounts) -> None:
    made, laptop, _ = await registered(accounts)
    bob = await registered(accounts, ann("bob", "bob"))
    assert laptop is not None
    phone, _ = await put(accounts, made.id, "phone", "tablet")
    await accounts.change_password(made.id, "new", keep=[phone.id])
    assert await accounts.devices(made.id) == [phone]
    assert await accounts.by_token(laptop.digest, NOW) is None
    assert await accounts.find("ann") == replace(made, password="new")
    assert await accounts.devices(bob.account.id) == [bob.device]


async def test_another_hash_of_the_same_password_takes_the_place_of_no_other_password(store: Store) -> None:
    accounts = store.accounts
    made = (await registered(accounts)).account
    (phone,) = await put(accounts, made.id, "phone")
    accounts.rehash(made.id, "hash", "better hash")
    accounts.rehash(made.id, "hash", "later than that")
    await settle(store)
    assert await accounts.find("ann") == replace(made, password="better hash")
    assert phone in await accounts.devices(made.id), "the password is the same"
    await accounts.change_password(made.id, "new", ())
    accounts.rehash(made.id, "better hash", "the old password")
    await settle(store)
    assert await accounts.find("ann") == replace(made, password="new")


async def test_codes_for_one_more_device_end_with_devices_and_those_for_emergencies_do_not(store: Store) -> None:
    accounts = store.accounts
    made, laptop, _ = await registered(accounts)
    bob = await registered(accounts, ann("bob", "bob"))
    assert laptop is not None
    kept = await accounts.codes(made.id)

    async def make() -> None:
        for whose, secret in ((made.id, "code"), (bob.account.id, "bob's")):
            await accounts.make_codes(
                [Code(digest(secret), "device", NOW, NOW + 600, whose, made_by=whose)], is_instead=True
            )

    await make()
    accounts.rehash(made.id, "hash", "hash of the same")
    await settle(store)
    assert await accounts.code(digest("code"), NOW) is not None
    for end in (
        lambda: accounts.change_password(made.id, "new", keep=[laptop.id]),
        lambda: accounts.drop_devices(made.id, [laptop.id]),
        lambda: accounts.drop_devices(made.id, []),
        lambda: accounts.begin_end(made.id, "close", NOW + 600),
    ):
        await make()
        await end()
        assert await accounts.code(digest("code"), NOW) is None
        assert await accounts.code(digest("bob's"), NOW) is not None
        assert await accounts.codes(made.id) == kept


async def test_when_and_where_a_device_was_used_last_is_noted(store: Store) -> None:
    accounts = store.accounts
    made, laptop, _ = await registered(accounts)
    assert laptop is not None
    accounts.note_seen(made.id, laptop.id, "198.51.100.0/24", NOW + 5)
    await settle(store)
    holder = await accounts.by_token(laptop.digest, NOW)
    assert holder == Holder(replace(made, seen=NOW + 5), replace(laptop, seen=NOW + 5, network="198.51.100.0/24"))


async def settle(store: Store) -> None:
    """Wait until what was noted is stored: whatever is stored next takes it along."""
    await store.accounts.add_choices(0, {})


# What a guest takes along.


async def test_keys_and_positions_become_the_accounts(store: Store) -> None:
    journal, accounts, *_ = store
    await journal.append([Said("python", 0, NOW, "ann", "hi")], {0: SenderKey("token:1", "k")}).stored()
    await journal.append([Said("pm", 0, NOW, "bob", "hi")], {0: SenderKey("bob", "k")}).stored()
    journal.save_position("python", "ann", 1)
    journal.save_position("pm", "bob", 1)
    made = (await registered(accounts, replace(ann(), sender="token:1", person="ann"))).account
    again = await journal.append(
        [Said("python", 0, NOW, "Ann", "hi", made.id)], {0: SenderKey(sender_of(made.id), "k")}
    ).stored()
    assert again.duplicates == {0: Duplicate("python", 1)}
    assert await journal.positions("python") == {sender_of(made.id): 1}
    assert await journal.positions("pm") == {"bob": 1}
    other = await journal.append([Said("python", 0, NOW, "x", "hi")], {0: SenderKey("token:1", "k")}).stored()
    assert not other.duplicates, "nobody is the guest any more"


async def test_a_guest_takes_the_newest_keys_along(store: Store) -> None:
    journal, accounts, *_ = store

    async def sent_again(sender: str, key: int) -> bool:
        line: list[Entry] = [Said("python", 0, NOW, "ann", "hi")]
        return bool((await journal.append(line, {0: SenderKey(sender, str(key))}).stored()).duplicates)

    keys = KeysInRuns([KeyRun(0, "ann", [*map(str, range(CARRIED_MAX + 1))])])
    said: list[Entry] = [Said("python", 0, NOW, "ann", "hi")] * (CARRIED_MAX + 1)
    await journal.append(said, keys).stored()
    made = (await registered(accounts, replace(ann(), sender="ann"))).account
    assert await sent_again(sender_of(made.id), CARRIED_MAX)
    assert await sent_again(sender_of(made.id), 1)
    assert await sent_again("ann", 0)
    assert not await sent_again(sender_of(made.id), 0)


async def test_the_author_of_a_line_is_stored_with_it(store: Store) -> None:
    made = (await registered(store.accounts)).account
    await say(store.journal, made.id, "mine")
    await say(store.journal, 0, "a guest's", nick="guest")
    assert await lines(store.journal) == [("Ann", "mine", made.id), ("guest", "a guest's", 0)]


# Devices.


async def test_devices_are_added_up_to_a_bound_and_dropped(accounts: Accounts) -> None:
    made, laptop, _ = await registered(accounts)
    assert laptop is not None
    more = await put(accounts, made.id, *map(str, range(DEVICES_MAX - 1)))
    assert await accounts.devices(made.id) == [laptop, *more]
    assert await accounts.add_device(made.id, device("one too many"), NOW) == Refusal("devices")
    bob = await registered(accounts, ann("bob", "bob"))
    assert bob.device is not None
    assert await accounts.drop_devices(made.id, [more[0].id, bob.device.id, 999]) == [more[0].id]
    assert await accounts.by_token(more[0].digest, NOW) is None
    (again,) = await put(accounts, made.id, "0")
    assert again.id > bob.device.id, "no number is used again"


async def test_a_bot_may_be_limited_to_rooms_and_to_a_time(accounts: Accounts) -> None:
    made = (await registered(accounts)).account
    new = NewDevice("dice", digest("bot"), "bot", ends=NOW + 10, rooms=("python",))
    bot = await accounts.add_device(made.id, new, NOW)
    assert isinstance(bot, Device)
    assert (bot.kind, bot.ends, bot.rooms) == ("bot", NOW + 10, ("python",))
    nowhere = await accounts.add_device(made.id, replace(new, digest=digest("b2"), rooms=()), NOW)
    assert isinstance(nowhere, Device)
    assert nowhere.rooms == ()
    holder = await accounts.by_token(digest("bot"), NOW + 9)
    assert holder is not None
    assert holder.device == bot
    assert await accounts.by_token(digest("bot"), NOW + 10) is None


# Codes.


async def test_a_code_lets_an_account_in_as_often_as_it_may(accounts: Accounts) -> None:
    made = (await registered(accounts)).account
    assert await accounts.make_codes([replace(code("c", account=made.id), uses=2, rooms=("pm",))]) is None
    found = await accounts.code(digest("c"), NOW)
    assert found is not None
    assert (found.purpose, found.account, found.uses, found.ends, found.rooms) == (
        "login",
        made.id,
        2,
        NOW + 600,
        ("pm",),
    )
    assert await accounts.use_code(digest("c"), NOW) == Holder(made, None, ("pm",))
    used = await accounts.use_code(digest("c"), NOW, device("phone"))
    assert isinstance(used, Holder)
    assert used.device == (await accounts.devices(made.id))[-1]
    assert await accounts.use_code(digest("c"), NOW) == Refusal("code")
    assert await accounts.code(digest("c"), NOW) is None


async def test_a_code_is_no_good_after_its_end(accounts: Accounts) -> None:
    made = (await registered(accounts)).account
    await accounts.make_codes([code("c", account=made.id)])
    assert await accounts.code(digest("c"), NOW + 600) is None
    assert await accounts.use_code(digest("c"), NOW + 600) == Refusal("code")
    assert await accounts.use_code(digest("never made"), NOW) == Refusal("code")


async def test_no_device_is_added_by_a_password_that_is_another_one_by_now(accounts: Accounts) -> None:
    made = (await registered(accounts)).account
    await accounts.change_password(made.id, "first", ())
    assert isinstance(await accounts.add_device(made.id, device("one"), NOW, password="first"), Device)
    await accounts.change_password(made.id, "second", ())
    refused = await accounts.add_device(made.id, device("two"), NOW, password="first")
    assert refused == Refusal("changed")
    assert await accounts.devices(made.id) == []
    assert isinstance(await accounts.add_device(made.id, device("two"), NOW), Device)


async def test_a_code_whose_device_cannot_be_added_is_not_used(accounts: Accounts) -> None:
    made = (await registered(accounts)).account
    await accounts.make_codes([code("c", "device", made.id)])
    assert await accounts.use_code(digest("c"), NOW, device("token of Ann")) == Refusal("token")
    assert isinstance(await accounts.use_code(digest("c"), NOW, device("phone")), Holder)


async def test_recovery_codes_are_made_at_registration_and_may_be_made_anew(accounts: Accounts) -> None:
    made = (await registered(accounts)).account
    assert [one.purpose for one in await accounts.codes(made.id)] == ["recovery", "recovery"]
    assert await accounts.use_code(digest("Ann 1"), NOW + 1e9) == Holder(made)
    assert await accounts.make_codes([code("new", "recovery", made.id)], is_instead=True) is None
    assert [one.digest for one in await accounts.codes(made.id)] == [digest("new")]
    assert await accounts.use_code(digest("Ann 2"), NOW) == Refusal("code")


async def test_an_invitation_is_used_up_by_the_registration(accounts: Accounts) -> None:
    made = (await registered(accounts)).account
    invitation = replace(code("i", "invite", seconds=100), made_by=made.id, rooms=("python", "pm"))
    await accounts.make_codes([invitation])
    assert await accounts.use_code(digest("i"), NOW) == Refusal("code"), "it lets nobody in"
    bob = replace(ann("bob", "bob"), code=digest("i"))
    assert await accounts.register(bob, NOW + 100) == Refusal("code")
    holder = await registered(accounts, bob)
    assert (holder.account.invited_by, holder.account.role, holder.rooms) == (made.id, "member", ("python", "pm"))
    assert await accounts.register(replace(ann("eve", "eve"), code=digest("i")), NOW) == Refusal("code")
    assert await accounts.find("eve") is None


async def test_a_name_that_is_not_free_does_not_use_up_the_invitation(accounts: Accounts) -> None:
    await registered(accounts)
    await accounts.make_codes([code("i", "invite")])
    assert await accounts.register(replace(ann("ann", "x"), code=digest("i")), NOW) == Refusal("taken", "Ann")
    await registered(accounts, replace(ann("bob", "bob"), code=digest("i")))


async def test_the_owners_code_makes_an_owner_of_a_new_name_or_of_an_account(accounts: Accounts) -> None:
    await accounts.make_codes([replace(code("o", "owner"), name="ann")])
    assert await accounts.register(replace(ann("bob", "bob"), code=digest("o")), NOW) == Refusal("code")
    assert (await registered(accounts, replace(ann(), code=digest("o")))).account.role == "owner"
    bob = (await registered(accounts, ann("bob", "bob"))).account
    await accounts.make_codes([code("b", "owner", bob.id)])
    assert (
        await accounts.use_code(digest("b"), NOW)
        == Holder(replace(bob, role="owner"))
        == Holder((await accounts.listed("ann", 1))[0])
    )


async def test_codes_have_a_bound(accounts: Accounts) -> None:
    made = (await registered(accounts)).account
    left = CODES_MAX - 2
    assert await accounts.make_codes([code(str(n), "invite") for n in range(CODES_MAX)]) is None, "the operator's"
    mine = [replace(code(f"m{n}", "invite"), made_by=made.id) for n in range(left)]
    assert await accounts.make_codes(mine) is None
    assert await accounts.make_codes([code("more", account=made.id)]) == Refusal("codes")
    assert await accounts.make_codes([code("more", "invite")]) == Refusal("codes")
    later = replace(code("more", account=made.id), made=NOW + 600, ends=NOW + 1200)
    assert await accounts.make_codes([later]) is None, "those that have ended do not count"
    assert await accounts.make_codes([code("x"), code("x")]) == Refusal("codes")


async def test_codes_that_somebody_has_made_keep_no_operator_from_letting_them_in(accounts: Accounts) -> None:
    made = (await registered(accounts)).account
    mine = [replace(code(f"m{n}", "invite"), made_by=made.id) for n in range(CODES_MAX - 2)]
    assert await accounts.make_codes(mine) is None
    operators = [replace(code(f"o{n}", account=made.id), made_by=0) for n in range(CODES_MAX)]
    assert await accounts.make_codes(operators) is None
    assert await accounts.make_codes([replace(code("more", account=made.id), made_by=0)]) == Refusal("codes")
    assert await accounts.make_codes([code("nobody's", "invite")]) is None


async def test_a_code_for_a_name_takes_the_place_of_an_earlier_one_for_it_alone(accounts: Accounts) -> None:
    for secret, name in (("1", "ann"), ("2", "bob"), ("3", "ann")):
        assert await accounts.make_codes([replace(code(secret, "owner"), name=name)], is_instead=True) is None
    found = [await accounts.code(digest(secret), NOW) for secret in "123"]
    assert [one.name if one else None for one in found] == [None, "bob", "ann"]


async def test_whether_there_is_an_owner_is_known(accounts: Accounts) -> None:
    assert not await accounts.has_owner()
    made = (await registered(accounts)).account
    await give_role(accounts, made, "admin")
    assert not await accounts.has_owner()
    await give_role(accounts, made, "owner")
    assert await accounts.has_owner()
    await accounts.end(made.id, "close", NOW)
    assert not await accounts.has_owner()


async def test_of_several_codes_all_are_made_or_none(accounts: Accounts) -> None:
    made = (await registered(accounts)).account
    assert await accounts.make_codes([code("a"), code("Ann 1", account=made.id)]) == Refusal("code")
    assert await accounts.code(digest("a"), NOW) is None


# Failed tries.


async def test_failed_tries_are_remembered_by_network_and_account(store: Store) -> None:
    accounts = store.accounts
    noted = [
        Failure("192.0.2.0/24", 0, 3, NOW),
        Failure("192.0.2.0/24", 7, 2, NOW + 1),
        Failure("::/64", 7, 1, NOW + 2),
    ]
    for one in (*noted, replace(noted[0], count=4, at=NOW + 3), replace(noted[1], count=0)):
        accounts.note_failure(one)
    await settle(store)
    assert await accounts.failures() == [noted[2], replace(noted[0], count=4, at=NOW + 3)]


async def test_failed_tries_are_remembered_whatever_is_refused_in_the_same_moment(store: Store) -> None:
    made = (await registered(store.accounts)).account
    failure = Failure("192.0.2.0/24", made.id, 3, NOW)
    store.accounts.note_failure(failure)
    assert await store.accounts.make_codes([code("a"), code("Ann 1", account=made.id)]) == Refusal("code")
    await settle(store)
    assert await store.accounts.failures() == [failure]
    assert await store.accounts.code(digest("a"), NOW) is None


async def test_the_quietest_failures_are_forgotten_first(store: Store) -> None:
    for number in range(FAILURES_MAX + 10):
        store.accounts.note_failure(Failure(f"n{number}", 0, 1, NOW + number))
    await settle(store)
    failures = await store.accounts.failures()
    assert len(failures) == FAILURES_MAX
    assert failures[0].network == "n10"


# The end.


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


# Its life.


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


def test_no_secret_is_in_what_is_shown_of_a_value() -> None:
    account = Account(1, "ann", "ann", NOW, password="$argon2id$secret")
    values = (
        account,
        device("t"),
        Device(1, 1, "laptop", digest("t"), NOW),
        code("c"),
        replace(ann(), password="s3cret"),
    )
    for value in values:
        shown = f"{value!r} {value}"
        assert "secret" not in shown
        assert "s3cret" not in shown
        assert "digest" not in shown


# Exports.


async def filled(place: Place) -> Account:
    """Somebody with everything that an account can have, and somebody who has ended."""
    journal, accounts, *_ = place.open_both()
    async with opened(journal):
        await create_rooms(journal)
        made = (await registered(accounts, replace(ann(), choices={"telnet": {"colour": True}}))).account
        await accounts.add_device(made.id, NewDevice("dice", digest("bot"), "bot", ends=NOW + 9, rooms=("pm",)), NOW)
        await accounts.make_codes([replace(code("i", "invite"), rooms=("python", "pm"), made_by=made.id)])
        await accounts.rename(made.id, "Anna", "anna", NOW)
        accounts.note_seen(made.id, 0, "203.0.113.0/24", made.seen)
        await say(journal, made.id, "hello")
        eve = (await registered(accounts, ann("eve", "eve"))).account
        await say(journal, eve.id, "secret", nick="eve")
        await accounts.end(eve.id, "erase", NOW)
        await do_by_office(journal, accounts, made.id)
    return made


async def do_by_office(journal: Journal, accounts: Accounts, admin: int) -> None:
    """Something that is in force, something that was lifted, and something in a room."""

    def allowed(act: ServerAct, office: Office) -> str:
        del act, office
        return ""

    curb = ServerAct(
        "banned", NOW, "Anna", admin, whom="10.0.0.0/24", network="10.0.0.0/24", until=NOW + 99, text="noise"
    )
    for act in (curb, replace(curb, text="by mistake"), ServerAct("lifted", NOW + 1, "Anna", admin, of=2)):
        assert isinstance(await accounts.acts.enact(act, allowed), ServerAct)
    muted = Muted("python", 3, NOW, "Anna", "loud", admin, whom="gus", until=NOW + 9, id=1)
    await journal.append([muted], {}).stored()


def exported(place: Place, *, with_secrets: bool) -> bytes:
    out = io.BytesIO()
    with closing(place.engine.open_archive(place.settings)) as archive:
        export(archive, out, no_progress, with_secrets=with_secrets)
        assert check(archive, no_progress).problems == []
    return out.getvalue()


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


# Many at once.


async def gathered(*calls: Callable[[], Awaitable[Any]]) -> list[Any]:
    """Do all at once; return what came of each."""
    found: list[Any] = []

    async def do(call: Callable[[], Awaitable[Any]]) -> None:
        found.append(await call())

    async with trio.open_nursery() as nursery:
        for call in calls:
            nursery.start_soon(do, call)
    return found


async def test_of_many_who_want_a_name_at_once_one_gets_it(accounts: Accounts) -> None:
    wanted = [Registration(name, "ann") for name in ("ann", "Ann", "ANN", "аnn")] * 5
    found = await gathered(*(partial(accounts.register, new, NOW) for new in wanted))
    assert [type(one) for one in found].count(Holder) == 1
    assert len(await accounts.listed("", 99)) == len(accounts.names) == 1


async def test_a_code_is_used_no_more_often_than_it_may_be_however_many_use_it_at_once(accounts: Accounts) -> None:
    made = (await registered(accounts)).account
    await accounts.make_codes([replace(code("c", account=made.id), uses=3), replace(code("i", "invite"), uses=2)])
    found = await gathered(*[partial(accounts.use_code, digest("c"), NOW)] * 10)
    assert [type(one) for one in found].count(Holder) == 3
    guests = [replace(Registration(f"p{n}", f"p{n}"), code=digest("i")) for n in range(10)]
    found = await gathered(*(partial(accounts.register, new, NOW) for new in guests))
    assert [type(one) for one in found].count(Holder) == 2
    assert len(accounts.names) == 3
