import ast
from pathlib import Path
from string import Formatter

import pytest
from msgspec import UNSET

import chat_server
from chat_server.commands.attention import NoMentions
from chat_server.commands.auditing import AuditShown, NothingDone
from chat_server.commands.table import COMMANDS
from chat_server.protocol import entries, events, people_events, requests
from chat_server.protocol.acts import RoleGiven
from chat_server.protocol.amending import Reacted
from chat_server.protocol.conversation_events import Conversing
from chat_server.protocol.described import DeviceShown, Forbidden, LastLogin, NetworkShown
from chat_server.protocol.filtering import WordSet
from chat_server.protocol.moderation_events import LineDeclined
from chat_server.protocol.room_events import StoringGoesOn
from chat_server.protocol.setting_events import SettingShown, ZoneShown
from chat_server.wire.render.sentences import CHOICES, GROUP_NAMES, SENTENCES, text_of
from chat_server.wire.render.text_lines import WIDTH
from chat_server.wire.render.widths import columns_of

SOURCE = Path(chat_server.__file__).parent
MANY = tuple(f"person-{number}" for number in range(60))

LINES: tuple[entries.Entry, ...] = (
    entries.Said("python", 1, 0.0, "ann", "hi"),
    entries.Acted("python", 2, 60.0, "ann", "waves"),
    entries.TopicSet("python", 3, 86400.0, "ann", "snakes"),
)

EXAMPLES: list[tuple[events.Event, str]] = [
    (entries.Said("python", 1, 0.0, "ann", "hi"), "ann: hi\r\n"),
    (entries.Said("python", 1, 0.0, "ann", "def f():\n* bob joined"), "ann: def f():\r\n  * bob joined\r\n"),
    (entries.Acted("python", 1, 0.0, "ann", "waves"), "~ ann waves\r\n"),
    (
        events.Entered(
            *("python", (), 0),
            rules={"slow": "30", "speak": "members"},
            forbidden=(Forbidden(7, "muted", 1900.0, "bob", "noise"),),
            now=100.0,
        ),
        (
            "* You are in python.\r\n* Rules here: slow 30, speak members\r\n"
            "* You are muted in python, for 30m still (number 7). Reason: noise\r\n* Nobody else is here.\r\n"
        ),
    ),
    (events.Joined("python", ("bob",)), "* bob joined\r\n"),
    (events.Joined("python", ("ann", "bob"), 210), "* ann, bob and 210 others joined\r\n"),
    (events.Left("python", ("bob",)), "* bob left\r\n"),
    (events.Left("python", ("ann", "bob"), 1), "* ann, bob and 1 other left\r\n"),
    (events.Renamed("ann", "anna"), "* ann is now anna\r\n"),
    (events.LoggedOut(), "* Goodbye.\r\n"),
    (SettingShown("colour", "on"), "* Colours are on.\r\n"),
    (SettingShown("colour", "on", False), "* Colours are on.\r\n* /colour off turns them off.\r\n"),
    (
        SettingShown("language", "en", False),
        "* The server speaks English.\r\n* /lang takes: en (English), zh (中文)\r\n",
    ),
    (events.EnteredHall(), "* You are in the hall.\r\n"),
    (events.Entered("python", (), 0), "* You are in python.\r\n* Nobody else is here.\r\n"),
    (events.Entered("python", ("bob",), 2), "* You are in python.\r\n* Also here: bob, and 2 others\r\n"),
    (events.RoomsListed((("python", 2), ("pm", 0))), "* Rooms: python (2), pm (0)\r\n"),
    (people_events.OnlineListed("python", ()), "* Nobody else is in python.\r\n"),
    (people_events.OnlineListed("python", ("bob", "carol")), "* 2 others in python: bob, carol\r\n"),
    (
        people_events.OnlineListed("python", ("bob", "eve"), away=("bob", "eve"), reasons={"bob": "at lunch"}),
        "* 2 others in python: bob (away: at lunch), eve (away)\r\n",
    ),
    (events.HelpListed((("/back", "Go back"),), ("pm",)), "* /back - Go back\r\n* Rooms are commands too: /pm\r\n"),
    (events.CommandExplained("/logout", "Leave.", ("quit",)), "* Usage: /logout\r\n* Leave.\r\n* Also: /quit\r\n"),
    (
        events.RoomFailed("python", 17),
        "* Something went wrong in python on the server's side. It has been noted, and the room goes on. /since 17 shows what was said.\r\n",
    ),
    (StoringGoesOn(), "* What is said here is stored and shown again.\r\n"),
    (events.Skipped(1), "* 1 line was skipped: your connection did not keep up.\r\n"),
    (
        events.Skipped(214, {"python": 4500}),
        "* 214 lines were skipped: your connection did not keep up. /since 4500 shows what was said.\r\n",
    ),
    (
        events.Entered("python", (), 0, "snakes"),
        "* You are in python.\r\n* Topic: snakes\r\n* Nobody else is here.\r\n",
    ),
    (entries.TopicSet("python", 1, 0.0, "ann", "snakes"), "* ann set the topic: snakes\r\n"),
    (events.TopicShown("python", ""), "* python has no topic.\r\n"),
    (events.TopicShown("python", "snakes"), "* Topic of python: snakes\r\n"),
    (events.Timed("python", 4711, 0.0002, 0.0011), "* #4711 waited 0.2 ms in the queue and was stored in 1.1 ms.\r\n"),
    (events.Stored("python", 4711, "k"), "* Stored in python as #4711.\r\n"),
    (
        events.NotStored("python", 1),
        "* Your line could not be stored, so nobody has seen it. Try again later.\r\n",
    ),
    (
        events.NotStored("python", 3),
        "* 3 of your lines could not be stored, so nobody has seen them. Try again later.\r\n",
    ),
    (
        events.LoggedIn("ann", last_login=LastLogin(0.0, 37, 3, "Asia/Tokyo")),
        (
            "* Welcome, ann.\r\n* You were here last: 1970-01-01 09:00. Since then: 37 wrong passwords, from 3 networks.\r\n"
            "* /rooms lists the rooms, /join ROOM enters one, /help tells more.\r\n"
        ),
    ),
    (
        events.DevicesListed(
            (
                DeviceShown(3, "program", "device", 0.0, 0.0, "192.0.2.0/24", is_here=True, is_this=True),
                DeviceShown(4, "program", "device", 0.0, 0.0, "192.0.2.0/24", is_here=True, is_this=False),
                DeviceShown(5, "program", "device", 0.0, 60.0, "192.0.2.0/24", is_here=False, is_this=False),
            ),
            2,
            "UTC",
        ),
        (
            "* 3: program, since 1970-01-01: this one\r\n* 4: program, since 1970-01-01: here now, from 192.0.2.0/24\r\n"
            "* 5: program, since 1970-01-01: last here 1970-01-01 00:01, from 192.0.2.0/24\r\n"
            "* You are also at 2 other terminals.\r\n* /drop NUMBER logs one out for good, /drop others all but this one.\r\n"
        ),
    ),
    (
        events.DevicesListed((), 0, "UTC", (NetworkShown("192.0.2.0/24", 86400.0), NetworkShown("192.0.3.0/24", 0.0))),
        (
            "* No program has logged in with your account.\r\n"
            "* You came last from: 192.0.2.0/24 (1970-01-02), 192.0.3.0/24 (1970-01-01).\r\n"
        ),
    ),
    (events.DevicesListed((), 0, "UTC"), "* No program has logged in with your account.\r\n"),
    (
        events.AccountShown("ann", 0.0, "member", 3, 2, "UTC"),
        (
            "* ann, since 1970-01-01. Devices: 3. Recovery codes left: 2.\r\n"
            "* /devices lists your devices, /password changes your password, /help account says how to end it.\r\n"
        ),
    ),
    (
        events.Registered("ann", ("AAAA-BBBB", "CCCC-DDDD")),
        (
            "* ann is your account now, and nobody else's name.\r\n"
            "* If you forget your password, each of these codes lets you in once, and nothing else does: AAAA-BBBB, CCCC-DDDD\r\n"
            "* Write them down and keep them secret. They are not shown again.\r\n"
        ),
    ),
    (ZoneShown("Asia/Tokyo", 0.0), "* It is 1970-01-01 09:00. Times are shown in Asia/Tokyo.\r\n"),
    (
        entries.Recalled("python", LINES, None, 3, "UTC"),
        (
            "* --- 1970-01-01 ---\r\n#1 00:00 ann: hi\r\n#2 00:01 ~ ann waves\r\n* --- 1970-01-02 ---\r\n"
            "#3 00:00 * ann set the topic: snakes\r\n* --- now ---\r\n"
        ),
    ),
    (
        entries.Recalled("python", LINES[2:], 1, 3, "UTC"),
        "* 1 line since you left (3)\r\n* --- 1970-01-02 ---\r\n#3 00:00 * ann set the topic: snakes\r\n* --- now ---\r\n",
    ),
    (
        entries.Recalled("python", LINES[2:], 2, 3, "UTC"),
        (
            "* 2 lines since you left (2–3); /since 1 shows them from the first.\r\n* --- 1970-01-02 ---\r\n"
            "#3 00:00 * ann set the topic: snakes\r\n* --- now ---\r\n"
        ),
    ),
    (
        entries.PageShown("python", LINES[1:2], 1, 3, "Asia/Tokyo"),
        "* --- 1970-01-01 ---\r\n#2 09:01 ~ ann waves\r\n* Line 2 of 3. Older: /before 2. Newer: /since 2.\r\n",
    ),
    (entries.PageShown("python", (), 1, 0, ""), "* Nothing has been said in python yet.\r\n"),
    (entries.PageShown("python", (), 4, 3, ""), "* There are no lines in python yet that you can read.\r\n"),
    (entries.PageShown("python", (), 2, 9, ""), "* There is nothing there. Of python you can read the lines 2–9.\r\n"),
    (
        entries.PageShown("python", (LINES[2],), 3, 3, "UTC"),
        "* --- 1970-01-02 ---\r\n#3 00:00 * ann set the topic: snakes\r\n* Line 3; you can read 3.\r\n",
    ),
    (RoleGiven("python", 1, 0.0, "ann", "none", whom="bob"), "* ann took bob's role back\r\n"),
    (RoleGiven("python", 1, 0.0, "ann", "none", whom="ann"), "* ann gave up the role that they had here\r\n"),
    (
        WordSet("python", 1, 0.0, "ann", "hold", word="spam"),
        "* ann put a word on the room's list: lines with it wait for a moderator\r\n",
    ),
    (
        WordSet("python", 1, 0.0, "ann", "refuse", word="spam"),
        "* ann put a word on the room's list: lines with it are refused\r\n",
    ),
    (WordSet("python", 1, 0.0, "ann", "none", word="spam"), "* ann took a word off the room's list\r\n"),
    (NoMentions(), "* Nobody has named you since you last looked.\r\n"),
    (
        NoMentions(has_seen=True),
        "* Nobody has named you since you last looked. /mentions all shows what you have seen.\r\n",
    ),
    (NothingDone(), "* Nothing has been done here by moderators.\r\n"),
    (NothingDone(is_before=True), "* Nothing was done here by moderators before that.\r\n"),
    (
        AuditShown(
            "den", "", 0, 0, {"3": {"what": "role-taken", "by": "ann", "whom": "ann", "at": "2026-11-29 09:00"}}
        ),
        "* #3, 2026-11-29 09:00: ann gave up their role\r\n",
    ),
    (
        AuditShown("den", "", 0, 0, {"3": {"what": "word-set", "by": "ann", "word": "hold", "at": "2026-11-29 09:00"}}),
        "* #3, 2026-11-29 09:00: ann put a word on the room's list: lines with it wait\r\n",
    ),
    (AuditShown("", "2026-11-29 09:00", 8, 0, {}), "* \r\n  What was done before: /audit 8\r\n"),
    (AuditShown("", "2026-11-29 09:00", 8, 2, {}), "* \r\n  What was done before: /audit 8 2\r\n"),
    (LineDeclined("den", 5), "* A moderator of den has declined your line (number 5).\r\n"),
    (LineDeclined("den", 5, "no links"), "* A moderator of den has declined your line (number 5): no links\r\n"),
    (entries.Found("hi", (), False, 0, "UTC"), "* Nothing found in any room.\r\n"),
    (entries.Found("hi", (), False, 0, "UTC", "dev"), "* Nothing found in dev. /search -a looks in all rooms.\r\n"),
    (
        entries.Found("hi", (("python", LINES[:1]),), True, 7, "UTC"),
        (
            "* In python:\r\n* --- 1970-01-01 ---\r\n#1 00:00 ann: hi\r\n* The newest line that was found; more words find fewer."
            " /around NUMBER shows the lines around it.\r\n* The newest 7 lines are not in the index yet; ask again soon.\r\n"
        ),
    ),
]


@pytest.mark.parametrize(("event", "shown"), EXAMPLES)
def test_an_event_is_shown_in_these_words(event: events.Event, shown: str) -> None:
    assert text_of(event) == shown


NUMBERS = {
    "seq",
    "at",
    "more",
    "limit",
    "missed",
    "first",
    "last",
    "queued",
    "stored",
    "now",
    "count",
    "unsearched",
    "made",
    "terminals",
    "until",
    "id",
    "account",
}

KINDS = [kind for kind in entries.EVENTS if kind.is_for_people and kind is not entries.OwnLines]
"""Those that are shown in words of the server's: not only lines."""


@pytest.mark.parametrize("kind", KINDS)
def test_the_servers_own_word_begins_with_a_star_and_a_persons_with_a_name(kind: type[events.Event]) -> None:
    values: dict[str, object] = {
        "nicks": ("bob",),
        "rooms": {
            events.RoomsListed: (("pm", 0),),
            entries.Found: (),
            entries.MentionsShown: (),
            people_events.MentionsWaiting: (("pm", 2, 1),),
            events.Skipped: {"pm": 3},
        }.get(kind, ("pm",)),
        **dict.fromkeys(("since", "idle", "days"), UNSET),
        "lines": () if kind in (entries.Recalled, entries.PageShown) else 1,
        "zone": "UTC",
        "has_more": False,
        "hidden": (),
        "topics": {},
        "archived": (),
        "ids": {},
        "groups": (),
        "keys": (),
        "commands": (),
        "aliases": (),
        "snippets": (),
        "reactions": (),
        "quote": "",
        "signs": ("+",),
        "details": {},
        "recovery": ("A-B",),
        "devices": (),
        "networks": (NetworkShown("192.0.2.0/24", 0.0),) if kind is events.DevicesListed else 1,
        "conversations": (Conversing("@bob", 3, 1),),
        "last_login": UNSET,
        "guest": False,
        "bot": False,
        "guests": UNSET,
        "rules": UNSET,
        "forbidden": UNSET,
        "code": "login-first",
        "why": "stopping",
        "setting": "colour",
        "value": "on",
        "of": ((1, 1),),
        **dict.fromkeys(("re", "edited"), 0),
    }
    if kind is Reacted:  # where people talk, they are told of those of a few seconds at once: ReactionsTold
        values["room"] = "@x"
    event = kind(**{name: values.get(name, 1 if name in NUMBERS else "x") for name in kind.__struct_fields__})
    starts: dict[type[events.Event], str] = {entries.Said: "x: ", entries.Acted: "~ x ", entries.Noticed: "- x: "}
    starts[entries.LineBlocked] = "#1 "
    start = starts.get(kind, "* ")
    shown = text_of(event)
    assert shown.endswith("\r\n")
    assert all(line.startswith(start) for line in shown.splitlines())


def rooms_shown(rooms: dict[str, int], topics: dict[str, str] | None = None, name: str = "") -> list[str]:
    return text_of(events.RoomsListed(tuple(rooms.items()), topics or {}, name)).splitlines()


def test_a_hundred_rooms_are_a_row_each_the_busiest_first_and_the_empty_ones_are_counted() -> None:
    rooms = {f"room{number}": number % 3 for number in range(100)} | {"busy": 12}
    shown = rooms_shown(rooms)
    assert shown[0] == "* busy (12)"
    assert shown[1:34] == [f"* room{number} (2)" for number in range(2, 100, 3)]
    assert shown[34:67] == [f"* room{number} (1)" for number in range(1, 100, 3)]
    assert shown[67].startswith("* 34 empty rooms: room0, room3, ")
    assert shown[-1].endswith(", and 14 other rooms")
    assert len(shown) < 72


def test_rooms_that_are_left_out_of_a_list_are_not_called_people() -> None:
    rooms = events.RoomsListed(tuple((f"room{number}", 0) for number in range(100)))
    assert text_of(rooms, "zh").endswith("、另外 80 个房间\r\n")
    assert text_of(events.Entered("python", ("bob",), 2), "zh").endswith("、另外 2 人\r\n")


def test_a_room_is_listed_with_its_topic_cut_to_the_row() -> None:
    topics = {"empty": "蛇" * 50, "python": "All things Python"}
    shown = rooms_shown({"empty": 0, "pm": 1, "python": 2}, topics)
    assert shown[:2] == ["* python (2): All things Python", "* pm (1)"]
    assert shown[2].startswith("* empty (0): 蛇蛇蛇")
    assert shown[2].endswith("蛇…")
    assert columns_of(shown[2]) <= WIDTH + len("* ")


def test_few_rooms_without_a_topic_are_one_line_and_more_are_told_how_to_be_found() -> None:
    assert rooms_shown({"python": 0, "pm": 3}) == ["* Rooms: pm (3), python (0)"]
    assert rooms_shown({}) == ["* There are no rooms yet. /create ROOM opens one."]
    assert rooms_shown({}, name="py") == ["* No room has py in its name. /rooms lists all."]
    shown = rooms_shown({f"room{number}": 1 for number in range(130)})
    assert len(shown) == 101
    assert shown[-1] == "* 30 more rooms have people in them. /rooms NAME lists the rooms with NAME in their names."


def test_help_is_under_headings_and_a_list_from_an_older_server_is_not() -> None:
    commands = (("/me ACTION", "Act"), ("/say TEXT", "Speak"), ("/back", "Go back"))
    assert text_of(events.HelpListed(commands, (), ("talking", "talking", "rooms"))).splitlines() == [
        *("* --- Talking ---", "* /me ACTION - Act", "* /say TEXT - Speak"),
        *("* --- Rooms ---", "* /back - Go back"),
    ]
    assert len(text_of(events.HelpListed(commands, ())).splitlines()) == 3
    assert len(text_of(events.HelpListed(commands, (), ("of a later release",))).splitlines()) == 3


def test_every_command_is_under_a_heading() -> None:
    assert {request.group for request in COMMANDS.vocabulary.requests} == set(requests.GROUPS) == set(GROUP_NAMES)


def test_a_long_list_goes_on_in_a_new_line() -> None:
    shown = text_of(people_events.OnlineListed("python", MANY))
    assert max(map(len, shown.splitlines())) <= WIDTH + len("* ,")
    assert all(name in shown for name in MANY)


def codes_in_use() -> set[str]:
    """The first argument of every Refused, Dismissed and Invalid in the source, and every code that a BadName, a Misuse or such a thing carries."""
    used: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id
                in {"Refused", "Dismissed", "Invalid", "BadName", "BadPassword", "Misuse", "NotEnacted", "_wrong"}
            ):
                used |= {
                    leaf.value
                    for leaf in ast.walk(node.args[0])
                    if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str)
                }
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "dismiss":
                used |= {str(argument.value) for argument in node.args if isinstance(argument, ast.Constant)}
            if (
                isinstance(node, ast.Return)
                and path.name in {"connection_limits.py", "directory.py"}
                and isinstance(node.value, ast.Constant)
            ):
                used |= {str(node.value.value)} - {"None"}
    return used


def test_the_catalogue_has_every_sentence_that_is_used_and_no_other() -> None:
    assert codes_in_use() == set(SENTENCES)


def test_no_sentence_names_a_detail_that_is_not_a_plain_word() -> None:
    for sentence in (*SENTENCES.values(), *CHOICES.values()):
        for text in (sentence,) if isinstance(sentence, str) else sentence[:2]:
            assert all(field is None or field.isidentifier() for _, field, _, _ in Formatter().parse(text))
