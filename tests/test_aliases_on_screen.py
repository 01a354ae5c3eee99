"""Words of one's own for what one often types, as chat-tui puts them in."""

from typing import Any

from chat_server.protocol import alias_events
from chat_server.protocol.described import CommandDescribed, Parameter
from chat_tui.client.aliases import Aliases
from stories import Pilot, StoryApp, beginning, play, settle

ALIAS = CommandDescribed(
    "alias",
    "/alias [NAME] [TEXT]",
    "",
    "",
    (Parameter("name", "word", required=False, help=""), Parameter("text", "text", required=False, help="")),
    ("conversation", "hall", "room"),
)


def test_a_program_asks_for_them_on_each_connection_if_the_server_has_any() -> None:
    asked: list[Any] = []

    def request(do: str, *, on_answer: Any) -> bool:
        asked.append((do, on_answer))
        return True

    aliases = Aliases()
    aliases.ask(request, {})
    assert (asked, aliases.are_known) == ([], True)
    aliases.ask(request, {"alias": ALIAS})
    assert not aliases.are_known
    asked[0][1](alias_events.AliasesShown((("hi", "/me waves"),)))
    assert (aliases.are_known, aliases.words) == (True, {"hi": "/me waves"})
    aliases.take(alias_events.AliasSet("brb", "back soon"))
    aliases.take(alias_events.AliasRemoved("hi"))
    assert aliases.words == {"brb": "back soon"}


def test_chat_tui_sends_what_is_meant_and_brings_back_what_was_typed() -> None:
    app = StoryApp(beginning())

    async def act(pilot: Pilot) -> None:
        app.tell(alias_events.AliasSet("hi", "/me waves at $*, smiling"), alias_events.AliasSet("p", "/pin"))
        app.prompt.put("/hi bob")
        await pilot.press("enter")
        await settle(pilot)
        assert [(pending.do, pending.text) for pending in app.connection.said] == [("me", "waves at bob, smiling")]
        await pilot.press("up")
        assert app.prompt.text == "/hi bob"
        app.prompt.put("/p")
        await pilot.press("enter")
        await settle(pilot)
        assert app.toasts() == ["python is pinned; /pin ends that."]
        app.prompt.put("/h")
        await pilot.press("tab")
        assert app.prompt.text == "/help "
        await pilot.press("tab")
        assert app.prompt.text == "/hi "

    play(app, act)
