"""Trend: two averages with a dead band, against heat, with the hour's consent; stopped in ATRs.

        fast - slow
                      .---.
      band  ........./.....:...........   crossed upwards: turn up, long
         0  --------/-------:----------   inside the band nothing changes
     -band  .......:.........:.........   crossed downwards: turn down, short
            ------'           '--------   (a turn that is too hot only ends what it held)

The band is ``band_atr`` average true ranges.  A turn against the hour's trend needs
``against_hour`` times as much.  Once it has a side it stays in the market until the
opposite turn.  When the stop ends a position early it stands aside until that turn.
The side lives in target.amount, so that a restarted brain decides the same.
"""

from dataclasses import dataclass

import numpy as np

from brain.indicators.momentum import RSI, rsi
from brain.indicators.trend import EMA, ema
from brain.indicators.volatility import ATR, atr
from brain.strategies.base import FLAT, HEATED, HELD, STOPPED, WARMING, go_flat, hold, kernel, note, settled

TIMEFRAMES = ("1m", "1h")
VALUES = ("fast", "slow", "band")
LATE = ("hour_fast", "hour_slow")  # without the hours there is no bias, but there is trading


@dataclass(frozen=True)
class Settings:
    """Periods count candles; distances count average true ranges."""

    fast_period: int = 5
    slow_period: int = 13
    band_atr: float = 0.1
    against_hour: float = 2.0
    hour_fast_period: int = 6
    hour_slow_period: int = 18
    heat_period: int = 14
    heat_max: float = 80.0
    range_period: int = 14
    stop_atr: float = 3.0

    def __post_init__(self) -> None:
        if not 1 <= self.fast_period < self.slow_period:
            raise ValueError("fast_period must be at least 1 and below slow_period")
        if not 1 <= self.hour_fast_period < self.hour_slow_period:
            raise ValueError("hour_fast_period must be at least 1 and below hour_slow_period")
        if min(self.heat_period, self.range_period) < 1:
            raise ValueError("heat_period and range_period must be at least 1")
        if not 50.0 < self.heat_max <= 100.0:
            raise ValueError("heat_max must be above 50 and at most 100")
        if self.stop_atr <= 0.0 or self.band_atr < 0.0 or self.against_hour < 1.0:
            raise ValueError("stop_atr must be above 0, band_atr at least 0, against_hour at least 1")


STATE = np.dtype(
    [("fast", EMA), ("slow", EMA), ("heat", RSI), ("reach", ATR), ("hour_fast", EMA), ("hour_slow", EMA)], align=True
)


@kernel
def decide(state, settings, candle, position, target):
    """Return the reason, and write the target."""
    if candle.timeframe_s != 60:
        ema(state.hour_fast, candle.close, settings.hour_fast_period)
        ema(state.hour_slow, candle.close, settings.hour_slow_period)
        return HELD
    fast = ema(state.fast, candle.close, settings.fast_period)
    slow = ema(state.slow, candle.close, settings.slow_period)
    heat = rsi(state.heat, candle.close, settings.heat_period)
    reach = atr(state.reach, candle, settings.range_period)
    if fast != fast or slow != slow or heat != heat or reach != reach:
        return WARMING
    wanted = _turn(state, settings, fast - slow, settings.band_atr * reach)
    note(target, fast, slow, settings.band_atr * reach)
    held = target.amount
    if wanted == 0.0 or wanted == held or reach <= 0.0:
        if held == 0.0:
            return FLAT
        return STOPPED if position.stopped_side * held > 0.0 else HELD
    if wanted * (heat - 50.0) > settings.heat_max - 50.0:
        return go_flat(target) if held != 0.0 else HEATED
    return hold(target, wanted, candle.close - wanted * settings.stop_atr * reach)


@kernel
def _turn(state, settings, spread, band):
    # the side that the averages ask for, or 0.0 inside the band
    wanted = 1.0 if spread > 0.0 else -1.0
    hour = 0.0
    if settled(state.hour_fast) and settled(state.hour_slow):
        hour = state.hour_fast.value - state.hour_slow.value
    if wanted * hour < 0.0:
        band *= settings.against_hour
    return wanted if wanted * spread > band else 0.0
