"""How a node stands with the engine and the others, and what nodes tell each other without keeping it: on virtual time."""

import trio
from hypothesis import given
from hypothesis import strategies as st

from chat_server.journal.node_life import AWAY_SECONDS, NodeLife
from chat_server.journal.signs import SIGN_BYTES, SIGNS_MAX, AddressesCounted, RoomFounded, Sign, Signed, Signs


async def test_an_engine_is_away_when_it_has_owed_an_answer_for_a_while(autojump_clock: trio.abc.Clock) -> None:
    life = NodeLife()
    assert not life.is_engine_away
    life.asked("heartbeat")
    await trio.sleep(AWAY_SECONDS - 0.1)
    life.asked("heartbeat")  # again, for there was no answer
    assert not life.is_engine_away
    await trio.sleep(0.1)
    assert life.is_engine_away
    life.answered("heartbeat")
    assert not life.is_engine_away


async def test_an_engine_that_answers_one_thing_and_owes_another_is_away(autojump_clock: trio.abc.Clock) -> None:
    life = NodeLife()
    life.asked("append")
    for _ in range(3):
        life.asked("heartbeat")
        await trio.sleep(1)
        life.answered("heartbeat")
    assert life.is_engine_away


async def test_only_who_can_come_back_elsewhere_is_held_back_and_only_when_the_node_ends() -> None:
    life = NodeLife()
    assert not life.holds_back("account:7")
    life.leave()
    assert life.holds_back("account:7")
    assert life.holds_back("token:4f2a")
    assert not life.holds_back("3:12"), "a guest without a token cannot show who they are"


async def test_whoever_waits_for_it_hears_that_the_node_was_given_up(autojump_clock: trio.abc.Clock) -> None:
    life = NodeLife()
    with trio.move_on_after(1):
        await life.wait_given_up()
        raise AssertionError
    life.give_up()
    await life.wait_given_up()


@given(
    st.one_of(
        st.builds(AddressesCounted, st.dictionaries(st.text(max_size=40), st.integers(0, 10**6), max_size=20)),
        st.builds(RoomFounded, st.text(max_size=100), st.text(max_size=40)),
    )
)
def test_a_sign_comes_as_it_was_given(sign: Sign) -> None:
    async def carry() -> None:
        here, there = Signs(), Signs()
        here.tell(sign)
        for text in await here.to_carry():
            there.came(7, text)
        async for signed in there.others:
            assert signed == Signed(7, sign)
            return

    trio.run(carry)


async def test_what_is_too_long_or_too_many_is_dropped_and_counted() -> None:
    signs = Signs()
    signs.tell(RoomFounded("x" * SIGN_BYTES, ""))
    assert signs.dropped == 1
    for number in range(SIGNS_MAX + 5):
        signs.tell(RoomFounded(str(number), ""))
    texts = await signs.to_carry()
    assert (len(texts), signs.dropped) == (SIGNS_MAX, 6)
    assert all(len(text.encode()) <= SIGN_BYTES for text in texts)
    for text in (*texts, *texts):
        signs.came(2, text)
    assert signs.dropped == 6 + SIGNS_MAX


async def test_a_sign_that_this_release_does_not_know_is_passed_over(autojump_clock: trio.abc.Clock) -> None:
    signs = Signs()
    for text in ('{"type":"of-a-later-release"}', "nonsense", '{"type":"room-founded","person":7}'):
        signs.came(2, text)
    signs.came(2, '{"type":"room-founded","person":"ann","network":"::1"}')
    async for signed in signs.others:
        assert signed == Signed(2, RoomFounded("ann", "::1"))
        break
