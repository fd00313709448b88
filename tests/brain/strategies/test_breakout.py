"""Breakout: equal to the slow, obvious one; each situation has its answer; a stop is waited out."""

import numpy as np
import pytest

from brain.strategies import loader
from shm.records import Reason
from tests.brain.market import TICK_E8, recorded, walk
from tests.brain.strategies.trading import WARM, decided


def slow(candles, stopped=None, **chosen):
    """The definition over lists: reason and side of each candle after WARM."""
    made = {name: float(loader.load("breakout", chosen).settings[name][0]) for name in SETTINGS}
    period, out, n_range = (int(made[name]) for name in ("channel_period", "exit_period", "range_period"))
    high, low, close = (candles[name].tolist() for name in ("high", "low", "close"))
    reach, rows, held = None, [], 0
    ranges = [max(high[i], close[i - 1]) - min(low[i], close[i - 1]) for i in range(1, len(candles))]
    for i in range(n_range, len(candles)):
        reach = sum(ranges[:n_range]) / n_range if reach is None else reach + (ranges[i - 1] - reach) / n_range
        if i < WARM:
            continue
        upper, lower = max(high[i - period : i]), min(low[i - period : i])
        side = (close[i] > upper) - (close[i] < lower)
        far_enough = (close[i] - upper if side > 0 else lower - close[i]) >= made["buffer_atr"] * reach
        leaves = held and (close[i] < min(low[i - out : i]) if held > 0 else close[i] > max(high[i - out : i]))
        if side in (0, held):
            reason = Reason.QUIET if not held else Reason.EXIT if leaves else Reason.HELD
            if reason is Reason.HELD and stopped == (i, held):
                reason = Reason.STOPPED
        elif upper - lower < made["width_min_atr"] * reach:
            reason = Reason.HELD if held else Reason.REGIME
        elif not far_enough:
            reason = Reason.HELD if held else Reason.WEAK
        else:
            reason = Reason.LONG if side > 0 else Reason.SHORT
        held = {Reason.LONG: 1, Reason.SHORT: -1, Reason.EXIT: 0}.get(reason, held)
        rows.append((int(reason), held))
    return rows


SETTINGS = ("channel_period", "exit_period", "range_period", "buffer_atr", "width_min_atr")


@pytest.mark.parametrize(
    "chosen", [{}, {"channel_period": 10, "exit_period": 3}, {"width_min_atr": 6.0}, {"buffer_atr": 1.0}]
)
def test_it_equals_the_slow_one(chosen):
    """Every reason and side, on recorded minutes and on a walk; from the first side in common."""
    for candles in (recorded("binance_spot/BTCUSDT-1m.parquet", count=3500), walk(3500)):
        found, expected = decided("breakout", candles, **chosen), slow(candles, **chosen)
        both = list(zip(found["reason"].tolist(), np.sign(found["amount"]).tolist(), strict=True))
        assert both == expected


def test_every_refusal_occurs():
    """QUIET, WEAK and REGIME are all given on recorded minutes."""
    found = decided("breakout", recorded("binance_spot/BTCUSDT-1m.parquet", count=6000), width_min_atr=5.0)
    assert {Reason.QUIET, Reason.WEAK, Reason.REGIME} <= set(found["reason"].tolist())


def test_the_stop_is_two_and_a_half_ranges_away():
    """Below a long and above a short, whatever the range was."""
    candles = walk(3000)
    found = decided("breakout", candles)
    for reason, side in ((Reason.LONG, 1.0), (Reason.SHORT, -1.0)):
        for at in np.flatnonzero(found["reason"] == reason):
            stop = found["stop_ticks"][at] * TICK_E8 / 1e8
            away = side * (candles["close"][WARM + at] - stop)
            assert away == pytest.approx(2.5 * found["values"][at][2], abs=0.02)


def test_a_stop_is_waited_out():
    """Stopped while it holds: STOPPED, and the same side is not taken again before it was left."""
    candles = walk(2500)
    held = decided("breakout", candles)
    at = next(n for n in np.flatnonzero(held["reason"] == Reason.HELD) if n > 50)
    side = int(np.sign(held["amount"][at]))
    found = decided("breakout", candles, stopped=(WARM + at, side))
    assert found["reason"][at] == Reason.STOPPED
    assert (found["target_id"] == held["target_id"]).all()
