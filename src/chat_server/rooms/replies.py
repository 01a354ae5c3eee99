"""To whom a reply goes: to whoever wrote last, and never to somebody else than the one who replies may have had in mind. Pure."""


class Replies:
    """For one session."""

    __slots__ = ("_newer", "_to")

    def __init__(self) -> None:
        """Nobody has written."""
        self._to = ""
        self._newer = ""

    def note(self, who: str) -> None:
        """Somebody has written to the session."""
        if not self._to:
            self._to = who
        elif who != self._to:
            self._newer = who

    def target(self) -> tuple[str, bool]:
        """Whom a reply is for ("": nobody has written), and whether it can go: else another has written since, and it goes to that one next time."""
        if self._newer:
            self._to, self._newer = self._newer, ""
            return self._to, False
        return self._to, True
