"""rsi: small numbers that can be checked by hand; the sweeping tests are in test_indicator.py."""

import numpy as np
import pytest

from brain.indicators.indicator import over
from brain.indicators.momentum import RSI_INDICATOR
from tests.brain.market import walk


def test_strength_is_the_share_of_the_gains():
    """Changes +1 -1 +2 with period 2: 50, then gains 1.25 against losses 0.25."""
    candles = walk(4)
    candles["close"] = [10.0, 11.0, 10.0, 12.0]
    values = over(RSI_INDICATOR, candles, {"period": 2})["value"]
    assert np.isnan(values[:2]).all()
    assert values[2:] == pytest.approx([50.0, 100.0 * 1.25 / 1.5])
