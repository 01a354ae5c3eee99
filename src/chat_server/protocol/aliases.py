"""Words of somebody's own for what they often type: what such a word stands for. Pure; never knows where they are kept."""

from collections.abc import Callable, Mapping

from chat_server.protocol.names import name_key

KIND = "alias"
"""Under which of what somebody chooses they are kept: what each stands for, by its word's key."""

ALIASES_MAX = 50
"""Words that somebody has."""

TEXT_MAX = 400
"""Characters of what one stands for."""

REST = "$*"
"""Stands in it for what is typed after the word."""

RESTS_MAX = 4
"""How often: else one line would become hundreds as long."""

EXPANDED_MAX = 4096
"""Bytes of what one becomes: no more than somebody may type."""


def aliases_of(choices: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    """The words of somebody who has chosen this, by their keys, with what each stands for."""
    return words_of(choices, KIND)


def words_of(choices: Mapping[str, Mapping[str, object]], kind: str) -> dict[str, str]:
    """The words of this kind of somebody who has chosen this, by their keys, each with its text."""
    kept = choices.get(kind)
    return {word: text for word, text in kept.items() if isinstance(text, str)} if kept else {}


def expanded(text: str, rest: str) -> str:
    """What a word becomes that stands for this text, with what is typed after it: where the text says, or else at its end."""
    if REST in text:
        return text.replace(REST, rest, RESTS_MAX).strip()
    return f"{text} {rest}" if rest else text


def expanded_line(line: str, aliases: Mapping[str, str], is_command: Callable[[str], bool]) -> str:
    """The line; or what it becomes, if it begins with one of these words, and that is no command's. What comes of it is not looked at again."""
    if not aliases or not line.startswith("/") or line.startswith("//") or "\n" in line:
        return line
    word, rest = [*line[1:].split(maxsplit=1), "", ""][:2]
    text = None if is_command(word) or not line[1:].startswith(word) else aliases.get(name_key(word))
    return line if text is None else expanded(text, rest.rstrip())
