"""How people are told of their conversations, and for whom a line is that they are shown while they may be anywhere."""

from chat_server.protocol.conversation_events import ConversationsListed
from chat_server.protocol.names import name_key
from chat_server.protocol.stored_event import StoredEvent
from chat_server.wire.render.languages import Translator
from chat_server.wire.render.text_lines import TextLine, items, server_lines

SHOWN_MAX = 20
"""Conversations of each kind that are told of."""


def to_whom(translator: Translator, entry: StoredEvent) -> str:
    """For whom a line of a conversation is: the receiver, or the one with whom that is."""
    other = entry.room.removeprefix("@")
    if name_key(entry.nick) == name_key(other):
        return translator.text(" (to you)")
    return translator.text(" (to {nick})", nick=other)


def conversations_listed(event: ConversationsListed, translator: Translator) -> list[TextLine]:
    """With whom one has conversations: who has written, who would like to, and the others."""
    new = [one for one in event.conversations if one.unread and not one.is_request]
    asking = [one.room.removeprefix("@") for one in event.conversations if one.is_request]
    old = [one.room for one in event.conversations if not one.unread]
    lines = [
        translator.count(
            "{number} new line from {nick}: /join {room}",
            "{number} new lines from {nick}: /join {room}",
            one.unread,
            nick=one.room.removeprefix("@"),
            room=one.room,
        )
        for one in new[:SHOWN_MAX]
    ]
    lines += [
        translator.text(
            "{nick} wants to write to you. /accept {nick} shows what, and so does writing to {nick}.", nick=nick
        )
        for nick in asking[:SHOWN_MAX]
    ]
    if old:
        start, comma = translator.text("Conversations: "), translator.text(", ")
        lines += items(start, old[:SHOWN_MAX], comma, columns=translator.columns)
    return server_lines(*lines)
