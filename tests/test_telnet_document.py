"""docs/telnet.md: its two conversations happen, at a real telnet, as they stand there."""

import re

import pytest

from chat_server.protocol.choices import CHARSETS
from processes import ROOT, Screen, program, running_server, screen
from test_telnet_programs import at_nc, say

DOCUMENT = (ROOT / "docs" / "telnet.md").read_text(encoding="utf-8")
TYPED = re.compile(r"(?:\[\w+\] \w+)?> (.*)|(/(?:login|lang) .*)")


def transcript(language: str) -> list[str]:
    block = re.search(rf"<!-- {language} -->\n```text\n(.*?)```", DOCUMENT, re.DOTALL)
    assert block
    return block[1].splitlines()


def comparable(row: str) -> str:
    """The row without its time and day, and without the second halves of wide characters that the emulator leaves empty."""
    row = re.sub(r"(?<=^#\d )\d\d:\d\d|(?<=^\* --- ).*(?= ---)", "…", row)
    return re.sub(r"\s+", " ", row).strip()


@pytest.mark.parametrize(("language", "nick"), [("en", "ann"), ("zh", "小明")])
def test_the_conversation_in_the_document_happens_word_for_word(language: str, nick: str) -> None:
    rows = transcript(language)
    bob_says = [row for row in rows if row.startswith("bob: ")]
    with running_server() as server, screen(program("telnet"), "127.0.0.1", str(server.port), rows=70) as person:
        person.wait_until("Type /login and a nickname to come in")
        with at_nc(server, "bob", "pm") as bob:
            for number, row in enumerate(rows):
                if row.startswith("* bob "):
                    say(bob, "/python")
                elif row in bob_says:
                    whole = [row.removeprefix("bob: "), *(more.strip() for more in _further(rows, number))]
                    say(bob, " ".join(whole))
                elif row.startswith(f"{nick}: "):
                    person.type(f"{row.removeprefix(f'{nick}: ')}\r")
                elif typed := TYPED.fullmatch(row):
                    if "> " in row:  # a prompt that the telnet agrees to a moment later
                        _wait_for(person, f"{row.partition('>')[0]}>")
                    person.type(f"{typed[1] or typed[2]}\r")
                _wait_for(person, row)
            person.wait_until("Connection closed")
    shown = [comparable(row) for row in person.rows]
    start = shown.index(comparable(rows[0]))
    assert shown[start : start + len(rows)] == [comparable(row) for row in rows]


def _further(rows: list[str], number: int) -> list[str]:
    """The rows on which a line goes on."""
    further = []
    for row in rows[number + 1 :]:
        if not row.startswith("  "):
            break
        further.append(row)
    return further


def _wait_for(person: Screen, row: str) -> None:
    for _ in range(100):
        if comparable(row) in map(comparable, person.rows):
            return
        person.read(0.1)
    raise AssertionError(f"{row!r} did not come; the screen shows:\n" + "\n".join(person.rows))


def test_the_document_names_every_charset_that_can_be_chosen() -> None:
    listed = re.sub(r"\n\* ", " ", DOCUMENT.partition("* /charset takes: ")[2].partition("\n[")[0])
    assert tuple(listed.split(", ")) == CHARSETS
