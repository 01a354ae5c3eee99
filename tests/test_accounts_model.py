"""Whatever is done with accounts in whatever order: every engine answers the same, every name is one account's, and the index knows it."""

import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, get_args

import pytest
from msgspec.structs import asdict

from account_stores import NOW, code, digest
from chat_server.accounts import KEPT_SECONDS, Account, Accounts, Device, Ending, Holder, NewDevice, Registration
from chat_server.accounts.names_index import Refusal
from chat_server.journal.engines import MODULES
from chat_server.protocol.names import name_key
from journals import Place, opened, place_in
from postgresql import Database

NAMES = ["ann", "Ann", "ANN", "anп", "bob", "Bob", "b0b", "eve", "cat", "dan", "fay", "gus", "hal"]
SHAPES = {"anп": "ann", "b0b": "bob"}
"""What names look like, where that is not what they are."""

STEPS = 150


def shape(name: str) -> str:
    return SHAPES.get(name, name_key(name))


class Side:
    """One engine's accounts, and the numbers that these have there: in the order in which they were made, for numbers are random."""

    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts
        self.numbers: list[int] = []

    def told(self, answer: Any) -> Any:
        """An answer without what is another one in each engine."""
        match answer:
            case Account():
                if answer.id not in self.numbers:
                    self.numbers.append(answer.id)
                fields = asdict(answer) | {"id": self.numbers.index(answer.id)}
                if answer.invited_by:
                    fields["invited_by"] = self.numbers.index(answer.invited_by)
                if answer.name.startswith("deleted-"):
                    fields |= {"name": "deleted", "skeleton": "deleted"}
                return fields
            case Device():
                return asdict(answer) | {"account": self.numbers.index(answer.account)}
            case Holder():
                return [self.told(part) for part in answer]
            case Refusal() if answer.name.startswith("deleted-"):
                return "taken"
            case list():
                return [self.told(part) for part in answer]
            case _:
                return answer

    def refusal(self, name: str, at: float) -> str | None:
        """Why nobody else can have a name."""
        refusal = self.accounts.names.refusal(name_key(name), shape(name), 0, at)
        return None if refusal is None else refusal.why

    def number(self, which: int) -> int:
        return self.numbers[which % len(self.numbers)] if self.numbers else 7


Step = Callable[[Side], Awaitable[Any]]


def step_of(chance: random.Random, at: float) -> Step:
    """Something to be done."""
    which, name, secret = chance.randrange(6), chance.choice(NAMES), str(chance.randrange(12))
    new = NewDevice(f"device {secret}", digest(secret), ends=chance.choice([None, at + 1000]))
    ending: Ending = chance.choice(get_args(Ending))

    def registration() -> Registration:
        by = chance_code
        return Registration(name, shape(name), "hash", device, (digest(f"{at}"),), by)

    device = chance.choice([None, new])
    chance_code = chance.choice([None, None, digest(secret)])
    registered = registration()
    made = code(secret, chance.choice(("invite", "login", "owner")), seconds=5000)

    async def make_code(side: Side) -> Any:
        whose = 0 if made.purpose == "invite" else side.number(which)
        values = {"account": whose, "made_by": side.number(which) if made.purpose == "invite" and side.numbers else 0}
        return await side.accounts.make_codes([type(made)(**asdict(made) | values | {"made": at, "ends": at + 5000})])

    async def end(side: Side) -> Any:
        return (await side.accounts.end(side.number(which), ending, at)) is not None

    steps: list[Step] = [
        lambda side: side.accounts.register(registered, at),
        lambda side: side.accounts.register(registered, at),
        lambda side: side.accounts.rename(side.number(which), name, shape(name), at),
        lambda side: side.accounts.add_device(side.number(which), new, at),
        lambda side: side.accounts.use_code(digest(secret), at, device),
        lambda side: side.accounts.by_token(digest(secret), at),
        lambda side: side.accounts.begin_end(side.number(which), ending, at + 3000),
        lambda side: side.accounts.take_back_end(side.number(which)),
        lambda side: side.accounts.due(at),
        lambda side: side.accounts.forget_old(at),
        lambda side: side.accounts.change_password(side.number(which), "other", [1, 2]),
        make_code,
        make_code,
        *([end] if chance.random() < 0.2 else []),
    ]
    return chance.choice(steps)


async def state(side: Side) -> Any:
    """Everything that is kept."""
    listed = await side.accounts.listed("", 1000)
    assert len({one.key for one in listed}) == len({one.skeleton for one in listed}) == len(listed)
    assert len(side.accounts.names) == len(listed)
    for one in listed:
        assert side.accounts.names.holder(one.key) == one.id
        assert side.accounts.names.name_of(one.id) == one.name
    shown = [side.told(one) for one in listed]
    known = sorted(listed, key=lambda one: side.numbers.index(one.id))
    return (
        sorted(shown, key=lambda one: one["id"]),
        [side.told(await side.accounts.devices(one.id)) for one in known],
        [len(await side.accounts.codes(one.id)) for one in known],
    )


async def all_answer_the_same(seed: int, places: Sequence[Place]) -> None:
    """Do something to the accounts of several engines."""
    chance = random.Random(seed)  # noqa: S311 - the same order every time
    async with AsyncExitStack() as stack:
        stores = [place.open_both() for place in places]
        for store in stores:
            await stack.enter_async_context(opened(store.journal))
        sides = [Side(store.accounts) for store in stores]
        at = NOW
        for _ in range(STEPS):
            at += chance.choice([1.0, 500.0, 500.0, KEPT_SECONDS / 20])
            first, *others = [[side.refusal(name, at) for name in NAMES] for side in sides]
            assert others == [first] * len(others)
            step = step_of(chance, at)
            first, *others = [side.told(await step(side)) for side in sides]
            assert others == [first] * len(others)
        states = [await state(side) for side in sides]
        assert states == states[:1] * len(sides)


@pytest.mark.parametrize("seed", range(12))
async def test_engines_that_need_no_server_answer_the_same_whatever_is_done(seed: int, tmp_path: Path) -> None:
    await all_answer_the_same(seed, [place_in(tmp_path / name, name, "process") for name in ("sqlite", "memory")])


@pytest.mark.parametrize("seed", range(12, 18))
async def test_every_engine_answers_the_same_whatever_is_done(seed: int, tmp_path: Path, database: Database) -> None:
    await all_answer_the_same(seed, [place_in(tmp_path / name, name, "process", database.url) for name in MODULES])
