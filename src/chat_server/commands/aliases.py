"""The command by which one has words of one's own for what one often types. What becomes of such a word is in general.py.

Never knows how they are kept, nor how an answer is shown.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from msgspec import Meta

from chat_server.commands.access import access
from chat_server.commands.handler import CommandHandler
from chat_server.commands.own_words import OwnWords, choose_words
from chat_server.protocol.alias_events import AliasesShown, AliasRemoved, AliasSet
from chat_server.protocol.aliases import ALIASES_MAX, KIND, REST, RESTS_MAX, TEXT_MAX
from chat_server.protocol.events import Refused
from chat_server.protocol.requests import Request
from chat_server.protocol.typed import shortened
from chat_server.rooms.room import MaybeAwaitable, Occupant, Room


class ChooseAlias(Request, frozen=True, gc=False, tag="alias"):
    """Have a word of one's own stand for a text, or ask which there are."""

    group: ClassVar[str] = "terminal"
    name: Annotated[str, Meta(description="the word, without its slash")] = ""
    text: Annotated[
        str,
        Meta(
            description="what it stands for; $* in it is what is typed after the word; -: it is removed",
            extra={"rest": True},
        ),
    ] = ""


class NoSuchAlias(Refused, frozen=True):
    """There is no such word."""

    code: str = "no-such-alias"
    sentence: ClassVar[str] = "You have no alias /{name}. /alias lists those that you have, /alias NAME TEXT makes one."


class AliasIsCommand(Refused, frozen=True):
    """A command is called so."""

    code: str = "alias-is-command"
    sentence: ClassVar[str] = "/{name} is a command. Choose another word."


class AliasUseless(Refused, frozen=True):
    """It would be too long, or say nothing."""

    code: str = "alias-text"
    sentence: ClassVar[str] = (
        "An alias stands for at most {limit} characters, with {rest} in them at most {rests} times, and something else."
    )


class TooManyAliases(Refused, frozen=True):
    """Nobody has more."""

    code: str = "too-many-aliases"
    sentence: ClassVar[str] = "You can have {limit} aliases. /alias lists them, /alias NAME - removes one."


ALIASES = OwnWords(KIND, AliasesShown, AliasSet, AliasRemoved, NoSuchAlias)


class AliasCommands(CommandHandler):
    """To have words of one's own."""

    @access(bots=False)
    def do_alias(self, place: Room, session: Occupant, request: ChooseAlias) -> MaybeAwaitable:
        """Have /NAME stand for a text that you often type.

        /alias hi /me waves at $* lets /hi ann mean /me waves at ann. Without $*, what is typed after it comes at the end.
        Without a text: show what it stands for. Without a name: list all. /alias NAME - removes it.
        They are kept with your account, or until you leave.
        """
        word = request.name.removeprefix("/")
        return choose_words(place, session, ALIASES, word, request.text, check=self._refusal)

    def _refusal(self, kept: Mapping[str, str], name: str, text: str) -> Refused | None:
        if self.table.vocabulary.is_command(name):
            return AliasIsCommand(details={"name": shortened(name)})
        if len(text) > TEXT_MAX or text.count(REST) > RESTS_MAX or not text.replace(REST, "").strip(" /"):
            return AliasUseless(details={"limit": str(TEXT_MAX), "rest": REST, "rests": str(RESTS_MAX)})
        if name not in kept and len(kept) >= ALIASES_MAX:
            return TooManyAliases(details={"limit": str(ALIASES_MAX)})
        return None
