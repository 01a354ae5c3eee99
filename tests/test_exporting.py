"""What somebody with an account takes along of what is kept of them, with the whole server on virtual time."""

import json
from typing import Any

import trio

from account_house import CANARY, HERE, holder, house_without_leaks, register, told
from chat_server.accounts import OwnLines
from chat_server.config import Config
from chat_server.journal import JournalError
from chat_server.protocol.amending import reaction_of
from chat_server.protocol.entries import Entry, Said
from streams import Program
from test_bots import heard, house_with_ann, make_bot


async def exported(program: Program) -> list[dict[str, Any]]:
    """Everything that answers an export."""
    await program.ask("export", ref=7)
    events: list[dict[str, Any]] = []
    while not events or events[-1]["is"] not in {"exported", "refused"}:
        event = await program.read()
        if event.get("ref") == 7:
            events.append(event)
    return events


async def say(program: Program, room: str, *texts: str) -> None:
    for text in texts:
        await program.ask("say", room=room, text=text)
        while (await heard(program))["text"] != text:
            pass


async def test_an_export_has_the_account_its_devices_its_choices_and_all_its_lines_and_no_secret(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_with_ann() as (house, ann):
        token = (await make_bot(ann, rooms="python"))["token"]
        code = (await told(ann, "code", purpose="device"))["code"]
        bob = house.connect()
        await bob.enter("bob", "python")
        await say(bob, "python", "not ann's")
        await told(ann, "time", zone="Europe/Berlin")
        await told(ann, "join", room="dev")
        await say(ann, "python", *(f"line {number}" for number in range(60)))
        await say(ann, "dev", "elsewhere")
        events = await exported(ann)
        assert [event["is"] for event in events] == [
            "account-shown", "devices-listed", *["own-lines"] * 2, "exported",
        ]  # fmt: skip
        assert events[0]["nick"] == "ann"
        assert [(one["kind"], one["name"]) for one in events[1]["devices"]][-1] == ("bot", "dice")
        lines = [line for event in events[2:-1] for line in event["lines"]]
        assert [(line["room"], line["text"]) for line in lines] == [
            ("dev", "made this room, and owns it"),
            *(("python", f"line {number}") for number in range(60)), ("dev", "elsewhere"),
        ]  # fmt: skip
        assert (events[-1]["lines"], events[-1]["choices"]) == (62, {"": {"zone": "Europe/Berlin"}})
        everything = json.dumps(events)
        assert not [secret for secret in (token, code, CANARY, "argon2", "digest") if secret in everything]


async def test_at_a_terminal_an_export_is_read(autojump_clock: trio.abc.Clock) -> None:
    async with house_with_ann() as (house, ann):
        await say(ann, "python", "hello")
        person = house.call(HERE)
        await person.type("/login ann", CANARY, "/time UTC", "/export")
        shown = await person.read_until("what you have chosen: zone = UTC")
        assert "* ann, since " in shown
        assert "\r\npython #1 20" in shown
        assert " ann: hello\r\n* That is everything: your account, your devices, 2 lines of yours" in shown


async def test_where_nothing_was_chosen_an_export_says_so(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        await register(house)
        person = house.call(HERE)
        await person.type("/login ann", CANARY, "/export")
        await person.read_until("and what you have chosen: nothing\r\n")
        ann = await holder(house)
        assert (await exported(ann))[-1]["chosen"] == []


async def test_everything_can_be_had_three_times_a_day(autojump_clock: trio.abc.Clock) -> None:
    async with house_with_ann() as (house, ann):
        for _ in range(3):
            assert (await exported(ann))[-1]["is"] == "exported"
        (refused,) = await exported(ann)
        assert refused["code"] == "exported-lately"
        assert (await exported(await holder(house)))[0]["code"] == "exported-lately", "it counts for the account"
        later = trio.current_time() + 86400
        house.server._directory.authentication.now = lambda: later
        assert (await exported(await holder(house)))[-1]["is"] == "exported"


async def test_who_cannot_be_given_their_lines_is_told_so_and_it_does_not_count(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_with_ann() as (house, ann):
        lines_of = house.server._directory.accounts.lines_of

        async def fail(*_: object) -> None:
            raise JournalError("the disk is away")

        for _ in range(4):
            house.server._directory.accounts.lines_of = fail  # type: ignore[method-assign, assignment]
            assert (await exported(ann))[-1]["code"] == "cannot-read"
        house.server._directory.accounts.lines_of = lines_of  # type: ignore[method-assign]
        assert (await exported(ann))[-1]["is"] == "exported"


async def test_guests_and_bots_have_nothing_to_take_along(autojump_clock: trio.abc.Clock) -> None:
    async with house_with_ann() as (house, ann):
        token = (await make_bot(ann))["token"]
        bot, guest = house.connect(HERE), house.connect()
        await told(bot, "login", nick="x", token=token)
        assert (await told(bot, "export"))["code"] == "not-for-bots"
        await told(guest, "login", nick="bob")
        assert (await told(guest, "export"))["code"] == "account-needed"


async def test_a_long_export_goes_at_the_pace_of_whoever_asks_and_holds_up_nobody(
    autojump_clock: trio.abc.Clock,
) -> None:
    crowd = (reaction_of("\N{THUMBS UP SIGN}", [(f"{'x' * 20}{number}", 0) for number in range(100)]),) * 5
    lines: list[Entry] = [
        Said("python", number, 1.0, "ann", "x" * 3000, 4711, reactions=crowd) for number in range(1, 201)
    ]

    async def many(_: int, after: int, limit: int) -> OwnLines:
        return OwnLines(lines[:limit], after + 1 if after < 9 else None)

    async with house_with_ann() as (house, ann):
        house.server._directory.accounts.lines_of = many  # type: ignore[method-assign, assignment]
        bob = house.connect()
        await bob.enter("bob", "write")
        began, waits = trio.current_time(), []
        await ann.ask("export")
        count = 0
        while (event := await ann.read())["is"] != "exported":
            if event["is"] == "own-lines":
                count += len(event["lines"])
                assert len(str(event)) < Config().limits.waiting_bytes // 4
            asked = trio.current_time()
            await told(bob, "topic", room="write")
            waits.append(trio.current_time() - asked)
        assert count == event["lines"] == 2000
        assert trio.current_time() - began > 60, "six megabytes are worth 370 lines, and 4 a second may be said"
        assert max(waits) < 1
