"""docs/metrics.md, and what stands beside it for those who watch over a server, say what is there."""

import json
import re
from importlib.util import module_from_spec, spec_from_file_location
from itertools import product
from pathlib import Path

import pytest
import yaml

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


# What stands beside it.

MONITORING = ROOT / "docs" / "monitoring"

FUNCTIONS = {"histogram_quantile", "rate", "increase", "sum", "topk", "time", "predict_linear"}
WORDS = {"by", "and", "or"}
NOT_OURS = {"up": {"job"}}
"""What Prometheus makes itself."""

EVERYWHERE = {"instance", "job", "le"}
"""Labels that Prometheus adds, and those of buckets."""

TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>"[^"]*")
    |(?P<range>\[(?:\d+[smhd]|\$__rate_interval)\])
    |(?P<number>\d+(?:\.\d+)?(?:e\d+)?)
    |(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
    |(?P<operator>==|!=|>=|<=|=~|!~|[-+*/<>=(),{}])
    )""",
    re.VERBOSE,
)


def tokens_of(expression: str) -> list[tuple[str, str]]:
    """An expression of Prometheus', cut into pieces; fails where it is none."""
    found, place = [], 0
    text = expression.strip()
    while place < len(text):
        match = TOKEN.match(text, place)
        assert match is not None, f"{text[place:]!r} in {expression}"
        assert match.lastgroup is not None
        found.append((match.lastgroup, match[match.lastgroup]))
        place = match.end()
    return found


def labels_of(name: str) -> set[str] | None:
    """The labels of a metric, or of one of the three of a histogram; None: there is none of this name."""
    if name in NOT_OURS:
        return NOT_OURS[name] | EVERYWHERE
    for metric in METRICS:
        whole = {metric.name}
        if metric.kind == "histogram":
            whole = {f"{metric.name}_{part}" for part in ("bucket", "sum", "count")}
        if name in whole:
            return {*metric.labels} | EVERYWHERE
    return None


def check(expression: str) -> None:
    """See that an expression is one, and names what there is."""
    tokens = tokens_of(expression)
    closing: list[str] = []
    labels: set[str] = set()  # of all metrics in it
    wanted: set[str] = set()
    is_list_of_labels = False
    for (kind, text), (_, following) in zip(tokens, [*tokens[1:], ("", "")], strict=True):
        if text in {"(", "{"}:
            closing.append({"(": ")", "{": "}"}[text])
        elif text in {")", "}"}:
            assert closing
            assert closing.pop() == text, expression
            is_list_of_labels = is_list_of_labels and text != ")"
        elif kind == "name" and ("}" in closing or is_list_of_labels):
            wanted.add(text)
        elif kind == "name" and text not in FUNCTIONS | WORDS:
            found = labels_of(text)
            assert found is not None, f"there is no {text}: {expression}"
            labels |= found
        elif kind == "name" and text in FUNCTIONS:
            assert following in {"(", "by"}, expression
        if text == "by":
            is_list_of_labels = True
    assert closing == [], expression
    assert wanted <= labels, (wanted - labels, expression)


@pytest.mark.parametrize(
    "expression",
    [
        "chat_nothing == 0",
        'chat_rooms{room="python"}',
        "rate(chat_rooms[5m)",
        "chat_rooms[5 minutes]",
        "chat_commit_seconds > 1",
    ],
)
def test_the_check_finds_what_is_wrong(expression: str) -> None:
    with pytest.raises(AssertionError):
        check(expression)


def test_alert_rules_name_only_what_is_there() -> None:
    (group,) = yaml.safe_load((MONITORING / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    names = [rule["alert"] for rule in group["rules"]]
    assert len({*names}) == len(names)
    for rule in group["rules"]:
        check(rule["expr"])
        assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}, rule["alert"]
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"].keys() == {"summary", "description"}
        shown = re.findall(r"\{\{ (.*?) \}\}", " ".join(rule["annotations"].values()))
        assert {*shown} <= {"$labels.instance", "$value | humanize", "$value | humanizeDuration"}, rule["alert"]


def test_the_dashboard_names_only_what_is_there() -> None:
    dashboard = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {*product(range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"]))}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
        for target in panel.get("targets", ()):
            check(target["expr"])
            labels = {*re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])}
            known = set[str]().union(*(labels_of(name) or set() for _, name in tokens_of(target["expr"])))
            assert labels <= known, panel["title"]
    (asked,) = re.findall(r"label_values\((\w+), (\w+)\)", json.dumps(dashboard["templating"]))
    assert labels_of(asked[0]) is not None


def test_every_metric_is_watched_by_somebody() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in MONITORING.iterdir())
    unwatched = {metric.name for metric in METRICS if metric.name not in text}
    assert unwatched <= {
        *("chat_devices", "chat_rooms", "chat_turn_entries", "chat_waiting_readers", "chat_panic_seconds"),
        *("chat_tls_handshake_seconds", "chat_password_hashes_waiting", "chat_password_hashes_refused_total"),
        *("chat_signs_dropped_total", "chat_canary_failures_total", "chat_backup_bytes", "chat_backup_seconds"),
        *("chat_config_generation", "chat_config_since_timestamp_seconds", "chat_config_reload_timestamp_seconds"),
    }, "put it on the dashboard, or say here that it is for whoever looks for it"


def test_prometheus_is_told_where_the_server_listens() -> None:
    told = yaml.safe_load((MONITORING / "prometheus.yml").read_text(encoding="utf-8"))
    (job,) = told["scrape_configs"]
    assert job["job_name"] == "chat"
    assert job["static_configs"] == [{"targets": ["127.0.0.1:9464"]}]
    assert all((MONITORING / name).exists() for name in told["rule_files"])
