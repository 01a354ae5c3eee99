"""All that can be asked for: the groups of commands, put together.

A new group is one more here. A command that is added to one of them, with its request and its answer, is found by every door, place, /help, Tab, and
every program without another word.
"""

from chat_server.commands.general import GeneralCommands
from chat_server.commands.handler import CommandTable
from chat_server.commands.history import HistoryCommands
from chat_server.commands.login import LoginCommands
from chat_server.commands.rooms import RoomCommands
from chat_server.commands.settings import SettingsCommands
from chat_server.commands.talk import TalkCommands
from chat_server.protocol.events import Answered, Refused

COMMANDS = CommandTable(
    GeneralCommands(),
    LoginCommands(),
    RoomCommands(),
    TalkCommands(),
    HistoryCommands(),
    SettingsCommands(),
)
"""The commands of the server."""

ANSWERS = tuple(Answered.__subclasses__())
"""The answers that are declared beside their commands, of all groups."""

REFUSALS = tuple(Refused.__subclasses__())
"""The same, of refusals."""

dispatch = COMMANDS.dispatch
"""Carries out a request, or refuses it."""
