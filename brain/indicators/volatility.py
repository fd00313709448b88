"""Volatility kernels.  One candle in, one value out, O(1); the past lives in ``state``."""

import math

import numpy as np

from brain.indicators.indicator import Indicator
from shm.jit import kernel

ATR = np.dtype([("value", "<f8"), ("close_last", "<f8"), ("seen", "<i8"), ("settles", "<i8")], align=True)


@kernel
def atr(state, candle, period):
    """Wilder's average true range; NaN until ``period`` ranges were seen.

    As TA-Lib's: the first candle has no close before it, so its range does not count.
    """
    high, low, close = candle.high, candle.low, candle.close
    if not math.isfinite(high + low + close):
        state.seen, state.value = 0, 0.0
        return math.nan
    if state.seen == 0:
        # each range keeps (period-1)/period of an error: 21 periods leave 8e-10 of it
        state.settles = 21 * period + 1
        state.close_last = close
        state.seen = 1
        return math.nan
    reach = max(high, state.close_last) - min(low, state.close_last)
    state.close_last = close
    state.seen += 1
    if state.seen > period + 1:
        state.value += (reach - state.value) / period
        return state.value
    state.value += reach / period
    return state.value if state.seen == period + 1 else math.nan


@kernel
def _atr_step(state, settings, candle, _position, out):
    out.value = atr(state, candle, settings.period)
    return 0


ATR_INDICATOR = Indicator(
    name="atr",
    state=ATR,
    step=_atr_step,
    inputs=("high", "low", "close"),
    outputs=("value",),
    parameters={"period": 14},
    first=lambda period: period,
    settled=lambda period: 21 * period,
)
