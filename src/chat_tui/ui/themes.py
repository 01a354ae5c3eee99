"""Two themes of our own, and colours for names that can be told apart on either (rendering.py says which name has which). Pure."""

from colorsys import hls_to_rgb
from functools import cache

from textual.color import Color
from textual.style import Style
from textual.theme import Theme
from textual.widget import Widget

NICK_HUES = 12
"""Colours of names. More could not be told apart."""

CONTRAST_MIN = 6.0
"""Contrast of a name with black or white, nearly: more than WCAG's 4.5, since themes' backgrounds are neither."""

ANSI_ON_DARK = ("bright_red", "bright_green", "bright_yellow", "bright_blue", "bright_magenta", "bright_cyan")
ANSI_ON_LIGHT = ("red", "blue", "magenta")
"""Of the sixteen colours those for names. In xterm's table each has 4 to 1 at least; on white, green has 2.2, yellow 1.7, cyan 1.9."""

CHAT_DARK = Theme(
    name="chat-dark",
    primary="#7aa2f7",
    secondary="#9d86e9",
    accent="#f7a35c",
    warning="#e5c07b",
    error="#f7768e",
    success="#8cc98c",
    foreground="#d4d7e2",
    background="#16181f",
    surface="#1b1e27",
    panel="#232733",
    dark=True,
)
CHAT_LIGHT = Theme(
    name="chat-light",
    primary="#2f5fb3",
    secondary="#6a4fb0",
    accent="#b3541e",
    warning="#9a6700",
    error="#b3261e",
    success="#2e7d32",
    foreground="#23262f",
    background="#fbfaf7",
    surface="#f3f1ec",
    panel="#e8e5de",
    dark=False,
)


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
    return _ansi_colours(theme.dark) if theme.ansi else _colours(theme.dark)


@cache
def _ansi_colours(is_dark: bool) -> tuple[Color, ...]:
    return tuple(Color.parse(f"ansi_{name}") for name in (ANSI_ON_DARK if is_dark else ANSI_ON_LIGHT))


def other_theme(current: Theme) -> str:
    """The name of the dark theme if this one is light, else of the light one; with the terminal's own colours if this one has them."""
    if current.ansi:
        return "ansi-light" if current.dark else "ansi-dark"
    return CHAT_LIGHT.name if current.dark else CHAT_DARK.name


@cache
def _colours(is_dark: bool) -> tuple[Color, ...]:
    """Hues around the circle, each as light or as dark as it must be to be read."""
    return tuple(_readable(number / NICK_HUES, is_dark) for number in range(NICK_HUES))


def _readable(hue: float, is_dark: bool) -> Color:
    lightness, step, saturation = (0.66, 0.02, 0.62) if is_dark else (0.42, -0.02, 0.75)
    while True:
        red, green, blue = hls_to_rgb(hue, lightness, saturation)
        colour = Color(round(red * 255), round(green * 255), round(blue * 255))
        contrast = (_luminance(colour) + 0.05) / 0.06 if is_dark else 1.05 / (_luminance(colour) + 0.05)
        if contrast >= CONTRAST_MIN:
            return colour
        lightness += step


def _luminance(colour: Color) -> float:
    """How bright a colour is, as WCAG 2 has it."""
    parts = (part / 255 for part in colour.rgb)
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)  # noqa: PLR2004 - WCAG's
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
