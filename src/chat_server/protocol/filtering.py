"""Entries of a room's log by which lines are looked at before they are said: its list of words, and the bots that filter it. See entries.py."""

from typing import ClassVar

from chat_server.protocol.stored_event import Author, Shape, StoredEvent


class WordSet(StoredEvent, frozen=True, gc=False, tag="word-set"):
    """Somebody has put a word on the room's list, or taken it off. The text says what becomes of lines with it: `refuse`, `hold`, or `none`.

    The word is shown to nobody who reads the room: a list of what nobody is to read here would be just that.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"author", "word"})
    shape: ClassVar[Shape] = Shape("#", " changed the room's list of words: ", is_sentence=True)
    other_sentences: ClassVar[tuple[str, ...]] = (
        "{nick} put a word on the room's list: lines with it wait for a moderator",
        "{nick} put a word on the room's list: lines with it are refused",
        "{nick} took a word off the room's list",
    )
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    changes_rights: ClassVar[bool] = True

    word: str = ""

    @property
    def own_sentence(self) -> str:
        """What is translated."""
        told = dict(zip(("hold", "refuse", "none"), self.other_sentences, strict=True))
        return told.get(self.text, self.shape.sentence)


class FilterSet(StoredEvent, frozen=True, gc=False, tag="filter-set"):
    """Bots of the account that is called `whom` are shown each line before it is said, and may hold or refuse it, if the text is `on`."""

    hidden: ClassVar[frozenset[str]] = frozenset({"author", "account"})
    shape: ClassVar[Shape] = Shape("#", " set {whom}'s filter: ", is_sentence=True)
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    changes_rights: ClassVar[bool] = True

    whom: str = ""
    account: Author = 0
