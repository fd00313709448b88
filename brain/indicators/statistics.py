"""What is usual and what is not: deviation, z-score, slope, quantile, correlation.  One value in; O(1), O(log n)."""

import math

from brain.indicators.indicator import LIMIT, WINDOW, Indicator, state_of
from brain.indicators.windows import MOMENTS, RAMP, moments, ramp, restart
from shm.jit import inlined, kernel

DEVIATION = MOMENTS
ZSCORE = MOMENTS
SLOPE = RAMP
_SLOTS = [(name, "<i8", (WINDOW,)) for name in ("below", "above", "place")]
QUANTILE = state_of(("slot", "<i8"), ("below_count", "<i8"), ("past", "<f8", (WINDOW,)), *_SLOTS)
_SUMS = ("x", "y", "xx", "yy", "xy")
CORRELATION = state_of(
    *(*_SUMS, "origin_x", "origin_y", "last_x", "last_y"),
    *[(name, "<i8") for name in ("slot", "same_x", "same_y")],
    *[(name, "<f8", (WINDOW,)) for name in ("past_x", "past_y", *[f"left_{each}" for each in _SUMS])],
)


@kernel
def deviation(state, x, period):
    """Standard deviation (of the population) of the last ``period``; NaN before."""
    _, variance = moments(state, x, period)
    return math.sqrt(variance)


@kernel
def zscore(state, x, period):
    """How many standard deviations ``x`` is from the mean of the last ``period``, 0 where none moved; NaN before."""
    mean, variance = moments(state, x, period)
    if variance == 0.0:
        return 0.0
    return (x - mean) / math.sqrt(variance)


@kernel
def slope(state, x, period):
    """Steepness per candle of the straight line through the last ``period``, 0 for a ``period`` of 1; NaN before."""
    value, weighted = ramp(state, x, period)
    if period == 1:
        return 0.0 * value
    return (weighted - 0.5 * (period + 1) * value) * 12.0 / (period * (period * period - 1.0))


@kernel
def quantile(state, x, period, share):
    """The lowest of the last ``period`` that a ``share`` of them does not exceed; NaN before.

    Two heaps of slots: what lies below with the highest on top, the rest with the lowest on top.
    A new value takes the place of the oldest and sinks or rises: O(log n), and exact.
    """
    capacity = state.past.size
    if not (abs(x) < LIMIT and 0 < period <= capacity and 0.0 <= share <= 1.0):
        return restart(state, 0 < period <= capacity and 0.0 <= share <= 1.0)
    if state.seen == 0:
        state.slot, state.settles = 0, period
        # a share of 0.55 of 100 is 55 of them, whatever its last bit says
        state.below_count = min(max(math.ceil(share * period - 1e-9), 1), period)
    slot, count = state.slot, state.below_count
    state.slot = slot + 1 if slot + 1 < period else 0
    state.past[slot] = x
    state.seen += 1
    if state.seen < period:
        return math.nan
    if state.seen == period:
        _heap_up(state, count, period)
    else:
        place = state.place[slot]
        if place < count:
            _settle(state, state.below, place, count, 1.0)
        else:
            _settle(state, state.above, place - count, period - count, -1.0)
        _exchange(state, count, period)
    return state.past[state.below[0]]


@kernel
def _heap_up(state, count, period):
    for n in range(period):
        if n < count:
            state.below[n] = n
        else:
            state.above[n - count] = n
        state.place[n] = n
    for n in range(count):
        _settle(state, state.below, n, n + 1, 1.0)
    for n in range(period - count):
        _settle(state, state.above, n, n + 1, -1.0)
    while _exchange(state, count, period):
        pass


@kernel
def _exchange(state, count, period):
    # the highest below and the lowest above change sides where they are the wrong way round
    if count == period or state.past[state.below[0]] <= state.past[state.above[0]]:
        return False
    state.below[0], state.above[0] = state.above[0], state.below[0]
    _settle(state, state.below, 0, count, 1.0)
    _settle(state, state.above, 0, period - count, -1.0)
    return True


@kernel
def _settle(state, heap, n, count, sign):
    # move the slot at ``n`` to where it belongs; ``sign`` 1.0: the highest on top
    if n >= count:
        return
    shift = 0 if sign > 0.0 else state.below_count
    slot = heap[n]
    value = sign * state.past[slot]
    while n > 0 and sign * state.past[heap[(n - 1) // 2]] < value:
        heap[n] = heap[(n - 1) // 2]
        state.place[heap[n]] = n + shift
        n = (n - 1) // 2
    while 2 * n + 1 < count:
        child = 2 * n + 1
        if child + 1 < count and sign * state.past[heap[child + 1]] > sign * state.past[heap[child]]:
            child += 1
        if sign * state.past[heap[child]] <= value:
            break
        heap[n] = heap[child]
        state.place[heap[n]] = n + shift
        n = child
    heap[n] = slot
    state.place[slot] = n + shift


@kernel
def correlation(state, x, y, period):
    """Pearson's correlation of the last ``period`` pairs, -1 to 1, 0 where one of them has not moved; NaN before."""
    capacity = state.past_x.size
    if not (abs(x) < LIMIT and abs(y) < LIMIT and 0 < period <= capacity):
        return restart(state, 0 < period <= capacity)
    seen = state.seen + 1
    if seen == 1:
        state.slot, state.same_x, state.same_y, state.origin_x, state.origin_y = 0, 0, 0, x, y
    slot = state.slot
    if slot == 0:
        state.x, state.y, state.xx, state.yy, state.xy = 0.0, 0.0, 0.0, 0.0, 0.0
    state.seen, state.settles = seen, period
    state.same_x = state.same_x + 1 if x == state.last_x else 1
    state.same_y = state.same_y + 1 if y == state.last_y else 1
    state.last_x, state.last_y = x, y
    state.past_x[slot], state.past_y[slot] = x, y
    off_x, off_y = x - state.origin_x, y - state.origin_y
    state.x += off_x
    state.y += off_y
    state.xx += off_x * off_x
    state.yy += off_y * off_y
    state.xy += off_x * off_y
    state.slot = slot + 1
    if slot + 1 == period:
        state.slot, state.origin_x, state.origin_y = 0, x, y
        _correlate_from_behind(state, period)
        return _correlated(state, 0.0, 0.0, 0.0, 0.0, 0.0, period)
    if seen < period:
        return math.nan
    n = slot + 1
    return _correlated(
        state, state.left_x[n], state.left_y[n], state.left_xx[n], state.left_yy[n], state.left_xy[n], period
    )


@kernel
def _correlated(state, *given):
    x, y, xx, yy, xy, period = given
    x, y, xx, yy, xy = x + state.x, y + state.y, xx + state.xx, yy + state.yy, xy + state.xy
    if state.same_x >= period or state.same_y >= period:
        return 0.0
    spread = (xx - x * x / period) * (yy - y * y / period)
    if not spread > 0.0:
        return 0.0
    return min(max((xy - x * y / period) / math.sqrt(spread), -1.0), 1.0)


@kernel
def _correlate_from_behind(state, period):
    x, y, xx, yy, xy = 0.0, 0.0, 0.0, 0.0, 0.0
    for n in range(period - 1, -1, -1):
        off_x, off_y = state.past_x[n] - state.origin_x, state.past_y[n] - state.origin_y
        x, y = x + off_x, y + off_y
        xx, yy, xy = xx + off_x * off_x, yy + off_y * off_y, xy + off_x * off_y
        state.left_x[n], state.left_y[n] = x, y
        state.left_xx[n], state.left_yy[n], state.left_xy[n] = xx, yy, xy


@inlined
def _deviation_step(state, settings, candle, out):
    out.value = deviation(state, candle.close, settings.period)


@inlined
def _zscore_step(state, settings, candle, out):
    out.value = zscore(state, candle.close, settings.period)


@inlined
def _slope_step(state, settings, candle, out):
    out.value = slope(state, candle.close, settings.period)


@inlined
def _quantile_step(state, settings, candle, out):
    out.value = quantile(state, candle.close, settings.period, settings.share)


@inlined
def _correlation_step(state, settings, candle, out):
    out.value = correlation(state, candle.close, candle.volume, settings.period)


DEVIATION_INDICATOR = Indicator(
    name="deviation",
    title="standard deviation",
    state=DEVIATION,
    step=_deviation_step,
    parameters={"period": 20},
    first=lambda period: period - 1,
    settled=lambda period: period - 1,
    origin="TA-Lib STDDEV",
    difference="exact to 1e-9 of the price after any number of candles; TA-Lib's variance drifts",
)

ZSCORE_INDICATOR = Indicator(
    name="zscore",
    title="distance from the mean in standard deviations",
    state=ZSCORE,
    step=_zscore_step,
    parameters={"period": 20},
    first=lambda period: period - 1,
    settled=lambda period: period - 1,
    origin="of the population",
)

SLOPE_INDICATOR = Indicator(
    name="slope",
    title="slope of the regression line, per candle",
    state=SLOPE,
    step=_slope_step,
    parameters={"period": 14},
    first=lambda period: period - 1,
    settled=lambda period: period - 1,
    origin="TA-Lib LINEARREG_SLOPE",
)

QUANTILE_INDICATOR = Indicator(
    name="quantile",
    title="rolling quantile",
    state=QUANTILE,
    step=_quantile_step,
    parameters={"period": 30, "share": 0.5},
    first=lambda period, share: period - 1,
    settled=lambda period, share: period - 1,
    origin="TA-Lib PERCENTILE",
)

CORRELATION_INDICATOR = Indicator(
    name="correlation",
    title="rolling correlation of close and volume",
    state=CORRELATION,
    step=_correlation_step,
    inputs=("close", "volume"),
    parameters={"period": 30},
    first=lambda period: period - 1,
    settled=lambda period: period - 1,
    origin="TA-Lib CORREL",
)
