"""What becomes of a room as a whole: it is made, gets another name, is only read for a while. See entries.py.

Never knows who may do that (rooms/rights.py), nor what follows from it (room_state.py).
"""

from typing import ClassVar

from chat_server.protocol.stored_event import Shape, StoredEvent


class Founded(StoredEvent, frozen=True, gc=False):
    """Somebody with an account has made the room, and owns it."""

    shape: ClassVar[Shape] = Shape("#", " made this room, and owns it: ", is_sentence=True, may_lack_text=True)
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    can_be_blocked: ClassVar[bool] = False
    changes_rights: ClassVar[bool] = True


class NameSet(StoredEvent, frozen=True, gc=False, tag="name-set"):
    """Somebody has given the room another name: the text. `was` is the one that it had until then."""

    shape: ClassVar[Shape] = Shape("#", " renamed the room from {was} to ", is_sentence=True)
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    can_be_blocked: ClassVar[bool] = False
    changes_rights: ClassVar[bool] = True

    was: str = ""


class Archived(StoredEvent, frozen=True, gc=False):
    """Somebody has archived the room, for the reason in the text: it can be read, and nobody says anything in it."""

    shape: ClassVar[Shape] = Shape("#", " archived the room: ", is_sentence=True, may_lack_text=True)
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    can_be_blocked: ClassVar[bool] = False
    changes_rights: ClassVar[bool] = True


class Unarchived(StoredEvent, frozen=True, gc=False):
    """Somebody has taken the room out of the archive again."""

    shape: ClassVar[Shape] = Shape("#", " took the room out of the archive: ", is_sentence=True, may_lack_text=True)
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    can_be_blocked: ClassVar[bool] = False
    changes_rights: ClassVar[bool] = True
