"""A place for a journal of each engine, for contracts that all of them keep."""

from pathlib import Path

import pytest

from chat_server.journal.engines import MODULES, EngineName
from journals import Place, place_in


@pytest.fixture(params=MODULES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    engine: EngineName = request.param
    url = request.getfixturevalue("database").url if engine == "postgresql" else ""
    return place_in(tmp_path / "data", engine, "process", url)
