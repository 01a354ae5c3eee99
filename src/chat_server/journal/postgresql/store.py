"""What a server keeps in a database, put together: its node, the journal, the accounts, its search index. See engines.Store."""

from contextlib import closing
from functools import partial
from pathlib import Path
from socket import gethostname

from chat_server.journal.data_directory import LockedDirectory
from chat_server.journal.engines import NodeSettings, Store
from chat_server.journal.postgresql.accounts import PostgresqlAccounts
from chat_server.journal.postgresql.connections import Purpose, connect
from chat_server.journal.postgresql.indexed import IndexedDatabase
from chat_server.journal.postgresql.journal import PostgresqlJournal
from chat_server.journal.postgresql.lineage import Lineage
from chat_server.journal.postgresql.link import Connection, Link
from chat_server.journal.postgresql.nodes import PostgresqlNodes
from chat_server.journal.postgresql.searching import Searching


def open_node(
    url: str, durability: str, node: NodeSettings, folder: LockedDirectory, index: Path, *, lineage: Lineage
) -> Store:
    """Be one more node. Blocks. Raises psycopg.Error.

    Args:
        url: where the database is, which has the tables of this release.
        durability: see engines.Settings.
        node: what is said of it.
        folder: the data directory, which is let go of when the journal is closed.
        index: the file of the search index.
        lineage: what is known of which database is the one.

    """
    nodes = PostgresqlNodes(
        url, node.name or gethostname(), node.silence_seconds, durability=durability, lineage=lineage
    )

    def connect_for(purpose: Purpose) -> Connection:
        return connect(url, purpose, durability, node=nodes.number, lineage=lineage)

    search = Searching(IndexedDatabase(partial(connect_for, "read"), index), lambda: nodes.lines_stored)
    journal = PostgresqlJournal(nodes, connect_for, search, folder.close)
    with closing(connect_for("read")) as connection:
        accounts = PostgresqlAccounts(
            connection,
            Link(partial(connect_for, "read")),
            Link(partial(connect_for, "write")),
            lambda: nodes.number,
            journal.store_positions,
        )
    journal.parts.append(accounts)
    return Store(journal, accounts, nodes)
