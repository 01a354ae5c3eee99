"""What somebody is told whom a store of accounts refuses what they have asked for. Pure; never knows who they are."""

from msgspec.structs import replace

from chat_server.accounts.look_alikes import difference
from chat_server.accounts.names_index import Refusal
from chat_server.protocol.events import Refused

_REFUSED = {
    "taken": Refused("name-registered"),
    "kept": Refused("name-kept"),
    "code": Refused("wrong-code"),
    "devices": Refused("too-many-devices"),
    "codes": Refused("too-many-codes"),
    "token": Refused("account-gone"),
    "gone": Refused("account-gone"),
    "held": Refused("name-taken"),
    "changed": Refused("changed-meanwhile"),
}


def refused(refusal: Refusal, nick: str) -> Refused:
    """What somebody is told who cannot have a name, or what they have asked for."""
    if refusal.why == "alike":
        return Refused("name-like-registered", difference(nick, refusal.name))
    if refusal.why == "like-held":
        return Refused("name-like-another", difference(nick, refusal.name))
    name = "" if refusal.why == "held" else refusal.name  # it counts as the same, and is theirs to spell
    return replace(_REFUSED[refusal.why], details={"nick": name or nick})
