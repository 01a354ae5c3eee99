"""Bots: named tokens, what they may, where they may be and for how long, and how what they say is marked. The whole server on virtual time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from account_house import CANARY, HERE, holder, house_without_leaks, register, told
from chat_server.accounts import Code, Purpose
from chat_server.accounts.credentials import is_for_bots, is_whole, new_bot_token, new_code, parse_code
from chat_server.journal.batch_codec import decode, encode
from chat_server.journal.export_lines import read_line, write_line
from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.entries import KINDS, Said
from chat_server.protocol.runs import RunTexts, SaidRun, in_runs
from streams import House, Program

DAY = 86400


@asynccontextmanager
async def house_with_ann(journal: MemoryJournal | None = None) -> AsyncIterator[tuple[House, Program]]:
    """A server where ann has an account, and is in python by a program."""
    async with house_without_leaks(journal) as house:
        house.server._directory.authentication.now = trio.current_time
        await register(house)
        ann = await holder(house)
        for room in ("dev", "python"):
            await told(ann, "create", room=room)
        await told(ann, "join", room="python")
        yield house, ann


async def make_bot(ann: Program, name: str = "dice", **limits: Any) -> dict[str, Any]:
    made = await told(ann, "code", purpose="bot", name=name, **limits)
    assert made["is"] == "bot-made", made
    return made


async def bot_of(house: House, token: str) -> Program:
    bot = house.connect(HERE)
    answer = await told(bot, "login", nick="x", token=token)
    assert (answer["is"], answer["nick"]) == ("logged-in", "ann"), answer
    return bot


async def heard(program: Program, tag: str = "said") -> dict[str, Any]:
    while (event := await program.read())["is"] != tag:
        pass
    return event


@given(st.integers(0, 30), st.characters(codec="ascii"))
def test_a_token_that_was_mistyped_or_cut_is_known_for_it(place: int, other: str) -> None:
    token = new_bot_token()
    assert len(token) == 31
    assert token.startswith("ct_")
    assert is_whole(token)
    changed = token[:place] + other + token[place + 1 :]
    assert is_whole(changed) is (changed == token)
    assert not is_whole(token[:place])
    assert not is_for_bots("ct_" + "x" * 19), "a program may have made that for itself"


async def test_a_bot_logs_in_by_its_token_and_is_listed(autojump_clock: trio.abc.Clock) -> None:
    async with house_with_ann() as (house, ann):
        made = await make_bot(ann, rooms="python", days=30)
        assert made["token"] in made["text"]
        *_, listed = (await told(ann, "devices"))["devices"]
        assert (listed["name"], listed["kind"], listed["rooms"], listed["network"]) == ("dice", "bot", ["python"], "")
        assert listed["ends"] == pytest.approx(trio.current_time() + 30 * DAY, abs=60)
        assert "token" not in listed
        bot = await bot_of(house, made["token"])
        *_, listed = (await told(ann, "devices"))["devices"]
        assert (listed["number"], listed["is_here"], listed["network"]) == (made["number"], True, "127.0.0.0/24")
        assert (await told(ann, "code", purpose="bot", name="DICE"))["code"] == "name-taken"
        assert made["token"] not in repr(house.server._journal)
        del bot


async def test_what_a_bot_says_is_marked_for_everybody_and_stays_so(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    async with house_with_ann(journal) as (house, ann):
        bot = await bot_of(house, (await make_bot(ann))["token"])
        await told(bot, "join", room="python")
        person = house.call()
        await person.log_in("bob", "python")
        await bot.ask("say", room="python", text="four")
        assert (await heard(ann))["bot"] is True
        await person.read_until("ann[bot]: four")
        await bot.ask("notice", room="python", text="five")
        await person.read_until("- ann[bot]: five")
        for text in ("six", "seven"):  # in one piece, so that they come as a run
            await bot.stream.send_all(b'{"do":"say","room":"python","text":"%s"}\n' % text.encode() * 2)
        await person.read_until("ann[bot]: seven\r\nann[bot]: seven")
        await ann.ask("say", room="python", text="mine")
        assert "[bot]" not in await person.read_until("ann: mine")
        await person.type("/last 9")
        page = await person.read_until("Lines 1")
        assert page.count("ann[bot]: ") == 6
        shown = await told(ann, "last", room="python", count=20)
        assert [line.get("bot", False) for line in shown["lines"]] == [True] * 6 + [False]
        newcomer = house.call()
        await newcomer.log_in("zed", "python")
        assert (await newcomer.read_until("--- now")).count("ann[bot]: ") == 6
    async with house_without_leaks(journal) as house:
        again = house.connect()
        await told(again, "login", nick="zed")
        await again.ask("resume", rooms={"python": 0})
        lines = (await heard(again, "page"))["lines"]
        assert [line.get("bot", False) for line in lines] == [True] * 6 + [False]


@pytest.mark.parametrize("kind", KINDS)
def test_the_mark_is_kept_with_every_kind_of_line_and_survives_an_export(kind: type[Said]) -> None:
    lines = [kind("python", 1, 2.0, "ann", "x", 4711, bot=True), kind("python", 2, 2.0, "ann", "y", 4711)]
    assert decode(encode(lines), "python", 1, 2.0, authors="[4711,4711]") == lines
    assert [read_line(write_line(line)) for line in lines] == lines


def test_a_run_of_a_bots_is_stored_as_its_lines_are() -> None:
    run = SaidRun("python", 1, [2.0, 2.0], "ann", RunTexts.of(["x", "y"]), 4711, bot=True)
    assert encode(in_runs([run], 2)) == encode(list(run))
    assert b"bot" not in encode(in_runs([SaidRun("python", 1, [2.0, 2.0], "ann", RunTexts.of(["x", "y"]), 4711)], 2))


async def test_a_bot_may_not_be_elsewhere_than_its_token_says(autojump_clock: trio.abc.Clock) -> None:
    async with house_with_ann() as (house, ann):
        await told(ann, "join", room="dev")
        await ann.ask("say", room="dev", text="secret plans")
        await heard(ann)
        bot = await bot_of(house, (await make_bot(ann, rooms="PYTHON"))["token"])
        refused = await told(bot, "join", room="dev")
        assert (refused["code"], refused["text"]) == (
            "bot-elsewhere",
            "This bot's token is not for dev. /code bot makes one that is.",
        )
        assert (await told(bot, "say", room="dev", text="x"))["code"] == "not-in-room"
        assert (await told(bot, "resume", rooms={"dev": 0}))["code"] == "bot-elsewhere"
        assert (await told(bot, "create", room="mine"))["code"] == "bot-elsewhere"
        assert (await told(bot, "join", room="python"))["is"] == "entered"
        found = await told(bot, "search", room="python", words="secret", everywhere=True)
        assert (found["rooms"], found["room"]) == ([], "python")
        other = await bot_of(house, (await make_bot(ann, "other", rooms="python,pm"))["token"])
        assert (await told(other, "search", words="secret"))["room"] == ""
        everywhere = await bot_of(house, (await make_bot(ann, "free"))["token"])
        assert (await told(everywhere, "join", room="dev"))["is"] == "entered"
        assert (await told(ann, "code", purpose="bot", name="y", rooms="python,nowhere"))["code"] == "no-such-room"


async def test_a_token_is_for_so_many_rooms_and_days_at_most(autojump_clock: trio.abc.Clock) -> None:
    async with house_with_ann() as (_, ann):
        limits: dict[str, Any]
        for limits, code in (
            ({"rooms": ",".join(["python"] * 21)}, "too-many-rooms"),
            ({"rooms": "," * 661}, "wrong-field"),
            ({"rooms": ",".join(["x" * 32] * 20)}, "no-such-room"),
            ({"days": 3651}, "wrong-field"),
            ({"days": 0}, "wrong-field"),
        ):
            assert (await told(ann, "code", purpose="bot", name="dice", **limits))["code"] == code
        for number in range(23):  # two programs of ann's are devices, too
            await make_bot(ann, f"dice{number}", rooms=",".join(["python"] * 20), days=3650)
        assert (await told(ann, "code", purpose="bot", name="more"))["code"] == "too-many-devices"


async def test_a_token_follows_its_room_to_another_name(autojump_clock: trio.abc.Clock) -> None:
    async with house_with_ann() as (house, ann):
        token = (await make_bot(ann, rooms="python"))["token"]
        bot = await bot_of(house, token)
        await house.ask_as_operator("rename-room", room="python", name="snakes")
        assert (await told(bot, "join", room="snakes"))["is"] == "entered"
        await bot.wait_for("recalled")  # that it has another name
        await told(ann, "create", room="python")
        assert (await told(bot, "join", room="python"))["code"] == "bot-elsewhere"


async def test_a_bot_that_is_dropped_is_gone_at_once_and_comes_back_no_more(autojump_clock: trio.abc.Clock) -> None:
    async with house_with_ann() as (house, ann):
        made = await make_bot(ann)
        bot = await bot_of(house, made["token"])
        await told(bot, "join", room="python")
        await bot.stream.send_all(b'{"do":"say","room":"python","text":"late"}\n' * 50)
        dropped = await told(ann, "drop", device=str(made["number"]))
        assert (dropped["is"], dropped["sessions"]) == ("dropped", 1)
        last = house.server._directory.room("python")
        assert last is not None
        stored = (await house.server._journal.read("python", 1, 999)).lines
        assert (await bot.rest())[-1]["why"] == "dropped"
        assert (await house.server._journal.read("python", 1, 999)).lines == stored
        refused = await told(house.connect(HERE), "login", nick="zed", token=made["token"])
        assert refused["code"] == "wrong-token"
        assert "has ended, was dropped" in refused["text"]


async def test_when_its_days_are_over_a_bot_is_logged_out_however_busy_and_comes_back_no_more(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_with_ann() as (house, ann):
        token = (await make_bot(ann, days=1))["token"]
        made_at = trio.current_time()
        house.server._directory.authentication.now = lambda: trio.current_time() + DAY - 600
        bot = await bot_of(house, token)
        with suppress(trio.BrokenResourceError):
            while trio.current_time() < made_at + DAY:
                await bot.ask("rooms")
                await bot.read()
                await trio.sleep(20)
        assert trio.current_time() - made_at == pytest.approx(600, abs=60)
        last = (await bot.rest())[-1]
        assert (last["is"], last["why"]) == ("dismissed", "token-ended")
        refused = await told(house.connect(HERE), "login", nick="ann", token=token)
        assert (refused["code"], "it has ended" in refused["text"]) == ("wrong-token", True)


async def test_a_bot_cannot_take_the_account_nor_change_it(autojump_clock: trio.abc.Clock) -> None:
    async with house_with_ann() as (house, ann):
        bot = await bot_of(house, (await make_bot(ann))["token"])
        for do, fields in (
            ("code", {"purpose": "device"}),
            ("code", {"purpose": "bot", "name": "other"}),
            ("devices", {}),
            ("drop", {"device": "others"}),
            ("password", {"old": CANARY, "new": "another long one"}),
            ("account", {}),
            ("nick", {"nick": "anna"}),
            ("time", {"zone": "Asia/Tokyo"}),
            ("history", {"count": 3}),
        ):
            refused = await told(bot, do, **fields)
            assert (refused["code"], refused["text"]) == ("not-for-bots", f"/{do} is for people, not for bots.")
        assert (await told(bot, "lang", language="zh"))["is"] == "chosen"
        assert (await told(ann, "nick", nick="ann"))["text"].startswith("Your nickname is already"), "still in English"


async def test_what_a_bot_chose_before_it_logged_in_is_not_its_persons_choice(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_with_ann() as (house, ann):
        token = (await make_bot(ann))["token"]
        bot = house.connect(HERE)
        await told(bot, "lang", language="zh")
        await told(bot, "time", zone="Asia/Tokyo")
        assert (await told(bot, "login", nick="x", token=token))["is"] == "logged-in"
        person = house.server._directory.person("ann")
        assert person is not None
        assert (person.language, person.zone) == ("", "")
        account = await house.server._directory.accounts.find("ann")
        assert account is not None
        assert account.choices == {}


@pytest.mark.parametrize("is_gone", [False, True])
async def test_a_bot_reads_for_nobody(is_gone: bool, autojump_clock: trio.abc.Clock) -> None:
    async with house_with_ann() as (house, ann):
        bot = await bot_of(house, (await make_bot(ann))["token"])
        await told(bot, "join", room="python")
        await ann.log_out()
        bob = house.connect()
        await bob.enter("bob", "python")
        await bob.ask("say", room="python", text="what ann misses")
        await heard(bot)
        if is_gone:
            await told(bot, "back", room="python")
        again = await holder(house)
        await again.ask("join", room="python")
        recalled = await heard(again, "recalled")
        assert (recalled["missed"], recalled["lines"][-1]["text"]) == (1, "what ann misses")


async def test_a_cut_token_is_no_guests(autojump_clock: trio.abc.Clock) -> None:
    async with house_with_ann() as (house, ann):
        token = (await make_bot(ann))["token"]
        for wrong in (token[:-1], token[:-1] + "!" if token[-1] != "!" else token, token + "x"):
            answer = await told(house.connect(HERE), "login", nick="zed", token=wrong)
            assert answer["code"] in {"wrong-token", "wrong-field"}
        assert (await told(house.connect(), "login", nick="zed", token=token))["code"] == "no-secrets-here"


async def test_whoever_comes_by_a_code_for_some_rooms_is_in_them(autojump_clock: trio.abc.Clock) -> None:
    async with house_with_ann() as (house, _):
        accounts = house.server._directory.accounts
        account = accounts.names.holder("ann")
        codes = [new_code() for _ in range(3)]
        purposes: tuple[tuple[Purpose, int], ...] = (("device", account), ("invite", 0), ("invite", 0))
        await accounts.make_codes(
            [
                Code(code.digest, purpose, trio.current_time(), None, whose, made_by=account, rooms=("dev", "python"))
                for code, (purpose, whose) in zip(codes, purposes, strict=True)
            ]
        )
        program = house.connect(HERE)
        await program.ask("login", nick="ann", code=codes[0].shown)
        assert [(await heard(program, "entered"))["room"] for _ in range(2)] == ["dev", "python"]
        invited = house.connect(HERE)
        await invited.ask("register", nick="bob", password=CANARY, invite=codes[1].shown)
        assert [(await heard(invited, "entered"))["room"] for _ in range(2)] == ["dev", "python"]
        person = house.call("127.0.0.2")
        await person.type(f"/register zed {codes[2].shown}", CANARY, CANARY)
        await person.read_until("* You are in dev")
        await person.type("hello")
        await trio.testing.wait_all_tasks_blocked()
        lines = (await house.server._journal.read("dev", 1, 9)).lines
        assert [line.nick for line in lines if isinstance(line, Said)] == ["zed"]
        assert parse_code(codes[2].shown) is not None


async def test_at_a_terminal_a_bot_is_made_and_listed(autojump_clock: trio.abc.Clock) -> None:
    async with house_with_ann() as (house, _):
        person = house.call(HERE)
        await person.type("/login ann", CANARY)
        await person.read_until("/help tells more.")
        await person.type("/code bot dice python,dev 7")
        assert " ct_" in await person.read_until("ends it.")
        await person.type("/devices")
        row = await person.read_until("until ")
        assert "dice[bot], since 1970-01-01: never used; only in " in row
        await person.type("/code bot")
        await person.read_until("Missing: NAME.")
        await person.type("/code device x")
        await person.read_until('"x"')
