"""chat-tui's flags and settings: what is wrong with them is said in a sentence, and nothing in them acts on the terminal."""

import os
from pathlib import Path

import pytest

import forks
from chat_tui.arguments import parsed
from chat_tui.cli import main
from chat_tui.settings import Settings, SettingsError, load
from tmux_windows import PROGRAM


def test_what_is_wrong_with_flags_and_settings_is_said_in_one_line(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[keys]\ndance = "ctrl+o"\n')
    for flags, told in (
        (["--config", str(config)], "there is no such action"),
        (["--profile", "home", "--config", os.devnull], "there is no profile home"),
        (["--nick", "a b", "--config", os.devnull], "a name has"),
        (["host:99999", "--config", os.devnull], "a port is a number"),
    ):
        done = forks.run([*PROGRAM, *flags], capture_output=True, text=True)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert told in done.stderr


ESC = "\x1b]0;owned\x07"


@pytest.mark.parametrize(
    ("flags", "settings"),
    [
        ([f"--{ESC}"], ""),
        (["--nick", ESC], ""),
        (["--profile", ESC], ""),
        ([f"{ESC}:99999"], ""),
        ([ESC], ""),
        (["--config", f"/nowhere/{ESC}"], ""),
        ([], '"\\u001b[2J" = 1\n'),
        ([], '[keys]\n"\\u001b[2J" = "x"\n'),
        ([], 'time_format = "\\u001b[2J"\n'),
        ([], 'time_format = "\\u0000"\n'),
        ([], '[profiles.default]\nhost = "\\u001b[2J"\n'),
        ([], '[profiles.default]\nrooms = ["\\u001b[2J"]\n'),
        ([], "a = " + "[" * 100_000),
    ],
)
def test_no_flag_and_nothing_in_the_settings_can_act_on_the_terminal(
    tmp_path: Path, flags: list[str], settings: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.toml").write_text(settings)
    try:
        code: object = main(["--config", str(tmp_path / "config.toml"), *flags, "--plain"])
    except SystemExit as end:
        code = end.code
    told = capfd.readouterr()
    assert (code, told.out) == (2, "")
    assert "chat-tui: " in told.err
    assert all(line.isprintable() for line in told.err.splitlines())


def test_the_settings_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b'\xef\xbb\xbftheme = "chat-light"\n')
    assert load(tmp_path / "config.toml", must_exist=True).theme == "chat-light"


def test_the_settings_that_are_printed_are_the_defaults(tmp_path: Path) -> None:
    printed = forks.run([*PROGRAM, "--print-config"], capture_output=True, text=True, check=True).stdout
    path = tmp_path / "config.toml"
    path.write_text(printed)
    assert load(path, must_exist=True) == Settings()
    assert printed.count("#") > 10


def test_room_takes_one_name_and_the_host_stays_the_host() -> None:
    for flags in (
        ["--room", "python", "chat.example.org", "--room", "pm"],
        ["chat.example.org", "--room", "python", "--room", "pm"],
    ):
        chosen = parsed(flags)
        assert (chosen.address, chosen.room) == (["chat.example.org"], ["python", "pm"])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("them = 'x'", "them: unknown key; did you mean theme?"),
        ("[look]\nmarkdown = false", "look: unknown key; expected one of: theme, "),
        ("[notify]\nbel = true", "notify.bel: unknown key; did you mean notify.bell?"),
        ("[notify]\nbell = 3", "notify.bell: expected true or false, got a whole number"),
        ("[profiles.work]\nhots = 'x'", "profiles.NAME.hots: unknown key; did you mean profiles.NAME.host?"),
        ("[profiles.work]\nport = 99999", "profiles.NAME.port: expected a whole number <= 65535"),
        ("[profiles.work]\nrooms = [3]", "profiles.NAME.rooms: expected text in quotes, got a whole number"),
        ("[keys]\njump = 3", "keys.NAME: expected text in quotes, got a whole number"),
        ("theme 'x'", "not TOML: "),
        pytest.param(f"[profiles.work]\nport = {'9' * 5000}", "not TOML: ", id="digits"),
    ],
)
def test_a_mistake_in_the_settings_is_one_sentence_with_the_key_and_what_was_expected(
    tmp_path: Path, text: str, complaint: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as refused:
        load(file, must_exist=True)
    assert str(refused.value).startswith(f"{file}: {complaint}")


def test_a_preset_of_keys_that_there_is_not_is_said(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[keys]\npreset = "vi"\n')
    with pytest.raises(SettingsError, match=r"keys\.preset: there is no preset vi; there is readline"):
        load(file, must_exist=True)
    file.write_text('[keys]\npreset = "readline"\njump = "ctrl+o"\n')
    assert load(file, must_exist=True).keys == {"preset": "readline", "jump": "ctrl+o"}
