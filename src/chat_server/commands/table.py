"""All that can be asked for: the groups of commands, put together.

A new group is one more here. A command that is added to one of them, with its request and its answer, is found by every door, place, /help, Tab, and
every program without another word.
"""

from collections.abc import Iterable

from msgspec import NODEFAULT

from chat_server.commands.accounts import AccountCommands
from chat_server.commands.aliases import AliasCommands
from chat_server.commands.amending import AmendingCommands
from chat_server.commands.attention import AttentionCommands
from chat_server.commands.auditing import AuditCommands
from chat_server.commands.codes import CodeCommands
from chat_server.commands.conversing import ConversingCommands
from chat_server.commands.devices import DeviceCommands
from chat_server.commands.disturbance import DisturbanceCommands
from chat_server.commands.exporting import ExportCommands
from chat_server.commands.filtering import FilteringCommands
from chat_server.commands.general import GeneralCommands
from chat_server.commands.handler import CommandTable
from chat_server.commands.history import HistoryCommands
from chat_server.commands.holding import HoldingCommands
from chat_server.commands.inviting import InvitingCommands
from chat_server.commands.login import LoginCommands
from chat_server.commands.moderating import ModeratingCommands
from chat_server.commands.office import OfficeCommands
from chat_server.commands.people import PeopleCommands
from chat_server.commands.reporting import ReportingCommands
from chat_server.commands.room_life import RoomLifeCommands
from chat_server.commands.rooms import RoomCommands
from chat_server.commands.settings import SettingsCommands
from chat_server.commands.snippets import SnippetCommands
from chat_server.commands.taking_back import TakingBackCommands
from chat_server.commands.talk import TalkCommands
from chat_server.commands.tls import TlsCommands
from chat_server.commands.whois import WhoisCommands
from chat_server.commands.writing import WritingCommands
from chat_server.protocol.entries import EVENTS
from chat_server.protocol.events import Answered, Refused
from chat_server.protocol.requests import tag_of
from chat_server.protocol.versions import EARLIER_EVENTS

COMMANDS = CommandTable(
    GeneralCommands(),
    LoginCommands(),
    AccountCommands(),
    CodeCommands(),
    DeviceCommands(),
    ExportCommands(),
    RoomCommands(),
    ModeratingCommands(),
    TakingBackCommands(),
    InvitingCommands(),
    OfficeCommands(),
    DisturbanceCommands(),
    AuditCommands(),
    ReportingCommands(),
    HoldingCommands(),
    RoomLifeCommands(),
    FilteringCommands(),
    TalkCommands(),
    AmendingCommands(),
    ConversingCommands(),
    WritingCommands(),
    PeopleCommands(),
    AttentionCommands(),
    WhoisCommands(),
    HistoryCommands(),
    SettingsCommands(),
    AliasCommands(),
    SnippetCommands(),
    TlsCommands(),
)
"""The commands of the server."""


def distinct(answers: Iterable[type[Answered]]) -> tuple[type[Answered], ...]:
    """Return these. Raises ValueError if one has the tag of another event, in whichever version: programs would take it for that."""
    found = tuple(answers)
    tags = [*EARLIER_EVENTS, *map(tag_of, (*EVENTS, *found))]
    for tag in map(tag_of, found):
        if tags.count(tag) > 1:
            raise ValueError(f"two events share the tag {tag}")
    return found


ANSWERS = distinct(kind for kind in Answered.__subclasses__() if kind not in EVENTS)
"""The answers that are declared beside their commands, of all groups."""


def distinct_refusals(refusals: Iterable[type[Refused]], others: Iterable[str] = ()) -> tuple[type[Refused], ...]:
    """Return these. Raises ValueError if one has no code, or that of another of them, or one of `others`: programs would take it for that."""
    found, taken = tuple(refusals), {*others}
    for kind in found:
        # Not `fields`, which evaluates all types of the fields: 0.3 ms.
        code = dict(zip(reversed(kind.__struct_fields__), reversed(kind.__struct_defaults__), strict=False)).get("code")
        if code is None or code is NODEFAULT:
            raise ValueError(f"{kind.__name__} has no code")
        if code in taken:
            raise ValueError(f"two refusals share the code {code}")
        taken.add(code)
    return found


REFUSALS = distinct_refusals(Refused.__subclasses__())
"""The same, of refusals. That none has a code of a refusal that the server has for everything, sessions/doors.py sees to."""

dispatch = COMMANDS.dispatch
"""Carries out a request, or refuses it."""
