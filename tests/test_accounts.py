"""The contract of a store of accounts, run over every engine: names, devices, codes, and tries that have failed."""

from functools import partial

from msgspec.structs import replace

from account_stores import (
    NOW,
    accounts,
    ann,
    code,
    device,
    digest,
    gathered,
    give_role,
    lines,
    put,
    registered,
    say,
    settle,
    store,
)
from chat_server.accounts import (
    CARRIED_MAX,
    CODES_MAX,
    DEVICES_MAX,
    FAILURES_MAX,
    KEPT_NAMES_MAX,
    KEPT_SECONDS,
    Account,
    Accounts,
    Choices,
    Code,
    Device,
    Failure,
    Holder,
    NewDevice,
    Registration,
    sender_of,
)
from chat_server.accounts.names_index import Refusal
from chat_server.journal import Duplicate
from chat_server.journal.engines import Store
from chat_server.journal.keys import KeyRun, KeysInRuns, SenderKey
from chat_server.protocol.entries import Entry, Said
from journals import begun, place

__all__ = ["accounts", "begun", "place", "store"]


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
