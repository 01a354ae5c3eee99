"""What chat-tui shows of rooms that are only for their members."""

from chat_server.protocol.acts import RuleSet
from chat_server.protocol.described import CommandDescribed
from chat_server.protocol.events import Entered, LoggedIn, RoomsListed
from chat_server.protocol.room_events import InvitedTo, NoMember
from chat_tui.client.answers import words_for
from chat_tui.client.completion import complete
from chat_tui.client.state import State
from chat_tui.ui.room_list import room_items


def rooms_shown(state: State) -> list[str]:
    return [item.content.plain for item in room_items(state, ()) if item.key]


def test_a_private_room_is_marked_where_one_is_and_where_one_is_not() -> None:
    state = State()
    state.apply(LoggedIn("ann"))
    state.apply(Entered("den", (), 0, rules={"access": "invite", "slow": "10"}))
    state.apply(Entered("python", (), 0))
    assert rooms_shown(state) == ["1 den private", "2 python"]
    state.apply(RuleSet("den", 2, 0.0, "ann", "access open"))
    state.apply(RuleSet("python", 2, 0.0, "ann", "access members"))
    assert rooms_shown(state) == ["1 den", "2 python private"]
    state.apply(RoomsListed((("den", 1), ("python", 1), ("plans", 0), ("write", 0)), private=("python", "plans")))
    assert rooms_shown(state) == ["1 den", "2 python private", "  plans private", "  write"]


def test_who_can_be_invited_is_completed() -> None:
    commands = {"invite": CommandDescribed("invite", "/invite NICK", "", "", (), ("room",))}
    found = complete("/invite b", commands=commands, nicks=["ben"], rooms=[], others=["bob", "carl"])
    assert found is not None
    assert found.choices == ("bob ",)


def test_invitations_are_told() -> None:
    for event in (InvitedTo("den", "ann", "14d"), NoMember("den")):
        assert "den" in words_for(event, was_typed=False)
