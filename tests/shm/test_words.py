"""The words that many write."""

import numpy as np
import pytest

from shm.jit import address_of
from shm.records import Kill
from shm.words import WORDS_BYTES, Words


@pytest.fixture
def words():
    """The words of a session that begins."""
    memory = np.zeros(WORDS_BYTES // 8, np.int64)
    return Words(address_of(memory), retain=memory)


def test_the_kill_word_only_rises(words):
    """Each level stays until a higher one comes; a lower one changes nothing."""
    assert words.kill_level() == Kill.NORMAL
    assert words.raise_kill(Kill.EXITS_ONLY) == Kill.EXITS_ONLY
    assert words.raise_kill(Kill.NO_ENTRIES) == Kill.EXITS_ONLY
    assert words.raise_kill(Kill.HALT) == words.kill_level() == Kill.HALT


def test_the_rate_budget_is_spent_per_window(words):
    """What fits is taken, what does not takes nothing, and a new window starts at nothing."""
    assert words.spend_weight(1000, 2400, 7)
    assert not words.spend_weight(1401, 2400, 7)
    assert words.spend_weight(1400, 2400, 7)
    assert words.weight_spent(7) == 2400
    assert words.spend_weight(1, 2400, 8)
    assert (words.weight_spent(7), words.weight_spent(8)) == (0, 1)


def test_a_late_caller_pays_into_the_newest_window(words):
    """A process whose minute is over cannot open the old budget again."""
    assert words.spend_weight(2400, 2400, 8)
    assert not words.spend_weight(1, 2400, 7)


def test_what_the_exchange_counted_is_taken_over(words):
    """More than ours counts; less, or of an older window, does not."""
    assert words.spend_weight(10, 100, 7)
    words.learn_weight(60, 7)
    words.learn_weight(20, 7)
    words.learn_weight(99, 6)
    assert words.weight_spent(7) == 60
    assert not words.spend_weight(41, 100, 7)
    words.learn_weight(5, 8)
    assert words.weight_spent(8) == 5
