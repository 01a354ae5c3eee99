"""Makes the tables of look-alike letters and of scripts from Unicode's files. Only letters that may stand in a name are in them."""

import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from unicodedata import category, normalize

from chat_server.protocol.names import may_stand_in_a_name

TABLES = Path(__file__).parent.parent / "src" / "chat_server" / "accounts" / "unicode_tables.py"
LINE_MAX = 110

HEAD = '''"""Which letters are drawn alike, and which letter is of which script. Made by scripts/confusables: change that, not this.

From Unicode's confusables.txt (UTS #39), Scripts.txt and ScriptExtensions.txt, © Unicode, Inc., used under the Unicode licence
(https://www.unicode.org/license.txt), cut to what may stand in a name and put into another form.
"""

UNICODE = "{unicode}"
"""The version of Unicode that they are of."""

# A shape, then the letters that are drawn so; after it the next shape.
LOOK_ALIKES = (
{look_alikes})

# Where in Unicode letters of another script begin, then which: several, if they are used in several.
SCRIPTS = (
{scripts})
'''


def main() -> None:
    """Write the tables."""
    if len(sys.argv) != 2:
        sys.exit("scripts/confusables FOLDER")
    files = {path.name: path.read_text(encoding="utf-8-sig") for path in Path(sys.argv[1]).glob("*.txt")}
    unicode = version_of(files["confusables.txt"])
    others = ("Scripts.txt", "ScriptExtensions.txt", "PropertyValueAliases.txt")
    if wrong := [name for name in others if version_of(files[name]) != unicode]:
        sys.exit(f"not of Unicode {unicode}: {', '.join(wrong)}")
    scripts, assigned = scripts_of(files)
    alike = look_alikes(files["confusables.txt"], scripts)
    letters = defaultdict(list)
    for letter, shape in alike.items():
        letters[shape].append(letter)
    words = [word for shape, alikes in sorted(letters.items()) for word in (shape, "".join(sorted(alikes)))]
    runs = [word for start, script in runs_of(scripts, assigned) for word in (f"{start:x}", script)]
    text = HEAD.format(unicode=unicode, look_alikes=literal(words), scripts=literal(runs))
    TABLES.write_text(text, encoding="utf-8")
    print(f"{len(alike)} letters look like others, {len(runs) // 2} runs of scripts")


def version_of(text: str) -> str:
    found = re.search(r"(?:Version: |-)(\d+\.\d+\.\d+)", text.partition("\n\n")[0])
    assert found is not None
    return found[1]


def rows(text: str) -> Iterator[tuple[list[str], str]]:
    """The fields of each row of a file of Unicode's, and its comment."""
    for line in text.splitlines():
        fields, _, comment = line.partition("#")
        if fields.strip():
            yield [field.strip() for field in fields.split(";")], comment.strip()


def codes(field: str) -> range:
    first, _, last = field.partition("..")
    return range(int(first, 16), int(last or first, 16) + 1)


def scripts_of(files: Mapping[str, str]) -> tuple[dict[int, str], set[int]]:
    """The scripts of whatever may stand in a name, and all code points that are assigned."""
    long = {fields[1]: fields[2] for fields, _ in rows(files["PropertyValueAliases.txt"]) if fields[0] == "sc"}
    kinds = {code: comment[:2] for (field, _), comment in rows(files["Scripts.txt"]) for code in codes(field)}
    nameable = {code for code, kind in kinds.items() if is_nameable(code, kind)}
    scripts = {code: name for (field, name), _ in rows(files["Scripts.txt"]) for code in codes(field)}
    for (field, names), _ in rows(files["ScriptExtensions.txt"]):
        scripts |= dict.fromkeys(codes(field), "+".join(long[name] for name in names.split()))
    return {code: scripts[code] for code in sorted(nameable)}, set(kinds)


def is_nameable(code: int, kind: str) -> bool:
    """Whether it may stand in a name; of what this Python does not know yet, by its category."""
    return may_stand_in_a_name(chr(code)) or (
        category(chr(code)) == "Cn" and (kind[0] == "L" or kind in {"Nd", "Mn", "Mc"})
    )


def runs_of(scripts: Mapping[int, str], assigned: set[int]) -> Iterator[tuple[int, str]]:
    """Where the letters of another script begin. What no name can have counts to what stands before it; what is not assigned, to nothing."""
    before = ""
    last = -1
    for code, script in scripts.items():
        hole = [between for between in range(last + 1, code) if between not in assigned]
        if hole and before not in {"Unknown", ""} and (script != before or len(hole) > 128):
            yield hole[0], "Unknown"
            before = "Unknown"
        if script != before:
            yield code, script
        before, last = script, code
    yield last + 1, "Unknown"


def look_alikes(text: str, nameable: Mapping[int, str]) -> dict[str, str]:
    """What each letter is drawn like, if it may stand in a name in its one form (NFKC), taken apart (NFD).

    Small letters by what they are drawn like when case is folded: what two names share that are written small. Of capital ones those that
    are drawn like others than their small ones: the Cyrillic ve, of which the capital is like a B, and the small one not like a b.
    """
    drawn = {}
    for (source, target, _), _ in rows(text):
        letter, shape = ("".join(chr(int(code, 16)) for code in field.split()) for field in (source, target))
        # I is one with i, but among small letters: look_alikes.py sees to that. That m is like rn makes more false hits than true ones: what
        # is drawn like rn counts as an m, as it does to the eye.
        if letter not in {"I", "m"} and ord(letter) in nameable and normalize("NFKD", letter) == letter:
            drawn[letter] = shape.replace("rn", "m")
    small = {letter: shape for letter, shape in drawn.items() if letter.casefold() == letter}

    def shape_of(letters: str) -> str:
        shape = ""
        while shape != letters:
            shape, letters = letters, "".join(small.get(each, each) for each in letters)
            letters = normalize("NFKD", normalize("NFKD", letters).casefold())
        return shape

    alike = {letter: shape_of(letter) for letter in small}
    for letter in drawn.keys() - small.keys():
        shape, as_small = shape_of(drawn[letter]), shape_of(letter)
        if shape.replace("l", "i") == as_small:
            shape = shape.replace("l", "I")
        if shape != as_small:
            alike[letter] = shape
    return {letter: shape for letter, shape in alike.items() if shape != letter}


def literal(words: list[str]) -> str:
    """The words, as a string over several lines."""
    text = " ".join(words).replace("\\", r"\\").replace('"', r"\"")
    return "".join(f'    "{line}"\n' for line in wrapped("".join(map(escaped, text))))


def escaped(part: str) -> str:
    return part if part.isascii() else ascii(part)[1:-1]


def wrapped(text: str) -> Iterator[str]:
    """Lines that end at no place within an escape."""
    line = ""
    for part in re.findall(r"\\(?:u[0-9a-f]{4}|U[0-9a-f]{8}|x[0-9a-f]{2}|.)|[^\\]", text):
        if len(line) + len(part) > LINE_MAX:
            yield line
            line = ""
        line += part
    yield line


if __name__ == "__main__":
    main()
