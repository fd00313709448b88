"""Momentum kernels.  One value in, one value out, O(1); the past lives in ``state``."""

import math

import numpy as np

from brain.indicators.indicator import Indicator
from shm.jit import kernel

RSI = np.dtype(
    [("gain", "<f8"), ("loss", "<f8"), ("close_last", "<f8"), ("seen", "<i8"), ("settles", "<i8")], align=True
)


@kernel
def rsi(state, close, period):
    """Wilder's relative strength index, 0 to 100; NaN until ``period`` changes were seen.

    As TA-Lib's, except in a market that has not moved at all: there it says 0, we say 50.
    """
    if not math.isfinite(close):
        state.seen, state.gain, state.loss = 0, 0.0, 0.0
        return math.nan
    if state.seen == 0:
        # each change keeps (period-1)/period of an error: 21 periods leave 8e-10 of it
        state.settles = 21 * period + 1
        state.close_last = close
        state.seen = 1
        return math.nan
    change = close - state.close_last
    gain, loss = max(change, 0.0), max(-change, 0.0)
    state.close_last = close
    state.seen += 1
    if state.seen > period + 1:
        state.gain += (gain - state.gain) / period
        state.loss += (loss - state.loss) / period
        return _strength(state.gain, state.loss)
    state.gain += gain / period
    state.loss += loss / period
    return _strength(state.gain, state.loss) if state.seen == period + 1 else math.nan


@kernel
def _strength(gain, loss):
    # A flat market has neither: call it neutral rather than divide by zero.
    total = gain + loss
    return 100.0 * (gain / total) if total > 0.0 else 50.0


@kernel
def _rsi_step(state, settings, candle, _position, out):
    out.value = rsi(state, candle.close, settings.period)
    return 0


RSI_INDICATOR = Indicator(
    name="rsi",
    state=RSI,
    step=_rsi_step,
    inputs=("close",),
    outputs=("value",),
    parameters={"period": 14},
    first=lambda period: period,
    settled=lambda period: 21 * period,
)
