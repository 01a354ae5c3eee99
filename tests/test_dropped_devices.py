"""An account's devices, and what ends them: nothing that they had under way is done afterwards. The whole server, on virtual time."""

import pytest
import trio

from account_house import CANARY, HERE, SlowJournal, at_three_devices, holder, house_without_leaks, register, told
from chat_server.accounts import Holder


async def test_devices_are_listed_with_a_shortened_network(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        await at_three_devices(house)
        code = await told(await holder(house), "code", purpose="device")
        person = house.call("198.51.100.7")
        await person.type(f"/login ann {code['code']}")
        await person.read_until("* Welcome, ann.")
        await person.type("/devices")
        rows = await person.read_until("all but this one.")
        assert "1: program, since " in rows
        assert rows.count("here now, from 127.0.0.0/24") == 4
        listed = await told(await holder(house), "devices")
        assert [device["number"] for device in listed["devices"] if device["is_here"]] == [2, 3, 4, 5, 6]
        assert [device["number"] for device in listed["devices"] if device["is_this"]] == [6]
        assert listed["terminals"] == 1


async def test_a_device_that_is_dropped_is_logged_out_at_once_and_for_good(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        ann, phone, tablet = await at_three_devices(house)
        assert (await told(ann, "drop", device="2"))["code"] == "no-such-device", "it is this one"
        assert (await told(ann, "drop", device="99"))["code"] == "no-such-device"
        assert (await told(ann, "drop", device="x"))["code"] == "usage"
        dropped = await told(ann, "drop", device="3")
        assert (dropped["is"], dropped["devices"], dropped["sessions"]) == ("dropped", 1, 1)
        assert (await phone.rest())[-1]["why"] == "dropped"
        await tablet.ask("say", room="python", text="still here")
        assert (await ann.wait_for("said"))["text"] == "still here"


async def test_the_token_of_a_device_that_was_dropped_lets_nobody_in(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        token = (await register(house))["token"]
        ann = await holder(house)
        await told(ann, "drop", device="1")
        assert (await told(house.connect(HERE), "login", nick="ann", token=token))["code"] == "name-registered"


async def test_not_one_line_of_a_dropped_device_is_stored_after_the_answer(autojump_clock: trio.abc.Clock) -> None:
    journal = SlowJournal()
    async with house_without_leaks(journal) as house:
        ann, phone, tablet = await at_three_devices(house)
        await phone.ask("say", room="python", text="being stored just now")
        await trio.sleep(0.5)
        for program in (phone, tablet):
            for number in range(10):
                await program.ask("say", room="python", text=f"waits {number}")
        await trio.sleep(0.1)
        assert (await told(ann, "drop", device="others"))["sessions"] == 2
        stored = await journal.read("python", 1, 1000)
        assert [line.text for line in stored.lines] == ["being stored just now"]
        await trio.sleep(60)
        assert await journal.read("python", 1, 1000) == stored


async def test_a_login_that_is_going_on_while_its_device_is_dropped_is_refused(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house_without_leaks() as house:
        token = (await register(house))["token"]
        ann = await holder(house)
        found = house.server._directory.accounts.by_token

        async def slowly(digest: bytes, at: float) -> Holder | None:
            holder = await found(digest, at)
            await trio.sleep(1)
            return holder

        monkeypatch.setattr(house.server._directory.accounts, "by_token", slowly)
        late = house.connect(HERE)
        await late.ask("login", nick="ann", token=token)
        await trio.sleep(0.5)
        await told(ann, "drop", device="others")
        assert (await late.wait_for("refused"))["code"] == "changed-meanwhile"


async def test_a_new_password_ends_everything_else(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        ann, phone, tablet = await at_three_devices(house)
        assert (await told(ann, "password", new="short"))["code"] == "password-short"
        changed = await told(ann, "password", new=CANARY + " anew")
        assert (changed["is"], changed["sessions"]) == ("password-changed", 2)
        for program in (phone, tablet):
            assert (await program.rest())[-1]["why"] == "password-changed"
        assert (await told(house.connect(HERE), "login", nick="ann", password=CANARY))["code"] == "wrong-password"
        await holder(house, password=CANARY + " anew")
        listed = await told(ann, "devices")
        assert len(listed["devices"]) == 2


async def test_one_who_has_not_just_logged_in_by_it_is_asked_for_the_old_password(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        house.server._directory.authentication.now = trio.current_time
        token = (await register(house))["token"]
        await trio.sleep(700)
        by_token = await holder(house, token=token)
        new = CANARY + " anew"
        assert (await told(by_token, "password", new=new))["code"] == "wrong-password"
        assert (await told(by_token, "password", new=new, old="guess"))["code"] == "wrong-password"
        assert (await told(by_token, "password", new=new, old=CANARY))["is"] == "password-changed"
        person = house.call(HERE)
        await person.type("/login ann", new, "/password", CANARY, CANARY)
        await person.read_until("* Your password is changed. Other connections ended: 1.")
        await trio.sleep(700)
        await person.type("/password", "guess")
        await person.read_until("* Wrong name or password.")
        await person.type(CANARY, new, new + "x")
        await person.read_until("* That was not the same twice.")


async def test_an_account_that_is_to_end_is_logged_out_everywhere_and_a_login_takes_that_back(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        ann, phone, tablet = await at_three_devices(house)
        shown = await told(ann, "account")
        assert (shown["nick"], shown["devices"], shown["recovery"], shown["role"]) == ("ann", 4, 2, "member")
        answer = await told(ann, "account", ending="erase")
        assert (answer["is"], answer["days"]) == ("account-ends", 7)
        for program in (phone, tablet):
            assert (await program.rest())[-1]["why"] == "account-ends"
        assert (await ann.rest())[-1]["is"] == "logged-out"
        account = await house.server._directory.accounts.find("ann")
        assert account is not None
        assert (account.state, account.ending) == ("closing", "erase")
        again = await told(house.connect(HERE), "login", nick="ann", password=CANARY)
        assert again["last_login"]["was_ending"]
        account = await house.server._directory.accounts.find("ann")
        assert account is not None
        assert account.state == "active"


async def test_at_a_terminal_an_account_is_ended_too(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        await register(house)
        person = house.call(HERE)
        await person.type("/login ann", CANARY, "/account")
        assert "Recovery codes left: 2." in await person.read_until("says how to end it.")
        await person.type("/account anonymise")
        await person.read_until("* ann ends in 7 days.")
        assert "Goodbye" in await person.read_to_end()
        person = house.call(HERE)
        await person.type("/login ann", CANARY)
        await person.read_until("* Your account was about to end. Now it goes on.")
