"""PostgreSQLs for several servers: as one runs it, with everything on that servers insist on."""

from collections.abc import Iterator

import pytest

from postgresql import Cluster, Database


@pytest.fixture(scope="session")
def durable() -> Iterator[Cluster]:
    """A PostgreSQL that no test harms."""
    made = Cluster()
    yield made
    made.close()


@pytest.fixture
def shared(durable: Cluster) -> Iterator[Database]:
    """A database in that one."""
    made = durable.create()
    yield made
    durable.drop(made)


@pytest.fixture
def own() -> Iterator[Database]:
    """A database in a PostgreSQL that the test may harm."""
    made = Cluster()
    yield made.create()
    made.close()
