"""Oscillators: small numbers that can be checked by hand; the sweeping tests are in test_indicator.py."""

import pytest

from tests.brain.indicators.sweep import closing


def test_the_place_in_the_range():
    """Low 1, high 5, close 4: three quarters up, a quarter below the top."""
    closes = [1.0, 5.0, 4.0]
    assert closing("stochastic", closes, fast_period=3, slow_period=1, signal_period=1)["k"][2] == pytest.approx(75.0)
    assert closing("williams", closes, period=3)["value"][2] == pytest.approx(-25.0)


def test_money_that_only_moves_up():
    """Rising prices: all of it; none moved: half."""
    assert closing("mfi", [float(n) for n in range(1, 30)])["value"][-1] == 100.0
    assert closing("mfi", [7.1] * 30)["value"][-1] == 50.0
