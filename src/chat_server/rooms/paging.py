"""What can be read of what was said: pages by number and by day, and lines by their words.

Only reader.py asks here, which knows what who asks may read. Never knows who is in a room, nor bytes on the wire.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from heapq import merge
from typing import Protocol, TypeVar

from chat_server.journal import TERMS_MAX, Journal, JournalError, NoWords, TooManyWords
from chat_server.protocol.amending import Redacted
from chat_server.protocol.entries import Amending, Entry, Found, PageShown, Spoken
from chat_server.protocol.events import Refused
from chat_server.rooms.guests import GuestMarks

PAGE_MAX = 50
"""Lines on a page: about two screens."""

AROUND = 10
"""Lines on either side of the one asked for."""

PAGE_CHARACTERS = 32768
"""Characters of text on a page. A page must fit into what may wait for a slow reader, or it would be skipped like anything else."""

RANGE_CHARACTERS = 16
"""What a row of numbers of deleted lines counts for."""

NAME_CHARACTERS = 3
"""What a name among those who have reacted counts for beside its own length."""

FOUND_MAX = 20
"""Lines that a search shows: a screen. More words find fewer."""


RECALLED_CHARACTERS = 8192
"""Characters of text shown on entering a room: 50 lines of ordinary length. It is shown at once, in the room's order, so it has to be quick."""


READINGS_MAX = 10
"""How often something is read again because some of it was deleted meanwhile: somebody who deletes without end holds nobody up longer."""

T = TypeVar("T")


class Amended(Protocol):
    """A room, as far as what is read of it may have come to stand otherwise meanwhile."""

    @property
    def rewritings(self) -> int:
        """How often something of what was said has come to stand otherwise: it was amended, or an account has ended."""
        ...

    def amended_since(self, rewritings: int) -> Sequence[Amending] | None:
        """The entries that have amended lines since there were so many rewritings; None: it is not known any more, or it was something else."""
        ...


class Unchanged:
    """Nothing is ever amended. See Amended."""

    rewritings = 0

    def amended_since(self, rewritings: int) -> Sequence[Amending] | None:
        """None at all."""
        del rewritings
        return ()


UNCHANGED = Unchanged()


async def as_amended(room: Amended, read: Callable[[], Awaitable[T]], amend: Callable[[T, Amending], T]) -> T:
    """Read some of what was said, as it stands after what has amended it meanwhile; where that is not known, it is read again.

    Else a reader might be shown a text after it was told that this is deleted. A crowd that reacts to a line without end holds nobody up who reads.
    Raises JournalError where what happens is not known each time.
    """
    for _ in range(READINGS_MAX):
        before = room.rewritings
        found = await read()
        amended = room.amended_since(before)
        if amended is not None:
            for entry in amended:
                found = amend(found, entry)
            return found
    raise JournalError("what is read was changed meanwhile, again and again")


def fitting(lines: Sequence[Entry], *, from_end: bool = False, limit: int = PAGE_CHARACTERS) -> list[Entry]:
    """As many of the lines as a page may have characters: the first, or the last of them; one at least."""
    kept: list[Entry] = []
    characters = 0
    for line in reversed(lines) if from_end else lines:
        characters += len(line.text) + len(line.nick)
        if type(line) is Redacted:
            characters += len(line.of) * RANGE_CHARACTERS
        elif isinstance(line, Spoken) and line.reactions:  # of a line, these may be as long as the whole page
            characters += sum(len(nick) + NAME_CHARACTERS for one in line.reactions for nick in one.nicks)
        if characters > limit and kept:
            break
        kept.append(line)
    return kept[::-1] if from_end else kept


async def page(
    journal: Journal,
    guests: GuestMarks,
    room: str,
    first: int,
    last: int,
    *,
    newest: int,
    zone: str,
    from_end: bool = False,
) -> PageShown:
    """The room's lines from one number to another, as many as fit; `newest` is the number of the last one there is."""
    kept, kept_from, hidden = await journal.read(room, max(first, 1), min(last, newest))
    lines = fitting(kept, from_end=from_end)
    if len(lines) < len(kept):  # what is beyond them is for the next page
        hidden = tuple(seq for seq in hidden if (seq > lines[0].seq if from_end else seq < lines[-1].seq))
    return PageShown(room, guests.on(lines), kept_from, newest, zone, hidden)


Where = tuple[list[str] | None, Mapping[str, int]]
"""These rooms, or all for everybody; and for some of them a number from which on."""


async def search(
    journal: Journal, guests: GuestMarks, words: str, where: Sequence[Where], zone: str
) -> Found | Refused:
    """The newest lines with all the words, in one place and the next; or why they cannot be looked for."""
    try:
        matches = [await journal.search(words, rooms, FOUND_MAX, since) for rooms, since in where]
    except NoWords:
        return Refused("no-words")
    except TooManyWords:
        return Refused("too-many-words", {"limit": str(TERMS_MAX)})
    except JournalError:
        return Refused("cannot-read")
    newest = [*merge(*(found.lines for found in matches), key=lambda line: -line.at)]
    lines = fitting(newest[:FOUND_MAX])
    has_more = any(found.has_more for found in matches) or len(lines) < len(newest)
    return Found(words, _by_room(guests.on(lines)), has_more, max(found.unsearched for found in matches), zone)


def _by_room(lines: Iterable[Entry]) -> tuple[tuple[str, tuple[Entry, ...]], ...]:
    """Lines by room, oldest first in each; the room with the newest line comes last, as it stands lowest on the screen."""
    found: dict[str, list[Entry]] = {}
    for line in lines:
        found.setdefault(line.room, []).append(line)
    return tuple((room, tuple(reversed(newest_first))) for room, newest_first in reversed(found.items()))
