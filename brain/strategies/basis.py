"""Basis: a perpetual that has strayed from its spot is expected to come back; the perpetual alone is traded.

    perpetual   .-^-.   basis high               basis = perpetual / spot - 1, of two closes of the same minute
    ----------'------`-.-.---------              score = basis in deviations from its mean
    spot                 `._.'  basis low
                                                 score >= enter: short the perpetual; score <= -enter: long
                                                 back within ``leave``: closed

The spot is looked at and never traded, so this is no arbitrage: what both do together is risk, and the stop's business.
A minute whose spot has not come is no opinion, and the score starts again.
"""

from dataclasses import dataclass

import numpy as np

from brain.indicators.statistics import ZSCORE, zscore
from brain.indicators.trend import SMA, sma
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

SPOT = "spot"
VALUES = ("score", "basis_ppm", "reach")
PPM = 1_000_000.0


@dataclass(frozen=True)
class Settings:
    """Periods count candles; scores count standard deviations; distances count average true ranges."""

    period: int = 120
    enter: float = 2.0
    leave: float = 0.5  # this near to the mean it has come back
    stray_ppm_min: float = 0.0  # of the price: strayed less far from its mean, it is not worth the fees
    range_period: int = 30
    stop_atr: float = 6.0

    def __post_init__(self) -> None:
        if self.period < 2 or self.range_period < 1:
            raise ValueError("period must be at least 2, range_period at least 1")
        if not 0.0 <= self.leave < self.enter or self.stop_atr <= 0.0 or self.stray_ppm_min < 0.0:
            raise ValueError("enter must be above leave, leave and stray_ppm_min at least 0, stop_atr above 0")


STATE = np.dtype([("basis", ZSCORE), ("mean", SMA), ("reach", ATR), ("spot", MARKET)], align=True)


@kernel
def decide(state, settings, candle, position, target):
    """Return the reason, and write the target."""
    basis = _basis(state.spot, candle)
    score = zscore(state.basis, basis, settings.period)
    stray = abs(basis - sma(state.mean, basis, settings.period))
    reach = atr(state.reach, candle, settings.range_period)
    if score != score or reach != reach:
        return WARMING
    note(target, score, basis * PPM, reach)
    held = target.amount
    if held * score >= -settings.leave and held != 0.0:
        go_flat(target)
        return REACHED
    if held != 0.0:
        return STOPPED if is_stopped(position, target) else HELD
    if abs(score) < settings.enter or stray * PPM < settings.stray_ppm_min or reach <= 0.0:
        return QUIET if abs(score) < 0.5 * settings.enter else WEAK
    side = -1.0 if score > 0.0 else 1.0
    return hold(target, side, candle.close - side * settings.stop_atr * reach)


@kernel
def _basis(spot, candle):
    # NaN, after which the score starts again, where the spot's minute is not there
    if spot.kind == 0 or spot.open_ns != candle.open_ns or spot.close <= 0.0:
        return np.nan
    return candle.close / spot.close - 1.0
