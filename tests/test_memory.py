"""How much of the machine's memory may be full of what waits."""

from pathlib import Path

import pytest

from chat_server.config import Config
from chat_server.limits import Limits
from chat_server.server import process_resources
from chat_server.server.server import Server
from chat_server.sessions.memory_budget import WAITING_TOTAL_MIN
from fakes import store_of


def test_the_control_groups_limit_counts_if_it_is_lower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit, unlimited, missing = tmp_path / "memory.max", tmp_path / "unlimited", tmp_path / "missing"
    limit.write_text("123456789\n")
    unlimited.write_text("max\n")
    monkeypatch.setattr(process_resources, "CGROUP_LIMITS", (unlimited, missing))
    machine = process_resources.memory()
    assert machine > 123456789
    monkeypatch.setattr(process_resources, "CGROUP_LIMITS", (unlimited, missing, limit))
    assert process_resources.memory() == 123456789


@pytest.mark.parametrize(
    ("limit", "memory", "bound"),
    [
        (-1, 8 * 2**30, 2 * 2**30),
        (-1, 2**29, WAITING_TOTAL_MIN),
        (-1, 0, WAITING_TOTAL_MIN),
        (12345, 8 * 2**30, 12345),
        (0, 8 * 2**30, 0),
    ],
)
def test_a_quarter_of_it_may_wait_unless_something_else_is_set(limit: int, memory: int, bound: int) -> None:
    config = Config(limits=Limits(waiting_total_bytes=limit))
    assert Server(config, store_of(), memory=memory)._budget.limit == bound


def test_the_comparisons_configuration_ends_all_paces_and_all_bounds_by_address() -> None:
    config = Config(limits=Limits(connections=0, connections_per_address=0, messages_per_second=0))
    server = Server(config, store_of())
    address = server._admission.enter("192.0.2.1", 0)
    assert address.bucket is None
    assert server._admission.refusal("192.0.2.1") is None
    assert server.hall.directory._by_address.limit == 0
