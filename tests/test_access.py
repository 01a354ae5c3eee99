"""Who may ask for what: one row for each command, by which the server refuses and shows."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest
from msgspec import defstruct
from msgspec.structs import fields

from chat_server.commands.access import DEFAULT, ROLES
from chat_server.commands.handler import CommandHandler, CommandTable
from chat_server.commands.table import COMMANDS, dispatch, distinct, distinct_refusals
from chat_server.protocol.events import Answered, Event, Refused
from chat_server.protocol.requests import REQUESTS, ChooseCharset, Hello, Join, Login, Request, Resume, Say, tag_of
from chat_server.protocol.syntax import Vocabulary, word_of
from chat_server.rooms.person import ADMIN, HOLDER, MEMBER, MODERATOR, OWNER, STRANGER
from chat_server.rooms.room import HALL, ROOM, MaybeAwaitable, Occupant, Room
from fakes import FakeSession, make_hall

THROWAWAY = Path(__file__).with_name("throwaway.py")

FOR_TERMINALS = {"charset", "mode", "colour", "wrap", "plain", "keepalive"}
BEFORE_LOGIN = {"appeal", "login", "register", "logout", "help", "rooms", "lang", "tls"} | FOR_TERMINALS
OF_PEOPLE = {"block", "unblock", "away", "whois", "seen", "msg", "reply", "accept", "dm", "typing", "receipts"}
EVERYWHERE = (
    (BEFORE_LOGIN - {"login"})
    | {"join", "create", "nick", "time", "history", "search", "alias", "snippet", "use"}
    | OF_PEOPLE
)
IN_ROOMS = {
    "say",
    "me",
    "notice",
    "topic",
    "ping",
    "online",
    "back",
    "last",
    "since",
    "before",
    "around",
    "date",
    "bans",
    "delete",
    "members",
    "report",
    "edit",
    "re",
    "react",
    "versions",
}
GOVERNING = {"rule", "role", "filter"}
OWNING = {"rename", "archive", "unarchive", "destroy"}
OF_MODERATORS = {"reports", "resolve", "held", "decline"}
"""What is for those of the room or, in the hall, of the server."""
MODERATING = {"kick", "mute", "ban", "unban", "invite", "words", "purge"} | OF_MODERATORS
"""What needs a role in the room, or on the server."""
CURBING = {"kick", "mute", "ban", "unban"}
ON_SERVER = CURBING | {"bans", "role", "panic", "audit"}
"""What is asked of the whole server, by whoever has a role there."""
OF_ACCOUNTS = {"mentions", "code", "devices", "drop", "password", "account", "export"}
MAY = {
    (STRANGER, HALL): BEFORE_LOGIN,
    (STRANGER, ROOM): BEFORE_LOGIN - {"login"},
    (MEMBER, HALL): EVERYWHERE | ON_SERVER | OF_MODERATORS,
    (MEMBER, ROOM): EVERYWHERE | IN_ROOMS | GOVERNING | MODERATING | OWNING | {"panic", "audit"},
    **{
        (role, HALL): EVERYWHERE - {"register"} | OF_ACCOUNTS | ON_SERVER | OF_MODERATORS
        for role in (HOLDER, MODERATOR, ADMIN, OWNER)
    },
    **{
        (role, ROOM): EVERYWHERE - {"register"}
        | OF_ACCOUNTS
        | IN_ROOMS
        | GOVERNING
        | MODERATING
        | OWNING
        | {"panic", "audit"}
        for role in (HOLDER, MODERATOR, ADMIN, OWNER)
    },
}
"""What people may ask for: so that whoever changes a row says so here. Without commands that have their requests beside them and declare no row."""


@cache
def thrown_away() -> dict[str, Any]:
    """What is told of a role and a command of which nothing but their declarations was written."""
    run = subprocess.run([sys.executable, str(THROWAWAY)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return dict(json.loads(run.stdout))


@pytest.mark.parametrize(("role", "kind"), MAY)
def test_what_somebody_in_a_role_may_ask_for(role: str, kind: str) -> None:
    typed = {
        word_of(request)
        for request, command in COMMANDS.open_to[role][kind].items()
        if issubclass(request, Request) and request.is_typed and (request in REQUESTS or command.access != DEFAULT)
    }
    assert typed == MAY[role, kind]


OWN_REFUSALS = {"login": "logged-in-already", "register": "registered-already"} | dict.fromkeys(
    OF_ACCOUNTS, "account-needed"
)
"""What those are told who have logged in and may not."""


def refusal(role: str, kind: str, word: str, *, has_terminal: bool) -> str:
    """The code by which somebody is to be refused; "" if they may."""
    word = "decline" if word == "accept-held" else word
    if word in {"resume", "filter-answer", "writing", "has-read"}:
        elsewhere = "" if word == "resume" else "not-in-hall" if kind == HALL else ""
        elsewhere = elsewhere or ("not-in-rooms" if word == "has-read" else "")
        return "login-first" if role == STRANGER else elsewhere or ("for-programs" if has_terminal else "")
    if word in FOR_TERMINALS:
        return "" if has_terminal else "for-terminals"
    if word in MAY[role, kind]:
        return refusal_of_office(role, kind, word)
    if word in MAY[role, ROOM if kind == HALL else HALL]:
        if kind == HALL:
            return "nobody-hears" if word == "say" else "not-in-hall"
        return "not-in-rooms"
    return "login-first" if role == STRANGER else OWN_REFUSALS[word]


def refusal_of_office(role: str, kind: str, word: str) -> str:
    """The same, of those who may in some places, or to some."""
    if word == "audit" and kind == HALL:
        return "" if role in (ADMIN, OWNER) else "server-admins-only"
    if word in OWNING:
        return "" if role in (ADMIN, OWNER) else "owners-only"
    if role not in (MEMBER, HOLDER):
        return ""
    if word == "panic" or (kind == HALL and word in MODERATING | {"bans"}):
        return "server-moderators-only"
    return "moderators-only" if word in MODERATING | {"audit"} else ""


def noted_instead_of_done(monkeypatch: pytest.MonkeyPatch) -> list[type]:
    """The kinds of requests that would be carried out from now on."""
    carried_out: list[type] = []
    for commands in COMMANDS.of.values():
        for command in commands.values():
            monkeypatch.setattr(command, "run", lambda *given: carried_out.append(type(given[-1])))
    return carried_out


@pytest.mark.parametrize("has_terminal", [True, False])
@pytest.mark.parametrize(("role", "kind"), MAY)
def test_each_command_is_carried_out_for_each_kind_of_caller_or_refused_and_they_are_told_why(
    role: str,
    kind: str,
    has_terminal: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    carried_out = noted_instead_of_done(monkeypatch)
    hall = make_hall("python")
    place = hall if kind == HALL else hall.directory.rooms[0]
    session = FakeSession(place)
    session.person.role = role
    vars(session)["has_terminal"] = has_terminal
    told: list[Event] = []
    monkeypatch.setattr(session, "send", told.append)
    asked = [
        request
        for request in COMMANDS.vocabulary.requests
        if any(
            request in REQUESTS or command.access != DEFAULT or word_of(request) in set().union(*MAY.values())
            for command in COMMANDS.commands_for(request).values()
        )
    ]
    assert len(asked) > 30
    for request in asked:
        carried_out.clear()
        told.clear()
        dispatch(place, session, request(**{field.name: None for field in fields(request)}))
        code = refusal(role, kind, word_of(request), has_terminal=has_terminal)
        assert [event.code for event in told if isinstance(event, Refused)] == [code] * bool(code), request
        assert carried_out == [request] * (not code)


def test_what_is_shown_as_working_here_is_carried_out_and_everything_else_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    carried_out = noted_instead_of_done(monkeypatch)
    hall = make_hall("python")
    for place in (hall, hall.directory.rooms[0]):
        for role in ROLES:
            for has_terminal in (True, False):
                session = FakeSession(place)
                session.person.role = role
                vars(session)["has_terminal"] = has_terminal
                here = COMMANDS.works_here(place, session)
                assert has_terminal or not FOR_TERMINALS & {
                    tag_of(request) for request in here if issubclass(request, Request)
                }
                for request in filter(COMMANDS.commands_for, COMMANDS.vocabulary.requests):
                    assert COMMANDS.works_for(place, session, request) == (request in here)
                    carried_out.clear()
                    dispatch(place, session, request(**{field.name: None for field in fields(request)}))
                    assert carried_out == ([request] if request in here else [])
                    assert len(session.take_told()) == (request not in here)


@pytest.mark.parametrize(
    ("nick", "request_", "answer"),
    [
        ("", Join("python"), "* Log in first: /login NICK"),
        (
            "ann",
            Login("bob"),
            "* You are already logged in as ann. /nick NICK changes your name; to log in as somebody else, /logout first.",
        ),
        ("ann", Say("x"), "* Nobody hears you in the hall. /rooms lists the rooms, /join ROOM enters one."),
    ],
)
def test_the_dispatcher_refuses(nick: str, request_: Request, answer: str) -> None:
    hall = make_hall("python")
    session = FakeSession(hall, nick)
    assert dispatch(hall, session, request_) is None
    assert session.told == [answer]


def test_what_is_for_terminals_is_refused_to_programs_and_what_is_for_programs_to_terminals() -> None:
    hall = make_hall("python")
    session = FakeSession(hall, "ann")
    dispatch(hall, session, Resume({}))
    assert session.take_told() == ["* /resume is for programs."]
    vars(session)["has_terminal"] = False
    dispatch(hall, session, ChooseCharset("gbk"))
    assert session.take_told() == ["* /charset is for telnet and nc; your program shows text in its own way."]


def test_two_commands_for_one_request_in_one_place_are_an_error() -> None:
    class One(CommandHandler):
        def do_hello(self, place: Room, session: Occupant, request: Hello) -> MaybeAwaitable:
            return None

    class Other(CommandHandler):
        def do_greet(self, place: Room, session: Occupant, request: Hello) -> MaybeAwaitable:
            return None

    with pytest.raises(ValueError, match="two commands for Hello"):
        CommandTable(One(), Other())


# A role and a command that only their declarations know.


def test_a_new_command_for_a_new_role_works_for_those_who_have_it_and_where_it_says() -> None:
    keeper = thrown_away()["keeper"]
    assert keeper["room"]["/sweep"] == ["* Topic of python: swept"]
    assert keeper["hall"]["/sweep"] == ["* /sweep works only in a room. /rooms lists the rooms, /join ROOM enters one."]


def test_a_new_command_is_refused_to_everybody_else_at_every_door() -> None:
    told = thrown_away()
    assert told["member"]["room"]["/sweep"] == ["* You may not use /sweep."]
    assert told["stranger"]["/sweep"] == ["* Log in first: /login NICK"]
    assert told["program"] == ["* You may not use /sweep."]


def test_a_new_command_is_in_the_help_of_those_who_may_use_it_and_of_nobody_else() -> None:
    told = thrown_away()
    line = "* /sweep - Sweep the room"
    assert line in told["keeper"]["room"]["/help general"]
    for others in (told["keeper"]["hall"], told["member"]["room"], told["stranger"]):
        assert line not in others["/help general"]


def test_a_new_command_is_explained() -> None:
    assert thrown_away()["keeper"]["room"]["/help sweep"] == ["* Usage: /sweep", "* Sweep the room."]


def test_tab_and_a_near_miss_find_a_new_command_for_those_who_may_use_it() -> None:
    told = thrown_away()
    assert told["keeper"]["room"]["Tab after /swe"] == ["/sweep "]
    assert told["keeper"]["room"]["/swep"] == ["* There is no command /swep. Did you mean /sweep?"]
    for others in (told["keeper"]["hall"], told["member"]["room"], told["stranger"]):
        assert others["Tab after /swe"] == []
        assert others["/swep"] == ["* There is no command /swep. /help lists all."]


def test_a_new_command_is_in_the_catalogue_with_its_role_and_chat_tui_has_it_from_there() -> None:
    told = thrown_away()
    assert told["described"] == ["sweep", "/sweep", "Sweep the room", ["room"], "keeper"]
    assert told["chat-tui"] == ["sweep", {}]


def test_rooms_are_put_in_for_those_who_may_enter_one_and_for_nobody_else() -> None:
    told = thrown_away()
    assert told["member"]["hall"]["Tab after /pyt"] == ["/python "]
    assert told["listener"]["Tab after /pyt"] == told["stranger"]["Tab after /pyt"] == []


def test_two_requests_of_one_word_are_an_error() -> None:
    class Dance(Request, frozen=True):
        """Dance."""

    class Hop(Request, frozen=True, tag="dance"):
        """Dance in another way."""

    class Waltz(Request, frozen=True):
        """Dance with somebody."""

        aliases: ClassVar[tuple[str, ...]] = ("dance",)

    for other in (Hop, Waltz):
        with pytest.raises(ValueError, match=r"two requests share the (tag|word) dance"):
            Vocabulary((Dance, other))


@pytest.mark.parametrize("tag", ["page", "said", "here", "danced"])
def test_an_answer_that_programs_would_take_for_another_event_is_refused(
    tag: str,
) -> None:
    danced: Any = defstruct("Danced", [], bases=(Answered,), tag="danced", frozen=True)
    named: Any = defstruct("Named", [], bases=(Answered,), tag=tag, frozen=True)
    with pytest.raises(ValueError, match=f"two events share the tag {tag}"):
        distinct((danced, named))
    assert distinct((danced,)) == (danced,)


@pytest.mark.parametrize("code", ["no-dice", "name-taken"])
def test_a_refusal_that_programs_would_take_for_another_is_refused(code: str) -> None:
    no_dice: Any = defstruct("NoDice", [("code", str, "no-dice")], bases=(Refused,), frozen=True)
    named: Any = defstruct("Named", [("code", str, code)], bases=(Refused,), frozen=True)
    with pytest.raises(ValueError, match=f"two refusals share the code {code}"):
        distinct_refusals((no_dice, named), ["name-taken"])
    assert distinct_refusals((no_dice,), ["name-taken"]) == (no_dice,)


def test_a_refusal_without_a_code_is_refused() -> None:
    vague: Any = defstruct("Vague", [], bases=(Refused,), frozen=True)
    with pytest.raises(ValueError, match="Vague has no code"):
        distinct_refusals([vague])


def test_no_server_starts_with_a_refusal_that_has_the_code_of_one_of_the_servers() -> None:
    program = """
from chat_server.protocol.events import Refused
class Taken(Refused, frozen=True):
    code: str = "name-taken"
import chat_server.sessions.doors
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "ValueError: two refusals share the code name-taken" in ended.stderr
