"""What becomes of a palette where a terminal has 256 colours: surfaces are greys, the rest is the nearest that is read on them. Pure.

Left to the terminal's own rule, a dark grey with a breath of blue becomes navy, and two surfaces one.
"""

from collections.abc import Collection, Sequence
from functools import cache
from math import dist

from msgspec.structs import replace

from chat_tui.ui.colours import CODE_TEXTS, CONTRAST_MIN, SURFACES, TEXTS, Palette, contrast, parts

_LEVELS = (0x00, 0x5F, 0x87, 0xAF, 0xD7, 0xFF)
_HUES = tuple(
    f"#{red:02x}{green:02x}{blue:02x}"
    for red in _LEVELS
    for green in _LEVELS
    for blue in _LEVELS
    if not red == green == blue
)
_RAMP = (0, *range(8, 239, 10), 255)
_GREYS = {f"#{level:02x}" + 2 * f"{level:02x}": round(place / 25 * 255) for place, level in enumerate(_RAMP)}
"""The colours that are used of the 240 which every terminal has; and for each grey which one Rich takes for it, for that is not always itself."""

LIGHTNESS = 0.5
"""How much less it matters that a text is as bright as it was than that it has the same hue: how bright it must be, its surfaces say."""


def reduced(palette: Palette) -> Palette:
    """The same with colours of those 256 only."""
    surfaces = _surfaces(palette)
    on = tuple(surfaces.values())
    texts = {name: _nearest(getattr(palette, name), on) for name in TEXTS}
    texts |= {name: _nearest(getattr(palette, name), (surfaces["code"],)) for name in CODE_TEXTS}
    names: list[str] = []
    for name in palette.names:
        names.append(_nearest(name, on, names))
    on_accent = _nearest(palette.on_accent, (texts["accent"], texts["mention"]))
    others = {"on_accent": on_accent, "line": _grey(palette.line), "faint": _grey(palette.faint)}
    colours = {name: _sent(colour) for name, colour in (surfaces | texts | others).items()}
    return replace(palette, **colours, names=tuple(map(_sent, names)))


def _sent(colour: str) -> str:
    """What is asked for so that this one is shown."""
    level = _GREYS.get(colour)
    return colour if level is None else "#" + 3 * f"{level:02x}"


def _surfaces(palette: Palette) -> dict[str, str]:
    """A grey for each; none is the background's own, or one would not see where it begins."""
    found = {name: _grey(getattr(palette, name)) for name in SURFACES}
    background = found["background"]
    for name in SURFACES[1:]:
        if found[name] == background:
            greys = [*_GREYS]
            place = greys.index(background) + (1 if palette.is_dark else -1)
            found[name] = greys[min(max(place, 0), len(greys) - 1)]
    return found


def _grey(colour: str) -> str:
    bright = _oklab(colour)[0]
    return min(_GREYS, key=lambda grey: abs(_oklab(grey)[0] - bright))


def _nearest(colour: str, surfaces: Sequence[str], taken: Collection[str] = ()) -> str:
    """The nearest that is read on all these surfaces and is not taken; the nearest of all, where there is none."""
    wanted = _weighed(colour)
    near = sorted((*_HUES, *_GREYS), key=lambda one: dist(_weighed(one), wanted))
    read = (one for one in near if one not in taken and _is_read(one, surfaces))
    return next(read, near[0])


def _is_read(colour: str, surfaces: Sequence[str]) -> bool:
    return all(contrast(colour, on) >= CONTRAST_MIN for on in surfaces)


def _weighed(colour: str) -> tuple[float, float, float]:
    bright, red, yellow = _oklab(colour)
    return bright * LIGHTNESS, red, yellow


@cache
def _oklab(colour: str) -> tuple[float, float, float]:
    """A colour as Björn Ottosson's OKLab has it, in which what looks as far apart is as far apart."""
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts(colour))  # noqa: PLR2004 - sRGB's
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    middle = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )
