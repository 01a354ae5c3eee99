"""The names of the user's snippets, as the server keeps them, for Tab. Never knows the screen."""

from collections.abc import Callable, Collection

from chat_server.protocol.events import Event
from chat_server.protocol.snippets import SnippetRemoved, SnippetSet, SnippetsShown


class Snippets:
    """Those of one user of one server."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def ask(self, request: Callable[..., bool], commands: Collection[str]) -> None:
        """Ask for them, on another connection."""
        self.names = set()
        if "snippet" in commands:
            request("snippet", on_answer=self._answered)

    def _answered(self, event: Event) -> bool:
        self.names = {name for name, _ in event.snippets} if isinstance(event, SnippetsShown) else set()
        return True

    def take(self, event: Event) -> None:
        """See whether one has changed, by whichever program of the user's."""
        match event:
            case SnippetSet():
                self.names.add(event.name)
            case SnippetRemoved():
                self.names.discard(event.name)
