"""How the user logs in on each new connection: by the token that is kept, or, once, by what they have just typed.

Never knows the connection, nor how anything is asked of the user.
"""

import secrets
from collections.abc import Awaitable, Callable

from msgspec import Struct

from chat_server.protocol.events import LoggedIn, Refused, Registered
from chat_server.protocol.versions import PROTOCOL
from chat_tui.client.accounts import Proof, asks_proof
from chat_tui.client.calling import Line
from chat_tui.client.codec import write
from chat_tui.language import wanted

LOGIN = "login"
"""The `ref` of the login."""


class Identity(Struct):
    """Who the user is to the server: the name they want, and the secret that proves that it is theirs."""

    nick: str
    token: str = ""
    has_account: bool = False
    """Whether it is the token of an account, which is good elsewhere too for whoever has seen it."""


async def kept_nowhere(identity: Identity) -> str:
    """A program that keeps nothing is another sender whenever it is started."""
    identity.token = identity.token or secrets.token_urlsafe(16)
    return identity.token


class SigningIn:
    """One user's logins."""

    def __init__(self, identity: Identity, token_for: Callable[[Identity], Awaitable[str]]) -> None:
        """Log in nowhere yet.

        Args:
            identity: who the user is; the name and the token that the server gives are put here.
            token_for: gives the token that is shown to the server; one that has just been made must not be lost then.

        """
        self.identity = identity
        self._token_for = token_for
        self._proof: Proof | None = None
        self._shown: Proof | None = None  # on the connection that there is
        self._login = b""  # what waits until it is known who may listen in

    def prove(self, proof: Proof | None) -> None:
        """Log in by this the next time, not by the token, until the server has answered; or, with None, by the token after all."""
        self._proof = proof

    async def first_words(self) -> bytes:
        """What is said at once, before it is known who may listen in; a login to an account waits for that."""
        language = {"language": wanted()} if wanted() else {}
        hello = write("hello", protocol=PROTOCOL, program="chat-tui", **language)
        self._shown = self._proof
        self._login = b""
        if self._shown is not None:
            return hello
        token = await self._token_for(self.identity)
        login = write("login", ref=LOGIN, nick=self.identity.nick, token=token)
        if not self.identity.has_account:
            return hello + login
        self._login = login
        return hello

    def second_words(self, line: Line) -> bytes | None:
        """What is said on such a line then, which may be nothing; None if a secret would be heard there, and is forgotten now."""
        proof = self._shown
        if proof is None:
            return None if self._login and line is Line.OPEN else self._login
        if proof.is_secret and line is Line.OPEN:
            self._forget_shown()
            return None
        return write(proof.do, ref=LOGIN, nick=self.identity.nick, **proof.fields())

    def take(self, event: LoggedIn | Registered) -> None:
        """The server says who the user is. A server that gives no token with an account leaves the one there was."""
        self._forget_shown()
        self.identity.nick, self.identity.token = event.nick, event.token or self.identity.token

    def refused(self, refused: Refused) -> bool:
        """The login is refused; return whether that asks for another proof."""
        was_shown = self._shown is not None
        self._forget_shown()
        return asks_proof(refused.code, was_shown=was_shown)

    def _forget_shown(self) -> None:
        if self._proof is self._shown:
            self._proof = None
        self._shown = None
