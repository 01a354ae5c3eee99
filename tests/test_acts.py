"""The contract of where the acts of the server's moderators are kept, run over every engine."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import cast, get_args

import pytest
import trio

from account_stores import NOW, ann, device, digest, exported, settle, store
from archives import no_progress
from chat_server.accounts import Accounts, Holder, NewDevice, Registration
from chat_server.accounts.acts import ActPlace, Neighbour, NotEnacted, Office, ServerAct
from chat_server.accounts.in_force import Visitor
from chat_server.accounts.networks import NETWORK_SECONDS, NETWORKS_MAX
from chat_server.journal.act_changes import ActTables, neighbours
from chat_server.journal.engines import EngineName, Store
from chat_server.journal.keys import SenderKey
from chat_server.journal.maintenance import import_
from chat_server.journal.rooms import delete_room, rename_room
from chat_server.protocol.acts import Muted
from chat_server.protocol.entries import Entry, Said
from chat_server.rooms.rights import judged
from journals import Place, begun, create_rooms, opened, place, place_in
from postgresql import url_beside

__all__ = ["begun", "place", "store"]


@pytest.fixture
def accounts(store: Store) -> Accounts:
    return store.accounts


def yes(act: ServerAct, office: Office) -> str:
    """A judge who lets everything pass."""
    del act, office
    return ""


def no(act: ServerAct, office: Office) -> str:
    """And one who lets nothing."""
    del act, office
    return "no"


def ban(whom: str = "bob", until: float = 60.0, at: float = NOW, **more: object) -> ServerAct:
    more = {"known_as": (whom,)} | more
    return ServerAct("banned", at, "ann", whom=whom, until=at + until, text="why", **more)  # type: ignore[arg-type]


def role_given(account: int, role: str) -> ServerAct:
    return ServerAct("role-given", NOW, "(operator)", account=account, text=role)


async def done(accounts: Accounts, act: ServerAct) -> ServerAct:
    enacted = await accounts.acts.enact(act, yes)
    assert isinstance(enacted, ServerAct)
    return enacted


async def registered(accounts: Accounts, name: str) -> int:
    new = Registration(name, name.casefold(), "hash", NewDevice("laptop", digest(name), network="198.51.100.0/24"))
    holder = await accounts.register(new, NOW)
    assert isinstance(holder, Holder)
    return holder.account.id


async def test_acts_are_numbered_and_in_force_until_they_end_or_are_lifted(accounts: Accounts) -> None:
    in_force = accounts.acts.in_force
    heard: list[int] = []
    in_force.heard.append(lambda act: heard.append(act.number))
    first, second = await done(accounts, ban()), await done(accounts, ban("eve", 600.0))
    assert (first.number, second.number) == (1, 2)
    assert in_force.ban_of(Visitor(known_as=("bob",)), NOW + 59) == first
    assert in_force.ban_of(Visitor(known_as=("bob",)), NOW + 60) is None
    lifted = await done(accounts, ServerAct("lifted", NOW + 61, "ann", of=2, text="sorry"))
    assert (lifted.number, lifted.whom) == (3, "eve")
    assert in_force.ban_of(Visitor(known_as=("eve",)), NOW + 62) is None
    assert heard == [1, 2, 3]
    assert [act.number for act in await accounts.acts.listed(0, 2)] == [3, 2]
    assert [act.number for act in await accounts.acts.listed(2, 9)] == [1]


async def test_what_is_refused_has_changed_nothing(accounts: Accounts) -> None:
    assert await accounts.acts.enact(ban(), no) == NotEnacted("no")
    assert accounts.acts.in_force.newest == 0
    await done(accounts, ban())
    gone = ServerAct("lifted", NOW + 99, "ann", of=1)
    assert await accounts.acts.enact(gone, judged) == NotEnacted("no-such-ban")
    assert await accounts.acts.enact(ServerAct("lifted", NOW, "ann", of=7), judged) == NotEnacted("no-such-ban")
    await done(accounts, ServerAct("lifted", NOW, "ann", of=1))
    assert await accounts.acts.enact(ServerAct("lifted", NOW, "ann", of=1), judged) == NotEnacted("no-such-ban")


async def test_who_acts_is_judged_by_what_they_are_when_it_is_stored(accounts: Accounts) -> None:
    boss, mod, bob = [await registered(accounts, name) for name in ("boss", "mod", "bob")]
    for account, role in ((boss, "admin"), (mod, "moderator")):
        await done(accounts, role_given(account, role))
    act = ServerAct("banned", NOW, "mod", mod, "bob", bob, until=NOW + 60)
    assert isinstance(await accounts.acts.enact(act, judged), ServerAct)
    taken = ServerAct("role-given", NOW, "boss", boss, "mod", mod, text="member")
    assert isinstance(await accounts.acts.enact(taken, judged), ServerAct)
    assert await accounts.acts.enact(act, judged) == NotEnacted("server-moderators-only")
    found = await accounts.account(mod)
    assert found is not None
    assert found.role == "member"
    assert [(one.name, one.role) for one in await accounts.acts.holders()] == [("boss", "admin")]
    alone = ServerAct("role-given", NOW, "boss", boss, "boss", boss, text="member")
    assert await accounts.acts.enact(alone, judged) == NotEnacted("last-admin")
    await accounts.end(bob, "close", NOW)
    assert await accounts.acts.enact(
        ServerAct("banned", NOW, "boss", boss, "bob", bob, until=NOW + 60), judged
    ) == NotEnacted("no-such-account")


async def test_what_is_in_force_survives_a_restart(place: Place) -> None:
    journal, accounts, *_ = place.open_both()
    async with opened(journal):
        await done(accounts, ban(until=1e9))
        await done(accounts, ban("eve", 1e9))
        await done(accounts, ban("", 1e9, known_as=(), network="203.0.113.0/24", is_hard=True))
        await done(accounts, ServerAct("muted", NOW, "ann", whom="carl", known_as=("carl",), until=NOW + 1e9))
        await done(accounts, ServerAct("panic", NOW, "ann", until=NOW + 1e9))
        await done(accounts, ServerAct("lifted", NOW, "ann", of=2))
    journal, accounts, *_ = place.open_both()
    async with opened(journal):
        in_force = accounts.acts.in_force
        assert [act.number for act in in_force.listed(NOW)] == [1, 3, 4]
        assert in_force.newest == 6
        assert in_force.panic_seconds(NOW) == 1e9
        assert in_force.ban_of(Visitor(network="203.0.113.9"), NOW) is not None
        assert in_force.mute_of(Visitor(known_as=("carl",)), NOW) is not None
        assert (await done(accounts, ServerAct("panic", NOW, "ann", until=NOW))).number == 7
        assert not in_force.is_calm(NOW), "carl is muted still"
    journal, accounts, *_ = place.open_both()
    async with opened(journal):
        assert accounts.acts.in_force.panic_seconds(NOW) == 0


@pytest.mark.parametrize("ending", ["erase", "anonymise"])
async def test_whose_account_is_erased_stands_in_what_was_done_under_a_name_that_says_nothing(
    accounts: Accounts, ending: str
) -> None:
    mod, bob = await registered(accounts, "mod"), await registered(accounts, "bob")
    await done(accounts, ServerAct("banned", NOW, "mod", mod, "bob", bob, until=NOW + 60, text="spam"))
    for account in (mod, bob):
        await accounts.end(account, ending, NOW)  # type: ignore[arg-type]
    (act,) = await accounts.acts.listed(0, 9)
    names = {one.name for one in (await accounts.account(mod), await accounts.account(bob)) if one is not None}
    assert {act.by, act.whom} == names
    assert not names & {"mod", "bob"}
    assert (act.text, act.account) == ("spam", bob)


async def test_the_networks_from_which_accounts_have_come_are_known_for_a_while(accounts: Accounts) -> None:
    await accounts.register(ann(), NOW)
    other = await accounts.register(
        Registration("Bob", "bob", "hash", NewDevice("x", digest("x"), network="198.51.100.0/24")), NOW + 100
    )
    assert isinstance(other, Holder)
    assert device("x").network == "192.0.2.0/24"
    assert await accounts.acts.seen_since(NOW + 50) == [(other.account.id, "198.51.100.0/24")]
    assert len(await accounts.acts.seen_since(NOW)) == 2


async def test_who_has_come_from_a_network_is_known_whatever_they_logged_in_by(store: Store) -> None:
    accounts = store.accounts
    bob, eve, mod = [await registered(accounts, name) for name in ("bob", "eve", "mod")]
    for account, network in ((bob, "203.0.113.0/24"), (eve, "2001:db8:7::/48"), (mod, "")):
        accounts.note_seen(account, 0, network, NOW + 50)
    await settle(store)

    async def neighbours(network: str) -> list[str]:
        return [one.name for one in await accounts.acts.neighbours(network, NOW + 40)]

    assert await neighbours("203.0.113.7/32") == ["bob"]
    assert await neighbours("203.0.0.0/16") == ["bob"]
    assert await neighbours("203.0.112.0/24") == []
    assert await neighbours("2001:db8:7:1::/64") == ["eve"]
    assert await neighbours("2001:db8::/32") == ["eve"]
    assert [one.name for one in await accounts.acts.neighbours("198.51.100.9/32", NOW)] == ["bob", "eve", "mod"]
    assert set(await accounts.acts.seen_since(NOW + 40)) == {
        (bob, "203.0.113.0/24"),
        (eve, "2001:db8:7::/48"),
    }
    await done(accounts, role_given(bob, "moderator"))
    (one,) = await accounts.acts.neighbours("203.0.113.7/32", NOW)
    assert (one.account, one.made, one.role) == (bob, NOW, "moderator")
    await accounts.end(bob, "close", NOW + 60)
    assert await neighbours("203.0.113.7/32") == []
    assert await accounts.acts.networks(bob) == []


class Networks:
    """Tables of which it is noted what is asked: of a network that has somebody's accounts, and of nobody's."""

    def __init__(self) -> None:
        self.asked: list[Sequence[str]] = []

    def networks_since(self, _: float) -> list[str]:
        self.asked.append(["all"])
        return ["203.0.113.0/24", "198.51.100.0/24"]

    def came_from(self, networks: Sequence[str], _: float) -> list[Neighbour]:
        self.asked.append(networks)
        return []


@pytest.mark.parametrize(
    ("network", "asked"),
    [
        ("203.0.113.7/32", [["203.0.113.0/24"]]),
        ("203.0.113.0/24", [["203.0.113.0/24"]]),
        ("2001:db8:7:1::/64", [["2001:db8:7::/48"]]),
        ("203.0.0.0/16", [["all"], ["203.0.113.0/24"]]),
        ("192.0.0.0/16", [["all"]]),
    ],
)
def test_all_networks_are_gone_through_only_for_one_that_is_wider_than_they_are(
    network: str, asked: list[list[str]]
) -> None:
    tables = Networks()
    neighbours(cast(ActTables, tables), network, NOW)
    assert tables.asked == asked


async def test_of_an_account_the_last_networks_are_kept_for_a_while(store: Store) -> None:
    accounts = store.accounts
    bob, eve = await registered(accounts, "bob"), await registered(accounts, "eve")
    for number in (0, 1, 2, 3, 1, 4, 5):
        accounts.note_seen(bob, 0, f"203.0.{number}.0/24", NOW + number + 10)
        await settle(store)
    accounts.note_seen(bob, 0, "203.0.5.0/24", NOW)  # what comes late takes nothing back
    accounts.note_seen(eve, 0, "203.0.5.0/24", NOW + 10)
    await settle(store)
    kept = [(one.network, one.at - NOW) for one in await accounts.acts.networks(bob)]
    assert kept == [("203.0.5.0/24", 15), ("203.0.4.0/24", 14), ("203.0.3.0/24", 13), ("203.0.2.0/24", 12)]
    assert len(kept) == NETWORKS_MAX
    accounts.note_seen(7, 0, "203.0.9.0/24", NOW + 10)
    await settle(store)
    assert await accounts.acts.networks(7) == [], "there is no such account"
    assert await accounts.forget_old(NOW + NETWORK_SECONDS + 13)
    assert [one.at - NOW for one in await accounts.acts.networks(bob)] == [15, 14]
    assert await accounts.acts.networks(eve) == []


async def test_what_is_done_to_a_room_while_no_server_has_the_journal_is_in_the_audits_as_the_operator_s(
    place: Place,
) -> None:
    journal, accounts, *_ = place.open_both()
    async with opened(journal):
        if not await journal.rooms():
            await create_rooms(journal)
        await done(accounts, ban())
        await journal.append([muted(0, 0, 1)], {}).stored()
    rename_room(place.engine.editing(place.settings), "python", "snakes", lambda *_: "")
    delete_room(place.engine.editing(place.settings), "pm")
    journal, accounts, *_ = place.open_both()
    async with opened(journal):
        acts = await accounts.acts.of_room("snakes", None, 9)
        assert [(act.place, act.kind, act.by, act.text) for act in acts] == [
            ((1, 1), "name-set", "(operator)", "snakes"),
            ((1, 0), "muted", "mod", "why 1"),
        ]
        newest, _ = await accounts.acts.listed(0, 9)
        assert (newest.number, newest.kind, newest.by, newest.text) == (2, "room-deleted", "(operator)", "pm")
        assert (await done(accounts, ban("eve"))).number == 3


async def test_acts_that_are_asked_for_at_once_are_numbered_one_after_the_other(accounts: Accounts) -> None:
    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(done, accounts, ban(f"n{number}"))
    assert [act.number for act in accounts.acts.in_force.listed(NOW)] == [*range(1, 21)]


def muted(by: int, bob: int, seq: int) -> Muted:
    return Muted("python", seq, NOW + seq, "mod", f"why {seq}", by, whom="bob", until=NOW + 60, id=seq, account=bob)


async def test_what_is_done_in_a_room_is_kept_whatever_becomes_of_its_lines(store: Store) -> None:
    journal, accounts = store.journal, store.accounts
    mod, bob = await registered(accounts, "mod"), await registered(accounts, "bob")
    for first in (1, 4):
        lines: list[Entry] = [
            Said("python", first, NOW + first, "bob", "hm", bob),
            muted(mod, bob, first + 1),
            muted(mod, bob, first + 2),
        ]
        await journal.append(lines, {0: SenderKey("x", "k")}).stored()  # the second time it is there already
    assert [(act.number, act.kind, act.text) for act in await accounts.acts.of_room("python", None, 9)] == [
        (5, "muted", "why 6"),
        (4, "muted", "why 5"),
        (3, "muted", "why 3"),
        (2, "muted", "why 2"),
    ]
    assert [act.number for act in await accounts.acts.of_room("python", ActPlace(4), 1)] == [3]
    assert await accounts.acts.of_room("pm", None, 9) == []
    await journal.prune(NOW + 1e6, 0)
    await accounts.end(bob, "erase", NOW)
    acts = await accounts.acts.of_room("python", None, 9)
    assert [(act.number, act.by, act.account) for act in acts] == [(number, "mod", bob) for number in (5, 4, 3, 2)]
    assert "bob" not in {act.whom for act in acts}


async def test_a_room_of_the_name_of_one_that_was_deleted_has_nothing_of_its_audit(store: Store) -> None:
    journal, accounts = store.journal, store.accounts
    await journal.append([muted(0, 0, 1)], {}).stored()
    await journal.delete_room("python")
    await journal.create_room("python")
    assert await accounts.acts.of_room("python", None, 9) == []
    await journal.append([muted(0, 0, 1)], {}).stored()
    assert len(await accounts.acts.of_room("python", None, 9)) == 1


@pytest.mark.parametrize("other", get_args(EngineName))
async def test_acts_move_to_another_engine(
    place: Place, other: EngineName, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    journal, accounts, *_ = place.open_both()
    async with opened(journal):
        if not await journal.rooms():
            await create_rooms(journal)
        for one in (ban(until=1e9), ban("eve", 1e9), ServerAct("lifted", NOW, "ann", of=1)):
            await done(accounts, one)
    whole = exported(place, with_secrets=False)
    url = url_beside(request.getfixturevalue("database").url) if other == "postgresql" else ""
    there = place_in(tmp_path / "there", other, url=url)
    import_(there.engine.filling(there.settings), io.BytesIO(whole), no_progress)
    assert exported(there, with_secrets=False) == whole
    journal, accounts, *_ = there.open_both()
    async with opened(journal):
        assert [act.number for act in accounts.acts.in_force.listed(NOW)] == [2]
        assert (await done(accounts, ban("carl"))).number == 4
