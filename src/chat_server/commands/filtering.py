"""The words of a room, and the bots that filter it: what has lines wait for a moderator, or refused. Never knows what becomes of a line."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from chat_server.commands.access import access
from chat_server.commands.acting import REASON_MAX, Nick, NoSuchPerson, act_in
from chat_server.commands.handler import CommandHandler
from chat_server.commands.letting_in import readable
from chat_server.protocol.events import Answered, Refused
from chat_server.protocol.filtering import FilterSet, WordSet
from chat_server.protocol.names import name_key
from chat_server.protocol.requests import Id, Request, RestOfLine
from chat_server.protocol.sanitize import sanitize_to_line
from chat_server.protocol.typed import shortened
from chat_server.rooms.batch import Acting
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.line_rules import WORD_MAX, WORD_MIN, is_word
from chat_server.rooms.room import ROOM, MaybeAwaitable, Occupant


class Words(Request, frozen=True, gc=False):
    """Ask for the room's list of words, or change it."""

    group: ClassVar[str] = "moderating"
    action: Annotated[Literal["", "add", "remove"], Meta(description="what to do with a word")] = ""
    word: Annotated[str, Meta(description="one word, as it is read")] = ""
    rule: Annotated[Literal["hold", "refuse"], Meta(description="what becomes of lines with it")] = "hold"


class Filter(Request, frozen=True, gc=False):
    """Ask whose bots filter what is said in the room, or let them."""

    group: ClassVar[str] = "moderating"
    nick: Nick = ""
    on: Annotated[Literal["", "on", "off"], Meta(description="whether they do")] = ""


class FilterAnswer(Request, frozen=True, gc=False, tag="filter-answer"):
    """Say what becomes of a line that a bot was asked of."""

    is_typed: ClassVar[bool] = False
    id: Id
    verdict: Literal["pass", "hold", "refuse"]
    why: Annotated[RestOfLine, Meta(description="why it is refused; its author is shown that")] = ""


class WordsListed(Answered, frozen=True, tag="words"):
    """The words of a room's list, each with what becomes of lines that have it."""

    sentence: ClassVar[str] = "Words of {room}: {listed}."

    room: str
    listed: str
    words: dict[str, str]


class NoWordsListed(Answered, frozen=True, tag="no-words-listed"):
    """A room has no list of words."""

    sentence: ClassVar[str] = "{room} has no list of words. /words add WORD makes one."

    room: str


class FiltersListed(Answered, frozen=True, tag="filters"):
    """Whose bots filter what is said in a room."""

    sentence: ClassVar[str] = "Bots that filter {room}: those of {listed}."

    room: str
    listed: str
    filters: tuple[str, ...]


class NoFilters(Answered, frozen=True, tag="no-filters"):
    """No bots filter what is said in a room."""

    sentence: ClassVar[str] = "No bots filter {room}."

    room: str


class NotAWord(Refused, frozen=True):
    """It cannot stand on a list."""

    code: str = "not-a-word"
    sentence: ClassVar[str] = "A list has single words of {least} to {most} letters and digits."


class NotAsked(Refused, frozen=True):
    """A bot answers what it is not asked any more."""

    code: str = "filter-not-asked"
    sentence: ClassVar[str] = "Nobody waits for that answer any more."


class FilteringCommands(CommandHandler):
    """To say which lines wait, or are refused, by their words; and whose bots look at them."""

    @access(where=(ROOM,), act="hold", bots=False)
    def do_words(self, place: ChatRoom, session: Occupant, request: Words) -> MaybeAwaitable:
        """Show or change the room's words.

        /words add WORD has lines with it wait for a moderator, /words add WORD refuse has them refused, /words remove WORD takes it off.
        Capitals, and letters that look alike, count as the same. Moderators and owners may say what they like.
        """
        state = place.gate.state
        if not request.action or not request.word:
            listed = ", ".join(f"{word} ({rule})" for word, rule in sorted(state.words.items()))
            session.send(WordsListed(place.name, listed, dict(state.words)) if listed else NoWordsListed(place.name))
            return None
        word = sanitize_to_line(request.word).casefold()
        if not is_word(word):
            session.send(NotAWord(details={"least": str(WORD_MIN), "most": str(WORD_MAX)}))
            return None
        rule = request.rule if request.action == "add" else "none"
        return act_in(place, session, Acting(WordSet(place.name, 0, 0.0, "", rule, word=word)))

    @access(where=(ROOM,), bots=False, asks_engine=True)
    def do_filter(self, place: ChatRoom, session: Occupant, request: Filter) -> MaybeAwaitable:
        """Show whose bots filter what is said, or let them.

        /filter ann on shows each line to the bots of ann that are here, before it is said, and they may hold it for a moderator, or refuse it.
        One that does not answer within 0.2 s lets it pass.
        """
        if not request.nick or not request.on:
            names = tuple(sorted(place.gate.state.filters.values()))
            listed = FiltersListed(place.name, ", ".join(names), names)
            session.send(listed if names else NoFilters(place.name))
            return None
        return _set_filter(place, session, request)

    @access(where=(ROOM,), door="program")
    def do_filter_answer(self, place: ChatRoom, session: Occupant, request: FilterAnswer) -> MaybeAwaitable:
        """Say what becomes of a line that a bot was asked of."""
        why = sanitize_to_line(request.why)[:REASON_MAX]
        is_filter = session.person.account in place.gate.state.filters
        if not (is_filter and place.filters.answer(session, request.id, request.verdict, why)):
            session.send(NotAsked())
        return None


async def _set_filter(place: ChatRoom, session: Occupant, request: Filter) -> None:
    account = await readable(place.directory.accounts.find(name_key(request.nick)))
    if isinstance(account, Refused):
        session.send(account)
        return
    if account is None or account.state == "closed":
        session.send(NoSuchPerson(details={"nick": shortened(request.nick)}))
        return
    entry = FilterSet(place.name, 0, 0.0, "", request.on, whom=account.name, account=account.id)
    if (pause := act_in(place, session, Acting(entry))) is not None:
        await pause
