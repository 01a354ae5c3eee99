from hypothesis import given
from hypothesis import strategies as st

from chat_tui.client.numbers import Numbers

STRETCHES = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 8)).map(lambda pair: (pair[0], pair[0] + pair[1])))


@given(STRETCHES, st.integers(0, 40), st.integers(1, 40))
def test_stretches_are_a_set_of_numbers(stretches: list[tuple[int, int]], start: int, first: int) -> None:
    numbers, model = Numbers(), set[int]()
    for low, high in stretches:
        numbers.add(low, high)
        model |= set(range(low, high + 1))
    assert {number for number in range(50) if number in numbers} == model
    end = start
    while end + 1 in model:
        end += 1
    assert numbers.run_from(start) == end
    for number in model:
        lowest = number
        while lowest - 1 in model:
            lowest -= 1
        before = max((known for known in model if known < lowest), default=0)
        assert set(numbers.hole_before(number, first)) == set(range(max(before + 1, first), lowest))


def test_no_numbers_are_none() -> None:
    numbers = Numbers()
    numbers.add(5, 4)
    assert 5 not in numbers
    assert not numbers.hole_before(5, 1)
    numbers.add(1, 3)
    numbers.clear()
    assert 2 not in numbers
