"""A line of the conversation on the screen: what it replies to, that it was edited, reactions; chosen by keys and mouse, and what is done with it."""

from typing import Any

import pytest

from chat_server.protocol import events
from chat_server.protocol.amending import Deleted, Edited, Reacted, Reaction, Redacted
from chat_server.protocol.entries import LineBlocked, PageShown, Said
from chat_server.protocol.events import Event, Refused, Stored
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.line_deeds import Begun
from chat_tui.client.local_store import LocalStore
from chat_tui.client.pending import Pending
from chat_tui.settings import Settings
from chat_tui.ui.chat_view import ChatView
from chat_tui.ui.chosen_line import signs_found
from on_screen import program, rows
from stories import NOON, Pilot, Stage, StoryApp, beginning, play, said, settle
from test_rights_on_screen import room as with_roles

__all__ = ["program"]

LATE = NOON + 3600


def talk(*more: Event) -> list[Event]:
    return with_roles(
        Said("python", 41, LATE - 300, "ann", "is the new parser in?"),
        Said("python", 42, LATE - 240, "bob", "since yesterday: https://example.org/parser"),
        Said("python", 43, LATE - 180, "Carol", "great"),
        *more,
    )


def row_of(app: StoryApp, text: str) -> int:
    return next(number for number, row in enumerate(rows(app)) if text in row)


async def press(pilot: Pilot, *keys: str) -> None:
    await settle(pilot)
    for key in keys:
        await pilot.press(key)
    await settle(pilot)


# How it looks.


def test_a_reply_has_a_row_above_it_with_whom_it_answers_and_how_that_begins(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        row = row_of(app, "ann  ╭ bob  since yesterday")
        assert rows(app)[row + 1].split("it works")[0].isspace(), "who speaks is said once, above"
        app.tell(Said("python", 45, LATE - 50, "bob", "**now** and `then`"))
        app.tell(
            Said("python", 46, LATE - 40, "ann", "so", re=45),
            Said("python", 47, LATE - 30, "ann", "ah", re=7, whom="zoe"),
        )
        await settle(pilot)
        assert "╭ bob  now and then" in app.screen_text(), "its marks have no place there"
        assert "╭ zoe  #7" in app.screen_text(), "that is not loaded"

    program.play(act, talk(Said("python", 44, LATE - 60, "ann", "it works", re=42)))


def test_a_line_that_is_deleted_changes_where_it_stands_and_nothing_else_does(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        before = rows(app)
        taken_back, deleted = row_of(app, "since yesterday"), row_of(app, "great")
        app.tell(Redacted("python", 44, LATE, "bob", "#42", whom="bob", of=((42, 42),)))
        app.tell(Redacted("python", 45, LATE, "dave", "#43", whom="Carol", of=((43, 43),)))
        await settle(pilot)
        now = rows(app)
        assert [number for number, row in enumerate(now) if row != before[number]] == [taken_back, deleted]
        assert "bob deleted this line" in now[taken_back]
        assert "Carol said something that dave deleted" in now[deleted]

    program.play(act, talk())


def test_of_a_line_that_was_deleted_before_one_came_it_is_said_by_whom_as_soon_as_that_is_known(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        assert "bob said something that was deleted" in app.screen_text()
        app.tell(Redacted("python", 45, LATE, "bob", "#44", whom="bob", of=((44, 44),)))
        await settle(pilot)
        assert "bob deleted this line" in app.screen_text()

    program.play(act, talk(Deleted("python", 44, LATE - 60, "bob", "")))


def test_of_a_line_that_is_not_here_or_deleted_or_blocked_a_reply_shows_the_number_only(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        text = app.screen_text()
        assert all(f"╭ #{number}\n" in text or f"╭ #{number} " in text for number in (7, 44, 46))
        app.tell(PageShown("python", (Said("python", 7, LATE - 900, "dave", "long ago"),), 1, 47, ""))
        await settle(pilot)
        assert "╭ dave  long ago" in app.screen_text(), "it has come meanwhile"

    program.play(
        act,
        talk(
            Deleted("python", 44, LATE - 100, "bob", ""),
            Said("python", 45, LATE - 90, "Carol", "why?", re=44),
            LineBlocked("python", 46, LATE - 80),
            Said("python", 47, LATE - 70, "Carol", "ha", re=46),
            Said("python", 48, LATE - 60, "Carol", "so", re=7),
        ),
    )


def test_an_edit_and_reactions_stand_at_the_line_and_not_below_the_newest(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        text = app.screen_text()
        assert "since today  edited" in text
        assert "since yesterday" not in text
        below = rows(app)[row_of(app, "since today") + 1]
        assert "👍 2" in below
        assert "🎉 1" in below
        assert "edited line" not in text
        app.tell(Reacted("python", 48, LATE, "ann", "👍", of=42, is_back=True, whom="bob"))
        await settle(pilot)
        assert "👍 1" in rows(app)[row_of(app, "since today") + 1]

    program.play(
        act,
        talk(
            Edited("python", 44, LATE - 50, "bob", "since today", of=42),
            *(
                Reacted("python", seq, LATE - 40, nick, "👍", of=42, whom="bob")
                for seq, nick in ((45, "ann"), (46, "Carol"))
            ),
            Reacted("python", 47, LATE - 30, "Carol", "🎉", of=42, whom="bob"),
        ),
    )


@pytest.mark.parametrize(
    ("settings", "own"),
    [(Settings(emoji=False), "[:+1: 1]"), (Settings(theme="ansi-dark"), "[👍 1]"), (Settings(), " 👍 1")],
)
def test_ones_own_reaction_is_told_from_others_without_colours(settings: Settings, own: str) -> None:
    app = StoryApp(talk(Reacted("python", 44, LATE, "ann", "👍", of=42, whom="bob")), settings=settings)

    async def act(_: Pilot) -> None:
        assert own in rows(app)[row_of(app, "since yesterday") + 1]

    play(app, act)


def test_signs_of_a_hostile_server_stay_in_their_row(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        assert sum("zz" in row for row in rows(app)) == 1
        assert "great" in app.screen_text()

    program.play(act, talk(Reacted("python", 44, LATE, "bob", "z\n" + "z" * 4000, of=42, whom="bob")))


@pytest.mark.parametrize("size", [(40, 15), (80, 24), (120, 40)])
def test_many_reactions_and_long_quotes_have_place_at_any_width(size: tuple[int, int]) -> None:
    many = tuple(Reaction(sign, ("bob",) * 9) for sign in "👍🎉🔥🚀👀🎂🐛💡⭐🍺")
    line = Said("python", 44, LATE, "bob", "so", re=42, edited=50, reactions=many)
    app = StoryApp(talk(Said("python", 43, LATE, "Carol", "x" * 300), line))

    async def act(pilot: Pilot) -> None:
        assert all(f"{one.sign} 9" in app.screen_text() for one in many)
        await press(pilot, "alt+up")
        assert app.chat.drawing.chosen == 44

    play(app, act, size=size)


# Chosen, by keys and by mouse.


def test_alt_up_and_down_choose_lines_which_are_marked_and_have_the_footer_and_esc_ends_it(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        assert "go to" in rows(app)[-1]
        await press(pilot, "alt+up", "alt+up")
        assert app.chat.drawing.chosen == 42
        assert "▌" in rows(app)[row_of(app, "since yesterday")]
        assert all(word in rows(app)[-1] for word in ("r reply", "+ react", "y copy", "Esc back"))
        assert "e edit" not in rows(app)[-1], "it is bob's"
        assert "go to" not in rows(app)[-1]
        await press(pilot, "alt+up")
        assert "e edit" in rows(app)[-1]
        await press(pilot, "down", "up", "down")
        assert app.chat.drawing.chosen == 42, "once a line is chosen Up and Down will do"
        await press(pilot, "alt+down", "alt+down")
        assert app.chat.drawing.chosen is None, "below the newest there is none"
        await press(pilot, "alt+up", "escape")
        assert app.chat.drawing.chosen is None
        assert "▌" not in rows(app)[row_of(app, "since yesterday")]
        assert "go to" in rows(app)[-1]

    program.play(act, talk())


def test_the_chosen_line_is_in_sight_however_far_one_goes(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        for _ in range(60):
            await pilot.press("alt+up")
        await settle(pilot)
        assert app.chat.drawing.chosen == 41
        assert "▌" in rows(app)[row_of(app, "line 41 ")]

    program.play(act, with_roles(*said(*(f"line {number}" for number in range(1, 101)))))


def test_what_is_typed_beside_the_keys_of_a_line_goes_into_the_prompt(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+up", "h", "e", "y")
        assert (app.prompt.text, app.chat.drawing.chosen) == ("hey", None)

    program.play(act, talk())


def test_a_key_for_what_cannot_be_done_with_the_line_says_so_and_is_not_written(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+up")
        assert "e Edit" not in app.screen_text(), "it is somebody else's"
        await press(pilot, "v")
        assert (app.prompt.text, app.toasts()) == ("", ["That cannot be done with this line."])
        assert app.chat.drawing.chosen is not None
        await press(pilot, "e", "d")
        assert app.prompt.text == ""
        assert app.chat.drawing.chosen is not None
        await press(pilot, "escape")

    program.play(act, talk())


def test_a_click_chooses_a_line_and_letters_are_still_written(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        row = row_of(app, "since yesterday")
        await pilot.click("#chat", offset=(60, row - 1))
        await settle(pilot)
        assert app.chat.drawing.chosen == 42
        await press(pilot, "r", "e")
        assert app.prompt.text == "re"
        app.prompt.put("")
        for _ in range(2):
            await pilot.click("#chat", offset=(60, row - 1))
            await settle(pilot)
        assert "Quote it" in app.screen_text(), "another click opens the menu"
        await press(pilot, "escape")

    program.play(act, talk())


def test_a_click_on_what_is_replied_to_goes_there_and_one_on_a_reaction_reacts(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        row = row_of(app, "╭ bob")
        await pilot.click("#chat", offset=(rows(app)[row].index("╭") - 20, row - 1))
        await settle(pilot)
        assert app.chat.drawing.chosen == 42
        row = row_of(app, "👍 1")
        await pilot.click("#chat", offset=(rows(app)[row].index("👍") - 20, row - 1))
        await settle(pilot)
        asked = app.connection.last("react")
        assert (asked["number"], asked["sign"]) == (42, "👍")

    program.play(
        act,
        talk(
            Said("python", 44, LATE - 60, "ann", "it works", re=42),
            Reacted("python", 45, LATE, "Carol", "👍", of=42, whom="bob"),
        ),
    )


# What is done with it.


def test_r_replies_and_the_line_that_waits_looks_like_a_reply(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("I")
        await press(pilot, "alt+up", "alt+up", "r")
        assert "Reply to bob  since yesterday" in app.screen_text()
        assert app.prompt.text == "I", "what was begun stays"
        await press(pilot, *" do", "enter")
        pending = app.client.store.unsent[-1]
        assert (pending.text, pending.re, pending.do) == ("I do", 42, "say")
        row = row_of(app, "I do")
        assert "╭ bob  since yesterday" in rows(app)[row - 1]
        assert "Reply to" not in app.screen_text()
        await press(pilot, *"next", "enter")
        assert app.client.store.unsent[-1].re == 0, "the next line is none"

    program.play(act, talk())


def test_esc_ends_a_reply_and_leaves_what_is_written(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+up", "r", *"hm", "escape")
        assert "Reply to" not in app.screen_text()
        assert app.prompt.text == "hm"
        app.prompt.put("")

    program.play(act, talk())


def test_a_command_is_no_reply(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+up", "r")
        app.prompt.put("/me waves")
        await press(pilot, "enter")
        assert app.prompt.text == "/me waves"
        assert any("Only what you say" in toast for toast in app.toasts())
        app.prompt.put("/whois bob")
        await press(pilot, "enter")
        assert app.connection.last("whois")["nick"] == "bob"
        assert "Reply to Carol" in app.screen_text(), "it is still to be written"
        await press(pilot, "escape")

    program.play(act, talk())


def test_e_edits_ones_own_line_and_esc_gives_back_what_was_written(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("begun")
        await press(pilot, "alt+up", "alt+up", "alt+up", "e")
        assert app.prompt.text == "is the new parser in?"
        assert "Edit" in app.screen_text()
        await press(pilot, "escape")
        assert app.prompt.text == "begun"
        await press(pilot, "alt+up", "alt+up", "alt+up", "e", *" Yes?", "enter")
        asked = app.connection.last("edit")
        assert (asked["room"], asked["number"], asked["text"]) == ("python", 41, "is the new parser in? Yes?")
        assert app.prompt.text == "begun"
        assert not app.client.store.unsent
        app.prompt.put("")

    program.play(act, talk())


def test_an_edit_that_is_refused_is_told_and_is_in_the_prompt_again(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "up", *"!", "enter")
        app.answer("edit", Refused("too-old-to-edit", text="Line #41 is older than 15 minutes and stays as it is."))
        await settle(pilot)
        assert "Line #41 is older" in app.screen_text()
        assert app.prompt.text == "is the new parser in?!"
        await press(pilot, "enter")
        app.prompt.put("something else")
        app.answer("edit", events.NotStored("python", 1))
        await settle(pilot)
        told = app.client.state.room("python").timeline.entries[-1].text
        assert told.endswith("It would say: is the new parser in?!")
        assert app.prompt.text == "something else"
        app.prompt.put("")

    program.play(act, talk())


def test_an_edit_without_a_connection_stays_in_the_prompt_and_one_that_is_not_answered_is_told() -> None:
    app = StoryApp(talk())

    async def act(pilot: Pilot) -> None:
        await press(pilot, "up", "!", "enter")
        app.connection.status = Status.WAITING
        app.connection_changed(ConnectionChanged(Status.WAITING, "it is gone", 0.0))
        await settle(pilot)
        told = app.client.state.room("python").timeline.entries[-1].text
        assert told.endswith("whether line #41 is edited. It would say: is the new parser in?!")
        await press(pilot, "up", "?", "enter")
        assert app.prompt.text == "is the new parser in??"
        assert app.client.saved.begun["python"].of == 41
        await settle(pilot)
        assert app.client.state.room("python").timeline.entries[-1].text == told, "once"

    play(app, act)


def test_a_line_that_is_replied_to_and_not_loaded_is_loaded_and_chosen(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+up", "g")
        assert app.connection.last("around")["number"] == 7
        app.answer("around", PageShown("python", (Said("python", 7, LATE - 900, "dave", "long ago"),), 1, 44, ""))
        await settle(pilot)
        assert "▌" in rows(app)[row_of(app, "long ago")]
        assert "r reply" in rows(app)[-1]
        await press(pilot, "r")
        assert "Reply to dave" in app.screen_text()
        await press(pilot, "escape")

    program.play(act, talk(Said("python", 44, LATE - 60, "Carol", "so", re=7)))


def test_a_command_that_is_typed_while_one_edits_becomes_no_line(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "up")
        app.prompt.put("/msg bob secret")
        await press(pilot, "enter")
        assert app.prompt.text == "/msg bob secret"
        assert "edit" not in dict(app.connection.asked)
        await press(pilot, "escape")

    program.play(act, talk())


def test_up_in_an_empty_prompt_edits_the_last_line_and_again_goes_back_through_what_was_sent(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.remember(["older", "is the new parser in?"])
        await press(pilot, "up")
        assert "Edit" in app.screen_text()
        await press(pilot, "up")
        assert app.prompt.text == "older", "the same text again would be no step"
        assert app.client.saved.begun == {}
        await press(pilot, "down", "down")
        assert app.prompt.text == ""
        app.prompt.put("x")
        await press(pilot, "up")
        assert app.prompt.text == "is the new parser in?"
        assert app.client.saved.begun == {}, "in a prompt with something in it Up never edits"
        app.prompt.begin("")

    program.play(act, talk())


@pytest.mark.parametrize("age", [901, 100_000])
def test_up_brings_back_what_was_sent_where_ones_last_line_is_older(age: float, program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.remember(["sent"])
        await press(pilot, "up")
        assert (app.prompt.text, app.client.saved.begun) == ("sent", {})
        app.prompt.begin("")

    program.play(act, with_roles(Said("python", 41, LATE - age, "ann", "hello")))


def test_an_edit_that_has_been_changed_is_not_lost_to_the_history(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.remember(["sent"])
        await press(pilot, "up", "!", "up", "up")
        assert app.prompt.text == "is the new parser in?!"
        await press(pilot, "escape")

    program.play(act, talk())


def test_each_room_has_its_own_reply_and_edit_also_after_a_start(tmp_path: Any) -> None:
    app = StoryApp(talk(events.Entered("pm", (), 0, "", 0)), store=tmp_path)

    async def act(pilot: Pilot) -> None:
        await press(pilot, "alt+up", "r", *"so", "ctrl+n")
        assert "Reply to" not in app.screen_text()
        assert app.prompt.text == ""
        await press(pilot, "ctrl+p")
        assert "Reply to Carol" in app.screen_text()
        assert app.prompt.text == "so"
        app.tick()

    play(app, act)
    assert LocalStore(tmp_path).saved.begun == {"python": Begun(re=43)}


def test_q_quotes_and_y_copies_and_o_opens(program: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+up", "alt+up", "y")
        assert app.clipboard == "since yesterday: https://example.org/parser"
        app.prompt.put("so:")
        await press(pilot, "alt+up", "q")
        assert app.prompt.text == "so:\n> great\n"
        app.prompt.put("")
        opened: list[str] = []
        monkeypatch.setattr(app, "copy_to_clipboard", opened.append)
        monkeypatch.setattr("chat_tui.ui.terminal.has_desktop", lambda: False)
        await press(pilot, "alt+up", "alt+up", "o")
        assert opened == ["https://example.org/parser"]

    program.play(act, talk())


def test_plus_offers_emoji_by_letters_and_reacts(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+up", "+", *"rocke", "enter")
        asked = app.connection.last("react")
        assert (asked["number"], asked["sign"]) == (43, "🚀")
        await press(pilot, "alt+up", "+", *":+1:", "enter")
        assert app.connection.last("react")["sign"] == "👍"

    program.play(act, talk())


@pytest.mark.parametrize("keys", [["alt+up", "+", *"rocke", "enter"], ["alt+up", "alt+up", "o"]])
def test_letters_are_written_again_once_something_was_done_with_a_line(
    program: Stage, monkeypatch: pytest.MonkeyPatch, keys: list[str]
) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        monkeypatch.setattr("chat_tui.ui.terminal.has_desktop", lambda: False)
        await press(pilot, *keys)
        copied = app.clipboard
        await press(pilot, *"yes")
        assert app.prompt.text == "yes"
        assert app.clipboard == copied
        app.prompt.put("")

    program.play(act, talk())


def test_a_colour_of_skin_is_offered_to_whoever_asks_for_one() -> None:
    assert "🪨" in [item.key for item in signs_found("rock")]
    assert not [item.key for item in signs_found("rock") if "🏻" <= item.key[-1] <= "🏿"]
    assert [item.key for item in signs_found("waving hand skin") if "🏻" <= item.key[-1] <= "🏿"]


def test_emoji_are_offered_in_columns_joined_ones_last_and_called_as_people_call_them() -> None:
    shown = {item.key: item.content.plain for item in signs_found("warn")}
    assert shown["⚠"] == "⚠   :warning:", "one that is one column wide"
    assert shown["🏡"] == "🏡  :house_with_garden:"
    lengths = [len(sign) > 1 for sign in shown]
    assert lengths == sorted(lengths)
    assert [item.content.plain for item in signs_found("norway")][-1].endswith("  norway")
    assert not [text for sign, text in shown.items() if len(sign) > 1 and "_and_" in text]
    assert not [item for item in signs_found("flag") if "regional" in item.content.plain]


def test_alt_up_chooses_the_newest_line_where_only_answers_are_on_the_screen() -> None:
    app = StoryApp(talk())

    async def act(pilot: Pilot) -> None:
        app.prompt.put("/topic")
        await press(pilot, "enter")
        app.answer("topic", events.TopicShown("python", "\n".join(map(str, range(20)))))
        await settle(pilot)
        assert "great" not in app.screen_text()
        await press(pilot, "alt+up")
        assert app.chat.drawing.chosen == 43
        assert "great" in app.screen_text()

    play(app, act, size=(40, 15))


def test_the_menu_has_each_key_and_the_way_to_the_line_that_is_replied_to_first(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+up", "enter")
        text = app.screen_text()
        assert all(
            title in text for title in ("Go to the line", "Reply", "Quote it", "Edit it", "Copy it", "Delete it")
        )
        assert "👍  bob" in text, "who has reacted"
        assert "Report" not in text
        await press(pilot, "enter")
        assert app.chat.drawing.chosen == 42
        await press(pilot, "enter", "exclamation_mark")
        await press(pilot, *"spam", "enter")
        asked = app.connection.last("report")
        assert (asked["number"], asked["why"]) == (42, "spam")

    program.play(
        act,
        talk(
            Said("python", 44, LATE - 60, "ann", "it works", re=42),
            Reacted("python", 45, LATE, "bob", "👍", of=44, whom="ann"),
        ),
    )


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light", "chat-dark"])
def test_the_lines_stay_in_sight_around_the_menu_in_sixteen_colours_too(theme: str) -> None:
    app = StoryApp(talk(), settings=Settings(theme=theme))

    async def act(pilot: Pilot) -> None:
        await press(pilot, "alt+up", "enter")
        assert "Quote it in the prompt" in app.screen_text()
        assert "▌" in rows(app)[row_of(app, "Carol  great")]

    play(app, act)


def test_deleting_asks_first_and_the_author_and_what_it_said_before_are_asked_of_the_server(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+up", "v")
        assert app.connection.last("versions")["number"] == 44
        await press(pilot, "alt+up", "alt+up", "w")
        assert app.connection.last("whois")["nick"] == "Carol"
        await press(pilot, "alt+up", "d", "enter")
        assert "delete" not in dict(app.connection.asked), "the harmless answer has the keys"
        await press(pilot, "d", "right", "enter")
        assert app.connection.last("delete")["number"] == 44
        app.answer("delete", events.Answered(text="Deleted in python: 1."))
        await settle(pilot)
        assert "Deleted in" not in app.screen_text(), "the line itself says so"
        await press(pilot, "alt+up", "d", "right", "enter")
        app.answer("delete", Refused("no-such-line", {}, "", "There is no line #44 here."))
        await settle(pilot)
        assert "There is no line #44 here." in app.screen_text()

    program.play(act, talk(Said("python", 44, LATE - 60, "ann", "it works", edited=45)))


def test_the_palette_does_it_too_and_says_what_can_not_be_done(program: Stage) -> None:
    async def choose(app: StoryApp, pilot: Pilot, title: str) -> None:
        command = next(command for command in app.get_system_commands(app.screen) if command.title == title)
        command.callback()
        await settle(pilot)

    async def act(app: StoryApp, pilot: Pilot) -> None:
        await choose(app, pilot, "Reply to the chosen line")
        assert any("Alt+Up" in toast for toast in app.toasts())
        await press(pilot, "alt+up")
        await choose(app, pilot, "Edit the chosen line, if it is yours, for 15 minutes")
        assert any("cannot be done" in toast for toast in app.toasts())
        await choose(app, pilot, "Reply to the chosen line")
        assert "Reply to Carol" in app.screen_text()
        await press(pilot, "escape")

    program.play(act, talk())


# Unread.


def test_a_reply_to_a_line_of_ones_own_counts_as_a_mention_and_what_amends_lines_counts_as_nothing() -> None:
    app = StoryApp(talk(events.Entered("pm", (), 0, "", 0), *said("mine", room="pm", nick="ann")))

    async def act(pilot: Pilot) -> None:
        room = app.client.state.room("pm")
        app.client.mark_read(room)
        app.tell(
            Said("pm", 2, NOON + 180, "bob", "and mine", re=1, whom="ann"),
            Reacted("pm", 3, NOON + 190, "bob", "👍", of=1, whom="ann"),
            Edited("pm", 4, NOON + 200, "bob", "ann, and mine", of=2),
        )
        await settle(pilot)
        assert (room.unread, room.mentions) == (1, {2})
        told = [data for data in app.written if "]9;" in data]
        assert len(told) == 1, "one is told, and an edit calls nobody again"
        assert "and mine" in told[0]

    play(app, act)


def test_from_here_on_unread_counts_what_others_have_said_and_no_edits_nor_reactions(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        room = app.client.state.room("python")
        app.client.mark_read(room)
        room.mark_unread(42, "ann")
        assert (room.unread, room.mentions) == (3, {46}), "42, 43 and 46"

    program.play(
        act,
        talk(
            Reacted("python", 44, LATE - 50, "bob", "👍", of=41, whom="ann"),
            Edited("python", 45, LATE - 40, "bob", "today", of=42),
            Said("python", 46, LATE - 30, "bob", "yes", re=41, whom="ann"),
        ),
    )


def test_a_reply_to_a_line_of_ones_own_that_is_not_loaded_is_a_mention_and_one_of_which_nothing_may_be_known_is_not(
    program: Stage,
) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        room = app.client.state.room("pm")
        app.client.mark_read(room, 1)
        app.now += 10
        app.tell(Said("pm", 9, NOON + 180, "bob", "yes", re=5, whom="ann"))
        app.tell(
            Said("pm", 10, NOON + 181, "bob", "no", re=6), Said("pm", 11, NOON + 182, "bob", "no", re=7, whom="eve")
        )
        assert room.mentions == {9}
        assert len([data for data in app.written if "]9;" in data]) == 1

    program.play(act, talk(events.Entered("pm", (), 0, "", 1), *said("x", room="pm")))


def test_a_reply_goes_over_the_wire_as_one_by_key_and_by_command(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("/re 42 thank you")
        await press(pilot, "enter")
        assert app.client.store.unsent[-1].re == 42
        app.tell(Stored("python", 44, app.client.store.unsent[-1].key))
        app.prompt.put("/react ")
        await press(pilot, "tab")
        assert app.prompt.text == "/react 43 "
        app.prompt.put("/edit ")
        await press(pilot, "tab")
        assert app.prompt.text == "/edit 41 "
        app.prompt.put("")

    program.play(act, talk())


def test_what_is_drawn_before_it_is_seen_that_a_line_has_gone_harms_nobody() -> None:
    app = StoryApp([*beginning("python"), *said("hello")])

    async def act(pilot: Pilot) -> None:
        state, chat = app.client.state, app.screen.query_one(ChatView)
        state.typed(Pending("k", "python", "say", "on its way", NOON + 3600))
        app.main.paint()
        await settle(pilot)
        rows = range(chat.size.height)
        assert any("on its way" in chat.render_line(row).text for row in rows)
        state.room("python").pending.clear()  # it is stored, and that is painted in a moment
        for row in rows:
            chat.render_line(row)

    play(app, act)
