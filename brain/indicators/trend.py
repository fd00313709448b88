"""Averages and what is made of them.  One value in, one value out, O(1); the past lives in ``state``."""

import math

from brain.indicators.indicator import LIMIT, NEVER, Indicator, state_of
from brain.indicators.windows import DELAY, RAMP, TOTAL, count, delayed, is_odd, ramp, restart, total
from shm.jit import fused, inlined, kernel
from shm.registers import outlined, unsettled

# An error fades by (period-1)/(period+1) with each input: 11 periods leave 3e-10 of it.
FADE = 11
# Wilder's fades by (period-1)/period: 21 periods leave 8e-10.
FADE_WILDER = 21

EMA = state_of("value", "rate", "keep")
WILDER = EMA
SMA = TOTAL
WMA = RAMP
DEMA = state_of(("one", EMA), ("two", EMA))
TEMA = state_of(("one", EMA), ("two", EMA), ("three", EMA))
KAMA = state_of("value", "left", "close_last", ("path", TOTAL), ("past", DELAY))
MACD = state_of(("fast", EMA), ("slow", EMA), ("signal", EMA))


@inlined
def ema(state, close, period):
    """Exponential average, seeded with the mean of the first ``period`` (as TA-Lib does); NaN before."""
    if unsettled(state, (state.warm == 0) | is_odd(close)):
        return _seed(state, close, period, 2.0 / (period + 1), FADE * period)
    state.seen += 1
    return fade(state, close * state.rate)


@inlined
def wilder(state, x, period):
    """Wilder's average: the mean of the first ``period``, then a ``period``-th of each step; NaN before."""
    if unsettled(state, (state.warm == 0) | is_odd(x)):
        return _seed(state, x, period, 1.0 / period, FADE_WILDER * period)
    state.seen += 1
    return fade(state, x * state.rate)


@inlined
def fade(state, share):
    """The average once ``share``, the newest input's part of it, is in: one operation from value to value."""
    value = fused(state.value, state.keep, share)
    state.value = value
    return value


@outlined
def _seed(state, x, period, rate, settles):
    # the mean so far, until there are ``period``
    if not abs(x) < LIMIT or period < 1:
        return restart(state, period >= 1)
    if state.seen <= 0:
        state.seen, state.value, state.rate, state.keep, state.settles = 0, 0.0, rate, 1.0 - rate, settles
    state.seen += 1
    state.value += (x - state.value) / state.seen
    state.warm = state.seen // period
    return state.value if state.warm else math.nan


@inlined
def sma(state, close, period):
    """Mean of the last ``period``; NaN before."""
    return total(state, close, period) * state.share


@inlined
def wma(state, close, period):
    """Mean of the last ``period``, the newest ``period`` times as heavy as the oldest; NaN before."""
    _, weighted = ramp(state, close, period)
    return weighted / (0.5 * period * (period + 1))


@kernel
def dema(state, close, period):
    """Twice the exponential average, less its own: half the lag; NaN for the first 2 ``period`` - 2."""
    one = ema(state.one, close, period)
    two = ema(state.two, one, period)
    count(state, abs(close) < LIMIT and period >= 1, 13 * period)
    return 2.0 * one - two


@kernel
def tema(state, close, period):
    """Three exponential averages deep: a third of the lag; NaN for the first 3 ``period`` - 3."""
    one = ema(state.one, close, period)
    two = ema(state.two, one, period)
    three = ema(state.three, two, period)
    count(state, abs(close) < LIMIT and period >= 1, 16 * period)
    return 3.0 * (one - two) + three


@kernel
def kama(state, close, period):
    """Kaufman's average: quick (2) where the way was straight, slow (30) where it was all noise; NaN before.

    How fast it forgets its start is the market's to say: it has settled when 1e-9 of the first error is left.
    """
    if not (abs(close) < LIMIT and 0 < period <= state.past.past.size):
        total(state.path, math.nan, period)
        delayed(state.past, math.nan, period)
        return restart(state, 0 < period <= state.past.past.size)
    past = delayed(state.past, close, period)
    state.seen += 1
    if state.seen == 1:
        state.close_last, state.left, state.settles = close, 1.0, NEVER
        return math.nan
    path = total(state.path, abs(close - state.close_last), period)
    if state.seen <= period:
        state.close_last = close
        return math.nan
    if state.seen == period + 1:
        state.value = state.close_last
    state.close_last = close
    way = abs(close - past)
    straight = way / path if path > way else 1.0
    rate = straight * (2.0 / 3.0 - 2.0 / 31.0) + 2.0 / 31.0
    rate *= rate
    state.value += rate * (close - state.value)
    if state.left >= 1e-9:
        state.left *= 1.0 - rate
        state.settles = state.seen if state.left < 1e-9 else state.settles
    return state.value


@inlined
def macd(state, close, fast_period, slow_period, signal_period):
    """Fast less slow average, its own average, and the difference of the two; NaN before each."""
    if unsettled(state, (state.signal.warm == 0) | is_odd(close)):
        return _begin_macd(state, close, fast_period, slow_period, signal_period)
    # the signal is the last to be defined
    line = fade(state.fast, close * state.fast.rate) - fade(state.slow, close * state.slow.rate)
    signal = fade(state.signal, line * state.signal.rate)
    state.seen += 1  # the three are not counted any further
    return line, signal, line - signal


@outlined
def _begin_macd(state, close, fast_period, slow_period, signal_period):
    # the fast average starts so that both seeds end on the same candle, as TA-Lib's do
    slower, faster = max(fast_period, slow_period), min(fast_period, slow_period)
    fast = math.nan
    if state.seen >= slower - faster or not abs(close) < LIMIT:
        fast = ema(state.fast, close, faster)
    slow = ema(state.slow, close, slower)
    line = fast - slow
    signal = ema(state.signal, line, signal_period)
    count(state, abs(close) < LIMIT and faster >= 1, FADE * (slower + signal_period))
    return line, signal, line - signal


@inlined
def _ema_step(state, settings, candle, out):
    out.value = ema(state, candle.close, settings.period)


@inlined
def _sma_step(state, settings, candle, out):
    out.value = sma(state, candle.close, settings.period)


@inlined
def _wma_step(state, settings, candle, out):
    out.value = wma(state, candle.close, settings.period)


@inlined
def _dema_step(state, settings, candle, out):
    out.value = dema(state, candle.close, settings.period)


@inlined
def _tema_step(state, settings, candle, out):
    out.value = tema(state, candle.close, settings.period)


@inlined
def _kama_step(state, settings, candle, out):
    out.value = kama(state, candle.close, settings.period)


@inlined
def _macd_step(state, settings, candle, out):
    out.line, out.signal, out.histogram = macd(
        state, candle.close, settings.fast_period, settings.slow_period, settings.signal_period
    )


SMA_INDICATOR = Indicator(
    name="sma",
    title="simple moving average",
    state=SMA,
    step=_sma_step,
    steady=True,
    parameters={"period": 20},
    first=lambda period: period - 1,
    settled=lambda period: period - 1,
    origin="TA-Lib SMA",
)

EMA_INDICATOR = Indicator(
    name="ema",
    title="exponential moving average",
    state=EMA,
    step=_ema_step,
    steady=True,
    parameters={"period": 20},
    first=lambda period: period - 1,
    settled=lambda period: FADE * period - 1,
    origin="TA-Lib EMA",
)

WMA_INDICATOR = Indicator(
    name="wma",
    title="weighted moving average",
    state=WMA,
    step=_wma_step,
    parameters={"period": 20},
    first=lambda period: period - 1,
    settled=lambda period: period - 1,
    origin="TA-Lib WMA",
)

DEMA_INDICATOR = Indicator(
    name="dema",
    title="double exponential moving average",
    state=DEMA,
    step=_dema_step,
    parameters={"period": 20},
    first=lambda period: 2 * period - 2,
    settled=lambda period: 13 * period - 1,
    origin="TA-Lib DEMA",
)

TEMA_INDICATOR = Indicator(
    name="tema",
    title="triple exponential moving average",
    state=TEMA,
    step=_tema_step,
    parameters={"period": 20},
    first=lambda period: 3 * period - 3,
    settled=lambda period: 16 * period - 1,
    origin="TA-Lib TEMA",
)

KAMA_INDICATOR = Indicator(
    name="kama",
    title="Kaufman's adaptive moving average",
    state=KAMA,
    step=_kama_step,
    parameters={"period": 10},
    first=lambda period: period,
    settled=None,
    origin="TA-Lib KAMA",
)

MACD_INDICATOR = Indicator(
    name="macd",
    title="moving average convergence and divergence",
    state=MACD,
    step=_macd_step,
    steady=True,
    outputs=("line", "signal", "histogram"),
    parameters={"fast_period": 12, "slow_period": 26, "signal_period": 9},
    first=lambda fast_period, slow_period, signal_period: (
        max(fast_period, slow_period) - 1,
        *[max(fast_period, slow_period) + signal_period - 2] * 2,
    ),
    settled=lambda fast_period, slow_period, signal_period: FADE * (max(fast_period, slow_period) + signal_period) - 1,
    origin="TA-Lib MACD",
    difference="the line is given as soon as it is defined; TA-Lib waits for the signal",
)
