"""What one is told where accounts are asked about: to log in, to register, for another password, of codes, of the account's end. Pure.

Every secret is asked for with the words for where it is kept, and every refusal says what to do next. Never knows how it is shown.
"""

import time

from chat_server.protocol.code_events import CodeMade, Invited
from chat_server.protocol.events import AccountShown, Refused
from chat_tui.client import clocks
from chat_tui.client.accounts import NO_GUESTS, WAYS_IN, seconds_to_wait
from chat_tui.client.calling import Line
from chat_tui.client.days import weekday
from chat_tui.client.room_rights import role_named
from chat_tui.language import message, say, say_count, sentences

TWICE = message("That was not the same twice.")
MISSING = message("Type it first.")
LOST = message("The connection was lost before the server had answered. Try again when there is one.")
ASKING = message("Asking the server …")

FORGOTTEN = message(
    "Forgotten? Type a code instead: a recovery code, or one that /code device makes where you are logged in."
)

_NEXT = {
    "wrong-password": FORGOTTEN,
    "wrong-code": message("/code device makes one where you are logged in already."),
}
"""What else may be done after a refusal whose sentence does not say it all."""

_WHY = {
    "dropped": message("This device was logged out from another one. Log in here again by the password or a code."),
    "password-changed": message(
        "The password was changed at another device. Log in here by the new one, or by a code."
    ),
    NO_GUESTS: message(
        "Only people with an account come in here. Choose a password, and {nick} is yours. If you have an account already, take its name."
    ),
    "no-guests-but-invited": message(
        "Only people with an account come in here, and whoever makes one is invited: ask for a code. With it and a password {nick} is yours."
        " If you have an account already, take its name."
    ),
    "no-guests-no-accounts": message(
        "Only people with an account come in here, and only whoever runs the server has one made, by a code. With it and a password {nick} is"
        " yours. If you have an account already, take its name."
    ),
    "account-ends": message(
        "The account is to end, and is logged out everywhere. Whoever logs in by the password or a code before then takes that back."
    ),
}
"""Why somebody is asked who was logged in."""

SAID_ABOVE = {*_WHY, "name-registered"}
"""Refusals of which the form for a login says the same in its own words."""


def why_proof(code: str, nick: str, line: Line) -> str:
    """Why somebody has to prove that an account is theirs, and by what they can. `code` is why the server has refused, or ended it."""
    if line is Line.OPEN:
        return say(WAYS_IN)
    why = _WHY.get(code, message("If {nick} is yours, type the password, or a code. Else take another name."))
    return say(why, nick=nick)


def kept(place: str, line: Line = Line.ENCRYPTED) -> str:
    """What is kept of a login, and where."""
    if line is Line.OPEN:
        return say(
            "What is kept: nothing. The code is good once, and the next time you come without encryption it takes another one."
        )
    return say(
        "What is kept: a token, by which this program logs in from now on, in {place}. The password is kept nowhere, nor is a code.",
        place=place,
    )


def wrong(text: str, code: str, wait: int, now: float) -> str:
    """What is wrong, and what to do next; and at what time, where one has to wait so many seconds. `text` is the server's sentence."""
    at = say("That is at {time}.", time=time.strftime("%H:%M:%S", clocks.shown(now + wait))) if wait else ""
    return sentences(text, at, say(_NEXT[code]) if code in _NEXT else "")


def refused(event: Refused, now: float) -> str:
    """What is wrong with what was asked for, and what to do next."""
    return wrong(event.text, event.code, seconds_to_wait(event.details), now)


_ELSEWHERE = message("In telnet, nc or any other program:")


def device_code(made: CodeMade, address: str, now: float) -> str:
    """What is done with a code for another device."""
    until = time.strftime("%H:%M", clocks.shown(now + 60 * made.minutes))
    good = say(
        "It is good once, until {until} ({minutes} minutes). Whoever types it is let in as {nick}, wherever they are;"
        " an earlier one is good no more.",
        until=until,
        minutes=made.minutes,
        nick=made.nick,
    )
    here = say("In chat-tui on the other device:")
    asks = say("and type the code where it asks for one.")
    there = say(_ELSEWHERE)
    return f"{good}\n\n{here}\n  chat-tui {address} --nick {made.nick}\n  {asks}\n{there}\n  /login {made.nick} {made.code}"


def invitation(made: Invited, address: str, now: float) -> str:
    """What is done with a code for somebody who is to register."""
    ends = clocks.shown(now + 3600 * made.hours)
    until = say("{weekday}, {time}", weekday=weekday(ends), time=time.strftime("%H:%M", ends))
    good = say(
        "Whoever you tell it makes an account by it, once, until {until} ({hours} hours).",
        until=until,
        hours=made.hours,
    )
    here = say("In chat-tui, connected to {address} under the name they want:", address=address)
    asks = say("/register, and the code where it asks for one.")
    elsewhere, by_code = say(_ELSEWHERE), say("/register NICK {code}", code=made.code)
    return f"{good}\n\n{here}\n  {asks}\n{elsewhere}\n  {by_code}"


def account(shown: AccountShown, place: str) -> str:
    """What there is to say of somebody's account."""
    since = time.strftime("%Y-%m-%d", clocks.shown(shown.made))
    codes = (
        say("recovery codes left: {count}", count=shown.recovery) if shown.recovery else say("no recovery code is left")
    )
    nick = shown.nick if shown.role == "member" else say("{nick}, {role}", nick=shown.nick, role=role_named(shown.role))
    what = say(
        "{nick}, since {since}. Devices: {devices}; {codes}.",
        nick=nick,
        since=since,
        devices=shown.devices,
        codes=codes,
    )
    kept_here = say("Kept here: a token, in {place}. The password is kept nowhere.", place=place)
    return f"{what}\n\n{kept_here}"


ENDINGS = {
    "close": message("Your lines stay, under your name, which nobody else gets."),
    "anonymise": message("Your lines stay, under a name that says nothing."),
    "erase": message("The texts of your lines are overwritten."),
}
"""What becomes of somebody's lines when their account ends, by how it does."""


def ending(how: str) -> str:
    """What happens when somebody ends their account so."""
    then = say(
        "You are logged out everywhere at once; the account ends seven days later. Until then, logging in by the"
        " password or a recovery code takes that back."
    )
    return sentences(say(ENDINGS[how]), then)


RECOVERY = message(
    "If the password is forgotten, each of these codes lets you in once. There is nothing else that does, but a code that another device"
    " of yours makes, or whoever runs the server."
)

NEW_RECOVERY = message("Two new codes for when the password is forgotten. The earlier ones let nobody in any more.")

NEW_PASSWORD = message("All your other devices and connections are logged out, and log in by the new one.")

NO_ENDING = message(
    "/account shows your account. It is ended by /account close, /account anonymise or /account erase; each asks for the password first."
)


def registering(nick: str, *, is_invited: bool) -> str:
    """What it means to register."""
    yours = say(
        "{nick} is yours then, and nobody else's, on whichever device you log in. What you have here as a guest stays yours.",
        nick=nick,
    )
    return sentences(yours, say("Whoever registers here is invited: ask for a code.") if is_invited else "")


def registered(nick: str) -> str:
    """That somebody has registered."""
    return say("{nick} is your account now", nick=nick)


def waiting(lines: int, nick: str) -> str:
    """Why one cannot be somebody else just now."""
    return say_count(
        "{number} line of yours waits to be sent as {nick}. Wait until that is done, or take back what failed (Alt+D).",
        "{number} lines of yours wait to be sent as {nick}. Wait until that is done, or take back what failed (Alt+D).",
        lines,
        nick=nick,
    )
