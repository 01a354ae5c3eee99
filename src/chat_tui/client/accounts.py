"""A user's account, as the server is asked about it: by what they prove that it is theirs, and each request that may have a secret in it.

Knows the requests, and which refusals ask for a proof. What is typed goes into one request and is kept nowhere. Never knows who asks the user, nor
how the connection is made.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from chat_server.protocol.events import Event
from chat_tui.client.calling import Line
from chat_tui.language import message, say

ONE_TIME_LETTERS = 8
"""Letters of a code that is good once and soon, and may be seen; longer ones let one in whenever they are shown, and are secrets."""

ENDS_TOKEN = frozenset(("dropped", "password-changed", "account-ends"))
"""Why a session ends whose token lets nobody in any more."""

NO_GUESTS = "no-guests"
BY_CODE = frozenset(("no-guests-but-invited", "no-guests-no-accounts"))
NEEDS_ACCOUNT = BY_CODE | {NO_GUESTS}
"""Why a login is refused where one registers before one is let in; with a code in two cases, of an owner or of whoever runs the server."""

ASKS_PROOF = ENDS_TOKEN | {
    *("name-registered", "wrong-password", "wrong-code", "password-length", "too-many-tries", "busy"),
    *("changed-meanwhile", "no-secrets-here", "too-many-devices"),
    *NEEDS_ACCOUNT,
}
"""Refusals of a login after which another proof may let the user in."""

WAYS_IN = message(
    "This line is not encrypted: whoever is between here and the server can read along, so chat-tui sends no password and no recovery code. Ways in:"
    " a server that speaks TLS (whoever runs it can turn that on); chat-tui on the server's own machine; or a one-time code,"
    " which may be seen: /code device makes one where you are logged in already."
)
"""What is told where a secret would be needed, and somebody could read it."""

WAIT_DIGITS = 7
"""Digits of a wait that are read: months. No clock can tell when the rest would be over, and a server may have sent thousands."""

CANNOT_ASK = message("There is no connection. Try this again when there is one.")


class Proof:
    """What shows that an account is the user's: its password, or a code; or makes it theirs. Whatever is written of it is only that it is one."""

    def __init__(self, *, password: str = "", code: str = "", invite: str = "", is_new: bool = False) -> None:
        """`is_new`: there is no account yet, and the password is to be its; `invite` is the code that invites the user, if one is needed."""
        self._password, self._code, self._invite, self._is_new = password, code, invite, is_new

    def __repr__(self) -> str:
        return "Proof(…)"

    @property
    def do(self) -> str:
        """The request that shows it."""
        return "register" if self._is_new else "login"

    def fields(self) -> dict[str, str]:
        """What goes into the request."""
        if self._is_new:
            return {"password": self._password, "invite": self._invite}
        return {"code": self._code} if self._code else {"password": self._password}

    @property
    def is_secret(self) -> bool:
        """Whether nobody else may see it."""
        letters = self._code.replace("-", "").replace(" ", "")
        return bool(self._password) or len(letters) != ONE_TIME_LETTERS


class Asks(Protocol):
    """What this needs of the connection."""

    line: Line

    def request(self, do: str, *, on_answer: Callable[[Event], bool] | None = None, **fields: object) -> bool:
        """Ask the server for something. Returns False if there is no connection."""


def asks_proof(code: str, *, was_shown: bool) -> bool:
    """Whether a refused login asks for another proof. `was_shown`: one was; then whatever is wrong is told there."""
    return was_shown or code in ASKS_PROOF


def why_no_secrets(line: Line) -> str:
    """Why no secret goes over such a line, in sentences that name the ways in; "" if one may."""
    return say(WAYS_IN) if line is Line.OPEN else ""


def seconds_to_wait(details: Mapping[str, str]) -> int:
    """After how many seconds it may be tried again what was refused with these details; 0 if they do not say so."""
    seconds, minutes = (details.get(unit, "")[:WAIT_DIGITS] for unit in ("seconds", "minutes"))
    return int(seconds) if seconds.isdecimal() else 60 * int(minutes) if minutes.isdecimal() else 0


def register(connection: Asks, password: str, invite: str, on_answer: Callable[[Event], bool]) -> str:
    """Make an account of the user's name; it is answered by `Registered`. Returns why nothing was asked, in a sentence, or ""."""
    return _ask(connection, "register", on_answer, password=password, invite=invite)


def change_password(connection: Asks, old: str, new: str, on_answer: Callable[[Event], bool]) -> str:
    """Choose another password; whatever is no refusal says that it is changed. Returns why nothing was asked, in a sentence, or ""."""
    return _ask(connection, "password", on_answer, old=old, new=new)


def make_recovery(connection: Asks, password: str, on_answer: Callable[[Event], bool]) -> str:
    """Make new recovery codes; it is answered by `RecoveryMade`. Returns why nothing was asked, in a sentence, or ""."""
    return _ask(connection, "code", on_answer, purpose="recovery", password=password)


def end_account(connection: Asks, ending: str, password: str, on_answer: Callable[[Event], bool]) -> str:
    """Have the account end: `close`, `anonymise` or `erase`. Returns why nothing was asked, in a sentence, or ""."""
    return _ask(connection, "account", on_answer, ending=ending, password=password)


def _ask(connection: Asks, do: str, on_answer: Callable[[Event], bool], **fields: str) -> str:
    """Ask for something with a secret in it, where nobody else can read that."""
    if why := why_no_secrets(connection.line):
        return why
    return "" if connection.request(do, on_answer=on_answer, **fields) else say(CANNOT_ASK)
