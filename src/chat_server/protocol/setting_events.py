"""How somebody is shown things, as they are told when they ask or choose. See events.py: it never knows how it is put into effect."""

from typing import ClassVar

from chat_server.protocol.events import Event
from chat_server.protocol.requests import HowMany


class HistoryChosen(Event, frozen=True):
    """So many lines the receiver sees on entering a room."""

    sentence: ClassVar[str] = "Lines shown to you on entering a room: {count}"

    count: HowMany


class ZoneShown(Event, frozen=True):
    """The zone in which times are shown to the receiver ("": the server's own), and the time now, in seconds since 1970."""

    zone: str
    now: float


class SettingShown(Event, frozen=True, tag="chosen"):
    """How the receiver is shown things: a setting and its value, chosen just now or, if not `is_new`, before."""

    setting: str
    value: str
    is_new: bool = True


class CharsetHinted(Event, frozen=True):
    """The receiver's line was not read: its charset seems to be another than it was taken for."""


SETTING_EVENTS = (HistoryChosen, ZoneShown, SettingShown, CharsetHinted)
