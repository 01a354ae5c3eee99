"""How a request finds the method that carries it out, if whoever asks may ask for it.

A group of commands is a CommandHandler with methods named `do_*`, each of which takes one type of request and declares who may ask for it
(`access`). Help comes from their docstrings, the usage line from the request's fields. Never knows by which door a request came, nor what it does.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterator
from functools import cache, wraps
from typing import Any

from chat_server.commands.access import DEFAULT, EVERYWHERE, ROLES, Access, is_for, is_open_to, refused
from chat_server.protocol.events import Refused
from chat_server.protocol.incoming import Unreadable
from chat_server.protocol.requests import REQUESTS, Request, Say
from chat_server.protocol.runs import SayRun
from chat_server.protocol.syntax import Vocabulary, may_ask_secret, word_of
from chat_server.rooms.room import MaybeAwaitable, Occupant, Room

Asked = type[Request | Unreadable]
Run = Callable[[Any, Any, Any], MaybeAwaitable]


class EndSession(Exception):
    """Raised by a command to end the session that gave it."""


class Command:
    """One command. `run` is called with the place, the session and the request."""

    __slots__ = ("access", "is_for_some", "is_narrow", "run")

    def __init__(self, run: Run, access: Access = DEFAULT) -> None:
        self.run = run
        self.access = access
        # Here too, for every line that is said looks at it, and whoever comes.
        self.is_narrow, self.is_for_some = access.is_narrow, access.is_for_some

    @property
    def explanation(self) -> str:
        """What `/help` says of it."""
        return _explanation_of(self.run)

    @property
    def summary(self) -> str:
        """The explanation's first sentence, on one line, without a full stop."""
        return self.explanation.partition("\n")[0].removesuffix(".")


@cache
def _explanation_of(run: Callable[..., object]) -> str:
    """Its docstring, read when somebody asks first: for all commands it takes 1 ms."""
    return inspect.getdoc(run) or ""


def _withholding(run: Run) -> Run:
    """The command; where it asks for no secret though it might have, what comes right behind it may be one.

    A stranger can say nothing yet, and one who has just been let in was asked for nothing more.
    """

    @wraps(run)
    def run_withholding(place: Room, session: Occupant, request: Request) -> MaybeAwaitable:
        if not (session.nick and session.has_terminal and request.asks_secret):
            return run(place, session, request)
        pause = run(place, session, request)
        if pause is not None:
            return _withhold_after(pause, session)
        session.withhold_next()
        return None

    return run_withholding


async def _withhold_after(pause: Awaitable[None], session: Occupant) -> None:
    await pause
    session.withhold_next()


class CommandHandler:
    """A group of commands: methods `do_*(self, place, session, request)`."""

    table: "CommandTable"
    """All commands, those of the other groups too; set when the groups are put together."""

    def commands(self) -> Iterator[tuple[Asked, Command]]:
        """Each with the type of request that it carries out."""
        for name in dir(self):
            if name.startswith("do_"):
                run = getattr(self, name)
                request = inspect.get_annotations(run)["request"]
                access = getattr(run, "access", DEFAULT)
                yield request, Command(_withholding(run) if may_ask_secret(request) else run, access)


class CommandTable:
    """Groups of commands, put together: for each kind of place the commands that are there, and for each role those that it may ask for."""

    def __init__(self, *handlers: CommandHandler) -> None:
        """Put these together. Raises ValueError if two of their commands are for the same request in the same place."""
        self.of: dict[str, dict[Asked, Command]] = {kind: {} for kind in EVERYWHERE}
        """The commands of each kind of place, whoever may ask for them."""
        for handler in handlers:
            handler.table = self
            for request, command in handler.commands():
                self._add(request, command)
        own = {request: None for commands in self.of.values() for request in commands if request not in REQUESTS}
        self.own = tuple(request for request in own if issubclass(request, Request))
        """The requests that are declared beside their commands: chat-tui knows of them what it is told."""
        self.vocabulary = Vocabulary((*REQUESTS, *self.own))
        """All that can be asked for."""
        self.open_to: dict[str, dict[str, dict[Asked, Command]]] = {
            role: {
                kind: {request: command for request, command in commands.items() if is_open_to(command.access, role)}
                for kind, commands in self.of.items()
            }
            for role in ROLES
        }
        """For each role, and each kind of place, the commands that somebody in this role may ask for there."""

    def _add(self, request: Asked, command: Command) -> None:
        for kind in command.access.where:
            if request in self.of[kind]:
                raise ValueError(f"two commands for {request.__name__} in a {kind}")
            self.of[kind][request] = command

    def dispatch(self, place: Room, session: Occupant, request: Request | SayRun | Unreadable) -> MaybeAwaitable:
        """Carry out a request, or refuse it. Raises EndSession if it ends the session."""
        if type(request) is SayRun:
            return self._dispatch_run(place, session, request)
        command = self.open_to[session.person.role][place.kind].get(type(request))
        if command is None or (command.is_narrow and not _can_be_done(command, place, session)):
            session.send(self.refused(place, session, type(request)))
            if self.vocabulary.would_ask_secret(request):
                session.withhold_next()
            return None
        return command.run(place, session, request)

    def _dispatch_run(self, place: Room, session: Occupant, run: SayRun) -> MaybeAwaitable:
        """Carry out all requests of a run, or refuse them: at once where who asks may say something, and the place takes it so."""
        command = self.open_to[session.person.role][place.kind].get(Say)
        if command is None or not place.takes_run_of(session):
            return self._dispatch_rest(place, session, iter(run))
        return command.run(place, session, run)

    def _dispatch_rest(self, place: Room, session: Occupant, rest: Iterator[Say]) -> MaybeAwaitable:
        for request in rest:
            pause = self.dispatch(place, session, request)
            if pause is not None:
                return self._dispatch_after(pause, place, session, rest)
        return None

    async def _dispatch_after(
        self, pause: Awaitable[None], place: Room, session: Occupant, rest: Iterator[Say]
    ) -> None:
        await pause
        following = self._dispatch_rest(place, session, rest)
        if following is not None:
            await following

    def works_for(self, place: Room, session: Occupant, request: Asked) -> bool:
        """Whether this session may ask for this here."""
        command = self.open_to[session.person.role][place.kind].get(request)
        return command is not None and is_for(command.access, session, place)

    def works_here(self, place: Room, session: Occupant) -> dict[Asked, Command]:
        """All that this session may ask for here."""
        commands = self.open_to[session.person.role][place.kind]
        return {request: command for request, command in commands.items() if is_for(command.access, session, place)}

    def words_here(self, place: Room, session: Occupant) -> dict[str, type[Request]]:
        """What this session may type here, by every word for it."""
        here = self.works_here(place, session)
        return {word: request for word, request in self.vocabulary.words.items() if request in here}

    def commands_for(self, request: Asked) -> dict[str, Command]:
        """What carries the request out, by kind of place."""
        return {kind: commands[request] for kind, commands in self.of.items() if request in commands}

    def refused(self, place: Room, session: Occupant, request: Asked) -> Refused:
        """Why a session may not ask for something here, or why it cannot be done now."""
        if self.works_for(place, session, request):
            return Refused("engine-away")
        commands = self.commands_for(request)
        command = commands.get(place.kind) or next(iter(commands.values()))
        return refused(command.access, session, place, word_of(request))


def _can_be_done(command: Command, place: Room, session: Occupant) -> bool:
    """Whether it is for whoever asks, and need not wait for an engine that is away."""
    if command.is_for_some and not is_for(command.access, session, place):
        return False
    return not (command.access.asks_engine and place.directory.is_engine_away)
