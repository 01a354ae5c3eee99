"""How somebody is asked for a secret, old or new, and to prove once more who they are before something is done to their account.

Never knows what is done then.
"""

from collections.abc import Callable
from typing import ClassVar

from chat_server.accounts.passwords import BadPassword, Password, parse_new_password
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


class NotTheSame(Refused, frozen=True):
    """The two passwords that were typed are two."""

    code: str = "passwords-differ"
    sentence: ClassVar[str] = "That was not the same twice. Begin again."


def ask_secret(session: Occupant, prompt: str, then: Callable[[str], MaybeAwaitable]) -> None:
    """Ask for a secret; whoever's program does not speak telnet, and so shows what is typed, is told so first. See Occupant."""
    if session.has_terminal and not session.speaks_telnet and prompt != "again":
        session.send(TypingIsShown())
    session.ask_secret(prompt, then)


def ask_new_password(session: Occupant, nick: str, then: Callable[[str], MaybeAwaitable]) -> None:
    """Ask, twice, for the password that somebody of this name chooses; and do something with it, if it can be one and was the same twice."""

    def ask_again(typed: str) -> None:
        if chosen_password(session, typed, nick) is not None:
            ask_secret(session, "again", lambda again: then_if_same(typed, again))

    def then_if_same(typed: str, again: str) -> MaybeAwaitable:
        if typed == again:
            return then(typed)
        session.send(NotTheSame())
        return None

    ask_secret(session, "new-password", ask_again)


def chosen_password(session: Occupant, typed: str, nick: str) -> Password | None:
    """The password that somebody of this name chooses; None, and the session has been told, if it cannot be one."""
    try:
        return parse_new_password(typed, nick)
    except BadPassword as error:
        session.send(Refused(error.code))
        return None


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
