"""The rate budget: data stops first, then orders; what ends an order has the last tenth."""

import numpy as np
import pytest

from shm.budget import MINUTE_NS, Budget, Claim
from shm.words import WORDS_BYTES, Words


class Clock:
    """Wall time as told."""

    ns = 100 * MINUTE_NS

    def __call__(self):
        """Read it."""
        return self.ns


@pytest.fixture
def clock():
    """At the start of a minute."""
    return Clock()


@pytest.fixture
def budgets(clock):
    """Two processes on one address, of a hundred a minute."""
    area = np.zeros(WORDS_BYTES // 8, np.int64)
    return [Budget(Words(area.ctypes.data, retain=area), 100, clock) for _ in range(2)]


def test_data_leaves_room_for_orders_and_orders_for_cancels(budgets):
    """Sixty, ninety, a hundred; whoever asks, the word is one."""
    feed, engine = budgets
    assert feed.take(Claim.DATA, 60) == 0
    assert engine.take(Claim.DATA, 1) > 0
    assert engine.take(Claim.ORDER, 30) == 0
    assert engine.take(Claim.ORDER, 1) > 0
    assert engine.take(Claim.CANCEL, 10) == 0
    assert engine.take(Claim.CANCEL, 1) > 0
    assert feed.spent() == engine.spent() == 100


def test_the_wait_is_until_the_minute_ends(budgets, clock):
    """And then there is a whole one."""
    feed, _ = budgets
    clock.ns += 45 * 10**9
    feed.take(Claim.DATA, 60)
    assert 15_000 <= feed.take(Claim.DATA, 1) <= 15_001
    clock.ns += 15 * 10**9
    assert feed.take(Claim.DATA, 60) == 0


def test_what_the_exchange_counted_stands(budgets):
    """Another program on our address has spent most of it: we hear so in the next answer."""
    feed, engine = budgets
    feed.take(Claim.DATA, 5)
    feed.heard("95")
    assert engine.take(Claim.ORDER, 1) > 0
    assert engine.take(Claim.CANCEL, 5) == 0
    engine.heard("nonsense")
    engine.heard(None)
    assert engine.spent() == 100
