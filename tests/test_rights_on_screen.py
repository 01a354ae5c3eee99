"""chat-tui shows who has which role in a room, what its rules leave to the user, and what the user may not do; and a moderator moderates by keys."""

from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.config import Config, ServerTable
from chat_server.protocol import events
from chat_server.protocol.acts import Banned, Kicked, Lifted, Muted, RoleGiven, RuleSet
from chat_server.protocol.described import Forbidden
from chat_server.protocol.entries import Said
from chat_server.protocol.events import Entered, Event, Refused
from chat_server.protocol.room_life import Unarchived
from chat_server.sessions.welcome import welcome_of
from chat_tui.client.room_rights import Rights, offered
from chat_tui.client.room_words import left, notice, put_out, rules_in_words
from stories import NOON, Pilot, StoryApp, play, settle
from test_told import acts, entered, people, played

WELCOME = welcome_of(Config(server=ServerTable(name="home")))


def told(rights: Rights) -> tuple[object, ...]:
    return rights.rules, rights.role, rights.roles, rights.is_archived, sorted(rights.forbidden)


@given(st.lists(acts, max_size=30), people, st.data())
def test_what_was_missed_makes_of_what_was_known_what_the_server_would_tell_now(
    log: list[tuple[Any, Any]], me: int, data: st.DataObject
) -> None:
    states, entries = played(log)

    def rights_at(seq: int) -> Rights:
        fields = {"room": "r", "nicks": (), "more": 0, **entered(states[seq], me, seq)}
        return Rights.told(msgspec.convert({"is": "entered", **fields}, Entered), float(seq))

    then = data.draw(st.integers(0, len(log)), label="the number up to which it is known")
    again = data.draw(st.integers(0, then), label="the number from which on it is shown")
    known, fresh = rights_at(then), rights_at(len(log))
    for entry in entries[again:]:
        known.take([entry], f"n{me}", float(entry.seq))
    now = float(len(log))
    known.forbidden = {number: one for number, one in known.forbidden.items() if one.until > now}
    assert told(known) == told(fresh)
    assert (known.muted(now) is None) == (fresh.muted(now) is None)


def room(*rest: Event, **fields: Any) -> list[Event]:
    """Ann is in a room of Bob's, which Carol moderates."""
    roles = fields.pop("roles", {"bob": "owner", "Carol": "moderator"})
    there = Entered("python", ("bob", "Carol", "dave"), 0, "Python", 0, **fields, roles=roles)
    return [WELCOME, events.LoggedIn("ann", "t" * 22), there, *rest]


def names(app: StoryApp) -> list[str]:
    return [" ".join(f"{item.content} {item.end}".split()) for item in app.main.panes.people.items if item.key]


def test_owners_and_moderators_stand_first_with_a_sign_and_their_role() -> None:
    app = StoryApp(room())

    async def act(pilot: Pilot) -> None:
        assert names(app) == ["bob owner", "Carol moderator", "ann you", "dave"]
        app.tell(RoleGiven("python", 1, NOON, "bob", "moderator", whom="ann"))
        app.tell(RoleGiven("python", 2, NOON, "bob", "none", whom="Carol"))
        await settle(pilot)
        assert names(app)[:2] == ["bob owner", "ann + you"]
        app.tell(events.Renamed("bob", "bert", "python"))
        await settle(pilot)
        assert names(app)[0] == "bert owner"

    play(app, act, size=(120, 30))


def test_where_there_is_no_place_for_a_role_the_sign_says_it() -> None:
    app = StoryApp(room(roles={"bob": "owner", "Carol": "moderator"}))

    async def act(pilot: Pilot) -> None:
        await settle(pilot)
        app.tell(events.Joined("python", ("a-name-of-20-letters",)))
        app.tell(RoleGiven("python", 1, NOON, "bob", "moderator", whom="a-name-of-20-letters"))
        await settle(pilot)
        assert "a-name-of-20-letters +" in names(app)

    play(app, act, size=(100, 30))


def test_a_room_in_which_nobody_has_a_role_has_no_signs() -> None:
    app = StoryApp(room(roles={}))

    async def act(_: Pilot) -> None:
        assert names(app) == ["ann you", "bob", "Carol", "dave"]

    play(app, act, size=(120, 30))


def test_the_rules_that_concern_the_reader_stand_beside_the_room() -> None:
    rights = Rights.told(Entered("r", (), 0, rules={"slow": "30", "speak": "members", "links": "members"}), 0.0)
    assert rules_in_words(rights) == "slow 30 s · only members write · no links"
    rights.take([RoleGiven("r", 1, 0.0, "bob", "member", whom="ann")], "ann", 0.0)
    assert rules_in_words(rights) == "slow 30 s"
    held = Rights.told(Entered("r", (), 0, rules={"hold": "all"}), 0.0)
    assert rules_in_words(held) == "lines wait for a moderator"
    rights.take([RoleGiven("r", 2, 0.0, "bob", "moderator", whom="ann")], "ann", 0.0)
    assert rules_in_words(rights) == ""
    rights.take([RuleSet("r", 3, 0.0, "bob", "access invite")], "ann", 0.0)
    assert rules_in_words(rights) == "private"


def test_who_is_muted_reads_why_and_for_how_long_and_the_prompt_comes_back_by_itself() -> None:
    forbidden = (Forbidden(3, "muted", 1000.0 + 1740, "bob", "too loud"),)
    app = StoryApp(room(forbidden=forbidden, now=1000.0))

    async def act(pilot: Pilot) -> None:
        assert "✗ Muted here by bob, for 29 min still: too loud (number 3)" in app.screen_text()
        app.prompt.put("but I")
        await pilot.press("enter")
        assert app.prompt.text == "but I", "what cannot be said is kept"
        app.now += 1700
        app.tick()
        await settle(pilot)
        assert "for 40 s still" in app.screen_text()
        app.now += 41
        app.tick()
        await settle(pilot)
        assert "Muted" not in app.screen_text()
        await pilot.press("enter")
        assert [line.text for line in app.connection.said] == ["but I"]

    play(app, act)


def test_a_mute_that_is_lifted_or_that_only_the_server_knows_of() -> None:
    app = StoryApp(room())

    async def act(pilot: Pilot) -> None:
        app.tell(Muted("python", 1, NOON, "bob", "noise", whom="ann", until=NOON + 7200, id=4))
        await settle(pilot)
        assert "Muted here by bob, for 2 h still: noise (number 4)" in app.screen_text()
        app.tell(Lifted("python", 2, NOON, "bob", "", whom="ann", id=4))
        await settle(pilot)
        assert "Muted" not in app.screen_text()
        details = {"room": "python", "span": "30m", "reason": "-", "id": "5"}
        app.tell(Refused("muted-here", details, "python", "You are muted."), ref="k")
        await settle(pilot)
        assert "Muted here, for 30 min still: no reason given (number 5)" in app.screen_text()
        app.tell(Muted("python", 3, NOON, "bob", "", whom="dave", until=NOON + 7200, id=6))
        assert 6 not in app.main.navigation.current.rights.forbidden  # type: ignore[union-attr]

    play(app, act)


def test_an_archived_room_says_so_in_the_prompt_and_keeps_what_is_typed() -> None:
    app = StoryApp(room(archived=True))

    async def act(pilot: Pilot) -> None:
        assert "python is archived" in app.screen_text()
        assert "Archived: you can only read." in app.screen_text()
        assert "[archived]" in app.screen_text()
        app.prompt.put("hello?")
        await pilot.press("enter")
        await settle(pilot)
        assert app.prompt.text == "hello?"
        assert "Archived: you can only read. Not sent." in app.screen_text()
        assert app.connection.said == []
        app.tell(Unarchived("python", 1, NOON, "bob", ""))
        await settle(pilot)
        assert "rchived" not in app.screen_text().replace("took the room out of the archive", "")
        await pilot.press("enter")
        await settle(pilot)
        assert [line.text for line in app.connection.said] == ["hello?"]
        assert "Write to python" in app.screen_text()

    play(app, act)


def test_a_slow_room_says_when_the_next_line_may_be_sent_and_keeps_what_is_written() -> None:
    app = StoryApp(room(rules={"slow": "30"}))

    async def act(pilot: Pilot) -> None:
        assert "Slow: one line in 30 s" in app.screen_text()
        app.prompt.put("one")
        await pilot.press("enter")
        (line,) = app.connection.said
        app.tell(Said("python", 1, NOON, "ann", "one"), events.Stored("python", 1, line.key))
        app.prompt.put("two")
        await settle(pilot)
        assert "Slow: next line in 30 s" in app.screen_text()
        app.now += 20
        await pilot.press("enter")
        await settle(pilot)
        assert app.prompt.text == "two"
        assert "Slow: next line in 10 s. Not sent yet; Enter sends it then." in app.screen_text()
        app.prompt.put("/help")
        await pilot.press("enter")
        assert app.connection.last("help"), "a question waits for nothing"
        app.prompt.put("two")
        app.now += 10
        app.tick()
        await pilot.press("enter")
        assert [one.text for one in app.connection.said] == ["one", "two"]
        app.tell(RoleGiven("python", 2, NOON, "bob", "moderator", whom="ann"))
        await settle(pilot)
        assert "Slow" not in app.screen_text(), "moderators are not slowed"

    play(app, act)


def test_commands_for_others_are_neither_completed_nor_explained_nor_in_the_palette() -> None:
    app = StoryApp(room())

    def actions() -> list[str]:
        return [command.title for command in app.get_system_commands(cast("Any", app.main))]

    async def act(pilot: Pilot) -> None:
        app.prompt.put("/mu")
        await pilot.press("tab")
        assert app.prompt.text == "/mu"
        assert not any("Kick" in title for title in actions())
        await pilot.press("alt+m")
        assert any("moderates or owns" in toast for toast in app.toasts())
        app.tell(RoleGiven("python", 1, NOON, "bob", "moderator", whom="ann"))
        await pilot.press("tab")
        assert app.prompt.text == "/mute "
        assert any("Kick" in title for title in actions())
        app.prompt.put("/rule sl")
        await pilot.press("tab")
        assert app.prompt.text == "/rule slow "
        app.prompt.put("/role bob mod")
        await pilot.press("tab")
        assert app.prompt.text == "/role bob moderator "

    play(app, act)


def test_what_is_offered_is_what_the_catalogue_says() -> None:
    commands = {command.name: command for command in WELCOME.commands}
    guest = Rights.told(Entered("r", (), 0, guest=True), 0.0)
    admin = Rights.told(Entered("r", (), 0, server_role="server admin"), 0.0)
    assert {*commands} - {*offered(commands, guest)} >= {"kick", "mute", "ban", "unban"}
    assert {*offered(commands, admin)} == {*commands} == {*offered(commands, None)}
    assert {"kick", "rule", "topic", "audit"} & {*offered(commands, admin, "conversation")} == set()
    assert {"say", "me", "block", "help", "login"} <= {*offered(commands, admin, "conversation")}


@pytest.mark.parametrize("others", [(), (Entered("write", ("bob",), 0),)])
@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (
            Kicked("python", 1, NOON, "bob", "noise", whom="ann", until=NOON + 60, id=1),
            "bob put you out of python: noise",
        ),
        (Banned("python", 1, NOON, "bob", "", whom="ann", until=NOON + 7 * 86400, id=2), "bob banned you from python"),
    ],
)
def test_who_is_put_out_reads_why_and_does_not_come_back_by_itself(
    others: tuple[Event, ...], entry: Event, why: str
) -> None:
    app = StoryApp(room(*others))

    async def act(pilot: Pilot) -> None:
        app.tell(entry, events.WentBack("python"))
        await settle(pilot)
        assert why in app.screen_text().replace("\n", " ")
        assert "/join python" in " ".join(app.screen_text().split())
        asked = [do for do, _ in app.connection.asked]
        assert "join" not in asked
        assert "python" not in app.client.saved.rooms
        assert "python" not in app.client.state.positions()

    play(app, act)


def test_who_was_put_out_while_they_were_away_is_not_taken_for_one_who_is_there() -> None:
    app = StoryApp(room(Entered("write", (), 0)))

    async def act(pilot: Pilot) -> None:
        refused = Refused(
            "banned-here", {"room": "python", "span": "7d", "reason": "spam", "id": "1"}, "", "You are banned."
        )
        app.tell(refused)
        await settle(pilot)
        assert [one.name for one in app.client.state.rooms.values()] == ["write"]
        assert "You are banned." in app.screen_text()

    play(app, act)


def test_who_goes_by_themselves_is_told_nothing() -> None:
    rights = Rights.told(Entered("r", (), 0, rules={"slow": "5"}), 0.0)
    assert put_out(rights, "r") == ""
    rights.rules = {"guests": "no"}
    assert put_out(rights, "r") == ""
    rights.is_guest = True
    assert put_out(rights, "r").startswith("Only people with an account")


def test_a_moderator_mutes_somebody_by_keys() -> None:
    app = StoryApp(room(role="moderator", roles={"bob": "owner", "ann": "moderator"}))

    async def act(pilot: Pilot) -> None:
        await pilot.press("alt+m")
        await settle(pilot)
        shown = app.screen_text()
        assert "whom?" in shown
        await pilot.press(*"dave", "enter")
        await settle(pilot)
        assert "Make moderator" not in app.screen_text(), "owners give roles"
        await pilot.press(*"mute", "enter")
        await settle(pilot)
        field: Any = app.screen.query_one("#span")
        field.value = "soon"
        await pilot.press("enter", *"noise", "enter")
        await settle(pilot)
        assert "Say how long as 30m" in app.screen_text()
        field.value = "2h"
        app.screen.query_one("#reason").focus()
        await pilot.press("enter")
        await settle(pilot)
        asked = {name: value for name, value in app.connection.last("mute").items() if name != "ref"}
        assert asked == {"room": "python", "nick": "dave", "span": "2h noise"}
        assert app.screen is app.main, "what comes of it stands among the lines"

    play(app, act)


def test_an_owner_gives_a_role_by_keys_and_nobody_above_is_offered() -> None:
    app = StoryApp(room(role="owner", roles={"bob": "owner", "ann": "owner", "Carol": "moderator"}))

    async def act(pilot: Pilot) -> None:
        await pilot.press("alt+m")
        await settle(pilot)
        box = app.screen.query_one("ListPane")
        assert [item.key for item in box.items] == ["Carol", "dave"]  # type: ignore[attr-defined]
        await pilot.press("enter", *"take", "enter")
        await settle(pilot)
        asked = {name: value for name, value in app.connection.last("role").items() if name != "ref"}
        assert asked == {"room": "python", "nick": "Carol", "role": "none"}

    play(app, act)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"),
        (59.5, "1 min"),
        (60, "1 min"),
        (61, "2 min"),
        (3599, "1 h"),
        (3661, "1 h 2 min"),
        (86400, "1 d"),
        (90000, "1 d 1 h"),
        (1e300, "115740 d 18 h"),
    ],
)
def test_how_long_something_is_still_never_says_less_than_it_is(seconds: float, words: str) -> None:
    assert left(seconds) == words


def test_a_hostile_server_s_numbers_break_nothing() -> None:
    rights = Rights.told(Entered("r", (), 0, rules={"slow": "9" * 5000, "speak": "x"}), 0.0)
    rights.refused(Refused("slow-here", {"seconds": "9" * 5000}), 0.0)
    rights.refused(Refused("muted-here", {"id": "9" * 5000, "span": "¹d"}), 0.0)
    rights.refused(Refused("muted-here", {"id": "1", "span": "9" * 15 + "d"}), 0.0)
    assert notice(rights, 0.0)
    for number in range(3000):
        rights.take([RoleGiven("r", 2 * number + 1, 0.0, "x", "owner", whom=f"n{number}")], "ann", 0.0)
        rights.take([Muted("r", 2 * number + 2, 0.0, "x", "", whom="ann", until=9.0, id=number + 2)], "ann", 0.0)
    assert len(rights.roles) <= 2000
    assert len(rights.forbidden) <= 100
