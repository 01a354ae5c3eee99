"""What a program is told of a command, so that it can complete and explain it.

Pure; never knows what a command does, nor how a line with one is read (typed.py), nor what it is made from (syntax.py).
"""

from msgspec import UNSET, Struct, UnsetType


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
    """A command, as a program can complete and explain it. `where` it works: before login (`outside`), in the `hall`, in a `room`.

    `name` is the word that people type for it, and what a program sends as `do`, if that is not another. `group` says what it is about: `general`,
    `talking`, `rooms`, `reading` back, one's `terminal`. `role` is who may, where not everybody may who has logged in.
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

    @property
    def tag(self) -> str:
        """What a program sends as `do`."""
        return self.do or self.name
