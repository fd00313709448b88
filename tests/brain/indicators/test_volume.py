"""Volume: small numbers that can be checked by hand; the sweeping tests are in test_indicator.py."""

import numpy as np
import pytest

from brain.indicators.indicator import over
from tests.brain.indicators.sweep import ALL, walked
from tests.brain.market import walk


def test_volume_is_signed_by_the_close():
    """Up adds, down takes away, level leaves."""
    candles = walk(4)
    candles["close"], candles["volume"] = [1.0, 2.0, 2.0, 1.0], [10.0, 5.0, 3.0, 1.0]
    assert over(ALL["obv"], candles, {})["value"].tolist() == [10.0, 15.0, 15.0, 14.0]


def test_a_session_begins_at_midnight():
    """The first candle of a day is its own average; before a day began before our eyes nothing has settled."""
    candles = walk(2000)
    values, settled = walked(ALL["session_vwap"], candles[100:], {})
    assert values["value"][1340] == pytest.approx(
        sum(float(candles[1440][name]) for name in ("high", "low", "close")) / 3
    )
    assert np.flatnonzero(settled)[0] == 1340


def test_nothing_traded_has_no_price():
    """Empty, not zero and not the last one."""
    candles = walk(30)
    candles["volume"][5:] = 0.0
    values = over(ALL["vwap"], candles, {"period": 10})["value"]
    assert np.isfinite(values[14 - 1])
    assert np.isnan(values[15:]).all()
