"""What proves to one server who the user is, and where that is kept: an account's token in the system's keyring where there is one, else in the file.

The token of a guest is in the file always: it is made here, and must be there before anybody is told of it. That of an account is made by the
server. It is moved to where the settings want it after each login, so what was kept before there was a keyring moves too, and back when it
is not wanted any more. A keyring that is locked, broken or slow holds up nobody: the file has the token then, and that is said, once.
Never knows the network, nor the screen.
"""

import asyncio
import secrets
from pathlib import Path
from typing import Protocol

from chat_server.protocol import events
from chat_server.protocol.names import name_key
from chat_tui.client.local_store import MEMORY_FILE, TOKENS_MAX, LocalStore
from chat_tui.client.signing_in import Identity
from chat_tui.language import message, say, sentences

WAIT_SECONDS = 2.0
"""Seconds after which the user is told what is waited for."""

SETTLE_SECONDS = 2.0
"""Seconds that the end of a program waits for the keyring at most. A token that is not there by then is in the file, and moves the next time."""

MISSING = message("a package for it is not installed, which pip install 'chat-server[keyring]' does")


class KeyringError(Exception):
    """The keyring does not do what is asked of it. The text says why; it is "" where there is none."""


class Keyring(Protocol):
    """Secrets, by the names of their entries. What it does may take a while; each raises KeyringError."""

    is_wanted: bool
    """Whether secrets are to be put into it; else they are only taken out."""

    async def get(self, entry: str) -> str:
        """The secret of an entry; "" if it has none."""

    async def put(self, entry: str, secret: str) -> None:
        """Keep a secret."""

    async def forget(self, entry: str) -> None:
        """Keep it no longer."""


class Credentials:
    """The user's, for one server."""

    def __init__(self, store: LocalStore, host: str, port: int, keyring: Keyring | None) -> None:
        """Ask no keyring yet; there may be none."""
        self._store, self._saved, self._keyring = store, store.saved, keyring
        self._server = f"{host}:{port}"
        self._shown = ""  # the token that was last shown to the server
        self._in_keyring: dict[str, str] = {}  # tokens that the keyring is known to have, by the names' keys
        self._moving: dict[asyncio.Task[None], tuple[str, str]] = {}  # names and tokens on their way
        self._is_in_vain = False  # the keyring has not given a token, and is not asked again by itself
        self._trouble: str | None = None  # why it does not do what is asked of it; "": there is none

    # Who one is.

    def identity(self, nick: str, *, is_same: bool) -> Identity:
        """The user under a name, as far as the file knows. `is_same`: it is the name that they had here last."""
        return Identity(nick, (is_same and self._saved.token) or self._saved.tokens.get(name_key(nick), ""))

    @property
    def has_let_in(self) -> bool:
        """Whether what is kept has let the user in here, under the name that they had last."""
        return bool(self._saved.token) or name_key(self._saved.nick) in self._saved.accounts

    async def token_for(self, identity: Identity) -> str:
        """What is shown to the server: the token that the user has; else one that is new, and on the disk when this returns.

        Where the keyring has it and does not give it, it is one that proves nothing, and is not kept: the server asks for the password then.
        """
        while not identity.token:
            nick = identity.nick
            entry = self._saved.accounts.get(name_key(nick), "")
            token = await self._taken_out(nick, entry) if entry else secrets.token_urlsafe(16)
            if identity.nick != nick:  # the user wants another name meanwhile
                continue
            if not token:
                self._shown, identity.has_account = secrets.token_urlsafe(16), False
                return self._shown
            identity.token = token
            if not entry:  # a token of the server's would be lost with the answer, and the name with it
                self._store.save_token(name_key(nick), token)
        self._shown, identity.has_account = identity.token, name_key(identity.nick) in self._saved.accounts
        return identity.token

    async def _taken_out(self, nick: str, entry: str) -> str:
        """A token that the keyring has; "" if it does not give it, and the user has been told."""
        if self._is_in_vain:
            return ""
        if self._keyring is None:
            self._trouble, self._is_in_vain = MISSING, True
            self._say_trouble(
                say(MISSING), say("It has the token of {nick}: install it, or log in by password.", nick=nick)
            )
            return ""
        waiting = asyncio.get_running_loop().call_later(
            WAIT_SECONDS, self._store.tell, say("Waiting for the system's keyring, which may have to be unlocked.")
        )
        try:
            token = await self._keyring.get(entry)
            self._trouble = None
        except KeyringError as error:
            token, self._trouble = "", str(error) or say("there is none where chat-tui runs now")
        finally:
            waiting.cancel()
        self._is_in_vain = not token
        if token:
            self._in_keyring[name_key(nick)] = token
        elif self._trouble is None:
            self._store.tell(
                say("The system's keyring has no token of {nick} any more. Log in by password, or a code.", nick=nick)
            )
        else:
            todo = say("It has the token of {nick}: connect again when it is open, or log in by password.", nick=nick)
            self._say_trouble(self._trouble, todo)
        return token

    def ask_again(self) -> None:
        """Ask a keyring again that has given nothing: the user has been told, and what follows is their wish."""
        self._is_in_vain = False

    # What the server says.

    def take(self, event: events.LoggedIn | events.Registered | events.Renamed, identity: Identity) -> None:
        """Write down who the user is, before anything is said under that name."""
        match event:
            case events.LoggedIn():
                self._logged_in(event.nick, event.token)
            case events.Registered() if event.token:
                identity.token = event.token
                self._given(event.nick, event.token)
            case events.Renamed(room=""):
                self._renamed(event.old, event.new, identity.token)

    def _logged_in(self, nick: str, token: str) -> None:
        """A token that the server has not been shown is an account's: it has made it."""
        if not token:  # it gives none where others may listen: what was kept is still good elsewhere
            self._note(nick, self._saved.tokens.get(name_key(nick), ""))
        elif token != self._shown:
            self._given(nick, token)
        elif name_key(nick) in self._saved.accounts:
            self._keep(nick, token)
        else:
            self._note(nick, token)

    def _given(self, nick: str, token: str) -> None:
        self._saved.accounts.setdefault(name_key(nick), "")
        self._keep(nick, token)

    def _renamed(self, old: str, new: str, token: str) -> None:
        """The user has another name; an account keeps its token, and its place."""
        accounts, old_key, new_key = self._saved.accounts, name_key(old), name_key(new)
        if old_key not in accounts or old_key == new_key:
            self._logged_in(new, token)
            return
        accounts[new_key] = accounts.pop(old_key)
        self._saved.tokens.pop(old_key, None)
        if old_key in self._in_keyring:
            self._in_keyring[new_key] = self._in_keyring.pop(old_key)
        self._keep(new, token)

    # Where it is kept.

    def place(self) -> str:
        """Where the token of an account is kept, or would be: for "The token is kept in …"."""
        if not self._store.is_kept:
            return say("this program only, until it ends")
        if self._keyring is None or not self._keyring.is_wanted or self._trouble is not None:
            return self._file
        if self._in_keyring:
            return say("the system's keyring")
        return say("the system's keyring if it opens, else in {file}", file=self._file)

    @property
    def _file(self) -> str:
        file, home = f"{self._store.directory}/{MEMORY_FILE}", f"{Path.home()}/"
        file = f"~/{file.removeprefix(home)}" if file.startswith(home) else file
        return say("{file}, which only you can read", file=file)

    async def settle(self) -> None:
        """Give what is on its way to the keyring a moment to get there: a program in a pipe may be shorter than that takes."""
        if self._moving:
            await asyncio.wait([*self._moving], timeout=SETTLE_SECONDS)

    def close(self) -> None:
        """Have in the file what is on its way to the keyring."""
        moving, self._moving = self._moving, {}
        for task, (nick, token) in moving.items():
            task.cancel()
            self._note(nick, token)

    def _keep(self, nick: str, token: str) -> None:
        """Have the token of an account where the settings want it; where that is the keyring, after a while."""
        key, keyring = name_key(nick), self._keyring
        is_there = self._in_keyring.get(key) == token
        if keyring is None or not self._store.is_kept or not (keyring.is_wanted or self._saved.accounts[key]):
            self._note(nick, token)
        elif keyring.is_wanted and is_there:
            self._note(nick, "")
        else:
            if not keyring.is_wanted:
                self._note(nick, token)  # first: it must be somewhere
            task = asyncio.create_task(self._move(keyring, nick, token))
            self._moving[task] = (nick, token)
            task.add_done_callback(lambda done: self._moving.pop(done, None))

    def _note(self, nick: str, token: str) -> None:
        """Write down who the user is, and the token; "" where the keyring has it."""
        if (nick, token) != (self._saved.nick, self._saved.token):
            self._saved.nick, self._saved.token = nick, token
            self._store.save_token(name_key(nick), token)

    async def _move(self, keyring: Keyring, nick: str, token: str) -> None:
        """Put the token into the keyring, or take it out of there, as the settings want it."""
        accounts, key = self._saved.accounts, name_key(nick)
        entry = (
            accounts[key] or f"{nick} at {self._server} ({secrets.token_hex(4)})"
        )  # two profiles may have two tokens
        try:
            await (keyring.put(entry, token) if keyring.is_wanted else keyring.forget(entry))
        except KeyringError as error:
            self._note(nick, token)
            if str(error) and self._trouble is None:
                self._say_trouble(str(error), say("The token of {nick} is kept in {file}.", nick=nick, file=self._file))
            self._trouble = str(error)
            return
        accounts.pop(key, None)
        accounts[key] = entry if keyring.is_wanted else ""
        if keyring.is_wanted:
            self._trouble, self._in_keyring[key] = None, token
        self._note(nick, "" if keyring.is_wanted else token)
        self._store.save()
        for oldest in [*accounts][:-TOKENS_MAX]:
            del accounts[oldest]

    def _say_trouble(self, why: str, what: str) -> None:
        """Tell the user what is wrong with the keyring, and what that means."""
        self._store.tell(sentences(say("The system's keyring cannot be used: {why}.", why=why), what))
