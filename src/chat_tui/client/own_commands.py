"""Commands of the screen itself, which no server is asked for. A command of the server that is called so goes first.

Pure; never knows what they do.
"""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from chat_server.protocol.described import CommandDescribed, Parameter
from chat_server.protocol.typed import Misuse, form_of, read_arguments
from chat_tui.client.command_line import Asked, Misused, misused
from chat_tui.language import message, say


def _own(
    name: str, text: str, *parameters: Parameter, usage: str = "", group: str = "terminal"
) -> tuple[str, CommandDescribed]:
    return name, CommandDescribed(name, f"/{name}{usage}", text, text, parameters, ("room",), group=group)


def _taken(name: str, kind: str, *choices: str) -> Parameter:
    return Parameter(name, kind, required=False, help="", choices=choices, least=1 if kind == "number" else None)


OWN = dict(
    (
        _own("joins", message("Show or hide who comes and goes in this room.")),
        _own(
            "notify",
            message("Choose of which lines of this room you are notified; settings: as the settings say."),
            _taken("which", "word", "all", "mentions", "nothing", "settings"),
            usage=" [all|mentions|nothing|settings]",
        ),
        _own(
            "quiet", message("Mute this room, or end that: it stays low in the list, and only what names you counts.")
        ),
        _own("pin", message("Have this room first in the list, or no longer.")),
        _own(
            "read",
            message("Mark this room as read; all: every room."),
            _taken("which", "word", "all"),
            usage=" [all]",
            group="reading",
        ),
        _own(
            "unread",
            message("Mark a line and what follows it as unread; without a number, from the top of the screen on."),
            _taken("number", "number"),
            usage=" [NUMBER]",
            group="reading",
        ),
        _own(
            "connect",
            message("Connect to one more server in this window, by a profile's name or its address."),
            _taken("server", "word"),
            usage=" [PROFILE|HOST[:PORT]]",
        ),
        _own(
            "split",
            message(
                "Show a second room beside this one, in a wide window; without a name, the one that is there is closed."
            ),
            _taken("room", "word"),
            usage=" [ROOM]",
        ),
        _own("disconnect", message("Leave this server; other servers in this window stay.")),
        _own("links", message("Show the links in the lines of this room, to open or copy one."), group="reading"),
    )
)
"""By word, in English."""


LINE_BY_LINE = {word: OWN[word] for word in ("joins", "pin", "read")} | dict(
    (
        _own(
            "notify",
            message("Choose which lines of this room ring the bell; settings: as the settings say."),
            *OWN["notify"].parameters,
            usage=" [all|mentions|nothing|settings]",
        ),
        _own("quiet", message("Mute this room, or end that: only what names you is read out.")),
        _own(
            "unread",
            message("Show what is unread; with a number, mark that line and what follows it as unread."),
            _taken("number", "number"),
            usage=" [NUMBER]",
            group="reading",
        ),
        _own(
            "links",
            message("List the links that were read out in this room; with a number, open one."),
            _taken("number", "number"),
            usage=" [NUMBER]",
            group="reading",
        ),
        _own("times", message("Have the time beside each line, or no longer.")),
    )
)
"""Those of the line-by-line program."""


def own_commands(profiles: Iterable[str] = ()) -> dict[str, CommandDescribed]:
    """All of them by word, explained in the language that is spoken; `profiles` are those that Tab completes."""
    commands = {
        word: replace(command, help=say(command.help), explanation=say(command.explanation))
        for word, command in OWN.items()
    }
    server = replace(OWN["connect"].parameters[0], choices=tuple(profiles))
    return {**commands, "connect": replace(commands["connect"], parameters=(server,))}


def own_command(
    text: str,
    others: Mapping[str, CommandDescribed],
    language: str = "en",
    *,
    own: Mapping[str, CommandDescribed] = OWN,
) -> Asked | Misused | None:
    """What a typed text asks of the program; None if it asks for nothing of that. `others` are the server's commands, by word."""
    if not text.startswith("/") or "\n" in text:
        return None
    word, rest = [*text[1:].split(maxsplit=1), "", ""][:2]
    command = own.get(word.casefold())
    if command is None or word.casefold() in others or not text[1:].startswith(word):
        return None
    given = read_arguments(rest, form_of(command.parameters))
    return misused(given, command.usage, language) if isinstance(given, Misuse) else Asked(command.name, given)
