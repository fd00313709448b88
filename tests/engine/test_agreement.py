"""Look by look: what stands, what was a race, and what the journal is told."""

from dataclasses import replace

import pytest

from engine.agreement import Agreement
from engine.comparison import Difference, Resolution
from shm.records import Finding

CASH = Difference(finding=Finding.CASH_DIFFERS, resolution=Resolution.ALARM, expected=10, found=7)


def test_a_difference_stands_when_a_second_look_finds_the_same():
    """Once it may be a race; another amount is looked at again."""
    agreement = Agreement()
    assert agreement.look((CASH,), is_first=False)
    assert (agreement.words, agreement.cash_unexplained) == ("", 0)
    assert agreement.look((replace(CASH, found=8),), is_first=False)
    assert agreement.words == ""
    assert not agreement.look((replace(CASH, found=8),), is_first=False)
    assert (agreement.words, agreement.cash_unexplained) == ("CASH_DIFFERS  -2", -2)


def test_at_a_start_the_first_look_stands():
    """Nothing of ours is under way then."""
    agreement = Agreement()
    assert agreement.look((CASH,), is_first=True)
    assert agreement.cash_unexplained == -3


@pytest.mark.parametrize("again", [(), (replace(CASH, found=1),)])
def test_the_journal_is_told_once_what_stands_and_that_it_is_over(again):
    """Also where another difference takes its place: that one has to stand first."""
    agreement = Agreement()
    agreement.look((CASH,), is_first=True)
    (found,) = agreement.findings("", 5)
    assert (found.finding, found.expected, found.found, found.wall_ns) == (Finding.CASH_DIFFERS, 10, 7, 5)
    told = agreement.words
    agreement.look((CASH,), is_first=False)
    assert agreement.findings(told, 6) == []
    agreement.look(again, is_first=False)
    assert [one.finding for one in agreement.findings(told, 7)] == ([] if again else [Finding.MATCH])
