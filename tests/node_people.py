"""People and programs at several servers with one journal, and the settings with which they have accounts."""

from typing import Any

import trio

from chat_server.config import AccountsTable, Config
from chat_server.rooms.person import Person
from node_houses import NodeHouse

TOKEN = "a-token-of-twenty-two-characters"  # noqa: S105 - nobody owns it


def people(house: NodeHouse) -> list[Person[Any]]:
    """Who is at a node by an account."""
    return [person for person in house.server._directory.people if person.account]


async def settled() -> None:
    """All has been heard everywhere, and who came and went has been told."""
    await trio.sleep(5)


def accounts() -> Config:
    return Config(accounts=AccountsTable(registration="open"))
