"""Ensemble: five opinions, weighed by the regime; it acts when they add up and do not contradict one another.

                        followers                    contrarians
                  trend  channel  structure        stretch   heat
                      \\     |     /                    \\     /
     strength (ADX)    mean * share          +         mean * (1 - share)      = score  -1 .. 1
                     share: 0.0 in a calm market .. 1.0 in a trending one

Each opinion is between -1.0 (short) and 1.0 (long).  The agreement is the weight of those that share the score's
side, out of all that have one.
"""

from dataclasses import dataclass

import numpy as np

from brain.indicators.channels import DONCHIAN, donchian
from brain.indicators.direction import ADX, adx
from brain.indicators.momentum import RSI, rsi
from brain.indicators.statistics import ZSCORE, zscore
from brain.indicators.structure import STRUCTURE, structure
from brain.indicators.trend import EMA, ema
from brain.indicators.volatility import ATR, atr
from brain.strategies.base import (
    HELD,
    QUIET,
    SPLIT,
    STOPPED,
    WARMING,
    WEAK,
    clamp,
    go_flat,
    hold,
    is_stopped,
    kernel,
    note,
)  # fmt: skip

VALUES = ("score", "agreement", "strength")


@dataclass(frozen=True)
class Settings:
    """Periods count candles; distances count average true ranges; weights are compared with one another."""

    fast_period: int = 8
    slow_period: int = 21
    channel_period: int = 30
    swing: int = 4  # candles on both sides of a swing
    stretch_period: int = 20
    stretch_full: float = 2.0  # standard deviations that make a whole opinion
    heat_period: int = 14
    heat_full: float = 25.0  # points of the RSI from its middle that make a whole opinion
    weight_trend: float = 2.0
    weight_channel: float = 1.0
    weight_structure: float = 1.0
    weight_stretch: float = 2.0
    weight_heat: float = 1.0
    strength_period: int = 14
    strength_calm: float = 15.0  # ADX up to which only the contrarians count
    strength_trend: float = 30.0  # ADX from which only the followers count
    score_enter: float = 0.4
    score_leave: float = 0.1  # against the position
    agreement_min: float = 0.6
    range_period: int = 14
    stop_atr: float = 3.0

    def __post_init__(self) -> None:
        if not 1 <= self.fast_period < self.slow_period:
            raise ValueError("fast_period must be at least 1 and below slow_period")
        if not 2 <= self.channel_period <= 250 or not 2 <= self.stretch_period <= 250:
            raise ValueError("channel_period and stretch_period must be from 2 to 250")
        if not 1 <= self.swing <= 30 or not 1 <= self.strength_period <= 39:
            raise ValueError("swing must be from 1 to 30, strength_period from 1 to 39")
        if min(self.heat_period, self.range_period) < 1 or min(self.stretch_full, self.heat_full) <= 0.0:
            raise ValueError("heat_period and range_period must be at least 1, stretch_full and heat_full above 0")
        if min(self.weight_trend, self.weight_channel, self.weight_structure) < 0.0:
            raise ValueError("weights must be at least 0")
        if min(self.weight_stretch, self.weight_heat) < 0.0:
            raise ValueError("weights must be at least 0")
        if self.weight_trend + self.weight_channel + self.weight_structure <= 0.0:
            raise ValueError("weight_trend, weight_channel and weight_structure must not all be 0")
        if self.weight_stretch + self.weight_heat <= 0.0:
            raise ValueError("weight_stretch and weight_heat must not both be 0")
        if not 0.0 <= self.strength_calm < self.strength_trend:
            raise ValueError("strength_calm must be at least 0 and below strength_trend")
        if not 0.0 < self.score_enter <= 1.0 or not 0.0 <= self.score_leave <= 1.0:
            raise ValueError("score_enter must be above 0 and at most 1, score_leave from 0 to 1")
        if not 0.0 <= self.agreement_min <= 1.0 or self.stop_atr <= 0.0:
            raise ValueError("agreement_min must be from 0 to 1, stop_atr above 0")


STATE = np.dtype(
    [
        *[("fast", EMA), ("slow", EMA), ("channel", DONCHIAN), ("marks", STRUCTURE)],
        *[("stretch", ZSCORE), ("heat", RSI), ("strength", ADX), ("reach", ATR)],
    ],
    align=True,
)


@kernel
def decide(state, settings, candle, position, target):
    """Return the reason, and write the target."""
    close = candle.close
    fast = ema(state.fast, close, settings.fast_period)
    slow = ema(state.slow, close, settings.slow_period)
    upper, _, lower = donchian(state.channel, candle, settings.channel_period)
    structure(state.marks, candle, settings.swing, settings.swing)
    stretch = zscore(state.stretch, close, settings.stretch_period)
    heat = rsi(state.heat, close, settings.heat_period)
    strength, _, _ = adx(state.strength, candle, settings.strength_period)
    reach = atr(state.reach, candle, settings.range_period)
    if not (fast + slow + upper + lower + stretch + heat + strength + reach < np.inf):
        return WARMING
    spread = clamp((fast - slow) / reach, -1.0, 1.0) if reach > 0.0 else 0.0
    place = 2.0 * (close - lower) / (upper - lower) - 1.0 if upper > lower else 0.0
    opinions = (
        spread,
        place,
        1.0 * state.marks.trend,
        clamp(-stretch / settings.stretch_full, -1.0, 1.0),
        clamp((50.0 - heat) / settings.heat_full, -1.0, 1.0),
    )
    calm, trend = settings.strength_calm, settings.strength_trend
    share = clamp((strength - calm) / (trend - calm), 0.0, 1.0)
    score, agreement = _weigh(settings, opinions, share)
    note(target, score, agreement, strength)
    return _answer(settings, close, position, target, score, agreement, reach)


@kernel
def _weigh(settings, opinions, share):
    # (score, agreement)
    following = settings.weight_trend + settings.weight_channel + settings.weight_structure
    against = settings.weight_stretch + settings.weight_heat
    weights = (
        share * settings.weight_trend / following,
        share * settings.weight_channel / following,
        share * settings.weight_structure / following,
        (1.0 - share) * settings.weight_stretch / against,
        (1.0 - share) * settings.weight_heat / against,
    )
    score = 0.0
    for n in range(len(opinions)):
        score += weights[n] * opinions[n]
    agreed, having = 0.0, 0.0
    for n in range(len(opinions)):
        if opinions[n] != 0.0:
            having += weights[n]
            agreed += weights[n] if opinions[n] * score > 0.0 else 0.0
    return score, agreed / having if having > 0.0 else 0.0


@kernel
def _answer(settings, close, position, target, score, agreement, reach):
    held = target.amount
    if abs(score) < settings.score_enter or reach <= 0.0 or score * held > 0.0:
        if held != 0.0 and held * score <= -settings.score_leave:
            return go_flat(target)
        if held != 0.0:
            return STOPPED if is_stopped(position, target) else HELD
        return QUIET if abs(score) < 0.5 * settings.score_enter else WEAK
    if agreement < settings.agreement_min:
        return go_flat(target) if held != 0.0 else SPLIT
    side = 1.0 if score > 0.0 else -1.0
    return hold(target, side, close - side * settings.stop_atr * reach)
