"""Swings, and the leg that breaks them: one side of the market at a time, the other side is its mirror image.

    before      |after|                      x of side UP: the high      y: the low      c: the close
         .--*--.      |                      x of side DOWN: - low       y: - high       c: - close
      .-'   |   '-.   |
    -'      |      '-.|                      so a bottom is a top of the mirrored market, and every
            p         ^ confirmed            kernel here is written once, for tops.

A top is higher than the ``before`` candles before it and no lower than the ``after`` candles behind it.
It is stamped on the last of these, the candle that confirms it: nobody knew before.  Of equal highs the
first one counts, so that a market that does not move has no swings.
"""

import math

import numpy as np

from brain.indicators.indicator import LIMIT, NEVER, Indicator, state_of
from shm.jit import inlined, kernel

PAST = 64  # before + after must stay below
_MASK = PAST - 1
_NONE = -(1 << 40)

# one side: what may become a top, the newest top, and the leg since
TURN = np.dtype(
    [
        ("past", "<f8", (PAST,)),
        ("attempt", "<f8"),
        ("attempt_at", "<i8"),
        ("level", "<f8"),
        ("level_at", "<i8"),  # _NONE: no top yet
    ],
    align=True,
)
LEG = np.dtype(
    [
        ("pit", "<f8"),  # lowest y since the newest top
        ("pit_rim", "<f8"),  # x of that candle
        ("pit_at", "<i8"),
        ("crest", "<f8"),  # highest x since the newest top, itself included
        ("whole", "<i8"),  # 1: the newest top is not broken
    ],
    align=True,
)
SWINGS = state_of(("up", TURN), ("down", TURN))


@inlined
def fits(before, after):
    """True when swings of this size can be found."""
    return 0 < after <= before + 1 and before > 0 and before + after < PAST


@inlined
def is_sound(candle):
    """True when ``candle`` has prices that can be compared."""
    return abs(candle.high) < LIMIT and abs(candle.low) < LIMIT and abs(candle.close) < LIMIT


@inlined
def turn(side, x, now, before, after):
    """True when ``x``, the input number ``now`` (from 0), confirms a top; then ``side.level`` is its price."""
    side.past[now & _MASK] = x
    if now == 0:
        side.attempt, side.attempt_at, side.level_at = x, _NONE, _NONE
        return False
    top, at = side.attempt, side.attempt_at
    # selects, not branches: which of two inputs is higher cannot be predicted
    is_higher = x > top
    # while nothing is attempted, the bar to pass is the input before
    side.attempt = x if is_higher | (at == _NONE) else top
    side.attempt_at = now if is_higher else at
    return _confirm(side, top, at, now, before) if (at + after == now) & (not is_higher) else False


@kernel
def _confirm(side, top, at, now, before):
    x = side.past[now & _MASK]
    side.attempt, side.attempt_at = x, now if x > side.past[(now - 1) & _MASK] else _NONE
    if at < before:
        return False
    for back in range(1, before + 1):
        if side.past[(at - back) & _MASK] >= top:
            return False
    side.level, side.level_at = top, at
    return True


@inlined
def leg(state, side, mirror, is_new, c, now):
    """True when close ``c`` breaks the newest top; call it after ``turn`` of both sides, with its answer.

           c breaks
     top      /        state.pit: the lowest candle of the way up, where the order block is
     .*.     /
    '   '.  /
          \\/ <- pit
    """
    if side.level_at == _NONE:
        return False
    if is_new:
        state.whole, state.crest, state.pit = 1, side.level, math.inf
        for at in range(side.level_at + 1, now):
            _dig(state, side.past[at & _MASK], -mirror.past[at & _MASK], at)
    x = side.past[now & _MASK]
    state.crest = max(state.crest, x)
    _dig(state, x, -mirror.past[now & _MASK], now)
    broke = (state.whole == 1) & (c > side.level)
    state.whole = 0 if broke else state.whole
    return broke


@inlined
def _dig(state, x, y, at):
    is_deeper = y <= state.pit
    state.pit = y if is_deeper else state.pit
    state.pit_rim = x if is_deeper else state.pit_rim
    state.pit_at = at if is_deeper else state.pit_at


@inlined
def swings(state, candle, before, after):
    """1.0 where a top is confirmed, -1.0 a bottom, 2.0 both at once, else 0.0; the levels are in ``state``; NaN before.

            *                   top: stamped +1 on the candle ``after`` candles later
           / \\      *
      \\   /   \\    / \\
       \\ /     \\  /
        *       \\/             bottom: stamped -1
    """
    if not (is_sound(candle) and fits(before, after)):
        state.seen = 0 if fits(before, after) else state.seen + 1
        state.settles = NEVER
        return math.nan
    now = state.seen
    top = turn(state.up, candle.high, now, before, after)
    bottom = turn(state.down, -candle.low, now, before, after)
    state.seen = now + 1
    if now == 0:
        state.settles = NEVER
    if (top or bottom) and state.settles == NEVER and state.up.level_at != _NONE and state.down.level_at != _NONE:
        state.settles = now + 1
    if now < before + after:
        return math.nan
    if bottom:
        return 2.0 if top else -1.0
    return 1.0 if top else 0.0


@kernel
def level_of(side):
    """The newest top of ``side``, in its own (mirrored) prices; NaN before there is one."""
    return side.level if side.level_at != _NONE else math.nan


@kernel
def _swings_step(state, settings, candle, out):
    out.event = swings(state, candle, settings.before, settings.after)
    if state.seen > 0:
        out.top, out.bottom = level_of(state.up), -level_of(state.down)


SWINGS_INDICATOR = Indicator(
    name="swings",
    title="swing tops and bottoms, stamped on the candle that confirms them",
    state=SWINGS,
    step=_swings_step,
    inputs=("high", "low"),
    outputs=("event", "top", "bottom"),
    parameters={"before": 5, "after": 5},
    first=lambda before, after: (before + after, None, None),
    settled=None,
    origin="swings of charts",
    difference="smart-money-concepts labels the top's own candle, which nobody knows before ``after`` candles later",
)
