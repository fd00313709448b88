"""Breakout: a close beyond the channel of the candles before it; out at the opposite side of a shorter one.

    upper ----------------.   c        the channel ends before the candle that is judged
             /\\    /\\     |  /
            /  \\  /  \\    | /         long:  c > upper + buffer
                \\/    \\__/            out:   c < the lower side of the shorter channel
    lower ----------------'            short: the same, mirrored

The buffer and the stop are average true ranges.  A channel narrower than ``width_min_atr`` of them says nothing.
"""

from dataclasses import dataclass

import numpy as np

from brain.indicators.channels import DONCHIAN, donchian
from brain.indicators.volatility import ATR, atr
from brain.strategies.base import (
    HELD,
    QUIET,
    REGIME,
    STOPPED,
    WARMING,
    WEAK,
    go_flat,
    hold,
    is_stopped,
    kernel,
    note,
)  # fmt: skip

VALUES = ("upper", "lower", "range")


@dataclass(frozen=True)
class Settings:
    """Periods count candles; distances count average true ranges."""

    channel_period: int = 30  # the channel to break
    exit_period: int = 12  # the channel to leave by
    range_period: int = 14
    buffer_atr: float = 0.1  # beyond the channel; a close in between is too weak
    width_min_atr: float = 2.0  # of the channel
    stop_atr: float = 2.5

    def __post_init__(self) -> None:
        if not 1 <= self.exit_period <= self.channel_period <= 250:
            raise ValueError("exit_period must be at least 1, channel_period no shorter than it and at most 250")
        if self.range_period < 1:
            raise ValueError("range_period must be at least 1")
        if self.stop_atr <= 0.0 or self.buffer_atr < 0.0 or self.width_min_atr < 0.0:
            raise ValueError("stop_atr must be above 0, buffer_atr and width_min_atr at least 0")


# the two pairs are the channels as they were before the newest candle
STATE = np.dtype(
    [
        *[("channel", DONCHIAN), ("way_out", DONCHIAN), ("reach", ATR)],
        *[(name, "<f8") for name in ("upper", "lower", "out_upper", "out_lower")],
    ],
    align=True,
)


@kernel
def decide(state, settings, candle, position, target):
    """Return the reason, and write the target."""
    upper, lower, out_upper, out_lower = state.upper, state.lower, state.out_upper, state.out_lower
    first = state.channel.seen == 0
    state.upper, _, state.lower = donchian(state.channel, candle, settings.channel_period)
    state.out_upper, _, state.out_lower = donchian(state.way_out, candle, settings.exit_period)
    reach = atr(state.reach, candle, settings.range_period)
    if first or upper != upper or out_upper != out_upper or reach != reach:
        return WARMING
    note(target, upper, lower, reach)
    held, close = target.amount, candle.close
    side = 1.0 if close > upper else -1.0 if close < lower else 0.0
    if side == 0.0 or side == held:
        if held != 0.0 and (close < out_lower if held > 0.0 else close > out_upper):
            return go_flat(target)
        if held != 0.0:
            return STOPPED if is_stopped(position, target) else HELD
        return QUIET
    if reach <= 0.0 or upper - lower < settings.width_min_atr * reach:
        return HELD if held != 0.0 else REGIME
    beyond = close - upper if side > 0.0 else lower - close
    if beyond < settings.buffer_atr * reach:
        return HELD if held != 0.0 else WEAK
    return hold(target, side, close - side * settings.stop_atr * reach)
