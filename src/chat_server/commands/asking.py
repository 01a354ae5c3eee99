"""How somebody is asked for a secret, and asked to prove once more who they are before something is done to their account.

Never knows what is done then.
"""

from collections.abc import Callable
from typing import ClassVar

from chat_server.commands.letting_in import readable
from chat_server.protocol.events import Answered, Refused
from chat_server.rooms.room import MaybeAwaitable, Occupant, Room

HASH_TOKENS = 5.0
"""Lines for which it counts to compare a password: 30 to 60 ms beside the event loop."""

Act = Callable[[], MaybeAwaitable]


class TypingIsShown(Answered, frozen=True):
    """The receiver is about to be asked for a password, and their program shows what they type: no server can help that."""

    sentence: ClassVar[str] = (
        "Your program shows what you type; better a code: /code device makes one where you are logged in already."
    )


def ask_secret(session: Occupant, prompt: str, then: Callable[[str], MaybeAwaitable]) -> None:
    """Ask for a secret; whoever's program does not speak telnet, and so shows what is typed, is told so first. See Occupant."""
    if session.has_terminal and not session.speaks_telnet and prompt != "again":
        session.send(TypingIsShown())
    session.ask_secret(prompt, then)


def after_password(place: Room, session: Occupant, act: Act) -> MaybeAwaitable:
    """Do something when somebody at a terminal has typed their password, or has just logged in by it."""
    if place.directory.authentication.is_fresh(session.proof.at):
        return act()
    ask_secret(session, "password", lambda typed: proved(place, session, typed, act))
    return None


async def proved(place: Room, session: Occupant, typed: str, act: Act) -> None:
    """Do something if somebody has their account's password, or has just logged in by it."""
    authentication = place.directory.authentication
    if typed or not authentication.is_fresh(session.proof.at):
        session.owe(HASH_TOKENS)
        let_in = await readable(authentication.by_password(session.nick, typed, session.network))
        if isinstance(let_in, Refused):
            session.send(let_in)
            return
    pause = act()
    if pause is not None:
        await pause
