"""Themes that are files of the user's; and terminals that show less than others: no colours, sixteen, ASCII."""

import re
from pathlib import Path

import pytest

from chat_tui.settings import Settings, SettingsError
from chat_tui.starting import _sixteen_colours
from chat_tui.ui.ascii import SIGNS
from chat_tui.ui.colours import DARK, LIGHT, Palette
from chat_tui.ui.keyboard import Keyboard
from chat_tui.ui.theme_files import BYTES_MAX, Themes, doubts, read_theme, read_themes
from processes import ROOT
from showcase import arrange, showcase
from stories import Pilot, StoryApp, beginning, play, settle

EXAMPLE = re.findall(
    r"```toml\n(# themes/dusk\.toml.*?)```", (ROOT / "docs" / "chat-tui.md").read_text("utf-8"), re.DOTALL
)


def written(directory: Path, name: str, text: str) -> Path:
    path = directory / "themes" / f"{name}.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_one_in_the_document_names_every_colour_and_all_can_be_read(tmp_path: Path) -> None:
    (text,) = EXAMPLE
    palette = read_theme(written(tmp_path, "dusk", text))
    assert palette.poor_contrasts() == []
    assert doubts("dusk", palette) == ""
    assert all(re.search(rf"^{name} = ", text, re.MULTILINE) for name in Palette.__struct_fields__)
    assert all(getattr(palette, name) != getattr(DARK, name) for name in Palette.__struct_fields__ if name != "is_dark")


@pytest.mark.parametrize(("text", "base"), [("", DARK), ("is_dark = false", LIGHT)])
def test_what_is_left_out_is_as_in_ours(text: str, base: Palette, tmp_path: Path) -> None:
    palette = read_theme(written(tmp_path, "mine", f'{text}\nsoft = "#000000"'))
    assert (palette.soft, palette.text, palette.names) == ("#000000", base.text, base.names)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("pane = 'blue'", 'pane: expected text in quotes such as "#1d1a24"'),
        ("panel = '#112233'", "panel: unknown key; did you mean pane?"),
        ("names = []", "names: "),
        ("names = ['#112233', 'red']", "names"),
        ("pane = '#11223", "not TOML: "),
        pytest.param(f"pane = {'9' * 5000}", "not TOML: ", id="digits"),
        pytest.param("#" * (BYTES_MAX + 1), "this is no theme: it is too long", id="too long"),
        ("a = " + "[" * 5000, ""),
    ],
)
def test_what_is_wrong_is_one_sentence_with_the_file_and_the_colour(text: str, complaint: str, tmp_path: Path) -> None:
    path = written(tmp_path, "mine", text)
    with pytest.raises(SettingsError) as wrong:
        read_theme(path)
    assert str(wrong.value).startswith(f"{path}: {complaint}")
    assert "\n" not in str(wrong.value)


def test_those_of_a_directory_are_read_and_what_is_wrong_with_one_harms_no_other(tmp_path: Path) -> None:
    assert read_themes(tmp_path / "themes") == Themes({}, {})
    written(tmp_path, "good", "")
    written(tmp_path, "bad", "x = 1")
    found = read_themes(tmp_path / "themes")
    assert found.palettes == {"good": DARK}
    assert list(found.wrong) == ["bad"]


@pytest.mark.parametrize("name", ["my theme", "暮色", "a.b"])
def test_a_file_whose_name_is_none_for_a_theme_is_told_of_and_ends_nothing(name: str, tmp_path: Path) -> None:
    path = written(tmp_path, name, "")
    found = read_themes(tmp_path / "themes")
    assert found == Themes({}, {name: f"{path}: a theme is called by letters from a to z, digits, - and _ alone"})


def test_what_cannot_be_read_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "themes" / "dir.toml").mkdir(parents=True)
    (tmp_path / "themes" / "bytes.toml").write_bytes(b"\xff\xfe")
    wrong = read_themes(tmp_path / "themes").wrong
    assert wrong["dir"] == f"{tmp_path / 'themes' / 'dir.toml'}: Is a directory"
    assert wrong["bytes"].endswith("bytes.toml: this is no theme: it is not UTF-8")


@pytest.mark.parametrize(
    ("name", "themes", "instead"),
    [
        ("nowhere", Themes({}, {}), "chat-dark"),
        ("ansi-mine", Themes({}, {}), "chat-dark"),
        ("ansi-dark", Themes({"ansi-dark": DARK}, {}), "ansi-light"),
    ],
)
def test_where_there_is_no_such_theme_that_is_said_and_another_is_taken(
    name: str, themes: Themes, instead: str
) -> None:
    app = StoryApp(beginning(), settings=Settings(theme=name), themes=themes)

    async def act(pilot: Pilot) -> None:
        await settle(pilot)
        assert app.theme == instead
        assert f"There is no theme {name}. F2 has all that there are." in app.toasts()

    play(app, act)


def test_one_of_the_users_may_be_called_as_those_of_sixteen_colours_are() -> None:
    app = StoryApp(beginning(), settings=Settings(theme="ansi-mine"), themes=Themes({"ansi-mine": DARK}, {}))
    assert app.theme == "ansi-mine"


def test_what_can_hardly_be_read_is_said_with_its_contrast() -> None:
    assert doubts("fog", Palette(soft="#606060")).startswith("Theme fog: soft on ")
    assert "has a contrast of" in doubts("fog", Palette(soft="#606060"))


def test_ones_own_theme_is_used_and_listed_and_f9_comes_back_to_it() -> None:
    themes = Themes({"dusk": Palette(background="#1d1a24", soft="#606060")}, {"bad": "bad.toml: x: unknown key"})
    app = StoryApp(beginning(), settings=Settings(theme="dusk"), themes=themes)

    async def act(pilot: Pilot) -> None:
        assert app.theme == "dusk"
        assert "dusk" in app.available_themes
        assert app.chat.visual_style.background is not None
        assert app.chat.visual_style.background.hex6.lower() == "#1d1a24"
        assert any("Theme dusk: soft on" in toast for toast in app.toasts())
        assert any("bad.toml" in toast for toast in app.toasts())
        seen = []
        for _ in range(2):
            await pilot.press("f9")
            await settle(pilot)
            seen.append(app.theme)
        assert seen == ["chat-light", "dusk"]

    play(app, act)


# Terminals that show less.


def test_without_colours_only_themes_without_any_are_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    app = StoryApp(beginning(), settings=Settings(theme="ansi-dark"))
    assert {theme.ansi for theme in app.available_themes.values()} == {True}
    monkeypatch.setenv("NO_COLOR", "1")
    assert [_sixteen_colours(name, Keyboard()) for name in ("ansi-light", "chat-light")] == ["ansi-light", "ansi-light"]
    assert _sixteen_colours("nord", Keyboard()).startswith("ansi-"), "whatever else was chosen"


def test_where_only_ascii_is_shown_everything_that_the_program_draws_is_that() -> None:
    app = showcase(ascii=True)

    async def act(pilot: Pilot) -> None:
        await arrange(pilot)
        shown = app.screen_text()
        theirs = "李雷你好今天发布吗我可以测试👋µ"
        assert {letter for letter in shown if not letter.isascii()} <= set(theirs)
        assert any(row[20:21] == "!" and "see https" in row for row in shown.split("\n")), "a line for the reader"
        assert "+-----" in shown, "the prompt has its border"
        assert "* chat.example.org" in shown
        assert ":+1: 2" in shown
        await pilot.press("alt+up", "alt+up")
        await settle(pilot)
        assert sum(">" in row[20:26] for row in app.screen_text().split("\n")) >= 1, "the line that is chosen"

    play(app, act, size=(120, 40))


def test_each_sign_has_a_letter_of_the_same_width() -> None:
    assert all(len(letter) == 1 and letter.isascii() for letter in SIGNS.values())
