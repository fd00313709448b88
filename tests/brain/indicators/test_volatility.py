"""Ranges: small numbers that can be checked by hand; the sweeping tests are in test_indicator.py."""

import math

import numpy as np
import pytest

from brain.indicators.indicator import over
from tests.brain.indicators.sweep import ALL, closing
from tests.brain.market import walk


def test_a_range_reaches_back_to_the_close_before():
    """A gap counts: close 10, then 14 to 15 is a range of 5; the first candle has none."""
    candles = walk(3)
    candles["high"], candles["low"], candles["close"] = [11.0, 15.0, 16.0], [9.0, 14.0, 13.0], [10.0, 14.0, 15.0]
    values = over(ALL["atr"], candles, {"period": 2})["value"]
    assert np.isnan(values[:2]).all()
    assert values[2] == pytest.approx((5.0 + 3.0) / 2.0)


def test_volatility_is_the_size_of_a_return():
    """Closes that go up and down by one per cent in logarithms have a volatility of one per cent."""
    closes = [math.exp(4.0 + 0.01 * (n % 2)) for n in range(30)]
    assert closing("close_volatility", closes, period=20)["value"][-1] == pytest.approx(0.01, rel=1e-9)
