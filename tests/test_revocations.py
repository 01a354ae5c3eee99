"""Whoever is just being let in is not, once what they came by is revoked; nor is anybody else kept out."""

import itertools

from chat_server.accounts.revocations import REMEMBERED_MAX, Revocations

ANN, BOB = 1, 2


def test_what_was_proved_before_it_was_revoked_is_worth_nothing_and_afterwards_it_is() -> None:
    revoked = Revocations()
    before = revoked.moment
    assert not revoked.were_since(ANN, before)
    with revoked.revoking(ANN):
        during = revoked.moment
        assert revoked.were_since(ANN, during)
        assert not revoked.were_since(BOB, during)
    assert revoked.were_since(ANN, before)
    assert revoked.were_since(ANN, during), "what was looked at may be what is stored no more"
    assert not revoked.were_since(ANN, revoked.moment)
    assert not revoked.were_since(BOB, before)


def test_of_two_who_revoke_at_once_the_first_to_end_lets_nobody_in() -> None:
    revoked = Revocations()
    with revoked.revoking(ANN):
        with revoked.revoking(ANN):
            pass
        assert revoked.were_since(ANN, revoked.moment)
    assert not revoked.were_since(ANN, revoked.moment)


def test_what_is_remembered_has_a_bound_and_the_newest_is() -> None:
    revoked = Revocations()
    moments = [0]
    for account in range(1, REMEMBERED_MAX + 3):
        with revoked.revoking(account):
            pass
        moments.append(revoked.moment)
    assert len(revoked._last) == REMEMBERED_MAX
    assert not revoked._going_on
    for account, (before, after) in enumerate(itertools.pairwise(moments[-10:]), REMEMBERED_MAX - 6):
        assert (revoked.were_since(account, before), revoked.were_since(account, after)) == (True, False)
