"""Averages: small numbers that can be checked by hand; the sweeping tests are in test_indicator.py."""

from dataclasses import replace

import numpy as np
import pytest

from brain.indicators.indicator import walked
from brain.indicators.trend import wilder
from shm.jit import kernel
from tests.brain.indicators.oracles.plain import smoothed
from tests.brain.indicators.sweep import ALL, CUTS_ALL, closing, depends_on_the_start, flowing, sees_the_future
from tests.brain.market import walk


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


@kernel
def _wilder_step(state, settings, candle, out):
    out.value = wilder(state, candle.close, settings.period)


def test_wilders_average_is_held_to_what_all_are_held_to():
    """It is there for users, inside no indicator: equal to its oracle, blind to tomorrow, free of its start."""
    one = replace(ALL["ema"], name="wilder", step=_wilder_step)
    candles = flowing(walk(900))
    values = walked(one, candles, {"period": 14})[0]["value"]
    oracle = np.array(smoothed(candles["close"].tolist(), 14))
    assert np.array_equal(np.isnan(values), np.isnan(oracle))
    assert np.nanmax(np.abs(values - oracle)) <= 1e-9 * 50_000.0

    def function(some):
        return walked(one, some, {"period": 14})

    assert sees_the_future(function, candles, CUTS_ALL) == -1
    assert depends_on_the_start(function, candles, [17, 100, 237]) == -1
