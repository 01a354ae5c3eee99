"""docs/metrics.md, and what stands beside it for those who watch over a server, say what is there."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from chat_server.server.measured import METRICS

ROOT = Path(__file__).parent.parent
SPEC = spec_from_file_location("metrics_page", ROOT / "scripts" / "metrics_page.py")
assert SPEC is not None
assert SPEC.loader is not None
metrics_page = module_from_spec(SPEC)
SPEC.loader.exec_module(metrics_page)


def test_the_page_has_the_table_as_it_is() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert metrics_page.with_table(page) == page, "scripts/metrics-page writes it"


def test_names_are_as_prometheus_wants_them() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    for metric in METRICS:
        assert metric.name.startswith(("chat_", "process_")), metric.name
        assert (metric.kind == "counter") == metric.name.endswith("_total"), metric.name
        assert metric.kind != "histogram" or metric.name.endswith(("_seconds", "_bytes", "_lines", "_entries")), (
            metric.name
        )
        assert metric.help[0].isupper(), metric.name
        assert not metric.help.endswith("."), metric.name
        assert not {"room", "nick", "address", "person", "network"} & {*metric.labels}, metric.name
