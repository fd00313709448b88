"""atr: small numbers that can be checked by hand; the sweeping tests are in test_indicator.py."""

import numpy as np
import pytest

from brain.indicators.indicator import over
from brain.indicators.volatility import ATR_INDICATOR
from tests.brain.market import walk


def test_a_range_reaches_back_to_the_close_before():
    """A gap counts: close 10, then 14 to 15 is a range of 5; the first candle has none."""
    candles = walk(3)
    candles["high"], candles["low"], candles["close"] = [11.0, 15.0, 16.0], [9.0, 14.0, 13.0], [10.0, 14.0, 15.0]
    values = over(ATR_INDICATOR, candles, {"period": 2})["value"]
    assert np.isnan(values[:2]).all()
    assert values[2] == pytest.approx((5.0 + 3.0) / 2.0)
