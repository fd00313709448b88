"""Momentum: small numbers that can be checked by hand; the sweeping tests are in test_indicator.py."""

import numpy as np
import pytest

from tests.brain.indicators.sweep import closing


def test_strength_is_the_share_of_the_gains():
    """Changes +1 -1 +2 with period 2: 50, then gains 1.25 against losses 0.25."""
    values = closing("rsi", [10.0, 11.0, 10.0, 12.0], period=2)["value"]
    assert np.isnan(values[:2]).all()
    assert values[2:] == pytest.approx([50.0, 100.0 * 1.25 / 1.5])


def test_a_rate_of_change_is_in_per_cent():
    """From 10 to 12 is 20."""
    assert closing("roc", [10.0, 11.0, 12.0], period=2)["value"][2] == pytest.approx(20.0)


def test_a_market_that_stands_still_is_not_extreme():
    """Equal typical prices, which rounding tells apart, have no deviation."""
    assert closing("cci", [7.1] * 30)["value"][-1] == 0.0
