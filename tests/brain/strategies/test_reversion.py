"""Mean reversion: equal to the slow, obvious one; each situation has its answer."""

import math

import numpy as np
import pytest

from brain.indicators.indicator import catalogue, over
from brain.strategies import loader
from shm.records import Reason
from tests.brain.market import recorded, walk
from tests.brain.strategies.trading import WARM, decided


def slow(candles, **chosen):
    """The definition: z from the whole window each time; ADX and side as they follow."""
    made = loader.load("reversion", chosen).settings[0]
    period, close = int(made["mean_period"]), candles["close"].tolist()
    strength = over(catalogue()["adx"], candles, {"period": int(made["strength_period"])})["value"].tolist()
    rows, held = [], 0
    for i in range(WARM, len(candles)):
        window = close[i - period + 1 : i + 1]
        mean = sum(window) / period
        spread = math.sqrt(sum((value - mean) ** 2 for value in window) / period)
        z = (close[i] - mean) / spread if spread > 0.0 else 0.0
        if held:
            reason = Reason.REACHED if held * z >= -float(made["exit"]) else Reason.HELD
        elif abs(z) < float(made["entry"]):
            reason = Reason.QUIET
        elif strength[i] > float(made["strength_max"]):
            reason = Reason.REGIME
        else:
            reason = Reason.SHORT if z > 0 else Reason.LONG
        held = {Reason.LONG: 1, Reason.SHORT: -1, Reason.REACHED: 0}.get(reason, held)
        rows.append((int(reason), held))
    return rows


@pytest.mark.parametrize("chosen", [{}, {"mean_period": 50, "entry": 1.5}, {"strength_max": 15.0}, {"exit": 0.0}])
def test_it_equals_the_slow_one(chosen):
    """Every reason and side, on recorded minutes and on a walk."""
    for candles in (recorded("binance_spot/BTCUSDT-1m.parquet", count=3500), walk(3500)):
        found, expected = decided("reversion", candles, **chosen), slow(candles, **chosen)
        both = list(zip(found["reason"].tolist(), np.sign(found["amount"]).tolist(), strict=True))
        assert both == expected


def test_a_trend_is_not_traded_against():
    """A steady climb with a stretch above the mean is a trend: REGIME, never SHORT."""
    candles = walk(1400)
    line = 50_000.0 + 5.0 * np.arange(1400) + 30.0 * (np.arange(1400) % 40 == 0)
    candles["open"] = candles["close"] = line
    candles["high"], candles["low"] = line + 1.0, line - 1.0
    reasons = set(decided("reversion", candles)["reason"].tolist())
    assert Reason.REGIME in reasons
    assert not {Reason.LONG, Reason.SHORT} & reasons


def test_a_stop_is_waited_out_until_the_mean():
    """Stopped while it holds: STOPPED; the side is left when the mean is reached, and only then taken again."""
    candles = walk(2500)
    held = decided("reversion", candles)
    at = next(n for n in np.flatnonzero(held["reason"] == Reason.HELD) if n > 20)
    found = decided("reversion", candles, stopped=(WARM + at, int(np.sign(held["amount"][at]))))
    assert found["reason"][at] == Reason.STOPPED
    assert (np.delete(found["reason"], at) == np.delete(held["reason"], at)).all()


@pytest.mark.parametrize(
    "chosen", [{"mean_period": 1}, {"exit": 2.0}, {"strength_period": 40}, {"stop_atr": 0.0}, {"range_period": 0}]
)
def test_settings_that_make_no_sense_are_refused(chosen):
    """With one line that names them."""
    with pytest.raises(loader.StrategyError, match=min(chosen)):
        loader.load("reversion", chosen)
