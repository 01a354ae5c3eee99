"""Stores of accounts of every engine, and who has an account in them."""

import hashlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from typing import Any

import pytest
import trio
from msgspec.structs import replace

from archives import no_progress
from chat_server.accounts import Account, Accounts, Code, Device, Holder, NewDevice, Purpose, Registration
from chat_server.accounts.acts import Office, ServerAct
from chat_server.accounts.names_index import Refusal
from chat_server.journal import Journal
from chat_server.journal.engines import Store
from chat_server.journal.maintenance import check, export
from chat_server.protocol.acts import Muted
from chat_server.protocol.entries import Entry, Said
from journals import Place, create_rooms, opened

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


async def settle(store: Store) -> None:
    """Wait until what was noted is stored: whatever is stored next takes it along."""
    await store.accounts.add_choices(0, {})


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


async def gathered(*calls: Callable[[], Awaitable[Any]]) -> list[Any]:
    """Do all at once; return what came of each."""
    found: list[Any] = []

    async def do(call: Callable[[], Awaitable[Any]]) -> None:
        found.append(await call())

    async with trio.open_nursery() as nursery:
        for call in calls:
            nursery.start_soon(do, call)
    return found
