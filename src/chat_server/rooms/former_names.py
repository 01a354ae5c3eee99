"""Under which names, and when, a blocked guest has said something: by that what is read is hidden as it was when it was said.

A guest's name is another's when they have given it up, so a name alone does not say whose an older line is. Pure. Never knows who is here.
"""

from collections.abc import Mapping
from itertools import pairwise
from math import inf
from typing import NamedTuple

SPANS_MAX = 400
"""Names of guests, the last, under which what they have said is hidden from one person."""

CALLED_MAX = 10
"""Names of one guest, the last, of which it is known that they were theirs."""

LATE_SECONDS = 1.0
"""Seconds within which what was said under a name is stored, though it has been given up meanwhile."""


class Span(NamedTuple):
    """From when until when (seconds since 1970) a name was a guest's. Those of one guest have one number."""

    number: int
    since: float = -inf
    until: float = inf


Spans = Mapping[str, tuple[Span, ...]]
"""By the keys of the names."""

Called = tuple[tuple[str, float], ...]
"""The keys of somebody's names, and since when they have each; the last one is that of now."""

NO_SPANS: Spans = {}


def covers(spans: Spans, key: str, at: float) -> bool:
    """Whether it was one of these guests who had the name then."""
    return any(span.since <= at < span.until for span in spans.get(key, ()))


def called(before: Called, key: str, now: float) -> Called:
    """The names of somebody who has another one from now on."""
    return (*before, (key, now))[-CALLED_MAX:]


def begun(spans: Spans, key: str, number: int, since: float = -inf, before: Called = ()) -> Spans:
    """A guest has the name, or has it from now on; `before`: what is known of the names they had."""
    new = {**spans, key: (*spans.get(key, ()), Span(number, since))}
    for (old, first), (_, then) in pairwise(before):
        new[old] = (*new.get(old, ()), Span(number, first, then + LATE_SECONDS))
    return _bounded(new)


def ended(spans: Spans, key: str, now: float) -> Spans:
    """The name is no longer that of the guest who had it."""
    if key not in spans:
        return spans
    until = now + LATE_SECONDS
    return {**spans, key: tuple(span._replace(until=min(span.until, until)) for span in spans[key])}


def lifted(spans: Spans, key: str) -> Spans:
    """What was said by those who had the name is to be seen again, whatever they were called."""
    numbers = {span.number for span in spans.get(key, ())}
    left = {one: tuple(span for span in kept if span.number not in numbers) for one, kept in spans.items()}
    return {one: kept for one, kept in left.items() if kept}


def number_of(spans: Spans, key: str) -> int:
    """Which guest has the name just now; 0: none of these."""
    return next((span.number for span in spans.get(key, ()) if span.until == inf), 0)


def _bounded(spans: Mapping[str, tuple[Span, ...]]) -> Spans:
    """The newest of them: of those of whom nobody is called so any more the eldest go first."""
    over = sum(map(len, spans.values())) - SPANS_MAX
    if over <= 0:
        return spans
    gone = set(sorted((span.until, key, span) for key, kept in spans.items() for span in kept)[:over])
    left = {key: tuple(span for span in kept if (span.until, key, span) not in gone) for key, kept in spans.items()}
    return {key: kept for key, kept in left.items() if kept}
