"""Mean reversion: against a stretch from the mean, while there is no trend; out when the mean is near again.

    z
    +entry ----------.-----------   beyond: short        strength (ADX)
    +exit  ---------/-\\----------   back here: out       above strength_max there is a trend,
        0  ________/___\\___  ____                         and no new trade against it
    -exit  ----------------\\/-----
    -entry ----------------------   beyond: long

z counts standard deviations of ``mean_period`` closes from their mean: the edge of a Bollinger band is z = 2.
"""

from dataclasses import dataclass

import numpy as np

from brain.indicators.direction import ADX, adx
from brain.indicators.statistics import ZSCORE, zscore
from brain.indicators.volatility import ATR, atr
from brain.strategies.base import (
    HELD,
    QUIET,
    REACHED,
    REGIME,
    STOPPED,
    WARMING,
    go_flat,
    hold,
    is_stopped,
    kernel,
    note,
)  # fmt: skip

VALUES = ("zscore", "strength", "range")


@dataclass(frozen=True)
class Settings:
    """Periods count candles; the stop counts average true ranges."""

    mean_period: int = 20
    entry: float = 2.0  # standard deviations from the mean
    exit: float = 0.5
    strength_period: int = 14
    strength_max: float = 30.0  # ADX above it is a trend
    range_period: int = 14
    stop_atr: float = 3.0

    def __post_init__(self) -> None:
        if not 2 <= self.mean_period <= 250:
            raise ValueError("mean_period must be from 2 to 250")
        if not 0.0 <= self.exit < self.entry:
            raise ValueError("exit must be at least 0 and below entry")
        if not 1 <= self.strength_period <= 39 or self.range_period < 1:
            raise ValueError("strength_period must be from 1 to 39, range_period at least 1")
        if self.stop_atr <= 0.0 or self.strength_max <= 0.0:
            raise ValueError("stop_atr and strength_max must be above 0")


STATE = np.dtype([("mean", ZSCORE), ("strength", ADX), ("reach", ATR)], align=True)


@kernel
def decide(state, settings, candle, position, target):
    """Return the reason, and write the target."""
    stretch = zscore(state.mean, candle.close, settings.mean_period)
    strength, _, _ = adx(state.strength, candle, settings.strength_period)
    reach = atr(state.reach, candle, settings.range_period)
    if stretch != stretch or strength != strength or reach != reach:
        return WARMING
    note(target, stretch, strength, reach)
    held = target.amount
    if held != 0.0:
        if held * stretch >= -settings.exit:
            go_flat(target)
            return REACHED
        return STOPPED if is_stopped(position, target) else HELD
    if abs(stretch) < settings.entry or reach <= 0.0:
        return QUIET
    if strength > settings.strength_max:
        return REGIME
    side = -1.0 if stretch > 0.0 else 1.0
    return hold(target, side, candle.close - side * settings.stop_atr * reach)
