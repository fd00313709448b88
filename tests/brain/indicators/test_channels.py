"""Bands: small numbers that can be checked by hand; the sweeping tests are in test_indicator.py."""

import pytest

from tests.brain.indicators.sweep import closing


def test_bands_lie_two_deviations_around_the_mean():
    """1 and 3: mean 2, deviation 1."""
    values = closing("bollinger", [1.0, 3.0], period=2, width=2.0)
    assert [values[name][1] for name in ("upper", "middle", "lower")] == pytest.approx([4.0, 2.0, 0.0])


def test_a_channel_is_the_highest_and_the_lowest():
    """Of the last three, this one included."""
    values = closing("donchian", [5.0, 1.0, 2.0, 3.0, 9.0], period=3)
    assert values["lower"][2:].tolist() == [1.0, 1.0, 2.0]
    assert values["upper"][2:].tolist() == [5.0, 3.0, 9.0]


def test_the_cloud_is_what_was_computed_before():
    """The leading lines under a candle were known ``displacement`` candles ago."""
    values = closing("ichimoku", [float(n) for n in range(120)])
    assert values["leading_one"][-1] == 0.5 * (values["conversion"][-27] + values["base"][-27])
