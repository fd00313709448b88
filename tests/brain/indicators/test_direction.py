"""Direction: small numbers that can be checked by hand; the sweeping tests are in test_indicator.py."""

import pytest

from tests.brain.indicators.sweep import closing


def test_the_time_since_an_extreme_counts_from_the_newest():
    """Rising closes: the high is now, the low was ``period`` candles ago."""
    values = closing("aroon", [float(n) for n in range(1, 8)], period=5)
    assert (values["up"][-1], values["down"][-1]) == (100.0, 0.0)


def test_a_market_that_only_rises_has_one_direction():
    """The index and +DI are high, -DI is 0."""
    values = closing("adx", [100.0 + n for n in range(40)], period=5)
    assert values["value"][-1] == pytest.approx(100.0)
    assert values["minus"][-1] == 0.0


def test_a_stop_turns_with_the_market():
    """Up, then hard down: both stops lie below first and above afterwards."""
    closes = [100.0 + n for n in range(30)] + [130.0 - 3.0 * n for n in range(30)]
    for name in ("sar", "supertrend"):
        values = closing(name, closes)
        assert values["side"][29] == 1.0 > values["side"][-1] == -1.0
        assert values["value"][29] < closes[29]
        assert values["value"][-1] > closes[-1]
