"""People with accounts, and a room that one of them has made."""

from itertools import count
from typing import Any

import trio

from canary import PASSWORD
from streams import House, Program

refs = count(1)


async def refused(program: Program, do: str, **fields: Any) -> str:
    """The code by which something is refused."""
    await program.ask(do, **({} if do == "resume" else {"room": "den"}), ref=(ref := next(refs)), **fields)
    while (answer := await program.wait_for("refused")).get("ref") != ref:
        pass
    return str(answer["code"])


async def told(program: Program, kind: str) -> dict[str, Any]:
    """What somebody is told next of this kind, without what says when."""
    event = dict(await program.wait_for(kind))
    return {name: value for name, value in event.items() if name not in ("at", "seq", "until")}


async def holder(house: House, nick: str, place: int = 1) -> Program:
    """Somebody who has made an account, from an address of their own."""
    program = house.connect(f"127.0.0.{place}")
    await program.ask("hello", protocol=2)
    await program.ask("register", nick=nick, password=PASSWORD)
    await program.wait_for("registered")
    return program


async def den(house: House, *accounts: str) -> list[Program]:
    """People with accounts in a room that the first of them has made."""
    people = [await holder(house, nick, place) for place, nick in enumerate(accounts, 1)]
    await make_den(*people)
    return people


async def make_den(owner: Program, *others: Program, seconds: float = 0) -> None:
    """Somebody makes a room, and all enter it when the nodes have had so many seconds to hear of it."""
    await owner.ask("create", room="den")
    await owner.wait_for("room-created")
    await trio.sleep(seconds)
    for one in (owner, *others):
        await one.ask("join", room="den")
        await one.wait_for("entered")
