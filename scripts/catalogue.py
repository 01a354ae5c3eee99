"""The sentences that the server and chat-tui say, found in their source, and their translations."""

import ast
import gettext
import inspect
import io
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import inf
from pathlib import Path
from typing import NamedTuple

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from msgspec import Meta, Struct
from msgspec.structs import fields

from chat_server.commands.table import ANSWERS, COMMANDS, REFUSALS
from chat_server.protocol.choices import LANGUAGES
from chat_server.protocol.choices import SOURCE as ENGLISH
from chat_server.protocol.described import Parameter
from chat_server.protocol.entries import EVENTS, KINDS
from chat_server.protocol.events import Answered
from chat_server.protocol.requests import Request
from chat_server.protocol.syntax import parameters_of
from chat_server.wire.render import languages
from chat_tui import language as tui_language
from chat_tui.actions import ACTIONS, EDITING_KEYS, KEYS_IN_PROMPT, PRESETS
from chat_tui.settings import NotifyTable, Settings

SOURCE = languages.LOCALE.parent / "wire"
KEYWORDS = {".text": 1, "message": 1, ".count": 2, "counted": 2}
"""What says a sentence in the server, a method or a function, and how many of its arguments are that."""

TUI_SOURCE = tui_language.LOCALE.parent
TUI_KEYWORDS = {"say": 1, "message": 1, "say_count": 2, "counted": 2}
"""What does so in chat-tui."""

Identifier = str | tuple[str, ...]


class Program(NamedTuple):
    """One that speaks: its name, where its catalogues are, and what it says."""

    name: str
    locale: Path
    sentences: Callable[[], Iterable[Identifier]]

    def path(self, language: str, ending: str) -> Path:
        """The catalogue of a language, to be read by people or by gettext."""
        return self.locale / language / "LC_MESSAGES" / f"{self.locale.parent.name}.{ending}"


def tui_sentences() -> Iterator[Identifier]:
    """Every sentence in the source of chat-tui: what is said, what stands in tables, what its keys do, and what explains its settings."""
    for path in sorted(TUI_SOURCE.rglob("*.py")):
        yield from said_in(path, TUI_KEYWORDS)
    yield from dict.fromkeys(text for action in ACTIONS for text in (action.group, action.title, action.hint) if text)
    yield from (does for _, does in (*KEYS_IN_PROMPT, *EDITING_KEYS))
    yield from dict.fromkeys(edit.title for preset in PRESETS.values() for edit in preset.edits)
    for table in (Settings, NotifyTable):
        yield from descriptions_of(table)


def descriptions_of(table: type[Struct]) -> Iterator[str]:
    """What explains the settings of a table."""
    for setting in fields(table):
        for meta in getattr(setting.type, "__metadata__", ()):
            if isinstance(meta, Meta) and meta.description:
                yield meta.description


def sentences() -> Iterator[Identifier]:
    """Every sentence in the source: what is said, what stands in tables, how entries are shown, and what explains the commands and their usage."""
    for path in sorted(SOURCE.rglob("*.py")):
        yield from said_in(path, KEYWORDS)
    yield from (kind.shape.sentence for kind in KINDS if kind.shape.is_sentence)
    yield from (kind.shape.without_text for kind in KINDS if kind.shape.may_lack_text)
    yield from (sentence for kind in (*KINDS, *EVENTS, *ANSWERS, *REFUSALS) for sentence in kind.other_sentences)
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


def said_in(path: Path, keywords: Mapping[str, int]) -> Iterator[Identifier]:
    """The sentences in one file, in its order."""
    calls = (node for node in ast.walk(ast.parse(path.read_bytes())) if sentences_of(node, keywords))
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        sentences = sentences_of(call, keywords)
        said = tuple(each.value for each in sentences if isinstance(each, ast.Constant))
        texts = tuple(text for text in said if isinstance(text, str))
        if len(texts) == len(sentences) and all(texts):
            yield texts if len(texts) > 1 else texts[0]


def has_word(parameter: Parameter) -> bool:
    """Whether a usage line has a word for it: a flag is its letter there, and one of a few words is those."""
    return parameter.kind != "flag" and not parameter.choices


def unfindable() -> Iterator[str]:
    """Where a sentence is an f-string or stands inside one: no catalogue can have it, and whether that is said depends on the version of Babel."""
    for source, keywords in ((SOURCE, KEYWORDS), (TUI_SOURCE, TUI_KEYWORDS)):
        for path in sorted(source.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_bytes())):
                if any(isinstance(inside, ast.JoinedStr) for inside in sentences_of(node, keywords)):
                    yield f"{path.name}:{node.lineno}: the sentence is an f-string"
                elif isinstance(node, ast.JoinedStr) and any(
                    sentences_of(inside, keywords) for inside in ast.walk(node)
                ):
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


def sentences_of(node: ast.AST, keywords: Mapping[str, int]) -> list[ast.expr]:
    """What a call says that is to be translated; nothing when it is another call, or none."""
    match node:
        case ast.Call(func=ast.Attribute(attr=method)):
            name = f".{method}"
        case ast.Call(func=ast.Name(id=name)):
            pass
        case _:
            return []
    return node.args[: keywords[name]] if len(node.args) >= keywords.get(name, inf) else []


def catalogue_of(program: Program, language: str) -> Catalog:
    """The catalogue as it is on the disk."""
    path = program.path(language, "po")
    if not path.exists():
        return Catalog(language)
    with path.open("rb") as file:
        return read_po(file, language)


def made_anew(program: Program, language: str) -> Catalog:
    """The catalogue with every sentence of the source and no other, with the translations that there are."""
    known = catalogue_of(program, language)
    catalogue = Catalog(language, fuzzy=False)
    for sentence in program.sentences():
        before = known.get(sentence[0] if isinstance(sentence, tuple) else sentence)
        catalogue.add(sentence, before.string if before else None, flags=before.flags if before else ())
    return catalogue


def compiled(catalogue: Catalog) -> bytes:
    """The catalogue as gettext reads it."""
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


HEADER = """\
# What {program} says, in the language {language}. scripts/catalogue takes new sentences in, and compiles this file.
msgid ""
msgstr ""
"Language: {language}\\n"
"Plural-Forms: {plurals}\\n"
"Content-Type: text/plain; charset=utf-8\\n"

"""


def written(program: Program, catalogue: Catalog) -> bytes:
    """The catalogue as people read it. Its header says nothing of when and by what it was written, so that it changes with its sentences only."""
    file = io.BytesIO()
    write_po(file, catalogue, width=140, no_location=True, omit_header=True)
    header = HEADER.format(
        program=program.name, language=catalogue.locale_identifier, plurals=catalogue.plural_forms.rstrip(";")
    )
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


PROGRAMS = (
    Program("chat-server", languages.LOCALE, sentences),
    Program("chat-tui", tui_language.LOCALE, tui_sentences),
)


def main() -> int:
    """Make the catalogues again; say what is missing."""
    wrong = [*unfindable(), *untellable()]
    for program in PROGRAMS:
        for language in LANGUAGES.keys() - {ENGLISH}:
            wrong += made(program, language, may_write="--check" not in sys.argv)
    for each in wrong:
        print(each)
    return bool(wrong)


def made(program: Program, language: str, *, may_write: bool) -> Iterator[str]:
    """Make a catalogue again; what is wrong with it, one by one."""
    catalogue = made_anew(program, language)
    yield from (f"{program.name}, {language}: {fault}" for fault in faults(catalogue))
    for ending, data in (("po", written(program, catalogue)), ("mo", compiled(catalogue))):
        path = program.path(language, ending)
        if is_same(path, data):
            continue
        if not may_write:
            yield f"{path.name} is stale: run scripts/catalogue"
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


if __name__ == "__main__":
    sys.exit(main())
