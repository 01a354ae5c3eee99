"""Whether what somebody types just now may be a password that nobody has asked them for yet.

Who knows that their name has an account types on while the server is still being called. So until it has let the user in, or has said what it wants,
nothing of what is typed is kept or sent; once a password is asked for, it goes where that is asked, or nowhere. Whoever was let in before by what
is kept of them, and cannot connect just now, is asked for nothing: what they write is kept. Never knows what is typed.
"""

from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.language import message, say_count

AHEAD = message("What you typed before you were asked is in the field, unseen. Enter sends it.")

NOT_SENT = message(
    "You are logged in. What you typed before is in the prompt. If it is no password, press Enter to send it."
)

NOT_YET = message("You are not logged in yet. Nothing of that is sent or kept before you are.")


class EarlyTyping:
    """One for the user of a server."""

    def __init__(self, *, is_known: bool) -> None:
        """`is_known`: what is kept of the user has let them in before."""
        self._is_known = is_known
        self._is_let_in = False
        self.may_be_secret = True
        """Whether what is typed may be one. When one is asked for: whether what was typed before may."""
        self.was_none = False
        """Whether what was typed before was none: what is kept of the user has let them in, and they knew that it would."""

    def is_somebody_else(self) -> None:
        """The user wants to be let in under another name."""
        self._is_known = self._is_let_in = False

    def changed(self, change: ConnectionChanged) -> None:
        """The connection is in another state, and everybody has been told."""
        if change.status is Status.ONLINE or change.asks_proof:
            self.was_none = self._is_known and not change.asks_proof
            self._is_let_in = self._is_known = not change.asks_proof
        is_tried = change.status is Status.CONNECTING
        self.may_be_secret = not self._is_let_in and (is_tried or not self._is_known)


def thrown_away(lines: int) -> str:
    """What is told of lines that were typed before a password was asked for."""
    return say_count(
        "{number} line typed ahead is thrown away, unsent and not kept: it may be a password.",
        "{number} lines typed ahead are thrown away, unsent and not kept: a password may be among them.",
        lines,
    )
