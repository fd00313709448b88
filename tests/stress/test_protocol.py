"""The short form of the protocol campaign; ``python -m tests.stress.protocol --count 1000000`` is the long one."""

import pytest

from shm.records import OrderState
from tests.stress.policies import Policy
from tests.stress.protocol import campaign, rarest, table
from tests.stress.tally import Tally
from tests.stress.wire import Fault


def test_inc_01_to_12_no_schedule_doubles_orphans_or_loses_anything():
    """
    1,000 schedules of 18 faults and deaths at any callback: no duplicate, no orphan, no lost fill, and the sum of
    the unique fills is the position of the books and of the exchange (I1, I2, I4, I6, I7,
    I11, I12, I13, I16, I21, I31).
    """
    tally = campaign(seed=1, first=0, count=1_000)
    assert tally.failures == []
    assert tally.fills > 1_000
    assert (tally.duplicates, tally.orphans, tally.lost_fills, tally.differences) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("policy", "harm"),
    [(Policy.NEW_ID, "duplicates"), (Policy.SAME_ID, "duplicates"), (Policy.FAILED, "orphans")],
)
def test_what_others_do_after_a_timeout_fails_in_the_same_campaign(policy, harm):
    """The checks see it when an order is sent again, under either id, or when a timeout is called a failure."""
    tally = campaign(seed=1, first=0, count=150, policy=policy)
    assert getattr(tally, harm) > 0
    assert len(tally.failures) > 5


def test_the_same_seed_is_the_same_schedule():
    """I24: a failure can be played again by its seed and number alone."""
    one, again = campaign(3, 40, 15), campaign(3, 40, 15)
    assert one.met == again.met
    assert one.words == again.words
    assert campaign(4, 40, 15).words != one.words


def test_the_table_names_every_fault_and_every_state():
    """A meeting that never happened is printed as 0, and is the rarest."""
    lines = table(Tally()).splitlines()
    assert len(lines) == len(Fault) + 2
    assert lines[0].count("|") == len(OrderState) + 2
    assert rarest(Tally()) == 0
