"""What the families share: rolling sums, moments and extremes, O(1) per input and free of drift.

total       value += newest - oldest.  At the end of each block of ``period`` inputs the sum of the block,
            which has subtracted nothing, takes its place; and when a subtraction has eaten so much that
            less than KEPT of the value is left, the window is summed again at once, at most AGAIN times
            a block.  So rounding never adds up, and a window of zeros is exactly zero.

totals,     inputs      | block: ``period`` inputs  | block in the making
moments,                |        left of it         |  so far  |
ramps and   past        |        past[slot:], from behind
extremes

            The window is what is left of the last block and the block so far.  When a block is full
            each of its slots gets the sum or extreme of itself and all after it, in place.
"""

import math

import numpy as np

from brain.indicators.indicator import LIMIT, NEVER, WINDOW, state_of
from shm.jit import fused, inlined, kernel
from shm.registers import outlined, rarely, unsettled

_PAST = ("past", "<f8", (WINDOW,))
_SLOT = ("slot", "<i8")

# 12 bits may be lost: what a sum of 256 is then wrong by is below 1e-10 of it
KEPT = 2.0**-12
AGAIN = 8

TOTAL = state_of("value", "share", "fresh", "floor", _SLOT, ("tries", "<i8"), _PAST)
_BOTH = (("ones", "<f8", (WINDOW,)), ("twos", "<f8", (WINDOW,)))
TOTALS = state_of("one", "two", _SLOT, *_BOTH)
RAMP = state_of("value", "weighted", _SLOT, _PAST, ("ramps", "<f8", (WINDOW,)))
MOMENTS = state_of("one", "two", "share", "origin", _SLOT, _PAST, *_BOTH)
EXTREMES = state_of("top", "bottom", _SLOT, ("highs", "<f8", (WINDOW,)), ("lows", "<f8", (WINDOW,)))
DELAY = state_of(_SLOT, _PAST)
TALLY = state_of("value", "rest")


@inlined
def restart(state, is_period):
    """Forget everything; NaN.  A period that does not fit is counted below 0, so that it is seen never to settle."""
    state.seen = 0 if is_period else state.seen - 1
    state.warm, state.settles = 0, NEVER
    return math.nan


@inlined
def count(state, is_sound, settles):
    """Keep the two words of a state that is made of others."""
    state.seen = state.seen + 1 if is_sound else 0
    state.settles = settles


@kernel
def _fits(state, is_sound, period, capacity):
    # whether an input of a window that is not full can be used; the first begins it
    if not (is_sound and 0 < period <= capacity):
        restart(state, 0 < period <= capacity)
        return False
    if state.seen <= 0:
        state.seen, state.settles, state.slot = 0, period, 0
    return True


@inlined
def is_odd(x):
    """Whether ``x`` is a hole: NaN, infinite or beyond LIMIT."""
    return not abs(x) < LIMIT


@inlined
def is_any_odd(high, low, close):
    """Whether one of three is a hole, or their sizes come to LIMIT: looked at together."""
    return not abs(high) + abs(low) + abs(close) < LIMIT


@inlined
def total(state, x, period):
    """Sum of the last ``period`` inputs; NaN before."""
    if unsettled(state, (state.warm == 0) | is_odd(x)):
        return _fill_total(state, x, period)
    slot = state.slot
    at = np.uint64(slot)
    value = state.value + (x - state.past[at])
    state.past[at] = x
    fresh = state.fresh + x
    slot += 1
    floor = state.floor
    if slot == period:
        slot, value, fresh, floor = 0, fresh, 0.0, 0.0
        state.tries = 0
    floor = max(floor, abs(value) * KEPT)
    if rarely(abs(value) < floor) and state.tries < AGAIN:
        value = _sum_of(state.past, period)
        floor = abs(value) * KEPT
        state.tries += 1
    state.slot, state.value, state.fresh, state.floor = slot, value, fresh, floor
    state.seen += 1
    return value


@inlined
def slide_shares(state, x, period):
    """The sum of a full window of shares (0 to 100): they are of one size, and no subtraction eats much of them.

    Somebody else has looked after the input and counts it.
    """
    slot = state.slot
    at = np.uint64(slot)
    value = state.value + (x - state.past[at])
    state.past[at] = x
    fresh = state.fresh + x
    slot += 1
    if slot == period:
        slot, value, fresh = 0, fresh, 0.0
    state.slot, state.value, state.fresh = slot, value, fresh
    return value


@outlined
def _fill_total(state, x, period):
    if not _fits(state, abs(x) < LIMIT, period, state.past.size):
        return math.nan
    if state.seen == 0:
        state.share, state.value, state.fresh, state.floor, state.tries = 1.0 / period, 0.0, 0.0, 0.0, 0
    state.past[state.seen] = x
    state.value += x
    state.seen += 1
    state.warm = state.seen // period
    return state.value if state.warm else math.nan


@kernel
def _sum_of(past, period):
    value = 0.0
    for n in range(period):
        value += past[n]
    return value


@inlined
def totals(state, x, y, period):
    """Sums of the last ``period`` of two inputs; NaN before."""
    if unsettled(state, (state.warm == 0) | is_odd(x) | is_odd(y)):
        return _fill_totals(state, x, y, period)
    state.seen += 1
    return slide_totals(state, x, y, period)


@inlined
def slide_totals(state, x, y, period):
    """The same of a full window that somebody else has looked after: sound inputs, and no counting."""
    slot = state.slot
    at = np.uint64(slot)
    state.ones[at], state.twos[at] = x, y
    one, two = state.one + x, state.two + y
    slot += 1
    if slot == period:
        slot, one, two = 0, 0.0, 0.0
        _totals_from_behind(state.ones, state.twos, period)
    state.slot, state.one, state.two = slot, one, two
    next_at = np.uint64(slot)
    return one + state.ones[next_at], two + state.twos[next_at]


@outlined
def _fill_totals(state, x, y, period):
    if not _fits(state, abs(x) < LIMIT and abs(y) < LIMIT, period, state.ones.size):
        return math.nan, math.nan
    state.ones[state.seen], state.twos[state.seen] = x, y
    state.seen += 1
    if state.seen < period:
        return math.nan, math.nan
    state.warm, state.one, state.two = 1, 0.0, 0.0
    _totals_from_behind(state.ones, state.twos, period)
    return state.ones[0], state.twos[0]


@kernel
def _totals_from_behind(ones, twos, period):
    one, two = 0.0, 0.0
    for n in range(period - 1, -1, -1):
        one += ones[n]
        two += twos[n]
        ones[n], twos[n] = one, two


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


@outlined
def _begin_ramp(state, x, period):
    state.seen = 0
    if not _fits(state, abs(x) < LIMIT, period, state.past.size):
        return math.nan, math.nan
    state.seen = 1
    state.past[0], state.ramps[0] = x, x
    state.slot, state.value, state.weighted = (1, x, x) if period > 1 else (0, 0.0, 0.0)
    return (x, x) if period == 1 else (math.nan, math.nan)


@outlined
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

    Counted from one of them, so that a price of 50,000 that moves by 0.01 keeps its digits.
    """
    if unsettled(state, (state.warm == 0) | is_odd(x)):
        return _fill_moments(state, x, period)
    state.seen += 1
    return slide_moments(state, x, period)


@inlined
def slide_moments(state, x, period):
    """The same of a full window that somebody else has looked after: a sound input, and no counting."""
    slot = state.slot
    state.past[np.uint64(slot)] = x
    off = x - state.origin
    one, two = state.one + off, fused(off, off, state.two)
    slot += 1
    if slot == period:
        slot, one, two = 0, 0.0, 0.0
        state.origin = x
        _moments_from_behind(state.past, state.ones, state.twos, period)
    state.slot, state.one, state.two = slot, one, two
    at = np.uint64(slot)
    return moments_of(one + state.ones[at], two + state.twos[at], state.share, state.origin)


@inlined
def moments_of(one, two, share, origin):
    """Mean and variance of inputs that are ``one`` and, squared, ``two`` from ``origin``."""
    mean = one * share
    # the origin is in the window: of the squares at least 1 / (2 period) is variance, and little of it is rounded off
    return origin + mean, max(fused(-mean, mean, two * share), 0.0)


@outlined
def _fill_moments(state, x, period):
    if not _fits(state, abs(x) < LIMIT, period, state.past.size):
        return math.nan, math.nan
    state.past[state.seen] = x
    state.seen += 1
    if state.seen < period:
        return math.nan, math.nan
    state.warm, state.share, state.origin, state.one, state.two = 1, 1.0 / period, x, 0.0, 0.0
    _moments_from_behind(state.past, state.ones, state.twos, period)
    return moments_of(state.ones[0], state.twos[0], state.share, x)


@kernel
def _moments_from_behind(past, ones, twos, period):
    one, two, origin = 0.0, 0.0, past[period - 1]
    for n in range(period - 1, -1, -1):
        off = past[n] - origin
        one, two = one + off, fused(off, off, two)
        ones[n], twos[n] = one, two


@inlined
def extremes(state, high, low, period):
    """Highest ``high`` and lowest ``low`` of the last ``period`` inputs; NaN before."""
    if unsettled(state, (state.warm == 0) | is_odd(high) | is_odd(low)):
        return _fill_extremes(state, high, low, period)
    state.seen += 1
    return slide_extremes(state, high, low, period)


@inlined
def slide_extremes(state, high, low, period):
    """The same of a full window that somebody else has looked after: a sound input, and no counting."""
    slot = state.slot
    at = np.uint64(slot)
    state.highs[at], state.lows[at] = high, low
    top, bottom = max(state.top, high), min(state.bottom, low)
    slot += 1
    if slot == period:
        slot, top, bottom = 0, -LIMIT, LIMIT
        look_back(state.highs, state.lows, period)
    state.slot, state.top, state.bottom = slot, top, bottom
    next_at = np.uint64(slot)
    return max(state.highs[next_at], top), min(state.lows[next_at], bottom)


@outlined
def _fill_extremes(state, high, low, period):
    if not _fits(state, abs(high) < LIMIT and abs(low) < LIMIT, period, state.highs.size):
        return math.nan, math.nan
    if state.seen == 0:
        state.top, state.bottom = -LIMIT, LIMIT
    state.highs[state.seen], state.lows[state.seen] = high, low
    state.top, state.bottom = max(state.top, high), min(state.bottom, low)
    state.seen += 1
    if state.seen < period:
        return math.nan, math.nan
    top, bottom = state.top, state.bottom
    state.warm, state.top, state.bottom = 1, -LIMIT, LIMIT
    look_back(state.highs, state.lows, period)
    return top, bottom


@kernel
def look_back(highs, lows, period):
    """Have each slot hold the extreme of itself and all after it."""
    high, low = -LIMIT, LIMIT
    for n in range(period - 1, -1, -1):
        high, low = max(highs[n], high), min(lows[n], low)
        highs[n], lows[n] = high, low


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
