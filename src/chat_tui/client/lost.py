"""Why a connection is over, and what follows from that: another attempt, somewhere else or later, or none. Never knows how one is made."""

from typing import Any

from chat_server.protocol.events import Dismissed
from chat_tui.client.accounts import ENDS_TOKEN

RESTARTING = "restarting"
"""Why a server dismisses everybody that begins anew at once."""


class Lost(Exception):
    """The connection is over. The sentence is for the user."""


class TakenForPerson(Lost):
    """The server took this program for a person, and stays with that."""


class SentAway(Lost):
    """The server has sent the user to another of its nodes, or to itself as it will be in a moment."""

    def __init__(self, farewell: Dismissed) -> None:
        super().__init__(farewell.text)
        self.farewell = farewell


class Unwanted(Lost):
    """It is over, and to try again would not help. `more` is as in ConnectionChanged."""

    def __init__(self, why: str, code: str = "", **more: Any) -> None:
        super().__init__(why)
        self.code, self.more = code, more


def end_of(farewell: Dismissed) -> Lost:
    """What it means that the server has said this last."""
    if farewell.why in ENDS_TOKEN:
        return Unwanted(farewell.text, farewell.why, asks_proof=True)
    if farewell.why in ("moved", RESTARTING):
        return SentAway(farewell)
    is_unwanted = farewell.why.startswith(("taken-over", "kicked", "banned", "network-banned"))
    return (Unwanted if is_unwanted else Lost)(farewell.text)
