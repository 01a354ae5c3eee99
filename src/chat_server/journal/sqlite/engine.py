"""The engine `sqlite`: a journal in SQLite files in the data directory. See engines.Engine."""

from chat_server.journal.engines import Settings
from chat_server.journal.sqlite.data_directory import DataFolder, data_directory
from chat_server.journal.sqlite.journal import SqliteJournal


def open_journal(settings: Settings) -> SqliteJournal:
    """Open or make the journal of a data directory that no other program has."""
    return SqliteJournal(DataFolder(data_directory(settings.directory)), settings.durability)
