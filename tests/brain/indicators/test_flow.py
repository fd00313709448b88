"""Order flow: small numbers that can be checked by hand; the sweeping tests are in test_indicator.py."""

import pytest

from brain.indicators.indicator import over
from tests.brain.indicators.sweep import ALL
from tests.brain.market import walk


def test_delta_is_bought_less_sold():
    """7 of 10 taken by buyers: 4 more bought than sold."""
    candles = walk(2)
    candles["volume"], candles["taker_volume"], candles["trades"] = 10.0, [7.0, 2.0], 5
    assert over(ALL["delta"], candles, {})["value"] == pytest.approx([4.0, -6.0])
    assert over(ALL["cumulative_delta"], candles, {})["value"] == pytest.approx([4.0, -2.0])
    assert over(ALL["imbalance"], candles, {"period": 2})["value"][1] == pytest.approx(-0.1)
    assert over(ALL["toxicity"], candles, {"period": 2})["value"][1] == pytest.approx(0.5)
    assert over(ALL["trade_size"], candles, {"period": 2})["value"][1] == pytest.approx(2.0)
