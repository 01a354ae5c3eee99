"""Textual's themes from palettes of colours, the variables that our style sheets have beside Textual's own, and colours for names. Pure."""

from functools import cache

from textual.color import Color
from textual.style import Style
from textual.theme import Theme
from textual.widget import Widget

from chat_tui.ui.colours import CONTRAST_MIN, DARK, LIGHT, Palette, blended, contrast, softened

ANSI_ON_DARK = ("bright_red", "bright_green", "bright_yellow", "bright_blue", "bright_magenta", "bright_cyan")
ANSI_ON_LIGHT = ("red", "blue", "magenta")
"""Of the sixteen colours those for names. In xterm's table each has 4 to 1 at least; on white, green has 2.2, yellow 1.7, cyan 1.9."""

DARK_NAME, LIGHT_NAME = "chat-dark", "chat-light"


def theme_of(name: str, palette: Palette) -> Theme:
    """A theme with these colours. What Textual would work out itself is given too: else it takes shades that nobody has measured."""
    return Theme(
        name=name,
        primary=palette.accent,
        secondary=palette.keyword,
        accent=palette.accent,
        warning=palette.mention,
        error=palette.danger,
        success=palette.ok,
        foreground=palette.text,
        background=palette.background,
        surface=palette.pane,
        panel=palette.raised,
        dark=palette.is_dark,
        variables={
            **_ours(palette),
            **{f"name-{number}": colour for number, colour in enumerate(palette.names)},
            "text-primary": palette.accent,
            "text-accent": palette.accent,
            "text-warning": palette.mention,
            "text-error": palette.danger,
            "text-success": palette.ok,
            "text-disabled": palette.soft,
            "foreground-muted": palette.soft,
            "block-cursor-background": palette.accent,
            "block-cursor-foreground": palette.on_accent,
            "border": palette.accent,
            "border-blurred": palette.line,
            "input-selection-background": palette.selected,
            "screen-selection-background": palette.selected,
            "screen-selection-foreground": palette.text,
        },
    )


def _ours(palette: Palette) -> dict[str, str]:
    return {
        "text-muted": palette.soft,
        "selected": palette.selected,
        "mentioned": palette.mentioned,
        "code": palette.code,
        "line": palette.line,
        "faint": palette.faint,
        "on-accent": palette.on_accent,
        "keyword": palette.keyword,
        "string": palette.string,
    }


CHAT_DARK = theme_of(DARK_NAME, DARK)
CHAT_LIGHT = theme_of(LIGHT_NAME, LIGHT)

_ANSI = {
    "text-muted": "ansi_default",
    "selected": "ansi_default",
    "mentioned": "ansi_default",
    "code": "ansi_default",
    "line": "ansi_bright_black",
    "faint": "ansi_default",
    "on-accent": "ansi_black",
    "keyword": "ansi_default",
    "string": "ansi_default",
}
"""Where the terminal has its own colours, nobody knows what can be read on what: text has the terminal's, and signals have other signs."""


def own_variables(theme: Theme, generated: dict[str, str]) -> dict[str, str]:
    """What our style sheets ask for beside what Textual works out for a theme: its own, or what is near to it in another one of Textual's."""
    if "name-0" in theme.variables:
        return {}
    if theme.ansi:
        return _ANSI
    text, background = _hex(generated["foreground"]), _hex(generated["background"])
    surfaces, warning = _surfaces(generated), _hex(generated["warning"])
    own = DARK if theme.dark else LIGHT

    def readable(name: str, ours: str) -> str:
        """Textual's own shade where it can be read, else ours, else the text's."""
        return next((one for one in (_hex(generated[name]), ours) if _is_read(one, surfaces)), text)

    return {
        "text-muted": softened(text, surfaces),
        "text-primary": readable("primary", own.accent),
        "text-accent": readable("accent", own.accent),
        "text-warning": readable("warning", own.mention),
        "text-error": readable("error", own.danger),
        "text-success": readable("success", own.ok),
        "foreground": text,
        "surface": surfaces[1],
        "panel": surfaces[2],
        "selected": surfaces[3],
        "mentioned": surfaces[4],
        "code": _near(blended(background, text, 0.06), background, text),
        "line": blended(background, text, 0.2),
        "faint": blended(background, text, 0.45),
        "on-accent": max(("#000000", "#ffffff"), key=lambda one: contrast(one, warning)),
        "keyword": own.keyword if _is_read(own.keyword, surfaces) else text,
        "string": own.string if _is_read(own.string, surfaces) else text,
    }


def _surfaces(generated: dict[str, str]) -> tuple[str, ...]:
    """What text stands on in another theme of Textual's: background, surface, panel, and our tints; nearer to the first where they are too far."""
    background, text = _hex(generated["background"]), _hex(generated["foreground"])
    surface, panel = (_hex(generated[name]) for name in ("surface", "panel"))
    selected = blended(background, _hex(generated["primary"]), 0.2)
    mentioned = blended(background, _hex(generated["warning"]), 0.1)
    return (background, *(_near(one, background, text) for one in (surface, panel, selected, mentioned)))


def _near(colour: str, background: str, text: str) -> str:
    """A surface on which text can be read with something to spare for what is softer; as near to the background as it must be for that."""
    for share in (1.0, 0.75, 0.5, 0.25):
        if contrast(mixed := blended(background, colour, share), text) >= CONTRAST_MIN + 1:
            return mixed
    return background


def _is_read(colour: str, surfaces: tuple[str, ...]) -> bool:
    return all(contrast(colour, on) >= CONTRAST_MIN for on in surfaces)


def _hex(colour: str) -> str:
    return Color.parse(colour).hex6


def part_style(widget: Widget, component: str) -> Style:
    """How a part of a widget differs from the rest of it: a style to put over text."""
    part, rest = widget.get_visual_style(component), widget.visual_style
    return Style(
        foreground=part.foreground if part.foreground != rest.foreground else None,
        background=part.background if part.background != rest.background else None,
        bold=part.bold,
        italic=part.italic,
        underline=part.underline,
        reverse=widget.get_component_styles(component).text_style.reverse,  # which Textual leaves out of a part
    )


def nick_colours(theme: Theme) -> tuple[Color, ...]:
    """Colours for names on this theme: where the terminal has its own, those of its sixteen that can be read on what the theme says it is."""
    if theme.ansi:
        return _ansi_colours(theme.dark)
    own = tuple(colour for name, colour in theme.variables.items() if name.startswith("name-"))
    if not own:
        generated = theme.to_color_system().generate()
        surfaces = _surfaces(generated)
        ours = (DARK if theme.dark else LIGHT).names
        own = tuple(one for one in ours if _is_read(one, surfaces)) or (_hex(generated["foreground"]),)
    return _parsed(own)


@cache
def _parsed(colours: tuple[str, ...]) -> tuple[Color, ...]:
    return tuple(map(Color.parse, colours))


@cache
def _ansi_colours(is_dark: bool) -> tuple[Color, ...]:
    return tuple(Color.parse(f"ansi_{name}") for name in (ANSI_ON_DARK if is_dark else ANSI_ON_LIGHT))


def other_theme(current: Theme) -> str:
    """The name of the dark theme if this one is light, else of the light one; with the terminal's own colours if this one has them."""
    if current.ansi:
        return "ansi-light" if current.dark else "ansi-dark"
    return LIGHT_NAME if current.dark else DARK_NAME
