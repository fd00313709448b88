"""ema: small numbers that can be checked by hand; the sweeping tests are in test_indicator.py."""

import numpy as np
import pytest

from brain.indicators.indicator import over
from brain.indicators.trend import EMA_INDICATOR
from tests.brain.market import walk


def test_an_average_starts_as_a_mean_and_then_follows():
    """Closes 1 2 3 4 with period 3: nothing, nothing, 2, then half way to 4."""
    candles = walk(4)
    candles["close"] = [1.0, 2.0, 3.0, 4.0]
    values = over(EMA_INDICATOR, candles, {"period": 3})["value"]
    assert np.isnan(values[:2]).all()
    assert values[2:] == pytest.approx([2.0, 3.0])
