"""A command that one module declares, as it would stand in a group of commands, and a server that has it.

Run by itself, for the groups are put together once. Writes into the file that is named first what is known of it where nobody need ask a server, and
serves with the other arguments.
"""

import importlib.util
import json
import secrets
import sys
from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta, to_builtins

from chat_server.commands.talk import TalkCommands
from chat_server.protocol.events import Answered, Refused
from chat_server.protocol.requests import Act, HowMany, Request
from chat_server.rooms.room import MaybeAwaitable, Occupant, Room


class Toss(Request, frozen=True, gc=False):
    """Throw a die."""

    aliases: ClassVar[tuple[str, ...]] = ("fling",)
    group: ClassVar[str] = "talking"
    sides: Annotated[int, Meta(ge=2, le=100, description="how many sides the die has")] = 6


class Forbidden(Refused, frozen=True):
    """Games of chance are not for everybody."""

    code: str = "no-dice"
    sentence: ClassVar[str] = "{nick} may not play with {sides} sides."


class Tossed(Answered, frozen=True):
    """The receiver has thrown a die."""

    sentence: ClassVar[str] = "You have thrown {shown} in {room}."

    room: str
    shown: HowMany


UNLUCKY = 13
SEEN = 12


def do_toss(self: TalkCommands, place: Room, session: Occupant, request: Toss) -> MaybeAwaitable:
    """Throw a die.

    /toss 20 throws one with twenty sides.
    """
    if request.sides == UNLUCKY:
        session.send(Forbidden(details={"nick": session.nick, "sides": str(request.sides)}))
        return None
    session.send(Tossed(place.name, 1 + secrets.randbelow(request.sides)))
    return self.table.dispatch(place, session, Act("throws a die")) if request.sides == SEEN else None


TalkCommands.do_toss = do_toss  # type: ignore[attr-defined]

from chat_server import cli  # noqa: E402 - the groups are put together with what was added to them
from chat_server.commands.catalogue import described_commands  # noqa: E402
from chat_server.commands.completion import candidates  # noqa: E402
from chat_server.commands.table import ANSWERS, COMMANDS  # noqa: E402
from chat_server.wire.json_schema import schema  # noqa: E402
from fakes import FakeSession, make_hall  # noqa: E402

SCRIPTS = Path(__file__).parent.parent / "scripts"


def script(name: str) -> object:
    """One of our scripts, as a module."""
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def report() -> dict[str, object]:
    """What is known of the command."""
    hall = make_hall()
    here = COMMANDS.words_here(hall, FakeSession(hall, "ann"))
    (described,) = [command for command in described_commands(COMMANDS) if command.name == "toss"]
    rows = [row for row in script("bench_hostile").rows() if row.what == "toss"]  # type: ignore[attr-defined]
    sentences = [*script("catalogue").sentences()]  # type: ignore[attr-defined]
    return {
        "Tab": candidates("/to", commands=here, rooms=(), nicks=()),
        "described": to_builtins(described),
        "schema": schema(COMMANDS.own, ANSWERS)["$defs"],
        "rows": [(row.door, row.data.decode()) for row in rows],
        "sentences": [sentence for sentence in sentences if isinstance(sentence, str)],
    }


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(report()))
    sys.exit(cli.main(sys.argv[2:]))
