"""The contract of what waits for moderators, over every engine: bounds, what is left of a case, and what becomes of it when an account ends."""

import msgspec
import pytest
import trio
from msgspec.structs import replace

from account_stores import NOW, accounts, ann, registered, store
from chat_server.accounts import Accounts, case_bounds
from chat_server.accounts.acts import ServerAct
from chat_server.accounts.case_bounds import BOUNDS, CASES_MAX, Bound, refusal_of, taken_of
from chat_server.accounts.cases import DAY, KEPT_SECONDS, Case, Closed, Closing, NotTaken, Waiting, Wanted
from chat_server.journal import case_rows
from chat_server.journal.engines import Store
from chat_server.protocol.acts import Muted
from journals import begun, place

__all__ = ["accounts", "begun", "place", "store"]

REPORT = Case("report", NOW, "python", "bob", "token:bob", whom="eve", of=7, text="rude", why="see")
HELD = Case("held", NOW, "python", "eve", "token:eve", text="look: www", word="say", key="k1")


async def added(accounts: Accounts, case: Case) -> Case:
    stored = await accounts.cases.add(case)
    assert isinstance(stored, Case), stored
    return stored


async def closed(accounts: Accounts, case: Case, by: Closing | None = None) -> Closed:
    done = await accounts.cases.close(case.number, [case.kind], by or Closing("mod", 0, NOW))
    assert done is not None
    return done


async def test_a_case_waits_until_somebody_closes_it_and_then_nothing_of_what_was_written_is_left(
    accounts: Accounts,
) -> None:
    report, held = await added(accounts, REPORT), await added(accounts, HELD)
    assert report == replace(REPORT, number=report.number)
    assert await accounts.cases.listed(NOW) == [report, held]
    by = Closing("mod", 0, NOW)
    assert await accounts.cases.close(report.number, ["held"], by) is None
    assert (await closed(accounts, report, by)).case == report
    assert await accounts.cases.close(report.number, ["report"], by) is None
    assert await accounts.cases.listed(NOW) == [held]
    assert (await closed(accounts, held)).case == held
    assert await accounts.cases.listed(NOW) == []
    assert held.closed.text == "" == report.closed.why


async def test_two_moderators_who_close_one_case_at_once_have_not_both_closed_it(accounts: Accounts) -> None:
    held = await added(accounts, HELD)
    all_closed: list[Closed | None] = []

    async def close() -> None:
        all_closed.append(await accounts.cases.close(held.number, ["held"], Closing("mod", 0, NOW)))

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(close)
    assert [one.case for one in all_closed if one is not None] == [held]
    assert len(await accounts.acts.of_room("python", None, 9)) == 1


async def test_reports_are_bounded_by_person_and_day_though_they_are_closed(accounts: Accounts) -> None:
    assert await accounts.cases.add(await added(accounts, REPORT)) == NotTaken("again")
    for number in range(1, BOUNDS["report"].day):
        one = await added(accounts, replace(REPORT, of=number + 7))
        await closed(accounts, one)
    assert await accounts.cases.add(replace(REPORT, of=99)) == NotTaken("day")
    await added(accounts, replace(REPORT, of=99, at=NOW + DAY + 1))
    await added(accounts, replace(REPORT, of=99, sender="token:carl", by="carl"))


async def test_what_is_held_is_bounded_by_person_and_sent_again_is_held_once(accounts: Accounts) -> None:
    held = await added(accounts, HELD)
    assert await accounts.cases.add(HELD) == held
    for number in range(1, BOUNDS["held"].waiting):
        await added(accounts, replace(HELD, key=f"more {number}"))
    assert await accounts.cases.add(replace(HELD, key="too much")) == NotTaken("waiting")
    await closed(accounts, held)
    again = await accounts.cases.add(HELD)
    assert isinstance(again, Case)
    assert not again.is_open


async def test_nobody_uses_up_what_may_be_held_in_all_rooms_by_a_room_of_their_own(accounts: Accounts) -> None:
    for number in range(BOUNDS["held"].day):
        held = await added(accounts, replace(HELD, key=f"k{number}"))
        await closed(accounts, held)
    assert await accounts.cases.add(replace(HELD, key="one more")) == NotTaken("day")
    guests = [replace(HELD, sender=f"g{n}", network="192.0.2.0/24", is_open=False) for n in range(CASES_MAX // 5)]
    assert why_not(replace(HELD, sender="new", network="192.0.2.0/24"), guests) == NotTaken("day")


async def test_what_nobody_closes_is_gone_after_its_time_and_what_is_closed_after_a_day(accounts: Accounts) -> None:
    report, held = await added(accounts, REPORT), await added(accounts, HELD)
    await closed(accounts, await added(accounts, replace(REPORT, of=8)))
    later = NOW + KEPT_SECONDS["held"] + 1
    assert await accounts.cases.listed(later) == [report]
    assert await accounts.cases.close(held.number, ["held"], Closing("mod", 0, later)) is None
    assert await accounts.forget_old(later) == 2
    assert await accounts.forget_old(later) == 0
    assert await accounts.cases.listed(later) == [report]
    assert await accounts.cases.listed(NOW + KEPT_SECONDS["report"] + 1) == []


async def test_an_erasure_takes_the_copy_along_and_another_name_is_put_where_it_stood(accounts: Accounts) -> None:
    made = (await registered(accounts)).account
    about = await added(accounts, replace(REPORT, whom="Ann", author=made.id))
    own = await added(accounts, replace(REPORT, by="Ann", sender="a", account=made.id, of=9))
    await added(accounts, replace(HELD, by="Ann", sender="a", account=made.id))
    assert (await accounts.end(made.id, "anonymise", NOW)) is not None
    nick = (await accounts.account(made.id) or made).name
    assert await accounts.cases.listed(NOW) == [replace(about, whom=nick), replace(own, by=nick)]
    other = (await registered(accounts, ann("Bea", "bea"))).account
    await added(accounts, replace(REPORT, author=other.id, of=10, sender="b"))
    why = await added(accounts, replace(REPORT, account=other.id, of=11, sender="c"))
    await added(accounts, Case("appeal", NOW, "python", "Bea", "b", other.id, of=1, why="please"))
    await accounts.end(other.id, "erase", NOW)
    nick = (await accounts.account(other.id) or other).name
    left = [one for one in await accounts.cases.listed(NOW) if one.of in {1, 10, 11}]
    assert left == [replace(why, by=nick, why="")]


async def test_a_case_is_of_its_room_whatever_that_is_called_and_outlives_it(store: Store) -> None:
    report = await added(store.accounts, REPORT)
    await store.journal.rename_room("python", "snakes")
    assert await store.accounts.cases.listed(NOW) == [replace(report, room="snakes")]
    await store.journal.delete_room("snakes")
    (left,) = await store.accounts.cases.listed(NOW)
    assert (left.text, left.room) == ("rude", ""), "another room may be called so by now"


async def test_what_is_held_in_a_room_and_who_appeals_there_is_no_more_with_it(store: Store) -> None:
    await added(store.accounts, HELD)
    await added(store.accounts, Case("appeal", NOW, "python", "bob", "b", of=1, why="please"))
    of_server = await added(store.accounts, Case("appeal", NOW, "", "eve", "e", of=1, why="please"))
    await store.journal.delete_room("python")
    assert await store.accounts.cases.listed(NOW) == [of_server]
    assert await store.accounts.cases.close(1, ("held",), Closing("mod", 0, NOW)) is None
    await store.accounts.forget_old(NOW)
    assert await store.accounts.cases.listed(NOW) == [of_server]


async def test_who_has_closed_a_case_stands_in_the_audit_of_its_room_for_good_and_nothing_of_what_was_written(
    store: Store,
) -> None:
    accounts = store.accounts
    report, held, other = [await added(accounts, one) for one in (REPORT, HELD, replace(HELD, key="k2"))]
    appeal = await added(accounts, Case("appeal", NOW, "python", "carl", "c", of=4, why="my cat"))
    await closed(accounts, report, Closing("mod", 0, NOW + 1, why="seen to"))
    await closed(accounts, appeal, Closing("mod", 0, NOW + 2))
    accepted = await closed(accounts, held, Closing("mod", 0, NOW + 3, accepts=True))
    await store.journal.append([Muted("python", 1, NOW, "mod", "", whom="bob", until=NOW + 60, id=1)], {}).stored()
    await closed(accounts, other, Closing("mod", 0, NOW + 4))
    await accounts.forget_old(NOW + 1e8)
    acts = await accounts.acts.of_room("python", None, 99)
    assert [(act.place, act.kind, act.whom, act.of, act.case, act.text) for act in acts[::-1]] == [
        ((0, 1), "report-closed", "eve", 7, report.number, "seen to"),
        ((0, 2), "appeal-closed", "carl", 4, appeal.number, ""),
        (accepted.act.place, "line-accepted", "eve", 0, held.number, ""),
        ((1, 0), "muted", "bob", 0, 0, ""),
        ((1, 1), "line-declined", "eve", 0, other.number, ""),
    ]
    kept = msgspec.json.encode(acts).decode()
    assert not [word for word in ("rude", 'see"', "look", "cat", 'bob","account') if word in kept]
    assert await accounts.acts.listed(0, 9) == []


async def test_every_act_of_a_room_is_on_one_page_though_many_stand_behind_one_entry(store: Store) -> None:
    accounts = store.accounts
    for number in range(7):
        if number == 3:
            await store.journal.append([Muted("python", 1, NOW, "mod", "", whom="bob", until=NOW, id=1)], {}).stored()
        await closed(accounts, await added(accounts, replace(HELD, sender=f"s{number}")))
    whole = [act.place for act in await accounts.acts.of_room("python", None, 99)]
    assert whole == [(1, 4), (1, 3), (1, 2), (1, 1), (1, 0), (0, 3), (0, 2), (0, 1)]
    for size in (1, 2, 3):
        read: list[ServerAct] = []
        while page := await accounts.acts.of_room("python", read[-1].place if read else None, size):
            read += page
        assert [act.place for act in read] == whole


async def test_what_could_not_be_said_after_all_nobody_has_accepted(store: Store) -> None:
    cases = store.accounts.cases
    held, other = await added(store.accounts, HELD), await added(store.accounts, replace(HELD, key="k2"))
    assert await cases.begin_saying(held.number, NOW) == held
    await closed(store.accounts, other)
    await store.journal.rename_room("python", "snakes")
    await cases.end_saying(held.number)
    assert [act.case for act in await store.accounts.acts.of_room("snakes", None, 9)] == [other.number]
    assert await cases.listed(NOW) == [replace(held, room="snakes")]
    again = await closed(store.accounts, held, Closing("mod", 0, NOW, accepts=True))
    assert again.act.place == (0, 2)
    await cases.end_saying(held.number)
    assert await cases.listed(NOW) == [], "what is said waits no more"


async def test_nobody_else_decides_on_what_is_being_said_until_it_is_said_or_a_minute_is_over(
    accounts: Accounts,
) -> None:
    held, report = await added(accounts, HELD), await added(accounts, REPORT)
    assert await accounts.cases.begin_saying(report.number, NOW) is None
    assert await accounts.cases.begin_saying(held.number, NOW) == held
    for at in (NOW, NOW + 59, NOW - 59):
        assert await accounts.cases.begin_saying(held.number, at) is None
        assert await accounts.cases.close(held.number, ["held"], Closing("mod", 0, at)) is None
    assert await accounts.cases.listed(NOW) == [replace(held, saying_at=NOW), report], "it waits until it is said"
    for at in (NOW + 61, NOW - 3600):  # the clock was set back
        assert await accounts.cases.begin_saying(held.number, at) is not None
    await closed(accounts, held, Closing("mod", 0, NOW - 3600, accepts=True))
    assert await accounts.cases.begin_saying(held.number, NOW) is None


async def test_what_has_no_room_is_closed_on_the_server_and_nothing_is_accepted_there(accounts: Accounts) -> None:
    report, held = await added(accounts, replace(REPORT, room="")), await added(accounts, replace(HELD, room=""))
    assert await accounts.cases.close(held.number, ["held"], Closing("mod", 0, NOW, accepts=True)) is None
    assert await accounts.cases.begin_saying(held.number, NOW) is None
    await closed(accounts, report)
    await closed(accounts, held)
    assert [(act.number, act.kind, act.nth) for act in await accounts.acts.listed(0, 9)] == [
        (2, "line-declined", 0),
        (1, "report-closed", 0),
    ]
    assert accounts.acts.in_force.newest == 2


async def test_whose_account_is_erased_stands_in_what_was_closed_under_a_name_that_says_nothing(
    accounts: Accounts,
) -> None:
    made = (await registered(accounts)).account
    await closed(accounts, await added(accounts, replace(REPORT, whom="Ann", author=made.id)))
    await accounts.end(made.id, "erase", NOW)
    (act,) = await accounts.acts.of_room("python", None, 9)
    assert act.whom == (await accounts.account(made.id) or made).name != "Ann"


def why_not(new: Case, known: list[Case]) -> NotTaken | None:
    return refusal_of(new, taken_of(new, known))


def test_those_of_one_network_without_accounts_are_bounded_together_and_so_is_a_room_and_everything() -> None:
    guests = [replace(REPORT, sender=f"g{n}", network="192.0.2.0/24", of=n) for n in range(20)]
    assert why_not(replace(REPORT, sender="new", network="192.0.2.0/24"), guests) == NotTaken("day")
    assert why_not(replace(REPORT, sender="new", network="198.51.100.0/24"), guests) is None
    assert why_not(replace(REPORT, sender="old", account=5), guests) is None
    full = [replace(HELD, sender=f"g{n}") for n in range(BOUNDS["held"].room)]
    assert why_not(replace(HELD, sender="new"), full) == NotTaken("room")
    assert why_not(replace(HELD, sender="new", room="other"), full) is None
    every = [replace(HELD, sender=f"g{n}", room=f"r{n}") for n in range(CASES_MAX)]
    assert why_not(replace(HELD, sender="new"), every) == NotTaken("all")


@pytest.mark.parametrize("what", ["network", "keeper", "room"])
@pytest.mark.parametrize("is_open", [True, False], ids=["waiting", "closed"])
async def test_a_few_networks_rooms_or_owners_do_not_take_the_places_of_all_others(
    what: str, is_open: bool, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_bounds, "CASES_MAX", 40)
    monkeypatch.setattr(case_bounds, "REMEMBERED_MAX", 40)
    monkeypatch.setitem(case_bounds.BOUNDS, "held", Bound(0, 0, 999))
    cases, made = store.accounts.cases, list[Case]()
    for number in range(40):
        await store.journal.create_room(f"r{number}", is_new=True)

    def one_more(source: int) -> Case:
        values = {"network": f"198.51.100.{source}", "keeper": source, "room": f"r{source}"}
        other = {"network": f"n{len(made)}", "keeper": 100 + len(made), "room": f"r{len(made)}"}
        new = replace(HELD, sender=f"s{len(made)}", key=f"k{len(made)}", **other)
        return replace(new, **{what: values[what]})

    for _ in range(20):
        for source in range(1, 6):
            if isinstance(stored := await cases.add(one_more(source)), Case):
                made.append(stored)
                if not is_open:
                    assert await cases.close(stored.number, ["held"], Closing("mod", 0, NOW)) is not None
            else:
                assert stored == NotTaken("share")
    assert len(made) == 25, "five of forty each: a ninth, and one more"
    assert await cases.add(one_more(1)) == NotTaken("share")
    assert isinstance(await cases.add(one_more(6)), Case)


async def test_what_waits_is_read_page_by_page_and_nothing_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = store.accounts.cases
    await store.journal.create_room("other", is_new=True)
    made = [
        await added(store.accounts, replace(HELD, sender=f"s{n}", key=f"k{n}", room="python" if n % 2 else "other"))
        for n in range(12)
    ]
    report = await added(store.accounts, REPORT)
    await cases.close(made[11].number, ["held"], Closing("mod", 0, NOW))
    shown = list[int]()

    def noted(case: Case, room: str) -> Case:
        shown.append(case.number)
        return replace(case, room=room)

    monkeypatch.setattr(case_rows, "_shown", noted)
    assert await cases.listed(NOW, Wanted(limit=3)) == [made[9], made[10], report]
    assert await cases.listed(NOW, Wanted(("held",), limit=3)) == made[8:11]
    assert await cases.listed(NOW, Wanted(("held",), "python", limit=2)) == [made[7], made[9]]
    assert await cases.listed(NOW, Wanted(("held",), "python", made[7].number, 2)) == [made[3], made[5]]
    assert await cases.listed(NOW, Wanted(("held",), "python", made[1].number, 2)) == []
    assert await cases.listed(NOW, Wanted(("held",), "nowhere")) == []
    assert len(shown) in {0, 3 + 3 + 2 + 2}, "nothing else is looked at"
    assert await cases.case(report.number, NOW) == report
    assert await cases.case(made[11].number, NOW) is None
    assert await cases.listed(NOW + 4 * DAY) == [report]


async def test_how_much_waits_is_counted_without_reading_it(store: Store) -> None:
    cases = store.accounts.cases
    await added(store.accounts, HELD)
    await added(store.accounts, replace(HELD, sender="token:carl", key="k2"))
    await added(store.accounts, replace(HELD, sender="account:7", account=7, key="k3"))
    await added(store.accounts, replace(REPORT, author=9))
    assert set(await cases.counted(NOW, 7, "account:7")) == {
        Waiting("held", "python", 0, 2),
        Waiting("report", "python", 9, 1),
    }
    assert set(await cases.counted(NOW, 0, "token:eve")) == {
        Waiting("held", "python", 0, 2),
        Waiting("report", "python", 9, 1),
    }
    assert await cases.counted(NOW + 31 * DAY, 0, "") == []
