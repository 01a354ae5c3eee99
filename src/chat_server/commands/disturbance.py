"""Panic: one switch for a server that is being raided, which ends by itself. What it does is in rooms/gate.py, and where people log in."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta
from msgspec.structs import replace

from chat_server.commands.access import access
from chat_server.commands.handler import CommandHandler
from chat_server.commands.office_acts import act_of, enacted
from chat_server.protocol.events import Answered, Refused
from chat_server.protocol.requests import HowMany, Request
from chat_server.rooms.room import MaybeAwaitable, Occupant, Room

PANIC_MINUTES, PANIC_MINUTES_MAX = 60, 24 * 60


class Panic(Request, frozen=True, gc=False):
    """Keep the server quiet for a while, or end that."""

    group: ClassVar[str] = "moderating"
    state: Annotated[Literal["", "on", "off"], Meta(description="on, off, or nothing: how it is")] = ""
    minutes: Annotated[int, Meta(ge=1, le=PANIC_MINUTES_MAX, description="after how many it ends by itself")] = (
        PANIC_MINUTES
    )


class PanicShown(Answered, frozen=True, tag="panic-on"):
    """There is panic, for so many minutes still."""

    sentence: ClassVar[str] = (
        "Panic for {minutes} min: nobody registers, guests can neither come in nor say anything, and accounts younger than a day only read; 10 s"
        " between two lines. /panic off ends it."
    )

    minutes: HowMany


class NoPanic(Answered, frozen=True, tag="panic-off"):
    """There is no panic."""

    sentence: ClassVar[str] = "There is no panic now: everything is as usual. /panic on begins one."


class NothingToEnd(Refused, frozen=True):
    """There is no panic that could be ended."""

    code: str = "no-panic"
    sentence: ClassVar[str] = "There is no panic, so there is none to turn off. Nothing was changed."


class DisturbanceCommands(CommandHandler):
    """To keep the server quiet for a while."""

    @access(act="panic", bots=False, asks_engine=True)
    def do_panic(self, place: Room, session: Occupant, request: Panic) -> MaybeAwaitable:
        """Keep the server quiet while it is being raided.

        That ends by itself.
        /panic on 30 for half an hour (else an hour), /panic off.
        Nobody registers; guests cannot come in, and they and accounts younger than a day only read; there are 10 s between two lines.
        """
        if not request.state:
            show_panic(place, session)
            return None
        return _panic(place, session, request)


async def _panic(place: Room, session: Occupant, request: Panic) -> None:
    act = act_of(place, session, "")
    if request.state == "off" and not place.directory.accounts.acts.in_force.panic_seconds(act.at):
        session.send(NothingToEnd())
        return
    seconds = 60.0 * request.minutes if request.state == "on" else 0.0
    done = await enacted(place, session, replace(act, kind="panic", until=act.at + seconds))
    if done is not None:
        show_panic(place, session)


def show_panic(place: Room, session: Occupant) -> None:
    """Say whether there is panic."""
    seconds = place.directory.accounts.acts.in_force.panic_seconds(place.directory.authentication.now())
    session.send(PanicShown(max(1, round(seconds / 60))) if seconds else NoPanic())
