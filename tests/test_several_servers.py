"""chat-tui with two servers in one window, driven by keys; what each says is a story of its own (stories.py)."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from chat_server.protocol import entries, events
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.local_store import LocalStore
from chat_tui.client.trust import About
from chat_tui.profiles import Named, find_servers
from chat_tui.settings import Profile, Settings, SettingsError
from chat_tui.ui.list_pane import ListPane
from chat_tui.ui.screens.connecting import ConnectScreen
from chat_tui.ui.screens.form import FormScreen
from chat_tui.ui.screens.trusting import TrustScreen
from chat_tui.ui.server import Wanted
from doubts import distrusted
from stories import NOON, Pilot, StoryApp, beginning, play, said, settle

LOST = ConnectionChanged(Status.WAITING, "the connection was closed", 8.0)


def two(store: Path | None = None, **more: Any) -> StoryApp:
    """A program at home, in python and pm, and at work."""

    def open_store(_: str, __: int) -> LocalStore:
        return LocalStore(store / "work" if store else None)

    servers = [Wanted(Profile("work.example.org", 5000, "ann"), open_store, "work"), *more.pop("more", ())]
    return StoryApp([*beginning("python", "pm"), *said("hello")], name="home", more=servers, store=store, **more)


def act_with(
    app: StoryApp, act: Callable[[StoryApp, Pilot], Coroutine[Any, Any, None]], size: tuple[int, int] = (100, 30)
) -> None:
    async def begin(pilot: Pilot) -> None:
        app.tell_at("work", *beginning("python", "ops"), *said("at work", nick="eve"))
        await settle(pilot)
        await act(app, pilot)

    play(app, begin, size=size)


async def at_work(pilot: Pilot) -> None:
    app: Any = pilot.app
    app.tell_at("work", *beginning("python", "ops"), *said("at work", nick="eve"))
    app.tell_at("work", *said("ann: look at this", room="ops", nick="eve"))
    app.change_at("club", LOST)
    await pilot.press("alt+3")
    await settle(pilot)


@pytest.mark.parametrize("size", [(40, 15), (80, 24), (120, 40)])
def test_the_screen_with_three_servers_of_which_one_is_lost(snap_compare: Any, size: tuple[int, int]) -> None:
    club = Wanted(Profile("club.example.org", 5000, "ann"), lambda _, __: LocalStore(None), "club")
    assert snap_compare(two(more=[club]), terminal_size=size, run_before=at_work)


def rooms(app: StoryApp) -> list[str]:
    items = [item for item in app.main.query_one("#rooms", ListPane).items if item.content]
    return [" ".join(f"{item.content.plain} {item.end.plain}".split()) for item in items]


def top(app: StoryApp) -> str:
    return app.screen_text().split("\n")[0]


async def press(pilot: Pilot, *keys: str) -> None:
    await pilot.press(*keys)
    await settle(pilot)


async def enter(app: StoryApp, pilot: Pilot, text: str) -> None:
    app.prompt.put(text)
    await press(pilot, "enter")


def test_each_server_is_a_group_with_its_rooms_and_what_is_unread() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.tell_at("work", *said("ann: look", room="ops", nick="eve"))
        await settle(pilot)
        assert rooms(app) == [
            *("● home", "1 python", "2 pm"),
            *("● work @1", "3 python 1", "4 ops @1"),
            *("More at home 1", "write"),
        ]
        assert "home" in top(app)
        assert "bob  hello" in app.screen_text(), "a room of the same name is another one"
        assert "at work" not in app.screen_text()
        assert app.written[-1].count("(1)"), "the window's title counts what names one at all servers"

    act_with(two(), act)


def test_one_server_has_no_heading() -> None:
    async def act(pilot: Pilot) -> None:
        assert rooms(app) == ["Rooms", "1 python", "2 pm", "Not joined 1", "write"]
        assert "127.0.0.1" in top(app)

    app = StoryApp([*beginning("python", "pm"), *said("hello")], name="home")
    play(app, act)


def test_keys_go_over_the_rooms_of_all_servers_and_what_is_typed_goes_to_the_one_on_the_screen() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        home, work = (app.connection_at(name) for name in ("home", "work"))
        app.prompt.put("for home")
        await press(pilot, "ctrl+n", "ctrl+n")
        assert "work" in top(app)
        assert "eve  at work" in app.screen_text()
        assert app.prompt.text == "", "the draft stays where it was written"
        await enter(app, pilot, "hello work")
        assert [pending.text for pending in work.said] == ["hello work"]
        await enter(app, pilot, "/names")
        assert work.last("online")["room"] == "python"
        await press(pilot, "alt+1")
        assert "home" in top(app)
        assert app.prompt.text == "for home"
        assert (home.said, [do for do, _ in home.asked if do == "online"]) == ([], [])
        await press(pilot, "ctrl+p")
        assert app.current is app.at("work").client.state.known("ops"), "from the first to the last of all"

    act_with(two(), act)


def test_what_answers_a_command_stands_where_it_was_typed_though_one_has_gone_to_another_server() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+3")
        await enter(app, pilot, "/join secret")
        ref = app.connection.ref("join")
        await press(pilot, "alt+1")
        app.at("work").client._take(events.Refused("not-a-member", text="secret is for its members."), ref)
        await settle(pilot)
        assert "secret is for its members." not in app.screen_text().replace("work: secret is for its members.", "")
        assert "work: secret is for its members." in app.toasts()
        await press(pilot, "alt+3")
        assert "secret is for its members." in app.screen_text()

    act_with(two(), act)


def test_a_server_that_is_lost_says_so_in_its_heading_and_disturbs_no_other() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("half a li")
        app.change_at("work", LOST)
        app.tell_at("home", *said("on", nick="Carol", first=2))
        await settle(pilot)
        assert "○ work lost 1" in rooms(app)
        assert (app.prompt.text, len(app.screen_stack)) == ("half a li", 1)
        assert "No connection" not in app.screen_text()
        assert "Carol  on" in app.screen_text()
        await press(pilot, "alt+3")
        assert "work: ○ No connection" in app.screen_text()
        app.change_at("work", ConnectionChanged(Status.ONLINE))
        await settle(pilot)
        assert "No connection" not in app.screen_text()
        assert "● work" in rooms(app)

    act_with(two(), act)


def test_servers_that_cannot_be_reached_at_first_ask_only_where_one_is() -> None:
    async def act(pilot: Pilot) -> None:
        app.change_at("work", LOST)
        await settle(pilot)
        assert len(app.screen_stack) == 1, "it is not on the screen"
        await press(pilot, "ctrl+k", *"work", "enter")
        assert isinstance(app.screen, ConnectScreen)
        assert "work: Connect" in app.screen_text()

    app = two(is_online=False)
    play(app, act)


def test_dialogs_of_several_servers_come_one_at_a_time_and_say_of_which_they_are() -> None:
    proof = ConnectionChanged(Status.REFUSED, "ann has an account.", code="name-reserved", asks_proof=True)

    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("somebody writes")
        app.change_at("work", proof)
        await settle(pilot)
        assert "○ work asks you 1" in rooms(app)
        assert len(app.screen_stack) == 1, "nobody is asked by another server while they write"
        app.prompt.put("")
        app.tick()
        await settle(pilot)
        assert isinstance(app.screen, FormScreen)
        assert "work: ann has an account here" in app.screen_text()
        app.change_at("home", ConnectionChanged(Status.REFUSED, "changed", doubt=distrusted(About.CHANGED).doubt))
        await settle(pilot)
        assert len(app.screen_stack) == 2, "one at a time"
        app.change_at("work", ConnectionChanged(Status.ONLINE))
        await settle(pilot)
        app.tick()
        await settle(pilot)
        assert isinstance(app.screen, TrustScreen)
        assert "home: " in app.screen_text()

    act_with(two(), act)


def test_who_is_asked_by_a_server_logs_in_there() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.change_at(
            "work", ConnectionChanged(Status.REFUSED, "ann has an account.", code="name-reserved", asks_proof=True)
        )
        await settle(pilot)
        await press(pilot, *"secret12", "enter")
        assert [proof and proof.fields()["password"] for proof in app.connection_at("work").proofs] == ["secret12"]
        assert app.connection_at("home").proofs == []

    act_with(two(), act)


def test_ctrl_k_finds_over_all_servers_and_says_of_which() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "ctrl+k", *"python")
        text = app.screen_text()
        assert ("home" in text, "work" in text) == (True, True)
        await press(pilot, "down", "enter")
        assert app.servers.shown is app.at("work")
        assert app.current is app.at("work").client.state.known("python")
        await press(pilot, "ctrl+k", *"home", "enter")
        assert app.servers.shown is app.at("home"), "a server itself is found too"

    act_with(two(), act)


def found(room: str, text: str) -> entries.Found:
    return entries.Found("parser", ((room, (entries.Said(room, 1, NOON, "eve", text),)),), False, 0, "")


def test_a_search_goes_over_all_servers_and_each_line_says_where_it_is() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+f", *"parser", "enter")
        wanted = {"words": "parser", "everywhere": True, "ref": 0}
        for server in ("home", "work"):
            assert app.connection_at(server).last("search") | {"ref": 0} == wanted
        app.answer_at("work", "search", found("ops", "the parser at work"))
        await settle(pilot)
        assert "work  ops eve: the parser at work" in app.screen_text()
        assert "1 found. Looking …" in app.screen_text()
        app.answer_at("home", "search", found("pm", "the parser at home"))
        await settle(pilot)
        assert "home  pm eve: the parser at home" in app.screen_text()
        assert "2 found. Enter goes there." in app.screen_text()
        await press(pilot, "down", "enter")
        assert app.servers.shown is app.at("work")
        assert app.current is app.at("work").client.state.known("ops")

    act_with(two(), act)


def test_a_server_that_cannot_search_is_named_and_the_other_s_lines_are_there() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+f", *"parser", "enter")
        app.answer_at("work", "search", events.Refused("cannot-read"))
        app.answer_at("home", "search", found("pm", "the parser at home"))
        await settle(pilot)
        assert "1 found. work could not search just now." in app.screen_text()
        await press(pilot, "enter")
        assert app.current is app.at("home").client.state.known("pm")

    act_with(two(), act)


def test_the_next_room_with_something_new_is_found_at_any_server_mentions_first() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.tell_at("home", *said("new", room="pm"))
        app.tell_at("work", *said("ann: look", room="ops", nick="eve"))
        await press(pilot, "alt+a")
        assert app.current is app.at("work").client.state.known("ops")

    act_with(two(), act)


def test_a_notification_says_of_which_server_it_is() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.tell_at("work", *said("ann: look", room="ops", nick="eve"))
        await settle(pilot)
        assert any("work: eve in ops" in written for written in app.written)

    act_with(two(), act)


def test_a_click_on_a_room_of_another_server_goes_there_and_one_on_a_heading_to_the_server() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.click("#rooms", offset=(4, 6))
        await settle(pilot)
        assert app.current is app.at("work").client.state.known("ops")
        await pilot.click("#rooms", offset=(4, 1))
        await settle(pilot)
        assert app.servers.shown is app.at("home")

    act_with(two(), act)


def test_where_one_was_in_a_room_is_kept_for_each_server() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.tell_at("work", *said(*(f"old {number}" for number in range(60)), nick="eve", first=2))
        await press(pilot, "alt+3", "pageup", "pageup")
        seen = app.screen_text()
        assert not app.chat.follows
        await press(pilot, "alt+1")
        assert app.chat.follows
        await press(pilot, "alt+3")
        assert app.screen_text() == seen

    act_with(two(), act)


def test_hopping_over_a_server_reads_nothing_there() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+4")
        app.watch_reading()
        await press(pilot, "alt+1")
        app.now += 60
        app.tell_at("work", *said("ann: look", room="ops", nick="eve"))
        await press(pilot, "alt+4")
        app.watch_reading()
        room = app.current
        assert room is not None
        assert room.unread, "it has been seen for no second yet"
        app.now += 2
        app.watch_reading()
        assert not room.unread

    act_with(two(), act)


def test_disconnect_leaves_one_server_and_the_other_goes_on(tmp_path: Path) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+3")
        app.prompt.put("unfinished")
        app.main.tick()
        await press(pilot, "alt+1", "alt+3")
        work = app.at("work")
        app.prompt.put("")
        await enter(app, pilot, "/disconnect")
        assert work.is_gone
        assert rooms(app) == ["Rooms", "1 python", "2 pm", "Not joined 1", "write"], "one server has no heading"
        assert "bob  hello" in app.screen_text()
        work.client._take(entries.Said("python", 2, NOON, "eve", "late"), None)
        work.client._connection_changed(LOST)
        app.tell_at("home", *said("on", nick="Carol", first=2))
        await settle(pilot)
        assert "Carol  on" in app.screen_text()
        await enter(app, pilot, "/disconnect")
        assert any("only server" in toast for toast in app.toasts())

    act_with(two(tmp_path), act)


def test_who_logs_out_at_one_server_leaves_that_one() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.tell_at("work", events.LoggedOut())
        await settle(pilot)
        assert [server.name for server in app.servers] == ["home"]
        assert app.is_running

    act_with(two(), act)


def test_connect_opens_one_more_server_by_its_profile_or_address() -> None:
    def find(word: str) -> Wanted:
        named = find_servers([word], Settings(profiles={"club": Profile("club.example.org")}))[0]
        return Wanted(named.profile, lambda _, __: LocalStore(None), named.name)

    async def act(app: StoryApp, pilot: Pilot) -> None:
        await enter(app, pilot, "/connect club")
        assert app.servers.shown is app.at("club")
        assert app.client.connection.identity.nick == "ann"
        await enter(app, pilot, "/connect club")
        assert len(list(app.servers)) == 3, "it is there already"
        await enter(app, pilot, "/connect http://x")
        assert "Leave out http://" in app.screen_text() or any("Leave out" in toast for toast in app.toasts())
        await enter(app, pilot, "/connect")
        assert isinstance(app.screen, ConnectScreen)
        await press(pilot, *"four.example.org", "enter")
        assert app.servers.shown is app.at("four.example.org")

    act_with(two(find=find), act)


def test_the_palette_opens_profiles_and_leaves_servers() -> None:
    def find(word: str) -> Wanted:
        named = find_servers([word], app.settings)[0]
        return Wanted(named.profile, lambda _, __: LocalStore(None), named.name)

    async def act(app: StoryApp, pilot: Pilot) -> None:
        choices = {title: run for title, _, run in app.servers.choices()}
        assert list(choices) == [
            "Connect to one more server",
            *("Connect to club too", "Connect to broken too"),
            *("Leave home", "Leave work"),
        ]
        choices["Connect to broken too"]()
        await settle(pilot)
        assert "expected the name of a host" in app.screen_text()
        choices["Connect to club too"]()
        await settle(pilot)
        assert app.servers.shown is app.at("club")
        choices["Leave home"]()
        await settle(pilot)
        assert [server.name for server in app.servers] == ["work", "club"]

    profiles = {"club": Profile("club.example.org"), "broken": Profile("\x1b[2J"), "work": Profile("work.example.org")}
    app = two(find=find, settings=Settings(profiles=profiles))
    act_with(app, act)


def test_tab_completes_the_profiles_for_connect() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("/connect cl")
        await press(pilot, "tab")
        assert app.prompt.text.strip() == "/connect club"

    act_with(two(settings=Settings(profiles={"club": Profile("club.example.org")})), act)


@pytest.mark.parametrize(
    ("words", "given", "told"),
    [
        (["home", "work"], {"nick": "ann"}, "--nick goes with one server"),
        (["home", "work"], {"rooms": ["a"]}, "--room goes with one server"),
        (["home", "work"], {"profile": "home"}, "--profile goes with one server"),
        (["home", "home"], {}, "home is named twice"),
        (["http://x", "home"], {}, "Leave out http://"),
    ],
)
def test_what_is_wrong_with_several_servers_is_said(words: list[str], given: dict[str, Any], told: str) -> None:
    settings = Settings(profiles={"home": Profile("a"), "work": Profile("b")})
    with pytest.raises(SettingsError, match=told):
        find_servers(words, settings, **given)


def test_a_word_is_a_profile_or_else_an_address() -> None:
    home = Profile("a", 1, "ann", ["python"])
    settings = Settings(profiles={"home": home})
    assert find_servers(["home", "b:2"], settings) == [Named("home", home), Named("", Profile("b", 2))]
    assert find_servers(["c"], settings, profile="home") == [Named("home", Profile("c", 5000, "ann", ["python"]))]
    assert find_servers([], settings) == [Named("", Profile())]


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("127.0.0.1:5917", ("127.0.0.1", 5917)),
        ("[::1]:5917", ("::1", 5917)),
        ("::1", ("::1", 6000)),
        ("a", ("a", 6000)),
    ],
)
def test_a_profile_s_host_may_have_its_port_behind_it(host: str, found: tuple[str, int]) -> None:
    settings = Settings(profiles={"home": Profile(host, 6000)})
    profile = find_servers(["home"], settings)[0].profile
    assert (profile.host, profile.port) == found
    with pytest.raises(SettingsError):
        find_servers(["home"], Settings(profiles={"home": Profile("a:70000")}))
