"""A user without a screen: what is asked for by itself, and when, with a story instead of a network."""

from typing import Any, cast

from callers import newcomer
from chat_server.protocol import events
from chat_server.protocol.entries import PageShown, Said
from chat_tui.client.client import Client
from chat_tui.client.connection import Connection, ConnectionChanged, Status
from chat_tui.client.gaps import MISSED_GAP
from chat_tui.client.local_store import LocalStore
from stories import FakeConnection, welcome


class Story:
    """Ann in the room python, where nobody has spoken yet."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.client = Client(
            "127.0.0.1",
            5000,
            "ann",
            store=LocalStore(None),
            caller=newcomer(),
            clock=lambda: self.now,
            on_event=lambda *_: None,
            on_change=lambda _: None,
        )
        self.connection = FakeConnection()
        self.refs: list[Any] = []
        self.client.connection = cast("Connection", self.connection)
        for event in (welcome(), events.LoggedIn("ann", "secret"), events.Entered("python", (), 0)):
            self.client._take(event, None)

    def tell(self, event: events.Event, ref: Any = None) -> None:
        self.client._take(event, ref)

    def asked(self) -> list[dict[str, object]]:
        """The pages that have been asked for since the last time."""
        asked = [fields for do, fields in self.connection.asked if do == "history"]
        self.refs += [fields.pop("ref") for fields in asked]
        self.connection.asked.clear()
        return asked

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds)):
            self.now += 1
            self.client.tick()


def line(seq: int) -> Said:
    return Said("python", seq, 0.0, "bob", f"line {seq}")


def missed(after: int) -> dict[str, object]:
    return {"room": "python", "after": after, "count": 200}


def test_what_was_skipped_or_lost_in_the_room_is_asked_for_at_once() -> None:
    story = Story()
    story.tell(line(1))
    story.tell(events.RoomFailed("python", 1))
    assert story.asked() == [missed(1)]
    story.tell(events.Skipped(3, {"python": 1}))
    assert story.asked() == [missed(1)]


def test_what_was_missed_and_does_not_come_is_asked_for_again_after_a_while() -> None:
    story = Story()
    story.tell(line(3))
    story.pass_time(1)
    story.asked()
    story.pass_time(MISSED_GAP)
    assert story.asked() == []
    story.pass_time(1)
    assert story.asked() == [missed(0)]
    story.tell(PageShown("python", (line(1),), 1, 3, ""), story.refs[-1])
    assert story.asked() == [missed(1)], "the rest of it"
    story.tell(PageShown("python", (line(2),), 1, 3, ""), story.refs[-1])
    story.pass_time(20)
    assert story.asked() == []


def test_older_lines_are_asked_for_again_after_a_page_that_was_skipped_or_lost() -> None:
    story = Story()
    story.client.want_older("python", 1)
    assert len(story.asked()) == 1
    story.client.want_older("python", 1)
    assert story.asked() == [], "one at a time"
    story.tell(events.Skipped(3, {}))
    story.client.want_older("python", 1)
    assert len(story.asked()) == 1
    story.client._connection_changed(ConnectionChanged(Status.WAITING))
    story.client.want_older("python", 1)
    assert len(story.asked()) == 1
    story.tell(PageShown("python", (), 1, 0, ""), story.refs[-1])
    story.client.want_older("python", 1)
    assert len(story.asked()) == 1


def test_older_lines_that_are_wanted_without_a_connection_are_asked_for_once_there_is_one() -> None:
    story = Story()
    story.connection.status = Status.WAITING
    story.client.want_older("python", 7)
    story.pass_time(1)
    assert story.asked() == []
    story.connection.status = Status.ONLINE
    story.pass_time(2)
    assert [fields["before"] for fields in story.asked()] == [7], "once"


def test_older_lines_that_have_come_by_themselves_meanwhile_are_not_asked_for() -> None:
    story = Story()
    story.connection.status = Status.WAITING
    story.client.want_older("python", 7)
    story.connection.status = Status.ONLINE
    story.tell(line(6))
    story.pass_time(1)
    assert all("before" not in fields for fields in story.asked())


def test_another_name_has_the_secret_that_was_its_own_and_no_other() -> None:
    story = Story()
    story.client.saved.tokens["bob"] = "bob's"
    identity = story.connection.identity
    identity.token = "ann's"  # noqa: S105 - it is none
    story.client.call_oneself("ANN")
    assert (identity.nick, identity.token) == ("ANN", "ann's")
    story.client.call_oneself("Bob")
    assert (identity.nick, identity.token) == ("Bob", "bob's")
    story.client.call_oneself("carol")
    assert (identity.nick, identity.token) == ("carol", "")


def test_what_is_typed_for_a_room_names_the_room_whatever_it_is_called_on_the_wire() -> None:
    story = Story()
    story.connection.asked.clear()
    for typed in ("/ping", "/topic", "/rooms"):
        assert story.client.submit(typed, "python", lambda _: True) == ""
    assert [(do, fields.get("room")) for do, fields in story.connection.asked] == [
        ("time-line", "python"),
        ("topic", "python"),
        ("rooms", None),
    ]
