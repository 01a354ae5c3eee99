"""The line that is in use, for people: whether it is encrypted and how, who vouches for the server, and the fingerprint to compare. Pure.

The screen and the line-by-line program say the same. Never knows how it is shown.
"""

from collections.abc import Iterator
from typing import NamedTuple

from chat_tui.client.calling import Line, LineDetails
from chat_tui.client.trust import AUTHORITY, PLAINTEXT
from chat_tui.client.trust_words import COMPARE, Compared
from chat_tui.language import say


class LineWords(NamedTuple):
    """What is said of a line."""

    title: str
    what: tuple[str, ...]
    """Sentences, each for a row of its own."""
    compared: Compared | None = None
    todo: str = ""

    def lines(self) -> Iterator[str]:
        """All of it, line by line."""
        yield self.title
        yield from self.what
        if self.compared is not None:
            yield f"{self.compared.label} (SHA-256):"
            yield from (f"  {row}" for row in self.compared.rows())
        if self.todo:
            yield self.todo


def words_for_line(line: Line | None, details: LineDetails, host: str, port: int) -> LineWords:
    """What is to be said of the line to a server; None: there is none."""
    server = say("{host}, port {port}", host=host, port=port)
    match line:
        case None:
            return LineWords(say("There is no connection."), (say("Nothing is sent, and nothing can be read along."),))
        case Line.ENCRYPTED:
            return _encrypted(details, server)
        case Line.LOCAL:
            title = say("This line is not encrypted, and does not leave this computer.")
            return LineWords(title, (say("{server}, is on it: nobody can be between.", server=server),))
        case Line.OPEN:
            title = say("This line is not encrypted.")
            what = (
                say("Whoever is between here and {server}, can read and change what is said.", server=server),
                *(
                    [say("You went on without encryption on {day}.", day=details.known.first)]
                    if details.known.word == PLAINTEXT
                    else []
                ),
            )
            todo = say(
                "Whoever runs the server can turn TLS on. chat-tui tries it first each time, and uses it then by itself."
            )
            return LineWords(title, what, todo=todo)


def _encrypted(details: LineDetails, server: str) -> LineWords:
    by = f"{details.version.replace('TLSv', 'TLS ')}, {details.cipher}."
    known = details.known
    if known.word == AUTHORITY:
        vouched = say(
            "An authority that this computer trusts vouches for {server}; so it was since {day}.",
            server=server,
            day=known.first,
        )
        todo = ""
    else:
        vouched = say(
            "No authority vouches for {server}. Its certificate was accepted here on {day}, by its fingerprint;"
            " another one is refused.",
            server=server,
            day=known.first,
        )
        todo = say(COMPARE)
    return LineWords(
        say("This line is encrypted."), (by, vouched), Compared(say("Its fingerprint"), details.fingerprint), todo
    )
