"""Volume profile: small numbers that can be checked by hand; the sweeping tests are in test_indicator.py."""

import numpy as np
import pytest

from brain.indicators.indicator import over
from brain.indicators.profile import PROFILE_INDICATOR
from tests.brain.market import walk


def test_the_control_is_where_most_was_traded():
    """Prices 100, 101, 102 with volumes 1, 8, 1: the bin of 101, which alone holds the area."""
    candles = walk(3)
    for name in ("high", "low", "close"):
        candles[name] = [100.0, 101.0, 102.0]
    candles["volume"] = [1.0, 8.0, 1.0]
    values = over(PROFILE_INDICATOR, candles, {"period": 3, "width": 0.001})[2]
    assert values["area_low"] <= 101.0 < values["area_high"]
    assert values["area_low"] < values["control"] < values["area_high"]
    assert values["area_high"] / values["area_low"] == pytest.approx(1.001)


def test_a_width_that_is_too_small_gives_nothing():
    """A window that spans more bins than there are has no profile, rather than a wrong one."""
    assert np.isnan(over(PROFILE_INDICATOR, walk(200), {"width": 1e-6})["control"]).all()
