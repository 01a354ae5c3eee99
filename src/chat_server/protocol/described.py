"""What stands inside events: a command, so that a program can complete and explain it; a device; what somebody is forbidden.

Pure; never knows what a command does, nor how a line with one is read (typed.py), nor what it is made from (syntax.py).
"""

from msgspec import UNSET, Struct, UnsetType

from chat_server.protocol.requests import HowMany, Id


class Parameter(Struct, frozen=True):
    """What a command takes: a `word`, a `text` up to the end of the line, a `number`, a `date`, or a `flag` that is given or not.

    `typed` is what stands on a line for it, where that is not the value itself: a flag's letter. A text may have several `lines`, or is made one.
    A word is one of the `choices`, if there are any. A number that a person types is from `least` to `most`.
    """

    name: str
    kind: str
    required: bool
    help: str
    typed: str = ""
    lines: bool = False
    choices: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None


class CommandDescribed(Struct, frozen=True):
    """A command, as a program can complete and explain it.

    `where` it works: before login (`outside`), in the `hall`, in a `room`, in a `conversation` (a room `@NAME`).

    `name` is the word that people type for it, and what a program sends as `do`, if that is not another. `group` says what it is about: `general`,
    `talking`, `rooms`, `reading` back, one's `terminal`. `role` is who may, where not everybody may who has logged in. `may` says by where it works
    who may there, where few may: whoever stands at one of these places (`moderator`, `owner`, `server admin` and so on).
    """

    name: str
    usage: str
    help: str
    explanation: str
    parameters: tuple[Parameter, ...]
    where: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    group: str = ""
    role: str | UnsetType = UNSET
    do: str | UnsetType = UNSET
    may: dict[str, tuple[str, ...]] | UnsetType = UNSET

    @property
    def tag(self) -> str:
        """What a program sends as `do`."""
        return self.do or self.name


class LastLogin(Struct, frozen=True):
    """When an account was used before, and how many tries of its password have failed since then, from how many networks."""

    at: float
    failed: HowMany
    networks: HowMany
    zone: str
    was_ending: bool = False
    """Whether the account was about to end, which this login has taken back."""


class DeviceShown(Struct, frozen=True):
    """A device of an account's: a program with a token of its own."""

    number: Id
    name: str
    kind: str
    made: float
    seen: float
    network: str
    is_here: bool
    is_this: bool
    ends: float | UnsetType = UNSET
    """When it lets nobody in any more, if that is known."""
    rooms: tuple[str, ...] | UnsetType = UNSET
    """The rooms to which a bot is limited, if it is."""


class NetworkShown(Struct, frozen=True):
    """A network, shortened, from which an account has logged in, and when it was last there."""

    network: str
    seen: float


class Forbidden(Struct, frozen=True):
    """Something that somebody may not do in a room `until` a time (seconds since 1970): `id` is by what it is lifted."""

    id: Id
    what: str
    until: float
    by: str
    reason: str = ""
