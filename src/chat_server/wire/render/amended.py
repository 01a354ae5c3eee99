"""What stands beside a line that replies to another, was edited, or to which people have reacted; and how they are told of that."""

from chat_server.protocol.entries import Entry, Spoken
from chat_server.protocol.room_events import ReactionNoted, ReactionsTold
from chat_server.wire.render.languages import Translator
from chat_server.wire.render.text_lines import TextLine, server_lines


def reply_mark(translator: Translator, line: Entry) -> str:
    """To which line it replies, after its author's name; and how that begins, where the reader may be shown that."""
    if not isinstance(line, Spoken) or not line.re:
        return ""
    return (
        translator.text(" (re #{number} {quote})", number=line.re, quote=line.quote)
        if line.quote
        else f" (re #{line.re})"
    )


def with_marks(translator: Translator, line: Entry) -> str:
    """Its text, and after it that it was edited, and how many have reacted with which sign."""
    if not isinstance(line, Spoken):
        return line.text
    text = line.text
    if line.edited:
        text += translator.text(" (edited)")
    if line.reactions:
        text += f" [{' '.join(f'{one.sign} {len(one)}' for one in line.reactions)}]"
    return text


def reactions_told(event: ReactionsTold, translator: Translator) -> list[TextLine]:
    """Who has reacted to a line just now."""
    who = translator.text(", ").join(event.nicks) + (f" +{event.more}" if event.more else "")
    sentence = translator.text(
        "{who} reacted to {whom}'s line #{of}: {signs}",
        who=who,
        whom=event.whom,
        of=event.of,
        signs=" ".join(event.signs),
    )
    return server_lines(sentence)


def reaction_noted(event: ReactionNoted, translator: Translator) -> list[TextLine]:
    """That one has reacted to a line, or has taken that back."""
    if event.is_back:
        return server_lines(
            translator.text("You took back your reaction to line #{of}: {sign}", of=event.of, sign=event.sign)
        )
    return server_lines(translator.text("You reacted to line #{of}: {sign}", of=event.of, sign=event.sign))
