"""How people are told of other people: who is away, who somebody is, when they were last here, and where one was named while one was away."""

from msgspec import UnsetType

from chat_server.protocol import entries, people_events
from chat_server.protocol.alias_events import AliasesShown, AliasSet
from chat_server.protocol.names import GUEST
from chat_server.protocol.snippets import SnippetSet, SnippetsShown, SnippetUsed
from chat_server.wire.render.languages import Translator, message
from chat_server.wire.render.pages import day_of, lines_shown
from chat_server.wire.render.text_lines import TextLine, items, server_lines

HOURS = 60
"""Minutes from which on they are told as hours."""

MONTH = 30
"""Days from which on nobody is told how many."""

_ROLES = {
    "moderator": message("a moderator of the server"),
    "admin": message("an admin of the server"),
    "owner": message("an owner of the server"),
}


def person_away(event: people_events.PersonAway, translator: Translator) -> list[TextLine]:
    """That somebody is away whom one has named, or written to."""
    if not event.away:
        return server_lines(translator.text("{nick} is away.", nick=event.nick))
    return server_lines(translator.text("{nick} is away: {text}", nick=event.nick, text=event.away))


def aliases_shown(event: AliasesShown, translator: Translator) -> list[TextLine]:
    """The words of one's own, each with what it stands for."""
    if not event.aliases:
        return server_lines(
            translator.text("You have no alias. /alias NAME TEXT makes one: /NAME stands for the text then.")
        )
    return server_lines(
        *(translator.text(AliasSet.sentence, name=name, stands_for=text) for name, text in event.aliases)
    )


def snippets_shown(event: SnippetsShown, translator: Translator) -> list[TextLine]:
    """The texts of one's own, each under its name."""
    if not event.snippets:
        return server_lines(
            translator.text("You have no snippet. /snippet NAME TEXT keeps one, and /use NAME puts it into your line.")
        )
    return server_lines(
        *(translator.text(SnippetSet.sentence, name=name, snippet=_in_a_row(text)) for name, text in event.snippets)
    )


def snippet_told(event: SnippetSet | SnippetUsed, translator: Translator) -> list[TextLine]:
    """One of them."""
    return server_lines(translator.text(event.sentence, name=event.name, snippet=_in_a_row(event.snippet)))


def _in_a_row(text: str) -> str:
    return text.replace("\n", " ⏎ ")


def mentions_waiting(event: people_events.MentionsWaiting, translator: Translator) -> list[TextLine]:
    """What somebody has missed."""
    missed = [
        translator.count(
            "{number} mention in {room} (#{first})",
            "{number} mentions in {room} (#{first} …)",
            number,
            room=room,
            first=first,
        )
        for room, number, first in event.rooms
    ]
    listed = translator.text(", ").join(missed)
    return server_lines(translator.text("While you were away: {listed}. /mentions shows them.", listed=listed))


def mentions_shown(event: entries.MentionsShown, translator: Translator) -> list[TextLine]:
    """Where one was named."""
    shown: list[TextLine] = []
    for room, lines in event.rooms:
        shown += server_lines(translator.text("In {room}:", room=room)) + lines_shown(translator, lines, event.zone)
    if not shown:
        shown = server_lines(translator.text("What named you is not kept any more."))
    if event.more:
        more = translator.count(
            "{number} more; /mentions shows it.", "{number} more; /mentions shows them.", event.more
        )
        return shown + server_lines(more)
    return shown + server_lines(translator.text("/around NUMBER shows the lines around a line, in its room."))


def person_shown(event: people_events.PersonShown, translator: Translator) -> list[TextLine]:
    """Who somebody is."""
    told = [_who(event, translator)]
    if event.rooms:
        rooms = translator.text("In the rooms: ")
        told += items(rooms, event.rooms, translator.text(", "), columns=translator.columns)
    if not isinstance(event.away, UnsetType):
        away = event.away
        told.append(translator.text("Away: {text}", text=away) if away else translator.text("Away."))
    if not isinstance(event.idle, UnsetType) and event.idle:
        told.append(_idle(event.idle, translator))
    if not event.is_here:
        told.append(_last_here(event.days, translator))
    return server_lines(*told)


def _who(event: people_events.PersonShown, translator: Translator) -> str:
    if event.guest:
        return translator.text(
            "{nick} is a guest, without an account: that is what the ? after the name means.",
            nick=f"{event.nick}{GUEST}",
        )
    if isinstance(event.since, UnsetType):
        return translator.text("{nick} has no account, as nobody has here.", nick=event.nick)
    since = day_of(translator, event.since, event.zone)
    if event.role in _ROLES:
        role = translator.text(_ROLES[event.role])
        return translator.text(
            "{nick} has had an account since {day}, and is {role}.", nick=event.nick, day=since, role=role
        )
    return translator.text("{nick} has had an account since {day}.", nick=event.nick, day=since)


def _idle(minutes: int, translator: Translator) -> str:
    if minutes < HOURS:
        return translator.count(
            "Has done nothing for {number} minute or more.", "Has done nothing for {number} minutes or more.", minutes
        )
    return translator.count(
        "Has done nothing for {number} hour or more.", "Has done nothing for {number} hours or more.", minutes // HOURS
    )


def _last_here(days: int | UnsetType, translator: Translator) -> str:
    if isinstance(days, UnsetType):
        return translator.text("Not here now.")
    if not days:
        return translator.text("Not here now; here last within a day.")
    if days >= MONTH:
        return translator.text("Not here now; here last more than a month ago.")
    return translator.count(
        "Not here now; here last {number} day ago.", "Not here now; here last {number} days ago.", days
    )


def last_seen(event: people_events.LastSeen, translator: Translator) -> list[TextLine]:
    """When somebody was last here."""
    if event.is_here:
        return server_lines(translator.text("{nick} is here.", nick=event.nick))
    return server_lines(_not_here(event, translator))


def _not_here(event: people_events.LastSeen, translator: Translator) -> str:
    nick = event.nick
    if isinstance(event.days, UnsetType):
        return translator.text("{nick} is not here now.", nick=nick)
    if not event.days:
        return translator.text("{nick} is not here now, and was last here within a day.", nick=nick)
    if event.days >= MONTH:
        return translator.text("{nick} is not here now, and was last here more than a month ago.", nick=nick)
    return translator.count(
        "{nick} is not here now, and was last here {number} day ago.",
        "{nick} is not here now, and was last here {number} days ago.",
        event.days,
        nick=nick,
    )
