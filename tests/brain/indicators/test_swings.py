"""Swings are stamped when they are confirmed, and never where there are none; a leg knows its lowest candle."""

import numpy as np
import pytest

from brain.indicators.structure import STRUCTURE, structure
from brain.indicators.swings import SWINGS, swings
from tests.brain.indicators.drawing import flat_top
from tests.brain.market import walk


@pytest.mark.parametrize(("before", "after"), [(0, 3), (3, 0), (1, 3), (60, 10)])
def test_a_size_that_does_not_fit_never_settles(before, after):
    """NaN for ever, rather than swings that are none."""
    state, candles = np.zeros(1, SWINGS), walk(100)
    assert all(np.isnan(swings(state[0], candle, before, after)) for candle in candles)
    assert state["seen"][0] > 0
    assert state["settles"][0] > 1_000_000


def test_a_top_is_stamped_on_the_candle_that_confirms_it():
    """A top at 3 with two candles behind it is known at 5, and its level is its high."""
    state = np.zeros(1, SWINGS)
    events = [swings(state[0], candle, 2, 2) for candle in flat_top(1, 2, 3, 6, 4, 3, 2, 3, 5)]
    assert np.array_equal(events, [np.nan, np.nan, np.nan, np.nan, 0.0, 1.0, 0.0, 0.0, -1.0], equal_nan=True)
    assert (state["up"]["level"][0], state["up"]["level_at"][0]) == (6.5, 3)
    assert (-state["down"]["level"][0], state["down"]["level_at"][0]) == (1.5, 6)


def test_the_first_of_equal_tops_counts():
    """Two equal highs are one top: the first."""
    state = np.zeros(1, SWINGS)
    events = [swings(state[0], candle, 2, 2) for candle in flat_top(1, 2, 3, 6, 4, 6, 3, 2, 1)]
    assert events.count(1.0) == 1
    assert state["up"]["level_at"][0] == 3


def test_a_candle_can_be_both():
    """An outside candle is a top and a bottom: 2.0, and both levels are its own."""
    state, candles = np.zeros(1, SWINGS), flat_top(5, 5, 5, 5, 5, 5)
    candles["high"][3], candles["low"][3] = 9.0, 1.0
    events = [swings(state[0], candle, 2, 2) for candle in candles]
    assert events[-1] == 2.0
    assert (state["up"]["level"][0], -state["down"]["level"][0]) == (9.0, 1.0)


def test_a_top_is_broken_once():
    """Until a new top is confirmed, further closes above it say nothing."""
    state = np.zeros(1, STRUCTURE)
    events = [structure(state[0], candle, 2, 2) for candle in flat_top(5, 4, 3, 5, 7, 6, 5, 8, 9, 10, 11, wide=0.25)]
    assert events[7:] == [1.0, 0.0, 0.0, 0.0]
    assert (state["rise"]["pit"][0], state["rise"]["pit_at"][0]) == (4.75, 6)
