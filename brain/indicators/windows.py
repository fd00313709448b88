"""What the families share: rolling sums, moments and extremes, O(1) per input and free of drift.

    inputs      | block: ``period`` inputs  | block in the making
                |        left of it         |  so far  |
    past        |        past[slot:], summed from behind

The window's sum is what is left of the last block plus the block so far: two additions and no
subtraction, so nothing ever has to be taken out again, rounding never adds up and a window of
zeros is exactly zero.  When a block is full it is summed from behind, in place: one more addition
an input.  Highest and lowest go the same way.
"""

import math

from brain.indicators.indicator import LIMIT, NEVER, WINDOW, state_of
from shm.jit import inlined, kernel

_PAST = ("past", "<f8", (WINDOW,))
_SLOT = ("slot", "<i8")

TOTAL = state_of("value", "share", _SLOT, _PAST)
RAMP = state_of("value", "weighted", _SLOT, _PAST, ("ramps", "<f8", (WINDOW,)))
MOMENTS = state_of(
    *("one", "two", "share", "origin", "last"),
    *[("same", "<i8"), _SLOT, _PAST, ("ones", "<f8", (WINDOW,)), ("twos", "<f8", (WINDOW,))],
)
EXTREMES = state_of("top", "bottom", _SLOT, ("highs", "<f8", (WINDOW,)), ("lows", "<f8", (WINDOW,)))
DELAY = state_of(_SLOT, _PAST)
TALLY = state_of("value", "rest")


@inlined
def restart(state, is_period):
    """Forget everything; NaN.  A period that does not fit is counted below 0, so that it is seen never to settle."""
    state.seen = 0 if is_period else state.seen - 1
    state.settles = NEVER
    return math.nan


@inlined
def count(state, is_sound, settles):
    """Keep the two words of a state that is made of others."""
    state.seen = state.seen + 1 if is_sound else 0
    state.settles = settles


@kernel
def _begin(state, is_sound, period, capacity):
    # the first input, or one that cannot be used; True when it can
    if not (is_sound and 0 < period <= capacity):
        restart(state, 0 < period <= capacity)
        return False
    state.seen, state.settles, state.slot = 1, period, 0
    return True


@inlined
def total(state, x, period):
    """Sum of the last ``period`` inputs; NaN before."""
    seen = state.seen + 1
    if seen < 2 or not abs(x) < LIMIT:
        return _begin_total(state, x, period)
    slot = state.slot
    value = state.value + x
    state.seen = seen
    state.past[slot] = x
    slot += 1
    if slot == period:
        state.slot, state.value = 0, 0.0
        _sum_from_behind(state, period)
        return value
    state.slot, state.value = slot, value
    return value + state.past[slot] if seen >= period else math.nan


@kernel
def _begin_total(state, x, period):
    if not _begin(state, abs(x) < LIMIT, period, state.past.size):
        return math.nan
    state.share, state.past[0] = 1.0 / period, x
    state.slot, state.value = (1, x) if period > 1 else (0, 0.0)
    return x if period == 1 else math.nan


@kernel
def _sum_from_behind(state, period):
    value = 0.0
    for n in range(period - 1, -1, -1):
        value += state.past[n]
        state.past[n] = value


@inlined
def ramp(state, x, period):
    """Sum of the last ``period`` inputs, and their sum weighted 1 (oldest) to ``period`` (newest); NaN before."""
    seen = state.seen + 1
    if seen < 2 or not abs(x) < LIMIT:
        return _begin_ramp(state, x, period)
    slot = state.slot
    state.past[slot] = x
    slot += 1
    value = state.value + x
    weighted = state.weighted + slot * x
    state.seen = seen
    if slot == period:
        state.slot, state.value, state.weighted = 0, 0.0, 0.0
        _ramp_from_behind(state, period)
        return value, weighted
    state.slot, state.value, state.weighted = slot, value, weighted
    if seen < period:
        return math.nan, math.nan
    return value + state.past[slot], weighted + (period - slot) * value + state.ramps[slot]


@kernel
def _begin_ramp(state, x, period):
    if not _begin(state, abs(x) < LIMIT, period, state.past.size):
        return math.nan, math.nan
    state.past[0], state.ramps[0] = x, x
    state.slot, state.value, state.weighted = (1, x, x) if period > 1 else (0, 0.0, 0.0)
    return (x, x) if period == 1 else (math.nan, math.nan)


@kernel
def _ramp_from_behind(state, period):
    # one step further from the end every weight is one more: that adds the sum itself
    value, weighted = 0.0, 0.0
    for n in range(period - 1, -1, -1):
        value += state.past[n]
        weighted += value
        state.past[n], state.ramps[n] = value, weighted


@inlined
def moments(state, x, period):
    """Mean and variance (of the population) of the last ``period`` inputs; NaN before.

    Counted from an origin that moves with the market, so that a price of 50,000 that moves by 0.01 keeps its digits.
    """
    seen = state.seen + 1
    if seen < 2 or not abs(x) < LIMIT:
        return _begin_moments(state, x, period)
    slot, origin, share = state.slot, state.origin, state.share
    off = x - origin
    one, two = state.one + off, state.two + off * off
    same = state.same + 1 if x == state.last else 1
    state.same, state.last, state.seen = same, x, seen
    state.past[slot] = x
    slot += 1
    if slot == period:
        state.slot, state.one, state.two, state.origin = 0, 0.0, 0.0, x
        _moments_from_behind(state, x, period)
    else:
        state.slot, state.one, state.two = slot, one, two
        if seen < period:
            return math.nan, math.nan
        one += state.ones[slot]
        two += state.twos[slot]
    mean = one * share
    variance = two * share - mean * mean
    # what has not moved at all has no variance, whatever the rounding says
    return origin + mean, variance if variance > 0.0 and same < period else 0.0


@kernel
def _begin_moments(state, x, period):
    if not _begin(state, abs(x) < LIMIT, period, state.past.size):
        return math.nan, math.nan
    state.share, state.past[0], state.origin, state.last, state.same = 1.0 / period, x, x, x, 1
    state.slot, state.one, state.two = (1 if period > 1 else 0), 0.0, 0.0
    return (x, 0.0) if period == 1 else (math.nan, math.nan)


@kernel
def _moments_from_behind(state, origin, period):
    one, two = 0.0, 0.0
    for n in range(period - 1, -1, -1):
        off = state.past[n] - origin
        one += off
        two += off * off
        state.ones[n], state.twos[n] = one, two


@inlined
def extremes(state, high, low, period):
    """Highest ``high`` and lowest ``low`` of the last ``period`` inputs; NaN before."""
    seen = state.seen + 1
    if seen < 2 or not (abs(high) < LIMIT and abs(low) < LIMIT):
        return _begin_extremes(state, high, low, period)
    slot = state.slot
    top, bottom = max(state.top, high), min(state.bottom, low)
    state.highs[slot] = high
    state.lows[slot] = low
    slot += 1
    state.seen = seen
    if slot == period:
        state.slot, state.top, state.bottom = 0, -LIMIT, LIMIT
        _look_back(state, period)
        return top, bottom
    state.slot, state.top, state.bottom = slot, top, bottom
    if seen < period:
        return math.nan, math.nan
    return max(state.highs[slot], top), min(state.lows[slot], bottom)


@kernel
def _begin_extremes(state, high, low, period):
    if not _begin(state, abs(high) < LIMIT and abs(low) < LIMIT, period, state.highs.size):
        return math.nan, math.nan
    state.highs[0], state.lows[0] = high, low
    state.slot, state.top, state.bottom = (1, high, low) if period > 1 else (0, -LIMIT, LIMIT)
    return (high, low) if period == 1 else (math.nan, math.nan)


@kernel
def _look_back(state, period):
    # from now on each slot holds the extreme of itself and all after it
    high, low = -LIMIT, LIMIT
    for n in range(period - 1, -1, -1):
        high, low = max(state.highs[n], high), min(state.lows[n], low)
        state.highs[n], state.lows[n] = high, low


@inlined
def delayed(state, x, period):
    """The input ``period`` inputs ago; NaN before."""
    if not (abs(x) < LIMIT and 0 < period <= state.past.size):
        return restart(state, 0 < period <= state.past.size)
    seen = state.seen
    slot = state.slot if seen > 0 else 0
    state.settles = period + 1
    old = state.past[slot]
    state.past[slot] = x
    state.slot = slot + 1 if slot + 1 < period else 0
    state.seen = seen + 1
    return old if seen >= period else math.nan


@inlined
def tally(state, x):
    """Sum of all inputs, with what rounding took kept beside it."""
    if not abs(x) < LIMIT:
        return restart(state, True)
    if state.seen == 0:
        state.value, state.rest, state.settles = 0.0, 0.0, 1
    state.seen += 1
    before = state.value
    after = before + x
    added = after - before
    state.rest += (before - (after - added)) + (x - added)
    state.value = after
    return after + state.rest


_LN_2 = 0.6931471805599453


@kernel
def ln(x):
    """Natural logarithm of a finite number above 0: by + - * / alone, the same on every processor."""
    halvings = 0
    while x > 1.4142135623730951:
        x *= 0.5
        halvings += 1
    while x < 0.7071067811865476:
        x *= 2.0
        halvings -= 1
    # 2 artanh((x - 1) / (x + 1)); |s| < 0.172, so that the first term left out is below 1e-19
    s = (x - 1.0) / (x + 1.0)
    square = s * s
    series = 0.0
    for odd in range(23, 0, -2):
        series = series * square + 1.0 / odd
    return 2.0 * s * series + halvings * _LN_2


@kernel
def volatility_of(mean_square):
    """Square root of what rounding may have pushed below 0."""
    return math.sqrt(max(mean_square, 0.0)) if mean_square == mean_square else math.nan
