"""Metrics: what is counted and timed as it happens, how each is declared, and how all of them are written in Prometheus' text format.

What can be read from an object is not counted a second time: it is read when somebody asks (server/measured.py). Pure; never knows what is measured.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, Literal, TypeVar

from msgspec import Struct

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of the format: https://prometheus.io/docs/instrumenting/exposition_formats/"""

SECONDS = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Up to which times take so long: three in each power of ten, from what a send takes to what nobody waits for."""

NUMBERS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
"""Up to which there are so many."""


class Histogram:
    """How often something took how long, or was how much. To note one takes 0.3 us, whatever has been noted."""

    __slots__ = ("counts", "edges", "total")

    def __init__(self, edges: Sequence[float] = SECONDS) -> None:
        """Nothing has been noted; `edges` are those of the buckets, the least first. Beyond the last there is one more."""
        self.edges = edges
        self.counts = [0] * (len(edges) + 1)
        self.total = 0.0
        """All that was noted, together."""

    def note(self, value: float) -> None:
        """Note one."""
        self.counts[bisect_left(self.edges, value)] += 1
        self.total += value


Labelled = Mapping[tuple[str, ...], float]
"""Values by those of the labels, in their order."""

Value = float | Labelled | Histogram | None
"""What a metric comes to; None: that is not known here, or not just now."""

Kind = Literal["counter", "gauge", "histogram"]

S = TypeVar("S")


class Metric(Struct, Generic[S], frozen=True):
    """A metric: what it is called, what it says, and how its value is found in what is looked at."""

    kind: Kind
    name: str
    help: str
    """One sentence without an end, in the words of whoever runs the server."""
    read: Callable[[S], Value]
    labels: tuple[str, ...] = ()
    """What its values differ by: never a room's name, a person's or an address, which would tell of them and be without number."""


def written(metric: Metric[S], seen: S) -> str:
    """A metric as it is now, some lines of text; "" where it is not known."""
    value = metric.read(seen)
    if value is None:
        return ""
    return f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} {metric.kind}\n{''.join(_samples(metric, value))}"


def _samples(metric: Metric[S], value: float | Labelled | Histogram) -> Iterator[str]:
    if isinstance(value, Histogram):
        yield from _buckets(metric.name, value)
    elif isinstance(value, Mapping):
        for key, each in sorted(value.items()):
            pairs = ",".join(f'{name}="{_escaped(one)}"' for name, one in zip(metric.labels, key, strict=True))
            yield f"{metric.name}{{{pairs}}} {_number(each)}\n"
    else:
        yield f"{metric.name} {_number(value)}\n"


def _buckets(name: str, histogram: Histogram) -> Iterator[str]:
    """Those of a histogram: each counts all that is not beyond its edge."""
    count = 0
    for edge, more in zip(histogram.edges, histogram.counts, strict=False):
        count += more
        yield f'{name}_bucket{{le="{_number(edge)}"}} {count}\n'
    count += histogram.counts[-1]
    yield f'{name}_bucket{{le="+Inf"}} {count}\n{name}_sum {_number(histogram.total)}\n{name}_count {count}\n'


def _number(value: float) -> str:
    """As few characters as it can be read from exactly."""
    return (
        repr(int(value))
        if value == value // 1 and abs(value) < 2**53
        else repr(float(value)).replace("inf", "Inf").replace("nan", "NaN")
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
