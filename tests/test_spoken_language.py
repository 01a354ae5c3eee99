"""In which language chat-tui speaks, and the server to it."""

import os
import subprocess
import sys

import pytest
import trio

from chat_tui import language
from chat_tui.language import say, say_count, spoken, wanted
from streams import open_house


@pytest.mark.parametrize(
    ("environment", "shown"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_TW.UTF-8", "LC_MESSAGES": "C"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LANGUAGE": "en:zh"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LANGUAGE": "de:zh"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_the_language_is_the_environments_if_it_is_one_of_ours(environment: dict[str, str], shown: str) -> None:
    language.begin("", environment)
    assert spoken() == shown


def test_what_the_user_has_chosen_goes_before_the_environment_and_the_servers_choice() -> None:
    language.begin("zh", {"LANG": "en_US.UTF-8"})
    assert say("none") == "无"
    language.follow("en", was_asked=False)
    assert spoken() == "zh"
    language.follow("en", was_asked=True)
    assert (spoken(), say("none"), wanted()) == ("en", "none", "en")


def test_without_a_choice_chat_tui_speaks_as_the_account_has_chosen() -> None:
    language.begin("", {"LANG": "en_US.UTF-8"})
    language.follow("zh", was_asked=False)
    language.follow("tlh", was_asked=True)
    assert (spoken(), wanted()) == ("zh", "zh")


def test_nothing_is_asked_of_the_server_where_nobody_has_said_which_language() -> None:
    language.begin("", {"LANG": "C"})
    assert (spoken(), wanted()) == ("en", "")


def test_the_command_line_speaks_as_its_flag_its_file_or_its_environment_say() -> None:
    def complaint(*flags: str, **environment: str) -> str:
        command = [sys.executable, "-m", "chat_tui", *flags, "a:99999"]
        env = {**os.environ, "LANGUAGE": "", "LC_ALL": "C.UTF-8", **environment}
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False).stderr

    assert "is no port" in complaint()
    assert "不是端口" in complaint("--lang", "zh")
    assert "不是端口" in complaint(LC_ALL="zh_CN.UTF-8")
    assert "is no port" in complaint("--lang", "English", LC_ALL="zh_CN.UTF-8")
    for flags, told in ((("--nope",), "无法识别的参数：--nope"), (("--wait",), "参数 --wait：")):
        assert complaint(*flags, LC_ALL="zh_CN.UTF-8").startswith("用法：chat-tui [-h]")
        assert told in complaint(*flags, LC_ALL="zh_CN.UTF-8")
        assert complaint(*flags).startswith("usage: chat-tui [-h]")


async def test_the_server_speaks_the_language_of_a_hello_until_one_is_chosen(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        program = house.connect()
        await program.ask("hello", protocol=2, language="zh_CN")
        assert (await program.wait_for("hello"))["language"] == "zh"
        await program.ask("login", nick="ann")
        await program.wait_for("logged-in")
        await program.ask("topic", room="nowhere")
        assert not (await program.wait_for("refused"))["text"].isascii()
        await program.ask("lang", language="en")
        await program.wait_for("chosen")
        await program.ask("hello", protocol=2, language="zh")
        assert (await program.wait_for("hello"))["language"] == "en"


async def test_a_language_that_the_server_has_not_changes_nothing(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        program = house.connect()
        await program.ask("hello", language="tlh")
        assert (await program.wait_for("hello"))["language"] == "en"


def test_counts_are_said_for_one_and_for_many() -> None:
    assert say_count("{number} x", "{number} xs", 1) == "1 x"
    assert say_count("{number} x", "{number} xs", 2) == "2 xs"
