"""What an operator is told where the engine went away while something was stored, and has not said what became of it. On virtual time."""

from typing import Any

import pytest
import trio

from account_house import register
from chat_server.config import AccountsTable, Config
from chat_server.journal import InDoubt
from node_houses import open_nodes

LOST = "the database went away while it was stored, and has not said what became of it"


async def lost(*_: Any, **__: Any) -> None:
    raise InDoubt(LOST)


@pytest.mark.parametrize(
    ("stores", "asked", "told"),
    [
        (
            "end",
            {"do": "end-account", "ending": "close"},
            "once it answers, `chat-server admin accounts ann` says whether it is closed; if it is not, ask again",
        ),
        (
            "take_back_end",
            {"do": "restore-account"},
            "once it answers, `chat-server admin accounts ann` says whether it goes on; if it does not, ask again",
        ),
        (
            "drop_devices",
            {"do": "drop-devices"},
            "once it answers, `chat-server admin devices ann` lists those that are left; if it should not, ask again",
        ),
        ("make_codes", {"do": "make-code"}, "the code was shown to nobody; ask again when it answers"),
    ],
)
async def test_of_an_account_it_is_said_what_is_not_known_and_where_to_look(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch, stores: str, asked: dict[str, str], told: str
) -> None:
    config = Config(accounts=AccountsTable(registration="open"))
    async with open_nodes(config=config) as (a, _):
        await register(a)
        monkeypatch.setattr(a.server._directory.accounts, stores, lost)
        (answer,) = await a.ask_as_operator(name="ann", **asked)
        assert answer["is"] == "not-done"
        assert answer["why"] == f"{LOST}: {told}"


async def test_of_a_room_it_is_said_that_it_is_closed_here_and_where_to_look(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes() as (a, b):
        monkeypatch.setattr(a.node.journal, "delete_room", lost)
        (answer,) = await a.ask_as_operator("delete-room", room="pm")
        assert answer["is"] == "not-done"
        assert answer["why"] == (
            "pm is closed at this node, and the database has not said whether it is deleted: once it answers, `chat-server admin rooms` at another"
            " node lists it if it is not, and it can be deleted there; else the next start of this one opens it again"
        )
        assert "pm" in {room.name for room in b.server.rooms}
        assert (await b.ask_as_operator("delete-room", room="pm"))[0]["is"] == "deleted"
