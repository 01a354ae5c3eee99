"""How somebody is asked for a secret, until it is right or they give up; and to prove once more who they are.

Never knows what is done then.
"""

from collections.abc import Awaitable, Callable
from typing import ClassVar

from chat_server.accounts.passwords import BadPassword, Password, parse_new_password
from chat_server.commands.letting_in import readable
from chat_server.protocol.events import Answered, Event, Refused
from chat_server.rooms.room import MaybeAwaitable, Occupant, Room

HASH_TOKENS = 5.0
"""Lines for which it counts to compare a password: 30 to 60 ms beside the event loop."""

FIRST_PROMPTS = ("password", "new-password")
"""By which a password is asked for when none has been typed yet that was wrong."""

Act = Callable[[], MaybeAwaitable]


class TypingIsShown(Answered, frozen=True):
    """The receiver is about to be asked for a password, and their program shows what they type: no server can help that."""

    sentence: ClassVar[str] = "Your program shows what you type, a password too. telnet and chat-tui do not."


class NotTheSame(Refused, frozen=True):
    """The two passwords that were typed are two."""

    code: str = "passwords-differ"
    sentence: ClassVar[str] = "That was not the same twice. Begin again."


class NothingTyped(Answered, frozen=True):
    """The receiver was asked for a password, and has typed none."""

    sentence: ClassVar[str] = "No password: nothing has changed."


def ask_secret(session: Occupant, prompt: str, then: Callable[[str], MaybeAwaitable], *, is_first: bool = True) -> None:
    """Ask for a secret; whoever's program shows what is typed is told so if it is the first that a command asks for. See Occupant."""
    if is_first and session.shows_typing and prompt in FIRST_PROMPTS:
        session.send(TypingIsShown())
    session.ask_secret(prompt, then)


def ask_until_right(
    session: Occupant, then: Callable[[str], Awaitable[Refused | None]], given_up: Event, prompt: str = "password"
) -> None:
    """Ask for the password of an account until it is that: what is typed after a wrong one is a password too, and said nowhere.

    `then` returns why not. An empty line gives up, which is told by `given_up`; and so does the server when there have been too many tries.
    """

    async def take(typed: str) -> None:
        if not typed:
            session.send(given_up)
            _withhold_after_nothing(session, prompt)
        elif (refusal := await then(typed)) is not None:
            session.send(refusal)
            if refusal.code == "wrong-password":
                ask_until_right(session, then, given_up, "password-again")
            session.withhold_next()  # if it is not asked for again

    ask_secret(session, prompt, take)


def ask_new_password(
    session: Occupant,
    nick: str,
    then: Callable[[str], MaybeAwaitable],
    prompt: str = "new-password",
    *,
    is_first: bool = True,
) -> None:
    """Ask, twice, for the password that somebody of this name chooses, until it can be one and was the same twice; and do something with it.

    What is typed meanwhile is said nowhere. An empty line gives up. `is_first`: the same command has not asked for a password before.
    """

    def ask_again(typed: str) -> None:
        if not typed:
            session.send(NothingTyped())
            _withhold_after_nothing(session, prompt)
        elif chosen_password(session, typed, nick) is None:
            ask_new_password(session, nick, then, "new-password-again")
        else:
            ask_secret(session, "again", lambda again: then_if_same(typed, again))

    def then_if_same(typed: str, again: str) -> MaybeAwaitable:
        if typed == again:
            return then(typed)
        session.send(NotTheSame())
        ask_new_password(session, nick, then, "new-password-again")
        return None

    ask_secret(session, prompt, ask_again, is_first=is_first)


def _withhold_after_nothing(session: Occupant, prompt: str) -> None:
    """An empty line right behind a command gives up too soon where lines end in LF CR, or one is pasted: what follows is a password then."""
    if prompt in FIRST_PROMPTS:
        session.withhold_next()


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
    ask_until_right(session, lambda typed: _proved(place, session, typed, act), NothingTyped())
    return None


async def proved(place: Room, session: Occupant, typed: str, act: Act) -> None:
    """Do something if a program shows its account's password, or has just logged in by it."""
    refusal = await _proved(place, session, typed, act)
    if refusal is not None:
        session.send(refusal)


async def _proved(place: Room, session: Occupant, typed: str, act: Act) -> Refused | None:
    authentication = place.directory.authentication
    if typed or not authentication.is_fresh(session.proof.at):
        session.owe(HASH_TOKENS)
        let_in = await readable(authentication.by_password(session.nick, typed, session.network))
        if isinstance(let_in, Refused):
            return let_in
    pause = act()
    if pause is not None:
        await pause
    return None
