"""The end of an account, as people in the rooms see it."""

import time

import pytest
import trio

from account_stores import registered
from chat_server.accounts import Account, Registration
from chat_server.journal.erasing import ERASED_TEXT
from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.entries import Said, TopicSet
from chat_server.server.retention import PRUNE_SECONDS
from streams import open_house


async def test_an_account_whose_time_has_come_is_erased_and_rooms_show_nothing_of_it_any_more(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = MemoryJournal()
    made, gone = [(await registered(journal.accounts, Registration(name, name))).account for name in ("annabel", "zoe")]
    await journal.create_room("python")
    lines = [TopicSet("python", 0, 1000.0, "annabel", "secret plans", made.id)]
    await journal.append(lines, {}).stored()
    await journal.append([Said("python", 0, 1001.0, "annabel", "secret words", made.id)], {}).stored()
    async with open_house(journal=journal, silence_seconds=0) as house:
        bob = house.call()
        await bob.log_in("bob", "python")
        await bob.type("/last 9", "/topic")
        await bob.read_until("secret words") + await bob.read_until("secret plans")
        assert await journal.accounts.begin_end(made.id, "erase", time.time())
        assert await journal.accounts.begin_end(gone.id, "close", time.time() + 1e6)
        await trio.sleep(PRUNE_SECONDS)
        eve = house.call()
        await eve.log_in("eve", "python")
        await eve.type("/topic", "/last 9", "/quit")
        told = await eve.read_to_end()
        assert "secret" not in told
        assert ERASED_TEXT in told
        assert [one.state for one in await journal.accounts.listed("", 9)] == ["closed", "closing"]


async def test_an_end_that_is_taken_back_when_its_time_has_just_come_does_not_come(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = MemoryJournal()
    accounts = journal.accounts
    made = (await registered(accounts)).account
    due = accounts.due

    async def taken_back_after(at: float) -> list[Account]:
        found = await due(at)
        await accounts.take_back_end(made.id)
        return found

    monkeypatch.setattr(accounts, "due", taken_back_after)
    async with open_house(journal=journal):
        assert await accounts.begin_end(made.id, "erase", time.time())
        await trio.sleep(PRUNE_SECONDS + 1)
        assert await accounts.find("ann") == made
