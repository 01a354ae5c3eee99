"""The line that is in use, for people: whether it is encrypted and how, who vouches for the server, and the fingerprint to compare. Pure.

The screen and the line-by-line program say the same. Never knows how it is shown.
"""

from collections.abc import Iterator
from typing import NamedTuple

from chat_tui.client.calling import Line, LineDetails
from chat_tui.client.trust import AUTHORITY, PLAINTEXT
from chat_tui.client.trust_words import COMPARE, Compared


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


NO_LINE = LineWords("There is no connection.", ("Nothing is sent, and nothing can be read along.",))


def words_for_line(line: Line, details: LineDetails, host: str, port: int) -> LineWords:
    """What is to be said of the line to a server."""
    server = f"{host}, port {port}"
    match line:
        case Line.ENCRYPTED:
            return _encrypted(details, server)
        case Line.LOCAL:
            title = "This line is not encrypted, and does not leave this computer."
            return LineWords(title, (f"{server}, is on it: nobody can be between.",))
        case Line.OPEN:
            title = "This line is not encrypted."
            what = (
                f"Whoever is between here and {server}, can read and change what is said.",
                *(
                    [f"You went on without encryption on {details.known.first}."]
                    if details.known.word == PLAINTEXT
                    else []
                ),
            )
            todo = "Whoever runs the server can turn TLS on. chat-tui tries it first each time, and uses it then by itself."
            return LineWords(title, what, todo=todo)


def _encrypted(details: LineDetails, server: str) -> LineWords:
    by = f"{details.version.replace('TLSv', 'TLS ')}, {details.cipher}."
    known = details.known
    if known.word == AUTHORITY:
        vouched = f"An authority that this computer trusts vouches for {server}; so it was since {known.first}."
        todo = ""
    else:
        vouched = (
            f"No authority vouches for {server}. Its certificate was accepted here on {known.first}, by its fingerprint;"
            " another one is refused."
        )
        todo = COMPARE
    return LineWords("This line is encrypted.", (by, vouched), Compared("Its fingerprint", details.fingerprint), todo)
