"""The commands by which one keeps texts of one's own, and puts one into the line that one is writing.

Never knows how they are kept, nor how a line is edited.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from msgspec import Meta

from chat_server.commands.access import access
from chat_server.commands.handler import CommandHandler
from chat_server.commands.own_words import OwnWords, choose_words, key_of
from chat_server.protocol.aliases import REST, RESTS_MAX
from chat_server.protocol.events import Refused
from chat_server.protocol.requests import Request
from chat_server.protocol.snippets import (
    CURSOR,
    KIND,
    SNIPPETS_MAX,
    TEXT_MAX,
    SnippetRemoved,
    SnippetSet,
    SnippetsShown,
    SnippetUsed,
    filled,
    snippets_of,
)
from chat_server.protocol.typed import shortened
from chat_server.rooms.room import MaybeAwaitable, Occupant, Room

SnippetName = Annotated[str, Meta(description="what the snippet is called")]


class ChooseSnippet(Request, frozen=True, gc=False, tag="snippet"):
    """Keep a text of one's own under a name, or ask which there are."""

    group: ClassVar[str] = "terminal"
    name: SnippetName = ""
    text: Annotated[
        str,
        Meta(
            description="its text, of several lines if a program sends it; $* in it is what is typed after the name, $| where the cursor"
            " stands; -: it is removed",
            extra={"rest": True, "lines": True},
        ),
    ] = ""


class UseSnippet(Request, frozen=True, gc=False, tag="use"):
    """Put a text of one's own into the line that one is writing."""

    group: ClassVar[str] = "terminal"
    name: SnippetName
    words: Annotated[str, Meta(description="what stands in it for $*", extra={"rest": True})] = ""


class NoSuchSnippet(Refused, frozen=True):
    """There is no such text."""

    code: str = "no-such-snippet"
    sentence: ClassVar[str] = (
        "You have no snippet {name}. /snippet lists those that you have, /snippet NAME TEXT keeps one."
    )


class SnippetUseless(Refused, frozen=True):
    """It would be too long, or say nothing."""

    code: str = "snippet-text"
    sentence: ClassVar[str] = (
        "A snippet has at most {limit} characters, with {rest} in them at most {rests} times, {cursor} once, and something else."
    )


class TooManySnippets(Refused, frozen=True):
    """Nobody has more."""

    code: str = "too-many-snippets"
    sentence: ClassVar[str] = "You can have {limit} snippets. /snippet lists them, /snippet NAME - removes one."


SNIPPETS = OwnWords(KIND, SnippetsShown, SnippetSet, SnippetRemoved, NoSuchSnippet)


class SnippetCommands(CommandHandler):
    """To have texts of one's own."""

    @access(bots=False)
    def do_snippet(self, place: Room, session: Occupant, request: ChooseSnippet) -> MaybeAwaitable:
        """Keep a text that you often write, for /use.

        /snippet thanks Thank you, $*! $| lets /use thanks ann begin a line with Thank you, ann! and the cursor after that.
        Without a text: show it. Without a name: list all. /snippet NAME - removes it.
        They are kept with your account, or until you leave.
        """
        return choose_words(place, session, SNIPPETS, request.name, request.text, check=_refusal)

    @access(bots=False)
    def do_use(self, place: Room, session: Occupant, request: UseSnippet) -> MaybeAwaitable:
        """Put a snippet into your line, to change it and send it.

        Where your line is not edited here (/mode edit), it is shown.
        """
        name = key_of(request.name)
        text = None if isinstance(name, Refused) else snippets_of(session.person.choices).get(name)
        if text is None:
            session.send(NoSuchSnippet(details={"name": shortened(request.name)}))
        else:
            session.send(SnippetUsed(str(name), *filled(text, request.words.strip())))
        return None


def _refusal(kept: Mapping[str, str], name: str, text: str) -> Refused | None:
    is_useless = len(text) > TEXT_MAX or text.count(REST) > RESTS_MAX or text.count(CURSOR) > 1
    if is_useless or not text.replace(REST, "").replace(CURSOR, "").strip():
        limits = {"limit": str(TEXT_MAX), "rest": REST, "rests": str(RESTS_MAX), "cursor": CURSOR}
        return SnippetUseless(details=limits)
    if name not in kept and len(kept) >= SNIPPETS_MAX:
        return TooManySnippets(details={"limit": str(SNIPPETS_MAX)})
    return None
