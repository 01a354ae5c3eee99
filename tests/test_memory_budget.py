"""The bound on what waits in memory for all sessions together."""

from chat_server.sessions.memory_budget import Budget


class Waiting:
    """Somebody for whom something waits."""

    def __init__(self, held: int) -> None:
        self.held = held

    def let_go(self) -> None:
        self.held = 0


def test_so_much_room_is_made_at_once_that_those_who_wait_are_not_looked_through_for_every_line() -> None:
    budget = Budget(16_000)
    holders = [Waiting(held) for held in (100, *range(150, 165), *[165] * 90)]
    for holder in holders:
        budget.count(holder)
    assert budget.total == sum(holder.held for holder in holders) <= 15_000
    assert [holder.held for holder in holders[:10]] == [100, *range(150, 159)], "the smallest keep what they have"


def test_who_is_asked_to_let_go_and_says_so_is_not_asked_again_meanwhile() -> None:
    """Whoever lets go is told, which may have to wait in memory itself."""
    budget, asked = Budget(100), []

    class Talkative(Waiting):
        def let_go(self) -> None:
            asked.append(self)
            budget.count(self)
            self.held = 10

    holders = [Talkative(60), Talkative(50)]
    for holder in holders:
        budget.count(holder)
    assert asked == holders[:1]
    assert budget.total == 60


def test_room_is_made_as_often_as_it_is_used_up() -> None:
    budget = Budget(100)
    for _ in range(3):
        holders = [Waiting(60), Waiting(50)]
        for holder in holders:
            budget.count(holder)
        assert [holder.held for holder in holders] == [0, 50]
        budget.forget(holders[1])
    assert budget.total == 0
