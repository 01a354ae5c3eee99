"""Every sentence, in every language, and nothing else in the catalogues."""

import runpy
import subprocess
import sys
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from msgspec import defstruct

from chat_server.config import ServerTable
from chat_server.protocol import entries, events
from chat_server.protocol.choices import LANGUAGES, find_language
from chat_server.wire.render.languages import translator_for
from chat_server.wire.render.sentences import SENTENCES, sentence, text_of
from processes import ROOT

LINES = (entries.Said("python", 1, 0.0, "ann", "你好"), entries.TopicSet("python", 2, 86400.0, "ann", "蛇"))


def test_no_sentence_is_missing_from_a_catalogue_and_none_is_stale() -> None:
    """What scripts/catalogue finds in the source is what there is in each language, translated, with the same details and commands.

    What it finds wrong it prints; what the library that reads the source has to remark goes to standard error, and is nobody's fault.
    """
    command = [sys.executable, str(ROOT / "scripts" / "catalogue.py"), "--check"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (checked.stdout, checked.returncode) == ("", 0), checked.stderr


@pytest.mark.parametrize(
    "source",
    ['translator.text(f"{nick} left.")', 'f"{translator.text("Goodbye.")} {nick}"', 'translator.count("a", f"{n}", n)'],
)
def test_a_sentence_that_no_catalogue_can_have_is_named(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "catalogue.py"))
    (tmp_path / "sentences.py").write_text(f"shown = {source}\n".replace('"Goodbye."', "'Goodbye.'"))
    monkeypatch.setitem(script["main"].__globals__, "SOURCE", tmp_path)
    monkeypatch.setattr(sys, "argv", ["catalogue", "--check"])
    assert script["main"]()
    assert "sentences.py:1: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("where", "thrown", "named"),
    [
        ("ANSWERS", (events.Answered, (), ""), "Thrown has no sentence"),
        ("REFUSALS", (events.Refused, (), ""), "Thrown has no sentence"),
        ("ANSWERS", (events.Answered, ("shown",), "{show}."), "Thrown has no field show, which its sentence names"),
        ("EVENTS", (events.Event, ("shown",), "{show}."), "Thrown has no field show, which its sentence names"),
        ("ANSWERS", (events.Answered, ("text",), "{text}."), "Thrown has a field text: its sentence is sent as that"),
    ],
)
def test_what_its_sentence_cannot_tell_is_named(
    where: str,
    thrown: tuple[type[events.Event], tuple[str, ...], str],
    named: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "catalogue.py"))
    base, fields, told = thrown
    kind = defstruct("Thrown", fields, bases=(base,), namespace={"sentence": told} if told else {}, frozen=True)
    monkeypatch.setitem(script["main"].__globals__, where, (kind,))
    monkeypatch.setattr(sys, "argv", ["catalogue", "--check"])
    assert script["main"]()
    assert named in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("code", SENTENCES)
def test_every_refusal_is_said_in_chinese(code: str) -> None:
    names = "nick room near word usage limit zone language charset field why seconds value least most choices name other letter which reason minutes"
    names += " span id who number"
    details = dict.fromkeys(names.split(), "1")
    assert not sentence(code, details, "zh").isascii()


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (events.Joined("python", ("小明",)), "* 小明 进来了\r\n"),
        (events.Joined("python", ("ann", "小明", "bob")), "* ann、小明 和 bob 进来了\r\n"),
        (events.Left("python", ("ann", "bob"), 210), "* ann、bob 和另外 210 人离开了\r\n"),
        (events.Left("python", ("ann", "bob"), 1), "* ann、bob 和另外 1 人离开了\r\n"),
        (events.Skipped(1), "* 您的连接跟不上，已跳过 1 行。\r\n"),
        (events.Skipped(214, {"python": 7}), "* 您的连接跟不上，已跳过 214 行。用 /since 7 查看错过的消息。\r\n"),
        (events.Refused("usage", {"usage": "/me ACTION"}), "* 用法：/me 动作\r\n"),
        (events.Refused("usage", {"usage": "/x [UNHEARD]"}), "* 用法：/x [UNHEARD]\r\n"),
        (
            events.Refused("usage", {"usage": "/me ACTION", "why": "usage-missing", "field": "action"}),
            "* 缺少：动作。用法：/me 动作\r\n",
        ),
        (
            events.Refused("usage", {"usage": "/date DAY", "why": "usage-not-a-day", "value": "昨天天"}),
            "* “昨天天”不是日期。请写成 2026-11-20、昨天、周一、3 天前或昨天 14:00。\r\n",
        ),
        (events.Dismissed("idle", {"seconds": "1"}), "* 您已有 1 秒没有说话。再见。\r\n"),
        (
            entries.Recalled("python", LINES, None, 2, "UTC"),
            (
                "* --- 1970 年 1 月 1 日 ---\r\n#1 00:00 ann: 你好\r\n* --- 1970 年 1 月 2 日 ---\r\n"
                "#2 00:00 * ann 将话题设为：蛇\r\n* --- 现在 ---\r\n"
            ),
        ),
        (
            events.HelpListed((("/last [COUNT]", "Read the newest lines"),), ("pm", "write")),
            "* /last [条数] - 看最新的消息\r\n* 房间名也可以当命令用：/pm、/write\r\n",
        ),
        (
            events.CommandExplained("/logout", "Leave the server.", ("quit",)),
            "* 用法：/logout\r\n* 离开服务器。\r\n* 也可以写：/quit\r\n",
        ),
    ],
)
def test_plurals_dates_and_help_are_right_in_chinese(event: events.Event, shown: str) -> None:
    assert text_of(event, "zh") == shown


def test_plurals_are_right_in_english() -> None:
    assert sentence("idle", {"seconds": "1"}) == "You said nothing for 1 second. Goodbye."
    assert sentence("idle", {"seconds": "0.5"}) == "You said nothing for 0.5 seconds. Goodbye."
    assert text_of(events.Slowed(1)) == "* You are sending faster than 1 line a second; the rest follows in order.\r\n"
    assert (
        text_of(events.Slowed(0.5))
        == "* You are sending faster than 0.5 lines a second; the rest follows in order.\r\n"
    )


def test_nothing_that_a_person_said_is_taken_for_a_sentence_or_a_detail() -> None:
    said = events.TopicShown("python", "{room} Goodbye. {0.__class__}")
    assert text_of(said, "zh") == "* python 的话题：{room} Goodbye. {0.__class__}\r\n"


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("zh", "zh"),
        ("ZH_CN.UTF-8", "zh"),
        ("中文", "zh"),
        ("English", "en"),
        ("en-GB", "en"),
        ("zhx", None),
        ("", None),
    ],
)
def test_a_language_is_found_by_its_usual_names(name: str, language: str | None) -> None:
    assert find_language(name) == language


def test_a_screen_reader_is_not_made_to_read_dashes() -> None:
    for language in LANGUAGES:
        assert "--" not in translator_for(language, is_plain=True).rule("now")


def test_a_language_is_found_by_its_english_name() -> None:
    assert find_language("Chinese") == find_language("cn") == "zh"


def test_a_server_can_greet_in_every_language() -> None:
    language = get_type_hints(ServerTable)["language"]
    assert {*get_args(language)} == LANGUAGES.keys()
