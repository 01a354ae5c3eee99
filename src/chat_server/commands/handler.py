"""How a request finds the method that carries it out.

A place (the hall, a room) declares what can be done in it by methods named `do_*`, each of which takes one type of request. Help comes from their
docstrings, the usage line from the request's fields. Never knows by which door a request came, nor what it does.
"""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, NamedTuple

from chat_server.protocol.incoming import Unreadable
from chat_server.protocol.requests import Request

Pause = Awaitable[None] | None
"""What a command returns: None when it is done, or what the session must await before its next request."""


class Command(NamedTuple):
    """One command of a place. `run` is called with the place, the session and the request."""

    run: Callable[[Any, Any, Any], Pause]
    explanation: str

    @property
    def summary(self) -> str:
        """The explanation's first sentence, on one line, without a full stop."""
        return self.explanation.partition("\n")[0].removesuffix(".")


class CommandHandler:
    """Carries out requests by the `do_*` method for their type."""

    commands: ClassVar[dict[type[Request | Unreadable], Command]] = {}

    def __init_subclass__(cls) -> None:
        """Build the table of commands, once for each class."""
        super().__init_subclass__()
        methods = [getattr(cls, name) for name in dir(cls) if name.startswith("do_")]
        cls.commands = {
            method.__annotations__["request"]: Command(method, inspect.getdoc(method) or "") for method in methods
        }
