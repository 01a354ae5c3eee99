"""Codes for one's own account, what a device is called, and what is said before a password is typed, with the whole server on virtual time."""

import pytest
import trio

from account_house import CANARY, HERE, holder, house_without_leaks, register, told

SHOWN = "* Your program shows what you type, a password too. telnet and chat-tui do not."


async def test_new_recovery_codes_end_the_earlier_ones(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        old = (await register(house))["recovery"]
        ann = await holder(house)
        made = await told(ann, "code", purpose="recovery")
        assert (made["is"], len({*made["recovery"], *old})) == ("recovery-made", 4)
        assert ", ".join(made["recovery"]) in made["text"]
        assert (await told(house.connect(HERE), "login", nick="ann", code=old[0]))["code"] == "wrong-code"
        for code in made["recovery"]:
            assert (await told(house.connect(HERE), "login", nick="ann", code=code))["is"] == "logged-in"


async def test_who_has_not_just_logged_in_by_password_needs_it_for_new_recovery_codes(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        token = (await register(house))["token"]
        ann = await holder(house, token=token)
        assert (await told(ann, "code", purpose="recovery"))["code"] == "wrong-password"
        assert (await told(ann, "code", purpose="recovery", password=CANARY))["is"] == "recovery-made"
        far = house.connect()
        code = (await told(ann, "code", purpose="device"))["code"]
        assert (await told(far, "login", nick="ann", code=code))["is"] == "logged-in"
        assert (await told(far, "code", purpose="recovery"))["code"] == "no-secrets-here"


async def test_at_a_terminal_recovery_codes_are_made_after_the_password(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        house.server._directory.authentication.now = trio.current_time
        await register(house)
        ann = house.call(HERE)
        await ann.type("/login ann", CANARY)
        await ann.read_until("/help tells more.")
        await trio.sleep(601)
        await ann.type("/code recovery")
        await ann.read_until("Password: ")
        await ann.type(CANARY)
        await ann.read_until("each of these lets you in once: ")


async def test_whoever_s_program_shows_what_is_typed_is_told_so_before_a_password(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        await register(house)
        ann = house.call(HERE)
        await ann.type("/login ann")
        asked = await ann.read_until("Password: ")
        assert asked.endswith(f"{SHOWN}\r\nPassword: "), asked
        assert "\xff" not in asked, "nothing of telnet is sent to who does not speak it"
        bob = house.call(HERE)
        await bob.log_in("bob", "python")
        await bob.type("/register")
        assert SHOWN in await bob.read_until("New password: ")
        await bob.type(CANARY)
        assert SHOWN not in await bob.read_until("The same once more: "), "said once"


async def test_whoever_changes_a_password_is_told_once_that_it_is_shown(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        house.server._directory.authentication.now = trio.current_time
        await register(house)
        ann = house.call(HERE)
        await ann.type("/login ann", CANARY)
        await ann.read_until("/help tells more.")
        await ann.type("/password")
        assert SHOWN in await ann.read_until("New password: "), "who has just logged in is asked for this alone"
        await ann.type("")
        await trio.sleep(601)
        await ann.type("/password")
        assert SHOWN in await ann.read_until("Password: ")
        await ann.type(CANARY)
        assert SHOWN not in await ann.read_until("New password: ")


@pytest.mark.parametrize(
    ("said", "asked", "shown"),
    [
        ("chat-tui 0.2.0", "", "chat-tui 0.2.0"),
        ("chat-tui 0.2.0", "the kitchen", "the kitchen"),
        ("", "", "program"),
        ("  ", "\u202ered", "program"),
    ],
)
async def test_a_device_is_called_as_its_program_calls_itself(
    said: str, asked: str, shown: str, autojump_clock: trio.abc.Clock
) -> None:
    async with house_without_leaks() as house:
        await register(house)
        ann = house.connect(HERE)
        await told(ann, "hello", protocol=2, program=said)
        if "\u202e" in asked:
            assert (await told(ann, "login", nick="ann", password=CANARY, device=asked))["code"] == "wrong-field"
            asked = ""
        await told(ann, "login", nick="ann", password=CANARY, device=asked)
        *_, last = (await told(ann, "devices"))["devices"]
        assert last["name"] == shown
        code = (await told(ann, "code", purpose="device"))["code"]
        other = house.connect(HERE)
        await told(other, "hello", protocol=2, program=said)
        await told(other, "login", nick="ann", code=code, device=asked)
        assert [one["name"] for one in (await told(ann, "devices"))["devices"][1:]] == [shown, shown]


async def test_a_program_sends_a_password_as_long_as_one_may_be(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        password = "correct horse " * 18
        assert (await told(house.connect(HERE), "register", nick="ann", password=password))["is"] == "registered"
        assert (await told(house.connect(HERE), "login", nick="ann", password=password))["is"] == "logged-in"
        wrong = await told(house.connect(HERE), "login", nick="ann", password="x" * 1025)
        assert wrong["code"] == "wrong-field"
