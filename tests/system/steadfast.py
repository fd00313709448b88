"""A strategy that goes long at its first candle, with a stop five per cent below, and never changes its mind."""

from dataclasses import dataclass

import numpy as np

from brain.strategies.base import HELD, hold, kernel

TIMEFRAMES = ("1m",)


@dataclass(frozen=True)
class Settings:
    """Where the stop belongs, as a share of the price."""

    stop_share: float = 0.05


STATE = np.dtype([("candles", "<i8")], align=True)


@kernel
def decide(state, settings, candle, position, target):
    """Return the reason, and write the target."""
    state.candles += 1
    if target.amount != 0.0:
        return HELD
    return hold(target, 1.0, candle.close * (1.0 - settings.stop_share))
