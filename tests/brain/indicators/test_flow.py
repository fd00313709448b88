"""Order flow: small numbers that can be checked by hand; the sweeping tests are in test_indicator.py."""

import pytest

from brain.indicators import flow
from brain.indicators.indicator import over
from tests.brain.market import walk


def test_delta_is_bought_less_sold():
    """7 of 10 taken by buyers: 4 more bought than sold."""
    candles = walk(2)
    candles["volume"], candles["taker_volume"], candles["trades"] = 10.0, [7.0, 2.0], 5
    assert over(flow.DELTA_INDICATOR, candles, {})["value"] == pytest.approx([4.0, -6.0])
    assert over(flow.CUMULATIVE_DELTA_INDICATOR, candles, {})["value"] == pytest.approx([4.0, -2.0])
    assert over(flow.IMBALANCE_INDICATOR, candles, {"period": 2})["value"][1] == pytest.approx(-0.1)
    assert over(flow.TOXICITY_INDICATOR, candles, {"period": 2})["value"][1] == pytest.approx(0.5)
    assert over(flow.TRADE_SIZE_INDICATOR, candles, {"period": 2})["value"][1] == pytest.approx(2.0)
