"""A line that waits to be stored. Never knows how it is sent, nor where it is kept meanwhile."""

import msgspec

from chat_server.protocol.entries import KIND_BY_WORD, Entry, Said


class Pending(msgspec.Struct):
    """A line that its author has sent, and the server has not stored yet. `why` says why it will not be, if so."""

    key: str
    room: str
    do: str
    text: str
    at: float
    why: str = ""

    @property
    def kind(self) -> type[Entry]:
        """What it is to become; what a later release has kept is taken for something said."""
        return KIND_BY_WORD.get(self.do, Said)
