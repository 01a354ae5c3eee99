"""What a server counts of its callers, since it began: how many came, and what they were refused. A value; it knows nothing."""

from collections import Counter


class Tally:
    """Counters of one server."""

    def __init__(self) -> None:
        """Nobody has come."""
        self.callers: Counter[str] = Counter({"let-in": 0})
        """Callers, by what became of them: let in, or why not, as a key of the catalogue of sentences."""
        self.refusals: Counter[str] = Counter()
        """What somebody asked for and was refused, by the key of why."""
