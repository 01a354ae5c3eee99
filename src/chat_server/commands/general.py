"""What works everywhere and for everybody: help, farewell, and answers to what is no command."""

from functools import cached_property
from itertools import islice

from chat_server.commands.access import ANYBODY, access
from chat_server.commands.handler import CommandHandler, EndSession
from chat_server.protocol.aliases import EXPANDED_MAX, aliases_of, expanded
from chat_server.protocol.events import CommandExplained, HelpListed, Refused
from chat_server.protocol.incoming import Dialogue, Invalid, UnknownCommand
from chat_server.protocol.names import name_key
from chat_server.protocol.requests import GROUPS, Help, Join, Logout, Request
from chat_server.protocol.syntax import usage_of, word_of, wrong_usage
from chat_server.protocol.typed import folded_word, unexpected, unknown_command
from chat_server.rooms.known_rooms import formerly_known, known_room, known_rooms
from chat_server.rooms.room import ROOMS_NAMED_MAX, MaybeAwaitable, Occupant, Room


class GeneralCommands(CommandHandler):
    """Help, farewell, and what is no command."""

    @access(role=ANYBODY)
    def do_help(self, place: Room, session: Occupant, request: Help) -> MaybeAwaitable:
        """List what can be done here.

        With a command's name, explain that command; with that of a group, such as moderating, list its commands.
        /help rooms is about the group, /help /rooms about the command.
        """
        if not request.command:
            session.send(self._help(place, session))
            return None
        if (group := self._group(place, session, request.command.casefold())) is not None:
            session.send(group)
            return None
        word = request.command.removeprefix("/")
        asked = self.table.vocabulary.words.get(word.casefold())
        command = self.table.of[place.kind].get(asked) if asked else None
        if asked and command:
            session.send(CommandExplained(usage_of(asked), command.explanation, asked.aliases))
        elif asked:
            session.send(self.table.refused(place, session, asked))
        elif room := known_room(place, session, word):
            session.send(CommandExplained(f"/{room.name}", f"Enter the room {room.name}.", (), room.name))
        else:
            self._refuse_word(place, session, word)
        return None

    @access(role=ANYBODY)
    def do_logout(self, place: Room, session: Occupant, request: Logout) -> MaybeAwaitable:
        """Leave the server."""
        raise EndSession

    @access(role=ANYBODY)
    def do_unknown(self, place: Room, session: Occupant, request: UnknownCommand) -> MaybeAwaitable:
        """Do what a word of one's own stands for; enter the room with this name; or say that there is no such command."""
        text = aliases_of(session.person.choices).get(name_key(request.word))
        if text is None:
            return self._enter(place, session, request)
        line = expanded(text, request.arguments)
        if len(line.encode()) > EXPANDED_MAX:
            return self.do_refuse(place, session, Invalid("line-too-long", {"limit": str(EXPANDED_MAX)}))
        asked = self.table.vocabulary.parse_text(line)
        if isinstance(asked, Dialogue):  # what stands below is no part of it, and for nobody
            asked = self.table.vocabulary.parse_text(asked.lines[0])
        if isinstance(asked, UnknownCommand):
            return self._enter(place, session, asked)  # what a word stands for is not looked at again
        return self.table.dispatch(place, session, asked) if asked is not None else None

    def _enter(self, place: Room, session: Occupant, request: UnknownCommand) -> MaybeAwaitable:
        """Enter the room with this name; or say that there is no such command."""
        room = known_room(place, session, request.word)
        former = formerly_known(place, session, request.word) if room is None else None
        if room is None and former is not None and not request.arguments:
            return self.table.dispatch(place, session, Join(request.word))  # which tells the new name
        if room is None:
            self._refuse_word(place, session, request.word)
            if self.table.vocabulary.would_ask_secret(request):
                session.withhold_next()
            return None
        if request.arguments:
            return self.do_refuse(place, session, wrong_usage(f"/{room.name}", unexpected(request.arguments)))
        return self.table.dispatch(place, session, Join(room.name))

    @access(role=ANYBODY)
    def do_refuse(self, place: Room, session: Occupant, request: Invalid) -> MaybeAwaitable:
        """Answer with what is wrong."""
        session.send(Refused(request.code, request.details))
        if self.table.vocabulary.would_ask_secret(request):
            session.withhold_next()
        return None

    @cached_property
    def _typed(self) -> list[type[Request]]:
        """What people type, by what it is about."""
        typed = filter(lambda request: request.is_typed, self.table.vocabulary.requests)
        return sorted(typed, key=lambda request: GROUPS.index(request.group))

    def _help(self, place: Room, session: Occupant, only: str = "") -> HelpListed:
        """What works here, or what of that is in one group."""
        here = self.table.works_here(place, session)
        available = [request for request in self._typed if request in here and only in {"", request.group}]
        if only:
            available.sort(key=word_of)  # one looks for a word
        return HelpListed(
            tuple((usage_of(request), here[request].summary) for request in available),
            tuple(self._rooms_as_commands(place, session) if Join in here and not only else []),
            tuple(request.group for request in available),
            only,
        )

    def _group(self, place: Room, session: Occupant, group: str) -> HelpListed | Refused | None:
        """What of a group works here; else why nothing does. None if there is no such group."""
        if (first := next((request for request in self._typed if request.group == group), None)) is None:
            return None
        listed = self._help(place, session, group)
        return listed if listed.commands else self.table.refused(place, session, first)

    def _refuse_word(self, place: Room, session: Occupant, word: str) -> None:
        """Say that there is no such command, and which one may have been meant."""
        own = aliases_of(session.person.choices).keys() - {name_key(word)}  # what one stands for is not looked at again
        words = [*self.table.words_here(place, session), *own]
        if self.table.works_for(place, session, Join):
            words += self._rooms_as_commands(place, session)
        if (written := folded_word(word)) in self.table.vocabulary.words:
            words.append(written)  # in wide letters: one that does not work here says why
        misuse = unknown_command(word, words)
        session.send(Refused(misuse.code, misuse.details))

    def _rooms_as_commands(self, place: Room, session: Occupant) -> list[str]:
        """The rooms that are entered by their name alone, as far as /help names them; one that is called as a command is, is not."""
        is_command = self.table.vocabulary.is_command
        entered = (room.name for room in known_rooms(place, session) if not is_command(room.name))
        return list(islice(entered, ROOMS_NAMED_MAX))
