"""The server's moderators and admins, and what these do on the whole server: by whole servers, on virtual time."""

import json
import time
from contextlib import suppress
from functools import partial
from itertools import count, product
from typing import Any

import pytest
import trio
from msgspec.structs import replace

from canary import PASSWORD
from captured_logs import capture_logs
from chat_server.accounts.acts import Office, ServerAct
from chat_server.accounts.in_force import InForce, Visitor
from chat_server.admin_shown import lines_of
from chat_server.config import Config
from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.events import Refused
from chat_server.protocol.requests import Say
from chat_server.protocol.runs import RunTexts, SayRun
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.rights import judged
from chat_server.server.admin_office import RoleGiven
from node_houses import open_nodes
from streams import House, Program, open_house

refs = count(1)
ANYWHERE = replace(Config(), tls=replace(Config().tls, require="none"))
"""Passwords are taken from everywhere."""

DAY = 86400.0


pytestmark = pytest.mark.usefixtures("wall_clock")


async def refused(program: Program, do: str, **fields: Any) -> str:
    """The code by which something is refused."""
    await program.ask(do, ref=(ref := next(refs)), **fields)
    while (answer := await program.wait_for("refused")).get("ref") != ref:
        pass
    return str(answer["code"])


async def answered(program: Program, kind: str, do: str, **fields: Any) -> dict[str, Any]:
    """What somebody is answered."""
    await program.ask(do, **fields)
    return await program.wait_for(kind)


async def stranger(house: House, address: str = "192.0.2.2") -> Program:
    program = house.connect(address)
    await program.ask("hello", protocol=2)
    await program.wait_for("hello")
    return program


async def holder(house: House, nick: str, address: str = "127.0.0.1", *, role: str = "") -> Program:
    """Somebody with an account, and a role on the server if they are to have one."""
    program = await stranger(house, address)
    await program.ask("register", nick=nick, password=PASSWORD)
    await program.wait_for("registered")
    if role:
        assert (await house.ask_as_operator("give-role", name=nick, role=role))[-1]["is"] == "done"
    return program


async def guest(house: House, nick: str, *rooms: str, address: str = "198.51.100.7", **login: Any) -> Program:
    program = await stranger(house, address)
    await program.enter(nick, *rooms, **login)
    return program


async def test_an_admin_makes_moderators_and_the_last_admin_stays_one(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9e9) as house:
        ann, bob, eve = [
            await holder(house, nick, f"127.0.0.{place}") for place, nick in enumerate(("ann", "bob", "eve"), 1)
        ]
        assert await refused(ann, "role", nick="bob", role="moderator") == "server-admins-only"
        assert "chat-server admin owner" in (await answered(ann, "no-server-roles", "role"))["text"]
        assert (await house.ask_as_operator("give-role", name="ann", role="admin"))[0] == {
            "is": "role-given",
            "nick": "ann",
            "role": "admin",
            "was": "member",
        }
        given = await answered(ann, "server-role-given", "role", nick="bob", role="moderator")
        assert (given["whom"], given["role"]) == ("bob", "moderator")
        assert await bob.wait_for("office-changed") == {"is": "office-changed", "role": "moderator"}
        assert (await answered(eve, "server-roles", "role"))["roles"] == {"ann": "admin", "bob": "moderator"}
        assert await refused(ann, "role", nick="bob", role="moderator") == "same-office"
        assert await refused(ann, "role", nick="bob", role="owner") == "role-of-rooms"
        assert await refused(bob, "role", nick="eve", role="moderator") == "server-admins-only"
        assert await refused(bob, "kick", nick="ann") == "stands-above"
        assert await refused(ann, "role", nick="ann", role="none") == "last-admin"
        assert "last admin" in (await house.ask_as_operator("give-role", name="ann", role="none"))[-1]["why"]
        await answered(ann, "server-role-given", "role", nick="eve", role="admin")
        assert await refused(ann, "role", nick="eve", role="none") == "stands-above"
        await answered(ann, "server-role-given", "role", nick="ann", role="none")
        assert await refused(ann, "role", nick="bob", role="none") == "server-admins-only"
        await answered(eve, "server-role-given", "role", nick="bob", role="none")
        assert (await bob.wait_for("office-changed"))["role"] == "none"
        assert await refused(bob, "kick", nick="ann") == "server-moderators-only"


async def test_a_ban_ends_all_sessions_and_nothing_of_theirs_is_stored_after_it(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9e9) as house:
        ann = await holder(house, "ann", role="moderator")
        bob = await holder(house, "bob", "127.0.0.2")
        await answered(bob, "room-created", "create", room="den")
        await bob.ask("join", room="den")
        await bob.wait_for("entered")
        await bob.ask("say", room="den", text="before")
        await bob.wait_for("said")
        await ann.ask("ban", nick="bob", span="7d spam")
        with suppress(trio.BrokenResourceError):  # when they have been put off
            for number in range(20):
                await bob.ask("say", room="den", text=f"after {number}")
        farewell = await bob.wait_for("dismissed")
        assert (farewell["why"], farewell["details"]["reason"]) == ("banned-on-server", "spam")
        banned = await ann.wait_for("server-banned")
        assert (banned["whom"], banned["span"], banned["sessions"]) == ("bob", "7d", 1)
        await trio.sleep(5)
        assert [
            line.text
            for line in (await journal.read("den", 1, 99)).lines
            if line.nick == "bob" and "after" in line.text
        ] == []
        again = await stranger(house, "127.0.0.3")
        assert await refused(again, "login", nick="bob", password=PASSWORD) == "banned-on-server"
        bans = (await answered(ann, "server-bans", "bans"))["bans"]
        assert bans[str(banned["id"])] == {"what": "banned", "whom": "bob", "by": "ann", "left": "7d", "reason": "spam"}
        assert await refused(ann, "unban", id=99) == "no-such-ban"
        await answered(ann, "server-lifted", "unban", id=banned["id"], reason="sorry")
        assert await refused(ann, "unban", id=banned["id"]) == "no-such-ban"
        await answered(again, "logged-in", "login", nick="bob", password=PASSWORD)
        await answered(ann, "server-banned", "ban", nick="bob", span="10m")
        await again.wait_for("dismissed")
        await trio.sleep(601)
        assert (await answered(ann, "no-server-bans", "bans"))["is"] == "no-server-bans"


async def test_who_is_muted_on_the_server_says_nothing_in_any_room(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9e9) as house:
        ann = await holder(house, "ann", role="moderator")
        await answered(ann, "room-created", "create", room="den")
        bob = await guest(house, "bob", "den")
        await answered(ann, "server-muted", "mute", nick="bob", span="30m too loud")
        assert await refused(bob, "say", room="den", text="hm") == "muted-on-server"
        assert await refused(bob, "me", room="den", action="hms") == "muted-on-server"
        assert await refused(bob, "topic", room="den", text="hm") == "muted-on-server"
        await trio.sleep(1801)
        assert (await answered(bob, "said", "say", room="den", text="at last"))["text"] == "at last"


@pytest.mark.parametrize("whom", ["a guest", "an account", "a network"])
async def test_who_is_muted_on_the_server_is_told_at_once_at_every_node_and_when_they_come_in(
    whom: str, autojump_clock: trio.abc.Clock
) -> None:
    async with open_nodes(2, silence_seconds=9e9, config=ANYWHERE) as (here, there):
        ann = await holder(here, "ann", role="moderator")
        come = partial(holder if whom == "an account" else guest, there, "bob", address="203.0.113.7")
        bob, eve = await come(), await guest(there, "eve", address="198.51.100.9")
        await trio.sleep(2)
        nick, span = ("203.0.113.7", "sure 30m too loud") if whom == "a network" else ("bob", "30m too loud")
        number = (await answered(ann, "server-muted", "mute", nick=nick, span=span))["id"]
        told = await bob.wait_for("muted-everywhere")
        assert (told["id"], told["reason"], told["span"]) == (number, "too loud", "30m")
        assert time.time() + 1700 < told["until"] <= time.time() + 1800
        await bob.ask("logout")
        await bob.rest()
        await trio.sleep(600)
        password = {"password": PASSWORD} if whom == "an account" else {}
        again = await stranger(here, "127.0.0.8" if password else "203.0.113.7")
        await again.ask("login", nick="bob", **password)
        told = await again.wait_for("muted-everywhere")
        assert (told["id"], told["span"]) == (number, "20m")
        await eve.ask("logout")
        assert not [event for event in await eve.rest() if event["is"] == "muted-everywhere"]


async def test_at_a_terminal_who_is_muted_is_told_until_when_why_and_how_to_appeal(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9e9) as house:
        ann = await holder(house, "ann", role="moderator")
        bob = house.call()
        await bob.log_in("bob")
        await answered(ann, "server-muted", "mute", nick="bob", span="30m too loud")
        told = "* You are muted on this server for 30m (number 2); /appeal 2 WHY asks for that to be lifted. Reason: too loud\r\n"
        assert await bob.read_until(told) == told
        await bob.type("/appeal 2 my cat")
        await bob.read_until("Those who may lift it are told (number 1).")
        await ann.wait_for("appeal-made")


@pytest.mark.parametrize("whom", ["bob", "203.0.113.7"], ids=["a person", "a network"])
async def test_who_is_muted_on_the_server_slows_nobody_else(whom: str, autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9e9, messages_per_second=0) as house:
        ann = await holder(house, "ann", role="moderator")
        await answered(ann, "room-created", "create", room="den")
        bob = await guest(house, "bob", "den", address="203.0.113.7")
        eve = await guest(house, "eve", "den", address="198.51.100.9")
        await answered(ann, "server-muted", "mute", nick=whom, span="30m" if whom == "bob" else "sure 30m")
        directory = house.server._directory
        room, muted, other = directory.room("den"), directory.person("bob"), directory.person("eve")
        assert isinstance(room, ChatRoom)
        assert muted is not None is not other
        assert not room.takes_run_of(muted.sessions[0])
        assert room.takes_run_of(other.sessions[0])
        entries = [(other.sessions[0], "eve", SayRun(RunTexts.of(["one", "two"])), ())]
        assert room.gate.admits_all(entries, time.time())
        late = (muted.sessions[0], "bob", SayRun(RunTexts.of(["late", "later"])), ())
        admitted = room.gate.admit([*entries, late], time.time())
        assert [entry[2] for entry in admitted.entries] == [SayRun(RunTexts.of(["one", "two"]))], (
            "what is let through stays one run"
        )
        assert [refusal.code for _, refusal in admitted.answers if isinstance(refusal, Refused)] == [
            "muted-on-server"
        ] * 2
        line = json.dumps({"do": "say", "room": "den", "text": "hm"}).encode() + b"\n"
        await bob.stream.send_all(line * 20)
        await eve.stream.send_all(line * 20)
        await trio.sleep(1)
        assert room.last_seq == 20 + 1, "hers, and that the room was made"


async def test_what_a_room_refuses_late_is_not_taken_for_the_answer_to_what_was_asked_since(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9e9) as house:
        ann = await holder(house, "ann", role="moderator")
        await answered(ann, "room-created", "create", room="den")
        bob = await guest(house, "bob", "den")
        await answered(ann, "server-muted", "mute", nick="bob", span="30m")
        room, muted = house.server._directory.room("den"), house.server._directory.person("bob")
        assert isinstance(room, ChatRoom)
        assert muted is not None
        await answered(bob, "pong", "ping", ref=7)
        room.post(muted.sessions[0], Say("said before that", "k"))
        refusal = await bob.wait_for("refused")
        assert (refusal["code"], refusal["room"], refusal["key"]) == ("muted-on-server", "den", "k")
        assert "ref" not in refusal
        assert await bob.read() == {"is": "not-stored", "room": "den", "lines": 1, "key": "k"}
        muted.sessions[0]._refs["own"] = ["mine"]  # type: ignore[attr-defined]  # as of a line that was asked for before the ping
        room.post(muted.sessions[0], Say("said before that", "own"))
        assert [(await bob.read())["ref"] for _ in range(2)] == ["mine", "mine"]


async def test_who_is_muted_says_nothing_by_a_reason_an_invitation_or_a_room_s_name_either(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(ANYWHERE, silence_seconds=9e9) as house:
        boss, bob = await holder(house, "boss", role="moderator"), await holder(house, "bob", "192.0.2.7")
        await holder(house, "ann", "198.51.100.1")
        await answered(bob, "room-created", "create", room="den")
        await bob.ask("join", room="den")
        await bob.wait_for("entered")
        await guest(house, "eve", "den")
        await answered(boss, "server-muted", "mute", nick="bob", span="30m")
        assert await refused(bob, "kick", room="den", nick="eve", reason="buy") == "muted-on-server"
        assert await refused(bob, "ban", room="den", nick="eve", span="1h buy") == "muted-on-server"
        assert await refused(bob, "archive", room="den", reason="buy") == "muted-on-server"
        assert await refused(bob, "rename", room="den", name="buy") == "muted-on-server"
        assert await refused(bob, "invite", room="den", nick="ann") == "muted-on-server"
        assert await refused(bob, "away", text="buy") == "muted-on-server"
        assert await refused(bob, "create", room="buy") == "muted-on-server"
        assert await refused(bob, "nick", nick="buy") == "muted-on-server"
        await answered(bob, "now-away", "away")
        assert (await answered(bob, "stored", "mute", room="den", nick="eve", span="1h", ref=1))["ref"] == 1


async def test_who_is_muted_says_nothing_by_their_name_or_that_of_a_new_room_and_still_reads_reports_and_appeals(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9e9) as house:
        boss = await holder(house, "boss", role="moderator")
        await answered(boss, "room-created", "create", room="den")
        bob = await guest(house, "bob", "den")
        await answered(boss, "server-muted", "mute", nick="bob", span="30m too loud")
        await bob.ask("nick", nick="buy-at-my-shop")
        refusal = await bob.wait_for("refused")
        assert refusal["details"] == {"span": "30m", "reason": "too loud", "id": "2"}
        assert (refusal["code"], "for 30m still" in refusal["text"]) == ("muted-on-server", True)
        assert await refused(bob, "create", room="buy-here") == "muted-on-server"
        await boss.ask("join", room="den")
        await boss.wait_for("entered")
        await answered(boss, "stored", "say", room="den", text="no shops here", key="k")
        assert (await answered(bob, "page", "last", room="den"))["lines"][-1]["text"] == "no shops here"
        line = (await answered(bob, "page", "last", room="den"))["lines"][-1]["seq"]
        await answered(bob, "reported", "report", room="den", number=line, why="shops are fine")
        assert (await answered(bob, "appealed", "appeal", id=2, why="it was not me"))["id"]
        ann = await holder(house, "ann", "127.0.0.5")
        await answered(boss, "server-muted", "mute", nick="ann", span="10m")
        assert await refused(ann, "nick", nick="anne") == "muted-on-server"
        assert await refused(ann, "create", room="buy-here") == "muted-on-server"
        await trio.sleep(1801)
        assert (await answered(bob, "renamed", "nick", nick="rob"))["new"] == "rob"
        assert (await answered(bob, "room-created", "create", room="fine"))["room"] == "fine"


async def test_a_name_that_nobody_has_can_be_banned(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9e9) as house:
        ann = await holder(house, "ann", role="moderator")
        bob = await guest(house, "bob")
        await answered(ann, "server-banned", "ban", nick="Rude", span="1d")
        assert await refused(bob, "nick", nick="rude") == "name-banned"
        assert await refused(await stranger(house), "login", nick="RUDE") == "banned-on-server"


async def test_a_network_is_banned_after_a_dry_run_and_settled_accounts_come_in_from_it(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(ANYWHERE, silence_seconds=9e9) as house:
        ann = await holder(house, "ann", role="moderator")
        boss = await holder(house, "boss", "127.0.0.2", role="admin")
        old = await holder(house, "old", "198.51.100.9")
        await trio.sleep(8 * DAY)
        young = await holder(house, "young", "198.51.100.7")
        bob = await guest(house, "bob")
        eve = await guest(house, "eve", address="198.51.100.8")
        would = await answered(ann, "would-hit", "ban", nick="bob", span="network 1d flood")
        assert (would["here"], would["sessions"], would["whom"]) == (2, 2, "bob network")
        assert (would["recent"], would["accounts"], would["passing"]) == (1, ["young"], 1)
        assert "could not come in from there: 1 (young)." in would["text"]
        assert "198.51" not in str(would)
        assert would["again"] == "/ban bob sure network 1d flood"
        banned = await answered(ann, "server-banned", "ban", nick="bob", span="network sure 1d flood")
        assert (banned["whom"], banned["sessions"]) == ("a network (bob)", 2)
        assert (await bob.wait_for("dismissed"))["why"] == "network-banned"
        await young.wait_for("dismissed")
        assert await refused(await stranger(house, "198.51.100.7"), "login", nick="bill") == "network-banned"
        assert (
            await refused(await stranger(house, "198.51.100.7"), "register", nick="bill", password=PASSWORD)
            == "network-banned"
        )
        assert (
            await refused(await stranger(house, "198.51.100.7"), "login", nick="young", password=PASSWORD)
            == "network-banned"
        )
        await answered(await stranger(house, "198.51.100.7"), "logged-in", "login", nick="old", password=PASSWORD)
        assert "198.51.100.7/32" in str(await answered(boss, "server-bans", "bans"))
        assert "198.51.100" not in str(await answered(ann, "server-bans", "bans"))
        assert await refused(ann, "ban", nick="198.51.100.0/24", span="sure") == "network-too-wide"
        assert await refused(boss, "ban", nick="0.0.0.0/0", span="sure") == "network-too-wide"
        assert await refused(ann, "ban", nick="127.0.0.1", span="sure") == "own-network"
        assert await refused(boss, "ban", nick="127.0.0.0/8", span="sure") == "own-network"
        hard = await answered(boss, "would-hit", "ban", nick="198.51.100.0/24", span="hard 1d")
        assert (hard["here"], hard["recent"], hard["accounts"]) == (2, 2, ["old", "young"])
        await answered(boss, "server-banned", "ban", nick="198.51.100.0/24", span="hard sure 1d")
        await eve.wait_for("dismissed")
        await old.wait_for("dismissed")
        assert (
            await refused(await stranger(house, "198.51.100.99"), "login", nick="old", password=PASSWORD)
            == "network-banned"
        )
        assert (
            await answered(await stranger(house, "192.0.2.9"), "logged-in", "login", nick="old", password=PASSWORD)
        )["nick"] == "old"


async def test_whoever_logged_in_by_telnet_and_a_password_is_foreseen_though_nobody_is_here(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(ANYWHERE, silence_seconds=9e9) as house:
        ann = await holder(house, "ann", role="moderator")
        boss = await holder(house, "boss", "127.0.0.2", role="admin")
        for name in ("carl", "dora"):
            await (await holder(house, name, "192.0.2.9")).stream.aclose()
        carl = house.call("203.0.113.7")
        await carl.type("/login carl")
        await carl.read_until("assword")
        await carl.type(PASSWORD)
        await carl.read_until("* Welcome")
        await carl.type("/quit")
        await carl.read_to_end()
        await trio.sleep(2)
        would = await answered(ann, "would-hit", "ban", nick="203.0.113.7", span="1d flood")
        assert (would["here"], would["sessions"]) == (0, 0)
        assert (would["recent"], would["accounts"]) == (1, ["carl"])
        mute = await answered(boss, "would-mute", "mute", nick="203.0.0.0/16", span="1d flood")
        assert (mute["recent"], mute["accounts"], mute["again"]) == (1, ["carl"], "/mute 203.0.0.0/16 sure 1d flood")
        await trio.sleep(8 * DAY)
        settled = await answered(ann, "would-hit", "ban", nick="203.0.113.7", span="1d flood")
        assert (settled["recent"], settled["accounts"], settled["passing"]) == (0, [], 1)
        assert (await answered(ann, "would-hit", "ban", nick="203.0.113.7", span="hard 1d"))["accounts"] == ["carl"]
        await trio.sleep(23 * DAY)
        assert (await answered(ann, "would-hit", "ban", nick="203.0.113.7", span="hard 1d"))["recent"] == 0


async def test_one_sees_from_which_networks_one_came_oneself(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(ANYWHERE, silence_seconds=9e9) as house:
        await (await holder(house, "ann", "192.0.2.9")).stream.aclose()
        await trio.sleep(2)
        ann = await stranger(house, "203.0.113.7")
        await answered(ann, "logged-in", "login", nick="ann", password=PASSWORD)
        await trio.sleep(2)
        networks = (await answered(ann, "devices-listed", "devices"))["networks"]
        assert [one["network"] for one in networks] == ["203.0.113.0/24", "192.0.2.0/24"]


async def test_the_audit_says_who_did_what_to_whom_and_why_page_by_page(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9e9) as house:
        boss = await holder(house, "boss", role="admin")
        ann = await holder(house, "ann", "127.0.0.2", role="moderator")
        for number in range(25):
            await answered(ann, "server-muted", "mute", nick=f"n{number}", span=f"1d why {number}")
        assert await refused(ann, "audit") == "server-admins-only"
        page = await answered(boss, "audit", "audit")
        newest = page["acts"]["27"]
        assert {name: newest[name] for name in ("by", "what", "whom", "reason")} == {
            "by": "ann",
            "what": "muted",
            "whom": "n24",
            "reason": "why 24",
        }
        assert (len(page["acts"]), page["before"]) == (20, 8)
        older = await answered(boss, "audit", "audit", before=8)
        assert older["acts"]["1"]["by"] == "(operator)"
        assert older["acts"]["1"]["role"] == "admin"
        assert older["before"] == 0


async def test_what_an_admin_does_in_a_room_is_in_its_audit(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9e9) as house:
        boss = await holder(house, "boss", role="admin")
        ann, bob = await holder(house, "ann", "127.0.0.2"), await holder(house, "bob", "127.0.0.3")
        await answered(ann, "room-created", "create", room="den")
        for one in (ann, bob, boss):
            await one.ask("join", room="den")
            await one.wait_for("entered")
        await answered(boss, "muted", "mute", room="den", nick="ann", span="1h shouting")
        await answered(boss, "lifted", "unban", room="den", id=1, reason="enough")
        assert await refused(bob, "audit", room="den") == "moderators-only"
        acts = (await answered(ann, "audit", "audit", room="den"))["acts"]
        shown = [(one["by"], one["what"], one.get("whom", "")) for one in acts.values()]
        assert shown == [("boss", "lifted", "ann"), ("boss", "muted", "ann"), ("ann", "founded", "")]
        assert (await answered(boss, "audit", "audit"))["acts"].keys() == {"1"}


async def test_who_moderates_the_server_gets_in_while_it_is_full(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(ANYWHERE, silence_seconds=9e9, connections=4) as house:
        boss = await holder(house, "boss", role="admin")
        old = await holder(house, "old", "127.0.0.2")
        await boss.ask("logout")
        await boss.rest()
        guests = [await guest(house, f"g{number}") for number in range(3)]
        assert guests
        again = await stranger(house, "192.0.2.1")
        await answered(again, "logged-in", "login", nick="boss", password=PASSWORD)
        other = await stranger(house, "192.0.2.1")
        await other.ask("login", nick="old", password=PASSWORD)
        assert (await other.read())["why"] == "server-full", "nobody is welcomed first who is not let in"
        waiting = [house.connect(f"192.0.2.{number}") for number in range(10, 18)]
        await trio.sleep(1)
        assert "The server is full" in await house.call("192.0.2.30").read_to_end(), "there are eight such places"
        assert "The server is full" in await house.call("192.0.2.10").read_to_end()
        await trio.sleep(30)
        assert "did not log in" in await waiting[0].read_to_end(), "and they are for the login alone"
        await answered(again, "server-kicked", "kick", nick="old")
        await old.wait_for("dismissed")


async def test_strangers_do_not_take_all_the_places_that_are_kept_for_who_moderates_the_server(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = MemoryJournal()
    async with open_house(ANYWHERE, journal, silence_seconds=9e9) as house:
        boss = await holder(house, "boss", "203.0.113.9", role="admin")
        await boss.ask("logout")
        await boss.rest()
    async with open_house(ANYWHERE, journal, silence_seconds=9e9, connections=1) as house:
        first = await guest(house, "g1")
        waiting = [house.connect(f"192.0.{number}.1") for number in range(100)]
        await trio.sleep(1)
        again = await stranger(house, "203.0.113.200")
        await answered(again, "logged-in", "login", nick="boss", password=PASSWORD)
        assert len(waiting) == 100
        await first.ask("logout")


async def test_where_nobody_has_a_role_on_the_server_no_place_is_kept_for_them(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9e9, connections=1) as house:
        first = await guest(house, "g1")
        assert "The server is full" in await house.call().read_to_end()
        await first.ask("logout")


async def test_who_ends_a_panic_that_is_none_is_told_so_and_nothing_is_done(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9e9) as house:
        ann = await holder(house, "ann", role="admin")
        assert await refused(ann, "panic", state="off") == "no-panic"
        assert (await house.ask_as_operator("set-panic", minutes=0))[0]["seconds"] == 0
        assert [*(await answered(ann, "audit", "audit"))["acts"]] == ["1"]
        await answered(ann, "panic-on", "panic", state="on")
        await house.ask_as_operator("set-panic", minutes=0)
        assert [*(await answered(ann, "audit", "audit"))["acts"]] == ["3", "2", "1"]


def test_whose_role_an_operator_takes_is_told_with_it() -> None:
    assert lines_of([RoleGiven("bob", "none", "owner"), RoleGiven("eve", "admin", "member")]) == [
        "bob is neither admin nor moderator of this server, and no longer an owner of it: `chat-server admin owner NAME` would give that back",
        "eve is admin of this server",
    ]


async def test_an_address_has_half_as_much_while_there_is_panic(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(ANYWHERE, silence_seconds=9e9, connections_per_address=4) as house:
        ann = await holder(house, "ann", role="moderator")
        first = [await guest(house, f"g{number}", address="198.51.100.7") for number in range(2)]
        await answered(ann, "panic-on", "panic", state="on")
        assert "too many connections" in await house.call("198.51.100.7").read_to_end()
        await answered(ann, "panic-off", "panic", state="off")
        await guest(house, "g3", address="198.51.100.7")
        assert first


async def test_an_hour_of_a_raid(autojump_clock: trio.abc.Clock) -> None:
    names = tuple(f"r{number}" for number in range(25))
    config = replace(Config(), rooms=replace(Config().rooms, names=names))
    async with open_house(config, silence_seconds=9e9, connections_per_address=0) as house:
        ann = await holder(house, "ann", role="moderator")
        old = await holder(house, "old", "127.0.0.2")
        await trio.sleep(2 * DAY)
        young = await holder(house, "young", "127.0.0.3")
        for one in (ann, old, young):
            await one.ask("join", room="r0")
            await one.wait_for("entered")
        guests = [house.connect(f"198.51.{number % 250}.{number // 250}") for number in range(500)]
        for number, one in enumerate(guests):
            await one.enter(f"g{number}", names[number % 25])
        for one in guests:
            await one.ask("say", room=names[guests.index(one) % 25], text="spam")
        await trio.sleep(60)
        stored = sum(room.last_seq for room in house.server.rooms)
        assert stored == 500
        assert (await answered(ann, "panic-on", "panic", state="on"))["minutes"] == 60
        began = trio.current_time()
        while trio.current_time() - began < 3500:
            for one in guests[::50]:
                await one.ask("say", room="r0", text="more spam")
            await trio.sleep(500)
        assert sum(room.last_seq for room in house.server.rooms) == stored, "nothing of a guest is stored"
        assert await refused(guests[0], "say", room="r0", text="?") == "panic-guests"
        assert await refused(guests[0], "join", room="r1") == "panic-guests"
        assert await refused(young, "say", room="r0", text="?") == "panic-new"
        for do, words in (("create", {"room": "spam"}), ("nick", {"nick": "spam"}), ("away", {"text": "spam"})):
            assert await refused(guests[0], do, **words) == "panic-guests"
            assert await refused(young, do, **words) == "panic-new"
        assert await refused(await stranger(house), "login", nick="g500") == "panic-guests"
        newcomer = await stranger(house, "127.0.0.4")
        assert await refused(newcomer, "register", nick="g501", password=PASSWORD) == "panic-registration"
        await answered(newcomer, "logged-in", "login", nick="old", password=PASSWORD)
        await answered(old, "said", "say", room="r0", text="calm, please")
        assert await refused(old, "say", room="r0", text="and another") == "slow-here"
        await answered(ann, "said", "say", room="r0", text="a moderator need not wait")
        await trio.sleep(3601 - (trio.current_time() - began))
        await guests[0].ask("say", room="r0", text="hello again")
        await trio.sleep(1)
        assert sum(room.last_seq for room in house.server.rooms) == stored + 3
        assert not house.server._directory.accounts.acts.in_force.unrest


async def test_a_ban_takes_effect_at_all_nodes_before_the_next_line_of_its_target_is_stored(
    autojump_clock: trio.abc.Clock,
) -> None:
    with capture_logs() as logged:
        await _bans_from_another_node()
    assert [one for one in logged if one["log_level"] == "error"] == []


async def _bans_from_another_node() -> None:
    async with open_nodes(2, silence_seconds=9e9, delay=lambda: 0.05) as houses:
        here, there = houses
        there.node.hears_late = 5.0
        ann = await holder(here, "ann", role="moderator")
        await answered(ann, "room-created", "create", room="den")
        await ann.ask("join", room="den")
        await ann.wait_for("entered")
        await trio.sleep(60)
        bob, eve, mute = [
            await guest(there, nick, "den", address=f"198.51.100.{place}")
            for place, nick in enumerate(("bob", "eve", "mute"))
        ]
        banned = await answered(ann, "server-banned", "ban", nick="198.51.100.0", span="sure 1d")
        await answered(ann, "server-banned", "ban", nick="eve", span="1d")
        await answered(ann, "server-muted", "mute", nick="mute", span="1d")
        for one in (bob, eve, mute):
            await one.ask("say", room="den", text="after")
        assert (await bob.wait_for("dismissed"))["why"] == "network-banned"
        assert (await eve.wait_for("dismissed"))["why"] == "banned-on-server"
        assert (await mute.wait_for("refused"))["code"] == "muted-on-server"
        await trio.sleep(20)
        assert [line for line in (await there.node.journal.read("den", 1, 99)).lines if "after" in line.text] == []
        assert await refused(await stranger(there, "198.51.100.0"), "login", nick="bill") == "network-banned"
        await answered(ann, "server-lifted", "unban", id=banned["id"])
        await trio.sleep(10)
        await answered(await stranger(there, "198.51.100.0"), "logged-in", "login", nick="bill")


async def test_roles_and_panic_hold_at_all_nodes(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(2, silence_seconds=9e9) as (here, there):
        ann = await holder(here, "ann", role="admin")
        bob = await holder(there, "bob", "127.0.0.2")
        await answered(ann, "server-role-given", "role", nick="bob", role="moderator")
        await trio.sleep(2)
        await answered(bob, "panic-on", "panic", state="on", minutes=5)
        await trio.sleep(2)
        assert await refused(await stranger(here), "login", nick="g1") == "panic-guests"
        await answered(ann, "panic-off", "panic", state="off")
        await trio.sleep(2)
        await answered(await stranger(there), "logged-in", "login", nick="g1")
        assert (await there.ask_as_operator("set-panic"))[0] == {"is": "panic-shown", "seconds": 0.0}


@pytest.mark.parametrize("ahead", [-4000, 0, 4000])
def test_a_panic_that_was_ended_is_over_whatever_the_clock_says_later(ahead: int) -> None:
    """As after a start with a clock that is years behind."""
    begun = ServerAct("panic", 1e9, "ann", number=1, until=1e9 + 3600)
    ended = ServerAct("panic", 1e9 + 60, "ann", number=2, until=1e9 + 60)
    in_force = InForce()
    in_force.load([begun], 1)
    assert in_force.panic_seconds(1e9 + 50) == 3550
    in_force.note(ended)
    now = 1e9 + ahead * 86400
    assert (in_force.panic_seconds(now), in_force.is_calm(now)) == (0, True)
    again = InForce()
    again.load([ended], 2)
    assert again.panic_seconds(now) == 0


def test_a_hundred_thousand_bans_cost_who_comes_nothing() -> None:
    in_force = InForce()
    for number in range(1, 100_001):
        network = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}/32"
        in_force.note(ServerAct("banned", 1.0, "ann", network=network, until=1e9 + number, number=number))
    began = time.perf_counter()
    for _ in range(1000):
        assert in_force.ban_of(Visitor(network="192.0.2.1"), 2.0) is None
        assert in_force.is_calm(2.0)
    assert time.perf_counter() - began < 5
    assert in_force.ban_of(Visitor(network="10.0.0.7"), 2.0) is not None
    assert in_force.ban_of(Visitor(network="10.0.0.7", is_immune=True), 2.0) is None
    assert in_force.ban_of(Visitor(network="10.0.0.7"), 3e9) is None
    assert len(in_force.listed(3e9)) == 0


ROLES = ("member", "moderator", "admin", "owner")


@pytest.mark.parametrize(("actor", "target", "wanted"), product(("", *ROLES, "operator"), ROLES, ROLES[:3]))
def test_the_table_of_who_gives_whom_which_role_on_the_server(actor: str, target: str, wanted: str) -> None:
    act = ServerAct("role-given", 1.0, "ann", 0 if actor == "operator" else 7, "bob", 8, text=wanted)
    why = judged(act, Office("" if actor == "operator" else actor, target, has_other_admin=True, is_there=True))
    if wanted == target:
        assert why == "same-office"
    elif actor not in ("admin", "owner", "operator"):
        assert why == "server-admins-only"
    elif target in ROLES[:2] or actor == "operator" or (actor, target) == ("owner", "admin"):
        assert why == ""
    else:
        assert why == "stands-above"


@pytest.mark.parametrize(("had", "wanted", "has_other"), product(ROLES[1:], ROLES[:3], (True, False)))
def test_everybody_may_step_down_but_the_last_admin(had: str, wanted: str, *, has_other: bool) -> None:
    if ROLES.index(wanted) >= ROLES.index(had):
        return
    act = ServerAct("role-given", 1.0, "ann", 7, "ann", 7, text=wanted)
    why = judged(act, Office(had, had, has_other_admin=has_other, is_there=True))
    is_last = had in ("admin", "owner") and wanted not in ("admin", "owner") and not has_other
    assert why == ("last-admin" if is_last else "")


@pytest.mark.parametrize(("actor", "target"), product(("", *ROLES), ROLES))
def test_nobody_is_put_off_the_server_by_an_equal_or_by_who_stands_lower(actor: str, target: str) -> None:
    act = ServerAct("banned", 1.0, "ann", 7, "bob", 8, until=2.0)
    why = judged(act, Office(actor, target, has_other_admin=True, is_there=True))
    ranks = {"": 0, "member": 0, "moderator": 1, "admin": 2, "owner": 2}
    if not ranks[actor]:
        assert why == "server-moderators-only"
    else:
        assert why == ("" if ranks[actor] > ranks[target] else "stands-above")


def test_nobody_but_an_admin_lifts_what_they_are_forbidden_themselves() -> None:
    own = ServerAct("muted", 1.0, "ann", 9, "bob", 7, until=9.0)
    for role, why in (("moderator", "stands-above"), ("admin", "")):
        act = ServerAct("lifted", 2.0, "bob", 7, of=1)
        assert judged(act, Office(role, "", has_other_admin=True, is_there=True, lifted=own)) == why


async def test_who_has_deleted_a_room_is_in_the_audit_of_the_server(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(silence_seconds=9e9) as (a, b):
        ann, bob = await holder(a, "ann", "127.0.0.2"), await holder(a, "bob", "127.0.0.3")
        for number, maker in enumerate((ann, bob)):
            await answered(maker, "room-created", "create", room=f"den{number}")
            await answered(maker, "entered", "join", room=f"den{number}")
        await answered(ann, "destroyed", "destroy", room="den0", name="den0")
        assert (await a.ask_as_operator("delete-room", room="den1"))[0]["is"] == "deleted"
        boss = await holder(b, "boss", role="admin")
        acts = (await answered(boss, "audit", "audit"))["acts"]
        deleted = [{name: one.get(name) for name in ("by", "what", "room")} for one in acts.values()][1:]
        assert deleted == [
            {"by": "(operator)", "what": "room-deleted", "room": "den1"},
            {"by": "ann", "what": "room-deleted", "room": "den0"},
        ]


async def test_before_a_network_is_banned_whoever_is_at_another_node_counts(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(3, config=ANYWHERE, silence_seconds=9e9, delay=lambda: 0.05) as (here, there, third):
        ann = await holder(here, "ann", role="admin")
        await holder(third, "max", "192.0.2.1", role="moderator")
        two = [await guest(there, nick, "python", address="198.51.100.7") for nick in ("bob", "eve")]
        await trio.sleep(2)
        would = await answered(ann, "would-hit", "ban", nick="198.51.100.0/24", span="1d flood")
        assert (would["here"], would["sessions"]) == (2, 2)
        would = await answered(ann, "would-hit", "ban", nick="bob", span="network 1d flood")
        assert (would["here"], would["sessions"], would["whom"]) == (2, 2, "bob network")
        assert await refused(ann, "ban", nick="nobody", span="network 1d") == "network-unknown"
        assert await refused(ann, "ban", nick="ann", span="network 1d") in {"stands-above", "own-network"}
        banned = await answered(ann, "server-banned", "ban", nick="bob", span="network sure 1d flood")
        assert banned["sessions"] == 2
        for one in two:
            assert (await one.wait_for("dismissed"))["why"] == "network-banned"
        kicked = await answered(ann, "server-kicked", "kick", nick="max")
        assert kicked["sessions"] == 1


async def test_a_node_that_does_not_answer_holds_up_nobody_who_bans(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(2, config=ANYWHERE, silence_seconds=9e9) as (here, there):
        ann = await holder(here, "ann", role="admin")
        bob = await guest(there, "bob", "python", address="198.51.100.7")
        await trio.sleep(2)
        monkeypatch.setattr(there.node.signs, "tell", lambda _: None)
        began = trio.current_time()
        assert (await answered(ann, "server-banned", "ban", nick="bob", span="1d"))["sessions"] == 0
        assert trio.current_time() - began < 2
        assert (await bob.wait_for("dismissed"))["why"] == "banned-on-server"
