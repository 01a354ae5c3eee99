"""Coming in by an account, as people and programs do, by passwords, tokens and codes: the whole server, on virtual time."""

import trio

from account_house import CANARY, HERE, holder, house_without_leaks, register, told
from chat_server.accounts import Choices, Registration
from chat_server.accounts.hashing import Argon2, Cost
from chat_server.accounts.passwords import parse_password
from chat_server.config import Config, TlsTable
from chat_server.journal.memory import MemoryJournal
from streams import open_house


async def test_a_program_logs_in_by_password_and_has_a_token_from_then_on(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        await register(house)
        program = house.connect(HERE)
        assert (await told(program, "login", nick="ann", password="another one"))["code"] == "wrong-password"
        assert (await told(program, "login", nick="nobody", password=CANARY))["code"] == "wrong-password"
        answer = await told(program, "login", nick="ANN", password=CANARY)
        assert (answer["nick"], answer["last_login"]["failed"], answer["last_login"]["networks"]) == ("ann", 1, 1)
        again = await told(house.connect(HERE), "login", nick="whoever", token=answer["token"])
        assert again["is"] == "logged-in", again
        assert again["nick"] == "ann"
        assert (await program.rest())[-1]["why"] == "taken-over", "it is the same device"


async def test_another_device_is_one_more_session_and_the_same_one_takes_over_where_it_was(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        await register(house)
        desk, phone, bob = house.connect(HERE), house.connect(HERE), house.connect()
        token = (await told(desk, "login", nick="ann", password=CANARY))["token"]
        await told(desk, "join", room="python")
        await told(phone, "login", nick="ann", password=CANARY)
        await told(phone, "join", room="python")
        await told(phone, "join", room="write")
        await bob.enter("bob", "python")
        desk_again = house.connect(HERE)
        answer = await told(desk_again, "login", nick="whoever", token=token)
        assert answer["rooms"] == ["python"]
        assert (await desk.rest())[-1]["why"] == "taken-over"
        await bob.ask("say", room="python", text="to both")
        for device in (desk_again, phone):
            assert (await device.wait_for("said"))["text"] == "to both"
        added = await told(house.connect(HERE), "login", nick="whoever", token=token, session="add")
        assert (added["rooms"], added["sessions"]) == ([], 3)


async def test_at_a_terminal_one_is_asked_for_the_password(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        await register(house)
        ann = house.call(HERE)
        await ann.type("/login ann")
        assert "ann is registered" in await ann.read_until("Password: ")
        await ann.type("wrong")
        await ann.read_until("* Wrong name or password")
        await ann.read_until("Password, or an empty line to give up: ")
        await ann.type("")
        await ann.read_until("* Log in first")
        await ann.type("/login ann", CANARY)
        welcome = await ann.read_until("/help tells more.")
        assert "Since then: 1 wrong password, from 1 network." in welcome
        assert CANARY not in welcome
        await ann.type("/login ann", CANARY)
        await ann.read_until("* You are already logged in as ann.")


async def test_what_is_typed_after_a_password_that_was_refused_is_a_password_too_and_no_line(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        house.server._directory.authentication.now = trio.current_time
        ann, bob = house.call(HERE), house.call(HERE)
        await ann.log_in("ann", "python")
        await bob.log_in("bob", "python")
        await ann.type("/register", "short", CANARY, CANARY)
        await ann.read_until("ann is your account now")
        await trio.sleep(700)
        await ann.type("/password", "guess", CANARY, "short", CANARY + "x", CANARY + "y", "", "hello")
        told_ = await ann.read_until("nothing has changed.")
        for sentence in (
            "Wrong name or password",
            "at least 8",
            "not the same twice",
            "No password: nothing has changed",
        ):
            assert sentence in told_
        await ann.type("/account close", "")
        await ann.read_until("* No password: nothing has changed.")
        assert CANARY not in await bob.read_until("ann: hello")
        assert len((await house.server._journal.read("python", 1, 9)).lines) == 1


async def test_at_a_terminal_a_wrong_code_is_told_before_one_is_asked_for_a_password(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        made = (await house.ask_as_operator("make-owner", name="ann"))[0]
        ann = house.call(HERE)
        await ann.type("/register ann AAAA-AAAA")
        assert "New password" not in await ann.read_until("* That code is wrong")
        for _ in range(3):  # to be asked counts for nothing: two accounts an hour may be made
            await ann.type(f"/register ann {made['code']}", "")
            await ann.read_until("* No password")
        await ann.type(f"/register ann {made['code']}", CANARY, CANARY)
        await ann.read_until("* You are an owner of this server now.")


async def test_at_a_terminal_one_registers_with_a_password_typed_twice(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        ann = house.call(HERE)
        await ann.log_in("ann", "python")
        await ann.type("/register", CANARY, CANARY + "x")
        await ann.read_until("* That was not the same twice.")
        await ann.read_until("New password, or an empty line to give up: ")
        await ann.type(CANARY, CANARY)
        told_ = await ann.read_until("They are not shown again.")
        assert "ann is your account now" in told_
        await ann.type("hello")
        await ann.type("/register")
        await ann.read_until("* ann is your account already.")
        await ann.type("/help")
        assert "/register" not in (await ann.read_until("/help terminal ("))
        (line,) = (await house.server._journal.read("python", 1, 9)).lines
        assert line.author


async def test_no_secret_is_asked_for_or_taken_where_somebody_may_listen(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        token = (await register(house))["token"]
        program, person = house.connect(), house.call()
        for do, fields in (
            ("login", {"nick": "ann", "password": CANARY}),
            ("login", {"nick": "ann", "token": token}),
            ("register", {"nick": "bob", "password": CANARY}),
        ):
            assert (await told(program, do, **fields))["code"] == "no-secrets-here"
        await person.type("/login ann")
        await person.read_until("* A password can be read on the way here")
        await person.type("/login bob")
        await person.read_until("* Welcome, bob.")
        await person.type("/register")
        await person.read_until("* A password can be read on the way here")
    async with open_house(Config(tls=TlsTable(require="none"))) as house:
        assert (await told(house.connect(), "register", nick="ann", password=CANARY))["is"] == "registered"


async def test_nobody_locks_an_owner_out(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks(registration="open") as house:
        house.server._directory.authentication.now = trio.current_time
        await register(house)
        codes = set()
        for minute in range(60):
            for host in range(1, 10):
                attacker = house.connect(f"127.9.{minute % 7}.{host}")
                codes.add((await told(attacker, "login", nick="ann", password="guess"))["code"])
                await attacker.stream.aclose()
            await trio.sleep(60)
            if minute % 10 == 9:
                began = trio.current_time()
                owner = house.connect(HERE)
                answer = await told(owner, "login", nick="ann", password=CANARY)
                assert answer["is"] == "logged-in"
                assert answer["last_login"]["failed"] > 50
                assert trio.current_time() - began < 1
                await owner.log_out()
        assert codes == {"wrong-password"}


async def test_one_network_guesses_a_few_times_and_then_once_a_minute(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        house.server._directory.authentication.now = trio.current_time
        await register(house)
        attacker = house.connect("127.9.9.9")
        codes = [(await told(attacker, "login", nick="ann", password=f"guess {n}"))["code"] for n in range(8)]
        assert codes == ["wrong-password"] * 5 + ["too-many-tries"] * 3
        await trio.sleep(60)
        assert (await told(attacker, "login", nick="ann", password="guess"))["code"] == "wrong-password"


async def test_failed_tries_outlast_the_server(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    async with house_without_leaks(journal) as house:
        await register(house)
        for _ in range(5):
            await told(house.connect("127.9.9.9"), "login", nick="ann", password="guess")
    journal._is_closed = False
    async with house_without_leaks(journal) as house:
        attacker = house.connect("127.9.9.9")
        assert (await told(attacker, "login", nick="ann", password="guess"))["code"] == "too-many-tries"


async def test_the_name_of_an_account_is_changed_on_all_its_sessions_and_the_old_one_kept_from_others(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_without_leaks() as house:
        await register(house)
        await register(house, "bob")
        desk, phone = house.connect(HERE), house.connect(HERE)
        for device in (desk, phone):
            await told(device, "login", nick="ann", password=CANARY)
        for taken in ("bob", "BOB"):
            assert (await told(desk, "nick", nick=taken))["code"] == "name-registered"
        assert (await told(desk, "nick", nick="anna"))["new"] == "anna"
        assert (await phone.wait_for("renamed"))["new"] == "anna"
        guest = house.connect(HERE)
        assert (await told(guest, "login", nick="ann"))["code"] == "name-kept"
        assert (await told(guest, "login", nick="anna"))["code"] == "name-registered"
        assert (await told(guest, "login", nick="carol"))["is"] == "logged-in"
        assert (await told(guest, "nick", nick="anna"))["code"] == "name-registered"
        assert (await told(phone, "nick", nick="Ann"))["new"] == "Ann"
        await desk.ask("logout")
        await phone.log_out()
        assert (await told(house.connect(HERE), "login", nick="ann", password=CANARY))["nick"] == "Ann"


async def test_a_new_name_that_cannot_be_stored_is_not_taken(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    async with house_without_leaks(journal) as house:
        await register(house)
        ann = house.connect(HERE)
        await told(ann, "login", nick="ann", password=CANARY)
        journal._is_closed = True
        assert (await told(ann, "nick", nick="anna"))["code"] == "cannot-store"
        journal._is_closed = False
        assert (await told(house.connect(HERE), "login", nick="anna"))["is"] == "logged-in"


async def test_a_code_lets_one_in_once_wherever_somebody_may_listen(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        await register(house)
        ann = await holder(house)
        made = await told(ann, "code", purpose="device")
        assert (made["is"], made["minutes"]) == ("code-made", 10)
        assert made["text"] == f"Within 10 minutes, and once: /login ann {made['code']}"
        person = house.call()
        await person.type(f"/login ANN {made['code'].lower().replace('-', '').replace('0', 'o').replace('1', 'l')}")
        await person.read_until("* Welcome, ann.")
        await person.type("/join python", "it is me")
        await ann.ask("join", room="python")
        await person.read_until("\r\n")
        program = house.connect()
        assert (await told(program, "login", nick="ann", code=made["code"]))["code"] == "wrong-code"
        made, devices = await told(ann, "code", purpose="device"), (await told(ann, "devices"))["devices"]
        answer = await told(program, "login", nick="ann", code=made["code"])
        assert (answer["is"], answer["token"]) == ("logged-in", ""), "whoever listens is told nothing that lasts"
        assert len((await told(ann, "devices"))["devices"]) == len(devices)
        made, here = await told(ann, "code", purpose="device"), house.connect(HERE)
        answer = await told(here, "login", nick="ann", code=made["code"])
        assert (answer["is"], len(answer["token"])) == ("logged-in", 22)


async def test_a_code_is_good_for_ten_minutes_and_a_new_one_takes_its_place(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        house.server._directory.authentication.now = trio.current_time
        await register(house)
        ann, other = await holder(house), house.connect()
        old = (await told(ann, "code", purpose="device"))["code"]
        new = (await told(ann, "code", purpose="device"))["code"]
        assert (await told(other, "login", nick="ann", code=old))["code"] == "wrong-code"
        await trio.sleep(599)
        assert (await told(house.connect(), "login", nick="bob", code=new))["code"] == "not-registered"
        await trio.sleep(2)
        assert (await told(house.connect(), "login", nick="ann", code=new))["code"] == "wrong-code"


async def test_after_five_wrong_codes_from_wherever_a_new_one_has_to_be_made(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        house.server._directory.authentication.now = trio.current_time
        await register(house)
        ann = await holder(house)
        code = (await told(ann, "code", purpose="device"))["code"]
        await trio.sleep(1)
        for host in range(5):
            attacker = house.connect(f"198.51.100.{host}")
            assert (await told(attacker, "login", nick="ann", code="AAAA-AAAA"))["code"] == "wrong-code"
        assert (await told(house.connect(), "login", nick="ann", code=code))["code"] == "wrong-code"
        await trio.sleep(1)
        code = (await told(ann, "code", purpose="device"))["code"]
        assert (await told(house.connect(), "login", nick="ann", code=code))["is"] == "logged-in"


async def test_a_recovery_code_is_a_secret_and_lets_one_in_once(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        first, second = (await register(house))["recovery"]
        assert (await told(house.connect(), "login", nick="ann", code=first))["code"] == "no-secrets-here"
        assert (await told(house.connect(HERE), "login", nick="ann", code=first))["is"] == "logged-in"
        assert (await told(house.connect(HERE), "login", nick="ann", code=first))["code"] == "wrong-code"
        person = house.call(HERE)
        await person.type(f"/login ann {second}")
        await person.read_until("* Welcome, ann.")


async def test_whoever_is_invited_registers_by_the_code_once(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks(registration="invite", invitations="all") as house:
        store = house.server._directory.accounts
        await store.register(Registration("ann", "ann", Argon2(Cost(1, 64)).hashed(parse_password(CANARY))), 0)
        ann = await holder(house)
        invited = await told(ann, "code", purpose="invite")
        assert invited["hours"] == 24
        bob = house.call(HERE)
        await bob.type("/register bob")
        await bob.read_until("* Whoever makes an account here is invited: ask for a code, then /register bob CODE.")
        await bob.type(f"/register bob {invited['code']}", CANARY, CANARY)
        await bob.read_until("* bob is your account now")
        assert (await register(house, "carol", invite=invited["code"]))["code"] == "wrong-code"
        made = await store.find("bob")
        inviter = await store.find("ann")
        assert made is not None
        assert inviter is not None
        assert made.invited_by == inviter.id


async def test_who_may_invite_is_a_setting(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        await register(house)
        ann = await holder(house)
        assert (await told(ann, "code", purpose="invite"))["code"] == "owners-invite"
        await house.ask_as_operator("give-role", name="ann", role="admin")
        await ann.log_out()
        assert (await told(await holder(house), "code", purpose="invite"))["is"] == "invited"


async def test_guests_make_no_codes(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        guest = house.connect()
        await guest.enter("bob")
        assert (await told(guest, "code", purpose="device"))["code"] == "account-needed"


async def test_what_one_has_chosen_is_in_force_at_the_next_login(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    async with house_without_leaks(journal) as house:
        ann = house.call(HERE)
        await ann.type("/wrap 56", "/login ann", "/time Asia/Tokyo", "/register", CANARY, CANARY)
        await ann.read_until("again.")
        await ann.type("/history 7", "/plain", "/lang zh", "/colour on", "/logout")
        await ann.read_to_end()
    journal._is_closed = False
    async with house_without_leaks(journal) as house:
        again = house.call(HERE)
        await again.type("/login ann", CANARY)
        await again.type("/time", "/history", "/wrap", "/plain", "/logout")
        told_ = await again.read_to_end()
        assert "Asia/Tokyo" in told_
        assert "7" in told_
        assert "56" in told_
        program = await holder(house)
        assert (await told(program, "lang"))["value"] == "zh"


async def test_what_holds_at_a_terminal_holds_at_no_other_kind_of_door(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        await register(house)
        ann = house.call(HERE)
        await ann.type("/login ann", CANARY, "/charset gbk", "/logout")
        await ann.read_to_end()
        account = await house.server._directory.accounts.find("ann")
        assert account is not None
        assert account.choices == {"text": {"charset": "gbk"}}


async def test_what_was_chosen_just_before_the_login_is_stronger(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        await register(house)
        ann = house.call(HERE)
        await ann.type("/login ann", CANARY, "/wrap 56", "/plain off", "/logout")
        await ann.read_to_end()
        again = house.call(HERE)
        await again.type("/wrap 88", "/login ann plain", CANARY, "/wrap", "/plain off", "/logout")
        told_ = await again.read_to_end()
        assert "for 88 columns" in told_
        assert "for 56 columns" not in told_


async def test_choices_of_another_release_that_cannot_be_are_left_out(autojump_clock: trio.abc.Clock) -> None:
    async with house_without_leaks() as house:
        await register(house)
        store = house.server._directory.accounts
        account = await store.find("ann")
        assert account is not None
        odd: Choices = {
            "": {"language": "xx", "zone": "Nowhere/Else", "history": -3, "new": 1},
            "text": {"charset": "morse", "wrap": 7, "plain": "yes", "mode": "poetry", "colour": True},
            "vr": {"depth": 3},
        }
        await store.add_choices(account.id, odd)
        ann = house.call(HERE)
        await ann.type("/login ann", CANARY, "/charset", "/wrap", "/time", "/logout")
        told_ = await ann.read_to_end()
        assert "Your text is read and written in utf-8." in told_
        assert "Goodbye." in told_


async def test_a_choice_that_cannot_be_stored_is_in_force_all_the_same(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    async with house_without_leaks(journal) as house:
        await register(house)
        ann = house.call(HERE)
        await ann.type("/login ann", CANARY)
        await ann.read_until("* Welcome")
        journal._is_closed = True
        await ann.type("/wrap 88")
        await ann.read_until("for 88 columns.")
        await ann.read_until("* That holds for now, but could not be stored")
