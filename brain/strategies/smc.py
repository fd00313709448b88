"""Smart money concepts: points for and against, from tight structure in calm markets and wide in trending ones.

    regime (ADX)   calm ------------ trending      longer timeframe: its structure's trend
                   tight             wide              |
                     \\               /                |
                      structure, sweep, block, gap, discount, bias
                      ----------------------------------------- weights
                                   score  -1 .. 1

                   stop: behind the block that holds it, else the last swing, within limits

Each point is +1 for long, -1 for short or 0: where the structure went last; whose liquidity was swept lately;
which order block or fair value gap the candle came back to; discount or premium; the longer timeframe's trend.
"""

from dataclasses import dataclass

import numpy as np

from brain.indicators.direction import ADX, adx
from brain.indicators.structure import SMC, STRUCTURE, smc, structure
from brain.indicators.volatility import ATR, atr
from brain.indicators.zones import comes_back
from brain.strategies.base import (
    BIAS,
    HELD,
    QUIET,
    STOPPED,
    WARMING,
    WEAK,
    clamp,
    go_flat,
    hold,
    is_stopped,
    kernel,
    note,
    settled,
)  # fmt: skip

TIMEFRAMES = ("1m", "15m")
VALUES = ("score", "strength", "premium")
LATE = ("longer",)  # without it there is no bias, but there is trading


@dataclass(frozen=True)
class Settings:
    """Sizes and ages count candles; distances count average true ranges; weights are compared with one another."""

    tight: int = 3  # candles on both sides of a swing
    wide: int = 9
    longer: int = 2  # of the longer timeframe
    age: int = 240  # candles after which a block, a gap or a pool is forgotten
    strength_period: int = 14
    strength_trend: float = 25.0  # ADX from which the wide structure counts
    sweep_fresh: int = 10  # candles for which a sweep counts
    weight_structure: float = 3.0
    weight_bias: float = 2.0
    weight_sweep: float = 2.0
    weight_block: float = 2.0
    weight_gap: float = 1.0
    weight_premium: float = 1.0
    score_enter: float = 0.5  # share of all weights
    score_leave: float = 0.2  # against the position
    range_period: int = 14
    stop_behind_atr: float = 0.5
    stop_atr_min: float = 1.5
    stop_atr_max: float = 4.0

    def __post_init__(self) -> None:
        if not 1 <= self.tight <= self.wide <= 30 or not 1 <= self.longer <= 30:
            raise ValueError("tight must be at least 1, wide no smaller than it and at most 30, longer from 1 to 30")
        if not 1 <= self.sweep_fresh <= self.age <= 600:
            raise ValueError("sweep_fresh must be at least 1, age no shorter than it and at most 600")
        if not 1 <= self.strength_period <= 39 or self.range_period < 1:
            raise ValueError("strength_period must be from 1 to 39, range_period at least 1")
        weights = (self.weight_structure, self.weight_bias, self.weight_sweep, self.weight_block, self.weight_gap)
        if min(*weights, self.weight_premium) < 0.0 or sum(weights) <= 0.0:
            raise ValueError("weights must be at least 0, and not all of them 0")
        if not 0.0 < self.score_enter <= 1.0 or not 0.0 <= self.score_leave <= 1.0:
            raise ValueError("score_enter must be above 0 and at most 1, score_leave from 0 to 1")
        if not 0.0 < self.stop_atr_min <= self.stop_atr_max or self.stop_behind_atr < 0.0:
            raise ValueError("stop_atr_min must be above 0, stop_atr_max no less, stop_behind_atr at least 0")


# who swept last on each structure, and how many candles ago
STATE = np.dtype(
    [
        *[("tight", SMC), ("wide", SMC), ("longer", STRUCTURE), ("strength", ADX), ("reach", ATR)],
        *[("swept", "<f8", (2,)), ("swept_age", "<i8", (2,))],
    ],
    align=True,
)


@kernel
def decide(state, settings, candle, position, target):
    """Return the reason, and write the target."""
    if candle.timeframe_s != 60:
        structure(state.longer, candle, settings.longer, settings.longer)
        return HELD
    _, _, tight_swept, tight_share = smc(state.tight, candle, settings.tight, settings.tight, settings.age)
    _, _, wide_swept, wide_share = smc(state.wide, candle, settings.wide, settings.wide, settings.age)
    _remember(state, settings, 0, tight_swept)
    _remember(state, settings, 1, wide_swept)
    strength, _, _ = adx(state.strength, candle, settings.strength_period)
    reach = atr(state.reach, candle, settings.range_period)
    if strength != strength or reach != reach or tight_share != tight_share or wide_share != wide_share:
        return WARMING
    bias = state.longer.trend * 1.0 if settled(state.longer) else 0.0
    if strength < settings.strength_trend:
        score = _score(state.tight, settings, candle, tight_share, state.swept[0], bias)
        note(target, score, strength, tight_share)
        return _answer(state.tight, settings, candle, position, target, score, bias, reach)
    score = _score(state.wide, settings, candle, wide_share, state.swept[1], bias)
    note(target, score, strength, wide_share)
    return _answer(state.wide, settings, candle, position, target, score, bias, reach)


@kernel
def _remember(state, settings, which, swept):
    # a sweep counts until a newer one, or until it is stale
    state.swept_age[which] += 1
    if swept > 0.0 or swept < 0.0:
        state.swept[which], state.swept_age[which] = 1.0 if swept > 0.0 else -1.0, 0
    elif state.swept_age[which] >= settings.sweep_fresh:
        state.swept[which] = 0.0


@kernel
def _score(marks, settings, candle, share, swept, bias):
    block = comes_back(marks.bullish, candle.low, candle.close) - comes_back(marks.bearish, -candle.high, -candle.close)
    gap = comes_back(marks.gaps.bullish, candle.low, candle.close) - comes_back(
        marks.gaps.bearish, -candle.high, -candle.close
    )
    points = settings.weight_structure * marks.structure.trend + settings.weight_bias * bias
    points += settings.weight_sweep * swept + settings.weight_block * block + settings.weight_gap * gap
    points += settings.weight_premium * (1.0 - 2.0 * share)
    weights = settings.weight_structure + settings.weight_bias + settings.weight_sweep
    return points / (weights + settings.weight_block + settings.weight_gap + settings.weight_premium)


@kernel
def _answer(marks, settings, candle, position, target, score, bias, reach):
    held = target.amount
    if held != 0.0 and held * score <= -settings.score_leave and abs(score) < settings.score_enter:
        return go_flat(target)
    if abs(score) < settings.score_enter or reach <= 0.0 or score * held > 0.0:
        if held != 0.0:
            return STOPPED if is_stopped(position, target) else HELD
        return QUIET if abs(score) < 0.5 * settings.score_enter else WEAK
    side = 1.0 if score > 0.0 else -1.0
    if side * bias < 0.0:
        return go_flat(target) if held != 0.0 else BIAS
    return hold(target, side, _stop(marks, settings, candle.close, side, reach))


@kernel
def _stop(marks, settings, close, side, reach):
    # behind the block, else behind the last swing
    if side > 0.0:
        behind = marks.bullish.edge if marks.bullish.alive > 0 else -marks.structure.swing.down.level
    else:
        behind = -marks.bearish.edge if marks.bearish.alive > 0 else marks.structure.swing.up.level
    away = side * (close - behind) + settings.stop_behind_atr * reach
    return close - side * clamp(away, settings.stop_atr_min * reach, settings.stop_atr_max * reach)
