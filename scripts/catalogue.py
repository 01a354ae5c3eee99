"""The sentences that the server says, found in its source, and their translations."""

import ast
import gettext
import inspect
import io
import re
import sys
from collections.abc import Iterator
from math import inf
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from chat_server.commands.table import ANSWERS, COMMANDS, REFUSALS
from chat_server.protocol.choices import LANGUAGES
from chat_server.protocol.described import Parameter
from chat_server.protocol.entries import EVENTS, KINDS
from chat_server.protocol.events import Answered
from chat_server.protocol.requests import Request
from chat_server.protocol.syntax import parameters_of
from chat_server.wire.render.languages import DOMAIN, LOCALE

SOURCE = LOCALE.parent / "wire"
KEYWORDS = {"text": 1, "message": 1, "count": 2, "counted": 2}
"""What says a sentence, and how many of its arguments are that."""

Identifier = str | tuple[str, ...]


def sentences() -> Iterator[Identifier]:
    """Every sentence in the source: what is said, what stands in tables, how entries are shown, and what explains the commands and their usage."""
    for path in sorted(SOURCE.rglob("*.py")):
        yield from said_in(path)
    yield from (kind.shape.sentence for kind in KINDS if kind.shape.is_sentence)
    yield from (kind.shape.without_text for kind in KINDS if kind.shape.may_lack_text)
    yield from (sentence for kind in KINDS for sentence in kind.other_sentences)
    yield from (kind.sentence for kind in (*EVENTS, *ANSWERS, *REFUSALS) if kind.sentence)
    for kind in ANSWERS:
        yield from (*kind.row_sentences.values(), *([kind.more_sentence] if kind.more_sentence else []))
        yield from (frame for frame in kind.row_frames if frame != Answered.row_frames[0])
    for request in filter(lambda request: request.is_typed, COMMANDS.vocabulary.requests):
        yield from (parameter.name.upper() for parameter in parameters_of(request) if has_word(parameter))
    for kind in COMMANDS.of:
        for request, command in COMMANDS.of[kind].items():
            if issubclass(request, Request) and request.is_typed:  # else no /help explains it
                yield from filter(None, command.explanation.splitlines())


def said_in(path: Path) -> Iterator[Identifier]:
    """The sentences in one file, in its order."""
    calls = (node for node in ast.walk(ast.parse(path.read_bytes())) if sentences_of(node))
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        said = tuple(each.value for each in sentences_of(call) if isinstance(each, ast.Constant))
        texts = tuple(text for text in said if isinstance(text, str))
        if len(texts) == len(sentences_of(call)) and all(texts):
            yield texts if len(texts) > 1 else texts[0]


def has_word(parameter: Parameter) -> bool:
    """Whether a usage line has a word for it: a flag is its letter there, and one of a few words is those."""
    return parameter.kind != "flag" and not parameter.choices


def unfindable() -> Iterator[str]:
    """Where a sentence is an f-string or stands inside one: no catalogue can have it, and whether that is said depends on the version of Babel."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if any(isinstance(inside, ast.JoinedStr) for inside in sentences_of(node)):
                yield f"{path.name}:{node.lineno}: the sentence is an f-string"
            elif isinstance(node, ast.JoinedStr) and any(sentences_of(inside) for inside in ast.walk(node)):
                yield f"{path.name}:{node.lineno}: a sentence stands inside an f-string"


def untellable() -> Iterator[str]:
    """What is declared to be told in one sentence, and cannot be: whoever asks would be told of a bug instead."""
    for kind in (*ANSWERS, *REFUSALS):
        if not kind.sentence:
            yield f"{kind.__name__} has no sentence"
    for event in (*EVENTS, *ANSWERS):
        listed = {"listed"} if issubclass(event, Answered) and event.listed_in else set()
        told = (event.sentence, event.more_sentence if issubclass(event, Answered) else "")
        details = {detail for sentence in told for detail in details_of(sentence, -1)}
        for detail in sorted(details - set(event.__struct_fields__) - listed):
            yield f"{event.__name__} has no field {detail}, which its sentence names"
    for answer in ANSWERS:
        if "text" in inspect.get_annotations(answer):
            yield f"{answer.__name__} has a field text: its sentence is sent as that"


def sentences_of(node: ast.AST) -> list[ast.expr]:
    """What a call says that is to be translated; nothing when it is another call, or none."""
    match node:
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)) if len(node.args) >= KEYWORDS.get(name, inf):
            return node.args[: KEYWORDS[name]]
    return []


def path_of(language: str, ending: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.{ending}"


def catalogue_of(language: str) -> Catalog:
    """The catalogue as it is on the disk."""
    path = path_of(language, "po")
    if not path.exists():
        return Catalog(language, domain=DOMAIN)
    with path.open("rb") as file:
        return read_po(file, language, DOMAIN)


def made_anew(language: str) -> Catalog:
    """The catalogue with every sentence of the source and no other, with the translations that there are."""
    known = catalogue_of(language)
    catalogue = Catalog(language, domain=DOMAIN, fuzzy=False)
    for sentence in sentences():
        before = known.get(sentence[0] if isinstance(sentence, tuple) else sentence)
        catalogue.add(sentence, before.string if before else None, flags=before.flags if before else ())
    return catalogue


def compiled(catalogue: Catalog) -> bytes:
    """The catalogue as gettext reads it."""
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


HEADER = """\
# What chat-server says, in the language {language}. scripts/catalogue takes new sentences in, and compiles this file.
msgid ""
msgstr ""
"Language: {language}\\n"
"Plural-Forms: {plurals}\\n"
"Content-Type: text/plain; charset=utf-8\\n"

"""


def written(catalogue: Catalog) -> bytes:
    """The catalogue as people read it. Its header says nothing of when and by what it was written, so that it changes with its sentences only."""
    file = io.BytesIO()
    write_po(file, catalogue, width=140, no_location=True, omit_header=True)
    header = HEADER.format(language=catalogue.locale_identifier, plurals=catalogue.plural_forms.rstrip(";"))
    return header.encode() + file.getvalue()


def is_same(path: Path, data: bytes) -> bool:
    """Whether the file says what the data do; what the compiler writes into a header is nothing that is said."""
    if not path.exists():
        return False
    if path.suffix == ".po":
        return path.read_bytes() == data
    return translations(path.read_bytes()) == translations(data)


def translations(data: bytes) -> dict[object, str]:
    known = dict(vars(gettext.GNUTranslations(io.BytesIO(data)))["_catalog"])
    del known[""]
    return known


def faults(catalogue: Catalog) -> list[str]:
    """What a translation lacks, or has too much."""
    found = []
    for entry in catalogue:
        if not entry.id:
            continue
        strings = entry.string if isinstance(entry.string, tuple) else (entry.string,)
        if not all(strings):
            found.append(f"missing: {entry.id}")
        elif details_of(entry.id, -1) - {"number"} != details_of(entry.string, -1) - {"number"}:
            found.append(f"other details: {entry.id}")
        elif entry.fuzzy:
            found.append(f"unsure: {entry.id}")
        elif commands_in(entry.id, -1) != commands_in(entry.string, -1):
            found.append(f"other commands: {entry.id}")
    return found


def details_of(sentence: Message | Identifier, which: int) -> set[str]:
    text = sentence[which] if isinstance(sentence, tuple) else str(sentence)
    return set(re.findall(r"\{(\w+)", text))


def commands_in(sentence: Message | Identifier, which: int) -> set[str]:
    text = sentence[which] if isinstance(sentence, tuple) else str(sentence)
    return set(re.findall(r"(?<![A-Za-z])/[a-z0-9]+(?: (?:on|off|line|edit|80|4711|gb18030))?", text)) - {"/lang"}


def main() -> int:
    """Make the catalogues again; say what is missing."""
    is_wrong = False
    for wrong in (*unfindable(), *untellable()):
        is_wrong = True
        print(wrong)
    for language in LANGUAGES:
        if language == "en":
            continue
        catalogue = made_anew(language)
        for fault in faults(catalogue):
            is_wrong = True
            print(f"{language}: {fault}")
        for ending, data in (("po", written(catalogue)), ("mo", compiled(catalogue))):
            path = path_of(language, ending)
            if is_same(path, data):
                continue
            if "--check" in sys.argv:
                is_wrong = True
                print(f"{path.name} is stale: run scripts/catalogue")
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
    return is_wrong


if __name__ == "__main__":
    sys.exit(main())
