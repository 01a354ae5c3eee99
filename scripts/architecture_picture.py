"""Draw docs/architecture.svg from the packages as they are: a box for each with the first sentence of its docstring, an arrow for each import.

An arrow that follows from others (what is imported imports it too) is left out. Modules beside the packages (flags, settings, the log) are not drawn.
"""

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from html import escape
from pathlib import Path
from textwrap import wrap
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ("chat_server", "chat_tui")

WIDTH, ROW, BOX_WIDTH, BOX_HEIGHT = 1010, 128, 310, 92
LINE, CHARACTERS = 15, 44
"""Pixels from one row of text to the next, and characters that fit into a box."""


class Package(NamedTuple):
    """What is drawn of a package."""

    name: str
    sentence: str
    inside: list[str]
    """The packages in it."""
    imports: set[str]
    """The packages that it imports, but for itself."""


def packages(source: Path) -> dict[str, Package]:
    """Every package of both programs, by its name."""
    found = {}
    for program in PROGRAMS:
        for init in sorted((source / program).glob("*/__init__.py")):
            folder = init.parent
            name = f"{program}.{folder.name}"
            documented = ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))) or ""
            inside = [path.parent.name for path in sorted(folder.glob("*/__init__.py"))]
            found[name] = Package(name, first_sentence(documented), inside, set(imported(folder)) - {name})
    return {name: package._replace(imports=package.imports & found.keys()) for name, package in found.items()}


def first_sentence(text: str) -> str:
    """The text up to its first full stop."""
    return f"{' '.join(text.split()).split('. ')[0].rstrip('.')}."


def imported(folder: Path) -> Iterator[str]:
    """`program.package` for every import in a folder."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            yield from (".".join(name.split(".")[:2]) for name in names)


def reached(name: str, known: dict[str, Package]) -> set[str]:
    """Everything that a package imports, and what that imports."""
    found = set(known[name].imports)
    for other in known[name].imports:
        found |= reached(other, known)
    return found


def arrows(known: dict[str, Package]) -> Iterator[tuple[str, str]]:
    """Who imports whom, without what follows from other arrows."""
    for name, package in known.items():
        by_others = set().union(*(reached(other, known) for other in package.imports))
        yield from ((name, other) for other in sorted(package.imports - by_others))


def rows(known: dict[str, Package]) -> dict[str, int]:
    """How high each package stands: above all that it imports. Raises CycleError if there is no such order."""
    height: dict[str, int] = {}
    for name in TopologicalSorter({name: package.imports for name, package in known.items()}).static_order():
        height[name] = max((height[other] + 1 for other in known[name].imports), default=0)
    return height


def columns(known: dict[str, Package], height: dict[str, int]) -> dict[str, int]:
    """Where each package stands: the longest chain of the server on the left, its other packages beside it, the client on the right."""
    place = {name: PROGRAMS.index(name.split(".")[0]) + 1 for name in known}
    name = max((name for name in known if place[name] == 1), key=lambda name: height[name])
    while name:
        place[name] = 0
        name = next((other for other in sorted(known[name].imports) if height[other] == height[name] - 1), "")
    return place


def picture(source: Path = ROOT / "src") -> str:
    """The picture."""
    known = packages(source)
    height = rows(known)
    top = max(height.values())
    spots = {
        name: (15 + column * (BOX_WIDTH + 25), 15 + (top - height[name]) * ROW)
        for name, column in columns(known, height).items()
    }
    total = 15 + top * ROW + BOX_HEIGHT + 15
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {total}" font-family="sans-serif" font-size="12">\n'
        '<marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#667"/></marker>\n'
        f'<rect width="{WIDTH}" height="{total}" fill="#fff"/>\n'
    )
    drawn = [*(arrow(spots[name], spots[other]) for name, other in arrows(known))]
    drawn += [box(package, *spots[name]) for name, package in known.items()]
    return head + "".join(drawn) + "</svg>\n"


def arrow(start: tuple[int, int], end: tuple[int, int]) -> str:
    """Down to the box below; to the right from a box's side to the top of another; to the left from a box's foot to the side of another."""
    (x, y), (to_x, to_y) = start, end
    if x == to_x:
        line = f"M{x + BOX_WIDTH // 2} {y + BOX_HEIGHT}V{to_y - 2}"
    elif x < to_x:
        aside = to_x + BOX_WIDTH // 2
        line = f"M{x + BOX_WIDTH} {y + BOX_HEIGHT // 2}Q{aside} {y + BOX_HEIGHT // 2} {aside} {to_y - 2}"
    else:
        aside, beside = x + BOX_WIDTH // 2, to_y + BOX_HEIGHT // 2
        line = f"M{aside} {y + BOX_HEIGHT}Q{aside} {beside} {to_x + BOX_WIDTH + 2} {beside}"
    return f'<path d="{line}" fill="none" stroke="#667" marker-end="url(#head)"/>\n'


def box(package: Package, x: int, y: int) -> str:
    """Its name, the packages in it, and what it is."""
    program, _, name = package.name.partition(".")
    fill = "#eef4ff" if program == PROGRAMS[0] else "#fff4e6"
    inside = f'<tspan fill="#667" font-size="12">  with {", ".join(package.inside)}</tspan>' if package.inside else ""
    texts = [
        f'<text x="{x + 10}" y="{y + 38 + number * LINE}">{escape(row)}</text>\n'
        for number, row in enumerate(wrap(package.sentence, CHARACTERS)[:4])
    ]
    return (
        f'<rect x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6" fill="{fill}" stroke="#99a"/>\n'
        f'<text x="{x + 10}" y="{y + 20}" font-size="14" xml:space="preserve">{program}/<tspan font-weight="bold">{name}</tspan>'
        f"{inside}</text>\n{''.join(texts)}"
    )


def main() -> int:
    """Draw it; exit code 0."""
    (ROOT / "docs" / "architecture.svg").write_text(picture(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
