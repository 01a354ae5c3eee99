import ast
from pathlib import Path
from string import Formatter

import pytest

import chat_server
from chat_server import events
from chat_server.wire.sentences import SENTENCES, WIDTH, show

SOURCE = Path(chat_server.__file__).parent
MANY = tuple(f"person-{number}" for number in range(60))

EXAMPLES: list[tuple[events.Event, str]] = [
    (events.Said("python", 1, 0.0, "ann", "hi"), "ann: hi\r\n"),
    (events.Acted("python", 1, 0.0, "ann", "waves"), "~ ann waves\r\n"),
    (events.Joined("python", ("bob",)), "* bob joined\r\n"),
    (events.Joined("python", ("ann", "bob"), 210), "* ann, bob and 210 others joined\r\n"),
    (events.Left("python", ("bob",)), "* bob left\r\n"),
    (events.Left("python", ("ann", "bob"), 1), "* ann, bob and 1 other left\r\n"),
    (events.Renamed("ann", "anna"), "* ann is now anna\r\n"),
    (events.LoggedOut(), "* Goodbye.\r\n"),
    (events.EnteredHall(), "* You are in the hall.\r\n"),
    (events.Entered("python", (), 0), "* You are in python.\r\n* Nobody else is here.\r\n"),
    (events.Entered("python", ("bob",), 2), "* You are in python.\r\n* With you: bob, and 2 others\r\n"),
    (events.RoomsListed((("python", 2), ("pm", 0))), "* Rooms: python (2), pm (0)\r\n"),
    (events.OnlineListed("python", ()), "* Nobody else is in python.\r\n"),
    (events.OnlineListed("python", ("bob", "carol")), "* In python with you (2): bob, carol\r\n"),
    (events.HelpListed((("/back", "Go back"),), ("pm",)), "* /back - Go back\r\n* Rooms are commands too: /pm\r\n"),
    (events.CommandExplained("/logout", "Leave.", ("quit",)), "* Usage: /logout\r\n* Leave.\r\n* Also: /quit\r\n"),
    (events.Skipped(1), "* 1 line was skipped: your connection did not keep up.\r\n"),
    (events.Skipped(214), "* 214 lines were skipped: your connection did not keep up.\r\n"),
]


@pytest.mark.parametrize(("event", "shown"), EXAMPLES)
def test_an_event_is_shown_in_these_words(event: events.Event, shown: str) -> None:
    assert show(event).decode() == shown


@pytest.mark.parametrize("kind", events.Event.__subclasses__())
def test_the_servers_own_word_begins_with_a_star_and_a_persons_with_a_name(kind: type[events.Event]) -> None:
    values: dict[str, object] = {
        "nicks": ("bob",),
        "rooms": (("pm", 0),) if kind is events.RoomsListed else ("pm",),
        "commands": (),
        "aliases": (),
        "details": {},
        "code": "login-first",
        "why": "stopping",
    }
    event = kind(
        **{
            name: values.get(name, 1 if name in {"seq", "at", "more", "lines", "limit"} else "x")
            for name in kind.__struct_fields__
        }
    )
    start = {events.Said: "x: ", events.Acted: "~ x "}.get(kind, "* ")
    shown = show(event).decode()
    assert shown.endswith("\r\n")
    assert all(line.startswith(start) for line in shown.splitlines())


def test_a_long_list_goes_on_in_a_new_line() -> None:
    shown = show(events.OnlineListed("python", MANY)).decode()
    assert max(map(len, shown.splitlines())) <= WIDTH + len("* ,")
    assert [name.strip(" ,*") for name in shown.replace("\r\n", " ").partition(": ")[2].split(", ")] != []
    assert all(name in shown for name in MANY)


def codes_in_use() -> set[str]:
    """The first argument of every Refused and Dismissed in the source, and every code that a BadName or an admission carries."""
    used: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in {"Refused", "Dismissed", "BadName"}
            ):
                used |= {
                    leaf.value
                    for leaf in ast.walk(node.args[0])
                    if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str)
                }
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "dismiss":
                used |= {str(argument.value) for argument in node.args if isinstance(argument, ast.Constant)}
            if isinstance(node, ast.Return) and path.name == "admission.py" and isinstance(node.value, ast.Constant):
                used |= {str(node.value.value)} - {"None"}
    return used


def test_the_catalogue_has_every_sentence_that_is_used_and_no_other() -> None:
    assert codes_in_use() == set(SENTENCES)


def test_no_sentence_names_a_detail_that_is_not_a_plain_word() -> None:
    for sentence in SENTENCES.values():
        assert all(field is None or field.isidentifier() for _, field, _, _ in Formatter().parse(sentence))
