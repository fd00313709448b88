"""Pairs: two instruments that drift apart are expected to come back; one leg here, the opposite one there.

    own                       other                 tilt = (own - other) / (own + other)     of the minute before
       .-^-.  tilt high          .-'-.              score = tilt in deviations from its mean
    --'     short            ---'     long
              own             `-._.-'               score >= enter: short here; the partner sees exactly
                                                    the opposite score and goes long in the same minute
    score comes back to ``leave``: both are closed

Both legs look at the same two candles, those of the minute *before* the one that asks: within a minute candles come in
an order that depends on the network.  So their scores are each other's negative, bit for bit.

Each leg is sized by its own stop, to the same risk.  A leg that is stopped out, or cannot decide because a candle is
missing, leaves the other one standing with its stop: legs do not know of each other's orders.
The first two instruments of a session are each other's partner; every further one has the first.
"""

from dataclasses import dataclass

import numpy as np

from brain.indicators.statistics import ZSCORE, zscore
from brain.indicators.volatility import ATR, atr
from brain.strategies.base import (
    HELD,
    MARKET,
    QUIET,
    REACHED,
    STOPPED,
    WARMING,
    WEAK,
    go_flat,
    hold,
    is_stopped,
    kernel,
    note,
)  # fmt: skip

PARTNER = "other"
VALUES = ("score", "tilt", "reach")
MINUTE_NS = 60_000_000_000


@dataclass(frozen=True)
class Settings:
    """Periods count candles; scores count standard deviations; distances count average true ranges."""

    period: int = 120
    enter: float = 2.0
    leave: float = 0.5  # this near to the mean it has come back
    range_period: int = 30
    stop_atr: float = 6.0

    def __post_init__(self) -> None:
        if self.period < 2 or self.range_period < 1:
            raise ValueError("period must be at least 2, range_period at least 1")
        if not 0.0 <= self.leave < self.enter or self.stop_atr <= 0.0:
            raise ValueError("enter must be above leave, leave at least 0, stop_atr above 0")


STATE = np.dtype(
    [("tilt", ZSCORE), ("reach", ATR), ("other", MARKET), ("close_before", "<f8"), ("open_ns_before", "<i8")],
    align=True,
)


@kernel
def decide(state, settings, candle, position, target):
    """Return the reason, and write the target."""
    tilt = _tilt(state, candle.open_ns - MINUTE_NS)
    state.close_before, state.open_ns_before = candle.close, candle.open_ns
    score = zscore(state.tilt, tilt, settings.period)
    reach = atr(state.reach, candle, settings.range_period)
    if score != score or reach != reach:
        return WARMING
    note(target, score, tilt, reach)
    held = target.amount
    if held * score >= -settings.leave and held != 0.0:
        go_flat(target)
        return REACHED
    if held != 0.0:
        return STOPPED if is_stopped(position, target) else HELD
    if abs(score) < settings.enter or reach <= 0.0:
        return QUIET if abs(score) < 0.5 * settings.enter else WEAK
    side = -1.0 if score > 0.0 else 1.0
    return hold(target, side, candle.close - side * settings.stop_atr * reach)


@kernel
def _tilt(state, open_ns):
    # NaN, after which the score starts again, where either candle is not there
    other = state.other
    if other.kind == 0 or other.open_ns != open_ns or state.open_ns_before != open_ns:
        return np.nan
    return (state.close_before - other.close) / (state.close_before + other.close)
