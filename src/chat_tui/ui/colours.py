"""The colours of a theme, each by what it is for; two sets of our own; and how well one is read on another. Pure."""

from typing import Annotated

from msgspec import Meta, Struct

CONTRAST_MIN = 4.5
"""Between a text and what it stands on, at least, as WCAG 2 has it."""

ANSI_THEMES = ("ansi-dark", "ansi-light")
"""Textual's themes of the terminal's own sixteen colours."""

Colour = Annotated[str, Meta(pattern="^#[0-9a-fA-F]{6}$")]
"""`#14171d`."""

_DARK_NAMES = ("#ef6ea8", "#feb7a6", "#c79032", "#c9d33f", "#3bb360", "#1ee3d1", "#14a5dd", "#beabff")
_LIGHT_NAMES = ("#ad3168", "#7c1a0c", "#616003", "#01483e", "#106b8a", "#013992", "#6b4cc4", "#6c1378")
"""Found by a search for eight hues that are far from each other for everybody, and from what is amber or red, and of about the same weight
(tests/test_look.py has what that means)."""


class Palette(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All colours of a theme. Text stands on the first six of them, and on nothing else."""

    is_dark: bool = True
    background: Colour = "#14171d"
    pane: Colour = "#1b2029"
    raised: Colour = "#222730"
    selected: Colour = "#262f3e"
    mentioned: Colour = "#272319"
    code: Colour = "#1d222b"
    line: Colour = "#39414e"
    faint: Colour = "#667080"
    text: Colour = "#d9dce4"
    soft: Colour = "#9ea6b5"
    accent: Colour = "#82b1f5"
    on_accent: Colour = "#14171d"
    mention: Colour = "#efb65e"
    danger: Colour = "#f38b8f"
    ok: Colour = "#84c891"
    keyword: Colour = "#c4a5f0"
    string: Colour = "#a3cf8f"
    names: Annotated[tuple[Colour, ...], Meta(min_length=1, max_length=24)] = _DARK_NAMES

    def poor_contrasts(self) -> list[tuple[str, str, float]]:
        """Which texts can hardly be read on which surfaces, the worst first: their names, and the contrast."""
        named = {f"names[{number}]": colour for number, colour in enumerate(self.names)}
        texts = {name: getattr(self, name) for name in TEXTS} | named
        pairs = [(text, on, contrast(texts[text], getattr(self, on))) for text in texts for on in SURFACES]
        pairs += [(text, "code", contrast(getattr(self, text), self.code)) for text in CODE_TEXTS]
        pairs += [("on_accent", on, contrast(self.on_accent, getattr(self, on))) for on in ("accent", "mention")]
        return sorted((pair for pair in pairs if pair[2] < CONTRAST_MIN), key=lambda pair: pair[2])


SURFACES = ("background", "pane", "raised", "selected", "mentioned", "code")
TEXTS = ("text", "soft", "accent", "mention", "danger", "ok")
CODE_TEXTS = ("keyword", "string")

DARK = Palette()
LIGHT = Palette(
    is_dark=False,
    background="#fcfbf8",
    pane="#f4f2ec",
    raised="#e9e6de",
    selected="#dfe8f6",
    mentioned="#faf0dc",
    code="#f1efe8",
    line="#cdc8bd",
    faint="#8f929a",
    text="#23272f",
    soft="#5c6370",
    accent="#1f5fb5",
    on_accent="#fcfbf8",
    mention="#8a5200",
    danger="#b3261e",
    ok="#2a7138",
    keyword="#6b3fb0",
    string="#2a6e35",
    names=_LIGHT_NAMES,
)


def parts(colour: str) -> tuple[float, float, float]:
    """Red, green and blue, from 0 to 1."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def luminance(colour: str) -> float:
    """How bright a colour is, as WCAG 2 has it."""
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts(colour))  # noqa: PLR2004 - WCAG's
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """From 1, the same, to 21, black and white."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def blended(under: str, over: str, share: float) -> str:
    """A colour laid over another one that shows through it."""
    mixed = (low + (high - low) * share for low, high in zip(parts(under), parts(over), strict=True))
    return "#" + "".join(f"{round(part * 255):02x}" for part in mixed)


def softened(text: str, surfaces: tuple[str, ...]) -> str:
    """A colour between a text's and the first surface's that is as soft as can be and still read on all of them; else the text's."""
    for share in (0.6, 0.7, 0.8, 0.9):
        colour = blended(surfaces[0], text, share)
        if all(contrast(colour, on) >= CONTRAST_MIN + 0.5 for on in surfaces):
            return colour
    return text
