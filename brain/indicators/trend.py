"""Trend kernels.  One value in, one value out, O(1); the past lives in ``state``."""

import math

import numpy as np

from brain.indicators.indicator import Indicator
from shm.jit import kernel

EMA = np.dtype([("value", "<f8"), ("total", "<f8"), ("seen", "<i8"), ("settles", "<i8")], align=True)


@kernel
def ema(state, close, period):
    """Exponential average, seeded with the mean of the first ``period`` (as TA-Lib does); NaN before."""
    if not math.isfinite(close):
        state.seen, state.total = 0, 0.0
        return math.nan
    state.seen += 1
    if state.seen > period:
        state.value += (close - state.value) * (2.0 / (period + 1))
        return state.value
    # each step keeps (period-1)/(period+1) of an error: 11 periods leave 3e-10 of it
    state.settles = 11 * period
    state.total += close
    if state.seen < period:
        return math.nan
    state.value = state.total / period
    return state.value


@kernel
def _ema_step(state, settings, candle, _position, out):
    out.value = ema(state, candle.close, settings.period)
    return 0


EMA_INDICATOR = Indicator(
    name="ema",
    state=EMA,
    step=_ema_step,
    inputs=("close",),
    outputs=("value",),
    parameters={"period": 20},
    first=lambda period: period - 1,
    settled=lambda period: 11 * period - 1,
)
