"""Accounts line by line: the commands for which a password is asked for, unseen or from a file that was named, and the login that wants one.

Knows what is asked of the server, and in which words of the user. Never knows how a secret is typed, and keeps none of those that were.
"""

from collections.abc import Callable
from functools import partial

from chat_server.protocol.events import Event, Refused, Registered
from chat_server.protocol.names import BadName, name_key, parse_name
from chat_tui.client import accounts
from chat_tui.client.accounts import Proof
from chat_tui.client.askers import Answer
from chat_tui.client.client import Client
from chat_tui.client.command_line import Asked
from chat_tui.client.early_typing import thrown_away
from chat_tui.client.plain_secrets import SecretQuestions
from chat_tui.client.plain_telling import TOKEN_KEPT
from chat_tui.language import message, say, sentences

UNSEEN = message("It is not shown as you type; an empty line asks nothing.")
NEEDS_TERMINAL = message(
    "A password is asked for at a terminal only, where it is not shown. Elsewhere --password-file FILE names a file that has"
    " it in its first line; /dev/fd/3 is one that the shell has opened."
)
NOT_ASKED = message("Nothing was asked.")

Begin = Callable[[list[str]], str]
"""Asks the server, with these secrets; returns why it did not, in a sentence."""


class PlainAccounts:
    """What is typed about accounts, and what is asked for to log in."""

    def __init__(
        self,
        client: Client,
        secrets: SecretQuestions,
        write: Callable[[str], None],
        warn: Callable[[str], None],
        *,
        password: str,
        on_leave: Callable[[], None],
        on_refused: Callable[[], None],
    ) -> None:
        """Ask nothing yet.

        Args:
            client: who is asked.
            secrets: asks for what nobody may see.
            write: writes answers.
            warn: writes what is wrong.
            password: the one that was named by a file; "" if none was.
            on_leave: called when the account is to end, and this program with it.
            on_refused: called when the user cannot be let in.

        """
        self._client, self._secrets, self._write, self._warn = client, secrets, write, warn
        self._password, self._is_shown = password, False
        self._on_leave, self._on_refused = on_leave, on_refused
        self._before = ""  # who the user was before they wanted to be somebody else
        self._is_new = False  # whether what is asked for now is to make an account
        self._registers_by: tuple[str, ...] = ()  # the question for the code with which that is done, if it takes one

    # What is typed.

    @property
    def may_be_typed(self) -> bool:
        """Whether a password may come with what is typed, or piped in: not if a file has it, and nobody sits there."""
        return self._secrets.can_ask or not self._password

    @staticmethod
    def takes(asked: Asked) -> bool:
        """Whether a request needs more than what was typed."""
        fields = asked.fields
        return (
            asked.do in ("register", "password", "login")
            or (asked.do == "account" and bool(fields.get("ending")))
            or (asked.do == "code" and fields.get("purpose") == "recovery")
        )

    def begin(self, asked: Asked, on_answer: Answer, on_none: Callable[[str], None]) -> None:
        """Ask for what it needs, then the server; `on_none` is called with why nothing was asked, if nothing was."""
        fields, connection, nick = asked.fields, self._client.connection, self._client.state.nick
        match asked.do:
            case "login":
                self._begin_login(str(fields["nick"]), str(fields.get("code", "")), on_none)
            case "register" if not _is_same(str(fields.get("nick", nick)), nick):
                on_none(
                    say(
                        "Your name here is {nick}, and /register keeps that one for you. For another, take it first: /nick NAME.",
                        nick=nick,
                    )
                )
            case "register":
                invite = str(fields.get("invite", ""))
                wanted: tuple[str, ...] = _new_password(nick)
                answered = partial(self._registered, on_answer)
                self._ask(wanted, lambda typed: accounts.register(connection, typed[0], invite, answered), on_none)
            case "password":
                wanted = (
                    sentences(say("The password that you have."), say(UNSEEN)),
                    say("The new one, twice:"),
                    say("Once more:"),
                )
                self._ask(
                    wanted, lambda typed: accounts.change_password(connection, typed[0], typed[1], on_answer), on_none
                )
            case "code":
                self._ask(
                    (_own_password(nick),),
                    lambda typed: accounts.make_recovery(connection, typed[0], on_answer),
                    on_none,
                )
            case _:
                ending = str(fields["ending"])
                answered = partial(self._ends, on_answer)
                self._ask(
                    (_own_password(nick),),
                    lambda typed: accounts.end_account(connection, ending, typed[0], answered),
                    on_none,
                )

    def _ask(self, wanted: tuple[str, ...], begin: Begin, on_none: Callable[[str], None]) -> None:
        """Have secrets typed, the last two the same if there are several; then ask the server."""
        if why := accounts.why_no_secrets(self._client.connection.line):
            on_none(why)
        elif self._secrets.can_ask:
            self._throw_away_early()
            self._secrets.ask(wanted, partial(self._typed, len(wanted), begin, on_none))
        elif not self._password or len(wanted) > 2:  # noqa: PLR2004 - one file has one password, and not the old one and the new
            on_none(say(NEEDS_TERMINAL))
        elif why := begin([self._password]):
            on_none(why)

    def _throw_away_early(self) -> None:
        """Forget what was typed before anything was asked: it may be the answer, and would be said after it."""
        if lines := self._secrets.throw_away():
            self._warn(thrown_away(lines))

    @staticmethod
    def _typed(count: int, begin: Begin, on_none: Callable[[str], None], typed: list[str]) -> None:
        if not typed:
            on_none(say(NOT_ASKED))
        elif count > 1 and typed[-1] != typed[-2]:
            on_none(say("That was not the same twice. Begin again."))
        elif why := begin(typed):
            on_none(why)

    def _registered(self, on_answer: Answer, event: Event) -> bool:
        is_told = on_answer(event)
        if isinstance(event, Registered):
            self._write(say(TOKEN_KEPT, place=self._client.credentials.place()))
        return is_told

    def _ends(self, on_answer: Answer, event: Event) -> bool:
        is_told = on_answer(event)
        if not isinstance(event, Refused):
            self._on_leave()
        return is_told

    # To be let in.

    def _begin_login(self, nick: str, code: str, on_none: Callable[[str], None]) -> None:
        """Be somebody else, on a new connection."""
        client = self._client
        if _is_same(nick, client.state.nick):
            on_none(say("You are {nick} already.", nick=client.state.nick))
            return
        try:
            nick = parse_name(nick)
        except BadName:
            on_none(say("{name}: a name has 1 to 32 letters, digits, - and _.", name=nick))
            return
        before = client.state.nick

        def go(typed: list[str]) -> str:
            self._before, self._is_new = before, False
            client.call_oneself(nick)
            on_none("")
            client.connection.prove(Proof(code=code) if code else Proof(password=typed[0]))
            client.connection.hang_up()
            return ""

        if code:
            go([])
        else:
            self._ask((_own_password(nick),), go, on_none)

    def let_in(self) -> None:
        """The user is who they want to be."""
        self._before, self._is_new = "", False

    def prove(self, why: str, code: str) -> bool:
        """Ask for what lets the user in, whom the server has refused with this code; return False if nobody can be asked."""
        connection = self._client.connection
        nick = connection.identity.nick
        if code in accounts.NEEDS_ACCOUNT or code == "name-registered":
            self._registers_by = (say("The code that you were told:"),) if code in accounts.BY_CODE else ()
            self._is_new = code != "name-registered"
        if self._secrets.can_ask:
            self._warn(why)
            if self._client.early_typing.may_be_secret:
                self._throw_away_early()
            if self._is_new:
                twice = _new_password(nick)
                self._secrets.ask((*self._registers_by, *twice), self._new_typed)
                return True
            wanted = say(
                "The password of {nick}, which is not shown; or /login {nick} CODE; or an empty line to leave it.",
                nick=nick,
            )
            self._secrets.ask((wanted,), self._proof_typed)
            return True
        if self._password and not self._is_shown and not self._is_new:
            self._is_shown = True
            connection.prove(Proof(password=self._password))
            return True
        return False

    def _new_typed(self, typed: list[str]) -> None:
        """Have an account made, before one is let in: by what was typed, a code first if one is needed."""
        if not typed:
            self._proof_typed([])
            return
        *invite, password, again = typed
        if password == again:
            self._client.connection.prove(Proof(password=password, invite="".join(invite), is_new=True))
        else:
            self.prove(say("That was not the same twice. Begin again."), "passwords-differ")

    def _proof_typed(self, typed: list[str]) -> None:
        client = self._client
        words = typed[0].split() if typed else []
        if words and words[0].casefold() == "/login" and len(words) == 3:  # noqa: PLR2004 - /login NICK CODE
            client.connection.prove(Proof(code=words[2]))
        elif typed:
            client.connection.prove(Proof(password=typed[0]))
        elif self._before:
            client.call_oneself(self._before)
            self._before = ""
            client.connection.try_now()
        else:
            self._on_refused()


def _is_same(nick: str, other: str) -> bool:
    return name_key(nick) == name_key(other)


def _new_password(nick: str) -> tuple[str, str]:
    """What is asked where somebody chooses a password."""
    return sentences(say("A password for {nick}, twice.", nick=nick), say(UNSEEN)), say("Once more:")


def _own_password(nick: str) -> str:
    """What is asked where somebody has one."""
    return sentences(say("The password of {nick}.", nick=nick), say(UNSEEN))
