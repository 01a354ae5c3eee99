"""Whatever raises, wherever: it hurts one session, or one turn of one room, and everybody else goes on talking.

Nothing is listed here by hand: every command of every place, every way to show an event, and every method of what a room, a session, an outbox
and a journal are made of is made to raise, while everything that can happen happens. What was not reached is a failure of the test.
"""

import gc
import inspect
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, cast, get_origin, get_type_hints

import pytest
import trio
from msgspec.structs import fields

from captured_logs import capture_logs
from chat_server.commands.handler import Command
from chat_server.commands.table import COMMANDS
from chat_server.journal import Journal
from chat_server.protocol import entries, events, requests
from chat_server.protocol.amending import Deleted, Reacted
from chat_server.protocol.incoming import Addressed, Unreadable
from chat_server.protocol.requests import Request, tag_of
from chat_server.protocol.syntax import choices_of
from chat_server.protocol.versions import PROTOCOL
from chat_server.rooms.audience import Audience
from chat_server.rooms.batch import Batch
from chat_server.rooms.broadcaster import Broadcaster
from chat_server.rooms.changes import Changes
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.directory import Directory
from chat_server.rooms.hall import Hall
from chat_server.rooms.inbox import Inbox
from chat_server.rooms.members import Members
from chat_server.rooms.person import ADMIN, MEMBER, Person
from chat_server.rooms.presence import Presence
from chat_server.rooms.recent_history import RecentHistory
from chat_server.rooms.room import HALL, ROOM, Room
from chat_server.rooms.taking_back import LinesOfGuests
from chat_server.sessions.backlog import Backlog
from chat_server.sessions.json_session import JsonSession
from chat_server.sessions.membership import Membership
from chat_server.sessions.outbox import Outbox
from chat_server.sessions.pace import Pace
from chat_server.sessions.read_loop import ReadLoop
from chat_server.sessions.session import ChatSession
from chat_server.sessions.text_session import TextSession
from chat_server.wire import json_lines
from chat_server.wire.render import sentences
from fakes import FaultyJournal
from streams import Caller, House, open_house
from test_person_session import telnet
from test_sentences import EXAMPLES

pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

WITNESSES = {"carol", "dan", "eve", "fay"}


@pytest.fixture(autouse=True)
def logged() -> Iterator[Sequence[MutableMapping[str, Any]]]:
    """What is logged. To print tracebacks takes longer than everything else."""
    gc.freeze()  # the collector need not look through what other tests have left
    with capture_logs() as logs:
        yield logs
    logs.clear()  # the errors in it have hold of everything that was under way
    gc.collect()  # what a bug kept from being awaited is complained of here, and not in the next test


class Bug(RuntimeError):
    """What is raised."""


class Fuse:
    """Keeps two of several bugs from meeting: what one has broken is mended before the next one shows."""

    SECONDS = 6.0

    def __init__(self) -> None:
        self._ready_at = 0.0

    def blow(self) -> bool:
        """Whether a bug may show now; then no other may for a while."""
        now = trio.current_time()
        if now < self._ready_at:
            return False
        self._ready_at = now + self.SECONDS
        return True


class Sabotage:
    """A function that raises, once or always, as soon as it is armed, and for nobody who only looks on."""

    def __init__(self, function: Callable[..., Any], *, always: bool = False, fuse: Fuse | None = None) -> None:
        self._function = function
        self._always = always
        self._fuse = fuse
        self.is_armed = False
        self.reached = 0

    def __call__(self, *given: Any, **named: Any) -> Any:
        is_meant = self.is_armed and (self._always or not self.reached)
        if is_meant and not self._is_for_a_witness(given) and (self._fuse is None or self._fuse.blow()):
            self.reached += 1
            raise Bug(self._function)
        return self._function(*given, **named)

    @staticmethod
    def _is_for_a_witness(given: Sequence[object]) -> bool:
        """Whether it is called with one who only looks on, or by something that is done for such a one."""
        owners = list(given[:1])
        frame = sys._getframe(2)
        for _ in range(CALLERS_LOOKED_AT):
            owners.append(frame.f_locals.get("self"))
            if frame.f_back is None:
                break
            frame = frame.f_back
        return any(map(is_a_witness, owners))


CALLERS_LOOKED_AT = 6


def is_a_witness(owner: object) -> bool:
    """Whether this is the session of one who only looks on, or their outbox, or the loop that reads what they ask for."""
    if isinstance(owner, Outbox):
        owner = getattr(owner, "owner", None)
    elif isinstance(owner, ReadLoop):
        owner = getattr(owner, "_session", None)
    return isinstance(owner, ChatSession) and getattr(owner, "nick", "") in WITNESSES


class Trap:
    """A descriptor around a Sabotage, so that it is bound as the function was, or read as the property was."""

    def __init__(self, sabotage: Sabotage, *, is_property: bool) -> None:
        self._sabotage = sabotage
        self._is_property = is_property

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self._sabotage
        if self._is_property:
            return self._sabotage(instance)
        return lambda *given, **named: self._sabotage(instance, *given, **named)

    def __set__(self, instance: Any, value: Any) -> None:
        raise AttributeError


def set_trap(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, fuse: Fuse) -> Sabotage:
    found = owner.__dict__[name]
    function: Any = found.fget if isinstance(found, property) else found
    sabotage = Sabotage(function, fuse=fuse)
    monkeypatch.setattr(owner, name, Trap(sabotage, is_property=isinstance(found, property)))
    return sabotage


class Witnesses:
    """Two in one room, and two in the room where everything goes wrong; they have done nothing."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.carol, self.dan, self.eve, self.fay = (house.call("192.0.2.9") for _ in range(4))
        self.heard = ""
        self._count = 0

    async def settle(self) -> None:
        for caller, nick, room in (
            (self.carol, "carol", "pm"),
            (self.dan, "dan", "pm"),
            (self.eve, "eve", "python"),
            (self.fay, "fay", "python"),
        ):
            await caller.log_in(nick, room)
        await trio.sleep(10)

    async def still_talk(self, what: object) -> None:
        """Fail if not each of them hears the other."""
        self._count += 1
        for speaker, name, hearer in (
            (self.carol, "carol", self.dan),
            (self.dan, "dan", self.carol),
            (self.eve, "eve", self.fay),
            (self.fay, "fay", self.eve),
        ):
            line = f"line {self._count} of {name}'s"
            await speaker.type(line)
            with trio.fail_after(60):
                heard = await hearer.read_until(f"{name}: {line}\r\n")
            if hearer is self.fay:
                self.heard += heard
        assert not self._house.ended.is_set(), what


@asynccontextmanager
async def a_house(journal: Journal | None = None) -> AsyncIterator[tuple[House, Witnesses]]:
    async with open_house(
        journal=journal, messages_per_second=50.0, message_burst=50, connections_per_address=0, waiting_bytes=50_000
    ) as house:
        witnesses = Witnesses(house)
        await witnesses.settle()
        yield house, witnesses


def session_of(house: House, nick: str) -> ChatSession[Any]:
    return next(session for session in house.server._sessions if session.nick == nick)


async def try_to(act: Callable[[], Any]) -> bool:
    """Do it if the connection is still there, and give it time. Returns whether it was there."""
    is_there = False
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        await act()
        is_there = True
    await trio.sleep(3)
    return is_there


class Tireless:
    """One who connects again when the connection has been lost, so that what is to happen happens after a bug too."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.caller = house.call()

    async def type(self, *lines: str) -> None:
        if not await try_to(lambda: self.caller.type(*lines)):
            self.caller = self._house.call()
            await try_to(lambda: self.caller.type("/login ann", "/join python"))
            await try_to(lambda: self.caller.type(*lines))


class TirelessProgram:
    """The same, a program's."""

    def __init__(self, house: House, **login: str) -> None:
        self._house = house
        self._login = login
        self.caller = house.connect()

    async def send(self, data: bytes) -> None:
        if not await try_to(lambda: self.caller.stream.send_all(data)):
            self.caller = self._house.connect()
            await try_to(lambda: self.caller.ask("login", **self._login))
            await try_to(lambda: self.caller.ask("join", room="python"))
            await try_to(lambda: self.caller.stream.send_all(data))

    async def ask(self, do: str, **fields: Any) -> None:
        await self.send(json.dumps({"do": do, **fields}).encode() + b"\n")


# Commands.

VALUES: Mapping[object, object] = {str: "x", int: 1, bool: False, float: 1.0}


def an_instance(kind: type[Request | Unreadable]) -> Request | Unreadable:
    """A request with something in each field that it must have."""
    hints = get_type_hints(kind)
    return kind(
        **{field.name: VALUES.get(hints[field.name], {"python": 0}) for field in fields(kind) if field.required}
    )


class Giving:
    """A decoder that makes one request of whatever comes."""

    is_mid_line = in_runs = False
    limit = held = 0

    def __init__(self, asked: object) -> None:
        self._asked = asked

    def is_dear(self, data: bytes) -> bool:
        return False

    def receive_data(self, data: bytes) -> list[Any]:
        return [self._asked] if data else []

    def give_up(self) -> tuple[()]:
        return ()


async def victim(house: House, door: str, place: str, nick: str) -> Caller:
    if door == "person":
        person = house.call()
        await person.log_in(nick, place)
        return person
    program = house.connect()
    await program.enter(nick, *[place] * bool(place))
    return program


DOORS = {"person": "terminal", "program": "program"}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("place", ["", "python"])
async def test_a_bug_in_any_command_ends_the_session_that_met_it_and_no_other(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch, door: str, place: str
) -> None:
    commands = COMMANDS.open_to[MEMBER][ROOM if place else HALL]
    async with a_house() as (house, witnesses):
        asked_for = [
            (request, command) for request, command in commands.items() if command.access.door in ("", DOORS[door])
        ]
        for number, (request, command) in enumerate(asked_for):
            sabotage = Sabotage(command.run, always=True)
            unlucky = await victim(house, door, place, f"victim{number}")
            asked: object = an_instance(request)
            if door == "program":
                asked = Addressed(an_instance(request), place, number)
            session_of(house, f"victim{number}")._loop.decoder = Giving(asked)
            with monkeypatch.context() as patched:
                patched.setitem(commands, request, Command(sabotage))
                sabotage.is_armed = True
                await unlucky.stream.send_all(b"x")
                assert "Something went wrong on the server's side" in await unlucky.read_to_end(), request
            assert sabotage.reached, request
            await witnesses.still_talk(request)
        room = house.server._directory.room("python")
        assert isinstance(room, ChatRoom)
        await trio.sleep(10)
        assert room.nicks == ["eve", "fay"]


# Showing.


def an_event(kind: type[events.Event]) -> events.Event:
    """An event with something in each field that it must have."""
    if kind is events.Dismissed:
        return events.Dismissed("stopping")
    for event, _ in EXAMPLES:
        if type(event) is kind:
            return event
    values = {
        name: VALUES.get(hint, {} if get_origin(hint) is dict else ()) for name, hint in get_type_hints(kind).items()
    }
    return kind(**{field.name: values[field.name] for field in fields(kind) if field.required})


def shown_in_rooms() -> dict[type[events.Event], str]:
    """What a room shows to all its members, and how to make it happen."""
    return {
        entries.Said: "hello",
        entries.Acted: "/me waves",
        entries.TopicSet: "/topic snakes",
        events.Renamed: "/nick zora",
        events.Left: "/back",
    }


@pytest.mark.parametrize("kind", [kind for kind in entries.EVENTS if kind.is_for_people])
async def test_what_cannot_be_put_in_words_is_said_to_be_so_and_whoever_asked_goes_on(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch, kind: type[events.Event]
) -> None:
    example = an_event(kind)
    sabotage = Sabotage(sentences.RENDERERS.get(kind, sentences._in_one_sentence), always=True)
    async with a_house() as (house, witnesses):
        ann = house.call()
        await ann.log_in("ann", "python")
        await ann.type("/colour on")  # what is laid out is put in words by the table, lines that are said too
        await ann.read_until("Colours are on.")
        monkeypatch.setitem(sentences.RENDERERS, kind, sabotage)
        sabotage.is_armed = True
        session_of(house, "ann")._loop.decoder = Giving(requests.ListOnline())
        monkeypatch.setitem(
            COMMANDS.open_to[MEMBER][ROOM],
            requests.ListOnline,
            Command(lambda _place, session, _request: session.send(example)),
        )
        await ann.stream.send_all(b"x")
        if kind is events.Refused:
            await ann.read_to_end()
        else:
            await ann.read_until("That could not be shown")
        assert sabotage.reached
        if kind not in shown_in_rooms():
            await witnesses.still_talk(kind)


@pytest.mark.parametrize("kind", shown_in_rooms())
async def test_what_cannot_be_shown_to_one_kind_of_reader_is_shown_to_the_others(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch, kind: type[events.Event]
) -> None:
    sabotage = Sabotage(sentences.RENDERERS.get(kind, sentences._in_one_sentence), always=True)
    async with a_house() as (house, witnesses):
        program, zoe, colourful = house.connect(), house.call(), house.call()
        await program.enter("ann", "python")
        await zoe.log_in("zoe", "python")
        await colourful.log_in("gil", "python")
        await colourful.type("/colour on")
        await trio.sleep(10)
        with monkeypatch.context() as patched:
            patched.setitem(sentences.RENDERERS, kind, sabotage)
            sabotage.is_armed = True
            await zoe.type(shown_in_rooms()[kind])
            await colourful.read_until("Something went wrong in python on the server's side.")
            assert (await program.wait_for(tag_of(kind)))["room"] == "python"
        assert sabotage.reached
        await witnesses.still_talk(kind)
        await colourful.read_until("line 1 of fay's")
        assert (await program.wait_for("said"))["room"] == "python"


@pytest.mark.parametrize("kind", [kind for kind in entries.EVENTS if kind.is_for_programs])
async def test_what_cannot_be_written_as_json_is_answered_all_the_same(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch, kind: type[events.Event]
) -> None:
    reached = 0

    def encode(value: Any) -> bytes:
        nonlocal reached
        if type(value) is kind:
            reached += 1
            raise Bug
        return encoded(value)

    encoded = json_lines._encode
    example = an_event(kind)
    async with a_house() as (house, witnesses):
        program = house.connect()
        await program.ask("hello", protocol=PROTOCOL)
        await program.enter("ann", "python")
        monkeypatch.setattr(json_lines, "_encode", encode)
        session = session_of(house, "ann")
        session._loop.decoder = Giving(Addressed(requests.ListOnline(), "python", "the mark"))
        monkeypatch.setitem(
            COMMANDS.open_to[MEMBER][ROOM],
            requests.ListOnline,
            Command(lambda _place, session, _request: session.send(example)),
        )
        await program.stream.send_all(b"x")
        if kind is events.Refused:
            assert (await program.rest())[-1]["why"] == "failed"
        else:
            answer = await program.wait_for("refused")
            assert (answer["code"], answer["room"]) == ("cannot-show", "python")
        assert reached
        await witnesses.still_talk(kind)


# Every step of what a room, a session, an outbox, a journal does.

SAMPLES = {
    "nick": "zora",
    "room": "pm",
    "number": "1",
    "count": "5",
    "day": "2026-11-20",
    "zone": "UTC",
    "language": "en",
    "charset": "utf-8",
}
SAMPLES |= {"columns": "80", "words": "hello", "text": "hello", "action": "waves", "command": "say"}


def typed() -> Iterator[str]:
    """Every command as a person may type it, but for those that end something."""
    for word, request in COMMANDS.vocabulary.words.items():
        if request not in {requests.Login, requests.Logout, requests.Back, requests.Join}:
            arguments = [
                (*choices_of(field), SAMPLES.get(field.name, "x"))[0]
                for field in fields(request)
                if field.type is not bool
            ]
            wanted = len([field for field in fields(request) if field.required])
            yield " ".join([f"/{word}", *arguments[:wanted]])
            yield " ".join([f"/{word}", *arguments[:1]])


async def everything_happens(house: House, python: ChatRoom, journal: FaultyJournal) -> None:
    """People and programs come, do all that can be done, are lost, and leave."""
    silent, person = house.call(), Tireless(house)
    for line in (
        *(
            "/login ann",
            "hello?",
            "/frobnicate",
            "/pyhton",
            "/topic x",
            "/search x",
            "/colour on",
            "/join python",
            "/join python",
        ),
        *("ann, are you there?", "/topic", "/topic snakes", "/ping", "timed", "/history 5", "/wrap 40", "/login again"),
        *typed(),
        *("/nick anna", "/join pm", "/back"),
    ):
        await person.type(line)
    await try_to(lambda: person.caller.stream.send_all("大家好\n".encode("gbk")))
    python.forget_past()
    # A terminal whose line is edited, with Tab, and a question of telnet's own.
    terminal = telnet(house)
    await try_to(lambda: terminal.come("tess"))
    await try_to(lambda: terminal.type("an\t\x15/python\r\n"))
    for keys in ("/on\t", "\x15he\t", "\x15hello\r\n", b"\xff\xf6"):
        await try_to(lambda keys=keys: terminal.type(keys))  # type: ignore[misc]
    token = "t" * 30
    first = TirelessProgram(house, nick="prog", token=token)
    await first.ask("hello")
    await first.ask("login", nick="prog", token=token)
    await first.ask("resume", rooms={"python": 0, "nowhere": 1})
    for _ in range(2):
        await first.ask("say", room="python", text="keyed, ann", key="k1", ref=1)
    # Joins and leaves, what is said under a key again, and what is about people, in one turn.
    await first.send(b'{"do":"join","room":"pm"}\n{"do":"say","room":"python","text":"x"}\n')
    for asked in (
        {"do": "lang", "language": "zh"},
        {"do": "mode"},
        {"do": "here"},
        {"do": "say", "room": "nowhere", "text": "x"},
    ):
        await first.ask(**asked)
    for page in ({"before": 3}, {"after": 0}):
        await first.ask("history", room="python", **page)
    await first.ask("history", before=1)
    # More at once than is allowed.
    await first.send(b'{"do":"say","room":"python","text":"x"}\n' * 100)
    await person.type(*["/time", "many"] * 50)
    journal.is_full = True
    await first.ask("say", room="python", text="lost", key="k2")
    await first.ask("say", room="python", text="lost")
    journal.is_full = False
    second = TirelessProgram(house, nick="prog", token=token)
    await second.ask("login", nick="prog", token=token, plain="plain")
    await second.ask("me", room="python", action="waves", ref="2")
    await second.ask("nick", nick="progg")
    await second.ask("create", room="new")
    await second.ask("back", room="python")
    # One more session of the same person comes into the room, and goes before and after the other.
    added = TirelessProgram(house, nick="prog", token=token, session="add")
    for _ in range(2):
        await added.ask("login", nick="prog", token=token, session="add")
        await added.ask("lang", language="en")
        await second.ask("join", room="python")
        await added.ask("join", room="python")
        await added.ask("say", room="python", text="one of two")
        await added.ask("nick", nick="prog")
        await added.ask("back", room="python")
        await added.ask("logout")
    await trio.sleep(20)  # it is asked whether it is there
    await second.ask("logout")
    await person.type("/logout")
    await somebody_is_put_out(house)
    await programs_that_speak_late_and_operators(house)
    await try_to(lambda: terminal.type("\x15/logout\r\n"))
    for caller in (person.caller, first.caller, second.caller, added.caller, terminal):
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await caller.stream.aclose()
    await trio.sleep(200)  # so long nobody may be who does not log in
    await silent.stream.aclose()


async def somebody_goes_before_it_is_told_that_they_came(house: House) -> None:
    """And somebody else has come in between, who has seen them; another's coming was announced just before."""
    una, vic, wes = people = [house.connect() for _ in range(3)]
    for nick, caller in zip(("una", "vic", "wes"), people, strict=True):
        await try_to(lambda nick=nick, caller=caller: caller.ask("login", nick=nick))  # type: ignore[misc]

    async def all_at_once() -> None:
        for caller, do in ((una, "join"), (vic, "join"), (wes, "join"), (vic, "back")):
            await caller.ask(do, room="python")
            await trio.testing.wait_all_tasks_blocked()  # no time passes

    await try_to(all_at_once)
    for caller in people:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await caller.stream.aclose()


async def somebody_is_put_out(house: House) -> None:
    """By one who may, of two who talk on; then others do not read."""
    moderator, unruly = house.call(), house.call()
    await try_to(lambda: moderator.type("/login mo", "/join python"))
    await try_to(lambda: unruly.type("/login rowdy", "/join python"))
    for session in house.server._sessions:
        if session.person.nick == "mo":
            session.person.role = ADMIN
    await try_to(lambda: moderator.type("/block rowdy"))
    await try_to(lambda: unruly.type("boo"))
    await try_to(lambda: moderator.type("/unblock rowdy"))
    await try_to(lambda: moderator.type("/rule links members", "/kick rowdy noise", "/rule links all", "/bans"))
    await try_to(lambda: unruly.type("/join python", "x"))
    await try_to(lambda: moderator.type("/topic soon gone", "y"))
    await trio.sleep(1)
    room = cast(ChatRoom, house.server._directory.room("python"))
    for number in range(room.last_seq - 3, room.last_seq + 1):
        await try_to(lambda number=number: moderator.type(f"/delete {number}"))  # type: ignore[misc]
    await trio.sleep(1)
    for caller in (moderator, unruly):
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await caller.stream.aclose()
    await trio.sleep(3)
    await somebody_goes_before_it_is_told_that_they_came(house)
    await readers_who_do_not_read(house)


async def operators_ask(house: House) -> None:
    """Operators look around, and remove somebody."""
    for do in ("who", "rooms", "stats"):
        await house.ask_as_operator(do)
    unwanted = house.call()
    await try_to(lambda: unwanted.type("/tls", "/login zed", "/join python", "/me waves"))
    await house.ask_as_operator("kick", name="zed")
    # A room gets another name, and ends, while people are in it, come, go and talk.
    await house.ask_as_operator("delete-room", room="brief")
    present, program = house.call(), house.connect()
    await try_to(lambda: present.type("/login yan", "/create brief", "/join brief"))
    await try_to(lambda: program.ask("login", nick="yanprog"))
    await try_to(lambda: program.ask("join", room="brief"))
    await house.ask_as_operator("rename-room", room="brief", name="briefer")
    await try_to(lambda: program.ask("say", room="brief", text="x", key="k9"))
    await try_to(lambda: program.ask("resume", rooms={"brief": 0}))
    for name in ("briefer", "brief"):
        await house.ask_as_operator("delete-room", room=name)
    for caller in (unwanted, present, program):
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await caller.stream.aclose()
    await trio.sleep(3)


async def readers_who_do_not_read(house: House) -> None:
    """A program and a person whose connections hold nothing that they do not read are sent too much, and then read it."""
    stuck, late = house.connect(stuck=True), house.call(stuck=True)
    await try_to(lambda: stuck.ask("login", nick="stuck", token="s" * 30))
    await try_to(lambda: stuck.ask("join", room="python"))
    await try_to(lambda: late.type("/login late", "/join python"))
    loud = house.connect()
    await try_to(lambda: loud.ask("login", nick="loud"))
    await try_to(lambda: loud.ask("join", room="python"))
    for _ in range(6):
        await try_to(lambda: loud.ask("say", room="python", text="x" * 16000))
    for reader in (stuck, late):
        with trio.move_on_after(10), suppress(trio.BrokenResourceError):
            while await reader.stream.receive_some(65536):
                pass
    await try_to(lambda: loud.ask("logout"))
    for caller in (stuck, late, loud):
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await caller.stream.aclose()


async def programs_that_speak_late_and_operators(house: House) -> None:
    """Two who have been greeted as people, and one of them answered, begin to speak JSON; then operators ask."""
    await operators_ask(house)
    for said in (["/frobnicate"], []):
        late = house.call()
        await try_to(lambda late=late, said=said: late.type(*said))  # type: ignore[misc]
        await try_to(lambda late=late: late.stream.send_all(b'{"do":"login","nick":"tardy"}\n'))  # type: ignore[misc]
        await try_to(lambda late=late: late.stream.send_all(b'{"do":"join","room":"python"}\n'))  # type: ignore[misc]
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await late.stream.aclose()
        await trio.sleep(3)


ONLY_WHEN_SOMETHING_FAILED = {
    "_find_stored", "_take_anyway", "rename_anyway", "arrive_anyway", "depart_anyway", "_add_anyway", "pass_over",
    "_recover", "_described", "forget", "_read_unseen", "_show_unseen", "fail", "Members.sessions", "people",
}  # fmt: skip
ELSEWHERE = {
    # When the server begins and ends, and when a disk is asked to forget: test_policies.py, test_history.py.
    "close", "abort", "dismiss", "run", "stop", "wait_closed", "hurry", "forget_past", "prune",
    # Where a program wants to know what becomes of what it does in a room: test_told.py.
    "key_of_act",
    # What is looked at for metrics, and the canary: test_metrics.py, test_canary.py.
    "Backlog.lines", "Outbox.lines", "probe",
    # What a line said before it was edited: test_amending.py.
    "versions",
    # What is answered when others have said what they know, and who is at other nodes: test_conversing_engine_away.py, test_people.py.
    "answer_later", "nick_of",
    # Before the witnesses are there.
    "rooms", "open_room", "__init_subclass__",
    # Nobody asks for a password yet; nor has a person what they need.
    "ask_secret", "shows_typing", "takes_secrets", "take_over", "replayed_up_to",
    # Where two write to one another: test_conversing.py.
    "kept_as", "opened", "seen",
    # Where somebody registers: test_signing_in.py, test_marks_told.py.
    "known_otherwise", "note_account", "is_noted",
    # Where telnet asks without end, and reads nothing: test_outbox.py.
    "add_urgent",
    # When memory is short, and among many kinds of readers; and nobody asks for a whole past on this door.
    "let_go", "send_unasked", "renderer_among", "TextSession.drained", "_put_run_later", "_room_for_more",
    # What a hall has not, and nobody asks of it.
    "Room.topic", "Room.last_seq", "Room.population", "Room.take_over", "Room.announce_name",
    "Room.refusal_of", "Room.refusal_to_enter", "Room.past", "Room.is_shown_to", "Room.shows_topic_to", "Room.reads_from",
    # Where somebody with an account makes a room and puts others out: test_moderating.py.
    "founded",
    # Where somebody appeals against that: test_reports.py.
    "curb_of",
    # Where somebody is invited to a room: test_private.py.
    "invitation_of", "invited", "look_again",
    # Where rooms have other names, are archived, and are asked for by their ids: test_room_life.py.
    "former_names", "Room.id", "Room.is_archived", "room_of_id", "refusal_to_rename", "note_renamed",
    "refusal_of_name", "another_has", "account_ended", "note_done", "stored_under",
    # For those who look on, and what the traps themselves ask for.
    "size", "ChatRoom.__contains__", "ChatSession.nick", "Inbox.__len__",
    # Where there are several nodes: test_shared_rooms.py, test_names_given_back.py.
    "move", "skip", "_enter_shared", "lists", "when_stored", "begin_anew",
    # Where somebody has an account, and is named: test_people.py.
    "has_account", "hears", "note_seen",
    # Of a room that is no more: test_room_changes.py.
    "_refuse",
    # With which Python, from 3.14 on, makes a class's annotations when somebody asks for them.
    "__annotate_func__",
    # Where nobody's pace is limited, and bugs are played there as well: test_taken_at_once.py.
    "_is_light", "_go_on",
    # The same: test_runs.py.
    "_put_run", "_take_in", "_is_full_for_runs", "takes_run_of", "_handle_run",
    # Where a room has many readers: test_send_ring.py.
    "_give_at_once",
    # Where several nodes are one server: test_shared_limits.py, test_accounts_among_nodes.py.
    "note_founded", "open_room_of_others", "_another_has",
    # Where a bot that filters a room is at another node: test_filters_among_nodes.py.
    "bots_elsewhere",
    # Where other settings come to count: test_reload.py.
    "allow", "idle_limit_changed", "limits_changed",
}  # fmt: skip


NOT_HERE = ONLY_WHEN_SOMETHING_FAILED | ELSEWHERE


Step = tuple[type, str]
TOGETHER = 40
"""Steps that raise while the same things happen, one after the other: what happens takes a while to play."""


def steps() -> Iterator[Step]:
    owners: dict[type, str] = {
        **dict.fromkeys(
            (ChatRoom, Broadcaster, Changes, Inbox, Members, Audience, Batch, Presence, RecentHistory, LinesOfGuests),
            "",
        ),
        **dict.fromkeys((Room, Hall, Directory, Person), ""),
        **dict.fromkeys((ChatSession, TextSession, JsonSession, ReadLoop, Pace, Membership, Outbox, Backlog), ""),
    }
    for owner in owners:
        for name, found in vars(owner).items():
            is_step = inspect.isfunction(found) or isinstance(found, property)
            is_own = not getattr(found, "__isabstractmethod__", False) and not name.startswith("do_")  # those are above
            is_made_first = name == "__init__" and owner in {Hall, Directory, Room}
            if is_step and is_own and not is_made_first and not {name, f"{owner.__name__}.{name}"} & NOT_HERE:
                yield owner, name
    for name, found in vars(Journal).items():
        if inspect.isfunction(found) and name not in ELSEWHERE and not name.startswith("_"):
            yield FaultyJournal if name in vars(FaultyJournal) else FaultyJournal.__mro__[1], name


def groups() -> list[list[Step]]:
    """The steps, so that those of one class are in different groups."""
    every = list(steps())
    count = -(-len(every) // TOGETHER)
    return [every[number::count] for number in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize("group", groups(), ids=lambda group: f"{group[0][0].__name__}.{group[0][1]} and others")
async def test_a_bug_in_any_step_hurts_one_session_or_one_turn_and_what_was_stored_is_seen(
    autojump_clock: trio.abc.Clock,
    monkeypatch: pytest.MonkeyPatch,
    logged: Sequence[MutableMapping[str, Any]],
    group: list[Step],
) -> None:
    waiting = group
    while waiting:
        with monkeypatch.context() as patched:
            reached = await raised_in(patched, waiting)
        assert reached, f"nothing that happens comes to {waiting}"
        assert any(isinstance(entry.get("exc_info"), Bug) for entry in logged)
        waiting = [step for step in waiting if step not in reached]


async def raised_in(patched: pytest.MonkeyPatch, traps: Sequence[Step]) -> set[Step]:
    """Play everything while these steps raise, once each; see that nothing is worse for it than it must be. Returns which of them raised."""
    journal = FaultyJournal()
    async with a_house(journal) as (house, witnesses):
        python = house.server._directory.room("python")
        assert isinstance(python, ChatRoom)
        fuse = Fuse()
        sabotages = {(owner, name): set_trap(patched, owner, name, fuse) for owner, name in traps}
        for sabotage in sabotages.values():
            sabotage.is_armed = True
        await everything_happens(house, python, journal)
        for sabotage in sabotages.values():
            sabotage.is_armed = False
        reached = {step for step, sabotage in sabotages.items() if sabotage.reached}
        await witnesses.still_talk(reached)
        await trio.sleep(30)
        # The room's books are right: who is there, who is shown things, and that everything stored has been shown to who was there all the time.
        assert sorted(python.nicks) == ["eve", "fay"], reached
        assert sum(map(len, python._audience.kinds.values())) == 2, reached
        stored = await journal.read("python", 1, 10**6)
        for line in stored.lines:
            said = (line.text or line.in_words).splitlines()[0]
            is_known = isinstance(line, Deleted | Reacted) or line.nick in WITNESSES
            assert said in witnesses.heard or is_known, (line, reached)
        assert [line.seq for line in stored.lines] == list(range(1, len(stored.lines) + 1)), reached
        # Nobody is left who waits for ever.
        assert {session.nick for session in house.server._sessions} == WITNESSES, reached
        assert set(house.server._directory._people) == WITNESSES, reached
    return reached
