"""The user's own words and texts, as the server keeps them: words are put in here, for a program sends what is meant; of texts Tab knows the names.

Never knows the screen.
"""

from collections.abc import Callable, Collection

from chat_server.protocol.alias_events import AliasesShown, AliasRemoved, AliasSet
from chat_server.protocol.aliases import expanded_line
from chat_server.protocol.events import Event
from chat_server.protocol.snippets import SnippetRemoved, SnippetSet, SnippetsShown


class Aliases:
    """Those of one user of one server."""

    def __init__(self) -> None:
        self.words: dict[str, str] = {}
        """What each stands for, by its key."""
        self.snippets: set[str] = set()
        """The names of their texts."""
        self.are_known = True
        """Whether the server has said which words there are since it was asked, or has none."""

    def ask(self, request: Callable[..., bool], commands: Collection[str]) -> None:
        """Ask for them, on another connection."""
        self.are_known = not ("alias" in commands and request("alias", on_answer=self._answered))
        if self.are_known:
            self.words = {}
        if not ("snippet" in commands and request("snippet", on_answer=self._named)):
            self.snippets = set()

    def _answered(self, event: Event) -> bool:
        self.words, self.are_known = dict(event.aliases) if isinstance(event, AliasesShown) else {}, True
        return True

    def _named(self, event: Event) -> bool:
        self.snippets = {name for name, _ in event.snippets} if isinstance(event, SnippetsShown) else set()
        return True

    def take(self, event: Event) -> None:
        """See whether one has changed, by whichever program of the user's."""
        match event:
            case AliasSet():
                self.words[event.name] = event.stands_for
            case AliasRemoved():
                self.words.pop(event.name, None)
            case SnippetSet():
                self.snippets.add(event.name)
            case SnippetRemoved():
                self.snippets.discard(event.name)

    def line(self, text: str, commands: Collection[str]) -> str:
        """The line as it is meant."""
        return expanded_line(text, self.words, lambda word: word.casefold() in commands)
