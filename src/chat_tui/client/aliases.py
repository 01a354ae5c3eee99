"""The user's own words for what they often type, as the server keeps them: put in here, for a program sends what is meant. Never knows the screen."""

from collections.abc import Callable, Collection

from chat_server.protocol.alias_events import AliasesShown, AliasRemoved, AliasSet
from chat_server.protocol.aliases import expanded_line
from chat_server.protocol.events import Event


class Aliases:
    """Those of one user of one server."""

    def __init__(self) -> None:
        self.words: dict[str, str] = {}
        """What each stands for, by its key."""
        self.are_known = True
        """Whether the server has said which there are since it was asked, or has none."""

    def ask(self, request: Callable[..., bool], commands: Collection[str]) -> None:
        """Ask for them, on another connection."""
        self.are_known = not ("alias" in commands and request("alias", on_answer=self._answered))
        if self.are_known:
            self.words = {}

    def _answered(self, event: Event) -> bool:
        self.words, self.are_known = dict(event.aliases) if isinstance(event, AliasesShown) else {}, True
        return True

    def take(self, event: Event) -> None:
        """See whether one has changed, by whichever program of the user's."""
        match event:
            case AliasSet():
                self.words[event.name] = event.stands_for
            case AliasRemoved():
                self.words.pop(event.name, None)

    def line(self, text: str, commands: Collection[str]) -> str:
        """The line as it is meant."""
        return expanded_line(text, self.words, lambda word: word.casefold() in commands)
