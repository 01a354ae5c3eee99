"""While nothing can be stored, nothing is said to be done that is kept: every request, on virtual time.

What can be asked for is taken from the commands themselves, so a new one has to be classed here. Whole servers on a disk that is full are in
test_full_disks.py.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pytest
import trio
from msgspec.structs import replace

from canary import PASSWORD
from chat_server.commands.table import COMMANDS
from chat_server.config import Config, RoomsTable
from chat_server.protocol.requests import Request, tag_of
from chat_server.server.admin_requests import REQUESTS
from fakes import FaultyJournal
from streams import House, Program, open_house

READ = {
    *(
        "around",
        "audit",
        "bans",
        "before",
        "date",
        "devices",
        "export",
        "help",
        "held",
        "history",
        "last",
        "members",
        "online",
    ),
    *("reports", "rooms", "search", "seen", "since", "time-line", "tls", "use", "versions", "whois"),
}
"""What only asks."""

OF_THE_SESSION = {
    *("back", "filter-answer", "has-read", "join", "logout", "resume", "writing"),
    *("charset", "colour", "keepalive", "mode", "plain", "wrap"),
}
"""What is about the session: how it is shown things (what is kept of that: below), where it is, what a bot says of a line that is its author's."""

NOT_STORED = {"cannot-store", "not-kept", "not-stored"}
"""By what somebody is told that it was not stored: the code of a refusal, or the event of a line."""


pytestmark = pytest.mark.usefixtures("wall_clock")


class Cast:
    """An admin of the server, the owner of the room den, one with an account there, a guest, and somebody new who has not logged in."""

    def __init__(self, house: House, journal: FaultyJournal) -> None:
        self.house, self.journal = house, journal
        self.by: dict[str, Program] = {}
        self.spam = 0
        self._refs = 0

    async def come(self) -> None:
        for place, nick in enumerate(("boss", "ann", "bob", "eve"), 1):
            program = self.by[nick] = await self.stranger(place)
            if nick == "eve":
                await program.enter("eve")
            else:
                await program.ask("register", nick=nick, password=PASSWORD)
                await program.wait_for("registered")
        assert (await self.house.ask_as_operator("give-role", name="boss", role="admin"))[-1]["is"] == "done"
        await self.ask("ann", "create", room="den")
        for nick in ("ann", "bob", "boss", "eve"):
            await self.ask(nick, "join", room="den")
        await self.by["bob"].ask("say", room="den", text="spam", key="1")
        self.spam = int((await self.by["bob"].wait_for("stored"))["seq"])
        await self.ask("ann", "topic", room="den", text="about")

    async def stranger(self, place: int) -> Program:
        program = self.house.connect(f"127.0.0.{place}")
        await program.ask("hello", protocol=2)
        await program.wait_for("hello")
        return program

    async def ask(self, who: str, do: str, /, **fields: Any) -> list[dict[str, Any]]:
        """All that answers what somebody asks."""
        self._refs += 1
        ref = f"r{self._refs}"
        if who == "new":
            self.by[who] = await self.stranger(9)
        program = self.by[who]
        answers: list[dict[str, Any]] = []
        with trio.move_on_after(2), suppress(AssertionError, trio.BrokenResourceError):  # it may end, or have ended
            await program.ask(do, ref=ref, **fields)
            while True:
                event = await program.read()
                if event.get("ref") == ref or event["is"] in NOT_STORED | {"refused"}:
                    answers.append({name: value for name, value in event.items() if name not in {"ref", "at", "seq"}})
        return answers

    def kept(self) -> tuple[object, ...]:
        """Everything that is kept, but when accounts were last here."""
        kept = self.journal._kept
        accounts = deepcopy(kept.accounts)
        accounts.accounts = {number: replace(one, seen=0.0) for number, one in accounts.accounts.items()}
        accounts.devices = {number: replace(one, seen=0.0) for number, one in accounts.devices.items()}
        accounts.came_from = {}
        accounts.failures = {}
        return deepcopy((kept.rooms, kept.records, kept.sent, kept.former, kept.mentions)), accounts

    async def seen(self) -> list[object]:
        """What everybody is told of how things are, by the server's memory."""
        asked: list[tuple[str, str, dict[str, Any]]] = [
            *(("boss", do, {}) for do in ("role", "bans", "audit", "reports", "held", "panic", "rooms")),
            *(
                ("ann", do, {"room": "den"})
                for do in ("role", "bans", "members", "words", "filter", "held", "reports", "online")
            ),
            *(("ann", do, {"room": "den"}) for do in ("topic", "rule", "audit")),
            *((who, do, {}) for who in ("ann", "bob") for do in ("account", "devices", "dm", "block", "code")),
            *((who, "whois", {"nick": nick}) for who in ("bob", "eve") for nick in ("ann", "bob", "eve", "zed")),
            ("eve", "block", {}),
            ("eve", "history", {"room": "den", "before": 999, "count": 50}),
        ]
        seen: list[object] = []
        for who, do, fields in asked:
            answers = await self.ask(who, do, **fields)
            seen.append((who, do, [_without_times(one) for one in answers]))
        directory = self.house.server.hall.directory
        seen.append(
            sorted(
                (person.nick, person.role, person.away, str(person.choices), str(person.blocks))
                for person in directory.people
            )
        )
        seen.append(sorted(directory.accounts.names.name_of(one) for one in self.journal._kept.accounts.accounts))
        return seen


def _without_times(event: object) -> object:
    if isinstance(event, dict):
        gone = {"left", "minutes", "now", "text", "seen", "idle", "days", "since", "networks", "last_at"}
        return {name: _without_times(value) for name, value in event.items() if name not in gone}
    return [_without_times(one) for one in event] if isinstance(event, list) else event


Prepare = Callable[[Cast], Awaitable[dict[str, Any]]]


async def a_code_for_bob(cast: Cast) -> dict[str, Any]:
    (made,) = await cast.ask("bob", "code", purpose="device")
    return {"code": made["code"]}


async def an_invitation(cast: Cast) -> dict[str, Any]:
    (made,) = await cast.ask("boss", "code", purpose="invite")
    return {"invite": made["code"]}


async def one_whose_account_ends(cast: Cast) -> dict[str, Any]:
    await cast.ask("bob", "account", ending="close", password=PASSWORD)
    return {}


async def a_room_that_holds(cast: Cast) -> dict[str, Any]:
    await cast.ask("ann", "rule", room="den", rule="hold", value="all")
    return {}


async def nothing(cast: Cast) -> dict[str, Any]:
    del cast
    return {}


async def _id_of(cast: Cast, who: str, do: str, **fields: Any) -> dict[str, Any]:
    answers = await cast.ask(who, do, **fields)
    found = [one["id"] for one in answers if "id" in one]
    assert found, answers
    return {"id": found[0]}


async def a_ban_of_the_server(cast: Cast) -> dict[str, Any]:
    return await _id_of(cast, "boss", "ban", nick="zed", span="1d")


async def a_ban_of_the_den(cast: Cast) -> dict[str, Any]:
    await cast.ask("ann", "ban", room="den", nick="eve", span="1d")
    (bans,) = await cast.ask("ann", "bans", room="den")
    return {"id": int(next(iter(bans["bans"])))}


async def a_mute_of_bob(cast: Cast) -> dict[str, Any]:
    return await _id_of(cast, "boss", "mute", nick="bob", span="1d")


async def a_report(cast: Cast) -> dict[str, Any]:
    return await _id_of(cast, "eve", "report", room="den", number=cast.spam)


async def a_held_line(cast: Cast) -> dict[str, Any]:
    await a_room_that_holds(cast)
    return await _id_of(cast, "bob", "say", room="den", text="wait", key="w")


async def one_whom_all_may_write_to(cast: Cast) -> dict[str, Any]:
    await cast.ask("ann", "dm", who="all")
    return {}


async def one_who_writes(cast: Cast) -> dict[str, Any]:
    await cast.ask("boss", "msg", nick="bob", text="hello", key="m")
    return {}


async def one_who_was_named(cast: Cast) -> dict[str, Any]:
    await cast.by["bob"].ask("away")
    await cast.ask("ann", "say", room="den", text="bob: look", key="n")
    return {}


async def one_who_is_away(cast: Cast) -> dict[str, Any]:
    await cast.ask("bob", "away", text="lunch")
    return {}


async def one_who_is_blocked(cast: Cast) -> dict[str, Any]:
    await cast.ask("bob", "block", nick="ann")
    return {}


async def an_archived_room(cast: Cast) -> dict[str, Any]:
    await cast.ask("ann", "archive", room="den")
    return {}


async def a_device(cast: Cast) -> dict[str, Any]:
    await cast.ask("bob", "code", purpose="bot", name="ben")
    (listed,) = await cast.ask("bob", "devices")
    return {"device": str(listed["devices"][-1]["number"])}


async def panic(cast: Cast) -> dict[str, Any]:
    await cast.ask("boss", "panic", state="on")
    return {}


@dataclass
class Case:
    """Somebody asks for something that is kept; `done` is the event that says it is done."""

    who: str
    do: str
    done: str
    fields: dict[str, Any] = field(default_factory=dict)
    prepare: Prepare = nothing
    is_shown: bool = False
    """Whether it is read, or holds here, though it cannot be kept, which is told."""

    def __str__(self) -> str:
        return " ".join((self.who, self.do, *(str(value) for name, value in self.fields.items() if name != "password")))


def den(who: str, do: str, done: str, prepare: Prepare = nothing, /, **fields: Any) -> Case:
    return Case(who, do, done, {"room": "den", **fields}, prepare)


def hall(who: str, do: str, done: str, prepare: Prepare = nothing, /, **fields: Any) -> Case:
    return Case(who, do, done, fields, prepare)


def shown(who: str, do: str, done: str, prepare: Prepare = nothing, /, **fields: Any) -> Case:
    return Case(who, do, done, fields, prepare, is_shown=True)


CASES = [
    den("bob", "say", "stored", text="hello", key="k"),
    den("eve", "say", "stored", text="hello"),
    den("bob", "say", "line-held", a_room_that_holds, text="wait", key="k"),
    den("bob", "me", "stored", action="waves", key="k"),
    den("bob", "notice", "stored", text="beep", key="k"),
    den("ann", "topic", "stored", text="other"),
    hall("bob", "create", "room-created", room="new"),
    hall("eve", "create", "room-created", room="new"),
    den("ann", "rename", "stored", name="cave"),
    den("ann", "archive", "stored"),
    den("ann", "unarchive", "stored", an_archived_room),
    den("ann", "destroy", "destroyed", name="den"),
    den("ann", "rule", "stored", rule="access", value="members"),
    den("ann", "role", "stored", nick="bob", role="moderator"),
    den("ann", "invite", "stored", nick="boss"),
    den("ann", "kick", "stored", nick="bob", reason="noise"),
    den("ann", "mute", "stored", nick="bob", span="1h"),
    den("ann", "ban", "stored", nick="bob", span="1h"),
    den("ann", "unban", "stored", a_ban_of_the_den),
    den("ann", "words", "stored", action="add", word="buy", rule="hold"),
    den("ann", "filter", "stored", nick="ann", on="on"),
    den("eve", "re", "stored", number=0, text="why?", key="k"),
    den("bob", "edit", "stored", number=0, text="sorry"),
    den("eve", "react", "stored", number=0, sign="👍"),
    den("bob", "delete", "lines-deleted", number=0),
    den("ann", "delete", "lines-deleted", number=0),
    den("ann", "purge", "lines-deleted", nick="bob", span="9"),
    den("eve", "report", "reported", number=0),
    den("ann", "resolve", "resolved", a_report),
    den("ann", "accept-held", "accepted", a_held_line),
    den("ann", "decline", "declined", a_held_line),
    hall("boss", "role", "server-role-given", nick="bob", role="moderator"),
    hall("boss", "kick", "server-kicked", nick="bob"),
    hall("boss", "mute", "server-muted", nick="bob", span="1d"),
    hall("boss", "ban", "server-banned", nick="bob", span="1d"),
    hall("boss", "ban", "server-banned", nick="eve", span="1d"),
    hall("boss", "ban", "server-banned", nick="203.0.113.7", span="sure 1d"),
    hall("boss", "unban", "server-lifted", a_ban_of_the_server),
    hall("boss", "panic", "panic-on", state="on"),
    hall("boss", "panic", "panic-off", panic, state="off"),
    hall("bob", "appeal", "appealed", a_mute_of_bob, why="sorry"),
    hall("bob", "msg", "message-sent", nick="ann", text="hello", key="k"),
    hall("eve", "msg", "message-sent", one_whom_all_may_write_to, nick="ann", text="hello", key="k"),
    hall("bob", "reply", "message-sent", one_who_writes, text="yes", key="k"),
    hall("bob", "accept", "request-accepted", one_who_writes, nick="boss"),
    hall("bob", "dm", "dm-chosen", who="known"),
    hall("bob", "typing", "chosen", typing="on"),
    hall("bob", "alias", "alias-set", name="hi", text="/me waves"),
    hall("bob", "snippet", "snippet-set", name="hi", text="hello"),
    hall("bob", "receipts", "chosen", receipts="on"),
    hall("bob", "away", "now-away", text="lunch"),
    hall("bob", "away", "now-back", one_who_is_away, text="off"),
    hall("bob", "block", "person-blocked", nick="ann"),
    hall("bob", "unblock", "person-unblocked", one_who_is_blocked, nick="ann"),
    shown("bob", "mentions", "mentions", one_who_was_named),
    hall("bob", "nick", "renamed", nick="bobby"),
    hall("bob", "password", "password-changed", new=PASSWORD + "!", old=PASSWORD),
    hall("bob", "account", "account-ends", ending="close", password=PASSWORD),
    hall("bob", "drop", "dropped", a_device),
    hall("bob", "drop", "dropped", a_device, device="others"),
    hall("bob", "code", "code-made", purpose="device"),
    hall("bob", "code", "bot-made", purpose="bot", name="ben"),
    hall("bob", "code", "recovery-made", purpose="recovery", password=PASSWORD),
    hall("boss", "code", "invited", purpose="invite"),
    hall("eve", "register", "registered", nick="eve", password=PASSWORD),
    hall("new", "register", "registered", an_invitation, nick="zed", password=PASSWORD),
    hall("new", "login", "logged-in", nick="bob", password=PASSWORD),
    hall("new", "login", "logged-in", a_code_for_bob, nick="bob"),
    hall("new", "login", "logged-in", one_whose_account_ends, nick="bob", password=PASSWORD),
    shown("bob", "lang", "chosen", language="zh"),
    shown("bob", "history", "history-chosen", count=3),
    shown("bob", "time", "zone-shown", zone="Asia/Tokyo"),
    hall("bob", "seen", "seen-hidden", nick="off"),
]


def test_whatever_can_be_asked_for_is_classed() -> None:
    asked = {request for commands in COMMANDS.of.values() for request in commands}
    tags = {tag_of(request) for request in asked if issubclass(request, Request)}
    kept = {case.do for case in CASES}
    assert tags - {None} == kept | READ | OF_THE_SESSION


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_what_cannot_be_stored_is_refused_and_changes_nothing(case: Case, autojump_clock: trio.abc.Clock) -> None:
    journal = FaultyJournal()
    rooms = RoomsTable(names=["python"])
    async with open_house(replace(Config(), rooms=rooms), journal=journal, silence_seconds=9e9) as house:
        cast = Cast(house, journal)
        await cast.come()
        fields = {**await case.prepare(cast), **case.fields}
        if "number" in fields:
            fields["number"] = cast.spam
        before, seen = cast.kept(), await cast.seen()
        journal.is_full = True
        answers = await cast.ask(case.who, case.do, **fields)
        words = {str(one.get("code") or one["is"]) for one in answers}
        assert words & NOT_STORED, f"it is not said that nothing was stored: {answers}"
        assert (case.done in {one["is"] for one in answers}) == case.is_shown, f"it is said to be done: {answers}"
        journal.is_full = False
        assert cast.kept() == before
        changed = [pair for pair in zip(seen, await cast.seen(), strict=True) if pair[0] != pair[1]]
        assert case.is_shown or not changed
        again = await cast.ask(case.who, case.do, **fields)
        assert case.done in {one["is"] for one in again}, f"it is not done afterwards: {again}"


async def test_what_a_terminal_chooses_holds_there_and_it_is_told_that_it_is_not_kept(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = FaultyJournal()
    async with open_house(journal=journal, silence_seconds=9e9) as house:
        ann = house.call("127.0.0.1")
        await ann.type("/register ann", PASSWORD, PASSWORD)
        await ann.read_until("ann is your account now")
        journal.is_full = True
        for typed, told in (
            ("/plain", "Plain mode is on"),
            ("/wrap 64", "Long lines are broken"),
            ("/charset latin-1", "latin-1"),
        ):
            await ann.type(typed)
            await ann.read_until(told)
            await ann.read_until("That holds for now")
        (account,) = journal._kept.accounts.accounts.values()
        assert not account.choices
        (person,) = house.server.hall.directory.people
        assert not person.choices, "who comes back is shown nothing of it"
        journal.is_full = False
        await ann.type("/wrap 64", "/whois ann")
        await ann.read_until("has had an account since")
        (account,) = journal._kept.accounts.accounts.values()
        assert account.choices == {"text": {"wrap": 64}}


BY_OPERATORS: dict[str, dict[str, Any]] = {
    "rename-room": {"room": "den", "name": "cave"},
    "delete-room": {"room": "den"},
    "make-owner": {"name": "bob"},
    "make-code": {"name": "bob"},
    "end-account": {"name": "bob", "ending": "erase"},
    "restore-account": {"name": "bob"},
    "drop-devices": {"name": "bob"},
    "give-role": {"name": "bob", "role": "moderator"},
    "set-panic": {"minutes": 5},
}
"""What operators ask for that is kept."""

READ_BY_OPERATORS = {
    *("who", "kick", "rooms", "list-nodes", "stats", "log-level"),
    *("list-accounts", "show-account", "list-devices"),
    *("how-it-is", "reload", "ask-listeners", "give-way", "serves"),
}


def test_whatever_operators_ask_for_is_classed() -> None:
    assert {tag_of(request) for request in REQUESTS} == BY_OPERATORS.keys() | READ_BY_OPERATORS


@pytest.mark.parametrize("do", BY_OPERATORS)
async def test_operators_are_told_what_cannot_be_stored(do: str, autojump_clock: trio.abc.Clock) -> None:
    journal = FaultyJournal()
    async with open_house(journal=journal, silence_seconds=9e9) as house:
        cast = Cast(house, journal)
        await cast.come()
        if do == "restore-account":
            await one_whose_account_ends(cast)
        before, seen = cast.kept(), await cast.seen()
        journal.is_full = True
        assert (await house.ask_as_operator(do, **BY_OPERATORS[do]))[-1]["is"] == "not-done"
        journal.is_full = False
        if (
            do == "end-account"
        ):  # whoever is logged in is put out first all the same, so that nothing of theirs comes after its end
            assert cast.kept()[1] == before[1]
            return
        assert cast.kept() == before
        assert [pair for pair in zip(seen, await cast.seen(), strict=True) if pair[0] != pair[1]] == []
        assert (await house.ask_as_operator(do, **BY_OPERATORS[do]))[-1]["is"] == "done"
