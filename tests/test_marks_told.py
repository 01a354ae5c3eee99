"""Who is told that somebody has an account now, and what chat-tui makes of it. The whole server on virtual time."""

import trio

from account_house import CANARY, HERE, house_without_leaks, told
from chat_server.protocol.events import Entered, LoggedIn
from chat_server.protocol.room_events import AccountNoted
from chat_tui.client.state import State
from chat_tui.ui.people_list import people_items
from streams import Program
from test_bots import heard


def rows(state: State, room: str = "python") -> list[str]:
    return [f"{item.content} {item.end}".strip() for item in people_items(state.known(room), state.nick, (), 40)]


async def test_the_first_account_is_told_in_every_room_and_later_ones_where_they_are(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        ann, bob, zed, eve = house.connect(HERE), house.connect("127.0.0.2"), house.connect(), house.connect()
        for who, nick, rooms in ((ann, "ann", ("python",)), (bob, "bob", ("python",)), (eve, "eve", ("write",))):
            await who.enter(nick, *rooms)
        person, other = house.call(), house.call()
        await person.log_in("pat", "python")
        await other.log_in("oz", "write")
        assert "guest" not in await zed.enter("zed", "python")
        await ann.ask("register", password=CANARY)
        for who in (ann, bob, zed):
            noted = await heard(who, "account-noted")
            assert noted == {"is": "account-noted", "room": "python", "nicks": ["ann"], "is_first": True}
        assert await heard(eve, "account-noted") == {
            "is": "account-noted",
            "room": "write",
            "nicks": [],
            "is_first": True,
        }
        told_ = await person.read_until("From now on a ? stands behind the names of guests")
        assert "* ann has an account now: nobody else can have the name." in told_
        await other.read_until("From now on a ? stands behind")
        await bob.ask("register", password=CANARY)
        assert await heard(zed, "account-noted") == {
            "is": "account-noted",
            "room": "python",
            "nicks": ["bob"],
            "is_first": False,
        }
        await person.read_until("* bob has an account now")
        await told(eve, "ping")
        await eve.ask("online", room="write")
        assert (await eve.read())["is"] == "online-listed", "nobody registered there"
        again = house.connect()
        await told(again, "login", nick="new")
        await again.ask("join", room="python")
        assert (await heard(again, "entered"))["guest"] is True


async def test_at_a_terminal_one_is_told_once_that_one_has_an_account(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        ann = house.call(HERE)
        await ann.log_in("ann", "python")
        await ann.type("/register", CANARY, CANARY)
        await ann.read_until("They are not shown again.")
        await ann.type("/online")
        assert "has an account now" not in await ann.read_until("Nobody else is in python.")


async def test_an_account_is_made_though_whoever_registers_hangs_up_while_rooms_are_told(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        bob: Program = house.connect()
        await bob.enter("bob", "python")
        ann = house.connect(HERE)
        await ann.ask("register", nick="ann", password=CANARY)
        await ann.stream.aclose()
        assert (await heard(bob, "account-noted"))["is_first"] is True
        assert house.server._directory.accounts.names.holder("ann")


def test_chat_tui_marks_everybody_else_and_itself_when_the_first_account_is_made() -> None:
    state = State()
    state.apply(LoggedIn("me"))
    state.apply(Entered("python", ("ann", "bob"), 0))
    assert rows(state) == ["ann", "bob", "me you"]
    state.apply(AccountNoted("python", ("ann",), is_first=True))
    assert rows(state) == ["ann", "bob?", "me? you"]
    state.apply(AccountNoted("python", ("me",)))
    assert rows(state) == ["ann", "bob?", "me you"]


def test_chat_tui_marks_itself_as_it_is_told_on_entering() -> None:
    state = State()
    state.apply(LoggedIn("me"))
    state.apply(Entered("python", ("ann", "bob"), 0, guests=("bob",), guest=True))
    assert rows(state) == ["ann", "bob?", "me? you"]
    state.apply(Entered("python", ("ann", "bob"), 0, guests=("bob",)))
    assert rows(state) == ["ann", "bob?", "me you"]
