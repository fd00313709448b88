"""Statistics: small numbers that can be checked by hand; the sweeping tests are in test_indicator.py."""

import numpy as np
import pytest

from brain.indicators.indicator import over
from tests.brain.indicators.sweep import ALL, closing
from tests.brain.market import walk


def test_a_straight_line_has_its_slope():
    """Two a candle."""
    assert closing("slope", [50_000.0 + 2.0 * n for n in range(20)])["value"][-1] == pytest.approx(2.0)


def test_a_quantile_is_a_value_that_was_there():
    """Half of 1 2 3 4 do not exceed 2; 0.55 of a hundred are 55 of them."""
    assert closing("quantile", [4.0, 1.0, 3.0, 2.0], period=4, share=0.5)["value"][3] == 2.0
    assert closing("quantile", [float(n) for n in range(1, 101)], period=100, share=0.55)["value"][-1] == 55.0


def test_volume_that_follows_the_price_is_correlated():
    """Perfectly, one way or the other; not at all where it stands still."""
    for volume, expected in ((1.0, 1.0), (-1.0, -1.0), (0.0, 0.0)):
        candles = walk(40)
        candles["close"] = 100.0 + np.arange(40) % 7
        candles["volume"] = 50.0 + volume * (np.arange(40) % 7)
        assert over(ALL["correlation"], candles, {})["value"][-1] == pytest.approx(expected)
