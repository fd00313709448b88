"""Zones: a bounded stack that equals a list of everything; each end and each depth, at random."""

import math

import numpy as np
import pytest

from brain.indicators.zones import LIVE, ZONES, comes_back, depth_of, empty, far_of, leave, near_of, sweep, visit
from shm.jit import kernel
from tests.brain.indicators.oracles.structure import Zones

compiled_visit, compiled_sweep = (kernel(each.py_func) for each in (visit, sweep))


@pytest.mark.parametrize("age", [5, 40, 10_000])
def test_it_equals_a_list_of_all_zones(age):
    """Two thousand candles of a walk that leaves zones at random: what ends, what is shown, what is dropped."""
    generator, zones, slow = np.random.default_rng(age), np.zeros(1, ZONES), Zones(age)
    empty(zones[0])
    price = 100.0
    for now in range(2000):
        price += generator.normal(0.2, 1.0)
        y = price - generator.random()
        assert compiled_visit(zones[0], y, now, age) == len(slow.visit(y, now))
        if generator.random() < 0.4:
            far = y - generator.random()
            leave(zones[0], y, far, now)
            slow.leave(y, far, now)
        shown = near_of(zones[0]), far_of(zones[0]), depth_of(zones[0])
        assert np.allclose(shown, slow.shown(), rtol=0.0, atol=1e-12, equal_nan=True)
        assert (zones["alive"][0], zones["dropped"][0]) == (len(slow.alive), slow.dropped)
    assert (zones["dropped"][0] > 0) == (age > 1000)
    assert zones["alive"][0] <= LIVE


def test_the_lowest_visit_is_remembered_below_a_newer_zone():
    """An older zone was entered to 8.5 before the newer one came; when that ends it shows 8.5, not the end's price."""
    zones = np.zeros(1, ZONES)
    empty(zones[0])
    leave(zones[0], 10.0, 5.0, 0)
    compiled_visit(zones[0], 8.5, 1, 100)
    leave(zones[0], 12.0, 9.0, 2)
    assert compiled_visit(zones[0], 8.9, 3, 100) == 1
    assert near_of(zones[0]) == 8.5
    assert depth_of(zones[0]) == 0.3
    assert comes_back(zones[0], 9.0, 9.5) == 1.0
    assert comes_back(zones[0], 11.0, 11.5) == 0.0


def test_nothing_is_shown_of_no_zone():
    """NaN, and no candle comes back to it."""
    zones = np.zeros(1, ZONES)
    empty(zones[0])
    assert all(math.isnan(each(zones[0])) for each in (near_of, far_of, depth_of))
    assert comes_back(zones[0], 1.0, 2.0) == 0.0


def test_a_level_that_is_taken_is_swept_or_broken():
    """Levels at 10 and 11; the high takes both, the close at 10.5 gives one back."""
    pools = np.zeros(1, ZONES)
    empty(pools[0])
    leave(pools[0], -11.0, -11.0, 0)
    leave(pools[0], -10.0, -10.0, 1)
    assert compiled_sweep(pools[0], 11.5, 10.5, 2, 100) == (1, 2)
    assert pools["alive"][0] == 0
