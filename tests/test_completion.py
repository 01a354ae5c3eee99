"""What Tab puts in."""

from chat_server.commands.completion import candidates
from chat_server.protocol.requests import ChooseMode, Help, Join, Login, Request, Say
from chat_server.protocol.syntax import word_of

HERE = (Say, Help, Join, Login, ChooseMode)


def complete(before: str, here: tuple[type[Request], ...] = HERE) -> list[str]:
    commands = {word_of(request): request for request in here}
    return candidates(before, commands=commands, rooms=("pm",), nicks=("ann", "pluto"))


def test_only_what_works_here_is_completed() -> None:
    assert complete("/mode e") == ["edit "]
    assert complete("/mode ", here=(Help,)) == []
    assert complete("/log", here=(Help,)) == []
    assert complete("/help mod", here=(Help,)) == []
    assert complete("/login pl") == ["pluto "]
    assert complete("/login pluto pl") == ["plain "]
    assert complete("") == []
