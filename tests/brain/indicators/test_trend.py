"""Averages: small numbers that can be checked by hand; the sweeping tests are in test_indicator.py."""

import pytest

from tests.brain.indicators.sweep import closing


def test_an_average_starts_as_a_mean_and_then_follows():
    """Closes 1 2 3 4 with period 3: nothing, nothing, 2, then half way to 4."""
    assert closing("ema", [1.0, 2.0, 3.0, 4.0], period=3)["value"][2:] == pytest.approx([2.0, 3.0])


def test_a_weighted_average_leans_to_the_newest():
    """1 2 6 with weights 1 2 3 is 23 sixths."""
    assert closing("wma", [1.0, 2.0, 6.0], period=3)["value"][2] == pytest.approx(23.0 / 6.0)


def test_a_window_of_one_is_its_value():
    """Period 1 gives every close back."""
    closes = [3.0, 1.0, 2.0]
    for name in ("sma", "ema", "wma", "dema", "tema"):
        assert closing(name, closes, period=1)["value"] == pytest.approx(closes)
