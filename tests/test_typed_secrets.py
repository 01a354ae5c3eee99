"""Of a typed text that begins with a command about accounts, its own words are kept, shown again and said on: never what stands behind them."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from textual.events import Paste

from account_forms import among_others, everything, is_form, sent, words
from chat_server.protocol import events
from chat_server.protocol.alias_events import AliasSet
from chat_server.protocol.incoming import Unreadable
from chat_server.protocol.requests import REQUESTS, Request, tag_of
from chat_server.protocol.sanitize import typed_lines
from chat_server.protocol.typed import BEHIND_SECONDS
from chat_server.wire.text import TextDecoder
from chat_tui.client.command_line import NOT_SAID, Asked, Misused, parse
from chat_tui.client.early_typing import thrown_away
from chat_tui.client.typed_secrets import BEFORE_SECRETS, as_meant, before_secrets, without_secrets
from stories import Pilot, StoryApp, play, settle

TYPED = "correct horse 7f3a"

SECRET_FIELDS = {"code", "invite", "new", "old", "password"}
"""Fields of requests that are for nobody else to see."""


def on_disk(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.rglob("*") if path.is_file())


def test_every_command_that_takes_a_secret_is_known() -> None:
    from chat_server.commands.table import COMMANDS  # noqa: PLC0415 - as in stories.py

    takes = [request for request in (*REQUESTS, *COMMANDS.own) if SECRET_FIELDS & {*request.__struct_fields__}]
    assert {word for request in takes for word in (tag_of(request), *request.aliases)} == {*BEFORE_SECRETS}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("/login ann 7K3M-Q9TZ", "/login"),
        ("/LOGIN ann plain", "/LOGIN"),
        ("/register 7K3M-Q9TZ", "/register"),
        ("/register\nhunter2\nhunter2", "/register"),
        ("／register\nhunter2\nhunter2", "/register"),
        ("／ｒｅｇｉｓｔｅｒ hunter2", "/ｒｅｇｉｓｔｅｒ"),
        ("/regsiter hunter2", "/regsiter"),
        ("/passwd\nhunter2", "/passwd"),
        ("/pass hunter2", "/pass"),
        ("/reg hunter2", "/reg"),
        ("/identify hunter2", "/identify"),
        ("/IDENTIFY ann hunter2", "/IDENTIFY"),
        ("/auth hunter2", "/auth"),
        ("/ns identify hunter2", "/ns"),
        ("/oper ann\nhunter2", "/oper"),
        ("/msg NickServ identify hunter2", "/msg NickServ"),
        ("／ｍｓｇ nickserv\nidentify hunter2", "/ｍｓｇ nickserv"),
        ("/msg nick identify hunter2", "/msg nick identify hunter2"),
        ("/node hunter2", "/node hunter2"),
        ("/plugin list", "/plugin list"),
        ("/ register hunter2", "/register"),
        ("/password hunter2 hunter3", "/password"),
        ("/account close hunter2", "/account close"),
        ("/account hunter2", "/account"),
        ("/account erase", "/account erase"),
        ("/code recovery hunter2", "/code recovery"),
        ("\u200b/login ann 7K3M-Q9TZ", "/login"),
        (" \n\u200b/login ann 7K3M-Q9TZ", "/login"),
        ("  /login ann 7K3M-Q9TZ", "/login"),
        (" /loginann hunter2", "/loginann"),
        ("\u3001registerhunter2 D", "/registerhunter2"),
        ("\u3001 /reg hunter2", "/reg"),
        ("\ufeff\u3001login ann hunter2", "/login"),
        ("\u3001register hunter2", "/register"),
        ("\u3000\u3001regster hunter2", "/regster"),
        (" //login ann 7K3M-Q9TZ", " //login ann 7K3M-Q9TZ"),
        (" / login ann 7K3M-Q9TZ", "/login"),
        ("\u3001what about it", "\u3001what about it"),
        ("/in 7K3M-Q9TZ", "/in"),
        ("/in\n7K3M-Q9TZ", "/in"),
        ("\u200b/code device", "\u200b/code device"),
        ("//login ann 7K3M-Q9TZ", "//login ann 7K3M-Q9TZ"),
        ("/mode on", "/mode on"),
        ("/say  a  b ", "/say  a  b "),
        ("  /say  a  b ", "  /say  a  b "),
        ("", ""),
    ],
)
def test_what_may_be_a_secret_is_not_kept_of_what_was_typed(typed: str, kept: str, tmp_path: Path) -> None:
    app = among_others(store=tmp_path)
    client = app.client
    client.state.commands = {word: client.state.commands.get("say") for word in ("mode", "plain", "re", "say")}  # type: ignore[misc]
    client.aliases.words["in"] = "/login ann"
    client.early_typing.may_be_secret = False
    client.note_draft("python", typed)
    client.remember_typed(typed)
    assert client.saved.drafts.get("python", "") == kept
    assert client.saved.typed == [kept]


@given(
    st.text(alphabet=" \t\u3000\ufeff\n", max_size=3),
    st.sampled_from(["/", "\u3001", "\uff0f", "\u3001 /", "//", ""]),
    st.sampled_from(
        [
            "login",
            "register",
            "loginann",
            "register,x",
            "reg",
            "pass",
            "identify",
            "ns",
            "regsiter",
            "code",
            "coder",
            "who",
            "",
        ]
    ),
    st.sampled_from(["", " hunter2", "\thunter2", " device", "\nhunter2"]),
)
def test_what_the_server_takes_for_a_command_that_asks_for_a_secret_is_not_said_here(
    before: str, slash: str, word: str, behind: str
) -> None:
    from chat_server.commands.table import COMMANDS  # noqa: PLC0415 - as in stories.py

    vocabulary = COMMANDS.vocabulary
    text = f"{before}{slash}{word}{behind}"
    there = vocabulary.parse_text(typed_lines(text))
    if there is not None and vocabulary.would_ask_secret(there):
        assert as_meant(text, [*vocabulary.words]).startswith("/") or typed_lines(text).startswith("/")
        assert "hunter2" not in without_secrets(text, [*vocabulary.words])


BEFORE = [*" \t\u3000\xa0\u2003\u200b\u2060\ufe0f\ufeff\x0c\x01\xad\u3164", "\x1b[A", "\x1bOB"]
"""What may stand before a slash, seen or not."""


@given(
    st.lists(st.sampled_from([*BEFORE, *"/\u3001\uff0f"]), max_size=5).map("".join),
    st.sampled_from(
        ["login ann", "register", "registerx", "pass", "regsiter hunter2", "account close", "who", "usr/bin", ""]
    ),
)
@example("\u200b /", "register x")
@example(" \u200b/", "register x")
@example("\xa0/", "register x")
@example("\x1b[A /", "login ann")
def test_the_servers_doors_and_chat_tui_read_what_stands_before_a_word_alike(before: str, words: str) -> None:
    from chat_server.commands.table import COMMANDS  # noqa: PLC0415 - as in stories.py

    vocabulary = COMMANDS.vocabulary
    decoder = TextDecoder(vocabulary.parse_text, 1000, in_runs=True)
    decoder.allow(1000, 1000)
    list(decoder.receive_data(b"hello\n"))
    there = [*decoder.receive_data(f"{before}{words}\n".encode())]
    asks_secret = [one for one in there if isinstance(one, Request | Unreadable) and vocabulary.would_ask_secret(one)]
    assert bool(asks_secret) == bool(before_secrets(f"{before}{words}", [*vocabulary.words]))
    assert before_secrets(as_meant(f"{before}{words}", [*vocabulary.words]), [*vocabulary.words]) or not asks_secret


@given(st.text())
def test_of_what_is_no_command_nothing_is_left_out(text: str) -> None:
    assert without_secrets(f"a{text}") == f"a{text}"


def test_what_an_earlier_version_has_kept_of_a_secret_is_forgotten_with_the_next_line(tmp_path: Path) -> None:
    (tmp_path / "memory.json").write_text(f'{{"typed":["one","/register {TYPED}"]}}')
    app = among_others(store=tmp_path)
    app.client.remember_typed("two")
    assert app.client.saved.typed == ["one", "/register", "two"]


async def pasted(app: StoryApp, pilot: Pilot, text: str) -> None:
    app.prompt.post_message(Paste(text))
    await settle(pilot)
    app.main.tick()
    app.client.store.save()


@pytest.mark.parametrize(
    "command",
    ["/register", "／register", "  /register", "\u3001register", "/login bob", "/account close", "/code recovery"],
)
def test_of_a_pasted_command_its_form_opens_and_the_lines_below_are_thrown_away(command: str, tmp_path: Path) -> None:
    app = among_others(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        await pasted(app, pilot, f"{command}\n{TYPED}\n{TYPED}")
        assert TYPED not in on_disk(tmp_path)
        await pilot.press("enter")
        await settle(pilot)
        app.main.tick()
        app.client.store.save()
        assert not sent(app)
        assert not any("correct" in str(asked) for asked in app.connection.asked)
        assert thrown_away(2) in app.toasts()

    play(app, act)
    assert TYPED not in on_disk(tmp_path)


@pytest.mark.parametrize("command", ["/regsiter", "／ｒｅｇｉｓｔｅｒ", "/frobnicate", "/pass"])
def test_several_lines_below_an_unknown_command_are_not_said_and_where_they_may_be_secret_not_shown_again(
    command: str, tmp_path: Path
) -> None:
    app = among_others(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        await pasted(app, pilot, f"{command}\n{TYPED}")
        await pilot.press("enter")
        await settle(pilot)
        assert not sent(app)
        assert NOT_SAID in words(app)
        shown = command.replace("／", "/")
        assert app.prompt.text == (f"{shown}\n{TYPED}" if command == "/frobnicate" else shown)

    play(app, act)
    assert TYPED not in on_disk(tmp_path) or command == "/frobnicate"


def test_a_text_with_a_command_about_accounts_below_its_first_line_is_not_said_or_kept(tmp_path: Path) -> None:
    app = among_others(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        await pasted(app, pilot, f"hello\n/login ann\n{TYPED}")
        await pilot.press("enter")
        await settle(pilot)
        app.main.tick()
        app.client.store.save()
        assert not sent(app)
        assert "put /say before it" in words(app)

    play(app, act)
    assert TYPED not in on_disk(tmp_path)


@pytest.mark.parametrize(
    "text", ["/usr/bin/env python\nprint()", "/* a comment */\nint a;", "// here\nint a;", "/ x\ny"]
)
def test_lines_that_begin_with_a_path_or_a_comment_are_said(text: str) -> None:
    assert parse(text, {}, {}) == Asked("say", {"text": text})


def test_lines_below_a_rooms_name_are_not_said() -> None:
    assert isinstance(parse("/python\nhello", {}, {"python": 1}), Misused)


@pytest.mark.parametrize("command", ["/regsiter", "/ｐａｓｓｗｏｒｄ", "/account closed"])
def test_what_is_typed_at_once_after_a_mistyped_command_is_not_said_and_later_is(command: str, tmp_path: Path) -> None:
    app = among_others(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        for line in (command, TYPED):
            app.prompt.clear()
            app.prompt.insert(line)
            await pilot.press("enter")
            app.now += BEHIND_SECONDS - 0.1
        await settle(pilot)
        assert not sent(app)
        assert thrown_away(1) in words(app)
        app.now += 0.2
        app.prompt.clear()
        app.prompt.insert("hello")
        await pilot.press("enter")
        assert sent(app) == [("python", "hello")]

    play(app, act)
    assert TYPED not in on_disk(tmp_path)


def test_a_command_ends_it_as_it_does_at_the_server(tmp_path: Path) -> None:
    app = among_others(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        for line in ("/regsiter", "/notify", "hello"):
            app.prompt.clear()
            app.prompt.insert(line)
            await pilot.press("enter")
        assert sent(app) == [("python", "hello")]

    play(app, act)


@pytest.mark.parametrize("command", ["/register", "/regsiter"])
def test_what_a_command_says_is_said_after_a_refusal_as_at_the_server(command: str, tmp_path: Path) -> None:
    app = among_others(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        for line in (command, TYPED, "/0ld password", "/say something", command, "/me waves", "hello"):
            app.prompt.clear()
            app.prompt.insert(line)
            await pilot.press("enter")
            if line == "/register":
                app.answer("register", events.Refused("register-closed", {}, text="Nobody registers here just now."))
        assert sent(app) == [("python", text) for text in ("something", "waves", "hello")]

    play(app, act)
    assert TYPED not in on_disk(tmp_path)


def test_what_is_typed_at_once_after_a_refusal_is_not_said_and_later_is(tmp_path: Path) -> None:
    app = among_others(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        app.prompt.insert("/register")
        await pilot.press("enter")
        app.now += 9
        app.answer("register", events.Refused("register-closed", {}, text="Nobody registers here just now."))
        for line in (TYPED, TYPED):
            app.prompt.insert(line)
            await pilot.press("enter")
        assert not is_form(app)
        assert not sent(app)
        app.now += 3
        app.prompt.insert("hello")
        await pilot.press("enter")
        assert sent(app) == [("python", "hello")]

    play(app, act)
    assert TYPED not in on_disk(tmp_path)


@pytest.mark.parametrize(
    ("typed", "left"), [("/frob some words", "/frob some words"), (f"/regsiter {TYPED}", "/regsiter")]
)
def test_a_refused_line_is_in_the_prompt_to_be_mended_but_for_what_may_be_a_secret(typed: str, left: str) -> None:
    app = among_others()

    async def act(pilot: Pilot) -> None:
        app.prompt.insert(typed)
        await pilot.press("enter")
        await settle(pilot)
        assert app.prompt.text == left == app.prompt.selected_text

    play(app, act)


def test_what_was_begun_before_a_line_is_edited_is_kept_without_a_secret(tmp_path: Path) -> None:
    app = among_others(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        app.tell(everything())
        room = app.client.state.rooms["python"]
        line = next(line for line in room.timeline.entries if getattr(line, "nick", "") == "ann")
        app.prompt.insert(f"/register {TYPED}")
        app.main.answering.edit(room, line)  # type: ignore[arg-type]  # it is one that was said
        assert TYPED not in on_disk(tmp_path)
        app.main.answering.end()
        assert app.prompt.text == "/register"

    play(app, act)


def test_an_alias_for_such_a_command_asks_for_a_secret_too(tmp_path: Path) -> None:
    app = among_others(store=tmp_path)

    async def act(pilot: Pilot) -> None:
        app.tell(AliasSet("in", "/register"))
        app.prompt.insert(f"/in {TYPED}")
        app.main.tick()
        app.client.store.save()
        assert TYPED not in on_disk(tmp_path)
        await settle(pilot)

    play(app, act)
