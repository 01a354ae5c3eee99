"""What of a typed text is sent, and whether the server would take it. Pure."""

from chat_server.protocol.entries import KIND_BY_WORD
from chat_server.protocol.sanitize import sanitize_lines, sanitize_to_line
from chat_server.protocol.syntax import parameters_of
from chat_tui.client.codec import said
from chat_tui.client.pending import Pending
from chat_tui.language import say


def cleaned(do: str, words: str) -> str:
    """The words as the server would clean them: what it would take out must not count, nor fill what may be sent."""
    may_have_lines = any(parameter.lines for parameter in parameters_of(KIND_BY_WORD[do].request))
    return sanitize_lines(words) if may_have_lines else sanitize_to_line(words)


def too_long(pending: Pending, limits: dict[str, float]) -> str:
    """Why a line is too long for the server, in a sentence; "" if it is not, or the server's limit is not known yet."""
    size, limit = len(pending.text.encode()), limits.get("text_bytes", 0)
    if limit and size > limit:
        return say("That is {size} bytes; a message has at most {limit:g}.", size=size, limit=limit)
    size, limit = len(said(pending)), limits.get("line_bytes", 0)
    if limit and size >= limit:  # what has many backslashes or quotes doubles on its way
        return say("That is too long for one message. Send it in {count} parts.", count=size // int(limit) + 1)
    return ""


def nearly_full(text: str, limits: dict[str, float]) -> str:
    """How many bytes of the most that a message may have a text has, from nine tenths on: `3,812 of 4,000`; "" before."""
    size, limit = len(text.encode("utf-8", "replace")), int(limits.get("text_bytes", 0))
    return say("{size} of {limit}", size=f"{size:,}", limit=f"{limit:,}") if limit and size * 10 >= limit * 9 else ""
