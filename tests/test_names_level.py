"""The index of names of one node, level with what another has stored: whatever that did, it knows what one knows that is loaded anew."""

import random
from typing import get_args

import pytest

from account_stores import NOW, registered
from chat_server.accounts import KEPT_SECONDS, Ending
from chat_server.accounts.kept_accounts import KeptAccounts
from chat_server.accounts.memory import MemoryAccounts
from chat_server.accounts.names_index import NamesIndex
from chat_server.journal.kept_in_memory import Kept, KeptLines
from chat_server.protocol.names import name_key
from test_accounts_model import NAMES, Side, shape, step_of


def known(names: NamesIndex, at: float) -> object:
    """Everything that an index may be asked."""
    return (
        len(names),
        [(names.holder(name_key(name)), names.whose(name_key(name), at)) for name in NAMES],
        [[names.refusal(name_key(name), shape(name), account, at) for name in NAMES] for account in (0, *names._names)],
    )


@pytest.mark.parametrize("seed", range(10))
async def test_a_node_that_catches_up_knows_what_one_knows_that_begins(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same order every time
    kept = Kept()

    def node() -> MemoryAccounts:
        return MemoryAccounts(kept.accounts, KeptLines(kept, lambda: False))

    here, there = node(), node()
    side = Side(here)
    at = NOW
    for _ in range(200):
        at += chance.choice([1.0, 500.0, KEPT_SECONDS / 20])
        side.told(await step_of(chance, at)(side))
        if chance.random() < 0.3:
            await there.catch_up()
            assert known(there.names, at) == known(node().names, at)


@pytest.mark.parametrize("ending", get_args(Ending))
async def test_a_name_that_was_another_accounts_meanwhile_is_known_as_what_it_is(ending: Ending) -> None:
    kept = Kept(accounts=KeptAccounts())
    here, there = (MemoryAccounts(kept.accounts, KeptLines(kept, lambda: False)) for _ in range(2))
    made = (await registered(here)).account
    await there.catch_up()
    await here.rename(made.id, "bob", "bob", NOW)
    await here.rename(made.id, "eve", "eve", NOW)
    await here.end(made.id, ending, NOW)
    assert there.names.holder("ann") == made.id
    await there.catch_up()
    assert there.names.holder("ann") == 0
    for name in ("ann", "bob", "eve"):
        refusal = there.names.refusal(name, name, 0, NOW)
        assert refusal is not None
        assert refusal.why == ("taken" if name == "eve" and ending == "close" else "kept")
